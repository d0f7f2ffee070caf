//! What `fuzz` found, for people.

use super::cross_check::{divergence, totals};
use super::{repeat, stacked};
use crate::report::fuzz::{Divergence, Fuzzed, Sweep};
use crate::report::repeat as again;
use crate::report::units::{counted, rate};

/// Each divergence, what was left out, and how many cases there were.
pub fn fuzz(fuzzed: &Fuzzed) -> String {
    let found = fuzzed.found.iter();
    let rest = [
        left_out(fuzzed),
        fuzzed.sweeps.iter().map(sweep).collect(),
        totals(fuzzed.totals),
    ];
    stacked(
        found
            .map(|found| differ(found, fuzzed.processors))
            .chain(rest),
    )
}

fn sweep(sweep: &Sweep) -> String {
    format!(
        "{} as {}: {}, {}\n",
        sweep.on,
        sweep.personality,
        counted(sweep.cases, "case"),
        rate(sweep.cases, sweep.seconds)
    )
}

/// Where a backend and the model part, and how to see it again.
fn differ(divergent: &Divergence, processors: u32) -> String {
    let (on, personality, found) = (&divergent.on, divergent.personality, &divergent.found);
    let mut words = format!(
        "differ  {} on {on} as {personality}, seed {}, {}\n",
        divergent.file.display(),
        found.seed,
        counted(divergent.times, "time")
    );
    words += &divergence(on, personality, &found.refusal);
    if !found.again {
        words += "  it did not come again with the same turns: this is the whole case\n";
    }
    let command = again::cross_check(&divergent.file, on, personality, None, processors);
    format!("{words}{}\n\n", repeat(&command))
}

/// Nothing is left out in silence.
fn left_out(fuzzed: &Fuzzed) -> String {
    let mut words = String::new();
    for of_one in fuzzed
        .left_out
        .chunk_by(|one, next| (&one.on, one.personality) == (&next.on, next.personality))
    {
        words += &format!(
            "not drawn for {} as {}: {} of operation; --json gives each with its reason\n",
            of_one[0].on,
            of_one[0].personality,
            counted(of_one.len() as u64, "kind"),
        );
    }
    for reason in &fuzzed.reasons {
        let file = reason.file.as_ref();
        let file = file.map_or_else(String::new, |file| format!(": {}", file.display()));
        words += &format!(
            "{} on {}: {}\n  {}, the first is seed {}{}\n",
            reason.without.name(),
            reason.on,
            reason.why,
            counted(reason.cases, "case"),
            reason.seed,
            file
        );
    }
    if !words.is_empty() {
        words.push('\n');
    }
    words
}

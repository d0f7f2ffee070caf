//! What `run` found, for people.

use super::{repeat, stacked, table, unsupported, wrong};
use crate::report::exit::Exit;
use crate::report::repeat as again;
use crate::report::run::{Run, Runs};
use crate::report::units::counted;
use crate::report::verdict::Verdict;
use crate::run::Ended;
use crate::trace::lanes::{Lanes, Layout};

/// The lanes of a run, and what became of it.
pub fn one(run: &Run, layout: Layout) -> String {
    let Ok(ran) = &run.ran else {
        return String::new();
    };
    if ran.ended == Ended::Stopped {
        return summary(run) + "\n";
    }
    let scenario = &run.scenario;
    let lanes = Lanes::of(&scenario.names, &scenario.program, &ran.events);
    let lanes = lanes.changing(&ran.changes).text(layout);
    let wrong = wrong(&ran.culprit, &ran.held, &scenario.names);
    stacked([lanes, wrong, format!("\n{}", summary(run))])
}

/// What one does without: why there is no run, or how to see once more what nobody expected.
pub fn notes(run: &Run) -> Vec<String> {
    match &run.ran {
        Err(why) => vec![unsupported(&run.scenario.name, "as", run.personality, why)],
        Ok(_) if run.exit() == Exit::Unexpected => vec![repeat(&again::run(run))],
        Ok(_) => Vec::new(),
    }
}

/// One of several runs is told of only if nobody expected it.
pub fn notes_on_one_of_several(run: &Run) -> Vec<String> {
    match run.exit() {
        Exit::Unexpected => vec![summary(run), repeat(&again::run(run))],
        _ => Vec::new(),
    }
}

/// How many runs of each verdict.
pub fn several(runs: &Runs) -> String {
    let mut rows = Vec::new();
    for verdict in [Verdict::Pass, Verdict::Violation, Verdict::Partial] {
        let number = runs.count(verdict);
        if number > 0 {
            rows.push(vec![verdict.name().to_owned(), counted(number, "run")]);
        }
    }
    table(&rows)
}

/// How far several runs came.
pub fn notes_on_several(runs: &Runs) -> Vec<String> {
    match runs.complete() {
        true => Vec::new(),
        false => vec![format!(
            "stopped after {} of {} seeds",
            runs.count_all(),
            runs.seeds
        )],
    }
}

fn summary(run: &Run) -> String {
    let mut words = format!(
        "{} as {}, seed {}: {}",
        run.scenario.name,
        run.personality,
        run.seed,
        run.verdict().name()
    );
    if let Some(violation) = run.violation() {
        words += &format!(" of {violation}");
        if run.as_expected() == Some(true) {
            words += ", as expected";
        }
    }
    if let Some(why) = run.why() {
        words += &format!(": {why}");
    }
    words += &format!(" after {}", counted(run.steps(), "step"));
    let parked = run.parked();
    if !parked.is_empty() {
        words += &format!("; inside a call: {}", parked.join(", "));
    }
    words
}

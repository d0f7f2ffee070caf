//! What `cross-check` found, for people.

use super::{cited, repeat, stacked, table};
use crate::admit::Refusal;
use crate::cross_check::{Comparison, Verdict};
use crate::report::cross_check::CrossCheck;
use crate::report::repeat as again;
use crate::report::totals::Totals;
use crate::trace::lanes::{Lanes, Layout};

/// How many scenarios are named for one reason.
const NAMED_MAX: usize = 5;

/// Where backends and the model part, a matrix of all verdicts, and what was left out.
pub fn cross_check(cross_check: &CrossCheck, layout: Layout) -> String {
    let differ = cross_check.comparisons.iter().filter_map(|comparison| {
        let Verdict::Differ(refusal) = &comparison.verdict else {
            return None;
        };
        differ(cross_check, comparison, refusal, layout)
    });
    let rest = [
        matrix(cross_check),
        left_out(&cross_check.comparisons),
        totals(cross_check.totals()),
    ];
    stacked(differ.chain(rest))
}

/// Where a backend and the model part.
fn differ(
    cross_check: &CrossCheck,
    comparison: &Comparison,
    refusal: &Refusal,
    layout: Layout,
) -> Option<String> {
    let of = |name: &String| *name == comparison.scenario;
    let mut scenarios = cross_check.scenarios.iter();
    let scenario = scenarios.find(|scenario| of(&scenario.name))?;
    let upto = (refusal.at as usize).min(comparison.events.len());
    let (on, personality) = (&comparison.on, &comparison.personality);
    let mut words = format!(
        "differ  {} on {on} as {personality}, seed {}\n",
        comparison.scenario, comparison.seed
    );
    let shown = &comparison.events[..upto];
    words += &Lanes::of(&scenario.names, &scenario.program, shown).text(layout);
    words += &divergence(on, personality, refusal);
    words += &repeat(&again::cross_check(
        &scenario.file,
        on,
        personality,
        Some(comparison.seed),
        cross_check.processors,
    ));
    Some(words)
}

/// What a backend shows, and what the model allows instead.
pub fn divergence(on: &str, personality: &str, refusal: &Refusal) -> String {
    let mut words = format!("at event {}:\n  {on} shows  {}\n", refusal.at, refusal.saw);
    for allowed in &refusal.allowed {
        words += &format!("  the model of {personality} allows  {allowed}\n");
    }
    for line in cited(refusal).lines().skip(1) {
        words += &format!("{line}\n");
    }
    words
}

/// One row a scenario, one column a backend and its judge.
fn matrix(cross_check: &CrossCheck) -> String {
    let columns = cross_check.pairs.iter();
    let head = columns.map(|(on, personality)| format!("{on} as {personality}"));
    let mut rows = vec![
        ["scenario".to_owned()]
            .into_iter()
            .chain(head)
            .collect::<Vec<_>>(),
    ];
    for scenario in &cross_check.scenarios {
        let mut row = vec![scenario.name.clone()];
        for (on, personality) in &cross_check.pairs {
            let own = |comparison: &&Comparison| {
                comparison.scenario == scenario.name
                    && comparison.on == *on
                    && comparison.personality == *personality
            };
            let own: Vec<_> = cross_check.comparisons.iter().filter(own).collect();
            row.push(cell(&own));
        }
        // What is left out entirely is counted below.
        if row[1..].iter().any(|cell| cell != "-") {
            rows.push(row);
        }
    }
    match rows.len() {
        1 => String::new(),
        _ => table(&rows),
    }
}

/// One cell of the matrix: all seeds together.
fn cell(comparisons: &[&Comparison]) -> String {
    let of = |is: fn(&Verdict) -> bool| {
        let verdicts = comparisons.iter().map(|comparison| &comparison.verdict);
        verdicts.filter(|verdict| is(verdict)).count()
    };
    let agree = of(|verdict| matches!(verdict, Verdict::Agree(_)));
    let differ = of(|verdict| matches!(verdict, Verdict::Differ(_)));
    let unavailable = of(|verdict| matches!(verdict, Verdict::Unavailable(_)));
    let words = match (agree, differ) {
        (0, 0) if unavailable > 0 => "unavailable".to_owned(),
        (0, 0) => "-".to_owned(),
        (1, 0) => "agree".to_owned(),
        (0, 1) => "differ".to_owned(),
        (agree, 0) => format!("agree, {agree} seeds"),
        (agree, differ) => format!("differ, {differ} of {} seeds", agree + differ),
    };
    match of(|verdict| matches!(verdict, Verdict::Agree(Some(_)))) {
        0 => words,
        1 => words + ", as far as it went",
        early => words + &format!(", {early} as far as they went"),
    }
}

/// Nothing is left out in silence.
fn left_out(comparisons: &[Comparison]) -> String {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for comparison in comparisons {
        let (word, why) = match &comparison.verdict {
            Verdict::Agree(Some(why)) => ("ended early", why),
            Verdict::Unsupported(why) => ("unsupported", why),
            Verdict::Unavailable(why) => ("unavailable", why),
            Verdict::Agree(None) | Verdict::Differ(_) => continue,
        };
        let (on, personality) = (&comparison.on, &comparison.personality);
        let reason = format!("{word} on {on} as {personality}: {why}");
        let scenario = comparison.scenario.as_str();
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            // The seeds of one scenario follow each other.
            Some((_, scenarios)) if scenarios.last() == Some(&scenario) => {}
            Some((_, scenarios)) => scenarios.push(scenario),
            None => reasons.push((reason, vec![scenario])),
        }
    }
    let mut words = String::new();
    for (reason, scenarios) in reasons {
        let shown = scenarios.len().min(NAMED_MAX);
        let more = match scenarios.len() - shown {
            0 => String::new(),
            more => format!(" and {more} more, which --json names"),
        };
        let named = scenarios[..shown].join(", ");
        words += &format!("\n{reason} ({})\n  {named}{more}\n", scenarios.len());
    }
    words
}

/// How many of each verdict.
pub fn totals(totals: Totals) -> String {
    let Totals {
        agree,
        differ,
        unsupported,
        unavailable,
    } = totals;
    format!(
        "\n{agree} agree, {differ} differ, {unsupported} unsupported, {unavailable} unavailable"
    )
}

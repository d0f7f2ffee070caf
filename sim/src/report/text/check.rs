//! What `check` found, for people.

use portsim_model::property::Violation;

use super::covered::covered;
use super::record::confirmed as confirmed_on;
use super::{repeat, stacked, wrong};
use crate::check::Found;
use crate::report::check::{Check, Checks, Explored, Method, Walk};
use crate::report::repeat as again;
use crate::report::repeat::shell;
use crate::report::units::{count, counted, rate, seconds};
use crate::report::verdict::{Verdict, expected};
use crate::trace::lanes::{Lanes, Layout};

/// Smaller odds that a state was taken for another are told only to machines.
const ODDS_TOLD: f64 = 1e-9;

/// The verdict on one scenario, and the counterexample where it is to be shown.
pub fn one(check: &Check, layout: Layout) -> String {
    let more = match &check.method {
        Method::Unsupported(_) => String::new(),
        Method::Explored(explored) if is_shown(check) => counterexample(check, explored, layout),
        Method::Explored(_) => String::new(),
        Method::Walked(walk) => coverage(check, walk),
    };
    let confirmed = check.confirmed().iter();
    let confirmed = confirmed.map(|it| format!("on {}\n", confirmed_on(it)));
    stacked([verdict(check), more, confirmed.collect()])
}

/// Where the search is kept, and how to see again what it found.
pub fn notes(check: &Check) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(explored) = check.explored() {
        let exploration = &explored.exploration;
        if let Some(folder) = &explored.folder
            && exploration.checkpoints > 0
            && !explored.complete()
        {
            let folder = shell(folder);
            notes.push(format!(
                "kept in {folder}; the same command with --resume takes it up again"
            ));
        }
    }
    // A walk has no counterexample: this is where it shows what it found.
    if is_shown(check) || check.walk().is_some() {
        notes.extend(again::check(check).as_deref().map(repeat));
    }
    notes
}

/// How many verdicts of each kind there are, where there are several.
pub fn totals(checks: &Checks) -> String {
    let covered = checks.covered.as_ref().map_or_else(String::new, covered);
    let checks = &checks.checks;
    if checks.len() < 2 {
        return covered;
    }
    let of = |wanted: fn(&Check) -> bool| checks.iter().filter(|check| wanted(check)).count();
    let as_expected = of(|check| check.as_expected() == Some(true));
    let unexpected = of(|check| check.as_expected() == Some(false));
    let partial = of(|check| check.verdict() == Verdict::Partial);
    let unsupported = of(|check| check.verdict() == Verdict::Unsupported);
    let totals = format!(
        "\n{}: {as_expected} as expected, {unexpected} unexpected, {partial} partial, {unsupported} unsupported",
        counted(checks.len() as u64, "verdict")
    );
    stacked([totals, covered])
}

/// The verdict in one line.
pub fn verdict(check: &Check) -> String {
    let mut words = format!(
        "{:11}  {} as {}",
        check.verdict().name(),
        check.scenario.name,
        check.personality
    );
    if let Some(property) = check.property() {
        words += &format!(": {property}");
    }
    if let Some(why) = check.why() {
        words += &format!(": {why}");
    }
    if let Some(explored) = check.explored() {
        words += &effort(explored);
    }
    match check.as_expected() {
        Some(false) => {
            let expected = expected(&check.scenario.expect);
            words + &format!("  UNEXPECTED: {expected} was expected")
        }
        Some(true) if check.verdict() == Verdict::Violation => words + "  as expected",
        _ => words,
    }
}

/// What the search has looked at, and what it left out.
fn effort(explored: &Explored) -> String {
    let exploration = &explored.exploration;
    if exploration.states == 0 {
        return String::new();
    }
    let odds = match exploration.collision_odds {
        Some(odds) if odds > ODDS_TOLD => format!(", odds of a collision {odds:.0e}"),
        _ => String::new(),
    };
    let reductions = match explored.reductions().as_slice() {
        [] => String::new(),
        some => format!("; {}", some.join(", ")),
    };
    format!(
        "  ({}, {}, depth {}, {}{odds}{reductions})",
        counted(exploration.states, "state"),
        counted(exploration.transitions, "transition"),
        exploration.depth_max,
        seconds(explored.seconds)
    )
}

/// Whether a violation is shown: always where nobody expected it.
fn is_shown(check: &Check) -> bool {
    check.as_expected() == Some(false) || (check.alone && check.property().is_some())
}

/// The run that shows what was found, or why there is none.
fn counterexample(check: &Check, explored: &Explored, layout: Layout) -> String {
    let (scenario, run) = (&check.scenario, &explored.counterexample);
    if !run.events.is_empty() {
        let (names, program) = (&scenario.names, &scenario.program);
        let lanes = Lanes::of(names, program, &run.events).round(run.loop_at);
        let lanes = lanes.changing(&run.changes).text(layout);
        let wrong = wrong(&run.culprit, &run.end.held, names);
        return format!("\n{lanes}{wrong}");
    }
    let words = match explored.exploration.found {
        None => "",
        Some(Found::Never(_)) => "no state shows it",
        Some(Found::NeverOwed(_)) => "no state owes it, so nothing asks for it",
        Some(Found::NoEnd) => "it never comes to rest, and this is judged only there",
        Some(Found::Violation(Violation::Eventually(_))) => {
            "nothing moves in the first state, which owes it"
        }
        Some(Found::Violation(_)) => "the first state already breaks it",
    };
    match run.culprit.is_empty() {
        true => words.to_owned(),
        false => format!("{words}: {}", run.culprit),
    }
}

/// What the runs have covered.
fn coverage(check: &Check, walk: &Walk) -> String {
    let walked = &walk.walked;
    let mut words = format!(
        "  {}, {} of them to rest; {} at {} through {}; {} of {} operations called",
        counted(walked.runs, "run"),
        count(walked.at_rest),
        counted(walked.steps, "step"),
        rate(walked.steps, walk.seconds),
        counted(walked.states, "state"),
        walked.calls,
        walked.calls_all
    );
    let never = walk.sometimes(&check.scenario.names, false);
    if !never.is_empty() {
        words += &format!("; never shown: {}", never.join(", "));
    }
    words
}

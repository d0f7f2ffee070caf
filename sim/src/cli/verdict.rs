//! The verdict on one scenario, in words and as an exit code.

use super::Exit;
use crate::report::{json, text};
use crate::scenario::{Expect, Scenario};

/// What the scenario expects.
pub fn expected(scenario: &Scenario) -> String {
    match &scenario.expect {
        Expect::Pass => "pass".to_owned(),
        Expect::Violation(name) => name.clone(),
    }
}

/// Smaller odds that a state was taken for another are told only to machines.
const ODDS_TOLD: f64 = 1e-9;

/// The verdict in one line.
pub fn line(report: &json::Check) -> String {
    let mut words = format!(
        "{:11}  {} as {}",
        report.verdict, report.name, report.personality
    );
    if let Some(property) = &report.property {
        words += &format!(": {property}");
    }
    if let Some(why) = &report.why {
        words += &format!(": {why}");
    }
    if report.states_unique > 0 && report.sampled.is_none() {
        let odds = match report.collision_odds {
            Some(odds) if odds > ODDS_TOLD => format!(", odds of a collision {odds:.0e}"),
            _ => String::new(),
        };
        words += &format!(
            "  ({}, {}, depth {}, {}{odds})",
            text::counted(report.states_unique, "state"),
            text::counted(report.transitions, "transition"),
            report.depth_max,
            text::seconds(report.seconds)
        );
    }
    match report.as_expected {
        Some(false) => words + &format!("  UNEXPECTED: {} was expected", report.expected),
        Some(true) if report.verdict == "violation" => words + "  as expected",
        _ => words,
    }
}

/// Whether the verdict is the expected one; none where it is partial.
pub fn as_expected(report: &json::Check, scenario: &Scenario) -> Option<bool> {
    match (report.verdict, &report.property, &scenario.expect) {
        ("pass", _, expect) => Some(*expect == Expect::Pass),
        ("violation", Some(found), Expect::Violation(expected)) => Some(found == expected),
        ("violation", ..) => Some(false),
        _ => None,
    }
}

/// How many verdicts of each kind there are.
pub fn totals(checks: &[json::Check]) -> String {
    if checks.len() < 2 {
        return String::new();
    }
    let of = |wanted: fn(&json::Check) -> bool| checks.iter().filter(|check| wanted(check)).count();
    let as_expected = of(|check| check.as_expected == Some(true));
    let unexpected = of(|check| check.as_expected == Some(false));
    let partial = of(|check| check.verdict == "partial");
    let unsupported = of(|check| check.verdict == "unsupported");
    format!(
        "\n{}: {as_expected} as expected, {unexpected} unexpected, {partial} partial, {unsupported} unsupported",
        text::counted(checks.len() as u64, "verdict")
    )
}

/// What a verdict comes to.
pub fn exit_of(check: &json::Check) -> Exit {
    match check.as_expected {
        Some(true) => Exit::AsExpected,
        Some(false) => Exit::Verdict,
        None if check.verdict == "partial" => Exit::Partial,
        None => Exit::AsExpected,
    }
}

//! Reports as one page for a browser: a document that carries its states, asks no server, and steps through them.
//!
//! The page is written by hand and stands beside this file; here it gets its data. What people have written into
//! scenarios and traces reaches it as data only: in a block of JSON in which no `<` stands, and from there as text.

mod document;
mod sheet;
mod wire;

use super::Report;
use super::check::{Check, Checks, Method};
use super::repeat;
use super::verdict::{Verdict, expected};
use sheet::{Sheet, Side, Tone};

/// The page of a report.
pub fn report(report: Report<'_>) -> String {
    let sheets = match report {
        Report::Check(checks) => of_checks(checks),
        Report::Run(_)
        | Report::Runs(_)
        | Report::Replay(_)
        | Report::Diff(_)
        | Report::Record(_)
        | Report::Stress(_)
        | Report::Admit(_)
        | Report::CrossCheck(_)
        | Report::Compare(_)
        | Report::Fuzz(_)
        | Report::Merge(_)
        | Report::Export(_)
        | Report::List(_) => Vec::new(),
    };
    let sheets: Vec<_> = sheets.iter().map(Sheet::wire).collect();
    document::document(&sheets)
}

/// A sheet for each scenario, with a side for each system.
fn of_checks(checks: &Checks) -> Vec<Sheet<'_>> {
    let mut sheets: Vec<Sheet<'_>> = Vec::new();
    for check in &checks.checks {
        let side = side(check);
        match sheets.last_mut() {
            Some(sheet) if sheet.scenario.file == check.scenario.file => sheet.sides.push(side),
            _ => sheets.push(Sheet {
                scenario: &check.scenario,
                sides: vec![side],
            }),
        }
    }
    sheets
}

fn side(check: &Check) -> Side<'_> {
    let explored = check.explored();
    Side {
        system: check.personality,
        verdict: verdict(check),
        tone: tone(check),
        culprit: explored.map_or("", |explored| &explored.counterexample.culprit),
        repeat: repeat::check(check).unwrap_or_default(),
        tour: explored.and_then(|explored| explored.tour.as_ref()),
        instead: instead(check),
    }
}

fn verdict(check: &Check) -> String {
    let property = check.property().map(|property| format!(": {property}"));
    let unexpected = match check.as_expected() {
        Some(false) => format!(", {} was expected", expected(&check.scenario.expect)),
        Some(true) if check.verdict() == Verdict::Violation => ", as expected".to_owned(),
        _ => String::new(),
    };
    let name = check.verdict().name();
    format!("{name}{}{unexpected}", property.unwrap_or_default())
}

fn tone(check: &Check) -> Tone {
    match (check.verdict(), check.as_expected()) {
        (_, Some(false)) => Tone::Bad,
        (Verdict::Violation | Verdict::Pass, _) => Tone::Good,
        (Verdict::Partial | Verdict::Unsupported, _) => Tone::Open,
    }
}

/// What is said where there is nothing to step through.
fn instead(check: &Check) -> String {
    match &check.method {
        Method::Unsupported(why) => format!("This system cannot play it: {why}."),
        Method::Explored(_) => String::new(),
        Method::Walked(_) => {
            "Seeds were run, and nothing was kept of them but counts; without --walk there is a page.".to_owned()
        }
    }
}

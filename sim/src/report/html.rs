//! Reports as one page for a browser: a document that carries its states, asks no server, and steps through them.
//!
//! The page is written by hand and stands beside this file; here it gets its data. What people have written into
//! scenarios and traces reaches it as data only: in a block of JSON in which no `<` stands, and from there as text.

mod compared;
mod document;
mod live;
mod packer;
mod sheet;
mod timeline;
mod wire;

use super::Report;
use super::admit::{Admission, Judged};
use super::check::{Check, Method};
use super::explore::{Opened, What};
use super::repeat;
use super::verdict::{Verdict, expected};
use sheet::{Sheet, Side, Tone};

pub use live::{Have, Live, news};

/// The page of a report.
pub fn report(report: Report<'_>) -> String {
    let sheets = match report {
        Report::Check(checks) => of_checks(&checks.checks),
        Report::Explore(opened) => of_opened(opened),
        Report::Admit(it) => of_admissions(it.traces.iter().flat_map(Judged::systems)),
        Report::CrossCheck(cross_check) => compared::of_cross_check(cross_check),
        Report::Fuzz(fuzzed) => compared::of_fuzzed(fuzzed),
        Report::Run(_)
        | Report::Runs(_)
        | Report::Replay(_)
        | Report::Diff(_)
        | Report::Record(_)
        | Report::Stress(_)
        | Report::Logs(_)
        | Report::Compare(_)
        | Report::Distinguish(_)
        | Report::Identify(_)
        | Report::Pin(_)
        | Report::Litmus(_)
        | Report::Merge(_)
        | Report::Export(_)
        | Report::Import(_)
        | Report::List(_) => Vec::new(),
    };
    let sheets: Vec<_> = sheets.iter().map(Sheet::wire).collect();
    document::document(&sheets, None)
}

fn of_opened(opened: &Opened) -> Vec<Sheet<'_>> {
    match &opened.what {
        What::Scenario(checks) => of_checks(checks),
        What::Trace(admissions) => of_admissions(admissions.iter()),
    }
}

/// A sheet for each trace, with a side for each system that judged it.
fn of_admissions<'a>(admissions: impl Iterator<Item = &'a Admission>) -> Vec<Sheet<'a>> {
    let mut sheets: Vec<Sheet<'a>> = Vec::new();
    for admission in admissions {
        let side = compared::admitted(admission);
        let name = admission.file.display().to_string();
        match sheets.last_mut() {
            Some(sheet) if sheet.name == name => sheet.sides.push(side),
            _ => sheets.push(Sheet {
                name,
                scenario: &admission.scenario,
                sides: vec![side],
            }),
        }
    }
    sheets
}

/// A sheet for each scenario, with a side for each system.
fn of_checks(checks: &[Check]) -> Vec<Sheet<'_>> {
    let mut sheets: Vec<Sheet<'_>> = Vec::new();
    for check in checks {
        let side = side(check);
        match sheets.last_mut() {
            Some(sheet) if sheet.scenario.file == check.scenario.file => sheet.sides.push(side),
            _ => sheets.push(Sheet {
                name: check.scenario.name.clone(),
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
        system: check.personality.to_owned(),
        verdict: verdict(check),
        tone: tone(check),
        culprit: explored.map_or(String::new(), |it| it.counterexample.culprit.clone()),
        repeat: repeat::check(check).unwrap_or_default(),
        tour: explored.and_then(|explored| explored.tour.as_ref()),
        timeline: None,
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

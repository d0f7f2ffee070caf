//! Reports for people: what stands on standard output, and the notes beside it.

mod admit;
mod check;
mod compare;
mod covered;
mod cross_check;
mod distinguish;
mod fuzz;
mod identify;
mod import;
mod list;
mod litmus;
mod log;
pub(super) mod paint;
mod parting;
mod pin;
mod record;
mod run;
mod stress;
mod window;

use portsim_model::claim::Claim;

use super::admit::Verdict;
use super::explore::{Opened, Place, What};
use super::{Part, Report, json};
use crate::admit::Refusal;
use crate::names::Names;
use crate::plain::{pad, width as cell_width, wrap};
use crate::trace::Held;
use crate::trace::lanes::Layout;

/// A part of a report, as soon as it is known.
pub fn part(part: Part<'_>, layout: Layout) -> String {
    match part {
        Part::Run(_) => String::new(),
        Part::Check(check) => check::one(check, layout),
        Part::Admit(admission) => admit::one(admission, layout),
        Part::Log(log) => log::one(log, layout),
    }
}

/// The whole, but for what its parts have said. That it says nothing of any system is its last line.
pub fn report(report: Report<'_>, layout: Layout) -> String {
    let judged = report.judged();
    let nothing = match report {
        Report::Record(_) => String::new(),
        _ if judged.nothing() => "nothing was judged: every verdict is unsupported".to_owned(),
        _ => String::new(),
    };
    stacked([found(report, layout), nothing])
}

fn found(report: Report<'_>, layout: Layout) -> String {
    match report {
        Report::Run(run) => run::one(run, layout),
        Report::Runs(runs) => run::several(runs),
        Report::Check(checks) => check::totals(checks),
        Report::Replay(replay) => parting::replay(replay, layout),
        Report::Diff(diff) => parting::diff(diff, layout),
        Report::Record(record) => record::record(record, layout),
        Report::Stress(stress) => stress::stress(stress),
        Report::Admit(admissions) => admit::covered(admissions),
        Report::Logs(_) => String::new(),
        Report::CrossCheck(cross_check) => cross_check::cross_check(cross_check, layout),
        Report::Explore(explored) => explored_at(explored),
        Report::Compare(compared) => compare::compare(compared),
        Report::Distinguish(found) => distinguish::distinguish(found),
        Report::Identify(identity) => identify::identify(identity),
        Report::Pin(pinned) => pin::pin(pinned),
        Report::Litmus(histograms) => litmus::litmus(json::litmus::tables(histograms)),
        Report::Merge(said) if said.is_litmus() => litmus::litmus(said.tables()),
        Report::Fuzz(fuzzed) => fuzz::fuzz(fuzzed),
        // The parts were for machines, and so is the whole.
        Report::Merge(_) => json::report(report, &[]),
        Report::Export(exported) => exported.text().unwrap_or_default().to_owned(),
        Report::Import(imports) => import::imports(imports),
        Report::List(list) => list::list(list, layout),
    }
}

/// What people can do without: lines for standard error, beside a part in any format.
pub fn notes_on_part(part: Part<'_>) -> Vec<String> {
    match part {
        Part::Run(run) => run::notes_on_one_of_several(run),
        Part::Check(check) => check::notes(check),
        Part::Admit(admission) => admit::notes(admission),
        Part::Log(log) => log::notes(log),
    }
}

/// The same beside the whole.
pub fn notes(report: Report<'_>) -> Vec<String> {
    match report {
        Report::Run(run) => run::notes(run),
        Report::Runs(runs) => run::notes_on_several(runs),
        Report::Record(record) => record::notes(record),
        Report::Admit(admissions) => admit::notes_on_all(admissions),
        Report::Logs(logs) => log::notes_on_all(logs),
        Report::Export(exported) => match &exported.written {
            Ok(_) => Vec::new(),
            Err(why) => vec![unsupported(&exported.scenario, "as", &exported.system, why)],
        },
        Report::Explore(explored) => notes_on_explored(explored),
        Report::Check(_)
        | Report::Replay(_)
        | Report::Diff(_)
        | Report::Stress(_)
        | Report::CrossCheck(_)
        | Report::Compare(_)
        | Report::Distinguish(_)
        | Report::Identify(_)
        | Report::Pin(_)
        | Report::Litmus(_)
        | Report::Fuzz(_)
        | Report::Merge(_)
        | Report::Import(_)
        | Report::List(_) => Vec::new(),
    }
}

/// Where the page is.
fn explored_at(explored: &Opened) -> String {
    match &explored.place {
        Place::Address(address) => address.clone(),
        Place::File(file) => file.display().to_string(),
    }
}

/// What was found before the page was made, and how it ends.
fn notes_on_explored(explored: &Opened) -> Vec<String> {
    let found: Vec<_> = match &explored.what {
        What::Scenario(checks) => checks.iter().map(check::verdict).collect(),
        What::Trace(admissions) => admissions.iter().map(admit::verdict).collect(),
    };
    let ends = match explored.place {
        Place::Address(_) => Some("the page is there until this command ends: Ctrl-C".to_owned()),
        Place::File(_) => None,
    };
    found.into_iter().chain(ends).collect()
}

/// The claims that a refusal cites, each with its source.
fn cited(refusal: &Refusal) -> String {
    cited_claims(&refusal.by)
}

/// What one of all systems says of what somebody saw.
struct Fit<'f> {
    system: &'static str,
    verdict: Verdict,
    /// What it lacks, or how far it judged.
    why: Option<String>,
    /// Where it could not have shown it, and the claims behind that.
    refused: Option<(String, &'f [&'static Claim])>,
    /// What it could have shown there instead.
    allowed: &'f [String],
}

/// As many claims are cited of each system.
const CITED_EACH: usize = 8;

/// Which systems could have shown something, and what each other stumbles over.
fn fits(what: &str, all: &[Fit<'_>], layout: Layout) -> String {
    let mut words = what.to_owned();
    let wide = all.iter().map(|it| it.system.len()).max().unwrap_or(0);
    let (lack, can): (Vec<_>, Vec<_>) = all
        .iter()
        .partition(|it| it.verdict == Verdict::Unsupported);
    for fit in can {
        words += &format!("\n  {:wide$}  {}", fit.system, fit.verdict.name());
        if let Some((at, by)) = &fit.refused {
            words += &format!(" at {at}");
            // What no order explains is refused without a look at the rules.
            if by.is_empty()
                && let [why] = fit.allowed
            {
                words += &format!(" ({why})");
            }
            for claim in by.iter().take(CITED_EACH) {
                let (id, status, source) = (claim.id, claim.status.word(), claim.source);
                words += &format!("\n  {:wide$}    {id} ({status}: {source})", "");
            }
        }
        if let Some(why) = &fit.why {
            words += &format!(": {why}");
        }
    }
    // What most lack for the same reason is said once.
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for fit in lack {
        let why = fit.why.as_deref().unwrap_or_default();
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, systems)) => systems.push(fit.system),
            None => reasons.push((why, vec![fit.system])),
        }
    }
    for (why, systems) in reasons {
        let said = format!("{}: {why}", systems.join(", "));
        words += &format!(
            "\n{}",
            wrap(
                "  unsupported  ",
                &said,
                layout.columns.unwrap_or(usize::MAX)
            )
            .trim_end()
        );
    }
    words
}

fn cited_claims(by: &[&Claim]) -> String {
    let mut words = String::new();
    for (n, claim) in by.iter().enumerate() {
        let head = if n == 0 { "because" } else { "       " };
        let (id, says, source) = (claim.id, claim.says, claim.source);
        words += &format!(
            "\n  {head}  {id}: {says} ({}: {source})",
            claim.status.word()
        );
    }
    words
}

/// What is wrong at the end of a run, below its lanes, and which threads a rule keeps from moving there, unless that was
/// said already.
fn wrong(culprit: &str, held: &[Held], names: &Names) -> String {
    let held = held.iter().filter_map(|held| {
        let (thread, claim) = (names.thread_name(held.thread), held.claim?);
        Some(format!(
            "{thread} is held by {}: {}\n",
            claim.id, claim.says
        ))
        .filter(|_| !culprit.contains(claim.id))
    });
    let held: String = held.collect();
    match culprit.is_empty() {
        true => held,
        false => format!("{held}\n{culprit}\n"),
    }
}

fn unsupported(scenario: &str, on: &str, system: &str, why: &str) -> String {
    format!("unsupported: {scenario} {on} {system}: {why}")
}

fn repeat(command: &str) -> String {
    format!("repeat: {command}")
}

/// Texts one below the other, each with a whole last line; empty ones leave nothing.
fn stacked(texts: impl IntoIterator<Item = String>) -> String {
    let mut stack = String::new();
    for text in texts {
        stack += &text;
        if !text.is_empty() && !text.ends_with('\n') {
            stack.push('\n');
        }
    }
    stack
}

/// Rows of a table, each column as wide as its widest cell; two blanks between columns, none at the end.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter(|row| row.len() > column + 1)
            .map(|row| cell_width(&row[column]));
        cells.max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, wide) in row.iter().zip(&widths) {
            pad(&mut line, cell, *wide);
            line.push_str("  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [
            vec!["a".to_owned(), "b".to_owned()],
            vec!["ccc".to_owned(), "d".to_owned()],
        ];
        assert_eq!(table(&rows), "a    b\nccc  d\n");
    }

    #[test]
    fn texts_end_their_lines() {
        let texts = ["a", "", "\nb\n"].map(str::to_owned);
        assert_eq!(stacked(texts), "a\n\nb\n");
    }
}

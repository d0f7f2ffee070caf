//! What a command found, as a value: one type for each command, one enum for each kind of verdict.
//!
//! [`text`] says a report to people, [`json`] to machines, and [`Exit`] is what a shell is told. [`Document`] names files
//! that say it besides. A format is one file that matches on [`Report`], with files of its own below it; nothing outside of
//! this room knows what a format looks like.

pub mod admit;
pub mod check;
pub mod compare;
pub mod covered;
pub mod cross_check;
pub(crate) mod culprit;
pub mod distinguish;
pub mod exit;
pub mod explore;
pub mod export;
pub mod finding;
pub mod fuzz;
mod github;
mod html;
pub mod identify;
pub mod import;
pub mod json;
pub mod judged;
mod junit;
pub mod list;
pub mod litmus;
pub mod log;
pub mod mistakes;
pub mod parting;
pub mod pin;
pub mod record;
pub mod repeat;
pub mod run;
pub mod stress;
pub mod text;
pub mod totals;
pub mod units;
pub mod verdict;

use crate::bad_input::BadInput;
use judged::Denied;

pub use crate::trace::lanes::Layout;
pub use exit::Exit;
pub use html::{Have, Live, news};
pub use text::paint::painted;

/// What a command found.
#[derive(Debug, Clone, Copy)]
pub enum Report<'r> {
    /// `run` with one seed.
    Run(&'r run::Run),
    /// `run` with several seeds.
    Runs(&'r run::Runs),
    /// `check`.
    Check(&'r check::Checks),
    /// `replay`.
    Replay(&'r parting::Replay),
    /// `diff`.
    Diff(&'r parting::Diff),
    /// `record`.
    Record(&'r record::Record),
    /// `record --seconds`.
    Stress(&'r stress::Stress),
    /// `admit`.
    Admit(&'r admit::Admissions),
    /// `admit --from`.
    Logs(&'r log::Logs),
    /// `cross-check`.
    CrossCheck(&'r cross_check::CrossCheck),
    /// `explore`.
    Explore(&'r explore::Opened),
    /// `compare`.
    Compare(&'r compare::Compared),
    /// `distinguish`.
    Distinguish(&'r distinguish::Distinguished),
    /// `identify`.
    Identify(&'r identify::Identity),
    /// `pin`.
    Pin(&'r pin::Pinned),
    /// `litmus`.
    Litmus(&'r litmus::Histograms),
    /// `fuzz`.
    Fuzz(&'r fuzz::Fuzzed),
    /// `merge`.
    Merge(&'r json::join::Said),
    /// `export`.
    Export(&'r export::Exported),
    /// `import`.
    Import(&'r import::Imports),
    /// `list`.
    List(&'r list::List),
}

impl Report<'_> {
    /// What it comes to.
    pub fn exit(self) -> Exit {
        match self {
            Report::Run(run) => run.exit(),
            Report::Runs(runs) => runs.exit(),
            Report::Check(checks) => checks.exit(),
            Report::Replay(replay) => replay.exit(),
            Report::Diff(diff) => diff.exit(),
            Report::Record(record) => record.exit(),
            Report::Stress(stress) => stress.exit(),
            Report::Admit(admissions) => admissions.exit(),
            Report::Logs(logs) => logs.exit(),
            Report::CrossCheck(cross_check) => cross_check.exit(),
            Report::Explore(explored) => explored.exit(),
            Report::Compare(compared) => compared.exit(),
            Report::Distinguish(found) => found.exit(),
            Report::Identify(identity) => identity.exit(),
            Report::Pin(pinned) => pinned.exit(),
            Report::Litmus(histograms) => histograms.exit(),
            Report::Fuzz(fuzzed) => fuzzed.exit(),
            Report::Merge(said) => said.exit(),
            Report::Export(exported) => exported.exit(),
            Report::Import(imports) => imports.exit(),
            Report::List(_) => Exit::AsExpected,
        }
    }

    /// Whether it was said part by part before.
    fn has_parts(self) -> bool {
        matches!(
            self,
            Report::Runs(_) | Report::Check(_) | Report::Admit(_) | Report::Logs(_)
        )
    }

    /// Lines for people that stand beside it, in whatever format it is said.
    pub fn notes(self) -> Vec<String> {
        text::notes(self)
    }
}

/// A part of a report that is known long before the whole.
#[derive(Debug, Clone, Copy)]
pub enum Part<'r> {
    /// One of the runs of `run`.
    Run(&'r run::Run),
    /// One of the scenarios of `check`.
    Check(&'r check::Check),
    /// One of the traces of `admit`.
    Admit(&'r admit::Judged),
    /// One of the logs of `admit --from`.
    Log(&'r log::Log),
}

impl Part<'_> {
    /// What it comes to.
    pub fn exit(self) -> Exit {
        match self {
            Part::Run(run) => run.exit(),
            Part::Check(check) => check.exit(),
            Part::Admit(admission) => admission.exit(),
            Part::Log(log) => log.verdict().exit(),
        }
    }

    /// Lines for people that stand beside it, in whatever format it is said.
    pub fn notes(self) -> Vec<String> {
        text::notes_on_part(self)
    }
}

/// How reports are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// To people, with lanes laid out so: each part as soon as it is known.
    Text(Layout),
    /// The same, with lines that the runner of GitHub makes annotations of.
    Github(Layout, Denied),
    /// To machines: one JSON object, at the end.
    Json,
}

impl Format {
    /// A part that has just become known; empty where this format waits for the whole.
    pub fn part(self, part: Part<'_>) -> String {
        match self {
            Format::Text(layout) => text::part(part, layout),
            Format::Github(layout, denied) => {
                text::part(part, layout) + &github::annotation(&part.finding(denied))
            }
            Format::Json => String::new(),
        }
    }

    /// The whole, but for the parts that were said before; with what was wrong with some files, where it is one object.
    pub fn report(self, report: Report<'_>, bad: &[BadInput]) -> String {
        match self {
            Format::Text(layout) => text::report(report, layout),
            Format::Github(layout, denied) => {
                let known = report.has_parts();
                let findings = report.findings(denied).into_iter().filter(|_| !known);
                let annotations: String = findings.map(|it| github::annotation(&it)).collect();
                text::report(report, layout) + &annotations + &github::mistakes(bad)
            }
            Format::Json => json::report(report, bad),
        }
    }

    /// All that there is where a command has no answer.
    pub fn no_report(self, bad: &[BadInput]) -> String {
        match self {
            Format::Text(_) => String::new(),
            Format::Github(..) => github::mistakes(bad),
            Format::Json => json::no_report(bad),
        }
    }
}

/// Files that say a report besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// A page for a browser, which carries what it shows.
    Html,
    /// Test results in the XML of JUnit.
    Junit,
    /// Results for code scanning, in SARIF.
    Sarif,
}

impl Document {
    /// The whole file, with what was wrong with some files; as somebody takes verdicts who denies some.
    pub fn of(self, report: Report<'_>, bad: &[BadInput], denied: Denied) -> String {
        match self {
            Document::Html => html::report(report),
            Document::Junit => junit::report(&report.findings(denied), bad),
            Document::Sarif => json::sarif::report(&report.findings(denied), bad),
        }
    }

    /// All that there is where a command has no answer; none where that is nothing.
    pub fn no_report(self, bad: &[BadInput]) -> Option<String> {
        match self {
            Document::Html => None,
            Document::Junit => Some(junit::report(&[], bad)),
            Document::Sarif => Some(json::sarif::report(&[], bad)),
        }
    }
}

//! How much of what was asked was judged.

use super::litmus::{Failed, Histogram};
use super::verdict::Verdict;
use super::{Exit, Report, admit, check::Check, record};

/// How many verdicts there are, and how many of them judge nothing or not everything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Judged {
    /// All of them.
    pub all: u64,
    /// The system cannot play it.
    pub unsupported: u64,
    /// Not everything was looked at.
    pub partial: u64,
}

/// Verdicts that somebody does not take for success.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Denied {
    /// That a system cannot play a scenario.
    pub unsupported: bool,
    /// That not everything was looked at.
    pub partial: bool,
}

impl Judged {
    /// Counts by whether each is unsupported, and whether it is partial.
    fn of(each: impl Iterator<Item = (bool, bool)>) -> Judged {
        each.fold(Judged::default(), |so_far, (unsupported, partial)| Judged {
            all: so_far.all + 1,
            unsupported: so_far.unsupported + u64::from(unsupported),
            partial: so_far.partial + u64::from(partial),
        })
    }

    /// The same where not everything had its turn.
    fn stopped_unless(mut self, complete: bool) -> Judged {
        self.partial += u64::from(!complete);
        self
    }

    /// Whether there is something, and no system could play any of it.
    pub fn nothing(self) -> bool {
        self.all > 0 && self.unsupported == self.all
    }

    /// What it comes to for somebody who denies some verdicts.
    pub fn exit(self, denied: Denied) -> Exit {
        let unsupported = denied.unsupported && self.unsupported > 0;
        match unsupported || denied.partial && self.partial > 0 {
            true => Exit::Unexpected,
            false => Exit::AsExpected,
        }
    }
}

impl Report<'_> {
    /// How much was judged, of a command that judges.
    pub fn judged(self) -> Judged {
        let kind = |verdict: Verdict| {
            let is_partial = verdict == Verdict::Partial;
            (verdict == Verdict::Unsupported, is_partial)
        };
        match self {
            Report::Run(run) => Judged::of([kind(run.verdict())].into_iter()),
            Report::Runs(runs) => Judged {
                all: runs.count_all(),
                unsupported: runs.count(Verdict::Unsupported),
                partial: runs.count(Verdict::Partial),
            }
            .stopped_unless(runs.complete()),
            Report::Check(checks) => {
                let verdicts = checks.checks.iter().map(Check::verdict);
                Judged::of(verdicts.map(kind))
            }
            Report::Record(record) => {
                let unsupported = record.verdict() == record::Verdict::Unsupported;
                Judged::of([(unsupported, false)].into_iter())
            }
            Report::Stress(stress) => Judged {
                all: stress.rounds,
                unsupported: 0,
                partial: stress.undecided,
            }
            .stopped_unless(!stress.stopped),
            Report::Admit(admissions) => {
                let verdicts = admissions.traces.iter().map(admit::Judged::verdict);
                let kind = |verdict| {
                    let is_partial = verdict == admit::Verdict::Partial;
                    (verdict == admit::Verdict::Unsupported, is_partial)
                };
                Judged::of(verdicts.map(kind)).stopped_unless(admissions.complete())
            }
            Report::Logs(logs) => {
                let verdicts = logs.logs.iter().map(super::log::Log::verdict);
                let kind = |verdict| {
                    let is_partial = verdict == admit::Verdict::Partial;
                    (verdict == admit::Verdict::Unsupported, is_partial)
                };
                Judged::of(verdicts.map(kind)).stopped_unless(logs.complete())
            }
            Report::CrossCheck(cross_check) => {
                let totals = cross_check.totals();
                Judged {
                    all: totals.all(),
                    unsupported: totals.unsupported,
                    partial: 0,
                }
                .stopped_unless(cross_check.complete)
            }
            Report::Compare(compared) => {
                let ways = |scenario: &super::compare::Sided| {
                    let groups = &scenario.groups;
                    let is_cut = |ways: &crate::compare::Ways| !ways.complete;
                    let mut known = groups.iter().filter_map(|group| group.ways.as_ref().ok());
                    let unsupported = groups.iter().all(|group| group.ways.is_err());
                    (unsupported, known.any(is_cut))
                };
                Judged::of(compared.scenarios.iter().map(ways)).stopped_unless(compared.complete)
            }
            Report::Litmus(histograms) => {
                let all = histograms.histograms.iter();
                let kind =
                    |it: &Histogram| (matches!(it.failed, Some(Failed::Unsupported(_))), false);
                Judged::of(all.map(kind)).stopped_unless(histograms.complete)
            }
            Report::Fuzz(fuzzed) => Judged {
                all: fuzzed.totals.all(),
                unsupported: fuzzed.totals.unsupported,
                partial: 0,
            }
            .stopped_unless(fuzzed.complete),
            Report::Replay(_)
            | Report::Diff(_)
            | Report::Explore(_)
            | Report::Distinguish(_)
            | Report::Identify(_)
            | Report::Pin(_)
            | Report::Merge(_)
            | Report::Export(_)
            | Report::Import(_)
            | Report::List(_) => Judged::default(),
        }
    }
}

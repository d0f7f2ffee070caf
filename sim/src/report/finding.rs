//! What a report comes to, verdict by verdict, for those who collect verdicts: test reports, code scanning, annotations.

use std::path::{Path, PathBuf};

use super::admit;
use super::check::{Check, Checks};
use super::compare::Sided;
use super::cross_check::CrossCheck;
use super::fuzz::Fuzzed;
use super::judged::Denied;
use super::log::Log;
use super::record::{self, Record};
use super::run::Run;
use super::stress::{self, Stress};
use super::verdict::{Verdict, expected};
use super::{Format, Layout, Part, Report, repeat};
use crate::admit::Refusal;
use crate::cross_check::{self, Comparison};

/// One verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What was judged: a scenario, a trace.
    pub name: String,
    /// By what: a system, or a backend and its judge.
    pub by: String,
    /// What it comes to.
    pub outcome: Outcome,
    /// The file that it is about.
    pub file: Option<PathBuf>,
    /// The line of the file.
    pub line: Option<usize>,
    /// The rule that does not hold: a property, an invariant, or that model and system agree.
    pub rule: String,
    /// What is wrong, in a sentence; why nothing was judged.
    pub message: String,
    /// All that is said of it to people.
    pub details: String,
    /// The command that shows it again.
    pub repeat: Option<String>,
    /// How long it took.
    pub seconds: f64,
}

/// What a verdict comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As expected.
    AsExpected,
    /// Not as expected, or one that somebody does not take for success.
    Unexpected,
    /// Nothing was judged, or not everything.
    Open,
    /// What was to be judged could not be had: a backend failed.
    Failed,
}

impl Report<'_> {
    /// Its verdicts, as somebody takes them who denies some.
    pub fn findings(self, denied: Denied) -> Vec<Finding> {
        match self {
            Report::Run(run) => vec![of_run(run, denied)],
            Report::Runs(runs) => runs.kept().iter().map(|run| of_run(run, denied)).collect(),
            Report::Check(Checks { checks, .. }) => {
                checks.iter().map(|check| of_check(check, denied)).collect()
            }
            Report::Record(record) => vec![of_record(record, denied)],
            Report::Stress(stress) => vec![of_stress(stress, denied)],
            Report::Admit(admissions) => {
                let traces = admissions.traces.iter();
                traces.map(|it| of_admission(it, denied)).collect()
            }
            Report::Logs(logs) => {
                let logs = logs.logs.iter();
                logs.map(|it| of_log(it, denied)).collect()
            }
            Report::CrossCheck(cross_check) => {
                let all = cross_check.comparisons.iter();
                all.map(|it| of_comparison(cross_check, it, denied))
                    .collect()
            }
            Report::Compare(compared) => {
                let scenarios = compared.scenarios.iter();
                scenarios.map(|it| of_compared(it, denied)).collect()
            }
            Report::Fuzz(fuzzed) => of_fuzzed(fuzzed),
            Report::Replay(_)
            | Report::Diff(_)
            | Report::Explore(_)
            | Report::Distinguish(_)
            | Report::Identify(_)
            | Report::Pin(_)
            | Report::Litmus(_)
            | Report::Merge(_)
            | Report::Export(_)
            | Report::Import(_)
            | Report::List(_) => Vec::new(),
        }
    }
}

impl Part<'_> {
    /// Its verdict, likewise.
    pub fn finding(self, denied: Denied) -> Finding {
        match self {
            Part::Run(run) => of_run(run, denied),
            Part::Check(check) => of_check(check, denied),
            Part::Admit(admission) => of_admission(admission, denied),
            Part::Log(log) => of_log(log, denied),
        }
    }
}

/// A verdict that judges nothing, or not everything.
fn open(is_denied: bool) -> Outcome {
    match is_denied {
        true => Outcome::Unexpected,
        false => Outcome::Open,
    }
}

fn outcome(verdict: Verdict, as_expected: Option<bool>, denied: Denied) -> Outcome {
    match (verdict, as_expected) {
        (_, Some(false)) => Outcome::Unexpected,
        (Verdict::Partial, _) => open(denied.partial),
        (Verdict::Unsupported, _) => open(denied.unsupported),
        (Verdict::Pass | Verdict::Violation, _) => Outcome::AsExpected,
    }
}

fn text(part: Part<'_>) -> String {
    Format::Text(Layout::default()).part(part)
}

fn of_check(check: &Check, denied: Denied) -> Finding {
    let (scenario, property) = (&check.scenario, check.property());
    let wrong = match (property, check.as_expected()) {
        (Some(property), _) => {
            let explored = check.explored();
            let culprit = explored.map(|it| it.counterexample.culprit.clone());
            let culprit = culprit.filter(|it| !it.is_empty());
            culprit.unwrap_or_else(|| format!("{property} does not hold"))
        }
        (None, Some(false)) => {
            format!("it passes, and {} was expected", expected(&scenario.expect))
        }
        (None, _) => String::new(),
    };
    Finding {
        name: scenario.name.clone(),
        by: check.personality.to_owned(),
        outcome: outcome(check.verdict(), check.as_expected(), denied),
        file: Some(scenario.file.clone()),
        line: property.and_then(|property| scenario.line_of(property)),
        rule: property.unwrap_or(check.verdict().name()).to_owned(),
        message: check.why().map_or(wrong, Into::into),
        details: text(Part::Check(check)),
        repeat: repeat::check(check),
        seconds: check.seconds(),
    }
}

fn of_run(run: &Run, denied: Denied) -> Finding {
    let (scenario, property) = (&run.scenario, run.violation());
    let culprit = run.ran.as_ref().map_or("", |ran| &ran.culprit);
    let wrong = match (property, culprit) {
        (Some(property), "") => format!("{property} does not hold"),
        (_, culprit) => culprit.to_owned(),
    };
    Finding {
        name: format!("{}, seed {}", scenario.name, run.seed),
        by: run.personality.to_owned(),
        outcome: outcome(run.verdict(), run.as_expected(), denied),
        file: Some(scenario.file.clone()),
        line: property.and_then(|property| scenario.line_of(property)),
        rule: property.unwrap_or(run.verdict().name()).to_owned(),
        message: run.why().map_or(wrong, Into::into),
        details: String::new(),
        repeat: Some(repeat::run(run)),
        seconds: 0.0,
    }
}

fn of_record(record: &Record, denied: Denied) -> Finding {
    Finding {
        name: record.scenario.name.clone(),
        by: record.on.clone(),
        outcome: match record.verdict() {
            record::Verdict::Unsupported => open(denied.unsupported),
            _ => Outcome::AsExpected,
        },
        file: Some(record.scenario.file.clone()),
        line: None,
        rule: record.verdict().name().to_owned(),
        message: record.ended().to_owned(),
        details: String::new(),
        repeat: None,
        seconds: 0.0,
    }
}

/// What a recording shows, and what the model allows instead.
fn parting(refusal: &Refusal) -> String {
    let allowed = match refusal.allowed.is_empty() {
        true => "nothing".to_owned(),
        false => refusal.allowed.join(", or "),
    };
    format!(
        "at event {} it shows {}, where the model allows {allowed}",
        refusal.at, refusal.saw
    )
}

/// The rule of those who compare a system with its model.
const AGREEMENT: &str = "model-and-system-agree";

fn of_stress(stress: &Stress, denied: Denied) -> Finding {
    let refused = stress.refused.as_ref();
    let file = refused.and_then(|refused| refused.file.clone());
    Finding {
        name: format!("stress, seed {}", stress.seed),
        by: format!("{} as {}", stress.on, stress.personality),
        outcome: match stress.verdict() {
            stress::Verdict::Refused => Outcome::Unexpected,
            _ if stress.undecided > 0 || stress.stopped => open(denied.partial),
            _ => Outcome::AsExpected,
        },
        repeat: file.as_deref().map(|file| {
            let folder = file.parent().unwrap_or(Path::new("."));
            repeat::admit_in(folder, file, stress.personality)
        }),
        file,
        line: None,
        rule: AGREEMENT.to_owned(),
        message: refused.map_or(String::new(), |refused| parting(&refused.refusal)),
        details: String::new(),
        seconds: stress.seconds,
    }
}

fn of_admission(judged: &admit::Judged, denied: Denied) -> Finding {
    let admission = &judged.systems()[0];
    let refusal = admission.refusal();
    let file = admission.file.clone();
    Finding {
        name: file.display().to_string(),
        by: match judged {
            admit::Judged::By(_) => admission.personality.to_owned(),
            admit::Judged::ByAll(_) => "all".to_owned(),
        },
        outcome: match judged.verdict() {
            admit::Verdict::Admitted => Outcome::AsExpected,
            admit::Verdict::Refused => Outcome::Unexpected,
            admit::Verdict::Partial => open(denied.partial),
            admit::Verdict::Unsupported => open(denied.unsupported),
        },
        file: Some(file),
        // Before the events stands the header.
        line: refusal.map(|refusal| refusal.at as usize + 1),
        rule: AGREEMENT.to_owned(),
        message: match refusal {
            Some(refusal) => parting(refusal),
            None => admission.why().unwrap_or_default(),
        },
        details: text(Part::Admit(judged)),
        repeat: Some(repeat::admit(judged)),
        seconds: 0.0,
    }
}

fn of_log(log: &Log, denied: Denied) -> Finding {
    let system = log.systems.first();
    let judged = system.and_then(|it| it.judged.as_ref().ok());
    let refused = judged.and_then(|it| it.refused.as_ref());
    let by = match (log.asks_all, system) {
        (false, Some(system)) => system.personality,
        _ => "all",
    };
    Finding {
        name: log.file.display().to_string(),
        by: by.to_owned(),
        outcome: match log.verdict() {
            admit::Verdict::Admitted => Outcome::AsExpected,
            admit::Verdict::Refused => Outcome::Unexpected,
            admit::Verdict::Partial => open(denied.partial),
            admit::Verdict::Unsupported => open(denied.unsupported),
        },
        file: Some(log.file.clone()),
        line: refused.map(|refused| refused.at as usize),
        rule: AGREEMENT.to_owned(),
        message: match refused {
            Some(refused) => format!("saw {}", refused.saw),
            None => system.and_then(|it| it.why()).unwrap_or_default(),
        },
        details: text(Part::Log(log)),
        repeat: Some(repeat::log(log)),
        seconds: 0.0,
    }
}

fn of_comparison(cross_check: &CrossCheck, comparison: &Comparison, denied: Denied) -> Finding {
    let scenario = cross_check.scenarios.iter();
    let mut scenario = scenario.filter(|it| it.name == comparison.scenario);
    let file = scenario.next().map(|scenario| scenario.file.clone());
    let (outcome, message) = match &comparison.verdict {
        cross_check::Verdict::Agree(why) => (Outcome::AsExpected, why.clone().unwrap_or_default()),
        cross_check::Verdict::Differ(refusal) => (Outcome::Unexpected, parting(refusal)),
        cross_check::Verdict::Unsupported(why) => (open(denied.unsupported), why.clone()),
        cross_check::Verdict::Unavailable(why) => (Outcome::Failed, why.clone()),
    };
    let (on, personality) = (&comparison.on, &comparison.personality);
    Finding {
        name: format!("{}, seed {}", comparison.scenario, comparison.seed),
        by: format!("{on} as {personality}"),
        outcome,
        repeat: file.as_deref().map(|file| {
            let (seed, processors) = (Some(comparison.seed), cross_check.processors);
            repeat::cross_check(file, on, personality, seed, processors)
        }),
        file,
        line: None,
        rule: AGREEMENT.to_owned(),
        message,
        details: String::new(),
        seconds: 0.0,
    }
}

/// Nothing is expected of systems, but all of them may lack something.
fn of_compared(sided: &Sided, denied: Denied) -> Finding {
    let mut ways = sided
        .groups
        .iter()
        .filter_map(|group| group.ways.as_ref().ok());
    let unsupported = sided.groups.iter().all(|group| group.ways.is_err());
    let is_cut = ways.any(|ways| !ways.complete);
    Finding {
        name: sided.name.clone(),
        by: "compare".to_owned(),
        outcome: match (unsupported, is_cut) {
            (true, _) => open(denied.unsupported),
            (false, true) => open(denied.partial),
            (false, false) => Outcome::AsExpected,
        },
        file: None,
        line: None,
        rule: "compared".to_owned(),
        message: String::new(),
        details: String::new(),
        repeat: None,
        seconds: 0.0,
    }
}

/// What differs; for each backend one more that says how much was tried.
fn of_fuzzed(fuzzed: &Fuzzed) -> Vec<Finding> {
    let found = fuzzed.found.iter().map(|it| Finding {
        name: format!("seed {}", it.found.seed),
        by: format!("{} as {}", it.on, it.personality),
        outcome: Outcome::Unexpected,
        file: Some(it.file.clone()),
        line: None,
        rule: AGREEMENT.to_owned(),
        message: parting(&it.found.refusal),
        details: String::new(),
        repeat: Some(repeat::cross_check(
            &it.file,
            &it.on,
            it.personality,
            None,
            fuzzed.processors,
        )),
        seconds: 0.0,
    });
    let sweeps = fuzzed.sweeps.iter().map(|sweep| Finding {
        name: "every other case".to_owned(),
        by: format!("{} as {}", sweep.on, sweep.personality),
        outcome: Outcome::AsExpected,
        file: None,
        line: None,
        rule: AGREEMENT.to_owned(),
        message: String::new(),
        details: String::new(),
        repeat: None,
        seconds: sweep.seconds,
    });
    found.chain(sweeps).collect()
}

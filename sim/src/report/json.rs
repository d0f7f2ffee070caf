//! Verdicts as JSON: the keys that tools rely on.

pub mod join;

use std::io;

use portsim_model::program::Program;
use serde::Serialize;

use crate::compare::{Group, Ways};
use crate::cross_check::{Comparison, Verdict};
use crate::names::Names;
use crate::trace::{Event, event_line};

/// Anything that a command answers to machines.
pub trait Object: Serialize {}

impl<T: Serialize> Object for T {}

/// Writes one object.
pub fn write(out: &mut impl io::Write, object: &impl Object) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, object)?;
    out.write_all(b"\n")
}

/// Events as the lines of a trace.
pub fn events(names: &Names, program: &Program, events: &[Event]) -> Vec<serde_json::Value> {
    let line = |(n, event)| serde_json::to_value(event_line(names, program, n as u64 + 1, event));
    events
        .iter()
        .enumerate()
        .map(|event| line(event).expect("an event is plain data"))
        .collect()
}

/// What `run` found for one seed.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// The scenario's name.
    pub scenario: String,
    /// The personality.
    #[serde(rename = "as")]
    pub personality: String,
    /// `pass`, `violation`, `partial` or `unsupported`.
    pub verdict: &'static str,
    /// What the choices were drawn from.
    pub seed: u64,
    /// Steps taken.
    pub steps: u64,
    /// SHA-256 of the trace as a file.
    pub trace_sha256: String,
    /// Threads that were still inside a call.
    pub parked: Vec<String>,
    /// The property that does not hold.
    pub violation: Option<String>,
    /// Whether that is what the scenario expects, as far as one run can say; none where nothing was judged.
    pub as_expected: Option<bool>,
    /// Why it is partial or unsupported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What `run` found for several seeds.
#[derive(Debug, Clone, Serialize)]
pub struct Runs {
    /// The worst of the verdicts.
    pub verdict: &'static str,
    /// Each run.
    pub runs: Vec<Run>,
}

/// What `check` found.
#[derive(Debug, Clone, Serialize)]
pub struct Checks {
    /// Each scenario with each personality.
    pub scenarios: Vec<Check>,
}

/// What `check` found for one scenario.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// The scenario's name.
    pub name: String,
    /// The personality.
    #[serde(rename = "as")]
    pub personality: String,
    /// `pass`, `violation`, `partial` or `unsupported`.
    pub verdict: &'static str,
    /// Whether that is what the scenario expects; none where nothing was judged.
    pub as_expected: Option<bool>,
    /// What the scenario expects: `pass`, or the name of a property.
    pub expected: String,
    /// Different states.
    pub states_unique: u64,
    /// States generated, the first one included.
    pub transitions: u64,
    /// The longest of the shortest ways to a state.
    pub depth_max: u32,
    /// Whether everything was explored.
    pub complete: bool,
    /// How long it took.
    pub seconds: f64,
    /// Memory of the store by state.
    pub bytes_per_state: u64,
    /// What was left out of the search, because it could find nothing there.
    pub reductions: Vec<String>,
    /// The property that does not hold.
    pub property: Option<String>,
    /// The counterexample's events, as lines of a trace.
    pub trace: Option<Vec<serde_json::Value>>,
    /// The event with which the loop begins that the counterexample goes round for ever, where it does.
    pub loop_at: Option<u64>,
    /// Why it is partial or unsupported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The odds that some state was taken for another; none where whole states were kept, or nothing was explored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collision_odds: Option<f64>,
    /// Checkpoints written.
    #[serde(skip_serializing_if = "is_zero")]
    pub checkpoints: u32,
    /// What was sampled, where nothing was explored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled: Option<Sample>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What `check --walk` has covered.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    /// Executions, one a seed.
    pub runs: u64,
    /// Those that came to rest.
    pub at_rest: u64,
    /// Different operations that were called.
    pub calls: u64,
    /// Different operations that there are.
    pub calls_all: u64,
    /// `sometimes` properties that some state has shown.
    pub shown: Vec<String>,
    /// Those that none has.
    pub not_shown: Vec<String>,
    /// The first seed that breaks a property.
    pub seed: Option<u64>,
}

/// What `export` says.
#[derive(Debug, Clone, Serialize)]
pub struct Exported {
    /// The scenario's name.
    pub scenario: String,
    /// The personality.
    #[serde(rename = "as")]
    pub personality: String,
    /// `exported` or `unsupported`.
    pub verdict: &'static str,
    /// The scenario in the other language, unless a file took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why it is unsupported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What `admit` says.
#[derive(Debug, Clone, Serialize)]
pub struct Admissions {
    /// Each trace.
    pub traces: Vec<Admission>,
}

/// What `admit` says of one trace.
#[derive(Debug, Clone, Serialize)]
pub struct Admission {
    /// The file.
    pub file: String,
    /// The personality that judged.
    #[serde(rename = "as")]
    pub personality: String,
    /// `admitted`, `refused`, `partial` or `unsupported`.
    pub verdict: &'static str,
    /// The event at which they part.
    pub at: Option<u64>,
    /// What the trace shows there.
    pub saw: Option<String>,
    /// What the model could have shown.
    pub allowed: Vec<String>,
    /// Of threads at full speed, the events that no order explains.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub window: Vec<u64>,
    /// What each thread had done last before them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<u64>,
    /// The most situations that were possible at once.
    pub states_max: usize,
    /// Why it is unsupported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The line after which the file is cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_after: Option<usize>,
}

/// What `cross-check` found.
#[derive(Debug, Clone, Serialize)]
pub struct CrossCheck {
    /// Each scenario with each backend and seed.
    pub cells: Vec<CellFields>,
    /// How many of each verdict.
    pub totals: Totals,
    /// Whether every scenario and seed had its turn.
    pub complete: bool,
}

/// One scenario on one backend.
#[derive(Debug, Clone, Serialize)]
pub struct CellFields {
    /// The scenario's name.
    pub scenario: String,
    /// The backend.
    pub on: String,
    /// The personality that judged.
    #[serde(rename = "as")]
    pub personality: String,
    /// What the choices were drawn from.
    pub seed: u64,
    /// `agree`, `differ`, `unsupported` or `unavailable`.
    pub verdict: &'static str,
    /// What was seen where they part, or why there is no verdict.
    pub why: Option<String>,
    /// The event at which they part.
    pub at: Option<u64>,
    /// What the model could have shown there.
    pub allowed: Vec<String>,
}

/// How many of each verdict.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[allow(missing_docs, reason = "the names are the verdicts")]
pub struct Totals {
    pub agree: u64,
    pub differ: u64,
    pub unsupported: u64,
    pub unavailable: u64,
}

impl Totals {
    /// Counts the cells.
    pub fn of(cells: &[Comparison]) -> Totals {
        let mut totals = Totals::default();
        for cell in cells {
            match cell.verdict {
                Verdict::Agree(_) => totals.agree += 1,
                Verdict::Differ(_) => totals.differ += 1,
                Verdict::Unsupported(_) => totals.unsupported += 1,
                Verdict::Unavailable(_) => totals.unavailable += 1,
            }
        }
        totals
    }
}

/// A cross-check for machines.
pub fn cross_check(cells: &[Comparison], complete: bool) -> CrossCheck {
    CrossCheck {
        cells: cells.iter().map(cell_fields).collect(),
        totals: Totals::of(cells),
        complete,
    }
}

fn cell_fields(cell: &Comparison) -> CellFields {
    let (why, at, allowed) = match &cell.verdict {
        Verdict::Agree(why) => (why.clone(), None, Vec::new()),
        Verdict::Differ(refusal) => (
            Some(refusal.saw.clone()),
            Some(refusal.at),
            refusal.allowed.clone(),
        ),
        Verdict::Unsupported(why) | Verdict::Unavailable(why) => {
            (Some(why.clone()), None, Vec::new())
        }
    };
    CellFields {
        scenario: cell.scenario.clone(),
        on: cell.on.clone(),
        personality: cell.personality.clone(),
        seed: cell.seed,
        verdict: cell.verdict.name(),
        why,
        at,
        allowed,
    }
}

/// What `fuzz` found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Fuzzed {
    /// Scenarios that were made, once for each backend.
    pub cases: u64,
    /// Cases that the model could have shown.
    pub agree: u64,
    /// Cases that it could not.
    pub differ: u64,
    /// Cases that are not for their pair after all.
    pub unsupported: u64,
    /// Cases in which a backend failed.
    pub unavailable: u64,
    /// Divergences, each once.
    pub found: Vec<FoundFields>,
    /// Kinds of operation that were not drawn.
    pub left_out: Vec<LeftOut>,
    /// Reasons of the cases without a verdict.
    pub reasons: Vec<Reason>,
    /// How long it took.
    pub seconds: f64,
    /// Whether every seed had its turn.
    pub complete: bool,
}

/// One divergence.
#[derive(Debug, Clone, Serialize)]
pub struct FoundFields {
    /// The first seed that shows it.
    pub seed: u64,
    /// The backend.
    pub on: String,
    /// The personality that judged.
    #[serde(rename = "as")]
    pub personality: String,
    /// The file of the small scenario.
    pub scenario: String,
    /// Whether that shows it again: if not, it is the whole case, and depends on more than order.
    pub again: bool,
    /// How many seeds came to it.
    pub times: u64,
    /// The event at which they part.
    pub at: u64,
    /// What the backend shows there.
    pub why: String,
    /// What the model could have shown.
    pub allowed: Vec<String>,
}

/// A kind of operation that was not drawn.
#[derive(Debug, Clone, Serialize)]
pub struct LeftOut {
    /// The backend.
    pub on: String,
    /// The personality.
    #[serde(rename = "as")]
    pub personality: String,
    /// The kind.
    pub kind: &'static str,
    /// Why not.
    pub why: String,
}

/// Why cases have no verdict.
#[derive(Debug, Clone, Serialize)]
pub struct Reason {
    /// The backend.
    pub on: String,
    /// `unsupported` or `unavailable`.
    pub verdict: &'static str,
    /// Why.
    pub why: String,
    /// How many cases.
    pub cases: u64,
    /// The first of them.
    pub seed: u64,
}

/// What `compare` shows.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Beside {
    /// Each scenario.
    pub scenarios: Vec<BesideScenario>,
}

/// One scenario on several systems.
#[derive(Debug, Clone, Serialize)]
pub struct BesideScenario {
    /// The scenario's name.
    pub name: String,
    /// The question that it answers.
    pub why: String,
    /// Every system, for whichever of them the scenario is meant, in groups that do the same.
    pub groups: Vec<BesideGroup>,
}

/// Systems that do the same with a scenario.
#[derive(Debug, Clone, Serialize)]
pub struct BesideGroup {
    /// The personalities.
    #[serde(rename = "as")]
    pub personalities: Vec<&'static str>,
    /// Every way in which it can come out: what each thread is told, and who still waits.
    pub ways: Vec<String>,
    /// Whether these are all.
    pub complete: bool,
    /// What the systems lack, where they cannot play the scenario.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What systems that do the same do.
pub fn beside(group: Group) -> BesideGroup {
    let (ways, complete, why) = match group.ways {
        Ok(Ways { ways, complete }) => (ways.into_iter().collect(), complete, None),
        Err(why) => (Vec::new(), false, Some(why)),
    };
    BesideGroup {
        personalities: group.systems,
        ways,
        complete,
        why,
    }
}

/// What there is.
#[derive(Debug, Clone, Serialize)]
pub struct List {
    /// Systems that the model plays.
    pub personalities: Vec<String>,
    /// Real systems that can be recorded.
    pub backends: Vec<BackendFields>,
    /// Scenario files.
    pub scenarios: Vec<ScenarioFields>,
}

/// One backend.
#[derive(Debug, Clone, Serialize)]
pub struct BackendFields {
    /// Its name.
    pub name: String,
    /// Whether it can run here.
    pub available: bool,
    /// Why not.
    pub why_not: Option<String>,
}

/// One scenario.
#[derive(Debug, Clone, Serialize)]
pub struct ScenarioFields {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// The question that it answers.
    pub why: String,
    /// The personalities that it is played on.
    #[serde(rename = "as")]
    pub personalities: Vec<String>,
    /// The rules that it exercises.
    pub claims: Vec<String>,
    /// What it expects.
    pub expected: String,
}

/// What `record` made.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// The scenario's name.
    pub scenario: String,
    /// The backend.
    pub on: String,
    /// `recorded`, `cut` or `unsupported`.
    pub verdict: &'static str,
    /// What the choices were drawn from.
    pub seed: u64,
    /// The file, where one was written.
    pub file: Option<String>,
    /// How many events.
    pub events: u64,
    /// Threads that were still inside a call.
    pub parked: Vec<String>,
    /// Why the recording ended.
    pub ended: String,
    /// The events as lines of a trace, where no file was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<Vec<serde_json::Value>>,
}

/// What rounds of stress came to.
#[derive(Debug, Clone, Serialize)]
pub struct Stress {
    /// The backend.
    pub on: String,
    /// The personality that judged.
    #[serde(rename = "as")]
    pub personality: String,
    /// `admitted` or `refused`.
    pub verdict: &'static str,
    /// The seed of the first round.
    pub seed: u64,
    /// Rounds played.
    pub rounds: u64,
    /// Calls of all rounds.
    pub events: u64,
    /// Rounds of which nobody knows.
    pub undecided: u64,
    /// The files of the first of them.
    pub kept: Vec<String>,
    /// How long it took.
    pub seconds: f64,
    /// The trace of the refused round.
    pub file: Option<String>,
    /// What it shows.
    pub saw: Option<String>,
    /// What the model could have shown.
    pub allowed: Vec<String>,
    /// The events of that trace that no order explains.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub window: Vec<u64>,
    /// What each thread had done last before them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<u64>,
}

/// What `replay` and `diff` say.
#[derive(Debug, Clone, Serialize)]
pub struct Compared {
    /// `same` or `differ`.
    pub verdict: &'static str,
    /// The first event in which they differ.
    pub at: Option<u64>,
    /// What the first shows there.
    pub left: Option<String>,
    /// What the second shows there.
    pub right: Option<String>,
}

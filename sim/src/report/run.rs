//! What `run` found.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use portsim_model::program::ThreadId;
use portsim_model::property::Violation;

use super::exit::Exit;
use super::verdict::{Verdict, bounds};
use crate::check::Cut;
use crate::choose::Policy;
use crate::run::{Ended, Execution};
use crate::scenario::Scenario;
use crate::trace::changes::Change;
use crate::trace::{Event, Held};

/// One seed.
#[derive(Debug, Clone)]
pub struct Run {
    /// What was run.
    pub scenario: Arc<Scenario>,
    /// The personality.
    pub personality: &'static str,
    /// Processors of the machine.
    pub processors: u32,
    /// Who chose.
    pub policy: Policy,
    /// What the choices were drawn from.
    pub seed: u64,
    /// What came of it; an `Err` says what the personality lacks.
    pub ran: Result<Ran, String>,
}

/// An execution.
#[derive(Debug, Clone)]
pub struct Ran {
    /// How it ended.
    pub ended: Ended,
    /// Steps taken.
    pub steps: u64,
    /// Threads that were still inside a call.
    pub parked: Vec<ThreadId>,
    /// Threads that could not move at its end; none where nothing was written down.
    pub held: Vec<Held>,
    /// What is wrong at its end, in a sentence; empty where nothing is, or nothing was written down.
    pub culprit: String,
    /// What was seen; empty where nothing was written down.
    pub events: Vec<Event>,
    /// What each step changed, where that was asked.
    pub changes: Vec<Change>,
    /// SHA-256 of the trace as a file, in hexadecimal digits; empty where nothing was written down.
    pub trace_sha256: String,
}

impl Ran {
    /// One of which nobody wrote down what was seen.
    pub fn of_unseen(execution: Execution) -> Ran {
        Ran {
            ended: execution.ended,
            steps: execution.steps,
            parked: execution.parked,
            held: Vec::new(),
            culprit: String::new(),
            events: Vec::new(),
            changes: Vec::new(),
            trace_sha256: String::new(),
        }
    }
}

impl Run {
    /// `Pass`, where it came to rest; but one run of many says nothing of the others.
    pub fn verdict(&self) -> Verdict {
        match self.ran.as_ref().map(|ran| ran.ended) {
            Err(_) => Verdict::Unsupported,
            Ok(Ended::Rest) => Verdict::Pass,
            Ok(Ended::Violation(_)) => Verdict::Violation,
            Ok(Ended::Bound | Ended::Limit | Ended::Stopped) => Verdict::Partial,
        }
    }

    /// The property that does not hold.
    pub fn violation(&self) -> Option<&str> {
        match self.ran.as_ref().ok()?.ended {
            Ended::Violation(violation) => Some(self.scenario.names.property(violation)),
            _ => None,
        }
    }

    /// Whether that is an invariant of every port.
    pub fn is_builtin(&self) -> bool {
        let ended = self.ran.as_ref().map(|ran| ran.ended);
        matches!(ended, Ok(Ended::Violation(Violation::Builtin(_))))
    }

    /// Why it is partial or unsupported.
    pub fn why(&self) -> Option<Cow<'_, str>> {
        match self.ran.as_ref().map(|ran| ran.ended) {
            Err(lacks) => Some(Cow::Borrowed(lacks)),
            Ok(Ended::Bound) => Some(bounds(&self.scenario).into()),
            Ok(Ended::Limit) => Some("the limit of steps was reached".into()),
            Ok(Ended::Stopped) => Some(Cut::Stopped.words().into()),
            Ok(Ended::Rest | Ended::Violation(_)) => None,
        }
    }

    /// Whether that is what the scenario expects, as far as one run can say; none where nothing was judged. A run of a
    /// scenario that expects a violation may well pass.
    pub fn as_expected(&self) -> Option<bool> {
        match (self.verdict(), &self.scenario.expect) {
            (Verdict::Violation, expect) => Some(
                self.violation()
                    .is_some_and(|name| expect.is_named(name, self.is_builtin())),
            ),
            (Verdict::Pass, _) => Some(true),
            (Verdict::Partial | Verdict::Unsupported, _) => None,
        }
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.ran.as_ref().map_or(0, |ran| ran.steps)
    }

    /// The names of the threads that were still inside a call.
    pub fn parked(&self) -> Vec<&str> {
        let parked = self.ran.iter().flat_map(|ran| &ran.parked);
        parked
            .map(|&thread| self.scenario.names.thread_name(thread))
            .collect()
    }

    /// The same without what was seen: all that is kept of one of several runs.
    fn without_events(mut self) -> Run {
        if let Ok(ran) = &mut self.ran {
            ran.events = Vec::new();
            ran.changes = Vec::new();
        }
        self
    }

    /// What it comes to.
    pub fn exit(&self) -> Exit {
        self.verdict().exit(self.as_expected())
    }
}

/// Several seeds.
#[derive(Debug, Clone)]
pub struct Runs {
    /// How many seeds were asked for: more than there are runs if somebody stopped it.
    pub seeds: u64,
    /// How many runs there were of each verdict.
    counts: BTreeMap<Verdict, u64>,
    /// What the worst run comes to.
    worst: Exit,
    /// Each run, by its seed, if they are wanted: there is no end to what they take.
    runs: Option<Vec<Run>>,
}

impl Runs {
    /// None yet of so many; whether each one is kept, or only counted.
    pub fn of(seeds: u64, kept: bool) -> Runs {
        Runs {
            seeds,
            counts: BTreeMap::new(),
            worst: Exit::AsExpected,
            runs: kept.then(Vec::new),
        }
    }

    /// Adds the run of the next seed.
    pub fn add(&mut self, run: Run) {
        *self.counts.entry(run.verdict()).or_default() += 1;
        self.worst = Exit::worst([self.worst.clone(), run.exit()]);
        if let Some(runs) = &mut self.runs {
            runs.push(run.without_events());
        }
    }

    /// Those that were kept.
    pub fn kept(&self) -> &[Run] {
        self.runs.as_deref().unwrap_or_default()
    }

    /// How many runs came to this verdict.
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.counts.get(&verdict).copied().unwrap_or(0)
    }

    /// How many runs there were.
    pub fn count_all(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Whether each seed had its turn.
    pub fn complete(&self) -> bool {
        self.count_all() == self.seeds
    }

    /// The worst of the verdicts.
    pub fn verdict(&self) -> Verdict {
        let any = |verdict| self.count(verdict) > 0;
        match () {
            () if any(Verdict::Violation) => Verdict::Violation,
            () if any(Verdict::Partial) || !self.complete() => Verdict::Partial,
            () => Verdict::Pass,
        }
    }

    /// What they come to.
    pub fn exit(&self) -> Exit {
        let stopped = match self.complete() {
            true => Exit::AsExpected,
            false => Exit::Partial,
        };
        Exit::worst([self.worst.clone(), stopped])
    }
}

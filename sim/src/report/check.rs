//! What `check` found: every interleaving of a scenario, or many runs of it.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use portsim_model::property::Violation;

use super::covered::Covered;
use super::exit::Exit;
use super::record::Fate;
use super::units::counted;
use super::verdict::{Verdict, bounds};
use crate::check::{Cut, Exploration, Found};
use crate::choose::Policy;
use crate::cross_check::follow::{Confirmed, Unplayed};
use crate::explore::Tour;
use crate::names::Names;
use crate::scenario::{Expect, Scenario};
use crate::trace::changes::Change;
use crate::trace::{End, Event};
use crate::walk::Walked;

/// Each scenario with each personality.
#[derive(Debug, Clone)]
pub struct Checks {
    /// In the order in which they were asked for.
    pub checks: Vec<Check>,
    /// Which claims decided something, where that was asked.
    pub covered: Option<Covered>,
}

impl Checks {
    /// What they come to.
    pub fn exit(&self) -> Exit {
        Exit::worst(self.checks.iter().map(Check::exit))
    }
}

/// One scenario with one personality.
#[derive(Debug, Clone)]
pub struct Check {
    /// What was checked.
    pub scenario: Arc<Scenario>,
    /// The personality.
    pub personality: &'static str,
    /// Processors of the machine.
    pub processors: u32,
    /// How it was checked, and what came of it.
    pub method: Method,
    /// Whether nothing else was asked for: then a violation is shown even where it is expected.
    pub alone: bool,
}

/// How a scenario was checked.
#[derive(Debug, Clone)]
pub enum Method {
    /// Not at all: the personality lacks this.
    Unsupported(String),
    /// Every interleaving was explored.
    Explored(Box<Explored>),
    /// Many runs were sampled.
    Walked(Walk),
}

/// An exploration.
#[derive(Debug, Clone)]
pub struct Explored {
    /// What it found.
    pub exploration: Exploration,
    /// The run that shows it.
    pub counterexample: Counterexample,
    /// The bound on preemptions.
    pub preemptions: Option<u8>,
    /// What came of the run that shows it on backends, where that was asked.
    pub confirmed: Vec<Confirmed>,
    /// The folder in which checkpoints are kept.
    pub folder: Option<PathBuf>,
    /// What a page shows of it, where one was asked for.
    pub tour: Option<Tour>,
    /// How long it took.
    pub seconds: f64,
}

/// The run that shows what was found; without events where the first state does, or no run.
#[derive(Debug, Clone, Default)]
pub struct Counterexample {
    /// What is seen of it.
    pub events: Vec<Event>,
    /// Who is inside a call at its end, and who cannot move.
    pub end: End,
    /// What each step changes, where that was asked.
    pub changes: Vec<Change>,
    /// The event with which a loop begins that goes round for ever, counted from 1.
    pub loop_at: Option<u64>,
    /// What is wrong at its end, in a sentence; empty where no run shows what was found.
    pub culprit: String,
}

/// Many runs.
#[derive(Debug, Clone)]
pub struct Walk {
    /// Who chose.
    pub policy: Policy,
    /// What was seen.
    pub walked: Walked,
    /// How long it took.
    pub seconds: f64,
}

impl Walk {
    /// The names of the `sometimes` properties that some state has shown, or that none has.
    pub fn sometimes<'n>(&self, names: &'n Names, shown: bool) -> Vec<&'n str> {
        let all = names.sometimes.iter().zip(&self.walked.shown);
        all.filter(|(_, was_shown)| **was_shown == shown)
            .map(|(name, _)| name.as_str())
            .collect()
    }
}

impl Check {
    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        match &self.method {
            Method::Unsupported(_) => Verdict::Unsupported,
            Method::Explored(explored) => {
                match (explored.exploration.found, explored.exploration.cut) {
                    (Some(_), _) => Verdict::Violation,
                    (None, Some(_)) => Verdict::Partial,
                    (None, None) => Verdict::Pass,
                }
            }
            Method::Walked(walk) if walk.walked.found.is_some() => Verdict::Violation,
            Method::Walked(_) => Verdict::Partial,
        }
    }

    /// The property that does not hold.
    pub fn property(&self) -> Option<&str> {
        let names = &self.scenario.names;
        match &self.method {
            Method::Unsupported(_) => None,
            Method::Explored(explored) => {
                let found = explored.exploration.found?;
                Some(found.property(names))
            }
            Method::Walked(walk) => {
                let (_, violation) = walk.walked.found?;
                Some(names.property(violation))
            }
        }
    }

    /// Whether that is an invariant of every port.
    pub fn is_builtin(&self) -> bool {
        let violation = match &self.method {
            Method::Unsupported(_) => None,
            Method::Explored(explored) => match explored.exploration.found {
                Some(Found::Violation(violation)) => Some(violation),
                _ => None,
            },
            Method::Walked(walk) => walk.walked.found.map(|(_, violation)| violation),
        };
        matches!(violation, Some(Violation::Builtin(_)))
    }

    /// Why it is partial or unsupported.
    pub fn why(&self) -> Option<Cow<'_, str>> {
        match &self.method {
            Method::Unsupported(lacks) => Some(Cow::Borrowed(lacks)),
            Method::Explored(explored) => explored.exploration.cut.map(|cut| match cut {
                Cut::Bound => Cow::Owned(bounds(&self.scenario)),
                cut => Cow::Borrowed(cut.words()),
            }),
            Method::Walked(walk) if walk.walked.found.is_some() => None,
            Method::Walked(walk) if walk.walked.stopped => Some(Cut::Stopped.words().into()),
            Method::Walked(_) => Some("runs were sampled, not all explored".into()),
        }
    }

    /// Whether the verdict is the expected one; none where nothing was judged, or not everything.
    pub fn as_expected(&self) -> Option<bool> {
        match (self.verdict(), &self.scenario.expect) {
            (Verdict::Pass, expect) => Some(*expect == Expect::Pass),
            (Verdict::Violation, expect) => Some(
                self.property()
                    .is_some_and(|name| expect.is_named(name, self.is_builtin())),
            ),
            (Verdict::Partial | Verdict::Unsupported, _) => None,
        }
    }

    /// What it comes to.
    pub fn exit(&self) -> Exit {
        let on_backends = self.confirmed().iter().map(|confirmed| {
            match (Fate::of(confirmed.followed.as_ref()), &confirmed.followed) {
                (Fate::Refused, _) => Exit::Unexpected,
                (_, Err(Unplayed::Unavailable(why))) => {
                    Exit::Unavailable(format!("{}: {why}", confirmed.on))
                }
                _ => Exit::AsExpected,
            }
        });
        Exit::worst(
            [self.verdict().exit(self.as_expected())]
                .into_iter()
                .chain(on_backends),
        )
    }

    /// What came of the run that shows the violation on backends.
    pub fn confirmed(&self) -> &[Confirmed] {
        self.explored().map_or(&[], |explored| &explored.confirmed)
    }

    /// The exploration, where there was one.
    pub fn explored(&self) -> Option<&Explored> {
        match &self.method {
            Method::Explored(explored) => Some(explored),
            Method::Unsupported(_) | Method::Walked(_) => None,
        }
    }

    /// What a page shows of it.
    pub fn into_tour(self) -> Option<Tour> {
        match self.method {
            Method::Explored(explored) => explored.tour,
            Method::Unsupported(_) | Method::Walked(_) => None,
        }
    }

    /// The walk, where there was one.
    pub fn walk(&self) -> Option<&Walk> {
        match &self.method {
            Method::Walked(walk) => Some(walk),
            Method::Unsupported(_) | Method::Explored(_) => None,
        }
    }

    /// How long it took.
    pub fn seconds(&self) -> f64 {
        match &self.method {
            Method::Unsupported(_) => 0.0,
            Method::Explored(explored) => explored.seconds,
            Method::Walked(walk) => walk.seconds,
        }
    }

    /// Different states that were seen.
    pub fn states(&self) -> u64 {
        match &self.method {
            Method::Unsupported(_) => 0,
            Method::Explored(explored) => explored.exploration.states,
            Method::Walked(walk) => walk.walked.states,
        }
    }

    /// States generated, or steps of all runs.
    pub fn transitions(&self) -> u64 {
        match &self.method {
            Method::Unsupported(_) => 0,
            Method::Explored(explored) => explored.exploration.transitions,
            Method::Walked(walk) => walk.walked.steps,
        }
    }
}

impl Explored {
    /// Whether everything was explored.
    pub fn complete(&self) -> bool {
        self.exploration.cut.is_none() && self.exploration.found.is_none()
    }

    /// What was left out of the search, because it could find nothing there.
    pub fn reductions(&self) -> Vec<String> {
        let orbits = self.exploration.orbits.iter();
        let mut words: Vec<_> = orbits
            .map(|threads| format!("symmetry of {threads} threads"))
            .collect();
        if self.exploration.dead {
            words.push("unread results".to_owned());
        }
        if self.exploration.states_reduced > 0 {
            words.push(format!(
                "orders of independent steps in {}",
                counted(self.exploration.states_reduced, "state")
            ));
        }
        words
    }
}

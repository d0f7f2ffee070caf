//! What scenarios came to in many runs at full speed.

use std::path::PathBuf;
use std::sync::Arc;

use super::exit::Exit;
use crate::admit::Refusal;
use crate::names::Names;
use crate::native::NoRecording;
use crate::scenario::Scenario;
use crate::trace::{End, Event, Span};

/// Each scenario on each backend.
#[derive(Debug, Clone)]
pub struct Histograms {
    /// In the order in which they were asked for.
    pub histograms: Vec<Histogram>,
    /// Whether nobody stopped it.
    pub complete: bool,
}

/// One scenario on one backend.
#[derive(Debug, Clone)]
pub struct Histogram {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// The backend.
    pub on: String,
    /// The operating system under it, and its release.
    pub os: String,
    /// The personality that says what may come out.
    pub personality: &'static str,
    /// Runs that were made.
    pub runs: u64,
    /// Whether everything is known that may come out: else what came out was judged alone.
    pub known: bool,
    /// What came out, and what may have.
    pub outcomes: Vec<Outcome>,
    /// Why there are no more runs.
    pub failed: Option<Failed>,
}

/// Why a scenario was not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// The backend or its judge lacks something.
    Unsupported(String),
    /// The backend cannot run here, or failed.
    Unavailable(String),
}

impl From<NoRecording> for Failed {
    fn from(failed: NoRecording) -> Failed {
        match failed {
            NoRecording::Unsupported(why) => Failed::Unsupported(why),
            failed => Failed::Unavailable(failed.words(&Names::default())),
        }
    }
}

/// One outcome.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What each thread was told, in words.
    pub outcome: String,
    /// How often.
    pub times: u64,
    /// Whether it may come.
    pub status: Status,
    /// A run that shows it.
    pub witness: Option<Witness>,
    /// Why that may not be.
    pub refusal: Option<Refusal>,
}

/// Whether an outcome may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// The model cannot show it, or not with these times.
    Forbidden,
    /// Nobody knows.
    Unknown,
    /// The model can show it.
    Allowed,
    /// The model can show nothing else.
    Required,
}

impl Status {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Forbidden => "forbidden",
            Status::Unknown => "unknown",
            Status::Allowed => "allowed",
            Status::Required => "required",
        }
    }
}

/// A run at full speed.
#[derive(Debug, Clone)]
pub struct Witness {
    /// The seed of its branches and pauses.
    pub seed: u64,
    /// Its calls, by the time before each.
    pub events: Vec<Event>,
    /// When each was.
    pub spans: Vec<Span>,
    /// Who was inside a call at its end.
    pub end: End,
    /// Where it is kept.
    pub file: Option<PathBuf>,
}

impl Outcome {
    /// An outcome that was not seen yet.
    pub fn of(outcome: &str, status: Status) -> Outcome {
        Outcome {
            outcome: outcome.to_owned(),
            times: 0,
            status,
            witness: None,
            refusal: None,
        }
    }
}

/// How often an outcome came, in a word.
pub fn observation(times: u64, runs: u64) -> &'static str {
    match times {
        0 => "never",
        all if all == runs => "always",
        _ => "sometimes",
    }
}

impl Histogram {
    /// What should not have come first, then what never came, then the others, the rarest first.
    pub fn sort(&mut self) {
        self.outcomes.sort_by_key(|outcome| {
            let surprises = match (outcome.status, outcome.times) {
                (Status::Forbidden, _) => 0,
                (Status::Unknown, _) => 1,
                (_, 0) => 2,
                _ => 3,
            };
            (surprises, outcome.times, outcome.outcome.clone())
        });
    }

    /// Whether something came that may not.
    pub fn is_refused(&self) -> bool {
        let forbidden = |outcome: &Outcome| outcome.status == Status::Forbidden;
        self.outcomes.iter().any(forbidden)
    }

    /// What it comes to.
    pub fn exit(&self) -> Exit {
        match &self.failed {
            _ if self.is_refused() => Exit::Unexpected,
            Some(Failed::Unavailable(why)) => {
                Exit::Unavailable(format!("{} on {}: {why}", self.scenario.name, self.on))
            }
            Some(Failed::Unsupported(_)) | None => Exit::AsExpected,
        }
    }
}

impl Histograms {
    /// What they come to.
    pub fn exit(&self) -> Exit {
        let stopped = match self.complete {
            true => Exit::AsExpected,
            false => Exit::Partial,
        };
        let all = self.histograms.iter().map(Histogram::exit);
        Exit::worst(all.chain([stopped]))
    }
}

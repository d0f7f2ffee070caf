//! What `record` made.

use std::path::PathBuf;
use std::sync::Arc;

use super::exit::Exit;
use crate::cross_check::follow::{Followed, Unplayed};
use crate::scenario::Scenario;
use crate::trace::Trace;

/// What became of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It came to its end.
    Recorded,
    /// It could not go on.
    Cut,
    /// The backend cannot play the scenario.
    Unsupported,
}

impl Verdict {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Recorded => "recorded",
            Verdict::Cut => "cut",
            Verdict::Unsupported => "unsupported",
        }
    }
}

/// One recording.
#[derive(Debug, Clone)]
pub struct Record {
    /// What was recorded.
    pub scenario: Arc<Scenario>,
    /// The backend.
    pub on: String,
    /// What the choices were drawn from.
    pub seed: u64,
    /// The file, where one was wanted.
    pub file: Option<PathBuf>,
    /// Whether it is wanted as lines that other tools read.
    pub lines: bool,
    /// What was seen; an `Err` says what the backend lacks.
    pub recorded: Result<Recorded, String>,
    /// Whose rules judge it and what came of the path, where one was followed.
    pub followed: Option<(&'static str, Followed)>,
}

/// What became of a path that was conducted on a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It happened, turn by turn.
    Happened,
    /// The backend went another way, which its model could have gone too.
    AnotherWay,
    /// The backend did what its model cannot.
    Refused,
    /// The backend cannot play it.
    Unsupported,
    /// The backend cannot run here, or failed.
    Unavailable,
}

impl Fate {
    /// What became of it.
    pub fn of(followed: Result<&Followed, &Unplayed>) -> Fate {
        match followed {
            Err(Unplayed::Unsupported(_)) => Fate::Unsupported,
            Err(Unplayed::Unavailable(_)) => Fate::Unavailable,
            Ok(followed) if !followed.is_admitted() => Fate::Refused,
            Ok(followed) if followed.happened() => Fate::Happened,
            Ok(_) => Fate::AnotherWay,
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Fate::Happened => "happened",
            Fate::AnotherWay => "another way",
            Fate::Refused => "refused",
            Fate::Unsupported => "unsupported",
            Fate::Unavailable => "unavailable",
        }
    }
}

/// What was seen.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The trace; without an end, where the recording could not go on.
    pub trace: Trace,
    /// Why the recording ended.
    pub ended: String,
}

impl Record {
    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        match &self.recorded {
            Err(_) => Verdict::Unsupported,
            Ok(recorded) if recorded.trace.end.is_none() => Verdict::Cut,
            Ok(_) => Verdict::Recorded,
        }
    }

    /// Why the recording ended, or why there is none.
    pub fn ended(&self) -> &str {
        match &self.recorded {
            Ok(recorded) => &recorded.ended,
            Err(lacks) => lacks,
        }
    }

    /// The names of the threads that were still inside a call.
    pub fn parked(&self) -> Vec<&str> {
        let trace = self.recorded.iter().map(|recorded| &recorded.trace);
        let parked = trace
            .flat_map(|trace| &trace.end)
            .flat_map(|end| &end.parked);
        parked
            .map(|&thread| self.scenario.names.thread_name(thread))
            .collect()
    }

    /// What became of the path that was to be followed.
    pub fn fate(&self) -> Option<Fate> {
        let (_, followed) = self.followed.as_ref()?;
        Some(Fate::of(Ok(followed)))
    }

    /// What it comes to.
    pub fn exit(&self) -> Exit {
        match self.verdict() {
            Verdict::Cut => Exit::Unavailable(format!(
                "{} on {}: {}",
                self.scenario.name,
                self.on,
                self.ended()
            )),
            Verdict::Recorded if self.fate().is_some_and(|fate| fate != Fate::Happened) => {
                Exit::Unexpected
            }
            Verdict::Recorded | Verdict::Unsupported => Exit::AsExpected,
        }
    }
}

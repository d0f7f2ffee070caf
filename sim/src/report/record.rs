//! What `record` made.

use std::path::PathBuf;
use std::sync::Arc;

use super::exit::Exit;
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

    /// What it comes to.
    pub fn exit(&self) -> Exit {
        match self.verdict() {
            Verdict::Cut => Exit::Unavailable(format!(
                "{} on {}: {}",
                self.scenario.name,
                self.on,
                self.ended()
            )),
            Verdict::Recorded | Verdict::Unsupported => Exit::AsExpected,
        }
    }
}

//! What `admit` says of logs.

use std::path::PathBuf;

use super::admit::Verdict;
use super::covered::Covered;
use super::exit::Exit;
use crate::log::Judged;

/// Each log.
#[derive(Debug, Clone)]
pub struct Logs {
    /// In the order in which they were named.
    pub logs: Vec<Log>,
    /// The claims that the logs needed, where somebody asked.
    pub covered: Option<Covered>,
    /// How many were named: more than there are here if somebody stopped it.
    pub named: usize,
}

impl Logs {
    /// Whether each log had its turn.
    pub fn complete(&self) -> bool {
        self.logs.len() == self.named
    }

    /// What they come to.
    pub fn exit(&self) -> Exit {
        let stopped = match self.complete() {
            true => Exit::AsExpected,
            false => Exit::Partial,
        };
        let exits = self.logs.iter().map(|log| log.verdict().exit());
        Exit::worst(exits.chain([stopped]))
    }
}

/// One log.
#[derive(Debug, Clone)]
pub struct Log {
    /// The file.
    pub file: PathBuf,
    /// How it is written.
    pub format: &'static str,
    /// The map of its fields, where one was needed.
    pub map: Option<PathBuf>,
    /// How many calls it has.
    pub calls: usize,
    /// How many threads make them.
    pub threads: usize,
    /// On how many ports.
    pub ports: usize,
    /// Calls that the map does not know, with how often they came.
    pub unknown: Vec<(String, u64)>,
    /// Who judged it.
    pub systems: Vec<System>,
    /// Whether it was asked which systems fit, and not whether one does.
    pub asks_all: bool,
}

/// What one system says of a log.
#[derive(Debug, Clone)]
pub struct System {
    /// Which.
    pub personality: &'static str,
    /// Processors of its machine.
    pub processors: u32,
    /// What it says; an `Err` says what it lacks.
    pub judged: Result<Judged, String>,
}

impl System {
    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        match &self.judged {
            Err(_) => Verdict::Unsupported,
            Ok(judged) if judged.refused.is_some() => Verdict::Refused,
            Ok(judged) if judged.gave_up => Verdict::Partial,
            Ok(_) => Verdict::Admitted,
        }
    }

    /// Why it is unsupported, or what else is to be known.
    pub fn why(&self) -> Option<String> {
        match &self.judged {
            Err(lacks) => Some(lacks.clone()),
            Ok(judged) if judged.notes.is_empty() => None,
            Ok(judged) => Some(judged.notes.join("; ")),
        }
    }
}

impl Log {
    /// The verdict: of one system, or whether any fits.
    pub fn verdict(&self) -> Verdict {
        let mut verdicts = self.systems.iter().map(System::verdict);
        match self.asks_all {
            true => Verdict::of_all(verdicts),
            false => verdicts.next().unwrap_or(Verdict::Unsupported),
        }
    }
}

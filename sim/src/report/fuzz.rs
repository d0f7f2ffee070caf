//! What `fuzz` found.

use std::path::PathBuf;
use std::sync::Arc;

use super::cross_check::with_backends;
use super::exit::Exit;
use super::totals::Totals;
use crate::explore::Tour;
use crate::fuzz::Found;
use crate::scenario::Scenario;

/// Scenarios that were made up, on backends and on the model.
#[derive(Debug, Clone, Default)]
pub struct Fuzzed {
    /// Each backend.
    pub sweeps: Vec<Sweep>,
    /// How many cases of each verdict.
    pub totals: Totals,
    /// Divergences, each once.
    pub found: Vec<Divergence>,
    /// Kinds of operation that were not drawn.
    pub left_out: Vec<LeftOut>,
    /// Reasons of the cases without a verdict.
    pub reasons: Vec<Reason>,
    /// Processors of a backend that has no say in that.
    pub processors: u32,
    /// How long it took.
    pub seconds: f64,
    /// Whether every seed had its turn.
    pub complete: bool,
}

/// All cases on one backend.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// The backend.
    pub on: String,
    /// The personality that judged.
    pub personality: &'static str,
    /// How many cases.
    pub cases: u64,
    /// How long they took.
    pub seconds: f64,
}

/// One divergence.
#[derive(Debug, Clone)]
pub struct Divergence {
    /// The backend.
    pub on: String,
    /// The personality that judged.
    pub personality: &'static str,
    /// The first case that shows it, made small.
    pub found: Found,
    /// Where the small case is kept.
    pub file: PathBuf,
    /// How many seeds came to it.
    pub times: u64,
    /// The small case, and what a page shows of it, where one was asked for.
    pub tour: Option<(Arc<Scenario>, Tour)>,
}

/// A kind of operation that was not drawn.
#[derive(Debug, Clone)]
pub struct LeftOut {
    /// The backend.
    pub on: String,
    /// The personality.
    pub personality: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// Why not.
    pub why: String,
}

/// Why cases have no verdict.
#[derive(Debug, Clone)]
pub struct Reason {
    /// The backend.
    pub on: String,
    /// What became of them.
    pub without: Without,
    /// Why.
    pub why: String,
    /// How many cases.
    pub cases: u64,
    /// The first of them.
    pub seed: u64,
    /// The scenario of that, where the backend failed.
    pub file: Option<PathBuf>,
}

/// What became of a case that has no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Without {
    /// It is not for its pair after all.
    Unsupported,
    /// The backend failed.
    Unavailable,
}

impl Without {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Without::Unsupported => "unsupported",
            Without::Unavailable => "unavailable",
        }
    }
}

impl Fuzzed {
    /// Scenarios that were made, once for each backend.
    pub fn cases(&self) -> u64 {
        self.sweeps.iter().map(|sweep| sweep.cases).sum()
    }

    /// What it comes to.
    pub fn exit(&self) -> Exit {
        let failed = |reason: &&Reason| reason.without == Without::Unavailable;
        self.totals.exit(self.complete, || {
            let first = self.reasons.iter().find(failed);
            with_backends(first.map_or("", |reason| &reason.why))
        })
    }
}

//! What `distinguish` found.

use super::exit::Exit;
use crate::distinguish::Told;

/// Two systems, and the smallest scenarios that tell them apart.
#[derive(Debug, Clone)]
pub struct Distinguished {
    /// The systems, with readings behind a colon.
    pub a: &'static str,
    /// See [`Distinguished::a`].
    pub b: &'static str,
    /// Each scenario, the smallest first.
    pub found: Vec<Experiment>,
    /// How many scenarios were compared.
    pub compared: u64,
    /// How many had too many situations to be compared.
    pub left_out: u64,
    /// The most operations, and the most threads, of those.
    pub bound: (usize, usize),
    /// Whether all up to the first that was found, or up to the bound, were compared.
    pub complete: bool,
    /// Seconds that it took.
    pub seconds: f64,
}

/// One scenario that tells two systems apart.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// What it says of each.
    pub told: Told,
    /// Operations of all threads.
    pub operations: usize,
}

impl Experiment {
    /// How many threads it has.
    pub fn threads(&self) -> usize {
        self.told.draft.threads.len()
    }

    /// How many turns it prescribes; none if any order will do.
    pub fn turns(&self) -> Option<usize> {
        self.told.draft.schedule.as_ref().map(Vec::len)
    }
}

impl Distinguished {
    /// What it comes to. That nothing tells two systems apart up to a bound is an answer too.
    pub fn exit(&self) -> Exit {
        match self.complete {
            true => Exit::AsExpected,
            false => Exit::Partial,
        }
    }
}

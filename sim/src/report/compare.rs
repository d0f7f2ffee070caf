//! What `compare` shows.

use super::exit::Exit;
use crate::compare::Group;

/// Scenarios on all systems.
#[derive(Debug, Clone)]
pub struct Compared {
    /// Each scenario.
    pub scenarios: Vec<Sided>,
    /// Whether every scenario had its turn.
    pub complete: bool,
}

/// One scenario on several systems, side by side.
#[derive(Debug, Clone)]
pub struct Sided {
    /// The scenario's name.
    pub name: String,
    /// The question that it answers.
    pub why: String,
    /// Every system, whichever of them the scenario is meant for, in groups that do the same.
    pub groups: Vec<Group>,
}

impl Compared {
    /// What it comes to: nothing is expected of systems.
    pub fn exit(&self) -> Exit {
        match self.complete {
            true => Exit::AsExpected,
            false => Exit::Partial,
        }
    }
}

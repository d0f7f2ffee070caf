//! What a compiled scenario keeps of its file besides the program.

use portsim_model::program::ThreadId;

/// The names that a scenario gives to the parts of its program; each list is in the order of the ids.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Threads: `a`, `worker[0]`.
    pub threads: Vec<String>,
    /// Groups, and their threads.
    pub groups: Vec<(String, Vec<ThreadId>)>,
    /// Ports.
    pub ports: Vec<String>,
    /// Events, mutexes and semaphores.
    pub objects: Vec<String>,
    /// Sources.
    pub sources: Vec<String>,
    /// Variables, one name for each place: `stop`, `alive[0]`.
    pub vars: Vec<String>,
    /// For each code, the names of its results.
    pub slots: Vec<Vec<String>>,
    /// Properties that hold in every state.
    pub always: Vec<String>,
    /// Properties that some state must show.
    pub sometimes: Vec<String>,
    /// Properties of every state in which nothing can move any more.
    pub at_end: Vec<String>,
    /// What notes say.
    pub notes: Vec<String>,
}

/// What is expected of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Everything holds.
    Pass,
    /// This property, or this built-in invariant, does not hold.
    Violation(String),
}

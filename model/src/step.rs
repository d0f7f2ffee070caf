//! One atomic action of a system, named.

use crate::program::ThreadId;

/// One atomic action: who moves, and which of its alternatives it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    /// What kind of action it is.
    pub kind: StepKind,
    /// The thread that it is about.
    pub thread: ThreadId,
    /// Which of the thread's alternatives, counted from 0: a branch of its program, or an answer that the
    /// system leaves open.
    pub choice: u32,
}

/// Kinds of step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepKind {
    /// The thread makes its next operation, comes back from a stall, or ends.
    Turn,
    /// A thread that the kernel made runnable goes on inside its call.
    Wake,
    /// The clock moves to the deadline of the thread's call.
    Time,
}

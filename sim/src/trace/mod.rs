//! What an observer of a run wrote down.

use portsim_model::event::{Error, error_named};
use portsim_model::program::{Op, Packet, ThreadId};

/// One event of a trace, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A thread made a call; with its answer if it returned at once, without if it parked.
    Call {
        /// Who called.
        thread: ThreadId,
        /// What.
        op: Op,
        /// The answer, where it came at once.
        answer: Option<Answer>,
    },
    /// A call that had parked came back.
    Return {
        /// Who came back.
        thread: ThreadId,
        /// From what.
        op: Op,
        /// With what.
        answer: Answer,
    },
}

/// How a call ended, by value: what a system said, whether or not the scenario knows such a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It did what it was asked.
    Done,
    /// It took one packet.
    Packet(Packet),
    /// It took a batch, oldest first.
    Packets(Vec<Packet>),
    /// It failed, with the error as the system names it.
    Failed(String),
}

impl Answer {
    /// The portable meaning of a failure whose name is known.
    pub fn error(&self) -> Option<Error> {
        match self {
            Answer::Failed(name) => error_named(name),
            _ => None,
        }
    }
}

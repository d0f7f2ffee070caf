//! What an observer of a run wrote down: the only reader and writer of traces.
//!
//! A trace is a header, the events in order, and an end that says who was still inside a call. As a file
//! it is JSON lines (`line`, `wire`, `write`); for people it is lanes, one column a thread ([`lanes`]). [`Watcher`]
//! makes events of what a step of the model shows.

pub mod cells;
pub mod changes;
mod heard;
pub mod lanes;
mod line;
mod outcome;
mod polls;
mod read;
mod said;
mod told;
mod watch;
mod wire;
mod write;

pub(crate) use heard::Heard;
pub use line::{call_line, event_line, outcome_fields, packet_fields};
pub use outcome::answer_of;
#[cfg(all(any(test, fuzzing), not(loom)))]
pub(crate) use read::read_from;
pub use read::{Recorded, event_of, read};
pub use told::{Branch, Let, Teller, Told, counts_against};
pub use watch::{Watcher, answer};
pub use wire::{
    CallFields, FORMAT, Header, HeldFields, Mode, Origin, OutcomeFields, PacketFields, schema,
};
pub use write::{end_fields, held_fields, write, write_timed};

use portsim_model::claim::Claim;
use portsim_model::event::Error;
use portsim_model::os_error::error_named;
use portsim_model::program::{Op, Packet, ThreadId};
use portsim_model::step::StepKind;

/// One event of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What was seen.
    pub shown: Shown,
    /// Which of its alternatives the model took; 0 in what a kernel did.
    pub choice: u32,
    /// The claims that decided what happened, where somebody asked for them.
    pub by: Vec<&'static Claim>,
    /// What the step decided besides, in a run of the model; nothing in recordings, of which there are many.
    pub told: Option<Box<Told>>,
}

impl Event {
    /// What a kernel did, or a model whose choice and claims nobody asks for.
    pub fn of(shown: Shown) -> Event {
        Event {
            shown,
            choice: 0,
            by: Vec::new(),
            told: None,
        }
    }
}

/// What was seen in one event.
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
    /// A step of the model that an observer does not see.
    Silent {
        /// Whom it is about.
        thread: ThreadId,
        /// What it was.
        kind: StepKind,
    },
}

/// How a call ended, by value: what a system said, whether or not the scenario knows such a packet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// It did what it was asked.
    Done,
    /// It took one packet.
    Packet(Packet),
    /// It took a batch, oldest first.
    Packets(Vec<Packet>),
    /// It answered with a number.
    Value(i64),
    /// It compared this number with another one, and did nothing.
    Other(i64),
    /// It was an operation that ended in the call.
    Io {
        /// The NTSTATUS.
        status: u32,
        /// Bytes transferred, as the call says.
        bytes: i64,
    },
    /// Its time was over, as the system names it, and it took a batch all the same.
    Partial(String, Vec<Packet>),
    /// It failed, with the error as the system names it.
    Failed(String),
}

impl Answer {
    /// The portable meaning of a failure whose name is known.
    pub fn error(&self) -> Option<Error> {
        match self {
            Answer::Failed(name) | Answer::Partial(name, _) => error_named(name),
            _ => None,
        }
    }

    /// The portable meaning of a failure that says nothing else.
    fn failure(&self) -> Option<Error> {
        self.error().filter(|_| matches!(self, Answer::Failed(_)))
    }

    /// Whether two answers say the same, whatever each system calls an error.
    pub fn agrees(&self, other: &Answer) -> bool {
        if let (Answer::Partial(_, ours), Answer::Partial(_, theirs)) = (self, other) {
            return self.error() == other.error() && ours == theirs;
        }
        match (self.failure(), other.failure()) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => self == other,
        }
    }
}

impl Shown {
    /// Whom the event is about.
    pub fn thread(&self) -> ThreadId {
        match self {
            Shown::Call { thread, .. }
            | Shown::Return { thread, .. }
            | Shown::Silent { thread, .. } => *thread,
        }
    }

    /// Whether two events say the same to an observer, whatever each system calls an error.
    pub fn agrees(&self, other: &Shown) -> bool {
        if self.thread() != other.thread() {
            return false;
        }
        match (self, other) {
            (
                Shown::Call { op, answer, .. },
                Shown::Call {
                    op: called,
                    answer: given,
                    ..
                },
            ) => {
                op.form() == called.form()
                    && match (answer, given) {
                        (Some(ours), Some(theirs)) => ours.agrees(theirs),
                        (None, None) => true,
                        _ => false,
                    }
            }
            (
                Shown::Return { op, answer, .. },
                Shown::Return {
                    op: from,
                    answer: given,
                    ..
                },
            ) => {
                // A return says from which operation, not from which call of it.
                op.verb().name() == from.verb().name() && answer.agrees(given)
            }
            _ => self == other,
        }
    }
}

/// When a call was made, in nanoseconds of a clock that all threads share and that never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Before it began.
    pub t0: u64,
    /// After it had ended; none while it has not.
    pub t1: Option<u64>,
}

/// How a recording ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct End {
    /// Threads that were still inside a call.
    pub parked: Vec<ThreadId>,
    /// Threads of a model that could not move; none in what a kernel did.
    pub held: Vec<Held>,
}

impl End {
    /// The end of what a kernel did, or of a model about which nobody asks more.
    pub fn of(parked: Vec<ThreadId>) -> End {
        let held = Vec::new();
        End { parked, held }
    }
}

/// A thread that cannot move at the end of a run of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub thread: ThreadId,
    /// What it is in or has to make next; none where it has several ways to go on.
    pub op: Option<Op>,
    /// Whether it is in there: else it stands before.
    pub is_inside: bool,
    /// The claim that keeps it from moving; none where it waits for something that is not there.
    pub claim: Option<&'static Claim>,
}

/// A whole trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Where it comes from.
    pub header: Header,
    /// What was seen, in order.
    pub events: Vec<Event>,
    /// When each event was, in a trace of threads that ran at full speed; else nothing.
    pub spans: Vec<Span>,
    /// How it ended; none for a trace that was cut.
    pub end: Option<End>,
}

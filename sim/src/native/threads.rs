//! The threads of one run, wherever they live.

use std::time::Duration;

use portsim_model::op::{Noun, Role};
use portsim_model::program::{Op, ThreadId};

use super::failure::Failure;
use crate::trace::{Answer, Span};

/// A program's threads and ports on one backend, for one run.
///
/// Between two calls of [`Threads::quiet`] at most one thread is told to move. Whoever implements this owns the
/// question whether a thread is parked: an agent asks its own machine, threads of this process are looked at
/// from outside.
pub trait Threads {
    /// Lets a thread that is in no call make one. Does not wait for it.
    fn start(&mut self, thread: ThreadId, op: Op) -> Result<(), Failure>;

    /// Lets a thread that is in a stall come back from it. Does not wait for it.
    fn come_back(&mut self, thread: ThreadId) -> Result<(), Failure>;

    /// Waits until nothing moves: every thread has returned or is parked in its call. Threads named in `until`
    /// count as moving until they have returned. Gives every return since the last time, by thread.
    fn quiet(&mut self, until: &[ThreadId], limit: Duration) -> Result<Vec<Back>, Unquiet>;

    /// Whether a thread that is in no call belongs to a port that counts it, or takes I/O with it when it ends. Its end is
    /// an action then, which may release others, and so a turn.
    fn counts(&self, _: ThreadId) -> bool {
        false
    }

    /// The program of this thread is over; it is in no call and will make none. It has ended when this returns.
    fn leave(&mut self, thread: ThreadId) -> Result<(), Failure>;

    /// Something from outside (a signal) interrupted a wait, so the order of waiters may have changed.
    fn disturbed(&self) -> bool;

    /// Brings every thread home, wherever it is parked, and ends it. What it still returns is no part of the
    /// recording. Dropping the threads does the same and cannot report.
    fn end(&mut self) -> Result<(), Failure>;
}

/// Threads in another process at full speed, or why there are none.
pub type Far = Result<Box<dyn FarThreads>, String>;

/// A program's threads in another process, at full speed: nobody waits for one before the next is told to move.
pub trait FarThreads {
    /// Gives a thread one more call, which it makes when those are over that it was given before. `exit` ends it.
    fn give(&mut self, thread: ThreadId, op: Op);

    /// Asks whether anything still moves that was given before. The answer is heard.
    fn ask(&mut self);

    /// What is heard next; none if nothing comes within the limit.
    fn hear(&mut self, limit: Duration) -> Result<Option<Told>, Failure>;

    /// Brings every thread home, wherever it is. What it still returns is no part of the recording. Dropping them
    /// does the same and cannot report.
    fn end(&mut self) -> Result<(), Failure>;
}

/// What is heard of threads in another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The oldest call of a thread that had not returned has; its times are by the clock of that process.
    Returned(Back, Span),
    /// Whether a call still moves that was given before it was asked: one that has not returned and is not parked for
    /// good.
    Moves(bool),
}

/// A call came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// Whose.
    pub thread: ThreadId,
    /// With what.
    pub answer: Answer,
}

/// Why [`Threads::quiet`] gave up.
#[derive(Debug)]
pub enum Unquiet {
    /// A system call failed in a way that is no answer.
    Failed(Failure),
    /// The limit passed, and this thread was still moving.
    Overdue(ThreadId),
}

impl From<Failure> for Unquiet {
    fn from(failure: Failure) -> Unquiet {
        Unquiet::Failed(failure)
    }
}

/// Whom a call has ended, if that is what it did: that thread is in no call any more, and will make none.
pub fn ended_by(mut op: Op, answer: &Answer) -> Option<ThreadId> {
    let ended = op.describe().nouns().find_map(|noun| match noun {
        Noun::Thread(thread, Role::Ends) => Some(thread),
        _ => None,
    });
    ended.filter(|_| *answer == Answer::Done)
}

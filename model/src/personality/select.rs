//! poll and select on Linux: many threads that watch one descriptor.
//!
//! The descriptor is the reading end of a pipe that carries one record for each packet. A `get` is a loop: read
//! without waiting; if nothing is there, poll or select the descriptor, and read again. With `max` it reads on
//! until the pipe is empty or the batch is full. A `post` writes a record, and every thread that watches is woken: a herd.
//!
//! The sources are our measurements (M, by section of the notes on Unix systems) and the manual pages (D).
//!
//! # Divergence from the real system
//!
//! A read that finds nothing and the watch that follows it are one action; poll and select look themselves before
//! they sleep, so nothing is missed between them. The pipe is never full. More than one descriptor in a call,
//! signals and priorities are absent.

use super::{linux, notify};
use crate::about::{About, Limits};
use crate::claim::claims;
use crate::contract::Personality;
use crate::event::{Error, Observer, Outcome};
use crate::program::{Get, PortId, Post, ThreadId};
use crate::property::Fault;
use crate::state::View;
use crate::turn::Turn;

claims! {
    FIFO = "select/fifo", Documented, "D:pipe": "Records are read in the order in which they were written.";
    HERD = "select/herd", Measured, "M:E, M:F": "A record wakes every thread that watches the descriptor.";
    ANY_WINS = "select/any-wins", Measured, "M:F": "Which of the woken threads reads the record is left to chance.";
    RACE = "select/race", Measured, "M:E": "A record belongs to nobody: a thread that reads before the woken ones run takes it.";
    ROBBED_WATCHES_AGAIN = "select/robbed-watches-again", Documented, "D:select": "A woken thread that reads nothing must watch again: the wakeup promised nothing.";
    BATCH = "select/batch", Derived, "the loop": "A call takes as many records as are there, up to its maximum, and never waits for more.";
    BATCH_ZERO = "select/batch-zero", Derived, "the loop": "A maximum of 0 is EINVAL.";
    TIMEOUT = "select/timeout", Measured, "M:F": "A call that times out, and then reads nothing, fails with ETIMEDOUT.";
    NO_LIMIT = "select/no-limit", Measured, "M:F": "Nothing limits how many woken threads run; the concurrency value means nothing.";
    CLOSE_STAYS = "select/close-stays", Measured, "M:E": "Closing the descriptor wakes nobody.";
    CLOSED_DESCRIPTOR = "select/closed-descriptor", Documented, "D:read": "A call on a closed descriptor fails with EBADF.";
    WOKEN_THEN_CLOSED = "select/woken-then-closed", Documented, "D:read": "A thread that was woken before the close finds no descriptor, and fails with EBADF.";
    NO_LOST_WAKEUP = "select/no-lost-wakeup", Inferred, "M:F": "While a record is in the pipe and a thread watches, some other thread is awake to read it.";
}

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Select;

static ABOUT: About = About {
    name: "select",
    sources: "M: measured here; D: the manual pages of Linux",
    lacks_the_rest: "select has no such operation",
    limits: Limits {
        minimum: Some("select tells of one descriptor, and a read takes what is there"),
        named: Some("a pipe has no name"),
        ..linux::LIMITS
    },
    invariants: &[NO_LOST_WAKEUP],
    no_limit: Some(NO_LIMIT),
    keeps_order: Some(FIFO),
    ..linux::ABOUT
};

impl Personality for Select {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// read, then poll or select.
    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if !notify::fails_at_once(turn, me, get, BATCH_ZERO, CLOSED_DESCRIPTOR) {
            notify::takes_or_waits(turn, me, get, take, RACE, TIMEOUT);
        }
    }

    /// write.
    fn post<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, post: Post) {
        if !turn.port(post.port).is_open() {
            return turn.fails(me, CLOSED_DESCRIPTOR, Error::BadHandle);
        }
        notify::append(turn, post.port, post.packet.0);
        turn.by(HERD);
        notify::wake_all(turn, post.port);
        turn.returns(me, Outcome::Done);
    }

    fn close<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        notify::close_quietly(turn, me, port, CLOSED_DESCRIPTOR, CLOSE_STAYS);
        notify::drop_if_unused(turn, port);
    }

    /// Woken threads go on in any order, and what each finds decides.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if !turn.port(get.port).is_open() {
            turn.by(WOKEN_THEN_CLOSED);
            turn.releases(me, Outcome::Failed(Error::BadHandle));
        } else if let Some(outcome) = take(turn, get) {
            turn.by(ANY_WINS);
            turn.releases(me, outcome);
        } else {
            notify::finds_nothing(turn, me, get, TIMEOUT, ROBBED_WATCHES_AGAIN);
        }
        notify::drop_if_unused(turn, get.port);
    }

    /// It reads once more. The pipe is empty, or the record would have woken the thread; but it may be closed.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        notify::leaves(turn, me, get);
        let (claim, error) = match turn.port(get.port).is_open() {
            true => (TIMEOUT, Error::Timeout),
            false => (CLOSED_DESCRIPTOR, Error::BadHandle),
        };
        turn.by(claim);
        turn.releases(me, Outcome::Failed(error));
        notify::drop_if_unused(turn, get.port);
    }

    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        notify::nobody_is_stranded(view)
    }
}

fn take<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Option<Outcome> {
    notify::take_in_order(turn, get, usize::MAX, FIFO, BATCH)
}

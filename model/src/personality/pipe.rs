//! A pipe on Linux that many threads read from.
//!
//! The pipe carries one record for each packet. A `get` is a read that waits, with `max` one of as many records; a
//! poll is a read that must not wait (RWF_NOWAIT). A `post` writes a record. Readers wait in the kernel, oldest first,
//! and are woken one at a time: by a record that comes into an empty pipe, and by a reader that has waited itself and
//! leaves records behind.
//!
//! The sources are our measurements (M, by section of the notes on Unix systems), the kernel's fs/pipe.c (S, by
//! function) and its manual pages (D).
//!
//! # Divergence from the real system
//!
//! A read has no time limit; who wants one watches the pipe first, which is the system `select`. The pipe is never full,
//! so writers never wait, and somebody else always has both ends open: the end of the last writer, which ends every
//! read, is absent. Signals and priorities are absent.

use super::{linux, notify};
use crate::about::{About, Limits};
use crate::claim::{Claim, claims};
use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, Outcome};
use crate::program::{Get, Op, PortId, Post, Program, ThreadId, Timeout};
use crate::property::Fault;
use crate::state::View;
use crate::turn::Turn;

claims! {
    FIFO = "pipe/fifo", Documented, "D:pipe": "Records are read in the order in which they were written.";
    OLDEST = "pipe/oldest", Measured, "M:1.2, M:E": "A record that comes into an empty pipe wakes the reader that has waited longest, and no other.";
    NOT_EMPTY = "pipe/not-empty", Documented, "S:pipe_write": "A record that comes into a pipe that is not empty wakes nobody.";
    NEXT = "pipe/next", Documented, "S:pipe_read": "A reader that waited and leaves records behind wakes the one that has waited longest.";
    RACE = "pipe/race", Measured, "M:E": "A record belongs to nobody: a thread that reads before the woken reader runs takes it.";
    ROBBED_NEWEST = "pipe/robbed-newest", Measured, "M:1.3": "A woken reader that finds nothing waits again as the newest: it has lost its place.";
    BATCH = "pipe/batch", Documented, "D:read": "A read takes as many records as are there, up to its maximum, and never waits for more.";
    BATCH_ZERO = "pipe/batch-zero", Documented, "D:read": "A read of no records succeeds with none, at once.";
    POLL = "pipe/poll", Documented, "D:preadv2": "A read that must not wait fails if nothing is there (EAGAIN; here ETIMEDOUT, as everywhere).";
    NO_LIMIT = "pipe/no-limit", Measured, "M:E": "Nothing limits how many woken readers run; the concurrency value means nothing.";
    CLOSE_STAYS = "pipe/close-stays", Measured, "M:1.9": "Closing the descriptors wakes nobody as long as others name the pipe.";
    CLOSED_DESCRIPTOR = "pipe/closed-descriptor", Documented, "D:read": "A call on a closed descriptor fails with EBADF.";
    WOKEN_THEN_CLOSED = "pipe/woken-then-closed", Derived, "S:ksys_read, S:pipe_read": "A reader that was woken before the close is still inside its read, and takes the record.";
    NO_LOST_WAKEUP = "pipe/no-lost-wakeup", Inferred, "S:pipe_read, S:pipe_write": "While a record is in the pipe and a reader waits, some other thread is awake to read it.";
}

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Pipe;

static ABOUT: About = About {
    name: "pipe",
    sources: "M: measured here; S: the source of Linux, by function; D: its manual pages",
    lacks_the_rest: "a pipe has no such operation",
    limits: Limits {
        named: Some("a pipe has no name"),
        ..linux::LIMITS
    },
    invariants: &[NO_LOST_WAKEUP],
    no_limit: Some(NO_LIMIT),
    keeps_order: Some(FIFO),
    ..linux::ABOUT
};

impl Personality for Pipe {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn refuses(&self, _: &Program, op: Op) -> Option<&'static str> {
        let Op::Get { timeout, min, .. } = op else {
            return None;
        };
        match (timeout, min) {
            (Timeout::Ticks(1..), _) => Some("a read has no time limit"),
            (_, Some(_)) => Some("a read takes what is there"),
            _ => None,
        }
    }

    fn keeps_waiting(&self, view: View<'_>, me: ThreadId) -> Option<&'static Claim> {
        match view.port(view.get(me).port).packets().depth() {
            0 => None,
            1 => Some(OLDEST),
            _ => Some(NOT_EMPTY),
        }
    }

    /// read.
    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if !turn.port(get.port).is_open() {
            return turn.fails(me, CLOSED_DESCRIPTOR, Error::BadHandle);
        }
        if get.max == Some(0) {
            turn.by(BATCH_ZERO);
            return turn.returns(me, Outcome::Packets(Batch::EMPTY));
        }
        notify::takes_or_waits(turn, me, get, take, RACE, POLL);
    }

    /// write.
    fn post<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, post: Post) {
        if !turn.port(post.port).is_open() {
            return turn.fails(me, CLOSED_DESCRIPTOR, Error::BadHandle);
        }
        let was_empty = turn.port(post.port).packets().is_empty();
        notify::append(turn, post.port, post.packet.0);
        if !was_empty {
            turn.by(NOT_EMPTY);
        } else if notify::wake_oldest(turn, post.port) {
            turn.by(OLDEST);
        }
        turn.returns(me, Outcome::Done);
    }

    fn close<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        notify::close_quietly(turn, me, port, CLOSED_DESCRIPTOR, CLOSE_STAYS);
        notify::drop_if_unused(turn, port);
    }

    /// A woken reader reads what is there, and passes on that there is more.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if let Some(outcome) = take(turn, get) {
            if !turn.port(get.port).is_open() {
                turn.by(WOKEN_THEN_CLOSED);
            }
            turn.releases(me, outcome);
            if !turn.port(get.port).packets().is_empty() && notify::wake_oldest(turn, get.port) {
                turn.by(NEXT);
            }
        } else {
            turn.by(ROBBED_NEWEST);
            notify::waits_again(turn, me, get);
        }
        notify::drop_if_unused(turn, get.port);
    }

    fn expire<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Get) {
        unreachable!("a program that has a time limit is refused");
    }

    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        notify::nobody_is_stranded(view)
    }
}

fn take<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Option<Outcome> {
    notify::take_in_order(turn, get, usize::MAX, FIFO, BATCH)
}

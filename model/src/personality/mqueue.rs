//! A POSIX message queue on Linux that many threads receive from.
//!
//! A `get` is mq_timedreceive, a `post` is mq_send of a message of priority 0. A message goes to the thread that has
//! waited longest: the sender gives it to that thread itself, and it was never in the queue.
//!
//! The sources are our measurements (M, by section of the notes on Unix systems) and the manual pages (D).
//!
//! # Divergence from the real system
//!
//! The queue is never full, so senders never wait. Priorities of messages are absent, and so are those of threads, which
//! go before age among those that wait. A call receives one message; notification by a signal is absent. Of a queue
//! that is closed nothing is heard any more, although others that have it open could send to who waits there.

use super::{linux, notify};
use crate::about::{About, Limits};
use crate::claim::claims;
use crate::contract::Personality;
use crate::event::{Error, Observer, Outcome};
use crate::program::{Get, Op, PortId, Post, Program, ThreadId};
use crate::property::Fault;
use crate::state::View;
use crate::turn::Turn;

claims! {
    FIFO = "mqueue/fifo", Measured, "M:E, D:mq_overview": "Messages of one priority are received in the order in which they were sent.";
    OLDEST = "mqueue/oldest", Measured, "M:1.2, M:E": "A message goes to the thread that has waited longest, and wakes no other.";
    HANDOFF = "mqueue/handoff", Measured, "M:1.3, M:E": "A message that found a waiter is that waiter's: nobody can take it before it runs.";
    TIMEOUT = "mqueue/timeout", Documented, "D:mq_receive": "A call that times out fails with ETIMEDOUT; the others keep their order.";
    NO_LIMIT = "mqueue/no-limit", Measured, "M:E": "Nothing limits how many threads run; the concurrency value means nothing.";
    CLOSE_STAYS = "mqueue/close-stays", Measured, "M:1.9": "Closing the descriptor wakes nobody.";
    CLOSED_DESCRIPTOR = "mqueue/closed-descriptor", Documented, "D:mq_receive": "A call on a closed descriptor fails with EBADF.";
    NO_IDLE_WAITER = "mqueue/no-idle-waiter", Derived, "mqueue/handoff": "No thread waits while a message is in the queue.";
}

/// Why there are no batches.
const ONE_MESSAGE: &str = "mq_timedreceive receives one message";

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Mqueue;

static ABOUT: About = About {
    name: "mqueue",
    sources: "M: measured here; D: the manual pages of Linux",
    lacks_the_rest: "a message queue has no such operation",
    limits: Limits {
        minimum: Some(ONE_MESSAGE),
        named: Some("the name of a queue is no name of a port that others open again"),
        status: Some("its messages carry no status"),
        ..linux::LIMITS
    },
    invariants: &[NO_IDLE_WAITER],
    keeps_order: Some(FIFO),
    ..linux::ABOUT
};

impl Personality for Mqueue {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn refuses(&self, _: &Program, op: Op) -> Option<&'static str> {
        let is_batch = matches!(op, Op::Get { max: Some(_), .. });
        is_batch.then_some(ONE_MESSAGE)
    }

    /// mq_timedreceive.
    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if !turn.port(get.port).is_open() {
            return turn.fails(me, CLOSED_DESCRIPTOR, Error::BadHandle);
        }
        if let Some(outcome) = notify::take(turn, get, 1) {
            turn.by(FIFO);
            return turn.returns(me, outcome);
        }
        notify::waits(turn, me, get, TIMEOUT);
    }

    /// mq_send.
    fn post<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, post: Post) {
        let Post { port, packet, .. } = post;
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED_DESCRIPTOR, Error::BadHandle);
        }
        turn.returns(me, Outcome::Done);
        let Some(waiter) = turn.port(port).waiters_mut().take_oldest() else {
            return notify::append(turn, port, packet.0);
        };
        turn.by(OLDEST);
        turn.by(HANDOFF);
        notify::ignores_limit(turn, port, NO_LIMIT);
        turn.inserted();
        turn.delivered(port, 1);
        turn.releases(waiter, Outcome::Packet(packet));
    }

    /// mq_close. What is in the queue is lost: nobody has another descriptor.
    fn close<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED_DESCRIPTOR, Error::BadHandle);
        }
        turn.by(CLOSE_STAYS);
        notify::close_and_drop(turn, me, port);
    }

    fn wake<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Get) {
        unreachable!("a waiter is released with its message, and never woken without one");
    }

    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        notify::expires(turn, me, get, TIMEOUT);
    }

    /// Nobody is ever awake without a message, so nobody may wait beside one.
    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        notify::nobody_is_stranded(view)
    }
}

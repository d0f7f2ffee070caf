//! The port that people make by hand: one mutex, one condition variable, one list.
//!
//! A `post` appends to the list and signals the condition once; a `get` takes from the list, or waits for the
//! condition until there is something. Nothing is handed over: a thread that has the mutex and finds a packet takes
//! it, and a waiter that finds nothing waits again. A `close` sets a flag and broadcasts. The condition is
//! glibc's on Linux.
//!
//! The sources are our measurements (M, by section of the notes on Unix systems), our recordings (R, below
//! traces/recorded/condvar), the manual pages of POSIX (D), and what the port consists of: its rules follow from a list, a flag and the mutex around them.
//!
//! # Divergence from the real system
//!
//! A call holds the mutex from its look at the list until it waits, so it is one action. glibc lets a waiter go
//! to sleep in two, and one that has not fallen asleep yet can take the signal of one that has; here this is
//! part of `condvar/groups`. Spurious wakes are absent: they look like a waiter that was robbed. Priorities and
//! signals are absent.

use super::{linux, notify};
use crate::about::{About, Limits};
use crate::choice::Numbers;
use crate::claim::{Claim, claims};
use crate::contract::Personality;
use crate::event::{Error, Observer, Outcome};
use crate::program::{Get, PortId, Post, ThreadId};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

claims! {
    FIFO = "condvar/fifo", Derived, "the list": "Packets are taken in the order in which they were posted.";
    OLDEST = "condvar/oldest", Measured, "M:E": "A signal wakes the waiter that has waited longest, and no other.";
    GROUPS = "condvar/groups", Open, "M:J4": "If a signaled waiter has not run yet, the next signal may wake any waiter.";
    RACE = "condvar/race", Measured, "M:E": "A packet belongs to nobody: a thread that calls before the woken waiter has the mutex takes it.";
    ROBBED_NEWEST = "condvar/robbed-newest", Measured, "M:1.3": "A woken waiter that finds nothing waits again as the newest: it has lost its place.";
    BATCH = "condvar/batch", Derived, "the list": "A call takes as many packets as there are, up to its maximum, and never waits for more.";
    BATCH_ZERO = "condvar/batch-zero", Derived, "the port's own check": "A maximum of 0 is EINVAL.";
    TIMEOUT = "condvar/timeout", Derived, "the port's own loop, D:pthread_cond_timedwait": "A call that times out looks once more: it takes what there is, or else fails with ETIMEDOUT.";
    TIMEOUT_KEEPS_ORDER = "condvar/timeout-keeps-order", Measured, "R:timed-out-waiter-leaves-the-order": "A waiter that times out leaves the others in their order.";
    NO_LIMIT = "condvar/no-limit", Derived, "the list": "Nothing limits how many woken threads run; the concurrency value means nothing.";
    CLOSE = "condvar/close", Derived, "the port's own flag": "A close releases every waiter with ECANCELED and drops what is queued.";
    CLOSED_PORT = "condvar/closed-port", Derived, "the port's own flag": "A call on a port that is not open fails with EBADF.";
    NO_LOST_WAKEUP = "condvar/no-lost-wakeup", Derived, "the list and the signal": "While a packet is queued and a thread waits, some other thread is awake to take it.";
}

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Condvar;

static ABOUT: About = About {
    name: "condvar",
    sources: "M and R: measured here; D: the manual pages of POSIX; the list, the flag, the mutex: what such a port is made of",
    lacks_the_rest: "a port made by hand has no such operation",
    limits: Limits {
        minimum: Some("a port made by hand takes what is there, and waits for no more"),
        named: Some("a port of one process has no name"),
        ..linux::LIMITS
    },
    open: &[&Numbers { claim: GROUPS }],
    invariants: &[NO_LOST_WAKEUP],
    keeps_order: Some(FIFO),
    ..linux::ABOUT
};

impl Personality for Condvar {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// A packet in the list is announced to one waiter, and others sleep on beside it.
    fn keeps_waiting(&self, view: View<'_>, me: ThreadId) -> Option<&'static Claim> {
        let port = view.get(me).port;
        (!view.port(port).packets().is_empty()).then_some(OLDEST)
    }

    /// Takes from the list, or waits.
    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if !notify::fails_at_once(turn, me, get, BATCH_ZERO, CLOSED_PORT) {
            notify::takes_or_waits(turn, me, get, take, RACE, TIMEOUT);
        }
    }

    /// Appends to the list and signals.
    fn post<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, post: Post) {
        if !turn.port(post.port).is_open() {
            return turn.fails(me, CLOSED_PORT, Error::BadHandle);
        }
        notify::append(turn, post.port, post.packet.0);
        signal(turn, post.port);
        turn.returns(me, Outcome::Done);
    }

    /// Sets the flag and broadcasts. What a waiter will find is settled with the flag, whenever it runs; so it
    /// returns here.
    fn close<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED_PORT, Error::BadHandle);
        }
        turn.by(CLOSE);
        notify::close_and_drop(turn, me, port);
        notify::release_all(turn, port, Error::Abandoned);
        for waiter in turn.program.thread_ids() {
            if is_awake(turn.view(), port, waiter) {
                turn.releases(waiter, Outcome::Failed(Error::Abandoned));
            }
        }
    }

    /// A woken waiter looks like any other thread, and waits again if it finds nothing.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        notify::ignores_limit(turn, get.port, NO_LIMIT);
        match take(turn, get) {
            Some(outcome) => turn.releases(me, outcome),
            None => notify::finds_nothing(turn, me, get, TIMEOUT, ROBBED_NEWEST),
        }
    }

    /// It looks once more, like a waiter that was woken.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        notify::leaves(turn, me, get);
        turn.by(TIMEOUT);
        if !turn.port(get.port).waiters().is_empty() {
            turn.by(TIMEOUT_KEEPS_ORDER);
        }
        let found = take(turn, get);
        turn.releases(me, found.unwrap_or(Outcome::Failed(Error::Timeout)));
    }

    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        notify::nobody_is_stranded(view)
    }
}

fn take<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Option<Outcome> {
    notify::take_in_order(turn, get, usize::MAX, FIFO, BATCH)
}

/// One waiter is made runnable; it takes nothing yet. The oldest is next where nobody else is on the way.
fn signal<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let waiters = turn.port(port).waiters().count();
    if waiters == 0 {
        return;
    }
    if !turn.view().is_anybody_awake(port) {
        turn.by(OLDEST);
        notify::wake_oldest(turn, port);
        return;
    }
    let which = turn.pick(GROUPS, waiters);
    if let Some(waiter) = turn.port(port).waiters().at(which) {
        turn.port(port).waiters_mut().remove(waiter);
        turn.thread(waiter).set_mode(Mode::Woken);
    }
}

fn is_awake(view: View<'_>, port: PortId, id: ThreadId) -> bool {
    view.mode(id) == Mode::Woken && view.get(id).port == port
}

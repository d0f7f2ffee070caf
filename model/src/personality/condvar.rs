//! The port that people make by hand: one mutex, one condition variable, one list.
//!
//! A `post` appends to the list and signals the condition once; a `get` takes from the list, or waits for the
//! condition until there is something. Nothing is handed over: whoever has the mutex and finds a packet takes
//! it, and a waiter that finds nothing waits again. A `close` sets a flag and broadcasts. The condition is
//! glibc's on Linux.
//!
//! # Claims
//!
//! | id | says | status | source |
//! |---|---|---|---|
//! | condvar/fifo | Packets are taken in the order in which they were posted. | derived | the list |
//! | condvar/oldest | A signal wakes the waiter that has waited longest, and no other. | measured | M:E |
//! | condvar/groups | Where a waiter that was signaled has not run yet, any waiter may be the next that is woken. | open | M:J4 |
//! | condvar/race | A packet belongs to nobody: a thread that calls before the woken waiter has the mutex takes it. | measured | M:E |
//! | condvar/robbed-newest | A woken waiter that finds nothing waits again as the newest: it has lost its place. | measured | M:1.3 |
//! | condvar/batch | A call takes as many packets as there are, up to its maximum, and never waits for more. | derived | the list |
//! | condvar/batch-zero | A maximum of 0 is EINVAL. | derived | the port's own check |
//! | condvar/timeout | A call whose time is over takes what there is, or else fails with ETIMEDOUT; the others keep their order. | documented | D:pthread_cond_timedwait |
//! | condvar/no-limit | Nothing limits how many woken threads run; the concurrency value means nothing. | derived | the list |
//! | condvar/close | A close releases every waiter with ECANCELED and drops what is queued. | derived | the port's own flag |
//! | condvar/closed-port | A call on a port that is not open fails with EBADF. | derived | the port's own flag |
//! | condvar/no-lost-wakeup | While a packet is queued and a thread waits, some other thread is awake to take it. | derived | the list and the signal |
//!
//! The sources are our measurements (M, by section of the notes on Unix systems), the manual pages of POSIX
//! (D), and what the port consists of: its rules follow from a list, a flag and the mutex around them.
//!
//! # Divergence from the real system
//!
//! A call holds the mutex from its look at the list until it waits, so it is one action. glibc lets a waiter go
//! to sleep in two, and one that has not fallen asleep yet can take the signal of one that has; here this is
//! part of `condvar/groups`. Spurious wakes are absent: they look like a waiter that was robbed. Priorities and
//! signals are absent.

use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, OsError, Outcome, errno};
use crate::program::{Get, Op, PacketId, PortId, Program, ThreadId, Timeout};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Condvar;

impl Personality for Condvar {
    fn name(&self) -> &'static str {
        "condvar"
    }

    fn os_error(&self) -> fn(Error) -> OsError {
        errno
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), &'static str> {
        match op {
            _ if op.is_alertable() => Err("Linux has no alertable waits"),
            Op::Get { min: Some(_), .. } => {
                Err("a port made by hand takes what is there, and waits for no more")
            }
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("a port of one process has no name")
            }
            Op::Suspend { .. } | Op::Resume { .. } => {
                Err("Linux has no call that suspends a thread and keeps the order of the waiters")
            }
            Op::Post {
                reserve: Some(_), ..
            } => Err("Linux has no reserve objects"),
            Op::Post { may_fail: true, .. } => Err("its posts find memory"),
            Op::Post { packet, .. } if program.packets[packet.index()].status != 0 => {
                Err("its packets carry no status")
            }
            _ if op.is_portable() => Ok(()),
            _ => Err("a port made by hand has no such operation"),
        }
    }

    fn counts_running(&self) -> bool {
        false
    }

    /// `condvar/fifo`.
    fn keeps_order(&self) -> bool {
        true
    }

    /// `condvar/groups`: as many as there are waiters; the oldest alone where nobody else is on the way.
    fn answers(&self, view: View<'_>, _: ThreadId, op: Op) -> u8 {
        match op {
            Op::Post { port, .. } if view.is_anybody_awake(port) => {
                view.port(port).waiters().count().max(1) as u8
            }
            _ => 1,
        }
    }

    fn call<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, op: Op, answer: u8) {
        match op {
            Op::Get { .. } => get(turn, me),
            Op::Post { port, packet, .. } => post(turn, me, port, packet, answer),
            Op::Close { port, .. } => close(turn, me, port),
            Op::Create { port, .. } => create(turn, me, port),
            _ => unreachable!("a program that has it is not supported"),
        }
    }

    /// `condvar/race`, `condvar/robbed-newest`: a woken waiter looks like any other thread, and waits again if
    /// it finds nothing.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get, _: u8) {
        if let Some(outcome) = take_oldest(turn, get) {
            turn.releases(me, outcome);
        } else if turn.thread(me).remaining() == Some(0) {
            turn.releases(me, Outcome::Failed(Error::Timeout));
        } else {
            turn.port(get.port).waiters_mut().push_newest(me);
            turn.thread(me).set_mode(Mode::Parked);
        }
    }

    /// `condvar/timeout`: it looks once more, like a waiter that was woken.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        turn.port(get.port).waiters_mut().remove(me);
        let found = take_oldest(turn, get);
        turn.releases(me, found.unwrap_or(Outcome::Failed(Error::Timeout)));
    }

    /// `condvar/no-limit`: what else a thread does is not the port's business.
    fn blocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn unblocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn exits<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Mode) {}

    /// `condvar/no-lost-wakeup`.
    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        for id in view.program.port_ids() {
            let port = view.port(id);
            if !port.packets().is_empty()
                && !port.waiters().is_empty()
                && !view.is_anybody_awake(id)
            {
                return Err(Fault::Stranded);
            }
        }
        Ok(())
    }
}

/// Takes from the list, or waits: `condvar/batch-zero`, `condvar/closed-port`.
fn get<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId) {
    let get = turn.get(me);
    if get.max == Some(0) {
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    }
    if !turn.port(get.port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    if let Some(outcome) = take_oldest(turn, get) {
        return turn.returns(me, outcome);
    }
    if get.timeout == Timeout::Ticks(0) {
        return turn.returns(me, Outcome::Failed(Error::Timeout));
    }
    turn.port(get.port).waiters_mut().push_newest(me);
    turn.parks(me, get.timeout);
}

/// Appends to the list and signals.
fn post<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    port: PortId,
    packet: PacketId,
    answer: u8,
) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.inserted();
    turn.port(port).packets_mut().append(packet.0);
    signal(turn, port, answer);
    turn.returns(me, Outcome::Done);
}

/// Sets the flag and broadcasts: `condvar/close`. What a waiter will find is settled with the flag, whenever
/// it runs; so it returns here.
fn close<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.port(port).set_handles(0);
    let dropped = turn.port(port).packets_mut().clear();
    turn.discarded(dropped);
    turn.returns(me, Outcome::Done);
    while let Some(waiter) = turn.port(port).waiters_mut().take_oldest() {
        turn.releases(waiter, Outcome::Failed(Error::Abandoned));
    }
    for waiter in turn.program.thread_ids() {
        if is_awake(turn.view(), port, waiter) {
            turn.releases(waiter, Outcome::Failed(Error::Abandoned));
        }
    }
}

/// Makes a port.
fn create<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    turn.port(port).set_handles(1);
    turn.returns(me, Outcome::Done);
}

/// `condvar/fifo`, `condvar/batch`: takes what the call may have, oldest first. None if the list is empty.
fn take_oldest<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Option<Outcome> {
    let max = usize::from(get.max.unwrap_or(1));
    let mut batch = Batch::EMPTY;
    while batch.packets().len() < max {
        let Some(packet) = turn.port(get.port).packets_mut().take_oldest() else {
            break;
        };
        batch.push(PacketId(packet));
    }
    turn.delivered(get.port, batch.packets().len());
    match (batch.packets(), get.max) {
        ([], _) => None,
        ([packet, ..], None) => Some(Outcome::Packet(*packet)),
        (_, Some(_)) => Some(Outcome::Packets(batch)),
    }
}

/// `condvar/oldest`, `condvar/groups`: one waiter is made runnable, counted from the oldest; it takes nothing
/// yet.
fn signal<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, which: u8) {
    let waiter = turn.port(port).waiters().iter().nth(usize::from(which));
    if let Some(waiter) = waiter {
        turn.port(port).waiters_mut().remove(waiter);
        turn.thread(waiter).set_mode(Mode::Woken);
    }
}

fn is_awake(view: View<'_>, port: PortId, id: ThreadId) -> bool {
    view.thread(id).mode() == Mode::Woken && view.get(id).port == port
}

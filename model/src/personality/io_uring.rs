//! Linux io_uring: one completion ring, many waiters.
//!
//! The ring is a queue in memory that the kernel fills and its users empty: the kernel gives no entry to any
//! thread. So a `get` is a loop: io_uring_enter with IORING_ENTER_GETEVENTS and min_complete 0; advance the head of
//! the ring if an entry is there, in one action that others do not see the middle of; else io_uring_enter with
//! min_complete 1, and look again. With `max` the loop goes on
//! until the ring is empty or the batch is full. A `post` is IORING_OP_MSG_RING, submitted on another ring; it puts
//! one entry behind the others, and every waiter that has what it waits for is woken: a herd.
//!
//! # Claims
//!
//! | id | says | status | source |
//! |---|---|---|---|
//! | io-uring/fifo | Entries are taken in the order in which they were posted. | measured | M:D |
//! | io-uring/herd | An entry wakes every waiter whose minimum is reached; where each waits for one, that is all of them. | measured | M:D, S:wait |
//! | io-uring/any-wins | Which of the woken threads takes the entry is left to chance. | measured | M:D |
//! | io-uring/race | An entry belongs to nobody: a thread that looks before the woken waiters run takes it. | measured | M:D |
//! | io-uring/robbed-waits-again | A woken thread whose entry was taken returns from its wait with nothing, and waits again. | measured | M:D |
//! | io-uring/batch | A call takes as many entries as are there, up to its maximum, and never waits for more. | derived | the loop |
//! | io-uring/batch-zero | A maximum of 0 is EINVAL. | derived | the loop |
//! | io-uring/timeout | A wait whose time is over fails with ETIME (here ETIMEDOUT, as everywhere) if the ring is empty; the others wait on. | measured | M:D |
//! | io-uring/no-limit | Nothing limits how many woken threads run; the concurrency value means nothing. | measured | M:D |
//! | io-uring/close-stays | Closing the descriptor wakes nobody. | measured | M:D |
//! | io-uring/closed-ring | A call on a closed descriptor, and a post to one, fails with EBADF. | documented | D:io_uring_enter, D:io_uring_prep_msg_ring |
//! | io-uring/woken-then-closed | A thread that was woken before the close, and finds nothing, fails with EBADF when it waits again. | inferred | S:wait |
//! | io-uring/no-lost-wakeup | While an entry is in the ring and a thread waits, some other thread is awake to take it. | inferred | S:wait |
//!
//! The sources are our measurements (M, by section of the notes on Unix systems), the kernel's io_uring/wait.c
//! (S), and its manual pages (D).
//!
//! # Divergence from the real system
//!
//! A look at the ring and the wait that follows it are one action; the kernel looks again before it sleeps, so
//! nothing is missed between them. Every wait is for one entry: minima above that, whose waiters stand in the way
//! of those behind them, and timeouts that are operations of the ring are absent. So are cancelled requests and
//! all other work that ends in the ring, linked requests and polled rings. A ring whose descriptor is closed can
//! be posted to through another one; here nobody has one.

use crate::event::{Batch, Error, Observer, OsError, Outcome, errno};
use crate::kernel::{Kernel, Turn};
use crate::program::{Get, Op, PacketId, PortId, Program, ThreadId, Timeout};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct IoUring;

impl Kernel for IoUring {
    fn name(&self) -> &'static str {
        "io-uring"
    }

    fn os_error(&self) -> fn(Error) -> OsError {
        errno
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), &'static str> {
        match op {
            _ if op.is_alertable() => Err("Linux has no alertable waits"),
            Op::Get { min: Some(_), .. } => {
                Err("a waiter of more than one completion is not played yet")
            }
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("a ring has no name")
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
            _ => Err("io_uring has no such operation here"),
        }
    }

    fn counts_running(&self) -> bool {
        false
    }

    fn leaves_open(&self, _: Op) -> bool {
        false
    }

    fn call<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, op: Op, _: u8) {
        match op {
            Op::Get { .. } => get(turn, me),
            Op::Post { port, packet, .. } => post(turn, me, port, packet),
            Op::Close { port, .. } => close(turn, me, port),
            Op::Create { port, .. } => create(turn, me, port),
            _ => unreachable!("a program that has it is not supported"),
        }
    }

    /// `io-uring/any-wins`, `io-uring/race`, `io-uring/robbed-waits-again`: woken threads go on in any order, and what each finds
    /// decides. `io-uring/woken-then-closed`.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get, _: u8) {
        if let Some(outcome) = take_oldest(turn, get) {
            turn.releases(me, outcome);
        } else if !turn.port(get.port).is_open() {
            turn.releases(me, Outcome::Failed(Error::BadHandle));
        } else if turn.thread(me).remaining() == Some(0) {
            turn.releases(me, Outcome::Failed(Error::Timeout));
        } else {
            turn.port(get.port).waiters_mut().push_newest(me);
            turn.thread(me).set_mode(Mode::Parked);
        }
        forget_if_unused(turn, get.port);
    }

    /// `io-uring/timeout`: the ring is empty, or the entry would have woken the thread.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        turn.port(get.port).waiters_mut().remove(me);
        turn.releases(me, Outcome::Failed(Error::Timeout));
        forget_if_unused(turn, get.port);
    }

    /// `io-uring/no-limit`: what else a thread does is not the ring's business.
    fn blocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn unblocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn exits<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Mode) {}

    /// `io-uring/no-lost-wakeup`.
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

/// Pops an entry, or io_uring_enter with IORING_ENTER_GETEVENTS: `io-uring/batch-zero`, `io-uring/closed-ring`.
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

/// IORING_OP_MSG_RING from a ring of the poster: `io-uring/closed-ring`.
fn post<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId, packet: PacketId) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.inserted();
    turn.port(port).packets_mut().append(packet.0);
    wake_all(turn, port);
    turn.returns(me, Outcome::Done);
}

/// close: `io-uring/close-stays`.
fn close<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.port(port).set_handles(0);
    turn.returns(me, Outcome::Done);
    forget_if_unused(turn, port);
}

/// io_uring_setup.
fn create<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    turn.port(port).set_handles(1);
    turn.returns(me, Outcome::Done);
}

/// `io-uring/fifo`, `io-uring/batch`: takes what the call may have, oldest first. None if there is nothing.
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

/// `io-uring/herd`: everybody is made runnable, and takes nothing yet.
fn wake_all<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    while let Some(waiter) = turn.port(port).waiters_mut().take_oldest() {
        turn.thread(waiter).set_mode(Mode::Woken);
    }
}

/// What a closed descriptor stood for lives on while a thread is inside a call on it, and is then dropped.
fn forget_if_unused<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let used = turn.port(port).is_open()
        || !turn.port(port).waiters().is_empty()
        || turn.view().is_anybody_awake(port);
    if !used {
        let dropped = turn.port(port).packets_mut().clear();
        turn.discarded(dropped);
    }
}

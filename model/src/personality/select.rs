//! poll and select on Linux: many threads that watch one descriptor.
//!
//! The descriptor is the reading end of a pipe that carries one record for each packet. A `get` is a loop: read
//! without waiting; if nothing is there, poll or select the descriptor, and read again. With `max` it reads on
//! until the pipe is empty or the batch is full. A `post` writes a record, and every thread that watches is woken: a herd.
//!
//! # Claims
//!
//! | id | says | status | source |
//! |---|---|---|---|
//! | select/fifo | Records are read in the order in which they were written. | documented | D:pipe |
//! | select/herd | A record wakes every thread that watches the descriptor. | measured | M:E, M:F |
//! | select/any-wins | Which of the woken threads reads the record is left to chance. | measured | M:F |
//! | select/race | A record belongs to nobody: a thread that reads before the woken ones run takes it. | measured | M:E |
//! | select/robbed-watches-again | A woken thread that reads nothing must watch again: the wake promised nothing. | documented | D:select |
//! | select/batch | A call takes as many records as are there, up to its maximum, and never waits for more. | derived | the loop |
//! | select/batch-zero | A maximum of 0 is EINVAL. | derived | the loop |
//! | select/timeout | A call whose time is over, and that then reads nothing, fails with ETIMEDOUT. | measured | M:F |
//! | select/no-limit | Nothing limits how many woken threads run; the concurrency value means nothing. | measured | M:F |
//! | select/close-stays | Closing the descriptor wakes nobody. | measured | M:E |
//! | select/closed-descriptor | A call on a closed descriptor fails with EBADF. | documented | D:read |
//! | select/woken-then-closed | A thread that was woken before the close finds no descriptor, and fails with EBADF. | documented | D:read |
//! | select/no-lost-wakeup | While a record is in the pipe and a thread watches, some other thread is awake to read it. | inferred | M:F |
//!
//! The sources are our measurements (M, by section of the notes on Unix systems) and the manual pages (D).
//!
//! # Divergence from the real system
//!
//! A read that finds nothing and the watch that follows it are one action; poll and select look themselves before
//! they sleep, so nothing is missed between them. The pipe is never full. More than one descriptor in a call,
//! signals and priorities are absent.

use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, OsError, Outcome, errno};
use crate::program::{Get, Op, PacketId, PortId, Program, ThreadId, Timeout};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Select;

impl Personality for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn os_error(&self) -> fn(Error) -> OsError {
        errno
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), &'static str> {
        match op {
            _ if op.is_alertable() => Err("Linux has no alertable waits"),
            Op::Get { min: Some(_), .. } => {
                Err("select tells of one descriptor, and a read takes what is there")
            }
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("a pipe has no name")
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
            _ => Err("select has no such operation"),
        }
    }

    fn counts_running(&self) -> bool {
        false
    }

    /// `select/fifo`.
    fn keeps_order(&self) -> bool {
        true
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

    /// `select/any-wins`, `select/race`, `select/robbed-watches-again`: woken threads go on in any order, and what each finds
    /// decides. `select/woken-then-closed`.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get, _: u8) {
        if !turn.port(get.port).is_open() {
            turn.releases(me, Outcome::Failed(Error::BadHandle));
        } else if let Some(outcome) = take_oldest(turn, get) {
            turn.releases(me, outcome);
        } else if turn.thread(me).remaining() == Some(0) {
            turn.releases(me, Outcome::Failed(Error::Timeout));
        } else {
            turn.port(get.port).waiters_mut().push_newest(me);
            turn.thread(me).set_mode(Mode::Parked);
        }
        forget_if_unused(turn, get.port);
    }

    /// `select/timeout`: it reads once more. The pipe is empty, or the record would have woken the thread; but it
    /// may be closed, and `select/closed-descriptor` then.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        turn.port(get.port).waiters_mut().remove(me);
        let error = match turn.port(get.port).is_open() {
            true => Error::Timeout,
            false => Error::BadHandle,
        };
        turn.releases(me, Outcome::Failed(error));
        forget_if_unused(turn, get.port);
    }

    /// `select/no-limit`: what else a thread does is not the pipe's business.
    fn blocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn unblocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn exits<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Mode) {}

    /// `select/no-lost-wakeup`.
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

/// read, then poll or select: `select/batch-zero`, `select/closed-descriptor`.
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

/// write: `select/closed-descriptor`.
fn post<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId, packet: PacketId) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.inserted();
    turn.port(port).packets_mut().append(packet.0);
    wake_all(turn, port);
    turn.returns(me, Outcome::Done);
}

/// close: `select/close-stays`.
fn close<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.port(port).set_handles(0);
    turn.returns(me, Outcome::Done);
    forget_if_unused(turn, port);
}

/// pipe.
fn create<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    turn.port(port).set_handles(1);
    turn.returns(me, Outcome::Done);
}

/// `select/fifo`, `select/batch`: takes what the call may have, oldest first. None if there is nothing.
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

/// `select/herd`: everybody is made runnable, and takes nothing yet.
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

//! A pipe on Linux that many threads read from.
//!
//! The pipe carries one record for each packet. A `get` is a read that waits, with `max` one of as many records; a
//! poll is a read that must not wait (RWF_NOWAIT). A `post` writes a record. Readers wait in the kernel, oldest first,
//! and are woken one at a time: by a record that comes into an empty pipe, and by a reader that has waited itself and
//! leaves records behind.
//!
//! # Claims
//!
//! | id | says | status | source |
//! |---|---|---|---|
//! | pipe/fifo | Records are read in the order in which they were written. | documented | D:pipe |
//! | pipe/oldest | A record that comes into an empty pipe wakes the reader that has waited longest, and no other. | measured | M:1.2, M:E |
//! | pipe/not-empty | A record that comes into a pipe that is not empty wakes nobody. | documented | S:pipe_write |
//! | pipe/next | A reader that has waited and leaves records behind wakes the one that has waited longest. | documented | S:pipe_read |
//! | pipe/race | A record belongs to nobody: a thread that reads before the woken reader runs takes it. | measured | M:E |
//! | pipe/robbed-newest | A woken reader that finds nothing waits again as the newest: it has lost its place. | measured | M:1.3 |
//! | pipe/batch | A read takes as many records as are there, up to its maximum, and never waits for more. | documented | D:read |
//! | pipe/batch-zero | A read of nothing succeeds with nothing, at once. | documented | D:read |
//! | pipe/poll | A read that must not wait fails where nothing is there (EAGAIN; here ETIMEDOUT, as everywhere). | documented | D:preadv2 |
//! | pipe/no-limit | Nothing limits how many woken readers run; the concurrency value means nothing. | measured | M:E |
//! | pipe/close-stays | Closing the descriptors wakes nobody as long as others name the pipe. | measured | M:1.9 |
//! | pipe/closed-descriptor | A call on a closed descriptor fails with EBADF. | documented | D:read |
//! | pipe/woken-then-closed | A reader that was woken before the close is inside its read still, and takes the record. | inferred | S:pipe_read |
//! | pipe/no-lost-wakeup | While a record is in the pipe and a reader waits, some other thread is awake to read it. | inferred | S:pipe_read, S:pipe_write |
//!
//! The sources are our measurements (M, by section of the notes on Unix systems), the kernel's fs/pipe.c (S, by
//! function) and its manual pages (D).
//!
//! # Divergence from the real system
//!
//! A read has no time limit; who wants one watches the pipe first, which is the system `select`. The pipe is never full,
//! so writers never wait, and somebody else always has both ends open: the end of the last writer, which ends every
//! read, is absent. Signals and priorities are absent.

use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, OsError, Outcome, errno};
use crate::program::{Get, Op, PacketId, PortId, Program, ThreadId, Timeout};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Pipe;

impl Personality for Pipe {
    fn name(&self) -> &'static str {
        "pipe"
    }

    fn os_error(&self) -> fn(Error) -> OsError {
        errno
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), &'static str> {
        match op {
            _ if op.is_alertable() => Err("Linux has no alertable waits"),
            Op::Get {
                timeout: Timeout::Ticks(1..),
                ..
            } => Err("a read has no time limit"),
            Op::Get { min: Some(_), .. } => Err("a read takes what is there"),
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
            _ => Err("a pipe has no such operation"),
        }
    }

    fn counts_running(&self) -> bool {
        false
    }

    /// `pipe/fifo`.
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

    /// `pipe/race`, `pipe/robbed-newest`, `pipe/next`, `pipe/woken-then-closed`.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get, _: u8) {
        if let Some(outcome) = take_oldest(turn, get) {
            turn.releases(me, outcome);
            if !turn.port(get.port).packets().is_empty() {
                wake_oldest(turn, get.port);
            }
        } else {
            turn.port(get.port).waiters_mut().push_newest(me);
            turn.thread(me).set_mode(Mode::Parked);
        }
        forget_if_unused(turn, get.port);
    }

    fn expire<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Get) {
        unreachable!("a program that has a time limit is not supported");
    }

    /// `pipe/no-limit`: what else a thread does is not the pipe's business.
    fn blocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn unblocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn exits<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Mode) {}

    /// `pipe/no-lost-wakeup`.
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

/// read: `pipe/closed-descriptor`, `pipe/batch-zero`, `pipe/poll`.
fn get<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId) {
    let get = turn.get(me);
    if !turn.port(get.port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    if get.max == Some(0) {
        return turn.returns(me, Outcome::Packets(Batch::EMPTY));
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

/// write: `pipe/closed-descriptor`, `pipe/not-empty`.
fn post<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId, packet: PacketId) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    let was_empty = turn.port(port).packets().is_empty();
    turn.inserted();
    turn.port(port).packets_mut().append(packet.0);
    if was_empty {
        wake_oldest(turn, port);
    }
    turn.returns(me, Outcome::Done);
}

/// close: `pipe/close-stays`.
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

/// `pipe/fifo`, `pipe/batch`: takes what the call may have, oldest first. None if there is nothing.
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

/// `pipe/oldest`: one reader is made runnable, and takes nothing yet.
fn wake_oldest<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    if let Some(waiter) = turn.port(port).waiters_mut().take_oldest() {
        turn.thread(waiter).set_mode(Mode::Woken);
    }
}

/// What closed descriptors stood for lives on while a thread is inside a call on it, and is then dropped.
fn forget_if_unused<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let used = turn.port(port).is_open()
        || !turn.port(port).waiters().is_empty()
        || turn.view().is_anybody_awake(port);
    if !used {
        let dropped = turn.port(port).packets_mut().clear();
        turn.discarded(dropped);
    }
}

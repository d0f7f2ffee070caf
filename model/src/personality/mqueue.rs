//! A POSIX message queue on Linux that many threads receive from.
//!
//! A `get` is mq_timedreceive, a `post` is mq_send of a message of priority 0. A message goes to the thread that has
//! waited longest: the sender gives it to that thread itself, and it was never in the queue.
//!
//! # Claims
//!
//! | id | says | status | source |
//! |---|---|---|---|
//! | mqueue/fifo | Messages of one priority are received in the order in which they were sent. | measured | M:E, D:mq_overview |
//! | mqueue/oldest | A message goes to the thread that has waited longest, and wakes no other. | measured | M:1.2, M:E |
//! | mqueue/handoff | A message that found a waiter is that waiter's: nobody can take it before it runs. | measured | M:1.3, M:E |
//! | mqueue/timeout | A call whose time is over fails with ETIMEDOUT; the others keep their order. | documented | D:mq_receive |
//! | mqueue/no-limit | Nothing limits how many threads run; the concurrency value means nothing. | measured | M:E |
//! | mqueue/close-stays | Closing the descriptor wakes nobody. | measured | M:1.9 |
//! | mqueue/closed-descriptor | A call on a closed descriptor fails with EBADF. | documented | D:mq_receive |
//! | mqueue/no-idle-waiter | No thread waits while a message is in the queue. | derived | mqueue/handoff |
//!
//! The sources are our measurements (M, by section of the notes on Unix systems) and the manual pages (D).
//!
//! # Divergence from the real system
//!
//! The queue is never full, so senders never wait. Priorities of messages are absent, and so are those of threads, which
//! go before age among those that wait. A call receives one message; notification by a signal is absent. Of a queue
//! that is closed nothing is heard any more, although others that have it open could send to who waits there.

use crate::contract::Personality;
use crate::event::{Error, Observer, OsError, Outcome, errno};
use crate::program::{Get, Op, PacketId, PortId, Program, ThreadId, Timeout};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Mqueue;

impl Personality for Mqueue {
    fn name(&self) -> &'static str {
        "mqueue"
    }

    fn os_error(&self) -> fn(Error) -> OsError {
        errno
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), &'static str> {
        match op {
            _ if op.is_alertable() => Err("Linux has no alertable waits"),
            Op::Get { max: Some(_), .. } | Op::Get { min: Some(_), .. } => {
                Err("mq_timedreceive receives one message")
            }
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("the name of a queue is no name of a port that others open again")
            }
            Op::Suspend { .. } | Op::Resume { .. } => {
                Err("Linux has no call that suspends a thread and keeps the order of the waiters")
            }
            Op::Post {
                reserve: Some(_), ..
            } => Err("Linux has no reserve objects"),
            Op::Post { may_fail: true, .. } => Err("its posts find memory"),
            Op::Post { packet, .. } if program.packets[packet.index()].status != 0 => {
                Err("its messages carry no status")
            }
            _ if op.is_portable() => Ok(()),
            _ => Err("a message queue has no such operation"),
        }
    }

    fn counts_running(&self) -> bool {
        false
    }

    /// `mqueue/fifo`.
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

    /// `mqueue/handoff`.
    fn wake<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Get, _: u8) {
        unreachable!("whoever is released has its message");
    }

    /// `mqueue/timeout`.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        turn.port(get.port).waiters_mut().remove(me);
        turn.releases(me, Outcome::Failed(Error::Timeout));
    }

    /// `mqueue/no-limit`: what else a thread does is not the queue's business.
    fn blocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn unblocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn exits<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Mode) {}

    /// `mqueue/no-idle-waiter`.
    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        for id in view.program.port_ids() {
            let port = view.port(id);
            if !port.packets().is_empty() && !port.waiters().is_empty() {
                return Err(Fault::Stranded);
            }
        }
        Ok(())
    }
}

/// mq_timedreceive: `mqueue/fifo`, `mqueue/closed-descriptor`.
fn get<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId) {
    let get = turn.get(me);
    if !turn.port(get.port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    if let Some(packet) = turn.port(get.port).packets_mut().take_oldest() {
        turn.delivered(get.port, 1);
        return turn.returns(me, Outcome::Packet(PacketId(packet)));
    }
    if get.timeout == Timeout::Ticks(0) {
        return turn.returns(me, Outcome::Failed(Error::Timeout));
    }
    turn.port(get.port).waiters_mut().push_newest(me);
    turn.parks(me, get.timeout);
}

/// mq_send: `mqueue/oldest`, `mqueue/handoff`, `mqueue/closed-descriptor`.
fn post<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId, packet: PacketId) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.inserted();
    turn.returns(me, Outcome::Done);
    match turn.port(port).waiters_mut().take_oldest() {
        Some(waiter) => {
            turn.delivered(port, 1);
            turn.releases(waiter, Outcome::Packet(packet));
        }
        None => turn.port(port).packets_mut().append(packet.0),
    }
}

/// mq_close: `mqueue/close-stays`. What is in the queue is lost to whoever has no other descriptor.
fn close<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.port(port).set_handles(0);
    let dropped = turn.port(port).packets_mut().clear();
    turn.discarded(dropped);
    turn.returns(me, Outcome::Done);
}

/// mq_open.
fn create<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    turn.port(port).set_handles(1);
    turn.returns(me, Outcome::Done);
}

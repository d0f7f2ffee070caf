//! Linux io_uring: one completion ring, many waiters.
//!
//! The ring is a queue in memory that the kernel fills and its users empty: the kernel gives no entry to any
//! thread. So a `get` is a loop: io_uring_enter with IORING_ENTER_GETEVENTS and `min` as min_complete, which returns
//! at once where so many are there; advance the head of the ring if an entry is there, in one action that others do
//! not see the middle of; else the same again. With `max` it takes what is there until the batch is full. A `post`
//! is IORING_OP_MSG_RING, submitted on another ring; it puts one entry behind the others. A `msg_ring` with `from`
//! is submitted on a ring of the scenario, which gets an entry too: how it went.
//!
//! A waiter stands in a list, and waits until the tail of the ring has come to its place: the head when it came, and
//! its minimum further. An entry wakes the waiters from the front of the list up to the first whose place is not
//! reached, and they leave the list: a herd where each waits for one.
//!
//! # Claims
//!
//! | id | says | status | source |
//! |---|---|---|---|
//! | io-uring/fifo | Entries are taken in the order in which they were posted. | measured | M:D |
//! | io-uring/herd | An entry wakes every waiter where each waits for one. | measured | M:D, S:wait |
//! | io-uring/prefix | An entry wakes the waiters in the order in which they came, up to the first that has not got its minimum; whoever stands behind that one sleeps on, even with what it waits for. | measured | M:D, S:wait |
//! | io-uring/place | A waiter waits for a place of the tail, its minimum behind the head when it came: what others take meanwhile does not keep it waiting. | measured | M:D, S:wait |
//! | io-uring/fewer | A call that waited for its minimum takes what is there when it goes on, which can be less. | measured | M:D |
//! | io-uring/any-wins | Which of the woken threads takes the entry is left to chance. | measured | M:D |
//! | io-uring/race | An entry belongs to nobody: a thread that looks before the woken waiters run takes it. | measured | M:D |
//! | io-uring/robbed-waits-again | A woken thread whose entry was taken returns from its wait with nothing, and waits again. | measured | M:D |
//! | io-uring/batch | A call takes as many entries as are there, up to its maximum, and waits for no more than its minimum. | derived | the loop |
//! | io-uring/min-zero | A minimum of 0 never waits. | measured | M:D |
//! | io-uring/batch-zero | A maximum of 0 is EINVAL. | derived | the loop |
//! | io-uring/timeout | A wait whose time is over fails with ETIME (here ETIMEDOUT, as everywhere) if the ring is empty; the others wait on. | measured | M:D |
//! | io-uring/timeout-with-some | Where any entry is there, it succeeds, and the call takes them, even fewer than its minimum. | measured | M:D |
//! | io-uring/leaver-wakes-nobody | A waiter whose time is over wakes nobody: those behind it sleep until the next entry, even with what they wait for. | measured | R:who-leaves-wakes-nobody, S:wait |
//! | io-uring/msg-ring | A message from one ring to another puts its entry into that one, and then one that says how it went into its own. | measured | R:message-says-how-it-went, S:msg_ring, D:io_uring_prep_msg_ring |
//! | io-uring/no-limit | Nothing limits how many woken threads run; the concurrency value means nothing. | measured | M:D |
//! | io-uring/close-stays | Closing the descriptor wakes nobody. | measured | M:D |
//! | io-uring/closed-ring | A call on a closed descriptor, and a post to one, fails with EBADF. | documented | D:io_uring_enter, D:io_uring_prep_msg_ring |
//! | io-uring/woken-then-closed | A thread that was woken before the close, and finds nothing, fails with EBADF when it waits again. | inferred | S:wait |
//! | io-uring/no-lost-wakeup | While an entry is in the ring and a thread waits for one, some other thread is awake to take it, unless a thread waits for more. | inferred | S:wait |
//!
//! The sources are our measurements (M, by section of the notes on Unix systems) and our recordings (R, below
//! traces/recorded/io-uring), the kernel's io_uring/wait.c and io_uring/msg_ring.c (S), and its manual pages (D).
//!
//! # Divergence from the real system
//!
//! A look at the ring and the wait that follows it are one action; the kernel looks again before it sleeps, so
//! nothing is missed between them. Timeouts that are operations of the ring, which would wake every waiter, are
//! absent. So are cancelled requests and all other work that ends in the ring, linked requests, polled rings, and the
//! kernel's own list behind a ring that is full. A ring whose descriptor is closed can be posted to through another
//! one; here nobody has one.

use crate::event::{Batch, Error, Observer, OsError, Outcome, errno};
use crate::kernel::{Kernel, Turn};
use crate::program::{Get, Message, Op, PacketId, PortId, Program, ThreadId, Timeout};
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
            Op::MsgRing { .. } => Ok(()),
            _ if op.is_portable() => Ok(()),
            _ => Err("io_uring has no such operation here"),
        }
    }

    fn counts_running(&self) -> bool {
        false
    }

    /// `io-uring/fifo`.
    fn keeps_order(&self) -> bool {
        true
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
            Op::MsgRing { message, .. } => msg_ring(turn, me, message),
            _ => unreachable!("a program that has it is not supported"),
        }
    }

    /// `io-uring/any-wins`, `io-uring/race`, `io-uring/robbed-waits-again`: woken threads go on in any order, and what each finds
    /// decides; `io-uring/fewer`. `io-uring/woken-then-closed`.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get, _: u8) {
        if let Some(outcome) = take_oldest(turn, get) {
            turn.releases(me, outcome);
        } else if !turn.port(get.port).is_open() {
            turn.releases(me, Outcome::Failed(Error::BadHandle));
        } else if turn.thread(me).remaining() == Some(0) {
            turn.releases(me, Outcome::Failed(Error::Timeout));
        } else {
            turn.thread(me).set_mode(Mode::Parked);
            stands_last(turn, me, get);
        }
        forget_if_unused(turn, get.port);
    }

    /// `io-uring/timeout`, `io-uring/timeout-with-some`, `io-uring/leaver-wakes-nobody`.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        turn.port(get.port).waiters_mut().remove(me);
        let some = take_oldest(turn, get);
        turn.releases(me, some.unwrap_or(Outcome::Failed(Error::Timeout)));
        forget_if_unused(turn, get.port);
    }

    /// `io-uring/no-limit`: what else a thread does is not the ring's business.
    fn blocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn unblocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn exits<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Mode) {}

    /// `io-uring/no-lost-wakeup`.
    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        let wants_more = |op: &Op| matches!(op, Op::Get { min: Some(min), .. } if *min > 1);
        if view.program.ops().any(|op| wants_more(&op)) {
            return Ok(());
        }
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

/// Pops an entry, or io_uring_enter with IORING_ENTER_GETEVENTS: `io-uring/batch-zero`, `io-uring/closed-ring`,
/// `io-uring/min-zero`.
fn get<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId) {
    let get = turn.get(me);
    if get.max == Some(0) {
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    }
    if !turn.port(get.port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    let polls = get.timeout == Timeout::Ticks(0);
    if (polls || wants(turn, get) == 0)
        && let Some(outcome) = take_oldest(turn, get)
    {
        return turn.returns(me, outcome);
    }
    if get.min == Some(0) {
        return turn.returns(me, Outcome::Packets(Batch::EMPTY));
    }
    if polls {
        return turn.returns(me, Outcome::Failed(Error::Timeout));
    }
    turn.parks(me, get.timeout);
    stands_last(turn, me, get);
}

/// IORING_OP_MSG_RING from a ring of the poster: `io-uring/closed-ring`.
fn post<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId, packet: PacketId) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    put(turn, port, packet);
    turn.returns(me, Outcome::Done);
}

/// IORING_OP_MSG_RING from a ring that others wait on too: `io-uring/msg-ring`, `io-uring/closed-ring`.
fn msg_ring<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, it: Message) {
    if !turn.port(it.from).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    if turn.port(it.to).is_open() {
        put(turn, it.to, it.packet);
        put(turn, it.from, it.went);
    } else {
        put(turn, it.from, it.failed);
    }
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

/// How many entries more there must be before a call has its minimum.
fn wants<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> u8 {
    let there = turn.port(get.port).packets().depth() as u8;
    get.min.unwrap_or(1).saturating_sub(there)
}

/// `io-uring/place`: a waiter goes behind the others, and keeps how many entries are to come until it has its place.
fn stands_last<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    let wants = wants(turn, get);
    turn.port(get.port).waiters_mut().push_newest(me);
    turn.thread(me).set_note(wants);
}

/// Puts an entry into the ring.
fn put<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, packet: PacketId) {
    turn.inserted();
    turn.port(port).packets_mut().append(packet.0);
    wake_first(turn, port);
}

/// `io-uring/herd`, `io-uring/prefix`: an entry has come; who has its place by now is made runnable, up to the first
/// that has not, and takes nothing yet.
fn wake_first<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let mut place = 0;
    while let Some(waiter) = turn.port(port).waiters().at(place) {
        let mut waiter = turn.thread(waiter);
        let wants = waiter.note();
        waiter.set_note(wants.saturating_sub(1));
        place += 1;
    }
    while let Some(first) = turn.port(port).waiters().at(0) {
        if turn.thread(first).note() != 0 {
            break;
        }
        turn.port(port).waiters_mut().remove(first);
        turn.thread(first).set_mode(Mode::Woken);
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

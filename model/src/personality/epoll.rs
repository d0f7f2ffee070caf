//! Linux epoll: one descriptor, many waiters.
//!
//! The descriptor keeps a list of ready sources, in the order in which they became ready, and a list of
//! waiters. An event puts its source on the ready list and makes the newest waiter runnable; that is all.
//! Nothing is handed over: whoever looks first takes the event, and a waiter that finds nothing waits
//! again. A `get` is epoll_wait, with `max` as its maxevents. A portable `post` makes a fresh
//! edge-triggered one-shot source ready.
//!
//! # Claims
//!
//! | id | says | status | source |
//! |---|---|---|---|
//! | epoll/fifo | Sources are reported in the order in which they became ready. | measured | M:C |
//! | epoll/lifo | An event makes the waiter that came last runnable, and no other. | measured | M:C, S:eventpoll |
//! | epoll/race | An event belongs to nobody: a thread that calls before the woken waiter runs takes it. | measured | M:E, S:eventpoll |
//! | epoll/robbed-newest | A woken waiter that finds nothing waits again as the newest. | measured | M:C |
//! | epoll/coalesce | A ready source that becomes ready again is listed once. | measured | M:C |
//! | epoll/coalesced-wakes | The second event of a listed source still wakes another waiter. | measured | M:C, S:eventpoll |
//! | epoll/level | A level-triggered source goes to the end of the list each time it is reported, while it can be read. | measured | M:C |
//! | epoll/level-chain | A call that leaves ready sources behind wakes one more waiter. | measured | M:C, S:eventpoll |
//! | epoll/edge | An edge-triggered source is reported once for each event. | measured | M:C |
//! | epoll/oneshot | A one-shot source is disarmed by its report; events are ignored until it is armed again. | measured | M:C |
//! | epoll/rearm | Arming a readable source again puts it at the end of the list. | measured | M:C |
//! | epoll/mod-keeps-place | Changing a listed source keeps its place. | measured | M:C |
//! | epoll/del | A source that is no longer watched leaves the list. | measured | M:C |
//! | epoll/drained | A listed source that can no longer be read is dropped without a report. | measured | M:C |
//! | epoll/batch | A call takes as many events as are ready, up to its maximum, and never waits for more. | measured | M:C |
//! | epoll/batch-zero | A maximum of 0 is EINVAL; on a closed descriptor that, or EBADF, as the kernel's version is. | measured | M:C |
//! | epoll/timeout | A call whose time is over returns no event; the other waiters keep their order. | measured | M:C |
//! | epoll/watched-by-several | An event of a source that several descriptors watch is an event on each of them. | measured | M:C |
//! | epoll/exclusive | Of the descriptors that watch a source exclusively, an event wakes a waiter of one: the first to watch it, of those that have a waiter. | measured | M:C, S:eventpoll |
//! | epoll/exclusive-passed | The descriptors that it comes to before that one list the source, and those behind it do not. | measured | R:exclusive-lists-where-nobody-waits, S:eventpoll |
//! | epoll/exclusive-errors | To watch exclusively and one-shot is EINVAL, and so is a change of a source that is watched exclusively, or is to be. | measured | R:exclusive-is-refused, S:eventpoll |
//! | epoll/no-limit | Nothing limits how many woken threads run; the concurrency value means nothing. | measured | M:C |
//! | epoll/close-stays | Closing the descriptor wakes nobody; a source that is still watched still wakes the newest waiter. | measured | M:C |
//! | epoll/closed-handle | A call on a closed descriptor fails with EBADF. | measured | M:C |
//! | epoll/ctl-errors | Adding a watched source is EEXIST; changing or removing one that is not watched is ENOENT. | documented | D:epoll_ctl |
//! | epoll/no-lost-wakeup | While a source is listed and a thread waits, some other thread is awake to take it. | inferred | S:eventpoll |
//!
//! The sources are our measurements (M, by section of the notes on Unix systems) and our recordings (R, below
//! traces/recorded/epoll), the kernel's fs/eventpoll.c (S), and its manual pages (D).
//!
//! # Divergence from the real system
//!
//! One look at the ready list is one action here; in the kernel an event can come in the middle of it.
//! Nested descriptors, signals and priorities are absent.
//! With two processors, one round in a hundred of a level-triggered source lets a second thread return
//! before the first has drained it; here that is one of the possible orders.

use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, OsError, Outcome, errno};
use crate::program::{
    Get, Interest, Op, PacketId, PortId, Program, SourceId, ThreadId, Timeout, Watch,
};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Epoll;

/// How a descriptor watches a source: bits of a byte.
const WATCHED: u8 = 1;
const EDGE: u8 = 2;
const ONESHOT: u8 = 4;
const ARMED: u8 = 8;
const EXCLUSIVE: u8 = 16;
/// How many watched the source exclusively before this one: the upper three bits.
const BEFORE: u8 = 32;

/// The most descriptors of a scenario that watches a source exclusively.
const EXCLUSIVE_MAX: usize = 8;

/// What epoll_wait looks at first: old kernels at the maximum, new ones (6.18 among them) at the descriptor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Check {
    Maximum,
    Descriptor,
}

/// `epoll/batch-zero`: either may be the kernel's order.
const CHECKS: [Check; 2] = [Check::Maximum, Check::Descriptor];

impl Personality for Epoll {
    fn name(&self) -> &'static str {
        "epoll"
    }

    fn os_error(&self) -> fn(Error) -> OsError {
        errno
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), &'static str> {
        match op {
            _ if op.is_alertable() => Err("Linux has no alertable waits"),
            Op::Get { min: Some(_), .. } => {
                Err("epoll_wait takes what is there, and waits for no more")
            }
            Op::EpollCtl {
                change: Watch::Add(interest),
                ..
            } if interest.exclusive && program.ports.len() > EXCLUSIVE_MAX => {
                Err("it watches exclusively on up to 8 descriptors here")
            }
            Op::EpollCtl { .. } | Op::Write { .. } | Op::Drain { .. } => Ok(()),
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("an epoll descriptor has no name")
            }
            Op::Suspend { .. } | Op::Resume { .. } => {
                Err("Linux has no call that suspends a thread and keeps the order of the waiters")
            }
            Op::Post {
                reserve: Some(_), ..
            } => Err("Linux has no reserve objects"),
            Op::Post { may_fail: true, .. } => Err("its posts find memory"),
            Op::Post { packet, .. } if program.packets[packet.index()].status != 0 => {
                Err("an epoll event carries no status")
            }
            _ if op.is_portable() => Ok(()),
            _ => Err("epoll has no such operation"),
        }
    }

    fn counts_running(&self) -> bool {
        false
    }

    /// `epoll/fifo`.
    fn keeps_order(&self) -> bool {
        true
    }

    fn answers(&self, view: View<'_>, _: ThreadId, op: Op) -> u8 {
        match op {
            Op::Get {
                port, max: Some(0), ..
            } if !view.port(port).is_open() => CHECKS.len() as u8,
            _ => 1,
        }
    }

    fn call<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, op: Op, answer: u8) {
        match op {
            Op::Get { .. } => wait(turn, me, answer),
            Op::Post { port, packet, .. } => post(turn, me, port, packet),
            Op::Close { port, .. } => close(turn, me, port),
            Op::Create { port, .. } => create(turn, me, port),
            Op::EpollCtl {
                port,
                source,
                change,
                ..
            } => epoll_ctl(turn, me, port, source, change),
            Op::Write { source } => write(turn, me, source),
            Op::Drain { source } => drain(turn, me, source),
            _ => unreachable!("a program that has it is not supported"),
        }
    }

    /// `epoll/race`, `epoll/robbed-newest`: a woken waiter looks like any other thread, and waits again if it
    /// finds nothing.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get, _: u8) {
        if let Some(outcome) = take_ready(turn, get) {
            turn.releases(me, outcome);
        } else if turn.thread(me).remaining() == Some(0) {
            turn.releases(me, Outcome::Failed(Error::Timeout));
        } else {
            turn.port(get.port).waiters_mut().push_newest(me);
            turn.thread(me).set_mode(Mode::Parked);
        }
        forget_if_unused(turn, get.port);
    }

    /// `epoll/timeout`.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        turn.port(get.port).waiters_mut().remove(me);
        turn.releases(me, Outcome::Failed(Error::Timeout));
        forget_if_unused(turn, get.port);
    }

    /// `epoll/no-limit`: what else a thread does is not epoll's business.
    fn blocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn unblocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn exits<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Mode) {}

    /// `epoll/no-lost-wakeup`.
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

/// epoll_wait: `epoll/batch-zero`, `epoll/closed-handle`.
fn wait<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, answer: u8) {
    let get = turn.get(me);
    let first = CHECKS[usize::from(answer)];
    if get.max == Some(0) && (first == Check::Maximum || turn.port(get.port).is_open()) {
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    }
    if !turn.port(get.port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    if let Some(outcome) = take_ready(turn, get) {
        return turn.returns(me, outcome);
    }
    if get.timeout == Timeout::Ticks(0) {
        return turn.returns(me, Outcome::Failed(Error::Timeout));
    }
    turn.port(get.port).waiters_mut().push_newest(me);
    turn.parks(me, get.timeout);
}

/// epoll_ctl with a fresh source, edge-triggered and one-shot, and then a write to it.
fn post<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId, packet: PacketId) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    list(turn, port, packet.0);
    wake_newest(turn, port);
    turn.returns(me, Outcome::Done);
}

/// close: `epoll/close-stays`.
fn close<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.port(port).set_handles(0);
    turn.returns(me, Outcome::Done);
    forget_if_unused(turn, port);
}

/// epoll_ctl: `epoll/rearm`, `epoll/mod-keeps-place`, `epoll/del`, `epoll/ctl-errors`, `epoll/exclusive-errors`.
fn epoll_ctl<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    port: PortId,
    source: SourceId,
    change: Watch,
) {
    let flags = turn.view().interest(port, source).0;
    let watched = flags & WATCHED != 0;
    let failed = match change {
        _ if !turn.port(port).is_open() => Some(Error::BadHandle),
        Watch::Add(it) if it.exclusive && it.oneshot => Some(Error::Invalid),
        Watch::Mod(it) if it.exclusive => Some(Error::Invalid),
        Watch::Mod(_) if flags & EXCLUSIVE != 0 => Some(Error::Invalid),
        Watch::Add(_) if watched => Some(Error::Exists),
        Watch::Mod(_) | Watch::Del if !watched => Some(Error::NotFound),
        _ => None,
    };
    if let Some(error) = failed {
        return turn.returns(me, Outcome::Failed(error));
    }
    match change {
        Watch::Add(interest) | Watch::Mod(interest) => arm(turn, port, source, interest),
        Watch::Del => unwatch(turn, port, source),
    }
    turn.returns(me, Outcome::Done);
}

/// A write to an eventfd: `epoll/watched-by-several`, `epoll/exclusive`, `epoll/exclusive-passed`.
fn write<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
    turn.set_readable(source, true);
    for port in turn.program.port_ids() {
        if turn.view().interest(port, source).0 & EXCLUSIVE == 0 {
            becomes_ready(turn, port, source);
        }
    }
    for before in 0..exclusive(turn, source) {
        let nth = |port: &PortId| {
            let flags = turn.view().interest(*port, source).0;
            flags & EXCLUSIVE != 0 && flags / BEFORE == before
        };
        let port = turn.program.port_ids().find(nth);
        let port = port.expect("they are counted without a gap");
        let wakes = !turn.port(port).waiters().is_empty();
        becomes_ready(turn, port, source);
        if wakes {
            break;
        }
    }
    turn.returns(me, Outcome::Done);
}

/// A read of an eventfd.
fn drain<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
    turn.set_readable(source, false);
    turn.returns(me, Outcome::Done);
}

/// epoll_create.
fn create<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    turn.port(port).set_handles(1);
    turn.returns(me, Outcome::Done);
}

/// `epoll/fifo`, `epoll/batch`: looks once at every source that is listed now, oldest first, until the call
/// has enough. None if nothing was ready after all. `epoll/level-chain`: what is left wakes one more waiter.
fn take_ready<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Option<Outcome> {
    let max = usize::from(get.max.unwrap_or(1));
    let mut batch = Batch::EMPTY;
    for _ in 0..turn.port(get.port).packets().depth() {
        if batch.packets().len() == max {
            break;
        }
        let entry = turn
            .port(get.port)
            .packets_mut()
            .take_oldest()
            .expect("one is listed");
        if let Some(packet) = report(turn, get.port, entry) {
            batch.push(packet);
        }
    }
    if !turn.port(get.port).packets().is_empty() {
        wake_newest(turn, get.port);
    }
    match (batch.packets(), get.max) {
        ([], _) => None,
        ([packet, ..], None) => Some(Outcome::Packet(*packet)),
        (_, Some(_)) => Some(Outcome::Packets(batch)),
    }
}

/// `epoll/drained`, `epoll/level`, `epoll/edge`, `epoll/oneshot`: what becomes of a listed source that a call
/// looks at, and the packet it reports.
fn report<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, entry: u8) -> Option<PacketId> {
    let Some(source) = source_of(turn.program, entry) else {
        turn.delivered(port, 1);
        return Some(PacketId(entry));
    };
    if !turn.view().is_readable(source) {
        turn.discarded(1);
        return None;
    }
    turn.delivered(port, 1);
    let (flags, packet) = turn.view().interest(port, source);
    if flags & ONESHOT != 0 {
        turn.set_interest(port, source, flags & !ARMED, packet);
    } else if flags & EDGE == 0 {
        list(turn, port, entry);
    }
    Some(packet)
}

/// `epoll/coalesce`, `epoll/coalesced-wakes`, `epoll/oneshot`: an event on a source.
fn becomes_ready<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, source: SourceId) {
    if turn.view().interest(port, source).0 & ARMED != 0 {
        let entry = entry_of(turn.program, source);
        if !turn.port(port).packets().contains(entry) {
            list(turn, port, entry);
        }
        wake_newest(turn, port);
    }
}

/// `epoll/rearm`, `epoll/mod-keeps-place`: a source that can be read when it is armed is ready at once; one
/// that is listed already stays where it is, and wakes nobody.
fn arm<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, source: SourceId, interest: Interest) {
    let edge = if interest.edge { EDGE } else { 0 };
    let oneshot = if interest.oneshot { ONESHOT } else { 0 };
    let mut flags = WATCHED | ARMED | edge | oneshot;
    if interest.exclusive {
        flags |= EXCLUSIVE | (BEFORE * exclusive(turn, source));
    }
    turn.set_interest(port, source, flags, interest.packet);
    let entry = entry_of(turn.program, source);
    if turn.view().is_readable(source) && !turn.port(port).packets().contains(entry) {
        list(turn, port, entry);
        wake_newest(turn, port);
    }
}

/// `epoll/del`.
fn unwatch<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, source: SourceId) {
    let entry = entry_of(turn.program, source);
    if turn.port(port).packets_mut().remove(entry) {
        turn.discarded(1);
    }
    forget(turn, port, source);
}

/// A descriptor does not watch a source any more; those that came to watch it exclusively behind it move up.
fn forget<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, source: SourceId) {
    let (was, _) = turn.view().interest(port, source);
    turn.set_interest(port, source, 0, PacketId(0));
    if was & EXCLUSIVE == 0 {
        return;
    }
    for other in turn.program.port_ids() {
        let (flags, packet) = turn.view().interest(other, source);
        if flags & EXCLUSIVE != 0 && flags / BEFORE > was / BEFORE {
            turn.set_interest(other, source, flags - BEFORE, packet);
        }
    }
}

/// How many descriptors watch a source exclusively.
fn exclusive<O: Observer>(turn: &mut Turn<'_, O>, source: SourceId) -> u8 {
    let view = turn.view();
    let so = |port: &PortId| view.interest(*port, source).0 & EXCLUSIVE != 0;
    turn.program.port_ids().filter(so).count() as u8
}

fn list<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, entry: u8) {
    turn.inserted();
    turn.port(port).packets_mut().append(entry);
}

/// `epoll/lifo`: the newest waiter is made runnable; it takes nothing yet.
fn wake_newest<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    if let Some(waiter) = turn.port(port).waiters_mut().take_newest() {
        turn.thread(waiter).set_mode(Mode::Woken);
    }
}

/// A closed descriptor lives on while a thread is inside a call on it, and then drops what it watches.
fn forget_if_unused<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let used = turn.port(port).is_open()
        || !turn.port(port).waiters().is_empty()
        || turn.view().is_anybody_awake(port);
    if !used {
        let dropped = turn.port(port).packets_mut().clear();
        turn.discarded(dropped);
        for n in 0..turn.program.sources.len() {
            forget(turn, port, SourceId(n as u8));
        }
    }
}

/// The ready list holds fresh sources by the packet that they carry, and all others behind those.
fn entry_of(program: &Program, source: SourceId) -> u8 {
    program.packets.len() as u8 + source.0
}

fn source_of(program: &Program, entry: u8) -> Option<SourceId> {
    entry.checked_sub(program.packets.len() as u8).map(SourceId)
}

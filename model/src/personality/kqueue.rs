//! kqueue, on FreeBSD and on macOS: one queue of events, many waiters.
//!
//! A kqueue keeps a list of knotes that are active, in the order in which they became so, each once. An event
//! wakes every waiter; one after the other they scan the list, and whoever finds nothing sleeps again. A `get`
//! is kevent with room for one event, or for `max`. A `kevent` adds, changes, triggers or removes a user
//! event (EVFILT_USER), for which a source stands. A portable `post` adds a fresh one with EV_ONESHOT and
//! NOTE_TRIGGER.
//!
//! # Claims
//!
//! | id | says | status | source |
//! |---|---|---|---|
//! | kqueue/fifo | Knotes are reported in the order in which they became active. | derived | S:knote_enqueue, S:kqueue_scan |
//! | kqueue/wakes-all | An event wakes every waiter; it belongs to whoever scans first, woken or not. | derived | S:kqueue_wakeup |
//! | kqueue/waits-again | A woken waiter that finds nothing sleeps again, for what is left of its time. | derived | S:kqueue_scan |
//! | kqueue/serial | One thread scans at a time, and sees each knote once. | derived | S:kqueue_scan |
//! | kqueue/coalesce | A user event that is triggered again before it is taken is reported once. | derived | S:filt_usertouch |
//! | kqueue/level | An event without EV_CLEAR, EV_DISPATCH or EV_ONESHOT stays active, and goes to the end of the list each time it is reported. | derived | S:kqueue_scan |
//! | kqueue/clear | With EV_CLEAR it is reset by its report. | documented | D:kqueue, S:filt_usertouch |
//! | kqueue/oneshot | With EV_ONESHOT it is reported once and then deleted. | documented | D:kqueue, S:kqueue_scan |
//! | kqueue/dispatch | With EV_DISPATCH it is disabled by its report. | documented | D:kqueue, S:kqueue_scan |
//! | kqueue/enable | EV_ENABLE enables it again; one that is triggered then is reported at once. | documented | D:kqueue, S:kqueue_register |
//! | kqueue/disable | While it is disabled nothing is reported; a trigger is kept. | documented | D:kqueue, S:kqueue_register |
//! | kqueue/delete | EV_DELETE takes it out of the list. | documented | D:kqueue, S:kqueue_register |
//! | kqueue/not-there | Changing one that was not added is ENOENT. | documented | D:kqueue, S:kqueue_register |
//! | kqueue/add-again | Adding it again changes what it carries, and keeps its flags and its trigger. | derived | S:kqueue_register |
//! | kqueue/clear-again | A change that says EV_CLEAR takes the trigger back, also one of its own. | derived | S:filt_usertouch |
//! | kqueue/batch | A call takes as many events as there are, up to its maximum, and never waits for more; a maximum of 0 returns at once. | derived | S:kqueue_scan |
//! | kqueue/timeout | A call whose time is over returns no event. | documented | D:kqueue |
//! | kqueue/no-limit | Nothing limits how many woken threads run; the concurrency value means nothing. | derived | S:kqueue_wakeup |
//! | kqueue/closed-handle | A call on a closed kqueue fails with EBADF. | documented | D:kqueue |
//! | kqueue/close-stays | FreeBSD: closing the kqueue wakes nobody. | inferred | S:kqueue_acquire |
//! | kqueue-macos/close | macOS: closing the kqueue ends every call in it with EINTR. | derived | X:kqueue_drain |
//!
//! The sources are FreeBSD's sys/kern/kern_event.c, by function (S), an old copy of macOS's bsd/kern/kern_event.c
//! (X), and the manual page kqueue(2) (D). Nothing of this has been run.
//!
//! # Divergence from the real system
//!
//! Other filters than EVFILT_USER are absent, and so are its fflags (NOTE_FFAND, NOTE_FFOR, NOTE_FFCOPY), lists
//! of changes, EV_RECEIPT and signals. A scan is one action here: knotes that become active in the middle of
//! it stand behind its marker in the kernel, and are not seen by it either. Whether a newer macOS closes as the old
//! copy does is not known.

use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, OsError, Outcome, freebsd, macos};
use crate::program::{Get, Knote, Op, PacketId, PortId, Program, SourceId, ThreadId, Timeout};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Kqueue {
    name: &'static str,
    /// `kqueue-macos/close`: whether a close ends the calls in it.
    close_interrupts: bool,
}

impl Kqueue {
    /// FreeBSD.
    pub const FREEBSD: Kqueue = Kqueue {
        name: "kqueue",
        close_interrupts: false,
    };
    /// macOS.
    pub const MACOS: Kqueue = Kqueue {
        name: "kqueue-macos",
        close_interrupts: true,
    };
}

/// A knote: bits of a byte.
const ADDED: u8 = 1;
const DISABLED: u8 = 2;
const ACTIVE: u8 = 4;
const TRIGGERED: u8 = 8;
const ONESHOT: u8 = 16;
const CLEAR: u8 = 32;
const DISPATCH: u8 = 64;

impl Personality for Kqueue {
    fn name(&self) -> &'static str {
        self.name
    }

    fn os_error(&self) -> fn(Error) -> OsError {
        if self.close_interrupts {
            macos
        } else {
            freebsd
        }
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), &'static str> {
        match op {
            _ if op.is_alertable() => Err("kqueue has no alertable waits"),
            Op::Get { min: Some(_), .. } => {
                Err("kevent takes what is there, and waits for no more")
            }
            Op::Post {
                reserve: Some(_), ..
            } => Err("kqueue has no reserve objects"),
            Op::Post { may_fail: true, .. } => Err("its posts find memory"),
            Op::Post { packet, .. } if program.packets[packet.index()].status != 0 => {
                Err("an event of a kqueue carries no status")
            }
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("a kqueue has no name")
            }
            Op::Kevent { .. } => Ok(()),
            _ if op.is_portable() => Ok(()),
            _ => Err("kqueue has no such operation"),
        }
    }

    fn counts_running(&self) -> bool {
        false
    }

    fn call<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, op: Op, _: u8) {
        match op {
            Op::Get { .. } => wait(turn, me),
            Op::Post { port, packet, .. } => post(turn, me, port, packet),
            Op::Kevent {
                port,
                source,
                change,
                ..
            } => kevent(turn, me, port, source, change),
            Op::Close { port, .. } => self.close(turn, me, port),
            Op::Create { port, .. } => kqueue(turn, me, port),
            _ => unreachable!("a program that has it is not supported"),
        }
    }

    /// `kqueue/waits-again`: the order of those that sleep makes no difference, because all are woken.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get, _: u8) {
        if let Some(outcome) = scan(turn, get) {
            turn.releases(me, outcome);
        } else if self.close_interrupts && !turn.port(get.port).is_open() {
            turn.releases(me, Outcome::Failed(Error::Abandoned));
        } else if turn.view().thread(me).remaining() == Some(0) {
            turn.releases(me, Outcome::Failed(Error::Timeout));
        } else {
            turn.port(get.port).waiters_mut().push_newest(me);
            turn.thread(me).set_mode(Mode::Parked);
        }
        forget_if_unused(turn, get.port);
    }

    /// `kqueue/timeout`.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        turn.port(get.port).waiters_mut().remove(me);
        turn.releases(me, Outcome::Failed(Error::Timeout));
        forget_if_unused(turn, get.port);
    }

    /// `kqueue/no-limit`: what else a thread does is not the kqueue's business.
    fn blocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn unblocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn exits<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Mode) {}

    /// `kqueue/wakes-all`: nobody sleeps beside a knote that is listed.
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

impl Kqueue {
    /// close: `kqueue/close-stays`, `kqueue-macos/close`.
    fn close<O: Observer>(self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        if !turn.port(port).is_open() {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        turn.port(port).set_handles(0);
        if self.close_interrupts {
            forget(turn, port);
            wake_all(turn, port);
        }
        turn.returns(me, Outcome::Done);
        forget_if_unused(turn, port);
    }
}

/// kevent with room for events: `kqueue/closed-handle`, `kqueue/batch`.
fn wait<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId) {
    let get = turn.get(me);
    if !turn.port(get.port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    if get.max == Some(0) {
        return turn.returns(me, Outcome::Packets(Batch::EMPTY));
    }
    if let Some(outcome) = scan(turn, get) {
        return turn.returns(me, outcome);
    }
    if get.timeout == Timeout::Ticks(0) {
        return turn.returns(me, Outcome::Failed(Error::Timeout));
    }
    turn.port(get.port).waiters_mut().push_newest(me);
    turn.parks(me, get.timeout);
}

/// kevent with one change, a fresh user event with EV_ONESHOT that is triggered.
fn post<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId, packet: PacketId) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    enqueue(turn, port, packet.0);
    turn.returns(me, Outcome::Done);
}

/// kevent with one change of a user event: `kqueue/not-there`, `kqueue/delete`, `kqueue/enable`,
/// `kqueue/disable`, `kqueue/add-again`, `kqueue/clear-again`.
fn kevent<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    port: PortId,
    source: SourceId,
    change: Knote,
) {
    let (before, carried) = turn.view().interest(port, source);
    let is_new = before & ADDED == 0;
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    if is_new && !change.add {
        return turn.returns(me, Outcome::Failed(Error::NotFound));
    }
    if change.delete && !is_new {
        drop_knote(turn, port, source);
        return turn.returns(me, Outcome::Done);
    }
    let mut knote = if is_new { attached(change) } else { before };
    if !is_new {
        knote = match change {
            Knote { enable: true, .. } => knote & !DISABLED,
            Knote { disable: true, .. } => knote | DISABLED,
            _ => knote,
        };
        knote |= bit(change.trigger, TRIGGERED);
        knote &= !bit(change.clear, TRIGGERED);
    }
    if knote & (TRIGGERED | DISABLED) == TRIGGERED {
        knote |= ACTIVE;
    }
    let carries = if change.add { change.packet } else { carried };
    turn.set_interest(port, source, knote, carries);
    let entry = entry_of(turn.program, source);
    if knote & (ACTIVE | DISABLED) == ACTIVE && !turn.port(port).packets().contains(entry) {
        enqueue(turn, port, entry);
    }
    turn.returns(me, Outcome::Done);
}

/// A knote as it is added.
fn attached(change: Knote) -> u8 {
    ADDED
        | bit(change.disable, DISABLED)
        | bit(change.trigger, TRIGGERED)
        | bit(change.oneshot, ONESHOT)
        | bit(change.clear, CLEAR)
        | bit(change.dispatch, DISPATCH)
}

fn bit(is_set: bool, bit: u8) -> u8 {
    if is_set { bit } else { 0 }
}

/// `kqueue/coalesce`: a knote that is listed is not listed again.
fn enqueue<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, entry: u8) {
    turn.inserted();
    turn.port(port).packets_mut().append(entry);
    wake_all(turn, port);
}

/// `kqueue/wakes-all`.
fn wake_all<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    while let Some(waiter) = turn.port(port).waiters_mut().take_oldest() {
        turn.thread(waiter).set_mode(Mode::Woken);
    }
}

/// `kqueue/fifo`, `kqueue/serial`: looks once at every knote that is listed now, oldest first, until the call has
/// enough. None if nothing was to be reported.
fn scan<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Option<Outcome> {
    let max = usize::from(get.max.unwrap_or(1));
    let mut batch = Batch::EMPTY;
    for _ in 0..turn.port(get.port).packets().depth() {
        if batch.packets().len() == max {
            break;
        }
        let entry = turn.port(get.port).packets_mut().take_oldest();
        if let Some(packet) = entry.and_then(|entry| report(turn, get.port, entry)) {
            batch.push(packet);
        }
    }
    match (batch.packets(), get.max) {
        ([], _) => None,
        ([packet, ..], None) => Some(Outcome::Packet(*packet)),
        (_, Some(_)) => Some(Outcome::Packets(batch)),
    }
}

/// `kqueue/oneshot`, `kqueue/clear`, `kqueue/dispatch`, `kqueue/level`: what becomes of a listed knote that a scan
/// comes to, and what it reports.
fn report<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, entry: u8) -> Option<PacketId> {
    let Some(source) = source_of(turn.program, entry) else {
        turn.delivered(port, 1);
        return Some(PacketId(entry));
    };
    let (knote, packet) = turn.view().interest(port, source);
    if knote & DISABLED != 0 {
        turn.discarded(1);
        return None;
    }
    if knote & ONESHOT != 0 {
        turn.delivered(port, 1);
        turn.set_interest(port, source, 0, PacketId(0));
        return Some(packet);
    }
    if knote & TRIGGERED == 0 {
        turn.discarded(1);
        turn.set_interest(port, source, knote & !ACTIVE, packet);
        return None;
    }
    turn.delivered(port, 1);
    let mut after = knote & !bit(knote & CLEAR != 0, TRIGGERED);
    after |= bit(knote & DISPATCH != 0, DISABLED);
    if knote & (CLEAR | DISPATCH) != 0 {
        after &= !ACTIVE;
    } else {
        turn.inserted();
        turn.port(port).packets_mut().append(entry);
    }
    turn.set_interest(port, source, after, packet);
    Some(packet)
}

/// `kqueue/delete`.
fn drop_knote<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, source: SourceId) {
    let entry = entry_of(turn.program, source);
    if turn.port(port).packets_mut().remove(entry) {
        turn.discarded(1);
    }
    turn.set_interest(port, source, 0, PacketId(0));
}

/// kqueue.
fn kqueue<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    turn.port(port).set_handles(1);
    turn.returns(me, Outcome::Done);
}

/// A closed kqueue lives on while a thread is inside a call on it, and then its knotes are dropped.
fn forget_if_unused<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let used = turn.port(port).is_open()
        || !turn.port(port).waiters().is_empty()
        || turn
            .program
            .thread_ids()
            .any(|id| turn.view().mode(id) == Mode::Woken && turn.view().get(id).port == port);
    if !used {
        forget(turn, port);
    }
}

/// Drops every knote.
fn forget<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let dropped = turn.port(port).packets_mut().clear();
    turn.discarded(dropped);
    for n in 0..turn.program.sources.len() {
        turn.set_interest(port, SourceId(n as u8), 0, PacketId(0));
    }
}

/// The list holds fresh events by the packet that they carry, and all others behind those.
fn entry_of(program: &Program, source: SourceId) -> u8 {
    program.packets.len() as u8 + source.0
}

fn source_of(program: &Program, entry: u8) -> Option<SourceId> {
    entry.checked_sub(program.packets.len() as u8).map(SourceId)
}

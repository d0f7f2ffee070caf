//! Linux epoll: one descriptor, many waiters.
//!
//! The descriptor keeps a list of ready sources, in the order in which they became ready, and a list of
//! waiters. An event puts its source on the ready list and makes the newest waiter runnable; that is all.
//! Nothing is handed over: the first thread that looks takes the event, and a waiter that finds nothing waits
//! again. A `get` is epoll_wait, with `max` as its maxevents. A portable `post` makes a fresh
//! edge-triggered one-shot source ready.
//!
//! A source has one entry for both of its directions, and so one place in the list: what it is ready for is asked when a
//! call looks. The entry belongs to what is open, and not to the descriptor by which it was made: it goes with the last
//! descriptor.
//!
//! The sources are our measurements (M, by section of the notes on Unix systems) and our recordings (R, below
//! traces/recorded/epoll), the kernel's fs/eventpoll.c and net/unix/af_unix.c (S), and its manual pages (D).
//!
//! # Divergence from the real system
//!
//! One look at the ready list is one action here; in the kernel an event can come in the middle of it. What another call may
//! miss meanwhile is asked at full speed only (`epoll/overlooks`).
//! Nested descriptors, signals and priorities are absent, and so are EPOLLHUP, EPOLLERR and all events but EPOLLIN and
//! EPOLLOUT. A duplicate is not watched by itself, and a source that is closed is not opened again. A close that comes in
//! the middle of a call on the source takes its entry away when that call is over; here it does so at once.
//! With two processors, one round in a hundred of a level-triggered source lets a second thread return
//! before the first has drained it; here that is one of the possible orders.

use super::{linux, notify};
use crate::about::{About, COMMON, Limits};
use crate::choice::Readings;
use crate::claim::{Claim, claims};
use crate::contract::Personality;
use crate::event::{Error, Observer, Outcome};
use crate::flags::Flags;
use crate::program::{
    Direction, Events, Get, Interest, Op, PacketId, PortId, Post, Program, SourceId, ThreadId,
    Timeout, Verb, Watch,
};
use crate::property::Fault;
use crate::state::View;
use crate::turn::Turn;

claims! {
    FIFO = "epoll/fifo", Measured, "M:C": "Sources are reported in the order in which they became ready.";
    LIFO = "epoll/lifo", Measured, "M:C, S:eventpoll": "An event makes the waiter that came last runnable, and no other.";
    RACE = "epoll/race", Measured, "M:E, S:eventpoll": "An event belongs to nobody: a thread that calls before the woken waiter runs takes it.";
    ROBBED_NEWEST = "epoll/robbed-newest", Measured, "M:C": "A woken waiter that finds nothing waits again as the newest.";
    COALESCE = "epoll/coalesce", Measured, "M:C": "A ready source that becomes ready again is listed once.";
    COALESCED_WAKES = "epoll/coalesced-wakes", Measured, "M:C, S:eventpoll": "The second event of a listed source still wakes another waiter.";
    LEVEL = "epoll/level", Measured, "M:C": "A level-triggered source goes to the end of the list each time it is reported, while it is ready.";
    LEVEL_CHAIN = "epoll/level-chain", Measured, "M:C, S:eventpoll": "A call that leaves ready sources behind wakes one more waiter.";
    EDGE = "epoll/edge", Measured, "M:C": "An edge-triggered source is reported once for each event.";
    ONESHOT = "epoll/oneshot", Measured, "M:C": "A one-shot source is disarmed by its report; events are ignored until it is armed again.";
    REARM = "epoll/rearm", Measured, "M:C": "Arming a source again that is ready puts it at the end of the list.";
    MOD_KEEPS_PLACE = "epoll/mod-keeps-place", Measured, "M:C": "Changing a listed source keeps its place.";
    DEL = "epoll/del", Measured, "M:C": "A source that is no longer watched leaves the list.";
    DRAINED = "epoll/drained", Measured, "M:C": "A listed source that is no longer ready for what it is watched for is dropped without a report.";
    BATCH = "epoll/batch", Measured, "M:C": "A call takes as many events as are ready, up to its maximum, and never waits for more.";
    BATCH_ZERO = "epoll/batch-zero", Measured, "M:C": "A maximum of 0 is EINVAL; on a closed descriptor that, or EBADF, as the kernel's version is.";
    TIMEOUT = "epoll/timeout", Measured, "M:C": "A call whose time is over returns no event; the other waiters keep their order.";
    KEEPS = "epoll/keeps", Measured, "R:no-event-leaves-the-array, S:eventpoll": "A call that reports no event leaves the array of its caller as it was.";
    WATCHED_BY_SEVERAL = "epoll/watched-by-several", Measured, "M:C": "An event of a source that several descriptors watch is an event on each of them.";
    EXCLUSIVE = "epoll/exclusive", Measured, "M:C, S:eventpoll": "Of the descriptors that watch a source exclusively, an event wakes a waiter of one: the first to watch it, of those that have a waiter.";
    EXCLUSIVE_PASSED = "epoll/exclusive-passed", Measured, "R:exclusive-lists-where-nobody-waits, S:eventpoll": "The descriptors that it comes to before that one list the source, and those behind it do not.";
    EXCLUSIVE_ERRORS = "epoll/exclusive-errors", Measured, "R:exclusive-is-refused, S:eventpoll": "To watch exclusively and one-shot is EINVAL, and so is a change of a source that is watched exclusively, or is to be.";
    MASK = "epoll/mask", Measured, "R:watched-for-nothing, S:eventpoll": "An event of a direction that a source is not watched for lists nothing and wakes nobody.";
    ALL_READY = "epoll/all-ready", Measured, "R:both-directions-one-event, S:eventpoll": "A report says all that the source is ready for when the call looks, of what it is watched for, whichever event listed it.";
    ROOM = "epoll/room", Measured, "R:both-directions-one-event, S:af_unix": "When the other end of a full source has read it empty, that is an event: it can be written.";
    SOURCE_GONE = "epoll/source-gone", Measured, "R:close-takes-the-event, D:epoll, S:eventpoll": "Closing the last descriptor of a source takes it out of each list and wakes nobody: nobody watches it any more.";
    DUPLICATE = "epoll/duplicate", Measured, "R:close-with-a-duplicate-keeps-reporting, D:epoll, S:eventpoll": "As long as a duplicate of its descriptor is open, a source is watched as before, although that is closed and names it no more.";
    OVERLOOKS = "epoll/overlooks", Open, "S:eventpoll (commit 0c4aefe3c2d0 and its selftest)": "At full speed a call with a timeout of 0 may return no event beside another call that looks at the list, although a level-triggered source is ready; kernels that have the commit of June 2026 look again.";
    NO_LIMIT = "epoll/no-limit", Measured, "M:C": "Nothing limits how many woken threads run; the concurrency value means nothing.";
    CLOSE_STAYS = "epoll/close-stays", Measured, "M:C": "Closing the descriptor wakes nobody; a source that is still watched still wakes the newest waiter.";
    CLOSED_HANDLE = "epoll/closed-handle", Measured, "M:C": "A call on a closed descriptor fails with EBADF.";
    CTL_ERRORS = "epoll/ctl-errors", Documented, "D:epoll_ctl": "Adding a watched source is EEXIST; changing or removing one that is not watched is ENOENT.";
    NO_LOST_WAKEUP = "epoll/no-lost-wakeup", Inferred, "S:eventpoll": "While a source is listed and a thread waits, some other thread is awake to take it.";
}

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Epoll;

/// How a descriptor watches a source: bits of a byte.
const WATCHED: u8 = 1;
const EPOLLET: u8 = 2;
const EPOLLONESHOT: u8 = 4;
const ARMED: u8 = 8;
const EPOLLEXCLUSIVE: u8 = 16;
/// How many watched the source exclusively before this one: the upper three bits.
const BEFORE: u8 = 32;

/// The most descriptors of a scenario that watches a source exclusively.
const EXCLUSIVE_MAX: usize = 8;

/// What epoll_wait looks at first: old kernels at the maximum, new ones (6.18 among them) at the descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Maximum,
    Descriptor,
}

const CHECKS: Readings<Check> = Readings {
    claim: BATCH_ZERO,
    readings: &[
        ("maximum-first", Check::Maximum),
        ("descriptor-first", Check::Descriptor),
    ],
};

/// What a poll finds while another call looks at the list. In lock-step no two calls do so at once.
const POLLS: Readings<bool> = Readings {
    claim: OVERLOOKS,
    readings: &[("sees", false), ("overlooks", true)],
};

static ABOUT: About = About {
    name: "epoll",
    sources: "M and R: measured here; S: the source of Linux; D: its manual pages",
    can: &[
        COMMON,
        &[Verb::EpollCtl, Verb::Write, Verb::Drain],
        &[
            Verb::Fill,
            Verb::MakeRoom,
            Verb::CloseSource,
            Verb::DuplicateSource,
        ],
    ],
    lacks_the_rest: "epoll has no such operation",
    limits: Limits {
        minimum: Some("epoll_wait takes what is there, and waits for no more"),
        named: Some("an epoll descriptor has no name"),
        status: Some("an epoll event carries no status"),
        ..linux::LIMITS
    },
    open: &[&CHECKS, &POLLS],
    at_full_speed: &[&POLLS],
    invariants: &[NO_LOST_WAKEUP],
    no_limit: Some(NO_LIMIT),
    keeps: Ok(KEEPS),
    ..linux::ABOUT
};

impl Personality for Epoll {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn refuses(&self, program: &Program, op: Op) -> Option<&'static str> {
        if let Op::EpollCtl {
            change: Watch::Add(interest),
            ..
        } = op
            && interest.exclusive
            && program.ports.len() > EXCLUSIVE_MAX
        {
            return Some("it watches exclusively on up to 8 descriptors here");
        }
        notify::duplicates_too_often(program, op)
    }

    fn keeps_waiting(&self, view: View<'_>, me: ThreadId) -> Option<&'static Claim> {
        let is_empty = view.port(view.get(me).port).packets().is_empty();
        (!is_empty).then_some(LIFO)
    }

    /// epoll_wait.
    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        let is_open = turn.port(get.port).is_open();
        if get.max == Some(0) && (is_open || turn.choose(&CHECKS) == Check::Maximum) {
            return turn.fails(me, BATCH_ZERO, Error::Invalid);
        }
        if !is_open {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        if overlooks(turn, get) {
            return turn.fails(me, OVERLOOKS, Error::Timeout);
        }
        notify::takes_or_waits(turn, me, get, take_ready, RACE, TIMEOUT);
    }

    /// epoll_ctl with a fresh source, edge-triggered and one-shot, and then a write to it.
    fn post<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, post: Post) {
        if !turn.port(post.port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        notify::append(turn, post.port, post.packet.0);
        wake_newest(turn, post.port);
        turn.returns(me, Outcome::Done);
    }

    fn epoll_ctl<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        source: SourceId,
        change: Watch,
    ) {
        if let Some((claim, error)) = ctl_fails(turn.view(), port, source, change) {
            return turn.fails(me, claim, error);
        }
        match change {
            Watch::Add(interest) | Watch::Mod(interest) => arm(turn, port, source, interest),
            Watch::Del => unwatch(turn, port, source),
        }
        turn.returns(me, Outcome::Done);
    }

    /// A write to an eventfd, or to the other end of a connection. That a write to an end which is closed fails is not
    /// said.
    fn write<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
        if turn.view().descriptors(source) > 0 {
            turn.set_readable(source, true);
            comes(turn, source, Direction::In);
        }
        turn.returns(me, Outcome::Done);
    }

    /// A read of an eventfd, or of a connection.
    fn drain<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
        if turn.view().descriptors(source) == 0 {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        turn.set_readable(source, false);
        turn.returns(me, Outcome::Done);
    }

    fn fill<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
        if turn.view().descriptors(source) == 0 {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        turn.set_writable(source, false);
        turn.returns(me, Outcome::Done);
    }

    /// A read of the other end, which finds nothing unless the source was full.
    fn make_room<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
        if turn.view().descriptors(source) > 0 && !turn.view().is_writable(source) {
            turn.by(ROOM);
            turn.set_writable(source, true);
            comes(turn, source, Direction::Out);
        }
        turn.returns(me, Outcome::Done);
    }

    fn close_source<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
        if turn.view().descriptors(source) == 0 {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        turn.close_source(source);
        if turn.view().descriptors(source) > 0 {
            turn.by(DUPLICATE);
            return turn.returns(me, Outcome::Done);
        }
        turn.by(SOURCE_GONE);
        for port in turn.program.port_ids() {
            notify::unlist(turn, port, notify::entry_of(turn.program, source));
            forget(turn, port, source);
        }
        turn.returns(me, Outcome::Done);
    }

    fn duplicate_source<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        source: SourceId,
    ) {
        if turn.view().is_closed(source) {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        turn.duplicate_source(source);
        turn.returns(me, Outcome::Done);
    }

    fn close<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        notify::close_quietly(turn, me, port, CLOSED_HANDLE, CLOSE_STAYS);
        drop_if_unused(turn, port);
    }

    /// A woken waiter looks like any other thread, and waits again if it finds nothing.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if let Some(outcome) = take_ready(turn, get) {
            turn.releases(me, outcome);
        } else {
            notify::finds_nothing(turn, me, get, TIMEOUT, ROBBED_NEWEST);
        }
        drop_if_unused(turn, get.port);
    }

    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        notify::expires(turn, me, get, TIMEOUT);
        drop_if_unused(turn, get.port);
    }

    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        notify::nobody_is_stranded(view)
    }
}

/// Whether a poll overlooks a level-triggered source that is ready.
fn overlooks<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> bool {
    let view = turn.view();
    let is_level = |entry: &u8| {
        let source = notify::source_of(view.program, *entry);
        source.is_some_and(|source| {
            let flags = view.interest(get.port, source).0;
            let is_ready = reported(view, get.port, source).is_some();
            is_ready && !flags.has(EPOLLET) && !flags.has(EPOLLONESHOT)
        })
    };
    let polls = get.timeout == Timeout::Ticks(0) && !turn.is_settled(OVERLOOKS);
    let finds = polls
        && view
            .port(get.port)
            .packets()
            .as_slice()
            .iter()
            .any(is_level);
    finds && turn.choose(&POLLS)
}

/// How epoll_ctl fails, if it does, and the claim that says so.
fn ctl_fails(
    view: View<'_>,
    port: PortId,
    source: SourceId,
    change: Watch,
) -> Option<(&'static Claim, Error)> {
    let flags = view.interest(port, source).0;
    let watched = flags.has(WATCHED);
    match change {
        _ if !view.port(port).is_open() || view.is_closed(source) => {
            Some((CLOSED_HANDLE, Error::BadHandle))
        }
        Watch::Add(it) if it.exclusive && it.oneshot => Some((EXCLUSIVE_ERRORS, Error::Invalid)),
        Watch::Mod(it) if it.exclusive => Some((EXCLUSIVE_ERRORS, Error::Invalid)),
        Watch::Mod(_) if flags.has(EPOLLEXCLUSIVE) => Some((EXCLUSIVE_ERRORS, Error::Invalid)),
        Watch::Add(_) if watched => Some((CTL_ERRORS, Error::Exists)),
        Watch::Mod(_) | Watch::Del if !watched => Some((CTL_ERRORS, Error::NotFound)),
        _ => None,
    }
}

/// An event in a direction of a source, on every descriptor that watches it for that.
fn comes<O: Observer>(turn: &mut Turn<'_, O>, source: SourceId, direction: Direction) {
    let view = turn.view();
    let is_shared = |&port: &PortId| {
        let flags = view.interest(port, source).0;
        let watched = flags.has(WATCHED) && !flags.has(EPOLLEXCLUSIVE);
        watched && view.events(port, source).has(direction)
    };
    if turn.program.port_ids().filter(is_shared).count() > 1 {
        turn.by(WATCHED_BY_SEVERAL);
    }
    for port in turn.program.port_ids() {
        if !turn.view().interest(port, source).0.has(EPOLLEXCLUSIVE) {
            becomes_ready(turn, port, source, direction);
        }
    }
    comes_exclusively(turn, source, direction);
}

/// An event on a source that descriptors watch exclusively: it comes to one after the other, up to the first that has a
/// waiter, of those that watch it for that.
fn comes_exclusively<O: Observer>(turn: &mut Turn<'_, O>, source: SourceId, direction: Direction) {
    for before in 0..exclusive(turn.view(), source) {
        let nth = |port: &PortId| {
            let flags = turn.view().interest(*port, source).0;
            flags.has(EPOLLEXCLUSIVE) && flags / BEFORE == before
        };
        let port = turn.program.port_ids().find(nth);
        let port = port.expect("they are counted without a gap");
        let wakes = !turn.port(port).waiters().is_empty();
        if !becomes_ready(turn, port, source, direction) {
            continue;
        }
        if wakes {
            turn.by(EXCLUSIVE);
            break;
        }
        turn.by(EXCLUSIVE_PASSED);
    }
}

/// Looks at what is listed, oldest first. None if nothing was ready after all. What is left wakes one more waiter.
fn take_ready<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Option<Outcome> {
    let outcome = notify::scan(turn, get, report);
    if outcome.is_some() && get.max.is_some() {
        turn.by(BATCH);
    }
    if !turn.port(get.port).packets().is_empty() && wake_newest(turn, get.port) {
        turn.by(LEVEL_CHAIN);
    }
    outcome
}

/// What becomes of a listed source that a call looks at, and the packet it reports.
fn report<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, entry: u8) -> Option<PacketId> {
    turn.by(FIFO);
    let Some(source) = notify::source_of(turn.program, entry) else {
        turn.delivered(port, 1);
        return Some(PacketId(entry));
    };
    let Some(packet) = reported(turn.view(), port, source) else {
        turn.by(DRAINED);
        turn.discarded(1);
        return None;
    };
    turn.delivered(port, 1);
    if turn.view().is_closed(source) {
        turn.by(DUPLICATE);
    }
    let (flags, carried) = turn.view().interest(port, source);
    if let Events::InOut { .. } = turn.view().events(port, source) {
        turn.by(ALL_READY);
    }
    if flags.has(EPOLLONESHOT) {
        turn.by(ONESHOT);
        turn.set_interest(port, source, flags.without(ARMED), carried);
    } else if flags.has(EPOLLET) {
        turn.by(EDGE);
    } else {
        turn.by(LEVEL);
        notify::append(turn, port, entry);
    }
    Some(packet)
}

/// What a report carries of a source; none if it is ready for nothing that it is watched for.
fn reported(view: View<'_>, port: PortId, source: SourceId) -> Option<PacketId> {
    let events = view.events(port, source);
    events.report(view.is_readable(source), view.is_writable(source))
}

/// An event on a source. Says whether it is one for this descriptor.
fn becomes_ready<O: Observer>(
    turn: &mut Turn<'_, O>,
    port: PortId,
    source: SourceId,
    direction: Direction,
) -> bool {
    let flags = turn.view().interest(port, source).0;
    if !flags.has(ARMED) {
        if flags.has(WATCHED) {
            turn.by(ONESHOT);
        }
        return false;
    }
    if !turn.view().events(port, source).has(direction) {
        turn.by(MASK);
        return false;
    }
    let entry = notify::entry_of(turn.program, source);
    let is_listed = turn.port(port).packets().contains(entry);
    if is_listed {
        turn.by(COALESCE);
    } else {
        notify::append(turn, port, entry);
    }
    if wake_newest(turn, port) && is_listed {
        turn.by(COALESCED_WAKES);
    }
    true
}

/// A source that is ready when it is armed is so at once; one that is listed already stays where it is, and wakes
/// nobody.
fn arm<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, source: SourceId, interest: Interest) {
    let mut flags = WATCHED
        .with(ARMED)
        .set(EPOLLET, interest.edge)
        .set(EPOLLONESHOT, interest.oneshot);
    if interest.exclusive {
        flags = flags.with(EPOLLEXCLUSIVE) + BEFORE * exclusive(turn.view(), source);
    }
    turn.set_events(port, source, flags, interest.events);
    let entry = notify::entry_of(turn.program, source);
    if turn.port(port).packets().contains(entry) {
        turn.by(MOD_KEEPS_PLACE);
    } else if reported(turn.view(), port, source).is_some() {
        turn.by(REARM);
        notify::append(turn, port, entry);
        wake_newest(turn, port);
    }
}

fn unwatch<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, source: SourceId) {
    turn.by(DEL);
    notify::unlist(turn, port, notify::entry_of(turn.program, source));
    forget(turn, port, source);
}

/// A descriptor does not watch a source any more; those that came to watch it exclusively behind it move up.
fn forget<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, source: SourceId) {
    let (was, _) = turn.view().interest(port, source);
    turn.set_events(port, source, 0, Events::UNWATCHED);
    if !was.has(EPOLLEXCLUSIVE) {
        return;
    }
    for other in turn.program.port_ids() {
        let (flags, packet) = turn.view().interest(other, source);
        if flags.has(EPOLLEXCLUSIVE) && flags / BEFORE > was / BEFORE {
            turn.set_interest(other, source, flags - BEFORE, packet);
        }
    }
}

/// How many descriptors watch a source exclusively.
fn exclusive(view: View<'_>, source: SourceId) -> u8 {
    let so = |&port: &PortId| view.interest(port, source).0.has(EPOLLEXCLUSIVE);
    view.program.port_ids().filter(so).count() as u8
}

/// An event makes the newest waiter runnable; says whether there was one.
fn wake_newest<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) -> bool {
    let wakes = notify::wake_newest(turn, port);
    if wakes {
        turn.by(LIFO);
    }
    wakes
}

/// A closed descriptor lives on while a thread is inside a call on it, and then drops what it watches.
fn drop_if_unused<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    if !notify::is_used(turn.view(), port) {
        notify::clear(turn, port);
        for n in 0..turn.program.sources.len() {
            forget(turn, port, SourceId(n as u8));
        }
    }
}

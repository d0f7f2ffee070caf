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
//! An epoll descriptor is itself something that can be watched: a source can stand for a port. A `wait_handle` is poll(2)
//! on a descriptor.
//!
//! The sources are our measurements (M, by section of the notes on Unix systems) and our recordings (R, below
//! traces/recorded/epoll), the kernel's fs/eventpoll.c, fs/select.c and net/unix/af_unix.c (S), its own program of tests,
//! epoll_wakeup_test.c (T), and its manual pages (D).
//!
//! # Divergence from the real system
//!
//! One look at the ready list is one action here; in the kernel an event can come in the middle of it. What another call may
//! miss meanwhile is asked at full speed only (`epoll/overlooks`).
//! Signals and priorities are absent, and so are EPOLLHUP, EPOLLERR and all events but EPOLLIN and
//! EPOLLOUT. A duplicate is not watched by itself, and a source that is closed is not opened again. A close that comes in
//! the middle of a call on the source takes its entry away when that call is over; here it does so at once.
//! With two processors, one round in a hundred of a level-triggered source lets a second thread return
//! before the first has drained it; here that is one of the possible orders.

mod nested;
mod watches;

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
use watches::{arm, ctl_fails, forget, unwatch, watchers};

claims! {
    FIFO = "epoll/fifo", Measured, "M:C": "Sources are reported in the order in which they became ready.";
    LIFO = "epoll/lifo", Measured, "M:C, S:eventpoll": "An event wakes the newest waiter, and no other.";
    RACE = "epoll/race", Measured, "M:E, S:eventpoll": "An event belongs to nobody: a thread that calls before the woken waiter runs takes it.";
    ROBBED_NEWEST = "epoll/robbed-newest", Measured, "M:C": "A woken waiter that finds nothing waits again as the newest.";
    COALESCE = "epoll/coalesce", Measured, "M:C": "A ready source that becomes ready again is listed once.";
    COALESCED_WAKES = "epoll/coalesced-wakes", Measured, "M:C, S:eventpoll": "The second event of a listed source still wakes another waiter.";
    LEVEL = "epoll/level", Measured, "M:C": "A level-triggered source goes to the end of the list each time it is reported, while it is ready.";
    LEVEL_CHAIN = "epoll/level-chain", Measured, "M:C, S:eventpoll": "A call that leaves ready sources behind wakes one more waiter.";
    EDGE = "epoll/edge", Measured, "M:C": "An edge-triggered source (EPOLLET) is reported once for each event.";
    ONESHOT = "epoll/oneshot", Measured, "M:C": "A one-shot source (EPOLLONESHOT) is disarmed by its report; events are ignored until it is armed again.";
    REARM = "epoll/rearm", Measured, "M:C": "Arming a source again that is ready puts it at the end of the list.";
    MOD_KEEPS_PLACE = "epoll/mod-keeps-place", Measured, "M:C": "Changing a listed source keeps its place.";
    DEL = "epoll/del", Measured, "M:C": "A source that is no longer watched leaves the list.";
    DRAINED = "epoll/drained", Measured, "M:C": "A listed source that is no longer ready for what it is watched for is dropped without a report.";
    BATCH = "epoll/batch", Measured, "M:C": "A call takes as many events as are ready, up to its maximum, and never waits for more.";
    BATCH_ZERO = "epoll/batch-zero", Measured, "M:C": "A maximum of 0 is EINVAL; on a closed descriptor it is EINVAL or EBADF, depending on the kernel's version.";
    TIMEOUT = "epoll/timeout", Measured, "M:C": "A call that times out returns no event; the other waiters keep their order.";
    KEEPS = "epoll/keeps", Measured, "R:no-event-leaves-the-array, S:eventpoll": "A call that reports no event leaves its caller's array as it was.";
    WATCHED_BY_SEVERAL = "epoll/watched-by-several", Measured, "M:C": "An event of a source that several descriptors watch is an event on each of them.";
    EXCLUSIVE = "epoll/exclusive", Measured, "M:C, S:eventpoll": "Of the descriptors that watch a source exclusively (EPOLLEXCLUSIVE), an event wakes a waiter of only one: the first to watch it among those that have a waiter.";
    EXCLUSIVE_PASSED = "epoll/exclusive-passed", Measured, "R:exclusive-lists-where-nobody-waits, S:eventpoll": "An exclusive event lists the source on every descriptor up to the one that it wakes, and on none after it.";
    EXCLUSIVE_ERRORS = "epoll/exclusive-errors", Measured, "R:exclusive-is-refused, S:eventpoll": "Watching a source both exclusively and one-shot is EINVAL, and so is changing one that is watched exclusively, or changing one to be watched exclusively.";
    MASK = "epoll/mask", Measured, "R:watched-for-nothing, S:eventpoll": "An event of a direction that a source is not watched for lists nothing and wakes nobody.";
    ALL_READY = "epoll/all-ready", Measured, "R:both-directions-one-event, S:eventpoll": "A report says everything, of what the source is watched for, that it is ready for when the call looks, whichever event listed it.";
    ROOM = "epoll/room", Measured, "R:both-directions-one-event, S:af_unix": "When the other end has read everything from a full source, that is an event: the source is writable.";
    SOURCE_GONE = "epoll/source-gone", Measured, "R:close-takes-the-event, D:epoll, S:eventpoll": "Closing the last descriptor of a source takes it out of every list, ends its watches and wakes nobody.";
    DUPLICATE = "epoll/duplicate", Measured, "R:close-with-a-duplicate-keeps-reporting, D:epoll, S:eventpoll": "As long as a duplicate of its descriptor is open, a source is watched as before, even if the descriptor itself is closed and names it no more.";
    NESTED = "epoll/nested", Measured, "R:both-levels-are-woken, S:eventpoll, T:epoll33 to epoll36": "A descriptor can watch another one: an event on the watched one is also an event on the watching one, which lists it and wakes as for any other source.";
    NESTED_READY = "epoll/nested-ready", Measured, "R:inner-stays-listed, S:eventpoll, T:epoll17 to epoll20": "A watched descriptor is readable while its list has a ready source. Reporting it removes only the sources before the first ready one.";
    LOOK_WAKES = "epoll/look-wakes", Measured, "R:look-wakes-another-waiter, S:eventpoll": "Looking at a ready descriptor, by poll or by a descriptor that watches it, wakes one of its waiters.";
    NEWEST_WATCHER = "epoll/newest-watcher", Measured, "R:newest-watcher-first, S:eventpoll": "An event reaches the descriptors that watch its source newest first: one that watches several of them lists them in that order.";
    NESTED_ERRORS = "epoll/nested-errors", Measured, "R:loops-are-refused, D:epoll_ctl, S:eventpoll": "Watching oneself is EINVAL, and so is watching another descriptor exclusively; watching one that already watches this one, directly or through others, is ELOOP.";
    NESTED_CLOSE = "epoll/nested-close", Measured, "R:closed-inside-another, S:eventpoll": "Closing a descriptor that others watch takes it out of their lists and wakes nobody, but only once no call is in it any more.";
    POLL = "epoll/poll", Measured, "R:poll-takes-nothing, S:eventpoll, T:epoll5 to epoll8": "poll on a descriptor returns when the descriptor is ready, and takes nothing.";
    POLL_WOKEN = "epoll/poll-woken", Measured, "R:poll-beside-waiters, S:eventpoll, T:epoll13 to epoll16": "An event wakes all threads that poll the descriptor, besides the newest waiter.";
    POLL_AGAIN = "epoll/poll-again", Measured, "R:poll-is-robbed, S:select": "A woken thread that polls looks again, and sleeps on if the event was taken.";
    POLL_CLOSED = "epoll/poll-closed", Measured, "R:poll-of-what-is-closed, S:select": "poll on a closed descriptor returns POLLNVAL (here EBADF); if it is closed during the wait, the thread sleeps on and returns this when it next looks.";
    OVERLOOKS = "epoll/overlooks", Open, "S:eventpoll (commit 0c4aefe3c2d0 and its selftest)": "At full speed, a call with a timeout of 0 may return no event while another call looks at the list, although a level-triggered source is ready; kernels that have the commit of June 2026 look again.";
    DURING_COPY = "epoll/during-copy", Measured, "M:150 of 40,000, R:ready-during-the-copy, S:eventpoll (ep_done_scan)": "At full speed, what becomes ready while a call copies events stands in front of the level-triggered sources that the call puts back; in lock-step it stands behind all others.";
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
/// How many watched the source before this one, of those that watch it exclusively or of the others: the upper three
/// bits. It is kept of the others only where it can be seen.
const BEFORE: u8 = 32;

/// The most descriptors of a scenario in which it can be seen who watched a source before.
const WATCHERS_MAX: usize = 8;

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

/// Where an event stands that comes while a call copies others, beside a level-triggered one that the call may put back. In
/// lock-step none comes then.
const COPIES: Readings<bool> = Readings {
    claim: DURING_COPY,
    readings: &[("behind", false), ("in-front", true)],
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
        &[Verb::WaitHandle],
    ],
    lacks_the_rest: "epoll has no such operation",
    limits: Limits {
        minimum: Some("epoll_wait takes what is there, and waits for no more"),
        named: Some("an epoll descriptor has no name"),
        status: Some("an epoll event carries no status"),
        ..linux::LIMITS
    },
    open: &[&CHECKS, &POLLS, &COPIES],
    at_full_speed: &[&POLLS, &COPIES],
    invariants: &[NO_LOST_WAKEUP],
    no_limit: Some(NO_LIMIT),
    keeps: Ok(KEEPS),
    keeps_order: Some(FIFO),
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
            && program.ports.len() > WATCHERS_MAX
        {
            if interest.exclusive {
                return Some("it watches exclusively on up to 8 descriptors here");
            }
            if nested::is_in(program) {
                return Some("up to 8 descriptors watch each other here");
            }
        }
        if nested::is_too_deep(program) {
            return Some("up to 4 descriptors are watched by others here");
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
        lists(turn, post.port, post.packet.0);
        wake(turn, post.port);
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
        notify::drain(turn, me, source, CLOSED_HANDLE);
    }

    fn fill<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
        notify::fill(turn, me, source, CLOSED_HANDLE);
    }

    fn make_room<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
        notify::make_room(turn, me, source, |turn| {
            turn.by(ROOM);
            comes(turn, source, Direction::Out);
        });
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
        notify::duplicate_source(turn, me, source, CLOSED_HANDLE);
    }

    /// poll(2), for POLLIN.
    fn wait_handle<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        timeout: Timeout,
    ) {
        nested::poll(turn, me, port, timeout);
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

    fn wake_at_handle<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        nested::polls_again(turn, me, port);
    }

    fn expire_at_handle<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        nested::polls_again(turn, me, port);
    }

    fn holds(&self, view: View<'_>) -> Result<(), Fault> {
        notify::nobody_is_stranded(view)
    }
}

/// Whether a poll overlooks a level-triggered source that is ready.
fn overlooks<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> bool {
    if get.timeout != Timeout::Ticks(0) || turn.is_settled(OVERLOOKS) {
        return false;
    }
    let view = turn.view();
    let port = view.port(get.port);
    let is_found = |place| {
        let source = notify::source_of(view.program, port.packets().as_slice()[place]);
        is_level(view, get.port, place)
            && source.is_some_and(|source| nested::is_reported(view, get.port, source))
    };
    (0..port.packets().depth()).any(is_found) && turn.choose(&POLLS)
}

/// Whether what is listed at this place is a source that is watched level-triggered, which a call that reports it puts back.
fn is_level(view: View<'_>, port: PortId, place: usize) -> bool {
    let listed = view.port(port).packets().as_slice()[place];
    notify::source_of(view.program, listed).is_some_and(|source| {
        let flags = view.interest(port, source).0;
        !flags.has(EPOLLET) && !flags.has(EPOLLONESHOT)
    })
}

/// What became ready is listed: behind all others, or in front of what a call puts back that copies events meanwhile.
fn lists<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, entry: u8) {
    let mut place = turn.port(port).packets().depth();
    if !turn.is_settled(DURING_COPY) {
        while place > 0 && is_level(turn.view(), port, place - 1) && turn.choose(&COPIES) {
            place -= 1;
        }
    }
    notify::insert(turn, port, place, entry);
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
        if nested::is_in(turn.program) {
            turn.by(NEWEST_WATCHER);
        }
    }
    for before in nested::ranks(turn.program).rev() {
        for port in turn.program.port_ids() {
            let flags = turn.view().interest(port, source).0;
            if !flags.has(EPOLLEXCLUSIVE) && flags / BEFORE == before {
                becomes_ready(turn, port, source, direction);
            }
        }
    }
    comes_exclusively(turn, source, direction);
}

/// An event on a source that descriptors watch exclusively: it comes to one after the other, up to the first that has a
/// waiter, of those that watch it for that.
fn comes_exclusively<O: Observer>(turn: &mut Turn<'_, O>, source: SourceId, direction: Direction) {
    for before in 0..watchers(turn.view(), source, true) {
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
    let Some(packet) = reports(turn, port, source) else {
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

/// A look at a source: what a report of it carries; none if it is ready for nothing that it is watched for.
fn reports<O: Observer>(
    turn: &mut Turn<'_, O>,
    port: PortId,
    source: SourceId,
) -> Option<PacketId> {
    let events = turn.view().events(port, source);
    match turn.program.sources[source.index()].port {
        Some(inner) => {
            let is_ready = nested::looks(turn, inner);
            if is_ready {
                turn.by(NESTED_READY);
            }
            events.report(is_ready, false)
        }
        None => {
            let view = turn.view();
            events.report(view.is_readable(source), view.is_writable(source))
        }
    }
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
        lists(turn, port, entry);
    }
    if wake(turn, port) && is_listed {
        turn.by(COALESCED_WAKES);
    }
    true
}

/// An event of a descriptor: its newest waiter is made runnable, and then those who look at it from outside. Says whether
/// there was a waiter.
fn wake<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) -> bool {
    let wakes = wake_newest(turn, port);
    nested::passes_up(turn, port);
    wakes
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
    if !notify::is_used(turn.view(), port) && !nested::is_polled(turn.view(), port) {
        nested::is_released(turn, port);
        notify::clear(turn, port);
        for n in 0..turn.program.sources.len() {
            forget(turn, port, SourceId(n as u8));
        }
    }
}

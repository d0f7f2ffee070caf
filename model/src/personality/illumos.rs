//! illumos event ports, which Solaris 10 brought: one port, many waiters.
//!
//! The port keeps a list of events, in the order in which they were sent, and a list of waiters, sorted by
//! how many events each waits for. Only the first waiter is ever looked at. An event makes it runnable and
//! belongs to nobody: the first thread that looks takes it, and a waiter that finds too little sleeps again in its
//! place. A `get` is port_get, or port_getn with `max` and `min`, its nget. A `post` is port_send: the key is
//! the user pointer, the bytes are the events.
//!
//! Long: a system is one file.
//!
//! The sources are the kernel's portfs and its port_subr.c, by function (S), and the manual pages, section
//! 3C (D). Nothing of this has been run.
//!
//! # Divergence from the real system
//!
//! Sources stand for file descriptors; PORT_SOURCE_FILE, one-shot in the same way, can be said with them.
//! Absent are timers (one slot each, with a count of overruns), asynchronous I/O (one event each) and message
//! queues, the events of other processes that a call has to leave, and the last close of a port that several
//! processes share, which is EBADFD. What kind of source an event comes from is not kept: give it a key. Bad
//! pointers, timeouts that make no sense and signals are absent. port_sendn sends to all its ports in one
//! action, and keeps no error for each. A close returns before the calls that it ends; the real one waits for
//! them. A call that associates a source or takes its association away waits while another takes events;
//! here it is made afterwards.

mod calls;

use calls::{
    ACTIVE, ALERTED, ASSOCIATED, CAME_AWAY_EMPTY, CLOSED, LATE, OWNER, PLACE, STALE, TAKES, WAITS,
    WANTS, anybody_takes, at, is_full, is_inside, needs, note_all, put, somebody_needs_more, taker,
};

use super::notify;
use crate::about::{About, COMMON, Limits};
use crate::choice::Numbers;
use crate::claim::{Claim, claims};
use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, Outcome};
use crate::flags::Flags;
use crate::ops_of;
use crate::os_error::illumos;
use crate::program::{
    Alert, Get, Op, PacketId, PortId, Post, Program, SourceId, ThreadId, Timeout, Verb,
};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

claims! {
    FIFO = "illumos/fifo", Derived, "S:port_send_event, S:port_getn": "Events are taken in the order in which they were sent; each send is an event of its own.";
    CONTENTS = "illumos/contents", Documented, "D:port_send": "An event of port_send carries the events and the user pointer that it was sent with.";
    LIFO = "illumos/lifo", Derived, "S:port_queue_thread": "Of waiters that wait for equally many events, the newest stands first.";
    FEWER_FIRST = "illumos/fewer-first", Documented, "D:port_get, S:port_queue_thread": "A waiter that waits for fewer events stands before those that wait for more.";
    BEFORE_THE_LAST = "illumos/before-the-last", Derived, "S:port_queue_thread": "A waiter that waits for more events than all others is put before the last of them, not behind it.";
    HEAD_ONLY = "illumos/head-only", Derived, "S:port_send_event": "A send looks at the first waiter only: if that one waits for more, nobody is woken.";
    STARVES = "illumos/starves", Documented, "D:port_get": "Calls of port_get can keep one of port_getn from its events for ever.";
    NOTIFY = "illumos/notify", Derived, "S:port_getn": "An event belongs to nobody: a call that finds enough takes it before the woken waiter runs.";
    KEEPS_PLACE = "illumos/keeps-place", Derived, "S:port_getn": "A woken waiter that finds too little sleeps again in its place; a newcomer that waits for equally many stands in front of it.";
    CHAIN = "illumos/chain", Derived, "S:port_getn": "A call that leaves wakes the first waiter if there are enough events for it.";
    NO_LIMIT = "illumos/no-limit", Derived, "S:port_getn": "Nothing limits how many woken threads run; the concurrency value means nothing.";
    GETN = "illumos/getn", Documented, "D:port_get, S:port_getn": "port_getn waits until there are `min` events, and then takes as many as there are, up to `max`.";
    MIN_ABOVE_MAX = "illumos/min-above-max", Documented, "D:port_get, S:port_getn": "A minimum above the maximum is EINVAL.";
    MAX_ZERO = "illumos/max-zero", Documented, "D:port_get, S:port_getn": "A maximum of 0 answers with the number of events and takes none.";
    MIN_ZERO = "illumos/min-zero", Derived, "S:port_getn": "A minimum of 0 returns at once and takes nothing.";
    POLL = "illumos/poll", Derived, "S:port_getn": "A timeout of 0 takes what there is, and succeeds even if that is nothing.";
    TIMEOUT = "illumos/timeout", Derived, "S:port_getn": "port_get whose time is over fails with ETIME and takes nothing, even if events are there.";
    PARTIAL = "illumos/partial", Documented, "D:port_get, S:port_getn": "port_getn whose time is over fails with ETIME and takes what there is, up to its maximum.";
    LEAVES_QUIETLY = "illumos/leaves-quietly", Derived, "S:port_check_return_cond": "A port_get that leaves because its time is over, or with an alert, wakes nobody.";
    TWO_STEPS = "illumos/two-steps", Derived, "S:port_push_eventq": "A call takes the whole list away, and brings back what it leaves to the end: events that were sent meanwhile stand before older ones.";
    DEFERRED = "illumos/deferred", Derived, "S:port_send_event": "While a call takes events a send wakes nobody; the last of such calls wakes the first waiter.";
    BLOCKED = "illumos/blocked", Derived, "S:port_block": "One call takes events at a time; one that had found enough and waits for its turn takes what is left then, which can be less than its minimum.";
    AGAIN = "illumos/again", Derived, "S:portfs": "If nothing is left then, it waits like others, but does not look again before a new event is sent.";
    ALERT = "illumos/alert", Documented, "D:port_alert, S:port_getn": "In alert mode a call returns with the alert event alone; other events are queued and stay.";
    ALERT_WAKES = "illumos/alert-wakes", Derived, "S:port_alert": "Setting the alert mode releases every waiter, each with the alert event of its own, even if the mode is over before it runs.";
    ALERT_SET = "illumos/alert-set", Documented, "D:port_alert": "PORT_ALERT_SET replaces the alert event that is set.";
    ALERT_UPDATE = "illumos/alert-update", Documented, "D:port_alert": "PORT_ALERT_UPDATE is EBUSY if the port is in alert mode.";
    ALERT_CLEAR = "illumos/alert-clear", Documented, "D:port_alert": "An alert with no events takes the port out of alert mode.";
    MAX_EVENTS = "illumos/max-events", Documented, "D:port_send, S:port_alloc_event_local": "A port with as many events as it may have, associated sources counted, refuses more with EAGAIN.";
    NO_MEMORY = "illumos/no-memory", Documented, "D:port_send": "A send can fail for want of memory; it never waits.";
    SENDN = "illumos/sendn", Documented, "D:port_send": "port_sendn sends to each port of its list and answers to how many it could.";
    SENDN_NONE = "illumos/sendn-none", Derived, "S:port_sendn": "A list of no ports is EINVAL.";
    FD_ONCE = "illumos/fd-once", Documented, "D:port_associate": "An associated source gives one event and then none until it is associated again.";
    FD_AGAIN = "illumos/fd-again", Derived, "S:port_associate_fd": "Associating a source that can be read gives an event at once.";
    FD_REPLACES = "illumos/fd-replaces", Derived, "S:port_remove_done_event": "Associating a source again takes its queued event away and looks anew.";
    FD_DRAINED = "illumos/fd-drained", Derived, "S:port_fd_callback": "A queued event of a source stays, though the source is read empty meanwhile.";
    DISSOCIATE = "illumos/dissociate", Derived, "S:port_dissociate_fd": "Taking an association away takes its queued event with it.";
    DISSOCIATE_ERRORS = "illumos/dissociate-errors", Derived, "S:port_dissociate_fd": "A source without an association, or whose event was taken, is ENOENT; one of another process is EACCES.";
    FD_CLOSED = "illumos/fd-closed", Derived, "S:port_close_pfd, S:port_associate_fd": "Closing a descriptor takes its associations and their queued events away; to associate it then is EBADFD.";
    CLOSE = "illumos/close", Derived, "S:closeandsetf": "Closing the port from another thread makes every call in it return with EBADF, and drops the events.";
    CLOSED_HANDLE = "illumos/closed-handle", Documented, "D:port_get": "A call on a closed port fails with EBADF.";
    SOLARIS_11 = "illumos/solaris-11", Open, "S:port_queue_thread": "Whether Solaris 11, whose source is closed, still sorts its waiters so is not known; the rules here are those of illumos.";
}

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Illumos;

static ABOUT: About = About {
    name: "illumos",
    os_error: illumos,
    can: &[
        COMMON,
        &[Verb::Query, Verb::PortSendn, Verb::PortAlert],
        &[Verb::PortAssociate, Verb::PortDissociate],
        &[Verb::Write, Verb::Drain, Verb::CloseSource],
    ],
    lacks_the_rest: "event ports have no such operation",
    limits: Limits {
        alertable: Some("illumos has no alertable waits"),
        named: Some("an event port has no name"),
        reserve: Some("illumos has no reserve objects"),
        status: Some("an event of port_send carries no status"),
        ..Limits::NONE
    },
    open: &[&Numbers { claim: NO_MEMORY }, &Numbers { claim: TWO_STEPS }],
    takes_in_two_steps: true,
    limits_events: true,
    ..About::PLAIN
};

impl Personality for Illumos {
    const HOLDS: bool = true;

    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn refuses(&self, program: &Program, op: Op) -> Option<&'static str> {
        let Op::Post { packet, .. } = op else {
            return None;
        };
        let has_overlapped = program.packets[packet.index()].overlapped != 0;
        has_overlapped.then_some(
            "an event of port_send carries a user pointer and a number of 32 bits, no more",
        )
    }

    /// A call that may have to take a queued event away waits until nobody takes events.
    fn held(&self, view: View<'_>, op: Op) -> Option<&'static Claim> {
        let is_held = match op {
            Op::PortAssociate { port, .. } | Op::PortDissociate { port, .. } => {
                taker(view, port).is_some()
            }
            Op::CloseSource { source, .. } => {
                let watches = |port| view.interest(port, source).0 != 0;
                let mut ports = view.program.port_ids();
                ports.any(|port| watches(port) && taker(view, port).is_some())
            }
            Op::PortSendn { .. } | Op::PortAlert { .. } => false,
            Op::EpollCtl { .. } | Op::Write { .. } | Op::Drain { .. } => false,
            Op::Fill { .. } | Op::MakeRoom { .. } | Op::DuplicateSource { .. } => false,
            ops_of!(ports, port_handles, objects, threads, apcs, variables) => false,
            ops_of!(files, wait_packets, jobs, rings, kqueues) => false,
        };
        is_held.then_some(BLOCKED)
    }

    fn holds_wake(&self, view: View<'_>, me: ThreadId) -> Option<&'static Claim> {
        let waits = view.thread(me).note() & PLACE == WANTS;
        (waits && taker(view, view.get(me).port).is_some()).then_some(BLOCKED)
    }

    fn keeps_waiting(&self, view: View<'_>, me: ThreadId) -> Option<&'static Claim> {
        let get = view.get(me);
        let port = view.port(get.port);
        let depth = port.packets().depth();
        if depth == 0 {
            return None;
        }
        Some(if depth < needs(get) {
            GETN
        } else if view.thread(me).note().has(STALE) {
            AGAIN
        } else if anybody_takes(view, get.port) {
            DEFERRED
        } else if port.waiters().at(0) != Some(me) {
            HEAD_ONLY
        } else {
            LEAVES_QUIETLY
        })
    }

    /// port_getn, which port_get calls with 1 and 1.
    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if let Some(outcome) = at_entry(turn, get) {
            return turn.returns(me, outcome);
        }
        let depth = turn.port(get.port).packets().depth();
        if depth >= needs(get) {
            if at(turn.view(), get.port, &[WAITS]).is_some() {
                turn.by(NOTIFY);
            }
            return take_away(turn, me, get);
        }
        if get.timeout == Timeout::Ticks(0) {
            turn.by(POLL);
            return take_away(turn, me, get);
        }
        if depth > 0 {
            turn.by(GETN);
        }
        queue_thread(turn, me, get);
        turn.parks(me, get.timeout);
    }

    /// port_getn with a maximum of 0.
    fn query<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        turn.by(MAX_ZERO);
        let events = queued(turn.view(), port);
        turn.returns(me, Outcome::Value(events.into()));
    }

    /// port_send.
    fn post<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, post: Post) {
        let is_open = turn.port(post.port).is_open();
        let fails = post.may_fail && is_open && turn.pick(NO_MEMORY, 2) == 1;
        let outcome = match fails {
            true => Outcome::Failed(Error::NoMemory),
            false => sent_to(turn, post.port, post.packet),
        };
        turn.returns(me, outcome);
    }

    fn port_sendn<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        ports: u16,
        packet: PacketId,
    ) {
        let program = turn.program;
        let ports = &program.port_lists[usize::from(ports)];
        if ports.is_empty() {
            return turn.fails(me, SENDN_NONE, Error::Invalid);
        }
        turn.by(SENDN);
        let mut sent = 0;
        for &port in ports {
            sent += u8::from(sent_to(turn, port, packet) == Outcome::Done);
        }
        turn.returns(me, Outcome::Value(sent.into()));
    }

    fn port_alert<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        alert: Alert,
    ) {
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        let is_set = turn.port(port).note() != 0;
        match alert {
            Alert::Clear => {
                turn.by(ALERT_CLEAR);
                turn.port(port).set_note(0);
            }
            Alert::Update(_) if is_set => {
                return turn.fails(me, ALERT_UPDATE, Error::Busy);
            }
            Alert::Set(packet) | Alert::Update(packet) => {
                if is_set {
                    turn.by(ALERT_SET);
                }
                turn.port(port).set_note(packet.0 + 1);
                alert_all(turn, port, packet);
            }
        }
        turn.returns(me, Outcome::Done);
    }

    fn port_associate<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        source: SourceId,
        packet: PacketId,
    ) {
        let (mut flags, _) = turn.view().interest(port, source);
        if let Some(error) = refuses_source(turn, port, source) {
            return turn.returns(me, Outcome::Failed(error));
        }
        if flags.has(ASSOCIATED) {
            turn.by(FD_REPLACES);
        } else if is_full(turn.view(), port) {
            return turn.fails(me, MAX_EVENTS, Error::Limit);
        } else {
            let owner = turn.program.threads[me.index()].process;
            flags = ASSOCIATED.with(owner.0 << OWNER);
        }
        remove_queued(turn, port, source);
        turn.set_interest(port, source, flags.with(ACTIVE), packet);
        if turn.view().is_readable(source) {
            turn.by(FD_AGAIN);
            fires(turn, port, source);
        }
        turn.returns(me, Outcome::Done);
    }

    fn port_dissociate<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        source: SourceId,
    ) {
        if let Some(error) = refuses_source(turn, port, source) {
            return turn.returns(me, Outcome::Failed(error));
        }
        let (flags, _) = turn.view().interest(port, source);
        let process = turn.program.threads[me.index()].process;
        if !flags.has(ASSOCIATED) {
            return turn.fails(me, DISSOCIATE_ERRORS, Error::NotFound);
        }
        if flags >> OWNER != process.0 {
            return turn.fails(me, DISSOCIATE_ERRORS, Error::NotOwner);
        }
        let was_queued = remove_queued(turn, port, source);
        turn.set_interest(port, source, 0, PacketId(0));
        let (claim, outcome) = match was_queued || flags.has(ACTIVE) {
            true => (DISSOCIATE, Outcome::Done),
            false => (DISSOCIATE_ERRORS, Outcome::Failed(Error::NotFound)),
        };
        turn.by(claim);
        turn.returns(me, outcome);
    }

    /// close of a descriptor that is no port.
    fn close_source<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
        if turn.view().is_closed(source) {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        turn.by(FD_CLOSED);
        turn.close_source(source);
        for port in turn.program.port_ids() {
            remove_queued(turn, port, source);
            turn.set_interest(port, source, 0, PacketId(0));
        }
        turn.returns(me, Outcome::Done);
    }

    /// A write to a pipe: an event on every port that has the source associated. That a write to a pipe nobody reads
    /// is EPIPE is not said.
    fn write<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
        if turn.view().is_closed(source) {
            return turn.returns(me, Outcome::Done);
        }
        turn.set_readable(source, true);
        for port in turn.program.port_ids() {
            fires(turn, port, source);
        }
        turn.returns(me, Outcome::Done);
    }

    /// A read of a pipe.
    fn drain<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
        if turn.view().is_closed(source) {
            return turn.returns(me, Outcome::Failed(Error::BadHandle));
        }
        if is_queued(turn.view(), source) {
            turn.by(FD_DRAINED);
        }
        turn.set_readable(source, false);
        turn.returns(me, Outcome::Done);
    }

    fn close<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        turn.by(CLOSE);
        turn.port(port).set_note(0);
        let taken = turn.port(port).taken_mut().map_or(0, |mut it| it.clear());
        turn.discarded(taken);
        for n in 0..turn.program.sources.len() {
            turn.set_interest(port, SourceId(n as u8), 0, PacketId(0));
        }
        for id in turn.program.thread_ids() {
            if is_inside(turn.view(), port, id) {
                turn.port(port).waiters_mut().remove(id);
                put(turn, id, Mode::Woken, CLOSED);
                turn.thread(id).hand(None);
            }
        }
        notify::close_and_drop(turn, me, port);
    }

    /// A call goes on: what that means depends on where it is.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        match turn.view().thread(me).note() & PLACE {
            CLOSED => {
                turn.by(CLOSE);
                turn.releases(me, Outcome::Failed(Error::BadHandle));
            }
            ALERTED => {
                turn.by(ALERT_WAKES);
                if get.max.is_none() {
                    turn.by(LEAVES_QUIETLY);
                }
                turn.port(get.port).waiters_mut().remove(me);
                let alert = turn.view().thread(me).handed().map(PacketId);
                turn.releases(me, alone(get, alert.expect("an alert was handed to it")));
            }
            WANTS => take_away(turn, me, get),
            TAKES => {
                turn.by(TWO_STEPS);
                bring_back(turn, me, get);
            }
            _ => looks(turn, me, get),
        }
    }

    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        notify::leaves(turn, me, get);
        if get.max.is_none() {
            turn.by(TIMEOUT);
            turn.by(LEAVES_QUIETLY);
            return turn.releases(me, Outcome::Failed(Error::Timeout));
        }
        turn.by(PARTIAL);
        put(turn, me, Mode::Woken, WANTS.with(LATE));
    }

    /// Events beside a waiter that waits for no more are in order here: `HEAD_ONLY`, `LEAVES_QUIETLY` and `AGAIN`
    /// leave them so.
    fn holds(&self, _: View<'_>) -> Result<(), Fault> {
        Ok(())
    }
}

// Sending events.

/// One event of the user's to one port, if it takes it.
fn sent_to<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, packet: PacketId) -> Outcome {
    if !turn.port(port).is_open() {
        turn.by(CLOSED_HANDLE);
        return Outcome::Failed(Error::BadHandle);
    }
    if is_full(turn.view(), port) {
        turn.by(MAX_EVENTS);
        return Outcome::Failed(Error::Limit);
    }
    turn.by(CONTENTS);
    send_event(turn, port, packet.0);
    Outcome::Done
}

/// Queues an event behind all others.
fn send_event<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, entry: u8) {
    notify::append(turn, port, entry);
    note_all(turn, port, |note| note.without(STALE));
    if anybody_takes(turn.view(), port) {
        turn.by(DEFERRED);
    } else {
        wake_first(turn, port, HEAD_ONLY);
    }
}

/// The first waiter is made runnable if there is enough for it; it takes nothing yet, and stays among the waiters until
/// it runs. The claim says why only the first is looked at.
fn wake_first<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, claim: &'static Claim) {
    let Some(first) = turn.port(port).waiters().at(0) else {
        return;
    };
    turn.by(claim);
    let view = turn.view();
    let enough = view.port(port).packets().depth() >= needs(view.get(first));
    let thread = view.thread(first);
    if enough && thread.mode() == Mode::Parked {
        put(turn, first, Mode::Woken, thread.note());
    }
}

/// Every waiter that has no alert event yet gets one.
fn alert_all<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, packet: PacketId) {
    for id in turn.program.thread_ids() {
        let is_new = turn.view().thread(id).note() & PLACE != ALERTED;
        if turn.port(port).waiters().contains(id) && is_new {
            turn.by(ALERT_WAKES);
            put(turn, id, Mode::Woken, ALERTED);
            turn.thread(id).hand(Some(packet.0));
        }
    }
}

// Retrieving events.

/// What a call returns with at its entry, where things are looked at in this order; none if it takes events or waits.
fn at_entry<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Option<Outcome> {
    let view = turn.view();
    let min = get.min.unwrap_or(1);
    let alert = view.port(get.port).note().checked_sub(1);
    let (claim, outcome) = if !view.port(get.port).is_open() {
        (CLOSED_HANDLE, Outcome::Failed(Error::BadHandle))
    } else if get.max == Some(0) {
        (MAX_ZERO, Outcome::Value(queued(view, get.port).into()))
    } else if get.max.is_some_and(|max| min > max) {
        (MIN_ABOVE_MAX, Outcome::Failed(Error::Invalid))
    } else if get.max.is_some() && min == 0 {
        (MIN_ZERO, Outcome::Packets(Batch::EMPTY))
    } else {
        (ALERT, alone(get, PacketId(alert?)))
    };
    turn.by(claim);
    Some(outcome)
}

/// A thread is put before the first waiter that waits for as many events or more, and else before the last.
fn queue_thread<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    let view = turn.view();
    let port = view.port(get.port);
    let waiters = port.waiters();
    let needed = |waiter| needs(view.get(waiter));
    let found = waiters.iter().position(|it| needs(get) <= needed(it));
    let place = found.unwrap_or(waiters.count().saturating_sub(1));
    if let Some(behind) = waiters.at(place) {
        turn.by(SOLARIS_11);
        turn.by(match found {
            None => BEFORE_THE_LAST,
            Some(_) if needs(get) == needs(turn.get(behind)) => LIFO,
            Some(_) => FEWER_FIRST,
        });
    }
    turn.port(get.port).waiters_mut().insert(place, me);
}

/// A woken waiter looks. Only if there is too little does it ask for the time.
fn looks<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    let note = turn.view().thread(me).note();
    if finds_enough(turn.view(), me, get) {
        notify::ignores_limit(turn, get.port, NO_LIMIT);
        turn.port(get.port).waiters_mut().remove(me);
        return take_away(turn, me, get);
    }
    turn.by(match note.has(STALE) {
        false => KEEPS_PLACE,
        true => AGAIN,
    });
    put(turn, me, Mode::Parked, note);
}

/// Whether a woken waiter finds enough that is new to it, and nobody else takes events.
fn finds_enough(view: View<'_>, me: ThreadId, get: Get) -> bool {
    let waits_for_new = view.thread(me).note().has(STALE);
    !anybody_takes(view, get.port)
        && view.port(get.port).packets().depth() >= needs(get)
        && !waits_for_new
}

/// The first step of taking: the whole list is taken away, if nobody else has done so. Where nobody comes between, the
/// second step follows at once.
fn take_away<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    if taker(turn.view(), get.port).is_some() {
        turn.by(BLOCKED);
        let note = turn.view().thread(me).note().without(PLACE);
        return put(turn, me, Mode::Woken, note.with(WANTS));
    }
    begins_to_take(turn, me, get);
    let may_pause = turn.port(get.port).taken().is_some();
    if !may_pause || turn.pick(TWO_STEPS, 2) == 0 {
        return bring_back(turn, me, get);
    }
    while let Some(entry) = turn.port(get.port).packets_mut().take_oldest() {
        let mut port = turn.port(get.port);
        let mut taken = port.taken_mut().expect("there is room for two steps");
        taken.append(entry);
    }
}

/// From now on it is this call that takes events, and others wait for new ones.
fn begins_to_take<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    let note = turn.view().thread(me).note().without(PLACE);
    let stale = turn.port(get.port).packets().is_empty();
    put(turn, me, Mode::Woken, note.set(STALE, stale).with(TAKES));
    note_all(turn, get.port, |note| {
        note.set(STALE, note.has(STALE) || note.has(CAME_AWAY_EMPTY))
    });
}

/// The second step: the call keeps the oldest, and the rest goes to the end of the list.
fn bring_back<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    let batch = keeps(turn, get);
    let mut port = turn.port(get.port);
    while let Some(entry) = port.taken_mut().and_then(|mut it| it.take_oldest()) {
        port.packets_mut().append(entry);
    }
    let note = turn.view().thread(me).note().without(PLACE);
    put(turn, me, Mode::Woken, note);
    if anybody_takes(turn.view(), get.port) {
        turn.by(DEFERRED);
    } else {
        wake_first(turn, get.port, CHAIN);
    }
    let is_late = note.has(LATE);
    if is_late {
        turn.by(PARTIAL);
    }
    match (batch.packets(), get.max) {
        ([], _) if is_late => turn.releases(me, Outcome::Failed(Error::Timeout)),
        ([], _) if get.timeout != Timeout::Ticks(0) => waits_again(turn, me, get, note),
        (_, Some(_)) if is_late => turn.releases(me, Outcome::Partial(batch)),
        (_, Some(_)) => turn.releases(me, Outcome::Packets(batch)),
        ([packet, ..], None) => turn.releases(me, Outcome::Packet(*packet)),
        ([], None) => turn.releases(me, Outcome::Done),
    }
}

/// The events that a call keeps: the oldest, up to its maximum.
fn keeps<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Batch {
    let mut batch = Batch::EMPTY;
    while batch.packets().len() < usize::from(get.max.unwrap_or(1)) {
        let Some(entry) = take_oldest(turn, get.port) else {
            break;
        };
        batch.push(event_of(turn.view(), get.port, entry));
    }
    turn.delivered(get.port, batch.packets().len());
    if !batch.packets().is_empty() {
        turn.by(FIFO);
        if get.max.is_some() {
            turn.by(GETN);
        } else if somebody_needs_more(turn.view(), get.port) {
            turn.by(STARVES);
        }
    }
    batch
}

/// The oldest of the events that were taken away, or of those that are there where none can be on their way.
fn take_oldest<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) -> Option<u8> {
    let in_two_steps = turn.port(port).taken().is_some_and(|it| !it.is_empty());
    let mut port = turn.port(port);
    match port.taken_mut() {
        Some(mut taken) if in_two_steps => taken.take_oldest(),
        _ => port.packets_mut().take_oldest(),
    }
}

/// A call that came away empty begins anew, with its time running.
fn waits_again<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get, note: u8) {
    if let Some(alert) = turn.port(get.port).note().checked_sub(1) {
        turn.by(ALERT);
        return turn.releases(me, alone(get, PacketId(alert)));
    }
    turn.by(AGAIN);
    if !note.has(STALE) && turn.port(get.port).packets().depth() >= needs(get) {
        begins_to_take(turn, me, get);
        return bring_back(turn, me, get);
    }
    queue_thread(turn, me, get);
    if turn.view().thread(me).remaining().is_none() {
        turn.parks(me, get.timeout);
    }
    let waits = WAITS.with(CAME_AWAY_EMPTY);
    put(turn, me, Mode::Parked, waits.set(STALE, note.has(STALE)));
}

/// The events of a port. A call that counts them waits until another has brought back what it leaves.
fn queued(view: View<'_>, id: PortId) -> u8 {
    let port = view.port(id);
    let taken = port.taken().map_or(0, |taken| taken.depth());
    let keeps = taker(view, id).map_or(0, |taker| view.get(taker).max.unwrap_or(1).into());
    (port.packets().depth() + taken.saturating_sub(keeps)) as u8
}

/// One event as the outcome of a call.
fn alone(get: Get, packet: PacketId) -> Outcome {
    match get.max {
        None => Outcome::Packet(packet),
        Some(_) => {
            let mut batch = Batch::EMPTY;
            batch.push(packet);
            Outcome::Packets(batch)
        }
    }
}

// Sources.

/// Why a source cannot be associated with a port, nor its association taken away, if so it is.
fn refuses_source<O: Observer>(
    turn: &mut Turn<'_, O>,
    port: PortId,
    source: SourceId,
) -> Option<Error> {
    if !turn.port(port).is_open() {
        turn.by(CLOSED_HANDLE);
        return Some(Error::BadHandle);
    }
    if turn.view().is_closed(source) {
        turn.by(FD_CLOSED);
        return Some(Error::Abandoned);
    }
    None
}

/// An active association sends its event and is active no more.
fn fires<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, source: SourceId) {
    let (flags, packet) = turn.view().interest(port, source);
    if flags.has(ASSOCIATED) {
        turn.by(FD_ONCE);
    }
    if flags.has(ACTIVE) {
        turn.set_interest(port, source, flags.without(ACTIVE), packet);
        let entry = notify::entry_of(turn.program, source);
        send_event(turn, port, entry);
    }
}

/// Takes the queued event of a source out; says whether there was one.
fn remove_queued<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, source: SourceId) -> bool {
    let entry = notify::entry_of(turn.program, source);
    notify::unlist(turn, port, entry)
}

/// Whether an event of a source is queued somewhere.
fn is_queued(view: View<'_>, source: SourceId) -> bool {
    let entry = notify::entry_of(view.program, source);
    let mut ports = view.program.port_ids();
    ports.any(|port| view.port(port).packets().contains(entry))
}

/// What a queued event carries.
fn event_of(view: View<'_>, port: PortId, entry: u8) -> PacketId {
    match notify::source_of(view.program, entry) {
        None => PacketId(entry),
        Some(source) => view.interest(port, source).1,
    }
}

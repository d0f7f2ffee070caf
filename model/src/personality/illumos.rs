//! illumos event ports, which Solaris 10 brought: one port, many waiters.
//!
//! The port keeps a list of events, in the order in which they were sent, and a list of waiters, sorted by
//! how many events each waits for. Only the first waiter is ever looked at. An event makes it runnable and
//! belongs to nobody: the first thread that looks takes it, and a waiter that finds too little sleeps again in its
//! place. A `get` is port_get, or port_getn with `max` and `min`, its nget. A `post` is port_send: the key is
//! the user pointer, the bytes are the events.
//!
//! A call takes events in sections under the mutex of the port, and others come between: it takes the list away, copies events
//! out of it without the mutex, brings back what it leaves, and enters once more if it came away empty. Each is a step here,
//! but for the copying, of which nobody sees more than whether an event was copied by now.
//!
//! Long: a system is one file.
//!
//! The sources are the kernel's portfs with its port_fd.c, its port_subr.c and condvar.c, by function (S), and the manual
//! pages, section 3C (D). Nothing of this has been run.
//!
//! # Divergence from the real system
//!
//! Sources stand for file descriptors; PORT_SOURCE_FILE, one-shot in the same way, can be said with them.
//! Absent are timers (one slot each, with a count of overruns), asynchronous I/O (one event each) and message
//! queues, the events of other processes that a call has to leave, and the last close of a port that several
//! processes share, which is EBADFD. What kind of source an event comes from is not kept: give it a key. Bad
//! pointers, timeouts that make no sense and signals are absent. port_sendn sends to all its ports in one
//! action, and keeps no error for each. A close returns before the calls that it ends; the real one waits for
//! them. A call that has to wait while another takes events is made afterwards here.

mod calls;
mod retrieve;

use calls::{
    ACTIVE, ALERTED, ASSOCIATED, CLOSED, EVER, LATE, LOOPS, LOST, OWNER, PLACE, STALE, TAKES,
    WAITS, WANTS, anybody_takes, at, copied, is_inside, needs, note_all, put, slots,
    somebody_needs_more, taker,
};
use retrieve::{alone, at_entry, bring_back, enters_again, looks, queue_thread, take_away};

use super::notify;
use crate::about::{About, COMMON, Limits};
use crate::choice::{Numbers, Readings};
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
    FEWER_FIRST = "illumos/fewer-first", Derived, "S:port_queue_thread": "A waiter that waits for fewer events stands before those that wait for more.";
    BEFORE_THE_LAST = "illumos/before-the-last", Derived, "S:port_queue_thread": "A waiter that waits for more events than all others is put before the last of them, not behind it.";
    HEAD_ONLY = "illumos/head-only", Derived, "S:port_send_event": "A send looks at the first waiter only: if that one waits for more, nobody is woken.";
    STARVES = "illumos/starves", Documented, "D:port_get": "Calls of port_get can keep a port_getn from its events for ever.";
    NOTIFY = "illumos/notify", Derived, "S:port_getn": "An event belongs to nobody: a call that finds enough takes it before the woken waiter runs.";
    KEEPS_PLACE = "illumos/keeps-place", Derived, "S:port_getn": "A woken waiter that finds too little sleeps again in its place; a newcomer that waits for equally many stands in front of it.";
    CHAIN = "illumos/chain", Derived, "S:port_getn": "A call that leaves wakes the first waiter if there are enough events for it.";
    NO_LIMIT = "illumos/no-limit", Derived, "S:port_getn": "Nothing limits how many woken threads run; the concurrency value means nothing.";
    GETN = "illumos/getn", Documented, "D:port_get, S:port_getn": "port_getn waits until there are `min` events, and then takes as many as there are, up to `max`.";
    MIN_ABOVE_MAX = "illumos/min-above-max", Documented, "D:port_get, S:port_getn": "A minimum above the maximum is EINVAL.";
    MAX_ZERO = "illumos/max-zero", Documented, "D:port_get, S:port_getn": "A maximum of 0 returns the number of events and takes none.";
    MIN_ZERO = "illumos/min-zero", Derived, "S:port_getn": "A minimum of 0 returns at once and takes nothing.";
    POLL = "illumos/poll", Derived, "S:port_getn": "A timeout of 0 takes what there is, and succeeds even if that is nothing.";
    TIMEOUT = "illumos/timeout", Derived, "S:port_getn": "A port_get that times out fails with ETIME and takes nothing, even if events are there.";
    PARTIAL = "illumos/partial", Documented, "D:port_get, S:port_getn": "A port_getn that times out fails with ETIME and takes what there is, up to its maximum.";
    LATE_SIGNAL = "illumos/late-signal", Derived, "S:cv_timedwait_sig_hires, S:port_getn": "A waiter that times out before it runs returns with the timeout, even if a send or alert had woken it: the wakeup is lost.";
    LEAVES_QUIETLY = "illumos/leaves-quietly", Derived, "S:port_check_return_cond": "A port_get that leaves because it timed out, or with an alert, wakes nobody.";
    TWO_STEPS = "illumos/two-steps", Derived, "S:port_push_eventq": "A call detaches the whole list, and puts what it leaves back at the end: events that were sent meanwhile stand before older ones.";
    ONLY_WHAT_WAS_THERE = "illumos/only-what-was-there", Derived, "S:port_getn": "A call takes only events that were in the list when it detached the list.";
    SLOT_FREED = "illumos/slot-freed", Derived, "S:port_copy_event, S:port_free_event_local": "The slot of an event is free once the event is copied, before the call puts back what it leaves: a send to a full port may succeed then, and overtake what is put back.";
    DEFERRED = "illumos/deferred", Derived, "S:port_send_event": "While a call takes events a send wakes nobody; the last such call to finish wakes the first waiter.";
    BLOCKED = "illumos/blocked", Derived, "S:port_block": "One call takes events at a time; another that had found enough and waits for its turn then takes what is left, which can be less than its minimum.";
    AGAIN = "illumos/again", Derived, "S:portfs": "A call that finds nothing left when its turn comes waits like others, but does not look again before a new event is sent.";
    ALERT = "illumos/alert", Documented, "D:port_alert, S:port_getn": "In alert mode a call returns with the alert event alone; other events are queued and stay.";
    ALERT_WAKES = "illumos/alert-wakes", Derived, "S:port_alert": "Setting the alert mode releases every waiter, each with its own copy of the alert event, even if the mode is over before it runs.";
    ALERT_SET = "illumos/alert-set", Documented, "D:port_alert": "PORT_ALERT_SET replaces the alert event that is set.";
    ALERT_UPDATE = "illumos/alert-update", Documented, "D:port_alert": "PORT_ALERT_UPDATE is EBUSY if the port is in alert mode.";
    ALERT_CLEAR = "illumos/alert-clear", Documented, "D:port_alert": "An alert with no events takes the port out of alert mode.";
    MAX_EVENTS = "illumos/max-events", Documented, "D:port_send, S:port_alloc_event_local": "A port that holds its maximum of events, associated sources included, refuses more with EAGAIN.";
    NO_MEMORY = "illumos/no-memory", Documented, "D:port_send, S:port_send": "A send can fail for lack of memory; it never waits.";
    SENDN = "illumos/sendn", Documented, "D:port_send": "port_sendn sends to each port of its list and returns to how many it could.";
    SENDN_NONE = "illumos/sendn-none", Documented, "D:port_send, S:port_sendn": "An empty list of ports is EINVAL.";
    FD_ONCE = "illumos/fd-once", Documented, "D:port_associate": "An associated source gives one event and then none until it is associated again.";
    FD_AGAIN = "illumos/fd-again", Documented, "D:port_associate, S:port_associate_fd": "Associating a readable source gives an event at once.";
    FD_REPLACES = "illumos/fd-replaces", Derived, "S:port_remove_done_event": "Associating a source again removes its queued event and looks at the source anew.";
    ASSOCIATE_WAITS = "illumos/associate-waits", Derived, "S:port_associate_fd, S:port_remove_done_event": "Associating a source again waits for a call that takes events only if an event of that source is queued.";
    DISSOCIATE_WAITS = "illumos/dissociate-waits", Derived, "S:port_remove_fd_object": "Dissociating a source, or closing it, waits for a call that takes events, whether or not an event is queued.";
    FD_DRAINED = "illumos/fd-drained", Derived, "S:port_fd_callback": "A queued event of a source stays, even if the source is read empty meanwhile.";
    DISSOCIATE = "illumos/dissociate", Derived, "S:port_dissociate_fd": "Dissociating a source removes its queued event with it.";
    DISSOCIATE_ERRORS = "illumos/dissociate-errors", Documented, "D:port_associate, S:port_dissociate_fd": "Dissociating a source that has no association, or whose event was taken, is ENOENT; one that another process associated is EACCES.";
    FD_NEVER = "illumos/fd-never", Derived, "S:port_dissociate_fd": "On a port with which no source was ever associated, dissociating is ENOENT, even for a closed source; on any other port a closed source is EBADFD.";
    FD_CLOSED = "illumos/fd-closed", Derived, "S:port_close_pfd, S:port_associate_fd": "Closing a descriptor removes its associations and their queued events; associating it then is EBADFD.";
    CLOSE = "illumos/close", Derived, "S:closeandsetf, S:post_syscall": "Closing the port from another thread makes every call that waits in it return with EBADF, and drops the events.";
    CLOSE_TAKING = "illumos/close-taking", Open, "S:port_getn, S:portfs, S:closeandsetf": "Whether a call that takes events when the port is closed returns with them, since the close waits until it has left, or loses them and ends with EBADFD, as the way that closes the port says, is open.";
    CLOSED_HANDLE = "illumos/closed-handle", Documented, "D:port_get": "A call on a closed port fails with EBADF.";
    SOLARIS_11 = "illumos/solaris-11", Open, "S:port_queue_thread": "Whether Solaris 11, whose source is closed, still sorts its waiters in this way is not known; the rules here are those of illumos.";
}

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Illumos;

/// What becomes of a call that takes events when the port is closed: whether it returns with them.
const CLOSES: Readings<bool> = Readings {
    claim: CLOSE_TAKING,
    readings: &[("lost", false), ("returned", true)],
};

/// Whether the events that a call takes are copied by now.
const COPIES: Readings<bool> = Readings {
    claim: SLOT_FREED,
    readings: &[("not-yet", false), ("copied", true)],
};

static ABOUT: About = About {
    name: "illumos",
    aliases: &["solaris"],
    sources: "S: the source of illumos, by function; D: its manual pages",
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
    open: &[
        &Numbers { claim: NO_MEMORY },
        &Numbers { claim: TWO_STEPS },
        &COPIES,
        &CLOSES,
    ],
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

    /// Some calls wait until nobody takes events.
    fn held(&self, view: View<'_>, op: Op) -> Option<&'static Claim> {
        let is_taken = |port| taker(view, port).is_some();
        let watches = |port, source| view.interest(port, source).0.has(ASSOCIATED);
        let (claim, is_held) = match op {
            Op::Query { port, .. } if is_taken(port) => (BLOCKED, true),
            Op::Get {
                port, max: Some(0), ..
            } if is_taken(port) => (BLOCKED, true),
            Op::PortAssociate { port, source, .. } => (
                ASSOCIATE_WAITS,
                is_taken(port) && is_left(view, port, source),
            ),
            Op::PortDissociate { port, source, .. } => {
                (DISSOCIATE_WAITS, is_taken(port) && watches(port, source))
            }
            Op::CloseSource { source, .. } => {
                let mut ports = view.program.port_ids();
                let is_held = ports.any(|port| watches(port, source) && is_taken(port));
                (DISSOCIATE_WAITS, is_held)
            }
            Op::PortSendn { .. } | Op::PortAlert { .. } => return None,
            Op::EpollCtl { .. } | Op::Write { .. } | Op::Drain { .. } => return None,
            Op::Fill { .. } | Op::MakeRoom { .. } | Op::DuplicateSource { .. } => return None,
            ops_of!(ports, port_handles, objects, threads, apcs, variables) => return None,
            ops_of!(files, wait_packets, jobs, rings, kqueues) => return None,
        };
        is_held.then_some(claim)
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
        let events = turn.port(port).packets().depth();
        turn.returns(me, Outcome::Value(events as i32));
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
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        if turn.view().is_closed(source) {
            return turn.fails(me, FD_CLOSED, Error::Abandoned);
        }
        if flags.has(ASSOCIATED) {
            turn.by(FD_REPLACES);
        } else if is_full(turn, port) {
            forget(turn, port, source);
            return turn.fails(me, MAX_EVENTS, Error::Limit);
        } else {
            let owner = turn.program.threads[me.index()].process;
            flags = ASSOCIATED.with(owner.0 << OWNER);
        }
        if taker(turn.view(), port).is_some() {
            turn.by(ASSOCIATE_WAITS);
        }
        remove_queued(turn, port, source);
        leave_copied(turn, port, source);
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
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        if !had_sources(turn.view(), port) {
            return turn.fails(me, FD_NEVER, Error::NotFound);
        }
        if turn.view().is_closed(source) {
            return turn.fails(me, FD_NEVER, Error::Abandoned);
        }
        let (flags, _) = turn.view().interest(port, source);
        let process = turn.program.threads[me.index()].process;
        if !flags.has(ASSOCIATED) {
            return turn.fails(me, DISSOCIATE_ERRORS, Error::NotFound);
        }
        if flags >> OWNER != process.0 {
            return turn.fails(me, DISSOCIATE_ERRORS, Error::NotOwner);
        }
        if turn.port(port).taken().is_some() {
            turn.by(DISSOCIATE_WAITS);
        }
        let was_queued = remove_queued(turn, port, source);
        forget(turn, port, source);
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
            if turn.view().interest(port, source).0.has(ASSOCIATED) {
                forget(turn, port, source);
            }
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
        let is_taking = at(turn.view(), port, &[WANTS, TAKES, LOOPS]).is_some();
        let goes_on = is_taking && turn.choose(&CLOSES);
        for id in turn.program.thread_ids() {
            if !is_inside(turn.view(), port, id) {
                continue;
            }
            turn.port(port).waiters_mut().remove(id);
            turn.thread(id).hand(None);
            match turn.view().thread(id).note() & PLACE {
                WANTS | TAKES | LOOPS if goes_on => {}
                WANTS | TAKES | LOOPS => put(turn, id, Mode::Woken, LOST),
                _ => put(turn, id, Mode::Woken, CLOSED),
            }
        }
        notify::close(turn, me, port);
        drop_if_unused(turn, port);
    }

    /// A call goes on: what that means depends on where it is.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        let place = turn.view().thread(me).note() & PLACE;
        match place {
            CLOSED => {
                turn.by(CLOSE);
                turn.releases(me, Outcome::Failed(Error::BadHandle));
            }
            LOST => {
                turn.by(CLOSE_TAKING);
                turn.releases(me, Outcome::Failed(Error::Abandoned));
            }
            WAITS | ALERTED if notify::is_over(turn.view(), me) => {
                turn.by(LATE_SIGNAL);
                self.expire(turn, me, get);
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
                bring_back(turn, me, get, true);
            }
            LOOPS => enters_again(turn, me, get),
            _ => looks(turn, me, get),
        }
        drop_if_unused(turn, get.port);
    }

    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        notify::leaves(turn, me, get);
        if get.max.is_none() {
            turn.by(TIMEOUT);
            turn.by(LEAVES_QUIETLY);
            return turn.releases(me, Outcome::Failed(Error::Timeout));
        }
        turn.by(PARTIAL);
        put(turn, me, Mode::Woken, LATE);
        take_away(turn, me, get);
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
    if is_full(turn, port) {
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

// Sources.

/// Whether a source ever was associated with a port.
fn had_sources(view: View<'_>, port: PortId) -> bool {
    let mut sources = (0..view.program.sources.len()).map(|n| SourceId(n as u8));
    sources.any(|source| view.interest(port, source).0 != 0)
}

/// A source is no more associated with a port. That it was makes a difference only for one that is closed.
fn forget<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, source: SourceId) {
    let closes = |op: &Op| matches!(op, Op::CloseSource { .. });
    let flags = u8::from(turn.program.ops().any(|op| closes(&op))) * EVER;
    turn.set_interest(port, source, flags, PacketId(0));
}

/// Whether a source has an event in the list, or among those that the call which takes events leaves.
fn is_left(view: View<'_>, id: PortId, source: SourceId) -> bool {
    let entry = notify::entry_of(view.program, source);
    let port = view.port(id);
    let left = port
        .taken()
        .is_some_and(|it| it.as_slice()[copied(view, id)..].contains(&entry));
    port.packets().contains(entry) || left
}

/// The event of a source that a call has copied says what it said then, though the source is associated anew.
fn leave_copied<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, source: SourceId) {
    let entry = notify::entry_of(turn.program, source);
    let said = turn.view().interest(port, source).1;
    if let Some(mut taken) = turn.port(port).taken_mut() {
        taken.replace(entry, said.0);
    }
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

// Room.

/// Whether a port has as many events, queued or on their way, and associated sources as it may have.
fn is_full<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) -> bool {
    let Some(limit) = turn.program.ports[port.index()].events_max else {
        return false;
    };
    let slots = slots(turn.view(), port);
    let limit = usize::from(limit);
    match (slots.now >= limit, slots.once_copied >= limit) {
        (true, false) => !turn.choose(&COPIES),
        (is_full, _) => is_full,
    }
}

/// What a closed port stood for lives on while a call takes events, and is then dropped.
fn drop_if_unused<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let is_used = turn.port(port).is_open();
    if is_used || at(turn.view(), port, &[WANTS, TAKES, LOOPS]).is_some() {
        return;
    }
    let taken = turn.port(port).taken_mut().map_or(0, |mut it| it.clear());
    turn.discarded(taken);
    notify::clear(turn, port);
    for n in 0..turn.program.sources.len() {
        turn.set_interest(port, SourceId(n as u8), 0, PacketId(0));
    }
}

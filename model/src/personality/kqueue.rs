//! kqueue, on FreeBSD and on macOS: one queue of events, many waiters.
//!
//! A kqueue keeps a list of knotes that are active, in the order in which they became so, each once. An event
//! wakes every waiter; one after the other they scan the list, and those that find nothing sleep again. A `get`
//! is kevent with room for one event, or for `max`. A `kevent` adds, changes, triggers or removes an event. A
//! source stands for the number of a user event (EVFILT_USER), or for a descriptor, whose directions are two events
//! (EVFILT_READ, EVFILT_WRITE). A portable `post` adds a fresh user event with EV_ONESHOT and NOTE_TRIGGER.
//!
//! The sources are FreeBSD's sys/kern/kern_event.c, by function (S), macOS's bsd/kern/kern_event.c (X, of xnu-3789,
//! which is macOS 10.12, and later), and the manual page kqueue(2) of FreeBSD (D). Nothing of this has been run.
//!
//! # Divergence from the real system
//!
//! Other filters are absent, and so are all fflags (NOTE_FFAND, NOTE_FFOR, NOTE_FFCOPY, NOTE_LOWAT), EV_EOF, lists of
//! changes, EV_RECEIPT, EV_KEEPUDATA and signals. EV_ENABLE and EV_DISABLE in one change are refused, as FreeBSD does
//! (macOS takes the latter). A source that is closed is not opened again. A scan is one action here: knotes that become
//! active in the middle of it stand behind its marker in the kernel, and are not seen by it either. On FreeBSD scans can
//! share what is listed, and here one action is all of them: it begins when some calls have entered, and ends when each has
//! what it gets. Events that stay active are listed again in the order in which they were taken, before another call enters;
//! in the kernel two of them can change places, and a call that enters in between sees one and not the other. With a
//! schedule, calls do not overlap.

mod scan;

use super::notify;
use crate::about::{About, COMMON, Limits};
use crate::choice::{Numbers, Readings};
use crate::claim::claims;
use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, Outcome};
use crate::flags::Flags;
use crate::os_error::{freebsd, macos};
use crate::program::{
    Filter, Get, Knote, Op, PacketId, PortId, Post, Program, SourceId, ThreadId, Verb,
};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

claims! {
    FIFO = "kqueue/fifo", Derived, "S:knote_enqueue, S:kqueue_scan": "Knotes are reported in the order in which they became active.";
    WAKES_ALL = "kqueue/wakes-all", Derived, "S:kqueue_wakeup": "An event wakes every waiter; it belongs to whoever scans first, woken or not.";
    WAITS_AGAIN = "kqueue/waits-again", Derived, "S:kqueue_scan": "A woken waiter that finds nothing sleeps again, for what is left of its time.";
    SHARES = "kqueue/shares", Derived, "S:kqueue_scan": "FreeBSD: calls that scan at the same time share what is listed: each takes the first event in turn, and lets go of the lock while it looks at it.";
    ONCE = "kqueue/once", Derived, "S:kqueue_scan, X:knote_process": "A call reports each event once, although it stays active.";
    COALESCE = "kqueue/coalesce", Documented, "D:kqueue, S:filt_usertouch": "A user event that is triggered again before it is taken is reported once.";
    LEVEL = "kqueue/level", Derived, "S:kqueue_scan": "An event without EV_CLEAR, EV_DISPATCH or EV_ONESHOT stays active, and goes to the end of the list each time it is reported.";
    CLEAR = "kqueue/clear", Documented, "D:kqueue, S:filt_usertouch": "With EV_CLEAR an event is reset by its report.";
    ONESHOT = "kqueue/oneshot", Documented, "D:kqueue, S:kqueue_scan": "With EV_ONESHOT an event is reported once and then deleted.";
    DISPATCH = "kqueue/dispatch", Documented, "D:kqueue, S:kqueue_scan": "With EV_DISPATCH an event is disabled by its report.";
    ENABLE = "kqueue/enable", Documented, "D:kqueue, S:kqueue_register": "EV_ENABLE enables an event again; one that is triggered at that time is reported at once.";
    DISABLE = "kqueue/disable", Documented, "D:kqueue, S:kqueue_register": "While an event is disabled nothing is reported; a trigger is kept.";
    DELETE = "kqueue/delete", Documented, "D:kqueue, S:kqueue_register": "EV_DELETE takes an event out of the list.";
    NOT_THERE = "kqueue/not-there", Documented, "D:kqueue, S:kqueue_register": "Changing an event that was not added is ENOENT.";
    ADD_AGAIN = "kqueue/add-again", Derived, "S:kqueue_register, X:kevent_register": "Adding an event again keeps its flags and its trigger.";
    ADD_ENABLES = "kqueue/add-enables", Open, "D:kqueue, S:kqueue_register, X:kevent_register": "Whether adding a disabled event again enables it, as the manual says, or leaves it disabled, as the sources do, is open (both allowed).";
    CARRIES = "kqueue/carries", Derived, "D:kqueue, S:kqueue_register, X:kevent_register": "Every change of an event replaces what it carries, even one that only triggers or enables it.";
    CLEAR_AGAIN = "kqueue/clear-again", Derived, "S:filt_usertouch": "FreeBSD: a change with EV_CLEAR resets the trigger, even one that it sets itself.";
    FILTERS = "kqueue/filters", Documented, "D:kqueue": "That a descriptor is readable and that it is writable are two events: each is added, changed and reported by itself.";
    READY_WHEN_ADDED = "kqueue/ready-when-added", Derived, "S:kqueue_register": "A change of an event that is not disabled checks whether its descriptor is ready, and lists the event if so.";
    COMES_AGAIN = "kqueue/comes-again", Derived, "S:knote, S:kqueue_scan": "With EV_CLEAR each write after a report is reported, even if what was written before has not been read.";
    DRAINED = "kqueue/drained", Documented, "D:kqueue, S:kqueue_scan": "A listed event of a descriptor that is no longer ready is dropped without a report.";
    ONESHOT_UNASKED = "kqueue/oneshot-unasked", Derived, "S:kqueue_scan": "FreeBSD: an event with EV_ONESHOT is reported without checking whether its descriptor is still ready.";
    CLOSE_FORGETS = "kqueue/close-forgets", Documented, "D:kqueue, S:knote_fdclose": "Closing a descriptor removes its events and wakes nobody, even if a duplicate of it is open.";
    BATCH = "kqueue/batch", Derived, "D:kqueue, S:kqueue_scan": "A call takes as many events as there are, up to its maximum, and never waits for more; a maximum of 0 returns at once.";
    TIMEOUT = "kqueue/timeout", Documented, "D:kqueue": "A call that times out returns no event.";
    NO_LIMIT = "kqueue/no-limit", Derived, "S:kqueue_wakeup": "Nothing limits how many woken threads run; the concurrency value means nothing.";
    CLOSED_HANDLE = "kqueue/closed-handle", Documented, "D:kqueue": "A call on a closed kqueue fails with EBADF.";
    CLOSE_STAYS = "kqueue/close-stays", Derived, "S:kern_kevent, S:kqueue_close": "FreeBSD: closing the kqueue wakes nobody: a call in it holds it open.";
    MACOS_CLOSE = "kqueue-macos/close", Derived, "X:kqueue_drain, X:kqueue_scan": "macOS: closing the kqueue ends every call in it with EBADF (before macOS 10.12 with EINTR).";
    MACOS_SERIAL = "kqueue-macos/serial", Derived, "X:kqueue_begin_processing": "macOS: calls scan one after the other; each takes what is listed, as far as it has room.";
    MACOS_ONESHOT = "kqueue-macos/oneshot-asked", Derived, "X:knote_process": "macOS: an event with EV_ONESHOT whose descriptor is no longer ready is dropped without a report, like any other, and stays added.";
    MACOS_CLEAR = "kqueue-macos/clear-keeps", Derived, "X:filt_usertouch": "macOS: a change with EV_CLEAR leaves the trigger as it is.";
    MACOS_DISABLE = "kqueue-macos/disable-unlists", Derived, "X:kevent_register": "macOS: disabling an event takes it out of the list; enabled again it stands behind the others.";
}

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Kqueue {
    /// Whether it is that of macOS.
    is_macos: bool,
}

impl Kqueue {
    /// FreeBSD.
    pub const FREEBSD: Kqueue = Kqueue { is_macos: false };
    /// macOS.
    pub const MACOS: Kqueue = Kqueue { is_macos: true };
}

/// Whether adding a disabled event again enables it.
const ADDS: Readings<bool> = Readings {
    claim: ADD_ENABLES,
    readings: &[("stays-disabled", false), ("enables", true)],
};

/// A knote: bits of a byte.
const ADDED: u8 = 1;
const DISABLED: u8 = 2;
const ACTIVE: u8 = 4;
const TRIGGERED: u8 = 8;
const EV_ONESHOT: u8 = 16;
const EV_CLEAR: u8 = 32;
const EV_DISPATCH: u8 = 64;
/// It is of a descriptor, and not of the program's own making.
const OF_DESCRIPTOR: u8 = 128;

/// Which knote: a source has one, or one for each direction.
#[derive(Clone, Copy)]
struct Which {
    source: SourceId,
    /// Whether it is about room for writing.
    room: bool,
}

impl Which {
    /// Both of a source.
    fn both(source: SourceId) -> [Which; 2] {
        [false, true].map(|room| Which { source, room })
    }

    /// What it is listed as.
    fn entry(self, program: &Program) -> u8 {
        let behind = if self.room { program.sources.len() } else { 0 };
        notify::entry_of(program, self.source) + behind as u8
    }

    /// The knote that is listed as this; none for one that a post added.
    fn of_entry(program: &Program, entry: u8) -> Option<Which> {
        let SourceId(n) = notify::source_of(program, entry)?;
        let sources = program.sources.len() as u8;
        Some(Which {
            source: SourceId(n % sources),
            room: n >= sources,
        })
    }

    /// Its flags, and the packet that it carries.
    fn knote(self, view: View<'_>, port: PortId) -> (u8, PacketId) {
        if self.room {
            view.interest_in_room(port, self.source)
        } else {
            view.interest(port, self.source)
        }
    }

    fn set<O: Observer>(self, turn: &mut Turn<'_, O>, port: PortId, knote: u8, packet: PacketId) {
        if self.room {
            turn.set_interest_in_room(port, self.source, knote, packet);
        } else {
            turn.set_interest(port, self.source, knote, packet);
        }
    }

    /// Whether its event is there.
    fn is_ready(self, view: View<'_>, knote: u8) -> bool {
        match (knote.has(OF_DESCRIPTOR), self.room) {
            (false, _) => knote.has(TRIGGERED),
            (true, false) => view.is_readable(self.source),
            (true, true) => view.is_writable(self.source),
        }
    }
}

const FREEBSD: About = About {
    name: "kqueue",
    aliases: &["freebsd"],
    sources: "S: the source of FreeBSD, by function; X: that of macOS; D: the manual page kqueue(2)",
    os_error: freebsd,
    can: &[
        COMMON,
        &[Verb::Kevent, Verb::Write, Verb::Drain],
        &[
            Verb::Fill,
            Verb::MakeRoom,
            Verb::CloseSource,
            Verb::DuplicateSource,
        ],
    ],
    lacks_the_rest: "kqueue has no such operation",
    limits: Limits {
        alertable: Some("kqueue has no alertable waits"),
        minimum: Some("kevent takes what is there, and waits for no more"),
        minimum_wait: Limits::NONE.minimum_wait,
        named: Some("a kqueue has no name"),
        reserve: Some("kqueue has no reserve objects"),
        may_fail: Some("its posts find memory"),
        status: Some("an event of a kqueue carries no status"),
    },
    open: &[&ADDS, &Numbers { claim: SHARES }],
    invariants: &[WAKES_ALL],
    no_limit: Some(NO_LIMIT),
    ..About::PLAIN
};

const MACOS: About = About {
    name: "kqueue-macos",
    aliases: &["macos"],
    os_error: macos,
    open: &[&ADDS],
    ..FREEBSD
};

impl Personality for Kqueue {
    fn about(&self) -> &'static About {
        match self.is_macos {
            true => &MACOS,
            false => &FREEBSD,
        }
    }

    fn refuses(&self, program: &Program, op: Op) -> Option<&'static str> {
        if let Op::Kevent { change, .. } = op
            && change.enable
            && change.disable
        {
            return Some("one change either enables an event or disables it");
        }
        let watched = |op| {
            let Op::Kevent { source, change, .. } = op else {
                return None;
            };
            Some((source, change.filter == Filter::User))
        };
        if let Some((source, is_number)) = watched(op)
            && program
                .ops()
                .any(|other| watched(other) == Some((source, !is_number)))
        {
            return Some("a source is watched as the number of a user event, or as a descriptor");
        }
        notify::duplicates_too_often(program, op)
    }

    /// kevent with room for events.
    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if !turn.port(get.port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        if get.max == Some(0) {
            turn.by(BATCH);
            return turn.returns(me, Outcome::Packets(Batch::EMPTY));
        }
        let depth = turn.port(get.port).packets().depth();
        if depth > 1 && self.may_share(turn.program, get.port) && turn.pick(SHARES, 2) == 1 {
            // It has entered, and another call scans before it does, or both together.
            turn.parks(me, get.timeout);
            return turn.thread(me).set_mode(Mode::Woken);
        }
        let scan = |turn: &mut Turn<'_, O>, get| self.scan(turn, me, get);
        notify::takes_or_waits(turn, me, get, scan, WAKES_ALL, TIMEOUT);
    }

    /// kevent with one change, a fresh user event with EV_ONESHOT that is triggered.
    fn post<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, post: Post) {
        if !turn.port(post.port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        enqueue(turn, post.port, post.packet.0);
        turn.returns(me, Outcome::Done);
    }

    fn close<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        if self.is_macos {
            turn.by(MACOS_CLOSE);
            forget(turn, port);
            notify::wake_all(turn, port);
        } else {
            turn.by(CLOSE_STAYS);
        }
        notify::close(turn, me, port);
        drop_if_unused(turn, port);
    }

    /// kevent with one change.
    fn kevent<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        source: SourceId,
        change: Knote,
    ) {
        let room = change.filter == Filter::Write;
        let which = Which { source, room };
        let is_new = !which.knote(turn.view(), port).0.has(ADDED);
        let names_nothing = change.filter != Filter::User && turn.view().is_closed(source);
        if !turn.port(port).is_open() || names_nothing {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        if is_new && !change.add {
            return turn.fails(me, NOT_THERE, Error::NotFound);
        }
        if change.delete && !is_new {
            turn.by(DELETE);
            drop_knote(turn, port, which);
        } else {
            self.register(turn, port, which, change);
        }
        turn.returns(me, Outcome::Done);
    }

    /// A write to the other end, or to a counter.
    fn write<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
        if turn.view().descriptors(source) > 0 {
            turn.set_readable(source, true);
            comes(
                turn,
                Which {
                    source,
                    room: false,
                },
            );
        }
        turn.returns(me, Outcome::Done);
    }

    fn drain<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
        notify::drain(turn, me, source, CLOSED_HANDLE);
    }

    fn fill<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
        notify::fill(turn, me, source, CLOSED_HANDLE);
    }

    fn make_room<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
        notify::make_room(turn, me, source, |turn| {
            comes(turn, Which { source, room: true });
        });
    }

    /// Knotes belong to the number of a descriptor, and not to what is open.
    fn close_source<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
        if turn.view().descriptors(source) == 0 {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        if !turn.view().is_closed(source) {
            turn.by(CLOSE_FORGETS);
            for port in turn.program.port_ids() {
                for which in Which::both(source) {
                    if which.knote(turn.view(), port).0.has(OF_DESCRIPTOR) {
                        drop_knote(turn, port, which);
                    }
                }
            }
        }
        turn.close_source(source);
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

    /// The order of those that sleep makes no difference, because all are woken.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if let Some(outcome) = self.scan(turn, me, get) {
            turn.releases(me, outcome);
        } else if self.is_macos && !turn.port(get.port).is_open() {
            turn.by(MACOS_CLOSE);
            turn.releases(me, Outcome::Failed(Error::BadHandle));
        } else {
            notify::finds_nothing(turn, me, get, TIMEOUT, WAITS_AGAIN);
        }
        drop_if_unused(turn, get.port);
    }

    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        notify::expires(turn, me, get, TIMEOUT);
        drop_if_unused(turn, get.port);
    }

    /// Nobody sleeps beside a knote that is listed.
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

/// What the two systems do differently.
impl Kqueue {
    /// Adds a knote or changes it, and lists it if it is active then.
    fn register<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        port: PortId,
        which: Which,
        change: Knote,
    ) {
        let (before, carried) = which.knote(turn.view(), port);
        let mut knote = if !before.has(ADDED) {
            attached(change)
        } else {
            self.changed(turn, before, change)
        };
        let [other, _] = Which::both(which.source);
        if which.room && other.knote(turn.view(), port).0.has(ADDED) {
            turn.by(FILTERS);
        }
        if which.is_ready(turn.view(), knote) && !knote.has(DISABLED) {
            knote = knote.with(ACTIVE);
        }
        if change.carries && before.has(ADDED) {
            turn.by(CARRIES);
        }
        let carries = match change.carries {
            true => change.packet,
            false => carried,
        };
        which.set(turn, port, knote, carries);
        let entry = which.entry(turn.program);
        if self.is_macos && knote.has(DISABLED) && notify::unlist(turn, port, entry) {
            turn.by(MACOS_DISABLE);
        }
        if change.trigger && knote.has(DISABLED) {
            turn.by(DISABLE);
        }
        if !knote.has(ACTIVE) || knote.has(DISABLED) {
            return;
        }
        if !turn.port(port).packets().contains(entry) {
            if knote.has(OF_DESCRIPTOR) {
                turn.by(READY_WHEN_ADDED);
            }
            enqueue(turn, port, entry);
        } else if change.trigger {
            turn.by(COALESCE);
        }
    }

    /// A knote that was added before, as it is changed.
    fn changed<O: Observer>(&self, turn: &mut Turn<'_, O>, mut knote: u8, change: Knote) -> u8 {
        if change.add {
            turn.by(ADD_AGAIN);
        }
        if change.enable {
            turn.by(ENABLE);
            knote = knote.without(DISABLED);
        } else if change.disable {
            turn.by(DISABLE);
            knote = knote.with(DISABLED);
        } else if change.add && knote.has(DISABLED) && turn.choose(&ADDS) {
            knote = knote.without(DISABLED);
        }
        if change.trigger {
            knote = knote.with(TRIGGERED);
        }
        if change.clear && !knote.has(OF_DESCRIPTOR) {
            if self.is_macos {
                turn.by(MACOS_CLEAR);
            } else {
                turn.by(CLEAR_AGAIN);
                knote = knote.without(TRIGGERED);
            }
        }
        knote
    }
}

/// A knote as it is added.
fn attached(change: Knote) -> u8 {
    ADDED
        .set(DISABLED, change.disable)
        .set(TRIGGERED, change.trigger)
        .set(EV_ONESHOT, change.oneshot)
        .set(EV_CLEAR, change.clear)
        .set(EV_DISPATCH, change.dispatch)
        .set(OF_DESCRIPTOR, change.filter != Filter::User)
}

/// A descriptor has become ready, or is so once more: its knote is active on each kqueue that has it.
fn comes<O: Observer>(turn: &mut Turn<'_, O>, which: Which) {
    for port in turn.program.port_ids() {
        let (knote, packet) = which.knote(turn.view(), port);
        if !knote.has(OF_DESCRIPTOR) {
            continue;
        }
        which.set(turn, port, knote.with(ACTIVE), packet);
        let entry = which.entry(turn.program);
        if knote.has(DISABLED) {
            turn.by(DISABLE);
        } else if turn.port(port).packets().contains(entry) {
            turn.by(COALESCE);
        } else {
            enqueue(turn, port, entry);
        }
    }
}

/// An event has come that is not listed yet.
fn enqueue<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, entry: u8) {
    notify::append(turn, port, entry);
    turn.by(WAKES_ALL);
    notify::wake_all(turn, port);
}

fn drop_knote<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, which: Which) {
    if !which.knote(turn.view(), port).0.has(ADDED) {
        return;
    }
    notify::unlist(turn, port, which.entry(turn.program));
    which.set(turn, port, 0, PacketId(0));
}

/// A closed kqueue lives on while a thread is inside a call on it, and then its knotes are dropped.
fn drop_if_unused<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    if !notify::is_used(turn.view(), port) {
        forget(turn, port);
    }
}

/// Drops every knote.
fn forget<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    notify::clear(turn, port);
    for n in 0..turn.program.sources.len() {
        for which in Which::both(SourceId(n as u8)) {
            drop_knote(turn, port, which);
        }
    }
}

//! illumos event ports, which Solaris 10 brought: one port, many waiters.
//!
//! The port keeps a list of events, in the order in which they were sent, and a list of waiters, sorted by
//! how many events each waits for. Only the first waiter is ever looked at. An event makes it runnable and
//! belongs to nobody: whoever looks first takes it, and a waiter that finds too little sleeps again in its
//! place. A `get` is port_get, or port_getn with `max` and `min`, its nget. A `post` is port_send: the key is
//! the user pointer, the bytes are the events.
//!
//! Long: a system is one file.
//!
//! # Claims
//!
//! | id | says | status | source |
//! |---|---|---|---|
//! | illumos/fifo | Events are taken in the order in which they were sent; each send is an event of its own. | derived | S:port_send_event, S:port_getn |
//! | illumos/contents | An event of port_send carries the events and the user pointer that it was sent with. | documented | D:port_send |
//! | illumos/lifo | Of waiters that wait for equally many events, the newest stands first. | derived | S:port_queue_thread |
//! | illumos/fewer-first | A waiter that waits for fewer events stands before those that wait for more. | documented | D:port_get, S:port_queue_thread |
//! | illumos/before-the-last | A waiter that waits for more events than all others is put before the last of them, not behind it. | derived | S:port_queue_thread |
//! | illumos/head-only | A send looks at the first waiter only: if that one waits for more, nobody is woken. | derived | S:port_send_event |
//! | illumos/starves | Calls of port_get can keep one of port_getn from its events for ever. | documented | D:port_get |
//! | illumos/notify | An event belongs to nobody: a call that finds enough takes it before the woken waiter runs. | derived | S:port_getn |
//! | illumos/keeps-place | A woken waiter that finds too little sleeps again in its place; a newcomer that waits for equally many stands in front of it. | derived | S:port_getn |
//! | illumos/chain | A call that leaves wakes the first waiter if there are enough events for it. | derived | S:port_getn |
//! | illumos/no-limit | Nothing limits how many woken threads run; the concurrency value means nothing. | derived | S:port_getn |
//! | illumos/getn | port_getn waits until there are `min` events, and then takes as many as there are, up to `max`. | documented | D:port_get, S:port_getn |
//! | illumos/min-above-max | A minimum above the maximum is EINVAL. | documented | D:port_get, S:port_getn |
//! | illumos/max-zero | A maximum of 0 answers with the number of events and takes none. | documented | D:port_get, S:port_getn |
//! | illumos/min-zero | A minimum of 0 returns at once and takes nothing. | derived | S:port_getn |
//! | illumos/poll | A timeout of 0 takes what there is, and succeeds even if that is nothing. | derived | S:port_getn |
//! | illumos/timeout | port_get whose time is over fails with ETIME and takes nothing, even if events are there. | derived | S:port_getn |
//! | illumos/partial | port_getn whose time is over fails with ETIME and takes what there is, up to its maximum. | documented | D:port_get, S:port_getn |
//! | illumos/leaves-quietly | A port_get that leaves because its time is over, or with an alert, wakes nobody. | derived | S:port_check_return_cond |
//! | illumos/two-steps | A call takes the whole list away, and brings back what it leaves to the end: events that were sent meanwhile stand before older ones. | derived | S:port_push_eventq |
//! | illumos/deferred | While a call takes events a send wakes nobody; the last of such calls wakes the first waiter. | derived | S:port_send_event |
//! | illumos/blocked | One call takes events at a time; one that had found enough and waits for its turn takes what is left then, which can be less than its minimum. | derived | S:port_block |
//! | illumos/again | If nothing is left then, it waits like others, but does not look again before a new event is sent. | derived | S:portfs |
//! | illumos/alert | In alert mode a call returns with the alert event alone; other events are queued and stay. | documented | D:port_alert, S:port_getn |
//! | illumos/alert-wakes | Setting the alert mode releases every waiter, each with the alert event of its own, even if the mode is over before it runs. | derived | S:port_alert |
//! | illumos/alert-set | PORT_ALERT_SET replaces the alert event that is set. | documented | D:port_alert |
//! | illumos/alert-update | PORT_ALERT_UPDATE is EBUSY if the port is in alert mode. | documented | D:port_alert |
//! | illumos/alert-clear | An alert with no events takes the port out of alert mode. | documented | D:port_alert |
//! | illumos/max-events | A port with as many events as it may have, associated sources counted, refuses more with EAGAIN. | documented | D:port_send, S:port_alloc_event_local |
//! | illumos/no-memory | A send can fail for want of memory; it never waits. | documented | D:port_send |
//! | illumos/sendn | port_sendn sends to each port of its list and answers to how many it could. | documented | D:port_send |
//! | illumos/sendn-none | A list of no ports is EINVAL. | derived | S:port_sendn |
//! | illumos/fd-once | An associated source gives one event and then none until it is associated again. | documented | D:port_associate |
//! | illumos/fd-again | Associating a source that can be read gives an event at once. | derived | S:port_associate_fd |
//! | illumos/fd-replaces | Associating a source again takes its queued event away and looks anew. | derived | S:port_remove_done_event |
//! | illumos/fd-drained | A queued event of a source stays, though the source is read empty meanwhile. | derived | S:port_fd_callback |
//! | illumos/dissociate | Taking an association away takes its queued event with it. | derived | S:port_dissociate_fd |
//! | illumos/dissociate-errors | A source without an association, or whose event was taken, is ENOENT; one of another process is EACCES. | derived | S:port_dissociate_fd |
//! | illumos/fd-closed | Closing a descriptor takes its associations and their queued events away; to associate it then is EBADFD. | derived | S:port_close_pfd, S:port_associate_fd |
//! | illumos/close | Closing the port from another thread makes every call in it return with EBADF, and drops the events. | derived | S:closeandsetf |
//! | illumos/closed-handle | A call on a closed port fails with EBADF. | documented | D:port_get |
//! | illumos/solaris-11 | Whether Solaris 11, whose source is closed, still sorts its waiters so is not known; the rules here are those of illumos. | open | S:port_queue_thread |
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

use crate::claim::Claim;
use crate::contract::Personality;
use crate::event::{Batch, Error, Observer, OsError, Outcome, illumos};
use crate::program::{Alert, Get, Op, PacketId, PortId, Program, SourceId, ThreadId, Timeout};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Illumos;

// Where a call is: the note of a thread inside port_get or port_getn.

/// Which part of the note says so.
const PLACE: u8 = 0x07;
/// Among the waiters, asleep or woken.
const WAITS: u8 = 0;
/// Among the waiters, with an alert event of its own.
const ALERTED: u8 = 1;
/// It found enough, and waits until nobody else takes events.
const WANTS: u8 = 2;
/// It has taken the list away.
const TAKES: u8 = 3;
/// The port was closed under it.
const CLOSED: u8 = 4;
/// It came away empty once, and waits again.
const AGAIN: u8 = 0x08;
/// Nothing was sent since events were last taken.
const STALE: u8 = 0x10;
/// Its time is over.
const LATE: u8 = 0x20;

/// How a port watches a source: bits of a byte, with the process that associated it above them.
const ASSOCIATED: u8 = 1;
const ACTIVE: u8 = 2;
const OWNER: u32 = 4;

/// The second answer to a call that takes events: others come between its two steps.
const IN_TWO_STEPS: u8 = 1;

const BLOCKED: &Claim = &Claim {
    id: "illumos/blocked",
    says: "One call takes events at a time.",
    status: crate::claim::Status::Derived,
    source: "S:port_block",
};

impl Personality for Illumos {
    const HOLDS: bool = true;

    fn name(&self) -> &'static str {
        "illumos"
    }

    fn os_error(&self) -> fn(Error) -> OsError {
        illumos
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), &'static str> {
        match op {
            _ if op.is_alertable() => Err("illumos has no alertable waits"),
            Op::Query { .. }
            | Op::Write { .. }
            | Op::Drain { .. }
            | Op::PortSendn { .. }
            | Op::PortAlert { .. }
            | Op::PortAssociate { .. }
            | Op::PortDissociate { .. }
            | Op::CloseSource { .. } => Ok(()),
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("an event port has no name")
            }
            Op::Post {
                reserve: Some(_), ..
            } => Err("illumos has no reserve objects"),
            Op::Post { packet, .. } if program.packets[packet.index()].status != 0 => {
                Err("an event of port_send carries no status")
            }
            Op::Post { packet, .. } if program.packets[packet.index()].overlapped != 0 => {
                Err("an event of port_send carries a user pointer and a number of 32 bits, no more")
            }
            _ if op.is_portable() => Ok(()),
            _ => Err("event ports have no such operation"),
        }
    }

    fn counts_running(&self) -> bool {
        false
    }

    /// `illumos/two-steps`.
    fn takes_in_two_steps(&self) -> bool {
        true
    }

    /// `illumos/max-events`.
    fn limits_events(&self) -> bool {
        true
    }

    fn answers(&self, view: View<'_>, _: ThreadId, op: Op) -> u8 {
        match op {
            Op::Get { .. } => op.as_get().map_or(1, |get| match entry(view, get) {
                Entry::Takes => ways(view, get.port),
                _ => 1,
            }),
            // `illumos/no-memory`.
            Op::Post {
                port,
                may_fail: true,
                ..
            } if view.port(port).is_open() => 2,
            _ => 1,
        }
    }

    /// `illumos/blocked`: whoever may have to take a queued event away waits until nobody takes events.
    fn held(&self, view: View<'_>, op: Op) -> Option<&'static Claim> {
        let held = match op {
            Op::PortAssociate { port, .. } | Op::PortDissociate { port, .. } => {
                taker(view, port).is_some()
            }
            Op::CloseSource { source, .. } => view
                .program
                .port_ids()
                .any(|port| view.interest(port, source).0 != 0 && taker(view, port).is_some()),
            _ => false,
        };
        held.then_some(BLOCKED)
    }

    fn holds_wake(&self, view: View<'_>, me: ThreadId) -> Option<&'static Claim> {
        let waits = view.thread(me).note() & PLACE == WANTS;
        (waits && taker(view, view.get(me).port).is_some()).then_some(BLOCKED)
    }

    fn call<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, op: Op, answer: u8) {
        match op {
            Op::Get { .. } => port_getn(turn, me, answer),
            Op::Query { port, .. } => count(turn, me, port),
            Op::Post { port, packet, .. } => port_send(turn, me, port, packet, answer),
            Op::PortSendn { ports, packet, .. } => port_sendn(turn, me, ports, packet),
            Op::PortAlert { port, alert, .. } => port_alert(turn, me, port, alert),
            Op::PortAssociate {
                port,
                source,
                packet,
                ..
            } => port_associate(turn, me, port, source, packet),
            Op::PortDissociate { port, source, .. } => port_dissociate(turn, me, port, source),
            Op::CloseSource { source, .. } => close_source(turn, me, source),
            Op::Write { source } => write(turn, me, source),
            Op::Drain { source } => drain(turn, me, source),
            Op::Close { port, .. } => close(turn, me, port),
            Op::Create { port, .. } => port_create(turn, me, port),
            _ => unreachable!("a program that has it is not supported"),
        }
    }

    fn wake_answers(&self, view: View<'_>, me: ThreadId, get: Get) -> u8 {
        match view.thread(me).note() & PLACE {
            WANTS => ways(view, get.port),
            WAITS if finds_enough(view, me, get) => ways(view, get.port),
            _ => 1,
        }
    }

    /// A call goes on: what that means depends on where it is.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get, answer: u8) {
        match turn.view().thread(me).note() & PLACE {
            CLOSED => turn.releases(me, Outcome::Failed(Error::BadHandle)),
            ALERTED => {
                turn.port(get.port).waiters_mut().remove(me);
                let alert = turn.view().thread(me).handed().map(PacketId);
                turn.releases(me, alone(get, alert.expect("an alert was handed to it")));
            }
            WANTS => take_away(turn, me, get, answer),
            TAKES => bring_back(turn, me, get),
            _ => looks(turn, me, get, answer),
        }
    }

    /// `illumos/timeout`, `illumos/partial`, `illumos/leaves-quietly`.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        turn.port(get.port).waiters_mut().remove(me);
        if get.max.is_none() {
            return turn.releases(me, Outcome::Failed(Error::Timeout));
        }
        put(turn, me, Mode::Woken, WANTS | LATE);
    }

    /// `illumos/no-limit`: what else a thread does is not the port's business.
    fn blocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn unblocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    fn exits<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Mode) {}

    /// Events beside a waiter that waits for no more are in order here: `illumos/head-only`,
    /// `illumos/leaves-quietly` and `illumos/again` leave them so.
    fn holds(&self, _: View<'_>) -> Result<(), Fault> {
        Ok(())
    }
}

// Sending events.

/// port_send: `illumos/max-events`, `illumos/no-memory`.
fn port_send<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    port: PortId,
    packet: PacketId,
    answer: u8,
) {
    let outcome = match answer {
        0 => sent_to(turn, port, packet),
        _ => Outcome::Failed(Error::NoMemory),
    };
    turn.returns(me, outcome);
}

/// port_sendn: `illumos/sendn`, `illumos/sendn-none`.
fn port_sendn<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, ports: u16, packet: PacketId) {
    let program = turn.program;
    let ports = &program.port_lists[usize::from(ports)];
    if ports.is_empty() {
        return turn.returns(me, Outcome::Failed(Error::Invalid));
    }
    let mut sent = 0;
    for &port in ports {
        sent += u8::from(sent_to(turn, port, packet) == Outcome::Done);
    }
    turn.returns(me, Outcome::Value(sent));
}

/// One event of the user's to one port, if it takes it: `illumos/contents`.
fn sent_to<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, packet: PacketId) -> Outcome {
    if !turn.port(port).is_open() {
        return Outcome::Failed(Error::BadHandle);
    }
    if is_full(turn.view(), port) {
        return Outcome::Failed(Error::Limit);
    }
    send_event(turn, port, packet.0);
    Outcome::Done
}

/// Queues an event behind all others: `illumos/deferred`.
fn send_event<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, entry: u8) {
    turn.inserted();
    turn.port(port).packets_mut().append(entry);
    note_all(turn, port, |note| note & !STALE);
    if !anybody_takes(turn.view(), port) {
        wake_first(turn, port);
    }
}

/// `illumos/head-only`, `illumos/starves`: the first waiter is made runnable if there is enough for it; it takes nothing yet, and
/// stays among the waiters until it runs.
fn wake_first<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let view = turn.view();
    let Some(first) = view.port(port).waiters().iter().next() else {
        return;
    };
    let enough = view.port(port).packets().depth() >= needs(view.get(first));
    let thread = view.thread(first);
    if enough && thread.mode() == Mode::Parked {
        put(turn, first, Mode::Woken, thread.note());
    }
}

/// port_alert: `illumos/alert-set`, `illumos/alert-update`, `illumos/alert-clear`.
fn port_alert<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId, alert: Alert) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    match alert {
        Alert::Clear => turn.port(port).set_note(0),
        Alert::Update(_) if turn.port(port).note() != 0 => {
            return turn.returns(me, Outcome::Failed(Error::Busy));
        }
        Alert::Set(packet) | Alert::Update(packet) => {
            turn.port(port).set_note(packet.0 + 1);
            alert_all(turn, port, packet);
        }
    }
    turn.returns(me, Outcome::Done);
}

/// `illumos/alert-wakes`: every waiter that has no alert event yet gets one.
fn alert_all<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, packet: PacketId) {
    for id in turn.program.thread_ids() {
        let is_new = turn.view().thread(id).note() & PLACE != ALERTED;
        if turn.port(port).waiters().contains(id) && is_new {
            put(turn, id, Mode::Woken, ALERTED);
            turn.thread(id).hand(Some(packet.0));
        }
    }
}

// Retrieving events.

/// What becomes of a call at its entry.
enum Entry {
    /// It returns at once.
    Returns(Outcome),
    /// It takes what there is.
    Takes,
    /// It waits.
    Waits,
}

/// port_getn, which port_get calls with 1 and 1, looks at things in this order: `illumos/closed-handle`,
/// `illumos/min-above-max`, `illumos/max-zero`, `illumos/min-zero`, `illumos/alert`, `illumos/notify`,
/// `illumos/poll`.
fn entry(view: View<'_>, get: Get) -> Entry {
    let port = view.port(get.port);
    let min = get.min.unwrap_or(1);
    if !port.is_open() {
        return Entry::Returns(Outcome::Failed(Error::BadHandle));
    }
    match get.max {
        Some(0) => return Entry::Returns(Outcome::Value(queued(view, get.port))),
        Some(max) if min > max => return Entry::Returns(Outcome::Failed(Error::Invalid)),
        Some(_) if min == 0 => return Entry::Returns(Outcome::Packets(Batch::EMPTY)),
        _ => {}
    }
    if let Some(alert) = port.note().checked_sub(1) {
        return Entry::Returns(alone(get, PacketId(alert)));
    }
    if port.packets().depth() >= needs(get) || get.timeout == Timeout::Ticks(0) {
        return Entry::Takes;
    }
    Entry::Waits
}

/// port_get and port_getn.
fn port_getn<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, answer: u8) {
    let get = turn.get(me);
    match entry(turn.view(), get) {
        Entry::Returns(outcome) => turn.returns(me, outcome),
        Entry::Takes => take_away(turn, me, get, answer),
        Entry::Waits => {
            queue_thread(turn, me, get);
            turn.parks(me, get.timeout);
        }
    }
}

/// `illumos/lifo`, `illumos/fewer-first`, `illumos/before-the-last`: a thread is put before the first waiter
/// that waits for as many events or more, and else before the last. `illumos/solaris-11`.
fn queue_thread<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    let view = turn.view();
    let port = view.port(get.port);
    let waiters = port.waiters();
    let last = waiters.count().saturating_sub(1);
    let place = waiters
        .iter()
        .position(|waiter| needs(get) <= needs(view.get(waiter)))
        .unwrap_or(last);
    turn.port(get.port).waiters_mut().insert(place, me);
}

/// A woken waiter looks: `illumos/keeps-place`. Only if there is too little does it ask for the time.
fn looks<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get, answer: u8) {
    let note = turn.view().thread(me).note();
    if finds_enough(turn.view(), me, get) {
        turn.port(get.port).waiters_mut().remove(me);
        return take_away(turn, me, get, answer);
    }
    put(turn, me, Mode::Parked, note);
}

/// Whether a woken waiter finds enough, and nobody else takes events: `illumos/again`.
fn finds_enough(view: View<'_>, me: ThreadId, get: Get) -> bool {
    let waits_for_new = view.thread(me).note() & STALE != 0;
    !anybody_takes(view, get.port)
        && view.port(get.port).packets().depth() >= needs(get)
        && !waits_for_new
}

/// The first step of taking: the whole list is taken away, if nobody else has done so. Where nobody comes
/// between, the second step follows at once.
fn take_away<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get, answer: u8) {
    let note = turn.view().thread(me).note() & !PLACE;
    if taker(turn.view(), get.port).is_some() {
        return put(turn, me, Mode::Woken, WANTS | note);
    }
    let stale = match turn.port(get.port).packets().is_empty() {
        true => STALE,
        false => 0,
    };
    put(turn, me, Mode::Woken, TAKES | note & !STALE | stale);
    note_all(turn, get.port, |note| match note & AGAIN {
        0 => note,
        _ => note | STALE,
    });
    if answer != IN_TWO_STEPS {
        return bring_back(turn, me, get);
    }
    while let Some(entry) = turn.port(get.port).packets_mut().take_oldest() {
        let mut port = turn.port(get.port);
        let mut taken = port.taken_mut().expect("there is room for two steps");
        taken.append(entry);
    }
}

/// The second step: the call keeps the oldest, and the rest goes to the end of the list. `illumos/fifo`,
/// `illumos/two-steps`, `illumos/chain`.
fn bring_back<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    let mut batch = Batch::EMPTY;
    while batch.packets().len() < usize::from(get.max.unwrap_or(1)) {
        let Some(entry) = take_oldest(turn, get.port) else {
            break;
        };
        batch.push(event_of(turn.view(), get.port, entry));
    }
    turn.delivered(get.port, batch.packets().len());
    let mut port = turn.port(get.port);
    while let Some(entry) = port.taken_mut().and_then(|mut it| it.take_oldest()) {
        port.packets_mut().append(entry);
    }
    let note = turn.view().thread(me).note() & !PLACE;
    put(turn, me, Mode::Woken, note);
    if !anybody_takes(turn.view(), get.port) {
        wake_first(turn, get.port);
    }
    let is_late = note & LATE != 0;
    match (batch.packets(), get.max) {
        ([], _) if is_late => turn.releases(me, Outcome::Failed(Error::Timeout)),
        ([], _) if get.timeout != Timeout::Ticks(0) => waits_again(turn, me, get, note),
        (_, Some(_)) if is_late => turn.releases(me, Outcome::Partial(batch)),
        (_, Some(_)) => turn.releases(me, Outcome::Packets(batch)),
        ([packet, ..], None) => turn.releases(me, Outcome::Packet(*packet)),
        ([], None) => turn.releases(me, Outcome::Done),
    }
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

/// `illumos/again`: a call that came away empty begins anew, with its time running.
fn waits_again<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get, note: u8) {
    if let Some(alert) = turn.port(get.port).note().checked_sub(1) {
        return turn.releases(me, alone(get, PacketId(alert)));
    }
    if note & STALE == 0 && turn.port(get.port).packets().depth() >= needs(get) {
        return take_away(turn, me, get, 0);
    }
    queue_thread(turn, me, get);
    if turn.view().thread(me).remaining().is_none() {
        turn.parks(me, get.timeout);
    }
    put(turn, me, Mode::Parked, WAITS | AGAIN | note & STALE);
}

/// port_getn with a maximum of 0: `illumos/max-zero`.
fn count<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    let outcome = match turn.port(port).is_open() {
        true => Outcome::Value(queued(turn.view(), port)),
        false => Outcome::Failed(Error::BadHandle),
    };
    turn.returns(me, outcome);
}

/// The events of a port; whoever counts them waits until those that a call leaves are back.
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

/// port_associate: `illumos/fd-again`, `illumos/fd-replaces`, `illumos/max-events`.
fn port_associate<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    port: PortId,
    source: SourceId,
    packet: PacketId,
) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    if turn.view().is_closed(source) {
        return turn.returns(me, Outcome::Failed(Error::Abandoned));
    }
    let (mut flags, _) = turn.view().interest(port, source);
    if flags & ASSOCIATED == 0 {
        if is_full(turn.view(), port) {
            return turn.returns(me, Outcome::Failed(Error::Limit));
        }
        let owner = turn.program.threads[me.index()].process;
        flags = ASSOCIATED | owner.0 << OWNER;
    }
    remove_queued(turn, port, source);
    turn.set_interest(port, source, flags | ACTIVE, packet);
    if turn.view().is_readable(source) {
        fires(turn, port, source);
    }
    turn.returns(me, Outcome::Done);
}

/// port_dissociate: `illumos/dissociate`, `illumos/dissociate-errors`.
fn port_dissociate<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    port: PortId,
    source: SourceId,
) {
    let (flags, _) = turn.view().interest(port, source);
    let process = turn.program.threads[me.index()].process;
    let failed = match flags {
        _ if !turn.port(port).is_open() => Some(Error::BadHandle),
        _ if turn.view().is_closed(source) => Some(Error::Abandoned),
        _ if flags & ASSOCIATED == 0 => Some(Error::NotFound),
        _ if flags >> OWNER != process.0 => Some(Error::NotOwner),
        _ => None,
    };
    if let Some(error) = failed {
        return turn.returns(me, Outcome::Failed(error));
    }
    let was_queued = remove_queued(turn, port, source);
    turn.set_interest(port, source, 0, PacketId(0));
    let outcome = match was_queued || flags & ACTIVE != 0 {
        true => Outcome::Done,
        false => Outcome::Failed(Error::NotFound),
    };
    turn.returns(me, outcome);
}

/// close of a descriptor that is no port: `illumos/fd-closed`.
fn close_source<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
    if turn.view().is_closed(source) {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.close_source(source);
    for port in turn.program.port_ids() {
        remove_queued(turn, port, source);
        turn.set_interest(port, source, 0, PacketId(0));
    }
    turn.returns(me, Outcome::Done);
}

/// A write to a pipe: an event on every port that has the source associated. That a write to a pipe nobody reads
/// is EPIPE is not said.
fn write<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
    if turn.view().is_closed(source) {
        return turn.returns(me, Outcome::Done);
    }
    turn.set_readable(source, true);
    for port in turn.program.port_ids() {
        fires(turn, port, source);
    }
    turn.returns(me, Outcome::Done);
}

/// A read of a pipe: `illumos/fd-drained`.
fn drain<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, source: SourceId) {
    if turn.view().is_closed(source) {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.set_readable(source, false);
    turn.returns(me, Outcome::Done);
}

/// `illumos/fd-once`: an active association sends its event and is active no more.
fn fires<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, source: SourceId) {
    let (flags, packet) = turn.view().interest(port, source);
    if flags & ACTIVE != 0 {
        turn.set_interest(port, source, flags & !ACTIVE, packet);
        let entry = entry_of(turn.program, source);
        send_event(turn, port, entry);
    }
}

/// Takes the queued event of a source out; says whether there was one.
fn remove_queued<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, source: SourceId) -> bool {
    let entry = entry_of(turn.program, source);
    let was_queued = turn.port(port).packets_mut().remove(entry);
    if was_queued {
        turn.discarded(1);
    }
    was_queued
}

/// The list holds events of the user by the packet that they carry, and those of sources behind them.
fn entry_of(program: &Program, source: SourceId) -> u8 {
    program.packets.len() as u8 + source.0
}

/// What a queued event carries.
fn event_of(view: View<'_>, port: PortId, entry: u8) -> PacketId {
    match entry.checked_sub(view.program.packets.len() as u8) {
        None => PacketId(entry),
        Some(source) => view.interest(port, SourceId(source)).1,
    }
}

// The port itself.

/// port_create.
fn port_create<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    turn.port(port).set_handles(1);
    turn.returns(me, Outcome::Done);
}

/// close: `illumos/close`.
fn close<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    if !turn.port(port).is_open() {
        return turn.returns(me, Outcome::Failed(Error::BadHandle));
    }
    turn.port(port).set_handles(0);
    turn.port(port).set_note(0);
    let queued = turn.port(port).packets_mut().clear();
    let taken = turn.port(port).taken_mut().map_or(0, |mut it| it.clear());
    turn.discarded(queued + taken);
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
    turn.returns(me, Outcome::Done);
}

// What the calls ask.

/// How many events a call waits for: `illumos/getn`.
fn needs(get: Get) -> usize {
    match get.max {
        None => 1,
        Some(_) => get.min.unwrap_or(1).into(),
    }
}

/// Whether a thread is inside a call that takes events from this port.
fn is_inside(view: View<'_>, port: PortId, id: ThreadId) -> bool {
    matches!(view.mode(id), Mode::Parked | Mode::Woken) && view.get(id).port == port
}

/// Threads inside a call on a port at one of these places.
fn at(view: View<'_>, port: PortId, places: &[u8]) -> Option<ThreadId> {
    view.program.thread_ids().find(|&id| {
        view.mode(id) == Mode::Woken
            && places.contains(&(view.thread(id).note() & PLACE))
            && view.get(id).port == port
    })
}

/// Who has taken the list of a port away.
fn taker(view: View<'_>, port: PortId) -> Option<ThreadId> {
    at(view, port, &[TAKES])
}

/// Whether anybody takes events or is about to: `illumos/deferred`.
fn anybody_takes(view: View<'_>, port: PortId) -> bool {
    at(view, port, &[WANTS, TAKES]).is_some()
}

/// In how many ways a call can take events: in one go, or in two steps with others between.
fn ways(view: View<'_>, port: PortId) -> u8 {
    let can_wait = taker(view, port).is_some();
    1 + u8::from(view.port(port).taken().is_some() && !can_wait)
}

/// `illumos/max-events`: as many events, queued or on their way, and associated sources as there may be.
fn is_full(view: View<'_>, id: PortId) -> bool {
    let Some(limit) = view.program.ports[id.index()].events_max else {
        return false;
    };
    let port = view.port(id);
    let is_users = |entry: &&u8| usize::from(**entry) < view.program.packets.len();
    let users = port.packets().as_slice().iter().filter(is_users).count();
    let taken = port
        .taken()
        .map_or(0, |taken| taken.as_slice().iter().filter(is_users).count());
    let sources = (0..view.program.sources.len() as u8)
        .filter(|&n| view.interest(id, SourceId(n)).0 & ASSOCIATED != 0)
        .count();
    users + taken + sources >= usize::from(limit)
}

/// A thread inside a call does this now, and its note says so.
fn put<O: Observer>(turn: &mut Turn<'_, O>, id: ThreadId, mode: Mode, note: u8) {
    let mut thread = turn.thread(id);
    thread.set_mode(mode);
    thread.set_note(note);
}

/// Changes the note of everybody inside a call on a port.
fn note_all<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, change: impl Fn(u8) -> u8) {
    for id in turn.program.thread_ids() {
        if is_inside(turn.view(), port, id) {
            let note = turn.view().thread(id).note();
            turn.thread(id).set_note(change(note));
        }
    }
}

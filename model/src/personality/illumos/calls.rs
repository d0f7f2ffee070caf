//! Where the calls in a port are, and what they ask of it.

use crate::event::Observer;
use crate::flags::Flags;
use crate::program::{Get, Op, PortId, SourceId, ThreadId};
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

/// Which part of the note of a thread inside a call says where it is.
pub(super) const PLACE: u8 = 0x07;
/// Among the waiters, asleep or woken.
pub(super) const WAITS: u8 = 0;
/// Among the waiters, with an alert event of its own.
pub(super) const ALERTED: u8 = 1;
/// It found enough, and waits until nobody else takes events.
pub(super) const WANTS: u8 = 2;
/// It has taken the list away.
pub(super) const TAKES: u8 = 3;
/// The port was closed under it.
pub(super) const CLOSED: u8 = 4;
/// It came away empty, and enters once more.
pub(super) const LOOPS: u8 = 5;
/// The port was closed under it while it took events, and they are lost.
pub(super) const LOST: u8 = 6;
/// It came away empty once, and waits again.
pub(super) const CAME_AWAY_EMPTY: u8 = 0x08;
/// Nothing was sent since events were last taken.
pub(super) const STALE: u8 = 0x10;
/// Its time is over.
pub(super) const LATE: u8 = 0x20;

/// How a port watches a source: bits of a byte, with the process that associated it above them.
pub(super) const ASSOCIATED: u8 = 1;
pub(super) const ACTIVE: u8 = 2;
/// It was associated before.
pub(super) const EVER: u8 = 4;
pub(super) const OWNER: u32 = 4;

/// How many events a call waits for.
pub(super) fn needs(get: Get) -> usize {
    match get.max {
        None => 1,
        Some(_) => get.min.unwrap_or(1).into(),
    }
}

/// Whether somebody waits for more than one event.
pub(super) fn somebody_needs_more(view: View<'_>, port: PortId) -> bool {
    let port = view.port(port);
    port.waiters()
        .iter()
        .any(|waiter| needs(view.get(waiter)) > 1)
}

/// Whether a thread is inside a call that takes events from this port.
pub(super) fn is_inside(view: View<'_>, port: PortId, id: ThreadId) -> bool {
    matches!(view.mode(id), Mode::Parked | Mode::Woken) && view.get(id).port == port
}

/// Threads inside a call on a port at one of these places.
pub(super) fn at(view: View<'_>, port: PortId, places: &[u8]) -> Option<ThreadId> {
    view.program.thread_ids().find(|&id| {
        view.mode(id) == Mode::Woken
            && places.contains(&(view.thread(id).note() & PLACE))
            && view.get(id).port == port
    })
}

/// Who has taken the list of a port away.
pub(super) fn taker(view: View<'_>, port: PortId) -> Option<ThreadId> {
    at(view, port, &[TAKES])
}

/// Whether anybody takes events or is about to.
pub(super) fn anybody_takes(view: View<'_>, port: PortId) -> bool {
    at(view, port, &[WANTS, TAKES]).is_some()
}

/// How many of the events that were taken away the call copies: the oldest.
pub(super) fn copied(view: View<'_>, id: PortId) -> usize {
    let max = taker(view, id).map_or(0, |taker| view.get(taker).max.unwrap_or(1).into());
    view.port(id).taken().map_or(0, |it| it.depth().min(max))
}

/// Slots of a port that are in use.
pub(super) struct Slots {
    /// While nothing of what was taken away is copied.
    pub now: usize,
    /// Once all that will be is.
    pub once_copied: usize,
}

/// How many slots of a port events and associated sources use.
pub(super) fn slots(view: View<'_>, id: PortId) -> Slots {
    let port = view.port(id);
    let users = |entries: &[u8]| {
        let is_users = |entry: &&u8| usize::from(**entry) < view.program.packets.len();
        entries.iter().filter(is_users).count()
    };
    let sources = (0..view.program.sources.len() as u8)
        .filter(|&n| view.interest(id, SourceId(n)).0.has(ASSOCIATED))
        .count();
    let copied = copied(view, id);
    let of_copied = |entries: &[u8]| users(entries) - copied_of_sources(view, entries);
    let (taken, left) = port.taken().map_or((0, 0), |it| {
        let (copied, left) = it.as_slice().split_at(copied);
        (of_copied(copied), users(left))
    });
    let once_copied = users(port.packets().as_slice()) + left + sources;
    Slots {
        now: once_copied + taken,
        once_copied,
    }
}

/// How many of these are events of sources that were associated anew since: they use no slot.
fn copied_of_sources(view: View<'_>, entries: &[u8]) -> usize {
    let associates =
        |op: Op, entry: u8| matches!(op, Op::PortAssociate { packet, .. } if packet.0 == entry);
    let is_of_source = |entry: &&u8| view.program.ops().any(|op| associates(op, **entry));
    entries.iter().filter(is_of_source).count()
}

/// A thread inside a call does this now, and its note says so.
pub(super) fn put<O: Observer>(turn: &mut Turn<'_, O>, id: ThreadId, mode: Mode, note: u8) {
    let mut thread = turn.thread(id);
    thread.set_mode(mode);
    thread.set_note(note);
}

/// Changes the note of everybody inside a call on a port.
pub(super) fn note_all<O: Observer>(
    turn: &mut Turn<'_, O>,
    port: PortId,
    change: impl Fn(u8) -> u8,
) {
    for id in turn.program.thread_ids() {
        if is_inside(turn.view(), port, id) {
            let note = turn.view().thread(id).note();
            turn.thread(id).set_note(change(note));
        }
    }
}

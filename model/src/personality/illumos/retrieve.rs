//! Retrieving events: what a call does in each of its sections under the mutex of the port.

use super::calls::{CAME_AWAY_EMPTY, LATE};
use super::*;

/// What a call returns with at its entry, where things are looked at in this order; none if it takes events or waits.
pub(super) fn at_entry<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Option<Outcome> {
    let view = turn.view();
    let min = get.min.unwrap_or(1);
    let alert = view.port(get.port).note().checked_sub(1);
    let (claim, outcome) = if !view.port(get.port).is_open() {
        (CLOSED_HANDLE, Outcome::Failed(Error::BadHandle))
    } else if get.max == Some(0) {
        (
            MAX_ZERO,
            Outcome::Value(view.port(get.port).packets().depth() as i32),
        )
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
pub(super) fn queue_thread<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
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
pub(super) fn looks<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
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

/// The first section of taking: the whole list is taken away, if nobody else has done so. Where nobody comes between, the
/// second follows at once.
pub(super) fn take_away<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    if taker(turn.view(), get.port).is_some() {
        turn.by(BLOCKED);
        let note = turn.view().thread(me).note().without(PLACE);
        return put(turn, me, Mode::Woken, note.with(WANTS));
    }
    begins_to_take(turn, me, get);
    if !may_pause(turn, get.port) || turn.pick(TWO_STEPS, 2) == 0 {
        return bring_back(turn, me, get, false);
    }
    while let Some(entry) = turn.port(get.port).packets_mut().take_oldest() {
        let mut port = turn.port(get.port);
        let mut taken = port.taken_mut().expect("there is room for two steps");
        taken.append(entry);
    }
}

/// Whether others can come between the sections of a call.
fn may_pause<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) -> bool {
    turn.port(port).taken().is_some()
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

/// The second section: the call keeps the oldest of what it took away, and the rest goes to the end of the list.
pub(super) fn bring_back<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    get: Get,
    paused: bool,
) {
    let batch = keeps(turn, get, paused);
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
        ([], _) if get.timeout != Timeout::Ticks(0) => loops(turn, me, get, note),
        (_, Some(_)) if is_late => turn.releases(me, Outcome::Partial(batch)),
        (_, Some(_)) => turn.releases(me, Outcome::Packets(batch)),
        ([packet, ..], None) => turn.releases(me, Outcome::Packet(*packet)),
        ([], None) => turn.releases(me, Outcome::Done),
    }
}

/// The events that a call keeps: the oldest of those that it took away before it `paused`, up to its maximum.
fn keeps<O: Observer>(turn: &mut Turn<'_, O>, get: Get, paused: bool) -> Batch {
    let mut batch = Batch::EMPTY;
    let max = usize::from(get.max.unwrap_or(1));
    while batch.packets().len() < max {
        let mut port = turn.port(get.port);
        let entry = match paused {
            true => port.taken_mut().and_then(|mut it| it.take_oldest()),
            false => port.packets_mut().take_oldest(),
        };
        let Some(entry) = entry else {
            break;
        };
        batch.push(event_of(turn.view(), get.port, entry));
    }
    let taken = batch.packets().len();
    turn.delivered(get.port, taken);
    if taken < max && !turn.port(get.port).packets().is_empty() {
        turn.by(ONLY_WHAT_WAS_THERE);
    }
    if taken > 0 {
        turn.by(FIFO);
        if get.max.is_some() {
            turn.by(GETN);
        } else if somebody_needs_more(turn.view(), get.port) {
            turn.by(STARVES);
        }
    }
    batch
}

/// A call that came away empty enters once more. Its time runs from here, if it did not wait before.
fn loops<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get, note: u8) {
    if turn.view().thread(me).remaining().is_none() {
        turn.parks(me, get.timeout);
    }
    let note = LOOPS.with(CAME_AWAY_EMPTY).set(STALE, note.has(STALE));
    put(turn, me, Mode::Woken, note);
    if !may_pause(turn, get.port) {
        enters_again(turn, me, get);
    }
}

/// The section in which a call that came away empty begins anew.
pub(super) fn enters_again<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    let note = turn.view().thread(me).note();
    if let Some(alert) = turn.port(get.port).note().checked_sub(1) {
        turn.by(ALERT);
        return turn.releases(me, alone(get, PacketId(alert)));
    }
    turn.by(AGAIN);
    if !note.has(STALE) && turn.port(get.port).packets().depth() >= needs(get) {
        return take_away(turn, me, get);
    }
    if !turn.port(get.port).is_open() {
        turn.by(CLOSE);
        return turn.releases(me, Outcome::Failed(Error::BadHandle));
    }
    queue_thread(turn, me, get);
    put(turn, me, Mode::Parked, note.without(PLACE).with(WAITS));
}

/// One event as the outcome of a call.
pub(super) fn alone(get: Get, packet: PacketId) -> Outcome {
    match get.max {
        None => Outcome::Packet(packet),
        Some(_) => {
            let mut batch = Batch::EMPTY;
            batch.push(packet);
            Outcome::Packets(batch)
        }
    }
}

//! What systems share whose ports only tell: woken threads look again, and what is there belongs to the first that looks.

use crate::claim::Claim;
use crate::event::{Batch, Error, Observer, Outcome};
use crate::layout::times;
use crate::program::{Get, Op, PacketId, PortId, Program, SourceId, ThreadId, Timeout};
use crate::property::Fault;
use crate::state::{SOURCE_DUPLICATES_MAX, View};
use crate::threads::Mode;
use crate::turn::Turn;

/// A call fails that asks for no packet, or of a port that is closed, each as a claim says. Says whether it did.
pub(super) fn fails_at_once<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    get: Get,
    none: &'static Claim,
    closed: &'static Claim,
) -> bool {
    let (claim, error) = if get.max == Some(0) {
        (none, Error::Invalid)
    } else if !turn.port(get.port).is_open() {
        (closed, Error::BadHandle)
    } else {
        return false;
    };
    turn.fails(me, claim, error);
    true
}

/// A call comes back with what it takes, before those who were woken for it, as `race` says. If there is nothing, it waits
/// as the newest, unless it only polls, as `poll` says.
pub(super) fn takes_or_waits<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    get: Get,
    take: impl Fn(&mut Turn<'_, O>, Get) -> Option<Outcome>,
    race: &'static Claim,
    poll: &'static Claim,
) {
    let Some(outcome) = take(turn, get) else {
        return waits(turn, me, get, poll);
    };
    if turn.view().is_anybody_awake(get.port) {
        turn.by(race);
    }
    turn.returns(me, outcome);
}

/// A call that found nothing waits as the newest, unless it only polls, as `poll` says.
pub(super) fn waits<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    get: Get,
    poll: &'static Claim,
) {
    if get.timeout == Timeout::Ticks(0) {
        return turn.fails(me, poll, Error::Timeout);
    }
    turn.port(get.port).waiters_mut().push_newest(me);
    turn.parks(me, get.timeout);
}

/// A woken thread found nothing: its time is over, or others were faster and it waits again, each as a claim says.
pub(super) fn finds_nothing<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    get: Get,
    over: &'static Claim,
    robbed: &'static Claim,
) {
    let is_over = is_over(turn.view(), me);
    turn.by(if is_over { over } else { robbed });
    waits_again(turn, me, get);
}

/// A woken thread that found nothing waits again as the newest, for what is left of its time.
pub(super) fn waits_again<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    if is_over(turn.view(), me) {
        return turn.releases(me, Outcome::Failed(Error::Timeout));
    }
    turn.port(get.port).waiters_mut().push_newest(me);
    turn.thread(me).set_mode(Mode::Parked);
}

/// Whether the time of a woken thread's call is over.
pub(super) fn is_over(view: View<'_>, me: ThreadId) -> bool {
    view.thread(me).remaining() == Some(0)
}

/// The time of a waiter is over, which fails as a claim says.
pub(super) fn expires<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    get: Get,
    timeout: &'static Claim,
) {
    leaves(turn, me, get);
    turn.by(timeout);
    turn.releases(me, Outcome::Failed(Error::Timeout));
}

/// A waiter whose time is over leaves the others as they are.
pub(super) fn leaves<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    turn.port(get.port).waiters_mut().remove(me);
}

/// The newest waiter is made runnable, and takes nothing yet; says whether there was one.
pub(super) fn wake_newest<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) -> bool {
    let waiter = turn.port(port).waiters_mut().take_newest();
    if let Some(waiter) = waiter {
        turn.thread(waiter).set_mode(Mode::Woken);
    }
    waiter.is_some()
}

/// The oldest waiter is made runnable, and takes nothing yet; says whether there was one.
pub(super) fn wake_oldest<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) -> bool {
    let waiter = turn.port(port).waiters_mut().take_oldest();
    if let Some(waiter) = waiter {
        turn.thread(waiter).set_mode(Mode::Woken);
    }
    waiter.is_some()
}

/// Every waiter is made runnable, and takes nothing yet.
pub(super) fn wake_all<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    while wake_oldest(turn, port) {}
}

/// A thread goes on, however many run: names the claim that says so, where the port has a value that would limit them.
pub(super) fn ignores_limit<O: Observer>(
    turn: &mut Turn<'_, O>,
    port: PortId,
    no_limit: &'static Claim,
) {
    if turn.program.ports[port.index()].concurrency != 0 {
        turn.by(no_limit);
    }
}

/// Puts a packet behind the others.
pub(super) fn append<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, entry: u8) {
    turn.inserted();
    turn.port(port).packets_mut().append(entry);
}

/// Puts a packet in front of the one at this place.
pub(super) fn insert<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, place: usize, entry: u8) {
    turn.inserted();
    turn.port(port).packets_mut().insert(place, entry);
}

/// Takes what the call may have, oldest first, of so many at most. None if there is nothing.
pub(super) fn take<O: Observer>(
    turn: &mut Turn<'_, O>,
    get: Get,
    at_most: usize,
) -> Option<Outcome> {
    let batch = take_batch(turn, get, at_most);
    outcome(get, batch)
}

/// The same by the claims that say in which order, and that a call may take several.
pub(super) fn take_in_order<O: Observer>(
    turn: &mut Turn<'_, O>,
    get: Get,
    at_most: usize,
    order: &'static Claim,
    batch: &'static Claim,
) -> Option<Outcome> {
    let outcome = take(turn, get, at_most)?;
    turn.by(order);
    if get.max.is_some() {
        turn.by(batch);
    }
    Some(outcome)
}

/// The same as [`take`] as a batch, which is empty if there is nothing.
pub(super) fn take_batch<O: Observer>(turn: &mut Turn<'_, O>, get: Get, at_most: usize) -> Batch {
    let mut batch = Batch::EMPTY;
    while batch.packets().len() < at_most.min(get.max.unwrap_or(1).into()) {
        let Some(packet) = turn.port(get.port).packets_mut().take_oldest() else {
            break;
        };
        batch.push(PacketId(packet));
    }
    turn.delivered(get.port, batch.packets().len());
    batch
}

/// Looks once at every entry that is there now, oldest first, until the call has enough; `report` says what becomes of an
/// entry that was taken out, and the packet that it reports. None if nothing was to be reported.
pub(super) fn scan<O: Observer>(
    turn: &mut Turn<'_, O>,
    get: Get,
    report: impl Fn(&mut Turn<'_, O>, PortId, u8) -> Option<PacketId>,
) -> Option<Outcome> {
    let max = usize::from(get.max.unwrap_or(1));
    let mut batch = Batch::EMPTY;
    for _ in 0..turn.port(get.port).packets().depth() {
        if batch.packets().len() == max {
            break;
        }
        let entry = turn.port(get.port).packets_mut().take_oldest();
        if let Some(packet) = report(turn, get.port, entry.expect("so many are there")) {
            batch.push(packet);
        }
    }
    outcome(get, batch)
}

/// What a call comes back with that took these packets; none if it took none.
pub(super) fn outcome(get: Get, batch: Batch) -> Option<Outcome> {
    match (batch.packets(), get.max) {
        ([], _) => None,
        ([packet, ..], None) => Some(Outcome::Packet(*packet)),
        (_, Some(_)) => Some(Outcome::Packets(batch)),
    }
}

/// Closes a port that is open, which wakes nobody, as `stays` says.
pub(super) fn close_quietly<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    port: PortId,
    closed: &'static Claim,
    stays: &'static Claim,
) {
    if !turn.port(port).is_open() {
        return turn.fails(me, closed, Error::BadHandle);
    }
    turn.by(stays);
    close(turn, me, port);
}

/// Closes an open port.
pub(super) fn close<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    turn.port(port).set_handles(0);
    turn.returns(me, Outcome::Done);
}

/// Closes an open port and drops what is in it.
pub(super) fn close_and_drop<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
    clear(turn, port);
    close(turn, me, port);
}

/// Every waiter's call fails, the oldest first.
pub(super) fn release_all<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, error: Error) {
    while let Some(waiter) = turn.port(port).waiters_mut().take_oldest() {
        turn.releases(waiter, Outcome::Failed(error));
    }
}

/// Whether a port lives on: it is open, or a thread is inside a call on it.
pub(super) fn is_used(view: View<'_>, port: PortId) -> bool {
    view.port(port).is_open()
        || !view.port(port).waiters().is_empty()
        || view.is_anybody_awake(port)
}

/// What a closed port stood for lives on while a thread is inside a call on it, and is then dropped.
pub(super) fn drop_if_unused<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    if !is_used(turn.view(), port) {
        clear(turn, port);
    }
}

/// Drops every entry.
pub(super) fn clear<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    let dropped = turn.port(port).packets_mut().clear();
    turn.discarded(dropped);
}

/// Takes an entry out, wherever it stands; says whether it was there.
pub(super) fn unlist<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, entry: u8) -> bool {
    let was_there = turn.port(port).packets_mut().remove(entry);
    turn.discarded(was_there.into());
    was_there
}

/// The entry of a source that is declared: they stand behind the packets, each of which is the entry of a fresh source.
pub(super) fn entry_of(program: &Program, source: SourceId) -> u8 {
    program.packets.len() as u8 + source.0
}

/// The source of an entry; none for a fresh one.
pub(super) fn source_of(program: &Program, entry: u8) -> Option<SourceId> {
    entry.checked_sub(program.packets.len() as u8).map(SourceId)
}

/// A source is read empty; where no descriptor of it is open that fails as a claim says.
pub(super) fn drain<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    source: SourceId,
    closed: &'static Claim,
) {
    if turn.view().descriptors(source) == 0 {
        return turn.fails(me, closed, Error::BadHandle);
    }
    turn.set_readable(source, false);
    turn.returns(me, Outcome::Done);
}

/// A source is filled, with the same failure.
pub(super) fn fill<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    source: SourceId,
    closed: &'static Claim,
) {
    if turn.view().descriptors(source) == 0 {
        return turn.fails(me, closed, Error::BadHandle);
    }
    turn.set_writable(source, false);
    turn.returns(me, Outcome::Done);
}

/// The other end of a source reads, which finds nothing unless the source was full; `comes` says of what that is an event.
pub(super) fn make_room<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    source: SourceId,
    comes: impl FnOnce(&mut Turn<'_, O>),
) {
    if turn.view().descriptors(source) > 0 && !turn.view().is_writable(source) {
        turn.set_writable(source, true);
        comes(turn);
    }
    turn.returns(me, Outcome::Done);
}

/// A source gets one more descriptor, unless the one by which threads know it is closed.
pub(super) fn duplicate_source<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    source: SourceId,
    closed: &'static Claim,
) {
    if turn.view().is_closed(source) {
        return turn.fails(me, closed, Error::BadHandle);
    }
    turn.duplicate_source(source);
    turn.returns(me, Outcome::Done);
}

/// A duplicate of a source that may be one too many.
pub(super) fn duplicates_too_often(program: &Program, op: Op) -> Option<&'static str> {
    let Op::DuplicateSource { source, .. } = op else {
        return None;
    };
    let most = times(
        program,
        |op| matches!(op, Op::DuplicateSource { source: it, .. } if it == source),
    );
    most.is_none_or(|most| most > SOURCE_DUPLICATES_MAX.into())
        .then_some("a source is duplicated up to 31 times here, and in no loop")
}

/// No packet waits beside a waiter unless somebody is awake to take it.
pub(super) fn nobody_is_stranded(view: View<'_>) -> Result<(), Fault> {
    let strands = |&id: &PortId| {
        let port = view.port(id);
        !port.packets().is_empty() && !port.waiters().is_empty() && !view.is_anybody_awake(id)
    };
    match view.program.port_ids().find(strands) {
        Some(_) => Err(Fault::Stranded),
        None => Ok(()),
    }
}

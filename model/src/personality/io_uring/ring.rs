//! The ring itself: entries come into it, wake waiters, and are taken.

use super::*;
use crate::objects;

/// What a version of it does with entries.
impl IoUring {
    /// Puts an entry into the ring, which a timeout may count.
    pub(super) fn put<O: Observer>(&self, turn: &mut Turn<'_, O>, port: PortId, packet: PacketId) {
        self.may_come(turn, port);
        self.put_uncounted(turn, port, packet);
        match turn.counts(port) {
            0 | DUE => {}
            1 => {
                turn.set_counts(port, DUE);
                // Whoever waits by now has its place with the next entry, whatever its minimum.
                let mut place = 0;
                while let Some(waiter) = turn.port(port).waiters().at(place) {
                    turn.thread(waiter).set_note(0);
                    place += 1;
                }
            }
            left => turn.set_counts(port, left - 1),
        }
    }

    /// The entry of a timeout that has counted enough comes now, or later.
    pub(super) fn may_come<O: Observer>(&self, turn: &mut Turn<'_, O>, port: PortId) {
        if turn.counts(port) == DUE && !turn.choose(&COUNTED) {
            self.comes(turn, port);
        }
    }

    /// It has come by now where nobody is on the way to look.
    pub(super) fn settles<O: Observer>(&self, turn: &mut Turn<'_, O>) {
        for port in turn.program.port_ids() {
            if turn.counts(port) == DUE && !turn.view().is_anybody_awake(port) {
                self.comes(turn, port);
            }
        }
    }

    fn comes<O: Observer>(&self, turn: &mut Turn<'_, O>, port: PortId) {
        turn.by(COUNT);
        turn.set_counts(port, 0);
        self.put_uncounted(turn, port, own_of_count(turn.program, port));
    }

    /// Puts an entry into the ring. Where that has no room, or others are kept already, the kernel keeps it behind them.
    pub(super) fn put_uncounted<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        port: PortId,
        packet: PacketId,
    ) {
        let kept = turn.port(port).note();
        let fits = kept == 0 && room(turn.view(), port) > 0;
        notify::append(turn, port, packet.0);
        if !fits {
            turn.by(OVERFLOW);
            if turn.ring_event(port).is_some() {
                turn.by(EVENTFD_KEPT);
            }
            turn.port(port).set_note(kept + 1);
            return;
        }
        if self.wake_reached(turn, port, 1) {
            turn.by(HERD);
        }
        self.signals(turn, port);
    }

    /// A thread in the kernel brings into the ring what is kept, as far as there is room. Nobody waits then: a full ring has
    /// everybody's place.
    pub(super) fn flush<O: Observer>(&self, turn: &mut Turn<'_, O>, port: PortId) {
        let kept = turn.port(port).note();
        let fits = room(turn.view(), port).min(kept.into()) as u8;
        if fits > 0 {
            turn.by(OVERFLOW);
        }
        turn.port(port).set_note(kept - fits);
        if fits > 0 {
            self.signals(turn, port);
        }
    }

    /// A woken thread that found nothing enters the kernel again, for its whole minimum.
    pub(super) fn waits_again<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        self.flush(turn, get.port);
        let is_over = notify::is_over(turn.view(), me);
        if let Some(outcome) = take_if_enough(turn, get, is_over) {
            turn.releases(me, outcome);
        } else if is_over {
            turn.by(TIMEOUT);
            turn.releases(me, Outcome::Failed(Error::Timeout));
        } else {
            turn.by(ROBBED_WAITS_AGAIN);
            turn.thread(me).set_mode(Mode::Parked);
            stands_last(turn, me, get);
        }
    }

    /// An entry has come into the ring: the eventfd that is registered with it is signaled.
    fn signals<O: Observer>(&self, turn: &mut Turn<'_, O>, port: PortId) {
        if let Some(event) = turn.ring_event(port) {
            turn.by(EVENTFD);
            objects::set(self, turn, event);
        }
    }

    /// The place of every waiter comes so many entries nearer; who has it by now is made runnable, as far as the walk goes,
    /// and takes nothing yet. Says whether there was one.
    pub(super) fn wake_reached<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        port: PortId,
        entries: u8,
    ) -> bool {
        let (mut place, mut wakes, mut is_past_unmet) = (0, false, false);
        while let Some(waiter) = turn.port(port).waiters().at(place) {
            let mut thread = turn.thread(waiter);
            let wants = thread.note().saturating_sub(entries);
            thread.set_note(wants);
            is_past_unmet |= wants > 0;
            if wants > 0 || is_past_unmet && !self.goes_past_unmet {
                place += 1;
                continue;
            }
            thread.set_mode(Mode::Woken);
            turn.port(port).waiters_mut().remove(waiter);
            wakes = true;
        }
        if is_past_unmet {
            turn.by(match self.goes_past_unmet {
                true => ALL_MET,
                false => OLD_PREFIX,
            });
        }
        wakes
    }
}

/// Takes what is there, if that is the call's minimum or its time is over. None if there is nothing to take.
pub(super) fn take_if_enough<O: Observer>(
    turn: &mut Turn<'_, O>,
    get: Get,
    is_over: bool,
) -> Option<Outcome> {
    let fewer = wants(turn, get) > 0;
    if fewer && !is_over {
        return None;
    }
    let outcome = take(turn, get)?;
    if fewer {
        turn.by(TIMEOUT_WITH_SOME);
    }
    Some(outcome)
}

/// Takes what the call may have, oldest first. None if there is nothing.
pub(super) fn take<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Option<Outcome> {
    let there = in_ring(turn.view(), get.port);
    let taken = there.min(get.max.unwrap_or(1).into());
    first_rest(turn, get.port, taken);
    notify::take_in_order(turn, get, taken, FIFO, BATCH)
}

/// What the first so many entries report can be asked for again.
fn first_rest<O: Observer>(turn: &mut Turn<'_, O>, port: PortId, entries: usize) {
    for place in 0..entries {
        let packet = PacketId(turn.port(port).packets().as_slice()[place]);
        let is_last = turn.program.packets[packet.index()].status != GOES_ON;
        if let (Owner::Operation(id), true) = (turn.program.owner(packet), is_last) {
            turn.operation(id).rest();
        }
    }
}

/// How many entries more there must be before a call has its minimum.
pub(super) fn wants<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> u8 {
    let entries = turn.program.ports[get.port.index()].entries;
    let entries = entries.unwrap_or(u8::MAX);
    let min = get.min.unwrap_or(1);
    if min > entries {
        turn.by(NO_MORE_THAN_THE_RING);
    }
    let there = in_ring(turn.view(), get.port) as u8;
    min.min(entries).saturating_sub(there)
}

/// How many entries are in the ring; the kernel keeps the others.
fn in_ring(view: View<'_>, port: PortId) -> usize {
    let port = view.port(port);
    port.packets().depth() - usize::from(port.note())
}

/// How many entries more the ring has room for.
pub(super) fn room(view: View<'_>, port: PortId) -> usize {
    let entries = view.program.ports[port.index()].entries;
    let there = in_ring(view, port);
    entries.map_or(usize::MAX, |entries| usize::from(entries) - there)
}

/// A waiter goes behind the others, and keeps how many entries are to come until it has its place.
pub(super) fn stands_last<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    turn.by(PLACE);
    let wants = wants(turn, get);
    turn.port(get.port).waiters_mut().push_newest(me);
    turn.thread(me).set_note(wants);
}

/// What a closed descriptor stood for lives on while a thread is inside a call on it, and is then dropped.
pub(super) fn drop_if_unused<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    if !notify::is_used(turn.view(), port) {
        let entries = turn.port(port).packets().depth();
        first_rest(turn, port, entries);
        turn.port(port).set_note(0);
        turn.set_ring_event(port, None);
        notify::clear(turn, port);
    }
}

/// The ring on which a timeout counts, and what its own entry carries, if the operation submits one.
pub(super) fn counted(op: Op) -> Option<(PortId, PacketId)> {
    let Op::Submit { port, request, .. } = op else {
        return None;
    };
    match request {
        Request::Count { own, .. } => Some((port, own)),
        _ => None,
    }
}

/// What the entry of the timeout carries that counts on a ring.
fn own_of_count(program: &Program, ring: PortId) -> PacketId {
    let mut counted = program.ops().filter_map(counted);
    let own = counted.find(|&(port, _)| port == ring);
    own.expect("it was submitted").1
}

//! The ring itself: entries come into it, wake waiters, and are taken.

use super::*;
use crate::objects;
use crate::program::RingSetup;

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
                    set_wanted(turn, waiter, 0, false);
                    place += 1;
                }
            }
            left => turn.set_counts(port, left - 1),
        }
    }

    /// What is sent to a ring comes into it, or waits behind it until its only thread lets it in.
    pub(super) fn sends<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        port: PortId,
        packet: PacketId,
    ) {
        if setup_of(turn.program, port) != RingSetup::DeferTaskrun {
            return self.put(turn, port, packet);
        }
        turn.by(DEFER);
        let waiting = turn.port(port).note();
        notify::append(turn, port, packet.0);
        turn.port(port).set_note(waiting + 1);
        if self.wake_reached(turn, port, 1) {
            turn.by(DEFER_WAKES);
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
        if setup_of(turn.program, port) == RingSetup::DeferTaskrun {
            if kept > 0 {
                turn.by(DEFER_OVERTAKEN);
            }
            let there = in_ring(turn.view(), port);
            turn.inserted();
            return turn.port(port).packets_mut().insert(there, packet.0);
        }
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
        if setup_of(turn.program, port) == RingSetup::DeferTaskrun {
            return turn.port(port).set_note(0);
        }
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
        let left = turn.view().thread(me).remaining();
        let for_any = get.times().1.is_some_and(|behind| left <= Some(behind));
        let get = if for_any { for_any_of(get) } else { get };
        if let Some(outcome) = take_if_enough(turn, get, is_over) {
            turn.releases(me, outcome);
        } else if is_over {
            turn.by(TIMEOUT);
            turn.releases(me, Outcome::Failed(Error::Timeout));
        } else {
            turn.by(ROBBED_WAITS_AGAIN);
            turn.thread(me).set_mode(Mode::Parked);
            stands_last(turn, me, get, for_any);
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
            let wants = wanted(turn.view(), waiter).saturating_sub(entries);
            set_wanted(turn, waiter, wants, true);
            is_past_unmet |= wants > 0;
            if wants > 0 || is_past_unmet && !self.goes_past_unmet {
                place += 1;
                continue;
            }
            wakes_up(turn, waiter);
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

/// A thread that comes back from its wait lets in as much as it waits for, and no more.
pub(super) fn lets_in<O: Observer>(turn: &mut Turn<'_, O>, get: Get) {
    let waiting = turn.port(get.port).note();
    if setup_of(turn.program, get.port) != RingSetup::DeferTaskrun || waiting == 0 {
        return;
    }
    let wants = wants(turn, get);
    if waiting > wants {
        turn.by(DEFER_NO_MORE);
    }
    let left = waiting.saturating_sub(wants);
    turn.port(get.port).set_note(left);
}

/// Whether another thread is the only one that submits to a ring.
pub(super) fn is_anothers(program: &Program, port: PortId, me: ThreadId) -> bool {
    let makes = |op| matches!(op, Op::Create { port: made, .. } if made == port);
    let code = &program.codes[program.threads[me.index()].code.index()];
    setup_of(program, port) != RingSetup::Shared && !code.ops().any(makes)
}

pub(super) fn setup_of(program: &Program, port: PortId) -> RingSetup {
    program.ports[port.index()].setup
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

/// Whether somebody who only looks was in the kernel before there was room for what is kept, and looks at the ring after
/// others have taken what was there.
pub(super) fn overlooks_kept<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) -> bool {
    let is_kept =
        turn.port(port).note() > 0 && setup_of(turn.program, port) != RingSetup::DeferTaskrun;
    is_kept
        && in_ring(turn.view(), port) == 0
        && !turn.is_settled(KEPT_OVERLOOKED)
        && turn.choose(&LOOKS)
}

/// How many entries more the ring has room for.
pub(super) fn room(view: View<'_>, port: PortId) -> usize {
    let entries = view.program.ports[port.index()].entries;
    let there = in_ring(view, port);
    entries.map_or(usize::MAX, |entries| usize::from(entries) - there)
}

/// A waiter goes behind the others, and keeps how many entries are to come until it has its place.
pub(super) fn stands_last<O: Observer>(
    turn: &mut Turn<'_, O>,
    me: ThreadId,
    get: Get,
    for_any: bool,
) {
    turn.by(PLACE);
    let wants = if for_any { 1 } else { wants(turn, get) };
    turn.port(get.port).waiters_mut().push_newest(me);
    match get.times().1 {
        Some(_) => turn.thread(me).set_wanted(wants, false, for_any),
        None => turn.thread(me).set_note(wants),
    }
}

/// How many entries more a waiter waits for.
pub(super) fn wanted(view: View<'_>, me: ThreadId) -> u8 {
    let thread = view.thread(me);
    match view.get(me).times().1 {
        Some(_) => thread.wanted(),
        None => thread.note(),
    }
}

/// The same from now on; whether an entry has come.
fn set_wanted<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, wants: u8, comes: bool) {
    let behind = turn.get(me).times().1;
    let mut thread = turn.thread(me);
    match behind {
        Some(_) => {
            let (has_come, for_any) = (thread.has_come(), thread.waits_for_any());
            thread.set_wanted(wants, has_come || comes, for_any);
        }
        None => thread.set_note(wants),
    }
}

/// A waiter is made runnable, and knows still whether any entry is enough for it.
fn wakes_up<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId) {
    let behind = turn.get(me).times().1;
    let mut thread = turn.thread(me);
    let for_any = behind.is_some() && thread.waits_for_any();
    thread.set_mode(Mode::Woken);
    if for_any {
        thread.set_wanted(0, false, true);
    }
}

/// How long a call waits in all.
pub(super) fn whole_time<O: Observer>(turn: &mut Turn<'_, O>, get: Get) -> Timeout {
    match get.times() {
        (_, Some(_)) => get.timeout,
        (only, None) => {
            if get.min_wait.is_some() {
                turn.by(MIN_WAIT_ONLY);
            }
            only
        }
    }
}

/// A call that waits for any entry by now, where that was behind its minimum.
pub(super) fn for_any_by_now<O: Observer>(turn: &Turn<'_, O>, me: ThreadId, get: Get) -> Get {
    let for_any = get.times().1.is_some() && turn.view().thread(me).waits_for_any();
    if for_any { for_any_of(get) } else { get }
}

fn for_any_of(get: Get) -> Get {
    Get {
        min: Some(1),
        ..get
    }
}

/// The time for the minimum of a waiter is over. Says whether it waits on, for any entry.
pub(super) fn waits_on<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) -> bool {
    if turn.view().behind_minimum(me).is_none() {
        return false;
    }
    if turn.view().thread(me).has_come() || in_ring(turn.view(), get.port) > 0 {
        turn.by(MIN_WAIT);
        return false;
    }
    turn.by(MIN_WAIT_ANY);
    turn.thread(me).set_wanted(1, false, true);
    true
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

//! The port: who takes packets, who waits, who counts.

use super::nt::port::{dropped, removed};
use super::waits::is_alerted;
use super::*;
use crate::program::Reserve;

/// What a poll of an empty port may do to a thread that is not associated with it (Q2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Poll {
    /// The thread counts: so it is on NT 5.
    Counts,
    /// The thread counts once it has slept and is back.
    DoesNotCount,
}

pub(super) const POLLS: Readings<Poll> = Readings {
    claim: POLL_COUNTS,
    readings: &[
        ("counts", Poll::Counts),
        ("does-not-count", Poll::DoesNotCount),
    ],
};

/// What a post by a thread whose last call on the port did not sleep does on NT 5.
pub(super) const SELF_RULE: Readings<Insert> = Readings {
    claim: NT5_SELF_RULE,
    readings: &[
        ("as-anyone", Insert::AsAnyone),
        ("as-waiter", Insert::AsWaiter),
    ],
};

/// How a post with a reserve object that is in use fails (Q6).
pub(super) const BUSY: Readings<Error> = Readings {
    claim: RESERVE_BUSY,
    readings: &[
        ("invalid-parameter", Error::Invalid),
        ("no-memory", Error::NoMemory),
    ],
};

/// Whether a post finds memory, where a scenario says that it may not.
pub(super) const MEMORY: Readings<bool> = Readings {
    claim: POST_FAILS,
    readings: &[("there-is-memory", true), ("there-is-none", false)],
};

/// Whether a thread that belongs to a port would find a packet there that it may take.
fn takes_as_member(view: View<'_>, me: ThreadId, id: PortId) -> bool {
    let (port, thread) = (view.port(id), view.thread(me));
    let others = || port.running().count() - u32::from(!thread.counts_otherwise());
    thread.port() == Some(id) && others() < port.running().limit() && !port.packets().is_empty()
}

// Handles.

impl Windows {
    /// CloseHandle on a port.
    pub(super) fn close_port<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
    ) {
        let handles = turn.port(port).handles();
        if handles == 0 {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        turn.port(port).set_handles(handles - 1);
        if handles > 1 {
            turn.by(SEVERAL_HANDLES);
        } else if self.close_abandons {
            run_down(turn, port);
            turn.by(HANDLE_WAIT_CLOSE);
            self.release_at_handle(turn, port);
        } else {
            turn.by(NT5_CLOSE_SILENT);
            self.dies_if_unused(turn, port);
        }
        turn.returns(me, Outcome::Done);
    }

    /// A port without handles dies when nobody is inside a call on it and no file has it.
    pub(super) fn dies_if_unused<O: Observer>(&self, turn: &mut Turn<'_, O>, port: PortId) {
        let view = turn.view();
        let called = |id: ThreadId| {
            let thread = view.thread(id);
            thread.port() == Some(port)
                && matches!(thread.mode(), Mode::Parked | Mode::Woken | Mode::Aside)
        };
        let has_it = |(n, binding): (usize, &crate::program::Binding)| {
            binding.port == port && view.file(binding.file).binding() == Some(BindingId(n as u8))
        };
        let used = view.port(port).is_open()
            || view.program.thread_ids().any(called)
            || view.program.bindings.iter().enumerate().any(has_it);
        if !used {
            run_down(turn, port);
        }
    }
}

/// The port is gone: what is queued is dropped, and all waiters are released.
fn run_down<O: Observer>(turn: &mut Turn<'_, O>, port: PortId) {
    while let Some(packet) = turn.port(port).packets_mut().take_oldest() {
        turn.by(CLOSE_DISCARDS);
        turn.discarded(1);
        dropped(turn, PacketId(packet));
    }
    turn.port(port).running_mut().clear();
    for id in turn.program.thread_ids() {
        if turn.thread(id).port() == Some(port) {
            turn.by(CLOSE_UNBINDS);
            turn.unbinds(id);
        }
    }
    while let Some(waiter) = turn.port(port).waiters_mut().take_newest() {
        turn.by(CLOSE_ABANDONS);
        if turn.thread(waiter).suspensions() > 0 {
            turn.thread(waiter).set_mode(Mode::Aside);
        } else {
            turn.releases(waiter, Outcome::Failed(Error::Abandoned));
        }
    }
}

// Taking packets.

impl Windows {
    /// GetQueuedCompletionStatus and GetQueuedCompletionStatusEx.
    #[inline]
    pub(super) fn get_status<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        if get.max == Some(0) {
            return turn.fails(me, BATCH_ZERO, Error::Invalid);
        }
        if !turn.port(get.port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        if turn.program.wait_packets > 0 {
            self.targets_are_seen(turn, get.port);
        }
        if turn.view().has_apcs(me) {
            if !get.alertable {
                turn.by(ALERT_NOT);
            } else if self.associates_first {
                turn.by(NT5_ASSOCIATE_FIRST);
            } else {
                turn.by(ALERT_FIRST);
                if !takes_as_member(turn.view(), me, get.port) {
                    turn.runs_apcs(me);
                    return turn.returns(me, Outcome::Failed(Error::Apc));
                }
            }
        }
        if self.polls_in_vain(turn.view(), me, get) && turn.choose(&POLLS) == Poll::DoesNotCount {
            self.associate_thread(turn, me, get.port);
            turn.thread(me).set_counts_otherwise(true);
            return turn.fails(me, TIMEOUT, Error::Timeout);
        }
        self.associate_thread(turn, me, get.port);
        self.remove_or_wait(turn, me, get, get.timeout);
    }

    /// Whether a thread that does not count on a port polls it, and finds nothing that it may take.
    #[inline]
    fn polls_in_vain(&self, view: View<'_>, me: ThreadId, get: Get) -> bool {
        let is_in_vain = || {
            let port = view.port(get.port);
            !port.running().has_room() || port.packets().is_empty()
        };
        let counts = || {
            let thread = view.thread(me);
            thread.port() == Some(get.port) && !thread.counts_otherwise()
        };
        self.newer_than_evidence && get.timeout == Timeout::Ticks(0) && !counts() && is_in_vain()
    }

    /// A member gives its place on the port up, a newcomer its place on the port it comes from. The newcomer is not
    /// counted yet.
    #[inline]
    fn associate_thread<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        let counts = !turn.thread(me).counts_otherwise();
        match turn.thread(me).port() {
            Some(old) if old == port => {
                turn.by(RECALL_FIRST);
                turn.thread(me).set_counts_otherwise(false);
                if counts {
                    turn.port(port).running_mut().leave();
                }
            }
            old => {
                turn.by(ASSOCIATE);
                turn.thread(me).set_port(Some(port));
                if let Some(old) = old
                    && counts
                {
                    turn.by(SWITCH_RELEASES);
                    self.count_out(turn, old);
                }
            }
        }
    }

    /// An associated thread that does not count takes packets if one more thread may run, without regard to older
    /// waiters; else it waits as the newest, or fails at once if it may not wait.
    #[inline]
    pub(super) fn remove_or_wait<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        get: Get,
        timeout: Timeout,
    ) {
        let mut port = turn.port(get.port);
        let (has_room, is_empty) = (port.running().has_room(), port.packets().is_empty());
        if has_room && !is_empty {
            port.running_mut().enter();
            self.notes_fresh(turn, me, true);
            return remove(turn, me, get);
        }
        if is_alerted(turn.view(), me, get.alertable) {
            turn.by(ALERT_EMPTY);
            turn.port(get.port).running_mut().enter();
            turn.runs_apcs(me);
            return turn.returns(me, Outcome::Failed(Error::Apc));
        }
        if !is_empty {
            turn.by(NEWCOMER_WAITS);
        }
        if timeout == Timeout::Ticks(0) {
            turn.by(TIMEOUT);
            turn.port(get.port).running_mut().enter();
            self.notes_fresh(turn, me, true);
            return turn.returns(me, Outcome::Failed(Error::Timeout));
        }
        turn.port(get.port).waiters_mut().push_newest(me);
        self.notes_fresh(turn, me, false);
        turn.parks(me, timeout);
    }

    /// Notes whether the call of a thread came back without a sleep, where that can matter.
    #[inline]
    pub(super) fn notes_fresh<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        fresh: bool,
    ) {
        if self.ends_in_issuer {
            turn.thread(me).set_fresh(fresh);
        }
    }

    /// A member stops being runnable: it counts out, and one waiter may be released.
    #[inline(always)]
    pub(super) fn count_out<O: Observer>(&self, turn: &mut Turn<'_, O>, port: PortId) {
        turn.port(port).running_mut().leave();
        self.release_one(turn, port);
    }

    /// Hands the oldest packet to the newest waiter, if one more thread may run.
    #[inline(always)]
    fn release_one<O: Observer>(&self, turn: &mut Turn<'_, O>, port: PortId) {
        let mut queue = turn.port(port);
        if !queue.running().has_room() || queue.packets().is_empty() {
            return;
        }
        if let Some(waiter) = queue.waiters_mut().take_newest() {
            let packet = queue.packets_mut().take_oldest().expect("one is queued");
            turn.by(FIFO);
            turn.by(LIFO);
            self.hand_off(turn, port, waiter, PacketId(packet));
        }
    }

    /// The packet belongs to the waiter from now on, whether or not it has run yet, and the waiter counts.
    #[inline(always)]
    fn hand_off<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        port: PortId,
        waiter: ThreadId,
        packet: PacketId,
    ) {
        turn.by(HANDOFF);
        turn.delivered(port, 1);
        let get = turn.get(waiter);
        let mut thread = turn.thread(waiter);
        thread.set_remaining(None);
        if thread.suspensions() > 0 {
            // It wakes, counts, meets its suspension and counts out again, all before anybody can look.
            thread.set_mode(Mode::Woken);
            thread.hand(Some(packet.0));
            return self.release_one(turn, port);
        }
        if get.max.is_some_and(|max| max > 1) {
            thread.set_mode(Mode::Woken);
            thread.hand(Some(packet.0));
            turn.by(BATCH_COUNTS_ONCE);
            turn.port(port).running_mut().enter();
            return;
        }
        turn.port(port).running_mut().enter();
        removed::<Windows, O>(turn, packet);
        let outcome = match get.max {
            None => plain_contents(turn, packet),
            Some(_) => contents(turn, get, Batch::of(packet)),
        };
        turn.releases(waiter, outcome);
    }
}

/// Takes what the call asks for, oldest first, and no more than there is.
#[inline]
fn remove<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
    turn.by(FIFO);
    let Some(max) = get.max else {
        let packet = turn.port(get.port).packets_mut().take_oldest();
        let packet = PacketId(packet.expect("one is queued"));
        removed::<Windows, O>(turn, packet);
        turn.delivered(get.port, 1);
        let outcome = plain_contents(turn, packet);
        return turn.returns(me, outcome);
    };
    turn.by(BATCH);
    let mut batch = Batch::EMPTY;
    for _ in 0..max {
        match turn.port(get.port).packets_mut().take_oldest() {
            Some(packet) => {
                batch.push(PacketId(packet));
                removed::<Windows, O>(turn, PacketId(packet));
            }
            None => break,
        }
    }
    if batch.packets().len() > 1 {
        turn.by(BATCH_COUNTS_ONCE);
    }
    turn.delivered(get.port, batch.packets().len());
    let outcome = contents(turn, get, batch);
    turn.returns(me, outcome);
}

// Posting packets.

impl Windows {
    /// Whether a thread looks as if it waited on its port, so that a packet that it brings may be queued.
    pub(super) fn may_hold(&self, view: View<'_>, me: ThreadId, id: PortId) -> bool {
        if !self.ends_in_issuer {
            return false;
        }
        let (thread, port) = (view.thread(me), view.port(id));
        thread.is_fresh()
            && thread.port() == Some(id)
            && port.running().has_room()
            && !port.waiters().is_empty()
    }

    /// PostQueuedCompletionStatus, NtSetIoCompletionEx. What the packet carries is the caller's business, and who posts
    /// makes no difference.
    #[inline]
    pub(super) fn post_status<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        post: Post,
    ) {
        let Post { port, packet, .. } = post;
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        if let Some(reserve) = post.reserve {
            if turn.program.reserves[reserve.index()] != Reserve::Port {
                return turn.fails(me, RESERVE_KIND, Error::BadHandle);
            }
            if turn.view().is_reserved(reserve) {
                let error = turn.choose(&BUSY);
                return turn.returns(me, Outcome::Failed(error));
            }
            turn.by(RESERVE);
            turn.by(RESERVE_MEMORY);
            turn.set_reserved(reserve, true, None);
        } else if post.may_fail && !turn.choose(&MEMORY) {
            return turn.returns(me, Outcome::Failed(Error::NoMemory));
        }
        let how = match self.may_hold(turn.view(), me, port) {
            true => turn.choose(&SELF_RULE),
            false => Insert::AsAnyone,
        };
        turn.by(STATUS_OF_A_POST);
        turn.by(POSTER_FREE);
        if turn.thread(me).port() == Some(port) {
            turn.by(NO_SELF_RULE);
        }
        self.insert(turn, port, packet, how);
        turn.returns(me, Outcome::Done);
    }

    /// A packet goes to the newest waiter if one more thread may run, and else behind all others. The limit is never 0.
    /// What comes to a port that nobody can reach is gone.
    #[inline(always)]
    pub(super) fn insert<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        port: PortId,
        packet: PacketId,
        how: Insert,
    ) {
        turn.inserted();
        if self.close_abandons && !turn.port(port).is_open() {
            turn.by(CLOSE_KEEPS_ASSOCIATION);
            turn.discarded(1);
            return dropped(turn, packet);
        }
        if turn.program.ports[port.index()].concurrency == 0 {
            turn.by(LIMIT_DEFAULT);
        }
        let mut queue = turn.port(port);
        let has_room = queue.running().has_room();
        let waiter = if has_room && how == Insert::AsAnyone {
            queue.waiters_mut().take_newest()
        } else {
            None
        };
        match waiter {
            Some(waiter) => {
                turn.by(LIFO);
                self.hand_off(turn, port, waiter, packet);
                turn.by(self.handed_wakes_handles.unwrap_or(HANDLE_WAIT_HANDED));
                if self.handed_wakes_handles.is_some() {
                    self.release_at_handle(turn, port);
                }
            }
            None => {
                if !has_room {
                    turn.by(LIMIT);
                }
                turn.port(port).packets_mut().append(packet.0);
                self.release_at_handle(turn, port);
            }
        }
    }
}

//! The inside of a port: packets, waiters and a count of running threads, under one small lock.
//!
//! Each function is one atomic action. A thread that takes a waiter out of the line answers it after it has released
//! the lock: the packet is bound by then, and no thread that wants the lock has to wait for the wake.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::yield_now;

#[cfg(test)]
use super::fault::Fault;
use super::sync::{Mutex, MutexGuard, ThreadId};
use super::waiter::{Answer, Standing, Waiter, lock};
use super::watch::{Moment, Watch};

/// How long a thread looks for a packet before it stands in line: spins, each twice as long as the one before, and then
/// it gives its processor away so many times. Most threads of a busy port meet their packet here, and nobody has to
/// be put to sleep and woken. Loom would take a spin for a promise that others go first.
const SPINS: u32 = if cfg!(loom) { 0 } else { 6 };
const YIELDS: u32 = if cfg!(loom) { 0 } else { 4 };

/// See the module.
#[repr(align(128))]
pub struct Queue<T> {
    /// How many threads may run before a packet stays queued; at least 1.
    pub concurrency: u32,
    state: Mutex<State<T>>,
    /// Whether a look is worth while: there are packets. Only a hint, written under the lock.
    is_worth: AtomicBool,
    /// What is wrong with it, on purpose.
    #[cfg(test)]
    pub fault: Option<Fault>,
    /// Who acted, in tests that loom runs.
    pub watch: Watch,
}

struct State<T> {
    open: bool,
    /// Threads that count: associated, and not in a blocking scope or in line.
    running: u32,
    /// Oldest first.
    packets: VecDeque<T>,
    /// Oldest first: who comes last is released first.
    waiters: Vec<Arc<Waiter<T>>>,
}

impl<T> State<T> {
    /// A thread that did not count counts.
    fn count(&mut self, waiter: &Waiter<T>) {
        waiter.set_counts();
        self.running += 1;
    }
}

/// What a call finds.
#[derive(Debug)]
pub enum Found<R> {
    /// Packets; the thread counts.
    Packets(R),
    /// None, and no time to wait; the thread counts.
    Nothing,
    /// None that it may take: it stands in line, as the newest.
    Line,
    /// The port is closed.
    Closed,
}

impl<T> Queue<T> {
    /// An open port on which so many threads may run.
    pub fn new(concurrency: u32) -> Queue<T> {
        Queue {
            concurrency,
            state: Mutex::new(State {
                open: true,
                running: 0,
                packets: VecDeque::new(),
                waiters: Vec::new(),
            }),
            is_worth: AtomicBool::new(false),
            #[cfg(test)]
            fault: None,
            watch: Watch::default(),
        }
    }

    /// Waits a moment for a packet to be queued. The thread is as before: where it counts it counts, and it is in no
    /// line, so the port does not see it. Its call begins a moment later, that is all.
    pub fn linger(&self) {
        for step in 0..SPINS + YIELDS {
            if self.is_worth.load(Ordering::Relaxed) {
                return;
            }
            if step < SPINS {
                (0..1 << step).for_each(|_| std::hint::spin_loop());
            } else {
                yield_now();
            }
        }
    }

    /// A thread looks for packets. One that counts gives its place up first, so that it takes the oldest packet
    /// before any waiter unless too many run without it. Where it may wait it then stands in line; else it
    /// counts, with or without a packet.
    pub fn look<R>(
        &self,
        waiter: &Arc<Waiter<T>>,
        may_wait: bool,
        take: impl FnOnce(&mut VecDeque<T>) -> R,
    ) -> Found<R> {
        let mut state = self.lock();
        if !state.open {
            self.watch.note(Some(waiter.thread()), Moment::AtOnce);
            return Found::Closed;
        }
        if waiter.standing() == Standing::Counts {
            state.running -= 1;
        }
        waiter.set_out();
        if self.has_room(&state) && !state.packets.is_empty() {
            state.count(waiter);
            self.watch.note(Some(waiter.thread()), Moment::AtOnce);
            let taken = take(&mut state.packets);
            self.is_worth
                .store(!state.packets.is_empty(), Ordering::Relaxed);
            return Found::Packets(taken);
        }
        if !may_wait {
            state.count(waiter);
            self.watch.note(Some(waiter.thread()), Moment::AtOnce);
            return Found::Nothing;
        }
        waiter.begins();
        state.waiters.push(waiter.clone());
        self.watch.note(Some(waiter.thread()), Moment::Begins);
        Found::Line
    }

    /// Hands the packet to the newest waiter if one more thread may run; else it is queued behind all others.
    /// A closed port gives it back.
    pub fn post(&self, packet: T) -> Result<(), T> {
        let mut state = self.lock();
        self.watch.note(None, Moment::AtOnce);
        if !state.open {
            return Err(packet);
        }
        #[cfg(test)]
        if self.fault == Some(Fault::Stolen) {
            state.packets.push_back(packet);
            let room = self.has_room(&state);
            let woken = state.waiters.pop_if(|_| room);
            drop(state);
            if let Some(waiter) = woken {
                waiter.answer(Answer::LookAgain);
            }
            return Ok(());
        }
        match self.newest(&mut state) {
            None => {
                state.packets.push_back(packet);
                self.is_worth.store(true, Ordering::Relaxed);
            }
            Some(waiter) => {
                drop(state);
                #[cfg(test)]
                if self.fault == Some(Fault::LostWake) {
                    waiter.leave_answer(Answer::Packet(packet));
                    return Ok(());
                }
                waiter.answer(Answer::Packet(packet));
            }
        }
        Ok(())
    }

    /// The thread of this place stops running, if it counts: a waiter may get the oldest packet. The number of its
    /// absence.
    pub fn leave(&self, waiter: &Waiter<T>) -> Option<usize> {
        let state = self.lock();
        let stops = state.open && waiter.standing() == Standing::Counts;
        stops.then(|| {
            let absence = waiter.set_away();
            self.stop(state, waiter);
            absence
        })
    }

    /// The thread of this place leaves it for good: if it counts it stops running, and nobody counts it here again.
    pub fn quit(&self, waiter: &Waiter<T>) {
        // Only the thread itself could change that.
        if waiter.standing() == Standing::Out {
            return;
        }
        let state = self.lock();
        let stops = state.open && waiter.standing() == Standing::Counts;
        waiter.set_out();
        if stops {
            self.stop(state, waiter);
        }
    }

    fn stop(&self, mut state: MutexGuard<'_, State<T>>, waiter: &Waiter<T>) {
        self.watch.note(Some(waiter.thread()), Moment::Begins);
        #[cfg(test)]
        if self.fault == Some(Fault::KeptCount) {
            return;
        }
        state.running -= 1;
        if state.packets.is_empty() {
            return;
        }
        if let Some(waiter) = self.newest(&mut state)
            && let Some(packet) = state.packets.pop_front()
        {
            self.is_worth
                .store(!state.packets.is_empty(), Ordering::Relaxed);
            drop(state);
            waiter.answer(Answer::Packet(packet));
        }
    }

    /// The thread of this place runs again after this absence, at once and even beyond the limit. Nothing if it
    /// counts already, or acted for itself since. Whether it counts by this.
    pub fn enter(&self, waiter: &Waiter<T>, absence: usize) -> bool {
        let mut state = self.lock();
        let enters = state.open && waiter.standing() == Standing::Away(absence);
        if enters {
            self.watch.note(Some(waiter.thread()), Moment::Ends);
            state.count(waiter);
        }
        enters
    }

    /// The time of a waiter is over. Whether it was still in line: it counts then. If not, its answer is on the
    /// way.
    pub fn expire(&self, waiter: &Arc<Waiter<T>>) -> bool {
        let mut state = self.lock();
        let own = |other: &Arc<Waiter<T>>| Arc::ptr_eq(other, waiter);
        // Those who came last are looked at first: most are among them.
        let place = state.waiters.iter().rposition(own);
        if let Some(place) = place {
            self.watch.note(Some(waiter.thread()), Moment::Ends);
            state.waiters.remove(place);
            state.count(waiter);
        }
        #[cfg(test)]
        if self.fault == Some(Fault::LateTimeout) {
            return true;
        }
        place.is_some()
    }

    /// Ends the port: every waiter is told, every association is over. Gives what nobody took; none if it was
    /// closed before.
    pub fn close(&self) -> Option<VecDeque<T>> {
        let mut state = self.lock();
        self.watch.note(None, Moment::AtOnce);
        if !state.open {
            return None;
        }
        state.open = false;
        state.running = 0;
        let packets = std::mem::take(&mut state.packets);
        let waiters = std::mem::take(&mut state.waiters);
        for waiter in &waiters {
            self.watch.note(Some(waiter.thread()), Moment::Ends);
        }
        drop(state);
        for waiter in waiters.iter().rev() {
            waiter.answer(Answer::Abandoned);
        }
        Some(packets)
    }

    /// Whether it is not closed.
    pub fn is_open(&self) -> bool {
        self.lock().open
    }

    /// How many packets nobody has taken.
    pub fn depth(&self) -> usize {
        self.lock().packets.len()
    }

    /// How many threads count.
    pub fn running(&self) -> u32 {
        self.lock().running
    }

    /// Who stands in line, the newest last.
    pub fn waiting(&self) -> Vec<ThreadId> {
        let state = self.lock();
        state.waiters.iter().map(|waiter| waiter.thread()).collect()
    }

    /// The newest waiter, if one more thread may run. It counts from now on.
    fn newest(&self, state: &mut State<T>) -> Option<Arc<Waiter<T>>> {
        if !self.has_room(state) {
            return None;
        }
        let waiter = state.waiters.pop()?;
        state.count(&waiter);
        self.watch.note(Some(waiter.thread()), Moment::Ends);
        Some(waiter)
    }

    fn has_room(&self, state: &State<T>) -> bool {
        state.running < self.concurrency
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }
}

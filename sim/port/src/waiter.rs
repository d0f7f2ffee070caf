//! One thread that waits: where its answer is left, and how it sleeps until then.
//!
//! ```text
//!   Waiting ---- its time to look around is over ----> Asleep
//!      |                                                 |
//!      +---------------- an answer is left --------------+--> Answered
//! ```
//!
//! A thread looks around for a moment before it sleeps: an answer that comes at once is met awake, and saves
//! both sides a call of the system. It stands in the line of waiters all the while, so the thread that
//! answers it finds it there, asleep or not.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU8 as PlainU8, AtomicUsize};

use super::sync::{AtomicU8, Deadline, Mutex, MutexGuard, Ordering, Sleeper, ThreadId};

const WAITING: u8 = 0;
const ASLEEP: u8 = 1;
const ANSWERED: u8 = 2;

const OUT: u8 = 0;
const COUNTS: u8 = 1;
const AWAY: u8 = 2;

/// How a thread stands in the port of its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It counts.
    Counts,
    /// It is away, for this time, and counts again when it is said to be back.
    Away(usize),
    /// Neither: it has not called yet, stands in line, or has left.
    Out,
}

/// How often a thread looks before it sleeps. Loom takes a spin for a promise that others go first, and would
/// then not try what happens when they do not.
const LOOKS: u32 = if cfg!(loom) { 0 } else { 20 };

/// How a wait ends, unless its time is over.
#[derive(Debug)]
pub enum Answer<T> {
    /// With a packet, which was this thread's from the moment it was handed over.
    Packet(T),
    /// With the end of the port.
    Abandoned,
    /// With the news that there may be a packet, by a port that is wrong on purpose.
    #[cfg(test)]
    LookAgain,
}

/// A thread's place in a port. It has cache lines of its own: who is answered is not slowed by its neighbours.
#[repr(align(128))]
pub struct Waiter<T> {
    state: AtomicU8,
    answer: Mutex<Option<Answer<T>>>,
    thread: Sleeper,
    /// How the thread stands, and its last absence. They are written under the port's lock.
    standing: PlainU8,
    absence: AtomicUsize,
}

impl<T> Waiter<T> {
    /// A place for the calling thread.
    pub fn of_this_thread() -> Waiter<T> {
        Waiter {
            state: AtomicU8::new(WAITING),
            answer: Mutex::new(None),
            thread: Sleeper::this_thread(),
            standing: PlainU8::new(OUT),
            absence: AtomicUsize::new(0),
        }
    }

    /// Whose place this is.
    pub fn thread(&self) -> ThreadId {
        self.thread.id()
    }

    /// How the thread stands in the port.
    pub fn standing(&self) -> Standing {
        match self.standing.load(Ordering::Relaxed) {
            COUNTS => Standing::Counts,
            AWAY => Standing::Away(self.absence.load(Ordering::Relaxed)),
            _ => Standing::Out,
        }
    }

    /// The thread counts, as the port's number says.
    pub fn set_counts(&self) {
        self.standing.store(COUNTS, Ordering::Relaxed);
    }

    /// The thread neither counts nor is away.
    pub fn set_out(&self) {
        self.standing.store(OUT, Ordering::Relaxed);
    }

    /// The thread is away, and not for the same time as before; for which.
    pub fn set_away(&self) -> usize {
        let absence = self.absence.load(Ordering::Relaxed).wrapping_add(1);
        self.absence.store(absence, Ordering::Relaxed);
        self.standing.store(AWAY, Ordering::Relaxed);
        absence
    }

    /// The thread is about to stand in line.
    pub fn begins(&self) {
        self.state.store(WAITING, Ordering::Relaxed);
    }

    /// Leaves the answer. The caller has taken the waiter out of the line, so this happens once for each wait.
    pub fn answer(&self, answer: Answer<T>) {
        if self.leave_answer(answer) == ASLEEP {
            self.thread.wake();
        }
    }

    /// Leaves the answer and wakes nobody; in which state the waiter was.
    pub fn leave_answer(&self, answer: Answer<T>) -> u8 {
        *lock(&self.answer) = Some(answer);
        self.state.swap(ANSWERED, Ordering::AcqRel)
    }

    /// Waits for the answer; none if the time is over first.
    pub fn wait(&self, deadline: Option<Deadline>) -> Option<Answer<T>> {
        for _ in 0..LOOKS {
            if self.is_answered() {
                return self.take();
            }
            std::hint::spin_loop();
        }
        // It may sleep already, where this is a second wait.
        let fell_asleep =
            self.state
                .compare_exchange(WAITING, ASLEEP, Ordering::AcqRel, Ordering::Acquire);
        if fell_asleep == Err(ANSWERED) {
            return self.take();
        }
        loop {
            let limit = match deadline {
                Some(deadline) => Some(deadline.rest()?),
                None => None,
            };
            self.thread.sleep(limit);
            if self.is_answered() {
                return self.take();
            }
        }
    }

    fn is_answered(&self) -> bool {
        self.state.load(Ordering::Acquire) == ANSWERED
    }

    fn take(&self) -> Option<Answer<T>> {
        let answer = lock(&self.answer).take();
        assert!(answer.is_some(), "an answer is left before it is announced");
        answer
    }
}

/// Nothing in here panics between two halves of a change, so what a panic leaves is whole.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

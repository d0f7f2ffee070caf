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

use super::sync::{AtomicU8, Deadline, Mutex, MutexGuard, Ordering, Sleeper, ThreadId};

const WAITING: u8 = 0;
const ASLEEP: u8 = 1;
const ANSWERED: u8 = 2;

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
}

impl<T> Waiter<T> {
    /// A place for the calling thread.
    pub fn of_this_thread() -> Waiter<T> {
        Waiter {
            state: AtomicU8::new(WAITING),
            answer: Mutex::new(None),
            thread: Sleeper::this_thread(),
        }
    }

    /// Whose place this is.
    pub fn thread(&self) -> ThreadId {
        self.thread.id()
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

//! Where a thread and the conductor meet: a call is left, an answer is left.
//!
//! Neither side waits inside a lock for the other, so nothing here can park a thread in a way that is mistaken
//! for its call. This is the only structure of ours that threads share without a lock around all of it: loom
//! tries every order in which it can be used, where the tests are built for that.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use portsim_model::program::{Op, ThreadId};

use super::backend::Failure;
use super::sync::{
    AtomicBool, AtomicU8, Condvar, Mutex, MutexGuard, Sleeper, fence, park, spin_loop,
    wait_at_most, yield_now,
};
use super::world::{Idle, World};
use crate::trace::Answer;

const IDLE: u8 = 0;
const IN_CALL: u8 = 1;
const BACK: u8 = 2;
const GONE: u8 = 3;

/// How often a thread looks for its next call before it sleeps: a hand-over that comes at once is met awake,
/// and a core is not kept from its owner for long. Loom takes a spin for a promise that others go first, and would
/// then not try what happens when they do not.
pub const SPINS: u32 = if cfg!(all(test, loom)) { 0 } else { 200 };

/// One thread's mailbox.
#[derive(Default)]
pub struct Mailbox {
    state: AtomicU8,
    op: Mutex<Option<Op>>,
    answer: Mutex<Option<Result<Answer, Failure>>>,
}

impl Mailbox {
    /// Leaves a call for the thread, which is idle.
    pub fn leave_call(&self, thread: &impl Sleeper, op: Op) {
        *lock(&self.op) = Some(op);
        self.state.store(IN_CALL, Ordering::Release);
        thread.wake();
    }

    /// Tells the thread, which is idle, that there are no more calls.
    pub fn dismiss(&self, thread: &impl Sleeper) {
        self.state.store(GONE, Ordering::Release);
        thread.wake();
    }

    /// Whether an answer is there.
    pub fn is_back(&self) -> bool {
        self.state.load(Ordering::Acquire) == BACK
    }

    /// Takes the answer, if it is there; the thread is idle then.
    pub fn answer(&self) -> Option<Result<Answer, Failure>> {
        if !self.is_back() {
            return None;
        }
        self.state.store(IDLE, Ordering::Relaxed);
        lock(&self.answer).take()
    }

    /// The life of the thread: makes the calls that are left here, until it is dismissed.
    pub fn serve(&self, world: &dyn World, me: ThreadId, listener: &Listener) {
        let mut spins = 0;
        loop {
            match self.state.load(Ordering::Acquire) {
                IN_CALL => {
                    let op = lock(&self.op).take().expect("a call was left");
                    let answer = world.perform(me, op);
                    *lock(&self.answer) = Some(answer);
                    self.state.store(BACK, Ordering::Release);
                    listener.tell();
                    spins = 0;
                }
                GONE => return,
                _ if spins < SPINS => {
                    spins += 1;
                    spin_loop();
                }
                _ if world.idle(me) == Idle::Spins => yield_now(),
                _ => park(),
            }
        }
    }
}

/// How the conductor sleeps until some thread comes back.
#[derive(Default)]
pub struct Listener {
    listens: AtomicBool,
    lock: Mutex<()>,
    came_back: Condvar,
}

impl Listener {
    /// Sleeps until somebody comes back, unless `any_back` says that somebody has.
    pub fn listen(&self, limit: Duration, any_back: impl Fn() -> bool) {
        let guard = lock(&self.lock);
        self.listens.store(true, Ordering::SeqCst);
        // Either the one who comes back sees that somebody listens, or it is seen here.
        fence(Ordering::SeqCst);
        if !any_back() {
            drop(wait_at_most(&self.came_back, guard, limit));
        }
        self.listens.store(false, Ordering::SeqCst);
    }

    fn tell(&self) {
        fence(Ordering::SeqCst);
        if self.listens.load(Ordering::SeqCst) {
            drop(lock(&self.lock));
            self.came_back.notify_one();
        }
    }
}

/// A lock whose holder panicked protects plain data that is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

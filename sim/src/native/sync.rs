//! What a mailbox is built of: what the standard library has, or what loom has in its place.
//!
//! Loom tries every order in which threads can take their steps, and every value that a weak memory lets them
//! read. It can do so only where they use its own atomics and locks. Tests that are built with `--cfg loom` get
//! those here; every other build gets the standard library and does not even compile loom.

use std::sync::PoisonError;
use std::thread::Thread;
use std::time::Duration;

#[cfg(all(test, loom))]
pub use loom::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU8, fence},
    sync::{Condvar, Mutex, MutexGuard},
    thread::{park, yield_now},
};
#[cfg(not(all(test, loom)))]
pub use std::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU8, fence},
    sync::{Condvar, Mutex, MutexGuard},
    thread::{park, yield_now},
};

/// A thread that may be in [`park`].
pub trait Sleeper {
    /// Ends its sleep, or the next one if it is awake.
    fn wake(&self);
}

impl Sleeper for Thread {
    fn wake(&self) {
        self.unpark();
    }
}

#[cfg(all(test, loom))]
impl Sleeper for loom::thread::Thread {
    fn wake(&self) {
        self.unpark();
    }
}

/// Sleeps until somebody notifies, for no longer than `limit`.
#[cfg(not(all(test, loom)))]
pub fn wait_at_most<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    limit: Duration,
) -> MutexGuard<'a, T> {
    let waited = condvar.wait_timeout(guard, limit);
    waited.unwrap_or_else(PoisonError::into_inner).0
}

/// Sleeps until somebody notifies, for ever if nobody does: a notification that is lost is then a deadlock, and
/// loom reports those. A sleep of no time at all ends by itself.
#[cfg(all(test, loom))]
pub fn wait_at_most<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    limit: Duration,
) -> MutexGuard<'a, T> {
    if limit.is_zero() {
        return guard;
    }
    condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

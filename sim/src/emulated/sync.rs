//! What a port is built of: what the standard library has, or what loom has in its place.
//!
//! Loom tries every order in which threads can take their steps. It can do so only where they use its own locks
//! and atomics, so tests that are built with `--cfg loom` get those; no other build compiles loom.

use std::time::Duration;

#[cfg(all(test, loom))]
pub use loom::{
    sync::atomic::{AtomicU8, Ordering},
    sync::{Mutex, MutexGuard},
    thread::{Thread, ThreadId, current, park},
    thread_local,
};
#[cfg(not(all(test, loom)))]
pub use std::{
    sync::atomic::{AtomicU8, Ordering},
    sync::{Mutex, MutexGuard},
    thread::{Thread, ThreadId, current, park, park_timeout},
    thread_local,
};

/// Until when a call waits.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    #[cfg(not(all(test, loom)))]
    at: std::time::Instant,
}

#[cfg(not(all(test, loom)))]
impl Deadline {
    /// So far from now; none if that is further than the clock reaches.
    pub fn after(timeout: Duration) -> Option<Deadline> {
        let at = std::time::Instant::now().checked_add(timeout)?;
        Some(Deadline { at })
    }

    /// How long it is till then; none if it is over.
    pub fn rest(self) -> Option<Duration> {
        let rest = self.at.checked_duration_since(std::time::Instant::now());
        rest.filter(|rest| !rest.is_zero())
    }
}

/// No clock: a time is over whenever loom lets the thread move, so that it is over at every moment once.
#[cfg(all(test, loom))]
impl Deadline {
    /// At some time.
    pub fn after(_: Duration) -> Option<Deadline> {
        Some(Deadline {})
    }

    /// Nothing.
    pub fn rest(self) -> Option<Duration> {
        None
    }
}

/// Loom has no clock to wake a thread.
#[cfg(all(test, loom))]
pub fn park_timeout(_: Duration) {}

//! What a port is built of: what the standard library has, or what loom has in its place.
//!
//! Loom tries every order in which threads can take their steps. It can do so only where they use its own locks
//! and atomics, so a build with `--cfg loom` gets those; no other build compiles loom.

use std::time::Duration;

#[cfg(loom)]
pub use loom::{
    sync::atomic::{AtomicU8, Ordering},
    sync::{Mutex, MutexGuard},
    thread::{ThreadId, current},
    thread_local,
};
#[cfg(not(loom))]
pub use std::{
    sync::atomic::{AtomicU8, Ordering},
    sync::{Mutex, MutexGuard},
    thread::{ThreadId, current},
    thread_local,
};

/// Until when a call waits.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    #[cfg(not(loom))]
    at: std::time::Instant,
}

#[cfg(not(loom))]
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
#[cfg(loom)]
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

/// A thread that may sleep here until it is woken.
#[cfg(not(loom))]
pub struct Sleeper(std::thread::Thread);

#[cfg(not(loom))]
impl Sleeper {
    /// The calling thread.
    pub fn this_thread() -> Sleeper {
        Sleeper(current())
    }

    /// Which thread it is.
    pub fn id(&self) -> ThreadId {
        self.0.id()
    }

    /// Sleeps until it is woken, or for a shorter time.
    pub fn sleep(&self, limit: Option<Duration>) {
        match limit {
            Some(limit) => std::thread::park_timeout(limit),
            None => std::thread::park(),
        }
    }

    /// Ends its sleep, or its next one.
    pub fn wake(&self) {
        self.0.unpark();
    }
}

/// The same of a lock and a condition: loom takes the unpark of a thread that waits for a lock for the lock itself.
#[cfg(loom)]
pub struct Sleeper {
    id: ThreadId,
    woken: Mutex<bool>,
    wakes: loom::sync::Condvar,
}

#[cfg(loom)]
impl Sleeper {
    /// The calling thread.
    pub fn this_thread() -> Sleeper {
        Sleeper {
            id: current().id(),
            woken: Mutex::new(false),
            wakes: loom::sync::Condvar::new(),
        }
    }

    /// Which thread it is.
    pub fn id(&self) -> ThreadId {
        self.id
    }

    /// Sleeps until it is woken; not at all where that has a limit.
    pub fn sleep(&self, limit: Option<Duration>) {
        if limit.is_some() {
            return;
        }
        let mut woken = self.woken.lock().expect("nobody panics");
        while !*woken {
            woken = self.wakes.wait(woken).expect("nobody panics");
        }
        *woken = false;
    }

    /// Ends its sleep, or its next one.
    pub fn wake(&self) {
        *self.woken.lock().expect("nobody panics") = true;
        self.wakes.notify_one();
    }
}

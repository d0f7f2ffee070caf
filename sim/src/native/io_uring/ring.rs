//! A ring whose completions many threads take: who has the turn may take them, and submit.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use io_uring::{IoUring as Ring, squeue};
use rustix::io::Errno;
use rustix::io_uring::{IoringEnterFlags, io_uring_enter};

use crate::native::lock::lock;

/// Carried by the messages that bring everybody home.
pub const HOME: u64 = u64::MAX;

/// How many requests a thread submits at once.
pub const REQUESTS: u32 = 2;

/// How many completions a ring holds before the kernel keeps the others in a list of its own, where a scenario does
/// not say.
const COMPLETIONS: u32 = 1024;

/// After how long an entry that must come is not waited for any more.
const PATIENCE: Duration = Duration::from_secs(1);

/// A ring of many threads.
pub struct Shared {
    ring: Ring,
    turn: Mutex<()>,
}

/// A ring in the hands of one thread.
pub struct Turn<'a> {
    ring: &'a Ring,
    _held: MutexGuard<'a, ()>,
}

impl Shared {
    /// A ring with room for so many completions.
    pub fn new(entries: Option<u8>) -> std::io::Result<Shared> {
        let entries = entries.map_or(COMPLETIONS, u32::from);
        let mut ring = Ring::builder();
        let ring = ring.setup_cqsize(entries).build(REQUESTS.min(entries))?;
        Ok(Shared {
            ring,
            turn: Mutex::new(()),
        })
    }

    /// A descriptor of it that stays open for as long as this lives.
    pub fn kept(&self) -> RawFd {
        self.ring.as_raw_fd()
    }

    /// Waits for the turn.
    pub fn turn(&self) -> Turn<'_> {
        Turn {
            ring: &self.ring,
            _held: lock(&self.turn),
        }
    }
}

impl AsFd for Shared {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

impl Turn<'_> {
    /// Takes the oldest entries, up to so many: what each carried, and its result.
    pub fn pop(&self, most: usize) -> Vec<(u64, i32)> {
        // SAFETY: only who has the turn touches the completions of this ring.
        let entries = unsafe { self.ring.completion_shared() };
        let taken = entries
            .take(most)
            .map(|entry| (entry.user_data(), entry.result()));
        taken.filter(|&(carried, _)| carried != HOME).collect()
    }

    /// What the entries in the ring carry, which stay there.
    pub fn carried(&self) -> Vec<u64> {
        // SAFETY: as in `pop`.
        let mut entries = unsafe { self.ring.completion_shared() };
        let carried = entries.by_ref().map(|entry| entry.user_data()).collect();
        // Its drop would advance the head.
        std::mem::forget(entries);
        carried
    }

    /// Waits until so many entries are in the ring.
    pub fn wait_for(&self, count: usize) -> Result<(), Errno> {
        let since = Instant::now();
        while self.carried().len() < count {
            if since.elapsed() > PATIENCE {
                return Err(Errno::TIMEDOUT);
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    /// Submits a request, by the number under which the ring is open. What the request refers to is never freed, or
    /// read while it is submitted.
    pub fn submit(&self, number: BorrowedFd<'_>, request: &squeue::Entry) -> Result<(), Errno> {
        // SAFETY: only who has the turn submits on this ring.
        let mut queue = unsafe { self.ring.submission_shared() };
        // What stands there was refused with the descriptor, and so will this be.
        if queue.is_empty() {
            // SAFETY: what it refers to lives long enough, as is asked for above.
            unsafe { queue.push(request) }.expect("it is empty");
        }
        drop(queue);
        // SAFETY: what is submitted is the request.
        unsafe { io_uring_enter(number, 1, 0, IoringEnterFlags::empty()) }.map(drop)
    }
}

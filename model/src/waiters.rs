//! Threads parked on a port, in the order they parked.
//!
//! Bytes: how many there are, then the threads (their number plus one) from the oldest to the newest;
//! free places are 0.

use core::ops::{Deref, DerefMut};

use crate::program::ThreadId;

/// The waiters of one port.
pub struct Waiters<B>(pub(crate) B);

impl<B: Deref<Target = [u8]>> Waiters<B> {
    /// How many wait.
    #[inline]
    pub fn count(&self) -> usize {
        usize::from(self.0[0])
    }

    /// Whether nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0[0] == 0
    }

    /// Whether this thread waits.
    #[inline]
    pub fn contains(&self, thread: ThreadId) -> bool {
        self.0[1..].contains(&(thread.0 + 1))
    }

    /// Who stands at this place, counted from the oldest.
    pub fn at(&self, place: usize) -> Option<ThreadId> {
        let held = self.0[1..=self.count()].get(place)?;
        Some(ThreadId(held - 1))
    }

    /// All that wait, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = ThreadId> + '_ {
        self.0[1..=self.count()]
            .iter()
            .map(|&place| ThreadId(place - 1))
    }
}

impl<B: DerefMut<Target = [u8]>> Waiters<B> {
    /// Adds a thread as the newest.
    #[inline]
    pub fn push_newest(&mut self, thread: ThreadId) {
        self.0[0] += 1;
        let newest = self.count();
        self.0[newest] = thread.0 + 1;
    }

    /// Adds a thread in front of the one at this place, counted from the oldest.
    pub fn insert(&mut self, place: usize, thread: ThreadId) {
        let count = self.count();
        self.0.copy_within(place + 1..count + 1, place + 2);
        self.0[place + 1] = thread.0 + 1;
        self.0[0] += 1;
    }

    /// Takes the thread that parked last.
    #[inline]
    pub fn take_newest(&mut self) -> Option<ThreadId> {
        let newest = self.count();
        if newest == 0 {
            return None;
        }
        let thread = ThreadId(self.0[newest] - 1);
        self.0[newest] = 0;
        self.0[0] -= 1;
        Some(thread)
    }

    /// Takes the thread that parked first.
    #[inline]
    pub fn take_oldest(&mut self) -> Option<ThreadId> {
        let oldest = self.iter().next()?;
        self.remove(oldest);
        Some(oldest)
    }

    /// Takes this thread out, wherever it stands; says whether it was there.
    pub fn remove(&mut self, thread: ThreadId) -> bool {
        let place = self.iter().position(|waits| waits == thread);
        if let Some(place) = place {
            let count = self.count();
            self.0.copy_within(place + 2..count + 1, place + 1);
            self.0[count] = 0;
            self.0[0] -= 1;
        }
        place.is_some()
    }
}

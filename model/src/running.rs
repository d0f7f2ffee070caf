//! Threads that count against a port's concurrency value.

use core::ops::{Deref, DerefMut};

/// The count of one port, with its limit.
pub struct Running<B> {
    pub(crate) count: B,
    pub(crate) limit: u32,
}

impl<B: Deref<Target = u8>> Running<B> {
    /// How many run.
    #[inline]
    pub fn count(&self) -> u32 {
        u32::from(*self.count)
    }

    /// The concurrency value.
    #[inline]
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Whether one more may run.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.count() < self.limit
    }
}

impl<B: DerefMut<Target = u8>> Running<B> {
    /// One more runs. The count may pass the limit: a thread that comes back from a wait elsewhere is
    /// never held back.
    #[inline]
    pub fn enter(&mut self) {
        *self.count += 1;
    }

    /// One less runs.
    #[inline]
    pub fn leave(&mut self) {
        *self.count -= 1;
    }

    /// Nobody counts any more.
    pub fn clear(&mut self) {
        *self.count = 0;
    }
}

//! Packets nobody has taken yet: first in, first out.
//!
//! Bytes: how many there are, then their numbers from the oldest to the newest; free places are 0.

use core::ops::{Deref, DerefMut};

/// The queue of one port.
pub struct Packets<B>(pub(crate) B);

impl<B: Deref<Target = [u8]>> Packets<B> {
    /// How many wait.
    #[inline]
    pub fn depth(&self) -> usize {
        usize::from(self.0[0])
    }

    /// Whether none waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0[0] == 0
    }

    /// For how many more there is room.
    #[inline]
    pub fn room(&self) -> usize {
        self.0.len() - 1 - self.depth()
    }

    /// Whether this one waits.
    #[inline]
    pub fn contains(&self, packet: u8) -> bool {
        self.as_slice().contains(&packet)
    }

    /// All that wait, oldest first.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        &self.0[1..=self.depth()]
    }
}

impl<B: DerefMut<Target = [u8]>> Packets<B> {
    /// Adds one behind all others. There must be room.
    #[inline]
    pub fn append(&mut self, packet: u8) {
        assert!(
            self.room() > 0,
            "a post is possible only where the queue has room"
        );
        self.0[0] += 1;
        let newest = self.depth();
        self.0[newest] = packet;
    }

    /// Adds one in front of the one at this place, counted from the oldest. There must be room.
    pub fn insert(&mut self, place: usize, packet: u8) {
        self.append(packet);
        let depth = self.depth();
        self.0.copy_within(place + 1..depth, place + 2);
        self.0[place + 1] = packet;
    }

    /// Takes the oldest.
    #[inline]
    pub fn take_oldest(&mut self) -> Option<u8> {
        if self.is_empty() {
            return None;
        }
        let oldest = self.0[1];
        self.remove_at(0);
        Some(oldest)
    }

    /// Takes the newest out.
    pub fn remove_newest(&mut self) {
        if let Some(newest) = self.depth().checked_sub(1) {
            self.remove_at(newest);
        }
    }

    /// Takes this one out, wherever it stands; says whether it was there.
    pub fn remove(&mut self, packet: u8) -> bool {
        let place = self.as_slice().iter().position(|&waits| waits == packet);
        if let Some(place) = place {
            self.remove_at(place);
        }
        place.is_some()
    }

    /// Puts another one where this one stands, if it is there.
    pub fn replace(&mut self, packet: u8, other: u8) {
        let place = self.as_slice().iter().position(|&waits| waits == packet);
        if let Some(place) = place {
            self.0[place + 1] = other;
        }
    }

    /// Drops all; says how many there were.
    pub fn clear(&mut self) -> usize {
        let depth = self.depth();
        self.0.fill(0);
        depth
    }

    #[inline]
    fn remove_at(&mut self, place: usize) {
        let depth = self.depth();
        self.0.copy_within(place + 2..depth + 1, place + 1);
        self.0[depth] = 0;
        self.0[0] -= 1;
    }
}

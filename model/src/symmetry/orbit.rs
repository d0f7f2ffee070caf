//! Threads that are alike, and how they are sorted.

use alloc::vec::Vec;

use crate::layout::Layout;
use crate::program::{THREADS_MAX, ThreadId};

/// Threads that are alike.
#[derive(Debug, Clone)]
pub(super) struct Orbit {
    /// Each with where it starts in a state, in ascending order.
    pub(super) threads: Vec<(ThreadId, usize)>,
    /// Their numbers plus one, as a state holds them, by their places here.
    pub(super) numbers: [u8; 256],
    /// The other way round; [`ELSEWHERE`] for a number that is none of theirs.
    pub(super) places: [u8; 256],
    /// Bytes of each.
    pub(super) len: usize,
    /// Whether each begins where the one before it ends.
    side_by_side: bool,
}

/// So many bytes of a record are compared at once.
const HEAD: usize = 8;

/// A record of so many bytes is compared at once together with its thread's mark.
const SHORT: usize = HEAD - size_of::<u16>();

/// The place of a thread that does not belong to an orbit.
pub(super) const ELSEWHERE: u8 = u8::MAX;

/// What others say of each thread.
pub(super) type Marks = [u16; THREADS_MAX];

impl Orbit {
    pub(super) fn of(layout: &Layout, threads: &[ThreadId]) -> Orbit {
        let place = |thread: ThreadId| usize::from(layout.threads[thread.index()].from);
        let len = layout.threads[threads[0].index()].range().len();
        let (mut numbers, mut places) = ([0; 256], [ELSEWHERE; 256]);
        for (n, thread) in threads.iter().enumerate() {
            numbers[n] = thread.0 + 1;
            places[usize::from(thread.0 + 1)] = n as u8;
        }
        Orbit {
            threads: threads.iter().map(|&id| (id, place(id))).collect(),
            numbers,
            places,
            len,
            side_by_side: threads
                .windows(2)
                .all(|pair| place(pair[0]) + len == place(pair[1])),
        }
    }

    /// Sorts its threads, and tells of every one that moves. What stood in order and takes a step is nearly in order
    /// still, so one look along it is most of the work.
    #[inline]
    pub(super) fn sort(
        &self,
        bytes: &mut [u8],
        marks: &mut Marks,
        mut moves: impl FnMut(&mut [u8], usize, usize),
    ) {
        let mut last = self.key(bytes, marks, 0);
        for n in 1..self.threads.len() {
            let key = self.key(bytes, marks, n);
            if last < key || (last == key && self.in_order(bytes, marks, n - 1, n)) {
                last = key;
                continue;
            }
            let is_before = |&place: &usize| self.is_before(bytes, marks, (n, key), place);
            let to = n - 1 - (0..n - 1).rev().take_while(is_before).count();
            self.move_to(bytes, marks, n, to);
            moves(bytes, n, to);
        }
    }

    /// The first bytes of a record, and its thread's mark where there is room for both, as a number that orders as they
    /// do.
    #[inline(always)]
    fn key(&self, bytes: &[u8], marks: &Marks, n: usize) -> u64 {
        let (thread, from) = self.threads[n];
        let head = match bytes[from..].first_chunk() {
            Some(head) => *head,
            None => core::array::from_fn(|n| bytes.get(from + n).copied().unwrap_or(0)),
        };
        let own = u64::from_be_bytes(head) >> (8 * HEAD.saturating_sub(self.len));
        if self.len <= SHORT {
            own << 16 | u64::from(marks[thread.index() % THREADS_MAX])
        } else {
            own
        }
    }

    /// Whether the one at the first place may stand before the one at the second, which has the same key.
    #[inline(always)]
    fn in_order(&self, bytes: &[u8], marks: &Marks, first: usize, second: usize) -> bool {
        self.len <= SHORT || self.record(bytes, marks, first) <= self.record(bytes, marks, second)
    }

    fn record<'b>(&self, bytes: &'b [u8], marks: &Marks, n: usize) -> (&'b [u8], u16) {
        let (thread, from) = self.threads[n];
        (&bytes[from..][..self.len], marks[thread.index()])
    }

    /// Whether a thread, with its key, belongs before the one at this place.
    #[inline(always)]
    fn is_before(&self, bytes: &[u8], marks: &Marks, (n, key): (usize, u64), place: usize) -> bool {
        let other = self.key(bytes, marks, place);
        other > key || (other == key && !self.in_order(bytes, marks, place, n))
    }

    /// Moves the thread at a place in front of all from `to` on.
    fn move_to(&self, bytes: &mut [u8], marks: &mut Marks, place: usize, to: usize) {
        let (len, at) = (self.len, |place: usize| self.threads[place].1);
        if self.side_by_side && len <= HEAD {
            // As a rotation does, but for its look at how large the two parts are.
            let mut kept = [0; HEAD];
            let kept = &mut kept[..len];
            kept.copy_from_slice(&bytes[at(place)..][..len]);
            bytes.copy_within(at(to)..at(place), at(to) + len);
            bytes[at(to)..][..len].copy_from_slice(kept);
        } else {
            for n in (to..place).rev() {
                let (front, back) = bytes.split_at_mut(at(n + 1));
                front[at(n)..][..len].swap_with_slice(&mut back[..len]);
            }
        }
        for n in (to..place).rev() {
            let ((one, _), (next, _)) = (self.threads[n], self.threads[n + 1]);
            marks.swap(one.index(), next.index());
        }
    }
}

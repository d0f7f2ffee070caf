//! Which posts must come before which, as their packets left.
//!
//! Where a system keeps the order of posts, a packet that was taken before another began to be taken was posted before
//! it. Without that, a search that orders two overlapping posts wrongly finds out only when the packets are taken, with all
//! orders of everything between tried in vain.

use portsim_model::program::ThreadId;

use super::calls::Call;
use super::leaving::Leaves;
use super::{Judge, Place};

/// Which calls must have begun before some, by their places: pairs of the later and the earlier one, in order.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    pairs: Vec<(u32, u32)>,
    /// By the place of a call, where its pairs begin; nothing where there are none at all.
    first: Vec<u32>,
}

impl Earlier {
    fn of(mut pairs: Vec<(u32, u32)>, calls: usize) -> Earlier {
        if pairs.is_empty() {
            return Earlier::default();
        }
        pairs.sort_unstable();
        let mut first = vec![0; calls + 2];
        for &(late, _) in &pairs {
            first[late as usize + 1] += 1;
        }
        let mut sum = 0;
        for count in &mut first {
            sum += *count;
            *count = sum;
        }
        Earlier { pairs, first }
    }

    fn before(&self, call: u32) -> impl Iterator<Item = u32> {
        let at = |n: u32| self.first.get(n as usize).map_or(0, |&at| at as usize);
        let pairs = &self.pairs[at(call)..at(call + 1)];
        pairs.iter().map(|&(_, early)| early)
    }
}

impl Judge<'_> {
    /// For posts the posts that must have begun before.
    pub(super) fn earlier(&self) -> Earlier {
        if !self.only_posts() || !self.machine.about().keeps_order {
            return Earlier::default();
        }
        let (posts, takes) = self.posts_and_takes();
        let mut pairs = Vec::new();
        let mut follows = |late: &Leaves, early: &Leaves| {
            pairs.push((late.post.place(), early.post.place()));
        };
        for mut packets in self.leaving(&posts, &takes) {
            // What may have come at any time is beside everything: pairs of all of it would be too many.
            packets.retain(|known| !self.is_unseen(known.post));
            packets.sort_by_key(|known| known.post.t0);
            let mut open: Vec<&Leaves> = Vec::new();
            for new in &packets {
                open.retain(|old| old.post.t1 >= new.post.t0);
                for old in &open {
                    if old.last < new.first {
                        follows(new, old);
                    } else if new.last < old.first {
                        follows(old, new);
                    }
                }
                open.push(new);
            }
        }
        Earlier::of(pairs, self.calls.len())
    }

    /// Whether all that must come before a call has begun. Where answers are not asked for, nothing follows from them.
    pub(super) fn may_come(&self, place: &Place, call: Call) -> bool {
        let mut earlier = self.earlier.before(call.place());
        let begun = |call: u32| {
            let thread: ThreadId = self.calls.at(call).thread;
            place.done[thread.index()] > 2 * self.nth[call as usize]
        };
        !self.loose.is_empty() || earlier.all(begun)
    }
}

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
        if !self.only_posts() || self.machine.about().keeps_order.is_none() {
            return Earlier::default();
        }
        let (posts, takes) = self.posts_and_takes();
        let mut pairs = Vec::new();
        for packets in self.leaving(&posts, &takes) {
            pairs.extend(self.as_one_thread_took(&packets));
            let mut coming: Vec<&Leaves> = packets.iter().collect();
            let mut gone = coming.clone();
            coming.sort_by_key(|packet| packet.first);
            gone.sort_by_key(|packet| packet.last);
            let mut gone = gone.into_iter().peekable();
            // Of each thread the last post whose packet left before: whatever that thread posted before it has begun as well.
            let mut last: Vec<Option<&Leaves>> = vec![None; self.of.len()];
            for late in coming {
                while let Some(early) = gone.next_if(|early| early.last < late.first) {
                    let known = &mut last[early.post.thread.index()];
                    if known.is_none_or(|known| known.post.place() < early.post.place()) {
                        *known = Some(early);
                    }
                }
                // One that was over before the other could begin needs no word.
                let beside = |early: &&&Leaves| early.post.t1 >= late.post.t0;
                for early in last.iter().flatten().filter(beside) {
                    pairs.push((late.post.place(), early.post.place()));
                }
            }
        }
        Earlier::of(pairs, self.calls.len())
    }

    /// The posts whose packets left a port one after the other because one thread took both.
    fn as_one_thread_took(&self, packets: &[Leaves]) -> Vec<(u32, u32)> {
        let taken = packets.iter().filter_map(|packet| match packet.takes {
            [Some(first), Some(last)] if first == last => Some((self.call(first), packet)),
            _ => None,
        });
        let mut taken: Vec<(Call, &Leaves)> = taken.collect();
        taken.sort_by_key(|(take, _)| (take.thread, take.n));
        let pairs = taken.windows(2).filter_map(|pair| {
            let [(before, early), (after, late)] = [pair[0], pair[1]];
            // The packets of one batch are not in order here.
            let apart = before.thread == after.thread && before.n != after.n;
            let unsure = early.post.t1 >= late.post.t0 && early.post.thread != late.post.thread;
            (apart && unsure).then_some((late.post.place(), early.post.place()))
        });
        pairs.collect()
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

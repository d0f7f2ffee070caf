//! Which posts must come before which, as their packets left.
//!
//! Where a system keeps the order of posts, a packet that was taken before another began to be taken was posted before
//! it. Without that, a search that orders two overlapping posts wrongly finds out only when the packets are taken, with all
//! orders of everything between tried in vain.

use std::collections::BTreeMap;

use portsim_model::program::{Op, PortId, ThreadId};

use super::{Call, Finish, Judge, Place};

/// A packet that was posted once.
struct Known<'t> {
    post: Call<'t>,
    /// Between which times it left; the end of time where nobody took it.
    left: (u64, u64),
}

impl Judge<'_> {
    /// For posts, by their places among the events, the calls that must have begun before.
    pub(super) fn earlier(&self) -> BTreeMap<u32, Vec<(ThreadId, u32)>> {
        let mut earlier: BTreeMap<u32, Vec<(ThreadId, u32)>> = BTreeMap::new();
        if !self.only_posts() || !self.machine.about().keeps_order {
            return earlier;
        }
        let mut whose = BTreeMap::new();
        for (thread, own) in (0..).map(ThreadId).zip(&self.calls) {
            whose.extend((0..).zip(own).map(|(n, &place)| (place, (thread, n))));
        }
        let mut follows = |late: &Known<'_>, early: &Known<'_>| {
            let (late, early) = (late.post.n as u32 - 1, early.post.n as u32 - 1);
            earlier.entry(late).or_default().push(whose[&early]);
        };
        for mut packets in self.known().into_values() {
            packets.sort_by_key(|known| known.post.t0);
            let mut open: Vec<&Known<'_>> = Vec::new();
            for new in &packets {
                open.retain(|old| old.post.t1 >= new.post.t0);
                for old in &open {
                    if old.left.1 < new.left.0 {
                        follows(new, old);
                    } else if new.left.1 < old.left.0 {
                        follows(old, new);
                    }
                }
                open.push(new);
            }
        }
        earlier
    }

    /// By port, the packets that are told apart.
    fn known(&self) -> BTreeMap<PortId, Vec<Known<'_>>> {
        let closes = self
            .machine
            .program()
            .ops()
            .any(|op| matches!(op, Op::Close { .. }));
        let (posts, takes) = self.posts_and_takes();
        let mut known: BTreeMap<PortId, Vec<Known<'_>>> = BTreeMap::new();
        for (packet, posts) in posts {
            let left = match takes.get(&packet).map_or(&[][..], |takes| takes) {
                [take] => (take.t0, take.t1),
                // What is there at the end stood behind all that left.
                [] if self.finish == Finish::Rest && !closes => (u64::MAX, u64::MAX),
                _ => continue,
            };
            if let [post] = posts[..] {
                known
                    .entry(packet.0)
                    .or_default()
                    .push(Known { post, left });
            }
        }
        known
    }

    /// Whether all that must come before a call has begun. Where answers are not asked for, nothing follows from them.
    pub(super) fn may_come(&self, place: &Place, call: Call<'_>) -> bool {
        let earlier = self.earlier.get(&(call.n as u32 - 1)).into_iter().flatten();
        let mut begun = earlier.map(|&(thread, n)| place.done[thread.index()] > 2 * n);
        !self.loose.is_empty() || begun.all(|begun| begun)
    }
}

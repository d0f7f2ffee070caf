//! When posts come that nobody saw: a guess.
//!
//! Such a post may have come long before its packet was taken, and the ways to order all of them are more than anybody can
//! try. Until somebody can take the packet, or posts what stands behind it, it seldom matters whether it lies there. So the
//! likeliest order has it no earlier than that. Where all orders are tried it may come at any time.

use portsim_model::program::Op;

use super::steps::{Does, Next};
use super::{Judge, Place};

impl Judge<'_> {
    /// The posts that nobody saw, with the calls that took what they posted, by their places, in order.
    pub(super) fn unseen(&self) -> Vec<(u32, u32)> {
        if !self.only_posts() || self.machine.about().keeps_order.is_none() {
            return Vec::new();
        }
        let (posts, takes) = self.posts_and_takes();
        let leaving = self.leaving(&posts, &takes).into_iter().flatten();
        let taken = leaving.filter_map(|packet| match packet.takes {
            [Some(first), Some(last)] if first == last => Some((packet.post, first)),
            _ => None,
        });
        let unseen = taken.filter(|&(post, _)| self.is_unseen(post));
        let mut unseen: Vec<_> = unseen.map(|(post, take)| (post.place(), take)).collect();
        unseen.sort_unstable();
        unseen
    }

    /// The steps that can come next without those that come before their time, the likeliest last; says whether a bound took
    /// one away.
    pub(super) fn due(&self, place: &Place) -> (Vec<Next>, bool) {
        let (mut nexts, bounded) = self.nexts(place);
        if !self.unseen.is_empty() {
            let until = self.until(place);
            nexts.retain(|next| self.is_due(place, next.does, until));
        }
        (nexts, bounded)
    }

    /// Whether somebody may take what a post that nobody saw puts there, or may post what stands behind it.
    fn is_due(&self, place: &Place, does: Does, until: u64) -> bool {
        let Does::Calls(step, _) = does else {
            return true;
        };
        let Some(call) = self.next(place, step.thread) else {
            return true;
        };
        let (Op::Post { port, .. }, Some(take)) = (call.op, self.take_of(call.place())) else {
            return true;
        };
        let take = self.call(take);
        let is_next = self
            .next(place, take.thread)
            .is_some_and(|next| next.n == take.n);
        let mut others = self.next_of_all(place);
        is_next && take.t0 <= until
            || others.any(|other| {
                matches!(other.op, Op::Post { port: to, .. } if to == port)
                    && other.t0 <= until
                    && !place.is_inside(other.thread)
                    && !self.is_unseen(other)
            })
    }

    /// The call that took what a post put there that nobody saw.
    fn take_of(&self, post: u32) -> Option<u32> {
        let at = self.unseen.binary_search_by_key(&post, |&(post, _)| post);
        at.ok().map(|at| self.unseen[at].1)
    }
}

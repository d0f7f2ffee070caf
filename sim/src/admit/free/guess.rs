//! When some calls acted, as what came of them suggests: a guess.
//!
//! Packets of most systems leave in the order of their posts. A search that orders two posts wrongly finds out only when the
//! packets are taken, which can be long after, with many other choices in between. So posts are expected in the order in
//! which their packets were taken.
//!
//! A call that waits and finds its port closed can have come to look at it late: it belongs to no line until then, and its
//! thread may count as running all the while. So it is expected at its end, and not at its beginning.
//!
//! It is a guess: it says what is tried first, and forbids nothing.

use portsim_model::event::Error;

use super::calls::Call;
use super::moved::{Moved, Moves, groups, moves};
use super::{Judge, USUAL};

/// Stands where nothing is guessed.
const UNKNOWN: u64 = u64::MAX;

impl Judge<'_> {
    /// When a call is expected to act.
    pub(super) fn guessed(&self, call: Call) -> u64 {
        match self.guess[call.place() as usize] {
            UNKNOWN => usual(call),
            guess => guess,
        }
    }

    /// When the time of a call is expected to be over.
    pub(super) fn passes(&self, call: Call) -> u64 {
        match self.is_coarse {
            true => self.guessed(call),
            false => call.t1.saturating_sub(USUAL),
        }
    }

    /// By place, when a call is expected that is not expected soon after it began.
    pub(super) fn guess(&self) -> Vec<u64> {
        if self.is_coarse {
            return self.guess_of_ties();
        }
        let mut guess = vec![UNKNOWN; self.calls.len()];
        for place in 0..self.calls.len() as u32 {
            let call = self.call(place);
            if let Some(Moves::Takes(_)) = moves(call.op)
                && call.error() == Some(Error::BadHandle)
            {
                guess[place as usize] = call.t1;
            }
        }
        let (posts, takes) = self.posts_and_takes();
        // Of packets that look alike the first to be posted is expected to be the first that is taken.
        let mut by_port: Vec<Vec<(u64, u32)>> = Vec::new();
        by_port.resize_with(self.machine.program().ports.len(), Vec::new);
        for (posts, takes) in groups(&posts, &takes) {
            let mut posts: Vec<u32> = posts.iter().map(|it| it.place).collect();
            let left = |it: &Moved| self.call(it.place).t1.saturating_sub(it.behind.into());
            let mut takes: Vec<u64> = takes.iter().map(left).collect();
            posts.sort_unstable();
            takes.sort_unstable();
            let takes = takes.into_iter().chain(std::iter::repeat(u64::MAX));
            for (take, place) in takes.zip(posts) {
                // What stands for the kernel was made of its own take.
                let take = match self.is_unseen(self.call(place)) {
                    true => self.call(place).t1,
                    false => take,
                };
                if let Some(Moves::Posts(port)) = moves(self.call(place).op) {
                    by_port[port.index()].push((take, place));
                }
            }
        }
        for mut posts in by_port {
            posts.sort_unstable();
            let mut last = 0;
            // What nobody saw coming came late: others may have looked before, and found nothing.
            let mut latest = u64::MAX;
            let mut late = vec![u64::MAX; posts.len()];
            for (n, &(_, place)) in posts.iter().enumerate().rev() {
                latest = latest.saturating_sub(1).min(self.call(place).t1);
                late[n] = latest;
            }
            for (n, (_, place)) in posts.into_iter().enumerate() {
                let call = self.call(place);
                let wanted = match self.is_unseen(call) {
                    true => late[n],
                    false => usual(call),
                };
                last = wanted.max(last + 1).min(call.t1);
                if last != usual(call) {
                    guess[place as usize] = last;
                }
            }
        }
        guess
    }

    /// Whether a call stands for what no thread of the log did.
    pub(super) fn is_unseen(&self, call: Call) -> bool {
        let feed = self.feed.as_ref();
        feed.is_some_and(|feed| call.thread.index() >= feed.seen)
    }
}

/// When the action of a call is expected.
fn usual(call: Call) -> u64 {
    call.t0 + (call.t1 - call.t0).min(2 * USUAL) / 2
}

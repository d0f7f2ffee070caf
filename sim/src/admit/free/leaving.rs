//! When packets leave their port, as far as the calls say it without a search.
//!
//! Where a system keeps the order of posts, packets that look alike leave as they came: the first of them that is posted is
//! the first that is taken. So which take a post is answered by follows from how many posts of such packets were over before
//! it began, and how many had begun before it was over. Where they do not overlap, that is one take; else some.

use std::collections::HashMap;

use portsim_model::program::{Op, PortId, ThreadId};

use super::Judge;
use super::calls::Call;
use super::moved::{Moved, Moves, groups, moves};

/// A post, and when its packet left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaves {
    pub post: Call,
    pub packet: u32,
    /// Not before this time; the end of time where it cannot have left.
    pub first: u64,
    /// Not after this time; the end of time where it may never have left.
    pub last: u64,
    /// The earliest and the latest take that can have had it, if a told one can.
    pub takes: [Option<u32>; 2],
}

/// The calls of each thread, in order.
fn by_thread(calls: &[Call]) -> HashMap<ThreadId, Vec<Call>> {
    let mut of_thread: HashMap<ThreadId, Vec<Call>> = HashMap::new();
    for &call in calls {
        of_thread.entry(call.thread).or_default().push(call);
    }
    for own in of_thread.values_mut() {
        own.sort_by_key(|call| call.n);
    }
    of_thread
}

impl Judge<'_> {
    /// By port, every post whose packet leaves in its turn.
    pub(super) fn leaving(&self, posts: &[Moved], takes: &[Moved]) -> Vec<Vec<Leaves>> {
        let closes = self.calls.ops().iter();
        let closes = closes.copied().any(|op| matches!(op, Op::Close { .. }));
        let ports = self.machine.program().port_ids();
        let open: Vec<Vec<u64>> = ports.map(|port| self.open_takes(port)).collect();
        let mut all: Vec<Vec<Leaves>> = Vec::new();
        all.resize_with(open.len(), Vec::new);
        for (posts, takes) in groups(posts, takes) {
            let Some(&Moved { port, packet, .. }) = posts.first() else {
                continue;
            };
            // What a close has dropped is taken by nobody, and makes room for the next that looks like it.
            if closes && (posts.len() > 1 || takes.is_empty()) {
                continue;
            }
            if self.are_of_their_takes(posts, takes) {
                all[port.index()].extend(self.own(posts, takes));
                continue;
            }
            // A take that has not ended can be of these only if some post is left for it.
            let spare = match takes.len() < posts.len() {
                true => &open[port.index()][..],
                false => &[],
            };
            let begins = self.begins(takes, spare);
            let ends = self.ends_of(takes);
            let calls: Vec<Call> = posts.iter().map(|it| self.call(it.place)).collect();
            let mut began: Vec<u64> = calls.iter().map(|call| call.t0).collect();
            let mut over: Vec<u64> = calls.iter().map(|call| call.t1).collect();
            began.sort_unstable();
            over.sort_unstable();
            let of_thread = by_thread(&calls);
            for post in calls {
                let before = over.partition_point(|&t1| t1 < post.t0);
                let beside = began.partition_point(|&t0| t0 <= post.t1) - 1;
                // The posts of one thread have an order even where the clock does not part them.
                let own = &of_thread[&post.thread];
                let nth = own.partition_point(|it| it.n < post.n);
                let before = before + nth - own.partition_point(|it| it.t1 < post.t0);
                let beside = beside + nth + 1 - own.partition_point(|it| it.t0 <= post.t1);
                // Of a post that has not ended nobody knows what came before it.
                let last = ends.get(beside).filter(|_| post.t1 != u64::MAX);
                let first = begins.get(before);
                all[port.index()].push(Leaves {
                    post,
                    packet,
                    first: first.map_or(u64::MAX, |&(t0, _)| t0),
                    last: last.map_or(u64::MAX, |&(t1, _)| t1),
                    takes: [first.and_then(|it| it.1), last.map(|it| it.1)],
                });
            }
        }
        all
    }

    /// Whether each of these posts stands for what the kernel did before one of these takes. They look alike, so that it makes no
    /// difference which take is answered by which.
    fn are_of_their_takes(&self, posts: &[Moved], takes: &[Moved]) -> bool {
        let is_unseen = |it: &Moved| self.is_unseen(self.call(it.place));
        posts.len() == takes.len() && posts.iter().all(is_unseen)
    }

    /// Posts that were made of takes, each with its own.
    fn own(&self, posts: &[Moved], takes: &[Moved]) -> Vec<Leaves> {
        let by_end = |of: &[Moved]| {
            let mut calls: Vec<Call> = of.iter().map(|it| self.call(it.place)).collect();
            calls.sort_by_key(|call| (call.t1, call.place()));
            calls
        };
        let packet = posts[0].packet;
        let pairs = by_end(posts).into_iter().zip(by_end(takes));
        pairs
            .map(|(post, take)| Leaves {
                post,
                packet,
                first: take.t0,
                last: take.t1,
                takes: [Some(take.place()); 2],
            })
            .collect()
    }

    /// When takes began, in order; those that have not ended have no place.
    fn begins(&self, takes: &[Moved], open: &[u64]) -> Vec<(u64, Option<u32>)> {
        let told = takes
            .iter()
            .map(|it| (self.call(it.place).t0, Some(it.place)));
        let mut begins: Vec<_> = told.chain(open.iter().map(|&t0| (t0, None))).collect();
        begins.sort_unstable();
        begins
    }

    /// When takes ended, in order.
    fn ends_of(&self, takes: &[Moved]) -> Vec<(u64, u32)> {
        let mut ends: Vec<_> = takes
            .iter()
            .map(|it| (self.call(it.place).t1, it.place))
            .collect();
        ends.sort_unstable();
        ends
    }

    /// When the calls began that take from a port and have not ended, each as often as it may take packets.
    fn open_takes(&self, port: PortId) -> Vec<u64> {
        // Where nothing could move any more, whoever waits has nothing.
        if self.finish == super::Finish::Rest {
            return Vec::new();
        }
        let mut open = Vec::new();
        for &place in self.of.iter().flatten() {
            let call = self.call(place);
            let takes = matches!(moves(call.op), Some(Moves::Takes(from)) if from == port);
            if takes && call.t1 == u64::MAX {
                let max = call.op.as_get().and_then(|get| get.max).unwrap_or(1);
                open.extend(std::iter::repeat_n(call.t0, max.into()));
            }
        }
        open.sort_unstable();
        open
    }
}

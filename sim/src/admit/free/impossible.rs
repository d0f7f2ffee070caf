//! What no order can explain, found without a search.
//!
//! A packet that was taken before it was posted, or more often; where packets leave in the order of their posts, a
//! packet that was overtaken, or that nobody took: in O(n log n). It holds for programs whose packets only posts make.

use portsim_model::claim::Claim;
use portsim_model::program::{Op, Program};

use super::Judge;
use super::calls::{Call, Said};
use super::leaving::Leaves;
use super::moved::{Moved, Moves, groups, moves};
use crate::admit::Refusal;

impl Judge<'_> {
    pub(super) fn impossible(&self) -> Option<Refusal> {
        if !self.only_posts() {
            return None;
        }
        let (posts, takes) = self.posts_and_takes();
        let overtaken = || {
            let order = self.machine.about().keeps_order?;
            self.overtaken(&posts, &takes, order)
        };
        let unposted = self.unposted(&posts, &takes);
        unposted.or_else(overtaken)
    }

    /// Whether packets come from posts alone: other operations send packets too, in ways of their own.
    pub(super) fn only_posts(&self) -> bool {
        let program = self.machine.program();
        program.ops().all(Op::is_portable) && !has_other_packets(program)
    }

    /// The calls that posted and that took each packet, by port and packet, those of one packet in the order of their
    /// threads.
    pub(super) fn posts_and_takes(&self) -> (Vec<Moved>, Vec<Moved>) {
        let (mut posts, mut takes) = (Vec::new(), Vec::new());
        for &place in self.of.iter().flatten() {
            let call = self.call(place);
            match (moves(call.op), call.said) {
                (Some(Moves::Posts(port)), Said::Nothing | Said::Done) => {
                    let packet = call.posts.unwrap_or_default();
                    let behind = 0;
                    posts.push(Moved {
                        port,
                        packet,
                        place,
                        behind,
                    });
                }
                // A take whose end is not told may owe it to a post that is not told either.
                (Some(Moves::Takes(port)), said) if call.t1 != u64::MAX => {
                    let taken = self.calls.taken(said);
                    let behind = (0..taken.list().len() as u32).rev();
                    takes.extend(
                        taken
                            .list()
                            .iter()
                            .zip(behind)
                            .map(|(&packet, behind)| Moved {
                                port,
                                packet,
                                place,
                                behind,
                            }),
                    );
                }
                _ => {}
            }
        }
        let order = |moved: &Moved| (moved.port, moved.packet);
        posts.sort_by_key(order);
        takes.sort_by_key(order);
        (posts, takes)
    }

    /// The first take to end that has no post.
    fn unposted(&self, posts: &[Moved], takes: &[Moved]) -> Option<Refusal> {
        let mut first: Option<(Call, u32, usize, usize)> = None;
        for (posts, takes) in groups(posts, takes) {
            let mut posts: Vec<u64> = posts.iter().map(|it| self.call(it.place).t0).collect();
            let packet = takes.first().map_or(0, |it| it.packet);
            let mut calls: Vec<Call> = takes.iter().map(|it| self.call(it.place)).collect();
            posts.sort_unstable();
            calls.sort_by_key(|call| call.t1);
            // The k-th take to end needs k posts that had begun by then.
            let late = calls
                .iter()
                .enumerate()
                .find(|(n, call)| posts.get(*n).is_none_or(|&began| began > call.t1));
            let Some((n, &call)) = late else { continue };
            if first.is_none_or(|(known, ..)| call.t1 < known.t1) {
                let began = posts.iter().filter(|&&began| began <= call.t1).count();
                first = Some((call, packet, began, n + 1));
            }
        }
        first.map(|(call, packet, began, taken)| {
            let key = self.calls.packets()[packet as usize].key;
            let (posted, taken) = (times(began), times(taken));
            let why = format!(
                "no order: packet key {key} was posted {posted} by then, but taken {taken}"
            );
            self.refuses(call, why, vec![call.n])
        })
    }

    /// The first take to end of a packet that overtook another: its post began when that of the other was over, and it had
    /// left when the other cannot have left yet.
    fn overtaken(
        &self,
        posts: &[Moved],
        takes: &[Moved],
        order: &'static Claim,
    ) -> Option<Refusal> {
        let mut first: Option<(Leaves, Leaves)> = None;
        for by_post in self.leaving(posts, takes) {
            let mut by_end: Vec<&Leaves> = by_post.iter().collect();
            by_end.sort_by_key(|it| it.post.t1);
            let mut by_begin = by_end.clone();
            by_begin.sort_by_key(|it| it.post.t0);
            // Of the packets whose posts were over, the one that cannot have left for the longest time.
            let (mut over, mut latest) = (by_end.into_iter().peekable(), None::<&Leaves>);
            for later in by_begin {
                while let Some(earlier) = over.next_if(|it| it.post.t1 < later.post.t0) {
                    let newer = latest.is_none_or(|latest| latest.first < earlier.first);
                    latest = if newer { Some(earlier) } else { latest };
                }
                let Some(earlier) = latest.filter(|latest| later.last < latest.first) else {
                    continue;
                };
                if first.is_none_or(|(known, _)| later.last < known.last) {
                    first = Some((*later, *earlier));
                }
            }
        }
        let (later, earlier) = first?;
        let take = self.call(later.takes[1]?);
        let key = self.calls.packets()[earlier.packet as usize].key;
        let why = match earlier.takes[0] {
            Some(_) => {
                format!(
                    "no order: packet key {key} was posted before it, and was there until after"
                )
            }
            None => format!("no order: packet key {key} was posted before it, and nobody took it"),
        };
        let other = earlier.takes[0].map(|place| self.call(place));
        let calls = [Some(earlier.post), Some(later.post), Some(take), other];
        let mut window: Vec<u64> = calls.iter().flatten().map(|call| call.n).collect();
        window.sort_unstable();
        window.dedup();
        Some(Refusal {
            by: vec![order],
            ..self.refuses(take, why, window)
        })
    }

    fn refuses(&self, call: Call, why: String, window: Vec<u64>) -> Refusal {
        Refusal {
            by: Vec::new(),
            at: call.n,
            saw: self.words(call),
            allowed: vec![why],
            window,
            after: Vec::new(),
        }
    }
}

fn times(n: usize) -> String {
    format!("{n} time{}", if n == 1 { "" } else { "s" })
}

/// Whether packets can come from anything but posts.
fn has_other_packets(program: &Program) -> bool {
    let others = program.files.len() + program.jobs.len() + usize::from(program.wait_packets);
    others + program.sources.len() > 0
}

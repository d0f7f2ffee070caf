//! What no order can explain, found without a search.
//!
//! A packet that was taken before it was posted, or more often; where packets leave in the order of their posts, a
//! packet that was overtaken: in O(n log n). It holds for programs whose packets only posts make.

use std::collections::BTreeMap;

use portsim_model::ops_of;
use portsim_model::program::{Op, Packet, PacketId, PortId, Program};

use super::{Call, Judge};
use crate::admit::Refusal;
use crate::trace::Answer;

impl<'s> Judge<'s> {
    pub(super) fn impossible(&self) -> Option<Refusal> {
        if !self.only_posts() {
            return None;
        }
        let (posts, takes) = self.posts_and_takes();
        let overtaken = || match self.machine.about().keeps_order {
            true => self.overtaken(&posts, &takes),
            false => None,
        };
        let unposted = self.unposted(&posts, &takes);
        unposted.or_else(overtaken)
    }

    /// Whether packets come from posts alone: other operations send packets too, in ways of their own.
    pub(super) fn only_posts(&self) -> bool {
        let program = self.machine.program();
        program.ops().all(Op::is_portable) && !has_other_packets(program)
    }

    /// The calls that posted and that took each packet, in the order of their threads.
    pub(super) fn posts_and_takes(&self) -> (Calls<'s>, Calls<'s>) {
        let program = self.machine.program();
        let (mut posts, mut takes) = (Calls::new(), Calls::new());
        for call in self
            .calls
            .iter()
            .flatten()
            .filter_map(|&place| self.call(place))
        {
            match (moves(call.op), call.answer) {
                (Some(Moves::Posts(port, packet)), None | Some(Answer::Done)) => {
                    let packet = program.packets[packet.index()];
                    posts.entry((port, packet)).or_default().push(call);
                }
                // A take whose end is not told may owe it to a post that is not told either.
                (Some(Moves::Takes(port)), Some(answer)) if call.t1 != u64::MAX => {
                    for packet in taken(answer) {
                        takes.entry((port, *packet)).or_default().push(call);
                    }
                }
                _ => {}
            }
        }
        (posts, takes)
    }

    /// The first take to end that has no post.
    fn unposted(&self, posts: &Calls<'s>, takes: &Calls<'s>) -> Option<Refusal> {
        let mut first: Option<(Call, String)> = None;
        for (&(port, packet), calls) in takes {
            let began = posts.get(&(port, packet)).into_iter().flatten();
            let mut posts: Vec<u64> = began.map(|call| call.t0).collect();
            let mut calls = calls.clone();
            posts.sort_unstable();
            calls.sort_by_key(|call| call.t1);
            // The k-th take to end needs k posts that had begun by then.
            let late = calls
                .iter()
                .enumerate()
                .find(|(n, call)| posts.get(*n).is_none_or(|&began| began > call.t1));
            let Some((n, &call)) = late else { continue };
            if first.as_ref().is_none_or(|(known, _)| call.t1 < known.t1) {
                let began = posts.iter().filter(|&&began| began <= call.t1).count();
                let why = format!(
                    "no order: packet key {} was posted {began} times until then, and taken {}",
                    packet.key,
                    n + 1
                );
                first = Some((call, why));
            }
        }
        first.map(|(call, why)| self.refuses(call, why, vec![call.n]))
    }

    /// The first take to end of a packet that overtook another: its post began when that of the other was over, and
    /// the other's take began when its own was over. Only packets that are told apart are asked about.
    fn overtaken(&self, posts: &Calls<'s>, takes: &Calls<'s>) -> Option<Refusal> {
        let mut first: Option<(Call, String, Vec<u64>)> = None;
        let mut passed: BTreeMap<PortId, Vec<Passed>> = BTreeMap::new();
        for (&(port, packet), taken) in takes {
            if let ([post], [take]) = (&posts[&(port, packet)][..], &taken[..]) {
                let (post, take) = (*post, *take);
                passed
                    .entry(port)
                    .or_default()
                    .push(Passed { packet, post, take });
            }
        }
        for by_post in passed.into_values() {
            let mut by_end: Vec<&Passed> = by_post.iter().collect();
            by_end.sort_by_key(|passed| passed.post.t1);
            let mut by_begin = by_end.clone();
            by_begin.sort_by_key(|passed| passed.post.t0);
            // Of the packets whose posts were over, the one whose take began last.
            let (mut over, mut latest) = (by_end.into_iter().peekable(), None::<&Passed>);
            for later in by_begin {
                while let Some(earlier) = over.next_if(|it| it.post.t1 < later.post.t0) {
                    let newer = latest.is_none_or(|latest| latest.take.t0 < earlier.take.t0);
                    latest = if newer { Some(earlier) } else { latest };
                }
                let Some(earlier) = latest.filter(|latest| later.take.t1 < latest.take.t0) else {
                    continue;
                };
                if first
                    .as_ref()
                    .is_none_or(|(known, ..)| later.take.t1 < known.t1)
                {
                    let why = format!(
                        "no order: packet key {} was posted before it, and was there until after",
                        earlier.packet.key
                    );
                    let calls = [earlier.post, later.post, later.take, earlier.take];
                    let mut window: Vec<u64> = calls.iter().map(|call| call.n).collect();
                    window.sort_unstable();
                    first = Some((later.take, why, window));
                }
            }
        }
        first.map(|(call, why, window)| self.refuses(call, why, window))
    }

    fn refuses(&self, call: Call<'s>, why: String, window: Vec<u64>) -> Refusal {
        Refusal {
            by: Vec::new(),
            at: call.n,
            saw: self.words(call.shown),
            allowed: vec![why],
            window,
            after: Vec::new(),
        }
    }
}

/// A packet that was posted once and taken once.
struct Passed<'t> {
    packet: Packet,
    post: Call<'t>,
    take: Call<'t>,
}

/// Calls by the packet that they post or take.
pub(super) type Calls<'t> = BTreeMap<(PortId, Packet), Vec<Call<'t>>>;

/// The packets that a call took.
pub(super) fn taken(answer: &Answer) -> &[Packet] {
    match answer {
        Answer::Packet(packet) => std::slice::from_ref(packet),
        Answer::Packets(packets) | Answer::Partial(_, packets) => packets,
        _ => &[],
    }
}

/// What a call does with the packets of a port.
pub(super) enum Moves {
    /// Puts this one into it.
    Posts(PortId, PacketId),
    /// Takes some out of it.
    Takes(PortId),
}

/// What a call does with the packets of a port, where each packet that is taken was posted by a call of its own.
pub(super) fn moves(op: Op) -> Option<Moves> {
    match op {
        Op::Post { port, packet, .. } => Some(Moves::Posts(port, packet)),
        Op::Get { port, .. } => Some(Moves::Takes(port)),
        Op::Close { .. } | Op::Create { .. } => None,
        ops_of!(
            port_handles,
            objects,
            threads,
            apcs,
            files,
            wait_packets,
            jobs
        ) => None,
        ops_of!(variables, sources, event_ports, rings, kqueues) => None,
    }
}

/// Whether packets can come from anything but posts.
fn has_other_packets(program: &Program) -> bool {
    let others = program.files.len() + program.jobs.len() + usize::from(program.wait_packets);
    others + program.sources.len() > 0
}

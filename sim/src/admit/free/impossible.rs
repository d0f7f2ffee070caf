//! What no order can explain, found without a search.
//!
//! A packet that was taken before it was posted, or more often: in O(n log n). It holds for programs whose
//! packets only posts make.

use std::collections::BTreeMap;

use portsim_model::kernel::Kernel;
use portsim_model::program::{Op, Packet, PortId, Program};

use super::{Call, Judge};
use crate::admit::Refusal;
use crate::trace::Answer;

impl<K: Kernel> Judge<'_, K> {
    /// The first take to end that has no post.
    pub(super) fn impossible(&self) -> Option<Refusal> {
        let program = self.system.program();
        // Other operations send packets too, in ways of their own.
        if !program.ops().all(Op::is_portable) || has_other_packets(program) {
            return None;
        }
        let mut posts: BTreeMap<(PortId, Packet), Vec<u64>> = BTreeMap::new();
        let mut takes: BTreeMap<(PortId, Packet), Vec<Call>> = BTreeMap::new();
        for call in self
            .calls
            .iter()
            .flatten()
            .filter_map(|&place| self.call(place))
        {
            match (call.op, call.answer) {
                (Op::Post { port, packet, .. }, None | Some(Answer::Done)) => {
                    let packet = program.packets[packet.index()];
                    posts.entry((port, packet)).or_default().push(call.t0);
                }
                // A take whose end is not told may owe it to a post that is not told either.
                (Op::Get { port, .. }, Some(answer)) if call.t1 != u64::MAX => {
                    for packet in taken(answer) {
                        takes.entry((port, *packet)).or_default().push(call);
                    }
                }
                _ => {}
            }
        }
        let mut first: Option<(Call, String)> = None;
        for ((port, packet), mut calls) in takes {
            let mut posts = posts.remove(&(port, packet)).unwrap_or_default();
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
        first.map(|(call, why)| Refusal {
            at: call.n,
            saw: self.words(call.shown),
            allowed: vec![why],
            window: vec![call.n],
            after: Vec::new(),
        })
    }
}

/// The packets that a call took.
pub(super) fn taken(answer: &Answer) -> &[Packet] {
    match answer {
        Answer::Packet(packet) => std::slice::from_ref(packet),
        Answer::Packets(packets) | Answer::Partial(_, packets) => packets,
        _ => &[],
    }
}

/// Whether packets can come from anything but posts.
fn has_other_packets(program: &Program) -> bool {
    let others = program.files.len() + program.jobs.len() + usize::from(program.wait_packets);
    others + program.sources.len() > 0
}

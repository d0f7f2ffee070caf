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

use std::collections::BTreeMap;

use portsim_model::event::Error;
use portsim_model::program::{Packet, PortId};

use super::Judge;
use super::impossible::{Moves, moves, taken};

impl Judge<'_> {
    /// By its place among the events, when a call is expected that is not expected soon after it began.
    pub(super) fn guess(&self) -> BTreeMap<u32, u64> {
        let packets = &self.machine.program().packets;
        let mut posts: BTreeMap<(PortId, Packet), Vec<u32>> = BTreeMap::new();
        let mut takes: BTreeMap<(PortId, Packet), Vec<u64>> = BTreeMap::new();
        let mut guess = BTreeMap::new();
        for place in 0..self.events.len() as u32 {
            let Some(call) = self.call(place) else {
                continue;
            };
            match (moves(call.op), call.answer) {
                (Some(Moves::Posts(port, packet)), _) => {
                    let packet = packets[packet.index()];
                    posts.entry((port, packet)).or_default().push(place);
                }
                (Some(Moves::Takes(_)), Some(answer))
                    if answer.error() == Some(Error::BadHandle) =>
                {
                    guess.insert(place, call.t1);
                }
                (Some(Moves::Takes(port)), Some(answer)) => {
                    for packet in taken(answer) {
                        takes.entry((port, *packet)).or_default().push(call.t1);
                    }
                }
                (Some(Moves::Takes(_)), None) | (None, _) => {}
            }
        }
        // Of packets that look alike the first to be posted is expected to be the first that is taken.
        let mut by_port: BTreeMap<PortId, Vec<(u64, u32)>> = BTreeMap::new();
        for ((port, packet), places) in posts {
            let mut takes = takes.remove(&(port, packet)).unwrap_or_default();
            takes.sort_unstable();
            let takes = takes.into_iter().chain(std::iter::repeat(u64::MAX));
            by_port.entry(port).or_default().extend(takes.zip(places));
        }
        for mut posts in by_port.into_values() {
            posts.sort_unstable();
            let mut last = 0;
            for (_, place) in posts {
                let Some(call) = self.call(place) else {
                    continue;
                };
                last = call.usual().max(last + 1).min(call.t1);
                if last != call.usual() {
                    guess.insert(place, last);
                }
            }
        }
        guess
    }
}

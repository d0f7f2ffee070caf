//! Calls that move packets: posts and takes.

use portsim_model::ops_of;
use portsim_model::program::{Op, PortId};

/// A call that posts or takes a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    pub port: PortId,
    pub packet: u32,
    pub place: u32,
    /// How many packets of the same batch stand behind it.
    pub behind: u32,
}

/// The posts and the takes of each packet, both in order.
pub(super) fn groups<'m>(
    posts: &'m [Moved],
    takes: &'m [Moved],
) -> impl Iterator<Item = (&'m [Moved], &'m [Moved])> {
    let order = |moved: &Moved| (moved.port, moved.packet);
    let (mut posts, mut takes) = (posts, takes);
    std::iter::from_fn(move || {
        let next = posts.first().map(order).into_iter();
        let next = next.chain(takes.first().map(order)).min()?;
        let split = |list: &'m [Moved]| {
            let count = list.iter().take_while(|it| order(it) == next).count();
            list.split_at(count)
        };
        let (own_posts, own_takes);
        (own_posts, posts) = split(posts);
        (own_takes, takes) = split(takes);
        Some((own_posts, own_takes))
    })
}

/// What a call does with the packets of a port.
pub(super) enum Moves {
    /// Puts one into it.
    Posts(PortId),
    /// Takes some out of it.
    Takes(PortId),
}

/// What a call does with the packets of a port, where each packet that is taken was posted by a call of its own.
pub(super) fn moves(op: Op) -> Option<Moves> {
    match op {
        Op::Post { port, .. } => Some(Moves::Posts(port)),
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

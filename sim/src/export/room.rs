//! How many packets the ports of a model for SPIN have room for.

use portsim_model::program::{Instr, PortId, Program};

/// Packets that a port has room for when a loop posts to it and the scenario names no bound: as in the model,
/// so that both are cut at the same place.
const PACKETS_DEFAULT: usize = 16;
/// The most packets that a port has room for.
const PACKETS_MAX: usize = 250;

/// How many posts to a port the program holds, and whether a loop repeats one.
fn posts(program: &Program, port: PortId) -> (usize, bool) {
    let (mut posts, mut repeated) = (0, false);
    for thread in &program.threads {
        let instrs = &program.codes[thread.code.index()].instrs;
        let is_post = |n: &usize| matches!(instrs[*n], Instr::Op(op) if op.posts(Some(port)));
        for at in (0..instrs.len()).filter(is_post) {
            posts += 1;
            let around = |(from, instr): (usize, &Instr)| match *instr {
                Instr::Jump(to) => usize::from(to) <= at && at <= from,
                _ => false,
            };
            repeated |= instrs.iter().enumerate().any(around);
        }
    }
    (posts, repeated)
}

/// How many packets a port has room for.
pub(super) fn room(program: &Program, port: PortId) -> usize {
    let room = match (posts(program, port), program.bounds.packets) {
        ((_, true), Some(bound)) => bound.into(),
        ((posts, false), Some(bound)) => posts.min(bound.into()),
        ((posts, true), None) => posts.max(PACKETS_DEFAULT),
        ((posts, false), None) => posts,
    };
    room.min(PACKETS_MAX)
}

/// Whether a port may run out of room before every post has been made.
pub(super) fn bounded(program: &Program, port: PortId) -> bool {
    let (posts, repeated) = posts(program, port);
    let bound = program.bounds.packets.map_or(PACKETS_MAX, usize::from);
    repeated || posts > bound.min(PACKETS_MAX)
}

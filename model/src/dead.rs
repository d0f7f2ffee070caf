//! What of a program makes a difference to verdicts on its states.
//!
//! A result that no condition and no property reads is not kept. Packets that nobody can tell apart, because what
//! differs in them is never read, become one. The steps stay the same, one for one: whatever steps lead the abridged
//! program somewhere lead the whole one there too.

use alloc::vec::Vec;

use crate::expr::{Expr, Field};
use crate::op::Noun;
use crate::program::{Instr, Op, Owner, Packet, PacketId, Program, SlotId};

/// The program without what is never read.
pub fn without_dead(program: &Program) -> Program {
    let mut program = program.clone();
    let unread = unread(&program);
    let stands_for = stands_for(&program);
    for (code, unread) in program.codes.iter_mut().zip(&unread) {
        for instr in &mut code.instrs {
            let Instr::Op(op) = instr else { continue };
            if Op::into(*op).is_some_and(|slot: SlotId| unread[slot.index()]) {
                *op = op.unnamed();
            }
            merge(op, &stands_for);
        }
        for (slot, _) in code.slots.iter_mut().zip(unread).filter(|it| *it.1) {
            slot.packets_max = 0;
        }
    }
    program
}

/// For each code, which of its results nobody reads.
fn unread(program: &Program) -> Vec<Vec<bool>> {
    let mut unread: Vec<Vec<bool>> = program
        .codes
        .iter()
        .map(|code| code.slots.iter().map(|_| true).collect())
        .collect();
    let mut is_read = |code: usize, slot: SlotId| {
        if let Some(unread) = unread[code].get_mut(slot.index()) {
            *unread = false;
        }
    };
    for expr in &program.exprs {
        match *expr {
            Expr::Result {
                thread: Some(thread),
                slot,
                ..
            } => is_read(program.threads[thread.index()].code.index(), slot),
            // Whose it is depends on who asks: the result of this number is kept in every code.
            Expr::Result { slot, .. } => {
                (0..program.codes.len()).for_each(|code| is_read(code, slot));
            }
            _ => {}
        }
    }
    unread
}

/// For each packet, the first that nobody can tell from it.
fn stands_for(program: &Program) -> Vec<PacketId> {
    let reads = |wanted: Field| {
        program.any_expr(|expr| matches!(expr, Expr::Result { field, .. } if *field == wanted))
    };
    let (key, bytes, overlapped) = (
        reads(Field::Key),
        reads(Field::Bytes),
        reads(Field::Overlapped),
    );
    let alike = |one: Packet, other: Packet| {
        (!key || one.key == other.key)
            && (!bytes || one.bytes == other.bytes)
            && (!overlapped || one.overlapped == other.overlapped)
            && one.status == other.status
    };
    let ids = || (0..program.packets.len()).map(|n| PacketId(n as u8));
    let is_plain = |id: PacketId| program.owner(id) == Owner::Nobody;
    let packet = |id: PacketId| program.packets[id.index()];
    ids()
        .map(|id| {
            let stands = |&other: &PacketId| is_plain(other) && alike(packet(id), packet(other));
            let first = if is_plain(id) {
                ids().find(stands)
            } else {
                None
            };
            first.unwrap_or(id)
        })
        .collect()
}

/// Carries what stands for each packet.
fn merge(op: &mut Op, stands_for: &[PacketId]) {
    for noun in op.describe().nouns() {
        if let Noun::Packet(packet) = noun {
            *packet = stands_for[packet.index()];
        }
    }
}

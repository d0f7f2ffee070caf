//! What of a program makes a difference to verdicts on its states.
//!
//! A result that no condition and no property reads is not kept. Packets that nobody can tell apart become one: what
//! differs in them is never read, or only compared with numbers that say the same of both. The steps stay the same, one for one: whatever steps lead the abridged
//! program somewhere lead the whole one there too.

use alloc::vec::Vec;

use crate::expr::{Binary, Expr, ExprId, Field};
use crate::op::Noun;
use crate::program::{Instr, Op, Owner, Packet, PacketId, Program, SlotId};

/// The program without what is never read.
pub fn without_dead(program: &Program) -> Program {
    let mut program = program.clone();
    let unread = unread(&program);
    let stands_for = stands_for(&program);
    for (_, packet) in program.computed.iter_mut().flat_map(|it| &mut it.packets) {
        *packet = stands_for[packet.index()];
    }
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
        match expr.result() {
            Some((Some(thread), slot, _)) => {
                is_read(program.threads[thread.index()].code.index(), slot);
            }
            // Whose it is depends on who asks: the result of this number is kept in every code.
            Some((None, slot, _)) => {
                (0..program.codes.len()).for_each(|code| is_read(code, slot));
            }
            None => {}
        }
    }
    unread
}

/// Where expressions begin: what their values decide or become.
fn roots(program: &Program) -> Vec<ExprId> {
    let properties = [&program.always, &program.sometimes, &program.at_end];
    let mut roots: Vec<ExprId> = properties.into_iter().flatten().copied().collect();
    for promise in &program.eventually {
        roots.extend(promise.when.into_iter().chain([promise.then]));
    }
    for instr in program.codes.iter().flat_map(|code| &code.instrs) {
        roots.extend(program.evaluated(*instr));
    }
    roots
}

/// What is asked about one part of packets.
struct Asked {
    /// Whether its value goes anywhere but into a comparison with a number.
    whole: bool,
    /// The comparisons, and whether the number stands on the left.
    compared: Vec<(Binary, i64, bool)>,
}

impl Asked {
    fn of(program: &Program, wanted: Field) -> Asked {
        let node = |id: ExprId| program.exprs[usize::from(id.0)];
        let is_read = |id| node(id).result().is_some_and(|(.., field)| field == wanted);
        let mut asked = Asked {
            whole: roots(program).into_iter().any(is_read),
            compared: Vec::new(),
        };
        for &expr in &program.exprs {
            match expr {
                Expr::Binary(operator, left, right) => match (node(left), node(right)) {
                    (_, Expr::Const(number))
                        if is_read(left) && operator.compares(0, 0).is_some() =>
                    {
                        asked.compared.push((operator, number, false));
                    }
                    (Expr::Const(number), _)
                        if is_read(right) && operator.compares(0, 0).is_some() =>
                    {
                        asked.compared.push((operator, number, true));
                    }
                    _ => asked.whole |= is_read(left) || is_read(right),
                },
                Expr::Not(id) | Expr::Neg(id) => asked.whole |= is_read(id),
                _ => asked.whole |= expr.index().is_some_and(is_read),
            }
        }
        asked
    }

    /// Whether nobody can tell two values apart.
    fn alike(&self, (one, other): (i64, i64)) -> bool {
        let says = |&(operator, number, flipped): &(Binary, i64, bool), value| match flipped {
            true => operator.compares(number, value),
            false => operator.compares(value, number),
        };
        let mut compared = self.compared.iter();
        one == other || !self.whole && compared.all(|it| says(it, one) == says(it, other))
    }
}

/// For each packet, the first that nobody can tell from it.
fn stands_for(program: &Program) -> Vec<PacketId> {
    let asked =
        [Field::Key, Field::Bytes, Field::Overlapped].map(|field| Asked::of(program, field));
    let alike = |one: Packet, other: Packet| {
        let values = |packet: Packet| [packet.key, packet.bytes, packet.overlapped];
        let pairs = values(one).into_iter().zip(values(other));
        one.status == other.status && pairs.zip(&asked).all(|(pair, asked)| asked.alike(pair))
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

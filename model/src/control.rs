//! Where a thread goes between its steps.
//!
//! Control over a thread's own results costs no step, so a thread always rests at an operation, at
//! a choice between operations, or at the end of its program.

use crate::expr::{Facts, eval};
use crate::program::{Code, Instr, Op, Pc, Program, ThreadId};

/// Where control comes to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// At an operation or at a choice between some.
    At(Pc),
    /// At the end of the program.
    End(Pc),
    /// Nowhere: it goes round without an operation, or a condition has no value.
    Nowhere(Pc),
}

/// What a thread may do next: one of the leaves of the choice where it rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// An operation, and where it stands.
    Op(Op, Pc),
    /// The end of the program.
    End(Pc),
    /// A branch that never reaches an operation.
    Nowhere(Pc),
}

/// Follows control from `pc` until it rests.
#[inline]
pub fn settle(program: &Program, facts: &impl Facts, me: ThreadId, pc: Pc) -> Rest {
    let code = program.code(me);
    match code.instrs[usize::from(pc)] {
        Instr::Op(_) | Instr::Either { .. } => Rest::At(pc),
        Instr::End => Rest::End(pc),
        Instr::If { .. } | Instr::Jump(_) => follow(program, code, facts, me, pc),
    }
}

fn follow(program: &Program, code: &Code, facts: &impl Facts, me: ThreadId, mut pc: Pc) -> Rest {
    // Results do not change on the way, so whoever has made more moves than there are instructions
    // goes round for ever.
    for _ in 0..=code.instrs.len() {
        pc = match code.instrs[usize::from(pc)] {
            Instr::Op(_) | Instr::Either { .. } => return Rest::At(pc),
            Instr::End => return Rest::End(pc),
            Instr::Jump(target) => target,
            Instr::If { cond, otherwise } => match eval(&program.exprs, facts, me, cond) {
                Some(0) => otherwise,
                Some(_) => pc + 1,
                None => return Rest::Nowhere(pc),
            },
        };
    }
    Rest::Nowhere(pc)
}

/// Calls `offer` with everything the thread may do next, in the order of the branches.
#[inline]
pub fn offers(
    program: &Program,
    facts: &impl Facts,
    me: ThreadId,
    pc: Pc,
    mut offer: impl FnMut(Offer),
) {
    match program.code(me).instrs[usize::from(pc)] {
        Instr::Op(op) => offer(Offer::Op(op, pc)),
        _ => {
            let mut branches = Branches {
                program,
                facts,
                me,
                seen: [0; 4],
                offered: false,
                offer: &mut offer,
            };
            branches.visit(pc);
            // Every branch leads back to the choice: it goes round for ever.
            if !branches.offered {
                offer(Offer::Nowhere(pc));
            }
        }
    }
}

/// The `nth` of the [`offers`].
#[inline]
pub fn nth_offer(
    program: &Program,
    facts: &impl Facts,
    me: ThreadId,
    pc: Pc,
    nth: u8,
) -> Option<Offer> {
    if let Instr::Op(op) = program.code(me).instrs[usize::from(pc)] {
        return (nth == 0).then_some(Offer::Op(op, pc));
    }
    let (mut found, mut passed) = (None, 0);
    offers(program, facts, me, pc, |offer| {
        if passed == nth {
            found = Some(offer);
        }
        passed += 1;
    });
    found
}

struct Branches<'a, F, O> {
    program: &'a Program,
    facts: &'a F,
    me: ThreadId,
    /// Choices already visited: a branch that leads back to one offers nothing new.
    seen: [u64; 4],
    /// Whether any branch has led to something.
    offered: bool,
    offer: &'a mut O,
}

impl<F: Facts, O: FnMut(Offer)> Branches<'_, F, O> {
    fn offer(&mut self, offer: Offer) {
        self.offered = true;
        (self.offer)(offer);
    }

    fn visit(&mut self, from: Pc) {
        match settle(self.program, self.facts, self.me, from) {
            Rest::End(pc) => self.offer(Offer::End(pc)),
            Rest::Nowhere(pc) => self.offer(Offer::Nowhere(pc)),
            Rest::At(pc) => match self.program.code(self.me).instrs[usize::from(pc)] {
                Instr::Op(op) => self.offer(Offer::Op(op, pc)),
                Instr::Either { branch, others } => {
                    let (word, bit) = (usize::from(pc / 64), 1 << (pc % 64));
                    if self.seen[word] & bit == 0 {
                        self.seen[word] |= bit;
                        self.visit(branch);
                        self.visit(others);
                    }
                }
                _ => unreachable!("control rests only at operations, choices and the end"),
            },
        }
    }
}

//! What a program evaluates, and the calls that come of it.

use alloc::vec::Vec;

use crate::expr::{Expr, ExprId};
use crate::op::Noun;
use crate::program::{Assignment, Computed, Instr, Op, Program, ThreadId};

impl Program {
    /// The expressions that an instruction evaluates, by their roots.
    pub fn evaluated(&self, instr: Instr) -> Vec<ExprId> {
        match instr {
            Instr::If { cond, .. } => Vec::from([cond]),
            Instr::Op(mut op) => {
                let nouns = op.describe().nouns();
                nouns.flat_map(|noun| self.values(&noun)).collect()
            }
            Instr::Let { first, len } => self.assigned(first, len),
            Instr::Jump(_) | Instr::Either { .. } | Instr::End => Vec::new(),
        }
    }

    /// The expressions that an operation evaluates because of something that it names.
    fn values(&self, noun: &Noun<'_>) -> Vec<ExprId> {
        match noun {
            Noun::Condition(cond) => Vec::from([**cond]),
            Noun::Sets(first, len) => self.assigned(**first, **len),
            Noun::Update(set) => self.sets[usize::from(**set)].evaluated().collect(),
            Noun::Value(value) => Vec::from([**value]),
            Noun::Computed(computed) => {
                let Computed {
                    key,
                    bytes,
                    overlapped,
                    ..
                } = self.computed[usize::from(**computed)];
                Vec::from([key, bytes, overlapped])
            }
            Noun::Port(..)
            | Noun::Ports(..)
            | Noun::Packet(_)
            | Noun::Own(_)
            | Noun::Chain(_)
            | Noun::Thread(..)
            | Noun::Object(..)
            | Noun::Clock(_)
            | Noun::Source(..)
            | Noun::File(..)
            | Noun::Binding(_)
            | Noun::Operation(..)
            | Noun::Burst(..)
            | Noun::Result(_)
            | Noun::Reserve(_)
            | Noun::WaitPacket(..)
            | Noun::Job(..)
            | Noun::JobBinding(_)
            | Noun::Pid(_)
            | Noun::Process(_)
            | Noun::Branch(_)
            | Noun::Text(_) => Vec::new(),
        }
    }

    /// The expressions that assignments evaluate.
    fn assigned(&self, first: u16, len: u8) -> Vec<ExprId> {
        let sets = self.sets(first, len).iter();
        sets.flat_map(Assignment::evaluated).collect()
    }

    /// Whether any node of an expression satisfies `is`.
    pub fn any_node(&self, root: ExprId, is: &impl Fn(Expr) -> bool) -> bool {
        let node = self.exprs[usize::from(root.0)];
        is(node)
            || match node {
                Expr::Not(operand) | Expr::Neg(operand) => self.any_node(operand, is),
                Expr::Binary(_, left, right) => self.any_node(left, is) || self.any_node(right, is),
                _ => node.index().is_some_and(|index| self.any_node(index, is)),
            }
    }

    /// Every operation, and each post of a computed packet as all the posts that it can be: the calls that a system sees.
    pub fn calls(&self) -> impl Iterator<Item = Op> {
        self.ops().flat_map(|op| self.calls_of(op))
    }

    /// The same of one thread.
    pub fn calls_by(&self, thread: ThreadId) -> impl Iterator<Item = Op> {
        self.code(thread).ops().flat_map(|op| self.calls_of(op))
    }

    fn calls_of(&self, op: Op) -> Vec<Op> {
        let Op::PostComputed { computed, .. } = op else {
            return Vec::from([op]);
        };
        let packets = self.computed[usize::from(computed)].packets.iter();
        packets
            .filter_map(|&(_, packet)| op.posting(packet))
            .collect()
    }
}

//! Expressions, written as values: conditions of threads, and properties.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::{Add, Div, Mul, Neg, Not, Rem, Sub};

use super::BuildError;
use crate::expr::{Binary, Expr, ExprId, Field, PortField, ThreadField};
use crate::program::{PortId, SlotId, ThreadId, VarId};

/// An expression over integers and booleans, which are 0 and 1. The operators of Rust join numbers, methods the rest.
///
/// ```
/// use portsim_model::build::{Builder, Term};
///
/// let mut program = Builder::new();
/// let (posted, taken) = (program.var(0), program.var(0));
/// program.always((Term::from(posted) - taken.into()).at_least(0));
/// ```
#[derive(Debug, Clone)]
pub struct Term(Node);

#[derive(Debug, Clone)]
enum Node {
    Leaf(Expr),
    One(fn(ExprId) -> Expr, Box<Term>),
    Two(Binary, Box<Term>, Box<Term>),
}

/// The most nodes of all expressions of a program.
const NODES_MAX: usize = u16::MAX as usize;

impl From<i64> for Term {
    fn from(number: i64) -> Term {
        Term(Node::Leaf(Expr::Const(number)))
    }
}

impl From<VarId> for Term {
    fn from(var: VarId) -> Term {
        Term(Node::Leaf(Expr::Var(var)))
    }
}

impl Term {
    /// Part of a result of the thread that asks; of a batch, that of its first packet.
    pub fn result(slot: SlotId, field: Field) -> Term {
        Term::result_with(None, slot, field)
    }

    /// Part of a result of another thread, for properties.
    pub fn result_of(thread: ThreadId, slot: SlotId, field: Field) -> Term {
        Term::result_with(Some(thread), slot, field)
    }

    fn result_with(thread: Option<ThreadId>, slot: SlotId, field: Field) -> Term {
        Term(Node::Leaf(Expr::Result {
            thread,
            slot,
            field,
            nth: 0,
        }))
    }

    /// Something about a port.
    pub fn port(port: PortId, field: PortField) -> Term {
        Term(Node::Leaf(Expr::Port(port, field)))
    }

    /// Whether a thread waits inside a call on a port.
    pub fn thread_is_parked(thread: ThreadId) -> Term {
        Term(Node::Leaf(Expr::Thread(thread, ThreadField::Parked)))
    }

    /// Whether a thread waits for something that is not a port.
    pub fn thread_is_blocked(thread: ThreadId) -> Term {
        Term(Node::Leaf(Expr::Thread(thread, ThreadField::Blocked)))
    }

    /// Whether a thread's program is over.
    pub fn thread_is_done(thread: ThreadId) -> Term {
        Term(Node::Leaf(Expr::Thread(thread, ThreadField::Done)))
    }

    /// Whether both are equal.
    pub fn equals(self, other: impl Into<Term>) -> Term {
        self.with(Binary::Eq, other)
    }

    /// Whether they are not equal.
    pub fn differs(self, other: impl Into<Term>) -> Term {
        self.with(Binary::Ne, other)
    }

    /// Whether this is less than the other.
    pub fn below(self, other: impl Into<Term>) -> Term {
        self.with(Binary::Lt, other)
    }

    /// Whether this is less than the other, or equal.
    pub fn at_most(self, other: impl Into<Term>) -> Term {
        self.with(Binary::Le, other)
    }

    /// Whether this is more than the other.
    pub fn above(self, other: impl Into<Term>) -> Term {
        self.with(Binary::Gt, other)
    }

    /// Whether this is more than the other, or equal.
    pub fn at_least(self, other: impl Into<Term>) -> Term {
        self.with(Binary::Ge, other)
    }

    /// Whether both are true.
    pub fn and(self, other: impl Into<Term>) -> Term {
        self.with(Binary::And, other)
    }

    /// Whether one of them is true, or both.
    pub fn or(self, other: impl Into<Term>) -> Term {
        self.with(Binary::Or, other)
    }

    fn with(self, operator: Binary, other: impl Into<Term>) -> Term {
        Term(Node::Two(operator, Box::new(self), Box::new(other.into())))
    }

    /// Whether it reads what other threads can change: asking for it is a step then.
    pub(super) fn is_shared(&self) -> bool {
        match &self.0 {
            Node::Leaf(expr) => !matches!(expr, Expr::Const(_) | Expr::Result { .. }),
            Node::One(_, operand) => operand.is_shared(),
            Node::Two(_, left, right) => left.is_shared() || right.is_shared(),
        }
    }

    /// Adds its nodes to those of a program.
    pub(super) fn put_into(&self, exprs: &mut Vec<Expr>) -> Result<ExprId, BuildError> {
        let expr = match &self.0 {
            Node::Leaf(expr) => *expr,
            Node::One(operator, operand) => operator(operand.put_into(exprs)?),
            Node::Two(operator, left, right) => {
                Expr::Binary(*operator, left.put_into(exprs)?, right.put_into(exprs)?)
            }
        };
        if exprs.len() == NODES_MAX {
            return Err(BuildError::TooMany {
                noun: "parts of expressions",
                max: NODES_MAX,
            });
        }
        exprs.push(expr);
        Ok(ExprId(exprs.len() as u16 - 1))
    }
}

impl Not for Term {
    type Output = Term;

    fn not(self) -> Term {
        Term(Node::One(Expr::Not, Box::new(self)))
    }
}

impl Neg for Term {
    type Output = Term;

    fn neg(self) -> Term {
        Term(Node::One(Expr::Neg, Box::new(self)))
    }
}

macro_rules! arithmetic {
    ($($operator:ident $method:ident)*) => {$(
        impl $operator for Term {
            type Output = Term;

            fn $method(self, other: Term) -> Term {
                self.with(Binary::$operator, other)
            }
        }
    )*};
}

arithmetic! { Add add Sub sub Mul mul Div div Rem rem }

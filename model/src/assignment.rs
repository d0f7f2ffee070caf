//! Variables, and how a program writes them.

use crate::expr::{Expr, ExprId, Facts, eval};
use crate::ids::{LocalId, ThreadId, VarId};

/// A variable that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// One that all threads share.
    Shared(VarId),
    /// One of the thread that writes.
    Own(LocalId),
}

impl Variable {
    /// Where it stands among those of its kind.
    pub fn index(self) -> usize {
        match self {
            Variable::Shared(var) => var.index(),
            Variable::Own(local) => local.index(),
        }
    }

    /// The one that stands so many behind it.
    pub fn behind(self, n: u8) -> Variable {
        match self {
            Variable::Shared(VarId(first)) => Variable::Shared(VarId(first + n)),
            Variable::Own(LocalId(first)) => Variable::Own(LocalId(first + n)),
        }
    }
}

/// One variable written by a `set`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    /// The variable, or the first element of an array.
    pub var: Variable,
    /// The element, and how many there are; none for a plain variable.
    pub element: Option<(ExprId, u8)>,
    /// What it becomes.
    pub value: ExprId,
}

impl Assignment {
    /// The variable that a thread writes by it; none where there is no such element.
    #[inline]
    pub fn written(&self, exprs: &[Expr], facts: &impl Facts, me: ThreadId) -> Option<Variable> {
        let Some((index, len)) = self.element else {
            return Some(self.var);
        };
        let index = u8::try_from(eval(exprs, facts, me, index)?).ok()?;
        (index < len).then(|| self.var.behind(index))
    }

    /// The same, and what it becomes; none where that does not exist.
    #[inline]
    pub fn comes_to(
        &self,
        exprs: &[Expr],
        facts: &impl Facts,
        me: ThreadId,
    ) -> Option<(Variable, i32)> {
        let value = i32::try_from(eval(exprs, facts, me, self.value)?).ok()?;
        Some((self.written(exprs, facts, me)?, value))
    }

    /// The expressions that it evaluates: which element it writes, if it is one of an array, and its value.
    pub fn evaluated(&self) -> impl Iterator<Item = ExprId> + use<> {
        let index = self.element.map(|(index, _)| index);
        index.into_iter().chain([self.value])
    }
}

//! Expressions: from a string to checked nodes of the model.
//!
//! Words, then a tree, then its meaning: names are looked up and types are checked in the last step
//! only, so that each step has one kind of error.

mod flaw;
mod meaning;
mod path;
mod syntax;
mod words;

use portsim_model::expr::{Expr, ExprId};

use super::place::{Complaint, Place};
use crate::words::Type;
use meaning::Meaning;

pub(super) use meaning::{NODES_MAX, Scope, Target};

impl Scope<'_> {
    /// Compiles an expression that must have this type.
    pub(super) fn compile(
        self,
        text: &str,
        wanted: Type,
        nodes: &mut Vec<Expr>,
        place: &Place<'_>,
    ) -> Result<ExprId, Complaint> {
        let compiled =
            syntax::parse(text).and_then(|node| Meaning::new(self, nodes).whole(&node, wanted));
        compiled.map_err(|flaw| flaw.complain(text, place))
    }

    /// Compiles the left hand side of an assignment.
    pub(super) fn target(
        self,
        text: &str,
        nodes: &mut Vec<Expr>,
        place: &Place<'_>,
    ) -> Result<Target, Complaint> {
        let compiled = syntax::parse(text).and_then(|node| Meaning::new(self, nodes).target(&node));
        compiled.map_err(|flaw| flaw.complain(text, place))
    }
}

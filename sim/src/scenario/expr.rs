//! Expressions: from a string to checked nodes of the model.
//!
//! Words, then a tree, then its meaning: names are looked up and types are checked in the last step
//! only, so that each step has one kind of error.

mod meaning;
mod path;
mod syntax;
mod words;

use std::ops::Range;

use portsim_model::expr::{Expr, ExprId};
use portsim_model::program::{CodeId, VarId};

use super::directory::Directory;
use super::place::{Complaint, Place};
use crate::bad_input::nearest;
pub(super) use words::is_name;

/// What an expression is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Int,
    Bool,
}

/// Who speaks, and about what.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// All names.
    pub(super) directory: &'a Directory,
    /// The code of the thread that asks; none for a property, which sees everything.
    pub(super) code: Option<CodeId>,
}

/// A variable that a `set` writes, and the element with the length of the array.
pub(super) type Target = (VarId, Option<(ExprId, u8)>);

impl Scope<'_> {
    /// Compiles an expression that must have this type.
    pub(super) fn compile(
        self,
        text: &str,
        wanted: Type,
        nodes: &mut Vec<Expr>,
        place: &Place<'_>,
    ) -> Result<ExprId, Complaint> {
        let compiled = syntax::parse(text)
            .and_then(|node| meaning::Meaning::new(self, nodes).whole(&node, wanted));
        compiled.map_err(|flaw| flaw.complain(text, place))
    }

    /// Compiles the left hand side of an assignment.
    pub(super) fn target(
        self,
        text: &str,
        nodes: &mut Vec<Expr>,
        place: &Place<'_>,
    ) -> Result<Target, Complaint> {
        let compiled =
            syntax::parse(text).and_then(|node| meaning::Meaning::new(self, nodes).target(&node));
        compiled.map_err(|flaw| flaw.complain(text, place))
    }
}

/// What is wrong with an expression, and where in the string.
#[derive(Debug)]
struct Flaw {
    at: usize,
    problem: String,
    near: Option<String>,
}

impl Flaw {
    fn new(at: &Range<usize>, problem: impl Into<String>) -> Flaw {
        Flaw {
            at: at.start,
            problem: problem.into(),
            near: None,
        }
    }

    fn near<'k>(mut self, found: &str, known: impl IntoIterator<Item = &'k str>) -> Flaw {
        self.near = nearest(found, known).map(str::to_owned);
        self
    }

    fn complain(self, text: &str, place: &Place<'_>) -> Complaint {
        let column = text[..self.at].chars().count();
        Complaint {
            near: self.near,
            excerpt: Some(excerpt(text, column)),
            ..place.complain(format!("column {}: {}", column + 1, self.problem))
        }
    }
}

/// The text around a column, counted from 0, with a caret below.
fn excerpt(text: &str, column: usize) -> String {
    const BEFORE_MAX: usize = 50;
    const SHOWN_MAX: usize = 100;
    let start = column.saturating_sub(BEFORE_MAX);
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    let shown: String = text
        .chars()
        .skip(start)
        .take(SHOWN_MAX)
        .map(blank)
        .collect();
    let indent = " ".repeat(column - start);
    format!("    {}\n    {indent}^", shown.trim_end())
}

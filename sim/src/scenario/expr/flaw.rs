//! What is wrong inside of an expression.

use std::ops::Range;

use crate::bad_input::nearest;
use crate::scenario::place::{Complaint, Place};

/// What is wrong with an expression, and where in the string.
#[derive(Debug)]
pub(super) struct Flaw {
    at: usize,
    problem: String,
    near: Option<String>,
}

impl Flaw {
    /// A flaw where these bytes begin.
    pub(super) fn new(at: &Range<usize>, problem: impl Into<String>) -> Flaw {
        Flaw {
            at: at.start,
            problem: problem.into(),
            near: None,
        }
    }

    /// Adds the known name closest to `found`, if one is close.
    pub(super) fn near<'k>(
        mut self,
        found: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Flaw {
        self.near = nearest(found, known).map(str::to_owned);
        self
    }

    /// The complaint about this text at this place of the file.
    pub(super) fn complain(self, text: &str, place: &Place<'_>) -> Complaint {
        let column = text[..self.at].chars().count();
        Complaint {
            near: self.near,
            // A caret under nothing shows nothing.
            excerpt: (!text.trim().is_empty()).then(|| excerpt(text, column)),
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

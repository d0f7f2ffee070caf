//! What is wrong inside of an expression.

use std::ops::Range;

use crate::bad_input::nearest;
use crate::scenario::place::{Aim, Complaint, Place};

/// What is wrong with an expression, and where in the string.
#[derive(Debug)]
pub(super) struct Flaw {
    pub(super) at: usize,
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
        Complaint {
            near: self.near,
            ..place.complain(self.problem)
        }
        .at(Aim::Within(self.at))
        .about(text)
    }
}

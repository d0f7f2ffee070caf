//! How many comparisons of a backend with the model came out how.

use super::exit::Exit;
use crate::cross_check::Verdict;

/// How many of each verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// The model could have shown the same.
    pub agree: u64,
    /// It could not.
    pub differ: u64,
    /// The scenario is not for this pair.
    pub unsupported: u64,
    /// The backend cannot run here, or failed.
    pub unavailable: u64,
}

impl Totals {
    /// One more of this verdict.
    pub fn count(&mut self, verdict: &Verdict) {
        let counter = match verdict {
            Verdict::Agree(_) => &mut self.agree,
            Verdict::Differ(_) => &mut self.differ,
            Verdict::Unsupported(_) => &mut self.unsupported,
            Verdict::Unavailable(_) => &mut self.unavailable,
        };
        *counter += 1;
    }

    /// How many there are.
    pub fn all(self) -> u64 {
        self.agree + self.differ + self.unsupported + self.unavailable
    }

    /// What they come to; `complete` says that everything had its turn, `failure` why a backend could not run.
    pub fn exit(self, complete: bool, failure: impl FnOnce() -> String) -> Exit {
        match self {
            Totals {
                unavailable: 1.., ..
            } => Exit::Unavailable(failure()),
            Totals { differ: 1.., .. } => Exit::Unexpected,
            _ if complete => Exit::AsExpected,
            _ => Exit::Partial,
        }
    }
}

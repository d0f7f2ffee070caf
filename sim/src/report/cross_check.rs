//! What `cross-check` found.

use super::covered::Covered;
use super::exit::Exit;
use super::totals::Totals;
use crate::cross_check::{Comparison, Verdict};
use crate::explore::Tour;
use crate::native;
use crate::scenario::Scenario;

/// Scenarios on backends and on the model.
#[derive(Debug, Clone)]
pub struct CrossCheck {
    /// The scenarios.
    pub scenarios: Vec<Scenario>,
    /// Each backend with the personality that judges it.
    pub pairs: Vec<(String, &'static str)>,
    /// Processors of a backend that has no say in that.
    pub processors: u32,
    /// Each scenario with each backend and seed.
    pub comparisons: Vec<Comparison>,
    /// What a page shows of those that differ, by their numbers, where one was asked for.
    pub tours: Vec<(usize, Tour)>,
    /// Whether every scenario and seed had its turn.
    pub complete: bool,
    /// Which claims explain what the backends showed, where that was asked.
    pub covered: Option<Covered>,
}

impl CrossCheck {
    /// How many of each verdict.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for comparison in &self.comparisons {
            totals.count(&comparison.verdict);
        }
        totals
    }

    /// What it comes to.
    pub fn exit(&self) -> Exit {
        let why = |comparison: &Comparison| match &comparison.verdict {
            Verdict::Unavailable(why) => Some(why.clone()),
            _ => None,
        };
        self.totals().exit(self.complete, || {
            let first = self.comparisons.iter().find_map(why);
            with_backends(&first.unwrap_or_default())
        })
    }
}

/// Why a backend could not run, and which there are.
pub fn with_backends(why: &str) -> String {
    format!("{why}; backends of this build: {}", native::names())
}

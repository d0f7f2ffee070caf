//! Which claims decided something.

use std::collections::BTreeSet;

use super::check::Check;
use crate::coverage::Coverage;
use crate::cross_check::Comparison;

/// The claims that decided something in all that a command did.
#[derive(Debug, Clone, Default)]
pub struct Covered {
    personalities: BTreeSet<String>,
    coverage: Coverage,
}

impl Covered {
    /// Those of explorations.
    pub fn of_checks(checks: &[Check]) -> Covered {
        let mut covered = Covered::default();
        for check in checks {
            if let Some(coverage) = check
                .explored()
                .and_then(|explored| explored.exploration.coverage.as_ref())
            {
                covered.add(check.personality, coverage);
            }
        }
        covered
    }

    /// Those that explain what backends showed.
    pub fn of_comparisons(comparisons: &[Comparison]) -> Covered {
        let mut covered = Covered::default();
        for comparison in comparisons {
            covered.add(&comparison.personality, &comparison.coverage);
        }
        covered
    }

    fn add(&mut self, personality: &str, coverage: &Coverage) {
        self.personalities.insert(personality.to_owned());
        self.coverage.merge(coverage);
    }

    /// Each claim that decided something, and how often.
    pub fn used(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.coverage.used()
    }

    /// The claims of the personalities that never decided anything.
    pub fn never(&self) -> Vec<&'static str> {
        let mut never = Vec::new();
        for personality in &self.personalities {
            for claim in self.coverage.never(personality) {
                if !never.contains(&claim) {
                    never.push(claim);
                }
            }
        }
        never
    }
}

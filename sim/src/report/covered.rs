//! Which claims decided something.

use std::collections::BTreeSet;

use crate::coverage::Coverage;

/// The claims that decided something in all that a command did.
#[derive(Debug, Clone, Default)]
pub struct Covered {
    personalities: BTreeSet<String>,
    coverage: Coverage,
}

impl Covered {
    /// Those that decided while these personalities played.
    pub fn of<'c>(all: impl IntoIterator<Item = (&'c str, &'c Coverage)>) -> Covered {
        let mut covered = Covered::default();
        for (personality, coverage) in all {
            covered.personalities.insert(personality.to_owned());
            covered.coverage.merge(coverage);
        }
        covered
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

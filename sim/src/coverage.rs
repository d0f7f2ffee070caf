//! Which claims decided something, and how often.

use std::collections::BTreeMap;

use portsim_model::claim::Claim;
use portsim_model::event::{Observer, Outcome};
use portsim_model::personality::claims_of;
use portsim_model::program::{Op, ThreadId};

/// How often each claim decided something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    used: BTreeMap<&'static str, (&'static Claim, u64)>,
}

impl Coverage {
    /// A claim decided so often.
    pub fn add(&mut self, claim: &'static Claim, times: u64) {
        if times > 0 {
            self.used.entry(claim.id).or_insert((claim, 0)).1 += times;
        }
    }

    /// Adds what another has seen.
    pub fn merge(&mut self, other: &Coverage) {
        for (claim, times) in other.used.values() {
            self.add(claim, *times);
        }
    }

    /// Each claim that decided something, and how often, in the order of their names.
    pub fn used(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.used.values().map(|(claim, times)| (claim.id, *times))
    }

    /// Each claim that decided something, in the order of their names.
    pub fn claims(&self) -> Vec<&'static Claim> {
        self.used.values().map(|(claim, _)| *claim).collect()
    }

    /// The claims of a personality that never decided anything, in the order of its table.
    pub fn never(&self, personality: &str) -> Vec<&'static str> {
        claims_of(personality)
            .map(|claim| claim.id)
            .filter(|id| !self.used.contains_key(id))
            .collect()
    }
}

/// Counts while steps are taken.
impl Observer for Coverage {
    fn call(&mut self, _: ThreadId, _: Op) {}

    fn ret(&mut self, _: ThreadId, _: Op, _: Outcome) {}

    fn by(&mut self, claim: &'static Claim) {
        self.add(claim, 1);
    }
}

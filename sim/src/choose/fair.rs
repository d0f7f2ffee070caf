//! The thread that has waited longest for its turn moves; a seed decides among its alternatives.

use std::collections::BTreeMap;

use portsim_model::program::ThreadId;
use portsim_model::step::Step;

use super::{Choose, Rng};

/// See the module.
pub struct Fair {
    rng: Rng,
    /// When each thread moved last; 0 for never.
    moved: BTreeMap<ThreadId, u64>,
    taken: u64,
}

impl Fair {
    /// The policy from a seed.
    pub fn new(seed: u64) -> Fair {
        Fair {
            rng: Rng::new(seed),
            moved: BTreeMap::new(),
            taken: 0,
        }
    }
}

impl Choose for Fair {
    fn choose(&mut self, movers: &[Step]) -> usize {
        let last = |step: &Step| self.moved.get(&step.thread).copied().unwrap_or(0);
        let thread = movers
            .iter()
            .min_by_key(|step| (last(step), step.thread))
            .expect("there is a step")
            .thread;
        self.taken += 1;
        self.moved.insert(thread, self.taken);
        let own: Vec<_> = (0..movers.len())
            .filter(|&n| movers[n].thread == thread)
            .collect();
        own[self.rng.below(own.len())]
    }

    fn answer(&mut self, alternatives: usize) -> usize {
        self.rng.below(alternatives)
    }
}

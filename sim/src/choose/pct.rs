//! Probabilistic concurrency testing: the thread with the highest priority moves, and priorities fall at random moments.
//!
//! A bug that needs `d` ordering constraints is found by one run with a probability of at least
//! 1 / (n k^(d-1)) for n threads and k steps: Burckhardt, Kothari, Musuvathi, Nagarakatte, "A randomized
//! scheduler with probabilistic guarantees of finding bugs", ASPLOS 2010.

use std::collections::BTreeMap;

use portsim_model::program::ThreadId;
use portsim_model::step::Step;

use super::{Choose, Rng};

/// Priorities change within this many steps from the start.
const HORIZON: usize = 64;

/// See the module.
pub struct Pct {
    rng: Rng,
    /// Higher moves first. New threads draw theirs above all lowered ones.
    priority: BTreeMap<ThreadId, u64>,
    /// Steps at which the thread about to move falls below all others, latest first.
    changes: Vec<usize>,
    lowest: u64,
    taken: usize,
}

impl Pct {
    /// The policy from a seed, with so many priority changes.
    pub fn new(seed: u64, depth: u32) -> Pct {
        let mut rng = Rng::new(seed);
        let mut changes: Vec<_> = (0..depth).map(|_| rng.below(HORIZON)).collect();
        changes.sort_by(|a, b| b.cmp(a));
        Pct {
            rng,
            priority: BTreeMap::new(),
            changes,
            lowest: u64::from(depth),
            taken: 0,
        }
    }

    fn favourite(&mut self, movers: &[Step]) -> ThreadId {
        for step in movers {
            if !self.priority.contains_key(&step.thread) {
                let drawn = u64::from(u32::MAX) + self.rng.below(u32::MAX as usize) as u64;
                self.priority.insert(step.thread, drawn);
            }
        }
        let best = movers
            .iter()
            .max_by_key(|step| (self.priority[&step.thread], std::cmp::Reverse(step.thread)));
        best.expect("there is a step").thread
    }
}

impl Choose for Pct {
    fn choose(&mut self, movers: &[Step]) -> usize {
        let mut thread = self.favourite(movers);
        while self.changes.last().is_some_and(|&at| at <= self.taken) {
            self.changes.pop();
            self.lowest -= 1;
            self.priority.insert(thread, self.lowest);
            thread = self.favourite(movers);
        }
        self.taken += 1;
        let own: Vec<_> = (0..movers.len())
            .filter(|&n| movers[n].thread == thread)
            .collect();
        own[self.rng.below(own.len())]
    }

    fn answer(&mut self, alternatives: usize) -> usize {
        self.rng.below(alternatives)
    }
}

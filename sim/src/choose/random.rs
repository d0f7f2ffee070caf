//! Every possible step is equally likely.

use portsim_model::step::Step;

use super::{Choose, Rng};

/// See the module.
pub struct Random(Rng);

impl Random {
    /// The policy from a seed.
    pub fn new(seed: u64) -> Random {
        Random(Rng::new(seed))
    }
}

impl Choose for Random {
    fn choose(&mut self, movers: &[Step]) -> usize {
        self.0.below(movers.len())
    }

    fn answer(&mut self, alternatives: usize) -> usize {
        self.0.below(alternatives)
    }
}

//! Who takes the next step: one policy a file.

mod fair;
mod pct;
mod random;
mod seeds;

pub use fair::Fair;
pub use pct::Pct;
pub use random::Random;
pub use seeds::{Seeds, share};

use std::fmt::{self, Display, Formatter};

use portsim_model::choice::Answers;
use portsim_model::step::Step;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};

/// Chooses who moves, and what the rules leave open.
pub trait Choose {
    /// The index of the one that moves; `movers` is never empty.
    fn choose(&mut self, movers: &[Step]) -> usize;
    /// Which of so many alternatives a rule takes.
    fn answer(&mut self, alternatives: usize) -> usize;
}

/// The open choices of a step are left to a policy.
pub struct Asked<'c>(pub &'c mut dyn Choose);

impl Answers for Asked<'_> {
    fn answer(&mut self, alternatives: usize) -> usize {
        self.0.answer(alternatives)
    }
}

/// The most priority changes of [`Policy::Pct`]; more are no different from choosing at random.
const PCT_DEPTH_MAX: u32 = 1_000;

/// A policy that a person can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Every possible step is equally likely.
    Random,
    /// Probabilistic concurrency testing: random priorities, lowered at this many random moments.
    Pct(u32),
    /// The thread that has waited longest for its turn.
    Fair,
}

impl Display for Policy {
    /// As [`Policy::parse`] takes it back.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Policy::Random => f.write_str("random"),
            Policy::Fair => f.write_str("fair"),
            Policy::Pct(depth) => write!(f, "pct:{depth}"),
        }
    }
}

impl Policy {
    /// The policy's name and arguments, as the command line writes them.
    pub fn parse(text: &str) -> Result<Policy, String> {
        match text.split_once(':') {
            None if text == "random" => Ok(Policy::Random),
            None if text == "fair" => Ok(Policy::Fair),
            Some(("pct", depth)) => match depth.parse() {
                Ok(depth) if depth <= PCT_DEPTH_MAX => Ok(Policy::Pct(depth)),
                _ => Err(format!(
                    "`{depth}` is not a number of priority changes up to {PCT_DEPTH_MAX}, as in `pct:3`"
                )),
            },
            _ => Err(format!(
                "`{text}` is not a policy: `random`, `pct:D` or `fair`"
            )),
        }
    }

    /// The policy at work, from a seed.
    pub fn seeded(self, seed: u64) -> Box<dyn Choose> {
        match self {
            Policy::Random => Box::new(Random::new(seed)),
            Policy::Pct(depth) => Box::new(Pct::new(seed, depth)),
            Policy::Fair => Box::new(Fair::new(seed)),
        }
    }
}

/// Random numbers that a seed fixes for ever: ChaCha with 8 rounds, the seed in the first eight bytes of the key.
pub(crate) struct Rng(ChaCha8Rng);

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Rng(ChaCha8Rng::from_seed(key))
    }

    /// A number below `sides`, which is not 0.
    pub(crate) fn below(&mut self, sides: usize) -> usize {
        let wide = u64::from(self.0.next_u32()) * sides as u64;
        (wide >> 32) as usize
    }
}

impl Answers for Rng {
    fn answer(&mut self, alternatives: usize) -> usize {
        self.below(alternatives)
    }
}

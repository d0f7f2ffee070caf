//! How large is a space of states likely to be? Nobody knows before it is searched; but the first depths say how fast it grows,
//! and random runs say where it ends.
//!
//! The states of a depth are taken to grow and to shrink again as the exponential of a parabola, which begins with the first
//! state, has the size of the depth that was just searched, and ends where runs end. (Runs sample depths as in D. Knuth,
//! "Estimating the efficiency of backtrack programs", 1975; paths, which he counts, are no measure here: too many lead to one
//! state.)

use std::sync::atomic::AtomicBool;

use portsim_model::machine::AnyMachine;

use crate::choose::Policy;
use crate::run::run_unseen;

/// Runs that are made to find out how long runs are.
const RUNS: u64 = 100;

/// The most steps of each: a run that goes on for ever says nothing.
const STEPS_MAX: u64 = 2_000;

/// How long random runs are: one in ten is shorter than the first number, one in ten longer than the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    short: u32,
    middle: u32,
    long: u32,
}

/// States that a space is likely to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// If it ends where the shortest runs do.
    pub least: u64,
    /// If it ends where most do.
    pub likely: u64,
    /// If it ends where the longest do.
    pub most: u64,
}

impl Lengths {
    /// Of runs of this machine; none where runs need not end, or somebody stops it.
    pub fn of(machine: &dyn AnyMachine, stop: &AtomicBool) -> Option<Lengths> {
        let length = |seed| {
            let mut choose = Policy::Random.seeded(seed);
            run_unseen(machine, &mut *choose, STEPS_MAX, stop).steps
        };
        let mut all: Vec<_> = (0..RUNS).map(length).collect();
        all.sort_unstable();
        let at = |tenth: usize| all[tenth * (all.len() - 1) / 10] as u32;
        let is_over = u64::from(at(9)) < STEPS_MAX;
        is_over.then(|| Lengths {
            short: at(1),
            middle: at(5),
            long: at(9),
        })
    }

    /// How many states there are likely to be, where so many were seen and the last whole depth had `level` of them.
    pub fn states(self, seen: u64, depth: u32, level: u64) -> Estimate {
        let of = |length| states(seen, depth, level, length);
        Estimate {
            least: of(self.short),
            likely: of(self.middle),
            most: of(self.long),
        }
    }
}

/// The same for runs of one length.
fn states(seen: u64, depth: u32, level: u64, length: u32) -> u64 {
    if depth == 0 || length <= depth || level <= 1 {
        return seen;
    }
    let (depth, length) = (f64::from(depth), f64::from(length));
    let steep = (level as f64).ln() / (depth * (length - depth));
    let to_come: f64 = (depth as u32 + 1..=length as u32)
        .map(|at| (steep * f64::from(at) * (length - f64::from(at))).exp())
        .sum();
    (seen as f64 + to_come) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A space whose depths are as large as those of independent threads: binomial.
    #[test]
    fn a_space_that_grows_and_shrinks_is_guessed_early() {
        let (threads, mut level, mut seen) = (20_u64, 1_u64, 1_u64);
        for depth in 1..=threads {
            level = level * (threads - depth + 1) / depth;
            seen += level;
            if (5..=10).contains(&depth) {
                let guess = states(seen, depth as u32, level, threads as u32);
                let all = 1 << threads;
                assert!(
                    (all / 4..=all * 4).contains(&guess),
                    "depth {depth}: {guess} of {all}"
                );
            }
        }
        assert_eq!(states(seen, 20, level, 20), 1 << 20);
    }
}

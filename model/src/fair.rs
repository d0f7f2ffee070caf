//! Fairness: who got its due in a loop.
//!
//! Weak fairness says: an actor that can move from some point on for ever moves again and again. An actor is a thread,
//! with its turns and its wakes, or the clock. What the environment does is done by threads that play it, and a
//! `stall` ends by a turn of its thread, so both are covered. Which branch of an `either` an actor takes, and which
//! answer it gets where the system leaves several open, is nobody's due.

use core::ops::{BitOr, BitOrAssign};

use crate::program::THREADS_MAX;
use crate::step::{Step, StepKind};

/// Some actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Actors {
    /// A bit for each thread.
    threads: u128,
    clock: bool,
}

// Each thread has a bit.
const _: () = assert!(THREADS_MAX <= u128::BITS as usize);

impl Actors {
    /// All there can be.
    pub const ALL: Actors = Actors {
        threads: u128::MAX,
        clock: true,
    };

    /// Who takes a step.
    pub fn of(step: Step) -> Actors {
        match step.kind {
            StepKind::Turn | StepKind::Wake => Actors {
                threads: 1 << step.thread.0,
                clock: false,
            },
            StepKind::Time => Actors {
                threads: 0,
                clock: true,
            },
        }
    }

    /// All others.
    pub fn others(self) -> Actors {
        Actors {
            threads: !self.threads,
            clock: !self.clock,
        }
    }

    /// Whether everybody in `other` is among them.
    pub fn hold(self, other: Actors) -> bool {
        self | other == self
    }
}

impl BitOr for Actors {
    type Output = Actors;
    fn bitor(self, other: Actors) -> Actors {
        Actors {
            threads: self.threads | other.threads,
            clock: self.clock | other.clock,
        }
    }
}

impl BitOrAssign for Actors {
    fn bitor_assign(&mut self, other: Actors) {
        *self = *self | other;
    }
}

/// Who cannot move in a state with these steps. Where a bound took a step away nobody knows whose it was: then all
/// count as able to move, which they may be without the bound.
pub fn idle(steps: &[Step], bounded: bool) -> Actors {
    if bounded {
        return Actors::default();
    }
    let able = steps
        .iter()
        .fold(Actors::default(), |able, &step| able | Actors::of(step));
    able.others()
}

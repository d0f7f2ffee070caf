//! Fairness: who got its due in a loop.
//!
//! Weak fairness says: an actor that can move from some point on for ever moves again and again. An actor is a thread,
//! with its turns and its wakes, or the clock. What the environment does is done by threads that play it, and a
//! `stall` ends by a turn of its thread, so both are covered. Which branch of an `either` an actor takes, and which
//! answer it gets where the system leaves several open, is nobody's due.

use core::ops::{BitOr, BitOrAssign};

use crate::step::{Step, StepKind};

/// Some actors: a bit for each thread, and one for the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Actors(u128);

/// The bit of the clock; those of the threads, at most 64, stand below it.
const CLOCK: u32 = 64;

impl Actors {
    /// All there can be.
    pub const ALL: Actors = Actors(u128::MAX);

    /// Who takes a step.
    pub fn of(step: Step) -> Actors {
        let bit = match step.kind {
            StepKind::Turn | StepKind::Wake => u32::from(step.thread.0),
            StepKind::Time => CLOCK,
        };
        assert!(bit <= CLOCK, "threads have the bits below the clock's");
        Actors(1 << bit)
    }

    /// All others.
    pub fn others(self) -> Actors {
        Actors(!self.0)
    }

    /// Whether everybody in `other` is among them.
    pub fn hold(self, other: Actors) -> bool {
        self | other == self
    }
}

impl BitOr for Actors {
    type Output = Actors;
    fn bitor(self, other: Actors) -> Actors {
        Actors(self.0 | other.0)
    }
}

impl BitOrAssign for Actors {
    fn bitor_assign(&mut self, other: Actors) {
        self.0 |= other.0;
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

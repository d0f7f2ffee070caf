//! What is known of the way to a state, where the search bounds how often threads are preempted.
//!
//! A preemption takes the processor from a thread that could have gone on. Most bugs need few of them: Musuvathi and
//! Qadeer, "Iterative context bounding for systematic testing of multithreaded programs", PLDI 2007. A state is
//! searched once for each thread that can have moved last and each number of preemptions.

use portsim_model::step::{Step, StepKind};

use super::visited::{Fingerprint, fingerprint_of};

/// See the module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tail {
    /// The thread that moved last, counted from 1; 0 before anybody has.
    last: u8,
    /// Preemptions so far.
    pub preemptions: u8,
}

impl Tail {
    /// Bytes that it takes behind a state; none where nothing is bounded.
    pub fn len(bound: Option<u8>) -> usize {
        if bound.is_some() { 2 } else { 0 }
    }

    /// From the bytes behind a state.
    pub fn read(bytes: &[u8]) -> Option<Tail> {
        match *bytes {
            [last, preemptions] => Some(Tail { last, preemptions }),
            _ => None,
        }
    }

    /// As the bytes behind a state.
    pub fn bytes(self) -> [u8; 2] {
        [self.last, self.preemptions]
    }

    /// Whether the thread that moved last is among those who can move.
    pub fn goes_on(self, movers: &[Step]) -> bool {
        let moves = |it: &Step| it.kind != StepKind::Time && it.thread.0 + 1 == self.last;
        movers.iter().any(moves)
    }

    /// After a step, where the thread that moved last could have gone on or could not. Time preempts nobody.
    pub fn after(self, step: Step, goes_on: bool) -> Tail {
        if step.kind == StepKind::Time {
            return self;
        }
        let preempts = step.thread.0 + 1 != self.last && goes_on;
        Tail {
            last: step.thread.0 + 1,
            preemptions: self.preemptions.saturating_add(u8::from(preempts)),
        }
    }

    /// The fingerprint of a state with it.
    pub fn print_with(self, state: &[u8]) -> Fingerprint {
        fingerprint_of(&[state, &self.bytes()].concat())
    }
}

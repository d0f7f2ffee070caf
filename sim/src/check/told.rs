//! What the workers of a process tell the thread that waits for them, and what that tells them.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};

use super::wire::Summary;
use super::{Cut, Loss, Progress, Trouble};
use crate::coverage::Coverage;

/// Where it is noted why a process was lost; what came first stays.
pub type Lost = Arc<OnceLock<Loss>>;

/// See the module.
#[derive(Default)]
pub struct Told {
    /// Set to end the search.
    pub stop: AtomicBool,
    /// Set to have a checkpoint written.
    pub pause: AtomicBool,
    /// States so far, states that wait, and bytes of memory.
    pub counts: [AtomicU64; 3],
    /// Each worker's transitions so far.
    pub transitions: Vec<AtomicU64>,
    /// States of the depth that is being expanded, and of the one before it.
    pub levels: [AtomicU64; 2],
    /// How many checkpoints were written.
    pub checkpoints: AtomicU32,
    /// Why a checkpoint could not be read or written.
    pub trouble: Mutex<Option<Trouble>>,
    /// The claims that decided, where they are counted.
    pub coverage: Mutex<Coverage>,
    /// Steps from the start.
    pub depth: AtomicU32,
    /// Whether a worker has panicked.
    pub panicked: AtomicBool,
    /// How another process was lost.
    pub lost: Lost,
    /// Whether the search is over, and what came out.
    pub result: Mutex<(bool, Option<Outcome>)>,
    /// Told when it is over.
    pub left: Condvar,
}

impl Told {
    /// What so many workers have told so far.
    pub fn for_workers(workers: usize) -> Told {
        Told {
            transitions: std::iter::repeat_with(Default::default)
                .take(workers)
                .collect(),
            ..Told::default()
        }
    }

    /// Where the workers of this process stand.
    pub fn progress(&self) -> Progress {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let [states, waiting, bytes] = self.counts.each_ref().map(read);
        let [level, level_before] = self.levels.each_ref().map(read);
        Progress {
            states,
            transitions: self.transitions.iter().map(read).sum(),
            waiting,
            bytes,
            level,
            level_before,
            depth: self.depth.load(Ordering::Relaxed),
        }
    }
}

/// What every process knows at the end.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What all processes together know of all depths.
    pub all: Summary,
    /// Different states.
    pub states: u64,
    /// The longest of the shortest ways to a state.
    pub depth_max: u32,
    /// Why it did not see everything.
    pub cut: Option<Cut>,
    /// The short fingerprints of the states on the way to the violation, the last one first.
    pub way: Vec<u64>,
    /// The processes do not search the same.
    pub differ: bool,
}

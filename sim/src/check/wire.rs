//! What workers tell each other; between processes as bytes.

use portsim_model::program::ThreadId;
use portsim_model::property::{FAULTS, Violation};
use portsim_model::step::{Step, StepKind};
use serde::{Deserialize, Serialize};

/// A message to one worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
    /// Which worker.
    pub to: u32,
    pub what: What,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum What {
    States(Batch),
    Summary(Box<Summary>),
    /// The parent, by its short fingerprint, of the state whose way is being traced.
    Parent(u64),
}

/// States of one depth, one after the other.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Batch {
    pub prints: Vec<u64>,
    /// The short fingerprint of each one's parent.
    pub parents: Vec<u64>,
    pub bytes: Vec<u8>,
}

impl Batch {
    /// Forgets them, to be filled again.
    pub fn clear(mut self) -> Batch {
        self.prints.clear();
        self.parents.clear();
        self.bytes.clear();
        self
    }
}

/// What one worker knows of a depth when all its states have arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// What is being searched: all workers must agree.
    pub search: u64,
    /// New states of this depth.
    pub fresh: u64,
    /// States generated so far.
    pub transitions: u64,
    /// States in which only some of the steps that were possible were taken.
    pub thinned: u64,
    /// The first violation of those found by now.
    pub worst: Option<Conviction>,
    /// Which `sometimes` properties some state has shown.
    pub shown: Vec<bool>,
    /// There is a state in which nothing can move any more.
    pub ended: bool,
    /// A bound kept a step from being possible.
    pub bounded: bool,
    /// The bound on preemptions kept a step from being taken.
    pub preempted: bool,
    /// There was no more memory for states.
    pub full: bool,
    /// Somebody stopped it.
    pub stopped: bool,
    /// The depth is not expanded to its end.
    pub paused: bool,
    /// A checkpoint could not be read.
    pub failed: bool,
    /// A checkpoint could not be written.
    pub unkept: bool,
    /// Bytes of memory for seen states.
    pub bytes: u64,
}

impl Summary {
    /// What two workers know together.
    pub fn merge(mut self, other: Summary) -> Summary {
        self.fresh += other.fresh;
        self.transitions += other.transitions;
        self.thinned += other.thinned;
        self.bytes += other.bytes;
        self.ended |= other.ended;
        self.bounded |= other.bounded;
        self.preempted |= other.preempted;
        self.full |= other.full;
        self.stopped |= other.stopped;
        self.paused |= other.paused;
        self.failed |= other.failed;
        self.unkept |= other.unkept;
        self.worst = self.worst.into_iter().chain(other.worst).min();
        for (mine, theirs) in self.shown.iter_mut().zip(other.shown) {
            *mine |= theirs;
        }
        self
    }
}

/// A violation, and the way to it. The smallest is told: it is the shortest, and always the same one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Conviction {
    /// Steps from the start.
    pub steps: u32,
    /// The violation: its kind, and its number there.
    pub violation: (u8, u16),
    /// The short fingerprint of the last state that was stored.
    pub state: u64,
    /// The step from there, where it is the step that is wrong: kind, thread and choice.
    pub last: Option<PackedStep>,
}

/// What checkpoints call their format.
pub const KEPT_FORMAT: &str = "portsim-checkpoint/2";

/// Which files of a checkpoint belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: String,
    /// What is being searched.
    pub search: u64,
    /// Which of the checkpoints of the search this is.
    pub number: u32,
    /// How many workers there are in all processes.
    pub peers: usize,
    /// The first worker of this process.
    pub first: usize,
    /// How many workers this process has.
    pub threads: usize,
}

/// The first line of a worker's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Which of the checkpoints of the search this is.
    pub number: u32,
    /// Which worker wrote it.
    pub worker: usize,
    /// Steps from the start to the states of the next depth.
    pub depth: u32,
    /// Different states of all depths that are complete, of all workers.
    pub states: u64,
    /// The longest of the shortest ways to one of them.
    pub depth_max: u32,
    /// Bytes of a record: a state, and what is known of the way to it where that is bounded.
    pub record_len: usize,
    /// Whether states are kept whole.
    pub exact: bool,
    /// States that wait to be expanded.
    pub now: u64,
    /// States of the next depth.
    pub next: u64,
    /// States that were seen.
    pub seen: u64,
    /// Those of them that are of earlier depths, where states are kept whole.
    pub seen_before: u64,
    /// What the worker knows.
    pub summary: Summary,
}

/// As one line of JSON.
pub fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("numbers and words are JSON")
}

/// From a line of JSON.
pub fn from_json<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// A violation as numbers.
pub fn pack_violation(violation: Violation) -> (u8, u16) {
    match violation {
        Violation::Builtin(fault) => (0, fault as u16),
        Violation::Always(n) => (1, n as u16),
        Violation::AtEnd(n) => (2, n as u16),
        Violation::Eventually(n) => (3, n as u16),
    }
}

/// The violation of these numbers.
pub fn unpack_violation((kind, n): (u8, u16)) -> Violation {
    match kind {
        0 => Violation::Builtin(FAULTS[usize::from(n)].0),
        1 => Violation::Always(n.into()),
        2 => Violation::AtEnd(n.into()),
        3 => Violation::Eventually(n.into()),
        _ => unreachable!("{kind} is no kind of violation"),
    }
}

const KINDS: [StepKind; 3] = [StepKind::Turn, StepKind::Wake, StepKind::Time];

/// A step: its kind, its thread and its choice.
pub type PackedStep = (u8, u8, u32);

/// A step as numbers.
pub fn pack_step(step: Step) -> PackedStep {
    (step.kind as u8, step.thread.0, step.choice)
}

/// The step of these numbers.
pub fn unpack_step((kind, thread, choice): PackedStep) -> Step {
    Step {
        kind: KINDS[usize::from(kind)],
        thread: ThreadId(thread),
        choice,
    }
}

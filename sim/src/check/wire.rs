//! What workers tell each other; between processes as bytes.

use portsim_model::program::{Program, ThreadId};
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
    /// What it brings to begin with.
    Offer(Offer),
    Summary(Box<Summary>),
    /// The parent, by its short fingerprint, of the state whose way is being traced.
    Parent(u64),
}

/// What a worker can begin with: a search anew, or a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Whether it takes a checkpoint up.
    pub resume: bool,
    /// The highest number of a checkpoint that it knows of.
    pub number_max: u32,
    /// The checkpoints that it has all it needs of: number, and checksum of the parts of all processes.
    pub whole: Vec<(u32, u64)>,
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

    /// Whether it is of whole states, each of so many bytes.
    pub fn is_whole(&self, record_len: usize) -> bool {
        let states = self.prints.len();
        self.parents.len() == states && Some(self.bytes.len()) == states.checked_mul(record_len)
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
    /// States in which a persistent set of the possible steps was taken, and not all of them.
    pub reduced: u64,
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
    /// States seen, of all depths.
    pub seen: u64,
    /// The checksum of the parts of a checkpoint that were just written: of several, the sum.
    pub kept: u64,
}

/// More than any search can count to: so many of them are far from overflowing.
pub const COUNTLESS: u64 = 1 << 48;

impl Summary {
    /// Whether anybody can have counted so far.
    pub fn is_possible(&self) -> bool {
        let Summary {
            fresh,
            transitions,
            reduced,
            bytes,
            seen,
            ..
        } = *self;
        [fresh, transitions, reduced, bytes, seen]
            .iter()
            .all(|&count| count < COUNTLESS)
    }

    /// What two workers know together.
    pub fn merge(mut self, other: Summary) -> Summary {
        self.fresh += other.fresh;
        self.transitions += other.transitions;
        self.reduced += other.reduced;
        self.bytes += other.bytes;
        self.seen += other.seen;
        self.kept = self.kept.wrapping_add(other.kept);
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
    pub violation: ViolationFields,
    /// The short fingerprint of the last state that was stored.
    pub state: u64,
    /// The step from there, where it is the step that is wrong.
    pub last: Option<StepFields>,
}

impl Conviction {
    /// Whether it is of a property of this program, at a step that there was.
    pub fn fits(&self, program: &Program, depth: u32) -> bool {
        let first = u32::from(self.last.is_some());
        let known = match self.violation.try_into() {
            Ok(Violation::Builtin(_)) => true,
            Ok(Violation::Always(n)) => n < program.always.len(),
            Ok(Violation::AtEnd(n)) => n < program.at_end.len(),
            Ok(Violation::Eventually(n)) => n < program.eventually.len(),
            Err(_) => false,
        };
        known && (first..=depth.saturating_add(1)).contains(&self.steps)
    }
}

/// As one line of JSON.
pub fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("numbers and words are JSON")
}

/// From a line of JSON.
pub fn from_json<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// A violation, as workers tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ViolationFields {
    /// An invariant of every port, by its place in [`FAULTS`].
    Builtin(u16),
    Always(u16),
    AtEnd(u16),
    Eventually(u16),
}

impl From<Violation> for ViolationFields {
    fn from(violation: Violation) -> ViolationFields {
        match violation {
            Violation::Builtin(fault) => ViolationFields::Builtin(fault as u16),
            Violation::Always(n) => ViolationFields::Always(n as u16),
            Violation::AtEnd(n) => ViolationFields::AtEnd(n as u16),
            Violation::Eventually(n) => ViolationFields::Eventually(n as u16),
        }
    }
}

impl TryFrom<ViolationFields> for Violation {
    type Error = String;

    fn try_from(fields: ViolationFields) -> Result<Violation, String> {
        Ok(match fields {
            ViolationFields::Builtin(n) => match FAULTS.get(usize::from(n)) {
                Some((fault, _)) => Violation::Builtin(*fault),
                None => return Err(format!("there is no invariant with the number {n}")),
            },
            ViolationFields::Always(n) => Violation::Always(n.into()),
            ViolationFields::AtEnd(n) => Violation::AtEnd(n.into()),
            ViolationFields::Eventually(n) => Violation::Eventually(n.into()),
        })
    }
}

/// A step, as workers tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepFields {
    kind: KindField,
    thread: u8,
    choice: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum KindField {
    Turn,
    Wake,
    Time,
}

impl From<Step> for StepFields {
    fn from(step: Step) -> StepFields {
        StepFields {
            kind: match step.kind {
                StepKind::Turn => KindField::Turn,
                StepKind::Wake => KindField::Wake,
                StepKind::Time => KindField::Time,
            },
            thread: step.thread.0,
            choice: step.choice,
        }
    }
}

impl From<StepFields> for Step {
    fn from(fields: StepFields) -> Step {
        Step {
            kind: match fields.kind {
                KindField::Turn => StepKind::Turn,
                KindField::Wake => StepKind::Wake,
                KindField::Time => StepKind::Time,
            },
            thread: ThreadId(fields.thread),
            choice: fields.choice,
        }
    }
}

#[cfg(test)]
mod tests {
    use portsim_model::expr::ExprId;

    use super::*;

    #[test]
    fn a_violation_is_read_as_it_was_told() {
        let builtin = FAULTS.map(|(fault, _)| Violation::Builtin(fault));
        let own = [
            Violation::Always(3),
            Violation::AtEnd(0),
            Violation::Eventually(1),
        ];
        for violation in builtin.into_iter().chain(own) {
            let line = to_json(&ViolationFields::from(violation));
            let told: ViolationFields = from_json(&line).expect("it was told");
            assert_eq!(Violation::try_from(told), Ok(violation), "{line}");
        }
    }

    #[test]
    fn a_batch_that_is_not_whole_is_seen() {
        let batch = |parents: usize, bytes: usize| Batch {
            prints: vec![1, 2],
            parents: vec![0; parents],
            bytes: vec![0; bytes],
        };
        assert!(batch(2, 6).is_whole(3));
        for (parents, bytes) in [(1, 6), (3, 6), (2, 5), (2, 7), (2, 0)] {
            assert!(!batch(parents, bytes).is_whole(3), "{parents}, {bytes}");
        }
        assert!(Batch::default().is_whole(3));
    }

    #[test]
    fn a_conviction_of_something_else_is_seen() {
        let program = Program {
            always: vec![ExprId(0)],
            ..Program::default()
        };
        let fits = |violation, steps, last| {
            let conviction = Conviction {
                steps,
                violation,
                state: 0,
                last,
            };
            conviction.fits(&program, 4)
        };
        let turn = StepFields {
            kind: KindField::Turn,
            thread: 0,
            choice: 0,
        };
        assert!(fits(ViolationFields::Always(0), 0, None));
        assert!(fits(ViolationFields::Builtin(0), 5, Some(turn)));
        assert!(!fits(ViolationFields::Builtin(0), 6, Some(turn)));
        assert!(!fits(ViolationFields::Builtin(0), 0, Some(turn)));
        for unknown in [
            ViolationFields::Builtin(u16::MAX),
            ViolationFields::Always(1),
            ViolationFields::AtEnd(0),
            ViolationFields::Eventually(0),
        ] {
            assert!(!fits(unknown, 3, None), "{unknown:?}");
        }
    }

    #[test]
    fn an_unknown_violation_is_an_error() {
        let unknown = ViolationFields::Builtin(FAULTS.len() as u16);
        assert!(Violation::try_from(unknown).is_err());
        for line in [r#"{"Sideways":0}"#, "[4,0]", "3"] {
            assert!(from_json::<ViolationFields>(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_step_is_read_as_it_was_told() {
        for kind in [StepKind::Turn, StepKind::Wake, StepKind::Time] {
            let step = Step {
                kind,
                thread: ThreadId(2),
                choice: 300,
            };
            let told: StepFields = from_json(&to_json(&StepFields::from(step))).expect("as above");
            assert_eq!(Step::from(told), step);
        }
    }
}

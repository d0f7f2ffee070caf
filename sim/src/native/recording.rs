//! What a run in lock-step gives: a recording, or the reason why there is none.

use std::fmt;
use std::time::Duration;

use portsim_model::program::{Op, ThreadId};

use super::backend::Failure;
use crate::names::Names;
use crate::trace::Shown;

/// How often a run is made before its clock is given up.
pub(super) const TRIES: u32 = 3;

/// Limits of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long one turn may take, besides the time that it waits for a deadline.
    pub turn_limit: Duration,
    /// The most turns.
    pub turns_max: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            turn_limit: Duration::from_secs(10),
            turns_max: 100_000,
        }
    }
}

/// What a run showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Everything, in order. A failed assertion is the last event, as a call without an answer.
    pub events: Vec<Shown>,
    /// Who was still parked in a call, by thread.
    pub parked: Vec<ThreadId>,
    /// Why it stopped.
    pub ended: Ended,
    /// Turns taken, those that did nothing included.
    pub turns: u64,
}

/// Why a recording stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nothing can move any more.
    Rest,
    /// After the last turn of the schedule.
    ScheduleOver,
    /// This turn of the schedule, counted from 0, is of a thread that is parked.
    ScheduleStuck(usize, ThreadId),
    /// This thread's assertion did not hold.
    AssertFailed(ThreadId),
    /// This thread goes round without an operation, or a value that it needs does not exist.
    Nowhere(ThreadId),
    /// After [`Options::turns_max`].
    StepLimit,
}

impl Ended {
    /// Why it stopped, in words.
    pub fn words(self, names: &Names) -> String {
        let name = |thread: ThreadId| &names.threads[thread.index()];
        match self {
            Ended::Rest => "nothing can move any more".to_owned(),
            Ended::ScheduleOver => "the schedule is over".to_owned(),
            Ended::ScheduleStuck(turn, thread) => {
                format!(
                    "turn {} of the schedule is {}'s, which cannot move",
                    turn + 1,
                    name(thread)
                )
            }
            Ended::AssertFailed(thread) => {
                format!("an assertion of {} does not hold", name(thread))
            }
            Ended::Nowhere(thread) => format!("{} goes round without an operation", name(thread)),
            Ended::StepLimit => "the limit of turns was reached".to_owned(),
        }
    }
}

/// Why there is no recording.
#[derive(Debug)]
pub enum NoRecording {
    /// The backend cannot run here, for this reason.
    Unavailable(String),
    /// The backend has no such operation, or nobody outside could play this program.
    Unsupported(String),
    /// A system call failed.
    Failed(Failure),
    /// A turn took longer than its limit.
    Overdue {
        /// Which turn, counted from 0.
        turn: u64,
        /// Who was still moving.
        thread: ThreadId,
        /// In which call.
        op: Op,
        /// The limit.
        limit: Duration,
        /// What had been shown before.
        events: Vec<Shown>,
    },
    /// The machine disturbed every try: this is what happened in the last one.
    Unsteady(String),
}

impl From<Failure> for NoRecording {
    fn from(failure: Failure) -> NoRecording {
        NoRecording::Failed(failure)
    }
}

impl fmt::Display for NoRecording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoRecording::Unavailable(why) | NoRecording::Unsupported(why) => f.write_str(why),
            NoRecording::Failed(failure) => failure.fmt(f),
            NoRecording::Overdue {
                turn,
                thread,
                op,
                limit,
                ..
            } => write!(
                f,
                "turn {turn}: thread {} has neither returned from {op:?} nor parked in it after {limit:?}",
                thread.0
            ),
            NoRecording::Unsteady(why) => write!(f, "{why}, in each of {TRIES} runs"),
        }
    }
}

impl std::error::Error for NoRecording {}

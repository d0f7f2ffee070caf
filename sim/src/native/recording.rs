//! What a run in lock-step gives: a recording, or the reason why there is none.

use std::time::Duration;

use portsim_model::program::{Op, Slated, ThreadId};

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
    /// The most turns of a run without a schedule, which is a limit of its own; a deadline counts for several.
    pub turns_max: u64,
    /// By how much deadlines are shorter than is safe on a busy machine, where many short runs are made: one that fires
    /// too early makes the run be repeated.
    pub haste: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            turn_limit: Duration::from_secs(10),
            turns_max: 100_000,
            haste: 1,
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
    /// Whose turns those were that did something: as a schedule, they lead here again.
    pub taken: Vec<Slated>,
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
    /// After the last step of the path that was followed.
    Followed,
    /// The path that was followed has this turn, counted from 0, and this thread cannot take it.
    AnotherWay(usize, ThreadId),
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
            Ended::Followed => "the path is over".to_owned(),
            Ended::AnotherWay(turn, thread) => format!(
                "turn {} of the path is {}'s, which cannot take it",
                turn + 1,
                name(thread)
            ),
            Ended::AssertFailed(thread) => {
                format!("an assertion of {} does not hold", name(thread))
            }
            Ended::Nowhere(thread) => format!(
                "{} goes round without an operation, or has no value to go on with",
                name(thread)
            ),
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
    Unsteady(Disturbance),
}

/// What disturbed a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// A signal interrupted a wait.
    Signal,
    /// The timeout of this thread fired before the clock had its turn.
    Timeout(ThreadId),
}

impl From<Failure> for NoRecording {
    fn from(failure: Failure) -> NoRecording {
        NoRecording::Failed(failure)
    }
}

impl NoRecording {
    /// Why there is none, in words.
    pub fn words(&self, names: &Names) -> String {
        match self {
            NoRecording::Unavailable(why) | NoRecording::Unsupported(why) => why.clone(),
            NoRecording::Failed(failure) => failure.to_string(),
            NoRecording::Overdue {
                turn,
                thread,
                op,
                limit,
                ..
            } => format!(
                "in turn {} thread {} has neither returned from `{}` nor parked in it after {limit:?}",
                turn + 1,
                names.threads[thread.index()],
                op.verb().name()
            ),
            NoRecording::Unsteady(Disturbance::Signal) => {
                format!("a signal interrupted a wait, in each of {TRIES} runs")
            }
            NoRecording::Unsteady(Disturbance::Timeout(thread)) => format!(
                "the timeout of {} fired before the clock had its turn, in each of {TRIES} runs",
                names.threads[thread.index()]
            ),
        }
    }
}

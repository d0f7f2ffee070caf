//! Runs of polls: a thread that asks the same over and over, and is told the same.

use portsim_model::event::Error;
use portsim_model::program::Op;

use super::changes::Change;
use super::{Answer, Event, Shown};
use crate::words;

/// Fewer are shown one by one.
const TIMES_MIN: usize = 3;

/// The most events that repeat together.
const LEN_MAX: usize = 12;

/// Events that repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Where the first stands, counted from 0.
    pub first: usize,
    /// How many events repeat.
    pub len: usize,
    /// How often they stand there.
    pub times: usize,
}

/// The runs of polls of a trace, in order. None goes beyond the beginning of a loop, and none changes anything.
pub fn runs(events: &[Event], loop_at: Option<u64>, changes: &[Change]) -> Vec<Run> {
    let ends_before = |at: usize| loop_at.filter(|&first| first > at as u64 + 1);
    let mut polls: Vec<bool> = events.iter().map(is_poll).collect();
    for change in changes {
        if let Some(at) = (change.after as usize).checked_sub(1) {
            polls[at] = false;
        }
    }
    let (mut runs, mut at) = (Vec::new(), 0);
    while at < events.len() {
        let end = ends_before(at).map_or(events.len(), |first| first as usize - 1);
        let found = (1..=LEN_MAX).find_map(|len| {
            let times = times(&events[at..end], &polls[at..end], len);
            let first = at;
            (times >= TIMES_MIN).then_some(Run { first, len, times })
        });
        at += found.map_or(1, |run| run.len * run.times);
        runs.extend(found);
    }
    runs
}

/// How often the first so many events stand there one after the other, if all are polls.
fn times(events: &[Event], polls: &[bool], len: usize) -> usize {
    let chunks = events.chunks_exact(len).zip(polls.chunks_exact(len));
    let same = |(chunk, polls): &(&[Event], &[bool])| {
        let mut pairs = chunk.iter().zip(events);
        polls.iter().all(|is_poll| *is_poll) && pairs.all(|(one, first)| look_alike(one, first))
    };
    chunks.take_while(same).count()
}

/// Whether lanes show the same of two events.
fn look_alike(one: &Event, other: &Event) -> bool {
    (&one.shown, &one.told, &one.by) == (&other.shown, &other.told, &other.by)
}

/// Whether an event comes to nothing, so that the same may follow.
fn is_poll(event: &Event) -> bool {
    let timed_out = |answer: &Answer| answer.error() == Some(Error::Timeout);
    match &event.shown {
        Shown::Call { op, answer, .. } => match answer {
            None => !op.evaluates(),
            Some(answer) => *op == Op::Yield || words::asked(*op).is_some() || timed_out(answer),
        },
        Shown::Return { answer, .. } => timed_out(answer),
        Shown::Silent { .. } => true,
    }
}

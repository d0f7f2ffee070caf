//! What `replay` and `diff` found: where two courses of one scenario part.

use std::sync::Arc;

use portsim_model::property::Violation;

use super::exit::{Cut, Exit};
use crate::scenario::Scenario;
use crate::trace::changes::Change;
use crate::trace::{Event, cells};

/// Whether two courses show the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They do.
    Same,
    /// They part somewhere.
    Differ,
}

impl Verdict {
    /// The verdict of what was found.
    pub fn of(parting: Option<&Parting>) -> Verdict {
        match parting {
            None => Verdict::Same,
            Some(_) => Verdict::Differ,
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Same => "same",
            Verdict::Differ => "differ",
        }
    }
}

/// Where two courses part.
#[derive(Debug, Clone)]
pub struct Parting {
    /// The events before it, which both show.
    pub before: Vec<Event>,
    /// What the first shows then.
    pub left: Side,
    /// What the second shows then.
    pub right: Side,
}

impl Parting {
    /// The first event in which they differ, counted from 1.
    pub fn at(&self) -> u64 {
        self.before.len() as u64 + 1
    }
}

/// What one of two courses shows.
#[derive(Debug, Clone)]
pub enum Side {
    /// This event.
    Event(Event),
    /// That it is over.
    End,
    /// That it goes round for ever from the event of this number on.
    GoesRound(u64),
    /// Nothing: it cannot go on.
    Nothing,
}

impl Side {
    /// In words, where it shows something.
    pub fn words(&self, scenario: &Scenario) -> Option<String> {
        match self {
            Side::Event(event) => {
                let thread = scenario.names.thread_name(event.shown.thread());
                let cell = cells::cell(&scenario.names, &scenario.program, &event.shown);
                Some(format!("{thread}: {cell}"))
            }
            Side::End => Some("the end".to_owned()),
            Side::GoesRound(first) => Some(format!("goes round from event {first} again")),
            Side::Nothing => None,
        }
    }
}

/// A trace of the model, played once more.
#[derive(Debug, Clone)]
pub struct Replay {
    /// What it is a trace of.
    pub scenario: Arc<Scenario>,
    /// The personality.
    pub personality: &'static str,
    /// Events of the trace.
    pub events: u64,
    /// What it shows and changes, where that was asked and it comes out.
    pub played: Option<Played>,
    /// What its last state violates.
    pub violation: Option<Violation>,
    /// Where trace and model part.
    pub parting: Option<Parting>,
    /// Where the trace is cut.
    pub cut: Option<Cut>,
}

impl Replay {
    /// What it comes to.
    pub fn exit(&self) -> Exit {
        exit(self.parting.as_ref(), self.cut.as_ref())
    }
}

/// What a trace shows that was played once more.
#[derive(Debug, Clone)]
pub struct Played {
    /// Its events.
    pub events: Vec<Event>,
    /// The number of the event from which on they repeat for ever.
    pub loop_at: Option<u64>,
    /// What each step changes.
    pub changes: Vec<Change>,
}

/// Two traces of one scenario.
#[derive(Debug, Clone)]
pub struct Diff {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// Events of the first that an observer can see.
    pub events: u64,
    /// Where they part.
    pub parting: Option<Parting>,
    /// Where the first of those that are cut is cut.
    pub cut: Option<Cut>,
}

impl Diff {
    /// What it comes to.
    pub fn exit(&self) -> Exit {
        exit(self.parting.as_ref(), self.cut.as_ref())
    }
}

fn exit(parting: Option<&Parting>, cut: Option<&Cut>) -> Exit {
    match (cut, Verdict::of(parting)) {
        (Some(cut), _) => Exit::Cut(cut.clone()),
        (None, Verdict::Differ) => Exit::Unexpected,
        (None, Verdict::Same) => Exit::AsExpected,
    }
}

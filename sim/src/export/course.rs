//! A run or a recording that is drawn: what all pictures of one have in common.

use portsim_model::event::Error;
use portsim_model::machine::AnyMachine;
use portsim_model::program::{Program, ThreadId};
use portsim_model::state::View;

use crate::names::Names;
use crate::trace::changes::States;
use crate::trace::{Answer, Event, Shown, Span, call_line, cells};

/// What is drawn.
#[derive(Clone, Copy)]
pub struct Course<'a> {
    /// What it is a course of.
    pub title: &'a str,
    /// The names of the program's parts.
    pub names: &'a Names,
    /// What its threads do.
    pub program: &'a Program,
    /// What is seen.
    pub events: &'a [Event],
    /// When, of threads at full speed; else nothing.
    pub spans: &'a [Span],
    /// The number of the event from which on they repeat for ever.
    pub loop_at: Option<u64>,
    /// What is wrong at its end; empty where nothing is.
    pub wrong: &'a str,
    /// What plays it, and every state, where a model does.
    pub states: Option<(&'a dyn AnyMachine, &'a States)>,
}

/// What an event does to the call of its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bar {
    /// A call that came back at once.
    Point,
    /// A call that waits.
    Begin,
    /// A call comes back that waited.
    End,
    /// Nothing that anybody sees.
    Silent,
}

impl<'a> Course<'a> {
    /// Threads that do something.
    pub fn threads(&self) -> Vec<ThreadId> {
        let acts = |id: &ThreadId| self.events.iter().any(|it| it.shown.thread() == *id);
        self.program.thread_ids().filter(acts).collect()
    }

    /// What an event says.
    pub fn words(&self, event: &Event) -> String {
        cells::told(self.names, self.program, event)
    }

    /// What a call is made on: a port, an object, a file; none where a thread acts by itself.
    pub fn noun(&self, event: &Event) -> Option<String> {
        let op = match &event.shown {
            Shown::Call { op, .. } | Shown::Return { op, .. } => *op,
            Shown::Silent { .. } => return None,
        };
        let line = call_line(self.names, self.program, op);
        let nouns = [
            line.port,
            line.object,
            line.file,
            line.operation,
            line.source,
            line.job,
            line.wait_packet,
        ];
        nouns.into_iter().flatten().next()
    }

    /// Everything that calls are made on, each once, in the order in which it comes.
    pub fn nouns(&self) -> Vec<String> {
        let mut nouns = Vec::new();
        for noun in self.events.iter().filter_map(|event| self.noun(event)) {
            if !nouns.contains(&noun) {
                nouns.push(noun);
            }
        }
        nouns
    }

    /// For each event the number of the one that caused it: of a return in the step of somebody else's call that call.
    pub fn causes(&self) -> Vec<Option<usize>> {
        let mut causes = Vec::new();
        let mut call: Option<usize> = None;
        for (n, event) in self.events.iter().enumerate() {
            if self.begins_step(n) {
                call = None;
            }
            let by = call.filter(|&call| {
                let caller = self.events[call].shown.thread();
                caller != event.shown.thread()
            });
            let is_return = matches!(event.shown, Shown::Return { .. });
            causes.push(by.filter(|_| is_return));
            if matches!(event.shown, Shown::Call { .. }) {
                call = Some(n);
            }
        }
        causes
    }

    /// Whether a step begins with an event: where nobody noted steps, with each call. At full speed nobody knows.
    fn begins_step(&self, n: usize) -> bool {
        match self.states {
            Some((_, states)) => states.iter().any(|(after, _)| *after == n as u64),
            None if !self.spans.is_empty() => true,
            None => matches!(self.events[n].shown, Shown::Call { .. }),
        }
    }

    /// The states as views, each with the number of the last event before it.
    pub fn views(&self) -> impl Iterator<Item = (u64, View<'a>)> + use<'a> {
        let states = self.states.into_iter();
        states.flat_map(|(machine, states)| {
            let states = states.iter();
            states.map(move |(after, state)| (*after, machine.view(state)))
        })
    }
}

/// What an event does to the call of its thread.
pub fn bar(event: &Event) -> Bar {
    match &event.shown {
        Shown::Call { answer: None, .. } => Bar::Begin,
        Shown::Call { .. } => Bar::Point,
        Shown::Return { .. } => Bar::End,
        Shown::Silent { .. } => Bar::Silent,
    }
}

/// Whether an event says that a call failed. That an operation is pending is no failure.
pub fn is_failure(event: &Event) -> bool {
    let answer = match &event.shown {
        Shown::Call { answer, .. } => answer.as_ref(),
        Shown::Return { answer, .. } => Some(answer),
        Shown::Silent { .. } => None,
    };
    let is_one = |it: &&Answer| matches!(it, Answer::Failed(_) | Answer::Partial(..));
    let failure = answer.filter(is_one);
    failure.is_some_and(|it| it.error() != Some(Error::Pending))
}

//! Steps that show what a recording shows, as far as there are some.
//!
//! Whether there are is for the judge to say (`admit`), which keeps every situation that is possible. Here one way is
//! enough: the first that comes as far as any.

use std::collections::BTreeSet;

use portsim_model::program::{Op, ThreadId};
use portsim_model::step::{Step, StepKind};
use portsim_model::threads::Mode;

use super::Graph;
use crate::trace::{Answer, Event, Shown};

/// Situations that are looked at before it gives up.
const SITUATIONS_MAX: usize = 100_000;

/// Who returned, from what, with what.
type Return = (ThreadId, Op, Answer);

/// Where the model could be: a state, how much of the recording was shown, and returns that the model has made and the
/// recording has still to show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Situation {
    node: usize,
    shown: usize,
    pending: Vec<Return>,
}

/// A situation, the one before it, and the step between them.
type Link = (Situation, usize, Option<Step>);

impl Graph {
    /// Steps from the first state that show these events, or as many of them from the first on as it finds; how many those
    /// are. `at_rest` says that woken threads had come to rest before each turn, as in lock-step.
    pub fn explain(&mut self, events: &[Event], at_rest: bool) -> (Vec<Step>, usize) {
        let first = Situation {
            node: 0,
            shown: 0,
            pending: Vec::new(),
        };
        let mut links: Vec<Link> = vec![(first.clone(), 0, None)];
        let mut seen = BTreeSet::from([first]);
        let (mut open, mut best) = (vec![0], 0);
        while let Some(at) = open.pop() {
            if links[at].0.shown > links[best].0.shown {
                best = at;
            }
            if links[best].0.shown == events.len() || links.len() > SITUATIONS_MAX {
                break;
            }
            let next = self.next(&links[at].0.clone(), events, at_rest);
            // What comes first is looked at first.
            for (situation, step) in next.into_iter().rev() {
                if seen.insert(situation.clone()) {
                    open.push(links.len());
                    links.push((situation, at, step));
                }
            }
        }
        let shown = links[best].0.shown;
        let mut way = Vec::new();
        while best != 0 {
            let (_, before, step) = &links[best];
            way.extend(*step);
            best = *before;
        }
        way.reverse();
        (way, shown)
    }

    fn next(
        &mut self,
        situation: &Situation,
        events: &[Event],
        at_rest: bool,
    ) -> Vec<(Situation, Option<Step>)> {
        let Some(coming) = events.get(situation.shown) else {
            return Vec::new();
        };
        let without = |pending: Vec<Return>| Situation {
            shown: situation.shown + 1,
            pending,
            ..situation.clone()
        };
        // A step that nobody sees is taken where it is needed, whether or not the recording says so.
        if let Shown::Silent { .. } = coming.shown {
            return vec![(without(situation.pending.clone()), None)];
        }
        if let Shown::Return { thread, answer, .. } = &coming.shown {
            let own = |(who, _, given): &Return| who == thread && given.agrees(answer);
            if let Some(place) = situation.pending.iter().position(own) {
                let mut pending = situation.pending.clone();
                pending.remove(place);
                return vec![(without(pending), None)];
            }
        }
        let ended = match coming.shown {
            Shown::Call { thread, op, .. } => (op == Op::Exit).then_some(thread),
            Shown::Return { .. } | Shown::Silent { .. } => None,
        };
        let view = self.machine.view(&self.nodes[situation.node].state);
        let is_over = ended.is_some_and(|thread| view.mode(thread) == Mode::Done);
        let edges = self.expand(situation.node);
        let has_wakes = edges.iter().any(|edge| edge.step.kind == StepKind::Wake);
        let is_turn = situation.pending.is_empty() && !(at_rest && has_wakes);
        let later = &events[situation.shown..];
        let mut next = Vec::new();
        // The end of a thread that nobody counts is no step; a backend may count it all the same.
        if is_over && is_turn {
            next.push((without(Vec::new()), None));
        }
        for edge in edges {
            let seen = edge.events.iter().map(|event| &event.shown);
            let mut seen = seen
                .filter(|shown| !matches!(shown, Shown::Silent { .. }))
                .peekable();
            let is_own = edge.step.kind == StepKind::Turn;
            let mut shown = situation.shown;
            if is_own && let Some(first) = seen.next() {
                if !is_turn || !first.agrees(&coming.shown) {
                    continue;
                }
                shown += 1;
            }
            let mut pending = situation.pending.clone();
            pending.extend(seen.filter_map(returned));
            let comes = |(who, _, given): &Return| {
                later.iter().any(|event| match &event.shown {
                    Shown::Return { thread, answer, .. } => who == thread && given.agrees(answer),
                    _ => false,
                })
            };
            // A deadline may pass at any moment, so it is let pass only where the recording shows it.
            if edge.step.kind != StepKind::Time || pending.iter().all(comes) {
                pending.sort();
                let node = edge.to;
                next.push((
                    Situation {
                        node,
                        shown,
                        pending,
                    },
                    Some(edge.step),
                ));
            }
        }
        next
    }
}

fn returned(shown: &Shown) -> Option<Return> {
    match shown {
        Shown::Return { thread, op, answer } => Some((*thread, *op, answer.clone())),
        Shown::Call { .. } | Shown::Silent { .. } => None,
    }
}

//! Does every fair run come to what it owes?
//!
//! A run that does not is one of two things: a way from the first state to one in which nothing can move any more,
//! or a way to a loop that can go round for ever and is fair; and from some point on the promise is owed in each of
//! their states. So the states are explored once more for each `eventually` property, with whether it is owed
//! (`graph`), and their owing part is searched for such a loop (`component`). Each process does this alone: what
//! comes out is the same everywhere.

mod component;
mod graph;

use std::sync::atomic::{AtomicBool, Ordering};

use portsim_model::machine::AnyMachine;
use portsim_model::step::Step;

use super::{Cut, Limits, Progress};
use component::{Component, Stopped};
use graph::Graph;

/// A run that never comes to what it owes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owing {
    /// Its steps; those of the loop once.
    pub path: Vec<Step>,
    /// How many steps stand before the loop; none where the run ends.
    pub loop_from: Option<usize>,
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every fair run comes to what it owes.
    Kept,
    /// Nothing is ever owed, although something was meant to call for it.
    NeverOwed,
    /// This run does not.
    Broken(Owing),
    /// Nothing was found, and not everything was seen.
    Partial(Cut),
}

/// How often somebody is asked and told, in states.
const GLANCE: u32 = 4096;

/// Looks for a run that never comes to what the `eventually` property of this number says.
pub fn search(
    machine: &dyn AnyMachine,
    property: usize,
    limits: Limits,
    stop: &AtomicBool,
    mut progress: impl FnMut(Progress),
) -> Verdict {
    let mut graph = Graph::new(machine, property);
    let mut cut = None;
    while !graph.is_expanded() && cut.is_none() {
        if graph.expanded().is_multiple_of(GLANCE) {
            progress(graph.progress());
            if stop.load(Ordering::Relaxed) {
                return Verdict::Partial(Cut::Stopped);
            }
        }
        if limits.depth.is_some_and(|depth| graph.depth() >= depth) {
            cut = Some(Cut::Depth);
        } else if graph.bytes() > limits.memory_bytes {
            cut = Some(Cut::Memory);
        } else if let Some(rest) = graph.expand(machine) {
            return Verdict::Broken(Owing {
                path: graph.way(rest),
                loop_from: None,
            });
        }
    }
    // What was not expanded has no step, so no loop goes through it.
    match component::first_fair(&graph, stop) {
        Err(Stopped) => Verdict::Partial(Cut::Stopped),
        Ok(Some(component)) => Verdict::Broken(lasso(&graph, &component)),
        Ok(None) => match cut.or(graph.bounded().then_some(Cut::Bound)) {
            Some(cut) => Verdict::Partial(cut),
            None if graph.is_ever_owed() => Verdict::Kept,
            None => Verdict::NeverOwed,
        },
    }
}

/// In components of at most so many states, a loop is sought from each.
const READABLE: usize = 256;

/// A way into a fair component and a fair loop in it: from its first state, or from whichever makes both together
/// the shortest, where there are few.
fn lasso(graph: &Graph, component: &Component<'_>) -> Owing {
    let starts = if component.len() <= READABLE {
        component.len()
    } else {
        1
    };
    let from = |start: usize| {
        let mut path = graph.way(component.node(start));
        let stem = path.len();
        path.extend(component.fair_loop(start));
        Owing {
            path,
            loop_from: Some(stem),
        }
    };
    (0..starts)
        .map(from)
        .min_by_key(|owing| owing.path.len())
        .expect("a component has a state")
}

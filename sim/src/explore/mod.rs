//! The states of a scenario and the steps between them, as far as somebody wants to walk around in them.
//!
//! A search keeps fingerprints; whoever steps through a scenario wants each state whole, every step that is possible
//! there with what it shows and which claims decide it, and why the others cannot move. [`Graph`] grows where it is asked
//! to. A step is known by what it does: two steps to one state are two.

mod explained;
mod facts;
mod tour;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use portsim_model::State;
use portsim_model::machine::AnyMachine;
use portsim_model::program::ThreadId;
use portsim_model::property::{Fault, Violation};
use portsim_model::step::Step;
use portsim_model::threads::Mode;

use crate::trace::{Event, Teller, Watcher};

pub use facts::{About, Fact, Is, Plain, Terms, facts, properties, property_text};
pub use tour::{Parted, Tour};

/// States and steps, the first state before all others.
#[derive(Debug, Clone)]
pub struct Graph {
    machine: Arc<dyn AnyMachine>,
    nodes: Vec<Node>,
    numbers: HashMap<Situation, usize>,
}

/// A state, and the invariant of every port that the step into it broke: such a run ends there.
type Situation = (State, Option<Fault>);

/// A state.
#[derive(Debug, Clone)]
pub struct Node {
    /// The state.
    pub state: State,
    /// A state one step before it, which the graph knew first; none of the first state.
    pub before: Option<usize>,
    /// What is wrong there.
    pub wrong: Option<Violation>,
    /// Whether only a bound of the scenario keeps somebody from moving.
    pub is_bounded: bool,
    /// Whether an invariant of every port is broken there, so that no rule says what comes next.
    pub is_broken: bool,
    /// Every step that is possible, where it was asked.
    steps: Option<Vec<Edge>>,
}

/// A step out of a state.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Which.
    pub step: Step,
    /// What is seen of it, and the claims that decided.
    pub events: Vec<Event>,
    /// Threads that it makes runnable inside their calls.
    pub woken: Vec<ThreadId>,
    /// The state that it leads to.
    pub to: usize,
}

impl Graph {
    /// The first state alone.
    pub fn new(machine: Arc<dyn AnyMachine>) -> Graph {
        let mut graph = Graph {
            machine,
            nodes: Vec::new(),
            numbers: HashMap::new(),
        };
        let boot = graph.machine.boot();
        graph.number(boot, None, None);
        graph
    }

    /// What plays it.
    pub fn machine(&self) -> &dyn AnyMachine {
        &*self.machine
    }

    /// Every state that it has met.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The steps that are possible in a state; none where nobody has asked yet.
    pub fn steps(&self, node: usize) -> Option<&[Edge]> {
        self.nodes[node].steps.as_deref()
    }

    /// Whether it knows the steps of all its states, so that it is the whole graph of the scenario.
    pub fn is_whole(&self) -> bool {
        self.nodes.iter().all(|node| node.steps.is_some())
    }

    /// Finds out the steps that are possible in a state.
    pub fn expand(&mut self, node: usize) -> &[Edge] {
        if self.nodes[node].steps.is_none() {
            let (found, is_bounded) = self.found(node);
            let at_rest = found.is_empty() && !is_bounded && !self.nodes[node].is_broken;
            let edges = found.into_iter().map(|it| Edge {
                step: it.step,
                events: it.events,
                woken: it.woken,
                to: self.number(it.state, it.fault, Some(node)),
            });
            let edges = edges.collect();
            let it = &mut self.nodes[node];
            if at_rest && it.wrong.is_none() {
                it.wrong = self.machine.judge_end(&it.state);
            }
            it.is_bounded = is_bounded;
            it.steps = Some(edges);
        }
        self.nodes[node].steps.as_deref().unwrap_or_default()
    }

    /// Follows a run from the first state: the states that it comes through, the first one included. It ends where a step
    /// is not possible.
    pub fn follow(&mut self, run: &[Step]) -> Vec<usize> {
        let mut way = vec![0];
        for step in run {
            let here = way[way.len() - 1];
            let edge = self.expand(here).iter().find(|edge| edge.step == *step);
            let Some(edge) = edge else {
                break;
            };
            way.push(edge.to);
        }
        way
    }

    /// Finds out what is near these states, nearest first, until it knows so many.
    pub fn grow(&mut self, around: &[usize], nodes_max: usize) {
        let mut queue: VecDeque<usize> = around.iter().copied().collect();
        let mut is_queued = vec![false; self.nodes.len()];
        for &node in around {
            is_queued[node] = true;
        }
        while let Some(node) = queue.pop_front() {
            if self.nodes.len() >= nodes_max {
                return;
            }
            self.expand(node);
            is_queued.resize(self.nodes.len(), false);
            for edge in self.nodes[node].steps.iter().flatten() {
                if !is_queued[edge.to] {
                    is_queued[edge.to] = true;
                    queue.push_back(edge.to);
                }
            }
        }
    }

    /// The number of a state, a new one for a new state.
    fn number(&mut self, state: State, fault: Option<Fault>, before: Option<usize>) -> usize {
        let next = self.nodes.len();
        let number = *self.numbers.entry((state.clone(), fault)).or_insert(next);
        if number == next {
            let broken = fault.map(Violation::Builtin);
            let wrong = broken.or_else(|| self.machine.judge(&state));
            self.nodes.push(Node {
                is_broken: matches!(wrong, Some(Violation::Builtin(_))),
                wrong,
                state,
                before,
                is_bounded: false,
                steps: None,
            });
        }
        number
    }

    /// The steps out of a state, and whether a bound keeps somebody from one.
    fn found(&self, node: usize) -> (Vec<Taken>, bool) {
        let (machine, node) = (self.machine(), &self.nodes[node]);
        let mut taken = Vec::new();
        if node.is_broken {
            return (taken, false);
        }
        let mut movers = Vec::new();
        let bounded = machine.movers(&node.state, &mut movers);
        let mut watcher = Watcher::asking_why(machine.program(), machine.os_error());
        for mover in movers {
            machine.take_all(
                &node.state,
                mover,
                &mut watcher,
                |watcher, step, state, fault| {
                    let mut events = Vec::new();
                    watcher.finish(step, &mut events);
                    let mut teller = Teller::of_one_step(machine);
                    teller.tell(&node.state, step, &state, &mut events);
                    teller.end(&mut events);
                    let (before, after) = (machine.view(&node.state), machine.view(&state));
                    let is_woken = |&id: &ThreadId| {
                        before.mode(id) != Mode::Woken && after.mode(id) == Mode::Woken
                    };
                    taken.push(Taken {
                        step,
                        events,
                        woken: machine.program().thread_ids().filter(is_woken).collect(),
                        state,
                        fault,
                    });
                },
            );
        }
        (taken, bounded.0)
    }
}

/// A step that was taken.
struct Taken {
    step: Step,
    events: Vec<Event>,
    woken: Vec<ThreadId>,
    state: State,
    fault: Option<Fault>,
}

#[cfg(test)]
mod tests;

//! Strongly connected components in which something is owed, and fair loops through them.
//!
//! A loop lies within one component. It is fair if each actor moves in it or cannot move in one of its states; then
//! the same is true of the component. And where it is true of a component there is such a loop: one that goes through
//! all of it. A part of a component has fewer steps and fewer states, so where a component is not fair no part of it
//! is, and components need not be taken apart any further.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use portsim_model::fair::Actors;
use portsim_model::step::Step;

use super::graph::{Graph, NodeId};

/// A fair component.
pub struct Component<'g> {
    graph: &'g Graph,
    /// Its nodes, in order: the first is the one that the search came to first.
    nodes: Vec<NodeId>,
}

/// Somebody has stopped the search for components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// The fair component that the search came to first.
///
/// # Errors
///
/// If somebody stops it, because another component could have come first.
pub fn first_fair<'g>(
    graph: &'g Graph,
    stop: &AtomicBool,
) -> Result<Option<Component<'g>>, Stopped> {
    let mut first: Option<Vec<NodeId>> = None;
    components(graph, stop, |nodes, is_inside| {
        let earlier = first.as_ref().is_none_or(|first| nodes[0] < first[0]);
        if earlier && is_fair(graph, nodes, is_inside) {
            first = Some(nodes.to_vec());
        }
    })?;
    Ok(first.map(|nodes| Component { graph, nodes }))
}

/// Whether everybody has its due where a run stays in these nodes and takes all their steps again and again.
fn is_fair(graph: &Graph, nodes: &[NodeId], is_inside: &dyn Fn(NodeId) -> bool) -> bool {
    let (mut due, mut goes_on) = (Actors::default(), false);
    for &node in nodes {
        due |= graph.idle(node);
        for edge in graph.edges(node).iter().filter(|edge| is_inside(edge.to)) {
            due |= Actors::of(edge.step);
            goes_on = true;
        }
    }
    goes_on && due == Actors::ALL
}

/// How often somebody is asked whether to go on, in nodes.
const GLANCE: u32 = 1 << 16;
/// No number yet.
const UNSEEN: u32 = u32::MAX;
/// Its component is known.
const SETTLED: u32 = u32::MAX - 1;

/// Tells of each strongly connected component of the owing nodes, in order, and what is inside. This is Tarjan's
/// algorithm; its recursion is a list of the nodes that are being visited, each with how many of its edges were
/// followed, because a way can be as long as there are nodes.
fn components(
    graph: &Graph,
    stop: &AtomicBool,
    mut tell: impl FnMut(&[NodeId], &dyn Fn(NodeId) -> bool),
) -> Result<(), Stopped> {
    let len = graph.nodes().len();
    // The lowest number that is known to be reachable from a node; its own at first.
    let mut low = vec![UNSEEN; len];
    let mut component = vec![UNSEEN; len];
    let (mut count, mut told) = (0_u32, 0_u32);
    let (mut open, mut visits): (Vec<NodeId>, Vec<(NodeId, u32, usize)>) = (Vec::new(), Vec::new());
    for root in graph.nodes().filter(|&node| graph.owes(node)) {
        let mut next = (low[root as usize] == UNSEEN).then_some(root);
        loop {
            if let Some(node) = next.take() {
                if count.is_multiple_of(GLANCE) && stop.load(Ordering::Relaxed) {
                    return Err(Stopped);
                }
                low[node as usize] = count;
                visits.push((node, count, 0));
                open.push(node);
                count += 1;
            }
            let Some((node, number, followed)) = visits.last_mut() else {
                break;
            };
            let (node, number) = (*node, *number);
            if let Some(edge) = graph.edges(node).get(*followed) {
                *followed += 1;
                match low[edge.to as usize] {
                    _ if !graph.owes(edge.to) => {}
                    UNSEEN => next = Some(edge.to),
                    SETTLED => {}
                    other => low[node as usize] = low[node as usize].min(other),
                }
                continue;
            }
            visits.pop();
            let lowest = low[node as usize];
            if lowest == number {
                let from = open.iter().rposition(|&it| it == node).expect("it is open");
                open[from..].sort_unstable();
                for &member in &open[from..] {
                    component[member as usize] = told;
                    low[member as usize] = SETTLED;
                }
                tell(&open[from..], &|it| component[it as usize] == told);
                open.truncate(from);
                told += 1;
            } else if let Some(&(above, ..)) = visits.last() {
                low[above as usize] = low[above as usize].min(lowest);
            }
        }
    }
    Ok(())
}

impl Component<'_> {
    /// How many states it has.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Its node of this place.
    pub fn node(&self, place: usize) -> NodeId {
        self.nodes[place]
    }

    fn idle(&self, place: usize) -> Actors {
        self.graph.idle(self.nodes[place])
    }

    /// The steps that stay inside, with the places they lead to.
    fn steps(&self, place: usize) -> impl Iterator<Item = (usize, Step)> {
        let edges = self.graph.edges(self.nodes[place]).iter();
        edges.filter_map(|edge| Some((self.nodes.binary_search(&edge.to).ok()?, edge.step)))
    }

    /// A fair loop from a state back to it: always the shortest way to somebody who has not had its due, then
    /// home. It is not empty: the state has a step inside, and the actor that can take it has not had its due there.
    pub fn fair_loop(&self, start: usize) -> Vec<Step> {
        let (mut at, mut due) = (start, self.idle(start));
        let mut steps = Vec::new();
        while due != Actors::ALL {
            let way = self.shortest(at, |step, to| !due.hold(Actors::of(step) | self.idle(to)));
            for &(to, step) in &way {
                due |= Actors::of(step) | self.idle(to);
                steps.push(step);
                at = to;
            }
        }
        if at != start {
            let home = self.shortest(at, |_, to| to == start);
            steps.extend(home.into_iter().map(|(_, step)| step));
        }
        steps
    }

    /// A shortest way from a state through a last step that is wanted, with where each step leads.
    fn shortest(&self, from: usize, is_wanted: impl Fn(Step, usize) -> bool) -> Vec<(usize, Step)> {
        let mut before: Vec<Option<(usize, Step)>> = vec![None; self.len()];
        let mut queue = VecDeque::from([from]);
        while let Some(at) = queue.pop_front() {
            for (to, step) in self.steps(at) {
                if is_wanted(step, to) {
                    let mut way = vec![(to, step)];
                    let mut place = at;
                    while place != from {
                        let (earlier, step) = before[place].expect("it was reached");
                        way.push((place, step));
                        place = earlier;
                    }
                    way.reverse();
                    return way;
                }
                if to != from && before[to].is_none() {
                    before[to] = Some((at, step));
                    queue.push_back(to);
                }
            }
        }
        unreachable!(
            "in a component each state leads to each, and everybody gets its due somewhere"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use portsim_model::machine::Machine;
    use portsim_model::personality::Windows;

    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn who_is_stopped_says_so() {
        let text = r#"{ "why": "Nothing ever comes.", "ports": { "p": {} }, "threads": { "t": [{ "loop": ["yield"] }] },
            "properties": { "eventually": { "comes": "p.depth == 1" } } }"#;
        let path = Path::new("t.json");
        let scenario = Scenario::parse("t", path, text.as_bytes()).expect("it is one");
        let system = Machine::new(scenario.program, Windows::LATER, 1);
        let system = system.expect("it is playable");
        let mut graph = Graph::new(&system, 0);
        while !graph.is_expanded() {
            assert_eq!(graph.expand(&system), None, "nobody comes to rest");
        }
        let found = first_fair(&graph, &AtomicBool::new(false));
        assert!(matches!(found, Ok(Some(_))), "it goes round for ever");
        let stopped = first_fair(&graph, &AtomicBool::new(true));
        assert!(matches!(stopped, Err(Stopped)), "it was stopped before");
    }
}

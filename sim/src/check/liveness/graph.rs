//! States, each with whether something is owed in it, and the steps between them.

use hashbrown::HashTable;
use portsim_model::State;
use portsim_model::fair::{Actors, idle};
use portsim_model::machine::AnyMachine;
use portsim_model::step::Step;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::super::Progress;

/// A state with whether something is owed in it, by its place in the order of the search.
pub type NodeId = u32;

/// What a search for a component, or for a loop in it, needs for each node, besides the node.
const SEARCH_BYTES: usize = 48;

/// What the graph knows of a node.
struct Node {
    /// Who cannot move there.
    idle: Actors,
    /// Where its edges start, once it is expanded.
    edges: usize,
    /// The node that it was first reached from; its own for the first.
    parent: NodeId,
    /// Something is owed.
    owes: bool,
}

/// A step to another node.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// Where it leads.
    pub to: NodeId,
    /// What is done.
    pub step: Step,
}

/// The states that matter to one `eventually` property. Nodes are numbered in the order of a breadth-first search,
/// so that a lower number is no further from the start; states are compared as they are, not by a hash.
pub struct Graph {
    property: usize,
    /// Whether the promise can be owed again once it was kept. If not, what comes after matters to nobody.
    recurs: bool,
    state_len: usize,
    /// The states of all nodes, one after the other.
    states: Vec<u8>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    index: HashTable<NodeId>,
    expanded: NodeId,
    /// Steps from the start to the nodes that are being expanded.
    depth: u32,
    /// The first node that is one step further away.
    next_depth: NodeId,
    bounded: bool,
    state: State,
    successor: State,
    movers: Vec<Step>,
}

impl Graph {
    /// The graph of one property, with the first state.
    pub fn new(machine: &dyn AnyMachine, property: usize) -> Graph {
        let boot = machine.boot();
        let mut graph = Graph {
            property,
            recurs: machine.program().eventually[property].when.is_some(),
            state_len: boot.bytes().len(),
            states: Vec::new(),
            nodes: Vec::new(),
            edges: Vec::new(),
            index: HashTable::new(),
            expanded: 0,
            depth: 0,
            next_depth: 1,
            bounded: false,
            state: boot.clone(),
            successor: boot.clone(),
            movers: Vec::new(),
        };
        let owes = machine.owes_at_boot(&boot, property);
        if owes || graph.recurs {
            graph.insert(&boot, 0, owes);
        }
        graph
    }

    /// How many nodes were expanded.
    pub fn expanded(&self) -> u32 {
        self.expanded
    }

    /// Whether there is nothing left to expand.
    pub fn is_expanded(&self) -> bool {
        self.expanded as usize == self.nodes.len()
    }

    /// Steps from the start to the next node that is expanded.
    pub fn depth(&self) -> u32 {
        self.depth + u32::from(self.expanded == self.next_depth)
    }

    /// Whether a bound kept a step from being possible.
    pub fn bounded(&self) -> bool {
        self.bounded
    }

    /// Whether the promise is owed anywhere; one that is owed once is owed at the start, or kept there.
    pub fn is_ever_owed(&self) -> bool {
        !self.recurs || self.nodes.iter().any(|node| node.owes)
    }

    /// Bytes of memory that it uses, with what a search of it will need.
    pub fn bytes(&self) -> u64 {
        let nodes = self.nodes.capacity() * size_of::<Node>() + self.nodes.len() * SEARCH_BYTES;
        let edges = self.edges.capacity() * size_of::<Edge>();
        let index = self.index.allocation_size();
        (self.states.capacity() + nodes + edges + index) as u64
    }

    /// Where the search stands.
    pub fn progress(&self) -> Progress {
        Progress {
            states: self.nodes.len() as u64,
            transitions: self.edges.len() as u64,
            waiting: self.nodes.len() as u64 - u64::from(self.expanded),
            depth: self.depth,
            bytes: self.bytes(),
            level: 0,
            level_before: 0,
        }
    }

    /// Expands the next node; gives it back if something is owed there and nothing can move any more.
    pub fn expand(&mut self, machine: &dyn AnyMachine) -> Option<NodeId> {
        let node = self.expanded;
        self.depth = self.depth();
        if node == self.next_depth {
            self.next_depth = self.nodes.len() as NodeId;
        }
        self.expanded += 1;
        let owes = self.nodes[node as usize].owes;
        let at = node as usize * self.state_len;
        self.state.copy_from(&self.states[at..at + self.state_len]);
        let mut movers = std::mem::take(&mut self.movers);
        movers.clear();
        let bounded = machine.movers(&self.state, &mut movers).0;
        self.bounded |= bounded;
        let edges = self.edges.len();
        let (state, mut next) = (self.state.clone(), self.successor.clone());
        machine.successors(&state, &movers, &mut next, &mut |step, next, fault| {
            // The search for what is wrong in a state or a step has come no further either.
            let owes = machine.owes(next, self.property, owes);
            if fault.is_none() && (owes || self.recurs) {
                let to = self.insert(next, node, owes);
                self.edges.push(Edge { to, step });
            }
        });
        let rests = movers.is_empty() && !bounded;
        let expanded = &mut self.nodes[node as usize];
        (expanded.edges, expanded.idle) = (edges, idle(&movers, bounded));
        self.movers = movers;
        (rests && owes).then_some(node)
    }

    /// The node of a state.
    fn insert(&mut self, state: &State, parent: NodeId, owes: bool) -> NodeId {
        let (state_len, nodes, states) = (self.state_len, &self.nodes, &self.states);
        let of = |node: NodeId| &states[node as usize * state_len..][..state_len];
        let print = |bytes: &[u8], owes: bool| xxh3_64_with_seed(bytes, u64::from(owes));
        let wanted = state.bytes();
        let same = |&node: &NodeId| nodes[node as usize].owes == owes && of(node) == wanted;
        let again = |&node: &NodeId| print(of(node), nodes[node as usize].owes);
        let fresh = NodeId::try_from(self.nodes.len()).expect("memory ends before the numbers do");
        let place = self.index.entry(print(wanted, owes), same, again);
        match place {
            hashbrown::hash_table::Entry::Occupied(known) => *known.get(),
            hashbrown::hash_table::Entry::Vacant(free) => {
                free.insert(fresh);
                self.states.extend_from_slice(state.bytes());
                self.nodes.push(Node {
                    idle: Actors::default(),
                    edges: 0,
                    parent,
                    owes,
                });
                fresh
            }
        }
    }

    /// All nodes, in order.
    pub fn nodes(&self) -> std::ops::Range<NodeId> {
        0..self.nodes.len() as NodeId
    }

    /// Whether something is owed in a node.
    pub fn owes(&self, node: NodeId) -> bool {
        self.nodes[node as usize].owes
    }

    /// Who cannot move in a node.
    pub fn idle(&self, node: NodeId) -> Actors {
        self.nodes[node as usize].idle
    }

    /// The edges of a node; none where it was not expanded.
    pub fn edges(&self, node: NodeId) -> &[Edge] {
        if node >= self.expanded {
            return &[];
        }
        let end = if node + 1 < self.expanded {
            self.nodes[node as usize + 1].edges
        } else {
            self.edges.len()
        };
        &self.edges[self.nodes[node as usize].edges..end]
    }

    /// The steps of a shortest way to a node.
    pub fn way(&self, mut node: NodeId) -> Vec<Step> {
        let mut way = Vec::new();
        while node != 0 {
            let parent = self.nodes[node as usize].parent;
            let edge = self.edges(parent).iter().find(|edge| edge.to == node);
            way.push(edge.expect("it was reached from there").step);
            node = parent;
        }
        way.reverse();
        way
    }
}

//! A graph and the run through it that somebody is to see first.

use std::sync::Arc;

use portsim_model::machine::AnyMachine;
use portsim_model::step::Step;

use super::Graph;

/// What a page shows of one scenario on one system.
#[derive(Debug, Clone)]
pub struct Tour {
    /// The states.
    pub graph: Graph,
    /// The run that is seen first: a counterexample; empty where there is none.
    pub run: Vec<Step>,
    /// How many of its steps stand before a loop that goes round for ever.
    pub loop_from: Option<usize>,
    /// How many states were to be known at most, but for those of the run itself.
    pub states_max: usize,
}

impl Tour {
    /// This run and everything near it, until so many states are known: where there are no more, everything.
    pub fn of(
        machine: Arc<dyn AnyMachine>,
        run: &[Step],
        loop_from: Option<usize>,
        states_max: usize,
    ) -> Tour {
        let mut graph = Graph::new(machine);
        let way = graph.follow(run);
        graph.grow(&way, states_max);
        Tour {
            graph,
            run: run[..way.len() - 1].to_vec(),
            loop_from,
            states_max,
        }
    }
}

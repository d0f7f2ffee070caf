//! A graph and the run through it that somebody is to see first.

use std::sync::Arc;

use portsim_model::machine::AnyMachine;
use portsim_model::step::Step;

use super::Graph;
use crate::admit::Refusal;
use crate::trace::Event;

/// What a page shows of one scenario on one system.
#[derive(Debug, Clone)]
pub struct Tour {
    /// The states.
    pub graph: Graph,
    /// The run that is seen first: a counterexample, or what shows a recording; empty where there is none.
    pub run: Vec<Step>,
    /// How many of its steps stand before a loop that goes round for ever.
    pub loop_from: Option<usize>,
    /// Events of a recording behind those that the run shows, for which no steps were found.
    pub unexplained: usize,
    /// Where a recording and the model part, at the end of the run.
    pub parted: Option<Parted>,
    /// How many states were to be known at most, but for those of the run itself.
    pub states_max: usize,
}

/// Where a recording and the model part.
#[derive(Debug, Clone)]
pub struct Parted {
    /// What the recording shows there; none where that is its end.
    pub event: Option<Event>,
    /// What the model could have shown.
    pub refusal: Refusal,
}

impl Tour {
    /// This run and everything near it, until so many states are known: where there are no more, everything.
    pub fn of(
        machine: Arc<dyn AnyMachine>,
        run: &[Step],
        loop_from: Option<usize>,
        states_max: usize,
    ) -> Tour {
        Tour::grown(Graph::new(machine), run, loop_from, states_max)
    }

    /// A run that shows a recording, up to where the two part if they do, and everything near it.
    pub fn of_recording(
        machine: Arc<dyn AnyMachine>,
        events: &[Event],
        at_rest: bool,
        refusal: Option<&Refusal>,
        states_max: usize,
    ) -> Tour {
        let mut graph = Graph::new(machine);
        let place = |refusal: &Refusal| (refusal.at as usize).saturating_sub(1);
        let upto = refusal.map_or(events.len(), place);
        let upto = upto.min(events.len());
        let (run, shown) = graph.explain(&events[..upto], at_rest);
        let parted = refusal.map(|refusal| Parted {
            event: events.get(place(refusal)).cloned(),
            refusal: refusal.clone(),
        });
        Tour {
            parted,
            unexplained: upto - shown,
            ..Tour::grown(graph, &run, None, states_max)
        }
    }

    /// The run that takes the first step that is possible, again and again, and everything near it.
    pub fn along(machine: Arc<dyn AnyMachine>, steps_max: usize, states_max: usize) -> Tour {
        let (mut graph, mut run, mut at) = (Graph::new(machine), Vec::new(), 0);
        while run.len() < steps_max
            && let Some(edge) = graph.expand(at).first()
        {
            run.push(edge.step);
            at = edge.to;
        }
        Tour::grown(graph, &run, None, states_max)
    }

    fn grown(mut graph: Graph, run: &[Step], loop_from: Option<usize>, states_max: usize) -> Tour {
        let way = graph.follow(run);
        graph.grow(&way, states_max);
        Tour {
            graph,
            run: run[..way.len() - 1].to_vec(),
            loop_from,
            unexplained: 0,
            parted: None,
            states_max,
        }
    }
}

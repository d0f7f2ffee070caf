//! A page whose process knows more than the page began with, and finds out what it is asked for.

use std::sync::Arc;

use super::document::document;
use super::packer::Packer;
use super::sheet::Sheet;
use super::wire::{self, json};
use crate::explore::Tour;
use crate::report::explore::{Opened, What};
use crate::scenario::Scenario;

/// A scenario on some systems.
pub struct Live {
    /// All but the states.
    sheet: wire::Sheet,
    sides: Vec<Option<Growing>>,
}

/// A side that can grow.
struct Growing {
    scenario: Arc<Scenario>,
    tour: Tour,
    packer: Packer,
}

/// How much a page has of each list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Have {
    /// Claims.
    pub claims: usize,
    /// Values of facts.
    pub values: usize,
    /// Steps.
    pub steps: usize,
    /// What is seen of steps.
    pub events: usize,
    /// Who is held.
    pub held: usize,
    /// What is wrong.
    pub wrongs: usize,
    /// States.
    pub states: usize,
}

impl Live {
    /// The page of what is shown: one scenario, or one trace.
    pub fn of(opened: Opened) -> Live {
        let sheets = super::of_opened(&opened);
        let sheet = sheets.first().map(Sheet::without_tours);
        let sheet = sheet.unwrap_or_default();
        let tours: Vec<_> = match opened.what {
            What::Scenario(checks) => checks
                .into_iter()
                .map(|it| (Arc::clone(&it.scenario), it.into_tour()))
                .collect(),
            What::Trace(admissions) => admissions
                .into_iter()
                .map(|it| (it.scenario, it.tour))
                .collect(),
        };
        let sides = tours.into_iter().map(|(scenario, tour)| {
            let tour = tour?;
            let packer = Packer::of(&scenario, &tour);
            Some(Growing {
                scenario,
                tour,
                packer,
            })
        });
        Live {
            sheet,
            sides: sides.collect(),
        }
    }

    /// The document, with all that is known by now, of what has changed so often.
    pub fn document(&self, generation: usize) -> String {
        let mut sheet = self.sheet.clone();
        for (side, growing) in sheet.sides.iter_mut().zip(&self.sides) {
            side.states = growing.as_ref().map(|it| it.packer.states().clone());
        }
        document(&[sheet], Some(generation))
    }

    /// What a page lacks that stands in a state: the steps out of it, and so many states near it. None where there is no
    /// such state, or the page says that it has what nobody has given it.
    pub fn more(&mut self, side: usize, state: usize, have: Have, nodes: usize) -> Option<String> {
        let growing = self.sides.get_mut(side)?.as_mut()?;
        let graph = &mut growing.tour.graph;
        let known = graph.nodes().len();
        if state >= known {
            return None;
        }
        graph.expand(state);
        graph.grow(&[state], known + nodes);
        let mut other = growing.packer.go_on(&growing.scenario, &growing.tour);
        let states = growing.packer.states();
        other.retain(|&it| it < have.states && it != state);
        other.push(state);
        other.extend(have.states..states.states.len());
        Some(json(&wire::More {
            is_whole: states.is_whole,
            claims: states.claims.get(have.claims..)?,
            values: states.values.get(have.values..)?,
            steps: states.steps.get(have.steps..)?,
            events: states.events.get(have.events..)?,
            held: states.held.get(have.held..)?,
            wrongs: states.wrongs.get(have.wrongs..)?,
            states: other
                .into_iter()
                .map(|n| Some((n, states.states.get(n)?)))
                .collect::<Option<_>>()?,
        }))
    }
}

/// How often what is shown has changed, and what is wrong with what should be.
pub fn news(generation: usize, trouble: &str) -> String {
    json(&wire::News {
        generation,
        trouble: trouble.to_owned(),
    })
}

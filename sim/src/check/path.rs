//! The way to a violation, as steps.

use std::collections::HashSet;

use portsim_model::State;
use portsim_model::kernel::Kernel;
use portsim_model::property::Violation;
use portsim_model::step::Step;
use portsim_model::system::System;

use super::tail::Tail;
use super::visited::{SHORT, print_of};

/// The steps from the first state through the states with these short fingerprints; none where two states with one
/// fingerprint have led astray.
pub fn steps<K: Kernel>(
    system: &System<K>,
    way: &[u64],
    preemptions: Option<u8>,
) -> Option<Vec<Step>> {
    let mut state = system.boot();
    let mut tail = preemptions.map(|_| Tail::default());
    let (mut steps, mut path) = (Vec::new(), Vec::new());
    for &wanted in way {
        steps.clear();
        let _ = system.enabled(&state, |step| steps.push(step));
        let successor = |step: Step| {
            let mut next = state.clone();
            let fault = system.take(&mut next, step, &mut ());
            let tail = tail.map(|tail| tail.after(step, &steps));
            let print = match tail {
                None => print_of(next.bytes()),
                Some(tail) => tail.print_with(next.bytes()),
            };
            (fault.is_none() && print & SHORT == wanted).then_some((step, next, tail))
        };
        let (step, next, after) = steps.iter().copied().find_map(successor)?;
        path.push(step);
        (state, tail) = (next, after);
    }
    Some(path)
}

/// The way that breadth-first search finds first if it takes the steps in their order: of the shortest ways the one
/// that reads best, because threads come in the order in which the scenario names them.
pub fn first<K: Kernel>(
    system: &System<K>,
    violation: Violation,
    length: usize,
) -> Option<Vec<Step>> {
    let boot = system.boot();
    let mut seen = HashSet::from([boot.clone()]);
    // Each state with the number of the one before it and the step from there.
    let mut states: Vec<(State, usize, Option<Step>)> = vec![(boot, 0, None)];
    let mut steps = Vec::new();
    let (mut at, mut depth, mut level_end) = (0, 0, 1);
    while at < states.len() {
        if at == level_end {
            (depth, level_end) = (depth + 1, states.len());
        }
        let state = states[at].0.clone();
        steps.clear();
        let bounded = system.enabled(&state, |step| steps.push(step)).0;
        if depth == length {
            let at_rest = steps.is_empty() && !bounded;
            let ended = at_rest.then(|| system.judge_end(&state)).flatten();
            if system.judge(&state).or(ended) == Some(violation) {
                return Some(back(&states, at));
            }
        } else {
            for &step in &steps {
                let mut next = state.clone();
                match system.take(&mut next, step, &mut ()) {
                    Some(fault) => {
                        if depth + 1 == length && Violation::Builtin(fault) == violation {
                            let mut way = back(&states, at);
                            way.push(step);
                            return Some(way);
                        }
                    }
                    None => {
                        if seen.insert(next.clone()) {
                            states.push((next, at, Some(step)));
                        }
                    }
                }
            }
        }
        at += 1;
    }
    None
}

/// The steps to a state, from the first.
fn back(states: &[(State, usize, Option<Step>)], mut at: usize) -> Vec<Step> {
    let mut way = Vec::new();
    while let (_, before, Some(step)) = &states[at] {
        way.push(*step);
        at = *before;
    }
    way.reverse();
    way
}

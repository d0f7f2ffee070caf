//! The way to a violation, as steps.

use std::collections::HashSet;

use portsim_model::State;
use portsim_model::machine::AnyMachine;
use portsim_model::property::Violation;
use portsim_model::step::Step;

use super::reduce::Reduce;
use super::tail::Tail;
use super::visited::{SHORT, fingerprint_of};

/// What a way leads to.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// What is wrong.
    pub violation: Violation,
    /// The step that is wrong, where it is not a state.
    pub last: Option<Step>,
}

/// The steps from the first state through those with these short fingerprints, and where a step did the wrong, that
/// step too; none where two states with one fingerprint have led astray.
///
/// The way may lead through states in which threads have traded places. What is followed here is a run of the system
/// itself: at each state the step whose result is the wanted one but for who is who.
pub fn steps(
    machine: &dyn AnyMachine,
    reduce: &Reduce,
    preemptions: Option<u8>,
    way: &[u64],
    found: Found,
) -> Option<Vec<Step>> {
    let mut state = machine.boot();
    let mut tail = preemptions.map(|_| Tail::default());
    let (mut steps, mut path) = (Vec::new(), Vec::new());
    for &wanted in way {
        steps.clear();
        let _ = machine.enabled(&state, |step| steps.push(step));
        let successor = |step: Step| {
            let mut next = state.clone();
            let fault = machine.take(&mut next, step, &mut ());
            let mut seen = next.clone();
            reduce.canonize(&mut seen);
            let tail = tail.map(|tail| tail.after(step, tail.goes_on(&steps)));
            let print = match tail {
                None => fingerprint_of(seen.bytes()),
                Some(tail) => tail.print_with(seen.bytes()),
            };
            (fault.is_none() && print & SHORT == wanted).then_some((step, next, tail))
        };
        let (step, next, after) = steps.iter().copied().find_map(successor)?;
        path.push(step);
        (state, tail) = (next, after);
    }
    if let Some(last) = found.last {
        steps.clear();
        let _ = machine.enabled(&state, |step| steps.push(step));
        let does = |step: &Step| {
            let fault = machine.take(&mut state.clone(), *step, &mut ());
            fault.map(Violation::Builtin) == Some(found.violation)
        };
        // The very step, if it is one of the state's own.
        let own = steps.iter().filter(|&&step| step == last).copied();
        path.push(own.chain(steps.iter().copied()).find(does)?);
    }
    Some(path)
}

/// The way that breadth-first search finds first if it takes the steps in their order: of the shortest ways the one
/// that reads best, because threads come in the order in which the scenario names them.
pub fn first(
    machine: &dyn AnyMachine,
    reduce: &Reduce,
    violation: Violation,
    length: usize,
) -> Option<Vec<Step>> {
    let boot = machine.boot();
    let mut form = boot.clone();
    reduce.canonize(&mut form);
    let mut seen = HashSet::from([form.clone()]);
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
        let bounded = machine.enabled(&state, |step| steps.push(step)).0;
        if depth == length {
            let at_rest = steps.is_empty() && !bounded;
            let ended = at_rest.then(|| machine.judge_end(&state)).flatten();
            if machine.judge(&state).or(ended) == Some(violation) {
                return Some(back(&states, at));
            }
        } else {
            for &step in &steps {
                let mut next = state.clone();
                match machine.take(&mut next, step, &mut ()) {
                    Some(fault) => {
                        if depth + 1 == length && Violation::Builtin(fault) == violation {
                            let mut way = back(&states, at);
                            way.push(step);
                            return Some(way);
                        }
                    }
                    None => {
                        form.clone_from(&next);
                        reduce.canonize(&mut form);
                        if seen.insert(form.clone()) {
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

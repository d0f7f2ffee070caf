//! What a scenario that tells two systems apart says about each: how it can come out, which claims decide, and a
//! condition at the end that holds on one of them.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use portsim_model::State;
use portsim_model::event::{ERRORS, Observer};
use portsim_model::machine::AnyMachine;
use portsim_model::property::Fault;

use crate::compare::ways;
use crate::coverage::Coverage;
use crate::draft::{Draft, Word};
use crate::personality::{base, play};
use crate::scenario::Scenario;

/// The most situations that are looked at for a condition.
const SITUATIONS_MAX: usize = 20_000;

/// How a scenario tells two systems apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The scenario: with results that are named, and a condition at the end where there is one.
    pub draft: Draft,
    /// What comes out on the first only, on the second only, and on both.
    pub only_a: Vec<String>,
    /// See [`Told::only_a`].
    pub only_b: Vec<String>,
    /// See [`Told::only_a`].
    pub both: Vec<String>,
    /// Claims that decide on one of them only; where these are the same, those that are open.
    pub claims: Vec<&'static str>,
    /// Where the condition on its last state holds, if it has one.
    pub holds: Option<Holds>,
}

impl Told {
    /// The scenario as one that asks which of two readings of a claim a system shows: its condition is none that must hold.
    pub fn question(&self, claim: &'static str) -> Draft {
        let mut draft = self.draft.clone();
        draft.claims = vec![claim];
        if let Some(condition) = draft.at_end.take() {
            let contrary = format!("!({condition})");
            draft.sometimes = vec![condition, contrary];
        }
        draft
    }
}

/// A condition at the end that tells two systems apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holds {
    /// Whether it holds on the first.
    pub on_a: bool,
    /// Whether it never holds on the other; else it may fail there.
    pub never_on_other: bool,
}

/// Describes a scenario that tells two systems apart.
pub fn told(mut draft: Draft, a: &str, b: &str) -> Told {
    name_results(&mut draft);
    let found = condition(&draft, a, b);
    let (condition, holds) = found.unzip();
    if let Some(holds) = holds {
        draft.meant_for = base(if holds.on_a { a } else { b }).to_owned();
    }
    draft.at_end = condition;
    let scenario = read(&draft).expect("it was compared");
    let ways = |name| ways(&scenario, name, 1).map_or(BTreeSet::new(), |ways| ways.ways);
    let (in_a, in_b) = (ways(a), ways(b));
    let (only_a, only_b): (Vec<_>, Vec<_>) = (
        in_a.difference(&in_b).cloned().collect(),
        in_b.difference(&in_a).cloned().collect(),
    );
    draft.why = format!(
        "Is it {a} or {b}? Only on {a}: {}. Only on {b}: {}.",
        words(&only_a),
        words(&only_b)
    );
    Told {
        both: in_a.intersection(&in_b).cloned().collect(),
        only_a,
        only_b,
        claims: claims(&scenario, a, b),
        holds,
        draft,
    }
}

fn words(ways: &[String]) -> String {
    match ways {
        [] => "nothing".to_owned(),
        some => some.join("; or "),
    }
}

fn read(draft: &Draft) -> Option<Scenario> {
    let text = draft.text();
    Scenario::parse("experiment", Path::new("experiment.json"), text.as_bytes()).ok()
}

/// Gives each result a name that can be asked for.
fn name_results(draft: &mut Draft) {
    let mut number = 0;
    for thread in 0..draft.threads.len() {
        for call in 0..draft.threads[thread].1.len() {
            let mut named = draft.clone();
            let call = &mut named.threads[thread].1[call];
            let has_one = call.fields.iter().any(|(field, _)| *field == "into");
            if call.object.is_none() || has_one {
                continue;
            }
            let name = format!("r{}", number + 1);
            call.fields.push(("into", Word::Text(name)));
            if read(&named).is_some() {
                *draft = named;
                number += 1;
            }
        }
    }
}

/// Conditions that are tried, the plainest first.
fn atoms(draft: &Draft, errors: &BTreeSet<u16>) -> Vec<String> {
    let mut atoms = Vec::new();
    let mut keys = 0;
    for (thread, calls) in &draft.threads {
        for state in ["parked", "blocked", "done"] {
            atoms.push(format!("{thread}.{state}"));
        }
        for call in calls {
            for (field, word) in &call.fields {
                match word {
                    Word::Text(name) if *field == "into" => {
                        for asked in [
                            "ok",
                            "timeout",
                            "pending",
                            "count == 0",
                            "count == 1",
                            "count == 2",
                        ] {
                            atoms.push(format!("{thread}.{name}.{asked}"));
                        }
                    }
                    Word::Number(key) if *field == "key" => keys = keys.max(*key),
                    _ => {}
                }
            }
        }
    }
    for part in &draft.parts {
        match part.section {
            "ports" => {
                for asked in ["depth == 0", "depth == 1", "waiting == 0", "open"] {
                    atoms.push(format!("{}.{asked}", part.name));
                }
            }
            "operations" => {
                for asked in ["pending", "queued", "written"] {
                    atoms.push(format!("{}.{asked}", part.name));
                }
            }
            "files" => atoms.push(format!("{}.signaled", part.name)),
            _ => {}
        }
    }
    for (thread, calls) in &draft.threads {
        for (field, word) in calls.iter().flat_map(|call| &call.fields) {
            if let (&"into", Word::Text(name)) = (field, word) {
                atoms.extend((1..=keys).map(|key| format!("{thread}.{name}.key == {key}")));
                atoms.extend(
                    errors
                        .iter()
                        .map(|error| format!("{thread}.{name}.error == {error}")),
                );
            }
        }
    }
    atoms
}

/// A condition that holds at every end on one of two systems, and at no end, or not at all, on the other.
fn condition(draft: &Draft, a: &str, b: &str) -> Option<(String, Holds)> {
    let mut asked: Vec<String> = Vec::new();
    let mut with = draft.clone();
    let plain = read(draft)?;
    let mut errors = BTreeSet::new();
    for name in [a, b] {
        let os_error = play(name, &plain.program, 1).ok()?.os_error();
        errors.extend(ERRORS.map(|error| os_error(error).number));
    }
    for atom in atoms(draft, &errors) {
        with.sometimes = vec![atom.clone()];
        if read(&with).is_some() {
            asked.push(atom);
        }
    }
    with.sometimes = asked.clone();
    let scenario = read(&with)?;
    let (in_a, in_b) = (
        ends(&scenario, a, asked.len())?,
        ends(&scenario, b, asked.len())?,
    );
    if in_a.is_empty() || in_b.is_empty() {
        return None;
    }
    // Each condition, and its contrary.
    let literals: Vec<(usize, bool)> = [true, false]
        .into_iter()
        .flat_map(|value| (0..asked.len()).map(move |atom| (atom, value)))
        .collect();
    let pairs = literals
        .iter()
        .flat_map(|&one| literals.iter().map(move |&other| [one, other]));
    let all: Vec<_> = literals
        .iter()
        .map(|&one| [one, one])
        .chain(pairs)
        .collect();
    let holds = |both: &[(usize, bool); 2], end: &Vec<bool>| {
        both.iter().all(|&(atom, value)| end[atom] == value)
    };
    for never_on_other in [true, false] {
        for both in &all {
            for on_a in [true, false] {
                let (here, there) = if on_a { (&in_a, &in_b) } else { (&in_b, &in_a) };
                let is_it = here.iter().all(|end| holds(both, end))
                    && match never_on_other {
                        true => !there.iter().any(|end| holds(both, end)),
                        false => !there.iter().all(|end| holds(both, end)),
                    };
                if is_it {
                    let literal = |(atom, value): (usize, bool)| match value {
                        true => asked[atom].clone(),
                        false => format!("!({})", asked[atom]),
                    };
                    let text = match both {
                        [one, other] if one == other => literal(*one),
                        [one, other] => format!("{} && {}", literal(*one), literal(*other)),
                    };
                    return Some((
                        text,
                        Holds {
                            on_a,
                            never_on_other,
                        },
                    ));
                }
            }
        }
    }
    None
}

/// What holds of the `sometimes` of a scenario, wherever nothing can move any more; none if it is too much to look at.
fn ends(scenario: &Scenario, name: &str, asked: usize) -> Option<HashSet<Vec<bool>>> {
    let machine = play(name, &scenario.program, 1).ok()?;
    let mut ends = HashSet::new();
    each(&*machine, &mut (), |met| {
        if let Met::End(state) = met {
            ends.insert((0..asked).map(|n| machine.shows(state, n)).collect());
        }
    })?;
    Some(ends)
}

/// What is met on the way through everything that a machine can do.
pub(super) enum Met<'s> {
    /// A state.
    State(&'s State),
    /// One in which nothing can move any more, after it was met as a state.
    End(&'s State),
    /// A step that breaks something, and leads nowhere.
    Fault(Fault),
}

/// Calls `each` with everything that is met; none if there is too much to look at.
pub(super) fn each(
    machine: &dyn AnyMachine,
    observer: &mut impl Observer,
    mut each: impl FnMut(Met<'_>),
) -> Option<()> {
    let mut open = vec![machine.boot()];
    let mut seen: HashSet<State> = open.iter().cloned().collect();
    let mut movers = Vec::new();
    while let Some(state) = open.pop() {
        movers.clear();
        let _ = machine.movers(&state, &mut movers);
        each(Met::State(&state));
        if movers.is_empty() {
            each(Met::End(&state));
        }
        for &mover in &movers {
            machine.take_all(&state, mover, observer, |_, _, next, fault| match fault {
                Some(fault) => each(Met::Fault(fault)),
                None if seen.insert(next.clone()) => open.push(next),
                None => {}
            });
        }
        if seen.len() > SITUATIONS_MAX {
            return None;
        }
    }
    Some(())
}

/// The claims that decide something on a system, as far as there is not too much to look at.
pub fn claims_used(scenario: &Scenario, name: &str) -> BTreeSet<&'static str> {
    let mut coverage = Coverage::default();
    if let Ok(machine) = play(name, &scenario.program, 1) {
        let machine: Arc<dyn AnyMachine> = machine;
        let _ = each(&*machine, &mut coverage, |_| {});
    }
    coverage.used().map(|(claim, _)| claim).collect()
}

/// The claims that decide on one system only; where these are the same, the open ones whose readings are told apart.
fn claims(scenario: &Scenario, a: &str, b: &str) -> Vec<&'static str> {
    let (in_a, in_b) = (claims_used(scenario, a), claims_used(scenario, b));
    if base(a) == base(b) {
        let is_read = |claim: &&str| {
            let rule = claim.split('/').next_back().unwrap_or_default();
            [a, b].iter().any(|name| name.contains(&format!("{rule}=")))
        };
        return in_a.union(&in_b).copied().filter(is_read).collect();
    }
    in_a.symmetric_difference(&in_b).copied().collect()
}

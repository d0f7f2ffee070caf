//! Which rules do scenarios pin down? An open reading is pinned down by a scenario that comes out otherwise under another
//! one, and so is a rule of one version by a scenario that comes out otherwise on another version.
//!
//! A scenario comes out otherwise if its threads can be told something else, or if it shows another condition of its own.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portsim_model::claim::Claim;
use portsim_model::personality::{CLAIMS, NAMES, claims_of, open};
use portsim_model::property::Violation;

use super::told::{Met, claims_used, each};
use crate::compare::{Ways, ways_within};
use crate::personality::{base, named, play, unsupported};
use crate::scenario::Scenario;

/// The most situations of a scenario that is compared.
const SITUATIONS_MAX: usize = 20_000;

/// A rule, and what else it could be.
#[derive(Debug, Clone)]
pub struct Pin {
    /// The claim that states it.
    pub claim: &'static Claim,
    /// The two systems that differ in it: readings of one, or versions.
    pub between: [&'static str; 2],
    /// The first scenario that tells them apart in it.
    pub by: Option<String>,
}

/// Every pin that there can be: each pair of readings of an open claim of these systems, and each rule of a version beside
/// the other versions of its system.
pub fn pins(systems: &[&'static str]) -> Vec<Pin> {
    let mut pins = Vec::new();
    for &system in systems {
        // What an earlier version leaves open too is the same question.
        let known: Vec<_> = pins.iter().map(|pin: &Pin| pin.claim.id).collect();
        let new = of_readings(system).into_iter();
        pins.extend(new.filter(|pin| !known.contains(&pin.claim.id)));
    }
    for &system in systems {
        pins.extend(of_versions(system, systems));
    }
    pins
}

fn of_readings(system: &'static str) -> Vec<Pin> {
    let mut pins = Vec::new();
    for open in open(system).unwrap_or_default() {
        let claim = open.claim();
        // One that is a version's own is asked of that alone.
        let own = NAMES.into_iter().find(|name| *name == claim.about());
        let system = own.unwrap_or(system);
        let mut readings: Vec<String> = open.names().iter().map(|it| (*it).to_owned()).collect();
        if readings.is_empty() {
            readings = vec!["0".to_owned(), "1".to_owned()];
        }
        let names: Vec<_> = readings
            .iter()
            .filter_map(|reading| named(&format!("{system}:{}={reading}", rule(claim))).ok())
            .collect();
        for (n, one) in names.iter().enumerate() {
            for other in &names[n + 1..] {
                pins.push(Pin {
                    claim,
                    between: [one, other],
                    by: None,
                });
            }
        }
    }
    pins
}

/// The last word of a claim's name, by which readings name it.
fn rule(claim: &Claim) -> &'static str {
    claim.id.split('/').next_back().unwrap_or_default()
}

fn of_versions(system: &'static str, systems: &[&'static str]) -> Vec<Pin> {
    // The rules of a version are about it alone: those of the system have no version in their name.
    let is_own = |claim: &&Claim| {
        claim.about() == system && !CLAIMS.iter().any(|(family, _)| *family == claim.about())
    };
    let other = versions(system)
        .into_iter()
        .find(|other| systems.contains(other));
    let Some(other) = other else {
        return Vec::new();
    };
    claims_of(system)
        .filter(is_own)
        .map(|claim| Pin {
            claim,
            between: [system, other],
            by: None,
        })
        .collect()
}

/// The other versions of a system.
fn versions(system: &str) -> Vec<&'static str> {
    let is_of = |name: &str, family: &str| {
        name.strip_prefix(family)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let family = CLAIMS
        .iter()
        .find(|(family, _)| is_of(system, family))
        .map(|(family, _)| *family);
    NAMES
        .into_iter()
        .filter(|name| *name != system && family.is_some_and(|family| is_of(name, family)))
        .collect()
}

/// How a scenario comes out on a system.
#[derive(PartialEq, Eq)]
struct ComesOut {
    ways: Ways,
    shows: BTreeSet<Vec<bool>>,
    violations: Vec<String>,
}

/// Looks for a scenario for each pin, those that name its claim first. `progress` is told what comes next.
pub fn pin(
    pins: &mut [Pin],
    scenarios: &[Arc<Scenario>],
    stop: &AtomicBool,
    mut progress: impl FnMut(&Pin, &str),
) {
    let mut used = Used::default();
    for pin in pins {
        for names_it in [true, false] {
            for (n, scenario) in scenarios.iter().enumerate() {
                if pin.by.is_some() || stop.load(Ordering::Relaxed) {
                    break;
                }
                if scenario.claims.iter().any(|claim| claim == pin.claim.id) == names_it
                    && is_for(scenario, pin)
                {
                    progress(&*pin, &scenario.name);
                    // That a system lacks something decides before anything is played.
                    let decides = names_it && is_for_one(scenario, pin);
                    if (decides || used.decides(n, scenario, pin)) && tells(scenario, pin) {
                        pin.by = Some(scenario.name.clone());
                    }
                }
            }
        }
    }
}

/// Whether a scenario is meant for one of the two systems.
fn is_for(scenario: &Scenario, pin: &Pin) -> bool {
    let meant_for = scenario.meant_for.as_ref();
    meant_for.is_none_or(|names| {
        let bases = pin.between.map(base);
        names.iter().any(|name| bases.contains(&name.as_str()))
    })
}

/// The claims that decide in a scenario on a system, once that was asked.
#[derive(Default)]
struct Used(HashMap<(usize, &'static str), BTreeSet<&'static str>>);

impl Used {
    /// Whether the claim decides in the scenario of this number on one of the two systems.
    fn decides(&mut self, number: usize, scenario: &Scenario, pin: &Pin) -> bool {
        pin.between.map(base).iter().any(|&name| {
            let known = self.0.entry((number, name));
            let used = known.or_insert_with(|| claims_used(scenario, name));
            used.contains(pin.claim.id)
        })
    }
}

/// Whether only one of the two systems can play a scenario.
fn is_for_one(scenario: &Scenario, pin: &Pin) -> bool {
    let [one, other] = pin
        .between
        .map(|name| unsupported(name, &scenario.program).is_none());
    one != other
}

/// Whether a scenario comes out otherwise on the one than on the other; it does if only one of them can play it.
fn tells(scenario: &Scenario, pin: &Pin) -> bool {
    let [one, other] = pin.between.map(|name| comes_out(scenario, name));
    is_for_one(scenario, pin) || matches!((one, other), (Some(one), Some(other)) if one != other)
}

/// None where the system cannot play it, or too much can come out.
fn comes_out(scenario: &Scenario, name: &str) -> Option<ComesOut> {
    let ways = ways_within(SITUATIONS_MAX, scenario, name, 2).ok()?;
    if !ways.complete {
        return None;
    }
    let machine = play(name, &scenario.program, 2).ok()?;
    let asked = scenario.names.sometimes.len();
    let (mut shows, mut violations) = (BTreeSet::new(), BTreeSet::new());
    let mut note = |violation: Option<Violation>| {
        if let Some(violation) = violation {
            violations.insert(scenario.names.property(violation).to_owned());
        }
    };
    each(&*machine, &mut (), |met| match met {
        Met::State(state) => {
            note(machine.judge(state));
            shows.insert((0..asked).map(|n| machine.shows(state, n)).collect());
        }
        Met::End(state) => note(machine.judge_end(state)),
        Met::Fault(fault) => note(Some(Violation::Builtin(fault))),
    })?;
    Some(ComesOut {
        ways,
        shows,
        violations: violations.into_iter().collect(),
    })
}

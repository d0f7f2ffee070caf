//! Claims decide something where scenarios say so, but for a list that is kept exact.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use portsim::check::{Limits, Reductions, Workers, check};
use portsim::coverage::Coverage;
use portsim::personality::not_for;
use portsim::scenario::Scenario;
use portsim_model::personality::{CLAIMS, NAMES, claims_of, machine};

use crate::shipped::{is_as_kept, is_too_large, scenarios};

/// More states than any shipped scenario has but those that are for measuring.
const MEMORY: u64 = 1 << 30;

/// The claims that decide something in any interleaving of a scenario, or why it cannot be played.
fn used(scenario: &Scenario, name: &str) -> Coverage {
    let mut coverage = Coverage::default();
    let made = machine(name, &scenario.program, 2, &[]).expect("the name is listed");
    let machine = match made {
        Ok(machine) => machine,
        Err(lacks) => {
            if let Some(claim) = lacks.claim {
                coverage.add(claim, 1);
            }
            return coverage;
        }
    };
    let limits = Limits {
        memory_bytes: MEMORY,
        depth: None,
        exact: false,
        preemptions: None,
    };
    let workers = Workers {
        workers: 1,
        coverage: true,
        ..Workers::default()
    };
    let never = AtomicBool::new(false);
    // Every step is taken, so that nothing is used less than it can be.
    let out = check(
        &machine,
        Reductions::NONE,
        limits,
        &workers,
        None,
        &never,
        |_| {},
    );
    let out = out.expect("it is alone");
    coverage.merge(&out.coverage.expect("it was asked for"));
    coverage
}

/// Whether a claim is about a personality.
fn is_about(claim: &str, name: &str) -> bool {
    claims_of(name).any(|it| it.id == claim)
}

/// Where `each_claim_that_a_scenario_names_decides_something_there` has its exceptions.
pub const UNCITED: &str = "tests/uncited.txt";

/// The claims that decide something in a scenario, and a line for each that it names although it decides nothing.
pub fn cited(scenario: &Scenario) -> (Coverage, Vec<String>) {
    let mut here = Coverage::default();
    let named = |name: &&str| scenario.claims.iter().any(|claim| is_about(claim, name));
    let mut about: Vec<_> = NAMES.into_iter().filter(named).collect();
    // What a system lacks is seen where it cannot play.
    let plays = |name: &&str| not_for(name, scenario).is_none();
    about.retain(|name| plays(name) || scenario.claims.iter().any(|it| it.ends_with("/absent")));
    for name in about {
        here.merge(&used(scenario, name));
    }
    let used: BTreeSet<_> = here.used().map(|(claim, _)| claim).collect();
    let unused = |claim: &&String| !used.contains(claim.as_str());
    let line = |claim: &String| format!("{}: {claim}", scenario.name);
    let lines: BTreeSet<_> = scenario.claims.iter().filter(unused).map(line).collect();
    (here, lines.into_iter().collect())
}

/// A scenario names the claims that it is about, and steps there cite them. `tests/uncited.txt` lists where none does:
/// a claim that something stays as it is decides no step, and some rules do not cite their claim yet.
#[test]
fn each_claim_that_a_scenario_names_decides_something_there() {
    let mut all = Coverage::default();
    let mut unused = BTreeSet::new();
    // The large ones have more states than there is time for; smaller ones name the same claims.
    for scenario in scenarios().iter().filter(|it| !is_too_large(it)) {
        let (here, lines) = cited(scenario);
        unused.extend(lines);
        all.merge(&here);
    }
    let used: BTreeSet<_> = all.used().map(|(claim, _)| claim).collect();
    let never: Vec<_> = CLAIMS
        .iter()
        .flat_map(|(_, claims)| *claims)
        .map(|claim| claim.id)
        .filter(|id| !used.contains(id))
        .collect();
    let never = never.into_iter().map(|claim| format!("nowhere: {claim}"));
    let shown: Vec<_> = unused.into_iter().chain(never).collect();
    is_as_kept(UNCITED, &(shown.join("\n") + "\n"));
}

//! Claims decide something where scenarios say so, but for a list that is kept exact.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use portsim::check::{Limits, Reductions, Workers, check};
use portsim::coverage::Coverage;
use portsim::personality::not_for;
use portsim::scenario::Scenario;
use portsim_model::personality::{CLAIMS, NAMES, claims_of, machine};

use crate::shipped::{is_as_kept, scenarios};

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

/// A scenario names the claims that it is about, and steps there cite them. `tests/uncited.txt` lists where none does:
/// a claim that something stays as it is decides no step, and some rules do not cite their claim yet.
#[test]
fn each_claim_that_a_scenario_names_decides_something_there() {
    let mut all = Coverage::default();
    let mut unused = BTreeSet::new();
    for scenario in scenarios() {
        // They have more states than there is time for; smaller ones name the same claims.
        if scenario.name.starts_with("bench/pool-5") || scenario.name == "bench/pool-4-2-3-4" {
            continue;
        }
        let mut here = Coverage::default();
        let named = |name: &&str| scenario.claims.iter().any(|claim| is_about(claim, name));
        let mut about: Vec<_> = NAMES.into_iter().filter(named).collect();
        // What a system lacks is seen where it cannot play.
        let plays = |name: &&str| not_for(name, &scenario).is_none();
        about
            .retain(|name| plays(name) || scenario.claims.iter().any(|it| it.ends_with("/absent")));
        for name in about {
            here.merge(&used(&scenario, name));
        }
        let used_here: BTreeSet<_> = here.used().map(|(claim, _)| claim).collect();
        for claim in &scenario.claims {
            if !used_here.contains(claim.as_str()) {
                unused.insert(format!("{}: {claim}", scenario.name));
            }
        }
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
    is_as_kept("tests/uncited.txt", &(shown.join("\n") + "\n"));
}

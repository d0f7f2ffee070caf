//! What is known of some words, for machines.

use serde_json::{Value, json};

use super::path;
use crate::known::{Known, Told};
use crate::report::verdict::expected;
use crate::scenario::Scenario;
use crate::shipped::path_of;

/// Systems, claims and scenarios.
pub(super) fn known(known: &Known) -> Value {
    json!({
        "systems": known.systems,
        "claims": known.claims.iter().map(told).collect::<Vec<_>>(),
        "scenarios": known.scenarios.iter().map(shipped).collect::<Vec<_>>(),
    })
}

fn told(told: &Told) -> Value {
    let claim = told.claim;
    let scenarios = told.scenarios.iter().map(|name| path(&path_of(name)));
    json!({
        "claim": claim.id,
        "says": claim.says,
        "status": claim.status.word(),
        "source": claim.source,
        "scenarios": scenarios.collect::<Vec<_>>(),
        "recordings": told.recordings,
    })
}

fn shipped(scenario: &Scenario) -> Value {
    json!({
        "name": scenario.name,
        "file": path(&scenario.file),
        "why": scenario.why,
        "claims": scenario.claims,
        "expected": expected(&scenario.expect),
    })
}

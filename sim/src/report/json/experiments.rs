//! What experiments found.

use serde_json::{Value, json};

use super::{but_for, unless_complete};
use crate::report::distinguish::{Distinguished, Experiment};

/// Two systems, and what tells them apart.
pub(super) fn distinguished(found: &Distinguished) -> Value {
    let one = |it: &Experiment| {
        let told = &it.told;
        let text = told.draft.text();
        json!({
            "scenario": serde_json::from_str::<Value>(&text).expect("a draft is an object"),
            "operations": it.operations,
            "threads": it.threads(),
            "turns": it.turns(),
            "claims": told.claims,
            "only_a": told.only_a,
            "only_b": told.only_b,
            "both": told.both,
        })
    };
    let (operations, threads) = found.bound;
    let object = json!({
        "a": found.a,
        "b": found.b,
        "found": found.found.iter().map(one).collect::<Vec<_>>(),
        "compared": found.compared,
        "left_out": found.left_out,
        "bound": { "operations": operations, "threads": threads },
        "seconds": found.seconds,
        "complete": unless_complete(found.complete),
    });
    but_for(object, &["complete"])
}

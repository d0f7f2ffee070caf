//! What is wrong with input, for machines.

use serde_json::{Value, json};

use crate::bad_input::BadInput;

/// An entry for each mistake.
pub fn list(all: &[BadInput]) -> Vec<Value> {
    let mistakes = all.iter().flat_map(BadInput::each);
    mistakes.map(entry).collect()
}

fn entry(bad: &BadInput) -> Value {
    let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let spot = bad.spot.as_ref();
    json!({
        "file": named(&bad.file),
        "line": spot.map(|spot| spot.line),
        "column": spot.and_then(|spot| spot.column),
        "path": named(&bad.place),
        "message": bad.problem,
        "expected": bad.expected,
        "near": bad.near,
    })
}

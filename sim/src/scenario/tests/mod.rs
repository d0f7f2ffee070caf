//! What the room promises, shown by tables: inputs on the left, what comes out on the right.

mod bad;
mod good;
mod robust;

use std::path::Path;

use super::{Scenario, parse};

/// A scenario with one of everything, whose thread `main` does these operations.
fn with_ops(ops: &str) -> String {
    scenario(ops, "")
}

/// The same, with these further fields at the end.
fn with_fields(fields: &str) -> String {
    scenario("", &format!(", {fields}"))
}

/// The same, with a property that always holds.
fn with_property(expr: &str) -> String {
    let expr = serde_json::Value::from(expr);
    with_fields(&format!(
        r#""properties": {{ "always": {{ "it": {expr} }} }}"#
    ))
}

fn scenario(ops: &str, fields: &str) -> String {
    format!(
        r#"{{
            "why": "A test has a question too.",
            "ports": {{ "p": {{ "concurrency": 2 }}, "q": {{}} }},
            "events": {{ "go": {{}}, "latch": {{ "reset": "manual", "signaled": true }} }},
            "mutexes": {{ "lock": {{}} }},
            "semaphores": {{ "units": {{ "count": 2 }} }},
            "sources": {{ "pipe": {{ "readable": true }} }},
            "vars": {{ "stop": -1, "alive": [0, 1, 2] }},
            "threads": {{
                "main": [{ops}],
                "b": [{{ "get": "p", "into": "y" }}, {{ "block": "go", "into": "z" }}],
                "worker": {{ "count": 3, "do": [{{ "get": "p", "into": "w", "max": 4 }}] }}
            }}{fields}
        }}"#
    )
}

/// What the text becomes: a scenario, or the sentence that says why not.
fn outcome(text: &str) -> Result<Scenario, String> {
    let file = Path::new("x.json");
    parse("x", file, text.as_bytes(), &["windows", "solaris"]).map_err(|bad| bad.to_string())
}

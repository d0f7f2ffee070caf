//! What the room promises, shown by tables in which each input is followed by what comes out.
//!
//! In a table a row begins with `>` and its outcome is indented below. With `UPDATE_EXPECT=1` in the
//! environment the outcomes are written anew; then read the difference before you keep it.

mod bad;
mod good;
mod robust;

use std::path::Path;

use super::Scenario;

/// A scenario with one of everything, whose thread `main` does these operations.
fn with_ops(ops: &str) -> String {
    scenario(ops, "")
}

/// A scenario with one of each thing that only Windows has, whose thread `main` does these operations.
fn with_io(ops: &str) -> String {
    format!(
        r#"{{
            "why": "A test has a question too.",
            "processes": ["guest"],
            "ports": {{ "p": {{}}, "q": {{ "named": true }} }},
            "files": {{
                "f": {{ "port": "p", "key": 7, "on_close": "STATUS_PIPE_BROKEN" }},
                "g": {{ "skip_port": true, "skip_event": true }},
                "h": {{ "sync": true }}
            }},
            "operations": {{
                "r": {{ "file": "f", "overlapped": 5, "event": "go", "low_bit": true }},
                "s": {{ "file": "g", "overlapped": 6, "apc": true }},
                "t": {{ "file": "h", "overlapped": 0 }}
            }},
            "reserves": {{ "spare": {{}}, "call": {{ "kind": "apc" }} }},
            "wait_packets": {{ "wp": {{}} }},
            "jobs": {{ "outer": {{}}, "inner": {{ "parent": "outer" }} }},
            "events": {{ "go": {{}} }},
            "threads": {{
                "main": [{ops}],
                "guests": {{ "count": 1, "process": "guest", "do": [] }}
            }}
        }}"#
    )
}

/// The first, with these further fields at the end.
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
            "sources": {{ "pipe": {{ "readable": true, "writable": true }} }},
            "vars": {{ "stop": -1, "alive": [0, 1, 2] }},
            "threads": {{
                "main": [{ops}],
                "b": [{{ "get": "p", "into": "y" }}, {{ "block": "go", "into": "z" }}],
                "worker": {{ "count": 3, "do": [{{ "get": "p", "into": "w", "max": 4 }}] }}
            }}{fields}
        }}"#
    )
}

/// What the text becomes: a scenario, or a sentence for each mistake, with what is marked in the text.
fn outcome(text: &str) -> Result<Scenario, String> {
    let file = Path::new("x.json");
    Scenario::parse("x", file, text.as_bytes()).map_err(|bad| {
        let lines = bad.each().map(|bad| {
            let spot = bad.spot.as_ref();
            let marked = spot.map(|spot| format!("\n    ^ {}", &spot.text[spot.marked.clone()]));
            format!("x.json: {}{}", bad.message(), marked.unwrap_or_default())
        });
        let lines = lines.map(|line| line.trim_end().to_owned());
        lines.collect::<Vec<_>>().join("\n")
    })
}

/// Compares every outcome in a table.
fn check(table: &str, outcome: impl Fn(&str) -> String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/scenario/tests/tables");
    let path = folder.join(table).with_extension("txt");
    let text = std::fs::read_to_string(&path).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix('>'));
    let found: Vec<String> = rows
        .map(|row| {
            let outcome = outcome(row.strip_prefix(' ').unwrap_or(row));
            let lines = outcome.lines().map(|line| format!("    {line}\n"));
            format!(">{row}\n{}", lines.collect::<String>())
        })
        .collect();
    let found = found.join("\n");
    if std::env::var_os("UPDATE_EXPECT").is_some_and(|it| it == "1") {
        std::fs::write(&path, found).unwrap();
        return;
    }
    for (n, (found, expected)) in found.lines().zip(text.lines()).enumerate() {
        assert_eq!(found, expected, "line {} of {}", n + 1, path.display());
    }
    assert_eq!(found.len(), text.len(), "{}", path.display());
}

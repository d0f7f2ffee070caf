//! What is said of files that cannot be meant: where, all at once, to people and to machines.

use serde_json::json;

use crate::command::{B1, Scratch, code, portsim, words};

/// Refused as bad input; what is said.
fn refused(args: &[&str], wanted: &[&str]) -> String {
    let output = portsim(args);
    let said = words(&output);
    assert_eq!(code(&output), 2, "{args:?}: {said}");
    for wanted in wanted {
        assert!(said.contains(wanted), "no {wanted:?}: {said}");
    }
    said
}

/// A scenario in which one thread does this.
fn with_op(op: &str) -> String {
    format!(r#"{{ "why": "Does it?", "ports": {{ "p": {{}} }}, "threads": {{ "a": [ {op} ] }} }}"#)
}

#[test]
fn a_byte_order_mark_is_read_over_and_utf_16_is_named() {
    let scratch = Scratch::new("encodings");
    let text = with_op(r#"{ "post": "p", "key": 1 }"#);
    let marked = scratch.file("marked.json", format!("\u{feff}{text}").as_bytes());
    let output = portsim(&["check", &marked]);
    assert_eq!(code(&output), 0, "{}", words(&output));
    let wide = format!("\u{feff}{text}");
    let wide: Vec<u8> = wide.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide = scratch.file("wide.json", &wide);
    for command in ["check", "admit", "merge"] {
        refused(
            &[command, &wide],
            &["wide.json", "UTF-16; save it as UTF-8"],
        );
    }

    let trace = scratch.path("trace.jsonl");
    assert_eq!(code(&portsim(&["run", B1, "--trace", &trace])), 0);
    let text = std::fs::read_to_string(&trace).expect("it was written");
    let marked = scratch.file("marked.jsonl", format!("\u{feff}{text}").as_bytes());
    let output = portsim(&["admit", &marked]);
    assert_eq!(code(&output), 0, "{}", words(&output));
}

#[test]
fn a_trace_where_a_scenario_was_expected_is_called_one() {
    let scratch = Scratch::new("trace-as-scenario");
    let trace = scratch.path("trace.jsonl");
    assert_eq!(code(&portsim(&["run", B1, "--trace", &trace])), 0);
    for command in ["check", "run", "compare"] {
        refused(
            &[command, &trace],
            &["found a trace, expected a scenario", "`admit`"],
        );
    }
}

#[test]
fn numbers_are_called_what_they_are() {
    let scratch = Scratch::new("numbers");
    for (key, wanted) in [
        ("1.5", "found the fraction 1.5"),
        ("1.0", "found 1.0, written with a point or an exponent"),
        ("1e3", "found 1000.0, written with a point or an exponent"),
        (
            "9223372036854775808",
            "found 9223372036854775808, expected a whole number",
        ),
        (
            "18446744073709551616",
            "found a number of more than 64 bits",
        ),
        (
            "-9223372036854775809",
            "found a number of more than 64 bits",
        ),
    ] {
        let text = with_op(&format!(r#"{{ "post": "p", "key": {key} }}"#));
        let file = scratch.file("number.json", text.as_bytes());
        refused(&["check", &file], &["threads.a[0].key", wanted]);
    }
    let huge = "9".repeat(400);
    let text = with_op(&format!(r#"{{ "post": "p", "key": {huge} }}"#));
    let file = scratch.file("number.json", text.as_bytes());
    refused(&["check", &file], &["found a number of more than 64 bits"]);
    // In a trace too.
    let trace = scratch.path("trace.jsonl");
    assert_eq!(code(&portsim(&["run", B1, "--trace", &trace])), 0);
    let text = std::fs::read_to_string(&trace).expect("it was written");
    for (key, wanted) in [
        (
            "18446744073709551616",
            "18446744073709551616 has more than 64 bits",
        ),
        ("1.0", "floating point `1.0`"),
    ] {
        let text = text.replacen(r#""key":3"#, &format!(r#""key":{key}"#), 1);
        let file = scratch.file("number.jsonl", text.as_bytes());
        refused(&["admit", &file], &["number.jsonl", wanted]);
    }
}

/// What ended in its call has the status 0 where none is said; an outcome that contradicts itself is no recording.
#[test]
fn an_outcome_says_one_thing() {
    let scratch = Scratch::new("outcomes");
    let scenario = "scenarios/vectors/h/h1-immediate-success.json";
    let trace = scratch.path("trace.jsonl");
    assert_eq!(code(&portsim(&["run", scenario, "--trace", &trace])), 0);
    let text = std::fs::read_to_string(&trace).expect("it was written");
    let outcome = r#""outcome":{"ok":true,"bytes":3,"status":0}"#;
    assert!(text.contains(outcome), "{text}");
    for (said, expected) in [
        (json!({ "ok": true, "bytes": 3 }), 0),
        (json!({ "ok": true, "bytes": 3, "status": 259 }), 1),
        (json!({ "ok": true, "error": "EBADF" }), 2),
        (json!({ "ok": false, "error": "EBADF", "status": 0 }), 2),
        (json!({ "ok": false }), 2),
        (json!({ "ok": true, "value": 1, "key": 7 }), 2),
    ] {
        let text = text.replacen(outcome, &format!(r#""outcome":{said}"#), 1);
        let file = scratch.file("outcome.jsonl", text.as_bytes());
        let output = portsim(&["admit", &file]);
        assert_eq!(code(&output), expected, "{said}: {}", words(&output));
    }
}

//! What is said of files that cannot be meant: where, all at once, to people and to machines.

use serde_json::{Value, json};

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

const GOOD: &str =
    r#"{ "why": "Does it end?", "ports": { "p": {} }, "threads": { "a": [ { "post": "p" } ] } }"#;

/// Two mistakes, on lines of their own.
const BAD: &str = r#"{
  "why": "Does it?",
  "ports": { "p": {} },
  "threads": {
    "a": [{ "gett": "p" }],
    "b": [{ "post": "q" }]
  }
}
"#;

/// The one object that a command says.
fn object(args: &[&str], expected: i32) -> Value {
    crate::command::json(args, expected)
}

#[test]
fn each_mistake_has_its_place_its_line_and_a_mark() {
    let scratch = Scratch::new("places");
    let bad = scratch.file("bad.json", BAD.as_bytes());
    let said = refused(&["check", &bad], &[]);
    let wanted = format!(
        r#"{bad}:5:13: error: at threads.a[0]: unknown operation "gett"; did you mean "get"?
  |
5 |     "a": [{{ "gett": "p" }}],
  |             ^^^^^^
{bad}:6:21: error: at threads.b[0].post: unknown port "q", expected "p"
  |
6 |     "b": [{{ "post": "q" }}]
  |                     ^^^
"#
    );
    assert_eq!(said, wanted);
}

#[test]
fn every_command_says_its_errors_as_one_object() {
    let scratch = Scratch::new("objects");
    let bad = scratch.file("bad.json", BAD.as_bytes());
    for args in [
        &["check", &bad][..],
        &["run", &bad],
        &["compare", &bad],
        &["cross-check", &bad, "--on", "emulated"],
        &["record", &bad, "--on", "emulated"],
        &["export", "promela", &bad],
        &["list", &bad],
    ] {
        let said = object(args, 2);
        let errors = said["errors"].as_array().expect("a list");
        assert_eq!(errors.len(), 2, "{args:?}: {said}");
        let wanted = json!({
            "file": bad, "line": 6, "column": 21, "path": "threads.b[0].post",
            "message": "unknown port \"q\", expected \"p\"", "expected": "\"p\"", "near": null,
        });
        assert_eq!(errors[1], wanted);
        assert_eq!(errors[0]["near"], "get");
    }
    let trace = scratch.file("bad.jsonl", b"{}\n");
    for args in [
        &["admit", &trace][..],
        &["replay", &trace],
        &["diff", &trace, &trace],
        &["export", "history", &trace],
        &["merge", &trace],
    ] {
        let said = object(args, 2);
        assert_eq!(said["errors"][0]["file"], *trace, "{said}");
        assert_eq!(said["errors"][0]["line"], 1, "{said}");
    }
    for (args, expected) in [
        (&["check", "no-such-file.json"][..], 2),
        (&["run", B1, "--as", "window"], 2),
        (&["run", B1, "--seeds", "9..3"], 2),
        (&["chekc"], 2),
        (&["fuzz", "--on", "epol", "--seeds", "0..1"], 2),
        (&["record", B1, "--on", "agent:/no/such/command"], 3),
    ] {
        let said = object(args, expected);
        assert!(said["errors"][0]["message"].is_string(), "{said}");
    }
}

#[test]
fn a_folder_goes_on_behind_a_bad_file() {
    let scratch = Scratch::new("goes-on");
    scratch.file("a-bad.json", BAD.as_bytes());
    scratch.file("b-good.json", GOOD.as_bytes());
    let folder = scratch.path("");
    for (args, list) in [
        (&["check", &folder][..], "scenarios"),
        (&["compare", &folder], "scenarios"),
        (&["cross-check", &folder, "--on", "emulated"], "cells"),
        (&["list", &folder], "scenarios"),
    ] {
        let said = object(args, 2);
        let name = said[list][0].get("name").or(said[list][0].get("scenario"));
        assert_eq!(name, Some(&"b-good".into()), "{args:?}: {said}");
        assert_eq!(said["errors"].as_array().map(Vec::len), Some(2), "{said}");
        refused(args, &["a-bad.json:5:13: error:", "b-good"]);
    }
    let trace = scratch.path("trace.jsonl");
    assert_eq!(code(&portsim(&["run", B1, "--trace", &trace])), 0);
    let text = std::fs::read_to_string(&trace).expect("it was written");
    let wrong = text.replacen(r#""call""#, r#""cal""#, 2);
    let wrong = scratch.file("wrong.jsonl", wrong.as_bytes());
    let said = object(&["admit", &wrong, &trace], 2);
    assert_eq!(said["traces"][0]["verdict"], "admitted", "{said}");
    let errors = said["errors"].as_array().expect("a list");
    assert_eq!(
        (&errors[0]["line"], &errors[1]["line"]),
        (&2.into(), &3.into())
    );
}

/// 2 goes before 3, 3 before 1, 1 before 4, 4 before 0.
#[test]
fn the_worst_exit_code_is_the_one() {
    let scratch = Scratch::new("codes");
    let bad = scratch.file("bad.json", BAD.as_bytes());
    let good = scratch.file("good.json", GOOD.as_bytes());
    let wrong = GOOD.replace(
        "\"threads\"",
        "\"expect\": { \"violation\": \"lost\" }, \"threads\"",
    );
    let wrong = scratch.file("wrong.json", wrong.as_bytes());
    for (args, expected) in [
        (&["check", &good][..], 0),
        (&["check", &good, "--depth", "1"], 4),
        (&["check", &good, &wrong, "--depth", "1"], 4),
        (&["check", &good, &wrong], 1),
        (&["check", &good, &wrong, &bad], 2),
        (&["cross-check", &bad, "--on", "agent:/no/such/command"], 2),
        (&["cross-check", &good, "--on", "agent:/no/such/command"], 3),
    ] {
        let output = portsim(args);
        assert_eq!(code(&output), expected, "{args:?}: {}", words(&output));
    }
    let cells = |verdicts: &str| {
        format!(r#"{{ "cells": [], "totals": {{ {verdicts} }}, "complete": false }}"#)
    };
    for (verdicts, expected) in [
        (r#""differ": 1, "unavailable": 1"#, 3),
        (r#""differ": 1"#, 1),
        (r#""agree": 1"#, 4),
    ] {
        let part = scratch.file("part.json", cells(verdicts).as_bytes());
        assert_eq!(code(&portsim(&["merge", &part])), expected, "{verdicts}");
    }
    let part = r#"{ "cells": [], "totals": { "unavailable": 1 }, "errors": [{ "file": "x" }] }"#;
    let part = scratch.file("part.json", part.as_bytes());
    assert_eq!(code(&portsim(&["merge", &part])), 2);
}

#[test]
fn what_judges_nothing_says_so_and_can_be_denied() {
    let nothing = "nothing was judged: every verdict is unsupported";
    for args in [
        &["check", B1, "--as", "epoll"][..],
        &["run", B1, "--as", "epoll"],
        &["cross-check", B1, "--on", "emulated", "--as", "epoll"],
    ] {
        let output = portsim(args);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(code(&output), 0, "{}", words(&output));
        assert_eq!(said.lines().last(), Some(nothing), "{args:?}: {said}");
        let denied = [args, &["--deny", "unsupported"]].concat();
        assert_eq!(code(&portsim(&denied)), 1, "{denied:?}");
        let other = [args, &["--deny", "partial"]].concat();
        assert_eq!(code(&portsim(&other)), 0, "{other:?}");
    }
    let both = portsim(&["check", B1, "--as", "all"]);
    assert!(!words(&both).contains(nothing), "{}", words(&both));
    for (args, expected) in [
        (&["check", B1, "--depth", "1"][..], 4),
        (&["check", B1, "--depth", "1", "--deny", "unsupported"], 4),
        (
            &["check", B1, "--depth", "1", "--deny", "unsupported,partial"],
            1,
        ),
        (&["run", B1, "--deny", "unsupported,partial"], 0),
        (&["check", B1, "--deny", "violation"], 2),
    ] {
        assert_eq!(code(&portsim(args)), expected, "{args:?}");
    }
}

#[test]
fn foreign_files_are_named_once_or_passed_over() {
    let scratch = Scratch::new("foreign");
    let foreign = scratch.file(
        "package.json",
        br#"{ "name": "x", "version": 1, "private": true }"#,
    );
    let folder = scratch.path("");
    let wanted = "found an object with neither \"why\" nor \"threads\", expected a scenario";
    let skip = "--skip-foreign";
    // Nothing but foreign files is no success.
    refused(&["check", &folder], &[wanted]);
    refused(&["check", &folder, skip], &["every JSON file is foreign"]);
    scratch.file("good.json", GOOD.as_bytes());
    scratch.file("list.json", b"[1, 2]");
    for command in [
        &["check"][..],
        &["compare"],
        &["list"],
        &["cross-check", "--on", "emulated"],
    ] {
        let command = [command, &[&folder]].concat();
        let said = refused(&command, &[wanted, "found a list"]);
        assert_eq!(said.matches("package.json").count(), 1, "{said}");
        let output = portsim(&[&command[..], &[skip]].concat());
        let said = words(&output);
        assert_eq!(code(&output), 0, "{said}");
        assert!(
            said.contains("passed over") && said.contains("good"),
            "{said}"
        );
    }
    // What was named itself is meant.
    refused(&["check", &foreign, skip], &[wanted]);
}

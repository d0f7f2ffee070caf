//! A sweep in parts: what each part says, joined, is what the whole says.

use serde_json::Value;

use crate::command::{Scratch, code, portsim, words};

/// What a command says in JSON, without the times, and its exit code.
fn said(args: &[&str]) -> (Value, i32) {
    let output = portsim(args);
    let mut said: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{args:?}: {error}: {}", words(&output)));
    without_times(&mut said);
    (said, code(&output))
}

fn without_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.shift_remove("seconds");
            fields.values_mut().for_each(without_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}

/// The parts of a command's work, joined, beside the whole of it.
fn holds(name: &str, args: &[&str]) {
    let args = [args, &["--json", "--quiet"]].concat();
    let whole = said(&args);
    let scratch = Scratch::new(name);
    let part = |part: &&str| {
        let output = portsim(&[&args[..], &["--shard", part]].concat());
        scratch.file(&part.replace('/', "-of-"), &output.stdout)
    };
    for parts in [&["1/3", "2/3", "3/3"][..], &["1/1"]] {
        let files: Vec<String> = parts.iter().map(part).collect();
        let files = files.iter().map(String::as_str);
        let joined = said(&["merge"].into_iter().chain(files).collect::<Vec<_>>());
        assert_eq!(joined, whole, "{args:?} in {} parts", parts.len());
    }
}

#[test]
fn parts_of_every_sweep_make_the_whole() {
    let pool = "scenarios/portable/newest-waiter-first.json";
    let refused = "traces/refused/windows-stolen-packet.jsonl";
    let recorded = "traces/recorded/epoll/no-limit.jsonl";
    let kept = "traces/recorded/epoll/close-wakes-nobody.jsonl";
    holds("parts-run", &["run", pool, "--seeds", "3..20"]);
    holds(
        "parts-check",
        &["check", "scenarios/portable", "scenarios/open"],
    );
    holds(
        "parts-partial",
        &["check", "scenarios/portable", "--depth", "3"],
    );
    holds("parts-admit", &["admit", recorded, refused, kept]);
    holds("parts-compare", &["compare", "scenarios/portable"]);
    let cross_check = ["cross-check", "scenarios/portable", "--on", "emulated"];
    holds("parts-cross-check", &cross_check);
    holds(
        "parts-fuzz",
        &["fuzz", "--on", "emulated", "--seeds", "0..50"],
    );
}

/// A part that was stopped leaves the whole incomplete, wherever it stands.
#[test]
fn a_part_that_was_stopped_is_seen_in_the_whole() {
    let scratch = Scratch::new("parts-stopped");
    let through = scratch.file("through.json", br#"{ "traces": [] }"#);
    let stopped = scratch.file("stopped.json", br#"{ "traces": [], "complete": false }"#);
    for (parts, expected) in [
        ([&through, &through], 0),
        ([&through, &stopped], 4),
        ([&stopped, &through], 4),
    ] {
        let (joined, code) = said(&["merge", parts[0], parts[1]]);
        assert_eq!(code, expected, "{joined}");
        assert_eq!(joined["complete"] == false, expected == 4, "{joined}");
    }
}

/// A wrong expectation in one part is one of the whole; so is what differs, and each divergence is counted once.
#[test]
fn the_whole_ends_as_its_worst_part_does() {
    let scratch = Scratch::new("parts-worst");
    let well = r#"{ "scenarios": [{ "verdict": "pass", "as_expected": true }] }"#;
    let wrong = r#"{ "scenarios": [{ "verdict": "pass", "as_expected": false }] }"#;
    let (well, wrong) = (
        scratch.file("well.json", well.as_bytes()),
        scratch.file("wrong.json", wrong.as_bytes()),
    );
    assert_eq!(said(&["merge", &well, &well]).1, 0);
    assert_eq!(said(&["merge", &well, &wrong]).1, 1);
    let fuzzed = |seed: u64, times: u64| {
        format!(
            r#"{{ "cases": 10, "differ": {times}, "found": [{{ "seed": {seed}, "on": "it", "at": 3, "scenario": "found/{seed}.json", "times": {times} }}], "complete": true }}"#
        )
    };
    let late = scratch.file("late.json", fuzzed(9, 2).as_bytes());
    let early = scratch.file("early.json", fuzzed(4, 1).as_bytes());
    let (joined, code) = said(&["merge", &late, &early]);
    assert_eq!(code, 1);
    assert_eq!(
        (&joined["cases"], &joined["differ"]),
        (&20.into(), &3.into())
    );
    let found = joined["found"].as_array().expect("a list");
    assert_eq!(found.len(), 1, "{joined}");
    assert_eq!(found[0]["times"], 3);
    assert_eq!(found[0]["scenario"], "found/4.json");
}

#[test]
fn what_is_no_part_is_refused_with_its_file() {
    let scratch = Scratch::new("parts-bad");
    let well = scratch.file("well.json", br#"{ "cells": [], "totals": {} }"#);
    let bad = [
        ("text.json", "not json", "line 1"),
        ("list.json", "[1]", "expected what run, check"),
        ("other.json", r#"{ "scenarios": [] }"#, "of another command"),
        ("odd.json", r#"{ "cells": 3, "totals": {} }"#, "at cells"),
    ];
    for (name, text, says) in bad {
        let file = scratch.file(name, text.as_bytes());
        let output = portsim(&["merge", &well, &file]);
        assert_eq!(code(&output), 2, "{name}");
        let words = words(&output);
        assert!(words.contains(says) && words.contains(name), "{words}");
    }
    let output = portsim(&[
        "run",
        "scenarios/portable/newest-waiter-first.json",
        "--shard",
        "1/2",
    ]);
    assert_eq!(code(&output), 2, "{}", words(&output));
}

/// A part that is missing, or given twice, is no whole.
#[test]
fn what_is_joined_is_whole() {
    let scratch = Scratch::new("parts-whole");
    let part = |part: &str| {
        let sweep = [
            "check",
            "scenarios/portable",
            "--json",
            "--quiet",
            "--shard",
            part,
        ];
        scratch.file(&part.replace('/', "-of-"), &portsim(&sweep).stdout)
    };
    let [first, second, third] = ["1/2", "2/2", "2/3"].map(part);
    let whole = portsim(&["check", "scenarios/portable", "--json", "--quiet"]);
    let whole = scratch.file("whole", &whole.stdout);
    assert_eq!(code(&portsim(&["merge", &first, &second])), 0);
    for (files, why) in [
        (vec![&first], "part 2/2 is missing"),
        (
            vec![&first, &first],
            "is part 1 of 2, as an earlier file is",
        ),
        (
            vec![&first, &third],
            "is part 2 of 3, and the first file of another number",
        ),
        (vec![&first, &second, &whole], "is of a whole"),
    ] {
        let files = files.into_iter().map(String::as_str);
        let output = portsim(&["merge"].into_iter().chain(files).collect::<Vec<_>>());
        assert_eq!(code(&output), 2, "{why}");
        assert!(words(&output).contains(why), "{why}: {}", words(&output));
    }
}

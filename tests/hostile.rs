//! What strangers write: names without end, escapes for a terminal, paths out of a folder, and more than there is room
//! for. Each is refused with a sentence; nothing panics, and nothing of it moves a terminal.

use std::fs::File;
use std::path::Path;
#[cfg(unix)]
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::command::{POOL, Scratch, code, portsim, words};
#[cfg(unix)]
use crate::root;

/// A scenario in which one thread gets what another posts.
fn scenario(thread: &str) -> Value {
    json!({
        "why": "Does it end?",
        "ports": { "p": {} },
        "threads": { thread: [{ "get": "p", "into": "x" }], "b": [{ "post": "p", "key": 1 }] },
    })
}

/// A trace of that scenario, which is in the same folder; `header` replaces fields of its header, and `outcome` is
/// what the get comes back with.
fn trace(scratch: &Scratch, header: &Value, outcome: &Value) -> String {
    let file = scratch.file("x.json", scenario("a").to_string().as_bytes());
    let read = portsim::Scenario::read(Path::new(&file)).expect("it is right");
    let mut first = json!({
        "format": "portsim-trace/1",
        "scenario": "x",
        "scenario_sha256": read.sha256,
        "from": "backend", "on": "epoll", "mode": "lockstep", "tool": "t", "os": "o",
    });
    for (key, value) in header.as_object().into_iter().flatten() {
        first[key] = value.clone();
    }
    let lines = [
        first,
        json!({ "n": 1, "thread": "b", "call": "post", "port": "p", "key": 1, "outcome": { "ok": true } }),
        json!({ "n": 2, "thread": "a", "call": "get", "port": "p", "outcome": outcome }),
        json!({ "end": { "events": 2, "parked": [] } }),
    ];
    let lines = lines.map(|line| line.to_string() + "\n").concat();
    scratch.file("x.jsonl", lines.as_bytes())
}

/// Refused as bad input, in words that a terminal shows as they are.
fn refused(args: &[&str], wanted: &str) {
    let output = portsim(args);
    let said = words(&output);
    assert_eq!(code(&output), 2, "{args:?}: {said}");
    assert!(said.contains(wanted), "{args:?}: {said}");
    let moves = |c: char| c.is_control() && c != '\n';
    assert!(!said.contains(moves), "{args:?}: {said:?}");
    assert!(said.len() < 4_000, "{} bytes are no sentence", said.len());
}

#[test]
fn a_trace_is_looked_for_below_its_folder_only() {
    let scratch = Scratch::new("paths");
    let ok = json!({ "ok": true, "key": 1 });
    let inside = scratch.path("inside");
    std::fs::create_dir_all(&inside).expect("there is room");
    let absolute = scratch.path("x");
    for name in ["../x", &absolute, "a/../../x", "./../x"] {
        let file = trace(&scratch, &json!({ "scenario": name }), &ok);
        refused(
            &["admit", &file, "--scenarios", &inside],
            "which is no path below a folder",
        );
    }
    let file = trace(&scratch, &json!({}), &ok);
    let folder = scratch.path("");
    let admitted = portsim(&["admit", &file, "--scenarios", &folder]);
    assert_eq!(code(&admitted), 0, "{}", words(&admitted));
}

#[test]
fn what_moves_a_terminal_is_refused_or_spelled_out() {
    let scratch = Scratch::new("escapes");
    let (folder, ok) = (scratch.path(""), json!({ "ok": true, "key": 1 }));
    for field in ["os", "tool", "on", "why"] {
        let file = trace(&scratch, &json!({ field: "\u{1b}[2Jpass" }), &ok);
        let wanted = "has a control character in \"\\u{1b}[2Jpass\"";
        refused(&["admit", &file, "--scenarios", &folder], wanted);
    }
    for error in ["\u{1b}[2J", "E\nadmitted", "\u{9b}31m"] {
        let outcome = json!({ "ok": false, "error": error });
        let file = trace(&scratch, &json!({}), &outcome);
        let wanted = "an error is a word of at most 100 letters";
        refused(&["admit", &file, "--scenarios", &folder], wanted);
    }
    let mut why = scenario("a");
    why["why"] = "one\nline".into();
    let file = scratch.file("why.json", why.to_string().as_bytes());
    refused(&["check", &file], "at why: found a control character");
    // An expression is shown where it goes wrong.
    let mut wrong = scenario("a");
    wrong["properties"] = json!({ "always": { "n": "x.key \u{1b}[31m" } });
    let file = scratch.file("wrong.json", wrong.to_string().as_bytes());
    refused(&["check", &file], "begins no word of the language");
    let file = scratch.file("key.json", br#"{ "why": "x", "\u001b[31m": 1 }"#);
    refused(&["check", &file], "[31m");
    refused(
        &["check", "no\u{1b}[31mfile.json"],
        "no\\u001b[31mfile.json",
    );
}

#[test]
fn names_have_an_end() {
    let scratch = Scratch::new("names");
    let long = "a".repeat(70_000);
    let file = scratch.file("long.json", scenario(&long).to_string().as_bytes());
    refused(&["run", &file], "is longer than 100 letters");
    let longest = "a".repeat(100);
    let file = scratch.file("longest.json", scenario(&longest).to_string().as_bytes());
    let ran = portsim(&["run", &file]);
    assert_eq!(code(&ran), 0, "{}", words(&ran));
    let file = trace(&scratch, &json!({}), &json!({ "ok": false, "error": long }));
    let folder = scratch.path("");
    let wanted = "an error is a word of at most 100 letters";
    refused(&["admit", &file, "--scenarios", &folder], wanted);
}

/// A batch of many packets is as wide as a lane may be.
#[test]
fn a_wide_batch_is_cut() {
    let scratch = Scratch::new("wide");
    let packets: Vec<_> = (0..20_000).map(|key| json!({ "key": key })).collect();
    let wide = json!({ "ok": true, "packets": packets });
    let file = trace(&scratch, &json!({}), &wide);
    let folder = scratch.path("");
    let output = portsim(&["admit", &file, "--scenarios", &folder]);
    assert_ne!(code(&output), 101, "{}", words(&output));
}

/// A machine without a thread to spare is said to have none.
#[cfg(unix)]
#[test]
fn a_thread_that_cannot_be_started_is_no_panic() {
    for args in [
        &["check", POOL, "--workers", "1"][..],
        &["check", POOL, "--workers", "3"],
        &["check", POOL, "--walk", "random", "--seeds", "0..10"],
        &["fuzz", "--on", "emulated", "--seeds", "0..3"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_portsim"))
            .args(args)
            .current_dir(root())
            // No stack is as large as that.
            .env("RUST_MIN_STACK", (1_u64 << 46).to_string())
            .output()
            .expect("the command can be started");
        assert_eq!(code(&output), 3, "{args:?}: {}", words(&output));
        let wanted = "cannot be started";
        assert!(words(&output).contains(wanted), "{}", words(&output));
    }
}

/// The last seeds that there are have an end too.
#[test]
fn seeds_end() {
    let last = ["--seeds", "18446744073709551610..18446744073709551615"];
    for (args, expected) in [
        (&["check", POOL, "--walk", "random"][..], 4),
        (&["run", POOL], 0),
        (&["fuzz", "--on", "emulated"], 0),
    ] {
        let output = portsim(&[args, &last].concat());
        assert_eq!(code(&output), expected, "{args:?}: {}", words(&output));
        assert!(words(&output).contains('5'), "{}", words(&output));
    }
}

/// What each run takes in a report is bounded; what is only counted is not.
#[test]
fn a_report_of_runs_is_bounded() {
    let many = ["run", POOL, "--seeds", "0..100001", "--json"];
    refused(&many, "100000 seeds at most");
}

/// Reports of many entries are joined in no time, and one without end is not read to it.
#[test]
fn a_merge_is_bounded() {
    let scratch = Scratch::new("merge");
    let part = |name: &str, first: usize| {
        let reason = |n: usize| json!({ "on": "epoll", "verdict": "unsupported", "why": format!("{n}"), "cases": 1, "seed": n });
        let reasons: Vec<_> = (first..first + 20_000).map(reason).collect();
        let said = json!({ "cases": 20_000, "found": [], "reasons": reasons });
        scratch.file(name, said.to_string().as_bytes())
    };
    let since = Instant::now();
    let (left, right) = (part("left.json", 0), part("right.json", 10_000));
    let joined = crate::command::json(&["merge", &left, &right], 0);
    assert!(since.elapsed() < Duration::from_secs(10));
    let reasons = joined["reasons"].as_array().expect("it is a list");
    assert_eq!(reasons.len(), 30_000);
    assert_eq!(reasons[9_999]["cases"], 1);
    assert_eq!(reasons[10_000]["cases"], 2);
    assert_eq!(reasons[29_999]["why"], "29999");
    let endless = scratch.file("endless.json", b"");
    let file = File::options().write(true).open(&endless);
    let file = file.expect("it is there");
    file.set_len(65 << 20).expect("it takes no room");
    refused(&["merge", &left, &endless], "is larger than the 64 MiB");
}

//! The smallest scenarios that tell systems apart: they are found, they hold on the one and not on the other, and where
//! nothing differs nothing is found.

use serde_json::Value;

use crate::command::{Scratch, json, portsim};

/// Asks for the smallest scenario that tells two systems apart.
fn distinguish(a: &str, b: &str, more: &[&str]) -> Value {
    let mut arguments = vec!["distinguish", a, b];
    arguments.extend(more);
    json(&arguments, 0)
}

/// The verdict of a scenario on a system, whichever it is meant for.
fn verdict(scenario: &Value, system: &str) -> String {
    let mut scenario = scenario.clone();
    let base = system.split(':').next().unwrap_or_default();
    scenario["as"] = serde_json::json!([base]);
    let scratch = Scratch::new(&format!("told-apart-{base}"));
    let file = scratch.file("it.json", scenario.to_string().as_bytes());
    let out = portsim(&["check", &file, "--as", system, "--json"]);
    let report: Value = serde_json::from_slice(&out.stdout).expect("a report");
    let verdict = &report["scenarios"][0]["verdict"];
    verdict.as_str().unwrap_or_default().to_owned()
}

#[test]
fn what_is_found_holds_on_the_one_and_not_on_the_other() {
    for (a, b) in [
        ("windows", "windows-2003"),
        ("windows", "wine-10"),
        ("wine-8", "wine-10"),
        ("epoll", "select"),
        ("illumos", "kqueue"),
    ] {
        let report = distinguish(a, b, &["--operations", "2"]);
        let found = &report["found"][0];
        let scenario = &found["scenario"];
        assert!(scenario["properties"]["at_end"].is_object(), "{report}");
        let on = scenario["as"][0].as_str().unwrap_or_default();
        let other = if on == a { b } else { a };
        assert_eq!(verdict(scenario, on), "pass", "{report}");
        assert_eq!(verdict(scenario, other), "violation", "{report}");
        let is_told = |side: &str| found[side].as_array().is_some_and(|ways| !ways.is_empty());
        assert!(is_told("only_a") || is_told("only_b"), "{report}");
    }
}

#[test]
fn what_changed_in_a_kernel_is_found_at_the_size_at_which_it_was_found_by_hand() {
    let words = ["--vocabulary", "get,post", "--operations", "3"];
    let report = distinguish("io-uring", "io-uring-7.2", &words);
    let found = &report["found"][0];
    assert_eq!(found["operations"], 3, "{report}");
    assert_eq!(found["turns"], 3, "{report}");
}

#[test]
fn readings_of_an_open_claim_are_told_apart() {
    for (claim, one, other, words, operations) in [
        (
            "windows/poll-counts",
            "windows:poll-counts=counts",
            "windows:poll-counts=does-not-count",
            "get,post",
            "3",
        ),
        (
            "windows/alert-or-object",
            "windows:alert-or-object=object",
            "windows:alert-or-object=apc",
            "apc,block,signal",
            "2",
        ),
        // What lock-step does not ask for, a reading of it asks for all the same.
        (
            "epoll/overlooks",
            "epoll:overlooks=sees",
            "epoll:overlooks=overlooks",
            "get,epoll_ctl",
            "2",
        ),
    ] {
        let bound = ["--vocabulary", words, "--operations", operations];
        let report = distinguish(one, other, &bound);
        let found = &report["found"][0];
        assert_eq!(found["claims"], serde_json::json!([claim]), "{report}");
        let scenario = &found["scenario"];
        let verdicts = [one, other].map(|system| verdict(scenario, system));
        assert_ne!(verdicts[0], verdicts[1], "{report}");
    }
}

/// A pipe lets whoever comes first take a packet, a queue gives it to the waiter: only who waits for the other to wait can
/// ask for it.
#[test]
fn who_takes_a_packet_from_a_waiter_is_found() {
    let words = ["--vocabulary", "get,post,await", "--threads", "2"];
    let report = distinguish("pipe", "mqueue", &words);
    let found = &report["found"][0];
    assert_eq!(found["operations"], 4, "{report}");
    let scenario = &found["scenario"];
    let thief = scenario["threads"]
        .as_object()
        .into_iter()
        .flatten()
        .find(|(_, calls)| calls[0]["await"].is_string());
    assert!(thief.is_some(), "{report}");
    assert_ne!(verdict(scenario, "pipe"), verdict(scenario, "mqueue"));
}

/// What threads are told on one system only has words of its own, although most calls that are done say nothing.
#[test]
fn what_is_different_has_words() {
    for (a, b, words) in [
        ("windows", "wine-10", "suspend,post"),
        ("windows", "wine-10", "suspend,terminate,post"),
    ] {
        let words = ["--vocabulary", words, "--operations", "2", "--all"];
        let report = distinguish(a, b, &words);
        let found = report["found"].as_array().expect("a list");
        assert!(!found.is_empty(), "{report}");
        for found in found {
            let ways = |side: &str| found[side].as_array().map_or(0, Vec::len);
            assert!(ways("only_a") + ways("only_b") > 0, "{found}");
        }
    }
}

/// What breaks a rule of every port is named, beside what threads were told until then.
#[test]
fn what_is_broken_is_named() {
    let scratch = Scratch::new("broken");
    let scenario = br#"{
        "why": "Is the memory of a read that is under way given back?",
        "ports": { "p": {} },
        "files": { "h": { "port": "p", "key": 9 } },
        "operations": { "r": { "file": "h", "overlapped": 10 } },
        "threads": { "a": [{ "start": "r" }, { "free": "r" }, { "complete": "r" }] }
    }"#;
    let file = scratch.file("freed.json", scenario);
    let compared = json(&["compare", &file, "--as", "windows"], 0);
    let ways = &compared["scenarios"][0]["groups"][0]["ways"];
    let expected = serde_json::json!(["a ! pending", "a ! pending, and breaks freed"]);
    assert_eq!(*ways, expected, "{compared}");
}

/// A call that fails and takes packets all the same is told from one that takes none.
#[test]
fn what_a_late_call_took_is_named() {
    let scratch = Scratch::new("late");
    let scenario = br#"{
        "why": "Does a call that is late take what is there?",
        "ports": { "p": {} },
        "threads": {
            "a": [{ "post": "p", "key": 1 }],
            "b": [{ "get": "p", "max": 2, "min": 2, "timeout": 1 }]
        }
    }"#;
    let file = scratch.file("late.json", scenario);
    let compared = json(&["compare", &file, "--as", "illumos"], 0);
    let ways = compared["scenarios"][0]["groups"][0]["ways"].to_string();
    assert!(ways.contains("b ! timeout = [key 1]"), "{compared}");
}

#[test]
fn that_nothing_tells_two_apart_is_an_answer() {
    let words = ["--vocabulary", "get,post", "--operations", "2"];
    let report = distinguish("kqueue", "kqueue-macos", &words);
    assert_eq!(report["found"], serde_json::json!([]));
    assert!(
        report["compared"]
            .as_u64()
            .is_some_and(|compared| compared > 100),
        "{report}"
    );
}

/// Whether its end is a step of a thread is no difference, though others can wait for it.
#[test]
fn who_waits_for_the_end_of_a_thread_sees_no_step() {
    let words = ["--vocabulary", "get,await,join", "--operations", "2"];
    let report = distinguish("windows", "condvar", &words);
    assert_eq!(report["found"], serde_json::json!([]));
}

#[test]
fn how_many_compare_makes_no_difference() {
    let one = distinguish("windows", "windows-2003", &["--workers", "1"]);
    let three = distinguish("windows", "windows-2003", &["--workers", "3"]);
    assert_eq!(
        (&one["found"], &one["compared"]),
        (&three["found"], &three["compared"])
    );
}

//! `portsim fuzz` as its users meet it: what it counts, what it keeps, and that what it keeps shows the same again.

use std::collections::BTreeSet;
use std::fs;

use portsim::scenario::Scenario;
use serde_json::Value;

use crate::command::{Scratch, code, json, portsim, words};

/// What a port can be asked that agrees with its judge: every case is counted once, and so is every part of a sweep.
#[test]
fn every_seed_is_a_case_and_the_parts_are_the_whole() {
    let cases = |more: &[&str]| {
        let args = [&["fuzz", "--on", "emulated", "--seeds", "10..110"], more].concat();
        let all = json(&args, 0);
        for key in [
            "agree",
            "differ",
            "unsupported",
            "found",
            "left_out",
            "seconds",
        ] {
            assert!(all.get(key).is_some(), "no {key} in {all}");
        }
        assert_eq!(all["complete"], true);
        assert_eq!(all["agree"], all["cases"], "{all}");
        all["cases"].as_u64().expect("a number")
    };
    assert_eq!(cases(&[]), 100);
    let parts = ["1/3", "2/3", "3/3"].map(|part| cases(&["--shard", part]));
    assert_eq!(parts, [33, 33, 34]);
    for wrong in ["0/3", "4/3", "1/0", "1", "a/b"] {
        let output = portsim(&["fuzz", "--seeds", "0..9", "--shard", wrong]);
        assert_eq!(code(&output), 2, "{wrong}: {}", words(&output));
    }
    let output = portsim(&["fuzz", "--on", "epol", "--seeds", "0..9"]);
    assert!(
        code(&output) == 2 && words(&output).contains("epoll"),
        "{}",
        words(&output)
    );
}

/// An agent that wakes its oldest waiter is found. What is kept is small, differs again in the hands of `cross-check`,
/// and has the same bytes in the next run.
#[test]
fn a_port_that_wakes_its_oldest_waiter_is_found_and_the_case_is_small() {
    const OLDEST: &str = "agent:python3 docs/agent.py oldest";
    let fuzz = |name: &str| {
        let scratch = Scratch::new(name);
        let out = scratch.path("found");
        let args = [
            "fuzz", "--on", OLDEST, "--as", "windows", "--seeds", "0..40", "--out", &out,
        ];
        let all = json(&args, 1);
        (scratch, all)
    };
    let (_here, all) = fuzz("fuzz-oldest");
    let found = all["found"].as_array().expect("a list");
    assert!(
        all["differ"].as_u64() >= Some(found.len() as u64) && !found.is_empty(),
        "{all}"
    );
    let mut texts = BTreeSet::new();
    for one in found {
        let file = one["scenario"].as_str().expect("a path");
        let text = fs::read_to_string(file).expect("it was written");
        let scenario = Scenario::read(file.as_ref()).unwrap_or_else(|bad| panic!("{bad}"));
        let turns = scenario.program.schedule.as_ref().map_or(0, Vec::len);
        assert!(one["again"] == true && turns <= 8, "{turns} turns:\n{text}");
        let args = [
            "cross-check",
            file,
            "--on",
            OLDEST,
            "--as",
            "windows",
            "--seeds",
            "0..1",
        ];
        let crossed = json(&args, 1);
        assert_eq!(
            crossed["cells"][0]["verdict"], "differ",
            "{crossed}\n{text}"
        );
        texts.insert(text);
    }
    assert_eq!(texts.len(), found.len(), "each is kept once");
    // Two waiters and a packet: nothing less shows whom it wakes.
    let order = |text: &&String| text.contains(r#""schedule": ["a", "b", "c"]"#);
    let found_out = texts.iter().find(order);
    assert!(
        found_out.is_some_and(|text| text.contains("`a: = key 0`")),
        "{texts:?}"
    );
    let (_there, again) = fuzz("fuzz-again");
    let text = |one: &Value| fs::read_to_string(one["scenario"].as_str().expect("a path"));
    let again: BTreeSet<_> = again["found"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(text)
        .collect();
    assert_eq!(texts, again);
    // The line that is printed, and a copy of what it names.
    let file = found[0]["scenario"].as_str().expect("a path");
    let repeat = portsim(&["cross-check", file, "--on", OLDEST, "--as", "windows"]);
    assert_eq!(code(&repeat), 1, "{}", words(&repeat));
}

//! Variables that each thread has for itself: what they cost, what is said of them, and who else sees them.

use serde_json::{Value, json};

use crate::command::{Scratch, code, json as said, portsim, words};

/// A group in which each member counts its own packets.
fn counters() -> Value {
    json!({
        "why": "Who counts what?",
        "ports": { "p": { "concurrency": 2 } },
        "threads": {
            "w": { "count": 2, "locals": { "n": 0, "seen": [0, 0] }, "do": [
                { "set": { "n": 1 } },
                { "loop": [
                    { "get": "p", "into": "x" },
                    { "set": { "seen[n - 1]": "x.key", "n": "n + 1" } },
                    { "if": "n == 3", "then": ["break"] }
                ] }
            ] },
            "m": [
                { "post": "p", "key": 1 }, { "post": "p", "key": 2 }, { "post": "p", "key": 3 }, { "post": "p", "key": 4 }
            ]
        },
        "properties": {
            "always": { "begun": "all(w, n >= 1)" },
            "sometimes": { "apart": "w[0].seen[0] == 1 && w[1].seen[0] == 2" },
            "at_end": { "all_done": "all(w, n == 3)", "each_once": "w[0].seen[0] + w[0].seen[1] + w[1].seen[0] + w[1].seen[1] == 10" }
        }
    })
}

fn file(scratch: &Scratch, scenario: &Value) -> String {
    scratch.file("case.json", scenario.to_string().as_bytes())
}

/// The events of the run of the first seed, and its last line.
fn events(scratch: &Scratch, file: &str) -> (Vec<Value>, Value) {
    let trace = scratch.path("trace.jsonl");
    let output = portsim(&["run", file, "--seed", "1", "--trace", &trace]);
    assert_eq!(code(&output), 0, "{}", words(&output));
    let text = std::fs::read_to_string(&trace).expect("it was written");
    let lines = text
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).expect("it is JSON"));
    let mut lines: Vec<Value> = lines.collect();
    let end = lines.pop().expect("there is a last line");
    (lines, end["end"].clone())
}

#[test]
fn each_member_counts_its_own_on_every_system() {
    let scratch = Scratch::new("locals-counters");
    let file = file(&scratch, &counters());
    let all = said(&["check", &file, "--as", "all"], 0);
    let verdicts = all["scenarios"].as_array().expect("a list");
    assert!(verdicts.len() > 10, "{verdicts:?}");
    let passed = verdicts.iter().filter(|it| it["verdict"] == "pass").count();
    let unsupported = verdicts
        .iter()
        .filter(|it| it["verdict"] == "unsupported")
        .count();
    assert_eq!(passed + unsupported, verdicts.len());
    assert!(passed > 10);
    for reduce in ["none", "symmetry", "order", "dead"] {
        let one = said(
            &[
                "check", &file, "--as", "windows", "--reduce", reduce, "--exact",
            ],
            0,
        );
        assert_eq!(one["scenarios"][0]["verdict"], "pass", "{reduce}");
    }
}

/// A set of own variables is no event: the next event of the thread says it, or the last line.
#[test]
fn a_set_stands_with_the_next_event() {
    let scratch = Scratch::new("locals-told");
    let scenario = json!({
        "why": "What is said?",
        "vars": { "v": 0 },
        "threads": { "a": { "locals": { "n": 0, "m": 4 }, "do": [
            { "set": { "n": 2 } },
            { "if": "n == 2", "then": [{ "set": { "n": "n + m", "m": "n" } }] },
            "yield",
            { "set": { "n": "n + 1", "v": "n" } },
            { "set": { "m": "n * 10" } }
        ] } },
        "properties": { "at_end": { "it": "a.n == 7 && a.m == 70 && v == 6" } }
    });
    let file = file(&scratch, &scenario);
    let (lines, end) = events(&scratch, &file);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(
        (&lines[0]["call"], &lines[0]["set"]),
        (&json!("yield"), &json!({ "n": 6, "m": 2 }))
    );
    assert_eq!(lines[0]["values"], json!({ "n": 2 }));
    assert_eq!(
        (&lines[1]["call"], &lines[1]["set"]),
        (&json!("set"), &json!({ "n": 7, "v": 6 }))
    );
    assert_eq!(end["set"], json!({ "a": { "m": 70 } }));
    let text = words(&portsim(&["run", &file, "--seed", "1"]));
    for part in [
        "[n = 2] [n == 2: yes (n = 2)] [n = 6] [m = 2] yield\n",
        "set n = 7, v = 6 [m = 70]\n",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let replayed = portsim(&[
        "replay",
        &scratch.path("trace.jsonl"),
        "--scenarios",
        &scratch.path(""),
    ]);
    assert_eq!(code(&replayed), 0, "{}", words(&replayed));
}

/// Which branch is taken is decided in a step, so what stands first in a branch is one.
#[test]
fn a_choice_is_made_in_a_step() {
    let scratch = Scratch::new("locals-choice");
    let branch = |n: i64| json!([{ "set": { "n": n } }, { "set": { "n": "n + 10" } }]);
    let scenario = json!({
        "why": "Which?",
        "threads": { "a": { "locals": { "n": 0 }, "do": [{ "either": [branch(1), branch(2), []] }, { "set": { "n": "n + 100" } }] } },
        "properties": {
            "sometimes": { "one": "a.n == 111", "two": "a.n == 112", "neither": "a.n == 100" },
            "at_end": { "over": "a.n == 111 || a.n == 112 || a.n == 100" }
        }
    });
    let file = file(&scratch, &scenario);
    for system in ["windows", "epoll"] {
        let one = said(&["check", &file, "--as", system, "--reduce", "none"], 0);
        assert_eq!(one["scenarios"][0]["verdict"], "pass", "{one}");
    }
    let (lines, _) = events(&scratch, &file);
    assert_eq!(lines[0]["call"], "set", "{lines:?}");
}

/// A loop of assignments may end; one that does not is found, and says so.
#[test]
fn a_loop_of_assignments_ends_or_goes_round() {
    let scratch = Scratch::new("locals-loop");
    let counts_to = |last: i64| {
        let body = json!([{ "if": format!("n == {last}"), "then": ["break"] }, { "set": { "n": "n + 1" } }]);
        json!({
            "why": "Does it end?",
            "threads": { "a": { "locals": { "n": 0 }, "do": ["yield", { "loop": body }, "yield"] }, "b": ["yield"] },
            "properties": { "at_end": { "it": format!("a.n == {last}") } }
        })
    };
    let ended = file(&scratch, &counts_to(1000));
    assert_eq!(
        said(&["check", &ended], 0)["scenarios"][0]["verdict"],
        "pass"
    );
    let endless = file(&scratch, &counts_to(1001));
    let spins = said(&["check", &endless], 1);
    let found = &spins["scenarios"][0];
    assert_eq!(
        (&found["property"], &found["culprit"]),
        (
            &json!("spin"),
            &json!("a goes round for ever without an operation")
        )
    );
}

/// Real threads have them too, conducted and at full speed, here and on an agent.
#[test]
fn backends_play_them() {
    let scratch = Scratch::new("locals-native");
    let file = file(&scratch, &counters());
    let agent = format!(
        "agent:'{}' agent --on condvar",
        env!("CARGO_BIN_EXE_portsim")
    );
    for on in ["condvar", "emulated", &agent] {
        for mode in ["lockstep", "free"] {
            let out = scratch.path("recorded.jsonl");
            let recorded = portsim(&["record", &file, "--on", on, "--mode", mode, "--out", &out]);
            assert_eq!(code(&recorded), 0, "{on} {mode}: {}", words(&recorded));
            let text = std::fs::read_to_string(&out).expect("it was written");
            assert_eq!(
                text.matches(r#""call":"get""#).count(),
                4,
                "{on} {mode}: {text}"
            );
            assert!(!text.contains(r#""call":"set""#), "{on} {mode}: {text}");
            let judged = portsim(&["admit", &out, "--scenarios", &scratch.path("")]);
            assert_eq!(code(&judged), 0, "{on} {mode}: {}", words(&judged));
        }
    }
}

#[test]
fn states_name_them_and_promela_refuses_them() {
    let scratch = Scratch::new("locals-states");
    let file = file(&scratch, &counters());
    let text = words(&portsim(&["run", &file, "--seed", "1", "--states"]));
    for part in ["w[0].n = 1", "w[1].seen[0]"] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let exported = portsim(&["export", "promela", &file]);
    assert!(
        words(&exported).contains("the export says nothing of variables of one thread"),
        "{}",
        words(&exported)
    );
}

/// A fair run owes what a property asks of a thread's own variable.
#[test]
fn what_comes_in_the_end_can_be_theirs() {
    let scratch = Scratch::new("locals-eventually");
    let scenario = |last: i64| {
        json!({
            "why": "Does it come?",
            "threads": { "a": { "locals": { "n": 0 }, "do": [
                { "loop": [{ "set": { "n": "(n + 1) % 3" } }, "yield"] }
            ] } },
            "properties": { "eventually": { "it": { "when": "a.n == 0", "then": format!("a.n == {last}") } } }
        })
    };
    let comes = file(&scratch, &scenario(2));
    assert_eq!(
        said(&["check", &comes], 0)["scenarios"][0]["verdict"],
        "pass"
    );
    let never = file(&scratch, &scenario(7));
    assert_eq!(
        said(&["check", &never], 1)["scenarios"][0]["property"],
        "it"
    );
}

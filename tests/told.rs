//! What traces and lanes say of branches, variables, notes and late cancels, and the sentence below a counterexample.

use std::path::Path;
use std::process::Command;

use portsim::scenario::{Scenario, find};
use portsim::words;
use portsim_model::program::ThreadId;
use serde_json::{Value, json};

use crate::command::{Scratch, code, json as said, portsim, words as text_of};
use crate::root;

/// What `check` says of a scenario, which it convicts: as text, and as an object.
fn convicted(name: &str, scenario: &Value) -> (String, Value) {
    let scratch = Scratch::new(name);
    let file = scratch.file("case.json", scenario.to_string().as_bytes());
    let output = portsim(&["check", &file]);
    assert_eq!(code(&output), 0, "{}", text_of(&output));
    let mut all = said(&["check", &file], 0);
    (text_of(&output), all["scenarios"][0].take())
}

fn holds_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

#[test]
fn a_branch_says_which_way_and_a_set_what_is_now() {
    let scenario = json!({
        "why": "Which way does it go?",
        "vars": { "v": 0 },
        "threads": { "a": [{ "if": "v == 1", "then": [{ "set": { "v": 5 } }], "else": [{ "set": { "v": 2 } }] }] },
        "properties": { "at_end": { "x": "v == 1" } },
        "expect": { "violation": "x" }
    });
    let (text, object) = convicted("told-branch", &scenario);
    holds_all(
        &text,
        &[
            "1  if v == 1: no (v = 0)\n",
            "2  set v = 2\n",
            "\nx does not hold at the end: v == 1 is false, with v = 2\n",
        ],
    );
    let trace = &object["trace"];
    assert_eq!(trace[0]["branches"], json!(["else"]));
    assert_eq!(trace[0]["values"], json!({ "v": 0 }));
    assert_eq!(trace[1]["set"], json!({ "v": 2 }));
    assert_eq!(
        object["culprit"],
        "x does not hold at the end: v == 1 is false, with v = 2"
    );
}

#[test]
fn a_cancel_that_comes_too_late_says_how_the_operation_ended() {
    let scenario = json!({
        "why": "Can it end well although it is cancelled?",
        "as": ["windows"],
        "files": { "f": {} },
        "operations": { "r": { "file": "f", "overlapped": 5 } },
        "threads": {
            "t": [{ "start": "r" }, { "cancel": "r", "into": "c" }],
            "device": [{ "complete": "r", "bytes": 3 }]
        },
        "properties": { "always": { "never_well": "!(t.c.ok && r.status == STATUS_SUCCESS && r.written)" } },
        "expect": { "violation": "never_well" }
    });
    let (text, object) = convicted("told-cancel", &scenario);
    holds_all(&text, &["cancel r, over before: bytes 3\n", "t.c.ok = 1"]);
    let ended = &object["trace"][1]["ended"];
    assert_eq!(*ended, json!({ "ok": true, "bytes": 3, "status": 0 }));
}

/// A condition on a thread's own results is no step: it stands with the next operation, or behind the last.
#[test]
fn what_is_asked_on_the_way_stands_with_the_next_operation() {
    let scenario = json!({
        "why": "Where do they go?",
        "ports": { "p": {} },
        "vars": { "over": 0 },
        "threads": {
            "goes_on": [
                { "get": "p", "into": "x" },
                { "if": "x.key == 1", "then": [{ "set": { "over": 1 } }] }
            ],
            "ends": [
                { "post": "p", "key": 1, "into": "y" },
                { "if": "!y.ok", "then": [{ "set": { "over": 2 } }] }
            ],
            "chooses": [
                { "note": "here it is" },
                { "either": [
                    [{ "if": "true", "then": ["yield"] }],
                    [{ "set": { "over": 3 } }]
                ] }
            ]
        },
        "properties": { "at_end": { "never": "over == 4" } },
        "expect": { "violation": "never" }
    });
    let (text, object) = convicted("told-way", &scenario);
    holds_all(
        &text,
        &[
            "[x.key == 1: yes (x.key = 1)] set over = 1",
            "post p key 1 [!y.ok: no (y.ok = 1)]",
            "note \"here it is\"",
        ],
    );
    let notes = object["trace"].as_array().expect("a list").iter();
    let notes: Vec<_> = notes.filter_map(|event| event["text"].as_str()).collect();
    assert_eq!(notes, ["here it is"]);
}

#[test]
fn a_deadlock_says_who_waits_for_what() {
    let scenario = json!({
        "why": "Is every waiter served?",
        "ports": { "p": { "concurrency": 1 } },
        "threads": {
            "worker": { "count": 3, "do": [{ "get": "p" }] },
            "poster": [{ "post": "p", "key": 1 }]
        },
        "expect": { "violation": "deadlock" }
    });
    let (text, _) = convicted("told-deadlock", &scenario);
    let wait = " wait in get p: nobody is left to post\n";
    holds_all(&text, &[wait, " and worker["]);
}

#[test]
fn a_status_has_its_name() {
    let scenario = json!({
        "why": "How does it end?",
        "as": ["windows"],
        "ports": { "p": {} },
        "threads": { "t": [
            { "post": "p", "key": 1, "overlapped": 5, "status": "STATUS_CANCELLED" },
            { "post": "p", "key": 2, "overlapped": 5, "status": 0xC000_0022u32 },
            { "get": "p" },
            { "assert": "false" }
        ] },
        "expect": { "violation": "assert" }
    });
    let (text, _) = convicted("told-status", &scenario);
    holds_all(
        &text,
        &[
            "post p key 1 overlapped 5 status STATUS_CANCELLED\n",
            "post p key 2 overlapped 5 status 0xc0000022\n",
            "\nt: 0 is false\n",
        ],
    );
}

/// A packet with the status of a failure makes the call fail that takes it; a batch leaves that to its caller.
#[test]
fn a_failed_take_is_a_failure_with_its_name() {
    let packet = |key: u8, status: &str| json!({ "post": "p", "key": key, "status": status });
    let unnamed = json!({ "post": "p", "key": 2, "status": 0xC000_0022u32 });
    let scenario = json!({
        "why": "How do they come back?",
        "as": ["windows"],
        "ports": { "p": {} },
        "threads": { "t": [
            packet(1, "STATUS_PIPE_BROKEN"),
            unnamed,
            packet(3, "STATUS_PIPE_BROKEN"),
            packet(4, "STATUS_PENDING"),
            { "get": "p" },
            { "get": "p" },
            { "get": "p", "max": 1 },
            { "get": "p" },
            { "assert": "false" }
        ] },
        "expect": { "violation": "assert" }
    });
    let (text, object) = convicted("told-failed-take", &scenario);
    holds_all(
        &text,
        &[
            "get p ! ERROR_BROKEN_PIPE key 1\n",
            "get p ! ERROR_MR_MID_NOT_FOUND key 2 status 0xc0000022\n",
            "get p max 1 = [key 3 status STATUS_PIPE_BROKEN]\n",
            "get p = key 4 status STATUS_PENDING\n",
        ],
    );
    let outcome = &object["trace"][4]["outcome"];
    assert_eq!(
        *outcome,
        json!({ "ok": true, "key": 1, "status": 0xC000_014Bu32 })
    );
}

/// The end of a thread cancels what it has issued, and it counts no more; so does the end that another brings about.
#[test]
fn the_end_of_a_thread_says_what_it_did_besides() {
    let issues = [
        json!({ "post": "p", "key": 1 }),
        json!({ "get": "p" }),
        json!({ "start": "r" }),
    ];
    let killer = json!([{ "block": "e" }, { "terminate": "t" }]);
    let wakes_the_killer = [json!({ "signal": "e" }), json!({ "loop": ["yield"] })];
    for (name, more, ends) in [
        ("told-end", &[][..], "exit"),
        ("told-terminated", &wakes_the_killer, "terminate"),
    ] {
        let all = [&issues[..], more].concat();
        let scenario = json!({
            "why": "What does it leave behind?",
            "as": ["windows"],
            "ports": { "p": { "concurrency": 1 } },
            "events": { "e": {} },
            "files": { "f": {} },
            "operations": { "r": { "file": "f", "overlapped": 5 } },
            "threads": { "t": all, "killer": killer },
            "properties": { "always": { "lives": "!t.done" } },
            "expect": { "violation": "lives" }
        });
        let (text, object) = convicted(name, &scenario);
        holds_all(&text, &[", cancelled r, counted out of p\n"]);
        let events = object["trace"].as_array().expect("a list");
        let end = events.last().expect("it ends");
        assert_eq!(end["call"], ends);
        assert_eq!(end["cancelled"], json!(["r"]));
        assert_eq!(end["counted_out"], json!(["p"]));
    }
}

/// What has no value is named, and nothing was set.
#[test]
fn what_has_no_value_is_named() {
    let scenario = json!({
        "why": "What is one part of none?",
        "vars": { "v": 3, "w": 0 },
        "threads": { "a": [{ "set": { "v": "1 / w" } }] },
        "expect": { "violation": "spin" }
    });
    let (text, object) = convicted("told-no-value", &scenario);
    holds_all(
        &text,
        &["1  set fails\n", "\na: 1 / w has no value, with w = 0\n"],
    );
    assert_eq!(object["trace"][0].get("set"), None);
    let scenario = json!({
        "why": "Is there a sixth of two?",
        "vars": { "few": [0, 0], "n": 5 },
        "threads": { "a": [{ "set": { "few[n]": 1 } }] },
        "expect": { "violation": "spin" }
    });
    let (text, _) = convicted("told-no-element", &scenario);
    holds_all(
        &text,
        &["\na sets an element that its array does not have\n"],
    );
}

/// A condition behind the last operation of a thread stands at the end, as in a trace.
#[test]
fn the_end_has_what_was_asked_behind_the_last_operation() {
    let scenario = json!({
        "why": "Does it go on?",
        "ports": { "p": {} },
        "threads": { "a": [
            { "post": "p", "key": 1, "into": "y" },
            { "if": "!y.ok", "then": ["yield"] }
        ] },
        "properties": { "at_end": { "never": "false" } },
        "expect": { "violation": "never" }
    });
    let (_, object) = convicted("told-besides", &scenario);
    assert_eq!(object["end"]["branches"], json!({ "a": ["else"] }));
    assert_eq!(object["end"]["values"], json!({ "a": { "y.ok": 1 } }));
}

/// A count is named as it was written, and a comparison of sums has the values of its terms.
#[test]
fn a_sum_is_shown_with_its_values() {
    let scenario = json!({
        "why": "Who gets a packet?",
        "ports": { "p": {} },
        "threads": {
            "worker": { "count": 2, "do": [{ "get": "p", "timeout": 0, "into": "x" }] },
            "poller": { "count": 2, "do": [{ "get": "p", "timeout": 0, "into": "x" }] }
        },
        "properties": { "at_end": {
            "both": "count(worker, x.ok) + count(poller, !x.ok) <= 1 && all(worker, !x.ok)"
        } },
        "expect": { "violation": "both" }
    });
    let (_, object) = convicted("told-sum", &scenario);
    assert_eq!(
        object["culprit"],
        "both does not hold at the end: count(worker, x.ok) + count(poller, !x.ok) <= 1 is false (0 + 2 <= 1), \
         with worker[0].x.ok = 0, worker[1].x.ok = 0, poller[0].x.ok = 0, poller[1].x.ok = 0"
    );
}

/// Who cannot move at the end stands there without being asked for, with what it is in and what holds it.
#[test]
fn the_end_says_who_cannot_move_and_what_holds_it() {
    let scratch = Scratch::new("told-held");
    let scenario = "scenarios/differences/limit-of-one.json";
    let trace = scratch.path("run.jsonl");
    let output = portsim(&["run", scenario, "--as", "windows", "--trace", &trace]);
    let text = text_of(&output);
    holds_all(
        &text,
        &["\na is held by windows/limit: While as many threads"],
    );
    let held = json!([{ "thread": "a", "in": "get p", "claim": "windows/limit" }]);
    let object = said(&["run", scenario, "--as", "windows"], 0);
    assert_eq!(object["held"], held);
    let written = std::fs::read_to_string(&trace).expect("it was written");
    let end: Value = serde_json::from_str(written.lines().last().expect("an end")).expect("JSON");
    assert_eq!(end["end"]["held"], held);

    let parts = json!({
        "why": "Is every waiter served?",
        "ports": { "p": { "concurrency": 1 } },
        "threads": { "worker": { "count": 2, "do": [{ "get": "p" }] }, "m": [{ "post": "p", "key": 1 }] },
        "expect": { "violation": "deadlock" }
    });
    let (_, object) = convicted("told-held-deadlock", &parts);
    let held = &object["held"][0];
    assert_eq!(held["in"], "get p");
    assert_eq!(held.get("claim"), None);
    let file = scratch.file("case.json", parts.to_string().as_bytes());
    let object = said(&["run", &file], 0);
    assert_eq!(
        object["culprit"]
            .as_str()
            .map(|it| it.contains(" in get p: nobody is left to post")),
        Some(true)
    );
}

/// Who is suspended before a choice is in no call.
#[test]
fn a_deadlock_before_a_choice_has_a_sentence_too() {
    let scenario = json!({
        "why": "Does it begin?",
        "as": ["windows"],
        "ports": { "p": {} },
        "threads": {
            "a": [{ "either": [[{ "post": "p", "key": 1 }], [{ "post": "p", "key": 2 }]] }],
            "m": [{ "suspend": "a" }]
        },
        "expect": { "violation": "deadlock" }
    });
    let (_, object) = convicted("told-suspended", &scenario);
    assert_eq!(
        object["culprit"],
        "a waits before a choice: suspended, and nobody is left to resume it"
    );
    assert_eq!(object["held"], json!([{ "thread": "a" }]));
}

/// Below each step stands what is other than before, and above the first everything; a search, a run and a replay say
/// the same.
#[test]
fn states_say_what_each_step_changes() {
    let scenario = json!({
        "why": "Where is the packet?",
        "as": ["windows"],
        "ports": { "p": { "concurrency": 1 } },
        "vars": { "v": 0 },
        "mutexes": { "m": {} },
        "threads": { "a": [
            { "post": "p", "key": 1 }, { "set": { "v": 2 } }, { "block": "m" }, { "get": "p" }
        ] },
        "properties": { "always": { "never": "p.running == 0" } },
        "expect": { "violation": "never" }
    });
    let scratch = Scratch::new("told-states");
    let file = scratch.file("case.json", scenario.to_string().as_bytes());
    let trace = scratch.path("case.jsonl");
    let wanted = "\
n  a
0  p.open = yes, p.queue = [], p.waiters = [], p.running = 0, v = 0, m.owner = nobody
1  post p key 1
   -> p.queue = [key 1]
2  set v = 2
   -> v = 2
3  block m
   -> m.owner = a
4  get p = key 1
   -> p.queue = [], p.running = 1
";
    let output = portsim(&["check", &file, "--states", "--trace", &trace]);
    holds_all(&text_of(&output), &[wanted]);
    let output = portsim(&["run", &file, "--states"]);
    holds_all(&text_of(&output), &[wanted]);
    let folder = scratch.0.display().to_string();
    let replayed = ["replay", &trace, "--states", "--scenarios", &folder];
    holds_all(&text_of(&portsim(&replayed)), &[wanted, "same  "]);
    let states = json!([
        { "after": 0, "changed": {
            "p.open": true, "p.queue": [], "p.waiters": [], "p.running": 0, "v": 0, "m.owner": "nobody"
        } },
        { "after": 1, "changed": { "p.queue": [{ "key": 1 }] } },
        { "after": 2, "changed": { "v": 2 } },
        { "after": 3, "changed": { "m.owner": "a" } },
        { "after": 4, "changed": { "p.queue": [], "p.running": 1 } }
    ]);
    let object = said(&["check", &file, "--states"], 0);
    assert_eq!(object["scenarios"][0]["states"], states);
    assert_eq!(said(&["run", &file, "--states"], 0)["states"], states);
    assert_eq!(said(&replayed, 0)["states"], states);
    assert_eq!(said(&["run", &file], 0).get("states"), None);
}

/// What is listed is not always a packet: a source that is declared has its name.
#[test]
fn states_name_the_sources_that_are_listed() {
    let said = text_of(&portsim(&[
        "run",
        "scenarios/epoll/add-twice.json",
        "--states",
    ]));
    holds_all(&said, &["-> p.queue = [s1], s1.readable = yes\n"]);
}

/// What goes to a file or a pipe depends on no variable of a terminal.
#[test]
fn without_a_terminal_no_variable_makes_a_difference() {
    let args = ["run", "scenarios/differences/limit-of-one.json"];
    let plain = portsim(&args).stdout;
    let set = Command::new(env!("CARGO_BIN_EXE_portsim"))
        .args(args)
        .current_dir(root())
        .envs([
            ("COLUMNS", "20"),
            ("CLICOLOR_FORCE", "1"),
            ("TERM", "xterm"),
        ])
        .output();
    assert_eq!(set.expect("the command can be started").stdout, plain);
}

/// The manual shows these as the command says them, but for the first line, which says how long it took.
#[test]
fn counterexamples_of_the_manual_are_what_the_command_says() {
    let manual = std::fs::read_to_string(root().join("docs/CHECKING.md")).expect("it is there");
    for name in [
        "one-node-linked-twice",
        "popped-waiter-gives-up",
        "only-the-first-are-looked-at",
    ] {
        let file = format!("scenarios/bugs/{name}.json");
        let output = portsim(&["check", &file, "--quiet"]);
        let text = text_of(&output);
        let (_, shown) = text
            .split_once("\n\n")
            .expect("lanes stand below the verdict");
        let block = format!("portsim check {file}\n```\n\n```text\n{shown}```\n");
        assert!(manual.contains(&block), "{block}");
    }
}

/// A trace with all that is told is still one that can be replayed, and admitted.
#[test]
fn traces_that_tell_more_are_traces() {
    let scratch = Scratch::new("told-replay");
    let trace = scratch.path("run.jsonl");
    let scenario = "scenarios/bugs/data-after-connection-lost.json";
    let output = portsim(&["check", scenario, "--trace", &trace]);
    assert_eq!(code(&output), 0, "{}", text_of(&output));
    let written = std::fs::read_to_string(&trace).expect("it was written");
    holds_all(&written, &["\"branches\":[", "\"values\":{", "\"set\":{"]);
    for command in ["replay", "admit"] {
        let output = portsim(&[command, &trace]);
        assert!([0, 1].contains(&code(&output)), "{}", text_of(&output));
        assert!(!text_of(&output).contains("part"), "{}", text_of(&output));
    }
}

/// A group of one has nobody besides to be joined with.
#[test]
fn a_group_of_one_is_asked_by_its_name() {
    let scenario = json!({
        "why": "What is wrong with the one?",
        "ports": { "p": {} },
        "threads": { "a": { "count": 1, "do": [{ "post": "p", "key": 1 }] } },
        "properties": { "always": { "never": "a[0].done && p.depth == 1" } },
        "expect": { "violation": "never" }
    });
    let scratch = Scratch::new("told-one");
    let file = scratch.file("case.json", scenario.to_string().as_bytes());
    let said = text_of(&portsim(&["check", &file]));
    let wrong = "never does not hold: a[0].done is false; p.depth == 1 is false, with p.depth = 0";
    holds_all(&said, &["the first state already breaks it", wrong]);
}

/// An expression in words means what it meant: written in the place of the property, it has the same words again.
#[test]
fn expressions_in_words_mean_the_same() {
    let mut compared = 0;
    for file in find(&[root().join("scenarios")]).expect("the folder is there") {
        let scenario = Scenario::read(&file).unwrap_or_else(|bad| panic!("{bad}"));
        let text = std::fs::read_to_string(&file).expect("it was read before");
        let mut object: Value = serde_json::from_str(&text).expect("it was read before");
        let (names, program) = (&scenario.names, &scenario.program);
        let spoken: Vec<_> = program
            .always
            .iter()
            .map(|&id| words::text(names, program, ThreadId(0), id))
            .collect();
        let Some(always) = object.pointer_mut("/properties/always") else {
            continue;
        };
        for (name, spoken) in names.always.iter().zip(&spoken) {
            always[name] = Value::from(spoken.as_str());
        }
        let text = object.to_string();
        let again = Scenario::parse(&scenario.name, Path::new("again.json"), text.as_bytes());
        let again = again.unwrap_or_else(|bad| panic!("{bad}\n{spoken:?}"));
        let once_more = again.program.always.iter();
        let once_more =
            once_more.map(|&id| words::text(&again.names, &again.program, ThreadId(0), id));
        assert_eq!(once_more.collect::<Vec<_>>(), spoken, "{}", scenario.name);
        compared += spoken.len();
    }
    assert!(compared > 50, "{compared}");
}

//! The command as its users meet it: exit codes, keys, and what it says to bad input.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use portsim::scenario::Expect;

use crate::root;

/// Runs the command at the top of the project.
pub(crate) fn portsim(args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_portsim"))
        .args(args)
        .current_dir(root())
        .output();
    output.expect("the command can be started")
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().expect("no signal ended it")
}

pub(crate) fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs the command, holds its exit code, gives its JSON.
pub(crate) fn json(args: &[&str], expected: i32) -> Value {
    let output = portsim(&[args, &["--json"]].concat());
    assert_eq!(code(&output), expected, "{args:?}: {}", words(&output));
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{args:?}: {error}: {}", words(&output)))
}

/// A folder of our own that goes away again.
pub(crate) struct Scratch(pub PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Scratch {
        let folder = std::env::temp_dir().join(format!("portsim-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("it can be made");
        Scratch(folder)
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> String {
        let file = self.0.join(name);
        fs::write(&file, bytes).expect("it can be written");
        file.display().to_string()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) const B1: &str = "scenarios/vectors/b/b1-newest-waiter-first.json";
pub(crate) const POOL: &str = "scenarios/bench/pool-2-1-1-2.json";

#[test]
fn keys_that_tools_rely_on() {
    let has = |value: &Value, keys: &[&str]| {
        for key in keys {
            assert!(value.get(key).is_some(), "no {key} in {value}");
        }
    };
    has(
        &json(&["run", B1], 0),
        &[
            "verdict",
            "seed",
            "steps",
            "trace_sha256",
            "parked",
            "violation",
        ],
    );
    let check = json(&["check", B1], 0);
    let keys = [
        "name",
        "as",
        "verdict",
        "expected",
        "states_unique",
        "transitions",
        "depth_max",
        "complete",
        "seconds",
        "bytes_per_state",
        "property",
        "trace",
    ];
    has(&check["scenarios"][0], &keys);
    let list = json(&["list", "scenarios/portable"], 0);
    has(&list, &["personalities", "backends", "scenarios"]);
    has(&list["backends"][0], &["name", "available", "why_not"]);
    let refused = first_refused();
    let admit = json(&["admit", &refused], 1);
    has(
        &admit["traces"][0],
        &["file", "verdict", "at", "saw", "allowed", "states_max"],
    );
    assert_eq!(admit["traces"][0]["verdict"], "refused");
}

fn first_refused() -> String {
    let folder = fs::read_dir(root().join("traces/refused")).expect("it is there");
    let mut files: Vec<PathBuf> = folder.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files[0].display().to_string()
}

#[test]
fn a_seed_gives_the_same_bytes() {
    let twice = || json(&["run", POOL, "--seeds", "0..50"], 0);
    let (first, second) = (twice(), twice());
    assert_eq!(first, second);
    let scratch = Scratch::new("seed");
    let (a, b) = (scratch.path("a.jsonl"), scratch.path("b.jsonl"));
    for file in [&a, &b] {
        assert_eq!(
            code(&portsim(&["run", POOL, "--seed", "7", "--trace", file])),
            0
        );
    }
    assert_eq!(
        fs::read(&a).expect("written"),
        fs::read(&b).expect("written")
    );
    assert_eq!(json(&["diff", &a, &b], 0)["verdict"], "same");
    assert_eq!(json(&["replay", &a], 0)["verdict"], "same");
    assert_eq!(json(&["admit", &a], 0)["traces"][0]["verdict"], "admitted");
}

/// What the model wrote, it takes back from the file alone: any shipped scenario, any policy.
#[test]
fn every_written_trace_replays_and_is_admitted() {
    let scratch = Scratch::new("replays");
    let trace = scratch.path("trace.jsonl");
    for (n, scenario) in crate::shipped::scenarios().iter().enumerate() {
        let file = scenario.file.display().to_string();
        let policy = ["random", "pct:3", "fair"][n % 3];
        let ran = portsim(&[
            "run", &file, "--choose", policy, "--steps", "200", "--trace", &trace,
        ]);
        // A run may come upon something else that is wrong with a broken design.
        let broken = scenario.expect != Expect::Pass || scenario.name.starts_with("designs/");
        assert!([0, 4].contains(&code(&ran)) || broken, "{}", words(&ran));
        for command in ["replay", "admit"] {
            let said = portsim(&[command, &trace]);
            assert_eq!(code(&said), 0, "{command} {file}: {}", words(&said));
        }
    }
}

/// A counterexample is written, replays, and still violates what it violated.
#[test]
fn a_counterexample_comes_out_again() {
    let scratch = Scratch::new("counterexample");
    let broken = scratch.file("broken.json", br#"{
        "why": "One of two takers stays behind.", "as": ["windows"], "ports": { "p": {} },
        "threads": { "a": [ { "get": "p" } ], "b": [ { "get": "p" } ], "m": [ { "post": "p", "key": 1 } ] }
    }"#);
    let trace = scratch.path("broken.jsonl");
    let check = json(&["check", &broken, "--trace", &trace], 1);
    assert_eq!(check["scenarios"][0]["property"], "deadlock");
    let folder = scratch.0.display().to_string();
    let replayed = portsim(&["replay", &trace, "--scenarios", &folder]);
    assert_eq!(code(&replayed), 0, "{}", words(&replayed));
    assert!(
        words(&replayed).contains("it violates deadlock"),
        "{}",
        words(&replayed)
    );
    // A changed line does not come out.
    let text = fs::read_to_string(&trace).expect("it was written");
    let changed = scratch.file(
        "changed.jsonl",
        text.replacen(
            "\"key\":1,\"outcome\"",
            "\"key\":1,\"bytes\":0,\"outcome\"",
            1,
        )
        .as_bytes(),
    );
    assert_eq!(
        code(&portsim(&["replay", &changed, "--scenarios", &folder])),
        2
    );
}

/// A counterexample that goes round for ever says where its loop begins, and replays; one whose loop is not closed
/// does not.
#[test]
fn a_loop_comes_out_again() {
    let scratch = Scratch::new("loop");
    let trace = scratch.path("loop.jsonl");
    let starves = "scenarios/for-ever/first-waiter-starves.json";
    let said = words(&portsim(&["check", starves]));
    assert!(said.contains("\n   for ever:\n3  "), "{said}");
    assert!(said.contains("\n   and again from 3\n"), "{said}");
    let check = json(&["check", starves, "--trace", &trace], 0);
    let report = &check["scenarios"][0];
    assert_eq!(
        (&report["property"], &report["loop_at"]),
        (&"served".into(), &3.into())
    );
    let replayed = words(&portsim(&["replay", &trace]));
    assert!(replayed.contains("it violates served"), "{replayed}");
    assert_eq!(code(&portsim(&["admit", &trace])), 0);
    let text = fs::read_to_string(&trace).expect("it was written");
    let moved = text.replacen("\"loop_at\":3", "\"loop_at\":2", 1);
    let moved = scratch.file("moved.jsonl", moved.as_bytes());
    let replayed = portsim(&["replay", &moved]);
    assert_eq!(code(&replayed), 1, "{}", words(&replayed));
    assert!(
        words(&replayed).contains("goes round from event 2 again"),
        "{}",
        words(&replayed)
    );
}

/// A loop that leaves somebody out who could move is no violation.
#[test]
fn a_loop_that_is_not_fair_violates_nothing() {
    let scratch = Scratch::new("unfair");
    let trace = scratch.path("run.jsonl");
    let file = "scenarios/for-ever/flag-that-somebody-sets.json";
    let run = portsim(&["run", file, "--seed", "3", "--trace", &trace]);
    assert_eq!(code(&run), 0);
    let text = fs::read_to_string(&trace).expect("it was written");
    let line = |word: &str, n: u32| {
        let wanted = format!(r#""thread":"spinner","call":"{word}""#);
        let line = text.lines().find(|line| line.contains(&wanted));
        let (_, rest) = line.and_then(|it| it.split_once(',')).expect("it spins");
        format!("{{\"n\":{n},{rest}\n")
    };
    let header = text.lines().next().expect("it has a header");
    let header = header.replacen('{', r#"{"loop_at":1,"#, 1);
    let end = r#"{"end":{"events":2,"parked":[]}}"#;
    let round = format!("{header}\n{}{}{end}\n", line("if", 1), line("yield", 2));
    let round = scratch.file("round.jsonl", round.as_bytes());
    let replayed = portsim(&["replay", &round]);
    assert_eq!(code(&replayed), 0, "{}", words(&replayed));
    assert!(
        !words(&replayed).contains("violates"),
        "{}",
        words(&replayed)
    );
}

/// What a run owes where it comes to rest, it violates.
#[test]
fn a_run_that_ends_owes_what_it_never_came_to() {
    let scratch = Scratch::new("owes");
    let file = scratch.file("owes.json", br#"{
        "why": "One packet for two.", "ports": { "p": {} }, "may_wait": ["b"],
        "threads": { "a": [ { "get": "p", "into": "x" } ], "b": [ "stall", { "get": "p", "into": "x" } ],
                     "m": [ { "post": "p", "key": 1 } ] },
        "properties": { "eventually": { "one": "a.x.ok || b.x.ok", "both": "a.x.ok && b.x.ok" } },
        "builtin": false
    }"#);
    let run = json(&["run", &file], 1);
    assert_eq!(run["violation"], "both");
    let trace = scratch.path("owes.jsonl");
    let folder = scratch.0.display().to_string();
    assert_eq!(code(&portsim(&["run", &file, "--trace", &trace])), 1);
    let replayed = words(&portsim(&["replay", &trace, "--scenarios", &folder]));
    assert!(replayed.contains("it violates both"), "{replayed}");
}

/// What a system does with an operation that is issued while it is in flight is not judged, and the report says so; what
/// stands before it is.
#[test]
fn nothing_is_judged_behind_a_broken_contract() {
    let scratch = Scratch::new("contract");
    let sha256 = {
        let trace = scratch.path("model.jsonl");
        portsim(&[
            "run",
            "scenarios/windows/issued-in-flight.json",
            "--trace",
            &trace,
        ]);
        let text = fs::read_to_string(&trace).expect("it was written");
        let (_, rest) = text
            .split_once(r#""scenario_sha256":""#)
            .expect("it is in the header");
        rest[..64].to_owned()
    };
    let trace = |first: &str, second: &str| {
        format!(
            r#"{{"format":"portsim-trace/1","scenario":"windows/issued-in-flight","scenario_sha256":"{sha256}","from":"backend","on":"made by hand","mode":"lockstep","seed":null,"tool":"portsim 0.1.0","os":"none"}}
{{"n":1,"thread":"t","call":"start","operation":"r","now":true,"status":0,"bytes":0,"outcome":{first}}}
{{"n":2,"thread":"t","call":"start","operation":"r","outcome":{second}}}
{{"end":{{"events":2,"parked":[]}}}}
"#
        )
    };
    let (ends, pends) = (
        r#"{"ok":true,"status":0}"#,
        r#"{"ok":false,"error":"ERROR_IO_PENDING"}"#,
    );
    let accepted = scratch.file("accepted.jsonl", trace(ends, pends).as_bytes());
    let admit = json(&["admit", &accepted, "--as", "windows"], 0);
    assert_eq!(admit["traces"][0]["verdict"], "admitted");
    let why = admit["traces"][0]["why"].as_str().expect("it says how far");
    assert!(
        why.starts_with("event 2 issues an operation in memory"),
        "{why}"
    );
    let before = scratch.file("before.jsonl", trace(pends, pends).as_bytes());
    let admit = json(&["admit", &before, "--as", "windows"], 1);
    assert_eq!(admit["traces"][0]["at"], 1);
}

/// Exit code 2, a sentence that names file and place, and never a panic.
#[test]
fn bad_input_is_explained() {
    let scratch = Scratch::new("bad");
    let deep = format!(
        "{{\"why\": {}{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let good = fs::read(root().join(B1)).expect("it is shipped");
    let trace = scratch.path("trace.jsonl");
    assert_eq!(code(&portsim(&["run", B1, "--trace", &trace])), 0);
    let recorded = fs::read_to_string(&trace).expect("it was written");
    let last = recorded.trim_end().rfind('\n').expect("it has lines");
    let files: [(&str, Vec<u8>, &str); 7] = [
        ("missing.json", br#"{ "why": "x", "threads": { "a": [ { "post": 1 } ] } }"#.to_vec(), "threads.a[0]"),
        ("name.json", br#"{ "why": "x", "ports": { "port": {} }, "threads": { "a": [ { "get": "prot" } ] } }"#.to_vec(), "did you mean \"port\""),
        ("unknown.json", br#"{ "why": "x", "thread": {} }"#.to_vec(), "did you mean \"threads\""),
        ("utf8.json", [b"{ \"why\": \"".as_slice(), &[0xff, 0xfe], b"\" }"].concat(), "UTF-8"),
        ("deep.json", deep.into_bytes(), "deep.json"),
        ("half.json", good[..good.len() / 2].to_vec(), "half.json"),
        ("empty.json", Vec::new(), "empty.json"),
    ];
    for (name, bytes, says) in files {
        let file = scratch.file(name, &bytes);
        for command in ["check", "run"] {
            let output = portsim(&[command, &file]);
            assert_eq!(code(&output), 2, "{name}: {}", words(&output));
            assert!(words(&output).contains(says), "{name}: {}", words(&output));
        }
    }
    let huge = scratch.path("huge.json");
    fs::File::create(&huge)
        .and_then(|file| file.set_len(200 << 20))
        .expect("a file with a hole");
    assert_eq!(code(&portsim(&["check", &huge])), 2);

    let cut = scratch.file("cut.jsonl", &recorded.as_bytes()[..last - 5]);
    let whole_lines = scratch.file("lines.jsonl", &recorded.as_bytes()[..last + 1]);
    let other = scratch.file(
        "other.jsonl",
        recorded
            .replacen("b1-newest-waiter-first", "b4-three-waiters", 1)
            .as_bytes(),
    );
    let nothing = scratch.file("nothing.jsonl", b"");
    let alien = scratch.file("alien.jsonl", &[0xff; 100]);
    for (file, says) in [
        (&cut, "is cut"),
        (&whole_lines, "is cut"),
        (&other, "another version"),
        (&nothing, "is empty"),
        (&alien, "UTF-8"),
    ] {
        for command in ["admit", "replay"] {
            let output = portsim(&[command, file]);
            assert_eq!(code(&output), 2, "{file}: {}", words(&output));
            assert!(words(&output).contains(says), "{file}: {}", words(&output));
        }
    }
    let output = portsim(&["admit", &whole_lines]);
    assert!(
        words(&output).contains("admitted"),
        "what stands before the cut is judged: {}",
        words(&output)
    );
}

#[test]
fn arguments_are_explained() {
    for (args, says) in [
        (
            vec!["check", "scenarios/vectos"],
            "did you mean \"vectors\"",
        ),
        (
            vec!["run", B1, "--as", "window"],
            "did you mean \"windows\"",
        ),
        (vec!["run", B1, "--as", "window"], "unknown system"),
        (
            vec!["run", B1, "--as", "windows:poll-count=counts"],
            "did you mean \"poll-counts\"",
        ),
        (
            vec!["cross-check", B1, "--on", "epol"],
            "did you mean \"epoll\"",
        ),
        (vec!["run", B1, "--seeds", "9..3"], "has no seed"),
        (vec!["run", B1, "--choose", "best"], "is not a policy"),
        (vec!["check", B1, "--memory", "lots"], "is no size"),
        (
            vec!["check", B1, "--memory", "15M"],
            "a search takes at least 16M",
        ),
        (vec!["chekc", B1], "check"),
    ] {
        let output = portsim(&args);
        assert_eq!(code(&output), 2, "{args:?}: {}", words(&output));
        assert!(
            words(&output).contains(says),
            "{args:?}: {}",
            words(&output)
        );
    }
}

/// A bound or a limit makes a verdict partial, and never a pass.
#[test]
fn partial_is_no_pass() {
    for args in [
        vec!["check", POOL, "--depth", "3"],
        vec![
            "check",
            "scenarios/bench/pool-5-2-2-5.json",
            "--reduce",
            "none",
            "--exact",
            "--memory",
            "16M",
        ],
        vec!["run", POOL, "--steps", "3"],
    ] {
        let output = portsim(&args);
        assert_eq!(code(&output), 4, "{args:?}: {}", words(&output));
        assert!(
            words(&output).contains("partial"),
            "{args:?}: {}",
            words(&output)
        );
    }
}

/// A call that puts several packets into one port waits for room for all of them, also where that is never there.
#[test]
fn a_port_named_twice_needs_room_for_two() {
    let scratch = Scratch::new("named-twice");
    for (packets, says) in [(1, "depth 0"), (3, "depth 1")] {
        let text = format!(
            r#"{{ "why": "A thread sends to a port twice at once, for ever.", "as": ["illumos"], "ports": {{ "p": {{}} }},
                 "threads": {{ "a": [ {{ "loop": [ {{ "port_sendn": ["p", "p"], "key": 1 }} ] }} ] }},
                 "bounds": {{ "packets": {packets} }} }}"#
        );
        let output = portsim(&["check", &scratch.file("twice.json", text.as_bytes())]);
        assert_eq!(code(&output), 4, "{}", words(&output));
        assert!(words(&output).contains(says), "{}", words(&output));
    }
}

/// A scenario that a system cannot play is skipped, and listed with its reason.
#[test]
fn unsupported_is_said() {
    let output = portsim(&["check", B1, "--as", "epoll"]);
    assert_eq!(code(&output), 0);
    assert!(
        words(&output).contains("the scenario is meant for windows"),
        "{}",
        words(&output)
    );
    let matrix = json(&["cross-check", B1, "--on", "epoll"], 0);
    assert_eq!(matrix["cells"][0]["verdict"], "unsupported");
    assert_eq!(matrix["totals"]["unsupported"], 1);
}

/// What a recording of the kernel says is judged from its file alone.
#[test]
fn a_recording_is_judged_from_its_file() {
    let scratch = Scratch::new("record");
    let scenario = "scenarios/portable/newest-of-six-first.json";
    if json(&["list"], 0)["backends"][0]["available"] != true {
        println!("not run: there is no epoll here");
        return;
    }
    let file = scratch.path("recorded.jsonl");
    assert_eq!(
        code(&portsim(&[
            "record", scenario, "--on", "epoll", "--out", &file
        ])),
        0
    );
    for judge in ["epoll", "windows"] {
        let said = json(&["admit", &file, "--as", judge], 0);
        assert_eq!(said["traces"][0]["verdict"], "admitted", "{said}");
    }
    let text = fs::read_to_string(&file).expect("it was written");
    assert!(
        text.starts_with(
            r#"{"format":"portsim-trace/1","scenario":"portable/newest-of-six-first""#
        ),
        "{text}"
    );
    assert!(Path::new(&file).exists());
}

/// A round of stress that is refused is kept in a folder that need not be there, and is refused again; a folder that
/// cannot be made is said before anything runs.
#[cfg(target_os = "linux")]
#[test]
fn a_refused_round_is_kept_where_it_was_asked_for() {
    let scratch = Scratch::new("stress-kept");
    let out = scratch.path("new/folder");
    let stress = [
        "record", "--on", "condvar", "--as", "windows", "--mode", "free",
    ];
    let said = json(
        &[&stress[..], &["--seconds", "60", "--out", &out]].concat(),
        1,
    );
    let file = said["file"].as_str().expect("it names the trace");
    let again = ["admit", file, "--as", "windows", "--scenarios", &out];
    assert_eq!(json(&again, 1)["traces"][0]["verdict"], "refused");
    let in_the_way = scratch.file("file", b"");
    let output = portsim(&[&stress[..], &["--seconds", "60", "--out", &in_the_way]].concat());
    let words = words(&output);
    assert!(
        code(&output) == 2 && words.contains("cannot be made"),
        "{words}"
    );
}

/// A recording at full speed is a history of a queue; what a queue has no word for is named.
#[test]
fn a_recording_is_exported_as_a_history() {
    let free = "traces/recorded/emulated/free-limit-of-one.jsonl";
    let output = portsim(&["export", "history", free]);
    let text = words(&output);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((code(&output), lines.len()), (0, 8), "{text}");
    assert_eq!(
        lines[0],
        "{:process 0, :type :invoke, :f :dequeue, :value nil, :time 121040}"
    );
    assert_eq!(
        lines[3],
        "{:process 1, :type :ok, :f :dequeue, :value 1, :time 333147}"
    );
    let in_step = "traces/recorded/epoll/no-limit.jsonl";
    let said = json(&["export", "history", in_step], 0);
    assert_eq!(said["verdict"], "unsupported", "{said}");
    let output = portsim(&["export", "history", free, "--port", "q"]);
    assert!(
        code(&output) == 2 && words(&output).contains("there is no port \"q\""),
        "{}",
        words(&output)
    );
}

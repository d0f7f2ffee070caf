//! Logs that come and go: recordings of ours for other tools, logs of others as scenarios, maps for editors, and a judge that is
//! told to end.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use portsim::admit::free::Limits;
use portsim::log::{Format, Map, judge, read_from, schema};
use serde_json::Value;

use crate::command::{Scratch, code, json, portsim, words};
use crate::root;

/// The blocks of the manual that are JSON: maps, all of them.
fn maps_of_the_manual() -> Vec<String> {
    let manual = std::fs::read_to_string(root().join("docs/LOGS.md")).expect("it is there");
    let blocks = manual.split("```json\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap_or_default().to_owned());
    blocks.collect()
}

#[test]
fn maps_of_the_manual_are_what_the_schema_says() {
    let printed = json(&["schema", "map"], 0);
    assert_eq!(printed, schema());
    let validator = jsonschema::validator_for(&printed).expect("the schema is one");
    let maps = maps_of_the_manual();
    assert!(maps.len() >= 2);
    for map in &maps {
        let value: Value = serde_json::from_str(map).expect("it is JSON");
        assert!(validator.is_valid(&value), "{map}");
        Map::parse(Path::new("map"), map.as_bytes()).unwrap_or_else(|bad| panic!("{bad}"));
    }
    let wrong: Value =
        serde_json::from_str(&maps[0].replace("thread", "thraed")).expect("it is JSON");
    assert!(!validator.is_valid(&wrong));
}

/// What `record` writes for others comes back by the map of the manual.
#[test]
fn recordings_for_others_come_back() {
    let scratch = Scratch::new("recorded-lines");
    let map = maps_of_the_manual().pop().expect("it is the last");
    let map = scratch.file("ours.json", map.as_bytes());
    let out = scratch.file("run.ndjson", b"");
    for (scenario, mode) in [
        ("portable/one-post-one-waiter", "free"),
        ("portable/mixed-waiters", "lockstep"),
        ("portable/batch-takes-what-is-there", "free"),
        ("portable/contents-arrive", "lockstep"),
        ("portable/poll-in-vain", "lockstep"),
    ] {
        let scenario = root()
            .join(format!("scenarios/{scenario}.json"))
            .display()
            .to_string();
        let record = [
            "record", &scenario, "--on", "emulated", "--mode", mode, "--format", "ndjson",
        ];
        let output = portsim(&[&record[..], &["--out", &out]].concat());
        assert_eq!(code(&output), 0, "{}", words(&output));
        let lines = std::fs::read_to_string(&out).expect("it is there");
        assert!(lines.lines().count() > 1, "{scenario}: {lines}");
        let said = json(
            &[
                "admit", &out, "--from", "ndjson", "--map", &map, "--as", "windows",
            ],
            0,
        );
        assert_eq!(
            said["traces"][0]["verdict"], "admitted",
            "{scenario}: {said}\n{lines}"
        );
        let printed = portsim(&record);
        let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
        assert_eq!(printed.lines().count(), lines.lines().count(), "{scenario}");
    }
    let output = portsim(&[
        "run",
        &root()
            .join("scenarios/portable/poll-in-vain.json")
            .display()
            .to_string(),
        "--format",
        "ndjson",
    ]);
    assert_eq!(code(&output), 2, "{}", words(&output));
}

/// A call of the map that is a mistyped one of the log is no reason to judge the rest: its lines would be left out.
#[test]
fn a_mistyped_call_of_a_map_is_named() {
    let scratch = Scratch::new("mistyped");
    let log = scratch.file("log.csv", b"tid,fn,id\na,push,1\nb,take,1\nb,look,1\n");
    let map = |calls: &str| {
        let map = format!(
            r#"{{ "format": "portsim-map/1", "thread": "tid", "call": "fn", "key": "id", "calls": {{ {calls} }} }}"#
        );
        scratch.file("map.json", map.as_bytes())
    };
    let admit = |map: &str| {
        let output = portsim(&[
            "admit", &log, "--from", "csv", "--map", map, "--as", "condvar",
        ]);
        (code(&output), words(&output))
    };
    let (code, said) = admit(&map(r#""push": "post", "tkae": "get""#));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("did you mean \"take\""), "{said}");
    // Calls of other logs may stand in a map, and a log may have more than a map knows.
    let (code, said) = admit(&map(
        r#""push": "post", "take": "get", "shutdown": "close""#,
    ));
    assert_eq!(code, 0, "{said}");
}

/// A queue that keeps the order, or gives the last first.
fn queue(packets: u64, last_first: bool) -> String {
    let mut text = "tid,fn,t0,t1,id\n".to_owned();
    for n in 0..packets {
        let _ = writeln!(text, "w{},push,{},{},{n}", n % 2, 10 * n, 10 * n + 4);
    }
    for n in 0..packets {
        let begin = 100_000 + 10 * n;
        let key = if last_first { packets - 1 - n } else { n };
        let _ = writeln!(text, "r{},pop,{begin},{},{key}", n % 2, begin + 4);
    }
    text
}

#[test]
fn logs_become_scenarios_with_traces() {
    let scratch = Scratch::new("imported-logs");
    let map = scratch.file("map.json", maps_of_the_manual()[0].as_bytes());
    let folder = scratch.0.display().to_string();
    let strace = "9 epoll_create1(0) = 3\n9 eventfd2(1, 0) = 4\n9 epoll_ctl(3, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLET, data={u32=4, u64=4}}) = 0\n\
        9 epoll_wait(3, [{events=EPOLLIN, data={u32=4, u64=4}}], 8, -1) = 1\n9 epoll_wait(3, [], 8, 0) = 0\n9 write(4, \"\", 8) = 8\n\
        9 epoll_wait(3, [{events=EPOLLIN, data={u32=4, u64=4}}], 8, -1) = 1\n9 read(4, \"\", 8) = 8\n9 close(4) = 0\n9 close(3) = 0\n";
    for (name, format, text, system, wanted) in [
        ("fifo", "csv", queue(20, false), "condvar", "admitted"),
        ("lifo", "csv", queue(20, true), "condvar", "refused"),
        ("server", "strace", strace.to_owned(), "epoll", "admitted"),
        (
            "twice",
            "strace",
            strace.replace(
                "[], 8, 0) = 0",
                "[{events=EPOLLIN, data={u32=4, u64=4}}], 8, 0) = 1",
            ),
            "epoll",
            "refused",
        ),
    ] {
        let log = scratch.file(&format!("{name}.log"), text.as_bytes());
        let mut args = vec!["import", format, &log, "--out", &folder, "--as", system];
        if format == "csv" {
            args.extend(["--map", &map]);
        }
        let said = json(&args, 0);
        assert_eq!(said["imports"][0]["verdict"], "imported", "{said}");
        let (scenario, trace) = (
            format!("{folder}/{name}.json"),
            format!("{folder}/{name}.jsonl"),
        );
        assert_eq!(said["imports"][0]["scenario"], scenario);
        let output = portsim(&["run", &scenario, "--as", system]);
        assert_eq!(code(&output), 0, "{name}: {}", words(&output));
        let wanted_code = i32::from(wanted == "refused");
        let said = json(&["admit", &trace, "--scenarios", &folder], wanted_code);
        assert_eq!(said["traces"][0]["verdict"], wanted, "{name}: {said}");
    }
    // What has no room is imported as far as it is refused.
    let log = scratch.file("long.log", queue(3_000, true).as_bytes());
    let args = ["import", "csv", &log, "--map", &map, "--out", &folder];
    let output = portsim(&args);
    assert!(
        code(&output) == 2 && words(&output).contains("--as"),
        "{}",
        words(&output)
    );
    let said = json(&[&args[..], &["--as", "condvar"]].concat(), 0);
    assert_eq!(said["imports"][0]["verdict"], "window", "{said}");
    let said = json(
        &[
            "admit",
            &format!("{folder}/long.jsonl"),
            "--scenarios",
            &folder,
        ],
        1,
    );
    assert_eq!(said["traces"][0]["verdict"], "refused", "{said}");
}

/// A judge that is told to end says how far it came.
#[test]
fn a_judge_that_is_told_to_end_says_what_it_knows() {
    static STOP: AtomicBool = AtomicBool::new(true);
    let map =
        Map::parse(Path::new("map"), maps_of_the_manual()[0].as_bytes()).expect("it is right");
    let text = queue(50, false);
    let log =
        read_from(Path::new("log"), text.as_bytes(), Format::Csv, Some(&map)).expect("it is read");
    let limits = Limits {
        stop: Some(&STOP),
        ..Limits::default()
    };
    let judged = judge(&log, "condvar", 2, limits, false).expect("it is played");
    assert!(judged.gave_up && judged.refused.is_none());
    let notes = judged.notes.join(" ");
    assert!(
        notes.contains("told to end: everything before line 2 fits"),
        "{notes}"
    );
}

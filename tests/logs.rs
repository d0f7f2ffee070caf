//! Logs of other programs: what the model shows is admitted in each format, what was altered is judged as the program that
//! makes the same calls, planted faults are refused where they are, and no log takes more than it should.

mod coarse;
mod forms;

use std::fmt::Write as _;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use portsim::admit::free::{Limits, admit_free};
use portsim::choose::{Choose, Policy};
use portsim::log::{Format, Log, Map, judge, read_from};
use portsim::personality::{play, play_at_full_speed};
use portsim::run::Ended;
use portsim::scenario::Scenario;
use portsim::trace::{Answer, End, Event, Shown, Span};
use portsim_model::event::Error;
use portsim_model::personality::NAMES;
use portsim_model::program::{Op, Packet, Timeout};
use serde_json::json;

use crate::command::{Scratch, code, json, portsim, words};
use crate::free::{Runs, calls, draw};
use crate::root;

/// What the fields of the logs of these tests are.
const MAP: &str = r#"{ "format": "portsim-map/1",
    "thread": "tid", "call": "fn", "begin": "t0", "end": "t1",
    "key": "id", "error": "err", "timeout": "empty", "wait": "wait", "errors": { "closed": "EBADF", "gone": "ERROR_ABANDONED_WAIT_0" },
    "concurrency": 9,
    "calls": { "push": "post", "pop": "get", "close": "close" } }"#;

fn map(text: &str) -> Map {
    Map::parse(Path::new("map"), text.as_bytes()).unwrap_or_else(|bad| panic!("{bad}"))
}

fn read(format: Format, map: &Map, text: &str) -> Log {
    let read = read_from(Path::new("log"), text.as_bytes(), format, Some(map));
    read.unwrap_or_else(|bad| panic!("{bad}\n{text}"))
}

/// Some threads, each with a few calls on one port.
fn scenario(rng: &mut dyn Choose, closes: bool) -> Scenario {
    let threads = 2 + draw(rng, 3);
    let alike = 1 + draw(rng, 6);
    let mut text = r#"{ "why": "Calls.", "builtin": false, "ports": { "p": { "concurrency": 9 } }, "threads": {"#.to_owned();
    let mut key = 0;
    for thread in 0..threads {
        let comma = if thread == 0 { "" } else { ", " };
        let _ = write!(text, r#"{comma}"t{thread}": ["#);
        for call in 0..1 + draw(rng, 4) {
            let comma = if call == 0 { "" } else { ", " };
            let op = match draw(rng, if closes { 12 } else { 11 }) {
                0..5 => {
                    key += 1;
                    format!(r#"{{ "post": "p", "key": {} }}"#, key % alike)
                }
                5..8 => r#"{ "get": "p", "into": "x" }"#.to_owned(),
                8 | 9 => r#"{ "get": "p", "into": "x", "timeout": 0 }"#.to_owned(),
                10 => r#"{ "get": "p", "into": "x", "timeout": 5 }"#.to_owned(),
                _ => r#"{ "close": "p" }"#.to_owned(),
            };
            text += comma;
            text += &op;
        }
        text += "]";
    }
    text += "} }";
    Scenario::parse("calls", Path::new("calls"), text.as_bytes())
        .unwrap_or_else(|bad| panic!("{bad}\n{text}"))
}

/// A call of a log, field by field.
fn fields(scenario: &Scenario, event: &Event, span: Span) -> [(&'static str, String); 7] {
    let Shown::Call { thread, op, answer } = &event.shown else {
        panic!("it is no call: {event:?}");
    };
    let (name, mut key, wait) = match op {
        Op::Post { packet, .. } => {
            let packet = scenario.program.packets[packet.index()];
            ("push", packet.key.to_string(), String::new())
        }
        Op::Get { timeout, .. } => {
            let wait = match timeout {
                Timeout::Never => "-1".to_owned(),
                Timeout::Ticks(ticks) => ticks.to_string(),
            };
            ("pop", String::new(), wait)
        }
        _ => ("close", String::new(), String::new()),
    };
    let error = match answer {
        Some(Answer::Packet(packet)) => {
            key = packet.key.to_string();
            String::new()
        }
        Some(Answer::Failed(name)) => match answer.as_ref().and_then(Answer::error) {
            Some(Error::Timeout) => "empty".to_owned(),
            _ => name.clone(),
        },
        _ => String::new(),
    };
    let end = span.t1.map_or(String::new(), |t1| t1.to_string());
    [
        ("tid", scenario.names.threads[thread.index()].clone()),
        ("fn", name.to_owned()),
        ("t0", span.t0.to_string()),
        ("t1", end),
        ("id", key),
        ("err", error),
        ("wait", wait),
    ]
}

/// The same calls in each format, each with its map.
fn written(scenario: &Scenario, calls: &[(Event, Span)]) -> Vec<(Format, Map, String)> {
    let rows: Vec<_> = calls
        .iter()
        .map(|(event, span)| fields(scenario, event, *span))
        .collect();
    let mut csv = "tid,fn,t0,t1,id,err,wait\n".to_owned();
    let mut ndjson = String::new();
    let mut lines = "a line that is no call\n".to_owned();
    for row in &rows {
        let values: Vec<_> = row.iter().map(|(_, value)| value.as_str()).collect();
        csv += &(values.join(",") + "\n");
        let [tid, name, t0, t1, id, err, wait] = &values[..] else {
            unreachable!("there are seven")
        };
        let object = json!({
            "who": { "tid": tid }, "fn": name, "err": err, "wait": wait,
            "t": [t0.parse::<u64>().ok(), t1.parse::<u64>().ok()],
            "t0": t0.parse::<u64>().ok(), "t1": t1.parse::<u64>().ok(), "id": id.parse::<i64>().ok(),
        });
        ndjson += &(object.to_string() + "\n");
        let _ = writeln!(
            lines,
            "[{tid}] {name}({id}) {t0}..{t1} err={err} wait={wait};"
        );
    }
    let nested = MAP.replace(r#""tid""#, r#""who.tid""#);
    let pattern = r#"{ "pattern": "^\\[(?P<tid>\\w+)\\] (?P<fn>\\w+)\\((?P<id>\\d*)\\) (?P<t0>\\d+)\\.\\.(?P<t1>\\d*) err=(?P<err>\\w*) wait=(?P<wait>[-\\d]*);","#;
    vec![
        (Format::Csv, map(MAP), csv),
        (Format::Ndjson, map(&nested), ndjson),
        (Format::Regex, map(&MAP.replacen('{', pattern, 1)), lines),
    ]
}

/// What a log shows, where it is refused.
fn verdict(log: &Log, system: &str) -> Option<String> {
    let judged = judge(log, system, 2, Limits::default(), false).expect("the system plays it");
    assert!(!judged.gave_up, "it gave up");
    judged.refused.map(|refused| format!("{refused:?}"))
}

/// What the model shows is admitted in each format; with one answer altered it is judged as the program that makes these calls.
#[test]
fn logs_of_the_model_are_judged_as_its_programs() {
    let (mut admitted, mut refused, mut altered_admitted) = (0, 0, 0);
    for seed in 0..120 {
        for system in ["windows", "wine-8", "condvar", "mqueue", "pipe"] {
            let mut rng = Policy::Random.seeded(seed);
            let scenario = scenario(&mut *rng, seed % 3 == 0);
            let Ok(machine) = play(system, &scenario.program, 2) else {
                continue;
            };
            let execution = Runs(&mut *rng).on(&*machine);
            if !matches!(execution.ended, Ended::Rest) {
                continue;
            }
            let mut calls = calls(&execution.events, &mut *rng);
            calls.retain(|(event, _)| !matches!(event.shown, Shown::Call { op: Op::Exit, .. }));
            if calls.is_empty() {
                continue;
            }
            for (format, map, text) in written(&scenario, &calls) {
                let said = verdict(&read(format, &map, &text), system);
                assert_eq!(
                    said,
                    None,
                    "seed {seed}, {system}, {}:\n{text}",
                    format.name()
                );
                admitted += 1;
            }
            if !alter(&mut calls, &mut *rng) {
                continue;
            }
            let (format, map, text) = written(&scenario, &calls).swap_remove(0);
            let by_log = verdict(&read(format, &map, &text), system).is_some();
            let by_program = by_program(&scenario, system, &calls);
            let counts =
                play(system, &scenario.program, 2).is_ok_and(|it| it.about().counts_running);
            // A log does not show where else its threads block.
            let agree = by_log == by_program || counts && !by_log;
            assert!(
                agree,
                "seed {seed}, {system}: {by_log}, {by_program}\n{text}"
            );
            refused += u32::from(by_log);
            altered_admitted += u32::from(!by_log);
        }
    }
    assert!(
        admitted > 500 && refused > 50,
        "{admitted} {refused} {altered_admitted}"
    );
}

/// Makes one call take what another took; false where none takes anything.
fn alter(calls: &mut [(Event, Span)], rng: &mut dyn Choose) -> bool {
    let taken = |(event, _): &(Event, Span)| match &event.shown {
        Shown::Call {
            answer: Some(Answer::Packet(packet)),
            ..
        } => Some(*packet),
        _ => None,
    };
    let takes: Vec<usize> = (0..calls.len())
        .filter(|&n| taken(&calls[n]).is_some())
        .collect();
    if takes.is_empty() {
        return false;
    }
    let which = takes[draw(rng, takes.len() as u64) as usize];
    let other = takes[draw(rng, takes.len() as u64) as usize];
    let mut packet = taken(&calls[other]).unwrap_or_default();
    if packet == taken(&calls[which]).unwrap_or_default() {
        packet = Packet::key(packet.key + 1);
    }
    if let Shown::Call { answer, .. } = &mut calls[which].0.shown {
        *answer = Some(Answer::Packet(packet));
    }
    true
}

/// Whether the program of a scenario cannot show these calls.
fn by_program(scenario: &Scenario, system: &str, calls: &[(Event, Span)]) -> bool {
    let program = Arc::clone(&scenario.program);
    let machine = play_at_full_speed(system, &program, 2).expect("it is played");
    let (events, spans): (Vec<_>, Vec<_>) = calls.iter().cloned().unzip();
    // Who was in a call at the end of a log is not held to it.
    let under_way = events
        .iter()
        .zip(&spans)
        .filter(|(_, span)| span.t1.is_none());
    let parked = under_way.map(|(event, _)| event.shown.thread()).collect();
    let end = End::of(parked);
    let judged = admit_free(
        &*machine,
        &scenario.names,
        &events,
        &spans,
        Some(&end),
        Limits::default(),
        None,
    );
    assert!(!judged.gave_up, "it gave up");
    judged.refused.is_some()
}

/// A queue that keeps the order, in the words of a stranger: so many packets, pushed and popped by several threads that
/// overlap; a fault that was planted in the middle.
fn stranger(packets: u64, alike: u64, fault: &str) -> String {
    let mut rng = Policy::Random.seeded(3);
    let mut rng = |sides| draw(&mut *rng, sides);
    let mut rows: Vec<(u64, String)> = Vec::new();
    // Each push and pop acts at a time of its own, and is as long as chance will have it.
    let mut free = [0_u64; 8];
    let mut order: Vec<u64> = (0..packets).collect();
    let middle = packets as usize / 2;
    match fault {
        "lost" => {
            order.remove(middle);
        }
        "twice" => order.insert(middle, order[middle - 1]),
        "lifo" => order[middle..middle + 6].reverse(),
        _ => {}
    }
    let mut row = |thread: usize, act: u64, call: &str, packet: u64, long: [u64; 2]| {
        let begin = act.saturating_sub(long[0]).max(free[thread]);
        let end = act + long[1];
        free[thread] = end + 1;
        let key = if alike == 0 { packet } else { packet % alike };
        rows.push((begin, format!("w{thread},{call},{begin},{end},{key}")));
    };
    for packet in 0..packets {
        let long = [rng(150), rng(150)];
        row(
            packet as usize % 4,
            1_000 + packet * 100,
            "push",
            packet,
            long,
        );
    }
    for (place, packet) in order.into_iter().enumerate() {
        let long = [rng(150), rng(150)];
        row(
            4 + place % 4,
            1_950 + place as u64 * 100,
            "pop",
            packet,
            long,
        );
    }
    rows.sort();
    let lines: Vec<_> = rows.into_iter().map(|(_, line)| line).collect();
    format!("tid,fn,t0,t1,id\n{}\n", lines.join("\n"))
}

/// The map of a stranger: six lines.
const SIX_LINES: &str = r#"{
  "format": "portsim-map/1", "unit": "us",
  "thread": "tid", "call": "fn", "begin": "t0", "end": "t1",
  "key": "id",
  "calls": { "push": "post", "pop": "get" }
}"#;

#[test]
fn planted_faults_are_refused_where_they_are() {
    let scratch = Scratch::new("stranger");
    let map = scratch.file("map.json", SIX_LINES.as_bytes());
    for (fault, alike, wanted) in [
        ("", 0, 0),
        ("", 60, 0),
        ("lost", 0, 1),
        ("twice", 0, 1),
        ("lifo", 0, 1),
        ("lost", 60, 1),
        ("twice", 60, 1),
        ("lifo", 60, 1),
    ] {
        let text = stranger(1_000, alike, fault);
        let log = scratch.file("log.csv", text.as_bytes());
        let said = json(
            &[
                "admit", &log, "--from", "csv", "--map", &map, "--as", "condvar",
            ],
            wanted,
        );
        let said = &said["traces"][0];
        if wanted == 0 {
            assert_eq!(said["verdict"], "admitted", "{fault}: {said}");
            continue;
        }
        assert_eq!(said["verdict"], "refused", "{fault}: {said}");
        let window = said["window"].as_array().expect("there is one");
        assert!((1..=4).contains(&window.len()), "{fault}: {said}");
        // The line that is named is the call that was altered, or one beside it.
        let line = said["at"].as_u64().expect("a line");
        let line = text.lines().nth(line as usize - 1).expect("it is there");
        let time: u64 = line
            .split(',')
            .nth(2)
            .and_then(|it| it.parse().ok())
            .expect("a time");
        assert!((50_000..54_000).contains(&time), "{fault}: {line}");
    }
}

/// A queue may be as deep as it likes, its packets may look alike, and there may be more of them than a state tells apart.
#[test]
fn deep_queues_and_packets_that_look_alike_are_judged() {
    let text = |alike: u64| {
        let mut rows = "tid,fn,t0,t1,id\n".to_owned();
        for n in 0..3_000 {
            let _ = writeln!(
                rows,
                "w{},push,{},{},{}",
                n % 3,
                10 * n,
                10 * n + 25,
                n % alike
            );
        }
        for n in 0..3_000 {
            let begin = 100_000 + 10 * n;
            let _ = writeln!(rows, "r{},pop,{begin},{},{}", n % 3, begin + 25, n % alike);
        }
        rows
    };
    for alike in [1, 60, 1_000_000] {
        for system in ["windows", "condvar", "wine-10"] {
            let log = read(Format::Csv, &map(SIX_LINES), &text(alike));
            assert_eq!(verdict(&log, system), None, "{alike} as {system}");
        }
    }
}

/// Of several ports, keys that are words, calls of two lines and times of several digits.
#[test]
fn what_a_map_can_say() {
    let map = map(
        r#"{ "format": "portsim-map/1", "thread": "w", "call": "f", "begin": "t", "unit": "s", "port": "q", "key": "job",
             "phase": { "column": "ph", "begin": "B", "end": "E" }, "error": "e", "no_error": ["0"], "timeout": ["none"],
             "calls": { "put": "post", "take": "get", "poll": { "call": "get", "wait": 0 }, "stats": "ignore" } }"#,
    );
    let line = |ph: &str, w: u64, f: &str, t: &str, rest: &str| {
        format!(r#"{{"ph":"{ph}","w":{w},"f":"{f}","t":"{t}"{rest}}}"#) + "\n"
    };
    let text = [
        line("B", 1, "put", "1.000001", r#","q":"a","job":"one""#),
        line("B", 2, "take", "1.000002", r#","q":"a""#),
        line("E", 1, "put", "1.000003", r#","e":"0""#),
        line("E", 2, "take", "1.000004", r#","job":"one","e":"0""#),
        line("B", 2, "poll", "1.000005", r#","q":"a""#),
        line("i", 2, "mark", "1.000006", ""),
        line("E", 2, "poll", "1.000007", r#","e":"none""#),
        line("B", 1, "take", "1.000008", r#","q":"b""#),
        line("B", 2, "other", "1.000009", ""),
    ]
    .concat();
    let log = read(Format::Ndjson, &map, &text);
    assert_eq!((log.calls(), log.threads(), log.ports()), (4, 2, 2));
    assert_eq!(log.unknown, [("other".to_owned(), 1)]);
    assert_eq!(verdict(&log, "condvar"), None);
    let wrong = text.replace(r#""job":"one","e":"0""#, r#""job":"two","e":"0""#);
    let refused =
        verdict(&read(Format::Ndjson, &map, &wrong), "condvar").expect("nobody posted it");
    assert!(refused.contains("two"), "{refused}");
}

/// What is wrong with a log or a map is said with its line, and nothing panics.
#[test]
fn what_is_wrong_is_said_with_its_line() {
    let scratch = Scratch::new("wrong-logs");
    let cut = MAP[..60].to_owned();
    let maps = [
        (cut.as_str(), "map.json:2"),
        (
            r#"{ "format": "portsim-map/2", "thread": "a", "call": "b", "calls": {} }"#,
            "portsim-map/1",
        ),
        (
            r#"{ "format": "portsim-map/1", "thread": "a", "call": "b", "calls": { "x": "gte" } }"#,
            "did you mean \"get\"",
        ),
        (
            r#"{ "format": "portsim-map/1", "thread": "a", "call": "b", "calls": { "x": "get" } }"#,
            "key",
        ),
        (
            r#"{ "format": "portsim-map/1", "thread": "a", "call": "b", "begin": "t", "unit": "h", "calls": {} }"#,
            "unit",
        ),
    ];
    let log = scratch.file("log.csv", b"tid,fn,t0,t1,id\n");
    for (text, wanted) in maps {
        let map = scratch.file("map.json", text.as_bytes());
        refused(
            &[
                "admit", &log, "--from", "csv", "--map", &map, "--as", "condvar",
            ],
            wanted,
        );
    }
    let map = scratch.file("map.json", SIX_LINES.as_bytes());
    let head = "tid,fn,t0,t1,id\n";
    let logs = [
        (String::new(), "empty"),
        ("a,b\n1,2\n".to_owned(), "log.csv:1"),
        (format!("{head}w,push,1,2\n"), "log.csv:2"),
        (format!("{head}w,push,x,2,3\n"), "log.csv:2"),
        (format!("{head}w,push,5,2,3\n"), "before it begins"),
        (format!("{head}w,push,1,2,\n"), "a post has one packet"),
        (
            format!("{head}w,push,1,20,3\nw,push,10,30,4\n"),
            "log.csv:3",
        ),
        (format!("{head}w,psuh,1,20,3\n"), "psuh"),
        (format!("{head}\"{}\n", "x".repeat(3 << 20)), "log.csv:2"),
    ];
    for (text, wanted) in logs {
        let log = scratch.file("log.csv", text.as_bytes());
        refused(
            &[
                "admit", &log, "--from", "csv", "--map", &map, "--as", "condvar",
            ],
            wanted,
        );
    }
    refused(
        &["admit", &log, "--from", "csv", "--as", "condvar"],
        "--map",
    );
    refused(&["admit", &log, "--from", "csv", "--map", &map], "--as");
}

fn refused(args: &[&str], wanted: &str) {
    let output = portsim(args);
    let said = words(&output);
    assert_eq!(code(&output), 2, "{args:?}: {said}");
    assert!(said.contains(wanted), "{args:?}: {said}");
    assert!(said.len() < 4_000, "{} bytes are no sentence", said.len());
}

/// Bytes without an end.
struct Endless(u64);

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        assert!(self.0 < 1 << 24, "it reads a line without end");
        self.0 += into.len() as u64;
        into.fill(b'x');
        Ok(into.len())
    }
}

/// A line that does not end is given up early.
#[test]
fn a_line_without_an_end_is_not_waited_for() {
    for (format, head) in [
        (Format::Csv, "tid,fn,t0,t1,id\n\""),
        (Format::Ndjson, ""),
        (Format::Regex, ""),
        (Format::Strace, "1 close(3) = 0\n1 read(3, \""),
        (Format::Wine, ""),
    ] {
        let map = map(&SIX_LINES.replacen(
            '{',
            r#"{ "pattern": "(?P<tid>a)(?P<fn>b)(?P<t0>c)(?P<t1>d)(?P<id>e)","#,
            1,
        ));
        let from = BufReader::new(head.as_bytes().chain(Endless(0)));
        let said = read_from(Path::new("log"), from, format, Some(&map));
        let said = said.expect_err("it does not end").to_string();
        assert!(said.contains("1048576 bytes"), "{said}");
    }
}

/// Which systems could have shown it: one thread may run, and has a packet, so another looks in vain. Only where running
/// threads count.
#[test]
fn systems_are_told_apart() {
    let scratch = Scratch::new("identified");
    let polls = SIX_LINES.replacen(
        r#""pop": "get""#,
        r#""pop": "get", "poll": { "call": "get", "wait": 0 }"#,
        1,
    );
    let limited = polls.replacen('{', r#"{ "concurrency": 1,"#, 1);
    let map = scratch.file("map.json", limited.as_bytes());
    let text = "tid,fn,t0,t1,id\nm,push,10,15,1\na,pop,20,25,1\nm,push,30,35,2\nb,poll,40,45,\n";
    let log = scratch.file("log.csv", text.as_bytes());
    let said = json(
        &["admit", &log, "--from", "csv", "--map", &map, "--as", "all"],
        0,
    );
    let systems = said["traces"][0]["systems"]
        .as_array()
        .expect("systems")
        .clone();
    assert_eq!(systems.len(), NAMES.len());
    let system = |name: &str| {
        let system = systems.iter().find(|it| it["as"] == name);
        system.expect("it is asked").clone()
    };
    assert_eq!(system("windows")["verdict"], "admitted");
    let refused = system("condvar");
    assert_eq!(refused["verdict"], "refused");
    assert_eq!(refused["at"], 5, "{refused}");
    assert!(
        !refused["claims"].as_array().expect("claims").is_empty(),
        "{refused}"
    );
}

/// The example of the manual is what happens.
#[test]
fn the_manual_of_logs_says_what_happens() {
    let manual = std::fs::read_to_string(root().join("docs/LOGS.md")).expect("it is there");
    let block = |kind: &str| {
        let from = manual
            .split_once(&format!("```{kind}\n"))
            .expect("it is there")
            .1;
        from.split_once("```").expect("it ends").0.to_owned()
    };
    let scratch = Scratch::new("manual-of-logs");
    scratch.file("queue.csv", block("csv").as_bytes());
    scratch.file("map.json", block("json").as_bytes());
    let command = block("sh");
    let mut arguments = command.split_whitespace();
    assert_eq!(arguments.next(), Some("portsim"));
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_portsim"))
        .args(arguments)
        .current_dir(&scratch.0)
        .output()
        .expect("it starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout), block("text"));
}

//! Backends in other processes: the agents of the manual, and agents that do everything wrong.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portsim::cross_check::{Verdict, cross_check};
use portsim::native::agent::{Limits, serve::serve};
use portsim::native::{Agent, Backend, Failure, Threads};
use portsim::scenario::Scenario;
use portsim_model::program::{Op, Program};
use serde_json::Value;

use crate::root;

/// Cross-checks with the command itself, and gives the cells without what is of this backend's name.
pub fn cells(on: &str, arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_portsim"))
        .args(["cross-check", "--json", "--seeds", "0..2", "--on", on])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("the command can be started");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{on}: {error}: {}", String::from_utf8_lossy(&output.stderr))
    });
    let mut cells = json["cells"].as_array().expect("a list").clone();
    for cell in &mut cells {
        cell.as_object_mut().expect("an object").remove("on");
    }
    cells
}

pub fn with(cells: &[Value], verdict: &str) -> Vec<String> {
    let wanted = cells.iter().filter(|cell| cell["verdict"] == verdict);
    wanted
        .map(|cell| format!("{} {}", cell["scenario"], cell["why"]))
        .collect()
}

/// An agent gives what its backend gives: every verdict, every reason, every scenario of which the protocol can tell.
#[test]
fn a_backend_as_an_agent_is_the_same_backend() {
    let here = cells("epoll", &["scenarios"]);
    let portsim = env!("CARGO_BIN_EXE_portsim");
    let there = cells(
        &format!("agent:'{portsim}' agent --on epoll"),
        &["scenarios"],
    );
    let is_untold = |cell: &&Value| {
        let why = cell["why"].as_str().unwrap_or_default();
        why.contains("this version of the agent protocol")
    };
    let untold: Vec<_> = there
        .iter()
        .filter(is_untold)
        .map(|cell| &cell["scenario"])
        .collect();
    assert!(untold.len() < 20, "{untold:?}");
    let told = |cells: &[Value]| -> Vec<String> {
        let cells = cells
            .iter()
            .filter(|cell| !untold.contains(&&cell["scenario"]));
        cells.map(Value::to_string).collect()
    };
    let (here_told, there_told) = (told(&here), told(&there));
    assert_eq!(here_told.len(), there_told.len());
    let mut pairs = here_told.iter().zip(&there_told);
    assert_eq!(pairs.find(|(one, other)| one != other), None);
    assert!(cfg!(not(target_os = "linux")) || with(&here, "agree").len() > 100);
}

/// The events that the command records of a scenario.
fn events(on: &str, scenario: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_portsim"))
        .args(["record", scenario, "--on", on])
        .current_dir(root())
        .output()
        .expect("the command can be started");
    let lines = String::from_utf8_lossy(&output.stdout);
    lines.lines().skip(1).map(str::to_owned).collect()
}

/// An agent says whose end would be an action, which is a turn then and an event of the trace.
#[test]
fn who_is_counted_is_told() {
    let scenario = "scenarios/windows/exit-without-a-waiter.json";
    let here = events("emulated", scenario);
    assert!(here.iter().any(|line| line.contains("exit")), "{here:?}");
    let portsim = env!("CARGO_BIN_EXE_portsim");
    let there = events(&format!("agent:'{portsim}' agent --on emulated"), scenario);
    assert_eq!(here, there);
}

/// A backend that keeps the program that it is asked about.
#[derive(Default)]
struct Keeps(Mutex<Option<Program>>);

impl Backend for Keeps {
    fn name(&self) -> &'static str {
        "keeps"
    }

    fn available(&self) -> Result<(), String> {
        Ok(())
    }

    fn supports(&self, program: &Program, _: Op) -> Result<(), String> {
        *self.0.lock().expect("nobody panics here") = Some(program.clone());
        Err("it only looks".into())
    }

    fn open(&self, _: &Program, _: Duration) -> Result<Box<dyn Threads>, Failure> {
        unreachable!("every operation is refused")
    }
}

/// What only some systems have is told in the setup, and read back as it was: reserve objects with their kinds, wait
/// completion packets, and jobs with what they are nested in.
#[test]
fn what_some_systems_have_is_told() {
    let _alone = alone();
    let words = [
        "get",
        "post",
        "apc",
        "sleep",
        "signal",
        "block",
        "wait_packet",
    ];
    let words = [&words[..], &["job_port", "job_start", "job_exit"]].concat();
    let hello = format!(
        r#"{{"hello":1,"name":"x","os":"y","ops":{}}}"#,
        serde_json::json!(words)
    );
    let mut lost = Vec::new();
    for name in [
        "reserve-for-apcs",
        "wait-packet-beside-a-thread",
        "nested-jobs",
    ] {
        let file = root().join(format!("scenarios/windows/{name}.json"));
        let scenario = Scenario::read(&file).expect("it is right");
        let told = std::env::temp_dir().join(format!("portsim-told-{}-{name}", std::process::id()));
        let script = format!(
            r#"read -r l; echo "$1"; read -r l; printf "%s\n" "$l" > {}; echo "{{\"unsupported\":\"no\"}}"; read -r l"#,
            told.display()
        );
        let agent = Agent::of(&format!("sh -c '{script}' x '{hello}'"), Limits::default());
        let agent = agent.expect("a command");
        let cell = cross_check(&scenario, &agent, "windows", 0, 2);
        assert!(
            matches!(cell.verdict, Verdict::Unsupported(_)),
            "{:?}",
            cell.verdict
        );
        drop(agent);
        let setup = fs::read_to_string(&told).expect("the agent has written it");
        fs::remove_file(&told).expect("it is there");
        let (keeps, input) = (Keeps::default(), format!("{{\"hello\":1}}\n{setup}"));
        serve(&keeps, "here", &mut input.as_bytes(), std::io::sink()).expect("it makes sense");
        let read = keeps.0.into_inner().expect("nobody panics here");
        let (read, meant) = (read.expect("it was asked"), &scenario.program);
        for (noun, same) in [
            ("reserves", read.reserves == meant.reserves),
            ("wait_packets", read.wait_packets == meant.wait_packets),
            ("jobs", read.jobs == meant.jobs),
        ] {
            if !same {
                lost.push(format!("{noun} of {name}"));
            }
        }
    }
    assert!(lost.is_empty(), "{lost:?}");
}

/// The manual's agent keeps the rules that all ports share.
#[test]
fn the_agent_of_the_manual_is_a_port() {
    let cells = cells(
        "agent:python3 docs/agent.py",
        &["scenarios/portable", "--as", "windows"],
    );
    assert_eq!(with(&cells, "differ"), [""; 0]);
    assert_eq!(with(&cells, "unavailable"), [""; 0]);
    assert!(with(&cells, "agree").len() > 20, "{cells:?}");
    let length = fs::read_to_string(root().join("docs/agent.py"))
        .expect("it is there")
        .lines()
        .count();
    assert!(
        length < 150,
        "the manual promises a short one, this has {length} lines"
    );
}

/// The same port with its waiters in the wrong order does not.
#[test]
fn a_port_that_wakes_its_oldest_waiter_is_found_out() {
    let cells = cells(
        "agent:python3 docs/agent.py oldest",
        &["scenarios/portable", "--as", "windows"],
    );
    let convicted = with(&cells, "differ").join("\n");
    for scenario in [
        "newest-waiter-first",
        "newest-of-six-first",
        "waits-again-as-the-newest",
    ] {
        assert!(convicted.contains(scenario), "{scenario}: {convicted}");
    }
    assert_eq!(with(&cells, "unavailable"), [""; 0]);
}

const HELLO: &str = r#"read l; echo '{"hello":1,"name":"x","os":"y","ops":["get","post"]}';"#;
const READY: &str = r#"read l; echo '{"ready":true}';"#;

/// What an agent can do wrong: in words, as a shell script, and what is said of it.
const WAYS: [(&str, &str, &str); 19] = [
    (
        "ends at once",
        "echo Help. >&2; exit 3",
        "it wrote no line; it ended with exit status 3; on standard error it said:\n    Help.",
    ),
    ("never greets", "sleep 1000", "no line came within"),
    (
        "greets in nonsense",
        "echo hello",
        "line 1: \"hello\": expected value at column 1",
    ),
    (
        "greets in another version",
        r#"echo '{"hello":7,"words":[]}'"#,
        "line 1: it speaks version 7 of the protocol, this is version 1",
    ),
    (
        "greets with a name that moves the cursor",
        r#"printf '%s\n' '{"hello":1,"name":"\u001b[2J","os":"y","ops":[]}'"#,
        "has a control character in a text",
    ),
    (
        "fails with a word that has no end",
        r#"HELLO READY read l; head -c 70000 /dev/zero | tr '\0' e | sed 's/.*/{"id":1,"returned":{"ok":false,"error":"&"}}/'; echo; read l"#,
        "an error is a word of at most 100 letters",
    ),
    (
        "contradicts itself",
        r#"HELLO READY read l; echo '{"id":1,"returned":{"ok":true,"error":"EBADF"}}'; read l"#,
        "an outcome is ok, or names an error",
    ),
    (
        "leaves a field out",
        r#"echo '{"hello":1,"name":"x"}'"#,
        "line 1: \"{\\\"hello\\\":1,\\\"name\\\":\\\"x\\\"}\": missing field `os`",
    ),
    (
        "has a field too many",
        r#"echo '{"hello":1,"name":"x","os":"y","ops":[],"oops":1}'"#,
        "unknown field `oops`",
    ),
    (
        "floods with lines",
        r#"while echo '{"quiet":true}'; do :; done"#,
        "line 1: \"{\\\"quiet\\\":true}\" where `hello` was expected",
    ),
    (
        "floods without a line",
        "cat /dev/zero",
        "line 1 is longer than 1 MiB",
    ),
    (
        "stops in the middle of a line",
        r#"printf '{"hello":1'"#,
        "line 1 stops in the middle",
    ),
    (
        "does not read on",
        "HELLO sleep 1000",
        "no line came within",
    ),
    (
        "ends in a call",
        "HELLO READY read l; kill -9 $$",
        "its output ends after line 2; it ended with signal 9",
    ),
    (
        "hangs in a call",
        "HELLO READY read l; sleep 1000",
        "no line came within",
    ),
    (
        "ends a call that is not open",
        r#"HELLO READY echo '{"id":9,"returned":{"ok":true}}'; read l; read l; read l"#,
        "line 3: call 9 is not open",
    ),
    (
        "is quiet too early",
        r#"HELLO READY read l; read l; echo '{"quiet":true}'; read l"#,
        "line 3: call 1 has neither returned nor parked",
    ),
    (
        "says everything twice",
        r#"HELLO READY read l; read l; while echo '{"id":1,"parked":true}'; do :; done"#,
        "line 4: call 1 was said to be parked before",
    ),
    (
        "gives up, and leaves a process behind",
        r#"HELLO READY sleep 1000 & echo '{"error":"no more","id":1}'; sleep 1000"#,
        "line 3: it failed in call 1: no more",
    ),
];

/// Processes whose command line has this mark.
fn alive(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("this is Linux").flatten();
    let lines = processes.filter_map(|it| fs::read_to_string(it.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(mark)).collect()
}

/// Tests that talk with agents in this process do so one after the other: one of them counts the threads that do.
pub fn alone() -> MutexGuard<'static, ()> {
    static TALKS: Mutex<()> = Mutex::new(());
    TALKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Threads of this process that talk with agents.
fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task")
        .expect("this is Linux")
        .flatten();
    let names = tasks.filter_map(|it| fs::read_to_string(it.path().join("comm")).ok());
    names.filter(|name| name.starts_with("agent ")).collect()
}

/// Whatever an agent does wrong, it is said of which line, and nothing of it is left.
#[cfg(target_os = "linux")]
#[test]
fn every_wrong_agent_is_survived() {
    let _alone = alone();
    let file = "scenarios/portable/newest-waiter-first.json";
    let scenario = Scenario::read(&root().join(file)).expect("it is right");
    let limits = Limits {
        greeting: Duration::from_millis(700),
        answer: Duration::from_millis(700),
    };
    let mut found = Vec::new();
    let missing = Agent::of("/no/such/command", limits).expect("a command");
    let cell = cross_check(&scenario, &missing, "windows", 0, 2);
    assert!(matches!(cell.verdict, Verdict::Unavailable(why) if why.contains("No such file")));
    for (n, (what, script, expected)) in WAYS.into_iter().enumerate() {
        let mark = format!("portsim-wrong-agent-{}-{n}", std::process::id());
        let script = script.replace("HELLO", HELLO).replace("READY", READY);
        // The mark is an argument of the shell, and of every command that it starts in the background.
        let script = script.replace("sleep 1000", &format!("sh -c 'sleep 1000; :' {mark}"));
        let quoted = script.replace('\'', r"'\''");
        let agent = Agent::of(&format!("sh -c '{quoted}' {mark}"), limits).expect("a command");
        let cell = cross_check(&scenario, &agent, "windows", 0, 2);
        drop(agent);
        match &cell.verdict {
            Verdict::Unavailable(why) if why.contains(expected) => {}
            other => found.push(format!("{what}: {other:?}")),
        }
        if !alive(&mark).is_empty() || !threads().is_empty() {
            found.push(format!(
                "{what}: {:?} {:?} are left",
                alive(&mark),
                threads()
            ));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

const FREE: &str =
    r#"read l; echo '{"hello":1,"name":"x","os":"y","ops":["get","post"],"modes":["free"]}';"#;

/// What an agent can do wrong at full speed.
const FREE_WAYS: [(&str, &str, &str); 6] = [
    (
        "tells no times",
        r#"FREE READY echo '{"id":1,"returned":{"ok":true}}'; sleep 1000"#,
        "line 3: call 1 has returned without its times `t0` and `t1`",
    ),
    (
        "ends before it begins",
        r#"FREE READY echo '{"id":1,"returned":{"ok":true},"t0":9,"t1":8}'; sleep 1000"#,
        "line 3: call 1 ended at 8, before it began at 9",
    ),
    (
        "has a clock for each thread",
        r#"FREE READY read l; read l; read l; read l; echo '{"id":3,"returned":{"ok":true},"t0":500,"t1":600}';
           echo '{"id":4,"returned":{"ok":true},"t0":7,"t1":8}'; sleep 1000"#,
        "line 4: call 4 began at 7, and 600 was told before: its threads must read one clock",
    ),
    (
        "turns the calls of a thread around",
        r#"FREE READY read l; read l; read l; read l; echo '{"id":4,"returned":{"ok":true},"t0":1,"t1":2}'; sleep 1000"#,
        "line 3: call 4 is not the oldest open call of a thread",
    ),
    (
        "parks at full speed",
        r#"FREE READY echo '{"id":1,"parked":true}'; sleep 1000"#,
        "line 3: \"{\"id\":1,\"parked\":true}\" where `returned` was expected",
    ),
    (
        "ends in a call",
        "FREE READY read l; kill -9 $$",
        "its output ends after line 2; it ended with signal 9",
    ),
];

/// The same at full speed, where what was heard before is kept.
#[cfg(unix)]
#[test]
fn every_wrong_agent_at_full_speed_is_survived() {
    let mut found = Vec::new();
    for (n, (what, script, expected)) in FREE_WAYS.into_iter().enumerate() {
        let script = script.replace("FREE", FREE).replace("READY", READY);
        let script = script.replace('\'', r"'\''");
        let out = std::env::temp_dir().join(format!("portsim-free-{}-{n}", std::process::id()));
        let output = Command::new(env!("CARGO_BIN_EXE_portsim"))
            .args(["record", "scenarios/portable/newest-waiter-first.json"])
            .args(["--mode", "free", "--limit", "3000", "--on"])
            .arg(format!("agent:sh -c '{script}'"))
            .arg("--out")
            .arg(&out)
            .current_dir(root())
            .output()
            .expect("the command can be started");
        let words = String::from_utf8_lossy(&output.stderr).replace('\\', "");
        let is_cut = fs::read_to_string(&out).is_ok_and(|kept| !kept.contains("\"end\""));
        let _ = fs::remove_file(&out);
        let expected = expected.replace('\\', "");
        if output.status.code() != Some(3) || !words.contains(&expected) || !is_cut {
            found.push(format!("{what}: {:?} {is_cut} {words}", output.status));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// An agent that cannot know what waits says `overdue` as long as a call is open: the run ends by its limit.
#[cfg(unix)]
#[test]
fn an_agent_that_never_knows_ends_by_the_limit() {
    let answers = r#"while read l; do case "$l" in *quiesce*) echo "{\"overdue\":1}";; *reset*) echo "{\"quiet\":true}";; esac; done"#;
    let script = format!("{FREE} {READY} {answers}").replace('\'', r"'\''");
    let name = format!("portsim-overdue-{}", std::process::id());
    let out = std::env::temp_dir().join(name);
    let output = Command::new(env!("CARGO_BIN_EXE_portsim"))
        .args(["record", "scenarios/portable/newest-waiter-first.json"])
        .args(["--mode", "free", "--limit", "300", "--on"])
        .arg(format!("agent:sh -c '{script}'"))
        .arg("--out")
        .arg(&out)
        .current_dir(root())
        .output()
        .expect("the command can be started");
    let words = String::from_utf8_lossy(&output.stderr);
    let kept = fs::read_to_string(&out).unwrap_or_default();
    let _ = fs::remove_file(&out);
    assert!(output.status.success(), "{words}");
    assert!(kept.contains("\"end\""), "{kept}");
}

/// Rounds of stress on an agent, judged as the name that it gives itself.
pub fn stress(on: &str) -> Value {
    static ROUNDS: AtomicU64 = AtomicU64::new(0);
    let n = ROUNDS.fetch_add(1, Ordering::Relaxed);
    let name = format!("portsim-agent-stress-{}-{n}", std::process::id());
    let out = std::env::temp_dir().join(name);
    let output = Command::new(env!("CARGO_BIN_EXE_portsim"))
        .args(["record", "--mode", "free", "--seconds", "2", "--json"])
        .args(["--on", on, "--out"])
        .arg(&out)
        .current_dir(root())
        .output()
        .expect("the command can be started");
    let _ = fs::remove_dir_all(&out);
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{on}: {error}: {said}"))
}

/// Python's own queue does at full speed what a queue with a condition does; with its newest packet first it does not.
#[test]
fn the_queue_of_python_is_a_port_at_full_speed() {
    let right = stress("agent:python3 docs/free_agent.py");
    assert_eq!(right["verdict"], "admitted", "{right}");
    assert_eq!(right["undecided"], 0, "{right}");
    assert!(right["events"].as_u64() > Some(500), "{right}");
    let wrong = stress("agent:python3 docs/free_agent.py newest");
    assert_eq!(wrong["verdict"], "refused", "{wrong}");
}

/// A backend behind the protocol keeps its rules at full speed, and its times tell enough to see it.
#[test]
fn a_backend_as_an_agent_runs_at_full_speed() {
    let portsim = env!("CARGO_BIN_EXE_portsim");
    let right = stress(&format!("agent:'{portsim}' agent --on emulated"));
    // Where the port is not the agent's own name its judge is that of the rules it keeps.
    assert_eq!(right["verdict"], "admitted", "{right}");
    assert!(right["events"].as_u64() > Some(1000), "{right}");
}

/// The lines of the manual are lines of the protocol, and a line that is none is refused.
#[test]
fn the_manual_speaks_the_protocol() {
    let schema = portsim::native::agent::wire::schema();
    let schema = jsonschema::validator_for(&schema).expect("the schema is one");
    let manual = fs::read_to_string(root().join("docs/AGENTS.md")).expect("it is there");
    let lines: Vec<&str> = manual
        .lines()
        .skip_while(|line| *line != "```jsonl")
        .skip(1)
        .take_while(|line| *line != "```")
        .collect();
    assert!(lines.len() > 10, "{lines:?}");
    for line in lines {
        let value: Value = serde_json::from_str(line).expect(line);
        assert!(schema.is_valid(&value), "{line}");
    }
    for wrong in [r#"{"hello":"x"}"#, r#"{"id":1}"#, r#"{"quiet":1}"#, "[]"] {
        let value: Value = serde_json::from_str(wrong).expect(wrong);
        assert!(!schema.is_valid(&value), "{wrong}");
    }
}

//! How commands end that are told to, and what is left of the agents that they talk with.

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::command::{POOL, Scratch};
use crate::root;

/// How long a command works before it is told to end.
const AT_WORK: Duration = Duration::from_millis(1500);

/// How long it may take to end: a second, and as much for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(2);

/// All that there are, but for the last.
const MANY: &str = "0..1000000000000";

fn start(args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_portsim"))
        .args(args)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command can be started")
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("it still runs");
}

/// Tells a command to end while it works; its exit code, what it says, and how long it took.
fn ended(args: &[&str], signal: Signal) -> (Option<i32>, String, Duration) {
    let mut child = start(args);
    let mut output = child.stdout.take().expect("it is a pipe");
    let said = thread::spawn(move || {
        let mut said = String::new();
        output.read_to_string(&mut said).expect("it is text");
        said
    });
    thread::sleep(AT_WORK);
    send(&child, signal);
    let since = Instant::now();
    while since.elapsed() < 4 * PATIENCE && matches!(child.try_wait(), Ok(None)) {
        thread::sleep(Duration::from_millis(5));
    }
    let took = since.elapsed();
    let _ = child.kill();
    let code = child.wait().expect("it ends").code();
    (code, said.join().expect("it was read"), took)
}

/// It ends in time with the exit code for that, and says what is known as one object.
fn ends_with_what_is_known(args: &[&str], signal: Signal) -> Value {
    let args = [args, &["--json"]].concat();
    let (code, said, took) = ended(&args, signal);
    assert_eq!(code, Some(4), "{args:?} after {took:?}: {said}");
    assert!(took < PATIENCE, "{args:?} took {took:?}");
    serde_json::from_str(&said).unwrap_or_else(|why| panic!("{args:?}: {why}: {said}"))
}

/// One that goes round for ever.
fn for_ever(scratch: &Scratch) -> String {
    let text = r#"{ "why": "Does it end?", "ports": { "p": {} },
                    "threads": { "a": [{ "loop": [{ "post": "p", "key": 1 }, { "get": "p" }] }] } }"#;
    scratch.file("for-ever.json", text.as_bytes())
}

/// Whether this process was started to outlive its terminal; on Linux, which says so.
fn ignores_hangups() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 << (Signal::HUP.as_raw() - 1) != 0)
}

#[test]
fn every_signal_ends_a_command() {
    let run = ["check", POOL, "--walk", "random", "--seeds", MANY];
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        if signal == Signal::HUP && ignores_hangups() {
            println!(
                "SIGHUP is ignored here, as under `nohup`, and so it is by what is started here"
            );
            continue;
        }
        let said = ends_with_what_is_known(&run, signal);
        let walked = &said["scenarios"][0];
        assert_eq!(walked["verdict"], "partial", "{said}");
    }
}

/// What nobody expected is no partial verdict, whatever else was broken off.
#[test]
fn what_was_found_outlasts_the_end() {
    let scratch = Scratch::new("ends-found");
    let wrong = r#"{ "why": "Is it served?", "as": ["windows"], "ports": { "p": {} }, "threads": { "a": [{ "get": "p" }] } }"#;
    let wrong = scratch.file("wrong.json", wrong.as_bytes());
    let walk = ["--walk", "random", "--seeds", MANY, "--json"];
    let (code, said, _) = ended(&[&["check", &wrong, POOL], &walk[..]].concat(), Signal::INT);
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn every_command_ends_with_what_is_known() {
    let scratch = Scratch::new("ends");
    let for_ever = for_ever(&scratch);
    let steps = ["--steps", "1000000000000"];
    let walk = ["check", &for_ever, "--walk", "random", "--seeds", "0..3"];
    let walked = ends_with_what_is_known(&[&walk[..], &steps].concat(), Signal::TERM);
    assert_eq!(walked["scenarios"][0]["verdict"], "partial", "{walked}");
    let seeds = ["run", &for_ever, "--seeds", "0..3"];
    let ran = ends_with_what_is_known(&[&seeds[..], &steps].concat(), Signal::TERM);
    assert_eq!(ran["verdict"], "partial", "{ran}");
    let once = ends_with_what_is_known(&[&seeds[..2], &steps].concat(), Signal::TERM);
    assert_eq!(once["why"], "it was stopped", "{once}");

    let compared = ends_with_what_is_known(&["compare", "scenarios"], Signal::TERM);
    assert_eq!(compared["complete"], false, "{compared}");
    let fuzz = ["fuzz", "--on", "emulated", "--seeds", MANY];
    let fuzzed = ends_with_what_is_known(&fuzz, Signal::TERM);
    assert_eq!(fuzzed["complete"], false, "{}", fuzzed["cases"]);

    let one = "traces/recorded/emulated/free-limit-of-one.jsonl";
    let mut admit = vec!["admit"];
    admit.resize(30_000, one);
    let admitted = ends_with_what_is_known(&admit, Signal::TERM);
    let judged = admitted["traces"].as_array().map_or(0, Vec::len);
    assert!((1..29_999).contains(&judged), "{judged}");
    assert_eq!(admitted["complete"], false);
}

/// Nobody waits for an agent that says nothing; what cannot be broken off ends without a report.
#[test]
fn what_waits_for_others_ends_too() {
    let silent = "agent:sh -c 'sleep 1000'";
    for args in [
        &["cross-check", POOL, "--on", silent, "--as", "windows"][..],
        &["fuzz", "--on", silent, "--as", "windows", "--seeds", "0..9"],
        &["record", POOL, "--on", silent],
        &["agent", "--on", "emulated"],
    ] {
        let (code, said, took) = ended(args, Signal::TERM);
        assert_eq!(code, Some(4), "{args:?} after {took:?}: {said}");
        assert!(took < PATIENCE, "{args:?} took {took:?}");
    }
}

/// Commands in which this stands.
fn alive(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("this is Linux").flatten();
    let lines = processes.filter_map(|it| fs::read_to_string(it.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(mark)).collect()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < 10 * PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// However portsim ends, so do the agent, its children, and those of them who have left its group.
#[test]
fn agents_end_with_portsim() {
    for (n, signal) in [Signal::KILL, Signal::TERM].into_iter().enumerate() {
        // As long as nobody else sleeps.
        let sleep = format!("sleep 1{:06}.{n}5", std::process::id());
        let script = format!("{sleep} & setsid {sleep} & setsid sh -c \"{sleep} & :\"; {sleep}");
        let on = format!("agent:sh -c '{script}'");
        let args = ["cross-check", POOL, "--on", &on, "--as", "windows"];
        let mut child = start(&args);
        let asleep = sleep.replace(' ', "\0");
        wait_until("all sleep", || alive(&asleep).len() == 4);
        send(&child, signal);
        child.wait().expect("it ends");
        wait_until("somebody still sleeps", || alive(&asleep).is_empty());
    }
}

//! The search of `check` as its users meet it: several processes, searches on disk, bounds and samples.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json as object};

use crate::command::{B1, POOL, Scratch, code, json, portsim, words};
use crate::root;

const LARGER: &str = "scenarios/bench/pool-5-2-2-5.json";
const LARGE: &str = "scenarios/bench/pool-4-2-2-4.json";

/// Two processes that search together come to what one comes to, a counterexample included; and they say so if they
/// do not search the same.
#[test]
fn two_processes_find_what_one_finds() {
    let scratch = Scratch::new("hosts");
    let together = |scenarios: [&str; 2]| -> [Output; 2] {
        let hosts = scratch.file("hosts.txt", addresses().as_bytes());
        let start = |process: usize| {
            let process_arg = process.to_string();
            let mut command = Command::new(env!("CARGO_BIN_EXE_portsim"));
            command
                .args(["check", scenarios[process], "--workers", "2", "--json"])
                .args(["--hosts", &hosts, "--process", &process_arg])
                .current_dir(root())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command.spawn().expect("the command can be started")
        };
        let started = [0, 1].map(start);
        started.map(|child| child.wait_with_output().expect("it ends"))
    };
    let of = |output: &Output| -> Value {
        let mut all: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", words(output)));
        let check = &mut all["scenarios"][0];
        check["seconds"] = Value::Null;
        check["bytes_per_state"] = Value::Null;
        check.take()
    };
    for scenario in [POOL, "scenarios/bugs/buffer-dropped-with-the-future.json"] {
        let alone = of(&portsim(&["check", scenario, "--workers", "1", "--json"]));
        for output in together([scenario; 2]) {
            assert_eq!(code(&output), 0, "{}", words(&output));
            assert_eq!(of(&output), alone);
        }
    }
    for output in together([POOL, B1]) {
        assert_eq!(code(&output), 3, "{}", words(&output));
        assert!(words(&output).contains("do not search the same"));
    }
}

/// A process whose partner is killed says so, and gives no verdict that it has not earned.
#[test]
fn a_lost_process_ends_the_search() {
    let scratch = Scratch::new("lost");
    let hosts = scratch.file("hosts.txt", addresses().as_bytes());
    let folder = scratch.path("kept");
    let mut started = ["0", "1"].map(|process| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portsim"));
        command
            .args([
                "check",
                "--reduce",
                "none",
                LARGER,
                "--workers",
                "1",
                "--json",
            ])
            .args(["--checkpoint", &folder, "--every", "0.001"])
            .args(["--hosts", &hosts, "--process", process])
            .current_dir(root())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("the command can be started")
    });
    // A checkpoint says that they have found each other, and search.
    wait_for_checkpoint(Path::new(&folder), 1);
    started[1].kill().expect("it runs");
    let [first, mut second] = started;
    second.wait().expect("it was killed");
    let output = first.wait_with_output().expect("it ends");
    assert_eq!(code(&output), 4, "{}", words(&output));
    let all: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(all["scenarios"][0]["verdict"], "partial");
    assert!(
        words(&output).contains("another process was lost"),
        "{}",
        words(&output)
    );
}

/// A search that is killed is taken up where it was kept last, by any number of workers, and comes to the same.
#[test]
fn a_killed_search_is_taken_up_again() {
    let scratch = Scratch::new("kept");
    for options in [&[][..], &["--exact"]] {
        let folder = scratch.path(&format!("kept-{}", options.len()));
        let of = |args: &[&str]| {
            let mut check = json(
                &[
                    &["check", "--reduce", "none", LARGER, "--depth", "14"],
                    options,
                    args,
                ]
                .concat(),
                4,
            )["scenarios"][0]
                .take();
            for varies in ["seconds", "bytes_per_state", "checkpoints"] {
                check[varies] = Value::Null;
            }
            check
        };
        let mut child = Command::new(env!("CARGO_BIN_EXE_portsim"))
            .args([
                "check",
                "--reduce",
                "none",
                LARGER,
                "--depth",
                "14",
                "--workers",
                "2",
                "--checkpoint",
                &folder,
                "--every",
                "0.001",
            ])
            .args(options)
            .current_dir(root())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command can be started");
        wait_for_checkpoint(Path::new(&folder), 0);
        child.kill().expect("it runs");
        child.wait().expect("it was killed");
        let resume = ["--checkpoint", folder.as_str(), "--resume"];
        let taken_up = of(&[&resume[..], &["--workers", "1"]].concat());
        assert_eq!(taken_up, of(&["--workers", "1"]));
        // Another search is refused, whether it takes up or begins, and so is damage.
        for resume in [&resume[..], &resume[..2]] {
            let other = portsim(&[&["check", POOL], resume].concat());
            assert_eq!(code(&other), 2, "{}", words(&other));
            assert!(
                words(&other).contains("its scenario is"),
                "{}",
                words(&other)
            );
        }
        let bounded =
            portsim(&[&["check", "--reduce", "none", LARGER], options, &resume[..]].concat());
        assert_eq!(code(&bounded), 2, "{}", words(&bounded));
        assert!(
            words(&bounded).contains("its --depth is 14, not none"),
            "{}",
            words(&bounded)
        );
        let parts = fs::read_dir(&folder).expect("it is there");
        let mut parts = parts.map(|entry| entry.expect("it can be read").path());
        let part = parts
            .find(|path| path.extension().is_some_and(|ends| ends == "part"))
            .expect("there is one");
        let mut bytes = fs::read(&part).expect("it can be read");
        let last = bytes.len() - 9;
        bytes[last] ^= 1;
        fs::write(&part, bytes).expect("it can be written");
        let search = ["check", "--reduce", "none", LARGER, "--depth", "14"];
        let damaged = portsim(&[&search, options, &resume[..]].concat());
        assert_eq!(code(&damaged), 2, "{}", words(&damaged));
        let named = part.display().to_string();
        assert!(words(&damaged).contains(&named), "{}", words(&damaged));
    }
}

/// Two processes that are killed are taken up by two, and by one that finds what both have kept.
#[test]
fn what_two_processes_kept_is_taken_up() {
    let scratch = Scratch::new("both");
    let folder = scratch.path("kept");
    let search = [
        "check", "--reduce", "none", LARGER, "--depth", "14", "--json",
    ];
    let start = |options: &[&str]| -> Vec<Child> {
        let hosts = scratch.file("hosts.txt", addresses().as_bytes());
        let start = |process| {
            Command::new(env!("CARGO_BIN_EXE_portsim"))
                .args([&search[..], options].concat())
                .args(["--checkpoint", &folder, "--hosts", &hosts])
                .args(["--process", process])
                .current_dir(root())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the command can be started")
        };
        ["0", "1"].map(start).into()
    };
    let kill = |started: Vec<Child>| {
        for mut child in started {
            child.kill().expect("it can be killed");
            child.wait().expect("it was killed");
        }
    };
    let of = |output: &Output| -> Value {
        assert_eq!(code(output), 4, "{}", words(output));
        let mut all: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
        for varies in ["seconds", "bytes_per_state", "checkpoints"] {
            all["scenarios"][0][varies] = Value::Null;
        }
        all
    };
    let alone = of(&portsim(&search));
    kill({
        let started = start(&["--workers", "1", "--every", "0.001"]);
        for process in [0, 1] {
            wait_for_checkpoint(Path::new(&folder), process);
        }
        started
    });
    // One process alone needs what both have written, and hides nothing of it from two.
    let both = start(&["--workers", "2", "--resume"]);
    for child in both {
        assert_eq!(of(&child.wait_with_output().expect("it ends")), alone);
    }
    let one = [&search[..], &["--checkpoint", &folder, "--resume"]].concat();
    assert_eq!(of(&portsim(&one)), alone);
    let manifest = checkpoint_of(Path::new(&folder), 1).expect("it was written");
    fs::remove_file(&manifest).expect("it is there");
    let half = portsim(&one);
    assert_eq!(code(&half), 2, "{}", words(&half));
    let named = manifest.display().to_string();
    assert!(words(&half).contains(&named), "{}", words(&half));
}

/// Who asks for what was never kept is told so.
#[test]
fn there_is_nothing_to_take_up() {
    let scratch = Scratch::new("nothing");
    let folder = scratch.path("kept");
    let output = portsim(&["check", POOL, "--checkpoint", &folder, "--resume"]);
    assert_eq!(code(&output), 2, "{}", words(&output));
    assert_eq!(
        words(&output),
        format!(
            "{folder}: error: there is no checkpoint to take up; without --resume the search begins anew\n"
        )
    );
}

/// Where memory ends, what was seen is kept, and the search goes on when there is more.
#[test]
fn a_search_without_memory_is_taken_up_with_more() {
    let scratch = Scratch::new("memory");
    let folder = scratch.path("kept");
    let search = ["check", "--reduce", "none", "--exact", LARGER];
    let kept = [&search[..], &["--checkpoint", &folder]].concat();
    let partial = json(&[&kept[..], &["--memory", "16M"]].concat(), 4);
    assert_eq!(partial["scenarios"][0]["verdict"], "partial");
    let whole = json(&[&kept[..], &["--resume"]].concat(), 0);
    assert_eq!(whole["scenarios"][0]["states_unique"], 2_047_667);
    assert_eq!(whole["scenarios"][0]["transitions"], 13_808_128);
}

/// Whole states and fingerprints give the same numbers.
#[test]
fn whole_states_give_the_same_numbers() {
    let of = |args: &[&str]| {
        let mut check =
            json(&[&["check", "--reduce", "none", LARGE], args].concat(), 0)["scenarios"][0].take();
        for varies in ["seconds", "bytes_per_state", "collision_odds"] {
            check[varies] = Value::Null;
        }
        check
    };
    assert_eq!(of(&["--exact"]), of(&[]));
    assert_eq!(of(&["--exact", "--workers", "3"]), of(&[]));
}

/// A bound on preemptions finds what needs no more of them, and claims nothing else; without a bound that binds, all
/// is explored.
#[test]
fn preemptions_are_bounded() {
    let lost = "scenarios/bugs/buffer-dropped-with-the-future.json";
    let found = |bound| json(&["check", lost, "--preemptions", bound], 0)["scenarios"][0].take();
    assert_eq!(found("1")["property"], "freed");
    let none = json(&["check", POOL, "--preemptions", "0"], 4);
    assert_eq!(none["scenarios"][0]["verdict"], "partial");
    let all = json(&["check", B1, "--preemptions", "100"], 0);
    assert_eq!(all["scenarios"][0]["verdict"], "pass");
}

/// Samples say what they covered, claim no pass, and are the same for any number of workers.
#[test]
fn samples_claim_no_more_than_they_cover() {
    let of = |workers, scenario, code| {
        let walk = [
            "check",
            scenario,
            "--walk",
            "pct:2",
            "--seeds",
            "0..600",
            "--workers",
            workers,
        ];
        let mut check = json(&walk, code)["scenarios"][0].take();
        check["seconds"] = Value::Null;
        check
    };
    let pool = of("1", POOL, 4);
    assert_eq!(pool, of("3", POOL, 4));
    assert_eq!(pool["verdict"], "partial");
    assert_eq!(pool["sampled"]["runs"], 600);
    assert_eq!(pool["sampled"]["calls"], pool["sampled"]["calls_all"]);
    let bug = "scenarios/bugs/buffer-dropped-with-the-future.json";
    let found = of("2", bug, 0);
    assert_eq!(found, of("1", bug, 0));
    assert_eq!(found["property"], "freed");
}

/// Neither many threads nor a long one are too much, and the one comes to its end.
#[test]
fn many_threads_and_long_ones_are_searched() {
    let folder = Scratch::new("many");
    let check = |name, scenario: Value| {
        let file = folder.file(name, scenario.to_string().as_bytes());
        json(&["check", &file, "--as", "windows"], 0)["scenarios"][0].take()
    };
    let steps = vec![object!({ "set": { "n": "n + 1" } }); 700];
    let long = check(
        "long.json",
        object!({
            "why": "Does a thread of many steps make each of them?",
            "vars": { "n": 0 },
            "threads": { "a": steps },
            "properties": { "at_end": { "each": "n == 700" } },
        }),
    );
    assert_eq!(long["verdict"], "pass");
    assert_eq!(long["states_unique"], 701);
    let many = check(
        "many.json",
        object!({
            "why": "Do three of a hundred workers get a packet, and does the last thread end behind them?",
            "ports": { "p": {} },
            "threads": {
                "worker": { "count": 100, "do": [{ "get": "p" }] },
                "main": [{ "post": "p" }, { "post": "p" }, { "post": "p" }, { "join": "last" }],
                "last": [{ "note": "over" }],
            },
            "may_wait": ["worker"],
            "properties": { "at_end": { "three": "count(worker, done) == 3 && main.done" } },
        }),
    );
    assert_eq!(many["verdict"], "pass");
}

/// The clock is fair to whoever waits for it, and is no thread, however many there are.
#[test]
fn the_clock_is_none_of_many_threads() {
    let folder = Scratch::new("clock");
    let fair = |idle: u32| {
        let scenario = object!({
            "why": "Does the time of a sleep come although another thread goes round?",
            "vars": { "over": 0 },
            "threads": {
                "idle": { "count": idle, "do": [] },
                "round": [{ "loop": ["yield", { "if": "over == 1", "then": ["break"] }] }],
                "main": [{ "sleep": 3 }, { "set": { "over": 1 } }],
            },
            "properties": { "eventually": { "wakes": "main.done" } },
        });
        let file = folder.file("fair.json", scenario.to_string().as_bytes());
        json(&["check", &file, "--as", "windows"], 0)["scenarios"][0].take()
    };
    // The thread that goes round is the 64th, the 65th, or the last but one of all.
    for idle in [63, 64, 126] {
        assert_eq!(fair(idle)["verdict"], "pass", "{idle}");
    }
}

/// Two addresses that are free, one a line.
fn addresses() -> String {
    let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("there is a port"));
    let address = |at: &TcpListener| at.local_addr().expect("it is bound").to_string();
    ports.each_ref().map(address).join("\n")
}

/// The manifest of a process's checkpoint, if it has one.
pub(crate) fn checkpoint_of(folder: &Path, process: usize) -> Option<PathBuf> {
    let ends = format!("-process-{process}.manifest");
    let mut files = fs::read_dir(folder).ok()?.flatten().map(|it| it.path());
    files.find(|path| path.to_string_lossy().ends_with(&ends))
}

/// Waits until a process has kept the search.
pub(crate) fn wait_for_checkpoint(folder: &Path, process: usize) {
    let since = Instant::now();
    while checkpoint_of(folder, process).is_none() {
        assert!(
            since.elapsed() < Duration::from_secs(120),
            "process {process} never keeps the search in {}",
            folder.display()
        );
        thread::sleep(Duration::from_millis(5));
    }
}

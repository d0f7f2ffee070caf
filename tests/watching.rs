//! `watch`: what changes is checked again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::command::{POOL, Scratch, code, portsim, words};
use crate::root;

const PASSES: &str = r#"{
    "why": "Is it posted?",
    "ports": { "p": {} },
    "threads": { "a": [ { "post": "p", "key": 1 } ] },
    "properties": { "at_end": { "there": "p.depth == 1" } }
}"#;

/// A command that goes on, and its lines.
struct Watching {
    process: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn of(path: &str) -> Watching {
        let mut process = Command::new(env!("CARGO_BIN_EXE_portsim"))
            .args(["watch", path])
            .current_dir(root())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command can be started");
        let (tell, lines) = channel();
        let (out, err) = (process.stdout.take(), process.stderr.take());
        let also = tell.clone();
        thread::spawn(move || {
            let lines = BufReader::new(out.expect("it has one")).lines();
            lines
                .map_while(Result::ok)
                .for_each(|line| drop(tell.send(line)));
        });
        thread::spawn(move || {
            let lines = BufReader::new(err.expect("it has one")).lines();
            lines
                .map_while(Result::ok)
                .for_each(|line| drop(also.send(line)));
        });
        Watching { process, lines }
    }

    /// Waits for a line with these words.
    fn says(&self, words: &str) {
        let mut seen = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(20)) {
            if line.contains(words) {
                return;
            }
            seen.push(line);
        }
        panic!("it never says {words:?}: {seen:?}");
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn what_changes_is_checked_again() {
    let scratch = Scratch::new("watched");
    let folder = scratch.path("models");
    fs::create_dir_all(&folder).expect("it can be made");
    let (one, other) = (format!("{folder}/one.json"), format!("{folder}/other.json"));
    fs::write(&one, PASSES).expect("it can be written");
    let mut watching = Watching::of(&folder);
    watching.says("pass         one as");
    fs::write(&other, PASSES.replace("== 1", "== 22")).expect("it can be written");
    watching.says("violation    other as");
    watching.says("2 verdicts: 1 as expected, 1 unexpected");
    fs::write(&other, "{ \"why\": ").expect("it can be written");
    watching.says("other.json");
    fs::write(&other, PASSES.replace("post", "post ")).expect("it can be written");
    watching.says("unknown");
    fs::write(&other, PASSES).expect("it can be written");
    watching.says("pass         other as");
    fs::remove_file(&other).expect("it can be removed");
    fs::write(&one, PASSES.replace("== 1", "== 333")).expect("it can be written");
    watching.says("violation    one as");
    let id = watching.process.id().to_string();
    let told = Command::new("kill").args(["-INT", &id]).status();
    assert!(told.is_ok_and(|it| it.success()));
    let status = watching.process.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn what_is_not_there_is_not_waited_for() {
    for args in [
        &["watch", "scenarios/no-such-file.json"][..],
        &["watch", POOL, "--json"],
    ] {
        let output = portsim(args);
        assert_eq!(code(&output), 2, "{}", words(&output));
    }
}

//! Searches that are killed, kept on disks that fail, and taken up from files that were damaged: each comes to the
//! same as one that nobody disturbed, or is refused. None says that nothing is wrong where something is.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use portsim_model::AnyMachine;
use portsim_model::personality::NAMES;
use portsim_model::step::Step;

use super::disk::{Disk, Files};
use super::failing::{Failing, Failure};
use crate::check::{Cut, Found, Keeping, Limits, Reductions, Workers, check};
use crate::personality::play;
use crate::scenario;

/// Three workers of whom two may run, and two posters.
fn pool(keys: [u32; 4], properties: &str) -> Arc<dyn AnyMachine> {
    let text = format!(
        r#"{{ "why": "A pool, to be searched in pieces.", "ports": {{ "p": {{ "concurrency": 2 }} }},
             "threads": {{
               "worker": {{ "count": 3, "do": [{{ "loop": [{{ "get": "p", "into": "x" }}] }}] }},
               "one": [{{ "post": "p", "key": {} }}, {{ "post": "p", "key": {} }}],
               "two": [{{ "post": "p", "key": {} }}, {{ "post": "p", "key": {} }}] }},
             "may_wait": ["worker"], "properties": {properties} }}"#,
        keys[0], keys[1], keys[2], keys[3]
    );
    let file = Path::new("pool.json");
    let scenario = scenario::parse("pool", file, text.as_bytes(), &NAMES);
    let scenario = scenario.unwrap_or_else(|bad| panic!("{bad}"));
    play("windows", &scenario.program, 2).unwrap_or_else(|lacks| panic!("{lacks}"))
}

/// Something is wrong in it, not far from the end.
fn broken() -> Arc<dyn AnyMachine> {
    pool(
        [1, 3, 2, 4],
        r#"{ "always": { "apart": "!(worker[0].x.key == 4 && worker[1].x.key == 2 && worker[2].x.key == 3)" } }"#,
    )
}

/// Nothing is wrong in it, and what must be seen sometimes is seen near the start and near the end.
fn sound() -> Arc<dyn AnyMachine> {
    pool(
        [1, 3, 2, 4],
        r#"{ "sometimes": { "first": "worker[0].x.key == 1 && worker[1].x.key == 0 && worker[2].x.key == 0",
                            "last": "worker[0].x.key == 4 && worker[1].x.key == 3" },
             "at_end": { "posted": "done(one) && done(two)" } }"#,
    )
}

/// Its states look like those of the others, and are others.
fn foreign() -> Arc<dyn AnyMachine> {
    pool([1, 1, 1, 1], r#"{ "always": { "apart": "worker[0].x.key != 4" } }"#)
}

/// What nobody may change who disturbs a search.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    states: u64,
    transitions: u64,
    depth_max: u32,
    cut: Option<Cut>,
    found: Option<Found>,
    path: Vec<Step>,
}

/// Who searches, and how states are told apart.
#[derive(Debug, Clone, Copy)]
struct How {
    workers: usize,
    exact: bool,
}

fn hows() -> impl Iterator<Item = How> {
    [false, true]
        .into_iter()
        .flat_map(|exact| (1..=3).map(move |workers| How { workers, exact }))
}

fn search(machine: &Arc<dyn AnyMachine>, how: How, keeping: Option<&Keeping>, number: u64) -> Result<Verdict, String> {
    let limits = Limits {
        memory_bytes: 1 << 30,
        depth: None,
        exact: how.exact,
        preemptions: None,
    };
    let crew = Workers {
        workers: how.workers,
        hosts: None,
        search: number,
    };
    let stop = AtomicBool::new(false);
    let out = check(machine, Reductions::NONE, limits, &crew, keeping, &stop, |_| {})?;
    if let Some(trouble) = out.trouble {
        return Err(trouble);
    }
    Ok(Verdict {
        states: out.states,
        transitions: out.transitions,
        depth_max: out.depth_max,
        cut: out.cut,
        found: out.found,
        path: out.path,
    })
}

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("portsim-kept-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("there is room");
        Folder(folder)
    }

    fn keeping(&self, resume: bool, disk: impl Disk + 'static) -> Keeping {
        Keeping {
            folder: self.0.clone(),
            every: Duration::ZERO,
            resume,
            disk: Arc::new(disk),
        }
    }

    /// Every file in it with its bytes, by name.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = fs::read_dir(&self.0).expect("it is there");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("it can be read").path()).collect();
        paths.sort();
        let with_bytes = |path: PathBuf| {
            let bytes = fs::read(&path).expect("it can be read");
            (path, bytes)
        };
        paths.into_iter().map(with_bytes).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A search of the machine that was killed after so many of all its calls.
fn killed(machine: &Arc<dyn AnyMachine>, how: How, folder: &Folder, number: u64, of_ten: u64) {
    let all = Failing::new(u64::MAX, Failure::Once);
    let whole = Folder::new();
    search(machine, how, Some(&whole.keeping(false, all.clone())), number).expect("nobody disturbs it");
    let dies = Failing::new(all.calls() * of_ten / 10, Failure::Killed);
    search(machine, how, Some(&folder.keeping(false, dies)), number).expect_err("it was killed");
}

fn resume(machine: &Arc<dyn AnyMachine>, how: How, folder: &Folder, number: u64) -> Result<Verdict, String> {
    search(machine, how, Some(&folder.keeping(true, Failing::new(u64::MAX, Failure::Once))), number)
}

#[test]
fn red_foreign() {
    let mut report = Vec::new();
    for how in hows() {
        let truth = search(&broken(), how, None, 7).expect("nobody disturbs it");
        for at in 0..60 {
            let folder = Folder::new();
            killed(&broken(), how, &folder, 7, 5);
            let other = search(&foreign(), how, Some(&folder.keeping(false, Failing::new(at, Failure::Killed))), 8);
            let resumed = resume(&broken(), how, &folder, 7);
            if resumed.as_ref() != Ok(&truth) {
                report.push(format!("{how:?} at {at} {other:?}: {resumed:?}"));
            }
        }
    }
    panic!("{} {}", report.len(), report.join("\n"));
}

#[test]
fn red_restart() {
    let mut report = Vec::new();
    for how in hows() {
        let truth = search(&broken(), how, None, 7).expect("nobody disturbs it");
        for at in 0..60 {
            let folder = Folder::new();
            killed(&broken(), how, &folder, 7, 5);
            let other = search(&broken(), how, Some(&folder.keeping(false, Failing::new(at, Failure::Killed))), 7);
            let resumed = resume(&broken(), how, &folder, 7);
            if resumed.as_ref() != Ok(&truth) {
                report.push(format!("{how:?} at {at} {other:?}: {resumed:?}"));
            }
        }
    }
    panic!("{} {}", report.len(), report.join("\n"));
}

#[test]
fn red_digits() {
    let mut report = Vec::new();
    for how in hows() {
        let truth = search(&broken(), how, None, 7).expect("nobody disturbs it");
        let folder = Folder::new();
        killed(&broken(), how, &folder, 7, 5);
        for (path, bytes) in folder.files() {
            if path.extension().is_some_and(|it| it == "part") { continue; }
            for n in 0..bytes.len() {
                for digit in b'0'..=b'3' {
                    if !bytes[n].is_ascii_digit() || digit == bytes[n] { continue; }
                    let mut other = bytes.clone();
                    other[n] = digit;
                    fs::write(&path, other).unwrap();
                    for workers in 1..=3 {
                        let resumed = std::panic::catch_unwind(|| resume(&broken(), How { workers, ..how }, &folder, 7));
                        if !matches!(&resumed, Ok(Err(_))) && !matches!(&resumed, Ok(Ok(it)) if *it == truth) {
                            report.push(format!("{how:?} {workers} at {n} {digit}: {resumed:?}"));
                        }
                    }
                }
            }
            fs::write(&path, bytes).unwrap();
        }
    }
    panic!("{} {}", report.len(), report.join("\n"));
}

#[test]
fn a_search_is_killed_at_every_call() {
    let mut report = Vec::new();
    for (name, machine) in [("broken", broken()), ("sound", sound())] {
        for how in hows() {
            let truth = search(&machine, how, None, 7).expect("nobody disturbs it");
            let all = Failing::new(u64::MAX, Failure::Once);
            let folder = Folder::new();
            let kept = search(&machine, how, Some(&folder.keeping(false, all.clone())), 7);
            assert_eq!(kept.as_ref(), Ok(&truth));
            eprintln!("{name} {how:?}: {} calls, {truth:?}", all.calls());
            for failure in [Failure::Killed, Failure::PowerLost, Failure::Full, Failure::Once] {
                for at in (0..all.calls()).step_by(5) {
                    let folder = Folder::new();
                    let kept = search(&machine, how, Some(&folder.keeping(false, Failing::new(at, failure))), 7);
                    for workers in 1..=3 {
                        let again = How { workers, ..how };
                        let resumed = search(&machine, again, Some(&folder.keeping(true, Failing::new(u64::MAX, Failure::Once))), 7);
                        if resumed.as_ref() != Ok(&truth) {
                            report.push(format!("{name} {how:?} {failure:?} at {at}, {kept:?}, taken up by {workers}: {resumed:?}"));
                        }
                    }
                }
            }
        }
    }
    panic!("{} {}", report.len(), report.join("\n"));
}

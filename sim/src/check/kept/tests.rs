//! Searches that are killed, kept on disks that fail, and taken up from files that were changed: each comes to the
//! same as one that nobody disturbs, or is refused. None says that nothing is wrong where something is.

mod changed;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use portsim_model::AnyMachine;
use portsim_model::personality::machine;
use portsim_model::step::Step;

use super::Keeper;
use super::disk::Disk;
use super::failing::{Failing, Failure};
use super::part::Writer;
use super::wire::{Kind, Known, unseal};
use crate::check::{Cut, Found, Keeping, Limits, Reductions, Searched, Trouble, Workers, check};
use crate::scenario::Scenario;

/// A machine, and what its search is called.
#[derive(Clone)]
struct Case {
    name: &'static str,
    machine: Arc<dyn AnyMachine>,
}

/// Three workers of whom two may run, and two posters.
fn pool(name: &'static str, keys: [u32; 4], properties: &str) -> Case {
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
    let scenario =
        Scenario::parse("pool", file, text.as_bytes()).unwrap_or_else(|bad| panic!("{bad}"));
    let machine = machine("windows", &scenario.program, 2, &[])
        .expect("the name is listed")
        .unwrap_or_else(|lacks| panic!("{}", lacks.why));
    Case { name, machine }
}

/// Something is wrong in it, not far from the end.
fn broken() -> Case {
    let apart = "!(worker[0].x.key == 4 && worker[1].x.key == 2 && worker[2].x.key == 3)";
    let properties = format!(r#"{{ "always": {{ "apart": "{apart}" }} }}"#);
    pool("broken", [1, 3, 2, 4], &properties)
}

/// Nothing is wrong in it, and what must be seen sometimes is seen near the start and near the end.
fn sound() -> Case {
    let properties = r#"{ "sometimes": { "first": "worker[0].x.key == 1 && worker[1].x.key == 0",
                                         "last": "worker[0].x.key == 4 && worker[1].x.key == 3" },
                          "at_end": { "posted": "one.done && two.done" } }"#;
    pool("sound", [1, 3, 2, 4], properties)
}

/// Its states look like those of the others, and nothing is wrong in any.
fn foreign() -> Case {
    let properties = r#"{ "always": { "apart": "worker[0].x.key != 4" } }"#;
    pool("foreign", [1, 1, 1, 1], properties)
}

/// What nobody may change who disturbs a search.
#[derive(Debug, Clone, PartialEq, Eq)]
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

impl How {
    fn by(self, workers: usize) -> How {
        How { workers, ..self }
    }
}

fn hows() -> impl Iterator<Item = How> {
    let exact = [false, true].into_iter();
    exact.flat_map(|exact| (1..=3).map(move |workers| How { workers, exact }))
}

fn search(case: &Case, how: How, keeping: Option<&Keeping>) -> Result<Verdict, Trouble> {
    let limits = Limits {
        memory_bytes: 1 << 30,
        depth: None,
        exact: how.exact,
        preemptions: None,
    };
    let workers = Workers {
        workers: how.workers,
        ..Workers::default()
    };
    let (none, stop) = (Reductions::NONE, AtomicBool::new(false));
    let out = check(
        &case.machine,
        none,
        limits,
        &workers,
        keeping,
        &stop,
        |_| {},
    )?;
    Ok(Verdict {
        states: out.states,
        transitions: out.transitions,
        depth_max: out.depth_max,
        cut: out.cut,
        found: out.found,
        path: out.path,
    })
}

fn undisturbed(case: &Case, how: How) -> Verdict {
    search(case, how, None).expect("nobody disturbs it")
}

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("portsim-kept-{}-{number}", std::process::id());
        Folder(memory().join(name))
    }

    /// Searches, and is kept here on this disk as often as can be.
    fn keep(&self, case: &Case, how: How, disk: impl Disk + 'static) -> Result<Verdict, Trouble> {
        search(case, how, Some(&self.keeping(case, how, false, disk)))
    }

    /// Takes up what is kept here, and goes on to keep it.
    fn resume(&self, case: &Case, how: How) -> Result<Verdict, Trouble> {
        search(case, how, Some(&self.keeping(case, how, true, sturdy())))
    }

    /// Takes up what is kept here, and comes to its end without another checkpoint.
    fn finish(&self, case: &Case, how: How) -> Result<Verdict, Trouble> {
        let keeping = Keeping {
            every: Duration::MAX,
            ..self.keeping(case, how, true, sturdy())
        };
        search(case, how, Some(&keeping))
    }

    fn keeping(&self, case: &Case, how: How, resume: bool, disk: impl Disk + 'static) -> Keeping {
        Keeping {
            folder: self.0.clone(),
            every: Duration::ZERO,
            resume,
            search: Searched {
                scenario: case.name.to_owned(),
                sha256: case.name.to_owned(),
                exact: how.exact,
                ..Searched::default()
            },
            disk: Arc::new(disk),
        }
    }

    /// Every file with its bytes, by path.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let Ok(entries) = fs::read_dir(&self.0) else {
            return Vec::new();
        };
        let paths: BTreeSet<_> = entries.map(|it| it.expect("it is listed").path()).collect();
        let with_bytes = |path: PathBuf| (path.clone(), fs::read(&path).expect("it can be read"));
        paths.into_iter().map(with_bytes).collect()
    }

    /// Puts these files there and no others.
    fn fill(&self, files: &[(PathBuf, Vec<u8>)]) {
        let _ = fs::remove_dir_all(&self.0);
        fs::create_dir_all(&self.0).expect("there is room");
        for (path, bytes) in files {
            let name = path.file_name().expect("it has a name");
            fs::write(self.0.join(name), bytes).expect("there is room");
        }
    }

    /// What is there beside one whole checkpoint.
    fn debris(&self) -> Vec<PathBuf> {
        let mut paths: Vec<_> = self.files().into_iter().map(|it| it.0).collect();
        let is_manifest = |path: &PathBuf| path.extension().is_some_and(|it| it == "manifest");
        let Some(at) = paths.iter().rposition(is_manifest) else {
            return paths;
        };
        let manifest = paths.remove(at);
        let bytes = fs::read(&manifest).expect("it can be read");
        let manifest = unseal(&bytes).expect("it is whole");
        for part in &manifest.parts {
            let path = manifest.name_of(part).within(&self.0);
            assert!(paths.contains(&path), "{} is missing", path.display());
            paths.retain(|it| *it != path);
        }
        paths
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Where a file costs least: thousands of searches make hundreds of thousands, and remove them.
fn memory() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if shared.is_dir() {
        shared
    } else {
        std::env::temp_dir()
    }
}

/// A disk that does not fail; as fast as one that does not keep its promises.
fn sturdy() -> Failing {
    Failing::new(u64::MAX, Failure::Once)
}

/// How many calls it takes to keep a search to its end.
fn calls(case: &Case, how: How) -> u64 {
    let (folder, disk) = (Folder::new(), sturdy());
    let kept = folder.keep(case, how, disk.clone());
    assert_eq!(kept, Ok(undisturbed(case, how)), "{} {how:?}", case.name);
    assert_eq!(folder.debris(), Vec::<PathBuf>::new());
    disk.calls()
}

/// A folder in which a search was killed after so many tenths of its calls.
fn killed(case: &Case, how: How, tenths: u64) -> Folder {
    let folder = Folder::new();
    let disk = Failing::new(calls(case, how) * tenths / 10, Failure::Killed);
    folder.keep(case, how, disk).expect_err("it was killed");
    folder
}

fn is_none(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::BadInput(bad) if bad.problem.starts_with("there is no checkpoint"))
}

/// How many calls lie between two that fail, other ones for each way to search: under Wine each takes long, and the rules
/// are the same.
const STRIDE: usize = if cfg!(windows) { 97 } else { 5 };

/// Disturbs a search at some of its calls in turn, and takes it up.
fn campaign(failure: Failure, stride: usize) {
    for case in [broken(), sound()] {
        for how in hows() {
            let truth = undisturbed(&case, how);
            let first = how.workers + 3 * usize::from(how.exact);
            for at in (0..calls(&case, how)).skip(first % stride).step_by(stride) {
                let told = format!("{} {how:?} {failure:?} at {at}", case.name);
                let folder = Folder::new();
                let kept = folder.keep(&case, how, Failing::new(at, failure));
                match (&kept, failure) {
                    // The last calls remove what is of no use, and nobody minds.
                    (Ok(verdict), _) => assert_eq!(*verdict, truth, "{told}"),
                    (Err(Trouble::Unavailable(_)), Failure::Full | Failure::Once) => {
                        assert_eq!(folder.debris(), Vec::<PathBuf>::new(), "{told}");
                    }
                    (Err(trouble), _) => assert!(matches!(trouble, Trouble::Unavailable(_))),
                }
                let has_any = folder
                    .files()
                    .iter()
                    .any(|(path, _)| path.extension().is_some_and(|it| it == "manifest"));
                // Every other one goes on to be kept.
                let others = how.by(1 + at as usize % 3);
                let resumed = if at.is_multiple_of(2) {
                    folder.resume(&case, others)
                } else {
                    folder.finish(&case, others)
                };
                match resumed {
                    Ok(verdict) => {
                        assert_eq!(verdict, truth, "{told}");
                        assert_eq!(folder.debris(), Vec::<PathBuf>::new(), "{told}");
                    }
                    Err(trouble) => assert!(!has_any && is_none(&trouble), "{told}: {trouble:?}"),
                }
            }
        }
    }
}

#[test]
fn a_search_that_is_killed_anywhere_comes_to_the_same() {
    campaign(Failure::Killed, STRIDE);
}

#[test]
fn a_search_that_loses_its_power_anywhere_comes_to_the_same() {
    campaign(Failure::PowerLost, STRIDE);
}

#[test]
fn a_full_disk_leaves_the_last_whole_checkpoint_and_nothing_else() {
    campaign(Failure::Full, STRIDE);
}

#[test]
fn a_call_that_fails_leaves_the_last_whole_checkpoint_and_nothing_else() {
    campaign(Failure::Once, STRIDE);
}

#[test]
#[ignore = "each call of each search takes minutes; tests/campaigns.sh runs it"]
fn a_search_that_is_disturbed_at_every_call_comes_to_the_same() {
    use Failure::*;
    for failure in [Killed, PowerLost, Full, Once] {
        campaign(failure, 1);
    }
}

/// Another search is refused, whatever it was told to do with what is there, and touches nothing.
#[test]
fn a_folder_keeps_one_search() {
    for how in hows() {
        let folder = killed(&broken(), how, 3);
        let files = folder.files();
        for resume in [false, true] {
            let keeping = folder.keeping(&foreign(), how, resume, sturdy());
            match search(&foreign(), how, Some(&keeping)) {
                Err(Trouble::BadInput(bad)) => {
                    assert!(bad.file.ends_with(".manifest"), "{bad}");
                    let wanted = "its scenario is \"broken\", not \"foreign\"";
                    assert!(bad.problem.contains(wanted), "{bad}");
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(folder.files(), files);
        }
        let other = How {
            exact: !how.exact,
            ..how
        };
        match folder.resume(&broken(), other) {
            Err(Trouble::BadInput(bad)) => assert!(bad.problem.contains("its --exact is")),
            other => panic!("{other:?}"),
        }
        assert_eq!(
            folder.resume(&broken(), how),
            Ok(undisturbed(&broken(), how))
        );
    }
}

/// Who begins anew where something is kept, and is killed, has lost nothing.
#[test]
fn what_is_kept_stays_until_there_is_more() {
    let case = broken();
    for how in hows() {
        let truth = undisturbed(&case, how);
        let kept = killed(&case, how, 7);
        let (files, folder) = (kept.files(), Folder::new());
        let mut killed = 0;
        for at in (0..calls(&case, how)).step_by(STRIDE) {
            folder.fill(&files);
            // The last calls remove what is of no use, and nobody minds.
            let anew = folder.keep(&case, how, Failing::new(at, Failure::Killed));
            killed += usize::from(anew.is_err());
            let verdict = anew.or_else(|_| folder.resume(&case, how));
            assert_eq!(verdict.as_ref(), Ok(&truth), "{how:?} at {at}");
        }
        assert!(killed > 0, "{how:?}: it was never killed");
    }
}

/// Killed again and again, each time taken up by others, it comes to the same; and nothing is left of what each had
/// written.
#[test]
fn any_number_of_workers_takes_it_up() {
    for case in [broken(), sound()] {
        for how in hows() {
            let (truth, folder) = (undisturbed(&case, how), Folder::new());
            let mut workers = how.workers;
            let mut resumed = folder.keep(&case, how, Failing::new(60, Failure::Killed));
            let mut times = 0;
            while let Err(trouble) = resumed {
                assert!(matches!(trouble, Trouble::Unavailable(_)), "{trouble:?}");
                workers = 1 + workers % 4;
                let disk = Failing::new(20 + 9 * times, Failure::Killed);
                let keeping = folder.keeping(&case, how, true, disk.clone());
                resumed = search(&case, how.by(workers), Some(&keeping));
                // One that is killed while it tidies up after its last checkpoint comes to its end here all the same.
                if resumed.is_ok() && disk.is_dead() {
                    resumed = folder.resume(&case, how);
                }
                times += 1;
            }
            assert_eq!(resumed, Ok(truth), "{} {how:?}", case.name);
            assert!(times > 3, "it was killed {times} times only");
            assert_eq!(folder.debris(), Vec::<PathBuf>::new());
        }
    }
}

/// What a killed search had begun to keep goes when another one takes it up, though that one keeps nothing more.
#[test]
fn what_was_broken_off_goes_when_it_is_taken_up() {
    for how in hows() {
        let mut left = 0;
        for tenths in 2..10 {
            let folder = Folder::new();
            let disk = Failing::new(calls(&sound(), how) * tenths / 10, Failure::Killed);
            // The last calls remove what is of no use, and nobody minds if they fail.
            let _ = folder.keep(&sound(), how, disk);
            left += folder.debris().len();
            let verdict = folder.finish(&sound(), how.by(1 + how.workers % 3));
            assert_eq!(verdict, Ok(undisturbed(&sound(), how)));
            assert_eq!(folder.debris(), Vec::<PathBuf>::new(), "{how:?}, {tenths}");
        }
        assert!(left > 0, "{how:?}: nothing was ever broken off");
    }
}

/// Of several processes in one folder each removes its own files, and only when all know what they take up.
#[test]
fn each_process_removes_its_own() {
    let (folder, how) = (Folder::new(), hows().next().expect("there is one"));
    let open = |resume, process, processes| {
        let keeping = folder.keeping(&sound(), how, resume, sturdy());
        Keeper::open(&keeping, process, processes).expect("nobody else is there")
    };
    let write = |keeper: &Keeper, number| {
        let fill = |out: &mut Writer<'_>| out.record(7, &[0; 8]);
        let written = keeper.write(number, (Kind::Seen, 0), &(0..8), fill);
        written.expect("there is room");
    };
    // Their locks are theirs as long as they are open.
    let names = || -> BTreeSet<String> {
        let entries = fs::read_dir(&folder.0).expect("it is there");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("it is listed").file_name();
        let names = entries.map(|entry| name(entry).into_string().expect("it is text"));
        names.filter(|name| !name.ends_with(".lock")).collect()
    };
    let (first, second) = ((1, 10), (2, 20));
    let both = [open(false, 0, 2), open(false, 1, 2)];
    for keeper in &both {
        write(keeper, 1);
        let committed = keeper.commit(first, Known::default());
        committed.expect("there is room");
    }
    // One of them is killed while it writes the next one, the other behind it.
    for keeper in &both {
        write(keeper, 2);
    }
    let committed = both[0].commit(second, Known::default());
    committed.expect("there is room");
    drop(both);
    for (name, bytes) in [("3-process-2-now-0.part", b"gone"), ("notes.txt", b"mine")] {
        fs::write(folder.0.join(name), bytes).expect("there is room");
    }
    let all = names();
    let both = [open(true, 0, 2), open(true, 1, 2)];
    assert_eq!(both[0].whole(), [first, second]);
    assert_eq!(both[1].whole(), [first]);
    assert_eq!(names(), all, "nothing goes before they agree");
    let mut kept = all.clone();
    for gone in [
        "2-process-0-seen-0.part",
        "2-process-0.manifest",
        "3-process-2-now-0.part",
    ] {
        assert!(kept.remove(gone), "{gone}");
    }
    both[0].take_up(first);
    assert_eq!(names(), kept);
    assert!(kept.remove("2-process-1-seen-0.part"));
    both[1].take_up(first);
    assert_eq!(names(), kept);
    drop(both);
    // One process answers for the files of two.
    let alone = open(true, 0, 1);
    alone.take_up(first);
    assert_eq!(names(), kept);
    assert_eq!(alone.whole(), [first]);
}

#[test]
fn without_a_checkpoint_there_is_nothing_to_take_up() {
    let (folder, how) = (Folder::new(), hows().next().expect("there is one"));
    let resumed = folder.resume(&sound(), how).expect_err("there is none");
    assert!(is_none(&resumed), "{resumed:?}");
    assert!(!folder.0.exists());
    folder.fill(&[(PathBuf::from("notes.txt"), b"mine".to_vec())]);
    let resumed = folder.resume(&sound(), how).expect_err("there is none");
    assert!(is_none(&resumed), "{resumed:?}");
    folder
        .keep(&sound(), how, sturdy())
        .expect("it is kept beside");
    assert!(
        folder.0.join("notes.txt").exists(),
        "what is not ours stays"
    );
}

#[test]
fn two_programs_do_not_write_to_one_folder() {
    let (folder, how) = (Folder::new(), hows().next().expect("there is one"));
    let keeping = folder.keeping(&sound(), how, false, sturdy());
    let first = Keeper::open(&keeping, 0, 1).expect("nobody is there");
    match Keeper::open(&keeping, 0, 1) {
        Err(Trouble::BadInput(bad)) => assert!(bad.problem.contains("at this moment"), "{bad}"),
        other => panic!("{other:?}"),
    }
    drop(first);
    Keeper::open(&keeping, 0, 1).expect("nobody is there any more");
}

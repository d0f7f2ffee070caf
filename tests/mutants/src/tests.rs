//! The tests, each run by itself: those that reach a mutant are asked where the oracle noticed nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::NOTHING;
use crate::limits::limited;
use crate::schemata::Id;
use crate::trial::Fate;

/// A test that passes without a mutant.
pub struct Test {
    program: PathBuf,
    name: String,
    took: Duration,
    /// The points that are reached on the way.
    reached: BTreeSet<usize>,
}

/// What is not asked: the oracle asks the same; real kernels and clocks differ from day to day; laws about the text of
/// the tree see that it is broken.
const LEFT_OUT: [&str; 9] = [
    "shipped::",
    "seeded::",
    "coverage::",
    "native::",
    "agent::",
    "parts::",
    "ends::",
    "hostile::",
    "house::",
];
/// A test that takes more processor time is not asked.
const MOST: Duration = Duration::from_secs(4);

/// Every test of these programs that can be asked, the quickest first. `note` is where a test says what it reaches.
pub fn watched(programs: &[PathBuf], note: &Path) -> Vec<Test> {
    let mut tests = Vec::new();
    for program in programs {
        for name in names(program) {
            let _ = fs::remove_file(note);
            let start = Instant::now();
            let watch = [
                ("MUTANT", "watch".as_ref()),
                ("MUTANT_REACHED", note.as_os_str()),
            ];
            let output = run(program, &name, MOST, &watch);
            let said = fs::read_to_string(note).unwrap_or_default();
            let reached: BTreeSet<_> = said.lines().filter_map(|it| it.parse().ok()).collect();
            if reached.is_empty() {
                continue;
            }
            if !output.status.success() {
                println!("not asked, it ends with {}: {name}", output.status);
                continue;
            }
            let test = Test {
                program: program.clone(),
                name,
                took: start.elapsed(),
                reached,
            };
            // The clock, or another process, decides what such a test says.
            if let Some(said) = fails(NOTHING, &test) {
                println!("not asked, without a mutant it once passed and once did not: {said}");
                continue;
            }
            tests.push(test);
        }
    }
    tests.sort_by_key(|test| test.took);
    tests
}

fn names(program: &Path) -> Vec<String> {
    let output = limited(program, 60)
        .args(["--list", "--format", "terse"])
        .output()
        .expect("the tests can be started");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = said.lines().filter_map(|line| line.strip_suffix(": test"));
    let names = names.filter(|name| !LEFT_OUT.iter().any(|it| name.starts_with(it)));
    names.map(str::to_owned).collect()
}

fn run(program: &Path, name: &str, most: Duration, env: &[(&str, &std::ffi::OsStr)]) -> Output {
    limited(program, most.as_secs().max(2))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sim"))
        .args([name, "--exact", "--test-threads", "1"])
        // The same cases for everybody.
        .env("PROPTEST_RNG_SEED", "1")
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the tests can be started")
}

/// What a test says that does not pass with the mutant on.
fn fails(id: Id, test: &Test) -> Option<String> {
    let number = id.number().to_string();
    let mutant = [("MUTANT", number.as_ref())];
    let output = run(&test.program, &test.name, 10 * test.took, &mutant);
    let fails = !output.status.success();
    fails.then(|| format!("test {}: {}", test.name, output.status))
}

/// How long the tests take, without a mutant, that one is tried on: the quickest come first.
const TRIED_MAX: Duration = Duration::from_secs(15);

/// Runs, with the mutant on, the tests that reach its point, until one fails: twice, so that no bad moment of the
/// machine catches a mutant.
pub fn with(id: Id, tests: &[Test]) -> Fate {
    let mut fate = Fate::Unreached;
    let reaches = |test: &&Test| id == NOTHING || test.reached.contains(&id.point);
    let mut took = Duration::ZERO;
    let in_time = |test: &&Test| {
        took += test.took;
        id == NOTHING || took < TRIED_MAX
    };
    for test in tests.iter().filter(reaches).take_while(in_time) {
        if let Some(said) = fails(id, test).and_then(|_| fails(id, test)) {
            return Fate::Caught(said);
        }
        fate = Fate::Survived;
    }
    fate
}

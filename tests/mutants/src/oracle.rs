//! The program that holds every mutant. It answers questions: each is what a test of the shipped scenarios and traces
//! asks about one of them.
//!
//!     oracle watch       answers every question, and says of each how long it took and which points it reached
//!     oracle             answers the questions that it reads; at the first wrong answer it ends with 1
//!
//! A line that it reads is how many milliseconds of processor time the question may take, and the question.

use std::cell::RefCell;
use std::fmt::Debug;
use std::io::{self, BufRead};
use std::panic;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use portsim::scenario::Scenario;
use portsim_model::switch;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use rustix::time::{ClockId, clock_gettime};

#[path = "../../free.rs"]
mod free;
#[path = "../../generated.rs"]
mod generated;
#[path = "../../liveness.rs"]
mod liveness;
#[path = "../../reduced.rs"]
mod reduced;
#[path = "../../seeded.rs"]
mod seeded;
#[path = "../../shipped.rs"]
mod shipped;

/// The top of the project.
fn root() -> PathBuf {
    let sim = Path::new(env!("CARGO_MANIFEST_DIR"));
    sim.parent().expect("it lies below the top").to_owned()
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("watch") => watch(),
        _ => answer(),
    }
}

fn watch() {
    switch::watch();
    for question in questions() {
        let _ = switch::reached().count();
        let before = processor_time();
        if let Err(why) = ask(&question) {
            println!("{question}: {}", why.trim_end());
            process::exit(1);
        }
        let took = (processor_time() - before).as_micros();
        let reached: Vec<_> = switch::reached().map(|point| point.to_string()).collect();
        println!("{took}\t{question}\t{}", reached.join(" "));
    }
}

fn answer() {
    panic::set_hook(Box::new(|panic| {
        let what = panic.payload_as_str().unwrap_or("it panics");
        gone_wrong(what);
    }));
    thread::spawn(end_in_time);
    for line in io::stdin().lock().lines() {
        let line = line.expect("lines can be read");
        let (most, question) = line
            .split_once(' ')
            .expect("a time stands before a question");
        let most = Duration::from_millis(most.parse().expect("a time is a number"));
        *NOW.lock().expect("no thread panicked with it") = Some(Asked {
            question: question.to_owned(),
            until: processor_time() + most,
            since: Instant::now(),
        });
        if let Err(why) = ask(question) {
            gone_wrong(&why);
        }
    }
}

/// What is being asked.
struct Asked {
    question: String,
    until: Duration,
    since: Instant,
}

static NOW: Mutex<Option<Asked>> = Mutex::new(None);

/// A question that waits for ever uses no processor, so the clock ends it.
const WAITS_MAX: Duration = Duration::from_secs(300);

fn end_in_time() {
    loop {
        thread::sleep(Duration::from_millis(20));
        let is_over = NOW
            .lock()
            .expect("no thread panicked with it")
            .as_ref()
            .is_some_and(|now| processor_time() > now.until || now.since.elapsed() > WAITS_MAX);
        if is_over {
            gone_wrong("it does not end in time");
        }
    }
}

/// Says which question went wrong, on one line.
fn gone_wrong(why: &str) -> ! {
    let question = match NOW.lock().expect("no thread panicked with it").as_ref() {
        Some(now) => now.question.clone(),
        None => "at the start".to_owned(),
    };
    let why = why
        .lines()
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    println!("{question}: {why}");
    process::exit(1);
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// A search with more transitions takes too long to ask about every mutant.
const TRANSITIONS_MAX: u32 = 5_000;

/// Whether every search of a scenario is short.
fn is_quick(scenario: &Scenario) -> bool {
    let kept = std::fs::read_to_string(root().join(shipped::STATES)).expect("it is kept");
    let begin = format!("{} as ", scenario.name);
    let mut lines = kept.lines().filter(|line| line.starts_with(&begin));
    let transitions = |line: &str| {
        let (_, counts) = line.split_once(": ")?;
        counts.split(['/', ' ']).nth(1)?.parse().ok()
    };
    !shipped::is_too_large(scenario)
        && lines.all(|line| transitions(line).is_some_and(|it: u32| it <= TRANSITIONS_MAX))
}

/// Every question: what is asked, and of what.
fn questions() -> Vec<String> {
    let mut questions = vec!["lacks".to_owned(), "pool".to_owned()];
    let quick = shipped::pairs().into_iter().filter(|(it, _)| is_quick(it));
    questions.extend(quick.map(|(scenario, name)| format!("states {} {name}", scenario.name)));
    for (kind, folder) in [
        ("refused", "refused"),
        ("admitted", "recorded"),
        ("contradicted", "recorded"),
    ] {
        let file = |file: PathBuf| format!("{kind} {}", file.display());
        questions.extend(shipped::kept(folder).into_iter().map(file));
    }
    questions.extend(seeded::all().map(|(name, seed)| format!("seeded {name} {seed}")));
    for (kind, seeds) in GENERATED {
        questions.extend((0..seeds).map(|seed| format!("{kind} {seed}")));
    }
    questions
}

/// The properties that generated programs have, and with how many each is asked.
const GENERATED: [(&str, u64); 4] = [
    ("runs", 50),
    ("promises", 30),
    ("alike", 20),
    ("ordered", 40),
];

/// Whether a program that a seed writes has a property.
fn of_generated(property: &str, seed: u64) -> Result<(), TestCaseError> {
    match property {
        "runs" => generated::holds((drawn(generated::file(), seed), seed)),
        "promises" => {
            let program = drawn(liveness::file(), seed);
            liveness::holds(&program, &RefCell::default())
        }
        "alike" => reduced::compared(&drawn(reduced::file(), seed)).map(drop),
        _ => reduced::compared(&drawn(reduced::sides(), seed)).map(drop),
    }
}

/// What a strategy draws with a seed.
fn drawn<T: Debug>(strategy: impl Strategy<Value = T>, seed: u64) -> T {
    let seed = [seed.to_le_bytes(); 4].concat();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let tree = strategy.new_tree(&mut runner);
    tree.expect("nothing is refused").current()
}

fn ask(question: &str) -> Result<(), String> {
    let words: Vec<_> = question.split(' ').collect();
    match words[..] {
        ["lacks"] => shipped::lacks_are_as_kept(),
        ["pool"] => shipped::the_pool_is_counted(),
        ["states", scenario, name] => {
            let line = shipped::states(&shipped::scenario_of(scenario), name);
            return is_kept(shipped::STATES, &line);
        }
        ["seeded", name, seed] => {
            let line = seeded::line(name, seed.parse().expect("a seed is a number"));
            return is_kept(seeded::SEEDED, &line);
        }
        ["refused", file] => return shipped::is_refused(Path::new(file)),
        ["admitted", file] => return shipped::is_admitted(Path::new(file)),
        ["contradicted", file] => return is_contradicted_as_kept(Path::new(file)),
        [property, seed] if GENERATED.iter().any(|(kind, _)| *kind == property) => {
            let seed = seed.parse().expect("a seed is a number");
            return of_generated(property, seed).map_err(|why| why.to_string());
        }
        _ => panic!("no such question: {question}"),
    }
    Ok(())
}

fn is_contradicted_as_kept(file: &Path) -> Result<(), String> {
    match shipped::contradictions(file) {
        Some(line) => is_kept(shipped::CONTRADICTED, &line),
        None => Ok(()),
    }
}

/// A list has this line.
fn is_kept(list: &str, line: &str) -> Result<(), String> {
    let kept = std::fs::read_to_string(root().join(list)).expect("it is kept");
    match kept.contains(line) {
        true => Ok(()),
        false => Err(line.to_owned()),
    }
}

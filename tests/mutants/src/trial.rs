//! What becomes of a mutant.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::NOTHING;
use crate::limits::limited;

use crate::schemata::Id;

/// A question to the oracle that the model answers well as it is.
pub struct Question {
    text: String,
    /// How long it takes then, of processor time.
    took: Duration,
    /// The points that are reached on the way: nothing else can change the answer.
    reached: BTreeSet<usize>,
}

impl Question {
    /// How many milliseconds a mutant may take. The clock is too coarse for less than a second.
    fn most_millis(&self) -> u128 {
        (10 * self.took).as_millis().max(1_000)
    }
}

/// Every question, the quickest first. Panics if the model as it is answers one wrongly.
pub fn watched(oracle: &Path) -> Vec<Question> {
    let output = limited(oracle, 3_600)
        .arg("watch")
        .stderr(Stdio::inherit())
        .output()
        .expect("the oracle can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    assert!(
        output.status.success(),
        "without a mutant the answer is wrong: {last}"
    );
    let question = |line: &str| {
        let mut parts = line.split('\t');
        let mut part = || parts.next().expect("a line has three parts");
        Question {
            took: Duration::from_micros(part().parse().expect("a time is a number")),
            text: part().to_owned(),
            reached: part()
                .split_whitespace()
                .map(|point| point.parse().expect("a point is a number"))
                .collect(),
        }
    };
    let mut questions: Vec<_> = said.lines().map(question).collect();
    questions.sort_by_key(|question| question.took);
    questions
}

/// What became of a mutant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// A question or a test noticed: which, and what went wrong.
    Caught(String),
    /// None noticed.
    Survived,
    /// None reaches the place.
    Unreached,
}

impl Fate {
    pub fn is_caught(&self) -> bool {
        matches!(self, Fate::Caught(_))
    }
}

/// How long the questions take, without a mutant, that one is asked: the quickest come first.
const ASKED_MAX: Duration = Duration::from_secs(15);

/// Asks the oracle, with the mutant on, whatever reaches its point.
pub fn oracle(oracle: &Path, id: Id, questions: &[Question]) -> Fate {
    let reach = |question: &&Question| id == NOTHING || question.reached.contains(&id.point);
    let line = |question: &Question| format!("{} {}\n", question.most_millis(), question.text);
    let mut took = Duration::ZERO;
    let in_time = |question: &&Question| {
        took += question.took;
        took < ASKED_MAX
    };
    let asked = questions.iter().filter(reach).take_while(in_time);
    let asked: String = asked.map(line).collect();
    if asked.is_empty() {
        return Fate::Unreached;
    }
    let mut child = limited(oracle, 3_600)
        .env("MUTANT", id.number().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the oracle can be started");
    let mut stdin = child.stdin.take().expect("it is piped");
    // It may end before it has read everything.
    let writer = thread::spawn(move || drop(stdin.write_all(asked.as_bytes())));
    let output = child
        .wait_with_output()
        .expect("the oracle can be waited for");
    writer.join().expect("the writer does not panic");
    if output.status.success() {
        return Fate::Survived;
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let crashed = || format!("it crashes: {}", output.status);
    Fate::Caught(said.lines().last().map_or_else(crashed, str::to_owned))
}

/// What becomes of each, found out on so many processors.
pub fn each(ids: &[Id], processors: usize, of: impl Fn(Id) -> Fate + Sync) -> Vec<Fate> {
    let fates = Mutex::new(vec![None; ids.len()]);
    let (next, start) = (AtomicUsize::new(0), Instant::now());
    let one_more = || {
        let n = next.fetch_add(1, Ordering::Relaxed);
        ids.get(n).map(|&id| (n, id))
    };
    thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                while let Some((n, id)) = one_more() {
                    let fate = of(id);
                    fates.lock().expect("no thread panicked with it")[n] = Some(fate);
                    if (n + 1) % 250 == 0 {
                        println!(
                            "{} of {} after {} s",
                            n + 1,
                            ids.len(),
                            start.elapsed().as_secs()
                        );
                    }
                }
            });
        }
    });
    let fates = fates.into_inner().expect("no thread panicked with it");
    fates
        .into_iter()
        .map(|fate| fate.expect("each was tried"))
        .collect()
}

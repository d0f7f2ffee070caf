//! Searches that are killed at any moment, as nobody but the system can kill: the built command comes to the same
//! afterwards, or says that it had not kept anything yet. `tests/campaigns.sh` runs this.

use std::fmt::{self, Display};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::Value;

use crate::command::{Scratch, code, portsim, words};
use crate::root;
use crate::searching::checkpoint_of;

/// How often a search is killed.
const KILLS: u32 = 200;

/// How often a search is kept, in minutes.
const EVERY: &str = "0.0002";

/// Four workers of whom two may run; only far from the start do they hold what they may not hold at once.
const LATE: &str = r#"{
  "why": "Something is wrong in it that takes many steps to come.",
  "as": ["windows"],
  "ports": { "p": { "concurrency": 2 } },
  "threads": {
    "worker": { "count": 4, "do": [
      { "loop": [{ "get": "p", "into": "x" }, { "loop": [{ "either": [["stall"], ["break"]] }] }] }
    ] },
    "odd": [{ "post": "p", "key": 1 }, { "post": "p", "key": 3 }, { "post": "p", "key": 5 }],
    "even": [{ "post": "p", "key": 2 }, { "post": "p", "key": 4 }, { "post": "p", "key": 6 }]
  },
  "may_wait": ["worker"],
  "properties": { "always": { "apart":
    "!(worker[0].x.key == 6 && worker[1].x.key == 5 && worker[2].x.key == 4 && worker[3].x.key == 3)" } },
  "expect": "pass"
}"#;

/// A search, and what it comes to when nobody disturbs it.
struct Search {
    args: Vec<String>,
    said: Value,
    code: i32,
    /// How long it takes that is kept.
    takes: Duration,
}

/// What happened to the searches.
#[derive(Default)]
struct Counts {
    kills: u32,
    /// Kills of searches that had been taken up.
    again: u32,
    before_first: u32,
    resumed: u32,
    /// Searches that came to their end before the moment to kill them.
    ended: u32,
}

impl Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            kills,
            again,
            before_first,
            resumed,
            ended,
        } = self;
        write!(
            f,
            "{kills} kills, {again} of them of searches that had been taken up; {before_first} searches were killed \
             before the first checkpoint, {resumed} resumed; {ended} had ended before"
        )
    }
}

#[test]
#[ignore = "200 kills take minutes; tests/campaigns.sh runs it"]
fn killed_at_any_moment_a_search_comes_to_the_same() {
    let scratch = Scratch::new("killed");
    let late = scratch.file("late.json", LATE.as_bytes());
    let larger = ["scenarios/bench/pool-5-2-2-5.json", "--depth", "12"];
    let mut searches = Vec::new();
    for scenario in [&[late.as_str()][..], &larger] {
        for exact in [&[][..], &["--exact"]] {
            let args = [scenario, exact].concat();
            searches.push(Search::undisturbed(&args, &scratch));
        }
    }
    let mut chance = ChaCha8Rng::seed_from_u64(7);
    let mut counts = Counts::default();
    for round in 0.. {
        if counts.kills >= KILLS {
            break;
        }
        let search = &searches[round % searches.len()];
        let folder = scratch.path(&format!("kept-{round}"));
        let workers = 1 + round / searches.len() % 3;
        search.disturb(&folder, workers, &mut chance, &mut counts);
        let _ = std::fs::remove_dir_all(folder);
        if round % 20 == 19 {
            println!("{counts}");
        }
    }
    println!("{counts}; 0 different");
    assert!(counts.before_first > 0 && counts.again > 0 && counts.resumed > KILLS / 3);
}

/// A moment in the time that a search takes, or just after its end.
fn moment(takes: Duration, chance: &mut ChaCha8Rng) -> Duration {
    takes.mul_f64(f64::from(chance.next_u32()) / f64::from(u32::MAX) * 1.05)
}

/// Waits until there is a checkpoint in the folder, or the search has come to its end.
fn first_checkpoint(folder: &str, child: &mut Child) {
    let is_over = |child: &mut Child| child.try_wait().expect("it is ours").is_some();
    while checkpoint_of(Path::new(folder), 0).is_none() && !is_over(child) {
        thread::sleep(Duration::from_millis(1));
    }
}

impl Search {
    fn undisturbed(args: &[&str], scratch: &Scratch) -> Search {
        let args = [&["check", "--reduce", "none", "--json"], args].concat();
        let (said, code) = said(&portsim(&args));
        let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
        let mut search = Search {
            args,
            said,
            code,
            takes: Duration::ZERO,
        };
        let since = Instant::now();
        let kept = search.start(&scratch.path("undisturbed"), 1, false);
        search.holds(&kept.wait_with_output().expect("it ends"), "it was kept");
        search.takes = since.elapsed();
        let _ = std::fs::remove_dir_all(scratch.path("undisturbed"));
        println!(
            "{:?}: {} in {:.1?}",
            search.args, search.said["scenarios"][0]["verdict"], search.takes
        );
        search
    }

    fn start(&self, folder: &str, workers: usize, resume: bool) -> Child {
        Command::new(env!("CARGO_BIN_EXE_portsim"))
            .args(&self.args)
            .args(["--checkpoint", folder, "--every", EVERY])
            .args(["--workers", &workers.to_string()])
            .args(resume.then_some("--resume"))
            .current_dir(root())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command can be started")
    }

    /// Kills it, takes it up with other workers, kills that one or not, until it comes to its end.
    fn disturb(
        &self,
        folder: &str,
        mut workers: usize,
        chance: &mut ChaCha8Rng,
        counts: &mut Counts,
    ) {
        let mut resume = false;
        loop {
            let had_any = checkpoint_of(Path::new(folder), 0).is_some();
            let mut child = self.start(folder, workers, resume);
            let told = format!(
                "{:?}, {workers} workers, after {} kills",
                self.args, counts.kills
            );
            // The first one always, and of those that take it up a third.
            let is_killed = !resume || chance.next_u32().is_multiple_of(3);
            if is_killed {
                let since = Instant::now();
                if !chance.next_u32().is_multiple_of(4) {
                    // How long the first checkpoint takes is up to the disk: most moments come after it.
                    first_checkpoint(folder, &mut child);
                }
                let left = self.takes.saturating_sub(since.elapsed());
                thread::sleep(moment(left.max(self.takes / 10), chance));
                child.kill().expect("it is ours");
            }
            let output = child.wait_with_output().expect("it ends");
            if output.status.code().is_none() {
                counts.kills += 1;
                counts.again += u32::from(resume);
                (workers, resume) = (1 + workers % 3, true);
                continue;
            }
            if resume && !had_any {
                assert_eq!(code(&output), 2, "{told}: {}", words(&output));
                let none = words(&output).contains("there is no checkpoint to take up");
                assert!(none, "{told}: {}", words(&output));
                counts.before_first += 1;
            } else {
                self.holds(&output, &told);
                counts.resumed += u32::from(resume);
                counts.ended += u32::from(!resume);
            }
            return;
        }
    }

    fn holds(&self, output: &Output, told: &str) {
        let (said, code) = said(output);
        assert_eq!(code, self.code, "{told}: {}", words(output));
        assert_eq!(said, self.said, "{told}");
    }
}

/// What it says, without what varies, and its exit code.
fn said(output: &Output) -> (Value, i32) {
    let mut all: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", words(output)));
    for varies in ["seconds", "bytes_per_state", "checkpoints"] {
        all["scenarios"][0][varies] = Value::Null;
    }
    (all, code(output))
}

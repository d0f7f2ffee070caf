//! What the command line may say.

use std::ops::Range;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use portsim_model::personality::NAMES;

use super::bad_argument;
use crate::bad_input::BadInput;
use crate::check::Reductions;
use crate::choose::Policy;
use crate::personality::readings;

/// A deterministic simulator and model checker for I/O completion ports.
#[derive(Debug, Parser)]
#[command(name = "portsim", version, about, max_term_width = 100)]
pub struct Portsim {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Put one JSON object on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Say only what was asked for
    #[arg(long, global = true)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// What does this scenario do? The same seed gives the same bytes for ever
    Run(Run),
    /// Can anything go wrong, in any interleaving?
    Check(Check),
    /// Does this trace of the model still come out, step by step?
    Replay(Replay),
    /// Where do two traces of one scenario part?
    Diff(Diff),
    /// Run a scenario on a real system and write down what it did
    Record(Record),
    /// Could the model have shown what this trace shows?
    Admit(Admit),
    /// Run scenarios on real systems and on the model, and compare
    CrossCheck(CrossCheck),
    /// What does each system do with this scenario?
    Compare(Compare),
    /// Make up scenarios, cross-check them, and make small what differs
    Fuzz(Fuzz),
    /// Join what commands with --shard and --json said of their parts
    Merge(Merge),
    /// Write a scenario or a recording in the language of another checker
    Export(Export),
    /// Be an agent: do on a backend what a conductor says on standard input
    Agent(Agent),
    /// Systems that the model plays, backends, and scenarios
    List(List),
    /// The JSON Schema of a kind of file
    Schema(Schema),
}

#[derive(Debug, Args)]
pub struct Run {
    /// The scenario
    pub scenario: PathBuf,
    /// The system to play; the scenario's first if left out
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    /// What the choices are drawn from
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "seeds")]
    pub seed: u64,
    /// Several seeds: from A up to, not including, B
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    pub seeds: Option<Range<u64>>,
    /// Who chooses the next step: random, pct:D or fair
    #[arg(long, value_name = "POLICY", default_value = "random", value_parser = Policy::parse)]
    pub choose: Policy,
    /// Write the trace to this file
    #[arg(long, value_name = "FILE", conflicts_with = "seeds")]
    pub trace: Option<PathBuf>,
    /// The most steps of one run
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub steps: u64,
    #[command(flatten)]
    pub part: Part,
    #[command(flatten)]
    pub machine: Processors,
}

#[derive(Debug, Clone, Copy, Args)]
pub struct Processors {
    /// Processors: what a concurrency value of 0 stands for
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    pub processors: u32,
}

#[derive(Debug, Args)]
pub struct Check {
    /// Scenario files, or folders of them
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The system to play, or `all`; each scenario's first if left out
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    /// Which reductions to use: all, none, or some of symmetry,dead,order
    #[arg(long, value_name = "WHICH", default_value = "all", value_parser = reductions)]
    pub reduce: Reductions,
    /// Keep whole states instead of fingerprints, so that none is taken for another
    #[arg(long)]
    pub exact: bool,
    /// Memory for states, in bytes or with K, M or G; the rest is not explored and the verdict partial
    #[arg(long, value_name = "SIZE", default_value = "8G", value_parser = size)]
    pub memory: u64,
    /// Explore only so many steps from the start
    #[arg(long, value_name = "STEPS")]
    pub depth: Option<u32>,
    /// Explore only runs on which a thread that could go on lets another one move so many times
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=100))]
    pub preemptions: Option<u8>,
    /// Keep the search in this folder, so that it can be taken up again: for one scenario
    #[arg(long, value_name = "FOLDER")]
    pub checkpoint: Option<PathBuf>,
    /// How often it is kept, besides at Ctrl-C and when there is no more memory
    #[arg(long, value_name = "MINUTES", default_value = "10", requires = "checkpoint", value_parser = minutes)]
    pub every: Duration,
    /// Take the search up where it was kept last
    #[arg(long, requires = "checkpoint")]
    pub resume: bool,
    /// Explore nothing: run seeds, with this policy (random, pct:D or fair), on all workers
    #[arg(long, value_name = "POLICY", value_parser = Policy::parse,
        conflicts_with_all = ["exact", "depth", "preemptions", "checkpoint", "hosts", "memory"])]
    pub walk: Option<Policy>,
    /// The seeds of --walk: from A up to, not including, B
    #[arg(long, value_name = "A..B", default_value = "0..10000", requires = "walk", value_parser = seeds)]
    pub seeds: Range<u64>,
    /// The most steps of one run of --walk
    #[arg(long, value_name = "N", default_value_t = 100_000, requires = "walk")]
    pub steps: u64,
    /// Threads that search; as many as there are processors, if left out. What comes out is the same
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
    /// Search one scenario together with other processes: a file with the address of each, `host:port` a line
    #[arg(long, value_name = "FILE", requires = "process")]
    pub hosts: Option<PathBuf>,
    /// Which line of that file this process is, counted from 0; process 0 reports
    #[arg(long, value_name = "I", requires = "hosts")]
    pub process: Option<usize>,
    /// Write the counterexample to this file; for one scenario
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    #[command(flatten)]
    pub part: Part,
    #[command(flatten)]
    pub machine: Processors,
}

impl Check {
    /// Threads that search.
    pub fn workers(&self) -> usize {
        workers(self.workers)
    }
}

/// As many as were asked for, or as there are processors.
fn workers(asked: Option<u16>) -> usize {
    let processors = || thread::available_parallelism().map_or(1, usize::from);
    asked.map_or_else(processors, usize::from)
}

#[derive(Debug, Args)]
pub struct Replay {
    /// A trace of the model
    pub trace: PathBuf,
    #[command(flatten)]
    pub look_in: LookIn,
    #[command(flatten)]
    pub machine: Processors,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// One trace
    pub left: PathBuf,
    /// Another of the same scenario
    pub right: PathBuf,
    #[command(flatten)]
    pub look_in: LookIn,
}

#[derive(Debug, Args)]
pub struct LookIn {
    /// The folder in which traces find their scenarios by name
    #[arg(long, value_name = "FOLDER", default_value = "scenarios")]
    pub scenarios: PathBuf,
}

#[derive(Debug, Args)]
pub struct Record {
    /// The scenario; none with --seconds
    #[arg(required_unless_present = "seconds", conflicts_with = "seconds")]
    pub scenario: Option<PathBuf>,
    /// The backend to record; `agent:COMMAND ARGUMENT...` for a command that speaks the agent protocol
    #[arg(long, value_name = "BACKEND")]
    pub on: String,
    /// What the choices are drawn from
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// How threads run
    #[arg(long, value_enum, default_value_t = RecordMode::Lockstep)]
    pub mode: RecordMode,
    /// How long a run at full speed may take, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    pub limit: u64,
    /// Stress: for so long, play rounds that seeds write, at full speed, and judge each; --out names the folder for one that is refused
    #[arg(long, value_name = "N", requires = "mode")]
    pub seconds: Option<u64>,
    /// Threads of a round of stress
    #[arg(long, value_name = "T", default_value_t = 8, requires = "seconds", value_parser = clap::value_parser!(u8).range(2..=16))]
    pub threads: u8,
    /// The system that judges rounds of stress; the backend's own if left out
    #[arg(long = "as", value_name = "SYSTEM", requires = "seconds")]
    pub personality: Option<String>,
    /// Write the trace to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// How threads run while they are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RecordMode {
    /// One at a time
    Lockstep,
    /// All at full speed, each with a clock
    Free,
}

#[derive(Debug, Args)]
pub struct Admit {
    /// Traces
    #[arg(required = true, value_name = "TRACE")]
    pub traces: Vec<PathBuf>,
    /// The system that judges; the trace's own if left out
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    #[command(flatten)]
    pub look_in: LookIn,
    #[command(flatten)]
    pub part: Part,
    #[command(flatten)]
    pub machine: Processors,
}

#[derive(Debug, Args)]
pub struct CrossCheck {
    /// Scenario files, or folders of them
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// A backend to record, or `agent:COMMAND ARGUMENT...`; every one that can run here if left out
    #[arg(long, value_name = "BACKEND")]
    pub on: Vec<String>,
    /// The system that judges; each backend's own if left out
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    /// Seeds for scenarios without a schedule: from A up to, not including, B
    #[arg(long, value_name = "A..B", default_value = "0..5", value_parser = seeds)]
    pub seeds: Range<u64>,
    #[command(flatten)]
    pub part: Part,
    #[command(flatten)]
    pub machine: Processors,
}

#[derive(Debug, Args)]
pub struct Compare {
    /// Scenario files, or folders of them
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// A system to show; all of them if left out
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Vec<String>,
    #[command(flatten)]
    pub part: Part,
    #[command(flatten)]
    pub machine: Processors,
}

#[derive(Debug, Args)]
pub struct Fuzz {
    /// A backend to record, or `agent:COMMAND ARGUMENT...`; every one that can run here if left out
    #[arg(long, value_name = "BACKEND")]
    pub on: Vec<String>,
    /// The system that judges; each backend's own if left out
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    /// One scenario each: from A up to, not including, B
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    pub seeds: Range<u64>,
    #[command(flatten)]
    pub part: Part,
    /// Cases at a time; as many as there are processors, if left out. What comes out is the same
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
    /// The folder for what differs, which is made when something does
    #[arg(long, value_name = "FOLDER", default_value = "found")]
    pub out: PathBuf,
    #[command(flatten)]
    pub machine: Processors,
}

impl Fuzz {
    /// Cases at a time.
    pub fn workers(&self) -> usize {
        workers(self.workers)
    }
}

/// Which part of a sweep is done here.
#[derive(Debug, Clone, Copy, Args)]
pub struct Part {
    /// Do the I-th of N equal parts, counted from 1; `merge` joins what they say with --json
    #[arg(long, value_name = "I/N", value_parser = Shard::parse)]
    pub shard: Option<Shard>,
}

impl Part {
    /// Its share of these seeds.
    pub fn of_seeds(self, seeds: &Range<u64>) -> Range<u64> {
        self.shard
            .map_or(seeds.clone(), |shard| shard.of(seeds.clone()))
    }

    /// Its share of these, in their order.
    pub fn of<T>(self, mut all: Vec<T>) -> Vec<T> {
        if let Some(shard) = self.shard {
            let share = shard.of(0..all.len() as u64);
            all.truncate(share.end as usize);
            all.drain(..share.start as usize);
        }
        all
    }
}

/// One of several equal parts of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Counted from 0.
    part: u64,
    parts: u64,
}

impl Shard {
    fn parse(text: &str) -> Result<Shard, String> {
        let numbers = text.split_once('/');
        let number = |text: &str| text.parse::<u64>().ok();
        match numbers.and_then(|(i, n)| Some((number(i)?, number(n)?))) {
            Some((i, parts)) if 0 < i && i <= parts => Ok(Shard { part: i - 1, parts }),
            _ => Err(format!(
                "`{text}` is no part of a whole, such as `1/4`, which goes up to `4/4`"
            )),
        }
    }

    /// Its share of these seeds.
    fn of(self, seeds: Range<u64>) -> Range<u64> {
        let all = u128::from(seeds.end - seeds.start);
        let cut =
            |part: u64| seeds.start + (all * u128::from(part) / u128::from(self.parts)) as u64;
        cut(self.part)..cut(self.part + 1)
    }
}

#[derive(Debug, Args)]
pub struct Merge {
    /// What was said of each part, in the order of the parts
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Export {
    #[command(subcommand)]
    pub language: Language,
}

/// Languages of other checkers.
#[derive(Debug, Subcommand)]
pub enum Language {
    /// A model for SPIN, with a second statement of the rules of Windows
    Promela {
        /// The scenario
        scenario: PathBuf,
        #[command(flatten)]
        target: Target,
    },
    /// A recording at full speed as a history of operations on a queue, in EDN: for checkers of linearizability
    History {
        /// The trace
        trace: PathBuf,
        /// The port; the only one if left out
        #[arg(long, value_name = "NAME")]
        port: Option<String>,
        /// Write to this file instead of standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        look_in: LookIn,
    },
}

#[derive(Debug, Args)]
pub struct Target {
    /// The system whose rules are meant; the scenario's first if left out
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub machine: Processors,
}

#[derive(Debug, Args)]
pub struct Agent {
    /// The backend
    #[arg(long, value_name = "BACKEND")]
    pub on: String,
}

#[derive(Debug, Args)]
pub struct List {
    /// Scenario files, or folders of them
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Schema {
    /// The kind of file
    #[arg(value_enum)]
    pub what: SchemaOf,
}

/// Kinds of file that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Scenario files
    Scenario,
    /// Lines of a trace
    Trace,
    /// Lines that a conductor and an agent say to each other
    Agent,
}

/// Seeds as people write them.
fn seeds(text: &str) -> Result<Range<u64>, String> {
    let problem = || format!("`{text}` is no range of seeds, such as `0..1000`");
    let (from, to) = text.split_once("..").ok_or_else(problem)?;
    let range = from.parse().map_err(|_| problem())?..to.parse().map_err(|_| problem())?;
    if range.is_empty() {
        Err(format!(
            "`{text}` has no seed: the second number is not part of the range"
        ))
    } else {
        Ok(range)
    }
}

/// Reductions as people write them.
fn reductions(text: &str) -> Result<Reductions, String> {
    let mut reductions = Reductions::NONE;
    for word in text.split(',') {
        match word {
            "all" => reductions = Reductions::ALL,
            "none" if text == "none" => {}
            "symmetry" => reductions.symmetry = true,
            "dead" => reductions.dead = true,
            "order" => reductions.order = true,
            _ => {
                return Err(format!(
                    "`{word}` is no reduction: all, none, symmetry, dead or order"
                ));
            }
        }
    }
    Ok(reductions)
}

/// A size as people write it.
fn size(text: &str) -> Result<u64, String> {
    let problem = || format!("`{text}` is no size, such as `512M` or `8G`");
    let (digits, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let factor: u64 = match unit.trim_end_matches("iB").trim_end_matches('B') {
        "" => 1,
        "K" | "k" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return Err(problem()),
    };
    let number: u64 = digits.parse().map_err(|_| problem())?;
    number.checked_mul(factor).ok_or_else(problem)
}

/// Minutes as people write them.
fn minutes(text: &str) -> Result<Duration, String> {
    let minutes = text.parse::<f64>().ok().filter(|minutes| *minutes > 0.0);
    minutes
        .and_then(|minutes| Duration::try_from_secs_f64(60.0 * minutes).ok())
        .ok_or_else(|| format!("`{text}` is no number of minutes, such as `10` or `0.5`"))
}

/// The personality of this name.
pub fn personality(name: &str) -> Result<&'static str, BadInput> {
    if let Some(known) = NAMES.into_iter().find(|known| *known == name) {
        return Ok(known);
    }
    match readings(name) {
        // A command names a handful at most.
        Ok(_) => Ok(Box::leak(name.to_owned().into_boxed_str())),
        Err(misnamed) => {
            Err(bad_argument("--as", misnamed.problem).near(&misnamed.word, misnamed.known))
        }
    }
}

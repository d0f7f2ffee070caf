//! What the command line may say.
//!
//! Long: every argument of every command stands here, with its help. How values are read stands in `values`.

mod experiments;
mod export;
mod values;

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::bad_argument;
use crate::bad_input::{BadInput, one_of};
use crate::check::Reductions;
use crate::choose::Policy;
use crate::log::Format;
use crate::personality::{Misnamed, named};
use crate::report::Document;
use crate::report::judged::Denied;
use values::{Shard, loopback, memory, minutes, reductions, seconds, seeds};

pub use experiments::{Distinguish, Identify, Litmus, Pin};
pub use export::{Drawn, Export, Language, Picture, Target};
pub use values::MEMORY_OWN;

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
    /// Print one JSON object to standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Print no notes and no progress
    #[arg(long, global = true)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play a scenario once: what does it do? The same seed always gives the same output
    Run(Run),
    /// Can anything go wrong, in any interleaving?
    Check(Check),
    /// Does the model still show the same events as in this trace that it wrote?
    Replay(Replay),
    /// Where do two traces of one scenario differ?
    Diff(Diff),
    /// Run a scenario on a real system and record what it does
    Record(Record),
    /// Could the model have shown what this trace shows?
    Admit(Admit),
    /// Run scenarios on real systems and on the model, and compare
    CrossCheck(CrossCheck),
    /// Open a page in a browser that steps through a scenario or a trace
    Explore(Explore),
    /// Check scenarios again whenever they change
    Watch(Watch),
    /// What does each system do with this scenario?
    Compare(Compare),
    /// What is the smallest scenario that tells two systems apart, or two readings of one?
    Distinguish(Distinguish),
    /// Find out by a few experiments which system is behind a port
    Identify(Identify),
    /// Which readings of open claims, and which rules of versions, do these scenarios pin down?
    Pin(Pin),
    /// Run scenarios many times at full speed, and count the outcomes
    Litmus(Litmus),
    /// Make up scenarios, cross-check them, and shrink those that differ
    Fuzz(Fuzz),
    /// Join the JSON reports of the parts that --shard divides a command into
    Merge(Merge),
    /// Write a scenario, a counterexample or a trace in the format of another checker or viewer
    Export(Export),
    /// Write a log of another program as a scenario and a trace
    Import(Import),
    /// Serve a backend as an agent, over standard input and output
    Agent(Agent),
    /// List systems, backends and scenarios, or search claims, scenarios and recordings for words
    List(List),
    /// Write a first scenario, and its schema beside it
    New(New),
    /// Print the JSON Schema of a kind of file
    Schema(Schema),
    /// Print a script that lets a shell complete the command's arguments
    Completions(Completions),
    /// Write the manual pages of the command, or print the main one
    Man(Man),
}

impl Command {
    /// What is asked of one that judges.
    fn judged(&self) -> Option<&Judged> {
        match self {
            Command::Record(args) => Some(&args.judged),
            _ => self.annotated().map(|it| &it.judged),
        }
    }

    /// The same of one that writes nothing but verdicts.
    fn annotated(&self) -> Option<&Annotated> {
        match self {
            Command::Run(args) => Some(&args.annotated),
            Command::Check(args) => Some(&args.annotated),
            Command::Admit(args) => Some(&args.annotated),
            Command::CrossCheck(args) => Some(&args.annotated),
            Command::Compare(args) => Some(&args.annotated),
            Command::Litmus(args) => Some(&args.annotated),
            Command::Fuzz(args) => Some(&args.annotated),
            Command::Record(_)
            | Command::Replay(_)
            | Command::Diff(_)
            | Command::Explore(_)
            | Command::Watch(_)
            | Command::Distinguish(_)
            | Command::Identify(_)
            | Command::Pin(_)
            | Command::Merge(_)
            | Command::Export(_)
            | Command::Import(_)
            | Command::Agent(_)
            | Command::List(_)
            | Command::New(_)
            | Command::Schema(_)
            | Command::Completions(_)
            | Command::Man(_) => None,
        }
    }

    /// The page that is wanted, if this command has pages.
    fn pages(&self) -> Option<&Pages> {
        match self {
            Command::Check(args) => Some(&args.pages),
            Command::Explore(args) => Some(&args.pages),
            Command::Admit(args) => Some(&args.pages),
            Command::CrossCheck(args) => Some(&args.pages),
            Command::Fuzz(args) => Some(&args.pages),
            _ => None,
        }
    }

    /// The part of a sweep that it does, as I/N.
    pub fn part(&self) -> Option<String> {
        let part = match self {
            Command::Run(args) => args.part,
            Command::Check(args) => args.part,
            Command::Admit(args) => args.part,
            Command::CrossCheck(args) => args.part,
            Command::Compare(args) => args.part,
            Command::Litmus(args) => args.part,
            Command::Fuzz(args) => args.part,
            _ => return None,
        };
        part.shard.map(|shard| shard.to_string())
    }

    /// Files that say its report besides.
    pub fn documents(&self) -> Vec<(Document, PathBuf)> {
        let (pages, judged) = (self.pages(), self.judged());
        let wanted = [
            (Document::Html, pages.and_then(|it| it.html.as_ref())),
            (Document::Junit, judged.and_then(|it| it.junit.as_ref())),
            (Document::Sarif, judged.and_then(|it| it.sarif.as_ref())),
        ];
        let wanted = wanted.into_iter();
        wanted
            .filter_map(|(document, file)| Some((document, file?.clone())))
            .collect()
    }

    /// Whether annotations are wanted.
    pub fn annotates(&self) -> bool {
        match self {
            Command::Record(args) => args.format == Some(RecordFormat::Github),
            _ => self.annotated().is_some_and(|it| it.format.is_some()),
        }
    }

    /// Whether nothing is to be shortened.
    pub fn is_full(&self) -> bool {
        match self {
            Command::Run(args) => args.length.full,
            Command::Check(args) => args.length.full,
            Command::Replay(args) => args.length.full,
            Command::Diff(args) => args.length.full,
            Command::Record(args) => args.length.full,
            Command::Admit(args) => args.length.full,
            Command::CrossCheck(args) => args.full,
            Command::Watch(args) => args.length.full,
            _ => false,
        }
    }

    /// The verdicts that are no success.
    pub fn denied(&self) -> Denied {
        let denies = |wanted| self.judged().is_some_and(|it| it.deny.contains(&wanted));
        Denied {
            unsupported: denies(Deny::Unsupported),
            partial: denies(Deny::Partial),
        }
    }
}

#[derive(Debug, Args)]
pub struct Run {
    /// The scenario
    pub scenario: PathBuf,
    /// The system to play; by default the scenario's first
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    /// The seed of all random choices
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "seeds")]
    pub seed: u64,
    /// Run several seeds: from A up to but not including B
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    pub seeds: Option<Range<u64>>,
    /// How to choose the next step: random; pct:D, random priorities that change D times; or fair, by turns
    #[arg(long, value_name = "POLICY", default_value = "random", value_parser = Policy::parse)]
    pub choose: Policy,
    /// Write the trace to this file
    #[arg(long, value_name = "FILE", conflicts_with = "seeds")]
    pub trace: Option<PathBuf>,
    /// The most steps that the run may take
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub steps: u64,
    /// Show which claims decided each event
    #[arg(long)]
    pub why: bool,
    /// Show the state changes of each step: queues, waiters, variables, objects
    #[arg(long)]
    pub states: bool,
    #[command(flatten)]
    pub part: Part,
    #[command(flatten)]
    pub machine: Processors,
    #[command(flatten)]
    pub annotated: Annotated,
    #[command(flatten)]
    pub length: Length,
}

#[derive(Debug, Clone, Copy, Args)]
pub struct Processors {
    /// The number of processors; a concurrency value of 0 stands for this number
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    pub processors: u32,
}

#[derive(Debug, Args)]
pub struct Check {
    /// Scenario files, or folders of them
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The system to play, or `all`; by default each scenario's first. `SYSTEM:CLAIM=READING` fixes an open claim
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    /// Which reductions to use: all, none, or some of symmetry, dead and order, separated by commas
    #[arg(long, value_name = "WHICH", default_value = "all", value_parser = reductions)]
    pub reduce: Reductions,
    /// Store whole states instead of 64-bit fingerprints, so that no two states can collide
    #[arg(long)]
    pub exact: bool,
    /// The memory limit, in bytes or with K, M or G; when it is reached, the verdict is partial
    #[arg(long, value_name = "SIZE", default_value = "8G", value_parser = memory)]
    pub memory: u64,
    /// Explore at most N steps from the start
    #[arg(long, value_name = "N")]
    pub depth: Option<u32>,
    /// Explore only runs with at most N preemptions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=100))]
    pub preemptions: Option<u8>,
    /// Write checkpoints of the search to this folder; only for a single scenario
    #[arg(long, value_name = "FOLDER")]
    pub checkpoint: Option<PathBuf>,
    /// The time between checkpoints; one is also written at Ctrl-C and at the memory limit
    #[arg(long, value_name = "MINUTES", default_value = "10", requires = "checkpoint", value_parser = minutes)]
    pub every: Duration,
    /// Resume the search from its last checkpoint
    #[arg(long, requires = "checkpoint")]
    pub resume: bool,
    /// Sample runs instead of exploring all: random; pct:D, random priorities that change D times; or fair, by turns
    #[arg(long, value_name = "POLICY", value_parser = Policy::parse,
        conflicts_with_all = ["exact", "depth", "preemptions", "checkpoint", "hosts", "memory"])]
    pub walk: Option<Policy>,
    /// The seeds of --walk: from A up to but not including B
    #[arg(long, value_name = "A..B", default_value = "0..10000", requires = "walk", value_parser = seeds)]
    pub seeds: Range<u64>,
    /// The most steps that a run of --walk may take
    #[arg(long, value_name = "N", default_value_t = 100_000, requires = "walk")]
    pub steps: u64,
    /// The number of search threads, by default one for each processor; the result does not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
    /// Search together with other processes; the file has the address of each, one `host:port` on each line
    #[arg(long, value_name = "FILE", requires = "process")]
    pub hosts: Option<PathBuf>,
    /// The line of that file with the address of this process, counted from 0
    #[arg(long, value_name = "I", requires = "hosts")]
    pub process: Option<usize>,
    /// A file with the secret that these processes share; without it, process 0 makes HOSTS.secret beside the list
    #[arg(long, value_name = "FILE", requires = "hosts")]
    pub secret: Option<PathBuf>,
    /// How long these processes wait for each other at the start
    #[arg(long, value_name = "SECONDS", default_value = "300", requires = "hosts", value_parser = seconds)]
    pub wait: Duration,
    /// Write the counterexample to this file, as a trace; only for a single scenario
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Try the counterexample on this backend, turn by turn, and say whether it happens there
    #[arg(long, value_name = "BACKEND", conflicts_with_all = ["hosts", "walk"])]
    pub confirm: Vec<String>,
    /// Show which claims decided each event
    #[arg(long)]
    pub why: bool,
    /// Show the state changes of each step: queues, waiters, variables, objects
    #[arg(long)]
    pub states: bool,
    /// Count how often each claim decided something, and list those that never did
    #[arg(long, conflicts_with_all = ["hosts", "walk", "checkpoint"])]
    pub coverage: bool,
    #[command(flatten)]
    pub pages: Pages,
    #[command(flatten)]
    pub part: Part,
    #[command(flatten)]
    pub machine: Processors,
    #[command(flatten)]
    pub annotated: Annotated,
    #[command(flatten)]
    pub length: Length,
    #[command(flatten)]
    pub foreign: Foreign,
}

impl Check {
    /// Threads that search.
    pub fn workers(&self) -> usize {
        workers(self.workers)
    }
}

/// As many as were asked for, or one for each processor.
pub fn workers(asked: Option<u16>) -> usize {
    let processors = || thread::available_parallelism().map_or(1, usize::from);
    asked.map_or_else(processors, usize::from)
}

#[derive(Debug, Args)]
pub struct Replay {
    /// A trace that the model wrote
    pub trace: PathBuf,
    /// Show the events, and the state changes of each step: queues, waiters, variables, objects
    #[arg(long)]
    pub states: bool,
    #[command(flatten)]
    pub look_in: LookIn,
    #[command(flatten)]
    pub machine: Processors,
    #[command(flatten)]
    pub length: Length,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// One trace
    pub left: PathBuf,
    /// Another trace of the same scenario
    pub right: PathBuf,
    #[command(flatten)]
    pub look_in: LookIn,
    #[command(flatten)]
    pub length: Length,
}

#[derive(Debug, Args)]
pub struct LookIn {
    /// The folder in which to look for the scenarios that traces name
    #[arg(long, value_name = "FOLDER", default_value = "scenarios")]
    pub scenarios: PathBuf,
}

#[derive(Debug, Args)]
pub struct Record {
    /// The scenario; leave it out with --seconds
    #[arg(required_unless_present = "seconds", conflicts_with = "seconds")]
    pub scenario: Option<PathBuf>,
    /// The backend to record, or `agent:COMMAND ARGUMENT...` for a command that speaks the agent protocol
    #[arg(long, value_name = "BACKEND")]
    pub on: String,
    /// The seed of all random choices
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// How the threads run
    #[arg(long, value_enum, default_value_t = RecordMode::Lockstep)]
    pub mode: RecordMode,
    /// Take the turns of this trace of the model, until the backend does something else
    #[arg(long, value_name = "TRACE", conflicts_with_all = ["seconds", "seed", "mode"])]
    pub follow: Option<PathBuf>,
    /// The time limit of a run at full speed, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    pub limit: u64,
    /// Stress test: run random programs at full speed for N seconds, and judge each; --out is the folder for a refused one
    #[arg(long, value_name = "N", requires = "mode")]
    pub seconds: Option<u64>,
    /// The number of threads in each program of --seconds
    #[arg(long, value_name = "T", default_value_t = 8, requires = "seconds", value_parser = clap::value_parser!(u8).range(2..=16))]
    pub threads: u8,
    /// The system that judges --seconds; by default the backend's own
    #[arg(long = "as", value_name = "SYSTEM", requires = "seconds")]
    pub personality: Option<String>,
    /// Write the trace to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Also print the verdict as an annotation for a CI service; or write the recording for other tools
    #[arg(long, value_name = "FORMAT", value_enum, conflicts_with = "json")]
    pub format: Option<RecordFormat>,
    #[command(flatten)]
    pub judged: Judged,
    #[command(flatten)]
    pub length: Length,
}

/// How threads run while they are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RecordMode {
    /// One thread at a time
    Lockstep,
    /// All threads at full speed; each records the times of its calls
    Free,
}

#[derive(Debug, Args)]
pub struct Admit {
    /// Traces, or logs
    #[arg(required = true, value_name = "TRACE")]
    pub traces: Vec<PathBuf>,
    /// The files are logs of other programs, in this format: csv, ndjson, regex, strace or wine
    #[arg(long, value_name = "FORMAT", value_parser = log_format)]
    pub from: Option<Format>,
    /// A map: the file that says what the fields of the log mean
    #[arg(long, value_name = "FILE", requires = "from")]
    pub map: Option<PathBuf>,
    /// Say which rules the trace or log relies on, and which it never needs
    #[arg(long)]
    pub coverage: bool,
    /// The system that judges; by default the trace's own. `all` asks which systems fit
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    #[command(flatten)]
    pub look_in: LookIn,
    #[command(flatten)]
    pub pages: Pages,
    #[command(flatten)]
    pub part: Part,
    #[command(flatten)]
    pub machine: Processors,
    #[command(flatten)]
    pub annotated: Annotated,
    #[command(flatten)]
    pub length: Length,
}

#[derive(Debug, Args)]
pub struct Import {
    /// The format of the logs: csv, ndjson, regex, strace or wine
    #[arg(value_name = "FORMAT", value_parser = log_format)]
    pub format: Format,
    /// The logs
    #[arg(required = true, value_name = "LOG")]
    pub logs: Vec<PathBuf>,
    /// A map: the file that says what the fields of the log mean
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// The system of the trace. Of a log that is too long for a scenario, the part that this system refuses is written
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    /// The folder for scenarios and traces; it is created when needed
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub out: PathBuf,
    #[command(flatten)]
    pub machine: Processors,
}

#[derive(Debug, Args)]
pub struct CrossCheck {
    /// Scenario files, or folders of them
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// A backend to record, or `agent:COMMAND ARGUMENT...`; by default every one that can run here
    #[arg(long, value_name = "BACKEND")]
    pub on: Vec<String>,
    /// The system that judges; by default each backend's own
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    /// Seeds for scenarios without a schedule: from A up to but not including B
    #[arg(long, value_name = "A..B", default_value = "0..5", value_parser = seeds)]
    pub seeds: Range<u64>,
    /// How many runs to record at a time, by default four for each processor, and one where an agent records; the
    /// result does not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
    /// Count how often each claim decided something, and list those that never did
    #[arg(long)]
    pub coverage: bool,
    /// Print every repeated poll, and every scenario and reason of a sweep, without shortening
    #[arg(long)]
    pub full: bool,
    #[command(flatten)]
    pub pages: Pages,
    #[command(flatten)]
    pub part: Part,
    #[command(flatten)]
    pub machine: Processors,
    #[command(flatten)]
    pub annotated: Annotated,
    #[command(flatten)]
    pub foreign: Foreign,
}

#[derive(Debug, Args)]
pub struct Explore {
    /// The scenario, or a trace
    pub file: PathBuf,
    /// A system to play; two are shown side by side; by default the scenario's first
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Vec<String>,
    /// The loopback address to serve the page on; by default a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = loopback, conflicts_with = "html")]
    pub listen: SocketAddr,
    /// Print the address instead of opening a browser
    #[arg(long)]
    pub no_open: bool,
    /// How long to search for a counterexample before the page opens
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub search: Duration,
    #[command(flatten)]
    pub pages: Pages,
    #[command(flatten)]
    pub look_in: LookIn,
    #[command(flatten)]
    pub machine: Processors,
}

#[derive(Debug, Args)]
pub struct Watch {
    /// Scenario files, or folders of them
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The system to play; by default each scenario's first
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    /// The number of search threads, by default one for each processor
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
    /// Show which claims decided each event
    #[arg(long)]
    pub why: bool,
    /// Show the state changes of each step: queues, waiters, variables, objects
    #[arg(long)]
    pub states: bool,
    #[command(flatten)]
    pub machine: Processors,
    #[command(flatten)]
    pub length: Length,
}

impl Watch {
    /// Threads that search.
    pub fn workers(&self) -> usize {
        workers(self.workers)
    }
}

#[derive(Debug, Args)]
pub struct Compare {
    /// Scenario files, or folders of them
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// A system to show; by default all of them
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Vec<String>,
    #[command(flatten)]
    pub part: Part,
    #[command(flatten)]
    pub machine: Processors,
    #[command(flatten)]
    pub annotated: Annotated,
    #[command(flatten)]
    pub foreign: Foreign,
}

#[derive(Debug, Args)]
pub struct Fuzz {
    /// A backend to record, or `agent:COMMAND ARGUMENT...`; by default every one that can run here
    #[arg(long, value_name = "BACKEND")]
    pub on: Vec<String>,
    /// The system that judges; by default each backend's own
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    /// Seeds, one scenario each: from A up to but not including B
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    pub seeds: Range<u64>,
    #[command(flatten)]
    pub pages: Pages,
    #[command(flatten)]
    pub part: Part,
    /// How many cases to run at a time, by default one for each processor; the result does not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
    /// The folder for scenarios that differ; it is created when needed
    #[arg(long, value_name = "FOLDER", default_value = "found")]
    pub out: PathBuf,
    #[command(flatten)]
    pub machine: Processors,
    #[command(flatten)]
    pub annotated: Annotated,
}

impl Fuzz {
    /// Cases at a time.
    pub fn workers(&self) -> usize {
        workers(self.workers)
    }
}

/// How much is shown.
#[derive(Debug, Clone, Copy, Args)]
pub struct Length {
    /// Print every repeated poll, without shortening
    #[arg(long)]
    pub full: bool,
}

/// Which verdicts are no success, and the files that tell them.
#[derive(Debug, Clone, Args)]
pub struct Judged {
    /// Verdicts that count as failures, exit code 1: unsupported, partial
    #[arg(long, value_name = "VERDICTS", value_enum, value_delimiter = ',')]
    pub deny: Vec<Deny>,
    /// Write the verdicts to this file as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write unexpected verdicts to this file as SARIF, for code scanning
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
}

/// The same, for a command that writes nothing but verdicts.
#[derive(Debug, Clone, Args)]
pub struct Annotated {
    #[command(flatten)]
    pub judged: Judged,
    /// Also print the verdicts as annotations for a CI service
    #[arg(long, value_name = "FORMAT", value_enum, conflicts_with = "json")]
    pub format: Option<Service>,
}

/// A CI service that reads verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// Annotations for GitHub's runner
    Github,
}

/// Who is to read a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RecordFormat {
    /// Annotations for GitHub's runner
    Github,
    /// A line of JSON for each call
    Ndjson,
}

/// A verdict that can be taken for no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Deny {
    /// The system cannot play the scenario
    Unsupported,
    /// Not everything was explored
    Partial,
}

/// Pages for a browser.
#[derive(Debug, Clone, Args)]
pub struct Pages {
    /// Write a self-contained HTML page that steps through the result
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// The most states in the page, shared among its scenarios; those near the counterexample come first
    #[arg(long, value_name = "N", default_value_t = 20_000, requires = "html", value_parser = clap::value_parser!(u32).range(1..))]
    pub html_states: u32,
}

impl Pages {
    /// The most states of each of so many scenarios; none where no page is wanted.
    pub fn states_max(&self, scenarios: usize) -> Option<usize> {
        const LEAST: usize = 50;
        let share = self.html_states as usize / scenarios.max(1);
        let wanted = || share.max(LEAST.min(self.html_states as usize));
        self.html.as_ref().map(|_| wanted())
    }
}

/// What to do with JSON files that are no scenarios.
#[derive(Debug, Clone, Args)]
pub struct Foreign {
    /// In folders, skip JSON files that are not scenarios: those with neither `why` nor `threads`
    #[arg(long)]
    pub skip_foreign: bool,
}

/// Which part of a sweep to do.
#[derive(Debug, Clone, Copy, Args)]
pub struct Part {
    /// Do the I-th of N equal parts, counted from 1; `merge` joins their JSON reports
    #[arg(long, value_name = "I/N", value_parser = Shard::parse)]
    pub shard: Option<Shard>,
}

impl Part {
    /// All of it.
    pub const WHOLE: Part = Part { shard: None };

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

#[derive(Debug, Args)]
pub struct Merge {
    /// The JSON reports of the parts, in their order
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Agent {
    /// The backend to serve
    #[arg(long, value_name = "BACKEND")]
    pub on: String,
}

#[derive(Debug, Args)]
pub struct List {
    /// Scenario files, or folders of them; or words to search for
    #[arg(value_name = "PATH|WORD")]
    pub paths: Vec<PathBuf>,
    /// Search the claims, systems and shipped scenarios for these words, or for the words of a question
    #[arg(long, value_name = "WORDS", conflicts_with = "paths")]
    pub search: Option<String>,
    #[command(flatten)]
    pub foreign: Foreign,
}

#[derive(Debug, Args)]
pub struct New {
    /// The file to write; an existing file is not overwritten
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct Schema {
    /// The kind of file
    #[arg(value_enum)]
    pub what: SchemaOf,
}

#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

#[derive(Debug, Args)]
pub struct Man {
    /// The folder for the pages, one for each command; it is created when needed. Without it, the main page is printed
    #[arg(value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

/// Kinds of file that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Scenario files
    Scenario,
    /// Lines of a trace
    Trace,
    /// Lines of the protocol between a conductor and an agent
    Agent,
    /// Maps, which say what the fields of a log mean
    Map,
    /// Not a schema, but settings that tell an editor which files are scenarios
    Settings,
}

/// What is wrong with the name of a personality.
pub fn misnamed(it: Misnamed) -> BadInput {
    bad_argument("--as", it.problem).near(&it.word, it.known)
}

/// The format of this name.
fn log_format(name: &str) -> Result<Format, String> {
    let known = Format::ALL.map(|(name, _)| name);
    Format::named(name).ok_or_else(|| format!("expected {}", one_of(known)))
}

/// The personality of this name.
pub fn personality(name: &str) -> Result<&'static str, BadInput> {
    named(name).map_err(misnamed)
}

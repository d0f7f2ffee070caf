//! The arguments of commands that make experiments.

use std::path::PathBuf;

use clap::Args;

use super::{Annotated, Foreign, Part};
use crate::distinguish::{OPERATIONS_MAX, THREADS_MAX};

#[derive(Debug, Args)]
pub struct Distinguish {
    /// A system, optionally with readings of its open claims: `windows:poll-counts=counts`
    pub a: String,
    /// Another system, or the same one with other readings
    pub b: String,
    /// The most operations of a scenario, counted over all threads
    #[arg(long, value_name = "M", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=OPERATIONS_MAX as i64))]
    pub operations: u8,
    /// The most threads of a scenario
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=THREADS_MAX as i64))]
    pub threads: u8,
    /// The operations that scenarios may have, separated by commas; by default all that both systems have
    #[arg(long, value_name = "OPERATIONS", value_delimiter = ',')]
    pub vocabulary: Vec<String>,
    /// Do not stop at the first scenario: search all up to the limits, and keep one for each set of claims that tells the two apart
    #[arg(long)]
    pub all: bool,
    /// The folder for the scenarios; it is created when needed
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// The number of threads that compare, by default one for each processor; the result does not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
}

impl Distinguish {
    /// Threads that compare.
    pub fn workers(&self) -> usize {
        super::workers(self.workers)
    }
}

#[derive(Debug, Args)]
pub struct Identify {
    /// Scenario files, or folders of them, to choose experiments from; `@` means the shipped ones, except `@apart`. With --as, all of them are played
    #[arg(value_name = "PATH", default_value = "@")]
    pub paths: Vec<PathBuf>,
    /// The backend, or `agent:COMMAND ARGUMENT...` for a command that speaks the agent protocol
    #[arg(long, value_name = "BACKEND")]
    pub on: String,
    /// Ask which readings of this system's open claims the backend shows, instead of which system it is
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    #[command(flatten)]
    pub foreign: Foreign,
}

#[derive(Debug, Args)]
pub struct Pin {
    /// Scenario files, or folders of them; `@` means the shipped scenarios
    #[arg(value_name = "PATH", default_value = "@")]
    pub paths: Vec<PathBuf>,
    /// A system whose claims to look at; by default all of them
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Vec<String>,
    /// Find a scenario for each rule that none pins down, and write it to this folder
    #[arg(long, value_name = "FOLDER")]
    pub supply: Option<PathBuf>,
    /// The most operations of such a scenario
    #[arg(long, value_name = "M", default_value_t = 4, requires = "supply", value_parser = clap::value_parser!(u8).range(1..=OPERATIONS_MAX as i64))]
    pub operations: u8,
    /// Its most threads
    #[arg(long, value_name = "N", default_value_t = 3, requires = "supply", value_parser = clap::value_parser!(u8).range(1..=THREADS_MAX as i64))]
    pub threads: u8,
    /// The number of threads that look for it, by default one for each processor; the result does not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
    #[command(flatten)]
    pub foreign: Foreign,
}

impl Pin {
    /// Threads that look for scenarios.
    pub fn workers(&self) -> usize {
        super::workers(self.workers)
    }
}

#[derive(Debug, Args)]
pub struct Litmus {
    /// Scenario files, or folders of them
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// A backend to run on, or `agent:COMMAND ARGUMENT...`; by default every one that can run here
    #[arg(long, value_name = "BACKEND")]
    pub on: Vec<String>,
    /// The system that says what may come out; by default each backend's own
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    /// Runs of each scenario on each backend
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub runs: u64,
    /// The most seconds for each scenario on each backend
    #[arg(long, value_name = "S")]
    pub seconds: Option<u64>,
    /// Judge the times of one run in N, in addition to its outcome
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub judge: u64,
    /// Keep T other threads busy during the runs
    #[arg(long, value_name = "T", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=64))]
    pub stress: u8,
    /// Write a trace of each outcome that occurs to this folder
    #[arg(long, value_name = "FOLDER")]
    pub keep: Option<PathBuf>,
    #[command(flatten)]
    pub part: Part,
    #[command(flatten)]
    pub annotated: Annotated,
    #[command(flatten)]
    pub foreign: Foreign,
}

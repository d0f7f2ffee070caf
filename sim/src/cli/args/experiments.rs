//! The arguments of commands that make experiments.

use std::path::PathBuf;

use clap::Args;

use crate::distinguish::{OPERATIONS_MAX, THREADS_MAX};

#[derive(Debug, Args)]
pub struct Distinguish {
    /// A system, with readings of its open claims or without: `windows:poll-counts=counts`
    pub a: String,
    /// Another one, or the same with other readings
    pub b: String,
    /// The most operations of a scenario, of all threads
    #[arg(long, value_name = "M", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=OPERATIONS_MAX as i64))]
    pub operations: u8,
    /// The most threads
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=THREADS_MAX as i64))]
    pub threads: u8,
    /// Words of operations that scenarios are made of, with commas between them; by default all that both systems have
    #[arg(long, value_name = "OPERATIONS", value_delimiter = ',')]
    pub vocabulary: Vec<String>,
    /// Go on up to the bound, and keep a scenario for each set of claims that parts the two
    #[arg(long)]
    pub all: bool,
    /// A folder for the scenarios; it is created
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Threads that compare, by default one for each processor; the result does not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
}

impl Distinguish {
    /// Threads that compare.
    pub fn workers(&self) -> usize {
        super::workers(self.workers)
    }
}

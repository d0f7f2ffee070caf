//! Arguments of `export`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::values::seconds;
use super::{LookIn, Processors};

#[derive(Debug, Args)]
pub struct Export {
    #[command(subcommand)]
    pub language: Language,
}

/// What draws a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    Mermaid,
    Plantuml,
    Dot,
    Svg,
    Perfetto,
    Itf,
    Shiviz,
}

/// Languages of other programs.
#[derive(Debug, Subcommand)]
pub enum Language {
    /// A counterexample, a run or a trace as a sequence diagram for Mermaid
    Mermaid(Drawn),
    /// The same sequence diagram for PlantUML
    Plantuml(Drawn),
    /// The same as a Graphviz graph of events; with --states, the graph of the scenario's states
    Dot {
        #[command(flatten)]
        drawn: Drawn,
        /// Draw the first N states of the scenario instead
        #[arg(long, value_name = "N", conflicts_with = "seed")]
        states: Option<usize>,
    },
    /// The same as a picture with lanes
    Svg(Drawn),
    /// The same for Perfetto, as a trace in Chrome's format
    Perfetto(Drawn),
    /// The states of a counterexample, a run or a trace in the Informal Trace Format of Apalache
    Itf(Drawn),
    /// A counterexample, a run or a trace as a log for ShiViz
    Shiviz(Drawn),
    /// A model for SPIN, with a second statement of the rules of Windows
    Promela {
        /// The scenario
        scenario: PathBuf,
        #[command(flatten)]
        target: Target,
    },
    /// A recording made at full speed, as a history of operations on a queue, in EDN, for checkers of linearizability
    History {
        /// The trace
        trace: PathBuf,
        /// The port; by default the only one
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
pub struct Drawn {
    /// The scenario, or a trace
    pub file: PathBuf,
    /// The system to play; by default the scenario's first, or the trace's own
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    /// Draw the run of this seed instead of the counterexample
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How long to search for a counterexample
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub search: Duration,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub look_in: LookIn,
    #[command(flatten)]
    pub machine: Processors,
}

#[derive(Debug, Args)]
pub struct Target {
    /// The system to export; by default the scenario's first
    #[arg(long = "as", value_name = "SYSTEM")]
    pub personality: Option<String>,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub machine: Processors,
}

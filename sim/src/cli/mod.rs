//! The command line: arguments in, exit code out.

mod admit;
mod agent;
mod args;
mod beside;
mod check;
mod compare;
mod cross_check;
mod export;
mod files;
mod fuzz;
mod list;
mod merge;
mod on;
mod record;
mod run;
mod sample;
mod say;
mod stress;
mod verdict;

use std::process::ExitCode;

use clap::Parser;

use crate::bad_input::BadInput;
use crate::check::Trouble;
use args::{Command, Portsim};

/// How a command ended, other than by bad input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Exit {
    /// Everything is as expected.
    AsExpected = 0,
    /// Some bound or limit ended it first; nothing was found so far.
    Partial = 4,
    /// A verdict is not what was expected.
    Verdict = 1,
}

/// Why a command gave up.
#[derive(Debug)]
enum Stop {
    /// What was read makes no sense.
    BadInput(BadInput),
    /// A backend cannot run here, or failed.
    Unavailable(String),
    /// Nobody reads the output any more, or a file could not be written.
    Output(std::io::Error),
}

impl From<BadInput> for Stop {
    fn from(bad: BadInput) -> Stop {
        Stop::BadInput(bad)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Stop {
        Stop::Output(error)
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Stop {
        match trouble {
            Trouble::BadInput(bad) => Stop::BadInput(bad),
            Trouble::Unavailable(why) => Stop::Unavailable(why),
        }
    }
}

/// Bad input that is an argument.
fn bad_argument(argument: &str, problem: impl Into<String>) -> BadInput {
    BadInput::new(std::path::Path::new("command line"), problem).at(argument)
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let portsim = match Portsim::try_parse() {
        Ok(portsim) => portsim,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let say = say::Say::new(&portsim.common);
    let exit = match portsim.command {
        Command::Run(args) => run::run(&args, &say),
        Command::Check(args) => check::check(&args, &say),
        Command::Replay(args) => compare::replay(&args, &say),
        Command::Diff(args) => compare::diff(&args, &say),
        Command::Record(args) => record::record(&args, &say),
        Command::Admit(args) => admit::admit(&args, &say),
        Command::CrossCheck(args) => cross_check::cross_check(&args, &say),
        Command::Compare(args) => beside::compare(&args, &say),
        Command::Fuzz(args) => fuzz::fuzz(&args, &say),
        Command::Merge(args) => merge::merge(&args, &say),
        Command::Export(args) => export::export(&args, &say),
        Command::Agent(args) => agent::agent(&args),
        Command::List(args) => list::list(&args, &say),
        Command::Schema(args) => list::schema(&args, &say),
    };
    match exit {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(Stop::BadInput(bad)) => {
            eprintln!("error: {bad}");
            ExitCode::from(2)
        }
        Err(Stop::Unavailable(why)) => {
            eprintln!("error: {why}");
            ExitCode::from(3)
        }
        Err(Stop::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::from(0)
        }
        Err(Stop::Output(error)) => {
            eprintln!("error: cannot write: {error}");
            ExitCode::from(3)
        }
    }
}

//! The command line: arguments in, exit code out.
//!
//! A command makes a request of its arguments, has it answered, hands the report to `say`, and gives back what that
//! comes to.

mod admit;
mod agent;
mod args;
mod asked;
mod changed;
mod check;
mod compare;
mod cross_check;
mod diff;
mod distinguish;
mod explore;
mod export;
mod files;
mod fuzz;
mod hosts;
mod identify;
mod import;
mod list;
mod litmus;
mod logs;
mod merge;
mod new;
mod on;
mod pin;
mod record;
mod replay;
mod run;
mod say;
mod schema;
mod search;
mod shell;
mod stop;
mod stress;
mod traces;
mod walk;
mod watch;

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::bad_input::BadInput;
use crate::report::Exit;
use crate::report::mistakes::failure;
use crate::request::Error;
use args::{Command, Portsim};
use say::Say;

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

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        match error {
            Error::Misnamed(it) => Stop::BadInput(args::misnamed(it)),
            Error::BadInput(bad) => Stop::BadInput(bad),
            Error::Unavailable(why) => Stop::Unavailable(why),
        }
    }
}

/// A thread could not be started.
fn no_thread(error: std::io::Error) -> Stop {
    Stop::Unavailable(format!("a thread cannot be started: {error}"))
}

/// What is called a file where arguments are wrong.
const ARGUMENTS: &str = "command line";

/// Bad input that is an argument.
fn bad_argument(argument: &str, problem: impl Into<String>) -> BadInput {
    BadInput::new(Path::new(ARGUMENTS), problem).at(argument)
}

#[cfg(any(test, fuzzing))]
pub(crate) use explore::is_own_request;
#[cfg(any(test, fuzzing))]
pub(crate) use files::addresses_in;
#[cfg(any(test, fuzzing))]
pub(crate) use traces::of_model;

/// Whether these arguments are some that the command takes.
#[cfg(any(test, fuzzing))]
pub(crate) fn takes<'a>(arguments: impl Iterator<Item = &'a str>) -> bool {
    Portsim::try_parse_from(arguments).is_ok()
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let portsim = match Portsim::try_parse() {
        Ok(portsim) => portsim,
        Err(error) => return ExitCode::from(not_taken(&error)),
    };
    stop::listen();
    let say = Say::new(&portsim.common, &portsim.command);
    let exit = match portsim.command {
        Command::Run(args) => run::run(&args, &say),
        Command::Check(args) => check::check(&args, &say),
        Command::Replay(args) => replay::replay(&args, &say),
        Command::Diff(args) => diff::diff(&args, &say),
        Command::Record(args) => record::record(&args, &say),
        Command::Admit(args) => admit::admit(&args, &say),
        Command::CrossCheck(args) => cross_check::cross_check(&args, &say),
        Command::Explore(args) => explore::explore(&args, &say),
        Command::Watch(args) => watch::watch(&args, &say),
        Command::Compare(args) => compare::compare(&args, &say),
        Command::Distinguish(args) => distinguish::distinguish(&args, &say),
        Command::Identify(args) => identify::identify(&args, &say),
        Command::Pin(args) => pin::pin(&args, &say),
        Command::Litmus(args) => litmus::litmus(&args, &say),
        Command::Fuzz(args) => fuzz::fuzz(&args, &say),
        Command::Merge(args) => merge::merge(&args, &say),
        Command::Export(args) => export::export(&args, &say),
        Command::Import(args) => import::import(&args, &say),
        Command::Agent(args) => agent::agent(&args),
        Command::List(args) => list::list(&args, &say),
        Command::New(args) => new::new(&args, &say),
        Command::Schema(args) => schema::schema(&args),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
    };
    ExitCode::from(code(exit, &say))
}

/// Says what is wrong with the arguments, or what was asked about them; the exit code.
fn not_taken(error: &clap::Error) -> u8 {
    let _ = error.print();
    if !error.use_stderr() {
        return 0;
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        let words = error.to_string();
        let words = words.trim_start_matches("error: ").trim_end();
        say::object(BadInput::new(Path::new(ARGUMENTS), words));
    }
    2
}

/// The exit code, and what is wrong where the report does not say it.
fn code(exit: Result<Exit, Stop>, say: &Say) -> u8 {
    match exit {
        Ok(Exit::AsExpected) => 0,
        Ok(Exit::Unexpected) => 1,
        Ok(Exit::Partial) => 4,
        Ok(Exit::Cut(_) | Exit::BadInput) => 2,
        Ok(Exit::Unavailable(why)) => {
            say.failed(failure(&why));
            3
        }
        Err(Stop::Output(error)) if error.kind() == ErrorKind::BrokenPipe => 0,
        Err(Stop::BadInput(bad)) => {
            say.failed(bad);
            2
        }
        Err(Stop::Unavailable(why)) => {
            let bad = say.has_bad();
            say.failed(failure(&why));
            // What was asked of others was broken off.
            match (bad, stop::stopped()) {
                (true, _) => 2,
                (false, true) => stop::code(),
                (false, false) => 3,
            }
        }
        Err(Stop::Output(error)) => {
            say.failed(failure(&format!("cannot write: {error}")));
            3
        }
    }
}

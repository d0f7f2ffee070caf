//! The integration tests: one binary, a module for each subject.

mod agent;
mod apart;
mod command;
#[cfg(target_os = "linux")]
mod confirmed;
mod coverage;
#[cfg(target_os = "linux")]
mod distinguish;
mod ends;
mod errors;
#[cfg(target_os = "linux")]
mod experiments;
mod exports;
mod first_minutes;
mod free;
mod fuzz;
mod generated;
mod hostile;
mod house;
mod imported;
mod imports;
#[cfg(unix)]
mod killed;
mod lanes;
mod liveness;
mod locals;
mod logs;
mod native;
mod pages;
mod parts;
mod permutations;
mod reduced;
mod searching;
mod seeded;
mod shell;
mod shipped;
#[cfg(unix)]
mod strace;
mod strangers;
mod systems;
mod templates;
mod told;
mod toy;
mod verdicts;
#[cfg(unix)]
mod watching;

use std::path::PathBuf;

/// The top of the project.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("it lies below the top")
        .to_owned()
}

//! The command that shows something once more.

use std::path::Path;

use super::admit::{Admission, Judged};
use super::check::{Check, Method};
use super::log::Log;
use super::run::Run;
use crate::choose::Policy;

/// The processors that a command takes to be there if it is not told.
pub const PROCESSORS: u32 = 2;

/// The same run.
pub fn run(run: &Run) -> String {
    seed(
        &run.scenario.file,
        run.personality,
        (run.seed, run.policy),
        run.processors,
    )
}

/// The search that found the same, or the run of a walk that did.
pub fn check(check: &Check) -> Option<String> {
    let file = &check.scenario.file;
    match &check.method {
        Method::Unsupported(_) => None,
        Method::Explored(explored) => {
            let bound = match explored.preemptions {
                Some(bound) => format!(" --preemptions {bound}"),
                None => String::new(),
            };
            Some(format!(
                "portsim check {} --as {} --processors {}{bound}",
                shell(file),
                check.personality,
                check.processors
            ))
        }
        Method::Walked(walk) => {
            let (found, _) = walk.walked.found?;
            Some(seed(
                file,
                check.personality,
                (found, walk.policy),
                check.processors,
            ))
        }
    }
}

fn seed(
    scenario: &Path,
    personality: &str,
    (seed, policy): (u64, Policy),
    processors: u32,
) -> String {
    let policy = match policy {
        Policy::Random => String::new(),
        Policy::Fair | Policy::Pct(_) => format!(" --choose {policy}"),
    };
    format!(
        "portsim run {} --as {personality} --seed {seed}{policy} --processors {processors}",
        shell(scenario)
    )
}

/// The same judgement of a trace.
pub fn admit(judged: &Judged) -> String {
    match judged {
        Judged::By(admission) => admit_by(admission, admission.personality),
        Judged::ByAll(admissions) => admit_by(&admissions[0], "all"),
    }
}

/// The same judgement of a trace by one system.
pub fn admit_by(admission: &Admission, personality: &str) -> String {
    format!(
        "{} --processors {}",
        admit_in(&admission.folder, &admission.file, personality),
        admission.processors
    )
}

/// The judgement of a trace whose scenario lies in this folder.
pub fn admit_in(folder: &Path, trace: &Path, personality: &str) -> String {
    format!(
        "portsim admit {} --as {personality} --scenarios {}",
        shell(trace),
        shell(folder)
    )
}

/// The cross-check of a scenario, with one seed or with those that it always has.
pub fn cross_check(
    scenario: &Path,
    on: &str,
    personality: &str,
    seed: Option<u64>,
    processors: u32,
) -> String {
    let seeds = match seed {
        Some(seed) => format!(" --seeds {seed}..{}", seed + 1),
        None => String::new(),
    };
    let machine = match processors {
        PROCESSORS => String::new(),
        other => format!(" --processors {other}"),
    };
    format!(
        "portsim cross-check {} --on {} --as {personality}{seeds}{machine}",
        shell(scenario),
        shell(Path::new(on))
    )
}

/// A path as a shell takes it back.
pub fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%[]".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The command that judges a log again.
pub fn log(log: &Log) -> String {
    let map = log.map.as_ref().map(|map| format!(" --map {}", shell(map)));
    let by = match (log.asks_all, log.systems.first()) {
        (false, Some(system)) => system.personality,
        _ => "all",
    };
    format!(
        "portsim admit {} --from {}{} --as {by}",
        shell(&log.file),
        log.format,
        map.unwrap_or_default()
    )
}

//! `portsim watch`: checks again whatever changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::args::{self, personality};
use super::changed::Stamp;
use super::say::Say;
use super::{Exit, Stop, bad_argument, stop};
use crate::personality::default_for;
use crate::report::check::{Check, Checks};
use crate::report::{Part, Report};
use crate::request::Checker;
use crate::scenario::{Scenario, find, is_one};

/// How often it looks.
const LOOK: Duration = Duration::from_millis(200);

/// What was found of a file, by when it had which length.
type Known = BTreeMap<PathBuf, (Stamp, Option<Check>)>;

/// Checks what has changed, again and again, until it is told to end.
pub fn watch(args: &args::Watch, say: &Say) -> Result<Exit, Stop> {
    if say.is_json() {
        let problem = "prints one object, and this goes on; `check --json` prints it";
        return Err(bad_argument("--json", problem).into());
    }
    let system = args.personality.as_deref().map(personality).transpose()?;
    let mut known = Known::new();
    // What cannot be found at the start was not meant.
    find(&args.paths)?;
    while !stop::stopped() {
        let files = find(&args.paths).unwrap_or_default();
        let gone = known.len();
        known.retain(|file, _| files.contains(file));
        let is_gone = known.len() < gone;
        let other = |file: &&PathBuf| {
            let stamp = Stamp::of(file);
            known.get(*file).is_none_or(|(known, _)| *known != stamp)
        };
        let changed: Vec<_> = files.iter().filter(other).cloned().collect();
        if changed.is_empty() && !is_gone {
            thread::sleep(LOOK);
            continue;
        }
        say.clear();
        say.forget_mistakes();
        for file in &changed {
            let stamp = Stamp::of(file);
            let check = check(args, file, &stamp, system, say)?;
            if let Some(check) = &check {
                say.part(Part::Check(check))?;
            }
            known.insert(file.clone(), (stamp, check));
        }
        let checks = known.values().filter_map(|(_, check)| check.clone());
        let (checks, covered) = (checks.collect(), None);
        say.report(Report::Check(&Checks { checks, covered }))?;
    }
    Ok(Exit::AsExpected)
}

/// The verdict on a file; none if it cannot be used, or is another one by now.
fn check(
    args: &args::Watch,
    file: &Path,
    stamp: &Stamp,
    system: Option<&'static str>,
    say: &Say,
) -> Result<Option<Check>, Stop> {
    let scenario = match Scenario::read(file) {
        Ok(scenario) => scenario,
        Err(bad) => {
            say.bad(bad);
            return Ok(None);
        }
    };
    let (enough, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let checker = Checker::new(&scenario)
        .personality(system.unwrap_or_else(|| default_for(&scenario)))
        .processors(args.machine.processors)
        .workers(args.workers())
        .why(args.why)
        .states(args.states)
        .stop(&enough);
    let check = thread::scope(|scope| {
        // What is changed meanwhile is not searched to its end.
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) && !stop::stopped() && Stamp::of(file) == *stamp {
                thread::sleep(LOOK / 10);
            }
            enough.store(true, Ordering::Relaxed);
        });
        let check = checker.run();
        over.store(true, Ordering::Relaxed);
        check
    })?;
    let alone = args.paths.len() == 1 && is_one(&args.paths[0]);
    Ok(Some(Check { alone, ..check }))
}

//! `portsim compare`: scenarios on all systems, side by side.

use portsim_model::personality::NAMES;

use super::args::{self, personality};
use super::files::Scenarios;
use super::say::Say;
use super::stop::{stopped, unless_stopped};
use super::{Exit, Stop, no_thread};
use crate::compare::compare as groups_of;
use crate::report::Report;
use crate::report::compare::{Compared, Sided};
use crate::scenario::find;

/// Shows what each system does.
pub fn compare(args: &args::Compare, say: &Say) -> Result<Exit, Stop> {
    let systems = match args.personality.as_slice() {
        [] => NAMES.to_vec(),
        some => some
            .iter()
            .map(|name| personality(name))
            .collect::<Result<_, _>>()?,
    };
    let (mut scenarios, mut progress) = (Vec::new(), say.progress());
    let files = args.part.of(find(&args.paths)?);
    let mut read = Scenarios::of(&args.paths, &args.foreign, say);
    let mut complete = true;
    for file in &files {
        if stopped() {
            complete = false;
            break;
        }
        let Some(scenario) = read.read(file) else {
            continue;
        };
        progress.at(|_| {
            let (done, all) = (scenarios.len(), files.len());
            format!("{done} of {all}: {}", scenario.name)
        });
        let (systems, processors) = (systems.clone(), args.machine.processors);
        let sided = move || Sided {
            groups: groups_of(&scenario, &systems, processors),
            name: scenario.name,
            why: scenario.why,
        };
        match unless_stopped(sided).map_err(no_thread)? {
            Some(sided) => scenarios.push(sided),
            None => {
                complete = false;
                break;
            }
        }
    }
    drop(progress);
    if complete && args.part.shard.is_none() {
        read.some_are_left()?;
    }
    say.report(Report::Compare(&Compared {
        scenarios,
        complete,
    }))
}

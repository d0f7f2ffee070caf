//! `portsim pin`: which rules do these scenarios pin down?

use std::fs;
use std::path::Path;
use std::sync::Arc;

use portsim_model::personality::NAMES;

use super::args::{self, Part, personality};
use super::files::Scenarios;
use super::say::Say;
use super::stop::{self, stopped};
use super::{Exit, Stop, no_thread};
use crate::bad_input::BadInput;
use crate::distinguish::pin::{Pin, pin as pin_down, pins};
use crate::distinguish::{Bound, distinguish, told};
use crate::report::Report;
use crate::report::pin::{Pinned, Rule, Supplied};
use crate::report::units::count;

/// Finds it out, and supplies what is missing where that is wanted.
pub fn pin(args: &args::Pin, say: &Say) -> Result<Exit, Stop> {
    let systems: Vec<&'static str> = match args.personality.as_slice() {
        [] => NAMES.to_vec(),
        some => some
            .iter()
            .map(|name| personality(name))
            .collect::<Result<_, _>>()?,
    };
    let scenarios = Scenarios::all(&args.paths, Part::WHOLE, &args.foreign, say)?;
    let scenarios: Vec<_> = scenarios.into_iter().map(Arc::new).collect();
    let mut all = pins(&systems);
    let mut progress = say.progress();
    pin_down(&mut all, &scenarios, stop::flag(), |pin, scenario| {
        progress.at(|_| format!("{}: {scenario}", pin.claim.id));
    });
    drop(progress);
    let mut rules = Vec::new();
    for pin in all {
        let supplied = match &args.supply {
            Some(folder) if pin.by.is_none() && !stopped() => supply(args, folder, &pin, say)?,
            _ => Supplied::NotAsked,
        };
        rules.push(Rule { pin, supplied });
    }
    say.report(Report::Pin(&Pinned {
        rules,
        scenarios: scenarios.len(),
        complete: !stopped(),
    }))
}

/// The smallest scenario that would pin a rule down.
fn supply(args: &args::Pin, folder: &Path, pin: &Pin, say: &Say) -> Result<Supplied, Stop> {
    let [a, b] = pin.between;
    let bound = Bound {
        operations: args.operations.into(),
        threads: args.threads.into(),
        vocabulary: None,
        all: false,
        workers: args.workers(),
    };
    let mut progress = say.progress();
    let at = |operations: usize, compared: u64| {
        progress.at(|_| {
            let compared = count(compared);
            format!("{a} and {b}: {compared} compared, now of {operations} operations")
        });
    };
    let compared = distinguish(a, b, &bound, stop::flag(), at).map_err(no_thread)?;
    drop(progress);
    let Some(found) = compared.found.into_iter().next() else {
        return Ok(Supplied::Unobservable {
            bound: (bound.operations, bound.threads),
            compared: compared.compared,
        });
    };
    let told = told(found.draft, a, b);
    // Where it is not the words that differ, nobody could read it off.
    if told.only_a.is_empty() && told.only_b.is_empty() {
        return Ok(Supplied::Unobservable {
            bound: (bound.operations, bound.threads),
            compared: compared.compared,
        });
    }
    let text = told.question(pin.claim.id).text();
    let broken = |problem: std::io::Error| BadInput::new(folder, problem.to_string());
    fs::create_dir_all(folder).map_err(broken)?;
    let name = pin.claim.id.replace('/', "-");
    let mut file = folder.join(format!("{name}.json"));
    let mut n = 2;
    // A claim with more than two readings needs more than one.
    while file.exists() && fs::read_to_string(&file).is_ok_and(|known| known != text) {
        file = folder.join(format!("{name}-{n}.json"));
        n += 1;
    }
    fs::write(&file, &text).map_err(broken)?;
    Ok(Supplied::Found {
        told: Box::new(told),
        text,
        file,
    })
}

//! `portsim cross-check`: scenarios on real systems and on the model.

use super::args;
use super::files::Scenarios;
use super::on::pairs;
use super::say::Say;
use super::stop;
use super::{Exit, Stop};
use crate::report::Report;
use crate::request::CrossChecker;

/// Among so many runs that differ the states of a page are shared.
const SHOWN: usize = 20;

/// Cross-checks scenarios.
pub fn cross_check(args: &args::CrossCheck, say: &Say) -> Result<Exit, Stop> {
    let scenarios = Scenarios::all(&args.paths, args.part, &args.foreign, say)?;
    let pairs = pairs(&args.on, args.personality.as_deref())?;
    let mut progress = say.progress();
    let mut checker = CrossChecker::of_all(scenarios)
        .seeds(args.seeds.clone())
        .processors(args.machine.processors)
        .coverage(args.coverage)
        .stop(stop::flag())
        .watch(|now| {
            progress.at(|_| {
                let (done, all) = (now.done, now.all);
                format!("{done} of {all}: {} on {}", now.scenario, now.on)
            });
        });
    if let Some(states_max) = args.pages.states_max(SHOWN) {
        checker = checker.tour(states_max);
    }
    for (backend, personality) in &pairs {
        checker = checker.on_as(&**backend, personality);
    }
    let report = checker.run()?;
    drop(progress);
    say.report(Report::CrossCheck(&report))
}

//! `portsim cross-check`: scenarios on real systems and on the model.

use super::args;
use super::files::Scenarios;
use super::on::{On, pairs};
use super::say::Say;
use super::stop;
use super::{Exit, Stop};
use crate::report::Report;
use crate::report::totals::Totals;
use crate::request::CrossChecker;

/// Among so many runs that differ the states of a page are shared.
const SHOWN: usize = 20;

/// Cross-checks scenarios.
pub fn cross_check(args: &args::CrossCheck, say: &Say) -> Result<Exit, Stop> {
    let scenarios = Scenarios::all(&args.paths, args.part, &args.foreign, say)?;
    let pairs = pairs(&args.on, args.personality.as_deref())?;
    // A recording mostly waits for timeouts. What several processes of an agent would do to each other, nobody knows.
    let has_agent = pairs.iter().any(|(on, _)| matches!(on, On::Agent(_)));
    let workers = match (args.workers, has_agent) {
        (None, true) => 1,
        (None, false) => 4 * args::workers(None),
        (Some(workers), _) => workers.into(),
    };
    let mut progress = say.progress();
    let mut checker = CrossChecker::of_all(scenarios)
        .seeds(args.seeds.clone())
        .processors(args.machine.processors)
        .workers(workers)
        .coverage(args.coverage)
        .stop(stop::flag())
        .watch(|now| {
            progress.at(|_| {
                let (done, all, Totals { agree, differ, .. }) = (now.done, now.all, now.totals);
                let (scenario, on) = (now.scenario, now.on);
                format!("{done} of {all}, {agree} agree, {differ} differ: {scenario} on {on}")
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

//! `portsim cross-check`: scenarios on real systems and on the model.

use super::args;
use super::on::{On, pairs};
use super::say::{Say, stop_on_ctrl_c, stopped};
use super::{Exit, Stop, files};
use crate::cross_check::{Comparison, Verdict, cross_check as check};
use crate::report::Report;
use crate::report::covered::Covered;
use crate::report::cross_check::CrossCheck;
use crate::scenario::{Scenario, find};

/// Cross-checks scenarios.
pub fn cross_check(args: &args::CrossCheck, say: &Say) -> Result<Exit, Stop> {
    let files = args.part.of(find(&args.paths)?).into_iter();
    let scenarios: Vec<Scenario> = files
        .map(|file| files::scenario(&file))
        .collect::<Result<_, _>>()?;
    let pairs = pairs(&args.on, args.personality.as_deref())?;
    stop_on_ctrl_c();
    let comparisons = comparisons(args, &scenarios, &pairs, say);
    let named = |(on, personality): &(On, &'static str)| (on.name().to_owned(), *personality);
    say.report(Report::CrossCheck(&CrossCheck {
        scenarios,
        pairs: pairs.iter().map(named).collect(),
        processors: args.machine.processors,
        covered: args.coverage.then(|| {
            Covered::of(
                comparisons
                    .iter()
                    .map(|it| (it.personality.as_str(), &it.coverage)),
            )
        }),
        comparisons,
        complete: !stopped(),
    }))
}

/// Each scenario with each pair and seed, as far as nobody stopped it.
fn comparisons(
    args: &args::CrossCheck,
    scenarios: &[Scenario],
    pairs: &[(On, &'static str)],
    say: &Say,
) -> Vec<Comparison> {
    let (mut comparisons, mut progress) = (Vec::new(), say.progress());
    let all = scenarios.len() * pairs.len();
    for (n, scenario) in scenarios.iter().enumerate() {
        for (m, (backend, personality)) in pairs.iter().enumerate() {
            for seed in seeds(args, scenario) {
                if stopped() {
                    return comparisons;
                }
                progress.at(|_| {
                    let (done, on) = (n * pairs.len() + m, backend.name());
                    format!("{done} of {all}: {} on {on}", scenario.name)
                });
                let processors = args.machine.processors;
                let comparison = check(scenario, &**backend, personality, seed, processors);
                let judged = matches!(comparison.verdict, Verdict::Agree(_) | Verdict::Differ(_));
                comparisons.push(comparison);
                if !judged {
                    break;
                }
            }
        }
    }
    comparisons
}

/// A schedule leaves nothing to a seed but branches.
fn seeds(args: &args::CrossCheck, scenario: &Scenario) -> std::ops::Range<u64> {
    match scenario.program.schedule {
        Some(_) => args.seeds.start..args.seeds.start + 1,
        None => args.seeds.clone(),
    }
}

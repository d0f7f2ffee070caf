//! `portsim check --walk`: many runs of a scenario that is too large to explore.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::args::Check;
use super::say::Say;
use super::{Stop, no_thread};
use crate::choose::Policy;
use crate::personality::play;
use crate::report::check::Walk;
use crate::report::units::{count, counted};
use crate::scenario::Scenario;
use crate::walk::{Plan, walk as walk_through};

/// Walks through one scenario, which the personality can play.
pub fn walk(
    args: &Check,
    policy: Policy,
    scenario: &Scenario,
    personality: &str,
    say: &Say,
    stop: &AtomicBool,
) -> Result<Walk, Stop> {
    let since = Instant::now();
    let plan = Plan {
        policy,
        seeds: args.part.of_seeds(&args.seeds),
        steps_max: match scenario.program.schedule {
            Some(_) => u64::MAX,
            None => args.steps,
        },
        workers: args.workers(),
    };
    let machine =
        play(personality, &scenario.program, args.machine.processors).expect("it was asked before");
    let (mut progress, all) = (say.progress(), plan.seeds.end - plan.seeds.start);
    let walked = walk_through(&*machine, &plan, stop, |runs| {
        progress.at(|since| {
            format!(
                "{}: {} of {}, {} runs/s",
                scenario.name,
                counted(runs, "run"),
                count(all),
                count((runs as f64 / since.as_secs_f64()) as u64)
            )
        });
    })
    .map_err(no_thread)?;
    Ok(Walk {
        policy,
        walked,
        seconds: since.elapsed().as_secs_f64(),
    })
}

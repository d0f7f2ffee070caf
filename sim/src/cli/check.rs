//! `portsim check`: every interleaving of each scenario.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use portsim_model::personality::NAMES;

use super::args::{self, personality};
use super::files::Scenarios;
use super::hosts::hosts;
use super::say::Say;
use super::stop;
use super::walk::walk;
use super::{Exit, Stop, bad_argument, traces};
use crate::check::{Limits, Progress};
use crate::coverage::Coverage;
use crate::personality::{default_for, not_for};
use crate::report::check::{Check, Checks, Method};
use crate::report::covered::Covered;
use crate::report::units::{bytes, count, counted};
use crate::report::{Part, Report};
use crate::request::Checker;
use crate::scenario::{Scenario, find, is_one};
use crate::trace::Trace;

/// Checks scenarios.
pub fn check(args: &args::Check, say: &Say) -> Result<Exit, Stop> {
    let jobs = jobs(args, say)?;
    let stop = stop::flag();
    if args.checkpoint.is_some() {
        stop::take_time();
    }
    let mut checks = Vec::new();
    let tour = args.pages.states_max(jobs.len());
    for job in jobs {
        let check = one(args, job, tour, say, stop)?;
        say.part(Part::Check(&check))?;
        write(args, &check)?;
        checks.push(check);
    }
    let covered = args
        .coverage
        .then(|| Covered::of(checks.iter().filter_map(coverage_of)));
    say.report(Report::Check(&Checks { checks, covered }))
}

/// The claims that decided something, where they were counted.
fn coverage_of(check: &Check) -> Option<(&str, &Coverage)> {
    let coverage = check.explored()?.exploration.coverage.as_ref()?;
    Some((check.personality, coverage))
}

/// A scenario, and the personality that plays it.
type Job = (Arc<Scenario>, &'static str);

fn jobs(args: &args::Check, say: &Say) -> Result<Vec<Job>, Stop> {
    let mut jobs = Vec::new();
    let mut scenarios = Scenarios::of(&args.paths, &args.foreign, say);
    for file in find(&args.paths)? {
        let Some(scenario) = scenarios.read(&file) else {
            continue;
        };
        let scenario = Arc::new(scenario);
        let names: Vec<&'static str> = match args.personality.as_deref() {
            None => vec![default_for(&scenario)],
            Some("all") => NAMES
                .into_iter()
                .filter(|name| not_for(name, &scenario).is_none())
                .collect(),
            Some(name) => vec![personality(name)?],
        };
        jobs.extend(names.into_iter().map(|name| (Arc::clone(&scenario), name)));
    }
    scenarios.some_are_left()?;
    for (argument, is_given, problem) in [
        (
            "--trace",
            args.trace.is_some(),
            "takes the counterexample of one scenario",
        ),
        (
            "--checkpoint",
            args.checkpoint.is_some(),
            "a folder keeps the search of one scenario",
        ),
        (
            "--hosts",
            args.hosts.is_some(),
            "processes search one scenario together",
        ),
    ] {
        if is_given && jobs.len() != 1 && !say.has_bad() {
            return Err(bad_argument(argument, problem).into());
        }
    }
    // Where seeds are run, the seeds are what is divided.
    Ok(match args.walk {
        None => args.part.of(jobs),
        Some(_) => jobs,
    })
}

fn one(
    args: &args::Check,
    (scenario, personality): Job,
    tour: Option<usize>,
    say: &Say,
    stop: &AtomicBool,
) -> Result<Check, Stop> {
    let alone = args.paths.len() == 1 && is_one(&args.paths[0]);
    let walked = args
        .walk
        .filter(|_| not_for(personality, &scenario).is_none());
    if let Some(policy) = walked {
        let walk = walk(args, policy, &scenario, personality, say, stop)?;
        return Ok(Check {
            scenario,
            personality,
            processors: args.machine.processors,
            method: Method::Walked(walk),
            alone,
        });
    }
    let mut progress = say.progress();
    let name = &scenario.name;
    let watch = |now| progress.at(|since| words(name, now, since.as_secs_f64()));
    let mut checker = request(args, &scenario, personality);
    if let Some(states_max) = tour {
        checker = checker.tour(states_max);
    }
    if let Some(hosts) = hosts(args, say, stop)? {
        checker = checker.hosts(hosts);
    }
    let check = checker.stop(stop).watch(watch).run()?;
    Ok(Check { alone, ..check })
}

/// Writes the counterexample, where it is wanted and there is one.
fn write(args: &args::Check, check: &Check) -> Result<(), Stop> {
    let (Some(file), Some(property), Some(explored)) =
        (&args.trace, check.property(), check.explored())
    else {
        return Ok(());
    };
    let run = explored.counterexample.clone();
    let mut header = traces::of_model(&check.scenario, check.personality, check.processors);
    header.violation = Some(property.to_owned());
    header.loop_at = run.loop_at;
    let trace = Trace {
        header,
        events: run.events,
        spans: Vec::new(),
        end: Some(run.end),
    };
    traces::write(file, &check.scenario, &trace)
}

/// The search that the arguments ask for.
fn request<'a>(args: &args::Check, scenario: &Scenario, personality: &str) -> Checker<'a> {
    let checker = Checker::new(scenario)
        .personality(personality)
        .processors(args.machine.processors)
        .reductions(args.reduce)
        .limits(Limits {
            memory_bytes: args.memory - args::MEMORY_OWN,
            depth: args.depth,
            exact: args.exact,
            preemptions: args.preemptions,
        })
        .workers(args.workers())
        .coverage(args.coverage)
        .why(args.why)
        .states(args.states);
    match &args.checkpoint {
        None => checker,
        Some(folder) if args.resume => checker.resume_from(folder, args.every),
        Some(folder) => checker.keep_in(folder, args.every),
    }
}

/// How far the search of a scenario is after so many seconds.
fn words(scenario: &str, now: Progress, seconds: f64) -> String {
    let rate = now.transitions as f64 / seconds;
    let left = now.states_left().map_or_else(String::new, |left| {
        format!(", about {} to come", count(left))
    });
    format!(
        "{scenario}: {}, {} waiting{left}, depth {}, {:.1} M transitions/s, {}",
        counted(now.states, "state"),
        count(now.waiting),
        now.depth,
        rate / 1e6,
        bytes(now.bytes)
    )
}

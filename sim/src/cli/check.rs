//! `portsim check`: every interleaving of each scenario.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use portsim_model::personality::NAMES;

use super::args::{self, personality};
use super::asked::ALL;
use super::files::Scenarios;
use super::hosts::hosts;
use super::on::On;
use super::say::Say;
use super::stop;
use super::walk::walk;
use super::{Exit, Stop, bad_argument, traces};
use crate::check::{Limits, Progress};
use crate::coverage::Coverage;
use crate::personality::{default_for, not_for, play};
use crate::report::check::{Check, Checks, Method};
use crate::report::covered::Covered;
use crate::report::units::{bytes, count, counted};
use crate::report::{Part, Report};
use crate::request::Checker;
use crate::scenario::{Scenario, find, is_one};
use crate::trace::Trace;
use crate::walk::estimate::Lengths;

/// Checks scenarios.
pub fn check(args: &args::Check, say: &Say) -> Result<Exit, Stop> {
    let on: Vec<On> = args
        .confirm
        .iter()
        .map(|name| On::named_by("--confirm", name))
        .collect::<Result<_, _>>()?;
    let jobs = jobs(args, &on, say)?;
    let stop = stop::flag();
    if args.checkpoint.is_some() {
        stop::take_time();
    }
    let mut checks = Vec::new();
    let tour = args.pages.states_max(jobs.len());
    for job in jobs {
        let check = one(args, job, &on, tour, say, stop)?;
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

fn jobs(args: &args::Check, on: &[On], say: &Say) -> Result<Vec<Job>, Stop> {
    // What is to happen on a backend is best looked for by its own rules.
    let own = on.first().map(On::judge).transpose()?;
    let mut jobs = Vec::new();
    let mut scenarios = Scenarios::of(&args.paths, &args.foreign, say);
    for file in find(&args.paths)? {
        let Some(scenario) = scenarios.read(&file) else {
            continue;
        };
        let scenario = Arc::new(scenario);
        let names: Vec<&'static str> = match args.personality.as_deref() {
            None => {
                let own = own.filter(|name| not_for(name, &scenario).is_none());
                vec![own.unwrap_or_else(|| default_for(&scenario))]
            }
            Some(ALL) => NAMES
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
    on: &[On],
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
    let mut size = Size::of(&scenario, personality, args.machine.processors);
    let watch = |now| {
        size.said(now, say, stop);
        let size = size.lengths;
        progress.at(|since| words(name, now, size, since.as_secs_f64()));
    };
    let mut checker = request(args, &scenario, personality);
    for backend in on {
        checker = checker.confirm_on(&**backend);
    }
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

/// A search that takes longer than this says how large it is likely to become.
const LONG: Duration = Duration::from_secs(3);

/// How large a search is likely to become.
struct Size {
    scenario: Arc<Scenario>,
    personality: &'static str,
    processors: u32,
    since: Instant,
    was_asked: bool,
    /// How long runs are, once that was asked.
    lengths: Option<Lengths>,
}

impl Size {
    fn of(scenario: &Arc<Scenario>, personality: &'static str, processors: u32) -> Size {
        Size {
            scenario: Arc::clone(scenario),
            personality,
            processors,
            since: Instant::now(),
            was_asked: false,
            lengths: None,
        }
    }

    /// Says it once, where the search goes on for long.
    fn said(&mut self, now: Progress, say: &Say, stop: &AtomicBool) {
        if self.was_asked || self.since.elapsed() < LONG {
            return;
        }
        self.was_asked = true;
        let machine = play(self.personality, &self.scenario.program, self.processors);
        self.lengths = machine
            .ok()
            .and_then(|machine| Lengths::of(&*machine, stop));
        if let Some(size) = self.lengths {
            say.note(&format!("{}: {}", self.scenario.name, likely(now, size)));
        }
    }
}

/// How many states are likely.
fn likely(now: Progress, size: Lengths) -> String {
    let depth = now.depth.saturating_sub(1);
    let guess = size.states(now.states, depth, now.level_before);
    format!(
        "likely {} in all, between {} and {}",
        counted(guess.likely, "state"),
        count(guess.least),
        count(guess.most)
    )
}

/// How far the search of a scenario is after so many seconds.
fn words(scenario: &str, now: Progress, size: Option<Lengths>, seconds: f64) -> String {
    let rate = now.transitions as f64 / seconds;
    let left = now
        .states_left()
        .map(|left| format!(", about {} to come", count(left)));
    let left = left.or(size.map(|size| format!(", {}", likely(now, size))));
    let left = left.unwrap_or_default();
    format!(
        "{scenario}: {}, {} waiting{left}, depth {}, {:.1} M transitions/s, {}",
        counted(now.states, "state"),
        count(now.waiting),
        now.depth,
        rate / 1e6,
        bytes(now.bytes)
    )
}

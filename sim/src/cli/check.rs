//! `portsim check`: every interleaving of each scenario.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use portsim_model::machine::AnyMachine;
use portsim_model::personality::NAMES;

use super::args::{self, personality};
use super::say::{Progress, Say, stop_on_ctrl_c};
use super::walk::walk;
use super::{Exit, Stop, bad_argument, files, traces};
use crate::check::{
    self, Exploration, Files, Hosts, Keeping, Limits, Reductions, Searched, Trouble, Workers,
};
use crate::coverage::Coverage;
use crate::personality::{default_for, not_for, play};
use crate::report::check::{Check, Checks, Counterexample, Explored, Method};
use crate::report::covered::Covered;
use crate::report::units::{bytes, count, counted};
use crate::report::{Part, Report};
use crate::run::follow;
use crate::scenario::{Scenario, find};
use crate::trace::{End, Trace};

/// Checks scenarios.
pub fn check(args: &args::Check, say: &Say) -> Result<Exit, Stop> {
    let jobs = jobs(args)?;
    let stop = stop_on_ctrl_c();
    let mut checks = Vec::new();
    for job in jobs {
        let check = one(args, job, say, stop)?;
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

fn jobs(args: &args::Check) -> Result<Vec<Job>, Stop> {
    let mut jobs = Vec::new();
    for file in find(&args.paths)? {
        let scenario = Arc::new(files::scenario(&file)?);
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
        if is_given && jobs.len() != 1 {
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
    say: &Say,
    stop: &AtomicBool,
) -> Result<Check, Stop> {
    let method = match (not_for(personality, &scenario), args.walk) {
        (Some(lacks), _) => Method::Unsupported(lacks),
        (None, Some(policy)) => {
            Method::Walked(walk(args, policy, &scenario, personality, say, stop))
        }
        (None, None) => {
            let explored = explore(args, &scenario, personality, say, stop)?;
            Method::Explored(Box::new(explored))
        }
    };
    Ok(Check {
        scenario,
        personality,
        processors: args.machine.processors,
        method,
        alone: args.paths.len() == 1 && args.paths[0].is_file(),
    })
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
        end: Some(End { parked: run.parked }),
    };
    traces::write(file, &check.scenario, &trace)
}

fn explore(
    args: &args::Check,
    scenario: &Scenario,
    personality: &'static str,
    say: &Say,
    stop: &AtomicBool,
) -> Result<Explored, Stop> {
    let since = Instant::now();
    let search = searched(args, scenario, personality);
    let plan = Plan {
        reductions: args.reduce,
        limits: Limits {
            memory_bytes: args.memory,
            depth: args.depth,
            exact: args.exact,
            preemptions: args.preemptions,
        },
        workers: workers(args, &search)?,
        keeping: keeping(args, &search),
        stop,
        name: &scenario.name,
    };
    let machine =
        play(personality, &scenario.program, args.machine.processors).expect("it was asked before");
    let exploration = plan.explore(&machine, say.progress())?;
    Ok(Explored {
        counterexample: counterexample(&*machine, &exploration, args.why),
        exploration,
        preemptions: args.preemptions,
        folder: args.checkpoint.clone(),
        seconds: since.elapsed().as_secs_f64(),
    })
}

/// Where the search is kept.
fn keeping(args: &args::Check, search: &Searched) -> Option<Keeping> {
    args.checkpoint.as_ref().map(|folder| Keeping {
        folder: folder.clone(),
        every: args.every,
        resume: args.resume,
        search: search.clone(),
        disk: Arc::new(Files),
    })
}

/// What is searched.
fn searched(args: &args::Check, scenario: &Scenario, personality: &str) -> Searched {
    Searched {
        scenario: scenario.name.clone(),
        sha256: scenario.sha256.clone(),
        personality: personality.to_owned(),
        processors: args.machine.processors,
        reductions: args.reduce.to_string(),
        depth: args.depth,
        preemptions: args.preemptions,
        exact: args.exact,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// The threads and processes that search.
fn workers(args: &args::Check, search: &Searched) -> Result<Workers, Stop> {
    let mut workers = Workers {
        workers: args.workers(),
        hosts: None,
        coverage: args.coverage,
        search: search.number(),
    };
    if let (Some(file), Some(process)) = (&args.hosts, args.process) {
        let addresses = files::addresses(file)?;
        if process >= addresses.len() {
            let there = format!("there are {} hosts, counted from 0", addresses.len());
            return Err(bad_argument("--process", there).into());
        }
        workers.hosts = Some(Hosts { addresses, process });
    }
    Ok(workers)
}

/// The run that shows what was found.
fn counterexample(
    machine: &dyn AnyMachine,
    exploration: &Exploration,
    why: bool,
) -> Counterexample {
    let (events, last) = follow(machine, &exploration.path, why);
    let event_of =
        |step: usize| follow(machine, &exploration.path[..step], false).0.len() as u64 + 1;
    let held = |thread| {
        machine
            .holds_back(&last, thread)
            .map(|claim| (thread, claim))
    };
    Counterexample {
        events,
        held: match why {
            true => machine.program().thread_ids().filter_map(held).collect(),
            false => Vec::new(),
        },
        parked: machine.view(&last).inside_calls().collect(),
        loop_at: exploration.loop_from.map(event_of),
    }
}

/// How a scenario is explored.
struct Plan<'a> {
    reductions: Reductions,
    limits: Limits,
    workers: Workers,
    keeping: Option<Keeping>,
    stop: &'a AtomicBool,
    name: &'a str,
}

impl Plan<'_> {
    fn explore(
        &self,
        machine: &Arc<dyn AnyMachine>,
        mut progress: Progress,
    ) -> Result<Exploration, Trouble> {
        let watch = |now| progress.at(|since| self.words(now, since.as_secs_f64()));
        check::check(
            machine,
            self.reductions,
            self.limits,
            &self.workers,
            self.keeping.as_ref(),
            self.stop,
            watch,
        )
    }

    /// How far the search is after so many seconds.
    fn words(&self, now: check::Progress, seconds: f64) -> String {
        let rate = now.transitions as f64 / seconds;
        let left = now.states_left().map_or_else(String::new, |left| {
            format!(", about {} to come", count(left))
        });
        format!(
            "{}: {}, {} waiting{left}, depth {}, {:.1} M transitions/s, {}",
            self.name,
            counted(now.states, "state"),
            count(now.waiting),
            now.depth,
            rate / 1e6,
            bytes(now.bytes)
        )
    }
}

//! `portsim check`: every interleaving of each scenario.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use portsim_model::machine::AnyMachine;
use portsim_model::personality::NAMES;
use portsim_model::program::ThreadId;
use portsim_model::property::Violation;
use xxhash_rust::xxh3::xxh3_64;

use super::args::{Check, personality};
use super::run::header;
use super::say::{Progress, Say, shell, stop_on_ctrl_c};
use super::verdict::{as_expected, exit_of, expected, line, totals};
use super::{Exit, Stop, bad_argument, files, sample};
use crate::check::{self, Exploration, Found, Hosts, Keeping, Limits, Reductions, Workers};
use crate::personality::{default_for, not_for, play};
use crate::report::{json, text};
use crate::run::follow;
use crate::scenario::{Scenario, find};
use crate::trace::{End, Event, lanes, write};

/// Checks scenarios.
pub fn check(args: &Check, say: &Say) -> Result<Exit, Stop> {
    let files = find(&args.paths)?;
    let mut jobs = Vec::new();
    for file in &files {
        let scenario = files::scenario(file)?;
        let names: Vec<&'static str> = match args.personality.as_deref() {
            None => vec![default_for(&scenario)],
            Some("all") => NAMES
                .into_iter()
                .filter(|name| not_for(name, &scenario).is_none())
                .collect(),
            Some(name) => vec![personality(name)?],
        };
        jobs.extend(names.into_iter().map(|name| (scenario.clone(), name)));
    }
    if args.trace.is_some() && jobs.len() != 1 {
        return Err(bad_argument("--trace", "takes the counterexample of one scenario").into());
    }
    if args.checkpoint.is_some() && jobs.len() != 1 {
        return Err(
            bad_argument("--checkpoint", "a folder keeps the search of one scenario").into(),
        );
    }
    if args.hosts.is_some() && jobs.len() != 1 {
        return Err(bad_argument("--hosts", "processes search one scenario together").into());
    }
    // Where seeds are run, the seeds are what is divided.
    if args.walk.is_none() {
        jobs = args.part.of(jobs);
    }
    let stop = stop_on_ctrl_c();
    let (mut checks, mut worst) = (Vec::new(), Exit::AsExpected);
    for (scenario, name) in &jobs {
        let check = one(args, say, scenario, name, stop)?;
        worst = worst.max(exit_of(&check));
        checks.push(check);
    }
    say.text(&totals(&checks))?;
    say.object(&json::Checks { scenarios: checks })?;
    Ok(worst)
}

fn one(
    args: &Check,
    say: &Say,
    scenario: &Scenario,
    name: &str,
    stop: &AtomicBool,
) -> Result<json::Check, Stop> {
    let mut report = json::Check {
        name: scenario.name.clone(),
        personality: name.to_owned(),
        verdict: "unsupported",
        as_expected: None,
        expected: expected(scenario),
        states_unique: 0,
        transitions: 0,
        depth_max: 0,
        complete: false,
        seconds: 0.0,
        bytes_per_state: 0,
        reductions: Vec::new(),
        property: None,
        trace: None,
        loop_at: None,
        why: not_for(name, scenario),
        collision_odds: None,
        checkpoints: 0,
        sampled: None,
    };
    if report.why.is_some() {
        say.text(&line(&report))?;
        return Ok(report);
    }
    if let Some(policy) = args.walk {
        return sample::one(args, policy, say, scenario, name, report, stop);
    }
    let since = Instant::now();
    let limits = Limits {
        memory_bytes: args.memory,
        depth: args.depth,
        exact: args.exact,
        preemptions: args.preemptions,
    };
    let plan = Plan {
        reductions: args.reduce,
        limits,
        workers: workers(args, scenario, name)?,
        keeping: keeping(args)?,
        stop,
        name: &scenario.name,
    };
    let machine =
        play(name, &scenario.program, args.machine.processors).expect("it was asked before");
    let explored = explore(&machine, &plan, say.progress());
    let (exploration, counterexample) = explored.map_err(Stop::Unavailable)?;
    report.seconds = since.elapsed().as_secs_f64();
    report.states_unique = exploration.states;
    report.transitions = exploration.transitions;
    report.depth_max = exploration.depth_max;
    report.bytes_per_state = exploration.bytes_per_state;
    report.collision_odds = exploration.collision_odds;
    report.checkpoints = exploration.checkpoints;
    report.complete = exploration.cut.is_none() && exploration.found.is_none();
    report.property = exploration
        .found
        .map(|found| text::found(&scenario.names, found));
    report.verdict = match (exploration.found, exploration.cut) {
        (Some(_), _) => "violation",
        (None, Some(_)) => "partial",
        (None, None) => "pass",
    };
    report.reductions = text::reductions(&exploration);
    report.why = exploration.cut.map(|cut| text::cut(cut).to_owned());
    report.as_expected = as_expected(&report, scenario);
    if let Some(trouble) = &exploration.trouble {
        say.aside(&format!("no checkpoint: {trouble}"));
    }
    if let (Some(folder), true) = (
        &args.checkpoint,
        exploration.checkpoints > 0 && !report.complete,
    ) {
        say.aside(&format!(
            "kept in {}; the same command with --resume takes it up again",
            shell(folder)
        ));
    }
    let Counterexample {
        events,
        parked,
        loop_at,
    } = counterexample;
    if report.property.is_some() && !events.is_empty() {
        report.trace = Some(json::events(&scenario.names, &scenario.program, &events));
        report.loop_at = loop_at;
    }
    say.text(&line(&report))?;
    if report.as_expected == Some(false)
        || (report.property.is_some() && args.paths.len() == 1 && args.paths[0].is_file())
    {
        let wordless = match exploration.found {
            None => "",
            Some(Found::Never(_)) => "no state shows it",
            Some(Found::NeverOwed(_)) => "no state owes it, so nothing asks for it",
            Some(Found::NoEnd) => "it never comes to rest, and this is judged only there",
            Some(Found::Violation(Violation::Eventually(_))) => {
                "nothing moves in the first state, which owes it"
            }
            Some(Found::Violation(_)) => "the first state already breaks it",
        };
        show(say, args, scenario, &report, &events, wordless)?;
    }
    if let (Some(file), Some(_)) = (&args.trace, &report.property) {
        let mut header = header(scenario, name, args.machine);
        header.violation.clone_from(&report.property);
        header.loop_at = report.loop_at;
        let mut out = BufWriter::new(files::create(file)?);
        write(
            &mut out,
            &scenario.names,
            &scenario.program,
            &header,
            &events,
            Some(&End { parked }),
        )?;
        out.flush()?;
    }
    Ok(report)
}

/// Where the search is kept.
fn keeping(args: &Check) -> Result<Option<Keeping>, Stop> {
    let Some(folder) = &args.checkpoint else {
        return Ok(None);
    };
    if !args.resume {
        fs::create_dir_all(folder)
            .map_err(|error| bad_argument("--checkpoint", format!("{}: {error}", shell(folder))))?;
    }
    Ok(Some(Keeping {
        folder: folder.clone(),
        every: args.every,
        resume: args.resume,
    }))
}

/// The threads and processes that search.
fn workers(args: &Check, scenario: &Scenario, name: &str) -> Result<Workers, Stop> {
    let (processors, version) = (args.machine.processors, env!("CARGO_PKG_VERSION"));
    let search = format!(
        "{} {name} {processors} {:?} {:?} {version} {} {:?}",
        scenario.sha256, args.depth, args.reduce, args.exact, args.preemptions
    );
    let mut all = Workers {
        workers: args.workers(),
        hosts: None,
        coverage: false,
        search: xxh3_64(search.as_bytes()),
    };
    if let (Some(file), Some(process)) = (&args.hosts, args.process) {
        let addresses = files::addresses(file)?;
        if process >= addresses.len() {
            let there = format!("there are {} hosts, counted from 0", addresses.len());
            return Err(bad_argument("--process", there).into());
        }
        all.hosts = Some(Hosts { addresses, process });
    }
    Ok(all)
}

/// The run that shows what was found; without events where the first state does, or no run.
struct Counterexample {
    events: Vec<Event>,
    parked: Vec<ThreadId>,
    /// The event with which a loop begins that goes round for ever.
    loop_at: Option<u64>,
}

/// Explores, tells how far it is, and follows the way to what was found.
fn explore(
    machine: &Arc<dyn AnyMachine>,
    plan: &Plan<'_>,
    mut progress: Progress,
) -> Result<(Exploration, Counterexample), String> {
    let watch = |now: check::Progress| {
        progress.at(|since| {
            let rate = now.transitions as f64 / since.as_secs_f64();
            let left = now.states_left().map_or_else(String::new, |left| {
                format!(", about {} to come", text::count(left))
            });
            format!(
                "{}: {}, {} waiting{left}, depth {}, {:.1} M transitions/s, {}",
                plan.name,
                text::counted(now.states, "state"),
                text::count(now.waiting),
                now.depth,
                rate / 1e6,
                text::bytes(now.bytes)
            )
        });
    };
    let exploration = check::check(
        machine,
        plan.reductions,
        plan.limits,
        &plan.workers,
        plan.keeping.as_ref(),
        plan.stop,
        watch,
    )?;
    let (events, last) = follow(&**machine, &exploration.path);
    let event_of = |step: usize| follow(&**machine, &exploration.path[..step]).0.len() as u64 + 1;
    let counterexample = Counterexample {
        events,
        parked: machine.view(&last).inside_calls().collect(),
        loop_at: exploration.loop_from.map(event_of),
    };
    Ok((exploration, counterexample))
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

/// The counterexample, or what is to be said if it has no events, and how to see it again.
fn show(
    say: &Say,
    args: &Check,
    scenario: &Scenario,
    report: &json::Check,
    events: &[Event],
    wordless: &str,
) -> Result<(), Stop> {
    if !events.is_empty() {
        say.text(&format!(
            "\n{}",
            lanes::lasso(&scenario.names, &scenario.program, events, report.loop_at)
        ))?;
    } else {
        say.text(wordless)?;
    }
    let (file, machine) = (shell(Path::new(&scenario.file)), args.machine.processors);
    let bound = match args.preemptions {
        Some(bound) => format!(" --preemptions {bound}"),
        None => String::new(),
    };
    say.aside(&format!(
        "repeat: portsim check {file} --as {} --processors {machine}{bound}",
        report.personality
    ));
    Ok(())
}

//! `portsim check`: every interleaving of each scenario.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Instant;

use portsim_model::kernel::Kernel;
use portsim_model::personality::NAMES;
use portsim_model::program::ThreadId;
use portsim_model::system::System;
use xxhash_rust::xxh3::xxh3_64;

use super::args::{Check, personality};
use super::run::header;
use super::say::{Progress, Say, shell, stop_on_ctrl_c};
use super::{Exit, Stop, bad_argument, files};
use crate::check::{self, Crew, Exploration, Found, Hosts, Limits, Reductions};
use crate::personality::{OnSystem, default_for, not_for, play};
use crate::report::{json, text};
use crate::run::follow;
use crate::scenario::{Expect, Scenario, find};
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
    if args.hosts.is_some() && jobs.len() != 1 {
        return Err(bad_argument("--hosts", "processes search one scenario together").into());
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
        why: not_for(name, scenario),
    };
    if report.why.is_some() {
        say.text(&line(&report))?;
        return Ok(report);
    }
    let since = Instant::now();
    let limits = Limits {
        memory_bytes: args.memory,
        depth: args.depth,
    };
    let work = Explore {
        reductions: args.reduce,
        limits,
        crew: crew(args, scenario, name)?,
        stop,
        progress: say.progress(),
        name: &scenario.name,
    };
    let explored =
        play(name, &scenario.program, args.machine.processors, work).expect("it was asked before");
    let (exploration, events, parked) = explored.map_err(Stop::Unavailable)?;
    report.seconds = since.elapsed().as_secs_f64();
    report.states_unique = exploration.states;
    report.transitions = exploration.transitions;
    report.depth_max = exploration.depth_max;
    report.bytes_per_state = exploration.bytes_per_state;
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
    report.as_expected = match (report.verdict, &report.property, &scenario.expect) {
        ("pass", _, expect) => Some(*expect == Expect::Pass),
        ("violation", Some(found), Expect::Violation(expected)) => Some(found == expected),
        ("violation", ..) => Some(false),
        _ => None,
    };
    if report.property.is_some() && !events.is_empty() {
        report.trace = Some(json::events(&scenario.names, &scenario.program, &events));
    }
    say.text(&line(&report))?;
    if report.as_expected == Some(false)
        || (report.property.is_some() && args.paths.len() == 1 && args.paths[0].is_file())
    {
        let wordless = match exploration.found {
            None => "",
            Some(Found::Never(_)) => "no state shows it",
            Some(Found::NoEnd) => "it never comes to rest, and this is judged only there",
            Some(Found::Violation(_)) => "the first state already breaks it",
        };
        show(say, args, scenario, &report, &events, wordless)?;
    }
    if let (Some(file), Some(_)) = (&args.trace, &report.property) {
        let mut header = header(scenario, name, args.machine);
        header.violation.clone_from(&report.property);
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

/// The threads and processes that search.
fn crew(args: &Check, scenario: &Scenario, name: &str) -> Result<Crew, Stop> {
    let processors = || thread::available_parallelism().map_or(1, usize::from);
    let mut crew = Crew {
        workers: args.workers.map_or_else(processors, usize::from),
        hosts: None,
    };
    if let (Some(file), Some(process)) = (&args.hosts, args.process) {
        let addresses = files::addresses(file)?;
        if process >= addresses.len() {
            let there = format!("there are {} hosts, counted from 0", addresses.len());
            return Err(bad_argument("--process", there).into());
        }
        let (processors, version) = (args.machine.processors, env!("CARGO_PKG_VERSION"));
        let all = format!(
            "{} {name} {processors} {:?} {:?} {version} {}",
            scenario.sha256, args.depth, args.reduce, crew.workers
        );
        crew.hosts = Some(Hosts {
            addresses,
            process,
            search: xxh3_64(all.as_bytes()),
        });
    }
    Ok(crew)
}

struct Explore<'a> {
    reductions: Reductions,
    limits: Limits,
    crew: Crew,
    stop: &'a AtomicBool,
    progress: Progress,
    name: &'a str,
}

impl OnSystem for Explore<'_> {
    type Out = Result<(Exploration, Vec<Event>, Vec<ThreadId>), String>;
    fn on<K: Kernel + Send + Sync + 'static>(mut self, system: &System<K>) -> Self::Out {
        let watch = |now: check::Progress| {
            self.progress.at(|since| {
                let rate = now.transitions as f64 / since.as_secs_f64();
                format!(
                    "{}: {}, {} waiting, depth {}, {:.1} M transitions/s",
                    self.name,
                    text::counted(now.states, "state"),
                    text::count(now.waiting),
                    now.depth,
                    rate / 1e6
                )
            });
        };
        let exploration = check::check(
            system,
            self.reductions,
            self.limits,
            &self.crew,
            self.stop,
            watch,
        )?;
        let (events, last) = follow(system, &exploration.path);
        let parked = system.view(&last).inside_calls().collect();
        Ok((exploration, events, parked))
    }
}

fn expected(scenario: &Scenario) -> String {
    match &scenario.expect {
        Expect::Pass => "pass".to_owned(),
        Expect::Violation(name) => name.clone(),
    }
}

/// The verdict in one line.
fn line(report: &json::Check) -> String {
    let mut words = format!(
        "{:11}  {} as {}",
        report.verdict, report.name, report.personality
    );
    if let Some(property) = &report.property {
        words += &format!(": {property}");
    }
    if let Some(why) = &report.why {
        words += &format!(": {why}");
    }
    if report.states_unique > 0 {
        let reductions = match report.reductions.as_slice() {
            [] => String::new(),
            some => format!("; {}", some.join(", ")),
        };
        words += &format!(
            "  ({}, {}, depth {}, {}{reductions})",
            text::counted(report.states_unique, "state"),
            text::counted(report.transitions, "transition"),
            report.depth_max,
            text::seconds(report.seconds)
        );
    }
    match report.as_expected {
        Some(false) => words + &format!("  UNEXPECTED: {} was expected", report.expected),
        Some(true) if report.verdict == "violation" => words + "  as expected",
        _ => words,
    }
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
            lanes::lanes(&scenario.names, &scenario.program, events)
        ))?;
    } else {
        say.text(wordless)?;
    }
    let (file, machine) = (shell(Path::new(&scenario.file)), args.machine.processors);
    say.aside(&format!(
        "repeat: portsim check {file} --as {} --processors {machine}",
        report.personality
    ));
    Ok(())
}

fn totals(checks: &[json::Check]) -> String {
    if checks.len() < 2 {
        return String::new();
    }
    let of = |wanted: fn(&json::Check) -> bool| checks.iter().filter(|check| wanted(check)).count();
    let as_expected = of(|check| check.as_expected == Some(true));
    let unexpected = of(|check| check.as_expected == Some(false));
    let partial = of(|check| check.verdict == "partial");
    let unsupported = of(|check| check.verdict == "unsupported");
    format!(
        "\n{}: {as_expected} as expected, {unexpected} unexpected, {partial} partial, {unsupported} unsupported",
        text::counted(checks.len() as u64, "verdict")
    )
}

fn exit_of(check: &json::Check) -> Exit {
    match check.as_expected {
        Some(true) => Exit::AsExpected,
        Some(false) => Exit::Verdict,
        None if check.verdict == "partial" => Exit::Partial,
        None => Exit::AsExpected,
    }
}

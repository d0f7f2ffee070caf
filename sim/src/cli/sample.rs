//! `portsim check --walk`: many runs of a scenario that is too large to explore.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::Stop;
use super::args::Check;
use super::say::{Say, shell};
use super::verdict::{as_expected, line};
use crate::choose::Policy;
use crate::personality::play;
use crate::report::{json, text};
use crate::sample::{Plan, Sampled, sample};
use crate::scenario::Scenario;

/// Samples one scenario; `report` is still without a verdict.
pub fn one(
    args: &Check,
    policy: Policy,
    say: &Say,
    scenario: &Scenario,
    name: &str,
    mut report: json::Check,
    stop: &AtomicBool,
) -> Result<json::Check, Stop> {
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
        play(name, &scenario.program, args.machine.processors).expect("it was asked before");
    let (mut progress, all) = (say.progress(), plan.seeds.end - plan.seeds.start);
    let sampled = sample(&*machine, &plan, stop, |runs| {
        progress.at(|since| {
            format!(
                "{}: {} of {}, {} runs/s",
                scenario.name,
                text::counted(runs, "run"),
                text::count(all),
                text::count((runs as f64 / since.as_secs_f64()) as u64)
            )
        });
    });
    report.seconds = since.elapsed().as_secs_f64();
    report.states_unique = sampled.states;
    report.transitions = sampled.steps;
    (report.verdict, report.why) = match sampled.found {
        Some(_) => ("violation", None),
        None if sampled.stopped => ("partial", Some("it was stopped".to_owned())),
        None => (
            "partial",
            Some("runs were sampled, not all explored".to_owned()),
        ),
    };
    report.property = sampled
        .found
        .map(|(_, violation)| text::property(&scenario.names, violation));
    report.as_expected = as_expected(&report, scenario);
    let covered = covered(scenario, &sampled);
    let words = words(&covered, &report);
    report.sampled = Some(covered);
    say.text(&line(&report))?;
    say.text(&words)?;
    if let Some((seed, _)) = sampled.found {
        let policy = match policy {
            Policy::Random => String::new(),
            Policy::Fair => " --choose fair".to_owned(),
            Policy::Pct(depth) => format!(" --choose pct:{depth}"),
        };
        say.aside(&format!(
            "repeat: portsim run {} --as {name} --seed {seed}{policy} --processors {}",
            shell(std::path::Path::new(&scenario.file)),
            args.machine.processors
        ));
    }
    Ok(report)
}

fn covered(scenario: &Scenario, sampled: &Sampled) -> json::Sample {
    let with = |wanted: bool| {
        let names = scenario.names.sometimes.iter().zip(&sampled.shown);
        names
            .filter(|(_, shown)| **shown == wanted)
            .map(|(name, _)| name.clone())
            .collect()
    };
    json::Sample {
        runs: sampled.runs,
        at_rest: sampled.at_rest,
        calls: sampled.calls,
        calls_all: sampled.calls_all,
        shown: with(true),
        not_shown: with(false),
        seed: sampled.found.map(|(seed, _)| seed),
    }
}

fn words(covered: &json::Sample, report: &json::Check) -> String {
    let (steps, seconds) = (report.transitions, report.seconds.max(1e-9));
    let mut words = format!(
        "  {}, {} of them to rest; {} at {} a second through {}; {} of {} operations called",
        text::counted(covered.runs, "run"),
        text::count(covered.at_rest),
        text::counted(steps, "step"),
        text::count((steps as f64 / seconds) as u64),
        text::counted(report.states_unique, "state"),
        covered.calls,
        covered.calls_all
    );
    if !covered.not_shown.is_empty() {
        words += &format!("; never shown: {}", covered.not_shown.join(", "));
    }
    words
}

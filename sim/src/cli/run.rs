//! `portsim run`: one execution for each seed.

use std::io::{BufWriter, Write};

use sha2::{Digest, Sha256};

use super::args::{Processors, Run, personality};
use super::say::{Say, shell, stop_on_ctrl_c, stopped};
use super::{Exit, Stop, bad_argument, files};
use crate::choose::Policy;
use crate::personality::{default_for, not_for, play};
use crate::report::{json, text};
use crate::run::{Ended, Execution};
use crate::scenario::{Expect, Scenario};
use crate::trace::{End, FORMAT, Header, Mode, Origin, lanes, write};

/// Runs a scenario.
pub fn run(args: &Run, say: &Say) -> Result<Exit, Stop> {
    let scenario = files::scenario(&args.scenario)?;
    let name = args
        .personality
        .as_deref()
        .map(personality)
        .transpose()?
        .unwrap_or_else(|| default_for(&scenario));
    if let Some(why) = not_for(name, &scenario) {
        say.aside(&format!("unsupported: {} as {name}: {why}", scenario.name));
        say.object(&unsupported(&scenario, name, args.seed, why))?;
        return Ok(Exit::AsExpected);
    }
    match &args.seeds {
        None if args.part.shard.is_some() => {
            Err(bad_argument("--shard", "takes a part of --seeds").into())
        }
        None => one(args, say, &scenario, name),
        Some(_) => several(args, say, &scenario, name),
    }
}

fn one(args: &Run, say: &Say, scenario: &Scenario, name: &str) -> Result<Exit, Stop> {
    let (report, execution, bytes) = execute(args, scenario, name, args.seed);
    if let Some(file) = &args.trace {
        files::create(file)?.write_all(&bytes)?;
    }
    let exit = exit_of(&report);
    say.text(&lanes::lanes(
        &scenario.names,
        &scenario.program,
        &execution.events,
    ))?;
    say.text(&format!("\n{}", summary(scenario, &report, exit)))?;
    if exit == Exit::Verdict {
        say.aside(&format!("repeat: {}", repeat(args, name, args.seed)));
    }
    say.object(&report)?;
    Ok(exit)
}

fn several(args: &Run, say: &Say, scenario: &Scenario, name: &str) -> Result<Exit, Stop> {
    stop_on_ctrl_c();
    let seeds = args.seeds.as_ref().expect("several seeds were asked for");
    let seeds = args.part.of_seeds(seeds);
    let (mut runs, mut worst) = (Vec::new(), Exit::AsExpected);
    let mut progress = say.progress();
    for seed in seeds.clone() {
        if stopped() {
            worst = worst.max(Exit::Partial);
            say.aside(&format!(
                "stopped after {} of {} seeds",
                seed - seeds.start,
                seeds.end - seeds.start
            ));
            break;
        }
        let (report, _, _) = execute(args, scenario, name, seed);
        let exit = exit_of(&report);
        if exit == Exit::Verdict {
            say.aside(&format!(
                "{}\nrepeat: {}",
                summary(scenario, &report, exit),
                repeat(args, name, seed)
            ));
        }
        worst = worst.max(exit);
        runs.push(report);
        progress.at(|_| format!("seed {seed} of {}", seeds.end));
    }
    drop(progress);
    let mut rows = Vec::new();
    for verdict in ["pass", "violation", "partial"] {
        let number = runs.iter().filter(|run| run.verdict == verdict).count();
        if number > 0 {
            rows.push(vec![
                verdict.to_owned(),
                text::counted(number as u64, "run"),
            ]);
        }
    }
    say.text(&text::table(&rows))?;
    let worst_name = ["violation", "partial"]
        .into_iter()
        .find(|name| runs.iter().any(|run| run.verdict == *name));
    let seen_all = if stopped() { "partial" } else { "pass" };
    say.object(&json::Runs {
        verdict: worst_name.unwrap_or(seen_all),
        runs,
    })?;
    Ok(worst)
}

/// Runs once; gives the report, what happened, and the trace as a file.
fn execute(
    args: &Run,
    scenario: &Scenario,
    name: &str,
    seed: u64,
) -> (json::Run, Execution, Vec<u8>) {
    // A schedule is a limit of its own.
    let steps_max = match scenario.program.schedule {
        Some(_) => u64::MAX,
        None => args.steps,
    };
    let machine =
        play(name, &scenario.program, args.machine.processors).expect("it was asked before");
    let execution = crate::run::run(&*machine, &mut *args.choose.seeded(seed), steps_max);
    let names = &scenario.names;
    let (verdict, violation, why) = match execution.ended {
        Ended::Rest => ("pass", None, None),
        Ended::Violation(violation) => ("violation", Some(text::property(names, violation)), None),
        Ended::Bound => (
            "partial",
            None,
            Some("a bound on packets or ticks was met".to_owned()),
        ),
        Ended::Limit => (
            "partial",
            None,
            Some("the limit of steps was reached".to_owned()),
        ),
    };
    let mut header = header(scenario, name, args.machine);
    header.seed = Some(seed);
    header.violation.clone_from(&violation);
    let bytes = trace_bytes(scenario, &header, &execution);
    let as_expected = match (&violation, &scenario.expect) {
        (Some(found), Expect::Violation(expected)) => Some(found == expected),
        (Some(_), _) => Some(false),
        (None, _) => (verdict == "pass").then_some(true),
    };
    let report = json::Run {
        scenario: scenario.name.clone(),
        personality: name.to_owned(),
        verdict,
        seed,
        steps: execution.steps,
        trace_sha256: Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        parked: execution
            .parked
            .iter()
            .map(|thread| names.threads[thread.index()].clone())
            .collect(),
        violation,
        as_expected,
        why,
    };
    (report, execution, bytes)
}

/// The header of a trace that the model makes.
pub fn header(scenario: &Scenario, personality: &str, processors: Processors) -> Header {
    Header {
        format: FORMAT.to_owned(),
        scenario: scenario.name.clone(),
        scenario_sha256: scenario.sha256.clone(),
        from: Origin::Model,
        personality: Some(personality.to_owned()),
        on: None,
        mode: if scenario.program.schedule.is_some() {
            Mode::Lockstep
        } else {
            Mode::Steps
        },
        seed: None,
        processors: Some(processors.processors),
        tool: tool(),
        os: "none".to_owned(),
        violation: None,
        loop_at: None,
        refused_at: None,
        why: None,
        claims: Vec::new(),
    }
}

/// Who writes traces.
pub fn tool() -> String {
    format!("portsim {}", env!("CARGO_PKG_VERSION"))
}

fn trace_bytes(scenario: &Scenario, header: &Header, execution: &Execution) -> Vec<u8> {
    let end = End {
        parked: execution.parked.clone(),
    };
    let mut out = BufWriter::new(Vec::new());
    write(
        &mut out,
        &scenario.names,
        &scenario.program,
        header,
        &execution.events,
        Some(&end),
    )
    .and_then(|()| out.flush())
    .expect("memory can be written");
    out.into_inner().expect("it was flushed")
}

fn unsupported(scenario: &Scenario, name: &str, seed: u64, why: String) -> json::Run {
    json::Run {
        scenario: scenario.name.clone(),
        personality: name.to_owned(),
        verdict: "unsupported",
        seed,
        steps: 0,
        trace_sha256: String::new(),
        parked: Vec::new(),
        violation: None,
        as_expected: None,
        why: Some(why),
    }
}

/// One run of a scenario that expects a violation may well pass; a violation that nobody expects is one.
fn exit_of(report: &json::Run) -> Exit {
    match report.as_expected {
        Some(false) => Exit::Verdict,
        None if report.verdict == "partial" => Exit::Partial,
        _ => Exit::AsExpected,
    }
}

fn summary(scenario: &Scenario, report: &json::Run, exit: Exit) -> String {
    let mut words = format!(
        "{} as {}, seed {}: {}",
        scenario.name, report.personality, report.seed, report.verdict
    );
    if let Some(violation) = &report.violation {
        words += &format!(
            " of {violation}{}",
            if exit == Exit::Verdict {
                ""
            } else {
                ", as expected"
            }
        );
    }
    if let Some(why) = &report.why {
        words += &format!(": {why}");
    }
    words += &format!(" after {}", text::counted(report.steps, "step"));
    if !report.parked.is_empty() {
        words += &format!("; inside a call: {}", report.parked.join(", "));
    }
    words
}

fn repeat(args: &Run, name: &str, seed: u64) -> String {
    let policy = match args.choose {
        Policy::Random => String::new(),
        Policy::Fair => " --choose fair".to_owned(),
        Policy::Pct(depth) => format!(" --choose pct:{depth}"),
    };
    let machine = args.machine.processors;
    format!(
        "portsim run {} --as {name} --seed {seed}{policy} --processors {machine}",
        shell(&args.scenario)
    )
}

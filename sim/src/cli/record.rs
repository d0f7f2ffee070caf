//! `portsim record`: what a real system does with a scenario.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use portsim_model::program::ThreadId;

use super::args::{Record, RecordMode};
use super::on::On;
use super::run::tool;
use super::say::Say;
use super::stress::stress;
use super::{Exit, Stop, bad_argument, files};
use crate::choose::Policy;
use crate::cross_check::stress::Round;
use crate::native::{NoRecording, Options, free, record as record_on, record_free};
use crate::report::json;
use crate::scenario::Scenario;
use crate::trace::{End, Event, FORMAT, Header, Mode, Origin, Shown, Span, lanes, write_timed};

/// Records a scenario.
pub fn record(args: &Record, say: &Say) -> Result<Exit, Stop> {
    let Some(file) = &args.scenario else {
        let seconds = args.seconds.unwrap_or_default();
        if args.mode != RecordMode::Free {
            let problem = "stress runs at full speed; say --mode free";
            return Err(bad_argument("--seconds", problem).into());
        }
        let header = |round: &Round, on: &On| header(&round.scenario, args, on);
        return stress(args, seconds, say, header);
    };
    let scenario = files::scenario(file)?;
    let on = On::named(&args.on)?;
    if args.mode == RecordMode::Free {
        return record_freely(args, say, &scenario, &on);
    }
    let policy = || Policy::Random.seeded(args.seed);
    match record_on(&*on, &scenario.program, &policy, &Options::default()) {
        Ok(recording) => {
            let ended = recording.ended.words(&scenario.names);
            let end = End {
                parked: recording.parked,
            };
            let header = header(&scenario, args, &on);
            let seen = (recording.events, Vec::new());
            keep(args, say, &scenario, header, seen, Some(end), ended)?;
            Ok(Exit::AsExpected)
        }
        Err(NoRecording::Unsupported(why)) => unsupported(args, say, &scenario, why),
        // What was recorded before stays: a trace without its end.
        Err(failed) => {
            let why = failed.words(&scenario.names);
            let events = failed.events();
            if !events.is_empty() {
                let header = header(&scenario, args, &on);
                let seen = (events, Vec::new());
                keep(args, say, &scenario, header, seen, None, why.clone())?;
            }
            Err(unavailable(args, &scenario, why))
        }
    }
}

/// Records a scenario whose threads run at full speed.
fn record_freely(args: &Record, say: &Say, scenario: &Scenario, on: &On) -> Result<Exit, Stop> {
    let limit = Duration::from_millis(args.limit);
    match record_free(&**on, &scenario.program, args.seed, limit) {
        Ok(recording) => {
            let name = |thread: ThreadId| scenario.names.threads[thread.index()].clone();
            let ended = recording.ended.words(name);
            let is_cut = matches!(recording.ended, free::Ended::Failed(_));
            let end = End {
                parked: recording.parked,
            };
            let calls = recording.calls.into_iter();
            let seen = calls.map(|call| (call.shown(), call.span)).unzip();
            let header = header(scenario, args, on);
            let end = (!is_cut).then_some(end);
            keep(args, say, scenario, header, seen, end, ended.clone())?;
            match is_cut {
                true => Err(unavailable(args, scenario, ended)),
                false => Ok(Exit::AsExpected),
            }
        }
        Err(NoRecording::Unsupported(why)) => unsupported(args, say, scenario, why),
        Err(failed) => Err(unavailable(args, scenario, failed.words(&scenario.names))),
    }
}

fn unavailable(args: &Record, scenario: &Scenario, why: String) -> Stop {
    Stop::Unavailable(format!("{} on {}: {why}", scenario.name, args.on))
}

fn unsupported(args: &Record, say: &Say, scenario: &Scenario, why: String) -> Result<Exit, Stop> {
    say.aside(&format!(
        "unsupported: {} on {}: {why}",
        scenario.name, args.on
    ));
    let nobody = End::default();
    say.object(&report(scenario, args, "unsupported", 0, &nobody, why))?;
    Ok(Exit::AsExpected)
}

/// Writes the trace where it was wanted, and says what it is.
fn keep(
    args: &Record,
    say: &Say,
    scenario: &Scenario,
    header: Header,
    (shown, spans): (Vec<Shown>, Vec<Span>),
    end: Option<End>,
    ended: String,
) -> Result<(), Stop> {
    let events: Vec<_> = shown.into_iter().map(Event::of).collect();
    let to = |out: &mut dyn Write| {
        let mut out = BufWriter::new(out);
        write_timed(
            &mut out,
            &scenario.names,
            &scenario.program,
            &header,
            (&events, &spans),
            end.as_ref(),
        )?;
        out.flush()
    };
    match &args.out {
        Some(file) => {
            to(&mut files::create(file)?)?;
            say.text(&lanes::lanes(&scenario.names, &scenario.program, &events))?;
        }
        None if !say.json => to(&mut io::stdout().lock())?,
        None => {}
    }
    let verdict = if end.is_some() { "recorded" } else { "cut" };
    let mut report = report(
        scenario,
        args,
        verdict,
        events.len() as u64,
        &end.unwrap_or_default(),
        ended,
    );
    if args.out.is_none() {
        report.trace = Some(json::events(&scenario.names, &scenario.program, &events));
    }
    say.aside(&format!(
        "{} on {}, seed {}: {} events, {}",
        report.scenario, report.on, args.seed, report.events, report.ended
    ));
    say.object(&report)?;
    Ok(())
}

fn header(scenario: &Scenario, args: &Record, on: &On) -> Header {
    Header {
        format: FORMAT.to_owned(),
        scenario: scenario.name.clone(),
        scenario_sha256: scenario.sha256.clone(),
        from: Origin::Backend,
        personality: None,
        on: Some(on.plays()),
        mode: match args.mode {
            RecordMode::Lockstep => Mode::Lockstep,
            RecordMode::Free => Mode::Free,
        },
        seed: Some(args.seed),
        processors: on.processors(),
        tool: tool(),
        os: on.os(),
        violation: None,
        loop_at: None,
        refused_at: None,
        why: None,
        claims: Vec::new(),
    }
}

fn report(
    scenario: &Scenario,
    args: &Record,
    verdict: &'static str,
    events: u64,
    end: &End,
    ended: String,
) -> json::Record {
    json::Record {
        scenario: scenario.name.clone(),
        on: args.on.clone(),
        verdict,
        seed: args.seed,
        file: args.out.as_ref().map(|file| file.display().to_string()),
        events,
        parked: end
            .parked
            .iter()
            .map(|thread| scenario.names.threads[thread.index()].clone())
            .collect(),
        ended,
        trace: None,
    }
}

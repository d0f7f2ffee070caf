//! `portsim record`: what a real system does with a scenario.

use std::io::{self, BufWriter, Write};

use super::args::Record;
use super::on::On;
use super::run::tool;
use super::say::Say;
use super::{Exit, Stop, files};
use crate::choose::Policy;
use crate::native::{NoRecording, Options, record as record_on};
use crate::report::json;
use crate::scenario::Scenario;
use crate::trace::{End, Event, FORMAT, Header, Mode, Origin, Shown, lanes, write};

/// Records a scenario.
pub fn record(args: &Record, say: &Say) -> Result<Exit, Stop> {
    let scenario = files::scenario(&args.scenario)?;
    let on = On::named(&args.on)?;
    let policy = || Policy::Random.seeded(args.seed);
    match record_on(&*on, &scenario.program, &policy, &Options::default()) {
        Ok(recording) => {
            let ended = recording.ended.words(&scenario.names);
            let end = End {
                parked: recording.parked,
            };
            let header = header(&scenario, args, &on);
            keep(
                args,
                say,
                &scenario,
                header,
                recording.events,
                Some(end),
                ended,
            )?;
            Ok(Exit::AsExpected)
        }
        Err(NoRecording::Unsupported(why)) => {
            say.aside(&format!(
                "unsupported: {} on {}: {why}",
                scenario.name, args.on
            ));
            say.object(&report(
                &scenario,
                args,
                "unsupported",
                0,
                &End::default(),
                why,
            ))?;
            Ok(Exit::AsExpected)
        }
        // What was recorded before stays: a trace without its end.
        Err(failed) => {
            let why = failed.words(&scenario.names);
            let events = failed.events();
            if !events.is_empty() {
                let header = header(&scenario, args, &on);
                keep(args, say, &scenario, header, events, None, why.clone())?;
            }
            Err(Stop::Unavailable(format!(
                "{} on {}: {why}",
                scenario.name, args.on
            )))
        }
    }
}

/// Writes the trace where it was wanted, and says what it is.
fn keep(
    args: &Record,
    say: &Say,
    scenario: &Scenario,
    header: Header,
    shown: Vec<Shown>,
    end: Option<End>,
    ended: String,
) -> Result<(), Stop> {
    let events: Vec<_> = shown
        .into_iter()
        .map(|shown| Event { shown, choice: 0 })
        .collect();
    let to = |out: &mut dyn Write| {
        let mut out = BufWriter::new(out);
        write(
            &mut out,
            &scenario.names,
            &scenario.program,
            &header,
            &events,
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
        mode: Mode::Lockstep,
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

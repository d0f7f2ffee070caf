//! `portsim record`: what a real system does with a scenario.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use super::args::Record;
use super::run::tool;
use super::say::Say;
use super::{Exit, Stop, files};
use crate::choose::Policy;
use crate::native::{NoRecording, Options, Recording, record as record_on};
use crate::report::json;
use crate::scenario::Scenario;
use crate::trace::{End, Event, FORMAT, Header, Mode, Origin, lanes, write};

/// Records a scenario.
pub fn record(args: &Record, say: &Say) -> Result<Exit, Stop> {
    let scenario = files::scenario(&args.scenario)?;
    let backend = files::backend(&args.on)?;
    let policy = || Policy::Random.seeded(args.seed);
    let recording = match record_on(backend, &scenario.program, &policy, &Options::default()) {
        Ok(recording) => recording,
        Err(NoRecording::Unsupported(why)) => {
            say.aside(&format!(
                "unsupported: {} on {}: {why}",
                scenario.name, args.on
            ));
            return Ok(Exit::AsExpected);
        }
        Err(failed) => {
            return Err(Stop::Unavailable(format!(
                "{} on {}: {failed}",
                scenario.name, args.on
            )));
        }
    };
    let header = header(&scenario, args);
    let events: Vec<_> = recording
        .events
        .iter()
        .cloned()
        .map(|shown| Event { shown, choice: 0 })
        .collect();
    let end = End {
        parked: recording.parked.clone(),
    };
    let to = |out: &mut dyn Write| {
        let mut out = BufWriter::new(out);
        write(
            &mut out,
            &scenario.names,
            &scenario.program,
            &header,
            &events,
            Some(&end),
        )?;
        out.flush()
    };
    match &args.out {
        Some(file) => {
            to(&mut File::create(file)?)?;
            say.text(&lanes::lanes(&scenario.names, &scenario.program, &events))?;
        }
        None if !say.json => to(&mut io::stdout().lock())?,
        None => {}
    }
    let report = report(&scenario, args, &recording);
    say.aside(&format!(
        "{} on {}, seed {}: {} events, {}",
        report.scenario, report.on, args.seed, report.events, report.ended
    ));
    say.object(&report)?;
    Ok(Exit::AsExpected)
}

fn header(scenario: &Scenario, args: &Record) -> Header {
    Header {
        format: FORMAT.to_owned(),
        scenario: scenario.name.clone(),
        scenario_sha256: scenario.sha256.clone(),
        from: Origin::Backend,
        personality: None,
        on: Some(args.on.clone()),
        mode: Mode::Lockstep,
        seed: Some(args.seed),
        processors: None,
        tool: tool(),
        os: os(),
        violation: None,
        refused_at: None,
        why: None,
        claims: Vec::new(),
    }
}

/// The operating system and its release, where it tells.
fn os() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {}", std::env::consts::OS, release.trim())
        .trim_end()
        .to_owned()
}

fn report(scenario: &Scenario, args: &Record, recording: &Recording) -> json::Record {
    let name =
        |thread: &portsim_model::program::ThreadId| scenario.names.threads[thread.index()].clone();
    json::Record {
        scenario: scenario.name.clone(),
        on: args.on.clone(),
        seed: args.seed,
        file: args.out.as_ref().map(|file| file.display().to_string()),
        events: recording.events.len() as u64,
        parked: recording.parked.iter().map(name).collect(),
        ended: recording.ended.words(&scenario.names),
    }
}

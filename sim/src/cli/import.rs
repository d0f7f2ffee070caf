//! `portsim import`: a log as a scenario and a trace.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;

use portsim_model::event::Error;
use portsim_model::personality::NAMES;

use super::args::{self, personality};
use super::logs::map_of;
use super::say::{Say, create};
use super::stop::stopped;
use super::{Exit, Stop, traces};
use crate::admit::free::Limits;
use crate::bad_input::BadInput;
use crate::log::{Imported, Log, Named, error_names, imported, judge, logs, read_named};
use crate::report::Report;
use crate::report::import::{Import, Imports};
use crate::trace::Trace;

/// Imports logs.
pub fn import(args: &args::Import, say: &Say) -> Result<Exit, Stop> {
    let system = args.personality.as_deref().map(personality).transpose()?;
    let map = map_of(args.map.as_deref(), args.format)?;
    let unwritable = |error: std::io::Error| BadInput::new(&args.out, error.to_string());
    fs::create_dir_all(&args.out).map_err(unwritable)?;
    let named = logs(&args.logs, args.format);
    let mut imports = Vec::new();
    let mut unusable = 0;
    for log in &named {
        if stopped() {
            break;
        }
        let read = read_named(log, args.format, map.as_ref());
        match read.and_then(|read| one(args, system, log, &read)) {
            Ok((imported, lacks)) => imports.push(written(args, system, log, imported, lacks)?),
            // The other logs are imported all the same.
            Err(bad) => {
                say.bad(bad);
                unusable += 1;
            }
        }
    }
    say.report(Report::Import(&Imports {
        imports,
        named: named.len() - unusable,
    }))
}

/// A log as a scenario, or the window of its refusal, and then why not all of it.
fn one(
    args: &args::Import,
    system: Option<&str>,
    log: &Named,
    read: &Log,
) -> Result<(Imported, Option<String>), BadInput> {
    let stem = log.name.file_stem().unwrap_or_default();
    let stem = stem.to_string_lossy().into_owned();
    let systems = system.into_iter().chain(NAMES);
    let name = systems
        .map(|system| error_names(read, system))
        .find_map(Result::ok);
    let name = |error: Error| name.map_or(String::new(), |name| name(error).name.to_owned());
    let bad = match imported(read, &stem, None, name) {
        Ok(imported) => return Ok((imported, None)),
        Err(bad) => bad,
    };
    let of_log = |problem: String| BadInput::new(&log.name, problem);
    let lacks = format!("it has no room in a scenario: {}", bad.problem);
    let Some(system) = system else {
        return Err(of_log(format!("{lacks}; with --as its refusal may have")));
    };
    let judged = judge(
        read,
        system,
        args.machine.processors,
        Limits::default(),
        false,
    );
    let refused = judged.map_err(&of_log)?.refused;
    let Some(refused) = refused else {
        return Err(of_log(format!("{lacks}; and {system} does not refuse it")));
    };
    let lines: BTreeSet<u32> = refused.window.iter().map(|call| call.line).collect();
    let window = imported(read, &stem, Some(&lines), name);
    let window =
        window.map_err(|bad| of_log(format!("{lacks}; nor has its refusal: {}", bad.problem)))?;
    Ok((window, Some(lacks)))
}

fn written(
    args: &args::Import,
    system: Option<&str>,
    log: &Named,
    imported: Imported,
    lacks: Option<String>,
) -> Result<Import, Stop> {
    let file = |end: &str| args.out.join(format!("{}.{end}", imported.scenario.name));
    let (scenario, trace) = (file("json"), file("jsonl"));
    create(&scenario)?.write_all(imported.text.as_bytes())?;
    let calls = imported.events.len();
    let header = traces::of_log(&imported.scenario, system, args.machine.processors);
    let events = Trace {
        header,
        events: imported.events,
        spans: imported.spans,
        end: Some(imported.end),
    };
    traces::write(Path::new(&trace), &imported.scenario, &events)?;
    Ok(Import {
        log: log.name.clone(),
        scenario,
        trace,
        calls,
        lacks,
    })
}

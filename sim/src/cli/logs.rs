//! `portsim admit --from`: could a system have shown this log?

use std::path::Path;
use std::sync::Arc;

use portsim_model::personality::NAMES;

use super::args::{self, personality};
use super::say::Say;
use super::stop::{stopped, unless_stopped};
use super::{Exit, Stop, bad_argument, no_thread};
use crate::admit::free::Limits;
use crate::log::{Format, Judged, Log, Map, judge, read};
use crate::report::log::{self, Logs, System};
use crate::report::{Part, Report};

/// What stands for every system.
const ALL: &str = "all";

/// As many places are looked at before a judge gives up: so many at least, and so many for each call.
const LOOKS_MIN: usize = 2_000_000;
const LOOKS_EACH: usize = 10;

/// Judges logs.
pub fn admit(args: &args::Admit, format: Format, say: &Say) -> Result<Exit, Stop> {
    let (systems, asks_all) = match args.personality.as_deref() {
        Some(ALL) => (NAMES.to_vec(), true),
        Some(name) => (vec![personality(name)?], false),
        None => {
            let problem = "a log does not say which system it is of; name one, or `all`";
            return Err(bad_argument("--as", problem).into());
        }
    };
    let map = match &args.map {
        Some(file) => Some(Map::read(file)?),
        None if !format.needs_map() => None,
        None => {
            let problem = format!(
                "a log that is {} has fields of its own; say what they are",
                format.name()
            );
            return Err(bad_argument("--map", problem).into());
        }
    };
    let files = args.part.of(args.traces.clone());
    let (mut logs, mut unusable) = (Vec::new(), 0);
    for file in &files {
        if stopped() {
            break;
        }
        let Some(read) = in_time({
            let (file, map) = (file.clone(), map.clone());
            move || read(&file, format, map.as_ref())
        })?
        else {
            break;
        };
        let log = match read {
            Ok(log) => Arc::new(log),
            // The other logs are judged all the same.
            Err(bad) => {
                say.bad(bad);
                unusable += 1;
                continue;
            }
        };
        let mut said = said(args, file, format, &log);
        said.asks_all = asks_all;
        for &personality in &systems {
            match judged(&log, personality, args.machine.processors)? {
                Some(judged) => said.systems.push(System {
                    personality,
                    processors: args.machine.processors,
                    judged,
                }),
                None => break,
            }
        }
        if said.systems.is_empty() {
            break;
        }
        say.part(Part::Log(&said))?;
        logs.push(said);
    }
    say.report(Report::Logs(&Logs {
        logs,
        named: files.len() - unusable,
    }))
}

fn said(args: &args::Admit, file: &Path, format: Format, log: &Log) -> log::Log {
    log::Log {
        file: file.to_owned(),
        format: format.name(),
        map: args.map.clone(),
        calls: log.calls(),
        threads: log.threads(),
        ports: log.ports(),
        unknown: log.unknown.clone(),
        systems: Vec::new(),
        asks_all: false,
    }
}

/// What a system says; none if the program was told to end before it said it.
fn judged(
    log: &Arc<Log>,
    personality: &'static str,
    processors: u32,
) -> Result<Option<Result<Judged, String>>, Stop> {
    let log = Arc::clone(log);
    let limits = Limits {
        looks_max: LOOKS_MIN.max(LOOKS_EACH * log.calls()),
        ..Limits::default()
    };
    in_time(move || judge(&log, personality, processors, limits, false))
}

fn in_time<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Option<T>, Stop> {
    unless_stopped(work).map_err(no_thread)
}

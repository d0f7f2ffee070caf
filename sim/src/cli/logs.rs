//! `portsim admit --from`: could a system have shown this log?

use std::path::Path;
use std::sync::Arc;

use super::args;
use super::asked::{Asked, LOOKS_OF_ALL, limits, together};
use super::say::Say;
use super::stop::{stopped, unless_stopped, unless_stopped_for_good};
use super::{Exit, Stop, bad_argument, no_thread};
use crate::coverage::Coverage;
use crate::log::{Format, Log, Map, judge, logs as named_logs, read_named};
use crate::report::covered::Covered;
use crate::report::log::{self, Logs, System};
use crate::report::{Part, Report};

/// So many places are looked at least where one system is asked, before its judge gives up.
const LOOKS_MIN: usize = 2_000_000;

/// Judges logs.
pub fn admit(args: &args::Admit, format: Format, say: &Say) -> Result<Exit, Stop> {
    let asked = Asked::of(args.personality.as_deref())?;
    if asked == Asked::Own {
        let problem = "a log does not say which system it is of; name one, or `all`";
        return Err(bad_argument("--as", problem).into());
    }
    let map = map_of(args.map.as_deref(), format)?;
    let named = args.part.of(named_logs(&args.traces, format));
    let (mut logs, mut unusable) = (Vec::new(), 0);
    for named in &named {
        if stopped() {
            break;
        }
        let Some(read) = unless_stopped({
            let (named, map) = (named.clone(), map.clone());
            move || read_named(&named, format, map.as_ref())
        })
        .map_err(no_thread)?
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
        let mut said = said(args, &named.name, format, &log);
        said.asks_all = asked == Asked::All;
        let by = |personality, looks_min| system(args, &log, personality, looks_min);
        let systems = match asked {
            Asked::One(name) => by(name, LOOKS_MIN)?.into_iter().collect(),
            Asked::Own | Asked::All => together(|name| by(name, LOOKS_OF_ALL))?,
        };
        if systems.is_empty() {
            break;
        }
        said.systems = systems;
        say.part(Part::Log(&said))?;
        logs.push(said);
    }
    let covered = args
        .coverage
        .then(|| Covered::of(logs.iter().flat_map(coverage_of)));
    say.report(Report::Logs(&Logs {
        covered,
        logs,
        named: named.len() - unusable,
    }))
}

/// The map of a format, where it needs one.
pub fn map_of(file: Option<&Path>, format: Format) -> Result<Option<Map>, Stop> {
    match file {
        Some(file) => Ok(Some(Map::read(file)?)),
        None if !format.needs_map() => Ok(None),
        None => {
            let problem = format!(
                "a {} log needs `--map FILE`, which says what its fields mean",
                format.name()
            );
            Err(bad_argument("--map", problem).into())
        }
    }
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

/// The claims that each system needed for a log that it could have shown.
fn coverage_of(log: &log::Log) -> impl Iterator<Item = (&str, &Coverage)> {
    log.systems.iter().filter_map(|system| {
        let coverage = system.judged.as_ref().ok()?.coverage.as_ref()?;
        Some((system.personality, coverage))
    })
}

/// What a system says; none if the program was told to end before it said it.
fn system(
    args: &args::Admit,
    log: &Arc<Log>,
    personality: &'static str,
    looks_min: usize,
) -> Result<Option<System>, Stop> {
    let (log, limits) = (Arc::clone(log), limits(looks_min));
    let (processors, covers) = (args.machine.processors, args.coverage);
    let work = move || judge(&log, personality, processors, limits, covers);
    let judged = unless_stopped_for_good(work).map_err(no_thread)?;
    Ok(judged.map(|judged| System {
        personality,
        processors,
        judged,
    }))
}

//! `portsim admit`: could the model have shown this?

use std::path::Path;

use super::args::{self, personality};
use super::files::TraceFile;
use super::say::Say;
use super::stop::{stopped, unless_stopped};
use super::{Exit, Stop, bad_argument, files, no_thread};
use crate::admit::Judgement;
use crate::cross_check::{judge, judge_free, judge_of};
use crate::personality::not_for;
use crate::report::admit::{Admission, Admissions};
use crate::report::{Part, Report};
use crate::scenario::Scenario;
use crate::trace::{Header, Mode, Origin, Trace};

/// Judges traces.
pub fn admit(args: &args::Admit, say: &Say) -> Result<Exit, Stop> {
    let files = args.part.of(args.traces.clone());
    let (mut traces, mut unusable) = (Vec::new(), 0);
    for file in &files {
        if stopped() {
            break;
        }
        let read = match files::trace(file, &args.look_in) {
            Ok(read) => read,
            // The other traces are judged all the same.
            Err(bad) => {
                say.bad(bad);
                unusable += 1;
                continue;
            }
        };
        let name = match &args.personality {
            Some(name) => personality(name)?,
            None => own_personality(&read.trace.header)?,
        };
        let Some(admission) = one(args, file, read, name)? else {
            break;
        };
        say.part(Part::Admit(&admission))?;
        traces.push(admission);
    }
    say.report(Report::Admit(&Admissions {
        traces,
        named: files.len() - unusable,
    }))
}

/// Judges a trace; none if the program was told to end before it was through.
fn one(
    args: &args::Admit,
    file: &Path,
    read: TraceFile,
    personality: &'static str,
) -> Result<Option<Admission>, Stop> {
    let own = read.trace.header.processors;
    let processors = own.unwrap_or(args.machine.processors);
    let work = move || {
        let judged = match not_for(personality, &read.scenario) {
            Some(lacks) => Err(lacks),
            None => judged(&read.scenario, personality, processors, &read.trace),
        };
        (judged, read)
    };
    let Some((judged, read)) = unless_stopped(work).map_err(no_thread)? else {
        return Ok(None);
    };
    let is_refused = matches!(&judged, Ok(judgement) if judgement.refused.is_some());
    Ok(Some(Admission {
        file: file.to_owned(),
        scenario: read.scenario,
        folder: args.look_in.scenarios.clone(),
        personality,
        processors,
        judged,
        refused: is_refused.then_some(read.trace),
        cut: read.cut,
    }))
}

fn judged(
    scenario: &Scenario,
    personality: &str,
    processors: u32,
    trace: &Trace,
) -> Result<Judgement, String> {
    let (program, names, end) = (&scenario.program, &scenario.names, trace.end.as_ref());
    match trace.header.mode {
        Mode::Free => {
            let seen = (&trace.events[..], &trace.spans[..]);
            judge_free(program, names, personality, processors, seen, end)
        }
        mode => {
            let at_rest = trace.header.from == Origin::Backend && mode == Mode::Lockstep;
            let events = &trace.events;
            judge(
                program,
                names,
                personality,
                processors,
                events,
                end,
                at_rest,
            )
        }
    }
}

/// A trace is judged by the system that it says it is of, or whose rules its backend keeps, in the version that its machine
/// has.
fn own_personality(header: &Header) -> Result<&'static str, Stop> {
    let on = header.on.as_deref();
    let on = on.map(|on| judge_of(on, &header.os));
    match header.personality.as_deref().or(on.as_deref()) {
        Some(name) => Ok(personality(name)?),
        None => Err(bad_argument(
            "--as",
            "the trace does not say which system it is of; name one",
        )
        .into()),
    }
}

//! `portsim admit`: could the model have shown this?

use std::path::Path;

use super::args::{self, personality};
use super::files::TraceFile;
use super::say::Say;
use super::stop::{stopped, unless_stopped};
use super::{Exit, Stop, bad_argument, files, no_thread};
use crate::admit::{Judgement, Refusal};
use crate::cross_check::{judge, judge_free, judge_of, unscheduled};
use crate::explore::Tour;
use crate::personality::{not_for, play};
use crate::report::admit::{Admission, Admissions};
use crate::report::{Part, Report};
use crate::scenario::Scenario;
use crate::trace::{Header, Mode, Origin, Trace};

/// Judges traces.
pub fn admit(args: &args::Admit, say: &Say) -> Result<Exit, Stop> {
    if let Some(format) = args.from {
        return super::logs::admit(args, format, say);
    }
    let files = args.part.of(args.traces.clone());
    let states_max = args.pages.states_max(files.len());
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
        let Some(admission) = one(
            (file, &args.look_in.scenarios),
            args.machine.processors,
            read,
            name,
            states_max,
        )?
        else {
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

/// Judges a trace; none if the program was told to end before it was through. Where a page is to show it, around so many
/// states.
pub fn one(
    (file, folder): (&Path, &Path),
    processors: u32,
    read: TraceFile,
    personality: &'static str,
    states_max: Option<usize>,
) -> Result<Option<Admission>, Stop> {
    let own = read.trace.header.processors;
    let processors = own.unwrap_or(processors);
    let work = move || {
        let judged = match not_for(personality, &read.scenario) {
            Some(lacks) => Err(lacks),
            None => judged(&read.scenario, personality, processors, &read.trace),
        };
        let refusal = judged.as_ref().ok().and_then(|it| it.refused.as_ref());
        let tour = states_max
            .filter(|_| judged.is_ok())
            .and_then(|states_max| {
                let recording = Recording {
                    scenario: &read.scenario,
                    personality,
                    processors,
                    trace: &read.trace,
                };
                recording.tour(refusal, states_max)
            });
        (judged, read, tour)
    };
    let Some((judged, read, tour)) = unless_stopped(work).map_err(no_thread)? else {
        return Ok(None);
    };
    let is_refused = matches!(&judged, Ok(judgement) if judgement.refused.is_some());
    Ok(Some(Admission {
        file: file.to_owned(),
        scenario: read.scenario,
        folder: folder.to_owned(),
        personality,
        processors,
        judged,
        trace: (is_refused || states_max.is_some()).then_some(read.trace),
        tour,
        cut: read.cut,
    }))
}

/// A trace, and who judges it.
struct Recording<'t> {
    scenario: &'t Scenario,
    personality: &'static str,
    processors: u32,
    trace: &'t Trace,
}

impl Recording<'_> {
    /// What a page shows of it; none of threads at full speed, whose order nobody knows.
    fn tour(&self, refusal: Option<&Refusal>, states_max: usize) -> Option<Tour> {
        let (trace, program) = (self.trace, unscheduled(&self.scenario.program));
        if trace.header.mode == Mode::Free {
            return None;
        }
        let machine = play(self.personality, &program, self.processors).ok()?;
        let at_rest = at_rest(trace);
        let events = &trace.events;
        Some(Tour::of_recording(
            machine, events, at_rest, refusal, states_max,
        ))
    }
}

/// Whether everybody had come to rest before each turn.
pub fn at_rest(trace: &Trace) -> bool {
    trace.header.from == Origin::Backend && trace.header.mode == Mode::Lockstep
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
        Mode::Lockstep | Mode::Steps => judge(
            program,
            names,
            personality,
            processors,
            &trace.events,
            end,
            at_rest(trace),
        ),
    }
}

/// A trace is judged by the system that it says it is of, or whose rules its backend keeps, in the version that its machine
/// has.
pub fn own_personality(header: &Header) -> Result<&'static str, Stop> {
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

//! `portsim admit`: could the model have shown this?

use std::path::Path;
use std::sync::Arc;

use super::args::{self, personality};
use super::asked::{Asked, LOOKS_OF_ALL, limits, together};
use super::files::TraceFile;
use super::say::Say;
use super::stop::{stopped, unless_stopped};
use super::{Exit, Stop, bad_argument, files, no_thread};
use crate::admit::free::Limits;
use crate::admit::{Judgement, Refusal};
use crate::coverage::Coverage;
use crate::cross_check::{judge_covering, judge_free_within, judge_of, unscheduled};
use crate::explore::Tour;
use crate::personality::{not_for, play};
use crate::report::admit::{Admission, Admissions, Judged};
use crate::report::covered::Covered;
use crate::report::{Part, Report};
use crate::scenario::Scenario;
use crate::trace::{Header, Mode, Origin, Trace};

/// Judges traces.
pub fn admit(args: &args::Admit, say: &Say) -> Result<Exit, Stop> {
    if let Some(format) = args.from {
        return super::logs::admit(args, format, say);
    }
    let asked = Asked::of(args.personality.as_deref())?;
    let files = args.part.of(args.traces.clone());
    let systems = asked.count();
    let by = By {
        processors: args.machine.processors,
        limits: match asked {
            Asked::All => limits(LOOKS_OF_ALL),
            Asked::Own | Asked::One(_) => Limits::default(),
        },
        states_max: args.pages.states_max(files.len() * systems),
        covers: args.coverage,
    };
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
        let place = (&**file, &*args.look_in.scenarios);
        let name = match asked {
            Asked::One(name) => Some(name),
            Asked::Own => Some(own_personality(&read.trace.header)?),
            Asked::All => None,
        };
        let read = Arc::new(read);
        let judged = match name {
            Some(name) => one(place, &read, name, by)?.map(|it| Judged::By(Box::new(it))),
            None => {
                let all = together(|name| one(place, &read, name, by))?;
                (!all.is_empty()).then_some(Judged::ByAll(all))
            }
        };
        let Some(judged) = judged else {
            break;
        };
        say.part(Part::Admit(&judged))?;
        traces.push(judged);
    }
    let covered = args.coverage.then(|| {
        let all = traces.iter().flat_map(Judged::fitting);
        Covered::of(all.filter_map(|it| Some((it.personality, it.coverage.as_ref()?))))
    });
    say.report(Report::Admit(&Admissions {
        traces,
        covered,
        named: files.len() - unusable,
    }))
}

/// How a trace is judged.
#[derive(Clone, Copy)]
pub struct By {
    /// Processors of the machine, where the trace does not say.
    pub processors: u32,
    /// How long threads at full speed are judged.
    pub limits: Limits,
    /// Where a page is to show it, around so many states.
    pub states_max: Option<usize>,
    /// Whether the claims that decide are counted.
    pub covers: bool,
}

/// Judges a trace; none if the program was told to end before it was through.
pub fn one(
    (file, folder): (&Path, &Path),
    read: &Arc<TraceFile>,
    personality: &'static str,
    by: By,
) -> Result<Option<Admission>, Stop> {
    let own = read.trace.header.processors;
    let processors = own.unwrap_or(by.processors);
    let states_max = by.states_max;
    let work = {
        let read = Arc::clone(read);
        move || work_on(&read, personality, processors, by)
    };
    let Some((judged, coverage, tour)) = unless_stopped(work).map_err(no_thread)? else {
        return Ok(None);
    };
    let is_refused = matches!(&judged, Ok(judgement) if judgement.refused.is_some());
    Ok(Some(Admission {
        file: file.to_owned(),
        scenario: Arc::clone(&read.scenario),
        folder: folder.to_owned(),
        personality,
        processors,
        judged,
        trace: (is_refused || states_max.is_some()).then(|| read.trace.clone()),
        coverage,
        tour,
        cut: read.cut.clone(),
    }))
}

fn work_on(
    read: &TraceFile,
    personality: &'static str,
    processors: u32,
    by: By,
) -> (Result<Judgement, String>, Option<Coverage>, Option<Tour>) {
    let mut coverage = by.covers.then(Coverage::default);
    let judged = match not_for(personality, &read.scenario) {
        Some(lacks) => Err(lacks),
        None => judged(read, personality, processors, by.limits, coverage.as_mut()),
    };
    let refusal = judged.as_ref().ok().and_then(|it| it.refused.as_ref());
    let states_max = by.states_max.filter(|_| judged.is_ok());
    let tour = states_max.and_then(|states_max| {
        let recording = Recording {
            scenario: &read.scenario,
            personality,
            processors,
            trace: &read.trace,
        };
        recording.tour(refusal, states_max)
    });
    let coverage = coverage.filter(|_| judged.is_ok());
    (judged, coverage, tour)
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
    TraceFile {
        scenario, trace, ..
    }: &TraceFile,
    personality: &str,
    processors: u32,
    limits: Limits,
    coverage: Option<&mut Coverage>,
) -> Result<Judgement, String> {
    let (program, names, end) = (&scenario.program, &scenario.names, trace.end.as_ref());
    match trace.header.mode {
        Mode::Free => {
            let seen = (&trace.events[..], &trace.spans[..]);
            judge_free_within(
                program,
                names,
                personality,
                processors,
                seen,
                end,
                limits,
                coverage,
            )
        }
        Mode::Lockstep | Mode::Steps => judge_covering(
            program,
            names,
            personality,
            processors,
            &trace.events,
            end,
            at_rest(trace),
            coverage,
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

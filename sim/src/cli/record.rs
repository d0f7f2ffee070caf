//! `portsim record`: what a real system does with a scenario.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use portsim_model::program::ThreadId;

use super::args::{self, RecordMode, Service};
use super::on::On;
use super::say::{Say, create};
use super::stress::stress;
use super::{Exit, Stop, bad_argument, traces};
use crate::choose::Policy;
use crate::log;
use crate::native::{NoRecording, Options, free, record as record_on, record_free};
use crate::report::Report;
use crate::report::record::{Record, Recorded};
use crate::scenario::Scenario;
use crate::trace::{End, Event, Mode, Span, Trace};

/// Records a scenario.
pub fn record(args: &args::Record, say: &Say) -> Result<Exit, Stop> {
    let Some(file) = &args.scenario else {
        if args.mode != RecordMode::Free {
            let problem = "stress runs at full speed; say --mode free";
            return Err(bad_argument("--seconds", problem).into());
        }
        return stress(args, args.seconds.unwrap_or_default(), say);
    };
    let scenario = Arc::new(Scenario::read(file)?);
    let on = On::named(&args.on)?;
    let recorded = match args.mode {
        RecordMode::Lockstep => in_lockstep(args, &scenario, &on),
        RecordMode::Free => freely(args, &scenario, &on),
    };
    let recorded = match recorded {
        Ok(recorded) => Ok(recorded),
        Err(NoRecording::Unsupported(lacks)) => Err(lacks),
        Err(failed) => {
            let (name, on, why) = (&scenario.name, &args.on, failed.words(&scenario.names));
            return Err(Stop::Unavailable(format!("{name} on {on}: {why}")));
        }
    };
    let lines = args.judged.format == Some(Service::Ndjson);
    match (&args.out, &recorded) {
        (Some(file), Ok(recorded)) if lines => {
            let text = log::recorded(&scenario, &recorded.trace);
            create(file)?.write_all(text.as_bytes())?;
        }
        (Some(file), Ok(recorded)) => traces::write(file, &scenario, &recorded.trace)?,
        (None, _) | (_, Err(_)) => {}
    }
    say.report(Report::Record(&Record {
        scenario,
        on: args.on.clone(),
        seed: args.seed,
        file: args.out.clone(),
        lines,
        recorded,
    }))
}

/// Records a scenario whose threads run one at a time. What was seen before it failed stays: a trace without its end.
fn in_lockstep(args: &args::Record, scenario: &Scenario, on: &On) -> Result<Recorded, NoRecording> {
    let policy = || Policy::Random.seeded(args.seed);
    let options = Options::default();
    let (shown, end, ended) = match record_on(&**on, &scenario.program, &policy, &options) {
        Ok(recording) => {
            let ended = recording.ended.words(&scenario.names);
            let parked = recording.parked;
            (recording.events, Some(End::of(parked)), ended)
        }
        Err(failed) => {
            let why = failed.words(&scenario.names);
            match failed {
                NoRecording::Overdue { events, .. } if !events.is_empty() => (events, None, why),
                failed => return Err(failed),
            }
        }
    };
    Ok(Recorded {
        trace: Trace {
            header: traces::of_backend(scenario, on, Mode::Lockstep, args.seed),
            events: shown.into_iter().map(Event::of).collect(),
            spans: Vec::new(),
            end,
        },
        ended,
    })
}

/// Records a scenario whose threads run at full speed.
fn freely(args: &args::Record, scenario: &Scenario, on: &On) -> Result<Recorded, NoRecording> {
    let limit = Duration::from_millis(args.limit);
    let recording = record_free(&**on, &scenario.program, args.seed, limit)?;
    let name = |thread: ThreadId| scenario.names.thread_name(thread).to_owned();
    let calls = recording.calls.into_iter();
    let (events, spans): (Vec<Event>, Vec<Span>) = calls
        .map(|call| (Event::of(call.shown()), call.span))
        .unzip();
    let parked = recording.parked;
    let is_cut = matches!(recording.ended, free::Ended::Failed(_));
    Ok(Recorded {
        trace: Trace {
            header: traces::of_backend(scenario, on, Mode::Free, args.seed),
            events,
            spans,
            end: (!is_cut).then_some(End::of(parked)),
        },
        ended: recording.ended.words(name),
    })
}

//! `portsim record`: what a real system does with a scenario.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use portsim_model::AnyMachine;
use portsim_model::program::ThreadId;
use portsim_model::step::Step;

use super::args::{self, RecordFormat, RecordMode, personality};
use super::on::On;
use super::say::{Say, create};
use super::stress::stress;
use super::{Exit, Stop, bad_argument, traces};
use crate::bad_input::BadInput;
use crate::choose::Policy;
use crate::cross_check::follow::{Followed, follow};
use crate::log;
use crate::native::{NoRecording, Options, free, record as record_on, record_free};
use crate::personality::play;
use crate::replay::replay;
use crate::report::Report;
use crate::report::record::{Record, Recorded};
use crate::report::repeat::PROCESSORS;
use crate::scenario::Scenario;
use crate::trace::{End, Event, Mode, Origin, Span, Trace, read};

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
    let mut followed = None;
    let recorded = match (&args.follow, args.mode) {
        (Some(trace), _) => {
            let path = Path::of(trace, &scenario)?;
            let judge = on.judge()?;
            path.follow(&scenario, &on, judge).map(|(recorded, it)| {
                followed = Some((judge, it));
                recorded
            })
        }
        (None, RecordMode::Lockstep) => in_lockstep(args, &scenario, &on),
        (None, RecordMode::Free) => freely(args, &scenario, &on),
    };
    let recorded = match recorded {
        Ok(recorded) => Ok(recorded),
        Err(NoRecording::Unsupported(lacks)) => Err(lacks),
        Err(failed) => {
            let (name, on, why) = (&scenario.name, &args.on, failed.words(&scenario.names));
            return Err(Stop::Unavailable(format!("{name} on {on}: {why}")));
        }
    };
    let lines = args.format == Some(RecordFormat::Ndjson);
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
        followed,
    }))
}

/// A path of the model that is to be followed.
struct Path {
    machine: Arc<dyn AnyMachine>,
    steps: Vec<Step>,
}

impl Path {
    /// The path that a trace of the model shows.
    fn of(file: &std::path::Path, scenario: &Scenario) -> Result<Path, Stop> {
        let recorded = read(file)?;
        let bad = |problem: String| BadInput::new(file, problem).on_line(1);
        if recorded.header.scenario_sha256 != scenario.sha256 {
            let problem = format!("is of another scenario than {}", scenario.file.display());
            return Err(bad(problem).into());
        }
        let trace = recorded.resolve(&scenario.names, &scenario.program)?;
        let (Origin::Model, Some(name)) = (&trace.header.from, &trace.header.personality) else {
            let problem = "is no trace of the model, which alone can be followed";
            return Err(bad(problem.to_owned()).into());
        };
        let processors = trace.header.processors.unwrap_or(PROCESSORS);
        let machine = play(personality(name)?, &scenario.program, processors)
            .map_err(|lacks| bad(format!("{name} cannot play it: {lacks}")))?;
        let replayed = replay(&*machine, &trace);
        if let Some(parted) = replayed.parted {
            let problem = format!(
                "the model no longer plays it: event {} does not come out",
                parted.at + 1
            );
            return Err(bad(problem).into());
        }
        Ok(Path {
            machine,
            steps: replayed.steps,
        })
    }

    /// Conducts it on a backend.
    fn follow(
        &self,
        scenario: &Scenario,
        on: &On,
        judge: &'static str,
    ) -> Result<(Recorded, Followed), NoRecording> {
        let judge = (judge, PROCESSORS);
        let followed = follow(scenario, &*self.machine, &self.steps, &**on, judge)?;
        let recorded = Recorded {
            trace: Trace {
                header: traces::of_backend(scenario, on, Mode::Lockstep, 0),
                events: followed.events.clone(),
                spans: Vec::new(),
                end: Some(End::of(followed.parked.clone())),
            },
            ended: followed.ended.words(&scenario.names),
        };
        Ok((recorded, followed))
    }
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

//! Runs a scenario on a real backend and asks the model whether it could have done the same.

#[cfg(all(test, loom))]
mod every_order;
#[cfg(all(test, not(loom)))]
mod faults;
pub mod follow;
#[cfg(all(test, not(loom), target_os = "linux"))]
mod old_kernels;
#[cfg(not(all(test, loom)))]
pub mod stress;

use std::sync::Arc;

use portsim_model::personality::version_on;
use portsim_model::program::{Bounds, Program, Slated};

use crate::admit::free::{Limits, admit_free};
use crate::admit::{Judgement, Refusal, admit, admit_covering};
use crate::choose::Policy;
use crate::coverage::Coverage;
use crate::names::Names;
use crate::native::{Backend, Ended, NoRecording, Options, Recording, backend, record};
use crate::personality::{not_for, play, play_at_full_speed};
use crate::scenario::Scenario;
use crate::trace::{End, Event, Span};

/// One scenario on one backend, judged by one personality.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The scenario's name.
    pub scenario: String,
    /// The backend.
    pub on: String,
    /// The personality.
    pub personality: String,
    /// What the choices were drawn from.
    pub seed: u64,
    /// What came out.
    pub verdict: Verdict,
    /// What the backend showed.
    pub events: Vec<Event>,
    /// Whose turns that took.
    pub taken: Vec<Slated>,
    /// The claims that explain what the backend showed.
    pub coverage: Coverage,
}

/// What came out of a cross-check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The model could have done the same; where the recording was stopped before its end or is not judged to its end,
    /// why.
    Agree(Option<String>),
    /// The model could not.
    Differ(Refusal),
    /// The scenario is not for this pair, for this reason.
    Unsupported(String),
    /// The backend cannot run here, or failed.
    Unavailable(String),
}

impl Verdict {
    /// The word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Agree(_) => "agree",
            Verdict::Differ(_) => "differ",
            Verdict::Unsupported(_) => "unsupported",
            Verdict::Unavailable(_) => "unavailable",
        }
    }
}

/// The most turns that are compared: a scenario that never comes to rest is judged by how it begins.
const TURNS_MAX: u64 = 3_000;

/// The name of the personality that judges a backend unless another one is named: whose rules it keeps, in the version that
/// its machine has. `plays` is what the backend says that it is, and `os` names the machine's operating system and its
/// release.
pub fn judge_of(plays: &str, os: &str) -> String {
    let system = backend(plays).map_or(plays, |backend| backend.system());
    version_on(system, os).unwrap_or(system).to_owned()
}

/// Records the scenario on the backend and judges the recording by the personality, with as many processors as the
/// backend has, or as are given if it has no say in that.
pub fn cross_check(
    scenario: &Scenario,
    backend: &dyn Backend,
    personality: &str,
    seed: u64,
    processors: u32,
) -> Comparison {
    let patiently = Options {
        turns_max: TURNS_MAX,
        ..Options::default()
    };
    cross_check_within(&patiently, scenario, backend, personality, seed, processors)
}

/// The same within other limits.
pub fn cross_check_within(
    limits: &Options,
    scenario: &Scenario,
    backend: &dyn Backend,
    personality: &str,
    seed: u64,
    processors: u32,
) -> Comparison {
    let processors = backend.processors().unwrap_or(processors);
    let (mut events, mut taken) = (Vec::new(), Vec::new());
    let mut coverage = Coverage::default();
    let verdict = match not_for(personality, scenario) {
        Some(why) => Verdict::Unsupported(why),
        None => match record(
            backend,
            &scenario.program,
            &|| Policy::Random.seeded(seed),
            limits,
        ) {
            Err(NoRecording::Unsupported(why)) => Verdict::Unsupported(why),
            Err(NoRecording::Unavailable(why)) => Verdict::Unavailable(why),
            Err(failed) => Verdict::Unavailable(failed.words(&scenario.names)),
            Ok(recording) => {
                taken.clone_from(&recording.taken);
                events = recording.events.iter().cloned().map(Event::of).collect();
                verdict(
                    scenario,
                    personality,
                    processors,
                    &recording,
                    &events,
                    &mut coverage,
                )
            }
        },
    };
    let (name, on) = (scenario.name.clone(), backend.name().to_owned());
    Comparison {
        scenario: name,
        on,
        personality: personality.to_owned(),
        seed,
        verdict,
        events,
        taken,
        coverage,
    }
}

fn verdict(
    scenario: &Scenario,
    personality: &str,
    processors: u32,
    recording: &Recording,
    events: &[Event],
    coverage: &mut Coverage,
) -> Verdict {
    let end = End::of(recording.parked.clone());
    match judge_covering(
        &scenario.program,
        &scenario.names,
        personality,
        processors,
        events,
        Some(&end),
        true,
        Some(coverage),
    ) {
        Err(why) => Verdict::Unsupported(why),
        Ok(Judgement {
            refused: Some(refusal),
            ..
        }) => Verdict::Differ(refusal),
        Ok(judgement) => Verdict::Agree(judgement.words().or(match recording.ended {
            Ended::Rest | Ended::ScheduleOver | Ended::AssertFailed(_) => None,
            early => Some(early.words(&scenario.names)),
        })),
    }
}

/// As many packets has a port room for where threads at full speed are judged.
const ROOM: u8 = 250;

/// Judges what threads did at full speed by the personality of this name.
pub fn judge_free(
    program: &Program,
    names: &Names,
    personality: &str,
    processors: u32,
    seen: (&[Event], &[Span]),
    end: Option<&End>,
) -> Result<Judgement, String> {
    let limits = Limits::default();
    judge_free_within(
        program,
        names,
        personality,
        processors,
        seen,
        end,
        limits,
        None,
    )
}

/// The same, within these limits; `coverage` is told which claims decided on the way that was found.
#[expect(
    clippy::too_many_arguments,
    reason = "they are those of `judge_free`, and two"
)]
pub fn judge_free_within(
    program: &Program,
    names: &Names,
    personality: &str,
    processors: u32,
    (events, spans): (&[Event], &[Span]),
    end: Option<&End>,
    limits: Limits,
    coverage: Option<&mut Coverage>,
) -> Result<Judgement, String> {
    let program = Program {
        schedule: None,
        // What bounds an exploration bounds no kernel.
        bounds: Bounds {
            packets: Some(ROOM),
            ..program.bounds
        },
        ..program.clone()
    };
    let machine = play_at_full_speed(personality, &Arc::new(program), processors)?;
    Ok(admit_free(
        &*machine, names, events, spans, end, limits, coverage,
    ))
}

/// The same program without its schedule.
pub fn unscheduled(program: &Program) -> Arc<Program> {
    Arc::new(Program {
        schedule: None,
        ..program.clone()
    })
}

/// Judges events by the personality of this name. Who moved when is in the trace, so the schedule is not asked.
pub fn judge(
    program: &Program,
    names: &Names,
    personality: &str,
    processors: u32,
    events: &[Event],
    end: Option<&End>,
    at_rest: bool,
) -> Result<Judgement, String> {
    judge_covering(
        program,
        names,
        personality,
        processors,
        events,
        end,
        at_rest,
        None,
    )
}

/// The same; `coverage` is told which claims decided what the events show.
#[expect(
    clippy::too_many_arguments,
    reason = "they are those of `judge`, and one"
)]
pub fn judge_covering(
    program: &Program,
    names: &Names,
    personality: &str,
    processors: u32,
    events: &[Event],
    end: Option<&End>,
    at_rest: bool,
    coverage: Option<&mut Coverage>,
) -> Result<Judgement, String> {
    let machine = play(personality, &unscheduled(program), processors)?;
    Ok(match coverage {
        Some(coverage) => admit_covering(&*machine, names, events, end, at_rest, coverage),
        None => admit(&*machine, names, events, end, at_rest),
    })
}

//! `portsim replay` and `portsim diff`: one trace against the model, or against another.

use super::args::{Diff, Replay, personality};
use super::say::Say;
use super::{Exit, Stop, bad_argument, files};
use crate::bad_input::BadInput;
use crate::personality::play;
use crate::replay::replay as replay_trace;
use crate::report::{json, text};
use crate::scenario::Scenario;
use crate::trace::{Event, Origin, Shown, Trace, lanes};

/// Replays a trace of the model.
pub fn replay(args: &Replay, say: &Say) -> Result<Exit, Stop> {
    let (recorded, scenario, trace) = files::trace(&args.trace, &args.look_in)?;
    let name = match (&trace.header.from, &trace.header.personality) {
        (Origin::Model, Some(name)) => personality(name)?,
        _ => {
            let problem = "is no trace of the model; `portsim admit` judges what a real system did";
            return Err(BadInput::new(&args.trace, problem).at("line 1").into());
        }
    };
    let processors = trace.header.processors.unwrap_or(args.machine.processors);
    let machine = play(name, &scenario.program, processors)
        .map_err(|why| BadInput::new(&args.trace, format!("{name} cannot play it: {why}")))?;
    let replay = replay_trace(&*machine, &trace);
    let mut report = json::Compared {
        verdict: "same",
        at: None,
        left: None,
        right: None,
    };
    let mut words = format!(
        "same  {} as {name}, {}",
        scenario.name,
        text::counted(trace.events.len() as u64, "event")
    );
    if let Some(violation) = replay.violation {
        words += &format!(
            "; it violates {}",
            text::property(&scenario.names, violation)
        );
    }
    if let Some(parted) = &replay.parted {
        let saw = trace
            .events
            .get(parted.at)
            .map(|event| describe(&scenario, event));
        let again = |first| format!("goes round from event {first} again");
        let saw = saw.or(trace.header.loop_at.map(again));
        report = json::Compared {
            verdict: "differ",
            at: Some(parted.at as u64 + 1),
            left: saw,
            right: parted
                .instead
                .as_ref()
                .map(|event| describe(&scenario, event)),
        };
        words = differ(&scenario, &report, ["trace", "model"]);
        say.text(&lanes::lanes(
            &scenario.names,
            &scenario.program,
            &trace.events[..parted.at],
        ))?;
    }
    say.text(&words)?;
    say.object(&report)?;
    match files::cut(&recorded) {
        Some(cut) => Err(cut.into()),
        None => Ok(if replay.parted.is_some() {
            Exit::Verdict
        } else {
            Exit::AsExpected
        }),
    }
}

/// Compares what two traces show to an observer.
pub fn diff(args: &Diff, say: &Say) -> Result<Exit, Stop> {
    let (left_file, scenario, left) = files::trace(&args.left, &args.look_in)?;
    let (right_file, _, right) = files::trace(&args.right, &args.look_in)?;
    if left.header.scenario != right.header.scenario {
        let problem = format!(
            "is of {:?}, the other of {:?}",
            right.header.scenario, left.header.scenario
        );
        return Err(bad_argument("diff", format!("{} {problem}", args.right.display())).into());
    }
    let (ours, theirs) = (seen(&left), seen(&right));
    let place = (0..ours.len().max(theirs.len())).find(|&n| !alike(ours.get(n), theirs.get(n)));
    let ends = left.end == right.end || left.end.is_none() || right.end.is_none();
    let report = match place {
        None if ends => json::Compared {
            verdict: "same",
            at: None,
            left: None,
            right: None,
        },
        place => {
            let at = place.unwrap_or(ours.len());
            let words = |events: &[&Event]| match events.get(at) {
                Some(event) => describe(&scenario, event),
                None => "the end".to_owned(),
            };
            json::Compared {
                verdict: "differ",
                at: Some(at as u64 + 1),
                left: Some(words(&ours)),
                right: Some(words(&theirs)),
            }
        }
    };
    match report.at {
        None => say.text(&format!(
            "same  {}, {}",
            scenario.name,
            text::counted(ours.len() as u64, "event")
        ))?,
        Some(at) => {
            let before: Vec<Event> = ours[..at as usize - 1].iter().copied().cloned().collect();
            say.text(&lanes::lanes(&scenario.names, &scenario.program, &before))?;
            say.text(&differ(&scenario, &report, ["left", "right"]))?;
        }
    }
    say.object(&report)?;
    match files::cut(&left_file).or(files::cut(&right_file)) {
        Some(cut) => Err(cut.into()),
        None => Ok(if report.at.is_some() {
            Exit::Verdict
        } else {
            Exit::AsExpected
        }),
    }
}

/// Whether both traces show the same here.
fn alike(ours: Option<&&Event>, theirs: Option<&&Event>) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => ours.shown.agrees(&theirs.shown),
        _ => false,
    }
}

/// What an observer can see of a trace.
fn seen(trace: &Trace) -> Vec<&Event> {
    trace
        .events
        .iter()
        .filter(|event| !matches!(event.shown, Shown::Silent { .. }))
        .collect()
}

fn describe(scenario: &Scenario, event: &Event) -> String {
    let thread = &scenario.names.threads[event.shown.thread().index()];
    format!(
        "{thread}: {}",
        lanes::cell(&scenario.names, &scenario.program, &event.shown)
    )
}

fn differ(scenario: &Scenario, report: &json::Compared, sides: [&str; 2]) -> String {
    let at = report.at.unwrap_or(0);
    let words = |side: &Option<String>| side.clone().unwrap_or_else(|| "cannot go on".to_owned());
    let (left, right) = (words(&report.left), words(&report.right));
    format!(
        "differ  {} at event {at}\n  {:5}  {left}\n  {:5}  {right}",
        scenario.name, sides[0], sides[1]
    )
}

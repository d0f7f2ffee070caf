//! `portsim replay`: a trace of the model, played once more.

use super::args::{self, personality};
use super::say::Say;
use super::{Exit, Stop, files};
use crate::bad_input::BadInput;
use crate::personality::play;
use crate::replay::{Parted, replay as replay_trace};
use crate::report::Report;
use crate::report::parting::{Parting, Played, Replay, Side};
use crate::trace::changes::changes;
use crate::trace::{Origin, Trace};

/// Replays a trace of the model.
pub fn replay(args: &args::Replay, say: &Say) -> Result<Exit, Stop> {
    let read = files::trace(&args.trace, &args.look_in)?;
    let header = &read.trace.header;
    let personality = match (&header.from, &header.personality) {
        (Origin::Model, Some(name)) => personality(name)?,
        _ => {
            let problem = "is no trace of the model; `portsim admit` judges what a real system did";
            return Err(BadInput::new(&args.trace, problem).on_line(1).into());
        }
    };
    let processors = header.processors.unwrap_or(args.machine.processors);
    let machine = play(personality, &read.scenario.program, processors).map_err(|lacks| {
        let problem = format!("{personality} cannot play it: {lacks}");
        BadInput::new(&args.trace, problem)
    })?;
    let replayed = replay_trace(&*machine, &read.trace);
    let played = (args.states && replayed.parted.is_none()).then(|| Played {
        changes: changes(&*machine, &read.scenario.names, &replayed.states),
        events: replayed.events,
        loop_at: read.trace.header.loop_at,
    });
    say.report(Report::Replay(&Replay {
        played,
        personality,
        events: read.trace.events.len() as u64,
        violation: replayed.violation,
        parting: replayed.parted.map(|parted| parting(parted, &read.trace)),
        scenario: read.scenario,
        cut: read.cut,
    }))
}

fn parting(parted: Parted, trace: &Trace) -> Parting {
    let shown = trace.events.get(parted.at).cloned().map(Side::Event);
    let shown = shown.or(trace.header.loop_at.map(Side::GoesRound));
    Parting {
        before: trace.events[..parted.at].to_vec(),
        left: shown.unwrap_or(Side::Nothing),
        right: parted.instead.map_or(Side::Nothing, Side::Event),
    }
}

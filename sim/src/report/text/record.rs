//! What `record` made, for people.

use super::unsupported;
use crate::cross_check::follow::{Confirmed, Followed, Unplayed};
use crate::log;
use crate::report::record::{Fate, Record, Recorded};
use crate::report::units::counted;
use crate::scenario::Scenario;
use crate::trace::lanes::{Lanes, Layout};
use crate::trace::write_timed;

/// The trace: its lanes where a file took it, and itself where none did.
pub fn record(record: &Record, layout: Layout) -> String {
    match (&record.recorded, &record.file) {
        (Err(_), _) => String::new(),
        (Ok(recorded), None) if record.lines => log::recorded(&record.scenario, &recorded.trace),
        (Ok(recorded), None) => lines(&record.scenario, recorded),
        (Ok(recorded), Some(_)) => {
            let (names, program) = (&record.scenario.names, &record.scenario.program);
            Lanes::of(names, program, &recorded.trace.events).text(layout)
        }
    }
}

/// How the recording went.
pub fn notes(record: &Record) -> Vec<String> {
    let (scenario, on) = (&record.scenario.name, &record.on);
    let went = match (&record.recorded, &record.followed) {
        (Err(why), _) => unsupported(scenario, "on", on, why),
        (Ok(recorded), None) => format!(
            "{scenario} on {on}, seed {}: {} events, {}",
            record.seed,
            recorded.trace.events.len(),
            recorded.ended
        ),
        (Ok(recorded), Some(_)) => format!(
            "{scenario} on {on}: {} events, {}",
            recorded.trace.events.len(),
            recorded.ended
        ),
    };
    let followed = record.followed.iter();
    let followed = followed.map(|(judge, it)| format!("{}{}", on, fate(judge, Ok(it))));
    [went].into_iter().chain(followed).collect()
}

/// Whether a conviction happened on a backend.
pub fn confirmed(confirmed: &Confirmed) -> String {
    let (on, followed) = (&confirmed.on, confirmed.followed.as_ref());
    let how = match (confirmed.happened(), confirmed.is_at_rest) {
        (true, _) => format!(" ({})", counted(confirmed.path.len() as u64, "step")),
        (false, true) => String::new(),
        (false, false) => {
            "; somebody acts on its path while a thread that was woken has not come back, and no kernel can be held to that"
                .to_owned()
        }
    };
    format!("{on}{}{how}", fate(confirmed.personality, followed))
}

/// What became of a path, behind the name of the backend.
fn fate(judge: &str, followed: Result<&Followed, &Unplayed>) -> String {
    let parted = |followed: &Followed| match &followed.parted {
        None => String::new(),
        Some(parted) => format!(
            " in turn {}: the path has {}, and it showed {}",
            parted.turn, parted.path, parted.shown
        ),
    };
    match (Fate::of(followed), followed) {
        (Fate::Happened, _) => ": it happened, turn by turn".to_owned(),
        (Fate::Refused, Ok(followed)) => {
            let why = match &followed.judged {
                Err(lacks) => lacks.clone(),
                Ok(judgement) => {
                    let refused = judgement.refused.as_ref();
                    refused.map_or(String::new(), |refused| {
                        format!("event {} is {}", refused.at, refused.saw)
                    })
                }
            };
            format!(" did what {judge} cannot{}; {why}", parted(followed))
        }
        (_, Ok(followed)) => format!(
            " went another way{}; {judge} may do that too",
            parted(followed)
        ),
        (_, Err(Unplayed::Unsupported(why))) => format!(" cannot play it: {why}"),
        (_, Err(Unplayed::Unavailable(why))) => format!(" could not run: {why}"),
    }
}

/// The trace as a file.
fn lines(scenario: &Scenario, recorded: &Recorded) -> String {
    let (mut bytes, trace) = (Vec::new(), &recorded.trace);
    write_timed(
        &mut bytes,
        &scenario.names,
        &scenario.program,
        &trace.header,
        (&trace.events, &trace.spans),
        trace.end.as_ref(),
    )
    .expect("memory can be written");
    String::from_utf8(bytes).expect("JSON is text")
}

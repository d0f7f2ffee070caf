//! What `record` made, for people.

use super::unsupported;
use crate::log;
use crate::report::record::{Record, Recorded};
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
pub fn note(record: &Record) -> String {
    let (scenario, on) = (&record.scenario.name, &record.on);
    match &record.recorded {
        Err(why) => unsupported(scenario, "on", on, why),
        Ok(recorded) => format!(
            "{scenario} on {on}, seed {}: {} events, {}",
            record.seed,
            recorded.trace.events.len(),
            recorded.ended
        ),
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

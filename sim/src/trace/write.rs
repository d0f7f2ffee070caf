//! Whole traces, and their ends.

use std::io;

use portsim_model::program::Program;

use super::line::event_line;
use super::wire::{EndFields, EndLine, Header, HeldFields, write_line};
use super::{End, Event, Held, Span, cells, said};
use crate::names::Names;

/// Writes a trace as JSON lines.
pub fn write(
    out: &mut impl io::Write,
    names: &Names,
    program: &Program,
    header: &Header,
    events: &[Event],
    end: Option<&End>,
) -> io::Result<()> {
    write_timed(out, names, program, header, (events, &[]), end)
}

/// The same where every event has its time, or none has.
pub fn write_timed(
    out: &mut impl io::Write,
    names: &Names,
    program: &Program,
    header: &Header,
    (events, spans): (&[Event], &[Span]),
    end: Option<&End>,
) -> io::Result<()> {
    write_line(out, header)?;
    for (n, event) in events.iter().enumerate() {
        let mut line = event_line(names, program, n as u64 + 1, event);
        if let Some(span) = spans.get(n) {
            (line.t0, line.t1) = (Some(span.t0), span.t1);
        }
        write_line(out, &line)?;
    }
    if let Some(end) = end {
        let end = end_fields(names, program, events, end);
        write_line(out, &EndLine { end })?;
    }
    Ok(())
}

/// The end of a run with these events.
pub fn end_fields(names: &Names, program: &Program, events: &[Event], end: &End) -> EndFields {
    let parked = end.parked.iter();
    let parked = parked.map(|&thread| names.thread_name(thread).to_owned());
    let held = end.held.iter();
    let mut end = EndFields {
        events: events.len() as u64,
        parked: parked.collect(),
        held: held.map(|held| held_fields(names, program, held)).collect(),
        ..EndFields::default()
    };
    for event in events {
        said::say_at_the_end(names, program, event, &mut end);
    }
    end
}

/// What keeps a thread from moving.
pub fn held_fields(names: &Names, program: &Program, held: &Held) -> HeldFields {
    let op = held.op.map(|op| cells::request(names, program, op));
    let (inside, before) = if held.is_inside {
        (op, None)
    } else {
        (None, op)
    };
    HeldFields {
        thread: names.thread_name(held.thread).to_owned(),
        r#in: inside,
        before,
        claim: held.claim.map(|claim| claim.id.to_owned()),
    }
}

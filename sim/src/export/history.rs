//! A trace of threads at full speed as a history of operations on a queue, one line of EDN for each beginning and each
//! end: what checkers of linearizability (Knossos, Porcupine through its reader of such logs) take.
//!
//! A port is more than a queue, so such a checker sees less than `admit`: whether packets left in an order that the
//! times allow, and not who was released, how many ran, or why somebody waits. What it refuses is wrong, and what it
//! takes may still be.

use std::fmt::Write as _;

use portsim_model::ops_of;
use portsim_model::program::{Op, PortId, Program};

use crate::trace::{Answer, Event, Shown, Span};

/// The history of one port; says what a queue has no word for.
pub fn history(
    program: &Program,
    port: PortId,
    events: &[Event],
    spans: &[Span],
) -> Result<String, String> {
    let mut lines: Vec<(u64, bool, String)> = Vec::new();
    for (event, span) in events.iter().zip(spans) {
        let Shown::Call { thread, op, answer } = &event.shown else {
            continue;
        };
        let Some((verb, posted)) = word(program, port, *op)? else {
            continue;
        };
        let mut line = |time: u64, kind: &str, value: Option<i64>| {
            let value = value.map_or("nil".to_owned(), |key| key.to_string());
            let process = thread.index();
            let text = format!(
                "{{:process {process}, :type :{kind}, :f :{verb}, :value {value}, :time {time}}}"
            );
            lines.push((time, kind != "invoke", text));
        };
        line(span.t0, "invoke", posted);
        let Some((t1, answer)) = span.t1.zip(answer.as_ref()) else {
            continue;
        };
        match answer {
            Answer::Done => line(t1, "ok", posted),
            Answer::Packet(packet) => line(t1, "ok", Some(packet.key)),
            Answer::Failed(_) => line(t1, "fail", posted),
            other => return Err(format!("a queue has no answer {other:?}")),
        }
    }
    // What begins and ends at one moment overlaps: beginnings come first.
    lines.sort();
    let mut text = String::new();
    for (_, _, line) in lines {
        let _ = writeln!(text, "{line}");
    }
    Ok(text)
}

/// What a queue calls an operation on this port, and what is posted; none for what is no operation on it.
fn word(
    program: &Program,
    port: PortId,
    op: Op,
) -> Result<Option<(&'static str, Option<i64>)>, String> {
    Ok(match op {
        Op::Get { port: on, .. }
        | Op::Post { port: on, .. }
        | Op::Close { port: on, .. }
        | Op::Create { port: on, .. }
            if on != port =>
        {
            None
        }
        Op::Get { max: None, .. } => Some(("dequeue", None)),
        Op::Get { max: Some(_), .. } => {
            return Err("a queue gives one packet at a time, and no batches".into());
        }
        Op::Post { packet, .. } => Some(("enqueue", Some(program.packets[packet.index()].key))),
        Op::Close { .. } | Op::Create { .. } => return Err("a queue is not made or closed".into()),
        ops_of!(
            port_handles,
            objects,
            threads,
            apcs,
            files,
            wait_packets,
            jobs
        )
        | ops_of!(variables, sources, event_ports, rings, kqueues) => match op.is_portable() {
            true => None,
            false => return Err("a queue has operations of its own only".into()),
        },
    })
}

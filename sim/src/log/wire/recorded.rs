//! Recordings of ours as lines of JSON, for tools that are not ours.

use portsim_model::program::{Op, PacketId, Timeout};
use serde_json::{Map, Value, json};

use crate::scenario::Scenario;
use crate::trace::{Answer, Event, Shown, Trace};

/// How far apart turns are where one thread moves at a time.
const APART: u64 = 10;

/// A recording: a line for each call, in the order in which they began.
pub fn recorded(scenario: &Scenario, trace: &Trace) -> String {
    let mut lines: Vec<(u64, Map<String, Value>)> = Vec::new();
    // By thread, the line of the call that it is in.
    let mut open = vec![None; scenario.names.threads.len()];
    for (n, event) in trace.events.iter().enumerate() {
        let turn = n as u64 * APART;
        let span = trace.spans.get(n);
        let begin = span.map_or(turn, |span| span.t0);
        match &event.shown {
            Shown::Call { thread, op, answer } => {
                let mut line = called(scenario, event, *op);
                line.insert("begin".to_owned(), begin.into());
                if let Some(answer) = answer {
                    ends(
                        &mut line,
                        *op,
                        answer,
                        span.map_or(Some(turn), |span| span.t1),
                    );
                } else {
                    open[thread.index()] = Some(lines.len());
                }
                lines.push((begin, line));
            }
            Shown::Return { thread, op, answer } => {
                if let Some(place) = open[thread.index()].take() {
                    ends(&mut lines[place].1, *op, answer, Some(turn));
                }
            }
            Shown::Silent { .. } => {}
        }
    }
    lines.sort_by_key(|(begin, _)| *begin);
    let text = lines
        .into_iter()
        .map(|(_, line)| Value::Object(line).to_string() + "\n");
    text.collect()
}

/// Who called what.
fn called(scenario: &Scenario, event: &Event, op: Op) -> Map<String, Value> {
    let mut line = Map::new();
    let mut says = |name: &str, value: Value| line.insert(name.to_owned(), value);
    says(
        "thread",
        scenario.names.thread_name(event.shown.thread()).into(),
    );
    says("call", op.verb().name().into());
    let mut port = None;
    if let Op::Post {
        port: to, packet, ..
    } = op
    {
        port = Some(to);
        let PacketId(packet) = packet;
        let packet = scenario.program.packets[usize::from(packet)];
        for (name, value) in [
            ("key", packet.key),
            ("bytes", packet.bytes),
            ("overlapped", packet.overlapped),
        ] {
            says(name, value.into());
        }
    }
    if let Op::Close { port: which, .. } = op {
        port = Some(which);
    }
    if let Op::Create { port: which, .. } = op {
        port = Some(which);
    }
    if let Some(get) = op.as_get() {
        port = Some(get.port);
        says(
            "wait",
            match get.timeout {
                Timeout::Never => json!(-1),
                Timeout::Ticks(ticks) => ticks.into(),
            },
        );
        says("max", get.max.unwrap_or(1).into());
    }
    if let Some(port) = port {
        says("port", scenario.names.ports[port.index()].clone().into());
    }
    line
}

/// What came of it, and when.
fn ends(line: &mut Map<String, Value>, op: Op, answer: &Answer, end: Option<u64>) {
    let mut says = |name: &str, value: Value| line.insert(name.to_owned(), value);
    let Some(end) = end else { return };
    says("end", end.into());
    let packets = match answer {
        Answer::Packet(packet) => std::slice::from_ref(packet),
        Answer::Packets(packets) | Answer::Partial(_, packets) => packets,
        Answer::Done
        | Answer::Value(_)
        | Answer::Other(_)
        | Answer::Io { .. }
        | Answer::Failed(_) => &[],
    };
    if let Answer::Failed(name) | Answer::Partial(name, _) = answer {
        says("error", name.clone().into());
    }
    if packets.is_empty() {
        return;
    }
    let is_batch = op.as_get().is_some_and(|get| get.max.is_some());
    let mut all = |name: &str, values: Vec<i64>| match is_batch {
        true => says(name, values.into()),
        false => says(name, values[0].into()),
    };
    all("key", packets.iter().map(|it| it.key).collect());
    all("bytes", packets.iter().map(|it| it.bytes).collect());
    all(
        "overlapped",
        packets.iter().map(|it| it.overlapped).collect(),
    );
}

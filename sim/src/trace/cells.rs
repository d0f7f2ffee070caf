//! What lanes say of one event: calls, answers, and what was decided.
//!
//! A call that parks ends in `...`; `=` shows what a call comes back with, `!` that it failed. Steps of the model that
//! nobody can see stand in brackets.

use std::fmt::Write;

use portsim_model::os_error::{OsError, UNKNOWN_STATUS, win32_of_status};
use portsim_model::program::{Op, Packet, Program, ThreadId, Variable, Verb};

use super::line::{call_line, step_name};
use super::wire::EventLine;
use super::{Answer, Branch, Event, Let, Shown};
use crate::names::Names;
use crate::words::{self, status_name};

/// What a thread does in one event, and what was decided on its way there.
pub fn told(names: &Names, program: &Program, event: &Event) -> String {
    let op = match &event.shown {
        Shown::Call { op, .. } => Some(*op),
        Shown::Return { .. } | Shown::Silent { .. } => None,
    };
    let note = op.and_then(|op| note(names, op));
    let does = note.unwrap_or_else(|| cell(names, program, &event.shown));
    let Some(told) = &event.told else {
        return does;
    };
    let asked = |branch: &Branch| asked(names, program, event.shown.thread(), branch);
    let mut before = &told.branches[..];
    let mut text = does;
    if let Some(op) = op
        && words::asked(op).is_some()
        && let Some((own, others)) = before.split_last()
    {
        before = others;
        text = format!("{} {}", op.verb().name(), asked(own));
    }
    let me = event.shown.thread();
    for (n, &(variable, value)) in told.set.iter().enumerate() {
        // What a `set` writes is all that it says; others say before that how they ended.
        let comma = if n > 0 || !is_set(op) { "," } else { "" };
        let name = names.variable(program, me, variable);
        let _ = write!(text, "{comma} {name} = {value}");
    }
    if let Some(result) = told.ended {
        let how = program.results[result.index()];
        let _ = write!(text, ", over before: {}", ended(how.status, how.bytes));
    }
    let operations = told.cancelled.iter();
    let operations = operations.map(|id| &names.operations[id.index()]);
    let ports = told.counted_out.iter().map(|id| &names.ports[id.index()]);
    text += &besides("cancelled", operations);
    text += &besides("counted out of", ports);
    let on_the_way = |branches: &[Branch], lets: &[Let]| {
        let assigned = |it: &Let| {
            let name = names.variable(program, me, Variable::Own(it.local));
            (2 * it.behind, format!("[{name} = {}]", it.value))
        };
        let conditions = branches.iter().enumerate();
        let conditions = conditions.map(|(n, it)| (2 * n + 1, format!("[{}]", asked(it))));
        let mut all: Vec<_> = lets.iter().map(assigned).chain(conditions).collect();
        all.sort_by_key(|(place, _)| *place);
        all.into_iter().map(|(_, words)| words)
    };
    let words = on_the_way(before, &told.lets).chain([text]);
    let words = words.chain(on_the_way(&told.after, &told.lets_after));
    words.collect::<Vec<_>>().join(" ")
}

fn is_set(op: Option<Op>) -> bool {
    op.is_some_and(|op| op.verb() == Verb::Set)
}

/// What the end of a thread did besides, to these.
fn besides<'n>(verb: &str, these: impl Iterator<Item = &'n String>) -> String {
    let mut these: Vec<_> = these.map(String::as_str).collect();
    these.dedup();
    match these.is_empty() {
        true => String::new(),
        false => format!(", {verb} {}", these.join(" and ")),
    }
}

/// A note with its text.
fn note(names: &Names, op: Op) -> Option<String> {
    let Op::Note(note) = op else {
        return None;
    };
    let text = names.notes.get(usize::from(note))?;
    Some(format!("note {text:?}"))
}

/// A condition, whether it held, and what it read where it does not say that itself.
fn asked(names: &Names, program: &Program, me: ThreadId, branch: &Branch) -> String {
    let text = |id| words::text(names, program, me, id);
    let held = match branch.held {
        Some(true) => "yes",
        Some(false) => "no",
        None => "no value",
    };
    let cond = text(branch.cond);
    let read = branch.values.iter();
    let read: Vec<_> = read
        .map(|&(id, value)| (text(id), value))
        .filter(|(name, _)| *name != cond)
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    match read.is_empty() {
        true => format!("{cond}: {held}"),
        false => format!("{cond}: {held} ({})", read.join(", ")),
    }
}

/// What a thread does in one event.
pub fn cell(names: &Names, program: &Program, shown: &Shown) -> String {
    match shown {
        // What evaluates never parks: without an answer it is where a thread went wrong.
        Shown::Call {
            op, answer: None, ..
        } if op.evaluates() => format!("{} fails", op.verb().name()),
        Shown::Call {
            op, answer: None, ..
        } => format!("{} ...", call(&call_line(names, program, *op))),
        Shown::Call {
            op,
            answer: Some(Answer::Done),
            ..
        } => call(&call_line(names, program, *op)),
        Shown::Call {
            op,
            answer: Some(given),
            ..
        } => {
            format!(
                "{} {}",
                call(&call_line(names, program, *op)),
                answer(given)
            )
        }
        Shown::Return {
            op,
            answer: Answer::Done,
            ..
        } => format!("= {}", op.verb().name()),
        Shown::Return { answer: given, .. } => answer(given),
        Shown::Silent { kind, .. } => format!("[{}]", step_name(*kind)),
    }
}

/// What an operation asks for, in words.
pub fn request(names: &Names, program: &Program, op: Op) -> String {
    let text = note(names, op);
    text.unwrap_or_else(|| call(&call_line(names, program, op)))
}

/// A call in words, as short as can be.
fn call(line: &EventLine) -> String {
    let mut text = line.call.clone().unwrap_or_default();
    let nouns = [
        &line.request,
        &line.operation,
        &line.file,
        &line.job,
        &line.wait_packet,
        &line.port,
        &line.object,
        &line.target,
        &line.process,
        &line.reserve,
        &line.change,
        &line.source,
        &line.filter,
        &line.trigger,
        &line.mode,
    ];
    for noun in nouns.into_iter().flatten() {
        let _ = write!(text, " {noun}");
    }
    if let Some(from) = &line.from {
        let _ = write!(text, " from {from}");
    }
    if line.events.as_ref().is_some_and(Vec::is_empty) {
        text.push_str(" for nothing");
    }
    if let Some(linked) = &line.linked {
        let _ = write!(text, " [{}]", linked.join(", "));
    }
    for operation in [&line.operations, &line.ports, &line.flags, &line.events]
        .into_iter()
        .flatten()
        .flatten()
    {
        let _ = write!(text, " {operation}");
    }
    let flags = [
        ("oneshot", line.oneshot),
        ("exclusive", line.exclusive),
        ("alertable", line.alertable),
        ("may_fail", line.may_fail),
        ("may_lose", line.may_lose),
        ("mine", line.mine),
        ("remove", line.remove),
        ("skip_port", line.skip_port),
        ("skip_event", line.skip_event),
        ("now", line.now),
        ("drained", line.drained),
        ("special", line.special),
    ];
    for (word, flag) in flags {
        if flag == Some(true) {
            let _ = write!(text, " {word}");
        }
    }
    let numbers = [
        ("key", line.key),
        ("pid", line.pid),
        ("bytes", line.bytes),
        ("own", line.own),
        ("returned", line.returned),
        ("overlapped", line.overlapped),
        ("count", line.count.map(i64::from)),
        ("max", line.max.map(i64::from)),
        ("min", line.min.map(i64::from)),
        ("min_wait", line.min_wait.map(i64::from)),
        ("timeout", line.timeout.map(i64::from)),
        ("ticks", line.ticks.map(i64::from)),
        ("#", line.note.map(i64::from)),
    ];
    for (word, number) in numbers {
        if let Some(number) = number {
            let _ = write!(text, " {word} {number}");
        }
    }
    if let Some(status) = line.status {
        let _ = write!(text, " status {}", status_name(status));
    }
    text
}

/// What a call comes back with.
pub fn answer(given: &Answer) -> String {
    match given {
        Answer::Done => "= done".to_owned(),
        Answer::Packet(packet) => took(packet),
        Answer::Packets(packets) => format!("= {}", batch(packets)),
        Answer::Partial(error, packets) => format!("! {error} {}", batch(packets)),
        Answer::Other(value) => format!("! {value}"),
        Answer::Value(value) => format!("= {value}"),
        Answer::Io { status, bytes } => match win32_of_status(*status) {
            Some(error) => failed(error, *status, &format!("bytes {bytes}")),
            None => format!("= {}", ended(*status, *bytes)),
        },
        Answer::Failed(error) => format!("! {error}"),
    }
}

/// A packet that was taken. The failure that it carries is that of the call: of this call, not of one that takes a batch.
fn took(packet: &Packet) -> String {
    match win32_of_status(packet.status) {
        Some(error) => {
            let status = 0;
            failed(
                error,
                packet.status,
                &contents(&Packet { status, ..*packet }),
            )
        }
        None => format!("= {}", contents(packet)),
    }
}

/// A call that has failed and says something all the same; its status, where the error is that of many.
fn failed(error: OsError, status: u32, what: &str) -> String {
    let name = error.name;
    match error == UNKNOWN_STATUS {
        true => format!("! {name} {what} status {}", status_name(status)),
        false => format!("! {name} {what}"),
    }
}

/// How an operation ended.
pub(super) fn ended(status: u32, bytes: i64) -> String {
    match status {
        0 => format!("bytes {bytes}"),
        _ => format!("bytes {bytes} status {}", status_name(status)),
    }
}

pub(super) fn batch(packets: &[Packet]) -> String {
    let packets: Vec<_> = packets.iter().map(contents).collect();
    format!("[{}]", packets.join(", "))
}

/// A packet in words.
pub fn contents(packet: &Packet) -> String {
    let mut text = format!("key {}", packet.key);
    for (word, number) in [("bytes", packet.bytes), ("overlapped", packet.overlapped)] {
        if number != 0 {
            let _ = write!(text, " {word} {number}");
        }
    }
    if packet.status != 0 {
        let _ = write!(text, " status {}", status_name(packet.status));
    }
    text
}

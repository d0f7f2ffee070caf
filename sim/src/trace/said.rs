//! What a step decided, as lines of a trace say it.

use std::collections::BTreeMap;

use portsim_model::program::{OperationId, PortId, Program, Variable};

use super::wire::{EndFields, EventLine};
use super::{Branch, Event, Let, Told};
use crate::names::Names;
use crate::words;

/// Adds what the step of an event decided to its line.
pub(super) fn say(names: &Names, program: &Program, event: &Event, line: &mut EventLine) {
    let Some(told) = &event.told else {
        return;
    };
    let Told {
        branches,
        lets,
        set,
        // It is an outcome like any other.
        ended: _,
        cancelled,
        counted_out,
        // They stand in the last line.
        after: _,
        lets_after: _,
    } = &**told;
    let some = |map: BTreeMap<String, i64>| Some(map).filter(|map| !map.is_empty());
    line.branches = Some(ways(branches)).filter(|ways| !ways.is_empty());
    line.values = some(values(names, program, event, branches));
    let name = |&(variable, value): &(Variable, i64)| {
        let name = names.variable(program, event.shown.thread(), variable);
        (name.to_owned(), value)
    };
    let set = assigned(lets).chain(set.iter().copied());
    line.set = some(set.map(|it| name(&it)).collect());
    let some = |list: Vec<String>| Some(list).filter(|list| !list.is_empty());
    let operation = |id: &OperationId| names.operations[id.index()].clone();
    line.cancelled = some(cancelled.iter().map(operation).collect());
    let port = |id: &PortId| names.ports[id.index()].clone();
    line.counted_out = some(counted_out.iter().map(port).collect());
}

/// Adds what was decided behind the last event of a thread to the last line, if this is one.
pub(super) fn say_at_the_end(names: &Names, program: &Program, event: &Event, end: &mut EndFields) {
    let Some(told) = &event.told else {
        return;
    };
    let (me, after) = (event.shown.thread(), &told.after);
    let thread = names.thread_name(me);
    for (variable, value) in assigned(&told.lets_after) {
        let name = names.variable(program, me, variable).to_owned();
        end.set
            .entry(thread.to_owned())
            .or_default()
            .insert(name, value);
    }
    if after.is_empty() {
        return;
    }
    end.branches.insert(thread.to_owned(), ways(after));
    let values = values(names, program, event, after);
    end.values.insert(thread.to_owned(), values);
}

/// What a thread assigned to variables of its own.
fn assigned(lets: &[Let]) -> impl Iterator<Item = (Variable, i64)> {
    let now = |it: &Let| (Variable::Own(it.local), i64::from(it.value));
    lets.iter().map(now)
}

/// Where conditions lead.
fn ways(branches: &[Branch]) -> Vec<String> {
    let way = |branch: &Branch| match branch.held {
        Some(true) => "then".to_owned(),
        Some(false) => "else".to_owned(),
        None => "nowhere".to_owned(),
    };
    branches.iter().map(way).collect()
}

/// What conditions read, and what that was.
fn values(
    names: &Names,
    program: &Program,
    event: &Event,
    branches: &[Branch],
) -> BTreeMap<String, i64> {
    let text = |id| words::text(names, program, event.shown.thread(), id);
    let read = branches.iter().flat_map(|branch| &branch.values);
    read.map(|&(id, value)| (text(id), value)).collect()
}

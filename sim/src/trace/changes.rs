//! What changes of the state from step to step: queues, waiters, counts, variables, objects, files, operations.

use portsim_model::State;
use portsim_model::expr::Facts;
use portsim_model::files::Phase;
use portsim_model::machine::AnyMachine;
use portsim_model::program::{
    FileId, LocalId, Object, ObjectId, OperationId, Packet, PortId, SourceId, ThreadId, VarId,
};
use portsim_model::state::View;

use super::cells::{batch, contents, ended};
use crate::names::Names;

/// States of a run, each with the number of the last event before it.
pub type States = Vec<(u64, State)>;

/// What is other behind an event than it was before its step; of the first state everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The number of the last event of the step; 0 for the first state.
    pub after: u64,
    /// What is other now, in the order of the state.
    pub facts: Vec<Fact>,
}

/// One thing that is the case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about: `p.queue`.
    pub name: String,
    /// What is the case.
    pub is: Is,
}

/// What can be the case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Is {
    /// A number.
    Number(i64),
    /// Yes or no.
    Truth(bool),
    /// Packets, oldest first.
    Packets(Vec<Packet>),
    /// What has a name: threads, or what is listed where sources are; oldest first.
    Names(Vec<String>),
    /// In words.
    Words(String),
}

impl Fact {
    /// The fact in words.
    pub fn words(&self) -> String {
        let is = match &self.is {
            Is::Number(number) => number.to_string(),
            Is::Truth(true) => "yes".to_owned(),
            Is::Truth(false) => "no".to_owned(),
            Is::Packets(packets) => batch(packets),
            Is::Names(names) => format!("[{}]", names.join(", ")),
            Is::Words(words) => words.clone(),
        };
        format!("{} = {is}", self.name)
    }
}

/// What each of these states has that the one before it has not; each with the number of the last event before it.
pub fn changes(machine: &dyn AnyMachine, names: &Names, states: &[(u64, State)]) -> Vec<Change> {
    let mut known: Vec<Fact> = Vec::new();
    let mut changes = Vec::new();
    for (after, state) in states {
        let facts = facts(machine, names, state);
        // A state of the same program has the same facts in the same places.
        let was = |place: usize| known.get(place);
        let other = facts.iter().enumerate();
        let other = other.filter(|&(place, fact)| was(place) != Some(fact));
        let other: Vec<_> = other.map(|(_, fact)| fact.clone()).collect();
        if !other.is_empty() {
            let (after, facts) = (*after, other);
            changes.push(Change { after, facts });
        }
        known = facts;
    }
    changes
}

/// All that is the case in a state.
fn facts(machine: &dyn AnyMachine, names: &Names, state: &State) -> Vec<Fact> {
    let view = machine.view(state);
    let mut facts = Vec::new();
    for (id, name) in ids(&names.ports, PortId) {
        let port = view.port(id);
        let waiters = port.waiters();
        let waiters = waiters.iter().map(|id| names.thread_name(id).to_owned());
        let mut say = |part: &str, is| facts.push(fact(format!("{name}.{part}"), is));
        say("open", Is::Truth(port.is_open()));
        say("queue", packets(view, names, port.packets().as_slice()));
        if let Some(taken) = port.taken() {
            say("taken", packets(view, names, taken.as_slice()));
        }
        say("waiters", Is::Names(waiters.collect()));
        if machine.about().counts_running {
            say("running", Is::Number(port.running().count().into()));
        }
    }
    let vars = ids(&names.vars, VarId).map(|(id, name)| fact(name, Is::Number(view.var(id))));
    facts.extend(vars);
    for (me, thread) in ids(&names.threads, ThreadId) {
        let own = &names.locals[machine.program().threads[me.index()].code.index()];
        let own = ids(own, LocalId);
        let own = own.map(|(id, name)| (format!("{thread}.{name}"), view.local(me, id)));
        facts.extend(own.map(|(name, value)| fact(name, Is::Number(value))));
    }
    let objects = ids(&names.objects, ObjectId);
    facts.extend(objects.filter_map(|(id, name)| object(view, names, id, name)));
    for (id, name) in ids(&names.files, FileId) {
        facts.push(fact(
            format!("{name}.open"),
            Is::Truth(view.file(id).is_open()),
        ));
    }
    let operations = ids(&names.operations, OperationId);
    facts.extend(operations.map(|(id, name)| operation(view, id, name)));
    let is_plain = |id: SourceId| view.program.sources[id.index()].port.is_none();
    for (id, name) in ids(&names.sources, SourceId).filter(|(id, _)| is_plain(*id)) {
        let is_readable = Is::Truth(view.is_readable(id));
        facts.push(fact(format!("{name}.readable"), is_readable));
        if view.program.sources[id.index()].writable.is_some() {
            let is_writable = Is::Truth(view.is_writable(id));
            facts.push(fact(format!("{name}.writable"), is_writable));
        }
    }
    facts
}

fn fact(name: impl Into<String>, is: Is) -> Fact {
    let name = name.into();
    Fact { name, is }
}

/// Each of these names with its number.
fn ids<T>(names: &[String], id: fn(u8) -> T) -> impl Iterator<Item = (T, &str)> {
    (0..).map(id).zip(names.iter().map(String::as_str))
}

/// What is in a queue: packets, and behind their numbers sources that are listed.
fn packets(view: View<'_>, names: &Names, ids: &[u8]) -> Is {
    let packets = &view.program.packets;
    let known: Option<Vec<_>> = ids.iter().map(|&id| packets.get(usize::from(id))).collect();
    if let Some(known) = known {
        return Is::Packets(known.into_iter().copied().collect());
    }
    let name = |&id: &u8| match packets.get(usize::from(id)) {
        Some(packet) => contents(packet),
        None => listed(names, usize::from(id) - packets.len()),
    };
    Is::Names(ids.iter().map(name).collect())
}

/// A source that is listed, for room if that is an event of its own.
fn listed(names: &Names, n: usize) -> String {
    match names.sources.get(n) {
        Some(name) => name.clone(),
        None => format!("{} (room)", names.sources[n - names.sources.len()]),
    }
}

fn object(view: View<'_>, names: &Names, id: ObjectId, name: &str) -> Option<Fact> {
    Some(match view.program.objects[id.index()] {
        Object::Event { .. } => {
            let signaled = Is::Truth(view.signal(id) != 0);
            fact(format!("{name}.signaled"), signaled)
        }
        Object::Semaphore { .. } => {
            let count = Is::Number(view.signal(id).into());
            fact(format!("{name}.count"), count)
        }
        Object::Mutex => {
            let owner = names
                .threads
                .get(usize::from(view.signal(id)).wrapping_sub(1));
            let owner = owner.map_or("nobody", |owner| owner);
            fact(format!("{name}.owner"), Is::Words(owner.to_owned()))
        }
        // Its threads say it.
        Object::End(_) => return None,
    })
}

fn operation(view: View<'_>, id: OperationId, name: &str) -> Fact {
    let operation = view.operation(id);
    let result = operation.result();
    let how = result.map(|result| view.program.results[result.index()]);
    let how = how.map_or(String::new(), |how| {
        format!(", {}", ended(how.status, how.bytes))
    });
    let phase = match operation.phase() {
        Phase::Idle => "idle",
        Phase::Pending => "pending",
        Phase::Queued => "queued",
    };
    let freed = if operation.is_freed() { ", freed" } else { "" };
    fact(name, Is::Words(format!("{phase}{how}{freed}")))
}

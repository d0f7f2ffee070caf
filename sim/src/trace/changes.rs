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
    /// What kind of thing it is about.
    pub kind: Kind,
    /// What that is called: `p`.
    pub noun: String,
    /// Which part of it: `queue`; empty where it is about the whole.
    pub part: String,
    /// What is the case.
    pub is: Is,
}

/// Kinds of things that a state is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A port.
    Port,
    /// A shared variable.
    Variable,
    /// A thread.
    Thread,
    /// An event, a mutex or a semaphore.
    Object,
    /// A file.
    File,
    /// An operation on a file.
    Operation,
    /// What a descriptor can watch.
    Source,
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
    /// What it is about: `p.queue`.
    pub fn name(&self) -> String {
        match self.part.is_empty() {
            true => self.noun.clone(),
            false => format!("{}.{}", self.noun, self.part),
        }
    }

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
        format!("{} = {is}", self.name())
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

/// All that is the case in a state. Those of one program are the same facts in the same places.
pub fn facts(machine: &dyn AnyMachine, names: &Names, state: &State) -> Vec<Fact> {
    let view = machine.view(state);
    let mut facts = Vec::new();
    for (id, name) in ids(&names.ports, PortId) {
        let port = view.port(id);
        let waiters = port.waiters();
        let waiters = waiters.iter().map(|id| names.thread_name(id).to_owned());
        let mut say = |part: &str, is| facts.push(fact(Kind::Port, name, part, is));
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
    for (id, name) in ids(&names.vars, VarId) {
        let value = Is::Number(view.var(id));
        facts.push(fact(Kind::Variable, name, "", value));
    }
    for (me, thread) in ids(&names.threads, ThreadId) {
        let own = &names.locals[machine.program().threads[me.index()].code.index()];
        for (id, name) in ids(own, LocalId) {
            let value = Is::Number(view.local(me, id));
            facts.push(fact(Kind::Thread, thread, name, value));
        }
    }
    let objects = ids(&names.objects, ObjectId);
    facts.extend(objects.filter_map(|(id, name)| object(view, names, id, name)));
    for (id, name) in ids(&names.files, FileId) {
        let is_open = Is::Truth(view.file(id).is_open());
        facts.push(fact(Kind::File, name, "open", is_open));
    }
    let operations = ids(&names.operations, OperationId);
    facts.extend(operations.map(|(id, name)| operation(view, id, name)));
    let is_plain = |id: SourceId| view.program.sources[id.index()].port.is_none();
    for (id, name) in ids(&names.sources, SourceId).filter(|(id, _)| is_plain(*id)) {
        let is_readable = Is::Truth(view.is_readable(id));
        facts.push(fact(Kind::Source, name, "readable", is_readable));
        if view.program.sources[id.index()].writable.is_some() {
            let is_writable = Is::Truth(view.is_writable(id));
            facts.push(fact(Kind::Source, name, "writable", is_writable));
        }
    }
    facts
}

fn fact(kind: Kind, noun: &str, part: &str, is: Is) -> Fact {
    Fact {
        kind,
        noun: noun.to_owned(),
        part: part.to_owned(),
        is,
    }
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
            fact(Kind::Object, name, "signaled", signaled)
        }
        Object::Semaphore { .. } => {
            let count = Is::Number(view.signal(id).into());
            fact(Kind::Object, name, "count", count)
        }
        Object::Mutex => {
            let owner = names
                .threads
                .get(usize::from(view.signal(id)).wrapping_sub(1));
            let owner = owner.map_or("nobody", |owner| owner);
            fact(Kind::Object, name, "owner", Is::Words(owner.to_owned()))
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
    fact(
        Kind::Operation,
        name,
        "",
        Is::Words(format!("{phase}{how}{freed}")),
    )
}

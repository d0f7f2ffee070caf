//! The scenario file as it is written: the types that parse it and the schema made from them.
//!
//! Nothing here knows what a scenario means. Names are not looked up and expressions are strings;
//! [`super::compile`] does that. Doc comments of this file are the descriptions in the schema.

mod io;
mod ops;
mod relatives;
mod shapes;
pub(super) mod spans;
mod tree;
mod typed;

pub(super) use ops::*;
pub(super) use shapes::{Named, OneOrMore, Status, Value, Var};
pub(super) use tree::{Json, is_trace};

use std::fmt::{self, Formatter};

use portsim_model::personality::{CLAIMS, NAMES};
#[cfg(test)]
use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::place::{Complaint, Place};
use crate::shipped;
use shapes::forms;
#[cfg(test)]
use shapes::verbs_inside;
use typed::At;

/// The file that this tree is.
pub(super) fn read(json: &Json) -> Result<File, Complaint> {
    File::deserialize(At {
        json,
        place: &Place::TOP,
    })
}

/// The JSON Schema of a scenario file. Editors are told more than is checked: which systems and claims there are.
pub fn schema() -> serde_json::Value {
    let mut schema = shipped::schema(SCHEMA);
    let fields = &mut schema["properties"];
    fields["as"]["items"]["enum"] = NAMES.to_vec().into();
    let claims = || CLAIMS.iter().flat_map(|(_, claims)| claims.iter());
    let ids: Vec<_> = claims().map(|claim| claim.id).collect();
    let says: Vec<_> = claims()
        .map(|claim| {
            let (status, source) = (claim.status.word(), claim.source);
            format!("{} ({status}: {source})", claim.says)
        })
        .collect();
    // A claim may be of a later version: any text is one.
    fields["claims"]["items"] = serde_json::json!({
        "anyOf": [{ "enum": ids, "enumDescriptions": says }, { "type": "string" }],
    });
    schema
}

/// Made from the types below by a test, without what editors are told besides.
const SCHEMA: &str = include_str!("wire/schema.json");

/// A scenario: what threads do with completion ports, and what must hold.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, schemars(rename = "Scenario"))]
pub(super) struct File {
    /// The schema that editors check the file with.
    #[serde(rename = "$schema")]
    #[expect(dead_code, reason = "for editors")]
    pub(super) schema: Option<String>,
    /// The question that the scenario answers, in a sentence.
    #[cfg_attr(
        test,
        schemars(example = "The newest waiter is released first, so its stack is still warm.")
    )]
    pub(super) why: String,
    /// The rules that it exercises, such as `windows/lifo`.
    #[serde(default)]
    pub(super) claims: Vec<String>,
    /// The personalities that it is meant for, the default first; all that support it if left out.
    #[serde(rename = "as")]
    pub(super) meant_for: Option<Vec<String>>,
    /// Processes besides the scenario's own.
    #[serde(default)]
    pub(super) processes: Vec<String>,
    /// Completion ports.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = serde_json::json!({ "p": { "concurrency": 1 } })))]
    pub(super) ports: Named<Port>,
    /// Files: whatever I/O is done on.
    #[serde(default)]
    pub(super) files: Named<FileHandle>,
    /// I/O operations, each with its OVERLAPPED.
    #[serde(default)]
    pub(super) operations: Named<Operation>,
    /// Reserve objects.
    #[serde(default)]
    pub(super) reserves: Named<Reserve>,
    /// Wait completion packets.
    #[serde(default)]
    pub(super) wait_packets: Named<WaitCompletionPacket>,
    /// Job objects.
    #[serde(default)]
    pub(super) jobs: Named<Job>,
    /// Events that threads block on.
    #[serde(default)]
    pub(super) events: Named<Event>,
    /// Mutexes that threads block on.
    #[serde(default)]
    pub(super) mutexes: Named<Mutex>,
    /// Semaphores that threads block on.
    #[serde(default)]
    pub(super) semaphores: Named<Semaphore>,
    /// What an epoll descriptor can watch.
    #[serde(default)]
    pub(super) sources: Named<Source>,
    /// Shared variables and their first values.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = serde_json::json!({ "stop": 0, "alive": [1, 1] })))]
    pub(super) vars: Named<Var>,
    /// Threads and groups of threads, and what they do.
    #[cfg_attr(test, schemars(example = serde_json::json!({ "a": [{ "get": "p", "into": "x" }], "worker": { "count": 3, "do": [{ "get": "p" }] } })))]
    pub(super) threads: Named<Threads>,
    /// Turns in lock-step: names of threads, or `@time` for the clock.
    #[cfg_attr(test, schemars(example = serde_json::json!(["a", "b", "@time"])))]
    pub(super) schedule: Option<Vec<String>>,
    /// What must hold.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = serde_json::json!({ "always": { "limit": "p.running <= p.concurrency" }, "at_end": { "taken": "a.x.ok" } })))]
    pub(super) properties: Properties,
    /// What is expected of it; to pass, if left out.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = serde_json::json!({ "violation": "NAME" })))]
    pub(super) expect: Expect,
    /// Where the exploration of an unbounded scenario stops.
    #[serde(default)]
    pub(super) bounds: Bounds,
    /// Which invariants of every port are judged too; all, if left out.
    #[serde(default)]
    pub(super) builtin: Builtin,
    /// Threads or groups that may still be parked when nothing can move any more.
    #[serde(default)]
    pub(super) may_wait: Vec<MayWait>,
}

/// A completion port.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Port {
    /// Threads that may run at once; 0 stands for the number of processors.
    #[serde(default)]
    pub(super) concurrency: u32,
    /// Whether it has a name, by which it can be made several times.
    #[serde(default)]
    pub(super) named: bool,
    /// The most events that it has at once, sources associated with it counted.
    pub(super) events_max: Option<u8>,
    /// How many entries a ring has room for: a power of two up to 128; more than are ever there, if left out.
    pub(super) entries: Option<u8>,
    /// Who submits to a ring and waits on it; every thread, if left out.
    pub(super) setup: Option<Setup>,
}

/// Who submits to a ring, and waits on it.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename = "setup", rename_all = "snake_case")]
#[cfg_attr(test, schemars(rename = "Setup"))]
pub(super) enum Setup {
    /// IORING_SETUP_SINGLE_ISSUER: only the thread that creates it submits.
    SingleIssuer,
    /// IORING_SETUP_DEFER_TASKRUN, and the one above: only that thread waits, too, and what others send comes in when it does.
    DeferTaskrun,
}

/// A file.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, schemars(rename = "File"))]
pub(super) struct FileHandle {
    /// The port that it is associated with at the start.
    pub(super) port: Option<String>,
    /// The completion key of that association.
    pub(super) key: Option<i64>,
    /// Whether its calls wait until the operation is over.
    #[serde(default)]
    pub(super) sync: bool,
    /// FILE_SKIP_COMPLETION_PORT_ON_SUCCESS.
    #[serde(default)]
    pub(super) skip_port: bool,
    /// FILE_SKIP_SET_EVENT_ON_HANDLE.
    #[serde(default)]
    pub(super) skip_event: bool,
    /// How the device ends what is pending when the last handle is closed; STATUS_CANCELLED, if left out.
    pub(super) on_close: Option<Status>,
}

/// An I/O operation and its OVERLAPPED.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Operation {
    /// What it is done on.
    pub(super) file: String,
    /// The address of its OVERLAPPED; 0 is NULL.
    pub(super) overlapped: i64,
    /// `hEvent`: an event that its end sets.
    pub(super) event: Option<String>,
    /// Whether the low bit of `hEvent` is set.
    #[serde(default)]
    pub(super) low_bit: bool,
    /// Whether its end is an asynchronous procedure call of the issuing thread.
    #[serde(default)]
    pub(super) apc: bool,
    /// io-uring: whether it goes on behind what it reports, until something ends it.
    #[serde(default)]
    pub(super) multishot: bool,
    /// io-uring: whether it begins only when all requests before it have ended.
    #[serde(default)]
    pub(super) drained: bool,
}

/// A reserve object.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Reserve {
    /// What it has memory for.
    #[serde(default)]
    pub(super) kind: ReserveKind,
}

/// What a reserve object has memory for.
#[derive(Debug, Default, Clone, Copy, PartialEq, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename = "kind of reserve object", rename_all = "lowercase")]
#[cfg_attr(test, schemars(rename = "ReserveKind"))]
pub(super) enum ReserveKind {
    /// One packet.
    #[default]
    Port,
    /// One asynchronous procedure call.
    Apc,
}

/// A wait completion packet.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct WaitCompletionPacket {}

/// A job object.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Job {
    /// The job that it is nested in.
    pub(super) parent: Option<String>,
}

/// An event.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    /// Whether releasing a thread takes its signal.
    #[serde(default)]
    pub(super) reset: Resets,
    /// Whether it is signaled at the start.
    #[serde(default)]
    pub(super) signaled: bool,
}

/// How an event loses its signal.
#[derive(Debug, Default, Clone, Copy, PartialEq, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename = "way to reset", rename_all = "lowercase")]
#[cfg_attr(test, schemars(rename = "Resets"))]
pub(super) enum Resets {
    /// To the first thread it releases.
    #[default]
    Auto,
    /// To a `reset` only.
    Manual,
}

/// A mutex.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Mutex {}

/// A semaphore.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Semaphore {
    /// Units that can be taken at the start.
    #[serde(default)]
    pub(super) count: u8,
}

/// Something that a port of some systems can watch.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// Whether it can be read at the start.
    #[serde(default)]
    pub(super) readable: bool,
    /// Whether it can be written at the start; without it nobody looks at that direction.
    pub(super) writable: Option<bool>,
    /// The port that it is, for other ports to watch; then nothing but `epoll_ctl` names the source.
    pub(super) port: Option<String>,
}

/// What must hold, as expressions.
#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Properties {
    /// In every state.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = serde_json::json!({ "limit": "p.running <= p.concurrency" })))]
    pub(super) always: Named<String>,
    /// In at least one state.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = serde_json::json!({ "both": "p.running == 2" })))]
    pub(super) sometimes: Named<String>,
    /// In some state of every fair run, or each time that something calls for it.
    #[serde(default)]
    pub(super) eventually: Named<Promise>,
    /// In every state in which nothing can move any more.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = serde_json::json!({ "taken": "a.x.ok && b.x.ok" })))]
    pub(super) at_end: Named<String>,
}

/// What must come each time that something calls for it.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Response {
    /// What calls for it.
    pub(super) when: String,
    /// What must come, in the same state or in a later one.
    pub(super) then: String,
}

/// What is expected of a scenario.
#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename = "expectation", rename_all = "lowercase")]
#[cfg_attr(test, schemars(rename = "Expect", transform = verbs_inside))]
pub(super) enum Expect {
    /// That everything holds.
    #[default]
    Pass,
    /// That it shows a bug.
    Violation(Violation),
}

/// A bug that a scenario shows.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Violation {
    /// What does not hold.
    pub(super) violation: Violated,
}

/// An invariant of every port.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct BuiltinName {
    /// Its name.
    pub(super) builtin: String,
}

/// Where a thread may still be parked.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct MayWaitIn {
    /// The thread or group.
    pub(super) thread: String,
    /// The port, event, mutex, semaphore or file in whose calls it may wait.
    #[serde(rename = "in")]
    pub(super) place: String,
}

/// Where the exploration of an unbounded scenario stops.
#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Bounds {
    /// Steps from the start.
    pub(super) depth: Option<u32>,
    /// Packets waiting in one port.
    pub(super) packets: Option<u8>,
    /// Virtual time.
    pub(super) ticks: Option<u32>,
}

/// Threads that do the same: `worker[0]`, `worker[1]` and so on; or one thread with variables of its own.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// How many there are; one thread that is no group, if left out beside `locals`.
    pub(super) count: Option<u8>,
    /// Variables that each of them has for itself, and their first values.
    pub(super) locals: Option<Named<Var>>,
    /// The process that they run in; the scenario's own, if left out.
    pub(super) process: Option<String>,
    /// What each of them does.
    #[serde(rename = "do")]
    pub(super) ops: Vec<Op>,
}

forms! {
    /// The invariants of every port: all or none, or some that are switched off by name.
    enum Builtin("true, false, or an object with names of built-in invariants") {
        /// All or none.
        All(bool),
        /// All but those that are false here.
        Some(Named<bool>),
    } {
        fn visit_bool<E: Error>(self, all: bool) -> Result<Builtin, E> {
            Ok(Builtin::All(all))
        }

        fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Builtin, A::Error> {
            Deserialize::deserialize(MapAccessDeserializer::new(fields)).map(Builtin::Some)
        }
    }

    /// What does not hold: a property, or a built-in invariant if no property has that name.
    enum Violated("a name, or an object with \"builtin\"") {
        /// A property or an invariant.
        Named(String),
        /// An invariant.
        Builtin(BuiltinName),
    } {
        fn visit_str<E: Error>(self, name: &str) -> Result<Violated, E> {
            Ok(Violated::Named(name.to_owned()))
        }

        fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Violated, A::Error> {
            Deserialize::deserialize(MapAccessDeserializer::new(fields)).map(Violated::Builtin)
        }
    }

    /// A thread or group that may wait: anywhere, or in calls on one thing.
    enum MayWait("a name, or an object with \"thread\" and \"in\"") {
        /// Anywhere.
        Anywhere(String),
        /// In calls on one port or object.
        In(MayWaitIn),
    } {
        fn visit_str<E: Error>(self, name: &str) -> Result<MayWait, E> {
            Ok(MayWait::Anywhere(name.to_owned()))
        }

        fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<MayWait, A::Error> {
            Deserialize::deserialize(MapAccessDeserializer::new(fields)).map(MayWait::In)
        }
    }

    /// What every fair run comes to.
    enum Promise("an expression, or an object with \"when\" and \"then\"") {
        /// Once.
        Once(String),
        /// Each time that something calls for it.
        Each(Response),
    } {
        fn visit_str<E: Error>(self, text: &str) -> Result<Promise, E> {
            Ok(Promise::Once(text.to_owned()))
        }

        fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Promise, A::Error> {
            Deserialize::deserialize(MapAccessDeserializer::new(fields)).map(Promise::Each)
        }
    }

    /// A thread's operations, or a group of threads that do the same.
    enum Threads("a list of operations, or an object with \"do\" and \"count\" or \"locals\"") {
        /// One thread.
        One(Vec<Op>),
        /// Several.
        Group(Group),
    } {
        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Threads, A::Error> {
            Deserialize::deserialize(SeqAccessDeserializer::new(list)).map(Threads::One)
        }

        fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Threads, A::Error> {
            Deserialize::deserialize(MapAccessDeserializer::new(fields)).map(Threads::Group)
        }
    }
}

/// All.
impl Default for Builtin {
    fn default() -> Builtin {
        Builtin::All(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_that_of_the_types() {
        let of_types = schemars::schema_for!(File);
        shipped::hold_schema("src/scenario/wire/schema.json", SCHEMA, of_types);
    }
}

//! The agent protocol as it is written: one JSON object a line, over the standard streams of a command.
//!
//! Doc comments of this file are the descriptions in the schema. Which lines follow which is told by
//! `docs/AGENTS.md`.

#[cfg(test)]
use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plain::is_plain;
use crate::shipped;
use crate::trace::{CallFields, OutcomeFields};

/// The version that this program speaks.
pub const VERSION: u32 = 1;

macro_rules! direction {
    ($(#[$doc:meta])* $name:ident { $($(#[$line_doc:meta])* $key:literal $variant:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })* }) => {
        $(
            $(#[$line_doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            #[cfg_attr(test, derive(JsonSchema))]
            #[serde(deny_unknown_fields)]
            pub struct $variant { $($(#[$field_doc])* pub $field: $type,)* }
        )*

        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[cfg_attr(test, derive(JsonSchema))]
        #[serde(untagged)]
        pub enum $name { $($(#[$line_doc])* $variant($variant),)* }

        impl $name {
            /// The line of these bytes; else what is wrong with it.
            pub fn read(text: &str) -> Result<$name, String> {
                let line: Value = serde_json::from_str(text).map_err(|problem| said(&problem))?;
                let Value::Object(fields) = &line else {
                    return Err("is no JSON object".to_owned());
                };
                if !is_one_line(&line) {
                    return Err("has a control character in a text".to_owned());
                }
                // The key tells which line it is meant to be, so that a wrong field is named, and not merely refused.
                $(if fields.contains_key($key) {
                    return typed(line).map($name::$variant);
                })*
                let keys = [$($key),*];
                Err(format!("has none of the keys {}", keys.join(", ")))
            }
        }
    };
}

/// Whether all texts of a value can be told in one line, and move no terminal.
fn is_one_line(value: &Value) -> bool {
    match value {
        Value::String(text) => text.chars().all(is_plain),
        Value::Array(values) => values.iter().all(is_one_line),
        Value::Object(fields) => fields.values().all(is_one_line),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

direction! {
    /// What the conductor says to an agent.
    ToAgent {
        /// The first line.
        "hello" Hello {
            /// The version of the protocol: 1.
            hello: u32,
        }
        /// Makes the ports, objects and threads of one run, in place of any that are there.
        "setup" Prepare {
            /// What there is.
            setup: Setup,
        }
        /// Lets a thread make a call. In lock-step it is in no other; at full speed it makes this one when those are
        /// over that it was given before.
        "op" Make {
            /// The number of the call; never used again before the next setup.
            id: u64,
            /// Which thread makes it.
            thread: String,
            /// The call: one of those that the setup lists for this thread.
            op: Box<CallFields>,
        }
        /// Lets a thread that is in a stall come back from it.
        "come_back" ComeBack {
            /// The number of the call that is the stall.
            come_back: u64,
        }
        /// The program of a thread is over: it makes no more calls.
        "leave" Leave {
            /// Which thread.
            leave: String,
            /// At full speed: the number under which its end is said to have returned.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            id: Option<u64>,
        }
        /// Asks to be told when nothing moves any more.
        "quiesce" Quiesce {
            /// Always true.
            quiesce: bool,
            /// Calls that count as moving until they have returned: their deadlines are due.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            until: Vec<u64>,
            /// After so many milliseconds the answer is `overdue`.
            limit_ms: u64,
        }
        /// The run is over: brings every thread home, from wherever it is parked.
        "reset" Reset {
            /// Always true.
            reset: bool,
        }
        /// The last line; the agent ends. So it does when its input ends.
        "bye" Bye {
            /// Always true.
            bye: bool,
        }
    }
}

direction! {
    /// What an agent says to the conductor.
    FromAgent {
        /// The answer to `hello`.
        "hello" Welcome {
            /// The version of the protocol: 1.
            hello: u32,
            /// What it runs on; where this is the name of a personality, that is its judge.
            name: String,
            /// The operating system it runs on.
            os: String,
            /// The operations that it has, by the words of scenarios.
            ops: Vec<String>,
            /// How its threads can be recorded; in lock-step only, where it does not say.
            #[serde(default = "lockstep_only")]
            modes: Vec<ModeFields>,
        }
        /// The answer to `setup`.
        "ready" Ready {
            /// Always true.
            ready: bool,
        }
        /// The other answer to `setup`: something in it cannot be done here.
        "unsupported" Unsupported {
            /// What, and why.
            unsupported: String,
        }
        /// A call has returned.
        "returned" Returned {
            /// Which.
            id: u64,
            /// How.
            returned: OutcomeFields,
            /// At full speed: nanoseconds on the agent's one clock, before the call.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            t0: Option<u64>,
            /// And after it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            t1: Option<u64>,
        }
        /// A call is parked in the kernel; said once.
        "parked" Parked {
            /// Which.
            id: u64,
            /// Always true.
            parked: bool,
        }
        /// The answer to `quiesce` and to `reset`: nothing moves. Before it, every open call was said to have
        /// returned or to be parked.
        "quiet" Quiet {
            /// Always true.
            quiet: bool,
            /// Whether something from outside interrupted a wait since the setup.
            #[serde(default, skip_serializing_if = "is_false")]
            disturbed: bool,
            /// Threads whose end would be an action, because they belong to a port that counts them, or take I/O with them:
            /// it is a turn then.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            counted: Vec<String>,
        }
        /// The other answer to `quiesce`: the limit passed.
        "overdue" Overdue {
            /// A call that has neither returned nor parked.
            overdue: u64,
        }
        /// Something failed in a way that is no answer of a call; the agent is not used any further.
        "error" Failed {
            /// What.
            error: String,
            /// In which call.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            id: Option<u64>,
        }
    }
}

/// The ports, objects and threads of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// How long a tick of the scenario lasts, in microseconds.
    pub tick_us: u64,
    /// How its threads are recorded: in lock-step where it does not say.
    #[serde(default, skip_serializing_if = "is_lockstep")]
    pub mode: ModeFields,
    /// The threads, and every call that each may make.
    pub threads: Vec<ThreadFields>,
    /// The ports.
    pub ports: Vec<PortFields>,
    /// Events, mutexes and semaphores.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectFields>,
    /// What an epoll descriptor can watch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceFields>,
    /// Files, where the threads do I/O.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileFields>,
    /// I/O operations, where the threads do I/O.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<OperationFields>,
    /// Reserve objects, where calls are made with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reserves: Vec<ReserveFields>,
    /// What wait completion packets are called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wait_packets: Vec<String>,
    /// Jobs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobFields>,
}

/// How threads are recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ModeFields {
    /// One at a time: everybody comes to rest before the next one moves.
    #[default]
    Lockstep,
    /// At full speed: every call returns with its times, as soon as it is over.
    Free,
}

/// A thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ThreadFields {
    /// What it is called.
    pub name: String,
    /// Every call that it may make.
    pub calls: Vec<CallFields>,
}

/// A port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PortFields {
    /// What it is called.
    pub name: String,
    /// Threads that may run at once; 0 stands for the number of processors.
    pub concurrency: u32,
    /// Whether it is open from the start, or waits for a `create`.
    pub open: bool,
    /// Whether it has a name, by which it can be opened again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub named: bool,
}

/// Something that threads block on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ObjectFields {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub kind: KindFields,
    /// Of an event: whether it is signaled at the start.
    #[serde(default, skip_serializing_if = "is_false")]
    pub signaled: bool,
    /// Of a semaphore: units that can be taken at the start.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub count: u8,
}

/// What threads block on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KindFields {
    /// An event that is taken back when a thread is released.
    AutoEvent,
    /// An event that stays signaled until it is reset.
    ManualEvent,
    /// A mutex.
    Mutex,
    /// A semaphore.
    Semaphore,
}

/// Something an epoll descriptor can watch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SourceFields {
    /// What it is called.
    pub name: String,
    /// Whether it can be read at the start.
    pub readable: bool,
    /// Whether it can be written at the start; left out where nobody looks at that direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writable: Option<bool>,
    /// The port that it is, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
}

/// What I/O is done on. It is open from the start, with one handle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FileFields {
    /// What it is called.
    pub name: String,
    /// Which of the objects stands for its own signal.
    pub signal: String,
    /// Whether its calls wait until the operation is over.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sync: bool,
    /// The port that it is associated with from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// The key of that association.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<i64>,
    /// FILE_SKIP_COMPLETION_PORT_ON_SUCCESS.
    #[serde(default, skip_serializing_if = "is_false")]
    pub skip_port: bool,
    /// FILE_SKIP_SET_EVENT_ON_HANDLE.
    #[serde(default, skip_serializing_if = "is_false")]
    pub skip_event: bool,
    /// The status with which its device ends what is pending when its last handle is closed.
    pub on_close: u32,
}

/// An I/O operation: one OVERLAPPED.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OperationFields {
    /// What it is called.
    pub name: String,
    /// What it is done on.
    pub file: String,
    /// What packets call its OVERLAPPED; 0 where it has none.
    #[serde(default, skip_serializing_if = "is_null")]
    pub overlapped: i64,
    /// Its event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Whether the low bit of the event is set.
    #[serde(default, skip_serializing_if = "is_false")]
    pub low_bit: bool,
    /// Whether it has a completion routine.
    #[serde(default, skip_serializing_if = "is_false")]
    pub apc: bool,
}

/// Memory for one packet, or for one asynchronous procedure call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReserveFields {
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub kind: ReserveKindFields,
}

/// What a reserve object is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReserveKindFields {
    /// A packet.
    Port,
    /// An asynchronous procedure call.
    Apc,
}

/// A job object, with no process in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JobFields {
    /// What it is called.
    pub name: String,
    /// The job that it is nested in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// The modes of an agent that does not speak of them.
pub fn lockstep_only() -> Vec<ModeFields> {
    vec![ModeFields::Lockstep]
}

fn is_lockstep(mode: &ModeFields) -> bool {
    *mode == ModeFields::Lockstep
}

fn is_null(address: &i64) -> bool {
    *address == 0
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// The version that a `hello` speaks, if it is one and of another version than ours; its other fields may be
/// anything then.
pub fn other_version(text: &str) -> Option<u64> {
    let line: Value = serde_json::from_str(text).ok()?;
    let version = line.get("hello")?.as_u64()?;
    (version != u64::from(VERSION)).then_some(version)
}

/// A value as a line, without its end.
pub fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it has only names for keys")
}

fn typed<T: DeserializeOwned>(line: Value) -> Result<T, String> {
    serde_json::from_value(line).map_err(|problem| said(&problem))
}

/// What serde says, without a line number: the text is always one line.
fn said(problem: &serde_json::Error) -> String {
    problem.to_string().replace("at line 1 column", "at column")
}

/// The JSON Schema of the protocol: of its lines, one by one.
pub fn schema() -> Value {
    shipped::schema(SCHEMA)
}

/// Made from the types above by a test.
const SCHEMA: &str = include_str!("schema.json");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_that_of_the_types() {
        #[derive(JsonSchema)]
        #[serde(untagged)]
        #[schemars(rename = "AgentLine")]
        #[allow(dead_code, reason = "only its schema is used")]
        enum Line {
            ToAgent(ToAgent),
            FromAgent(FromAgent),
        }
        shipped::hold_schema("src/native/agent/schema.json", SCHEMA, schema_for!(Line));
    }
}

//! Traces as JSON lines: what a line may say.

use std::collections::BTreeMap;
use std::io;

#[cfg(test)]
use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::shipped;

/// The format that this version reads and writes.
pub const FORMAT: &str = "portsim-trace/1";

/// One line of a file as the kind of line that it should be; else what is wrong with it, and before which byte.
pub(super) fn read_line<T: DeserializeOwned>(text: &str) -> Result<T, (String, usize)> {
    serde_json::from_str(text).map_err(|error| {
        let column = error.column();
        let words = error.to_string();
        // serde_json counts lines within the text it is given, which is always the first.
        let words = words.split(" at line 1 column ").next().unwrap_or_default();
        match too_long(text, column) {
            Some(number) => (format!("{number} has more than 64 bits"), column),
            None => (words.to_owned(), column),
        }
    })
}

/// The whole number that ends in this column, where it does not fit 64 bits: serde_json takes it for a fraction.
fn too_long(text: &str, column: usize) -> Option<&str> {
    let before = text.get(..column)?;
    let digits = before.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = &before[digits.trim_end_matches('-').len()..];
    let is_bare = !digits.ends_with(['.', 'e', 'E', '+', '"']);
    (is_bare && number.len() > 18 && number.parse::<i64>().is_err()).then_some(number)
}

/// A value as one line.
pub(super) fn write_line<T: Serialize>(out: &mut impl io::Write, value: &T) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

/// Where a trace comes from: its first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Header {
    /// `portsim-trace/1`.
    pub format: String,
    /// The scenario's name: its path below `scenarios/` without `.json`.
    pub scenario: String,
    /// SHA-256 of the scenario file.
    pub scenario_sha256: String,
    /// Whether the model or a real system made it.
    pub from: Origin,
    /// The personality that the model played, or that is to judge a refused trace.
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    pub personality: Option<String>,
    /// The backend that was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// `lockstep`, where everybody came to rest between two turns; `steps`, where the model took any step;
    /// `free`, where threads ran at full speed.
    pub mode: Mode,
    /// What the choices were drawn from.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Processors of the machine: what a concurrency value of 0 stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processors: Option<u32>,
    /// Who wrote it, and which version.
    pub tool: String,
    /// The operating system it was recorded on; `none` for the model.
    pub os: String,
    /// The property that the run violates, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violation: Option<String>,
    /// The event with which the loop begins that the run goes round for ever, where it does; it ends with the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loop_at: Option<u64>,
    /// The event at which a refused trace must be refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_at: Option<u64>,
    /// Why a kept trace is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Claims that a kept trace is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
}

impl Header {
    /// Its texts, which the writer of the trace chose.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let always = [&self.scenario, &self.scenario_sha256, &self.tool, &self.os];
        let perhaps = [&self.personality, &self.on, &self.violation, &self.why];
        let perhaps = perhaps.into_iter().flatten();
        let all = always.into_iter().chain(perhaps).chain(&self.claims);
        all.map(String::as_str)
    }
}

/// Who made a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The model.
    Model,
    /// A real system.
    Backend,
}

/// How a trace was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Everybody came to rest between two turns.
    Lockstep,
    /// The model took any step that was possible.
    Steps,
    /// Threads ran at full speed.
    Free,
}

/// Any line of a trace after the first.
#[cfg(test)]
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub enum Line {
    /// The last line.
    End(EndLine),
    /// All others.
    Event(Box<EventLine>),
}

/// The last line: without it a trace is cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EndLine {
    /// How the recording ended.
    pub end: EndFields,
}

/// How the recording ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct EndFields {
    /// How many events stand before.
    pub events: u64,
    /// Threads that were still inside a call.
    pub parked: Vec<String>,
    /// Which way each condition led that decided behind the last event of a thread.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub branches: BTreeMap<String, Vec<String>>,
    /// What those conditions read, and what that was.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, BTreeMap<String, i64>>,
    /// What threads assigned to variables of their own behind their last events.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, BTreeMap<String, i64>>,
    /// Threads of a model that could not move.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldFields>,
}

/// A thread that could not move at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HeldFields {
    /// Its name.
    pub thread: String,
    /// The call that it was in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#in: Option<String>,
    /// The operation that it had to make next, where it was in no call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The claim that kept it from moving; left out where what it waited for was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
}

macro_rules! lines {
    (
        call { $($(#[$doc:meta])* $field:ident: $type:ty,)* }
        event { $($(#[$event_doc:meta])* $event_field:ident: $event_type:ty,)* }
    ) => {
        /// A call: which operation, and what it is about.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(test, derive(JsonSchema))]
        #[serde(deny_unknown_fields)]
        pub struct CallFields {
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)*
        }

        /// One event. A call that returns at once is one line with `call` and `outcome`.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(test, derive(JsonSchema))]
        #[serde(deny_unknown_fields)]
        pub struct EventLine {
            /// Its number, from 1.
            pub n: u64,
            /// Whom it is about.
            pub thread: String,
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)*
            $($(#[$event_doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $event_field: Option<$event_type>,)*
        }

        impl EventLine {
            /// What the line says of a call.
            pub fn called(self) -> CallFields {
                CallFields { $($field: self.$field,)* }
            }
        }
    };
}

lines! {
    call {
        /// The operation that the thread calls.
        call: String,
        /// The port of the call.
        port: String,
        /// The ports of a call that sends to several.
        ports: Vec<String>,
        /// The event, mutex or semaphore of the call.
        object: String,
        /// The thread that the call is about; of `join` it may be a group or a process.
        target: String,
        /// The source of the call.
        source: String,
        /// The file of the call.
        file: String,
        /// The I/O operation of the call.
        operation: String,
        /// The I/O operations of a call that ends several.
        operations: Vec<String>,
        /// The process that gets a handle.
        process: String,
        /// The reserve object of the call.
        reserve: String,
        /// The wait completion packet of the call.
        wait_packet: String,
        /// The job of the call.
        job: String,
        /// The process that begins or ends in a job.
        pid: i64,
        /// Whether an asynchronous procedure call can end the wait.
        alertable: bool,
        /// Whether a post may find no memory.
        may_fail: bool,
        /// Whether one of the messages of a job may be lost.
        may_lose: bool,
        /// Whether an asynchronous procedure call needs no alertable wait.
        special: bool,
        /// Whether only operations of the calling thread are meant.
        mine: bool,
        /// Whether a wait completion packet is taken out of a queue as well.
        remove: bool,
        /// Whether FILE_SKIP_COMPLETION_PORT_ON_SUCCESS is set.
        skip_port: bool,
        /// Whether FILE_SKIP_SET_EVENT_ON_HANDLE is set.
        skip_event: bool,
        /// Whether an operation ends in the call that issues it, with the `status` and `bytes` of its packet.
        now: bool,
        /// The bytes that such a call says, where they differ.
        returned: i64,
        /// How long the call waits, in ticks; left out where it waits for ever.
        timeout: u32,
        /// The most packets of a batch.
        max: u8,
        /// How many packets a batch waits for.
        min: u8,
        /// How long it waits for so many, in ticks, before any is enough.
        min_wait: u32,
        /// The key of the packet, or of the source's events.
        key: i64,
        /// The bytes of the packet.
        bytes: i64,
        /// The OVERLAPPED of the packet.
        overlapped: i64,
        /// The NTSTATUS of the packet.
        status: u32,
        /// The ring that a `msg_ring` is submitted on.
        from: String,
        /// The key of what that ring gets; left out for 0.
        own: i64,
        /// What a `submit` asks for: `nop`, `timeout`, `cancel` or `chain`.
        request: String,
        /// Whether a nop that a `submit` asks for begins only when all requests before it have ended.
        drained: bool,
        /// After how many entries a timeout is over that a `submit` asks for.
        count: u8,
        /// The requests of a chain, in their order: what each asks for, of what, and with which key.
        linked: Vec<String>,
        /// What an `epoll_ctl` does: `add`, `mod` or `del`.
        change: String,
        /// How a source is watched: `level` or `edge`.
        trigger: String,
        /// What a `kevent` does, as in the scenario.
        flags: Vec<String>,
        /// What an event of a kqueue is of, as in the scenario; left out for a user event.
        filter: String,
        /// What a `port_alert` does: `set`, `update` or `clear`.
        mode: String,
        /// What a source is watched for, as in the scenario; left out where that is not said.
        events: Vec<String>,
        /// Whether a source is watched for one event only.
        oneshot: bool,
        /// Whether its events wake the waiters of one descriptor only.
        exclusive: bool,
        /// The number of a note's text in the scenario.
        note: u16,
        /// How long a sleep is, in ticks.
        ticks: u32,
    }
    event {
        /// The operation that the thread comes back from.
        r#return: String,
        /// A step of the model that an observer does not see: `wake` or `time`.
        step: String,
        /// How the call ended; left out where it parked.
        outcome: OutcomeFields,
        /// Which of its alternatives the model took; left out for the first.
        choice: u32,
        /// The claims that decided what the model did, where they were asked for.
        by: Vec<String>,
        /// Which way each condition led that decided where the thread went: `then`, `else`, or `nowhere` where it has no
        /// value.
        branches: Vec<String>,
        /// What those conditions read, and what that was.
        values: BTreeMap<String, i64>,
        /// What variables are now.
        set: BTreeMap<String, i64>,
        /// The text of a note.
        text: String,
        /// How an operation ended that the call was to cancel, and that was over before.
        ended: OutcomeFields,
        /// The I/O operations that were cancelled because a thread ended, or because their file was closed.
        cancelled: Vec<String>,
        /// The ports that threads counted against until they ended, one for each thread.
        counted_out: Vec<String>,
        /// When the call started, in nanoseconds of a monotonic clock.
        t0: u64,
        /// When the call returned.
        t1: u64,
    }
}

/// How a call ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OutcomeFields {
    /// Whether it did what it was asked.
    pub ok: bool,
    /// The error, as the system names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The key of the packet it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<i64>,
    /// The bytes of the packet; left out for 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
    /// The OVERLAPPED of the packet; left out for 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlapped: Option<i64>,
    /// The NTSTATUS of the packet; left out for 0. Without a key, that of an operation that ended in the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u32>,
    /// The number that the call answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<i64>,
    /// The packets of a batch, oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<Vec<PacketFields>>,
}

/// One packet of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PacketFields {
    /// Its key.
    pub key: i64,
    /// Its bytes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bytes: i64,
    /// Its OVERLAPPED.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub overlapped: i64,
    /// Its NTSTATUS.
    #[serde(default, skip_serializing_if = "is_success")]
    pub status: u32,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

fn is_success(status: &u32) -> bool {
    *status == 0
}

/// The JSON Schema of a trace: of its lines, one by one.
pub fn schema() -> serde_json::Value {
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
        #[allow(dead_code, reason = "only its schema is used")]
        enum TraceLine {
            Header(Box<Header>),
            Line(Line),
        }
        shipped::hold_schema("src/trace/schema.json", SCHEMA, schema_for!(TraceLine));
    }
}

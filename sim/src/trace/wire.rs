//! Traces as JSON lines: the only place that knows how an event is spelled there.

use std::io;

use portsim_model::program::{Op, Packet, Program, ThreadId, Timeout, Watch};
use portsim_model::step::StepKind;
use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Answer, End, Event, Shown};
use crate::names::Names;

/// The format that this version reads and writes.
pub const FORMAT: &str = "portsim-trace/1";

/// One line of a file as the kind of line that it should be; else what is wrong with it, and where.
pub(super) fn read_line<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    // serde_json counts lines within the text it is given, which is always the first.
    let at_column =
        |problem: serde_json::Error| problem.to_string().replace("at line 1 column", "at column");
    serde_json::from_str(text).map_err(at_column)
}

/// Where a trace comes from: its first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// Who made a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The model.
    Model,
    /// A real system.
    Backend,
}

/// How a trace was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Line {
    /// The last line.
    End(EndLine),
    /// All others.
    Event(Box<EventLine>),
}

/// The last line: without it a trace is cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndLine {
    /// How the recording ended.
    pub end: EndFields,
}

/// How the recording ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndFields {
    /// How many events stand before.
    pub events: u64,
    /// Threads that were still inside a call.
    pub parked: Vec<String>,
}

macro_rules! event_line {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)*) => {
        /// One event. A call that returns at once is one line with `call` and `outcome`.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct EventLine {
            /// Its number, from 1.
            pub n: u64,
            /// Whom it is about.
            pub thread: String,
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)*
        }
    };
}

event_line! {
    /// The operation that the thread calls.
    call: String,
    /// The operation that the thread comes back from.
    r#return: String,
    /// A step of the model that an observer does not see: `wake` or `time`.
    step: String,
    /// The port of the call.
    port: String,
    /// The event, mutex or semaphore of the call.
    object: String,
    /// The thread that the call is about.
    target: String,
    /// The source of the call.
    source: String,
    /// How long the call waits, in ticks; left out where it waits for ever.
    timeout: u32,
    /// The most packets of a batch.
    max: u8,
    /// The key of the packet, or of the source's events.
    key: i64,
    /// The bytes of the packet.
    bytes: i64,
    /// The OVERLAPPED of the packet.
    overlapped: i64,
    /// The NTSTATUS of the packet.
    status: u32,
    /// What an `epoll_ctl` does: `add`, `mod` or `del`.
    change: String,
    /// How a source is watched: `level` or `edge`.
    trigger: String,
    /// Whether a source is watched for one event only.
    oneshot: bool,
    /// The number of a note's text in the scenario.
    note: u16,
    /// How long a sleep is, in ticks.
    ticks: u32,
    /// How the call ended; left out where it parked.
    outcome: OutcomeFields,
    /// Which of its alternatives the model took; left out for the first.
    choice: u8,
    /// When the call started, in nanoseconds of a monotonic clock.
    t0: u64,
    /// When the call returned.
    t1: u64,
}

/// How a call ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// The NTSTATUS of the packet; left out for 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u32>,
    /// The packets of a batch, oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<Vec<PacketFields>>,
}

/// One packet of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    #[derive(JsonSchema)]
    #[serde(untagged)]
    #[allow(dead_code, reason = "only its schema is used")]
    enum TraceLine {
        Header(Box<Header>),
        Line(Line),
    }
    schema_for!(TraceLine).to_value()
}

/// Writes a trace as JSON lines.
pub fn write(
    out: &mut impl io::Write,
    names: &Names,
    program: &Program,
    header: &Header,
    events: &[Event],
    end: Option<&End>,
) -> io::Result<()> {
    let mut line = |value: &dyn erased::Line| -> io::Result<()> {
        value.write(out)?;
        out.write_all(b"\n")
    };
    line(header)?;
    for (n, event) in events.iter().enumerate() {
        line(&event_line(names, program, n as u64 + 1, event))?;
    }
    if let Some(end) = end {
        let parked = end
            .parked
            .iter()
            .map(|&thread| thread_name(names, thread))
            .collect();
        line(&EndLine {
            end: EndFields {
                events: events.len() as u64,
                parked,
            },
        })?;
    }
    Ok(())
}

mod erased {
    //! Lines of different types, one writer.
    use std::io;

    pub trait Line {
        fn write(&self, out: &mut dyn io::Write) -> io::Result<()>;
    }

    impl<T: serde::Serialize> Line for T {
        fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
            serde_json::to_writer(out, self).map_err(io::Error::from)
        }
    }
}

fn thread_name(names: &Names, thread: ThreadId) -> String {
    names.threads[thread.index()].clone()
}

/// An event as a line.
pub fn event_line(names: &Names, program: &Program, n: u64, event: &Event) -> EventLine {
    let mut line = match &event.shown {
        Shown::Call { op, answer, .. } => {
            let mut line = call_line(names, program, *op);
            line.outcome = answer.as_ref().map(outcome_fields);
            line
        }
        Shown::Return { op, answer, .. } => EventLine {
            r#return: Some(verb(*op).to_owned()),
            outcome: Some(outcome_fields(answer)),
            ..EventLine::default()
        },
        Shown::Silent { kind, .. } => EventLine {
            step: Some(step_name(*kind).to_owned()),
            ..EventLine::default()
        },
    };
    line.n = n;
    line.thread = thread_name(names, event.shown.thread());
    line.choice = Some(event.choice).filter(|&choice| choice != 0);
    line
}

/// The name of a kind of step.
pub fn step_name(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Turn => "turn",
        StepKind::Wake => "wake",
        StepKind::Time => "time",
    }
}

/// The word that names an operation.
pub fn verb(op: Op) -> &'static str {
    match op {
        Op::Get { .. } => "get",
        Op::Post { .. } => "post",
        Op::Close { .. } => "close",
        Op::Create { .. } => "create",
        Op::Block { .. } => "block",
        Op::Signal { .. } => "signal",
        Op::Reset { .. } => "reset",
        Op::Stall => "stall",
        Op::Sleep { .. } => "sleep",
        Op::Yield => "yield",
        Op::Suspend { .. } => "suspend",
        Op::Resume { .. } => "resume",
        Op::Spawn { .. } => "spawn",
        Op::Exit => "exit",
        Op::Set { .. } => "set",
        Op::Test { .. } => "if",
        Op::Assert { .. } => "assert",
        Op::Note(_) => "note",
        Op::EpollCtl { .. } => "epoll_ctl",
        Op::Write { .. } => "write",
        Op::Drain { .. } => "drain",
    }
}

/// The part of a call's line that says what is called.
pub fn call_line(names: &Names, program: &Program, op: Op) -> EventLine {
    let mut line = EventLine {
        call: Some(verb(op).to_owned()),
        ..EventLine::default()
    };
    let ticks = |timeout| match timeout {
        Timeout::Never => None,
        Timeout::Ticks(ticks) => Some(ticks),
    };
    match op {
        Op::Get {
            port, timeout, max, ..
        } => {
            line.port = Some(names.ports[port.index()].clone());
            line.timeout = ticks(timeout);
            line.max = max;
        }
        Op::Post { port, packet } => {
            let packet = program.packets[packet.index()];
            line.port = Some(names.ports[port.index()].clone());
            line.key = Some(packet.key);
            line.bytes = nonzero(packet.bytes);
            line.overlapped = nonzero(packet.overlapped);
            line.status = Some(packet.status).filter(|&status| status != 0);
        }
        Op::Close { port } | Op::Create { port } => {
            line.port = Some(names.ports[port.index()].clone())
        }
        Op::Block {
            object, timeout, ..
        } => {
            line.object = Some(names.objects[object.index()].clone());
            line.timeout = ticks(timeout);
        }
        Op::Signal { object } | Op::Reset { object } => {
            line.object = Some(names.objects[object.index()].clone())
        }
        Op::Sleep { ticks } => line.ticks = Some(ticks),
        Op::Suspend { thread } | Op::Resume { thread } | Op::Spawn { thread } => {
            line.target = Some(thread_name(names, thread));
        }
        Op::Note(note) => line.note = Some(note),
        Op::EpollCtl {
            port,
            source,
            change,
        } => {
            line.port = Some(names.ports[port.index()].clone());
            line.source = Some(names.sources[source.index()].clone());
            watch_fields(program, change, &mut line);
        }
        Op::Write { source } | Op::Drain { source } => {
            line.source = Some(names.sources[source.index()].clone())
        }
        Op::Stall | Op::Yield | Op::Exit | Op::Set { .. } | Op::Test { .. } | Op::Assert { .. } => {
        }
    }
    line
}

fn watch_fields(program: &Program, change: Watch, line: &mut EventLine) {
    let (change, interest) = match change {
        Watch::Add(interest) => ("add", Some(interest)),
        Watch::Mod(interest) => ("mod", Some(interest)),
        Watch::Del => ("del", None),
    };
    line.change = Some(change.to_owned());
    if let Some(interest) = interest {
        line.trigger = Some(if interest.edge { "edge" } else { "level" }.to_owned());
        line.oneshot = interest.oneshot.then_some(true);
        line.key = Some(program.packets[interest.packet.index()].key);
    }
}

fn nonzero(number: i64) -> Option<i64> {
    Some(number).filter(|&number| number != 0)
}

fn outcome_fields(answer: &Answer) -> OutcomeFields {
    let mut fields = OutcomeFields {
        ok: true,
        ..OutcomeFields::default()
    };
    match answer {
        Answer::Done => {}
        Answer::Packet(packet) => {
            fields.key = Some(packet.key);
            fields.bytes = nonzero(packet.bytes);
            fields.overlapped = nonzero(packet.overlapped);
            fields.status = Some(packet.status).filter(|&status| status != 0);
        }
        Answer::Packets(packets) => {
            let packet = |packet: &Packet| PacketFields {
                key: packet.key,
                bytes: packet.bytes,
                overlapped: packet.overlapped,
                status: packet.status,
            };
            fields.packets = Some(packets.iter().map(packet).collect());
        }
        Answer::Failed(error) => {
            fields.ok = false;
            fields.error = Some(error.clone());
        }
    }
    fields
}

/// The answer that an outcome means; what is missing where it means none.
pub fn answer_of(fields: &OutcomeFields) -> Result<Answer, &'static str> {
    if !fields.ok {
        let error = fields
            .error
            .clone()
            .ok_or("an outcome that is not ok names its error")?;
        return Ok(Answer::Failed(error));
    }
    if let Some(packets) = &fields.packets {
        let packet = |packet: &PacketFields| Packet {
            key: packet.key,
            bytes: packet.bytes,
            overlapped: packet.overlapped,
            status: packet.status,
        };
        return Ok(Answer::Packets(packets.iter().map(packet).collect()));
    }
    Ok(match fields.key {
        None => Answer::Done,
        Some(key) => Answer::Packet(Packet {
            key,
            bytes: fields.bytes.unwrap_or(0),
            overlapped: fields.overlapped.unwrap_or(0),
            status: fields.status.unwrap_or(0),
        }),
    })
}

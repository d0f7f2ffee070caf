//! Calls, as an agent is told of them and as it reads them back.
//!
//! A call has the words of traces. Read back, it becomes an operation of the program that is being made of a setup:
//! what the call says in numbers (a packet, a result, an association) is added to that program once.
//!
//! Long: every operation is told here and read back, a few lines each; apart, the two could part.

use portsim_model::ops_of;
use portsim_model::program::{
    Binding, BindingId, Events, FileId, Interest, IoResult, JobBinding, JobId, Modes, Object,
    ObjectId, Op, OperationId, Packet, PacketId, PortId, Program, ReserveId, ResultId, SourceId,
    ThreadId, Timeout, WaitPacketId, Watch,
};

use crate::names::Names;
use crate::native::backend::ops_of_the_conductor;
use crate::trace::{CallFields, call_line};

/// Why the protocol cannot tell of an operation, if it cannot.
pub fn untold(program: &Program, op: Op) -> Option<String> {
    match op {
        Op::DuplicateFile {
            process: Some(_), ..
        } => Some("this version of the agent protocol has one process".to_owned()),
        Op::Get {
            min_wait: Some(_), ..
        } => Some(
            "this version of the agent protocol has no time for the minimum of a call".to_owned(),
        ),
        Op::Get { keeps: true, .. } => Some(
            "this version of the agent protocol says nothing of the variables of a caller"
                .to_owned(),
        ),
        Op::Start { operation, .. } if program.operations[operation.index()].drain => Some(
            "this version of the agent protocol has no request that waits for others".to_owned(),
        ),
        Op::Start { operation, .. } if program.operations[operation.index()].multishot => Some(
            "this version of the agent protocol has no request that goes on behind what it reports"
                .to_owned(),
        ),
        Op::Apc { special: true, .. } => {
            Some("this version of the agent protocol has no special APCs".to_owned())
        }
        Op::Block { .. } | Op::Signal { .. } | Op::Reset { .. } => None,
        Op::Stall | Op::Sleep { .. } | Op::Free { .. } | Op::Alloc { .. } => None,
        Op::Suspend { .. } | Op::Resume { .. } | Op::Terminate { .. } | Op::Apc { .. } => None,
        ops_of!(sources) => None,
        Op::WaitPacket { target, .. } if is_end(program, target) => Some(
            "this version of the agent protocol has no packet of the end of a thread".to_owned(),
        ),
        Op::Join { .. }
        | Op::Peek { .. }
        | Op::ExitProcess
        | Op::PostComputed { .. }
        | Op::KernelApc { .. }
        | ops_of_the_conductor!()
        | ops_of!(event_ports, rings, kqueues) => Some(format!(
            "this version of the agent protocol has no `{}`",
            op.verb().name()
        )),
        ops_of!(ports, port_handles, files, wait_packets, jobs) => None,
    }
}

fn is_end(program: &Program, object: ObjectId) -> bool {
    matches!(program.objects[object.index()], Object::End(_))
}

/// A call as a line says it.
pub fn call_fields(names: &Names, program: &Program, op: Op) -> CallFields {
    call_line(names, program, op.unnamed()).called()
}

/// The operation that a call says; its packet is added to the program's.
pub fn op_of(program: &mut Program, names: &Names, call: &CallFields) -> Result<Op, String> {
    let into = None;
    let port = || named(&names.ports, call.port.as_deref(), "port").map(PortId);
    let object = || named(&names.objects, call.object.as_deref(), "object").map(ObjectId);
    let source = || named(&names.sources, call.source.as_deref(), "source").map(SourceId);
    let target = || named(&names.threads, call.target.as_deref(), "target").map(ThreadId);
    let file = || named(&names.files, call.file.as_deref(), "file").map(FileId);
    let operation = || operation_named(names, call.operation.as_deref());
    let reserve = || match call.reserve.as_deref() {
        None => Ok(None),
        name => named(&names.reserves, name, "reserve object").map(|id| Some(ReserveId(id))),
    };
    let wait_packet = || {
        let name = call.wait_packet.as_deref();
        named(&names.wait_packets, name, "wait completion packet").map(WaitPacketId)
    };
    let job = || named(&names.jobs, call.job.as_deref(), "job").map(JobId);
    let may_lose = call.may_lose.unwrap_or(false);
    let mine = call.mine.unwrap_or(false);
    let key = call.key.unwrap_or(0);
    let bytes = call.bytes.unwrap_or(0);
    let how = IoResult {
        status: call.status.unwrap_or(0),
        bytes,
        returned: call.returned.unwrap_or(bytes),
    };
    let timeout = call.timeout.map_or(Timeout::Never, Timeout::Ticks);
    let alertable = call.alertable.unwrap_or(false);
    let word = call.call.as_deref().ok_or("it names no operation")?;
    Ok(match word {
        "get" => Op::Get {
            port: port()?,
            into,
            timeout,
            max: call.max,
            min: call.min,
            min_wait: None,
            alertable,
            keeps: false,
        },
        "post" => Op::Post {
            port: port()?,
            packet: packet_of(program, call)?,
            into,
            may_fail: call.may_fail.unwrap_or(false),
            reserve: reserve()?,
        },
        "wait_packet" => Op::WaitPacket {
            wait_packet: wait_packet()?,
            port: port()?,
            target: object()?,
            packet: packet_of(program, call)?,
            into,
        },
        "cancel_wait_packet" => Op::CancelWaitPacket {
            wait_packet: wait_packet()?,
            remove: call.remove.unwrap_or(false),
            into,
        },
        "job_port" => Op::JobPort {
            job: job()?,
            binding: match call.port {
                None => None,
                Some(_) => Some(job_binding_of(program, job()?, port()?, key)?),
            },
            into,
            may_lose,
        },
        "job_start" => Op::JobStart {
            job: job()?,
            pid: pid_of(program, call)?,
            into,
            may_lose,
        },
        "job_exit" => Op::JobExit {
            job: job()?,
            pid: pid_of(program, call)?,
            into,
            may_lose,
        },
        "close" if call.file.is_some() => Op::CloseFile {
            file: file()?,
            into,
        },
        "duplicate" if call.file.is_some() => Op::DuplicateFile {
            file: file()?,
            process: None,
            into,
        },
        "associate" => Op::Associate {
            binding: match call.file {
                None => None,
                Some(_) => Some(binding_of(program, file()?, port()?, key)?),
            },
            into,
        },
        "replace" => Op::Replace {
            file: file()?,
            binding: match call.port {
                None => None,
                Some(_) => Some(binding_of(program, file()?, port()?, key)?),
            },
            into,
        },
        "modes" => Op::Modes {
            file: file()?,
            modes: Modes {
                skip_port: call.skip_port.unwrap_or(false),
                skip_event: call.skip_event.unwrap_or(false),
            },
            into,
        },
        "start" => Op::Start {
            operation: operation()?,
            now: match call.now {
                Some(true) => Some(result_of(program, how)?),
                _ => None,
            },
            into,
        },
        "complete" => Op::Complete {
            burst: burst_of(program, names, call)?,
            result: result_of(program, how)?,
            into,
        },
        "cancel" if call.file.is_some() => Op::CancelFile {
            file: file()?,
            mine,
            into,
        },
        "cancel" => Op::Cancel {
            operation: operation()?,
            mine,
            into,
        },
        "free" => Op::Free {
            operation: operation()?,
        },
        "alloc" => Op::Alloc {
            operation: operation()?,
        },
        "close" => Op::Close {
            port: port()?,
            into,
        },
        "create" => Op::Create {
            port: port()?,
            into,
        },
        "duplicate" => Op::DuplicatePort {
            port: port()?,
            into,
        },
        "query" => Op::Query {
            port: port()?,
            into,
        },
        "wait_handle" => Op::WaitHandle {
            port: port()?,
            into,
            timeout,
            alertable,
        },
        "block" => Op::Block {
            object: object()?,
            into,
            timeout,
            alertable,
        },
        "signal" => Op::Signal { object: object()? },
        "reset" => Op::Reset { object: object()? },
        "stall" => Op::Stall,
        "sleep" => Op::Sleep {
            ticks: call.ticks.ok_or("a sleep has `ticks`")?,
            into,
            alertable,
        },
        "suspend" => Op::Suspend { thread: target()? },
        "resume" => Op::Resume { thread: target()? },
        "terminate" => Op::Terminate { thread: target()? },
        "apc" => Op::Apc {
            thread: target()?,
            reserve: reserve()?,
            special: false,
            into,
        },
        "epoll_ctl" => Op::EpollCtl {
            port: port()?,
            source: source()?,
            change: watch_of(program, call)?,
            into,
        },
        "write" => Op::Write { source: source()? },
        "drain" => Op::Drain { source: source()? },
        "fill" => Op::Fill { source: source()? },
        "make_room" => Op::MakeRoom { source: source()? },
        "close_source" => Op::CloseSource {
            source: source()?,
            into,
        },
        "duplicate_source" => Op::DuplicateSource {
            source: source()?,
            into,
        },
        _ => return Err(format!("this agent knows no operation {word:?}")),
    })
}

/// The place of a name in its list.
pub fn named(names: &[String], name: Option<&str>, word: &str) -> Result<u8, String> {
    let name = name.ok_or_else(|| format!("it names no {word}"))?;
    let place = names.iter().position(|known| known == name);
    place
        .map(|place| place as u8)
        .ok_or_else(|| format!("there is no {word} {name:?}"))
}

fn operation_named(names: &Names, name: Option<&str>) -> Result<OperationId, String> {
    named(&names.operations, name, "operation").map(OperationId)
}

fn burst_of(program: &mut Program, names: &Names, call: &CallFields) -> Result<u16, String> {
    let operations = match &call.operations {
        Some(several) => several.iter().map(|it| Some(it.as_str())).collect(),
        None => vec![call.operation.as_deref()],
    };
    let operations = operations
        .into_iter()
        .map(|name| operation_named(names, name));
    let burst = operations.collect::<Result<Vec<_>, _>>()?;
    let place = place_of(&mut program.bursts, burst);
    u16::try_from(place).map_err(|_| "there are too many different lists of operations".to_owned())
}

/// The association of a file, as the program has it.
pub fn binding_of(
    program: &mut Program,
    file: FileId,
    port: PortId,
    key: i64,
) -> Result<BindingId, String> {
    let place = place_of(&mut program.bindings, Binding { file, port, key });
    u8::try_from(place)
        .map(BindingId)
        .map_err(|_| "there are too many different associations".to_owned())
}

/// The association of a job. Which packets its messages are is the system's business, and nothing here asks.
fn job_binding_of(program: &mut Program, job: JobId, port: PortId, key: i64) -> Result<u8, String> {
    let binding = JobBinding {
        job,
        port,
        key,
        new: Vec::new(),
        exit: Vec::new(),
        zero: PacketId(0),
    };
    u8::try_from(place_of(&mut program.job_bindings, binding))
        .map_err(|_| "there are too many different associations of jobs".to_owned())
}

fn pid_of(program: &mut Program, call: &CallFields) -> Result<u8, String> {
    let pid = call.pid.ok_or("it names no `pid`")?;
    u8::try_from(place_of(&mut program.pids, pid))
        .map_err(|_| "there are too many different processes".to_owned())
}

/// How an operation ends, as the program has it.
pub fn result_of(program: &mut Program, how: IoResult) -> Result<ResultId, String> {
    let place = place_of(&mut program.results, how);
    u8::try_from(place)
        .map(ResultId)
        .map_err(|_| "there are too many different results".to_owned())
}

/// The place of an item in a list, at the end if it was not there.
fn place_of<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    let known = list.iter().position(|known| *known == item);
    known.unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}

fn watch_of(program: &mut Program, call: &CallFields) -> Result<Watch, String> {
    let mut interest = || {
        Ok::<_, String>(Interest {
            events: events_of(program, call)?,
            edge: call.trigger.as_deref() == Some("edge"),
            oneshot: call.oneshot.unwrap_or(false),
            exclusive: call.exclusive.unwrap_or(false),
        })
    };
    match call.change.as_deref() {
        Some("add") => interest().map(Watch::Add),
        Some("mod") => interest().map(Watch::Mod),
        Some("del") => Ok(Watch::Del),
        _ => Err("`change` is add, mod or del".to_owned()),
    }
}

/// What a source is watched for. Where that is said, so a report says which events it is of.
fn events_of(program: &mut Program, call: &CallFields) -> Result<Events, String> {
    let Some(events) = &call.events else {
        return packet_of(program, call).map(Events::In);
    };
    let mut carries = |bytes| {
        let packet = Packet {
            bytes,
            ..Packet::key(call.key.unwrap_or(0))
        };
        packet_in(program, packet)
    };
    let words: Vec<_> = events.iter().map(String::as_str).collect();
    Ok(match words[..] {
        [] => Events::None,
        ["in"] => Events::In(carries(Events::INPUT)?),
        ["out"] => Events::Out(carries(Events::OUTPUT)?),
        ["in", "out"] => Events::InOut {
            input: carries(Events::INPUT)?,
            output: carries(Events::OUTPUT)?,
            both: carries(Events::INPUT | Events::OUTPUT)?,
        },
        _ => return Err("`events` are in and out, in this order".to_owned()),
    })
}

fn packet_of(program: &mut Program, call: &CallFields) -> Result<PacketId, String> {
    let packet = Packet {
        key: call.key.unwrap_or(0),
        bytes: call.bytes.unwrap_or(0),
        overlapped: call.overlapped.unwrap_or(0),
        status: call.status.unwrap_or(0),
    };
    packet_in(program, packet)
}

/// A packet, as the program has it.
fn packet_in(program: &mut Program, packet: Packet) -> Result<PacketId, String> {
    let place = place_of(&mut program.packets, packet);
    u8::try_from(place)
        .map(PacketId)
        .map_err(|_| "there are too many different packets".to_owned())
}

/// The call of a thread that a line asks for: one of those that the setup listed.
pub fn asked_for(
    program: &Program,
    names: &Names,
    thread: &str,
    call: &CallFields,
) -> Result<(ThreadId, Op), String> {
    let id = names
        .thread(thread)
        .ok_or_else(|| format!("there is no thread {thread:?}"))?;
    let mut ops = program.calls_by(id);
    ops.find(|&op| call_fields(names, program, op) == *call)
        .map(|op| (id, op))
        .ok_or_else(|| format!("the setup lists no such call for thread {thread:?}"))
}

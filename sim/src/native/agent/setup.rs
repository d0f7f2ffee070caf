//! A program as an agent is told of it, and back.
//!
//! An agent sees calls, never the control flow between them. So a setup lists for each thread the calls that it
//! may make, and the nouns that they name. On the other side a program is made of it again, for a backend that
//! lives there: its threads have the calls one after the other, and nothing else.
//!
//! Long: every noun and every operation is told here and read back, a few lines each; apart, the two could part.

use std::time::Duration;

use portsim_model::program::{
    Binding, BindingId, CANCELLED, Code, CodeId, File, FileId, Instr, Interest, IoResult, Job,
    JobBinding, JobId, Modes, Object, ObjectId, Op, Operation, OperationId, Packet, PacketId, Port,
    PortId, ProcessId, Program, Reserve, ReserveId, ResultId, Source, SourceId, Thread, ThreadId,
    Timeout, WaitPacketId, Watch,
};

use super::wire::{
    FileFields, JobFields, KindFields, ObjectFields, OperationFields, PortFields, ReserveFields,
    ReserveKindFields, Setup, SourceFields, ThreadFields,
};
use crate::names::Names;
use crate::trace::{Answer, CallFields, call_line, verb};

/// What the protocol calls the nouns of a program: by their numbers.
pub fn numbered(program: &Program) -> Names {
    let list = |letter: char, len: usize| (0..len).map(|n| format!("{letter}{n}")).collect();
    Names {
        threads: list('t', program.threads.len()),
        ports: list('p', program.ports.len()),
        objects: list('o', program.objects.len()),
        files: list('f', program.files.len()),
        operations: list('i', program.operations.len()),
        sources: list('s', program.sources.len()),
        reserves: list('r', program.reserves.len()),
        wait_packets: list('w', usize::from(program.wait_packets)),
        jobs: list('j', program.jobs.len()),
        ..Names::default()
    }
}

/// Why the protocol cannot tell of an operation, if it cannot.
pub fn untold(op: Op) -> Option<String> {
    match op {
        Op::Get { .. }
        | Op::Post { .. }
        | Op::Close { .. }
        | Op::Create { .. }
        | Op::DuplicatePort { .. }
        | Op::Query { .. }
        | Op::WaitHandle { .. }
        | Op::Block { .. }
        | Op::Signal { .. }
        | Op::Reset { .. }
        | Op::Stall
        | Op::Sleep { .. }
        | Op::Suspend { .. }
        | Op::Resume { .. }
        | Op::Apc { .. }
        | Op::WaitPacket { .. }
        | Op::CancelWaitPacket { .. }
        | Op::JobPort { .. }
        | Op::JobStart { .. }
        | Op::JobExit { .. }
        | Op::Associate { .. }
        | Op::Replace { .. }
        | Op::Modes { .. }
        | Op::DuplicateFile { process: None, .. }
        | Op::CloseFile { .. }
        | Op::Start { .. }
        | Op::Complete { .. }
        | Op::Cancel { .. }
        | Op::CancelFile { .. }
        | Op::Free { .. }
        | Op::Alloc { .. }
        | Op::EpollCtl { .. }
        | Op::Write { .. }
        | Op::Drain { .. } => None,
        Op::DuplicateFile { .. } => {
            Some("this version of the agent protocol has one process".to_owned())
        }
        _ => Some(format!(
            "this version of the agent protocol has no `{}`",
            verb(op)
        )),
    }
}

/// Whether a program does I/O: only then an agent hears of files.
pub fn does_io(program: &Program) -> bool {
    let is_signal = |object| program.files.iter().any(|file| file.signal == object);
    program.ops().any(|op| match op {
        Op::Block { object, .. } => is_signal(object),
        Op::Associate { .. }
        | Op::Replace { .. }
        | Op::Modes { .. }
        | Op::DuplicateFile { .. }
        | Op::CloseFile { .. }
        | Op::Start { .. }
        | Op::Complete { .. }
        | Op::Cancel { .. }
        | Op::CancelFile { .. }
        | Op::Free { .. }
        | Op::Alloc { .. } => true,
        _ => false,
    })
}

/// A call as a line says it.
pub fn call_fields(names: &Names, program: &Program, op: Op) -> CallFields {
    call_line(names, program, op.unnamed()).called()
}

/// What an agent is told of a program; `is_told` says which operations it sees.
pub fn setup_of(
    program: &Program,
    names: &Names,
    tick: Duration,
    is_told: impl Fn(Op) -> bool,
) -> Setup {
    let thread = |thread: ThreadId| {
        let mut calls = Vec::new();
        for op in program.code(thread).ops().filter(|&op| is_told(op)) {
            let call = call_fields(names, program, op);
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        ThreadFields {
            name: names.threads[thread.index()].clone(),
            calls,
        }
    };
    let object = |(name, object): (&String, &Object)| {
        let (kind, signaled, count) = match *object {
            Object::Event { manual, signaled } if manual => (KindFields::ManualEvent, signaled, 0),
            Object::Event { signaled, .. } => (KindFields::AutoEvent, signaled, 0),
            Object::Mutex => (KindFields::Mutex, false, 0),
            Object::Semaphore { count } => (KindFields::Semaphore, false, count),
        };
        ObjectFields {
            name: name.clone(),
            kind,
            signaled,
            count,
        }
    };
    let port = |(name, port): (&String, &Port)| PortFields {
        name: name.clone(),
        concurrency: port.concurrency,
        open: port.open,
        named: port.named,
    };
    let source = |(name, source): (&String, &Source)| SourceFields {
        name: name.clone(),
        readable: source.readable,
    };
    let (files, operations) = if does_io(program) {
        io_of(program, names)
    } else {
        (Vec::new(), Vec::new())
    };
    let reserve = |(name, reserve): (&String, &Reserve)| ReserveFields {
        name: name.clone(),
        kind: match reserve {
            Reserve::Port => ReserveKindFields::Port,
            Reserve::Apc => ReserveKindFields::Apc,
        },
    };
    let job = |(name, job): (&String, &Job)| JobFields {
        name: name.clone(),
        parent: job.parent.map(|parent| names.jobs[parent.index()].clone()),
    };
    let reserves = names.reserves.iter().zip(&program.reserves);
    Setup {
        files,
        operations,
        reserves: reserves.map(reserve).collect(),
        wait_packets: names.wait_packets.clone(),
        jobs: names.jobs.iter().zip(&program.jobs).map(job).collect(),
        tick_us: tick.as_micros() as u64,
        threads: program.thread_ids().map(thread).collect(),
        ports: names.ports.iter().zip(&program.ports).map(port).collect(),
        objects: names
            .objects
            .iter()
            .zip(&program.objects)
            .map(object)
            .collect(),
        sources: names
            .sources
            .iter()
            .zip(&program.sources)
            .map(source)
            .collect(),
    }
}

/// The files and operations of a setup.
fn io_of(program: &Program, names: &Names) -> (Vec<FileFields>, Vec<OperationFields>) {
    let object = |id: ObjectId| names.objects[id.index()].clone();
    let file = |(name, file): (&String, &File)| {
        let binding = file.binding.map(|id| program.bindings[id.index()]);
        FileFields {
            name: name.clone(),
            signal: object(file.signal),
            sync: file.sync,
            port: binding.map(|it| names.ports[it.port.index()].clone()),
            key: binding.map(|it| it.key),
            skip_port: file.modes.skip_port,
            skip_event: file.modes.skip_event,
            on_close: program.results[file.on_close.index()].status,
        }
    };
    let operation = |(name, operation): (&String, &Operation)| OperationFields {
        name: name.clone(),
        file: names.files[operation.file.index()].clone(),
        overlapped: operation.overlapped,
        event: operation.event.map(object),
        low_bit: operation.low_bit,
        apc: operation.apc,
    };
    let operations = names.operations.iter().zip(&program.operations);
    (
        names.files.iter().zip(&program.files).map(file).collect(),
        operations.map(operation).collect(),
    )
}

/// The program of a setup, and what its nouns are called.
pub fn program_of(setup: &Setup) -> Result<(Program, Names), String> {
    let most = usize::from(u8::MAX);
    let lists = [
        ("threads", setup.threads.len()),
        ("ports", setup.ports.len()),
        ("objects", setup.objects.len()),
        ("sources", setup.sources.len()),
        ("files", setup.files.len()),
        ("operations", setup.operations.len()),
        ("reserves", setup.reserves.len()),
        ("wait_packets", setup.wait_packets.len()),
        ("jobs", setup.jobs.len()),
    ];
    if let Some((word, len)) = lists.into_iter().find(|&(_, len)| len > most) {
        return Err(format!("{len} {word}; there can be {most}"));
    }
    let names = Names {
        threads: setup.threads.iter().map(|it| it.name.clone()).collect(),
        ports: setup.ports.iter().map(|it| it.name.clone()).collect(),
        objects: setup.objects.iter().map(|it| it.name.clone()).collect(),
        sources: setup.sources.iter().map(|it| it.name.clone()).collect(),
        files: setup.files.iter().map(|it| it.name.clone()).collect(),
        operations: setup.operations.iter().map(|it| it.name.clone()).collect(),
        reserves: setup.reserves.iter().map(|it| it.name.clone()).collect(),
        wait_packets: setup.wait_packets.clone(),
        jobs: setup.jobs.iter().map(|it| it.name.clone()).collect(),
        ..Names::default()
    };
    let mut program = Program {
        ports: setup.ports.iter().map(port_of).collect(),
        objects: setup.objects.iter().map(object_of).collect(),
        sources: setup.sources.iter().map(source_of).collect(),
        reserves: setup.reserves.iter().map(reserve_of).collect(),
        wait_packets: setup.wait_packets.len() as u8,
        ..Program::default()
    };
    for job in &setup.jobs {
        let job =
            job_of(&names, job).map_err(|problem| format!("job {:?}: {problem}", job.name))?;
        program.jobs.push(job);
    }
    if let Some(name) = nested_in_itself(&program.jobs).and_then(|job| names.jobs.get(job)) {
        return Err(format!("job {name:?} is nested in itself"));
    }
    for (n, file) in setup.files.iter().enumerate() {
        let file = file_of(&mut program, &names, FileId(n as u8), file)
            .map_err(|problem| format!("file {:?}: {problem}", file.name))?;
        program.files.push(file);
    }
    for operation in &setup.operations {
        let operation = operation_of(&names, operation)
            .map_err(|problem| format!("operation {:?}: {problem}", operation.name))?;
        program.operations.push(operation);
    }
    for (n, thread) in setup.threads.iter().enumerate() {
        let mut instrs = Vec::new();
        for call in &thread.calls {
            let op = op_of(&mut program, &names, call)
                .map_err(|problem| format!("a call of thread {:?}: {problem}", thread.name))?;
            instrs.push(Instr::Op(op));
        }
        instrs.push(Instr::End);
        program.codes.push(Code {
            instrs,
            slots: Vec::new(),
        });
        program.threads.push(Thread {
            code: CodeId(n as u8),
            spawned: false,
            may_wait: true,
            process: ProcessId(0),
        });
    }
    Ok((program, names))
}

fn file_of(
    program: &mut Program,
    names: &Names,
    id: FileId,
    fields: &FileFields,
) -> Result<File, String> {
    let port = fields.port.as_deref();
    let binding = match port {
        None => None,
        Some(_) => {
            let port = PortId(named(&names.ports, port, "port")?);
            Some(binding_of(program, id, port, fields.key.unwrap_or(0))?)
        }
    };
    let on_close = IoResult {
        status: fields.on_close,
        ..CANCELLED
    };
    Ok(File {
        binding,
        sync: fields.sync,
        modes: Modes {
            skip_port: fields.skip_port,
            skip_event: fields.skip_event,
        },
        on_close: result_of(program, on_close)?,
        signal: ObjectId(named(&names.objects, Some(&fields.signal), "object")?),
    })
}

fn operation_of(names: &Names, fields: &OperationFields) -> Result<Operation, String> {
    let event = fields.event.as_deref();
    let event = event.map(|_| named(&names.objects, event, "object").map(ObjectId));
    Ok(Operation {
        file: FileId(named(&names.files, Some(&fields.file), "file")?),
        overlapped: fields.overlapped,
        event: event.transpose()?,
        low_bit: fields.low_bit,
        apc: fields.apc,
        done: None,
    })
}

fn job_of(names: &Names, fields: &JobFields) -> Result<Job, String> {
    let parent = fields.parent.as_deref();
    let parent = parent.map(|_| named(&names.jobs, parent, "job").map(JobId));
    Ok(Job {
        parent: parent.transpose()?,
    })
}

/// A job whose chain of nests comes to no end, if there is one.
fn nested_in_itself(jobs: &[Job]) -> Option<usize> {
    (0..jobs.len()).find(|&job| {
        let above = |job: &JobId| jobs[job.index()].parent;
        std::iter::successors(Some(JobId(job as u8)), above)
            .nth(jobs.len())
            .is_some()
    })
}

fn port_of(fields: &PortFields) -> Port {
    Port {
        concurrency: fields.concurrency,
        open: fields.open,
        named: fields.named,
        events_max: None,
        entries: None,
    }
}

fn reserve_of(fields: &ReserveFields) -> Reserve {
    match fields.kind {
        ReserveKindFields::Port => Reserve::Port,
        ReserveKindFields::Apc => Reserve::Apc,
    }
}

fn source_of(fields: &SourceFields) -> Source {
    Source {
        readable: fields.readable,
    }
}

fn object_of(fields: &ObjectFields) -> Object {
    match fields.kind {
        KindFields::AutoEvent | KindFields::ManualEvent => Object::Event {
            manual: fields.kind == KindFields::ManualEvent,
            signaled: fields.signaled,
        },
        KindFields::Mutex => Object::Mutex,
        KindFields::Semaphore => Object::Semaphore {
            count: fields.count,
        },
    }
}

/// The operation that a call says; its packet is added to the program's.
fn op_of(program: &mut Program, names: &Names, call: &CallFields) -> Result<Op, String> {
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
            alertable,
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
        "apc" => Op::Apc {
            thread: target()?,
            reserve: reserve()?,
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
        _ => return Err(format!("this agent knows no operation {word:?}")),
    })
}

fn named(names: &[String], name: Option<&str>, word: &str) -> Result<u8, String> {
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

fn binding_of(
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

fn result_of(program: &mut Program, how: IoResult) -> Result<ResultId, String> {
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
            packet: packet_of(program, call)?,
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

fn packet_of(program: &mut Program, call: &CallFields) -> Result<PacketId, String> {
    let packet = Packet {
        key: call.key.unwrap_or(0),
        bytes: call.bytes.unwrap_or(0),
        overlapped: call.overlapped.unwrap_or(0),
        status: call.status.unwrap_or(0),
    };
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
    let mut ops = program.code(id).ops();
    ops.find(|&op| call_fields(names, program, op) == *call)
        .map(|op| (id, op))
        .ok_or_else(|| format!("the setup lists no such call for thread {thread:?}"))
}

/// What an answer of an agent means.
pub fn answer_of(fields: &crate::trace::OutcomeFields) -> Result<Answer, String> {
    crate::trace::answer_of(fields).map_err(str::to_owned)
}

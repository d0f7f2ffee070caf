//! A program as an agent is told of it, and back.
//!
//! An agent sees calls, never the control flow between them. So a setup lists for each thread the calls that it
//! may make, and the nouns that they name. On the other side a program is made of it again, for a backend that
//! lives there: its threads have the calls one after the other, and nothing else. What a call says stands in `calls`.

use std::time::Duration;

use portsim_model::ops_of;
use portsim_model::program::{
    CANCELLED, Code, CodeId, File, FileId, Instr, IoResult, Job, JobId, Modes, Object, ObjectId,
    Op, Operation, Port, PortId, ProcessId, Program, Reserve, RingSetup, Source, Thread, ThreadId,
};

use super::calls::{binding_of, call_fields, named, op_of, result_of};
use super::wire::{
    FileFields, JobFields, KindFields, ModeFields, ObjectFields, OperationFields, PortFields,
    ReserveFields, ReserveKindFields, Setup, SourceFields, ThreadFields,
};
use crate::names::Names;
use crate::native::backend::ops_of_the_conductor;

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

/// Whether a program does I/O: only then an agent hears of files.
pub fn does_io(program: &Program) -> bool {
    let is_signal = |object| program.files.iter().any(|file| file.signal == object);
    program.ops().any(|op| match op {
        Op::Block { object, .. } => is_signal(object),
        Op::Free { .. } | Op::Alloc { .. } | ops_of!(files) => true,
        Op::Join { .. } | Op::Signal { .. } | Op::Reset { .. } => false,
        Op::Stall | Op::Sleep { .. } => false,
        Op::PostComputed { .. } => false,
        Op::Suspend { .. } | Op::Resume { .. } | Op::Terminate { .. } | Op::ExitProcess => false,
        ops_of_the_conductor!() | ops_of!(ports, port_handles, apcs, wait_packets, jobs) => false,
        ops_of!(sources, event_ports, rings, kqueues) => false,
    })
}

/// What an agent is told of a program; `is_told` says which operations it sees.
pub fn setup_of(
    program: &Program,
    names: &Names,
    (tick, mode): (Duration, ModeFields),
    is_told: impl Fn(Op) -> bool,
) -> Setup {
    let thread = |thread: ThreadId| {
        let mut calls = Vec::new();
        for op in program.calls_by(thread).filter(|&op| is_told(op)) {
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
            Object::End(_) => unreachable!("what waits for it is not told"),
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
        writable: source.writable,
        port: source.port.map(|port| names.ports[port.index()].clone()),
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
        mode,
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
        reserves: setup.reserves.iter().map(reserve_of).collect(),
        wait_packets: setup.wait_packets.len() as u8,
        ..Program::default()
    };
    for source in &setup.sources {
        let source = source_of(&names, source)
            .map_err(|problem| format!("source {:?}: {problem}", source.name))?;
        program.sources.push(source);
    }
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
            ..Code::default()
        });
        program.threads.push(Thread {
            code: CodeId(n as u8),
            spawned: false,
            may_wait: true,
            may_wait_in: Vec::new(),
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
        multishot: false,
        drain: false,
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
        setup: RingSetup::Shared,
    }
}

fn reserve_of(fields: &ReserveFields) -> Reserve {
    match fields.kind {
        ReserveKindFields::Port => Reserve::Port,
        ReserveKindFields::Apc => Reserve::Apc,
    }
}

fn source_of(names: &Names, fields: &SourceFields) -> Result<Source, String> {
    let port = fields.port.as_deref();
    let port = port.map(|_| named(&names.ports, port, "port").map(PortId));
    Ok(Source {
        readable: fields.readable,
        writable: fields.writable,
        port: port.transpose()?,
    })
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

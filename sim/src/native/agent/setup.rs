//! A program as an agent is told of it, and back.
//!
//! An agent sees calls, never the control flow between them. So a setup lists for each thread the calls that it
//! may make, and the nouns that they name. On the other side a program is made of it again, for a backend that
//! lives there: its threads have the calls one after the other, and nothing else.

use std::time::Duration;

use portsim_model::program::{
    Code, CodeId, Instr, Interest, Object, ObjectId, Op, Packet, PacketId, Port, PortId, ProcessId,
    Program, Source, SourceId, Thread, ThreadId, Timeout, Watch,
};

use super::wire::{KindFields, ObjectFields, PortFields, Setup, SourceFields, ThreadFields};
use crate::names::Names;
use crate::trace::{Answer, CallFields, call_line, verb};

/// What the protocol calls the nouns of a program: by their numbers.
pub fn numbered(program: &Program) -> Names {
    let list = |letter: char, len: usize| (0..len).map(|n| format!("{letter}{n}")).collect();
    Names {
        threads: list('t', program.threads.len()),
        ports: list('p', program.ports.len()),
        objects: list('o', program.objects.len()),
        sources: list('s', program.sources.len()),
        ..Names::default()
    }
}

/// Why the protocol cannot tell of an operation, if it cannot.
pub fn untold(op: Op) -> Option<String> {
    match op {
        Op::Get { .. }
        | Op::Post { reserve: None, .. }
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
        | Op::Apc { reserve: None, .. }
        | Op::EpollCtl { .. }
        | Op::Write { .. }
        | Op::Drain { .. } => None,
        _ => Some(format!(
            "this version of the agent protocol has no `{}`",
            verb(op)
        )),
    }
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
    Setup {
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

/// The program of a setup, and what its nouns are called.
pub fn program_of(setup: &Setup) -> Result<(Program, Names), String> {
    let most = usize::from(u8::MAX);
    let lists = [
        ("threads", setup.threads.len()),
        ("ports", setup.ports.len()),
        ("objects", setup.objects.len()),
        ("sources", setup.sources.len()),
    ];
    if let Some((word, len)) = lists.into_iter().find(|&(_, len)| len > most) {
        return Err(format!("{len} {word}; there can be {most}"));
    }
    let names = Names {
        threads: setup.threads.iter().map(|it| it.name.clone()).collect(),
        ports: setup.ports.iter().map(|it| it.name.clone()).collect(),
        objects: setup.objects.iter().map(|it| it.name.clone()).collect(),
        sources: setup.sources.iter().map(|it| it.name.clone()).collect(),
        ..Names::default()
    };
    let mut program = Program {
        ports: setup.ports.iter().map(port_of).collect(),
        objects: setup.objects.iter().map(object_of).collect(),
        sources: setup.sources.iter().map(source_of).collect(),
        ..Program::default()
    };
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

fn port_of(fields: &PortFields) -> Port {
    Port {
        concurrency: fields.concurrency,
        open: fields.open,
        named: fields.named,
        events_max: None,
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
            reserve: None,
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
            reserve: None,
            into,
        },
        "epoll_ctl" => Op::EpollCtl {
            port: port()?,
            source: source()?,
            change: watch_of(program, call)?,
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

fn watch_of(program: &mut Program, call: &CallFields) -> Result<Watch, String> {
    let mut interest = || {
        Ok::<_, String>(Interest {
            packet: packet_of(program, call)?,
            edge: call.trigger.as_deref() == Some("edge"),
            oneshot: call.oneshot.unwrap_or(false),
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
    let known = program.packets.iter().position(|known| *known == packet);
    let place = known.unwrap_or(program.packets.len());
    if known.is_none() {
        program.packets.push(packet);
    }
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

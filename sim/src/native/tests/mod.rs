//! The room on a real kernel. Programs are built by hand here: nothing below may know scenario files.

mod conductor;
#[cfg(target_os = "linux")]
mod ending;
#[cfg(loom)]
mod mailbox;
#[cfg(target_os = "linux")]
mod objects;
#[cfg(target_os = "linux")]
mod odd;
#[cfg(target_os = "linux")]
mod order;
#[cfg(target_os = "linux")]
mod parked;
#[cfg(target_os = "linux")]
mod sources;
mod suspension;
#[cfg(target_os = "linux")]
mod time;
#[cfg(windows)]
mod windows;

use portsim_model::expr::{Expr, ExprId};
use portsim_model::program::{
    Code, Instr, Object, Op, Packet, PacketId, Port, PortId, Program, RingSetup, Slated, Slot,
    SlotId, Source, Thread, ThreadId, Timeout,
};

use super::{Options, Recording, backend, record};
use crate::choose::Policy;
use crate::trace::{Answer, Shown};

const P: PortId = PortId(0);

/// The backend on which programs are played here.
const HERE: &str = if cfg!(windows) { "windows" } else { "epoll" };

/// A program with one open port, 16 packets whose keys are their numbers, and a thread for each list.
fn program(threads: Vec<Vec<Instr>>) -> Program {
    let packet = |key| Packet {
        key,
        bytes: key * 10,
        overlapped: key * 100,
        status: 0,
    };
    Program {
        threads: (0..threads.len() as u8)
            .map(|n| Thread {
                code: portsim_model::program::CodeId(n),
                spawned: false,
                may_wait: true,
                may_wait_in: Vec::new(),
                process: portsim_model::program::ProcessId(0),
            })
            .collect(),
        codes: threads
            .into_iter()
            .map(|instrs| Code {
                instrs,
                slots: vec![Slot { packets_max: 32 }; 2],
                ..Code::default()
            })
            .collect(),
        ports: vec![Port {
            concurrency: 0,
            open: true,
            named: false,
            events_max: None,
            entries: None,
            setup: RingSetup::Shared,
        }],
        packets: (0..16).map(packet).collect(),
        ..Program::default()
    }
}

fn once(ops: impl IntoIterator<Item = Op>) -> Vec<Instr> {
    let ops = ops.into_iter().map(Instr::Op);
    ops.chain([Instr::End]).collect()
}

fn forever(ops: impl IntoIterator<Item = Op>) -> Vec<Instr> {
    let ops = ops.into_iter().map(Instr::Op);
    ops.chain([Instr::Jump(0), Instr::End]).collect()
}

fn get() -> Op {
    get_within(Timeout::Never)
}

fn get_within(timeout: Timeout) -> Op {
    Op::Get {
        port: P,
        into: Some(SlotId(0)),
        timeout,
        max: None,
        min: None,
        min_wait: None,
        alertable: false,
        keeps: false,
    }
}

fn get_many(max: u8) -> Op {
    Op::Get {
        port: P,
        into: Some(SlotId(0)),
        timeout: Timeout::Ticks(0),
        max: Some(max),
        min: None,
        min_wait: None,
        alertable: false,
        keeps: false,
    }
}

fn post(key: u8) -> Op {
    Op::Post {
        port: P,
        packet: PacketId(key),
        into: None,
        may_fail: false,
        reserve: None,
    }
}

fn close() -> Op {
    Op::Close {
        port: P,
        into: None,
    }
}

fn sleep(ticks: u32) -> Op {
    Op::Sleep {
        ticks,
        into: None,
        alertable: false,
    }
}

trait Turns {
    /// The turns: a number for a thread, none for the clock.
    fn with_turns(self, turns: impl IntoIterator<Item = Option<u8>>) -> Self;
}

impl Turns for Program {
    fn with_turns(mut self, turns: impl IntoIterator<Item = Option<u8>>) -> Program {
        let slated = |turn: Option<u8>| turn.map_or(Slated::Time, |n| Slated::Thread(ThreadId(n)));
        self.schedule = Some(turns.into_iter().map(slated).collect());
        self
    }
}

/// A program whose turns are these threads'.
fn slated(program: Program, turns: &[u8]) -> Program {
    program.with_turns(turns.iter().copied().map(Some))
}

fn run(program: &Program) -> Recording {
    let here = backend(HERE).expect("it is built in");
    let policy = || Policy::Fair.seeded(1);
    record(here, program, &policy, &Options::default()).expect("it records")
}

/// `a! get` for a call that parked, `a get key` for one that returned at once, `a< key` for a return.
fn lines(recording: &Recording) -> Vec<String> {
    let name = |thread: &ThreadId| char::from(b'a' + thread.0);
    let said = |answer: &Answer| match answer {
        Answer::Done => "done".into(),
        Answer::Packet(packet) => packet.key.to_string(),
        Answer::Packets(packets) => {
            let keys = packets.iter().map(|packet| packet.key.to_string());
            format!("[{}]", keys.collect::<Vec<_>>().join(" "))
        }
        Answer::Failed(name) => name.clone(),
        other => format!("{other:?}"),
    };
    let word = |op: &Op| {
        let word = format!("{op:?}");
        let end = word.find([' ', '(']).unwrap_or(word.len());
        word[..end].to_lowercase()
    };
    let line = |shown: &Shown| match shown {
        Shown::Silent { .. } => unreachable!("a kernel shows what it does"),
        Shown::Call {
            thread,
            op,
            answer: None,
        } => format!("{}! {}", name(thread), word(op)),
        Shown::Call {
            thread,
            op,
            answer: Some(answer),
        } => format!("{} {} {}", name(thread), word(op), said(answer)),
        Shown::Return { thread, answer, .. } => format!("{}< {}", name(thread), said(answer)),
    };
    recording.events.iter().map(line).collect()
}

/// Records, and compares with the lines that are expected.
#[track_caller]
fn check(program: &Program, expected: &[&str]) -> Recording {
    let recording = run(program);
    assert_eq!(lines(&recording), expected, "{recording:?}");
    recording
}

/// A number as an expression of the program.
fn number(program: &mut Program, number: i64) -> ExprId {
    program.exprs.push(Expr::Const(number));
    ExprId(program.exprs.len() as u16 - 1)
}

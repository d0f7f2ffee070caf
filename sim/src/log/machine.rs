//! A machine for the calls of a log: its threads have no program, and are told each call.
//!
//! The code that they share is a table of all calls that there are, with an idle place in front. A post stands there once for
//! each packet that a state can tell apart at a time.

use std::sync::Arc;

use portsim_model::AnyMachine;
use portsim_model::program::{
    Bounds, Code, CodeId, Instr, Op, Packet, PacketId, Pc, Port, Program, Thread, Timeout,
};
use portsim_model::program::{PACKETS_MAX, PortId, ProcessId, RingSetup, Source, SourceId, Watch};

use super::{Log, Sources, TICKS_UNKNOWN};
use crate::admit::free::Feed;
use crate::names::Names;
use crate::personality::play_at_full_speed;

/// As many packets has a port room for.
const ROOM: u8 = 250;

/// No limit that a log meets.
pub(super) const NO_LIMIT: u32 = 1_000_000;

/// The machine, and what it is to be told.
pub(super) fn machine(
    log: &Log,
    personality: &str,
    processors: u32,
    concurrency: u32,
) -> Result<(Arc<dyn AnyMachine>, Feed), String> {
    let mut instrs = vec![Instr::Op(Op::Yield), Instr::Op(Op::Stall)];
    let mut posts: Vec<Option<Pc>> = vec![None; log.ports.len()];
    let mut stands = Vec::new();
    let mut place = |op: Op| -> Pc {
        let pc = instrs.len() as Pc;
        instrs.push(Instr::Op(op));
        pc
    };
    let sources = log.sources.as_ref();
    for &op in log.calls.ops() {
        let all = if let Op::Drain { source } = op
            && let Some(surely) = source
                .0
                .checked_sub(sources.map_or(0, |it| it.names.len()) as u8)
        {
            // Nobody knows whether it was read until it was empty.
            let source = SourceId(surely);
            vec![place(Op::Drain { source }), 0]
        } else if let Op::Post { port, .. } = op {
            let first = posts[port.index()].unwrap_or_else(|| {
                let packets = (0..PACKETS_MAX as u8).map(PacketId);
                let all: Vec<Pc> = packets.map(|it| place(op.of_packet(it))).collect();
                all[0]
            });
            posts[port.index()] = Some(first);
            vec![first]
        } else if op
            .as_get()
            .is_some_and(|get| get.timeout == Timeout::Ticks(TICKS_UNKNOWN))
        {
            let waits = |ticks| op.waiting(Timeout::Ticks(ticks));
            vec![place(waits(1)), place(waits(0))]
        } else {
            vec![place(op)]
        };
        stands.push(all);
    }
    if let Some(sources) = sources {
        // What can watch nothing cannot have shown it, even if nothing is left that was watched.
        let source = SourceId(sources.names.len() as u8);
        place(Op::EpollCtl {
            port: PortId(0),
            source,
            change: Watch::Del,
            into: None,
        });
    }
    // Who returns from the last call stands somewhere, too.
    instrs.push(Instr::Op(Op::Yield));
    instrs.push(Instr::End);
    let thread = |_| Thread {
        code: CodeId(0),
        spawned: false,
        may_wait: true,
        may_wait_in: Vec::new(),
        process: ProcessId(0),
    };
    let port = |told: &Option<u32>| Port {
        concurrency: told.unwrap_or(concurrency),
        open: true,
        named: false,
        events_max: None,
        entries: None,
        setup: RingSetup::default(),
    };
    let program = Program {
        threads: log.threads.iter().map(thread).collect(),
        codes: vec![Code {
            instrs,
            ..Code::default()
        }],
        ports: log.concurrency.iter().map(port).collect(),
        packets: match sources {
            Some(sources) if sources.packets.is_empty() => vec![Packet::default()],
            Some(sources) => sources.packets.clone(),
            None => vec![contents(log); PACKETS_MAX],
        },
        sources: sources.map_or_else(Vec::new, all_sources),
        bounds: Bounds {
            packets: Some(ROOM),
            ..Bounds::default()
        },
        ..Program::default()
    };
    let packets = match sources {
        Some(_) => program.packets.clone(),
        None => Vec::new(),
    };
    let machine = play_at_full_speed(personality, &Arc::new(program), processors)?;
    let feed = Feed {
        idle: 0,
        stall: 1,
        stands,
        numbers: PACKETS_MAX,
        packets,
        seen: log.seen,
    };
    Ok((machine, feed))
}

/// What ports watch, and one more that they do not.
fn all_sources(sources: &Sources) -> Vec<Source> {
    let source = |&readable: &bool| Source {
        readable,
        writable: None,
        port: None,
    };
    sources
        .readable
        .iter()
        .chain([&false])
        .map(source)
        .collect()
}

/// What the nouns of that program are called.
pub(super) fn names(log: &Log) -> Names {
    Names {
        threads: log.threads.clone(),
        ports: log.ports.clone(),
        sources: log.sources.as_ref().map_or_else(Vec::new, |it| {
            // Behind them stand those of which nobody knows whether they were read until they were empty.
            [&it.names[..], &it.names[..]].concat()
        }),
        ..Names::default()
    }
}

/// What stands for the packets of the log, where a system asks whether it can carry them.
fn contents(log: &Log) -> Packet {
    let packets = log.calls.packets();
    let most = |part: fn(&Packet) -> i64| {
        let odd = packets.iter().map(part).find(|&part| part != 0);
        odd.unwrap_or(0)
    };
    Packet {
        key: most(|packet| packet.key),
        bytes: most(|packet| packet.bytes),
        overlapped: most(|packet| packet.overlapped),
        status: packets
            .iter()
            .map(|it| it.status)
            .find(|&it| it != 0)
            .unwrap_or(0),
    }
}

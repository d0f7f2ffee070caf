//! Packets that nobody's call brought.
//!
//! What one thread takes of them came in that order, whatever others take: so a thread of its own stands for the kernel
//! beside each thread that takes, and posts what that takes.

use std::collections::{BTreeMap, HashMap};

use portsim_model::program::{Op, Packet, PacketId, PortId, ThreadId};

use crate::admit::free::Calls;
use crate::log::Log;
use crate::trace::{Answer, Span};

/// How far apart two lines are, in nanoseconds.
pub(super) const APART: u64 = 1_000;

/// A call, whole.
pub(super) struct Whole {
    pub thread: usize,
    pub line: u64,
    pub op: Op,
    pub posts: Option<Packet>,
    pub takes: Vec<(Packet, u64)>,
    pub answer: Option<Answer>,
    /// Between which lines it acted.
    pub begin: u64,
    pub end: Option<u64>,
}

/// The log of some calls, with the packets that they do not bring.
pub(super) fn log(
    all: &[Whole],
    own: Vec<String>,
    ports: Vec<(String, Option<u32>)>,
    keys: &HashMap<(PortId, i64), u64>,
) -> Log {
    let unseen = unseen(all, &ports, keys);
    let mut calls = Calls::new();
    let mut threads = own.clone();
    let mut kernels: BTreeMap<usize, (ThreadId, u64)> = BTreeMap::new();
    let mut unobserved = 0;
    for call in all {
        let Some(port) = port_of(call.op) else {
            continue;
        };
        if call
            .posts
            .is_some_and(|packet| unseen.contains_key(&(port, packet)))
        {
            unobserved += 1;
            continue;
        }
        let span = Span {
            t0: call.begin * APART,
            t1: call.end.map(|end| end * APART),
        };
        let thread = ThreadId(call.thread as u8);
        calls.push(
            thread,
            call.op,
            call.posts,
            call.answer.as_ref(),
            span,
            call.line as u32,
        );
        let behind = (0..call.takes.len() as u64).rev();
        for ((packet, _), behind) in call.takes.iter().zip(behind) {
            let Some(&since) = unseen.get(&(port, *packet)) else {
                continue;
            };
            let number = threads.len();
            // What one thread takes came in that order.
            let first = (ThreadId(number as u8), 0);
            let (kernel, before) = kernels.entry(call.thread).or_insert(first);
            if kernel.index() == number {
                threads.push(format!("kernel_for_{}", own[call.thread]));
            }
            let since = since.max(*before);
            *before = since;
            let span = Span {
                t0: since * APART,
                // Those of a batch leave one after the other.
                t1: span
                    .t1
                    .map(|t1| t1.saturating_sub(behind).max(since * APART)),
            };
            let done = span.t1.map(|_| Answer::Done);
            calls.push(
                *kernel,
                post(port),
                Some(*packet),
                done.as_ref(),
                span,
                call.line as u32,
            );
            unobserved += 1;
        }
    }
    calls.sort();
    let seen = own.len();
    let note = (unobserved > 0).then(|| {
        format!(
            "{unobserved} packets came from no call in the log, and may have come at any time before they were taken"
        )
    });
    Log {
        calls,
        threads,
        seen,
        concurrency: ports.iter().map(|(_, concurrency)| *concurrency).collect(),
        ports: ports.into_iter().map(|(name, _)| name).collect(),
        notes: Vec::from_iter(note),
        unobserved,
        ..Log::default()
    }
}

/// The packets of files: taken more often than posted, of a key that the port was given with a file; since when they may
/// have come. Where a program posts such packets too, nobody knows which is which, and none counts as posted. A port that was
/// there before the log had any files and packets.
fn unseen(
    all: &[Whole],
    ports: &[(String, Option<u32>)],
    keys: &HashMap<(PortId, i64), u64>,
) -> HashMap<(PortId, Packet), u64> {
    let mut balance: HashMap<(PortId, Packet), i64> = HashMap::new();
    for call in all {
        let Some(port) = port_of(call.op) else {
            continue;
        };
        if let Some(packet) = call.posts {
            *balance.entry((port, packet)).or_default() -= 1;
        }
        for (packet, _) in &call.takes {
            *balance.entry((port, *packet)).or_default() += 1;
        }
    }
    let of_file = |(port, packet): (PortId, Packet)| {
        let is_older = ports[port.index()].1.is_none();
        is_older
            .then_some(0)
            .or_else(|| keys.get(&(port, packet.key)).copied())
    };
    let more = balance.into_iter().filter(|(_, taken)| *taken > 0);
    more.filter_map(|(which, _)| Some((which, of_file(which)?)))
        .collect()
}

pub(super) fn post(port: PortId) -> Op {
    Op::Post {
        port,
        packet: PacketId(0),
        into: None,
        may_fail: false,
        reserve: None,
    }
}

/// On which port a call is.
fn port_of(op: Op) -> Option<PortId> {
    if let Op::Post { port, .. } = op {
        return Some(port);
    }
    if let Op::Close { port, .. } = op {
        return Some(port);
    }
    op.as_get().map(|get| get.port)
}

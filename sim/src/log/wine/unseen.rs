//! Packets that nobody's call brought.
//!
//! What one thread takes of them came in that order, whatever others take: so a thread of its own stands for the kernel
//! beside each thread that takes, and posts what that takes.

use std::collections::{BTreeMap, HashMap};

use portsim_model::program::{Op, Packet, PacketId, PortId, ThreadId};

use super::files::{Files, Source};
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

impl Whole {
    /// What it brought to its port.
    fn posted(&self) -> Option<Packet> {
        self.posts
            .filter(|_| !matches!(self.answer, Some(Answer::Failed(_))))
    }
}

/// The log of some calls, with the packets that they do not bring.
pub(super) fn log(
    all: &[Whole],
    own: Vec<String>,
    ports: Vec<(String, Option<u32>)>,
    files: &Files,
) -> Log {
    let unseen = unseen(all, &ports, files);
    let mut calls = Calls::new();
    let mut threads = own.clone();
    let mut kernels: BTreeMap<usize, (ThreadId, u64)> = BTreeMap::new();
    let sources = sources(all, &unseen, files);
    let mut unobserved = 0;
    let mut of_operations = 0;
    for (number, call) in all.iter().enumerate() {
        let Some(port) = port_of(call.op) else {
            continue;
        };
        if call
            .posted()
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
        for ((at, (packet, _)), behind) in call.takes.iter().enumerate().zip(behind) {
            let since = match sources.get(&(number, at)) {
                Some(Source::Operation(line)) => {
                    of_operations += 1;
                    *line
                }
                Some(Source::Unseen(line)) => *line,
                Some(Source::Nothing) | None => continue,
            };
            let next = threads.len();
            // What one thread takes came in that order.
            let first = (ThreadId(next as u8), 0);
            let (kernel, before) = kernels.entry(call.thread).or_insert(first);
            if kernel.index() == next {
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
    let note = (unobserved > 0).then(|| match of_operations == unobserved {
        true => format!(
            "{unobserved} packets came from operations on files, and may have come at any time between these and the calls that took them"
        ),
        false => format!(
            "{unobserved} packets came from no call in the log, and may have come at any time before they were taken"
        ),
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

/// Where each packet comes from that is taken and that no call's post accounts for, by the call and its place there.
fn sources(
    all: &[Whole],
    unseen: &HashMap<(PortId, Packet), u64>,
    files: &Files,
) -> HashMap<(usize, usize), Source> {
    let mut taken = Vec::new();
    // Programs may post what their files bring, too.
    let mut brought: HashMap<i64, isize> = HashMap::new();
    for (number, call) in all.iter().enumerate() {
        let Some(port) = port_of(call.op) else {
            continue;
        };
        if let Some(packet) = call.posted()
            && unseen.contains_key(&(port, packet))
        {
            *brought.entry(packet.overlapped).or_default() -= 1;
        }
        for (at, (packet, line)) in call.takes.iter().enumerate() {
            if let Some(&since) = unseen.get(&(port, *packet)) {
                taken.push((*line, (number, at), port, packet, since));
            }
        }
    }
    taken.sort_by_key(|(line, which, ..)| (*line, *which));
    let of = |(line, which, port, packet, since): (u64, _, PortId, &Packet, u64)| {
        let before = brought.entry(packet.overlapped).or_default();
        let source = match (since, usize::try_from(*before)) {
            // A port that was there before the log had any files.
            (0, _) => Source::Unseen(0),
            (_, Ok(before)) => files.source(port, packet, line, before),
            (_, Err(_)) => Source::Unseen(since),
        };
        *before += 1;
        (which, source)
    };
    taken.into_iter().map(of).collect()
}

/// The packets of files: taken more often than posted, of a key that the port was given with a file; since when they may
/// have come. Where a program posts such packets too, nobody knows which is which, and none counts as posted. A port that was
/// there before the log had any files and packets.
fn unseen(
    all: &[Whole],
    ports: &[(String, Option<u32>)],
    files: &Files,
) -> HashMap<(PortId, Packet), u64> {
    let mut balance: HashMap<(PortId, Packet), i64> = HashMap::new();
    for call in all {
        let Some(port) = port_of(call.op) else {
            continue;
        };
        if let Some(packet) = call.posted() {
            *balance.entry((port, packet)).or_default() -= 1;
        }
        for (packet, _) in &call.takes {
            *balance.entry((port, *packet)).or_default() += 1;
        }
    }
    let of_file = |(port, packet): (PortId, Packet)| {
        let is_older = ports[port.index()].1.is_none();
        is_older.then_some(0).or_else(|| files.since(port, &packet))
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

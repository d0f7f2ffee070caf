//! The calls that are judged, by the time before them: small, because there are many.
//!
//! What calls have in common is kept once: operations, the contents of packets. Two packets with the same contents cannot
//! be told apart, so a packet is the number of its contents.

use std::collections::HashMap;
use std::hash::Hash;

use portsim_model::event::Error;
use portsim_model::program::{BATCH_MAX, Op, Packet, Program, ThreadId, Timeout};

use crate::trace::{Answer, Event, Shown, Span};

/// Calls of threads, each with a time before and a time after it.
#[derive(Debug, Default)]
pub struct Calls {
    list: Vec<Told>,
    ops: Known<Op>,
    packets: Known<Packet>,
    /// Packets of batches, one batch behind the other.
    batches: Vec<u32>,
    others: Vec<Answer>,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
struct Told {
    t0: u64,
    t1: u64,
    said: Said,
    op: u32,
    posts: u32,
    line: u32,
    thread: ThreadId,
}

/// A call, as it was told.
#[derive(Debug, Clone)]
pub struct Whole {
    /// Whose it is.
    pub thread: ThreadId,
    /// What.
    pub op: Op,
    /// What it posts, where it does.
    pub posts: Option<Packet>,
    /// What came of it; none where it had not ended.
    pub answer: Option<Answer>,
    /// When.
    pub span: Span,
    /// The line of its log.
    pub line: u32,
}

/// What stands for no packet, and for no number.
pub(super) const NONE: u32 = u32::MAX;

/// How a call ended, as far as that is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// It had not ended.
    Nothing,
    Done,
    Packet(u32),
    /// So many, from one place in the list of batches on; whether its time was over.
    Batch(u32, u16, bool),
    Failed(Error),
    /// Any other answer, kept apart.
    Other(u32),
}

/// A call, as it is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// The number of its event.
    pub n: u64,
    pub thread: ThreadId,
    pub op: Op,
    /// The number of that.
    pub op_id: u32,
    /// What it posts, where it does.
    pub posts: Option<u32>,
    pub said: Said,
    pub t0: u64,
    /// The end of time where it did not end.
    pub t1: u64,
}

impl Said {
    /// How many packets it took.
    pub fn packets(self) -> usize {
        match self {
            Said::Packet(_) => 1,
            Said::Batch(_, packets, _) => usize::from(packets),
            Said::Nothing | Said::Done | Said::Failed(_) | Said::Other(_) => 0,
        }
    }
}

impl Call {
    /// Its place among the calls.
    pub fn place(&self) -> u32 {
        self.n as u32 - 1
    }

    /// The error with which it ended.
    pub fn error(&self) -> Option<Error> {
        match self.said {
            Said::Failed(error) => Some(error),
            Said::Batch(_, _, true) => Some(Error::Timeout),
            _ => None,
        }
    }
}

impl Calls {
    /// No calls yet.
    pub fn new() -> Calls {
        Calls::default()
    }

    /// What a trace of threads at full speed shows.
    pub fn of_trace(program: &Program, events: &[Event], spans: &[Span]) -> Calls {
        let mut calls = Calls::new();
        for packet in &program.packets {
            calls.packets.number(packet);
        }
        for (event, span) in events.iter().zip(spans) {
            // A trace of threads at full speed has nothing else.
            let (thread, op, answer) = match &event.shown {
                Shown::Call { thread, op, answer } => (*thread, *op, answer.as_ref()),
                Shown::Return { .. } | Shown::Silent { .. } => continue,
            };
            let mut posted = None;
            if let Op::Post { packet, .. } = op {
                posted = Some(program.packets[packet.index()]);
            }
            let line = calls.len() as u32 + 1;
            calls.push(thread, op, posted, answer, *span, line);
        }
        calls
    }

    /// One more call, from this line of its log. Calls come by the time before them, or are sorted once all are there.
    ///
    /// A batch of more packets than a call of the model can take is several calls, each right behind the other.
    pub fn push(
        &mut self,
        thread: ThreadId,
        op: Op,
        posted: Option<Packet>,
        answer: Option<&Answer>,
        span: Span,
        line: u32,
    ) {
        if let Some(Answer::Packets(packets)) = answer
            && packets.len() > BATCH_MAX
        {
            for (part, packets) in packets.chunks(BATCH_MAX).enumerate() {
                let mut op = op;
                if let Op::Get { timeout, max, .. } = &mut op {
                    *max = Some(packets.len() as u8);
                    if part > 0 {
                        *timeout = Timeout::Ticks(0);
                    }
                }
                let answer = Answer::Packets(packets.to_vec());
                self.push(thread, op, None, Some(&answer), span, line);
            }
            return;
        }
        let said = self.said(answer);
        let posts = posted.map_or(NONE, |packet| self.packets.number(&packet));
        self.list.push(Told {
            t0: span.t0,
            t1: span.t1.unwrap_or(u64::MAX),
            said,
            op: self.ops.number(&op),
            posts,
            line,
            thread,
        });
    }

    /// Puts them into the order of the times before them; of equal times they keep their order.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|told| told.t0);
    }

    /// Where two calls of one thread overlap, the later one, by its place. Where times are so coarse that they touch, a call
    /// ends no later than the next begins.
    pub fn overlapping(&mut self, threads: usize, resolution: u64) -> Option<u32> {
        let mut last: Vec<Option<usize>> = vec![None; threads];
        for place in 0..self.list.len() {
            let told = self.list[place];
            let own = &mut last[told.thread.index()];
            if let Some(before) = own.map(|before| &mut self.list[before]) {
                // The parts of a batch are of one line.
                let is_part = before.line == told.line && before.t0 == told.t0;
                if !is_part {
                    if before.t1 > told.t0.saturating_add(resolution) {
                        return Some(place as u32);
                    }
                    before.t1 = before.t1.min(told.t0);
                }
            }
            *own = Some(place);
        }
        None
    }

    fn said(&mut self, answer: Option<&Answer>) -> Said {
        let Some(answer) = answer else {
            return Said::Nothing;
        };
        match answer {
            Answer::Done => Said::Done,
            Answer::Packet(packet) => Said::Packet(self.packets.number(packet)),
            Answer::Packets(packets) if u16::try_from(packets.len()).is_ok() => {
                self.batch(packets, false)
            }
            Answer::Partial(_, packets)
                if answer.error() == Some(Error::Timeout)
                    && u16::try_from(packets.len()).is_ok() =>
            {
                self.batch(packets, true)
            }
            Answer::Failed(_) if answer.error().is_some() => {
                Said::Failed(answer.error().unwrap_or(Error::General))
            }
            other => {
                self.others.push(other.clone());
                Said::Other(self.others.len() as u32 - 1)
            }
        }
    }

    fn batch(&mut self, packets: &[Packet], over: bool) -> Said {
        let first = self.batches.len() as u32;
        for packet in packets {
            let number = self.packets.number(packet);
            self.batches.push(number);
        }
        Said::Batch(first, packets.len() as u16, over)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The different operations, by their numbers.
    pub fn ops(&self) -> &[Op] {
        &self.ops.list
    }

    /// The different packets, by their numbers.
    pub fn packets(&self) -> &[Packet] {
        &self.packets.list
    }

    /// When the call at a place was; the end is none where it had not ended.
    pub fn span(&self, place: u32) -> Span {
        let told = self.list[place as usize];
        Span {
            t0: told.t0,
            t1: (told.t1 != u64::MAX).then_some(told.t1),
        }
    }

    /// The line of its log from which the call at a place is.
    pub fn line(&self, place: u32) -> u32 {
        self.list[place as usize].line
    }

    /// Whose the call at a place is.
    pub fn thread(&self, place: u32) -> ThreadId {
        self.list[place as usize].thread
    }

    /// The call at a place; `name` says how a system calls an error.
    pub fn whole(&self, place: u32, name: impl Fn(Error) -> String) -> Whole {
        let call = self.at(place);
        Whole {
            thread: call.thread,
            op: call.op,
            posts: call.posts.map(|packet| self.packets.list[packet as usize]),
            answer: self.answer(call.said, name),
            span: self.span(place),
            line: self.line(place),
        }
    }

    pub(super) fn at(&self, place: u32) -> Call {
        let told = self.list[place as usize];
        Call {
            n: u64::from(place) + 1,
            thread: told.thread,
            op: self.ops.list[told.op as usize],
            op_id: told.op,
            posts: (told.posts != NONE).then_some(told.posts),
            said: told.said,
            t0: told.t0,
            t1: told.t1,
        }
    }

    /// The packets that a call took.
    pub(super) fn taken(&self, said: Said) -> Taken<'_> {
        match said {
            Said::Packet(packet) => Taken::One(packet),
            Said::Batch(first, len, _) => {
                Taken::Some(&self.batches[first as usize..][..usize::from(len)])
            }
            _ => Taken::Some(&[]),
        }
    }

    /// The same as an answer.
    pub(super) fn answer(&self, said: Said, name: impl Fn(Error) -> String) -> Option<Answer> {
        let packets = || {
            let taken = self.taken(said);
            let list = taken.list().iter();
            list.map(|&it| self.packets.list[it as usize]).collect()
        };
        Some(match said {
            Said::Nothing => return None,
            Said::Done => Answer::Done,
            Said::Packet(packet) => Answer::Packet(self.packets.list[packet as usize]),
            Said::Batch(_, _, false) => Answer::Packets(packets()),
            Said::Batch(_, _, true) => Answer::Partial(name(Error::Timeout), packets()),
            Said::Failed(error) => Answer::Failed(name(error)),
            Said::Other(other) => self.others[other as usize].clone(),
        })
    }

    /// The number of a packet that some call posts or takes.
    pub(super) fn number(&self, packet: &Packet) -> Option<u32> {
        self.packets.numbers.get(packet).copied()
    }
}

/// Packets that a call took.
pub(super) enum Taken<'c> {
    One(u32),
    Some(&'c [u32]),
}

impl Taken<'_> {
    pub fn list(&self) -> &[u32] {
        match self {
            Taken::One(packet) => std::slice::from_ref(packet),
            Taken::Some(packets) => packets,
        }
    }
}

/// Values, each kept once, by numbers in the order in which they came.
#[derive(Debug)]
struct Known<T> {
    list: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T> Default for Known<T> {
    fn default() -> Known<T> {
        Known {
            list: Vec::new(),
            numbers: HashMap::new(),
        }
    }
}

impl<T: Copy + Eq + Hash> Known<T> {
    fn number(&mut self, value: &T) -> u32 {
        let list = &mut self.list;
        *self.numbers.entry(*value).or_insert_with(|| {
            list.push(*value);
            list.len() as u32 - 1
        })
    }
}

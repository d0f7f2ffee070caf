//! Could the model have shown what threads did at full speed? There is an order to find.
//!
//! A trace of mode `free` has calls, each with a time before and a time after. The action of a call lies between
//! them, and so do the steps of the model that begin and end it. An order of steps fits the times when no step
//! comes behind one that had to be over before it could begin: so a thread may begin its next call while every call
//! that is not over ends after that call began.
//!
//! The search goes on from one order at a time, in the order that the times suggest, and turns back where the model
//! shows something else. It never comes to the same state and the same calls twice: those are kept by 128 bits of a
//! hash. Time and memory grow with how much was concurrent, times the length.
//!
//! Nobody's clock holds the program to its ticks here, so any deadline that pends may pass at any moment.
//! First come questions that need no search (`impossible`).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use portsim_model::State;
use portsim_model::event::Error;
use portsim_model::kernel::Kernel;
use portsim_model::program::{Op, Packet, PortId, Program, ThreadId};
use portsim_model::step::{Step, StepKind};
use portsim_model::system::System;
use xxhash_rust::xxh3::Xxh3;

use super::{Judgement, Refusal};
use crate::names::Names;
use crate::trace::{Answer, End, Event, Shown, Span, Watcher, lanes};

/// The most states that are looked at before the judge gives up.
pub const LOOKS_MAX: usize = 20_000_000;

/// How far behind its beginning the action of a call is expected, in nanoseconds.
const USUAL: u64 = 500;

/// Judges a trace of threads that ran at full speed; gives up after so many states.
pub fn admit_free<K: Kernel>(
    system: &System<K>,
    names: &Names,
    events: &[Event],
    spans: &[Span],
    end: Option<&End>,
    looks_max: usize,
) -> Judgement {
    let judge = Judge::new(system, names, events, spans, end);
    if let Some(refused) = judge.impossible() {
        return Judgement {
            refused: Some(refused),
            states_max: 0,
            gave_up: false,
            broken_at: None,
        };
    }
    judge.search(looks_max)
}

/// A call of the trace.
struct Call {
    /// The number of its event.
    n: u64,
    shown: Shown,
    op: Op,
    answer: Option<Answer>,
    t0: u64,
    /// The end of time where it did not end.
    t1: u64,
}

struct Judge<'s, K> {
    system: &'s System<K>,
    names: &'s Names,
    /// By thread, in order.
    calls: Vec<Vec<Call>>,
    is_whole: bool,
    parked: BTreeSet<ThreadId>,
}

/// Where the search stands.
#[derive(Clone)]
struct Place {
    state: State,
    /// By thread: how many calls are over, and whether the next has begun.
    done: Box<[(u32, bool)]>,
}

/// The place that explains the trace for the longest time.
struct Furthest {
    until: u64,
    places: Vec<Place>,
}

/// As many places are kept to say what was allowed.
const PLACES_MAX: usize = 16;

impl<'s, K: Kernel> Judge<'s, K> {
    fn new(
        system: &'s System<K>,
        names: &'s Names,
        events: &[Event],
        spans: &[Span],
        end: Option<&End>,
    ) -> Self {
        let mut calls: Vec<Vec<Call>> = system.program().thread_ids().map(|_| Vec::new()).collect();
        for ((n, event), span) in (1..).zip(events).zip(spans) {
            if let Shown::Call { thread, op, answer } = &event.shown {
                calls[thread.index()].push(Call {
                    n,
                    shown: event.shown.clone(),
                    op: *op,
                    answer: answer.clone(),
                    t0: span.t0,
                    t1: span.t1.unwrap_or(u64::MAX),
                });
            }
        }
        let parked = end.map(|end| end.parked.iter().copied().collect());
        Judge {
            system,
            names,
            calls,
            is_whole: end.is_some(),
            parked: parked.unwrap_or_default(),
        }
    }

    /// What no order can explain, found without a search: a packet that was taken before it was posted, or more
    /// often. It holds for every system whose packets only posts make.
    fn impossible(&self) -> Option<Refusal> {
        let program = self.system.program();
        if has_other_packets(program) {
            return None;
        }
        let mut posts: BTreeMap<(PortId, Packet), Vec<u64>> = BTreeMap::new();
        let mut takes: BTreeMap<(PortId, Packet), Vec<&Call>> = BTreeMap::new();
        for call in self.calls.iter().flatten() {
            match (call.op, &call.answer) {
                (Op::Post { port, packet, .. }, None | Some(Answer::Done)) => {
                    let packet = program.packets[packet.index()];
                    posts.entry((port, packet)).or_default().push(call.t0);
                }
                (Op::Get { port, .. }, Some(answer)) => {
                    for packet in taken(answer) {
                        takes.entry((port, *packet)).or_default().push(call);
                    }
                }
                _ => {}
            }
        }
        let mut first: Option<(&Call, String)> = None;
        for ((port, packet), mut calls) in takes {
            let mut posts = posts.remove(&(port, packet)).unwrap_or_default();
            posts.sort_unstable();
            calls.sort_by_key(|call| call.t1);
            // The k-th take to end needs k posts that had begun by then.
            let late = calls
                .iter()
                .enumerate()
                .find(|(n, call)| posts.get(*n).is_none_or(|&began| began > call.t1));
            let Some((n, &call)) = late else { continue };
            if first.as_ref().is_none_or(|(known, _)| call.t1 < known.t1) {
                let began = posts.iter().filter(|&&began| began <= call.t1).count();
                let why = format!(
                    "no order: packet key {} was posted {began} times until then, and taken {}",
                    packet.key,
                    n + 1
                );
                first = Some((call, why));
            }
        }
        first.map(|(call, why)| Refusal {
            at: call.n,
            saw: self.describe(call),
            allowed: vec![why],
        })
    }

    fn search(&self, looks_max: usize) -> Judgement {
        let nobody = self.calls.iter().map(|_| (0, false)).collect();
        let mut start = Place {
            state: self.system.boot(),
            done: nobody,
        };
        self.system.even_deadlines(&mut start.state);
        let mut open = vec![start];
        let mut seen = HashSet::new();
        let mut furthest = Furthest {
            until: 0,
            places: Vec::new(),
        };
        let mut bounded = false;
        while let Some(place) = open.pop() {
            if !seen.insert(place.fingerprint()) {
                continue;
            }
            if self.explains_all(&place) {
                return Judgement {
                    refused: None,
                    states_max: seen.len(),
                    gave_up: false,
                    broken_at: None,
                };
            }
            if seen.len() >= looks_max {
                bounded = true;
                break;
            }
            furthest.note(self.until(&place), &place);
            self.successors(&place, &mut open, &mut bounded);
        }
        Judgement {
            refused: (!bounded).then(|| self.refuse(&furthest)),
            states_max: seen.len(),
            gave_up: bounded,
            broken_at: None,
        }
    }

    /// The next call of a thread that is not over.
    fn next(&self, place: &Place, thread: ThreadId) -> Option<&Call> {
        let (over, _) = place.done[thread.index()];
        self.calls[thread.index()].get(over as usize)
    }

    fn next_of_all<'p>(&'p self, place: &'p Place) -> impl Iterator<Item = &'p Call> {
        let threads = self.system.program().thread_ids();
        threads.filter_map(|thread| self.next(place, thread))
    }

    /// Until when the place explains the trace: the first end of a call that is not over.
    fn until(&self, place: &Place) -> u64 {
        let ends = self.next_of_all(place).map(|call| call.t1);
        ends.min().unwrap_or(u64::MAX)
    }

    /// Whether nothing is left to explain: whoever is inside a call at the end is so in the model, for good.
    fn explains_all(&self, place: &Place) -> bool {
        if self.until(place) != u64::MAX {
            return false;
        }
        let threads = self.system.program().thread_ids();
        let begun = threads
            .filter(|&thread| self.next(place, thread).is_some())
            .all(|thread| place.done[thread.index()].1);
        begun && (!self.is_whole || self.parked.is_empty() || !self.has_wakes(&place.state))
    }

    fn has_wakes(&self, state: &State) -> bool {
        let mut wakes = false;
        let _ = self
            .system
            .enabled(state, |step| wakes |= step.kind == StepKind::Wake);
        wakes
    }

    /// Adds the places behind one, the likeliest last.
    fn successors(&self, place: &Place, open: &mut Vec<Place>, bounded: &mut bool) {
        let until = self.until(place);
        if let Some(after) = self.silent_end(place, until) {
            return open.push(after);
        }
        let mut steps = Vec::new();
        let room = self.system.enabled(&place.state, |step| {
            if let Some(when) = self.expected(place, step, until) {
                steps.push((when, step));
            }
        });
        *bounded |= room.0;
        steps.sort_by_key(|&(when, _)| std::cmp::Reverse(when));
        for (_, step) in steps {
            open.extend(self.after(place, step));
        }
    }

    /// When a step is expected; none where the times forbid it.
    fn expected(&self, place: &Place, step: Step, until: u64) -> Option<u64> {
        let call = self.next(place, step.thread)?;
        let (_, inside) = place.done[step.thread.index()];
        match step.kind {
            StepKind::Turn if !inside => {
                let usual = call.t0 + (call.t1 - call.t0).min(2 * USUAL) / 2;
                (call.t0 <= until).then_some(usual)
            }
            StepKind::Turn => (call.op == Op::Stall).then(|| call.t1.saturating_sub(USUAL)),
            StepKind::Wake => Some(0),
            StepKind::Time => {
                let timed_out =
                    matches!(&call.answer, Some(answer) if answer.error() == Some(Error::Timeout));
                let passes = timed_out || matches!(call.op, Op::Sleep { .. });
                passes.then_some(call.t1.saturating_sub(USUAL))
            }
        }
    }

    /// The place behind the end of a thread that the model knows to be over: that was no action, so nothing is lost
    /// where it comes first.
    fn silent_end(&self, place: &Place, until: u64) -> Option<Place> {
        let view = self.system.view(&place.state);
        let ends = |&thread: &ThreadId| {
            let call = self.next(place, thread);
            call.is_some_and(|call| call.op == Op::Exit && call.t0 <= until)
                && view.thread(thread).mode().is_over()
        };
        let thread = self.system.program().thread_ids().find(ends)?;
        let mut after = place.clone();
        after.done[thread.index()].0 += 1;
        Some(after)
    }

    /// What becomes of a place with a step; none where the trace shows something else.
    fn after(&self, place: &Place, step: Step) -> Option<Place> {
        let mut after = place.clone();
        let mut watcher = Watcher::new(self.system.program(), self.system.kernel().os_error());
        self.system.take(&mut after.state, step, &mut watcher);
        let mut events = Vec::new();
        watcher.finish(step, &mut events);
        for event in events {
            match event.shown {
                Shown::Call { thread, op, answer } => {
                    let call = self.next(place, thread)?;
                    let said = Shown::Call {
                        thread,
                        op,
                        answer: call.answer.clone(),
                    };
                    if !said.agrees(&call.shown) {
                        return None;
                    }
                    after.done[thread.index()].1 = true;
                    if let Some(answer) = answer {
                        self.returns(&mut after, thread, &answer)?;
                    }
                }
                Shown::Return { thread, answer, .. } => {
                    self.returns(&mut after, thread, &answer)?;
                }
                Shown::Silent { .. } => {}
            }
        }
        self.system.even_deadlines(&mut after.state);
        Some(after)
    }

    /// The model ends a call; none where the trace says that it ended otherwise.
    fn returns(&self, place: &mut Place, thread: ThreadId, answer: &Answer) -> Option<()> {
        let call = self.next(place, thread)?;
        let done = &mut place.done[thread.index()];
        let alike = done.1 && call.answer.as_ref()?.agrees(answer);
        *done = (done.0 + 1, false);
        alike.then_some(())
    }

    /// No order explains the call that ends where the furthest places end.
    fn refuse(&self, furthest: &Furthest) -> Refusal {
        let mut allowed = BTreeSet::new();
        let mut unexplained: Option<&Call> = None;
        for place in &furthest.places {
            let first = self.next_of_all(place).min_by_key(|call| call.t1);
            unexplained = unexplained.or(first);
            let _ = self.system.enabled(&place.state, |step| {
                let mut state = place.state.clone();
                let mut watcher =
                    Watcher::new(self.system.program(), self.system.kernel().os_error());
                self.system.take(&mut state, step, &mut watcher);
                let mut events = Vec::new();
                watcher.finish(step, &mut events);
                let shown = events
                    .iter()
                    .filter(|event| !matches!(event.shown, Shown::Silent { .. }));
                let words: Vec<_> = shown.map(|event| self.words(&event.shown)).collect();
                if !words.is_empty() {
                    allowed.insert(words.join(", "));
                }
            });
        }
        let Some(call) = unexplained else {
            return Refusal {
                at: 1,
                saw: "the end".to_owned(),
                allowed: allowed.into_iter().collect(),
            };
        };
        let (from, to) = self.window(call);
        Refusal {
            at: call.n,
            saw: format!(
                "{}, at the same time as events {from} to {to}",
                self.describe(call)
            ),
            allowed: allowed.into_iter().collect(),
        }
    }

    /// The first and the last event that were under way while a call was.
    fn window(&self, call: &Call) -> (u64, u64) {
        let beside = |other: &&Call| other.t0 <= call.t1 && call.t0 <= other.t1;
        let numbers = self
            .calls
            .iter()
            .flatten()
            .filter(beside)
            .map(|other| other.n);
        numbers.fold((call.n, call.n), |(from, to), n| (from.min(n), to.max(n)))
    }

    fn describe(&self, call: &Call) -> String {
        self.words(&call.shown)
    }

    fn words(&self, shown: &Shown) -> String {
        let thread = &self.names.threads[shown.thread().index()];
        let cell = lanes::cell(self.names, self.system.program(), shown);
        format!("{thread}: {cell}")
    }
}

impl Place {
    fn fingerprint(&self) -> u128 {
        let mut hash = Xxh3::new();
        hash.update(self.state.bytes());
        for &(over, inside) in &self.done {
            hash.update(&(2 * over + u32::from(inside)).to_le_bytes());
        }
        hash.digest128()
    }
}

impl Furthest {
    fn note(&mut self, until: u64, place: &Place) {
        if until > self.until {
            self.places.clear();
            self.until = until;
        }
        if until == self.until && self.places.len() < PLACES_MAX {
            self.places.push(place.clone());
        }
    }
}

/// The packets that a call took.
fn taken(answer: &Answer) -> &[Packet] {
    match answer {
        Answer::Packet(packet) => std::slice::from_ref(packet),
        Answer::Packets(packets) => packets,
        _ => &[],
    }
}

/// Whether packets can come from anything but posts.
fn has_other_packets(program: &Program) -> bool {
    let others = program.files.len() + program.jobs.len() + usize::from(program.wait_packets);
    others + program.sources.len() > 0
}

//! Could the model have shown what threads did at full speed? There is an order to find.
//!
//! A trace of mode `free` has calls, each with a time before and a time after. The action of a call lies between
//! them, and so do the steps of the model that begin and end it. An order of steps fits the times when no step
//! comes behind one that had to be over before it could begin: so a thread may begin its next call while every call
//! that is not over ends after that call began.
//!
//! First come questions that need no search (`impossible`), and what follows for posts that overlap (`earlier`). Then the likeliest order is followed (`likely`, `guess`), with
//! a short memory; where it does not lead on, all orders are tried from some way back (`layers`): from one end of a call
//! to the next, with every place in which the model can be there. Only from the first place on, or from where all places
//! are known, is that a proof, and only such a proof refuses (`window`). So what is kept grows with how much was
//! concurrent, and not with the length.
//!
//! Nobody's clock holds the program to its ticks here, so any deadline that pends may pass at any moment.

mod earlier;
mod guess;
mod impossible;
mod layers;
mod likely;
mod overlooked;
mod window;

use std::collections::BTreeMap;

use portsim_model::State;
use portsim_model::event::Error;
use portsim_model::machine::AnyMachine;
use portsim_model::program::{Op, ThreadId, Timeout};
use portsim_model::step::{Step, StepKind};
use xxhash_rust::xxh3::Xxh3;

use super::Judgement;
use crate::names::Names;
use crate::trace::{Answer, End, Event, Shown, Span, Watcher};
use layers::{Layer, Went};
use likely::{Likely, Stuck};

/// How long the judge looks.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most places that are looked at before it gives up.
    pub looks_max: usize,
    /// How many places of the likeliest order are looked at without a further call explained, before all orders are
    /// tried.
    pub patience: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            looks_max: 20_000_000,
            patience: 2_000,
        }
    }
}

/// How far behind its beginning the action of a call is expected, in nanoseconds.
const USUAL: u64 = 500;

/// How many ends of calls behind the place where the likeliest order failed all orders are tried: the likeliest is
/// followed again from there.
const BEHIND: usize = 16;

/// The most places that are looked at where all orders are tried from a place that is one of several.
const TRY: usize = 100_000;

/// How often more is done, and farther back, before all orders are tried from where all places are known: that is dear.
const EFFORTS_MAX: usize = 2;

/// Judges a trace of threads that ran at full speed; gives up after so long.
pub fn admit_free(
    machine: &dyn AnyMachine,
    names: &Names,
    events: &[Event],
    spans: &[Span],
    end: Option<&End>,
    limits: Limits,
) -> Judgement {
    let mut judge = Judge::new(machine, names, events, spans, end);
    let mut judgement = Judgement {
        refused: judge.impossible(),
        states_max: 0,
        gave_up: false,
        broken_at: None,
    };
    if judgement.refused.is_none() {
        let mut search = Search::new(&judge, limits);
        let verdict = search.judge();
        judgement.states_max = search.looks;
        match verdict {
            Verdict::Admitted => {}
            Verdict::Refused(last) => judgement.refused = Some(judge.refuse(&last)),
            Verdict::Unknown => judgement.gave_up = true,
        }
    }
    judgement
}

/// What became of a search.
enum Verdict {
    Admitted,
    /// From none of the places of this layer, which are all that there are.
    Refused(Layer),
    /// There were more places than the judge had patience for, or a bound kept it from some.
    Unknown,
}

/// A call of the trace.
#[derive(Clone, Copy)]
struct Call<'t> {
    /// The number of its event.
    n: u64,
    shown: &'t Shown,
    op: Op,
    answer: Option<&'t Answer>,
    t0: u64,
    /// The end of time where it did not end, or where the trace does not tell all that came before.
    t1: u64,
}

impl Call<'_> {
    /// When its action is expected.
    fn usual(&self) -> u64 {
        self.t0 + (self.t1 - self.t0).min(2 * USUAL) / 2
    }
}

/// How the trace ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finish {
    /// Nothing could move any more: a thread inside a call is so in the model too, for good.
    Rest,
    /// Somebody was under way, and what became of the calls that had not ended is not told.
    UnderWay,
    /// The file was cut: calls that began later are missing.
    Cut,
}

/// A trace, and the system that is to explain it.
struct Judge<'s> {
    machine: &'s dyn AnyMachine,
    names: &'s Names,
    events: &'s [Event],
    spans: &'s [Span],
    /// What ended later is not judged.
    told: u64,
    /// By thread, in order: the places of its calls among the events.
    calls: Vec<Vec<u32>>,
    /// The calls that ended, by their ends: whose, and which of theirs.
    ends: Vec<(ThreadId, u32)>,
    finish: Finish,
    /// Calls whose answers are not asked for: see `window`.
    loose: Vec<u64>,
    /// When some calls are expected: see `guess`.
    guess: BTreeMap<u32, u64>,
    /// Which calls must have begun before some: see `earlier`.
    earlier: BTreeMap<u32, Vec<(ThreadId, u32)>>,
}

/// Where the model can be, and which calls are over.
#[derive(Clone)]
struct Place {
    state: State,
    /// By thread: twice the calls that are over, and one more if the next has begun.
    done: Box<[u32]>,
}

impl Place {
    fn over(&self, thread: ThreadId) -> u32 {
        self.done[thread.index()] / 2
    }

    fn is_inside(&self, thread: ThreadId) -> bool {
        self.done[thread.index()] % 2 == 1
    }

    /// How far it is: a step that shows something leads to a greater number.
    fn progress(&self) -> u64 {
        self.done.iter().map(|&done| u64::from(done)).sum()
    }

    fn fingerprint(&self) -> u128 {
        let mut hash = Xxh3::new();
        hash.update(self.state.bytes());
        for done in &self.done {
            hash.update(&done.to_le_bytes());
        }
        hash.digest128()
    }
}

/// The work on one trace.
struct Search<'j, 's> {
    judge: &'j Judge<'s>,
    /// Places looked at so far.
    looks: usize,
    limits: Limits,
    /// Whether a bound kept the model from a step.
    bounded: bool,
}

impl<'j, 's> Search<'j, 's> {
    fn new(judge: &'j Judge<'s>, limits: Limits) -> Self {
        Search {
            judge,
            looks: 0,
            limits,
            bounded: false,
        }
    }

    /// Follows the likeliest order; where it fails, tries all orders from some way back, and both again with more patience
    /// and from farther back.
    fn judge(&mut self) -> Verdict {
        // All places at the end of some call, so that nothing before it matters any more.
        let mut known = Layer {
            from: 0,
            places: vec![self.judge.start()],
        };
        let mut likely = Likely::new(known.places.clone());
        let (mut at, mut effort) = (0, 0);
        loop {
            let patience = self.limits.patience << (4 * effort);
            match likely.follow(self, patience) {
                Stuck::Explained => return Verdict::Admitted,
                Stuck::OutOfLooks => return Verdict::Unknown,
                Stuck::At(further) if further > at => (at, effort) = (further, 0),
                Stuck::At(_) => {}
            }
            let back = (2 * BEHIND) << (3 * effort);
            effort += 1;
            let some = likely.before(at.saturating_sub(back), known.from);
            let some = some.filter(|_| effort <= EFFORTS_MAX);
            if some.is_none() && effort <= EFFORTS_MAX && likely.has_more() {
                continue;
            }
            let from_all = some.is_none();
            let went = match some {
                Some(some) => self.layers(some, at + BEHIND, self.looks + TRY),
                None => self.layers(known.clone(), at + BEHIND, self.limits.looks_max),
            };
            match went {
                Went::Explained => return Verdict::Admitted,
                Went::On(layer) => {
                    if from_all {
                        known = layer.clone();
                    }
                    (at, effort) = (layer.from, 0);
                    likely.go_on_from(layer);
                }
                Went::Nowhere(_) | Went::OutOfLooks if !from_all => {}
                Went::OutOfLooks => return Verdict::Unknown,
                Went::Nowhere(_) if self.bounded => return Verdict::Unknown,
                Went::Nowhere(last) => return Verdict::Refused(last),
            }
        }
    }
}

impl<'s> Judge<'s> {
    fn new(
        machine: &'s dyn AnyMachine,
        names: &'s Names,
        events: &'s [Event],
        spans: &'s [Span],
        end: Option<&End>,
    ) -> Self {
        // Of a trace that was cut, calls that ended behind its last beginning may owe their ends to calls that are
        // missing.
        let told = match end {
            Some(_) => u64::MAX,
            None => spans.last().map_or(0, |last| last.t0),
        };
        let mut judge = Judge {
            machine,
            names,
            events,
            spans,
            told,
            calls: machine.program().thread_ids().map(|_| Vec::new()).collect(),
            ends: Vec::new(),
            finish: Finish::Cut,
            loose: Vec::new(),
            guess: BTreeMap::new(),
            earlier: BTreeMap::new(),
        };
        for (place, event) in (0..).zip(events) {
            if let Shown::Call { thread, .. } = event.shown {
                judge.calls[thread.index()].push(place);
            }
        }
        judge.ends = judge.in_order_of_ends();
        judge.guess = judge.guess();
        if end.is_some() {
            judge.finish = match judge.rests() {
                true => Finish::Rest,
                false => Finish::UnderWay,
            };
        }
        judge.earlier = judge.earlier();
        judge
    }

    fn in_order_of_ends(&self) -> Vec<(ThreadId, u32)> {
        let of = |thread: ThreadId| {
            (0..self.calls[thread.index()].len() as u32).map(move |n| (thread, n))
        };
        let all = self.machine.program().thread_ids().flat_map(of);
        let mut ends: Vec<_> = all
            .filter(|&(thread, n)| self.nth(thread, n).is_some_and(|call| call.t1 != u64::MAX))
            .collect();
        ends.sort_unstable_by_key(|&(thread, n)| self.nth(thread, n).map(|call| (call.t1, call.n)));
        ends
    }

    /// Whether a thread that was inside a call at the end waits there until another does something.
    fn rests(&self) -> bool {
        let lasts = self.calls.iter().filter_map(|own| own.last());
        let mut under_way = lasts
            .filter_map(|&place| self.call(place))
            .filter(|call| call.t1 == u64::MAX);
        under_way.all(|call| waits_for_ever(call.op))
    }

    /// The call at a place among the events.
    fn call(&self, place: u32) -> Option<Call<'s>> {
        let (event, span) = (&self.events[place as usize], self.spans[place as usize]);
        let Shown::Call { op, answer, .. } = &event.shown else {
            return None;
        };
        Some(Call {
            n: u64::from(place) + 1,
            shown: &event.shown,
            op: *op,
            answer: answer.as_ref(),
            t0: span.t0,
            t1: span.t1.filter(|&t1| t1 < self.told).unwrap_or(u64::MAX),
        })
    }

    /// A call of a thread, counted from 0.
    fn nth(&self, thread: ThreadId, n: u32) -> Option<Call<'s>> {
        let place = self.calls[thread.index()].get(n as usize)?;
        self.call(*place)
    }

    /// The place before the first step.
    fn start(&self) -> Place {
        let mut start = Place {
            state: self.machine.boot(),
            done: self.calls.iter().map(|_| 0).collect(),
        };
        self.machine.even_deadlines(&mut start.state);
        start
    }

    /// The next call of a thread that is not over.
    fn next(&self, place: &Place, thread: ThreadId) -> Option<Call<'s>> {
        self.nth(thread, place.over(thread))
    }

    fn next_of_all<'p>(&'p self, place: &'p Place) -> impl Iterator<Item = Call<'s>> + use<'p, 's> {
        let threads = self.machine.program().thread_ids();
        threads.filter_map(|thread| self.next(place, thread))
    }

    /// Until when the place explains the trace: the first end of a call that is not over.
    fn until(&self, place: &Place) -> u64 {
        let ends = self.next_of_all(place).map(|call| call.t1);
        ends.min().unwrap_or(u64::MAX)
    }

    /// When the end of this number is; the end of time behind the last.
    fn end_at(&self, end: usize) -> u64 {
        let call = self
            .ends
            .get(end)
            .and_then(|&(thread, n)| self.nth(thread, n));
        call.map_or(u64::MAX, |call| call.t1)
    }

    /// Whether nothing is left to explain.
    fn explains_all(&self, place: &Place) -> bool {
        if self.until(place) != u64::MAX {
            return false;
        }
        let threads = self.machine.program().thread_ids();
        let is_inside = |thread| self.next(place, thread).is_none() || place.is_inside(thread);
        let mut waiting = threads.map(is_inside);
        self.finish != Finish::Rest || (waiting.all(|inside| inside) && self.is_quiet(place))
    }

    /// Whether nobody who waits for good was told to go on.
    fn is_quiet(&self, place: &Place) -> bool {
        let mut wakes = false;
        let _ = self
            .machine
            .enabled(&place.state, |step| wakes |= step.kind == StepKind::Wake);
        !wakes || self.next_of_all(place).next().is_none()
    }

    /// The places behind one, the likeliest last; says whether a bound kept the model from one.
    fn successors(&self, place: &Place, mut each: impl FnMut(Place)) -> bool {
        let until = self.until(place);
        if let Some(after) = self.silent_end(place, until) {
            each(after);
            return false;
        }
        let mut steps = Vec::new();
        let room = self.machine.enabled(&place.state, |step| {
            if let Some(when) = self.expected(place, step, until) {
                steps.push((when, step));
            }
        });
        steps.sort_by_key(|&(when, _)| std::cmp::Reverse(when));
        for (_, step) in steps {
            if let Some(after) = self.after(place, step) {
                each(after);
            }
        }
        room.0
    }

    /// When a step is expected; none where the times forbid it.
    fn expected(&self, place: &Place, step: Step, until: u64) -> Option<u64> {
        let Some(call) = self.next(place, step.thread) else {
            // A thread that makes no call any more may still be stopped.
            return (step.kind == StepKind::Wake).then_some(0);
        };
        let inside = place.is_inside(step.thread);
        match step.kind {
            StepKind::Turn if !inside => {
                let guess = self.guess.get(&(call.n as u32 - 1)).copied();
                let may_come = call.t0 <= until && self.may_come(place, call);
                may_come.then(|| guess.unwrap_or(call.usual()))
            }
            StepKind::Turn => (call.op == Op::Stall).then(|| call.t1.saturating_sub(USUAL)),
            StepKind::Wake => Some(0),
            StepKind::Time => {
                let timed_out = |answer: &Answer| answer.error() == Some(Error::Timeout);
                // On some systems a thread whose time is over may take packets all the same.
                let is_timed =
                    |op: Op| matches!(op.as_get(), Some(get) if get.timeout != Timeout::Never);
                let passes = matches!(call.op, Op::Sleep { .. })
                    || is_timed(call.op)
                    || self.told(&call).map_or(self.tells_no_end(&call), timed_out);
                passes.then_some(call.t1.saturating_sub(USUAL))
            }
        }
    }

    /// The place behind the end of a thread that the model knows to be over: that was no action, so nothing is lost
    /// where it comes first.
    fn silent_end(&self, place: &Place, until: u64) -> Option<Place> {
        let view = self.machine.view(&place.state);
        let ends = |&thread: &ThreadId| {
            let call = self.next(place, thread);
            call.is_some_and(|call| call.op == Op::Exit && call.t0 <= until)
                && view.thread(thread).mode().is_over()
        };
        let thread = self.machine.program().thread_ids().find(ends)?;
        let mut after = place.clone();
        after.done[thread.index()] = 2 * (place.over(thread) + 1);
        Some(after)
    }

    /// What becomes of a place with a step; none where the trace shows something else.
    fn after(&self, place: &Place, step: Step) -> Option<Place> {
        let mut after = place.clone();
        let (program, os_error) = (self.machine.program(), self.machine.os_error());
        let mut watcher = match self.may_overlook(place, step) {
            true => Watcher::asking_why(program, os_error),
            false => Watcher::new(program, os_error),
        };
        self.machine.take(&mut after.state, step, &mut watcher);
        let mut events = Vec::new();
        watcher.finish(step, &mut events);
        if self.overlooks_alone(place, &events) {
            return None;
        }
        for event in events {
            match event.shown {
                Shown::Call { thread, op, answer } => {
                    let call = self.next(place, thread)?;
                    let said = Shown::Call {
                        thread,
                        op,
                        answer: call.answer.cloned(),
                    };
                    if !said.agrees(call.shown) {
                        return None;
                    }
                    after.done[thread.index()] |= 1;
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
        self.machine.even_deadlines(&mut after.state);
        Some(after)
    }

    /// The answer that a call must have had.
    fn told(&self, call: &Call<'s>) -> Option<&'s Answer> {
        call.answer.filter(|_| !self.loose.contains(&call.n))
    }

    /// Whether a call of which no answer is told may have had any: nobody was there to write it down.
    fn tells_no_end(&self, call: &Call<'s>) -> bool {
        self.finish != Finish::Rest || self.loose.contains(&call.n)
    }

    /// The model ends a call; none where the trace says that it ended otherwise.
    fn returns(&self, place: &mut Place, thread: ThreadId, answer: &Answer) -> Option<()> {
        let call = self.next(place, thread)?;
        let agrees = |told: &Answer| told.agrees(answer);
        let alike = self.told(&call).map_or(self.tells_no_end(&call), agrees);
        let began = place.is_inside(thread);
        place.done[thread.index()] = 2 * (place.over(thread) + 1);
        (began && alike).then_some(())
    }
}

/// Whether a call ends only if somebody ends it.
fn waits_for_ever(op: Op) -> bool {
    let waits = op.wait().is_some_and(|wait| wait.timeout == Timeout::Never);
    waits || op == Op::Stall
}

//! Could the model have shown what threads did at full speed? There is an order to find.
//!
//! A trace of mode `free` has calls, each with a time before and a time after. The action of a call lies between
//! them, and so do the steps of the model that begin and end it. An order of steps fits the times when no step
//! comes behind one that had to be over before it could begin: so a thread may begin its next call while every call
//! that is not over ends after that call began.
//!
//! First come questions that need no search (`impossible`), and what follows for posts that overlap (`earlier`). Then the
//! likeliest order is followed (`likely`, `guess`, `ties`, `due`), with a short memory; where it does not lead on, all orders are tried from some way back (`layers`): from one end of a call
//! to the next, with every place in which the model can be there. Only from the first place on, or from where all places
//! are known, is that a proof, and only such a proof refuses (`window`). So what is kept grows with how much was
//! concurrent, and not with the length.
//!
//! Nobody's clock holds the program to its ticks here, so any deadline that pends may pass at any moment.

mod calls;
mod due;
mod earlier;
mod guess;
mod impossible;
mod layers;
mod leaving;
mod likely;
mod moved;
mod overlooked;
mod place;
mod steps;
mod ties;
mod window;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use portsim_model::claim::Claim;
use portsim_model::event::{ERRORS, Error};
use portsim_model::machine::AnyMachine;
use portsim_model::os_error::error_named;
use portsim_model::program::{Op, ThreadId, Timeout};
use portsim_model::step::StepKind;

use super::{Judgement, Refusal};
use crate::coverage::Coverage;
use crate::names::Names;
use crate::trace::{End, Event, Span};
use calls::Call;
use earlier::Earlier;
use layers::{Layer, Went};
use likely::{Likely, Stuck};
use place::{Behind, Place};

pub use calls::{Calls, Whole};
pub use steps::Feed;

/// How long the judge looks.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most places that are looked at before it gives up, beside `looks_each`.
    pub looks_max: usize,
    /// As many more for each call that it has explained: who gets on may go on.
    pub looks_each: usize,
    /// How many places of the likeliest order are looked at without a further call explained, before all orders are
    /// tried.
    pub patience: usize,
    /// The most bytes that the places of all orders may take before it gives up.
    pub bytes_max: usize,
    /// What is set when the judge is told to end: it gives up where it is.
    pub stop: Option<&'static AtomicBool>,
}

impl Limits {
    /// The most places that are looked at until so many calls are explained.
    fn looks_until(&self, explained: usize) -> usize {
        let each = self.looks_each.saturating_mul(explained);
        self.looks_max.saturating_add(each)
    }

    /// Whether somebody told the judge to end.
    pub fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            looks_max: 20_000_000,
            looks_each: 0,
            patience: 2_000,
            bytes_max: 1 << 30,
            stop: None,
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

/// Judges a trace of threads that ran at full speed; gives up after so long. `coverage` is told which claims decided.
pub fn admit_free(
    machine: &dyn AnyMachine,
    names: &Names,
    events: &[Event],
    spans: &[Span],
    end: Option<&End>,
    limits: Limits,
    coverage: Option<&mut Coverage>,
) -> Judgement {
    let calls = Calls::of_trace(machine.program(), events, spans);
    // Of a trace that was cut, calls that ended behind its last beginning may owe their ends to calls that are missing.
    let told = match end {
        Some(_) => u64::MAX,
        None => spans.last().map_or(0, |last| last.t0),
    };
    let mut judge = Judge::new(machine, names, &calls, None, told);
    if end.is_some() {
        judge.finish = match judge.rests() {
            true => Finish::Rest,
            false => Finish::UnderWay,
        };
    }
    judge.judged(limits, coverage).0
}

/// Judges the calls of a log, which tells its threads what they do; what ended after some time is not judged. `coverage` is
/// told which claims decided.
pub fn admit_log(
    machine: &dyn AnyMachine,
    names: &Names,
    calls: &Calls,
    feed: Feed,
    told: Option<u64>,
    limits: Limits,
    coverage: Option<&mut Coverage>,
) -> (Judgement, Open) {
    let told = told.unwrap_or(u64::MAX);
    Judge::new(machine, names, calls, Some(feed), told).judged(limits, coverage)
}

/// A call in words, by its number, counted from 1.
pub fn words(machine: &dyn AnyMachine, names: &Names, calls: &Calls, n: u64) -> String {
    window::words_of(machine, names, calls, calls.at((n - 1) as u32))
}

/// What a search of the calls of a log leaves open.
#[derive(Debug, Clone, Default)]
pub struct Open {
    /// How many steps of the order that was found nobody wrote down.
    pub unseen: u32,
    /// Where the judge gave up.
    pub stuck: Option<Refusal>,
}

/// What became of a search.
enum Verdict {
    /// In this place.
    Admitted(Place),
    /// From none of the places of this layer, which are all that there are.
    Refused(Layer),
    /// There were more places than the judge had patience for, or a bound kept it from some. As far it came.
    Unknown(Layer),
}

/// How the calls end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finish {
    /// Nothing could move any more: a thread inside a call is so in the model too, for good.
    Rest,
    /// Somebody was under way, and what became of the calls that had not ended is not told; or calls that began later are
    /// missing.
    UnderWay,
}

/// Calls, and the system that is to explain them.
struct Judge<'s> {
    machine: &'s dyn AnyMachine,
    names: &'s Names,
    calls: &'s Calls,
    /// What a log tells; none where a program says what threads do.
    feed: Option<Feed>,
    /// What ended later is not judged.
    told: u64,
    /// By thread, in order: the places of its calls.
    of: Vec<Vec<u32>>,
    /// Which of its thread's each call is.
    nth: Vec<u32>,
    /// The calls that ended, by their ends.
    ends: Vec<u32>,
    finish: Finish,
    /// What each error means by the name that the system has for it.
    meanings: Vec<Option<Error>>,
    /// The sets of claims that decided steps, where somebody asks for them.
    covered: Option<RefCell<Vec<Rc<[&'static Claim]>>>>,
    /// Whether threads end in calls.
    exits: bool,
    /// Whether queues may go on behind their states.
    spills: bool,
    /// Calls whose answers are not asked for: see `window`.
    loose: Vec<u64>,
    /// Whether the clock parts too few calls: see `ties`.
    is_coarse: bool,
    /// When some calls are expected: see `guess`.
    guess: Vec<u64>,
    /// Which calls must have begun before some: see `earlier`.
    earlier: Earlier,
    /// The posts that nobody saw, and who took what they posted: see `due`.
    unseen: Vec<(u32, u32)>,
    /// The first call that can have issued an operation in memory that is not free.
    broken: Cell<Option<u64>>,
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
        let mut likely = Likely::new(self.judge, known.clone());
        let (mut at, mut effort) = (0, 0);
        loop {
            let patience = self.limits.patience << (4 * effort);
            match likely.follow(self, patience) {
                Stuck::Explained(place) => return Verdict::Admitted(*place),
                Stuck::OutOfLooks => return Verdict::Unknown(likely.last(known)),
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
                None => self.layers(known.clone(), at + BEHIND, self.limits.looks_until(at)),
            };
            match went {
                Went::Explained(place) => return Verdict::Admitted(*place),
                Went::On(layer) => {
                    if from_all {
                        known = layer.clone();
                    }
                    (at, effort) = (layer.from, 0);
                    likely.go_on_from(self.judge, layer);
                }
                _ if self.limits.stopped() => return Verdict::Unknown(likely.last(known)),
                Went::Nowhere(_) | Went::OutOfLooks if !from_all => {}
                Went::OutOfLooks => return Verdict::Unknown(likely.last(known)),
                Went::Nowhere(last) if self.bounded => return Verdict::Unknown(last),
                Went::Nowhere(last) => return Verdict::Refused(last),
            }
        }
    }
}

impl<'s> Judge<'s> {
    fn new(
        machine: &'s dyn AnyMachine,
        names: &'s Names,
        calls: &'s Calls,
        feed: Option<Feed>,
        told: u64,
    ) -> Self {
        let mut judge = Judge {
            machine,
            names,
            calls,
            feed,
            told,
            of: machine.program().thread_ids().map(|_| Vec::new()).collect(),
            nth: Vec::with_capacity(calls.len()),
            ends: Vec::new(),
            finish: Finish::UnderWay,
            meanings: ERRORS
                .map(|error| error_named(machine.os_error()(error).name))
                .to_vec(),
            covered: None,
            exits: calls.ops().contains(&Op::Exit),
            spills: false,
            loose: Vec::new(),
            is_coarse: false,
            guess: Vec::new(),
            earlier: Earlier::default(),
            unseen: Vec::new(),
            broken: Cell::new(None),
        };
        for place in 0..calls.len() as u32 {
            let own = &mut judge.of[calls.at(place).thread.index()];
            judge.nth.push(own.len() as u32);
            own.push(place);
        }
        judge.spills = judge.only_posts() && machine.about().keeps_order.is_some();
        let ended = |&place: &u32| judge.call(place).t1 != u64::MAX;
        let mut ends: Vec<u32> = (0..calls.len() as u32).filter(ended).collect();
        ends.sort_unstable_by_key(|&place| (judge.call(place).t1, place));
        judge.ends = ends;
        judge
    }

    /// Whether the model can show them, and what the search leaves open; `coverage` is told which claims decided on the way that was found.
    fn judged(&mut self, limits: Limits, mut coverage: Option<&mut Coverage>) -> (Judgement, Open) {
        self.is_coarse = self.is_coarse();
        self.guess = self.guess();
        self.earlier = self.earlier();
        self.unseen = self.unseen();
        self.covered = coverage.is_some().then(RefCell::default);
        let mut judgement = Judgement {
            refused: self.impossible(),
            states_max: 0,
            gave_up: false,
            broken_at: None,
        };
        let mut open = Open::default();
        if judgement.refused.is_some() {
            return (judgement, open);
        }
        let mut search = Search::new(self, limits);
        let verdict = search.judge();
        judgement.states_max = search.looks;
        match verdict {
            Verdict::Admitted(place) => {
                open.unseen = place.unseen;
                let mut step = place.trail.as_ref();
                while let (Some(here), Some(coverage)) = (step, coverage.as_deref_mut()) {
                    here.by.iter().for_each(|claim| coverage.add(claim, 1));
                    step = here.before.as_ref();
                }
            }
            Verdict::Refused(last) => match self.broken.get() {
                // What a system does with such a program is not known.
                Some(at) => judgement.broken_at = Some(at),
                None => judgement.refused = Some(self.refuse(&last)),
            },
            Verdict::Unknown(last) => {
                judgement.gave_up = true;
                open.stuck = Some(self.stuck(&last));
            }
        }
        (judgement, open)
    }

    /// Whether a thread that was inside a call at the end waits there until another does something.
    fn rests(&self) -> bool {
        let lasts = self.of.iter().filter_map(|own| own.last());
        let mut under_way = lasts
            .map(|&place| self.call(place))
            .filter(|call| call.t1 == u64::MAX);
        under_way.all(|call| waits_for_ever(call.op))
    }

    /// The call at a place.
    fn call(&self, place: u32) -> Call {
        let call = self.calls.at(place);
        match call.t1 < self.told {
            true => call,
            false => Call {
                t1: u64::MAX,
                ..call
            },
        }
    }

    /// A call of a thread, counted from 0.
    fn nth(&self, thread: ThreadId, n: u32) -> Option<Call> {
        let place = self.of[thread.index()].get(n as usize)?;
        Some(self.call(*place))
    }

    /// The place before the first step.
    fn start(&self) -> Place {
        let ports = self.machine.program().ports.len();
        let mut start = Place {
            state: self.machine.boot(),
            done: self.of.iter().map(|_| 0).collect(),
            numbers: Rc::new(self.first_numbers()),
            behind: vec![Behind::default(); if self.spills { ports } else { 0 }].into(),
            unseen: 0,
            trail: None,
        };
        self.machine.even_deadlines(&mut start.state);
        start
    }

    /// The next call of a thread that is not over.
    fn next(&self, place: &Place, thread: ThreadId) -> Option<Call> {
        self.nth(thread, place.over(thread))
    }

    fn next_of_all<'p>(&'p self, place: &'p Place) -> impl Iterator<Item = Call> + use<'p, 's> {
        let threads = self.machine.program().thread_ids();
        threads.filter_map(|thread| self.next(place, thread))
    }

    /// Until when the place explains the calls: the first end of one that is not over.
    fn until(&self, place: &Place) -> u64 {
        let ends = self.next_of_all(place).map(|call| call.t1);
        ends.min().unwrap_or(u64::MAX)
    }

    /// Whether a call is over in a place.
    fn is_over(&self, place: &Place, call: u32) -> bool {
        place.over(self.calls.at(call).thread) > self.nth[call as usize]
    }

    /// When the end of this number is; the end of time behind the last.
    fn end_at(&self, end: usize) -> u64 {
        self.ends
            .get(end)
            .map_or(u64::MAX, |&place| self.call(place).t1)
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
}

/// Whether a call ends only if somebody ends it.
fn waits_for_ever(op: Op) -> bool {
    let waits = op.wait().is_some_and(|wait| wait.timeout == Timeout::Never);
    waits || op == Op::Stall
}

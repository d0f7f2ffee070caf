//! Could the model have shown this trace? If not, where do they part, and what was allowed there?
//!
//! The judge keeps every situation in which the model could be after the events so far. A situation is a
//! state and the returns that the model has made but the trace has not shown yet: threads that one
//! action releases return in an order that nobody can observe. Steps that show nothing are taken in
//! every way. In lock-step everybody has come to rest before the next turn, so a situation in which a
//! woken thread has still to run cannot explain one.

pub mod free;

use std::cell::RefCell;
use std::collections::BTreeSet;

use portsim_model::State;
use portsim_model::claim::Claim;
use portsim_model::machine::AnyMachine;
use portsim_model::op::{Noun, Role};
use portsim_model::program::{Op, ThreadId};
use portsim_model::property::Fault;
use portsim_model::step::{Step, StepKind};
use portsim_model::threads::Mode;

use crate::coverage::Coverage;
use crate::names::Names;
use crate::trace::{Answer, End, Event, Shown, Watcher, cells};

/// What the judge says of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Where trace and model part; none if the model could have shown it all.
    pub refused: Option<Refusal>,
    /// The most situations that were possible at once; where an order was to be found, all that were looked at.
    pub states_max: usize,
    /// Whether nobody knows: there were more orders than the judge had patience for, or a bound kept it from some.
    pub gave_up: bool,
    /// The event with which a thread issues an operation that is in flight, or whose memory was given back. No page says
    /// what a system does with such a program, so what stands behind it is not judged.
    pub broken_at: Option<u64>,
}

impl Judgement {
    /// Up to where the trace was judged, where that is not all of it.
    pub fn words(&self) -> Option<String> {
        self.broken_at.map(|at| {
            format!("event {at} issues an operation in memory that is not free: what comes of that is not judged")
        })
    }
}

/// Whether a call issues an operation.
fn issues(op: &mut Op) -> bool {
    let issued = |noun: Noun<'_>| matches!(noun, Noun::Operation(_, Role::Starts) | Noun::Chain(_));
    op.describe().nouns().any(issued)
}

/// Where a trace and the model part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The number of the event; one more than there are for the end.
    pub at: u64,
    /// What the trace shows there.
    pub saw: String,
    /// What the model could have shown.
    pub allowed: Vec<String>,
    /// The claims that decide what the thread could have shown there, or what anybody could have where it could have
    /// shown nothing.
    pub by: Vec<&'static Claim>,
    /// Of threads at full speed, the events that no order explains, this one among them; else nothing.
    pub window: Vec<u64>,
    /// What each thread had done last, before that: where the model can be follows from there.
    pub after: Vec<u64>,
}

/// Judges a trace by a system whose program has no schedule.
///
/// `at_rest` says that everybody had come to rest before each turn, as in lock-step.
pub fn admit(
    machine: &dyn AnyMachine,
    names: &Names,
    events: &[Event],
    end: Option<&End>,
    at_rest: bool,
) -> Judgement {
    judged(machine, names, events, end, at_rest, None)
}

/// The same; `coverage` is told which claims decided what the trace shows.
pub fn admit_covering(
    machine: &dyn AnyMachine,
    names: &Names,
    events: &[Event],
    end: Option<&End>,
    at_rest: bool,
    coverage: &mut Coverage,
) -> Judgement {
    judged(machine, names, events, end, at_rest, Some(coverage))
}

fn judged(
    machine: &dyn AnyMachine,
    names: &Names,
    events: &[Event],
    end: Option<&End>,
    at_rest: bool,
    coverage: Option<&mut Coverage>,
) -> Judgement {
    let mut judge = Judge {
        machine,
        names,
        at_rest,
        states_max: 1,
        coverage: coverage.map(RefCell::new),
    };
    let mut situations = BTreeSet::from([Situation {
        state: machine.boot(),
        pending: Vec::new(),
    }]);
    // Before the last turn that was explained, and where it stands.
    let mut turn = None;
    for (place, event) in events.iter().enumerate() {
        if matches!(event.shown, Shown::Silent { .. }) {
            continue;
        }
        if judge.breaks(&situations, &event.shown) {
            return Judgement {
                refused: None,
                states_max: judge.states_max,
                gave_up: false,
                broken_at: Some(place as u64 + 1),
            };
        }
        let after = judge.after(&situations, events, place);
        if after.is_empty() {
            let saw = judge.describe(&event.shown);
            let mut refusal = judge.refuse(place as u64 + 1, saw, &situations);
            refusal.by = judge.decide(&situations, event.shown.thread());
            // What could come back follows from the turn that released somebody.
            if let (true, Some((before, place))) = (refusal.by.is_empty(), &turn) {
                refusal.by = judge.decided(before, events, *place);
            }
            return Judgement {
                refused: Some(refusal),
                states_max: judge.states_max,
                gave_up: false,
                broken_at: None,
            };
        }
        judge.states_max = judge.states_max.max(after.len());
        let before = std::mem::replace(&mut situations, after);
        if matches!(event.shown, Shown::Call { .. }) {
            turn = Some((before, place));
        }
    }
    let refused = end.and_then(|end| judge.end(&situations, end, events.len() as u64 + 1));
    Judgement {
        refused,
        states_max: judge.states_max,
        gave_up: false,
        broken_at: None,
    }
}

/// Where the model could be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Situation {
    state: State,
    /// Returns that the model has made and the trace has not shown.
    pending: Vec<Return>,
}

/// Who returned, from what, with what.
type Return = (ThreadId, Op, Answer);

struct Judge<'s> {
    machine: &'s dyn AnyMachine,
    names: &'s Names,
    at_rest: bool,
    states_max: usize,
    /// Who is told which claims decided, where anybody is.
    coverage: Option<RefCell<&'s mut Coverage>>,
}

/// A step that was taken.
struct Taken {
    state: State,
    shown: Vec<Shown>,
    by: Vec<&'static Claim>,
}

impl Judge<'_> {
    /// The situations after the event at a place.
    fn after(
        &self,
        before: &BTreeSet<Situation>,
        events: &[Event],
        place: usize,
    ) -> BTreeSet<Situation> {
        let (event, later) = (&events[place], &events[place + 1..]);
        let is_first = !events[..place].iter().any(|it| it.shown == event.shown);
        let mut after = BTreeSet::new();
        for situation in before {
            match &event.shown {
                Shown::Call { thread, op, .. } if self.is_over(situation) => {
                    after.extend(self.turns(situation, *thread, &event.shown));
                    // The end of a thread that nobody counts is no step; a backend may count it all the same.
                    if *op == Op::Exit && is_first && self.is_gone(situation, *thread) {
                        after.insert(situation.clone());
                    }
                }
                Shown::Return { thread, op, answer } => {
                    let own = |(who, _, given): &Return| who == thread && given.agrees(answer);
                    if let Some(place) = situation.pending.iter().position(own) {
                        let mut situation = situation.clone();
                        situation.pending.remove(place);
                        after.insert(situation);
                    }
                    // Coming back from a stall is a turn: nobody caused it.
                    if *op == Op::Stall && self.is_over(situation) {
                        after.extend(self.turns(situation, *thread, &event.shown));
                    }
                }
                _ => {}
            }
        }
        self.close(after, later)
    }

    /// Whether an event is a mistake of the program's in a way that the trace can have come to it: a call that issues an
    /// operation in memory that the kernel still has.
    fn breaks(&self, situations: &BTreeSet<Situation>, shown: &Shown) -> bool {
        let Shown::Call { thread, op, .. } = shown else {
            return false;
        };
        let faults = |situation: &Situation| {
            let mut steps = Vec::new();
            let _ = self
                .machine
                .enabled(&situation.state, |step| steps.push(step));
            steps.iter().any(|&step| {
                let same = step.kind == StepKind::Turn && step.thread == *thread;
                let mut state = situation.state.clone();
                let mut watcher =
                    Watcher::new(self.machine.program(), self.machine.os_error());
                same && self.machine.take(&mut state, step, &mut watcher).is_some_and(|fault| {
                    let mut events = Vec::new();
                    watcher.finish(step, &mut events);
                    let calls = |event: &Event| matches!(&event.shown, Shown::Call { op: own, .. } if own.form() == op.form());
                    matches!(fault, Fault::InFlight | Fault::Freed) && events.first().is_some_and(calls)
                })
            })
        };
        issues(&mut op.clone())
            && situations
                .iter()
                .any(|situation| self.is_over(situation) && faults(situation))
    }

    /// What becomes of a situation when a thread's turn shows this.
    fn turns(&self, situation: &Situation, thread: ThreadId, shown: &Shown) -> Vec<Situation> {
        let own = |step: Step| step.kind == StepKind::Turn && step.thread == thread;
        let steps = self.steps(situation, own).into_iter();
        let alike =
            steps.filter(|taken| taken.shown.first().is_some_and(|first| first.agrees(shown)));
        alike
            .map(|taken| {
                self.note(&taken);
                Situation {
                    state: taken.state,
                    pending: returns(&taken.shown[1..]),
                }
            })
            .collect()
    }

    /// Adds everything that the situations can become in steps that are nobody's turn.
    ///
    /// A deadline may pass at any moment, so it is let pass only where the trace shows it before the next turn,
    /// or where nobody would see it.
    fn close(&self, situations: BTreeSet<Situation>, later: &[Event]) -> BTreeSet<Situation> {
        let coming = returns_before_turn(later);
        let mut closed = BTreeSet::new();
        let mut open: Vec<_> = situations.into_iter().collect();
        while let Some(situation) = open.pop() {
            if !closed.insert(situation.clone()) {
                continue;
            }
            for kind in [StepKind::Wake, StepKind::Time] {
                for taken in self.steps(&situation, |step| step.kind == kind) {
                    let shown = returns(&taken.shown);
                    if kind == StepKind::Time
                        && !shown
                            .iter()
                            .all(|shown| coming.iter().any(|coming| same(shown, coming)))
                    {
                        continue;
                    }
                    self.note(&taken);
                    let mut pending = situation.pending.clone();
                    pending.extend(shown);
                    pending.sort();
                    let state = taken.state;
                    open.push(Situation { state, pending });
                }
            }
        }
        closed
    }

    /// Whether the next turn can follow.
    fn is_over(&self, situation: &Situation) -> bool {
        situation.pending.is_empty() && !(self.at_rest && self.has_wakes(&situation.state))
    }

    fn is_gone(&self, situation: &Situation, thread: ThreadId) -> bool {
        let view = self.machine.view(&situation.state);
        view.thread(thread).mode() == Mode::Done
    }

    fn has_wakes(&self, state: &State) -> bool {
        let mut movers = Vec::new();
        let _ = self.machine.movers(state, &mut movers);
        movers.iter().any(|mover| mover.kind == StepKind::Wake)
    }

    /// The wanted steps from a situation, with what each shows.
    fn steps(&self, situation: &Situation, wanted: impl Fn(Step) -> bool) -> Vec<Taken> {
        let (program, os_error) = (self.machine.program(), self.machine.os_error());
        let mut watcher = match self.coverage {
            None => Watcher::new(program, os_error),
            Some(_) => Watcher::asking_why(program, os_error),
        };
        let mut taken = Vec::new();
        self.taken(situation, wanted, &mut watcher, |state, mut events| {
            let by = std::mem::take(&mut events[0].by);
            let shown = events.into_iter().map(|event| event.shown);
            let seen = shown.filter(|shown| !matches!(shown, Shown::Silent { .. }));
            taken.push(Taken {
                state,
                shown: seen.collect(),
                by,
            });
        });
        taken
    }

    /// A step explains what the trace shows.
    fn note(&self, taken: &Taken) {
        if let Some(coverage) = &self.coverage {
            let mut coverage = coverage.borrow_mut();
            for claim in &taken.by {
                coverage.add(claim, 1);
            }
        }
    }

    /// The claims behind what an event shows.
    fn decided(
        &self,
        before: &BTreeSet<Situation>,
        events: &[Event],
        place: usize,
    ) -> Vec<&'static Claim> {
        let mut coverage = Coverage::default();
        let judge = Judge {
            coverage: Some(RefCell::new(&mut coverage)),
            ..*self
        };
        judge.after(before, events, place);
        coverage.claims()
    }

    /// Takes the wanted steps from a situation.
    fn taken(
        &self,
        situation: &Situation,
        wanted: impl Fn(Step) -> bool,
        watcher: &mut Watcher<'_>,
        mut each: impl FnMut(State, Vec<Event>),
    ) {
        let mut movers = Vec::new();
        let _ = self.machine.movers(&situation.state, &mut movers);
        for mover in movers.into_iter().filter(|&mover| wanted(mover)) {
            let state = &situation.state;
            self.machine
                .take_all(state, mover, watcher, |watcher, step, state, _| {
                    let mut events = Vec::new();
                    watcher.finish(step, &mut events);
                    each(state, events);
                });
        }
    }

    /// The claims behind what the model could show instead of an event: of its thread, or of anybody where that one could
    /// show nothing.
    fn decide(&self, situations: &BTreeSet<Situation>, thread: ThreadId) -> Vec<&'static Claim> {
        let (mut own, mut all) = (Vec::new(), Vec::new());
        let program = self.machine.program();
        let mut watcher = Watcher::asking_why(program, self.machine.os_error());
        for situation in situations {
            let over = self.is_over(situation);
            let wanted = |step: Step| over || step.kind == StepKind::Wake;
            self.taken(situation, wanted, &mut watcher, |_, events| {
                let is_own = events.iter().any(|event| event.shown.thread() == thread);
                for claim in events.into_iter().flat_map(|event| event.by) {
                    let lists = [Some(&mut all), is_own.then_some(&mut own)];
                    for list in lists.into_iter().flatten() {
                        if !list.contains(&claim) {
                            list.push(claim);
                        }
                    }
                }
            });
            own.extend(self.machine.holds_back(&situation.state, thread));
        }
        own.dedup();
        if own.is_empty() { all } else { own }
    }

    /// Holds the end of the trace against the situations.
    fn end(&self, situations: &BTreeSet<Situation>, end: &End, at: u64) -> Option<Refusal> {
        let over = situations
            .iter()
            .filter(|situation| self.is_over(situation));
        let parked: BTreeSet<_> = over
            .map(|situation| {
                self.machine
                    .view(&situation.state)
                    .inside_calls()
                    .collect::<Vec<_>>()
            })
            .collect();
        if parked.contains(&end.parked) {
            return None;
        }
        let words =
            |threads: &Vec<ThreadId>| format!("the end, with {} inside a call", self.list(threads));
        let mut refusal = self.refuse(at, words(&end.parked), situations);
        refusal.allowed.extend(parked.iter().map(words));
        Some(refusal)
    }

    fn list(&self, threads: &[ThreadId]) -> String {
        if threads.is_empty() {
            return "nobody".to_owned();
        }
        let names: Vec<_> = threads
            .iter()
            .map(|thread| self.names.threads[thread.index()].as_str())
            .collect();
        names.join(", ")
    }

    /// The trace parts from the model here: whatever the model could have shown instead was allowed.
    fn refuse(&self, at: u64, saw: String, situations: &BTreeSet<Situation>) -> Refusal {
        let mut allowed = BTreeSet::new();
        for situation in situations {
            for (thread, op, answer) in situation.pending.iter().cloned() {
                allowed.insert(self.describe(&Shown::Return { thread, op, answer }));
            }
            let over = self.is_over(situation);
            for taken in self.steps(situation, |step| over || step.kind == StepKind::Wake) {
                allowed.extend(taken.shown.first().map(|first| self.describe(first)));
            }
        }
        Refusal {
            at,
            saw,
            allowed: allowed.into_iter().collect(),
            by: Vec::new(),
            window: Vec::new(),
            after: Vec::new(),
        }
    }

    fn describe(&self, shown: &Shown) -> String {
        let thread = &self.names.threads[shown.thread().index()];
        format!(
            "{thread}: {}",
            cells::cell(self.names, self.machine.program(), shown)
        )
    }
}

/// The returns among some events.
fn returns(events: &[Shown]) -> Vec<Return> {
    let returned = |shown: &Shown| match shown {
        Shown::Return { thread, op, answer } => Some((*thread, op.form(), answer.clone())),
        _ => None,
    };
    events.iter().filter_map(returned).collect()
}

/// The returns that a trace shows before the next turn.
fn returns_before_turn(later: &[Event]) -> Vec<Return> {
    let turn = |shown: &Shown| {
        matches!(
            shown,
            Shown::Call { .. } | Shown::Return { op: Op::Stall, .. }
        )
    };
    let block: Vec<_> = later
        .iter()
        .map(|event| event.shown.clone())
        .take_while(|shown| !turn(shown))
        .collect();
    returns(&block)
}

fn same((who, _, given): &Return, (other, _, theirs): &Return) -> bool {
    who == other && given.agrees(theirs)
}

//! One execution of a scenario on the model, from boot to rest.

use std::sync::atomic::{AtomicBool, Ordering};

use portsim_model::machine::AnyMachine;
use portsim_model::program::{Instr, Op, ThreadId};
use portsim_model::property::Violation;
use portsim_model::step::Step;
use portsim_model::threads::Mode;
use portsim_model::{State, event::Observer};

use crate::choose::{Asked, Choose};
use crate::trace::changes::States;
use crate::trace::{Event, Held, Teller, Watcher};

/// What nobody stops looks at this. It is never set.
pub(crate) static GO_ON: AtomicBool = AtomicBool::new(false);

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nothing could move any more, or the schedule was over.
    Rest,
    /// It broke a property.
    Violation(Violation),
    /// A bound of the scenario kept everybody from moving.
    Bound,
    /// The limit of steps was reached.
    Limit,
    /// Somebody stopped it.
    Stopped,
}

/// What else is written down of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Notes {
    /// The claims that decided each event.
    pub why: bool,
    /// Each state.
    pub states: bool,
}

/// One execution.
#[derive(Debug, Clone)]
pub struct Execution {
    /// How it ended.
    pub ended: Ended,
    /// Steps taken.
    pub steps: u64,
    /// What was seen; empty where nobody asked.
    pub events: Vec<Event>,
    /// Threads that were still inside a call.
    pub parked: Vec<ThreadId>,
    /// Threads that could not move, where events were written down.
    pub held: Vec<Held>,
    /// The last state.
    pub last: State,
    /// Every state, where somebody asked.
    pub states: States,
}

/// Runs with every event written down.
pub fn run(machine: &dyn AnyMachine, chooser: &mut dyn Choose, steps_max: u64) -> Execution {
    let watcher = Watcher::new(machine.program(), machine.os_error());
    run_watched(machine, chooser, (steps_max, &GO_ON), watcher, false)
}

/// The same until `stop` is set, with these notes.
pub fn run_until(
    machine: &dyn AnyMachine,
    chooser: &mut dyn Choose,
    steps_max: u64,
    stop: &AtomicBool,
    notes: Notes,
) -> Execution {
    let watcher = watcher(machine, notes);
    run_watched(machine, chooser, (steps_max, stop), watcher, notes.states)
}

fn watcher(machine: &dyn AnyMachine, notes: Notes) -> Watcher<'_> {
    let (program, os_error) = (machine.program(), machine.os_error());
    match notes.why {
        true => Watcher::asking_why(program, os_error),
        false => Watcher::new(program, os_error),
    }
}

fn run_watched(
    machine: &dyn AnyMachine,
    chooser: &mut dyn Choose,
    limits: (u64, &AtomicBool),
    mut watcher: Watcher<'_>,
    keeps_states: bool,
) -> Execution {
    let (mut teller, mut events) = (Teller::new(machine), Vec::new());
    let mut states = States::new();
    if keeps_states {
        states.push((0, machine.boot()));
    }
    let note = |watcher: &mut Watcher<'_>, before: &State, step, after: &State| {
        let first = events.len();
        watcher.finish(step, &mut events);
        teller.tell(before, step, after, &mut events[first..]);
        if keeps_states {
            states.push((events.len() as u64, after.clone()));
        }
    };
    let mut execution = execute::<_, true>(machine, chooser, limits, &mut watcher, note, |_| {});
    teller.end(&mut events);
    execution.events = events;
    execution.states = states;
    execution.held = held(machine, &execution.last);
    execution
}

/// Runs until `stop` is set, shows every state on the way to `seen`, and every call to `observer`.
pub fn run_seen(
    machine: &dyn AnyMachine,
    chooser: &mut dyn Choose,
    steps_max: u64,
    stop: &AtomicBool,
    observer: &mut impl Observer,
    seen: impl FnMut(&State),
) -> Execution {
    let limits = (steps_max, stop);
    execute::<_, false>(machine, chooser, limits, observer, |_, _, _, _| {}, seen)
}

/// Runs until `stop` is set and remembers nothing but the end.
pub fn run_unseen(
    machine: &dyn AnyMachine,
    chooser: &mut dyn Choose,
    steps_max: u64,
    stop: &AtomicBool,
) -> Execution {
    let limits = (steps_max, stop);
    execute::<_, false>(machine, chooser, limits, &mut (), |(), _, _, _| {}, |_| {})
}

/// Runs; where it `KEEPS` it, `taken` is shown the state before each step besides, and else the first one.
fn execute<O: Observer, const KEEPS: bool>(
    machine: &dyn AnyMachine,
    chooser: &mut dyn Choose,
    (steps_max, stop): (u64, &AtomicBool),
    observer: &mut O,
    mut taken: impl FnMut(&mut O, &State, Step, &State),
    mut seen: impl FnMut(&State),
) -> Execution {
    let mut state = machine.boot();
    let mut before = state.clone();
    let mut movers = Vec::new();
    let mut count = 0;
    let mut owed = machine.owed_at_boot(&state);
    let ended = loop {
        seen(&state);
        if let Some(violation) = machine.judge(&state) {
            break Ended::Violation(violation);
        }
        movers.clear();
        let bounded = machine.movers(&state, &mut movers);
        if movers.is_empty() {
            break match machine.judge_end(&state).or(owed.first()) {
                _ if bounded.0 => Ended::Bound,
                Some(violation) => Ended::Violation(violation),
                None => Ended::Rest,
            };
        }
        if count == steps_max {
            break Ended::Limit;
        }
        if stop.load(Ordering::Relaxed) {
            break Ended::Stopped;
        }
        let mover = movers[chooser.choose(&movers)];
        if KEEPS {
            before.clone_from(&state);
        }
        let (step, fault) = machine.take_with(&mut state, mover, &mut Asked(chooser), observer);
        taken(observer, &before, step, &state);
        count += 1;
        machine.owe(&mut owed, &state);
        if let Some(fault) = fault {
            break Ended::Violation(Violation::Builtin(fault));
        }
    };
    Execution {
        ended,
        steps: count,
        events: Vec::new(),
        held: Vec::new(),
        parked: machine.view(&state).inside_calls().collect(),
        last: state,
        states: States::new(),
    }
}

/// The threads that cannot move in a state, each with what it is in, and what holds it there.
pub fn held(machine: &dyn AnyMachine, state: &State) -> Vec<Held> {
    let (program, view) = (machine.program(), machine.view(state));
    let mut movers = Vec::new();
    let _ = machine.movers(state, &mut movers);
    let can_move = |thread| movers.iter().any(|mover| mover.thread == thread);
    let stays = |&thread: &ThreadId| !view.mode(thread).is_over() && !can_move(thread);
    let held = |thread: ThreadId| {
        let claim = machine.holds_back(state, thread);
        let mode = view.mode(thread);
        // Whom a schedule gives no more turns, nothing else holds.
        let had_no_turn = matches!(mode, Mode::Ready | Mode::Stalled);
        if had_no_turn && program.schedule.is_some() && claim.is_none() {
            return None;
        }
        let pc = usize::from(view.thread(thread).pc());
        let op = match program.code(thread).instrs.get(pc) {
            Some(&Instr::Op(op)) => Some(op),
            Some(Instr::End) => Some(Op::Exit),
            _ => None,
        };
        Some(Held {
            thread,
            op,
            is_inside: mode.is_inside_call(),
            claim,
        })
    };
    program
        .thread_ids()
        .filter(stays)
        .filter_map(held)
        .collect()
}

/// Takes these steps, one after the other, and writes down what is seen, with these notes.
pub fn follow(machine: &dyn AnyMachine, steps: &[Step], notes: Notes) -> Followed {
    let (mut watcher, mut teller) = (watcher(machine, notes), Teller::new(machine));
    let (mut events, mut state) = (Vec::new(), machine.boot());
    let mut states = States::new();
    if notes.states {
        states.push((0, state.clone()));
    }
    for &step in steps {
        let (before, first) = (state.clone(), events.len());
        machine.take(&mut state, step, &mut watcher);
        watcher.finish(step, &mut events);
        teller.tell(&before, step, &state, &mut events[first..]);
        if notes.states {
            states.push((events.len() as u64, state.clone()));
        }
    }
    teller.end(&mut events);
    Followed {
        events,
        last: state,
        states,
    }
}

/// What came of steps.
pub struct Followed {
    /// What is seen.
    pub events: Vec<Event>,
    /// The last state.
    pub last: State,
    /// Every state, where somebody asked.
    pub states: States,
}

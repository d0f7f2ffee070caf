//! Does a trace of the model still come out, step by step?

use portsim_model::State;
use portsim_model::fair::{Actors, idle};
use portsim_model::machine::AnyMachine;
use portsim_model::property::{Owed, Violation};
use portsim_model::step::{Step, StepKind};

use crate::trace::changes::States;
use crate::trace::{Event, Shown, Teller, Trace, Watcher};

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Where it did not come out; none if all did.
    pub parted: Option<Parted>,
    /// What the last state violates.
    pub violation: Option<Violation>,
    /// The steps that show it, as far as it came out.
    pub steps: Vec<Step>,
    /// The events of the model, which say more than a trace is asked for, and every state; as far as it came out.
    pub events: Vec<Event>,
    /// Every state, each with the number of the last event before it.
    pub states: States,
}

/// Where a replay did not come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parted {
    /// The event, counted from 0; as many as there are for the end.
    pub at: usize,
    /// What the model does there instead, where the same thread can move.
    pub instead: Option<Event>,
}

/// Takes the steps that the trace shows. Where it says that it goes round a loop for ever, the loop must end where it
/// begins.
pub fn replay(machine: &dyn AnyMachine, trace: &Trace) -> Replay {
    let mut state = machine.boot();
    let mut watcher = Watcher::new(machine.program(), machine.os_error());
    let (mut teller, mut events) = (Teller::new(machine), Vec::new());
    let mut states = vec![(0, state.clone())];
    let (mut at, mut fault) = (0, None);
    let mut path = Vec::new();
    let mut owed = machine.owed_at_boot(&state);
    let mut round = None;
    while let Some(event) = trace.events.get(at) {
        if trace.header.loop_at == Some(at as u64 + 1) {
            round = Some(Round::from(&state, &owed));
        }
        let mut steps = Vec::new();
        let bounded = machine.enabled(&state, |step| steps.push(step)).0;
        let idle = idle(&steps, bounded);
        steps.retain(|step| could_be(*step, event));
        steps.sort_by_key(|step| step.thread != event.shown.thread());
        let (mut taken, mut parted) = (None, Parted { at, instead: None });
        for step in steps {
            let (mut next, mut shown) = (state.clone(), Vec::new());
            let broken = machine.take(&mut next, step, &mut watcher);
            watcher.finish(step, &mut shown);
            let pairs = shown.iter().zip(&trace.events[at..]);
            let same = pairs
                .take_while(|(ours, theirs)| are_same(ours, theirs))
                .count();
            if same == shown.len() {
                taken = Some((next, shown, broken, step));
                break;
            }
            // The step that comes furthest says best where they part.
            if parted.instead.is_none() || at + same > parted.at {
                parted = Parted {
                    at: at + same,
                    instead: Some(shown.swap_remove(same)),
                };
            }
        }
        let Some((next, mut shown, broken, step)) = taken else {
            return Replay {
                parted: Some(parted),
                violation: None,
                steps: path,
                events,
                states,
            };
        };
        path.push(step);
        teller.tell(&state, step, &next, &mut shown);
        events.append(&mut shown);
        states.push((events.len() as u64, next.clone()));
        (state, at, fault) = (next, events.len(), broken);
        machine.owe(&mut owed, &state);
        if let Some(round) = &mut round {
            round.owed = std::mem::take(&mut round.owed).and(&owed);
            round.due |= idle | Actors::of(step);
        }
    }
    let closed = match (&trace.header.loop_at, &round) {
        (None, _) => true,
        (Some(_), round) => round.as_ref().is_some_and(|round| round.start == state),
    };
    let ended = trace.end.as_ref().is_none_or(|end| {
        end.parked
            .iter()
            .copied()
            .eq(machine.view(&state).inside_calls())
    });
    let mut can_move = false;
    let _ = machine.enabled(&state, |_| can_move = true);
    let at_end = || {
        if can_move {
            None
        } else {
            machine.judge_end(&state).or(owed.first())
        }
    };
    // What a fair run owes for ever, it violates.
    let for_ever = || {
        let round = round.filter(|round| closed && round.due == Actors::ALL)?;
        round.owed.first()
    };
    teller.end(&mut events);
    Replay {
        steps: path,
        events,
        states,
        parted: (!ended || !closed).then_some(Parted { at, instead: None }),
        violation: fault
            .map(Violation::Builtin)
            .or_else(|| machine.judge(&state))
            .or_else(at_end)
            .or_else(for_ever),
    }
}

/// A loop that a trace goes round for ever.
struct Round {
    /// Where it begins, and must end.
    start: State,
    /// What is owed in each of its states.
    owed: Owed,
    /// Who has had its due in it.
    due: Actors,
}

impl Round {
    fn from(start: &State, owed: &Owed) -> Round {
        Round {
            start: start.clone(),
            owed: owed.clone(),
            due: Actors::default(),
        }
    }
}

/// Whether the model's event is the one that a trace shows. A trace does not say where a result goes.
fn are_same(ours: &Event, theirs: &Event) -> bool {
    ours.choice == theirs.choice && ours.shown.agrees(&theirs.shown)
}

/// Whether a step could have shown this event first.
fn could_be(step: Step, event: &Event) -> bool {
    let kind = match &event.shown {
        Shown::Call { .. } => step.kind == StepKind::Turn,
        Shown::Silent { kind, .. } => step.kind == *kind,
        Shown::Return { .. } => true,
    };
    // A deadline is named by its thread, and so is everything else, but for the stop of a thread that lets another go on.
    let lets_go_on = step.kind == StepKind::Wake && matches!(event.shown, Shown::Return { .. });
    let names = step.thread == event.shown.thread() || lets_go_on;
    kind && names && step.choice == event.choice
}

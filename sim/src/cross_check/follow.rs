//! A path of the model, conducted on a real backend turn by turn: does what the model can do happen there?
//!
//! A conductor lets everybody come to rest before the next turn. So a path in which somebody acts between the moment in
//! which a thread is woken and that in which it comes back cannot be conducted; [`to_violation`] looks for one that can.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use portsim_model::State;
use portsim_model::machine::AnyMachine;
use portsim_model::program::{Op, Program, ThreadId};
use portsim_model::property::Violation;
use portsim_model::step::{Step, StepKind};

use super::{judge, unscheduled};
use crate::admit::Judgement;
use crate::names::Names;
use crate::native::{Backend, Ended, NoRecording, Options, follow as conduct};
use crate::run::{Notes, follow as take};
use crate::scenario::Scenario;
use crate::trace::{End, Event, Shown, cells};

/// A path that was conducted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// What the backend showed.
    pub events: Vec<Event>,
    /// Who was inside a call at the end.
    pub parked: Vec<ThreadId>,
    /// Why it ended.
    pub ended: Ended,
    /// Where the backend went another way, if it did.
    pub parted: Option<Parted>,
    /// Whether the model could have shown what the backend did; an `Err` says what the judge lacks.
    pub judged: Result<Judgement, String>,
}

/// Where a backend went another way than a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parted {
    /// The turn, counted from 1.
    pub turn: usize,
    /// What the path shows there: a call and whoever comes back before the next.
    pub path: String,
    /// What the backend showed instead.
    pub shown: String,
}

impl Followed {
    /// Whether everything came out as the path has it.
    pub fn happened(&self) -> bool {
        self.parted.is_none()
    }

    /// Whether the model could have gone the way of the backend, as far as anybody knows.
    pub fn is_admitted(&self) -> bool {
        let judged = self.judged.as_ref();
        judged.is_ok_and(|judgement| judgement.refused.is_none())
    }
}

/// Conducts a path that `machine` can take, and lets the personality of this name judge what came of it.
pub fn follow(
    scenario: &Scenario,
    machine: &dyn AnyMachine,
    path: &[Step],
    backend: &dyn Backend,
    (personality, processors): (&str, u32),
) -> Result<Followed, NoRecording> {
    let program = unscheduled(&scenario.program);
    let recording = conduct(backend, &program, path, &Options::default())?;
    let events: Vec<_> = recording.events.into_iter().map(Event::of).collect();
    let modelled = take(machine, path, Notes::default());
    let parked: Vec<_> = machine.view(&modelled.last).inside_calls().collect();
    let names = &scenario.names;
    let parted = parting(
        names,
        &program,
        (&modelled.events, &parked),
        (&events, &recording.parked),
    );
    let end = End::of(recording.parked.clone());
    Ok(Followed {
        judged: judge(
            &scenario.program,
            names,
            personality,
            backend.processors().unwrap_or(processors),
            &events,
            Some(&end),
            true,
        ),
        events,
        parked: recording.parked,
        ended: recording.ended,
        parted,
    })
}

/// The first turn in which two runs show something else. Who came back in one turn in which order nobody can observe; and
/// the end of a thread that nobody counts is seen in some systems only.
fn parting(
    names: &Names,
    program: &Program,
    (path, waits): (&[Event], &[ThreadId]),
    (shown, parked): (&[Event], &[ThreadId]),
) -> Option<Parted> {
    let (path, shown) = (turns(path), turns(shown));
    let words = |turn: Option<&Vec<&Shown>>| match turn {
        None => "nothing more".to_owned(),
        Some(turn) => turn
            .iter()
            .map(|shown| {
                let thread = names.thread_name(shown.thread());
                format!("{thread}: {}", cells::cell(names, program, shown))
            })
            .collect::<Vec<_>>()
            .join("; "),
    };
    let longest = path.len().max(shown.len());
    let differs = |&n: &usize| match (path.get(n), shown.get(n)) {
        (Some(ours), Some(theirs)) => !are_alike(ours, theirs),
        _ => true,
    };
    if let Some(n) = (0..longest).find(differs) {
        return Some(Parted {
            turn: n + 1,
            path: words(path.get(n)),
            shown: words(shown.get(n)),
        });
    }
    let inside = |threads: &[ThreadId]| {
        let threads: Vec<_> = threads.iter().map(|&it| names.thread_name(it)).collect();
        match threads.is_empty() {
            true => "the end, with nobody inside a call".to_owned(),
            false => format!("the end, with {} inside a call", threads.join(", ")),
        }
    };
    (waits != parked).then(|| Parted {
        turn: longest + 1,
        path: inside(waits),
        shown: inside(parked),
    })
}

/// What is seen in each turn: a call, and whoever comes back before the next.
fn turns(events: &[Event]) -> Vec<Vec<&Shown>> {
    let mut turns: Vec<Vec<&Shown>> = Vec::new();
    for Event { shown, .. } in events {
        match shown {
            Shown::Silent { .. } => {}
            Shown::Call { op, .. } if *op == Op::Exit => {}
            Shown::Call { .. } => turns.push(vec![shown]),
            Shown::Return { .. } => match turns.last_mut() {
                Some(turn) => turn.push(shown),
                None => turns.push(vec![shown]),
            },
        }
    }
    turns
}

fn are_alike(ours: &[&Shown], theirs: &[&Shown]) -> bool {
    ours.len() == theirs.len()
        && ours
            .iter()
            .all(|own| theirs.iter().any(|other| own.agrees(other)))
}

/// The shortest path to a violation on which everybody has come to rest before each turn; none if there is none among the
/// first so many states.
pub fn to_violation(
    machine: &dyn AnyMachine,
    wanted: Violation,
    states_max: usize,
) -> Option<Vec<Step>> {
    let boot = machine.boot();
    let mut from: HashMap<State, Option<(State, Step)>> = HashMap::from([(boot.clone(), None)]);
    let mut open = VecDeque::from([boot]);
    let mut movers = Vec::new();
    while let Some(state) = open.pop_front() {
        if machine.judge(&state) == Some(wanted) {
            return Some(path_to(&from, state, None));
        }
        movers.clear();
        let bounded = machine.movers(&state, &mut movers);
        if movers.is_empty() && !bounded.0 && machine.judge_end(&state) == Some(wanted) {
            return Some(path_to(&from, state, None));
        }
        // Whom the kernel has woken, and whose time is over with another's, comes back before the next turn.
        let comes_back = |mover: &Step| match mover.kind {
            StepKind::Wake => true,
            StepKind::Turn => false,
            StepKind::Time => machine.view(&state).deadline(mover.thread) == Some(0),
        };
        if movers.iter().any(comes_back) {
            movers.retain(comes_back);
        }
        let mut broken = None;
        for &mover in &movers {
            machine.take_all(&state, mover, &mut (), |(), step, next, fault| match fault
                .map(Violation::Builtin)
            {
                Some(violation) if violation == wanted => {
                    broken.get_or_insert(step);
                }
                Some(_) => {}
                None if !from.contains_key(&next) => {
                    from.insert(next.clone(), Some((state.clone(), step)));
                    open.push_back(next);
                }
                None => {}
            });
        }
        if broken.is_some() {
            return Some(path_to(&from, state, broken));
        }
        if from.len() > states_max {
            return None;
        }
    }
    None
}

fn path_to(
    from: &HashMap<State, Option<(State, Step)>>,
    mut state: State,
    last: Option<Step>,
) -> Vec<Step> {
    let mut path: Vec<_> = last.into_iter().collect();
    while let Some(Some((before, step))) = from.get(&state) {
        path.push(*step);
        state = before.clone();
    }
    path.reverse();
    path
}

/// As many times goes a path round its loop that does so for ever.
const ROUNDS: usize = 3;

/// As many states are looked at for a path that can be conducted.
const STATES_MAX: usize = 100_000;

/// A conviction, tried on a backend.
#[derive(Debug, Clone)]
pub struct Confirmed {
    /// The backend.
    pub on: String,
    /// Whose rules judge it.
    pub personality: &'static str,
    /// The path that was conducted.
    pub path: Vec<Step>,
    /// Whether everybody comes to rest before each of its turns, so that a kernel can be held to it.
    pub is_at_rest: bool,
    /// What came of it.
    pub followed: Result<Followed, Unplayed>,
}

/// Why a path was not conducted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unplayed {
    /// The backend cannot play it.
    Unsupported(String),
    /// The backend cannot run here, or failed.
    Unavailable(String),
}

/// Conducts a counterexample on a backend: one on which everybody comes to rest before each turn, where there is one;
/// else the one that was found. `found` is what was violated, and the path to it, which goes round for ever from a place.
pub fn confirm(
    scenario: &Scenario,
    machine: &Arc<dyn AnyMachine>,
    found: (Option<Violation>, &[Step], Option<usize>),
    backend: &dyn Backend,
    (personality, processors): (&'static str, u32),
) -> Confirmed {
    let (violation, path, loop_from) = found;
    let at_rest = violation.and_then(|wanted| to_violation(&**machine, wanted, STATES_MAX));
    let is_at_rest = at_rest.is_some();
    let path = at_rest.unwrap_or_else(|| {
        let mut path = path.to_vec();
        if let Some(from) = loop_from {
            let round = path[from..].to_vec();
            (1..ROUNDS).for_each(|_| path.extend(&round));
        }
        path
    });
    let followed = follow(
        scenario,
        &**machine,
        &path,
        backend,
        (personality, processors),
    );
    Confirmed {
        on: backend.name().to_owned(),
        personality,
        path,
        is_at_rest,
        followed: followed.map_err(|failed| match failed {
            NoRecording::Unsupported(why) => Unplayed::Unsupported(why),
            NoRecording::Unavailable(why) => Unplayed::Unavailable(why),
            failed => Unplayed::Unavailable(failed.words(&scenario.names)),
        }),
    }
}

impl Confirmed {
    /// Whether it happened.
    pub fn happened(&self) -> bool {
        let followed = self.followed.as_ref();
        followed.is_ok_and(Followed::happened)
    }
}

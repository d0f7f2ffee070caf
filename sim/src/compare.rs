//! Every way in which a scenario can come out on each system, so that systems can be compared.
//!
//! A way is what the threads were told: the answers of each in their order, and who is still inside a call. Properties
//! and expectations play no part, nor do the systems that a scenario is meant for: the question is what a system does,
//! not whether it should.

use std::collections::BTreeSet;
use std::sync::Arc;

use portsim_model::State;
use portsim_model::event::Error;
use portsim_model::machine::AnyMachine;
use portsim_model::op::Exit;
use portsim_model::program::{Instr, Op, Program, ThreadId, Verb};
use portsim_model::step::{Step, StepKind};
use portsim_model::threads::Mode;

use crate::names::Names;
use crate::personality::{play, play_at_full_speed};
use crate::scenario::Scenario;
use crate::trace::{Answer, Event, Shown, Watcher, cells};

/// The most situations that are looked at.
const SITUATIONS_MAX: usize = 50_000;

/// The most answers that the threads of a run are told: who goes round without an end is told more and more.
const ANSWERS_MAX: usize = 500;

/// Every way in which a scenario can come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ways {
    /// Each in words, such as `a ..., b = key 1`: `a` waits and `b` took a packet.
    pub ways: BTreeSet<String>,
    /// Whether these are all: a scenario may have too many situations to look at.
    pub complete: bool,
}

/// Systems that do the same with a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Their names.
    pub systems: Vec<&'static str>,
    /// What they do; an `Err` says what they lack.
    pub ways: Result<Ways, String>,
}

/// The systems in groups that do the same with a scenario, in the order in which they are given.
///
/// # Panics
///
/// If there is no such system.
pub fn compare(scenario: &Scenario, systems: &[&'static str], processors: u32) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for &system in systems {
        let ways = ways(scenario, system, processors);
        match groups.iter_mut().find(|group| group.ways == ways) {
            Some(group) => group.systems.push(system),
            None => groups.push(Group {
                systems: vec![system],
                ways,
            }),
        }
    }
    groups
}

/// Every way in which a scenario can come out on the system of this name; an `Err` says what the system lacks.
///
/// # Panics
///
/// If there is no such system.
pub fn ways(scenario: &Scenario, personality: &str, processors: u32) -> Result<Ways, String> {
    ways_within(SITUATIONS_MAX, scenario, personality, processors)
}

/// The same for as long as there are no more than so many situations.
///
/// # Panics
///
/// If there is no such system.
pub fn ways_within(
    situations_max: usize,
    scenario: &Scenario,
    personality: &str,
    processors: u32,
) -> Result<Ways, String> {
    let machine = play(personality, &scenario.program, processors)?;
    let look = Look {
        names: &scenario.names,
        situations_max,
        at_rest: false,
        in_full: true,
    };
    Ok(look.at(&*machine))
}

/// The same where everybody comes to rest before each turn, as in a recording in lock-step.
///
/// # Panics
///
/// If there is no such system.
pub fn ways_at_rest(
    situations_max: usize,
    scenario: &Scenario,
    personality: &str,
    processors: u32,
) -> Result<Ways, String> {
    let machine = play(personality, &scenario.program, processors)?;
    let look = Look {
        names: &scenario.names,
        situations_max,
        at_rest: true,
        in_full: false,
    };
    Ok(look.at(&*machine))
}

/// The same for threads at full speed, which no schedule holds.
///
/// # Panics
///
/// If there is no such system.
pub fn ways_at_full_speed(
    scenario: &Scenario,
    personality: &str,
    processors: u32,
) -> Result<Ways, String> {
    let program = Program {
        schedule: None,
        ..Program::clone(&scenario.program)
    };
    let machine = play_at_full_speed(personality, &Arc::new(program), processors)?;
    let look = Look {
        names: &scenario.names,
        situations_max: SITUATIONS_MAX,
        at_rest: false,
        in_full: false,
    };
    Ok(look.at(&*machine))
}

/// The same of a run that a backend made: what it showed, in the order of each thread, and who was inside a call at its
/// end.
pub fn way_of(names: &Names, shown: impl Iterator<Item = Shown>, inside: &[ThreadId]) -> String {
    let mut told = vec![Vec::new(); names.threads.len()];
    for shown in shown {
        if let Some(answer) = answer(&shown) {
            told[shown.thread().index()].push(answer);
        }
    }
    way(names, &told, inside)
}

/// Where a run stands, and what each thread was told so far.
type Situation = (State, Vec<Vec<String>>);

struct Look<'n> {
    names: &'n Names,
    situations_max: usize,
    /// Whether who was woken comes back before the next turn.
    at_rest: bool,
    /// Whether two ways that threads or a judge can tell apart have different words. A recording says less: which calls of
    /// a thread that did not come to its end were over, and what a run broke, stands in none.
    in_full: bool,
}

impl Look<'_> {
    fn at(&self, machine: &dyn AnyMachine) -> Ways {
        let mut out = Ways {
            ways: BTreeSet::new(),
            complete: true,
        };
        let told = vec![Vec::new(); machine.program().threads.len()];
        let mut open: Vec<Situation> = vec![(machine.boot(), told)];
        let mut seen: BTreeSet<Situation> = open.iter().cloned().collect();
        let mut watcher = Watcher::new(machine.program(), machine.os_error());
        let (mut steps, mut events) = (Vec::new(), Vec::new());
        while let Some((state, told)) = open.pop() {
            steps.clear();
            let _ = machine.enabled(&state, |step| steps.push(step));
            // Whom the kernel has woken, and whose time is over with another's.
            let comes_back = |step: &Step| match step.kind {
                StepKind::Wake => true,
                StepKind::Turn => false,
                StepKind::Time => machine.view(&state).deadline(step.thread) == Some(0),
            };
            if self.at_rest && steps.iter().any(comes_back) {
                steps.retain(comes_back);
            }
            if steps.is_empty() {
                out.ways.insert(self.words(machine, &state, &told));
            }
            for &step in &steps {
                let (mut next, mut told) = (state.clone(), told.clone());
                let fault = machine.take(&mut next, step, &mut watcher);
                events.clear();
                watcher.finish(step, &mut events);
                for Event { shown, .. } in &events {
                    if let Some(answer) = self.answer(shown) {
                        told[shown.thread().index()].push(answer);
                    }
                }
                if let Some(fault) = fault {
                    let words = self.words(machine, &next, &told);
                    out.ways.insert(match self.in_full {
                        true => format!("{words}, and breaks {}", fault.name()),
                        false => words,
                    });
                } else if told.iter().map(Vec::len).sum::<usize>() > ANSWERS_MAX {
                    out.complete = false;
                } else if seen.insert((next.clone(), told.clone())) {
                    open.push((next, told));
                }
            }
            if seen.len() > self.situations_max {
                out.complete = false;
                break;
            }
        }
        out
    }

    fn answer(&self, shown: &Shown) -> Option<String> {
        let is_done = match shown {
            // Whether the end of a thread is a step of its own can nobody see.
            Shown::Call { op, .. } | Shown::Return { op, .. } if *op == Op::Exit => false,
            // Nor what a thread asks itself.
            Shown::Call { op, .. } if op.verb() == Verb::Test => false,
            Shown::Call { answer, .. } => *answer == Some(Answer::Done),
            Shown::Return { answer, .. } => *answer == Answer::Done,
            Shown::Silent { .. } => false,
        };
        answer(shown).or_else(|| (self.in_full && is_done).then(|| DONE.to_owned()))
    }

    fn words(&self, machine: &dyn AnyMachine, state: &State, told: &[Vec<String>]) -> String {
        let view = machine.view(state);
        let inside: Vec<_> = view.inside_calls().collect();
        if !self.in_full {
            return way(self.names, told, &inside);
        }
        let program = machine.program();
        // Who was ended by others may have made fewer calls than it has.
        let ends_others =
            |mut op: Op| op.verb() == Verb::Terminate || op.describe().exits == Some(Exit::Process);
        let may_be_ended = program.ops().any(ends_others);
        let mut told = told.to_vec();
        for (id, own) in program.thread_ids().zip(&mut told) {
            let thread = view.thread(id);
            let is_at_its_end = match thread.mode() {
                Mode::Done => !may_be_ended,
                Mode::Ready => program.code(id).instrs[usize::from(thread.pc())] == Instr::End,
                _ => false,
            };
            if is_at_its_end {
                own.retain(|word| word != DONE);
            } else if thread.suspensions() > 0 {
                own.push("suspended".to_owned());
            }
        }
        way(self.names, &told, &inside)
    }
}

/// That a call did what it was asked, of a thread that did not come to its end: of any other that goes without saying.
const DONE: &str = "done";

/// What each thread was told, and who is inside a call, in words.
fn way(names: &Names, told: &[Vec<String>], inside: &[ThreadId]) -> String {
    let mut words = Vec::new();
    for (place, (name, own)) in names.threads.iter().zip(told).enumerate() {
        let mut own = own.clone();
        if inside.contains(&ThreadId(place as u8)) {
            own.push("...".to_owned());
        }
        if !own.is_empty() {
            words.push(format!("{name} {}", own.join(" ")));
        }
    }
    match words.is_empty() {
        true => "nobody is told anything".to_owned(),
        false => words.join(", "),
    }
}

/// What a thread is told, where it is more than that its call is done.
fn answer(shown: &Shown) -> Option<String> {
    match shown {
        Shown::Call {
            answer: Some(answer),
            ..
        }
        | Shown::Return { answer, .. }
            if *answer != Answer::Done =>
        {
            Some(match (answer.error(), answer) {
                (Some(error), Answer::Partial(_, packets)) => {
                    let packets = cells::answer(&Answer::Packets(packets.clone()));
                    format!("! {} {packets}", meaning(error))
                }
                (Some(error), _) => format!("! {}", meaning(error)),
                (None, _) => cells::answer(answer),
            })
        }
        _ => None,
    }
}

/// What an error means, whatever a system calls it.
fn meaning(error: Error) -> &'static str {
    match error {
        Error::Timeout => "timeout",
        Error::Abandoned => "abandoned",
        Error::BadHandle => "bad handle",
        Error::Invalid => "invalid",
        Error::Exists => "exists",
        Error::NotFound => "not found",
        Error::NotOwner => "not owner",
        Error::Limit => "limit",
        Error::Pending => "pending",
        Error::Apc => "APC",
        Error::NoMemory => "no memory",
        Error::Cancelled => "cancelled",
        Error::Busy => "busy",
        Error::Denied => "denied",
        Error::Absent => "absent",
        Error::Incomplete => "incomplete",
        Error::General => "general",
        Error::Loop => "loop",
    }
}

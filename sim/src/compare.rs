//! Every way in which a scenario can come out on each system, so that systems can be compared.
//!
//! A way is what the threads were told: the answers of each in their order, and who is still inside a call. Properties
//! and expectations play no part, nor do the systems that a scenario is meant for: the question is what a system does,
//! not whether it should.

use std::collections::BTreeSet;

use portsim_model::State;
use portsim_model::event::Error;
use portsim_model::machine::AnyMachine;

use crate::names::Names;
use crate::personality::play;
use crate::scenario::Scenario;
use crate::trace::{Answer, Event, Shown, Watcher, cells};

/// The most situations that are looked at.
const SITUATIONS_MAX: usize = 50_000;

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
    let machine = play(personality, &scenario.program, processors)?;
    Ok(Look(&scenario.names).at(&*machine))
}

/// Where a run stands, and what each thread was told so far.
type Situation = (State, Vec<Vec<String>>);

struct Look<'n>(&'n Names);

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
            if steps.is_empty() {
                out.ways.insert(self.words(machine, &state, &told));
            }
            for &step in &steps {
                let (mut next, mut told) = (state.clone(), told.clone());
                let fault = machine.take(&mut next, step, &mut watcher);
                events.clear();
                watcher.finish(step, &mut events);
                for Event { shown, .. } in &events {
                    if let Some(answer) = answer(shown) {
                        told[shown.thread().index()].push(answer);
                    }
                }
                if fault.is_some() {
                    out.ways.insert(self.words(machine, &next, &told));
                } else if seen.insert((next.clone(), told.clone())) {
                    open.push((next, told));
                }
            }
            if seen.len() > SITUATIONS_MAX {
                out.complete = false;
                break;
            }
        }
        out
    }

    fn words(&self, machine: &dyn AnyMachine, state: &State, told: &[Vec<String>]) -> String {
        let inside: Vec<_> = machine.view(state).inside_calls().collect();
        let mut words = Vec::new();
        for thread in machine.program().thread_ids() {
            let mut own = told[thread.index()].clone();
            if inside.contains(&thread) {
                own.push("...".to_owned());
            }
            if !own.is_empty() {
                words.push(format!(
                    "{} {}",
                    self.0.threads[thread.index()],
                    own.join(" ")
                ));
            }
        }
        match words.is_empty() {
            true => "nobody is told anything".to_owned(),
            false => words.join(", "),
        }
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
            Some(match answer.error() {
                Some(error) => format!("! {}", meaning(error)),
                None => cells::answer(answer),
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

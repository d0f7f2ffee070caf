//! Every interleaving of a scenario.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use portsim_model::machine::AnyMachine;
use portsim_model::property::Violation;
use portsim_model::step::Step;

use super::Error;
use crate::check::{
    Exploration, Files, Found, Hosts, Keeping, Limits, Progress, Reductions, Searched, Workers,
    check as explore,
};
use crate::cross_check::{
    follow::{Confirmed, confirm},
    judge_of,
};
use crate::explore::Tour;
use crate::names::Names;
use crate::native::Backend;
use crate::personality::{default_for, named, not_for, play};
use crate::report::check::{Check, Counterexample, Explored, Method};
use crate::report::culprit::culprit;
use crate::run::{Followed, GO_ON, Notes, follow, held};
use crate::scenario::Scenario;
use crate::trace::End;
use crate::trace::changes::changes;

/// A search of every interleaving of one scenario.
///
/// The personality is the scenario's own, the machine has 2 processors, and the search uses every reduction and one
/// thread, unless something else is asked for.
pub struct Checker<'a> {
    scenario: Arc<Scenario>,
    personality: Option<String>,
    processors: u32,
    reductions: Reductions,
    limits: Limits,
    workers: usize,
    hosts: Option<Hosts>,
    /// Where the search is kept, how often, and whether it is resumed.
    keeping: Option<(PathBuf, Duration, bool)>,
    coverage: bool,
    notes: Notes,
    tour: Option<usize>,
    confirm_on: Vec<&'a dyn Backend>,
    stop: &'a AtomicBool,
    watch: Box<dyn FnMut(Progress) + 'a>,
}

impl<'a> Checker<'a> {
    /// A search of this scenario.
    pub fn new(scenario: &Scenario) -> Checker<'a> {
        Checker {
            scenario: Arc::new(scenario.clone()),
            personality: None,
            processors: 2,
            reductions: Reductions::ALL,
            limits: Limits {
                memory_bytes: 8 << 30,
                depth: None,
                exact: false,
                preemptions: None,
            },
            workers: 1,
            hosts: None,
            keeping: None,
            coverage: false,
            notes: Notes::default(),
            tour: None,
            confirm_on: Vec::new(),
            stop: &GO_ON,
            watch: Box::new(|_| {}),
        }
    }

    /// Plays this personality; behind a colon may stand readings of open claims, as in `windows:poll-counts=counts`.
    pub fn personality(mut self, name: &str) -> Self {
        self.personality = Some(name.to_owned());
        self
    }

    /// The processors of the machine that is played: what a concurrency value of 0 stands for.
    pub fn processors(mut self, processors: u32) -> Self {
        self.processors = processors;
        self
    }

    /// Leaves out what these reductions leave out, and nothing else.
    pub fn reductions(mut self, reductions: Reductions) -> Self {
        self.reductions = reductions;
        self
    }

    /// Searches within these limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Searches with so many threads; what comes out does not depend on how many.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Searches together with other processes, which must ask the same.
    pub fn hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = Some(hosts);
        self
    }

    /// Keeps the search in a folder, which is made if there is none, so that it can be resumed: every so often, when it is
    /// stopped, and when there is no more memory.
    pub fn keep_in(mut self, folder: &Path, every: Duration) -> Self {
        self.keeping = Some((folder.to_owned(), every, false));
        self
    }

    /// The same, and begins where the last checkpoint was written.
    pub fn resume_from(mut self, folder: &Path, every: Duration) -> Self {
        self.keeping = Some((folder.to_owned(), every, true));
        self
    }

    /// Counts which claims decide something.
    pub fn coverage(mut self, coverage: bool) -> Self {
        self.coverage = coverage;
        self
    }

    /// Notes at each event of a counterexample the claims that decided it.
    pub fn why(mut self, why: bool) -> Self {
        self.notes.why = why;
        self
    }

    /// Notes what each step of a counterexample changes.
    pub fn states(mut self, states: bool) -> Self {
        self.notes.states = states;
        self
    }

    /// Keeps the states around a counterexample for a page that shows them, until there are so many; where there are no
    /// more, all of them.
    pub fn tour(mut self, states_max: usize) -> Self {
        self.tour = Some(states_max);
        self
    }

    /// Conducts the counterexample on this backend too, and on others that are named so.
    pub fn confirm_on(mut self, backend: &'a dyn Backend) -> Self {
        self.confirm_on.push(backend);
        self
    }

    /// Ends the search when this is set, with what is known by then.
    pub fn stop(mut self, stop: &'a AtomicBool) -> Self {
        self.stop = stop;
        self
    }

    /// Tells how far the search is, ten times a second.
    pub fn watch(mut self, watch: impl FnMut(Progress) + 'a) -> Self {
        self.watch = Box::new(watch);
        self
    }

    /// Searches. A personality that lacks an operation of the scenario, or that the scenario is not meant for, is a
    /// verdict: unsupported.
    ///
    /// # Errors
    ///
    /// [`Error::Misnamed`] where there is no such personality, [`Error::BadInput`] where what is kept in the folder cannot
    /// be used. [`Error::Unavailable`] where other processes cannot be reached or search something else, or a checkpoint
    /// cannot be read or written.
    pub fn run(self) -> Result<Check, Error> {
        let personality = match &self.personality {
            Some(name) => named(name)?,
            None => default_for(&self.scenario),
        };
        let (scenario, processors) = (Arc::clone(&self.scenario), self.processors);
        let method = match not_for(personality, &scenario) {
            Some(lacks) => Method::Unsupported(lacks),
            None => Method::Explored(Box::new(self.explore(personality)?)),
        };
        Ok(Check {
            scenario,
            personality,
            processors,
            method,
            alone: true,
        })
    }

    fn explore(self, personality: &str) -> Result<Explored, Error> {
        let since = Instant::now();
        let machine = play(personality, &self.scenario.program, self.processors)
            .expect("it was asked before");
        let search = self.searched(personality);
        let workers = Workers {
            workers: self.workers,
            search: search.number(),
            hosts: self.hosts,
            coverage: self.coverage,
        };
        let keeping = self.keeping.map(|(folder, every, resume)| Keeping {
            folder,
            every,
            resume,
            search,
            disk: Arc::new(Files),
        });
        let exploration = explore(
            &machine,
            self.reductions,
            self.limits,
            &workers,
            keeping.as_ref(),
            self.stop,
            self.watch,
        )?;
        let tour = self.tour.map(|states_max| {
            let run = (&exploration.path[..], exploration.loop_from);
            Tour::of(Arc::clone(&machine), run.0, run.1, states_max)
        });
        let confirmed = match exploration.found {
            Some(Found::Violation(violation)) => confirmed(
                &self.scenario,
                &machine,
                (
                    Some(violation),
                    &exploration.path[..],
                    exploration.loop_from,
                ),
                &self.confirm_on,
                self.processors,
            )?,
            _ => Vec::new(),
        };
        Ok(Explored {
            tour,
            confirmed,
            counterexample: counterexample(
                &self.scenario.names,
                &*machine,
                &exploration,
                self.notes,
            ),
            exploration,
            preemptions: self.limits.preemptions,
            folder: keeping.map(|keeping| keeping.folder),
            seconds: since.elapsed().as_secs_f64(),
        })
    }

    /// What is searched: processes that search together, and checkpoints, must agree on it.
    fn searched(&self, personality: &str) -> Searched {
        Searched {
            scenario: self.scenario.name.clone(),
            sha256: self.scenario.sha256.clone(),
            personality: personality.to_owned(),
            processors: self.processors,
            reductions: self.reductions.to_string(),
            depth: self.limits.depth,
            preemptions: self.limits.preemptions,
            exact: self.limits.exact,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// A conviction on each of these backends.
fn confirmed(
    scenario: &Scenario,
    machine: &Arc<dyn AnyMachine>,
    found: (Option<Violation>, &[Step], Option<usize>),
    backends: &[&dyn Backend],
    processors: u32,
) -> Result<Vec<Confirmed>, Error> {
    let one = |&backend: &&dyn Backend| -> Result<Confirmed, Error> {
        backend.available().map_err(Error::Unavailable)?;
        let judge = named(&judge_of(&backend.plays(), &backend.os()))?;
        let judge = (judge, processors);
        Ok(confirm(scenario, machine, found, backend, judge))
    };
    backends.iter().map(one).collect()
}

/// The run that shows what was found.
fn counterexample(
    names: &Names,
    machine: &dyn AnyMachine,
    exploration: &Exploration,
    notes: Notes,
) -> Counterexample {
    let Followed {
        events,
        last,
        states,
    } = follow(machine, &exploration.path, notes);
    let event_of = |step: usize| {
        let before = follow(machine, &exploration.path[..step], Notes::default());
        before.events.len() as u64 + 1
    };
    Counterexample {
        events,
        end: End {
            parked: machine.view(&last).inside_calls().collect(),
            held: held(machine, &last),
        },
        changes: changes(machine, names, &states),
        loop_at: exploration.loop_from.map(event_of),
        culprit: match exploration.found {
            Some(Found::Violation(violation)) => {
                let but_one = exploration.path.split_last().map(|(_, path)| path);
                let before = but_one.map(|path| follow(machine, path, Notes::default()).last);
                culprit(machine, names, before.as_ref(), &last, violation)
            }
            _ => String::new(),
        },
    }
}

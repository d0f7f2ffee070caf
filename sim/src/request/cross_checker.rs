//! Scenarios on real systems and on the model of them.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Error;
use crate::cross_check::{Comparison, Verdict, cross_check as compare, judge_of, unscheduled};
use crate::explore::Tour;
use crate::native::{self, Backend, backends};
use crate::personality::{named, play};
use crate::report::covered::Covered;
use crate::report::cross_check::CrossCheck;
use crate::run::GO_ON;
use crate::scenario::Scenario;

/// Records scenarios on backends, one thread at a time, and lets the model judge what they did.
///
/// Every backend that can run here records, the personality of its own system judges it, and one seed is drawn from,
/// unless something else is asked for.
pub struct CrossChecker<'a> {
    scenarios: Vec<Scenario>,
    on: Vec<(&'a dyn Backend, Option<String>)>,
    seeds: Range<u64>,
    processors: u32,
    coverage: bool,
    tour: Option<usize>,
    stop: &'a AtomicBool,
    watch: Box<dyn FnMut(Comparing<'_>) + 'a>,
}

/// How far a cross-check is.
#[derive(Debug, Clone, Copy)]
pub struct Comparing<'r> {
    /// Scenarios on backends that are done.
    pub done: usize,
    /// How many there are.
    pub all: usize,
    /// The scenario whose turn it is.
    pub scenario: &'r str,
    /// The backend that records it.
    pub on: &'r str,
}

impl<'a> CrossChecker<'a> {
    /// A cross-check of one scenario.
    pub fn new(scenario: &Scenario) -> CrossChecker<'a> {
        CrossChecker::of_all(vec![scenario.clone()])
    }

    /// A cross-check of these scenarios, one after the other.
    pub fn of_all(scenarios: Vec<Scenario>) -> CrossChecker<'a> {
        CrossChecker {
            scenarios,
            on: Vec::new(),
            seeds: 0..1,
            processors: 2,
            coverage: false,
            tour: None,
            stop: &GO_ON,
            watch: Box::new(|_| {}),
        }
    }

    /// Records on this backend, and on others that are named so; the personality of its own system judges it.
    pub fn on(mut self, backend: &'a dyn Backend) -> Self {
        self.on.push((backend, None));
        self
    }

    /// Records on this backend, and lets this personality judge it.
    pub fn on_as(mut self, backend: &'a dyn Backend, personality: &str) -> Self {
        self.on.push((backend, Some(personality.to_owned())));
        self
    }

    /// Draws from each of these seeds; where a scenario has a schedule, from the first alone, since it leaves nothing
    /// to a seed but branches.
    pub fn seeds(mut self, seeds: Range<u64>) -> Self {
        self.seeds = seeds;
        self
    }

    /// The processors that a backend goes by that has no say in that.
    pub fn processors(mut self, processors: u32) -> Self {
        self.processors = processors;
        self
    }

    /// Counts which claims explain what the backends show.
    pub fn coverage(mut self, coverage: bool) -> Self {
        self.coverage = coverage;
        self
    }

    /// Keeps for a page the states around each run in which a backend and the model part, until there are so many.
    pub fn tour(mut self, states_max: usize) -> Self {
        self.tour = Some(states_max);
        self
    }

    /// Ends the work when this is set, with what is known by then.
    pub fn stop(mut self, stop: &'a AtomicBool) -> Self {
        self.stop = stop;
        self
    }

    /// Tells what comes next.
    pub fn watch(mut self, watch: impl FnMut(Comparing<'_>) + 'a) -> Self {
        self.watch = Box::new(watch);
        self
    }

    /// Records and judges. What a backend or a personality cannot do is a verdict: unsupported, or unavailable.
    ///
    /// # Errors
    ///
    /// [`Error::Misnamed`] where no personality has the name of a judge. [`Error::Unavailable`] where no backend is
    /// named, and none can run here.
    pub fn run(mut self) -> Result<CrossCheck, Error> {
        let pairs = self.pairs()?;
        let (comparisons, complete) = self.compare(&pairs);
        let covered = self.coverage.then(|| {
            let covered = comparisons.iter();
            Covered::of(covered.map(|it| (it.personality.as_str(), &it.coverage)))
        });
        let pairs_of = pairs;
        let pairs = pairs_of.iter();
        Ok(CrossCheck {
            pairs: pairs.map(|(on, by)| (on.name().to_owned(), *by)).collect(),
            processors: self.processors,
            tours: self.tours(&pairs_of, &comparisons),
            comparisons,
            complete,
            covered,
            scenarios: self.scenarios,
        })
    }

    /// Where pages are wanted, the states around each run that differs, by its number.
    fn tours(
        &self,
        pairs: &[(&dyn Backend, &'static str)],
        comparisons: &[Comparison],
    ) -> Vec<(usize, Tour)> {
        let tour = |(n, comparison): (usize, &Comparison)| {
            let (Some(states_max), Verdict::Differ(refusal)) = (self.tour, &comparison.verdict)
            else {
                return None;
            };
            let mut scenarios = self.scenarios.iter();
            let scenario = scenarios.find(|it| it.name == comparison.scenario)?;
            let of = |(on, by): &&(&dyn Backend, &str)| {
                on.name() == comparison.on && *by == comparison.personality
            };
            let (on, personality) = pairs.iter().find(of)?;
            let processors = on.processors().unwrap_or(self.processors);
            let machine = play(personality, &unscheduled(&scenario.program), processors).ok()?;
            let events = &comparison.events;
            let tour = Tour::of_recording(machine, events, true, Some(refusal), states_max);
            Some((n, tour))
        };
        comparisons.iter().enumerate().filter_map(tour).collect()
    }

    /// Each backend with its judge.
    fn pairs(&self) -> Result<Vec<(&'a dyn Backend, &'static str)>, Error> {
        let here = || backends().iter().filter(|it| it.available().is_ok());
        let asked = match self.on.is_empty() {
            true => here()
                .map(|&backend| (backend as &dyn Backend, None))
                .collect(),
            false => self.on.clone(),
        };
        if asked.is_empty() {
            let why = format!(
                "no backend can run here; this build has {}",
                native::names()
            );
            return Err(Error::Unavailable(why));
        }
        let pair = |(on, judge): (&'a dyn Backend, Option<String>)| {
            let judge = judge.unwrap_or_else(|| judge_of(&on.plays(), &on.os()));
            Ok((on, named(&judge)?))
        };
        asked.into_iter().map(pair).collect()
    }

    /// Each scenario with each pair and seed, as far as nobody stopped it; whether nobody did.
    fn compare(&mut self, pairs: &[(&dyn Backend, &'static str)]) -> (Vec<Comparison>, bool) {
        let mut comparisons = Vec::new();
        let all = self.scenarios.len() * pairs.len();
        for (n, scenario) in self.scenarios.iter().enumerate() {
            for (m, &(on, personality)) in pairs.iter().enumerate() {
                for seed in seeds(&self.seeds, scenario) {
                    if self.stop.load(Ordering::Relaxed) {
                        return (comparisons, false);
                    }
                    (self.watch)(Comparing {
                        done: n * pairs.len() + m,
                        all,
                        scenario: &scenario.name,
                        on: on.name(),
                    });
                    let comparison = compare(scenario, on, personality, seed, self.processors);
                    let judged =
                        matches!(comparison.verdict, Verdict::Agree(_) | Verdict::Differ(_));
                    // A recording that was broken off says nothing.
                    if !judged && self.stop.load(Ordering::Relaxed) {
                        return (comparisons, false);
                    }
                    comparisons.push(comparison);
                    if !judged {
                        break;
                    }
                }
            }
        }
        (comparisons, !self.stop.load(Ordering::Relaxed))
    }
}

fn seeds(seeds: &Range<u64>, scenario: &Scenario) -> Range<u64> {
    match scenario.program.schedule {
        Some(_) => seeds.start..seeds.start + 1,
        None => seeds.clone(),
    }
}

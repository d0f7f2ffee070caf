//! Scenarios on real systems and on the model of them.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Error;
use crate::choose::{Seeds, share};
use crate::cross_check::{Comparison, Verdict, cross_check as compare, judge_of, unscheduled};
use crate::explore::Tour;
use crate::native::{self, Backend, backends};
use crate::personality::{named, play};
use crate::report::covered::Covered;
use crate::report::cross_check::CrossCheck;
use crate::report::totals::Totals;
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
    workers: usize,
    coverage: bool,
    tour: Option<usize>,
    stop: &'a AtomicBool,
    watch: Box<dyn FnMut(Comparing<'_>) + Send + 'a>,
}

/// How far a cross-check is.
#[derive(Debug, Clone, Copy)]
pub struct Comparing<'r> {
    /// Runs that are done: each of a scenario on a backend, with a seed.
    pub done: usize,
    /// How many there are.
    pub all: usize,
    /// What came out so far.
    pub totals: Totals,
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

    /// A cross-check of these scenarios.
    pub fn of_all(scenarios: Vec<Scenario>) -> CrossChecker<'a> {
        CrossChecker {
            scenarios,
            on: Vec::new(),
            seeds: 0..1,
            processors: 2,
            workers: 1,
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

    /// Records so many runs at a time, by default one. A run mostly waits for its timeouts, and none depends on
    /// another, so four for each processor are fine unless a backend bears only one. The result does not depend on it.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
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
    pub fn watch(mut self, watch: impl FnMut(Comparing<'_>) + Send + 'a) -> Self {
        self.watch = Box::new(watch);
        self
    }

    /// Records and judges. What a backend or a personality cannot do is a verdict: unsupported, or unavailable.
    ///
    /// # Errors
    ///
    /// [`Error::Misnamed`] where no personality has the name of a judge. [`Error::Unavailable`] where no backend is
    /// named, and none can run here, or where a thread cannot be started.
    pub fn run(mut self) -> Result<CrossCheck, Error> {
        let pairs = self.pairs()?;
        let (comparisons, complete) = self.compare(&pairs)?;
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
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] where a thread cannot be started.
    fn compare(
        &mut self,
        pairs: &[(&dyn Backend, &'static str)],
    ) -> Result<(Vec<Comparison>, bool), Error> {
        let scenarios = self.scenarios.iter();
        let cells = scenarios.flat_map(|scenario| pairs.iter().map(move |pair| (scenario, pair)));
        let cells: Vec<_> = cells
            .map(|(scenario, &(on, personality))| Cell {
                scenario,
                on,
                personality,
                ends: AtomicU64::new(u64::MAX),
            })
            .collect();
        let runs = cells.iter();
        let runs =
            runs.flat_map(|cell| seeds(&self.seeds, cell.scenario).map(move |it| (cell, it)));
        let runs: Vec<_> = runs.collect();
        let so_far = Mutex::new(SoFar {
            done: 0,
            all: runs.len(),
            totals: Totals::default(),
            watch: &mut *self.watch,
        });
        let sweep = Sweep {
            processors: self.processors,
            stop: self.stop,
            so_far,
        };
        let some = |_, numbers: &Seeds| {
            let one = |number| {
                let (cell, seed) = runs[number as usize];
                Some((number, sweep.run(cell, seed)?))
            };
            numbers.filter_map(one).collect::<Vec<_>>()
        };
        let workers = self.workers.min(runs.len());
        let done = share(0..runs.len() as u64, workers, some)
            .map_err(|error| Error::Unavailable(format!("no thread can be started: {error}")))?;
        let mut comparisons: Vec<_> = runs.iter().map(|_| None).collect();
        for (number, comparison) in done.into_iter().flatten() {
            comparisons[number as usize] = Some(comparison);
        }
        // What was recorded beside the last run of its cell is one too many.
        let runs = runs.iter().zip(comparisons);
        let asked_for = runs.filter(|((cell, seed), _)| !cell.is_over(*seed));
        let comparisons = asked_for.filter_map(|(_, comparison)| comparison);
        Ok((comparisons.collect(), !sweep.is_stopped()))
    }
}

/// A scenario with a backend and its judge.
struct Cell<'s> {
    scenario: &'s Scenario,
    on: &'s dyn Backend,
    personality: &'static str,
    /// The first seed whose run was not judged: it is the last one.
    ends: AtomicU64,
}

impl Cell<'_> {
    /// Whether an earlier seed was the last.
    fn is_over(&self, seed: u64) -> bool {
        seed > self.ends.load(Ordering::Relaxed)
    }
}

/// A cross-check under way, as those who record share it.
struct Sweep<'s> {
    processors: u32,
    stop: &'s AtomicBool,
    so_far: Mutex<SoFar<'s>>,
}

/// How far it is.
struct SoFar<'s> {
    done: usize,
    all: usize,
    totals: Totals,
    watch: &'s mut (dyn FnMut(Comparing<'_>) + Send),
}

impl<'s> Sweep<'s> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Records and judges the run of a seed; none where its turn does not come.
    fn run(&self, cell: &Cell<'_>, seed: u64) -> Option<Comparison> {
        let comparison = self.compare(cell, seed);
        let mut so_far = self.so_far();
        so_far.done += 1;
        if let Some(comparison) = &comparison {
            so_far.totals.count(&comparison.verdict);
        }
        comparison
    }

    fn compare(&self, cell: &Cell<'_>, seed: u64) -> Option<Comparison> {
        if cell.is_over(seed) || self.is_stopped() {
            return None;
        }
        self.tell(cell);
        let (on, personality) = (cell.on, cell.personality);
        let comparison = compare(cell.scenario, on, personality, seed, self.processors);
        if !matches!(comparison.verdict, Verdict::Agree(_) | Verdict::Differ(_)) {
            // A recording that was broken off says nothing.
            if self.is_stopped() {
                return None;
            }
            cell.ends.fetch_min(seed, Ordering::Relaxed);
        }
        Some(comparison)
    }

    fn tell(&self, cell: &Cell<'_>) {
        let mut so_far = self.so_far();
        let now = Comparing {
            done: so_far.done,
            all: so_far.all,
            totals: so_far.totals,
            scenario: &cell.scenario.name,
            on: cell.on.name(),
        };
        (so_far.watch)(now);
    }

    fn so_far(&self) -> MutexGuard<'_, SoFar<'s>> {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seeds(seeds: &Range<u64>, scenario: &Scenario) -> Range<u64> {
    match scenario.program.schedule {
        Some(_) => seeds.start..seeds.start + 1,
        None => seeds.clone(),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::native::backend;

    fn scenarios() -> Vec<Scenario> {
        let text = r#"{
            "why": "One waits for a packet, the other sends it.",
            "ports": { "p": { "concurrency": 1 } },
            "threads": { "a": [{ "get": "p" }], "b": ["yield", { "post": "p" }] }
        }"#;
        let scenario = |name| Scenario::parse(name, Path::new("a test"), text.as_bytes());
        let scenarios = ["first", "second"].map(scenario);
        scenarios
            .into_iter()
            .collect::<Result<_, _>>()
            .expect("they make sense")
    }

    fn cross_check(on: &[&str], workers: usize) -> CrossCheck {
        let mut checker = CrossChecker::of_all(scenarios())
            .seeds(0..9)
            .workers(workers);
        for name in on {
            checker = checker.on(backend(name).expect("there is such a backend"));
        }
        checker.run().expect("there are backends and judges")
    }

    /// Each comparison: scenario, backend, seed, and the word for its verdict.
    fn words(of: &CrossCheck) -> Vec<(&str, &str, u64, &str)> {
        let all = of.comparisons.iter();
        all.map(|it| (&*it.scenario, &*it.on, it.seed, it.verdict.name()))
            .collect()
    }

    #[test]
    fn runs_beside_each_other_give_what_they_give_one_by_one() {
        let on = ["emulated", "kqueue"];
        let (one, many) = (cross_check(&on, 1), cross_check(&on, 5));
        assert_eq!(words(&one), words(&many));
        assert!(many.complete);
        // 9 seeds of 2 scenarios, and each of them once where no run can be made.
        assert_eq!((many.totals().agree, many.totals().unavailable), (18, 2));
    }

    #[test]
    fn whoever_watches_sees_what_came_out() {
        let (mut last, mut seen) = (0, 0);
        let on = backend("emulated").expect("it is in every build");
        let checker = CrossChecker::of_all(scenarios())
            .seeds(0..9)
            .workers(3)
            .on(on);
        let watched = checker.watch(|now| {
            assert!(now.all == 18 && now.done >= last && now.totals.agree == now.done as u64);
            (last, seen) = (now.done, seen + 1);
        });
        watched.run().expect("there is a judge");
        assert_eq!(seen, 18);
        assert!(
            (15..18).contains(&last),
            "{last} were done before the last began"
        );
    }
}

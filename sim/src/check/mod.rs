//! Every interleaving: a breadth-first search, so that a counterexample is as short as can be.
//!
//! Each process owns states by their fingerprints (`share`), in one table for all its workers (`team`, `worker`).
//! Processes exchange states in batches and go through the depths together (`rounds`). Nothing that comes out depends
//! on how many there are of either. What they need not see is left out (`reduce`); where that could hide a shorter way,
//! it is looked for once more. Where they find nothing wrong, it is asked whether every fair run comes to what it owes
//! (`liveness`).

#[cfg(all(test, loom))]
mod every_order;
#[cfg(feature = "processes")]
mod hosts;
mod kept;
mod liveness;
mod meeting;
mod numbers;
mod path;
mod queue;
mod reduce;
mod rounds;
mod secret;
mod seen;
mod share;
mod sync;
mod tail;
mod team;
mod told;
mod visited;
mod whole;
mod wire;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use portsim_model::machine::AnyMachine;
use portsim_model::property::Violation;
use portsim_model::step::Step;

pub use kept::disk::{Disk, Files};
pub use kept::wire::Searched;
pub use reduce::Reductions;
pub use secret::Secret;

use crate::bad_input::BadInput;
use crate::coverage::Coverage;
use crate::names::Names;
use kept::Keeper;
use liveness::Verdict;
use reduce::Reduce;
use rounds::{Config, Ends, Search};
use share::Share;
use team::Team;
use told::Told;

/// What an exploration may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of memory for states.
    pub memory_bytes: u64,
    /// Steps from the start, besides the scenario's own bound.
    pub depth: Option<u32>,
    /// Whether whole states are kept, so that none is taken for another.
    pub exact: bool,
    /// How often a thread that could go on may have to let another one move, on one run.
    pub preemptions: Option<u8>,
}

/// Where a search is kept on disk, so that it can be taken up again.
#[derive(Debug, Clone)]
pub struct Keeping {
    /// The folder; it is made, if there is none.
    pub folder: PathBuf,
    /// How often, besides when it is stopped and when there is no more memory; as often as can be, if this is 0.
    pub every: Duration,
    /// Whether it is taken up where the last checkpoint was written.
    pub resume: bool,
    /// What is searched: a folder keeps one search.
    pub search: Searched,
    /// The file system of the folder.
    pub disk: Arc<dyn Disk>,
}

/// Why there is no exploration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// What is kept in a folder cannot be used.
    BadInput(BadInput),
    /// Something that it needs fails: another process, a thread, the disk.
    Unavailable(String),
}

impl From<BadInput> for Trouble {
    fn from(bad: BadInput) -> Trouble {
        Trouble::BadInput(bad)
    }
}

impl From<String> for Trouble {
    fn from(why: String) -> Trouble {
        Trouble::Unavailable(why)
    }
}

/// Why an exploration did not see everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The scenario's bound on packets or ticks was met.
    Bound,
    /// The bound on depth was met.
    Depth,
    /// The bound on preemptions was met.
    Preemptions,
    /// There was no more memory for states.
    Memory,
    /// Somebody stopped it.
    Stopped,
    /// Another process was lost.
    Lost(Loss),
}

/// How a process is lost to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The connection has ended.
    Gone,
    /// Nothing comes from it any more.
    Silent,
    /// What comes is not what it sent.
    Forged,
}

impl Cut {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Cut::Bound => "a bound on packets or ticks was met",
            Cut::Depth => "the bound on depth was met",
            Cut::Preemptions => "the bound on preemptions was met",
            Cut::Memory => "the memory for states is used up",
            Cut::Stopped => "it was stopped",
            Cut::Lost(Loss::Gone) => {
                "another process was lost; what is told is what this one had seen"
            }
            Cut::Lost(Loss::Silent) => {
                "another process was lost: it was silent too long; what is told is what this one had seen"
            }
            Cut::Lost(Loss::Forged) => {
                "another process was lost: what came was not what it had sent; what is told is what this one had seen"
            }
        }
    }
}

/// What an exploration found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A broken invariant, `always`, `at_end` or `eventually` property.
    Violation(Violation),
    /// No state shows the `sometimes` property of this number.
    Never(usize),
    /// No state owes what the `eventually` property of this number calls for.
    NeverOwed(usize),
    /// There is an `at_end` property, and no state in which nothing can move any more.
    NoEnd,
}

impl Found {
    /// The name of the property that does not hold.
    pub fn property(self, names: &Names) -> &str {
        match self {
            Found::Violation(violation) => names.property(violation),
            Found::Never(n) => &names.sometimes[n],
            Found::NeverOwed(n) => &names.eventually[n],
            Found::NoEnd => &names.at_end[0],
        }
    }
}

/// An exploration.
#[derive(Debug, Clone, Default)]
pub struct Exploration {
    /// Different states seen.
    pub states: u64,
    /// States generated, the first one included.
    pub transitions: u64,
    /// The longest of the shortest ways to a state.
    pub depth_max: u32,
    /// Bytes of memory for each state that was seen.
    pub bytes_per_state: u64,
    /// The odds that some state was taken for another; none where whole states were kept.
    pub collision_odds: Option<f64>,
    /// Checkpoints written.
    pub checkpoints: u32,
    /// Why it did not see everything, where it did not.
    pub cut: Option<Cut>,
    /// What it found.
    pub found: Option<Found>,
    /// The steps that lead there.
    pub path: Vec<Step>,
    /// How many of them stand before a loop that goes round for ever, where what was found is one.
    pub loop_from: Option<usize>,
    /// How many threads traded places, for each orbit.
    pub orbits: Vec<usize>,
    /// Whether dead results, or differences between packets that nobody reads, were left out.
    pub dead: bool,
    /// States in which a persistent set of the possible steps was taken, and not all of them.
    pub states_reduced: u64,
    /// The claims that decided in this process, where they were counted.
    pub coverage: Option<Coverage>,
}

/// How far an exploration is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Different states seen.
    pub states: u64,
    /// States generated.
    pub transitions: u64,
    /// States seen but not expanded.
    pub waiting: u64,
    /// Steps from the start.
    pub depth: u32,
    /// Bytes of memory in use for states.
    pub bytes: u64,
    /// States of the depth that is being expanded.
    pub level: u64,
    /// States of the depth before it.
    pub level_before: u64,
}

impl Progress {
    /// How many states are still to come, if depths go on to shrink as the last one did.
    pub fn states_left(&self) -> Option<u64> {
        let shrinks = self.level < self.level_before;
        shrinks.then(|| self.level * self.level / (self.level_before - self.level))
    }
}

/// Who searches, and what.
#[derive(Debug, Clone, Default)]
pub struct Workers {
    /// Threads of this process.
    pub workers: usize,
    /// The processes that search together; none for this one alone.
    pub hosts: Option<Hosts>,
    /// What is searched, as a number: all processes, and all checkpoints, must agree.
    pub search: u64,
    /// Whether the claims that decide are counted.
    pub coverage: bool,
}

/// What a build without the feature `processes` answers to others.
pub const ONE_PROCESS: &str =
    "this build searches in one process: it lacks the feature `processes`";

/// Processes that search together.
#[derive(Debug, Clone)]
pub struct Hosts {
    /// Where each listens, as `host:port`.
    pub addresses: Vec<String>,
    /// Which of them this is.
    pub process: usize,
    /// What all of them know, and nobody else.
    pub secret: Secret,
    /// How long they wait for each other.
    pub wait: Duration,
}

/// Reads a manifest, as it is and with the checksum that it should have.
#[cfg(all(any(test, fuzzing), not(loom)))]
pub(crate) fn manifest(bytes: &[u8]) {
    use kept::wire::{seal, seal_text, unseal};
    let sealed = seal_text(&String::from_utf8_lossy(bytes));
    for bytes in [bytes, sealed.as_bytes()] {
        if let Ok(manifest) = unseal(bytes) {
            assert_eq!(unseal(seal(&manifest).as_bytes()), Ok(manifest));
        }
    }
}

/// Up to so many states the way to a violation is searched once more, for the one that reads best.
const READABLE: u64 = 50_000;

/// How often the progress is told.
const GLANCE: Duration = Duration::from_millis(100);

/// Explores every interleaving.
///
/// # Errors
///
/// If the other processes cannot be reached or search something else, or a checkpoint cannot be read or written.
pub fn check(
    machine: &Arc<dyn AnyMachine>,
    reductions: Reductions,
    limits: Limits,
    workers_of: &Workers,
    keeping: Option<&Keeping>,
    stop: &AtomicBool,
    mut progress: impl FnMut(Progress),
) -> Result<Exploration, Trouble> {
    // A thread that waits for others comes later to where a bound cuts.
    let reductions = Reductions {
        order: reductions.order && limits.depth.is_none() && limits.preemptions.is_none(),
        ..reductions
    };
    let mut exploration = explore(
        machine,
        reductions,
        limits,
        workers_of,
        keeping,
        stop,
        &mut progress,
    )?;
    if exploration.states_reduced > 0 && matches!(exploration.found, Some(Found::Violation(_))) {
        // There may be a shorter way among those that were left out. Every process looks for it by itself.
        let reductions = Reductions {
            order: false,
            ..reductions
        };
        let limits = Limits {
            depth: Some(exploration.path.len() as u32),
            ..limits
        };
        let workers_of = &Workers {
            hosts: None,
            ..workers_of.clone()
        };
        let shortest = explore(
            machine,
            reductions,
            limits,
            workers_of,
            None,
            stop,
            &mut progress,
        )?;
        if shortest.found.is_some() {
            exploration = shortest;
        }
    }
    if exploration.found.is_none() {
        check_liveness(&**machine, limits, stop, &mut exploration, progress);
    }
    Ok(exploration)
}

/// Explores every interleaving that the reductions leave, for whatever can be said of one state.
fn explore(
    machine: &Arc<dyn AnyMachine>,
    reductions: Reductions,
    limits: Limits,
    workers_of: &Workers,
    keeping: Option<&Keeping>,
    stop: &AtomicBool,
    progress: &mut impl FnMut(Progress),
) -> Result<Exploration, Trouble> {
    let whole = machine;
    // Who moved last is known by its name.
    let reductions = Reductions {
        symmetry: reductions.symmetry && limits.preemptions.is_none(),
        ..reductions
    };
    let machine = &reductions.without_dead(whole);
    let reduce = Arc::new(Reduce::new(reductions, &**machine));
    let workers = workers_of.workers.max(1);
    let limits = Limits {
        depth: limits
            .depth
            .into_iter()
            .chain(machine.program().bounds.depth)
            .min(),
        ..limits
    };
    let (process, processes) = match &workers_of.hosts {
        Some(hosts) => (hosts.process, hosts.addresses.len()),
        None => (0, 1),
    };
    let keeper = keeping
        .map(|keeping| Keeper::open(keeping, process, processes))
        .transpose()?;
    let config = Config {
        depth: limits.depth,
        search: workers_of.search,
        keeper: keeper.map(Arc::new),
        resume: keeping.is_some_and(|keeping| keeping.resume),
        always: keeping.is_some_and(|keeping| keeping.every.is_zero()),
    };
    let shared = Arc::new(Told::for_workers(workers));
    let share = Share::new(
        Arc::clone(machine),
        Arc::clone(&reduce),
        (process, processes),
        workers,
        limits,
    );
    let ends = {
        let team = Team::new(share, workers_of.coverage, Arc::clone(&shared))?;
        let search = Search::new(team, config, Arc::clone(&shared));
        match &workers_of.hosts {
            None => rounds::alone(search)?,
            Some(others) => together(workers_of, others, search, &shared, stop)?,
        }
    };
    let mut kept_at = Instant::now();
    let mut result = shared
        .result
        .lock()
        .expect("no worker panics with it in hand");
    let panicked = || shared.panicked.load(Ordering::Relaxed);
    while !result.0 && !panicked() && shared.lost.get().is_none() {
        (result, _) = shared.left.wait_timeout(result, GLANCE).expect("see above");
        shared
            .stop
            .fetch_or(stop.load(Ordering::Relaxed), Ordering::Relaxed);
        if let Some(keeping) = keeping
            && kept_at.elapsed() >= keeping.every
        {
            shared.pause.store(true, Ordering::Relaxed);
            kept_at = Instant::now();
        }
        progress(shared.progress());
    }
    if !result.0 || panicked() {
        // The others would wait for ever for what will not come.
        std::mem::forget(ends);
        let loss = shared.lost.get();
        let loss = loss.expect("or a worker of the search has panicked, as said above");
        return Ok(cut_short(&shared, *loss));
    }
    let outcome = result.1.take();
    drop(result);
    let is_stopped = matches!(&outcome, Some(outcome) if outcome.cut == Some(Cut::Stopped));
    if is_stopped && keeping.is_none() && workers_of.hosts.is_none() {
        // They have said all, and to give their memory back takes longer than a stopped search may.
        std::mem::forget(ends);
    } else {
        ends()?;
    }
    let outcome = outcome.ok_or_else(|| "a worker left without a result".to_owned())?;
    let trouble = shared.trouble.lock().expect("no worker is left").take();
    if outcome.all.failed || outcome.all.unkept {
        let others = "another process cannot read or write its checkpoint";
        return Err(trouble.unwrap_or_else(|| others.to_owned().into()));
    }
    if outcome.differ {
        let differ = "the processes do not search the same scenario in the same way";
        return Err(differ.to_owned().into());
    }
    let mut exploration = Exploration {
        states: outcome.states,
        transitions: outcome.all.transitions,
        depth_max: outcome.depth_max,
        bytes_per_state: outcome.all.bytes / outcome.states.max(1),
        collision_odds: (!limits.exact).then(|| odds(outcome.states)),
        checkpoints: shared.checkpoints.load(Ordering::Relaxed),
        cut: outcome.cut,
        orbits: reduce.orbits(),
        dead: machine.program().calls().ne(whole.program().calls()),
        states_reduced: outcome.all.reduced,
        coverage: workers_of.coverage.then(|| {
            let mut coverage = shared.coverage.lock().expect("no worker is left").clone();
            for claim in machine.about().invariants {
                coverage.add(claim, outcome.states);
            }
            coverage
        }),
        ..Exploration::default()
    };
    if let Some(worst) = outcome.all.worst {
        let violation = worst.violation.try_into()?;
        let way: Vec<_> = outcome.way.into_iter().rev().collect();
        let last = worst.last.map(Into::into);
        let found = path::Found { violation, last };
        let steps = path::steps(&**machine, &reduce, limits.preemptions, &way, found);
        exploration.path = steps.ok_or_else(|| "two states have one fingerprint".to_owned())?;
        if outcome.states <= READABLE && limits.preemptions.is_none() {
            let first = path::first(&**machine, &reduce, violation, exploration.path.len());
            exploration.path = first.unwrap_or(exploration.path);
        }
        exploration.found = Some(Found::Violation(violation));
    } else if exploration.cut.is_none() {
        // Only who has seen everything can say that something never happens.
        let never = outcome.all.shown.iter().position(|shown| !shown);
        let no_end = !outcome.all.ended && !machine.program().at_end.is_empty();
        exploration.found = never.map(Found::Never).or(no_end.then_some(Found::NoEnd));
    }
    Ok(exploration)
}

/// Goes through the rounds together with other processes.
#[cfg(feature = "processes")]
fn together(
    workers_of: &Workers,
    others: &Hosts,
    search: Search,
    shared: &Told,
    stop: &AtomicBool,
) -> Result<Ends, String> {
    hosts::together(workers_of, others, search, &shared.lost, stop)
}

/// Says why there are no other processes.
#[cfg(not(feature = "processes"))]
fn together(_: &Workers, _: &Hosts, _: Search, _: &Told, _: &AtomicBool) -> Result<Ends, String> {
    Err(ONE_PROCESS.to_owned())
}

/// What is known where a process was lost: what this one had seen.
fn cut_short(shared: &Told, loss: Loss) -> Exploration {
    let now = shared.progress();
    Exploration {
        states: now.states,
        transitions: now.transitions,
        depth_max: now.depth,
        bytes_per_state: now.bytes / now.states.max(1),
        cut: Some(Cut::Lost(loss)),
        checkpoints: shared.checkpoints.load(Ordering::Relaxed),
        ..Exploration::default()
    }
}

/// Looks for a run that never comes to what it owes. Where a bound took steps away, a run that needs none of them is
/// a run all the same; a bound on depth binds only where it cut the exploration.
fn check_liveness(
    machine: &dyn AnyMachine,
    limits: Limits,
    stop: &AtomicBool,
    exploration: &mut Exploration,
    mut progress: impl FnMut(Progress),
) {
    if machine.program().eventually.is_empty()
        || matches!(
            exploration.cut,
            Some(Cut::Memory | Cut::Stopped | Cut::Lost(_))
        )
    {
        return;
    }
    if limits.preemptions.is_some() {
        // A run that goes on for ever preempts again and again.
        exploration.cut = exploration.cut.or(Some(Cut::Preemptions));
        return;
    }
    let limits = Limits {
        depth: limits.depth.filter(|_| exploration.cut == Some(Cut::Depth)),
        ..limits
    };
    let mut never_owed = None;
    for property in 0..machine.program().eventually.len() {
        let transitions = exploration.transitions;
        let verdict = liveness::search(machine, property, limits, stop, |now| {
            progress(Progress {
                transitions: now.transitions + transitions,
                ..now
            });
        });
        match verdict {
            Verdict::Kept => {}
            Verdict::NeverOwed => {
                never_owed = never_owed.or(Some(Found::NeverOwed(property)));
            }
            Verdict::Broken(owing) => {
                exploration.found = Some(Found::Violation(Violation::Eventually(property)));
                (exploration.path, exploration.loop_from) = (owing.path, owing.loop_from);
                exploration.cut = None;
                return;
            }
            Verdict::Partial(cut) => exploration.cut = exploration.cut.or(Some(cut)),
        }
    }
    if exploration.cut.is_none() {
        exploration.found = never_owed;
    }
}

/// The odds that two of so many states have one fingerprint of 64 bits: at most their pairs in 2^64.
fn odds(states: u64) -> f64 {
    let states = states as f64;
    states * states / 2f64.powi(65)
}

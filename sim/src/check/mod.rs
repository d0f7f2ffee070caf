//! Every interleaving: a breadth-first search, so that a counterexample is as short as can be.
//!
//! Workers own the states by their fingerprints (`share`), exchange them in batches and go through the depths
//! together (`rounds`), in one process or several. Nothing that comes out depends on how many there are.

mod path;
mod queue;
mod reduce;
mod rounds;
mod share;
mod visited;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portsim_model::kernel::Kernel;
use portsim_model::property::Violation;
use portsim_model::step::Step;
use portsim_model::system::System;

pub use reduce::Reductions;

use reduce::Reduce;
use rounds::{Desk, build};

/// What an exploration may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of memory for states.
    pub memory_bytes: u64,
    /// Steps from the start, besides the scenario's own bound.
    pub depth: Option<u32>,
}

/// Why an exploration did not see everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The scenario's bound on packets or ticks was met.
    Bound,
    /// The bound on depth was met.
    Depth,
    /// There was no more memory for states.
    Memory,
    /// Somebody stopped it.
    Stopped,
}

/// What an exploration found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A broken invariant, `always` or `at_end` property.
    Violation(Violation),
    /// No state shows the `sometimes` property of this number.
    Never(usize),
    /// There is an `at_end` property, and no state in which nothing can move any more.
    NoEnd,
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
    /// Why it did not see everything, where it did not.
    pub cut: Option<Cut>,
    /// What it found.
    pub found: Option<Found>,
    /// The steps that lead there.
    pub path: Vec<Step>,
    /// How many threads traded places, for each orbit.
    pub orbits: Vec<usize>,
    /// Whether results that nobody reads, or packets that nobody tells apart, were left out.
    pub abridged: bool,
}

/// Where an exploration stands, for whoever watches it.
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
}

/// Who searches.
#[derive(Debug, Clone, Default)]
pub struct Crew {
    /// Threads of this process.
    pub workers: usize,
    /// The processes that search together; none for this one alone.
    pub hosts: Option<Hosts>,
}

/// Processes that search together.
#[derive(Debug, Clone)]
pub struct Hosts {
    /// Where each listens, as `host:port`.
    pub addresses: Vec<String>,
    /// Which of them this is.
    pub process: usize,
    /// What is searched: all must agree.
    pub search: u64,
}

/// Up to so many states the way to a violation is searched once more, for the one that reads best.
const READABLE: u64 = 50_000;

/// How often the progress is told.
const GLANCE: Duration = Duration::from_millis(100);

/// Explores every interleaving.
///
/// # Errors
///
/// If the other processes cannot be reached, are lost, or search something else.
pub fn check<K: Kernel + Send + Sync + 'static>(
    system: &System<K>,
    reductions: Reductions,
    limits: Limits,
    crew: &Crew,
    stop: &AtomicBool,
    mut progress: impl FnMut(Progress),
) -> Result<Exploration, String> {
    let whole = system;
    let system = &reductions.abridge(whole);
    let reduce = Arc::new(Reduce::new(reductions, system));
    let workers = crew.workers.max(1);
    let limits = Limits {
        depth: limits
            .depth
            .into_iter()
            .chain(system.program().bounds.depth)
            .min(),
        ..limits
    };
    let communication = match &crew.hosts {
        None if workers == 1 => timely::CommunicationConfig::Thread,
        None => timely::CommunicationConfig::Process(workers),
        Some(hosts) => timely::CommunicationConfig::Cluster {
            threads: workers,
            process: hosts.process,
            addresses: hosts.addresses.clone(),
            report: false,
            zerocopy: false,
        },
    };
    let config = timely::Config {
        communication,
        worker: timely::WorkerConfig::default(),
    };
    let search = crew.hosts.as_ref().map_or(0, |hosts| hosts.search);
    let desk = Arc::new(Desk::for_workers(workers));
    let guards = {
        let (system, desk) = (Arc::new(system.clone()), Arc::clone(&desk));
        let reduce = Arc::clone(&reduce);
        timely::execute(config, move |worker| {
            build(
                worker,
                Arc::clone(&system),
                Arc::clone(&reduce),
                limits,
                search,
                Arc::clone(&desk),
            );
        })?
    };
    let mut result = desk
        .result
        .lock()
        .expect("no worker panics with it in hand");
    while result.0 < workers {
        (result, _) = desk.left.wait_timeout(result, GLANCE).expect("see above");
        desk.stop
            .fetch_or(stop.load(Ordering::Relaxed), Ordering::Relaxed);
        progress(desk.progress());
    }
    let outcome = result.1.take();
    drop(result);
    for left in guards.join() {
        left?;
    }
    let outcome = outcome.ok_or("a worker left without a result")?;
    if outcome.differ {
        return Err("the processes do not search the same scenario in the same way".to_owned());
    }
    let mut exploration = Exploration {
        states: outcome.states,
        transitions: outcome.all.transitions,
        depth_max: outcome.depth_max,
        bytes_per_state: outcome.all.bytes / outcome.states.max(1),
        cut: outcome.cut,
        orbits: reduce.orbits(),
        abridged: system.program().ops().ne(whole.program().ops()),
        ..Exploration::default()
    };
    if let Some(worst) = outcome.all.worst {
        let violation = wire::unpack_violation(worst.violation);
        let way: Vec<_> = outcome.way.into_iter().rev().collect();
        let last = worst.last.map(wire::unpack_step);
        let steps = path::steps(system, &reduce, &way, violation, last);
        exploration.path = steps.ok_or("two states have one fingerprint")?;
        if outcome.states <= READABLE {
            let first = path::first(system, &reduce, violation, exploration.path.len());
            exploration.path = first.unwrap_or(exploration.path);
        }
        exploration.found = Some(Found::Violation(violation));
    } else if exploration.cut.is_none() {
        // Only who has seen everything can say that something never happens.
        let never = outcome.all.shown.iter().position(|shown| !shown);
        let no_end = !outcome.all.ended && !system.program().at_end.is_empty();
        exploration.found = never.map(Found::Never).or(no_end.then_some(Found::NoEnd));
    }
    Ok(exploration)
}

//! Every interleaving: a breadth-first search, so that a counterexample is as short as can be.

mod store;

use std::sync::atomic::{AtomicBool, Ordering};

use portsim_model::State;
use portsim_model::kernel::Kernel;
use portsim_model::property::Violation;
use portsim_model::step::Step;
use portsim_model::system::System;

use store::Store;

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
    /// Bytes of one state in the store.
    pub bytes_per_state: u64,
    /// Why it did not see everything, where it did not.
    pub cut: Option<Cut>,
    /// What it found.
    pub found: Option<Found>,
    /// The steps that lead there.
    pub path: Vec<Step>,
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

/// How many states are expanded between two looks at the clock and at the stop flag.
const STRIDE: u32 = 4096;

/// Explores every interleaving.
pub fn check<K: Kernel>(
    system: &System<'_, K>,
    limits: Limits,
    stop: &AtomicBool,
    mut progress: impl FnMut(Progress),
) -> Exploration {
    let program = system.program();
    let mut search = Search {
        system,
        store: Store::new(system.layout().state_len()),
        shown: vec![false; program.sometimes.len()],
        out: Exploration {
            transitions: 1,
            ..Exploration::default()
        },
    };
    let depth_max = limits.depth.into_iter().chain(program.bounds.depth).min();
    let boot = system.boot();
    search.store.insert(boot.bytes(), None);
    let mut ended = search.arrive(&boot, 0);
    let (mut state, mut next, mut steps) = (boot.clone(), boot, Vec::new());
    let (mut at, mut level_end, mut depth) = (0, 1, 0);
    while !ended && at < search.store.len() {
        if at == level_end {
            (level_end, depth) = (search.store.len(), depth + 1);
        }
        if depth_max == Some(depth) {
            search.out.cut = Some(Cut::Depth);
            break;
        }
        if at.is_multiple_of(STRIDE) {
            let waiting = u64::from(search.store.len() - at);
            let (states, transitions) = (u64::from(search.store.len()), search.out.transitions);
            progress(Progress {
                states,
                transitions,
                waiting,
                depth,
            });
            if stop.load(Ordering::Relaxed) {
                search.out.cut = Some(Cut::Stopped);
                break;
            }
            if search.store.bytes() > limits.memory_bytes {
                search.out.cut = Some(Cut::Memory);
                break;
            }
        }
        state.copy_from(search.store.state(at));
        ended = search.expand(at, &state, &mut next, &mut steps);
        at += 1;
    }
    search.out.depth_max = if search.store.len() > level_end {
        depth + 1
    } else {
        depth
    };
    search.finish()
}

struct Search<'s, 'p, K> {
    system: &'s System<'p, K>,
    store: Store,
    /// Which `sometimes` properties some state has shown.
    shown: Vec<bool>,
    out: Exploration,
}

impl<K: Kernel> Search<'_, '_, K> {
    /// Generates the states that follow one; says whether the search is over.
    fn expand(&mut self, at: u32, state: &State, next: &mut State, steps: &mut Vec<Step>) -> bool {
        steps.clear();
        let bounded = self.system.enabled(state, |step| steps.push(step)).0;
        if bounded {
            self.out.cut = Some(Cut::Bound);
        }
        if steps.is_empty()
            && !bounded
            && let Some(violation) = self.system.judge_end(state)
        {
            return self.convict(violation, at, None);
        }
        for &step in steps.iter() {
            next.clone_from(state);
            self.out.transitions += 1;
            if let Some(fault) = self.system.take(next, step, &mut ()) {
                return self.convict(Violation::Builtin(fault), at, Some(step));
            }
            if let Some(new) = self.store.insert(next.bytes(), Some((at, step)))
                && self.arrive(next, new)
            {
                return true;
            }
        }
        false
    }

    /// Judges a state seen for the first time; says whether the search is over.
    fn arrive(&mut self, state: &State, at: u32) -> bool {
        for (property, shown) in self.shown.iter_mut().enumerate() {
            *shown = *shown || self.system.shows(state, property);
        }
        match self.system.judge(state) {
            Some(violation) => self.convict(violation, at, None),
            None => false,
        }
    }

    fn convict(&mut self, violation: Violation, at: u32, last: Option<Step>) -> bool {
        self.out.found = Some(Found::Violation(violation));
        self.out.path = self.store.path(at);
        self.out.path.extend(last);
        true
    }

    fn finish(mut self) -> Exploration {
        self.out.states = u64::from(self.store.len());
        self.out.bytes_per_state = self.store.bytes() / self.out.states.max(1);
        // Only who has seen everything can say that something never happens.
        if self.out.found.is_none() && self.out.cut.is_none() {
            self.out.found = self.shown.iter().position(|shown| !shown).map(Found::Never);
        }
        self.out
    }
}

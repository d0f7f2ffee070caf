//! Many executions of what is too large to explore: one for each seed, and workers share the seeds.
//!
//! The result does not depend on how many workers there are: seeds are taken in lots, each lot is run to its end, and
//! of the violations in it the one with the smallest seed is reported.

pub mod estimate;

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use portsim_model::event::{Observer, Outcome};
use portsim_model::machine::AnyMachine;
use portsim_model::program::{CodeId, Op, Program, ThreadId};
use portsim_model::property::Violation;
use xxhash_rust::xxh3::xxh3_64;

use crate::choose::{Policy, share};
use crate::run::{Ended, run_seen};

/// Seeds of a lot.
const LOT: u64 = 256;

/// Which executions.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Who takes the next step.
    pub policy: Policy,
    /// One execution each.
    pub seeds: Range<u64>,
    /// The most steps of one execution.
    pub steps_max: u64,
    /// Threads that share the seeds.
    pub workers: usize,
}

/// What they have shown.
#[derive(Debug, Clone, Default)]
pub struct Walked {
    /// Executions.
    pub runs: u64,
    /// Steps of all of them.
    pub steps: u64,
    /// Different states, by a fingerprint of 64 bits.
    pub states: u64,
    /// Different operations that some thread of their code has called.
    pub calls: u64,
    /// Different operations that there are in all codes.
    pub calls_all: u64,
    /// Executions that came to rest.
    pub at_rest: u64,
    /// Which `sometimes` properties some state has shown.
    pub shown: Vec<bool>,
    /// The violation with the smallest seed.
    pub found: Option<(u64, Violation)>,
    /// Whether it was stopped before its last seed.
    pub stopped: bool,
}

/// What one worker has seen.
#[derive(Default)]
struct Tally {
    walked: Walked,
    states: HashSet<u64>,
    calls: Calls,
}

/// Every operation that was called, with the code of its caller.
#[derive(Default)]
struct Calls {
    codes: Vec<CodeId>,
    called: BTreeSet<(CodeId, Op)>,
}

impl Observer for Calls {
    fn call(&mut self, thread: ThreadId, op: Op) {
        self.called.insert((self.codes[thread.index()], op));
    }

    fn ret(&mut self, _: ThreadId, _: Op, _: Outcome) {}
}

/// Runs the seeds until one of them breaks a property, all are done, or `stop` is set. `progress` is given the number
/// of executions so far.
///
/// # Errors
///
/// If a thread cannot be started.
pub fn walk(
    machine: &dyn AnyMachine,
    plan: &Plan,
    stop: &AtomicBool,
    mut progress: impl FnMut(u64),
) -> io::Result<Walked> {
    let program = machine.program();
    let tallies: Vec<_> = (0..plan.workers.max(1))
        .map(|_| Mutex::new(Tally::new(program)))
        .collect();
    let mut lot = plan.seeds.start;
    let mut found = None;
    while lot < plan.seeds.end && found.is_none() && !stop.load(Ordering::Relaxed) {
        let end = plan.seeds.end.min(lot.saturating_add(LOT));
        share(lot..end, tallies.len(), |worker, seeds| {
            let mut tally = tallies[worker].lock().expect("no worker panics");
            seeds
                .take_while(|_| !stop.load(Ordering::Relaxed))
                .for_each(|seed| tally.run(machine, plan, seed, stop));
        })?;
        let first = |tally: &Mutex<Tally>| tally.lock().expect("no worker panics").walked.found;
        found = tallies
            .iter()
            .filter_map(first)
            .min_by_key(|(seed, _)| *seed);
        lot = end;
        progress(lot - plan.seeds.start);
    }
    let mut all = Tally::new(program);
    for tally in tallies {
        all.add(tally.into_inner().expect("no worker panics"));
    }
    let codes = program.threads.iter().map(|thread| thread.code);
    let ops = codes.flat_map(|code| program.codes[code.index()].ops().map(move |op| (code, op)));
    // The end of a thread is called like an operation, but stands nowhere.
    let ops: BTreeSet<_> = ops.collect();
    Ok(Walked {
        states: all.states.len() as u64,
        calls: all.calls.called.intersection(&ops).count() as u64,
        calls_all: ops.len() as u64,
        found,
        stopped: found.is_none() && all.walked.runs < plan.seeds.end - plan.seeds.start,
        ..all.walked
    })
}

impl Tally {
    fn new(program: &Program) -> Tally {
        let mut tally = Tally::default();
        tally.walked.shown = vec![false; program.sometimes.len()];
        tally.calls.codes = program.threads.iter().map(|thread| thread.code).collect();
        tally
    }

    fn run(&mut self, machine: &dyn AnyMachine, plan: &Plan, seed: u64, stop: &AtomicBool) {
        let (states, shown) = (&mut self.states, &mut self.walked.shown);
        let mut chooser = plan.policy.seeded(seed);
        let execution = run_seen(
            machine,
            chooser.as_mut(),
            plan.steps_max,
            stop,
            &mut self.calls,
            |state| {
                if states.insert(xxh3_64(state.bytes())) {
                    for (property, shown) in shown.iter_mut().enumerate() {
                        *shown = *shown || machine.shows(state, property);
                    }
                }
            },
        );
        self.walked.steps += execution.steps;
        self.walked.runs += u64::from(execution.ended != Ended::Stopped);
        self.walked.at_rest += u64::from(execution.ended == Ended::Rest);
        if let Ended::Violation(violation) = execution.ended
            && self.walked.found.is_none_or(|(first, _)| seed < first)
        {
            self.walked.found = Some((seed, violation));
        }
    }

    fn add(&mut self, other: Tally) {
        self.walked.runs += other.walked.runs;
        self.walked.steps += other.walked.steps;
        self.walked.at_rest += other.walked.at_rest;
        self.states.extend(other.states);
        self.calls.called.extend(other.calls.called);
        for (mine, theirs) in self.walked.shown.iter_mut().zip(other.walked.shown) {
            *mine |= theirs;
        }
    }
}

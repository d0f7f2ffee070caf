//! The states that one worker owns: which it has seen, which wait, and what follows from them.

use std::sync::Arc;

use portsim_model::State;
use portsim_model::kernel::Kernel;
use portsim_model::property::Violation;
use portsim_model::step::Step;
use portsim_model::system::System;
use xxhash_rust::xxh3::xxh3_64;

use super::queue::{Block, Queue};
use super::reduce::Reduce;
use super::visited::{From, Print, SHORT, Visited};
use super::wire::{Batch, Conviction, Summary, pack_step, pack_violation};

/// States that are looked up, and sent, together.
const BATCH: usize = 512;

/// One worker's share of the states.
pub struct Share<K> {
    system: Arc<System<K>>,
    reduce: Arc<Reduce>,
    me: usize,
    /// How many workers there are.
    peers: usize,
    memory_bytes: u64,
    visited: Visited,
    /// States of the depth that is being expanded.
    now: Queue,
    /// States of the next depth.
    next: Queue,
    /// Steps from the start to the states of `next`.
    depth: u32,
    spare: Vec<Block>,
    /// Successors by the worker that owns them.
    found: Vec<Batch>,
    /// What will be said of the next depth.
    pub summary: Summary,
    state: State,
    successor: State,
    steps: Vec<Step>,
    /// Which states of a batch are new.
    fresh: Vec<usize>,
}

/// A state's fingerprint.
pub fn print_of(state: &State) -> Print {
    xxh3_64(state.bytes()).max(1)
}

/// The worker that owns a state, by bits that its short fingerprint has too.
pub fn owner(print: Print, peers: usize) -> usize {
    ((print >> 32 & 0x3ff) as usize * peers) >> 10
}

impl<K: Kernel> Share<K> {
    /// The share of one of `peers` workers, which holds the first state if it owns it.
    pub fn new(
        system: Arc<System<K>>,
        reduce: Arc<Reduce>,
        me: usize,
        peers: usize,
        memory_bytes: u64,
    ) -> Share<K> {
        let mut boot = system.boot();
        reduce.canonize(&mut boot);
        let state_len = boot.bytes().len();
        let mut share = Share {
            me,
            peers,
            memory_bytes,
            visited: Visited::new(),
            now: Queue::new(state_len),
            next: Queue::new(state_len),
            depth: 0,
            spare: Vec::new(),
            found: vec![Batch::default(); peers],
            summary: Summary {
                shown: vec![false; system.program().sometimes.len()],
                ..Summary::default()
            },
            state: boot.clone(),
            successor: boot.clone(),
            steps: Vec::new(),
            fresh: Vec::new(),
            system,
            reduce,
        };
        let print = print_of(&boot);
        if owner(print, peers) == me {
            share.summary.transitions = 1;
            share.add(&Batch {
                prints: vec![print],
                parents: vec![print & SHORT],
                bytes: boot.bytes().to_vec(),
            });
        }
        share
    }

    /// States seen.
    pub fn seen(&self) -> u64 {
        self.visited.len()
    }

    /// States that wait to be expanded.
    pub fn waiting(&self) -> u64 {
        self.now.len() + self.next.len()
    }

    /// Where a state was reached from.
    pub fn from(&self, short: u64) -> Option<From> {
        self.visited.from(short)
    }

    /// Everything of the next depth has arrived: what is to be said of it.
    pub fn summarize(&mut self) -> Summary {
        self.summary.fresh = self.next.len();
        self.summary.bytes = self.visited.bytes();
        self.summary.clone()
    }

    /// Goes on to the next depth.
    pub fn descend(&mut self) {
        std::mem::swap(&mut self.now, &mut self.next);
        self.depth += 1;
    }

    /// Expands some states of this depth, unless somebody wants it to stop or there is no more memory; batches for
    /// others go to `send`. Says whether there are more.
    pub fn expand(&mut self, stop: bool, mut send: impl FnMut(usize, Batch)) -> bool {
        self.summary.stopped |= stop;
        if self.summary.stopped || self.summary.full {
            while let Some(block) = self.now.pop() {
                self.spare.push(block.clear());
            }
        }
        let Some(block) = self.now.pop() else {
            for to in 0..self.peers {
                self.hand_over(to, &mut send);
            }
            return false;
        };
        let system = Arc::clone(&self.system);
        let state_len = system.layout().state_len();
        for (print, bytes) in block.states(state_len) {
            self.state.copy_from(bytes);
            self.expand_one(&system, print, &mut send);
        }
        self.spare.push(block.clear());
        true
    }

    #[inline]
    fn expand_one(
        &mut self,
        system: &System<K>,
        print: Print,
        send: &mut impl FnMut(usize, Batch),
    ) {
        let steps = &mut self.steps;
        steps.clear();
        let bounded = system.enabled(&self.state, |step| steps.push(step)).0;
        self.summary.bounded |= bounded;
        if self.steps.is_empty() && !bounded {
            self.summary.ended = true;
            if let Some(violation) = system.judge_end(&self.state) {
                self.convict(self.depth - 1, violation, print, None);
            }
        }
        for n in 0..self.steps.len() {
            let step = self.steps[n];
            self.successor.clone_from(&self.state);
            self.summary.transitions += 1;
            if let Some(fault) = system.take(&mut self.successor, step, &mut ()) {
                self.convict(self.depth, Violation::Builtin(fault), print, Some(step));
                continue;
            }
            self.reduce.canonize(&mut self.successor);
            let found = print_of(&self.successor);
            let to = owner(found, self.peers);
            let batch = &mut self.found[to];
            batch.prints.push(found);
            batch.parents.push(print & SHORT);
            batch.bytes.extend_from_slice(self.successor.bytes());
            if batch.prints.len() == BATCH {
                self.hand_over(to, send);
            }
        }
    }

    fn hand_over(&mut self, to: usize, send: &mut impl FnMut(usize, Batch)) {
        let mut batch = std::mem::take(&mut self.found[to]);
        if to == self.me {
            self.add(&batch);
            batch.prints.clear();
            batch.parents.clear();
            batch.bytes.clear();
            self.found[to] = batch;
        } else if !batch.prints.is_empty() {
            send(to, batch);
        }
    }

    /// Adds what is new among states of the next depth, and judges it.
    pub fn add(&mut self, batch: &Batch) {
        if self.visited.bytes() + self.now.bytes() + self.next.bytes() > self.memory_bytes {
            self.summary.full = true;
            return;
        }
        let state_len = self.system.layout().state_len();
        let (prints, depth) = (&batch.prints, u64::from(self.depth));
        self.fresh.clear();
        let fresh = &mut self.fresh;
        self.visited
            .insert_all(prints, &batch.parents, depth, |n| fresh.push(n));
        for n in 0..self.fresh.len() {
            let n = self.fresh[n];
            let (print, bytes) = (prints[n], &batch.bytes[n * state_len..][..state_len]);
            self.next.push(print, bytes, &mut self.spare);
            self.judge(print, bytes);
        }
    }

    fn judge(&mut self, print: Print, bytes: &[u8]) {
        // `successor` is free: it was copied into the batch.
        self.successor.copy_from(bytes);
        for (property, shown) in self.summary.shown.iter_mut().enumerate() {
            *shown = *shown || self.system.shows(&self.successor, property);
        }
        if let Some(violation) = self.system.judge(&self.successor) {
            self.convict(self.depth, violation, print, None);
        }
    }

    fn convict(&mut self, steps: u32, violation: Violation, print: Print, last: Option<Step>) {
        let conviction = Conviction {
            steps,
            violation: pack_violation(violation),
            state: print & SHORT,
            last: last.map(pack_step),
        };
        let worst = &mut self.summary.worst;
        if worst.as_ref().is_none_or(|worst| conviction < *worst) {
            *worst = Some(conviction);
        }
    }
}

//! One worker of a process: it takes states from the common pile, finds what follows from each, and keeps and judges
//! those that nobody had seen.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use portsim_model::State;
use portsim_model::machine::AnyMachine;
use portsim_model::property::Violation;
use portsim_model::step::Step;

use super::queue::Block;
use super::share::{Share, owner};
use super::tail::Tail;
use super::visited::{Fingerprint, SHORT, fingerprint_of};
use super::wire::{Batch, Conviction, Summary};
use crate::coverage::Coverage;

/// States that are looked up, and sent, together.
const BATCH: usize = 512;

/// The most empty blocks that are kept to be filled again.
const SPARE_MAX: usize = 64;

/// See the module.
pub struct Worker {
    share: Arc<Share>,
    /// What it knows: transitions, properties, what it left out.
    pub summary: Summary,
    /// The claims that decided, where they are counted.
    pub coverage: Option<Coverage>,
    /// States of the next depth that were new, until there are enough of them.
    block: Block,
    spare: Vec<Block>,
    /// Successors by the process that owns them.
    found: Vec<Batch>,
    /// Whichever state is judged.
    judged: State,
    /// A state that is expanded, and one that follows.
    scratch: (State, State),
    movers: Vec<Step>,
    /// Which states of a batch are new.
    fresh: Vec<usize>,
}

impl Worker {
    /// A worker that has done nothing yet.
    pub fn new(share: Arc<Share>, coverage: bool) -> Worker {
        let boot = share.machine.boot();
        Worker {
            summary: Summary {
                shown: vec![false; share.machine.program().sometimes.len()],
                ..Summary::default()
            },
            coverage: coverage.then(Coverage::default),
            block: Block::new(share.record_len),
            spare: Vec::new(),
            found: vec![Batch::default(); share.processes],
            judged: boot.clone(),
            scratch: (boot.clone(), boot),
            movers: Vec::new(),
            fresh: Vec::new(),
            share,
        }
    }

    /// Takes the first state in, where its process owns it.
    pub fn begin(&mut self) {
        if let Some(first) = self.share.first() {
            self.summary.transitions = 1;
            self.add(&first);
        }
    }

    /// Expands a block of states of this depth; says whether there was one.
    pub fn expand(&mut self) -> bool {
        let share = Arc::clone(&self.share);
        let share = &*share;
        let Some(block) = share.now().take() else {
            return false;
        };
        let machine = &*share.machine;
        let state_len = machine.layout().state_len();
        let (mut state, mut next) = std::mem::take(&mut self.scratch);
        for (print, record) in block.states(share.record_len) {
            let (bytes, tail) = record.split_at(state_len);
            state.copy_from(bytes);
            let tail = Tail::read(tail);
            self.expand_one(share, machine, &state, &mut next, (print, tail));
        }
        self.scratch = (state, next);
        if self.spare.len() < SPARE_MAX {
            self.spare.push(block.clear());
        }
        true
    }

    /// Hands over what it has found and not handed over yet.
    pub fn finish(&mut self) {
        for to in 0..self.found.len() {
            self.hand_over(to);
        }
        self.put_block();
    }

    #[inline]
    fn expand_one(
        &mut self,
        share: &Share,
        machine: &dyn AnyMachine,
        state: &State,
        next: &mut State,
        (print, tail): (Fingerprint, Option<Tail>),
    ) {
        let movers = &mut self.movers;
        movers.clear();
        let bounded = machine.movers(state, movers).0;
        self.summary.bounded |= bounded;
        if self.movers.is_empty() && !bounded {
            self.summary.ended = true;
            if let Some(violation) = machine.judge_end(state) {
                self.convict(share.depth() - 1, violation, print, None);
            }
        }
        let reduced = share
            .reduce
            .keep_persistent(machine, state, &mut self.movers);
        self.summary.reduced += u64::from(reduced);
        share.reduce.keep_distinct(state, &mut self.movers);
        let tail = tail.map(|tail| (tail, tail.goes_on(&self.movers)));
        let after = |step| tail.map(|(tail, goes_on)| tail.after(step, goes_on));
        if tail.is_some() {
            let all = self.movers.len();
            let most = share.limits.preemptions;
            self.movers
                .retain(|&mover| after(mover).map(|tail| tail.preemptions) <= most);
            self.summary.preempted |= self.movers.len() < all;
        }
        let movers = std::mem::take(&mut self.movers);
        if let Some(coverage) = &mut self.coverage {
            for &mover in &movers {
                machine.take_all(state, mover, coverage, |_, _, _, _| {});
            }
        }
        machine.successors(state, &movers, next, &mut |step, next, fault| {
            self.summary.transitions += 1;
            match fault {
                None => {
                    share.reduce.canonize(next);
                    self.found(share, next, print, after(step));
                }
                Some(fault) => {
                    self.convict(share.depth(), Violation::Builtin(fault), print, Some(step));
                }
            }
        });
        self.movers = movers;
    }

    /// A step has led to this state: it goes to the process that owns it.
    #[inline]
    fn found(&mut self, share: &Share, next: &State, from: Fingerprint, tail: Option<Tail>) {
        let found = match tail {
            None => fingerprint_of(next.bytes()),
            Some(tail) => tail.print_with(next.bytes()),
        };
        let to = owner(found, share.processes);
        let batch = &mut self.found[to];
        batch.prints.push(found);
        batch.parents.push(from & SHORT);
        batch.bytes.extend_from_slice(next.bytes());
        if let Some(tail) = tail {
            batch.bytes.extend_from_slice(&tail.bytes());
        }
        if batch.prints.len() == BATCH {
            self.hand_over(to);
        }
    }

    fn hand_over(&mut self, to: usize) {
        let batch = std::mem::take(&mut self.found[to]);
        if batch.prints.is_empty() {
            return;
        }
        if to == self.share.process {
            self.add(&batch);
            self.found[to] = batch.clear();
        } else {
            let mut outbox = self
                .share
                .outbox
                .lock()
                .expect("nobody panics with it in hand");
            outbox.push((to, batch));
        }
    }

    /// Adds what is new among states of the next depth, and judges it.
    pub fn add(&mut self, batch: &Batch) {
        let share = Arc::clone(&self.share);
        // What was generated is taken in even so: nothing may be missing where the search is taken up again.
        if share.bytes() > share.limits.memory_bytes || share.seen.is_full() {
            share.full.store(true, Ordering::Relaxed);
        }
        let Batch {
            prints,
            parents,
            bytes,
        } = batch;
        self.fresh.clear();
        let fresh = &mut self.fresh;
        let depth = u64::from(share.depth());
        share
            .seen
            .insert_all(prints, parents, bytes, depth, |n| fresh.push(n));
        for n in 0..self.fresh.len() {
            let n = self.fresh[n];
            let record = &bytes[n * share.record_len..][..share.record_len];
            if self.block.push(prints[n], record) {
                self.put_block();
            }
            self.judge(&share, prints[n], record);
        }
    }

    /// Puts its block of new states on the pile, and takes an empty one.
    fn put_block(&mut self) {
        let spare = self.spare.pop();
        let empty = spare.unwrap_or_else(|| Block::new(self.share.record_len));
        let block = std::mem::replace(&mut self.block, empty);
        self.share.next().put(block);
    }

    fn judge(&mut self, share: &Share, print: Fingerprint, bytes: &[u8]) {
        let machine = &*share.machine;
        let state_len = machine.layout().state_len();
        self.judged.copy_from(&bytes[..state_len]);
        for (property, shown) in self.summary.shown.iter_mut().enumerate() {
            *shown = *shown || machine.shows(&self.judged, property);
        }
        if let Some(violation) = machine.judge(&self.judged) {
            self.convict(share.depth(), violation, print, None);
        }
    }

    #[cold]
    fn convict(
        &mut self,
        steps: u32,
        violation: Violation,
        print: Fingerprint,
        last: Option<Step>,
    ) {
        let conviction = Conviction {
            steps,
            violation: violation.into(),
            state: print & SHORT,
            last: last.map(Into::into),
        };
        let worst = &mut self.summary.worst;
        if worst.as_ref().is_none_or(|worst| conviction < *worst) {
            *worst = Some(conviction);
        }
    }
}

//! The states that one worker owns: which it has seen, which wait, and what follows from them.

use std::ops::Range;
use std::sync::Arc;

use portsim_model::State;
use portsim_model::machine::AnyMachine;
use portsim_model::property::{Fault, Violation};
use portsim_model::step::Step;

use super::kept::wire::{Kind, Known};
use super::kept::{Keeper, Which};
use super::queue::{Block, Queue};
use super::reduce::Reduce;
use super::seen::Seen;
use super::tail::Tail;
use super::visited::{Fingerprint, SHORT, fingerprint_of};
use super::wire::{Batch, Conviction, Summary, What};
use super::{Limits, Trouble};
use crate::bad_input::BadInput;
use crate::coverage::Coverage;

/// States that are looked up, and sent, together.
const BATCH: usize = 512;

/// The most empty batches that are kept to be filled again.
const EMPTY_MAX: usize = 64;

/// One worker's share of the states.
pub struct Share {
    machine: Arc<dyn AnyMachine>,
    reduce: Arc<Reduce>,
    me: usize,
    /// How many workers there are.
    peers: usize,
    limits: Limits,
    /// Bytes of a record: a state, and what is known of the way to it where that is bounded.
    record_len: usize,
    /// The fingerprint of the first state.
    first: Fingerprint,
    seen: Seen,
    /// States of the depth that is being expanded.
    now: Queue,
    /// States of the next depth.
    next: Queue,
    /// Steps from the start to the states of `next`.
    depth: u32,
    spare: Vec<Block>,
    /// Batches that came from others and are empty now.
    empty: Vec<Batch>,
    /// Successors by the worker that owns them.
    found: Vec<Batch>,
    /// What will be said of the next depth.
    pub summary: Summary,
    /// The claims that decided, where they are counted.
    pub coverage: Option<Coverage>,
    /// The first state, and then whichever is judged.
    judged: State,
    /// A state that is expanded, and one that follows.
    scratch: (State, State),
    movers: Vec<Step>,
    /// Which states of a batch are new.
    fresh: Vec<usize>,
}

/// Into so many slots states fall, by bits that their short fingerprints have too.
const SLOTS: usize = 1 << 10;

/// The worker that owns a state: one of those whose slots lie side by side.
pub fn owner(print: Fingerprint, peers: usize) -> usize {
    let slot = (print >> 32) as usize % SLOTS;
    slot * peers / SLOTS
}

/// The slots of the states that a worker owns.
fn slots(me: usize, peers: usize) -> Range<u32> {
    let from = |worker: usize| (worker * SLOTS).div_ceil(peers) as u32;
    from(me)..from(me + 1)
}

impl Share {
    /// The share of one of `peers` workers: nothing yet.
    pub fn new(
        machine: Arc<dyn AnyMachine>,
        reduce: Arc<Reduce>,
        me: usize,
        peers: usize,
        limits: Limits,
    ) -> Share {
        let mut boot = machine.boot();
        reduce.canonize(&mut boot);
        let mut record = boot.bytes().to_vec();
        record.resize(record.len() + Tail::len(limits.preemptions), 0);
        let record_len = record.len();
        Share {
            me,
            peers,
            limits,
            record_len,
            first: fingerprint_of(&record),
            seen: Seen::new(limits.exact, record_len),
            now: Queue::new(record_len),
            next: Queue::new(record_len),
            depth: 0,
            spare: Vec::new(),
            empty: Vec::new(),
            found: vec![Batch::default(); peers],
            summary: Summary {
                shown: vec![false; machine.program().sometimes.len()],
                ..Summary::default()
            },
            coverage: None,
            judged: boot.clone(),
            scratch: (boot.clone(), boot.clone()),
            movers: Vec::new(),
            fresh: Vec::new(),
            machine,
            reduce,
        }
    }

    /// Takes the first state in, where it owns it.
    pub fn begin(&mut self) {
        let mut record = self.judged.bytes().to_vec();
        record.resize(self.record_len, 0);
        if owner(self.first, self.peers) == self.me {
            self.summary.transitions = 1;
            self.add(Batch {
                prints: vec![self.first],
                parents: vec![self.first & SHORT],
                bytes: record,
            });
        }
    }

    /// Takes up what it owns of a checkpoint, however many workers there were then. Says what all workers knew.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is too much for this worker.
    pub fn resume(&mut self, keeper: &Keeper, which: Which) -> Result<Known, BadInput> {
        let known = keeper.known(which);
        if (known.first, known.record_len) != (self.first, self.record_len) {
            let problem = "its states look different: it was written by another build of portsim";
            return Err(keeper.complaint(problem));
        }
        let slots = slots(self.me, self.peers);
        let mut has_room = true;
        let earlier = [Kind::Now, Kind::Next, Kind::Seen];
        keeper.read(which, &earlier, &slots, |kind, number, bytes| {
            has_room &= self.restore(kind, number, bytes);
        })?;
        self.seen.descend();
        keeper.read(which, &[Kind::Newest], &slots, |kind, number, bytes| {
            has_room &= self.restore(kind, number, bytes);
        })?;
        if !has_room {
            return Err(keeper.complaint("it has too many states for so few workers: give it more"));
        }
        self.depth = known.depth;
        if !self.fits(&known.summary) || !known.is_possible() {
            return Err(keeper.complaint("what it knows is of another scenario"));
        }
        // What all workers knew is known to one again.
        if self.me == 0 {
            self.summary = known.summary.clone();
        }
        (self.summary.full, self.summary.stopped) = (false, false);
        self.summary.paused = true;
        Ok(known)
    }

    /// Takes the state of a record up, if it owns it; says whether there was room.
    fn restore(&mut self, kind: Kind, number: u64, bytes: &[u8]) -> bool {
        let print = match kind {
            Kind::Now | Kind::Next => number,
            Kind::Seen | Kind::Newest => self.seen.print_of(number, bytes),
        };
        if owner(print, self.peers) != self.me {
            return true;
        }
        match kind {
            Kind::Now => self.now.push(print, bytes, &mut self.spare),
            Kind::Next => self.next.push(print, bytes, &mut self.spare),
            Kind::Seen | Kind::Newest => return self.seen.restore(number, bytes),
        }
        true
    }

    /// Writes what it has to the next checkpoint. Says the checksum.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn keep(&self, keeper: &Keeper, number: u32, piece: usize) -> Result<u64, Trouble> {
        let (mut sum, slots) = (0_u64, slots(self.me, self.peers));
        for (kind, queue) in [(Kind::Now, &self.now), (Kind::Next, &self.next)] {
            let written = keeper.write(number, (kind, piece), &slots, |out| {
                let mut states = queue.states();
                states.try_for_each(|(print, bytes)| out.record(print, bytes))
            })?;
            sum = sum.wrapping_add(written);
        }
        for (kind, newest) in [(Kind::Seen, false), (Kind::Newest, true)] {
            let written = keeper.write(number, (kind, piece), &slots, |out| {
                let write = |number, bytes: &[u8]| out.record(number, bytes);
                self.seen.records(newest, write)
            })?;
            sum = sum.wrapping_add(written);
        }
        Ok(sum)
    }

    /// What is known of the search, besides of its states; `summary` is of all workers.
    pub fn known(&self, summary: Summary, states: u64, depth_max: u32) -> Known {
        Known {
            first: self.first,
            record_len: self.record_len,
            depth: self.depth,
            states,
            depth_max,
            summary,
        }
    }

    /// Whether it can make sense of what another worker tells: that may come from another process.
    pub fn understands(&self, what: &What) -> bool {
        match what {
            What::States(batch) => {
                let own = |&print: &Fingerprint| owner(print, self.peers) == self.me;
                batch.is_whole(self.record_len) && batch.prints.iter().all(own)
            }
            What::Summary(summary) => self.fits(summary),
            What::Offer(_) | What::Parent(_) => true,
        }
    }

    /// Whether it speaks of what there is in this program.
    fn fits(&self, summary: &Summary) -> bool {
        let program = self.machine.program();
        let mut worst = summary.worst.iter();
        summary.shown.len() == program.sometimes.len()
            && summary.is_possible()
            && worst.all(|it| it.fits(program, self.depth))
    }

    /// States seen.
    pub fn seen(&self) -> u64 {
        self.seen.len()
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> u64 {
        self.seen.bytes() + self.now.bytes() + self.next.bytes()
    }

    /// States that wait to be expanded.
    pub fn waiting(&self) -> u64 {
        self.now.len() + self.next.len()
    }

    /// The short fingerprint of the state before the one with this short fingerprint.
    pub fn parent(&self, short: u64) -> Option<u64> {
        self.seen.parent(short)
    }

    /// Everything of the next depth has arrived: what is to be said of it.
    pub fn summarize(&mut self) -> Summary {
        self.summary.fresh = self.next.len();
        self.summary.bytes = self.seen.bytes();
        self.summary.seen = self.seen.len();
        self.summary.clone()
    }

    /// Goes on to the next depth.
    pub fn descend(&mut self) {
        std::mem::swap(&mut self.now, &mut self.next);
        self.seen.descend();
        self.depth += 1;
    }

    /// Expands some states of this depth, unless it is told to halt or there is no more memory; batches for others go
    /// to `send`. Says whether it goes on: if not, either none are left or the depth is paused.
    pub fn expand(&mut self, halt: bool, mut send: impl FnMut(usize, Batch)) -> bool {
        let halt = halt || self.summary.full;
        let block = if halt { None } else { self.now.pop() };
        let Some(block) = block else {
            self.summary.paused = self.now.len() > 0;
            for to in 0..self.peers {
                self.hand_over(to, &mut send);
            }
            return false;
        };
        let machine = Arc::clone(&self.machine);
        let machine = &*machine;
        let state_len = machine.layout().state_len();
        let (mut state, mut next) = std::mem::take(&mut self.scratch);
        for (print, record) in block.states(self.record_len) {
            let (bytes, tail) = record.split_at(state_len);
            state.copy_from(bytes);
            let tail = Tail::read(tail);
            self.expand_one(machine, &state, &mut next, (print, tail), &mut send);
        }
        self.scratch = (state, next);
        self.spare.push(block.clear());
        true
    }

    #[inline]
    fn expand_one(
        &mut self,
        machine: &dyn AnyMachine,
        state: &State,
        next: &mut State,
        (print, tail): (Fingerprint, Option<Tail>),
        send: &mut impl FnMut(usize, Batch),
    ) {
        let movers = &mut self.movers;
        movers.clear();
        let bounded = machine.movers(state, &mut |mover| movers.push(mover)).0;
        self.summary.bounded |= bounded;
        if self.movers.is_empty() && !bounded {
            self.summary.ended = true;
            if let Some(violation) = machine.judge_end(state) {
                self.convict(self.depth - 1, violation, print, None);
            }
        }
        let reduced = (self.reduce).keep_persistent(machine, state, &mut self.movers);
        self.summary.reduced += u64::from(reduced);
        let tail = tail.map(|tail| (tail, tail.goes_on(&self.movers)));
        let after = |step| tail.map(|(tail, goes_on)| tail.after(step, goes_on));
        if tail.is_some() {
            let all = self.movers.len();
            let most = self.limits.preemptions;
            self.movers
                .retain(|&mover| after(mover).map(|tail| tail.preemptions) <= most);
            self.summary.preempted |= self.movers.len() < all;
        }
        let movers = std::mem::take(&mut self.movers);
        let mut taken = |me: &mut Share, step, next: &mut State, fault: Option<Fault>| {
            me.summary.transitions += 1;
            match fault {
                None => me.found(next, print, after(step), send),
                Some(fault) => {
                    me.convict(me.depth, Violation::Builtin(fault), print, Some(step));
                }
            }
        };
        if let Some(mut coverage) = self.coverage.take() {
            for &mover in &movers {
                machine.take_all(state, mover, &mut coverage, |_, step, mut next, fault| {
                    taken(self, step, &mut next, fault);
                });
            }
            self.coverage = Some(coverage);
        } else {
            machine.successors(state, &movers, next, &mut |step, next, fault| {
                taken(self, step, next, fault);
            });
        }
        self.movers = movers;
    }

    /// A step has led to this state: it goes to the worker that owns it.
    #[inline]
    fn found(
        &mut self,
        next: &mut State,
        from: Fingerprint,
        tail: Option<Tail>,
        send: &mut impl FnMut(usize, Batch),
    ) {
        self.reduce.canonize(next);
        let found = match tail {
            None => fingerprint_of(next.bytes()),
            Some(tail) => tail.print_with(next.bytes()),
        };
        let to = owner(found, self.peers);
        let batch = &mut self.found[to];
        batch.prints.push(found);
        batch.parents.push(from & SHORT);
        batch.bytes.extend_from_slice(next.bytes());
        if let Some(tail) = tail {
            batch.bytes.extend_from_slice(&tail.bytes());
        }
        if batch.prints.len() == BATCH {
            self.hand_over(to, send);
        }
    }

    fn hand_over(&mut self, to: usize, send: &mut impl FnMut(usize, Batch)) {
        if self.found[to].prints.is_empty() {
            return;
        }
        let empty = self.empty.pop().unwrap_or_default();
        let batch = std::mem::replace(&mut self.found[to], empty);
        if to == self.me {
            self.add(batch);
        } else {
            send(to, batch);
        }
    }

    /// Adds what is new among states of the next depth, and judges it.
    pub fn add(&mut self, batch: Batch) {
        // What was generated is taken in even so: nothing may be missing where the search is taken up again.
        self.summary.full |= self.bytes() > self.limits.memory_bytes || self.seen.is_full();
        let (prints, depth) = (&batch.prints, u64::from(self.depth));
        self.fresh.clear();
        let fresh = &mut self.fresh;
        self.seen
            .insert_all(prints, &batch.parents, &batch.bytes, depth, |n| {
                fresh.push(n);
            });
        for n in 0..self.fresh.len() {
            let n = self.fresh[n];
            let (print, bytes) = (
                prints[n],
                &batch.bytes[n * self.record_len..][..self.record_len],
            );
            self.next.push(print, bytes, &mut self.spare);
            self.judge(print, bytes);
        }
        if self.empty.len() < EMPTY_MAX {
            self.empty.push(batch.clear());
        }
    }

    fn judge(&mut self, print: Fingerprint, bytes: &[u8]) {
        let state_len = self.machine.layout().state_len();
        self.judged.copy_from(&bytes[..state_len]);
        for (property, shown) in self.summary.shown.iter_mut().enumerate() {
            *shown = *shown || self.machine.shows(&self.judged, property);
        }
        if let Some(violation) = self.machine.judge(&self.judged) {
            self.convict(self.depth, violation, print, None);
        }
    }

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

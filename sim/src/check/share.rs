//! The states that one process owns: which it has seen, and which wait. Its workers (`worker`) share all of that.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use portsim_model::machine::AnyMachine;

use super::kept::wire::{Kind, Known};
use super::kept::{Keeper, Which};
use super::queue::{Filling, Pile};
use super::reduce::Reduce;
use super::seen::Seen;
use super::tail::Tail;
use super::visited::{Fingerprint, SHORT, fingerprint_of};
use super::wire::{Batch, Summary, What};
use super::{Limits, Trouble};
use crate::bad_input::BadInput;

/// One process's share of the states.
pub struct Share {
    pub machine: Arc<dyn AnyMachine>,
    pub reduce: Arc<Reduce>,
    /// Which process this is, counted from 0, and of how many.
    pub process: usize,
    pub processes: usize,
    /// How many workers it has.
    pub workers: usize,
    pub limits: Limits,
    /// Bytes of a record: a state, and what is known of the way to it where that is bounded.
    pub record_len: usize,
    /// The first state, and its fingerprint.
    first: (Fingerprint, Vec<u8>),
    pub seen: Seen,
    /// States of the depth that is being expanded, and of the next: which is which changes with every depth.
    piles: [Pile; 2],
    /// The most bytes that they had together.
    piles_most: AtomicU64,
    /// Steps from the start to the states of the next depth.
    depth: AtomicU32,
    /// There is no more memory for states.
    pub full: AtomicBool,
    /// What was found for other processes, until the leader sends it.
    pub outbox: Mutex<Vec<(usize, Batch)>>,
}

/// Into so many slots states fall, by bits that their short fingerprints have too.
const SLOTS: usize = 1 << 10;

/// The process that owns a state: one of those whose slots lie side by side.
pub fn owner(print: Fingerprint, processes: usize) -> usize {
    let slot = (print >> 32) as usize % SLOTS;
    slot * processes / SLOTS
}

/// The slots of the states that a process owns.
fn slots(process: usize, processes: usize) -> Range<u32> {
    let from = |process: usize| (process * SLOTS).div_ceil(processes) as u32;
    from(process)..from(process + 1)
}

impl Share {
    /// The share of one of so many processes, for so many workers: nothing yet.
    pub fn new(
        machine: Arc<dyn AnyMachine>,
        reduce: Arc<Reduce>,
        (process, processes): (usize, usize),
        workers: usize,
        limits: Limits,
    ) -> Share {
        let mut boot = machine.boot();
        reduce.canonize(&mut boot);
        let mut record = boot.bytes().to_vec();
        record.resize(record.len() + Tail::len(limits.preemptions), 0);
        let record_len = record.len();
        Share {
            machine,
            reduce,
            process,
            processes,
            workers,
            limits,
            record_len,
            first: (fingerprint_of(&record), record),
            seen: Seen::new(limits.exact, record_len),
            piles: [Pile::new(record_len), Pile::new(record_len)],
            piles_most: AtomicU64::new(0),
            depth: AtomicU32::new(0),
            full: AtomicBool::new(false),
            outbox: Mutex::default(),
        }
    }

    /// The first state, where this process owns it.
    pub fn first(&self) -> Option<Batch> {
        let (print, record) = &self.first;
        self.owns(*print).then(|| Batch {
            prints: vec![*print],
            parents: vec![print & SHORT],
            bytes: record.clone(),
        })
    }

    /// Whether a state is this process's.
    pub fn owns(&self, print: Fingerprint) -> bool {
        owner(print, self.processes) == self.process
    }

    /// Steps from the start to the states of the next depth.
    pub fn depth(&self) -> u32 {
        self.depth.load(Ordering::Relaxed)
    }

    /// States of the depth that is being expanded.
    pub fn now(&self) -> &Pile {
        &self.piles[self.depth() as usize % 2]
    }

    /// States of the next depth.
    pub fn next(&self) -> &Pile {
        &self.piles[(self.depth() as usize + 1) % 2]
    }

    /// Goes on to the next depth, while no worker is at anything.
    pub fn descend(&self) {
        self.depth.fetch_add(1, Ordering::Relaxed);
    }

    /// What all workers of all processes knew of a checkpoint that this process takes up.
    ///
    /// # Errors
    ///
    /// If it is of something else.
    pub fn known_of(&self, keeper: &Keeper, which: Which) -> Result<Known, BadInput> {
        let known = keeper.known(which);
        if (known.first, known.record_len) != (self.first.0, self.record_len) {
            let problem = "its states look different: it was written by another build of portsim";
            return Err(keeper.complaint(problem));
        }
        self.depth.store(known.depth, Ordering::Relaxed);
        if !self.fits(&known.summary) || !known.is_possible() {
            return Err(keeper.complaint("what it knows is of another scenario"));
        }
        Ok(known)
    }

    /// Takes up one of so many portions, as many as there are workers, of what this process owns of a checkpoint, however
    /// many processes and workers there were then.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is too much for this process.
    pub fn resume(&self, keeper: &Keeper, which: Which, portion: usize) -> Result<(), BadInput> {
        let portion = (portion, self.workers);
        let slots = slots(self.process, self.processes);
        let mut blocks = [self.now(), self.next()].map(Filling::of);
        let mut has_room = true;
        keeper.read(which, &slots, portion, |kind, number, bytes| {
            let print = match kind {
                Kind::Now | Kind::Next => number,
                Kind::Seen => self.seen.print_of(number, bytes),
            };
            has_room &= !self.seen.is_full();
            if !self.owns(print) || !has_room {
                return;
            }
            match kind {
                Kind::Now => blocks[0].push(print, bytes),
                Kind::Next => blocks[1].push(print, bytes),
                Kind::Seen => self.seen.restore(number, bytes),
            }
        })?;
        for block in blocks {
            block.finish();
        }
        if has_room {
            return Ok(());
        }
        Err(keeper.complaint("it has too many states for one process: give it more"))
    }

    /// Writes one of so many portions, as many as there are workers, of what this process has to the next checkpoint.
    /// Says the checksum.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn keep(&self, keeper: &Keeper, number: u32, portion: usize) -> Result<u64, Trouble> {
        let (mut sum, slots) = (0_u64, slots(self.process, self.processes));
        let of = self.workers;
        for (kind, pile) in [(Kind::Now, self.now()), (Kind::Next, self.next())] {
            let written = keeper.write(number, (kind, portion), &slots, |out| {
                pile.for_each(portion, of, |print, bytes| out.record(print, bytes))
            })?;
            sum = sum.wrapping_add(written);
        }
        let written = keeper.write(number, (Kind::Seen, portion), &slots, |out| {
            let write = |number, bytes: &[u8]| out.record(number, bytes);
            self.seen.records((portion, of), write)
        })?;
        Ok(sum.wrapping_add(written))
    }

    /// What is known of the search, besides of its states; `summary` is of all processes.
    pub fn known(&self, summary: Summary, states: u64, depth_max: u32) -> Known {
        Known {
            first: self.first.0,
            record_len: self.record_len,
            depth: self.depth(),
            states,
            depth_max,
            summary,
        }
    }

    /// Whether it can make sense of what another process tells.
    pub fn understands(&self, what: &What) -> bool {
        match what {
            What::States(batch) => {
                batch.is_whole(self.record_len) && batch.prints.iter().all(|&it| self.owns(it))
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
            && worst.all(|it| it.fits(program, self.depth()))
    }

    /// Bytes of memory in use. What states have taken that waited, malloc keeps once they are expanded.
    pub fn bytes(&self) -> u64 {
        let piles = self.now().bytes() + self.next().bytes();
        let most = self.piles_most.fetch_max(piles, Ordering::Relaxed);
        self.seen.bytes() + piles.max(most)
    }

    /// States that wait to be expanded.
    pub fn waiting(&self) -> u64 {
        self.now().len() + self.next().len()
    }
}

//! The workers of one process: the leader, which speaks with the other processes, and its helpers. Together they expand a
//! depth, and write and read checkpoints, each a portion.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};

use super::Trouble;
use super::kept::wire::Known;
use super::kept::{Keeper, Which};
use super::meeting::Helpers;
use super::queue::BLOCK;
use super::share::Share;
use super::told::Told;
use super::wire::{Batch, Summary};
use super::worker::Worker;
use crate::coverage::Coverage;

/// With fewer states the leader is done before helpers have woken.
const ALONE: u64 = 2 * BLOCK as u64;

/// What all workers do together.
#[derive(Clone)]
enum Task {
    /// Expand the states of a depth, or one block each.
    Expand { one_block: bool },
    /// Read a checkpoint.
    Resume { keeper: Arc<Keeper>, which: Which },
    /// Write a checkpoint.
    Keep { keeper: Arc<Keeper>, number: u32 },
}

/// See the module.
pub struct Team {
    pub share: Arc<Share>,
    all: Arc<All>,
    helpers: Helpers<Task>,
    /// A depth is being expanded.
    expanding: bool,
}

/// What helpers know too.
struct All {
    share: Arc<Share>,
    /// Every worker, the leader first.
    workers: Vec<Mutex<Worker>>,
    shared: Arc<Told>,
    /// The sum of the checksums of what was written, or what went wrong.
    kept: Mutex<Result<u64, Trouble>>,
}

impl Team {
    /// A team for this share.
    ///
    /// # Errors
    ///
    /// If a thread cannot be started.
    pub fn new(share: Share, coverage: bool, shared: Arc<Told>) -> Result<Team, String> {
        let share = Arc::new(share);
        let worker = || Mutex::new(Worker::new(Arc::clone(&share), coverage));
        let all = Arc::new(All {
            workers: std::iter::repeat_with(worker).take(share.workers).collect(),
            share: Arc::clone(&share),
            shared,
            kept: Mutex::new(Ok(0)),
        });
        let for_helpers = Arc::clone(&all);
        let helpers = Helpers::new(share.workers - 1, move |helper, task| {
            for_helpers.work(helper + 1, task);
        })?;
        Ok(Team {
            share,
            all,
            helpers,
            expanding: false,
        })
    }

    /// Takes the first state in, where the process owns it.
    pub fn begin(&mut self) {
        self.all.worker(0).begin();
    }

    /// Adds states that another process has found.
    pub fn add(&mut self, batch: &Batch) {
        self.all.worker(0).add(batch);
    }

    /// Expands some states of this depth, unless it is told to halt or there is no more memory; batches for other
    /// processes go to `send`. Says whether it goes on: if not, either none are left or the depth is paused.
    pub fn expand(
        &mut self,
        halt: bool,
        one_block: bool,
        mut send: impl FnMut(usize, Batch),
    ) -> bool {
        let share = &*self.share;
        let halt = halt || share.full.load(Ordering::Relaxed);
        if !self.expanding && !halt {
            self.expanding = true;
            if share.now().len() > ALONE {
                self.helpers.call(Task::Expand { one_block });
            }
        }
        let more = !halt && self.all.expand(0);
        if !more {
            self.helpers.wait();
            self.expanding = false;
            self.all.worker(0).finish();
        }
        let found = std::mem::take(&mut *lock(&share.outbox));
        for (to, batch) in found {
            send(to, batch);
        }
        more
    }

    /// What the workers know when all states of the next depth have arrived; `own` is what the process says itself.
    pub fn summary(&mut self, own: &Summary) -> Summary {
        let share = &*self.share;
        self.all.worker(0).finish();
        self.all.tell(0);
        let own = Summary {
            fresh: share.next().len(),
            bytes: share.seen.bytes(),
            seen: share.seen.len(),
            full: own.full || share.full.load(Ordering::Relaxed),
            ..own.clone()
        };
        let workers = (0..share.workers).map(|n| self.all.worker(n).summary.clone());
        workers.fold(own, |sum, worker| worker.merge(sum))
    }

    /// Takes up what the process owns of a checkpoint; says what all processes knew.
    pub fn resume(&mut self, keeper: &Arc<Keeper>, which: Which) -> Result<Known, Trouble> {
        let known = self.share.known_of(keeper, which)?;
        self.together(Task::Resume {
            keeper: Arc::clone(keeper),
            which,
        })?;
        // What all knew is known to one again.
        if self.share.process == 0 {
            let mut leader = self.all.worker(0);
            leader.summary = Summary {
                fresh: 0,
                bytes: 0,
                seen: 0,
                full: false,
                stopped: false,
                paused: false,
                failed: false,
                unkept: false,
                kept: 0,
                ..known.summary.clone()
            };
        }
        Ok(known)
    }

    /// Writes what the process has to the next checkpoint. Says the checksum.
    pub fn keep(&mut self, keeper: &Arc<Keeper>, number: u32) -> Result<u64, Trouble> {
        let keeper = Arc::clone(keeper);
        self.together(Task::Keep { keeper, number })
    }

    fn together(&mut self, task: Task) -> Result<u64, Trouble> {
        self.helpers.call(task.clone());
        self.all.work(0, task);
        self.helpers.wait();
        std::mem::replace(&mut *lock(&self.all.kept), Ok(0))
    }

    /// Adds the claims that decided.
    pub fn merge_coverage(&self, all: &mut Coverage) {
        for n in 0..self.share.workers {
            if let Some(own) = &self.all.worker(n).coverage {
                all.merge(own);
            }
        }
    }
}

impl All {
    fn worker(&self, n: usize) -> MutexGuard<'_, Worker> {
        lock(&self.workers[n])
    }

    /// What one worker does for a task.
    fn work(&self, n: usize, task: Task) {
        let share = &*self.share;
        let done = match task {
            Task::Expand { one_block } => {
                while self.expand(n) && !one_block && !self.halts() {}
                self.worker(n).finish();
                return;
            }
            Task::Resume { keeper, which } => {
                let read = share.resume(&keeper, which, n);
                read.map(|()| 0).map_err(Trouble::from)
            }
            Task::Keep { keeper, number } => share.keep(&keeper, number, n),
        };
        let mut kept = lock(&self.kept);
        match (&mut *kept, done) {
            (Ok(sum), Ok(more)) => *sum = sum.wrapping_add(more),
            (Ok(_), Err(trouble)) => *kept = Err(trouble),
            (Err(_), _) => {}
        }
    }

    /// Expands a block; says whether there was one.
    fn expand(&self, n: usize) -> bool {
        let did = self.worker(n).expand();
        self.tell(n);
        did
    }

    /// Whether whoever expands a depth is to stop in the middle.
    fn halts(&self) -> bool {
        let shared = &*self.shared;
        [
            &shared.stop,
            &shared.pause,
            &shared.panicked,
            &self.share.full,
        ]
        .iter()
        .any(|it| it.load(Ordering::Relaxed))
    }

    /// Tells where the process, and one of its workers, stand.
    fn tell(&self, n: usize) {
        let share = &*self.share;
        let now = [share.seen.len(), share.waiting(), share.bytes()];
        for (count, now) in self.shared.counts.iter().zip(now) {
            count.store(now, Ordering::Relaxed);
        }
        let transitions = self.worker(n).summary.transitions;
        self.shared.transitions[n].store(transitions, Ordering::Relaxed);
    }
}

fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().expect("no worker has panicked with it in hand")
}

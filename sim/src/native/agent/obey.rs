//! The agent's side at full speed: threads of this process that make the calls they are given, one after the other,
//! and say of each how it returned and when.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portsim_model::program::{Op, Program, ThreadId};

use super::output::Output;
use super::wire::{Failed, FromAgent, Returned};
use crate::native::failure::Failure;
use crate::native::lock::lock;
use crate::native::parked::Probe;
use crate::native::world::{Idle, World, rests_in};
use crate::trace::{Answer, outcome_fields};

/// How often is looked whether everybody has come to rest, or home.
const LOOK: Duration = Duration::from_micros(500);

/// How long a thread may take to come home once it is released.
const HOME_LIMIT: Duration = Duration::from_secs(2);

/// The threads of one run.
pub struct Obedient {
    shared: Arc<Shared>,
    /// Joins whoever has ended, and says so.
    joiner: Option<JoinHandle<()>>,
}

struct Shared {
    world: Arc<dyn World>,
    since: Instant,
    output: Output,
    /// By thread.
    hands: Vec<Hand>,
    over: AtomicBool,
}

/// What a thread has to do.
#[derive(Default)]
struct Hand {
    orders: Mutex<Orders>,
    comes: Condvar,
}

#[derive(Default)]
struct Orders {
    /// The numbers of its calls, and the calls, oldest first.
    given: VecDeque<(u64, Op)>,
    /// The call that it is in.
    inside: Option<(u64, Op)>,
    /// How many calls it has made.
    made: usize,
    probe: Option<Probe>,
}

/// A thread that ends: who, the number of its end, and when it began.
type End = (ThreadId, u64, u64);

impl Obedient {
    /// Starts the threads of a program.
    pub fn start(
        world: Arc<dyn World>,
        program: &Program,
        output: Output,
    ) -> Result<Obedient, Failure> {
        let shared = Arc::new(Shared {
            since: Instant::now(),
            output,
            hands: program.threads.iter().map(|_| Hand::default()).collect(),
            over: AtomicBool::new(false),
            world,
        });
        let (ends, ended) = channel();
        let mut run = Obedient {
            shared: Arc::clone(&shared),
            joiner: None,
        };
        let mut threads = Vec::new();
        for me in program.thread_ids() {
            let (shared, ends) = (Arc::clone(&shared), ends.clone());
            let live = move || shared.live(me, &ends);
            threads.push(Some(run.thread(format!("portsim {}", me.0), live)?));
        }
        let shared = Arc::clone(&shared);
        let join = move || shared.join(threads, &ended);
        run.joiner = Some(run.thread("joins".to_owned(), join)?);
        Ok(run)
    }

    fn thread(
        &self,
        name: String,
        life: impl FnOnce() + Send + 'static,
    ) -> Result<JoinHandle<()>, Failure> {
        let started = thread::Builder::new().name(name).spawn(life);
        started.map_err(|error| Failure::new(self.shared.world.backend(), "start a thread", error))
    }

    /// Gives a thread one more call.
    pub fn give(&self, thread: ThreadId, id: u64, op: Op) {
        let hand = &self.shared.hands[thread.index()];
        lock(&hand.orders).given.push_back((id, op));
        hand.comes.notify_one();
    }

    /// Waits until nothing moves; a call that still does at the limit.
    pub fn rest(&self, limit: Duration) -> Result<Option<u64>, Failure> {
        let start = Instant::now();
        loop {
            let moving = self.shared.moving()?;
            if moving.is_none() || start.elapsed() >= limit {
                return Ok(moving);
            }
            thread::sleep(LOOK);
        }
    }

    /// Brings everybody home. One that does not come is left behind.
    pub fn end(&mut self) -> Result<(), Failure> {
        let Some(joiner) = self.joiner.take() else {
            return Ok(());
        };
        self.shared.stop();
        let released = self.shared.world.release();
        let start = Instant::now();
        while !joiner.is_finished() && start.elapsed() < HOME_LIMIT {
            thread::sleep(LOOK);
        }
        released
    }
}

impl Drop for Obedient {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

impl Shared {
    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn stop(&self) {
        self.over.store(true, Ordering::SeqCst);
        for hand in &self.hands {
            lock(&hand.orders).given.clear();
            hand.comes.notify_one();
        }
        self.world.resume_all();
    }

    /// A thread's whole life.
    fn live(&self, me: ThreadId, ends: &Sender<End>) {
        if let Err(failure) = self.arrive(me) {
            return self.fails(None, &failure);
        }
        while let Some((id, op)) = self.next(me) {
            let t0 = self.now();
            if op == Op::Exit {
                let _ = ends.send((me, id, t0));
                return;
            }
            let answer = self.world.perform(me, op);
            let t1 = self.now();
            let mut orders = lock(&self.hands[me.index()].orders);
            orders.inside = None;
            match answer {
                Ok(answer) => self.returns(id, &answer, (t0, t1)),
                Err(failure) => return self.fails(Some(id), &failure),
            }
        }
    }

    fn arrive(&self, me: ThreadId) -> Result<(), Failure> {
        if self.world.asks_kernel() {
            let probe = Probe::of_this_thread()
                .map_err(|error| Failure::new(self.world.backend(), "look at a thread", error))?;
            lock(&self.hands[me.index()].orders).probe = Some(probe);
        }
        self.world.arrives(me)
    }

    /// The next call of a thread, which is inside of it from now on; none where the run is over.
    fn next(&self, me: ThreadId) -> Option<(u64, Op)> {
        let hand = &self.hands[me.index()];
        let mut orders = lock(&hand.orders);
        while !self.over.load(Ordering::SeqCst) {
            if let Some(next) = orders.given.pop_front() {
                orders.made += 1;
                orders.inside = Some(next);
                return Some(next);
            }
            orders = match self.world.idle(me) {
                Idle::Sleeps => {
                    let woken = hand.comes.wait(orders);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
                Idle::Spins => {
                    drop(orders);
                    thread::yield_now();
                    lock(&hand.orders)
                }
            };
        }
        None
    }

    fn returns(&self, id: u64, answer: &Answer, (t0, t1): (u64, u64)) {
        let returned = outcome_fields(answer);
        let (t0, t1) = (Some(t0), Some(t1));
        // Where nobody hears it any more, the input ends as well.
        let _ = self.output.say(&FromAgent::Returned(Returned {
            id,
            returned,
            t0,
            t1,
        }));
    }

    fn fails(&self, id: Option<u64>, failure: &Failure) {
        let error = failure.to_string();
        let _ = self.output.say(&FromAgent::Failed(Failed { error, id }));
    }

    /// The end of a thread is over when it was joined.
    fn join(&self, mut threads: Vec<Option<JoinHandle<()>>>, ended: &Receiver<End>) {
        for (thread, id, t0) in ended {
            if let Some(thread) = threads[thread.index()].take() {
                // A panic was reported on standard error.
                let _ = thread.join();
            }
            self.returns(id, &Answer::Done, (t0, self.now()));
            lock(&self.hands[thread.index()].orders).inside = None;
        }
        for thread in threads.into_iter().flatten() {
            let _ = thread.join();
        }
    }

    /// A call that moves: everybody is looked at twice, and must be in the same call both times.
    fn moving(&self) -> Result<Option<u64>, Failure> {
        let mut found = Vec::new();
        for n in 0..self.hands.len() {
            match self.rests(ThreadId(n as u8), None)? {
                Ok(rest) => found.push(rest),
                Err(id) => return Ok(Some(id)),
            }
        }
        for (n, before) in found.into_iter().enumerate() {
            match self.rests(ThreadId(n as u8), Some(before))? {
                Ok(rest) if rest == before => {}
                Ok(_) => return Ok(Some(0)),
                Err(id) => return Ok(Some(id)),
            }
        }
        Ok((!self.world.settled()).then_some(0))
    }

    /// Where a thread rests: after how many calls, and how often it has slept. Else the call that moves.
    fn rests(
        &self,
        thread: ThreadId,
        before: Option<(usize, u64)>,
    ) -> Result<Result<(usize, u64), u64>, Failure> {
        let orders = lock(&self.hands[thread.index()].orders);
        let Some((id, op)) = orders.inside else {
            let next = orders.given.front().map(|&(id, _)| id);
            return Ok(next.map_or(Ok((orders.made, 0)), Err));
        };
        let before = before.map(|(_, slept)| slept);
        let slept = rests_in(&*self.world, thread, op, orders.probe.as_ref(), before)?;
        Ok(slept.map(|slept| (orders.made, slept)).ok_or(id))
    }
}

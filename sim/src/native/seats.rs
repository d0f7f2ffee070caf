//! Threads of this process that make calls when they are told to.
//!
//! ```text
//!            start                 the call ended               quiet
//!   Idle ------------> In its call ----------------> Back ----------------> Idle
//!     |                    |   ^
//!     | leave, end   parked|   | released
//!     v                    v   |
//!   Gone                 the kernel
//! ```
//!
//! A seat writes down its answer when its call ends, so a return is never guessed. That a thread is parked is
//! seen from outside ([`super::parked`]). Nothing moves when one whole sweep over the threads that are inside
//! a call finds each of them parked exactly where it was found parked before, and no other thread is in a
//! call: whoever could have released one of them had stopped before the sweep began, and a release shows in
//! the state of the released thread before the call that caused it returns.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering, fence};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portsim_model::program::{Op, ThreadId};

use super::backend::{Back, Failure, Stage, Unquiet};
use super::parked::{KernelWait, Probe};
use crate::trace::Answer;

/// One scenario's ports and objects, for threads of this process.
pub trait World: Send + Sync {
    /// The backend's name, for errors.
    fn backend(&self) -> &'static str;

    /// Makes a call, on the thread that the scenario names; may block in the kernel.
    fn perform(&self, me: ThreadId, op: Op) -> Result<Answer, Failure>;

    /// How the kernel shows a thread that is parked in this call; none while it cannot be parked yet.
    fn wait_of(&self, thread: ThreadId, op: Op) -> Option<KernelWait>;

    /// Releases a thread from its stall.
    fn come_back(&self, thread: ThreadId) -> Result<(), Failure>;

    /// Releases every thread from whatever call it is in, and every later call at once. The recording is over.
    fn release(&self) -> Result<(), Failure>;

    /// A wait was interrupted from outside.
    fn disturbed(&self) -> bool;

    /// What a thread does between its calls.
    fn idle(&self) -> Idle {
        Idle::Sleeps
    }
}

/// What a thread does between its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// Sleeps in the kernel: right where the kernel does not count running threads.
    Sleeps,
    /// Spins: right where a sleeping thread would count as blocked and let another one run.
    Spins,
}

const IDLE: u8 = 0;
const IN_CALL: u8 = 1;
const BACK: u8 = 2;
const GONE: u8 = 3;

/// How often a seat looks for its next call before it sleeps, and the conductor for an answer before it looks
/// at `/proc`: a hand-over that comes at once is met awake, and a core is not kept from its owner for long.
const SPINS: u32 = 200;

/// How often the conductor looks before it gives the core away.
const LOOKS: u32 = 6;

/// For how long: a return ends it early, but nobody tells that a thread has parked.
const NAP: Duration = Duration::from_micros(50);

/// How long a thread may take to come home once it is released.
const HOME_LIMIT: Duration = Duration::from_secs(10);

/// Where a seat and the conductor meet.
struct Desk {
    state: AtomicU8,
    op: Mutex<Option<Op>>,
    answer: Mutex<Option<Result<Answer, Failure>>>,
}

/// How the conductor sleeps until some seat comes back, where that takes a while.
#[derive(Default)]
struct Listener {
    listens: AtomicBool,
    lock: Mutex<()>,
    came_back: Condvar,
}

struct Seat {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
    probe: Probe,
    /// The call it is in.
    inside: Option<Op>,
    /// Its count of switches when it was last found parked in that call.
    parked: Option<u64>,
}

/// The threads of a program on a world.
pub struct Seats {
    world: Arc<dyn World>,
    seats: Vec<Seat>,
    listener: Arc<Listener>,
}

impl Seats {
    /// So many threads, each waiting for its first call.
    pub fn new(world: Arc<dyn World>, threads: usize) -> Result<Seats, Failure> {
        let mut seats = Seats {
            world,
            seats: Vec::with_capacity(threads),
            listener: Arc::default(),
        };
        for n in 0..threads {
            let seat = seats
                .sit_down(ThreadId(n as u8))
                .map_err(|error| Failure::new(seats.world.backend(), "start a thread", error))?;
            seats.seats.push(seat);
        }
        Ok(seats)
    }

    fn sit_down(&self, me: ThreadId) -> io::Result<Seat> {
        let desk = Arc::new(Desk {
            state: AtomicU8::new(IDLE),
            op: Mutex::new(None),
            answer: Mutex::new(None),
        });
        let (tell, told) = channel();
        let (world, listener) = (self.world.clone(), self.listener.clone());
        let thread = {
            let desk = desk.clone();
            thread::Builder::new()
                .name(format!("portsim {}", me.0))
                .stack_size(256 << 10)
                .spawn(move || {
                    let probe = Probe::of_this_thread();
                    if tell.send(probe).is_ok() {
                        serve(&*world, me, &desk, &listener);
                    }
                })?
        };
        let probe = told
            .recv()
            .map_err(|_| io::Error::other("the thread ended at once"))??;
        Ok(Seat {
            desk,
            thread: Some(thread),
            probe,
            inside: None,
            parked: None,
        })
    }

    fn failure(&self, call: &str, error: io::Error) -> Failure {
        Failure::new(self.world.backend(), call, error)
    }

    /// Takes the answers of all seats that are back.
    fn collect(&mut self, backs: &mut Vec<Back>) -> Result<(), Failure> {
        for (n, seat) in self.seats.iter_mut().enumerate() {
            if seat.inside.is_some() && seat.desk.state.load(Ordering::Acquire) == BACK {
                let answer = lock(&seat.desk.answer).take().expect("it left an answer");
                seat.desk.state.store(IDLE, Ordering::Relaxed);
                (seat.inside, seat.parked) = (None, None);
                backs.push(Back {
                    thread: ThreadId(n as u8),
                    answer: answer?,
                });
            }
        }
        Ok(())
    }

    /// Looks at the seats that are moving, until none is; one of them if one is. Seats in `until` move until
    /// they are back.
    fn look(&mut self, until: &[ThreadId]) -> Result<Option<ThreadId>, Failure> {
        let mut moving = None;
        for n in 0..self.seats.len() {
            let thread = ThreadId(n as u8);
            let seat = &self.seats[n];
            let (Some(op), None) = (seat.inside, seat.parked) else {
                continue;
            };
            let found = match self.world.wait_of(thread, op) {
                Some(wait) if !until.contains(&thread) => seat.probe.parked(wait),
                _ => Ok(None),
            };
            self.seats[n].parked = found.map_err(|error| self.failure("read /proc", error))?;
            if self.seats[n].parked.is_none() {
                moving = Some(thread);
            }
        }
        Ok(moving)
    }

    /// Looks once more at every seat that was found parked; whether all are where they were.
    fn sweep(&mut self) -> Result<bool, Failure> {
        let mut still = true;
        for n in 0..self.seats.len() {
            let seat = &self.seats[n];
            let (Some(op), Some(before)) = (seat.inside, seat.parked) else {
                continue;
            };
            let found = match self.world.wait_of(ThreadId(n as u8), op) {
                Some(wait) => seat.probe.parked_since(wait, before),
                None => Ok(false),
            };
            if !found.map_err(|error| self.failure("read /proc", error))? {
                self.seats[n].parked = None;
                still = false;
            }
        }
        Ok(still)
    }

    fn any_back(&self) -> bool {
        let back =
            |seat: &Seat| seat.inside.is_some() && seat.desk.state.load(Ordering::Acquire) == BACK;
        self.seats.iter().any(back)
    }

    /// Gives a call that returns at once the time to do so.
    fn spin(&self) {
        let moving = |seat: &Seat| seat.inside.is_some() && seat.parked.is_none();
        if !self.seats.iter().any(moving) {
            return;
        }
        for _ in 0..SPINS {
            if self.any_back() {
                return;
            }
            std::hint::spin_loop();
        }
    }

    /// Sleeps until some seat is back: what is awaited takes real time.
    fn listen(&self, limit: Duration) {
        let guard = lock(&self.listener.lock);
        self.listener.listens.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if !self.any_back() {
            drop(self.listener.came_back.wait_timeout(guard, limit));
        }
        self.listener.listens.store(false, Ordering::SeqCst);
    }

    /// A seat whose thread panicked never comes back: that is our own bug, and ends the program as one.
    fn mourn(&mut self) {
        for seat in &mut self.seats {
            let died = |thread: &JoinHandle<()>| thread.is_finished();
            if seat.inside.is_some()
                && seat.desk.state.load(Ordering::Acquire) != BACK
                && seat.thread.as_ref().is_some_and(died)
            {
                seat.inside = None;
                if let Some(Err(panic)) = seat.thread.take().map(JoinHandle::join) {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
}

impl Stage for Seats {
    fn start(&mut self, thread: ThreadId, op: Op) -> Result<(), Failure> {
        let seat = &mut self.seats[thread.index()];
        assert!(seat.inside.is_none(), "{thread:?} is in a call already");
        seat.inside = Some(op);
        *lock(&seat.desk.op) = Some(op);
        seat.desk.state.store(IN_CALL, Ordering::Release);
        if let Some(thread) = &seat.thread {
            thread.thread().unpark();
        }
        Ok(())
    }

    fn come_back(&mut self, thread: ThreadId) -> Result<(), Failure> {
        self.seats[thread.index()].parked = None;
        self.world.come_back(thread)
    }

    fn quiet(&mut self, until: &[ThreadId], limit: Duration) -> Result<Vec<Back>, Unquiet> {
        let end = Instant::now() + limit;
        let (mut backs, mut looks) = (Vec::new(), 0);
        for thread in until {
            self.seats[thread.index()].parked = None;
        }
        loop {
            self.spin();
            self.collect(&mut backs)?;
            let Some(moving) = self.look(until)? else {
                if self.sweep()? && !self.any_back() {
                    backs.sort_by_key(|back| back.thread);
                    return Ok(backs);
                }
                continue;
            };
            self.mourn();
            let now = Instant::now();
            if now >= end {
                return Err(Unquiet::Overdue(moving));
            }
            looks += 1;
            if until.contains(&moving) {
                self.listen(end - now);
            } else if looks > LOOKS {
                self.listen((end - now).min(NAP));
            }
        }
    }

    fn leave(&mut self, thread: ThreadId) -> Result<(), Failure> {
        self.seats[thread.index()].go();
        Ok(())
    }

    fn disturbed(&self) -> bool {
        self.world.disturbed()
    }

    fn end(&mut self) -> Result<(), Failure> {
        let mut outcome = Ok(());
        if self.seats.iter().any(|seat| seat.inside.is_some()) {
            outcome = self.world.release();
        }
        let end = Instant::now() + HOME_LIMIT;
        for seat in &mut self.seats {
            while seat.inside.is_some() {
                let died = seat.thread.as_ref().is_none_or(JoinHandle::is_finished);
                if died || seat.desk.state.load(Ordering::Acquire) == BACK {
                    seat.inside = None;
                } else if Instant::now() >= end {
                    let why = format!("it did not come home from {:?}", seat.inside);
                    outcome = Err(Failure::new(
                        self.world.backend(),
                        "release a thread",
                        io::Error::new(io::ErrorKind::TimedOut, why),
                    ));
                    // It must not hold up everything else: it is left behind, and reported.
                    (seat.inside, seat.thread) = (None, None);
                } else {
                    thread::yield_now();
                }
            }
            seat.go();
        }
        outcome
    }
}

impl Drop for Seats {
    fn drop(&mut self) {
        // Whoever wants to know calls `end` first; here only the threads matter.
        let _ = self.end();
    }
}

impl Seat {
    /// Ends the thread, which is in no call.
    fn go(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.desk.state.store(GONE, Ordering::Release);
            thread.thread().unpark();
            // A panic was reported on standard error; at the end of a run there is nobody else to tell.
            let _ = thread.join();
        }
    }
}

/// The life of a seat's thread.
fn serve(world: &dyn World, me: ThreadId, desk: &Desk, listener: &Listener) {
    let mut spins = 0;
    loop {
        match desk.state.load(Ordering::Acquire) {
            IN_CALL => {
                let op = lock(&desk.op).take().expect("a call was left");
                let answer = world.perform(me, op);
                *lock(&desk.answer) = Some(answer);
                desk.state.store(BACK, Ordering::Release);
                fence(Ordering::SeqCst);
                if listener.listens.load(Ordering::SeqCst) {
                    drop(lock(&listener.lock));
                    listener.came_back.notify_one();
                }
                spins = 0;
            }
            GONE => return,
            _ if world.idle() == Idle::Spins || spins < SPINS => {
                spins += 1;
                std::hint::spin_loop();
            }
            _ => thread::park(),
        }
    }
}

/// A lock whose holder panicked protects plain data that is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

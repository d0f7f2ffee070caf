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
//! A local writes down its answer when its call ends, so a return is never guessed. That a thread is parked is
//! known to the world, or seen from outside ([`super::parked`]). Nothing moves when one whole sweep over the threads that are inside
//! a call finds each of them parked exactly where it was found parked before, and no other thread is in a
//! call: whoever could have released one of them had stopped before the sweep began, and a release shows in
//! the state of the released thread before the call that caused it returns.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portsim_model::program::{Op, ThreadId};

use super::failure::Failure;
use super::mailbox::{Listener, Mailbox, SPINS};
use super::parked::{KernelWait, Probe};
use super::threads::{Back, Threads, Unquiet, ended_by};
use super::world::{Parked, World};
use crate::trace::Answer;

/// How often the conductor looks before it gives the core away.
const LOOKS: u32 = 6;

/// For how long: a return ends it early, but nobody tells that a thread has parked.
const NAP: Duration = Duration::from_micros(50);

/// Enough for a call and for the panic that a bug of ours would end it with.
const STACK: usize = 256 << 10;

/// After how long a thread that was released is asked about: no system forgets threads that only takes long.
const GIVE_UP: Duration = Duration::from_secs(1);

/// How long a thread may take to come home once it is released.
const HOME_LIMIT: Duration = Duration::from_secs(10);

struct LocalThread {
    mailbox: Arc<Mailbox>,
    thread: Option<JoinHandle<()>>,
    /// None where the world knows who is parked.
    probe: Option<Probe>,
    /// The call it is in.
    inside: Option<Op>,
    /// Where it was last found parked in that call.
    parked: Option<Place>,
    /// Its count of switches when it was parked in another wait of that call, which it can only have left by running.
    left: Option<u64>,
}

/// Where a thread is parked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Where the world says.
    World,
    /// In this wait, since its count of switches was this.
    Kernel(KernelWait, u64),
}

/// The threads of a program on a world.
pub struct LocalThreads {
    world: Arc<dyn World>,
    locals: Vec<LocalThread>,
    listener: Arc<Listener>,
}

impl LocalThreads {
    /// So many threads, each waiting for its first call.
    pub fn new(world: Arc<dyn World>, count: usize) -> Result<LocalThreads, Failure> {
        let mut threads = LocalThreads {
            world,
            locals: Vec::with_capacity(count),
            listener: Arc::default(),
        };
        for n in 0..count {
            let local = threads
                .spawn(ThreadId(n as u8))
                .map_err(|error| Failure::new(threads.world.backend(), "start a thread", error))?;
            threads.locals.push(local);
        }
        Ok(threads)
    }

    fn spawn(&self, me: ThreadId) -> io::Result<LocalThread> {
        let mailbox = Arc::new(Mailbox::default());
        let (tell, told) = channel();
        let work = {
            let (mailbox, world) = (mailbox.clone(), self.world.clone());
            let listener = self.listener.clone();
            let asks_kernel = world.asks_kernel();
            move || match asks_kernel.then(Probe::of_this_thread).transpose() {
                Ok(probe) => {
                    let arrived = world.arrives(me).map(|()| probe);
                    let stays = arrived.is_ok();
                    if tell.send(arrived.map_err(|failure| failure.error)).is_ok() && stays {
                        mailbox.serve(&*world, me, &listener);
                    }
                }
                Err(error) => drop(tell.send(Err(error))),
            }
        };
        let thread = thread::Builder::new()
            .name(format!("portsim {}", me.0))
            .stack_size(STACK)
            .spawn(work)?;
        let probe = told
            .recv()
            .map_err(|_| io::Error::other("the thread ended at once"))??;
        Ok(LocalThread {
            mailbox,
            thread: Some(thread),
            probe,
            inside: None,
            parked: None,
            left: None,
        })
    }

    fn failure(&self, call: &str, error: io::Error) -> Failure {
        Failure::new(self.world.backend(), call, error)
    }

    /// Takes the answers of all local threads that are back.
    fn collect(&mut self, backs: &mut Vec<Back>) -> Result<(), Failure> {
        for n in 0..self.locals.len() {
            let (thread, local) = (ThreadId(n as u8), &mut self.locals[n]);
            let Some(op) = local.inside else { continue };
            let answer = match local.mailbox.answer() {
                Some(answer) => answer,
                // It has ended itself, and so leaves no answer.
                None if op == Op::Terminate { thread } && self.world.is_ended(thread) => {
                    Ok(Answer::Done)
                }
                None => continue,
            };
            (local.inside, local.parked, local.left) = (None, None, None);
            let answer = answer?;
            if let Some(ended) = ended_by(op, &answer) {
                self.forget_ended(ended);
                self.world.ended(ended)?;
            }
            backs.push(Back { thread, answer });
        }
        Ok(())
    }

    /// A call has ended this thread, wherever it was. Its stack is lost, and what it kept there.
    fn forget_ended(&mut self, thread: ThreadId) {
        let local = &mut self.locals[thread.index()];
        (local.inside, local.parked, local.left) = (None, None, None);
        // One that was told to go, or has panicked, has dropped its share of the world itself.
        let kept_its_share = local.thread.take().is_some_and(|it| !it.is_finished());
        if kept_its_share && self.world.is_ended(thread) {
            // SAFETY: the pointer is that of an `Arc` which lives here, so without the share of the thread, which is
            // what is given back, the count is 1 at least. The thread had its share from `spawn` and would have
            // dropped it behind `serve`, where it was when it ended. The system says that it is over, so it neither
            // drops it any more nor uses the world. It is given back once, with the handle of the thread.
            unsafe { Arc::decrement_strong_count(Arc::as_ptr(&self.world)) };
        }
    }

    /// Looks at the local threads that are moving, until none is; one of them if one is. Threads in `until` move until
    /// they are back.
    fn look(&mut self, until: &[ThreadId]) -> Result<Option<ThreadId>, Failure> {
        let mut moving = None;
        for n in 0..self.locals.len() {
            let thread = ThreadId(n as u8);
            let local = &self.locals[n];
            let (Some(op), None) = (local.inside, local.parked) else {
                continue;
            };
            let found = match self.world.parked(thread, op) {
                _ if until.contains(&thread) => Ok(None),
                Parked::No => Ok(None),
                Parked::Yes => Ok(Some(Place::World)),
                Parked::Kernel(wait) => local.probe().parked(wait).map(|count| {
                    let ran = count.filter(|&count| local.left != Some(count));
                    ran.map(|count| Place::Kernel(wait, count))
                }),
            };
            self.locals[n].parked = found.map_err(|error| self.failure("read /proc", error))?;
            if self.locals[n].parked.is_none() {
                moving = Some(thread);
            }
        }
        Ok(moving)
    }

    /// Looks once more at every thread that was found parked; whether all are where they were.
    fn sweep(&mut self) -> Result<bool, Failure> {
        let mut still = true;
        for n in 0..self.locals.len() {
            let local = &self.locals[n];
            let (Some(op), Some(place)) = (local.inside, local.parked) else {
                continue;
            };
            let mut left = local.left;
            let found = match (self.world.parked(ThreadId(n as u8), op), place) {
                (Parked::Yes, Place::World) => Ok(true),
                (Parked::Kernel(wait), Place::Kernel(same, before)) if wait == same => {
                    local.probe().parked_since(wait, before)
                }
                (_, Place::Kernel(_, before)) => {
                    left = Some(before);
                    Ok(false)
                }
                _ => Ok(false),
            };
            if !found.map_err(|error| self.failure("read /proc", error))? {
                let local = &mut self.locals[n];
                (local.parked, local.left) = (None, left);
                still = false;
            }
        }
        Ok(still)
    }

    fn any_back(&self) -> bool {
        self.locals.iter().any(|local| local.mailbox.is_back())
    }

    /// Gives a call that returns at once the time to do so.
    fn spin(&self) {
        let moving = |local: &LocalThread| local.inside.is_some() && local.parked.is_none();
        if !self.locals.iter().any(moving) {
            return;
        }
        for _ in 0..SPINS {
            if self.any_back() {
                return;
            }
            std::hint::spin_loop();
        }
    }

    /// A thread that panicked never comes back: that is our own bug, and ends the program as one.
    fn propagate_panic(&mut self) {
        for local in &mut self.locals {
            let died = |thread: &JoinHandle<()>| thread.is_finished();
            if local.inside.is_some()
                && !local.mailbox.is_back()
                && local.thread.as_ref().is_some_and(died)
            {
                local.inside = None;
                if let Some(Err(panic)) = local.thread.take().map(JoinHandle::join) {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
}

impl Threads for LocalThreads {
    fn start(&mut self, thread: ThreadId, op: Op) -> Result<(), Failure> {
        let local = &mut self.locals[thread.index()];
        assert!(local.inside.is_none(), "{thread:?} is in a call already");
        local.inside = Some(op);
        if let Some(thread) = &local.thread {
            local.mailbox.leave_call(thread.thread(), op);
        }
        Ok(())
    }

    fn come_back(&mut self, thread: ThreadId) -> Result<(), Failure> {
        self.locals[thread.index()].parked = None;
        self.world.come_back(thread)
    }

    fn quiet(&mut self, until: &[ThreadId], limit: Duration) -> Result<Vec<Back>, Unquiet> {
        let end = Instant::now() + limit;
        let (mut backs, mut looks) = (Vec::new(), 0);
        for thread in until {
            self.locals[thread.index()].parked = None;
        }
        loop {
            self.spin();
            self.collect(&mut backs)?;
            let Some(moving) = self.look(until)? else {
                if self.sweep()? && self.world.settled() && !self.any_back() {
                    backs.sort_by_key(|back| back.thread);
                    return Ok(backs);
                }
                // Everybody looks parked, and somebody is not for good.
                let inside = self.locals.iter().position(|local| local.inside.is_some());
                match inside {
                    Some(n) if Instant::now() >= end => {
                        return Err(Unquiet::Overdue(ThreadId(n as u8)));
                    }
                    _ => continue,
                }
            };
            self.propagate_panic();
            let now = Instant::now();
            if now >= end {
                return Err(Unquiet::Overdue(moving));
            }
            looks += 1;
            if until.contains(&moving) {
                self.listener.listen(end - now, || self.any_back());
            } else if looks > LOOKS {
                let nap = NAP.min(end - now);
                self.listener.listen(nap, || self.any_back());
            }
        }
    }

    fn leave(&mut self, thread: ThreadId) -> Result<(), Failure> {
        self.locals[thread.index()].go();
        self.world.ended(thread)
    }

    fn counts(&self, thread: ThreadId) -> bool {
        self.world.counts(thread)
    }

    fn disturbed(&self) -> bool {
        self.world.disturbed()
    }

    fn end(&mut self) -> Result<(), Failure> {
        let mut outcome = Ok(());
        self.world.resume_all();
        if self.locals.iter().any(|local| local.inside.is_some()) {
            outcome = self.world.release();
        }
        let (start, mut tried) = (Instant::now(), false);
        for (n, local) in self.locals.iter_mut().enumerate() {
            while local.inside.is_some() {
                let died = local.thread.as_ref().is_none_or(JoinHandle::is_finished);
                if died || local.mailbox.is_back() {
                    local.inside = None;
                } else if start.elapsed() >= GIVE_UP
                    && !std::mem::replace(&mut tried, true)
                    && self.world.give_up(ThreadId(n as u8))
                {
                    // It is gone in a way that its handle does not know.
                    (local.inside, local.thread) = (None, None);
                } else if start.elapsed() >= HOME_LIMIT {
                    let inside = local.inside.map_or("a call", |op| op.verb().name());
                    let why = format!("it did not come home from {inside}");
                    outcome = Err(Failure::new(
                        self.world.backend(),
                        "release a thread",
                        io::Error::new(io::ErrorKind::TimedOut, why),
                    ));
                    // It must not hold up everything else: it is left behind, and reported.
                    (local.inside, local.thread) = (None, None);
                } else {
                    thread::yield_now();
                }
            }
            tried = false;
            local.go();
        }
        outcome
    }
}

impl Drop for LocalThreads {
    fn drop(&mut self) {
        // Whoever wants to know calls `end` first; here only the threads matter.
        let _ = self.end();
    }
}

impl LocalThread {
    fn probe(&self) -> &Probe {
        let probe = self.probe.as_ref();
        probe.expect("a world that asks the kernel says so")
    }

    /// Ends the thread, which is in no call.
    fn go(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.mailbox.dismiss(thread.thread());
            // A panic was reported on standard error; at the end of a run there is nobody else to tell.
            let _ = thread.join();
        }
    }
}

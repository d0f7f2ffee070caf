//! Everything on Linux that a thread waits for and that is no port: events, mutexes, semaphores, stalls, sleeps.
//!
//! Linux has no such objects in its kernel, so their state is kept here, under one lock. A thread that must
//! wait really blocks in the kernel, on an eventfd of its own: its bell. Which of several waiters is released
//! is decided here, oldest first.

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use portsim_model::event::{Error, errno};
use portsim_model::program::{Object, ObjectId, Op, Program, SEMAPHORE_MAX, ThreadId, Timeout};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fs::Timespec;
use rustix::io::{Errno, read, write};

use super::backend::Failure;
use super::parked::{Call, KernelWait};
use crate::trace::Answer;

/// The objects of one run, and a bell for each thread.
pub struct Objects {
    backend: &'static str,
    tick: Duration,
    bells: Vec<Bell>,
    objects: Mutex<Vec<Live>>,
    over: AtomicBool,
    disturbed: AtomicBool,
}

struct Bell {
    fd: OwnedFd,
    /// Where the argument of the `ppoll` in progress lies; 0 outside of one.
    polled: AtomicU64,
}

struct Live {
    kind: Kind,
    /// Who waits, oldest first, and is not granted yet.
    waiting: VecDeque<ThreadId>,
    /// Who need not wait any more, and has not seen it yet.
    granted: Vec<ThreadId>,
}

enum Kind {
    Event { manual: bool, signaled: bool },
    Mutex { owner: Option<ThreadId>, depth: u32 },
    Semaphore { count: u32 },
}

impl Objects {
    /// The objects of a program, as they are at the start.
    pub fn new(
        backend: &'static str,
        program: &Program,
        tick: Duration,
    ) -> Result<Objects, Failure> {
        let bell = |_| {
            let fd = eventfd(0, EventfdFlags::CLOEXEC)
                .map_err(|errno| Failure::new(backend, "eventfd", errno))?;
            let polled = AtomicU64::new(0);
            Ok(Bell { fd, polled })
        };
        let live = |object: &Object| Live {
            kind: match *object {
                Object::Event { manual, signaled } => Kind::Event { manual, signaled },
                Object::Mutex => Kind::Mutex {
                    owner: None,
                    depth: 0,
                },
                Object::Semaphore { count } => Kind::Semaphore {
                    count: count.into(),
                },
            },
            waiting: VecDeque::new(),
            granted: Vec::new(),
        };
        Ok(Objects {
            backend,
            tick,
            bells: program.threads.iter().map(bell).collect::<Result<_, _>>()?,
            objects: Mutex::new(program.objects.iter().map(live).collect()),
            over: AtomicBool::new(false),
            disturbed: AtomicBool::new(false),
        })
    }

    /// Makes one of the operations that are about objects, stalls and sleeps.
    pub fn perform(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        match op {
            Op::Block {
                object, timeout, ..
            } => self.block(me, object, timeout),
            Op::Signal { object } => self.signal(me, object),
            Op::Reset { object } => self.reset(object),
            Op::Stall => self.wait_for_bell(me, None).map(|_| Answer::Done),
            Op::Sleep { ticks, .. } => {
                self.wait_for_bell(me, Some(self.tick * ticks))?;
                Ok(Answer::Done)
            }
            _ => unreachable!("{op:?} is not about an object"),
        }
    }

    /// How the kernel shows a thread that is parked in one of these operations.
    pub fn wait_of(&self, thread: ThreadId) -> Option<KernelWait> {
        let bell = &self.bells[thread.index()];
        Some(match bell.polled.load(Ordering::SeqCst) {
            0 => KernelWait {
                call: Call::Read,
                first: bell.fd.as_raw_fd() as u64,
            },
            first => KernelWait {
                call: Call::Ppoll,
                first,
            },
        })
    }

    /// Ends a thread's stall.
    pub fn come_back(&self, thread: ThreadId) -> Result<(), Failure> {
        self.ring(thread)
    }

    /// Ends every wait, now and later.
    pub fn release(&self) -> Result<(), Failure> {
        self.over.store(true, Ordering::SeqCst);
        (0..self.bells.len()).try_for_each(|n| self.ring(ThreadId(n as u8)))
    }

    /// A wait was interrupted by a signal.
    pub fn disturbed(&self) -> bool {
        self.disturbed.load(Ordering::SeqCst)
    }

    fn block(&self, me: ThreadId, object: ObjectId, timeout: Timeout) -> Result<Answer, Failure> {
        let timed_out = Answer::Failed(errno(Error::Timeout).name.into());
        let patience = match timeout {
            Timeout::Never => None,
            Timeout::Ticks(ticks) => Some(self.tick * ticks),
        };
        {
            let state = &mut self.lock()[object.index()];
            if state.take(me) {
                return Ok(Answer::Done);
            }
            if patience == Some(Duration::ZERO) {
                return Ok(timed_out);
            }
            state.waiting.push_back(me);
        }
        let rang = self.wait_for_bell(me, patience)?;
        let mut objects = self.lock();
        let state = &mut objects[object.index()];
        if let Some(place) = state.granted.iter().position(|&thread| thread == me) {
            state.granted.swap_remove(place);
            drop(objects);
            // Granted at the very end of its patience: the bell has rung, and must not ring again later.
            if !rang {
                self.wait_for_bell(me, None)?;
            }
            return Ok(Answer::Done);
        }
        state.waiting.retain(|&thread| thread != me);
        Ok(timed_out)
    }

    fn signal(&self, me: ThreadId, object: ObjectId) -> Result<Answer, Failure> {
        let mut objects = self.lock();
        let state = &mut objects[object.index()];
        if let Kind::Mutex { owner, .. } = state.kind
            && owner != Some(me)
        {
            return Ok(Answer::Failed(errno(Error::NotOwner).name.into()));
        }
        if let Kind::Semaphore { count } = state.kind
            && count == u32::from(SEMAPHORE_MAX)
        {
            return Ok(Answer::Failed(errno(Error::Limit).name.into()));
        }
        state.signal();
        // What can be taken goes to who has waited longest, at once: nobody can come between.
        while let Some(&thread) = state.waiting.front() {
            if !state.take(thread) {
                break;
            }
            state.waiting.pop_front();
            state.granted.push(thread);
            self.ring(thread)?;
        }
        Ok(Answer::Done)
    }

    fn reset(&self, object: ObjectId) -> Result<Answer, Failure> {
        let state = &mut self.lock()[object.index()];
        Ok(match &mut state.kind {
            Kind::Event { signaled, .. } => {
                *signaled = false;
                Answer::Done
            }
            Kind::Mutex { .. } | Kind::Semaphore { .. } => {
                Answer::Failed(errno(Error::Invalid).name.into())
            }
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Live>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self, thread: ThreadId) -> Result<(), Failure> {
        let one = 1_u64.to_ne_bytes();
        match write(&self.bells[thread.index()].fd, &one) {
            Ok(_) => Ok(()),
            Err(errno) => Err(self.failure("write to an eventfd", errno)),
        }
    }

    /// Blocks in the kernel until the thread's bell rings; whether it did.
    fn wait_for_bell(&self, me: ThreadId, patience: Option<Duration>) -> Result<bool, Failure> {
        let bell = &self.bells[me.index()];
        if let Some(patience) = patience
            && !self.poll(bell, patience)?
        {
            return Ok(false);
        }
        let mut count = [0; 8];
        loop {
            match read(&bell.fd, &mut count) {
                Ok(_) => return Ok(true),
                Err(Errno::INTR) => self.disturbed.store(true, Ordering::SeqCst),
                Err(errno) => return Err(self.failure("read from an eventfd", errno)),
            }
        }
    }

    fn poll(&self, bell: &Bell, patience: Duration) -> Result<bool, Failure> {
        let end = Instant::now() + patience;
        let mut polled = [PollFd::new(&bell.fd, PollFlags::IN)];
        bell.polled
            .store(polled.as_ptr() as usize as u64, Ordering::SeqCst);
        let rang = loop {
            let rest = end.saturating_duration_since(Instant::now());
            match poll(&mut polled, Some(&timespec(rest))) {
                Ok(ready) => break Ok(ready > 0),
                Err(Errno::INTR) => self.disturbed.store(true, Ordering::SeqCst),
                Err(errno) => break Err(self.failure("ppoll", errno)),
            }
        };
        bell.polled.store(0, Ordering::SeqCst);
        rang
    }

    fn failure(&self, call: &str, errno: Errno) -> Failure {
        Failure::new(self.backend, call, errno)
    }
}

impl Live {
    /// Takes what a waiter wants, if it is there.
    fn take(&mut self, me: ThreadId) -> bool {
        match &mut self.kind {
            Kind::Event { manual, signaled } => {
                let there = *signaled;
                *signaled &= *manual;
                there
            }
            Kind::Mutex { owner, depth } => {
                let there = owner.is_none_or(|owner| owner == me);
                if there {
                    (*owner, *depth) = (Some(me), *depth + 1);
                }
                there
            }
            Kind::Semaphore { count } => {
                let there = *count > 0;
                *count = count.saturating_sub(1);
                there
            }
        }
    }

    fn signal(&mut self) {
        match &mut self.kind {
            Kind::Event { signaled, .. } => *signaled = true,
            Kind::Semaphore { count } => *count += 1,
            Kind::Mutex { owner, depth } => {
                *depth -= 1;
                if *depth == 0 {
                    *owner = None;
                }
            }
        }
    }
}

/// A duration as the kernel takes it.
pub fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: duration.as_secs() as i64,
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

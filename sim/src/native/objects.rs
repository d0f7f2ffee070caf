//! Everything that a thread waits for and that is no port: events, mutexes, semaphores, ends of threads, stalls, sleeps.
//!
//! Where a system has no such objects, or a backend cannot use them, their state is kept here, under one lock. A
//! thread that must wait really sleeps, at a bell of its own, which each backend brings. Which of several waiters is
//! released is decided here, oldest first.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use portsim_model::event::Error;
use portsim_model::program::{Object, ObjectId, Program, SEMAPHORE_MAX, ThreadId, Timeout};

use super::backend::Failure;
use super::lock::lock;
use super::run::Run;
use super::world::Parked;
use crate::trace::Answer;

/// Where one thread sleeps.
pub trait Bell: Send + Sync {
    /// A thread that does not run. Once this is dropped it runs; `ring` may say so before.
    type Away;

    /// The thread is about to sleep, and does not run from now on.
    fn leaves(&self) -> Self::Away;

    /// Ends the thread's sleep, or its next one.
    fn ring(&self) -> Result<(), Failure>;

    /// The thread sleeps until the bell rings, and no longer than `patience`; whether it rang.
    fn wait(&self, patience: Option<Duration>) -> Result<bool, Failure>;

    /// Whether the thread sleeps here.
    fn parked(&self) -> Parked;

    /// A sleep was interrupted by a signal.
    fn disturbed(&self) -> bool {
        false
    }
}

/// The objects of one run, and a bell for each thread.
pub struct Objects<B> {
    bells: Vec<B>,
    objects: Mutex<Vec<Live>>,
}

struct Live {
    kind: Kind,
    /// Who waits, oldest first, and is not granted yet.
    waiting: VecDeque<ThreadId>,
    /// Who need not wait any more, and has not seen it yet.
    granted: Vec<ThreadId>,
}

enum Kind {
    Event {
        manual: bool,
        signaled: bool,
    },
    Mutex {
        owner: Option<ThreadId>,
        depth: u32,
    },
    Semaphore {
        count: u32,
    },
    /// Those of whose end it is that have not ended.
    End {
        left: Vec<ThreadId>,
    },
}

impl<B: Bell> Objects<B> {
    /// The objects of a program, as they are at the start.
    pub fn new(
        program: &Program,
        bell: impl Fn() -> Result<B, Failure>,
    ) -> Result<Objects<B>, Failure> {
        let live = |(id, object): (ObjectId, &Object)| Live {
            kind: match *object {
                Object::Event { manual, signaled } => Kind::Event { manual, signaled },
                Object::Mutex => Kind::Mutex {
                    owner: None,
                    depth: 0,
                },
                Object::Semaphore { count } => Kind::Semaphore {
                    count: count.into(),
                },
                Object::End(_) => {
                    let threads = program.thread_ids();
                    Kind::End {
                        left: threads.filter(|&it| program.ends_in(it, id)).collect(),
                    }
                }
            },
            waiting: VecDeque::new(),
            granted: Vec::new(),
        };
        let bells = program.threads.iter().map(|_| bell());
        Ok(Objects {
            bells: bells.collect::<Result<_, _>>()?,
            objects: Mutex::new(
                (0..)
                    .map(ObjectId)
                    .zip(&program.objects)
                    .map(live)
                    .collect(),
            ),
        })
    }

    /// Whether a thread is parked at its bell: in a call that waits for an object or for time, or in a stall.
    pub fn parked(&self, thread: ThreadId) -> Parked {
        self.bells[thread.index()].parked()
    }

    /// A thread stalls until it comes back.
    pub fn stall(&self, me: ThreadId) -> Result<Answer, Failure> {
        let _away = self.leaves(me);
        self.wait_for_bell(me, None).map(|_| Answer::Done)
    }

    /// A thread sleeps for a time.
    pub fn sleep(&self, me: ThreadId, time: Duration) -> Result<Answer, Failure> {
        let _away = self.leaves(me);
        self.wait_for_bell(me, Some(time)).map(|_| Answer::Done)
    }

    /// Ends a thread's stall.
    pub fn come_back(&self, thread: ThreadId) -> Result<(), Failure> {
        self.ring(thread)
    }

    /// Ends every wait, now and later.
    pub fn release(&self) -> Result<(), Failure> {
        self.bells.iter().try_for_each(Bell::ring)
    }

    /// A wait was interrupted by a signal.
    pub fn disturbed(&self) -> bool {
        self.bells.iter().any(Bell::disturbed)
    }

    /// A thread waits for an object.
    pub fn block(
        &self,
        run: &Run,
        me: ThreadId,
        object: ObjectId,
        timeout: Timeout,
    ) -> Result<Answer, Failure> {
        let timed_out = run.failed(Error::Timeout);
        let patience = run.patience(timeout);
        let away = {
            let state = &mut lock(&self.objects)[object.index()];
            if state.take(me) {
                return Ok(Answer::Done);
            }
            if patience == Some(Duration::ZERO) {
                return Ok(timed_out);
            }
            state.waiting.push_back(me);
            self.leaves(me)
        };
        let rang = self.wait_for_bell(me, patience)?;
        let mut objects = lock(&self.objects);
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
        // While the objects are locked: nobody sees that it waits no more and does not run either.
        drop(away);
        Ok(timed_out)
    }

    /// A thread sets an event, releases a mutex, raises a semaphore by one.
    pub fn signal(&self, run: &Run, me: ThreadId, object: ObjectId) -> Result<Answer, Failure> {
        let mut objects = lock(&self.objects);
        let state = &mut objects[object.index()];
        if let Kind::Mutex { owner, .. } = state.kind
            && owner != Some(me)
        {
            return Ok(run.failed(Error::NotOwner));
        }
        if let Kind::Semaphore { count } = state.kind
            && count == u32::from(SEMAPHORE_MAX)
        {
            return Ok(run.failed(Error::Limit));
        }
        state.signal();
        self.serve(state)?;
        Ok(Answer::Done)
    }

    /// A thread is over.
    pub fn ended(&self, thread: ThreadId) -> Result<(), Failure> {
        for state in lock(&self.objects).iter_mut() {
            if let Kind::End { left } = &mut state.kind {
                left.retain(|&it| it != thread);
                self.serve(state)?;
            }
        }
        Ok(())
    }

    /// What can be taken goes to who has waited longest, at once: nobody can come between.
    fn serve(&self, state: &mut Live) -> Result<(), Failure> {
        while let Some(&thread) = state.waiting.front() {
            if !state.take(thread) {
                break;
            }
            state.waiting.pop_front();
            state.granted.push(thread);
            self.ring(thread)?;
        }
        Ok(())
    }

    /// Takes an event's signal back.
    pub fn reset(&self, run: &Run, object: ObjectId) -> Answer {
        let state = &mut lock(&self.objects)[object.index()];
        match &mut state.kind {
            Kind::Event { signaled, .. } => {
                *signaled = false;
                Answer::Done
            }
            Kind::Mutex { .. } | Kind::Semaphore { .. } | Kind::End { .. } => {
                run.failed(Error::Invalid)
            }
        }
    }

    fn leaves(&self, me: ThreadId) -> B::Away {
        self.bells[me.index()].leaves()
    }

    fn ring(&self, thread: ThreadId) -> Result<(), Failure> {
        self.bells[thread.index()].ring()
    }

    /// Sleeps until the thread's bell rings; whether it did.
    fn wait_for_bell(&self, me: ThreadId, patience: Option<Duration>) -> Result<bool, Failure> {
        self.bells[me.index()].wait(patience)
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
            Kind::End { left } => left.is_empty(),
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
            Kind::End { .. } => unreachable!("only its threads signal it"),
        }
    }
}

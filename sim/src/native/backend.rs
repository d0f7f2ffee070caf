//! What the conductor asks of a backend, wherever the backend's threads live.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use portsim_model::op::{Noun, Role};
use portsim_model::program::{Op, Program, ThreadId};

pub use super::failure::Failure;
use super::local_threads::LocalThreads;
use super::world::World;
use crate::trace::{Answer, Span};

/// A kind of real port.
pub trait Backend: Sync {
    /// Its name on the command line, in traces and in errors.
    fn name(&self) -> &str;

    /// What it says that it is: the name of its own judge. Another one than [`Backend::name`] where the same
    /// calls are those of several systems.
    fn plays(&self) -> String {
        self.name().to_owned()
    }

    /// The system whose rules it keeps: who is named so judges it.
    fn system(&self) -> &str {
        self.name()
    }

    /// How many processors its ports go by, where a program leaves that to the system.
    fn processors(&self) -> Option<u32> {
        None
    }

    /// Why it cannot run on this machine.
    fn available(&self) -> Result<(), String>;

    /// Why it has no such operation. Asked before a run, for every operation of the program that is the
    /// kernel's business.
    fn supports(&self, program: &Program, op: Op) -> Result<(), String>;

    /// Why it cannot play a program whose control flow can be played, if it cannot: the first operation that it
    /// lacks. A tick would last `tick`.
    fn refuses(&self, program: &Program, _tick: Duration) -> Result<Option<String>, Failure> {
        let mut ops = program.ops().filter(|&op| !is_ours(op));
        Ok(ops.find_map(|op| self.supports(program, op).err()))
    }

    /// The ports and objects of a program for threads of this process, which then run at full speed; none where the
    /// threads live elsewhere. One tick of the program's time lasts `tick`.
    fn world(&self, _: &Program, _tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        Ok(None)
    }

    /// The threads, ports and objects of a program in another process, where they run at full speed and tell times of
    /// their own; none where they live in this one. Else why they cannot do so. One tick of the program's time lasts
    /// `tick`.
    fn far(&self, _: &Program, _tick: Duration) -> Result<Option<Far>, Failure> {
        Ok(None)
    }

    /// The ports, objects and threads of a program, with every thread waiting for its first call. One tick of
    /// the program's time lasts `tick`. Unless a backend says otherwise they live in this process, on its world.
    fn open(&self, program: &Program, tick: Duration) -> Result<Box<dyn Threads>, Failure> {
        let world = self.world(program, tick)?;
        let world = world.expect("a backend whose threads live elsewhere opens programs itself");
        Ok(Box::new(LocalThreads::new(world, program.threads.len())?))
    }
}

/// Stands for the operations that are no business of the kernel, whatever they are done with.
macro_rules! ops_of_the_conductor {
    () => {
        Op::Yield
            | Op::Spawn { .. }
            | Op::Exit
            | Op::Set { .. }
            | Op::Test { .. }
            | Op::Assert { .. }
            | Op::Note(_)
    };
}
pub(super) use ops_of_the_conductor;

/// Stands for the operations that are the kernel's business, whatever they are done with.
macro_rules! ops_of_the_kernel {
    () => {
        Op::Block { .. }
            | Op::Signal { .. }
            | Op::Reset { .. }
            | Op::Stall
            | Op::Suspend { .. }
            | Op::Resume { .. }
            | Op::Terminate { .. }
            | Op::ExitProcess
            | Op::Free { .. }
            | Op::Alloc { .. }
            | portsim_model::ops_of!(ports, port_handles, apcs, files, wait_packets, jobs)
            | portsim_model::ops_of!(sources, event_ports, rings, kqueues)
    };
}
pub(super) use ops_of_the_kernel;

/// Whether an operation is no business of the kernel: the conductor makes it itself, as a turn of its own.
pub fn is_ours(op: Op) -> bool {
    match op {
        Op::Sleep {
            ticks, alertable, ..
        } => ticks == 0 && !alertable,
        ops_of_the_conductor!() => true,
        ops_of_the_kernel!() => false,
    }
}

/// Whom a call has ended, if that is what it did: that thread is in no call any more, and will make none.
pub fn ended_by(mut op: Op, answer: &Answer) -> Option<ThreadId> {
    let ended = op.describe().nouns().find_map(|noun| match noun {
        Noun::Thread(thread, Role::Ends) => Some(thread),
        _ => None,
    });
    ended.filter(|_| *answer == Answer::Done)
}

/// A program's threads and ports on one backend, for one run.
///
/// Between two calls of [`Threads::quiet`] at most one thread is told to move. Whoever implements this owns the
/// question whether a thread is parked: an agent asks its own machine, threads of this process are looked at
/// from outside.
pub trait Threads {
    /// Lets a thread that is in no call make one. Does not wait for it.
    fn start(&mut self, thread: ThreadId, op: Op) -> Result<(), Failure>;

    /// Lets a thread that is in a stall come back from it. Does not wait for it.
    fn come_back(&mut self, thread: ThreadId) -> Result<(), Failure>;

    /// Waits until nothing moves: every thread has returned or is parked in its call. Threads named in `until`
    /// count as moving until they have returned. Gives every return since the last time, by thread.
    fn quiet(&mut self, until: &[ThreadId], limit: Duration) -> Result<Vec<Back>, Unquiet>;

    /// Whether a thread that is in no call belongs to a port that counts it, or takes I/O with it when it ends. Its end is
    /// an action then, which may release others, and so a turn.
    fn counts(&self, _: ThreadId) -> bool {
        false
    }

    /// The program of this thread is over; it is in no call and will make none. It has ended when this returns.
    fn leave(&mut self, thread: ThreadId) -> Result<(), Failure>;

    /// Something from outside (a signal) interrupted a wait, so the order of waiters may have changed.
    fn disturbed(&self) -> bool;

    /// Brings every thread home, wherever it is parked, and ends it. What it still returns is no part of the
    /// recording. Dropping the threads does the same and cannot report.
    fn end(&mut self) -> Result<(), Failure>;
}

/// Threads in another process at full speed, or why there are none.
pub type Far = Result<Box<dyn FarThreads>, String>;

/// A program's threads in another process, at full speed: nobody waits for one before the next is told to move.
pub trait FarThreads {
    /// Gives a thread one more call, which it makes when those are over that it was given before. `exit` ends it.
    fn give(&mut self, thread: ThreadId, op: Op);

    /// Asks whether anything still moves that was given before. The answer is heard.
    fn ask(&mut self);

    /// What is heard next; none if nothing comes within the limit.
    fn hear(&mut self, limit: Duration) -> Result<Option<Told>, Failure>;

    /// Brings every thread home, wherever it is. What it still returns is no part of the recording. Dropping them
    /// does the same and cannot report.
    fn end(&mut self) -> Result<(), Failure>;
}

/// What is heard of threads in another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The oldest call of a thread that had not returned has; its times are by the clock of that process.
    Returned(Back, Span),
    /// Whether a call still moves that was given before it was asked: one that has not returned and is not parked for
    /// good.
    Moves(bool),
}

/// A call came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// Whose.
    pub thread: ThreadId,
    /// With what.
    pub answer: Answer,
}

/// Why [`Threads::quiet`] gave up.
#[derive(Debug)]
pub enum Unquiet {
    /// A system call failed in a way that is no answer.
    Failed(Failure),
    /// The limit passed, and this thread was still moving.
    Overdue(ThreadId),
}

impl From<Failure> for Unquiet {
    fn from(failure: Failure) -> Unquiet {
        Unquiet::Failed(failure)
    }
}

/// A backend of another system: listed, so that a list can say why it is missing.
pub struct Elsewhere {
    /// The backend.
    pub name: &'static str,
    /// Where it would run.
    pub system: &'static str,
}

impl Elsewhere {
    fn why(&self) -> String {
        format!(
            "{} exists only on {}, this is {}",
            self.name,
            self.system,
            std::env::consts::OS
        )
    }
}

impl Backend for Elsewhere {
    fn name(&self) -> &'static str {
        self.name
    }

    fn available(&self) -> Result<(), String> {
        Err(self.why())
    }

    fn supports(&self, _: &Program, _: Op) -> Result<(), String> {
        Err(self.why())
    }

    fn open(&self, _: &Program, _: Duration) -> Result<Box<dyn Threads>, Failure> {
        let error = io::Error::new(io::ErrorKind::Unsupported, self.why());
        Err(Failure::new(self.name, "open", error))
    }
}

//! What the conductor asks of a backend, wherever the backend's threads live.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use portsim_model::program::{Op, Program};

pub use super::failure::Failure;
use super::local_threads::LocalThreads;
use super::os::os;
use super::threads::{Far, Threads};
use super::world::World;

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

    /// The operating system that it runs on, and its release, where it tells.
    fn os(&self) -> String {
        os()
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
        let mut ops = program.calls().filter(|&op| !is_ours(op));
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
            | Op::Swap { .. }
            | Op::Add { .. }
            | Op::CompareSwap { .. }
            | Op::Await { .. }
            | Op::Assert { .. }
            | Op::Note(_)
    };
}
pub(super) use ops_of_the_conductor;

/// Stands for the operations that are the kernel's business, whatever they are done with.
macro_rules! ops_of_the_kernel {
    () => {
        Op::Block { .. }
            | Op::Join { .. }
            | Op::Signal { .. }
            | Op::Reset { .. }
            | Op::Stall
            | Op::Suspend { .. }
            | Op::Resume { .. }
            | Op::Terminate { .. }
            | Op::ExitProcess
            | Op::Free { .. }
            | Op::Alloc { .. }
            | Op::PostComputed { .. }
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

/// A backend of another system: listed, so that a list can say why it is missing.
pub struct Elsewhere {
    /// The backend.
    pub name: &'static str,
    /// The system whose rules it keeps there.
    pub system: &'static str,
    /// Where it would run.
    pub os: &'static str,
}

impl Elsewhere {
    fn why(&self) -> String {
        format!(
            "{} exists only on {}, this is {}",
            self.name,
            self.os,
            std::env::consts::OS
        )
    }
}

impl Backend for Elsewhere {
    fn name(&self) -> &'static str {
        self.name
    }

    fn system(&self) -> &'static str {
        self.system
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

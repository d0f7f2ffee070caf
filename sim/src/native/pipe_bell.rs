//! A bell for systems without eventfd: a pipe at which one thread sleeps in poll. Never run.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read, write};
use rustix::pipe::pipe;

use super::backend::Failure;
use super::objects::Bell;
use super::parked::{Call, KernelWait};
use super::world::Parked;

/// See the module.
pub struct PipeBell {
    backend: &'static str,
    rung: OwnedFd,
    ring: OwnedFd,
    disturbed: AtomicBool,
}

impl PipeBell {
    /// A bell that has not rung.
    pub fn new(backend: &'static str) -> Result<PipeBell, Failure> {
        let (rung, ring) = pipe().map_err(|errno| Failure::new(backend, "pipe", errno))?;
        Ok(PipeBell {
            backend,
            rung,
            ring,
            disturbed: AtomicBool::new(false),
        })
    }

    fn failure(&self, call: &str, errno: Errno) -> Failure {
        Failure::new(self.backend, call, errno)
    }
}

impl Bell for PipeBell {
    /// Nobody counts who runs.
    type Away = ();

    fn leaves(&self) {}

    fn ring(&self) -> Result<(), Failure> {
        let rung = write(&self.ring, &[1]);
        rung.map(drop)
            .map_err(|errno| self.failure("write to a pipe", errno))
    }

    fn wait(&self, patience: Option<Duration>) -> Result<bool, Failure> {
        let end = patience.map(|patience| Instant::now() + patience);
        let mut polled = [PollFd::new(&self.rung, PollFlags::IN)];
        loop {
            let rest = end.map(|end| timespec(end.saturating_duration_since(Instant::now())));
            match poll(&mut polled, rest.as_ref()) {
                Ok(0) => return Ok(false),
                Ok(_) => break,
                Err(Errno::INTR) => self.disturbed.store(true, Ordering::SeqCst),
                Err(errno) => return Err(self.failure("poll", errno)),
            }
        }
        let mut byte = [0];
        let taken = read(&self.rung, &mut byte);
        taken
            .map(|_| true)
            .map_err(|errno| self.failure("read from a pipe", errno))
    }

    fn parked(&self) -> Parked {
        Parked::Kernel(KernelWait {
            call: Call::Poll,
            first: 0,
        })
    }

    fn disturbed(&self) -> bool {
        self.disturbed.load(Ordering::SeqCst)
    }
}

/// A duration as the kernel takes it.
pub fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: duration.as_secs() as i64,
        tv_nsec: duration.subsec_nanos().into(),
    }
}

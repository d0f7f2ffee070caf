//! A bell on Linux: an eventfd at which one thread sleeps, in a way that can be seen from outside.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fs::Timespec;
use rustix::io::{Errno, read, write};

use super::backend::Failure;
use super::objects::Bell;
use super::parked::{Call, KernelWait};
use super::world::Parked;

/// See the module.
pub struct EventBell {
    backend: &'static str,
    fd: OwnedFd,
    /// Where the argument of the `ppoll` in progress lies; 0 outside of one.
    polled: AtomicU64,
    disturbed: AtomicBool,
}

impl EventBell {
    /// A bell that has not rung.
    pub fn new(backend: &'static str) -> Result<EventBell, Failure> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC)
            .map_err(|errno| Failure::new(backend, "eventfd", errno))?;
        Ok(EventBell {
            backend,
            fd,
            polled: AtomicU64::new(0),
            disturbed: AtomicBool::new(false),
        })
    }

    fn poll(&self, patience: Duration) -> Result<bool, Failure> {
        let end = Instant::now() + patience;
        let mut polled = [PollFd::new(&self.fd, PollFlags::IN)];
        self.polled
            .store(polled.as_ptr() as usize as u64, Ordering::SeqCst);
        let rang = loop {
            let rest = end.saturating_duration_since(Instant::now());
            match poll(&mut polled, Some(&timespec(rest))) {
                Ok(ready) => break Ok(ready > 0),
                Err(Errno::INTR) => self.disturbed.store(true, Ordering::SeqCst),
                Err(errno) => break Err(self.failure("ppoll", errno)),
            }
        };
        self.polled.store(0, Ordering::SeqCst);
        rang
    }

    fn failure(&self, call: &str, errno: Errno) -> Failure {
        Failure::new(self.backend, call, errno)
    }
}

impl Bell for EventBell {
    /// Nobody counts who runs.
    type Away = ();

    fn leaves(&self) {}

    fn ring(&self) -> Result<(), Failure> {
        match write(&self.fd, &1_u64.to_ne_bytes()) {
            Ok(_) => Ok(()),
            Err(errno) => Err(self.failure("write to an eventfd", errno)),
        }
    }

    fn wait(&self, patience: Option<Duration>) -> Result<bool, Failure> {
        if let Some(patience) = patience
            && !self.poll(patience)?
        {
            return Ok(false);
        }
        let mut count = [0; 8];
        loop {
            match read(&self.fd, &mut count) {
                Ok(_) => return Ok(true),
                Err(Errno::INTR) => self.disturbed.store(true, Ordering::SeqCst),
                Err(errno) => return Err(self.failure("read from an eventfd", errno)),
            }
        }
    }

    fn parked(&self) -> Parked {
        Parked::Kernel(match self.polled.load(Ordering::SeqCst) {
            0 => KernelWait {
                call: Call::Read,
                first: self.fd.as_raw_fd() as u64,
            },
            first => KernelWait {
                call: Call::Ppoll,
                first,
            },
        })
    }

    fn disturbed(&self) -> bool {
        self.disturbed.load(Ordering::SeqCst)
    }
}

/// A duration as the C library takes it.
pub fn c_timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: duration.as_secs() as libc::time_t,
        tv_nsec: duration.subsec_nanos().into(),
    }
}

/// A duration as the kernel takes it.
pub fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: duration.as_secs() as i64,
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

//! poll(2) on an epoll descriptor, in a way that can be seen from outside.

use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use portsim_model::event::Error;
use portsim_model::program::{Program, ThreadId, Timeout};
use rustix::io::Errno;

use super::{Answer, Failure, failure};
use crate::native::bell::c_timespec;
use crate::native::numbers::{Number, gave};
use crate::native::parked::{Call, KernelWait};
use crate::native::run::Run;
use crate::native::world::Parked;

/// Where the argument of each thread's call in progress lies; 0 outside of one.
pub struct Polls(Vec<AtomicU64>);

impl Polls {
    pub fn new(program: &Program) -> Polls {
        Polls(program.threads.iter().map(|_| AtomicU64::new(0)).collect())
    }

    /// Waits until the descriptor can be read, or is closed.
    pub fn poll(
        &self,
        run: &Run,
        me: ThreadId,
        port: Number<'_>,
        timeout: Timeout,
    ) -> Result<Answer, Failure> {
        let end = run.end(timeout);
        let mut polled = libc::pollfd {
            fd: port.raw(),
            events: libc::POLLIN,
            revents: 0,
        };
        let at = &self.0[me.index()];
        at.store(&raw const polled as usize as u64, Ordering::SeqCst);
        let answer = loop {
            let rest = end.map(|end| c_timespec(end.saturating_duration_since(Instant::now())));
            let rest = rest.as_ref().map_or(ptr::null(), ptr::from_ref);
            // SAFETY: both the entry and the time live here until the call is over; there is no mask of signals. The number
            // is one that a call may be made on.
            match gave(unsafe { libc::ppoll(&mut polled, 1, rest, ptr::null()) }) {
                _ if run.is_over() => break Ok(run.failed(Error::Abandoned)),
                Ok(0) => break Ok(run.failed(Error::Timeout)),
                Ok(_) if polled.revents & libc::POLLNVAL != 0 => {
                    break Ok(run.failed(Error::BadHandle));
                }
                Ok(_) => break Ok(Answer::Done),
                Err(Errno::INTR) => run.disturb(),
                Err(errno) => break Err(failure("ppoll", errno)),
            }
        };
        at.store(0, Ordering::SeqCst);
        answer
    }

    /// Where a thread is parked that polls.
    pub fn parked(&self, thread: ThreadId) -> Parked {
        match self.0[thread.index()].load(Ordering::SeqCst) {
            0 => Parked::No,
            first => Parked::Kernel(KernelWait {
                call: Call::Ppoll,
                first,
            }),
        }
    }
}

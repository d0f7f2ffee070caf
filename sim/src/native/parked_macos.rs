//! Is a thread parked inside this very call? The answer of macOS, from outside the thread.
//!
//! Never run: written after libproc.h. The kernel says whether a thread waits and how long it has run, but not in
//! which call, nor how often it has waited. The time stands for the count: a thread that has moved has run. A
//! thread that waits on its way to the call is not told from one that has arrived there.

use std::ffi::c_int;
use std::io;
use std::mem::{size_of, zeroed};

use super::kernel_wait::KernelWait;

/// PROC_PIDTHREADID64INFO of `sys/proc_info.h`.
const THREAD_INFO: c_int = 15;

/// One thread, by its number.
#[derive(Debug)]
pub struct Probe(u64);

impl Probe {
    /// Looks at the calling thread, from any other thread of the process.
    pub fn of_this_thread() -> io::Result<Probe> {
        let mut id = 0;
        // SAFETY: it takes nothing, and gives the calling thread.
        let me = unsafe { libc::pthread_self() };
        // SAFETY: the calling thread is alive, and `id` is a place of ours for its number.
        let failed = unsafe { libc::pthread_threadid_np(me, &mut id) };
        if failed != 0 {
            return Err(io::Error::from_raw_os_error(failed));
        }
        let probe = Probe(id);
        probe.look().map(|_| probe)
    }

    /// How long the thread has run, if it waits.
    pub fn parked(&self, _: KernelWait) -> io::Result<Option<u64>> {
        let (waits, ran) = self.look()?;
        Ok(waits.then_some(ran))
    }

    /// Whether the thread waits and has not run since.
    pub fn parked_since(&self, wait: KernelWait, before: u64) -> io::Result<bool> {
        Ok(self.parked(wait)? == Some(before))
    }

    fn look(&self) -> io::Result<(bool, u64)> {
        // SAFETY: it is made of numbers and text, for each of which zero is a value.
        let mut info: libc::proc_threadinfo = unsafe { zeroed() };
        let len = size_of::<libc::proc_threadinfo>() as c_int;
        // SAFETY: there is room for as many bytes as `len` says, which are written before the call is over. A thread
        // that is gone is an error.
        let read = unsafe {
            libc::proc_pidinfo(
                std::process::id() as c_int,
                THREAD_INFO,
                self.0,
                (&raw mut info).cast(),
                len,
            )
        };
        if read != len {
            return Err(io::Error::last_os_error());
        }
        let waits = info.pth_run_state == libc::TH_STATE_WAITING;
        Ok((waits, info.pth_user_time + info.pth_system_time))
    }
}

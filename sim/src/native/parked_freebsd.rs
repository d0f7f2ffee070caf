//! Is a thread parked inside this very call? The answer of FreeBSD, from outside the thread.
//!
//! Never run: written after sysctl(3) and ps(1). `kern.proc.pid` with its threads gives for each its state, the
//! message that says what it sleeps on, and its count of voluntary context switches.

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::size_of;
use std::ptr;

use super::kernel_wait::{Call, KernelWait};

/// Threads that a process has room for here.
const THREADS_MAX: usize = 256;

/// One thread, by its number.
#[derive(Debug)]
pub struct Probe(c_int);

/// The message of a sleep in this call, as `ps -o wchan` shows it.
fn message(call: Call) -> Option<&'static [u8]> {
    match call {
        Call::Read => Some(b"piperd"),
        Call::Poll => Some(b"select"),
        Call::Kevent => Some(b"kqread"),
        _ => None,
    }
}

impl Probe {
    /// Looks at the calling thread, from any other thread of the process.
    pub fn of_this_thread() -> io::Result<Probe> {
        // SAFETY: it takes nothing, and gives a number.
        let probe = Probe(unsafe { libc::pthread_getthreadid_np() });
        probe.look().map(|_| probe)
    }

    /// The thread's count of voluntary context switches if it is parked in this call.
    pub fn parked(&self, wait: KernelWait) -> io::Result<Option<u64>> {
        let (message_now, count) = self.look()?;
        let is_there = message_now.is_some() && message_now.as_deref() == message(wait.call);
        Ok(is_there.then_some(count))
    }

    /// Whether the thread is parked in this call and its count is still the one that was read before.
    pub fn parked_since(&self, wait: KernelWait, before: u64) -> io::Result<bool> {
        Ok(self.parked(wait)? == Some(before))
    }

    /// What the thread sleeps on, if it sleeps, and its count: both of one moment.
    fn look(&self) -> io::Result<(Option<Vec<u8>>, u64)> {
        let name = [
            libc::CTL_KERN,
            libc::KERN_PROC,
            libc::KERN_PROC_PID | libc::KERN_PROC_INC_THREAD,
            std::process::id() as c_int,
        ];
        let mut threads: Vec<libc::kinfo_proc> = Vec::with_capacity(THREADS_MAX);
        let mut len = THREADS_MAX * size_of::<libc::kinfo_proc>();
        // SAFETY: the name has as many parts as is said, and there is room for as many bytes as `len` says, which is
        // written too. All of it lives until the call is over; nothing is set.
        let failed = unsafe {
            libc::sysctl(
                name.as_ptr(),
                name.len() as u32,
                threads.as_mut_ptr().cast::<c_void>(),
                &mut len,
                ptr::null(),
                0,
            )
        };
        if failed != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has written so many bytes, no more than there is room for, and has filled each whole
        // record in them.
        unsafe { threads.set_len(len / size_of::<libc::kinfo_proc>()) };
        let mine = threads.iter().find(|thread| thread.ki_tid == self.0);
        let mine = mine.ok_or_else(|| io::Error::other("the kernel does not list the thread"))?;
        let text = mine.ki_wmesg.iter().map(|&byte| byte as u8);
        let sleeps = mine.ki_stat == libc::SSLEEP;
        let message = sleeps.then(|| text.take_while(|&byte| byte != 0).collect());
        Ok((message, mine.ki_rusage.ru_nvcsw as u64))
    }
}

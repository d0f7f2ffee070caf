//! Is a thread parked inside this very call? The answer of illumos, from outside the thread.
//!
//! Never run: written after proc(5). `/proc/self/lwp/N/lwpsinfo` has the state letter and the number of the
//! system call of a thread, `lwpusage` its count of voluntary context switches; neither stops it. The first
//! argument of the call is not there, and is not asked for: a thread of a run waits for one thing at a time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::kernel_wait::{Call, KernelWait};

/// Where `pr_sname` and `pr_syscall` stand in `lwpsinfo_t` of a 64-bit process.
const LETTER: usize = 26;
const SYSCALL: usize = 28;
/// Where `pr_vctx` stands in `prusage_t`.
const SWITCHES: usize = 392;

/// The files of one thread, kept open.
#[derive(Debug)]
pub struct Probe {
    info: File,
    usage: File,
}

/// The number of a call, as `sys/syscall.h` has it.
fn number(call: Call) -> Option<i16> {
    match call {
        Call::Read => Some(3),
        Call::Poll => Some(183),
        Call::PortGet => Some(182),
        _ => None,
    }
}

impl Probe {
    /// Looks at the calling thread, from any other thread of the process.
    pub fn of_this_thread() -> io::Result<Probe> {
        // SAFETY: it takes nothing, and gives a number.
        let me = unsafe { libc::thr_self() };
        let open = |name| File::open(format!("/proc/self/lwp/{me}/{name}"));
        let probe = Probe {
            info: open("lwpsinfo")?,
            usage: open("lwpusage")?,
        };
        probe.switches().map(|_| probe)
    }

    /// The thread's count of voluntary context switches if it is parked in this call.
    pub fn parked(&self, wait: KernelWait) -> io::Result<Option<u64>> {
        let before = self.switches()?;
        Ok(self.parked_since(wait, before)?.then_some(before))
    }

    /// Whether the thread is parked in this call and its count is still the one that was read before.
    pub fn parked_since(&self, wait: KernelWait, before: u64) -> io::Result<bool> {
        let mut info = [0; SYSCALL + 2];
        self.info.read_exact_at(&mut info, 0)?;
        let inside = i16::from_ne_bytes([info[SYSCALL], info[SYSCALL + 1]]);
        let is_there = number(wait.call) == Some(inside) && info[LETTER] == b'S';
        Ok(is_there && self.switches()? == before)
    }

    fn switches(&self) -> io::Result<u64> {
        let mut count = [0; 8];
        self.usage.read_exact_at(&mut count, SWITCHES as u64)?;
        Ok(u64::from_ne_bytes(count))
    }
}

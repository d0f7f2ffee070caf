//! Jobs, which report their processes to a port.

use core::ops::{Deref, DerefMut};

/// JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO: no process is left in a job.
pub const ACTIVE_PROCESS_ZERO: i64 = 4;
/// JOB_OBJECT_MSG_NEW_PROCESS: a process has begun in a job.
pub const NEW_PROCESS: i64 = 6;
/// JOB_OBJECT_MSG_EXIT_PROCESS: a process of a job has ended.
pub const EXIT_PROCESS: i64 = 7;

/// Bytes of a job.
pub(crate) const JOB_LEN: usize = 2;

/// One job.
pub struct Job<B>(pub(crate) B);

impl<B: Deref<Target = [u8]>> Job<B> {
    /// Its association: index into `Program::job_bindings`.
    #[inline]
    pub fn binding(&self) -> Option<u8> {
        self.0[0].checked_sub(1)
    }

    /// Whether this process, one of `Program::pids`, is in it.
    #[inline]
    pub fn contains(&self, pid: u8) -> bool {
        self.0[1] & 1 << pid != 0
    }

    /// Whether no process is in it.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0[1] == 0
    }
}

impl<B: DerefMut<Target = [u8]>> Job<B> {
    /// Associates it with a port, or with none.
    pub fn set_binding(&mut self, binding: Option<u8>) {
        self.0[0] = binding.map_or(0, |binding| binding + 1);
    }

    /// A process begins in it.
    pub fn add(&mut self, pid: u8) {
        self.0[1] |= 1 << pid;
    }

    /// A process of it ends.
    pub fn remove(&mut self, pid: u8) {
        self.0[1] &= !(1 << pid);
    }
}

//! Descriptor numbers that belong to one run.
//!
//! A call on a closed port must find nothing, so the port's number may not be given to anything else before
//! the run is over: by this process, whose runs can be concurrent, or by the kernel, which hands out the
//! lowest free number. So ports get numbers from the upper half of what the process may open, where the kernel
//! comes last, and this table knows which of them are somebody's.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::{Errno, fcntl_dupfd_cloexec, fcntl_getfd};
use rustix::process::{Resource, getrlimit};

/// The kernel's table of descriptors grows with the highest number in it.
const MOST: u64 = 1 << 16;

static RESERVED: Mutex<BTreeSet<RawFd>> = Mutex::new(BTreeSet::new());

/// Numbers that no other run uses, until this is dropped.
pub struct Numbers(Vec<RawFd>);

impl Numbers {
    /// So many free numbers.
    pub fn reserve(count: usize) -> io::Result<Numbers> {
        let soft = getrlimit(Resource::Nofile).current.unwrap_or(MOST);
        let soft = RawFd::try_from(soft.min(MOST)).expect("it is small");
        let mut reserved = reserved();
        let mut numbers = Vec::with_capacity(count);
        for number in soft / 2..soft {
            if numbers.len() == count {
                break;
            }
            // SAFETY: nothing is done with what the number may name; the kernel is only asked whether it
            // names anything.
            let taken = fcntl_getfd(unsafe { BorrowedFd::borrow_raw(number) }).is_ok();
            if !taken && !reserved.contains(&number) {
                numbers.push(number);
            }
        }
        if numbers.len() < count {
            return Err(Errno::MFILE.into());
        }
        reserved.extend(&numbers);
        Ok(Numbers(numbers))
    }

    /// A number, whether or not anything is open under it.
    pub fn raw(&self, n: usize) -> RawFd {
        self.0[n]
    }

    /// What the number names now, or a bad descriptor.
    #[cfg(target_os = "linux")]
    pub fn get(&self, n: usize) -> BorrowedFd<'_> {
        // SAFETY: the number is this run's for as long as `self` is borrowed: it names what `open` put there,
        // or nothing, in which case every call on it fails with EBADF, which is what such a call must show.
        unsafe { BorrowedFd::borrow_raw(self.0[n]) }
    }

    /// Makes the number name the same as `fd`.
    pub fn open(&self, n: usize, fd: impl AsFd) -> io::Result<OwnedFd> {
        let copy = fcntl_dupfd_cloexec(fd, self.0[n])?;
        if copy.as_raw_fd() == self.0[n] {
            Ok(copy)
        } else {
            let why = format!("descriptor {} is taken", self.0[n]);
            Err(io::Error::new(io::ErrorKind::AddrInUse, why))
        }
    }
}

impl Drop for Numbers {
    fn drop(&mut self) {
        let mut reserved = reserved();
        for number in &self.0 {
            reserved.remove(number);
        }
    }
}

fn reserved() -> MutexGuard<'static, BTreeSet<RawFd>> {
    RESERVED.lock().unwrap_or_else(PoisonError::into_inner)
}

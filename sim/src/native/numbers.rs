//! Descriptor numbers that belong to one run.
//!
//! A call on a closed port must find nothing, so the port's number may not be given to anything else before
//! the run is over: by this process, whose runs can be concurrent, or by the kernel, which hands out the
//! lowest free number. So ports get numbers from the upper half of what the process may open, where the kernel
//! comes last, and this table knows which of them are somebody's.

use std::collections::BTreeSet;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Resource, getrlimit};

/// The kernel's table of descriptors grows with the highest number in it.
const MOST: u64 = 1 << 16;

static RESERVED: Mutex<BTreeSet<RawFd>> = Mutex::new(BTreeSet::new());

/// Numbers that no other run uses, until this is dropped.
pub struct Numbers(Vec<RawFd>);

/// A number that names something of ours for so long, or nothing: then a call on it fails with EBADF. A `BorrowedFd`
/// would promise that it is open.
///
/// A call may be made on it either way. What it must not hit is somebody else's descriptor, and [`Numbers`] keeps its
/// numbers from all others: from other runs by the table, from the rest of the process because the kernel hands out the
/// lowest free number. Only a process that has opened half of all that it may open comes as far as these.
#[derive(Clone, Copy)]
pub struct Number<'a>(RawFd, PhantomData<&'a ()>);

impl Number<'_> {
    /// As the kernel takes it.
    pub fn raw(self) -> RawFd {
        self.0
    }
}

impl<'a> From<BorrowedFd<'a>> for Number<'a> {
    fn from(open: BorrowedFd<'a>) -> Number<'a> {
        Number(open.as_raw_fd(), PhantomData)
    }
}

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
            if !is_open(number) && !reserved.contains(&number) {
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
    pub fn get(&self, n: usize) -> Number<'_> {
        Number(self.0[n], PhantomData)
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

/// Whether the number names anything, of whomever.
fn is_open(number: RawFd) -> bool {
    // SAFETY: the call takes any number and no pointer, and F_GETFD reads one flag: nothing happens to a descriptor
    // that is somebody else's, and one that is closed is what is asked for.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    flags >= 0
}

/// What a call of the C library gave, or the error that it left when it failed.
#[cfg(target_os = "linux")]
pub fn gave(result: impl TryInto<usize>) -> Result<usize, Errno> {
    let error = |_| Errno::from_io_error(&io::Error::last_os_error());
    let result = result.try_into().map_err(error);
    result.map_err(|error| error.expect("a call that fails says why"))
}

fn reserved() -> MutexGuard<'static, BTreeSet<RawFd>> {
    RESERVED.lock().unwrap_or_else(PoisonError::into_inner)
}

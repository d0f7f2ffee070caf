//! A ring whose completions many threads take: who has the turn may take them, and submit.

use std::ffi::c_long;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use io_uring::{IoUring as Ring, cqueue, squeue};
use portsim_model::program::RingSetup;
use rustix::io::Errno;
use rustix::io_uring::{
    IoringEnterFlags, IoringRegisterOp, io_uring_getevents_arg, io_uring_ptr,
    io_uring_sync_cancel_reg,
};

use super::entries::Entry;
use crate::native::bell::timespec;
use crate::native::lock::lock;
use crate::native::numbers::{Number, gave};

/// Carried by the messages that bring everybody home.
pub const HOME: u64 = u64::MAX;

/// How many requests a thread submits at once.
pub const REQUESTS: u32 = 8;

/// How many completions a ring holds before the kernel keeps the others in a list of its own, where a scenario does
/// not say.
const COMPLETIONS: u32 = 1024;

/// After how long an entry that must come is not waited for any more.
const PATIENCE: Duration = Duration::from_secs(1);

/// A ring of many threads.
pub struct Shared {
    ring: Ring,
    setup: RingSetup,
    turn: Mutex<()>,
}

/// An entry of a ring.
pub struct Taken {
    /// Its user data.
    pub carried: u64,
    /// Its result.
    pub result: i32,
    /// Whether the request that it is of goes on.
    pub goes_on: bool,
}

impl Taken {
    fn of(entry: cqueue::Entry) -> Taken {
        Taken {
            carried: entry.user_data(),
            result: entry.result(),
            goes_on: cqueue::more(entry.flags()),
        }
    }
}

/// A ring in the hands of one thread.
pub struct Turn<'a> {
    ring: &'a Ring,
    setup: RingSetup,
    _held: MutexGuard<'a, ()>,
}

impl Shared {
    /// A ring with room for so many completions. Where it has one submitter, that is the thread that makes it.
    pub fn new(entries: Option<u8>, setup: RingSetup) -> std::io::Result<Shared> {
        let entries = entries.map_or(COMPLETIONS, u32::from);
        let mut ring = Ring::builder();
        match setup {
            RingSetup::Shared => {}
            RingSetup::SingleIssuer => drop(ring.setup_single_issuer()),
            RingSetup::DeferTaskrun => drop(ring.setup_single_issuer().setup_defer_taskrun()),
        }
        let ring = ring.setup_cqsize(entries).build(REQUESTS.min(entries))?;
        Ok(Shared {
            ring,
            setup,
            turn: Mutex::new(()),
        })
    }

    /// Waits for the turn.
    pub fn turn(&self) -> Turn<'_> {
        Turn {
            ring: &self.ring,
            setup: self.setup,
            _held: lock(&self.turn),
        }
    }
}

impl AsFd for Shared {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

impl Turn<'_> {
    /// Takes the oldest entries, up to so many.
    pub fn pop(&mut self, most: usize) -> Vec<Taken> {
        // SAFETY: nothing but the one turn looks at the completions of this ring, each time in a method that borrows it
        // for itself and leaves none of them behind. So there is no other queue of them now.
        let entries = unsafe { self.ring.completion_shared() };
        let taken = entries.take(most).map(Taken::of);
        taken.filter(|entry| entry.carried != HOME).collect()
    }

    /// The entries in the ring, which stay there.
    pub fn there(&mut self) -> Vec<Taken> {
        // SAFETY: as in `pop`.
        let mut entries = unsafe { self.ring.completion_shared() };
        let there = entries.by_ref().map(Taken::of).collect();
        // Its drop would advance the head.
        std::mem::forget(entries);
        there
    }

    /// Waits until so many entries are in the ring.
    pub fn wait_for(&mut self, count: usize) -> Result<(), Errno> {
        let since = Instant::now();
        while self.there().len() < count {
            if since.elapsed() > PATIENCE {
                return Err(Errno::TIMEDOUT);
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    /// The same as far as it goes: whoever reads them sees what is missing.
    pub fn look_for(&mut self, count: usize) {
        let _ = self.wait_for(count);
    }

    /// The entries behind so many, once what they let begin has come as far as it does by itself: the kernel goes on with
    /// that whenever this thread, which submits, comes back from a call.
    pub fn settled(&mut self, before: usize) -> Vec<Taken> {
        std::thread::yield_now();
        self.there().split_off(before)
    }

    /// Submits a request, by the number under which the ring is open.
    pub fn submit(&mut self, number: Number<'_>, request: &Entry) -> Result<(), Errno> {
        self.submit_all(number, std::slice::from_ref(request))
    }

    /// Submits several in one call.
    pub fn submit_all(&mut self, number: Number<'_>, requests: &[Entry]) -> Result<(), Errno> {
        if self.setup != RingSetup::Shared {
            // Where this thread is refused, nothing is left in the queue.
            enter(number, 1, 0, IoringEnterFlags::empty(), None)?;
        }
        // What stands there was refused with the descriptor, and so will this be.
        let requests = match self.queue().is_empty() {
            true => requests,
            false => &[],
        };
        self.put(number, requests)
    }

    /// Submits the entry that sends a waiter home, behind what was refused with another descriptor.
    pub fn send_home(&mut self, number: Number<'_>) -> Result<(), Errno> {
        self.put(number, &[Entry::nop(HOME)])
    }

    /// Submits what stands in the queue, and then these.
    fn put(&mut self, number: Number<'_>, requests: &[Entry]) -> Result<(), Errno> {
        let mut queue = self.queue();
        requests.iter().for_each(|request| request.put(&mut queue));
        let count = queue.len() as u32;
        drop(queue);
        enter(number, count, 0, IoringEnterFlags::empty(), None)
    }

    fn queue(&mut self) -> squeue::SubmissionQueue<'_> {
        // SAFETY: as in `pop`: nothing but the one turn submits on this ring, in methods that borrow it for themselves, and
        // this queue is gone before the next and before the call.
        unsafe { self.ring.submission_shared() }
    }
}

/// How long a call waits.
pub struct Patience {
    /// For so many entries, before any is enough.
    pub minimum: Option<Duration>,
    /// At all.
    pub whole: Option<Duration>,
}

/// io_uring_enter: waits until so many entries are in a ring, but no longer than so long. Kernels before 5.11 know no limit,
/// and those before 6.12 none for the minimum.
pub fn wait(number: Number<'_>, count: u32, patience: Patience) -> Result<(), Errno> {
    if let (None, None) = (patience.minimum, patience.whole) {
        return enter(number, 0, count, IoringEnterFlags::GETEVENTS, None);
    }
    let mut arg = io_uring_getevents_arg::default();
    if let Some(minimum) = patience.minimum {
        // 0 would be no time of its own.
        arg.min_wait_usec = minimum.as_micros().clamp(1, u32::MAX.into()) as u32;
    }
    let patience = patience.whole.map(timespec);
    if let Some(patience) = &patience {
        arg.ts = io_uring_ptr::new(ptr::from_ref(patience).cast_mut().cast());
    }
    let flags = IoringEnterFlags::GETEVENTS | IoringEnterFlags::EXT_ARG;
    enter(number, 0, count, flags, Some(&arg))
}

/// io_uring_enter. What an argument points to is borrowed by who calls.
fn enter(
    number: Number<'_>,
    submitted: u32,
    awaited: u32,
    flags: IoringEnterFlags,
    arg: Option<&io_uring_getevents_arg>,
) -> Result<(), Errno> {
    let [number, submitted, awaited, flags] = [
        c_long::from(number.raw()),
        submitted.into(),
        awaited.into(),
        flags.bits().into(),
    ];
    let len = arg.map_or(0, size_of_val);
    let arg = arg.map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the argument is as long as is said, and it and the time that it points to live until the call is over.
    // What is submitted was put there as an `Entry`, and stays. The number is one that a call may be made on.
    gave(unsafe {
        libc::syscall(
            libc::SYS_io_uring_enter,
            number,
            submitted,
            awaited,
            flags,
            arg,
            len,
        )
    })
    .map(drop)
}

/// IORING_REGISTER_EVENTFD.
pub fn register_eventfd(number: Number<'_>, eventfd: &OwnedFd) -> Result<(), Errno> {
    let register = IoringRegisterOp::RegisterEventfd as u32;
    let [number, register, count] = [c_long::from(number.raw()), register.into(), 1];
    let eventfd = eventfd.as_raw_fd();
    // SAFETY: there is one number of a descriptor, which is read in the call. The number of the ring is one that a call may
    // be made on.
    gave(unsafe {
        libc::syscall(
            libc::SYS_io_uring_register,
            number,
            register,
            &raw const eventfd,
            count,
        )
    })
    .map(drop)
}

/// IORING_REGISTER_SYNC_CANCEL.
pub fn cancel(number: Number<'_>, what: &io_uring_sync_cancel_reg) -> Result<(), Errno> {
    let register = IoringRegisterOp::RegisterSyncCancel as u32;
    let [number, register, count] = [c_long::from(number.raw()), register.into(), 1];
    let what = ptr::from_ref(what);
    // SAFETY: there is one thing that is cancelled, which is read in the call and points to nothing. The number is one
    // that a call may be made on.
    gave(unsafe { libc::syscall(libc::SYS_io_uring_register, number, register, what, count) })
        .map(drop)
}

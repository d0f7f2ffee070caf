//! Requests as they stand in a ring.
//!
//! The kernel follows what a request refers to until the request is over, whatever becomes of the ring and of the
//! thread that submitted it. So a request is made here and nowhere else, and refers to no memory, or to memory that
//! stays.

use std::os::fd::RawFd;
use std::sync::atomic::AtomicU8;

use io_uring::types::{CancelBuilder, Fd, Timespec};
use io_uring::{SubmissionQueue, opcode, squeue};

use crate::native::numbers::Number;

/// The most bytes of one read.
pub const ROOM: usize = 4096;

/// The most buffers that are given at once.
pub const BUFFERS_MAX: u16 = 64;

/// Where every read puts its bytes. Nobody looks at them, and the kernel may write them at any time.
static BYTES: [AtomicU8; ROOM * BUFFERS_MAX as usize] =
    [const { AtomicU8::new(0) }; ROOM * BUFFERS_MAX as usize];

/// The group of the buffers that are given.
const BUFFERS: u16 = 0;

static NO_TIME: Timespec = Timespec::new();

/// Longer than any run.
static LONG: Timespec = Timespec::new().sec(86_400);

/// A request that refers to no memory, or to memory that is never freed.
pub struct Entry(squeue::Entry);

impl Entry {
    /// IORING_OP_READ.
    pub fn read(file: RawFd, carried: u64) -> Entry {
        let bytes = BYTES.as_ptr().cast::<u8>().cast_mut();
        let read = opcode::Read::new(Fd(file), bytes, ROOM as u32);
        Entry(read.build().user_data(carried))
    }

    /// IORING_OP_READ_MULTISHOT, into buffers that were given.
    pub fn read_on(file: RawFd, carried: u64) -> Entry {
        let read = opcode::ReadMulti::new(Fd(file), 0, BUFFERS);
        Entry(read.build().user_data(carried))
    }

    /// IORING_OP_PROVIDE_BUFFERS: gives so many buffers, up to [`BUFFERS_MAX`], without an entry of its own. Some may be one
    /// place in memory.
    pub fn buffers(count: u16) -> Entry {
        let bytes = BYTES.as_ptr().cast::<u8>().cast_mut();
        let give =
            opcode::ProvideBuffers::new(bytes, ROOM as i32, count.min(BUFFERS_MAX), BUFFERS, 0);
        Entry(give.build().flags(squeue::Flags::SKIP_SUCCESS))
    }

    /// IORING_OP_NOP.
    pub fn nop(own: u64) -> Entry {
        Entry(opcode::Nop::new().build().user_data(own))
    }

    /// IORING_OP_TIMEOUT of no time.
    pub fn timeout(own: u64) -> Entry {
        let timeout = opcode::Timeout::new(&raw const NO_TIME);
        Entry(timeout.build().user_data(own))
    }

    /// IORING_OP_TIMEOUT that is over after so many entries, and else in a day.
    pub fn count(count: u8, own: u64) -> Entry {
        let timeout = opcode::Timeout::new(&raw const LONG).count(count.into());
        Entry(timeout.build().user_data(own))
    }

    /// IORING_OP_ASYNC_CANCEL of the request that carries this.
    pub fn cancel(carried: u64, own: u64) -> Entry {
        Entry::cancel_what(CancelBuilder::user_data(carried), own)
    }

    /// The same of all requests on a file.
    pub fn cancel_all(file: RawFd, own: u64) -> Entry {
        Entry::cancel_what(CancelBuilder::fd(Fd(file)).all(), own)
    }

    fn cancel_what(what: CancelBuilder, own: u64) -> Entry {
        Entry(opcode::AsyncCancel2::new(what).build().user_data(own))
    }

    /// IORING_OP_MSG_RING.
    pub fn message(to: Number<'_>, carried: u64, own: u64) -> Entry {
        let message = opcode::MsgRingData::new(Fd(to.raw()), 0, carried, None);
        Entry(message.build().user_data(own))
    }

    /// The same request, which begins when all before it have ended.
    pub fn drained(self) -> Entry {
        Entry(self.0.flags(squeue::Flags::IO_DRAIN))
    }

    /// The same request, linked to the next one.
    pub fn linked(self, hard: bool) -> Entry {
        Entry(self.0.flags(match hard {
            true => squeue::Flags::IO_HARDLINK,
            false => squeue::Flags::IO_LINK,
        }))
    }

    /// Puts the request into a queue that has room for it.
    pub fn put(&self, queue: &mut SubmissionQueue<'_>) {
        // SAFETY: what the request refers to is there until it is over, and longer: see the type.
        unsafe { queue.push(&self.0) }.expect("there is room");
    }
}

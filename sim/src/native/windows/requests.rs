//! Operations: reads that pend, and the memory that the kernel writes into.

use std::ptr::null;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::program::{Operation, ThreadId};
use windows_sys::Wdk::Storage::FileSystem::NtReadFile;
use windows_sys::Win32::Foundation::{ERROR_IO_INCOMPLETE, ERROR_IO_PENDING, GetLastError, HANDLE};
use windows_sys::Win32::Storage::FileSystem::{ReadFile, ReadFileEx};
use windows_sys::Win32::System::IO::{
    CancelIoEx, GetOverlappedResult, IO_STATUS_BLOCK, OVERLAPPED,
};

use super::handles::failed;
use crate::trace::Answer;

/// STATUS_PENDING: the operation is not over.
const PENDING: usize = 0x103;
/// The most bytes of one operation.
pub const ROOM: usize = 4096;
/// After how long the end of an operation whose file is closed is not waited for any more.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the kernel writes into while an operation is pending.
#[repr(C)]
struct Memory {
    overlapped: OVERLAPPED,
    /// The status block of an operation that has no OVERLAPPED.
    block: IO_STATUS_BLOCK,
    room: [u8; ROOM],
}

/// One operation, with its memory.
pub struct Request {
    /// What it is.
    pub operation: Operation,
    /// From a box, which is never freed while something is pending in it.
    memory: *mut Memory,
    /// Who issued it last, and 1 more.
    issuer: AtomicU8,
    /// Who is about to issue it, and 1 more; else 0. At full speed two threads may want to.
    claim: AtomicU8,
}

// SAFETY: the memory belongs to no thread: whoever has the request may use it, and free it.
unsafe impl Send for Request {}
// SAFETY: of the memory the word that has the status is atomic. The rest is touched only while the operation is
// issued, by the one thread that has the claim.
unsafe impl Sync for Request {}

/// How a call that issues an operation ended.
pub enum Ended {
    /// With the operation, which moved so many bytes.
    Well(i64),
    /// The operation is pending.
    NotYet,
    /// With an error.
    Failed(u32),
    /// With an NTSTATUS.
    Status(i32),
}

impl Request {
    /// An operation that nobody has issued.
    pub fn new(operation: Operation) -> Request {
        Request {
            operation,
            memory: Box::into_raw(Box::new(Memory {
                overlapped: OVERLAPPED::default(),
                block: IO_STATUS_BLOCK::default(),
                room: [0; ROOM],
            })),
            issuer: AtomicU8::new(0),
            claim: AtomicU8::new(0),
        }
    }

    /// The address of its OVERLAPPED.
    pub fn address(&self) -> usize {
        self.memory as usize
    }

    /// The status with which it ended, as far as it has.
    pub fn status(&self) -> u32 {
        // The upper half of the word is no part of a status. What the kernel wrote before it is there with it.
        self.word().load(Ordering::Acquire) as u32
    }

    /// Whether it is pending.
    pub fn is_pending(&self) -> bool {
        self.status() as usize == PENDING
    }

    /// Whether a thread has issued it last.
    pub fn is_issued_by(&self, thread: ThreadId) -> bool {
        self.issuer.load(Ordering::SeqCst) == thread.0 + 1
    }

    /// Issues the operation on a file, behind what must be done right before. None where it is pending, or another
    /// thread is about to issue it: the kernel would write into its memory twice, so nothing is done then.
    pub fn issue<E>(
        &self,
        me: ThreadId,
        file: HANDLE,
        event: HANDLE,
        before: impl FnOnce() -> Result<(), E>,
    ) -> Result<Option<Ended>, E> {
        if !self.claims(me) {
            return Ok(None);
        }
        let ended = before().map(|()| {
            self.issuer.store(me.0 + 1, Ordering::SeqCst);
            self.read(file, event)
        });
        self.claim.store(0, Ordering::SeqCst);
        ended.map(Some)
    }

    /// A thread was ended, wherever it was: it issues nothing any more.
    pub fn forget(&self, thread: ThreadId) {
        let (none, its) = (0, thread.0 + 1);
        // Another one's claim stays.
        let _ = (self.claim).compare_exchange(its, none, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// CancelIoEx, of this operation alone.
    pub fn cancel(&self, file: HANDLE) -> i32 {
        // SAFETY: the block says by its address which operation is meant, and is there for as long as the request is.
        // A file that is closed is an error.
        unsafe { CancelIoEx(file, self.block().cast()) }
    }

    /// GetOverlappedResult, without a wait. Of an error only the block says which status it comes from.
    pub fn peek(&self, file: HANDLE) -> Answer {
        let mut bytes = 0;
        // SAFETY: the block is that of the operation's OVERLAPPED, and is there for as long as the request is; the call
        // only reads it. The count is written before the call is over, if at all. The file means nothing to a call that
        // does not wait.
        let done = unsafe { GetOverlappedResult(file, self.block().cast(), &mut bytes, 0) };
        // SAFETY: it takes nothing, and reads a number of this thread.
        if done == 0 && unsafe { GetLastError() } == ERROR_IO_INCOMPLETE {
            return failed(Error::Incomplete);
        }
        Answer::Io {
            status: self.status(),
            bytes: bytes.into(),
        }
    }

    /// The status block: the first two words of an OVERLAPPED are one.
    fn block(&self) -> *mut IO_STATUS_BLOCK {
        match self.operation.overlapped {
            // SAFETY: the memory is there for as long as the request is; nothing is read, and no reference is made.
            0 => unsafe { &raw mut (*self.memory).block },
            // SAFETY: as above.
            _ => unsafe { &raw mut (*self.memory).overlapped }.cast(),
        }
    }

    /// The word of the block that has the status.
    fn word(&self) -> &AtomicUsize {
        // SAFETY: the block begins with this word, and is there for as long as the request is. The system writes it
        // behind our back, and whole; of ours nobody touches it but through here.
        unsafe { AtomicUsize::from_ptr(self.block().cast()) }
    }

    /// Where the bytes go.
    fn room(&self) -> *mut u8 {
        // SAFETY: the memory is there for as long as the request is; nothing is read, and no reference is made.
        unsafe { &raw mut (*self.memory).room }.cast()
    }

    /// Claims the operation for a thread, unless it is pending or somebody else's.
    fn claims(&self, me: ThreadId) -> bool {
        let (none, mine) = (0, me.0 + 1);
        let claimed = (self.claim).compare_exchange(none, mine, Ordering::SeqCst, Ordering::SeqCst);
        if claimed.is_ok() && self.is_pending() {
            self.claim.store(none, Ordering::SeqCst);
            return false;
        }
        claimed.is_ok()
    }

    /// Issues the operation, which the calling thread has claimed.
    fn read(&self, file: HANDLE, event: HANDLE) -> Ended {
        if self.operation.overlapped == 0 {
            return self.read_without(file, event);
        }
        let overlapped = self.block().cast::<OVERLAPPED>();
        self.word().store(0, Ordering::SeqCst);
        // SAFETY: an operation with an OVERLAPPED has its block there. Nothing is pending in it, so the kernel does
        // not touch it, and this thread has the claim.
        unsafe { (*overlapped).hEvent = event };
        let (room, len, mut bytes) = (self.room(), ROOM as u32, 0);
        let done = match self.operation.apc {
            // SAFETY: room and OVERLAPPED stay until the operation is over, and the room is as long as is said. The
            // routine can be called in any way, and is there as long as the program is. A file that is closed is an
            // error.
            true => unsafe { ReadFileEx(file, room, len, overlapped, Some(over)) },
            // SAFETY: as above. The count is written before the call is over, if at all.
            false => unsafe { ReadFile(file, room, len, &mut bytes, overlapped) },
        };
        if done != 0 && !self.operation.apc {
            return Ended::Well(bytes.into());
        }
        // SAFETY: it takes nothing, and reads a number of this thread.
        match unsafe { GetLastError() } {
            _ if done != 0 => Ended::NotYet,
            ERROR_IO_PENDING => Ended::NotYet,
            error => Ended::Failed(error),
        }
    }

    /// The native call is made without an OVERLAPPED too and does not wait then, as ReadFile would.
    fn read_without(&self, file: HANDLE, event: HANDLE) -> Ended {
        let (block, room, len) = (self.block(), self.room().cast(), ROOM as u32);
        self.word().store(PENDING, Ordering::SeqCst);
        // SAFETY: room and block stay until the operation is over, and the room is as long as is said. There is no
        // routine, and a pipe has neither places nor keys. A file that is closed is an error.
        let status =
            unsafe { NtReadFile(file, event, None, null(), block, room, len, null(), null()) };
        match status {
            // SAFETY: the operation is over, so the kernel has written the block and does not touch it any more.
            0 => Ended::Well(unsafe { (*block).Information } as i64),
            status if status as usize == PENDING => Ended::NotYet,
            status => {
                self.word().store(status as u32 as usize, Ordering::SeqCst);
                Ended::Status(status)
            }
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let begin = Instant::now();
        while self.is_pending() && begin.elapsed() < PATIENCE {
            std::thread::yield_now();
        }
        // What the kernel may still write into is never freed.
        if !self.is_pending() {
            // SAFETY: it came from a box. Nobody else of ours has it, and the kernel is done with it: the status is
            // the last that it writes there.
            drop(unsafe { Box::from_raw(self.memory) });
        }
    }
}

/// A completion routine: that it ran is all that is asked.
extern "system" fn over(_: u32, _: u32, _: *mut OVERLAPPED) {}

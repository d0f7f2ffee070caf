//! Files: each is one end of a named pipe, and the other end is the device behind it.
//!
//! A read pends until the device writes a message, so `complete` is a message of so many bytes, and a read that
//! ends in its call finds its message already there. A device that goes away ends reads with STATUS_PIPE_BROKEN.
//! Reads end in the order in which they were issued, and no other status can be made: what a pipe cannot show is
//! refused before a run.
//!
//! - The memory of an operation is ours for as long as the kernel may write into it, whatever a scenario gives
//!   back. Packets name it by its address, which is told as the number that the scenario gives it.
//! - Under Wine the thread that issued an operation carries its end out, and whoever ended it may be back before
//!   that. So a call that ends something returns when the status block is written and the signal is there.

use std::io;
use std::ptr::{null, null_mut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::os_error::win32_of_status;
use portsim_model::program::{
    Binding, CANCELLED, File, FileId, IoResult, Modes, ObjectId, OperationId, PortId, Program,
    ThreadId,
};
use windows_sys::Wdk::Storage::FileSystem::{FILE_COMPLETION_INFORMATION, NtSetInformationFile};
use windows_sys::Win32::Foundation::{
    GENERIC_READ, GENERIC_WRITE, HANDLE, INVALID_HANDLE_VALUE, WAIT_OBJECT_0,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_FLAG_OVERLAPPED, OPEN_EXISTING, PIPE_ACCESS_DUPLEX,
    SetFileCompletionNotificationModes, WriteFile,
};
use windows_sys::Win32::System::IO::{
    CancelIo, CancelIoEx, CreateIoCompletionPort, IO_STATUS_BLOCK,
};
use windows_sys::Win32::System::Pipes::{
    CreateNamedPipeW, PIPE_READMODE_MESSAGE, PIPE_TYPE_MESSAGE,
};
use windows_sys::Win32::System::Threading::WaitForSingleObject;

use super::handles::{
    NAME, Owned, answer_of_nt, checked, done_or_error, duplicate, failed, last_error, lock, untaken,
};
use super::requests::{Ended, ROOM, Request};
use crate::native::backend::Failure;
use crate::trace::Answer;

/// STATUS_PIPE_BROKEN: the device went away.
pub const BROKEN: u32 = 0xc000_014b;
/// FILE_INFORMATION_CLASS FileReplaceCompletionInformation.
const REPLACE_COMPLETION: i32 = 61;
/// FILE_SKIP_COMPLETION_PORT_ON_SUCCESS and FILE_SKIP_SET_EVENT_ON_HANDLE.
const SKIP_PORT: u8 = 1;
const SKIP_EVENT: u8 = 2;
/// After how long an end that was asked for and does not come is not waited for any more.
const PATIENCE: Duration = Duration::from_secs(1);

/// One pipe.
struct Pipe {
    file: File,
    /// The handles that are open; calls use the first.
    open: Mutex<Vec<Owned>>,
    /// The one that was used last, as a number: closed ones are still called with.
    last: AtomicU64,
    /// The other end, until it goes away.
    device: Mutex<Option<Owned>>,
    /// The modes that were set.
    modes: AtomicU8,
}

/// The files and operations of a run.
pub struct Files {
    pipes: Vec<Pipe>,
    requests: Vec<Request>,
    wine: bool,
}

impl Files {
    /// The pipes of a program, on which no thread has made a call.
    pub fn new(program: &Program, wine: bool) -> Result<Files, Failure> {
        let pipes = program.files.iter().map(|file| Pipe::new(*file));
        Ok(Files {
            pipes: pipes.collect::<Result<_, _>>()?,
            requests: program
                .operations
                .iter()
                .copied()
                .map(Request::new)
                .collect(),
            wine,
        })
    }

    /// The associations and modes that a program begins with.
    pub fn set_up(
        &self,
        bindings: &[Binding],
        port: impl Fn(PortId) -> HANDLE,
    ) -> Result<(), Failure> {
        for pipe in &self.pipes {
            if pipe.file.modes != Modes::default() {
                pipe.begins_well(pipe.set_modes(pipe.file.modes))?;
            }
            if let Some(binding) = pipe.file.binding {
                let Binding { port: to, key, .. } = bindings[binding.index()];
                pipe.begins_well(associate(pipe.handle(), port(to), key))?;
            }
        }
        Ok(())
    }

    /// The handle of the file whose own signal an object is.
    pub fn of_signal(&self, object: ObjectId) -> Option<HANDLE> {
        let pipe = self.pipes.iter().find(|it| it.file.signal == object)?;
        Some(pipe.handle())
    }

    /// The number that a scenario gives to the OVERLAPPED at an address, and its status; none where it is none of
    /// ours.
    pub fn known(&self, overlapped: usize) -> Option<(i64, u32)> {
        let request = self.requests.iter().find(|it| it.address() == overlapped)?;
        Some((request.operation.overlapped, request.status()))
    }

    /// Whether something is pending that a thread has issued.
    pub fn pend_of(&self, thread: ThreadId) -> bool {
        self.requests
            .iter()
            .any(|it| it.is_issued_by(thread) && it.is_pending())
    }

    /// The handle that calls on a file use.
    pub fn handle(&self, file: FileId) -> HANDLE {
        self.pipes[file.index()].handle()
    }

    /// Whether a call on some file is still made with this handle, although it was closed.
    pub fn remembers(&self, handle: HANDLE) -> bool {
        self.pipes.iter().any(|pipe| pipe.handle() == handle)
    }

    /// SetFileCompletionNotificationModes.
    pub fn set_modes(&self, file: FileId, modes: Modes) -> Answer {
        self.pipes[file.index()].set_modes(modes)
    }

    /// DuplicateHandle; some handles belong to what is called with them although they are closed.
    pub fn duplicate(
        &self,
        file: FileId,
        is_taken: impl Fn(HANDLE) -> bool,
    ) -> Result<Answer, Failure> {
        let mut open = lock(&self.pipes[file.index()].open);
        let Some(first) = open.first().map(Owned::raw) else {
            return Ok(failed(Error::BadHandle));
        };
        let is_taken = |copy: &Owned| is_taken(copy.raw()) || self.remembers(copy.raw());
        open.push(untaken(|| duplicate(first), is_taken)?);
        Ok(Answer::Done)
    }

    /// CloseHandle, of the handle that was used so far.
    pub fn close(&self, file: FileId) -> Answer {
        let pipe = &self.pipes[file.index()];
        let (closed, is_last) = {
            let mut open = lock(&pipe.open);
            if open.is_empty() {
                return failed(Error::BadHandle);
            }
            let closed = open.remove(0);
            if let Some(next) = open.first() {
                pipe.last
                    .store(next.raw() as usize as u64, Ordering::SeqCst);
            }
            (closed, open.is_empty())
        };
        let answer = closed.close();
        if is_last {
            self.wait_for_ends(file, |_| true);
        }
        answer
    }

    /// Whether the call that issues an operation waits for its end.
    pub fn is_synchronous(&self, id: OperationId) -> bool {
        self.pipes[self.requests[id.index()].operation.file.index()]
            .file
            .sync
    }

    /// ReadFile, or its kin where the operation has a routine or no OVERLAPPED.
    pub fn start(
        &self,
        me: ThreadId,
        id: OperationId,
        event: HANDLE,
        now: Option<IoResult>,
    ) -> Result<Answer, Failure> {
        let request = &self.requests[id.index()];
        let pipe = &self.pipes[request.operation.file.index()];
        // Two operations in one memory: the kernel would write into it when it is free for other uses, so this
        // call is never made. It is a mistake of the scenario, and has the answer that such a mistake has.
        let device = || match now {
            Some(how) if pipe.is_open() => pipe.device_does(how),
            _ => Ok(()),
        };
        let event = event as usize | usize::from(request.operation.low_bit);
        let issued = request.issue(me, pipe.handle(), event as HANDLE, device)?;
        let Some(ended) = issued else {
            return Ok(failed(Error::Invalid));
        };
        Ok(match (ended, now) {
            // The call says the error only.
            (Ended::Failed(error), Some(how)) if turns_into(how.status, error) => Answer::Io {
                status: how.status,
                bytes: how.returned,
            },
            // The call has come back with its operation, and not every system writes the status block then.
            (Ended::Failed(error), _) if pipe.file.sync => match ends_with(error) {
                Some(status) => Answer::Io { status, bytes: 0 },
                None => last_error(),
            },
            (Ended::Failed(_), _) => last_error(),
            (Ended::Status(status), _) => answer_of_nt(status),
            (Ended::Well(bytes), _) => Answer::Io { status: 0, bytes },
            (Ended::NotYet, _) => failed(Error::Pending),
        })
    }

    /// GetOverlappedResult, without a wait.
    pub fn peek(&self, id: OperationId) -> Answer {
        let request = &self.requests[id.index()];
        request.peek(self.handle(request.operation.file))
    }

    /// A thread was ended, wherever it was: it issues nothing any more.
    pub fn forget(&self, thread: ThreadId) {
        self.requests.iter().for_each(|it| it.forget(thread));
    }

    /// What the device does.
    pub fn complete(&self, id: OperationId, how: IoResult) -> Result<Answer, Failure> {
        let request = &self.requests[id.index()];
        if !request.is_pending() {
            return Ok(failed(Error::NotFound));
        }
        self.pipes[request.operation.file.index()].device_does(how)?;
        self.wait_for_end(request);
        Ok(Answer::Done)
    }

    /// CancelIoEx, of one operation.
    pub fn cancel(&self, id: OperationId) -> Answer {
        let request = &self.requests[id.index()];
        let handle = self.handle(request.operation.file);
        let was_pending = request.is_pending();
        let done = request.cancel(handle);
        let answer = done_or_error(done);
        if done != 0 && was_pending {
            self.wait_for_end(request);
        }
        answer
    }

    /// CancelIoEx or, for those that the caller has issued, CancelIo.
    pub fn cancel_all(&self, me: ThreadId, file: FileId, mine: bool) -> Answer {
        let handle = self.handle(file);
        let done = match mine {
            // SAFETY: the call takes no pointer. A file that is closed is an error.
            true => unsafe { CancelIo(handle) },
            // SAFETY: as above; NULL means all operations.
            false => unsafe { CancelIoEx(handle, null()) },
        };
        let answer = done_or_error(done);
        if done != 0 {
            self.wait_for_ends(file, |request| !mine || request.is_issued_by(me));
        }
        answer
    }

    fn wait_for_ends(&self, file: FileId, which: impl Fn(&Request) -> bool) {
        for request in &self.requests {
            if request.operation.file == file && request.is_pending() && which(request) {
                self.wait_for_end(request);
            }
        }
    }

    /// Waits until an operation is over and has been reported, without ever waiting in the kernel.
    fn wait_for_end(&self, request: &Request) {
        let begin = Instant::now();
        while (request.is_pending() || !self.is_signaled(request)) && begin.elapsed() < PATIENCE {
            std::thread::yield_now();
        }
    }

    /// Whether the signal of an operation is there, which Wine sets behind the packet. Where looking at it would
    /// take it, or nobody sets it, this is not asked.
    fn is_signaled(&self, request: &Request) -> bool {
        let pipe = &self.pipes[request.operation.file.index()];
        let skips = pipe.modes.load(Ordering::SeqCst) & SKIP_EVENT != 0;
        let asks = request.operation.event.is_none() && !skips && !pipe.file.sync;
        if !self.wine || !asks || !pipe.is_open() {
            return true;
        }
        // SAFETY: the call takes no pointer. The file stays signaled.
        let waited = unsafe { WaitForSingleObject(pipe.handle(), 0) };
        waited == WAIT_OBJECT_0
    }

    /// Ends whatever is pending, because the recording is over.
    pub fn release(&self) {
        for pipe in &self.pipes {
            if pipe.file.sync {
                // Whoever waits there is told of a broken pipe.
                *lock(&pipe.device) = None;
            } else if pipe.is_open() {
                // SAFETY: the call takes no pointer but NULL, which means all operations.
                unsafe { CancelIoEx(pipe.handle(), null()) };
            }
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.release();
        // The operations that are dropped next end with their files.
        self.pipes.clear();
    }
}

/// Whether a status turns into this error.
pub(super) fn turns_into(status: u32, error: u32) -> bool {
    win32_of_status(status).is_some_and(|it| u32::from(it.number) == error)
}

/// The status with which an operation has ended, if that turns into this error.
fn ends_with(error: u32) -> Option<u32> {
    let statuses = [CANCELLED.status, BROKEN];
    statuses
        .into_iter()
        .find(|&status| turns_into(status, error))
}

impl Pipe {
    fn new(file: File) -> Result<Pipe, Failure> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let (process, n) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let name = format!("\\\\.\\pipe\\portsim-{process}-{n}\0");
        let name: Vec<u16> = name.encode_utf16().collect();
        let access = match file.sync {
            true => PIPE_ACCESS_DUPLEX,
            false => PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
        };
        let (kind, room) = (PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 16 * ROOM as u32);
        let name = name.as_ptr();
        // SAFETY: the name ends in 0 and lives until the call is over; a pipe may have no attributes.
        let end = unsafe { CreateNamedPipeW(name, access, kind, 1, room, room, 0, null()) };
        // SAFETY: if it was made it is new.
        let end = unsafe { opened("CreateNamedPipeW", end) }?;
        let (both, none) = (GENERIC_READ | GENERIC_WRITE, null_mut());
        // SAFETY: as above; a file that is opened has neither attributes nor an example.
        let device = unsafe { CreateFileW(name, both, 0, null(), OPEN_EXISTING, 0, none) };
        // SAFETY: if it was made it is new.
        let device = unsafe { opened("CreateFileW", device) }?;
        Ok(Pipe {
            file,
            last: AtomicU64::new(end.raw() as usize as u64),
            open: Mutex::new(vec![end]),
            device: Mutex::new(Some(device)),
            modes: AtomicU8::new(0),
        })
    }

    fn handle(&self) -> HANDLE {
        self.last.load(Ordering::SeqCst) as usize as HANDLE
    }

    fn is_open(&self) -> bool {
        !lock(&self.open).is_empty()
    }

    fn set_modes(&self, modes: Modes) -> Answer {
        let skip_port = if modes.skip_port { SKIP_PORT } else { 0 };
        let skip_event = if modes.skip_event { SKIP_EVENT } else { 0 };
        let flags = skip_port | skip_event;
        // SAFETY: the call takes no pointer. A file that is closed is an error.
        let done = unsafe { SetFileCompletionNotificationModes(self.handle(), flags) };
        if done != 0 {
            self.modes.fetch_or(flags, Ordering::SeqCst);
        }
        done_or_error(done)
    }

    fn begins_well(&self, answer: Answer) -> Result<(), Failure> {
        match answer {
            Answer::Done => Ok(()),
            answer => {
                let why = io::Error::other(format!("a file cannot begin as it should: {answer:?}"));
                Err(Failure::new(NAME, "open", why))
            }
        }
    }

    /// A message for a read, or the end of the device.
    fn device_does(&self, how: IoResult) -> Result<(), Failure> {
        let mut device = lock(&self.device);
        if how.status == BROKEN {
            *device = None;
            return Ok(());
        }
        let Some(end) = &*device else {
            let why = io::Error::other("the device has gone away");
            return Err(Failure::new(NAME, "WriteFile", why));
        };
        let (message, mut written) = (&[0_u8; ROOM][..how.bytes as usize], 0);
        let (bytes, len) = (message.as_ptr(), message.len() as u32);
        // SAFETY: the message is as long as is said, and is read before the call is over, because this end has no
        // operations that pend; so is the count written. The device is open while the lock is held.
        let done = unsafe { WriteFile(end.raw(), bytes, len, &mut written, null_mut()) };
        match done {
            0 => Err(Failure::new(NAME, "WriteFile", io::Error::last_os_error())),
            _ => Ok(()),
        }
    }
}

/// CreateIoCompletionPort with a file.
pub fn associate(file: HANDLE, port: HANDLE, key: i64) -> Answer {
    // SAFETY: the call takes no pointer. Handles that are closed are an error. What comes back is the handle of the
    // port, which is not ours to close.
    let done = unsafe { CreateIoCompletionPort(file, port, key as usize, 0) };
    done_or_error(i32::from(!done.is_null()))
}

/// NtSetInformationFile with FileReplaceCompletionInformation.
pub fn replace(file: HANDLE, port: HANDLE, key: i64) -> Answer {
    let information = FILE_COMPLETION_INFORMATION {
        Port: port,
        Key: key as usize as *mut _,
    };
    let mut block = IO_STATUS_BLOCK::default();
    // SAFETY: this class has this type. The information is as long as is said; it is read, and the block written,
    // before the call is over. The key is carried as a number, and handles that are closed are an error.
    answer_of_nt(unsafe {
        NtSetInformationFile(
            file,
            &mut block,
            (&raw const information).cast(),
            size_of_val(&information) as u32,
            REPLACE_COMPLETION,
        )
    })
}

/// A file that a call gave, if it gave one.
///
/// # Safety
///
/// The handle is INVALID_HANDLE_VALUE, or as for [`checked`].
unsafe fn opened(call: &str, handle: HANDLE) -> Result<Owned, Failure> {
    match handle {
        INVALID_HANDLE_VALUE => Err(Failure::new(NAME, call, io::Error::last_os_error())),
        // SAFETY: as the caller says.
        handle => unsafe { checked(call, handle) },
    }
}

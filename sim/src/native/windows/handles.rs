//! Handles of the system, and what its calls answer.

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, IntoRawHandle, OwnedHandle};
use std::ptr::{null, null_mut};

use portsim_model::event::{ERRORS, Error};
use portsim_model::os_error::win32;
use windows_sys::Win32::Foundation::{
    CloseHandle, DUPLICATE_SAME_ACCESS, DuplicateHandle, GetLastError, HANDLE,
    RtlNtStatusToDosError,
};
use windows_sys::Win32::System::Threading::{CreateEventW, GetCurrentProcess, SetEvent};

use crate::native::backend::Failure;
pub use crate::native::lock::lock;
use crate::trace::Answer;

/// The backend's name.
pub const NAME: &str = "windows";

/// A handle that is closed with this.
pub struct Owned(OwnedHandle);

impl Owned {
    /// A handle that a call has made.
    ///
    /// # Safety
    ///
    /// The handle is open, and nobody else closes it.
    pub unsafe fn new(handle: HANDLE) -> Owned {
        // SAFETY: as the caller says; `CloseHandle` closes all handles that are made here.
        Owned(unsafe { OwnedHandle::from_raw_handle(handle) })
    }

    /// As the system takes it: open for as long as this lives.
    pub fn raw(&self) -> HANDLE {
        self.0.as_raw_handle()
    }

    /// CloseHandle, where its answer is wanted.
    pub fn close(self) -> Answer {
        let handle = self.0.into_raw_handle();
        // SAFETY: the handle was this one's to close, and nothing is left that would close it again.
        done_or_error(unsafe { CloseHandle(handle) })
    }
}

/// An event that is taken back when a thread is released.
pub fn event() -> Result<Owned, Failure> {
    make_event(false)
}

/// An event, which stays signaled if it is manual.
pub fn make_event(manual: bool) -> Result<Owned, Failure> {
    // SAFETY: an event may have neither a name nor attributes.
    let event = unsafe { CreateEventW(null(), manual.into(), 0, null()) };
    // SAFETY: if it was made it is new.
    unsafe { checked("CreateEventW", event) }
}

/// SetEvent.
pub fn set(event: &Owned) -> Result<(), Failure> {
    // SAFETY: the call takes no pointer; the event is borrowed, and so it is open.
    match unsafe { SetEvent(event.raw()) } {
        0 => Err(Failure::new(NAME, "SetEvent", io::Error::last_os_error())),
        _ => Ok(()),
    }
}

/// One more handle of the same thing.
pub fn duplicate(handle: HANDLE) -> Result<Owned, Failure> {
    let (mut copy, same) = (null_mut(), DUPLICATE_SAME_ACCESS);
    // SAFETY: it takes nothing, and gives a number that is no handle to be closed.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: the copy goes to a place of ours. A handle that is closed is refused.
    let done = unsafe { DuplicateHandle(process, handle, process, &mut copy, 0, 0, same) };
    let copy = if done == 0 { null_mut() } else { copy };
    // SAFETY: if it was made it is new.
    unsafe { checked("DuplicateHandle", copy) }
}

/// What is made until its handle, or its number, is none of those that are taken.
pub fn untaken<T>(
    mut make: impl FnMut() -> Result<T, Failure>,
    is_taken: impl Fn(&T) -> bool,
) -> Result<T, Failure> {
    let mut unfit = Vec::new();
    loop {
        let made = make()?;
        if !is_taken(&made) {
            return Ok(made);
        }
        // Kept until another one is found, so that it does not come again.
        unfit.push(made);
    }
}

/// A handle that a call gave, if it gave one.
///
/// # Safety
///
/// The handle is null, or as for [`Owned::new`].
pub unsafe fn checked(call: &str, handle: HANDLE) -> Result<Owned, Failure> {
    if handle.is_null() {
        return Err(Failure::new(NAME, call, io::Error::last_os_error()));
    }
    // SAFETY: it is not null, so the rest is as the caller says.
    Ok(unsafe { Owned::new(handle) })
}

/// The error that the thread's last call left.
pub fn last_error() -> Answer {
    // SAFETY: it takes nothing, and reads a number of this thread.
    let number = unsafe { GetLastError() };
    let known = ERRORS.into_iter().map(win32);
    let known = known
        .into_iter()
        .find(|known| u32::from(known.number) == number);
    Answer::Failed(known.map_or(format!("ERROR_{number}"), |known| known.name.to_owned()))
}

/// A failure that every system knows.
pub fn failed(error: Error) -> Answer {
    Answer::Failed(win32(error).name.into())
}

/// What a call that gives 0 when it failed has done.
pub fn done_or_error(done: i32) -> Answer {
    match done {
        0 => last_error(),
        _ => Answer::Done,
    }
}

/// STATUS_PENDING.
const PENDING: i32 = 0x103;

/// What an NTSTATUS says, in the words of Win32 where it is an error that every system knows.
pub fn answer_of_nt(status: i32) -> Answer {
    if status >= 0 && status != PENDING {
        return Answer::Done;
    }
    // SAFETY: it takes any number, and no pointer.
    let number = unsafe { RtlNtStatusToDosError(status) };
    let mut known = ERRORS.into_iter().map(win32);
    let name = known.find(|known| u32::from(known.number) == number);
    Answer::Failed(name.map_or(format!("0x{status:08x}"), |known| known.name.to_owned()))
}

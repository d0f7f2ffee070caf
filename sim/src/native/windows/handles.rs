//! Handles of the system, and what its calls answer.

use std::io;
use std::ptr::null;

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
pub struct Owned(pub HANDLE);

// SAFETY: a handle is a number that every thread of the process may use.
unsafe impl Send for Owned {}
// SAFETY: as above.
unsafe impl Sync for Owned {}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it is ours, and closed once.
        unsafe { CloseHandle(self.0) };
    }
}

/// An event that is taken back when a thread is released.
pub fn event() -> Result<Owned, Failure> {
    // SAFETY: no name and no attributes are passed; the result is checked.
    checked("CreateEventW", unsafe {
        CreateEventW(null(), 0, 0, null())
    })
}

/// SetEvent.
pub fn set(event: &Owned) -> Result<(), Failure> {
    // SAFETY: it is open.
    match unsafe { SetEvent(event.0) } {
        0 => Err(Failure::new(NAME, "SetEvent", io::Error::last_os_error())),
        _ => Ok(()),
    }
}

/// One more handle of the same thing.
pub fn duplicate(handle: HANDLE) -> Result<Owned, Failure> {
    let mut copy = std::ptr::null_mut();
    // SAFETY: the copy goes to a place of ours, and becomes ours.
    let done = unsafe {
        let process = GetCurrentProcess();
        DuplicateHandle(
            process,
            handle,
            process,
            &mut copy,
            0,
            0,
            DUPLICATE_SAME_ACCESS,
        )
    };
    checked(
        "DuplicateHandle",
        if done == 0 {
            std::ptr::null_mut()
        } else {
            copy
        },
    )
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
pub fn checked(call: &str, handle: HANDLE) -> Result<Owned, Failure> {
    if handle.is_null() {
        Err(Failure::new(NAME, call, io::Error::last_os_error()))
    } else {
        Ok(Owned(handle))
    }
}

/// The error that the thread's last call left.
pub fn last_error() -> Answer {
    // SAFETY: it reads a number of this thread.
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
    // SAFETY: only a number is passed.
    let number = unsafe { RtlNtStatusToDosError(status) };
    let mut known = ERRORS.into_iter().map(win32);
    let name = known.find(|known| u32::from(known.number) == number);
    Answer::Failed(name.map_or(format!("0x{status:08x}"), |known| known.name.to_owned()))
}

//! The calls of wepoll.
//!
//! wepoll looks up the number of a port in a table of its own, under a lock, and asks the system about that of a socket: a
//! number that names nothing is refused, and that is an answer.

use std::ffi::{c_int, c_void};
use std::io;
use std::ptr;
use std::time::Duration;

use wepoll_ffi as wepoll;
use windows_sys::Win32::Foundation::{
    ERROR_ALREADY_EXISTS, ERROR_INVALID_HANDLE, ERROR_INVALID_PARAMETER, ERROR_NOT_FOUND,
};

/// An open port, which is closed by [`Port::close`] only: that may wait.
pub struct Port(usize);

impl Port {
    /// epoll_create1.
    pub fn new() -> io::Result<Port> {
        // SAFETY: it takes no pointer.
        let handle = unsafe { wepoll::epoll_create1(0) };
        match handle.is_null() {
            true => Err(io::Error::last_os_error()),
            false => Ok(Port(handle as usize)),
        }
    }

    /// What other calls name it by, open or not.
    pub fn number(&self) -> usize {
        self.0
    }

    /// epoll_close, which comes back when nobody is in a call on the port any more.
    pub fn close(self) -> io::Result<()> {
        // SAFETY: the port is open, and nobody else closes it. Whoever is in a call on it holds it until the call is over.
        done(unsafe { wepoll::epoll_close(self.0 as *mut c_void) })
    }
}

/// What is asked for, or reported.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// EPOLLIN and the like.
    pub events: u32,
    /// What comes with it.
    pub data: u64,
}

impl Event {
    /// What no event is: it is still there where nothing has been written.
    pub const UNTOUCHED: Event = Event {
        events: u32::MAX,
        data: u64::MAX,
    };

    fn raw(self) -> wepoll::epoll_event {
        wepoll::epoll_event {
            events: self.events,
            data: wepoll::epoll_data { u64_: self.data },
        }
    }
}

/// Which events a source is watched for, and how.
pub fn flags(input: bool, output: bool, oneshot: bool) -> u32 {
    let flag = |on: bool, flag: u32| if on { flag } else { 0 };
    flag(input, wepoll::EPOLLIN)
        | flag(output, wepoll::EPOLLOUT)
        | flag(oneshot, wepoll::EPOLLONESHOT)
}

/// What epoll_ctl does.
pub enum Change {
    /// EPOLL_CTL_ADD.
    Add(Event),
    /// EPOLL_CTL_MOD.
    Mod(Event),
    /// EPOLL_CTL_DEL.
    Del,
}

/// epoll_ctl.
pub fn control(port: usize, socket: usize, change: Change) -> io::Result<()> {
    let (op, event) = match change {
        Change::Add(event) => (wepoll::EPOLL_CTL_ADD, Some(event)),
        Change::Mod(event) => (wepoll::EPOLL_CTL_MOD, Some(event)),
        Change::Del => (wepoll::EPOLL_CTL_DEL, None),
    };
    let mut event = event.map(Event::raw);
    let event = event.as_mut().map_or(ptr::null_mut(), ptr::from_mut);
    // SAFETY: the event lives here until the call is over, and wepoll keeps a copy; there may be none where a socket is
    // taken out. Both numbers are refused where they name nothing.
    done(unsafe { wepoll::epoll_ctl(port as *mut c_void, op as c_int, socket, event) })
}

/// epoll_wait, which counts in milliseconds: how many were ready, first in the room.
pub fn wait(port: usize, room: &mut [Event], rest: Option<Duration>) -> io::Result<usize> {
    let millis = |rest: Duration| rest.as_nanos().div_ceil(1_000_000);
    let millis = rest.map_or(-1, |rest| {
        c_int::try_from(millis(rest)).unwrap_or(c_int::MAX)
    });
    let mut raw: Vec<_> = room.iter().map(|event| event.raw()).collect();
    // SAFETY: wepoll writes at most as many events as the room holds, and only before the call is over. The number is
    // refused where it names nothing.
    let count = unsafe {
        wepoll::epoll_wait(
            port as *mut c_void,
            raw.as_mut_ptr(),
            raw.len() as c_int,
            millis,
        )
    };
    if count < 0 {
        return Err(io::Error::last_os_error());
    }
    for (event, raw) in room.iter_mut().zip(raw) {
        *event = Event {
            events: raw.events,
            // SAFETY: all that is ever written there is 64 bits wide.
            data: unsafe { raw.data.u64_ },
        };
    }
    Ok(count as usize)
}

/// What Linux calls an error of these calls, where it is an answer: `errno` as wepoll sets it beside the error of the
/// system.
pub fn name_of(error: &io::Error) -> Option<&'static str> {
    match u32::try_from(error.raw_os_error()?).ok()? {
        ERROR_INVALID_HANDLE => Some("EBADF"),
        ERROR_INVALID_PARAMETER => Some("EINVAL"),
        ERROR_ALREADY_EXISTS => Some("EEXIST"),
        ERROR_NOT_FOUND => Some("ENOENT"),
        _ => None,
    }
}

fn done(result: c_int) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

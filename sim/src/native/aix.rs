//! The calls of AIX completion ports. Never run, and no backend yet: only compiled, and with nothing but core.
//!
//! The standard library of this compiler does not build for AIX, so neither does the command. Whoever has one that
//! does finds here what a backend needs, with the types of `sys/iocp.h`; until then a port on AIX is recorded
//! through an agent. The descriptor of a port is closed with close(2), and errors are in errno.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

/// For a call that waits for ever.
pub const INFINITE: c_int = -1;

/// The most packets of one call.
pub const PACKETS_MAX: usize = 4096;

/// A packet, as GetMultipleCompletionStatus gives it: `struct gmcs`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// Bytes transferred.
    pub bytes: c_int,
    /// The completion key.
    pub key: c_int,
    /// The OVERLAPPED, or the aiocb of a file.
    pub overlapped: *mut c_void,
    /// How the operation ended.
    pub error: c_int,
}

/// It failed; errno says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed;

// SAFETY: these are the declarations of `sys/iocp.h`, where HANDLE and DWORD are int.
unsafe extern "C" {
    fn CreateIoCompletionPort(fd: c_int, port: c_int, key: c_int, threads: c_int) -> c_int;
    fn GetQueuedCompletionStatus(
        port: c_int,
        bytes: *mut c_int,
        key: *mut c_int,
        overlapped: *mut *mut c_void,
        timeout: c_int,
    ) -> c_int;
    fn GetMultipleCompletionStatus(
        port: c_int,
        min: c_int,
        max: c_int,
        timeout: c_int,
        packets: *mut Packet,
    ) -> c_int;
    fn PostQueuedCompletionStatus(
        port: c_int,
        bytes: c_int,
        key: c_int,
        overlapped: *mut c_void,
    ) -> c_int;
}

/// Makes a port; the count of threads that may run is not implemented by the system.
pub fn create() -> Result<c_int, Failed> {
    // SAFETY: it takes numbers; -1 stands for no file, and 0 for no port.
    let port = unsafe { CreateIoCompletionPort(-1, 0, 0, 0) };
    if port < 0 { Err(Failed) } else { Ok(port) }
}

/// Associates a file with a port.
pub fn associate(fd: c_int, port: c_int, key: c_int) -> Result<(), Failed> {
    // SAFETY: it takes numbers.
    let associated = unsafe { CreateIoCompletionPort(fd, port, key, 0) };
    if associated < 0 { Err(Failed) } else { Ok(()) }
}

/// Takes a packet, or waits for one so many milliseconds.
pub fn get(port: c_int, timeout: c_int) -> Result<Packet, Failed> {
    let mut packet = Packet {
        bytes: 0,
        key: 0,
        overlapped: core::ptr::null_mut(),
        error: 0,
    };
    // SAFETY: each place lives on this stack and has the type that the header says.
    let taken = unsafe {
        GetQueuedCompletionStatus(
            port,
            &mut packet.bytes,
            &mut packet.key,
            &mut packet.overlapped,
            timeout,
        )
    };
    if taken == 0 { Err(Failed) } else { Ok(packet) }
}

/// Waits for `min` packets and takes as many as there is room for; how many stand in `room` then. Fewer than
/// `min` are no failure: errno, which the caller sets to 0 before, says why.
pub fn get_many(
    port: c_int,
    min: c_int,
    timeout: c_int,
    room: &mut [MaybeUninit<Packet>],
) -> Result<usize, Failed> {
    let max = room.len().min(PACKETS_MAX) as c_int;
    // SAFETY: there is room for `max` packets.
    let count =
        unsafe { GetMultipleCompletionStatus(port, min, max, timeout, room.as_mut_ptr().cast()) };
    usize::try_from(count).map_err(|_| Failed)
}

/// Puts a packet into a port.
pub fn post(port: c_int, bytes: c_int, key: c_int, overlapped: *mut c_void) -> Result<(), Failed> {
    // SAFETY: it takes numbers, and a pointer that the system keeps as one.
    let posted = unsafe { PostQueuedCompletionStatus(port, bytes, key, overlapped) };
    if posted == 0 { Err(Failed) } else { Ok(()) }
}

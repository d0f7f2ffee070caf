//! What systems call an error: names and numbers of their headers, one function for each.
//!
//! A personality and the backend of the same system name their errors by one function, and a reader of traces knows the
//! names of all of them.

use crate::event::{ERRORS, Error};

/// An error as a system names and numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OsError {
    /// The constant of the system's headers.
    pub name: &'static str,
    /// Its value.
    pub number: u16,
}

/// What Windows calls an error: Win32 codes, as GetLastError gives them.
pub fn win32(error: Error) -> OsError {
    let (name, number) = match error {
        Error::Timeout => ("WAIT_TIMEOUT", 258),
        Error::Abandoned => ("ERROR_ABANDONED_WAIT_0", 735),
        Error::BadHandle => ("ERROR_INVALID_HANDLE", 6),
        Error::Invalid => ("ERROR_INVALID_PARAMETER", 87),
        Error::Exists => ("ERROR_ALREADY_EXISTS", 183),
        Error::NotFound => ("ERROR_NOT_FOUND", 1168),
        Error::NotOwner => ("ERROR_NOT_OWNER", 288),
        Error::Limit => ("ERROR_TOO_MANY_POSTS", 298),
        Error::Pending => ("ERROR_IO_PENDING", 997),
        Error::Apc => ("WAIT_IO_COMPLETION", 192),
        Error::NoMemory => ("ERROR_NO_SYSTEM_RESOURCES", 1450),
        Error::Cancelled => ("ERROR_OPERATION_ABORTED", 995),
        Error::Busy => ("ERROR_BUSY", 170),
        Error::Denied => ("ERROR_ACCESS_DENIED", 5),
        Error::Absent => ("ERROR_INVALID_FUNCTION", 1),
        Error::Incomplete => ("ERROR_IO_INCOMPLETE", 996),
        Error::General => ("ERROR_GEN_FAILURE", 31),
        Error::Loop => ("ERROR_CIRCULAR_DEPENDENCY", 1059),
    };
    OsError { name, number }
}

/// What Linux calls an error: errno values.
pub fn errno(error: Error) -> OsError {
    let (name, number) = match error {
        Error::Timeout => ("ETIMEDOUT", 110),
        Error::Abandoned => ("ECANCELED", 125),
        Error::BadHandle => ("EBADF", 9),
        Error::Invalid => ("EINVAL", 22),
        Error::Exists => ("EEXIST", 17),
        Error::NotFound => ("ENOENT", 2),
        Error::NotOwner => ("EPERM", 1),
        Error::Limit => ("EOVERFLOW", 75),
        Error::Pending | Error::Incomplete => ("EINPROGRESS", 115),
        Error::Apc => ("EINTR", 4),
        Error::NoMemory => ("ENOMEM", 12),
        Error::Cancelled => ("ECANCELED", 125),
        Error::Busy => ("EBUSY", 16),
        Error::Denied => ("EPERM", 1),
        Error::Absent => ("ENOSYS", 38),
        Error::General => ("EIO", 5),
        Error::Loop => ("ELOOP", 40),
    };
    OsError { name, number }
}

/// What illumos calls an error of its event ports: errno values.
pub fn illumos(error: Error) -> OsError {
    let (name, number) = match error {
        Error::Timeout => ("ETIME", 62),
        Error::Abandoned => ("EBADFD", 81),
        Error::NotOwner => ("EACCES", 13),
        Error::Limit => ("EAGAIN", 11),
        Error::Pending | Error::Incomplete => ("EINPROGRESS", 150),
        Error::Cancelled => ("ECANCELED", 47),
        _ => return errno(error),
    };
    OsError { name, number }
}

/// What AIX calls an error of its completion ports: errno values.
pub fn aix(error: Error) -> OsError {
    let (name, number) = match error {
        Error::Timeout => ("ETIMEDOUT", 78),
        Error::Exists => ("EALREADY", 56),
        Error::Limit => ("EOVERFLOW", 127),
        Error::Pending | Error::Incomplete => ("EINPROGRESS", 55),
        Error::Cancelled | Error::Abandoned => ("ECANCELED", 117),
        _ => return errno(error),
    };
    OsError { name, number }
}

/// What FreeBSD calls an error: errno values.
pub fn freebsd(error: Error) -> OsError {
    let (name, number) = match error {
        Error::Timeout => ("ETIMEDOUT", 60),
        Error::Limit => ("EOVERFLOW", 84),
        Error::Pending | Error::Incomplete => ("EINPROGRESS", 36),
        Error::Cancelled | Error::Abandoned => ("ECANCELED", 85),
        _ => return errno(error),
    };
    OsError { name, number }
}

/// What macOS calls an error: errno values.
pub fn macos(error: Error) -> OsError {
    let (name, number) = match error {
        Error::Cancelled | Error::Abandoned => ("ECANCELED", 89),
        _ => return freebsd(error),
    };
    OsError { name, number }
}

/// What each system calls an error, the most common first: where two give one name different numbers, the
/// number is that of the first.
const SYSTEMS: [fn(Error) -> OsError; 6] = [win32, errno, illumos, aix, freebsd, macos];

/// Every error as each system names and numbers it.
pub fn os_errors() -> impl Iterator<Item = (Error, OsError)> {
    let of = |os_error: fn(Error) -> OsError| ERRORS.map(|error| (error, os_error(error)));
    SYSTEMS.into_iter().flat_map(of)
}

/// The error that a name of any system stands for.
pub fn error_named(name: &str) -> Option<Error> {
    os_errors().find_map(|(error, known)| (known.name == name).then_some(error))
}

/// The Win32 error that an NTSTATUS turns into, for the statuses that evidence names; none for success and informational
/// ones. All others turn into [`UNKNOWN_STATUS`], as RtlNtStatusToDosError does with a status it does not know.
pub fn win32_of_status(status: u32) -> Option<OsError> {
    let (name, number) = match status {
        0..=0x7fff_ffff => return None,
        0xc000_000d => ("ERROR_INVALID_PARAMETER", 87), // STATUS_INVALID_PARAMETER
        0xc000_0010 => ("ERROR_INVALID_FUNCTION", 1),   // STATUS_INVALID_DEVICE_REQUEST
        0xc000_0011 => ("ERROR_HANDLE_EOF", 38),        // STATUS_END_OF_FILE
        0xc000_0023 => ("ERROR_INSUFFICIENT_BUFFER", 122), // STATUS_BUFFER_TOO_SMALL
        0xc000_00b5 => ("ERROR_SEM_TIMEOUT", 121),      // STATUS_IO_TIMEOUT
        0xc000_0120 => ("ERROR_OPERATION_ABORTED", 995), // STATUS_CANCELLED
        0xc000_013b | 0xc000_013c => ("ERROR_NETNAME_DELETED", 64), // STATUS_LOCAL_DISCONNECT, STATUS_REMOTE_DISCONNECT
        0xc000_014b => ("ERROR_BROKEN_PIPE", 109),                  // STATUS_PIPE_BROKEN
        0xc000_020d => ("ERROR_NETNAME_DELETED", 64),               // STATUS_CONNECTION_RESET
        0xc000_0236 => ("ERROR_CONNECTION_REFUSED", 1225),          // STATUS_CONNECTION_REFUSED
        0xc000_0241 => ("ERROR_CONNECTION_ABORTED", 1236),          // STATUS_CONNECTION_ABORTED
        0x8000_0005 => ("ERROR_MORE_DATA", 234),                    // STATUS_BUFFER_OVERFLOW
        _ => return Some(UNKNOWN_STATUS),
    };
    Some(OsError { name, number })
}

/// The Win32 error of a status without one of its own.
pub const UNKNOWN_STATUS: OsError = OsError {
    name: "ERROR_MR_MID_NOT_FOUND",
    number: 317,
};

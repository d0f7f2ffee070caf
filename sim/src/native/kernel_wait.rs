//! In which call a thread can be parked: what a backend says to whoever looks.

/// A call in which a thread can be parked: its number, and the first argument that names what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelWait {
    /// Which call.
    pub call: Call,
    /// The first argument as the kernel shows it: a descriptor or an address.
    pub first: u64,
}

/// Calls in which threads of a backend wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `read`.
    Read,
    /// `ppoll`.
    Ppoll,
    /// `epoll_pwait`.
    EpollPwait,
    /// `poll`, on systems other than Linux.
    Poll,
    /// illumos: `port_get` and `port_getn`.
    PortGet,
    /// FreeBSD and macOS: `kevent`.
    Kevent,
    /// `pselect6`.
    Pselect,
    /// `mq_timedreceive`.
    MqTimedreceive,
    /// `io_uring_enter`.
    IoUringEnter,
    /// `futex`, on a word of the block of 64 bytes that the first argument begins.
    Futex,
    /// Windows: a wait on a completion port.
    Port,
    /// Windows: a wait for any other object.
    Object,
    /// Windows: the end of an operation on a synchronous file.
    File,
    /// Windows: a suspension, wherever it found the thread.
    Suspension,
}

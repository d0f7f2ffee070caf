//! Mistakes that tests plant in a port: what looks for mistakes must find these.
//!
//! No build of the crate has them. A test that wants them compiles the source of the port as a module of its own.

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A waiter is answered and not woken.
    LostWake,
    /// A post queues its packet and wakes a waiter to come and get it: the first thread to look takes it.
    Stolen,
    /// A thread that blocks or ends goes on counting.
    KeptCount,
    /// A waiter whose time is over goes, although a packet was just handed to it.
    LateTimeout,
}

/// Every mistake.
pub const FAULTS: [Fault; 4] = [
    Fault::LostWake,
    Fault::Stolen,
    Fault::KeptCount,
    Fault::LateTimeout,
];

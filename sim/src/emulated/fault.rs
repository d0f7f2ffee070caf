//! Mistakes that a port can be given in tests: what looks for mistakes must find these.

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A waiter is answered and not woken.
    LostWake,
    /// A post queues its packet and wakes a waiter to come and get it: whoever comes first has it.
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

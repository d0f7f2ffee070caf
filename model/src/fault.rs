//! The invariants of every port, by name.

/// A broken invariant that every scenario is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A packet that was posted is neither queued nor delivered nor discarded.
    Lost,
    /// A packet was delivered although it had been delivered before.
    Twice,
    /// A thread was released that did not wait.
    Released,
    /// The count of running threads is not the number of associated threads that can run.
    Running,
    /// A packet waits, a thread waits, and one more thread may run: somebody forgot to wake.
    Stranded,
    /// Nothing can move any more, and a thread waits that was not meant to.
    Deadlock,
    /// A thread's assertion does not hold.
    Assert,
    /// The thread whose turn the schedule says cannot move.
    Schedule,
    /// A thread goes round without an operation, or a condition of its has no value.
    Spin,
    /// An operation is issued, or the kernel writes its status block, after its memory was given back.
    Freed,
    /// An operation is issued while it is pending or its packet has not been taken.
    InFlight,
}

/// Every [`Fault`] with the name that scenarios and reports use.
pub const FAULTS: [(Fault, &str); 11] = [
    (Fault::Lost, "lost"),
    (Fault::Twice, "twice"),
    (Fault::Released, "released"),
    (Fault::Running, "running"),
    (Fault::Stranded, "stranded"),
    (Fault::Deadlock, "deadlock"),
    (Fault::Assert, "assert"),
    (Fault::Schedule, "schedule"),
    (Fault::Spin, "spin"),
    (Fault::Freed, "freed"),
    (Fault::InFlight, "in_flight"),
];

impl Fault {
    /// The name that scenarios and reports use.
    pub fn name(self) -> &'static str {
        FAULTS[self as usize].1
    }

    /// Whether it is judged in any case: it is no matter of ports.
    pub fn is_always_judged(self) -> bool {
        matches!(self, Fault::Assert | Fault::Schedule | Fault::Spin)
    }
}

/// Which invariants of every port a program is judged by. A failed assertion, a turn that nobody can take and a thread
/// that goes round are judged in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invariants(u16);

impl Invariants {
    /// All of them.
    pub const ALL: Invariants = Invariants(u16::MAX);
    /// None of them.
    pub const NONE: Invariants = Invariants(0);

    /// Whether this one is judged.
    #[inline]
    pub const fn judge(self, fault: Fault) -> bool {
        self.0 >> fault as u16 & 1 != 0
    }

    /// All but this one.
    #[must_use]
    pub const fn without(self, fault: Fault) -> Invariants {
        Invariants(self.0 & !(1 << fault as u16))
    }
}

impl Default for Invariants {
    fn default() -> Invariants {
        Invariants::NONE
    }
}

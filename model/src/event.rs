//! What an observer sees: calls, returns, outcomes.

use crate::claim::Claim;
use crate::program::{BATCH_MAX, Op, PacketId, ResultId, ThreadId};

/// Someone who watches the steps of a system.
pub trait Observer {
    /// A thread starts a call.
    fn call(&mut self, thread: ThreadId, op: Op);
    /// A call ends.
    fn ret(&mut self, thread: ThreadId, op: Op, outcome: Outcome);
    /// A claim decided what happens.
    #[inline(always)]
    fn by(&mut self, _: &'static Claim) {}
}

/// An observer that is known only at run time.
impl Observer for &mut dyn Observer {
    fn call(&mut self, thread: ThreadId, op: Op) {
        (**self).call(thread, op);
    }
    fn ret(&mut self, thread: ThreadId, op: Op, outcome: Outcome) {
        (**self).ret(thread, op, outcome);
    }
    fn by(&mut self, claim: &'static Claim) {
        (**self).by(claim);
    }
}

/// Sees nothing, and costs nothing.
impl Observer for () {
    #[inline]
    fn call(&mut self, _: ThreadId, _: Op) {}
    #[inline]
    fn ret(&mut self, _: ThreadId, _: Op, _: Outcome) {}
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was asked.
    Done,
    /// It took one packet.
    Packet(PacketId),
    /// It took a batch of packets, oldest first.
    Packets(Batch),
    /// It answered with a number.
    Value(i32),
    /// It compared this number with another one, and did nothing.
    Other(i32),
    /// It was an operation that ended in the call.
    Io(ResultId),
    /// Its time was over, and it took a batch of fewer packets than it waited for, at least one.
    Partial(Batch),
    /// It failed.
    Failed(Error),
}

/// Some packets, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    len: u8,
    ids: [PacketId; BATCH_MAX],
}

impl Batch {
    /// No packets.
    pub const EMPTY: Batch = Batch {
        len: 0,
        ids: [PacketId(0); BATCH_MAX],
    };

    /// One packet.
    #[inline]
    pub fn of(packet: PacketId) -> Batch {
        let mut batch = Batch::EMPTY;
        batch.push(packet);
        batch
    }

    /// Adds a packet behind the others; there must be room.
    #[inline]
    pub fn push(&mut self, packet: PacketId) {
        self.ids[usize::from(self.len)] = packet;
        self.len += 1;
    }

    /// The packets.
    #[inline]
    pub fn packets(&self) -> &[PacketId] {
        &self.ids[..usize::from(self.len)]
    }
}

/// Why a call failed, in the words that all systems share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Error {
    /// Its time was over.
    Timeout,
    /// The port was closed while the call waited.
    Abandoned,
    /// There is no such port, or no longer.
    BadHandle,
    /// An argument makes no sense.
    Invalid,
    /// It is there already.
    Exists,
    /// It is not there.
    NotFound,
    /// The caller does not own it.
    NotOwner,
    /// A count would pass its limit.
    Limit,
    /// The operation is not over.
    Pending,
    /// An asynchronous procedure call has run.
    Apc,
    /// There is no memory for it.
    NoMemory,
    /// It was cancelled.
    Cancelled,
    /// Somebody else has it.
    Busy,
    /// What it is asked for cannot be done to this any more.
    Denied,
    /// The system has no such call.
    Absent,
    /// What is looked at is not over.
    Incomplete,
    /// It cannot be done, and the system does not say why.
    General,
    /// It would come to be inside itself.
    Loop,
}

/// Every [`Error`], in order.
pub const ERRORS: [Error; 18] = [
    Error::Timeout,
    Error::Abandoned,
    Error::BadHandle,
    Error::Invalid,
    Error::Exists,
    Error::NotFound,
    Error::NotOwner,
    Error::Limit,
    Error::Pending,
    Error::Apc,
    Error::NoMemory,
    Error::Cancelled,
    Error::Busy,
    Error::Denied,
    Error::Absent,
    Error::Incomplete,
    Error::General,
    Error::Loop,
];

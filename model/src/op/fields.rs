//! What operations are done with, besides ids.

use alloc::vec::Vec;

use crate::ids::{FileId, OperationId, PacketId, PortId, ReserveId, SlotId};

/// A place in a thread's code: index into `Code::instrs`.
pub type Pc = u16;

/// Notification modes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Modes {
    /// FILE_SKIP_COMPLETION_PORT_ON_SUCCESS.
    pub skip_port: bool,
    /// FILE_SKIP_SET_EVENT_ON_HANDLE.
    pub skip_event: bool,
}

/// How long a call waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timeout {
    /// Until it gets what it waits for.
    Never,
    /// Ticks of virtual time; 0 does not wait.
    Ticks(u32),
}

/// What an event of a kqueue is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Filter {
    /// EVFILT_USER: a number that the program triggers.
    User,
    /// EVFILT_READ: a descriptor that can be read.
    Read,
    /// EVFILT_WRITE: a descriptor that can be written.
    Write,
}

/// What `kevent` does to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Knote {
    /// Which event of the source.
    pub filter: Filter,
    /// What its events carry.
    pub packet: PacketId,
    /// Whether they carry it from now on, and not what they carried before: a program passes that again.
    pub carries: bool,
    /// EV_ADD.
    pub add: bool,
    /// EV_DELETE.
    pub delete: bool,
    /// EV_ENABLE.
    pub enable: bool,
    /// EV_DISABLE.
    pub disable: bool,
    /// EV_ONESHOT.
    pub oneshot: bool,
    /// EV_CLEAR.
    pub clear: bool,
    /// EV_DISPATCH.
    pub dispatch: bool,
    /// NOTE_TRIGGER.
    pub trigger: bool,
}

/// What `port_alert` does to an event port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alert {
    /// Puts it into alert mode, whether or not it was; calls take this event.
    Set(PacketId),
    /// Puts it into alert mode if it was not.
    Update(PacketId),
    /// Takes it out.
    Clear,
}

/// What `epoll_ctl` does to a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Watch {
    /// Starts to watch it.
    Add(Interest),
    /// Changes how it is watched, and arms it again.
    Mod(Interest),
    /// Stops watching it.
    Del,
}

/// How a source is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interest {
    /// What it is watched for, and what its events carry.
    pub events: Events,
    /// Edge-triggered: reported once for each change.
    pub edge: bool,
    /// Disarmed by its first event, until the next `mod`.
    pub oneshot: bool,
    /// Its events wake the waiters of one descriptor only, of those that watch it so.
    pub exclusive: bool,
}

/// What a source is watched for, and what a report of that carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Events {
    /// Nothing.
    None,
    /// That it can be read.
    In(PacketId),
    /// That it can be written.
    Out(PacketId),
    /// Both directions: a report says which it is ready for.
    InOut {
        /// It can be read.
        input: PacketId,
        /// It can be written.
        output: PacketId,
        /// It can be read and written.
        both: PacketId,
    },
}

/// A direction of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the source.
    In,
    /// Into the source.
    Out,
}

impl Events {
    /// How a report says that a source can be read, where it says that: EPOLLIN.
    pub const INPUT: i64 = 1;

    /// How a report says that a source can be written, where it says that: EPOLLOUT.
    pub const OUTPUT: i64 = 4;

    /// What stands where a port does not watch a source.
    pub const UNWATCHED: Events = Events::In(PacketId(0));

    /// Whether an event in a direction is one of these.
    pub fn has(self, direction: Direction) -> bool {
        match direction {
            Direction::In => matches!(self, Events::In(_) | Events::InOut { .. }),
            Direction::Out => matches!(self, Events::Out(_) | Events::InOut { .. }),
        }
    }

    /// What a report carries of a source that can be read, or written, or both; none if it is ready for none of these.
    pub fn report(self, readable: bool, writable: bool) -> Option<PacketId> {
        match self {
            Events::None => None,
            Events::In(packet) => readable.then_some(packet),
            Events::Out(packet) => writable.then_some(packet),
            Events::InOut {
                input,
                output,
                both,
            } => match (readable, writable) {
                (false, false) => None,
                (true, false) => Some(input),
                (false, true) => Some(output),
                (true, true) => Some(both),
            },
        }
    }
}

/// A message from ring to ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Message {
    /// The ring that it is submitted on.
    pub from: PortId,
    /// The ring that it is for.
    pub to: PortId,
    /// What the other ring gets.
    pub packet: PacketId,
    /// What the sender's ring gets when that went well.
    pub went: PacketId,
    /// What the sender's ring gets when there is no other ring.
    pub failed: PacketId,
}

/// A request to a ring that ends by itself, with what its own entry carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// Nothing: only its entry.
    Nop(PacketId),
    /// The same once all requests before it have ended: IOSQE_IO_DRAIN.
    Drain(PacketId),
    /// A timeout of no time.
    Timeout(PacketId),
    /// A timeout that is over when so many entries have come, and that nobody waits out.
    Count {
        /// How many.
        count: u8,
        /// What its own entry carries.
        own: PacketId,
    },
    /// The end of a request; its own entry is one of `Program::owns`.
    Cancel(OperationId, u8),
    /// The end of all requests on a file; its own entry is one of `Program::owns`.
    CancelFile(FileId, u8),
    /// A read, which pends: only in a chain.
    Read(OperationId),
    /// Requests of which each waits for the one before it: one of `Program::chains`.
    Chain(u8),
}

/// Requests to a ring that are linked, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The ring.
    pub port: PortId,
    /// The requests.
    pub linked: Vec<Linked>,
}

/// A request of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linked {
    /// What is asked for: no chain.
    pub request: Request,
    /// Whether the next one begins however this one ends: IOSQE_IO_HARDLINK.
    pub hard: bool,
    /// What its entry carries where the chain breaks before it; that of a read is among `Program::completions`.
    pub broken: PacketId,
}

/// A call that posts a packet.
#[derive(Debug, Clone, Copy)]
pub struct Post {
    /// To where.
    pub port: PortId,
    /// What it carries.
    pub packet: PacketId,
    /// Whether there may be no memory for it.
    pub may_fail: bool,
    /// The memory that it is posted with.
    pub reserve: Option<ReserveId>,
}

/// A call that takes packets.
#[derive(Debug, Clone, Copy)]
pub struct Get {
    /// From where.
    pub port: PortId,
    /// Where the result goes.
    pub into: Option<SlotId>,
    /// How long it waits.
    pub timeout: Timeout,
    /// The most packets of a batch; none for the call that takes exactly one.
    pub max: Option<u8>,
    /// How many packets a batch waits for; none for the call that takes what is there.
    pub min: Option<u8>,
    /// How long it waits for so many, before any is enough; none for as long as it waits at all.
    pub min_wait: Option<u32>,
    /// Whether an asynchronous procedure call can end the wait.
    pub alertable: bool,
}

impl Get {
    /// How long it waits for its minimum, and how long it waits for one packet behind that, if there is a second time.
    #[inline]
    pub fn times(self) -> (Timeout, Option<u32>) {
        times(self.timeout, self.min_wait)
    }
}

/// The same of a call that says so. A longer minimum wait is the only time there is.
#[inline]
pub fn times(timeout: Timeout, min_wait: Option<u32>) -> (Timeout, Option<u32>) {
    match (timeout, min_wait) {
        (_, None) | (Timeout::Ticks(0), _) => (timeout, None),
        (Timeout::Ticks(ticks), Some(first)) if first < ticks => {
            (Timeout::Ticks(first), Some(ticks - first))
        }
        (_, Some(only)) => (Timeout::Ticks(only), None),
    }
}

/// Who submits to a ring, and waits on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RingSetup {
    /// Every thread.
    #[default]
    Shared,
    /// Only the thread that made it submits: IORING_SETUP_SINGLE_ISSUER.
    SingleIssuer,
    /// Only that thread waits, too, and what others send comes in when it does: IORING_SETUP_DEFER_TASKRUN.
    DeferTaskrun,
}

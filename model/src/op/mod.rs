//! Operations: what a thread does in one step.
//!
//! Long: one enum with every operation of every system, each field with its sentence.

mod verb;

use crate::expr::ExprId;
use crate::ids::{
    BindingId, FileId, JobId, ObjectId, OperationId, PacketId, PortId, ProcessId, ReserveId,
    ResultId, SlotId, SourceId, ThreadId, WaitPacketId,
};

pub use verb::Verb;

/// A place in a thread's code: index into `Code::instrs`.
pub type Pc = u8;

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

/// One operation: what a thread does in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// Takes a packet from a port, or waits for one.
    Get {
        /// The port.
        port: PortId,
        /// Where the result goes.
        into: Option<SlotId>,
        /// How long it waits.
        timeout: Timeout,
        /// The most packets of a batch; none for the call that takes exactly one.
        max: Option<u8>,
        /// How many packets a batch waits for; none for the call that takes what is there.
        min: Option<u8>,
        /// Whether an asynchronous procedure call can end the wait.
        alertable: bool,
    },
    /// Puts a packet into a port.
    Post {
        /// The port.
        port: PortId,
        /// What it carries.
        packet: PacketId,
        /// Where the result goes.
        into: Option<SlotId>,
        /// Whether there may be no memory for it.
        may_fail: bool,
        /// The memory that it is posted with.
        reserve: Option<ReserveId>,
    },
    /// Closes a handle of a port.
    Close {
        /// The port.
        port: PortId,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Makes a port that was declared but not open; opens a named one again.
    Create {
        /// The port.
        port: PortId,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Makes one more handle of a port.
    DuplicatePort {
        /// The port.
        port: PortId,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Asks how many packets nobody has taken.
    Query {
        /// The port.
        port: PortId,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Waits for the handle of a port, and takes nothing.
    WaitHandle {
        /// The port.
        port: PortId,
        /// Where the result goes.
        into: Option<SlotId>,
        /// How long it waits.
        timeout: Timeout,
        /// Whether an asynchronous procedure call can end the wait.
        alertable: bool,
    },
    /// Waits for an event, mutex or semaphore.
    Block {
        /// What it waits for.
        object: ObjectId,
        /// Where the result goes.
        into: Option<SlotId>,
        /// How long it waits.
        timeout: Timeout,
        /// Whether an asynchronous procedure call can end the wait.
        alertable: bool,
    },
    /// Sets an event, releases a mutex, raises a semaphore by one.
    Signal {
        /// What it signals.
        object: ObjectId,
    },
    /// Takes an event's signal back.
    Reset {
        /// The event.
        object: ObjectId,
    },
    /// Blocks in some other kernel wait until it comes back by itself: two steps.
    Stall,
    /// Waits for the clock; 0 ticks only yield.
    Sleep {
        /// How long.
        ticks: u32,
        /// Where the result goes.
        into: Option<SlotId>,
        /// Whether an asynchronous procedure call can end the wait.
        alertable: bool,
    },
    /// Gives the processor away and stays runnable.
    Yield,
    /// Suspends a thread.
    Suspend {
        /// Whom.
        thread: ThreadId,
    },
    /// Takes one suspension back.
    Resume {
        /// Whom.
        thread: ThreadId,
    },
    /// Ends a thread wherever it is.
    Terminate {
        /// Whom.
        thread: ThreadId,
    },
    /// Starts a thread that waits for it.
    Spawn {
        /// Whom.
        thread: ThreadId,
    },
    /// Ends the calling thread.
    Exit,
    /// Ends the process of the calling thread: its threads and its handles of files.
    ExitProcess,
    /// Queues an asynchronous procedure call to a thread.
    Apc {
        /// Whose.
        thread: ThreadId,
        /// The memory that it is queued with.
        reserve: Option<ReserveId>,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// The kernel interrupts a thread's wait for a moment.
    KernelApc {
        /// Whose.
        thread: ThreadId,
    },
    /// Associates a file with a port.
    Associate {
        /// The association; none for a call without a file.
        binding: Option<BindingId>,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Replaces a file's association, or takes it away.
    Replace {
        /// The file.
        file: FileId,
        /// What it is associated with from now on.
        binding: Option<BindingId>,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Sets notification modes of a file.
    Modes {
        /// The file.
        file: FileId,
        /// Those that are set.
        modes: Modes,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Makes one more handle of a file.
    DuplicateFile {
        /// The file.
        file: FileId,
        /// In which process; none for the caller's.
        process: Option<ProcessId>,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Closes a handle of a file in the caller's process.
    CloseFile {
        /// The file.
        file: FileId,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Issues an operation.
    Start {
        /// Which.
        operation: OperationId,
        /// How it ends in the call; none where it pends.
        now: Option<ResultId>,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// The device ends operations: those of this number among `Program::bursts`.
    Complete {
        /// Which.
        burst: u16,
        /// How.
        result: ResultId,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Asks for the end of an operation.
    Cancel {
        /// Which.
        operation: OperationId,
        /// Whether only one that the calling thread issued is meant.
        mine: bool,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Asks for the end of all operations on a file.
    CancelFile {
        /// The file.
        file: FileId,
        /// Whether only those are meant that the calling thread issued.
        mine: bool,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Gives the memory of an operation back.
    Free {
        /// Which.
        operation: OperationId,
    },
    /// Takes the memory of an operation again.
    Alloc {
        /// Which.
        operation: OperationId,
    },
    /// Makes a packet of the signal of an event or semaphore.
    WaitPacket {
        /// The wait completion packet.
        wait_packet: WaitPacketId,
        /// Where it is queued.
        port: PortId,
        /// What it waits for.
        target: ObjectId,
        /// What it carries.
        packet: PacketId,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Takes a wait completion packet back.
    CancelWaitPacket {
        /// Which.
        wait_packet: WaitPacketId,
        /// Whether it is taken out of a queue as well.
        remove: bool,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Associates a job with a port: one of `Program::job_bindings`, or none.
    JobPort {
        /// The job.
        job: JobId,
        /// The association.
        binding: Option<u8>,
        /// Where the result goes.
        into: Option<SlotId>,
        /// Whether one of its messages may be lost.
        may_lose: bool,
    },
    /// A process begins in a job.
    JobStart {
        /// The job.
        job: JobId,
        /// Which of `Program::pids`.
        pid: u8,
        /// Where the result goes.
        into: Option<SlotId>,
        /// Whether one of its messages may be lost.
        may_lose: bool,
    },
    /// A process of a job ends.
    JobExit {
        /// The job.
        job: JobId,
        /// Which of `Program::pids`.
        pid: u8,
        /// Where the result goes.
        into: Option<SlotId>,
        /// Whether one of its messages may be lost.
        may_lose: bool,
    },
    /// Writes shared variables, all at once: `len` of `Program::sets` from `first`.
    Set {
        /// The first assignment.
        first: u16,
        /// How many.
        len: u8,
    },
    /// An `if` that reads shared variables: a step, because other threads can come between.
    Test {
        /// What is asked.
        cond: ExprId,
        /// Where to go on when it does not hold.
        otherwise: Pc,
    },
    /// Fails the run when it does not hold.
    Assert {
        /// What must hold.
        cond: ExprId,
    },
    /// Says something in the trace; the number names the text.
    Note(u16),
    /// Adds, changes or removes a source that an epoll descriptor watches.
    EpollCtl {
        /// The epoll descriptor.
        port: PortId,
        /// What it watches.
        source: SourceId,
        /// What is done.
        change: Watch,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Makes a source readable.
    Write {
        /// The source.
        source: SourceId,
    },
    /// Reads a source until it is empty.
    Drain {
        /// The source.
        source: SourceId,
    },
    /// Sends one event to several event ports: a list of `Program::port_lists`.
    PortSendn {
        /// Which list.
        ports: u16,
        /// What the event carries.
        packet: PacketId,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Sends a message from one ring to another.
    MsgRing {
        /// What is sent, and what the sender gets.
        message: Message,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Submits a request to a ring that ends by itself.
    Submit {
        /// The ring.
        port: PortId,
        /// What is asked for.
        request: Request,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Puts an event port into alert mode, or takes it out.
    PortAlert {
        /// The event port.
        port: PortId,
        /// What is done.
        alert: Alert,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Associates a source with an event port, for one event.
    PortAssociate {
        /// The event port.
        port: PortId,
        /// What it watches.
        source: SourceId,
        /// What its event carries.
        packet: PacketId,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Takes the association of a source away.
    PortDissociate {
        /// The event port.
        port: PortId,
        /// What it watches.
        source: SourceId,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Closes the descriptor of a source.
    CloseSource {
        /// The source.
        source: SourceId,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Adds, changes, triggers or removes a user event of a kqueue.
    Kevent {
        /// The kqueue.
        port: PortId,
        /// What stands for the event.
        source: SourceId,
        /// What is done.
        change: Knote,
        /// Where the result goes.
        into: Option<SlotId>,
    },
}

/// What `kevent` does to a user event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Knote {
    /// What its events carry.
    pub packet: PacketId,
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
    /// What its events carry.
    pub packet: PacketId,
    /// Edge-triggered: reported once for each change.
    pub edge: bool,
    /// Disarmed by its first event, until the next `mod`.
    pub oneshot: bool,
    /// Its events wake the waiters of one descriptor only, of those that watch it so.
    pub exclusive: bool,
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
    /// A timeout of no time.
    Timeout(PacketId),
    /// The end of a request; its own entry is one of `Program::owns`.
    Cancel(OperationId, u8),
    /// The end of all requests on a file; its own entry is one of `Program::owns`.
    CancelFile(FileId, u8),
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
    /// Whether an asynchronous procedure call can end the wait.
    pub alertable: bool,
}

impl Op {
    /// Where its result goes, if it names a place.
    #[inline]
    pub fn into(mut self) -> Option<SlotId> {
        self.place_mut().and_then(|into| *into)
    }

    /// The call that takes packets, if it is one.
    #[inline]
    pub fn as_get(self) -> Option<Get> {
        match self {
            Op::Get {
                port,
                into,
                timeout,
                max,
                min,
                alertable,
            } => Some(Get {
                port,
                into,
                timeout,
                max,
                min,
                alertable,
            }),
            _ => None,
        }
    }

    /// The same operation with its result going nowhere: what an observer sees of it.
    pub fn unnamed(mut self) -> Op {
        if let Some(into) = self.place_mut() {
            *into = None;
        }
        self
    }

    /// Whether an asynchronous procedure call can end its wait.
    #[inline]
    pub fn is_alertable(self) -> bool {
        match self {
            Op::Get { alertable, .. }
            | Op::Block { alertable, .. }
            | Op::Sleep { alertable, .. }
            | Op::WaitHandle { alertable, .. } => alertable,
            _ => false,
        }
    }

    /// Whether every system has it: one of the four calls on a port that any of them has, in whatever words, or
    /// something that threads do by themselves. Its fields may ask for more than a system has.
    pub fn is_portable(self) -> bool {
        let on_a_port = matches!(
            self,
            Op::Get { .. } | Op::Post { .. } | Op::Close { .. } | Op::Create { .. }
        );
        let on_an_object = matches!(
            self,
            Op::Block { .. } | Op::Signal { .. } | Op::Reset { .. }
        );
        let alone = matches!(
            self,
            Op::Stall | Op::Sleep { .. } | Op::Yield | Op::Spawn { .. } | Op::Exit | Op::Note(_)
        );
        let data = matches!(self, Op::Set { .. } | Op::Test { .. } | Op::Assert { .. });
        on_a_port || on_an_object || alone || data
    }

    fn place_mut(&mut self) -> Option<&mut Option<SlotId>> {
        match self {
            Op::Get { into, .. }
            | Op::Post { into, .. }
            | Op::Close { into, .. }
            | Op::Create { into, .. }
            | Op::DuplicatePort { into, .. }
            | Op::Query { into, .. }
            | Op::WaitHandle { into, .. }
            | Op::Block { into, .. }
            | Op::Sleep { into, .. }
            | Op::Apc { into, .. }
            | Op::Associate { into, .. }
            | Op::Replace { into, .. }
            | Op::Modes { into, .. }
            | Op::DuplicateFile { into, .. }
            | Op::CloseFile { into, .. }
            | Op::Start { into, .. }
            | Op::Complete { into, .. }
            | Op::Cancel { into, .. }
            | Op::CancelFile { into, .. }
            | Op::WaitPacket { into, .. }
            | Op::CancelWaitPacket { into, .. }
            | Op::JobPort { into, .. }
            | Op::JobStart { into, .. }
            | Op::JobExit { into, .. }
            | Op::PortSendn { into, .. }
            | Op::MsgRing { into, .. }
            | Op::Submit { into, .. }
            | Op::EpollCtl { into, .. }
            | Op::PortAlert { into, .. }
            | Op::PortAssociate { into, .. }
            | Op::PortDissociate { into, .. }
            | Op::CloseSource { into, .. }
            | Op::Kevent { into, .. } => Some(into),
            Op::Signal { .. }
            | Op::Reset { .. }
            | Op::Stall
            | Op::Yield
            | Op::Suspend { .. }
            | Op::Resume { .. }
            | Op::Terminate { .. }
            | Op::Spawn { .. }
            | Op::Exit
            | Op::ExitProcess
            | Op::KernelApc { .. }
            | Op::Set { .. }
            | Op::Test { .. }
            | Op::Assert { .. }
            | Op::Note(_)
            | Op::Free { .. }
            | Op::Alloc { .. }
            | Op::Write { .. }
            | Op::Drain { .. } => None,
        }
    }
}

//! Operations: what a thread does in one step.
//!
//! Long: one enum with every operation of every system, each field with its sentence.

mod describe;
mod description;
mod fields;
mod verb;

use crate::expr::ExprId;
use crate::ids::{
    BindingId, FileId, JobId, ObjectId, OperationId, PacketId, PortId, ProcessId, ReserveId,
    ResultId, SlotId, SourceId, ThreadId, WaitPacketId,
};

pub use description::{Description, Exit, Messages, Noun, Role, Wait};
pub use fields::{
    Alert, Chain, Direction, Events, Filter, Get, Interest, Knote, Linked, Message, Modes, Pc,
    Post, Request, RingSetup, Timeout, Watch,
};
pub use verb::Verb;

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
        /// How long it waits for so many, before any is enough; none for as long as it waits at all.
        min_wait: Option<u32>,
        /// Whether an asynchronous procedure call can end the wait.
        alertable: bool,
        /// Whether the result keeps what the last packet had where the call takes none.
        keeps: bool,
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
    /// Puts a packet into a port whose contents are computed when it is posted.
    PostComputed {
        /// The port.
        port: PortId,
        /// What it carries: one of `Program::computed`.
        computed: u16,
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
    /// Waits for the end of threads.
    Join {
        /// Whose end: an object that is signaled for ever once it has come.
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
        /// Whether it needs no alertable wait.
        special: bool,
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
    /// Asks how an operation has ended, and takes no packet.
    Peek {
        /// Which.
        operation: OperationId,
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
    /// Writes a variable and answers with what was there, in one step.
    Swap {
        /// What it writes: one of `Program::sets`.
        set: u16,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Adds to a variable and answers with what was there, in one step.
    Add {
        /// What it adds, and to what: one of `Program::sets`.
        set: u16,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Writes a variable if it has the value that is expected, and answers with what was there, in one step.
    CompareSwap {
        /// What it writes: one of `Program::sets`.
        set: u16,
        /// The value that is expected.
        expect: ExprId,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// An `if` that reads shared variables: a step, because other threads can come between.
    Test {
        /// What is asked.
        cond: ExprId,
        /// Where to go on when it does not hold.
        otherwise: Pc,
    },
    /// Waits until it holds: not in a call, so that no system has a part in it.
    Await {
        /// What it waits for.
        cond: ExprId,
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
    /// Writes into a source until it is full.
    Fill {
        /// The source.
        source: SourceId,
    },
    /// The other end of a source reads it empty.
    MakeRoom {
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
    /// Lets a ring set an event with each entry that comes into it.
    RingEvent {
        /// The ring.
        port: PortId,
        /// The event.
        event: ObjectId,
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
    /// Closes a descriptor of a source: the one by which threads know it, or else a duplicate.
    CloseSource {
        /// The source.
        source: SourceId,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Makes one more descriptor of a source.
    DuplicateSource {
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

impl Op {
    /// Where its result goes, if it names a place.
    #[inline]
    pub fn into(mut self) -> Option<SlotId> {
        self.tell().into.and_then(|into| *into)
    }

    /// The call that takes packets, if it is one.
    #[inline]
    pub fn as_get(self) -> Option<Get> {
        let Op::Get {
            port,
            into,
            timeout,
            max,
            min,
            min_wait,
            alertable,
            keeps: _,
        } = self
        else {
            return None;
        };
        Some(Get {
            port,
            into,
            timeout,
            max,
            min,
            min_wait,
            alertable,
        })
    }

    /// Whether its result keeps what the last packet had where it takes none.
    #[inline]
    pub fn keeps(self) -> bool {
        matches!(self, Op::Get { keeps: true, .. })
    }

    /// What it computes that it carries, if it does: one of `Program::computed`.
    pub fn computes(self) -> Option<u16> {
        let Op::PostComputed { computed, .. } = self else {
            return None;
        };
        Some(computed)
    }

    /// Whether it is a timeout of a ring that counts entries.
    pub fn counts(self) -> bool {
        let Op::Submit { request, .. } = self else {
            return false;
        };
        matches!(request, Request::Count { .. })
    }

    /// Whether it posts to this port, or to any.
    pub fn posts(mut self, to: Option<PortId>) -> bool {
        let mut nouns = self.describe().nouns();
        nouns.any(|noun| match noun {
            Noun::Port(port, Role::Posts) => to.is_none_or(|to| to == port),
            _ => false,
        })
    }

    /// The call that a post of a computed packet is, where it comes to this one.
    pub fn posting(self, packet: PacketId) -> Option<Op> {
        let Op::PostComputed {
            port,
            computed: _,
            into,
            may_fail,
            reserve,
        } = self
        else {
            return None;
        };
        Some(Op::Post {
            port,
            packet,
            into,
            may_fail,
            reserve,
        })
    }

    /// The same post of another packet; any other operation as it is.
    pub fn of_packet(self, packet: PacketId) -> Op {
        if let Op::Post {
            port,
            packet: _,
            into,
            may_fail,
            reserve,
        } = self
        {
            return Op::Post {
                port,
                packet,
                into,
                may_fail,
                reserve,
            };
        }
        self
    }

    /// The same wait for a packet with another limit; any other operation as it is.
    pub fn waiting(mut self, limit: Timeout) -> Op {
        if let Op::Get { timeout, .. } = &mut self {
            *timeout = limit;
        }
        self
    }

    /// The same operation as an observer sees it: without what only its thread knows, such as where its result goes.
    pub fn form(self) -> Op {
        let mut form = self.unnamed();
        for noun in form.tell().nouns() {
            match noun {
                Noun::Condition(cond) => *cond = ExprId(0),
                Noun::Branch(to) => *to = 0,
                Noun::Sets(first, len) => (*first, *len) = (0, 0),
                Noun::Update(set) => *set = 0,
                Noun::Value(value) => *value = ExprId(0),
                Noun::Computed(computed) => *computed = 0,
                Noun::Port(..)
                | Noun::Ports(..)
                | Noun::Packet(_)
                | Noun::Own(_)
                | Noun::Chain(_)
                | Noun::Thread(..)
                | Noun::Object(..)
                | Noun::Clock(_)
                | Noun::Source(..)
                | Noun::File(..)
                | Noun::Binding(_)
                | Noun::Operation(..)
                | Noun::Burst(..)
                | Noun::Result(_)
                | Noun::Reserve(_)
                | Noun::WaitPacket(..)
                | Noun::Job(..)
                | Noun::JobBinding(_)
                | Noun::Pid(_)
                | Noun::Process(_)
                | Noun::Text(_) => {}
            }
        }
        form
    }

    /// The same operation with its result going nowhere, where it keeps nothing.
    pub fn unnamed(mut self) -> Op {
        if let Some(into) = self.tell().into {
            *into = None;
        }
        if let Op::Get { keeps, .. } = &mut self {
            *keeps = false;
        }
        self
    }

    /// How it waits, where it can have a deadline or be alertable.
    #[inline]
    pub fn wait(mut self) -> Option<Wait> {
        self.tell().wait
    }

    /// What ends in it, where its own thread does.
    #[inline]
    pub fn exits(mut self) -> Option<Exit> {
        self.tell().exits
    }

    /// Where its thread may go on instead of at the next instruction.
    pub fn branch(&mut self) -> Option<&mut Pc> {
        self.describe().nouns().find_map(|noun| match noun {
            Noun::Branch(to) => Some(to),
            _ => None,
        })
    }

    /// What must hold before its thread can move at all, if it waits for that.
    #[inline]
    pub fn awaits(self) -> Option<ExprId> {
        let Op::Await { cond } = self else {
            return None;
        };
        Some(cond)
    }

    /// Whether it evaluates expressions, which may have no value.
    pub fn evaluates(mut self) -> bool {
        let mut nouns = self.describe().nouns();
        nouns.any(|noun| {
            use Noun::*;
            matches!(
                noun,
                Condition(_) | Sets(..) | Update(_) | Value(_) | Computed(_)
            )
        })
    }

    /// Whether an asynchronous procedure call can end its wait.
    #[inline]
    pub fn is_alertable(self) -> bool {
        self.wait().is_some_and(|wait| wait.alertable)
    }

    /// Whether every system has it: one of the four calls on a port that any of them has, in whatever words, or
    /// something that threads do by themselves. Its fields may ask for more than a system has.
    pub fn is_portable(mut self) -> bool {
        self.tell().portable
    }
}

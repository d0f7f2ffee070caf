//! What a description of an operation is made of.

use super::{Pc, Timeout};
use crate::expr::ExprId;
use crate::ids::{
    BindingId, FileId, JobId, ObjectId, OperationId, PacketId, PortId, ProcessId, ReserveId,
    ResultId, SlotId, SourceId, ThreadId, WaitPacketId,
};

/// The most nouns of one operation.
const NOUNS_MAX: usize = 5;

/// What an operation says about itself: all that others need to know of it, besides what it does in a step.
///
/// What is not said is the careful answer: the operation may touch whatever there is but threads that it does not
/// name, its thread may wait or end in it, and not every system has it.
#[derive(Debug)]
pub struct Description<'a> {
    nouns: [Option<Noun<'a>>; NOUNS_MAX],
    /// Where its result goes; none for an operation without a result.
    pub into: Option<&'a mut Option<SlotId>>,
    /// How long it waits, where it can have a deadline or be alertable.
    pub wait: Option<Wait>,
    /// Whether its own thread, or its process, ends in it.
    pub exits: Option<Exit>,
    /// The most messages of jobs that it sends to one port.
    pub messages: Messages,
    /// Whether it can leave a packet with a thread that cannot go on yet.
    pub hands_over: bool,
    /// Whether it touches nothing but what it names, and what `own_port` says.
    pub local: bool,
    /// Whether it touches the port that its thread is associated with, as a thread that gives way does.
    pub own_port: bool,
    /// Whether its thread only goes on: nothing that can be asked of a thread changes, but for its result.
    pub passes: bool,
    /// Whether every system has it, in whatever words. Its fields may ask for more than a system has.
    pub portable: bool,
}

/// Something that an operation names. What others exchange in it stands here as a place.
#[derive(Debug)]
pub enum Noun<'a> {
    /// A port.
    Port(PortId, Role),
    /// Ports: a list of `Program::port_lists`.
    Ports(u16, Role),
    /// Something that it carries into a port, now or later.
    Packet(&'a mut PacketId),
    /// What its own entry carries: a list of `Program::owns`.
    Own(u8),
    /// Linked requests to a ring: one of `Program::chains`.
    Chain(u8),
    /// A thread.
    Thread(ThreadId, Role),
    /// An event, mutex or semaphore, or the end of threads.
    Object(ObjectId, Role),
    /// The clock.
    Clock(Role),
    /// A source.
    Source(SourceId, Role),
    /// A file.
    File(FileId, Role),
    /// An association of a file, which names the file and the port.
    Binding(BindingId),
    /// An I/O operation.
    Operation(OperationId, Role),
    /// I/O operations: a list of `Program::bursts`.
    Burst(u16, Role),
    /// How an I/O operation ends.
    Result(ResultId),
    /// A reserve object.
    Reserve(ReserveId),
    /// A wait completion packet.
    WaitPacket(WaitPacketId, Role),
    /// A job.
    Job(JobId, Role),
    /// An association of a job: one of `Program::job_bindings`.
    JobBinding(u8),
    /// A process of a job: one of `Program::pids`.
    Pid(u8),
    /// A process whose handle it makes or uses.
    Process(ProcessId),
    /// A condition that it asks.
    Condition(&'a mut ExprId),
    /// Variables that it writes, and what it reads for that: so many of `Program::sets` from the first.
    Sets(&'a mut u16, &'a mut u8),
    /// A variable that it reads and writes: one of `Program::sets`.
    Update(&'a mut u16),
    /// What a packet carries that it computes: one of `Program::computed`.
    Computed(&'a mut u16),
    /// A value that it computes.
    Value(&'a mut ExprId),
    /// Where its thread may go on instead of at the next instruction.
    Branch(&'a mut Pc),
    /// A text.
    Text(u16),
}

/// What an operation does to something that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Takes packets from it, or waits in line for one.
    Takes,
    /// Puts one packet into it.
    Posts,
    /// Lets packets of something else come to it later.
    Attracts,
    /// Lets a port watch a source: of the port, that it may have an event of it; of the source, that it is watched.
    Watches,
    /// Waits until it is signaled, or until its time has come.
    Waits,
    /// Asks what it is like.
    Reads,
    /// Changes it in some other way.
    Writes,
    /// Makes it, or one more handle of it.
    Opens,
    /// Closes one handle of it, or gives its memory back.
    Closes,
    /// Lets it begin.
    Starts,
    /// Ends it.
    Ends,
    /// Asks for its end.
    Cancels,
    /// Suspends it.
    Suspends,
    /// Takes a suspension of it back.
    Resumes,
    /// Queues an asynchronous procedure call to it.
    Calls,
    /// Interrupts its wait for a moment.
    Interrupts,
}

/// How long an operation waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Until when, if nothing ends it before.
    pub timeout: Timeout,
    /// Whether an asynchronous procedure call can end it.
    pub alertable: bool,
}

/// What ends when a thread ends itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The calling thread.
    Thread,
    /// Its process: all its threads, one after the other.
    Process,
}

/// The most messages of jobs that an operation sends to one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Messages {
    /// None.
    None,
    /// So many for each job.
    OfJobs(usize),
    /// One for each process of a job.
    OfProcesses,
}

impl Wait {
    /// Whether it can have a deadline.
    #[inline]
    pub fn has_deadline(self) -> bool {
        matches!(self.timeout, Timeout::Ticks(1..))
    }
}

impl<'a> Description<'a> {
    /// What it names, in the order of its fields.
    pub fn nouns(self) -> impl Iterator<Item = Noun<'a>> {
        self.nouns.into_iter().flatten()
    }

    /// What an operation says that says nothing.
    #[inline(always)]
    pub(super) fn new() -> Description<'a> {
        Description {
            nouns: [const { None }; NOUNS_MAX],
            into: None,
            wait: None,
            exits: None,
            messages: Messages::None,
            hands_over: false,
            local: false,
            own_port: false,
            passes: false,
            portable: false,
        }
    }

    /// It names this.
    #[inline(always)]
    pub(super) fn names(mut self, noun: Noun<'a>) -> Self {
        let free = self.nouns.iter_mut().find(|place| place.is_none());
        *free.expect("there is room for the nouns of every operation") = Some(noun);
        self
    }

    /// It names this, if there is one.
    #[inline(always)]
    pub(super) fn may_name(self, noun: Option<Noun<'a>>) -> Self {
        noun.into_iter().fold(self, Description::names)
    }

    /// It has a result.
    #[inline(always)]
    pub(super) fn result(mut self, into: &'a mut Option<SlotId>) -> Self {
        self.into = Some(into);
        self
    }

    /// It waits, and its thread gives way for that time.
    #[inline(always)]
    pub(super) fn waits(mut self, timeout: Timeout, alertable: bool) -> Self {
        self.wait = Some(Wait { timeout, alertable });
        self.own_port = true;
        self
    }

    /// It ends its own thread, or process.
    #[inline(always)]
    pub(super) fn exits(mut self, exit: Exit) -> Self {
        self.exits = Some(exit);
        self
    }

    /// It sends messages of jobs.
    #[inline(always)]
    pub(super) fn messages(mut self, messages: Messages) -> Self {
        self.messages = messages;
        self
    }

    /// See [`Description::hands_over`].
    #[inline(always)]
    pub(super) fn hands_over(mut self, hands_over: bool) -> Self {
        self.hands_over = hands_over;
        self
    }

    /// See [`Description::local`].
    #[inline(always)]
    pub(super) fn local(mut self) -> Self {
        self.local = true;
        self
    }

    /// See `own_port`.
    #[inline(always)]
    pub(super) fn own_port(mut self) -> Self {
        self.own_port = true;
        self
    }

    /// See [`Description::passes`].
    #[inline(always)]
    pub(super) fn passes(mut self) -> Self {
        self.passes = true;
        self
    }

    /// See [`Description::portable`].
    #[inline(always)]
    pub(super) fn portable(mut self) -> Self {
        self.portable = true;
        self
    }
}

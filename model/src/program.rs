//! What threads do: plain data, already valid.
//!
//! A [`Program`] is a checked scenario without its names. Code that builds one keeps these promises,
//! and everything that reads one relies on them: every id is in range, every `Pc` lies inside its
//! code, every code ends in [`Instr::End`], and a thread calls `get` into a slot of its own code.

use alloc::vec::Vec;

use crate::expr::{Expr, ExprId};
use crate::fault::Invariants;
use crate::op::Noun;

pub use crate::assignment::{Assignment, Variable};
pub use crate::files::{CANCELLED, GOES_ON, IoResult, TAKEN_BACK};
pub use crate::ids::{
    BindingId, CodeId, FileId, JobId, LocalId, ObjectId, OperationId, PacketId, PortId, ProcessId,
    ReserveId, ResultId, SlotId, SourceId, ThreadId, VarId, WaitPacketId,
};
pub use crate::op::{
    Alert, Chain, Direction, Events, Filter, Get, Interest, Knote, Linked, Message, Modes, Op, Pc,
    Post, Request, RingSetup, Timeout, Verb, Watch,
};

/// The most threads.
pub const THREADS_MAX: usize = 128;

/// The most ports.
pub const PORTS_MAX: usize = 32;

/// The most events, mutexes and semaphores.
pub const OBJECTS_MAX: usize = 64;

/// The most sources.
pub const SOURCES_MAX: usize = 100;

/// The most different packets, sources counted: a queue holds either by one small number.
pub const PACKETS_MAX: usize = 250;

/// The most shared variables, each element of an array counted.
pub const VARS_MAX: usize = 200;

/// The most variables that one thread has for itself, each element of an array counted.
pub const LOCALS_MAX: usize = 100;

/// The most times that a thread can assign to its own variables between two operations: one that does so more often
/// goes round without an operation.
pub const LETS_MAX: usize = 1000;

/// The most instructions of one code, its end included.
pub const INSTRS_MAX: usize = 1000;

/// The most results of one code.
pub const SLOTS_MAX: usize = 64;

/// The most packets one call can take.
pub const BATCH_MAX: usize = 32;

/// The most units of a semaphore.
pub const SEMAPHORE_MAX: u8 = u8::MAX;

/// The most variables that one `set` writes.
pub const SETS_MAX: usize = 8;

/// The most ports that one `port_sendn` sends to.
pub const PORTS_AT_ONCE_MAX: usize = 8;

/// The most operations that one `complete` ends.
pub const BURST_MAX: usize = 8;

/// The most processes that a scenario's jobs speak of.
pub const PIDS_MAX: usize = 8;

/// The most processes, the scenario's own counted.
pub const PROCESSES_MAX: usize = 8;

/// A whole scenario, checked and compiled.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Threads in the order of the file: the order of every enumeration.
    pub threads: Vec<Thread>,
    /// Code, shared by the threads of a group.
    pub codes: Vec<Code>,
    /// Completion ports.
    pub ports: Vec<Port>,
    /// Events, mutexes and semaphores, the signals of files, and the ends of threads.
    pub objects: Vec<Object>,
    /// Things that a port of some systems can watch.
    pub sources: Vec<Source>,
    /// Files: whatever I/O is done on.
    pub files: Vec<File>,
    /// Every association that a file can have.
    pub bindings: Vec<Binding>,
    /// I/O operations, each with its OVERLAPPED.
    pub operations: Vec<Operation>,
    /// Every way an operation can end.
    pub results: Vec<IoResult>,
    /// The packet of every operation, association and result that can come together, in this order.
    pub completions: Vec<Completion>,
    /// Lists of ports that a `port_sendn` sends to.
    pub port_lists: Vec<Vec<PortId>>,
    /// Requests to rings that are linked.
    pub chains: Vec<Chain>,
    /// What a cancel that is a request to a ring gets as its own entry, by how many requests it found.
    pub owns: Vec<Vec<PacketId>>,
    /// Lists of operations that a `complete` ends in one go.
    pub bursts: Vec<Vec<OperationId>>,
    /// What each of [`Program::packets`] belongs to, besides its port.
    pub owners: Vec<Owner>,
    /// Reserve objects.
    pub reserves: Vec<Reserve>,
    /// How many wait completion packets there are.
    pub wait_packets: u8,
    /// Jobs.
    pub jobs: Vec<Job>,
    /// Every association that a job can have.
    pub job_bindings: Vec<JobBinding>,
    /// The processes that begin and end in jobs, by the numbers that messages carry.
    pub pids: Vec<i64>,
    /// First values of the shared variables; an array takes one place for each element.
    pub vars: Vec<i32>,
    /// Contents of every packet that there can be, each once for each owner.
    pub packets: Vec<Packet>,
    /// What packets carry that is computed when they are posted.
    pub computed: Vec<Computed>,
    /// Nodes of all expressions.
    pub exprs: Vec<Expr>,
    /// The right hand sides of all `set` operations.
    pub sets: Vec<Assignment>,
    /// Turns in lock-step; none where every order is meant.
    pub schedule: Option<Vec<Slated>>,
    /// Properties that hold in every state.
    pub always: Vec<ExprId>,
    /// Properties that some state must show.
    pub sometimes: Vec<ExprId>,
    /// What every fair run comes to.
    pub eventually: Vec<Promise>,
    /// Properties of every state in which nothing can move any more.
    pub at_end: Vec<ExprId>,
    /// Which invariants of every port are judged too.
    pub builtin: Invariants,
    /// Where the exploration of an unbounded scenario stops.
    pub bounds: Bounds,
}

/// One thread.
#[derive(Debug, Clone)]
pub struct Thread {
    /// What it runs.
    pub code: CodeId,
    /// Whether it waits for a `spawn` before it can move.
    pub spawned: bool,
    /// Whether it may still be parked when nothing can move any more.
    pub may_wait: bool,
    /// Or where it may be parked then.
    pub may_wait_in: Vec<WaitsIn>,
    /// The process that it runs in.
    pub process: ProcessId,
}

/// Something in whose calls a thread can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsIn {
    /// A port.
    Port(PortId),
    /// An event, mutex or semaphore, or the signal of a file.
    Object(ObjectId),
}

impl WaitsIn {
    /// Whether an operation waits in its calls.
    pub fn is_of(self, mut op: Op) -> bool {
        let mut nouns = op.describe().nouns();
        nouns.any(|noun| match self {
            WaitsIn::Port(port) => matches!(noun, Noun::Port(id, _) if id == port),
            WaitsIn::Object(object) => matches!(noun, Noun::Object(id, _) if id == object),
        })
    }
}

/// What the threads of one group run.
#[derive(Debug, Clone, Default)]
pub struct Code {
    /// Instructions; the last is [`Instr::End`].
    pub instrs: Vec<Instr>,
    /// Places for results.
    pub slots: Vec<Slot>,
    /// What the variables begin with that each thread has for itself; an array is one for each element.
    pub locals: Vec<i32>,
}

/// A place for the result of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The most packets a call leaves here, at most [`BATCH_MAX`]; a number, or the end of an operation, needs
    /// the room of one.
    pub packets_max: u8,
}

/// A completion port.
#[derive(Debug, Clone)]
pub struct Port {
    /// Threads that may run at once; 0 stands for the number of processors.
    pub concurrency: u32,
    /// Whether it is open from the start, or waits for a `create`.
    pub open: bool,
    /// Whether it has a name, by which it can be opened again.
    pub named: bool,
    /// The most events that it has at once, sources associated with it counted; none for no limit that is met.
    pub events_max: Option<u8>,
    /// How many entries its ring has room for; none for more than are ever there.
    pub entries: Option<u8>,
    /// Who submits to its ring, and waits on it.
    pub setup: RingSetup,
}

/// Something a thread can block on that is not a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// An event; `manual` ones stay signaled when a thread is released.
    Event {
        /// Whether it stays signaled until it is reset.
        manual: bool,
        /// Whether it is signaled at the start.
        signaled: bool,
    },
    /// A mutex, owned by one thread; its owner can take it again.
    Mutex,
    /// A semaphore with its first count.
    Semaphore {
        /// Units that can be taken at the start.
        count: u8,
    },
    /// The end of threads: signaled once the last of them has ended, and from then on for ever.
    End(Whose),
}

/// Threads whose end can be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// One thread, or all of a group.
    Threads {
        /// The first of them.
        first: ThreadId,
        /// How many, at least one.
        count: u8,
    },
    /// All threads of a process.
    Process(ProcessId),
}

impl Whose {
    /// One thread.
    pub fn one(first: ThreadId) -> Whose {
        Whose::Threads { first, count: 1 }
    }
}

/// A file: what I/O is done on, whatever stands behind it. Handles are counted by process; what is
/// said here holds for the file, and so for all its handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// The association at the start.
    pub binding: Option<BindingId>,
    /// Whether its calls wait until the operation is over: opened without FILE_FLAG_OVERLAPPED.
    pub sync: bool,
    /// Its notification modes at the start.
    pub modes: Modes,
    /// How the device ends what is pending when the last handle is closed.
    pub on_close: ResultId,
    /// Its own signal: a manual event.
    pub signal: ObjectId,
}

/// An association of a file with a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// The file.
    pub file: FileId,
    /// The port.
    pub port: PortId,
    /// The completion key.
    pub key: i64,
}

/// An I/O operation: one piece of memory, its OVERLAPPED, used for one request after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// What it is done on.
    pub file: FileId,
    /// Its address; 0 is NULL.
    pub overlapped: i64,
    /// `hEvent`: an event of the caller's.
    pub event: Option<ObjectId>,
    /// Whether the low bit of `hEvent` is set.
    pub low_bit: bool,
    /// Whether its end is an asynchronous procedure call of the issuing thread.
    pub apc: bool,
    /// Whether it goes on behind what it reports, until something ends it.
    pub multishot: bool,
    /// Whether it begins only when all requests before it have ended: IOSQE_IO_DRAIN.
    pub drain: bool,
    /// What a call on a synchronous file waits for: a manual event nobody else sees.
    pub done: Option<ObjectId>,
}

/// The packet that an operation leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion {
    /// Whose end it reports.
    pub operation: OperationId,
    /// Under which association.
    pub binding: BindingId,
    /// With which result.
    pub result: ResultId,
    /// The packet.
    pub packet: PacketId,
}

/// What becomes free when a packet is taken or dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Owner {
    /// Nothing: the kernel allocated it.
    #[default]
    Nobody,
    /// The operation that it reports.
    Operation(OperationId),
    /// The reserve object that it was posted with.
    Reserve(ReserveId),
    /// The wait completion packet that it is.
    WaitPacket(WaitPacketId),
}

/// A reserve object: memory for one packet, or for one asynchronous procedure call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserve {
    /// For a packet.
    Port,
    /// For a user APC.
    Apc,
}

/// A job object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// The job that it is nested in.
    pub parent: Option<JobId>,
}

/// An association of a job with a port, and the packets of its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobBinding {
    /// The job.
    pub job: JobId,
    /// The port.
    pub port: PortId,
    /// The completion key.
    pub key: i64,
    /// JOB_OBJECT_MSG_NEW_PROCESS, for each of [`Program::pids`].
    pub new: Vec<PacketId>,
    /// JOB_OBJECT_MSG_EXIT_PROCESS, for each of [`Program::pids`].
    pub exit: Vec<PacketId>,
    /// JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO.
    pub zero: PacketId,
}

/// Something an epoll descriptor can watch: a counter that a write raises and a drain empties, one end of a
/// connection, or another such descriptor.
#[derive(Debug, Clone, Copy, Default)]
pub struct Source {
    /// Whether it can be read at the start.
    pub readable: bool,
    /// Whether it can be written at the start; none where nobody looks at that direction.
    pub writable: Option<bool>,
    /// The port that it is, where it is one: it can be read while that has something to take.
    pub port: Option<PortId>,
}

/// How many entries of lists sources can be, besides packets: each one, and one more for each if a direction of its own
/// is looked at.
pub fn source_entries(sources: &[Source]) -> usize {
    let both = sources.iter().any(|source| source.writable.is_some());
    sources.len() * if both { 2 } else { 1 }
}

/// The contents of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Packet {
    /// The completion key.
    pub key: i64,
    /// Bytes transferred; the information of the status block, pointer-sized.
    pub bytes: i64,
    /// The value of the pointer to the OVERLAPPED.
    pub overlapped: i64,
    /// The NTSTATUS.
    pub status: u32,
}

/// What a packet carries that is computed when it is posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computed {
    /// The completion key.
    pub key: ExprId,
    /// Bytes transferred.
    pub bytes: ExprId,
    /// The value of the pointer to the OVERLAPPED.
    pub overlapped: ExprId,
    /// The NTSTATUS.
    pub status: u32,
    /// All that it can be.
    pub packets: Vec<(Packet, PacketId)>,
}

impl Computed {
    /// The packet with what the expressions come to; none where one has no value, or comes to what it cannot be.
    pub fn packet(&self, value: impl Fn(ExprId) -> Option<i64>) -> Option<PacketId> {
        let contents = Packet {
            key: value(self.key)?,
            bytes: value(self.bytes)?,
            overlapped: value(self.overlapped)?,
            status: self.status,
        };
        let known = self.packets.iter().find(|(packet, _)| *packet == contents);
        known.map(|&(_, id)| id)
    }
}

/// What every fair run comes to: once, or each time that something calls for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// What calls for it; none where it is owed from the start, and once.
    pub when: Option<ExprId>,
    /// What must come then, in the same state or in a later one.
    pub then: ExprId,
}

/// Where exploration of an unbounded scenario stops.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bounds {
    /// Steps from the start.
    pub depth: Option<u32>,
    /// Packets waiting in one port.
    pub packets: Option<u8>,
    /// Virtual time.
    pub ticks: Option<u32>,
}

/// One turn of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slated {
    /// This thread makes its next operation.
    Thread(ThreadId),
    /// The clock moves to the next deadline.
    Time,
}

/// One instruction. Only [`Instr::Op`] is a step; the others are control between steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instr {
    /// A step; control goes on at the next instruction.
    Op(Op),
    /// Goes on at the next instruction if the thread's own results and variables say so, else at `otherwise`.
    If {
        /// What is asked, over the thread's own results and variables only.
        cond: ExprId,
        /// Where to go on when it does not hold.
        otherwise: Pc,
    },
    /// Goes on elsewhere.
    Jump(Pc),
    /// Goes on at `branch` or at `others`, whichever a chooser takes.
    Either {
        /// Start of this branch.
        branch: Pc,
        /// Where the other branches start: another `Either`, or the last branch.
        others: Pc,
    },
    /// The thread's program is over.
    End,
    /// Assigns variables of the thread's own, by its own variables and results only. None can be reached from an
    /// [`Instr::Either`] without an operation between.
    Let {
        /// The first of [`Program::sets`].
        first: u16,
        /// How many.
        len: u8,
    },
}

impl Packet {
    /// A packet that carries nothing but a key.
    pub fn key(key: i64) -> Packet {
        Packet {
            key,
            ..Packet::default()
        }
    }
}

impl Program {
    /// What a packet belongs to, besides its port.
    #[inline]
    pub fn owner(&self, packet: PacketId) -> Owner {
        self.owners.get(packet.index()).copied().unwrap_or_default()
    }

    /// So many assignments, from one on.
    #[inline]
    pub fn sets(&self, first: u16, len: u8) -> &[Assignment] {
        &self.sets[usize::from(first)..][..usize::from(len)]
    }

    /// The code that a thread runs.
    #[inline]
    pub fn code(&self, thread: ThreadId) -> &Code {
        &self.codes[self.threads[thread.index()].code.index()]
    }

    /// All threads, in the order of the file.
    pub fn thread_ids(&self) -> impl Iterator<Item = ThreadId> + use<> {
        (0..self.threads.len() as u8).map(ThreadId)
    }

    /// All ports, in the order of the file.
    pub fn port_ids(&self) -> impl Iterator<Item = PortId> + use<> {
        (0..self.ports.len() as u8).map(PortId)
    }

    /// All wait completion packets.
    pub fn wait_packet_ids(&self) -> impl Iterator<Item = WaitPacketId> + use<> {
        (0..self.wait_packets).map(WaitPacketId)
    }

    /// Every operation of every code, in order.
    pub fn ops(&self) -> impl Iterator<Item = Op> {
        self.codes.iter().flat_map(Code::ops)
    }

    /// Whether any operation names something that satisfies `is`.
    pub fn names(&self, is: impl Fn(&Noun<'_>) -> bool) -> bool {
        self.ops()
            .any(|mut op| op.describe().nouns().any(|noun| is(&noun)))
    }

    /// The nodes of all expressions that properties can reach are among [`Program::exprs`]; this
    /// says whether any of them satisfies `is`.
    pub fn any_expr(&self, is: impl Fn(&Expr) -> bool) -> bool {
        self.exprs.iter().any(is)
    }
}

impl Code {
    /// Every operation of the code, in order.
    pub fn ops(&self) -> impl Iterator<Item = Op> {
        self.instrs.iter().filter_map(|instr| match *instr {
            Instr::Op(op) => Some(op),
            _ => None,
        })
    }
}

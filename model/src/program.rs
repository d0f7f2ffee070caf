//! What threads do: plain data, already valid.
//!
//! A [`Program`] is a checked scenario without its names. Whoever builds one keeps these promises,
//! and everything that reads one relies on them: every id is in range, every `Pc` lies inside its
//! code, every code ends in [`Instr::End`], and a thread calls `get` into a slot of its own code.

use alloc::vec::Vec;

use crate::expr::{Expr, ExprId};

pub use crate::ids::{CodeId, ObjectId, PacketId, PortId, SlotId, SourceId, ThreadId, VarId};

/// A place in a thread's code: index into [`Code::instrs`].
pub type Pc = u8;

/// The most packets one call can take.
pub const BATCH_MAX: usize = 32;

/// The most units of a semaphore.
pub const SEMAPHORE_MAX: u8 = u8::MAX;

/// The most variables that one `set` writes.
pub const SETS_MAX: usize = 8;

/// A whole scenario, checked and compiled.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Threads in the order of the file: the order of every enumeration.
    pub threads: Vec<Thread>,
    /// Code, shared by the threads of a group.
    pub codes: Vec<Code>,
    /// Completion ports.
    pub ports: Vec<Port>,
    /// Events, mutexes and semaphores.
    pub objects: Vec<Object>,
    /// Things an epoll descriptor can watch.
    pub sources: Vec<Source>,
    /// First values of the shared variables; an array takes one place for each element.
    pub vars: Vec<i32>,
    /// Contents of every packet that can be posted, each once.
    pub packets: Vec<Packet>,
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
    /// Properties of every state in which nothing can move any more.
    pub at_end: Vec<ExprId>,
    /// Whether the invariants of every port are judged too.
    pub builtin: bool,
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
}

/// What the threads of one group run.
#[derive(Debug, Clone, Default)]
pub struct Code {
    /// Instructions; the last is [`Instr::End`].
    pub instrs: Vec<Instr>,
    /// Places for results.
    pub slots: Vec<Slot>,
}

/// A place for the result of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The most packets a call leaves here, at most [`BATCH_MAX`].
    pub packets_max: u8,
}

/// A completion port.
#[derive(Debug, Clone)]
pub struct Port {
    /// Threads that may run at once; 0 stands for the number of processors.
    pub concurrency: u32,
    /// Whether it is open from the start, or waits for a `create`.
    pub open: bool,
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
}

/// Something an epoll descriptor can watch: a counter that a write raises and a drain empties.
#[derive(Debug, Clone, Copy, Default)]
pub struct Source {
    /// Whether it can be read at the start.
    pub readable: bool,
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
    /// Goes on at the next instruction if the thread's own results say so, else at `otherwise`.
    If {
        /// What is asked, over the thread's own results only.
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
    },
    /// Puts a packet into a port.
    Post {
        /// The port.
        port: PortId,
        /// What it carries.
        packet: PacketId,
    },
    /// Closes the only handle of a port.
    Close {
        /// The port.
        port: PortId,
    },
    /// Makes a port that was declared but not open.
    Create {
        /// The port.
        port: PortId,
    },
    /// Waits for an event, mutex or semaphore.
    Block {
        /// What it waits for.
        object: ObjectId,
        /// Where the result goes.
        into: Option<SlotId>,
        /// How long it waits.
        timeout: Timeout,
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
    /// Starts a thread that waits for it.
    Spawn {
        /// Whom.
        thread: ThreadId,
    },
    /// Ends the calling thread.
    Exit,
    /// Writes shared variables, all at once: `len` of [`Program::sets`] from `first`.
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
}

/// One variable written by a `set`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    /// The variable, or the first element of an array.
    pub var: VarId,
    /// The element, and how many there are; none for a plain variable.
    pub element: Option<(ExprId, u8)>,
    /// What it becomes.
    pub value: ExprId,
}

impl Program {
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

    /// Every operation of every code, in order.
    pub fn ops(&self) -> impl Iterator<Item = Op> {
        self.codes.iter().flat_map(Code::ops)
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
}

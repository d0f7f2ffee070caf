//! Operations as they are written: each is a plain string, or an object named by its verb.

#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;

pub(in crate::scenario) use super::io::*;
pub(in crate::scenario) use super::relatives::*;
#[cfg(test)]
use super::shapes::verbs_inside;
use super::shapes::{Named, Status, Value};

/// An operation: what a thread does in one step, or where it goes next.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename = "operation", rename_all = "snake_case")]
#[cfg_attr(test, schemars(rename = "Op", transform = verbs_inside))]
pub(in crate::scenario) enum Op {
    /// Takes a packet from a port, or waits for one.
    Get(Get),
    /// Puts a packet into a port.
    Post(Post),
    /// Closes a handle of a port or a file.
    Close(Close),
    /// Makes a port that was declared, or opens a named one again; such a port is not open from the start.
    Create(Create),
    /// Waits for an event, mutex or semaphore, or for the handle of a file.
    Block(Block),
    /// Waits for the end of a thread, of all threads of a group, or of a process.
    Join(Join),
    /// Sets an event, releases a mutex, raises a semaphore by one.
    Signal(Signal),
    /// Takes an event's signal back.
    Reset(Reset),
    /// Blocks in some other kernel wait for a time nobody chose.
    Stall,
    /// Waits for the clock.
    Sleep(Sleep),
    /// Gives the processor away and stays runnable.
    Yield,
    /// Suspends a thread.
    Suspend(Suspend),
    /// Takes one suspension of a thread back.
    Resume(Resume),
    /// Ends a thread wherever it is.
    Terminate(Terminate),
    /// Starts a thread that waits for it.
    Spawn(Spawn),
    /// Ends the thread.
    Exit,
    /// Ends the process of the thread: its threads and its handles of files.
    ExitProcess,
    /// Writes shared variables, all at once.
    Set(Set),
    /// Writes a variable and answers with what was there.
    Swap(Swap),
    /// Writes a variable if it has the expected value, and answers with what was there.
    CompareSwap(CompareSwap),
    /// Adds to a variable and answers with what was there.
    Add(Add),
    /// Goes on with one of two lists.
    If(If),
    /// Goes on with any of several lists.
    Either(Either),
    /// Repeats a list until a `break`.
    Loop(Loop),
    /// Does a list once for each packet of a batch.
    Each(Each),
    /// Leaves the innermost loop.
    Break,
    /// Waits until a condition holds, without a call.
    Await(Await),
    /// Fails the run when it does not hold.
    Assert(Assert),
    /// Says something in the trace.
    Note(Note),
    /// Makes one more handle of a port or a file.
    Duplicate(Duplicate),
    /// Asks how many packets of a port nobody has taken.
    Query(Query),
    /// Waits for the handle of a port, and takes nothing.
    WaitHandle(WaitHandle),
    /// Associates a file with a port.
    Associate(Associate),
    /// Replaces a file's association, or takes it away.
    Replace(Replace),
    /// Sets notification modes of a file.
    Modes(Modes),
    /// Issues an operation.
    Start(Start),
    /// The device or the peer ends what is pending of some operations.
    Complete(Complete),
    /// Asks for the end of an operation, or of all operations on a file.
    Cancel(Cancel),
    /// Asks how an operation has ended, and takes no packet.
    Peek(Peek),
    /// Gives the memory of an operation back.
    Free(Free),
    /// Takes the memory of an operation again.
    Alloc(Alloc),
    /// Queues an asynchronous procedure call to a thread.
    Apc(Apc),
    /// The kernel interrupts a thread's wait for a moment.
    KernelApc(KernelApc),
    /// Makes a packet of the signal of an event or a semaphore, or of the end of a thread or a process.
    WaitPacket(WaitPacket),
    /// Takes a wait completion packet back.
    CancelWaitPacket(CancelWaitPacket),
    /// Associates a job with a port, or takes its association away.
    JobPort(JobPort),
    /// A process begins in a job.
    JobStart(JobStart),
    /// A process of a job ends.
    JobExit(JobExit),
    /// Adds, changes or removes a source that an epoll descriptor watches.
    EpollCtl(EpollCtl),
    /// Makes a source readable.
    Write(Write),
    /// Reads a source until it is empty.
    Drain(Drain),
    /// Writes into a source until it is full.
    Fill(Fill),
    /// The other end of a source reads it empty.
    MakeRoom(MakeRoom),
    /// Sends a message from ring to ring.
    MsgRing(MsgRing),
    /// Registers an eventfd with a ring.
    RingEvent(RingEvent),
    /// Submits a request to a ring that ends by itself.
    Submit(Submit),
    /// Submits requests to a ring of which each is linked to the next.
    SubmitChain(SubmitChain),
    /// Puts an event into an event port: a `post` by the name that it has there.
    PortSend(PortSend),
    /// Sends one event to several event ports.
    PortSendn(PortSendn),
    /// Puts an event port into alert mode, or takes it out.
    PortAlert(PortAlert),
    /// Associates a source with an event port, for one event.
    PortAssociate(PortAssociate),
    /// Takes the association of a source with an event port away.
    PortDissociate(PortDissociate),
    /// Closes a descriptor of a source.
    CloseSource(CloseSource),
    /// Makes one more descriptor of a source.
    DuplicateSource(DuplicateSource),
    /// Adds, changes, triggers or removes a user event of a kqueue.
    Kevent(Kevent),
}

/// Takes a packet from a port, or waits for one.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Get {
    /// The port.
    pub(in crate::scenario) get: String,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
    /// How long it waits, in ticks; for ever if left out.
    pub(in crate::scenario) timeout: Option<u32>,
    /// The most packets of a batch; without it the call takes exactly one.
    pub(in crate::scenario) max: Option<u8>,
    /// How many packets a batch waits for; without it the call takes what is there.
    pub(in crate::scenario) min: Option<u8>,
    /// How long it waits for so many, in ticks, before any is enough (io-uring).
    pub(in crate::scenario) min_wait: Option<u32>,
    /// Whether an asynchronous procedure call can end the wait.
    #[serde(default)]
    pub(in crate::scenario) alertable: bool,
    /// Whether the result keeps the key and the bytes of the last packet where the call takes none.
    #[serde(default)]
    pub(in crate::scenario) keeps: bool,
}

/// Puts a packet into a port.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Post {
    /// The port.
    pub(in crate::scenario) post: String,
    /// The completion key, or an expression over the thread's results and over variables.
    #[serde(default)]
    pub(in crate::scenario) key: Value,
    /// Bytes transferred.
    #[serde(default)]
    pub(in crate::scenario) bytes: Value,
    /// The value of the pointer to the OVERLAPPED.
    #[serde(default)]
    pub(in crate::scenario) overlapped: Value,
    /// The NTSTATUS.
    #[serde(default)]
    pub(in crate::scenario) status: Status,
    /// Whether there may be no memory for the packet.
    #[serde(default)]
    pub(in crate::scenario) may_fail: bool,
    /// The reserve object that it is posted with.
    pub(in crate::scenario) reserve: Option<String>,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Closes a handle of a port or a file.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Close {
    /// The port or file.
    pub(in crate::scenario) close: String,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Makes a port that was declared, or opens a named one again; such a port is not open from the start.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Create {
    /// The port.
    pub(in crate::scenario) create: String,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Waits for an event, mutex or semaphore, or for the handle of a file.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Block {
    /// What it waits for.
    pub(in crate::scenario) block: String,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
    /// How long it waits, in ticks; for ever if left out.
    pub(in crate::scenario) timeout: Option<u32>,
    /// Whether an asynchronous procedure call can end the wait.
    #[serde(default)]
    pub(in crate::scenario) alertable: bool,
}

/// Waits for the end of a thread, of all threads of a group, or of a process.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Join {
    /// The thread, group or process.
    pub(in crate::scenario) join: String,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
    /// How long it waits, in ticks; for ever if left out.
    pub(in crate::scenario) timeout: Option<u32>,
    /// Whether an asynchronous procedure call can end the wait.
    #[serde(default)]
    pub(in crate::scenario) alertable: bool,
}

/// Sets an event, releases a mutex, raises a semaphore by one.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Signal {
    /// What it signals.
    pub(in crate::scenario) signal: String,
}

/// Takes an event's signal back.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Reset {
    /// The event.
    pub(in crate::scenario) reset: String,
}

/// Waits for the clock.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Sleep {
    /// How long, in ticks; 0 only yields.
    pub(in crate::scenario) sleep: u32,
    /// Whether an asynchronous procedure call can end the wait.
    #[serde(default)]
    pub(in crate::scenario) alertable: bool,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Suspends a thread.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Suspend {
    /// The thread.
    pub(in crate::scenario) suspend: String,
}

/// Takes one suspension of a thread back.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Resume {
    /// The thread.
    pub(in crate::scenario) resume: String,
}

/// Ends a thread wherever it is.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Terminate {
    /// The thread.
    pub(in crate::scenario) terminate: String,
}

/// Starts a thread that waits for it.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Spawn {
    /// The thread.
    pub(in crate::scenario) spawn: String,
}

/// Writes shared variables, all at once.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Set {
    /// What each becomes; an element of an array is written `name[index]`.
    pub(in crate::scenario) set: Named<Value>,
}

/// Goes on with one of two lists.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct If {
    /// What is asked.
    #[serde(rename = "if")]
    pub(in crate::scenario) cond: String,
    /// What is done when it holds.
    pub(in crate::scenario) then: Vec<Op>,
    /// What is done when it does not hold.
    #[serde(rename = "else")]
    pub(in crate::scenario) otherwise: Option<Vec<Op>>,
}

/// Goes on with any of several lists.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Either {
    /// The lists.
    #[serde(rename = "either")]
    pub(in crate::scenario) branches: Vec<Vec<Op>>,
}

/// Repeats a list until a `break`.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Loop {
    /// The list.
    #[serde(rename = "loop")]
    pub(in crate::scenario) body: Vec<Op>,
}

/// Writes a variable and answers with what was there, in one step.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Swap {
    /// The variable, or the element of an array.
    #[serde(rename = "swap")]
    pub(in crate::scenario) var: String,
    /// What it becomes.
    pub(in crate::scenario) value: Value,
    /// The name of the result; its `value` is what was there.
    pub(in crate::scenario) into: Option<String>,
}

/// Writes a variable if it has the expected value, and answers with what was there, in one step.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct CompareSwap {
    /// The variable, or the element of an array.
    #[serde(rename = "compare_swap")]
    pub(in crate::scenario) var: String,
    /// The value that is expected.
    pub(in crate::scenario) expect: Value,
    /// What it becomes then.
    pub(in crate::scenario) value: Value,
    /// The name of the result; its `value` is what was there, and it is `ok` if that was expected.
    pub(in crate::scenario) into: Option<String>,
}

/// Adds to a variable and answers with what was there, in one step.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Add {
    /// The variable, or the element of an array.
    #[serde(rename = "add")]
    pub(in crate::scenario) var: String,
    /// What is added.
    pub(in crate::scenario) value: Value,
    /// The name of the result; its `value` is what was there.
    pub(in crate::scenario) into: Option<String>,
}

/// Does a list once for each packet of a batch, the oldest first.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Each {
    /// The result of the call that took the batch.
    #[serde(rename = "each")]
    pub(in crate::scenario) batch: String,
    /// What the packet is called in the list; it reads like a result.
    pub(in crate::scenario) item: String,
    /// The list.
    #[serde(rename = "do")]
    pub(in crate::scenario) body: Vec<Op>,
}

/// Waits until a condition holds, without a call.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Await {
    /// What it waits for; it must read something that others can change.
    #[serde(rename = "await")]
    pub(in crate::scenario) cond: String,
}

/// Fails the run when it does not hold.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Assert {
    /// What must hold.
    pub(in crate::scenario) assert: String,
}

/// Says something in the trace.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Note {
    /// What it says.
    pub(in crate::scenario) note: String,
}

/// Adds, changes or removes a source that an epoll descriptor watches.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct EpollCtl {
    /// The epoll descriptor.
    #[serde(rename = "epoll_ctl")]
    pub(in crate::scenario) port: String,
    /// What is done.
    pub(in crate::scenario) change: Change,
    /// The source.
    pub(in crate::scenario) source: String,
    /// When it is reported; for its level, if left out.
    pub(in crate::scenario) trigger: Option<Trigger>,
    /// Whether its first event disarms it.
    pub(in crate::scenario) oneshot: Option<bool>,
    /// Whether its events wake the waiters of one descriptor only, of those that watch it so.
    pub(in crate::scenario) exclusive: Option<bool>,
    /// What it is watched for; that it can be read, if left out.
    pub(in crate::scenario) events: Option<Vec<EpollEvent>>,
    /// What its events carry.
    pub(in crate::scenario) key: Option<i64>,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Makes a source readable.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Write {
    /// The source.
    pub(in crate::scenario) write: String,
}

/// Reads a source until it is empty.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Drain {
    /// The source.
    pub(in crate::scenario) drain: String,
}

/// Writes into a source until it is full.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Fill {
    /// The source.
    pub(in crate::scenario) fill: String,
}

/// The other end of a source reads it empty.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct MakeRoom {
    /// The source.
    pub(in crate::scenario) make_room: String,
}

/// What a source is watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename = "event", rename_all = "lowercase")]
#[cfg_attr(test, schemars(rename = "EpollEvent"))]
pub(in crate::scenario) enum EpollEvent {
    /// EPOLLIN: it can be read.
    In,
    /// EPOLLOUT: it can be written.
    Out,
}

/// What `epoll_ctl` does to a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename = "change", rename_all = "lowercase")]
#[cfg_attr(test, schemars(rename = "Change"))]
pub(in crate::scenario) enum Change {
    /// Starts to watch it.
    Add,
    /// Changes how it is watched, and arms it again.
    Mod,
    /// Stops watching it.
    Del,
}

/// When a source is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename = "trigger", rename_all = "lowercase")]
#[cfg_attr(test, schemars(rename = "Trigger"))]
pub(in crate::scenario) enum Trigger {
    /// As long as it is readable.
    #[default]
    Level,
    /// Once for each write.
    Edge,
}

//! The contract that a personality fulfils.

use core::fmt::Debug;

use crate::about::About;
use crate::claim::Claim;
use crate::event::{Error, Observer, Outcome};
use crate::program::{
    Alert, BindingId, FileId, Get, JobId, Knote, Message, Modes, ObjectId, Op, OperationId,
    PacketId, PortId, Post, ProcessId, Program, Request, ReserveId, ResultId, SourceId, ThreadId,
    Timeout, WaitPacketId, Watch,
};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

/// A system with completion ports: what its calls do, and what happens to a port when threads block, come back and end.
///
/// Every function is one atomic action. A call either returns in it ([`Turn::returns`]) or leaves the thread parked.
/// A rule names the claim that decides ([`Turn::by`]), and where a claim leaves something open it asks
/// ([`Turn::choose`], [`Turn::pick`]). A system lists what it can do ([`About::can`]); what it does not list has a
/// default here that is never reached.
pub trait Personality: Copy + Debug + Send + Sync + 'static {
    /// Whether it ever holds a call back until another has gone on: see [`Personality::held`].
    const HOLDS: bool = false;

    /// What it is.
    fn about(&self) -> &'static About;
    /// Why it cannot do an operation that it lists, where that is none of [`About::limits`].
    fn refuses(&self, _: &Program, _: Op) -> Option<&'static str> {
        None
    }

    // What happens to threads.

    /// The claim that keeps a call from going on before another has, if one does.
    fn held(&self, _view: View<'_>, _op: Op) -> Option<&'static Claim> {
        None
    }
    /// The claim that keeps a woken thread from going on before another has, if one does.
    fn holds_wake(&self, _view: View<'_>, _me: ThreadId) -> Option<&'static Claim> {
        None
    }
    /// The claim that keeps a waiter of a port from a packet that is there, if one does.
    fn keeps_waiting(&self, _view: View<'_>, _me: ThreadId) -> Option<&'static Claim> {
        None
    }
    /// A thread that was made runnable inside its call goes on.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get);
    /// The time of a thread's call on a port is over.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get);
    /// A running thread starts to wait for something that is not a port.
    fn blocks<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    /// A thread comes back from such a wait.
    #[inline]
    fn unblocks<O: Observer>(&self, turn: &mut Turn<'_, O>, _: ThreadId) {
        turn.by_some(self.about().no_limit);
    }
    /// A thread has ended; `was` is what it did before.
    fn exits<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _was: Mode) {}
    /// The threads of a process are over; what else it held is given back.
    fn process_exits<O: Observer>(&self, _: &mut Turn<'_, O>, _: ProcessId) {}
    /// An object was had, with or without a wait: the claim that says of whose end it is, where it is one.
    #[inline(always)]
    fn had<O: Observer>(&self, _: &mut Turn<'_, O>, _: ObjectId) {}
    /// A thread is about to wait for something that is not a port, for however short a time.
    fn turns_away<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    /// A thread gives the processor away, and waits for nothing.
    fn yields<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        self.turns_away(turn, me);
    }
    /// A thread is about to sleep in an alertable wait; says whether an asynchronous procedure call has ended it.
    fn alerts<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) -> bool {
        false
    }
    /// Whether a pending asynchronous procedure call ends an alertable wait for what can be had.
    fn alerts_first<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) -> bool {
        false
    }
    /// Whether a running thread that is suspended runs on until that reaches it, after the call has returned.
    fn stops_later<O: Observer>(&self, _: &mut Turn<'_, O>) -> bool {
        false
    }
    /// A thread that was running or waiting is suspended.
    fn suspends<O: Observer>(&self, _: &mut Turn<'_, O>, _target: ThreadId) {
        unlisted()
    }
    /// The last suspension of a thread is taken back.
    fn resumes<O: Observer>(&self, _: &mut Turn<'_, O>, _target: ThreadId) {
        unlisted()
    }
    /// A thread that has ended is to be suspended: how that fails.
    fn suspended_too_late<O: Observer>(&self, _: &mut Turn<'_, O>) -> Outcome {
        unlisted()
    }
    /// A thread that is suspended has nothing left to do, and would end if it were not.
    fn suspended_at_its_end<O: Observer>(&self, _: &mut Turn<'_, O>) {}
    /// A thread that has ended is to be terminated.
    fn terminated_too_late<O: Observer>(&self, _: &mut Turn<'_, O>) -> Outcome {
        Outcome::Failed(Error::Invalid)
    }
    /// What a wait completion packet waits for is signaled.
    fn wait_packet_fires<O: Observer>(&self, _: &mut Turn<'_, O>, _: WaitPacketId) {
        unlisted()
    }

    // The operations.

    /// Takes packets.
    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get);
    /// Posts a packet.
    fn post<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, post: Post);
    /// Closes a handle of a port.
    fn close<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: PortId) {
        unlisted()
    }
    /// Makes a port, which has one handle.
    fn create<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
        turn.port(port).set_handles(1);
        turn.returns(me, Outcome::Done);
    }
    /// Makes one more handle of a port.
    fn duplicate_port<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: PortId) {
        unlisted()
    }
    /// Asks how many packets wait in a port.
    fn query<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: PortId) {
        unlisted()
    }
    /// Waits for the handle of a port.
    fn wait_handle<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _: PortId,
        _timeout: Timeout,
    ) {
        unlisted()
    }
    /// A thread that was made runnable while it waited for the handle of a port goes on.
    fn wake_at_handle<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: PortId) {
        unlisted()
    }
    /// The time of a wait for the handle of a port is over.
    fn expire_at_handle<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, _: PortId) {
        self.unblocks(turn, me);
        turn.releases(me, Outcome::Failed(Error::Timeout));
    }
    /// Queues an asynchronous procedure call to a thread.
    fn queue_apc<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _target: ThreadId,
        _: Option<ReserveId>,
        _special: bool,
    ) {
        unlisted()
    }
    /// The kernel interrupts a thread's wait for a moment.
    fn kernel_apc<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _target: ThreadId) {
        unlisted()
    }
    /// Associates a file with a port.
    fn associate<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: Option<BindingId>) {
        unlisted()
    }
    /// Replaces a file's association, or takes it away.
    fn replace<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _: FileId,
        _: Option<BindingId>,
    ) {
        unlisted()
    }
    /// Sets notification modes of a file.
    fn set_modes<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: FileId, _: Modes) {
        unlisted()
    }
    /// Makes one more handle of a file, in the caller's process or another.
    fn duplicate_file<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _: FileId,
        _: Option<ProcessId>,
    ) {
        unlisted()
    }
    /// Closes a handle of a file.
    fn close_file<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: FileId) {
        unlisted()
    }
    /// Issues an operation, which ends in the call or pends.
    fn start<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _: OperationId,
        _now: Option<ResultId>,
    ) {
        unlisted()
    }
    /// The device ends operations: those of this number among `Program::bursts`.
    fn complete<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _burst: u16, _: ResultId) {
        unlisted()
    }
    /// Asks for the end of an operation; of one that the caller issued, if `mine` says so.
    fn cancel<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: OperationId, _mine: bool) {
        unlisted()
    }
    /// Asks how an operation has ended, without a wait.
    fn peek<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: OperationId) {
        unlisted()
    }
    /// Asks for the end of all operations on a file; of those that the caller issued, if `mine` says so.
    fn cancel_file<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: FileId, _mine: bool) {
        unlisted()
    }
    /// Gives the memory of an operation back, or takes it again.
    fn set_freed<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _: OperationId,
        _freed: bool,
    ) {
        unlisted()
    }
    /// Makes a packet of the signal of an object.
    fn associate_wait_packet<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _: WaitPacketId,
        _: PortId,
        _target: ObjectId,
        _: PacketId,
    ) {
        unlisted()
    }
    /// Takes a wait completion packet back, also out of a queue if `remove` says so.
    fn cancel_wait_packet<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _: WaitPacketId,
        _remove: bool,
    ) {
        unlisted()
    }
    /// Associates a job with a port, or with none.
    fn job_port<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _: JobId,
        _: Option<u8>,
        _may_lose: bool,
    ) {
        unlisted()
    }
    /// A process begins in a job.
    fn job_start<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _: JobId,
        _pid: u8,
        _may_lose: bool,
    ) {
        unlisted()
    }
    /// A process of a job ends.
    fn job_exit<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _: JobId,
        _pid: u8,
        _may_lose: bool,
    ) {
        unlisted()
    }
    /// Adds, changes or removes a source that an epoll descriptor watches.
    fn epoll_ctl<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _: PortId,
        _: SourceId,
        _: Watch,
    ) {
        unlisted()
    }
    /// Makes a source readable.
    fn write<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: SourceId) {
        unlisted()
    }
    /// Reads a source until it is empty.
    fn drain<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: SourceId) {
        unlisted()
    }
    /// Writes into a source until it is full.
    fn fill<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: SourceId) {
        unlisted()
    }
    /// The other end of a source reads it empty.
    fn make_room<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: SourceId) {
        unlisted()
    }
    /// Closes a descriptor of a source: the one by which threads know it, or else a duplicate.
    fn close_source<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: SourceId) {
        unlisted()
    }
    /// Makes one more descriptor of a source.
    fn duplicate_source<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: SourceId) {
        unlisted()
    }
    /// Sends one event to several event ports: a list of `Program::port_lists`.
    fn port_sendn<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _ports: u16,
        _: PacketId,
    ) {
        unlisted()
    }
    /// Puts an event port into alert mode, or takes it out.
    fn port_alert<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: PortId, _: Alert) {
        unlisted()
    }
    /// Associates a source with an event port, for one event.
    fn port_associate<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _: PortId,
        _: SourceId,
        _: PacketId,
    ) {
        unlisted()
    }
    /// Takes the association of a source away.
    fn port_dissociate<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _: PortId,
        _: SourceId,
    ) {
        unlisted()
    }
    /// Sends a message from one ring to another.
    fn msg_ring<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: Message) {
        unlisted()
    }
    /// Lets a ring set an event with each entry that comes into it.
    fn ring_event<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _: PortId,
        _event: ObjectId,
    ) {
        unlisted()
    }
    /// Submits a request to a ring that ends by itself.
    fn submit<O: Observer>(&self, _: &mut Turn<'_, O>, _me: ThreadId, _: PortId, _: Request) {
        unlisted()
    }
    /// Adds, changes, triggers or removes a user event of a kqueue.
    fn kevent<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        _me: ThreadId,
        _: PortId,
        _: SourceId,
        _: Knote,
    ) {
        unlisted()
    }

    /// What holds in every state of this system, beyond what [`crate::property`] knows of all.
    fn holds(&self, view: View<'_>) -> Result<(), Fault>;
    /// What holds where nothing can move any more, beyond that.
    fn holds_at_rest(&self, _: View<'_>) -> Result<(), Fault> {
        Ok(())
    }
}

/// Where an operation ends up that a personality lists and does not do.
#[cold]
fn unlisted() -> ! {
    unreachable!("a personality does what it lists, and a program that asks for more is refused")
}

/// Why a personality cannot do an operation, if it cannot.
pub(crate) fn refuses<P: Personality>(
    personality: &P,
    program: &Program,
    op: Op,
) -> Option<&'static str> {
    let refused = personality.about().refuses(program, op);
    refused.or_else(|| personality.refuses(program, op))
}

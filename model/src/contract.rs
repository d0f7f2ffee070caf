//! The contract a personality fulfils, and what it works with.

use crate::control::{Rest, SlotPlace};
use crate::event::{Error, Observer, OsError, Outcome};
use crate::expr::Field;
use crate::files::{File, Operation};
use crate::jobs::Job;
use crate::layout::Layout;
use crate::program::{
    FileId, Get, Instr, JobId, Op, OperationId, PacketId, PortId, ProcessId, Program, ReserveId,
    SourceId, ThreadId, Timeout, WaitPacketId,
};
use crate::property::{Fault, Ledger};
use crate::results::{field_of, store};
use crate::state::{
    Port, SOURCE_CLOSED, View, file_place, interest_at, job_place, operation_place, port_mut,
    thread_mut, wait_packet_place,
};
use crate::threads::{Mode, Thread};
use crate::wait_packets::WaitPacket;

/// A system with completion ports: what its calls do, and what happens to a port when threads block,
/// come back and end.
///
/// Every function is one atomic action. A call either returns in it ([`Turn::returns`]) or leaves the
/// thread parked. What no program can ask of a system ([`Personality::supports`] says so) has a default here
/// that is never reached.
pub trait Personality: Copy {
    /// The name it has everywhere.
    fn name(&self) -> &'static str;
    /// What it calls an error.
    fn os_error(&self) -> fn(Error) -> OsError;
    /// Whether it has the operation, else why not.
    fn supports(&self, program: &Program, op: Op) -> Result<(), &'static str>;
    /// Whether it counts running threads, so that a scenario may ask for them.
    fn counts_running(&self) -> bool;
    /// Whether a call takes packets in one step and returns them in another.
    fn takes_in_two_steps(&self) -> bool {
        false
    }
    /// Whether the packets of a port that only portable operations touch leave it in the order of their posts.
    fn keeps_order(&self) -> bool {
        false
    }
    /// Whether it limits the events of a port, so that a scenario may.
    fn limits_events(&self) -> bool {
        false
    }
    /// Whether its ports are rings, so that a scenario may say of how many entries.
    fn has_rings(&self) -> bool {
        false
    }
    /// Whether a thread has a last error, so that a scenario may ask for it.
    fn keeps_last_error(&self) -> bool {
        false
    }

    /// Whether the system can leave the answer to an operation open in some state.
    fn leaves_open(&self, op: Op) -> bool;
    /// How many answers the system leaves open for this call; each is a step of its own.
    fn answers(&self, _view: View<'_>, _me: ThreadId, _op: Op) -> u8 {
        1
    }
    /// Whether a call with no answers now is only held up until another call has gone on; else a bound forbids it.
    fn holds_up(&self, _view: View<'_>, _op: Op) -> bool {
        false
    }
    /// An operation that is the system's own: whatever [`crate::machine`] does not do for all alike;
    /// `answer` is one of [`Personality::answers`].
    fn call<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, op: Op, answer: u8);
    /// Suspends a thread; `answer` is one of [`Personality::answers`].
    fn suspend<O: Observer>(&self, _: &mut Turn<'_, O>, _target: ThreadId, _answer: u8) {
        unreachable!("this system cannot suspend a thread")
    }
    /// The last suspension of a thread is taken back.
    fn resume<O: Observer>(&self, _: &mut Turn<'_, O>, _target: ThreadId) {
        unreachable!("this system cannot resume a thread")
    }
    /// What a call says that is to end a thread which is over.
    fn ends_in_vain(&self) -> Outcome {
        Outcome::Failed(Error::Invalid)
    }
    /// A thread is about to wait for something that is not a port, or gives the processor away.
    fn turns_away<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    /// A thread is about to sleep in an alertable wait; says whether an asynchronous procedure call has
    /// ended it.
    fn alerts<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) -> bool {
        false
    }
    /// What a wait completion packet waits for was signaled, and taken for it.
    fn wait_packet_fires<O: Observer>(&self, _: &mut Turn<'_, O>, _: WaitPacketId) {
        unreachable!("this system has no wait completion packets")
    }
    /// The threads of a process are over; what else it held is given back.
    fn process_exits<O: Observer>(&self, _: &mut Turn<'_, O>, _: ProcessId) {}

    /// How many ways a woken thread can go on.
    fn wake_answers(&self, _view: View<'_>, _me: ThreadId, _get: Get) -> u8 {
        1
    }
    /// A thread that was made runnable inside its call goes on.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get, answer: u8);
    /// The time of a thread's call on a port is over.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get);
    /// A running thread starts to wait for something that is not a port.
    fn blocks<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId);
    /// A thread comes back from such a wait.
    fn unblocks<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId);
    /// A thread has ended; `was` is what it did before.
    fn exits<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, was: Mode);

    /// What holds in every state of this system, beyond what [`crate::property`] knows of all.
    fn holds(&self, view: View<'_>) -> Result<(), Fault>;
}

/// One step in progress: the state it changes and who watches.
pub struct Turn<'a, O> {
    /// The program.
    pub program: &'a Program,
    pub(crate) layout: &'a Layout,
    pub(crate) os_error: fn(Error) -> OsError,
    pub(crate) bytes: &'a mut [u8],
    pub(crate) observer: &'a mut O,
    pub(crate) ledger: Ledger,
    pub(crate) fault: Option<Fault>,
}

impl<O: Observer> Turn<'_, O> {
    /// The state as it is now.
    #[inline]
    pub fn view(&self) -> View<'_> {
        View {
            program: self.program,
            layout: self.layout,
            os_error: self.os_error,
            bytes: self.bytes,
        }
    }

    /// One thread.
    #[inline]
    pub fn thread(&mut self, id: ThreadId) -> Thread<&mut [u8]> {
        thread_mut(self.layout, self.bytes, id)
    }

    /// One port.
    #[inline]
    pub fn port(&mut self, id: PortId) -> Port<&mut [u8]> {
        port_mut(self.layout, self.bytes, id)
    }

    /// One file.
    #[inline]
    pub fn file(&mut self, id: FileId) -> File<&mut [u8]> {
        File(&mut self.bytes[file_place(self.layout, id)])
    }

    /// One operation.
    #[inline]
    pub fn operation(&mut self, id: OperationId) -> Operation<&mut [u8]> {
        Operation(&mut self.bytes[operation_place(self.layout, id)])
    }

    /// One wait completion packet.
    pub fn wait_packet(&mut self, id: WaitPacketId) -> WaitPacket<&mut [u8]> {
        WaitPacket(&mut self.bytes[wait_packet_place(self.layout, id)])
    }

    /// One job.
    pub fn job(&mut self, id: JobId) -> Job<&mut [u8]> {
        Job(&mut self.bytes[job_place(self.layout, id)])
    }

    /// A reserve object is in use, for a thread if one is named; or it is free again.
    pub fn set_reserved(&mut self, id: ReserveId, reserved: bool, thread: Option<ThreadId>) {
        let at = usize::from(self.layout.reserves) + id.index();
        self.bytes[at] = match (reserved, thread) {
            (false, _) => 0,
            (true, None) => 1,
            (true, Some(thread)) => 2 + thread.0,
        };
    }

    /// A thread runs the asynchronous procedure calls that are queued to it; the reserve objects that they
    /// were queued with are free again.
    pub fn runs_apcs(&mut self, id: ThreadId) {
        let counted = self.layout.counts_apcs;
        self.thread(id).run_apcs(counted);
        let at = usize::from(self.layout.reserves);
        for reserve in &mut self.bytes[at..at + self.program.reserves.len()] {
            if *reserve == 2 + id.0 {
                *reserve = 0;
            }
        }
    }

    /// An invariant of every scenario is broken.
    pub fn breaks(&mut self, fault: Fault) {
        self.fault = self.fault.or(Some(fault));
    }

    /// The operation that a thread is in, or is about to make.
    #[inline]
    pub fn op(&self, id: ThreadId) -> Op {
        *self.view().op(id)
    }

    /// The call on a port that a thread is in.
    #[inline]
    pub fn get(&self, id: ThreadId) -> Get {
        self.view().get(id)
    }

    /// The thread waits inside its call on a port. Who is next among the waiters is the personality's rule.
    #[inline]
    pub fn parks(&mut self, me: ThreadId, timeout: Timeout) {
        let mut thread = self.thread(me);
        thread.set_mode(Mode::Parked);
        if let Timeout::Ticks(ticks) = timeout {
            thread.set_remaining(Some(ticks));
        }
    }

    /// A thread's call ends: its result is stored, and it goes on to its next operation.
    #[inline]
    pub fn returns(&mut self, me: ThreadId, outcome: Outcome) {
        let mut thread = self.thread(me);
        thread.set_remaining(None);
        thread.hand(None);
        let pc = thread.pc();
        let stands = self.layout.plan.op(me, pc);
        let (op, into) = stands.expect("a call ends at its operation");
        if let Some(into) = into {
            self.store(me, into, Some(outcome));
        }
        if self.layout.parts.last_error != 0 {
            self.leaves_error(me, *op, outcome);
        }
        self.observer.ret(me, *op, outcome);
        self.goes_on(me, pc + 1);
    }

    /// Leaves the result of a thread's call in its place; none clears it.
    #[inline(always)]
    pub(crate) fn store(&mut self, me: ThreadId, into: SlotPlace, outcome: Option<Outcome>) {
        let at = usize::from(self.layout.threads[me.index()] + into.at);
        store(&mut self.bytes[at..], into.packets_max, outcome);
    }

    /// A call that fails leaves its error to its thread, and one that succeeds leaves the last error as it was.
    /// A wait that is no call on a port says by itself how it ended.
    fn leaves_error(&mut self, me: ThreadId, op: Op, outcome: Outcome) {
        let error = field_of(self.program, self.os_error, outcome, Field::Error, 0);
        let waits = matches!(
            op,
            Op::Block { .. } | Op::Sleep { .. } | Op::WaitHandle { .. }
        );
        if error != 0 && !waits {
            self.thread(me).set_last_error(error as u16);
        }
    }

    /// A thread that waited is released with an outcome.
    #[inline]
    pub fn releases(&mut self, thread: ThreadId, outcome: Outcome) {
        if matches!(
            self.view().thread(thread).mode(),
            Mode::Ready | Mode::Unborn | Mode::Done
        ) {
            self.fault = Some(Fault::Released);
            return;
        }
        self.returns(thread, outcome);
    }

    /// A thread runs on from `pc`: to its next operation, or to its end.
    #[inline(always)]
    pub(crate) fn goes_on(&mut self, me: ThreadId, pc: u8) {
        let rest = self.layout.plan.settle(self.program, &self.view(), me, pc);
        let pends = matches!(rest, Rest::End(_)) && self.view().has_pending(me);
        let mut thread = self.thread(me);
        match rest {
            Rest::At(pc) => {
                thread.set_pc(pc);
                thread.set_mode(Mode::Ready);
            }
            // The end of an associated thread is a step, because it changes the count; so is the end of one
            // that has issued operations, because it may end them.
            Rest::End(pc) if thread.port().is_some() || pends => {
                thread.set_pc(pc);
                thread.set_mode(Mode::Ready);
            }
            Rest::End(_) => self.ends(me),
            Rest::Nowhere(pc) => {
                thread.set_pc(pc);
                thread.set_mode(Mode::Lost);
            }
        }
    }

    /// A thread is associated with no port any more; one that had only its exit left is over.
    pub fn unbinds(&mut self, id: ThreadId) {
        let mut thread = self.thread(id);
        thread.set_port(None);
        let (mode, pc) = (thread.mode(), thread.pc());
        let at_end = self.program.code(id).instrs[usize::from(pc)] == Instr::End;
        if mode == Mode::Ready && at_end && !self.view().has_pending(id) {
            self.ends(id);
        }
    }

    /// A thread is over. Its results stay: properties may ask for them.
    pub(crate) fn ends(&mut self, me: ThreadId) {
        let mut thread = self.thread(me);
        thread.set_pc(0);
        thread.set_mode(Mode::Done);
        thread.set_suspensions(0);
        thread.set_remaining(None);
    }

    /// A packet has entered a port.
    #[inline]
    pub fn inserted(&mut self) {
        self.ledger.inserted += 1;
    }

    /// Packets have left a port for a thread.
    #[inline]
    pub fn delivered(&mut self, port: PortId, packets: usize) {
        self.ledger.left += packets;
        if let Some(at) = self.layout.ports[port.index()].delivered {
            let at = usize::from(at);
            let so_far = u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]]);
            let now = so_far.saturating_add(packets as u16);
            self.bytes[at..at + 2].copy_from_slice(&now.to_le_bytes());
        }
    }

    /// Packets have left a port for nobody.
    #[inline]
    pub fn discarded(&mut self, packets: usize) {
        self.ledger.left += packets;
    }

    /// A source can be read, or no longer.
    #[inline]
    pub fn set_readable(&mut self, source: SourceId, readable: bool) {
        self.bytes[usize::from(self.layout.sources) + source.index()] = u8::from(readable);
    }

    /// The descriptor of a source is closed.
    pub fn close_source(&mut self, source: SourceId) {
        self.bytes[usize::from(self.layout.sources) + source.index()] = SOURCE_CLOSED;
    }

    /// Changes how a port watches a source; the flags are the personality's own.
    pub fn set_interest(&mut self, port: PortId, source: SourceId, flags: u8, packet: PacketId) {
        let at = interest_at(self.layout, self.program, port, source);
        self.bytes[at] = flags;
        self.bytes[at + 1] = packet.0;
    }
}

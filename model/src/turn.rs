//! One step in progress: what rules work with.

use alloc::boxed::Box;

use crate::choice::{Noted, Readings};
use crate::claim::Claim;
use crate::control::{Rest, SlotPlace};
use crate::event::{Error, Observer, Outcome};
use crate::expr::Field;
use crate::files::{File, Operation};
use crate::flags::Flags;
use crate::jobs::Job;
use crate::layout::{Layout, WAITING_LEN};
use crate::os_error::OsError;
use crate::program::{
    Events, FileId, Get, Instr, JobId, LETS_MAX, ObjectId, Op, OperationId, PacketId, Pc, PortId,
    Program, ReserveId, SETS_MAX, SourceId, ThreadId, Timeout, VarId, Variable, WaitPacketId,
};
use crate::property::{Fault, Ledger};
use crate::results::{field_of, store, store_keeping};
use crate::state::{
    Port, SOURCE_CLOSED, SOURCE_DUPLICATE, SOURCE_READABLE, SOURCE_WRITABLE, View, file_place,
    interest_at, job_place, operation_place, port_mut, thread_mut, variable_place,
    wait_packet_place,
};
use crate::threads::{Mode, Thread};
use crate::wait_packets::WaitPacket;

/// One step in progress: the state it changes and who watches.
pub struct Turn<'a, O> {
    /// The program.
    pub program: &'a Program,
    pub(crate) layout: &'a Layout,
    pub(crate) system: &'a System,
    pub(crate) bytes: &'a mut [u8],
    pub(crate) observer: &'a mut O,
    pub(crate) ledger: Ledger,
    pub(crate) fault: Option<Fault>,
    pub(crate) choices: Noted<'a>,
}

/// What is the same in every step on a system.
#[derive(Debug, Clone)]
pub(crate) struct System {
    pub os_error: fn(Error) -> OsError,
    /// See [`About::keeps`](crate::about::About::keeps).
    pub keeps: Option<&'static Claim>,
    /// Readings of open claims that are fixed.
    pub fixed: Box<[Fixed]>,
}

/// A reading of an open claim that is fixed from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    /// The claim.
    pub claim: &'static Claim,
    /// Which of its readings, or of its alternatives where these have no names.
    pub reading: u8,
}

impl<O: Observer> Turn<'_, O> {
    /// A claim decided what happens here. Costs nothing where nobody watches.
    #[inline(always)]
    pub fn by(&mut self, claim: &'static Claim) {
        self.observer.by(claim);
    }

    /// The same where a system has a claim for it.
    #[inline(always)]
    pub fn by_some(&mut self, claim: Option<&'static Claim>) {
        if let Some(claim) = claim {
            self.observer.by(claim);
        }
    }

    /// One of the readings of an open claim.
    #[inline]
    pub fn choose<T: Copy>(&mut self, open: &Readings<T>) -> T {
        self.choose_of(open, open.readings.len())
    }

    /// One of the first so many readings of an open claim: the others make no difference here.
    #[inline]
    pub fn choose_of<T: Copy>(&mut self, open: &Readings<T>, first: usize) -> T {
        open.readings[self.pick(open.claim, first)].1
    }

    /// Whether a claim's first reading is fixed.
    pub fn is_settled(&self, claim: &'static Claim) -> bool {
        let is_first = |fixed: &Fixed| fixed.claim == claim && fixed.reading == 0;
        self.system.fixed.iter().any(is_first)
    }

    /// One of so many alternatives, by its number.
    #[inline]
    pub(crate) fn ask(&mut self, alternatives: usize) -> usize {
        match alternatives {
            0 | 1 => 0,
            _ => self.choices.answer(alternatives),
        }
    }

    /// One of so many alternatives that an open claim leaves, by its number.
    #[inline]
    pub fn pick(&mut self, claim: &'static Claim, alternatives: usize) -> usize {
        self.observer.by(claim);
        match alternatives {
            0 | 1 => 0,
            _ => match self.system.fixed.iter().find(|fixed| fixed.claim == claim) {
                Some(fixed) => usize::from(fixed.reading).min(alternatives - 1),
                None => self.choices.answer(alternatives),
            },
        }
    }

    /// The state as it is now.
    #[inline]
    pub fn view(&self) -> View<'_> {
        View {
            program: self.program,
            layout: self.layout,
            os_error: self.system.os_error,
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
    pub fn port(&mut self, id: PortId) -> Port<'_, &mut [u8]> {
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

    /// A thread that comes to its own code runs the special ones, unless it is suspended.
    pub fn runs_special(&mut self, id: ThreadId) {
        let counted = self.layout.counts_apcs;
        let mut thread = self.thread(id);
        if thread.suspensions() == 0 {
            thread.run_special(counted);
        }
    }

    /// An invariant of every scenario is broken.
    pub fn breaks(&mut self, fault: Fault) {
        let judged = self.program.builtin.judge(fault);
        self.fault = self.fault.or(judged.then_some(fault));
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
        if self.layout.parts.special != 0 {
            self.runs_special(me);
        }
        let mut thread = thread_mut(self.layout, self.bytes, me);
        thread.set_remaining(None);
        thread.hand(None);
        let pc = thread.pc();
        let stands = self.layout.plan.stands(me, pc);
        let (op, into, next) = stands.expect("a call ends at its operation");
        match (into, outcome) {
            (Some(into), Outcome::Failed(error)) if op.keeps() => {
                store_keeping(thread.result(into), into.packets_max, error);
                if let Some(claim) = self.system.keeps {
                    self.observer.by(claim);
                }
            }
            (Some(into), _) => store(thread.result(into), into.packets_max, Some(outcome)),
            (None, _) => {}
        }
        self.observer.ret(me, *op, outcome);
        match next {
            Some(Rest::At(next)) if self.layout.parts.last_error == 0 => {
                thread.set_pc(next);
                thread.set_mode(Mode::Ready);
            }
            _ => self.goes_on_after(me, pc, outcome),
        }
    }

    /// The same where its result, or the error that it leaves, decides where a thread goes on.
    #[inline(never)]
    fn goes_on_after(&mut self, me: ThreadId, pc: Pc, outcome: Outcome) {
        self.leaves_error(me, self.op(me), outcome);
        self.goes_on(me, pc + 1);
    }

    /// A thread's call fails, as a claim says.
    #[inline]
    pub fn fails(&mut self, me: ThreadId, claim: &'static Claim, error: Error) {
        self.by(claim);
        self.returns(me, Outcome::Failed(error));
    }

    /// Leaves the result of a thread's call in its place; none clears it.
    #[inline(always)]
    pub(crate) fn store(&mut self, me: ThreadId, into: SlotPlace, outcome: Option<Outcome>) {
        let at = usize::from(self.layout.froms[me.index()] + into.at);
        store(&mut self.bytes[at..], into.packets_max, outcome);
    }

    /// A call that fails leaves its error to its thread, and one that succeeds leaves the last error as it was.
    /// A wait that is no call on a port says by itself how it ended.
    fn leaves_error(&mut self, me: ThreadId, op: Op, outcome: Outcome) {
        if self.layout.parts.last_error == 0 {
            return;
        }
        let error = field_of(
            self.program,
            self.system.os_error,
            outcome,
            None,
            (Field::Error, 0),
        );
        let only_waits = op.wait().is_some() && op.as_get().is_none();
        if error != 0 && !only_waits {
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
            self.breaks(Fault::Released);
            return;
        }
        self.returns(thread, outcome);
    }

    /// A thread writes a variable.
    #[inline]
    pub(crate) fn write(&mut self, me: ThreadId, variable: Variable, value: i32) {
        let at = variable_place(self.layout, self.program, me, variable);
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// All right hand sides are taken before anything is written: the state before answers them. None where one has no
    /// value.
    pub(crate) fn assign(&mut self, me: ThreadId, first: u16, len: u8) -> Option<()> {
        let mut values = [(Variable::Shared(VarId(0)), 0); SETS_MAX];
        let (sets, view) = (self.program.sets(first, len), self.view());
        for (place, set) in values.iter_mut().zip(sets) {
            *place = set.comes_to(&self.program.exprs, &view, me)?;
        }
        for &(variable, value) in &values[..sets.len()] {
            self.write(me, variable, value);
        }
        Some(())
    }

    /// A thread assigns variables of its own on its way, until it comes to rest.
    #[inline(never)]
    fn rests_behind_lets(&mut self, me: ThreadId, mut rest: Rest) -> Rest {
        for _ in 0..LETS_MAX {
            let Rest::Let(pc) = rest else {
                return rest;
            };
            let Instr::Let { first, len } = self.program.code(me).instrs[usize::from(pc)] else {
                unreachable!("it stops where something is assigned");
            };
            if self.assign(me, first, len).is_none() {
                return Rest::Nowhere(pc);
            }
            let plan = &self.layout.plan;
            rest = plan.settle(self.program, &self.view(), me, pc + 1);
        }
        match rest {
            Rest::Let(pc) => Rest::Nowhere(pc),
            rest => rest,
        }
    }

    /// A thread runs on from `pc`: to its next operation, or to its end.
    #[inline(always)]
    pub(crate) fn goes_on(&mut self, me: ThreadId, pc: Pc) {
        let mut rest = self.layout.plan.settle(self.program, &self.view(), me, pc);
        if matches!(rest, Rest::Let(_)) {
            rest = self.rests_behind_lets(me, rest);
        }
        let shows = matches!(rest, Rest::End(_)) && self.shows_end(me);
        let mut thread = self.thread(me);
        match rest {
            Rest::At(pc) => {
                thread.set_pc(pc);
                thread.set_mode(Mode::Ready);
            }
            // The end of an associated thread is a step, because it changes the count; so is the end of one
            // that has issued operations, because it may end them, and of one that somebody waits for.
            // A suspended one stands there until it is resumed.
            Rest::End(pc) if thread.port().is_some() || shows || thread.suspensions() > 0 => {
                thread.set_pc(pc);
                thread.set_mode(Mode::Ready);
            }
            Rest::End(_) => self.ends(me),
            Rest::Nowhere(pc) | Rest::Let(pc) => {
                thread.set_pc(pc);
                thread.set_mode(Mode::Lost);
            }
        }
    }

    /// A thread is associated with no port any more; one that had only its exit left is over.
    pub fn unbinds(&mut self, id: ThreadId) {
        self.thread(id).set_port(None);
        self.ends_if_over(id);
    }

    /// Whether a thread has only its exit left.
    pub(crate) fn is_at_its_end(&self, id: ThreadId) -> bool {
        let view = self.view();
        let (mode, pc) = (view.thread(id).mode(), view.thread(id).pc());
        mode == Mode::Ready && self.program.code(id).instrs[usize::from(pc)] == Instr::End
    }

    /// A thread whose exit is no step is over once nothing else is left for it to do, unless it is suspended.
    pub(crate) fn ends_if_over(&mut self, id: ThreadId) {
        let thread = self.thread(id);
        let is_held = thread.port().is_some() || thread.suspensions() > 0;
        if !is_held && self.is_at_its_end(id) && !self.shows_end(id) {
            self.ends(id);
        }
    }

    /// Whether the end of a thread that belongs to no port does something all the same.
    fn shows_end(&self, id: ThreadId) -> bool {
        let joined = self.layout.joined.checked_shr(id.index() as u32);
        joined.is_some_and(|joined| joined & 1 != 0) || self.view().has_pending(id)
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

    /// The event that a ring sets, if one is registered with it.
    #[inline]
    pub fn ring_event(&self, ring: PortId) -> Option<ObjectId> {
        let at = usize::from(self.layout.ring_events?);
        self.bytes[at + ring.index()].checked_sub(1).map(ObjectId)
    }

    /// An event is registered with a ring, or none any more.
    pub fn set_ring_event(&mut self, ring: PortId, event: Option<ObjectId>) {
        if let Some(at) = self.layout.ring_events {
            self.bytes[usize::from(at) + ring.index()] = event.map_or(0, |event| event.0 + 1);
        }
    }

    /// How many entries the timeout of a ring waits for still; 0 where none does.
    #[inline]
    pub fn counts(&self, ring: PortId) -> u8 {
        let at = self.layout.counts;
        at.map_or(0, |at| self.bytes[usize::from(at) + ring.index()])
    }

    /// The timeout of a ring waits for so many entries.
    pub fn set_counts(&mut self, ring: PortId, entries: u8) {
        let at = self.layout.counts.expect("a timeout of the program counts");
        self.bytes[usize::from(at) + ring.index()] = entries;
    }

    /// The requests of a ring that wait for others: whether any request may have to, how many do, and which.
    pub(crate) fn waiting(&mut self, ring: PortId) -> &mut [u8] {
        let at = self.layout.waiting.expect("a request of the program waits");
        let from = usize::from(at) + WAITING_LEN * ring.index();
        &mut self.bytes[from..from + WAITING_LEN]
    }

    /// A source can be read, or no longer.
    #[inline]
    pub fn set_readable(&mut self, source: SourceId, readable: bool) {
        let byte = self.source(source);
        *byte = byte.set(SOURCE_READABLE, readable);
    }

    /// A source can be written, or no longer.
    pub fn set_writable(&mut self, source: SourceId, writable: bool) {
        let byte = self.source(source);
        *byte = byte.set(SOURCE_WRITABLE, writable);
    }

    /// There is one more descriptor of a source, up to 31 besides the first.
    pub fn duplicate_source(&mut self, source: SourceId) {
        *self.source(source) += SOURCE_DUPLICATE;
    }

    /// A descriptor of a source is closed: the one by which threads know it, or else a duplicate.
    pub fn close_source(&mut self, source: SourceId) {
        let descriptors = self.view().descriptors(source);
        let byte = self.source(source);
        *byte = match (descriptors, byte.has(SOURCE_CLOSED)) {
            (0 | 1, _) => SOURCE_CLOSED,
            (_, false) => byte.with(SOURCE_CLOSED),
            (_, true) => *byte - SOURCE_DUPLICATE,
        };
    }

    fn source(&mut self, source: SourceId) -> &mut u8 {
        &mut self.bytes[usize::from(self.layout.sources) + source.index()]
    }

    /// Changes how a port watches a source; the flags are the personality's own.
    pub fn set_interest(&mut self, port: PortId, source: SourceId, flags: u8, packet: PacketId) {
        let at = interest_at(self.layout, self.program, port, source);
        self.bytes[at] = flags;
        self.bytes[at + 1] = packet.0;
    }

    /// Changes how a port watches a source for room, where that is an event of its own.
    pub fn set_interest_in_room(
        &mut self,
        port: PortId,
        source: SourceId,
        flags: u8,
        packet: PacketId,
    ) {
        let at = interest_at(self.layout, self.program, port, source) + 2;
        self.bytes[at] = flags;
        self.bytes[at + 1] = packet.0;
    }

    /// A port watches a source for these, with flags of the personality's own; with none of them and
    /// [`Events::UNWATCHED`] it does not watch it.
    pub fn set_events(&mut self, port: PortId, source: SourceId, flags: u8, events: Events) {
        let at = interest_at(self.layout, self.program, port, source);
        let carried = match events {
            Events::None => [0, 0, 1],
            Events::In(packet) => [packet.0, 0, 0],
            Events::Out(packet) => [0, packet.0 + 1, 0],
            Events::InOut {
                input,
                output,
                both,
            } => [input.0, output.0 + 1, both.0 + 1],
        };
        let len = usize::from(self.layout.interest_len);
        self.bytes[at] = flags;
        self.bytes[at + 1..at + len].copy_from_slice(&carried[..len - 1]);
    }
}

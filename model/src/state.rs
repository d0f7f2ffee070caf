//! One flat record of bytes, and typed views onto its parts.
//!
//! Equal situations have equal bytes: whatever has no meaning any more is 0, deadlines are relative,
//! packets stand in the order of the queue. Cloning is a copy and equality a compare.

use alloc::boxed::Box;
use alloc::vec;
use core::ops::{Deref, DerefMut, Range};

use crate::event::{Error, Outcome};
use crate::expr::{Facts, Field, FileField, OperationField, PortField, ThreadField};
use crate::files::{FILE_FIXED, File, OPERATION_LEN, Operation, Phase};
use crate::flags::Flags;
use crate::jobs::{JOB_LEN, Job};
use crate::layout::{Layout, PortPlace};
use crate::os_error::OsError;
use crate::packets::Packets;
use crate::program::{
    Events, FileId, Get, JobId, LocalId, ObjectId, Op, OperationId, PacketId, PortId, Program,
    ReserveId, ResultId, SlotId, SourceId, ThreadId, VarId, Variable, WaitPacketId,
};
use crate::results::{field_of, kept, load};
use crate::running::Running;
use crate::threads::{FIXED, Mode, Parts, Thread, mode_of};
use crate::wait_packets::{WAIT_PACKET_LEN, WaitPacket};
use crate::waiters::Waiters;

/// What the byte of a source says: bits. One of which no descriptor is open says that it is closed, and nothing else.
pub(crate) const SOURCE_READABLE: u8 = 1;
/// The descriptor by which threads know it is closed.
pub(crate) const SOURCE_CLOSED: u8 = 2;
pub(crate) const SOURCE_WRITABLE: u8 = 4;
/// One duplicate: how many there are stands in the upper bits.
pub(crate) const SOURCE_DUPLICATE: u8 = 8;
/// The most duplicates of a source.
pub(crate) const SOURCE_DUPLICATES_MAX: u8 = u8::MAX / SOURCE_DUPLICATE;

/// Everything that is the case at one moment.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State(pub(crate) Box<[u8]>);

impl Clone for State {
    fn clone(&self) -> State {
        State(self.0.clone())
    }

    /// Allocates nothing: states of one program are equally long.
    #[inline]
    fn clone_from(&mut self, source: &State) {
        self.0.copy_from_slice(&source.0);
    }
}

impl State {
    /// A state with nothing in it, for [`State::copy_from`].
    pub fn blank(layout: &Layout) -> State {
        State(vec![0; layout.state_len()].into_boxed_slice())
    }

    /// Its bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Becomes the state with these bytes, which are those of a state of the same program.
    #[inline]
    pub fn copy_from(&mut self, bytes: &[u8]) {
        self.0.copy_from_slice(bytes);
    }
}

/// A state with what is needed to read it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The program.
    pub program: &'a Program,
    pub(crate) layout: &'a Layout,
    pub(crate) os_error: fn(Error) -> OsError,
    pub(crate) bytes: &'a [u8],
}

impl<'a> View<'a> {
    /// One thread.
    #[inline(always)]
    pub fn thread(&self, id: ThreadId) -> Thread<&'a [u8]> {
        thread(self.layout, self.bytes, id)
    }

    /// What a thread is doing.
    #[inline]
    pub fn mode(&self, id: ThreadId) -> Mode {
        mode_of(self.bytes[usize::from(self.layout.froms[id.index()]) + 1])
    }

    /// Every thread, with what threads have in every program; its optional parts are left out.
    #[inline(always)]
    pub(crate) fn heads(&self) -> impl Iterator<Item = (ThreadId, Thread<&'a [u8]>)> + use<'a> {
        let (layout, bytes) = (self.layout, self.bytes);
        layout.threads.iter().enumerate().map(move |(n, span)| {
            let head = Thread {
                bytes: &bytes[usize::from(span.from)..][..FIXED],
                parts: Parts::default(),
            };
            (ThreadId(n as u8), head)
        })
    }

    /// Whether asynchronous procedure calls are queued to a thread.
    #[inline]
    pub(crate) fn has_apcs(&self, id: ThreadId) -> bool {
        self.layout.parts.apcs != 0 && self.thread(id).apcs() > 0
    }

    /// Whether a thread can be suspended in this program.
    #[inline]
    pub(crate) fn has_suspensions(&self) -> bool {
        self.layout.parts.suspended != 0
    }

    /// One port.
    #[inline]
    pub fn port(&self, id: PortId) -> Port<'a, &'a [u8]> {
        Port {
            place: &self.layout.ports[id.index()],
            bytes: self.bytes,
        }
    }

    /// Threads that have called and not returned.
    pub fn inside_calls(&self) -> impl Iterator<Item = ThreadId> + use<'a> {
        let view = *self;
        self.program
            .thread_ids()
            .filter(move |&id| view.thread(id).mode().is_inside_call())
    }

    /// The operation that a thread is in, or is about to make.
    #[inline(always)]
    pub fn op(&self, id: ThreadId) -> &'a Op {
        let stands = self.layout.plan.op(id, self.thread(id).pc());
        stands
            .expect("a thread inside a call stands at its operation")
            .0
    }

    /// The call on a port that a thread is in.
    #[inline]
    pub fn get(&self, id: ThreadId) -> Get {
        self.op(id).as_get().expect("only a `get` waits on a port")
    }

    /// Whether a thread that was made runnable inside its call on this port has not gone on yet.
    pub fn is_anybody_awake(&self, port: PortId) -> bool {
        let takes_from = |get: Get| get.port == port;
        let is_awake =
            |id| self.mode(id) == Mode::Woken && self.op(id).as_get().is_some_and(takes_from);
        self.program.thread_ids().any(is_awake)
    }

    /// One file.
    #[inline]
    pub fn file(&self, id: FileId) -> File<&'a [u8]> {
        File(&self.bytes[file_place(self.layout, id)])
    }

    /// One operation.
    #[inline]
    pub fn operation(&self, id: OperationId) -> Operation<&'a [u8]> {
        Operation(&self.bytes[operation_place(self.layout, id)])
    }

    /// The operations that are issued and not over.
    pub fn pending_operations(&self) -> impl Iterator<Item = OperationId> + use<'a> {
        let view = *self;
        (0..self.program.operations.len() as u8)
            .map(OperationId)
            .filter(move |&id| view.operation(id).phase() == Phase::Pending)
    }

    /// Whether a thread has issued operations that are not over.
    #[inline]
    pub fn has_pending(&self, thread: ThreadId) -> bool {
        !self.program.operations.is_empty()
            && self
                .pending_operations()
                .any(|id| self.operation(id).issuer() == Some(thread))
    }

    /// Whether a reserve object is in use.
    pub fn is_reserved(&self, id: ReserveId) -> bool {
        self.bytes[usize::from(self.layout.reserves) + id.index()] != 0
    }

    /// One wait completion packet.
    pub fn wait_packet(&self, id: WaitPacketId) -> WaitPacket<&'a [u8]> {
        WaitPacket(&self.bytes[wait_packet_place(self.layout, id)])
    }

    /// One job.
    pub fn job(&self, id: JobId) -> Job<&'a [u8]> {
        Job(&self.bytes[job_place(self.layout, id)])
    }

    /// Whether an event is set, or how many units a semaphore has.
    pub fn signal(&self, id: ObjectId) -> u8 {
        self.bytes[usize::from(self.layout.objects[id.index()])]
    }

    /// Whether a thread ever waits for the handle of a port.
    #[inline]
    pub fn has_handle_waits(&self) -> bool {
        self.layout.handle_waits
    }

    /// Whether it can be seen when the kernel writes a status block.
    pub fn shows_writes(&self) -> bool {
        self.layout.shows_writes
    }

    /// How the device can end an operation.
    pub fn ends(&self, id: OperationId) -> &'a [ResultId] {
        &self.layout.ends[id.index()]
    }

    /// Packets delivered by a port so far; 0 where no property asks.
    pub fn delivered(&self, port: PortId) -> u16 {
        self.layout.ports[port.index()]
            .delivered
            .map_or(0, |at| read_u16(self.bytes, at))
    }

    /// Whether a source can be read.
    pub fn is_readable(&self, source: SourceId) -> bool {
        self.source(source).has(SOURCE_READABLE)
    }

    /// Whether a source can be written.
    pub fn is_writable(&self, source: SourceId) -> bool {
        self.source(source).has(SOURCE_WRITABLE)
    }

    /// Whether the descriptor by which threads know a source is closed.
    pub fn is_closed(&self, source: SourceId) -> bool {
        self.source(source).has(SOURCE_CLOSED)
    }

    /// How many descriptors of a source are open.
    pub fn descriptors(&self, source: SourceId) -> u8 {
        self.source(source) / SOURCE_DUPLICATE + u8::from(!self.is_closed(source))
    }

    #[inline]
    fn source(&self, source: SourceId) -> u8 {
        self.bytes[usize::from(self.layout.sources) + source.index()]
    }

    /// How a port watches a source: flags of the personality's own, and the number of the packet.
    pub fn interest(&self, port: PortId, source: SourceId) -> (u8, PacketId) {
        let at = interest_at(self.layout, self.program, port, source);
        (self.bytes[at], PacketId(self.bytes[at + 1]))
    }

    /// How a port watches a source for room, where that is an event of its own.
    pub fn interest_in_room(&self, port: PortId, source: SourceId) -> (u8, PacketId) {
        if self.layout.interest_len == 2 {
            return (0, PacketId(0));
        }
        let at = interest_at(self.layout, self.program, port, source) + 2;
        (self.bytes[at], PacketId(self.bytes[at + 1]))
    }

    /// What a port watches a source for.
    pub fn events(&self, port: PortId, source: SourceId) -> Events {
        let at = interest_at(self.layout, self.program, port, source);
        let carried = &self.bytes[at + 1..at + usize::from(self.layout.interest_len)];
        match *carried {
            [packet] | [packet, 0, 0] => Events::In(PacketId(packet)),
            [0, 0, _] => Events::None,
            [_, output, 0] => Events::Out(PacketId(output - 1)),
            [input, output, both] => Events::InOut {
                input: PacketId(input),
                output: PacketId(output - 1),
                both: PacketId(both - 1),
            },
            _ => unreachable!("there is one packet, or three"),
        }
    }

    /// Turns of the schedule already taken.
    #[inline]
    pub fn turns_taken(&self) -> usize {
        self.layout
            .turn
            .map_or(0, |at| read_u32(self.bytes, at) as usize)
    }

    /// Virtual time since the start; 0 where no bound asks.
    pub fn clock(&self) -> u32 {
        self.layout.clock.map_or(0, |at| read_u32(self.bytes, at))
    }

    /// A variable that a thread can write.
    pub fn variable(&self, me: ThreadId, variable: Variable) -> i64 {
        match variable {
            Variable::Shared(var) => self.var(var),
            Variable::Own(local) => self.local(me, local),
        }
    }

    /// The outcome that a call has left.
    pub fn outcome(&self, thread: ThreadId, slot: SlotId) -> Option<Outcome> {
        let (at, packets_max) = self.layout.slot(self.program, thread, slot);
        load(&self.bytes[at..], packets_max)
    }
}

/// One port.
pub struct Port<'a, B> {
    place: &'a PortPlace,
    /// Of the whole state: each place is one of the layout's.
    bytes: B,
}

impl<B: Deref<Target = [u8]>> Port<'_, B> {
    /// Whether its handle is open.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.bytes[usize::from(self.place.at)] != 0
    }

    /// How many handles of it are open.
    #[inline]
    pub fn handles(&self) -> u8 {
        self.bytes[usize::from(self.place.at)]
    }

    /// Whether so many packets can be posted without taking the room of those that nobody posts.
    #[inline]
    pub fn has_room_for_posts(&self, packets: usize) -> bool {
        let on_their_way = self.taken().map_or(0, |taken| taken.depth());
        self.packets().room() >= usize::from(self.place.unposted) + on_their_way + packets
    }

    /// Packets nobody has taken.
    #[inline]
    pub fn packets(&self) -> Packets<&[u8]> {
        Packets(&self.bytes[self.place.queue()])
    }

    /// Packets that a call has taken and not returned yet, where a system takes them in two steps.
    pub fn taken(&self) -> Option<Packets<&[u8]>> {
        Some(Packets(&self.bytes[self.place.taken()?]))
    }

    /// What a system that counts no running threads keeps of a port besides: 0 at the start.
    pub fn note(&self) -> u8 {
        self.bytes[usize::from(self.place.at) + 1]
    }

    /// Threads parked on it.
    #[inline]
    pub fn waiters(&self) -> Waiters<&[u8]> {
        Waiters(&self.bytes[self.place.waiters()])
    }

    /// Threads that count against its concurrency value.
    #[inline]
    pub fn running(&self) -> Running<&u8> {
        Running {
            count: &self.bytes[usize::from(self.place.at) + 1],
            limit: self.place.limit,
        }
    }
}

impl<B: DerefMut<Target = [u8]>> Port<'_, B> {
    /// Changes how many handles of it are open.
    pub fn set_handles(&mut self, handles: u8) {
        self.bytes[usize::from(self.place.at)] = handles;
    }

    /// Packets nobody has taken.
    #[inline]
    pub fn packets_mut(&mut self) -> Packets<&mut [u8]> {
        Packets(&mut self.bytes[self.place.queue()])
    }

    /// Changes [`Port::taken`].
    pub fn taken_mut(&mut self) -> Option<Packets<&mut [u8]>> {
        Some(Packets(&mut self.bytes[self.place.taken()?]))
    }

    /// Changes [`Port::note`].
    pub fn set_note(&mut self, note: u8) {
        self.bytes[usize::from(self.place.at) + 1] = note;
    }

    /// Threads parked on it.
    #[inline]
    pub fn waiters_mut(&mut self) -> Waiters<&mut [u8]> {
        Waiters(&mut self.bytes[self.place.waiters()])
    }

    /// Threads that count against its concurrency value.
    #[inline]
    pub fn running_mut(&mut self) -> Running<&mut u8> {
        Running {
            count: &mut self.bytes[usize::from(self.place.at) + 1],
            limit: self.place.limit,
        }
    }
}

impl Facts for View<'_> {
    fn var(&self, var: VarId) -> i64 {
        let at = self.layout.vars + 4 * u16::from(var.0);
        i64::from(read_u32(self.bytes, at).cast_signed())
    }

    fn local(&self, thread: ThreadId, local: LocalId) -> i64 {
        let at = variable_place(self.layout, self.program, thread, Variable::Own(local));
        i64::from(read_u32(self.bytes, at as u16).cast_signed())
    }

    fn result(&self, thread: ThreadId, slot: SlotId, field: Field, nth: u8) -> i64 {
        let Some(outcome) = self.outcome(thread, slot) else {
            return 0;
        };
        let (at, packets_max) = self.layout.slot(self.program, thread, slot);
        let kept = kept(&self.bytes[at..], packets_max);
        field_of(self.program, self.os_error, outcome, kept, (field, nth))
    }

    fn port(&self, id: PortId, field: PortField) -> i64 {
        let port = View::port(self, id);
        match field {
            PortField::Depth => port.packets().depth() as i64,
            PortField::Waiting => port.waiters().count() as i64,
            PortField::Running => i64::from(port.running().count()),
            PortField::Concurrency => i64::from(port.running().limit()),
            PortField::Delivered => i64::from(self.delivered(id)),
            PortField::Open => i64::from(port.is_open()),
        }
    }

    fn thread(&self, id: ThreadId, field: ThreadField) -> bool {
        let mode = View::thread(self, id).mode();
        match field {
            ThreadField::Parked => matches!(mode, Mode::Parked | Mode::Woken | Mode::Aside),
            ThreadField::Blocked => matches!(
                mode,
                Mode::Blocked | Mode::AtHandle | Mode::Stalled | Mode::Sleeping
            ),
            ThreadField::Done => mode == Mode::Done,
        }
    }

    fn apcs(&self, id: ThreadId) -> i64 {
        View::thread(self, id).apcs_run().into()
    }

    fn last_error(&self, id: ThreadId) -> i64 {
        View::thread(self, id).last_error().into()
    }

    fn operation(&self, id: OperationId, field: OperationField) -> i64 {
        let operation = View::operation(self, id);
        match field {
            OperationField::Pending => i64::from(operation.phase() == Phase::Pending),
            OperationField::Queued => i64::from(operation.phase() == Phase::Queued),
            OperationField::Written => i64::from(operation.is_written()),
            OperationField::Alive => i64::from(!operation.is_freed()),
            OperationField::Status => match (operation.is_written(), operation.result()) {
                (true, Some(result)) => self.program.results[result.index()].status.into(),
                (false, None) if operation.phase() == Phase::Idle => 0,
                _ => STATUS_PENDING,
            },
        }
    }

    fn file(&self, id: FileId, field: FileField) -> bool {
        match field {
            FileField::Signaled => self.signal(self.program.files[id.index()].signal) != 0,
            FileField::Open => View::file(self, id).is_open(),
        }
    }
}

#[inline(always)]
pub(crate) fn thread<'a>(layout: &Layout, bytes: &'a [u8], id: ThreadId) -> Thread<&'a [u8]> {
    Thread {
        bytes: &bytes[layout.thread_from(id)..],
        parts: layout.parts,
    }
}

#[inline]
pub(crate) fn thread_mut<'a>(
    layout: &Layout,
    bytes: &'a mut [u8],
    id: ThreadId,
) -> Thread<&'a mut [u8]> {
    Thread {
        bytes: &mut bytes[layout.thread_from(id)..],
        parts: layout.parts,
    }
}

#[inline]
pub(crate) fn port_mut<'a>(
    layout: &'a Layout,
    bytes: &'a mut [u8],
    id: PortId,
) -> Port<'a, &'a mut [u8]> {
    Port {
        place: &layout.ports[id.index()],
        bytes,
    }
}

pub(crate) fn file_place(layout: &Layout, id: FileId) -> Range<usize> {
    let len = FILE_FIXED + usize::from(layout.processes);
    let at = usize::from(layout.files) + len * id.index();
    at..at + len
}

#[inline]
pub(crate) fn operation_place(layout: &Layout, id: OperationId) -> Range<usize> {
    let at = usize::from(layout.operations) + OPERATION_LEN * id.index();
    at..at + OPERATION_LEN
}

pub(crate) fn wait_packet_place(layout: &Layout, id: WaitPacketId) -> Range<usize> {
    let at = usize::from(layout.wait_packets) + WAIT_PACKET_LEN * id.index();
    at..at + WAIT_PACKET_LEN
}

pub(crate) fn job_place(layout: &Layout, id: JobId) -> Range<usize> {
    let at = usize::from(layout.jobs) + JOB_LEN * id.index();
    at..at + JOB_LEN
}

pub(crate) fn interest_at(
    layout: &Layout,
    program: &Program,
    port: PortId,
    source: SourceId,
) -> usize {
    let before = port.index() * program.sources.len() + source.index();
    usize::from(layout.interests) + usize::from(layout.interest_len) * before
}

/// Where a variable stands that a thread can write.
#[inline]
pub(crate) fn variable_place(
    layout: &Layout,
    program: &Program,
    me: ThreadId,
    variable: Variable,
) -> usize {
    let first = match variable {
        Variable::Shared(_) => layout.vars,
        Variable::Own(_) => {
            let code = program.threads[me.index()].code;
            layout.froms[me.index()] + layout.locals[code.index()]
        }
    };
    usize::from(first) + 4 * variable.index()
}

/// What a status block says while its operation is not over.
const STATUS_PENDING: i64 = 0x103;

#[inline]
fn read_u16(bytes: &[u8], at: u16) -> u16 {
    let at = usize::from(at);
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

#[inline]
fn read_u32(bytes: &[u8], at: u16) -> u32 {
    let at = usize::from(at);
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

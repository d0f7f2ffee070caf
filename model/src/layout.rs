//! Where each noun lies in a state, and how wide it is: computed once from a program.

use alloc::vec::Vec;
use core::ops::Range;

use crate::control::{Plan, SlotPlace};
use crate::expr::{Expr, OperationField, PortField};
use crate::files::{FILE_FIXED, OPERATION_LEN};
use crate::jobs::JOB_LEN;
use crate::op::{Noun, Role, Wait};
use crate::program::{
    Code, Events, Filter, Instr, Object, Op, OperationId, PortId, Program, Request, ResultId,
    SlotId, ThreadId, Verb, Watch,
};
use crate::threads::{FIXED, Parts};
use crate::wait_packets::WAIT_PACKET_LEN;

/// Packets that a port has room for when a loop posts to it and the scenario names no bound.
const PACKETS_DEFAULT: usize = 16;
/// The most packets that a port has room for.
const PACKETS_MAX: usize = 250;

/// Where each noun of a program's states lies.
#[derive(Debug, Clone)]
pub struct Layout {
    pub(crate) len: usize,
    pub(crate) parts: Parts,
    /// Where control goes.
    pub plan: Plan,
    /// Where each thread stands.
    pub(crate) threads: Vec<Span>,
    /// Where each begins; for any number of a thread, so that none is compared with how many there are.
    pub(crate) froms: [u16; ThreadId::ALL],
    /// Where each code's results stand, from the start of its thread.
    pub(crate) slots: Vec<Vec<SlotPlace>>,
    /// Where the variables that each thread has for itself stand, from its start, by code.
    pub(crate) locals: Vec<u16>,
    pub(crate) ports: Vec<PortPlace>,
    /// Bytes that count the packets of queues, and those that calls have taken and not returned yet.
    pub(crate) queued: Vec<u16>,
    pub(crate) objects: Vec<u16>,
    pub(crate) sources: u16,
    /// How a port watches a source: so many bytes for each port and source.
    pub(crate) interests: u16,
    /// Its flags, and the number of a packet; of three where sources are watched for more than that they can be read.
    pub(crate) interest_len: u16,
    pub(crate) files: u16,
    /// Processes that have handles of files.
    pub(crate) processes: u16,
    pub(crate) operations: u16,
    /// Whether each reserve object is in use: 0, or 1 and the thread of its asynchronous procedure call.
    pub(crate) reserves: u16,
    pub(crate) wait_packets: u16,
    pub(crate) jobs: u16,
    /// Whether a thread ever waits for the handle of a port.
    pub(crate) handle_waits: bool,
    /// Whether a call waits for its minimum for a time of its own, and then on.
    pub(crate) minimum_waits: bool,
    /// Whether it can be seen when the kernel writes a status block.
    pub(crate) shows_writes: bool,
    /// Whether a property reads how many asynchronous procedure calls have run.
    pub(crate) counts_apcs: bool,
    /// How the device can end each operation.
    pub(crate) ends: Vec<Vec<ResultId>>,
    /// Threads whose end is a step because somebody may wait for it, a bit for each.
    pub(crate) joined: u128,
    pub(crate) vars: u16,
    /// The event that each ring sets, where one does: its number plus one.
    pub(crate) ring_events: Option<u16>,
    /// How many entries the timeout of each ring waits for still, where one counts.
    pub(crate) counts: Option<u16>,
    /// Requests of each ring that wait for others, where some do: [`WAITING_LEN`] bytes each.
    pub(crate) waiting: Option<u16>,
    /// Turns of the schedule already taken.
    pub(crate) turn: Option<u16>,
    /// Virtual time since the start, where a bound needs it.
    pub(crate) clock: Option<u16>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct PortPlace {
    /// The concurrency value, with 0 replaced by the number of processors.
    pub limit: u32,
    /// Open, then running.
    pub at: u16,
    pub waiters: u16,
    pub packets: u16,
    /// Packets that there is room for besides posted ones.
    pub unposted: u8,
    /// Where the queue ends.
    pub queue_end: u16,
    /// Packets that a call has taken and not returned yet.
    pub taken: Option<u16>,
    pub end: u16,
    /// Packets delivered so far, where a property reads it.
    pub delivered: Option<u16>,
}

impl PortPlace {
    #[inline(always)]
    pub fn waiters(&self) -> Range<usize> {
        self.waiters.into()..self.packets.into()
    }

    /// Packets that a call has taken and not returned yet.
    pub fn taken(&self) -> Option<Range<usize>> {
        Some(self.taken?.into()..self.end.into())
    }

    #[inline(always)]
    pub fn queue(&self) -> Range<usize> {
        self.packets.into()..self.queue_end.into()
    }
}

/// Where one noun stands among the bytes of a state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub from: u16,
    pub to: u16,
}

impl Span {
    #[inline(always)]
    pub fn range(self) -> Range<usize> {
        usize::from(self.from)..usize::from(self.to)
    }
}

impl Layout {
    /// The layout of a program's states on a machine with so many processors; none if they would be larger than
    /// 64 KiB. Where packets are taken in two steps there is room for those on their way.
    pub fn of(program: &Program, processors: u32, two_steps: bool) -> Option<Layout> {
        let mut end = Cursor(0);
        let parts = parts(program);
        let fixed = FIXED as u16
            + if parts.deadline != 0 { 4 } else { 0 }
            + u16::from(parts.suspended != 0)
            + u16::from(parts.handed != 0)
            + if parts.apcs != 0 { 2 } else { 0 }
            + u16::from(parts.special != 0)
            + if parts.last_error != 0 { 2 } else { 0 }
            + u16::from(parts.pc_high != 0);
        let slots: Vec<_> = program
            .codes
            .iter()
            .map(|code| slots(code, fixed))
            .collect();
        let mut plan = Plan::of(program);
        plan.note_slots(&slots);
        let results = |slots: &Vec<SlotPlace>| slots.iter().map(|slot| slot.len()).sum::<u16>();
        let locals: Vec<u16> = slots.iter().map(|slots| fixed + results(slots)).collect();
        let mut threads = Vec::new();
        for thread in &program.threads {
            let own = 4 * program.codes[thread.code.index()].locals.len() as u16;
            let from = end.take(locals[thread.code.index()] + own);
            threads.push(Span {
                from,
                to: end.here(),
            });
        }
        let mut froms = [0; ThreadId::ALL];
        for (from, span) in froms.iter_mut().zip(&threads) {
            *from = span.from;
        }
        let ports: Vec<PortPlace> = program
            .port_ids()
            .map(|port| end.port(program, port, processors, two_steps))
            .collect();
        let counts = |port: &PortPlace| [Some(port.packets), port.taken];
        let queued = ports.iter().flat_map(counts).flatten().collect();
        let objects = program
            .objects
            .iter()
            .map(|object| end.take(object_len(object)))
            .collect();
        let sources = end.take(program.sources.len() as u16);
        let interest_len = interest_len(program);
        let watched = (program.ports.len() * program.sources.len()) as u16;
        let interests = end.take(interest_len * watched);
        let processes = 1 + program
            .threads
            .iter()
            .map(|thread| u16::from(thread.process.0))
            .chain(program.ops().map(process_named))
            .max()
            .unwrap_or(0);
        let files = end.take((FILE_FIXED as u16 + processes) * program.files.len() as u16);
        let operations = end.take((OPERATION_LEN * program.operations.len()) as u16);
        let reserves = end.take(program.reserves.len() as u16);
        let wait_packets = end.take(WAIT_PACKET_LEN as u16 * u16::from(program.wait_packets));
        let jobs = end.take((JOB_LEN * program.jobs.len()) as u16);
        let vars = end.take(4 * program.vars.len() as u16);
        let sets = program.ops().any(|op| op.verb() == Verb::RingEvent);
        let ring_events = sets.then(|| end.take(program.ports.len() as u16));
        let counts = program.ops().any(Op::counts);
        let counts = counts.then(|| end.take(program.ports.len() as u16));
        let waiting = drains(program).then(|| end.take((WAITING_LEN * program.ports.len()) as u16));
        let turn = program.schedule.is_some().then(|| end.take(4));
        let clock = program.bounds.ticks.is_some().then(|| end.take(4));
        let len = usize::from(u16::try_from(end.0).ok()?);
        Some(Layout {
            len,
            parts,
            plan,
            threads,
            froms,
            slots,
            locals,
            ports,
            queued,
            objects,
            sources,
            interests,
            interest_len,
            files,
            processes,
            operations,
            reserves,
            wait_packets,
            jobs,
            minimum_waits: program
                .ops()
                .any(|op| op.as_get().is_some_and(|get| get.times().1.is_some())),
            handle_waits: program.names(|noun| matches!(noun, Noun::Port(_, Role::Waits))),
            shows_writes: shows_writes(program),
            counts_apcs: program.any_expr(|expr| matches!(expr, Expr::Apcs(_))),
            ends: ends(program),
            joined: joined(program),
            vars,
            ring_events,
            counts,
            waiting,
            turn,
            clock,
        })
    }

    /// Whether any thread can have a deadline.
    #[inline]
    pub(crate) fn has_deadlines(&self) -> bool {
        self.parts.deadline != 0
    }

    #[inline(always)]
    pub(crate) fn thread_from(&self, id: ThreadId) -> usize {
        self.froms[id.index()].into()
    }

    /// Bytes of a state.
    pub fn state_len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn slot(&self, program: &Program, thread: ThreadId, slot: SlotId) -> (usize, u8) {
        let place = self.slots[program.threads[thread.index()].code.index()][slot.index()];
        (
            usize::from(self.froms[thread.index()] + place.at),
            place.packets_max,
        )
    }

    /// How many posted packets a port has room for, where it may run out of it although the program names no bound.
    pub fn bound_by_default(program: &Program, port: PortId) -> Option<usize> {
        let is_ours = program.bounds.packets.is_none() && Layout::is_bounded(program, port);
        let (posts, _) = posts(program, port);
        is_ours.then(|| posts.clamp(PACKETS_DEFAULT, PACKETS_MAX))
    }

    /// Whether a port may run out of room before every post of the program has been made.
    pub fn is_bounded(program: &Program, port: PortId) -> bool {
        let (posts, looping) = posts(program, port);
        // A post beyond the port's own limit fails, and needs no room.
        if program.ports[port.index()]
            .events_max
            .is_some_and(|limit| usize::from(limit) <= packets_max(program, port))
        {
            return false;
        }
        looping
            || program
                .bounds
                .packets
                .is_some_and(|bound| posts > usize::from(bound))
            || posts > PACKETS_MAX
    }
}

/// Takes room for one noun after the other. It counts further than a place can say; whoever is done looks
/// whether it went too far.
struct Cursor(u32);

impl Cursor {
    fn here(&self) -> u16 {
        self.0 as u16
    }

    fn take(&mut self, len: u16) -> u16 {
        let at = self.here();
        self.0 += u32::from(len);
        at
    }

    fn port(
        &mut self,
        program: &Program,
        port: PortId,
        processors: u32,
        two_steps: bool,
    ) -> PortPlace {
        let at = self.take(2);
        let waiters = self.take(1 + waiters_max(program, port) as u16);
        let room = 1 + packets_max(program, port) as u16;
        let packets = self.take(room);
        let queue_end = self.here();
        let taken = two_steps.then(|| self.take(room));
        let unposted = unposted(program, port);
        let end = self.here();
        let counted = program.any_expr(|expr| *expr == Expr::Port(port, PortField::Delivered));
        let concurrency = program.ports[port.index()].concurrency;
        PortPlace {
            limit: if concurrency == 0 {
                processors
            } else {
                concurrency
            },
            at,
            waiters,
            packets,
            unposted: unposted.min(PACKETS_MAX / 2) as u8,
            queue_end,
            taken,
            end,
            delivered: counted.then(|| self.take(2)),
        }
    }
}

fn slots(code: &Code, mut at: u16) -> Vec<SlotPlace> {
    let mut places = Vec::new();
    for slot in &code.slots {
        let place = SlotPlace {
            at,
            packets_max: slot.packets_max,
        };
        at += place.len();
        places.push(place);
    }
    places
}

fn parts(program: &Program) -> Parts {
    let waits = |mut op: Op| op.describe().wait.is_some_and(Wait::has_deadline);
    let hands_over = |mut op: Op| op.describe().hands_over;
    let suspends = program.names(|noun| matches!(noun, Noun::Thread(_, Role::Suspends)));
    let mut at = FIXED as u8;
    let mut part = |present, len| {
        let place = if present { at } else { 0 };
        at += if present { len } else { 0 };
        place
    };
    Parts {
        deadline: part(program.ops().any(waits), 4),
        suspended: part(suspends, 1),
        handed: part(program.ops().any(hands_over), 1),
        apcs: part(calls_procedures(program), 2),
        special: part(program.ops().any(is_special), 1),
        last_error: part(
            program.any_expr(|expr| matches!(expr, Expr::LastError(_))),
            2,
        ),
        pc_high: part(program.codes.iter().any(is_long), 1),
    }
}

/// Whether a byte does not number all instructions of a code.
fn is_long(code: &Code) -> bool {
    code.instrs.len() > 256
}

fn object_len(object: &Object) -> u16 {
    match object {
        Object::Event { .. } | Object::Semaphore { .. } => 1,
        Object::Mutex => 2,
        // What its threads do says it.
        Object::End(_) => 0,
    }
}

fn waiters_max(program: &Program, port: PortId) -> usize {
    let takes = |noun: &Noun<'_>| matches!(*noun, Noun::Port(of, Role::Takes) if of == port);
    let waits = |code: &Code| {
        code.ops()
            .any(|mut op| op.describe().nouns().any(|it| takes(&it)))
    };
    program
        .threads
        .iter()
        .filter(|thread| waits(&program.codes[thread.code.index()]))
        .count()
}

/// How many posts to the port the program holds, and whether a loop repeats one.
fn posts(program: &Program, port: PortId) -> (usize, bool) {
    let (mut posts, mut looping) = (0, false);
    for thread in &program.threads {
        let code = &program.codes[thread.code.index()];
        for (pc, instr) in code.instrs.iter().enumerate() {
            let Instr::Op(op) = *instr else { continue };
            let posted = op.room_needed(program).into_iter();
            let here = posted.filter(|room| room.port == port && !room.messages);
            let here: usize = here.map(|room| room.packets).sum();
            if here > 0 {
                posts += here;
                looping |= in_loop(code, pc);
            }
        }
    }
    (posts, looping)
}

/// How often threads can make such an operation; none where a loop makes it.
pub(crate) fn times(program: &Program, is: impl Fn(Op) -> bool) -> Option<usize> {
    let mut times = 0;
    for thread in &program.threads {
        let code = &program.codes[thread.code.index()];
        for (pc, instr) in code.instrs.iter().enumerate() {
            match *instr {
                Instr::Op(op) if is(op) && in_loop(code, pc) => return None,
                Instr::Op(op) => times += usize::from(is(op)),
                _ => {}
            }
        }
    }
    Some(times)
}

/// Whether a jump leads back over this instruction.
fn in_loop(code: &Code, pc: usize) -> bool {
    let leads_back = |(from, instr): (usize, &Instr)| match *instr {
        Instr::Jump(to) => usize::from(to) <= pc && pc <= from,
        _ => false,
    };
    code.instrs.iter().enumerate().any(leads_back)
}

/// The most requests that wait on a ring.
pub(crate) const WAITING_MAX: usize = 6;

/// Whether requests wait, how many, and which.
pub(crate) const WAITING_LEN: usize = 2 + WAITING_MAX;

/// Whether a request waits for those before it.
fn drains(program: &Program) -> bool {
    program.ops().any(|op| {
        if let Op::Start { operation, .. } = op {
            let operation = program.operations.get(operation.index());
            return operation.is_some_and(|operation| operation.drain);
        }
        matches!(
            op,
            Op::Submit {
                request: Request::Drain(_),
                ..
            }
        )
    })
}

/// What it takes to say how a port watches a source.
fn interest_len(program: &Program) -> u16 {
    let for_more = |op| {
        let Op::EpollCtl {
            change: Watch::Add(interest) | Watch::Mod(interest),
            ..
        } = op
        else {
            return is_of_room(op);
        };
        !matches!(interest.events, Events::In(_))
    };
    if program.ops().any(for_more) { 4 } else { 2 }
}

fn packets_max(program: &Program, port: PortId) -> usize {
    let (posts, looping) = posts(program, port);
    let wanted = match program.bounds.packets {
        Some(bound) if looping => usize::from(bound),
        Some(bound) => posts.min(usize::from(bound)),
        None if looping => posts.max(PACKETS_DEFAULT),
        None => posts,
    };
    let limit = program.ports[port.index()].events_max;
    let wanted = limit.map_or(wanted, |limit| {
        let meets_limit = program.bounds.packets.is_none();
        if meets_limit && looping {
            limit.into()
        } else {
            wanted.min(limit.into())
        }
    });
    let watched =
        program.names(|noun| matches!(*noun, Noun::Port(on, Role::Watches) if on == port));
    (wanted + if watched { listed_max(program) } else { 0 } + unposted(program, port))
        .min(PACKETS_MAX)
}

/// Whether it makes an event of its own of that a source can be written.
fn is_of_room(op: Op) -> bool {
    matches!(op, Op::Kevent { change, .. } if change.filter == Filter::Write)
}

/// How many sources a port can list: each once, and once more where that it can be written is an event of its own.
fn listed_max(program: &Program) -> usize {
    let times = if program.ops().any(is_of_room) { 2 } else { 1 };
    times * program.sources.len()
}

/// Packets that may stand in a port although nobody posted them: at most one for each operation, and for
/// each wait completion packet, and those of jobs.
fn unposted(program: &Program, port: PortId) -> usize {
    let operations = program
        .operations
        .iter()
        .enumerate()
        .filter(|(_, operation)| {
            program
                .bindings
                .iter()
                .any(|binding| binding.port == port && binding.file == operation.file)
        });
    let messages = program
        .ops()
        .flat_map(|op| op.room_needed(program))
        .filter(|room| room.port == port && room.messages)
        .map(|room| room.packets);
    // What a chain leaves behind a read comes when that is over.
    let chains = program.chains.iter().filter(|chain| chain.port == port);
    let linked: usize = chains.map(|chain| chain.linked.len()).sum();
    operations.count() + usize::from(program.wait_packets) + messages.sum::<usize>() + linked
}

/// The process that an operation names; the scenario's own if it names none.
fn process_named(mut op: Op) -> u16 {
    let named = op.describe().nouns().find_map(|noun| match noun {
        Noun::Process(process) => Some(process.0.into()),
        _ => None,
    });
    named.unwrap_or(0)
}

fn calls_procedures(program: &Program) -> bool {
    program.names(|noun| matches!(noun, Noun::Thread(_, Role::Calls)))
        || program.operations.iter().any(|operation| operation.apc)
}

fn is_special(op: Op) -> bool {
    matches!(op, Op::Apc { special: true, .. })
}

fn shows_writes(program: &Program) -> bool {
    let reads = |expr: &Expr| {
        matches!(
            expr,
            Expr::Operation(_, OperationField::Written | OperationField::Status)
        )
    };
    program.any_expr(reads)
        || program.names(|noun| matches!(noun, Noun::Operation(_, Role::Closes | Role::Reads)))
}

fn joined(program: &Program) -> u128 {
    let joined = program.thread_ids().filter(|&id| program.is_joined(id));
    joined.fold(0, |joined, id| joined | 1_u128 << id.index())
}

/// How the device ends each operation, each way once.
fn ends(program: &Program) -> Vec<Vec<ResultId>> {
    let mut ends = alloc::vec![Vec::new(); program.operations.len()];
    for mut op in program.ops() {
        let (mut ended, mut results): (&[OperationId], Vec<ResultId>) = (&[], Vec::new());
        for noun in op.describe().nouns() {
            match noun {
                Noun::Burst(list, Role::Ends) => ended = &program.bursts[usize::from(list)],
                Noun::Result(result) => results.push(result),
                _ => {}
            }
        }
        for &OperationId(operation) in ended {
            let known: &mut Vec<_> = &mut ends[usize::from(operation)];
            for &result in &results {
                if !known.contains(&result) {
                    known.push(result);
                }
            }
        }
    }
    ends
}

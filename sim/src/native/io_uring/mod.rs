//! Linux: a port is an io_uring, whose completion ring many threads empty.
//!
//! The kernel gives no entry to anybody: whoever advances the head of the ring has it. A get waits in io_uring_enter
//! for as many entries as it must have, which returns at once where they are there, and then takes the oldest under a
//! lock of its own; where there is none it goes round. A post is a message from a ring that the posting thread has
//! to itself; a message with a sender is submitted on that port's ring, under the same lock. An entry carries 64 bits: they
//! name an entry of a table that has the packet.
//!
//! - The concurrency value means nothing to the kernel and is ignored.
//! - A port has a descriptor number of its own until the run ends, so that calls on a closed one see EBADF.
//! - Closing a port wakes nobody. The ring stays mapped, and a second descriptor is kept aside: when the recording is over, as
//!   many messages to it as any waiter waits for wake them all, who then go home and leave them there.

mod requests;
mod ring;

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use io_uring::{IoUring as Ring, opcode, types};
use portsim_model::event::Error;
use portsim_model::os_error::errno;
use portsim_model::program::{
    BATCH_MAX, File, FileId, Message, Modes, Op, OperationId, Packet, PacketId, PortId, Program,
    Request, ResultId, ThreadId, Timeout,
};
use rustix::io::Errno;
use rustix::io_uring::{
    IoringEnterFlags, io_uring_enter_arg, io_uring_getevents_arg, io_uring_ptr,
};

use super::backend::{Backend, Failure, Threads};
use super::bell::{EventBell, timespec};
use super::local_threads::LocalThreads;
use super::numbers::Numbers;
use super::objects::Objects;
use super::parked::{Call, KernelWait, Probe, number};
use super::world::{Parked, World};
use crate::trace::Answer;
use requests::{Open, ROOM, Requests};
use ring::{HOME, REQUESTS, Shared};

const NAME: &str = "io-uring";

/// The backend `io-uring`.
pub struct IoUring;

impl Backend for IoUring {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), String> {
        if number(Call::IoUringEnter).is_none() {
            return Err(format!(
                "the numbers of its system calls are not known for {}",
                std::env::consts::ARCH
            ));
        }
        let ring = Ring::new(REQUESTS).map_err(|error| format!("io_uring_setup: {error}"))?;
        let mut known = io_uring::Probe::new();
        let asked = ring.submitter().register_probe(&mut known);
        asked.map_err(|error| format!("io_uring_register: {error}"))?;
        if !known.is_supported(opcode::MsgRingData::CODE) {
            return Err("this kernel has no messages between rings".into());
        }
        let probe = Probe::of_this_thread();
        probe
            .map(drop)
            .map_err(|error| format!("/proc does not show what a thread waits for: {error}"))
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), String> {
        match op {
            Op::Suspend { .. } | Op::Resume { .. } => Err(
                "Linux has no call that suspends a thread without disturbing the order of waiters"
                    .into(),
            ),
            Op::Post { packet, .. } if program.packets[packet.index()].status != 0 => {
                Err("its packets carry no status".into())
            }
            Op::Post { may_fail: true, .. } => Err("nobody can make memory scarce here".into()),
            Op::Post {
                reserve: Some(_), ..
            } => Err("Linux has no reserve objects".into()),
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("a ring has no name".into())
            }
            _ if op.is_alertable() => Err("Linux has no alertable waits".into()),
            Op::MsgRing { .. } => Ok(()),
            Op::Start { .. }
            | Op::Complete { .. }
            | Op::Cancel { .. }
            | Op::CancelFile { .. }
            | Op::Submit { .. } => match refused(program, op) {
                Some(why) => Err(why.into()),
                None => Ok(()),
            },
            _ if op.is_portable() => Ok(()),
            _ => Err("io_uring has no such operation here".into()),
        }
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        Ok(Some(Arc::new(UringWorld::new(program, tick)?)))
    }

    fn open(&self, program: &Program, tick: Duration) -> Result<Box<dyn Threads>, Failure> {
        let world = UringWorld::new(program, tick)?;
        let threads = LocalThreads::new(Arc::new(world), program.threads.len())?;
        Ok(Box::new(threads))
    }
}

struct UringWorld {
    /// Where there are any: its thread ends before the rings go.
    requests: Option<Requests>,
    program: Program,
    tick: Duration,
    /// The most entries that a waiter waits for.
    wanted_max: u8,
    /// The open ports; dropped before the numbers under which they are open.
    ports: Mutex<Vec<Option<OwnedFd>>>,
    numbers: Numbers,
    /// The ring of every port that was ever open, closed ones included.
    rings: Mutex<Vec<Option<Arc<Shared>>>>,
    /// From which each thread posts; the last is nobody's.
    senders: Vec<Mutex<Ring>>,
    posted: Mutex<Posted>,
    objects: Objects<EventBell>,
    over: AtomicBool,
    disturbed: AtomicBool,
}

/// Packets that were posted and not delivered.
#[derive(Default)]
struct Posted {
    count: u64,
    packets: BTreeMap<u64, Packet>,
}

impl UringWorld {
    fn new(program: &Program, tick: Duration) -> Result<UringWorld, Failure> {
        let numbers = Numbers::reserve(program.ports.len())
            .map_err(|error| Failure::new(NAME, "reserve descriptors", error))?;
        let sender = || Ring::new(REQUESTS).map(Mutex::new);
        let senders = (0..=program.threads.len()).map(|_| sender());
        let asks = program.ops().any(|op| matches!(op, Op::Submit { .. }));
        let requests = (asks || !program.files.is_empty()).then(|| Requests::new(program));
        let world = UringWorld {
            requests: requests
                .transpose()
                .map_err(|error| failure("socketpair", error))?,
            program: program.clone(),
            tick,
            wanted_max: program.ops().map(wanted).max().unwrap_or(1),
            ports: Mutex::new(program.ports.iter().map(|_| None).collect()),
            numbers,
            rings: Mutex::new(program.ports.iter().map(|_| None).collect()),
            senders: senders
                .collect::<Result<_, _>>()
                .map_err(|error| failure("io_uring_setup", error))?,
            posted: Mutex::default(),
            objects: Objects::new(program, tick, errno, || EventBell::new(NAME))?,
            over: AtomicBool::new(false),
            disturbed: AtomicBool::new(false),
        };
        for port in program.port_ids() {
            if program.ports[port.index()].open {
                world.create(port)?;
            }
        }
        Ok(world)
    }

    fn create(&self, port: PortId) -> Result<Answer, Failure> {
        let mut ports = lock(&self.ports);
        if ports[port.index()].is_some() {
            return Ok(failed(Error::Exists));
        }
        let ring = Shared::new(self.program.ports[port.index()].entries)
            .map_err(|error| failure("io_uring_setup", error))?;
        let opened = self.numbers.open(port.index(), ring.ring());
        ports[port.index()] = Some(opened.map_err(|error| failure("fcntl(F_DUPFD)", error))?);
        lock(&self.rings)[port.index()] = Some(Arc::new(ring));
        Ok(Answer::Done)
    }

    fn close(&self, port: PortId) -> Result<Answer, Failure> {
        match lock(&self.ports)[port.index()].take() {
            // Its drop is the close.
            Some(_) => Ok(Answer::Done),
            None => Ok(failed(Error::BadHandle)),
        }
    }

    fn get(
        &self,
        port: PortId,
        timeout: Timeout,
        max: Option<u8>,
        min: Option<u8>,
    ) -> Result<Answer, Failure> {
        if max == Some(0) {
            return Ok(failed(Error::Invalid));
        }
        let end = match timeout {
            Timeout::Never => None,
            Timeout::Ticks(ticks) => Some(Instant::now() + self.tick * ticks),
        };
        let most = usize::from(max.unwrap_or(1)).min(BATCH_MAX);
        let polls = timeout == Timeout::Ticks(0) || min == Some(0);
        let wanted = if polls { 0 } else { min.unwrap_or(1).into() };
        loop {
            let rest = end.map(|end| end.saturating_duration_since(Instant::now()));
            let waited = self.enter(port, wanted, rest);
            if self.over.load(Ordering::SeqCst) {
                return Ok(failed(Error::Abandoned));
            }
            let ring = lock(&self.rings)[port.index()].clone();
            let entries = match (&ring, waited) {
                (Some(ring), Ok(()) | Err(Errno::TIME)) => ring.turn().pop(most),
                (Some(_), Err(Errno::INTR)) => {
                    self.disturbed.store(true, Ordering::SeqCst);
                    Vec::new()
                }
                (_, Err(Errno::BADF)) | (None, _) => return Ok(failed(Error::BadHandle)),
                (_, Err(errno)) => return Err(failure("io_uring_enter", errno)),
            };
            if !entries.is_empty() {
                return Ok(self.taken(&entries, max));
            }
            if min == Some(0) {
                return Ok(Answer::Packets(Vec::new()));
            }
            if polls || waited == Err(Errno::TIME) {
                return Ok(failed(Error::Timeout));
            }
        }
    }

    /// io_uring_enter: waits until so many entries are there.
    fn enter(&self, port: PortId, min: u32, patience: Option<Duration>) -> Result<(), Errno> {
        let patience = patience.map(timespec);
        let mut arg = io_uring_getevents_arg::default();
        if let Some(patience) = &patience {
            arg.ts = io_uring_ptr::new(std::ptr::from_ref(patience).cast_mut().cast());
        }
        let flags = IoringEnterFlags::GETEVENTS | IoringEnterFlags::EXT_ARG;
        let number = self.numbers.get(port.index());
        // SAFETY: nothing is submitted, and the time lives until the call is over.
        unsafe { io_uring_enter_arg(number, 0, min, flags, Some(&arg)) }.map(drop)
    }

    /// What the ring carried, by value.
    fn taken(&self, entries: &[(u64, i32)], max: Option<u8>) -> Answer {
        let mut posted = lock(&self.posted);
        let packets: Vec<_> = entries
            .iter()
            .map(|&(carried, result)| {
                let packet = posted.packets.remove(&carried);
                let packet = packet.expect("a packet is delivered once");
                // The result of a message is what it was sent with; that of a request says how it ended.
                match result {
                    0 => packet,
                    result => Packet {
                        bytes: result.into(),
                        ..packet
                    },
                }
            })
            .collect();
        match max {
            None => Answer::Packet(packets[0]),
            Some(_) => Answer::Packets(packets),
        }
    }

    fn post(&self, me: ThreadId, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        let carried = self.carries(self.program.packets[packet.index()]);
        let target = self.numbers.raw(port.index());
        let answer = self.send(&self.senders[me.index()], target, carried)?;
        if answer != Answer::Done {
            lock(&self.posted).packets.remove(&carried);
        }
        Ok(answer)
    }

    /// What an entry carries for a packet.
    fn carries(&self, packet: Packet) -> u64 {
        let mut posted = lock(&self.posted);
        let carried = posted.count;
        posted.count += 1;
        posted.packets.insert(carried, packet);
        carried
    }

    /// What the entry of a request carries, whatever its result.
    fn carries_key(&self, key: i64, overlapped: i64) -> u64 {
        self.carries(Packet {
            key,
            overlapped,
            ..Packet::default()
        })
    }

    /// A message from the ring of a port, whose own entry says how it went.
    fn message(&self, it: Message) -> Result<Answer, Failure> {
        let Some(ring) = lock(&self.rings)[it.from.index()].clone() else {
            return Ok(failed(Error::BadHandle));
        };
        let packet = |id: PacketId| self.program.packets[id.index()];
        let carried = self.carries(packet(it.packet));
        let own = self.carries(packet(it.went));
        let target = types::Fd(self.numbers.raw(it.to.index()));
        let message = opcode::MsgRingData::new(target, 0, carried, None).build();
        let number = self.numbers.get(it.from.index());
        let sent = ring.turn().submit(number, &message.user_data(own));
        answered("io_uring_enter", sent)
    }

    /// The ring of a port and its number; none where it was never open.
    fn ring(&self, port: PortId) -> Option<Open> {
        let ring = lock(&self.rings)[port.index()].clone()?;
        let number = self.numbers.raw(port.index());
        Some(Open { ring, number })
    }

    /// The ring to which requests on a file go, and the user data that they carry there.
    fn binding(&self, file: FileId) -> (PortId, i64) {
        let binding = self.program.files[file.index()].binding;
        let binding = binding.expect("a file without a ring is refused");
        let binding = self.program.bindings[binding.index()];
        (binding.port, binding.key)
    }

    fn requests(&self) -> &Requests {
        let requests = self.requests.as_ref();
        requests.expect("a program that makes requests has them")
    }

    fn start(&self, me: ThreadId, id: OperationId) -> Result<Answer, Failure> {
        let operation = self.program.operations[id.index()];
        let (port, key) = self.binding(operation.file);
        // A mistake of the scenario, with the answer that it has everywhere.
        if self.requests().is_pending(id) {
            return Ok(failed(Error::Invalid));
        }
        let Some(on) = self.ring(port) else {
            return Ok(failed(Error::BadHandle));
        };
        let carried = self.carries_key(key, operation.overlapped);
        match self.requests().start(me, id, on, carried) {
            Ok(()) => Ok(failed(Error::Pending)),
            refused => answered("io_uring_enter", refused),
        }
    }

    fn complete(&self, burst: u16, result: ResultId) -> Result<Answer, Failure> {
        let id = self.program.bursts[usize::from(burst)][0];
        if !self.requests().is_pending(id) {
            return Ok(failed(Error::NotFound));
        }
        let (port, _) = self.binding(self.program.operations[id.index()].file);
        let on = self.ring(port).expect("something is pending on it");
        let bytes = self.program.results[result.index()].bytes as usize;
        let sent = self.requests().complete(id, bytes, on.ring);
        sent.map_err(|error| failure("send", error))?;
        Ok(Answer::Done)
    }

    fn cancel(&self, id: OperationId) -> Result<Answer, Failure> {
        let (port, _) = self.binding(self.program.operations[id.index()].file);
        match self.ring(port) {
            Some(on) => answered("io_uring_register", self.requests().cancel(id, on)),
            None => Ok(failed(Error::BadHandle)),
        }
    }

    fn cancel_all(&self, file: FileId) -> Result<Answer, Failure> {
        match self.ring(self.binding(file).0) {
            Some(on) => answered("io_uring_register", self.requests().cancel_all(file, on)),
            None => Ok(failed(Error::BadHandle)),
        }
    }

    fn submit(&self, port: PortId, request: Request) -> Result<Answer, Failure> {
        let Some(on) = self.ring(port) else {
            return Ok(failed(Error::BadHandle));
        };
        let key = |id: PacketId| self.program.packets[id.index()].key;
        let own_key = |own: u8| key(self.program.owns[usize::from(own)][0]);
        let requests = self.requests();
        let done = match request {
            Request::Nop(own) => {
                requests.submit(requests::nop(self.carries_key(key(own), 0)), on, 0)
            }
            Request::Timeout(own) => {
                let own = self.carries_key(key(own), 0);
                requests.submit(requests::timeout(own), on, 1)
            }
            Request::Cancel(id, own) => {
                let is_its = self.binding(self.program.operations[id.index()].file).0 == port;
                let own = self.carries_key(own_key(own), 0);
                requests.submit_cancel(id, own, on, is_its).map(drop)
            }
            Request::CancelFile(file, own) => {
                let is_its = self.binding(file).0 == port;
                let own = self.carries_key(own_key(own), 0);
                requests.submit_cancel_all(file, own, on, is_its).map(drop)
            }
        };
        answered("io_uring_enter", done)
    }

    /// IORING_OP_MSG_RING from a ring of nobody else's, to its end.
    fn send(&self, sender: &Mutex<Ring>, target: i32, carried: u64) -> Result<Answer, Failure> {
        let mut sender = lock(sender);
        let message = opcode::MsgRingData::new(types::Fd(target), 0, carried, None).build();
        // SAFETY: a message refers to no memory of ours.
        unsafe { sender.submission().push(&message) }.expect("its queue is empty");
        while let Err(error) = sender.submit_and_wait(1) {
            if error.raw_os_error() != Some(Errno::INTR.raw_os_error()) {
                return Err(failure("io_uring_enter", error));
            }
            self.disturbed.store(true, Ordering::SeqCst);
        }
        let own = sender.completion().next().expect("it was waited for");
        if own.result() >= 0 {
            return Ok(Answer::Done);
        }
        match Errno::from_raw_os_error(-own.result()) {
            Errno::BADF | Errno::BADFD => Ok(failed(Error::BadHandle)),
            errno => Err(failure("IORING_OP_MSG_RING", errno)),
        }
    }
}

impl World for UringWorld {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn perform(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        match op {
            Op::Get {
                port,
                timeout,
                max,
                min,
                ..
            } => self.get(port, timeout, max, min),
            Op::MsgRing { message, .. } => self.message(message),
            Op::Start { operation, .. } => self.start(me, operation),
            Op::Complete { burst, result, .. } => self.complete(burst, result),
            Op::Cancel { operation, .. } => self.cancel(operation),
            Op::CancelFile { file, .. } => self.cancel_all(file),
            Op::Submit { port, request, .. } => self.submit(port, request),
            Op::Post { port, packet, .. } => self.post(me, port, packet),
            Op::Close { port, .. } => self.close(port),
            Op::Create { port, .. } => self.create(port),
            _ => self.objects.perform(me, op),
        }
    }

    fn parked(&self, thread: ThreadId, op: Op) -> Parked {
        match op {
            Op::Get { port, .. } => Parked::Kernel(KernelWait {
                call: Call::IoUringEnter,
                first: self.numbers.raw(port.index()) as u64,
            }),
            Op::Block { .. } | Op::Stall | Op::Sleep { .. } => self.objects.parked(thread),
            _ => Parked::No,
        }
    }

    fn counts(&self, thread: ThreadId) -> bool {
        self.requests.as_ref().is_some_and(|it| it.pend_of(thread))
    }

    fn come_back(&self, thread: ThreadId) -> Result<(), Failure> {
        self.objects.come_back(thread)
    }

    fn release(&self) -> Result<(), Failure> {
        self.over.store(true, Ordering::SeqCst);
        self.objects.release()?;
        let sender = self.senders.last().expect("one is nobody's");
        for shared in lock(&self.rings).iter().flatten() {
            for _ in 0..self.wanted_max {
                self.send(sender, shared.kept(), HOME)?;
            }
        }
        Ok(())
    }

    fn disturbed(&self) -> bool {
        self.disturbed.load(Ordering::SeqCst) || self.objects.disturbed()
    }
}

/// How many entries a call waits for.
fn wanted(op: Op) -> u8 {
    match op {
        Op::Get { min: Some(min), .. } => min.max(1),
        _ => 1,
    }
}

/// Why an operation on requests cannot be shown here, if it cannot.
fn refused(program: &Program, op: Op) -> Option<&'static str> {
    match op {
        Op::Start { now: Some(_), .. } => Some("the call does not say that a request is over"),
        Op::Cancel { mine: true, .. } | Op::CancelFile { mine: true, .. } => {
            Some("a cancel asks for no issuer")
        }
        Op::Start { operation, .. } | Op::Cancel { operation, .. } => {
            unlike_a_read(program, operation)
        }
        Op::CancelFile { file, .. } => without_a_ring(program, file),
        Op::Complete { burst, result, .. } => {
            let [one] = program.bursts[usize::from(burst)][..] else {
                return Some("nobody here ends several requests in one go");
            };
            let how = program.results[result.index()];
            if how.status != 0 || !(0..=ROOM as i64).contains(&how.bytes) {
                return Some("a read here ends with 0 to 4096 bytes");
            }
            unlike_a_read(program, one)
        }
        Op::Submit { port, request, .. } => match request {
            Request::Nop(_) => None,
            _ if is_small(program, port) => Some(FULL),
            Request::Timeout(_) => None,
            Request::Cancel(operation, _) => unlike_a_read(program, operation),
            Request::CancelFile(file, _) => without_a_ring(program, file),
        },
        _ => None,
    }
}

/// Why entries of a ring that can be full are not waited for.
const FULL: &str = "in a ring of few entries it does not show when a request has ended";

fn is_small(program: &Program, port: PortId) -> bool {
    program.ports[port.index()].entries.is_some()
}

/// Why requests on a file find no ring that can show them, if they find none.
fn without_a_ring(program: &Program, file: FileId) -> Option<&'static str> {
    match program.files[file.index()].binding {
        None => Some("a request goes to the ring of its file, and this one has none"),
        Some(binding) => is_small(program, program.bindings[binding.index()].port).then_some(FULL),
    }
}

/// Why no read of a socket is like this operation, if none is.
fn unlike_a_read(program: &Program, id: OperationId) -> Option<&'static str> {
    let operation = program.operations[id.index()];
    let File { sync, modes, .. } = program.files[operation.file.index()];
    if sync || modes != Modes::default() {
        return Some("files have no modes here");
    }
    if operation.event.is_some() || operation.apc || operation.overlapped == 0 {
        return Some("a request has user data, and neither event nor routine");
    }
    without_a_ring(program, operation.file)
}

/// What a call of the kernel answered.
fn answered<T>(call: &str, done: Result<T, Errno>) -> Result<Answer, Failure> {
    match done {
        Ok(_) => Ok(Answer::Done),
        Err(Errno::BADF) => Ok(failed(Error::BadHandle)),
        Err(Errno::NOENT) => Ok(failed(Error::NotFound)),
        Err(errno) => Err(failure(call, errno)),
    }
}

fn failed(error: Error) -> Answer {
    Answer::Failed(errno(error).name.into())
}

fn failure(call: &str, error: impl Into<std::io::Error>) -> Failure {
    Failure::new(NAME, call, error)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

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

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use io_uring::{IoUring as Ring, opcode, types};
use portsim_model::event::{Error, errno};
use portsim_model::program::{
    BATCH_MAX, Message, Op, Packet, PacketId, PortId, Program, ThreadId, Timeout,
};
use rustix::io::Errno;
use rustix::io_uring::{
    IoringEnterFlags, io_uring_enter, io_uring_enter_arg, io_uring_getevents_arg, io_uring_ptr,
};

use super::backend::{Backend, Failure, Stage};
use super::bell::{EventBell, timespec};
use super::numbers::Numbers;
use super::objects::Objects;
use super::parked::{Call, KernelWait, Probe, number};
use super::seats::Seats;
use super::world::{Parked, World};
use crate::trace::Answer;

const NAME: &str = "io-uring";

/// How many completions a ring holds before the kernel keeps the others in a list of its own.
const COMPLETIONS: u32 = 1024;

/// How many requests a thread submits at once.
const REQUESTS: u32 = 2;

/// Carried by the messages that bring everybody home.
const HOME: u64 = u64::MAX;

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
            _ if op.is_portable() => Ok(()),
            _ => Err("io_uring has no such operation here".into()),
        }
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        Ok(Some(Arc::new(UringWorld::new(program, tick)?)))
    }

    fn open(&self, program: &Program, tick: Duration) -> Result<Box<dyn Stage>, Failure> {
        let world = UringWorld::new(program, tick)?;
        let seats = Seats::new(Arc::new(world), program.threads.len())?;
        Ok(Box::new(seats))
    }
}

struct UringWorld {
    tick: Duration,
    packets: Vec<Packet>,
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

/// A ring whose completions many threads take.
struct Shared {
    ring: Ring,
    /// Who has it may advance the head of the completions, and submit.
    turn: Mutex<()>,
}

impl Shared {
    /// Takes the oldest entries, up to so many: what each carried, and its result.
    fn pop(&self, most: usize) -> Vec<(u64, i32)> {
        let _turn = lock(&self.turn);
        // SAFETY: everybody who touches the completions of this ring has its lock.
        let entries = unsafe { self.ring.completion_shared() };
        let taken = entries
            .take(most)
            .map(|entry| (entry.user_data(), entry.result()));
        taken.filter(|&(carried, _)| carried != HOME).collect()
    }

    /// IORING_OP_MSG_RING on this ring, by the number under which it is open: what it carries to the target, and what
    /// this ring gets.
    fn send(
        &self,
        number: BorrowedFd<'_>,
        target: i32,
        carried: u64,
        own: u64,
    ) -> Result<(), Errno> {
        let _turn = lock(&self.turn);
        let message = opcode::MsgRingData::new(types::Fd(target), 0, carried, None).build();
        // SAFETY: everybody who submits on this ring has its lock.
        let mut queue = unsafe { self.ring.submission_shared() };
        // What stands there was refused with the descriptor, and so will this be.
        if queue.is_empty() {
            // SAFETY: a message refers to no memory of ours.
            unsafe { queue.push(&message.user_data(own)) }.expect("it is empty");
        }
        drop(queue);
        // SAFETY: what is submitted is the message.
        unsafe { io_uring_enter(number, 1, 0, IoringEnterFlags::empty()) }.map(drop)
    }
}

impl UringWorld {
    fn new(program: &Program, tick: Duration) -> Result<UringWorld, Failure> {
        let numbers = Numbers::reserve(program.ports.len())
            .map_err(|error| Failure::new(NAME, "reserve descriptors", error))?;
        let sender = || Ring::new(REQUESTS).map(Mutex::new);
        let senders = (0..=program.threads.len()).map(|_| sender());
        let world = UringWorld {
            tick,
            packets: program.packets.clone(),
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
        let ring = Ring::builder()
            .setup_cqsize(COMPLETIONS)
            .build(REQUESTS)
            .map_err(|error| failure("io_uring_setup", error))?;
        let opened = self.numbers.open(port.index(), &ring);
        ports[port.index()] = Some(opened.map_err(|error| failure("fcntl(F_DUPFD)", error))?);
        lock(&self.rings)[port.index()] = Some(Arc::new(Shared {
            ring,
            turn: Mutex::new(()),
        }));
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
                (Some(ring), Ok(()) | Err(Errno::TIME)) => ring.pop(most),
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
                match result {
                    0.. => packet,
                    failed => Packet {
                        bytes: failed.into(),
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
        let carried = self.carries(packet);
        let target = self.numbers.raw(port.index());
        let answer = self.send(&self.senders[me.index()], target, carried)?;
        if answer != Answer::Done {
            lock(&self.posted).packets.remove(&carried);
        }
        Ok(answer)
    }

    /// What an entry carries for a packet.
    fn carries(&self, packet: PacketId) -> u64 {
        let mut posted = lock(&self.posted);
        let carried = posted.count;
        posted.count += 1;
        posted.packets.insert(carried, self.packets[packet.index()]);
        carried
    }

    /// A message from the ring of a port, whose own entry says how it went.
    fn message(&self, it: Message) -> Result<Answer, Failure> {
        let Some(ring) = lock(&self.rings)[it.from.index()].clone() else {
            return Ok(failed(Error::BadHandle));
        };
        let (carried, own) = (self.carries(it.packet), self.carries(it.went));
        let number = self.numbers.get(it.from.index());
        match ring.send(number, self.numbers.raw(it.to.index()), carried, own) {
            Ok(()) => Ok(Answer::Done),
            Err(Errno::BADF) => Ok(failed(Error::BadHandle)),
            Err(errno) => Err(failure("io_uring_enter", errno)),
        }
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

    fn come_back(&self, thread: ThreadId) -> Result<(), Failure> {
        self.objects.come_back(thread)
    }

    fn release(&self) -> Result<(), Failure> {
        self.over.store(true, Ordering::SeqCst);
        self.objects.release()?;
        let sender = self.senders.last().expect("one is nobody's");
        for shared in lock(&self.rings).iter().flatten() {
            for _ in 0..self.wanted_max {
                self.send(sender, shared.ring.as_raw_fd(), HOME)?;
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

fn failed(error: Error) -> Answer {
    Answer::Failed(errno(error).name.into())
}

fn failure(call: &str, error: impl Into<std::io::Error>) -> Failure {
    Failure::new(NAME, call, error)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

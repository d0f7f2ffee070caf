//! Linux: a port is a pipe that many threads read from, or watch with `poll` or `select`.
//!
//! A post writes one record, of 64 bits that name an entry of a table that has the packet. On the backend `pipe` a get is
//! a read that waits. On `select` and `poll` it reads without waiting; where nothing is there it watches the reading end,
//! and reads again. The latter two differ in the call that watches, and are judged by the same rules.
//!
//! - The concurrency value means nothing to the kernel and is ignored.
//! - Both ends have numbers of their own until the run ends, so that calls on a closed port see EBADF.
//! - Closing a port wakes nobody. Copies of both ends are kept aside. When the recording is over, the numbers name them
//!   again and a record is written, which everybody who watches finds, and nobody reads; whoever waits in a read comes
//!   home because the last writing end is closed.

use std::io::IoSliceMut;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::os_error::errno;
use portsim_model::program::{BATCH_MAX, Op, Packet, PacketId, PortId, Program, ThreadId, Timeout};
use rustix::event::{
    FdSetElement, PollFd, PollFlags, Timespec, fd_set_insert, fd_set_num_elements, poll, select,
};
use rustix::io::{Errno, ReadWriteFlags, preadv2, read, write};
use rustix::pipe::{PipeFlags, pipe_with};

use super::backend::{Backend, Failure, Threads};
use super::bell::{EventBell, timespec};
use super::local_threads::LocalThreads;
use super::numbers::Numbers;
use super::objects::Objects;
use super::parked::{Call, KernelWait, Probe, number};
use super::posted::Posted;
use super::world::{Parked, World};
use crate::trace::Answer;

/// Written when the recording is over, and read by nobody but who was on its way.
const HOME: u64 = u64::MAX;

/// How threads wait for a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// The backend `select`: `pselect6`.
    Select,
    /// The backend `poll`: `ppoll`.
    Poll,
    /// The backend `pipe`: `read`.
    Read,
}

impl Waiting {
    fn name(self) -> &'static str {
        match self {
            Waiting::Select => "select",
            Waiting::Poll => "poll",
            Waiting::Read => "pipe",
        }
    }

    fn call(self) -> Call {
        match self {
            Waiting::Select => Call::Pselect,
            Waiting::Poll => Call::Ppoll,
            Waiting::Read => Call::Read,
        }
    }
}

impl Backend for Waiting {
    fn name(&self) -> &'static str {
        (*self).name()
    }

    fn system(&self) -> &'static str {
        match self {
            Waiting::Select | Waiting::Poll => "select",
            Waiting::Read => "pipe",
        }
    }

    fn available(&self) -> Result<(), String> {
        if number(self.call()).is_none() {
            return Err(format!(
                "the numbers of its system calls are not known for {}",
                std::env::consts::ARCH
            ));
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
                Err("a pipe has no name".into())
            }
            _ if op.is_alertable() => Err("Linux has no alertable waits".into()),
            Op::Get { min: Some(_), .. } => {
                Err("a read takes what is there, and waits for no more".into())
            }
            Op::Get {
                timeout: Timeout::Ticks(1..),
                ..
            } if *self == Waiting::Read => Err("a read has no time limit".into()),
            _ if op.is_portable() => Ok(()),
            _ => Err("a pipe has no such operation".into()),
        }
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        Ok(Some(Arc::new(PipeWorld::new(*self, program, tick)?)))
    }

    fn open(&self, program: &Program, tick: Duration) -> Result<Box<dyn Threads>, Failure> {
        let world = PipeWorld::new(*self, program, tick)?;
        let threads = LocalThreads::new(Arc::new(world), program.threads.len())?;
        Ok(Box::new(threads))
    }
}

struct PipeWorld {
    waiting: Waiting,
    tick: Duration,
    packets: Vec<Packet>,
    /// The open ports, reading and writing end; dropped before the numbers under which they are open.
    ports: Mutex<Vec<Option<[OwnedFd; 2]>>>,
    numbers: Numbers,
    /// Both ends of every port that was ever open, closed ones included.
    kept: Mutex<Vec<Option<[OwnedFd; 2]>>>,
    /// The first argument of the call with which each thread watches; 0 outside of one.
    watched: Vec<AtomicU64>,
    posted: Posted,
    objects: Objects<EventBell>,
    over: AtomicBool,
    disturbed: AtomicBool,
}

/// Where the numbers of a port's two ends stand.
fn ends(port: PortId) -> [usize; 2] {
    [2 * port.index(), 2 * port.index() + 1]
}

impl PipeWorld {
    fn new(waiting: Waiting, program: &Program, tick: Duration) -> Result<PipeWorld, Failure> {
        let name = waiting.name();
        let numbers = Numbers::reserve(2 * program.ports.len())
            .map_err(|error| Failure::new(name, "reserve descriptors", error))?;
        let world = PipeWorld {
            waiting,
            tick,
            packets: program.packets.clone(),
            ports: Mutex::new(program.ports.iter().map(|_| None).collect()),
            numbers,
            kept: Mutex::new(program.ports.iter().map(|_| None).collect()),
            watched: program.threads.iter().map(|_| AtomicU64::new(0)).collect(),
            posted: Posted::default(),
            objects: Objects::new(program, tick, errno, || EventBell::new(name))?,
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
        if lock(&self.ports)[port.index()].is_some() {
            return Ok(failed(Error::Exists));
        }
        let flags = match self.waiting {
            Waiting::Read => PipeFlags::CLOEXEC,
            Waiting::Select | Waiting::Poll => PipeFlags::CLOEXEC | PipeFlags::NONBLOCK,
        };
        let made = pipe_with(flags);
        let (reads, writes) = made.map_err(|errno| self.failure("pipe2", errno))?;
        let kept = [reads, writes];
        lock(&self.ports)[port.index()] = Some(self.name_ends(port, &kept)?);
        lock(&self.kept)[port.index()] = Some(kept);
        Ok(Answer::Done)
    }

    /// Makes the numbers of a port name the ends of a pipe.
    fn name_ends(&self, port: PortId, pipe: &[OwnedFd; 2]) -> Result<[OwnedFd; 2], Failure> {
        let [reads, writes] = ends(port);
        let open = |n, end| {
            let opened = self.numbers.open(n, end);
            opened.map_err(|error| self.failure("fcntl(F_DUPFD)", error))
        };
        Ok([open(reads, &pipe[0])?, open(writes, &pipe[1])?])
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
        me: ThreadId,
        port: PortId,
        timeout: Timeout,
        max: Option<u8>,
    ) -> Result<Answer, Failure> {
        if self.waiting == Waiting::Read {
            return self.reads(me, port, timeout, max);
        }
        if max == Some(0) {
            return Ok(failed(Error::Invalid));
        }
        let end = match timeout {
            Timeout::Never => None,
            Timeout::Ticks(ticks) => Some(Instant::now() + self.tick * ticks),
        };
        let mut over = timeout == Timeout::Ticks(0);
        loop {
            if self.over.load(Ordering::SeqCst) {
                return Ok(failed(Error::Abandoned));
            }
            match self.take(port, max) {
                Err(Errno::AGAIN) if over => return Ok(failed(Error::Timeout)),
                Err(Errno::AGAIN) => {}
                Err(Errno::BADF) => return Ok(failed(Error::BadHandle)),
                Err(errno) => return Err(self.failure("read from a pipe", errno)),
                Ok(answer) => return Ok(answer),
            }
            let rest = end.map(|end| timespec(end.saturating_duration_since(Instant::now())));
            match self.watch(me, port, rest.as_ref()) {
                Ok(found) => over = !found,
                Err(Errno::INTR) => self.disturbed.store(true, Ordering::SeqCst),
                Err(Errno::BADF) => return Ok(failed(Error::BadHandle)),
                Err(errno) => return Err(self.failure(self.waiting.name(), errno)),
            }
        }
    }

    /// One read, which waits unless the call is a poll.
    fn reads(
        &self,
        me: ThreadId,
        port: PortId,
        timeout: Timeout,
        max: Option<u8>,
    ) -> Result<Answer, Failure> {
        let [reads, _] = ends(port);
        let most = usize::from(max.unwrap_or(1)).min(BATCH_MAX);
        let mut records = [0; 8 * BATCH_MAX];
        let records = &mut records[..8 * most];
        let watched = &self.watched[me.index()];
        let read = loop {
            if self.over.load(Ordering::SeqCst) {
                return Ok(failed(Error::Abandoned));
            }
            let end = self.numbers.get(reads);
            if timeout == Timeout::Ticks(0) {
                // No place: where the last read ended.
                let place = u64::MAX;
                let room = &mut [IoSliceMut::new(records)];
                break preadv2(end, room, place, ReadWriteFlags::NOWAIT);
            }
            watched.store(self.numbers.raw(reads) as u64, Ordering::SeqCst);
            let done = read(end, &mut *records);
            watched.store(0, Ordering::SeqCst);
            match done {
                Err(Errno::INTR) => self.disturbed.store(true, Ordering::SeqCst),
                done => break done,
            }
        };
        let read = match read {
            Ok(0) if most > 0 => return Ok(failed(Error::Abandoned)),
            Ok(read) => read,
            Err(Errno::AGAIN) => return Ok(failed(Error::Timeout)),
            Err(Errno::BADF) => return Ok(failed(Error::BadHandle)),
            Err(errno) => return Err(self.failure("read from a pipe", errno)),
        };
        let (carried, _) = records[..read].as_chunks();
        let packet = |&record| self.posted.take(u64::from_ne_bytes(record));
        let packets: Vec<_> = carried.iter().filter_map(packet).collect();
        Ok(match (max, packets.first()) {
            (None, Some(packet)) => Answer::Packet(*packet),
            _ => Answer::Packets(packets),
        })
    }

    /// Reads records until the pipe is empty or the call has enough; the error of the first read if it fails.
    fn take(&self, port: PortId, max: Option<u8>) -> Result<Answer, Errno> {
        let [reads, _] = ends(port);
        let most = usize::from(max.unwrap_or(1)).min(BATCH_MAX);
        let mut packets = Vec::new();
        while packets.len() < most {
            let mut record = [0; 8];
            match read(self.numbers.get(reads), &mut record) {
                Ok(_) => {
                    let carried = u64::from_ne_bytes(record);
                    // Only the record that brings everybody home carries none.
                    packets.extend(self.posted.take(carried));
                    if packets.is_empty() {
                        return Err(Errno::AGAIN);
                    }
                }
                Err(errno) if packets.is_empty() => return Err(errno),
                Err(_) => break,
            }
        }
        Ok(match max {
            None => Answer::Packet(packets[0]),
            Some(_) => Answer::Packets(packets),
        })
    }

    /// Waits until there is something to read; whether there was.
    fn watch(&self, me: ThreadId, port: PortId, rest: Option<&Timespec>) -> Result<bool, Errno> {
        let [reads, _] = ends(port);
        let watched = &self.watched[me.index()];
        let found = match self.waiting {
            Waiting::Poll => {
                let end = self.numbers.get(reads);
                let mut polled = [PollFd::new(&end, PollFlags::IN)];
                watched.store(polled.as_ptr() as usize as u64, Ordering::SeqCst);
                poll(&mut polled, rest).map(|found| found > 0)
            }
            Waiting::Select => {
                let number = self.numbers.raw(reads);
                let count = number + 1;
                let mut set = vec![FdSetElement::default(); fd_set_num_elements(1, count)];
                fd_set_insert(&mut set, number);
                watched.store(count as u64, Ordering::SeqCst);
                // SAFETY: whether or not the number names anything, it is this run's own, and only watched.
                unsafe { select(count, Some(&mut set), None, None, rest) }.map(|found| found > 0)
            }
            Waiting::Read => unreachable!("who reads does not watch"),
        };
        watched.store(0, Ordering::SeqCst);
        found
    }

    fn post(&self, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        let [_, writes] = ends(port);
        let carried = self.posted.add(self.packets[packet.index()]);
        let written = write(self.numbers.get(writes), &carried.to_ne_bytes());
        if written.is_err() {
            self.posted.take(carried);
        }
        match written {
            Ok(_) => Ok(Answer::Done),
            Err(Errno::BADF) => Ok(failed(Error::BadHandle)),
            Err(errno) => Err(self.failure("write to a pipe", errno)),
        }
    }

    fn failure(&self, call: &str, error: impl Into<std::io::Error>) -> Failure {
        Failure::new(self.waiting.name(), call, error)
    }
}

impl World for PipeWorld {
    fn backend(&self) -> &'static str {
        self.waiting.name()
    }

    fn perform(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        match op {
            Op::Get {
                port, timeout, max, ..
            } => self.get(me, port, timeout, max),
            Op::Post { port, packet, .. } => self.post(port, packet),
            Op::Close { port, .. } => self.close(port),
            Op::Create { port, .. } => self.create(port),
            _ => self.objects.perform(me, op),
        }
    }

    fn parked(&self, thread: ThreadId, op: Op) -> Parked {
        match op {
            Op::Get { .. } => match self.watched[thread.index()].load(Ordering::SeqCst) {
                0 => Parked::No,
                first => Parked::Kernel(KernelWait {
                    call: self.waiting.call(),
                    first,
                }),
            },
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
        if self.waiting == Waiting::Read {
            // The end of the last writer ends every read.
            lock(&self.ports).iter_mut().for_each(|pipe| *pipe = None);
            lock(&self.kept).iter_mut().for_each(|pipe| *pipe = None);
            return Ok(());
        }
        let mut ports = lock(&self.ports);
        for (n, pipe) in lock(&self.kept).iter().enumerate() {
            let Some(pipe) = pipe else { continue };
            if ports[n].is_none() {
                ports[n] = Some(self.name_ends(PortId(n as u8), pipe)?);
            }
            write(&pipe[1], &HOME.to_ne_bytes())
                .map_err(|errno| self.failure("write to a pipe", errno))?;
        }
        Ok(())
    }

    fn disturbed(&self) -> bool {
        self.disturbed.load(Ordering::SeqCst) || self.objects.disturbed()
    }
}

fn failed(error: Error) -> Answer {
    Answer::Failed(errno(error).name.into())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

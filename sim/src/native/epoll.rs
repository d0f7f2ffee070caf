//! Linux: a port is an epoll descriptor on which threads wait.
//!
//! An epoll descriptor has no queue that anybody could post to; it reports that descriptors are ready. So a
//! post makes a fresh source, an eventfd watched edge-triggered and for one event, and then makes it ready.
//! The kernel carries 64 bits for each source, a packet has more: the number that it carries names an entry of
//! a table, and the table has the packet, its `bytes` and `overlapped` included. The kernel alone decides which
//! source is next and which thread is told.
//!
//! - The concurrency value means nothing to the kernel and is ignored.
//! - A port has a descriptor number of its own until the run ends, so that calls on a closed one see EBADF.
//! - Closing a port wakes nobody. A second descriptor of each epoll object is kept aside to bring its waiters
//!   home when the recording is over: a level-triggered source, ready for ever, is added to each. Nothing in
//!   the scenario can observe it: nobody but its waiters can reach an epoll object whose number is closed.

use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::os_error::errno;
use portsim_model::program::{
    BATCH_MAX, Interest, Op, Packet, PacketId, PortId, Program, SourceId, ThreadId, Timeout, Watch,
};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, read, write};

use super::backend::{Backend, Failure, Threads};
use super::bell::{EventBell, timespec};
use super::local_threads::LocalThreads;
use super::numbers::Numbers;
use super::objects::Objects;
use super::parked::{Call, KernelWait, Probe, number};
use super::world::{Parked, World};
use crate::trace::Answer;

const NAME: &str = "epoll";

/// Carried by the source that brings everybody home.
const HOME: u64 = u64::MAX;

/// Carried, with the packet's id, by a source that the program watches; posted packets count from 0.
const WATCHED: u64 = 1 << 63;

/// The backend `epoll`.
pub struct Epoll;

impl Backend for Epoll {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), String> {
        if number(Call::EpollPwait).is_none() {
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
            Op::Get { min: Some(_), .. } => {
                Err("epoll_wait takes what is there, and waits for no more".into())
            }
            Op::Suspend { .. } | Op::Resume { .. } => Err(
                "Linux has no call that suspends a thread without disturbing the order of waiters"
                    .into(),
            ),
            Op::Post { packet, .. } if program.packets[packet.index()].status != 0 => {
                Err("a source becomes ready, it cannot fail: no packet carries a status".into())
            }
            Op::Post { may_fail: true, .. } => Err("nobody can make memory scarce here".into()),
            Op::Post {
                reserve: Some(_), ..
            } => Err("Linux has no reserve objects".into()),
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("an epoll descriptor has no name".into())
            }
            _ if op.is_alertable() => Err("Linux has no alertable waits".into()),
            Op::EpollCtl { .. } | Op::Write { .. } | Op::Drain { .. } => Ok(()),
            _ if op.is_portable() => Ok(()),
            _ => Err("epoll has no such operation".into()),
        }
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        Ok(Some(Arc::new(EpollWorld::new(program, tick)?)))
    }

    fn open(&self, program: &Program, tick: Duration) -> Result<Box<dyn Threads>, Failure> {
        let world = Arc::new(EpollWorld::new(program, tick)?);
        Ok(Box::new(LocalThreads::new(world, program.threads.len())?))
    }
}

struct EpollWorld {
    tick: Duration,
    packets: Vec<Packet>,
    /// The open ports; dropped before the numbers under which they are open.
    ports: Mutex<Vec<Option<OwnedFd>>>,
    numbers: Numbers,
    /// Another descriptor of every epoll object of the run, closed ones included.
    kept: Mutex<Vec<OwnedFd>>,
    posted: Mutex<Posted>,
    sources: Vec<OwnedFd>,
    home: OwnedFd,
    objects: Objects<EventBell>,
    over: AtomicBool,
    disturbed: AtomicBool,
}

/// Packets that were posted and not delivered, with the sources that carry them.
#[derive(Default)]
struct Posted {
    count: u64,
    packets: BTreeMap<u64, (Packet, Arc<OwnedFd>)>,
}

impl EpollWorld {
    fn new(program: &Program, tick: Duration) -> Result<EpollWorld, Failure> {
        let numbers = Numbers::reserve(program.ports.len())
            .map_err(|error| Failure::new(NAME, "reserve descriptors", error))?;
        let source = |readable: bool| source(u32::from(readable));
        let world = EpollWorld {
            tick,
            packets: program.packets.clone(),
            ports: Mutex::new(program.ports.iter().map(|_| None).collect()),
            numbers,
            kept: Mutex::default(),
            posted: Mutex::default(),
            sources: program
                .sources
                .iter()
                .map(|declared| source(declared.readable))
                .collect::<Result<_, _>>()?,
            home: source(true)?,
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
        let kept =
            epoll::create(CreateFlags::CLOEXEC).map_err(|errno| failure("epoll_create1", errno))?;
        let opened = self.numbers.open(port.index(), &kept);
        ports[port.index()] = Some(opened.map_err(|error| failure("fcntl(F_DUPFD)", error))?);
        lock(&self.kept).push(kept);
        Ok(Answer::Done)
    }

    fn close(&self, port: PortId) -> Result<Answer, Failure> {
        match lock(&self.ports)[port.index()].take() {
            // Its drop is the close.
            Some(_) => Ok(Answer::Done),
            None => Ok(failed(Error::BadHandle)),
        }
    }

    fn get(&self, port: PortId, timeout: Timeout, max: Option<u8>) -> Result<Answer, Failure> {
        let end = match timeout {
            Timeout::Never => None,
            Timeout::Ticks(ticks) => Some(Instant::now() + self.tick * ticks),
        };
        let mut room = [MaybeUninit::<Event>::uninit(); BATCH_MAX];
        let room = &mut room[..usize::from(max.unwrap_or(1)).min(BATCH_MAX)];
        loop {
            let rest = end.map(|end| timespec(end.saturating_duration_since(Instant::now())));
            match epoll::wait(self.numbers.get(port.index()), &mut *room, rest.as_ref()) {
                Ok((events, _)) => return Ok(self.taken(events, max)),
                Err(Errno::INTR) => self.disturbed.store(true, Ordering::SeqCst),
                Err(errno) => return answer_of("epoll_pwait", Err(errno)),
            }
            if self.over.load(Ordering::SeqCst) {
                return Ok(failed(Error::Abandoned));
            }
        }
    }

    /// What the kernel delivered, by value.
    fn taken(&self, events: &[Event], max: Option<u8>) -> Answer {
        if events.is_empty() {
            return failed(Error::Timeout);
        }
        let mut packets: Vec<_> = events
            .iter()
            .filter_map(|event| self.packet(event))
            .collect();
        match (max, packets.pop()) {
            (_, None) => failed(Error::Abandoned),
            (None, Some(packet)) => Answer::Packet(packet),
            (Some(_), Some(last)) => {
                packets.push(last);
                Answer::Packets(packets)
            }
        }
    }

    fn packet(&self, event: &Event) -> Option<Packet> {
        match event.data.u64() {
            HOME => None,
            data if data & WATCHED != 0 => Some(self.packets[(data & 0xff) as usize]),
            data => {
                let posted = lock(&self.posted).packets.remove(&data);
                // Its source is closed with this, unless the poster still holds it.
                let (packet, _) = posted.expect("a packet is delivered once");
                Some(packet)
            }
        }
    }

    fn post(&self, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        let source = Arc::new(source(0)?);
        let data = {
            let mut posted = lock(&self.posted);
            let data = posted.count;
            posted.count += 1;
            let packet = self.packets[packet.index()];
            posted.packets.insert(data, (packet, source.clone()));
            data
        };
        let how = EventFlags::IN | EventFlags::ET | EventFlags::ONESHOT;
        let port = self.numbers.get(port.index());
        if let Err(errno) = epoll::add(port, &*source, EventData::new_u64(data), how) {
            lock(&self.posted).packets.remove(&data);
            return answer_of("epoll_ctl", Err(errno));
        }
        raise(&source)
    }

    fn watch(&self, port: PortId, source: SourceId, change: Watch) -> Result<Answer, Failure> {
        let port = self.numbers.get(port.index());
        let source = &self.sources[source.index()];
        let changed = match change {
            Watch::Add(interest) => epoll::add(port, source, data(interest), flags(interest)),
            Watch::Mod(interest) => epoll::modify(port, source, data(interest), flags(interest)),
            Watch::Del => epoll::delete(port, source),
        };
        answer_of("epoll_ctl", changed)
    }

    fn drain(&self, source: SourceId) -> Result<Answer, Failure> {
        let mut count = [0; 8];
        loop {
            match read(&self.sources[source.index()], &mut count) {
                Ok(_) => {}
                Err(Errno::AGAIN) => return Ok(Answer::Done),
                Err(errno) => return Err(failure("read from an eventfd", errno)),
            }
        }
    }
}

impl World for EpollWorld {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn perform(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        match op {
            Op::Get {
                port, timeout, max, ..
            } => self.get(port, timeout, max),
            Op::Post { port, packet, .. } => self.post(port, packet),
            Op::Close { port, .. } => self.close(port),
            Op::Create { port, .. } => self.create(port),
            Op::EpollCtl {
                port,
                source,
                change,
                ..
            } => self.watch(port, source, change),
            Op::Write { source } => raise(&self.sources[source.index()]),
            Op::Drain { source } => self.drain(source),
            _ => self.objects.perform(me, op),
        }
    }

    fn parked(&self, thread: ThreadId, op: Op) -> Parked {
        match op {
            Op::Get { port, .. } => Parked::Kernel(KernelWait {
                call: Call::EpollPwait,
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
        for kept in lock(&self.kept).iter() {
            epoll::add(kept, &self.home, EventData::new_u64(HOME), EventFlags::IN)
                .map_err(|errno| failure("epoll_ctl", errno))?;
        }
        Ok(())
    }

    fn disturbed(&self) -> bool {
        self.disturbed.load(Ordering::SeqCst) || self.objects.disturbed()
    }
}

fn data(interest: Interest) -> EventData {
    EventData::new_u64(WATCHED | interest.packet.index() as u64)
}

fn flags(interest: Interest) -> EventFlags {
    let mut flags = EventFlags::IN;
    flags.set(EventFlags::ET, interest.edge);
    flags.set(EventFlags::ONESHOT, interest.oneshot);
    flags.set(EventFlags::EXCLUSIVE, interest.exclusive);
    flags
}

fn source(count: u32) -> Result<OwnedFd, Failure> {
    eventfd(count, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
        .map_err(|errno| failure("eventfd", errno))
}

/// Makes a source ready.
fn raise(source: &OwnedFd) -> Result<Answer, Failure> {
    match write(source, &1_u64.to_ne_bytes()) {
        Ok(_) => Ok(Answer::Done),
        Err(errno) => Err(failure("write to an eventfd", errno)),
    }
}

/// What a call says about its arguments is an answer; all else it says is about this machine.
fn answer_of(call: &str, result: Result<(), Errno>) -> Result<Answer, Failure> {
    let name = match result {
        Ok(()) => return Ok(Answer::Done),
        Err(Errno::BADF) => "EBADF",
        Err(Errno::INVAL) => "EINVAL",
        Err(Errno::EXIST) => "EEXIST",
        Err(Errno::NOENT) => "ENOENT",
        Err(errno) => return Err(failure(call, errno)),
    };
    Ok(Answer::Failed(name.into()))
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

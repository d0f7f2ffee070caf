//! FreeBSD and macOS: a port is a kqueue with user events. Never run, only compiled: see the manual of backends.
//!
//! A post adds a fresh user event, one-shot and triggered. The kernel carries a pointer for each event, a packet
//! has more: the number that it carries names an entry of a table. A source is the number of a user event.
//!
//! - The concurrency value means nothing to the kernel and is ignored.
//! - A port has a descriptor number of its own until the run ends, so that calls on a closed one see EBADF.
//! - A second descriptor of each kqueue is kept aside. When the recording is over it triggers an event that stays
//!   active, which brings every waiter home.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::os_error::{OsError, freebsd, macos};
use portsim_model::program::{
    BATCH_MAX, Knote, Op, Packet, PacketId, PortId, Program, SourceId, ThreadId, Timeout,
};

use super::backend::{Backend, Failure, Threads};
use super::local_threads::LocalThreads;
use super::numbers::Numbers;
use super::objects::Objects;
use super::parked::{Call, KernelWait, Probe};
use super::pipe_bell::PipeBell;
use super::world::{Parked, World};
use crate::trace::Answer;

const NAME: &str = "kqueue";

/// Carried by the event that brings everybody home.
const HOME: usize = usize::MAX;
/// Carried, with the packet's id, by an event that the program names; posted packets count from 0.
const NAMED: usize = 1 << 62;
/// The number of the first event that a post adds.
const POSTED: usize = 1 << 32;

/// The backend `kqueue`.
pub struct Kqueue;

impl Backend for Kqueue {
    fn name(&self) -> &'static str {
        NAME
    }

    fn system(&self) -> &str {
        if cfg!(target_os = "macos") {
            "kqueue-macos"
        } else {
            "kqueue"
        }
    }

    fn available(&self) -> Result<(), String> {
        let probe = Probe::of_this_thread();
        probe
            .map(drop)
            .map_err(|error| format!("the system does not show what a thread waits for: {error}"))
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), String> {
        match op {
            _ if op.is_alertable() => Err("kqueue has no alertable waits".into()),
            Op::Get { min: Some(_), .. } => Err("kevent waits for no more than one event".into()),
            Op::Post { packet, .. } if program.packets[packet.index()].status != 0 => {
                Err("a user event cannot fail: no packet carries a status".into())
            }
            Op::Post { may_fail: true, .. } => Err("nobody can make memory scarce here".into()),
            Op::Post {
                reserve: Some(_), ..
            } => Err("kqueue has no reserve objects".into()),
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("a kqueue has no name".into())
            }
            Op::Kevent { .. } => Ok(()),
            _ if op.is_portable() => Ok(()),
            _ => Err("kqueue has no such operation".into()),
        }
    }

    fn open(&self, program: &Program, tick: Duration) -> Result<Box<dyn Threads>, Failure> {
        let world = Queues::new(program, tick)?;
        let threads = LocalThreads::new(Arc::new(world), program.threads.len())?;
        Ok(Box::new(threads))
    }
}

struct Queues {
    tick: Duration,
    packets: Vec<Packet>,
    /// The open ports; dropped before the numbers under which they are open.
    ports: Mutex<Vec<Option<OwnedFd>>>,
    numbers: Numbers,
    /// Another descriptor of every kqueue of the run, closed ones included.
    kept: Mutex<Vec<OwnedFd>>,
    posted: Mutex<Posted>,
    objects: Objects<PipeBell>,
    over: AtomicBool,
    disturbed: AtomicBool,
}

/// Packets that were posted and not delivered.
#[derive(Default)]
struct Posted {
    count: usize,
    packets: BTreeMap<usize, Packet>,
}

impl Queues {
    fn new(program: &Program, tick: Duration) -> Result<Queues, Failure> {
        let numbers = Numbers::reserve(program.ports.len())
            .map_err(|error| Failure::new(NAME, "reserve descriptors", error))?;
        let queues = Queues {
            tick,
            packets: program.packets.clone(),
            ports: Mutex::new(program.ports.iter().map(|_| None).collect()),
            numbers,
            kept: Mutex::default(),
            posted: Mutex::default(),
            objects: Objects::new(program, tick, os_error, || PipeBell::new(NAME))?,
            over: AtomicBool::new(false),
            disturbed: AtomicBool::new(false),
        };
        for port in program.port_ids() {
            if program.ports[port.index()].open {
                queues.create(port)?;
            }
        }
        Ok(queues)
    }

    fn create(&self, port: PortId) -> Result<Answer, Failure> {
        let mut ports = lock(&self.ports);
        if ports[port.index()].is_some() {
            return Ok(failed(Error::Exists));
        }
        // SAFETY: it takes nothing and gives a descriptor or -1.
        let made = unsafe { libc::kqueue() };
        if made < 0 {
            return Err(failure("kqueue", io::Error::last_os_error()));
        }
        // SAFETY: the descriptor is new, and nobody else has it.
        let kept = unsafe { OwnedFd::from_raw_fd(made) };
        let opened = self.numbers.open(port.index(), &kept);
        ports[port.index()] = Some(opened.map_err(|error| failure("fcntl(F_DUPFD)", error))?);
        lock(&self.kept).push(kept);
        Ok(Answer::Done)
    }

    fn close(&self, port: PortId) -> Result<Answer, Failure> {
        let closed = lock(&self.ports)[port.index()].take();
        Ok(match closed {
            Some(port) => {
                drop(port);
                Answer::Done
            }
            None => failed(Error::BadHandle),
        })
    }

    fn get(&self, port: PortId, timeout: Timeout, max: Option<u8>) -> Result<Answer, Failure> {
        let end = match timeout {
            Timeout::Never => None,
            Timeout::Ticks(ticks) => Some(Instant::now() + self.tick * ticks),
        };
        let room = usize::from(max.unwrap_or(1)).min(BATCH_MAX);
        loop {
            let rest = end.map(|end| end.saturating_duration_since(Instant::now()));
            let taken = kevent(self.numbers.raw(port.index()), &[], room, rest);
            if self.over.load(Ordering::SeqCst) {
                return Ok(failed(Error::Abandoned));
            }
            match taken {
                Ok(events) => return Ok(self.taken(&events, max)),
                // On macOS the end of a kqueue says the same as a signal; only one of them leaves it open.
                Err(error)
                    if error.raw_os_error() == Some(libc::EINTR)
                        && lock(&self.ports)[port.index()].is_some() =>
                {
                    self.disturbed.store(true, Ordering::SeqCst);
                }
                Err(error) => return name_of("kevent", error).map(Answer::Failed),
            }
        }
    }

    /// What the kernel delivered, by value.
    fn taken(&self, events: &[libc::kevent], max: Option<u8>) -> Answer {
        let packets: Vec<_> = events.iter().map(|event| self.packet(event)).collect();
        match (packets.first(), max) {
            (None, Some(0)) => Answer::Packets(Vec::new()),
            (None, _) => failed(Error::Timeout),
            (Some(&packet), None) => Answer::Packet(packet),
            (Some(_), Some(_)) => Answer::Packets(packets),
        }
    }

    fn packet(&self, event: &libc::kevent) -> Packet {
        match event.udata.addr() {
            HOME => Packet::default(),
            data if data & NAMED != 0 => self.packets[data & 0xff],
            data => {
                let packet = lock(&self.posted).packets.remove(&data);
                packet.expect("a packet is delivered once")
            }
        }
    }

    fn post(&self, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        let data = {
            let mut posted = lock(&self.posted);
            let data = posted.count;
            posted.count += 1;
            posted.packets.insert(data, self.packets[packet.index()]);
            data
        };
        let flags = libc::EV_ADD | libc::EV_ONESHOT;
        let change = change(POSTED + data, flags, libc::NOTE_TRIGGER, data);
        let answer = self.changes(port, change);
        if !matches!(answer, Ok(Answer::Done)) {
            lock(&self.posted).packets.remove(&data);
        }
        answer
    }

    fn kevent(&self, port: PortId, source: SourceId, it: Knote) -> Result<Answer, Failure> {
        let flags = [
            (it.add, libc::EV_ADD),
            (it.delete, libc::EV_DELETE),
            (it.enable, libc::EV_ENABLE),
            (it.disable, libc::EV_DISABLE),
            (it.oneshot, libc::EV_ONESHOT),
            (it.clear, libc::EV_CLEAR),
            (it.dispatch, libc::EV_DISPATCH),
        ];
        let set = flags.iter().filter(|(is_set, _)| *is_set);
        let flags = set.fold(0, |flags, (_, flag)| flags | flag);
        let trigger = if it.trigger { libc::NOTE_TRIGGER } else { 0 };
        let data = NAMED | it.packet.index();
        self.changes(port, change(source.index(), flags, trigger, data))
    }

    fn changes(&self, port: PortId, change: libc::kevent) -> Result<Answer, Failure> {
        match kevent(self.numbers.raw(port.index()), &[change], 0, None) {
            Ok(_) => Ok(Answer::Done),
            Err(error) => name_of("kevent", error).map(Answer::Failed),
        }
    }
}

impl World for Queues {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn perform(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        match op {
            Op::Get {
                port, timeout, max, ..
            } => self.get(port, timeout, max),
            Op::Post { port, packet, .. } => self.post(port, packet),
            Op::Kevent {
                port,
                source,
                change,
                ..
            } => self.kevent(port, source, change),
            Op::Close { port, .. } => self.close(port),
            Op::Create { port, .. } => self.create(port),
            _ => self.objects.perform(me, op),
        }
    }

    fn parked(&self, thread: ThreadId, op: Op) -> Parked {
        match op {
            Op::Get { port, .. } => Parked::Kernel(KernelWait {
                call: Call::Kevent,
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
            let home = change(HOME, libc::EV_ADD, libc::NOTE_TRIGGER, HOME);
            kevent(kept.as_raw_fd(), &[home], 0, None).map_err(|error| failure("kevent", error))?;
        }
        Ok(())
    }

    fn disturbed(&self) -> bool {
        self.disturbed.load(Ordering::SeqCst) || self.objects.disturbed()
    }
}

/// A change of a user event.
fn change(ident: usize, flags: u16, fflags: u32, data: usize) -> libc::kevent {
    // SAFETY: numbers and a pointer, for which zeros are a value.
    let mut change: libc::kevent = unsafe { zeroed() };
    change.ident = ident;
    change.filter = libc::EVFILT_USER;
    change.flags = flags;
    change.fflags = fflags;
    change.udata = ptr::without_provenance_mut::<c_void>(data);
    change
}

/// One call of kevent with room for so many events.
fn kevent(
    queue: RawFd,
    changes: &[libc::kevent],
    room: usize,
    rest: Option<Duration>,
) -> io::Result<Vec<libc::kevent>> {
    let rest = rest.map(|rest| libc::timespec {
        tv_sec: rest.as_secs() as libc::time_t,
        tv_nsec: rest.subsec_nanos().into(),
    });
    let mut events: Vec<libc::kevent> = Vec::with_capacity(room);
    // SAFETY: the lists are as long as is said, and the time is none or lives on this stack.
    let count = unsafe {
        libc::kevent(
            queue,
            changes.as_ptr(),
            changes.len() as c_int,
            events.as_mut_ptr(),
            room as c_int,
            rest.as_ref().map_or(ptr::null(), ptr::from_ref),
        )
    };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel has written so many events.
    unsafe { events.set_len(count) };
    Ok(events)
}

/// What a call says about its arguments is an answer; all else it says is about this machine.
fn name_of(call: &str, error: io::Error) -> Result<String, Failure> {
    let name = match error.raw_os_error() {
        Some(libc::EBADF) => "EBADF",
        Some(libc::EINVAL) => "EINVAL",
        Some(libc::ENOENT) => "ENOENT",
        Some(libc::EINTR) => "EINTR",
        _ => return Err(failure(call, error)),
    };
    Ok(name.to_owned())
}

fn os_error(error: Error) -> OsError {
    if cfg!(target_os = "macos") {
        macos(error)
    } else {
        freebsd(error)
    }
}

fn failed(error: Error) -> Answer {
    Answer::Failed(os_error(error).name.into())
}

fn failure(call: &str, error: impl Into<io::Error>) -> Failure {
    Failure::new(NAME, call, error)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

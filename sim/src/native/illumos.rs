//! illumos: a port is an event port. Never run, only compiled: see the manual of backends.
//!
//! An event carries the user pointer and 32 bits: a packet's key and its bytes. A source is a pipe; its read end
//! is what is associated.
//!
//! - The concurrency value means nothing to the kernel and is ignored.
//! - A port has a descriptor number of its own until the run ends, so that calls on a closed one see EBADF.
//! - A second descriptor of each port is kept aside. When the recording is over it sets the alert mode, which
//!   brings every waiter home.

use std::ffi::{c_int, c_uint, c_void};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::os_error::illumos;
use portsim_model::program::{
    Alert, BATCH_MAX, Get, Op, Packet, PacketId, PortId, Program, SourceId, ThreadId, Timeout,
};
use rustix::io::{Errno, ioctl_fionbio, read, write};
use rustix::pipe::pipe;

use super::backend::{Backend, Failure, Threads};
use super::local_threads::LocalThreads;
use super::numbers::Numbers;
use super::objects::Objects;
use super::parked::{Call, KernelWait, Probe};
use super::pipe_bell::PipeBell;
use super::world::{Parked, World};
use crate::trace::Answer;

const NAME: &str = "illumos";

/// What an alert carries that brings everybody home.
const HOME: c_int = c_int::MIN;

/// The backend `illumos`.
pub struct Illumos;

impl Backend for Illumos {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), String> {
        let probe = Probe::of_this_thread();
        probe
            .map(drop)
            .map_err(|error| format!("/proc does not show what a thread waits for: {error}"))
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), String> {
        let limited = |port: PortId| program.ports[port.index()].events_max.is_some();
        let contents = |packet: PacketId| fits(program.packets[packet.index()]);
        match op {
            _ if op.is_alertable() => Err("illumos has no alertable waits".into()),
            Op::Post { may_fail: true, .. } => Err("nobody can make memory scarce here".into()),
            Op::Post {
                reserve: Some(_), ..
            } => Err("illumos has no reserve objects".into()),
            Op::Post { port, .. } | Op::PortAssociate { port, .. } if limited(port) => {
                Err("the limit of events is a resource control, which is not set here".into())
            }
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("an event port has no name".into())
            }
            Op::PortDissociate { .. } if program.threads.iter().any(|it| it.process.0 != 0) => {
                Err("there is one process here".into())
            }
            Op::Post { packet, .. } | Op::PortSendn { packet, .. } => contents(packet),
            Op::PortAlert {
                alert: Alert::Set(event) | Alert::Update(event),
                ..
            } => contents(event),
            Op::Query { .. }
            | Op::Write { .. }
            | Op::Drain { .. }
            | Op::PortAlert { .. }
            | Op::PortAssociate { .. }
            | Op::PortDissociate { .. } => Ok(()),
            _ if op.is_portable() => Ok(()),
            _ => Err("event ports have no such operation".into()),
        }
    }

    fn open(&self, program: &Program, tick: Duration) -> Result<Box<dyn Threads>, Failure> {
        let world = Ports::new(program, tick)?;
        let threads = LocalThreads::new(Arc::new(world), program.threads.len())?;
        Ok(Box::new(threads))
    }
}

/// Whether an event can carry a packet.
fn fits(packet: Packet) -> Result<(), String> {
    let plain = packet.overlapped == 0 && packet.status == 0;
    match plain && i32::try_from(packet.bytes).is_ok() {
        true => Ok(()),
        false => Err("an event carries a user pointer and a number of 32 bits, no more".into()),
    }
}

struct Ports {
    tick: Duration,
    packets: Vec<Packet>,
    lists: Vec<Vec<PortId>>,
    /// The open ports; dropped before the numbers under which they are open.
    ports: Mutex<Vec<Option<OwnedFd>>>,
    numbers: Numbers,
    /// Another descriptor of every port of the run, closed ones included.
    kept: Mutex<Vec<OwnedFd>>,
    /// Read end and write end of each source.
    sources: Vec<(OwnedFd, OwnedFd)>,
    objects: Objects<PipeBell>,
    over: AtomicBool,
    disturbed: AtomicBool,
}

impl Ports {
    fn new(program: &Program, tick: Duration) -> Result<Ports, Failure> {
        let numbers = Numbers::reserve(program.ports.len())
            .map_err(|error| Failure::new(NAME, "reserve descriptors", error))?;
        let ports = Ports {
            tick,
            packets: program.packets.clone(),
            lists: program.port_lists.clone(),
            ports: Mutex::new(program.ports.iter().map(|_| None).collect()),
            numbers,
            kept: Mutex::default(),
            sources: program
                .sources
                .iter()
                .map(|declared| source(declared.readable))
                .collect::<Result<_, _>>()?,
            objects: Objects::new(program, tick, illumos, || PipeBell::new(NAME))?,
            over: AtomicBool::new(false),
            disturbed: AtomicBool::new(false),
        };
        for port in program.port_ids() {
            if program.ports[port.index()].open {
                ports.create(port)?;
            }
        }
        Ok(ports)
    }

    fn create(&self, port: PortId) -> Result<Answer, Failure> {
        let mut ports = lock(&self.ports);
        if ports[port.index()].is_some() {
            return Ok(failed(Error::Exists));
        }
        // SAFETY: it takes nothing and gives a descriptor or -1.
        let made = unsafe { libc::port_create() };
        if made < 0 {
            return Err(failure("port_create", io::Error::last_os_error()));
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
        // Its drop is the close, which waits for the calls that it ends: outside of the lock.
        Ok(match closed {
            Some(port) => {
                drop(port);
                Answer::Done
            }
            None => failed(Error::BadHandle),
        })
    }

    fn get(&self, get: Get) -> Result<Answer, Failure> {
        let end = match get.timeout {
            Timeout::Never => None,
            Timeout::Ticks(ticks) => Some(Instant::now() + self.tick * ticks),
        };
        loop {
            let answer = self.call(get, end)?;
            if self.over.load(Ordering::SeqCst) {
                return Ok(failed(Error::Abandoned));
            }
            match answer {
                Some(answer) => return Ok(answer),
                None => self.disturbed.store(true, Ordering::SeqCst),
            }
        }
    }

    /// One port_get or port_getn; none if a signal has interrupted it.
    fn call(&self, get: Get, end: Option<Instant>) -> Result<Option<Answer>, Failure> {
        let port = self.numbers.raw(get.port.index());
        let mut rest = end.map(|end| {
            let rest = end.saturating_duration_since(Instant::now());
            libc::timespec {
                tv_sec: rest.as_secs() as libc::time_t,
                tv_nsec: rest.subsec_nanos().into(),
            }
        });
        let rest = rest.as_mut().map_or(ptr::null_mut(), ptr::from_mut);
        // A source of 0 stays where no event is written.
        let mut events = [NOTHING; BATCH_MAX];
        let mut count: c_uint = get.min.unwrap_or(1).into();
        let max = usize::from(get.max.unwrap_or(1)).min(BATCH_MAX) as c_uint;
        let failed = match get.max {
            // SAFETY: there is room for one event, and the time is none or lives on this stack.
            None => unsafe { libc::port_get(port, events.as_mut_ptr(), rest) },
            // SAFETY: there is room for `max` events, and all else lives on this stack.
            Some(_) => unsafe { libc::port_getn(port, events.as_mut_ptr(), max, &mut count, rest) },
        };
        let error = (failed != 0).then(io::Error::last_os_error);
        let written = events.iter().take_while(|event| event.portev_source != 0);
        let packets: Vec<Packet> = written.map(|event| self.packet(event)).collect();
        Ok(match (error, get.max) {
            (None, Some(0)) => Some(Answer::Value(count.min(u8::MAX.into()) as u8)),
            (None, Some(_)) => Some(Answer::Packets(packets)),
            (None, None) => Some(match packets.first() {
                Some(&packet) => Answer::Packet(packet),
                None => Answer::Done,
            }),
            (Some(error), _) if error.raw_os_error() == Some(libc::EINTR) => None,
            (Some(error), Some(_)) if !packets.is_empty() => {
                Some(Answer::Partial(name_of("port_getn", error)?, packets))
            }
            (Some(error), _) => Some(Answer::Failed(name_of("port_get", error)?)),
        })
    }

    /// What an event carries.
    fn packet(&self, event: &libc::port_event) -> Packet {
        let is_source = c_int::from(event.portev_source) == libc::PORT_SOURCE_FD;
        Packet {
            key: event.portev_user.addr() as i64,
            bytes: if is_source {
                0
            } else {
                event.portev_events.into()
            },
            ..Packet::default()
        }
    }

    /// The events and the user pointer of a packet.
    fn carried(&self, packet: PacketId) -> (c_int, *mut c_void) {
        let packet = self.packets[packet.index()];
        (packet.bytes as c_int, user(packet.key))
    }

    fn send(&self, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        let (events, user) = self.carried(packet);
        // SAFETY: the kernel keeps the pointer as a number.
        let sent = unsafe { libc::port_send(self.numbers.raw(port.index()), events, user) };
        answer_of("port_send", sent)
    }

    fn send_to_all(&self, list: u16, packet: PacketId) -> Result<Answer, Failure> {
        let (events, user) = self.carried(packet);
        let ports = &self.lists[usize::from(list)];
        let mut ports: Vec<c_int> = ports
            .iter()
            .map(|port| self.numbers.raw(port.index()))
            .collect();
        let mut errors = vec![0; ports.len()];
        // SAFETY: both lists have as many entries as is said.
        let sent = unsafe {
            libc::port_sendn(
                ports.as_mut_ptr(),
                errors.as_mut_ptr(),
                ports.len() as c_uint,
                events,
                user,
            )
        };
        match u8::try_from(sent) {
            Ok(sent) => Ok(Answer::Value(sent)),
            Err(_) => answer_of("port_sendn", sent),
        }
    }

    fn alert(&self, port: PortId, alert: Alert) -> Result<Answer, Failure> {
        let (flags, (events, user)) = match alert {
            Alert::Set(event) => (libc::PORT_ALERT_SET, self.carried(event)),
            Alert::Update(event) => (libc::PORT_ALERT_UPDATE, self.carried(event)),
            Alert::Clear => (libc::PORT_ALERT_SET, (0, ptr::null_mut())),
        };
        // SAFETY: the kernel keeps the pointer as a number.
        let set = unsafe { libc::port_alert(self.numbers.raw(port.index()), flags, events, user) };
        answer_of("port_alert", set)
    }

    fn associate(
        &self,
        port: PortId,
        source: SourceId,
        packet: PacketId,
    ) -> Result<Answer, Failure> {
        // SAFETY: the descriptor is this run's, and the kernel keeps the pointer as a number.
        let associated = unsafe {
            libc::port_associate(
                self.numbers.raw(port.index()),
                libc::PORT_SOURCE_FD,
                self.object(source),
                libc::POLLIN.into(),
                user(self.packets[packet.index()].key),
            )
        };
        answer_of("port_associate", associated)
    }

    fn dissociate(&self, port: PortId, source: SourceId) -> Result<Answer, Failure> {
        let port = self.numbers.raw(port.index());
        let object = self.object(source);
        // SAFETY: the descriptor is this run's.
        let gone = unsafe { libc::port_dissociate(port, libc::PORT_SOURCE_FD, object) };
        answer_of("port_dissociate", gone)
    }

    fn object(&self, source: SourceId) -> usize {
        self.sources[source.index()].0.as_raw_fd() as usize
    }

    fn drain(&self, source: SourceId) -> Result<Answer, Failure> {
        let mut bytes = [0; 64];
        loop {
            match read(&self.sources[source.index()].0, &mut bytes) {
                Ok(_) => {}
                Err(Errno::AGAIN) => return Ok(Answer::Done),
                Err(errno) => return Err(failure("read from a pipe", errno)),
            }
        }
    }
}

impl World for Ports {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn perform(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        match op {
            Op::Get { .. } => self.get(op.as_get().expect("it is one")),
            Op::Query { port, .. } => self.get(Get {
                port,
                into: None,
                timeout: Timeout::Never,
                max: Some(0),
                min: Some(1),
                alertable: false,
            }),
            Op::Post { port, packet, .. } => self.send(port, packet),
            Op::PortSendn { ports, packet, .. } => self.send_to_all(ports, packet),
            Op::PortAlert { port, alert, .. } => self.alert(port, alert),
            Op::PortAssociate {
                port,
                source,
                packet,
                ..
            } => self.associate(port, source, packet),
            Op::PortDissociate { port, source, .. } => self.dissociate(port, source),
            Op::Write { source } => raise(&self.sources[source.index()].1),
            Op::Drain { source } => self.drain(source),
            Op::Close { port, .. } => self.close(port),
            Op::Create { port, .. } => self.create(port),
            _ => self.objects.perform(me, op),
        }
    }

    fn parked(&self, thread: ThreadId, op: Op) -> Parked {
        match op {
            Op::Get { port, .. } => Parked::Kernel(KernelWait {
                call: Call::PortGet,
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
            let set = libc::PORT_ALERT_SET;
            // SAFETY: the descriptor is open, and there is no user pointer.
            let failed = unsafe { libc::port_alert(kept.as_raw_fd(), set, HOME, ptr::null_mut()) };
            if failed != 0 {
                return Err(failure("port_alert", io::Error::last_os_error()));
            }
        }
        Ok(())
    }

    fn disturbed(&self) -> bool {
        self.disturbed.load(Ordering::SeqCst) || self.objects.disturbed()
    }
}

const NOTHING: libc::port_event = libc::port_event {
    portev_events: 0,
    portev_source: 0,
    portev_pad: 0,
    portev_object: 0,
    portev_user: ptr::null_mut(),
};

/// A key as the pointer that an event carries.
fn user(key: i64) -> *mut c_void {
    ptr::without_provenance_mut(key as usize)
}

fn source(readable: bool) -> Result<(OwnedFd, OwnedFd), Failure> {
    let (from, to) = pipe().map_err(|errno| failure("pipe", errno))?;
    ioctl_fionbio(&from, true).map_err(|errno| failure("ioctl(FIONBIO)", errno))?;
    if readable {
        raise(&to)?;
    }
    Ok((from, to))
}

/// Makes a source ready.
fn raise(to: &OwnedFd) -> Result<Answer, Failure> {
    match write(to, &[1]) {
        Ok(_) => Ok(Answer::Done),
        Err(errno) => Err(failure("write to a pipe", errno)),
    }
}

fn answer_of(call: &str, result: c_int) -> Result<Answer, Failure> {
    match result {
        0 => Ok(Answer::Done),
        _ => name_of(call, io::Error::last_os_error()).map(Answer::Failed),
    }
}

/// What a call says about its arguments is an answer; all else it says is about this machine.
fn name_of(call: &str, error: io::Error) -> Result<String, Failure> {
    let name = match error.raw_os_error() {
        Some(libc::EBADF) => "EBADF",
        Some(libc::EBADFD) => "EBADFD",
        Some(libc::EINVAL) => "EINVAL",
        Some(libc::ENOENT) => "ENOENT",
        Some(libc::EACCES) => "EACCES",
        Some(libc::EAGAIN) => "EAGAIN",
        Some(libc::EBUSY) => "EBUSY",
        Some(libc::ETIME) => "ETIME",
        Some(libc::ENOMEM) => "ENOMEM",
        _ => return Err(failure(call, error)),
    };
    Ok(name.to_owned())
}

fn failed(error: Error) -> Answer {
    Answer::Failed(illumos(error).name.into())
}

fn failure(call: &str, error: impl Into<io::Error>) -> Failure {
    Failure::new(NAME, call, error)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

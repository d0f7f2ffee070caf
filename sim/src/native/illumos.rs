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
use std::sync::Arc;
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::ops_of;
use portsim_model::os_error::illumos;
use portsim_model::program::{
    Alert, BATCH_MAX, Get, Op, Packet, PacketId, PortId, Program, SourceId, ThreadId, Timeout, Verb,
};
use rustix::io::{Errno, ioctl_fionbio, read, write};
use rustix::pipe::pipe;

use super::backend::{Backend, Failure};
use super::can::{Can, OWN_VARIABLES};
use super::descriptors::Descriptors;
use super::parked::{Call, Probe};
use super::pipe_bell::PipeBell;
use super::ports::{Ports, PortsAndObjects, refused_before};
use super::run::{Run, most};
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
        CAN.supports(program, op)?;
        let refused = match op {
            Op::Post { port, packet, .. } => {
                limited(program, port).or_else(|| unfit(program, packet))
            }
            Op::PortAssociate { port, .. } => limited(program, port),
            Op::PortSendn { packet, .. }
            | Op::PortAlert {
                alert: Alert::Set(packet) | Alert::Update(packet),
                ..
            } => unfit(program, packet),
            Op::PortDissociate { .. } => {
                let elsewhere = program.threads.iter().any(|it| it.process.0 != 0);
                elsewhere.then_some("there is one process here")
            }
            Op::PortAlert {
                alert: Alert::Clear,
                ..
            }
            | Op::Get { .. }
            | Op::Close { .. }
            | Op::Create { .. }
            | ops_of!(port_handles, objects, threads, apcs, variables, files)
            | ops_of!(wait_packets, jobs, sources, rings, kqueues) => None,
        };
        refused.map_or(Ok(()), |why| Err(why.into()))
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        let ports = EventPorts::new(program, tick)?;
        let world = PortsAndObjects::new(program, ports, || PipeBell::new(NAME))?;
        Ok(Some(Arc::new(world)))
    }
}

const CAN: Can = Can {
    own: &[
        Verb::Query,
        Verb::Write,
        Verb::Drain,
        Verb::PortSendn,
        Verb::PortAlert,
        Verb::PortAssociate,
        Verb::PortDissociate,
    ],
    lacks: &[],
    lacks_the_rest: "event ports have no such operation",
    alertable: "illumos has no alertable waits",
    minimum: None,
    minimum_wait: Some("no call waits for its minimum for a time of its own"),
    keeps: Some(OWN_VARIABLES),
    status: None,
    reserve: "illumos has no reserve objects",
    named: "an event port has no name",
};

/// Why no event is added to a port whose events are limited.
fn limited(program: &Program, port: PortId) -> Option<&'static str> {
    let limit = program.ports[port.index()].events_max;
    limit.map(|_| "the limit of events is a resource control, which is not set here")
}

/// Why no event can carry a packet, if none can.
fn unfit(program: &Program, packet: PacketId) -> Option<&'static str> {
    let packet = program.packets[packet.index()];
    let plain = packet.overlapped == 0 && packet.status == 0;
    let fits = plain && i32::try_from(packet.bytes).is_ok();
    (!fits).then_some("an event carries a user pointer and a number of 32 bits, no more")
}

struct EventPorts {
    /// Closed ones are kept as well.
    ports: Descriptors<OwnedFd>,
    lists: Vec<Vec<PortId>>,
    /// Read end and write end of each source.
    sources: Vec<(OwnedFd, OwnedFd)>,
}

impl EventPorts {
    fn new(program: &Program, tick: Duration) -> Result<EventPorts, Failure> {
        let declared = program.sources.iter();
        Ok(EventPorts {
            ports: Descriptors::new(Run::new(NAME, illumos, program, tick), program)?,
            lists: program.port_lists.clone(),
            sources: declared
                .map(|declared| source(declared.readable))
                .collect::<Result<_, _>>()?,
        })
    }

    /// One port_get or port_getn; none if a signal has interrupted it.
    fn call(&self, get: Get, end: Option<Instant>) -> Result<Option<Answer>, Failure> {
        let port = self.ports.get(get.port).raw();
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
        let max = most(get) as c_uint;
        let failed = match get.max {
            // SAFETY: there is room for one event. It and the time, if there is one, live until the call is over. The
            // number is one that a call may be made on.
            None => unsafe { libc::port_get(port, events.as_mut_ptr(), rest) },
            // SAFETY: there is room for `max` events, which are no more than a batch. All else is as above.
            Some(_) => unsafe { libc::port_getn(port, events.as_mut_ptr(), max, &mut count, rest) },
        };
        let error = (failed != 0).then(io::Error::last_os_error);
        let written = events.iter().take_while(|event| event.portev_source != 0);
        let packets: Vec<Packet> = written.map(|event| self.packet(event)).collect();
        Ok(match (error, get.max) {
            (None, Some(0)) => Some(Answer::Value(count.min(u8::MAX.into()) as i64)),
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
        let packet = self.run().packet(packet);
        (packet.bytes as c_int, user(packet.key))
    }

    fn send(&self, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        let (events, user) = self.carried(packet);
        let port = self.ports.get(port).raw();
        // SAFETY: the kernel carries the pointer as a number. The port's is one that a call may be made on.
        let sent = unsafe { libc::port_send(port, events, user) };
        answer_of("port_send", sent)
    }

    fn send_to_all(&self, list: u16, packet: PacketId) -> Result<Answer, Failure> {
        let (events, user) = self.carried(packet);
        let ports = &self.lists[usize::from(list)];
        let mut ports: Vec<c_int> = ports
            .iter()
            .map(|&port| self.ports.get(port).raw())
            .collect();
        let mut errors = vec![0; ports.len()];
        // SAFETY: both lists have as many entries as is said, and live until the call is over. The kernel carries the
        // pointer as a number. Those of the ports are such that a call may be made on them.
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
            Ok(sent) => Ok(Answer::Value(sent.into())),
            Err(_) => answer_of("port_sendn", sent),
        }
    }

    fn alert(&self, port: PortId, alert: Alert) -> Result<Answer, Failure> {
        let (flags, (events, user)) = match alert {
            Alert::Set(event) => (libc::PORT_ALERT_SET, self.carried(event)),
            Alert::Update(event) => (libc::PORT_ALERT_UPDATE, self.carried(event)),
            Alert::Clear => (libc::PORT_ALERT_SET, (0, ptr::null_mut())),
        };
        let port = self.ports.get(port).raw();
        // SAFETY: the kernel carries the pointer as a number. The port's is one that a call may be made on.
        let set = unsafe { libc::port_alert(port, flags, events, user) };
        answer_of("port_alert", set)
    }

    fn associate(
        &self,
        port: PortId,
        source: SourceId,
        packet: PacketId,
    ) -> Result<Answer, Failure> {
        // SAFETY: the object is a descriptor, which is open for as long as the run. The kernel carries the pointer as
        // a number. The port's is one that a call may be made on.
        let associated = unsafe {
            libc::port_associate(
                self.ports.get(port).raw(),
                libc::PORT_SOURCE_FD,
                self.object(source),
                libc::POLLIN.into(),
                user(self.run().packet(packet).key),
            )
        };
        answer_of("port_associate", associated)
    }

    fn dissociate(&self, port: PortId, source: SourceId) -> Result<Answer, Failure> {
        let port = self.ports.get(port).raw();
        let object = self.object(source);
        // SAFETY: as in `associate`; no pointer is passed.
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

impl Ports for EventPorts {
    fn run(&self) -> &Run {
        &self.ports.run
    }

    fn create(&self, port: PortId) -> Result<Answer, Failure> {
        self.ports.create(port, || {
            // SAFETY: it takes nothing, and gives a descriptor or -1.
            let made = unsafe { libc::port_create() };
            if made < 0 {
                return Err(failure("port_create", io::Error::last_os_error()));
            }
            // SAFETY: the descriptor is new and open, and nobody else has it.
            Ok([unsafe { OwnedFd::from_raw_fd(made) }])
        })
    }

    fn close(&self, port: PortId) -> Result<Answer, Failure> {
        Ok(self.ports.close(port))
    }

    fn get(&self, _: ThreadId, get: Get) -> Result<Answer, Failure> {
        let end = self.run().end(get.timeout);
        loop {
            let answer = self.call(get, end)?;
            if self.run().is_over() {
                return Ok(self.run().failed(Error::Abandoned));
            }
            match answer {
                Some(answer) => return Ok(answer),
                None => self.run().disturb(),
            }
        }
    }

    fn post(&self, _: ThreadId, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        self.send(port, packet)
    }

    fn own(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        match op {
            Op::Query { port, into } => {
                let get = Get {
                    port,
                    into,
                    timeout: Timeout::Never,
                    max: Some(0),
                    min: Some(1),
                    min_wait: None,
                    alertable: false,
                };
                self.get(me, get)
            }
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
            Op::DuplicatePort { .. } | Op::WaitHandle { .. } => refused_before(op),
            Op::EpollCtl { .. } | Op::CloseSource { .. } => refused_before(op),
            Op::Fill { .. } | Op::MakeRoom { .. } | Op::DuplicateSource { .. } => {
                refused_before(op)
            }
            ops_of!(ports, objects, threads, apcs, variables, files) => refused_before(op),
            ops_of!(wait_packets, jobs, rings, kqueues) => refused_before(op),
        }
    }

    fn parked(&self, _: ThreadId, port: PortId) -> Parked {
        self.ports.parked(port, Call::PortGet)
    }

    fn release(&self) -> Result<(), Failure> {
        for kept in self.ports.kept().iter() {
            let (kept, set) = (kept.ends[0].as_raw_fd(), libc::PORT_ALERT_SET);
            // SAFETY: the descriptor is open while the lock is held, and there is no user pointer.
            let failed = unsafe { libc::port_alert(kept, set, HOME, ptr::null_mut()) };
            if failed != 0 {
                return Err(failure("port_alert", io::Error::last_os_error()));
            }
        }
        Ok(())
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

fn failure(call: &str, error: impl Into<io::Error>) -> Failure {
    Failure::new(NAME, call, error)
}

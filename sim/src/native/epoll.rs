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
//! - Closing a port wakes nobody. To bring its waiters home when the recording is over, each epoll object watches a
//!   level-triggered source from the start that is raised then. Nothing in the scenario can observe it before. No second
//!   descriptor of the object is kept: others that watch it would see that it is still open.
//! - A `wait_handle` is ppoll on the descriptor.
//! - A source is an eventfd, or one end of a connection where a scenario speaks of its other direction or closes it.

mod poll;
mod sources;

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::ops_of;
use portsim_model::os_error::errno;
use portsim_model::program::{
    BATCH_MAX, Direction, Events, Get, Interest, Op, Packet, PacketId, PortId, Program, SourceId,
    ThreadId, Verb, Watch,
};
use rustix::event::epoll::{self, CreateFlags, EventFlags};
use rustix::io::Errno;

use super::backend::{Backend, Failure};
use super::bell::EventBell;
use super::can::Can;
use super::descriptors::Descriptors;
use super::numbers::{Number, gave};
use super::parked::{Call, is_seen};
use super::ports::{Ports, PortsAndObjects, refused_before};
use super::posted::Posted;
use super::run::{Run, most};
use super::world::{Parked, World};
use crate::trace::Answer;
use poll::Polls;
use sources::{Sources, counter, raise};

const NAME: &str = "epoll";

/// Carried by the source that brings everybody home.
const HOME: u64 = u64::MAX;

/// Carried, with the packet's id, by a source that the program watches; posted packets count from 0.
const WATCHED: u64 = 1 << 63;

/// Carried beside it where a report says which events it is of.
const SAYS_EVENTS: u64 = 1 << 62;

/// The backend `epoll`.
pub struct Epoll;

const CAN: Can = Can {
    own: &[
        Verb::EpollCtl,
        Verb::Write,
        Verb::Drain,
        Verb::Fill,
        Verb::MakeRoom,
        Verb::CloseSource,
        Verb::DuplicateSource,
        Verb::WaitHandle,
    ],
    lacks_the_rest: "epoll has no such operation",
    keeps: None,
    minimum: Some("epoll_wait takes what is there, and waits for no more"),
    status: Some("a source becomes ready, it cannot fail: no packet carries a status"),
    named: "an epoll descriptor has no name",
    ..Can::ON_LINUX
};

impl Backend for Epoll {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), String> {
        is_seen(Call::EpollPwait)
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), String> {
        CAN.supports(program, op)
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        let ports = EpollPorts::new(program, tick)?;
        let world = PortsAndObjects::new(program, ports, || EventBell::new(NAME))?;
        Ok(Some(Arc::new(world)))
    }
}

struct EpollPorts {
    /// Closed ones are kept as well.
    ports: Descriptors<OwnedFd>,
    /// With the sources that carry them.
    posted: Posted<(Packet, Arc<OwnedFd>)>,
    sources: Sources,
    /// The ports that sources are.
    inner: Vec<Option<PortId>>,
    polls: Polls,
    /// Raised when everybody is to go home.
    home: OwnedFd,
}

impl EpollPorts {
    fn new(program: &Program, tick: Duration) -> Result<EpollPorts, Failure> {
        Ok(EpollPorts {
            ports: Descriptors::new(Run::new(NAME, errno, program, tick), program)?,
            posted: Posted::default(),
            sources: Sources::new(program)?,
            inner: program.sources.iter().map(|source| source.port).collect(),
            polls: Polls::new(program),
            home: counter(0)?,
        })
    }

    /// What the kernel delivered, by value.
    fn taken(&self, events: &[libc::epoll_event], max: Option<u8>) -> Answer {
        if events.is_empty() {
            return self.run().failed(Error::Timeout);
        }
        let mut packets: Vec<_> = events
            .iter()
            .filter_map(|event| self.packet(event))
            .collect();
        match (max, packets.pop()) {
            (_, None) => self.run().failed(Error::Abandoned),
            (None, Some(packet)) => Answer::Packet(packet),
            (Some(_), Some(last)) => {
                packets.push(last);
                Answer::Packets(packets)
            }
        }
    }

    fn packet(&self, event: &libc::epoll_event) -> Option<Packet> {
        let carried = event.u64;
        match carried {
            HOME => None,
            data if data & WATCHED != 0 => {
                let packet = self.run().packet(PacketId((data & 0xff) as u8));
                let bytes = match data & SAYS_EVENTS {
                    0 => packet.bytes,
                    _ => event.events.into(),
                };
                Some(Packet { bytes, ..packet })
            }
            data => {
                // Its source is closed with this, unless the poster still holds it.
                let (packet, _) = self.posted.take(data).expect("a packet is delivered once");
                Some(packet)
            }
        }
    }

    fn watch(&self, port: PortId, source: SourceId, change: Watch) -> Result<Answer, Failure> {
        let port = self.ports.get(port);
        let source = match self.inner[source.index()] {
            Some(inner) => self.ports.get(inner),
            None => self.sources.get(source),
        };
        let (op, flags, data) = match change {
            Watch::Add(interest) => (libc::EPOLL_CTL_ADD, flags(interest), self.data(interest)),
            Watch::Mod(interest) => (libc::EPOLL_CTL_MOD, flags(interest), self.data(interest)),
            Watch::Del => (libc::EPOLL_CTL_DEL, EventFlags::empty(), 0),
        };
        answer_of("epoll_ctl", control(port, op, source, flags, data))
    }

    fn data(&self, interest: Interest) -> u64 {
        let (packet, all) = match interest.events {
            Events::None => return WATCHED | SAYS_EVENTS,
            Events::In(packet) => (packet, Events::INPUT),
            Events::Out(packet) => (packet, Events::OUTPUT),
            Events::InOut { both, .. } => (both, Events::INPUT | Events::OUTPUT),
        };
        let says_events = match self.run().packet(packet).bytes == all {
            true => SAYS_EVENTS,
            false => 0,
        };
        WATCHED | says_events | packet.index() as u64
    }

    /// What a call on a source says: that it was done, or that no descriptor of it is open.
    fn said(&self, is_open: bool) -> Answer {
        match is_open {
            true => Answer::Done,
            false => self.run().failed(Error::BadHandle),
        }
    }
}

impl Ports for EpollPorts {
    fn run(&self) -> &Run {
        &self.ports.run
    }

    fn create(&self, port: PortId) -> Result<Answer, Failure> {
        self.ports.create(port, || {
            let made = epoll::create(CreateFlags::CLOEXEC);
            let made = made.map_err(|errno| failure("epoll_create1", errno))?;
            let (port, home) = (made.as_fd().into(), self.home.as_fd().into());
            control(port, libc::EPOLL_CTL_ADD, home, EventFlags::IN, HOME)
                .map_err(|errno| failure("epoll_ctl", errno))?;
            Ok([made])
        })
    }

    fn close(&self, port: PortId) -> Result<Answer, Failure> {
        self.ports.forget(port);
        Ok(self.ports.close(port))
    }

    fn get(&self, _: ThreadId, get: Get) -> Result<Answer, Failure> {
        let end = self.run().end(get.timeout);
        let mut room = [UNTOUCHED; BATCH_MAX];
        let room = &mut room[..most(get)];
        loop {
            let rest = end.map(|end| end.saturating_duration_since(Instant::now()));
            match wait(self.ports.get(get.port), room, rest) {
                Ok(0) if room.iter().any(|event| !is_untouched(event)) => {
                    let what = "an event is written where none is reported";
                    return Err(failure("epoll_pwait", io::Error::other(what)));
                }
                Ok(count) => return Ok(self.taken(&room[..count], get.max)),
                Err(Errno::INTR) => self.run().disturb(),
                Err(errno) => return answer_of("epoll_pwait", Err(errno)),
            }
            if self.run().is_over() {
                return Ok(self.run().failed(Error::Abandoned));
            }
        }
    }

    fn post(&self, _: ThreadId, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        let source = Arc::new(counter(0)?);
        let data = self.posted.add((self.run().packet(packet), source.clone()));
        let how = EventFlags::IN | EventFlags::ET | EventFlags::ONESHOT;
        let port = self.ports.get(port);
        let added = control(port, libc::EPOLL_CTL_ADD, source.as_fd().into(), how, data);
        if added.is_err() {
            self.posted.take(data);
            return answer_of("epoll_ctl", added);
        }
        raise(&source)
    }

    fn own(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        match op {
            Op::EpollCtl {
                port,
                source,
                change,
                ..
            } => self.watch(port, source, change),
            Op::WaitHandle { port, timeout, .. } => {
                self.polls
                    .poll(self.run(), me, self.ports.get(port), timeout)
            }
            Op::Write { source } => self.sources.write(source),
            Op::Drain { source } => Ok(self.said(self.sources.drain(source)?)),
            Op::Fill { source } => Ok(self.said(self.sources.fill(source)?)),
            Op::MakeRoom { source } => self.sources.make_room(source),
            Op::CloseSource { source, .. } => Ok(self.said(self.sources.close(source))),
            Op::DuplicateSource { source, .. } => Ok(self.said(self.sources.duplicate(source)?)),
            Op::DuplicatePort { .. } | Op::Query { .. } => refused_before(op),
            ops_of!(ports, objects, threads, apcs, variables)
            | ops_of!(files, wait_packets, jobs, event_ports, rings, kqueues) => refused_before(op),
        }
    }

    fn parked(&self, _: ThreadId, port: PortId) -> Parked {
        self.ports.parked(port, Call::EpollPwait)
    }

    fn parked_at_handle(&self, thread: ThreadId) -> Parked {
        self.polls.parked(thread)
    }

    fn release(&self) -> Result<(), Failure> {
        raise(&self.home).map(drop)
    }
}

/// What no event is: it is still there where the kernel has written nothing.
const UNTOUCHED: libc::epoll_event = libc::epoll_event {
    events: u32::MAX,
    u64: HOME,
};

fn is_untouched(event: &libc::epoll_event) -> bool {
    (event.events, event.u64) == (UNTOUCHED.events, UNTOUCHED.u64)
}

/// epoll_ctl.
fn control(
    port: Number<'_>,
    op: c_int,
    source: Number<'_>,
    flags: EventFlags,
    data: u64,
) -> Result<(), Errno> {
    let mut event = libc::epoll_event {
        events: flags.bits(),
        u64: data,
    };
    // SAFETY: the event lives here until the call is over, and the kernel keeps a copy. Both numbers are such that a call
    // may be made on them.
    gave(unsafe { libc::epoll_ctl(port.raw(), op, source.raw(), &mut event) }).map(drop)
}

/// epoll_pwait, which counts in milliseconds: how many were ready, first in the room.
fn wait(
    port: Number<'_>,
    room: &mut [libc::epoll_event],
    rest: Option<Duration>,
) -> Result<usize, Errno> {
    let millis = |rest: Duration| rest.as_nanos().div_ceil(1_000_000);
    let millis = rest.map_or(-1, |rest| {
        c_int::try_from(millis(rest)).unwrap_or(c_int::MAX)
    });
    let (first, len) = (room.as_mut_ptr(), room.len() as c_int);
    // SAFETY: the kernel writes at most as many events as the room holds, and only before the call is over; there is no
    // mask of signals. The number is one that a call may be made on.
    gave(unsafe { libc::epoll_pwait(port.raw(), first, len, millis, ptr::null()) })
}

fn flags(interest: Interest) -> EventFlags {
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN, interest.events.has(Direction::In));
    flags.set(EventFlags::OUT, interest.events.has(Direction::Out));
    flags.set(EventFlags::ET, interest.edge);
    flags.set(EventFlags::ONESHOT, interest.oneshot);
    flags.set(EventFlags::EXCLUSIVE, interest.exclusive);
    flags
}

/// What a call says about its arguments is an answer; all else it says is about this machine.
fn answer_of(call: &str, result: Result<(), Errno>) -> Result<Answer, Failure> {
    let name = match result {
        Ok(()) => return Ok(Answer::Done),
        Err(Errno::BADF) => "EBADF",
        Err(Errno::INVAL) => "EINVAL",
        Err(Errno::EXIST) => "EEXIST",
        Err(Errno::NOENT) => "ENOENT",
        Err(Errno::LOOP) => "ELOOP",
        Err(errno) => return Err(failure(call, errno)),
    };
    Ok(Answer::Failed(name.into()))
}

fn failure(call: &str, error: impl Into<io::Error>) -> Failure {
    Failure::new(NAME, call, error)
}

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
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::os_error::{OsError, freebsd, macos};
use portsim_model::program::{
    Filter, Get, Knote, Op, Packet, PacketId, PortId, Program, SourceId, ThreadId, Verb,
};

use super::backend::{Backend, Failure};
use super::can::{Can, OWN_VARIABLES};
use super::descriptors::Descriptors;
use super::lock::lock;
use super::numbers::Number;
use super::parked::{Call, Probe};
use super::pipe_bell::PipeBell;
use super::ports::{Ports, PortsAndObjects, refused_before};
use super::posted::Posted;
use super::run::{Run, most};
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
        if let Op::Kevent { change, .. } = op
            && change.filter != Filter::User
        {
            return Err(
                "a source is the number of a user event here, and no descriptor".to_owned(),
            );
        }
        CAN.supports(program, op)
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        let queues = Queues {
            ports: Descriptors::new(Run::new(NAME, os_error, program, tick), program)?,
            posted: Posted::default(),
            carried: Mutex::default(),
        };
        let world = PortsAndObjects::new(program, queues, || PipeBell::new(NAME))?;
        Ok(Some(Arc::new(world)))
    }
}

const CAN: Can = Can {
    own: &[Verb::Kevent],
    lacks: &[],
    lacks_the_rest: "kqueue has no such operation",
    alertable: "kqueue has no alertable waits",
    minimum: Some("kevent waits for no more than one event"),
    minimum_wait: Some("no call waits for its minimum for a time of its own"),
    keeps: Some(OWN_VARIABLES),
    status: Some("a user event cannot fail: no packet carries a status"),
    reserve: "kqueue has no reserve objects",
    named: "a kqueue has no name",
};

struct Queues {
    /// Closed ones are kept as well.
    ports: Descriptors<OwnedFd>,
    posted: Posted,
    /// What each event carries: the kernel takes it from every change anew.
    carried: Mutex<BTreeMap<(PortId, SourceId), usize>>,
}

impl Queues {
    /// What the kernel delivered, by value.
    fn taken(&self, events: &[libc::kevent], max: Option<u8>) -> Answer {
        let packets: Vec<_> = events.iter().map(|event| self.packet(event)).collect();
        match (packets.first(), max) {
            (None, Some(0)) => Answer::Packets(Vec::new()),
            (None, _) => self.run().failed(Error::Timeout),
            (Some(&packet), None) => Answer::Packet(packet),
            (Some(_), Some(_)) => Answer::Packets(packets),
        }
    }

    fn packet(&self, event: &libc::kevent) -> Packet {
        match event.udata.addr() {
            HOME => Packet::default(),
            data if data & NAMED != 0 => self.run().packet(PacketId((data & 0xff) as u8)),
            data => {
                let packet = self.posted.take(data as u64);
                packet.expect("a packet is delivered once")
            }
        }
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
        let mut carried = lock(&self.carried);
        let data = carried.entry((port, source)).or_insert(NAMED);
        if it.carries {
            *data = NAMED | it.packet.index();
        }
        let data = *data;
        drop(carried);
        self.changes(port, change(source.index(), flags, trigger, data))
    }

    fn changes(&self, port: PortId, change: libc::kevent) -> Result<Answer, Failure> {
        match kevent(self.ports.get(port), &[change], 0, None) {
            Ok(_) => Ok(Answer::Done),
            Err(error) => name_of("kevent", error).map(Answer::Failed),
        }
    }
}

impl Ports for Queues {
    fn run(&self) -> &Run {
        &self.ports.run
    }

    fn create(&self, port: PortId) -> Result<Answer, Failure> {
        self.ports.create(port, || {
            // SAFETY: it takes nothing, and gives a descriptor or -1.
            let made = unsafe { libc::kqueue() };
            if made < 0 {
                return Err(failure("kqueue", io::Error::last_os_error()));
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
            let rest = end.map(|end| end.saturating_duration_since(Instant::now()));
            let taken = kevent(self.ports.get(get.port), &[], most(get), rest);
            if self.run().is_over() {
                return Ok(self.run().failed(Error::Abandoned));
            }
            match taken {
                Ok(events) => return Ok(self.taken(&events, get.max)),
                // Before macOS 10.12 the end of a kqueue says the same as a signal; only one of them leaves it open.
                Err(error)
                    if error.raw_os_error() == Some(libc::EINTR)
                        && self.ports.is_open(get.port) =>
                {
                    self.run().disturb();
                }
                Err(error) => return name_of("kevent", error).map(Answer::Failed),
            }
        }
    }

    fn post(&self, _: ThreadId, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        let number = self.posted.add(self.run().packet(packet));
        let data = number as usize;
        let flags = libc::EV_ADD | libc::EV_ONESHOT;
        let change = change(POSTED + data, flags, libc::NOTE_TRIGGER, data);
        let answer = self.changes(port, change);
        if !matches!(answer, Ok(Answer::Done)) {
            self.posted.take(number);
        }
        answer
    }

    fn own(&self, _: ThreadId, op: Op) -> Result<Answer, Failure> {
        let Op::Kevent {
            port,
            source,
            change,
            ..
        } = op
        else {
            refused_before(op);
        };
        self.kevent(port, source, change)
    }

    fn parked(&self, _: ThreadId, port: PortId) -> Parked {
        self.ports.parked(port, Call::Kevent)
    }

    fn release(&self) -> Result<(), Failure> {
        for kept in self.ports.kept().iter() {
            let home = change(HOME, libc::EV_ADD, libc::NOTE_TRIGGER, HOME);
            kevent(kept.ends[0].as_fd().into(), &[home], 0, None)
                .map_err(|error| failure("kevent", error))?;
        }
        Ok(())
    }
}

/// A change of a user event.
fn change(ident: usize, flags: u16, fflags: u32, data: usize) -> libc::kevent {
    // SAFETY: it is made of numbers and a raw pointer, for each of which zero is a value.
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
    queue: Number<'_>,
    changes: &[libc::kevent],
    room: usize,
    rest: Option<Duration>,
) -> io::Result<Vec<libc::kevent>> {
    let rest = rest.map(|rest| libc::timespec {
        tv_sec: rest.as_secs() as libc::time_t,
        tv_nsec: rest.subsec_nanos().into(),
    });
    let mut events: Vec<libc::kevent> = Vec::with_capacity(room);
    // SAFETY: there are as many changes as is said, and room for as many events. They and the time, if there is one,
    // live until the call is over. The number is one that a call may be made on.
    let count = unsafe {
        libc::kevent(
            queue.raw(),
            changes.as_ptr(),
            changes.len() as c_int,
            events.as_mut_ptr(),
            room as c_int,
            rest.as_ref().map_or(ptr::null(), ptr::from_ref),
        )
    };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel has written so many events, which are no more than there is room for.
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

fn failure(call: &str, error: impl Into<io::Error>) -> Failure {
    Failure::new(NAME, call, error)
}

//! Windows: a port is one of wepoll, a library that gives epoll by polls of sockets and one completion port.
//!
//! The calls are those of epoll, and so is the judge. What wepoll watches are sockets, so every source is one end of a
//! connection whose other end nobody watches. A post makes a fresh connection that can be read, and watches it for one
//! event; as on Linux the 64 bits that come with it name an entry of a table, and the table has the packet.
//!
//! - The concurrency value means nothing: wepoll makes its completion port without one.
//! - To bring waiters home when the recording is over, each port watches a socket from the start that can be read then.
//! - The number of a port or socket that is closed is given to no other of ours until the run ends, so that calls on it
//!   find nothing; and the system has lower ones for what it makes itself.
//! - wepoll frees what its polls write to when it closes a port, and Wine still writes there: the two crash. So all polls are
//!   ended before.
//! - A connection of a post stays open until the run ends: wepoll would see its end, as one more event.
//! - Under Wine the end of a poll takes several turns of its server and of the thread that began the poll. [`settling`]
//!   looks whether any of them still moves.

mod calls;
mod settling;
mod sockets;
mod sources;

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::ops_of;
use portsim_model::os_error::errno;
use portsim_model::program::{
    BATCH_MAX, Direction, Events, Get, Interest, Op, Packet, PacketId, PortId, Program, SourceId,
    ThreadId, Timeout, Verb, Watch,
};

use super::backend::{Backend, Failure};
use super::can::Can;
use super::condvar_bell::CondvarBell;
use super::lock::lock;
use super::parked::{Call, KernelWait};
use super::parked_windows::wine_version;
use super::ports::{Ports, PortsAndObjects, refused_before};
use super::run::{Run, most};
use super::world::{Parked, World};
use crate::trace::Answer;
use calls::{Change, Event, Port};
use settling::Settling;
use sockets::{Connection, Taken};
use sources::Sources;

const NAME: &str = "wepoll";

/// Carried by the sources that bring everybody home.
const HOME: u64 = u64::MAX;

/// Carried, with the packet's id, by a source that the program watches; posted packets count from 0.
const WATCHED: u64 = 1 << 63;

/// Carried beside it where a report says which events it is of.
const SAYS_EVENTS: u64 = 1 << 62;

/// More than a system makes for itself in a run.
const BALLAST: usize = 32;

/// How long it may take until all polls have ended that will.
const ENDED: Duration = Duration::from_millis(100);

/// The backend `wepoll`.
pub struct Wepoll;

const CAN: Can = Can {
    own: &[
        Verb::EpollCtl,
        Verb::Write,
        Verb::Drain,
        Verb::Fill,
        Verb::MakeRoom,
        Verb::CloseSource,
        Verb::DuplicateSource,
    ],
    lacks: &[
        (
            &[Verb::Suspend, Verb::Resume],
            "a thread that is suspended in a call of wepoll may hold its lock",
        ),
        (
            &[Verb::WaitHandle],
            "a port of wepoll is no socket: nobody polls it",
        ),
    ],
    lacks_the_rest: "wepoll has no such operation",
    alertable: "the waits of wepoll are not alertable",
    minimum: Some("epoll_wait takes what is there, and waits for no more"),
    minimum_wait: Some("no call waits for its minimum for a time of its own"),
    keeps: None,
    status: Some("a source becomes ready, it cannot fail: no packet carries a status"),
    reserve: "wepoll has no reserve objects",
    named: "a port of wepoll has no name",
};

impl Backend for Wepoll {
    fn name(&self) -> &'static str {
        NAME
    }

    fn system(&self) -> &'static str {
        "epoll"
    }

    fn available(&self) -> Result<(), String> {
        let settling = Settling::new();
        settling
            .map(drop)
            .map_err(|error| format!("nothing shows what is on its way: {error}"))
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), String> {
        CAN.supports(program, op)?;
        if let Op::Close { port, .. } = op
            && forgets_waiters()
            && others_may_wait(program, port)
        {
            return Err(FORGETS.into());
        }
        let Op::EpollCtl { source, change, .. } = op else {
            return Ok(());
        };
        let interest = match change {
            Watch::Add(interest) | Watch::Mod(interest) => Some(interest),
            Watch::Del => None,
        };
        let why = match interest {
            _ if program.sources[source.index()].port.is_some() => {
                "wepoll watches sockets only, and its ports are none"
            }
            Some(Interest { edge: true, .. }) => "wepoll has no edge-triggered mode (EPOLLET)",
            Some(Interest {
                exclusive: true, ..
            }) => "wepoll watches nothing exclusively (EPOLLEXCLUSIVE)",
            _ => return Ok(()),
        };
        Err(why.into())
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        let ports = WepollPorts::new(program, tick)?;
        let world = PortsAndObjects::new(program, ports, || Ok(CondvarBell::default()))?;
        Ok(Some(Arc::new(world)))
    }
}

struct WepollPorts {
    run: Run,
    /// The open ones, and the numbers of those that were open.
    ports: Mutex<Vec<Place>>,
    taken: Taken,
    /// Held until ports and sources are made, which so get higher numbers than whatever comes later.
    ballast: Mutex<Vec<File>>,
    /// What was posted, each with its connection.
    posted: Mutex<Vec<(Packet, Connection)>>,
    sources: Sources,
    /// Watched by every port. One that can be read reports itself to every waiter in turn, as anything does that is watched.
    home: Mutex<Option<Connection>>,
    /// By thread: whether it is in a call that may wait.
    waits: Vec<AtomicBool>,
    settling: Settling,
}

/// A port of the program: its number, whether or not it is open.
#[derive(Default)]
struct Place {
    open: Option<Port>,
    number: usize,
}

impl WepollPorts {
    fn new(program: &Program, tick: Duration) -> Result<WepollPorts, Failure> {
        let taken = Taken::default();
        let ballast = (0..BALLAST)
            .map(|_| File::open("NUL"))
            .collect::<Result<_, _>>();
        let ballast = ballast.map_err(|error| failure("open NUL", error))?;
        let home = taken.connection();
        let home = home.map_err(|error| failure("connect", error))?;
        let settling = Settling::new();
        Ok(WepollPorts {
            run: Run::new(NAME, errno, program, tick),
            ports: Mutex::new(program.ports.iter().map(|_| Place::default()).collect()),
            ballast: Mutex::new(ballast),
            posted: Mutex::default(),
            sources: Sources::new(program, &taken)?,
            home: Mutex::new(Some(home)),
            taken,
            waits: program
                .threads
                .iter()
                .map(|_| AtomicBool::new(false))
                .collect(),
            settling: settling.map_err(|error| failure("look at what is on its way", error))?,
        })
    }

    /// The number of a port.
    fn number(&self, port: PortId) -> usize {
        lock(&self.ports)[port.index()].number
    }

    /// Takes out of a port that is about to be closed whatever it watches.
    fn ends_polls(&self, open: &Port) -> Result<(), Failure> {
        let home = lock(&self.home).as_ref().map(Connection::number);
        let posted: Vec<_> = lock(&self.posted).iter().map(|it| it.1.number()).collect();
        for socket in home.into_iter().chain(posted).chain(self.sources.numbers()) {
            match calls::control(open.number(), socket, Change::Del) {
                Err(error) if calls::name_of(&error).is_none() => {
                    return Err(failure("epoll_ctl", error));
                }
                // Most of them it does not watch.
                _ => {}
            }
        }
        self.reap(open)
    }

    /// Lets wepoll see the end of all polls that have ended.
    fn reap(&self, open: &Port) -> Result<(), Failure> {
        let end = Instant::now() + ENDED;
        while !self.settling.is_over() && Instant::now() < end {
            std::thread::yield_now();
        }
        let mut room = [Event::UNTOUCHED; 256];
        while calls::wait(open.number(), &mut room, Some(Duration::ZERO))
            .map_err(|error| failure("epoll_wait", error))?
            > 0
        {}
        Ok(())
    }

    /// What was reported, by value.
    fn reported(&self, events: &[Event], max: Option<u8>) -> Answer {
        if events.is_empty() {
            return self.run.failed(Error::Timeout);
        }
        let mut packets: Vec<_> = events
            .iter()
            .filter_map(|event| self.packet(event))
            .collect();
        match (max, packets.pop()) {
            (_, None) => self.run.failed(Error::Abandoned),
            (None, Some(packet)) => Answer::Packet(packet),
            (Some(_), Some(last)) => {
                packets.push(last);
                Answer::Packets(packets)
            }
        }
    }

    fn packet(&self, event: &Event) -> Option<Packet> {
        match event.data {
            HOME => None,
            data if data & WATCHED != 0 => {
                let packet = self.run.packet(PacketId((data & 0xff) as u8));
                let bytes = match data & SAYS_EVENTS {
                    0 => packet.bytes,
                    _ => event.events.into(),
                };
                Some(Packet { bytes, ..packet })
            }
            data => Some(lock(&self.posted)[data as usize].0),
        }
    }

    fn watch(&self, port: PortId, source: SourceId, change: Watch) -> Result<Answer, Failure> {
        let socket = self.sources.number(source);
        let change = match change {
            Watch::Add(interest) => Change::Add(self.event(interest)),
            Watch::Mod(interest) => Change::Mod(self.event(interest)),
            Watch::Del => Change::Del,
        };
        answer_of(
            "epoll_ctl",
            calls::control(self.number(port), socket, change),
        )
    }

    fn event(&self, interest: Interest) -> Event {
        let (data, all) = match interest.events {
            Events::None => (WATCHED | SAYS_EVENTS, None),
            Events::In(packet) => (
                WATCHED | packet.index() as u64,
                Some((packet, Events::INPUT)),
            ),
            Events::Out(packet) => (
                WATCHED | packet.index() as u64,
                Some((packet, Events::OUTPUT)),
            ),
            Events::InOut { both, .. } => (
                WATCHED | both.index() as u64,
                Some((both, Events::INPUT | Events::OUTPUT)),
            ),
        };
        let says = all.is_some_and(|(packet, all)| self.run.packet(packet).bytes == all);
        Event {
            events: calls::flags(
                interest.events.has(Direction::In),
                interest.events.has(Direction::Out),
                interest.oneshot,
            ),
            data: if says { data | SAYS_EVENTS } else { data },
        }
    }

    /// What a call on a source says: that it was done, or that no descriptor of it is open.
    fn said(&self, is_open: bool) -> Answer {
        match is_open {
            true => Answer::Done,
            false => self.run.failed(Error::BadHandle),
        }
    }
}

impl Ports for WepollPorts {
    fn run(&self) -> &Run {
        &self.run
    }

    fn arrives(&self, _: ThreadId) -> Result<(), Failure> {
        lock(&self.ballast).clear();
        let arrived = self.settling.arrives();
        arrived.map_err(|error| failure("look at a thread", error))
    }

    fn create(&self, port: PortId) -> Result<Answer, Failure> {
        let mut ports = lock(&self.ports);
        let place = &mut ports[port.index()];
        if place.open.is_some() {
            return Ok(self.run.failed(Error::Exists));
        }
        let made = self.taken.port();
        let made = made.map_err(|error| failure("epoll_create1", error))?;
        let home = Event {
            events: calls::flags(true, false, false),
            data: HOME,
        };
        if let Some(connection) = &*lock(&self.home) {
            calls::control(made.number(), connection.number(), Change::Add(home))
                .map_err(|error| failure("epoll_ctl", error))?;
        }
        place.number = made.number();
        place.open = Some(made);
        Ok(Answer::Done)
    }

    fn close(&self, port: PortId) -> Result<Answer, Failure> {
        let Some(open) = lock(&self.ports)[port.index()].open.take() else {
            return Ok(self.run.failed(Error::BadHandle));
        };
        self.taken.keep(open.number());
        self.ends_polls(&open)?;
        answer_of("epoll_close", open.close())
    }

    fn get(&self, me: ThreadId, get: Get) -> Result<Answer, Failure> {
        let end = self.run.end(get.timeout);
        let mut room = [Event::UNTOUCHED; BATCH_MAX];
        let room = &mut room[..most(get)];
        let number = self.number(get.port);
        let rest = end.map(|end| end.saturating_duration_since(Instant::now()));
        self.waits[me.index()].store(true, Ordering::SeqCst);
        let found = calls::wait(number, room, rest);
        self.waits[me.index()].store(false, Ordering::SeqCst);
        match found {
            Ok(0) if room.iter().any(|event| *event != Event::UNTOUCHED) => {
                let what = "an event is written where none is reported";
                Err(failure("epoll_wait", io::Error::other(what)))
            }
            Ok(count) => Ok(self.reported(&room[..count], get.max)),
            Err(error) => answer_of("epoll_wait", Err(error)),
        }
    }

    fn post(&self, _: ThreadId, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        let connection = self.taken.connection();
        let connection = connection.map_err(|error| failure("connect", error))?;
        connection.write().map_err(|error| failure("send", error))?;
        let socket = connection.number();
        let mut posted = lock(&self.posted);
        let event = Event {
            events: calls::flags(true, false, true),
            data: posted.len() as u64,
        };
        posted.push((self.run.packet(packet), connection));
        drop(posted);
        let added = calls::control(self.number(port), socket, Change::Add(event));
        answer_of("epoll_ctl", added)
    }

    fn own(&self, _: ThreadId, op: Op) -> Result<Answer, Failure> {
        match op {
            Op::EpollCtl {
                port,
                source,
                change,
                ..
            } => self.watch(port, source, change),
            Op::Write { source } => self.sources.write(source),
            Op::Drain { source } => Ok(self.said(self.sources.drain(source)?)),
            Op::Fill { source } => Ok(self.said(self.sources.fill(source)?)),
            Op::MakeRoom { source } => self.sources.make_room(source),
            Op::CloseSource { source, .. } => {
                Ok(self.said(self.sources.close(source, &self.taken)))
            }
            Op::DuplicateSource { source, .. } => Ok(self.said(self.sources.duplicate(source)?)),
            Op::WaitHandle { .. } | Op::DuplicatePort { .. } | Op::Query { .. } => {
                refused_before(op)
            }
            ops_of!(ports, objects, threads, apcs, variables)
            | ops_of!(files, wait_packets, jobs, event_ports, rings, kqueues) => refused_before(op),
        }
    }

    fn parked(&self, thread: ThreadId, _: PortId) -> Parked {
        match self.waits[thread.index()].load(Ordering::SeqCst) {
            true => Parked::Kernel(KernelWait {
                call: Call::Port,
                first: 0,
            }),
            false => Parked::No,
        }
    }

    fn settled(&self) -> bool {
        self.settling.is_over()
    }

    fn release(&self) -> Result<(), Failure> {
        match &*lock(&self.home) {
            Some(home) => home.write().map_err(|error| failure("send", error)),
            None => Ok(()),
        }
    }
}

/// What a call says about its arguments is an answer; all else it says is about this machine.
fn answer_of(call: &str, result: io::Result<()>) -> Result<Answer, Failure> {
    match result {
        Ok(()) => Ok(Answer::Done),
        Err(error) => match calls::name_of(&error) {
            Some(name) => Ok(Answer::Failed(name.into())),
            None => Err(failure(call, error)),
        },
    }
}

/// Where nobody is left in a call: the sockets go first, and with them all polls.
impl Drop for WepollPorts {
    fn drop(&mut self) {
        lock(&self.posted).clear();
        self.sources.close_all();
        lock(&self.home).take();
        let open: Vec<_> = lock(&self.ports)
            .drain(..)
            .filter_map(|it| it.open)
            .collect();
        for port in open {
            // What goes wrong here nobody asks for any more.
            let _ = self.reap(&port);
            let _ = port.close();
        }
    }
}

const FORGETS: &str =
    "Wine 8 forgets who waits on a port that is closed, and wepoll waits for those";

/// Whether a thread may wait on a port that another one closes.
fn others_may_wait(program: &Program, port: PortId) -> bool {
    let waits = |op: Op| {
        let get = op.as_get();
        get.is_some_and(|get| get.port == port && get.timeout != Timeout::Ticks(0))
    };
    let closes = |op: Op| matches!(op, Op::Close { port: it, .. } if it == port);
    program.thread_ids().any(|thread| {
        let code = program.code(thread);
        code.ops().any(waits) && !code.ops().any(closes)
    })
}

/// Whether this is a system that forgets who waits on a completion port when that is closed.
fn forgets_waiters() -> bool {
    wine_version().is_some_and(|version| version.starts_with("8."))
}

fn failure(call: &str, error: impl Into<io::Error>) -> Failure {
    Failure::new(NAME, call, error)
}

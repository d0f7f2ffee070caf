//! What epoll descriptors watch: counters, and ends of connections.
//!
//! An eventfd can only be read and raised here. A source that a scenario fills, or closes, is one end of a connection
//! instead, whose other end nobody watches: it writes and makes room, and is there when the source is closed.
//!
//! Of a source that is a port nothing is kept here: that is a descriptor already.
//!
//! The connection holds one piece of what is written into it: so it is full at once, and there is room again at once.

use std::os::fd::OwnedFd;
use std::sync::Mutex;

use portsim_model::op::Noun;
use portsim_model::program::{Op, Program, Source, SourceId, Verb};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, fcntl_dupfd_cloexec, read, write};
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socketpair};

use super::{Answer, Failure, failure};
use crate::native::lock::lock;
use crate::native::numbers::{Number, Numbers};

/// More than a quarter of the smallest buffer that the kernel gives, which is how much may be in it where it takes more.
const PIECE: [u8; 2048] = [0; 2048];

/// The sources of a run, each under a number of its own until the run ends.
pub struct Sources {
    /// Dropped before the numbers under which they are open.
    ends: Vec<End>,
    numbers: Numbers,
}

struct End {
    /// The descriptor under the number of the source, and duplicates behind it. In front of these there is none where it
    /// is closed.
    open: Mutex<Vec<Option<OwnedFd>>>,
    /// The other end of a connection; none of a counter.
    peer: Option<OwnedFd>,
}

impl Sources {
    pub fn new(program: &Program) -> Result<Sources, Failure> {
        let numbers = Numbers::reserve(program.sources.len())
            .map_err(|error| failure("reserve descriptors", error))?;
        let sources = program.sources.iter().enumerate();
        let ends = sources.map(|(n, source)| {
            if source.port.is_some() {
                return Ok(End::none());
            }
            let is_connection =
                source.writable.is_some() || is_closed_by(program, SourceId(n as u8));
            let (end, peer) = match is_connection {
                true => connection(*source)?,
                false => (counter(source.readable.into())?, None),
            };
            let end = numbers.open(n, end);
            let end = end.map_err(|error| failure("fcntl(F_DUPFD)", error))?;
            let open = Mutex::new(vec![Some(end)]);
            Ok(End { open, peer })
        });
        let ends = ends.collect::<Result<_, _>>()?;
        Ok(Sources { ends, numbers })
    }

    /// The number of a source, whether or not it is open.
    pub fn get(&self, source: SourceId) -> Number<'_> {
        self.numbers.get(source.index())
    }

    /// Makes it readable. Nobody is told that nothing of it is open any more.
    pub fn write(&self, source: SourceId) -> Result<Answer, Failure> {
        let end = &self.ends[source.index()];
        match &end.peer {
            None => end.with_open(raise).expect("a counter is not closed"),
            Some(peer) => match send(peer, &[0], SendFlags::NOSIGNAL) {
                Ok(_) | Err(Errno::PIPE) => Ok(Answer::Done),
                Err(errno) => Err(failure("send", errno)),
            },
        }
    }

    /// Reads it empty; says whether it is open.
    pub fn drain(&self, source: SourceId) -> Result<bool, Failure> {
        let drained = self.ends[source.index()].with_open(read_empty);
        drained.transpose().map(|done| done.is_some())
    }

    /// Fills it; says whether it is open.
    pub fn fill(&self, source: SourceId) -> Result<bool, Failure> {
        let filled = self.ends[source.index()].with_open(fill);
        filled.transpose().map(|done| done.is_some())
    }

    /// Lets the other end read it empty.
    pub fn make_room(&self, source: SourceId) -> Result<Answer, Failure> {
        let peer = self.ends[source.index()].peer.as_ref();
        read_empty(peer.expect("only a connection is filled")).map(|()| Answer::Done)
    }

    /// Closes the descriptor under its number, or else a duplicate; says whether there was one.
    pub fn close(&self, source: SourceId) -> bool {
        let mut open = lock(&self.ends[source.index()].open);
        let first = open.iter_mut().find_map(Option::take);
        drop(open);
        first.is_some()
    }

    /// Makes one more descriptor; says whether there is one under its number.
    pub fn duplicate(&self, source: SourceId) -> Result<bool, Failure> {
        let mut open = lock(&self.ends[source.index()].open);
        let Some(first) = &open[0] else {
            return Ok(false);
        };
        let copy = fcntl_dupfd_cloexec(first, 0);
        let copy = copy.map_err(|errno| failure("fcntl(F_DUPFD)", errno))?;
        open.push(Some(copy));
        Ok(true)
    }
}

impl End {
    /// Of a source that is a port, which has its own number.
    fn none() -> End {
        End {
            open: Mutex::new(Vec::new()),
            peer: None,
        }
    }

    /// What a call on an open descriptor says, if one is open.
    fn with_open<T>(&self, call: impl FnOnce(&OwnedFd) -> T) -> Option<T> {
        lock(&self.open).iter().flatten().next().map(call)
    }
}

/// Whether a program closes or duplicates a source.
fn is_closed_by(program: &Program, source: SourceId) -> bool {
    let is_it = |noun: &Noun<'_>| matches!(noun, Noun::Source(it, _) if *it == source);
    let closes = |mut op: Op| {
        let verbs = [Verb::CloseSource, Verb::DuplicateSource];
        verbs.contains(&op.verb()) && op.describe().nouns().any(|noun| is_it(&noun))
    };
    program.ops().any(closes)
}

/// A connection as it is at the start: the end that is a source, and its peer.
fn connection(source: Source) -> Result<(OwnedFd, Option<OwnedFd>), Failure> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let pair = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None);
    let (end, peer) = pair.map_err(|errno| failure("socketpair", errno))?;
    set_socket_send_buffer_size(&end, 1).map_err(|errno| failure("setsockopt", errno))?;
    if source.readable {
        send(&peer, &[0], SendFlags::NOSIGNAL).map_err(|errno| failure("send", errno))?;
    }
    if source.writable == Some(false) {
        fill(&end)?;
    }
    Ok((end, Some(peer)))
}

/// An eventfd that counts from here.
pub fn counter(count: u32) -> Result<OwnedFd, Failure> {
    eventfd(count, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
        .map_err(|errno| failure("eventfd", errno))
}

/// Makes a counter ready.
pub fn raise(counter: &OwnedFd) -> Result<Answer, Failure> {
    match write(counter, &1_u64.to_ne_bytes()) {
        Ok(_) => Ok(Answer::Done),
        Err(errno) => Err(failure("write to an eventfd", errno)),
    }
}

fn fill(end: &OwnedFd) -> Result<(), Failure> {
    loop {
        match send(end, &PIECE, SendFlags::NOSIGNAL) {
            Ok(_) => {}
            Err(Errno::AGAIN) => return Ok(()),
            Err(errno) => return Err(failure("send", errno)),
        }
    }
}

fn read_empty(from: &OwnedFd) -> Result<(), Failure> {
    let mut room = PIECE;
    loop {
        match read(from, &mut room) {
            // The other end was closed with something unread.
            Err(Errno::CONNRESET) => return Ok(()),
            Ok(0) | Err(Errno::AGAIN) => return Ok(()),
            Ok(_) => {}
            Err(errno) => return Err(failure("read from a source", errno)),
        }
    }
}

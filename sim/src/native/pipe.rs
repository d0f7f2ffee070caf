//! Linux: a port is a pipe that many threads read from, or watch with `poll` or `select`.
//!
//! A post writes one record, of 64 bits that name an entry of a table that has the packet. On the backend `pipe` a get is
//! a read that waits. On `select` and `poll` it reads without waiting; where nothing is there it watches the reading end,
//! and reads again. The latter two differ in the call that watches, and are judged by the same rules.
//!
//! - The concurrency value means nothing to the kernel and is ignored.
//! - Both ends have numbers of their own until the run ends, so that calls on a closed port see EBADF. So has the reading end
//!   as it is opened once more: a read of that does not wait, which is a flag of what was opened and not of a call, as far as
//!   every kernel knows it (RWF_NOWAIT on pipes came with Linux 6.4).
//! - Closing a port wakes nobody. Copies of both ends are kept aside. When the recording is over, the numbers name them
//!   again and a record is written, which everybody who watches finds, and nobody reads; whoever waits in a read comes
//!   home because the last writing end is closed.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::os_error::errno;
use portsim_model::program::{BATCH_MAX, Get, Op, PacketId, PortId, Program, ThreadId, Timeout};
use rustix::event::{FdSetElement, fd_set_insert, fd_set_num_elements};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

use super::backend::{Backend, Failure};
use super::bell::{EventBell, c_timespec};
use super::can::Can;
use super::descriptors::Descriptors;
use super::inside::Inside;
use super::numbers::{Number, gave};
use super::parked::{Call, is_seen};
use super::ports::{Ports, PortsAndObjects};
use super::posted::Posted;
use super::run::{Run, most};
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
        is_seen(self.call())
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), String> {
        CAN.supports(program, op)?;
        match op.as_get().map(|get| get.timeout) {
            Some(Timeout::Ticks(1..)) if *self == Waiting::Read => {
                Err("a read has no time limit".into())
            }
            _ => Ok(()),
        }
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        let run = Run::new((*self).name(), errno, program, tick);
        let bell = || EventBell::new((*self).name());
        let ports = PipePorts {
            waiting: *self,
            ports: Descriptors::new(run, program)?,
            inside: Inside::new(program),
            posted: Posted::default(),
        };
        Ok(Some(Arc::new(PortsAndObjects::new(program, ports, bell)?)))
    }
}

const CAN: Can = Can {
    lacks_the_rest: "a pipe has no such operation",
    minimum: Some("a read takes what is there, and waits for no more"),
    named: "a pipe has no name",
    ..Can::ON_LINUX
};

/// The ends of a pipe.
const READS: usize = 0;
const WRITES: usize = 1;
/// The reading end, opened once more, from which a read does not wait.
const NOW: usize = 2;

struct PipePorts {
    waiting: Waiting,
    /// Reading and writing end, and the former once more; those of closed ports are kept as well.
    ports: Descriptors<OwnedFd, 3>,
    /// The call with which each thread watches.
    inside: Inside,
    posted: Posted,
}

impl PipePorts {
    /// Reads without waiting, and watches where nothing is there.
    fn watches(&self, me: ThreadId, get: Get) -> Result<Answer, Failure> {
        if get.max == Some(0) {
            return Ok(self.run().failed(Error::Invalid));
        }
        let end = self.run().end(get.timeout);
        let mut over = get.timeout == Timeout::Ticks(0);
        loop {
            if self.run().is_over() {
                return Ok(self.run().failed(Error::Abandoned));
            }
            match self.take(get) {
                Err(Errno::AGAIN) if over => return Ok(self.run().failed(Error::Timeout)),
                Err(Errno::AGAIN) => {}
                Err(Errno::BADF) => return Ok(self.run().failed(Error::BadHandle)),
                Err(errno) => return Err(self.run().failure("read from a pipe", errno)),
                Ok(answer) => return Ok(answer),
            }
            let rest = end.map(|end| c_timespec(end.saturating_duration_since(Instant::now())));
            match self.watch(me, get.port, rest.as_ref()) {
                Ok(found) => over = !found,
                Err(Errno::INTR) => self.run().disturb(),
                Err(Errno::BADF) => return Ok(self.run().failed(Error::BadHandle)),
                Err(errno) => return Err(self.run().failure(self.waiting.name(), errno)),
            }
        }
    }

    /// One read, which waits unless the call is a poll.
    fn reads(&self, me: ThreadId, get: Get) -> Result<Answer, Failure> {
        let mut records = [0; 8 * BATCH_MAX];
        let records = &mut records[..8 * most(get)];
        let read = loop {
            if self.run().is_over() {
                return Ok(self.run().failed(Error::Abandoned));
            }
            if get.timeout == Timeout::Ticks(0) {
                break read(self.ports.end(get.port, NOW), records);
            }
            let end = self.ports.end(get.port, READS);
            let first = end.raw() as u64;
            match self.inside.call(me, first, || read(end, records)) {
                Err(Errno::INTR) => self.run().disturb(),
                done => break done,
            }
        };
        let read = match read {
            Ok(0) if most(get) > 0 => return Ok(self.run().failed(Error::Abandoned)),
            Ok(read) => read,
            Err(Errno::AGAIN) => return Ok(self.run().failed(Error::Timeout)),
            Err(Errno::BADF) => return Ok(self.run().failed(Error::BadHandle)),
            Err(errno) => return Err(self.run().failure("read from a pipe", errno)),
        };
        let (carried, _) = records[..read].as_chunks();
        let packet = |&record| self.posted.take(u64::from_ne_bytes(record));
        let packets: Vec<_> = carried.iter().filter_map(packet).collect();
        Ok(match (get.max, packets.first()) {
            (None, Some(packet)) => Answer::Packet(*packet),
            _ => Answer::Packets(packets),
        })
    }

    /// Reads records until the pipe is empty or the call has enough; the error of the first read if it fails.
    fn take(&self, get: Get) -> Result<Answer, Errno> {
        let mut packets = Vec::new();
        while packets.len() < most(get) {
            let mut record = [0; 8];
            match read(self.ports.end(get.port, READS), &mut record) {
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
        Ok(match get.max {
            None => Answer::Packet(packets[0]),
            Some(_) => Answer::Packets(packets),
        })
    }

    /// Waits until there is something to read; whether there was.
    fn watch(
        &self,
        me: ThreadId,
        port: PortId,
        rest: Option<&libc::timespec>,
    ) -> Result<bool, Errno> {
        let end = self.ports.end(port, READS);
        let found = match self.waiting {
            Waiting::Poll => {
                let mut polled = libc::pollfd {
                    fd: end.raw(),
                    events: libc::POLLIN,
                    revents: 0,
                };
                let first = (&raw const polled) as usize as u64;
                let polled = &mut polled;
                self.inside.call(me, first, || poll(polled, rest))
            }
            Waiting::Select => {
                let first = end.raw() as u64 + 1;
                self.inside.call(me, first, || select(end, rest))
            }
            Waiting::Read => unreachable!("who reads does not watch"),
        };
        found.map(|found| found > 0)
    }
}

impl Ports for PipePorts {
    fn run(&self) -> &Run {
        &self.ports.run
    }

    fn create(&self, port: PortId) -> Result<Answer, Failure> {
        let flags = match self.waiting {
            Waiting::Read => PipeFlags::CLOEXEC,
            Waiting::Select | Waiting::Poll => PipeFlags::CLOEXEC | PipeFlags::NONBLOCK,
        };
        self.ports.create(port, || {
            let made = pipe_with(flags);
            let (reads, writes) = made.map_err(|errno| self.run().failure("pipe2", errno))?;
            let once_more = match self.waiting {
                Waiting::Read => opened_once_more(&reads),
                Waiting::Select | Waiting::Poll => reads.try_clone(),
            };
            let now = once_more.map_err(|error| self.run().failure("open a pipe", error))?;
            Ok([reads, writes, now])
        })
    }

    fn close(&self, port: PortId) -> Result<Answer, Failure> {
        Ok(self.ports.close(port))
    }

    fn get(&self, me: ThreadId, get: Get) -> Result<Answer, Failure> {
        match self.waiting {
            Waiting::Select | Waiting::Poll => self.watches(me, get),
            Waiting::Read => self.reads(me, get),
        }
    }

    fn post(&self, _: ThreadId, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        let carried = self.posted.add(self.run().packet(packet));
        let written = write(self.ports.end(port, WRITES), &carried.to_ne_bytes());
        if written.is_err() {
            self.posted.take(carried);
        }
        match written {
            Ok(_) => Ok(Answer::Done),
            Err(Errno::BADF) => Ok(self.run().failed(Error::BadHandle)),
            Err(errno) => Err(self.run().failure("write to a pipe", errno)),
        }
    }

    fn parked(&self, thread: ThreadId, _: PortId) -> Parked {
        self.inside.parked(thread, self.waiting.call())
    }

    fn release(&self) -> Result<(), Failure> {
        if self.waiting == Waiting::Read {
            // The end of the last writer ends every read.
            self.ports.close_all();
            return Ok(());
        }
        self.ports.reopen()?;
        // Whoever is woken looks at what the number names now: that is written to first.
        for kept in self.ports.kept().iter().rev() {
            write(kept.ends[WRITES].as_fd().into(), &HOME.to_ne_bytes())
                .map_err(|errno| self.run().failure("write to a pipe", errno))?;
        }
        Ok(())
    }
}

/// read.
fn read(end: Number<'_>, room: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes no more than the room holds, and only before the call is over. The number is one that a
    // call may be made on.
    gave(unsafe { libc::read(end.raw(), room.as_mut_ptr().cast(), room.len()) })
}

/// The same pipe, opened anew so that a read does not wait: who reads from the other is not told of that.
fn opened_once_more(end: &OwnedFd) -> io::Result<OwnedFd> {
    let name = format!("/proc/self/fd/{}", end.as_raw_fd());
    let mut options = File::options();
    let opened = options.read(true).custom_flags(libc::O_NONBLOCK).open(name);
    opened.map(OwnedFd::from)
}

/// write.
fn write(end: Number<'_>, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel reads the bytes before the call is over. The number is one that a call may be made on.
    gave(unsafe { libc::write(end.raw(), bytes.as_ptr().cast(), bytes.len()) })
}

/// ppoll: how many are ready, or are no descriptors.
fn poll(polled: &mut libc::pollfd, rest: Option<&libc::timespec>) -> Result<usize, Errno> {
    let rest = rest.map_or(ptr::null(), ptr::from_ref);
    // SAFETY: there is one entry, and it and the time, if there is one, are borrowed until the call is over; there is
    // no mask of signals. The number in the entry is one that a call may be made on.
    gave(unsafe { libc::ppoll(polled, 1, rest, ptr::null()) })
}

/// pselect, which watches one end: how many are ready.
fn select(end: Number<'_>, rest: Option<&libc::timespec>) -> Result<usize, Errno> {
    let (number, count) = (end.raw(), end.raw() + 1);
    let mut set = vec![FdSetElement::default(); fd_set_num_elements(1, count)];
    fd_set_insert(&mut set, number);
    let (set, none) = (set.as_mut_ptr().cast(), ptr::null_mut());
    let rest = rest.map_or(ptr::null(), ptr::from_ref);
    // SAFETY: of a set the kernel reads and writes the words that have `count` bits, which is as long as this one is;
    // it lives here, and the time is borrowed, until the call is over. There is no mask of signals. The number in the
    // set is one that a call may be made on.
    gave(unsafe { libc::pselect(count, set, none, none, rest, ptr::null()) })
}

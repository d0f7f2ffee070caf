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
use std::sync::Arc;
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::os_error::errno;
use portsim_model::program::{BATCH_MAX, Get, Op, PacketId, PortId, Program, ThreadId, Timeout};
use rustix::event::{
    FdSetElement, PollFd, PollFlags, Timespec, fd_set_insert, fd_set_num_elements, poll, select,
};
use rustix::io::{Errno, ReadWriteFlags, preadv2, read, write};
use rustix::pipe::{PipeFlags, pipe_with};

use super::backend::{Backend, Failure};
use super::bell::{EventBell, timespec};
use super::can::Can;
use super::descriptors::Descriptors;
use super::inside::Inside;
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

struct PipePorts {
    waiting: Waiting,
    /// Reading and writing end; those of closed ports are kept as well.
    ports: Descriptors<OwnedFd, 2>,
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
            let rest = end.map(|end| timespec(end.saturating_duration_since(Instant::now())));
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
            let end = self.ports.end(get.port, READS);
            if get.timeout == Timeout::Ticks(0) {
                // No place: where the last read ended.
                let place = u64::MAX;
                let room = &mut [IoSliceMut::new(records)];
                break preadv2(end, room, place, ReadWriteFlags::NOWAIT);
            }
            let first = self.ports.raw(get.port) as u64;
            match self.inside.call(me, first, || read(end, &mut *records)) {
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
    fn watch(&self, me: ThreadId, port: PortId, rest: Option<&Timespec>) -> Result<bool, Errno> {
        match self.waiting {
            Waiting::Poll => {
                let end = self.ports.end(port, READS);
                let mut polled = [PollFd::new(&end, PollFlags::IN)];
                let first = polled.as_ptr() as usize as u64;
                let found = self.inside.call(me, first, || poll(&mut polled, rest));
                found.map(|found| found > 0)
            }
            Waiting::Select => {
                let number = self.ports.raw(port);
                let count = number + 1;
                let mut set = vec![FdSetElement::default(); fd_set_num_elements(1, count)];
                fd_set_insert(&mut set, number);
                // SAFETY: whether or not the number names anything, it is this run's own, and only watched.
                let select = || unsafe { select(count, Some(&mut set), None, None, rest) };
                let found = self.inside.call(me, count as u64, select);
                found.map(|found| found > 0)
            }
            Waiting::Read => unreachable!("who reads does not watch"),
        }
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
            Ok([reads, writes])
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
            write(&kept.ends[WRITES], &HOME.to_ne_bytes())
                .map_err(|errno| self.run().failure("write to a pipe", errno))?;
        }
        Ok(())
    }
}

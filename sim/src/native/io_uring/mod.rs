//! Linux: a port is an io_uring, whose completion ring many threads empty.
//!
//! The kernel gives no entry to anybody: whoever advances the head of the ring has it. A get waits in io_uring_enter
//! for as many entries as it must have, which returns at once where they are there, and then takes the oldest under a
//! lock of its own; where there is none it goes round. A post is a message from a ring that the posting thread has
//! to itself; a message with a sender is submitted on that port's ring, under the same lock. An entry carries 64 bits: they
//! name an entry of a table that has the packet. Where the kernel has no messages a post is a request to do nothing, submitted
//! on the ring itself: its entry carries the same, and comes and wakes like any other.
//!
//! - The concurrency value means nothing to the kernel and is ignored.
//! - A port has a descriptor number of its own until the run ends, so that calls on a closed one see EBADF.
//! - An eventfd that is registered with a ring is read after each operation; what was signaled sets the event of the scenario.
//! - Closing a port wakes nobody. The ring stays mapped, and a second descriptor is kept aside: when the recording is over, as
//!   many messages to it as any waiter waits for wake them all, who then go home and leave them there.

mod chains;
mod drained;
mod entries;
mod kernel;
mod refused;
mod requests;
mod ring;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use io_uring::IoUring as Ring;
use portsim_model::event::Error;
use portsim_model::ops_of;
use portsim_model::os_error::errno;
use portsim_model::program::{
    FileId, GOES_ON, Get, Linked, Message, ObjectId, Op, OperationId, Packet, PacketId, Port,
    PortId, Program, Request, ResultId, ThreadId, Timeout, Verb,
};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, read};

use super::backend::{Backend, Failure};
use super::bell::EventBell;
use super::can::Can;
use super::descriptors::Descriptors;
use super::lock::lock;
use super::numbers::Number;
use super::parked::{Call, is_seen};
use super::ports::{Ports, PortsAndObjects, refused_before};
use super::posted::Posted;
use super::run::{Run, most};
use super::world::{Parked, World};
use crate::trace::Answer;
use entries::Entry;
use kernel::{Kernel, drains_on};
use refused::{has_one_submitter, refused};
use requests::{Open, Requests};
use ring::{HOME, REQUESTS, Shared, Taken};

const NAME: &str = "io-uring";

/// The backend `io-uring`.
pub struct IoUring {
    /// None for that of this machine.
    kernel: Option<Kernel>,
}

impl IoUring {
    /// On the kernel of this machine.
    pub const HERE: IoUring = IoUring { kernel: None };

    /// As if the kernel had the first io_uring that a scenario can be played on.
    #[cfg(test)]
    pub const OLDEST: IoUring = IoUring {
        kernel: Some(Kernel::OLDEST),
    };

    fn kernel(&self) -> Result<Kernel, String> {
        self.kernel.map_or_else(Kernel::here, Ok)
    }
}

impl Backend for IoUring {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), String> {
        is_seen(Call::IoUringEnter)?;
        self.kernel().map(drop)
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), String> {
        CAN.supports(program, op)?;
        let lacks = || self.kernel().ok()?.lacks(program, op);
        let refused = refused(program, op).or_else(lacks);
        refused.map_or(Ok(()), |why| Err(why.into()))
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        let kernel = self.kernel().map_err(|why| {
            let why = std::io::Error::new(std::io::ErrorKind::Unsupported, why);
            failure("io_uring_setup", why)
        })?;
        let ports = Rings::new(program, kernel, tick)?;
        let world = PortsAndObjects::new(program, ports, || EventBell::new(NAME))?;
        Ok(Some(Arc::new(world)))
    }
}

const CAN: Can = Can {
    own: &[
        Verb::MsgRing,
        Verb::Submit,
        Verb::RingEvent,
        Verb::Start,
        Verb::Complete,
        Verb::Cancel,
        Verb::CancelFile,
    ],
    lacks_the_rest: "io_uring has no such operation here",
    named: "a ring has no name",
    minimum_wait: None,
    ..Can::ON_LINUX
};

struct Rings {
    kernel: Kernel,
    /// Where there are any: its thread ends before the rings go.
    requests: Option<Requests>,
    program: Program,
    /// The most entries that a waiter waits for.
    wanted_max: u8,
    /// Whether a timeout counts entries.
    counts: bool,
    /// The rings of closed ports are kept as well.
    ports: Descriptors<Arc<Shared>>,
    /// By ring, the eventfd that is registered with it, and the event that it stands for.
    registered: Mutex<Vec<Option<(OwnedFd, ObjectId)>>>,
    /// From which each thread posts; the last is nobody's.
    senders: Vec<Mutex<Ring>>,
    posted: Posted,
    /// Held by whoever starts, ends or cancels requests: what pends when somebody looks is to pend when he acts, and what has
    /// come by then does not.
    acts: Mutex<()>,
}

impl Rings {
    fn new(program: &Program, kernel: Kernel, tick: Duration) -> Result<Rings, Failure> {
        let sender = || Ring::new(REQUESTS).map(Mutex::new);
        let senders = (0..=program.threads.len()).map(|_| sender());
        let asks = program.ops().any(|op| matches!(op, Op::Submit { .. }));
        let requests = (asks || !program.files.is_empty())
            .then(|| Requests::new(program, kernel.multishot, drains_on));
        let gets = program.ops().filter_map(Op::as_get);
        Ok(Rings {
            kernel,
            requests: requests
                .transpose()
                .map_err(|error| failure("socketpair", error))?,
            program: program.clone(),
            registered: Mutex::new(program.ports.iter().map(|_| None).collect()),
            counts: program.ops().any(Op::counts),
            wanted_max: gets.map(wanted).max().unwrap_or(1),
            ports: Descriptors::new(Run::new(NAME, errno, program, tick), program)?,
            senders: senders
                .collect::<Result<_, _>>()
                .map_err(|error| failure("io_uring_setup", error))?,
            posted: Posted::default(),
            acts: Mutex::default(),
        })
    }

    /// What the ring carried, by value.
    fn taken(&self, entries: &[Taken], max: Option<u8>) -> Result<Answer, Failure> {
        let packets: Result<Vec<_>, Failure> = entries
            .iter()
            .map(|entry| {
                let packet = match entry.goes_on {
                    true => self.posted.look(entry.carried),
                    false => self.posted.take(entry.carried),
                };
                let packet = packet.ok_or_else(|| {
                    let (carried, result) = (entry.carried, entry.result);
                    let problem =
                        format!("entry {carried} with result {result} came twice, or from nobody");
                    failure("the ring", std::io::Error::other(problem))
                })?;
                // The result of a message is what it was sent with; that of a request says how it ended.
                Ok(match entry.result {
                    0 => packet,
                    result => Packet {
                        bytes: result.into(),
                        status: if entry.goes_on { GOES_ON } else { 0 },
                        ..packet
                    },
                })
            })
            .collect();
        let packets = packets?;
        Ok(match max {
            None => Answer::Packet(packets[0]),
            Some(_) => Answer::Packets(packets),
        })
    }

    /// What the entry of a request carries, whatever its result.
    fn carries_key(&self, key: i64, overlapped: i64) -> u64 {
        self.posted.add(Packet {
            key,
            overlapped,
            ..Packet::default()
        })
    }

    /// A message from the ring of a port, whose own entry says how it went.
    fn message(&self, it: Message) -> Result<Answer, Failure> {
        let Some(from) = self.ring(it.from) else {
            return Ok(self.run().failed(Error::BadHandle));
        };
        let carried = self.posted.add(self.run().packet(it.packet));
        let own = self.posted.add(self.run().packet(it.went));
        let message = Entry::message(self.ports.get(it.to), carried, own);
        let mut turn = from.ring.turn();
        let sent = turn.submit(self.ports.get(it.from), &message);
        self.answered("io_uring_enter", sent)
    }

    /// The ring of a port and its number; none where it was never open.
    fn ring(&self, port: PortId) -> Option<Open> {
        let kept = self.ports.kept();
        let [ring] = &kept.iter().rfind(|kept| kept.port == port)?.ends;
        Some(Open {
            port,
            ring: ring.clone(),
            held: self.ports.held(port),
        })
    }

    /// The ring to which requests on a file go, and the user data that they carry there.
    fn binding(&self, file: FileId) -> (PortId, i64) {
        let binding = self.program.files[file.index()].binding;
        let binding = binding.expect("a file without a ring is refused");
        let binding = self.program.bindings[binding.index()];
        (binding.port, binding.key)
    }

    fn requests(&self) -> &Requests {
        let requests = self.requests.as_ref();
        requests.expect("a program that makes requests has them")
    }

    fn start(&self, me: ThreadId, id: OperationId) -> Result<Answer, Failure> {
        let _alone = lock(&self.acts);
        let operation = self.program.operations[id.index()];
        let (port, key) = self.binding(operation.file);
        // A mistake of the scenario, with the answer that it has everywhere.
        if self.requests().is_pending(id) || self.requests().waits(id) {
            return Ok(self.run().failed(Error::Invalid));
        }
        let Some(on) = self.ring(port) else {
            return Ok(self.run().failed(Error::BadHandle));
        };
        let carried = self.carries_key(key, operation.overlapped);
        match self.requests().start(me, id, on, carried) {
            Ok(()) => Ok(self.run().failed(Error::Pending)),
            refused => self.answered("io_uring_enter", refused),
        }
    }

    fn complete(&self, burst: u16, result: ResultId) -> Result<Answer, Failure> {
        let _alone = lock(&self.acts);
        let id = self.program.bursts[usize::from(burst)][0];
        if !self.requests().is_pending(id) {
            return Ok(self.run().failed(Error::NotFound));
        }
        let (port, _) = self.binding(self.program.operations[id.index()].file);
        let on = self.ring(port).expect("something is pending on it");
        let bytes = self.program.results[result.index()].bytes as usize;
        let sent = self.requests().complete(id, bytes, on);
        sent.map_err(|error| failure("send", error))?;
        Ok(Answer::Done)
    }

    fn cancel(&self, id: OperationId) -> Result<Answer, Failure> {
        let _alone = lock(&self.acts);
        let (port, _) = self.binding(self.program.operations[id.index()].file);
        match self.ring(port) {
            Some(on) => self.answered("io_uring_register", self.requests().cancel(id, on)),
            None => Ok(self.run().failed(Error::BadHandle)),
        }
    }

    fn cancel_all(&self, file: FileId) -> Result<Answer, Failure> {
        let _alone = lock(&self.acts);
        match self.ring(self.binding(file).0) {
            Some(on) => self.answered("io_uring_register", self.requests().cancel_all(file, on)),
            None => Ok(self.run().failed(Error::BadHandle)),
        }
    }

    fn submit(&self, port: PortId, request: Request) -> Result<Answer, Failure> {
        let _alone = lock(&self.acts);
        let Some(on) = self.ring(port) else {
            return Ok(self.run().failed(Error::BadHandle));
        };
        let key = |id: PacketId| self.program.packets[id.index()].key;
        let own_key = |own: u8| key(self.program.owns[usize::from(own)][0]);
        if let (true, Request::Nop(own)) = (has_one_submitter(&self.program, port), request) {
            let own = self.carries_key(key(own), 0);
            let mut turn = on.ring.turn();
            let done = turn.submit(on.held.number(), &Entry::nop(own));
            return self.answered("io_uring_enter", done);
        }
        let requests = self.requests();
        let done = match request {
            Request::Nop(own) if requests.drains(port) => {
                self.nop_in_turn(self.carries_key(key(own), 0), false, on)
            }
            Request::Nop(own) => requests.submit(Entry::nop(self.carries_key(key(own), 0)), on, 0),
            Request::Drain(own) => self.nop_in_turn(self.carries_key(key(own), 0), true, on),
            Request::Timeout(own) => {
                let own = self.carries_key(key(own), 0);
                requests.submit(Entry::timeout(own), on, 1)
            }
            Request::Count { count, own } => {
                let own = self.carries_key(key(own), 0);
                requests.submit(Entry::count(count, own), on, 0)
            }
            Request::Cancel(id, own) => {
                let is_its = self.binding(self.program.operations[id.index()].file).0 == port;
                let own = self.carries_key(own_key(own), 0);
                requests.submit_cancel(id, own, on, is_its).map(drop)
            }
            Request::CancelFile(file, own) => {
                let is_its = self.binding(file).0 == port;
                let own = self.carries_key(own_key(own), 0);
                requests.submit_cancel_all(file, own, on, is_its).map(drop)
            }
            Request::Read(_) | Request::Chain(_) => unreachable!("a chain is submitted as such"),
        };
        self.answered("io_uring_enter", done)
    }

    /// A request to do nothing, on a ring where it may have to wait.
    fn nop_in_turn(&self, carried: u64, drain: bool, on: Open) -> Result<(), Errno> {
        let nop = Entry::nop(carried);
        let request = drained::Request {
            carried,
            drain,
            reads: None,
        };
        let nop = if drain { nop.drained() } else { nop };
        self.requests().submit_in_turn(nop, request, on)
    }

    /// What a call of the kernel answered.
    fn answered<T>(&self, call: &str, done: Result<T, Errno>) -> Result<Answer, Failure> {
        match done {
            Ok(_) => Ok(Answer::Done),
            Err(Errno::BADF) => Ok(self.run().failed(Error::BadHandle)),
            Err(Errno::NOENT) => Ok(self.run().failed(Error::NotFound)),
            Err(Errno::EXIST) => Ok(self.run().failed(Error::Exists)),
            Err(errno) => Err(failure(call, errno)),
        }
    }

    /// IORING_OP_NOP on the ring of a port.
    fn put(&self, port: PortId, carried: u64) -> Result<Answer, Failure> {
        let Some(on) = self.ring(port) else {
            return Ok(self.run().failed(Error::BadHandle));
        };
        let mut turn = on.ring.turn();
        let put = turn.submit(self.ports.get(port), &Entry::nop(carried));
        self.answered("io_uring_enter", put)
    }

    /// IORING_OP_MSG_RING from a ring of nobody else's, to its end.
    fn send(
        &self,
        sender: &Mutex<Ring>,
        target: Number<'_>,
        carried: u64,
    ) -> Result<Answer, Failure> {
        let mut sender = lock(sender);
        Entry::message(target, carried, 0).put(&mut sender.submission());
        while let Err(error) = sender.submit_and_wait(1) {
            if error.raw_os_error() != Some(Errno::INTR.raw_os_error()) {
                return Err(failure("io_uring_enter", error));
            }
            self.run().disturb();
        }
        let own = sender.completion().next().expect("it was waited for");
        if own.result() >= 0 {
            return Ok(Answer::Done);
        }
        match Errno::from_raw_os_error(-own.result()) {
            Errno::BADF | Errno::BADFD => Ok(self.run().failed(Error::BadHandle)),
            errno => Err(failure("IORING_OP_MSG_RING", errno)),
        }
    }
}

impl Rings {
    /// Where a timeout counts, its own entry comes when the thread that submitted it has been there.
    fn settle(&self) {
        if let (true, Some(requests)) = (self.counts, &self.requests) {
            requests.settle();
        }
    }

    /// IORING_REGISTER_EVENTFD.
    fn register(&self, port: PortId, event: ObjectId) -> Result<Answer, Failure> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let eventfd = eventfd(0, flags).map_err(|errno| failure("eventfd", errno))?;
        match ring::register_eventfd(self.ports.get(port), &eventfd) {
            Err(Errno::BUSY) => Ok(self.run().failed(Error::Busy)),
            Ok(()) => {
                lock(&self.registered)[port.index()] = Some((eventfd, event));
                Ok(Answer::Done)
            }
            refused => self.answered("io_uring_register", refused),
        }
    }

    /// An operation that only rings have.
    fn ask(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        match op {
            Op::MsgRing { message, .. } => self.message(message),
            Op::Submit {
                port,
                request: Request::Chain(chain),
                ..
            } => self.submit_chain(me, port, chain),
            Op::Submit { port, request, .. } => self.submit(port, request),
            Op::RingEvent { port, event, .. } => self.register(port, event),
            Op::Start { operation, .. } => self.start(me, operation),
            Op::Complete { burst, result, .. } => self.complete(burst, result),
            Op::Cancel { operation, .. } => self.cancel(operation),
            Op::CancelFile { file, .. } => self.cancel_all(file),
            Op::Associate { .. } | Op::Replace { .. } | Op::Modes { .. } => refused_before(op),
            Op::DuplicateFile { .. } | Op::CloseFile { .. } => refused_before(op),
            Op::Peek { .. } => refused_before(op),
            ops_of!(ports, port_handles, objects, threads, apcs, variables) => refused_before(op),
            ops_of!(wait_packets, jobs, sources, event_ports, kqueues) => refused_before(op),
        }
    }
}

impl Ports for Rings {
    fn run(&self) -> &Run {
        &self.ports.run
    }

    fn create(&self, port: PortId) -> Result<Answer, Failure> {
        self.ports.create(port, || {
            let Port { entries, setup, .. } = self.program.ports[port.index()];
            let ring = Shared::new(entries, setup);
            let ring = ring.map_err(|error| failure("io_uring_setup", error))?;
            Ok([Arc::new(ring)])
        })
    }

    fn close(&self, port: PortId) -> Result<Answer, Failure> {
        Ok(self.ports.close(port))
    }

    fn get(&self, _: ThreadId, get: Get) -> Result<Answer, Failure> {
        if get.max == Some(0) {
            return Ok(self.run().failed(Error::Invalid));
        }
        let end = self.run().end(get.timeout);
        let minimum_end = get
            .min_wait
            .and_then(|ticks| self.run().end(Timeout::Ticks(ticks)));
        let behind = get.times().1;
        let polls = get.timeout == Timeout::Ticks(0) || get.min == Some(0);
        let wanted = if polls {
            0
        } else {
            get.min.unwrap_or(1).into()
        };
        loop {
            // Who waits for none needs no limit.
            let end = end.filter(|_| wanted > 0);
            let now = Instant::now();
            let left = |end: Instant| end.saturating_duration_since(now);
            let minimum_left = minimum_end.filter(|_| wanted > 0).map(left);
            // Who has waited long enough for its minimum waits for any entry.
            let for_any = behind.is_some() && minimum_left == Some(Duration::ZERO);
            let patience = ring::Patience {
                minimum: minimum_left.filter(|_| !for_any),
                whole: end.map(left),
            };
            let wanted = if for_any { 1 } else { wanted };
            let waited = ring::wait(self.ports.get(get.port), wanted, patience);
            if self.run().is_over() {
                return Ok(self.run().failed(Error::Abandoned));
            }
            let entries = match (self.ring(get.port), waited) {
                (Some(on), Ok(()) | Err(Errno::TIME)) => on.ring.turn().pop(most(get)),
                (Some(_), Err(Errno::INTR)) => {
                    self.run().disturb();
                    Vec::new()
                }
                (_, Err(Errno::BADF)) | (None, _) => {
                    return Ok(self.run().failed(Error::BadHandle));
                }
                (_, Err(Errno::EXIST)) => return Ok(self.run().failed(Error::Exists)),
                (_, Err(errno)) => return Err(failure("io_uring_enter", errno)),
            };
            if !entries.is_empty() {
                return self.taken(&entries, get.max);
            }
            if get.min == Some(0) {
                return Ok(Answer::Packets(Vec::new()));
            }
            if polls || waited == Err(Errno::TIME) {
                return Ok(self.run().failed(Error::Timeout));
            }
        }
    }

    fn post(&self, me: ThreadId, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        let carried = self.posted.add(self.run().packet(packet));
        let answer = match self.kernel.messages {
            true => self.send(&self.senders[me.index()], self.ports.get(port), carried)?,
            false => self.put(port, carried)?,
        };
        if answer != Answer::Done {
            self.posted.take(carried);
        }
        self.settle();
        Ok(answer)
    }

    fn own(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        let answer = self.ask(me, op);
        self.settle();
        answer
    }

    fn signaled(&self) -> Vec<ObjectId> {
        let registered = lock(&self.registered);
        let signaled = registered.iter().flatten().filter(|(eventfd, _)| {
            let mut count = [0; 8];
            read(eventfd, &mut count).is_ok()
        });
        signaled.map(|&(_, event)| event).collect()
    }

    fn parked(&self, _: ThreadId, port: PortId) -> Parked {
        self.ports.parked(port, Call::IoUringEnter)
    }

    fn counts(&self, thread: ThreadId) -> bool {
        self.requests.as_ref().is_some_and(|it| it.pend_of(thread))
    }

    fn release(&self) -> Result<(), Failure> {
        let sender = self.senders.last().expect("one is nobody's");
        for kept in self.ports.kept().iter() {
            let [ring] = &kept.ends;
            for _ in 0..self.wanted_max {
                if self.kernel.messages {
                    self.send(sender, ring.as_fd().into(), HOME)?;
                    continue;
                }
                let put = ring.turn().send_home(ring.as_fd().into());
                self.answered("io_uring_enter", put)?;
            }
        }
        Ok(())
    }
}

/// How many entries a call waits for.
fn wanted(get: Get) -> u8 {
    get.min.unwrap_or(1).max(1)
}

fn failure(call: &str, error: impl Into<std::io::Error>) -> Failure {
    Failure::new(NAME, call, error)
}

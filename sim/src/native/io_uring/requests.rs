//! Requests: reads that pend, what ends them, and what rings are asked for besides.
//!
//! A file is one end of a pair of sockets that keep messages apart, and the other end is the device behind it: a read
//! pends until a message comes, of no bytes or more.
//!
//! The kernel ends a request in the thread that submitted it, whatever that is doing, and gives up the requests of a
//! thread that is over. So one thread submits them all, cancels them and is the device: what a call of its ends has
//! ended when that call is over.

use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use portsim_model::program::Request::Drain;
use portsim_model::program::{FileId, Op, Operation, OperationId, PortId, Program, ThreadId};
use rustix::io::Errno;
use rustix::io_uring::{IoringAsyncCancelFlags, io_uring_sync_cancel_reg, io_uring_user_data};

use super::drained::{self, Drained};
use super::entries::{BUFFERS_MAX, Entry, ROOM};
use super::ring::{self, Shared, Taken};
use crate::native::descriptors::Held;
use crate::native::lock::lock;

/// The files of a run, and what is pending on them.
pub struct Requests {
    submitter: Submitter,
    files: Vec<(UnixDatagram, UnixDatagram)>,
    /// The file of each operation.
    on: Vec<FileId>,
    /// Whether each operation goes on behind what it reports.
    goes_on: Vec<bool>,
    /// Whether each operation waits for all before it.
    waits_for_all: Vec<bool>,
    /// What each operation carries that is pending, and who issued it.
    pending: Mutex<Vec<Option<(u64, ThreadId)>>>,
    /// Chains that are not over: what is left of each.
    chains: Mutex<Vec<Left>>,
    /// The ring of each operation, where it has one.
    rings: Vec<Option<PortId>>,
    /// What waits on each ring that has drained requests.
    drained: Vec<Option<Mutex<Drained>>>,
}

/// What is left of a chain: what each request carries whose entry has not come, and the operation that it reads.
struct Left {
    issuer: ThreadId,
    requests: Vec<(u64, Option<OperationId>)>,
}

/// A request of a chain.
pub struct Link {
    /// As it is submitted.
    pub entry: Entry,
    /// What it carries.
    pub carried: u64,
    /// What it reads.
    pub reads: Option<OperationId>,
}

/// A ring, and the number under which it was opened.
pub struct Open {
    /// The port.
    pub port: PortId,
    /// The ring.
    pub ring: Arc<Shared>,
    /// The number.
    pub held: Held,
}

/// How a call that cancels something ended: with so many requests, or with an error.
pub type Cancelled = Result<usize, Errno>;

impl Requests {
    /// The files of a program, on which nothing pends, on a kernel that has multishot reads or not. Whether requests wait for
    /// what waited behind a drained one is asked where there is one.
    pub fn new(
        program: &Program,
        multishot: bool,
        drains_on: fn() -> bool,
    ) -> std::io::Result<Requests> {
        let files = program.files.iter().map(|_| UnixDatagram::pair());
        let ring = |operation: &Operation| {
            let binding = program.files[operation.file.index()].binding;
            Some(program.bindings[binding?.index()].port)
        };
        let rings: Vec<_> = program.operations.iter().map(ring).collect();
        let drains =
            |port: PortId| {
                let operations = program.operations.iter().zip(&rings);
                operations.into_iter().any(|(it, ring)| it.drain && *ring == Some(port))
                || program.ops().any(|op| {
                    matches!(op, Op::Submit { port: on, request: Drain(_), .. } if on == port)
                })
            };
        // Where the kernel has no such reads nobody starts one, and buffers for them would leave entries of their own.
        let goes_on = |it: &Operation| it.multishot && multishot;
        let drained = |port| drains(port).then(|| Mutex::new(Drained::new(drains_on())));
        Ok(Requests {
            drained: program.port_ids().map(drained).collect(),
            rings: rings.clone(),
            submitter: Submitter::new()?,
            files: files.collect::<Result<_, _>>()?,
            on: program.operations.iter().map(|it| it.file).collect(),
            waits_for_all: program.operations.iter().map(|it| it.drain).collect(),
            goes_on: program.operations.iter().map(goes_on).collect(),
            pending: Mutex::new(vec![None; program.operations.len()]),
            chains: Mutex::default(),
        })
    }

    /// What the kernel has left for the thread that submits is done.
    pub fn settle(&self) {
        self.submitter.run(|| ());
    }

    /// Whether an operation is pending.
    pub fn is_pending(&self, id: OperationId) -> bool {
        lock(&self.pending)[id.index()].is_some()
    }

    /// Whether something is pending that a thread has issued.
    pub fn pend_of(&self, thread: ThreadId) -> bool {
        lock(&self.pending)
            .iter()
            .flatten()
            .any(|&(_, issuer)| issuer == thread)
    }

    /// IORING_OP_READ, or IORING_OP_READ_MULTISHOT with a buffer for what comes first.
    pub fn start(
        &self,
        me: ThreadId,
        id: OperationId,
        on: Open,
        carried: u64,
    ) -> Result<(), Errno> {
        if self.drains(on.port) {
            let request = drained::Request {
                carried,
                drain: self.waits_for_all[id.index()],
                reads: Some((id, me)),
            };
            return self.submit_in_turn(self.read(id, carried), request, on);
        }
        let file = self.descriptor(self.on[id.index()]);
        let requests = match self.goes_on[id.index()] {
            false => vec![Entry::read(file, carried)],
            true => vec![Entry::buffers(BUFFERS_MAX), Entry::read_on(file, carried)],
        };
        let submitted = self.submitter.run(move || {
            let mut turn = on.ring.turn();
            let mut requests = requests.iter();
            requests.try_for_each(|request| turn.submit(on.held.number(), request))
        });
        if submitted.is_ok() {
            lock(&self.pending)[id.index()] = Some((carried, me));
        }
        submitted
    }

    /// The device sends so many bytes to the file of an operation: which read has them is the kernel's business.
    pub fn complete(&self, id: OperationId, bytes: usize, on: Open) -> std::io::Result<()> {
        let device = self.files[self.on[id.index()].index()].1.try_clone()?;
        let port = on.port;
        let mut of_rings = self.goes_on.iter().zip(&self.rings);
        let gives = of_rings.any(|(&goes_on, &ring)| goes_on && ring == Some(port));
        let (drained, begun) = self.when_ended(port, 1);
        let nops = nops(&begun);
        let entries = self.submitter.run(move || {
            let mut turn = on.ring.turn();
            if gives {
                // In the place of the one that is used up. A closed ring has what it was given.
                let _ = turn.submit(on.held.number(), &Entry::buffers(1));
            }
            let before = turn.there().len();
            device.send(&[0; ROOM][..bytes])?;
            turn.wait_for(before + 1)?;
            turn.look_for(before + 1 + nops);
            Ok::<_, std::io::Error>(turn.settled(before))
        })?;
        self.have_come(&entries);
        self.begins(port, drained, begun);
        Ok(())
    }

    /// Whether requests of a ring may have to wait for others.
    pub fn drains(&self, port: PortId) -> bool {
        self.drained[port.index()].is_some()
    }

    /// A read or a request to do nothing, to a ring where it may have to wait.
    pub fn submit_in_turn(
        &self,
        entry: Entry,
        request: drained::Request,
        on: Open,
    ) -> Result<(), Errno> {
        let port = on.port;
        let mut drained = self.drained_of(port);
        let begun = drained.submit(request, self.count_in(port));
        let nops = nops(&begun);
        let come = self.submitter.run(move || {
            let mut turn = on.ring.turn();
            let before = turn.there().len();
            turn.submit(on.held.number(), &entry)?;
            turn.look_for(before + nops);
            Ok(turn.settled(before))
        })?;
        self.have_come(&come);
        self.begins(port, drained, begun);
        Ok(())
    }

    /// What waits on a ring when so many reads of it have ended, and what has begun by then.
    fn when_ended(&self, port: PortId, reads: usize) -> (Drained, Vec<drained::Request>) {
        let mut drained = self.drained_of(port);
        let begun = drained.begin(self.count_in(port).saturating_sub(reads));
        (drained, begun)
    }

    fn drained_of(&self, port: PortId) -> Drained {
        let drained = self.drained[port.index()].as_ref();
        drained.map(|it| lock(it).clone()).unwrap_or_default()
    }

    /// That has happened: reads that have begun pend.
    fn begins(&self, port: PortId, drained: Drained, begun: Vec<drained::Request>) {
        if let Some(kept) = &self.drained[port.index()] {
            *lock(kept) = drained;
        }
        let mut pending = lock(&self.pending);
        for request in begun {
            if let Some((id, issuer)) = request.reads {
                pending[id.index()] = Some((request.carried, issuer));
            }
        }
    }

    /// How many reads pend on a ring.
    fn count_in(&self, port: PortId) -> usize {
        let pending = lock(&self.pending);
        let of = self.rings.iter().zip(&*pending);
        of.filter(|(ring, pending)| **ring == Some(port) && pending.is_some())
            .count()
    }

    /// Whether a read waits for others before it begins.
    pub fn waits(&self, id: OperationId) -> bool {
        let drained = self.drained.iter().flatten();
        drained.into_iter().any(|it| lock(it).waits(id))
    }

    /// A read of the file of an operation.
    pub fn read(&self, id: OperationId, carried: u64) -> Entry {
        let read = Entry::read(self.descriptor(self.on[id.index()]), carried);
        if self.waits_for_all[id.index()] {
            read.drained()
        } else {
            read
        }
    }

    /// A cancel of what an operation has pending now.
    pub fn cancel_of(&self, id: OperationId, own: u64) -> Entry {
        let pending = lock(&self.pending)[id.index()];
        Entry::cancel(pending.map_or(NOBODY, |(carried, _)| carried), own)
    }

    /// A cancel of all requests on a file.
    pub fn cancel_of_all(&self, file: FileId, own: u64) -> Entry {
        Entry::cancel_all(self.descriptor(file), own)
    }

    /// Submits linked requests in one call.
    pub fn submit_chain(&self, me: ThreadId, links: Vec<Link>, on: Open) -> Result<(), Errno> {
        let requests = links.iter().map(|link| (link.carried, link.reads));
        let left = Left {
            issuer: me,
            requests: requests.collect(),
        };
        let entries: Vec<_> = links.into_iter().map(|link| link.entry).collect();
        let come = self.submitter.run(move || {
            let mut turn = on.ring.turn();
            let before = turn.there().len();
            turn.submit_all(on.held.number(), &entries)?;
            Ok(turn.settled(before))
        })?;
        lock(&self.chains).push(left);
        self.have_come(&come);
        Ok(())
    }

    /// Whether a chain with this operation in it is not over.
    pub fn is_linked(&self, id: OperationId) -> bool {
        let chains = lock(&self.chains);
        let mut left = chains.iter().flat_map(|left| &left.requests);
        left.any(|&(_, reads)| reads == Some(id))
    }

    /// Entries have come: what they are of is over, and of each chain the next read pends.
    fn have_come(&self, entries: &[Taken]) {
        let has_come = |carried: u64| {
            let mut entries = entries.iter().filter(|entry| !entry.goes_on);
            entries.any(|entry| entry.carried == carried)
        };
        let (mut pending, mut chains) = (lock(&self.pending), lock(&self.chains));
        for pending in &mut *pending {
            pending.take_if(|&mut (carried, _)| has_come(carried));
        }
        for left in &mut *chains {
            left.requests.retain(|&(carried, _)| !has_come(carried));
            if let Some(&(carried, Some(id))) = left.requests.first() {
                pending[id.index()] = Some((carried, left.issuer));
            }
        }
        chains.retain(|left| !left.requests.is_empty());
    }

    /// IORING_REGISTER_SYNC_CANCEL of one request.
    pub fn cancel(&self, id: OperationId, on: Open) -> Cancelled {
        let Some((carried, _)) = lock(&self.pending)[id.index()] else {
            return self.sync_cancel(on, What::Carries(NOBODY), 0);
        };
        let done = self.sync_cancel(on, What::Carries(carried), 1);
        self.forget(done, |other| other == id);
        done
    }

    /// The same of all requests on a file.
    pub fn cancel_all(&self, file: FileId, on: Open) -> Cancelled {
        let all = What::IsOn(self.descriptor(file));
        let done = self.sync_cancel(on, all, self.count_on(file));
        self.forget(done, |other| self.on[other.index()] == file);
        done
    }

    /// Submits a request that ends by itself, and waits for so many entries that do not come in the call.
    pub fn submit(&self, request: Entry, on: Open, entries: usize) -> Result<(), Errno> {
        let come = self.submitter.run(move || {
            let mut turn = on.ring.turn();
            let before = turn.there().len();
            turn.submit(on.held.number(), &request)?;
            turn.wait_for(before + entries)?;
            Ok(turn.settled(before))
        })?;
        self.have_come(&come);
        Ok(())
    }

    /// IORING_OP_ASYNC_CANCEL of one request.
    pub fn submit_cancel(&self, id: OperationId, own: u64, on: Open, is_its: bool) -> Cancelled {
        let ended = usize::from(is_its && self.is_pending(id));
        let request = self.cancel_of(id, own);
        let done = self.submit(request, on, 1 + ended).map(|()| ended);
        if ended > 0 {
            self.forget(done, |other| other == id);
        }
        done
    }

    /// The same of all requests on a file.
    pub fn submit_cancel_all(&self, file: FileId, own: u64, on: Open, is_its: bool) -> Cancelled {
        let ended = if is_its { self.count_on(file) } else { 0 };
        let request = self.cancel_of_all(file, own);
        let done = self.submit(request, on, 1 + ended).map(|()| ended);
        if is_its {
            self.forget(done, |other| self.on[other.index()] == file);
        }
        done
    }

    fn sync_cancel(&self, on: Open, what: What, ended: usize) -> Cancelled {
        let port = on.port;
        let (drained, begun) = self.when_ended(port, ended);
        let nops = nops(&begun);
        let come = self.submitter.run(move || {
            let mut turn = on.ring.turn();
            let before = turn.there().len();
            ring::cancel(on.held.number(), &what.asked())?;
            turn.wait_for(before + ended)?;
            turn.look_for(before + ended + nops);
            Ok(turn.settled(before))
        })?;
        self.have_come(&come);
        self.begins(port, drained, begun);
        Ok(ended)
    }

    fn descriptor(&self, file: FileId) -> RawFd {
        self.files[file.index()].0.as_raw_fd()
    }

    /// How many requests pend on a file.
    fn count_on(&self, file: FileId) -> usize {
        let pending = lock(&self.pending);
        let on_it = self.on.iter().zip(&*pending);
        on_it
            .filter(|(on, pending)| **on == file && pending.is_some())
            .count()
    }

    /// What was cancelled pends no more.
    fn forget(&self, done: Cancelled, is_meant: impl Fn(OperationId) -> bool) {
        if done.is_ok() {
            let mut pending = lock(&self.pending);
            for (n, pending) in pending.iter_mut().enumerate() {
                if is_meant(OperationId(n as u8)) {
                    *pending = None;
                }
            }
        }
    }
}

/// How many of them leave an entry at once.
fn nops(begun: &[drained::Request]) -> usize {
    begun.iter().filter(|it| it.reads.is_none()).count()
}

/// A cancel of what nobody has submitted.
pub fn nobody() -> io_uring_sync_cancel_reg {
    What::Carries(NOBODY).asked()
}

/// What nothing carries that was ever submitted.
const NOBODY: u64 = u64::MAX - 1;

/// Which requests are cancelled.
enum What {
    /// The one that carries this.
    Carries(u64),
    /// All on this descriptor.
    IsOn(RawFd),
}

impl What {
    /// As the kernel is asked for it, for however long it takes.
    fn asked(&self) -> io_uring_sync_cancel_reg {
        let mut asked = io_uring_sync_cancel_reg::default();
        (asked.timeout.tv_sec, asked.timeout.tv_nsec) = (-1, -1);
        match self {
            What::Carries(carried) => asked.addr = io_uring_user_data::from(*carried),
            What::IsOn(descriptor) => {
                asked.fd = *descriptor;
                asked.flags = IoringAsyncCancelFlags::FD | IoringAsyncCancelFlags::ALL;
            }
        }
        asked
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// The thread that submits.
struct Submitter {
    /// None only while it ends.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Submitter {
    fn new() -> std::io::Result<Submitter> {
        let (jobs, work) = channel::<Job>();
        let thread = thread::Builder::new()
            .name("portsim submitter".to_owned())
            .spawn(move || work.into_iter().for_each(|job| job()))?;
        Ok(Submitter {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Does something on that thread, and waits for it.
    fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (tell, told) = channel();
        let job = move || drop(tell.send(work()));
        let jobs = self.jobs.as_ref().expect("it ends last");
        jobs.send(Box::new(job)).expect("it waits for work");
        told.recv().expect("it tells what came of it")
    }
}

impl Drop for Submitter {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

//! A world of two parts: the ports are the backend's, and everything else that a thread waits for is kept here.

use portsim_model::ops_of;
use portsim_model::program::{Get, ObjectId, Op, PacketId, PortId, Program, ThreadId};

use super::backend::Failure;
use super::objects::{Bell, Objects};
use super::run::Run;
use super::world::{Parked, World};
use crate::trace::Answer;

/// The ports of one run on one backend.
pub trait Ports: Send + Sync {
    /// The run.
    fn run(&self) -> &Run;

    /// See [`World::arrives`].
    fn arrives(&self, _me: ThreadId) -> Result<(), Failure> {
        Ok(())
    }

    /// Makes a port; one that is open exists already.
    fn create(&self, port: PortId) -> Result<Answer, Failure>;

    /// Closes a port.
    fn close(&self, port: PortId) -> Result<Answer, Failure>;

    /// Takes packets from a port; may block in the kernel.
    fn get(&self, me: ThreadId, get: Get) -> Result<Answer, Failure>;

    /// Puts a packet into a port.
    fn post(&self, me: ThreadId, port: PortId, packet: PacketId) -> Result<Answer, Failure>;

    /// Makes an operation that only some systems have, this one among them.
    fn own(&self, _me: ThreadId, op: Op) -> Result<Answer, Failure> {
        refused_before(op)
    }

    /// The events that the kernel has set since they were asked for last.
    fn signaled(&self) -> Vec<ObjectId> {
        Vec::new()
    }

    /// Whether a thread is parked in a call that takes packets from this port.
    fn parked(&self, thread: ThreadId, port: PortId) -> Parked;

    /// Whether a thread is parked in a wait for the handle of a port.
    fn parked_at_handle(&self, _thread: ThreadId) -> Parked {
        Parked::No
    }

    /// See [`World::asks_kernel`].
    fn asks_kernel(&self) -> bool {
        true
    }

    /// See [`World::settled`].
    fn settled(&self) -> bool {
        true
    }

    /// See [`World::counts`].
    fn counts(&self, _: ThreadId) -> bool {
        false
    }

    /// Releases every thread that waits for packets; the run knows that it is over.
    fn release(&self) -> Result<(), Failure>;
}

/// Nobody makes an operation that is refused before a run.
pub fn refused_before(op: Op) -> ! {
    unreachable!("{op:?} is refused before a run")
}

/// The ports of a backend, and the objects.
pub struct PortsAndObjects<P, B> {
    ports: P,
    objects: Objects<B>,
}

impl<P: Ports, B: Bell> PortsAndObjects<P, B> {
    /// These ports, of which those of the program are opened that are open at the start, and a bell for each thread.
    pub fn new(
        program: &Program,
        ports: P,
        bell: impl Fn() -> Result<B, Failure>,
    ) -> Result<PortsAndObjects<P, B>, Failure> {
        for port in program.port_ids() {
            if program.ports[port.index()].open {
                ports.create(port)?;
            }
        }
        let objects = Objects::new(program, bell)?;
        Ok(PortsAndObjects { ports, objects })
    }

    /// An operation, of a port or of an object.
    fn make(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        let (run, objects) = (self.ports.run(), &self.objects);
        match op {
            Op::Get { .. } => self.ports.get(me, op.as_get().expect("it is one")),
            Op::Post { port, packet, .. } => self.ports.post(me, port, packet),
            Op::Close { port, .. } => self.ports.close(port),
            Op::Create { port, .. } => self.ports.create(port),
            Op::Block {
                object, timeout, ..
            }
            | Op::Join {
                object, timeout, ..
            } => objects.block(run, me, object, timeout),
            Op::Signal { object } => objects.signal(run, me, object),
            Op::Reset { object } => Ok(objects.reset(run, object)),
            Op::Stall => objects.stall(me),
            Op::Sleep { ticks, .. } => objects.sleep(me, run.lasts(ticks)),
            Op::Yield | ops_of!(variables) => unreachable!("{op:?} needs no kernel"),
            ops_of!(port_handles, threads, apcs, files, wait_packets, jobs)
            | ops_of!(sources, event_ports, rings, kqueues) => self.ports.own(me, op),
        }
    }
}

impl<P: Ports, B: Bell> World for PortsAndObjects<P, B> {
    fn backend(&self) -> &'static str {
        self.ports.run().backend()
    }

    fn arrives(&self, me: ThreadId) -> Result<(), Failure> {
        self.ports.arrives(me)
    }

    fn perform(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        let answer = self.make(me, op);
        for event in self.ports.signaled() {
            self.objects.signal(self.ports.run(), me, event)?;
        }
        answer
    }

    fn parked(&self, thread: ThreadId, op: Op) -> Parked {
        match op {
            Op::Get { port, .. } => self.ports.parked(thread, port),
            Op::Block { .. } | Op::Join { .. } | Op::Stall | Op::Sleep { .. } => {
                self.objects.parked(thread)
            }
            Op::WaitHandle { .. } => self.ports.parked_at_handle(thread),
            Op::DuplicatePort { .. } | Op::Query { .. } => Parked::No,
            Op::Post { .. } | Op::Close { .. } | Op::Create { .. } => Parked::No,
            Op::Signal { .. } | Op::Reset { .. } | Op::Yield => Parked::No,
            ops_of!(threads, apcs, variables, files) => Parked::No,
            ops_of!(wait_packets, jobs, sources, event_ports, rings, kqueues) => Parked::No,
        }
    }

    fn asks_kernel(&self) -> bool {
        self.ports.asks_kernel()
    }

    fn settled(&self) -> bool {
        self.ports.settled()
    }

    fn counts(&self, thread: ThreadId) -> bool {
        self.ports.counts(thread)
    }

    fn ended(&self, thread: ThreadId) -> Result<(), Failure> {
        self.objects.ended(thread)
    }

    fn come_back(&self, thread: ThreadId) -> Result<(), Failure> {
        self.objects.come_back(thread)
    }

    fn release(&self) -> Result<(), Failure> {
        self.ports.run().ends();
        self.objects.release()?;
        self.ports.release()
    }

    fn disturbed(&self) -> bool {
        self.ports.run().is_disturbed() || self.objects.disturbed()
    }
}

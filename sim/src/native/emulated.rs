//! Any system: a port is one of [`portsim_port`], in user space, with the rules of Windows.
//!
//! The port itself knows who waits on it, and a thread's bell knows who sleeps at it, so nobody has to look from
//! outside. A thread counts by its association: one that waits for the conductor counts as running, as it must;
//! only what a scenario itself calls a wait is one.
//!
//! - A call of `Bell::wait` that really sleeps is a blocking scope. One that is satisfied at once is none.
//! - The end of a thread that belongs to a port is its real end: the port is told by the thread's own record.
//! - A port is owned by the world and closed by value: there are no handles to count.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::os_error::win32;
use portsim_model::program::{Get, Op, Packet, PacketId, PortId, Program, ThreadId, Verb};

use super::backend::{Backend, Failure};
use super::can::{Can, OWN_VARIABLES};
use super::lock::lock;
use super::objects::Bell;
use super::ports::{Ports, PortsAndObjects, refused_before};
use super::run::Run;
use super::world::{Parked, World};
#[cfg(test)]
use crate::port::fault::Fault;
use crate::port::{GetError, Port, blocking};
use crate::trace::Answer;

const NAME: &str = "emulated";

/// The backend `emulated`.
pub struct Emulated {
    /// What is wrong with its ports, on purpose.
    #[cfg(test)]
    pub fault: Option<Fault>,
}

impl Emulated {
    /// The port as it is.
    pub const SOUND: Emulated = Emulated {
        #[cfg(test)]
        fault: None,
    };

    fn port(&self, concurrency: u32) -> Port<Packet> {
        #[cfg(test)]
        return Port::with_fault(concurrency, self.fault);
        #[cfg(not(test))]
        Port::new(concurrency)
    }
}

impl Backend for Emulated {
    fn name(&self) -> &'static str {
        NAME
    }

    fn system(&self) -> &'static str {
        "windows"
    }

    fn processors(&self) -> Option<u32> {
        Some(Port::<()>::new(0).concurrency())
    }

    fn available(&self) -> Result<(), String> {
        Ok(())
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), String> {
        CAN.supports(program, op)
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        let ports = EmulatedPorts {
            run: Run::new(NAME, win32, program, tick),
            ports: program.ports.iter().map(|_| Mutex::default()).collect(),
            limits: program.ports.iter().map(|port| port.concurrency).collect(),
            threads: program.threads.iter().map(|_| Known::default()).collect(),
            #[cfg(test)]
            fault: self.fault,
        };
        let world = PortsAndObjects::new(program, ports, || Ok(CondvarBell::default()))?;
        Ok(Some(Arc::new(world)))
    }
}

const CAN: Can = Can {
    own: &[Verb::Query],
    lacks: &[
        (&[Verb::DuplicatePort], "a port in user space has one owner"),
        (
            &[Verb::WaitHandle],
            "a port in user space is no handle to wait for",
        ),
        (
            &[Verb::Suspend, Verb::Resume],
            "user space cannot suspend a thread and tell the port",
        ),
    ],
    lacks_the_rest: "a port in user space has no such operation",
    alertable: "user space has no alertable waits",
    minimum: Some("a batch takes what is there, and waits for no more"),
    minimum_wait: None,
    keeps: Some(OWN_VARIABLES),
    status: None,
    reserve: "a port in user space has no reserve objects",
    named: "a port in user space has no name",
};

struct EmulatedPorts {
    run: Run,
    /// Those that are open.
    ports: Vec<Mutex<Option<Arc<Port<Packet>>>>>,
    limits: Vec<u32>,
    threads: Vec<Known>,
    #[cfg(test)]
    fault: Option<Fault>,
}

/// What is known of a thread.
#[derive(Default)]
struct Known {
    id: OnceLock<thread::ThreadId>,
    /// The port to which it belongs, or belonged until that was closed.
    port: Mutex<Option<Arc<Port<Packet>>>>,
}

impl EmulatedPorts {
    fn port(&self, port: PortId) -> Option<Arc<Port<Packet>>> {
        lock(&self.ports[port.index()]).clone()
    }

    fn query(&self, port: PortId) -> Answer {
        match self.port(port) {
            Some(port) => Answer::Value(port.depth() as i64),
            None => self.run.failed(Error::BadHandle),
        }
    }
}

impl Ports for EmulatedPorts {
    fn run(&self) -> &Run {
        &self.run
    }

    fn create(&self, port: PortId) -> Result<Answer, Failure> {
        let backend = Emulated {
            #[cfg(test)]
            fault: self.fault,
        };
        let mut place = lock(&self.ports[port.index()]);
        if place.is_some() {
            return Ok(self.run.failed(Error::Exists));
        }
        *place = Some(Arc::new(backend.port(self.limits[port.index()])));
        Ok(Answer::Done)
    }

    fn close(&self, port: PortId) -> Result<Answer, Failure> {
        let closed = lock(&self.ports[port.index()]).take();
        Ok(match closed.map(|port| port.close()) {
            Some(Ok(_)) => Answer::Done,
            _ => self.run.failed(Error::BadHandle),
        })
    }

    fn get(&self, me: ThreadId, get: Get) -> Result<Answer, Failure> {
        if get.max == Some(0) {
            return Ok(self.run.failed(Error::Invalid));
        }
        let Some(port) = self.port(get.port) else {
            return Ok(self.run.failed(Error::BadHandle));
        };
        let known = &self.threads[me.index()];
        known.id.get_or_init(|| thread::current().id());
        let answer = match (get.max, self.run.patience(get.timeout)) {
            (None, None) => port.get().map(Answer::Packet),
            (None, Some(patience)) => port.get_within(patience).map(Answer::Packet),
            (Some(max), patience) => {
                let mut packets = Vec::new();
                let taken = port.get_batch(&mut packets, max.into(), patience);
                taken.map(|_| Answer::Packets(packets))
            }
        };
        *lock(&known.port) = port.is_mine().then_some(port);
        Ok(answer.unwrap_or_else(|error| {
            self.run.failed(match error {
                GetError::TimedOut => Error::Timeout,
                GetError::Abandoned => Error::Abandoned,
                GetError::Closed => Error::BadHandle,
                GetError::EmptyBatch => Error::Invalid,
            })
        }))
    }

    fn post(&self, _: ThreadId, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        let packet = self.run.packet(packet);
        Ok(match self.port(port).map(|port| port.post(packet)) {
            Some(Ok(())) => Answer::Done,
            _ => self.run.failed(Error::BadHandle),
        })
    }

    fn own(&self, _: ThreadId, op: Op) -> Result<Answer, Failure> {
        let Op::Query { port, .. } = op else {
            refused_before(op);
        };
        Ok(self.query(port))
    }

    fn parked(&self, thread: ThreadId, port: PortId) -> Parked {
        let id = self.threads[thread.index()].id.get();
        let waits = |port: Arc<Port<Packet>>| {
            let waiting = port.waiting();
            id.is_some_and(|id| waiting.contains(id))
        };
        match self.port(port).is_some_and(waits) {
            true => Parked::Yes,
            false => Parked::No,
        }
    }

    fn asks_kernel(&self) -> bool {
        false
    }

    fn counts(&self, thread: ThreadId) -> bool {
        let port = lock(&self.threads[thread.index()].port);
        port.as_ref().is_some_and(|port| port.is_open())
    }

    fn release(&self) -> Result<(), Failure> {
        for port in &self.ports {
            if let Some(port) = lock(port).take() {
                // What is left in it is nobody's any more.
                drop(port.close());
            }
        }
        Ok(())
    }
}

/// A bell that any system has. Whoever sleeps at it does not run, and its port is told.
#[derive(Default)]
struct CondvarBell {
    state: Mutex<Ringing>,
    rings: Condvar,
}

#[derive(Default)]
struct Ringing {
    rang: bool,
    asleep: bool,
    /// How often a thread has slept at it.
    sleeps: u64,
}

impl CondvarBell {
    /// Sleeps until it has rung or the time is over.
    fn sleep(&self, end: Option<Instant>) -> bool {
        let mut state = lock(&self.state);
        state.asleep = true;
        state.sleeps += 1;
        while !state.rang {
            let rest = end.map(|end| end.saturating_duration_since(Instant::now()));
            state = match rest {
                Some(Duration::ZERO) => break,
                Some(rest) => {
                    let woken = self.rings.wait_timeout(state, rest);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let woken = self.rings.wait(state);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
        state.asleep = false;
        std::mem::take(&mut state.rang)
    }
}

impl CondvarBell {
    /// Sleeps, and leaves the scope by a panic, as a thread does that dies in it. The port must take it for any other end
    /// of a scope: so every second sleep ends so.
    fn panics_after_sleep(&self, end: Option<Instant>) -> bool {
        let mut rang = false;
        let dies = || {
            blocking(|| {
                rang = self.sleep(end);
                // No hook is called, so nobody is told of it.
                panic::resume_unwind(Box::new("on purpose"))
            })
        };
        let died: Result<(), _> = panic::catch_unwind(AssertUnwindSafe(dies));
        drop(died);
        rang
    }
}

impl Bell for CondvarBell {
    fn ring(&self) -> Result<(), Failure> {
        lock(&self.state).rang = true;
        self.rings.notify_one();
        Ok(())
    }

    fn wait(&self, patience: Option<Duration>) -> Result<bool, Failure> {
        let end = patience.and_then(|patience| Instant::now().checked_add(patience));
        if std::mem::take(&mut lock(&self.state).rang) {
            return Ok(true);
        }
        let panics = lock(&self.state).sleeps % 2 == 1;
        Ok(match panics {
            true => self.panics_after_sleep(end),
            false => blocking(|| self.sleep(end)),
        })
    }

    fn parked(&self) -> Parked {
        let state = lock(&self.state);
        match state.asleep && !state.rang {
            true => Parked::Yes,
            false => Parked::No,
        }
    }
}

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
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::os_error::win32;
use portsim_model::program::{Op, Packet, PacketId, PortId, Program, ThreadId, Timeout};

use super::backend::{Backend, Failure, Threads};
use super::local_threads::LocalThreads;
use super::objects::{Bell, Objects};
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
        match op {
            Op::Get { min: Some(_), .. } => {
                Err("a batch takes what is there, and waits for no more".into())
            }
            Op::Post { may_fail: true, .. } => Err("nobody can make memory scarce here".into()),
            Op::Post {
                reserve: Some(_), ..
            } => Err("a port in user space has no reserve objects".into()),
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("a port in user space has no name".into())
            }
            Op::DuplicatePort { .. } => Err("a port in user space has one owner".into()),
            Op::WaitHandle { .. } => Err("a port in user space is no handle to wait for".into()),
            Op::Suspend { .. } | Op::Resume { .. } => {
                Err("user space cannot suspend a thread and tell the port".into())
            }
            _ if op.is_alertable() => Err("user space has no alertable waits".into()),
            Op::Query { .. } => Ok(()),
            _ if op.is_portable() => Ok(()),
            _ => Err("a port in user space has no such operation".into()),
        }
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        let ports = program.ports.iter();
        let world = EmulatedWorld {
            tick,
            packets: program.packets.clone(),
            ports: ports
                .map(|declared| {
                    let port = Arc::new(self.port(declared.concurrency));
                    Mutex::new(declared.open.then_some(port))
                })
                .collect(),
            limits: program.ports.iter().map(|port| port.concurrency).collect(),
            threads: program.threads.iter().map(|_| Known::default()).collect(),
            objects: Objects::new(program, tick, win32, || Ok(CondvarBell::default()))?,
            #[cfg(test)]
            fault: self.fault,
        };
        Ok(Some(Arc::new(world)))
    }

    fn open(&self, program: &Program, tick: Duration) -> Result<Box<dyn Threads>, Failure> {
        let world = self.world(program, tick)?.expect("it is here");
        Ok(Box::new(LocalThreads::new(world, program.threads.len())?))
    }
}

struct EmulatedWorld {
    tick: Duration,
    packets: Vec<Packet>,
    /// Those that are open.
    ports: Vec<Mutex<Option<Arc<Port<Packet>>>>>,
    limits: Vec<u32>,
    threads: Vec<Known>,
    objects: Objects<CondvarBell>,
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

impl EmulatedWorld {
    fn port(&self, port: PortId) -> Option<Arc<Port<Packet>>> {
        lock(&self.ports[port.index()]).clone()
    }

    fn create(&self, port: PortId) -> Answer {
        let backend = Emulated {
            #[cfg(test)]
            fault: self.fault,
        };
        let mut place = lock(&self.ports[port.index()]);
        if place.is_some() {
            return failed(Error::Exists);
        }
        *place = Some(Arc::new(backend.port(self.limits[port.index()])));
        Answer::Done
    }

    fn close(&self, port: PortId) -> Answer {
        let closed = lock(&self.ports[port.index()]).take();
        match closed.map(|port| port.close()) {
            Some(Ok(_)) => Answer::Done,
            _ => failed(Error::BadHandle),
        }
    }

    fn get(&self, me: ThreadId, port: PortId, timeout: Timeout, max: Option<u8>) -> Answer {
        if max == Some(0) {
            return failed(Error::Invalid);
        }
        let Some(port) = self.port(port) else {
            return failed(Error::BadHandle);
        };
        let known = &self.threads[me.index()];
        known.id.get_or_init(|| thread::current().id());
        let patience = match timeout {
            Timeout::Never => None,
            Timeout::Ticks(ticks) => Some(self.tick * ticks),
        };
        let answer = match max {
            None => match patience {
                None => port.get(),
                Some(patience) => port.get_within(patience),
            }
            .map(Answer::Packet),
            Some(max) => {
                let mut packets = Vec::new();
                let taken = port.get_batch(&mut packets, max.into(), patience);
                taken.map(|_| Answer::Packets(packets))
            }
        };
        *lock(&known.port) = port.is_mine().then_some(port);
        answer.unwrap_or_else(|error| match error {
            GetError::TimedOut => failed(Error::Timeout),
            GetError::Abandoned => failed(Error::Abandoned),
            GetError::Closed => failed(Error::BadHandle),
            GetError::EmptyBatch => failed(Error::Invalid),
        })
    }

    fn post(&self, port: PortId, packet: PacketId) -> Answer {
        let packet = self.packets[packet.index()];
        match self.port(port).map(|port| port.post(packet)) {
            Some(Ok(())) => Answer::Done,
            _ => failed(Error::BadHandle),
        }
    }

    fn query(&self, port: PortId) -> Answer {
        match self.port(port) {
            Some(port) => Answer::Value(port.depth() as u8),
            None => failed(Error::BadHandle),
        }
    }
}

impl World for EmulatedWorld {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn perform(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        Ok(match op {
            Op::Get {
                port, timeout, max, ..
            } => self.get(me, port, timeout, max),
            Op::Post { port, packet, .. } => self.post(port, packet),
            Op::Close { port, .. } => self.close(port),
            Op::Create { port, .. } => self.create(port),
            Op::Query { port, .. } => self.query(port),
            _ => return self.objects.perform(me, op),
        })
    }

    fn parked(&self, thread: ThreadId, op: Op) -> Parked {
        match op {
            Op::Get { port, .. } => {
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
            Op::Block { .. } | Op::Stall | Op::Sleep { .. } => self.objects.parked(thread),
            _ => Parked::No,
        }
    }

    fn asks_kernel(&self) -> bool {
        false
    }

    fn counts(&self, thread: ThreadId) -> bool {
        let port = lock(&self.threads[thread.index()].port);
        port.as_ref().is_some_and(|port| port.is_open())
    }

    fn come_back(&self, thread: ThreadId) -> Result<(), Failure> {
        self.objects.come_back(thread)
    }

    fn release(&self) -> Result<(), Failure> {
        for port in &self.ports {
            if let Some(port) = lock(port).take() {
                // What is left in it is nobody's any more.
                drop(port.close());
            }
        }
        self.objects.release()
    }

    fn disturbed(&self) -> bool {
        false
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

fn failed(error: Error) -> Answer {
    Answer::Failed(win32(error).name.into())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

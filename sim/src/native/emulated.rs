//! Any system: a port is one of [`portsim_port`], in user space, with the rules of Windows.
//!
//! The port itself knows who waits on it, and a thread's bell knows who sleeps at it, so nobody has to look from
//! outside. A thread counts by its association: one that waits for the conductor counts as running, as it must;
//! only what a scenario itself calls a wait is one.
//!
//! - A thread that must wait is away from its port until its bell is rung, and whoever rings it counts the thread. A
//!   wait that is satisfied at once is no absence. A thread whose time is over has nobody who wakes it: it counts
//!   itself.
//! - The end of a thread that belongs to a port is its real end: the port is told by the thread's own record.
//! - A port is owned by the world and closed by value: there are no handles to count.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use portsim_model::event::Error;
use portsim_model::os_error::win32;
use portsim_model::program::{Get, Op, Packet, PacketId, PortId, Program, ThreadId, Verb};

use super::backend::{Backend, Failure};
use super::can::{Can, OWN_VARIABLES};
use super::condvar_bell::CondvarBell;
use super::lock::lock;
use super::objects::Bell;
use super::ports::{Ports, PortsAndObjects, refused_before};
use super::run::Run;
use super::world::{Parked, World};
#[cfg(test)]
use crate::port::fault::Fault;
use crate::port::{Away, Back, GetError, Port};
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
        let world = PortsAndObjects::new(program, ports, || Ok(CountingBell::default()))?;
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

/// Whoever sleeps at this bell does not run, and its port is told; whoever rings it counts the sleeper, so that it counts
/// when the call that rang returns. A sleeper whose time is over counts itself.
#[derive(Default)]
struct CountingBell {
    bell: CondvarBell,
    left: Mutex<Left>,
}

#[derive(Default)]
struct Left {
    /// How the thread that left last counts again.
    back: Option<Back>,
    /// How often a thread has left for the bell.
    absences: u64,
}

/// A thread that sleeps at a bell, or is about to.
struct Absence {
    away: Option<Away>,
    /// It ends by a panic, as when a thread dies in it. The port must take it for any other end, so every second does.
    panics: bool,
}

impl Drop for Absence {
    fn drop(&mut self) {
        if !self.panics {
            return;
        }
        let away = self.away.take();
        let dies = move || {
            let _away = away;
            // No hook is called, so nobody is told of it.
            panic::resume_unwind(Box::new("on purpose"))
        };
        let died: Result<(), _> = panic::catch_unwind(AssertUnwindSafe(dies));
        drop(died);
    }
}

impl Bell for CountingBell {
    type Away = Absence;

    fn leaves(&self) -> Absence {
        let mut left = lock(&self.left);
        let away = Away::begin();
        left.back = Some(away.back());
        left.absences += 1;
        Absence {
            away: Some(away),
            panics: left.absences.is_multiple_of(2),
        }
    }

    fn ring(&self) -> Result<(), Failure> {
        if let Some(back) = lock(&self.left).back.take() {
            back.count();
        }
        self.bell.ring()
    }

    fn wait(&self, patience: Option<Duration>) -> Result<bool, Failure> {
        self.bell.wait(patience)
    }

    fn parked(&self) -> Parked {
        self.bell.parked()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::{Bell, CountingBell};
    use crate::port::Port;

    /// Whoever rings a bell counts the thread that sleeps at it, which need not move for that. One whose time is over counts
    /// itself, when it is through with what it waited for. The first absence ends as usual, the second by a panic.
    #[test]
    fn who_rings_counts_who_sleeps() {
        let (port, bell) = (Port::new(1), CountingBell::default());
        port.post(()).expect("it is open");
        port.get().expect("it is open");
        for _ in 0..2 {
            let away = bell.leaves();
            assert_eq!(port.running(), 0);
            thread::scope(|threads| {
                threads.spawn(|| bell.ring().expect("it rings"));
            });
            assert_eq!(port.running(), 1);
            assert!(bell.wait(None).expect("it waits"));
            drop(away);
            assert_eq!(port.running(), 1);
        }
        for _ in 0..2 {
            let away = bell.leaves();
            assert!(!bell.wait(Some(Duration::from_millis(1))).expect("it waits"));
            assert_eq!(port.running(), 0);
            drop(away);
            assert_eq!(port.running(), 1);
        }
    }
}

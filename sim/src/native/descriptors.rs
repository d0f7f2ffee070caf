//! Ports that are descriptors, each under a number of its own until the run ends: a call on a closed one finds nothing.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard};

use portsim_model::event::Error;
use portsim_model::program::{PortId, Program};

use super::backend::Failure;
use super::lock::lock;
use super::numbers::{Number, Numbers};
use super::parked::{Call, KernelWait};
use super::run::Run;
use super::world::Parked;
use crate::trace::Answer;

/// The ports of a run, which have so many ends each.
pub struct Descriptors<K, const ENDS: usize = 1> {
    /// The run.
    pub run: Run,
    /// The ends of the open ports, none of the others; dropped before the numbers under which they are open.
    open: Mutex<Vec<Vec<OwnedFd>>>,
    numbers: Arc<Numbers>,
    kept: Mutex<Vec<Kept<K, ENDS>>>,
}

/// What is kept of a port that was open once.
pub struct Kept<K, const ENDS: usize = 1> {
    /// Which port.
    pub port: PortId,
    /// One more descriptor of each end.
    pub ends: [K; ENDS],
}

impl<K: AsFd, const ENDS: usize> Descriptors<K, ENDS> {
    /// Numbers for the ports of a program, under which nothing is open.
    pub fn new(run: Run, program: &Program) -> Result<Descriptors<K, ENDS>, Failure> {
        let numbers = Numbers::reserve(ENDS * program.ports.len())
            .map_err(|error| run.failure("reserve descriptors", error))?;
        Ok(Descriptors {
            run,
            open: Mutex::new(program.ports.iter().map(|_| Vec::new()).collect()),
            numbers: Arc::new(numbers),
            kept: Mutex::default(),
        })
    }

    /// Opens a port with the ends that are made for it, unless it is open.
    pub fn create(
        &self,
        port: PortId,
        make: impl FnOnce() -> Result<[K; ENDS], Failure>,
    ) -> Result<Answer, Failure> {
        let mut open = lock(&self.open);
        if !open[port.index()].is_empty() {
            return Ok(self.run.failed(Error::Exists));
        }
        let kept = Kept {
            port,
            ends: make()?,
        };
        open[port.index()] = self.numbered(&kept)?;
        lock(&self.kept).push(kept);
        Ok(Answer::Done)
    }

    /// Closes a port.
    pub fn close(&self, port: PortId) -> Answer {
        let closed = std::mem::take(&mut lock(&self.open)[port.index()]);
        // Their drop is the close, which can wait for the calls that it ends: outside of the lock.
        match closed.is_empty() {
            false => Answer::Done,
            true => self.run.failed(Error::BadHandle),
        }
    }

    /// Keeps nothing more of a port.
    #[cfg(target_os = "linux")]
    pub fn forget(&self, port: PortId) {
        self.kept().retain(|kept| kept.port != port);
    }

    /// Whether a port is open.
    #[cfg(any(target_os = "freebsd", target_os = "macos"))]
    pub fn is_open(&self, port: PortId) -> bool {
        !lock(&self.open)[port.index()].is_empty()
    }

    /// What is kept of every port that was ever open, in the order in which they were made.
    pub fn kept(&self) -> MutexGuard<'_, Vec<Kept<K, ENDS>>> {
        lock(&self.kept)
    }

    /// Where a thread is parked in a call on a port.
    pub fn parked(&self, port: PortId, call: Call) -> Parked {
        let first = self.get(port).raw() as u64;
        Parked::Kernel(KernelWait { call, first })
    }

    /// The number of the first end of a port, whether or not that is open.
    pub fn get(&self, port: PortId) -> Number<'_> {
        self.end(port, 0)
    }

    /// The number of an end, whether or not that is open.
    pub fn end(&self, port: PortId, end: usize) -> Number<'_> {
        self.numbers.get(ENDS * port.index() + end)
    }

    /// Opens what is kept of a port under its numbers.
    fn numbered(&self, kept: &Kept<K, ENDS>) -> Result<Vec<OwnedFd>, Failure> {
        let first = ENDS * kept.port.index();
        let ends = (first..).zip(&kept.ends);
        let opened = ends.map(|(n, end)| self.numbers.open(n, end));
        let opened: io::Result<_> = opened.collect();
        opened.map_err(|error| self.run.failure("fcntl(F_DUPFD)", error))
    }

    /// Lets the numbers of closed ports name again what they named last.
    #[cfg(target_os = "linux")]
    pub fn reopen(&self) -> Result<(), Failure> {
        let mut open = lock(&self.open);
        for kept in self.kept().iter().rev() {
            if open[kept.port.index()].is_empty() {
                open[kept.port.index()] = self.numbered(kept)?;
            }
        }
        Ok(())
    }

    /// Closes every descriptor.
    #[cfg(target_os = "linux")]
    pub fn close_all(&self) {
        lock(&self.open).iter_mut().for_each(Vec::clear);
        self.kept().clear();
    }
}

/// The number of a port, wherever a call on it is made: it belongs to nobody else as long as this lives.
#[cfg(target_os = "linux")]
pub struct Held {
    numbers: Arc<Numbers>,
    n: usize,
}

#[cfg(target_os = "linux")]
impl Held {
    /// The number, whether or not anything is open under it.
    pub fn number(&self) -> Number<'_> {
        self.numbers.get(self.n)
    }
}

#[cfg(target_os = "linux")]
impl<K> Descriptors<K> {
    /// The number of a port, for another thread.
    pub fn held(&self, port: PortId) -> Held {
        Held {
            numbers: Arc::clone(&self.numbers),
            n: port.index(),
        }
    }
}

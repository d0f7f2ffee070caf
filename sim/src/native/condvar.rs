//! glibc on Linux: a port made by hand, of one mutex, one condition variable and one list.
//!
//! This is the queue of the textbook. A post appends and signals once; a get waits for the condition while the
//! list is empty; a close sets a flag, drops what is queued, and broadcasts. Who is woken by a signal is the
//! business of pthread_cond_signal and of the futex below it: the standard library's own condition variable is
//! another one, so this asks the C library's.
//!
//! - The concurrency value means nothing to the port and is ignored.
//! - A waiter sleeps on a word inside the condition variable, one of two. The variable fills a block of 64 bytes
//!   that is aligned to its size, so that both words are known by the block.
//! - A waiter of a closed port returns ECANCELED, a call on a port that is not open EBADF.

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use portsim_model::event::Error;
use portsim_model::os_error::errno;
use portsim_model::program::{Get, Op, Packet, PacketId, PortId, Program, ThreadId};
use rustix::time::{ClockId, clock_gettime};

use super::backend::{Backend, Failure};
use super::bell::EventBell;
use super::can::Can;
use super::inside::Inside;
use super::lock::lock;
use super::parked::{Call, is_seen};
use super::ports::{Ports, PortsAndObjects};
use super::run::{Run, most};
use super::world::{Parked, World};
use crate::trace::Answer;

const NAME: &str = "condvar";

/// The backend `condvar`.
pub struct Condvar;

impl Backend for Condvar {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), String> {
        is_seen(Call::Futex)
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), String> {
        CAN.supports(program, op)
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        let ports = CondvarPorts {
            run: Run::new(NAME, errno, program, tick),
            ports: program.ports.iter().map(|_| Mutex::default()).collect(),
            inside: Inside::new(program),
        };
        let world = PortsAndObjects::new(program, ports, || EventBell::new(NAME))?;
        Ok(Some(Arc::new(world)))
    }
}

const CAN: Can = Can {
    lacks_the_rest: "a port made by hand has no such operation",
    minimum: Some("a port made by hand takes what is there, and waits for no more"),
    named: "a port of one process has no name",
    ..Can::ON_LINUX
};

struct CondvarPorts {
    run: Run,
    /// The open ports.
    ports: Vec<Mutex<Option<Arc<Port>>>>,
    /// Of the port that each thread asks the condition variable.
    inside: Inside,
}

impl CondvarPorts {
    fn port(&self, port: PortId) -> Option<Arc<Port>> {
        lock(&self.ports[port.index()]).clone()
    }
}

impl Ports for CondvarPorts {
    fn run(&self) -> &Run {
        &self.run
    }

    fn create(&self, port: PortId) -> Result<Answer, Failure> {
        let mut port = lock(&self.ports[port.index()]);
        if port.is_some() {
            return Ok(self.run.failed(Error::Exists));
        }
        *port = Some(Arc::new(Port::new()?));
        Ok(Answer::Done)
    }

    fn close(&self, port: PortId) -> Result<Answer, Failure> {
        let Some(port) = lock(&self.ports[port.index()]).take() else {
            return Ok(self.run.failed(Error::BadHandle));
        };
        port.close()?;
        Ok(Answer::Done)
    }

    fn get(&self, me: ThreadId, get: Get) -> Result<Answer, Failure> {
        if get.max == Some(0) {
            return Ok(self.run.failed(Error::Invalid));
        }
        let Some(port) = self.port(get.port) else {
            return Ok(self.run.failed(Error::BadHandle));
        };
        let patience = self.run.patience(get.timeout);
        let first = port.condition.get() as usize as u64;
        let taken = self
            .inside
            .call(me, first, || port.get(patience, most(get)));
        Ok(match (taken?, get.max) {
            (Taken::Closed, _) => self.run.failed(Error::Abandoned),
            (Taken::Packets(packets), _) if packets.is_empty() => self.run.failed(Error::Timeout),
            (Taken::Packets(packets), None) => Answer::Packet(packets[0]),
            (Taken::Packets(packets), Some(_)) => Answer::Packets(packets),
        })
    }

    fn post(&self, _: ThreadId, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        let Some(port) = self.port(port) else {
            return Ok(self.run.failed(Error::BadHandle));
        };
        port.post(self.run.packet(packet))?;
        Ok(Answer::Done)
    }

    fn parked(&self, thread: ThreadId, _: PortId) -> Parked {
        self.inside.parked(thread, Call::Futex)
    }

    fn release(&self) -> Result<(), Failure> {
        // Later calls find no port; waiters of a port that was closed before are home already.
        let open = self.ports.iter().filter_map(|port| lock(port).take());
        open.into_iter().try_for_each(|port| port.close())
    }
}

/// The port itself. Its parts lie in blocks of their own: a thread that waits for the mutex does not look like
/// one that waits for the condition.
struct Port {
    mutex: Block<libc::pthread_mutex_t>,
    condition: Condition,
    list: UnsafeCell<List>,
}

#[repr(align(64))]
struct Block<T>(UnsafeCell<T>);

/// A condition variable, which measures time by the monotonic clock. It was initialised where it lies, and stays there.
struct Condition(Box<Block<MaybeUninit<libc::pthread_cond_t>>>);

/// What the mutex protects.
#[derive(Default)]
struct List {
    packets: VecDeque<Packet>,
    closed: bool,
}

enum Taken {
    Packets(Vec<Packet>),
    Closed,
}

// SAFETY: mutex and condition variable are reached through calls of the C library only, which any thread may make;
// the list is reached through `Owned` only, which one thread has at a time, and which no thread gives to another.
unsafe impl Sync for Port {}

impl Condition {
    fn new() -> Result<Condition, Failure> {
        let condition = Box::new(Block(UnsafeCell::new(MaybeUninit::uninit())));
        let attributes = &mut MaybeUninit::uninit();
        // SAFETY: the attributes have a place of ours, and are not initialised yet.
        let made = unsafe { libc::pthread_condattr_init(attributes.as_mut_ptr()) };
        check("pthread_condattr_init", made)?;
        // SAFETY: the call above has initialised the attributes, and this clock is one that can be waited by.
        let set = unsafe {
            libc::pthread_condattr_setclock(attributes.as_mut_ptr(), libc::CLOCK_MONOTONIC)
        };
        // SAFETY: the attributes are initialised. The variable has a place of ours and is not: if the call fails it
        // is dropped as the plain bytes that it is.
        let made =
            unsafe { libc::pthread_cond_init(condition.0.get().cast(), attributes.as_ptr()) };
        // SAFETY: the attributes are initialised, and not used behind this. The variable needs them no more.
        unsafe { libc::pthread_condattr_destroy(attributes.as_mut_ptr()) };
        check("pthread_cond_init", made)?;
        let condition = Condition(condition);
        check("pthread_condattr_setclock", set)?;
        Ok(condition)
    }

    /// Where it lies: initialised, for as long as this lives.
    fn get(&self) -> *mut libc::pthread_cond_t {
        self.0.0.get().cast()
    }
}

impl Drop for Condition {
    fn drop(&mut self) {
        // SAFETY: it is initialised. Whoever waits for it owns its port, so nobody does, and nobody can any more.
        unsafe { libc::pthread_cond_destroy(self.get()) };
    }
}

impl Port {
    fn new() -> Result<Port, Failure> {
        Ok(Port {
            mutex: Block(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER)),
            condition: Condition::new()?,
            list: UnsafeCell::default(),
        })
    }

    fn get(&self, patience: Option<Duration>, most: usize) -> Result<Taken, Failure> {
        let end = patience.map(deadline);
        let mut owned = Owned::new(self)?;
        let mut over = patience == Some(Duration::ZERO);
        loop {
            let list = owned.list();
            if list.closed {
                return Ok(Taken::Closed);
            }
            if !list.packets.is_empty() || over {
                let count = list.packets.len().min(most);
                return Ok(Taken::Packets(list.packets.drain(..count).collect()));
            }
            over = !owned.wait(end.as_ref())?;
        }
    }

    fn post(&self, packet: Packet) -> Result<(), Failure> {
        let mut owned = Owned::new(self)?;
        owned.list().packets.push_back(packet);
        // SAFETY: the condition variable is initialised, and lives as long as the port.
        let signaled = unsafe { libc::pthread_cond_signal(self.condition.get()) };
        check("pthread_cond_signal", signaled)
    }

    fn close(&self) -> Result<(), Failure> {
        let mut owned = Owned::new(self)?;
        owned.list().closed = true;
        owned.list().packets.clear();
        // SAFETY: as in `post`.
        let signaled = unsafe { libc::pthread_cond_broadcast(self.condition.get()) };
        check("pthread_cond_broadcast", signaled)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // SAFETY: the mutex is initialised. Whoever has it or waits for it borrows the port, so nobody does.
        unsafe { libc::pthread_mutex_destroy(self.mutex.0.get()) };
    }
}

/// The mutex of a port is ours until this is dropped, which its own thread does.
struct Owned<'a>(&'a Port, PhantomData<MutexGuard<'a, ()>>);

impl Owned<'_> {
    fn new(port: &Port) -> Result<Owned<'_>, Failure> {
        // SAFETY: the mutex is initialised, and lies where it did when it was used first: a port that is in use is
        // borrowed, and does not move. This thread does not have it: whoever has it calls nothing that comes here.
        let locked = unsafe { libc::pthread_mutex_lock(port.mutex.0.get()) };
        check("pthread_mutex_lock", locked)?;
        Ok(Owned(port, PhantomData))
    }

    fn list(&mut self) -> &mut List {
        // SAFETY: this thread has the mutex, so no other reaches the list, and it lends the list as it is borrowed
        // itself: to one at a time, and not while it waits.
        unsafe { &mut *self.0.list.get() }
    }

    /// Waits until a signal comes, or until the end; whether there is time left.
    fn wait(&mut self, end: Option<&libc::timespec>) -> Result<bool, Failure> {
        let (condition, mutex) = (self.0.condition.get(), self.0.mutex.0.get());
        let waited = match end {
            // SAFETY: both are initialised and live as long as the port. This thread has the mutex, before and after,
            // and the variable is used with no other one.
            None => unsafe { libc::pthread_cond_wait(condition, mutex) },
            // SAFETY: as above; the time is borrowed until the call is over.
            Some(end) => unsafe {
                libc::pthread_cond_timedwait(condition, mutex, ptr::from_ref(end))
            },
        };
        match waited {
            libc::ETIMEDOUT => Ok(false),
            error => check("pthread_cond_wait", error).map(|()| true),
        }
    }
}

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        // SAFETY: this thread has the mutex: it locked it, and this was not given to another.
        unsafe { libc::pthread_mutex_unlock(self.0.mutex.0.get()) };
    }
}

/// A moment on the clock of the condition variable.
fn deadline(patience: Duration) -> libc::timespec {
    let now = clock_gettime(ClockId::Monotonic);
    let end = Duration::new(now.tv_sec as u64, now.tv_nsec as u32).saturating_add(patience);
    libc::timespec {
        tv_sec: end.as_secs().min(i64::MAX as u64) as libc::time_t,
        tv_nsec: end.subsec_nanos().into(),
    }
}

fn check(call: &str, error: libc::c_int) -> Result<(), Failure> {
    match error {
        0 => Ok(()),
        error => Err(failure(call, io::Error::from_raw_os_error(error))),
    }
}

fn failure(call: &str, error: impl Into<io::Error>) -> Failure {
    Failure::new(NAME, call, error)
}

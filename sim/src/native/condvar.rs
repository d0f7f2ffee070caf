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
use std::ptr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portsim_model::event::Error;
use portsim_model::os_error::errno;
use portsim_model::program::{Get, Op, Packet, PacketId, PortId, Program, ThreadId};

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
        *port = Some(Port::new()?);
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
        let first = port.condition_address();
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
    condition: Block<libc::pthread_cond_t>,
    list: UnsafeCell<List>,
}

#[repr(align(64))]
struct Block<T>(UnsafeCell<T>);

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

// SAFETY: the mutex and the condition variable are made to be shared, and the list is touched by nobody but the
// owner of the mutex.
unsafe impl Send for Port {}
// SAFETY: as above.
unsafe impl Sync for Port {}

impl Port {
    fn new() -> Result<Arc<Port>, Failure> {
        let port = Arc::new(Port {
            mutex: Block(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER)),
            condition: Block(UnsafeCell::new(libc::PTHREAD_COND_INITIALIZER)),
            list: UnsafeCell::default(),
        });
        let mut attributes = std::mem::MaybeUninit::<libc::pthread_condattr_t>::uninit();
        // SAFETY: the attributes are initialised by the first call and used by the others while they live here;
        // nobody waits for the condition, which stays where it is until the last owner of the port is gone.
        let made = unsafe {
            check(
                "pthread_condattr_init",
                libc::pthread_condattr_init(attributes.as_mut_ptr()),
            )?;
            let clock =
                libc::pthread_condattr_setclock(attributes.as_mut_ptr(), libc::CLOCK_MONOTONIC);
            let made = match clock {
                0 => libc::pthread_cond_init(port.condition.0.get(), attributes.as_ptr()),
                error => error,
            };
            libc::pthread_condattr_destroy(attributes.as_mut_ptr());
            made
        };
        check("pthread_cond_init", made)?;
        Ok(port)
    }

    /// Where the condition variable lies.
    fn condition_address(&self) -> u64 {
        self.condition.0.get() as usize as u64
    }

    fn get(&self, patience: Option<Duration>, most: usize) -> Result<Taken, Failure> {
        let end = patience.map(deadline).transpose()?;
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
        // SAFETY: the condition variable was initialised and lives as long as the port.
        check("pthread_cond_signal", unsafe {
            libc::pthread_cond_signal(self.condition.0.get())
        })
    }

    fn close(&self) -> Result<(), Failure> {
        let mut owned = Owned::new(self)?;
        owned.list().closed = true;
        owned.list().packets.clear();
        // SAFETY: as in `post`.
        check("pthread_cond_broadcast", unsafe {
            libc::pthread_cond_broadcast(self.condition.0.get())
        })
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // SAFETY: whoever waits owns the port, so nobody does, and nobody has the mutex.
        unsafe {
            libc::pthread_cond_destroy(self.condition.0.get());
            libc::pthread_mutex_destroy(self.mutex.0.get());
        }
    }
}

/// The mutex of a port is ours until this is dropped.
struct Owned<'a>(&'a Port);

impl Owned<'_> {
    fn new(port: &Port) -> Result<Owned<'_>, Failure> {
        // SAFETY: the mutex was initialised and lives as long as the port.
        let locked = unsafe { libc::pthread_mutex_lock(port.mutex.0.get()) };
        check("pthread_mutex_lock", locked)?;
        Ok(Owned(port))
    }

    fn list(&mut self) -> &mut List {
        // SAFETY: this thread owns the mutex, and lends the list to one borrower at a time.
        unsafe { &mut *self.0.list.get() }
    }

    /// Waits until a signal comes, or until the end; whether there is time left.
    fn wait(&mut self, end: Option<&libc::timespec>) -> Result<bool, Failure> {
        let (condition, mutex) = (self.0.condition.0.get(), self.0.mutex.0.get());
        // SAFETY: both live as long as the port, and this thread owns the mutex, before and after.
        let waited = unsafe {
            match end {
                None => libc::pthread_cond_wait(condition, mutex),
                Some(end) => libc::pthread_cond_timedwait(condition, mutex, ptr::from_ref(end)),
            }
        };
        match waited {
            libc::ETIMEDOUT => Ok(false),
            error => check("pthread_cond_wait", error).map(|()| true),
        }
    }
}

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        // SAFETY: this thread owns the mutex.
        unsafe { libc::pthread_mutex_unlock(self.0.mutex.0.get()) };
    }
}

/// A moment on the clock of the condition variable.
fn deadline(patience: Duration) -> Result<libc::timespec, Failure> {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is there to be written.
    if unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) } != 0 {
        return Err(failure("clock_gettime", io::Error::last_os_error()));
    }
    let end = Duration::new(now.tv_sec as u64, now.tv_nsec as u32).saturating_add(patience);
    Ok(libc::timespec {
        tv_sec: end.as_secs().min(i64::MAX as u64) as libc::time_t,
        tv_nsec: end.subsec_nanos().into(),
    })
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

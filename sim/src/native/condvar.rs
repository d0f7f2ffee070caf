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
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portsim_model::event::Error;
use portsim_model::os_error::errno;
use portsim_model::program::{BATCH_MAX, Op, Packet, PacketId, PortId, Program, ThreadId, Timeout};

use super::backend::{Backend, Failure, Threads};
use super::bell::EventBell;
use super::local_threads::LocalThreads;
use super::objects::Objects;
use super::parked::{Call, KernelWait, Probe, number};
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
        if number(Call::Futex).is_none() {
            return Err(format!(
                "the numbers of its system calls are not known for {}",
                std::env::consts::ARCH
            ));
        }
        let probe = Probe::of_this_thread();
        probe
            .map(drop)
            .map_err(|error| format!("/proc does not show what a thread waits for: {error}"))
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), String> {
        match op {
            Op::Suspend { .. } | Op::Resume { .. } => Err(
                "Linux has no call that suspends a thread without disturbing the order of waiters"
                    .into(),
            ),
            Op::Post { packet, .. } if program.packets[packet.index()].status != 0 => {
                Err("its packets carry no status".into())
            }
            Op::Post { may_fail: true, .. } => Err("nobody can make memory scarce here".into()),
            Op::Post {
                reserve: Some(_), ..
            } => Err("Linux has no reserve objects".into()),
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("a port of one process has no name".into())
            }
            _ if op.is_alertable() => Err("Linux has no alertable waits".into()),
            Op::Get { min: Some(_), .. } => {
                Err("a port made by hand takes what is there, and waits for no more".into())
            }
            _ if op.is_portable() => Ok(()),
            _ => Err("a port made by hand has no such operation".into()),
        }
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        Ok(Some(Arc::new(CondvarWorld::new(program, tick)?)))
    }

    fn open(&self, program: &Program, tick: Duration) -> Result<Box<dyn Threads>, Failure> {
        let world = CondvarWorld::new(program, tick)?;
        let threads = LocalThreads::new(Arc::new(world), program.threads.len())?;
        Ok(Box::new(threads))
    }
}

struct CondvarWorld {
    tick: Duration,
    packets: Vec<Packet>,
    /// The open ports.
    ports: Mutex<Vec<Option<Arc<Port>>>>,
    /// The condition variable of the port that each thread asks; 0 outside of a call.
    asked: Vec<AtomicU64>,
    objects: Objects<EventBell>,
}

impl CondvarWorld {
    fn new(program: &Program, tick: Duration) -> Result<CondvarWorld, Failure> {
        let ports = program.ports.iter().map(|declared| {
            let open = declared.open.then(Port::new);
            open.transpose()
        });
        Ok(CondvarWorld {
            tick,
            packets: program.packets.clone(),
            ports: Mutex::new(ports.collect::<Result<_, _>>()?),
            asked: program.threads.iter().map(|_| AtomicU64::new(0)).collect(),
            objects: Objects::new(program, tick, errno, || EventBell::new(NAME))?,
        })
    }

    fn port(&self, port: PortId) -> Option<Arc<Port>> {
        lock(&self.ports)[port.index()].clone()
    }

    fn create(&self, port: PortId) -> Result<Answer, Failure> {
        let mut ports = lock(&self.ports);
        if ports[port.index()].is_some() {
            return Ok(failed(Error::Exists));
        }
        ports[port.index()] = Some(Port::new()?);
        Ok(Answer::Done)
    }

    fn close(&self, port: PortId) -> Result<Answer, Failure> {
        let Some(port) = lock(&self.ports)[port.index()].take() else {
            return Ok(failed(Error::BadHandle));
        };
        port.close()?;
        Ok(Answer::Done)
    }

    fn get(
        &self,
        me: ThreadId,
        port: PortId,
        timeout: Timeout,
        max: Option<u8>,
    ) -> Result<Answer, Failure> {
        if max == Some(0) {
            return Ok(failed(Error::Invalid));
        }
        let Some(port) = self.port(port) else {
            return Ok(failed(Error::BadHandle));
        };
        let patience = match timeout {
            Timeout::Never => None,
            Timeout::Ticks(ticks) => Some(self.tick * ticks),
        };
        let most = usize::from(max.unwrap_or(1)).min(BATCH_MAX);
        self.asked[me.index()].store(port.condition_address(), Ordering::SeqCst);
        let taken = port.get(patience, most);
        self.asked[me.index()].store(0, Ordering::SeqCst);
        Ok(match (taken?, max) {
            (Taken::Closed, _) => failed(Error::Abandoned),
            (Taken::Packets(packets), _) if packets.is_empty() => failed(Error::Timeout),
            (Taken::Packets(packets), None) => Answer::Packet(packets[0]),
            (Taken::Packets(packets), Some(_)) => Answer::Packets(packets),
        })
    }

    fn post(&self, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        let Some(port) = self.port(port) else {
            return Ok(failed(Error::BadHandle));
        };
        port.post(self.packets[packet.index()])?;
        Ok(Answer::Done)
    }
}

impl World for CondvarWorld {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn perform(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        match op {
            Op::Get {
                port, timeout, max, ..
            } => self.get(me, port, timeout, max),
            Op::Post { port, packet, .. } => self.post(port, packet),
            Op::Close { port, .. } => self.close(port),
            Op::Create { port, .. } => self.create(port),
            _ => self.objects.perform(me, op),
        }
    }

    fn parked(&self, thread: ThreadId, op: Op) -> Parked {
        match op {
            Op::Get { .. } => match self.asked[thread.index()].load(Ordering::SeqCst) {
                0 => Parked::No,
                first => Parked::Kernel(KernelWait {
                    call: Call::Futex,
                    first,
                }),
            },
            Op::Block { .. } | Op::Stall | Op::Sleep { .. } => self.objects.parked(thread),
            _ => Parked::No,
        }
    }

    fn come_back(&self, thread: ThreadId) -> Result<(), Failure> {
        self.objects.come_back(thread)
    }

    fn release(&self) -> Result<(), Failure> {
        self.objects.release()?;
        // Later calls find no port; waiters of a port that was closed before are home already.
        for port in lock(&self.ports).iter_mut().filter_map(Option::take) {
            port.close()?;
        }
        Ok(())
    }

    fn disturbed(&self) -> bool {
        self.objects.disturbed()
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

fn failed(error: Error) -> Answer {
    Answer::Failed(errno(error).name.into())
}

fn failure(call: &str, error: impl Into<io::Error>) -> Failure {
    Failure::new(NAME, call, error)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Linux: a port is a POSIX message queue from which many threads receive.
//!
//! A post sends one message, of 64 bits that name an entry of a table that has the packet; a get is
//! `mq_timedreceive`. The kernel alone decides who receives which message.
//!
//! - The concurrency value means nothing to the kernel and is ignored.
//! - A queue has no name any more once it is open. Its descriptor has a number of its own until the run ends, so that
//!   calls on a closed port see EBADF.
//! - Closing a port wakes nobody. A copy of the descriptor is kept aside: when the recording is over, a message for each
//!   thread is sent through it.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{io, ptr};

use portsim_model::event::Error;
use portsim_model::os_error::errno;
use portsim_model::program::{Instr, Op, Packet, PacketId, PortId, Program, ThreadId, Timeout};

use super::backend::{Backend, Failure, Threads};
use super::bell::EventBell;
use super::local_threads::LocalThreads;
use super::numbers::Numbers;
use super::objects::Objects;
use super::parked::{Call, KernelWait, Probe, number};
use super::posted::Posted;
use super::world::{Parked, World};
use crate::trace::Answer;

const NAME: &str = "mqueue";

/// Sent when the recording is over.
const HOME: u64 = u64::MAX;

/// Messages that a queue holds: as many as may be asked for.
const DEPTHS: [usize; 3] = [1024, 128, 10];

/// The backend `mqueue`.
pub struct Mqueue;

impl Backend for Mqueue {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<(), String> {
        if number(Call::MqTimedreceive).is_none() {
            return Err(format!(
                "the numbers of its system calls are not known for {}",
                std::env::consts::ARCH
            ));
        }
        let probe = Probe::of_this_thread();
        probe.map_err(|error| format!("/proc does not show what a thread waits for: {error}"))?;
        make(depth())
            .map(drop)
            .map_err(|error| format!("mq_open: {error}"))
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), String> {
        match op {
            Op::Suspend { .. } | Op::Resume { .. } => Err(
                "Linux has no call that suspends a thread without disturbing the order of waiters"
                    .into(),
            ),
            Op::Post { packet, .. } if program.packets[packet.index()].status != 0 => {
                Err("its messages carry no status".into())
            }
            Op::Post { may_fail: true, .. } => Err("nobody can make memory scarce here".into()),
            Op::Post {
                reserve: Some(_), ..
            } => Err("Linux has no reserve objects".into()),
            Op::Post { .. } if posts_at_most(program).is_none_or(|posts| posts > depth()) => {
                Err(format!(
                    "a queue holds {} messages on this machine, and the threads may post more",
                    depth()
                ))
            }
            Op::Create { port, .. } if program.ports[port.index()].named => {
                Err("the name of a queue is no name of a port that others open again".into())
            }
            _ if op.is_alertable() => Err("Linux has no alertable waits".into()),
            Op::Get { max: Some(_), .. } | Op::Get { min: Some(_), .. } => {
                Err("mq_timedreceive receives one message".into())
            }
            _ if op.is_portable() => Ok(()),
            _ => Err("a message queue has no such operation".into()),
        }
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        Ok(Some(Arc::new(MqueueWorld::new(program, tick)?)))
    }

    fn open(&self, program: &Program, tick: Duration) -> Result<Box<dyn Threads>, Failure> {
        let world = MqueueWorld::new(program, tick)?;
        let threads = LocalThreads::new(Arc::new(world), program.threads.len())?;
        Ok(Box::new(threads))
    }
}

struct MqueueWorld {
    tick: Duration,
    packets: Vec<Packet>,
    /// The open ports; dropped before the numbers under which they are open.
    ports: Mutex<Vec<Option<OwnedFd>>>,
    numbers: Numbers,
    /// Every queue that was ever open, closed ones included.
    kept: Mutex<Vec<Option<OwnedFd>>>,
    /// The port that each thread receives from, and 1 more; 0 outside of a call.
    asked: Vec<AtomicU64>,
    posted: Posted,
    objects: Objects<EventBell>,
    over: AtomicBool,
    disturbed: AtomicBool,
}

impl MqueueWorld {
    fn new(program: &Program, tick: Duration) -> Result<MqueueWorld, Failure> {
        let numbers = Numbers::reserve(program.ports.len())
            .map_err(|error| Failure::new(NAME, "reserve descriptors", error))?;
        let world = MqueueWorld {
            tick,
            packets: program.packets.clone(),
            ports: Mutex::new(program.ports.iter().map(|_| None).collect()),
            numbers,
            kept: Mutex::new(program.ports.iter().map(|_| None).collect()),
            asked: program.threads.iter().map(|_| AtomicU64::new(0)).collect(),
            posted: Posted::default(),
            objects: Objects::new(program, tick, errno, || EventBell::new(NAME))?,
            over: AtomicBool::new(false),
            disturbed: AtomicBool::new(false),
        };
        for port in program.port_ids() {
            if program.ports[port.index()].open {
                world.create(port)?;
            }
        }
        Ok(world)
    }

    fn create(&self, port: PortId) -> Result<Answer, Failure> {
        let mut ports = lock(&self.ports);
        if ports[port.index()].is_some() {
            return Ok(failed(Error::Exists));
        }
        let made = make(depth()).map_err(|error| Failure::new(NAME, "mq_open", error))?;
        let opened = self.numbers.open(port.index(), &made);
        let opened = opened.map_err(|error| Failure::new(NAME, "fcntl(F_DUPFD)", error))?;
        ports[port.index()] = Some(opened);
        lock(&self.kept)[port.index()] = Some(made);
        Ok(Answer::Done)
    }

    fn close(&self, port: PortId) -> Answer {
        match lock(&self.ports)[port.index()].take() {
            // Its drop is the close.
            Some(_) => Answer::Done,
            None => failed(Error::BadHandle),
        }
    }

    fn get(&self, me: ThreadId, port: PortId, timeout: Timeout) -> Result<Answer, Failure> {
        let end = match timeout {
            Timeout::Never => None,
            // One that is over long ago.
            Timeout::Ticks(0) => Some(timespec(Duration::ZERO)),
            Timeout::Ticks(ticks) => Some(timespec(since_epoch() + self.tick * ticks)),
        };
        loop {
            if self.over.load(Ordering::SeqCst) {
                return Ok(failed(Error::Abandoned));
            }
            let asked = &self.asked[me.index()];
            asked.store(port.index() as u64 + 1, Ordering::SeqCst);
            let received = receive(self.numbers.raw(port.index()), end.as_ref());
            asked.store(0, Ordering::SeqCst);
            match received {
                // Only the message that brings everybody home names no packet.
                Ok(number) => match self.posted.take(number) {
                    Some(packet) => return Ok(Answer::Packet(packet)),
                    None => return Ok(failed(Error::Abandoned)),
                },
                Err(error) => match error.raw_os_error() {
                    Some(libc::ETIMEDOUT) => return Ok(failed(Error::Timeout)),
                    Some(libc::EBADF) => return Ok(failed(Error::BadHandle)),
                    Some(libc::EINTR) => self.disturbed.store(true, Ordering::SeqCst),
                    _ => return Err(Failure::new(NAME, "mq_timedreceive", error)),
                },
            }
        }
    }

    fn post(&self, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        let number = self.posted.add(self.packets[packet.index()]);
        let sent = send(self.numbers.raw(port.index()), number);
        if sent.is_err() {
            self.posted.take(number);
        }
        match sent {
            Ok(()) => Ok(Answer::Done),
            Err(error) if error.raw_os_error() == Some(libc::EBADF) => Ok(failed(Error::BadHandle)),
            Err(error) => Err(Failure::new(NAME, "mq_timedsend", error)),
        }
    }
}

impl World for MqueueWorld {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn perform(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        match op {
            Op::Get { port, timeout, .. } => self.get(me, port, timeout),
            Op::Post { port, packet, .. } => self.post(port, packet),
            Op::Close { port, .. } => Ok(self.close(port)),
            Op::Create { port, .. } => self.create(port),
            _ => self.objects.perform(me, op),
        }
    }

    fn parked(&self, thread: ThreadId, op: Op) -> Parked {
        match op {
            Op::Get { port, .. } => match self.asked[thread.index()].load(Ordering::SeqCst) {
                0 => Parked::No,
                _ => Parked::Kernel(KernelWait {
                    call: Call::MqTimedreceive,
                    first: self.numbers.raw(port.index()) as u64,
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
        self.over.store(true, Ordering::SeqCst);
        self.objects.release()?;
        for queue in lock(&self.kept).iter().flatten() {
            for _ in &self.asked {
                // Where the queue is full nobody waits, and whoever comes finds something.
                let _ = send(queue.as_raw_fd(), HOME);
            }
        }
        Ok(())
    }

    fn disturbed(&self) -> bool {
        self.disturbed.load(Ordering::SeqCst) || self.objects.disturbed()
    }
}

/// How many messages a queue may hold here.
fn depth() -> usize {
    static DEPTH: OnceLock<usize> = OnceLock::new();
    *DEPTH.get_or_init(|| {
        let allowed = |&depth: &usize| make(depth).is_ok();
        DEPTHS.into_iter().find(allowed).unwrap_or(0)
    })
}

/// How many messages the threads of a program post at most; none where one goes round and posts each time.
fn posts_at_most(program: &Program) -> Option<usize> {
    let mut posts = 0;
    for thread in program.thread_ids() {
        let code = &program.code(thread).instrs;
        let of = |code: &[Instr]| {
            let is_post = |instr: &&Instr| matches!(instr, Instr::Op(Op::Post { .. }));
            code.iter().filter(is_post).count()
        };
        for (pc, instr) in code.iter().enumerate() {
            if let Instr::Jump(to) = instr
                && let Some(round) = code.get(usize::from(*to)..pc)
                && of(round) > 0
            {
                return None;
            }
        }
        posts += of(code);
    }
    Some(posts)
}

/// A new queue for so many messages, which has no name.
fn make(depth: usize) -> io::Result<OwnedFd> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("/portsim-{}-{count}\0", std::process::id());
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
    // SAFETY: it may be all zero.
    let mut attributes: libc::mq_attr = unsafe { std::mem::zeroed() };
    attributes.mq_maxmsg = depth as libc::c_long;
    attributes.mq_msgsize = size_of::<u64>() as libc::c_long;
    // SAFETY: the name ends with a zero, and the attributes are read in the call.
    let queue = unsafe {
        libc::mq_open(
            name.as_ptr().cast(),
            flags,
            0o600 as libc::mode_t,
            &attributes,
        )
    };
    if queue < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as above. On Linux a queue is a descriptor, and this one is nobody else's.
    Ok(unsafe {
        libc::mq_unlink(name.as_ptr().cast());
        OwnedFd::from_raw_fd(queue)
    })
}

/// Receives a message; waits for it until then, or for ever.
fn receive(queue: RawFd, end: Option<&libc::timespec>) -> io::Result<u64> {
    let mut message = [0; size_of::<u64>()];
    let end = end.map_or(ptr::null(), ptr::from_ref);
    // SAFETY: whether or not the number names a queue, it is this run's own; the message has room for the largest.
    let read = unsafe {
        libc::mq_timedreceive(
            queue,
            message.as_mut_ptr().cast(),
            message.len(),
            ptr::null_mut(),
            end,
        )
    };
    match read {
        0.. => Ok(u64::from_ne_bytes(message)),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sends a message, and does not wait for room.
fn send(queue: RawFd, number: u64) -> io::Result<()> {
    let message = number.to_ne_bytes();
    let long_ago = timespec(Duration::ZERO);
    // SAFETY: as for `receive`.
    let sent =
        unsafe { libc::mq_timedsend(queue, message.as_ptr().cast(), message.len(), 0, &long_ago) };
    match sent {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The clock that limits of these calls are read from.
fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

fn timespec(time: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: time.as_secs() as libc::time_t,
        tv_nsec: time.subsec_nanos().into(),
    }
}

fn failed(error: Error) -> Answer {
    Answer::Failed(errno(error).name.into())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

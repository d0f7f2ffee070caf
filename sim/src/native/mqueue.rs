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

use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{io, ptr};

use portsim_model::event::Error;
use portsim_model::os_error::errno;
use portsim_model::program::{Get, Instr, Op, PacketId, PortId, Program, ThreadId, Timeout};

use super::backend::{Backend, Failure};
use super::bell::{EventBell, c_timespec};
use super::can::Can;
use super::descriptors::Descriptors;
use super::inside::Inside;
use super::numbers::Number;
use super::parked::{Call, is_seen};
use super::ports::{Ports, PortsAndObjects};
use super::posted::Posted;
use super::run::Run;
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
        is_seen(Call::MqTimedreceive)?;
        make(depth())
            .map(drop)
            .map_err(|error| format!("mq_open: {error}"))
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), String> {
        CAN.supports(program, op)?;
        if op.as_get().is_some_and(|get| get.max.is_some()) {
            return Err(ONE.into());
        }
        if matches!(op, Op::Post { .. })
            && posts_at_most(program).is_none_or(|posts| posts > depth())
        {
            return Err(format!(
                "a queue holds {} messages on this machine, and the threads may post more",
                depth()
            ));
        }
        Ok(())
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        let ports = MqueuePorts {
            ports: Descriptors::new(Run::new(NAME, errno, program, tick), program)?,
            inside: Inside::new(program),
            posted: Posted::default(),
            threads: program.threads.len(),
        };
        let world = PortsAndObjects::new(program, ports, || EventBell::new(NAME))?;
        Ok(Some(Arc::new(world)))
    }
}

/// Why no call takes several packets.
const ONE: &str = "mq_timedreceive receives one message";

const CAN: Can = Can {
    lacks_the_rest: "a message queue has no such operation",
    minimum: Some(ONE),
    status: Some("its messages carry no status"),
    named: "the name of a queue is no name of a port that others open again",
    ..Can::ON_LINUX
};

struct MqueuePorts {
    /// Closed ones are kept as well.
    ports: Descriptors<OwnedFd>,
    /// The call in which each thread receives.
    inside: Inside,
    posted: Posted,
    threads: usize,
}

impl Ports for MqueuePorts {
    fn run(&self) -> &Run {
        &self.ports.run
    }

    fn create(&self, port: PortId) -> Result<Answer, Failure> {
        self.ports.create(port, || {
            let made = make(depth());
            Ok([made.map_err(|error| self.run().failure("mq_open", error))?])
        })
    }

    fn close(&self, port: PortId) -> Result<Answer, Failure> {
        Ok(self.ports.close(port))
    }

    fn get(&self, me: ThreadId, get: Get) -> Result<Answer, Failure> {
        let end = match get.timeout {
            Timeout::Never => None,
            // One that is over long ago.
            Timeout::Ticks(0) => Some(c_timespec(Duration::ZERO)),
            Timeout::Ticks(ticks) => Some(c_timespec(since_epoch() + self.run().lasts(ticks))),
        };
        let queue = self.ports.get(get.port);
        loop {
            if self.run().is_over() {
                return Ok(self.run().failed(Error::Abandoned));
            }
            let receive = || receive(queue, end.as_ref());
            match self.inside.call(me, queue.raw() as u64, receive) {
                // Only the message that brings everybody home names no packet.
                Ok(number) => match self.posted.take(number) {
                    Some(packet) => return Ok(Answer::Packet(packet)),
                    None => return Ok(self.run().failed(Error::Abandoned)),
                },
                Err(error) => match error.raw_os_error() {
                    Some(libc::ETIMEDOUT) => return Ok(self.run().failed(Error::Timeout)),
                    Some(libc::EBADF) => return Ok(self.run().failed(Error::BadHandle)),
                    Some(libc::EINTR) => self.run().disturb(),
                    _ => return Err(self.run().failure("mq_timedreceive", error)),
                },
            }
        }
    }

    fn post(&self, _: ThreadId, port: PortId, packet: PacketId) -> Result<Answer, Failure> {
        let number = self.posted.add(self.run().packet(packet));
        let Err(error) = send(self.ports.get(port), number) else {
            return Ok(Answer::Done);
        };
        self.posted.take(number);
        match error.raw_os_error() {
            Some(libc::EBADF) => Ok(self.run().failed(Error::BadHandle)),
            _ => Err(self.run().failure("mq_timedsend", error)),
        }
    }

    fn parked(&self, thread: ThreadId, _: PortId) -> Parked {
        self.inside.parked(thread, Call::MqTimedreceive)
    }

    fn release(&self) -> Result<(), Failure> {
        for kept in self.ports.kept().iter() {
            for _ in 0..self.threads {
                // Where the queue is full nobody waits, and whoever comes finds something.
                let _ = send(kept.ends[0].as_fd().into(), HOME);
            }
        }
        Ok(())
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
            let is_post = |instr: &&Instr| matches!(instr, Instr::Op(op) if op.posts(None));
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
    // SAFETY: it is made of integers, for each of which zero is a value.
    let mut attributes: libc::mq_attr = unsafe { std::mem::zeroed() };
    attributes.mq_maxmsg = depth as libc::c_long;
    attributes.mq_msgsize = size_of::<u64>() as libc::c_long;
    // SAFETY: the name ends with a zero. With O_CREAT there are a mode and attributes, which are read in the call.
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
    // SAFETY: on Linux a queue is a descriptor. This one is new and open, and nobody else has it.
    let queue = unsafe { OwnedFd::from_raw_fd(queue) };
    // SAFETY: the name ends with a zero.
    unsafe { libc::mq_unlink(name.as_ptr().cast()) };
    Ok(queue)
}

/// Receives a message; waits for it until then, or for ever.
fn receive(queue: Number<'_>, end: Option<&libc::timespec>) -> io::Result<u64> {
    let mut message = [0; size_of::<u64>()];
    let end = end.map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the kernel writes no more than the message has room for. It and the time, if there is one, live until the
    // call is over; no priority is asked for. The number is one that a call may be made on.
    let read = unsafe {
        libc::mq_timedreceive(
            queue.raw(),
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
fn send(queue: Number<'_>, number: u64) -> io::Result<()> {
    let message = number.to_ne_bytes();
    let (bytes, len) = (message.as_ptr().cast(), message.len());
    let long_ago = c_timespec(Duration::ZERO);
    // SAFETY: the message and the time live until the call is over, which copies them. The number is one that a call
    // may be made on.
    let sent = unsafe { libc::mq_timedsend(queue.raw(), bytes, len, 0, &long_ago) };
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

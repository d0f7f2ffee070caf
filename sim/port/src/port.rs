//! The port itself: what a stranger uses.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

#[cfg(test)]
use super::fault::Fault;
use super::member::{Member, record};
use super::queue::{Found, Queue};
use super::sync::{Deadline, ThreadId};
use super::waiter::Answer;

/// A completion port for packets of one type: see [the crate](super).
pub struct Port<T: Send + 'static> {
    pub(super) queue: Arc<Queue<T>>,
}

/// Why a call took no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GetError {
    /// Its time was over. The thread belongs to the port and counts as running.
    TimedOut,
    /// The port was closed while the call waited.
    Abandoned,
    /// The port had been closed before.
    Closed,
    /// A batch of no packets makes no sense.
    EmptyBatch,
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GetError::TimedOut => "no packet came in time",
            GetError::Abandoned => "the port was closed during the wait",
            GetError::Closed => "the port is closed",
            GetError::EmptyBatch => "a batch must have room for a packet",
        })
    }
}

impl std::error::Error for GetError {}

/// The port is closed; what was to be done about it comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Closed<T>(pub T);

impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the port is closed")
    }
}

impl<T> std::error::Error for Closed<T> {}

/// How long a call may wait.
#[derive(Clone, Copy)]
enum Patience {
    None,
    Until(Deadline),
    Endless,
}

impl Patience {
    fn of(timeout: Option<Duration>) -> Patience {
        match timeout {
            Some(Duration::ZERO) => Patience::None,
            Some(timeout) => Deadline::after(timeout).map_or(Patience::Endless, Patience::Until),
            None => Patience::Endless,
        }
    }

    fn deadline(self) -> Option<Deadline> {
        match self {
            Patience::Until(deadline) => Some(deadline),
            Patience::None | Patience::Endless => None,
        }
    }
}

impl<T: Send + 'static> Port<T> {
    /// A port on which at most so many threads run at once; 0 stands for the number of processors.
    pub fn new(concurrency: u32) -> Port<T> {
        Port {
            queue: Arc::new(Queue::new(at_least_one(concurrency))),
        }
    }

    /// The same with a mistake in it.
    #[cfg(test)]
    pub fn with_fault(concurrency: u32, fault: Option<Fault>) -> Port<T> {
        let mut queue = Queue::new(at_least_one(concurrency));
        queue.fault = fault;
        Port {
            queue: Arc::new(queue),
        }
    }

    /// Hands the packet to the thread that began to wait last, if one more may run; else it is queued behind all
    /// others. Neither waits nor counts the poster, and any thread may post.
    ///
    /// # Errors
    ///
    /// The port is closed. The packet comes back.
    pub fn post(&self, packet: T) -> Result<(), Closed<T>> {
        self.queue.post(packet).map_err(Closed)
    }

    /// Takes the oldest packet, or waits for one as the newest waiter.
    ///
    /// # Errors
    ///
    /// [`GetError::Closed`] and [`GetError::Abandoned`].
    pub fn get(&self) -> Result<T, GetError> {
        self.take_one(Patience::Endless)
    }

    /// The same, and waits no longer than this. With no time at all it only looks; the thread counts as running
    /// afterwards, as after every call.
    ///
    /// # Errors
    ///
    /// [`GetError::TimedOut`], [`GetError::Closed`] and [`GetError::Abandoned`].
    pub fn get_within(&self, timeout: Duration) -> Result<T, GetError> {
        self.take_one(Patience::of(Some(timeout)))
    }

    /// Takes as many packets as are queued, but no more than `max`, and adds them to `into`, oldest first; waits
    /// for the first of them where there is none. However many it takes, the thread counts once. Says how many
    /// it took.
    ///
    /// # Errors
    ///
    /// As [`Port::get_within`], and [`GetError::EmptyBatch`] where `max` is 0. Nothing is added then.
    pub fn get_batch(
        &self,
        into: &mut Vec<T>,
        max: usize,
        timeout: Option<Duration>,
    ) -> Result<usize, GetError> {
        if max == 0 {
            return Err(GetError::EmptyBatch);
        }
        let before = into.len();
        let mut queued = |packets: &mut VecDeque<T>| {
            into.extend(packets.drain(..max.min(packets.len())));
            None
        };
        let handed = self.call(Patience::of(timeout), &mut queued, Some)?;
        into.extend(handed);
        Ok(into.len() - before)
    }

    /// Closes the port. Threads that wait are told so; a packet that was handed to a waiter before is delivered. Every
    /// call that comes later fails. Gives the packets that nobody took, oldest first.
    ///
    /// # Errors
    ///
    /// It was closed before.
    pub fn close(&self) -> Result<VecDeque<T>, Closed<()>> {
        self.queue.close().ok_or(Closed(()))
    }

    /// How many threads may run at once.
    pub fn concurrency(&self) -> u32 {
        self.queue.concurrency
    }

    /// How many packets nobody has taken. It may have changed by the time you look at it, like all that follow.
    pub fn depth(&self) -> usize {
        self.queue.depth()
    }

    /// How many threads count as running.
    pub fn running(&self) -> u32 {
        self.queue.running()
    }

    /// Which threads wait, the newest last: the next packet is for the last of them.
    pub fn waiting(&self) -> Vec<ThreadId> {
        self.queue.waiting()
    }

    /// Whether nobody has closed it.
    pub fn is_open(&self) -> bool {
        self.queue.is_open()
    }

    /// Whether the calling thread belongs to this port: its last call on any port was on this one.
    pub fn is_mine(&self) -> bool {
        record(|record| record.belongs_to(&self.queue)) && self.is_open()
    }

    /// The notes of who acted on it.
    #[cfg(all(test, loom))]
    pub fn watch(&self) -> super::watch::Watch {
        self.queue.watch.clone()
    }

    fn take_one(&self, patience: Patience) -> Result<T, GetError> {
        let taken = self.call(patience, &mut VecDeque::pop_front, Some)?;
        Ok(taken.expect("where there are packets there is an oldest"))
    }

    /// A call that takes packets: by `queued` where there are some, by `handed` where one is handed over.
    fn call<R>(
        &self,
        patience: Patience,
        queued: &mut impl FnMut(&mut VecDeque<T>) -> R,
        handed: impl FnOnce(T) -> R,
    ) -> Result<R, GetError> {
        record(|record| {
            let place = |member: &Member<T>| self.call_on(member, patience, queued, handed);
            let outcome = record.on(&self.queue, place);
            if let Some(Err(GetError::Abandoned | GetError::Closed)) = outcome {
                record.forget();
            }
            outcome.unwrap_or(Err(GetError::Closed))
        })
    }

    fn call_on<R>(
        &self,
        member: &Member<T>,
        patience: Patience,
        queued: &mut impl FnMut(&mut VecDeque<T>) -> R,
        handed: impl FnOnce(T) -> R,
    ) -> Result<R, GetError> {
        let may_wait = !matches!(patience, Patience::None);
        let (queue, waiter) = (&self.queue, &member.waiter);
        if may_wait {
            queue.linger();
        }
        match queue.look(waiter, may_wait, &mut *queued) {
            Found::Packets(packets) => return Ok(packets),
            Found::Nothing => return Err(GetError::TimedOut),
            Found::Closed => return Err(GetError::Closed),
            Found::Line => {}
        }
        let answer = match waiter.wait(patience.deadline()) {
            Some(answer) => Some(answer),
            None if queue.expire(waiter) => None,
            // Somebody was quicker: the answer is this thread's, and is on its way.
            None => waiter.wait(None),
        };
        match answer {
            Some(Answer::Packet(packet)) => Ok(handed(packet)),
            Some(Answer::Abandoned) => Err(GetError::Abandoned),
            None => Err(GetError::TimedOut),
            #[cfg(test)]
            Some(Answer::LookAgain) => self.call_on(member, patience, queued, handed),
        }
    }
}

fn at_least_one(concurrency: u32) -> u32 {
    let processors = || std::thread::available_parallelism().map_or(1, NonZero::get);
    match concurrency {
        0 => u32::try_from(processors()).unwrap_or(u32::MAX),
        some => some,
    }
}

impl<T: Send + 'static> Drop for Port<T> {
    /// Nobody can wait any more. What nobody took is dropped.
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl<T: Send + 'static> fmt::Debug for Port<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port")
            .field("concurrency", &self.concurrency())
            .field("depth", &self.depth())
            .field("running", &self.running())
            .field("waiting", &self.waiting())
            .field("is_open", &self.is_open())
            .finish()
    }
}

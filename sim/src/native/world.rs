//! What a backend whose threads live in this process provides.

use portsim_model::program::{Op, ThreadId, Timeout};

use super::failure::Failure;
use super::parked::{KernelWait, Probe};
use crate::trace::Answer;

/// One scenario's ports and objects, for threads of this process.
pub trait World: Send + Sync {
    /// The backend's name, for errors.
    fn backend(&self) -> &'static str;

    /// A thread has begun; asked once, on that thread, before its first call.
    fn arrives(&self, _me: ThreadId) -> Result<(), Failure> {
        Ok(())
    }

    /// Makes a call, on the thread that the scenario names; may block in the kernel.
    fn perform(&self, me: ThreadId, op: Op) -> Result<Answer, Failure>;

    /// Whether a thread is parked in this call.
    fn parked(&self, thread: ThreadId, op: Op) -> Parked;

    /// Whether only the kernel can say who is parked, so that it must be asked.
    fn asks_kernel(&self) -> bool {
        true
    }

    /// Whether a thread that is in no call belongs to a port that counts it, or takes I/O with it when it ends: then its
    /// end is an action.
    fn counts(&self, _: ThreadId) -> bool {
        false
    }

    /// Whether a call of the scenario has ended a thread, itself or another one, and it is over.
    fn is_ended(&self, _: ThreadId) -> bool {
        false
    }

    /// A thread is over, and its system's thread is joined: whoever waits for that goes on.
    fn ended(&self, _: ThreadId) -> Result<(), Failure> {
        Ok(())
    }

    /// Asked when everybody looks parked: whether nothing is on its way that the look at a thread may have missed.
    fn settled(&self) -> bool {
        true
    }

    /// Takes every suspension back: a suspended thread would never come home.
    fn resume_all(&self) {}

    /// Releases a thread from its stall.
    fn come_back(&self, thread: ThreadId) -> Result<(), Failure>;

    /// Releases every thread from whatever call it is in, and every later call at once. The recording is over.
    fn release(&self) -> Result<(), Failure>;

    /// A thread did not come home although everybody was released: ends it from outside, where the system is
    /// known to forget threads; whether it did. Its own things are never freed then.
    fn give_up(&self, _thread: ThreadId) -> bool {
        false
    }

    /// A wait was interrupted from outside.
    fn disturbed(&self) -> bool;

    /// What a thread does between its calls.
    fn idle(&self, _me: ThreadId) -> Idle {
        Idle::Sleeps
    }
}

/// Whether a thread is parked in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parked {
    /// Not, or not yet.
    No,
    /// It is, until somebody releases it or its time is over.
    Yes,
    /// If the kernel shows it like this.
    Kernel(KernelWait),
}

/// Whether a thread is parked in this call until somebody ends it: how often it has slept so far. `before` is what was
/// found the last time: it must not have moved since.
pub fn rests_in(
    world: &dyn World,
    thread: ThreadId,
    op: Op,
    probe: Option<&Probe>,
    before: Option<u64>,
) -> Result<Option<u64>, Failure> {
    if !waits_for_ever(op) {
        return Ok(None);
    }
    let looked = match (world.parked(thread, op), probe, before) {
        (Parked::No, ..) => Ok(None),
        (Parked::Yes, ..) => Ok(Some(0)),
        (Parked::Kernel(_), None, _) => Ok(None),
        (Parked::Kernel(wait), Some(probe), None) => probe.parked(wait),
        (Parked::Kernel(wait), Some(probe), Some(slept)) => {
            let same = probe.parked_since(wait, slept);
            same.map(|same| same.then_some(slept))
        }
    };
    looked.map_err(|error| Failure::new(world.backend(), "look at a thread", error))
}

/// Whether a call ends only if somebody ends it.
fn waits_for_ever(op: Op) -> bool {
    op.wait().is_some_and(|wait| wait.timeout == Timeout::Never)
}

/// What a thread does between its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// Sleeps in the kernel: right where the kernel does not count running threads.
    Sleeps,
    /// Spins, and gives its processor away without waiting: right where a sleeping thread would count as blocked and let another one run.
    Spins,
}

//! The contract that a personality fulfils.

use core::fmt::Debug;

use crate::claim::Claim;
use crate::event::{Error, Observer, OsError, Outcome};
use crate::program::{Get, Op, ProcessId, Program, ThreadId, WaitPacketId};
use crate::property::Fault;
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

/// A system with completion ports: what its calls do, and what happens to a port when threads block,
/// come back and end.
///
/// Every function is one atomic action. A call either returns in it ([`Turn::returns`]) or leaves the
/// thread parked. What no program can ask of a system ([`Personality::supports`] says so) has a default here
/// that is never reached.
pub trait Personality: Copy + Debug + Send + Sync + 'static {
    /// Whether it ever holds a call back until another has gone on: see [`Personality::held`].
    const HOLDS: bool = false;

    /// The name it has everywhere.
    fn name(&self) -> &'static str;
    /// What it calls an error.
    fn os_error(&self) -> fn(Error) -> OsError;
    /// Whether it has the operation, else why not.
    fn supports(&self, program: &Program, op: Op) -> Result<(), &'static str>;
    /// Whether it counts running threads, so that a scenario may ask for them.
    fn counts_running(&self) -> bool;
    /// Whether a call takes packets in one step and returns them in another.
    fn takes_in_two_steps(&self) -> bool {
        false
    }
    /// Whether the packets of a port that only portable operations touch leave it in the order of their posts.
    fn keeps_order(&self) -> bool {
        false
    }
    /// Whether it limits the events of a port, so that a scenario may.
    fn limits_events(&self) -> bool {
        false
    }
    /// Whether its ports are rings, so that a scenario may say of how many entries.
    fn has_rings(&self) -> bool {
        false
    }
    /// Whether a thread has a last error, so that a scenario may ask for it.
    fn keeps_last_error(&self) -> bool {
        false
    }

    /// How many answers the system leaves open for this call; each is a step of its own.
    fn answers(&self, _view: View<'_>, _me: ThreadId, _op: Op) -> u8 {
        1
    }
    /// The claim that keeps a call from going on before another has, if one does.
    fn held(&self, _view: View<'_>, _op: Op) -> Option<&'static Claim> {
        None
    }
    /// The claim that keeps a woken thread from going on before another has, if one does.
    fn holds_wake(&self, _view: View<'_>, _me: ThreadId) -> Option<&'static Claim> {
        None
    }
    /// An operation that is the system's own: whatever [`crate::machine`] does not do for all alike;
    /// `answer` is one of [`Personality::answers`].
    fn call<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, op: Op, answer: u8);
    /// Suspends a thread; `answer` is one of [`Personality::answers`].
    fn suspend<O: Observer>(&self, _: &mut Turn<'_, O>, _target: ThreadId, _answer: u8) {
        unreachable!("this system cannot suspend a thread")
    }
    /// The last suspension of a thread is taken back.
    fn resume<O: Observer>(&self, _: &mut Turn<'_, O>, _target: ThreadId) {
        unreachable!("this system cannot resume a thread")
    }
    /// What a call says that is to end a thread which is over.
    fn ends_in_vain(&self) -> Outcome {
        Outcome::Failed(Error::Invalid)
    }
    /// A thread is about to wait for something that is not a port, or gives the processor away.
    fn turns_away<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) {}
    /// A thread is about to sleep in an alertable wait; says whether an asynchronous procedure call has
    /// ended it.
    fn alerts<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId) -> bool {
        false
    }
    /// What a wait completion packet waits for was signaled, and taken for it.
    fn wait_packet_fires<O: Observer>(&self, _: &mut Turn<'_, O>, _: WaitPacketId) {
        unreachable!("this system has no wait completion packets")
    }
    /// The threads of a process are over; what else it held is given back.
    fn process_exits<O: Observer>(&self, _: &mut Turn<'_, O>, _: ProcessId) {}

    /// How many ways a woken thread can go on.
    fn wake_answers(&self, _view: View<'_>, _me: ThreadId, _get: Get) -> u8 {
        1
    }
    /// A thread that was made runnable inside its call goes on.
    fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get, answer: u8);
    /// The time of a thread's call on a port is over.
    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get);
    /// A running thread starts to wait for something that is not a port.
    fn blocks<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId);
    /// A thread comes back from such a wait.
    fn unblocks<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId);
    /// A thread has ended; `was` is what it did before.
    fn exits<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, was: Mode);

    /// What holds in every state of this system, beyond what [`crate::property`] knows of all.
    fn holds(&self, view: View<'_>) -> Result<(), Fault>;
}

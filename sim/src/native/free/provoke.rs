//! What brings threads at full speed together: left alone, the first is often through before the last has begun.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use portsim_model::program::ThreadId;

use crate::choose::{Choose, Policy};

/// The longest pause before a call.
const PAUSE_MAX: Duration = Duration::from_micros(20);

/// How many lengths a pause can have.
const LENGTHS: usize = 64;

/// How threads of this process are provoked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Provocation {
    /// Nobody begins before all are there.
    pub together: bool,
    /// Threads pause before some of their calls, for a time that is drawn.
    pub pauses: bool,
    /// Each thread stays on one processor, neighbours on different ones.
    pub spread: bool,
}

impl Provocation {
    /// The provocation of a seed: runs with other seeds get another one, and some get none.
    pub fn of(seed: u64) -> Provocation {
        let bit = |n: u64| seed >> n & 1 == 1;
        Provocation {
            together: bit(0) || bit(1),
            pauses: bit(1),
            spread: bit(2),
        }
    }
}

/// The provocation of a run.
pub struct Provoked {
    how: Provocation,
    seed: u64,
    awaited: usize,
    arrived: AtomicUsize,
}

impl Provoked {
    /// A run of so many threads that are there from the start.
    pub fn new(how: Provocation, seed: u64, awaited: usize) -> Provoked {
        Provoked {
            how,
            seed,
            awaited,
            arrived: AtomicUsize::new(0),
        }
    }

    /// A thread is there: it waits for all others, but not for ever.
    pub fn arrives(&self, me: ThreadId, over: &AtomicBool) {
        if self.how.spread {
            stay_on(self.seed.wrapping_add(me.0.into()));
        }
        self.arrived.fetch_add(1, Ordering::SeqCst);
        let mut looks = 0_u32;
        while self.how.together
            && self.arrived.load(Ordering::SeqCst) < self.awaited
            && !over.load(Ordering::SeqCst)
        {
            looks += 1;
            match looks % 64 {
                0 => thread::yield_now(),
                _ => spin_loop(),
            }
        }
    }

    /// What draws the pauses of a thread, if it has some.
    pub fn pauses(&self, me: ThreadId) -> Option<Box<dyn Choose>> {
        let seed = self.seed.wrapping_mul(0x1_0001).wrapping_add(me.0.into());
        self.how.pauses.then(|| Policy::Random.seeded(seed))
    }
}

/// Pauses, or does not, as is drawn: without a wait, which would be seen by those who look whether a thread is parked.
pub fn pause(draw: &mut dyn Choose) {
    let length = draw.answer(LENGTHS);
    if draw.answer(2) == 0 {
        return;
    }
    let since = Instant::now();
    let pause = PAUSE_MAX * length as u32 / LENGTHS as u32;
    while since.elapsed() < pause {
        spin_loop();
    }
}

/// Keeps this thread on one processor, if it is let.
#[cfg(target_os = "linux")]
fn stay_on(number: u64) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else {
        return;
    };
    let own: Vec<_> = (0..CpuSet::MAX_CPU)
        .filter(|&it| allowed.is_set(it))
        .collect();
    if let Some(&processor) = own.get((number % own.len().max(1) as u64) as usize) {
        let mut one = CpuSet::new();
        one.set(processor);
        let _ = sched_setaffinity(None, &one);
    }
}

/// Other systems place their threads themselves.
#[cfg(not(target_os = "linux"))]
fn stay_on(_: u64) {}

//! The program's time on a real clock.
//!
//! A deadline is kept twice: in ticks, where turns take no time at all, and in the kernel, which counts from
//! the moment of the call. Both agree about the order as long as all turns between two deadlines together take
//! less than a tick. Whether they did is checked, not hoped: a timeout that fires before its turn makes the
//! conductor repeat the whole run with a slower clock.

use std::time::{Duration, Instant};

use portsim_model::program::{Op, Program, ThreadId, Timeout};

/// How long the shortest timeout of a program lasts.
const SHORTEST: Duration = Duration::from_millis(40);

/// How far apart two different timeouts of a program are.
const APART: Duration = Duration::from_millis(10);

/// The kernel counts the timeouts of `epoll_pwait` in these.
const FINEST: Duration = Duration::from_millis(1);

/// The program's time, and the deadlines in it.
#[derive(Debug)]
pub struct Clock {
    tick: Duration,
    /// In ticks from the start.
    now: u64,
    pending: Vec<Deadline>,
}

#[derive(Debug, Clone, Copy)]
struct Deadline {
    thread: ThreadId,
    at: u64,
    real: Instant,
}

impl Clock {
    /// A clock at 0.
    pub fn new(tick: Duration) -> Clock {
        Clock {
            tick,
            now: 0,
            pending: Vec::new(),
        }
    }

    /// A thread parked in a call that it made at `since`; `ticks` is how long it waits at most.
    pub fn parks(&mut self, thread: ThreadId, ticks: u32, since: Instant) {
        self.pending.push(Deadline {
            thread,
            at: self.now + u64::from(ticks),
            real: since + self.tick * ticks,
        });
    }

    /// Whether the time of a call has passed in the kernel that a thread parked in, if it has one.
    pub fn has_passed(&self, thread: ThreadId) -> bool {
        let mut pending = self.pending.iter().filter(|due| due.thread == thread);
        pending.any(|due| due.real <= Instant::now())
    }

    /// Whether so many ticks have passed in the kernel since then.
    pub fn has_passed_since(&self, since: Instant, ticks: u32) -> bool {
        since.elapsed() >= self.tick * ticks
    }

    /// A thread came back. Whether a timeout can have been the cause: its deadline has passed in ticks too.
    pub fn returns(&mut self, thread: ThreadId) -> bool {
        let place = self.pending.iter().position(|due| due.thread == thread);
        place.is_some_and(|place| self.pending.swap_remove(place).at <= self.now)
    }

    /// The thread whose deadline is next; the lowest of several. One that has passed while its thread was suspended
    /// does not pass again.
    pub fn next(&self) -> Option<ThreadId> {
        let next = self.coming().min_by_key(|due| (due.at, due.thread));
        next.map(|due| due.thread)
    }

    fn coming(&self) -> impl Iterator<Item = &Deadline> {
        self.pending.iter().filter(|due| due.at > self.now)
    }

    /// Moves to the next deadline: which threads have it, and how long the kernel still takes to get there.
    pub fn advance(&mut self) -> Option<(Vec<ThreadId>, Duration)> {
        let at = self.coming().map(|due| due.at).min()?;
        self.now = at;
        let due: Vec<_> = self.pending.iter().filter(|due| due.at == at).collect();
        let last = due.iter().map(|due| due.real).max()?;
        let rest = last.saturating_duration_since(Instant::now());
        Some((due.iter().map(|due| due.thread).collect(), rest))
    }
}

/// How long a call waits at most, in ticks, where the clock can end it.
pub fn ticks_of(op: Op) -> Option<u32> {
    match op.wait()?.timeout {
        Timeout::Ticks(ticks @ 1..) => Some(ticks),
        Timeout::Ticks(0) | Timeout::Never => None,
    }
}

/// How long a tick lasts for a program: its shortest timeout is long enough for many turns, and its timeouts
/// differ clearly; a part of that where `haste` is more than 1.
pub fn tick_for(program: &Program, haste: u32) -> Duration {
    let mut ticks: Vec<u32> = program.ops().filter_map(ticks_of).collect();
    ticks.sort_unstable();
    ticks.dedup();
    let Some(&shortest) = ticks.first() else {
        return FINEST;
    };
    let gap = ticks.windows(2).map(|pair| pair[1] - pair[0]).min();
    let apart = gap.map_or(FINEST, |gap| APART / gap);
    ((SHORTEST / shortest).max(apart) / haste).max(FINEST)
}

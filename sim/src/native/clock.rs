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

/// How long after a deadline the thread that it wakes is seen to run.
const NOTICED: Duration = Duration::from_millis(4);

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
    /// Whether its thread may stay in its call.
    may_wait_on: bool,
}

/// When the clock can end a call, in ticks from its begin.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// The first time.
    pub first: u32,
    /// The last, where the call may wait on.
    pub last: Option<u32>,
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

    /// A thread parked in a call that it made at `since`, which waits so long.
    pub fn parks(&mut self, thread: ThreadId, times: Times, since: Instant) {
        let mut push = |ticks, may_wait_on| {
            self.pending.push(Deadline {
                thread,
                at: self.now + u64::from(ticks),
                real: since + self.tick * ticks,
                may_wait_on,
            });
        };
        push(times.first, times.last.is_some());
        if let Some(last) = times.last {
            push(last, false);
        }
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
        let own = |due: &Deadline| due.thread == thread;
        let has_passed = self
            .pending
            .iter()
            .any(|due| own(due) && due.at <= self.now);
        self.pending.retain(|due| !own(due));
        has_passed
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

    /// Moves to the next deadline: which threads come back then, and how long the kernel still takes to get there.
    pub fn advance(&mut self) -> Option<(Vec<ThreadId>, Duration)> {
        let at = self.coming().map(|due| due.at).min()?;
        self.now = at;
        let due: Vec<_> = self.pending.iter().filter(|due| due.at == at).collect();
        let last = due.iter().map(|due| due.real).max()?;
        let rest = last.saturating_duration_since(Instant::now());
        if due.iter().any(|due| due.may_wait_on) {
            // Nothing tells that the time has passed but the clock.
            std::thread::sleep(rest + NOTICED);
        }
        let back = due.iter().filter(|due| !due.may_wait_on);
        Some((back.map(|due| due.thread).collect(), rest))
    }
}

/// When the clock can end a call, if it can.
pub fn times_of(op: Op) -> Option<Times> {
    let Timeout::Ticks(first @ 1..) = op.wait()?.timeout else {
        return None;
    };
    let behind = op.as_get().and_then(|get| get.times().1);
    Some(Times {
        first,
        last: behind.map(|behind| first + behind),
    })
}

/// How long a tick lasts for a program: its shortest timeout is long enough for many turns, and its timeouts
/// differ clearly; a part of that where `haste` is more than 1.
pub fn tick_for(program: &Program, haste: u32) -> Duration {
    let times = program.ops().filter_map(times_of);
    let mut ticks: Vec<u32> = times
        .flat_map(|times| [Some(times.first), times.last])
        .flatten()
        .collect();
    ticks.sort_unstable();
    ticks.dedup();
    let Some(&shortest) = ticks.first() else {
        return FINEST;
    };
    let gap = ticks.windows(2).map(|pair| pair[1] - pair[0]).min();
    let apart = gap.map_or(FINEST, |gap| APART / gap);
    ((SHORTEST / shortest).max(apart) / haste).max(FINEST)
}

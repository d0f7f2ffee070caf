//! Seeds that threads share.

use std::io;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Seeds of which each is given once, in their order, to the thread that asks next.
pub struct Seeds {
    all: Range<u64>,
    given: AtomicU64,
}

impl Seeds {
    fn new(all: Range<u64>) -> Seeds {
        let given = AtomicU64::new(0);
        Seeds { all, given }
    }
}

impl Iterator for &Seeds {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        // The count begins at 0: one that began at the first seed would go on from the last of all to 0.
        let given = self.given.fetch_add(1, Ordering::Relaxed);
        let seed = self.all.start.checked_add(given)?;
        (seed < self.all.end).then_some(seed)
    }
}

/// Has so many threads work on the seeds; gives what each makes of those that it takes. A thread is told its number.
///
/// # Errors
///
/// If a thread cannot be started.
pub fn share<T: Send>(
    seeds: Range<u64>,
    threads: usize,
    work: impl Fn(usize, &Seeds) -> T + Sync,
) -> io::Result<Vec<T>> {
    let (seeds, work) = (&Seeds::new(seeds), &work);
    thread::scope(|scope| {
        let start = |n| thread::Builder::new().spawn_scoped(scope, move || work(n, seeds));
        let started: Vec<_> = (0..threads).map(start).collect();
        let end = |thread: thread::ScopedJoinHandle<'_, T>| {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        };
        // Those that could be started have done the work of all.
        started.into_iter().map(|it| it.map(end)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_given_once_up_to_the_last_there_can_be() {
        for all in [5..80, 0..0, u64::MAX - 30..u64::MAX] {
            // Each thread asks until there are none, and then some more.
            let work = |_, seeds: &Seeds| {
                (0..40)
                    .filter_map(|_| {
                        let mut seeds = seeds;
                        seeds.next()
                    })
                    .collect()
            };
            let given: Vec<Vec<u64>> = share(all.clone(), 3, work).expect("threads can be started");
            let mut given = given.concat();
            given.sort_unstable();
            assert_eq!(given, all.collect::<Vec<_>>());
        }
    }
}

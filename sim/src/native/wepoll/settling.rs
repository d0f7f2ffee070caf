//! Whether anything is still on its way.
//!
//! On Windows a poll ends in whatever makes its socket ready, and its packet is in the port when that call comes back.
//! Under Wine the server learns of it from Linux, tells the thread that began the poll, wherever that is, and puts the
//! packet into the port when the thread has answered; in place of a thread that is over it asks another one. So nothing is
//! on its way when the server and all threads sleep, each where it slept a moment before.

use std::io;
use std::sync::Mutex;
use std::thread::{self, ThreadId};

use crate::native::lock::lock;
use crate::native::parked::Probe;

/// Those who may move, each with its name where it is a thread of the run.
pub struct Settling(Mutex<Vec<(Option<ThreadId>, Probe)>>);

impl Settling {
    /// Those that there are, but the calling thread, which conducts the others.
    pub fn new() -> io::Result<Settling> {
        let others = Probe::of_all_others()?.into_iter();
        Ok(Settling(Mutex::new(others.map(|it| (None, it)).collect())))
    }

    /// The calling thread begins.
    pub fn arrives(&self) -> io::Result<()> {
        let mut others = lock(&self.0);
        if !others.is_empty() {
            others.push((Some(thread::current().id()), Probe::of_this_thread()?));
        }
        Ok(())
    }

    /// Whether nothing is on its way, as far as others than the calling thread would move.
    pub fn is_over(&self) -> bool {
        let others = lock(&self.0);
        let before = asleep(&others);
        before.is_some() && before == asleep(&others)
    }
}

/// How often each has slept, if all do.
fn asleep(others: &[(Option<ThreadId>, Probe)]) -> Option<Vec<u64>> {
    let me = Some(thread::current().id());
    let others = others.iter().filter(|(thread, _)| *thread != me);
    // A thread that is over has no files any more, and nothing is on its way to it.
    let known = others.filter_map(|(_, other)| other.asleep().ok());
    known.collect()
}

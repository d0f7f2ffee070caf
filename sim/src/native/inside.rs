//! Which call each thread waits in, where its first argument is known only to the thread.

use std::sync::atomic::{AtomicU64, Ordering};

use portsim_model::program::{Program, ThreadId};

use super::parked::{Call, KernelWait};
use super::world::Parked;

/// By thread the first argument of the call that it waits in; 0 outside of one.
pub struct Inside(Vec<AtomicU64>);

impl Inside {
    /// Nobody waits.
    pub fn new(program: &Program) -> Inside {
        Inside(program.threads.iter().map(|_| AtomicU64::new(0)).collect())
    }

    /// A thread waits in a call with this first argument.
    pub fn call<T>(&self, me: ThreadId, first: u64, call: impl FnOnce() -> T) -> T {
        let inside = &self.0[me.index()];
        inside.store(first, Ordering::SeqCst);
        let done = call();
        inside.store(0, Ordering::SeqCst);
        done
    }

    /// Where a thread is parked, if it waits in this call.
    pub fn parked(&self, thread: ThreadId, call: Call) -> Parked {
        match self.0[thread.index()].load(Ordering::SeqCst) {
            0 => Parked::No,
            first => Parked::Kernel(KernelWait { call, first }),
        }
    }
}

//! To which port a thread belongs, and whether it counts there.
//!
//! A thread belongs to the port on which it called last, and to no other. It counts until it calls again, blocks
//! in a scope that says so, calls on another port, or ends. The record of it lies with the thread: when the thread
//! ends, by a panic as well, its record is dropped and the port stops counting it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::queue::Queue;
use super::sync::thread_local;
use super::waiter::Waiter;

/// A thread's place in the port it belongs to.
pub struct Member<T> {
    /// The port.
    pub queue: Arc<Queue<T>>,
    /// Where it waits there.
    pub waiter: Arc<Waiter<T>>,
}

/// A place in a port of packets of any type.
pub trait Place: Any {
    /// The thread stops running.
    fn leave(&self);

    /// The thread runs again.
    fn enter(&self);
}

impl<T: Send + 'static> Place for Member<T> {
    fn leave(&self) {
        self.queue.leave(&self.waiter);
    }

    fn enter(&self) {
        self.queue.enter(&self.waiter);
    }
}

/// A thread's record.
#[derive(Default)]
pub struct Record {
    place: RefCell<Option<Box<dyn Place>>>,
    counts: Cell<bool>,
}

thread_local! {
    static RECORD: Record = Record::default();
}

/// The calling thread's record. A thread that is past its own end has none any more; it gets one for this call,
/// and counts no longer than that.
pub fn record<R>(call: impl FnOnce(&Record) -> R) -> R {
    let mut call = Some(call);
    let with = RECORD.try_with(|record| call.take().map(|call| call(record)));
    match (with, call) {
        (Ok(Some(done)), _) => done,
        (_, Some(call)) => call(&Record::default()),
        _ => unreachable!("the call is made once"),
    }
}

impl Record {
    /// Calls with the thread's place in this port, which is a new one if it belonged elsewhere; a place elsewhere
    /// is given up first, unless this port is closed and the call comes to nothing.
    pub fn on<T: Send + 'static, R>(
        &self,
        queue: &Arc<Queue<T>>,
        call: impl FnOnce(&Member<T>) -> R,
    ) -> Option<R> {
        if !self.belongs_to(queue) {
            if self.place.borrow().is_some() && !queue.is_open() {
                return None;
            }
            self.leave();
            let waiter = Arc::new(Waiter::of_this_thread());
            let queue = queue.clone();
            *self.place.borrow_mut() = Some(Box::new(Member { queue, waiter }));
        }
        let place = self.place.borrow();
        place.as_deref().and_then(member_of).map(call)
    }

    /// Whether the thread belongs to this port.
    pub fn belongs_to<T: Send + 'static>(&self, queue: &Arc<Queue<T>>) -> bool {
        let place = self.place.borrow();
        let member = place.as_deref().and_then(member_of::<T>);
        member.is_some_and(|member| Arc::ptr_eq(&member.queue, queue))
    }

    /// Whether the thread counts.
    pub fn counts(&self) -> bool {
        self.counts.get()
    }

    /// The thread counts, or does not. The port was told.
    pub fn set_counts(&self, counts: bool) {
        self.counts.set(counts);
    }

    /// The thread belongs to no port any more. The port was told.
    pub fn forget(&self) {
        self.counts.set(false);
        *self.place.borrow_mut() = None;
    }

    fn leave(&self) {
        self.stop();
        *self.place.borrow_mut() = None;
    }

    /// Whether the thread counted; it does not any more.
    fn stop(&self) -> bool {
        let counted = self.counts.replace(false);
        if let Some(place) = &*self.place.borrow()
            && counted
        {
            place.leave();
        }
        counted
    }

    /// The thread counts again, where it belongs somewhere and does not count already.
    fn go_on(&self) {
        if let Some(place) = &*self.place.borrow()
            && !self.counts.get()
        {
            place.enter();
            self.counts.set(true);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if let Some(place) = self.place.get_mut()
            && self.counts.get()
        {
            place.leave();
        }
    }
}

fn member_of<T: Send + 'static>(place: &dyn Place) -> Option<&Member<T>> {
    (place as &dyn Any).downcast_ref()
}

/// Runs something in which the calling thread may sleep, and meanwhile counts it out of the port to which it
/// belongs: one more waiter may run. Afterwards it counts again, at once, even if then more run than the port
/// allows; a thread that is back is not stopped. The same when the scope ends in a panic.
///
/// Without a port this only runs the scope. Scopes may be nested; the outermost counts. A `get` in a scope makes the
/// thread count again, since it has a packet to work on.
///
/// ```
/// use portsim_port::{Port, blocking};
///
/// let port = Port::new(1);
/// port.post("first").unwrap();
/// port.post("second").unwrap();
/// assert_eq!(port.get(), Ok("first"));
/// std::thread::scope(|threads| {
///     // One thread may run, and that is this one, until it waits for the other.
///     let other = threads.spawn(|| port.get());
///     assert_eq!(blocking(|| other.join().unwrap()), Ok("second"));
/// });
/// ```
pub fn blocking<R>(scope: impl FnOnce() -> R) -> R {
    let _away = Away::begin();
    scope()
}

/// A thread that was counted out, until it goes on.
struct Away {
    counted: bool,
}

impl Away {
    fn begin() -> Away {
        let counted = RECORD.try_with(Record::stop).unwrap_or_default();
        Away { counted }
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        if self.counted {
            // A record that is gone was counted out when it went.
            let _ = RECORD.try_with(Record::go_on);
        }
    }
}

//! To which port a thread belongs, and how it is absent from it.
//!
//! A thread belongs to the port on which it called last, and to no other. It counts until it calls again, is away,
//! calls on another port, or ends. Whether it counts lies in its place, under the port's lock, because another thread
//! may count it. Which place is its own lies with the thread: when the thread ends, by a panic as well, its record is
//! dropped and the port stops counting it.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
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
pub trait Place: Any + Send + Sync {
    /// The thread stops running, if it counts; the number of its absence.
    fn leave(&self) -> Option<usize>;

    /// The thread runs again after this absence, unless it does already; whether it counts by this.
    fn enter(&self, absence: usize) -> bool;

    /// The thread gives the place up.
    fn quit(&self);
}

impl<T: Send + 'static> Place for Member<T> {
    fn leave(&self) -> Option<usize> {
        self.queue.leave(&self.waiter)
    }

    fn enter(&self, absence: usize) -> bool {
        self.queue.enter(&self.waiter, absence)
    }

    fn quit(&self) {
        self.queue.quit(&self.waiter);
    }
}

/// A thread's record.
#[derive(Default)]
pub struct Record {
    place: RefCell<Option<Arc<dyn Place>>>,
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
            self.quit();
            let waiter = Arc::new(Waiter::of_this_thread());
            let queue = queue.clone();
            *self.place.borrow_mut() = Some(Arc::new(Member { queue, waiter }));
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

    /// The thread belongs to no port any more. The port was told.
    pub fn forget(&self) {
        *self.place.borrow_mut() = None;
    }

    fn quit(&self) {
        if let Some(place) = self.place.take() {
            place.quit();
        }
    }

    /// The thread stops running, if it counts; how it comes back.
    fn leave(&self) -> Option<Back> {
        let place = self.place.borrow().clone()?;
        let absence = place.leave()?;
        Some(Back {
            absence: Some((place, absence)),
        })
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // A thread inside of a call does not end; but where all are stuck, loom drops its record.
        if self.place.try_borrow_mut().is_ok() {
            self.quit();
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
/// The thread counts when it runs again, which is a moment after it was woken: in between, a waiter may get a packet
/// for which there will be no room. [`Away`] lets who wakes the thread count it.
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

/// The calling thread is about to sleep: as long as this lives it does not count in the port to which it belongs, and
/// one more waiter may run. It counts again when this is dropped, by a panic as well, or when another thread says so
/// before: whatever comes first.
///
/// It is for locks, events and queues of one's own, where one thread wakes another. On Windows a thread counts from
/// the moment in which it is woken, before the call that wakes it returns. A port cannot see that, so the thread leaves
/// a [`Back`] where the other finds it, and the other calls [`Back::count`] before it wakes the thread. A thread that
/// nobody wakes, because the time of its sleep is over or a device was slow, counts when it runs again and drops this;
/// there [`blocking`] says the same in fewer words.
///
/// What holds for [`blocking`] holds here: without a port it does nothing, the outermost counts, and a `get` makes the
/// thread count again.
///
/// ```
/// use std::sync::Mutex;
/// use std::thread::{self, Thread};
///
/// use portsim_port::{Away, Back, Port};
///
/// /// Threads wait until it is set.
/// #[derive(Default)]
/// struct Event {
///     state: Mutex<(bool, Vec<(Thread, Back)>)>,
/// }
///
/// impl Event {
///     fn wait(&self) {
///         let mut state = self.state.lock().unwrap();
///         if !state.0 {
///             let away = Away::begin();
///             state.1.push((thread::current(), away.back()));
///             while !state.0 {
///                 drop(state);
///                 thread::park();
///                 state = self.state.lock().unwrap();
///             }
///         }
///     }
///
///     fn set(&self) {
///         let mut state = self.state.lock().unwrap();
///         state.0 = true;
///         for (thread, back) in state.1.drain(..) {
///             back.count();
///             thread.unpark();
///         }
///     }
/// }
///
/// let (port, event) = (Port::new(1), Event::default());
/// port.post("first").unwrap();
/// thread::scope(|threads| {
///     let sleeps = threads.spawn(|| {
///         port.get().unwrap();
///         event.wait();
///         port.running()
///     });
///     while event.state.lock().unwrap().1.is_empty() {
///         thread::yield_now();
///     }
///     assert_eq!(port.running(), 0);
///     event.set();
///     // One thread may run, and one does, even if it has not moved yet: this is queued.
///     port.post("second").unwrap();
///     assert_eq!(sleeps.join().unwrap(), 1);
/// });
/// ```
#[must_use = "the thread counts again when this is dropped"]
pub struct Away {
    back: Back,
    /// It is the thread's own, and stays with it.
    stays: PhantomData<*const ()>,
}

impl Away {
    /// The calling thread does not count from now on. If it did not, nothing changes, now or later.
    pub fn begin() -> Away {
        // A record that is gone was counted out when it went.
        let back = RECORD.try_with(Record::leave).ok().flatten();
        Away {
            back: back.unwrap_or_default(),
            stays: PhantomData,
        }
    }

    /// What another thread needs to count this one.
    pub fn back(&self) -> Back {
        self.back.clone()
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        self.back.count();
    }
}

impl fmt::Debug for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Away(..)")
    }
}

/// Counts a thread that is [`Away`], from any thread. Copies stand for the same absence.
#[derive(Clone, Default)]
pub struct Back {
    /// Where, and which; none for a thread that did not count.
    absence: Option<(Arc<dyn Place>, usize)>,
}

impl Back {
    /// The thread counts from now on, even if then more run than the port allows. Call it before you wake the thread,
    /// so that it counts when your own call returns. Says whether the thread counts by this call.
    ///
    /// It does nothing, and says so, where the absence is over: somebody was quicker, the thread called `get` on any
    /// port, it has ended, or the port was closed. So each absence ends once, however many end it.
    #[expect(
        clippy::must_use_candidate,
        reason = "whoever was quicker, the thread counts"
    )]
    pub fn count(&self) -> bool {
        let absence = self.absence.as_ref();
        absence.is_some_and(|(place, absence)| place.enter(*absence))
    }
}

impl fmt::Debug for Back {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Back(..)")
    }
}

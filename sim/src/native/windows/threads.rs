//! Threads of a run, as they are seen from outside: which wait each may be in, and what it does between its calls.
//!
//! - The kernel counts a thread that took a packet as running until it waits. So it spins between its calls,
//!   and gives its processor away without ever waiting.
//! - Whatever waits for an object also waits for an event of ours, `home`, which brings it home when the
//!   recording is over.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

use portsim_model::event::Error;
use portsim_model::program::{Op, PortId, Program, ThreadId};
use windows_sys::Win32::Foundation::{
    HANDLE, WAIT_ABANDONED_0, WAIT_IO_COMPLETION, WAIT_OBJECT_0, WAIT_TIMEOUT,
};
use windows_sys::Win32::System::Threading::{
    GetCurrentThread, INFINITE, QueueUserAPC, TerminateThread, WaitForMultipleObjectsEx,
};

use super::handles::{
    Owned, done_or_error, duplicate, event, failed, last_error, lock, make_event, set,
};
use super::stops::{self, Stops};
use crate::native::backend::Failure;
use crate::native::parked::{Call, KernelWait};
use crate::native::world::{Idle, Parked};
use crate::trace::Answer;

/// A wait that a thread may be in, as one number.
const NO_WAIT: u8 = 0;
const ON_PORT: u8 = 1;
const ON_OBJECT: u8 = 2;
const ON_FILE: u8 = 3;

/// What a thread is doing.
#[derive(Default)]
struct Doing {
    /// The wait that it may be in.
    wait: AtomicU8,
    /// On which port that is, and 1 more.
    on: AtomicUsize,
    /// Whether it has ever taken from a port, which counts it.
    counted: AtomicBool,
    /// The port that it was at last, and 1 more.
    member: AtomicUsize,
    stops: Stops,
    /// Whether some thread may end it.
    may_be_ended: bool,
}

impl Doing {
    /// Whether it is in a wait.
    fn is_parked(&self) -> bool {
        self.wait.load(Ordering::SeqCst) != NO_WAIT
    }
}

/// The threads of a run.
pub struct Threads {
    doing: Vec<Doing>,
    handles: Mutex<Vec<Option<Owned>>>,
    stalls: Vec<Owned>,
    home: Owned,
    over: AtomicBool,
}

impl Threads {
    /// Those of a program, none of which has begun.
    pub fn new(program: &Program) -> Result<Threads, Failure> {
        let count = program.threads.len();
        let doing = |thread| Doing {
            may_be_ended: program.ops().any(|op| op == Op::Terminate { thread }),
            ..Doing::default()
        };
        Ok(Threads {
            doing: program.thread_ids().map(doing).collect(),
            handles: Mutex::new((0..count).map(|_| None).collect()),
            stalls: (0..count).map(|_| event()).collect::<Result<_, _>>()?,
            // Manual, because many may wait for it.
            home: make_event(true)?,
            over: AtomicBool::new(false),
        })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.doing.len()
    }

    fn doing(&self, thread: ThreadId) -> &Doing {
        &self.doing[thread.index()]
    }

    /// The calling thread begins.
    pub fn begins(&self, me: ThreadId) -> Result<(), Failure> {
        // SAFETY: it takes nothing, and gives a number that stands for the calling thread.
        let me_myself = unsafe { GetCurrentThread() };
        lock(&self.handles)[me.index()] = Some(duplicate(me_myself)?);
        Ok(())
    }

    /// The handle of a thread that has begun: open for as long as this lives, because none is ever taken back.
    pub fn handle(&self, thread: ThreadId) -> Option<HANDLE> {
        let handles = lock(&self.handles);
        handles[thread.index()].as_ref().map(Owned::raw)
    }

    /// The handle of a thread of the run, which begins before long: at full speed they begin all at once.
    pub fn handle_of(&self, thread: ThreadId) -> HANDLE {
        loop {
            if let Some(handle) = self.handle(thread) {
                return handle;
            }
            if self.over.load(Ordering::SeqCst) {
                return self.home.raw();
            }
            std::thread::yield_now();
        }
    }

    /// The calling thread makes a call.
    pub fn moves(&self, me: ThreadId) {
        self.doing(me).stops.moves();
    }

    /// Makes a call that may wait, so that it is known outside which wait that would be.
    fn waits<T>(&self, me: ThreadId, wait: u8, on: usize, call: impl FnOnce() -> T) -> T {
        let doing = self.doing(me);
        doing.on.store(on, Ordering::SeqCst);
        doing.wait.store(wait, Ordering::SeqCst);
        let result = call();
        doing.wait.store(NO_WAIT, Ordering::SeqCst);
        result
    }

    /// The calling thread belongs to a port from now on.
    pub fn joins(&self, me: ThreadId, port: PortId) {
        let doing = self.doing(me);
        doing.counted.store(true, Ordering::SeqCst);
        doing.member.store(port.index() + 1, Ordering::SeqCst);
    }

    /// Takes from a port.
    pub fn takes<T>(&self, me: ThreadId, port: PortId, call: impl FnOnce() -> T) -> T {
        self.waits(me, ON_PORT, port.index() + 1, call)
    }

    /// Makes a call on a synchronous file, which may wait for the end of its operation.
    pub fn waits_for_file<T>(&self, me: ThreadId, call: impl FnOnce() -> T) -> T {
        self.waits(me, ON_FILE, 0, call)
    }

    /// Waits for a handle, or to be sent home.
    pub fn wait(&self, me: ThreadId, handle: HANDLE, millis: u32, alertable: bool) -> Answer {
        let handles = [handle, self.home.raw()];
        // SAFETY: there are two handles, which are read before the call waits. What is waited for is there for as
        // long as the run, or was closed by it: then the call is refused.
        let ended = self.waits(me, ON_OBJECT, 0, || unsafe {
            WaitForMultipleObjectsEx(2, handles.as_ptr(), 0, millis, alertable.into())
        });
        match ended {
            WAIT_OBJECT_0 | WAIT_ABANDONED_0 => Answer::Done,
            WAIT_TIMEOUT => failed(Error::Timeout),
            WAIT_IO_COMPLETION => failed(Error::Apc),
            ended if ended == WAIT_OBJECT_0 + 1 => failed(Error::Abandoned),
            _ => last_error(),
        }
    }

    /// Waits until somebody lets it come back.
    pub fn stall(&self, me: ThreadId) -> Answer {
        self.wait(me, self.stalls[me.index()].raw(), INFINITE, false)
    }

    /// Lets a thread come back from its stall.
    pub fn come_back(&self, thread: ThreadId) -> Result<(), Failure> {
        set(&self.stalls[thread.index()])
    }

    /// Waits for nothing but its time: an event that nobody sets while the recording lasts.
    pub fn sleep(&self, me: ThreadId, millis: u32, alertable: bool) -> Answer {
        match self.wait(me, self.stalls[me.index()].raw(), millis, alertable) {
            answer if answer.error() == Some(Error::Timeout) => Answer::Done,
            answer => answer,
        }
    }

    /// QueueUserAPC.
    pub fn apc(&self, thread: ThreadId) -> Answer {
        // SAFETY: the handle of the thread is open. Its procedure takes any number, and is there as long as the
        // program is.
        let queue = |handle| unsafe { QueueUserAPC(Some(nothing), handle, 0) };
        let handle = self.handle(thread);
        handle.map_or(failed(Error::BadHandle), |handle| {
            done_or_error(queue(handle) as i32)
        })
    }

    /// SuspendThread.
    pub fn suspend(&self, thread: ThreadId) -> Answer {
        let doing = self.doing(thread);
        let handle = self.handle(thread);
        handle.map_or(failed(Error::BadHandle), |handle| {
            doing.stops.suspend(handle, || doing.is_parked())
        })
    }

    /// ResumeThread.
    pub fn resume(&self, thread: ThreadId) -> Answer {
        let handle = self.handle(thread);
        handle.map_or(failed(Error::BadHandle), |handle| {
            self.doing(thread).stops.resume(handle)
        })
    }

    /// TerminateThread. A thread that ends itself does not come back.
    pub fn terminate(&self, me: ThreadId, thread: ThreadId) -> Answer {
        let doing = self.doing(thread);
        let handle = self.handle(thread);
        handle.map_or(failed(Error::BadHandle), |handle| match thread == me {
            true => doing.stops.terminate_itself(),
            false => {
                let answer = doing.stops.terminate(handle, || doing.is_parked());
                if doing.stops.is_ended() {
                    doing.wait.store(NO_WAIT, Ordering::SeqCst);
                }
                answer
            }
        })
    }

    /// Whether a thread was ended by another one, or by itself.
    pub fn is_ended(&self, thread: ThreadId) -> bool {
        let is_over = |handle| stops::is_over(handle);
        self.doing(thread).stops.is_ended() && self.handle(thread).is_some_and(is_over)
    }

    /// Takes every suspension back.
    pub fn resume_all(&self) {
        for thread in (0..self.doing.len() as u8).map(ThreadId) {
            while self.doing(thread).stops.is_suspended() {
                self.resume(thread);
            }
        }
    }

    /// In which wait a thread is, if it is in one.
    pub fn parked(&self, thread: ThreadId) -> Parked {
        let doing = self.doing(thread);
        let call = match doing.wait.load(Ordering::SeqCst) {
            _ if doing.stops.is_suspended() => Call::Suspension,
            NO_WAIT => return Parked::No,
            ON_PORT => Call::Port,
            ON_FILE => Call::File,
            _ => Call::Object,
        };
        Parked::Kernel(KernelWait { call, first: 0 })
    }

    /// Whether somebody waits on a port who could go on.
    pub fn any_waits_on(&self, port: PortId) -> bool {
        self.doing.iter().any(|doing| {
            doing.wait.load(Ordering::SeqCst) == ON_PORT
                && doing.on.load(Ordering::SeqCst) == port.index() + 1
                && !doing.stops.is_suspended()
        })
    }

    /// The port to which a thread belongs.
    pub fn port_of(&self, thread: ThreadId) -> Option<PortId> {
        let member = self.doing(thread).member.load(Ordering::SeqCst);
        member.checked_sub(1).map(|port| PortId(port as u8))
    }

    /// Brings home whoever waits for an object, now and later.
    pub fn send_home(&self) -> Result<(), Failure> {
        self.over.store(true, Ordering::SeqCst);
        set(&self.home)
    }

    /// Ends a thread that waits on a port for ever; whether it did.
    pub fn give_up(&self, thread: ThreadId) -> bool {
        if self.doing(thread).wait.load(Ordering::SeqCst) != ON_PORT {
            return false;
        }
        // SAFETY: the handle of the thread is open. A second after all were released, a thread that still says that
        // it waits on a port is in the call that takes packets, and holds no lock there that anybody asks for. Its
        // stack is lost: nobody else refers to anything there. What it refers to itself is not freed before it is
        // over, because its share of the world is never given back.
        let ends = |handle| unsafe { TerminateThread(handle, 0) } != 0;
        self.handle(thread).is_some_and(ends)
    }

    /// The calling thread looks for its next call.
    pub fn rests(&self, me: ThreadId) -> Idle {
        self.doing(me).stops.rests();
        let counted = self.doing(me).counted.load(Ordering::SeqCst);
        let spins = counted || self.doing(me).may_be_ended;
        if spins && !self.over.load(Ordering::SeqCst) {
            Idle::Spins
        } else {
            Idle::Sleeps
        }
    }
}

/// An asynchronous procedure: that it ran is all that is asked.
extern "system" fn nothing(_: usize) {}

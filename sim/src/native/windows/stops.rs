//! Threads that others stop: SuspendThread, ResumeThread and TerminateThread, where nothing of ours may stop in the
//! middle.
//!
//! A thread is stopped where it is parked, or where it looks for its next call. There it holds no lock that the
//! conductor or another thread could ask for, that of the heap included. It stays there while it is stopped: one
//! thread at a time moves, and that is the one that stops it. One that may be ended looks for its calls without ever
//! waiting: what it would wait for has a place on its stack, which goes with it. What else is on its stack nobody
//! else refers to. Only the end of a wait's time could move it just then, from which the clock of the conductor keeps
//! turns apart: a thread that was stopped on its way out of a wait would keep a lock, and the run would stand still.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use windows_sys::Win32::Foundation::{HANDLE, WAIT_OBJECT_0};
#[cfg(not(target_arch = "aarch64"))]
use windows_sys::Win32::System::Diagnostics::Debug::CONTEXT_CONTROL_AMD64 as CONTROL;
#[cfg(target_arch = "aarch64")]
use windows_sys::Win32::System::Diagnostics::Debug::CONTEXT_CONTROL_ARM64 as CONTROL;
use windows_sys::Win32::System::Diagnostics::Debug::{CONTEXT, GetThreadContext};
use windows_sys::Win32::System::Threading::{
    GetCurrentThread, ResumeThread, SuspendThread, TerminateThread, WaitForSingleObject,
};

use super::handles::last_error;
use crate::trace::Answer;

/// What these calls answer when they fail.
const FAILED: u32 = u32::MAX;

/// A place for a context, which the system wants at such an address.
#[repr(C, align(16))]
struct Place(CONTEXT);

/// How others have stopped one thread.
#[derive(Default)]
pub struct Stops {
    suspensions: AtomicU8,
    at_rest: AtomicBool,
    /// Whether it was ended.
    ended: AtomicBool,
}

impl Stops {
    /// The thread looks for its next call: nothing of ours is held.
    pub fn rests(&self) {
        self.at_rest.store(true, Ordering::SeqCst);
    }

    /// The thread makes a call.
    pub fn moves(&self) {
        self.at_rest.store(false, Ordering::SeqCst);
    }

    /// Whether it is suspended.
    pub fn is_suspended(&self) -> bool {
        self.suspensions.load(Ordering::SeqCst) > 0
    }

    /// Whether it was ended, or is about to end itself.
    pub fn is_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Comes back when the thread is where it can be stopped. It may have come back from a call, and not yet got so far
    /// as to look for another one.
    fn wait_for_rest(&self, thread: HANDLE, is_parked: impl Fn() -> bool) {
        let rests = || self.is_suspended() || self.at_rest.load(Ordering::SeqCst);
        while !rests() && !is_parked() && !is_over(thread) {
            std::thread::yield_now();
        }
    }

    /// TerminateThread. The call asks for it only; it is done when the system says that the thread is over.
    pub fn terminate(&self, thread: HANDLE, is_parked: impl Fn() -> bool) -> Answer {
        self.wait_for_rest(thread, is_parked);
        // SAFETY: the caller has the handle from `Threads`, which keeps it open. The thread is where it may be
        // stopped (see above), or over. It drops nothing any more: what it had a share in is kept, or given back by
        // who learns of its end.
        let done = unsafe { TerminateThread(thread, 0) };
        if done == 0 {
            return last_error();
        }
        while !is_over(thread) {
            std::thread::yield_now();
        }
        self.suspensions.store(0, Ordering::SeqCst);
        self.ended.store(true, Ordering::SeqCst);
        Answer::Done
    }

    /// TerminateThread, of the calling thread: it comes back only if it fails.
    pub fn terminate_itself(&self) -> Answer {
        self.ended.store(true, Ordering::SeqCst);
        // SAFETY: it takes nothing, and gives a number that stands for the calling thread.
        let me = unsafe { GetCurrentThread() };
        // SAFETY: the calling thread is in this call and holds no lock; nobody refers to its stack. It drops nothing
        // any more, as above.
        unsafe { TerminateThread(me, 0) };
        self.ended.store(false, Ordering::SeqCst);
        last_error()
    }

    /// SuspendThread. The call asks for it only; it is done when the system can tell where the thread is.
    pub fn suspend(&self, thread: HANDLE, is_parked: impl Fn() -> bool) -> Answer {
        self.wait_for_rest(thread, is_parked);
        // SAFETY: the caller has the handle from `Threads`, which keeps it open. The thread is where it may be
        // stopped (see above), so nobody waits for it but who resumes it.
        if unsafe { SuspendThread(thread) } == FAILED {
            return last_error();
        }
        self.suspensions.fetch_add(1, Ordering::SeqCst);
        let mut context = Place(CONTEXT::default());
        context.0.ContextFlags = CONTROL;
        // SAFETY: the place is ours, aligned as the system wants it, and written before the call is over; its flags
        // say how much of it. What stands there is not asked for. The handle is open, as above.
        unsafe { GetThreadContext(thread, &mut context.0) };
        Answer::Done
    }

    /// ResumeThread.
    pub fn resume(&self, thread: HANDLE) -> Answer {
        // Whoever looks must not take it for suspended when it runs already.
        let less = |count: u8| count.checked_sub(1);
        let _ = self
            .suspensions
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        // SAFETY: the call takes no pointer; the caller has the handle from `Threads`, which keeps it open.
        match unsafe { ResumeThread(thread) } {
            FAILED => last_error(),
            _ => Answer::Done,
        }
    }
}

/// Whether a thread is over, which is asked without waiting.
pub fn is_over(thread: HANDLE) -> bool {
    // SAFETY: the call takes no pointer; the caller has the handle from `Threads`, which keeps it open.
    let waited = unsafe { WaitForSingleObject(thread, 0) };
    waited == WAIT_OBJECT_0
}

//! Suspended threads: SuspendThread and ResumeThread, where nothing of ours may stop in the middle.
//!
//! A thread is suspended where it is parked, or where it looks for its next call. There it holds no lock that the
//! conductor or another thread could ask for.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use windows_sys::Win32::Foundation::HANDLE;
#[cfg(not(target_arch = "aarch64"))]
use windows_sys::Win32::System::Diagnostics::Debug::CONTEXT_CONTROL_AMD64 as CONTROL;
#[cfg(target_arch = "aarch64")]
use windows_sys::Win32::System::Diagnostics::Debug::CONTEXT_CONTROL_ARM64 as CONTROL;
use windows_sys::Win32::System::Diagnostics::Debug::{CONTEXT, GetThreadContext};
use windows_sys::Win32::System::Threading::{ResumeThread, SuspendThread};

use super::handles::last_error;
use crate::trace::Answer;

/// What these calls answer when they fail.
const FAILED: u32 = u32::MAX;

/// A place for a context, which the system wants at such an address.
#[repr(C, align(16))]
struct Place(CONTEXT);

/// The suspensions of one thread.
#[derive(Default)]
pub struct Suspensions {
    count: AtomicU8,
    at_rest: AtomicBool,
}

impl Suspensions {
    /// The thread looks for its next call: nothing of ours is held.
    pub fn rests(&self) {
        self.at_rest.store(true, Ordering::SeqCst);
    }

    /// The thread makes a call.
    pub fn moves(&self) {
        self.at_rest.store(false, Ordering::SeqCst);
    }

    /// Whether it is suspended.
    pub fn any(&self) -> bool {
        self.count.load(Ordering::SeqCst) > 0
    }

    /// SuspendThread. The call asks for it only; it is done when the system can tell where the thread is.
    pub fn suspend(&self, thread: HANDLE, is_parked: impl Fn() -> bool) -> Answer {
        // It has come back, or not yet got so far as to look for a call.
        while !self.any() && !is_parked() && !self.at_rest.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        // SAFETY: the handle is open, and the thread holds nothing that anybody waits for.
        if unsafe { SuspendThread(thread) } == FAILED {
            return last_error();
        }
        self.count.fetch_add(1, Ordering::SeqCst);
        // SAFETY: it may be all zero.
        let mut context: Place = unsafe { std::mem::zeroed() };
        context.0.ContextFlags = CONTROL;
        // SAFETY: the place is ours. What stands there is not asked for.
        unsafe { GetThreadContext(thread, &mut context.0) };
        Answer::Done
    }

    /// ResumeThread.
    pub fn resume(&self, thread: HANDLE) -> Answer {
        // Whoever looks must not take it for suspended when it runs already.
        let less = |count: u8| count.checked_sub(1);
        let _ = self
            .count
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        // SAFETY: the handle is open.
        match unsafe { ResumeThread(thread) } {
            FAILED => last_error(),
            _ => Answer::Done,
        }
    }
}

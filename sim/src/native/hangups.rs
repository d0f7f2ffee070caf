//! The end of the terminal that a program was started from.

#[cfg(unix)]
use std::mem::MaybeUninit;
#[cfg(unix)]
use std::ptr::{null, null_mut};

/// Has something set handlers of signals. Where SIGHUP was ignored before, as under `nohup`, it is so behind it.
#[cfg(unix)]
pub fn keep_ignored<T>(set: impl FnOnce() -> T) -> T {
    let before = at_hangup();
    let done = set();
    if let Some(before) = before.filter(|before| before.sa_sigaction == libc::SIG_IGN) {
        // SAFETY: the system gave this action, which is read in the call. It has no handler: nothing of ours will run
        // in the middle of something else. What it was set instead of need not be told.
        unsafe { libc::sigaction(libc::SIGHUP, &before, null_mut()) };
    }
    done
}

/// What is done now at the end of the terminal, if the system says it.
#[cfg(unix)]
fn at_hangup() -> Option<libc::sigaction> {
    let mut now = MaybeUninit::uninit();
    // SAFETY: the action goes to a place of ours that is as large, before the call is over. None is set.
    let failed = unsafe { libc::sigaction(libc::SIGHUP, null(), now.as_mut_ptr()) };
    // SAFETY: a call that has not failed has written all of it.
    (failed == 0).then(|| unsafe { now.assume_init() })
}

/// Has something set handlers of signals; none of them is ignored here.
#[cfg(not(unix))]
pub fn keep_ignored<T>(set: impl FnOnce() -> T) -> T {
    set()
}

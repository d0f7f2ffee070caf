//! The end of the terminal that a program was started from.

/// Has something set handlers of signals. Where SIGHUP was ignored before, as under `nohup`, it is so behind it.
#[cfg(unix)]
pub fn keep_ignored<T>(set: impl FnOnce() -> T) -> T {
    let mut now = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: the action is written where it is asked for, and read only if it was.
    let is_ignored = unsafe {
        let asked = libc::sigaction(libc::SIGHUP, std::ptr::null(), now.as_mut_ptr());
        asked == 0 && now.assume_init().sa_sigaction == libc::SIG_IGN
    };
    let done = set();
    if is_ignored {
        // SAFETY: to ignore a signal runs nothing of ours.
        unsafe {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
        }
    }
    done
}

/// Has something set handlers of signals; none of them is ignored here.
#[cfg(not(unix))]
pub fn keep_ignored<T>(set: impl FnOnce() -> T) -> T {
    set()
}

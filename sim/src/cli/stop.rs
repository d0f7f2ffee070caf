//! Ends that come from outside: Ctrl-C, SIGTERM, SIGHUP.

use std::io;
use std::panic::resume_unwind;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::native::agent::process::end_all;
use crate::native::hangups::keep_ignored;

/// How long a command may take to say what it knows.
const GRACE: Duration = Duration::from_millis(900);

/// How often somebody who waits for work looks whether it shall end.
const LOOK: Duration = Duration::from_millis(20);

/// As much stack as the main thread has.
const STACK_BYTES: usize = 8 << 20;

/// The exit code of what was ended from outside, and of what found something before.
const PARTIAL: u8 = 4;
const UNEXPECTED: u8 = 1;

/// Whether the program was told to end.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Whether something was found by then that nobody expected.
static FOUND: AtomicBool = AtomicBool::new(false);

/// Whether it may take its time.
static TAKES_TIME: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C, SIGTERM and SIGHUP end the work with what is known by then, within a second; a second one ends
/// the program at once.
pub fn listen() {
    // Without a handler they still end the program, only without its partial verdict.
    let _ = keep_ignored(|| ctrlc::set_handler(end));
}

/// What a signal does.
fn end() {
    if STOPPED.swap(true, Ordering::Relaxed) {
        exit(130);
    }
    end_all();
    let in_time = || {
        thread::sleep(GRACE);
        if !TAKES_TIME.load(Ordering::Relaxed) {
            exit(code().into());
        }
    };
    // Where no thread is to be had, a second signal waits as long as the first.
    if thread::Builder::new().spawn(in_time).is_err() {
        in_time();
    }
}

/// From now on the program ends when its work does, however long that takes: it writes down where a search stands.
pub fn take_time() {
    TAKES_TIME.store(true, Ordering::Relaxed);
}

/// From now on what was found outlasts the end.
pub fn found() {
    FOUND.store(true, Ordering::Relaxed);
}

/// The exit code of a program that was told to end.
pub fn code() -> u8 {
    match FOUND.load(Ordering::Relaxed) {
        true => UNEXPECTED,
        false => PARTIAL,
    }
}

/// Set when the program is told to end.
pub fn flag() -> &'static AtomicBool {
    &STOPPED
}

/// Whether the program was told to end.
pub fn stopped() -> bool {
    STOPPED.load(Ordering::Relaxed)
}

/// What work comes to that nobody can break off; none if the program is told to end first: then it ends beside it.
///
/// # Errors
///
/// If no thread can be started for it.
pub fn unless_stopped<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Option<T>> {
    unless_late(work, Duration::ZERO)
}

/// The same of work that looks at [`flag`] and says what it knows by then: it has most of the time that there is.
///
/// # Errors
///
/// If no thread can be started for it.
pub fn unless_stopped_for_good<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Option<T>> {
    unless_late(work, GRACE * 2 / 3)
}

fn unless_late<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
    late: Duration,
) -> io::Result<Option<T>> {
    let (tell, told) = sync_channel(1);
    let thread = thread::Builder::new().stack_size(STACK_BYTES);
    let thread = thread.spawn(move || {
        // Where nobody waits any more, the program ends.
        let _ = tell.send(work());
    })?;
    loop {
        match told.recv_timeout(LOOK) {
            Ok(done) => return Ok(Some(done)),
            Err(RecvTimeoutError::Timeout) if stopped() => return Ok(told.recv_timeout(late).ok()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                resume_unwind(thread.join().err().unwrap_or(Box::new("nothing was told")))
            }
        }
    }
}

//! The mailbox and its listener, in every order in which threads can use them.
//!
//! A conductor and its threads meet as on a real backend, only without a kernel. Loom runs each test once for
//! every order of their steps and every value that they may read. A sleep has no limit here, so whoever misses a
//! notification sleeps for ever, and loom reports a deadlock.
//!
//! ```text
//! RUSTFLAGS='--cfg loom' cargo test -p portsim --lib --profile loom --target-dir target/loom native::tests::mailbox
//! ```
//!
//! Only the test with two threads is bounded: to four preemptions, which are switches away from a thread that
//! could have gone on. `LOOM_MAX_PREEMPTIONS=99` in front of the command lifts that; on two cores it did not end
//! within ten minutes. `LOOM_LOCATION=1` makes loom name the lines at which the threads of a deadlock wait, and a
//! thread that spins for ever is reported as too many branches.
//!
//! What loom does not try: it lets nobody in between a store and the unpark that follows it. That is why one of
//! the tests adds a wake-up that nobody meant.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use loom::model::Builder;
use loom::thread::JoinHandle;

use portsim_model::program::{Op, ThreadId};

use crate::native::Failure;
use crate::native::mailbox::{Listener, Mailbox};
use crate::native::world::{Idle, Parked, World};
use crate::trace::Answer;

/// A world whose answers say which call of which thread they answer.
struct Paper {
    idle: Idle,
}

impl World for Paper {
    fn backend(&self) -> &'static str {
        "paper"
    }

    fn perform(&self, me: ThreadId, op: Op) -> Result<Answer, Failure> {
        Ok(answer(me, op))
    }

    fn parked(&self, _: ThreadId, _: Op) -> Parked {
        Parked::No
    }

    fn come_back(&self, _: ThreadId) -> Result<(), Failure> {
        Ok(())
    }

    fn release(&self) -> Result<(), Failure> {
        Ok(())
    }

    fn disturbed(&self) -> bool {
        false
    }

    fn idle(&self, _: ThreadId) -> Idle {
        self.idle
    }
}

fn call(n: u32) -> Op {
    super::sleep(n)
}

fn answer(me: ThreadId, op: Op) -> Answer {
    Answer::Failed(format!("{me:?} {op:?}"))
}

/// A mailbox and the thread that serves it.
struct LocalThread {
    me: ThreadId,
    mailbox: Arc<Mailbox>,
    thread: JoinHandle<()>,
}

impl LocalThread {
    fn leave_call(&self, n: u32) {
        self.mailbox.leave_call(self.thread.thread(), call(n));
    }

    /// The answer to this call is there, and is there once.
    #[track_caller]
    fn answers(&self, n: u32) {
        let answered = self
            .mailbox
            .answer()
            .expect("it is back")
            .expect("it answers");
        assert_eq!(answered, answer(self.me, call(n)));
        assert!(!self.mailbox.is_back() && self.mailbox.answer().is_none());
    }

    fn dismiss(self) {
        self.mailbox.dismiss(self.thread.thread());
        self.thread.join().expect("it served in peace");
    }
}

/// One conductor and `N` threads, each waiting for its first call.
struct Room<const N: usize> {
    threads: [LocalThread; N],
    listener: Arc<Listener>,
    seen: Arc<Seen>,
}

impl<const N: usize> Room<N> {
    fn new(idle: Idle, seen: &Arc<Seen>) -> Room<N> {
        let listener = Arc::<Listener>::default();
        let threads = std::array::from_fn(|n| {
            let (me, mailbox) = (ThreadId(n as u8), Arc::<Mailbox>::default());
            let serving = (mailbox.clone(), listener.clone());
            let thread = loom::thread::spawn(move || {
                let (mailbox, listener) = serving;
                mailbox.serve(&Paper { idle }, me, &listener);
            });
            LocalThread {
                me,
                mailbox,
                thread,
            }
        });
        Room {
            threads,
            listener,
            seen: seen.clone(),
        }
    }

    /// Sleeps until somebody is back, unless the sleep ends by itself.
    fn listen(&self, limit: Duration) {
        self.listener.listen(limit, || {
            let back = self.threads.iter().any(|local| local.mailbox.is_back());
            let which = if back {
                &self.seen.met
            } else {
                &self.seen.slept
            };
            which.fetch_add(1, Ordering::Relaxed);
            back
        });
    }

    /// Takes the answers of all threads to their call `n`, in whatever order they come.
    fn hear(&self, n: u32) {
        let mut out: Vec<_> = self.threads.iter().collect();
        loop {
            out.retain(|local| {
                let back = local.mailbox.is_back();
                if back {
                    local.answers(n);
                }
                !back
            });
            if out.is_empty() {
                return;
            }
            self.listen(Duration::MAX);
        }
    }

    fn dismiss(self) {
        self.threads.into_iter().for_each(LocalThread::dismiss);
    }
}

/// What happened in all executions of a test together. A test in which nobody ever slept shows nothing.
#[derive(Default)]
struct Seen {
    executions: AtomicUsize,
    /// Somebody was back before the conductor slept.
    met: AtomicUsize,
    /// The conductor slept.
    slept: AtomicUsize,
}

/// Runs every execution of a test with at most so many preemptions, if that is bounded. Where the conductor
/// listens, it must have slept in some executions and have met somebody who was back in others.
fn explore(
    preemptions_max: Option<usize>,
    listens: bool,
    body: impl Fn(&Arc<Seen>) + Send + Sync + 'static,
) {
    let seen = Arc::<Seen>::default();
    let inside = seen.clone();
    let mut model = Builder::new();
    model.preemption_bound = model.preemption_bound.or(preemptions_max);
    model.check(move || {
        inside.executions.fetch_add(1, Ordering::Relaxed);
        body(&inside);
    });
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    let (met, slept) = (count(&seen.met), count(&seen.slept));
    println!(
        "{} executions, {met} met, {slept} slept",
        count(&seen.executions)
    );
    assert_eq!((met > 0, slept > 0), (listens, listens));
}

/// One thread, two calls, and a wake-up in between that nobody meant.
fn two_calls(idle: Idle) {
    explore(None, true, move |seen| {
        let room = Room::<1>::new(idle, seen);
        room.threads[0].leave_call(1);
        room.hear(1);
        room.threads[0].thread.thread().unpark();
        room.threads[0].leave_call(2);
        room.hear(2);
        room.dismiss();
    });
}

/// A call that is left is made once, and its answer is seen once.
///
/// With the state stored before the call, loom finds a thread without a call; with the state stored before the
/// answer, a conductor that takes no answer; without the store of `IDLE`, one that sees the same return twice; and
/// without the wake-up for a call, a deadlock.
#[test]
fn a_call_is_answered_once() {
    two_calls(Idle::Sleeps);
}

/// The same where the thread never sleeps between its calls.
#[test]
fn a_call_is_answered_once_by_a_thread_that_spins() {
    two_calls(Idle::Spins);
}

/// Two threads come back to one listener, which sleeps only while neither has.
///
/// Without either fence loom finds an execution in which a thread sees nobody listen while the conductor sees
/// nobody back, and all sleep. It finds such a deadlock, too, without the notification, without the lock that
/// goes before it, and with the notification sent before the state is stored.
#[test]
fn no_return_of_two_is_missed() {
    explore(Some(4), true, |seen| {
        let room = Room::<2>::new(Idle::Sleeps, seen);
        room.threads[0].leave_call(1);
        room.threads[1].leave_call(1);
        room.hear(1);
        room.dismiss();
    });
}

/// A nap that ends by itself keeps no return from the sleep that follows. The faults of the test above are seen
/// here as well, with one thread and without a bound.
#[test]
fn a_nap_that_ended_misses_nothing() {
    explore(None, true, |seen| {
        let room = Room::<1>::new(Idle::Sleeps, seen);
        room.threads[0].leave_call(1);
        room.listen(Duration::ZERO);
        room.hear(1);
        room.dismiss();
    });
}

/// A thread that is dismissed goes, asleep or awake, also before it ever looked at its mailbox. Without the wake-up
/// for those who are dismissed, loom finds one that sleeps for ever.
#[test]
fn a_dismissed_thread_goes() {
    for idle in [Idle::Sleeps, Idle::Spins] {
        explore(None, false, move |seen| {
            Room::<2>::new(idle, seen).dismiss()
        });
    }
}

/// So does one whose answer nobody took, which may still be telling that it came back. Without that wake-up it,
/// too, sleeps for ever.
#[test]
fn a_thread_whose_answer_is_left_lying_goes() {
    for idle in [Idle::Sleeps, Idle::Spins] {
        explore(None, true, move |seen| {
            let room = Room::<1>::new(idle, seen);
            room.threads[0].leave_call(1);
            while !room.threads[0].mailbox.is_back() {
                room.listen(Duration::MAX);
            }
            room.dismiss();
        });
    }
}

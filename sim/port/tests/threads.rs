//! What recordings of one thread at a time do not show: threads that die, scopes in scopes, several ports.

#![cfg(not(loom))]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use portsim_port::{Away, Closed, GetError, Port, blocking};

/// Waits until something holds; for ever if it never does.
fn until(holds: impl Fn() -> bool) {
    while !holds() {
        thread::yield_now();
    }
}

/// A port with one thread that counts, and one packet that is queued behind it.
fn taken(packet: i32) -> Port<i32> {
    let port = Port::new(1);
    port.post(0).expect("it is open");
    assert_eq!(port.get(), Ok(0));
    port.post(packet).expect("it is open");
    port
}

/// A thread that panics with a packet in its hands, in a scope or outside, is counted out.
#[test]
fn a_thread_that_dies_gives_its_place_up() {
    for in_a_scope in [false, true] {
        let port = Arc::new(Port::new(1));
        let worker = {
            let port = port.clone();
            thread::spawn(move || {
                port.get().expect("it is open");
                let dies = || std::panic::panic_any("on purpose");
                if in_a_scope { blocking(dies) } else { dies() }
            })
        };
        port.post(1).expect("it is open");
        port.post(2).expect("it is open");
        assert!(worker.join().is_err());
        assert_eq!((port.running(), port.depth()), (0, 1));
        assert_eq!(port.get(), Ok(2));
    }
}

/// A panic that is caught outside of a scope ends the scope and nothing else.
#[test]
fn a_scope_that_panics_ends() {
    let port = taken(1);
    let dies = || blocking(|| std::panic::panic_any("on purpose"));
    assert!(catch_unwind(AssertUnwindSafe(dies)).is_err());
    assert_eq!(port.running(), 1);
}

/// Of scopes in scopes the outermost counts.
#[test]
fn scopes_in_scopes_count_once() {
    let port = taken(1);
    blocking(|| {
        blocking(|| assert_eq!(port.running(), 0));
        assert_eq!(port.running(), 0);
        // A thread that has a packet to work on runs, even inside of a scope.
        assert_eq!(port.get(), Ok(1));
        assert_eq!(port.running(), 1);
        blocking(|| assert_eq!(port.running(), 0));
        assert_eq!(port.running(), 1);
    });
    assert_eq!(port.running(), 1);
}

/// Without a port a scope is just a call.
#[test]
fn a_scope_without_a_port_only_runs() {
    assert_eq!(blocking(|| 7), 7);
}

/// A call on another port, of packets of another type, leaves the first one; one that is closed leaves nothing.
#[test]
fn a_thread_belongs_to_one_port() {
    let (first, second, closed) = (taken(1), Port::<String>::new(1), Port::<u8>::new(1));
    closed.close().expect("it is open");
    assert_eq!(closed.get(), Err(GetError::Closed));
    assert!(first.is_mine() && !second.is_mine() && !closed.is_mine());
    assert_eq!(second.get_within(Duration::ZERO), Err(GetError::TimedOut));
    assert!(!first.is_mine() && second.is_mine());
    assert_eq!((first.running(), second.running()), (0, 1));
    // The scope is of the port to which the thread belonged when it ended.
    blocking(|| assert_eq!(first.get(), Ok(1)));
    assert_eq!((first.running(), second.running()), (1, 0));
}

/// Closing gives back what is queued, in order, and ends the association of every thread.
#[test]
fn closing_gives_packets_back() {
    let port = taken(1);
    port.post(2).expect("it is open");
    blocking(|| assert_eq!(port.close().map(Vec::from), Ok(vec![1, 2])));
    assert!(!port.is_mine() && !port.is_open());
    assert_eq!(port.running(), 0);
    assert_eq!(port.close(), Err(Closed(())));
    assert_eq!(port.post(3), Err(Closed(3)));
    assert_eq!(port.get(), Err(GetError::Closed));
}

/// A batch adds what is queued, and no more than it may; without room for one it is refused.
#[test]
fn a_batch_adds_what_is_queued() {
    let (port, mut packets) = (taken(1), vec![-1]);
    port.post(2).expect("it is open");
    port.post(3).expect("it is open");
    let never = Some(Duration::ZERO);
    assert_eq!(
        port.get_batch(&mut packets, 0, never),
        Err(GetError::EmptyBatch)
    );
    assert_eq!(port.get_batch(&mut packets, 2, never), Ok(2));
    assert_eq!(port.get_batch(&mut packets, 2, None), Ok(1));
    assert_eq!(
        port.get_batch(&mut packets, 2, never),
        Err(GetError::TimedOut)
    );
    assert_eq!(packets, [-1, 1, 2, 3]);
    assert_eq!(port.running(), 1);
}

/// A time that the clock does not reach is no time limit; one that is over is over.
#[test]
fn a_time_may_be_as_long_as_one_likes() {
    let port = Port::new(1);
    assert_eq!(
        port.get_within(Duration::from_nanos(1)),
        Err(GetError::TimedOut)
    );
    thread::scope(|threads| {
        let waits = threads.spawn(|| port.get_within(Duration::MAX));
        blocking(|| {
            until(|| !port.waiting().is_empty());
            port.post(1).expect("it is open");
            assert_eq!(waits.join().expect("it does not panic"), Ok(1));
        });
    });
}

/// A call from a thread whose own values are being dropped works, and leaves no count behind.
#[test]
fn a_thread_that_ends_may_still_call() {
    struct Last(Arc<Port<i32>>);
    impl Drop for Last {
        fn drop(&mut self) {
            let taken = blocking(|| self.0.get());
            self.0.post(taken.unwrap_or(-1) + 1).expect("it is open");
        }
    }
    thread_local! {
        static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) };
    }
    let port = Arc::new(Port::new(1));
    port.post(1).expect("it is open");
    let ends = {
        let port = port.clone();
        thread::spawn(move || {
            LAST.with(|last| *last.borrow_mut() = Some(Last(port.clone())));
            // Its record is made later, so it is dropped before.
            port.get().expect("it is open");
            port.post(5).expect("it is open");
        })
    };
    ends.join().expect("it does not panic");
    assert_eq!((port.running(), port.depth()), (0, 1));
    assert_eq!(port.get(), Ok(6));
}

/// A thread that is away counts when another thread says so, and not a second time when it goes on.
#[test]
fn another_thread_counts_who_is_away() {
    let port = taken(1);
    let away = Away::begin();
    let (back, copy) = (away.back(), away.back());
    assert_eq!(port.running(), 0);
    let counts = move || (back.count(), copy.count(), back.clone().count());
    let counted = thread::spawn(counts).join();
    assert_eq!(counted.expect("it does not panic"), (true, false, false));
    assert_eq!(port.running(), 1);
    drop(away);
    assert_eq!(port.running(), 1);
}

/// What is left of an absence that is over ends no other one, and none on another port.
#[test]
fn an_absence_that_is_over_counts_nobody() {
    let (port, other) = (taken(1), Port::<u8>::new(1));
    let away = Away::begin();
    let back = away.back();
    drop(away);
    let later = Away::begin();
    assert!(!back.count() && port.running() == 0);
    // Its own looks end it, in vain or not.
    assert_eq!(other.get_within(Duration::ZERO), Err(GetError::TimedOut));
    assert!(!later.back().count());
    drop(later);
    assert_eq!((port.running(), other.running()), (0, 1));
    let last = Away::begin();
    other.close().expect("it is open");
    assert!(!last.back().count());
    drop(last);
    assert_eq!(other.running(), 0);
}

/// Of absences in absences the outermost counts; after it was ended, another begins.
#[test]
fn absences_in_absences_count_once() {
    let port = taken(1);
    let away = Away::begin();
    blocking(|| {
        let inner = Away::begin();
        assert!(!inner.back().count());
        assert_eq!(port.running(), 0);
    });
    assert_eq!(port.running(), 0);
    // It is woken, and has to wait for a lock before it can go on.
    assert!(away.back().count());
    blocking(|| assert_eq!(port.running(), 0));
    assert_eq!(port.running(), 1);
    drop(away);
    assert_eq!(port.running(), 1);
}

/// Without a port there is nobody to count.
#[test]
fn an_absence_without_a_port_is_none() {
    let away = Away::begin();
    let back = away.back();
    drop(away);
    assert!(!back.count());
    let port = taken(1);
    assert!(!back.count());
    assert_eq!(port.running(), 1);
}

/// A thread that panics is back if that is caught, and gone if not, whether it was counted before or not.
#[test]
fn an_absence_that_panics_ends() {
    for counted in [false, true] {
        let port = taken(1);
        let mut back = None;
        let dies = || {
            let away = Away::begin();
            assert!(!counted || away.back().count());
            back = Some(away.back());
            std::panic::panic_any("on purpose")
        };
        let died: Result<(), _> = catch_unwind(AssertUnwindSafe(dies));
        assert!(died.is_err());
        assert!(!back.expect("it was left").count());
        assert_eq!(port.running(), 1);
        blocking(|| {
            thread::scope(|threads| {
                let dies = || {
                    port.get().expect("it is open");
                    let away = Away::begin();
                    assert!(!counted || away.back().count());
                    std::panic::panic_any("on purpose")
                };
                let died: Result<(), _> = threads.spawn(dies).join();
                assert!(died.is_err());
            });
            assert_eq!(port.running(), 0);
        });
        assert_eq!(port.running(), 1);
    }
}

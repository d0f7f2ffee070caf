//! A program that uses the port, in every order that loom finds: what a build with `--cfg loom` is for.
//!
//! ```text
//! RUSTFLAGS='--cfg loom' cargo test -p portsim-port --tests --profile loom --target-dir target/loom
//! ```

#![cfg(loom)]

use std::time::Duration;

use loom::model::Builder;
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use portsim_port::{Away, Back, GetError, Port};

/// Two workers, of which one may run at a time, and two packets: each worker gets one, in every order with at most two
/// preemptions. A worker that was never released would be a deadlock.
#[test]
fn each_packet_reaches_one_worker() {
    let mut model = Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let port = Arc::new(Port::new(1));
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let port = port.clone();
                thread::spawn(move || port.get())
            })
            .collect();
        port.post(1).expect("it is open");
        port.post(2).expect("it is open");
        let mut taken: Vec<_> = workers
            .into_iter()
            .map(|worker| worker.join().expect("it does not panic"))
            .collect();
        taken.sort_by_key(|taken| taken.expect("it is open"));
        assert_eq!(taken, [Ok(1), Ok(2)]);
    });
}

/// A packet and the end of a time limit: the packet is taken or still queued, and never lost.
#[test]
fn a_time_limit_loses_no_packet() {
    loom::model(|| {
        let port = Arc::new(Port::new(1));
        let worker = {
            let port = port.clone();
            thread::spawn(move || port.get_within(Duration::from_millis(1)))
        };
        port.post(7).expect("it is open");
        let left = match worker.join().expect("it does not panic") {
            Ok(7) => 0,
            Err(GetError::TimedOut) => 1,
            other => panic!("{other:?}"),
        };
        assert_eq!(port.depth(), left);
    });
}

/// Where two threads meet: one leaves something, the other waits for it.
struct Place<T> {
    left: Mutex<Option<T>>,
    comes: Condvar,
}

impl<T> Place<T> {
    fn new() -> Place<T> {
        Place {
            left: Mutex::new(None),
            comes: Condvar::new(),
        }
    }

    fn leave(&self, thing: T) {
        *self.left.lock().expect("nobody panics") = Some(thing);
        self.comes.notify_one();
    }

    fn take(&self) -> T {
        let mut left = self.left.lock().expect("nobody panics");
        loop {
            match left.take() {
                Some(thing) => return thing,
                None => left = self.comes.wait(left).expect("nobody panics"),
            }
        }
    }
}

/// What a thread that is away and who wakes it share.
struct Bed {
    /// On which the thread has taken a packet; one may run.
    port: Port<i32>,
    other: Port<u8>,
    back: Place<Back>,
    done: Place<()>,
    woken: Place<()>,
}

impl Bed {
    fn new() -> Bed {
        let port = Port::new(1);
        port.post(1).expect("it is open");
        Bed {
            port,
            other: Port::new(1),
            back: Place::new(),
            done: Place::new(),
            woken: Place::new(),
        }
    }
}

/// A thread that takes the packet, is away, leaves how it comes back, and goes on with this.
fn sleeper(bed: &Arc<Bed>, goes_on: impl FnOnce(&Bed, Away) + 'static) -> thread::JoinHandle<()> {
    let bed = bed.clone();
    thread::spawn(move || {
        assert_eq!(bed.port.get(), Ok(1));
        let away = Away::begin();
        bed.back.leave(away.back());
        goes_on(&bed, away);
    })
}

/// Who is woken counts when the call that wakes it returns: a packet that is posted then is queued, and no waiter gets
/// it before the woken thread is over.
#[test]
fn who_wakes_a_thread_counts_it() {
    let mut model = Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let bed = Arc::new(Bed::new());
        let sleeper = sleeper(&bed, |bed, away| {
            bed.woken.take();
            drop(away);
            assert_eq!(bed.port.running(), 1);
        });
        let back = bed.back.take();
        let waiter = {
            let bed = bed.clone();
            thread::spawn(move || bed.port.get())
        };
        assert!(back.count());
        assert_eq!(bed.port.running(), 1);
        bed.port.post(2).expect("it is open");
        assert_eq!((bed.port.running(), bed.port.depth()), (1, 1));
        bed.woken.leave(());
        sleeper.join().expect("it does not panic");
        assert_eq!(waiter.join().expect("it does not panic"), Ok(2));
    });
}

/// A thread takes a packet, is away, and does this, while another thread counts it, in every order. At the end so many
/// count on its port, and so many on the other one; where it has ended, its place is free.
fn counted_meanwhile(does: fn(&Bed, Away), running: (u32, u32)) {
    loom::model(move || {
        let bed = Arc::new(Bed::new());
        let sleeper = sleeper(&bed, move |bed, away| {
            does(bed, away);
            bed.done.leave(());
            bed.woken.take();
        });
        let counts = || (bed.port.running(), bed.other.running());
        let back = bed.back.take();
        back.count();
        // Both are through, in some order.
        bed.done.take();
        assert_eq!(counts(), running);
        assert!(!back.count());
        assert_eq!(counts(), running);
        bed.woken.leave(());
        sleeper.join().expect("it does not panic");
        if bed.port.is_open() {
            bed.port.post(2).expect("it is open");
            assert_eq!(bed.port.get(), Ok(2));
            assert_eq!(bed.port.running(), 1);
        }
    });
}

/// It goes on by itself, because its time is over.
#[test]
fn an_absence_ends_once() {
    counted_meanwhile(|_, away| drop(away), (1, 0));
}

/// It looks for a packet, with which it counts.
#[test]
fn a_look_ends_an_absence() {
    let looks = |bed: &Bed, away| {
        let nothing = bed.port.get_within(Duration::ZERO);
        assert_eq!(nothing, Err(GetError::TimedOut));
        drop(away);
    };
    counted_meanwhile(looks, (1, 0));
}

/// It looks for a packet on another port, to which it belongs then.
#[test]
fn another_port_ends_an_absence() {
    let looks = |bed: &Bed, away| {
        let nothing = bed.other.get_within(Duration::ZERO);
        assert_eq!(nothing, Err(GetError::TimedOut));
        drop(away);
    };
    counted_meanwhile(looks, (0, 1));
}

/// It closes the port, on which nobody counts any more.
#[test]
fn a_close_ends_an_absence() {
    let closes = |bed: &Bed, away| {
        bed.port.close().expect("it is open");
        drop(away);
    };
    counted_meanwhile(closes, (0, 0));
}

/// A thread that ends without coming back counts no more, whether it was counted before or is counted after.
#[test]
fn an_end_ends_an_absence() {
    loom::model(|| {
        let bed = Arc::new(Bed::new());
        let sleeper = sleeper(&bed, |_, away| std::mem::forget(away));
        bed.back.take().count();
        sleeper.join().expect("it does not panic");
        bed.port.post(2).expect("it is open");
        // Where it were counted for ever, nobody could get it.
        assert_eq!(bed.port.get(), Ok(2));
        assert_eq!(bed.port.running(), 1);
    });
}

/// A thread that waits for a packet is counted by that packet alone.
#[test]
fn a_wait_ends_an_absence() {
    loom::model(|| {
        let bed = Arc::new(Bed::new());
        let sleeper = sleeper(&bed, |bed, away| {
            assert_eq!(bed.port.get(), Ok(2));
            drop(away);
            assert_eq!(bed.port.running(), 1);
        });
        bed.back.take().count();
        bed.port.post(2).expect("it is open");
        sleeper.join().expect("it does not panic");
    });
}

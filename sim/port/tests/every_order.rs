//! A program that uses the port, in every order that loom finds: what a build with `--cfg loom` is for.
//!
//! ```text
//! RUSTFLAGS='--cfg loom' cargo test -p portsim-port --tests --profile loom --target-dir target/loom
//! ```

#![cfg(loom)]

use std::time::Duration;

use loom::model::Builder;
use loom::sync::Arc;
use loom::thread;
use portsim_port::{GetError, Port};

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

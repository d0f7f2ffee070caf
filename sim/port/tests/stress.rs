//! Threads at full speed: every packet is taken once or given back by the close, whatever they do. `tests/races.sh` runs
//! this longer, under ThreadSanitizer; `PORT_ROUNDS` in the environment says how long.

#![cfg(not(loom))]

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use portsim_port::{GetError, Port, blocking};

const POSTERS: u64 = 3;
const TAKERS: usize = 4;
const PACKETS: u64 = 400;

/// What a thread has taken: how many packets, and their sum.
type Taken = (u64, u64);

/// Takes packets in every way that there is, until the port is closed.
fn takes(port: &Port<u64>, way: usize) -> Taken {
    let (mut count, mut sum, mut batch) = (0, 0, Vec::new());
    loop {
        let short = Duration::from_micros(20);
        let got = match (way + count as usize) % 4 {
            0 => port.get().map(|packet| batch.push(packet)),
            1 => port.get_within(short).map(|packet| batch.push(packet)),
            2 => port.get_batch(&mut batch, 3, None).map(drop),
            _ => port.get_batch(&mut batch, 5, Some(short)).map(drop),
        };
        for packet in batch.drain(..) {
            (count, sum) = (count + 1, sum + packet);
            if packet % 7 == 0 {
                blocking(thread::yield_now);
            }
        }
        match got {
            Ok(()) | Err(GetError::TimedOut) => {}
            Err(GetError::Closed | GetError::Abandoned) => return (count, sum),
            Err(GetError::EmptyBatch) => unreachable!("no batch is empty"),
        }
    }
}

/// One port from its start to its close, of which nobody knows when it comes.
fn round(number: u64) {
    let port = Port::new(1 + (number % 3) as u32);
    let (posted, posted_sum) = (AtomicU64::new(0), AtomicU64::new(0));
    let (port, posted, posted_sum) = (&port, &posted, &posted_sum);
    let (taken, left) = thread::scope(|threads| {
        let taking: Vec<_> = (0..TAKERS)
            .map(|way| threads.spawn(move || takes(port, way)))
            .collect();
        for poster in 0..POSTERS {
            threads.spawn(move || {
                for n in 0..PACKETS {
                    let packet = poster * PACKETS + n;
                    if port.post(packet).is_err() {
                        return;
                    }
                    posted.fetch_add(1, Ordering::Relaxed);
                    posted_sum.fetch_add(packet, Ordering::Relaxed);
                }
            });
        }
        // Some rounds are closed early, most near their end.
        while posted.load(Ordering::Relaxed) < (number * 97) % (POSTERS * PACKETS) {
            thread::yield_now();
        }
        let left = port.close().expect("nobody else closes it");
        let taken = taking
            .into_iter()
            .map(|it| it.join().expect("it does not panic"));
        let add = |all: Taken, one: Taken| (all.0 + one.0, all.1 + one.1);
        (taken.fold((0, 0), add), left)
    });
    let all = (
        taken.0 + left.len() as u64,
        taken.1 + left.iter().sum::<u64>(),
    );
    let expected = (
        posted.load(Ordering::Relaxed),
        posted_sum.load(Ordering::Relaxed),
    );
    assert_eq!(all, expected, "round {number}");
    assert_eq!((port.running(), port.depth()), (0, 0), "round {number}");
}

#[test]
fn every_packet_once_however_it_ends() {
    let rounds = std::env::var("PORT_ROUNDS").map_or(40, |text| text.parse().expect("a number"));
    for number in 0..rounds {
        round(number);
    }
}

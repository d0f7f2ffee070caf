//! How fast the port in user space is beside what one would take in its place: a queue under a mutex with a
//! condition, crossbeam-channel, flume, and on Linux an epoll descriptor that watches an eventfd.
//!
//! ```text
//! cargo bench -p portsim --bench ports
//! ```
//!
//! A machine that does other things makes all times worse, at its own moments. So the rounds of all of them take
//! turns, and what counts is the ratio of the medians, within one run. A number after `--` sets how many rounds.
//!
//! - *throughput*: so many posters, so many takers, as fast as they can.
//! - *wake*: a packet to a thread that sleeps for it, and its answer to one that sleeps for that: two wakes. On Linux a bare
//!   futex is beside them, with room for one packet: there is no quicker way to wake a thread.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::hint::black_box;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portsim_port::Port;

const PACKETS: u64 = 200_000;
const WAKES: u64 = 4_000;

/// Something that carries packets between threads. A taker gets every packet once, and waits for it.
trait Carrier: Send + Sync {
    fn post(&self, packet: u64);
    fn take(&self) -> u64;
}

struct Emulated(Port<u64>);

impl Carrier for Emulated {
    fn post(&self, packet: u64) {
        self.0.post(packet).expect("it is open");
    }

    fn take(&self) -> u64 {
        self.0.get().expect("it is open")
    }
}

#[derive(Default)]
struct Condition {
    packets: Mutex<VecDeque<u64>>,
    comes: Condvar,
}

impl Carrier for Condition {
    fn post(&self, packet: u64) {
        self.packets
            .lock()
            .expect("nobody panics")
            .push_back(packet);
        self.comes.notify_one();
    }

    fn take(&self) -> u64 {
        let mut packets = self.packets.lock().expect("nobody panics");
        loop {
            match packets.pop_front() {
                Some(packet) => return packet,
                None => packets = self.comes.wait(packets).expect("nobody panics"),
            }
        }
    }
}

struct Crossbeam(
    crossbeam_channel::Sender<u64>,
    crossbeam_channel::Receiver<u64>,
);

impl Carrier for Crossbeam {
    fn post(&self, packet: u64) {
        self.0.send(packet).expect("it is open");
    }

    fn take(&self) -> u64 {
        self.1.recv().expect("it is open")
    }
}

struct Flume(flume::Sender<u64>, flume::Receiver<u64>);

impl Carrier for Flume {
    fn post(&self, packet: u64) {
        self.0.send(packet).expect("it is open");
    }

    fn take(&self) -> u64 {
        self.1.recv().expect("it is open")
    }
}

/// A queue, and an eventfd that counts what is in it: epoll wakes a thread for each packet.
#[cfg(target_os = "linux")]
struct Epoll {
    packets: Mutex<VecDeque<u64>>,
    count: rustix::fd::OwnedFd,
    epoll: rustix::fd::OwnedFd,
}

#[cfg(target_os = "linux")]
impl Epoll {
    fn new() -> Epoll {
        use rustix::event::{EventfdFlags, epoll, eventfd};
        let flags = EventfdFlags::NONBLOCK | EventfdFlags::SEMAPHORE;
        let count = eventfd(0, flags).expect("there are descriptors");
        let epoll = epoll::create(epoll::CreateFlags::empty()).expect("there are descriptors");
        let data = epoll::EventData::new_u64(0);
        epoll::add(&epoll, &count, data, epoll::EventFlags::IN).expect("it can be watched");
        Epoll {
            packets: Mutex::default(),
            count,
            epoll,
        }
    }
}

#[cfg(target_os = "linux")]
impl Carrier for Epoll {
    fn post(&self, packet: u64) {
        self.packets
            .lock()
            .expect("nobody panics")
            .push_back(packet);
        rustix::io::write(&self.count, &1_u64.to_ne_bytes()).expect("it counts");
    }

    fn take(&self) -> u64 {
        use std::mem::MaybeUninit;
        let mut room = [MaybeUninit::<rustix::event::epoll::Event>::uninit(); 1];
        let mut one = [0; 8];
        loop {
            // Another thread may have been quicker.
            if rustix::io::read(&self.count, &mut one).is_ok() {
                let packet = self.packets.lock().expect("nobody panics").pop_front();
                return packet.expect("as many are queued as are counted");
            }
            rustix::event::epoll::wait(&self.epoll, &mut room, None).expect("it waits");
        }
    }
}

/// Room for one packet, and a futex that says whether it is there.
#[cfg(target_os = "linux")]
#[derive(Default)]
struct Futex {
    packet: AtomicU64,
    is_there: AtomicU32,
}

#[cfg(target_os = "linux")]
impl Carrier for Futex {
    fn post(&self, packet: u64) {
        use rustix::thread::futex;
        self.packet.store(packet, Ordering::Relaxed);
        self.is_there.store(1, Ordering::Release);
        futex::wake(&self.is_there, futex::Flags::PRIVATE, 1).expect("it wakes");
    }

    fn take(&self) -> u64 {
        use rustix::thread::futex;
        while self.is_there.load(Ordering::Acquire) == 0 {
            // It fails where the packet came meanwhile.
            let _ = futex::wait(&self.is_there, futex::Flags::PRIVATE, 0, None);
        }
        self.is_there.store(0, Ordering::Relaxed);
        self.packet.load(Ordering::Relaxed)
    }
}

/// Makes a carrier with nothing in it.
type Make = fn() -> Arc<dyn Carrier>;

/// What is compared, the port first.
fn carriers() -> Vec<(&'static str, Make)> {
    vec![
        ("emulated", || Arc::new(Emulated(Port::new(u32::MAX)))),
        ("mutex and condvar", || Arc::new(Condition::default())),
        ("crossbeam-channel", || {
            let (sender, receiver) = crossbeam_channel::unbounded();
            Arc::new(Crossbeam(sender, receiver))
        }),
        ("flume", || {
            let (sender, receiver) = flume::unbounded();
            Arc::new(Flume(sender, receiver))
        }),
        #[cfg(target_os = "linux")]
        ("epoll and eventfd", || Arc::new(Epoll::new())),
    ]
}

/// Nanoseconds for each packet.
fn throughput(carrier: &Arc<dyn Carrier>, posters: u64, takers: u64) -> f64 {
    let start = Instant::now();
    thread::scope(|threads| {
        for _ in 0..posters {
            threads.spawn(|| (0..PACKETS / posters).for_each(|packet| carrier.post(packet)));
        }
        for _ in 0..takers {
            threads.spawn(|| {
                for _ in 0..PACKETS / takers {
                    black_box(carrier.take());
                }
            });
        }
    });
    start.elapsed().as_nanos() as f64 / PACKETS as f64
}

/// Nanoseconds for each wake of a sleeping thread.
fn wake(make: Make) -> f64 {
    let (there, back) = (make(), make());
    thread::scope(|threads| {
        threads.spawn(|| {
            for _ in 0..WAKES {
                back.post(there.take());
            }
        });
        let mut spent = Duration::ZERO;
        for packet in 0..WAKES {
            // Whoever spins for a moment before it sleeps must be asleep.
            thread::sleep(Duration::from_micros(60));
            let start = Instant::now();
            there.post(packet);
            back.take();
            spent += start.elapsed();
        }
        spent.as_nanos() as f64 / (2 * WAKES) as f64
    })
}

/// One thing that is measured.
struct Course {
    name: &'static str,
    measure: fn(Make) -> f64,
}

const COURSES: [Course; 4] = [
    Course {
        name: "throughput, 1 poster, 1 taker",
        measure: |make| throughput(&make(), 1, 1),
    },
    Course {
        name: "throughput, 2 posters, 2 takers",
        measure: |make| throughput(&make(), 2, 2),
    },
    Course {
        name: "throughput, 4 posters, 4 takers",
        measure: |make| throughput(&make(), 4, 4),
    },
    Course {
        name: WAKE,
        measure: wake,
    },
];

const WAKE: &str = "wake";

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let rounds = std::env::args().find_map(|arg| arg.parse().ok());
    // `cargo test --benches` only asks whether it runs.
    let rounds: usize = rounds.unwrap_or(if std::env::args().any(|arg| arg == "--bench") {
        15
    } else {
        1
    });
    for course in &COURSES {
        let mut carriers = carriers();
        #[cfg(target_os = "linux")]
        if course.name == WAKE {
            carriers.push(("bare futex", || Arc::new(Futex::default())));
        }
        let mut times = vec![Vec::new(); carriers.len()];
        for _ in 0..rounds {
            for (times, (_, make)) in times.iter_mut().zip(&carriers) {
                times.push((course.measure)(*make));
            }
        }
        let medians: Vec<_> = times.into_iter().map(median).collect();
        let mut table = format!("{} (medians of {rounds} rounds)\n", course.name);
        for ((name, _), time) in carriers.iter().zip(&medians) {
            let ratio = time / medians[0];
            let _ = writeln!(
                table,
                "  {name:<18} {time:>9.0} ns  {ratio:>6.2} times the port's"
            );
        }
        println!("{table}");
    }
}

//! A real completion port in user space, with the rules of Windows, for any system.
//!
//! A [`Port`] is a queue with a rule for threads. It is for pools whose workers sometimes block, and for servers that
//! were written for I/O completion ports and now run elsewhere.
//!
//! - Packets leave first in, first out.
//! - The thread that began to wait last is released first: its stack and caches are warm, and those that are not
//!   needed sleep on.
//! - A post hands its packet to the waiter that it releases, in one atomic action. No other thread can come between
//!   and take it, so no waiter is woken for nothing.
//! - No more threads run than the port allows. While that many run, packets stay queued even if threads wait. A thread
//!   counts as running from its first call on the port. It stops counting while it is inside [`blocking`] or
//!   [`Away`], when it calls on another port, and when it ends, by a panic as well; when it calls again, it gives its
//!   place up first.
//! - Closing releases all waiters, and gives back the packets that nobody took.
//!
//! # A pool whose workers block
//!
//! Four workers, of which two run at once. When one of them waits for something, a third takes the next packet;
//! when it is back, three run for a moment.
//!
//! ```
//! use portsim_port::{Port, blocking};
//!
//! let pool = Port::<Option<u64>>::new(2);
//! let (reply, replies) = std::sync::mpsc::channel();
//! std::thread::scope(|threads| {
//!     for _ in 0..4 {
//!         let (pool, reply) = (&pool, reply.clone());
//!         threads.spawn(move || {
//!             while let Ok(Some(number)) = pool.get() {
//!                 // Here a worker would ask a database, read a file, or take a lock that it may not get at once.
//!                 let square = blocking(|| number * number);
//!                 reply.send(square).unwrap();
//!             }
//!         });
//!     }
//!     for number in 1..=10 {
//!         pool.post(Some(number)).unwrap();
//!     }
//!     // One packet without work for each worker: see below.
//!     for _ in 0..4 {
//!         pool.post(None).unwrap();
//!     }
//! });
//! drop(reply);
//! assert_eq!(replies.iter().sum::<u64>(), 385);
//! ```
//!
//! # A shutdown that loses nothing
//!
//! [`Port::close`] ends the port at once. To finish what is queued, post one last packet for each worker: packets are
//! taken in order, so each worker gets its own after all work that was posted before. Close then, when all have gone;
//! what is posted too late comes back to its poster.
//!
//! ```
//! use portsim_port::{Closed, Port};
//!
//! let port = Port::new(1);
//! let done = std::thread::scope(|threads| {
//!     let workers: Vec<_> = (0..3)
//!         .map(|_| {
//!             threads.spawn(|| {
//!                 let mut done = 0;
//!                 while let Ok(Some(_job)) = port.get() {
//!                     done += 1;
//!                 }
//!                 done
//!             })
//!         })
//!         .collect();
//!     for job in 0..100 {
//!         port.post(Some(job)).unwrap();
//!     }
//!     for _ in 0..3 {
//!         port.post(None).unwrap();
//!     }
//!     workers.into_iter().map(|worker| worker.join().unwrap()).sum::<i32>()
//! });
//! assert_eq!(done, 100);
//! assert!(port.close().unwrap().is_empty());
//! assert_eq!(port.post(Some(7)), Err(Closed(Some(7))));
//! ```
//!
//! # What differs from Windows
//!
//! - The system does not tell a port that a thread sleeps. Only [`blocking`] and [`Away`] do: a thread that waits for a
//!   lock, a socket or a page outside of such a scope counts as running.
//! - The system does not tell a port either that a thread is woken. A thread counts when it runs again and its scope
//!   ends, unless who woke it has called [`Back::count`]; on Windows it counts when it is woken. After a sleep that ends
//!   by its time, there is nobody to call it.
//! - There are no files, sockets, alertable calls, suspended threads or handles to wait for. A packet is a value of the
//!   port's type.
//! - A port has one owner and no further handle. [`Port::close`] gives the queued packets to its caller, where
//!   Windows drops them.
//! - A thread that calls on another port leaves the first one before it looks at the second, in two actions.
//! - A batch call that has waited takes the one packet that it was handed; Windows leaves open whether it takes more.
//! - A thread that takes nothing because its call had no time to wait belongs to the port and counts, as on Windows
//!   NT 5; whether it still does on Windows today is not known.
//! - A thread stops counting when its thread-local values are dropped. `std::thread::scope` may return a moment
//!   earlier; joining the thread waits for it.
//!
//! # How it is built
//!
//! One small lock guards packets, waiters and count. A waiter has a place of its own, in which its answer is left
//! after the lock is free. Before it sleeps, a thread looks around for a moment, because waking a sleeper takes longer
//! than that: first for a queued packet, when it does not stand in line yet, and then for its answer. There is no
//! `unsafe` code, and nothing but the standard library.
//!
//! # Every order of threads
//!
//! Built with `--cfg loom`, a port uses the locks, atomics and thread-local values of loom 0.7 in place of those of the
//! standard library, so that loom can run a program that uses it in every order of its threads' steps. There a time
//! limit may expire whenever its thread moves: loom has no clock.

#![forbid(unsafe_code)]

// Mistakes, and notes of who acted: for tests that compile this source as a part of themselves.
#[cfg(test)]
pub mod fault;
mod member;
mod port;
mod queue;
mod sync;
mod waiter;
#[cfg(not(all(test, loom)))]
mod watch;
#[cfg(all(test, loom))]
pub mod watch;

pub use member::{Away, Back, blocking};
pub use port::{Closed, GetError, Port};

/// The examples of the page that introduces the crate are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

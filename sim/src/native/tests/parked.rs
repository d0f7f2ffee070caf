//! The question whether a thread is parked, with threads that only look as if they were.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use portsim_model::program::{Op, ThreadId};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{read, write};

use crate::native::local_threads::LocalThreads;
use crate::native::parked::{Call, KernelWait, Probe};
use crate::native::world::{Parked, World};
use crate::native::{Failure, Threads, Unquiet};
use crate::trace::Answer;

fn watched(work: impl FnOnce() + Send + 'static) -> (Probe, JoinHandle<()>) {
    let (tell, told) = channel();
    let thread = thread::spawn(move || {
        tell.send(Probe::of_this_thread().unwrap()).unwrap();
        work();
    });
    (told.recv().unwrap(), thread)
}

fn bell() -> Arc<OwnedFd> {
    Arc::new(eventfd(0, EventfdFlags::CLOEXEC).unwrap())
}

fn reading(fd: &OwnedFd) -> KernelWait {
    KernelWait {
        call: Call::Read,
        first: fd.as_raw_fd() as u64,
    }
}

fn ring(fd: &OwnedFd) {
    write(fd, &1_u64.to_ne_bytes()).unwrap();
}

fn hear(fd: &OwnedFd) {
    read(fd, &mut [0; 8]).unwrap();
}

/// Waits for what is certain to come.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        thread::yield_now();
    }
}

/// Parked in a read of one descriptor is not parked in a read of another, nor in another call on the same.
#[test]
fn the_same_call_on_another_descriptor_is_not_this_call() {
    let (here, there) = (bell(), bell());
    let (probe, thread) = watched({
        let here = here.clone();
        move || hear(&here)
    });
    until(|| probe.parked(reading(&here)).unwrap());
    assert_eq!(probe.parked(reading(&there)).unwrap(), None);
    let other_call = KernelWait {
        call: Call::EpollPwait,
        ..reading(&here)
    };
    assert_eq!(probe.parked(other_call).unwrap(), None);
    ring(&here);
    thread.join().unwrap();
}

/// A thread that never sleeps is never parked, and one that has ended is not either.
#[test]
fn spinning_and_gone_threads_are_not_parked() {
    let fd = bell();
    let stop = Arc::new(AtomicBool::new(false));
    let (probe, thread) = watched({
        let stop = stop.clone();
        move || {
            while !stop.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        }
    });
    for _ in 0..1000 {
        assert_eq!(probe.parked(reading(&fd)).unwrap(), None);
    }
    stop.store(true, Ordering::Relaxed);
    thread.join().unwrap();
    assert_eq!(probe.parked(reading(&fd)).unwrap(), None);
}

/// A thread that was released and parked again in the same call has moved: its count says so.
#[test]
fn parked_again_is_not_parked_since() {
    let fd = bell();
    let (probe, thread) = watched({
        let fd = fd.clone();
        move || (0..2).for_each(|_| hear(&fd))
    });
    let first = until(|| probe.parked(reading(&fd)).unwrap());
    assert!(probe.parked_since(reading(&fd), first).unwrap());
    ring(&fd);
    let second = until(|| {
        let now = probe.parked(reading(&fd)).unwrap();
        now.filter(|&now| now != first)
    });
    assert!(!probe.parked_since(reading(&fd), first).unwrap());
    assert!(probe.parked_since(reading(&fd), second).unwrap());
    ring(&fd);
    thread.join().unwrap();
}

/// The moment a release returns, the released thread is not parked any more, however often it is tried: the
/// state letter shows it before the thread runs.
#[test]
fn a_released_thread_is_seen_at_once() {
    let (there, back) = (bell(), bell());
    let (probe, thread) = watched({
        let (there, back) = (there.clone(), back.clone());
        move || {
            for _ in 0..2000 {
                hear(&there);
                ring(&back);
            }
        }
    });
    for _ in 0..2000 {
        let before = until(|| probe.parked(reading(&there)).unwrap());
        ring(&there);
        assert!(!probe.parked_since(reading(&there), before).unwrap());
        hear(&back);
    }
    thread.join().unwrap();
}

/// A world whose thread waits twice in one call. When it is told to, it says once that the thread waits for something
/// else, although the thread sleeps on.
struct WaitsTwice {
    fd: Arc<OwnedFd>,
    elsewhere: AtomicBool,
}

impl World for WaitsTwice {
    fn backend(&self) -> &'static str {
        "waits-twice"
    }

    fn perform(&self, _: ThreadId, _: Op) -> Result<Answer, Failure> {
        hear(&self.fd);
        hear(&self.fd);
        Ok(Answer::Done)
    }

    fn parked(&self, _: ThreadId, _: Op) -> Parked {
        match self.elsewhere.swap(false, Ordering::SeqCst) {
            true => Parked::No,
            false => Parked::Kernel(reading(&self.fd)),
        }
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
}

/// Whoever was in another wait comes from there by running: as long as its count of switches is the one of that wait,
/// it is not taken for parked.
#[test]
fn a_thread_comes_from_another_wait_by_running() {
    let world = Arc::new(WaitsTwice {
        fd: bell(),
        elsewhere: AtomicBool::new(false),
    });
    let mut threads = LocalThreads::new(world.clone(), 1).unwrap();
    let long = Duration::from_secs(60);
    threads.start(ThreadId(0), Op::Stall).unwrap();
    assert_eq!(threads.quiet(&[], long).unwrap(), []);
    world.elsewhere.store(true, Ordering::SeqCst);
    let unquiet = threads.quiet(&[], Duration::from_millis(50));
    assert!(matches!(unquiet, Err(Unquiet::Overdue(ThreadId(0)))));
    ring(&world.fd);
    assert_eq!(threads.quiet(&[], long).unwrap(), []);
    ring(&world.fd);
    assert_eq!(threads.quiet(&[], long).unwrap().len(), 1);
    threads.end().unwrap();
}

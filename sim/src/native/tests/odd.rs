//! Worlds that misbehave, and what the conductor makes of them.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;

use super::*;
use crate::native::local_threads::LocalThreads;
use crate::native::world::{Parked, World};
use crate::native::{Backend, Failure, NoRecording, Threads};

/// What is odd about a world.
#[derive(Clone, Copy, PartialEq)]
pub enum Fault {
    /// Nobody recognises its waits.
    Strays,
    /// Its calls fail.
    Fails,
    /// It has a bug.
    Panics,
}

struct Odd {
    bell: OwnedFd,
    fault: Fault,
}

struct OddBackend {
    fault: Fault,
    /// Kept to see that every thread let go of its world.
    worlds: Mutex<Vec<Arc<Odd>>>,
}

impl World for Odd {
    fn backend(&self) -> &'static str {
        "odd"
    }

    fn perform(&self, _: ThreadId, _: Op) -> Result<Answer, Failure> {
        match self.fault {
            Fault::Strays => {
                rustix::io::read(&self.bell, &mut [0; 8]).unwrap();
                Ok(Answer::Done)
            }
            Fault::Fails => Err(Failure::new("odd", "get", io::Error::from_raw_os_error(12))),
            Fault::Panics => panic!("a bug in a world"),
        }
    }

    fn parked(&self, _: ThreadId, _: Op) -> Parked {
        Parked::No
    }

    fn come_back(&self, _: ThreadId) -> Result<(), Failure> {
        Ok(())
    }

    fn release(&self) -> Result<(), Failure> {
        rustix::io::write(&self.bell, &1_u64.to_ne_bytes()).unwrap();
        Ok(())
    }

    fn disturbed(&self) -> bool {
        false
    }
}

impl Backend for OddBackend {
    fn name(&self) -> &'static str {
        "odd"
    }

    fn available(&self) -> Result<(), String> {
        Ok(())
    }

    fn supports(&self, _: &Program, _: Op) -> Result<(), String> {
        Ok(())
    }

    fn open(&self, program: &Program, _: Duration) -> Result<Box<dyn Threads>, Failure> {
        let odd = Arc::new(Odd {
            bell: eventfd(0, EventfdFlags::CLOEXEC).unwrap(),
            fault: self.fault,
        });
        self.worlds.lock().unwrap().push(odd.clone());
        Ok(Box::new(LocalThreads::new(odd, program.threads.len())?))
    }
}

/// The reason why there is no recording on an odd world, and that no thread of it is left.
pub fn record_oddly(fault: Fault) -> NoRecording {
    let odd = OddBackend {
        fault,
        worlds: Mutex::default(),
    };
    let program = program(vec![once([Op::Note(0), get()]), once([get()])]);
    let mut options = Options::default();
    if fault == Fault::Strays {
        options.turn_limit = Duration::from_millis(50);
    }
    let policy = || Policy::Fair.seeded(1);
    let refused = record(&odd, &slated(program, &[0, 0]), &policy, &options).unwrap_err();
    for world in odd.worlds.into_inner().unwrap() {
        assert_eq!(Arc::strong_count(&world), 1, "no thread holds its world");
    }
    refused
}

/// A turn that takes too long names its thread and call, keeps what was shown, and leaves no thread behind.
#[test]
fn a_turn_that_takes_too_long_ends_the_run() {
    match record_oddly(Fault::Strays) {
        NoRecording::Overdue {
            turn: 1,
            thread: ThreadId(0),
            op,
            events,
            ..
        } => {
            assert_eq!(op, get());
            assert_eq!(events.len(), 1);
        }
        other => panic!("{other:?}"),
    }
}

/// A system call that fails in a way that is no answer ends the run with backend, call and error.
#[test]
fn a_failure_ends_the_run() {
    let failed = record_oddly(Fault::Fails).words(&crate::names::Names::default());
    assert_eq!(failed, "odd: get: Cannot allocate memory (os error 12)");
}

/// A bug on a scenario's thread is a bug of the whole program: it is not waited out.
#[test]
#[should_panic(expected = "a bug in a world")]
fn a_panic_on_a_thread_goes_on_in_the_conductor() {
    record_oddly(Fault::Panics);
}

//! Suspended threads have no turns, and time goes on without them: on a threads without threads.

use std::time::{Duration, Instant};

use portsim_model::op::{Noun, Role};

use super::*;
use crate::native::{Back, Backend, Ended, Failure, Threads, Unquiet};

/// Two threads, of which a sleeper comes back only when its time is over and nobody holds it.
struct Sleepers {
    tick: Duration,
    answered: Vec<ThreadId>,
    held: [u8; 2],
    ends: [Option<Instant>; 2],
}

struct SleepersBackend;

impl Threads for Sleepers {
    fn start(&mut self, thread: ThreadId, mut op: Op) -> Result<(), Failure> {
        if let Op::Sleep { ticks, .. } = op {
            self.ends[thread.index()] = Some(Instant::now() + self.tick * ticks);
            return Ok(());
        }
        for noun in op.describe().nouns() {
            match noun {
                Noun::Thread(thread, Role::Suspends) => self.held[thread.index()] += 1,
                Noun::Thread(thread, Role::Resumes) => self.held[thread.index()] -= 1,
                _ => {}
            }
        }
        self.answered.push(thread);
        Ok(())
    }

    fn come_back(&mut self, _: ThreadId) -> Result<(), Failure> {
        Ok(())
    }

    fn quiet(&mut self, until: &[ThreadId], _: Duration) -> Result<Vec<Back>, Unquiet> {
        for thread in until {
            assert_eq!(
                self.held[thread.index()],
                0,
                "nobody waits for a suspended thread"
            );
            let end = self.ends[thread.index()].expect("it sleeps");
            std::thread::sleep(end.saturating_duration_since(Instant::now()));
        }
        for (n, end) in self.ends.iter_mut().enumerate() {
            if self.held[n] == 0 && end.is_some_and(|end| end <= Instant::now()) {
                *end = None;
                self.answered.push(ThreadId(n as u8));
            }
        }
        let mut answered = std::mem::take(&mut self.answered);
        answered.sort();
        Ok(answered
            .into_iter()
            .map(|thread| Back {
                thread,
                answer: Answer::Done,
            })
            .collect())
    }

    fn leave(&mut self, _: ThreadId) -> Result<(), Failure> {
        Ok(())
    }

    fn disturbed(&self) -> bool {
        false
    }

    fn end(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

impl Backend for SleepersBackend {
    fn name(&self) -> &'static str {
        "sleepers"
    }

    fn available(&self) -> Result<(), String> {
        Ok(())
    }

    fn supports(&self, _: &Program, _: Op) -> Result<(), String> {
        Ok(())
    }

    fn open(&self, _: &Program, tick: Duration) -> Result<Box<dyn Threads>, Failure> {
        Ok(Box::new(Sleepers {
            tick,
            answered: Vec::new(),
            held: [0; 2],
            ends: [None; 2],
        }))
    }
}

const A: ThreadId = ThreadId(0);

fn shows(program: &Program) -> Recording {
    let policy = || Policy::Random.seeded(3);
    record(&SleepersBackend, program, &policy, &Options::default()).expect("it records")
}

/// The time of a sleep is over while its thread is suspended: it comes back when it is resumed, and not before.
#[test]
fn a_deadline_passes_while_its_thread_is_suspended() {
    let other = once([Op::Suspend { thread: A }, Op::Resume { thread: A }]);
    let program = program(vec![once([sleep(1)]), other]);
    let program = program.with_turns([Some(0), Some(1), None, Some(1)]);
    let recording = shows(&program);
    let expected = ["a! sleep", "b suspend done", "b resume done", "a< done"];
    assert_eq!(lines(&recording), expected);
}

/// Whoever is never resumed has no turn, and its time is over only once: the run comes to rest.
#[test]
fn nothing_moves_that_is_suspended() {
    let program = program(vec![
        once([Op::Yield, sleep(1), Op::Yield]),
        once([Op::Suspend { thread: A }]),
    ]);
    let recording = shows(&program.clone().with_turns([Some(1), Some(0)]));
    assert_eq!(recording.ended, Ended::ScheduleStuck(1, A));
    assert_eq!(lines(&recording), ["b suspend done"]);
    let recording = shows(&program.with_turns([Some(0), Some(0), Some(1), None, None, Some(0)]));
    assert_eq!(recording.ended, Ended::ScheduleStuck(5, A));
    assert_eq!(
        lines(&recording),
        ["a yield done", "a! sleep", "b suspend done"]
    );
    assert_eq!(recording.taken.len(), 4, "the clock moves once");
}

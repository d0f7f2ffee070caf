//! The conductor alone, on a threads without threads: as an agent would provide one.

use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::names::Names;
use crate::native::{Back, Backend, Failure, NoRecording, Threads, Unquiet};

/// A threads on which every call is answered at once.
struct Paper {
    answer: Answer,
    disturbed: bool,
    /// How long an answer takes.
    takes: Duration,
    open: Option<ThreadId>,
}

/// Makes such stages, the first few of them disturbed, and notes the ticks that it was asked for.
struct PaperBackend {
    answer: Answer,
    disturbed: usize,
    /// How many ticks an answer takes.
    takes: u32,
    ticks: Mutex<Vec<Duration>>,
}

impl Threads for Paper {
    fn start(&mut self, thread: ThreadId, _: Op) -> Result<(), Failure> {
        self.open = Some(thread);
        Ok(())
    }

    fn come_back(&mut self, _: ThreadId) -> Result<(), Failure> {
        Ok(())
    }

    fn quiet(&mut self, _: &[ThreadId], _: Duration) -> Result<Vec<Back>, Unquiet> {
        std::thread::sleep(self.takes);
        let back = |thread| Back {
            thread,
            answer: self.answer.clone(),
        };
        Ok(self.open.take().map(back).into_iter().collect())
    }

    fn leave(&mut self, _: ThreadId) -> Result<(), Failure> {
        Ok(())
    }

    fn disturbed(&self) -> bool {
        self.disturbed
    }

    fn end(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

impl Backend for PaperBackend {
    fn name(&self) -> &'static str {
        "paper"
    }

    fn available(&self) -> Result<(), String> {
        Ok(())
    }

    fn supports(&self, _: &Program, _: Op) -> Result<(), String> {
        Ok(())
    }

    fn open(&self, _: &Program, tick: Duration) -> Result<Box<dyn Threads>, Failure> {
        let mut ticks = self.ticks.lock().unwrap();
        ticks.push(tick);
        Ok(Box::new(Paper {
            answer: self.answer.clone(),
            disturbed: ticks.len() <= self.disturbed,
            takes: tick * self.takes,
            open: None,
        }))
    }
}

/// Records one call with a timeout of 4 ticks; the ticks that were tried, in milliseconds.
fn tries(answer: Answer, disturbed: usize) -> (Result<Recording, NoRecording>, Vec<u128>) {
    let paper = PaperBackend {
        answer,
        disturbed,
        takes: 0,
        ticks: Mutex::default(),
    };
    tries_on(paper, get_within(Timeout::Ticks(4)))
}

fn tries_on(paper: PaperBackend, call: Op) -> (Result<Recording, NoRecording>, Vec<u128>) {
    let program = program(vec![once([call])]);
    let policy = || Policy::Random.seeded(7);
    let recorded = record(&paper, &program, &policy, &Options::default());
    let ticks = paper.ticks.into_inner().unwrap();
    (recorded, ticks.iter().map(Duration::as_millis).collect())
}

/// A run whose waits were interrupted is made again, with a slower clock, and only the last one counts.
#[test]
fn a_disturbed_run_is_repeated() {
    let (recorded, ticks) = tries(Answer::Done, 2);
    assert_eq!(lines(&recorded.unwrap()), ["a get done"]);
    assert_eq!(ticks, [10, 20, 40]);
}

/// A timeout that fires unasked every time is given up, and the reason says whose it was.
#[test]
fn an_unsteady_machine_is_given_up() {
    let (recorded, ticks) = tries(Answer::Failed("ETIMEDOUT".into()), 0);
    let names = Names {
        threads: vec!["a".into()],
        ..Names::default()
    };
    assert_eq!(
        recorded.unwrap_err().words(&names),
        "the timeout of a fired before the clock had its turn, in each of 3 runs"
    );
    assert_eq!(ticks, [10, 20, 40]);
}

/// Fewer packets than were waited for are no error, but come from the clock where the time has passed.
#[test]
fn fewer_than_were_waited_for_are_a_timeout_when_the_time_has_passed() {
    let two_of_three = Op::Get {
        port: P,
        into: None,
        timeout: Timeout::Ticks(4),
        max: Some(4),
        min: Some(3),
        min_wait: None,
        alertable: false,
        keeps: false,
    };
    let tries_taking = |takes| {
        let paper = PaperBackend {
            answer: Answer::Packets(vec![Packet::default(); 2]),
            disturbed: 0,
            takes,
            ticks: Mutex::default(),
        };
        tries_on(paper, two_of_three).0
    };
    assert!(tries_taking(0).is_ok());
    assert!(tries_taking(5).is_err());
}

/// Where the code leaves a choice, the policy takes it; the same seed takes the same.
#[test]
fn a_policy_chooses_branches() {
    let either = vec![
        Instr::Either {
            branch: 2,
            others: 1,
        },
        Instr::Either {
            branch: 4,
            others: 6,
        },
        Instr::Op(Op::Note(0)),
        Instr::Jump(0),
        Instr::Op(Op::Yield),
        Instr::Jump(0),
        Instr::End,
    ];
    let program = program(vec![either]);
    let play = |seed| {
        let paper = PaperBackend {
            answer: Answer::Done,
            disturbed: 0,
            takes: 0,
            ticks: Mutex::default(),
        };
        let policy = || Policy::Random.seeded(seed);
        record(&paper, &program, &policy, &Options::default()).unwrap()
    };
    let all: Vec<_> = (0..20).map(play).collect();
    assert_eq!(all, (0..20).map(play).collect::<Vec<_>>());
    let shows = |what: &str| {
        all.iter()
            .any(|one| lines(one).iter().any(|line| line == what))
    };
    assert!(shows("a note done") && shows("a yield done"));
    // The branch that ends the program is a turn, and is shown.
    assert!(all.iter().all(|one| one.turns == one.events.len() as u64));
}

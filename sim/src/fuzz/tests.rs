//! Generated scenarios are scenarios, for every system, and the checker takes them; mistakes made on purpose are found
//! and made small.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use portsim_model::machine::AnyMachine;
use portsim_model::personality::NAMES;
use portsim_model::program::{Op, Program};

use super::*;
use crate::check::{Exploration, Limits, Reductions, Workers, check};
use crate::draft::Call;
use crate::native::emulated::Emulated;
use crate::native::{Failure, Threads};
use crate::personality::play;
use crate::port::fault::Fault;
use crate::shrink::cuts;

/// A backend that has every operation, so that only the system is asked; nothing is run on it.
struct Everything;

impl Backend for Everything {
    fn name(&self) -> &str {
        "everything"
    }

    fn available(&self) -> Result<(), String> {
        Ok(())
    }

    fn supports(&self, _: &Program, _: Op) -> Result<(), String> {
        Ok(())
    }

    fn open(&self, _: &Program, _: Duration) -> Result<Box<dyn Threads>, Failure> {
        unreachable!("nothing is run here")
    }
}

fn on_everything(personality: &str) -> Fuzzer<'_> {
    Fuzzer::new(&Everything, personality, 2).expect("it can be asked")
}

/// Explores some thousand states.
struct Explore;

impl Explore {
    fn on(self, machine: &Arc<dyn AnyMachine>) -> Exploration {
        let limits = Limits {
            memory_bytes: 1 << 30,
            depth: Some(7),
            exact: false,
            preemptions: None,
        };
        let stop = AtomicBool::new(false);
        check(
            machine,
            Reductions::ALL,
            limits,
            &Workers::default(),
            None,
            &stop,
            |_| {},
        )
        .expect("it is alone")
    }
}

/// Each is read, has the same bytes again, is played by its system, and explored without a panic.
#[test]
#[cfg_attr(
    windows,
    ignore = "what is drawn depends on no system, and Wine takes minutes"
)]
fn a_seed_is_a_scenario_for_every_system() {
    for personality in NAMES {
        let (fuzzer, again) = (on_everything(personality), on_everything(personality));
        let mut verbs = std::collections::BTreeSet::new();
        for seed in 0..1_000 {
            let draft = fuzzer.writer.draft(seed);
            assert_eq!(draft.text(), again.writer.draft(seed).text());
            let scenario = read(&draft);
            assert_eq!(not_for(personality, &scenario), None, "{}", draft.text());
            if seed % 20 == 0 {
                let explored =
                    play(personality, &scenario.program, 2).map(|machine| Explore.on(&machine));
                assert!(explored.expect("it is playable").states > 0);
            }
            verbs.extend(
                draft
                    .threads
                    .iter()
                    .flat_map(|(_, calls)| calls)
                    .map(|call| call.verb),
            );
        }
        // What is drawn at all is drawn in so many cases.
        for kind in &fuzzer.writer.kinds {
            let verb = drawn(&mut Rng::new(0), personality, &[kind], &[1, 1]).threads[0].1[0].verb;
            assert!(
                verbs.contains(verb),
                "{personality}: {} was never drawn",
                kind.name
            );
        }
        assert!(verbs.len() > 10, "{personality}: {verbs:?}");
    }
}

/// A sweep that is stopped says what was made so far.
#[test]
fn a_sweep_that_is_stopped_makes_no_more_cases() {
    let fuzzer = Fuzzer::new(&Emulated::SOUND, "windows", 2).expect("it can be asked");
    let made = |stop| {
        let stop = AtomicBool::new(stop);
        fuzzer
            .cases(5..15, 3, true, &stop)
            .expect("threads can be started")
    };
    assert_eq!(made(true), []);
    let seeds: Vec<_> = made(false).into_iter().map(|(seed, _)| seed).collect();
    assert_eq!(seeds, (5..15).collect::<Vec<_>>());
}

/// What one side lacks is not drawn, and the reason is told.
#[test]
fn what_a_backend_lacks_is_left_out_with_its_reason() {
    let fuzzer = Fuzzer::new(&Emulated::SOUND, "windows", 2).expect("it can be asked");
    let why = |name| {
        fuzzer
            .writer
            .left_out
            .iter()
            .find(|(kind, _)| *kind == name)
    };
    let (_, why) = why("suspend").expect("it is left out");
    assert!(why.contains("cannot suspend"), "{why}");
    let drawn = |verb| {
        (0..300).any(|seed| {
            let draft = fuzzer.writer.draft(seed);
            draft
                .threads
                .iter()
                .flat_map(|(_, calls)| calls)
                .any(|call| call.verb == verb)
        })
    };
    assert!(!drawn("suspend") && !drawn("start") && drawn("query"));
}

fn small(fault: Option<Fault>, seeds: Range<u64>) -> Vec<Found> {
    let backend = Emulated { fault };
    let fuzzer = Fuzzer::new(&backend, "windows", 2).expect("it can be asked");
    let outcomes = fuzzer.cases(seeds, 2, true, &AtomicBool::new(false));
    let outcomes = outcomes.expect("threads can be started");
    let mut found: Vec<Found> = Vec::new();
    for (seed, outcome) in outcomes {
        match outcome {
            Outcome::Agree => {}
            Outcome::Differ(one) if found.iter().any(|known| known.like(&one)) => {}
            Outcome::Differ(one) => found.push(*one),
            other => panic!("seed {seed}: {other:?}"),
        }
    }
    found
}

/// The port as it is agrees; one whose threads go on counting while they are blocked is found. What is left shows it
/// again, is written in a few lines, and shows it no more when anything is taken away.
#[test]
#[cfg_attr(
    windows,
    ignore = "a port in user space is the same everywhere, and Wine takes minutes"
)]
fn a_port_with_a_mistake_is_found_and_the_case_is_small() {
    assert_eq!(small(None, 0..300), Vec::new());
    let found = small(Some(Fault::KeptCount), 0..300);
    assert!(!found.is_empty());
    let backend = Emulated {
        fault: Some(Fault::KeptCount),
    };
    let fuzzer = Fuzzer::new(&backend, "windows", 2).expect("it can be asked");
    for one in &found {
        println!("{}", one.draft.text());
        assert!(one.again, "seed {}", one.seed);
        let turns = one.draft.schedule.as_ref().map_or(0, Vec::len);
        assert!(turns <= 12, "{turns} turns");
        assert!(fuzzer.differs(&one.draft, 1).is_some());
        for cut in cuts(&one.draft) {
            assert_eq!(fuzzer.differs(&cut, 1), None, "smaller:\n{}", cut.text());
        }
        without_one(&one.draft, |less| {
            assert_eq!(fuzzer.differs(&less, 1), None, "less:\n{}", less.text());
        });
    }
    let again = small(Some(Fault::KeptCount), 0..300);
    assert_eq!(found, again, "the same seeds come to the same cases");
}

/// Every draft without a turn, a call or a thread.
fn without_one(draft: &Draft, mut shown: impl FnMut(Draft)) {
    let turns = draft.schedule.as_ref().map_or(0, Vec::len);
    for turn in 0..turns {
        let mut less = draft.clone();
        less.schedule
            .iter_mut()
            .for_each(|schedule| drop(schedule.remove(turn)));
        shown(less);
    }
    for thread in 0..draft.threads.len() {
        for call in 0..draft.threads[thread].1.len() {
            let mut less = draft.clone();
            let _: Call = less.threads[thread].1.remove(call);
            shown(less);
        }
        let mut less = draft.clone();
        less.threads.remove(thread);
        shown(less);
    }
}

/// A row that no system takes would never be drawn.
#[test]
fn every_kind_is_drawn_for_some_system() {
    let of_all: Vec<_> = NAMES.into_iter().map(on_everything).collect();
    for kind in KINDS {
        let drawn = |fuzzer: &Fuzzer<'_>| {
            fuzzer
                .writer
                .kinds
                .iter()
                .any(|drawn| drawn.name == kind.name)
        };
        let why = of_all.iter().flat_map(|fuzzer| &fuzzer.writer.left_out);
        let why: Vec<_> = why.filter(|(name, _)| *name == kind.name).collect();
        assert!(of_all.iter().any(drawn), "{}: {why:?}", kind.name);
    }
}

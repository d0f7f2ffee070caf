//! Mistakes that the port in user space is given on purpose, and which of them the shipped scenarios find.
//!
//! Lock-step decides questions of order. It sees a count that is kept and a waiter that is not woken. A packet that can
//! be stolen, and a timeout that loses the packet it raced with, need two threads in one moment: those are found only
//! where loom tries every order (`every_order`).

use std::path::PathBuf;
use std::time::Duration;

use super::stress::round;
use super::{Verdict, cross_check};
use crate::choose::Policy;
use crate::native::emulated::Emulated;
use crate::native::{NoRecording, Options, record};
use crate::port::fault::Fault;
use crate::scenario::{Scenario, find};

const PROCESSORS: u32 = 2;

/// The scenarios below one folder.
fn scenarios(folder: &str) -> Vec<Scenario> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios"));
    let files = find(&[root.join(folder)]).expect("it is there");
    let read = |file: &PathBuf| Scenario::read(file);
    files
        .iter()
        .map(|file| read(file).unwrap_or_else(|bad| panic!("{bad}")))
        .collect()
}

/// Which scenarios of these folders differ on a port with this mistake, and how many agree.
fn found(fault: Option<Fault>, folders: &[&str]) -> (Vec<String>, usize) {
    let (mut differ, mut agree) = (Vec::new(), 0);
    for scenario in folders.iter().flat_map(|folder| scenarios(folder)) {
        let backend = Emulated { fault };
        let cell = cross_check(&scenario, &backend, "windows", 0, PROCESSORS);
        match cell.verdict {
            Verdict::Differ(_) => differ.push(cell.scenario),
            Verdict::Agree(_) => agree += 1,
            Verdict::Unsupported(_) => {}
            Verdict::Unavailable(why) => panic!("{}: {why}", cell.scenario),
        }
    }
    (differ, agree)
}

/// A thread that blocks or ends and goes on counting.
#[test]
fn a_kept_count_is_found_by_order_alone() {
    let folders = ["differences", "vectors", "windows"];
    let (differ, agree) = found(Some(Fault::KeptCount), &folders);
    println!("{agree} agree, {} differ: {differ:?}", differ.len());
    let those = [
        "differences/blocked-member-makes-room",
        "differences/exit-makes-room",
    ];
    assert!(
        those
            .iter()
            .all(|name| differ.iter().any(|own| own == name))
    );
}

/// Two mistakes that need two threads in one moment: one thread at a time never meets them.
#[test]
fn races_are_not_found_by_order_alone() {
    for fault in [None, Some(Fault::Stolen), Some(Fault::LateTimeout)] {
        let (differ, agree) = found(fault, &["differences"]);
        assert!(differ.is_empty() && agree > 0, "{fault:?}: {differ:?}");
    }
}

/// A waiter that is not woken neither returns nor is parked any more. It never comes home either.
#[test]
fn a_lost_wake_is_a_turn_that_does_not_end() {
    let scenario = scenarios("differences/limit-of-one.json").remove(0);
    let fault = Some(Fault::LostWake);
    let options = Options {
        turn_limit: Duration::from_millis(200),
        ..Options::default()
    };
    let policy = || Policy::Fair.seeded(0);
    let recorded = record(&Emulated { fault }, &scenario.program, &policy, &options);
    assert!(
        matches!(recorded, Err(NoRecording::Overdue { .. })),
        "{recorded:?}"
    );
}

/// At full speed each of these is refused after some rounds of stress: a steal too, which order alone never meets. A
/// late timeout needs a post within a moment so short that no number of rounds is sure to meet it.
#[test]
fn mistakes_are_found_at_full_speed() {
    const ROUNDS_MAX: u64 = 4_000;
    let refused = |fault: Option<Fault>, rounds: u64| {
        (0..rounds).find_map(|seed| {
            let round = round(
                &Emulated { fault },
                "windows",
                ("stress", seed),
                6,
                PROCESSORS,
            );
            let round = round.unwrap_or_else(|failed| panic!("{fault:?}: {failed:?}"));
            assert!(
                !round.judgement.gave_up,
                "{fault:?}, seed {seed}: it gave up"
            );
            let refusal = round.judgement.refused?;
            Some((
                seed,
                refusal,
                round.events.len(),
                round.judgement.states_max,
            ))
        })
    };
    assert_eq!(refused(None, 40), None, "the port as it is");
    for fault in [Fault::KeptCount, Fault::Stolen, Fault::LostWake] {
        let since = std::time::Instant::now();
        let found = refused(Some(fault), ROUNDS_MAX);
        println!("{fault:?} after {:?}: {found:?}", since.elapsed());
        assert!(found.is_some(), "{fault:?} in {ROUNDS_MAX} rounds");
    }
}

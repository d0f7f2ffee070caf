//! What the model does with programs that seeds write, in runs that seeds choose: the same on every machine.

use std::mem;
use std::sync::atomic::AtomicBool;

use portsim::choose::Policy;
use portsim::fuzz::Writer;
use portsim::names::Names;
use portsim::personality::play;
use portsim::run::{Notes, run_seen, run_until};
use portsim::scenario::Scenario;
use portsim::trace::event_line;
use portsim_model::personality::NAMES;
use portsim_model::{AnyMachine, State};
use sha2::{Digest, Sha256};

use crate::shipped::is_as_kept;

/// What each of those programs does.
pub const SEEDED: &str = "tests/seeded.txt";

/// So many programs are written for each system.
const PROGRAMS: u64 = 100;

/// Every system with every seed.
pub fn all() -> impl Iterator<Item = (&'static str, u64)> {
    let seeds = |name| (0..PROGRAMS).map(move |seed| (name, seed));
    NAMES.into_iter().flat_map(seeds)
}

/// The line of that list for the program that a seed writes for a system.
pub fn line(name: &str, seed: u64) -> String {
    let text = Writer::of(name).draft(seed).text();
    let scenario = Scenario::parse("seeded", "seeded.json".as_ref(), text.as_bytes());
    let scenario = scenario.unwrap_or_else(|bad| panic!("{bad}\n{text}"));
    let machine = play(name, &scenario.program, 2).expect("it is written for this system");
    let runs = runs(&*machine, &scenario.names);
    format!("{name} {seed}: {runs}\n")
}

/// Nobody stops a run.
static GO_ON: AtomicBool = AtomicBool::new(false);

/// The most steps of a run.
const STEPS_MAX: u64 = 200;

/// What a program does in some runs: how many events, and a digest of them and of all that is said of the states between
/// them. Each event has the claims that decided it.
pub fn runs(machine: &dyn AnyMachine, names: &Names) -> String {
    let (mut events, mut digest) = (0, Sha256::new());
    for (seed, policy) in (0..).zip([Policy::Random, Policy::Random, Policy::Pct(2), Policy::Fair])
    {
        let notes = Notes {
            why: true,
            states: false,
        };
        let run = run_until(machine, &mut *policy.seeded(seed), STEPS_MAX, &GO_ON, notes);
        let mut says = |state: &State| digest.update(said_of(machine, state));
        let chooser = &mut *policy.seeded(seed);
        run_seen(machine, chooser, STEPS_MAX, &GO_ON, &mut (), &mut says);
        for event in &run.events {
            let line = event_line(names, machine.program(), events, event);
            let line = serde_json::to_vec(&line).expect("an event can be written");
            digest.update(line);
            events += 1;
        }
        digest.update(format!("{:?} {:?}", run.ended, run.parked));
    }
    let digest = digest.finalize();
    let begin: String = digest
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{events} events {begin}")
}

/// What is said of a state: each step that is possible, and whose claim holds a thread back. Each step leads to where it
/// leads while nobody watches.
fn said_of(machine: &dyn AnyMachine, state: &State) -> String {
    let (mut steps, mut next) = (Vec::new(), state.clone());
    let bounded = machine.movers(state, &mut steps);
    let movers = mem::take(&mut steps);
    machine.successors(state, &movers, &mut next, &mut |step, led_to, fault| {
        let mut unseen = state.clone();
        assert_eq!(machine.take_unseen(&mut unseen, step), fault);
        assert_eq!(&unseen, led_to);
        steps.push(step);
    });
    let threads = machine.program().thread_ids();
    let held = threads.map(|thread| machine.holds_back(state, thread).map(|claim| claim.id));
    format!("{steps:?} {bounded:?} {:?}", held.collect::<Vec<_>>())
}

#[test]
fn programs_do_what_they_did() {
    let lines: String = all().map(|(name, seed)| line(name, seed)).collect();
    is_as_kept(SEEDED, &lines);
}

//! How fast single executions go: `run` with nobody watching, and lock-step admission.
//!
//! It prints one line for each, the median of five rounds; `sim/benches/peers.sh` reads them.

use std::path::Path;
use std::time::Instant;

use portsim::admit::admit;
use portsim::choose::Policy;
use portsim::personality::{OnSystem, play};
use portsim::run::{run, run_unseen};
use portsim::scenario::{Scenario, read};
use portsim_model::kernel::Kernel;
use portsim_model::personality::NAMES;
use portsim_model::system::System;

/// The pool that other checkers count too.
const POOL: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../scenarios/bench/pool-5-2-2-5.json"
);
/// Rounds of which the median counts.
const ROUNDS: usize = 5;
/// Seeds of one round, and the most steps of each.
const SEEDS: u64 = 500;
const STEPS_MAX: u64 = 2_000;
/// Steps whose events are admitted.
const ADMITTED: u64 = 50_000;

struct Measure<'s> {
    scenario: &'s Scenario,
}

impl OnSystem for Measure<'_> {
    type Out = ();
    fn on<K: Kernel + Send + Sync + 'static>(self, system: &System<K>) {
        let policy = Policy::parse("random").expect("a policy of this name");
        let rate = median(|| {
            (0..SEEDS)
                .map(|seed| run_unseen(system, &mut *policy.seeded(seed), STEPS_MAX).steps)
                .sum()
        });
        println!("run_steps_per_second {rate:.0}");
        let events = run(system, &mut *policy.seeded(1), ADMITTED).events;
        let rate = median(|| {
            let judgement = admit(system, &self.scenario.names, &events, None, true);
            assert_eq!(judgement.refused, None, "the model shows what it has shown");
            events.len() as u64
        });
        println!("admit_events_per_second {rate:.0}");
    }
}

/// Things a second, of a work that says how many it did: the median of some rounds.
fn median(mut work: impl FnMut() -> u64) -> f64 {
    let mut rates: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let since = Instant::now();
            let done = work();
            done as f64 / since.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[ROUNDS / 2]
}

fn main() {
    let scenario = read(Path::new(POOL), &NAMES).expect("the scenario is shipped");
    let measure = Measure {
        scenario: &scenario,
    };
    play("windows", &scenario.program, 2, measure).expect("it is meant for windows");
}

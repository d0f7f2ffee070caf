//! How fast single executions go: `run` with nobody watching, lock-step admission, and real threads that are conducted.
//!
//! It prints one line for each, the median of five rounds; `sim/benches/peers.sh` reads them.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use portsim::admit::admit;
use portsim::choose::Policy;
use portsim::native::{self, Options};
use portsim::personality::play;
use portsim::run::{run, run_unseen};
use portsim::scenario::Scenario;
use portsim::trace::Shown;
use portsim_model::machine::AnyMachine;

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
/// Nobody stops it.
static GO_ON: AtomicBool = AtomicBool::new(false);
/// Steps whose events are admitted.
const ADMITTED: u64 = 50_000;
/// What real threads are conducted through: three that take packets, and one that posts them.
const CONDUCTED: &str = r#"{
    "why": "Calls that park, calls that release, and calls that find a packet.",
    "ports": { "p": {} },
    "threads": {
        "worker": { "count": 3, "do": [{ "loop": [{ "get": "p" }] }] },
        "poster": [{ "loop": [{ "post": "p", "key": 1 }] }]
    },
    "bounds": { "packets": 4 }
}"#;
/// Turns of one round of it.
const TURNS: u64 = 2_000;

struct Measure<'s> {
    scenario: &'s Scenario,
}

impl Measure<'_> {
    fn on(self, machine: &dyn AnyMachine) {
        let policy = Policy::parse("random").expect("a policy of this name");
        let rate = median(|| {
            (0..SEEDS)
                .map(|seed| run_unseen(machine, &mut *policy.seeded(seed), STEPS_MAX, &GO_ON).steps)
                .sum()
        });
        println!("run_steps_per_second {rate:.0}");
        let events = run(machine, &mut *policy.seeded(1), ADMITTED).events;
        let rate = median(|| {
            let judgement = admit(machine, &self.scenario.names, &events, None, true);
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

/// Calls a second of four threads on a real descriptor, one at a time; nothing where there is none.
fn conduct() {
    let path = Path::new("conducted.json");
    let scenario =
        Scenario::parse("conducted", path, CONDUCTED.as_bytes()).expect("it is a scenario");
    let backend = native::backend("epoll").expect("it is always listed");
    let options = Options {
        turns_max: TURNS,
        ..Options::default()
    };
    let policy = || {
        Policy::parse("random")
            .expect("a policy of this name")
            .seeded(1)
    };
    if let Err(why) = backend.available() {
        println!("conducted_calls_per_second not measured: {why}");
        return;
    }
    let rate = median(|| {
        let recording = native::record(backend, &scenario.program, &policy, &options);
        let recording = recording.unwrap_or_else(|why| panic!("{}", why.words(&scenario.names)));
        let calls = recording.events.iter();
        let calls = calls.filter(|shown| matches!(shown, Shown::Call { .. }));
        calls.count() as u64
    });
    println!("conducted_calls_per_second {rate:.0}");
}

fn main() {
    let scenario = Scenario::read(Path::new(POOL)).expect("the scenario is shipped");
    let measure = Measure {
        scenario: &scenario,
    };
    play("windows", &scenario.program, 2)
        .map(|machine| measure.on(&*machine))
        .expect("it is meant for windows");
    conduct();
}

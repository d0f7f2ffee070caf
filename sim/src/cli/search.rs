//! A search for a counterexample that somebody waits for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Stop, stop};
use crate::check::Limits;
use crate::report::check::Check;
use crate::request::Checker;
use crate::scenario::Scenario;

/// How often somebody looks whether it has taken long enough.
const LOOK: Duration = Duration::from_millis(20);

/// Searches for so long, and keeps so many states around what it finds, where a page is to show them.
pub fn check(
    scenario: &Scenario,
    personality: &str,
    processors: u32,
    states_max: Option<usize>,
    patience: Duration,
) -> Result<Check, Stop> {
    let (enough, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let until = Instant::now() + patience;
    let mut checker = Checker::new(scenario)
        .personality(personality)
        .processors(processors)
        .limits(Limits {
            memory_bytes: 1 << 30,
            depth: None,
            exact: false,
            preemptions: None,
        })
        .stop(&enough);
    if let Some(states_max) = states_max {
        checker = checker.tour(states_max);
    }
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) && !stop::stopped() && Instant::now() < until {
                thread::sleep(LOOK);
            }
            enough.store(true, Ordering::Relaxed);
        });
        let check = checker.run();
        over.store(true, Ordering::Relaxed);
        Ok(check?)
    })
}

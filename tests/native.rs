//! The shipped scenarios on the real kernel.

use std::path::Path;

use portsim::cross_check::{Comparison, Verdict, cross_check, judge_of};
use portsim::native::{Backend, backends};
use portsim::scenario::Scenario;

use crate::shipped::scenarios;

const PROCESSORS: u32 = 2;

/// Backends that can run here, and those that cannot, said aloud.
fn available() -> Vec<&'static dyn Backend> {
    let mut here = Vec::new();
    for backend in backends() {
        match backend.available() {
            Ok(()) => here.push(*backend),
            Err(why) => println!("not run: {}: {why}", backend.name()),
        }
    }
    here
}

/// The scenarios of these folders on a backend.
fn cells(
    backend: &dyn Backend,
    personality: &str,
    seeds: u64,
    folders: &[&str],
) -> Vec<Comparison> {
    let mut cells = Vec::new();
    for scenario in scenarios() {
        if !folders.iter().any(|it| scenario.name.starts_with(it)) {
            continue;
        }
        let seeds = if scenario.program.schedule.is_some() {
            1
        } else {
            seeds
        };
        for seed in 0..seeds {
            cells.push(cross_check(
                &scenario,
                backend,
                personality,
                seed,
                PROCESSORS,
            ));
        }
    }
    cells
}

/// Every backend does what its own personality says.
#[test]
fn each_backend_agrees_with_its_own_personality() {
    for backend in available() {
        let judge = judge_of(backend.name(), &backend.os());
        let cells = cells(backend, &judge, 3, &[""]);
        let agree = cells
            .iter()
            .filter(|cell| matches!(cell.verdict, Verdict::Agree(_)))
            .count();
        let wrong: Vec<_> = cells
            .iter()
            .filter(|cell| matches!(cell.verdict, Verdict::Differ(_) | Verdict::Unavailable(_)))
            .map(|cell| format!("{} seed {}: {:?}", cell.scenario, cell.seed, cell.verdict))
            .collect();
        assert!(
            wrong.is_empty(),
            "{}:\n{}",
            backend.name(),
            wrong.join("\n")
        );
        assert!(agree > 100, "{}: only {agree} agree", backend.name());
    }
}

/// epoll is no completion port, and is found out: each scenario about a difference shows it.
#[test]
fn epoll_is_not_taken_for_windows() {
    for backend in available()
        .into_iter()
        .filter(|backend| backend.name() == "epoll")
    {
        let cells = cells(backend, "windows", 1, &["differences/", "portable/"]);
        let of = |folder: &str| -> Vec<_> {
            cells
                .iter()
                .filter(|cell| cell.scenario.starts_with(folder))
                .map(|cell| cell.verdict.name())
                .collect()
        };
        let differences = of("differences/");
        let found = differences
            .iter()
            .filter(|verdict| **verdict == "differ")
            .count();
        assert!(found >= 8, "{differences:?}");
        assert!(
            of("portable/").iter().all(|verdict| *verdict == "agree"),
            "{:?}",
            of("portable/")
        );
    }
}

/// Buffers for a multishot read go to its own ring: they keep another ring from holding requests back (EOPNOTSUPP).
#[test]
fn buffers_go_to_the_ring_of_their_read() {
    let text = r#"{
        "why": "A request that waits for those before it, beside a multishot read on another ring.",
        "as": ["io-uring", "io-uring-7.2"], "ports": { "p": {}, "drained": {} },
        "files": { "h": { "port": "p" }, "dg": { "port": "drained" } },
        "operations": {
            "d": { "file": "dg", "overlapped": 1, "drained": true },
            "m": { "file": "h", "overlapped": 2, "multishot": true }
        },
        "threads": {
            "a": [{ "start": "d" }, { "complete": "d" }, { "get": "drained" }, { "start": "d" }, { "complete": "d" }, { "get": "drained" }],
            "b": [{ "complete": "m" }]
        }
    }"#;
    let scenario = Scenario::parse("buffers", Path::new("buffers.json"), text.as_bytes());
    let scenario = scenario.unwrap_or_else(|bad| panic!("{bad}"));
    for backend in available() {
        if backend.name() == "io-uring" {
            let judge = judge_of(backend.name(), &backend.os());
            let cell = cross_check(&scenario, backend, &judge, 0, PROCESSORS);
            match cell.verdict {
                Verdict::Agree(_) => {}
                Verdict::Unsupported(why) if why.contains("kernel") => println!("not run: {why}"),
                other => panic!("{other:?}"),
            }
        }
    }
}

//! Searches that leave something out, held against the one that leaves out nothing.
//!
//! Programs with a group of equal threads, some of whose members are spoken of by name, are explored with every
//! reduction on every system. The verdict must be the same, the counterexample as short and a run of the whole system,
//! and the states in which nothing can move any more the same but for who is who.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use portsim::check::{Crew, Exploration, Found, Limits, Reductions, check};
use portsim::personality::{OnSystem, not_for, play};
use portsim::scenario;
use portsim_model::State;
use portsim_model::kernel::Kernel;
use portsim_model::personality::NAMES;
use portsim_model::program::{SlotId, ThreadId};
use portsim_model::property::Violation;
use portsim_model::symmetry::Symmetry;
use portsim_model::system::System;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use serde_json::{Value, json};

use crate::generated::op;
use crate::root;
use crate::shipped::EVERY;

/// A program with more states than this says nothing here.
const STATES_MAX: usize = 20_000;

/// What a member of the group may do besides.
fn member_op(n: usize) -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => op(3, n),
        1 => Just(json!({ "suspend": "w[0]" })),
        1 => Just(json!({ "resume": "w[0]" })),
        1 => Just(json!({ "block": "mutex" })),
        1 => Just(json!({ "if": "w[1].done", "then": ["stall"], "else": ["yield"] })),
    ]
}

/// What may be asked; some say the same of all members, and some of one.
const QUESTIONS: [&str; 14] = [
    "all(w, x.ok)",
    "any(w, x.timeout)",
    "count(w, parked) < 2",
    "w[0].x.key != w[1].x.key",
    "w[0].x.key + w[1].x.key < 250",
    "w[0].x.ok && w[1].x.ok && p.depth == 0",
    "w[0].x.ok || !w[1].x.ok",
    "w[0].x.key < 101",
    "w[1].blocked",
    "w[0].done && !w[1].done",
    "p.depth < 2",
    "p.depth == 0 || p.waiting > 0",
    "v / (v - 1) == 0 || all(w, done)",
    "t0.done",
];

fn file() -> impl Strategy<Value = Value> {
    let single = |thread: usize| {
        (1..3usize)
            .prop_flat_map(move |len| (0..len).map(|n| op(thread, n).boxed()).collect::<Vec<_>>())
    };
    let group =
        (0..3usize).prop_flat_map(|len| (0..len).map(|n| member_op(n).boxed()).collect::<Vec<_>>());
    let asked = || proptest::collection::vec(0..QUESTIONS.len(), 0..2);
    let shape = (2usize..4, 1u32..3, any::<bool>());
    let asked = (asked(), asked(), asked());
    (group, single(0), single(1), shape, asked).prop_map(
        |(mut group, t0, t1, (count, concurrency, same), (always, sometimes, at_end))| {
            group.insert(0, json!({ "get": "p", "into": "x" }));
            let questions = |kind: &str, asked: Vec<usize>| {
                let named = asked.into_iter().enumerate();
                let of = |(n, question)| (format!("{kind}{n}"), json!(QUESTIONS[question]));
                named.map(|it: (usize, usize)| of(it)).collect::<serde_json::Map<_, _>>()
            };
            let t1 = if same { t0.clone() } else { t1 };
            json!({
                "why": "Somebody may write this.",
                "ports": { "p": { "concurrency": concurrency }, "q": {} },
                "events": { "event": {} }, "mutexes": { "mutex": {} }, "semaphores": { "units": { "count": 1 } },
                "vars": { "v": 0 },
                "threads": { "w": { "count": count, "do": group }, "t0": t0, "t1": t1 },
                "properties": {
                    "always": questions("always", always), "sometimes": questions("sometimes", sometimes), "at_end": questions("at_end", at_end)
                },
                "may_wait": ["w", "t0"],
            })
        },
    )
}

struct Compare;

impl OnSystem for Compare {
    type Out = Result<bool, TestCaseError>;
    fn on<K: Kernel + Send + Sync + 'static>(self, system: &System<K>) -> Self::Out {
        let symmetry = Symmetry::of(system);
        let (Some(whole), Some(reduced)) = (
            ends(system, &symmetry, |_| {}),
            ends(system, &symmetry, |state| symmetry.canonize(state)),
        ) else {
            return Ok(false);
        };
        prop_assert_eq!(whole, reduced, "the states at rest are the same");
        let whole = explore(system, Reductions::NONE);
        for reductions in EVERY {
            let out = explore(system, reductions);
            prop_assert_eq!(out.found, whole.found, "{:?}", reductions);
            prop_assert_eq!(out.path.len(), whole.path.len(), "{:?}", reductions);
            if let Some(Found::Violation(violation)) = out.found {
                prop_assert!(leads_to(system, &out, violation), "{:?}", reductions);
            }
        }
        Ok(!symmetry.is_trivial())
    }
}

fn explore<K: Kernel + Send + Sync + 'static>(
    system: &System<K>,
    reductions: Reductions,
) -> Exploration {
    let limits = Limits {
        memory_bytes: 1 << 30,
        depth: None,
        exact: false,
        preemptions: None,
    };
    let crew = Crew {
        workers: 1,
        ..Crew::default()
    };
    let never = AtomicBool::new(false);
    check(system, reductions, limits, &crew, None, &never, |_| {}).expect("it is alone")
}

/// Whether the counterexample is a run of the system that ends as it says.
fn leads_to<K: Kernel>(system: &System<K>, out: &Exploration, wanted: Violation) -> bool {
    let mut state = system.boot();
    for (n, &step) in out.path.iter().enumerate() {
        let mut offered = false;
        let _ = system.enabled(&state, |it| offered |= it == step);
        if !offered {
            return false;
        }
        if let Some(fault) = system.take(&mut state, step, &mut ()) {
            return n + 1 == out.path.len() && Violation::Builtin(fault) == wanted;
        }
    }
    system.judge(&state).or(system.judge_end(&state)) == Some(wanted)
}

/// The states in which nothing can move any more, but for who is who; none if there are too many states.
fn ends<K: Kernel>(
    system: &System<K>,
    symmetry: &Symmetry,
    form: impl Fn(&mut State),
) -> Option<BTreeSet<Vec<String>>> {
    let boot = system.boot();
    let (mut seen, mut open) = (HashSet::from([boot.clone()]), vec![boot]);
    let (mut steps, mut ends) = (Vec::new(), BTreeSet::new());
    while let Some(state) = open.pop() {
        steps.clear();
        let _ = system.enabled(&state, |step| steps.push(step));
        if steps.is_empty() {
            ends.insert(nameless(system, symmetry, &state));
        }
        for &step in &steps {
            let mut next = state.clone();
            let fault = system.take(&mut next, step, &mut ());
            form(&mut next);
            if fault.is_none() && seen.insert(next.clone()) {
                open.push(next);
            }
        }
        if seen.len() > STATES_MAX {
            return None;
        }
    }
    Some(ends)
}

/// What a state says without the names of those who can trade places: a line for each thread, and one for each port.
fn nameless<K: Kernel>(system: &System<K>, symmetry: &Symmetry, state: &State) -> Vec<String> {
    let (view, program) = (system.view(state), system.program());
    let nameless: Vec<_> = symmetry.orbits().flatten().collect();
    let name = |id: ThreadId| (!nameless.contains(&id)).then_some(id);
    let thread = |id: ThreadId| {
        let thread = view.thread(id);
        let slots = 0..program.code(id).slots.len() as u8;
        let results: Vec<_> = slots.map(|slot| view.outcome(id, SlotId(slot))).collect();
        let places: Vec<_> = program
            .port_ids()
            .map(|port| view.port(port).waiters().iter().position(|it| it == id))
            .collect();
        format!(
            "{:?} {} {:?} {:?} {:?} {} {results:?} {places:?}",
            name(id),
            thread.pc(),
            thread.mode(),
            thread.port(),
            thread.remaining(),
            thread.suspensions(),
        )
    };
    let mut lines: Vec<_> = program.thread_ids().map(thread).collect();
    lines.sort();
    lines.extend(program.port_ids().map(|id| {
        let port = view.port(id);
        format!("{} {:?}", port.running().count(), port.packets().as_slice())
    }));
    lines
}

#[test]
fn what_is_left_out_of_any_program_makes_no_difference() {
    let kept: &'static str = root()
        .join("tests/reduced.regressions")
        .display()
        .to_string()
        .leak();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 400,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(kept))),
        ..ProptestConfig::default()
    });
    let symmetric = std::cell::Cell::new(0);
    let outcome = runner.run(&file(), |value| {
        let text = value.to_string();
        let path = Path::new("generated.json");
        let Ok(scenario) = scenario::parse("generated", path, text.as_bytes(), &NAMES) else {
            panic!("the generator writes scenarios: {text}");
        };
        for name in NAMES
            .into_iter()
            .filter(|name| not_for(name, &scenario).is_none())
        {
            let is_symmetric =
                play(name, &scenario.program, 2, Compare).expect("it is playable")?;
            symmetric.set(symmetric.get() + usize::from(is_symmetric));
        }
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
    assert!(
        symmetric.get() > 0,
        "some programs have threads that are alike"
    );
}

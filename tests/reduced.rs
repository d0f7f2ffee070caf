//! Searches that leave something out, held against the one that leaves out nothing.
//!
//! Programs with a group of equal threads, some of whose members are spoken of by name, are explored with every
//! reduction on every system. The verdict must be the same, the counterexample as short and a run of the whole system,
//! and the states in which nothing can move any more the same but for who is who.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use portsim::check::{Exploration, Found, Limits, Reductions, Workers, check};
use portsim::personality::{not_for, play};
use portsim::scenario::Scenario;
use portsim_model::State;
use portsim_model::machine::AnyMachine;
use portsim_model::partial_order::PartialOrder;
use portsim_model::personality::NAMES;
use portsim_model::program::{SlotId, ThreadId};
use portsim_model::property::Violation;
use portsim_model::symmetry::Symmetry;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use serde_json::{Value, json};

use crate::generated::{body, op};
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
        2 => Just(json!({ "set": { "own": "x.key % 3" } })),
        1 => Just(json!({ "if": "w[1].done", "then": ["stall"], "else": ["yield"] })),
    ]
}

/// What may be asked; some say the same of all members, and some of one.
const QUESTIONS: [&str; 17] = [
    "all(w, own < 2)",
    "w[0].own <= w[1].own",
    "count(w, own == 1 && !done) < 2",
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

pub fn file() -> impl Strategy<Value = Value> {
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
            let properties = json!({
                "always": questions("always", always), "sometimes": questions("sometimes", sometimes), "at_end": questions("at_end", at_end)
            });
            let mut group = json!({ "count": count, "do": group });
            if [&group, &properties].iter().any(|it| it.to_string().contains("own")) {
                group["locals"] = json!({ "own": 0 });
            }
            json!({
                "why": "Somebody may write this.",
                "ports": { "p": { "concurrency": concurrency }, "q": {} },
                "events": { "event": {} }, "mutexes": { "mutex": {} }, "semaphores": { "units": { "count": 1 } },
                "vars": { "v": 0 },
                "threads": { "w": group, "t0": body(t0), "t1": body(t1) },
                "properties": properties,
                "may_wait": ["w", "t0"],
            })
        },
    )
}

struct Compare;

/// Whether a reduction had something to do.
#[derive(Default)]
struct Did {
    symmetry: bool,
    order: bool,
}

impl Compare {
    fn on(self, machine: &Arc<dyn AnyMachine>) -> Result<Did, TestCaseError> {
        let (symmetry, order) = (
            Symmetry::of(machine.frame()),
            PartialOrder::of(machine.frame()),
        );
        let (none, everybody) = (Symmetry::default(), PartialOrder::default());
        let rests = |symmetry, order| rests(&**machine, symmetry, order);
        let Some(whole) = rests(&none, &everybody) else {
            return Ok(Did::default());
        };
        let in_order = rests(&none, &order).expect("there are not more");
        prop_assert_eq!(&whole, &in_order, "the states at rest are the same");
        let nameless = |states: &BTreeSet<State>| -> BTreeSet<Vec<String>> {
            states
                .iter()
                .map(|state| nameless(&**machine, &symmetry, state))
                .collect()
        };
        for order in [&everybody, &order] {
            let reduced = rests(&symmetry, order).expect("there are not more");
            let same = nameless(&whole) == nameless(&reduced);
            prop_assert!(same, "the states at rest are the same, but for who is who");
        }
        let whole = explore(machine, Reductions::NONE);
        for reductions in EVERY {
            let out = explore(machine, reductions);
            prop_assert_eq!(out.found, whole.found, "{:?}", reductions);
            prop_assert_eq!(out.path.len(), whole.path.len(), "{:?}", reductions);
            if let Some(Found::Violation(violation)) = out.found {
                prop_assert!(leads_to(&**machine, &out, violation), "{:?}", reductions);
            }
        }
        let alone = Reductions {
            order: true,
            ..Reductions::NONE
        };
        Ok(Did {
            symmetry: !symmetry.is_trivial(),
            order: explore(machine, alone).states_reduced > 0,
        })
    }
}

fn explore(machine: &Arc<dyn AnyMachine>, reductions: Reductions) -> Exploration {
    let limits = Limits {
        memory_bytes: 1 << 30,
        depth: None,
        exact: false,
        preemptions: None,
    };
    let workers = Workers {
        workers: 1,
        ..Workers::default()
    };
    let never = AtomicBool::new(false);
    check(machine, reductions, limits, &workers, None, &never, |_| {}).expect("it is alone")
}

/// Whether the counterexample is a run of the system that ends as it says.
fn leads_to(machine: &dyn AnyMachine, out: &Exploration, wanted: Violation) -> bool {
    let mut state = machine.boot();
    for (n, &step) in out.path.iter().enumerate() {
        let mut offered = false;
        let _ = machine.enabled(&state, |it| offered |= it == step);
        if !offered {
            return false;
        }
        if let Some(fault) = machine.take(&mut state, step, &mut ()) {
            return n + 1 == out.path.len() && Violation::Builtin(fault) == wanted;
        }
    }
    machine.judge(&state).or(machine.judge_end(&state)) == Some(wanted)
}

/// The states in which nothing can move any more; none if there are too many states on the way.
fn rests(
    machine: &dyn AnyMachine,
    symmetry: &Symmetry,
    order: &PartialOrder,
) -> Option<BTreeSet<State>> {
    let boot = machine.boot();
    let (mut seen, mut open) = (HashSet::from([boot.clone()]), vec![boot]);
    let (mut steps, mut ends) = (Vec::new(), BTreeSet::new());
    while let Some(state) = open.pop() {
        steps.clear();
        let _ = machine.enabled(&state, |step| steps.push(step));
        if steps.is_empty() {
            ends.insert(state.clone());
        }
        order.reduce(machine.frame(), &state, &mut steps);
        for &step in &steps {
            let mut next = state.clone();
            let fault = machine.take(&mut next, step, &mut ());
            symmetry.canonize(&mut next);
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
fn nameless(machine: &dyn AnyMachine, symmetry: &Symmetry, state: &State) -> Vec<String> {
    let (view, program) = (machine.view(state), machine.program());
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

/// One operation on one of two sides, each with a port, a semaphore and a variable of its own.
fn side_op(side: usize, key: usize) -> impl Strategy<Value = Value> {
    let (port, units, var) = [("p", "units", "v"), ("q", "others", "u")][side];
    prop_oneof![
        4 => Just(json!({ "post": port, "key": key })),
        3 => Just(json!({ "get": port, "into": "x" })),
        1 => (0..3).prop_map(move |ticks| json!({ "get": port, "into": "x", "timeout": ticks })),
        1 => Just(json!({ "close": port })),
        2 => Just(json!({ "note": "something of its own" })),
        1 => Just(json!("stall")),
        1 => Just(json!({ "sleep": 2 })),
        1 => Just(json!({ "block": units })),
        1 => Just(json!({ "signal": units })),
        2 => Just(json!({ "set": { var: format!("{var} + 1") } })),
        1 => Just(json!({ "set": { var: format!("2 * {var}") } })),
        1 => Just(json!({ "if": format!("{var} > 0"), "then": [{ "post": port, "key": key }], "else": ["yield"] })),
        1 => Just(json!({ "loop": [{ "note": "again" }, { "either": [["yield"], ["break"]] }] })),
        1 => Just(json!({ "if": "x.ok", "then": [{ "note": "it has one" }], "else": [{ "post": port, "key": key + 50 }] })),
        1 => Just(json!({ "either": [[{ "get": port, "into": "x" }], [{ "note": "not now" }]] })),
        1 => Just(json!({ "loop": [{ "get": port, "into": "x" }, { "if": "x.key > 100", "then": ["break"] }, { "note": "more" }] })),
        1 => Just(json!({ "terminate": "t0" })),
    ]
}

/// What may be asked of the two sides, of one or of both.
const SIDES: [&str; 16] = [
    "u <= v",
    "v <= u",
    "p.depth == 0 || q.depth == 0",
    "p.waiting == 0 || q.depth == 0",
    "t0.done || !t1.done",
    "t1.done || !t0.done",
    "p.depth < 2",
    "q.depth < 2 || p.depth == 0",
    "p.running + q.running < 3",
    "v < 2",
    "u < 3 || v < 1",
    "u == v",
    "p.depth == 0 && u == 2",
    "t0.done && t1.parked",
    "t1.x.key != 201",
    "t2.x.ok || t2.done",
];

/// Programs of threads that mostly keep to one of two sides.
pub fn sides() -> impl Strategy<Value = Value> {
    let thread = |n: usize| {
        (0..2usize, 1..4usize, 0..6usize).prop_flat_map(move |(side, len, ends)| {
            let op = |place| {
                let here = side_op(side, 100 * n + place);
                prop_oneof![9 => here, 1 => side_op(1 - side, 100 * n + place)].boxed()
            };
            let port = ["p", "q"][side];
            let first = json!({ "get": port, "into": "x", "timeout": 0 });
            (0..len)
                .map(op)
                .collect::<Vec<_>>()
                .prop_map(move |mut ops| {
                    if Value::from(ops.clone()).to_string().contains("x.") {
                        ops.insert(0, first.clone());
                    }
                    if ends == 0 {
                        ops.push(json!({ "loop": [{ "note": "for ever" }] }));
                    }
                    ops
                })
        })
    };
    let threads = (2..5usize)
        .prop_flat_map(move |count| (0..count).map(|n| thread(n).boxed()).collect::<Vec<_>>());
    let asked = || proptest::collection::vec(0..SIDES.len(), 0..3);
    (threads, asked(), asked(), asked(), any::<bool>()).prop_map(
        |(threads, always, sometimes, at_end, may_wait)| {
            let count = threads.len();
            let named = threads.into_iter().enumerate();
            let named: serde_json::Map<_, _> =
                named.map(|(n, ops)| (format!("t{n}"), Value::from(ops))).collect();
            let all: Vec<_> = named.keys().filter(|_| may_wait).cloned().collect();
            let questions = |kind: &str, asked: Vec<usize>| {
                let has = |n: usize| named.get(&format!("t{n}")).is_some_and(|ops| ops.to_string().contains("into"));
                let fits = |question: &&str| {
                    (0..4).all(|n| n < count || !question.contains(&format!("t{n}")))
                        && (0..4).all(|n| has(n) || !question.contains(&format!("t{n}.x")))
                };
                let texts = asked.into_iter().map(|n| SIDES[n]).filter(fits).enumerate();
                texts.map(|(n, text)| (format!("{kind}{n}"), json!(text))).collect::<serde_json::Map<_, _>>()
            };
            json!({
                "why": "Somebody may write this.",
                "ports": { "p": { "concurrency": 1 }, "q": { "concurrency": 1 } },
                "semaphores": { "units": { "count": 1 }, "others": { "count": 0 } },
                "vars": { "u": 0, "v": 0 },
                "threads": named,
                "properties": {
                    "always": questions("always", always), "sometimes": questions("sometimes", sometimes), "at_end": questions("at_end", at_end)
                },
                "may_wait": all,
            })
        },
    )
}

/// Compares on every system that plays a program; says on how many each reduction had something to do.
pub fn compared(value: &Value) -> Result<[usize; 2], TestCaseError> {
    let text = value.to_string();
    let path = Path::new("generated.json");
    let scenario = match Scenario::parse("generated", path, text.as_bytes()) {
        Ok(scenario) => scenario,
        Err(error) => panic!("the generator writes scenarios: {error}\n{text}"),
    };
    let mut did = [0; 2];
    for name in NAMES
        .into_iter()
        .filter(|name| not_for(name, &scenario).is_none())
    {
        let here = play(name, &scenario.program, 2)
            .map(|machine| Compare.on(&machine))
            .expect("it is playable")?;
        did[0] += usize::from(here.symmetry);
        did[1] += usize::from(here.order);
    }
    Ok(did)
}

/// A pool whose packets have these keys; all that it asks of a key is whether it is 0.
fn pool(keys: &[i64]) -> Arc<dyn AnyMachine> {
    let posts: Vec<_> = keys
        .iter()
        .map(|key| json!({ "post": "q", "key": key }))
        .collect();
    let value = json!({
        "why": "Does it matter which key a packet has that nobody tells apart?",
        "ports": { "q": { "concurrency": 2 } },
        "vars": { "n": 0 },
        "threads": {
            "worker": { "count": 4, "do": [{ "loop": [
                { "get": "q", "into": "x" },
                { "if": "x.key == 0", "then": [{ "post": "q", "key": 0 }, "break"] },
                { "set": { "n": "n + 1" } }
            ] }] },
            "main": posts
        },
        "properties": { "at_end": { "all_done": "n == 12", "gone": "all(worker, done)" } }
    });
    let text = value.to_string();
    let scenario = Scenario::parse("pool", Path::new("pool.json"), text.as_bytes());
    let scenario = scenario.expect("it is one");
    play("windows", &scenario.program, 2).expect("it is playable")
}

/// Packets whose differences nobody reads are one packet, and cost what equal ones cost.
#[test]
fn packets_that_nobody_tells_apart_are_one() {
    let alike: Vec<i64> = (1..=12).map(|_| 1).chain([0]).collect();
    let apart: Vec<i64> = (1..=12).chain([0]).collect();
    let [alike, apart] = [alike, apart].map(|keys| pool(&keys));
    let of = |machine, reductions| {
        let out = explore(machine, reductions);
        assert!(out.cut.is_none() && out.found.is_none());
        out.states
    };
    let without = Reductions {
        dead: false,
        ..Reductions::ALL
    };
    assert!(of(&apart, without) > of(&alike, without));
    assert_eq!(of(&apart, Reductions::ALL), of(&alike, Reductions::ALL));
}

/// Compares so many programs; says how often each reduction had something to do.
fn compare(programs: impl Strategy<Value = Value>, cases: u32) -> [usize; 2] {
    let kept: &'static str = root()
        .join("tests/reduced.regressions")
        .display()
        .to_string()
        .leak();
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(kept))),
        ..ProptestConfig::default()
    });
    let did = std::cell::Cell::new([0; 2]);
    let outcome = runner.run(&programs, |value| {
        let (before, here) = (did.get(), compared(&value)?);
        did.set([before[0] + here[0], before[1] + here[1]]);
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
    did.get()
}

#[test]
fn what_is_left_out_of_any_program_makes_no_difference() {
    let [symmetric, _] = compare(file(), 400);
    assert!(symmetric > 0, "some programs have threads that are alike");
}

/// Programs in which one thing keeps a thread from moving before others, and what it is.
const TRICKY: [(&str, &str); 5] = [
    (
        "of two deadlines the later may pass first, where the other has not begun",
        r#"{ "t0": [{ "sleep": 2 }, { "post": "p", "key": 1 }], "t1": [{ "sleep": 3 }, { "post": "p", "key": 2 }] }"#,
    ),
    (
        "so it is with the deadlines of waits",
        r#"{ "t0": [{ "get": "q", "into": "x", "timeout": 2 }, { "post": "p", "key": 1 }],
             "t1": [{ "block": "others", "timeout": 3 }, { "post": "p", "key": 2 }] }"#,
    ),
    (
        "who goes round for ever does not keep others from moving",
        r#"{ "t0": [{ "loop": [{ "note": "again" }] }], "t1": [{ "set": { "v": 1 } }] }"#,
    ),
    (
        "a property can speak of two that have nothing else to do with each other",
        r#"{ "t0": [{ "set": { "u": 1 } }], "t1": [{ "set": { "v": 1 } }] }"#,
    ),
    (
        "who reads a variable has to do with who writes it",
        r#"{ "t0": [{ "if": "v > 0", "then": [{ "post": "p", "key": 1 }], "else": [{ "post": "p", "key": 2 }] }],
             "t1": [{ "set": { "v": 1 } }] }"#,
    ),
];

/// A thread that moves before others in these would hide something.
#[test]
fn nobody_moves_before_others_whom_that_would_keep_from_something() {
    for (why, threads) in TRICKY {
        let threads: Value = serde_json::from_str(threads).expect(why);
        let program = json!({
            "why": why,
            "ports": { "p": { "concurrency": 1 }, "q": { "concurrency": 1 } },
            "semaphores": { "others": { "count": 0 } },
            "vars": { "u": 0, "v": 0 },
            "threads": threads,
            "properties": { "always": { "one_first": "v <= u" } },
            "may_wait": ["t0", "t1"],
        });
        compare(Just(program), 1);
    }
}

#[test]
fn the_order_of_what_has_nothing_to_do_with_each_other_makes_no_difference() {
    let [_, ordered] = compare(sides(), 600);
    assert!(ordered > 200, "only {ordered} programs have such steps");
}

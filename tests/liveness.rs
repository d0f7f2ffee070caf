//! What every fair run comes to, in programs that nobody thought of.
//!
//! The verdict is held against an oracle that knows nothing of components: it takes states away from those in which
//! the promise is owed until from each that is left everybody can be given its due without leaving them. Each
//! counterexample is walked step by step.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portsim::check::{Cut, Exploration, Found, Limits, Progress, Reductions, Workers, check};
use portsim::personality::{not_for, play};
use portsim::scenario::Scenario;
use portsim_model::State;
use portsim_model::expr::{ExprId, eval};
use portsim_model::machine::AnyMachine;
use portsim_model::personality::NAMES;
use portsim_model::program::ThreadId;
use portsim_model::property::Violation;
use portsim_model::step::{Step, StepKind};
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use serde_json::{Value, json};

use crate::root;

/// Programs with more states than this are left to others.
const STATES_MAX: usize = 3_000;

fn op(n: usize) -> impl Strategy<Value = Value> {
    let other = format!("t{}", 1 - n % 2);
    prop_oneof![
        6 => prop_oneof![3 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(2))].prop_map(|timeout| match timeout {
            None => json!({ "get": "p", "into": "x" }),
            Some(ticks) => json!({ "get": "p", "into": "x", "timeout": ticks }),
        }),
        5 => Just(json!({ "post": "p", "key": 1 })),
        2 => Just(json!("stall")),
        2 => Just(json!("yield")),
        1 => Just(json!({ "sleep": 1 })),
        2 => Just(json!({ "block": "e" })),
        1 => Just(json!({ "block": "e", "timeout": 1 })),
        2 => Just(json!({ "signal": "e" })),
        2 => Just(json!({ "set": { "v": "1 - v" } })),
        2 => Just(json!({ "set": { "v": 1 } })),
        2 => Just(json!({ "if": "v == 1", "then": ["yield"], "else": ["stall"] })),
        1 => Just(json!({ "either": [["yield"], [{ "set": { "v": 1 } }], []] })),
        1 => Just(json!({ "suspend": other })),
        1 => Just(json!({ "resume": other })),
    ]
}

/// Some operations once, or again and again, with or without a way out.
fn thread(n: usize) -> impl Strategy<Value = Vec<Value>> {
    let ops = || prop::collection::vec(op(n), 1..4);
    prop_oneof![
        1 => ops(),
        3 => ops().prop_map(|ops| vec![json!({ "loop": ops })]),
        1 => (ops(), prop_oneof![Just("v == 1"), Just("p.depth == 0")]).prop_map(|(mut ops, until)| {
            ops.push(json!({ "if": until, "then": ["break"] }));
            vec![json!({ "loop": ops })]
        }),
        1 => ops().prop_map(|mut ops| {
            ops.push(json!({ "either": [["break"], []] }));
            vec![json!({ "loop": ops })]
        }),
    ]
}

fn promise() -> impl Strategy<Value = Value> {
    let fact = || {
        prop_oneof![
            Just("t0.parked"),
            Just("t0.done"),
            Just("t0.x.ok"),
            Just("t1.x.ok"),
            Just("t1.blocked"),
            Just("v == 1"),
            Just("v == 0"),
            Just("p.depth == 1"),
            Just("p.waiting == 2"),
        ]
    };
    prop_oneof![
        fact().prop_map(|it| json!(it)),
        (fact(), fact()).prop_map(|(when, then)| json!({ "when": when, "then": then })),
        fact().prop_map(|it| json!({ "when": it, "then": format!("!({it})") })),
    ]
}

pub fn file() -> impl Strategy<Value = Value> {
    let threads = (2usize..4)
        .prop_flat_map(|count| (0..count).map(|n| thread(n).boxed()).collect::<Vec<_>>());
    (threads, promise(), 1u32..3).prop_map(|(threads, promise, concurrency)| {
        let named: serde_json::Map<_, _> = threads
            .into_iter()
            .enumerate()
            .map(|(n, ops)| (format!("t{n}"), Value::from(ops)))
            .collect();
        let all: Vec<_> = named.keys().cloned().collect();
        // Some result of this name is there whatever the threads do.
        let mut named = named;
        for name in ["t0", "t1"] {
            let ops = named[name].as_array_mut().expect("it is a list");
            ops.insert(0, json!({ "get": "p", "into": "x", "timeout": 0 }));
        }
        json!({
            "why": "Somebody may write this.",
            "ports": { "p": { "concurrency": concurrency } },
            "events": { "e": {} },
            "vars": { "v": 0 },
            "threads": named,
            "may_wait": all,
            "builtin": false,
            "bounds": { "packets": 2 },
            "properties": { "eventually": { "promised": promise } },
        })
    })
}

/// Who moves in a step: a thread, or the clock.
fn actor(step: Step) -> Option<u8> {
    (step.kind != StepKind::Time).then_some(step.thread.0)
}

/// A state with whether the promise is owed in it.
struct Situation {
    owed: bool,
    steps: Vec<(Step, usize)>,
    bounded: bool,
}

/// Every situation, the first one first; none if there are too many.
fn situations(machine: &dyn AnyMachine) -> Option<Vec<Situation>> {
    let owed = owed_at_boot(machine, &machine.boot());
    let first = (machine.boot(), owed);
    let (mut known, mut all) = (HashMap::from([(first.clone(), 0)]), vec![first]);
    let mut situations = Vec::new();
    while situations.len() < all.len() {
        let (state, owed) = all[situations.len()].clone();
        let mut steps = Vec::new();
        let bounded = machine.enabled(&state, |step| steps.push(step)).0;
        let mut leads = Vec::new();
        for step in steps {
            let mut next = state.clone();
            let _ = machine.take(&mut next, step, &mut ());
            let next = (next.clone(), owed_after(machine, &next, owed));
            let fresh = all.len();
            let place = *known.entry(next.clone()).or_insert(fresh);
            if place == fresh {
                all.push(next);
            }
            leads.push((step, place));
        }
        situations.push(Situation {
            owed,
            steps: leads,
            bounded,
        });
        if all.len() > STATES_MAX {
            return None;
        }
    }
    Some(situations)
}

fn is_true(machine: &dyn AnyMachine, state: &State, expr: ExprId) -> bool {
    let program = machine.program();
    eval(&program.exprs, &machine.view(state), ThreadId(0), expr).is_some_and(|value| value != 0)
}

fn owed_at_boot(machine: &dyn AnyMachine, boot: &State) -> bool {
    let promise = machine.program().eventually[0];
    promise.when.is_none_or(|when| is_true(machine, boot, when))
        && !is_true(machine, boot, promise.then)
}

fn owed_after(machine: &dyn AnyMachine, state: &State, before: bool) -> bool {
    let promise = machine.program().eventually[0];
    let called = promise
        .when
        .is_some_and(|when| is_true(machine, state, when));
    (before || called) && !is_true(machine, state, promise.then)
}

/// Whether some fair run owes the promise from some point on: the greatest set of owing situations from each of
/// which each actor can be given its due, and the run go on, within the set.
fn broken_by_a_loop(situations: &[Situation]) -> bool {
    let actors: Vec<Option<u8>> = {
        let all = situations.iter().flat_map(|it| &it.steps);
        let named: BTreeMap<_, _> = all.map(|&(step, _)| (actor(step), ())).collect();
        named.into_keys().collect()
    };
    let mut left: Vec<bool> = situations.iter().map(|it| it.owed).collect();
    loop {
        let before = left.iter().filter(|&&it| it).count();
        for &who in &actors {
            let gets_its_due = |it: &Situation| {
                let able = it.bounded || it.steps.iter().any(|&(step, _)| actor(step) == who);
                it.steps
                    .iter()
                    .any(|&(step, to)| left[to] && (!able || actor(step) == who))
            };
            let mut reaches: Vec<bool> = situations
                .iter()
                .zip(&left)
                .map(|(it, &is_left)| is_left && gets_its_due(it))
                .collect();
            loop {
                let more: Vec<usize> = (0..situations.len())
                    .filter(|&n| {
                        let goes = |&(_, to): &(Step, usize)| reaches[to];
                        left[n] && !reaches[n] && situations[n].steps.iter().any(goes)
                    })
                    .collect();
                if more.is_empty() {
                    break;
                }
                more.into_iter().for_each(|n| reaches[n] = true);
            }
            left = reaches;
        }
        if left.iter().filter(|&&it| it).count() == before {
            return before > 0;
        }
    }
}

fn broken_at_rest(situations: &[Situation]) -> bool {
    situations
        .iter()
        .any(|it| it.owed && it.steps.is_empty() && !it.bounded)
}

/// Walks a counterexample: the promise is owed at its end, and stays so: nothing can move there, or a loop is closed
/// and fair.
fn walk(machine: &dyn AnyMachine, out: &Exploration) -> Result<(), TestCaseError> {
    let mut state = machine.boot();
    let mut owed = owed_at_boot(machine, &state);
    let (mut start, mut due) = (None, Vec::new());
    for (n, &step) in out.path.iter().enumerate() {
        if out.loop_from == Some(n) {
            start = Some(state.clone());
        }
        let mut steps = Vec::new();
        let bounded = machine.enabled(&state, |step| steps.push(step)).0;
        prop_assert!(steps.contains(&step), "step {n} is not possible");
        if start.is_some() {
            prop_assert!(owed, "the promise is owed in the whole loop");
            let able: Vec<_> = steps.iter().map(|&step| actor(step)).collect();
            let all = machine.program().thread_ids().map(|id| Some(id.0));
            for who in all.chain([None]) {
                if actor(step) == who || !(bounded || able.contains(&who)) {
                    due.push(who);
                }
            }
        }
        let _ = machine.take(&mut state, step, &mut ());
        owed = owed_after(machine, &state, owed);
    }
    prop_assert!(owed, "the promise is owed at the end");
    if out.loop_from.is_some() {
        prop_assert_eq!(start.as_ref(), Some(&state), "the loop is closed");
        for who in machine
            .program()
            .thread_ids()
            .map(|id| Some(id.0))
            .chain([None])
        {
            prop_assert!(due.contains(&who), "{who:?} has had its due");
        }
    } else {
        let mut can_move = false;
        let bounded = machine.enabled(&state, |_| can_move = true).0;
        prop_assert!(!can_move && !bounded, "nothing can move at the end");
    }
    Ok(())
}

/// How often each verdict came out.
#[derive(Debug, Default)]
pub struct Seen {
    kept: u32,
    rests: u32,
    loops: u32,
    bounded: u32,
}

struct Judge<'a>(&'a RefCell<Seen>);

impl Judge<'_> {
    fn on(self, machine: &Arc<dyn AnyMachine>) -> Result<(), TestCaseError> {
        let Some(situations) = situations(&**machine) else {
            return Ok(());
        };
        let limits = Limits {
            memory_bytes: 1 << 30,
            depth: None,
            exact: false,
            preemptions: None,
        };
        let stop = AtomicBool::new(false);
        let out = check(
            machine,
            Reductions::ALL,
            limits,
            &Workers::default(),
            None,
            &stop,
            |_| {},
        )
        .expect("it is alone");
        let broken = broken_at_rest(&situations) || broken_by_a_loop(&situations);
        let mut seen = self.0.borrow_mut();
        match out.found {
            None | Some(Found::NeverOwed(0)) => {
                prop_assert!(!broken, "nothing was found");
                let bounded = situations.iter().any(|it| it.bounded);
                prop_assert_eq!(out.cut, bounded.then_some(Cut::Bound));
                let recurs = machine.program().eventually[0].when.is_some();
                let never = recurs && !bounded && !situations.iter().any(|it| it.owed);
                prop_assert_eq!(out.found.is_some(), never, "it is owed somewhere");
                seen.kept += u32::from(!bounded);
                seen.bounded += u32::from(bounded);
            }
            Some(Found::Violation(Violation::Eventually(0))) => {
                prop_assert!(broken, "something was found: {:?}", out.path);
                walk(&**machine, &out)?;
                seen.rests += u32::from(out.loop_from.is_none());
                seen.loops += u32::from(out.loop_from.is_some());
            }
            Some(other) => prop_assert!(false, "{other:?}"),
        }
        Ok(())
    }
}

fn read(value: &Value) -> Result<Scenario, TestCaseError> {
    let bytes = value.to_string().into_bytes();
    let file = Path::new("generated.json");
    let read = Scenario::parse("generated", file, &bytes);
    read.map_err(|bad| TestCaseError::fail(format!("{bad}\n{value}")))
}

/// On every system that plays it a program keeps its promise, or a run shows that it does not.
pub fn holds(value: &Value, seen: &RefCell<Seen>) -> Result<(), TestCaseError> {
    let scenario = read(value)?;
    for name in NAMES
        .into_iter()
        .filter(|name| not_for(name, &scenario).is_none())
    {
        play(name, &scenario.program, 2)
            .map(|machine| Judge(seen).on(&machine))
            .expect("it is playable")?;
    }
    Ok(())
}

#[test]
fn any_program_keeps_its_promise_or_a_run_shows_that_it_does_not() {
    let kept: &'static str = root()
        .join("tests/liveness.regressions")
        .display()
        .to_string()
        .leak();
    let config = ProptestConfig {
        cases: 1_500,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(kept))),
        ..ProptestConfig::default()
    };
    let seen = RefCell::new(Seen::default());
    let outcome = TestRunner::new(config).run(&file(), |value| holds(&value, &seen));
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
    let seen = seen.into_inner();
    println!("{seen:?}");
    let all = [seen.kept, seen.rests, seen.loops, seen.bounded];
    assert!(all.iter().all(|&often| often > 50), "{seen:?}");
}

/// Explores with these limits, and stops where `stop_at` says so.
struct Within<F>(Limits, F);

impl<F: Fn(Progress) -> bool> Within<F> {
    fn on(self, machine: &Arc<dyn AnyMachine>) -> Exploration {
        let Within(limits, stop_at) = self;
        let stop = AtomicBool::new(false);
        let watch = |now| {
            if stop_at(now) {
                stop.store(true, Ordering::Relaxed);
            }
        };
        check(
            machine,
            Reductions::ALL,
            limits,
            &Workers::default(),
            None,
            &stop,
            watch,
        )
        .expect("it is alone")
    }
}

const AMPLE: Limits = Limits {
    memory_bytes: 1 << 30,
    depth: None,
    exact: false,
    preemptions: None,
};

fn explored(value: &Value, limits: Limits, stop_at: impl Fn(Progress) -> bool) -> Exploration {
    let scenario = read(value).unwrap_or_else(|bad| panic!("{bad}"));
    play("windows", &scenario.program, 2)
        .map(|machine| Within(limits, stop_at).on(&machine))
        .expect("it is playable")
}

fn never(_: Progress) -> bool {
    false
}

/// Three threads that count, and what they come to.
fn counters(rounds: u32) -> Value {
    let counter = |name: &str| {
        json!([{ "loop": [
            { "if": format!("{name} == {rounds}"), "then": ["break"] },
            { "set": { name: format!("{name} + 1") } }
        ] }])
    };
    json!({
        "why": "They come to the end.",
        "vars": { "a": 0, "b": 0, "c": 0 },
        "threads": { "t0": counter("a"), "t1": counter("b"), "t2": counter("c") },
        "properties": { "eventually": { "over": format!("a + b + c == {}", 3 * rounds) } },
    })
}

/// The second search takes more memory than the first. Whatever there is, it is never called a pass if it was not
/// enough; and there is an amount that is enough for the first search only.
#[test]
fn memory_that_is_used_up_makes_it_partial() {
    let file = counters(10);
    let ample = explored(&file, AMPLE, never);
    assert_eq!((ample.found, ample.cut), (None, None));
    let (mut memory_bytes, mut only_the_second) = (100_000, 0);
    loop {
        let scarce = Limits {
            memory_bytes,
            ..AMPLE
        };
        let out = explored(&file, scarce, never);
        assert_eq!(out.found, None);
        match out.cut {
            None => break,
            Some(cut) => assert_eq!(cut, Cut::Memory),
        }
        only_the_second += u32::from(out.states == ample.states);
        memory_bytes += memory_bytes / 8;
    }
    assert!(only_the_second > 0, "{memory_bytes} bytes were enough");
}

/// A second search that is stopped gives no verdict.
#[test]
fn a_search_that_is_stopped_is_partial() {
    let file = counters(10);
    let ample = explored(&file, AMPLE, never);
    // Only the second search stands at its first state when all of the first were seen.
    let begins = |now: Progress| now.states == 1 && now.transitions == ample.transitions;
    let out = explored(&file, AMPLE, begins);
    assert_eq!((out.found, out.cut), (None, Some(Cut::Stopped)));
    assert_eq!(out.states, ample.states);
}

/// Within a depth nothing is promised of what lies beyond, but a loop that lies within it is found.
#[test]
fn a_bound_on_depth_hides_what_lies_beyond() {
    let within = |depth| Limits {
        depth: Some(depth),
        ..AMPLE
    };
    let mut broken = counters(12);
    broken["properties"]["eventually"] = json!({ "over": "c > 12" });
    let out = explored(&broken, within(10), never);
    assert_eq!((out.found, out.cut), (None, Some(Cut::Depth)));
    let mut spins = counters(12);
    spins["threads"]["t3"] = json!([{ "loop": ["yield"] }]);
    spins["properties"]["eventually"] = json!({ "over": "c > 12" });
    spins["threads"]["t0"] = json!([]);
    spins["threads"]["t1"] = json!([]);
    spins["threads"]["t2"] = json!([{ "loop": [{ "set": { "c": "1 - c" } }] }]);
    let out = explored(&spins, within(3), never);
    assert_eq!(out.found, Some(Found::Violation(Violation::Eventually(0))));
    assert_eq!(out.loop_from, Some(0));
}

/// A way as long as this would end a search that calls itself for each step of it.
#[test]
fn a_long_way_is_no_danger() {
    let long = json!({
        "why": "It takes a while.",
        "vars": { "v": 0 },
        "threads": { "t": [{ "loop": [
            { "if": "v == 25000", "then": ["break"] },
            { "set": { "v": "v + 1" } }
        ] }] },
        "properties": { "eventually": { "over": "v == 25000" } },
    });
    let out = explored(&long, AMPLE, never);
    assert_eq!((out.found, out.cut), (None, None));
    assert!(out.depth_max > 50_000, "{}", out.depth_max);
}

/// A promise that nothing calls for is no promise; one that is kept at the start is.
#[test]
fn what_nothing_calls_for_does_not_hold() {
    let verdict = |promise: Value| {
        let mut file = counters(1);
        file["properties"]["eventually"] = json!({ "promised": promise });
        explored(&file, AMPLE, never).found
    };
    let never = verdict(json!({ "when": "a == 2", "then": "a == 3" }));
    assert_eq!(never, Some(Found::NeverOwed(0)));
    let called = verdict(json!({ "when": "a == 1", "then": "b == 1" }));
    assert_eq!(called, None);
    assert_eq!(verdict(json!("a == 0")), None);
}

/// Each property is judged by itself, and the first that is broken is told; without a value it is not kept.
#[test]
fn each_property_is_judged_by_itself() {
    let mut file = counters(1);
    file["properties"]["eventually"] =
        json!({ "kept": "a == 1", "valueless": "1 / 0 == 1", "broken": "b == 2" });
    let out = explored(&file, AMPLE, never);
    let found = Some(Found::Violation(Violation::Eventually(1)));
    assert_eq!((out.found, out.loop_from), (found, None));
    assert_eq!(
        out.path.len(),
        9,
        "three steps each, to where nothing moves"
    );
}

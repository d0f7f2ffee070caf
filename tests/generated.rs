//! Programs that nobody thought of.
//!
//! For each, on every system that plays it: a seed gives the same events twice; what the model shows, the
//! model admits and replays; the last state is among those that exploration reaches; and the invariants of
//! completion ports hold.

use std::collections::HashSet;
use std::path::Path;

use portsim::admit::admit;
use portsim::admit::free::{Limits, admit_free};
use portsim::choose::{Choose, Policy};
use portsim::names::Names;
use portsim::personality::{not_for, play};
use portsim::replay::replay;
use portsim::run::{Ended, Execution, run};
use portsim::scenario::Scenario;
use portsim::trace::{Answer, End, Event, Header, Mode, Origin, Shown, Trace};
use portsim_model::State;
use portsim_model::expr::{Facts, PortField};
use portsim_model::machine::AnyMachine;
use portsim_model::personality::NAMES;
use portsim_model::program::{Op, Program};
use portsim_model::property::{Fault, Violation};
use portsim_model::threads::Mode as Doing;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use serde_json::{Value, json};

use crate::free::calls;
use crate::root;

/// A program with more states than this is run and judged, but not explored.
const STATES_MAX: usize = 60_000;

fn port() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("p"), 1 => Just("q")]
}

/// One operation; `n` makes the keys of posts different from each other.
pub fn op(thread: usize, n: usize) -> impl Strategy<Value = Value> {
    let key = thread * 100 + n;
    prop_oneof![
        8 => (port(), prop_oneof![4 => Just(None), 1 => Just(Some(0)), 1 => (1u32..4).prop_map(Some)])
            .prop_map(|(port, timeout)| match timeout {
                None => json!({ "get": port, "into": "x" }),
                Some(ticks) => json!({ "get": port, "into": "x", "timeout": ticks }),
            }),
        2 => (port(), 1u8..4).prop_map(|(port, max)| json!({ "get": port, "into": "y", "max": max })),
        2 => (port(), 0u32..3).prop_map(|(port, ticks)| json!({ "get": port, "into": "k", "timeout": ticks, "keeps": true })),
        1 => port().prop_map(|port| json!({ "either": [[
            { "get": port, "into": "k", "timeout": 1, "keeps": true }, { "post": port, "key": "k.key % 3" },
        ], ["yield"]] })),
        8 => port().prop_map(move |port| json!({ "post": port, "key": key })),
        1 => port().prop_map(|port| json!({ "close": port })),
        2 => Just(json!("stall")),
        1 => Just(json!({ "sleep": 2 })),
        1 => Just(json!("yield")),
        2 => prop_oneof![Just("event"), Just("mutex"), Just("units")]
            .prop_map(|object| json!({ "block": object, "timeout": 3 })),
        2 => prop_oneof![Just("event"), Just("mutex"), Just("units")].prop_map(|object| json!({ "signal": object })),
        1 => (0usize..2).prop_map(|thread| json!({ "suspend": format!("t{thread}") })),
        1 => (0usize..2).prop_map(|thread| json!({ "resume": format!("t{thread}") })),
        1 => Just(json!({ "set": { "v": "v + 1" } })),
        1 => Just(json!({ "await": "v > 0" })),
        1 => (0usize..2).prop_map(|thread| json!({ "join": format!("t{thread}"), "into": "x" })),
        1 => (0usize..2).prop_map(|thread| json!({ "join": format!("t{thread}"), "timeout": 3 })),
        1 => Just(json!({ "add": "v", "value": 1, "into": "z" })),
        1 => Just(json!({ "swap": "v", "value": "me + 2", "into": "z" })),
        1 => Just(json!({ "compare_swap": "v", "expect": 0, "value": "v + 1", "into": "z" })),
        1 => port().prop_map(|port| json!({ "post": port, "key": "max(me, v % 3)" })),
        1 => port().prop_map(|port| json!({ "either": [[
            { "get": port, "into": "e", "max": 2 },
            { "each": "e", "item": "it", "do": [{ "post": port, "key": "it.key % 5" }] },
        ], ["yield"]] })),
        1 => port().prop_map(|port| json!({ "either": [[{ "get": port, "into": "x" }], ["yield"]] })),
        1 => Just(json!({ "if": "v > 0", "then": ["stall"], "else": ["yield"] })),
        3 => own(n),
    ]
}

/// What a thread does with the variable `own`, which it has for itself.
fn own(n: usize) -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => Just(json!({ "set": { "own": "own + 1" } })),
        1 => Just(json!({ "set": { "own": "max(own, v)" } })),
        1 => Just(json!({ "set": { "own": "own + 1", "v": "own % 4" } })),
        1 => Just(json!({ "loop": [{ "if": "own >= 3", "then": ["break"] }, { "set": { "own": "own + 2" } }] })),
        1 => (port(), Just(n)).prop_map(|(port, n)| json!({ "if": "own > 1", "then": [{ "post": port, "key": n }] })),
        1 => port().prop_map(|port| json!({ "post": port, "key": "own % 3" })),
        1 => Just(json!({ "either": [[{ "set": { "own": "own + 1" } }, "yield"], [], ["yield"]] })),
        2 => port().prop_map(|port| json!({ "either": [[
            { "get": port, "into": "e", "max": 2 },
            { "set": { "own": "e[own % 2].key" } },
        ], ["yield"]] })),
    ]
}

/// What a thread does, and its own variable if it speaks of it.
pub fn body(ops: Vec<Value>) -> Value {
    let ops = Value::from(ops);
    match ops.to_string().contains("own") {
        true => json!({ "locals": { "own": 0 }, "do": ops }),
        false => ops,
    }
}

/// One operation of Windows only, on what [`WINDOWS_ONLY`] declares.
fn io_op(thread: usize, n: usize) -> impl Strategy<Value = Value> {
    let operation = || prop_oneof![3 => Just("r"), 1 => Just("s"), 1 => Just("u"), 1 => Just("w")];
    let other = || (0usize..2).prop_map(|thread| format!("t{thread}"));
    prop_oneof![
        6 => op(thread, n),
        4 => operation().prop_map(|it| json!({ "start": it, "into": "x" })),
        1 => operation().prop_map(|it| json!({ "start": it, "now": { "bytes": 3 }, "into": "x" })),
        3 => operation().prop_map(|it| json!({ "complete": it, "bytes": 3 })),
        1 => Just(json!({ "complete": ["r", "u"] })),
        1 => (operation(), any::<bool>()).prop_map(|(it, mine)| json!({ "cancel": it, "mine": mine })),
        1 => any::<bool>().prop_map(|mine| json!({ "cancel": "f", "mine": mine })),
        1 => prop_oneof![Just("f"), Just("g")].prop_map(|it| json!({ "close": it })),
        1 => port().prop_map(|port| json!({ "associate": "g", "port": port, "key": 8 })),
        1 => Just(json!({ "replace": "f", "port": null })),
        1 => Just(json!({ "modes": "f", "skip_port": true, "skip_event": true })),
        1 => port().prop_map(|port| json!({ "wait_handle": port, "timeout": 2, "alertable": true })),
        1 => port().prop_map(|port| json!({ "query": port, "into": "depth" })),
        2 => port().prop_map(|port| json!({ "get": port, "into": "x", "max": 2, "alertable": true, "timeout": 3 })),
        1 => Just(json!({ "block": "event", "alertable": true, "timeout": 3 })),
        2 => other().prop_map(|thread| json!({ "apc": thread })),
        1 => other().prop_map(|thread| json!({ "kernel_apc": thread })),
        1 => Just(json!({ "wait_packet": "wp", "port": "p", "target": "event", "key": 9 })),
        1 => other().prop_map(|thread| json!({ "wait_packet": "wp", "port": "p", "target": thread, "key": 9 })),
        1 => other().prop_map(|thread| json!({ "join": thread, "alertable": true })),
        2 => operation().prop_map(|it| json!({ "peek": it, "into": "x" })),
        1 => any::<bool>().prop_map(|remove| json!({ "cancel_wait_packet": "wp", "remove": remove })),
    ]
}

/// What [`io_op`] speaks of.
const WINDOWS_ONLY: &str = r#"{
    "files": { "f": { "port": "p", "key": 7 }, "g": {}, "h": { "sync": true } },
    "operations": {
        "r": { "file": "f", "overlapped": 5 },
        "s": { "file": "g", "overlapped": 6, "apc": true },
        "u": { "file": "f", "overlapped": 7, "event": "event" },
        "w": { "file": "h", "overlapped": 8 }
    },
    "wait_packets": { "wp": {} }
}"#;

fn thread(n: usize, io: bool) -> impl Strategy<Value = Vec<Value>> {
    (1usize..4).prop_flat_map(move |len| {
        let any = |place| {
            if io {
                io_op(n, place).boxed()
            } else {
                op(n, place).boxed()
            }
        };
        (0..len).map(any).collect::<Vec<_>>()
    })
}

pub fn file() -> impl Strategy<Value = Value> {
    let threads = any::<bool>().prop_flat_map(|io| {
        let threads = (2usize..5).prop_flat_map(move |count| {
            (0..count)
                .map(|n| thread(n, io).boxed())
                .collect::<Vec<_>>()
        });
        (Just(io), threads)
    });
    (threads, 1u32..3).prop_map(|((io, threads), concurrency)| {
        let named: serde_json::Map<_, _> =
            threads.into_iter().enumerate().map(|(n, ops)| (format!("t{n}"), body(ops))).collect();
        let all: Vec<_> = named.keys().cloned().collect();
        let mut file = json!({
            "why": "Somebody may write this.",
            "ports": { "p": { "concurrency": concurrency }, "q": {} },
            "events": { "event": {} }, "mutexes": { "mutex": {} }, "semaphores": { "units": { "count": 1 } },
            "vars": { "v": 0 },
            "threads": named,
            "may_wait": all,
        });
        if io {
            let extra: serde_json::Map<_, _> = serde_json::from_str(WINDOWS_ONLY).expect("it is an object");
            file.as_object_mut().expect("it is one").extend(extra);
        }
        file
    })
}

struct Judge<'a> {
    names: &'a Names,
    seed: u64,
    /// `windows-2003/self-rule`: a packet may stay beside a waiter.
    strands: bool,
}

impl Judge<'_> {
    fn on(self, machine: &dyn AnyMachine) -> Result<(), TestCaseError> {
        for policy in [Policy::Random, Policy::Pct(3), Policy::Fair] {
            let execution = run(machine, &mut Watched(policy.seeded(self.seed)), 1_000);
            let again = run(machine, &mut *policy.seeded(self.seed), 1_000);
            prop_assert_eq!(
                &execution.events,
                &again.events,
                "a seed gives the same run twice"
            );
            if let Ended::Violation(violation) = execution.ended {
                prop_assert!(!self.is_ours(&violation), "{violation:?}");
            }
            admitted(machine, self.names, &execution)?;
            self.admitted_freely(machine, &execution)?;
            replayed(machine, &execution)?;
            in_order(machine, &execution.events)?;
            self.reached(machine, &execution.last)?;
        }
        Ok(())
    }
}

impl Judge<'_> {
    /// Whether a violation is none that a program can be guilty of.
    fn is_ours(&self, violation: &Violation) -> bool {
        match violation {
            Violation::Builtin(Fault::InFlight) => false,
            Violation::Builtin(Fault::Stranded) => !self.strands,
            Violation::Builtin(_) => true,
            _ => false,
        }
    }

    /// The same calls made as long as a seed says are admitted too, whatever is not known of their order.
    fn admitted_freely(
        &self,
        machine: &dyn AnyMachine,
        execution: &Execution,
    ) -> Result<(), TestCaseError> {
        let shown = calls(&execution.events, &mut *Policy::Random.seeded(self.seed));
        let (events, spans): (Vec<_>, Vec<_>) = shown.into_iter().unzip();
        let end = End::of(execution.parked.clone());
        // Of a run that was stopped somewhere, nobody knows what would have come next.
        let end = matches!(execution.ended, Ended::Rest).then_some(&end);
        let limits = Limits::default();
        let judgement = admit_free(machine, self.names, &events, &spans, end, limits, None);
        prop_assert_eq!(judgement.refused, None, "at full speed");
        prop_assert!(!judgement.gave_up, "at full speed it gave up");
        Ok(())
    }

    /// The state is among those that exploration reaches, and I5 holds in all of them: a thread waits on at most
    /// one port, which is the one that it is associated with, where the system associates threads.
    fn reached(&self, machine: &dyn AnyMachine, last: &State) -> Result<(), TestCaseError> {
        let boot = machine.boot();
        let (mut seen, mut open) = (HashSet::from([boot.clone()]), vec![boot]);
        let mut steps = Vec::new();
        while let Some(state) = open.pop() {
            if let Some(violation) = machine.judge(&state) {
                prop_assert!(!self.is_ours(&violation), "{violation:?}");
            }
            waits_once(machine, &state)?;
            steps.clear();
            let _ = machine.enabled(&state, |step| steps.push(step));
            for &step in &steps {
                let mut next = state.clone();
                let fault = machine.take(&mut next, step, &mut ());
                if let Some(fault) = fault {
                    prop_assert!(!self.is_ours(&Violation::Builtin(fault)), "{fault:?}");
                    seen.insert(next);
                } else if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
            if seen.len() > STATES_MAX {
                return Ok(());
            }
        }
        prop_assert!(
            seen.contains(last),
            "a run ends in a state that exploration reaches"
        );
        Ok(())
    }
}

/// A policy that holds what every policy promises.
struct Watched(Box<dyn Choose>);

impl Choose for Watched {
    fn choose(&mut self, steps: &[portsim_model::Step]) -> usize {
        let mut sorted = steps.to_vec();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), steps.len(), "steps are offered once");
        self.0.choose(steps)
    }

    fn answer(&mut self, alternatives: usize) -> usize {
        self.0.answer(alternatives)
    }
}

fn admitted(
    machine: &dyn AnyMachine,
    names: &Names,
    execution: &Execution,
) -> Result<(), TestCaseError> {
    let end = End::of(execution.parked.clone());
    let judgement = admit(machine, names, &execution.events, Some(&end), false);
    prop_assert_eq!(judgement.refused, None, "what the model shows, it admits");
    Ok(())
}

fn replayed(machine: &dyn AnyMachine, execution: &Execution) -> Result<(), TestCaseError> {
    let header = Header {
        format: String::new(),
        scenario: String::new(),
        scenario_sha256: String::new(),
        from: Origin::Model,
        personality: None,
        on: None,
        mode: Mode::Steps,
        seed: None,
        processors: None,
        tool: String::new(),
        os: String::new(),
        violation: None,
        loop_at: None,
        refused_at: None,
        why: None,
        claims: Vec::new(),
    };
    let end = Some(End::of(execution.parked.clone()));
    let replay = replay(
        machine,
        &Trace {
            header,
            events: execution.events.clone(),
            spans: Vec::new(),
            end,
        },
    );
    prop_assert_eq!(replay.parted, None, "what the model shows comes out again");
    Ok(())
}

/// I4 and I3: packets of one port arrive in the order of their posts, each once. A batch, or a thread that
/// was suspended, returns later than it was served, and the ends of I/O are packets that nobody posts, so programs
/// with these say nothing here. Nor do systems that keep no order: `aix/packet-order`, `illumos/two-steps`,
/// `windows-2003/self-rule`.
fn in_order(machine: &dyn AnyMachine, events: &[Event]) -> Result<(), TestCaseError> {
    let blurs = |op| matches!(op, Op::Suspend { .. } | Op::Get { max: Some(_), .. });
    let keeps_order = !["aix", "illumos", "windows-2003"].contains(&machine.about().name);
    let says_nothing =
        machine.program().ops().any(blurs) || !machine.program().completions.is_empty();
    if says_nothing || !keeps_order {
        return Ok(());
    }
    for port in machine.program().port_ids() {
        let (mut posted, mut arrived) = (Vec::new(), Vec::new());
        for event in events {
            match &event.shown {
                Shown::Call {
                    op:
                        Op::Post {
                            port: to, packet, ..
                        },
                    answer: Some(Answer::Done),
                    ..
                } if *to == port => {
                    posted.push(machine.program().packets[packet.index()].key);
                }
                Shown::Call {
                    op: Op::Get { port: from, .. },
                    answer: Some(Answer::Packet(packet)),
                    ..
                }
                | Shown::Return {
                    op: Op::Get { port: from, .. },
                    answer: Answer::Packet(packet),
                    ..
                } if *from == port => {
                    arrived.push(packet.key);
                }
                _ => {}
            }
        }
        prop_assert!(
            posted.starts_with(&arrived),
            "posted {posted:?}, arrived {arrived:?}"
        );
    }
    Ok(())
}

fn waits_once(machine: &dyn AnyMachine, state: &State) -> Result<(), TestCaseError> {
    let view = machine.view(state);
    let program: &Program = machine.program();
    for id in program.thread_ids() {
        let on: Vec<_> = program
            .port_ids()
            .filter(|port| view.port(*port).waiters().contains(id))
            .collect();
        let parked = view.thread(id).mode() == Doing::Parked;
        // `wine-8/close-forgets`: a forgotten thread waits on nothing.
        let forgets = machine.about().name == "wine-8";
        // `illumos/keeps-place`: a woken thread stands among the waiters until it has looked.
        let stays = machine.about().name == "illumos" && view.thread(id).mode() == Doing::Woken;
        prop_assert!(
            on.len() == usize::from(parked)
                || (forgets && parked && on.is_empty())
                || (stays && on.len() == 1),
            "thread {} waits on {:?}",
            id.0,
            &on
        );
        if let (true, [port]) = (machine.about().counts_running, on.as_slice()) {
            prop_assert_eq!(view.thread(id).port(), Some(*port));
        }
    }
    for port in program
        .port_ids()
        .filter(|_| machine.about().counts_running)
    {
        let members = program
            .thread_ids()
            .filter(|id| view.thread(*id).port() == Some(port))
            .count() as i64;
        prop_assert!(Facts::port(&view, port, PortField::Running) <= members);
    }
    Ok(())
}

fn read(value: &Value) -> Scenario {
    let text = value.to_string();
    Scenario::parse("generated", Path::new("generated.json"), text.as_bytes())
        .unwrap_or_else(|bad| panic!("{bad}\n{text}"))
}

/// Cases that failed once are kept beside this file and tried first.
fn config() -> ProptestConfig {
    let kept: &'static str = root()
        .join("tests/generated.regressions")
        .display()
        .to_string()
        .leak();
    ProptestConfig {
        cases: 2_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(kept))),
        ..ProptestConfig::default()
    }
}

/// A program runs, replays and is admitted on every system that plays it.
pub fn holds((value, seed): (Value, u64)) -> Result<(), TestCaseError> {
    let scenario = read(&value);
    for name in NAMES
        .into_iter()
        .filter(|name| not_for(name, &scenario).is_none())
    {
        play(name, &scenario.program, 2)
            .map(|machine| {
                Judge {
                    names: &scenario.names,
                    seed,
                    strands: name == "windows-2003",
                }
                .on(&*machine)
            })
            .expect("it is playable")?;
    }
    Ok(())
}

#[test]
fn any_program_runs_replays_and_is_admitted() {
    let mut runner = TestRunner::new(config());
    let outcome = runner.run(&(file(), any::<u64>()), holds);
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
}

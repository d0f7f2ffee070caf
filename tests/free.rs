//! Threads at full speed: what the model shows is admitted however long its calls may have taken, what no order
//! explains is refused, and what a backend does at full speed is admitted.

use std::path::Path;
use std::time::Duration;

use portsim::choose::{Choose, Policy};
use portsim::compare::ways_at_full_speed;
use portsim::cross_check::stress::round;
use portsim::cross_check::{judge_free, judge_of};
use portsim::native::agent::Limits;
use portsim::native::{Agent, Backend, NoRecording, backend, record_free};
use portsim::personality::{not_for, play};
use portsim::run::{Ended, Execution, run};
use portsim::scenario::Scenario;
use portsim::trace::{Answer, End, Event, Shown, Span};
use portsim_model::machine::AnyMachine;
use portsim_model::personality::NAMES;
use portsim_model::program::{Op, Packet, ThreadId};
use portsim_model::step::{Step, StepKind};

use crate::shipped::scenarios;

const PROCESSORS: u32 = 2;

/// How far apart two events of the model are.
const APART: u64 = 1_000;

/// One run of the model.
pub struct Runs<'c>(pub &'c mut dyn Choose);

impl Runs<'_> {
    pub fn on(self, machine: &dyn AnyMachine) -> Execution {
        run(machine, self.0, 200)
    }
}

/// A number below `sides`.
pub fn draw(rng: &mut dyn Choose, sides: u64) -> u64 {
    let step = Step {
        kind: StepKind::Turn,
        thread: ThreadId(0),
        choice: 0,
    };
    rng.choose(&vec![step; sides as usize]) as u64
}

/// The calls of a run: those of each thread made as long as a seed says, without touching each other.
pub fn calls(events: &[Event], rng: &mut dyn Choose) -> Vec<(Event, Span)> {
    let mut calls: Vec<(Event, Span)> = Vec::new();
    for (n, event) in (1..).zip(events) {
        let at = n * 100 * APART;
        match &event.shown {
            Shown::Call { answer, .. } => {
                let t1 = answer.as_ref().map(|_| at);
                calls.push((event.clone(), Span { t0: at, t1 }));
            }
            Shown::Return { thread, answer, .. } => {
                let own = |call: &&mut (Event, Span)| call.0.shown.thread() == *thread;
                let (call, span) = calls.iter_mut().rev().find(own).expect("it called");
                if let Shown::Call { answer: place, .. } = &mut call.shown {
                    *place = Some(answer.clone());
                }
                span.t1 = Some(at);
            }
            Shown::Silent { .. } => {}
        }
    }
    for n in 0..calls.len() {
        let thread = calls[n].0.shown.thread();
        let Some(ended) = calls[n].1.t1 else { continue };
        let next = (n + 1..calls.len()).find(|&next| calls[next].0.shown.thread() == thread);
        let room = next.map_or(300 * APART, |next| (calls[next].1.t0 - ended) / 2);
        calls[n].1.t1 = Some(ended + draw(rng, 100) * room.min(300 * APART) / 100);
        if let Some(next) = next {
            calls[next].1.t0 -= draw(rng, 100) * room.min(300 * APART) / 100;
        }
    }
    calls.sort_by_key(|(_, span)| span.t0);
    calls
}

fn refused(
    scenario: &Scenario,
    name: &str,
    calls: &[(Event, Span)],
    end: Option<&End>,
) -> Option<String> {
    let (events, spans): (Vec<_>, Vec<_>) = calls.iter().cloned().unzip();
    let judged = judge_free(
        &scenario.program,
        &scenario.names,
        name,
        PROCESSORS,
        (&events, &spans),
        end,
    );
    let judged = judged.expect("the system plays it");
    assert!(!judged.gave_up, "{}: it gave up", scenario.name);
    judged.refused.map(|refusal| format!("{refusal:?}"))
}

/// What the model shows, it admits, whatever is not known of the times.
#[test]
fn runs_of_the_model_are_admitted() {
    let (mut seen, mut refusals) = (0, Vec::new());
    for scenario in scenarios() {
        for name in NAMES {
            if not_for(name, &scenario).is_some() {
                continue;
            }
            for seed in 0..3 {
                let mut rng = Policy::Random.seeded(seed);
                let execution = play(name, &scenario.program, PROCESSORS)
                    .map(|machine| Runs(&mut *rng).on(&*machine));
                let execution = execution.expect("the system plays it");
                let calls = calls(&execution.events, &mut *rng);
                let end = End::of(execution.parked);
                // Of a run that was stopped somewhere, nobody knows what would have come next.
                let end = matches!(execution.ended, Ended::Rest).then_some(&end);
                seen += 1;
                if let Some(refusal) = refused(&scenario, name, &calls, end) {
                    refusals.push(format!(
                        "{} as {name}, seed {seed}: {refusal}",
                        scenario.name
                    ));
                }
            }
        }
    }
    assert!(
        refusals.is_empty(),
        "{} of {seen}: {}",
        refusals.len(),
        refusals.join("\n")
    );
    assert!(seen > 3_000, "only {seen}");
}

/// Two posts, and two threads that get.
fn two_of_each() -> Scenario {
    let text = r#"{
        "why": "Two packets for two threads.",
        "as": ["windows", "epoll"],
        "ports": { "p": { "concurrency": 2 } },
        "threads": {
            "a": [ { "get": "p", "into": "x" } ],
            "b": [ { "get": "p", "into": "x" } ],
            "m": [ { "post": "p", "key": 1 }, { "post": "p", "key": 2 } ]
        }
    }"#;
    let file = Path::new("two.json");
    Scenario::parse("two", file, text.as_bytes()).unwrap_or_else(|bad| panic!("{bad}"))
}

/// Calls of its threads: who, when, and which key a get took; a get of 0 never ended.
fn written(scenario: &Scenario, lines: &[(u8, u64, u64, i64)]) -> (Vec<(Event, Span)>, End) {
    let (mut calls, mut parked, mut posts) = (Vec::new(), Vec::new(), 0);
    for &(who, t0, t1, key) in lines {
        let thread = ThreadId(who);
        let mut ops = scenario.program.code(thread).ops();
        let op = match who {
            2 => {
                posts += 1;
                ops.nth(posts - 1)
            }
            _ => ops.next(),
        };
        let packet = Packet {
            key,
            ..Packet::default()
        };
        let answer = match (who, key) {
            (2, _) => Some(Answer::Done),
            (_, 0) => None,
            _ => Some(Answer::Packet(packet)),
        };
        if answer.is_none() {
            parked.push(thread);
        }
        let t1 = answer.as_ref().map(|_| t1);
        let op: Op = op.expect("it is there");
        let shown = Shown::Call { thread, op, answer };
        calls.push((Event::of(shown), Span { t0, t1 }));
    }
    calls.sort_by_key(|(_, span)| span.t0);
    (calls, End::of(parked))
}

#[track_caller]
fn says(lines: &[(u8, u64, u64, i64)], expected: Option<&str>) {
    let scenario = two_of_each();
    let (calls, end) = written(&scenario, lines);
    match (refused(&scenario, "windows", &calls, Some(&end)), expected) {
        (None, None) => {}
        (Some(refusal), Some(words)) => assert!(refusal.contains(words), "{refusal}"),
        (found, _) => panic!("{found:?}"),
    }
}

/// The newest waiter is released first: where the times say who that is, nobody else may be.
#[test]
fn the_times_say_who_waited_last() {
    let posts = [(2, 100, 110, 1), (2, 120, 130, 2)];
    let with = |gets: [(u8, u64, u64, i64); 2]| [gets[0], gets[1], posts[0], posts[1]];
    // One began long before the other, but nobody knows when each was in line.
    says(&with([(0, 10, 200, 2), (1, 30, 200, 1)]), None);
    says(&with([(0, 10, 200, 1), (1, 30, 200, 2)]), None);
    // Both began after the posts: packets leave in their order, and these two gets do not overlap.
    says(&with([(0, 140, 150, 1), (1, 160, 170, 2)]), None);
    says(
        &with([(0, 140, 150, 2), (1, 160, 170, 1)]),
        Some("packet key 1 was posted before it"),
    );
    // They overlap.
    says(&with([(0, 140, 165, 2), (1, 160, 170, 1)]), None);
}

/// A packet is taken once, after it was posted, and not lost.
#[test]
fn what_no_order_explains_is_refused() {
    let posts = [(2, 100, 110, 1), (2, 120, 130, 2)];
    let with = |gets: [(u8, u64, u64, i64); 2]| [gets[0], gets[1], posts[0], posts[1]];
    says(&with([(0, 10, 200, 1), (1, 10, 210, 1)]), Some("no order"));
    says(&with([(0, 10, 90, 1), (1, 10, 200, 2)]), Some("no order"));
    says(&with([(0, 10, 105, 1), (1, 10, 200, 2)]), None);
    says(&with([(0, 10, 200, 3), (1, 10, 200, 2)]), Some("no order"));
    // Nobody is left waiting while there is a packet.
    says(&with([(0, 10, 200, 1), (1, 10, 0, 0)]), Some("window: [2]"));
}

/// A trace that was cut anywhere is not refused for what is missing: what its calls may owe to others that began later.
#[test]
fn a_cut_trace_is_not_refused_for_what_is_missing() {
    let (mut seen, mut late) = (0, 0);
    for scenario in scenarios() {
        let small = ["portable/", "differences/", "queue/"];
        if !small.iter().any(|folder| scenario.name.starts_with(folder)) {
            continue;
        }
        for name in NAMES {
            if not_for(name, &scenario).is_some() {
                continue;
            }
            let mut rng = Policy::Random.seeded(5);
            let execution = play(name, &scenario.program, PROCESSORS)
                .map(|machine| Runs(&mut *rng).on(&*machine));
            let execution = execution.expect("the system plays it");
            let calls = calls(&execution.events, &mut *rng);
            for cut in 0..calls.len() {
                let refusal = refused(&scenario, name, &calls[..cut], None);
                assert_eq!(refusal, None, "{} as {name}, cut at {cut}", scenario.name);
                let end = End::default();
                late += usize::from(refused(&scenario, name, &calls[..cut], Some(&end)).is_some());
                seen += 1;
            }
        }
    }
    println!("{seen} cut, {late} of them refused if they were whole");
    assert!(seen > 1_000 && late > 100, "{seen}, {late}");
}

/// What is still under way at the end may have done its work, and nobody was there to write it down.
#[test]
fn what_is_under_way_at_the_end_may_have_done_its_work() {
    let judged = |timeout: &str| {
        let text = format!(
            r#"{{
            "why": "Two packets for two threads.",
            "ports": {{ "p": {{ "concurrency": 2 }} }},
            "threads": {{
                "a": [ {{ "get": "p", "into": "x"{timeout} }} ],
                "b": [ {{ "get": "p", "into": "x" }} ],
                "m": [ {{ "post": "p", "key": 1 }}, {{ "post": "p", "key": 2 }} ]
            }}
        }}"#
        );
        let file = Path::new("two.json");
        let scenario = Scenario::parse("two", file, text.as_bytes());
        let scenario = scenario.unwrap_or_else(|bad| panic!("{bad}"));
        let posts = [(2, 100, 110, 1), (2, 120, 130, 2)];
        let (calls, end) = written(
            &scenario,
            &[(0, 10, 0, 0), (1, 20, 200, 2), posts[0], posts[1]],
        );
        refused(&scenario, "windows", &calls, Some(&end))
    };
    assert_eq!(judged(r#", "timeout": 9"#), None);
    // A thread that waits for good would have had the packet.
    assert!(judged("").is_some());
}

/// The port that people make by hand is found out by the rules of Windows, and few events say why.
#[test]
fn a_port_made_by_hand_is_no_port_of_windows() {
    let Some(condvar) = backend("condvar").filter(|backend| backend.available().is_ok()) else {
        println!("not run: condvar");
        return;
    };
    let threads = 6;
    let found = (0..400).find_map(|seed| {
        let round = round(condvar, "windows", ("stress", seed), threads, PROCESSORS);
        let round = round.unwrap_or_else(|failed| panic!("{failed:?}"));
        round.judgement.refused
    });
    let refusal = found.expect("one of many rounds shows it");
    println!("{refusal:?}");
    assert!(refusal.window.contains(&refusal.at));
    assert!(refusal.window.len() <= threads && refusal.after.len() <= threads);
    assert!(!refusal.allowed.is_empty());
}

/// A real port at full speed does what the model can show.
#[test]
fn ports_at_full_speed_are_admitted() {
    let ports = [
        "emulated", "epoll", "io-uring", "select", "pipe", "mqueue", "condvar",
    ];
    for on in ports {
        match backend(on).filter(|backend| backend.available().is_ok()) {
            Some(backend) => admits(backend, on, &judge_of(on, &backend.os())),
            None => println!("not run: {on}"),
        }
    }
}

/// So does one behind the agent protocol, whose times are those of another process.
#[test]
fn ports_of_agents_at_full_speed_are_admitted() {
    let _alone = crate::agent::alone();
    let portsim = env!("CARGO_BIN_EXE_portsim");
    for (on, name) in [("emulated", "windows"), ("epoll", "epoll")] {
        let command = format!("'{portsim}' agent --on {on}");
        let agent = Agent::of(&command, Limits::default()).expect("a command");
        match agent.available() {
            Ok(()) => admits(&agent, &command, name),
            Err(why) => println!("not run: {on}: {why}"),
        }
    }
}

/// What a backend does with the shipped scenarios at full speed, its system can show.
fn admits(backend: &dyn Backend, on: &str, name: &str) {
    let mut seen = 0;
    for scenario in scenarios() {
        let wanted = ["portable/", "differences/", &format!("{name}/")];
        let wanted = wanted
            .iter()
            .any(|folder| scenario.name.starts_with(folder));
        if !wanted || not_for(name, &scenario).is_some() {
            continue;
        }
        // A child that another test starts has copies of all descriptors until it runs its program, and what is closed
        // meanwhile lives on in them: only then a scenario that closes something may be refused, and not again.
        let closes = |op: Op| matches!(op, Op::Close { .. } | Op::CloseSource { .. });
        let tries = if scenario.program.ops().any(closes) {
            3
        } else {
            1
        };
        let limit = Duration::from_secs(10);
        let mut refusals = Vec::new();
        for _ in 0..tries {
            let recorded = match record_free(backend, &scenario.program, 0, limit) {
                Ok(recorded) => recorded,
                Err(NoRecording::Unsupported(_)) => break,
                Err(failed) => panic!("{}: {failed:?}", scenario.name),
            };
            seen += 1;
            let calls = recorded.calls.iter();
            let calls: Vec<_> = calls
                .map(|call| (Event::of(call.shown()), call.span))
                .collect();
            let end = End::of(recorded.parked);
            match refused(&scenario, name, &calls, Some(&end)) {
                None => {
                    refusals.clear();
                    break;
                }
                Some(refusal) => refusals.push((refusal, calls)),
            }
        }
        assert!(
            refusals.is_empty(),
            "{} on {on}: {refusals:?}",
            scenario.name
        );
    }
    assert!(seen > 5, "only {seen} on {on}");
}

/// Posts that overlap much, taken much later, and a poll between that finds nothing: all orders of the posts are too
/// many to try, and their takes leave one, which does not explain the poll.
#[test]
fn posts_that_overlap_are_ordered_by_their_takes() {
    let posts = |thread: usize| {
        let post = |n: usize| format!(r#"{{ "post": "p", "key": {} }}"#, 4 * n + thread);
        (0..6).map(post).collect::<Vec<_>>().join(", ")
    };
    let gets = vec![r#"{ "get": "p", "into": "x" }"#; 24].join(", ");
    let text = format!(
        r#"{{ "why": "Many orders.", "as": ["windows"], "ports": {{ "p": {{}} }}, "threads": {{
            "a": [ {} ], "b": [ {} ], "c": [ {} ], "d": [ {} ], "t": [ {gets} ],
            "w": [ {{ "get": "p", "into": "x", "timeout": 0 }} ] }} }}"#,
        posts(0),
        posts(1),
        posts(2),
        posts(3)
    );
    let scenario = Scenario::parse("many", Path::new("many.json"), text.as_bytes());
    let scenario = scenario.unwrap_or_else(|bad| panic!("{bad}"));
    let mut calls = Vec::new();
    for thread in 0..4 {
        for (n, op) in (0..).zip(scenario.program.code(ThreadId(thread)).ops()) {
            let answer = Some(Answer::Done);
            let thread = ThreadId(thread);
            let shown = Shown::Call { thread, op, answer };
            // Each is done within a long time that all others share.
            let (t0, t1) = (n, Some(1_000_000 + n));
            calls.push((Event::of(shown), Span { t0, t1 }));
        }
    }
    // The threads that posted take the oldest of all in an order that no time tells: the threads backwards.
    let keys = (0..6).flat_map(|n| (0..4).rev().map(move |thread| 4 * n + thread));
    let gets = scenario.program.code(ThreadId(4)).ops();
    for (n, (key, op)) in (0..).zip(keys.zip(gets)) {
        let answer = Some(Answer::Packet(Packet {
            key,
            ..Packet::default()
        }));
        let thread = ThreadId(4);
        let shown = Shown::Call { thread, op, answer };
        let (t0, t1) = (2_000_000 + 10 * n, Some(2_000_005 + 10 * n));
        calls.push((Event::of(shown), Span { t0, t1 }));
    }
    let end = End::default();
    let judge = |calls: &mut Vec<(Event, Span)>| {
        calls.sort_by_key(|(_, span)| span.t0);
        refused(&scenario, "windows", calls, Some(&end))
    };
    assert_eq!(judge(&mut calls), None);
    let (thread, op) = (ThreadId(5), scenario.program.code(ThreadId(5)).ops().next());
    let answer = Some(Answer::Failed("WAIT_TIMEOUT".into()));
    let op = op.expect("it is there");
    let shown = Shown::Call { thread, op, answer };
    let (t0, t1) = (1_500_000, Some(1_500_010));
    calls.push((Event::of(shown), Span { t0, t1 }));
    let refusal = judge(&mut calls).expect("there was something to take");
    assert!(refusal.contains("window: [25]"), "{refusal}");
}

/// A poll of an epoll descriptor may overlook a level-triggered source beside another call there, and neither alone nor in
/// lock-step.
#[test]
fn a_poll_overlooks_beside_another_only() {
    let file = "epoll-overlooked-by-a-poll-alone.jsonl";
    let file = crate::root().join("traces/refused").join(file);
    let alone = std::fs::read_to_string(file).expect("it is there");
    let scratch = crate::command::Scratch::new("overlooks");
    let admit = |name: &str, trace: &str, code| {
        let file = scratch.file(name, trace.as_bytes());
        crate::command::json(&["admit", &file, "--as", "epoll"], code)
    };
    admit("alone.jsonl", &alone, 1);
    let beside = alone.replace("\"t0\":2212608", "\"t0\":2050000");
    assert_ne!(alone, beside);
    admit("beside.jsonl", &beside, 0);
    let times = beside.replace("\"mode\":\"free\"", "\"mode\":\"lockstep\"");
    let mut lines: Vec<_> = times.lines().map(str::to_owned).collect();
    for line in &mut lines {
        if let Some(at) = line.find(",\"t0\":") {
            line.replace_range(at.., "}");
        }
    }
    admit("lockstep.jsonl", &(lines.join("\n") + "\n"), 1);
}

/// What comes while a call copies events overtakes what that call puts back: level-triggered sources, and no others.
#[test]
fn only_what_is_put_back_is_overtaken() {
    for (first, ways) in [
        (r#""trigger": "level""#, 2),
        (r#""trigger": "edge""#, 1),
        (r#""trigger": "level", "oneshot": true"#, 1),
    ] {
        let text = format!(
            r#"{{ "why": "Which event comes first?", "as": ["epoll"], "ports": {{ "p": {{}} }},
            "sources": {{ "s": {{}}, "late": {{}} }},
            "threads": {{ "t": [
                {{ "epoll_ctl": "p", "change": "add", "source": "s", "key": 1, {first} }},
                {{ "epoll_ctl": "p", "change": "add", "source": "late", "key": 2 }},
                {{ "write": "s" }}, {{ "write": "late" }}, {{ "get": "p", "max": 2 }}] }} }}"#
        );
        let scenario = Scenario::parse("late", Path::new("late.json"), text.as_bytes());
        let scenario = scenario.unwrap_or_else(|bad| panic!("{bad}"));
        let may = ways_at_full_speed(&scenario, "epoll", PROCESSORS).expect("it has all that");
        assert_eq!(may.ways.len(), ways, "{first}: {:?}", may.ways);
    }
}

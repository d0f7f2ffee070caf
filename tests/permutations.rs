//! The judge of threads at full speed beside one that only counts: every run of the model, whatever the times, and only
//! then the question whether there are times for it.
//!
//! Both are asked about small programs that a seed writes: about what the model shows of them, with calls that took as
//! long as a seed says, and about the same with one event altered. They must agree on every system, and on every way in
//! which the judge goes.

use std::path::Path;

use portsim::admit::free::{Limits, admit_free};
use portsim::choose::{Choose, Policy};
use portsim::names::Names;
use portsim::personality::{not_for, play};
use portsim::scenario::Scenario;
use portsim::trace::{Answer, End, Event, Shown, Span, Watcher};
use portsim_model::State;
use portsim_model::machine::AnyMachine;
use portsim_model::personality::NAMES;
use portsim_model::program::{Op, ThreadId, Timeout};
use portsim_model::step::StepKind;

use crate::free::{Runs, calls, draw};

const PROCESSORS: u32 = 2;

/// With more steps of the model nothing is compared.
const STEPS_MAX: usize = 300_000;

/// A call of the trace.
struct Told {
    op: Op,
    answer: Option<Answer>,
    t0: u64,
    t1: u64,
}

/// Where the counting stands in one run of the model.
#[derive(Clone)]
struct Sofar {
    state: State,
    /// By thread: how many calls are over, and whether the next has begun.
    over: Vec<usize>,
    begun: Vec<bool>,
    /// The time before each call that has begun, and the time after each that is over, in the order of the steps.
    begins: Vec<(usize, u64)>,
    ends: Vec<(usize, u64)>,
    steps: usize,
    /// The states since something was shown: some systems let a thread look again and again.
    silent: Vec<State>,
}

/// Goes through all runs.
struct Count<'s> {
    machine: &'s dyn AnyMachine,
    told: Vec<Vec<Told>>,
    steps: usize,
}

impl Count<'_> {
    /// Whether some run from here shows the trace, in times that are possible; none where there are too many.
    fn shows(&mut self, sofar: &Sofar) -> Option<bool> {
        if self.is_complete(sofar) && has_times(sofar) {
            return Some(true);
        }
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return None;
        }
        let mut steps = Vec::new();
        let _ = self.machine.enabled(&sofar.state, |step| steps.push(step));
        for step in steps {
            let mut watcher = Watcher::new(self.machine.program(), self.machine.os_error());
            let mut next = sofar.clone();
            self.machine.take(&mut next.state, step, &mut watcher);
            self.machine.even_deadlines(&mut next.state);
            next.steps += 1;
            let mut events = Vec::new();
            watcher.finish(step, &mut events);
            match events[..] {
                [
                    Event {
                        shown: Shown::Silent { .. },
                        ..
                    },
                ] => {
                    next.silent.push(sofar.state.clone());
                    if next.silent.contains(&next.state) {
                        continue;
                    }
                }
                _ => next.silent.clear(),
            }
            if events
                .iter()
                .all(|event| self.agrees(&mut next, &event.shown))
                && self.shows(&next)?
            {
                return Some(true);
            }
        }
        Some(false)
    }

    /// Whether an event is the next of its thread.
    fn agrees(&self, sofar: &mut Sofar, shown: &Shown) -> bool {
        let me = shown.thread().index();
        let told = self.told[me].get(sofar.over[me]);
        let (answer, told) = match (shown, told) {
            (Shown::Silent { .. }, _) => return true,
            (_, None) => return false,
            (Shown::Call { op, answer, .. }, Some(told)) => {
                let of = |op| Shown::Call {
                    thread: ThreadId(me as u8),
                    op,
                    answer: None,
                };
                if !of(*op).agrees(&of(told.op)) {
                    return false;
                }
                sofar.begun[me] = true;
                sofar.begins.push((sofar.steps, told.t0));
                (answer.as_ref(), told)
            }
            (Shown::Return { answer, .. }, Some(told)) => (Some(answer), told),
        };
        let Some(answer) = answer else { return true };
        sofar.over[me] += 1;
        sofar.begun[me] = false;
        sofar.ends.push((sofar.steps, told.t1));
        told.answer.as_ref().is_some_and(|told| told.agrees(answer))
    }

    /// Whether all calls have come, and those that have not come back wait for good.
    fn is_complete(&self, sofar: &Sofar) -> bool {
        let view = self.machine.view(&sofar.state);
        let (mut complete, mut waits) = (true, false);
        for (me, told) in self.told.iter().enumerate() {
            complete &= match &told[sofar.over[me]..] {
                [] => true,
                [last] if last.op == Op::Exit => view.mode(ThreadId(me as u8)).is_over(),
                [last] => {
                    waits = true;
                    last.answer.is_none() && sofar.begun[me]
                }
                _ => false,
            };
        }
        let mut wakes = false;
        let _ = self
            .machine
            .enabled(&sofar.state, |step| wakes |= step.kind == StepKind::Wake);
        complete && !(waits && wakes)
    }
}

/// Whether there are times for the steps of a run: no call begins behind one that had ended before.
fn has_times(sofar: &Sofar) -> bool {
    let fits = |&(began, t0): &(usize, u64)| {
        let behind = sofar.ends.iter().filter(|(ended, _)| *ended >= began);
        behind.into_iter().all(|&(_, t1)| t0 <= t1)
    };
    sofar.begins.iter().all(fits)
}

/// What both say of a trace.
struct Both<'a> {
    names: &'a Names,
    calls: &'a [(Event, Span)],
}

impl Both<'_> {
    fn on(self, machine: &dyn AnyMachine) -> Option<bool> {
        let mut told: Vec<Vec<Told>> = machine.program().thread_ids().map(|_| Vec::new()).collect();
        let mut end = End::default();
        for (event, span) in self.calls {
            let Shown::Call { thread, op, answer } = &event.shown else {
                unreachable!("a trace at full speed has calls")
            };
            if answer.is_none() {
                end.parked.push(*thread);
            }
            told[thread.index()].push(Told {
                op: *op,
                answer: answer.clone(),
                t0: span.t0,
                t1: span.t1.unwrap_or(u64::MAX),
            });
        }
        let threads = told.len();
        let mut state = machine.boot();
        machine.even_deadlines(&mut state);
        let start = Sofar {
            state,
            over: vec![0; threads],
            begun: vec![false; threads],
            begins: Vec::new(),
            ends: Vec::new(),
            steps: 0,
            silent: Vec::new(),
        };
        let mut count = Count {
            machine,
            told,
            steps: 0,
        };
        let counted = count.shows(&start)?;
        let (events, spans): (Vec<_>, Vec<_>) = self.calls.iter().cloned().unzip();
        for patience in [Limits::default().patience, 3, 0] {
            let limits = Limits {
                patience,
                ..Limits::default()
            };
            let judged = admit_free(
                machine,
                self.names,
                &events,
                &spans,
                Some(&end),
                limits,
                None,
            );
            assert!(!judged.gave_up, "it gave up");
            assert_eq!(
                judged.refused.is_none(),
                counted,
                "patience {patience}: {:?}\n{:#?}",
                judged.refused,
                self.calls
            );
        }
        Some(counted)
    }
}

/// A program of three threads, each with a few operations.
fn written(rng: &mut dyn Choose) -> Scenario {
    let mut text = format!(
        r#"{{ "why": "Of a seed.", "builtin": false, "ports": {{ "p": {{ "concurrency": {} }} }}, "threads": {{"#,
        1 + draw(rng, 2)
    );
    let mut key = 0;
    for thread in 0..3 {
        let mut ops = Vec::new();
        for _ in 0..2 + draw(rng, 2) {
            ops.push(match draw(rng, 12) {
                0..4 => r#"{ "get": "p", "into": "x" }"#.to_owned(),
                4..6 => r#"{ "get": "p", "into": "x", "timeout": 1 }"#.to_owned(),
                6 => r#""yield""#.to_owned(),
                7 if thread == 2 => r#"{ "close": "p" }"#.to_owned(),
                _ => {
                    key += 1;
                    format!(r#"{{ "post": "p", "key": {key} }}"#)
                }
            });
        }
        let comma = if thread == 0 { "" } else { "," };
        text += &format!(r#"{comma} "t{thread}": [{}]"#, ops.join(", "));
    }
    text += " } }";
    let file = Path::new("a seed");
    Scenario::parse("seed", file, text.as_bytes()).unwrap_or_else(|bad| panic!("{bad}"))
}

/// The same calls with one of them altered; none where the seed chose what cannot be.
fn altered(calls: &[(Event, Span)], rng: &mut dyn Choose) -> Option<Vec<(Event, Span)>> {
    let mut calls = calls.to_vec();
    let one = draw(rng, calls.len() as u64) as usize;
    let other = draw(rng, calls.len() as u64) as usize;
    let packet = |calls: &[(Event, Span)], n: usize| match &calls[n].0.shown {
        Shown::Call {
            answer: Some(Answer::Packet(packet)),
            ..
        } => Some(*packet),
        _ => None,
    };
    match draw(rng, 4) {
        // Two takes have each other's packets.
        0 => {
            let (ours, theirs) = (packet(&calls, one)?, packet(&calls, other)?);
            set_answer(&mut calls[one].0, Some(Answer::Packet(theirs)));
            set_answer(&mut calls[other].0, Some(Answer::Packet(ours)));
        }
        // A call ended sooner, or began later.
        1 => {
            let t1 = calls[one].1.t1?;
            let span = &mut calls[one].1;
            let middle = span.t0 + (t1 - span.t0) * draw(rng, 5) / 4;
            match draw(rng, 2) {
                0 => span.t1 = Some(middle),
                _ => span.t0 = middle,
            }
        }
        // A get found nothing, or never came back, or took what another had taken.
        2 => {
            let Shown::Call { op, .. } = calls[one].0.shown else {
                return None;
            };
            let Op::Get { timeout, .. } = op else {
                return None;
            };
            match timeout {
                Timeout::Ticks(_) => {
                    let failed = Answer::Failed("ETIMEDOUT".to_owned());
                    set_answer(&mut calls[one].0, Some(failed));
                }
                Timeout::Never => {
                    let thread = calls[one].0.shown.thread();
                    set_answer(&mut calls[one].0, None);
                    calls[one].1.t1 = None;
                    let mut n = 0;
                    calls.retain(|call| {
                        n += 1;
                        n <= one + 1 || call.0.shown.thread() != thread
                    });
                }
            }
        }
        _ => {
            let theirs = packet(&calls, other)?;
            packet(&calls, one)?;
            set_answer(&mut calls[one].0, Some(Answer::Packet(theirs)));
        }
    }
    calls.sort_by_key(|(_, span)| span.t0);
    Some(calls)
}

fn set_answer(event: &mut Event, new: Option<Answer>) {
    if let Shown::Call { answer, .. } = &mut event.shown {
        *answer = new;
    }
}

/// A timed get that has not come back is under way: then less is asked, and the counting asks for more.
fn is_at_rest(calls: &[(Event, Span)]) -> bool {
    calls.iter().all(|(event, _)| match &event.shown {
        Shown::Call {
            op: Op::Get { timeout, .. },
            answer: None,
            ..
        } => *timeout == Timeout::Never,
        Shown::Call { answer, .. } => answer.is_some(),
        _ => false,
    })
}

/// The judge admits what some run shows in these times, and nothing else.
#[test]
fn the_judge_agrees_with_counting() {
    let (mut admitted, mut refused, mut too_many) = (0, 0, 0);
    for seed in 0..200 {
        let mut rng = Policy::Random.seeded(seed);
        let scenario = written(&mut *rng);
        for name in NAMES {
            if not_for(name, &scenario).is_some() {
                continue;
            }
            let execution = play(name, &scenario.program, PROCESSORS)
                .map(|machine| Runs(&mut *rng).on(&*machine));
            let execution = execution.expect("the system plays it");
            let shown = calls(&execution.events, &mut *rng);
            let judge = |calls: &[(Event, Span)]| {
                let both = Both {
                    names: &scenario.names,
                    calls,
                };
                play(name, &scenario.program, PROCESSORS)
                    .map(|machine| both.on(&*machine))
                    .expect("the system plays it")
            };
            if !is_at_rest(&shown) {
                continue;
            }
            match judge(&shown) {
                Some(counted) => assert!(counted, "{name}, seed {seed}: {shown:#?}"),
                None => too_many += 1,
            }
            for _ in 0..4 {
                let Some(altered) = altered(&shown, &mut *rng) else {
                    continue;
                };
                match judge(&altered) {
                    Some(true) => admitted += 1,
                    Some(false) => refused += 1,
                    None => too_many += 1,
                }
            }
        }
    }
    println!("altered: {admitted} admitted, {refused} refused, {too_many} too many to count");
    assert!(admitted > 300 && refused > 300 && too_many < 200);
}

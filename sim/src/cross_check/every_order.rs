//! The port in user space in every order in which threads can use it, and each of them shown to the model.
//!
//! Loom runs each play once for every order of its threads' steps. The port notes under its own lock who acted
//! ([`crate::port::watch`]), the threads note what their calls answered, and both together are a trace, whose order
//! is not guessed. The model of Windows must be able to show every such trace; a call that never ends is a deadlock,
//! and loom reports it. A time limit may be over whenever its thread moves.
//!
//! ```text
//! RUSTFLAGS='--cfg loom' cargo test -p portsim --lib --profile loom --target-dir target/loom every_order
//! ```
//!
//! Plays of more than two threads are bounded in their preemptions, which are switches away from a thread that could
//! have gone on. `LOOM_MAX_PREEMPTIONS=99` in front of the command lifts that, and takes long.
//!
//! The tests at the end give the port a mistake and see it found.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use loom::model::Builder;
use loom::thread::{self, ThreadId as LoomId};
use portsim_model::event::Error;
use portsim_model::os_error::win32;
use portsim_model::program::{
    Code, CodeId, Instr, Op, Packet, PacketId, Port as Declared, PortId, ProcessId, Program,
    RingSetup, Slot, SlotId, Thread, ThreadId, Timeout,
};

use self::bed::Bed;
use super::judge;
use crate::names::Names;
use crate::port::fault::Fault;
use crate::port::watch::{Moment, Watch};
use crate::port::{GetError, Port, blocking};
use crate::trace::{Answer, End, Event, Shown};

mod bed;

/// What a thread does in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Get,
    GetInTime,
    Look,
    GetMany(u8),
    Post(u8),
    Block,
    Close,
    /// Is away until it is woken.
    Nap,
    /// Waits until somebody naps, counts and wakes it. The model does not see it: it sees when the nap is over.
    Wake,
}
use Deed::{Block, Close, Get, GetInTime, GetMany, Look, Nap, Post, Wake};

/// A port and what each thread does with it. The first thread takes no packets: it never belongs to the port.
struct Play {
    concurrency: u32,
    threads: &'static [&'static [Deed]],
    preemptions_max: Option<usize>,
    fault: Option<Fault>,
}

/// Everything that one execution left: who acted, who the threads were, and what their calls answered.
struct Trial {
    watch: Watch,
    ids: Vec<LoomId>,
    answers: Vec<Vec<Answer>>,
}

/// A trace without names: thread and moment, and the answers of each thread.
type Trace = (Vec<(usize, Moment)>, Vec<Vec<Answer>>);

/// How an exploration ended.
#[derive(Debug)]
enum Explored {
    /// The model can show each of so many executions, and so many different traces.
    Admitted { executions: usize, traces: usize },
    /// The model cannot show one of them.
    Refused { why: String, executions: usize },
    /// Loom found it: a deadlock, or a panic.
    Stopped { why: String, executions: usize },
}

fn deed(port: &Port<Packet>, bed: &Bed, deed: Deed) -> Answer {
    let failed = |error| Answer::Failed(win32(error).name.into());
    let refused = |error| match error {
        GetError::TimedOut => failed(Error::Timeout),
        GetError::Abandoned => failed(Error::Abandoned),
        GetError::Closed => failed(Error::BadHandle),
        GetError::EmptyBatch => failed(Error::Invalid),
    };
    let one = |taken: Result<Packet, GetError>| taken.map_or_else(refused, Answer::Packet);
    match deed {
        Get => one(port.get()),
        GetInTime => one(port.get_within(Duration::MAX)),
        Look => one(port.get_within(Duration::ZERO)),
        GetMany(max) => {
            let mut packets = Vec::new();
            let taken = port.get_batch(&mut packets, max.into(), None);
            taken.map_or_else(refused, |_| Answer::Packets(packets))
        }
        Post(n) => match port.post(packet(n)) {
            Ok(()) => Answer::Done,
            Err(_) => failed(Error::BadHandle),
        },
        Block => blocking(|| Answer::Done),
        Nap => bed.nap(),
        Wake => bed.wake(),
        Close => match port.close() {
            Ok(_) => Answer::Done,
            Err(_) => failed(Error::BadHandle),
        },
    }
}

fn packet(n: u8) -> Packet {
    Packet {
        key: n.into(),
        ..Packet::default()
    }
}

/// What the model is told of a deed, if it is told of it.
fn op(deed: Deed) -> Option<Op> {
    let get = |timeout, max| Op::Get {
        port: PortId(0),
        into: Some(SlotId(0)),
        timeout,
        max,
        min: None,
        min_wait: None,
        alertable: false,
        keeps: false,
    };
    Some(match deed {
        Get => get(Timeout::Never, None),
        GetInTime => get(Timeout::Ticks(1), None),
        Look => get(Timeout::Ticks(0), None),
        GetMany(max) => get(Timeout::Never, Some(max)),
        Post(n) => Op::Post {
            port: PortId(0),
            packet: PacketId(n),
            into: None,
            may_fail: false,
            reserve: None,
        },
        Block | Nap => Op::Stall,
        Close => Op::Close {
            port: PortId(0),
            into: None,
        },
        Wake => return None,
    })
}

impl Play {
    /// The same for the model.
    fn program(&self) -> Program {
        let code = |deeds: &&[Deed]| Code {
            instrs: deeds
                .iter()
                .filter_map(|&deed| op(deed).map(Instr::Op))
                .chain([Instr::End])
                .collect(),
            slots: vec![Slot { packets_max: 32 }],
            ..Code::default()
        };
        let thread = |n| Thread {
            code: CodeId(n),
            spawned: false,
            may_wait: true,
            may_wait_in: Vec::new(),
            process: ProcessId(0),
        };
        Program {
            threads: (0..self.threads.len() as u8).map(thread).collect(),
            codes: self.threads.iter().map(code).collect(),
            ports: vec![Declared {
                concurrency: self.concurrency,
                open: true,
                named: false,
                events_max: None,
                entries: None,
                setup: RingSetup::Shared,
            }],
            packets: (0..4).map(packet).collect(),
            ..Program::default()
        }
    }

    /// Plays it in every order and shows each to the model.
    fn explore(&self) -> Explored {
        let judged = Arc::new(Judged::new(self));
        let mut model = Builder::new();
        model.preemption_bound = model.preemption_bound.or(self.preemptions_max);
        let (concurrency, threads, fault) = (self.concurrency, self.threads, self.fault);
        let play = {
            let judged = judged.clone();
            move || {
                judged.last();
                perform(concurrency, threads, fault, &judged);
            }
        };
        let stopped = catch_unwind(AssertUnwindSafe(|| model.check(play)));
        let last = catch_unwind(AssertUnwindSafe(|| judged.last()));
        let (executions, traces) = judged.counts();
        if let Some(why) = judged.refused() {
            return Explored::Refused { why, executions };
        }
        match stopped.and(last) {
            Ok(()) => Explored::Admitted { executions, traces },
            Err(panic) => {
                let said = panic.downcast_ref::<String>().cloned();
                let said = said.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
                let why = said.unwrap_or_default();
                Explored::Stopped { why, executions }
            }
        }
    }
}

/// One execution.
fn perform(
    concurrency: u32,
    threads: &'static [&'static [Deed]],
    fault: Option<Fault>,
    judged: &Judged,
) {
    let port = Arc::new(Port::with_fault(concurrency, fault));
    // It outlives the execution: threads end after they were joined, and must find it open then.
    std::mem::forget(port.clone());
    let bed = Arc::new(Bed::default());
    let act = |port: Arc<Port<Packet>>, bed: Arc<Bed>, deeds: &'static [Deed]| {
        let answer = |&todo: &Deed| {
            let answer = deed(&port, &bed, todo);
            op(todo).map(|_| answer)
        };
        (
            thread::current().id(),
            deeds.iter().filter_map(answer).collect(),
        )
    };
    let others: Vec<_> = threads[1..]
        .iter()
        .map(|deeds| {
            let (port, bed) = (port.clone(), bed.clone());
            thread::spawn(move || act(port, bed, deeds))
        })
        .collect();
    let mut played: Vec<(LoomId, Vec<Answer>)> = vec![act(port.clone(), bed, threads[0])];
    played.extend(
        others
            .into_iter()
            .map(|other| other.join().expect("no panic")),
    );
    let (ids, answers) = played.into_iter().unzip();
    judged.keep(Trial {
        watch: port.watch(),
        ids,
        answers,
    });
}

/// What the model said of the executions so far. Threads end after they were joined, so an execution is judged when
/// it is over: at the start of the next, or after the last.
struct Judged {
    program: Program,
    names: Names,
    ops: Vec<Vec<Op>>,
    state: Mutex<Verdicts>,
}

#[derive(Default)]
struct Verdicts {
    executions: usize,
    traces: BTreeSet<Trace>,
    last: Option<Trial>,
    refused: Option<String>,
}

impl Judged {
    fn new(play: &Play) -> Judged {
        let ops = |deeds: &&[Deed]| deeds.iter().copied().filter_map(op).collect();
        Judged {
            program: play.program(),
            names: Names {
                threads: (0..play.threads.len()).map(|n| format!("t{n}")).collect(),
                ports: vec!["p".into()],
                slots: vec![vec!["x".into()]; play.threads.len()],
                ..Names::default()
            },
            ops: play.threads.iter().map(ops).collect(),
            state: Mutex::default(),
        }
    }

    fn keep(&self, trial: Trial) {
        self.state.lock().expect("nobody panics").last = Some(trial);
    }

    fn refused(&self) -> Option<String> {
        self.state.lock().expect("nobody panics").refused.clone()
    }

    fn counts(&self) -> (usize, usize) {
        let state = self.state.lock().expect("nobody panics");
        (state.executions, state.traces.len())
    }

    /// Judges the last execution, unless one like it was judged before. The first that is refused ends it all.
    fn last(&self) {
        let mut state = self.state.lock().expect("nobody panics");
        let Some(trial) = state.last.take() else {
            return;
        };
        state.executions += 1;
        let place = |id| trial.ids.iter().position(|&own| own == id);
        let notes = trial.watch.notes().into_iter();
        let notes = notes.map(|(id, moment)| (place(id).expect("it plays"), moment));
        let trace: Trace = (notes.collect(), trial.answers);
        if state.traces.contains(&trace) {
            return;
        }
        // Loom's threads have small stacks, and the judge does not know them: it has a thread of its own.
        state.refused = std::thread::scope(|scope| {
            let judge = scope.spawn(|| self.judge(&trace));
            judge.join().expect("the judge does not panic")
        });
        state.traces.insert(trace);
        let refused = state.refused.clone();
        drop(state);
        if let Some(refused) = refused {
            panic!("refused: {refused}");
        }
    }

    /// Why the model cannot show it, if it cannot.
    fn judge(&self, trace: &Trace) -> Option<String> {
        let events = self.events(trace);
        let judgement = judge(
            &self.program,
            &self.names,
            "windows",
            1,
            &events,
            Some(&End::of(Vec::new())),
            false,
        );
        let judgement = judgement.expect("Windows plays it");
        judgement
            .refused
            .map(|refusal| format!("{refusal:?} in {trace:?}"))
    }

    fn events(&self, (notes, answers): &Trace) -> Vec<Event> {
        let mut parts = vec![(0, false); answers.len()];
        let mut events = Vec::new();
        for &(n, moment) in notes {
            let thread = ThreadId(n as u8);
            let (next, inside) = &mut parts[n];
            let Some(&op) = self.ops[n].get(*next) else {
                events.push(Shown::Call {
                    thread,
                    op: Op::Exit,
                    answer: Some(Answer::Done),
                });
                continue;
            };
            let answer = answers[n][*next].clone();
            match (moment, *inside) {
                (Moment::Begins, false) => {
                    *inside = true;
                    events.push(Shown::Call {
                        thread,
                        op,
                        answer: None,
                    });
                }
                // It was woken for nothing and stands in line again.
                (Moment::Begins, true) => {}
                (Moment::AtOnce, false) => {
                    *next += 1;
                    let answer = Some(answer);
                    events.push(Shown::Call { thread, op, answer });
                }
                (Moment::AtOnce, true) | (Moment::Ends, _) => {
                    (*next, *inside) = (*next + 1, false);
                    events.push(Shown::Return { thread, op, answer });
                }
            }
        }
        let event = Event::of;
        events.into_iter().map(event).collect()
    }
}

/// The model can show every execution, and there are at least so many different ones.
#[track_caller]
fn admitted(play: &Play, traces_min: usize) {
    match play.explore() {
        Explored::Admitted { executions, traces } => {
            println!("{executions} executions, {traces} traces");
            assert!(traces >= traces_min, "only {traces} traces");
        }
        other => panic!("{other:?}"),
    }
}

/// A play of a sound port, in all orders.
fn all(concurrency: u32, threads: &'static [&'static [Deed]]) -> Play {
    Play {
        concurrency,
        threads,
        preemptions_max: None,
        fault: None,
    }
}

/// The same, in the orders with at most so many preemptions.
fn most(preemptions_max: usize, concurrency: u32, threads: &'static [&'static [Deed]]) -> Play {
    Play {
        preemptions_max: Some(preemptions_max),
        ..all(concurrency, threads)
    }
}

/// Two workers on a port that lets one run: the second gets its packet when the first ends, unless it came first.
#[test]
fn one_runs_at_a_time() {
    admitted(&most(3, 1, &[&[Post(1), Post(2)], &[Get], &[Get]]), 10);
}

/// As many run as there are; the newest waiter is released.
#[test]
fn both_run() {
    admitted(&most(3, 2, &[&[Post(1), Post(2)], &[Get], &[Get]]), 10);
}

/// One worker and one poster, whatever they do.
#[test]
fn one_worker() {
    admitted(&all(1, &[&[Post(1), Post(2)], &[Get, Get]]), 5);
    admitted(&all(1, &[&[Post(1), Post(2)], &[GetInTime, Look]]), 10);
    admitted(&all(1, &[&[Post(1), Post(2), Close], &[Get, Get, Get]]), 10);
    admitted(
        &all(
            1,
            &[&[Post(1), Post(2), Post(3)], &[GetMany(2), GetMany(3)]],
        ),
        0,
    );
}

/// A worker that blocks lets the other run, and runs again beside it.
#[test]
fn a_worker_that_blocks_lets_the_other_run() {
    admitted(
        &most(3, 1, &[&[Post(1), Post(2)], &[Get, Block], &[Get]]),
        10,
    );
    admitted(
        &most(
            3,
            1,
            &[
                &[Post(1), Post(2), Post(3)],
                &[Get, Block, Get],
                &[Get, Block],
            ],
        ),
        10,
    );
}

/// A thread that is woken counts before its waker goes on: what is posted next waits for it, or for whoever ran already.
#[test]
fn who_is_woken_counts_at_once() {
    const POSTS: &[Deed] = &[Post(1), Post(2), Wake, Post(3)];
    admitted(&most(3, 1, &[POSTS, &[Get, Nap], &[GetInTime]]), 20);
    admitted(&most(3, 1, &[POSTS, &[Get, Nap, Look], &[Get]]), 20);
    admitted(
        &most(
            3,
            2,
            &[&[Post(1), Post(2)], &[Get, Nap, Look], &[Get, Wake, Look]],
        ),
        20,
    );
}

/// A packet and the end of a waiter's time: one of them comes first, and no packet is lost.
#[test]
fn a_timeout_takes_nothing_with_it() {
    admitted(
        &most(3, 1, &[&[Post(1)], &[GetInTime], &[GetInTime, Look]]),
        10,
    );
    admitted(
        &most(3, 2, &[&[Post(1), Post(2)], &[GetInTime], &[GetInTime]]),
        10,
    );
}

/// Closing releases all who wait; what was handed before is delivered.
#[test]
fn closing_releases_all() {
    admitted(
        &most(3, 2, &[&[Post(1), Close], &[Get, Get], &[GetInTime]]),
        10,
    );
    admitted(
        &most(3, 1, &[&[Post(1), Post(2), Close], &[Get], &[Get, Post(3)]]),
        10,
    );
}

/// Workers post to their own port.
#[test]
fn workers_post_themselves() {
    admitted(
        &most(3, 1, &[&[Post(1)], &[Get, Post(2)], &[Get, Post(3)]]),
        10,
    );
}

/// Three workers, three packets.
#[test]
fn three_workers() {
    const THREE: &[&[Deed]] = &[&[Post(1), Post(2), Post(3)], &[Get], &[Get], &[Get]];
    const MIXED: &[&[Deed]] = &[
        &[Post(1), Post(2), Close],
        &[Get],
        &[GetInTime],
        &[GetMany(2)],
    ];
    admitted(&most(3, 2, THREE), 20);
    admitted(&most(2, 1, MIXED), 20);
}

fn with(fault: Fault, play: Play) -> Explored {
    Play {
        fault: Some(fault),
        ..play
    }
    .explore()
}

/// Loom itself finds that nobody can move any more.
#[track_caller]
fn is_deadlock(found: Explored) {
    match found {
        Explored::Stopped { why, executions } if why.contains("deadlock") => {
            println!("after {executions} executions: {why}");
        }
        other => panic!("{other:?}"),
    }
}

/// The model refuses what was seen.
#[track_caller]
fn is_refused(found: Explored) {
    match found {
        Explored::Refused { why, executions } => println!("after {executions} executions: {why}"),
        other => panic!("{other:?}"),
    }
}

/// A waiter that is not woken never ends.
#[test]
fn a_lost_wake_is_found() {
    is_deadlock(with(Fault::LostWake, all(1, &[&[Post(1)], &[Get]])));
}

/// A packet that a waiter has to come and get can be taken by another, which the model refuses.
#[test]
fn a_stolen_packet_is_found() {
    let play = most(2, 2, &[&[Post(1), Post(2)], &[Get], &[Get]]);
    is_refused(with(Fault::Stolen, play));
}

/// A thread that ends and counts on keeps the other waiting for ever.
#[test]
fn a_kept_count_is_found() {
    let play = most(2, 1, &[&[Post(1), Post(2)], &[Get], &[Get]]);
    is_deadlock(with(Fault::KeptCount, play));
}

/// A waiter that goes without the packet it was handed says that its time was over when the model says it was not.
#[test]
fn a_late_timeout_is_found() {
    is_refused(with(
        Fault::LateTimeout,
        all(1, &[&[Post(1)], &[GetInTime]]),
    ));
}

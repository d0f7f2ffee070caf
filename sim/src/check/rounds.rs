//! The search as a dataflow: workers own the states by their fingerprints, and go through the depths together.
//!
//! Each depth is two rounds. In the first its states arrive at their owners; in the second every worker hears from
//! every other what it knows, so that all come to the same decision. A round is over when timely's frontier has
//! passed it: when no message of it can be under way any more. At the end the way to a violation is traced back,
//! a parent a round.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use portsim_model::kernel::Kernel;
use portsim_model::system::System;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::{ConnectLoop, Feedback};
use timely::worker::Worker;

use super::reduce::Reduce;
use super::share::{Share, owner};
use super::wire::{Message, Summary, What};
use super::{Cut, Limits, Progress};

/// What the workers of a process share with whoever waits for them.
#[derive(Default)]
pub struct Desk {
    /// Set to end the search.
    pub stop: AtomicBool,
    /// Each worker's states and transitions so far, and states that wait.
    pub counts: Vec<[AtomicU64; 3]>,
    /// Steps from the start.
    pub depth: AtomicU32,
    /// How many workers have left, and what came out.
    pub result: Mutex<(usize, Option<Outcome>)>,
    /// Told when a worker leaves.
    pub left: Condvar,
}

impl Desk {
    /// A desk for so many workers.
    pub fn for_workers(workers: usize) -> Desk {
        Desk {
            counts: std::iter::repeat_with(Default::default)
                .take(workers)
                .collect(),
            ..Desk::default()
        }
    }

    /// Where the workers of this process stand.
    pub fn progress(&self) -> Progress {
        let sum = |n: usize| {
            self.counts
                .iter()
                .map(|of| of[n].load(Ordering::Relaxed))
                .sum()
        };
        Progress {
            states: sum(0),
            transitions: sum(1),
            waiting: sum(2),
            depth: self.depth.load(Ordering::Relaxed),
        }
    }
}

/// What every worker knows at the end.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What all workers together know of all depths.
    pub all: Summary,
    /// Different states.
    pub states: u64,
    /// The longest of the shortest ways to a state.
    pub depth_max: u32,
    /// Why it did not see everything.
    pub cut: Option<Cut>,
    /// The short fingerprints of the states on the way to the violation, the last one first.
    pub way: Vec<u64>,
    /// The workers do not search the same.
    pub differ: bool,
}

/// What a worker is at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// States of a depth arrive.
    Arrive,
    /// What others know of it arrives.
    Hear,
    /// The states of a depth are expanded.
    Expand,
    /// The way back arrives, a parent a round.
    Trace,
}

/// Builds one worker's part of the search.
pub fn build<K: Kernel + Send + Sync + 'static>(
    worker: &mut Worker,
    system: Arc<System<K>>,
    reduce: Arc<Reduce>,
    limits: Limits,
    search: u64,
    desk: Arc<Desk>,
) {
    let (me, peers) = (worker.index(), worker.peers());
    worker.dataflow::<u32, _, _>(|scope| {
        let (handle, stream) = scope.feedback::<Vec<Message>>(1);
        let route = Exchange::new(|message: &Message| u64::from(message.to));
        let found = stream.unary_frontier(route, "search", |capability, info| {
            let activator = scope.activator_for(info.address);
            let threads = desk.counts.len();
            let mut share = Share::new(
                system,
                reduce,
                me,
                peers,
                limits.memory_bytes / threads as u64,
            );
            share.summary.search = search;
            let mut seat = Seat {
                share,
                me,
                peers,
                depth_max: limits.depth,
                desk,
                phase: Phase::Arrive,
                depth: 0,
                heard: Vec::new(),
                early: Vec::new(),
                parent: None,
                untraced: 0,
                outcome: Outcome::default(),
            };
            let mut round = Some(capability);
            move |(input, frontier), output| {
                input.for_each(|stamp, messages| {
                    let at = round.as_ref().map(|capability| *capability.time());
                    // While a depth is expanded, what arrives is of the next.
                    let due = at.map(|at| at + u32::from(seat.phase == Phase::Expand));
                    let early = stamp.least().copied() > due;
                    for message in messages.drain(..) {
                        seat.receive(message.what, early);
                    }
                });
                while let Some(capability) = &mut round {
                    let at = *capability.time();
                    if seat.phase != Phase::Expand && frontier.frontier().less_equal(&at) {
                        return;
                    }
                    let mut out = output.session(&*capability);
                    let step = seat.go_on(|message| out.give(message));
                    drop(out);
                    match step {
                        Next::Busy => {
                            activator.activate();
                            return;
                        }
                        Next::Round => capability.downgrade(&(at + 1)),
                        Next::Same => {}
                        Next::Done => round = None,
                    }
                }
            }
        });
        found.connect_loop(handle);
    });
}

/// What comes after a step.
enum Next {
    /// There is more to do, after others had their turn.
    Busy,
    /// The round is over.
    Round,
    /// The round goes on with something else.
    Same,
    /// The search is over.
    Done,
}

/// One worker.
struct Seat<K> {
    share: Share<K>,
    me: usize,
    peers: usize,
    depth_max: Option<u32>,
    desk: Arc<Desk>,
    phase: Phase,
    /// Steps from the start to the states that arrive, or are heard of.
    depth: u32,
    /// What workers know of this depth.
    heard: Vec<Summary>,
    /// What arrived before its round.
    early: Vec<What>,
    /// The parent that arrived.
    parent: Option<u64>,
    /// How many states before the last of the way are still to be found.
    untraced: u32,
    outcome: Outcome,
}

impl<K: Kernel> Seat<K> {
    fn receive(&mut self, what: What, early: bool) {
        match what {
            what if early => self.early.push(what),
            What::States(batch) => self.share.add(&batch),
            What::Summary(summary) => self.heard.push(*summary),
            What::Parent(parent) => self.parent = Some(parent),
        }
    }

    /// Does what is to be done now that a round is over, or goes on with the expansion.
    fn go_on(&mut self, mut send: impl FnMut(Message)) -> Next {
        let next = match self.phase {
            Phase::Arrive => {
                let summary = self.share.summarize();
                self.tell(&What::Summary(Box::new(summary)), send);
                self.phase = Phase::Hear;
                Next::Round
            }
            Phase::Hear => self.decide(),
            Phase::Expand => {
                let stop = self.desk.stop.load(Ordering::Relaxed);
                let more = self.share.expand(stop, |to, batch| {
                    send(Message {
                        to: to as u32,
                        what: What::States(batch),
                    });
                });
                self.count();
                if more {
                    return Next::Busy;
                }
                self.phase = Phase::Arrive;
                Next::Round
            }
            Phase::Trace => self.trace(send),
        };
        // While a depth is expanded, what arrives is of the next: it is no longer early.
        if matches!(next, Next::Round) || self.phase == Phase::Expand {
            for what in std::mem::take(&mut self.early) {
                self.receive(what, false);
            }
        }
        next
    }

    /// Everybody decides alike, because everybody has heard the same.
    fn decide(&mut self) -> Next {
        let heard = std::mem::take(&mut self.heard);
        let out = &mut self.outcome;
        out.differ = heard.iter().any(|it| it.search != heard[0].search);
        out.all = heard
            .into_iter()
            .reduce(Summary::and)
            .expect("all have spoken");
        out.states += out.all.fresh;
        if out.all.fresh > 0 {
            out.depth_max = self.depth;
        }
        if let Some(worst) = &out.all.worst
            && !out.differ
        {
            self.untraced = worst.steps - u32::from(worst.last.is_some());
            if self.untraced > 0 {
                out.way.push(worst.state);
            }
            self.phase = Phase::Trace;
            return Next::Same;
        }
        out.cut = if out.all.full {
            Some(Cut::Memory)
        } else if out.all.stopped {
            Some(Cut::Stopped)
        } else if out.all.fresh > 0 && self.depth_max == Some(self.depth) {
            Some(Cut::Depth)
        } else {
            out.all.bounded.then_some(Cut::Bound)
        };
        let goes_on = matches!(out.cut, None | Some(Cut::Bound)) && out.all.fresh > 0;
        if out.differ || !goes_on {
            return Next::Done;
        }
        self.depth += 1;
        self.desk.depth.store(self.depth, Ordering::Relaxed);
        self.share.descend();
        self.phase = Phase::Expand;
        Next::Same
    }

    /// One state further back: its owner tells everybody.
    fn trace(&mut self, send: impl FnMut(Message)) -> Next {
        self.outcome.way.extend(self.parent.take());
        let traced = self.outcome.way.len() as u32;
        if traced >= self.untraced {
            return Next::Done;
        }
        let last = *self
            .outcome
            .way
            .last()
            .expect("the violation's own state is there");
        if owner(last, self.peers) == self.me {
            let from = self.share.from(last);
            let parent = from.map_or(last, |from| from.parent);
            self.tell(&What::Parent(parent), send);
        }
        Next::Round
    }

    fn tell(&self, what: &What, mut send: impl FnMut(Message)) {
        for to in 0..self.peers as u32 {
            let what = what.clone();
            send(Message { to, what });
        }
    }

    /// Tells whoever watches where the worker stands.
    fn count(&self) {
        let counts = &self.desk.counts[self.me % self.desk.counts.len()];
        let now = [
            self.share.seen(),
            self.share.summary.transitions,
            self.share.waiting(),
        ];
        for (count, now) in counts.iter().zip(now) {
            count.store(now, Ordering::Relaxed);
        }
    }
}

impl<K> Drop for Seat<K> {
    fn drop(&mut self) {
        // A worker that panics leaves too, without a result.
        if let Ok(mut result) = self.desk.result.lock() {
            result.0 += 1;
            if !std::thread::panicking() {
                result.1 = Some(std::mem::take(&mut self.outcome));
            }
        }
        self.desk.left.notify_all();
    }
}

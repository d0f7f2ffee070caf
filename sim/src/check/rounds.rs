//! The search in rounds: processes own the states by their fingerprints, and go through the depths together. Each leads a
//! team of workers (`team`).
//!
//! Each depth is two rounds. In the first its states arrive at their owners; in the second every process hears from
//! every other what it knows, so that all come to the same decision. A round is over when no message of it can be under
//! way any more, of which a process alone is sure at once; where there are several, `hosts` knows. At the end the way to a
//! violation is traced back, a parent a round.
//!
//! A depth can be paused: what was found of the next arrives, everybody hears of the pause, and each writes what it has
//! to a file or not; then the depth goes on, or the search ends there and can be taken up again (`keep`).

mod keep;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use super::kept::{Keeper, Which};
use super::team::Team;
use super::told::{Outcome, Told};
use super::wire::{Message, Offer, Summary, What};
use super::{Cut, Loss};

/// What a process is at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Everybody says what it brings to begin with.
    Offer,
    /// What others bring arrives.
    Agree,
    /// States of a depth arrive.
    Arrive,
    /// What others know of it arrives.
    Hear,
    /// Everybody has written its states, and hears whether all could.
    Keep,
    /// Every process has said that they are a checkpoint, and hears whether all could.
    Commit,
    /// The states of a depth are expanded.
    Expand,
    /// The way back arrives, a parent a round.
    Trace,
}

/// What a process is told before it begins.
#[derive(Debug, Clone)]
pub struct Config {
    /// The bound on steps from the start.
    pub depth: Option<u32>,
    /// What is searched: all processes must agree.
    pub search: u64,
    /// What keeps the share of this process.
    pub keeper: Option<Arc<Keeper>>,
    /// Whether the search is taken up where it was kept.
    pub resume: bool,
    /// Whether a checkpoint is written at every depth and after every block of states.
    pub always: bool,
}

/// Goes through the rounds without other processes, on a thread of its own: what this one tells, it hears itself when the
/// round is over.
///
/// # Errors
///
/// If the thread cannot be started.
pub fn alone(mut search: Search) -> Result<Ends, String> {
    let rounds = move || {
        let mut told = Vec::new();
        loop {
            match search.go_on(|message| told.push(message.what)) {
                Next::Busy | Next::Same => {}
                Next::Round => {
                    for what in told.drain(..) {
                        search.receive(what, false);
                    }
                }
                Next::Done => return,
            }
        }
    };
    let leader = thread::Builder::new().name("search".into()).spawn(rounds);
    let leader = leader.map_err(|why| format!("the workers cannot be started: {why}"))?;
    Ok(Box::new(move || {
        let left = leader.join();
        left.map_err(|_| "a worker has panicked, as said above".to_owned())
    }))
}

/// Waits for the threads that go through the rounds.
pub type Ends = Box<dyn FnOnce() -> Result<(), String>>;

/// What comes after a step.
pub enum Next {
    /// There is more to do, after others had their turn.
    Busy,
    /// The round is over.
    Round,
    /// The round goes on with something else.
    Same,
    /// The search is over.
    Done,
}

/// One process's part of the search.
pub struct Search {
    team: Team,
    /// What this process says of itself, besides what its workers know.
    summary: Summary,
    config: Config,
    shared: Arc<Told>,
    phase: Phase,
    /// Steps from the start to the states that arrive, or are heard of.
    depth: u32,
    /// Different states of all depths that are complete.
    complete: u64,
    /// The number of the last checkpoint.
    number: u32,
    /// The checkpoint that was just read.
    taken_up: Option<Which>,
    /// A checkpoint was written, and nothing was expanded since.
    kept: bool,
    /// What workers bring to begin with.
    offers: Vec<Offer>,
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

impl Search {
    /// Nothing is known yet.
    pub fn new(team: Team, config: Config, shared: Arc<Told>) -> Search {
        Search {
            team,
            summary: Summary {
                search: config.search,
                ..Summary::default()
            },
            number: 0,
            taken_up: None,
            kept: false,
            config,
            shared,
            phase: Phase::Offer,
            depth: 0,
            complete: 0,
            offers: Vec::new(),
            heard: Vec::new(),
            early: Vec::new(),
            parent: None,
            untraced: 0,
            outcome: Outcome::default(),
        }
    }

    /// Whether the states of a depth are being expanded: it goes on then although messages of this round may still come.
    pub fn expands(&self) -> bool {
        self.phase == Phase::Expand
    }

    /// A message of this round, or of a later one.
    pub fn receive(&mut self, what: What, early: bool) {
        if !self.team.share.understands(&what) {
            // The search ends: what was left out may be what matters.
            let _ = self.shared.lost.set(Loss::Forged);
            return;
        }
        match what {
            what if early => self.early.push(what),
            What::States(batch) => self.team.add(&batch),
            What::Offer(offer) => self.offers.push(offer),
            What::Summary(summary) => self.heard.push(*summary),
            What::Parent(parent) => self.parent = Some(parent),
        }
    }

    /// Does what is to be done now that a round is over, or goes on with the expansion.
    pub fn go_on(&mut self, mut send: impl FnMut(Message)) -> Next {
        let next = match self.phase {
            Phase::Arrive => {
                self.summarize(send);
                self.phase = Phase::Hear;
                Next::Round
            }
            Phase::Hear => self.decide(send),
            Phase::Offer => self.offer(send),
            Phase::Agree => self.agree(),
            Phase::Keep => self.commit(send),
            Phase::Commit => self.settle(),
            Phase::Expand => {
                let stop = self.shared.stop.load(Ordering::Relaxed);
                let due = self.config.always && !std::mem::take(&mut self.kept);
                let pause = due || self.shared.pause.load(Ordering::Relaxed);
                self.summary.stopped |= stop;
                let more = self
                    .team
                    .expand(stop || pause, self.config.always, |to, batch| {
                        send(Message {
                            to: to as u32,
                            what: What::States(batch),
                        });
                    });
                if more {
                    return Next::Busy;
                }
                self.summary.paused = self.team.share.now().len() > 0;
                self.phase = Phase::Arrive;
                Next::Round
            }
            Phase::Trace => self.trace(send),
        };
        // While a depth is expanded, what arrives is of the next: it is no longer early.
        if matches!(next, Next::Round) || self.expands() {
            for what in std::mem::take(&mut self.early) {
                self.receive(what, false);
            }
        }
        next
    }

    /// Everybody decides alike, because everybody has heard the same.
    fn decide(&mut self, send: impl FnMut(Message)) -> Next {
        self.hear();
        let out = &mut self.outcome;
        if out.differ || out.all.failed {
            return Next::Done;
        }
        let paused = out.all.paused;
        out.states = self.complete + out.all.fresh;
        // A search that is taken up again comes here first, and has nothing new to keep.
        let taken_up = self.taken_up.take();
        if let Some(which) = taken_up
            && let Some(next) = self.check_taken_up(which)
        {
            return next;
        }
        let out = &mut self.outcome;
        if out.all.fresh > 0 {
            out.depth_max = self.depth.max(out.depth_max);
        }
        let ends = out.all.full || out.all.stopped;
        // Which violation is the first is known only when the whole depth is.
        if let Some(worst) = &out.all.worst
            && (!paused || ends)
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
        } else if !paused && out.all.fresh > 0 && self.config.depth == Some(self.depth) {
            Some(Cut::Depth)
        } else if out.all.preempted {
            Some(Cut::Preemptions)
        } else {
            out.all.bounded.then_some(Cut::Bound)
        };
        let interrupted = paused || (ends && out.all.fresh > 0);
        if interrupted && taken_up.is_none() && self.config.keeper.is_some() {
            return self.keep(send);
        }
        self.descend()
    }

    /// What all workers together know.
    fn hear(&mut self) {
        let heard = std::mem::take(&mut self.heard);
        self.outcome.differ = heard.iter().any(|it| it.search != heard[0].search);
        self.outcome.all = heard
            .into_iter()
            .reduce(Summary::merge)
            .expect("all have spoken");
    }

    /// Goes on with the depth that was paused, or with the next; or the search is over.
    fn descend(&mut self) -> Next {
        let all = &self.outcome.all;
        let goes_on = matches!(self.outcome.cut, None | Some(Cut::Bound | Cut::Preemptions));
        if !goes_on || (all.fresh == 0 && !all.paused) {
            return Next::Done;
        }
        if !all.paused {
            self.complete = self.outcome.states;
            self.depth += 1;
            let before = self.shared.levels[0].swap(all.fresh, Ordering::Relaxed);
            self.shared.levels[1].store(before, Ordering::Relaxed);
            self.shared.depth.store(self.depth, Ordering::Relaxed);
            self.team.share.descend();
        }
        self.kept = all.paused;
        self.summary.paused = false;
        self.shared.pause.store(false, Ordering::Relaxed);
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
        let share = &self.team.share;
        if share.owns(last) {
            let depth = self.untraced - (traced - 1);
            let parent = share.seen.parent(last, depth).unwrap_or(last);
            self.tell(&What::Parent(parent), send);
        }
        Next::Round
    }

    /// Tells everybody what this process knows.
    fn summarize(&mut self, send: impl FnMut(Message)) {
        let summary = self.team.summary(&self.summary);
        self.tell(&What::Summary(Box::new(summary)), send);
    }

    fn tell(&self, what: &What, mut send: impl FnMut(Message)) {
        for to in 0..self.team.share.processes as u32 {
            let what = what.clone();
            send(Message { to, what });
        }
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        // One that panics leaves too, without a result.
        let panics = thread::panicking();
        if panics {
            self.shared.panicked.store(true, Ordering::Relaxed);
        } else if let Ok(mut coverage) = self.shared.coverage.lock() {
            self.team.merge_coverage(&mut coverage);
        }
        if let Ok(mut result) = self.shared.result.lock() {
            let outcome = (!panics).then(|| std::mem::take(&mut self.outcome));
            *result = (true, outcome);
        }
        self.shared.left.notify_all();
    }
}

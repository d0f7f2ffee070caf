//! One thread moves at a time: a program on a real backend, in lock-step.
//!
//! A thread cannot write down the moment at which it enters the kernel, so an order of events is true only if
//! everybody else stands still. In each turn one thread makes one call. The turn is over when that thread has
//! returned or is parked in this call, and every thread that the call released has returned.
//!
//! Where a port counts its threads, the end of one that belongs to a port is a turn as well; so is the end of one that
//! takes I/O with it, or that somebody may wait for. A suspended thread has no turns.
//!
//! The order of the events of one turn: first the call, then the returns by thread. Which of several released
//! threads came back first cannot be observed.
//!
//! Instead of a policy a path of the model may say who moves: it is followed as long as the kernel lets those move whom it
//! names.

use std::time::{Duration, Instant};

use portsim_model::control::Offer;
use portsim_model::event::Error;
use portsim_model::os_error::errno;
use portsim_model::program::{Op, Pc, Program, Slated, ThreadId};
use portsim_model::step::{Step, StepKind};

use super::backend::{Backend, Failure, is_ours};
use super::clock::{Clock, tick_for, times_of};
use super::part::{Lost, Script, unplayable};
use super::recording::{Disturbance, Ended, NoRecording, Options, Recording, TRIES};
use super::threads::{Back, Threads, Unquiet, ended_by};
use crate::choose::Choose;
use crate::trace::{Answer, Shown};

/// Records a program. Where its schedule leaves a choice, or there is none, a policy chooses among the steps;
/// `policy` makes it anew for every try, so that a repeated run makes the same choices.
pub fn record(
    backend: &dyn Backend,
    program: &Program,
    policy: &dyn Fn() -> Box<dyn Choose>,
    options: &Options,
) -> Result<Recording, NoRecording> {
    conduct(backend, program, options, &|run: &mut Run<'_>| {
        run.play(&mut *policy())
    })
}

/// Records a program whose threads take the turns that a path of a model takes. It ends where the path does, or where
/// somebody cannot move whose turn it is.
pub fn follow(
    backend: &dyn Backend,
    program: &Program,
    path: &[Step],
    options: &Options,
) -> Result<Recording, NoRecording> {
    conduct(backend, program, options, &|run: &mut Run<'_>| {
        run.follow(path)
    })
}

/// Records what `play` makes of a run.
fn conduct(
    backend: &dyn Backend,
    program: &Program,
    options: &Options,
    play: &dyn Fn(&mut Run<'_>) -> Result<Ended, Stop>,
) -> Result<Recording, NoRecording> {
    backend.available().map_err(NoRecording::Unavailable)?;
    let mut tick = tick_for(program, options.haste);
    let refusal = match unplayable(program) {
        Some(why) => Some(why),
        None => backend.refuses(program, tick)?,
    };
    if let Some(why) = refusal {
        return Err(NoRecording::Unsupported(why));
    }
    let mut last = Disturbance::Signal;
    for _ in 0..TRIES {
        let mut threads = backend.open(program, tick)?;
        let mut run = Run::new(program, &mut *threads, tick, options);
        let ended = play(&mut run);
        let (events, turns) = (std::mem::take(&mut run.events), run.turns);
        let taken = std::mem::take(&mut run.taken);
        let parked = run.parked();
        let disturbed = threads.disturbed();
        let home = threads.end();
        match ended {
            Ok(_) if disturbed => last = Disturbance::Signal,
            Err(Stop::Unsteady(thread)) => last = Disturbance::Timeout(thread),
            Ok(ended) => {
                home?;
                return Ok(Recording {
                    events,
                    parked,
                    ended,
                    turns,
                    taken,
                });
            }
            Err(Stop::Failed(failure)) => return Err(failure.into()),
            Err(Stop::Overdue(thread, op)) => {
                return Err(NoRecording::Overdue {
                    turn: turns - 1,
                    thread,
                    op,
                    limit: options.turn_limit,
                    events,
                });
            }
        }
        home?;
        tick *= 2;
    }
    Err(NoRecording::Unsteady(last))
}

/// As many turns as a deadline counts for against the limit: it takes real time.
const DEADLINE_TURNS: u64 = 100;

/// Why a try was given up.
enum Stop {
    Failed(Failure),
    Overdue(ThreadId, Op),
    /// The timeout of this thread fired before the clock had its turn.
    Unsteady(ThreadId),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failed(failure)
    }
}

struct Run<'a> {
    program: &'a Program,
    threads: &'a mut dyn Threads,
    options: &'a Options,
    script: Script<'a>,
    clock: Clock,
    events: Vec<Shown>,
    turns: u64,
    taken: Vec<Slated>,
    /// Deadlines that have passed.
    deadlines: u64,
    /// Set where the play ends in the middle of a turn.
    ended: Option<Ended>,
}

impl<'a> Run<'a> {
    fn new(
        program: &'a Program,
        threads: &'a mut dyn Threads,
        tick: Duration,
        options: &'a Options,
    ) -> Run<'a> {
        Run {
            program,
            threads,
            options,
            script: Script::new(program),
            clock: Clock::new(tick),
            events: Vec::new(),
            turns: 0,
            taken: Vec::new(),
            deadlines: 0,
            ended: None,
        }
    }

    fn parked(&self) -> Vec<ThreadId> {
        let parked = |&thread: &ThreadId| self.script.parts[thread.index()].inside.is_some();
        self.program.thread_ids().filter(parked).collect()
    }

    fn begin(&mut self) -> Result<(), Stop> {
        for thread in self.program.thread_ids() {
            if self.script.part(thread).born {
                let went = self.script.go_on(thread, 0);
                self.went(thread, went)?;
            }
        }
        Ok(())
    }

    fn play(&mut self, choose: &mut dyn Choose) -> Result<Ended, Stop> {
        self.begin()?;
        let mut steps = Vec::new();
        let mut slated = self.program.schedule.as_ref().map(|turns| turns.iter());
        while self.ended.is_none() {
            let turns = self.turns + DEADLINE_TURNS * self.deadlines;
            if slated.is_none() && turns >= self.options.turns_max {
                return Ok(Ended::StepLimit);
            }
            steps.clear();
            match slated.as_mut().map(Iterator::next) {
                None => {
                    for thread in self.program.thread_ids() {
                        self.turns_of(thread, &mut steps);
                    }
                    steps.extend(self.time());
                    if steps.is_empty() {
                        return Ok(Ended::Rest);
                    }
                }
                Some(None) => return Ok(Ended::ScheduleOver),
                Some(Some(Slated::Time)) => steps.extend(self.time()),
                Some(Some(&Slated::Thread(thread))) => {
                    self.turns_of(thread, &mut steps);
                    let part = self.script.part(thread);
                    if steps.is_empty() && part.born && !part.done {
                        return Ok(Ended::ScheduleStuck(self.turns as usize, thread));
                    }
                }
            }
            self.turns += 1;
            let step = match steps.len() {
                0 => continue,
                // Only a schedule takes the choice away; without one a policy sees every step, as in a
                // simulation, and draws as often.
                1 if slated.is_some() => steps[0],
                _ => steps[choose.choose(&steps)],
            };
            match step.kind {
                StepKind::Time => {
                    self.taken.push(Slated::Time);
                    self.pass_time()?;
                }
                StepKind::Turn | StepKind::Wake => {
                    self.taken.push(Slated::Thread(step.thread));
                    self.turn(step.thread, step.choice)?;
                }
            }
        }
        Ok(self.ended.expect("the loop ended"))
    }

    fn follow(&mut self, path: &[Step]) -> Result<Ended, Stop> {
        self.begin()?;
        for &step in path {
            if let Some(ended) = self.ended {
                return Ok(ended);
            }
            let thread = step.thread;
            match step.kind {
                // Whom the kernel has woken comes back by itself.
                StepKind::Wake => {}
                // So does whose time was over with another's.
                StepKind::Time if self.script.part(thread).inside.is_none() => {}
                StepKind::Time if self.time().is_none() => {
                    return Ok(Ended::AnotherWay(self.turns as usize, thread));
                }
                StepKind::Time => {
                    self.turns += 1;
                    self.taken.push(Slated::Time);
                    self.pass_time()?;
                }
                // Where nobody counts a thread its end is no turn.
                StepKind::Turn if self.script.part(thread).done => {}
                StepKind::Turn => {
                    let choice = step.choice % self.branches(thread);
                    let mut own = Vec::new();
                    self.turns_of(thread, &mut own);
                    if !own.iter().any(|turn| turn.choice == choice) {
                        return Ok(Ended::AnotherWay(self.turns as usize, thread));
                    }
                    self.turns += 1;
                    self.taken.push(Slated::Thread(thread));
                    self.turn(thread, choice)?;
                }
            }
        }
        Ok(self.ended.unwrap_or(Ended::Followed))
    }

    /// How many branches a thread has before it: the first digit of the number of a step says which is taken.
    fn branches(&self, thread: ThreadId) -> u32 {
        let part = &self.script.parts[thread.index()];
        let (mut branches, plan) = (0, &self.script.plan);
        if part.inside.is_none() && !part.done && !part.leaving && part.born {
            plan.offers(self.program, &self.script, thread, part.pc, |_| {
                branches += 1;
            });
        }
        branches.max(1)
    }

    /// The turns that a thread can take now.
    fn turns_of(&self, thread: ThreadId, steps: &mut Vec<Step>) {
        let part = &self.script.parts[thread.index()];
        let step = |choice| Step {
            kind: StepKind::Turn,
            thread,
            choice,
        };
        match part.inside {
            _ if part.done || !part.born || part.suspensions > 0 => {}
            None if part.leaving => steps.push(step(0)),
            Some(op) => steps.extend((op == Op::Stall).then(|| step(0))),
            None => {
                let mut choices = 0;
                let plan = &self.script.plan;
                plan.offers(self.program, &self.script, thread, part.pc, |offer| {
                    if !matches!(offer, Offer::Op(op, _) if self.script.awaits(thread, op)) {
                        steps.push(step(choices));
                    }
                    choices += 1;
                });
            }
        }
    }

    /// The step of the clock, where a deadline is pending.
    fn time(&self) -> Option<Step> {
        self.clock.next().map(|thread| Step {
            kind: StepKind::Time,
            thread,
            choice: 0,
        })
    }

    fn turn(&mut self, thread: ThreadId, choice: u32) -> Result<(), Stop> {
        let part = self.script.part(thread);
        if part.inside.is_some() {
            self.threads.come_back(thread)?;
            let backs = self.quiet(&[thread], self.options.turn_limit)?;
            return self.return_all(backs);
        }
        if part.leaving {
            return self.exit(thread);
        }
        let pc = part.pc;
        let plan = &self.script.plan;
        match plan.nth_offer(self.program, &self.script, thread, pc, choice) {
            Some(Offer::Op(op, pc)) if is_ours(op) => self.conduct(thread, op, pc),
            Some(Offer::Op(op, pc)) => match self.script.call(thread, op) {
                Ok(call) => self.call(thread, call, pc),
                Err(lost) => self.went(thread, Err(lost)),
            },
            Some(Offer::End(_)) => self.exit(thread),
            Some(Offer::Nowhere(_)) => self.went(thread, Err(Lost)),
            None => unreachable!("the step was offered"),
        }
    }

    /// Lets the thread make a call in the kernel.
    fn call(&mut self, thread: ThreadId, op: Op, pc: Pc) -> Result<(), Stop> {
        self.script.starts(thread, op, pc);
        // Facts and errors must already see it inside.
        self.script.part(thread).inside = Some(op);
        let since = Instant::now();
        self.threads.start(thread, op)?;
        let mut backs = self.quiet(&[], self.options.turn_limit)?;
        let own = backs.iter().position(|back| back.thread == thread);
        let answer = own.map(|own| backs.remove(own).answer);
        self.events.push(Shown::Call {
            thread,
            op,
            answer: answer.clone(),
        });
        match answer {
            None => {
                if let Some(times) = times_of(op) {
                    self.clock.parks(thread, times, since);
                }
            }
            Some(answer) => {
                let passed = |ticks| self.clock.has_passed_since(since, ticks);
                if times_of(op)
                    .is_some_and(|times| by_the_clock(op, &answer, || passed(times.first)))
                {
                    return Err(unasked(thread));
                }
                if let Some(ended) = ended_by(op, &answer) {
                    // No deadline of its pends any more.
                    self.clock.returns(ended);
                }
                let went = self.script.ends(thread, op, &answer);
                self.went(thread, went)?;
            }
        }
        self.return_all(backs)
    }

    /// Makes an operation that no kernel needs to see.
    fn conduct(&mut self, thread: ThreadId, op: Op, pc: Pc) -> Result<(), Stop> {
        self.script.starts(thread, op, pc);
        if op == Op::Exit {
            return self.exit(thread);
        }
        let mut answer = Some(Answer::Done);
        if let Op::Spawn { thread: child } = op {
            if self.script.part(child).born {
                answer = Some(Answer::Failed(errno(Error::Exists).name.into()));
            } else {
                self.script.part(child).born = true;
                let went = self.script.go_on(child, 0);
                self.went(child, went)?;
            }
        }
        let next = self.script.makes(thread, op, pc);
        match &next {
            Ok(Some((own, _))) if *own != Answer::Done => answer = Some(own.clone()),
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => answer = None,
        }
        self.events.push(Shown::Call { thread, op, answer });
        let went = match next {
            Ok(Some((_, next))) => self.script.go_on(thread, next),
            Ok(None) => {
                self.ended = Some(Ended::AssertFailed(thread));
                return Ok(());
            }
            Err(lost) => Err(lost),
        };
        self.went(thread, went)
    }

    /// A thread ends; whoever that releases returns in the same turn.
    fn exit(&mut self, thread: ThreadId) -> Result<(), Stop> {
        let shows = self.shows_end(thread);
        let part = self.script.part(thread);
        (part.done, part.leaving) = (true, false);
        self.events.push(Shown::Call {
            thread,
            op: Op::Exit,
            answer: Some(Answer::Done),
        });
        self.threads.leave(thread)?;
        if !shows {
            return Ok(());
        }
        let backs = self.quiet(&[], self.options.turn_limit)?;
        self.return_all(backs)
    }

    /// Waits for the next deadline in real time. Whoever is suspended finds its time over when it goes on, so nothing
    /// tells that it is but the clock.
    fn pass_time(&mut self) -> Result<(), Stop> {
        self.deadlines += 1;
        let (mut due, rest) = self.clock.advance().expect("a deadline is pending");
        let threads = due.len();
        due.retain(|&thread| self.script.part(thread).suspensions == 0);
        if due.len() < threads {
            std::thread::sleep(rest);
        }
        let backs = self.quiet(&due, rest + self.options.turn_limit)?;
        self.return_all(backs)
    }

    fn quiet(&mut self, until: &[ThreadId], limit: Duration) -> Result<Vec<Back>, Stop> {
        let backs = self.threads.quiet(until, limit).map_err(|why| match why {
            Unquiet::Failed(failure) => Stop::Failed(failure),
            Unquiet::Overdue(thread) => {
                let op = self.script.part(thread).inside;
                Stop::Overdue(thread, op.expect("only a thread in a call moves"))
            }
        })?;
        self.let_go()?;
        Ok(backs)
    }

    /// A thread whose end was to be a turn just goes when its port is closed: nobody counts it any more.
    fn let_go(&mut self) -> Result<(), Stop> {
        for thread in self.program.thread_ids() {
            let shows = self.shows_end(thread);
            let part = self.script.part(thread);
            if part.leaving && part.suspensions == 0 && !shows {
                (part.done, part.leaving) = (true, false);
                self.threads.leave(thread)?;
            }
        }
        Ok(())
    }

    fn return_all(&mut self, backs: Vec<Back>) -> Result<(), Stop> {
        for Back { thread, answer } in backs {
            let op = self.script.part(thread).inside;
            let op = op.expect("only a thread in a call returns");
            let by_the_clock = by_the_clock(op, &answer, || self.clock.has_passed(thread));
            if !self.clock.returns(thread) && by_the_clock {
                return Err(unasked(thread));
            }
            let went = self.script.ends(thread, op, &answer);
            self.events.push(Shown::Return { thread, op, answer });
            self.went(thread, went)?;
        }
        Ok(())
    }

    /// Whether the end of a thread may release others, and so is a turn.
    fn shows_end(&self, thread: ThreadId) -> bool {
        self.threads.counts(thread) || self.program.is_joined(thread)
    }

    /// After control went on: a thread whose program is over leaves, at once or in a turn of its own; one that is
    /// lost ends the recording.
    fn went(&mut self, thread: ThreadId, went: Result<(), Lost>) -> Result<(), Stop> {
        let shows = self.shows_end(thread);
        let part = self.script.part(thread);
        if went.is_err() {
            self.ended.get_or_insert(Ended::Nowhere(thread));
        } else if part.done && shows {
            (part.done, part.leaving) = (false, true);
        } else if part.done {
            self.threads.leave(thread)?;
        }
        Ok(())
    }
}

/// Whether the clock ended the call. Where a system gives fewer packets than were waited for when the time is over, and
/// for other reasons too, it did if the time has passed.
fn by_the_clock(op: Op, answer: &Answer, passed: impl FnOnce() -> bool) -> bool {
    match answer {
        Answer::Done => matches!(op, Op::Sleep { .. }),
        Answer::Packets(some) => {
            let min = op.as_get().and_then(|get| get.min);
            min.is_some_and(|min| some.len() < usize::from(min)) && passed()
        }
        _ => answer.error() == Some(Error::Timeout),
    }
}

fn unasked(thread: ThreadId) -> Stop {
    Stop::Unsteady(thread)
}

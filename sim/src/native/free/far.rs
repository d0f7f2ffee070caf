//! Threads of another process at full speed.
//!
//! Their code is played here, and what they are to call is sent to them: as many calls ahead as do not depend on an
//! answer, so that nobody there waits for a line of ours. The times of calls are theirs.
//!
//! What needs no kernel (a variable is set, a thread is spawned) happens here, and no clock of theirs was read. But it
//! happens after everything that had been heard by then, and before everything that was sent after it: those are
//! its times.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::os_error::errno;
use portsim_model::program::{Instr, Op, Pc, Program, ThreadId};

use super::{Branches, Call, Ended, Freely, GRACE, Limit, Next};
use crate::native::backend::is_ours;
use crate::native::failure::Failure;
use crate::native::part::Script;
use crate::native::recording::NoRecording;
use crate::native::threads::{Back, FarThreads, Told};
use crate::trace::{Answer, Span};

/// The most calls that a thread is given before it has returned from the first of them.
const AHEAD_MAX: usize = 64;

/// How long nothing is heard before it is asked whether anything moves, at first and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(50)];

/// Records a program on threads of another process.
pub fn record(
    threads: Box<dyn FarThreads>,
    program: &Arc<Program>,
    seed: u64,
    limit: Limit,
) -> Result<Freely, NoRecording> {
    let mut run = Run::new(threads, program, seed);
    match run.plays(limit) {
        Ok(ended) => Ok(run.told(ended)),
        Err(failure) if run.calls.is_empty() => Err(failure.into()),
        Err(failure) => Ok(run.told(Ended::Failed(failure.to_string()))),
    }
}

/// A call that was given and has not returned.
struct Open {
    /// Which of `Run::calls`.
    call: usize,
    pc: Pc,
}

struct Run<'a> {
    program: &'a Program,
    threads: Box<dyn FarThreads>,
    script: Script<'a>,
    branches: Vec<Branches>,
    /// By thread: what it was given, oldest first.
    open: Vec<VecDeque<Open>>,
    /// Who has something to do that needs nobody else.
    ready: VecDeque<ThreadId>,
    /// In the order in which they were given or made.
    calls: Vec<Call>,
    /// The last time that was heard of.
    latest: u64,
    ended: Option<Ended>,
}

impl<'a> Run<'a> {
    fn new(threads: Box<dyn FarThreads>, program: &'a Program, seed: u64) -> Run<'a> {
        let everybody = || program.thread_ids();
        let mut run = Run {
            program,
            threads,
            script: Script::new(program),
            branches: everybody().map(|me| Branches::of(seed, me)).collect(),
            open: everybody().map(|_| VecDeque::new()).collect(),
            ready: VecDeque::new(),
            calls: Vec::new(),
            latest: 0,
            ended: None,
        };
        for me in everybody() {
            if run.script.part(me).born {
                run.goes_on(me, 0);
            }
        }
        run
    }

    /// Plays the program, and brings everybody home.
    fn plays(&mut self, limit: Limit) -> Result<Ended, Failure> {
        let ended = self.wait(limit)?;
        if ended.is_limit() {
            self.lets_end()?;
        }
        self.threads.end()?;
        Ok(ended)
    }

    /// Plays until nothing moves any more, or the limit is reached.
    fn wait(&mut self, limit: Limit) -> Result<Ended, Failure> {
        let since = Instant::now();
        let mut pause = PAUSES[0];
        // How many calls had been made when it was asked last, if there was no answer yet.
        let mut asked = None;
        loop {
            if let Some(me) = self.ready.pop_front() {
                self.moves(me);
            }
            if let Some(ended) = self.ended.take() {
                return Ok(ended);
            }
            let is_idle = self.ready.is_empty();
            if is_idle && self.open.iter().all(VecDeque::is_empty) {
                return Ok(Ended::Rest);
            }
            let elapsed = since.elapsed();
            if let Some(ended) = limit.reached(elapsed, self.calls.len()) {
                return Ok(ended);
            }
            let rest = limit.time - elapsed;
            let patience = match (is_idle, asked) {
                (false, _) => Duration::ZERO,
                (true, None) => pause.min(rest),
                (true, Some(_)) => rest,
            };
            match self.threads.hear(patience)? {
                Some(Told::Returned(back, span)) => self.returns(back, span),
                Some(Told::Moves(moves)) => {
                    let nothing_new = asked.take() == Some(self.calls.len());
                    if !moves && nothing_new && self.ready.is_empty() {
                        return Ok(Ended::Rest);
                    }
                    pause = (2 * pause).min(PAUSES[1]);
                }
                None if asked.is_none() && is_idle => {
                    self.threads.ask();
                    asked = Some(self.calls.len());
                }
                None => {}
            }
        }
    }

    /// The limit is reached: what is under way may end.
    fn lets_end(&mut self) -> Result<(), Failure> {
        self.ready.clear();
        self.threads.ask();
        let since = Instant::now();
        while since.elapsed() < GRACE {
            match self.threads.hear(PAUSES[1])? {
                Some(Told::Returned(back, span)) => self.writes(&back, span),
                Some(Told::Moves(false)) => break,
                Some(Told::Moves(true)) => self.threads.ask(),
                None => {}
            }
        }
        Ok(())
    }

    /// A thread makes what needs nobody else, or is given calls.
    fn moves(&mut self, me: ThreadId) {
        let next = self.branches[me.index()].next(self.program, &mut self.script, me);
        match next {
            Next::End => self.leaves(me),
            Next::Nowhere => self.ended = Some(Ended::Nowhere(me)),
            Next::Op(op, pc) if is_ours(op) => self.makes(me, op, pc),
            Next::Op(op, pc) => {
                self.script.starts(me, op, pc);
                self.gives(me, op, pc);
                self.gives_ahead(me);
            }
        }
    }

    /// Gives a thread a call.
    fn gives(&mut self, me: ThreadId, op: Op, pc: Pc) {
        let call = self.calls.len();
        self.open[me.index()].push_back(Open { call, pc });
        self.calls.push(Call {
            thread: me,
            op,
            answer: None,
            span: Span {
                t0: self.latest,
                t1: None,
            },
        });
        self.threads.give(me, op);
    }

    /// Gives a thread the calls that follow whatever the answers are.
    fn gives_ahead(&mut self, me: ThreadId) {
        let open = &self.open[me.index()];
        let Some(mut pc) = open.back().map(|open| open.pc) else {
            return;
        };
        for _ in open.len()..AHEAD_MAX {
            let code = &self.program.code(me).instrs;
            pc += 1;
            if let Instr::Jump(to) = code[usize::from(pc)] {
                pc = to;
            }
            match code[usize::from(pc)] {
                // What it computes may depend on what the calls before it come to.
                Instr::Op(op) if !is_ours(op) && op.computes().is_none() => self.gives(me, op, pc),
                _ => return,
            }
        }
    }

    /// A thread makes an operation that no kernel needs to see.
    fn makes(&mut self, me: ThreadId, op: Op, pc: Pc) {
        if op == Op::Exit {
            return self.leaves(me);
        }
        self.script.starts(me, op, pc);
        let mut answer = Answer::Done;
        if let Op::Spawn { thread } = op {
            let child = self.script.part(thread);
            if std::mem::replace(&mut child.born, true) {
                answer = Answer::Failed(errno(Error::Exists).name.into());
            } else {
                self.goes_on(thread, 0);
            }
        }
        let next = self.script.makes(me, op, pc);
        let answer = match &next {
            Ok(Some((own, _))) if *own != Answer::Done => Some(own.clone()),
            Ok(Some(_)) => Some(answer),
            Ok(None) | Err(_) => None,
        };
        self.calls.push(Call {
            thread: me,
            op,
            answer,
            span: Span {
                t0: self.latest,
                t1: None,
            },
        });
        match next {
            Ok(Some((_, next))) => self.goes_on(me, next),
            Ok(None) => self.ended = Some(Ended::AssertFailed(me)),
            Err(_) => self.ended = Some(Ended::Nowhere(me)),
        }
    }

    /// A call of a thread has returned.
    fn returns(&mut self, back: Back, span: Span) {
        let me = back.thread;
        let Some(open) = self.open[me.index()].front() else {
            return;
        };
        let (op, pc) = (self.calls[open.call].op, open.pc);
        self.writes(&back, span);
        if op == Op::Exit {
            return;
        }
        // Its slot is cleared when a call starts: the next one starts when this one is over.
        self.script.starts(me, op, pc);
        if self.script.ends(me, op, &back.answer).is_err() {
            self.ended = Some(Ended::Nowhere(me));
        } else if !self.open[me.index()].is_empty() {
            self.gives_ahead(me);
        } else if self.script.part(me).done {
            self.leaves(me);
        } else {
            self.ready.push_back(me);
        }
    }

    fn writes(&mut self, back: &Back, span: Span) {
        let Some(open) = self.open[back.thread.index()].pop_front() else {
            return;
        };
        let call = &mut self.calls[open.call];
        (call.answer, call.span) = (Some(back.answer.clone()), span);
        self.latest = self.latest.max(span.t1.unwrap_or(span.t0));
    }

    fn goes_on(&mut self, me: ThreadId, pc: Pc) {
        if self.script.go_on(me, pc).is_err() {
            self.ended = Some(Ended::Nowhere(me));
        } else if self.script.part(me).done {
            self.leaves(me);
        } else {
            self.ready.push_back(me);
        }
    }

    fn leaves(&mut self, me: ThreadId) {
        self.script.part(me).done = true;
        let pc = self.script.part(me).pc;
        self.gives(me, Op::Exit, pc);
    }

    /// What the run showed, its own operations with their times.
    fn told(mut self, ended: Ended) -> Freely {
        // Of what a thread was given and has not begun, nothing was seen.
        let mut begun = vec![true; self.calls.len()];
        for open in self.open.iter().flat_map(|open| open.iter().skip(1)) {
            begun[open.call] = false;
        }
        for (me, open) in self.open.iter().enumerate() {
            let of_this = |call: &&Call| call.thread.index() == me;
            let last = self
                .calls
                .iter()
                .filter(of_this)
                .filter_map(|call| call.span.t1)
                .max();
            if let (Some(open), Some(last)) = (open.front(), last) {
                let t0 = &mut self.calls[open.call].span.t0;
                *t0 = last.max(*t0);
            }
        }
        let mut parked = BTreeSet::new();
        let mut next = self.latest + 1;
        for (call, begun) in self.calls.iter_mut().zip(&begun).rev() {
            if call.span.t1.is_some() {
                next = next.min(call.span.t0);
            } else if call.answer.is_some() {
                call.span.t1 = Some(next);
            } else if *begun && !is_ours(call.op) {
                parked.insert(call.thread);
            }
        }
        let calls = self.calls.into_iter().zip(begun);
        let mut calls: Vec<_> = calls
            .filter(|(_, begun)| *begun)
            .map(|(call, _)| call)
            .collect();
        calls.sort_by_key(|call| (call.span.t0, call.thread));
        Freely {
            calls,
            parked: parked.into_iter().collect(),
            ended,
        }
    }
}

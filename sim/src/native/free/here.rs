//! Threads of this process at full speed.
//!
//! Each thread plays its own code and writes down its own calls. Between its calls it takes a lock that is its own.
//! They are at rest when everybody is found parked in one sweep, and in the same calls in the next.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use portsim_model::event::Error;
use portsim_model::os_error::errno;
use portsim_model::program::{Op, Pc, Program, ThreadId};

use super::provoke::{Provocation, Provoked, pause};
use super::{Branches, Call, Ended, Freely, GRACE, Limit, Next};
use crate::native::backend::is_ours;
use crate::native::failure::Failure;
use crate::native::lock::lock;
use crate::native::parked::Probe;
use crate::native::part::{Lost, Script};
use crate::native::recording::NoRecording;
use crate::native::world::{World, rests_in};
use crate::trace::{Answer, Span};

/// How often it is asked whether everybody has come to rest.
const NAP: Duration = Duration::from_micros(500);

/// How long a thread may take to come home once it is released.
const HOME_LIMIT: Duration = Duration::from_secs(2);

/// Records a program on a world of this process.
pub fn record(
    world: Arc<dyn World>,
    program: &Arc<Program>,
    (seed, provocation): (u64, Provocation),
    limit: Limit,
) -> Result<Freely, NoRecording> {
    let mut run = Run::start(world, Arc::clone(program), seed, provocation)?;
    let ended = run.wait(limit);
    run.end(ended)
}

/// What the threads of a run share.
struct Shared {
    program: Arc<Program>,
    world: Arc<dyn World>,
    since: Instant,
    seed: u64,
    provoked: Provoked,
    /// Who waits for the end.
    waits: Thread,
    vars: Mutex<Vec<i32>>,
    born: Mutex<Vec<bool>>,
    births: Condvar,
    /// Nobody begins anything any more.
    over: AtomicBool,
    /// The books are closed, and whoever has stopped may go.
    closed: AtomicBool,
    books: Vec<Mutex<Book>>,
}

/// What a thread writes down.
#[derive(Default)]
struct Book {
    calls: Vec<Call>,
    /// What is written later is no part of the recording.
    closed: bool,
    gone: Option<Gone>,
    probe: Option<Probe>,
}

/// Why a thread is gone.
enum Gone {
    Done,
    /// The recording was over first.
    Stopped,
    AssertFailed,
    Nowhere,
    Failed(Failure),
}

struct Run {
    shared: Arc<Shared>,
    threads: Vec<Option<JoinHandle<()>>>,
}

impl Run {
    fn start(
        world: Arc<dyn World>,
        program: Arc<Program>,
        seed: u64,
        provocation: Provocation,
    ) -> Result<Run, Failure> {
        let born = program.threads.iter().map(|thread| !thread.spawned);
        let at_start = born.clone().filter(|born| *born).count();
        let shared = Arc::new(Shared {
            since: Instant::now(),
            seed,
            provoked: Provoked::new(provocation, seed, at_start),
            waits: thread::current(),
            vars: Mutex::new(program.vars.clone()),
            born: Mutex::new(born.collect()),
            births: Condvar::new(),
            over: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            books: program.threads.iter().map(|_| Mutex::default()).collect(),
            program: Arc::clone(&program),
            world,
        });
        let mut run = Run {
            shared,
            threads: Vec::new(),
        };
        for me in program.thread_ids() {
            let shared = Arc::clone(&run.shared);
            let started = thread::Builder::new()
                .name(format!("portsim {}", me.0))
                .spawn(move || shared.live(me));
            let started = started
                .map_err(|error| Failure::new(run.shared.world.backend(), "start a thread", error));
            match started {
                Ok(thread) => run.threads.push(Some(thread)),
                Err(failure) => {
                    run.shared.close();
                    return Err(failure);
                }
            }
        }
        Ok(run)
    }

    /// Waits until nothing moves any more, or the limit is reached.
    fn wait(&mut self, limit: Limit) -> Result<Ended, Failure> {
        loop {
            self.join_the_gone()?;
            if let Some(ended) = self.shared.stopped()? {
                return Ok(ended);
            }
            if self.threads.iter().all(Option::is_none) || self.shared.at_rest()? {
                return Ok(Ended::Rest);
            }
            let elapsed = self.shared.since.elapsed();
            if let Some(ended) = limit.reached(elapsed, self.shared.calls()) {
                return Ok(ended);
            }
            thread::park_timeout(NAP.min(limit.time - elapsed));
        }
    }

    /// A thread whose program is over ends really: its end is over when it was joined.
    fn join_the_gone(&mut self) -> Result<(), Failure> {
        for (n, place) in self.threads.iter_mut().enumerate() {
            if !matches!(lock(&self.shared.books[n]).gone, Some(Gone::Done)) {
                continue;
            }
            let Some(thread) = place.take() else { continue };
            // A panic was reported on standard error; what the thread did before it is in its book.
            let _ = thread.join();
            self.shared.world.ended(ThreadId(n as u8))?;
            let now = self.shared.now();
            let mut book = lock(&self.shared.books[n]);
            if let Some(last) = book.calls.last_mut()
                && last.op == Op::Exit
            {
                (last.answer, last.span.t1) = (Some(Answer::Done), Some(now));
            }
        }
        Ok(())
    }

    /// Closes the books, brings everybody home, and reads what was written.
    fn end(mut self, ended: Result<Ended, Failure>) -> Result<Freely, NoRecording> {
        self.shared.stop();
        let start = Instant::now();
        while !matches!(ended, Ok(Ended::Rest) | Err(_)) && start.elapsed() < GRACE {
            let joined = self.join_the_gone();
            if joined.and_then(|()| self.shared.at_rest()).unwrap_or(true) {
                break;
            }
            thread::park_timeout(NAP);
        }
        self.shared.close();
        let released = self.shared.world.release();
        let start = Instant::now();
        for thread in self.threads.iter_mut().filter_map(Option::take) {
            while !thread.is_finished() && start.elapsed() < HOME_LIMIT {
                thread::park_timeout(NAP);
            }
            // One that does not come home is left behind: it must not hold up everything else.
            if thread.is_finished() {
                let _ = thread.join();
            }
        }
        let mut calls = Vec::new();
        for book in &self.shared.books {
            calls.append(&mut lock(book).calls);
        }
        calls.sort_by_key(|call| (call.span.t0, call.thread));
        let inside = |call: &&Call| call.answer.is_none() && !is_ours(call.op);
        let parked: BTreeSet<_> = calls
            .iter()
            .filter(inside)
            .map(|call| call.thread)
            .collect();
        let ended = match ended.and_then(|ended| released.map(|()| ended)) {
            Ok(ended) => ended,
            Err(failure) if calls.is_empty() => return Err(failure.into()),
            Err(failure) => Ended::Failed(failure.to_string()),
        };
        Ok(Freely {
            calls,
            parked: parked.into_iter().collect(),
            ended,
        })
    }
}

impl Shared {
    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// How many calls were made so far.
    fn calls(&self) -> usize {
        let books = self.books.iter();
        books.map(|book| lock(book).calls.len()).sum()
    }

    /// Nobody begins anything from now on; what is under way may end.
    fn stop(&self) {
        self.over.store(true, Ordering::SeqCst);
        // Whoever has looked before has begun by now.
        self.books.iter().for_each(|book| drop(lock(book)));
        drop(lock(&self.born));
        self.births.notify_all();
    }

    /// Nothing that is written from now on counts.
    fn close(&self) {
        self.stop();
        for book in &self.books {
            lock(book).closed = true;
        }
        self.closed.store(true, Ordering::SeqCst);
        drop(lock(&self.born));
        self.births.notify_all();
    }

    /// Why the run cannot go on, if it cannot.
    fn stopped(&self) -> Result<Option<Ended>, Failure> {
        let mut stopped = None;
        for (n, book) in self.books.iter().enumerate() {
            let thread = ThreadId(n as u8);
            let mut book = lock(book);
            match book.gone {
                Some(Gone::AssertFailed) => stopped = Some(Ended::AssertFailed(thread)),
                Some(Gone::Nowhere) => stopped = Some(Ended::Nowhere(thread)),
                Some(Gone::Failed(_)) => {
                    if let Some(Gone::Failed(failure)) = book.gone.replace(Gone::Done) {
                        return Err(failure);
                    }
                }
                Some(Gone::Done | Gone::Stopped) | None => {}
            }
        }
        Ok(stopped)
    }

    /// Whether everybody who is left is parked for good: found in one sweep, and in the same calls in the next.
    fn at_rest(&self) -> Result<bool, Failure> {
        let mut found = Vec::new();
        for n in 0..self.books.len() {
            match self.rests(ThreadId(n as u8), None)? {
                Some(rest) => found.push(rest),
                None => return Ok(false),
            }
        }
        for (n, before) in found.into_iter().enumerate() {
            if self.rests(ThreadId(n as u8), Some(before))? != Some(before) {
                return Ok(false);
            }
        }
        Ok(self.world.settled())
    }

    /// Where a thread rests: after how many calls, and how often it has slept; none where it may still move.
    fn rests(
        &self,
        thread: ThreadId,
        before: Option<(usize, u64)>,
    ) -> Result<Option<(usize, u64)>, Failure> {
        let book = lock(&self.books[thread.index()]);
        let joined = |call: &Call| call.op != Op::Exit || call.answer.is_some();
        if book.gone.is_some() {
            let over = book.calls.last().is_none_or(joined);
            return Ok(over.then_some((usize::MAX, 0)));
        }
        let Some(call) = book.calls.last() else {
            let unborn = !lock(&self.born)[thread.index()];
            return Ok(unborn.then_some((0, 0)));
        };
        if call.answer.is_some() {
            return Ok(None);
        }
        let before = before.map(|(_, slept)| slept);
        let slept = rests_in(&*self.world, thread, call.op, book.probe.as_ref(), before)?;
        Ok(slept.map(|slept| (book.calls.len(), slept)))
    }

    /// A thread's whole life.
    fn live(&self, me: ThreadId) {
        let gone = self.arrive(me).and_then(|()| self.play(me));
        let book = &self.books[me.index()];
        let gone = gone.unwrap_or_else(Gone::Failed);
        let is_done = matches!(gone, Gone::Done);
        lock(book).gone = Some(gone);
        self.waits.unpark();
        // The end of a thread can release others: only one that is written down may come before the end of all.
        if !is_done {
            let mut born = lock(&self.born);
            while !self.closed.load(Ordering::SeqCst) {
                born = self
                    .births
                    .wait(born)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn arrive(&self, me: ThreadId) -> Result<(), Failure> {
        if self.world.asks_kernel() {
            let probe = Probe::of_this_thread()
                .map_err(|error| Failure::new(self.world.backend(), "read /proc", error))?;
            lock(&self.books[me.index()]).probe = Some(probe);
        }
        self.world.arrives(me)?;
        if !self.program.threads[me.index()].spawned {
            self.provoked.arrives(me, &self.over);
        }
        let mut born = lock(&self.born);
        while !born[me.index()] && !self.over.load(Ordering::SeqCst) {
            born = self
                .births
                .wait(born)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Plays the thread's code to its end.
    fn play(&self, me: ThreadId) -> Result<Gone, Failure> {
        let mut script = Script::new(&self.program);
        let mut branches = Branches::of(self.seed, me);
        let mut pauses = self.provoked.pauses(me);
        let mut went = script.go_on(me, 0);
        loop {
            if went.is_err() {
                return Ok(Gone::Nowhere);
            }
            if script.part(me).done {
                return Ok(self.leaves(me));
            }
            let (op, pc) = match branches.next(&self.program, &mut script, me) {
                Next::Op(op, pc) => (op, pc),
                Next::End => return Ok(self.leaves(me)),
                Next::Nowhere => return Ok(Gone::Nowhere),
            };
            script.starts(me, op, pc);
            if op == Op::Exit {
                return Ok(self.leaves(me));
            }
            if let Some(draw) = &mut pauses {
                pause(&mut **draw);
            }
            if !self.begins(me, op) {
                return Ok(Gone::Stopped);
            }
            if is_ours(op) {
                match self.own(&mut script, me, op, pc) {
                    Some((answer, next)) => {
                        self.ends(me, answer);
                        went = script.go_on(me, next);
                    }
                    None if matches!(op, Op::Assert { .. }) => return Ok(Gone::AssertFailed),
                    None => return Ok(Gone::Nowhere),
                }
            } else {
                let answer = self.world.perform(me, op)?;
                self.ends(me, answer.clone());
                went = script.ends(me, op, &answer);
            }
        }
    }

    fn leaves(&self, me: ThreadId) -> Gone {
        match self.begins(me, Op::Exit) {
            true => Gone::Done,
            false => Gone::Stopped,
        }
    }

    /// Makes an operation that no kernel needs to see: what it answers, and where its thread goes on.
    fn own(&self, script: &mut Script<'_>, me: ThreadId, op: Op, pc: Pc) -> Option<(Answer, Pc)> {
        if let Op::Spawn { thread } = op {
            let born = std::mem::replace(&mut lock(&self.born)[thread.index()], true);
            self.births.notify_all();
            if born {
                return Some((Answer::Failed(errno(Error::Exists).name.into()), pc + 1));
            }
        }
        if op == Op::Yield {
            thread::yield_now();
        }
        self.with_vars(script, |script| script.makes(me, op, pc))
            .ok()?
    }

    /// Does something with the shared variables while nobody else can.
    fn with_vars<T>(
        &self,
        script: &mut Script<'_>,
        act: impl FnOnce(&mut Script<'_>) -> Result<T, Lost>,
    ) -> Result<T, Lost> {
        let mut vars = lock(&self.vars);
        script.exchange_vars(&mut vars);
        let done = act(script);
        script.exchange_vars(&mut vars);
        done
    }

    /// A thread begins a call, unless the recording is over.
    fn begins(&self, thread: ThreadId, op: Op) -> bool {
        let mut book = lock(&self.books[thread.index()]);
        if self.over.load(Ordering::SeqCst) {
            return false;
        }
        let span = Span {
            t0: self.now(),
            t1: None,
        };
        book.calls.push(Call {
            thread,
            op,
            answer: None,
            span,
        });
        true
    }

    fn ends(&self, thread: ThreadId, answer: Answer) {
        let now = self.now();
        let mut book = lock(&self.books[thread.index()]);
        if !book.closed {
            let call = book.calls.last_mut().expect("it began");
            (call.answer, call.span.t1) = (Some(answer), Some(now));
        }
    }
}

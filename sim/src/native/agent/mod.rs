//! A backend in another process: whatever speaks the agent protocol on its standard streams.
//!
//! The command behind it can run on this machine, under Wine, at the other end of `ssh`, or be somebody's own
//! port in any language. It owns its threads and the question whether one is parked; the conductor is the same
//! as for threads of this process.
//!
//! - `afar` is the conductor's side where its threads run at full speed, `obey` the agent's.
//! - `wire` is what a line may say, `setup` how a program is told, `calls` what a call is.
//! - [`process`] is the command itself, of which nothing is left in the end.
//! - [`serve`] is the other side: any backend of this build as an agent.

mod afar;
mod calls;
#[cfg(unix)]
mod guard;
#[cfg(not(all(test, loom)))]
mod obey;
mod output;
pub mod process;
pub mod serve;
mod setup;
pub mod wire;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portsim_model::program::{Op, Port, Program, RingSetup, ThreadId};

use super::backend::{Backend, Failure, is_ours};
use super::threads::{Back, Far, Threads, Unquiet, ended_by};
use crate::bad_input::quoted;
use crate::names::Names;
use crate::trace::answer_of;
use afar::Afar;
use calls::{call_fields, untold};
use process::{Process, Silence};
use setup::{does_io, numbered, setup_of};
use wire::{
    Bye, ComeBack, FromAgent, Hello, Leave, Make, ModeFields, Prepare, Quiesce, Quiet, Reset,
    ToAgent, VERSION, Welcome, line, other_version,
};

/// What the name of such a backend begins with.
pub const PREFIX: &str = "agent:";

/// How long an agent may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// To start and to greet: a whole machine may have to wake up.
    pub greeting: Duration,
    /// To answer anything else, besides the time that a turn may take.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            greeting: Duration::from_secs(60),
            answer: Duration::from_secs(20),
        }
    }
}

/// The backend behind a command.
pub struct Agent {
    name: String,
    talk: Arc<Mutex<Talk>>,
}

impl Agent {
    /// The agent of these words: a command and its arguments, as a shell would divide them. Nothing is started
    /// yet. None where the quotation marks do not match, or there is no command.
    pub fn of(command: &str, limits: Limits) -> Option<Agent> {
        let words = shlex::split(command).filter(|words| !words.is_empty())?;
        let name = format!("{PREFIX}{command}");
        let talk = Talk {
            name: name.clone(),
            words,
            limits,
            process: None,
            welcome: None,
            prepared: None,
            lost: None,
        };
        Some(Agent {
            name,
            talk: Arc::new(Mutex::new(talk)),
        })
    }

    /// What the agent says of itself.
    pub fn welcome(&self) -> Result<Welcome, Failure> {
        lock(&self.talk).greeted()
    }

    /// Makes the agent ready for a program; why it cannot be, if it cannot.
    fn prepares(
        &self,
        program: &Program,
        tick: Duration,
        mode: ModeFields,
    ) -> Result<Option<String>, Failure> {
        let ops = || program.calls().filter(|&op| !is_ours(op));
        if let Some(why) = ops().find_map(|op| untold(program, op)) {
            return Ok(Some(why));
        }
        let is_ring = |port: &Port| port.entries.is_some() || port.setup != RingSetup::Shared;
        if program.ports.iter().any(is_ring) {
            return Ok(Some(
                "this version of the agent protocol says nothing of rings".to_owned(),
            ));
        }
        if does_io(program) && program.threads.iter().any(|it| it.process.index() > 0) {
            return Ok(Some("the agent protocol has one process".to_owned()));
        }
        let mut talk = lock(&self.talk);
        let known = talk.greeted()?;
        if !known.modes.contains(&mode) {
            let why = match mode {
                ModeFields::Lockstep => "this agent records at full speed only",
                ModeFields::Free => "this agent tells no times of its own",
            };
            return Ok(Some(why.to_owned()));
        }
        // Handles of files are duplicated and closed by the words for those of ports: who issues operations has both.
        let io = does_io(program).then_some("start");
        let word = ops().map(|op| op.verb().name()).chain(io);
        let mut lacking = word.filter(|word| !known.ops.iter().any(|op| op == word));
        if let Some(word) = lacking.next() {
            return Ok(Some(format!("this agent has no `{word}`")));
        }
        talk.prepare(&told(program, tick, mode))
    }
}

impl Backend for Agent {
    fn name(&self) -> &str {
        &self.name
    }

    fn plays(&self) -> String {
        let welcome = self.welcome();
        welcome.map_or_else(|_| self.name.clone(), |welcome| welcome.name)
    }

    fn os(&self) -> String {
        self.welcome().map_or(String::new(), |welcome| welcome.os)
    }

    fn available(&self) -> Result<(), String> {
        self.welcome()
            .map(drop)
            .map_err(|failure| failure.to_string())
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), String> {
        untold(program, op).map_or(Ok(()), Err)
    }

    fn refuses(&self, program: &Program, tick: Duration) -> Result<Option<String>, Failure> {
        self.prepares(program, tick, ModeFields::Lockstep)
    }

    fn far(&self, program: &Program, tick: Duration) -> Result<Option<Far>, Failure> {
        if let Some(why) = self.prepares(program, tick, ModeFields::Free)? {
            return Ok(Some(Err(why)));
        }
        lock(&self.talk).prepared = None;
        Ok(Some(Ok(Box::new(Afar::new(self.talk.clone(), program)))))
    }

    fn open(&self, program: &Program, tick: Duration) -> Result<Box<dyn Threads>, Failure> {
        let mut talk = lock(&self.talk);
        if let Some(why) = talk.prepare(&told(program, tick, ModeFields::Lockstep))? {
            return Err(talk.lose(why));
        }
        talk.prepared = None;
        Ok(Box::new(Remote {
            talk: self.talk.clone(),
            names: numbered(program),
            program: program.clone(),
            calls: vec![None; program.threads.len()],
            made: 0,
            counted: Vec::new(),
            disturbed: false,
            over: false,
        }))
    }
}

/// The setup of a program, as a line.
fn told(program: &Program, tick: Duration, mode: ModeFields) -> String {
    let setup = setup_of(program, &numbered(program), (tick, mode), |op| !is_ours(op));
    line(&ToAgent::Prepare(Prepare { setup }))
}

/// The talk with one command: started when it is first needed, and again after it was lost in the middle.
struct Talk {
    name: String,
    words: Vec<String>,
    limits: Limits,
    process: Option<Process>,
    welcome: Option<Welcome>,
    /// The setup that the agent is ready for, where nothing was done with it yet.
    prepared: Option<String>,
    /// Why it never greeted: it is not tried again.
    lost: Option<String>,
}

impl Talk {
    /// What the agent says of itself; starts it if it does not run.
    fn greeted(&mut self) -> Result<Welcome, Failure> {
        if let Some(why) = &self.lost {
            return Err(Failure::new(
                &self.name,
                "start",
                io::Error::other(why.clone()),
            ));
        }
        if let (Some(_), Some(welcome)) = (&self.process, &self.welcome) {
            return Ok(welcome.clone());
        }
        let greeted = self.greet();
        if let Err(failure) = &greeted {
            self.lost = Some(failure.error.to_string());
        }
        greeted
    }

    fn greet(&mut self) -> Result<Welcome, Failure> {
        let process = Process::start(&self.words);
        self.process = Some(process.map_err(|error| Failure::new(&self.name, "start", error))?);
        self.prepared = None;
        self.say(&ToAgent::Hello(Hello { hello: VERSION }));
        match self.hear(self.limits.greeting)? {
            FromAgent::Welcome(welcome) => {
                self.welcome = Some(welcome.clone());
                Ok(welcome)
            }
            other => Err(self.unexpected(&other, "hello")),
        }
    }

    /// Makes the agent ready for a setup; why it cannot be, if it cannot.
    fn prepare(&mut self, setup: &str) -> Result<Option<String>, Failure> {
        self.greeted()?;
        if self.prepared.as_deref() == Some(setup) {
            return Ok(None);
        }
        self.prepared = None;
        if let Some(process) = &mut self.process {
            process.say(setup.to_owned());
        }
        match self.hear(self.limits.answer)? {
            FromAgent::Ready(_) => {
                self.prepared = Some(setup.to_owned());
                Ok(None)
            }
            FromAgent::Unsupported(why) => Ok(Some(why.unsupported)),
            other => Err(self.unexpected(&other, "ready")),
        }
    }

    fn say(&mut self, said: &ToAgent) {
        if let Some(process) = &mut self.process {
            process.say(line(said));
        }
    }

    /// The next line. An agent that says nonsense, or nothing, is not talked to any more.
    fn hear(&mut self, limit: Duration) -> Result<FromAgent, Failure> {
        match self.hear_within(limit)? {
            Some(said) => Ok(said),
            None => {
                let number = self.process.as_ref().map_or(0, |process| process.heard);
                Err(self.lose(format!("no line came within {limit:?} after line {number}")))
            }
        }
    }

    /// The next line, if one comes within the limit. An agent that says nonsense is not talked to any more.
    fn hear_within(&mut self, limit: Duration) -> Result<Option<FromAgent>, Failure> {
        let Some(process) = &mut self.process else {
            return Err(self.lose("it does not run any more".to_owned()));
        };
        let heard = process.hear(limit);
        let number = process.heard;
        let why = match heard {
            Ok(text) => return self.reads(number, &text).map(Some),
            Err(Silence::Hangs) => return Ok(None),
            Err(Silence::Ended) => match number - 1 {
                0 => format!("it wrote no line; {}", process.last_words()),
                last => format!(
                    "its output ends after line {last}; {}",
                    process.last_words()
                ),
            },
            Err(Silence::Bad(why)) => format!("line {number} {why}"),
            Err(Silence::Over) => "it was ended before it had answered".to_owned(),
            Err(Silence::Failed(error)) => format!("line {number} cannot be read: {error}"),
        };
        Err(self.lose(why))
    }

    /// What a line says.
    fn reads(&mut self, number: u64, text: &str) -> Result<FromAgent, Failure> {
        if let Some(version) = other_version(text) {
            let why = format!(
                "line {number}: it speaks version {version} of the protocol, this is version {VERSION}"
            );
            return Err(self.lose(why));
        }
        match FromAgent::read(text) {
            Ok(FromAgent::Failed(failed)) => {
                let call = failed
                    .id
                    .map_or(String::new(), |id| format!(" in call {id}"));
                Err(self.lose(format!("line {number}: it failed{call}: {}", failed.error)))
            }
            Ok(said) => Ok(said),
            Err(problem) => Err(self.lose(format!("line {number}: {}: {problem}", quoted(text)))),
        }
    }

    /// What came is a line, and makes no sense here.
    fn unexpected(&mut self, said: &FromAgent, expected: &str) -> Failure {
        let said = quoted(&line(said));
        self.nonsense(format!("{said} where `{expected}` was expected"))
    }

    /// The line heard last makes no sense.
    fn nonsense(&mut self, problem: String) -> Failure {
        let number = self.process.as_ref().map_or(0, |process| process.heard);
        self.lose(format!("line {number}: {problem}"))
    }

    /// Ends the agent, which is of no use any more, and says why.
    fn lose(&mut self, why: String) -> Failure {
        (self.process, self.prepared) = (None, None);
        Failure::new(&self.name, "agent", io::Error::other(why))
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.say(&ToAgent::Bye(Bye { bye: true }));
    }
}

/// An open call.
#[derive(Debug, Clone, Copy)]
struct Call {
    id: u64,
    op: Op,
    parked: bool,
}

/// One run on the other side.
struct Remote {
    talk: Arc<Mutex<Talk>>,
    names: Names,
    program: Program,
    /// The open calls, by thread.
    calls: Vec<Option<Call>>,
    made: u64,
    /// Threads whose end would be an action, as was said last.
    counted: Vec<ThreadId>,
    disturbed: bool,
    over: bool,
}

impl Remote {
    fn thread_in(&self, id: u64) -> Option<ThreadId> {
        let open = |call: &Option<Call>| call.is_some_and(|call| call.id == id);
        let place = self.calls.iter().position(open)?;
        Some(ThreadId(place as u8))
    }

    /// Takes what is said until nothing moves.
    fn listen(&mut self, until: &[ThreadId], limit: Duration) -> Result<Vec<Back>, Unquiet> {
        let talk = self.talk.clone();
        let mut talk = lock(&talk);
        let limit = limit + talk.limits.answer;
        let mut backs = Vec::new();
        loop {
            let said = talk.hear(limit)?;
            let id = match &said {
                FromAgent::Returned(returned) => returned.id,
                FromAgent::Parked(parked) => parked.id,
                FromAgent::Overdue(overdue) => overdue.overdue,
                FromAgent::Quiet(Quiet {
                    disturbed, counted, ..
                }) => {
                    self.disturbed |= disturbed;
                    self.counted.clear();
                    for name in counted {
                        let thread = self.names.thread(name);
                        let unknown = || talk.nonsense(format!("there is no thread {name:?}"));
                        self.counted.push(thread.ok_or_else(unknown)?);
                    }
                    self.all_told(until)
                        .map_err(|problem| talk.nonsense(problem))?;
                    backs.sort_by_key(|back: &Back| back.thread);
                    return Ok(backs);
                }
                _ => return Err(talk.unexpected(&said, "quiet").into()),
            };
            let Some(thread) = self.thread_in(id) else {
                return Err(talk.nonsense(format!("call {id} is not open")).into());
            };
            let call = &mut self.calls[thread.index()];
            match said {
                FromAgent::Returned(returned) => {
                    let op = call.take().map(|call| call.op);
                    let answer = answer_of(&returned.returned);
                    let mut answer = answer.map_err(|problem| talk.nonsense(problem))?;
                    if let Some(op) = op {
                        answer = answer.of_call(op);
                    }
                    if let Some(ended) = op.and_then(|op| ended_by(op, &answer)) {
                        self.calls[ended.index()] = None;
                    }
                    backs.push(Back { thread, answer });
                }
                FromAgent::Parked(_) => match call {
                    Some(call) if !call.parked => call.parked = true,
                    _ => {
                        let problem = format!("call {id} was said to be parked before");
                        return Err(talk.nonsense(problem).into());
                    }
                },
                _ => return Err(Unquiet::Overdue(thread)),
            }
        }
    }

    /// Whether everything was said that must be said before `quiet`.
    fn all_told(&self, until: &[ThreadId]) -> Result<(), String> {
        for (n, call) in self.calls.iter().enumerate() {
            if let Some(call) = call {
                if !call.parked {
                    let id = call.id;
                    return Err(format!("call {id} has neither returned nor parked"));
                }
                if until.contains(&ThreadId(n as u8)) {
                    return Err(format!("call {}, which is due, has not returned", call.id));
                }
            }
        }
        Ok(())
    }
}

impl Threads for Remote {
    fn start(&mut self, thread: ThreadId, op: Op) -> Result<(), Failure> {
        self.made += 1;
        let id = self.made;
        let parked = false;
        self.calls[thread.index()] = Some(Call { id, op, parked });
        let said = ToAgent::Make(Make {
            id,
            thread: self.names.threads[thread.index()].clone(),
            op: Box::new(call_fields(&self.names, &self.program, op)),
        });
        lock(&self.talk).say(&said);
        Ok(())
    }

    fn come_back(&mut self, thread: ThreadId) -> Result<(), Failure> {
        if let Some(Call { id, .. }) = self.calls[thread.index()] {
            lock(&self.talk).say(&ToAgent::ComeBack(ComeBack { come_back: id }));
        }
        Ok(())
    }

    fn quiet(&mut self, until: &[ThreadId], limit: Duration) -> Result<Vec<Back>, Unquiet> {
        let open = |thread: &ThreadId| self.calls[thread.index()].map(|call| call.id);
        let said = ToAgent::Quiesce(Quiesce {
            quiesce: true,
            until: until.iter().filter_map(open).collect(),
            limit_ms: limit.as_millis() as u64,
        });
        lock(&self.talk).say(&said);
        self.listen(until, limit)
    }

    fn counts(&self, thread: ThreadId) -> bool {
        self.counted.contains(&thread)
    }

    fn leave(&mut self, thread: ThreadId) -> Result<(), Failure> {
        self.counted.retain(|&counted| counted != thread);
        let leave = self.names.threads[thread.index()].clone();
        lock(&self.talk).say(&ToAgent::Leave(Leave { leave, id: None }));
        Ok(())
    }

    fn disturbed(&self) -> bool {
        self.disturbed
    }

    fn end(&mut self) -> Result<(), Failure> {
        if std::mem::replace(&mut self.over, true) {
            return Ok(());
        }
        reset(&mut lock(&self.talk), self.calls.iter().flatten().count())
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // Whoever wants to know calls `end` first.
        let _ = self.end();
    }
}

/// Brings all threads of a run home, of which so many were in calls.
fn reset(talk: &mut Talk, open: usize) -> Result<(), Failure> {
    if talk.process.is_none() {
        // It was lost before, and that was reported.
        return Ok(());
    }
    talk.say(&ToAgent::Reset(Reset { reset: true }));
    let limit = talk.limits.answer;
    for _ in 0..=open {
        match talk.hear(limit)? {
            // What comes home now is no part of the recording.
            FromAgent::Returned(_) => {}
            FromAgent::Quiet(_) => return Ok(()),
            other => return Err(talk.unexpected(&other, "quiet")),
        }
    }
    Err(talk.nonsense("more calls returned than were open".to_owned()))
}

/// A talk whose thread panicked is whole at every moment: the next line tells what became of it.
fn lock(talk: &Mutex<Talk>) -> MutexGuard<'_, Talk> {
    talk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lines that a conductor says, as an agent of this build reads them.
#[cfg(all(any(test, fuzzing), not(loom)))]
pub(crate) fn from_conductor(bytes: &[u8]) {
    let (mut program, mut names) = (Program::default(), Names::default());
    for text in String::from_utf8_lossy(bytes).lines() {
        other_version(text);
        match ToAgent::read(text) {
            Ok(ToAgent::Prepare(prepare)) => {
                if let Ok(read) = setup::program_of(&prepare.setup) {
                    (program, names) = read;
                }
            }
            Ok(ToAgent::Make(make)) => {
                let _ = calls::asked_for(&program, &names, &make.thread, &make.op);
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// Lines that an agent says, as the conductor reads them.
#[cfg(all(any(test, fuzzing), not(loom)))]
pub(crate) fn from_agent(bytes: &[u8]) {
    for text in String::from_utf8_lossy(bytes).lines() {
        other_version(text);
        if let Ok(FromAgent::Returned(returned)) = FromAgent::read(text) {
            let _ = answer_of(&returned.returned);
        }
    }
}

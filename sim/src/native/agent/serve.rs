//! The other side: a backend of this build as an agent.

use std::io::{self, BufRead, Read, Write};
use std::time::Duration;

use portsim_model::program::{Op, Program, ThreadId};

use super::calls::asked_for;
#[cfg(not(all(test, loom)))]
use super::obey::Obedient;
use super::output::Output;
use super::process::LINE_BYTES_MAX;
use super::setup::program_of;
use super::wire::{
    Failed, FromAgent, ModeFields, Overdue, Parked, Quiet, Ready, Returned, Setup, ToAgent,
    Unsupported, VERSION, Welcome, other_version,
};
use crate::bad_input::quoted;
use crate::names::Names;
use crate::native::backend::{Backend, Failure};
use crate::native::threads::{Threads, Unquiet, ended_by};
use crate::trace::outcome_fields;

/// Every operation of the protocol; which of them a backend has, it says for each setup.
const OPS: [&str; 36] = [
    "get",
    "post",
    "close",
    "create",
    "duplicate",
    "query",
    "wait_handle",
    "block",
    "signal",
    "reset",
    "stall",
    "sleep",
    "suspend",
    "resume",
    "terminate",
    "apc",
    "epoll_ctl",
    "write",
    "drain",
    "fill",
    "make_room",
    "close_source",
    "duplicate_source",
    "associate",
    "replace",
    "modes",
    "start",
    "complete",
    "cancel",
    "free",
    "alloc",
    "wait_packet",
    "cancel_wait_packet",
    "job_port",
    "job_start",
    "job_exit",
];

/// Why a talk was ended before its end.
#[derive(Debug)]
pub enum Broken {
    /// A line makes no sense: its number, and what is wrong with it.
    Line(u64, String),
    /// The backend failed.
    Failed(Failure),
    /// The streams failed.
    Io(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Broken {
        Broken::Io(error)
    }
}

/// Does what the lines say, until the last one.
pub fn serve(
    backend: &dyn Backend,
    os: &str,
    input: &mut dyn BufRead,
    output: impl Write + Send + 'static,
) -> Result<(), Broken> {
    let mut host = Host {
        backend,
        os,
        output: Output::of(output),
        run: Playing::Nothing,
        greeted: false,
    };
    let mut number = 0;
    let broken = loop {
        number += 1;
        let text = match next_line(input) {
            Ok(None) => return Ok(()),
            Ok(Some(text)) => text,
            Err(problem) => break Broken::Line(number, problem),
        };
        let said = match (other_version(&text), ToAgent::read(&text)) {
            (Some(version), _) => Err(format!(
                "version {version} of the protocol; this agent speaks version {VERSION}"
            )),
            (None, read) => read.map_err(|problem| format!("{}: {problem}", quoted(&text))),
        };
        let done = match said {
            Ok(ToAgent::Bye(_)) => return Ok(()),
            Ok(said) => host.hear(said),
            Err(problem) => Err(Wrong::Line(problem)),
        };
        match done {
            Ok(()) => {}
            Err(Wrong::Line(problem)) => break Broken::Line(number, problem),
            Err(Wrong::Failed(failure)) => break Broken::Failed(failure),
            Err(Wrong::Io(error)) => return Err(Broken::Io(error)),
        }
    };
    let error = match &broken {
        Broken::Line(number, problem) => format!("line {number} makes no sense: {problem}"),
        Broken::Failed(failure) => failure.to_string(),
        Broken::Io(error) => error.to_string(),
    };
    host.output
        .say(&FromAgent::Failed(Failed { error, id: None }))?;
    Err(broken)
}

/// The next line; none at the end.
fn next_line(input: &mut dyn BufRead) -> Result<Option<String>, String> {
    let mut line = Vec::new();
    match input.take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
        Ok(0) => Ok(None),
        Ok(read) if read as u64 == LINE_BYTES_MAX => Err("it is longer than 1 MiB".to_owned()),
        Ok(_) => String::from_utf8(line)
            .map(|text| Some(text.trim_end().to_owned()))
            .map_err(|_| "it is not UTF-8".to_owned()),
        Err(error) => Err(format!("it cannot be read: {error}")),
    }
}

enum Wrong {
    Line(String),
    Failed(Failure),
    Io(io::Error),
}

impl From<String> for Wrong {
    fn from(problem: String) -> Wrong {
        Wrong::Line(problem)
    }
}

impl From<Failure> for Wrong {
    fn from(failure: Failure) -> Wrong {
        Wrong::Failed(failure)
    }
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Wrong {
        Wrong::Io(error)
    }
}

/// An open call.
#[derive(Clone, Copy)]
struct Call {
    id: u64,
    op: Op,
    /// Whether it was said to be parked.
    told: bool,
}

/// One run.
struct Run {
    program: Program,
    names: Names,
    threads: Box<dyn Threads>,
    /// Each thread's open call.
    calls: Vec<Option<Call>>,
}

/// What is going on.
enum Playing {
    Nothing,
    Lockstep(Run),
    #[cfg(not(all(test, loom)))]
    Free(Program, Names, Obedient),
}

struct Host<'a> {
    backend: &'a dyn Backend,
    os: &'a str,
    output: Output,
    run: Playing,
    greeted: bool,
}

impl Host<'_> {
    fn hear(&mut self, said: ToAgent) -> Result<(), Wrong> {
        if !self.greeted && !matches!(said, ToAgent::Hello(_)) {
            return Err("the first line is `hello`".to_owned().into());
        }
        match said {
            ToAgent::Hello(_) => self.greet()?,
            ToAgent::Prepare(prepare) => self.prepare(&prepare.setup)?,
            ToAgent::Make(make) => {
                #[cfg(not(all(test, loom)))]
                if let Playing::Free(program, names, threads) = &self.run {
                    let (thread, op) = asked_for(program, names, &make.thread, &make.op)?;
                    threads.give(thread, make.id, op);
                    return Ok(());
                }
                let run = self.run()?;
                let (thread, op) = asked_for(&run.program, &run.names, &make.thread, &make.op)?;
                let call = &mut run.calls[thread.index()];
                if let Some(Call { id, .. }) = call {
                    let problem = format!("thread {:?} is in call {id} still", make.thread);
                    return Err(problem.into());
                }
                let (id, told) = (make.id, false);
                *call = Some(Call { id, op, told });
                run.threads.start(thread, op)?;
            }
            ToAgent::ComeBack(come_back) => {
                let run = self.run()?;
                let thread = run.thread_in(come_back.come_back)?;
                run.threads.come_back(thread)?;
            }
            ToAgent::Leave(leave) => {
                let unknown = || format!("no thread {:?}", leave.leave);
                #[cfg(not(all(test, loom)))]
                if let Playing::Free(_, names, threads) = &self.run {
                    let thread = names.thread(&leave.leave).ok_or_else(unknown)?;
                    let id = leave
                        .id
                        .ok_or_else(|| "at full speed `leave` has a number, `id`".to_owned())?;
                    threads.give(thread, id, Op::Exit);
                    return Ok(());
                }
                let run = self.run()?;
                let thread = run.names.thread(&leave.leave).ok_or_else(unknown)?;
                run.threads.leave(thread)?;
            }
            ToAgent::Quiesce(quiesce) => {
                let limit = Duration::from_millis(quiesce.limit_ms);
                #[cfg(not(all(test, loom)))]
                if let Playing::Free(.., threads) = &self.run {
                    return match threads.rest(limit)? {
                        None => Ok(self.quiet(false, Vec::new())?),
                        Some(overdue) => Ok(self.say(&FromAgent::Overdue(Overdue { overdue }))?),
                    };
                }
                self.quiesce(&quiesce.until, limit)?;
            }
            ToAgent::Reset(_) => {
                self.end()?;
                self.quiet(false, Vec::new())?;
            }
            ToAgent::Bye(_) => unreachable!("the talk ends with it"),
        }
        Ok(())
    }

    fn run(&mut self) -> Result<&mut Run, String> {
        match &mut self.run {
            Playing::Lockstep(run) => Ok(run),
            _ => Err("nothing is set up for lock-step".to_owned()),
        }
    }

    /// Ends the run, if there is one.
    fn end(&mut self) -> Result<(), Failure> {
        match std::mem::replace(&mut self.run, Playing::Nothing) {
            Playing::Nothing => Ok(()),
            Playing::Lockstep(mut run) => run.threads.end(),
            #[cfg(not(all(test, loom)))]
            Playing::Free(.., mut threads) => threads.end(),
        }
    }

    fn say(&self, said: &FromAgent) -> io::Result<()> {
        self.output.say(said)
    }

    fn quiet(&mut self, disturbed: bool, counted: Vec<String>) -> io::Result<()> {
        self.say(&FromAgent::Quiet(Quiet {
            quiet: true,
            disturbed,
            counted,
        }))
    }

    fn greet(&mut self) -> Result<(), Wrong> {
        self.backend.available().map_err(|why| {
            let error = io::Error::new(io::ErrorKind::Unsupported, why);
            Failure::new(self.backend.name(), "start", error)
        })?;
        self.greeted = true;
        let welcome = Welcome {
            hello: VERSION,
            name: self.backend.plays(),
            os: self.os.to_owned(),
            ops: OPS.map(str::to_owned).to_vec(),
            modes: vec![ModeFields::Lockstep, ModeFields::Free],
        };
        Ok(self.say(&FromAgent::Welcome(welcome))?)
    }

    fn prepare(&mut self, setup: &Setup) -> Result<(), Wrong> {
        self.end()?;
        let (program, names) = program_of(setup)?;
        let tick = Duration::from_micros(setup.tick_us);
        if let Some(unsupported) = self.backend.refuses(&program, tick)? {
            return Ok(self.say(&FromAgent::Unsupported(Unsupported { unsupported }))?);
        }
        self.run = match setup.mode {
            ModeFields::Lockstep => Playing::Lockstep(Run {
                threads: self.backend.open(&program, tick)?,
                calls: vec![None; program.threads.len()],
                program,
                names,
            }),
            #[cfg(all(test, loom))]
            ModeFields::Free => unreachable!("loom runs no agents"),
            #[cfg(not(all(test, loom)))]
            ModeFields::Free => {
                let Some(world) = self.backend.world(&program, tick)? else {
                    let unsupported = "its threads cannot be left alone".to_owned();
                    return Ok(self.say(&FromAgent::Unsupported(Unsupported { unsupported }))?);
                };
                let threads = Obedient::start(world, &program, self.output.clone())?;
                Playing::Free(program, names, threads)
            }
        };
        Ok(self.say(&FromAgent::Ready(Ready { ready: true }))?)
    }

    fn quiesce(&mut self, until: &[u64], limit: Duration) -> Result<(), Wrong> {
        let run = self.run()?;
        let due: Vec<ThreadId> = until
            .iter()
            .map(|&id| run.thread_in(id))
            .collect::<Result<_, _>>()?;
        let backs = match run.threads.quiet(&due, limit) {
            Ok(backs) => backs,
            Err(Unquiet::Failed(failure)) => return Err(failure.into()),
            Err(Unquiet::Overdue(thread)) => {
                let call = run.calls[thread.index()];
                let overdue = call.map_or(0, |call| call.id);
                return Ok(self.say(&FromAgent::Overdue(Overdue { overdue }))?);
            }
        };
        let mut said = Vec::new();
        for back in backs {
            if let Some(Call { id, op, .. }) = run.calls[back.thread.index()].take() {
                if let Some(ended) = ended_by(op, &back.answer) {
                    run.calls[ended.index()] = None;
                }
                said.push(FromAgent::Returned(Returned {
                    id,
                    returned: outcome_fields(&back.answer),
                    t0: None,
                    t1: None,
                }));
            }
        }
        for Call { id, told, .. } in run.calls.iter_mut().flatten() {
            if !std::mem::replace(told, true) {
                let (id, parked) = (*id, true);
                said.push(FromAgent::Parked(Parked { id, parked }));
            }
        }
        let disturbed = run.threads.disturbed();
        let counted = run.counted();
        for line in &said {
            self.say(line)?;
        }
        Ok(self.quiet(disturbed, counted)?)
    }
}

impl Run {
    /// Who would be missed by a port.
    fn counted(&self) -> Vec<String> {
        let mut counted = Vec::new();
        for (thread, name) in self.program.thread_ids().zip(&self.names.threads) {
            if self.threads.counts(thread) {
                counted.push(name.clone());
            }
        }
        counted
    }

    fn thread_in(&self, id: u64) -> Result<ThreadId, String> {
        let open = |call: &Option<Call>| call.is_some_and(|call| call.id == id);
        let place = self.calls.iter().position(open);
        place
            .map(|place| ThreadId(place as u8))
            .ok_or_else(|| format!("call {id} is not open"))
    }
}

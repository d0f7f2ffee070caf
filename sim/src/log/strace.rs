//! Logs of strace: what a program did on its epoll descriptors.
//!
//! `strace -f` writes one file, a line each as it sees it: a call acts between the line in which it begins and that in which it
//! ends, and so the time of a call is the number of its line. With `-ff` each thread has a file of its own, and the times that
//! `-ttt` and `-T` write are what there is.
//!
//! Calls become what they do with descriptors (`kinds`), descriptors what they stand for (`descriptors`), and that calls of
//! the model (`weave`). Eventfds and pipes whose ends are all in the log are judged by the rules of their system. What
//! comes from elsewhere, from the other end of a connection or from a timer, is *unobserved*: it may have come at any time.

mod changes;
mod descriptors;
mod kinds;
mod names;
mod text;
mod unfit;
mod weave;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::Log;
use super::lines::each_line;
use crate::bad_input::BadInput;
use kinds::{Came, What, what};
use names::matters;
use text::{Body, Call, Clock, Line, UNFINISHED, call, line, took};

/// How far apart two lines are, in nanoseconds.
const APART: u64 = 1_000;

/// What strace says to its terminal of a process that it follows from then on.
const FOLLOWS: &str = "strace: Process ";

/// The step of the times that strace writes.
const STEP: u64 = 1_000;

/// What a thread is called whose lines do not say whose they are.
const FIRST: &str = "main";

/// How much later than it says a call may have ended by a clock that is set right meanwhile.
const BLUR: u64 = 20_000;

/// As long as strace is held up while it looks at one call, on a machine that has more to do than it can.
const HELD_UP: u64 = 20_000_000;

/// More than that between two lines is a midnight.
const MIDNIGHT: u64 = 12 * 3_600 * 1_000_000_000;

/// What a call does, and when.
#[derive(Debug)]
struct Raw {
    thread: u32,
    line: u32,
    t0: u64,
    /// None where nobody saw its end.
    t1: Option<u64>,
    /// How long it took, where that is told.
    took: Option<u64>,
    /// The time that its first line says, and the last one of its thread before it.
    clock: Option<Clock>,
    since: u64,
    /// The descriptor or the thread that it returned.
    returned: Option<i32>,
    closes_on_exec: bool,
    what: What,
}

impl Raw {
    /// What is known of its times where the order of lines says nothing: those that it says itself, or that it lies between
    /// its neighbours of the same thread.
    fn by_clock(&mut self) {
        match self.clock {
            Some(clock) => {
                self.t0 = clock.time;
                let end = self.took.map_or(u64::MAX, |took| clock.ends(took));
                self.t1 = self.t1.map(|_| end);
            }
            None => {
                self.t0 = self.since;
                self.t1 = self.t1.map(|_| u64::MAX);
            }
        }
    }

    /// The descriptors that are there from its end on.
    fn placed(&self) -> Vec<i32> {
        match &self.what {
            &What::NewPipe { read, write } => vec![read, write],
            What::New(fds) if !fds.is_empty() => fds.clone(),
            &What::DupTo { to, .. } => vec![to],
            What::NewPort
            | What::NewEventfd { .. }
            | What::NewRing
            | What::New(_)
            | What::Reopens(_)
            | What::Dup(_) => self.returned.into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

impl Raw {
    /// The descriptor that stands for something else after it, or for nothing.
    fn changes(&self) -> Option<i32> {
        match self.what {
            What::Close(fd) | What::DupTo { to: fd, .. } => Some(fd),
            _ => None,
        }
    }

    /// The descriptors that it names.
    fn uses(&self) -> Vec<i32> {
        match self.what {
            What::Ctl { port, fd, .. } => vec![port, fd],
            What::Wait { port, .. } => vec![port],
            What::Read { fd, .. } | What::Write { fd, .. } | What::Dup(fd) => vec![fd],
            What::DupTo { from, .. } => vec![from],
            _ => Vec::new(),
        }
    }
}

/// A call whose end another line holds.
struct Open {
    line: u64,
    time: Option<Clock>,
    begun: String,
}

/// What was read so far, of all files.
#[derive(Default)]
struct Reading {
    threads: Vec<String>,
    numbers: HashMap<String, u32>,
    raws: Vec<Raw>,
    passed: u64,
    /// Whether lines are their times.
    by_line: bool,
    /// Whether lines say whose they are: then children were followed, and one without a line did nothing.
    follows: bool,
    /// Whether the end of a call has a line of its own.
    interrupts: bool,
    /// Whether a line has a time before the one in front of it was over.
    jumps: bool,
    /// Whether a call says how long it took.
    lasts: bool,
}

/// What is read of one file.
struct OfFile<'r> {
    file: &'r Path,
    /// The thread whose file it is.
    own: Option<u32>,
    open: HashMap<u32, Open>,
    /// A call into whose line strace wrote that it follows one more process.
    cut: Option<(u32, Open)>,
    /// The last time of each thread, and what its line says of it.
    last: HashMap<u32, (u64, Option<Clock>)>,
    /// When the line in front of this was over, by its own words.
    over: u64,
    /// A thread that is no longer followed, if there is more to come.
    left: Option<u32>,
    /// A line that makes no sense unless it is the last.
    torn: Option<(u64, String)>,
    reading: &'r mut Reading,
}

/// Reads a log that is one file.
pub fn read(file: &Path, from: impl BufRead) -> Result<Log, BadInput> {
    let mut reading = Reading {
        by_line: true,
        ..Reading::default()
    };
    reading.file(file, None, from)?;
    reading.log()
}

/// Reads a log of which each thread has a file.
pub fn read_all(files: &[PathBuf]) -> Result<Log, BadInput> {
    let mut reading = Reading::default();
    for file in files {
        let opened = File::open(file).map_err(|error| BadInput::new(file, error.to_string()))?;
        let from = BufReader::with_capacity(1 << 16, opened);
        reading.file(file, thread_of(file), from)?;
    }
    reading.log()
}

/// The thread whose file has this name.
pub fn thread_of(file: &Path) -> Option<&str> {
    let extension = file.extension()?.to_str()?;
    let is_number = extension.bytes().all(|it| it.is_ascii_digit());
    is_number.then_some(extension)
}

impl Reading {
    fn thread(&mut self, name: &str) -> u32 {
        if let Some(&known) = self.numbers.get(name) {
            return known;
        }
        let number = self.threads.len() as u32;
        self.threads.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    fn file(&mut self, file: &Path, own: Option<&str>, from: impl BufRead) -> Result<(), BadInput> {
        let own = own.map(|name| self.thread(name));
        let mut of_file = OfFile {
            file,
            own,
            open: HashMap::new(),
            cut: None,
            last: HashMap::new(),
            over: 0,
            left: None,
            torn: None,
            reading: self,
        };
        each_line(file, from, |n, line| of_file.line(n, line))?;
        of_file.ends()
    }

    /// Whether calls of several threads stand in an order that is not that of strace: `strace-log-merge` sorts them by their
    /// beginnings, and `-z` by their ends. Then no line is the end of a call that began in another.
    fn is_sorted(&self) -> bool {
        self.by_line && !self.interrupts && self.threads.len() > 1 && (self.jumps || !self.lasts)
    }

    /// strace reads the time of a call before it decodes the call, and how long it took is counted from then on. Whoever holds
    /// strace up in between makes the call end later than the two say, but at most by the time until strace reads the next.
    fn blur(&mut self) {
        let mut times: Vec<u64> = self.raws.iter().map(|raw| raw.t0).collect();
        times.sort_unstable();
        let blurred = self
            .raws
            .iter_mut()
            .filter(|raw| !matches!(raw.what, What::Exits));
        for raw in blurred {
            if let Some(t1) = raw.t1.as_mut().filter(|t1| **t1 != u64::MAX) {
                let next = times.partition_point(|&time| time <= raw.t0);
                let next = times.get(next).map_or(u64::MAX, |next| next - raw.t0);
                *t1 = t1.saturating_add(next.min(HELD_UP));
            }
        }
    }

    fn log(mut self) -> Result<Log, BadInput> {
        if self.is_sorted() {
            self.raws.iter_mut().for_each(Raw::by_clock);
        }
        if !self.by_line || self.is_sorted() {
            self.blur();
        }
        // Of calls of one thread none begins before the one in front of it is over.
        let mut last: HashMap<u32, usize> = HashMap::new();
        let mut places: Vec<usize> = (0..self.raws.len()).collect();
        places.sort_by_key(|&place| self.raws[place].t0);
        for place in places {
            let (thread, t0) = (self.raws[place].thread, self.raws[place].t0);
            if let Some(before) = last.insert(thread, place) {
                let before = &mut self.raws[before];
                before.t1 = Some(before.t1.unwrap_or(u64::MAX).min(t0.max(before.t0)));
            }
        }
        // Descriptors change when calls end, but a thread may be there before the call that made it is over.
        self.raws.sort_by_key(|raw| match raw.what {
            What::Clone { .. } => raw.t0,
            _ => raw.t1.unwrap_or(raw.t0),
        });
        let followed = changes::follow(&self.raws, &self.threads, self.follows);
        let mut log = weave::log(followed, self.threads);
        log.passed = self.passed;
        Ok(log)
    }
}

impl OfFile<'_> {
    fn bad(&self, n: u64, problem: impl Into<String>) -> BadInput {
        BadInput::new(self.file, problem).on_line(n as usize)
    }

    fn line(&mut self, n: u64, text: &str) -> Result<(), BadInput> {
        if let Some((n, problem)) = self.torn.take() {
            return Err(self.bad(n, problem));
        }
        if let Some(thread) = self.left.take() {
            // Whatever it has open is in the hands of somebody whom the log does not show.
            let clock = self.last.get(&thread).and_then(|(_, clock)| *clock);
            self.push(thread, n, clock, What::SpoilsAll);
        }
        let (text, is_cut) = match text.split_once(FOLLOWS) {
            Some((before, rest)) if rest.trim_end().ends_with(" attached") => (before, true),
            _ => (text, false),
        };
        let Some(line) = line(text) else {
            if !is_cut && let Some((thread, open)) = self.cut.take() {
                return self.goes_on(n, thread, open, text);
            }
            self.reading.passed += 1;
            return Ok(());
        };
        let thread = match (line.thread, self.own) {
            (Some(name), _) => {
                self.reading.follows = true;
                self.reading.thread(name)
            }
            (None, Some(own)) => own,
            (None, None) => self.reading.thread(FIRST),
        };
        if !self.reading.by_line && line.time.is_none_or(|clock| clock.step > STEP) {
            let has = if line.time.is_none() {
                "no time"
            } else {
                "a time of whole seconds"
            };
            let problem =
                format!("it has {has}, and no order among the other files: strace needs -ttt");
            return Err(self.bad(n, problem));
        }
        self.time(&line);
        match line.body {
            Body::Call(text) => {
                let name = text.split('(').next().unwrap_or_default();
                if matters(name) {
                    let open = Open {
                        line: n,
                        time: line.time,
                        begun: if is_cut {
                            text.to_owned()
                        } else {
                            String::new()
                        },
                    };
                    match is_cut {
                        true => self.cut = Some((thread, open)),
                        false => self.whole(n, thread, &open, None, text)?,
                    }
                } else {
                    self.reading.passed += 1;
                }
            }
            Body::Unfinished(begun) => {
                let name = begun.split('(').next().unwrap_or_default();
                let begun = if matters(name) { begun } else { "" };
                let open = Open {
                    line: n,
                    time: line.time,
                    begun: begun.to_owned(),
                };
                self.open.insert(thread, open);
            }
            Body::Resumed(name, rest) => {
                let open = self.open.remove(&thread);
                let same = open.filter(|open| open.begun.split('(').next() == Some(name));
                if let Some(open) = same {
                    let text = format!("{}{rest}", open.begun);
                    self.whole(n, thread, &open, line.time, &text)?;
                } else {
                    self.reading.passed += 1;
                }
            }
            Body::Signal => self.reading.passed += 1,
            Body::Left(begun) => {
                if let Some(begun) = begun {
                    let open = Open {
                        line: n,
                        time: line.time,
                        begun: begun.to_owned(),
                    };
                    self.open.insert(thread, open);
                }
                self.left = Some(thread);
            }
            Body::Exits => {
                if let Some(open) = self.open.remove(&thread) {
                    self.under_way(thread, &open);
                }
                self.push(thread, n, line.time, What::Exits);
            }
            Body::Superseded(by) => {
                // From here on the thread that called execve has the number of the first, which is gone.
                let by = self.reading.thread(by);
                if by != thread {
                    self.push(by, n, line.time, What::Exits);
                    if let Some(open) = self.open.remove(&by) {
                        self.open.insert(thread, open);
                    }
                }
            }
        }
        let now = self.when(n, line.time);
        self.last.insert(thread, (now, line.time));
        Ok(())
    }

    /// The rest of a call that was cut.
    fn goes_on(&mut self, n: u64, thread: u32, mut open: Open, rest: &str) -> Result<(), BadInput> {
        match rest.trim_end().strip_suffix(UNFINISHED) {
            Some(rest) => {
                open.begun += rest;
                self.open.insert(thread, open);
                Ok(())
            }
            None => {
                let text = format!("{}{rest}", open.begun);
                self.whole(n, thread, &open, None, &text)
            }
        }
    }

    /// The time of a line.
    fn when(&self, n: u64, time: Option<Clock>) -> u64 {
        match self.reading.by_line {
            true => n * APART,
            false => time.map_or(0, |clock| clock.time),
        }
    }

    /// Whether the times of lines say that their order is that in which strace saw them.
    fn time(&mut self, line: &Line<'_>) {
        if let Body::Unfinished(_) | Body::Resumed(..) = line.body {
            self.reading.interrupts = true;
        }
        let Some(clock) = line.time else {
            return;
        };
        let before = self.over.saturating_sub(clock.time);
        self.reading.jumps |= before > BLUR + 2 * clock.step && before < MIDNIGHT;
        self.over = clock.time;
        if let Body::Call(text) = line.body
            && let Some(took) = took(text)
        {
            self.reading.lasts = true;
            self.over = clock.time.saturating_add(took);
        }
    }

    /// What a thread does between its last line and this one.
    fn push(&mut self, thread: u32, n: u64, time: Option<Clock>, what: What) {
        let now = self.when(n, time);
        let (last, clock) = self.last.get(&thread).copied().unwrap_or((now, time));
        let last = last.min(now);
        let between = clock
            .zip(time)
            .map(|(from, to)| to.time.saturating_sub(from.time));
        self.reading.raws.push(Raw {
            thread,
            line: n as u32,
            t0: last,
            t1: Some(now),
            took: between,
            clock,
            since: last,
            returned: None,
            closes_on_exec: false,
            what,
        });
    }

    /// A call with its end.
    fn whole(
        &mut self,
        n: u64,
        thread: u32,
        open: &Open,
        resumed: Option<Clock>,
        text: &str,
    ) -> Result<(), BadInput> {
        let Some(call) = call(text) else {
            self.torn = Some((n, "a call without its end".to_owned()));
            return Ok(());
        };
        let does = match what(&call) {
            Ok(Some(does)) => does,
            Ok(None) => {
                self.reading.passed += 1;
                return Ok(());
            }
            Err(problem) => {
                self.torn = Some((n, problem));
                return Ok(());
            }
        };
        // A clock that goes back, be it at midnight, says nothing.
        let between = open.time.zip(resumed).and_then(|(from, to)| {
            let between = to.time.checked_sub(from.time)?;
            Some(between.saturating_add(to.step))
        });
        let took = call.ended.took.or(between);
        let t0 = self.when(open.line, open.time);
        let t1 = match (self.reading.by_line, took) {
            (true, _) => n * APART,
            // Two clocks that move in steps stand between.
            (false, Some(took)) => open.time.map_or(u64::MAX, |clock| clock.ends(took)),
            (false, None) => u64::MAX,
        };
        let is_told = call.ended.value.is_some();
        let since = self.last.get(&thread).map_or(t0, |(last, _)| *last);
        self.reading.raws.push(Raw {
            thread,
            line: open.line as u32,
            t0,
            t1: is_told.then_some(t1),
            took,
            clock: open.time,
            since,
            returned: returned(&call, &does),
            closes_on_exec: call.args.contains("CLOEXEC"),
            what: does,
        });
        Ok(())
    }

    /// A call that had not ended when the log did, or its thread.
    fn under_way(&mut self, thread: u32, open: &Open) {
        let Some(rest) = open.begun.strip_prefix("epoll_") else {
            return;
        };
        let fd = rest.split_once('(').and_then(|(name, rest)| {
            let is_wait = matches!(name, "wait" | "pwait" | "pwait2");
            is_wait.then(|| text::integer(rest.split(',').next()?))?
        });
        let Some(port) = fd.and_then(|fd| i32::try_from(fd).ok()) else {
            return;
        };
        let t0 = self.when(open.line, open.time);
        self.reading.raws.push(Raw {
            thread,
            line: open.line as u32,
            t0,
            t1: None,
            took: None,
            clock: open.time,
            since: t0,
            returned: None,
            closes_on_exec: false,
            what: What::Wait {
                port,
                max: None,
                timeout: None,
                came: Came::Untold,
            },
        });
    }

    fn ends(mut self) -> Result<(), BadInput> {
        // A line that is cut is the last of a log that is.
        let mut open: Vec<_> = std::mem::take(&mut self.open).into_iter().collect();
        open.sort_by_key(|(_, open)| open.line);
        for (thread, open) in open {
            self.under_way(thread, &open);
        }
        Ok(())
    }
}

/// The descriptor that a call returned, or the thread: in a namespace of its own, that has another number there.
fn returned(call: &Call<'_>, does: &What) -> Option<i32> {
    let outside = call
        .ended
        .outside
        .filter(|_| matches!(does, What::Clone { .. }));
    i32::try_from(outside.or(call.ended.value)?).ok()
}

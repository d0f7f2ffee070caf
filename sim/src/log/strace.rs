//! Logs of strace: what a program did on its epoll descriptors.
//!
//! `strace -f` writes one file, a line each as it sees it: a call acts between the line in which it begins and that in which it
//! ends, and so the time of a call is the number of its line. With `-ff` each thread has a file of its own, and the times that
//! `-ttt` and `-T` write are what there is.
//!
//! Calls become what they do with descriptors (`kinds`), descriptors what they stand for (`descriptors`), and that calls of
//! the model (`weave`). Eventfds and pipes whose ends are all in the log are judged by the rules of their system. What
//! comes from elsewhere, from the other end of a connection or from a timer, is *unobserved*: it may have come at any time.

mod descriptors;
mod kinds;
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
use descriptors::Followed;
use kinds::{Came, What, matters, what};
use text::{Body, UNFINISHED, call, line};

/// How far apart two lines are, in nanoseconds.
const APART: u64 = 1_000;

/// What strace says to its terminal of a process that it follows from then on.
const FOLLOWS: &str = "strace: Process ";

/// The step of the times that strace writes.
const STEP: u64 = 1_000;

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
    /// The descriptor or the thread that it returned.
    returned: Option<i32>,
    closes_on_exec: bool,
    what: What,
}

/// A call whose end another line holds.
struct Open {
    line: u64,
    time: Option<u64>,
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
}

/// What is read of one file.
struct OfFile<'r> {
    file: &'r Path,
    /// The thread whose file it is.
    own: Option<u32>,
    open: HashMap<u32, Open>,
    /// A call into whose line strace wrote that it follows one more process.
    cut: Option<(u32, Open)>,
    /// The last time of each thread.
    last: HashMap<u32, u64>,
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
            torn: None,
            reading: self,
        };
        each_line(file, from, |n, line| of_file.line(n, line))?;
        of_file.ends()
    }

    fn log(mut self) -> Result<Log, BadInput> {
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
        let followed = Followed::of(&self.raws, &self.threads, self.follows);
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
            (None, None) => self.reading.thread("main"),
        };
        if !self.reading.by_line && line.time.is_none() {
            return Err(self.bad(
                n,
                "it has no time, and no order among the other files: strace needs -ttt",
            ));
        }
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
            Body::Exits => {
                if let Some(open) = self.open.remove(&thread) {
                    self.under_way(thread, &open);
                }
                let last = self.last.get(&thread).copied();
                let now = self.when(n, line.time);
                self.reading.raws.push(Raw {
                    thread,
                    line: n as u32,
                    t0: last.unwrap_or(now).min(now),
                    t1: Some(now),
                    took: None,
                    returned: None,
                    closes_on_exec: false,
                    what: What::Exits,
                });
            }
        }
        let now = self.when(n, line.time);
        self.last.insert(thread, now);
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
    fn when(&self, n: u64, time: Option<u64>) -> u64 {
        match self.reading.by_line {
            true => n * APART,
            false => time.unwrap_or_default(),
        }
    }

    /// A call with its end.
    fn whole(
        &mut self,
        n: u64,
        thread: u32,
        open: &Open,
        resumed: Option<u64>,
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
        let between = open.time.zip(resumed).map(|(t0, t1)| t1.saturating_sub(t0));
        let took = call.ended.took.or(between);
        let t0 = self.when(open.line, open.time);
        let t1 = match (self.reading.by_line, took) {
            (true, _) => n * APART,
            // Two clocks that move in steps stand between.
            (false, Some(took)) => t0.saturating_add(took).saturating_add(2 * STEP - 1),
            (false, None) => u64::MAX,
        };
        let is_told = call.ended.value.is_some();
        self.reading.raws.push(Raw {
            thread,
            line: open.line as u32,
            t0,
            t1: is_told.then_some(t1),
            took,
            returned: call.ended.value.and_then(|it| i32::try_from(it).ok()),
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

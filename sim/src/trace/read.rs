//! Reads trace files.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::ops::Range;
use std::path::Path;

use portsim_model::program::{Op, Program, ThreadId};
use portsim_model::step::StepKind;

use super::line::{call_line, step_name};
use super::outcome::answer_of;
use super::wire::{EndLine, EventLine, FORMAT, read_line};
use super::{End, Event, Header, Mode, Shown, Span, Trace};
use crate::bad_input::{BadInput, Spot, quoted};
use crate::names::Names;
use crate::plain::is_plain;
use crate::utf8;

/// The longest line of a trace.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// A trace file as it was written: its names are not looked up yet.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The file.
    pub file: String,
    /// Where the trace comes from.
    pub header: Header,
    lines: Vec<EventLine>,
    /// The line of the file that each of them is.
    numbers: Vec<usize>,
    end: Option<EndLine>,
    /// The line after which the file is cut, where it is.
    pub cut_after: Option<usize>,
}

/// Reads a trace file.
pub fn read(file: &Path) -> Result<Recorded, BadInput> {
    let opened = File::open(file)
        .map_err(|error| BadInput::new(file, format!("cannot be read: {error}")))?;
    read_from(file, opened)
}

/// Reads what stands in a trace file.
pub(crate) fn read_from(file: &Path, input: impl Read) -> Result<Recorded, BadInput> {
    let mut lines = Lines {
        file,
        input: BufReader::new(input),
        number: 0,
        text: Vec::new(),
    };
    let header = match lines.next_line()? {
        None => {
            return Err(BadInput::new(
                file,
                "is empty; a trace starts with its header",
            ));
        }
        Some(text) => header(file, text)?,
    };
    let mut recorded = Recorded {
        file: file.display().to_string(),
        header,
        lines: Vec::new(),
        numbers: Vec::new(),
        end: None,
        cut_after: None,
    };
    let mut wrong = Vec::new();
    while wrong.len() < WRONG_MAX {
        let number = lines.number;
        let Some(text) = lines.next_line()? else {
            recorded.cut_after = recorded.end.is_none().then_some(number);
            break;
        };
        let text = text.to_owned();
        match recorded.take(&text, lines.number) {
            Ok(()) => {}
            // A line that just stops is where the file was cut.
            Err(Misread { is_line: false, .. }) if !lines.is_complete() => {
                recorded.cut_after = Some(number);
                break;
            }
            Err(misread) => wrong.push(misread.on(file, &text, lines.number)),
        }
    }
    match wrong.is_empty() {
        true => Ok(recorded),
        false => Err(BadInput::of_all(wrong)),
    }
}

/// As many wrong lines are looked for.
const WRONG_MAX: usize = 100;

/// Why a line does not belong where it stands.
struct Misread {
    problem: String,
    /// The bytes that are meant.
    span: Range<usize>,
    /// Whether it is a line of a trace at all.
    is_line: bool,
}

impl Misread {
    fn whole(problem: impl Into<String>) -> Misread {
        Misread {
            problem: problem.into(),
            span: 0..0,
            is_line: true,
        }
    }

    /// What ends before this byte of the text is wrong.
    fn before(problem: String, text: &str, byte: usize) -> Misread {
        let at = byte.saturating_sub(1).min(text.trim_end().len());
        let at = (0..=at).rfind(|&at| text.is_char_boundary(at));
        Misread {
            problem,
            span: at.map_or(0..0, |at| at..at),
            is_line: false,
        }
    }

    fn on(self, file: &Path, text: &str, line: usize) -> BadInput {
        BadInput {
            spot: Some(Spot::of(text, self.span).on_line(line)),
            ..BadInput::new(file, self.problem)
        }
    }
}

impl Recorded {
    /// Takes the next line.
    fn take(&mut self, text: &str, number: usize) -> Result<(), Misread> {
        if self.end.is_some() {
            return Err(Misread::whole("something follows the end"));
        }
        match parse(text)? {
            Line::Event(event) => {
                let expected = self.lines.last().map_or(0, |last| last.n) + 1;
                let found = event.n;
                // What follows is counted from here, so that one gap is one mistake.
                self.lines.push(*event);
                self.numbers.push(number);
                if found != expected {
                    let problem = format!("event {found} where event {expected} was expected");
                    return Err(Misread::whole(problem));
                }
            }
            Line::End(end) => {
                let (said, found) = (end.end.events, self.lines.len());
                self.end = Some(end);
                if said != found as u64 {
                    let problem = format!("the end counts {said} events, the file has {found}");
                    return Err(Misread::whole(problem));
                }
            }
        }
        Ok(())
    }
}

enum Line {
    Event(Box<EventLine>),
    End(EndLine),
}

fn parse(text: &str) -> Result<Line, Misread> {
    match read_line(text) {
        Ok(event) => Ok(Line::Event(Box::new(event))),
        Err((problem, byte)) => match read_line(text) {
            Ok(end) => Ok(Line::End(end)),
            Err(_) => {
                let problem = format!("is no event: {problem}");
                Err(Misread::before(problem, text, byte))
            }
        },
    }
}

fn header(file: &Path, text: &str) -> Result<Header, BadInput> {
    let header: Header = read_line(text).map_err(|(problem, byte)| {
        let problem = format!("is no header of a trace: {problem}");
        Misread::before(problem, text, byte).on(file, text, 1)
    })?;
    if header.format != FORMAT {
        let problem = format!(
            "format {}; this version reads {FORMAT:?}",
            quoted(&header.format)
        );
        return Err(BadInput::new(file, problem).on_line(1));
    }
    if let Some(text) = header.texts().find(|text| !text.chars().all(is_plain)) {
        let problem = format!("has a control character in {}", quoted(text));
        return Err(BadInput::new(file, problem).on_line(1));
    }
    Ok(header)
}

/// The lines of a file, one at a time, none of them longer than the limit.
struct Lines<'f, R> {
    file: &'f Path,
    input: BufReader<R>,
    number: usize,
    text: Vec<u8>,
}

impl<R: Read> Lines<'_, R> {
    fn next_line(&mut self) -> Result<Option<&str>, BadInput> {
        loop {
            self.text.clear();
            let mut limited = self.input.by_ref().take(LINE_BYTES_MAX);
            let read = limited.read_until(b'\n', &mut self.text);
            let bad = |problem: String| BadInput::new(self.file, problem).on_line(self.number + 1);
            let read = read.map_err(|error| bad(format!("cannot be read: {error}")))?;
            if read == 0 {
                self.text.push(b'\n');
                return Ok(None);
            }
            if read as u64 == LINE_BYTES_MAX {
                return Err(bad(format!("is longer than {LINE_BYTES_MAX} bytes")));
            }
            self.number += 1;
            if !self.text.trim_ascii().is_empty() {
                break;
            }
        }
        match utf8::text(&self.text) {
            Ok(text) => Ok(Some(text)),
            Err((_, problem)) => Err(BadInput::new(self.file, problem).on_line(self.number)),
        }
    }

    /// Whether the line read last ends as a line does.
    fn is_complete(&self) -> bool {
        self.text.ends_with(b"\n")
    }
}

impl Recorded {
    /// Looks the names up in the scenario that was run.
    pub fn resolve(&self, names: &Names, program: &Program) -> Result<Trace, BadInput> {
        let mut events = Vec::with_capacity(self.lines.len());
        let (mut spans, mut wrong) = (Vec::new(), Vec::new());
        let mut free = vec![Some(0); names.threads.len()];
        for (line, &number) in self.lines.iter().zip(&self.numbers) {
            if wrong.len() == WRONG_MAX {
                break;
            }
            let mut resolved = event_of(names, program, line);
            if let (Ok(event), Mode::Free) = (&resolved, self.header.mode) {
                let free = &mut free[event.shown.thread().index()];
                match span_of(line, &event.shown, *free) {
                    Ok(span) => {
                        *free = span.t1;
                        spans.push(span);
                    }
                    Err(problem) => resolved = Err(problem),
                }
            }
            match resolved {
                Ok(event) => events.push(event),
                Err(problem) => wrong.push(self.wrong(names, line, number, problem)),
            }
        }
        if !wrong.is_empty() {
            return Err(BadInput::of_all(wrong));
        }
        let end = match &self.end {
            None => None,
            Some(end) => Some(self.resolve_end(names, end)?),
        };
        Ok(Trace {
            header: self.header.clone(),
            events,
            spans,
            end,
        })
    }

    fn wrong(&self, names: &Names, line: &EventLine, number: usize, problem: String) -> BadInput {
        let bad = BadInput::new(Path::new(&self.file), problem);
        let bad = bad.at(format!("event {}", line.n)).on_line(number);
        match names.thread(&line.thread) {
            Some(_) => bad,
            None => bad.near(&line.thread, names.threads.iter().map(String::as_str)),
        }
    }

    fn resolve_end(&self, names: &Names, end: &EndLine) -> Result<End, BadInput> {
        let mut parked = Vec::new();
        for name in &end.end.parked {
            let known = names.threads.iter().map(String::as_str);
            let thread = names.thread(name).ok_or_else(|| {
                BadInput::new(Path::new(&self.file), format!("unknown thread {name:?}"))
                    .at("end")
                    .near(name, known)
            })?;
            parked.push(thread);
        }
        parked.sort();
        Ok(End::of(parked))
    }
}

/// The event that a line means.
pub fn event_of(names: &Names, program: &Program, line: &EventLine) -> Result<Event, String> {
    let thread = names
        .thread(&line.thread)
        .ok_or_else(|| format!("unknown thread {}", quoted(&line.thread)))?;
    let answer = line.outcome.as_ref().map(answer_of).transpose()?;
    let shown = match (&line.call, &line.r#return, &line.step) {
        (Some(_), None, None) => {
            let op = called(names, program, thread, line)?;
            Shown::Call {
                thread,
                op,
                answer: answer.map(|answer| answer.of_call(op)),
            }
        }
        (None, Some(word), None) => {
            let op = ops(program, thread).find(|op| op.verb().name() == word);
            let op =
                op.ok_or_else(|| format!("thread {:?} has no operation {word:?}", line.thread))?;
            Shown::Return {
                thread,
                op,
                answer: answer.ok_or("a return has an outcome")?.of_call(op),
            }
        }
        (None, None, Some(word)) => {
            let kinds = [StepKind::Turn, StepKind::Wake, StepKind::Time];
            let kind = kinds.into_iter().find(|kind| step_name(*kind) == word);
            Shown::Silent {
                thread,
                kind: kind.ok_or_else(|| format!("unknown step {word:?}"))?,
            }
        }
        _ => return Err("an event has one of `call`, `return` and `step`".to_owned()),
    };
    Ok(Event {
        choice: line.choice.unwrap_or(0),
        ..Event::of(shown)
    })
}

/// When an event of a thread that ran at full speed was; `free` is when the thread had ended its last call, if it has.
fn span_of(line: &EventLine, shown: &Shown, free: Option<u64>) -> Result<Span, String> {
    let Shown::Call { answer, .. } = shown else {
        return Err("a trace of mode `free` has calls only, each with its outcome".to_owned());
    };
    let free = free.ok_or("its thread is still inside an earlier call")?;
    let t0 = line.t0.ok_or("an event of mode `free` has `t0`")?;
    if t0 < free {
        return Err(format!(
            "`t0` is {t0}, and its thread ended its last call at {free}"
        ));
    }
    match (line.t1, answer) {
        (Some(t1), _) if t1 < t0 => Err(format!("`t1` is {t1}, before `t0`, which is {t0}")),
        (None, None) | (Some(_), Some(_)) => Ok(Span { t0, t1: line.t1 }),
        _ => Err("`t1` and `outcome` say when and how a call ended: both or neither".to_owned()),
    }
}

/// The operation of the thread's program that a line calls.
fn called(
    names: &Names,
    program: &Program,
    thread: ThreadId,
    line: &EventLine,
) -> Result<Op, String> {
    let said = EventLine {
        n: 0,
        thread: String::new(),
        outcome: None,
        choice: None,
        by: None,
        branches: None,
        values: None,
        set: None,
        text: None,
        ended: None,
        cancelled: None,
        counted_out: None,
        t0: None,
        t1: None,
        ..line.clone()
    };
    let found = ops(program, thread).find(|op| call_line(names, program, *op) == said);
    found.ok_or_else(|| {
        let word = line.call.as_deref().unwrap_or_default();
        format!(
            "the program of thread {:?} has no such {word:?}",
            line.thread
        )
    })
}

/// What a thread can be seen to do: the operations of its program, and its end.
fn ops(program: &Program, thread: ThreadId) -> impl Iterator<Item = Op> {
    program.calls_by(thread).chain([Op::Exit])
}

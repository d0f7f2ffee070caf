//! Makes calls of lines.

use std::collections::HashMap;
use std::path::Path;

use portsim_model::os_error::error_named;
use portsim_model::program::{
    BATCH_MAX, Op, PORTS_MAX, Packet, PacketId, PortId, ThreadId, Timeout,
};

use super::lines::Line;
use super::map::{Does, Map, Place, Wait, What};
use super::said::Said;
use super::unknown::{Fields, Unknown};
use super::values::{moment, nanoseconds, whole};
use super::wire::Found;
use super::{Log, THREADS_MAX, TICKS_UNKNOWN};
use crate::admit::free::Calls;
use crate::bad_input::BadInput;
use crate::trace::{Answer, Span};

/// What keys that are no numbers begin with, as numbers.
pub const WORDS_FROM: i64 = 0x7000_0000_0000;

/// Keys that are no numbers are kept, so many.
const WORDS_MAX: usize = 10_000_000;

/// What stands for a wait without an end; Windows has the number for it.
const ALWAYS: [&str; 9] = [
    "INFINITE",
    "infinity",
    "inf",
    "never",
    "forever",
    "none",
    "null",
    "4294967295",
    "0xffffffff",
];

/// What names a time that is over.
const TIMEOUT: &str = "ETIMEDOUT";

/// A log in the making.
pub struct Gather<'m> {
    file: &'m Path,
    map: &'m Map,
    calls: Calls,
    threads: Named,
    ports: Vec<String>,
    /// By the name of a port, the one that it stands for now, and whether that is closed.
    stands: HashMap<String, (PortId, bool)>,
    /// Keys that are no numbers.
    words: Named,
    unknown: Unknown,

    passed: u64,
    /// Calls of two lines, of which the first is read.
    begun: HashMap<ThreadId, (u64, Begun)>,
    /// The finest step that times of the log make, in nanoseconds.
    resolution: u64,
    /// The first line from which on nothing can be judged, and why.
    beyond: Option<(u64, &'static str)>,
    /// The last times of all threads.
    last: u64,
    fields: Fields<'m>,
}

/// Names in the order in which they came.
#[derive(Default)]
struct Named {
    list: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Named {
    fn number(&mut self, name: &str) -> usize {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        self.list.push(name.to_owned());
        self.numbers.insert(name.to_owned(), self.list.len() - 1);
        self.list.len() - 1
    }
}

/// What the first of two lines says of a call.
struct Begun {
    call: String,
    does: Does,
    said: Said,
    t0: u64,
}

impl<'m> Gather<'m> {
    pub fn new(file: &'m Path, map: &'m Map) -> Gather<'m> {
        Gather {
            file,
            map,
            calls: Calls::new(),
            threads: Named::default(),
            ports: Vec::new(),
            stands: HashMap::new(),
            words: Named::default(),
            unknown: Unknown::default(),
            passed: 0,
            begun: HashMap::new(),
            resolution: 1,
            beyond: None,
            last: 0,
            fields: Fields::of(map),
        }
    }

    /// The columns that the map names.
    pub fn names(&self) -> impl Iterator<Item = &'m str> {
        self.map.fields()
    }

    /// A line that is none of calls.
    pub fn passes(&mut self, _: &str) {
        self.passed += 1;
    }

    fn bad(&self, line: u64, place: &str, problem: impl Into<String>) -> BadInput {
        let bad = BadInput::new(self.file, problem).on_line(line as usize);
        if place.is_empty() { bad } else { bad.at(place) }
    }

    /// One line.
    pub fn line(&mut self, n: u64, line: &impl Line) -> Result<(), BadInput> {
        let map = self.map;
        self.fields.line(line);
        let text = |place: &Place| text(found(line, place));
        let Some(call) = text(&map.call) else {
            return Err(self.bad(n, "call", "it names no call"));
        };
        let phase = match &map.phase {
            None => None,
            Some(phase) => match text(&phase.column) {
                Some(word) if word == phase.begin => Some(true),
                Some(word) if word == phase.end => Some(false),
                Some(_) | None => {
                    self.passed += 1;
                    return Ok(());
                }
            },
        };
        let Some(does) = map.does(&call) else {
            self.unknown.add(call);
            return Ok(());
        };
        self.unknown.knows(&call);
        if does.what == What::Ignore {
            return Ok(());
        }
        let Some(thread) = text(&map.thread) else {
            return Err(self.bad(n, "thread", "it names no thread"));
        };
        let number = self.threads.number(&thread);
        if number >= THREADS_MAX {
            let problem = format!("more than {THREADS_MAX} threads");
            return Err(self.bad(n, "thread", problem));
        }
        let thread = ThreadId(number as u8);
        let said = self.said(n, line)?;
        let (t0, t1) = self.times(n, line)?;
        match phase {
            None => self.call(n, thread, does, said, (t0, t1)),
            Some(true) => {
                if let Some((first, begun)) = self.begun.remove(&thread) {
                    let problem = format!(
                        "the thread is still in {:?}, which line {first} begins",
                        begun.call
                    );
                    return Err(self.bad(n, "", problem));
                }
                let begun = Begun {
                    call,
                    does,
                    said,
                    t0,
                };
                self.begun.insert(thread, (n, begun));
                Ok(())
            }
            Some(false) => match self.begun.remove(&thread) {
                Some((first, begun)) if begun.call == call => {
                    let said = begun.said.with(said);
                    // Its own step: that of another line may be coarser only because zeros are left out there.
                    let end = t1.unwrap_or(t0);
                    self.call(first, thread, begun.does, said, (begun.t0, Some(end)))
                }
                Some((first, begun)) => {
                    let problem =
                        format!("it ends {call:?}, and line {first} began {:?}", begun.call);
                    Err(self.bad(n, "call", problem))
                }
                None => Err(self.bad(n, "call", format!("it ends {call:?}, which nothing began"))),
            },
        }
    }

    fn said(&self, n: u64, line: &impl Line) -> Result<Said, BadInput> {
        let map = self.map;
        let at =
            |place: &Option<Place>| place.as_ref().map_or(Found::Nothing, |it| found(line, it));
        let number = |place: &Option<Place>, name: &str| match text(at(place)) {
            None => Ok(None),
            Some(text) => match whole(&text) {
                Some(number) => Ok(Some(number)),
                None => Err(self.bad(n, name, format!("{text:?} is no whole number"))),
            },
        };
        let numbers = |place: &Option<Place>, name: &str| match at(place) {
            Found::List(all) => {
                let wrong =
                    |text: &String| self.bad(n, name, format!("{text:?} is no whole number"));
                let number = |text: &String| whole(text).ok_or_else(|| wrong(text));
                all.iter().map(number).collect()
            }
            Found::Nothing | Found::Text(_) => number(place, name).map(Vec::from_iter),
        };
        let (keys, is_list) = match (at(&map.key), &map.separator) {
            (Found::Nothing, separator) => (Vec::new(), separator.is_some()),
            (Found::List(keys), _) => (keys, true),
            (Found::Text(text), Some(separator)) => {
                let keys = text.split(separator.as_str()).map(str::trim);
                (
                    keys.filter(|key| !key.is_empty())
                        .map(str::to_owned)
                        .collect(),
                    true,
                )
            }
            (Found::Text(text), None) => (vec![text], false),
        };
        let wait = match text(at(&map.wait)) {
            None => map.wait.is_some().then_some(Wait::Always),
            Some(word) if ALWAYS.iter().any(|it| it.eq_ignore_ascii_case(&word)) => {
                Some(Wait::Always)
            }
            Some(word) => match word.parse::<f64>() {
                Ok(0.0) => Some(Wait::Not),
                Ok(time) if time < 0.0 => Some(Wait::Always),
                Ok(time) if time > 0.0 => Some(Wait::Some),
                _ => {
                    let problem = format!(
                        "{word:?} is no time; a call without an end has INFINITE, a negative number, or nothing"
                    );
                    return Err(self.bad(n, "wait", problem));
                }
            },
        };
        Ok(Said {
            port: text(at(&map.port)),
            keys,
            is_list,
            bytes: numbers(&map.bytes, "bytes")?,
            overlapped: numbers(&map.overlapped, "overlapped")?,
            error: text(at(&map.error)).filter(|error| !map.no_error.contains(error)),
            wait,
            max: number(&map.max, "max")?.map(|max| max.clamp(0, u32::MAX.into()) as u32),
        })
    }

    /// Between which times the call of a line was. A log without times has an order: each line is a moment of its own.
    fn times(&mut self, n: u64, line: &impl Line) -> Result<(u64, Option<u64>), BadInput> {
        let map = self.map;
        let Some(begin) = &map.begin else {
            return Ok((n * 10, Some(n * 10)));
        };
        let time = |place: &Place, name: &str| {
            match text(found(line, place)) {
            None => Ok(None),
            Some(text) => match name {
                "took" => nanoseconds(&text, map.unit),
                _ => moment(&text, map.unit),
            }
            .map(Some)
            .ok_or_else(|| {
                let problem = format!("{text:?} is no time; expected a number, or a date such as 2023-11-14T22:13:20.5Z");
                self.bad(n, name, problem)
            }),
        }
        };
        let Some((t0, step)) = time(begin, "begin")? else {
            return Err(self.bad(n, "begin", "it has no time"));
        };
        let end = match (&map.end, &map.took) {
            (Some(end), _) => time(end, "end")?,
            (None, Some(took)) => {
                let took = time(took, "took")?;
                took.map(|(took, finer)| (t0.saturating_add(took), step.max(finer)))
            }
            (None, None) => Some((t0, step)),
        };
        self.resolution = self.resolution.max(step);
        // A clock that shows steps showed an end within the step that began there.
        let t1 = end.map(|(t1, step)| t1.saturating_add(step - 1));
        if let Some(t1) = t1 {
            if t1 < t0 {
                return Err(self.bad(n, "end", "it ends before it begins"));
            }
            self.last = self.last.max(t1);
        }
        Ok((t0, t1))
    }

    fn call(
        &mut self,
        n: u64,
        thread: ThreadId,
        does: Does,
        said: Said,
        (t0, t1): (u64, Option<u64>),
    ) -> Result<(), BadInput> {
        let name = said.port.clone().unwrap_or_default();
        if does.what == What::Create {
            if self.stands.get(&name).is_none_or(|&(_, closed)| closed) {
                self.new_port(n, &name)?;
            }
            return Ok(());
        }
        let port = match self.stands.get(&name) {
            Some(&(port, _)) => port,
            None => self.new_port(n, &name)?,
        };
        let failed = match &said.error {
            None => None,
            Some(error) => Some(self.failure(n, error)?),
        };
        let (op, posted, answer) = match does.what {
            What::Post => {
                let packet = self.packets(n, &said)?;
                let [packet] = packet[..] else {
                    return Err(self.bad(n, "key", "a post has one packet"));
                };
                let op = Op::Post {
                    port,
                    packet: PacketId(0),
                    into: None,
                    may_fail: false,
                    reserve: None,
                };
                (op, Some(packet), failed.unwrap_or(Answer::Done))
            }
            What::Get => {
                let packets = match failed {
                    Some(Answer::Failed(ref name)) if name != TIMEOUT => Vec::new(),
                    _ => self.packets(n, &said)?,
                };
                let max = said.max.or(does.max);
                let is_batch = max.map_or(said.is_list, |max| max != 1);
                let op = get(port, &said, does, packets.len(), is_batch);
                let answer = match (failed, packets.is_empty()) {
                    (Some(Answer::Failed(name)), false) => Answer::Partial(name, packets),
                    (Some(failed), true) => failed,
                    (None, false) if is_batch => Answer::Packets(packets),
                    (None, false) => Answer::Packet(packets[0]),
                    // Where no errors are told, nothing is what a look comes back with that found nothing.
                    (None, true) if self.map.error.is_none() || said.is_list || t1.is_none() => {
                        Answer::Failed(TIMEOUT.to_owned())
                    }
                    (None, true) => {
                        return Err(self.bad(
                            n,
                            "key",
                            "it took no packet, and failed with no error; expected one that `timeout` or `errors` of the map names",
                        ));
                    }
                    (Some(_), false) => unreachable!("failures are answers that failed"),
                };
                (op, None, answer)
            }
            What::Close => {
                self.stands.insert(name, (port, true));
                let op = Op::Close { port, into: None };
                (op, None, failed.unwrap_or(Answer::Done))
            }
            What::Create | What::Ignore => return Ok(()),
        };
        let answer = t1.map(|_| answer);
        let span = Span { t0, t1 };
        if self.calls.len() == u32::MAX as usize - 1 {
            return Err(self.bad(n, "", "more calls than 4 billion"));
        }
        self.calls
            .push(thread, op, posted, answer.as_ref(), span, n as u32);
        Ok(())
    }

    fn new_port(&mut self, n: u64, name: &str) -> Result<PortId, BadInput> {
        if self.ports.len() == PORTS_MAX {
            let problem = format!("more than {PORTS_MAX} ports");
            return Err(self.bad(n, "port", problem));
        }
        let port = PortId(self.ports.len() as u8);
        let shown = if name.is_empty() { "port" } else { name };
        let again = self
            .ports
            .iter()
            .filter(|it| it.split('#').next() == Some(shown))
            .count();
        self.ports.push(match again {
            0 => shown.to_owned(),
            again => format!("{shown}#{}", again + 1),
        });
        self.stands.insert(name.to_owned(), (port, false));
        Ok(port)
    }

    fn failure(&self, n: u64, error: &str) -> Result<Answer, BadInput> {
        let name = match self.map.errors.get(error) {
            _ if self.map.timeout.iter().any(|word| word == error) => TIMEOUT,
            Some(name) => name,
            None => error,
        };
        match error_named(name) {
            Some(_) => Ok(Answer::Failed(name.to_owned())),
            None => {
                let problem = format!(
                    "unknown error {error:?}: `timeout`, `no_error` or `errors` of the map says what it means"
                );
                Err(self.bad(n, "error", problem))
            }
        }
    }

    fn packets(&mut self, n: u64, said: &Said) -> Result<Vec<Packet>, BadInput> {
        let mut packets = Vec::new();
        for (place, key) in said.keys.iter().enumerate() {
            let of = |all: &[i64]| all.get(place).or(all.first()).copied().unwrap_or(0);
            let key = match whole(key) {
                Some(key) => key,
                None if self.words.list.len() < WORDS_MAX => {
                    WORDS_FROM + self.words.number(key) as i64
                }
                None => return Err(self.bad(n, "key", "too many keys that are no numbers")),
            };
            packets.push(Packet {
                key,
                bytes: of(&said.bytes),
                overlapped: of(&said.overlapped),
                status: 0,
            });
        }
        Ok(packets)
    }

    /// What was gathered.
    pub fn log(mut self) -> Result<Log, BadInput> {
        if let Some(problem) = self.unknown.mistyped(self.map) {
            return Err(BadInput::new(self.file, problem));
        }
        if let Some((problem, near)) = self.fields.mistyped(self.map) {
            return Err(BadInput::new(self.file, problem).instead(near));
        }
        // What was begun and not ended was under way.
        let mut begun: Vec<_> = std::mem::take(&mut self.begun).into_iter().collect();
        begun.sort_by_key(|&(_, (n, _))| n);
        for (thread, (n, begun)) in begun {
            self.call(n, thread, begun.does, begun.said, (begun.t0, None))?;
        }
        let mut calls = self.calls;
        calls.sort();
        let steps = self.resolution - 1;
        if let Some(place) = calls.overlapping(self.threads.list.len(), steps) {
            let thread = &self.threads.list[calls.thread(place).index()];
            let problem = format!(
                "thread {thread:?} is in another call at that time; a thread makes one call after the other"
            );
            let line = calls.line(place) as usize;
            return Err(BadInput::new(self.file, problem).on_line(line));
        }
        let mut told = None;
        if self.map.cut {
            let mut last = vec![0; self.threads.list.len()];
            for place in 0..calls.len() as u32 {
                let span = calls.span(place);
                let own = &mut last[calls.thread(place).index()];
                *own = span.t1.unwrap_or(u64::MAX).max(*own);
            }
            told = last.into_iter().min();
        }
        let beyond = self.beyond.map(|(line, why)| {
            let mut places = 0..calls.len() as u32;
            let place = places.find(|&place| u64::from(calls.line(place)) == line);
            let t0 = place.map_or(0, |place| calls.span(place).t0);
            (line, why, t0)
        });
        let seen = self.threads.list.len();
        let concurrency = vec![self.map.concurrency; self.ports.len()];
        let (unknown, unknown_more) = self.unknown.counts();
        Ok(Log {
            calls,
            threads: self.threads.list,
            ports: self.ports,
            words: self.words.list,
            unknown,
            unknown_more,
            passed: self.passed,
            concurrency,
            seen,
            told,
            beyond,
            ..Log::default()
        })
    }
}

fn found(line: &impl Line, place: &Place) -> Found {
    match place {
        Place::At(name) => line.at(name),
        Place::Is(value) => value.clone(),
    }
}

fn text(found: Found) -> Option<String> {
    match found {
        Found::Nothing => None,
        Found::Text(text) => Some(text),
        Found::List(list) => Some(list.join(",")),
    }
}

/// A call that takes packets.
fn get(port: PortId, said: &Said, does: Does, taken: usize, is_batch: bool) -> Op {
    let wait = said.wait.or(does.wait).unwrap_or(Wait::Unknown);
    let timeout = match wait {
        Wait::Not => Timeout::Ticks(0),
        Wait::Some => Timeout::Ticks(1),
        Wait::Always => Timeout::Never,
        Wait::Unknown => Timeout::Ticks(TICKS_UNKNOWN),
    };
    // Of a batch whose size nobody tells, nothing says that there was no more.
    let max = said.max.or(does.max).unwrap_or(taken.max(1) as u32);
    Op::Get {
        port,
        into: None,
        timeout,
        max: is_batch.then_some(max.min(BATCH_MAX as u32) as u8),
        min: None,
        min_wait: None,
        alertable: false,
        keeps: false,
    }
}

//! Logs of real programs: who called what on a port, from when to when, and what came of it.
//!
//! A log has no scenario: it tells what its threads did, and not what they might have done. So its calls are played as they
//! come ([`judge`]), by threads that are told each (`machine`). What formats have in common is in `gather`: it makes calls
//! of lines, with the help of a map that says which field is what (`map`, `wire`).

mod formats;
mod gather;
mod imported;
mod judge;
mod lines;
mod machine;
mod map;
mod parts;
mod said;
mod strace;
mod unknown;
mod values;
mod wine;
mod wire;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use portsim_model::program::Packet;

use crate::admit::free::Calls;
use crate::bad_input::{BadInput, one_of};
use gather::Gather;

pub use imported::{Imported, imported};
pub use judge::error_names;
pub use judge::{Judged, Shown, Told, judge};
pub use map::Map;
pub use parts::{Named, logs};
pub use wire::{recorded, schema};

/// The most threads of a log.
pub const THREADS_MAX: usize = 250;

/// Stands for a wait of which nobody says how long it may take.
const TICKS_UNKNOWN: u32 = u32::MAX;

/// How a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines of JSON.
    Ndjson,
    /// A table.
    Csv,
    /// Lines that match a pattern.
    Regex,
    /// What Wine says with `WINEDEBUG=+tid,+relay,+server`.
    Wine,
    /// What `strace -f -ttt -T` says, or `-ff`.
    Strace,
}

impl Format {
    /// Every format, by name.
    pub const ALL: [(&str, Format); 5] = [
        ("csv", Format::Csv),
        ("ndjson", Format::Ndjson),
        ("regex", Format::Regex),
        ("strace", Format::Strace),
        ("wine", Format::Wine),
    ];

    /// Whether its fields are a program's own, and a map has to say what they are.
    pub fn needs_map(self) -> bool {
        matches!(self, Format::Csv | Format::Ndjson | Format::Regex)
    }

    /// The format of this name.
    pub fn named(name: &str) -> Option<Format> {
        let found = Format::ALL.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, format)| format)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let found = Format::ALL.into_iter().find(|(_, format)| *format == self);
        found.map_or("", |(name, _)| name)
    }
}

/// A log, read.
#[derive(Debug, Default)]
pub struct Log {
    calls: Calls,
    threads: Vec<String>,
    ports: Vec<String>,
    /// Keys of packets that are no numbers.
    words: Vec<String>,
    /// Calls that the map does not know, with how often they came.
    pub unknown: Vec<(String, u64)>,
    /// How many more.
    pub unknown_more: u64,
    /// Lines that are no calls.
    pub passed: u64,
    /// By port, how many threads may run at once, where that is known.
    concurrency: Vec<Option<u32>>,
    /// How many threads the log names; the others stand for the kernel.
    seen: usize,
    /// How many calls of these there are: packets that came from nobody's call.
    unobserved: u32,
    /// What ended later may owe it to calls that are missing.
    told: Option<u64>,
    /// The line from which on nothing is judged, why, and its time.
    beyond: Option<(u64, &'static str, u64)>,
    /// What else is to be known of it.
    notes: Vec<String>,
    /// What its ports watch, where that is known.
    sources: Option<Sources>,
    /// The first call that nothing explains, whatever was before.
    misfit: Option<Misfit>,
    /// More calls, on ports that have nothing to do with these.
    parts: Vec<Log>,
    /// How many threads call in any part.
    called: Option<usize>,
}

/// What ports watch.
#[derive(Debug)]
struct Sources {
    names: Vec<String>,
    /// Whether they can be read at the start.
    readable: Vec<bool>,
    /// What events of them carry.
    packets: Vec<Packet>,
}

/// A call that no system shows that plays this at all.
#[derive(Debug)]
struct Misfit {
    /// When it was over.
    end: u64,
    /// The name of the claim that says so, without that of its system.
    claim: &'static str,
    shown: Shown,
}

impl Log {
    /// How many calls it has.
    pub fn calls(&self) -> usize {
        self.calls.len() + self.parts.iter().map(Log::calls).sum::<usize>()
    }

    /// How many threads.
    pub fn threads(&self) -> usize {
        self.called.unwrap_or(self.seen)
    }

    /// How many ports.
    pub fn ports(&self) -> usize {
        self.ports.len() + self.parts.iter().map(Log::ports).sum::<usize>()
    }
}

/// The largest file that is a map.
const MAP_MAX: u64 = 1 << 20;

impl Map {
    /// Reads a map from a file.
    pub fn read(file: &Path) -> Result<Map, BadInput> {
        let unreadable = |error: std::io::Error| BadInput::new(file, error.to_string());
        let mut text = Vec::new();
        let opened = File::open(file).map_err(unreadable)?;
        opened
            .take(MAP_MAX + 1)
            .read_to_end(&mut text)
            .map_err(unreadable)?;
        match text.len() as u64 <= MAP_MAX {
            true => Map::parse(file, &text),
            false => Err(BadInput::new(file, "it is no map: it is too long")),
        }
    }
}

/// Reads a log from a file.
pub fn read(file: &Path, format: Format, map: Option<&Map>) -> Result<Log, BadInput> {
    let opened = File::open(file).map_err(|error| BadInput::new(file, error.to_string()))?;
    read_from(file, BufReader::with_capacity(1 << 16, opened), format, map)
}

/// Reads a log of one file, or of several.
pub fn read_named(log: &Named, format: Format, map: Option<&Map>) -> Result<Log, BadInput> {
    match log.files.is_empty() {
        true => read(&log.name, format, map),
        false => not_empty(&log.name, strace::read_all(&log.files)?),
    }
}

/// The same from wherever its bytes come.
pub fn read_from(
    file: &Path,
    from: impl BufRead,
    format: Format,
    map: Option<&Map>,
) -> Result<Log, BadInput> {
    let log = match (format, map) {
        (Format::Wine, _) => wine::read(file, from)?,
        (Format::Strace, _) => strace::read(file, from)?,
        (Format::Csv | Format::Ndjson | Format::Regex, Some(map)) => {
            mapped(file, from, format, map)?
        }
        (Format::Csv | Format::Ndjson | Format::Regex, None) => {
            return Err(BadInput::new(
                file,
                "its fields are its own: it needs a map",
            ));
        }
    };
    not_empty(file, log)
}

/// A log that can be judged.
fn not_empty(file: &Path, log: Log) -> Result<Log, BadInput> {
    if log.calls() == 0 {
        let unknown = log.unknown.iter().map(|(name, _)| name.as_str());
        let unknown: Vec<_> = unknown.take(10).collect();
        let problem = match unknown.is_empty() {
            true => "it has no calls".to_owned(),
            false => format!(
                "it has no call that the map knows; it has {}",
                one_of(unknown)
            ),
        };
        return Err(BadInput::new(file, problem));
    }
    Ok(log)
}

/// Reads a log whose fields a map names.
fn mapped(file: &Path, from: impl BufRead, format: Format, map: &Map) -> Result<Log, BadInput> {
    let mut gather = Gather::new(file, map);
    match format {
        Format::Wine | Format::Strace => {}
        Format::Ndjson => formats::ndjson(file, from, &mut gather)?,
        Format::Csv => formats::csv(file, from, map, &mut gather)?,
        Format::Regex => {
            let Some(pattern) = &map.pattern else {
                return Err(BadInput::new(file, "its map has no `pattern`"));
            };
            let built = regex_lite::RegexBuilder::new(pattern)
                .size_limit(1 << 22)
                .build();
            let pattern = built.map_err(|error| {
                let words = error.to_string();
                BadInput::new(file, format!("the pattern of its map: {words}"))
            })?;
            formats::regex(file, from, &pattern, &mut gather)?;
        }
    }
    gather.log()
}

//! What a map of fields means.

use super::wire::{Call, FORMAT, Field, Found, Map as Wire, Words, found_of};
use portsim_model::os_error::error_named;

use std::collections::BTreeMap;
use std::path::Path;

use crate::bad_input::{BadInput, one_of};

/// A map of fields, checked.
#[derive(Debug, Clone)]
pub struct Map {
    pub(super) thread: Place,
    pub(super) call: Place,
    pub(super) begin: Option<Place>,
    pub(super) end: Option<Place>,
    pub(super) took: Option<Place>,
    /// Nanoseconds of a unit of time.
    pub(super) unit: u64,
    pub(super) phase: Option<Phase>,
    pub(super) port: Option<Place>,
    pub(super) key: Option<Place>,
    pub(super) separator: Option<String>,
    pub(super) bytes: Option<Place>,
    pub(super) overlapped: Option<Place>,
    pub(super) error: Option<Place>,
    pub(super) no_error: Vec<String>,
    pub(super) timeout: Vec<String>,
    pub(super) errors: BTreeMap<String, String>,
    pub(super) wait: Option<Place>,
    pub(super) max: Option<Place>,
    pub(super) calls: BTreeMap<String, Does>,
    pub(super) concurrency: Option<u32>,
    pub(super) delimiter: u8,
    pub(super) pattern: Option<String>,
    pub(super) cut: bool,
}

/// Where a value stands.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In a column, or at a dotted path.
    At(String),
    /// Nowhere: it is the same for all lines.
    Is(Found),
}

/// Which of two lines of a call one is.
#[derive(Debug, Clone)]
pub(super) struct Phase {
    pub(super) column: Place,
    pub(super) begin: String,
    pub(super) end: String,
}

/// What a call of the log does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Does {
    pub what: What,
    /// How long it may wait, where that is so for all: nothing, or without end.
    pub(super) wait: Option<Wait>,
    /// The most packets that it may take.
    pub(super) max: Option<u32>,
}

/// A call, in the words of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Get,
    Post,
    Close,
    Create,
    Ignore,
}

const CALLS: [(&str, What); 5] = [
    ("get", What::Get),
    ("post", What::Post),
    ("close", What::Close),
    ("create", What::Create),
    ("ignore", What::Ignore),
];

/// How long a `get` may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Wait {
    /// It looks once.
    Not,
    /// Some time.
    Some,
    /// Without end.
    Always,
    /// Nobody says.
    Unknown,
}

const UNITS: [(&str, u64); 4] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
];

impl Map {
    /// The columns that it names.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let map = self;
        let phase = map.phase.as_ref().map(|phase| &phase.column);
        let all = [
            Some(&map.thread),
            Some(&map.call),
            map.begin.as_ref(),
            map.end.as_ref(),
            map.took.as_ref(),
            phase,
            map.port.as_ref(),
            map.key.as_ref(),
            map.bytes.as_ref(),
            map.overlapped.as_ref(),
            map.error.as_ref(),
            map.wait.as_ref(),
            map.max.as_ref(),
        ];
        all.into_iter().flatten().filter_map(|place| match place {
            Place::At(name) => Some(name.as_str()),
            Place::Is(_) => None,
        })
    }

    /// A map from its text.
    pub fn parse(file: &Path, text: &[u8]) -> Result<Map, BadInput> {
        let wire = super::wire::map(text)
            .map_err(|(problem, line, _)| BadInput::new(file, problem).on_line(line))?;
        checked(wire).map_err(|problem| problem.of(file))
    }

    /// The names of its calls.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.calls.keys().map(String::as_str)
    }

    /// What a call of this name does.
    pub(super) fn does(&self, call: &str) -> Option<Does> {
        self.calls.get(call).copied()
    }
}

/// What is wrong with a map: where, and what.
struct Wrong {
    place: String,
    problem: String,
    near: Option<(String, Vec<&'static str>)>,
}

impl Wrong {
    fn of(self, file: &Path) -> BadInput {
        let bad = BadInput::new(file, self.problem).at(self.place);
        match self.near {
            Some((word, known)) => bad.near(&word, known),
            None => bad,
        }
    }
}

fn wrong(place: &str, problem: impl Into<String>) -> Wrong {
    Wrong {
        place: place.to_owned(),
        problem: problem.into(),
        near: None,
    }
}

fn checked(wire: Wire) -> Result<Map, Wrong> {
    if wire.format != FORMAT {
        return Err(wrong("format", format!("expected {FORMAT:?}")));
    }
    let unit = wire.unit.as_deref().unwrap_or("ns");
    let Some(&(_, unit)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        let known = UNITS.map(|(name, _)| name);
        return Err(wrong("unit", format!("expected {}", one_of(known))));
    };
    if wire.end.is_some() && wire.took.is_some() {
        return Err(wrong(
            "took",
            "the end of a call is told once: `end` or `took`",
        ));
    }
    if wire.begin.is_none() && (wire.end.is_some() || wire.took.is_some()) {
        return Err(wrong("begin", "where an end is told, so is the beginning"));
    }
    if wire.phase.is_some() && (wire.end.is_some() || wire.took.is_some()) {
        return Err(wrong(
            "phase",
            "where a call is two lines, each has its own time, `begin`",
        ));
    }
    let delimiter = wire.delimiter.unwrap_or(',');
    let delimiter = u8::try_from(delimiter)
        .ok()
        .filter(|&it| it.is_ascii() && !matches!(it, b'"' | b'\n' | b'\r'))
        .ok_or_else(|| {
            wrong(
                "delimiter",
                "expected one character of ASCII that is no quote",
            )
        })?;
    let calls = wire
        .calls
        .iter()
        .map(|(name, call)| Ok((name.clone(), does(name, call)?)));
    let calls = calls.collect::<Result<BTreeMap<_, _>, Wrong>>()?;
    for (own, error) in &wire.errors {
        if error_named(error).is_none() {
            let place = format!("errors.{own}");
            return Err(wrong(&place, format!("no system calls an error {error:?}")));
        }
    }
    let takes = calls
        .values()
        .any(|it| matches!(it.what, What::Get | What::Post));
    if takes && wire.key.is_none() {
        return Err(wrong("key", "packets are told apart by it"));
    }
    let words = |words: Option<Words>| match words {
        None => Vec::new(),
        Some(Words::One(word)) => vec![word],
        Some(Words::Several(words)) => words,
    };
    Ok(Map {
        thread: place(wire.thread),
        call: place(wire.call),
        begin: wire.begin.map(place),
        end: wire.end.map(place),
        took: wire.took.map(place),
        unit,
        phase: wire.phase.map(|phase| Phase {
            column: Place::At(phase.column),
            begin: phase.begin,
            end: phase.end,
        }),
        port: wire.port.map(place),
        key: wire.key.map(place),
        separator: wire.separator.filter(|it| !it.is_empty()),
        bytes: wire.bytes.map(place),
        overlapped: wire.overlapped.map(place),
        error: wire.error.map(place),
        no_error: wire.no_error,
        timeout: words(wire.timeout),
        errors: wire.errors,
        wait: wire.wait.map(place),
        max: wire.max.map(place),
        calls,
        concurrency: wire.concurrency,
        delimiter,
        pattern: wire.pattern,
        cut: wire.cut,
    })
}

fn place(field: Field) -> Place {
    match field {
        Field::Named(name) => Place::At(name),
        Field::Is { is } => Place::Is(found_of(&is)),
    }
}

fn does(name: &str, call: &Call) -> Result<Does, Wrong> {
    let (word, wait, max) = match call {
        Call::Named(word) => (word, None, None),
        Call::With { call, wait, max } => (call, *wait, *max),
    };
    let known = CALLS.map(|(name, _)| name);
    let Some(&(_, what)) = CALLS.iter().find(|(name, _)| name == word) else {
        return Err(Wrong {
            near: Some((word.clone(), known.to_vec())),
            ..wrong(
                &format!("calls.{name}"),
                format!("unknown call {word:?}, expected {}", one_of(known)),
            )
        });
    };
    Ok(Does {
        what,
        wait: wait.map(|wait| match wait {
            0 => Wait::Not,
            1.. => Wait::Some,
            _ => Wait::Always,
        }),
        max,
    })
}

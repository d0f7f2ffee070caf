//! What a checkpoint says of itself: JSON with a checksum.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::bad_input::quoted;
use crate::check::wire::{COUNTLESS, Summary, from_json, to_json};

/// What checkpoints call their format. It rises with what a state's bytes mean, such as the number of an outcome: what another
/// build has kept would be read as something else.
const FORMAT: &str = "portsim-checkpoint/5";

/// What is searched: all that decides which states there are, and how they are written down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searched {
    /// What the scenario is called.
    pub scenario: String,
    /// SHA-256 of the scenario's file.
    pub sha256: String,
    /// The personality that plays it.
    pub personality: String,
    /// Processors of the machine.
    pub processors: u32,
    /// The reductions, in words.
    pub reductions: String,
    /// The bound on depth, as it was asked for.
    pub depth: Option<u32>,
    /// The bound on preemptions.
    pub preemptions: Option<u8>,
    /// Whether whole states are kept.
    pub exact: bool,
    /// The version of portsim.
    pub version: String,
}

impl Searched {
    /// As a number, which those who write states down in another way do not have.
    pub fn number(&self) -> u64 {
        xxh3_64(format!("{FORMAT} {}", to_json(self)).as_bytes())
    }

    /// How another search differs from this one, if it does.
    pub fn difference(&self, other: &Searched) -> Option<String> {
        // A file is the same under another name.
        if self.sha256 != other.sha256 {
            let [ours, theirs] = [self, other].map(|it| quoted(&it.scenario));
            return Some(if ours == theirs {
                format!("the file of scenario {ours} has changed since")
            } else {
                format!("its scenario is {theirs}, not {ours}")
            });
        }
        let (ours, theirs) = (self.options(), other.options());
        let differs = |(ours, theirs): &(&Fact, &Fact)| ours.1 != theirs.1;
        let (ours, theirs) = ours.iter().zip(&theirs).find(differs)?;
        Some(format!("its {} is {}, not {}", ours.0, theirs.1, ours.1))
    }

    fn options(&self) -> [Fact; 7] {
        let or_none = |bound: Option<u32>| bound.map_or("none".to_owned(), |it| it.to_string());
        [
            ("system", quoted(&self.personality)),
            ("--processors", self.processors.to_string()),
            ("--reduce", quoted(&self.reductions)),
            ("--depth", or_none(self.depth)),
            ("--preemptions", or_none(self.preemptions.map(u32::from))),
            ("--exact", self.exact.to_string()),
            ("version of portsim", quoted(&self.version)),
        ]
    }
}

/// A fact and its value, in words.
type Fact = (&'static str, String);

/// What a part holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// States that wait to be expanded.
    Now,
    /// States of the next depth.
    Next,
    /// States that were seen.
    Seen,
}

impl Kind {
    /// All, in the order in which they are read.
    pub const ALL: [Kind; 3] = [Kind::Now, Kind::Next, Kind::Seen];

    /// As names of files have it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Now => "now",
            Kind::Next => "next",
            Kind::Seen => "seen",
        }
    }
}

/// A file of records: what it holds, and what its bytes must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub kind: Kind,
    /// Which of the parts of this kind of the process, counted from 0.
    pub piece: usize,
    /// Into which slots its states fall.
    pub slots: Range<u32>,
    pub written: Written,
}

/// What was written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    pub records: u64,
    pub bytes: u64,
    /// The checksum of the bytes.
    pub sum: u64,
}

/// One process's part of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub search: Searched,
    /// Which checkpoint of the search this is.
    pub number: u32,
    /// The checksum of the parts of all processes: those with the same one belong together.
    pub together: u64,
    /// Which process this is, counted from 0.
    pub process: usize,
    /// Of how many.
    pub processes: usize,
    /// What all workers of all processes knew.
    pub known: Known,
    pub parts: Vec<Part>,
}

/// What all workers know of a search that is interrupted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The fingerprint of the first state.
    pub first: u64,
    /// Bytes of a state, and of what is known of the way to it where that is bounded.
    pub record_len: usize,
    /// Steps from the start to the states of the next depth.
    pub depth: u32,
    /// Different states of all depths that are complete.
    pub states: u64,
    /// The longest of the shortest ways to one of them.
    pub depth_max: u32,
    /// What they know together.
    pub summary: Summary,
}

impl Known {
    /// Whether a search can have come so deep with so many states.
    pub fn is_possible(&self) -> bool {
        self.states < COUNTLESS
            && u64::from(self.depth) <= self.states
            && self.depth_max <= self.depth
    }
}

/// The first member of a manifest, which every version can read.
#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    format: String,
    #[serde(flatten)]
    rest: T,
}

#[derive(Deserialize)]
struct Anything {}

/// A manifest as the bytes of its file: a line of JSON, and a line with the checksum of the line before.
pub fn seal(manifest: &Manifest) -> String {
    let json = to_json(&Versioned {
        format: FORMAT.to_owned(),
        rest: manifest,
    });
    seal_text(&json)
}

/// A line, and a line with its checksum.
pub fn seal_text(line: &str) -> String {
    format!("{line}\n{:016x}\n", xxh3_64(line.as_bytes()))
}

/// The manifest of these bytes.
///
/// # Errors
///
/// What is wrong with them.
pub fn unseal(bytes: &[u8]) -> Result<Manifest, String> {
    let damaged = || "it is damaged: its checksum is not that of its bytes".to_owned();
    let text = std::str::from_utf8(bytes).map_err(|_| damaged())?;
    let (json, sum) = text.split_once('\n').ok_or_else(damaged)?;
    if sum != format!("{:016x}\n", xxh3_64(json.as_bytes())) {
        return Err(damaged());
    }
    let any: Versioned<Anything> = from_json(json)?;
    if any.format != FORMAT {
        let theirs = quoted(&any.format);
        return Err(format!("its format is {theirs}, not {FORMAT:?}"));
    }
    from_json::<Versioned<Manifest>>(json).map(|it| it.rest)
}

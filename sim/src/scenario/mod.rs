//! Scenario files: what threads do with completion ports, and what must hold.
//!
//! This room is the only reader of such files. It gives out checked data only: a [`Program`] that
//! keeps every promise of its type, and the names that people gave to its parts.
//!
//! - `wire`: the file as it is written, its types and its schema. Only there is serde known.
//! - `directory`: every name, and what it stands for. `results`: the names of results.
//! - `expr`: expressions. `code`: operations. `compile`: the whole file.
//! - `place`: where something is wrong. `mend`: what else is. `files`: which files there are.

mod code;
mod compile;
mod directory;
pub mod expr;
mod files;
mod mend;
mod place;
mod results;
mod wire;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use portsim_model::personality::NAMES;
use portsim_model::program::Program;
use sha2::{Digest, Sha256};

use crate::bad_input::{BadInput, Spot};
use crate::names::Names;
use crate::plain::is_plain;
use crate::utf8;
use place::{Aim, Complaint, Place};
use wire::Json;

pub use compile::Expect;
pub use directory::constants;
pub use files::{SCHEMA, find, is_one};
pub use wire::schema;

/// A scenario, checked and compiled.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What it is called: its path below `scenarios/` without `.json`.
    pub name: String,
    /// Where it was read from.
    pub file: PathBuf,
    /// The question that it answers.
    pub why: String,
    /// The rules that it exercises.
    pub claims: Vec<String>,
    /// The personalities that it is meant for, the default first; none stands for all that support it.
    pub meant_for: Option<Vec<String>>,
    /// What its threads do.
    pub program: Arc<Program>,
    /// The names of the program's parts.
    pub names: Names,
    /// What is expected of it.
    pub expect: Expect,
    /// SHA-256 of the file's bytes, in hexadecimal digits.
    pub sha256: String,
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    ///
    /// What in it cannot be meant, and where.
    pub fn read(file: &Path) -> Result<Scenario, BadInput> {
        let bytes = files::bytes(file)?;
        Scenario::parse(&files::name_of(file), file, &bytes)
    }

    /// The line of its file on which the property of this name stands; none where it has none, or the file is another one
    /// now.
    pub fn line_of(&self, property: &str) -> Option<usize> {
        let bytes = files::bytes(&self.file).ok()?;
        if hex(&Sha256::digest(&bytes)) != self.sha256 {
            return None;
        }
        let text = utf8::text(&bytes).ok()?;
        let kinds = ["always", "sometimes", "eventually", "at_end"];
        kinds.into_iter().find_map(|kind| {
            let place = Place::TOP.field("properties");
            let place = place.field(kind);
            let path = place.field(property).path();
            let span = wire::spans::find(text, &path, &Aim::Name)?;
            Some(Spot::of(text, span).line)
        })
    }

    /// Reads a scenario of this name from the bytes of a file.
    ///
    /// # Errors
    ///
    /// As [`Scenario::read`].
    pub fn parse(name: &str, file: &Path, bytes: &[u8]) -> Result<Scenario, BadInput> {
        let text = utf8::text(bytes).map_err(|(at, problem)| {
            let before = String::from_utf8_lossy(&bytes[..at]);
            let complaint = Complaint::new(problem).at(Aim::Byte(before.len()));
            in_file(complaint, file, &before)
        })?;
        let foreign = |complaint: Complaint| BadInput {
            is_foreign: true,
            ..in_file(complaint, file, text)
        };
        if wire::is_trace(text) {
            return Err(foreign(Complaint::new(IS_TRACE)));
        }
        let tree = Json::read(text).map_err(|complaint| in_file(complaint, file, text))?;
        if let Some(found) = tree.foreign() {
            let problem = format!("found {found}, expected a scenario");
            return Err(foreign(Complaint::new(problem).expected("a scenario")));
        }
        let source = (name, file, bytes);
        checked(&tree, source).map_err(|first| {
            let found = mend::all(tree, text.len(), first, |tree| checked(tree, source).err());
            let all = found.into_iter().map(|it| in_file(it, file, text));
            BadInput::of_all(all.collect())
        })
    }
}

/// A complaint about a file of this text.
fn in_file(complaint: Complaint, file: &Path, text: &str) -> BadInput {
    let path = complaint.place.unwrap_or_default();
    let span = match complaint.aim {
        Aim::Byte(at) => Some(at..at),
        aim => wire::spans::find(text, &path, &aim),
    };
    BadInput {
        place: path.to_string(),
        spot: span.map(|span| Spot::of(text, span)),
        expected: complaint.expected,
        near: complaint.near,
        ..BadInput::new(file, complaint.problem)
    }
}

/// What is said to a trace.
const IS_TRACE: &str =
    "found a trace, expected a scenario; `admit` judges traces, `replay` plays those of the model";

/// The scenario of a tree, which was read of the bytes of a file.
fn checked(tree: &Json, (name, file, bytes): (&str, &Path, &[u8])) -> Result<Scenario, Complaint> {
    let written = wire::read(tree)?;
    if written.why.trim().is_empty() {
        return Err(Place::TOP
            .field("why")
            .complain("found nothing, expected a sentence"));
    }
    check_line(&written.why, &Place::TOP.field("why"))?;
    let place = Place::TOP.field("claims");
    for (n, claim) in written.claims.iter().enumerate() {
        check_line(claim, &place.index(n))?;
    }
    check_systems(written.meant_for.as_deref())?;
    let compiled = compile::compile(&written)?;
    Ok(Scenario {
        name: name.to_owned(),
        file: file.to_owned(),
        why: written.why,
        claims: written.claims,
        meant_for: written.meant_for,
        program: Arc::new(compiled.program),
        names: compiled.names,
        expect: compiled.expect,
        sha256: hex(&Sha256::digest(bytes)),
    })
}

/// Refuses a text that would move a terminal, or takes more than one line.
fn check_line(text: &str, place: &Place<'_>) -> Result<(), Complaint> {
    match text.chars().all(is_plain) {
        true => Ok(()),
        false => Err(place.complain("found a control character, expected one line of text")),
    }
}

fn check_systems(meant_for: Option<&[String]>) -> Result<(), Complaint> {
    let place = Place::TOP.field("as");
    let Some(systems) = meant_for else {
        return Ok(());
    };
    if systems.is_empty() {
        return Err(place.complain("found no system; leave it out to mean every one"));
    }
    for (n, system) in systems.iter().enumerate() {
        let place = &place.index(n);
        if !NAMES.contains(&system.as_str()) {
            return Err(directory::unknown("system", system, &NAMES, place));
        }
        if systems[..n].contains(system) {
            return Err(place.complain(format!("{system:?} stands twice")));
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

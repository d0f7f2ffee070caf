//! Calls of a log that its map does not know: they are left out, and counted. And fields of a map that its log does not have.

use std::collections::{BTreeMap, BTreeSet};

use super::lines::Line;
use super::map::Map;
use super::wire::Found;
use crate::bad_input::nearest;

/// As many different ones are named.
const NAMED_MAX: usize = 1_000;

/// As many fields of lines are known, of so many lines.
const FIELDS_MAX: usize = 1_000;
const LINES_MAX: usize = 1_000;

/// Which calls of a log the map knows, and which it does not.
#[derive(Debug, Default)]
pub(super) struct Unknown {
    /// With how often they came.
    counts: BTreeMap<String, u64>,
    /// How many more.
    more: u64,
    /// Those of the map that the log has.
    known: BTreeSet<String>,
}

impl Unknown {
    /// A call that the map does not know.
    pub fn add(&mut self, call: String) {
        let named = self.counts.len();
        match self.counts.get_mut(&call) {
            Some(count) => *count += 1,
            None if named < NAMED_MAX => {
                self.counts.insert(call, 1);
            }
            None => self.more += 1,
        }
    }

    /// One that it knows.
    pub fn knows(&mut self, call: &str) {
        if !self.known.contains(call) {
            self.known.insert(call.to_owned());
        }
    }

    /// A call of the map that is a mistyped one of the log: its lines would be left out.
    pub fn mistyped(&self, map: &Map) -> Option<String> {
        let mut absent = map.names().filter(|name| !self.known.contains(*name));
        let (name, meant) = absent.find_map(|name| {
            let meant = nearest(name, self.counts.keys().map(String::as_str))?;
            Some((name, meant))
        })?;
        Some(format!(
            "no line has the call {name:?} of the map; did you mean {meant:?}, which the map does not know?"
        ))
    }

    /// Each with how often it came, and how many more came.
    pub fn counts(self) -> (Vec<(String, u64)>, u64) {
        (self.counts.into_iter().collect(), self.more)
    }
}

/// The fields that a map names and no line has had, and those that lines have.
#[derive(Debug)]
pub(super) struct Fields<'m> {
    absent: Vec<&'m str>,
    present: BTreeSet<String>,
    looked: usize,
}

impl<'m> Fields<'m> {
    pub fn of(map: &'m Map) -> Fields<'m> {
        Fields {
            absent: map.fields().collect(),
            present: BTreeSet::new(),
            looked: 0,
        }
    }

    /// One more line.
    pub fn line(&mut self, line: &impl Line) {
        if self.absent.is_empty() {
            return;
        }
        self.absent.retain(|name| line.at(name) == Found::Nothing);
        if self.present.len() < FIELDS_MAX && self.looked < LINES_MAX {
            self.looked += 1;
            self.present.extend(line.places());
        }
    }

    /// A field of the map that is a mistyped one of the lines, and that one: what it says would be left out.
    pub fn mistyped(&self, map: &Map) -> Option<(String, String)> {
        let named: BTreeSet<&str> = map.fields().collect();
        self.absent.iter().find_map(|name| {
            let others = self.present.iter().map(String::as_str);
            let near = nearest(name, others.filter(|other| !named.contains(other)))?;
            let problem = format!("no line has the field {name:?} of the map");
            Some((problem, near.to_owned()))
        })
    }
}

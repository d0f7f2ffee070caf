//! Calls of a log that its map does not know: they are left out, and counted.

use std::collections::{BTreeMap, BTreeSet};

use super::map::Map;
use crate::bad_input::nearest;

/// As many different ones are named.
const NAMED_MAX: usize = 1_000;

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

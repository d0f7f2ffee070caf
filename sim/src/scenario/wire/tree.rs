//! JSON text as a tree that keeps what a map would lose: the order of fields, and those that stand twice.

use std::fmt::{self, Formatter};

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::super::place::{Aim, Complaint};

/// How deep lists and objects may lie inside each other. It bounds every recursion over a file:
/// operations, which take two levels each, lie at most 48 deep in each other.
pub(super) const LEVELS_MAX: usize = 100;

/// A JSON value.
#[derive(Debug)]
pub(in crate::scenario) enum Json {
    Null,
    Bool(bool),
    Natural(u64),
    Negative(i64),
    Float(f64),
    String(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The tree of a text, or where the text stops to be JSON.
    pub(in crate::scenario) fn read(text: &str) -> Result<Json, Complaint> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let tree = Level(LEVELS_MAX).deserialize(&mut reader);
        tree.and_then(|tree| reader.end().map(|()| tree))
            .map_err(|error| {
                let words = error.to_string();
                let words = words.split(" at line ").next().unwrap_or_default();
                let problem = match error.classify() {
                    Category::Data => words.to_owned(),
                    _ if words == "number out of range" => TOO_LARGE.to_owned(),
                    _ => format!("not valid JSON: {words}"),
                };
                let at = byte_of(text, error.line(), error.column());
                Complaint::new(problem).at(Aim::Byte(at))
            })
    }
}

/// Whether the first line is the header of a trace.
pub(in crate::scenario) fn is_trace(text: &str) -> bool {
    // Scenarios seldom have their format in one line.
    let header = text.lines().next().filter(|line| line.contains(FORMAT));
    let header = header.map(Json::read);
    let Some(Ok(Json::Object(fields))) = header else {
        return false;
    };
    let names_it = |format: &Json| matches!(format, Json::String(it) if it.starts_with(FORMAT));
    let mut fields = fields.iter();
    fields.any(|(name, value)| name == "format" && names_it(value))
}

const TOO_LARGE: &str = "found a number of more than 64 bits";

/// How the format of traces begins, of whatever version.
const FORMAT: &str = "portsim-trace/";

impl Json {
    /// What the tree is, where it is nothing that was meant to be a scenario.
    pub(in crate::scenario) fn foreign(&self) -> Option<&'static str> {
        let says_so = |(name, _): &(String, Json)| ["why", "threads"].contains(&name.as_str());
        match self {
            Json::Object(fields) if fields.iter().any(says_so) => None,
            Json::Object(_) => Some("an object with neither \"why\" nor \"threads\""),
            Json::List(_) => Some("a list"),
            Json::String(_) => Some("a string"),
            Json::Natural(_) | Json::Negative(_) | Json::Float(_) => Some("a number"),
            Json::Bool(_) | Json::Null => Some("a single word"),
        }
    }
}

/// The byte of a line and a column, as serde_json counts them: from 1, in bytes; 0 is the end of the line before.
fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let before = text.split_inclusive('\n').take(line.saturating_sub(1));
    let start: usize = before.map(str::len).sum();
    let at = (start + column).saturating_sub(1).min(text.len());
    (0..=at).rfind(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// Reads one value; so many levels may lie inside it.
struct Level(usize);

impl Level {
    fn deeper<E: Error>(&self) -> Result<usize, E> {
        self.0.checked_sub(1).ok_or_else(|| {
            E::custom(format_args!(
                "lists and objects lie more than {LEVELS_MAX} deep in each other"
            ))
        })
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Json;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Json, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Json;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Natural(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Negative(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let deeper = self.deeper()?;
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(Level(deeper))? {
            list.push(element);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let deeper = self.deeper()?;
        let mut fields = Vec::new();
        while let Some(name) = entries.next_key()? {
            fields.push((name, entries.next_value_seed(Level(deeper))?));
        }
        Ok(Json::Object(fields))
    }
}

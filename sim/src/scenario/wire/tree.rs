//! JSON text as a tree that keeps what a map would lose: the order of fields, and those that stand twice.

use std::fmt::{self, Formatter};

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::super::place::Complaint;
use crate::utf8;

/// How deep lists and objects may lie inside each other. It bounds every recursion over a file:
/// operations, which take two levels each, lie at most 48 deep in each other.
pub(super) const LEVELS_MAX: usize = 100;

/// A JSON value.
#[derive(Debug)]
pub(super) enum Json {
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
    pub(super) fn read(bytes: &[u8]) -> Result<Json, Complaint> {
        let text = utf8::text(bytes)
            .map_err(|(at, problem)| syntax(format!("byte {at}"), problem.to_owned()))?;
        match Json::of(text) {
            Err(_) if is_trace(text) => Err(syntax(String::new(), IS_TRACE.to_owned())),
            tree => tree,
        }
    }

    fn of(text: &str) -> Result<Json, Complaint> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let tree = Level(LEVELS_MAX).deserialize(&mut reader);
        tree.and_then(|tree| reader.end().map(|()| tree))
            .map_err(|error| {
                let place = format!("line {} column {}", error.line(), error.column());
                let words = error.to_string();
                let words = words.split(" at line ").next().unwrap_or_default();
                match error.classify() {
                    Category::Data => syntax(place, words.to_owned()),
                    _ if words == "number out of range" => {
                        syntax(place, "found a number of more than 64 bits".to_owned())
                    }
                    _ => syntax(place, format!("not valid JSON: {words}")),
                }
            })
    }
}

/// What is said to a trace where a scenario was expected.
const IS_TRACE: &str =
    "found a trace, expected a scenario; `admit` judges traces, `replay` plays those of the model";

/// Whether the first line is the header of a trace.
fn is_trace(text: &str) -> bool {
    let header = text.lines().next().map(Json::of);
    let Some(Ok(Json::Object(fields))) = header else {
        return false;
    };
    let names_it = |format: &Json| matches!(format, Json::String(it) if it.starts_with(FORMAT));
    let mut fields = fields.iter();
    fields.any(|(name, value)| name == "format" && names_it(value))
}

/// How the format of traces begins, of whatever version.
const FORMAT: &str = "portsim-trace/";

fn syntax(place: String, problem: String) -> Complaint {
    Complaint {
        place: Some(place),
        problem,
        near: None,
        excerpt: None,
    }
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

//! Maps of fields as they are written, and lines that are JSON.

mod recorded;

use std::collections::BTreeMap;

#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

pub use recorded::recorded;

use crate::shipped;

/// The JSON Schema of a map.
pub fn schema() -> Value {
    shipped::schema(SCHEMA)
}

/// Made from the types below by a test.
const SCHEMA: &str = include_str!("schema.json");

/// The first field of a map.
pub const FORMAT: &str = "portsim-map/1";

/// How the fields of a log are called, and what its calls are.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, schemars(title = "A map of the fields of a log, for portsim"))]
pub struct Map {
    /// A JSON Schema; for editors only.
    #[serde(rename = "$schema", default)]
    #[expect(dead_code, reason = "for editors only")]
    pub schema: Option<String>,
    /// `portsim-map/1`.
    pub format: String,
    /// Who called.
    pub thread: Field,
    /// Which call it was.
    pub call: Field,
    /// The time before it; where a line has one time, that. Left out where the order of lines is all that is known.
    #[serde(default)]
    pub begin: Option<Field>,
    /// The time after it; empty where it had not ended.
    #[serde(default)]
    pub end: Option<Field>,
    /// How long it took, in the same unit, where that stands instead of `end`.
    #[serde(default)]
    pub took: Option<Field>,
    /// The unit of times: `s`, `ms`, `us` or `ns`, which is meant if it is left out.
    #[serde(default)]
    pub unit: Option<String>,
    /// Where a call is two lines: which begins it and which ends it.
    #[serde(default)]
    pub phase: Option<Phase>,
    /// The port. Left out where there is one.
    #[serde(default)]
    pub port: Option<Field>,
    /// The key of the packet that was posted or taken; of a batch a list.
    #[serde(default)]
    pub key: Option<Field>,
    /// What stands between the keys of a batch, where they are one text.
    #[serde(default)]
    pub separator: Option<String>,
    /// The bytes of the packet.
    #[serde(default)]
    pub bytes: Option<Field>,
    /// The OVERLAPPED of the packet.
    #[serde(default)]
    pub overlapped: Option<Field>,
    /// How the call failed; empty where it did not.
    #[serde(default)]
    pub error: Option<Field>,
    /// What else stands for no error.
    #[serde(default)]
    pub no_error: Vec<String>,
    /// What stands for a time that is over, or a look at a port in which nothing was.
    #[serde(default)]
    pub timeout: Option<Words>,
    /// What errors of the log are called by systems: `{ "closed": "EBADF" }`.
    #[serde(default)]
    pub errors: BTreeMap<String, String>,
    /// How long a `get` may wait: 0 looks once; empty, negative, or INFINITE waits without end. Left out where nobody knows.
    #[serde(default)]
    pub wait: Option<Field>,
    /// The most packets that a `get` may take.
    #[serde(default)]
    pub max: Option<Field>,
    /// What each call of the log does.
    pub calls: BTreeMap<String, Call>,
    /// How many threads may run on a port at once. Left out where nobody knows.
    #[serde(default)]
    pub concurrency: Option<u32>,
    /// What stands between columns, where it is no comma.
    #[serde(default)]
    pub delimiter: Option<char>,
    /// The pattern that a line matches, with named groups for columns.
    #[serde(default)]
    pub pattern: Option<String>,
    /// Whether calls that were under way when the log ended are missing in it.
    #[serde(default)]
    pub cut: bool,
}

/// A column or a dotted path, or a value for all lines alike.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(untagged)]
pub enum Field {
    /// A column, or a dotted path.
    Named(String),
    /// The same for all lines.
    Is {
        /// What.
        is: Value,
    },
}

/// One word, or several.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(untagged)]
pub enum Words {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// Which of two lines of a call one is.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Where that stands.
    pub column: String,
    /// What a beginning has there.
    pub begin: String,
    /// What an end has there.
    pub end: String,
}

/// What a call of the log does.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(untagged)]
pub enum Call {
    /// `get`, `post`, `close`, `create` or `ignore`.
    Named(String),
    /// The same with what is so for every such call.
    With {
        /// `get`, `post`, `close`, `create` or `ignore`.
        call: String,
        /// How long a `get` may wait: 0 looks once, a negative number waits without end.
        #[serde(default)]
        wait: Option<i64>,
        /// The most packets that a `get` may take.
        #[serde(default)]
        max: Option<u32>,
    },
}

/// A map, from its text; what is wrong with it, and where.
pub fn map(text: &[u8]) -> Result<Map, (String, usize, usize)> {
    serde_json::from_slice(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let words = error.to_string();
        let behind = words.rfind(" at line ").unwrap_or(words.len());
        (words[..behind].to_owned(), line, column)
    })
}

/// So far down paths are looked for.
const DEPTH_MAX: usize = 8;

/// A line that is JSON. Its numbers are kept as they are written: a time of seconds has more digits than a float.
#[derive(Debug)]
pub struct Object(BTreeMap<String, Box<RawValue>>);

/// What stands somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// Text, or a number as it is written.
    Text(String),
    /// Several of these.
    List(Vec<String>),
}

impl Object {
    /// Reads a line; what is wrong with it, and in which column.
    pub fn read(line: &[u8]) -> Result<Object, (String, usize)> {
        let is_object = line.trim_ascii_start().starts_with(b"{");
        match serde_json::from_slice(line) {
            Ok(fields) => Ok(Object(fields)),
            Err(error) if is_object => {
                let words = error.to_string();
                let behind = words.rfind(" at line ").unwrap_or(words.len());
                Err((words[..behind].to_owned(), error.column()))
            }
            Err(_) => Err(("a line is an object, `{ ... }`".to_owned(), 1)),
        }
    }

    /// What stands at a dotted path. A name that has dots itself is found too.
    pub fn at(&self, path: &str) -> Found {
        if let Some(found) = self.0.get(path) {
            return written(found.get());
        }
        let mut names = path.split('.');
        let first = names.next().and_then(|name| self.0.get(name));
        let mut value = first.map(|it| it.get().to_owned());
        for name in names {
            let inner = value.as_deref().and_then(fields);
            value = inner.and_then(|mut inner| Some(inner.remove(name)?.get().to_owned()));
        }
        value.map_or(Found::Nothing, |value| written(&value))
    }

    /// The paths of all that stands in it, without what stands in lists.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        let whole = |value: &RawValue| value.get().to_owned();
        let own = self.0.iter();
        let mut open: Vec<(String, String)> = own
            .map(|(name, value)| (name.clone(), whole(value)))
            .collect();
        while let Some((path, value)) = open.pop() {
            match fields(&value).filter(|_| path.matches('.').count() < DEPTH_MAX) {
                Some(inner) => {
                    let inner = inner.iter();
                    open.extend(
                        inner.map(|(name, value)| (format!("{path}.{name}"), whole(value))),
                    );
                }
                None => paths.push(path),
            }
        }
        paths.sort();
        paths
    }
}

/// The fields of an object.
fn fields(text: &str) -> Option<BTreeMap<String, Box<RawValue>>> {
    text.starts_with('{')
        .then(|| serde_json::from_str(text).ok())?
}

/// What is written, as text.
fn written(text: &str) -> Found {
    match text.as_bytes().first() {
        Some(b'"') => match serde_json::from_str::<String>(text) {
            Ok(text) if !text.is_empty() => Found::Text(text),
            _ => Found::Nothing,
        },
        Some(b'[') => {
            let all: Vec<Box<RawValue>> = serde_json::from_str(text).unwrap_or_default();
            let text = |value: &RawValue| match written(value.get()) {
                Found::Text(text) => Some(text),
                Found::Nothing | Found::List(_) => None,
            };
            Found::List(all.iter().filter_map(|it| text(it)).collect())
        }
        Some(b'n') | None => Found::Nothing,
        _ => Found::Text(text.to_owned()),
    }
}

/// A value as text.
pub fn found_of(value: &Value) -> Found {
    match value {
        Value::Null => Found::Nothing,
        Value::String(text) if text.is_empty() => Found::Nothing,
        Value::Array(all) => {
            let text = |value: &Value| match found_of(value) {
                Found::Text(text) => Some(text),
                Found::Nothing | Found::List(_) => None,
            };
            Found::List(all.iter().filter_map(text).collect())
        }
        Value::String(text) => Found::Text(text.clone()),
        Value::Bool(_) | Value::Number(_) => Found::Text(value.to_string()),
        Value::Object(_) => Found::Text(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_that_of_the_types() {
        shipped::hold_schema("src/log/schema.json", SCHEMA, schemars::schema_for!(Map));
    }
}

//! Maps of fields as they are written, and lines that are JSON.

mod recorded;

#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

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
    pub errors: std::collections::BTreeMap<String, String>,
    /// How long a `get` may wait: 0 looks once; empty, negative, or INFINITE waits without end. Left out where nobody knows.
    #[serde(default)]
    pub wait: Option<Field>,
    /// The most packets that a `get` may take.
    #[serde(default)]
    pub max: Option<Field>,
    /// What each call of the log does.
    pub calls: std::collections::BTreeMap<String, Call>,
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

/// A line that is JSON.
#[derive(Debug)]
pub struct Object(Value);

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
        match serde_json::from_slice(line) {
            Ok(value @ Value::Object(_)) => Ok(Object(value)),
            Ok(_) => Err(("a line is an object".to_owned(), 1)),
            Err(error) => {
                let words = error.to_string();
                let behind = words.rfind(" at line ").unwrap_or(words.len());
                Err((words[..behind].to_owned(), error.column()))
            }
        }
    }

    /// What stands at a dotted path. A name that has dots itself is found too.
    pub fn at(&self, path: &str) -> Found {
        let mut value = &self.0;
        if let Some(found) = value.get(path) {
            return found_of(found);
        }
        for name in path.split('.') {
            let Some(inner) = value.get(name) else {
                return Found::Nothing;
            };
            value = inner;
        }
        found_of(value)
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

//! What exporters write as JSON: traces for Perfetto and other readers of Chrome's format, and traces of states in the
//! Informal Trace Format of Apalache.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

/// Events for Perfetto.
#[derive(Serialize)]
pub struct Perfetto {
    #[serde(rename = "traceEvents")]
    pub events: Vec<PerfettoEvent>,
    #[serde(rename = "displayTimeUnit")]
    pub unit: &'static str,
    #[serde(rename = "otherData")]
    pub other: BTreeMap<&'static str, String>,
}

/// One event.
#[derive(Serialize)]
pub struct PerfettoEvent {
    pub name: String,
    #[serde(rename = "ph")]
    pub phase: &'static str,
    pub pid: u32,
    pub tid: u32,
    /// Microseconds.
    pub ts: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dur: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<usize>,
    /// That an arrow ends in the call around it.
    #[serde(rename = "bp", skip_serializing_if = "Option::is_none")]
    pub binding: Option<&'static str>,
    #[serde(rename = "cat", skip_serializing_if = "Option::is_none")]
    pub category: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<BTreeMap<String, Argument>>,
}

/// What an event says besides.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Argument {
    Number(u64),
    Words(String),
}

/// A value of a variable.
pub enum ItfValue {
    Number(i64),
    Truth(bool),
    Words(String),
    List(Vec<String>),
}

/// States, each with its values in the order of the variables, and the state with which a loop begins.
pub struct Itf {
    pub title: String,
    pub variables: Vec<String>,
    pub states: Vec<(String, Vec<ItfValue>)>,
    pub loop_from: Option<usize>,
}

impl Itf {
    /// As the format writes it.
    pub fn text(&self) -> String {
        let value = |value: &ItfValue| match value {
            // Numbers of any size are written so.
            ItfValue::Number(number) => json!({ "#bigint": number.to_string() }),
            ItfValue::Truth(truth) => (*truth).into(),
            ItfValue::Words(words) => words.clone().into(),
            ItfValue::List(list) => list.clone().into(),
        };
        let state = |(n, (action, values)): (usize, &(String, Vec<ItfValue>))| {
            let meta = ("#meta".to_owned(), json!({ "index": n, "action": action }));
            let values = self.variables.iter().cloned().zip(values.iter().map(value));
            Value::Object([meta].into_iter().chain(values).collect())
        };
        let mut whole = json!({
            "#meta": {
                "format": "ITF",
                "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
                "description": self.title,
            },
            "vars": self.variables,
            "states": self.states.iter().enumerate().map(state).collect::<Vec<_>>(),
        });
        if let Some(first) = self.loop_from {
            whole["loop"] = first.into();
        }
        text(&whole)
    }
}

/// As text.
pub fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("exports are plain data") + "\n"
}

//! What scenarios came to in many runs at full speed, for machines; and how such counts of several machines are joined.

use serde_json::{Value, json};

use super::but_for;
use super::path;
use crate::report::litmus::{Failed, Histogram, Histograms, Outcome, observation};

/// The counts.
pub(super) fn litmus(histograms: &Histograms) -> Value {
    json!({
        "litmus": "portsim-litmus/1",
        "tool": format!("portsim {}", env!("CARGO_PKG_VERSION")),
        "scenarios": histograms.histograms.iter().map(histogram).collect::<Vec<_>>(),
        "complete": histograms.complete,
    })
}

fn histogram(histogram: &Histogram) -> Value {
    let (unsupported, unavailable) = match &histogram.failed {
        Some(Failed::Unsupported(why)) => (Some(why), None),
        Some(Failed::Unavailable(why)) => (None, Some(why)),
        None => (None, None),
    };
    let outcomes = histogram.outcomes.iter();
    let object = json!({
        "name": histogram.scenario.name,
        "sha256": histogram.scenario.sha256,
        "on": histogram.on,
        "os": histogram.os,
        "as": histogram.personality,
        "runs": histogram.runs,
        "known": histogram.known,
        "outcomes": outcomes.map(|it| outcome(it, histogram.runs)).collect::<Vec<_>>(),
        "unsupported": unsupported,
        "unavailable": unavailable,
    });
    but_for(object, &["unsupported", "unavailable"])
}

fn outcome(outcome: &Outcome, runs: u64) -> Value {
    let witness = outcome.witness.as_ref();
    let refusal = outcome.refusal.as_ref();
    let object = json!({
        "outcome": outcome.outcome,
        "times": outcome.times,
        "status": outcome.status.name(),
        "observation": observation(outcome.times, runs),
        "seed": witness.map(|witness| witness.seed),
        "file": witness.and_then(|witness| witness.file.as_deref()).map(path),
        "saw": refusal.map(|refusal| &refusal.saw),
        "instead": refusal.map(|refusal| &refusal.allowed),
    });
    but_for(object, &["seed", "file", "saw", "instead"])
}

/// Whether a report is one of counts.
pub(super) fn is_litmus(said: &Value) -> bool {
    said["litmus"].is_string()
}

/// What tells the columns of a table apart.
const COLUMN: [&str; 4] = ["sha256", "on", "os", "as"];

/// Adds the counts of another report: those of the same scenario on the same machine become one, all others stand beside
/// each other.
pub(super) fn add(whole: &mut Value, part: &Value) {
    let stopped = part["complete"] == false;
    if stopped {
        whole["complete"] = false.into();
    }
    let Some(all) = whole["scenarios"].as_array_mut() else {
        return;
    };
    for cell in part["scenarios"].as_array().into_iter().flatten() {
        let same = |known: &&mut Value| COLUMN.iter().all(|key| known[*key] == cell[*key]);
        match all.iter_mut().find(same) {
            Some(known) => add_cell(known, cell),
            None => all.push(cell.clone()),
        }
    }
    // A scenario's columns stand beside each other, in the order in which it was first seen.
    let mut order: Vec<Value> = Vec::new();
    for cell in &*all {
        if !order.contains(&cell["sha256"]) {
            order.push(cell["sha256"].clone());
        }
    }
    all.sort_by_key(|cell| order.iter().position(|hash| *hash == cell["sha256"]));
}

fn add_cell(known: &mut Value, cell: &Value) {
    let runs = count(&known["runs"]).saturating_add(count(&cell["runs"]));
    known["runs"] = runs.into();
    let Some(outcomes) = known["outcomes"].as_array_mut() else {
        return;
    };
    for outcome in cell["outcomes"].as_array().into_iter().flatten() {
        let same = |it: &&mut Value| {
            ["outcome", "status"]
                .iter()
                .all(|key| it[*key] == outcome[*key])
        };
        match outcomes.iter_mut().find(same) {
            Some(it) => {
                it["times"] = count(&it["times"])
                    .saturating_add(count(&outcome["times"]))
                    .into();
            }
            None => outcomes.push(outcome.clone()),
        }
    }
    for outcome in outcomes {
        outcome["observation"] = observation(count(&outcome["times"]), runs).into();
    }
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// A scenario and its table for people: a row for each outcome, a column for each backend and machine.
pub(in crate::report) type Table = (String, Vec<Vec<String>>);

/// The tables of counts that were just made.
pub(in crate::report) fn tables(histograms: &Histograms) -> Vec<Table> {
    tables_of(&litmus(histograms))
}

/// The tables of counts that were joined.
pub(super) fn tables_of(said: &Value) -> Vec<Table> {
    let cells: Vec<_> = said["scenarios"].as_array().into_iter().flatten().collect();
    let mut tables: Vec<(String, Vec<&Value>)> = Vec::new();
    for cell in cells {
        match tables.last_mut() {
            Some((_, columns)) if columns[0]["sha256"] == cell["sha256"] => columns.push(cell),
            _ => tables.push((text(&cell["name"]), vec![cell])),
        }
    }
    let tables = tables.into_iter();
    tables
        .map(|(name, columns)| (name, rows(&columns)))
        .collect()
}

fn rows(columns: &[&Value]) -> Vec<Vec<String>> {
    let head = |cell: &&Value| {
        let (on, os, judge) = (text(&cell["on"]), text(&cell["os"]), text(&cell["as"]));
        let judge = match on == judge {
            true => String::new(),
            false => format!(" as {judge}"),
        };
        format!("{on}{judge}, {os}")
    };
    let mut rows = vec![vec![String::new(), String::new()]];
    rows[0].extend(columns.iter().map(head));
    let mut keys: Vec<(String, String)> = Vec::new();
    for outcome in columns.iter().flat_map(|cell| outcomes(cell)) {
        let key = (text(&outcome["status"]), text(&outcome["outcome"]));
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    for (status, words) in keys {
        let cell = |cell: &&Value| {
            let mut own = outcomes(cell);
            let own = own.find(|it| it["status"] == *status && it["outcome"] == *words);
            own.map_or(String::new(), |it| {
                format!("{} {}", text(&it["observation"]), count(&it["times"]))
            })
        };
        let mut row = vec![status.clone()];
        row.push(words.clone());
        row.extend(columns.iter().map(cell));
        rows.push(row);
    }
    let total = |cell: &&Value| match (&cell["unsupported"], &cell["unavailable"]) {
        (Value::String(why), _) => format!("unsupported: {why}"),
        (_, Value::String(why)) => format!("unavailable: {why}"),
        _ if cell["known"] == false => {
            format!("{} runs; too much may come out", count(&cell["runs"]))
        }
        _ => format!("{} runs", count(&cell["runs"])),
    };
    let mut last = vec![String::new(), String::new()];
    last.extend(columns.iter().map(total));
    rows.push(last);
    rows
}

fn outcomes(cell: &Value) -> impl Iterator<Item = &Value> {
    cell["outcomes"].as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Whether something was seen that may not be.
pub(super) fn is_refused(said: &Value) -> bool {
    let cells = said["scenarios"].as_array().into_iter().flatten();
    let mut all = cells.flat_map(outcomes);
    all.any(|outcome| outcome["status"] == "forbidden" && count(&outcome["times"]) > 0)
}

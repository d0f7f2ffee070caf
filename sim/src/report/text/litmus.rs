//! What scenarios came to in many runs at full speed, for people.

use super::table;
use crate::report::json::litmus::Table;

/// A table for each scenario: what should not have come first, then what never came.
pub fn litmus(tables: Vec<Table>) -> String {
    let tables: Vec<_> = tables
        .into_iter()
        .map(|(name, rows)| format!("{name}\n{}", table(&rows)))
        .collect();
    tables.join("\n")
}

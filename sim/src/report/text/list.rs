//! What there is, for people.

use super::table;
use crate::report::list::{List, Listed};
use crate::report::verdict::expected;

/// Personalities, backends, and a row for each scenario.
pub fn list(list: &List) -> String {
    let mut words = format!("personalities  {}\n", list.personalities.join(", "));
    for (n, backend) in list.backends.iter().enumerate() {
        let here = match &backend.available {
            Ok(()) => "available".to_owned(),
            Err(why) => format!("not available: {why}"),
        };
        let head = if n == 0 { "backends" } else { "" };
        words += &format!("{head:13}  {}: {here}\n", backend.name);
    }
    let rows: Vec<_> = list.scenarios.iter().map(row).collect();
    if !rows.is_empty() {
        words += &format!("\n{}", table(&rows));
    }
    words
}

fn row(listed: &Listed) -> Vec<String> {
    let scenario = &listed.scenario;
    vec![
        scenario.name.clone(),
        listed.personalities.join(", "),
        expected(&scenario.expect).to_owned(),
        scenario.why.clone(),
    ]
}

//! Which rules scenarios pin down, for people.

use super::table;
use crate::report::pin::{Pinned, Rule, Supplied};
use crate::report::units::counted;

/// What is not pinned down first.
pub fn pin(pinned: &Pinned) -> String {
    let (mut open, mut rows) = (Vec::new(), Vec::new());
    for rule in &pinned.rules {
        match &rule.pin.by {
            None => open.push(row(rule, "not pinned down", &supplied(rule))),
            Some(by) => rows.push(row(rule, "pinned down", by)),
        }
    }
    open.append(&mut rows);
    format!(
        "{}{} of {} pinned down by {}\n",
        table(&open),
        pinned.pinned(),
        counted(pinned.rules.len() as u64, "rule"),
        counted(pinned.scenarios as u64, "scenario")
    )
}

fn row(rule: &Rule, what: &str, by: &str) -> Vec<String> {
    let [one, other] = rule.pin.between;
    vec![
        what.to_owned(),
        rule.pin.claim.id.to_owned(),
        format!("{one} or {other}"),
        by.to_owned(),
    ]
}

fn supplied(rule: &Rule) -> String {
    match &rule.supplied {
        Supplied::NotAsked => String::new(),
        Supplied::Found { file, .. } => format!("supplied: {}", file.display()),
        Supplied::Unobservable {
            bound: (operations, threads),
            compared,
        } => format!(
            "nothing tells them apart up to {operations} operations of {threads} threads ({} compared)",
            counted(*compared, "scenario")
        ),
    }
}

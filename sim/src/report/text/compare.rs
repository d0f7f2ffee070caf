//! What `compare` shows, for people.

use super::{stacked, table};
use crate::compare::Group;
use crate::report::compare::{Compared, Sided};

/// Each scenario with what the systems do.
pub fn compare(compared: &Compared) -> String {
    stacked(compared.scenarios.iter().map(one))
}

/// One row a way, behind the systems that have it.
fn one(scenario: &Sided) -> String {
    let mut rows = Vec::new();
    for group in &scenario.groups {
        for (n, way) in ways(group).into_iter().enumerate() {
            let systems = match n {
                0 => group.systems.join(", "),
                _ => "  or".to_owned(),
            };
            rows.push(vec![format!("  {systems}"), way]);
        }
    }
    format!("{}: {}\n{}\n", scenario.name, scenario.why, table(&rows))
}

fn ways(group: &Group) -> Vec<String> {
    match &group.ways {
        Err(why) => vec![format!("unsupported: {why}")],
        Ok(ways) => {
            let mut words: Vec<_> = ways.ways.iter().cloned().collect();
            if !ways.complete {
                words.push("and more: it has too many situations to look at all".to_owned());
            }
            words
        }
    }
}

//! `portsim list` and `portsim schema`: what there is.

use portsim_model::personality::NAMES;

use super::args::{List, Schema, SchemaOf};
use super::say::Say;
use super::{Exit, Stop, files};
use crate::native::{agent, backends};
use crate::personality::not_for;
use crate::report::{json, text};
use crate::scenario::{self, Expect, find};
use crate::trace;

/// Lists systems, backends and scenarios.
pub fn list(args: &List, say: &Say) -> Result<Exit, Stop> {
    let mut scenarios = Vec::new();
    for file in find(&args.paths)? {
        let scenario = files::scenario(&file)?;
        scenarios.push(json::ScenarioFields {
            personalities: NAMES
                .into_iter()
                .filter(|name| not_for(name, &scenario).is_none())
                .map(str::to_owned)
                .collect(),
            expected: match &scenario.expect {
                Expect::Pass => "pass".to_owned(),
                Expect::Violation(name) => name.clone(),
            },
            file: file.display().to_string(),
            name: scenario.name,
            why: scenario.why,
            claims: scenario.claims,
        });
    }
    let backends: Vec<_> = backends()
        .iter()
        .map(|backend| {
            let why_not = backend.available().err();
            json::BackendFields {
                name: backend.name().to_owned(),
                available: why_not.is_none(),
                why_not,
            }
        })
        .collect();
    let list = json::List {
        personalities: NAMES.map(str::to_owned).to_vec(),
        backends,
        scenarios,
    };
    say.text(&words(&list))?;
    say.object(&list)?;
    Ok(Exit::AsExpected)
}

fn words(list: &json::List) -> String {
    let mut words = format!("personalities  {}\n", list.personalities.join(", "));
    for (n, backend) in list.backends.iter().enumerate() {
        let here = backend
            .why_not
            .as_ref()
            .map_or("available".to_owned(), |why| {
                format!("not available: {why}")
            });
        words += &format!(
            "{:13}  {}: {here}\n",
            if n == 0 { "backends" } else { "" },
            backend.name
        );
    }
    let row = |scenario: &json::ScenarioFields| {
        vec![
            scenario.name.clone(),
            scenario.personalities.join(", "),
            scenario.expected.clone(),
            scenario.why.clone(),
        ]
    };
    let rows: Vec<_> = list.scenarios.iter().map(row).collect();
    if !rows.is_empty() {
        words += &format!("\n{}", text::table(&rows));
    }
    words
}

/// Prints the schema of a kind of file; it is JSON in any case.
pub fn schema(args: &Schema, _: &Say) -> Result<Exit, Stop> {
    let schema = match args.what {
        SchemaOf::Scenario => scenario::schema(),
        SchemaOf::Trace => trace::schema(),
        SchemaOf::Agent => agent::wire::schema(),
    };
    json::write(&mut std::io::stdout().lock(), &schema)?;
    Ok(Exit::AsExpected)
}

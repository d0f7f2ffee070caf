//! `portsim compare`: scenarios on all systems, side by side.

use portsim_model::personality::NAMES;

use super::args::{Compare, personality};
use super::say::{Say, stop_on_ctrl_c, stopped};
use super::{Exit, Stop, files};
use crate::compare::compare as groups_of;
use crate::report::json::{self, Beside, BesideScenario};
use crate::report::text;
use crate::scenario::find;

/// Shows what each system does.
pub fn compare(args: &Compare, say: &Say) -> Result<Exit, Stop> {
    let systems = match args.personality.as_slice() {
        [] => NAMES.to_vec(),
        some => some
            .iter()
            .map(|name| personality(name))
            .collect::<Result<_, _>>()?,
    };
    stop_on_ctrl_c();
    let (mut all, mut progress) = (Beside::default(), say.progress());
    let files = args.part.of(find(&args.paths)?);
    for file in &files {
        if stopped() {
            break;
        }
        let scenario = files::scenario(file)?;
        progress.at(|_| {
            format!(
                "{} of {}: {}",
                all.scenarios.len(),
                files.len(),
                scenario.name
            )
        });
        let groups = groups_of(&scenario, &systems, args.machine.processors);
        all.scenarios.push(BesideScenario {
            groups: groups.into_iter().map(json::beside).collect(),
            name: scenario.name,
            why: scenario.why,
        });
    }
    drop(progress);
    for scenario in &all.scenarios {
        say.text(&words(scenario))?;
    }
    say.object(&all)?;
    Ok(if stopped() {
        Exit::Partial
    } else {
        Exit::AsExpected
    })
}

/// One row a way, behind the systems that have it.
fn words(scenario: &BesideScenario) -> String {
    let mut rows = Vec::new();
    for group in &scenario.groups {
        let mut shown = group.ways.clone();
        shown.extend(group.why.iter().map(|why| format!("unsupported: {why}")));
        if !group.complete && group.why.is_none() {
            shown.push("and more: it has too many situations to look at all".to_owned());
        }
        for (n, way) in shown.into_iter().enumerate() {
            let systems = if n == 0 {
                group.personalities.join(", ")
            } else {
                "  or".to_owned()
            };
            rows.push(vec![format!("  {systems}"), way]);
        }
    }
    format!(
        "{}: {}\n{}\n",
        scenario.name,
        scenario.why,
        text::table(&rows)
    )
}

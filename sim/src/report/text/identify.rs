//! Which system is behind a port, for people.

use super::table;
use crate::distinguish::identify::{Out, Reading};
use crate::report::identify::{Identity, by_claim};

/// The experiments, the systems that are left, and why the others are not.
pub fn identify(identity: &Identity) -> String {
    let identified = &identity.identified;
    let experiments = identified.experiments.iter().zip(1..);
    let experiments: Vec<_> = experiments
        .map(|(played, n)| {
            vec![
                format!("experiment {n}"),
                played.scenario.clone(),
                played.outcome.clone(),
                format!("{} left", played.left),
            ]
        })
        .collect();
    let mut text = table(&experiments);
    let answers: Vec<_> = identity.answers().map(|it| it.name).collect();
    text += &match (answers.as_slice(), identity.of) {
        ([], Some(system)) => format!("{} is not {system}\n", identity.on),
        ([], None) => format!("{} is no system that is known\n", identity.on),
        (some, _) => format!("{} is {}\n", identity.on, some.join(", or ")),
    };
    if let Some(nearest) = &identified.nearest {
        for out in &nearest.differs {
            text += &format!("  nearest {}: {}\n", nearest.name, differs(out));
        }
    }
    let candidates = identified.candidates.iter();
    for candidate in candidates.clone().filter(|it| it.out.is_none()) {
        for readings in by_claim(candidate) {
            text += &reading(readings, identity.of.is_some());
        }
    }
    for candidate in candidates {
        if let Some(out) = &candidate.out {
            text += &format!("  not {}: {}\n", candidate.name, reason(out));
        }
    }
    text
}

fn reason(out: &Out) -> String {
    format!("experiment {}, {}", out.experiment, what(out))
}

fn differs(out: &Out) -> String {
    format!("experiment {} differs, {}", out.experiment, what(out))
}

fn what(out: &Out) -> String {
    let claims: Vec<_> = out.claims.iter().map(|claim| claim.id).collect();
    let by = match claims.is_empty() {
        true => String::new(),
        false => format!(" ({})", claims.join(", ")),
    };
    format!("{}{by}", out.why)
}

/// What is known of the readings of one claim; nothing where no experiment speaks of it, unless everything is wanted.
fn reading(readings: &[Reading], all: bool) -> String {
    let claim = readings[0].claim.id;
    let fit = readings.iter().filter(|reading| reading.out.is_none());
    let fit: Vec<_> = fit.map(|reading| reading.reading.as_str()).collect();
    let first = readings.iter().find_map(|reading| reading.out.as_ref());
    match (fit.as_slice(), first) {
        (_, None) if all => format!("  leaves {claim} open\n"),
        (_, None) => String::new(),
        ([], Some(_)) => format!("  shows more than one reading of {claim}\n"),
        (some, Some(out)) => format!(
            "  shows {claim} as {}: experiment {}\n",
            some.join(" or "),
            out.experiment
        ),
    }
}

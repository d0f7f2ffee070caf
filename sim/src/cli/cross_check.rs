//! `portsim cross-check`: scenarios on real systems and on the model.

use std::path::Path;

use super::args::CrossCheck;
use super::on::{On, backend_names, pairs};
use super::say::{Say, shell, stop_on_ctrl_c, stopped};
use super::{Exit, Stop, files};
use crate::cross_check::{Comparison, Verdict, cross_check as check};
use crate::report::json::{self, Totals};
use crate::report::text;
use crate::scenario::{Scenario, find};
use crate::trace::lanes;

/// Cross-checks scenarios.
pub fn cross_check(args: &CrossCheck, say: &Say) -> Result<Exit, Stop> {
    let scenarios: Vec<Scenario> = args
        .part
        .of(find(&args.paths)?)
        .iter()
        .map(|file| files::scenario(file))
        .collect::<Result<_, _>>()?;
    let pairs = pairs(&args.on, args.personality.as_deref())?;
    stop_on_ctrl_c();
    let (mut cells, mut progress) = (Vec::new(), say.progress());
    let all = scenarios.len() * pairs.len();
    'all: for (n, scenario) in scenarios.iter().enumerate() {
        for (m, (backend, name)) in pairs.iter().enumerate() {
            for seed in seeds(args, scenario) {
                if stopped() {
                    break 'all;
                }
                progress.at(|_| {
                    format!(
                        "{} of {all}: {} on {}",
                        n * pairs.len() + m,
                        scenario.name,
                        backend.name()
                    )
                });
                let cell = check(scenario, &**backend, name, seed, args.machine.processors);
                let judged = matches!(cell.verdict, Verdict::Agree(_) | Verdict::Differ(_));
                cells.push(cell);
                if !judged {
                    break;
                }
            }
        }
    }
    drop(progress);
    for cell in &cells {
        if let Verdict::Differ(_) = cell.verdict {
            differ(say, args, &scenarios, cell)?;
        }
    }
    say.text(&matrix(&scenarios, &pairs, &cells))?;
    say.text(&left_out(&cells))?;
    say.text(&totals(&cells))?;
    say.object(&json::cross_check(&cells, !stopped()))?;
    let totals = Totals::of(&cells);
    let asked_for = |cell: &&Comparison| matches!(cell.verdict, Verdict::Unavailable(_));
    Ok(match totals {
        Totals { differ: 1.., .. } => Exit::Verdict,
        Totals {
            unavailable: 1.., ..
        } => {
            let why = cells
                .iter()
                .find(asked_for)
                .map(|cell| json::cross_check(std::slice::from_ref(cell), true));
            let why = why
                .and_then(|one| one.cells[0].why.clone())
                .unwrap_or_default();
            return Err(Stop::Unavailable(format!(
                "{why}; backends of this build: {}",
                backend_names()
            )));
        }
        _ if stopped() => Exit::Partial,
        _ => Exit::AsExpected,
    })
}

/// A schedule leaves nothing to a seed but branches.
fn seeds(args: &CrossCheck, scenario: &Scenario) -> std::ops::Range<u64> {
    match scenario.program.schedule {
        Some(_) => args.seeds.start..args.seeds.start + 1,
        None => args.seeds.clone(),
    }
}

/// Where a backend and the model part.
fn differ(
    say: &Say,
    args: &CrossCheck,
    scenarios: &[Scenario],
    cell: &Comparison,
) -> Result<(), Stop> {
    let (Verdict::Differ(refusal), Some(scenario)) = (
        &cell.verdict,
        scenarios
            .iter()
            .find(|scenario| scenario.name == cell.scenario),
    ) else {
        return Ok(());
    };
    let upto = (refusal.at as usize).min(cell.events.len());
    let mut words = format!(
        "differ  {} on {} as {}, seed {}\n",
        cell.scenario, cell.on, cell.personality, cell.seed
    );
    words += &lanes::lanes(&scenario.names, &scenario.program, &cell.events[..upto]);
    words += &format!(
        "at event {}:\n  {} shows  {}\n",
        refusal.at, cell.on, refusal.saw
    );
    for allowed in &refusal.allowed {
        words += &format!("  the model of {} allows  {allowed}\n", cell.personality);
    }
    words += &format!(
        "repeat: portsim cross-check {} --on {} --as {} --seeds {}..{}\n",
        shell(&scenario.file),
        shell(Path::new(&cell.on)),
        cell.personality,
        cell.seed,
        cell.seed + 1
    );
    if args.machine.processors != 2 {
        words.pop();
        words += &format!(" --processors {}\n", args.machine.processors);
    }
    say.text(&words)?;
    Ok(())
}

/// One row a scenario, one column a backend and its judge.
fn matrix(scenarios: &[Scenario], pairs: &[(On, &'static str)], cells: &[Comparison]) -> String {
    let mut rows = vec![vec!["scenario".to_owned()]];
    rows[0].extend(
        pairs
            .iter()
            .map(|(backend, name)| format!("{} as {name}", backend.name())),
    );
    for scenario in scenarios {
        let mut row = vec![scenario.name.clone()];
        for (backend, name) in pairs {
            let own = |cell: &&Comparison| {
                cell.scenario == scenario.name
                    && cell.on == backend.name()
                    && cell.personality == *name
            };
            row.push(summary(&cells.iter().filter(own).collect::<Vec<_>>()));
        }
        // What is left out entirely is counted below.
        if row[1..].iter().any(|cell| cell != "-") {
            rows.push(row);
        }
    }
    if rows.len() == 1 {
        String::new()
    } else {
        text::table(&rows)
    }
}

/// One cell of the matrix: all seeds together.
fn summary(cells: &[&Comparison]) -> String {
    let of = |name: &str| {
        cells
            .iter()
            .filter(|cell| cell.verdict.name() == name)
            .count()
    };
    let early = cells
        .iter()
        .filter(|cell| matches!(cell.verdict, Verdict::Agree(Some(_))))
        .count();
    let (agree, differ) = (of("agree"), of("differ"));
    let words = match (agree, differ) {
        (0, 0) if of("unavailable") > 0 => "unavailable".to_owned(),
        (0, 0) => "-".to_owned(),
        (1, 0) => "agree".to_owned(),
        (0, 1) => "differ".to_owned(),
        (agree, 0) => format!("agree, {agree} seeds"),
        (agree, differ) => format!("differ, {differ} of {} seeds", agree + differ),
    };
    match early {
        0 => words,
        1 => words + ", as far as it went",
        early => words + &format!(", {early} as far as they went"),
    }
}

/// How many scenarios are named for one reason.
const NAMED_MAX: usize = 5;

/// Nothing is left out in silence.
fn left_out(cells: &[Comparison]) -> String {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for cell in cells {
        let (word, why) = match &cell.verdict {
            Verdict::Agree(Some(why)) => ("ended early", why),
            Verdict::Unsupported(why) => ("unsupported", why),
            Verdict::Unavailable(why) => ("unavailable", why),
            Verdict::Agree(None) | Verdict::Differ(_) => continue,
        };
        let reason = format!("{word} on {} as {}: {why}", cell.on, cell.personality);
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            // The seeds of one scenario follow each other.
            Some((_, scenarios)) if scenarios.last() == Some(&cell.scenario.as_str()) => {}
            Some((_, scenarios)) => scenarios.push(&cell.scenario),
            None => reasons.push((reason, vec![&cell.scenario])),
        }
    }
    let mut words = String::new();
    for (reason, scenarios) in reasons {
        let shown = scenarios.len().min(NAMED_MAX);
        let more = match scenarios.len() - shown {
            0 => String::new(),
            more => format!(" and {more} more, which --json names"),
        };
        let named = scenarios[..shown].join(", ");
        words += &format!("\n{reason} ({})\n  {named}{more}\n", scenarios.len());
    }
    words
}

fn totals(cells: &[Comparison]) -> String {
    let Totals {
        agree,
        differ,
        unsupported,
        unavailable,
    } = Totals::of(cells);
    format!(
        "\n{agree} agree, {differ} differ, {unsupported} unsupported, {unavailable} unavailable"
    )
}

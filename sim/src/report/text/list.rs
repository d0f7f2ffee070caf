//! What there is, or what is known of some words, for people.

use portsim_model::personality::sources;

use crate::known::{Known, Told};
use crate::plain::wrap;
use crate::report::list::{Here, List, Listed};
use crate::report::units::counted;
use crate::report::verdict::expected;
use crate::scenario::Scenario;
use crate::shipped::path_of;
use crate::trace::lanes::Layout;

/// How wide a line is where nothing says how wide the terminal is.
const COLUMNS: usize = 80;
/// How many of each kind are told with all that shows them; the rest is counted.
const CLAIMS_MAX: usize = 4;
const SCENARIOS_MAX: usize = 6;
const NAMED_MAX: usize = 2;

/// Personalities, backends and scenarios, or what is known.
pub fn list(list: &List, layout: Layout) -> String {
    let columns = layout.columns.unwrap_or(COLUMNS);
    match list {
        List::Here(here) => self::here(here, columns),
        List::Known(known) => self::known(known, columns),
    }
}

fn here(here: &Here, columns: usize) -> String {
    let mut words = wrap("systems        ", &here.personalities.join(", "), columns);
    for (n, backend) in here.backends.iter().enumerate() {
        let is = match &backend.available {
            Ok(()) => "available".to_owned(),
            Err(why) => format!("not available: {why}"),
        };
        let head = if n == 0 { "backends" } else { "" };
        words += &wrap(
            &format!("{head:13}  "),
            &format!("{}: {is}", backend.name),
            columns,
        );
    }
    for Listed {
        scenario,
        personalities,
    } in &here.scenarios
    {
        let systems = match personalities[..] {
            [] => "no system".to_owned(),
            _ => personalities.join(", "),
        };
        words += &format!("\n{}", named(scenario));
        words += &wrap("    ", &scenario.why, columns);
        words += &wrap("    ", &format!("on {systems}"), columns);
    }
    words
}

fn named(scenario: &Scenario) -> String {
    format!("{}  {}\n", scenario.name, expected(&scenario.expect))
}

fn known(known: &Known, columns: usize) -> String {
    let mut words = String::new();
    if !known.systems.is_empty() {
        words += &wrap("systems  ", &known.systems.join(", "), columns);
    }
    for it in known.claims.iter().take(CLAIMS_MAX) {
        words += &format!("\n{}", told(it, columns));
    }
    words += &more("claim", known.claims.len(), CLAIMS_MAX);
    for scenario in known.scenarios.iter().take(SCENARIOS_MAX) {
        words += &format!("\n@{}", named(scenario));
        words += &wrap("    ", &scenario.why, columns);
    }
    words += &more("scenario", known.scenarios.len(), SCENARIOS_MAX);
    words.trim_start().to_owned()
}

/// A claim, where it comes from, and what shows it.
fn told(told: &Told, columns: usize) -> String {
    let claim = told.claim;
    let mut words = format!("{}  {}\n", claim.id, claim.status.word());
    words += &wrap("    ", claim.says, columns);
    let letters = sources(claim.about()).map_or(String::new(), |letters| format!(" ({letters})"));
    words += &wrap(
        "    source     ",
        &format!("{}{letters}", claim.source),
        columns,
    );
    let scenarios: Vec<_> = told
        .scenarios
        .iter()
        .map(|name| path_of(name).display().to_string())
        .collect();
    let recordings: Vec<_> = told
        .recordings
        .iter()
        .map(|path| (*path).to_owned())
        .collect();
    for (head, shown) in [("scenario", scenarios), ("recording", recordings)] {
        if !shown.is_empty() {
            words += &wrap(&format!("    {head:9}  "), &some(&shown), columns);
        }
    }
    words
}

/// The first of several, and how many more there are.
fn some(all: &[String]) -> String {
    let first = &all[..all.len().min(NAMED_MAX)];
    match all.len() - first.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

fn more(what: &str, all: usize, shown: usize) -> String {
    match all.saturating_sub(shown) {
        0 => String::new(),
        more => format!(
            "\nand {} more, which --json names\n",
            counted(more as u64, what)
        ),
    }
}

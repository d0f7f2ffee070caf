//! What `admit` says of one log, for people.

use std::collections::BTreeMap;

use portsim_model::personality::claims_of;

use super::{Fit, cited_claims, fits, repeat, stacked};
use crate::log::{Shown, Told};
use crate::personality::base;
use crate::report::admit::Verdict;
use crate::report::log::{Log, Logs, System};
use crate::report::repeat as again;
use crate::report::units::counted;
use crate::trace::lanes::Layout;

/// The verdict; where the log is refused, what it shows and what the system could have shown.
pub fn one(log: &Log, layout: Layout) -> String {
    let systems = log.systems.iter();
    let words = match log.asks_all {
        false => systems.map(|system| verdict(log, system)).collect(),
        true => identified(log, layout),
    };
    stacked([words])
}

fn verdict(log: &Log, system: &System) -> String {
    let parts = match &system.judged {
        Ok(judged) => judged.refused.as_ref().or(judged.stuck.as_ref()).map(parts),
        Err(_) => None,
    };
    let below = parts.is_some();
    let why = system.why().map(|why| match below {
        true => format!("\n  note     {why}"),
        false => format!(": {why}"),
    });
    format!(
        "{}  {} as {}{}{}{}",
        system.verdict().name(),
        log.file.display(),
        system.personality,
        parts.unwrap_or_default(),
        why.unwrap_or_default(),
        leans(system)
    )
}

/// Which rules a system needed to explain the log, and which not, each in its own words.
fn leans(system: &System) -> String {
    let judged = system.judged.as_ref().ok();
    let Some(coverage) = judged.and_then(|judged| judged.coverage.as_ref()) else {
        return String::new();
    };
    let used: BTreeMap<&str, u64> = coverage.used().collect();
    let (mut relies, mut never) = (String::new(), String::new());
    for claim in claims_of(base(system.personality)) {
        let (id, says) = (claim.id, claim.says);
        match used.get(id) {
            Some(&times) => {
                let times = counted(times, "time");
                relies += &format!("\n  relies on        {id}, {times}: {says}");
            }
            None => never += &format!("\n  never relies on  {id}: {says}"),
        }
    }
    relies + &never
}

/// Which systems could have shown it, and what each other stumbles over.
fn identified(log: &Log, layout: Layout) -> String {
    let rows = log.systems.iter().map(|system| Fit {
        system: system.personality,
        verdict: system.verdict(),
        why: system.judged.as_ref().err().cloned(),
        refused: refused_by(system).map(|refused| {
            let at = format!("line {}: {}", refused.at, refused.saw);
            (at, &refused.by[..])
        }),
        allowed: refused_by(system).map_or(&[], |refused| &refused.allowed),
    });
    fits(
        &log.file.display().to_string(),
        &rows.collect::<Vec<_>>(),
        layout,
    )
}

fn refused_by(system: &System) -> Option<&Shown> {
    system.judged.as_ref().ok()?.refused.as_ref()
}

fn parts(refused: &Shown) -> String {
    let mut words = format!(" at line {}\n  saw      {}", refused.at, refused.saw);
    for (head, calls) in [("window ", &refused.window), ("after  ", &refused.after)] {
        for (place, call) in calls.iter().enumerate() {
            let head = if place == 0 { head } else { "       " };
            words += &format!("\n  {head}  {}", told(call));
        }
    }
    for (n, allowed) in refused.allowed.iter().enumerate() {
        let head = if n == 0 { "allowed" } else { "       " };
        words += &format!("\n  {head}  {allowed}");
    }
    if refused.allowed.is_empty() {
        words += "\n  allowed  nothing";
    }
    words + &cited_claims(&refused.by)
}

fn told(call: &Told) -> String {
    let until = call.t1.map_or("the end".to_owned(), |t1| t1.to_string());
    format!("line {}, {} to {until}: {}", call.line, call.t0, call.words)
}

/// What a log has, and how to see a refusal again.
pub fn notes(log: &Log) -> Vec<String> {
    let mut notes = vec![format!(
        "{} of {} on {}",
        counted(log.calls as u64, "call"),
        counted(log.threads as u64, "thread"),
        counted(log.ports as u64, "port"),
    )];
    let unknown: u64 = log.unknown.iter().map(|(_, count)| count).sum();
    if unknown > 0 {
        let mut most = log.unknown.clone();
        most.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let most = most.iter().take(5);
        let names: Vec<_> = most
            .map(|(name, count)| format!("{name} ({count})"))
            .collect();
        let names = names.join(", ");
        notes.push(format!(
            "{unknown} calls that the map does not know: {names}"
        ));
    }
    if log.verdict() == Verdict::Refused {
        notes.push(repeat(&again::log(log)));
    }
    notes
}

/// How many were judged, where somebody stopped it.
pub fn notes_on_all(logs: &Logs) -> Vec<String> {
    let (judged, named) = (logs.logs.len(), logs.named);
    match logs.complete() {
        true => Vec::new(),
        false => vec![format!("stopped after {judged} of {named} logs")],
    }
}

//! Reports for machines: the keys that tools rely on. What they mean stands at the fields of the reports.

mod experiments;
pub mod join;
mod known;
pub mod litmus;
mod logs;
mod mistakes;
pub mod sarif;

use std::path::Path;

use portsim_model::claim::Claim;
use serde::Serialize;
use serde_json::{Value, json};

use super::Report;
use super::admit::{Admission, Admissions, Judged};
use super::check::{Check, Checks, Counterexample, Explored, Walk};
use super::compare::{Compared, Sided};
use super::covered::Covered;
use super::cross_check::CrossCheck;
use super::explore::{Opened, Place, What};
use super::export::Exported;
use super::fuzz::{Divergence, Fuzzed, LeftOut, Reason};
use super::list::{Backend, List, Listed};
use super::parting::{self, Parting, Replay};
use super::record::{Record, Verdict};
use super::run::{Run, Runs};
use super::stress::Stress;
use super::totals::Totals;
use super::verdict::expected;
use crate::admit::Refusal;
use crate::bad_input::BadInput;
use crate::compare::Group;
use crate::cross_check::{self, Comparison};
use crate::scenario::Scenario;
use crate::trace::changes::{Change, Is};
use crate::trace::{Event, Held, end_fields, event_line, held_fields, packet_fields};

/// One object, which says the whole, and what was wrong with files that could not be used.
pub fn report(report: Report<'_>, bad: &[BadInput]) -> String {
    written(&with_errors(report, bad))
}

/// The same of a part of a sweep, as I/N.
pub fn part_report(report: Report<'_>, bad: &[BadInput], part: &str) -> String {
    let mut whole = with_errors(report, bad);
    if let Value::Object(keys) = &mut whole {
        keys.insert(join::PART.to_owned(), part.into());
    }
    written(&whole)
}

fn with_errors(report: Report<'_>, bad: &[BadInput]) -> Value {
    let mut whole = value(report);
    if let (false, Value::Object(keys)) = (bad.is_empty(), &mut whole) {
        keys.insert("errors".to_owned(), mistakes::list(bad).into());
    }
    whole
}

/// Why there is no report, as one object.
pub fn no_report(bad: &[BadInput]) -> String {
    written(&json!({ "errors": mistakes::list(bad) }))
}

fn value(report: Report<'_>) -> Value {
    match report {
        Report::Run(it) => run(it),
        Report::Runs(it) => runs(it),
        Report::Check(it) => checks(it),
        Report::Replay(it) => replay(it),
        Report::Diff(it) => parted(&it.scenario, it.parting.as_ref()),
        Report::Record(it) => record(it),
        Report::Stress(it) => stress(it),
        Report::Admit(it) => admissions(it),
        Report::Logs(it) => logs::logs(it),
        Report::CrossCheck(it) => cross_check(it),
        Report::Explore(it) => opened(it),
        Report::Compare(it) => compared(it),
        Report::Distinguish(it) => experiments::distinguished(it),
        Report::Identify(it) => experiments::identity(it),
        Report::Pin(it) => experiments::pinned(it),
        Report::Litmus(it) => litmus::litmus(it),
        Report::Fuzz(it) => fuzzed(it),
        Report::Merge(it) => it.whole().clone(),
        Report::Export(it) => exported(it),
        Report::Import(it) => logs::imports(it),
        Report::List(it) => list(it),
    }
}

/// One object as text, with the end of its last line.
pub fn written(object: &impl Serialize) -> String {
    serde_json::to_string_pretty(object).expect("reports are plain data") + "\n"
}

/// Settings of an editor: which files are scenarios, and where their schema stands beside them.
pub fn settings() -> Value {
    json!({
        "json.schemas": [{ "fileMatch": ["/scenarios/**/*.json"], "url": "./scenario.schema.json" }],
    })
}

fn run(run: &Run) -> Value {
    let ran = run.ran.as_ref().ok();
    let sha256 = ran.map_or("", |ran| &ran.trace_sha256);
    let object = json!({
        "scenario": run.scenario.name,
        "as": run.personality,
        "verdict": run.verdict().name(),
        "seed": run.seed,
        "steps": run.steps(),
        "trace_sha256": sha256,
        "parked": run.parked(),
        "violation": run.violation(),
        "as_expected": run.as_expected(),
        "states": ran.map(|ran| changes(&ran.changes)),
        "held": ran.map(|ran| held(&ran.held, &run.scenario)),
        "culprit": ran.map(|ran| &ran.culprit).filter(|it| !it.is_empty()),
        "why": run.why(),
    });
    but_for(object, &["states", "held", "culprit", "why"])
}

fn runs(runs: &Runs) -> Value {
    json!({
        "verdict": runs.verdict().name(),
        "runs": runs.kept().iter().map(run).collect::<Vec<_>>(),
    })
}

fn checks(checks: &Checks) -> Value {
    let object = json!({
        "scenarios": checks.checks.iter().map(check).collect::<Vec<_>>(),
        "coverage": checks.covered.as_ref().map(covered),
    });
    but_for(object, &["coverage"])
}

fn covered(covered: &Covered) -> Value {
    let used = covered
        .used()
        .map(|(claim, times)| (claim.to_owned(), times.into()));
    json!({
        "used": Value::Object(used.collect()),
        "never": covered.never(),
    })
}

fn check(check: &Check) -> Value {
    let explored = check.explored();
    let exploration = explored.map(|explored| &explored.exploration);
    let shown = explored.filter(|it| it.exploration.found.is_some());
    let shown = shown.map(|explored| &explored.counterexample);
    let shown = shown.filter(|run| !run.events.is_empty());
    let confirmed = check.confirmed().iter().map(experiments::confirmed);
    let confirmed = Some(confirmed.collect::<Vec<_>>()).filter(|it| !it.is_empty());
    let object = json!({
        "name": check.scenario.name,
        "as": check.personality,
        "verdict": check.verdict().name(),
        "as_expected": check.as_expected(),
        "expected": expected(&check.scenario.expect),
        "states_unique": check.states(),
        "transitions": check.transitions(),
        "depth_max": exploration.map_or(0, |it| it.depth_max),
        "complete": explored.is_some_and(Explored::complete),
        "seconds": check.seconds(),
        "bytes_per_state": exploration.map_or(0, |it| it.bytes_per_state),
        "reductions": explored.map(Explored::reductions).unwrap_or_default(),
        "property": check.property(),
        "property_builtin": check.is_builtin().then_some(true),
        "trace": shown.map(|run| events(&check.scenario, &run.events)),
        "end": shown.map(|run| end(&check.scenario, run)),
        "states": shown.map(|run| changes(&run.changes)),
        "loop_at": shown.and_then(|run| run.loop_at),
        "held": shown.map(|run| held(&run.end.held, &check.scenario)),
        "culprit": explored.map(|it| &it.counterexample.culprit).filter(|it| !it.is_empty()),
        "why": check.why(),
        "collision_odds": exploration.and_then(|it| it.collision_odds),
        "confirmed": confirmed,
        "checkpoints": exploration.map_or(0, |it| it.checkpoints),
        "sampled": check.walk().map(|walk| sampled(walk, &check.scenario)),
    });
    but_for(
        object,
        &[
            "property_builtin",
            "end",
            "states",
            "held",
            "culprit",
            "why",
            "confirmed",
            "collision_odds",
            "checkpoints",
            "sampled",
        ],
    )
}

fn opened(opened: &Opened) -> Value {
    let (address, file) = match &opened.place {
        Place::Address(address) => (Some(address), None),
        Place::File(file) => (None, Some(path(file))),
    };
    let (checks, traces) = match &opened.what {
        What::Scenario(checks) => (Some(checks), None),
        What::Trace(admissions) => (None, Some(admissions)),
    };
    let object = json!({
        "scenarios": checks.map(|it| it.iter().map(check).collect::<Vec<_>>()),
        "traces": traces.map(|it| it.iter().map(admission).collect::<Vec<_>>()),
        "address": address,
        "file": file,
    });
    but_for(object, &["scenarios", "traces", "address", "file"])
}

/// The threads that cannot move, as the end of a trace names them.
fn held(held: &[Held], scenario: &Scenario) -> Vec<Value> {
    let fields = |held| held_fields(&scenario.names, &scenario.program, held);
    let value = |fields| serde_json::to_value(fields).expect("an end is plain data");
    held.iter().map(fields).map(value).collect()
}

fn sampled(walk: &Walk, scenario: &Scenario) -> Value {
    let walked = &walk.walked;
    json!({
        "runs": walked.runs,
        "at_rest": walked.at_rest,
        "calls": walked.calls,
        "calls_all": walked.calls_all,
        "shown": walk.sometimes(&scenario.names, true),
        "not_shown": walk.sometimes(&scenario.names, false),
        "seed": walked.found.map(|(seed, _)| seed),
    })
}

fn parted(scenario: &Scenario, parting: Option<&Parting>) -> Value {
    json!({
        "verdict": parting::Verdict::of(parting).name(),
        "at": parting.map(Parting::at),
        "left": parting.and_then(|it| it.left.words(scenario)),
        "right": parting.and_then(|it| it.right.words(scenario)),
    })
}

fn replay(replay: &Replay) -> Value {
    let mut object = parted(&replay.scenario, replay.parting.as_ref());
    if let Some(played) = &replay.played {
        object["states"] = changes(&played.changes).into();
    }
    object
}

/// What each step changes: the number of the last event of the step, 0 for the first state, and what is other now.
fn changes(changes: &[Change]) -> Vec<Value> {
    let change = |change: &Change| {
        let facts = change.facts.iter();
        let facts = facts.map(|fact| (fact.name(), is(&fact.is)));
        json!({ "after": change.after, "changed": Value::Object(facts.collect()) })
    };
    changes.iter().map(change).collect()
}

fn is(is: &Is) -> Value {
    match is {
        Is::Number(number) => (*number).into(),
        Is::Truth(truth) => (*truth).into(),
        Is::Packets(packets) => {
            let packets = packet_fields(packets);
            serde_json::to_value(packets).expect("a packet is plain data")
        }
        Is::Names(names) => names.clone().into(),
        Is::Words(words) => words.clone().into(),
    }
}

fn record(record: &Record) -> Value {
    let trace = record.recorded.as_ref().map(|recorded| &recorded.trace);
    let seen = trace.map_or(&[][..], |trace| &trace.events);
    let is_here = record.file.is_none() && record.verdict() != Verdict::Unsupported;
    let object = json!({
        "scenario": record.scenario.name,
        "on": record.on,
        "verdict": record.verdict().name(),
        "seed": record.seed,
        "file": record.file.as_deref().map(path),
        "events": seen.len(),
        "parked": record.parked(),
        "ended": record.ended(),
        "trace": is_here.then(|| events(&record.scenario, seen)),
        "followed": record.followed.as_ref().map(|(judge, it)| experiments::followed(judge, Ok(it))),
    });
    but_for(object, &["trace", "followed"])
}

fn stress(stress: &Stress) -> Value {
    let refused = stress.refused.as_ref();
    let refusal = refused.map(|refused| &refused.refusal);
    let file = refused.and_then(|refused| refused.file.as_deref());
    let object = json!({
        "on": stress.on,
        "as": stress.personality,
        "verdict": stress.verdict().name(),
        "seed": stress.seed,
        "rounds": stress.rounds,
        "events": stress.events,
        "undecided": stress.undecided,
        "kept": stress.kept.iter().map(|file| path(file)).collect::<Vec<_>>(),
        "seconds": stress.seconds,
        "file": file.map(path),
        "saw": refusal.map(|refusal| &refusal.saw),
        "allowed": refusal.map_or(&[][..], |refusal| &refusal.allowed),
        "window": refusal.map_or(&[][..], |refusal| &refusal.window),
        "after": refusal.map_or(&[][..], |refusal| &refusal.after),
    });
    but_for(object, &["window", "after"])
}

fn admissions(admissions: &Admissions) -> Value {
    let object = json!({
        "traces": admissions.traces.iter().map(judged).collect::<Vec<_>>(),
        "coverage": admissions.covered.as_ref().map(covered),
        "complete": unless_complete(admissions.complete()),
    });
    but_for(object, &["coverage", "complete"])
}

/// A trace as one system judges it, or as each does.
fn judged(judged: &Judged) -> Value {
    match judged {
        Judged::By(it) => admission(it),
        Judged::ByAll(all) => json!({
            "file": path(&all[0].file),
            "as": "all",
            "verdict": judged.verdict().name(),
            "systems": all.iter().map(admission).collect::<Vec<_>>(),
        }),
    }
}

/// What is told only of work that was stopped.
fn unless_complete(complete: bool) -> Option<bool> {
    (!complete).then_some(false)
}

fn admission(admission: &Admission) -> Value {
    let judgement = admission.judged.as_ref().ok();
    let refusal = judgement.and_then(|judgement| judgement.refused.as_ref());
    let object = json!({
        "file": path(&admission.file),
        "as": admission.personality,
        "verdict": admission.verdict().name(),
        "at": refusal.map(|refusal| refusal.at),
        "saw": refusal.map(|refusal| &refusal.saw),
        "allowed": refusal.map_or(&[][..], |refusal| &refusal.allowed),
        "claims": refusal.map(claims),
        "window": refusal.map_or(&[][..], |refusal| &refusal.window),
        "after": refusal.map_or(&[][..], |refusal| &refusal.after),
        "states_max": judgement.map_or(0, |judgement| judgement.states_max),
        "why": admission.why(),
        "cut_after": admission.cut.as_ref().map(|cut| cut.line),
    });
    but_for(object, &["claims", "window", "after", "why", "cut_after"])
}

/// The claims that a refusal cites, each with its source.
fn claims(refusal: &Refusal) -> Vec<Value> {
    claims_of(&refusal.by)
}

fn claims_of(by: &[&Claim]) -> Vec<Value> {
    let cite = |claim: &&Claim| json!({ "id": claim.id, "says": claim.says, "status": claim.status.word(), "source": claim.source });
    by.iter().map(cite).collect()
}

fn cross_check(cross_check: &CrossCheck) -> Value {
    let object = json!({
        "cells": cross_check.comparisons.iter().map(cell).collect::<Vec<_>>(),
        "totals": totals(cross_check.totals()),
        "complete": cross_check.complete,
        "coverage": cross_check.covered.as_ref().map(covered),
    });
    but_for(object, &["coverage"])
}

fn cell(comparison: &Comparison) -> Value {
    let (refusal, why) = match &comparison.verdict {
        cross_check::Verdict::Agree(why) => (None, why.as_ref()),
        cross_check::Verdict::Differ(refusal) => (Some(refusal), Some(&refusal.saw)),
        cross_check::Verdict::Unsupported(why) | cross_check::Verdict::Unavailable(why) => {
            (None, Some(why))
        }
    };
    json!({
        "scenario": comparison.scenario,
        "on": comparison.on,
        "as": comparison.personality,
        "seed": comparison.seed,
        "verdict": comparison.verdict.name(),
        "why": why,
        "at": refusal.map(|refusal| refusal.at),
        "allowed": refusal.map_or(&[][..], |refusal| &refusal.allowed),
    })
}

fn totals(totals: Totals) -> Value {
    json!({
        "agree": totals.agree,
        "differ": totals.differ,
        "unsupported": totals.unsupported,
        "unavailable": totals.unavailable,
    })
}

fn compared(compared: &Compared) -> Value {
    let object = json!({
        "scenarios": compared.scenarios.iter().map(sided).collect::<Vec<_>>(),
        "complete": unless_complete(compared.complete),
    });
    but_for(object, &["complete"])
}

fn sided(scenario: &Sided) -> Value {
    json!({
        "name": scenario.name,
        "why": scenario.why,
        "groups": scenario.groups.iter().map(group).collect::<Vec<_>>(),
    })
}

fn group(group: &Group) -> Value {
    let ways = group.ways.as_ref().ok();
    let object = json!({
        "as": group.systems,
        "ways": ways.map(|it| &it.ways).cloned().unwrap_or_default(),
        "complete": ways.is_some_and(|it| it.complete),
        "why": group.ways.as_ref().err(),
    });
    but_for(object, &["why"])
}

fn fuzzed(fuzzed: &Fuzzed) -> Value {
    json!({
        "cases": fuzzed.cases(),
        "agree": fuzzed.totals.agree,
        "differ": fuzzed.totals.differ,
        "unsupported": fuzzed.totals.unsupported,
        "unavailable": fuzzed.totals.unavailable,
        "found": fuzzed.found.iter().map(divergence).collect::<Vec<_>>(),
        "left_out": fuzzed.left_out.iter().map(left_out).collect::<Vec<_>>(),
        "reasons": fuzzed.reasons.iter().map(reason).collect::<Vec<_>>(),
        "seconds": fuzzed.seconds,
        "complete": fuzzed.complete,
    })
}

fn divergence(divergence: &Divergence) -> Value {
    let found = &divergence.found;
    json!({
        "seed": found.seed,
        "on": divergence.on,
        "as": divergence.personality,
        "scenario": path(&divergence.file),
        "again": found.again,
        "times": divergence.times,
        "at": found.refusal.at,
        "why": found.refusal.saw,
        "allowed": found.refusal.allowed,
    })
}

fn left_out(left_out: &LeftOut) -> Value {
    json!({
        "on": left_out.on,
        "as": left_out.personality,
        "kind": left_out.kind,
        "why": left_out.why,
    })
}

fn reason(reason: &Reason) -> Value {
    let object = json!({
        "on": reason.on,
        "verdict": reason.without.name(),
        "why": reason.why,
        "cases": reason.cases,
        "seed": reason.seed,
        "scenario": reason.file.as_deref().map(path),
    });
    but_for(object, &["scenario"])
}

fn exported(exported: &Exported) -> Value {
    let object = json!({
        "scenario": exported.scenario,
        "as": exported.system,
        "verdict": exported.verdict().name(),
        "text": exported.text(),
        "why": exported.written.as_ref().err(),
    });
    but_for(object, &["text", "why"])
}

fn list(list: &List) -> Value {
    match list {
        List::Here(here) => json!({
            "personalities": here.personalities,
            "backends": here.backends.iter().map(backend).collect::<Vec<_>>(),
            "scenarios": here.scenarios.iter().map(listed).collect::<Vec<_>>(),
        }),
        List::Known(it) => known::known(it),
    }
}

fn backend(backend: &Backend) -> Value {
    json!({
        "name": backend.name,
        "available": backend.available.is_ok(),
        "why_not": backend.available.as_ref().err(),
    })
}

fn listed(listed: &Listed) -> Value {
    let scenario = &listed.scenario;
    json!({
        "name": scenario.name,
        "file": path(&scenario.file),
        "why": scenario.why,
        "as": listed.personalities,
        "claims": scenario.claims,
        "expected": expected(&scenario.expect),
    })
}

/// Events as the lines of a trace.
fn events(scenario: &Scenario, events: &[Event]) -> Vec<Value> {
    let line = |(n, event)| {
        let line = event_line(&scenario.names, &scenario.program, n, event);
        serde_json::to_value(line).expect("an event is plain data")
    };
    (1..).zip(events).map(line).collect()
}

fn end(scenario: &Scenario, run: &Counterexample) -> Value {
    let (names, program) = (&scenario.names, &scenario.program);
    let end = end_fields(names, program, &run.events, &run.end);
    serde_json::to_value(end).expect("an end is plain data")
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// The object without those of these keys that say nothing.
fn but_for(mut object: Value, keys: &[&str]) -> Value {
    let fields = object.as_object_mut().expect("a report is an object");
    for key in keys {
        let value = &fields[*key];
        let is_empty = value.as_array().is_some_and(Vec::is_empty);
        if value.is_null() || *value == 0 || is_empty {
            fields.shift_remove(*key);
        }
    }
    object
}

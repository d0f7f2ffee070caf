//! What `admit` says of one trace, for people.

use super::window::window;
use super::{Fit, cited, fits, repeat, stacked};
use crate::admit::Refusal;
use crate::report::admit::{Admission, Admissions, Judged, Verdict};
use crate::report::repeat as again;
use crate::scenario::Scenario;
use crate::trace::lanes::{Lanes, Layout};
use crate::trace::{Mode, Trace};

/// What one system says, or each.
pub fn one(judged: &Judged, layout: Layout) -> String {
    match judged {
        Judged::By(admission) => by_one(admission, layout),
        Judged::ByAll(admissions) => stacked([by_all(admissions, layout)]),
    }
}

/// Which systems could have shown it, and at which event each other parts from it.
fn by_all(admissions: &[Admission], layout: Layout) -> String {
    let file = admissions[0].file.display().to_string();
    let rows = admissions.iter().map(|admission| Fit {
        system: admission.personality,
        verdict: admission.verdict(),
        why: admission.why(),
        refused: admission.refusal().map(|refusal| {
            let at = format!("event {}: {}", refusal.at, refusal.saw);
            (at, &refusal.by[..])
        }),
        allowed: admission.refusal().map_or(&[], |it| &it.allowed),
    });
    fits(&file, &rows.collect::<Vec<_>>(), layout)
}

/// The verdict; where the trace is refused, what it shows and what the model could have shown.
fn by_one(admission: &Admission, layout: Layout) -> String {
    let mut words = verdict(admission);
    let (Some(refusal), Some(trace)) = (admission.refusal(), &admission.trace) else {
        return stacked([words]);
    };
    let lanes = before(&admission.scenario, trace, refusal, layout);
    words += &parts(&admission.scenario, trace, refusal);
    stacked([lanes, words])
}

/// The verdict in one line.
pub fn verdict(admission: &Admission) -> String {
    let why = admission.why().map(|why| format!(": {why}"));
    format!(
        "{}  {} as {}{}",
        admission.verdict().name(),
        admission.file.display(),
        admission.personality,
        why.unwrap_or_default()
    )
}

/// Which claims decided, where somebody asked.
pub fn covered(admissions: &Admissions) -> String {
    let covered = admissions.covered.as_ref();
    covered.map_or_else(String::new, super::covered::covered)
}

/// How to see a refusal again.
pub fn notes(judged: &Judged) -> Vec<String> {
    match judged.verdict() {
        Verdict::Refused => vec![repeat(&again::admit(judged))],
        Verdict::Admitted | Verdict::Partial | Verdict::Unsupported => Vec::new(),
    }
}

/// How many were judged, where somebody stopped it.
pub fn notes_on_all(admissions: &Admissions) -> Vec<String> {
    let (judged, named) = (admissions.traces.len(), admissions.named);
    match admissions.complete() {
        true => Vec::new(),
        false => vec![format!("stopped after {judged} of {named} traces")],
    }
}

/// The trace up to where it is refused. Of calls at full speed the end can stand far below the beginning: lanes would
/// show neither.
fn before(scenario: &Scenario, trace: &Trace, refusal: &Refusal, layout: Layout) -> String {
    if trace.header.mode == Mode::Free {
        return String::new();
    }
    let upto = (refusal.at as usize).min(trace.events.len());
    let events = &trace.events[..upto];
    Lanes::of(&scenario.names, &scenario.program, events).text(layout)
}

fn parts(scenario: &Scenario, trace: &Trace, refusal: &Refusal) -> String {
    let mut words = format!(
        " at event {}\n  saw      {}{}",
        refusal.at,
        refusal.saw,
        window(scenario, &trace.events, &trace.spans, refusal)
    );
    for (n, allowed) in refusal.allowed.iter().enumerate() {
        let head = if n == 0 { "allowed" } else { "       " };
        words += &format!("\n  {head}  {allowed}");
    }
    if refusal.allowed.is_empty() {
        words += "\n  allowed  nothing";
    }
    words += &cited(refusal);
    words
}

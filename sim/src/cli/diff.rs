//! `portsim diff`: what two traces show to an observer, compared.

use super::args;
use super::say::Say;
use super::{Exit, Stop, bad_argument, files};
use crate::report::Report;
use crate::report::parting::{Diff, Parting, Side};
use crate::trace::{Event, Shown, Trace};

/// Compares two traces.
pub fn diff(args: &args::Diff, say: &Say) -> Result<Exit, Stop> {
    let left = files::trace(&args.left, &args.look_in)?;
    let right = files::trace(&args.right, &args.look_in)?;
    let scenarios = [&left, &right].map(|read| &read.trace.header.scenario);
    if scenarios[0] != scenarios[1] {
        let problem = format!(
            "{} is of {:?}, the other of {:?}",
            args.right.display(),
            scenarios[1],
            scenarios[0]
        );
        return Err(bad_argument("diff", problem).into());
    }
    say.report(Report::Diff(&Diff {
        events: seen(&left.trace).len() as u64,
        parting: parting(&left.trace, &right.trace),
        scenario: left.scenario,
        cut: left.cut.or(right.cut),
    }))
}

/// Where two traces part, as far as an observer can see.
fn parting(left: &Trace, right: &Trace) -> Option<Parting> {
    let (ours, theirs) = (seen(left), seen(right));
    let place = (0..ours.len().max(theirs.len())).find(|&n| !alike(ours.get(n), theirs.get(n)));
    let ends = left.end == right.end || left.end.is_none() || right.end.is_none();
    let at = match place {
        None if ends => return None,
        None => ours.len(),
        Some(at) => at,
    };
    let side = |events: &[&Event]| match events.get(at) {
        Some(&event) => Side::Event(event.clone()),
        None => Side::End,
    };
    Some(Parting {
        before: ours[..at].iter().copied().cloned().collect(),
        left: side(&ours),
        right: side(&theirs),
    })
}

/// Whether both traces show the same here.
fn alike(ours: Option<&&Event>, theirs: Option<&&Event>) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => ours.shown.agrees(&theirs.shown),
        _ => false,
    }
}

/// What an observer can see of a trace.
fn seen(trace: &Trace) -> Vec<&Event> {
    trace
        .events
        .iter()
        .filter(|event| !matches!(event.shown, Shown::Silent { .. }))
        .collect()
}

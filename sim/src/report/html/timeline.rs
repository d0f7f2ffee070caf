//! Calls at full speed, as the intervals that they are: nobody knows in which order they took effect.

use super::packer::shown;
use super::wire;
use crate::admit::Refusal;
use crate::scenario::Scenario;
use crate::trace::{Event, Span, Trace};

/// The most events that are shown: those around a refusal, or else the first.
const EVENTS_MAX: usize = 600;

/// The intervals of a trace.
pub fn timeline(scenario: &Scenario, trace: &Trace, refusal: Option<&Refusal>) -> wire::Timeline {
    let numbers = |list: &[u64]| list.iter().map(|&n| n as usize).collect::<Vec<_>>();
    let (window, after) = match refusal {
        Some(refusal) => (numbers(&refusal.window), numbers(&refusal.after)),
        None => (Vec::new(), Vec::new()),
    };
    let all = trace.events.len().min(trace.spans.len());
    let middle = refusal.map_or(0, |refusal| refusal.at as usize);
    let first = middle
        .saturating_sub(EVENTS_MAX / 2)
        .min(all.saturating_sub(EVENTS_MAX));
    let pairs = trace.events.iter().zip(&trace.spans).enumerate();
    let call = |(n, (event, span)): (usize, (&Event, &Span))| {
        let wire::Shown(thread, words, _, failed) =
            shown(&scenario.names, &scenario.program, event);
        wire::Interval(n + 1, thread, words, span.t0, span.t1, failed)
    };
    wire::Timeline {
        threads: scenario.names.threads.clone(),
        events_all: all,
        at: refusal.map(|refusal| refusal.at),
        window,
        after,
        intervals: pairs.skip(first).take(EVENTS_MAX).map(call).collect(),
    }
}

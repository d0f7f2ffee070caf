//! Of threads at full speed, the events that no order explains.

use std::fmt::Write as _;

use crate::admit::Refusal;
use crate::scenario::Scenario;
use crate::trace::{Event, Span, cells};

/// The events that a refusal names, each with its times; nothing where there are none.
pub fn window(scenario: &Scenario, events: &[Event], spans: &[Span], refusal: &Refusal) -> String {
    let mut words = String::new();
    for (head, numbers) in [("window ", &refusal.window), ("after  ", &refusal.after)] {
        for (place, &n) in numbers.iter().enumerate() {
            let (shown, span) = (&events[n as usize - 1].shown, spans[n as usize - 1]);
            let thread = scenario.names.thread_name(shown.thread());
            let cell = cells::cell(&scenario.names, &scenario.program, shown);
            let until = span.t1.map_or("the end".to_owned(), |t1| t1.to_string());
            let head = if place == 0 { head } else { "       " };
            let _ = write!(
                words,
                "\n  {head}  event {n}, {} to {until}: {thread}: {cell}",
                span.t0
            );
        }
    }
    words
}

//! A run as a log for ShiViz: each event with the clocks of all that came before it.
//!
//! Threads are hosts, and so is everything that they call: a call happens at its port, and a return comes from there. So
//! the order that ShiViz sees is the one that the port made. Its expression for the parser is the one that ShiViz begins
//! with, `(?<event>.*)\n(?<host>\S*) (?<clock>{.*})`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::course::{Bar, Course, bar};

/// A vector of clocks.
type Clock = BTreeMap<String, u64>;

/// The log.
pub fn shiviz(course: &Course<'_>) -> String {
    let mut clocks: BTreeMap<String, Clock> = BTreeMap::new();
    let mut log = String::new();
    let mut happens = |host: &str, after: Option<&str>, words: &str| {
        let learnt = after.and_then(|other| clocks.get(other)).cloned();
        let clock = clocks.entry(host.to_owned()).or_default();
        for (other, time) in learnt.into_iter().flatten() {
            let known = clock.entry(other).or_default();
            *known = time.max(*known);
        }
        *clock.entry(host.to_owned()).or_default() += 1;
        let times: Vec<_> = clock
            .iter()
            .map(|(host, time)| format!("\"{host}\":{time}"))
            .collect();
        let _ = writeln!(log, "{words}\n{host} {{{}}}", times.join(","));
    };
    for event in course.events {
        let thread = course.names.thread_name(event.shown.thread());
        let words: String = course.words(event);
        let words: String = words
            .chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect();
        // A port may be called like a thread.
        let noun = course.noun(event).map(|noun| format!("{noun}()"));
        match (noun, bar(event)) {
            (None, _) | (_, Bar::Silent) => happens(thread, None, &words),
            (Some(noun), Bar::Begin) => {
                happens(thread, None, &words);
                happens(&noun, Some(thread), &format!("{thread}: {words}"));
            }
            (Some(noun), Bar::Point) => {
                happens(thread, None, &words);
                happens(&noun, Some(thread), &format!("{thread}: {words}"));
                happens(thread, Some(&noun), "returns");
            }
            (Some(noun), Bar::End) => happens(thread, Some(&noun), &words),
        }
    }
    log
}

//! A run for Perfetto, and for all who read the traces of Chrome: a track for each thread, a slice for each call, arrows for
//! what was handed over, and counters of queues and of running threads.
//!
//! Calls at full speed have their own times. Where threads took turns there are none: an event takes a microsecond.

use std::collections::BTreeMap;

use portsim_model::program::PortId;

use super::course::{Bar, Course, bar};
use super::wire::{Argument, Perfetto, PerfettoEvent, text};

/// A turn, in microseconds.
const TURN: f64 = 1.0;

/// All threads are of one process, and ports are counters of it.
const PROCESS: u32 = 1;

/// The trace.
pub fn perfetto(course: &Course<'_>) -> String {
    let mut events = vec![named("process_name", 0, course.title)];
    for thread in course.threads() {
        let name = course.names.thread_name(thread);
        events.push(named("thread_name", u32::from(thread.0) + 1, name));
    }
    match course.spans.is_empty() {
        true => events.extend(in_turns(course)),
        false => events.extend(at_full_speed(course)),
    }
    text(&Perfetto {
        events,
        unit: "ns",
        other: BTreeMap::from([
            ("tool", format!("portsim {}", env!("CARGO_PKG_VERSION"))),
            ("wrong", course.wrong.to_owned()),
        ]),
    })
}

fn event(name: impl Into<String>, phase: &'static str, tid: u32, ts: f64) -> PerfettoEvent {
    PerfettoEvent {
        name: name.into(),
        phase,
        pid: PROCESS,
        tid,
        ts,
        dur: None,
        id: None,
        binding: None,
        category: None,
        args: None,
    }
}

fn named(what: &str, tid: u32, name: &str) -> PerfettoEvent {
    let args = BTreeMap::from([("name".to_owned(), Argument::Words(name.to_owned()))]);
    PerfettoEvent {
        args: Some(args),
        ..event(what, "M", tid, 0.0)
    }
}

fn in_turns(course: &Course<'_>) -> Vec<PerfettoEvent> {
    let (events, at) = (course.events, |n: usize| n as f64 * TURN);
    let tid = |n: usize| u32::from(events[n].shown.thread().0) + 1;
    let mut all = Vec::new();
    for (n, shown) in events.iter().enumerate() {
        let words = course.words(shown);
        let returns =
            (n + 1..events.len()).find(|&m| tid(m) == tid(n) && bar(&events[m]) == Bar::End);
        let (dur, more) = match bar(shown) {
            Bar::Point | Bar::Silent => (TURN * 0.8, None),
            Bar::Begin => match returns {
                Some(m) => (at(m) - at(n) + TURN * 0.8, Some(course.words(&events[m]))),
                None => (at(events.len()) - at(n), None),
            },
            // It is the end of a slice.
            Bar::End => continue,
        };
        let number = ("event".to_owned(), Argument::Number(n as u64 + 1));
        let more = more.map(|words| ("returns".to_owned(), Argument::Words(words)));
        all.push(PerfettoEvent {
            dur: Some(dur),
            args: Some([number].into_iter().chain(more).collect()),
            category: Some("call"),
            ..event(words, "X", tid(n), at(n))
        });
    }
    for (n, cause) in course.causes().into_iter().enumerate() {
        let Some(cause) = cause else { continue };
        let arrow = |phase, of: usize| PerfettoEvent {
            id: Some(n),
            binding: (phase == "f").then_some("e"),
            category: Some("handed over"),
            ..event("handed over", phase, tid(of), at(of) + TURN * 0.4)
        };
        all.extend([arrow("s", cause), arrow("f", n)]);
    }
    for (after, view) in course.views() {
        for (id, name) in (0..).map(PortId).zip(&course.names.ports) {
            let port = view.port(id);
            let numbers = [
                ("queue", port.packets().depth() as u64),
                ("waiters", port.waiters().count() as u64),
            ];
            let args = numbers.map(|(name, it)| (name.to_owned(), Argument::Number(it)));
            all.push(PerfettoEvent {
                args: Some(args.into()),
                ..event(name.as_str(), "C", 0, at(after as usize))
            });
        }
    }
    all
}

fn at_full_speed(course: &Course<'_>) -> Vec<PerfettoEvent> {
    let first = course.spans.iter().map(|span| span.t0).min().unwrap_or(0);
    let last = course.spans.iter().map(|span| span.t1.unwrap_or(span.t0));
    let last = last.max().unwrap_or(first);
    let micros = |from: u64, to: u64| to.saturating_sub(from) as f64 / 1_000.0;
    let pairs = course.events.iter().zip(course.spans).enumerate();
    let slice = |(n, (shown, span)): (usize, (&crate::trace::Event, &crate::trace::Span))| {
        let tid = u32::from(shown.shown.thread().0) + 1;
        let number = ("event".to_owned(), Argument::Number(n as u64 + 1));
        PerfettoEvent {
            dur: Some(micros(span.t0, span.t1.unwrap_or(last))),
            args: Some(BTreeMap::from([number])),
            category: Some("call"),
            ..event(course.words(shown), "X", tid, micros(first, span.t0))
        }
    };
    pairs.map(slice).collect()
}

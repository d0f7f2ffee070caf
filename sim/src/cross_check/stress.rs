//! Rounds of many threads at full speed, each judged at once.
//!
//! A round is a scenario that a seed writes: workers that take, post, sleep and give up in time, and posters; in some
//! rounds the port is closed under everybody. Each of
//! its packets has a key of its own, and it is as short as a program can be, so a judge has one round to explain and
//! forgets it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::judge_free;
use crate::admit::Judgement;
use crate::choose::Rng;
use crate::native::free::Ended;
use crate::native::{Backend, NoRecording, record_free};
use crate::scenario::Scenario;
use crate::trace::{End, Event, Span};

/// The most packets of a round: a program tells no more of them apart.
const PACKETS_MAX: usize = 240;

/// Operations of one thread.
const OPS: usize = 30;

/// How long a round may take before it counts as stuck.
const LIMIT: Duration = Duration::from_secs(5);

/// One round: what was played, what was seen, and what the judge says.
#[derive(Debug)]
pub struct Round {
    /// The text of the scenario.
    pub text: String,
    /// The scenario.
    pub scenario: Scenario,
    /// All calls, by the time before them.
    pub events: Vec<Event>,
    /// When each was.
    pub spans: Vec<Span>,
    /// Who was still inside a call.
    pub end: End,
    /// Whether the model can show it.
    pub judgement: Judgement,
}

/// Plays the round of a seed on a backend and judges it.
pub fn round(
    backend: &dyn Backend,
    personality: &str,
    (name, seed): (&str, u64),
    threads: usize,
    processors: u32,
) -> Result<Round, NoRecording> {
    let play = |closes| {
        let text = written(seed, threads, closes);
        let file = Path::new("a round of stress");
        let scenario = Scenario::parse(name, file, text.as_bytes());
        let scenario = scenario.unwrap_or_else(|bad| panic!("a round makes no sense: {bad}"));
        let recorded = record_free(backend, &scenario.program, seed, LIMIT)?;
        Ok((text, scenario, recorded))
    };
    let (text, scenario, recorded) = match play(true) {
        // Not every port can be closed.
        Err(NoRecording::Unsupported(_)) => play(false)?,
        played => played?,
    };
    if let Ended::Failed(why) = recorded.ended {
        return Err(NoRecording::Unavailable(why));
    }
    let calls = recorded.calls.into_iter();
    let event = Event::of;
    let (events, spans): (Vec<_>, Vec<_>) =
        calls.map(|call| (event(call.shown()), call.span)).unzip();
    let end = End::of(recorded.parked);
    let judgement = judge_free(
        &scenario.program,
        &scenario.names,
        personality,
        processors,
        (&events, &spans),
        Some(&end),
    )
    .map_err(NoRecording::Unsupported)?;
    Ok(Round {
        text,
        scenario,
        events,
        spans,
        end,
        judgement,
    })
}

/// The scenario of a seed, in which the port may be closed or not.
fn written(seed: u64, threads: usize, closes: bool) -> String {
    let mut rng = Rng::new(seed);
    let limit = 1 + rng.below(threads.div_ceil(2));
    let posters = 1 + rng.below(threads.div_ceil(2));
    let ops = OPS.min(PACKETS_MAX / threads);
    // Who closes a port, and when; in most rounds nobody.
    let closer = rng.below(4 * threads);
    let closes_at = ops / 2 + rng.below(ops / 2);
    let mut key = 0;
    let mut text = format!(
        r#"{{ "why": "Stress of seed {seed}.", "builtin": false, "ports": {{ "p": {{ "concurrency": {limit} }} }}, "threads": {{"#
    );
    for thread in 0..threads {
        let comma = if thread == 0 { "" } else { "," };
        let _ = write!(text, r#"{comma} "t{thread}": ["#);
        for op in 0..ops {
            let comma = if op == 0 { "" } else { "," };
            let is_poster = thread < posters;
            let op = match rng.below(40) {
                _ if closes && (thread, op) == (closer, closes_at) => {
                    r#"{ "close": "p" }"#.to_owned()
                }
                0 => r#"{ "sleep": 1 }"#.to_owned(),
                1..3 => r#""yield""#.to_owned(),
                3..6 => r#"{ "get": "p", "into": "x", "timeout": 1 }"#.to_owned(),
                n if is_poster != (n < 9) => {
                    key += 1;
                    format!(r#"{{ "post": "p", "key": {key} }}"#)
                }
                _ => r#"{ "get": "p", "into": "x" }"#.to_owned(),
            };
            let _ = write!(text, "{comma} {op}");
        }
        text += " ]";
    }
    text + " } }\n"
}

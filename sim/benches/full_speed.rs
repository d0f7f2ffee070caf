//! How fast threads at full speed are judged, in how much memory, and what it costs to write their calls down.
//!
//! ```text
//! cargo bench -p portsim --bench full_speed
//! ```
//!
//! Threads on the port in user space pass packets round for a while. Of what they wrote down the first calls are judged:
//! so many, ten times as many, and so on. The memory is what the judge takes beyond the trace, as the kernel of Linux
//! counts it. The cost of a recording is the time of a post and a get by one thread, written down by whoever plays a
//! program, to the time of the same calls made by hand; both take turns, and the ratio is of the medians.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use portsim::cross_check::judge_free;
use portsim::native::free::Freely;
use portsim::native::{backend, record_free};
use portsim::scenario::Scenario;
use portsim::trace::{Event, Span};
use portsim_port::Port;

/// Pairs of calls by hand.
const PAIRS: u32 = 200_000;

fn main() {
    // `cargo test --benches` only asks whether it runs.
    let is_bench = std::env::args().any(|arg| arg == "--bench");
    let rounds = if is_bench { 9 } else { 1 };
    for threads in [2, 4, 8] {
        judging(threads, if is_bench { 1_000_000 } else { 1_000 });
    }
    writing(rounds);
}

/// Judges what some threads wrote down, the first tenths of it too.
fn judging(threads: usize, calls_max: usize) {
    let scenario = scenario(&round_and_round(threads));
    let limit = Duration::from_millis(calls_max as u64 / 600 + 20);
    let recorded = record(&scenario, limit);
    let calls = recorded.calls.iter().take(calls_max);
    let event = Event::of;
    let (events, spans): (Vec<Event>, Vec<Span>) =
        calls.map(|call| (event(call.shown()), call.span)).unzip();
    let mut calls = events.len().min(1_000);
    while calls <= events.len() {
        let resting = memory(Some("5"));
        let start = Instant::now();
        let judged = judge_free(
            &scenario.program,
            &scenario.names,
            "windows",
            1,
            (&events[..calls], &spans[..calls]),
            None,
        );
        let spent = start.elapsed();
        let grown = memory(None).saturating_sub(resting);
        let judged = judged.expect("it is supported");
        assert!(judged.refused.is_none() && !judged.gave_up, "{judged:?}");
        println!(
            "{threads} threads, {calls} calls: {:.3} s, {:.0} calls/s, {grown} KiB, {} places",
            spent.as_secs_f64(),
            calls as f64 / spent.as_secs_f64(),
            judged.states_max,
        );
        calls *= 10;
    }
}

/// The most memory that was in use since it was last forgotten, in KiB; forgets it if told so. 0 where nobody counts.
fn memory(forget: Option<&str>) -> u64 {
    if let Some(word) = forget {
        let _ = fs::write("/proc/self/clear_refs", word);
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let words = line.and_then(|line| line.split_whitespace().next());
    words.and_then(|words| words.parse().ok()).unwrap_or(0)
}

/// What a recording costs.
fn writing(rounds: usize) {
    let text = r#"{ "why": "One thread, two calls.", "builtin": false, "bounds": { "packets": 9 },
        "ports": { "p": { "concurrency": 1 } },
        "threads": { "t": [ { "loop": [ { "post": "p", "key": 1 }, { "get": "p", "into": "x" } ] } ] } }"#;
    let scenario = scenario(text);
    let (mut by_hand, mut recorded) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let port = Port::new(1);
        let start = Instant::now();
        for packet in 0..PAIRS {
            port.post(packet).expect("it is open");
            port.get().expect("it is open");
        }
        by_hand.push(start.elapsed().as_nanos() as f64 / f64::from(2 * PAIRS));
        let calls = record(&scenario, Duration::from_millis(60)).calls;
        let from = calls.first().map_or(0, |call| call.span.t0);
        let to = calls.last().map_or(0, |call| call.span.t0);
        recorded.push((to - from) as f64 / (calls.len().max(2) - 1) as f64);
    }
    let (by_hand, recorded) = (median(by_hand), median(recorded));
    println!(
        "a call: {by_hand:.0} ns by hand, {recorded:.0} ns played and written down, {:.1} times as long",
        recorded / by_hand
    );
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Threads that take a packet and post another, for ever, with fewer packets than threads.
fn round_and_round(threads: usize) -> String {
    let limit = threads / 2;
    let mut text = format!(
        r#"{{ "why": "Round and round.", "builtin": false, "bounds": {{ "packets": 100 }},
        "ports": {{ "p": {{ "concurrency": {limit} }} }}, "threads": {{ "first": ["#
    );
    for packet in 1..threads {
        let comma = if packet == 1 { "" } else { "," };
        let _ = write!(text, r#"{comma} {{ "post": "p", "key": {packet} }}"#);
    }
    text += " ]";
    for thread in 0..threads {
        let key = 100 + 10 * thread;
        let _ = write!(
            text,
            r#", "t{thread}": [ {{ "loop": [
            {{ "get": "p", "into": "x" }}, {{ "post": "p", "key": {key} }},
            {{ "get": "p", "into": "x" }}, {{ "post": "p", "key": {} }},
            {{ "get": "p", "into": "x", "timeout": 1 }},
            {{ "if": "x.ok", "then": [ {{ "post": "p", "key": {} }} ] }} ] }} ]"#,
            key + 1,
            key + 2
        );
    }
    text + " } }"
}

fn scenario(text: &str) -> Scenario {
    let parsed = Scenario::parse("bench", Path::new("bench"), text.as_bytes());
    parsed.unwrap_or_else(|bad| panic!("{bad}"))
}

fn record(scenario: &Scenario, limit: Duration) -> Freely {
    let backend = backend("emulated").expect("it is everywhere");
    record_free(backend, &scenario.program, 0, limit).expect("it is everywhere")
}

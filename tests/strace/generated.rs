//! Logs that strace would have written of what the model shows.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use portsim::admit::free::{Limits, admit_free};
use portsim::choose::{Choose, Policy};
use portsim::log::{Format, Log, Named, read_named};
use portsim::personality::{play, play_at_full_speed};
use portsim::run::Ended;
use portsim::scenario::Scenario;
use portsim::trace::{Answer, End, Event, Shown, Span};
use portsim_model::program::{Op, Packet, Timeout, Watch};

use super::{judged, read};
use crate::command::Scratch;
use crate::free::{Runs, calls, draw};

/// Some threads, each with a few calls on one descriptor that watches two eventfds.
fn scenario(rng: &mut dyn Choose) -> Scenario {
    let mut text = r#"{ "why": "Calls.", "builtin": false, "ports": { "p": {} }, "sources": { "a": {}, "b": {} }, "threads": {"#.to_owned();
    for thread in 0..2 + draw(rng, 2) {
        let comma = if thread == 0 { "" } else { ", " };
        let _ = write!(text, r#"{comma}"t{thread}": ["#);
        for call in 0..2 + draw(rng, 4) {
            let comma = if call == 0 { "" } else { ", " };
            let n = draw(rng, 2) as usize;
            let (source, key) = (["a", "b"][n], n + 1);
            let how = ["level", "edge"][draw(rng, 2) as usize];
            let once = if draw(rng, 3) == 0 {
                r#", "oneshot": true"#
            } else {
                ""
            };
            let op = match draw(rng, 12) {
                0..3 => format!(
                    r#"{{ "epoll_ctl": "p", "change": "add", "source": "{source}", "trigger": "{how}", "key": {key}{once}, "into": "c" }}"#
                ),
                3 => format!(
                    r#"{{ "epoll_ctl": "p", "change": "mod", "source": "{source}", "trigger": "{how}", "key": {key}{once}, "into": "c" }}"#
                ),
                4 => format!(
                    r#"{{ "epoll_ctl": "p", "change": "del", "source": "{source}", "into": "c" }}"#
                ),
                5..8 => format!(r#"{{ "write": "{source}" }}"#),
                8 => format!(r#"{{ "drain": "{source}" }}"#),
                _ => {
                    let wait =
                        ["", r#", "timeout": 0"#, r#", "timeout": 5"#][draw(rng, 3) as usize];
                    format!(
                        r#"{{ "get": "p", "into": "x", "max": {}{wait} }}"#,
                        1 + draw(rng, 2)
                    )
                }
            };
            text += comma;
            text += &op;
        }
        text += "]";
    }
    text += "} }";
    Scenario::parse("calls", Path::new("calls"), text.as_bytes())
        .unwrap_or_else(|bad| panic!("{bad}\n{text}"))
}

/// What strace would have written of these calls.
fn written(scenario: &Scenario, calls: &[(Event, Span)]) -> String {
    let mut text =
        "99 epoll_create1(0) = 3\n99 eventfd2(0, 0) = 10\n99 eventfd2(0, 0) = 11\n".to_owned();
    for thread in 0..scenario.names.threads.len() {
        let _ = writeln!(
            text,
            "99 clone(flags=CLONE_VM|CLONE_FILES) = {}",
            100 + thread
        );
    }
    let mut lines: Vec<(u64, bool, String)> = Vec::new();
    for (event, span) in calls {
        let Shown::Call { thread, op, answer } = &event.shown else {
            panic!("it is no call: {event:?}");
        };
        let (begun, rest) = called(scenario, *op, answer.as_ref());
        let (pid, name) = (
            100 + thread.index(),
            begun.split('(').next().unwrap_or_default(),
        );
        lines.push((span.t0, false, format!("{pid} {begun} <unfinished ...>\n")));
        if let Some(t1) = span.t1 {
            lines.push((t1, true, format!("{pid} <... {name} resumed>{rest}\n")));
        }
    }
    lines.sort_by_key(|(time, ends, _)| (*time, *ends));
    lines.into_iter().for_each(|(_, _, line)| text += &line);
    text
}

fn called(scenario: &Scenario, op: Op, answer: Option<&Answer>) -> (String, String) {
    let failed = match answer {
        Some(Answer::Failed(name)) => format!("-1 {name} (it failed)"),
        _ => "0".to_owned(),
    };
    if let Op::EpollCtl { source, change, .. } = op {
        let fd = 10 + source.index();
        let (name, interest) = match change {
            Watch::Add(interest) => ("ADD", Some(interest)),
            Watch::Mod(interest) => ("MOD", Some(interest)),
            Watch::Del => ("DEL", None),
        };
        let event = interest.map_or("NULL".to_owned(), |it| {
            let edge = if it.edge { "|EPOLLET" } else { "" };
            let once = if it.oneshot { "|EPOLLONESHOT" } else { "" };
            let packet = it
                .events
                .report(true, false)
                .expect("it is watched for reading");
            let key = scenario.program.packets[packet.index()].key;
            format!("{{events=EPOLLIN{edge}{once}, data={{u32={key}, u64={key}}}}}")
        });
        return (
            format!("epoll_ctl(3, EPOLL_CTL_{name}, {fd}, {event}"),
            format!(") = {failed}"),
        );
    }
    if let Op::Write { source } = op {
        return (
            format!("write({}, \"\", 8", 10 + source.index()),
            ") = 8".to_owned(),
        );
    }
    if let Op::Drain { source } = op {
        return (
            format!("read({}, ", 10 + source.index()),
            "\"\", 8) = 8".to_owned(),
        );
    }
    let get = op.as_get().expect("nothing else is called");
    let packets = match answer {
        Some(Answer::Packets(packets)) => packets.clone(),
        _ => Vec::new(),
    };
    let events: Vec<_> = packets
        .iter()
        .map(|it| format!("{{events=EPOLLIN, data={{u32={0}, u64={0}}}}}", it.key))
        .collect();
    // A tick is no time that a clock shows.
    let timeout = match get.timeout {
        Timeout::Never => "NULL".to_owned(),
        Timeout::Ticks(ticks) => format!("{{tv_sec=0, tv_nsec={ticks}}}"),
    };
    let max = get.max.unwrap_or(1);
    (
        "epoll_pwait2(3, ".to_owned(),
        format!(
            "[{}], {max}, {timeout}, NULL, 8) = {}",
            events.join(", "),
            events.len()
        ),
    )
}

/// What the model shows is admitted; with one event altered it is judged as the program that makes these calls.
#[test]
fn logs_of_the_model_are_judged_as_its_programs() {
    let (mut admitted, mut refused, mut altered_admitted) = (0, 0, 0);
    for seed in 0..400 {
        let mut rng = Policy::Random.seeded(seed);
        let scenario = scenario(&mut *rng);
        let Ok(machine) = play("epoll", &scenario.program, 2) else {
            continue;
        };
        let execution = Runs(&mut *rng).on(&*machine);
        if !matches!(execution.ended, Ended::Rest) {
            continue;
        }
        let mut calls = calls(&execution.events, &mut *rng);
        if !calls.iter().any(waits) {
            continue;
        }
        let text = written(&scenario, &calls);
        let shown = judged(&read(&text)).refused.map(|it| format!("{it:?}"));
        assert_eq!(shown, None, "seed {seed}:\n{text}");
        admitted += 1;
        if !alter(&mut calls, &mut *rng) {
            continue;
        }
        let text = written(&scenario, &calls);
        let by_log = judged(&read(&text)).refused.is_some();
        let surely = by_program(&scenario, &calls, false);
        assert!(
            !by_log || by_program(&scenario, &calls, true),
            "seed {seed}: only by the log\n{text}"
        );
        assert!(
            by_log || !surely,
            "seed {seed}: only by the program\n{text}"
        );
        refused += u32::from(by_log);
        altered_admitted += u32::from(!by_log);
    }
    assert!(
        admitted > 200 && refused > 60,
        "{admitted} {refused} {altered_admitted}"
    );
}

/// The same calls as a file for each thread, with the times that -ttt and -T write, in their steps.
fn in_parts(scratch: &Scratch, scenario: &Scenario, calls: &[(Event, Span)]) -> Log {
    let mut files = vec![String::new(); scenario.names.threads.len() + 1];
    let stamp = |time: u64| {
        format!(
            "1700000{:03}.{:06}",
            time / 1_000_000_000,
            time / 1_000 % 1_000_000
        )
    };
    let setup = written(scenario, &[]);
    for (n, line) in setup.lines().enumerate() {
        let call = line.trim_start_matches("99 ");
        let _ = writeln!(files[0], "{} {call} <0.000001>", stamp(n as u64 * 10_000));
    }
    for (event, span) in calls {
        let Shown::Call { thread, op, answer } = &event.shown else {
            panic!("it is no call: {event:?}");
        };
        let (begun, rest) = called(scenario, *op, answer.as_ref());
        let begin = span.t0 + 1_000_000_000;
        let own = &mut files[1 + thread.index()];
        let _ = match span.t1 {
            Some(t1) => writeln!(
                own,
                "{} {begun}{rest} <0.{:09}>",
                stamp(begin),
                (t1 - span.t0) / 1_000 * 1_000
            ),
            None => writeln!(own, "{} {begun} <unfinished ...>", stamp(begin)),
        };
    }
    let mut named = Named {
        name: scratch.0.clone(),
        files: Vec::new(),
    };
    for (n, text) in files
        .iter()
        .enumerate()
        .filter(|(_, text)| !text.is_empty())
    {
        let file = scratch.file(&format!("log.{}", 99 + n), text.as_bytes());
        named.files.push(file.into());
    }
    read_named(&named, Format::Strace, None).unwrap_or_else(|bad| panic!("{bad}\n{files:?}"))
}

/// Clocks that move in steps refuse nothing that the lines of one file allow.
#[test]
fn files_of_threads_say_what_one_file_says() {
    let scratch = Scratch::new("strace-in-parts");
    let (mut admitted, mut refused) = (0, 0);
    for seed in 0..150 {
        let mut rng = Policy::Random.seeded(seed);
        let scenario = scenario(&mut *rng);
        let Ok(machine) = play("epoll", &scenario.program, 2) else {
            continue;
        };
        let execution = Runs(&mut *rng).on(&*machine);
        let mut calls = calls(&execution.events, &mut *rng);
        if !matches!(execution.ended, Ended::Rest) || !calls.iter().any(waits) {
            continue;
        }
        let shown = judged(&in_parts(&scratch, &scenario, &calls)).refused;
        assert_eq!(shown.map(|it| format!("{it:?}")), None, "seed {seed}");
        admitted += 1;
        if alter(&mut calls, &mut *rng) {
            let by_parts = judged(&in_parts(&scratch, &scenario, &calls)).refused;
            let by_lines = judged(&read(&written(&scenario, &calls))).refused;
            assert!(
                by_parts.is_none() || by_lines.is_some(),
                "seed {seed}: {by_parts:?}"
            );
            refused += u32::from(by_parts.is_some());
        }
    }
    assert!(admitted > 60 && refused > 20, "{admitted} {refused}");
}

fn waits((event, _): &(Event, Span)) -> bool {
    matches!(&event.shown, Shown::Call { op, .. } if op.as_get().is_some())
}

/// Makes one wait bring something else: what it did not bring, the other event, or nothing.
fn alter(calls: &mut [(Event, Span)], rng: &mut dyn Choose) -> bool {
    let brings = |(event, _): &(Event, Span)| {
        let Shown::Call { op, answer, .. } = &event.shown else {
            return None;
        };
        op.as_get()?;
        match answer {
            Some(Answer::Packets(packets)) => Some(packets.clone()),
            Some(Answer::Failed(_)) => Some(Vec::new()),
            _ => None,
        }
    };
    let all: Vec<usize> = (0..calls.len())
        .filter(|&n| brings(&calls[n]).is_some())
        .collect();
    if all.is_empty() {
        return false;
    }
    let which = all[draw(rng, all.len() as u64) as usize];
    let mut packets = brings(&calls[which]).unwrap_or_default();
    match packets.pop() {
        None => packets.push(Packet::key(1 + draw(rng, 2) as i64)),
        Some(packet) if draw(rng, 2) == 0 => packets.push(Packet::key(3 - packet.key)),
        Some(_) => {}
    }
    if let Shown::Call { answer, .. } = &mut calls[which].0.shown {
        *answer = Some(match packets.is_empty() {
            true => Answer::Failed("ETIMEDOUT".to_owned()),
            false => Answer::Packets(packets),
        });
    }
    true
}

/// Whether the program of a scenario cannot show these calls; that it rests at the end is held against it, or not.
fn by_program(scenario: &Scenario, calls: &[(Event, Span)], rests: bool) -> bool {
    let program = Arc::clone(&scenario.program);
    let machine = play_at_full_speed("epoll", &program, 2).expect("it is played");
    let (events, spans): (Vec<_>, Vec<_>) = calls.iter().cloned().unzip();
    let under_way = events
        .iter()
        .zip(&spans)
        .filter(|(_, span)| span.t1.is_none());
    let parked = under_way.map(|(event, _)| event.shown.thread()).collect();
    let end = rests.then(|| End::of(parked));
    let limits = Limits::default();
    let judged = admit_free(
        &*machine,
        &scenario.names,
        &events,
        &spans,
        end.as_ref(),
        limits,
        None,
    );
    assert!(!judged.gave_up, "it gave up");
    judged.refused.is_some()
}

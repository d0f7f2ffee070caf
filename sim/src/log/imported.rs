//! A log as a scenario whose threads make the calls that it tells, one after the other, and the trace that it is then.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write;
use std::path::Path;

use portsim_model::event::Error;
use portsim_model::program::{Events, Instr, Op, Packet, Timeout, Watch};

use super::machine::NO_LIMIT;
use super::{Log, TICKS_UNKNOWN};
use crate::admit::free::Whole;
use crate::bad_input::BadInput;
use crate::scenario::Scenario;
use crate::trace::{End, Event, Shown, Span};

/// A log, imported.
#[derive(Debug)]
pub struct Imported {
    /// The scenario as it is written.
    pub text: String,
    /// The same, read.
    pub scenario: Scenario,
    /// The calls.
    pub events: Vec<Event>,
    /// When each was.
    pub spans: Vec<Span>,
    /// Who was in a call at the end.
    pub end: End,
}

/// The most calls that are tried to be written: no scenario has room for more.
const CALLS_MAX: usize = 20_000;

/// Imports a log, or only the calls of some lines; an `Err` says what does not fit. `name` says how a system calls an error.
pub fn imported(
    log: &Log,
    name: &str,
    lines: Option<&BTreeSet<u32>>,
    error: impl Fn(Error) -> String,
) -> Result<Imported, BadInput> {
    let file = Path::new(name);
    let is_wanted = |place: &u32| lines.is_none_or(|lines| lines.contains(&log.calls.line(*place)));
    let places: Vec<u32> = (0..log.calls.len() as u32).filter(is_wanted).collect();
    if places.len() > CALLS_MAX {
        let problem = format!(
            "{} calls, and a scenario has room for {CALLS_MAX} at most",
            places.len()
        );
        return Err(BadInput::new(file, problem));
    }
    if !log.parts.is_empty() {
        let problem = "more ports than a scenario has room for";
        return Err(BadInput::new(file, problem));
    }
    let sources = log.sources.as_ref().map_or(0, |it| it.names.len());
    let calls: Vec<Whole> = places
        .iter()
        .map(|&place| log.calls.whole(place, &error))
        .collect();
    let unsure =
        |call: &&Whole| matches!(call.op, Op::Drain { source } if source.index() >= sources);
    if let Some(call) = calls.iter().find(unsure) {
        let problem = "nobody knows whether it read all, and a scenario has to say";
        return Err(BadInput::new(file, problem).on_line(call.line as usize));
    }
    let text = text(log, name, &calls);
    let scenario = Scenario::parse(name, file, text.as_bytes())?;
    // The calls of a thread are its operations, in order.
    let program = &scenario.program;
    let mut ops: Vec<_> = program
        .threads
        .iter()
        .map(|thread| {
            let instrs = program.codes[thread.code.index()].instrs.iter();
            instrs.filter_map(|instr| match instr {
                Instr::Op(op) => Some(*op),
                _ => None,
            })
        })
        .collect();
    let threads = Threads::of(&calls);
    let (mut events, mut spans, mut parked) = (Vec::new(), Vec::new(), Vec::new());
    for call in calls {
        let number = threads.numbers[&call.thread.index()];
        let thread = portsim_model::program::ThreadId(number as u8);
        let Some(op) = ops[number].next() else {
            return Err(BadInput::new(
                file,
                "a thread has fewer operations than calls",
            ));
        };
        if call.span.t1.is_none() {
            parked.push(thread);
        }
        let answer = call.answer;
        events.push(Event::of(Shown::Call { thread, op, answer }));
        spans.push(call.span);
    }
    Ok(Imported {
        text,
        scenario,
        events,
        spans,
        end: End::of(parked),
    })
}

/// The threads that call, in the order of their numbers in the log.
struct Threads {
    all: Vec<usize>,
    numbers: HashMap<usize, usize>,
}

impl Threads {
    fn of(calls: &[Whole]) -> Threads {
        let all: BTreeSet<usize> = calls.iter().map(|call| call.thread.index()).collect();
        let all: Vec<usize> = all.into_iter().collect();
        let numbers = all
            .iter()
            .enumerate()
            .map(|(n, &thread)| (thread, n))
            .collect();
        Threads { all, numbers }
    }
}

/// Names that a scenario can have, each once.
fn names(all: &[String], first: char, used: &mut HashSet<String>) -> Vec<String> {
    let name = |text: &String| {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let mut name: String = text.chars().map(plain).take(40).collect();
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            name.insert(0, first);
        }
        while !used.insert(name.clone()) {
            name.push('_');
        }
        name
    };
    all.iter().map(name).collect()
}

/// The scenario as people write one, an operation a line.
fn text(log: &Log, name: &str, calls: &[Whole]) -> String {
    let threads = Threads::of(calls);
    // Words of expressions and of the format are not to be met.
    let mut used: HashSet<String> = ["me", "min", "max", "all", "any", "count", "true", "false"]
        .map(str::to_owned)
        .into();
    let ports = names(&log.ports, 'p', &mut used);
    let own: Vec<String> = threads
        .all
        .iter()
        .map(|&it| log.threads[it].clone())
        .collect();
    let own = names(&own, 't', &mut used);
    let known = log.sources.as_ref();
    let sources = names(known.map_or(&[], |it| &it.names), 's', &mut used);
    let mut text = String::from("{\n");
    let why = format!("What the log {name} tells, call by call: could a system have shown it?");
    let _ = writeln!(text, "  \"why\": {},\n  \"builtin\": false,", quoted(&why));
    let port = |(n, port): (usize, &String)| {
        let limit = log
            .concurrency
            .get(n)
            .copied()
            .flatten()
            .filter(|&it| it < NO_LIMIT);
        let limit = limit.unwrap_or(log.threads.len() as u32);
        format!("{}: {{ \"concurrency\": {limit} }}", quoted(port))
    };
    let all: Vec<String> = ports.iter().enumerate().map(port).collect();
    let _ = writeln!(text, "  \"ports\": {{ {} }},", all.join(", "));
    if let Some(known) = known.filter(|_| !sources.is_empty()) {
        let source = |(name, readable): (&String, &bool)| match readable {
            true => format!("{}: {{ \"readable\": true }}", quoted(name)),
            false => format!("{}: {{}}", quoted(name)),
        };
        let all: Vec<String> = sources.iter().zip(&known.readable).map(source).collect();
        let _ = writeln!(text, "  \"sources\": {{ {} }},", all.join(", "));
    }
    text += "  \"threads\": {\n";
    for (n, thread) in threads.all.iter().enumerate() {
        let of = calls.iter().filter(|call| call.thread.index() == *thread);
        let ops: Vec<String> = of
            .map(|call| format!("      {}", operation(log, call, &ports, &sources)))
            .collect();
        let comma = if n + 1 == threads.all.len() { "" } else { "," };
        let _ = writeln!(
            text,
            "    {}: [\n{}\n    ]{comma}",
            quoted(&own[n]),
            ops.join(",\n")
        );
    }
    text += "  }\n}\n";
    text
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn operation(log: &Log, call: &Whole, ports: &[String], sources: &[String]) -> String {
    let port = |port: portsim_model::program::PortId| quoted(&ports[port.index()]);
    let source = |source: portsim_model::program::SourceId| quoted(&sources[source.index()]);
    if let (Op::Post { port: to, .. }, Some(packet)) = (call.op, call.posts) {
        return format!("{{ \"post\": {}{} }}", port(to), contents(&packet));
    }
    if let Op::Close { port: which, .. } = call.op {
        return format!("{{ \"close\": {} }}", port(which));
    }
    if let Op::Write { source: which } = call.op {
        return format!("{{ \"write\": {} }}", source(which));
    }
    if let Op::Drain { source: which } = call.op {
        return format!("{{ \"drain\": {} }}", source(which));
    }
    if let Op::CloseSource { source: which, .. } = call.op {
        return format!("{{ \"close_source\": {} }}", source(which));
    }
    if let Op::EpollCtl {
        port: which,
        source: what,
        change,
        ..
    } = call.op
    {
        let (word, interest) = match change {
            Watch::Add(interest) => ("add", Some(interest)),
            Watch::Mod(interest) => ("mod", Some(interest)),
            Watch::Del => ("del", None),
        };
        let how = interest.map_or(String::new(), |it| {
            let packets = log.sources.as_ref().map_or(&[][..], |known| &known.packets);
            let key = match it.events {
                Events::In(packet) => packets.get(packet.index()).map_or(0, |packet| packet.key),
                Events::None | Events::Out(_) | Events::InOut { .. } => 0,
            };
            let trigger = if it.edge { "edge" } else { "level" };
            let once = if it.oneshot {
                ", \"oneshot\": true"
            } else {
                ""
            };
            let alone = if it.exclusive {
                ", \"exclusive\": true"
            } else {
                ""
            };
            format!(", \"trigger\": \"{trigger}\", \"key\": {key}{once}{alone}")
        });
        return format!(
            "{{ \"epoll_ctl\": {}, \"change\": \"{word}\", \"source\": {}{how}, \"into\": \"c\" }}",
            port(which),
            source(what)
        );
    }
    let Some(get) = call.op.as_get() else {
        return "\"yield\"".to_owned();
    };
    let timeout = match get.timeout {
        Timeout::Never if call.span.t1.is_some() => String::new(),
        // What became of who waited at the end nobody knows.
        Timeout::Never | Timeout::Ticks(TICKS_UNKNOWN) => ", \"timeout\": 1".to_owned(),
        Timeout::Ticks(ticks) => format!(", \"timeout\": {ticks}"),
    };
    let max = get
        .max
        .map_or(String::new(), |max| format!(", \"max\": {max}"));
    format!(
        "{{ \"get\": {}, \"into\": \"x\"{timeout}{max} }}",
        port(get.port)
    )
}

fn contents(packet: &Packet) -> String {
    let status = i64::from(packet.status);
    let parts = [
        ("bytes", packet.bytes),
        ("overlapped", packet.overlapped),
        ("status", status),
    ];
    let told = parts.iter().filter(|(_, value)| *value != 0);
    let rest: String = told
        .map(|(name, value)| format!(", \"{name}\": {value}"))
        .collect();
    format!(", \"key\": {}{rest}", packet.key)
}

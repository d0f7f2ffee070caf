//! Every reader of what others write, by name. Fuzzers (`sim/fuzz/`) give them bytes, and so does a test with what fuzzers
//! once found worth keeping.
//!
//! A reader may refuse what it is given. It may not panic, hang, or take memory that the bytes do not account for; and
//! what it takes, the rest of the house can use.

use std::path::Path;
use std::sync::LazyLock;

use portsim_model::personality::NAMES;

use crate::admit::free::Limits;
use crate::bad_input::BadInput;
use crate::choose::Policy;
use crate::log::{self, Format, Map};
use crate::plain::{is_plain, shown};
use crate::report::Report;
use crate::report::json::{self, join::Said};
use crate::report::mistakes::{self, Screen};
use crate::scenario::Scenario;
use crate::trace::{self, Mode, Recorded, Trace, lanes};
use crate::{admit, check, cli, export, native, personality, replay, run};

/// What takes bytes.
pub type Reader = fn(&[u8]);

/// Every reader, and what its bytes are.
pub const ALL: [(&str, Reader); 12] = [
    ("scenario", scenario),
    ("expression", expression),
    ("played", played),
    ("trace", traces),
    ("conductor", native::agent::from_conductor),
    ("agent", native::agent::from_agent),
    ("checkpoint", check::manifest),
    ("report", report),
    ("hosts", hosts),
    ("arguments", arguments),
    ("request", request),
    ("log", logs),
];

/// Where it all stands.
const FILE: &str = "bytes";

/// How far what was read is played.
const STEPS: u64 = 120;

/// What a browser, or anybody else on this machine, asks the page of `explore`: no such bytes are from the page itself.
fn request(bytes: &[u8]) {
    assert!(!cli::is_own_request(bytes));
}

/// What the fields of a log are.
const MAP: &str = r#"{ "format": "portsim-map/1", "thread": "t", "call": "c", "begin": "b", "end": "e", "port": "p", "key": "k",
    "error": "r", "timeout": "x", "pattern": "^(?P<t>.) (?P<c>.) (?P<b>.*) (?P<e>.*) (?P<p>.) (?P<k>.*) (?P<r>.*)$",
    "calls": { "g": "get", "p": "post", "c": "close", "n": "create", "s": { "call": "get", "max": 3 } } }"#;

/// A log in each format, and the map of one. What can be read can be judged.
fn logs(bytes: &[u8]) {
    if let Err(bad) = Map::parse(Path::new(FILE), bytes) {
        complaint(&bad);
    }
    let map = Map::parse(Path::new(FILE), MAP.as_bytes()).expect("it is right");
    for (_, format) in Format::ALL {
        match log::read_from(Path::new(FILE), bytes, format, Some(&map)) {
            Err(bad) => complaint(&bad),
            Ok(log) => {
                let limits = Limits {
                    looks_max: 2_000,
                    patience: 100,
                    ..Limits::default()
                };
                let system = NAMES[bytes.len() % NAMES.len()];
                let _ = log::judge(&log, system, 2, limits, false);
            }
        }
    }
}

/// A scenario file.
fn scenario(bytes: &[u8]) {
    let _ = parsed(bytes);
}

fn parsed(bytes: &[u8]) -> Option<Scenario> {
    match Scenario::parse("bytes", Path::new(FILE), bytes) {
        Ok(scenario) => Some(scenario),
        Err(bad) => {
            complaint(&bad);
            None
        }
    }
}

/// What is said of bad input names the file, and moves no terminal, however narrow it is.
fn complaint(bad: &BadInput) {
    for columns in [3, 80] {
        let screen = Screen {
            columns,
            colours: false,
        };
        let said = mistakes::text(bad, screen);
        assert!(said.starts_with(FILE), "{said:?} names no file");
        assert_eq!(shown(&said), said, "it moves a terminal");
    }
}

/// A property, in a scenario that has each kind of noun; no expression needs what ends a text of JSON.
fn expression(bytes: &[u8]) {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    text.retain(|c| !c.is_control() && !matches!(c, '"' | '\\'));
    let scenario = format!(
        r#"{{
            "why": "What does this expression mean?",
            "ports": {{ "p": {{ "concurrency": 2 }}, "q": {{}} }},
            "mutexes": {{ "lock": {{}} }},
            "semaphores": {{ "units": {{ "count": 2 }} }},
            "vars": {{ "stop": -1, "alive": [0, 1, 2] }},
            "files": {{ "f": {{ "port": "p", "key": 7 }} }},
            "operations": {{ "r": {{ "file": "f", "overlapped": 5 }} }},
            "threads": {{
                "main": [{{ "start": "r" }}, {{ "get": "p", "into": "x" }}],
                "worker": {{ "count": 3, "do": [{{ "get": "p", "into": "w", "max": 2 }}] }}
            }},
            "properties": {{ "always": {{ "it": "{text}" }}, "sometimes": {{ "that": "{text}" }} }}
        }}"#
    );
    if let Some(scenario) = parsed(scenario.as_bytes()) {
        played_on(&scenario, personality::default_for(&scenario));
    }
}

/// A scenario file that is played, on a personality that its length chooses.
fn played(bytes: &[u8]) {
    if let Some(scenario) = parsed(bytes) {
        played_on(&scenario, NAMES[bytes.len() % NAMES.len()]);
        let _ = export::promela(&scenario, 2);
    }
}

/// Plays a scenario for a while. What is written of that can be read, and is what was played.
fn played_on(scenario: &Scenario, personality: &str) {
    let Ok(machine) = personality::play(personality, &scenario.program, 2) else {
        return;
    };
    let execution = run::run(&*machine, &mut *Policy::Random.seeded(1), STEPS);
    let (names, program) = (&scenario.names, &*scenario.program);
    let shown = lanes::lanes(names, program, &execution.events);
    let is_shown = |c: char| is_plain(c) || c == '\n';
    assert!(shown.chars().all(is_shown), "{shown:?} moves a terminal");
    let header = cli::of_model(scenario, personality, 2);
    let mut written = Vec::new();
    let events = &execution.events;
    trace::write(&mut written, names, program, &header, events, None)
        .expect("memory takes everything");
    let trace = read_back(&written).resolve(names, program);
    let trace = trace.unwrap_or_else(|bad| panic!("what was written cannot be resolved: {bad}"));
    let replay = replay::replay(&*machine, &trace);
    assert!(replay.parted.is_none(), "{:?}", replay.parted);
}

fn read_back(written: &[u8]) -> Recorded {
    let read = trace::read_from(Path::new(FILE), written);
    read.unwrap_or_else(|bad| panic!("what was written cannot be read: {bad}"))
}

/// Scenarios that traces are of.
static KNOWN: LazyLock<Vec<Scenario>> = LazyLock::new(|| {
    let texts: [&[u8]; 3] = [
        include_bytes!("../../scenarios/portable/mixed-waiters.json"),
        include_bytes!("../../scenarios/vectors/j/j13-connection-aborted.json"),
        include_bytes!("../../scenarios/epoll/rearm-of-a-drained-source.json"),
    ];
    let parse = |text: &[u8]| parsed(text).expect("it is shipped");
    texts.map(parse).into()
});

/// A trace file, of whatever it names.
fn traces(bytes: &[u8]) {
    let recorded = match trace::read_from(Path::new(FILE), bytes) {
        Ok(recorded) => recorded,
        Err(bad) => return complaint(&bad),
    };
    for scenario in &*KNOWN {
        match recorded.resolve(&scenario.names, &scenario.program) {
            Ok(trace) => judged(scenario, &trace),
            Err(bad) => complaint(&bad),
        }
    }
}

/// Uses a trace for all that a trace is good for.
fn judged(scenario: &Scenario, trace: &Trace) {
    let (names, program) = (&scenario.names, &scenario.program);
    lanes::lanes(names, program, &trace.events);
    let machine = personality::play(personality::default_for(scenario), program, 2);
    let machine = machine.expect("the default plays it");
    replay::replay(&*machine, trace);
    if trace.header.mode != Mode::Free {
        admit::admit(&*machine, names, &trace.events, trace.end.as_ref(), true);
    }
}

/// Two reports of parts, one behind the other, with a zero between them.
fn report(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |&byte| byte == 0).map(Said::read);
    let Some(Ok(mut whole)) = parts.next() else {
        return;
    };
    if let Some(Ok(part)) = parts.next() {
        let _ = whole.add(part);
    }
    let _ = whole.exit();
    json::report(Report::Merge(&whole), &[]);
}

/// A file of addresses.
fn hosts(bytes: &[u8]) {
    if let Err(bad) = cli::addresses_in(Path::new(FILE), &String::from_utf8_lossy(bytes)) {
        complaint(&bad);
    }
}

/// Arguments of the command, each ended by a zero.
fn arguments(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    cli::takes(text.split('\0'));
    if let Err(it) = personality::named(&text) {
        let _ = it.to_string();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    fn entries(folder: &Path) -> BTreeSet<PathBuf> {
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        entries.map(|it| it.expect("it is listed").path()).collect()
    }

    #[test]
    fn readers_take_what_is_kept_for_them() {
        for folder in entries(&root().join("sim/fuzz/corpus")) {
            let name = folder.file_name().and_then(|name| name.to_str());
            let reader = ALL.into_iter().find(|(known, _)| Some(*known) == name);
            let (_, reader) = reader.unwrap_or_else(|| panic!("{folder:?} is of no reader"));
            for file in entries(&folder) {
                println!("{}", file.display());
                reader(&fs::read(file).expect("it can be read"));
            }
        }
    }

    #[test]
    fn what_is_shipped_can_be_played_written_and_read() {
        let scenarios = crate::scenario::find(&[root().join("scenarios")]).expect("they are there");
        assert!(scenarios.len() > 500);
        for file in scenarios {
            println!("{}", file.display());
            played(&fs::read(file).expect("it can be read"));
        }
        for file in entries(&root().join("traces/refused")) {
            println!("{}", file.display());
            traces(&fs::read(file).expect("it can be read"));
        }
    }
}

//! The same log in every form in which others write it: it is read as what it says, and what is wrong is said where it is.

use std::path::Path;

use portsim::log::{Format, read_from};

use super::{map, read, verdict};

/// Who, what, from, to, the key, the error.
type Call = (
    &'static str,
    &'static str,
    u64,
    u64,
    &'static str,
    &'static str,
);

/// A queue that keeps the order. Times are nanoseconds behind this second.
const SECOND: u64 = 1_700_000_000;
const CALLS: [Call; 6] = [
    ("a", "put", 123_456_701, 123_456_711, "1", ""),
    ("a", "put", 123_456_721, 123_456_731, "2", ""),
    ("b", "take", 123_456_741, 123_456_751, "1", ""),
    ("c", "take", 123_456_761, 123_456_771, "2", ""),
    ("b", "take", 123_456_781, 123_456_791, "", "none"),
    ("a", "end", 123_456_801, 123_456_811, "", ""),
];

/// The same with the last first.
fn last_first() -> Vec<Call> {
    let mut calls = CALLS.to_vec();
    (calls[2].4, calls[3].4) = ("2", "1");
    calls
}

fn map_of(unit: &str) -> portsim::log::Map {
    map(&format!(
        r#"{{ "format": "portsim-map/1", "unit": "{unit}", "thread": "who", "call": "call", "begin": "from", "end": "to",
             "key": "key", "error": "error", "timeout": "none", "calls": {{ "put": "post", "take": "get", "end": "close" }} }}"#
    ))
}

/// How a time is written: the name of that, its unit, and the text.
type Form = (&'static str, &'static str, fn(u64) -> String);

fn table(calls: &[Call], time: impl Fn(u64) -> String) -> String {
    let mut text = "who,call,from,to,key,error\n".to_owned();
    for (who, call, from, to, key, error) in calls {
        text += &format!(
            "{who},{call},\"{}\",\"{}\",{key},{error}\n",
            time(*from),
            time(*to)
        );
    }
    text
}

fn objects(calls: &[Call], time: impl Fn(u64) -> String) -> String {
    let mut text = String::new();
    for (who, call, from, to, key, error) in calls {
        let key = if key.is_empty() { "null" } else { key };
        text += &format!(
            "{{\"who\":\"{who}\",\"call\":\"{call}\",\"from\":{},\"to\":{},\"key\":{key},\"error\":\"{error}\"}}\n",
            time(*from),
            time(*to)
        );
    }
    text
}

/// Nine digits behind a second are more than a float has.
#[test]
fn times_are_read_as_they_are_written() {
    let forms: [Form; 6] = [
        ("nanoseconds", "ns", |t| format!("{SECOND}{t:09}")),
        ("seconds", "s", |t| format!("{SECOND}.{t:09}")),
        ("powers", "ns", |t| {
            format!("1.{}{t:09}e+18", &SECOND.to_string()[1..])
        }),
        ("dates", "s", |t| format!("2023-11-14T22:13:20.{t:09}Z")),
        ("dates of a zone", "ns", |t| {
            format!("2023-11-15 00:13:20,{t:09} +0200")
        }),
        ("hours", "us", |t| format!("22:13:20.{t:09}")),
    ];
    for (what, unit, time) in forms {
        let map = map_of(unit);
        let is_text = what.starts_with("date") || what == "hours";
        let in_json = |t: u64| match is_text {
            true => format!("\"{}\"", time(t)),
            false => time(t),
        };
        for (calls, wanted) in [(CALLS.to_vec(), None), (last_first(), Some("key 2"))] {
            for (format, text) in [
                (Format::Csv, table(&calls, time)),
                (Format::Ndjson, objects(&calls, in_json)),
            ] {
                let said = verdict(&read(format, &map, &text), "condvar");
                let fits = match (&said, wanted) {
                    (None, None) => true,
                    (Some(said), Some(wanted)) => said.contains(wanted),
                    _ => false,
                };
                assert!(fits, "{what}: {said:?}\n{text}");
            }
        }
    }
}

/// Ends of lines, marks in front of a file, and lines without anything move no call to another line.
#[test]
fn lines_are_counted_as_editors_count_them() {
    let map = map_of("ns");
    let at = |format: Format, text: &str| {
        let bad = read_from(Path::new("log"), text.as_bytes(), format, Some(&map));
        bad.expect_err("a time is none").to_string()
    };
    let time = |t: u64| {
        if t == 123_456_761 {
            "soon".to_owned()
        } else {
            t.to_string()
        }
    };
    let plain = table(&CALLS, time);
    let inside = plain
        .replacen("who,call", "who,\"call\"", 1)
        .replacen("put", "\"put\"", 1);
    for (text, line) in [
        (plain.clone(), 5),
        (plain.replace('\n', "\r\n"), 5),
        (format!("\u{feff}{plain}"), 5),
        (plain.replacen('\n', "\n\n\n", 1), 7),
        (plain.replacen('\n', "\r\n\r\n", 1), 6),
        (inside.replacen("a,", "\"a\nb\",", 1), 6),
        (
            plain.split("c,take").next().unwrap_or_default().to_owned() + "c,take,soon,1,2,",
            5,
        ),
    ] {
        let said = at(Format::Csv, &text);
        assert!(said.starts_with(&format!("log:{line}")), "{said}\n{text}");
    }
    let objects = objects(&CALLS, |t| match t {
        123_456_761 => "\"soon\"".to_owned(),
        _ => t.to_string(),
    });
    for text in [
        objects.clone(),
        format!("\u{feff}{}", objects.replace('\n', "\r\n")),
    ] {
        let said = at(Format::Ndjson, &text);
        assert!(said.starts_with("log:4"), "{said}");
        assert!(
            said.contains("soon") && said.contains("2023-11-14T"),
            "{said}"
        );
    }
    let pattern = SEEN.replacen(
        "%",
        "^(?P<who>.) (?P<call>.+) (?P<from>.+) (?P<to>.+) (?P<key>.*) (?P<error>.*)$",
        1,
    );
    let map = super::map(&pattern);
    let text: String = CALLS
        .map(|(who, call, from, to, key, error)| {
            format!("{who} {call} {from} {to} {key} {error}\r\n")
        })
        .concat();
    let log = read(Format::Regex, &map, &format!("\u{feff}{text}"));
    assert_eq!((log.calls(), verdict(&log, "condvar")), (6, None));
}

const SEEN: &str = r#"{ "format": "portsim-map/1", "pattern": "%", "thread": "who", "call": "call", "begin": "from",
    "end": "to", "key": "key", "error": "error", "timeout": "none", "calls": { "put": "post", "take": "get", "end": "close" } }"#;

/// A field that no line has says nothing, and the verdict would say so little without a word.
#[test]
fn a_mistyped_field_of_a_map_is_named() {
    let text = objects(&CALLS, |t| t.to_string()).replace("\"error\":", "\"in\":{\"error\":");
    let text = text.replace("}\n", "}}\n");
    let map = |was: &str, is: &str| {
        let map = SEEN.replacen("\"error\": \"error\"", "\"error\": \"in.error\"", 1);
        super::map(&map.replacen(was, is, 1).replacen("%", "x", 1))
    };
    let log = read(Format::Ndjson, &map("%", "x"), &text);
    assert_eq!(verdict(&log, "condvar"), None);
    for (was, is, wanted) in [
        ("\"to\"", "\"too\"", "did you mean \"to\""),
        ("in.error", "in.eror", "did you mean \"in.error\""),
        ("\"from\"", "\"form\"", "it has no time"),
    ] {
        // Up to the first that fails, which would be told first.
        let text: String = text.split_inclusive('\n').take(4).collect();
        let map = map(was, is);
        let bad = read_from(
            Path::new("log"),
            text.as_bytes(),
            Format::Ndjson,
            Some(&map),
        );
        let bad = bad.expect_err("it is mistyped").to_string();
        assert!(bad.contains(wanted), "{is}: {bad}");
    }
}

/// Who waits without an end times out never, however that is written.
#[test]
fn a_wait_without_an_end_has_no_timeout() {
    let map = map(&SEEN
        .replacen("\"key\"", "\"wait\": \"wait\", \"key\"", 1)
        .replacen("%", "x", 1));
    let text = |wait: &str| {
        objects(&CALLS, |t| t.to_string()).replace("\"who\"", &format!("\"wait\":{wait},\"who\""))
    };
    for wait in [
        "-1",
        "null",
        "4294967295",
        "\"0xFFFFFFFF\"",
        "\"None\"",
        "\"forever\"",
        "\"INFINITE\"",
    ] {
        let said = verdict(&read(Format::Ndjson, &map, &text(wait)), "condvar");
        assert!(said.is_some(), "{wait}");
    }
    for wait in ["0", "5", "0.25"] {
        let said = verdict(&read(Format::Ndjson, &map, &text(wait)), "condvar");
        assert_eq!(said, None, "{wait}");
    }
    let bad = read_from(
        Path::new("log"),
        text("\"long\"").as_bytes(),
        Format::Ndjson,
        Some(&map),
    );
    let bad = bad.expect_err("it is no time").to_string();
    assert!(
        bad.contains("\"long\"") && bad.contains("INFINITE"),
        "{bad}"
    );
}

/// A batch of more packets than a call of the model takes is judged like any other.
#[test]
fn batches_of_any_size_are_judged() {
    let map = map(
        r#"{ "format": "portsim-map/1", "thread": "who", "call": "call", "begin": "from", "end": "to", "key": "keys",
             "max": "max", "separator": " ", "calls": { "put": "post", "take": "get" } }"#,
    );
    let log = |len: usize, max: &str, alter: &dyn Fn(&mut Vec<String>)| {
        let mut text = "who,call,from,to,keys,max\n".to_owned();
        for key in 0..len {
            text += &format!("a,put,{0},{0},{key},\n", 10 * key);
        }
        let mut keys: Vec<String> = (0..len).map(|key| key.to_string()).collect();
        alter(&mut keys);
        text + &format!(
            "b,take,90000,90001,{},{max}\nb,take,90010,90011,,5\n",
            keys.join(" ")
        )
    };
    for system in ["windows", "epoll", "condvar"] {
        for (len, max) in [(32, "64"), (33, "64"), (64, "64"), (100, "128"), (100, "")] {
            let judged = |text: &str| verdict(&read(Format::Csv, &map, text), system);
            let all = log(len, max, &|_| {});
            assert_eq!(judged(&all), None, "{system}: {len} of {max}");
            let swapped = log(len, max, &|keys| keys.swap(len - 1, len - 2));
            let refused = judged(&swapped).expect("the last two left in the wrong order");
            let at = format!("at: {}", len + 2);
            assert!(refused.contains(&at), "{system}: {len} of {max}: {refused}");
        }
    }
}

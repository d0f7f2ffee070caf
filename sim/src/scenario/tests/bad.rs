//! Bad scenarios, and the whole sentence that each gets.

use std::path::Path;

use super::{Scenario, check, outcome, with_fields, with_io, with_ops, with_property};

/// The sentence for each row of a table, whose rows `with` makes whole.
fn check_bad(table: &str, with: impl Fn(&str) -> String) {
    check(table, |row| sentence_for(&with(row)));
}

fn sentence_for(text: &str) -> String {
    match outcome(text) {
        Ok(_) => String::from("nothing is wrong with it"),
        Err(sentence) => sentence,
    }
}

#[test]
fn whole_files_that_cannot_be_read() {
    check_bad("bad_files", str::to_owned);
}

#[test]
fn fields_that_cannot_be_meant() {
    check_bad("bad_fields", with_fields);
}

#[test]
fn operations_that_cannot_be_meant() {
    check_bad("bad_operations", with_ops);
}

#[test]
fn operations_of_windows_that_cannot_be_meant() {
    check_bad("bad_io", with_io);
}

#[test]
fn expressions_that_cannot_be_meant() {
    check_bad("bad_expressions", with_property);
}

#[test]
fn limits_of_whole_scenarios() {
    let list = |count: usize, one: &dyn Fn(usize) -> String| {
        (0..count).map(one).collect::<Vec<_>>().join(", ")
    };
    let posts = |count| list(count, &|n| format!(r#"{{ "post": "p", "key": {n} }}"#));
    let nested = |levels| "(".repeat(levels) + "true" + &")".repeat(levels);
    let ifs =
        |levels| r#"{ "if": "true", "then": ["#.repeat(levels) + "\"yield\"" + &"]}".repeat(levels);
    let ports = list(31, &|n| format!(r#""r{n}": {{}}"#));
    let more_ports = with_ops("").replace("\"q\": {}", &ports);
    assert!(outcome(&more_ports).is_ok());
    assert!(outcome(&with_ops(&posts(248))).is_ok());
    assert!(outcome(&with_ops(&ifs(40))).is_ok());
    assert!(outcome(&with_property(&nested(99))).is_ok());
    for (text, sentence) in [
        (
            more_ports.replace("\"r0\"", "\"q\": {}, \"r0\""),
            "at ports.r30: a scenario has at most 32 ports; leave out what the question does not need",
        ),
        (
            with_ops("").replace("[0, 1, 2]", &format!("[0{}]", ", 0".repeat(199))),
            "at vars.alive: a scenario has at most 200 variables, each element of an array counted; leave out",
        ),
        (
            with_ops(&posts(249)),
            "at threads.main[248]: the scenario has more than 250 different packets and sources; let packets",
        ),
        (
            with_ops(&list(1000, &|_| String::from("\"yield\""))),
            "at threads.main: the thread has more than 1000 instructions up to here; write what repeats as a loop",
        ),
        (
            with_ops(&ifs(60)),
            "lists and objects lie more than 100 deep in each other",
        ),
    ] {
        let found = sentence_for(&text);
        let start = format!("x.json: {sentence}");
        assert!(found.starts_with(&start), "{found}");
    }
    for (expr, sentence) in [
        (nested(100), "the expression nests more than 100 deep"),
        ("!".repeat(200), "the expression nests more than 100 deep"),
        (
            ["true"; 101].join("&&"),
            "the expression nests more than 100 deep",
        ),
        (" ".repeat(4097), "the expression is longer than 4096 bytes"),
        (
            "any(worker, ".repeat(10) + "parked" + &")".repeat(10),
            "the scenario's expressions have more than 65535 parts",
        ),
    ] {
        let found = sentence_for(&with_property(&expr));
        let start = format!("x.json: at properties.always.it: {sentence}");
        assert!(found.starts_with(&start), "{found}");
    }
}

#[test]
fn bytes_that_are_no_text_name_the_place() {
    let text = b"{\"why\":\n\"\xff\"}";
    let bad = Scenario::parse("x", Path::new("x.json"), text).unwrap_err();
    assert_eq!(bad.to_string(), "x.json:2:2: the text is not valid UTF-8");
}

/// What is wrong with a text, a line for each mistake.
fn mistakes(text: &str) -> Vec<String> {
    let bad = Scenario::parse("x", Path::new("x.json"), text.as_bytes());
    let bad = bad.expect_err("something is wrong").to_string();
    bad.lines().map(str::to_owned).collect()
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let text = r#"{
        "why": "What is wrong?",
        "as": ["windows", "windoze"],
        "ports": { "p": { "concurency": 1 }, "q": { "concurrency": "two" }, "if x": {} },
        "files": { "f": { "port": "r" } },
        "operations": { "o": { "file": "g", "overlapped": 1 } },
        "vars": { "v": 1.5, "alive": [1, "x"] },
        "treads": {
            "a": [
                { "get": "q", "into": "x", "timeot": 5 },
                { "if": "x.kee == 1", "then": [{ "post": "s", "key": 1 }, "frob"] },
                { "start": "o", "into": "y" },
                { "gett": "p", "into": "z" },
                { "set": { "v": "w + 1" } },
                "exit",
                "yield",
                { "post": "nowhere" }
            ],
            "b": { "count": 300, "do": [{ "loop": [{ "port": "p" }] }, { "sleep": -1 }] }
        },
        "schedule": ["a", "c", "b[7]"],
        "properties": {
            "always": { "one": "v = 1", "two": "alive[1] == 1 && a.y.ok", "three": "a.z.bytes == p.dept" },
            "eventually": { "four": { "when": "tru", "then": "false" } }
        },
        "expect": { "violation": "fore" },
        "bound": { "depth": 1 }
    }"#;
    let found = mistakes(text);
    let starts = [
        "x.json:3:27: at as[1]: unknown system \"windoze\"",
        "x.json:4:27: at ports.p: unknown field \"concurency\"",
        "x.json:4:68: at ports.q.concurrency: found the string \"two\"",
        "x.json:4:77: at ports[\"if x\"]: \"if x\" cannot be a name",
        "x.json:5:35: at files.f.port: unknown port \"r\"",
        "x.json:6:40: at operations.o.file: unknown file \"g\"",
        "x.json:7:24: at vars.v: found the fraction 1.5",
        "x.json:7:42: at vars.alive[1]: found the string \"x\"",
        "x.json:8:9: unknown field \"treads\"",
        "x.json:10:44: at treads.a[0]: unknown field \"timeot\"",
        "x.json:11:28: at treads.a[1].if: a result has no \"kee\"",
        "x.json:11:58: at treads.a[1].then[0].post: unknown port \"s\"",
        "x.json:11:75: at treads.a[1].then[1]: unknown operation \"frob\"",
        "x.json:13:19: at treads.a[3]: unknown operation \"gett\"",
        "x.json:14:34: at treads.a[4].set.v: unknown name \"w\"",
        "x.json:16:17: at treads.a[6]: nothing comes here",
        "x.json:19:",
    ];
    for (n, start) in starts.iter().enumerate() {
        let line = found.get(n).map_or("", String::as_str);
        assert!(line.starts_with(start), "no {start}\n{}", found.join("\n"));
    }
}

/// What only comes of another mistake is not said.
#[test]
fn what_follows_from_a_mistake_is_none() {
    for (text, wanted) in [
        (
            with_ops(
                r#"{ "frobnicate": "p", "into": "x" }, { "if": "x.key == 1", "then": ["yield"] }"#,
            ),
            "at threads.main[0]: unknown operation",
        ),
        (
            with_ops(r#"{ "loop": [{ "if": "true", "then": [{ "break": 1 }] }] }, "yield""#),
            "at threads.main[0].loop[0].then[0]: \"break\" stands alone",
        ),
        (
            with_ops("")
                .replace("\"count\": 3", "\"count\": \"many\"")
                .replace(
                    "\"main\": []",
                    r#""main": [{ "suspend": "worker[2]" }, { "assert": "all(worker, w.ok)" }]"#,
                ),
            "at threads.worker.count: found the string",
        ),
        (
            with_fields(
                r#""properties": { "always": { "1st": "true" } }, "expect": { "violation": "1st" }"#,
            ),
            "at properties.always.1st: \"1st\" cannot be a name",
        ),
        (
            with_fields(r#""prots": { "r": {} }"#),
            "unknown field \"prots\"",
        ),
    ] {
        let found = mistakes(&text);
        assert_eq!(found.len(), 1, "{}", found.join("\n"));
        assert!(found[0].contains(wanted), "{}", found[0]);
    }
}

#[test]
fn many_mistakes_are_counted() {
    let ops = vec![r#"{ "get": "nowhere" }"#; 50].join(",\n");
    let found = mistakes(&with_ops(&ops));
    assert_eq!(found.len(), 21);
    assert_eq!(found[20], "x.json: and 30 more");
}

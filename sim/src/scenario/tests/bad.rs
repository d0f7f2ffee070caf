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
    assert!(outcome(&with_ops(&posts(249))).is_ok());
    assert!(outcome(&with_ops(&ifs(40))).is_ok());
    assert!(outcome(&with_property(&nested(99))).is_ok());
    for (text, sentence) in [
        (
            more_ports.replace("\"r0\"", "\"q\": {}, \"r0\""),
            "ports.r30: a scenario has at most 32 ports",
        ),
        (
            with_ops("").replace("[0, 1, 2]", &format!("[0{}]", ", 0".repeat(199))),
            "vars.alive: a scenario has at most 200 variables, each element of an array counted",
        ),
        (
            with_ops(&posts(250)),
            "threads.main[249]: the scenario has more than 250 different packets and sources",
        ),
        (
            with_ops(&list(255, &|_| String::from("\"yield\""))),
            "threads.main: the thread has more than 255 instructions up to here",
        ),
        (
            with_ops(&ifs(60)),
            "line 10 column 1250: lists and objects lie more than 100 deep in each other",
        ),
    ] {
        assert_eq!(sentence_for(&text), format!("x.json: at {sentence}"));
    }
    for (expr, sentence) in [
        (
            nested(100),
            "column 101: the expression nests more than 100 deep",
        ),
        (
            "!".repeat(200),
            "column 101: the expression nests more than 100 deep",
        ),
        (
            ["true"; 101].join("&&"),
            "column 1: the expression nests more than 100 deep",
        ),
        (
            " ".repeat(4097),
            "column 1: the expression is longer than 4096 bytes",
        ),
        (
            "any(worker, ".repeat(10) + "parked" + &")".repeat(10),
            "column 121: the scenario's expressions have more than 65535 parts",
        ),
    ] {
        let found = sentence_for(&with_property(&expr));
        let start = format!("x.json: at properties.always.it: {sentence}");
        assert!(found.starts_with(&start), "{found}");
    }
}

#[test]
fn bytes_that_are_no_text_name_the_byte() {
    let bad = Scenario::parse("x", Path::new("x.json"), b"{\"why\": \"\xff\"}").unwrap_err();
    assert_eq!(
        bad.to_string(),
        "x.json: at byte 9: the text is not valid UTF-8"
    );
}

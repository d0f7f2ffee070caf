//! Runs and traces in the languages of programs that draw. Whether those take them is tried by `tests/pictures.sh`.

use std::fs;

use serde_json::Value;

use crate::command::{Scratch, code, portsim, words};
use crate::root;

const FREED: &str = "scenarios/bugs/buffer-dropped-with-the-future.json";
const PASSES: &str = "scenarios/bench/pool-2-1-1-2.json";
const FORMATS: [&str; 7] = [
    "mermaid", "plantuml", "dot", "svg", "perfetto", "itf", "shiviz",
];

fn export(args: &[&str]) -> String {
    let output = portsim(&[&["export"], args].concat());
    assert_eq!(code(&output), 0, "{args:?}: {}", words(&output));
    String::from_utf8(output.stdout).expect("it is text")
}

#[test]
fn a_counterexample_is_drawn() {
    for format in FORMATS {
        let text = export(&[format, FREED]);
        for word in ["user", "submitter", "post q key 1"] {
            // A state has no threads in it, but the events that led there.
            assert!(text.contains(word), "{format} has no {word}: {text}");
        }
    }
}

#[test]
fn where_nothing_is_wrong_a_seed_is_drawn_or_nothing() {
    for format in FORMATS {
        let none = portsim(&["export", format, PASSES]);
        assert_eq!(code(&none), 2);
        assert!(
            words(&none).contains("nothing was found wrong"),
            "{}",
            words(&none)
        );
        assert!(none.stdout.is_empty());
        assert_eq!(
            export(&[format, PASSES, "--seed", "3"]),
            export(&[format, PASSES, "--seed", "3"])
        );
        assert_ne!(
            export(&[format, PASSES, "--seed", "3"]),
            export(&[format, PASSES, "--seed", "4"])
        );
    }
}

#[test]
fn every_refused_trace_is_drawn_in_some_format() {
    let mut traces: Vec<_> = fs::read_dir(root().join("traces/refused"))
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be listed").file_name())
        .map(|name| format!("traces/refused/{}", name.to_string_lossy()))
        .filter(|name| name.ends_with(".jsonl"))
        .collect();
    traces.sort();
    for (n, trace) in traces.iter().enumerate() {
        let format = FORMATS[n % FORMATS.len()];
        let output = portsim(&["export", format, trace]);
        assert_eq!(code(&output), 0, "{format} {trace}: {}", words(&output));
    }
}

#[test]
fn a_graph_of_states_says_its_bound() {
    let whole = export(&["dot", FREED, "--states", "1000"]);
    assert!(whole.contains(": all "), "{whole}");
    assert!(whole.contains("color=red") && whole.contains("doublecircle"));
    let some = export(&["dot", PASSES, "--states", "10"]);
    assert!(some.contains("which was the bound") && some.contains("style=dashed"));
    assert!(export(&["dot", FREED, "--states", "0"]).starts_with("digraph"));
}

#[test]
fn states_are_written_with_what_led_there() {
    let text = export(&["itf", "scenarios/for-ever/first-waiter-starves.json"]);
    let trace: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(trace["vars"][1], "p_queue");
    assert_eq!(trace["loop"], 2);
    assert_eq!(trace["states"][1]["#meta"]["action"], "first: get p ...");
    assert_eq!(
        trace["states"][1]["p_waiters"],
        serde_json::json!(["first"])
    );
    assert_eq!(
        trace["states"][0]["p_running"],
        serde_json::json!({ "#bigint": "0" })
    );
}

#[test]
fn a_picture_goes_to_its_file() {
    let scratch = Scratch::new("a-picture");
    let file = scratch.path("it.svg");
    export(&["svg", FREED, "--out", &file]);
    let text = fs::read_to_string(file).expect("it is there");
    assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
}

//! Pages for a browser, as files: what is in them, and what cannot be. What a browser makes of them is tried by
//! `tests/page.sh`.

use std::fs;

use serde_json::Value;

use crate::command::{Scratch, code, portsim, words};

/// Two packets, of which one has to wait, with text that would like to be more than text.
const POOL: &str = r#"{
    "why": "</script><script>window.hit = 1</script> & <img src=x>",
    "as": ["windows", "condvar"],
    "ports": { "p": { "concurrency": 1 } },
    "threads": {
        "a": [ { "get": "p", "into": "x" } ],
        "b": [ { "get": "p", "into": "x" } ],
        "poster": [ { "note": "<b>\u202e\u0007" }, { "post": "p", "key": 1 }, { "post": "p", "key": 2 } ]
    },
    "properties": { "always": { "one_waits": "p.depth < 2" } }
}"#;

/// The page that a command writes, and its exit code.
fn page(scratch: &Scratch, args: &[&str]) -> (String, i32) {
    let file = scratch.path("page.html");
    let output = portsim(&[args, &["--html", &file]].concat());
    let page = fs::read_to_string(&file);
    let page = page.unwrap_or_else(|error| panic!("{error}: {}", words(&output)));
    (page, code(&output))
}

/// The blocks of data in it.
fn blocks(page: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for block in page.split("<script type=\"application/json\"").skip(1) {
        let (_, block) = block.split_once('>').expect("the tag ends");
        let (block, _) = block.split_once("</script>").expect("the block ends");
        assert!(!block.contains('<'), "data could end its block");
        found.push(serde_json::from_str(block).expect("it is JSON"));
    }
    found
}

#[test]
fn a_failing_check_becomes_one_file() {
    let scratch = Scratch::new("a-page");
    let pool = scratch.file("pool.json", POOL.as_bytes());
    let (page, code) = page(&scratch, &["check", &pool]);
    assert_eq!(code, 1, "the verdict is what it was");
    let blocks = blocks(&page);
    let side = &blocks[1]["sides"][0];
    assert_eq!(side["verdict"], "violation: one_waits, pass was expected");
    let states = &side["states"];
    assert_eq!(states["is_whole"], true);
    assert_eq!(states["run"].as_array().map(Vec::len), Some(3));
    // Of everything that it would fetch there is nothing.
    let (before, rest) = page.split_once("<script type").expect("it has data");
    let (_, script) = rest.rsplit_once("<script>").expect("it has a script");
    let written = [before, script].concat();
    let written = written.replace("http://www.w3.org/2000/svg", "");
    for word in [
        "http://", "https://", "<link", "<img", " src=", "@import", "url(",
    ] {
        assert!(!written.contains(word), "it has {word}");
    }
    assert!(page.len() < 200_000, "{} bytes", page.len());
}

#[test]
fn a_scenario_on_several_systems_is_one_sheet() {
    let scratch = Scratch::new("some-sides");
    let pool = scratch.file("pool.json", POOL.as_bytes());
    let (page, _) = page(&scratch, &["check", &pool, "--as", "all"]);
    let blocks = blocks(&page);
    assert_eq!(blocks.len(), 2);
    let sides = blocks[1]["sides"].as_array().expect("a list");
    let systems: Vec<_> = sides.iter().map(|side| &side["system"]).collect();
    assert_eq!(systems, ["windows", "condvar"]);
}

#[test]
fn of_more_than_it_may_carry_it_says_so() {
    let scratch = Scratch::new("a-bound");
    let pool = scratch.file("pool.json", POOL.as_bytes());
    let (page, _) = page(&scratch, &["check", &pool, "--html-states", "5"]);
    let states = &blocks(&page)[1]["sides"][0]["states"];
    assert_eq!(states["is_whole"], false);
    assert_eq!(states["states_max"], 5);
    // The run that shows what is wrong is there all the same, whole.
    assert_eq!(states["run"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_page_that_cannot_be_written_is_bad_input() {
    let scratch = Scratch::new("no-page");
    let pool = scratch.file("pool.json", POOL.as_bytes());
    let output = portsim(&["check", &pool, "--html", &scratch.path("no/page.html")]);
    assert_eq!(code(&output), 2, "{}", words(&output));
}

/// Every shipped scenario has a page, whatever its operations.
#[test]
fn every_shipped_scenario_has_a_page() {
    let scratch = Scratch::new("all-pages");
    let (page, code) = page(
        &scratch,
        &[
            "check",
            "scenarios",
            "--quiet",
            "--html-states",
            "20000",
            "--workers",
            "2",
        ],
    );
    assert_eq!(code, 0);
    let blocks = blocks(&page);
    assert_eq!(
        blocks[0]["sheets"].as_array().map(Vec::len),
        Some(blocks.len() - 1)
    );
    assert!(blocks.len() > 800);
}

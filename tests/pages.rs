//! Pages for a browser, as files: what is in them, and what cannot be. What a browser makes of them is tried by
//! `tests/page.sh`.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::command::{Scratch, code, portsim, words};
use crate::root;

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

#[test]
fn a_refused_trace_is_shown_up_to_where_it_parts() {
    let scratch = Scratch::new("a-refusal");
    let trace = "traces/refused/epoll-oldest-waiter-first.jsonl";
    for command in ["admit", "explore"] {
        let (page, _) = page(&scratch, &[command, trace]);
        let states = &blocks(&page)[1]["sides"][0]["states"];
        let parted = &states["parted"];
        let at = parted["at"].as_u64().expect("it says where");
        assert!(at > 1, "something is shown before");
        assert!(
            parted["allowed"]
                .as_array()
                .is_some_and(|it| !it.is_empty())
        );
        assert!(states["run"].as_array().is_some_and(|it| !it.is_empty()));
    }
}

#[test]
fn calls_at_full_speed_are_shown_as_intervals() {
    let scratch = Scratch::new("intervals");
    let trace = "traces/refused/windows-taken-twice-at-full-speed.jsonl";
    let (page, code) = page(&scratch, &["admit", trace]);
    assert_eq!(code, 1);
    let side = &blocks(&page)[1]["sides"][0];
    assert_eq!(side["states"], Value::Null);
    let timeline = &side["timeline"];
    assert_eq!(timeline["events_all"], 7);
    assert_eq!(timeline["intervals"].as_array().map(Vec::len), Some(7));
}

/// Every recording and every refused trace can be explored, and what is shown of it is all that the judge admits.
#[test]
fn every_trace_has_a_page() {
    let scratch = Scratch::new("traces");
    let mut traces = Vec::new();
    for folder in [
        "traces/refused",
        "traces/recorded/epoll",
        "traces/recorded/wine",
    ] {
        let entries = fs::read_dir(root().join(folder)).expect("the folder is there");
        let files = entries.map(|entry| entry.expect("it can be listed").file_name());
        let names = files.map(|name| format!("{folder}/{}", name.to_string_lossy()));
        traces.extend(names.filter(|name| name.ends_with(".jsonl")));
    }
    traces.sort();
    let named = traces.iter().map(String::as_str);
    let args: Vec<_> = std::iter::once("admit").chain(named).collect();
    let (page, _) = page(&scratch, &args);
    let blocks = blocks(&page);
    assert_eq!(blocks.len(), 1 + traces.len());
    for (block, trace) in blocks[1..].iter().zip(&traces) {
        let side = &block["sides"][0];
        let is_shown = side["states"]["unexplained"] == 0 || side["timeline"].is_object();
        assert!(is_shown, "{trace}: {}", side["states"]["unexplained"]);
    }
}

/// A process that serves a page, and ends with it.
struct Served {
    process: Child,
    address: String,
}

impl Served {
    fn of(args: &[&str]) -> Served {
        let mut process = Command::new(env!("CARGO_BIN_EXE_portsim"))
            .args(["explore", "--no-open", "--quiet"])
            .args(args)
            .current_dir(root())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command can be started");
        let mut address = String::new();
        let out = process.stdout.take().expect("it has one");
        let read = BufReader::new(out).read_line(&mut address);
        read.expect("it says where the page is");
        Served {
            process,
            address: address.trim().to_owned(),
        }
    }

    /// The host and port, and the path.
    fn parts(&self) -> (&str, &str) {
        let rest = self.address.strip_prefix("http://").expect("an address");
        let slash = rest.find('/').expect("a path");
        rest.split_at(slash)
    }

    /// What it answers to these lines.
    fn answer(&self, lines: &[&str]) -> String {
        let mut stream = TcpStream::connect(self.parts().0).expect("it listens");
        let asked = lines.join("\r\n") + "\r\n\r\n";
        stream.write_all(asked.as_bytes()).expect("it listens");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const NOTHING: &str = "claims=0&values=0&steps=0&events=0&held=0&wrongs=0&states=0";

#[test]
fn a_page_that_is_served_is_for_whoever_started_it_alone() {
    let scratch = Scratch::new("served");
    let pool = scratch.file("pool.json", POOL.as_bytes());
    let served = Served::of(&[&pool, "--as", "windows", "--as", "condvar"]);
    let (authority, path) = served.parts();
    assert!(authority.starts_with("127.0.0.1:"), "{authority}");
    assert!(path.len() > 40, "the address can be guessed: {path}");
    let own = format!("Host: {authority}");
    let origin = format!("Origin: http://{authority}");
    let get = format!("GET {path} HTTP/1.1");
    let post = format!("POST {path}states?generation=0&side=0&state=0&more=10&{NOTHING} HTTP/1.1");
    let page = served.answer(&[&get, &own]);
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("X-Frame-Options: DENY") && !page.contains("Access-Control"));
    let more = served.answer(&[&post, &own, &origin]);
    assert!(more.starts_with("HTTP/1.1 200"), "{more}");
    let (_, body) = more.split_once("\r\n\r\n").expect("it has a body");
    let more: Value = serde_json::from_str(body).expect("it is JSON");
    assert!(more["states"].as_array().is_some_and(|it| !it.is_empty()));
    let odd = format!("POST {path}states?generation=0&side=9&state=0&more=10&{NOTHING} HTTP/1.1");
    let far = format!(
        "POST {path}states?generation=0&side=0&state=0&more=10&{} HTTP/1.1",
        NOTHING.replace("=0", "=99999")
    );
    let evil = "Origin: http://evil.example";
    for (lines, code) in [
        (&[&*get, "Host: evil.example"][..], "403"),
        (&[&get, "Host: localhost"], "403"),
        (&[&get, &own, "Sec-Fetch-Site: cross-site"], "403"),
        (&[&post, &own], "403"),
        (&[&post, &own, evil], "403"),
        (&[&post, &own, "Origin: null"], "403"),
        (&["GET / HTTP/1.1", &own], "404"),
        (&["GET /0123456789/ HTTP/1.1", &own], "404"),
        (&["POST /x/states HTTP/1.1", &own, &origin], "404"),
        (&[&odd, &own, &origin], "400"),
        (&[&far, &own, &origin], "400"),
        (&["PUT / HTTP/1.1", &own], "400"),
        (&["\u{1f980}"], "400"),
    ] {
        let answer = served.answer(lines);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {code}")),
            "{lines:?}: {answer}"
        );
    }
    // It is there all the same.
    assert!(served.answer(&[&get, &own]).starts_with("HTTP/1.1 200"));
}

#[cfg(unix)]
#[test]
fn a_page_that_is_served_ends_with_its_command() {
    let mut served = Served::of(&[crate::command::POOL]);
    let id = served.process.id().to_string();
    let told = Command::new("kill").args(["-INT", &id]).status();
    assert!(told.is_ok_and(|it| it.success()));
    let status = served.process.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn only_this_machine_is_listened_to() {
    for address in [
        "0.0.0.0:0",
        "192.0.2.1:80",
        "[::]:0",
        "localhost",
        "127.0.0.1",
    ] {
        let output = portsim(&[
            "explore",
            crate::command::POOL,
            "--no-open",
            "--listen",
            address,
        ]);
        assert_eq!(code(&output), 2, "{address}: {}", words(&output));
    }
}

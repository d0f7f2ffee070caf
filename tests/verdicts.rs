//! Verdicts for those who collect them: test results, code scanning, annotations. On every command that judges, and none
//! changes an exit code.

use std::fs;

use serde_json::Value;

use crate::command::{POOL, Scratch, code, json, portsim, words};

const FREED: &str = "scenarios/bugs/buffer-dropped-with-the-future.json";
const REFUSED: &str = "traces/refused/epoll-oldest-waiter-first.jsonl";

/// The same scenario, of which nobody expects that it breaks.
fn unexpected(scratch: &Scratch) -> String {
    let text = fs::read_to_string(crate::root().join(FREED)).expect("it can be read");
    let text = text.replace("\"violation\"", "\"violation_of\"");
    let start = text.find("\"expect\"").expect("it expects something");
    let end = start + text[start..].find('}').expect("an object") + 1;
    let text = format!("{}\"expect\": \"pass\"{}", &text[..start], &text[end..]);
    scratch.file("freed.json", text.as_bytes())
}

#[test]
fn exit_codes_stay_as_they_are() {
    let scratch = Scratch::new("verdicts");
    let freed = unexpected(&scratch);
    let broken = scratch.file("broken.json", b"{ \"why\": 1 }");
    let (junit, sarif) = (scratch.path("it.xml"), scratch.path("it.sarif"));
    let more = ["--junit", &junit, "--sarif", &sarif, "--format", "github"];
    for args in [
        &["check", POOL][..],
        &["check", FREED],
        &["check", &freed],
        &["check", &broken],
        &["check", POOL, &broken, &freed],
        &["check", POOL, "--depth", "2"],
        &["check", POOL, "--depth", "2", "--deny", "partial"],
        &["check", POOL, "--as", "mqueue", "--deny", "unsupported"],
        &["check", POOL, "--walk", "random", "--seeds", "0..20"],
        &["run", POOL],
        &["run", &freed, "--seeds", "0..40"],
        &["admit", REFUSED],
        &["compare", "scenarios/differences/limit-of-one.json"],
        &["cross-check", POOL, "--on", "emulated", "--seeds", "0..2"],
        &["cross-check", "scenarios/no-such-file.json"],
        &["fuzz", "--on", "emulated", "--seeds", "0..5"],
        &[
            "record",
            POOL,
            "--on",
            "emulated",
            "--out",
            &scratch.path("it.jsonl"),
        ],
    ] {
        let plain = portsim(args);
        for file in [&junit, &sarif] {
            let _ = fs::remove_file(file);
        }
        let output = portsim(&[args, &more].concat());
        assert_eq!(code(&output), code(&plain), "{args:?}: {}", words(&output));
        let xml = fs::read_to_string(&junit).unwrap_or_else(|error| panic!("{args:?}: {error}"));
        assert!(
            xml.starts_with("<?xml") && xml.ends_with("</testsuites>\n"),
            "{xml}"
        );
        let failed = xml.contains("<failure") || xml.contains("<error");
        assert_eq!(failed, matches!(code(&plain), 1..=3), "{args:?}: {xml}");
        let text = fs::read_to_string(&sarif).expect("it was written");
        let said: Value = serde_json::from_str(&text).expect("it is JSON");
        let results = said["runs"][0]["results"].as_array().expect("a list");
        let errors = results.iter().filter(|it| it["level"] == "error").count();
        assert_eq!(errors > 0, failed, "{args:?}: {text}");
        let annotated = words(&output).contains("::error ");
        assert_eq!(annotated, failed, "{args:?}: {}", words(&output));
    }
}

#[test]
fn what_is_not_as_expected_stands_where_it_is_written() {
    let scratch = Scratch::new("a-line");
    let scenario = r#"{
        "why": "May two packets wait?",
        "ports": { "p": {} },
        "threads": { "a": [ { "post": "p", "key": 1 }, { "post": "p", "key": 2 } ] },
        "properties": {
            "sometimes": { "one": "p.depth == 1" },
            "always": {
                "few": "p.depth < 2"
            }
        }
    }"#;
    let file = scratch.file("a & b.json", scenario.as_bytes());
    let (junit, sarif) = (scratch.path("it.xml"), scratch.path("it.sarif"));
    let output = portsim(&[
        "check", &file, "--junit", &junit, "--sarif", &sarif, "--format", "github",
    ]);
    assert_eq!(code(&output), 1);
    assert!(
        words(&output).contains("a & b.json,line=8,title="),
        "{}",
        words(&output)
    );
    let xml = fs::read_to_string(junit).expect("it was written");
    assert!(xml.contains("a &amp; b.json\" line=\"8\""), "{xml}");
    assert!(
        xml.contains("type=\"few\"") && xml.contains("p.depth &lt; 2 is false"),
        "{xml}"
    );
    let said = fs::read_to_string(sarif).expect("it was written");
    let said: Value = serde_json::from_str(&said).expect("it is JSON");
    let place = &said["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["region"]["startLine"], 8);
    let uri = place["artifactLocation"]["uri"].as_str().expect("a text");
    assert!(
        uri.starts_with("file:///") && uri.ends_with("/a%20%26%20b.json"),
        "{uri}"
    );
}

/// What a run before has written does not stand for a file that cannot be read.
#[test]
fn results_of_before_go_where_a_file_is_bad() {
    let scratch = Scratch::new("verdicts-bad");
    let (junit, sarif) = (scratch.path("it.xml"), scratch.path("it.sarif"));
    let (html, good) = (
        scratch.path("it.html"),
        "scenarios/portable/awaits-the-end-of-another.json",
    );
    let bad = scratch.file(
        "bad.json",
        br#"{ "why": "It does nothing.", "threds": {} }"#,
    );
    let written = |file: &str| {
        let args = ["--junit", &junit, "--sarif", &sarif, "--html", &html];
        let output = portsim(&[&["check", file], &args[..]].concat());
        let texts = [&junit, &sarif, &html].map(|it| fs::read_to_string(it).expect("it is there"));
        (code(&output), texts)
    };
    let (passed, before) = written(good);
    let (refused, now) = written(&bad);
    assert_eq!((passed, refused), (0, 2));
    for (before, now) in before.iter().zip(&now) {
        assert_ne!(before, now);
        assert!(!now.contains("portable/awaits-the-end-of-another"), "{now}");
    }
    assert!(
        now[0].contains("errors=\"2\"") && now[0].contains("time=\"0.000\""),
        "{}",
        now[0]
    );
    assert!(!now[0].contains("time=\"-"), "{}", now[0]);
}

/// `--as all` says of a recording which systems could have shown it, and why each other could not.
#[test]
fn all_systems_are_asked_about_a_trace() {
    let trace = "traces/recorded/io-uring/portable-who-is-woken.jsonl";
    let said = json(&["admit", trace, "--as", "all", "--coverage"], 0);
    let judged = &said["traces"][0];
    assert_eq!(judged["verdict"], "admitted");
    let systems = judged["systems"].as_array().expect("each says something");
    let of = |name: &str| {
        let mut own = systems.iter().filter(|it| it["as"] == name);
        own.next().unwrap_or_else(|| panic!("nothing of {name}"))
    };
    for fits in ["io-uring", "io-uring-7.2", "select"] {
        assert_eq!(of(fits)["verdict"], "admitted", "{fits}");
    }
    for (other, at, claim) in [
        ("windows", 5, "windows/lifo"),
        ("epoll", 5, "epoll/lifo"),
        ("condvar", 7, "condvar/oldest"),
    ] {
        let own = of(other);
        assert_eq!(own["verdict"], "refused", "{other}");
        assert_eq!(own["at"], at, "{other}");
        let cited = own["claims"].as_array().expect("it says why");
        let cites = |it: &Value| it["id"] == claim && it["source"].is_string();
        assert!(cited.iter().any(cites), "{other}: {cited:?}");
    }
    let used = said["coverage"]["used"].as_object().expect("it is counted");
    assert!(used.keys().any(|claim| claim.starts_with("io-uring/")));
    assert!(!used.keys().any(|claim| claim.starts_with("windows/")));
    // A recording that none of them could have shown.
    let none = json(
        &[
            "admit",
            "traces/refused/windows-lost-packet.jsonl",
            "--as",
            "all",
        ],
        1,
    );
    assert_eq!(none["traces"][0]["verdict"], "refused");
}

//! What somebody meets who has only the command: its scenarios, a first one of his own, answers to questions, and a sweep
//! whose end fits a screen.

use std::fs;

use crate::command::{B1, Scratch, code, json, portsim, words};

#[test]
fn the_project_s_scenarios_travel_with_the_command() {
    let file = &json(&["check", B1], 0)["scenarios"][0];
    let shipped = &json(&["check", "@vectors/b/b1-newest-waiter-first"], 0)["scenarios"][0];
    for key in ["name", "verdict", "states_unique", "transitions"] {
        assert_eq!(file[key], shipped[key], "{key}");
    }
    let folder = json(&["list", "@bugs"], 0);
    let listed = folder["scenarios"].as_array().expect("a list").len();
    let there = fs::read_dir(crate::root().join("scenarios/bugs")).expect("it is there");
    assert_eq!(listed, there.count());
    let wrong = portsim(&["check", "@bugs/poll-takes-the-brake"]);
    assert_eq!(code(&wrong), 2);
    let said = words(&wrong);
    assert!(
        said.contains("did you mean \"@bugs/poll-takes-the-break\"?"),
        "{said}"
    );
}

/// Where the folder of scenarios is not there, a trace finds its scenario in the command.
#[test]
fn a_trace_finds_its_scenario_in_the_command() {
    let scratch = Scratch::new("alone");
    let trace = crate::root().join("traces/recorded/epoll/newest-waiter-first.jsonl");
    let trace = trace.display().to_string();
    let output = portsim(&["admit", &trace, "--scenarios", &scratch.path("none")]);
    assert_eq!(code(&output), 0, "{}", words(&output));
}

#[test]
fn a_first_scenario_is_written_and_passes() {
    let scratch = Scratch::new("new");
    let file = scratch.path("first.json");
    let output = portsim(&["new", &file]);
    assert_eq!(code(&output), 0);
    assert!(
        words(&output).contains("portsim check"),
        "{}",
        words(&output)
    );
    let check = json(&["check", &file], 0);
    assert_eq!(check["scenarios"][0]["verdict"], "pass");
    let schema = fs::read(scratch.path("scenario.schema.json")).expect("it is beside it");
    let schema = serde_json::from_slice(&schema).expect("it is JSON");
    let text = fs::read(&file).expect("it is there");
    let text = serde_json::from_slice(&text).expect("it is JSON");
    jsonschema::validator_for(&schema)
        .expect("it is a schema")
        .validate(&text)
        .expect("it fits");
    // What is there stays.
    fs::write(&file, "mine").expect("it can be written");
    assert_eq!(code(&portsim(&["new", &file])), 2);
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "mine");
}

/// The schema that `new` writes beside a scenario is no scenario.
#[test]
fn the_folder_of_a_new_scenario_can_be_checked() {
    let scratch = Scratch::new("new-folder");
    let file = scratch.path("first.json");
    assert_eq!(code(&portsim(&["new", &file])), 0);
    let folder = scratch.path("");
    let checked = json(&["check", &folder], 0);
    let scenarios = checked["scenarios"].as_array().map_or(0, Vec::len);
    assert_eq!(scenarios, 1, "{checked}");
    // No other file is passed over for its name.
    scratch.file("mine.schema.json", b"{}");
    assert_eq!(code(&portsim(&["check", &folder])), 2);
}

/// A name as verdicts and the project have it, and the beginning of one, lead to the scenario of the command.
#[test]
fn a_name_that_is_nearly_right_leads_to_the_scenario() {
    let near = "did you mean \"@bugs/poll-takes-the-break\"?";
    for path in [
        "bugs/poll-takes-the-break",
        "@bugs/poll-takes-the",
        "@bugs/pol-takes-the-break",
    ] {
        let said = words(&portsim(&["check", path]));
        assert!(said.contains(near), "{path}: {said}");
    }
    let said = words(&portsim(&["list", "windows/lfo"]));
    assert!(said.contains("did you mean \"windows/lifo\"?"), "{said}");
}

#[test]
fn a_question_is_answered_with_claim_source_scenario_and_recording() {
    let asked = portsim(&["list", "does epoll wake the newest?"]);
    assert_eq!(code(&asked), 0);
    let said = words(&asked);
    for part in [
        "epoll/lifo  measured",
        "source ",
        "scenario  ",
        "recording  traces/recorded/epoll/",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(
        said.lines().all(|line| line.chars().count() <= 80),
        "{said}"
    );
    let exclusive = json(&["list", "--search", "EPOLLEXCLUSIVE"], 0);
    assert_eq!(exclusive["claims"][0]["claim"], "epoll/exclusive");
    assert_eq!(exclusive["claims"][0]["status"], "measured");
    // A word of which nobody speaks is a path that does not exist.
    for arguments in [["list", "qwertyuiop"], ["list", "scenarios/no-such-folder"]] {
        let output = portsim(&arguments);
        assert_eq!(code(&output), 2);
        assert!(
            words(&output).contains("no such file or folder"),
            "{}",
            words(&output)
        );
    }
    assert_eq!(code(&portsim(&["list", "--search", "qwertyuiop"])), 2);
}

/// Of a sweep what agrees is counted; what was left out takes a line.
#[test]
fn a_sweep_ends_on_one_screen() {
    if json(&["list"], 0)["backends"][0]["available"] != true {
        println!("not run: epoll is not available here");
        return;
    }
    let sweep = [
        "cross-check",
        "scenarios/promises",
        "scenarios/open",
        "--on",
        "epoll",
        "--seeds",
        "0..1",
    ];
    let short = words(&portsim(&sweep));
    assert!(short.lines().count() < 24, "{short}");
    assert!(short.contains("--full names each"), "{short}");
    let last = short.lines().last().expect("it says something");
    let full = words(&portsim(&[&sweep[..], &["--full"]].concat()));
    assert!(full.lines().count() > short.lines().count(), "{full}");
    assert_eq!(full.lines().last(), Some(last));
    assert!(full.contains("unsupported on epoll as epoll: "), "{full}");
}

/// The picture of the README is what the command draws, with `UPDATE_EXPECT=1` written anew.
#[test]
fn the_picture_of_the_readme_is_drawn_by_the_command() {
    let file = crate::root().join("docs/poll-takes-the-break.svg");
    let output = portsim(&["export", "svg", "@bugs/poll-takes-the-break"]);
    assert_eq!(code(&output), 0);
    if std::env::var_os("UPDATE_EXPECT").is_some_and(|it| it == "1") {
        fs::write(&file, &output.stdout).expect("the page can be written");
    }
    assert!(
        fs::read(&file).expect("it is there") == output.stdout,
        "UPDATE_EXPECT=1 draws it anew"
    );
}

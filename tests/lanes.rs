//! Lanes in little room, and runs of polls: each case is a page as people see it.

use std::path::Path;

use portsim::choose::Policy;
use portsim::personality::play;
use portsim::run::run;
use portsim::scenario::Scenario;
use portsim::trace::Event;
use portsim::trace::lanes::{Lanes, Layout};

/// A scenario, and the events of its only run.
fn played(text: &str) -> (Scenario, Vec<Event>) {
    let scenario = Scenario::parse("case", Path::new("case.json"), text.as_bytes());
    let scenario = scenario.unwrap_or_else(|bad| panic!("{bad}"));
    let machine = play("windows", &scenario.program, 2).expect("Windows plays it");
    let events = run(&*machine, &mut *Policy::Random.seeded(0), 1_000).events;
    (scenario, events)
}

#[track_caller]
fn shows(text: &str, columns: Option<usize>, wanted: &str) {
    let (scenario, events) = played(text);
    let lanes = Lanes::of(&scenario.names, &scenario.program, &events);
    let full = false;
    let shown = lanes.text(Layout { columns, full });
    assert_eq!(shown, wanted, "\n{shown}");
}

const WORKERS: &str = r#"{
    "why": "How wide is it?",
    "ports": { "completions": {} },
    "threads": {
        "worker": { "count": 2, "do": [{ "get": "completions" }] },
        "submitter": [{ "post": "completions", "key": 1 }]
    },
    "schedule": ["worker[0]", "worker[1]", "submitter"]
}"#;

#[test]
fn lanes_that_fit_stay_as_they_are() {
    let wide = "\
n  worker[0]            worker[1]            submitter
1  get completions ...
2                       get completions ...
3                                            post completions key 1
4                       = key 1
";
    shows(WORKERS, None, wide);
    shows(WORKERS, Some(80), wide);
}

#[test]
fn names_are_cut_before_lanes_are_given_up() {
    let (scenario, events) = played(WORKERS);
    let lanes = Lanes::of(&scenario.names, &scenario.program, &events);
    let full = false;
    for room in [50, 58, 60] {
        let columns = Some(room);
        let shown = lanes.text(Layout { columns, full });
        let mut lines = shown.lines();
        assert!(lines.all(|line| line.chars().count() <= room));
        assert!(shown.starts_with("n  wor"), "{shown}");
        assert!(shown.contains("~ key 1"), "{shown}");
    }
}

#[test]
fn where_lanes_do_not_fit_each_event_has_a_line() {
    let below = "\
1  worker[0]  get completions ...
2  worker[1]  get completions ...
3  submitter  post completions key 1
4  worker[1]  = key 1
";
    shows(WORKERS, Some(39), below);
    let narrow = "\
1  worker[0]  get completions
              ...
2  worker[1]  get completions
              ...
3  submitter  post completions
              key 1
4  worker[1]  = key 1
";
    shows(WORKERS, Some(30), narrow);
}

/// A thread that asks until it is told something, and the one that keeps it asking.
const POLLS: &str = r#"{
    "why": "How often does it ask?",
    "ports": { "p": {} },
    "threads": {
        "a": [{ "loop": [{ "get": "p", "timeout": 0, "into": "x" }, { "if": "x.ok", "then": ["break"] }, "yield"] }],
        "m": ["yield", { "post": "p", "key": 1 }]
    },
    "schedule": ["a", "a", "a", "a", "a", "a", "a", "a", "m", "m", "a"]
}"#;

#[test]
fn polls_that_come_to_nothing_stand_there_once() {
    let once = " n  a                                    m
 1  get p timeout 0 ! WAIT_TIMEOUT
 2  [x.ok: no] yield
    and again, 3 times
 9                                       yield
10                                       post p key 1
11  get p timeout 0 = key 1 [x.ok: yes]
";
    shows(POLLS, None, once);
    let (scenario, events) = played(POLLS);
    let lanes = Lanes::of(&scenario.names, &scenario.program, &events);
    let (columns, full) = (None, true);
    let whole = lanes.text(Layout { columns, full });
    assert_eq!(whole.lines().count(), 1 + events.len());
}

#[test]
fn one_poll_says_how_often_and_two_are_no_run() {
    let of = |turns: usize| {
        let turns = vec!["\"a\""; turns].join(", ");
        let yields = ["\"yield\""; 5].join(", ");
        format!(
            r#"{{ "why": "How often?", "threads": {{ "a": [{yields}] }}, "schedule": [{turns}] }}"#
        )
    };
    shows(&of(2), None, "n  a\n1  yield\n2  yield\n");
    shows(&of(3), None, "n  a\n1  yield (3 times)\n");
}

/// What repeats for ever begins with the event that it begins with, whatever stands before.
#[test]
fn no_run_goes_beyond_the_beginning_of_a_loop() {
    let (scenario, events) = played(
        r#"{ "why": "Where does it begin?", "threads": { "a": [{ "loop": ["yield"] }] }, "schedule": ["a", "a", "a", "a", "a"] }"#,
    );
    let lanes = Lanes::of(&scenario.names, &scenario.program, &events);
    let shown = lanes.round(Some(3)).text(Layout::default());
    let wanted = "\
n  a
1  yield
2  yield
   for ever:
3  yield (3 times)
   and again from 3
";
    assert_eq!(shown, wanted, "\n{shown}");
}

//! The page that lays the systems side by side: what each does with a few short scenarios.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use portsim::compare::{Group, compare};
use portsim::personality::unsupported;
use portsim::scenario::Scenario;
use portsim_model::personality::NAMES;

use crate::command::json;
use crate::{apart, root};

const PAGE: &str = "docs/SYSTEMS.md";

const PROCESSORS: u32 = 2;

/// Each with the scenario that answers it.
const QUESTIONS: [(&str, &str); 15] = [
    (
        "Which of two waiters is released first?",
        "portable/newest-waiter-first",
    ),
    (
        "Which of the queued packets goes out first?",
        "portable/posts-before-gets",
    ),
    (
        "Is a thread that was released and waits again the newest?",
        "portable/waits-again-as-the-newest",
    ),
    (
        "Does a waiter that gave up leave the order of the others?",
        "portable/timed-out-waiter-leaves-the-order",
    ),
    (
        "Does a waiter that gave up count?",
        "differences/timed-out-waiter-counts",
    ),
    (
        "Does a concurrency value of 1 hold a packet back?",
        "differences/limit-of-one",
    ),
    (
        "May a newcomer take a packet at the limit?",
        "differences/newcomer-waits",
    ),
    (
        "Does a running member go before one that waits?",
        "differences/running-thread-goes-first",
    ),
    (
        "Can a packet be taken from the waiter that it released?",
        "differences/no-stealing",
    ),
    (
        "Where does a waiter stand whose packet was taken?",
        "epoll/robbed-waiter-stays-first",
    ),
    (
        "What becomes of a waiter when the port is closed?",
        "promises/closed-while-waiting",
    ),
    (
        "What becomes of queued packets then?",
        "portable/closed-with-packets-queued",
    ),
    (
        "Does a batch wait until it is full?",
        "portable/batch-call-that-waits",
    ),
    ("What does a batch of none say?", "portable/batch-of-none"),
    (
        "Does a waiter for two packets hold up one behind it?",
        "differences/waiter-for-two-in-front",
    ),
];

const INTRODUCTION: &str = "# Systems side by side

How small an experiment tells two systems apart, and what each system does with a few short scenarios, whether or not they are
meant for it. A test makes this page from what the model of each system can show, and fails when it is out of date;
`UPDATE_EXPECT=1` writes it anew, and `tests/apart.py` looks for the experiments. Any other scenario is laid side by side by

```sh
portsim compare scenarios/differences
portsim compare scenarios/portable --as windows --as epoll --json
```

";

const LETTERS: &str = "
## A few short scenarios

Systems with the same letter do the same: everything that can come out on one can come out on the other, and nothing
else. Errors are compared by their meaning. A blank says that the system lacks something that the scenario needs. What
a letter stands for is written below, with every way in which the scenario can come out: what each thread is told, in
order, with `...` for one that still waits at the end. How sure each rule is stands on [the page of claims](CLAIMS.md).
";

fn question(name: &str) -> Scenario {
    let file = root().join("scenarios").join(format!("{name}.json"));
    Scenario::read(&file).unwrap_or_else(|bad| panic!("{bad}"))
}

fn letter(group: usize) -> char {
    char::from(b'A' + group as u8)
}

/// The page for these systems.
fn page(systems: &[&'static str]) -> String {
    let mut page = LETTERS.to_owned();
    let mut below = String::new();
    let _ = write!(
        page,
        "\n| | {} |\n|---|{}\n",
        systems.join(" | "),
        "---|".repeat(systems.len())
    );
    for (question_words, name) in QUESTIONS {
        let scenario = question(name);
        let groups = compare(&scenario, systems, PROCESSORS);
        let (played, lacking): (Vec<_>, Vec<_>) =
            groups.iter().partition(|group| group.ways.is_ok());
        let cell = |system: &&str| {
            let place = played
                .iter()
                .position(|group| group.systems.contains(system));
            place.map_or(String::new(), |group| letter(group).to_string())
        };
        let cells: Vec<_> = systems.iter().map(cell).collect();
        let _ = writeln!(page, "| {question_words} | {} |", cells.join(" | "));
        let _ = write!(
            below,
            "\n## {question_words}\n\n`{name}`: {}\n\n",
            scenario.why
        );
        let _ = write!(below, "| | systems | what comes out |\n|---|---|---|\n");
        for (n, group) in played.iter().enumerate() {
            let _ = writeln!(
                below,
                "| {} | {} | {} |",
                letter(n),
                group.systems.join(", "),
                shown(group)
            );
        }
        for Group { systems, ways } in lacking {
            let why = ways.as_ref().expect_err("it is lacking");
            let _ = writeln!(below, "| | {} | not played: {why} |", systems.join(", "));
        }
    }
    page + &below
}

fn shown(group: &Group) -> String {
    let ways = group.ways.as_ref().expect("it is played");
    assert!(ways.complete, "a question is short");
    let ways: Vec<_> = ways.ways.iter().map(|way| format!("`{way}`")).collect();
    ways.join("<br>or ")
}

/// The page is what the systems do.
#[test]
fn the_page_of_systems_is_true() {
    let should = format!("{INTRODUCTION}{}{}", apart::page(), page(&NAMES));
    let file = root().join(PAGE);
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&file, &should).expect("the page can be written");
    }
    let is = fs::read_to_string(file).unwrap_or_default();
    for (n, (is, should)) in is.lines().zip(should.lines()).enumerate() {
        assert_eq!(
            is,
            should,
            "{PAGE}:{}: UPDATE_EXPECT=1 writes it anew",
            n + 1
        );
    }
    assert_eq!(
        is.len(),
        should.len(),
        "{PAGE}: UPDATE_EXPECT=1 writes it anew"
    );
}

/// What is known of two systems shows: one hands a packet over, the other lets the first that comes take it.
#[test]
fn systems_that_differ_have_different_letters() {
    let all = page(&["windows", "epoll", "windows-2003"]);
    let row = |start: &str| {
        all.lines()
            .find(|line| line.starts_with(start))
            .expect("it is asked")
    };
    assert!(row("| Which of two waiters").ends_with("| A | A | A |"));
    assert!(row("| Can a packet be taken").ends_with("| A | B | A |"));
    assert!(
        row("| What does a batch of none").ends_with("|  |"),
        "it had no batches"
    );
    let compared = json(
        &[
            "compare",
            "scenarios/differences/no-stealing.json",
            "--as",
            "epoll",
        ],
        0,
    );
    let group = &compared["scenarios"][0]["groups"][0];
    assert_eq!(group["as"], serde_json::json!(["epoll"]));
    let stolen = |way: &serde_json::Value| {
        way.as_str()
            .is_some_and(|way| way.contains("thief = key 1"))
    };
    assert!(
        group["ways"].as_array().expect("a list").iter().any(stolen),
        "{group}"
    );
}

/// What a system has each part of, and refuses all the same, where the real one answers EINVAL or means something else.
#[test]
fn what_a_system_refuses_together() {
    let user = r#"{ "kevent": "p", "source": "s", "flags": ["add"], "key": 1 }"#;
    let read = r#"{ "kevent": "p", "source": "s", "filter": "read", "flags": ["add"], "key": 1 }"#;
    let write =
        r#"{ "kevent": "p", "source": "s", "filter": "write", "flags": ["add"], "key": 2 }"#;
    let both = r#"{ "kevent": "p", "source": "s", "flags": ["enable", "disable"] }"#;
    let kinds = "as the number of a user event, or as a descriptor";
    for (ops, refusal) in [
        ([user, read], Some(kinds)),
        ([write, user], Some(kinds)),
        ([read, write], None),
        ([user, user], None),
        ([user, both], Some("enables an event or disables it")),
    ] {
        let ops = ops.join(", ");
        let text = format!(
            r#"{{ "why": "Is it refused?", "ports": {{ "p": {{}} }},
            "sources": {{ "s": {{ "readable": false, "writable": true }} }},
            "threads": {{ "t": [{ops}] }} }}"#
        );
        let scenario = Scenario::parse("together", Path::new("together.json"), text.as_bytes());
        let scenario = scenario.unwrap_or_else(|bad| panic!("{bad}"));
        for system in ["kqueue", "kqueue-macos"] {
            let said = unsupported(system, &scenario.program);
            let as_expected = match (&said, refusal) {
                (Some(said), Some(refusal)) => said.contains(refusal),
                (said, refusal) => said.is_none() && refusal.is_none(),
            };
            assert!(as_expected, "{ops} as {system}: {said:?}");
        }
    }
}

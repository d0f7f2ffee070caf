//! Paths that are conducted, outcomes that are counted, ports that are told by experiments, and rules that scenarios pin
//! down.

use std::env;
use std::fs;

use portsim::cross_check::judge_of;
use portsim::native::backends;
use serde_json::Value;

use crate::command::{Scratch, code, json, portsim, words};
use crate::root;

/// The agent of the manual, and one whose waiters stand in the wrong order.
const AGENT: &str = "agent:python3 docs/agent.py";
const OLDEST: &str = "agent:python3 docs/agent.py oldest";

#[test]
fn a_counterexample_happens_on_a_backend() {
    let scratch = Scratch::new("confirm");
    let trace = scratch.path("lost.jsonl");
    let design = "scenarios/designs/wakeup-lost.json";
    let check = json(
        &[
            "check",
            design,
            "--as",
            "epoll",
            "--trace",
            &trace,
            "--confirm",
            "epoll",
        ],
        0,
    );
    let confirmed = &check["scenarios"][0]["confirmed"][0];
    assert_eq!(confirmed["verdict"], "happened", "{confirmed}");
    assert_eq!(confirmed["on"], "epoll");
    let said = words(&portsim(&["check", design, "--confirm", "epoll"]));
    assert!(
        said.contains("on epoll: it happened, turn by turn"),
        "{said}"
    );
    // A pass has nothing that could happen.
    let pass = json(
        &[
            "check",
            "scenarios/portable/newest-waiter-first.json",
            "--confirm",
            "epoll",
        ],
        0,
    );
    assert_eq!(pass["scenarios"][0].get("confirmed"), None);
    assert_eq!(
        code(&portsim(&["check", design, "--confirm", "nothing"])),
        2
    );
}

#[test]
fn a_path_of_the_model_is_followed_as_far_as_the_kernel_goes_with_it() {
    let scratch = Scratch::new("follow");
    let scenario = "scenarios/portable/newest-waiter-first.json";
    let trace = scratch.path("path.jsonl");
    portsim(&[
        "run", scenario, "--as", "windows", "--seed", "3", "--trace", &trace,
    ]);
    let followed = json(
        &["record", scenario, "--on", "emulated", "--follow", &trace],
        0,
    );
    assert_eq!(followed["followed"]["verdict"], "happened", "{followed}");
    let recorded = scratch.path("recorded.jsonl");
    portsim(&[
        "record", scenario, "--on", "emulated", "--follow", &trace, "--out", &recorded,
    ]);
    assert_eq!(code(&portsim(&["admit", &recorded])), 0);
    // Its waiters stand in another order: that is seen, and it is what such a port may do.
    let parted = json(&["record", scenario, "--on", OLDEST, "--follow", &trace], 1);
    let parted = &parted["followed"];
    assert!(
        parted["path"].is_string() && parted["shown"].is_string(),
        "{parted}"
    );
    // What is recorded is no path of the model, and a trace of another scenario is none of this one.
    for (scenario, trace, problem) in [
        (scenario, &recorded, "is no trace of the model"),
        (
            "scenarios/portable/newest-of-six-first.json",
            &trace,
            "is of another scenario",
        ),
    ] {
        let refused = portsim(&["record", scenario, "--on", "emulated", "--follow", trace]);
        assert_eq!(code(&refused), 2);
        assert!(words(&refused).contains(problem), "{}", words(&refused));
    }
}

/// The outcomes of the first histogram.
fn outcomes(report: &Value) -> &Vec<Value> {
    report["scenarios"][0]["outcomes"]
        .as_array()
        .expect("a list")
}

#[test]
fn outcomes_are_counted_and_joined() {
    let scratch = Scratch::new("litmus");
    let folder = scratch.path("kept");
    let scenario = "scenarios/portable/mixed-waiters.json";
    let ask = ["litmus", scenario, "--on", "emulated", "--runs", "60"];
    let report = json(&[&ask[..], &["--keep", &folder]].concat(), 0);
    let all = outcomes(&report);
    let times = |report: &Value| -> u64 {
        outcomes(report)
            .iter()
            .filter_map(|it| it["times"].as_u64())
            .sum()
    };
    assert_eq!(times(&report), 60, "{report}");
    assert!(all.iter().all(|it| it["status"] != "forbidden"), "{report}");
    let seen = all
        .iter()
        .find(|it| it["observation"] != "never")
        .expect("some came");
    let witness = seen["file"].as_str().expect("it was kept");
    assert_eq!(code(&portsim(&["admit", witness])), 0, "{witness}");
    // Twice on one machine is one column; another machine is another.
    let one = scratch.file("one.json", report.to_string().as_bytes());
    let twice = json(&["merge", &one, &one], 0);
    assert_eq!(times(&twice), 120);
    let elsewhere = report.to_string().replace(
        report["scenarios"][0]["os"].as_str().expect("a name"),
        "plan9",
    );
    let other = scratch.file("other.json", elsewhere.as_bytes());
    let both = json(&["merge", &one, &other], 0);
    assert_eq!(both["scenarios"].as_array().map(Vec::len), Some(2));
    let table = words(&portsim(&["merge", &one, &other]));
    assert!(
        table.contains("plan9") && table.contains("60 runs"),
        "{table}"
    );
}

/// A thread that takes at once takes the packet from the waiter that it has woken, or does not.
#[cfg(target_os = "linux")]
#[test]
fn a_waiter_is_robbed_or_is_not() {
    let scenario = "scenarios/condvar/robbed-at-full-speed.json";
    let report = json(&["litmus", scenario, "--on", "condvar", "--runs", "150"], 0);
    let seen = |robbed: bool| {
        outcomes(&report).iter().any(|it| {
            let outcome = it["outcome"].as_str().unwrap_or_default();
            it["observation"] != "never" && outcome.contains("m = key 1") == robbed
        })
    };
    assert!(seen(true) && seen(false), "{report}");
}

/// The systems that an unknown port may be, in at most six experiments.
fn identified(on: &str, exit: i32) -> (Vec<String>, Value) {
    let report = json(&["identify", "--on", on], exit);
    let experiments = report["experiments"].as_array().expect("a list");
    assert!((1..=6).contains(&experiments.len()), "{on}: {report}");
    let answers = report["answers"].as_array().expect("a list");
    let fits = answers.iter().filter(|it| it["fits"] == true);
    let names = fits.map(|it| it["as"].as_str().unwrap_or_default().to_owned());
    (names.collect(), report)
}

#[test]
fn backends_are_told_by_six_experiments() {
    for backend in backends().iter().filter(|it| it.available().is_ok()) {
        let own = judge_of(&backend.plays(), &backend.os());
        let (names, report) = identified(backend.name(), 0);
        assert!(names.contains(&own), "{own}: {report}");
        // Where any waiter may be next, nothing that comes out excludes a system.
        assert!(names.len() <= 8, "{own}: {names:?}");
        println!("{} is {names:?}", backend.name());
    }
}

#[test]
fn agents_are_told_apart() {
    // The agent of the manual answers as no system does throughout: the newest waiter is next, and nothing limits them.
    let (newest, report_of_newest) = identified(AGENT, 1);
    let (oldest, report) = identified(OLDEST, 0);
    assert_eq!(newest, [""; 0]);
    assert_eq!(nearest(&report_of_newest), Some("wine-10"));
    assert_eq!(oldest, ["condvar"]);
    let out = report["answers"].as_array().into_iter().flatten();
    let mut reasons = out.filter(|it| it["fits"] == false);
    assert!(
        reasons.all(|it| it["experiment"].is_u64() && it["why"].is_string()),
        "{report}"
    );
}

/// The system that is most like a port that is none.
fn nearest(report: &Value) -> Option<&str> {
    let differs = report["nearest"]["differs"].as_array()?;
    let is_named = |it: &Value| it["experiment"].is_u64() && it["why"].is_string();
    assert!(
        !differs.is_empty() && differs.iter().all(is_named),
        "{report}"
    );
    report["nearest"]["as"].as_str()
}

/// A port by the rules of a system is that system, and one by the rules of none is none, however near.
#[test]
fn ports_are_known_by_their_rules() {
    type Known = (&'static str, &'static [&'static str], Option<&'static str>);
    let ports: [Known; 6] = [
        ("epoll", &["epoll"], None),
        // Their difference is in handles of ports, which this port lacks.
        ("windows", &["windows", "windows-7"], None),
        ("io-uring-7.2", &["io-uring-7.2"], None),
        ("windows-fifo", &[], Some("windows")),
        ("windows-late", &[], Some("windows")),
        ("mixed", &[], Some("epoll")),
    ];
    for (rules, known, near) in ports {
        let on = format!("agent:python3 tests/ports.py {rules}");
        let (names, report) = identified(&on, known.is_empty().into());
        assert_eq!(
            (names, nearest(&report)),
            (words_of(known), near),
            "{report}"
        );
    }
}

fn words_of(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Experiments are made in lock-step, so nothing follows of a port that knows full speed alone.
#[test]
fn of_what_cannot_be_played_nothing_follows() {
    let refused = portsim(&["identify", "--on", "agent:python3 docs/free_agent.py"]);
    assert_eq!(code(&refused), 3);
    let said = words(&refused);
    assert!(said.contains("no scenario could be played"), "{said}");
}

/// Rules of a system that nothing pins down.
fn unpinned(arguments: &[&str]) -> Vec<String> {
    let report = json(&[&["pin"], arguments].concat(), 0);
    let rules = report["claims"].as_array().expect("a list").iter();
    let open = rules.filter(|it| it["pinned"] == false);
    open.map(|it| format!("{} {}", it["claim"], it["between"]))
        .collect()
}

#[test]
fn what_no_scenario_pins_down_is_supplied() {
    let nothing = unpinned(&[
        "--as",
        "windows",
        "scenarios/portable/newest-waiter-first.json",
    ]);
    assert!(
        nothing.iter().any(|it| it.contains("windows/poll-counts")),
        "{nothing:?}"
    );
    let with = unpinned(&[
        "--as",
        "windows",
        "scenarios/open/q2-poller-that-counts.json",
    ]);
    assert!(
        !with.iter().any(|it| it.contains("windows/poll-counts")),
        "{with:?}"
    );
    let scratch = Scratch::new("supply");
    let folder = scratch.path("supplied");
    let report = json(
        &[
            "pin",
            "scenarios/vectors/a",
            "--as",
            "illumos",
            "--supply",
            &folder,
            "--operations",
            "2",
        ],
        0,
    );
    let rules = report["claims"].as_array().expect("a list").iter();
    let supplied: Vec<_> = rules.filter(|it| it["file"].is_string()).collect();
    assert!(!supplied.is_empty(), "{report}");
    for rule in supplied {
        let file = rule["file"].as_str().expect("a name");
        assert!(fs::exists(file).expect("it can be asked"));
        let again = unpinned(&["--as", "illumos", file]);
        let name = rule["claim"].to_string();
        let between = rule["between"].to_string();
        assert!(!again.contains(&format!("{name} {between}")), "{rule}");
    }
}

/// Rules that no shipped scenario pins down, each with the reason.
const UNPINNED: &str = "tests/unpinned.txt";

/// Every rule that there is a choice about is pinned down by a shipped scenario, or stands on the list.
#[test]
fn what_the_shipped_scenarios_do_not_pin_down_is_listed() {
    let open = unpinned(&["scenarios"]);
    let file = root().join(UNPINNED);
    let known = fs::read_to_string(&file).unwrap_or_default();
    let line = |rule: &String| {
        let known = known.lines().find(|line| line.starts_with(rule.as_str()));
        known.map_or_else(|| format!("{rule}: (why?)"), str::to_owned)
    };
    let lines: Vec<_> = open.iter().map(line).collect();
    let should = lines.join("\n") + "\n";
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&file, &should).expect("the list can be written");
    }
    assert_eq!(known, should, "{UNPINNED}: UPDATE_EXPECT=1 writes it anew");
    assert!(!should.contains("(why?)"), "each needs its reason");
}

//! The shortest experiments that tell systems apart: `tests/apart.py` finds one for each pair, and each is checked here on
//! both of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use portsim::Checker;
use portsim::compare::ways;
use portsim::distinguish::claims_used;
use portsim::personality::unsupported;
use portsim::report::verdict::Verdict;
use portsim::scenario::Scenario;
use portsim_model::personality::NAMES;
use serde_json::Value;

use crate::root;

/// Which experiment tells each pair apart, or that none was found.
const PAIRS: &str = "tests/apart.txt";

const PROCESSORS: u32 = 1;

/// What decides on the systems on which an experiment is violated; what decides on the others is in its `claims`.
const AGAINST: [(&str, &[&str]); 18] = [
    (
        "batch-of-none",
        &[
            "windows/batch-zero",
            "aix/bad-arguments",
            "epoll/batch-zero",
            "io-uring/batch-zero",
            "select/batch-zero",
            "condvar/batch-zero",
        ],
    ),
    (
        "cancel-of-nothing",
        &["windows/cancel-nothing", "wine-10/cancel-nothing"],
    ),
    (
        "close-wakes-nobody",
        &[
            "windows/close-abandons",
            "wine-10/close-abandons",
            "illumos/close",
            "aix/close",
            "kqueue-macos/close",
            "condvar/close",
        ],
    ),
    (
        "closed-before-size",
        &[
            "windows/batch-zero",
            "wine/batch-zero",
            "epoll/batch-zero",
            "io-uring/batch-zero",
            "select/batch-zero",
            "condvar/batch-zero",
        ],
    ),
    (
        "empty-poll-succeeds",
        &[
            "windows/timeout",
            "wine/timeout",
            "io-ring/empty",
            "kqueue/timeout",
            "pipe/poll",
            "mqueue/timeout",
        ],
    ),
    ("first-posted-first", &["aix/packet-order"]),
    ("gave-up-and-posts", &["windows/timeout-counts"]),
    ("handed-past-the-handle", &["windows-7/handle-wait-handed"]),
    ("in-front-waits-for-two", &["io-uring/all-met"]),
    ("issuer-ends", &["windows-2003/issuer-bound"]),
    ("more-than-fits", &["aix/bad-arguments"]),
    (
        "oldest-waiter-gets-it",
        &[
            "windows/lifo",
            "epoll/lifo",
            "io-uring/any-wins",
            "kqueue/wakes-all",
            "select/herd",
        ],
    ),
    ("poll-after-close", &["epoll/poll-closed"]),
    ("posted-to-the-waiter", &["wine-8/race", "pipe/race"]),
    ("second-event", &["io-uring/eventfd-one"]),
    (
        "size-before-closed",
        &["epoll/batch-zero", "epoll/closed-handle"],
    ),
    (
        "start-before-the-port",
        &["io-ring/closed", "io-uring/closed-ring"],
    ),
    ("timeout-after-close", &["select/closed-descriptor"]),
];

const INTRODUCTION: &str = "## The shortest experiments

So many operations has the smallest scenario that was found to tell two systems apart; `=4` says that none of up to 4
operations was found. [`portsim distinguish`](EXPERIMENTS.md#the-smallest-question) found them, before it could wait until
another thread is parked and place four operations on two ports: with these, some pairs may have a smaller one.
";

const EXPERIMENTS: &str = "
Each experiment passes on one system of each of its pairs and is violated on the other. `...` says that a thread still waits
at the end. Where the order of moves matters, the experiment says who takes which turn.

| experiment | what it does | passes | is violated | decided by | tells apart |
|---|---|---|---|---|---|
";

/// An experiment of the folder.
struct Experiment {
    name: String,
    scenario: Scenario,
    /// The scenario as it is written.
    written: Value,
}

impl Experiment {
    fn named(name: &str) -> Experiment {
        let file = root().join(format!("scenarios/apart/{name}.json"));
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut scenario = Scenario::read(&file).unwrap_or_else(|bad| panic!("{bad}"));
        scenario.meant_for = None;
        Experiment {
            name: name.to_owned(),
            written: serde_json::from_str(&text).expect("it was read"),
            scenario,
        }
    }

    fn threads(&self) -> impl Iterator<Item = (&String, &Vec<Value>)> {
        let threads = self.written["threads"].as_object().into_iter().flatten();
        threads.map(|(name, calls)| (name, calls.as_array().expect("a list of calls")))
    }

    fn operations(&self) -> usize {
        self.threads().map(|(_, calls)| calls.len()).sum()
    }

    /// In one line: what each thread does, and in which turns.
    fn words(&self) -> String {
        let own = |(name, calls): (&String, &Vec<Value>)| {
            let calls: Vec<_> = calls.iter().map(call).collect();
            format!("{name}: {}", calls.join(", "))
        };
        let mut words: Vec<_> = self.threads().map(own).collect();
        if let Some(turns) = self.written["schedule"].as_array() {
            let turns: Vec<_> = turns.iter().filter_map(Value::as_str).collect();
            words.push(format!("turns of {}", turns.join(", ")));
        }
        words.join("; ")
    }

    /// Whether it passes on a system; none if that lacks something.
    fn passes(&self, system: &str) -> Option<bool> {
        if unsupported(system, &self.scenario.program).is_some() {
            return None;
        }
        let checker = Checker::new(&self.scenario).personality(system).workers(1);
        match checker.run().expect("it can be searched").verdict() {
            Verdict::Pass => Some(true),
            Verdict::Violation => Some(false),
            other => panic!("{} on {system}: {}", self.scenario.name, other.name()),
        }
    }

    /// The systems on which it passes, or those on which it is violated.
    fn systems(&self, passes: bool) -> Vec<&'static str> {
        let all = NAMES.into_iter();
        all.filter(|system| self.passes(system) == Some(passes))
            .collect()
    }

    /// What decides where it is violated.
    fn against(&self) -> &'static [&'static str] {
        let own = AGAINST.iter().find(|(name, _)| *name == self.name);
        own.unwrap_or_else(|| panic!("AGAINST lacks {}", self.name))
            .1
    }

    fn ways(&self, system: &str) -> BTreeSet<String> {
        let ways = ways(&self.scenario, system, PROCESSORS).expect("it was checked");
        assert!(ways.complete, "{} is short", self.scenario.name);
        ways.ways
    }
}

/// A call in words: `get p timeout 1`.
fn call(call: &Value) -> String {
    let Some(fields) = call.as_object() else {
        return call.as_str().unwrap_or_default().to_owned();
    };
    let told = fields.iter().filter(|(name, _)| *name != "into");
    let words = told.map(|(name, value)| match value {
        Value::String(word) => format!("{name} {word}"),
        Value::Bool(_) => name.clone(),
        other => format!("{name} {other}"),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The experiment of each pair, or that none was found: the words of the list.
fn pairs() -> BTreeMap<(String, String), String> {
    let file = root().join(PAIRS);
    let text = fs::read_to_string(file).expect("tests/apart.py makes it");
    let pair = |line: &str| {
        let (pair, what) = line.split_once(": ").expect("a pair and its experiment");
        let (a, b) = pair.split_once(' ').expect("two systems");
        ((a.to_owned(), b.to_owned()), what.to_owned())
    };
    text.lines().map(pair).collect()
}

/// The name of an experiment, if these words are one.
fn named(what: &str) -> Option<&str> {
    what.strip_prefix("apart/")
}

/// The experiments of a list of pairs, smallest first.
fn experiments(pairs: &BTreeMap<(String, String), String>) -> Vec<Experiment> {
    let names: BTreeSet<&str> = pairs.values().filter_map(|what| named(what)).collect();
    let mut all: Vec<_> = names.into_iter().map(Experiment::named).collect();
    all.sort_by_key(Experiment::operations);
    all
}

/// The systems of the pairs that an experiment serves.
fn systems_of<'a>(name: &str, pairs: &'a BTreeMap<(String, String), String>) -> BTreeSet<&'a str> {
    let own = pairs.iter().filter(|(_, what)| named(what) == Some(name));
    own.flat_map(|((a, b), _)| [a.as_str(), b.as_str()])
        .collect()
}

/// What comes out on the systems on which an experiment passes, or on which it is violated: those that show the same together.
fn side(experiment: &Experiment, passes: bool, among: &BTreeSet<&str>) -> String {
    let mut groups: Vec<(BTreeSet<String>, Vec<&str>)> = Vec::new();
    let systems = experiment.systems(passes).into_iter();
    for system in systems.filter(|system| among.contains(system)) {
        let ways = experiment.ways(system);
        match groups.iter_mut().find(|(own, _)| *own == ways) {
            Some((_, systems)) => systems.push(system),
            None => groups.push((ways, vec![system])),
        }
    }
    let words = groups.iter().map(|(ways, systems)| {
        let ways: Vec<_> = ways.iter().map(|way| format!("`{way}`")).collect();
        format!("{}: {}", ways.join(" or "), systems.join(", "))
    });
    words.collect::<Vec<_>>().join("<br>")
}

/// Which pairs an experiment serves: the systems that it tells from the same others together.
fn served(name: &str, pairs: &BTreeMap<(String, String), String>) -> String {
    let mut groups: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
    for (n, a) in NAMES.into_iter().enumerate() {
        let serves = |b: &&str| {
            let what = &pairs[&(a.to_owned(), (*b).to_owned())];
            named(what) == Some(name)
        };
        let others: Vec<_> = NAMES[n + 1..].iter().copied().filter(serves).collect();
        match groups.iter_mut().find(|(_, own)| *own == others) {
            _ if others.is_empty() => {}
            Some((systems, _)) => systems.push(a),
            None => groups.push((vec![a], others)),
        }
    }
    let words = groups.iter();
    let words = words.map(|(a, b)| format!("{} from {}", a.join(", "), b.join(", ")));
    words.collect::<Vec<_>>().join("<br>")
}

/// The claims on which it depends how an experiment comes out on some systems.
fn decided_by<'a>(experiment: &'a Experiment, among: &BTreeSet<&str>) -> Vec<&'a str> {
    let own = experiment.written["claims"]
        .as_array()
        .into_iter()
        .flatten();
    let all = own.filter_map(Value::as_str);
    let all = all.chain(experiment.against().iter().copied());
    let used = |system: &&str| claims_used(&experiment.scenario, system);
    let used: BTreeSet<_> = among.iter().flat_map(used).collect();
    all.filter(|claim| used.contains(claim)).collect()
}

/// The part of the page of systems that is about experiments.
pub fn page() -> String {
    let pairs = pairs();
    let experiments = experiments(&pairs);
    let mut page = INTRODUCTION.to_owned();
    let (columns, rule) = (NAMES[1..].join(" | "), "---|".repeat(NAMES.len()));
    let _ = write!(page, "\n| | {columns} |\n|{rule}\n");
    for (n, a) in NAMES[..NAMES.len() - 1].iter().enumerate() {
        let cell = |(m, b): (usize, &&str)| {
            if m < n {
                return String::new();
            }
            let what = &pairs[&((*a).to_owned(), (*b).to_owned())];
            let own = |it: &&Experiment| named(what) == Some(&it.name);
            experiments.iter().find(own).map_or_else(
                || {
                    what.replace("nothing of up to ", "=")
                        .replace(" operations", "")
                },
                |it| it.operations().to_string(),
            )
        };
        let cells: Vec<_> = NAMES[1..].iter().enumerate().map(cell).collect();
        let _ = writeln!(page, "| **{a}** | {} |", cells.join(" | "));
    }
    page += EXPERIMENTS;
    for it in &experiments {
        let name = &it.name;
        let among = systems_of(name, &pairs);
        let _ = writeln!(
            page,
            "| [{name}](../scenarios/apart/{name}.json): {} | `{}` | {} | {} | {} | {} |",
            it.scenario.why,
            it.words(),
            side(it, true, &among),
            side(it, false, &among),
            decided_by(it, &among).join(", "),
            served(name, &pairs)
        );
    }
    page
}

/// An experiment is for the systems on which it passes, parts each of its pairs, and what decides on the others is used there.
#[test]
fn each_experiment_tells_its_systems_apart() {
    let pairs = pairs();
    for experiment in experiments(&pairs) {
        let name = &experiment.name;
        let [on, not_on] = [true, false].map(|passes| experiment.systems(passes));
        assert_eq!(experiment.written["as"], serde_json::json!(on), "{name}");
        for ((a, b), _) in pairs.iter().filter(|(_, what)| named(what) == Some(name)) {
            let (a, b) = (&a.as_str(), &b.as_str());
            assert!(
                on.contains(a) && not_on.contains(b) || on.contains(b) && not_on.contains(a),
                "{name} does not tell {a} and {b} apart: tests/apart.py"
            );
        }
        let used = |system: &&str| claims_used(&experiment.scenario, system);
        let used: BTreeSet<_> = not_on.iter().flat_map(used).collect();
        for claim in experiment.against() {
            assert!(used.contains(claim), "{name}: {claim} decides nothing");
        }
    }
}

/// The list has every pair of systems, and the folder no experiment that serves none.
#[test]
fn every_pair_has_its_experiment() {
    let pairs = pairs();
    for (n, a) in NAMES.iter().enumerate() {
        for b in &NAMES[n + 1..] {
            let pair = ((*a).to_owned(), (*b).to_owned());
            assert!(pairs.contains_key(&pair), "{pair:?}: tests/apart.py");
        }
    }
    let used: BTreeSet<_> = experiments(&pairs).into_iter().map(|it| it.name).collect();
    let folder = fs::read_dir(root().join("scenarios/apart")).expect("the folder is there");
    let kept = folder.map(|file| {
        let file = file.expect("it can be listed").path();
        file.file_stem().expect("a name").display().to_string()
    });
    assert_eq!(kept.collect::<BTreeSet<_>>(), used);
    let decided: BTreeSet<_> = AGAINST.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(decided, used);
}

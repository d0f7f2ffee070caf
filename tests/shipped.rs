//! What the shipped scenarios and traces say, held against the model.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use portsim::admit::Judgement;
use portsim::bad_input::BadInput;
use portsim::check::{Exploration, Found, Limits, Reductions, Workers, check};
use portsim::choose::Policy;
use portsim::cross_check::{judge, judge_free, judge_of};
use portsim::personality::{not_for, play};
use portsim::run::run;
use portsim::scenario::{self, Expect, Scenario, find};
use portsim::trace::{Mode, Origin, Trace, lanes, read};
use portsim_model::machine::AnyMachine;
use portsim_model::personality::NAMES;
use portsim_model::property::Violation;

use crate::root;
use crate::seeded::runs;

/// What the model is asked on one processor count, everywhere: the default of the command line.
const PROCESSORS: u32 = 2;

/// Every shipped scenario.
pub fn scenarios() -> Vec<Scenario> {
    let files = find(&[root().join("scenarios")]).expect("the folder is there");
    let read =
        |file: &PathBuf| Scenario::read(file).unwrap_or_else(|bad: BadInput| panic!("{bad}"));
    files.iter().map(read).collect()
}

/// Every scenario with every system that plays it.
pub fn pairs() -> Vec<(Scenario, &'static str)> {
    let all = |scenario: Scenario| {
        let playable: Vec<_> = NAMES
            .into_iter()
            .filter(|name| not_for(name, &scenario).is_none())
            .collect();
        assert!(
            !playable.is_empty() || scenario.meant_for.is_some(),
            "{}: no system plays it",
            scenario.name
        );
        playable
            .into_iter()
            .map(move |name| (scenario.clone(), name))
    };
    scenarios().into_iter().flat_map(all).collect()
}

/// Every way to reduce a search.
pub const EVERY: [Reductions; 4] = [
    Reductions {
        symmetry: true,
        ..Reductions::NONE
    },
    Reductions {
        dead: true,
        ..Reductions::NONE
    },
    Reductions {
        order: true,
        ..Reductions::NONE
    },
    Reductions::ALL,
];

/// Explores with so many workers.
struct Explore(usize, Reductions);

impl Explore {
    fn on(self, machine: &Arc<dyn AnyMachine>) -> Exploration {
        self.with(machine, false)
    }

    /// Also counts the claims that decide something.
    fn citing(self, machine: &Arc<dyn AnyMachine>) -> Exploration {
        self.with(machine, true)
    }

    fn with(self, machine: &Arc<dyn AnyMachine>, coverage: bool) -> Exploration {
        let limits = Limits {
            memory_bytes: 4 << 30,
            depth: None,
            exact: false,
            preemptions: None,
        };
        let workers = Workers {
            workers: self.0,
            coverage,
            ..Workers::default()
        };
        check(
            machine,
            self.1,
            limits,
            &workers,
            None,
            &AtomicBool::new(false),
            |_| {},
        )
        .expect("it is alone")
    }
}

/// The large pools are for measuring; their counts are checked in full where speed is.
pub fn is_too_large(scenario: &Scenario) -> bool {
    scenario.name.starts_with("bench/pool-5") || scenario.name == "bench/pool-4-2-3-4"
}

/// What is only compared tells packets apart no more than the comparison does.
#[test]
fn keys_that_are_only_compared_cost_nothing() {
    let explored = |last: usize| {
        let key = |n: usize| n.min(last);
        let posts: Vec<_> = (1..=40)
            .map(|n| format!(r#"{{ "post": "q", "key": {} }}"#, key(n)))
            .collect();
        let text = format!(
            r#"{{ "why": "Do keys matter?", "ports": {{ "q": {{ "concurrency": 4 }} }}, "vars": {{ "n": 0 }}, "threads": {{
                "worker": {{ "count": 12, "do": [{{ "loop": [
                    {{ "get": "q", "into": "x" }},
                    {{ "if": "x.key == 0", "then": [{{ "post": "q", "key": 0 }}, "break"] }},
                    {{ "set": {{ "n": "n + 1" }} }}
                ] }}] }},
                "main": [{}, {{ "post": "q", "key": 0 }}]
            }}, "properties": {{ "at_end": {{ "all_done": "n == 40", "gone": "all(worker, done)" }} }} }}"#,
            posts.join(", ")
        );
        let scenario = Scenario::parse("keys", Path::new("keys.json"), text.as_bytes());
        let program = scenario.expect("it is sound").program;
        let machine = play("windows", &program, PROCESSORS).expect("it is playable");
        let out = Explore(2, Reductions::ALL).on(&machine);
        (out.found, out.cut, out.states, out.transitions)
    };
    let equal = explored(1);
    assert_eq!(equal, explored(40), "each packet has a key of its own");
    assert_eq!((equal.0, equal.1, equal.2), (None, None, 46_256));
}

/// The verdict on this system is the expected one.
pub fn verdict(scenario: &Scenario, name: &str) -> Result<(), String> {
    let out = play(name, &scenario.program, PROCESSORS)
        .map(|machine| Explore(1, Reductions::ALL).on(&machine))
        .expect("it is playable");
    let verdict = match out.found {
        _ if out.cut.is_some() => "(partial)",
        Some(found) => found.property(&scenario.names),
        None => "pass",
    };
    let is_builtin = matches!(out.found, Some(Found::Violation(Violation::Builtin(_))));
    let as_expected = match &scenario.expect {
        Expect::Pass => verdict == "pass",
        expect => out.cut.is_none() && expect.is_named(verdict, is_builtin),
    };
    if as_expected {
        return Ok(());
    }
    let (scenario, expect) = (&scenario.name, &scenario.expect);
    Err(format!(
        "{scenario} as {name}: {verdict:?}, expected {expect:?}"
    ))
}

/// Each verdict is the expected one, on every system that the scenario is meant for.
#[test]
fn every_scenario_has_the_verdict_that_it_expects() {
    let mut wrong = Vec::new();
    for (scenario, name) in pairs() {
        if is_too_large(&scenario) {
            println!("not explored here, too large: {}", scenario.name);
            continue;
        }
        wrong.extend(verdict(&scenario, name).err());
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_pool_has_the_counts_of_the_other_checkers() {
    the_pool_is_counted();
}

/// The benchmark has the states and transitions that SPIN, Stateright, TLC and rumur count for it.
pub fn the_pool_is_counted() {
    let scenario = scenario_of("bench/pool-4-2-2-4");
    let out = play("windows", &scenario.program, PROCESSORS)
        .map(|machine| Explore(2, Reductions::NONE).on(&machine))
        .expect("Windows plays it");
    assert_eq!(
        (out.states, out.transitions, out.found, out.cut),
        (106_107, 616_059, None, None)
    );
}

/// How many states and transitions each search has, so that a change of any is seen: first the whole one, then those
/// that leave something out. Then how large a state is, how many claims decide something and how often, and some runs.
pub const STATES: &str = "tests/states.txt";

/// The line of that list for a scenario on a system. Whatever is left out of the search, the verdict is the same, and so
/// is the counterexample.
pub fn states(scenario: &Scenario, name: &str) -> String {
    let machine = play(name, &scenario.program, PROCESSORS).expect("it is playable");
    let whole = Explore(1, Reductions::NONE).citing(&machine);
    let mut counts = format!("{}/{}", whole.states, whole.transitions);
    for reductions in EVERY {
        let out = Explore(1, reductions).on(&machine);
        assert_eq!(
            (out.found, out.cut, &out.path),
            (whole.found, whole.cut, &whole.path),
            "{} as {name}, {reductions:?}",
            scenario.name
        );
        assert!(out.states <= whole.states, "{}", scenario.name);
        counts += &format!(" {}/{}", out.states, out.transitions);
    }
    let coverage = whole.coverage.expect("it was asked for");
    let (claims, times) = coverage.used().fold((0, 0), |(claims, times), (_, more)| {
        (claims + 1, times + more)
    });
    format!(
        "{} as {name}: {counts}; {} bytes; {claims} claims, {times} times; {}\n",
        scenario.name,
        machine.boot().bytes().len(),
        runs(&*machine, &scenario.names)
    )
}

#[test]
fn what_is_left_out_makes_no_difference() {
    let pairs = pairs().into_iter();
    let small = pairs.filter(|(scenario, _)| !is_too_large(scenario));
    let lines: String = small
        .map(|(scenario, name)| states(&scenario, name))
        .collect();
    is_as_kept(STATES, &lines);
}

/// One worker, two and three come to the same counts, verdict and counterexample.
#[test]
fn as_many_workers_as_you_like() {
    for (scenario, name) in pairs() {
        if scenario.name.starts_with("bench/pool") {
            continue;
        }
        let [one, two, three] = [1, 2, 3].map(|workers| {
            let work = Explore(workers, Reductions::ALL);
            let out = play(name, &scenario.program, PROCESSORS)
                .map(|machine| work.on(&machine))
                .expect("it is playable");
            let counts = (out.states, out.transitions, out.depth_max);
            (counts, out.found, out.cut, out.path)
        });
        assert_eq!(one, two, "{}", scenario.name);
        assert_eq!(one, three, "{}", scenario.name);
    }
}

#[test]
fn what_systems_lack() {
    lacks_are_as_kept();
}

/// What each system says that it lacks, in all shipped scenarios, whatever systems they are meant for.
pub fn lacks_are_as_kept() {
    let lacks: BTreeSet<_> = scenarios().iter().flat_map(lacks).collect();
    let shown: String = lacks.into_iter().collect();
    is_as_kept("tests/lacks.txt", &shown);
}

/// What systems lack for one scenario.
fn lacks(scenario: &Scenario) -> BTreeSet<String> {
    let mut lacks = BTreeSet::new();
    for name in NAMES {
        match play(name, &scenario.program, PROCESSORS).map(|machine| machine.about().name) {
            Ok(its) => assert_eq!(its, name),
            Err(why) => {
                lacks.insert(format!("{name}: {why}\n"));
                let meant_for = scenario.meant_for.iter().flatten();
                if meant_for.into_iter().any(|machine| machine == name) {
                    lacks.insert(format!("{name}: so {} is not played\n", scenario.name));
                }
            }
        }
    }
    lacks
}

/// A list that is kept, so that a change of it is seen.
pub(crate) fn is_as_kept(file: &str, shown: &str) {
    let file = root().join(file);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&file, shown).expect("it can be written");
    }
    let known = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(known, shown, "UPDATE_EXPECT=1 blesses it");
}

/// What the model shows for the schedule of a scenario on this system.
fn shown(scenario: &Scenario, name: &str) -> String {
    let machine = play(name, &scenario.program, PROCESSORS).expect("it is playable");
    let events = run(&*machine, &mut *Policy::Random.seeded(0), 10_000).events;
    let lanes = lanes::lanes(&scenario.names, &scenario.program, &events);
    format!("{} as {name}\n\n{lanes}", scenario.name)
}

/// Where what somebody has read and found right is kept.
fn golden(scenario: &Scenario, name: &str) -> PathBuf {
    root().join(format!("traces/golden/{}.{name}.txt", scenario.name))
}

/// What the model shows for a schedule is what somebody has read and found right.
pub fn is_golden(scenario: &Scenario, name: &str) -> Result<(), String> {
    let (file, shown) = (golden(scenario, name), shown(scenario, name));
    match fs::read_to_string(&file).unwrap_or_default() == shown {
        true => Ok(()),
        false => Err(format!("{}:\n{shown}", file.display())),
    }
}

/// What the model shows for each schedule is what somebody has read and found right.
#[test]
fn golden_lanes() {
    let bless = std::env::var_os("UPDATE_EXPECT").is_some();
    let (mut wrong, mut known) = (Vec::new(), Vec::new());
    for (scenario, name) in pairs() {
        if scenario.program.schedule.is_none() {
            continue;
        }
        let file = golden(&scenario, name);
        if bless {
            fs::create_dir_all(file.parent().expect("it has one")).expect("it can be made");
            fs::write(&file, shown(&scenario, name)).expect("it can be written");
        }
        wrong.extend(is_golden(&scenario, name).err());
        known.push(file);
    }
    for file in files_below(&root().join("traces/golden")) {
        if !known.contains(&file) {
            wrong.push(format!("{}: no scenario has these lanes", file.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "UPDATE_EXPECT=1 blesses these:\n{}",
        wrong.join("\n")
    );
}

/// The traces that are kept in a folder.
pub fn kept(folder: &str) -> Vec<PathBuf> {
    files_below(&root().join("traces").join(folder))
}

/// A trace that the model cannot show is refused, and at the event where it goes wrong.
pub fn is_refused(file: &Path) -> Result<(), String> {
    let (scenario, trace) = of_its_scenario(file, "UPDATE_EXPECT=1 stamps it anew");
    let name = trace.header.personality.as_ref();
    let name = name.expect("a refused trace names its judge");
    let expected = trace.header.refused_at;
    let expected = expected.expect("a refused trace says where");
    let judgement = judged(&scenario, name, &trace);
    let judgement = judgement.unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    let at = judgement.refused.as_ref().map(|refusal| refusal.at);
    if at == Some(expected) {
        return Ok(());
    }
    let file = file.display();
    Err(format!(
        "{file}: refused at {at:?}, expected {expected}: {judgement:?}"
    ))
}

/// Traces that the model cannot show are refused, each at the event where it goes wrong.
#[test]
fn refused_traces() {
    let files = kept("refused");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        files.iter().for_each(|file| stamp(file));
    }
    let wrong: Vec<_> = files
        .iter()
        .filter_map(|file| is_refused(file).err())
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(!files.is_empty(), "there are refused traces");
}

/// The trace is one of its scenario as that is now.
fn stamp(file: &Path) {
    let header = read(file).unwrap_or_else(|bad| panic!("{bad}")).header;
    let now = scenario_of(&header.scenario).sha256;
    let text = fs::read_to_string(file).expect("it was read before");
    let stamped = text.replacen(&header.scenario_sha256, &now, 1);
    fs::write(file, stamped).expect("it can be written");
}

/// What a kernel once did, its own personality still admits, in the version of that kernel.
pub fn is_admitted(file: &Path) -> Result<(), String> {
    let (scenario, trace) = recording(file);
    let on = trace.header.on.as_ref();
    let on = on.expect("a recording names its backend");
    let name = judge_of(on, &trace.header.os);
    let judgement = judged(&scenario, &name, &trace);
    let judgement = judgement.unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    match judgement.refused.is_none() && trace.end.is_some() {
        true => Ok(()),
        false => Err(format!("{}: {judgement:?}", file.display())),
    }
}

/// What kernels once did, their own personalities still admit: the measurements behind the claims.
#[test]
fn recorded_traces() {
    let files = kept("recorded");
    let wrong: Vec<_> = files
        .iter()
        .filter_map(|file| is_admitted(file).err())
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(!files.is_empty(), "there are recorded traces");
}

/// What a kernel did in lock-step, every other system that has the operations is asked about too: where its rules
/// contradict what was measured, it refuses. The list says which do, at which event, and by which claims.
pub const CONTRADICTED: &str = "tests/contradicted.txt";

/// The line of that list for a recording; none for one that was made at full speed.
pub fn contradictions(file: &Path) -> Option<String> {
    let (scenario, trace) = recording(file);
    if trace.header.mode == Mode::Free {
        return None;
    }
    let mut refused = Vec::new();
    for name in NAMES {
        if let Ok(judgement) = judged(&scenario, name, &trace)
            && let Some(refusal) = judgement.refused
        {
            let by: Vec<_> = refusal.by.iter().map(|claim| claim.id).collect();
            refused.push(format!("{name} at {} ({})", refusal.at, by.join(", ")));
        }
    }
    let file = file.strip_prefix(root().join("traces/recorded"));
    let file = file.expect("it lies there").display().to_string();
    let refused = match refused.is_empty() {
        true => "nobody".to_owned(),
        false => refused.join(", "),
    };
    Some(format!("{}: {refused}\n", file.trim_end_matches(".jsonl")))
}

#[test]
fn recordings_are_refused_where_rules_contradict_them() {
    let files = kept("recorded");
    let lines: String = files
        .iter()
        .filter_map(|file| contradictions(file))
        .collect();
    is_as_kept(CONTRADICTED, &lines);
}

/// A recording, with the version of its scenario that it is of.
fn recording(file: &Path) -> (Scenario, Trace) {
    of_its_scenario(file, "record it again")
}

/// A trace, with the version of its scenario that it is of; else there is something to do.
fn of_its_scenario(file: &Path, to_do: &str) -> (Scenario, Trace) {
    let trace = read(file).unwrap_or_else(|bad| panic!("{bad}"));
    let scenario = scenario_of(&trace.header.scenario);
    assert_eq!(
        scenario.sha256,
        trace.header.scenario_sha256,
        "{}: of another version of its scenario; {to_do}",
        file.display()
    );
    let trace = trace
        .resolve(&scenario.names, &scenario.program)
        .unwrap_or_else(|bad| panic!("{bad}"));
    (scenario, trace)
}

/// The shipped scenario of this name.
pub fn scenario_of(name: &str) -> Scenario {
    let file = root().join("scenarios").join(format!("{name}.json"));
    Scenario::read(&file).unwrap_or_else(|bad| panic!("{bad}"))
}

/// What the system of this name says of a trace, by the mode in which it was made.
fn judged(scenario: &Scenario, name: &str, trace: &Trace) -> Result<Judgement, String> {
    let (program, names) = (&scenario.program, &scenario.names);
    let (events, end) = (&trace.events, trace.end.as_ref());
    if trace.header.mode == Mode::Free {
        let seen = (&events[..], &trace.spans[..]);
        return judge_free(program, names, name, PROCESSORS, seen, end);
    }
    let at_rest = trace.header.from == Origin::Backend;
    judge(program, names, name, PROCESSORS, events, end, at_rest)
}

/// Every file below a folder, sorted.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_below(&path))
        } else {
            files.push(path)
        }
    }
    files.sort();
    files
}

/// Every file validates against the schema that the command prints.
#[test]
fn every_file_validates() {
    let scenario = jsonschema::validator_for(&scenario::schema()).expect("the schema is one");
    for file in find(&[root().join("scenarios")]).expect("the folder is there") {
        let text = fs::read_to_string(&file).expect("it can be read");
        let value = serde_json::from_str(&text).expect("it is JSON");
        if let Err(problem) = scenario.validate(&value) {
            panic!("{}: {problem}", file.display());
        }
    }
    let trace = jsonschema::validator_for(&portsim::trace::schema()).expect("the schema is one");
    for folder in ["traces/refused", "traces/recorded"] {
        for file in files_below(&root().join(folder)) {
            let text = fs::read_to_string(&file).expect("it can be read");
            for line in text.lines() {
                let value = serde_json::from_str(line).expect("it is JSON");
                if let Err(problem) = trace.validate(&value) {
                    panic!("{}: {problem}: {line}", file.display());
                }
            }
        }
    }
}

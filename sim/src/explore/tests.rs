//! What a graph knows, on small scenarios.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use portsim_model::property::{Fault, Violation};

use super::*;
use crate::check::{Limits, Reductions, Workers, check};
use crate::choose::Policy;
use crate::personality::play;
use crate::run::{Notes, follow, run};
use crate::scenario::Scenario;

/// Two workers on a port that lets one run, and two packets.
const POOL: &str = r#"{
    "why": "Who is held back?",
    "ports": { "p": { "concurrency": 1 } },
    "threads": {
        "a": [ { "get": "p", "into": "x" } ],
        "b": [ { "get": "p", "into": "x" } ],
        "poster": [ { "post": "p", "key": 1 }, { "post": "p", "key": 2 } ]
    },
    "properties": { "always": { "few": "p.depth < 2" }, "at_end": { "all": "a.x.ok && b.x.ok" } }
}"#;

fn graph(text: &str, personality: &str) -> (Scenario, Graph) {
    let scenario = Scenario::parse("it", Path::new("it.json"), text.as_bytes());
    let scenario = scenario.expect("the scenario is right");
    let machine = play(personality, &scenario.program, 2).expect("it can be played");
    (scenario, Graph::new(machine))
}

/// Every state that a search without reductions and properties finds, and every transition.
fn counts(scenario: &Scenario, personality: &str) -> (usize, usize) {
    let machine = play(personality, &scenario.program, 2).expect("it can be played");
    let limits = Limits {
        memory_bytes: 1 << 30,
        depth: None,
        exact: true,
        preemptions: None,
    };
    let (workers, stop) = (Workers::default(), AtomicBool::new(false));
    let found = check(
        &machine,
        Reductions::NONE,
        limits,
        &workers,
        None,
        &stop,
        |_| {},
    );
    let found = found.expect("it can be searched");
    assert_eq!(
        found.found, None,
        "a search that finds something ends there"
    );
    (found.states as usize, found.transitions as usize)
}

#[test]
fn it_is_the_graph_that_a_search_sees() {
    let text = POOL.replace("p.depth < 2", "p.depth < 3");
    for personality in ["windows", "epoll", "condvar"] {
        let (scenario, mut graph) = graph(&text, personality);
        graph.grow(&[0], usize::MAX);
        assert!(graph.is_whole());
        let steps = (0..graph.nodes().len()).map(|node| graph.steps(node).map_or(0, <[Edge]>::len));
        let known = (graph.nodes().len(), 1 + steps.sum::<usize>());
        assert_eq!(known, counts(&scenario, personality), "{personality}");
    }
}

#[test]
fn two_steps_to_one_state_are_two() {
    // Both branches do the same.
    let text = r#"{
        "why": "Which of two ways is taken?",
        "ports": { "p": {} },
        "threads": { "a": [ { "either": [ [ { "post": "p", "key": 1 } ], [ { "post": "p", "key": 1 } ] ] } ] }
    }"#;
    let (_, mut graph) = graph(text, "windows");
    let steps = graph.expand(0);
    assert_eq!(steps.len(), 2);
    assert_ne!(steps[0].step, steps[1].step);
    assert_eq!(steps[0].to, steps[1].to);
}

#[test]
fn a_run_is_followed_as_far_as_it_is_possible() {
    let (_, mut graph) = graph(POOL, "windows");
    let first = graph.expand(0)[0].step;
    assert_eq!(graph.follow(&[first, first]).len(), 2, "it waits already");
}

#[test]
fn what_is_wrong_is_known_and_a_broken_invariant_ends_a_run() {
    let (_, mut graph) = graph(POOL, "windows");
    graph.grow(&[0], usize::MAX);
    let wrongs = graph.nodes().iter().filter_map(|node| node.wrong);
    assert!(wrongs.clone().any(|it| it == Violation::Always(0)));
    // The poster may end before anybody waits, and then nobody is left out.
    assert!(
        !wrongs
            .clone()
            .any(|it| it == Violation::Builtin(Fault::Deadlock))
    );
    let text = POOL.replace(
        "[ { \"post\": \"p\", \"key\": 1 }, { \"post\": \"p\", \"key\": 2 } ]",
        "[ { \"post\": \"p\", \"key\": 1 } ]",
    );
    let (_, mut graph) = self::graph(&text, "windows");
    graph.grow(&[0], usize::MAX);
    for (n, node) in graph.nodes().iter().enumerate() {
        let is_over = graph.steps(n).is_some_and(<[Edge]>::is_empty);
        assert_eq!(
            is_over,
            node.wrong == Some(Violation::Builtin(Fault::Deadlock))
        );
    }
}

#[test]
fn facts_are_the_same_in_every_state() {
    let (scenario, mut graph) = graph(POOL, "windows");
    graph.grow(&[0], usize::MAX);
    let heads = |node: &Node| -> Vec<_> {
        let facts = facts(graph.machine(), &scenario.names, &node.state);
        facts.into_iter().map(|it| (it.noun, it.part)).collect()
    };
    let first = heads(&graph.nodes()[0]);
    assert!(graph.nodes().iter().all(|node| heads(node) == first));
}

#[test]
fn of_a_large_graph_what_is_near_the_run_is_kept() {
    let (scenario, mut whole) = graph(POOL, "windows");
    whole.grow(&[0], usize::MAX);
    // To one of the states that are furthest away.
    let far = whole.nodes().len() - 1;
    let mut run = Vec::new();
    let mut at = far;
    while let Some(before) = whole.nodes()[at].before {
        let steps = whole.steps(before).unwrap_or_default();
        let edge = steps.iter().find(|edge| edge.to == at);
        run.push(edge.expect("it was come by that way").step);
        at = before;
    }
    run.reverse();
    let machine = play("windows", &scenario.program, 2).expect("it can be played");
    let tour = Tour::of(Arc::clone(&machine), &run, None, 10);
    assert_eq!(tour.run, run);
    assert!(!tour.graph.is_whole());
    let known = tour.graph.nodes();
    assert!(
        known
            .iter()
            .any(|node| node.state == whole.nodes()[far].state)
    );
    let all = Tour::of(machine, &run, None, 1_000);
    assert!(all.graph.is_whole());
    assert_eq!(all.graph.nodes().len(), whole.nodes().len());
}

#[test]
fn a_recording_is_explained_as_far_as_it_can_be() {
    let (scenario, graph) = graph(POOL, "windows");
    let machine = play("windows", &scenario.program, 2).expect("it can be played");
    for seed in 0..20 {
        let mut chooser = Policy::Random.seeded(seed);
        let run = run(&*machine, &mut *chooser, 1_000);
        let (steps, explained) = graph.clone().explain(&run.events, false);
        assert_eq!(explained, run.events.len(), "seed {seed}");
        let shown = follow(&*machine, &steps, Notes::default()).events;
        let are_alike = shown
            .iter()
            .zip(&run.events)
            .all(|(ours, it)| ours.shown.agrees(&it.shown));
        assert!(are_alike && shown.len() == run.events.len(), "seed {seed}");
        // What cannot come next is left, and all before it is explained.
        let mut events = run.events.clone();
        events.push(events[0].clone());
        assert_eq!(graph.clone().explain(&events, false), (steps, explained));
    }
}

//! A system that exists in this file only: all tools take it as it is, so to add a system is to write one.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use portsim::admit::admit;
use portsim::check::{Exploration, Limits, Reductions, Workers, check};
use portsim::choose::Policy;
use portsim::run::{Ended, run};
use portsim::scenario::Scenario;
use portsim::trace::End;
use portsim_model::about::About;
use portsim_model::contract::Personality;
use portsim_model::event::{Error, Observer, Outcome};
use portsim_model::machine::{AnyMachine, Machine};
use portsim_model::program::{Get, Op, PacketId, Post, Program, ThreadId, Verb};
use portsim_model::property::Fault;
use portsim_model::state::View;
use portsim_model::turn::Turn;

/// A queue that gives to the thread that has waited longest, and has no more than that.
#[derive(Debug, Clone, Copy)]
struct Queue;

/// Why it cannot do the rest.
const NO_MORE: &str = "a queue has no such operation";

static ABOUT: About = About {
    name: "queue",
    can: &[&[Verb::Get, Verb::Post, Verb::Yield, Verb::Stall]],
    lacks_the_rest: NO_MORE,
    ..About::PLAIN
};

impl Personality for Queue {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn refuses(&self, _: &Program, op: Op) -> Option<&'static str> {
        let is_batch = matches!(op, Op::Get { max: Some(_), .. });
        is_batch.then_some(NO_MORE)
    }

    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        match turn.port(get.port).packets_mut().take_oldest() {
            Some(packet) => {
                turn.delivered(get.port, 1);
                turn.returns(me, Outcome::Packet(PacketId(packet)));
            }
            None => {
                turn.port(get.port).waiters_mut().push_newest(me);
                turn.parks(me, get.timeout);
            }
        }
    }

    fn post<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, post: Post) {
        turn.inserted();
        turn.returns(me, Outcome::Done);
        match turn.port(post.port).waiters_mut().take_oldest() {
            Some(waiter) => {
                turn.delivered(post.port, 1);
                turn.releases(waiter, Outcome::Packet(post.packet));
            }
            None => turn.port(post.port).packets_mut().append(post.packet.0),
        }
    }

    fn wake<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Get) {
        unreachable!("a packet is handed over, and nobody is woken without one")
    }

    fn expire<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        turn.port(get.port).waiters_mut().remove(me);
        turn.releases(me, Outcome::Failed(Error::Timeout));
    }

    fn holds(&self, _: View<'_>) -> Result<(), Fault> {
        Ok(())
    }
}

fn scenario(winner: &str) -> Scenario {
    let text = format!(
        r#"{{ "why": "Who is first?", "ports": {{ "p": {{}} }},
             "threads": {{ "a": [{{ "get": "p", "into": "x" }}], "b": [{{ "get": "p", "into": "x" }}],
                           "m": [{{ "post": "p", "key": 1 }}] }},
             "schedule": ["a", "b", "m"], "may_wait": ["a", "b"],
             "properties": {{ "at_end": {{ "first": "{winner}.x.key == 1" }} }} }}"#
    );
    let file = Path::new("toy.json");
    Scenario::parse("toy", file, text.as_bytes()).unwrap_or_else(|bad| panic!("{bad}"))
}

fn machine(scenario: &Scenario, scheduled: bool) -> Arc<dyn AnyMachine> {
    let mut program = Program::clone(&scenario.program);
    if !scheduled {
        program.schedule = None;
    }
    let machine = Machine::new(Arc::new(program), Queue, 2);
    Arc::new(machine.unwrap_or_else(|lacks| panic!("{}", lacks.why)))
}

fn explored(machine: &Arc<dyn AnyMachine>) -> Exploration {
    let limits = Limits {
        memory_bytes: 1 << 30,
        depth: None,
        exact: false,
        preemptions: None,
    };
    let stop = AtomicBool::new(false);
    let workers = Workers::default();
    check(
        machine,
        Reductions::ALL,
        limits,
        &workers,
        None,
        &stop,
        |_| {},
    )
    .expect("it is alone")
}

/// It is run, explored, and its traces are admitted; what does not hold of it is found.
#[test]
fn a_system_of_one_file_is_run_explored_and_admitted() {
    let oldest = scenario("a");
    let queue = machine(&oldest, true);
    let execution = run(&*queue, &mut *Policy::Random.seeded(1), 100);
    assert_eq!(execution.ended, Ended::Rest);
    let end = End::of(execution.parked.clone());
    let judge = |scheduled| {
        let queue = machine(&oldest, scheduled);
        admit(&*queue, &oldest.names, &execution.events, Some(&end), true).refused
    };
    assert_eq!(judge(false), None);
    assert_eq!(explored(&queue).found, None);
    let newest = scenario("b");
    let found = explored(&machine(&newest, true))
        .found
        .expect("the oldest is first");
    assert_eq!(found.property(&newest.names), "first");
    let closes = r#"{ "why": "It has no end.", "ports": { "p": {} }, "threads": { "a": [{ "close": "p" }] } }"#;
    let closes =
        Scenario::parse("toy", Path::new("toy.json"), closes.as_bytes()).expect("it is one");
    let lacks = Machine::new(closes.program, Queue, 2).expect_err("it is refused");
    assert_eq!(lacks.why, "a queue has no such operation");
}

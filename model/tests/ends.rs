//! Waits for the end of threads: who is released, by which step, and what a search may not leave out.

use std::sync::Arc;

use portsim_model::build::Builder;
use portsim_model::event::{Observer, Outcome};
use portsim_model::personality::Windows;
use portsim_model::program::{Object, ObjectId, Op, ProcessId, Program, ThreadId, Timeout, Whose};
use portsim_model::symmetry::Symmetry;
use portsim_model::threads::Mode;
use portsim_model::{AnyMachine, Machine, State};

/// A wait for the end of an object.
fn join(object: u8) -> Op {
    Op::Join {
        object: ObjectId(object),
        into: None,
        timeout: Timeout::Never,
        alertable: false,
    }
}

/// A program of threads that do these, on the ends of those.
fn program(threads: &[&[Op]], ends: &[Whose]) -> Program {
    let mut program = Builder::new();
    for ops in threads {
        program.thread(|code| ops.iter().for_each(|&op| code.op(op)));
    }
    let mut program = program.build().expect("it has room and threads that start");
    program.objects = ends.iter().copied().map(Object::End).collect();
    program
}

fn machine(program: &Program) -> Machine<Windows> {
    let program = Arc::new(program.clone());
    Machine::new(program, Windows::LATER, 1).expect("every system has these operations")
}

/// Who has come back from a wait.
#[derive(Default)]
struct Back(Vec<ThreadId>);

impl Observer for Back {
    fn call(&mut self, _: ThreadId, _: Op) {}

    fn ret(&mut self, thread: ThreadId, op: Op, _: Outcome) {
        self.0.extend(op.wait().map(|_| thread));
    }
}

/// Lets a thread take its only step; who comes back from a wait in it.
fn step(machine: &dyn AnyMachine, state: &mut State, thread: u8) -> Vec<u8> {
    let (mut steps, mut back) = (Vec::new(), Back::default());
    let _ = machine.movers(state, &mut steps);
    steps.retain(|step| step.thread == ThreadId(thread));
    assert_eq!(steps.len(), 1, "thread {thread} has one step");
    assert_eq!(machine.take(state, steps[0], &mut back), None);
    back.0.into_iter().map(|id| id.0).collect()
}

fn modes(machine: &dyn AnyMachine, state: &State) -> Vec<Mode> {
    let view = machine.view(state);
    machine
        .program()
        .thread_ids()
        .map(|id| view.mode(id))
        .collect()
}

const FIRST_TWO: Whose = Whose::Threads {
    first: ThreadId(0),
    count: 2,
};

/// The last operation of a thread that is waited for is not its end, and its end releases all.
#[test]
fn an_end_is_a_step_that_releases_all() {
    use Mode::{Blocked, Done, Ready};
    let one = Whose::one(ThreadId(0));
    let program = program(&[&[Op::Yield], &[join(0)], &[join(0)]], &[one]);
    let machine = machine(&program);
    let machine: &dyn AnyMachine = &machine;
    let mut state = machine.boot();
    for thread in [1, 2, 0] {
        step(machine, &mut state, thread);
    }
    assert_eq!(modes(machine, &state), [Ready, Blocked, Blocked]);
    assert_eq!(step(machine, &mut state, 0), [1, 2]);
    assert_eq!(modes(machine, &state), [Done, Done, Done]);
}

/// Of several the last is waited for; what has come already is had without a wait.
#[test]
fn the_last_of_several_is_waited_for() {
    use Mode::{Blocked, Done};
    let program = program(
        &[&[Op::Exit], &[Op::Exit], &[join(0), join(0)]],
        &[FIRST_TWO],
    );
    let machine = machine(&program);
    let machine: &dyn AnyMachine = &machine;
    let mut state = machine.boot();
    step(machine, &mut state, 2);
    step(machine, &mut state, 1);
    assert_eq!(modes(machine, &state)[2], Blocked);
    step(machine, &mut state, 0);
    step(machine, &mut state, 2);
    assert_eq!(modes(machine, &state)[2], Done);
}

/// Whoever ends with a process is not released first by the end of another in it.
#[test]
fn nobody_of_a_process_outlives_it() {
    use Mode::{Blocked, Done};
    let ends = [Whose::Process(ProcessId(1)), Whose::one(ThreadId(0))];
    let mut program = program(
        &[
            &[Op::Stall],
            &[join(1), join(0)],
            &[Op::ExitProcess],
            &[join(0)],
        ],
        &ends,
    );
    for thread in &mut program.threads[..3] {
        thread.process = ProcessId(1);
    }
    let machine = machine(&program);
    let machine: &dyn AnyMachine = &machine;
    let mut state = machine.boot();
    for thread in [0, 1, 3] {
        step(machine, &mut state, thread);
    }
    assert_eq!(modes(machine, &state)[3], Blocked);
    assert_eq!(
        step(machine, &mut state, 2),
        [3],
        "nobody who has ended comes back"
    );
    assert_eq!(modes(machine, &state), [Done, Done, Done, Done]);
}

/// Threads are alike where the end of both is waited for together, and not where it is that of one.
#[test]
fn who_is_waited_for_alone_trades_places_with_nobody() {
    let orbits = |whose| {
        let program = program(&[&[Op::Yield], &[Op::Yield], &[join(0)]], &[whose]);
        Symmetry::of(machine(&program).frame()).orbits().count()
    };
    assert_eq!(orbits(FIRST_TWO), 1);
    assert_eq!(orbits(Whose::one(ThreadId(0))), 0);
}

/// A wait for the own end is one for ever.
#[test]
fn nobody_sees_the_own_end() {
    let program = program(&[&[join(0)]], &[Whose::one(ThreadId(0))]);
    let machine = machine(&program);
    let machine: &dyn AnyMachine = &machine;
    let mut state = machine.boot();
    step(machine, &mut state, 0);
    assert_eq!(modes(machine, &state), [Mode::Blocked]);
    assert!(machine.judge_end(&state).is_some());
}

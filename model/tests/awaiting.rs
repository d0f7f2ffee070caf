//! A thread that awaits a condition: it moves when that holds, and is no more than any other thread.

use std::sync::Arc;

use portsim_model::build::{Builder, Term};
use portsim_model::personality::Windows;
use portsim_model::program::ThreadId;
use portsim_model::property::{Fault, Violation};
use portsim_model::threads::Mode;
use portsim_model::{AnyMachine, Machine, State};

fn machine(write: impl FnOnce(&mut Builder)) -> Machine<Windows> {
    let mut program = Builder::new();
    write(&mut program);
    let program = program.build().expect("it has room and threads that start");
    Machine::new(Arc::new(program), Windows::LATER, 1).expect("every system has these operations")
}

/// Who can move.
fn movers(machine: &dyn AnyMachine, state: &State) -> Vec<u8> {
    let mut steps = Vec::new();
    let _ = machine.movers(state, &mut steps);
    steps.iter().map(|step| step.thread.0).collect()
}

/// Lets the only thread that can move do so.
fn step(machine: &dyn AnyMachine, state: &mut State) {
    let mut steps = Vec::new();
    let _ = machine.movers(state, &mut steps);
    assert_eq!(steps.len(), 1, "one can move");
    assert_eq!(machine.take(state, steps[0], &mut ()), None);
}

#[test]
fn it_moves_when_its_condition_holds_and_not_before() {
    let machine = machine(|program| {
        let go = program.var(0);
        program.thread(|code| code.wait_until(Term::from(go).equals(1)));
        program.thread(|code| code.set(go, 1));
    });
    let machine: &dyn AnyMachine = &machine;
    let mut state = machine.boot();
    assert_eq!(movers(machine, &state), [1]);
    step(machine, &mut state);
    assert_eq!(movers(machine, &state), [0]);
    step(machine, &mut state);
    assert_eq!(movers(machine, &state), [], "both are over");
    assert_eq!(machine.judge_end(&state), None);
}

/// One branch of a choice may be there while another is not.
#[test]
fn a_choice_has_the_branches_that_hold() {
    let machine = machine(|program| {
        let (go, went) = (program.var(1), program.var(0));
        program.thread(|code| {
            code.either(
                |code| code.wait_until(Term::from(go).equals(0)),
                |code| {
                    code.wait_until(Term::from(go).equals(1));
                    code.set(went, 1);
                },
            );
        });
    });
    let machine: &dyn AnyMachine = &machine;
    let mut state = machine.boot();
    for _ in 0..2 {
        step(machine, &mut state);
    }
    assert_eq!(movers(machine, &state), []);
}

#[test]
fn what_never_holds_is_a_deadlock_and_what_has_no_value_is_found() {
    let never = machine(|program| {
        let go = program.var(0);
        program.thread(|code| code.wait_until(Term::from(go).equals(1)));
    });
    let never: &dyn AnyMachine = &never;
    let boot = never.boot();
    assert_eq!(movers(never, &boot), []);
    let stuck = Violation::Builtin(Fault::Deadlock);
    assert_eq!(never.judge_end(&boot), Some(stuck));

    let nothing = machine(|program| {
        let go = program.var(0);
        program.thread(|code| code.wait_until((Term::from(1) / Term::from(go)).equals(1)));
    });
    let nothing: &dyn AnyMachine = &nothing;
    let mut state = nothing.boot();
    step(nothing, &mut state);
    assert_eq!(nothing.view(&state).mode(ThreadId(0)), Mode::Lost);
}

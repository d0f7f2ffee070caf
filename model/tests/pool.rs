//! The benchmark model has exactly the states and transitions that four other checkers count.

use std::collections::HashSet;
use std::sync::Arc;

use portsim_model::build::Builder;
use portsim_model::personality::Windows;
use portsim_model::program::{Packet, Program};
use portsim_model::{AnyMachine, Machine, State};

/// N workers that may stall whenever they hold a packet, concurrency C, P posters of K packets each.
fn pool(workers: u8, concurrency: u32, posters: u8, packets: usize) -> Program {
    let mut program = Builder::new();
    let port = program.port(concurrency);
    let workers = program.threads(workers, |code| {
        code.forever(|code| {
            code.get(port);
            code.forever(|code| code.either(|code| code.stall(), |code| code.leave()));
        });
    });
    program.may_wait(workers);
    for key in 1..=posters {
        let packet = program.packet(Packet::key(key.into()));
        let poster = program.thread(|code| (0..packets).for_each(|_| code.post(port, packet)));
        program.may_wait([poster]);
    }
    program.build().expect("it has room and threads that start")
}

/// States and transitions, the initial state counted as one generated.
fn explore(program: Program) -> (usize, usize) {
    let machine =
        Machine::new(Arc::new(program), Windows::LATER, 2).expect("Windows has these operations");
    let machine: &dyn AnyMachine = &machine;
    let boot = machine.boot();
    let mut seen: HashSet<State> = HashSet::from([boot.clone()]);
    let (mut frontier, mut transitions) = (vec![boot], 1);
    while let Some(state) = frontier.pop() {
        assert_eq!(machine.judge(&state), None);
        let mut steps = Vec::new();
        assert!(!machine.enabled(&state, |step| steps.push(step)).0);
        for step in steps {
            transitions += 1;
            let mut next = state.clone();
            assert_eq!(machine.take(&mut next, step, &mut ()), None);
            if seen.insert(next.clone()) {
                frontier.push(next);
            }
        }
    }
    (seen.len(), transitions)
}

#[test]
fn counts_are_those_of_the_other_checkers() {
    assert_eq!(explore(pool(4, 2, 2, 4)), (106_107, 616_059));
}

//! How many packets a port has room for, and where the exploration of a program stops for want of room.

use std::sync::Arc;

use portsim_model::AnyMachine;
use portsim_model::build::{Block, Builder};
use portsim_model::personality::machine;
use portsim_model::program::*;

/// A thread that posts so many packets, once or over and over.
fn posts(count: usize, again: bool) -> Program {
    let mut program = Builder::new();
    let port = program.port(1);
    let packet = program.packet(Packet::key(1));
    program.thread(|code| {
        let posts = |code: &mut Block<'_>| {
            (0..count).for_each(|_| code.post(port, packet));
        };
        match again {
            true => code.forever(posts),
            false => posts(code),
        }
    });
    program.build().expect("it has room")
}

/// On illumos, which has a limit of its own for each port.
fn on_illumos(program: Program) -> Arc<dyn AnyMachine> {
    let machine = machine("illumos", &Arc::new(program), 1, &[]).expect("there is such a system");
    machine.unwrap_or_else(|lacks| panic!("{}", lacks.why))
}

/// For how many packets the port has room, and whether that may be too few.
fn room(program: Program) -> (usize, bool) {
    let machine = on_illumos(program);
    let boot = machine.boot();
    let room = machine.view(&boot).port(PortId(0)).packets().room();
    (room, machine.is_bounded())
}

/// The same with a bound on packets, and with a limit of the port's own.
fn within(mut program: Program, bound: Option<u8>, limit: Option<u8>) -> (usize, bool) {
    program.bounds.packets = bound;
    program.ports[0].events_max = limit;
    room(program)
}

#[test]
fn a_port_has_room_for_all_that_is_posted() {
    assert_eq!(room(posts(3, false)), (3, false));
    assert_eq!(room(posts(250, false)), (250, false));
    assert_eq!(room(posts(251, false)), (250, true));
}

#[test]
fn what_is_posted_over_and_over_needs_a_bound() {
    assert_eq!(room(posts(3, true)), (16, true));
    assert_eq!(room(posts(16, true)), (16, true));
    assert_eq!(room(posts(17, true)), (17, true));
    assert_eq!(within(posts(3, true), Some(7), None), (7, true));
    assert_eq!(within(posts(3, true), Some(2), None), (2, true));
}

#[test]
fn a_bound_is_too_few_where_more_is_posted() {
    assert_eq!(within(posts(3, false), Some(2), None), (2, true));
    assert_eq!(within(posts(3, false), Some(3), None), (3, false));
    assert_eq!(within(posts(3, false), Some(4), None), (3, false));
}

/// A post beyond the limit of the port fails, and needs no room.
#[test]
fn a_port_is_full_at_its_own_limit() {
    assert_eq!(within(posts(3, false), None, Some(2)), (2, false));
    assert_eq!(within(posts(3, false), None, Some(5)), (3, false));
    assert_eq!(within(posts(3, true), None, Some(5)), (5, false));
    assert_eq!(within(posts(3, true), None, Some(50)), (50, false));
    assert_eq!(within(posts(3, true), Some(2), Some(5)), (2, true));
    assert_eq!(within(posts(3, true), Some(5), Some(5)), (5, false));
    assert_eq!(within(posts(3, true), Some(7), Some(5)), (5, false));
}

/// Where a bound keeps a thread from going on, that is said, and nobody goes on.
#[test]
fn threads_wait_for_room_and_say_so() {
    for bound in [1, 2, 5] {
        let mut program = posts(1, true);
        program.bounds.packets = Some(bound);
        let machine = on_illumos(program);
        let mut state = machine.boot();
        let mut taken = 0;
        let stopped = loop {
            let mut steps = Vec::new();
            let bounded = machine.enabled(&state, |step| steps.push(step));
            let [step] = steps[..] else {
                assert_eq!(steps, []);
                break bounded.0;
            };
            assert!(!bounded.0);
            machine.take(&mut state, step, &mut ());
            taken += 1;
        };
        assert_eq!((taken, stopped), (bound, true));
    }
}

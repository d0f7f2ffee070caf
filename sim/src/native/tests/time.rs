//! Timeouts, sleeps and the clock's turns.

use super::*;
use crate::native::Ended;
use crate::native::clock::tick_for;

fn ticks(ticks: u32) -> Timeout {
    Timeout::Ticks(ticks)
}

/// Deadlines pass in their own order, not in the order of the calls, one clock turn each.
#[test]
fn timeouts_fire_in_the_order_of_their_deadlines() {
    let program = program(vec![
        once([get_within(ticks(10))]),
        once([get_within(ticks(5))]),
        once([sleep(7)]),
    ]);
    check(
        &program.with_turns([Some(0), Some(1), Some(2), None, None, None, None]),
        &[
            "a! get",
            "b! get",
            "c! sleep",
            "b< ETIMEDOUT",
            "c< done",
            "a< ETIMEDOUT",
        ],
    );
}

/// Without a schedule the clock's turn is one of the steps, and comes when nothing else can move.
#[test]
fn a_policy_chooses_the_clock_too() {
    let program = program(vec![once([get_within(ticks(1)), post(2), get()])]);
    let recording = check(
        &program,
        &["a! get", "a< ETIMEDOUT", "a post done", "a get 2"],
    );
    assert_eq!(recording.ended, Ended::Rest);
    assert_eq!(recording.turns, 4);
}

/// A timeout of 0 does not wait, and a call that gets something in time leaves no deadline behind.
#[test]
fn a_deadline_that_was_met_is_forgotten() {
    let program = program(vec![
        once([get_within(ticks(0)), get_within(ticks(3))]),
        once([post(4)]),
    ]);
    check(
        &program.with_turns([Some(0), Some(0), Some(1), None]),
        &["a get ETIMEDOUT", "a! get", "b post done", "a< 4"],
    );
}

/// Who waited in the middle times out, and the others keep their order.
#[test]
fn a_timed_out_waiter_leaves_the_others_in_order() {
    let program = program(vec![
        once([get()]),
        once([get_within(ticks(2))]),
        once([get()]),
        once([post(1), post(2)]),
    ]);
    check(
        &program.with_turns([Some(0), Some(1), Some(2), None, Some(3), Some(3)]),
        &[
            "a! get",
            "b! get",
            "c! get",
            "b< ETIMEDOUT",
            "d post done",
            "c< 1",
            "d post done",
            "a< 2",
        ],
    );
}

/// The same deadline of several threads is one turn of the clock.
#[test]
fn equal_deadlines_pass_together() {
    let program = program(vec![once([get_within(ticks(4))]), once([sleep(4)])]);
    check(
        &program.with_turns([Some(0), Some(1), None]),
        &["a! get", "b! sleep", "a< ETIMEDOUT", "b< done"],
    );
}

/// The shortest timeout is long against a turn, and timeouts stay apart.
#[test]
fn a_tick_fits_the_program() {
    let tick = |timeouts: &[u32]| {
        let sleeps = timeouts.iter().map(|&ticks| sleep(ticks));
        tick_for(&program(vec![once(sleeps)]), 1).as_millis()
    };
    assert_eq!(tick(&[5, 10]), 8);
    assert_eq!(tick(&[50, 51]), 10);
    assert_eq!(tick(&[1000]), 1);
    assert_eq!(tick(&[0]), 1);
}

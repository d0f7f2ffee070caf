//! Waits that are not a port's, and control that is not the kernel's.

use portsim_model::expr::{Binary, Field};
use portsim_model::program::{Assignment, ObjectId, VarId, Variable, Whose};

use super::*;
use crate::native::Ended;

const O: ObjectId = ObjectId(0);

fn block_within(timeout: Timeout) -> Op {
    Op::Block {
        object: O,
        into: Some(SlotId(1)),
        timeout,
        alertable: false,
    }
}

fn block() -> Op {
    block_within(Timeout::Never)
}

fn signal() -> Op {
    Op::Signal { object: O }
}

fn with(object: Object, threads: Vec<Vec<Instr>>) -> Program {
    Program {
        objects: vec![object],
        ..program(threads)
    }
}

/// A stall takes two turns, and posts pass it by.
#[test]
fn a_stall_takes_two_turns() {
    let program = program(vec![once([Op::Stall, get()]), once([post(1)])]);
    check(
        &slated(program, &[0, 1, 0, 0]),
        &["a! stall", "b post done", "a< done", "a get 1"],
    );
}

/// A released mutex belongs to the oldest waiter at once; its owner can take it again; others cannot release it.
#[test]
fn a_mutex_is_handed_to_the_oldest_waiter() {
    let program = with(
        Object::Mutex,
        vec![
            once([block(), block(), signal(), signal(), block()]),
            once([block(), signal()]),
            once([signal(), block()]),
        ],
    );
    check(
        &slated(program, &[0, 0, 1, 2, 2, 0, 0, 0, 1]),
        &[
            "a block done",
            "a block done",
            "b! block",
            "c signal EPERM",
            "c! block",
            "a signal done",
            "a signal done",
            "b< done",
            "a! block",
            "b signal done",
            "c< done",
        ],
    );
}

/// An auto event releases one and forgets; a manual one releases all and stays; a semaphore counts.
#[test]
fn events_and_semaphores_release_whom_they_should() {
    let threads = || {
        vec![
            once([block(), block()]),
            once([block()]),
            once([signal(), signal(), Op::Reset { object: O }]),
        ]
    };
    let event = |manual| Object::Event {
        manual,
        signaled: false,
    };
    let turns = [0, 1, 2, 0, 2, 2];
    check(
        &slated(with(event(false), threads()), &turns),
        &[
            "a! block",
            "b! block",
            "c signal done",
            "a< done",
            "a! block",
            "c signal done",
            "b< done",
            "c reset done",
        ],
    );
    check(
        &slated(with(event(true), threads()), &turns),
        &[
            "a! block",
            "b! block",
            "c signal done",
            "a< done",
            "b< done",
            "a block done",
            "c signal done",
            "c reset done",
        ],
    );
    let program = with(Object::Semaphore { count: 1 }, threads());
    check(
        &slated(program, &[0, 0, 1, 2, 2, 2]),
        &[
            "a block done",
            "a! block",
            "b! block",
            "c signal done",
            "a< done",
            "c signal done",
            "b< done",
            "c reset EINVAL",
        ],
    );
}

/// A wait with a timeout can be released, time out, or not wait at all.
#[test]
fn a_wait_can_time_out() {
    let program = with(
        Object::Semaphore { count: 0 },
        vec![
            once([Timeout::Ticks(0), Timeout::Ticks(4), Timeout::Ticks(4)].map(block_within)),
            once([signal()]),
        ],
    );
    check(
        &program.with_turns([Some(0), Some(0), Some(1), Some(0), None]),
        &[
            "a block ETIMEDOUT",
            "a! block",
            "b signal done",
            "a< done",
            "a! block",
            "a< ETIMEDOUT",
        ],
    );
}

/// The end of a thread is a turn where somebody waits for it: of one thread, and of the last of several. What has ended
/// is had at once, and all that wait are released.
#[test]
fn the_end_of_a_thread_releases_who_waits_for_it() {
    let join = |object, timeout| Op::Join {
        object: ObjectId(object),
        into: None,
        timeout,
        alertable: false,
    };
    let mut program = program(vec![
        once([Op::Stall]),
        once([]),
        once([join(0, Timeout::Never), join(0, Timeout::Ticks(0))]),
        once([join(1, Timeout::Never)]),
        once([join(0, Timeout::Ticks(0)), join(0, Timeout::Ticks(4))]),
    ]);
    let whose = |count| {
        Object::End(Whose::Threads {
            first: ThreadId(0),
            count,
        })
    };
    program.objects = vec![whose(1), whose(2)];
    let turns = [
        Some(2),
        Some(3),
        Some(4),
        Some(4),
        Some(0),
        None,
        Some(0),
        Some(0),
        Some(2),
        Some(1),
    ];
    check(
        &program.with_turns(turns),
        &[
            "c! join",
            "d! join",
            "e join ETIMEDOUT",
            "e! join",
            "a! stall",
            "e< ETIMEDOUT",
            "a< done",
            "a exit done",
            "c< done",
            "c join done",
            "b exit done",
            "d< done",
        ],
    );
}

/// Shared variables, tests, results, spawn and exit are the conductor's, and show as turns of their own.
#[test]
fn control_is_played_by_the_conductor() {
    let mut program = program(vec![
        vec![
            Instr::Op(Op::Spawn {
                thread: ThreadId(1),
            }),
            Instr::Op(get()),
            Instr::If {
                cond: ExprId(2),
                otherwise: 6,
            },
            Instr::Op(Op::Set { first: 0, len: 1 }),
            Instr::Op(Op::Test {
                cond: ExprId(3),
                otherwise: 6,
            }),
            Instr::Op(Op::Exit),
            Instr::Op(Op::Note(0)),
            Instr::End,
        ],
        once([post(7)]),
    ]);
    program.threads[1].spawned = true;
    program.vars = vec![1];
    program.exprs = vec![
        Expr::Result {
            thread: None,
            slot: SlotId(0),
            field: Field::Key,
            nth: 0,
        },
        Expr::Const(7),
        Expr::Binary(Binary::Eq, ExprId(0), ExprId(1)),
        Expr::Var(VarId(0)),
    ];
    program.sets = vec![Assignment {
        var: Variable::Shared(VarId(0)),
        element: None,
        value: ExprId(1),
    }];
    let recording = check(
        &slated(program, &[1, 0, 0, 1, 0, 0, 0, 0]),
        &[
            "a spawn done",
            "a! get",
            "b post done",
            "a< 7",
            "a set done",
            "a test done",
            "a exit done",
        ],
    );
    assert_eq!(recording.turns, 8);
}

/// A failed assertion ends the recording and says whose it was.
#[test]
fn a_failed_assertion_ends_the_recording() {
    let mut program = program(vec![once([Op::Assert { cond: ExprId(0) }, post(1)])]);
    number(&mut program, 0);
    let recording = check(&program, &["a! assert"]);
    assert_eq!(recording.ended, Ended::AssertFailed(ThreadId(0)));
    assert_eq!(recording.parked, []);
}

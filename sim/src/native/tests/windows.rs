//! What holds on the backend `windows` whatever runs below it: real calls on real threads.

use portsim_model::program::{Object, ObjectId};

use super::*;

fn ticks(ticks: u32) -> Timeout {
    Timeout::Ticks(ticks)
}

/// Packets leave in the order of their posts, one by one or many at a time, and a poll of an empty port is over at once.
#[test]
fn packets_leave_oldest_first() {
    let poll = get_within(ticks(0));
    let posts = [post(1), post(2), post(3), post(4)];
    let takes = [poll, get_many(2), poll, poll];
    let turns = [0; 8];
    check(
        &slated(program(vec![once(posts.into_iter().chain(takes))]), &turns),
        &[
            "a post done",
            "a post done",
            "a post done",
            "a post done",
            "a get 1",
            "a get [2 3]",
            "a get 4",
            "a get WAIT_TIMEOUT",
        ],
    );
}

/// A thread that waits is seen to wait, and its packet releases it in the turn of the post.
#[test]
fn a_post_releases_a_thread_that_waits() {
    let program = program(vec![once([get(), get()]), once([post(5), post(6)])]);
    check(
        &slated(program, &[0, 1, 0, 1]),
        &[
            "a! get",
            "b post done",
            "a< 5",
            "a! get",
            "b post done",
            "a< 6",
        ],
    );
}

/// Deadlines pass in their own order, not in the order of the calls, one clock turn each.
#[test]
fn deadlines_pass_in_their_order() {
    let program = program(vec![
        once([get_within(ticks(10))]),
        once([get_within(ticks(5))]),
        once([sleep(7)]),
    ]);
    check(
        &program.with_turns([Some(0), Some(1), Some(2), None, None, None]),
        &[
            "a! get",
            "b! get",
            "c! sleep",
            "b< WAIT_TIMEOUT",
            "c< done",
            "a< WAIT_TIMEOUT",
        ],
    );
}

/// Threads are seen to wait for events, and in waits that nobody chose, too.
#[test]
fn other_waits_are_seen() {
    let object = ObjectId(0);
    let block = Op::Block {
        object,
        into: None,
        timeout: Timeout::Never,
        alertable: false,
    };
    let event = Object::Event {
        manual: false,
        signaled: false,
    };
    let program = Program {
        objects: vec![event],
        ..program(vec![
            once([block]),
            once([Op::Signal { object }]),
            once([Op::Stall]),
        ])
    };
    check(
        &slated(program, &[2, 0, 1, 2]),
        &[
            "c! stall",
            "a! block",
            "b signal done",
            "a< done",
            "c< done",
        ],
    );
}

const Q: PortId = PortId(1);

/// A program with a second port, like the first.
fn two_ports(threads: Vec<Vec<Instr>>) -> Program {
    let mut program = program(threads);
    program.ports.push(program.ports[0].clone());
    program
}

const CLOSE_Q: Op = Op::Close {
    port: Q,
    into: None,
};

const POST_Q: Op = Op::Post {
    port: Q,
    packet: PacketId(1),
    into: None,
    may_fail: false,
    reserve: None,
};

const GET_Q: Op = Op::Get {
    port: Q,
    into: Some(SlotId(0)),
    timeout: Timeout::Never,
    max: None,
    min: None,
    min_wait: None,
    alertable: false,
    keeps: false,
};

/// What the system makes later does not get the handle of a closed port: calls are still made with it.
#[test]
fn a_closed_port_stays_closed() {
    let duplicate = Op::DuplicatePort {
        port: P,
        into: None,
    };
    let calls = [CLOSE_Q, duplicate, POST_Q, get_within(ticks(0))];
    check(
        &slated(two_ports(vec![once(calls)]), &[0; 4]),
        &[
            "a close done",
            "a duplicateport done",
            "a post ERROR_INVALID_HANDLE",
            "a get WAIT_TIMEOUT",
        ],
    );
}

/// A packet with a failure and no OVERLAPPED is a packet still, and not a call that took nothing.
#[test]
fn a_failed_packet_without_an_overlapped_is_taken() {
    let cancelled = Packet {
        key: 5,
        bytes: 3,
        overlapped: 0,
        status: 0xc000_0120,
    };
    let mut program = program(vec![once([post(0), get_within(ticks(0))])]);
    program.packets[0] = cancelled;
    let recording = check(&slated(program, &[0; 2]), &["a post done", "a get 5"]);
    let Shown::Call { answer, .. } = &recording.events[1] else {
        panic!("{recording:?}")
    };
    assert_eq!(*answer, Some(Answer::Packet(cancelled)));
}

/// A call on a closed port leaves its thread where it belongs, so that its end is still a turn.
#[test]
fn a_call_on_a_closed_port_ends_no_membership() {
    let calls = [get_within(ticks(0)), CLOSE_Q, GET_Q];
    check(
        &slated(two_ports(vec![once(calls)]), &[0; 4]),
        &[
            "a get WAIT_TIMEOUT",
            "a close done",
            "a get ERROR_INVALID_HANDLE",
            "a exit done",
        ],
    );
}

fn terminate(thread: u8) -> Op {
    Op::Terminate {
        thread: ThreadId(thread),
    }
}

/// A thread that waits is ended in its call, which never returns, and a packet finds the thread behind it.
#[test]
fn a_waiter_that_is_ended_takes_nothing() {
    let program = program(vec![
        once([get_within(ticks(9))]),
        once([terminate(0), post(1), get_within(ticks(0)), terminate(0)]),
    ]);
    let recording = check(
        &slated(program, &[0, 1, 1, 1, 1]),
        &[
            "a! get",
            "b terminate done",
            "b post done",
            "b get 1",
            "b terminate done",
        ],
    );
    assert_eq!(recording.parked, []);
}

/// So is one that looks for its next call, whether or not it has made one; a thread that was ended cannot begin.
#[test]
fn a_thread_between_its_calls_is_ended() {
    let mut program = program(vec![
        once([post(1), post(2)]),
        once([post(3)]),
        once([
            terminate(0),
            terminate(1),
            Op::Spawn {
                thread: ThreadId(1),
            },
        ]),
    ]);
    program.threads[1].spawned = true;
    let recording = check(
        &slated(program, &[0, 2, 2, 0, 1, 2]),
        &[
            "a post done",
            "c terminate done",
            "c terminate done",
            "c spawn EEXIST",
        ],
    );
    assert_eq!(recording.parked, []);
}

/// A thread that ends itself makes no further call.
#[test]
fn a_thread_ends_itself() {
    let program = program(vec![
        once([post(1), terminate(0), post(2)]),
        once([get_within(ticks(0)), get_within(ticks(0))]),
    ]);
    check(
        &slated(program, &[0, 0, 0, 1, 1]),
        &[
            "a post done",
            "a terminate done",
            "b get 1",
            "b get WAIT_TIMEOUT",
        ],
    );
}

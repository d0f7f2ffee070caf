//! What epoll itself does with what it watches, as one thread sees it.

use portsim_model::program::{Events, Interest, SourceId, Watch};

use super::*;

#[derive(Clone, Copy)]
enum Trigger {
    Level,
    Edge,
    Oneshot,
}

fn interest(n: u8, trigger: Trigger) -> Interest {
    Interest {
        events: Events::In(PacketId(n)),
        edge: matches!(trigger, Trigger::Edge),
        oneshot: matches!(trigger, Trigger::Oneshot),
        exclusive: false,
    }
}

fn ctl(n: u8, change: Watch) -> Op {
    Op::EpollCtl {
        port: P,
        source: SourceId(n),
        change,
        into: None,
    }
}

fn written(n: u8) -> Op {
    Op::Write {
        source: SourceId(n),
    }
}

fn poll() -> Op {
    get_within(Timeout::Ticks(0))
}

/// Five sources that become ready in the order 3 1 4 0 2, then `more`; what its gets say.
#[track_caller]
fn gets(trigger: Trigger, more: impl IntoIterator<Item = Op>, expected: &[&str]) {
    let watch = (0..5).map(|n| ctl(n, Watch::Add(interest(n, trigger))));
    let write = [3, 1, 4, 0, 2].map(written);
    let program = Program {
        sources: vec![Source::default(); 5],
        ..program(vec![once(watch.chain(write).chain(more))])
    };
    let lines = lines(&run(&program));
    let gets = lines.iter().filter_map(|line| line.strip_prefix("a get "));
    assert_eq!(gets.collect::<Vec<_>>(), expected);
}

/// Level-triggered sources go round in the order in which they became ready.
#[test]
fn level_triggered_sources_go_round() {
    let expected = ["3", "1", "4", "0", "2", "3", "1", "4"];
    gets(Trigger::Level, vec![poll(); 8], &expected);
    let expected = ["[3 1]", "[4 0]", "[2 3]", "[1 4]"];
    gets(Trigger::Level, vec![get_many(2); 4], &expected);
}

/// Edge-triggered and one-shot sources are reported once each, in the order in which they became ready.
#[test]
fn edges_and_one_shots_are_reported_once() {
    let expected = ["3", "1", "4", "0", "2", "ETIMEDOUT"];
    gets(Trigger::Edge, vec![poll(); 6], &expected);
    gets(Trigger::Oneshot, vec![poll(); 6], &expected);
}

/// A second write before the wait adds nothing; after it, only to an edge: a spent one-shot is disarmed.
#[test]
fn writes_before_the_wait_coalesce() {
    let again = || [written(1), get_many(8), written(1), poll()];
    gets(Trigger::Edge, again(), &["[3 1 4 0 2]", "1"]);
    gets(Trigger::Oneshot, again(), &["[3 1 4 0 2]", "ETIMEDOUT"]);
}

/// Armed again while readable, a one-shot source is ready behind the others; a queued one keeps its place.
#[test]
fn arming_again_reports_in_the_order_of_arming() {
    let arm = |n| ctl(n, Watch::Mod(interest(n, Trigger::Oneshot)));
    let more = [get_many(8), arm(2), arm(0), arm(3), arm(2), get_many(8)];
    gets(Trigger::Oneshot, more, &["[3 1 4 0 2]", "[2 0 3]"]);
}

/// What is no longer watched or no longer readable is passed over in silence.
#[test]
fn removed_and_drained_sources_are_skipped() {
    let drain = Op::Drain {
        source: SourceId(4),
    };
    let more = [ctl(1, Watch::Del), drain, get_many(8)];
    gets(Trigger::Edge, more, &["[3 0 2]"]);
}

/// What epoll_ctl says about its arguments.
#[test]
fn mistakes_are_answers() {
    let add = Watch::Add(interest(0, Trigger::Edge));
    let program = Program {
        sources: vec![Source {
            readable: true,
            writable: None,
            port: None,
        }],
        ..program(vec![once([
            ctl(0, Watch::Del),
            ctl(0, Watch::Mod(interest(0, Trigger::Edge))),
            ctl(0, add),
            ctl(0, add),
            poll(),
            close(),
            ctl(0, add),
        ])])
    };
    check(
        &program,
        &[
            "a epollctl ENOENT",
            "a epollctl ENOENT",
            "a epollctl done",
            "a epollctl EEXIST",
            "a get 0",
            "a close done",
            "a epollctl EBADF",
        ],
    );
}

/// A level-triggered source that nobody empties returns every waiter from one write.
#[test]
fn a_level_that_nobody_empties_wakes_all() {
    let add = ctl(0, Watch::Add(interest(5, Trigger::Level)));
    let program = Program {
        sources: vec![Source::default()],
        ..program(vec![
            once([get()]),
            once([get()]),
            once([get()]),
            once([add, written(0)]),
        ])
    };
    check(
        &slated(program, &[0, 1, 2, 3, 3]),
        &[
            "a! get",
            "b! get",
            "c! get",
            "d epollctl done",
            "d write done",
            "a< 5",
            "b< 5",
            "c< 5",
        ],
    );
}

/// A closed source keeps its number: what is opened later is not found under it.
#[test]
fn a_closed_source_names_nobody_else() {
    let source = SourceId(0);
    let close_source = Op::CloseSource { source, into: None };
    let program = Program {
        sources: vec![Source::default()],
        ..program(vec![once([
            close_source,
            post(3),
            ctl(0, Watch::Add(interest(0, Trigger::Level))),
            ctl(0, Watch::Del),
            written(0),
            close_source,
            Op::Drain { source },
        ])])
    };
    check(
        &program,
        &[
            "a closesource done",
            "a post done",
            "a epollctl EBADF",
            "a epollctl EBADF",
            "a write done",
            "a closesource EBADF",
            "a drain EBADF",
        ],
    );
}

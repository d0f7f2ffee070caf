//! How runs end: whole, stuck, cut, refused; and that nothing of them stays behind.

use std::time::{Duration, Instant};

use portsim_model::expr::PortField;

use super::odd::{Fault, record_oddly};
use super::*;
use crate::native::backend::Elsewhere;
use crate::native::{Ended, NoRecording};

/// A closed port wakes nobody, later calls on it fail, and its number is not used again: a port that is made
/// afterwards is another one.
#[test]
fn close_leaves_waiters_and_no_number() {
    let mut program = program(vec![
        once([get()]),
        once([
            close(),
            Op::Create {
                port: PortId(1),
                into: None,
            },
            post(1),
            get(),
            close(),
        ]),
    ]);
    program.ports.push(Port {
        concurrency: 0,
        open: false,
        named: false,
        events_max: None,
        entries: None,
        setup: RingSetup::Shared,
    });
    let recording = check(
        &program,
        &[
            "a! get",
            "b close done",
            "b create done",
            "b post EBADF",
            "b get EBADF",
            "b close EBADF",
        ],
    );
    assert_eq!(recording.ended, Ended::Rest);
    assert_eq!(recording.parked, [ThreadId(0)]);
}

/// A source that a closed port still watches feeds those who wait on it: they hold the object.
#[test]
fn a_closed_port_still_feeds_its_waiters() {
    let source = portsim_model::program::SourceId(0);
    let interest = portsim_model::program::Interest {
        events: portsim_model::program::Events::In(PacketId(6)),
        edge: true,
        oneshot: false,
        exclusive: false,
    };
    let program = Program {
        sources: vec![Source::default()],
        ..program(vec![
            once([get()]),
            once([
                Op::EpollCtl {
                    port: P,
                    source,
                    change: portsim_model::program::Watch::Add(interest),
                    into: None,
                },
                close(),
                Op::Write { source },
            ]),
        ])
    };
    check(
        &slated(program, &[0, 1, 1, 1]),
        &[
            "a! get",
            "b epollctl done",
            "b close done",
            "b write done",
            "a< 6",
        ],
    );
}

/// A turn of a thread that is parked ends the recording there; one of a thread that is done does nothing.
#[test]
fn a_schedule_can_be_stuck() {
    let program = program(vec![once([get()]), once([post(1)])]);
    let recording = check(
        &slated(program, &[1, 1, 0, 0, 0]),
        &["b post done", "a get 1"],
    );
    assert_eq!(recording.ended, Ended::ScheduleOver);
    assert_eq!(recording.turns, 5);
    let program = self::program(vec![once([get()]), once([post(1)])]);
    let recording = check(&slated(program, &[0, 0, 1]), &["a! get"]);
    assert_eq!(recording.ended, Ended::ScheduleStuck(1, ThreadId(0)));
    assert_eq!(recording.parked, [ThreadId(0)]);
}

/// A program without end is cut at the limit.
#[test]
fn the_number_of_turns_is_limited() {
    let program = program(vec![forever([post(1), get()])]);
    let options = Options {
        turns_max: 5,
        ..Options::default()
    };
    let policy = || Policy::Random.seeded(1);
    let recording = record(backend("epoll").unwrap(), &program, &policy, &options).unwrap();
    assert_eq!(recording.ended, Ended::StepLimit);
    assert_eq!(recording.events.len(), 5);
}

/// What cannot be done is refused before anything runs, with the reason.
#[test]
fn what_is_unsupported_says_why() {
    let refusal = |program: &Program| {
        let policy = || Policy::Fair.seeded(1);
        match record(
            backend("epoll").unwrap(),
            program,
            &policy,
            &Options::default(),
        ) {
            Err(NoRecording::Unsupported(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    let thread = ThreadId(0);
    let why = refusal(&program(vec![once([Op::Suspend { thread }])]));
    assert!(why.contains("suspends"), "{why}");
    let mut asking = program(vec![once([Op::Assert { cond: ExprId(1) }])]);
    asking.exprs = vec![Expr::Port(P, PortField::Depth), Expr::Not(ExprId(0))];
    let why = refusal(&asking);
    assert!(why.contains("`depth` of a port"), "{why}");
    let mut failing = program(vec![once([post(1)])]);
    failing.packets[1].status = 0xc000_0120;
    let why = refusal(&failing);
    assert!(why.contains("status"), "{why}");
    let elsewhere = Elsewhere {
        name: "kqueue",
        system: "kqueue",
        os: "freebsd",
    };
    let policy = || Policy::Fair.seeded(1);
    let refused = record(&elsewhere, &failing, &policy, &Options::default());
    let Err(NoRecording::Unavailable(why)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(why, "kqueue exists only on freebsd, this is linux");
}

/// How long the kernel may take to clear away a thread that was joined.
const PATIENCE: Duration = Duration::from_secs(10);

fn count(folder: &str) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// 200 runs later the process has as many threads and descriptors as before, although many runs end with
/// threads parked, ports closed under them, packets undelivered and turns overdue. Run in a process of its
/// own, because other tests have threads too.
#[test]
fn runs_leave_nothing_behind() {
    const ALONE: &str = "PORTSIM_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "native::tests::ending::runs_leave_nothing_behind";
        let alone = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--test-threads=1"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&alone.stdout);
        assert!(alone.status.success(), "{said}");
        assert!(said.contains("1 passed"), "{said}");
        return;
    }
    let nobody_takes = Op::Post {
        port: PortId(1),
        packet: PacketId(9),
        into: None,
        may_fail: false,
        reserve: None,
    };
    let mut program = program(vec![
        forever([get()]),
        once([get_within(Timeout::Ticks(1000)), get()]),
        once([Op::Stall]),
        once([block_on_nothing()]),
        once([sleep(2000)]),
        once([post(1), post(2), nobody_takes, post(3), close(), post(4)]),
    ]);
    program.objects = vec![Object::Semaphore { count: 0 }];
    program.ports.push(program.ports[0].clone());
    let program = slated(program, &[0, 1, 2, 3, 4, 5, 5, 5, 0, 1, 5, 5, 5, 0]);
    let round = |n: usize| {
        if n.is_multiple_of(20) {
            let how = [Fault::Fails, Fault::Strays][n / 20 % 2];
            record_oddly(how);
        } else {
            let recording = run(&program);
            assert!(matches!(recording.ended, Ended::ScheduleStuck(..)));
            assert_eq!(recording.parked, [0, 2, 3, 4].map(ThreadId));
        }
    };
    round(0);
    round(1);
    // A thread that was joined is listed until the kernel has taken it apart.
    let settled = |wanted: (usize, usize)| {
        let since = Instant::now();
        loop {
            let now = (count("/proc/self/task"), count("/proc/self/fd"));
            if now == wanted || since.elapsed() > PATIENCE {
                return now;
            }
            std::thread::yield_now();
        }
    };
    // The test's own thread and the one that started it.
    let before = settled((2, count("/proc/self/fd")));
    (0..200).for_each(round);
    assert_eq!(settled(before), before);
}

fn block_on_nothing() -> Op {
    Op::Block {
        object: portsim_model::program::ObjectId(0),
        into: None,
        timeout: Timeout::Ticks(3000),
        alertable: false,
    }
}

//! What a system refuses to play, and what it plays just before that.

use std::sync::Arc;

use portsim_model::build::{Block, Builder};
use portsim_model::op::{Events, Interest, Modes, Op, Request, Watch};
use portsim_model::personality::machine;
use portsim_model::program::*;

/// Why a system does not play a program, if it does not.
fn refusal(system: &str, program: Program) -> Option<&'static str> {
    let machine = machine(system, &Arc::new(program), 1, &[]);
    let machine = machine.expect("there is such a system");
    machine.err().map(|lacks| lacks.why)
}

/// A program of one thread and some ports, whose lists may be written over.
fn program(ports: usize, write: impl FnOnce(&mut Block<'_>)) -> Program {
    let mut program = Builder::new();
    for _ in 0..ports {
        program.port(1);
    }
    program.thread(write);
    program.build().expect("it has room")
}

fn post(packet: Packet) -> Program {
    let mut program = Builder::new();
    let port = program.port(1);
    let packet = program.packet(packet);
    program.thread(|code| code.post(port, packet));
    program.build().expect("it has room")
}

#[test]
fn keys_of_aix_have_32_bits() {
    const WIDE: Option<&str> = Some("keys and bytes have 32 bits");
    let with_key = |key| refusal("aix", post(Packet::key(key)));
    let with_bytes = |bytes| {
        let packet = Packet {
            bytes,
            ..Packet::default()
        };
        refusal("aix", post(packet))
    };
    for fits in [0, i64::from(u32::MAX), i64::from(i32::MIN)] {
        assert_eq!([with_key(fits), with_bytes(fits)], [None, None], "{fits}");
    }
    for wide in [i64::from(u32::MAX) + 1, i64::from(i32::MIN) - 1] {
        assert_eq!([with_key(wide), with_bytes(wide)], [WIDE, WIDE], "{wide}");
    }
}

#[test]
fn events_of_illumos_have_no_overlapped() {
    let with = |overlapped| {
        let packet = Packet {
            overlapped,
            ..Packet::default()
        };
        refusal("illumos", post(packet))
    };
    assert_eq!(with(0), None);
    assert!(with(1).is_some());
}

/// A file with so many associations, of which a thread makes each.
fn associations(count: u8, from_the_start: bool) -> Program {
    let into = None;
    let mut program = program(2, |code| {
        for n in 0..count {
            let binding = Some(BindingId(n));
            code.op(Op::Associate { binding, into });
        }
    });
    let binding = |n: u8| Binding {
        file: FileId(0),
        port: PortId(n % 2),
        key: n.into(),
    };
    program.bindings = (0..count).map(binding).collect();
    program.files = vec![file(from_the_start.then_some(BindingId(0)))];
    program.objects = vec![Object::Mutex];
    program.results = vec![CANCELLED];
    program
}

fn file(binding: Option<BindingId>) -> File {
    File {
        binding,
        sync: false,
        modes: Modes::default(),
        on_close: ResultId(0),
        signal: ObjectId(0),
    }
}

#[test]
fn files_of_aix_have_up_to_8_associations() {
    assert_eq!(refusal("aix", associations(1, false)), None);
    assert_eq!(refusal("aix", associations(8, false)), None);
    assert_eq!(
        refusal("aix", associations(9, false)),
        Some("more than 8 associations of one file are not modelled")
    );
    assert_eq!(
        refusal("aix", associations(1, true)),
        Some("only a call associates a file")
    );
}

/// A source that one descriptor of so many watches.
fn watched(descriptors: usize, exclusive: bool) -> Program {
    let mut program = program(descriptors, |code| {
        let interest = Interest {
            events: Events::In(PacketId(0)),
            edge: false,
            oneshot: false,
            exclusive,
        };
        code.op(Op::EpollCtl {
            port: PortId(0),
            source: SourceId(0),
            change: Watch::Add(interest),
            into: None,
        });
    });
    program.packets = vec![Packet::default()];
    program.sources = vec![Source::default()];
    program
}

#[test]
fn up_to_8_descriptors_of_epoll_watch_exclusively() {
    assert_eq!(refusal("epoll", watched(8, true)), None);
    assert_eq!(refusal("epoll", watched(9, false)), None);
    assert_eq!(
        refusal("epoll", watched(9, true)),
        Some("it watches exclusively on up to 8 descriptors here")
    );
}

/// Descriptors of which so many are watched by others.
fn nested(descriptors: usize, inner: u8) -> Program {
    let mut program = watched(descriptors, false);
    let source = |port| Source {
        port: Some(PortId(port)),
        ..Source::default()
    };
    program.sources.extend((0..inner).map(source));
    program
}

#[test]
fn descriptors_of_epoll_watch_each_other_as_deep_as_linux_lets_them() {
    assert_eq!(refusal("epoll", nested(8, 4)), None);
    assert_eq!(
        refusal("epoll", nested(8, 5)),
        Some("up to 4 descriptors are watched by others here")
    );
    assert_eq!(
        refusal("epoll", nested(9, 1)),
        Some("up to 8 descriptors watch each other here")
    );
}

/// A call that takes packets.
fn takes(timeout: Timeout, max: Option<u8>, min: Option<u8>) -> Program {
    program(1, |code| {
        let into = Some(code.slot(2));
        code.op(Op::Get {
            port: PortId(0),
            into,
            timeout,
            max,
            min,
            min_wait: None,
            alertable: false,
            keeps: false,
        });
    })
}

#[test]
fn reads_and_receives_are_plain() {
    let pipe = |timeout, min| refusal("pipe", takes(timeout, Some(2), min));
    assert_eq!(pipe(Timeout::Never, None), None);
    assert_eq!(pipe(Timeout::Ticks(0), None), None);
    assert_eq!(
        pipe(Timeout::Ticks(1), None),
        Some("a read has no time limit")
    );
    assert_eq!(
        pipe(Timeout::Never, Some(1)),
        Some("a read takes what is there")
    );
    let receive = |max| refusal("mqueue", takes(Timeout::Ticks(1), max, None));
    assert_eq!(receive(None), None);
    assert!(receive(Some(1)).is_some());
}

/// A request on a file, and what a thread asks of it.
fn request(op: Op) -> Program {
    let mut program = program(1, |code| code.op(op));
    program.files = vec![file(Some(BindingId(0)))];
    program.bindings = vec![Binding {
        file: FileId(0),
        port: PortId(0),
        key: 0,
    }];
    program.objects = vec![Object::Mutex];
    program.operations = vec![Operation {
        file: FileId(0),
        overlapped: 1,
        event: None,
        low_bit: false,
        multishot: false,
        drain: false,
        apc: false,
        done: None,
    }];
    program.results = vec![CANCELLED, result(0, 0)];
    program.packets = vec![Packet::default()];
    program.bursts = vec![vec![OperationId(0)]];
    program.owns = vec![vec![PacketId(0)]];
    program
}

fn result(status: u32, bytes: i64) -> IoResult {
    IoResult {
        status,
        bytes,
        returned: bytes,
    }
}

/// What io_uring says of a request that is changed a little.
fn of_ring(op: Op, change: impl FnOnce(&mut Program)) -> Option<&'static str> {
    let mut program = request(op);
    change(&mut program);
    refusal("io-uring", program)
}

const START: Op = Op::Start {
    operation: OperationId(0),
    now: None,
    into: None,
};

const COMPLETE: Op = Op::Complete {
    burst: 0,
    result: ResultId(1),
    into: None,
};

#[test]
fn requests_are_on_a_file_with_a_ring_and_have_user_data_alone() {
    const DATA: Option<&str> = Some("a request has user data, and neither event nor routine");
    const MODES: Option<&str> = Some("files have no modes here");
    assert_eq!(of_ring(START, |_| {}), None);
    assert_eq!(of_ring(START, |it| it.operations[0].overlapped = 0), DATA);
    assert_eq!(of_ring(START, |it| it.operations[0].apc = true), DATA);
    let with_event = |it: &mut Program| it.operations[0].event = Some(ObjectId(0));
    assert_eq!(of_ring(START, with_event), DATA);
    assert_eq!(of_ring(START, |it| it.files[0].sync = true), MODES);
    let skips = |it: &mut Program| it.files[0].modes.skip_port = true;
    assert_eq!(of_ring(START, skips), MODES);
    assert!(of_ring(START, |it| it.files[0].binding = None).is_some());
    let now = Op::Start {
        operation: OperationId(0),
        now: Some(ResultId(1)),
        into: None,
    };
    assert!(of_ring(now, |_| {}).is_some());
}

#[test]
fn requests_end_one_by_one_and_with_bytes() {
    assert_eq!(of_ring(COMPLETE, |_| {}), None);
    let ends_with =
        |status, bytes| of_ring(COMPLETE, |it| it.results[1] = result(status, bytes)).is_some();
    assert!(!ends_with(0, 7));
    assert!(ends_with(0, -1));
    assert!(ends_with(1, 0));
    let two = |it: &mut Program| {
        it.operations.push(it.operations[0]);
        it.bursts = vec![vec![OperationId(0), OperationId(1)]];
    };
    assert_eq!(of_ring(COMPLETE, two), Some("each request ends by itself"));
}

#[test]
fn up_to_5_requests_are_cancelled_in_one_go() {
    let (file, into) = (FileId(0), None);
    let all = Op::CancelFile {
        file,
        mine: false,
        into,
    };
    let submitted = Op::Submit {
        port: PortId(0),
        request: Request::CancelFile(file, 0),
        into,
    };
    for op in [all, submitted] {
        // Those on another file do not count.
        let with = |count: usize, beside: usize| {
            of_ring(op, |it| {
                it.files.push(it.files[0]);
                let mut other = it.operations[0];
                other.file = FileId(1);
                it.operations = vec![it.operations[0]; count];
                it.operations.resize(count + beside, other);
            })
        };
        assert_eq!(with(5, 1), None, "{op:?}");
        assert_eq!(
            with(6, 0),
            Some("more than 5 requests on a file are not cancelled in one go here")
        );
        let nowhere = |it: &mut Program| it.files[0].binding = None;
        assert!(of_ring(op, nowhere).is_some());
    }
    let mine = Op::CancelFile {
        file,
        mine: true,
        into,
    };
    assert_eq!(of_ring(mine, |_| {}), Some("a cancel asks for no issuer"));
    let one = |mine| Op::Cancel {
        operation: OperationId(0),
        mine,
        into,
    };
    assert_eq!(of_ring(one(false), |_| {}), None);
    assert_eq!(
        of_ring(one(true), |_| {}),
        Some("a cancel asks for no issuer")
    );
}

/// A thread that makes a duplicate of a source so many times, or for ever.
fn duplicated(times: Option<usize>) -> Program {
    let op = Op::DuplicateSource {
        source: SourceId(0),
        into: None,
    };
    let mut program = program(1, |code| match times {
        Some(times) => (0..times).for_each(|_| code.op(op)),
        None => code.forever(|code| code.op(op)),
    });
    program.sources = vec![Source::default()];
    program
}

#[test]
fn a_source_of_epoll_has_up_to_31_duplicates() {
    let why = Some("a source is duplicated up to 31 times here, and in no loop");
    assert_eq!(refusal("epoll", duplicated(Some(31))), None);
    assert_eq!(refusal("epoll", duplicated(Some(32))), why);
    assert_eq!(refusal("epoll", duplicated(None)), why);
}

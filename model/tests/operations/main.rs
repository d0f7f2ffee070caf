//! What operations say about themselves is all that they name, and everybody who asks them hears it.
//!
//! What an operation names is read here from its text, which says every field: what is expected of a description does
//! not follow from it.
//!
//! Long: one question to every operation after the other.

mod samples;
mod world;

use std::collections::BTreeSet;

use portsim_model::about::COMMON;
use portsim_model::dead::without_dead;
use portsim_model::expr::{Binary, Expr, ExprId, Field, ThreadField};
use portsim_model::layout::Layout;
use portsim_model::op;
use portsim_model::partial_order::PartialOrder;
use portsim_model::program::*;
use portsim_model::symmetry::Symmetry;

use samples::{every_sample, samples};
use world::{PORTS, code, machine, plain, whole};

/// How many packets a call takes says nothing of what it takes them from, nor how many a timeout counts.
const AMOUNTS: [&str; 2] = [
    "max: Some(2), min: Some(1), min_wait: Some(5), ",
    "count: 2, ",
];

/// The ids and numbers in a text.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '(';
    let words = text.split(|c: char| !is_part(c)).map(|word| {
        // `Some(PortId(1` ends in an id, `Sets(2` in a number of some list.
        let mut inner = word.rsplit('(');
        let (number, of) = (inner.next().unwrap_or(""), inner.next().unwrap_or(""));
        let is_id = of.ends_with("Id") || of == "Ticks";
        (number, if is_id { of } else { "" })
    });
    words
        .filter(|(number, _)| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
        .map(|(number, of)| format!("{of}({number})"))
        .collect()
}

#[test]
fn a_text_says_what_it_names() {
    let text = "Op { port: PortId(1), into: Some(SlotId(0)), timeout: Ticks(5), first: 2, own: Cancel(OperationId(3), 4), may: false }";
    let expected = [
        "(2)",
        "(4)",
        "OperationId(3)",
        "PortId(1)",
        "SlotId(0)",
        "Ticks(5)",
    ];
    assert_eq!(named(text), expected.map(str::to_owned).into());
}

#[test]
fn every_kind_of_operation_is_asked_with_all_its_fields() {
    for &verb in Verb::ALL {
        let all = samples(verb);
        assert!(all.iter().all(|op| op.verb() == verb), "{verb:?}");
        let full = |op: &Op| !format!("{op:?}").contains("None");
        assert!(all.iter().any(full), "{verb:?}");
    }
}

/// Whatever a field holds, the description has it.
#[test]
fn descriptions_say_all_that_operations_name() {
    for mut op in every_sample() {
        let text = AMOUNTS
            .iter()
            .fold(format!("{op:?}"), |text, amounts| text.replace(amounts, ""))
            .replace("ticks: ", "Ticks(");
        let described = format!("{:?}", op.describe());
        let (fields, says) = (named(&text), named(&described));
        let missing: Vec<_> = fields.difference(&says).collect();
        assert!(
            missing.is_empty(),
            "{text} does not say {missing:?}: {described}"
        );
    }
}

/// The operations whose description says this.
fn those(says: impl Fn(&mut Op) -> bool) -> Vec<Verb> {
    let mut verbs: Vec<_> = every_sample()
        .filter_map(|mut op| says(&mut op).then_some(op.verb()))
        .collect();
    verbs.dedup();
    verbs
}

/// The operations that touch nothing but what they name.
const LOCAL: &[Verb] = {
    use Verb::*;
    &[
        Get,
        Post,
        PostComputed,
        Close,
        Create,
        Query,
        Block,
        Join,
        Signal,
        Reset,
        Stall,
        Sleep,
        Yield,
        Spawn,
        Set,
        Swap,
        Add,
        CompareSwap,
        Test,
        Await,
        Assert,
        Note,
    ]
};

/// Who says more than is so makes a search leave out too much.
#[test]
fn few_operations_promise_something() {
    use Verb::*;
    assert_eq!(those(|op| op.describe().local), LOCAL);
    let passes = [
        Post,
        PostComputed,
        Signal,
        Yield,
        Set,
        Swap,
        Add,
        CompareSwap,
        Test,
        Await,
        Assert,
        Note,
    ];
    assert_eq!(those(|op| op.describe().passes), passes);
    let mut portable = COMMON.to_vec();
    portable.push(PostComputed);
    portable.sort();
    assert_eq!(those(|op| op.is_portable()), portable);
}

#[test]
fn some_operations_wait_give_way_or_end_their_thread() {
    use Verb::*;
    let wait = [Get, WaitHandle, Block, Join, Sleep];
    assert_eq!(those(|op| op.describe().wait.is_some()), wait);
    let give_way = [
        Get, Close, Create, WaitHandle, Block, Join, Stall, Sleep, Yield,
    ];
    assert_eq!(those(|op| op.describe().own_port), give_way);
    let exits = |exit| those(move |op| op.describe().exits == Some(exit));
    assert_eq!(exits(op::Exit::Thread), [Exit]);
    assert_eq!(exits(op::Exit::Process), [ExitProcess]);
}

#[test]
fn waits_are_alertable_where_operations_say_so() {
    for op in every_sample() {
        let can_be = format!("{op:?}").contains("alertable");
        assert_eq!(alertable(op).is_alertable(), can_be, "{op:?}");
        assert!(!op.is_alertable(), "{op:?}");
    }
}

/// The operation with an alertable wait, where it can have one.
fn alertable(mut op: Op) -> Op {
    if let Op::Get { alertable, .. }
    | Op::WaitHandle { alertable, .. }
    | Op::Block { alertable, .. }
    | Op::Join { alertable, .. }
    | Op::Sleep { alertable, .. } = &mut op
    {
        *alertable = true;
    }
    op
}

/// Where a result goes is a field of its own, and nothing else changes when nobody wants it.
#[test]
fn results_are_found_and_taken_away() {
    for op in every_sample() {
        let text = format!("{op:?}");
        let has = text.contains("SlotId(0)");
        assert_eq!(op.into(), has.then_some(SlotId(0)), "{text}");
        let unnamed = text.replace("Some(SlotId(0))", "None");
        assert_eq!(format!("{:?}", op.unnamed()), unnamed);
    }
}

/// A call whose result goes nowhere has nothing to keep, and an observer does not see whether another keeps something.
#[test]
fn a_result_that_goes_nowhere_keeps_nothing() {
    for mut op in samples(Verb::Get) {
        let plain = op;
        if let Op::Get { keeps, .. } = &mut op {
            *keeps = true;
        }
        assert!(op.keeps() && !plain.keeps());
        assert_eq!(op.unnamed(), plain.unnamed());
        assert_eq!(op.form(), plain.form());
    }
}

/// What only its thread knows is nothing that a trace could tell.
#[test]
fn observers_see_no_results_expressions_and_branches() {
    for op in every_sample() {
        let form = format!("{op:?}")
            .replace("Some(SlotId(0))", "None")
            .replace("ExprId(1)", "ExprId(0)")
            .replace("computed: 1", "computed: 0")
            .replace("set: 2", "set: 0")
            .replace("otherwise: 2", "otherwise: 0")
            .replace("first: 2, len: 1", "first: 0, len: 0");
        assert_eq!(format!("{:?}", op.form()), form);
    }
}

/// Threads 1 and 2 are alike, unless thread 0 speaks of one of them, or lets the end of threads show their order.
#[test]
fn threads_that_are_named_trade_places_with_nobody() {
    for op in every_sample() {
        let idle = || code(&[Op::Yield]);
        let mut program = whole(vec![code(&[op, Op::Yield]), idle(), idle()]);
        program.exprs[1] = Expr::Thread(ThreadId(1), ThreadField::Done);
        let text = format!("{op:?}");
        let speaks = ["ThreadId(1)", "ExprId(1)", "computed: 1", "set: 2"]
            .iter()
            .any(|name| text.contains(name));
        let shows = matches!(op.verb(), Verb::Set | Verb::ExitProcess);
        let symmetry = Symmetry::of(machine(&program).frame());
        let orbits: Vec<_> = symmetry.orbits().collect();
        let alike = vec![vec![ThreadId(1), ThreadId(2)]];
        assert_eq!(
            orbits,
            if speaks || shows { vec![] } else { alike },
            "{text}"
        );
    }
}

/// It is what expressions say that makes codes the same, not which number they have.
#[test]
fn threads_that_say_the_same_in_other_numbers_are_alike() {
    let pairs = [
        (
            Op::Assert { cond: ExprId(0) },
            Op::Assert { cond: ExprId(2) },
        ),
        (Op::Set { first: 0, len: 1 }, Op::Set { first: 3, len: 1 }),
        (Op::Await { cond: ExprId(0) }, Op::Await { cond: ExprId(2) }),
        (test(0), test(2)),
    ];
    for (one, other) in pairs {
        let mut program = plain(vec![code(&[one, Op::Yield]), code(&[other, Op::Yield])]);
        program.exprs.push(Expr::Const(0));
        program.sets.push(Assignment {
            value: ExprId(2),
            ..program.sets[0]
        });
        let orbits = |program: &Program| Symmetry::of(machine(program).frame()).orbits().count();
        assert_eq!(orbits(&program), 1, "{one:?}");
        program.exprs[2] = Expr::Const(1);
        assert_eq!(orbits(&program), 0, "{one:?}");
    }
}

fn test(cond: u16) -> Op {
    Op::Test {
        cond: ExprId(cond),
        otherwise: 2,
    }
}

/// Which of two threads move at the start.
fn movers(program: &Program) -> Vec<u8> {
    let machine = machine(program);
    let (order, boot) = (PartialOrder::of(machine.frame()), machine.boot());
    let mut steps = Vec::new();
    let _ = machine.movers(&boot, &mut steps);
    assert_eq!(steps.len(), 2, "both can move");
    let waits = order.reduce(machine.frame(), &boot, &mut steps);
    assert_eq!(waits, steps.len() == 1);
    steps.iter().map(|step| step.thread.0).collect()
}

const fn post(port: u8) -> Op {
    Op::Post {
        port: PortId(port),
        packet: PacketId(0),
        into: None,
        may_fail: false,
        reserve: None,
    }
}

fn post_of(packet: PacketId) -> Op {
    Op::Post {
        port: PortId(0),
        packet,
        into: None,
        may_fail: false,
        reserve: None,
    }
}

/// What another thread does that meets the operation in something that it names.
fn that_meets(op: Op) -> Vec<Op> {
    let text = format!("{op:?}");
    let mut meets = Vec::new();
    let mut add = |name: &str, op| {
        if text.contains(name) {
            meets.push(op);
        }
    };
    add("PortId(1)", post(1));
    add("PortId(2)", post(2));
    add(
        "ObjectId(1)",
        Op::Signal {
            object: ObjectId(1),
        },
    );
    add("ThreadId(1)", Op::Note(0));
    // What it reads, and what it writes.
    add("ExprId(1)", Op::Set { first: 0, len: 1 });
    for sets in ["Set { first: 2", "set: 2"] {
        add(sets, Op::Set { first: 0, len: 1 });
        add(sets, Op::Set { first: 1, len: 1 });
    }
    // What it computes reads a variable.
    add("computed: 1", Op::Set { first: 0, len: 1 });
    let sleep = Op::Sleep {
        ticks: 1,
        into: None,
        alertable: false,
    };
    add("Ticks(", sleep);
    add("ticks", sleep);
    meets
}

#[test]
fn nobody_waits_who_meets_what_an_operation_names() {
    for op in every_sample() {
        for other in that_meets(op) {
            let program = plain(vec![code(&[op, Op::Note(1)]), code(&[other, Op::Note(1)])]);
            assert_eq!(movers(&program), [0, 1], "{op:?} meets {other:?}");
        }
    }
}

/// Of some operations it is known that they touch nothing else.
#[test]
fn one_waits_where_operations_have_nothing_to_do_with_each_other() {
    let beside = |op| {
        let unborn = code(&[Op::Note(0)]);
        let mut program = plain(vec![
            code(&[op, Op::Note(1)]),
            unborn,
            code(&[post(3), Op::Note(1)]),
        ]);
        program.threads[1].spawned = true;
        movers(&program)
    };
    for op in every_sample() {
        let has_rest = format!("{op:?}").contains("ReserveId");
        let alone = LOCAL.contains(&op.verb()) && !has_rest;
        assert_eq!(
            beside(op),
            if alone { vec![0] } else { vec![0, 2] },
            "{op:?}"
        );
        if op != alertable(op) {
            assert_eq!(beside(alertable(op)), [0, 2], "{op:?} runs what is queued");
        }
    }
    assert_eq!(beside(post(1)), [0]);
}

#[test]
fn what_stands_behind_a_branch_is_reached() {
    let behind = |then: Op| {
        let branches = Code {
            instrs: vec![
                Instr::Op(test(0)),
                Instr::Jump(3),
                Instr::Op(then),
                Instr::End,
            ],
            ..Code::default()
        };
        movers(&plain(vec![code(&[post(3)]), branches]))
    };
    assert_eq!(behind(post(1)), [0]);
    assert_eq!(
        behind(post(3)),
        [1],
        "the first would come before the other's post"
    );
}

/// Only a thread that posts again and again may find a port without room.
#[test]
fn ports_run_out_of_room_where_packets_are_posted() {
    for op in every_sample() {
        let mut program = whole(vec![code(&[op, Op::Yield])]);
        program.codes[0].instrs[1] = Instr::Jump(0);
        let bounded: Vec<u8> = program
            .port_ids()
            .filter(|&port| Layout::is_bounded(&program, port))
            .map(|port| port.0)
            .collect();
        let posts: &[u8] = match op.verb() {
            Verb::Post | Verb::PostComputed | Verb::Submit => &[1],
            Verb::MsgRing => &[1, 2],
            Verb::PortSendn => &[2, 3],
            _ => &[],
        };
        assert_eq!(bounded, posts, "{op:?}");
    }
}

/// Port, packets, and whether they are messages.
#[test]
fn operations_need_room_for_what_they_put_into_ports() {
    let program = whole(vec![]);
    let rooms = |op: Op| -> Vec<_> {
        let rooms = op.room_needed(&program).into_iter();
        rooms
            .map(|room| (room.port.0, room.packets, room.messages))
            .collect()
    };
    for op in every_sample() {
        let expected: &[(u8, usize, bool)] = match op.verb() {
            Verb::Post | Verb::PostComputed | Verb::Submit => &[(1, 1, false)],
            Verb::MsgRing => &[(1, 1, false), (2, 1, false)],
            Verb::PortSendn => &[(2, 2, false), (3, 1, false)],
            Verb::JobPort => &[(3, 5, true), (0, 5, true)],
            Verb::JobStart => &[(3, 2, true), (0, 2, true)],
            Verb::JobExit => &[(3, 4, true), (0, 4, true)],
            _ => &[],
        };
        assert_eq!(rooms(op), expected, "{op:?}");
    }
}

/// Bytes that a state has for an operation of one of three threads, beside those that it has without it.
#[test]
fn states_have_room_for_what_operations_need() {
    let len = |op| {
        let idle = || code(&[Op::Yield]);
        let program = whole(vec![code(&[op, Op::Yield]), idle(), idle()]);
        Layout::of(&program, 1, false)
            .expect("it is small")
            .state_len()
    };
    for op in every_sample() {
        let bytes = match op.verb() {
            // Each thread has a deadline, and what was handed to it; the port has a waiter.
            Verb::Get => 12 + 3 + 1,
            Verb::WaitHandle | Verb::Block | Verb::Join | Verb::Sleep => 12,
            // Each thread has suspensions, and what was handed to it.
            Verb::Suspend => 3 + 3,
            Verb::PortAlert => 3,
            // Each thread has calls that are queued.
            Verb::Apc => 6,
            // A file has handles in three more processes.
            Verb::DuplicateFile => 9,
            // Each ring has an event.
            Verb::RingEvent => PORTS,
            // Each ring has what its timeout waits for.
            Verb::Submit if op.counts() => 1 + PORTS,
            // Each ring has whether requests wait, how many, and which.
            Verb::Submit if drains(op) => 1 + 8 * PORTS,
            // A port has room for what is posted, for an event of each source, for messages.
            Verb::Post | Verb::PostComputed | Verb::Submit => 1,
            Verb::MsgRing => 2,
            Verb::PortSendn => 3,
            Verb::EpollCtl if watches_for_more(op) => 2 + 2 * PORTS * 2,
            // Each source has an event in either direction.
            Verb::Kevent => 2 * 2 + 2 * PORTS * 2,
            Verb::EpollCtl | Verb::PortAssociate => 2,
            Verb::JobPort => 2 * 5,
            Verb::JobStart => 2 * 2,
            Verb::JobExit => 2 * 4,
            _ => 0,
        };
        assert_eq!(len(op) - len(Op::Yield), bytes, "{op:?}");
    }
}

fn drains(op: Op) -> bool {
    matches!(
        op,
        Op::Submit {
            request: Request::Drain(_),
            ..
        }
    )
}

/// Of each source each port knows two more packets then.
fn watches_for_more(op: Op) -> bool {
    let Op::EpollCtl {
        change: Watch::Add(interest) | Watch::Mod(interest),
        ..
    } = op
    else {
        return false;
    };
    !matches!(interest.events, Events::In(_))
}

#[test]
fn states_know_who_waits_for_handles_and_how_operations_end() {
    for op in every_sample() {
        let machine = machine(&whole(vec![code(&[op, Op::Yield])]));
        let boot = machine.boot();
        let view = machine.view(&boot);
        assert_eq!(
            view.has_handle_waits(),
            op.verb() == Verb::WaitHandle,
            "{op:?}"
        );
        let looks = matches!(op.verb(), Verb::Free | Verb::Peek);
        assert_eq!(view.shows_writes(), looks, "{op:?}");
        let ends = [0, 1, 2].map(|n| view.ends(OperationId(n)).to_vec());
        let device = if op.verb() == Verb::Complete {
            vec![ResultId(2)]
        } else {
            vec![]
        };
        assert_eq!(ends, [device.clone(), vec![], device], "{op:?}");
    }
}

/// All packets are alike here but for one, so the first stands for each; and nobody reads a result.
#[test]
fn what_is_never_read_is_taken_out_of_every_operation() {
    for op in every_sample() {
        let mut program = whole(vec![code(&[op, Op::Yield])]);
        program.owners = vec![Owner::Nobody; program.packets.len()];
        program.owners[1] = Owner::WaitPacket(WaitPacketId(0));
        let mut text = format!("{op:?}").replace("Some(SlotId(0))", "None");
        for n in 2..6 {
            for before in [" ", "("] {
                let packet = |n| format!("{before}PacketId({n})");
                text = text.replace(&packet(n), &packet(0));
            }
        }
        let left = without_dead(&program).ops().next().expect("it has one");
        assert_eq!(format!("{left:?}"), text);
    }
}

/// Packets are told apart by what is read of them, and by nothing else.
#[test]
fn packets_are_alike_that_nobody_tells_apart() {
    let read = Expr::Result {
        thread: Some(ThreadId(0)),
        slot: SlotId(0),
        field: Field::Key,
        nth: 0,
    };
    let numbered = |n| Packet::key([7, 7, 8, 9, 0, 7][n]);
    let classes = |exprs: &[Expr], root| {
        let posts: Vec<Op> = (0..6).map(|n| post_of(PacketId(n))).collect();
        let mut program = plain(vec![code(&posts)]);
        program.packets = (0..6).map(numbered).collect();
        program.exprs = exprs.to_vec();
        program.sets.clear();
        program.always = vec![ExprId(root)];
        let left = without_dead(&program);
        left.ops()
            .map(|op| match op {
                Op::Post { packet, .. } => packet.0,
                other => panic!("{other:?}"),
            })
            .collect::<Vec<_>>()
    };
    let compared = |operator, number| {
        let both = Expr::Binary(operator, ExprId(0), ExprId(1));
        classes(&[read, Expr::Const(number), both], 2)
    };
    assert_eq!(classes(&[Expr::Const(1)], 0), [0; 6], "nobody reads a key");
    assert_eq!(compared(Binary::Eq, 0), [0, 0, 0, 0, 4, 0]);
    assert_eq!(compared(Binary::Lt, 8), [0, 0, 2, 2, 0, 0]);
    let whole = [0, 0, 2, 3, 4, 0];
    assert_eq!(compared(Binary::Add, 8), whole, "a sum tells all apart");
    assert_eq!(classes(&[read], 0), whole, "so does the number itself");
    let flipped = Expr::Binary(Binary::Lt, ExprId(1), ExprId(0));
    let flipped = classes(&[read, Expr::Const(8), flipped], 2);
    assert_eq!(flipped, [0, 0, 0, 3, 0, 0], "8 < key");
    // Two questions divide what one does not.
    let exprs = [
        read,
        Expr::Const(0),
        Expr::Binary(Binary::Ne, ExprId(0), ExprId(1)),
        read,
        Expr::Const(9),
        Expr::Binary(Binary::Ge, ExprId(3), ExprId(4)),
        Expr::Binary(Binary::And, ExprId(2), ExprId(5)),
    ];
    assert_eq!(classes(&exprs, 6), [0, 0, 0, 3, 4, 0]);
    // What is compared, and stands somewhere else besides.
    let exprs = [
        read,
        Expr::Const(0),
        Expr::Binary(Binary::Ne, ExprId(0), ExprId(1)),
        Expr::Neg(ExprId(0)),
        Expr::Binary(Binary::Eq, ExprId(3), ExprId(1)),
        Expr::Binary(Binary::And, ExprId(2), ExprId(4)),
    ];
    assert_eq!(classes(&exprs, 5), whole);
}

/// The operations that a personality need not do itself. Get and Post it must have; nothing is suspended that could be
/// resumed.
const DONE_FOR_ALL: &[Verb] = {
    use Verb::*;
    &[
        Get,
        Post,
        PostComputed,
        Create,
        Block,
        Join,
        Signal,
        Reset,
        Stall,
        Sleep,
        Yield,
        Resume,
        Terminate,
        Spawn,
        Exit,
        ExitProcess,
        Set,
        Swap,
        Add,
        CompareSwap,
        Test,
        Await,
        Assert,
        Note,
    ]
};

/// A personality that lists an operation and does not do it is wrong: the call ends the program.
#[test]
fn what_a_system_lists_and_does_not_do_is_noticed() {
    let undone = |op: &mut Op| {
        let machine = machine(&whole(vec![code(&[*op]), code(&[]), code(&[])]));
        let step = || {
            let (mut state, mut steps) = (machine.boot(), Vec::new());
            let _ = machine.enabled(&state, |step| steps.push(step));
            machine.take(&mut state, steps[0], &mut ());
        };
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(step));
        let why = ended.err().and_then(|why| why.downcast::<&str>().ok());
        why.is_some_and(|why| why.contains("a personality does what it lists"))
    };
    assert_eq!(those(|op| !undone(op)), DONE_FOR_ALL);
}

//! Sound scenarios, and what they compile to.

use portsim_model::program::{Bounds, CodeId, Object, Packet, Slated, Slot, ThreadId};

use super::super::Expect;
use super::{outcome, with_fields, with_ops, with_property};

/// The instructions that the operations of `main` compile to, one a line.
fn check(ops: &str, listing: &[&str]) {
    let scenario = outcome(&with_ops(ops)).unwrap();
    let instrs = scenario.program.codes[0].instrs.iter().enumerate();
    let found: Vec<String> = instrs.map(|(pc, it)| format!("{pc} {it:?}")).collect();
    assert_eq!(found, listing, "for {ops}");
}

/// The nodes that a property compiles to.
fn check_expr(text: &str, nodes: &str) {
    let scenario = outcome(&with_property(text)).unwrap();
    assert_eq!(format!("{:?}", scenario.program.exprs), nodes, "for {text}");
}

#[test]
fn an_empty_program_ends() {
    check("", &["0 End"]);
}

#[test]
fn gets() {
    check(
        r#"{ "get": "p" }, { "get": "q", "into": "x", "timeout": 5, "max": 32 }"#,
        &[
            "0 Op(Get { port: PortId(0), into: None, timeout: Never, max: None })",
            "1 Op(Get { port: PortId(1), into: Some(SlotId(0)), timeout: Ticks(5), max: Some(32) })",
            "2 End",
        ],
    );
}

#[test]
fn equal_packets_are_one() {
    check(
        r#"{ "post": "p" }, { "post": "q", "key": 1, "bytes": -2, "overlapped": 3, "status": "STATUS_CANCELLED" }, { "post": "q" }"#,
        &[
            "0 Op(Post { port: PortId(0), packet: PacketId(0) })",
            "1 Op(Post { port: PortId(1), packet: PacketId(1) })",
            "2 Op(Post { port: PortId(1), packet: PacketId(0) })",
            "3 End",
        ],
    );
}

#[test]
fn create_and_close() {
    check(
        r#"{ "create": "q" }, { "close": "q" }"#,
        &[
            "0 Op(Create { port: PortId(1) })",
            "1 Op(Close { port: PortId(1) })",
            "2 End",
        ],
    );
}

#[test]
fn objects_of_all_kinds() {
    check(
        r#"{ "block": "lock", "into": "x", "timeout": 0 }, { "signal": "units" }, { "reset": "latch" }"#,
        &[
            "0 Op(Block { object: ObjectId(2), into: Some(SlotId(0)), timeout: Ticks(0) })",
            "1 Op(Signal { object: ObjectId(3) })",
            "2 Op(Reset { object: ObjectId(1) })",
            "3 End",
        ],
    );
}

#[test]
fn operations_without_a_noun() {
    check(
        r#""stall", { "sleep": 7 }, "yield", { "note": "here" }, "exit""#,
        &[
            "0 Op(Stall)",
            "1 Op(Sleep { ticks: 7 })",
            "2 Op(Yield)",
            "3 Op(Note(0))",
            "4 Op(Exit)",
            "5 End",
        ],
    );
}

#[test]
fn threads_by_name_and_by_number() {
    check(
        r#"{ "suspend": "worker[1]" }, { "resume": "main" }, { "spawn": "b" }"#,
        &[
            "0 Op(Suspend { thread: ThreadId(3) })",
            "1 Op(Resume { thread: ThreadId(0) })",
            "2 Op(Spawn { thread: ThreadId(1) })",
            "3 End",
        ],
    );
}

#[test]
fn assignments_of_one_set_are_one_step() {
    check(
        r#"{ "set": { "stop": 1, "alive[stop]": "stop + 1" } }, { "assert": "stop == 1" }"#,
        &[
            "0 Op(Set { first: 0, len: 2 })",
            "1 Op(Assert { cond: ExprId(7) })",
            "2 End",
        ],
    );
}

#[test]
fn conditions_over_own_results_cost_no_step() {
    check(
        r#"{ "get": "p", "into": "x" }, { "if": "x.ok", "then": ["yield"] }, { "if": "!x.ok", "then": ["stall"], "else": ["yield"] }"#,
        &[
            "0 Op(Get { port: PortId(0), into: Some(SlotId(0)), timeout: Never, max: None })",
            "1 If { cond: ExprId(0), otherwise: 3 }",
            "2 Op(Yield)",
            "3 If { cond: ExprId(2), otherwise: 6 }",
            "4 Op(Stall)",
            "5 Jump(7)",
            "6 Op(Yield)",
            "7 End",
        ],
    );
}

#[test]
fn conditions_over_shared_things_are_steps() {
    check(
        r#"{ "if": "stop == 0", "then": [] }, { "if": "p.open", "then": ["exit"], "else": ["yield"] }, { "if": "b.parked", "then": [], "else": ["stall"] }"#,
        &[
            "0 Op(Test { cond: ExprId(2), otherwise: 1 })",
            "1 Op(Test { cond: ExprId(3), otherwise: 3 })",
            "2 Op(Exit)",
            "3 Op(Yield)",
            "4 Op(Test { cond: ExprId(4), otherwise: 6 })",
            "5 Jump(7)",
            "6 Op(Stall)",
            "7 End",
        ],
    );
}

#[test]
fn the_last_branch_is_reached_through_the_others() {
    check(
        r#"{ "either": [["yield"], [], ["exit"], ["stall"]] }, { "sleep": 1 }"#,
        &[
            "0 Either { branch: 1, others: 3 }",
            "1 Op(Yield)",
            "2 Jump(8)",
            "3 Either { branch: 4, others: 5 }",
            "4 Jump(8)",
            "5 Either { branch: 6, others: 7 }",
            "6 Op(Exit)",
            "7 Op(Stall)",
            "8 Op(Sleep { ticks: 1 })",
            "9 End",
        ],
    );
}

#[test]
fn breaks_leave_the_innermost_loop() {
    check(
        r#"{ "loop": [{ "get": "p", "into": "x" }, { "if": "x.timeout", "then": ["break"] }, { "loop": ["break"] }] }, "yield""#,
        &[
            "0 Op(Get { port: PortId(0), into: Some(SlotId(0)), timeout: Never, max: None })",
            "1 If { cond: ExprId(0), otherwise: 3 }",
            "2 Jump(5)",
            "3 Jump(4)",
            "4 Jump(0)",
            "5 Op(Yield)",
            "6 End",
        ],
    );
}

#[test]
fn a_loop_without_break_never_goes_on() {
    check(
        r#"{ "loop": ["yield"] }"#,
        &["0 Op(Yield)", "1 Jump(0)", "2 End"],
    );
}

#[test]
fn epoll() {
    check(
        r#"{ "epoll_ctl": "p", "change": "add", "source": "pipe", "trigger": "edge", "oneshot": true, "key": 7 }, { "epoll_ctl": "p", "change": "mod", "source": "pipe" }, { "epoll_ctl": "p", "change": "del", "source": "pipe" }, { "write": "pipe" }, { "drain": "pipe" }"#,
        &[
            "0 Op(EpollCtl { port: PortId(0), source: SourceId(0), change: Add(Interest { packet: PacketId(0), edge: true, oneshot: true }) })",
            "1 Op(EpollCtl { port: PortId(0), source: SourceId(0), change: Mod(Interest { packet: PacketId(1), edge: false, oneshot: false }) })",
            "2 Op(EpollCtl { port: PortId(0), source: SourceId(0), change: Del })",
            "3 Op(Write { source: SourceId(0) })",
            "4 Op(Drain { source: SourceId(0) })",
            "5 End",
        ],
    );
}

#[test]
fn expressions() {
    for (text, nodes) in [
        (
            "p.running + 1 * 2 <= 0x10 || !p.open && true",
            "[Port(PortId(0), Running), Const(1), Const(2), Binary(Mul, ExprId(1), ExprId(2)), Binary(Add, ExprId(0), ExprId(3)), Const(16), Binary(Le, ExprId(4), ExprId(5)), Port(PortId(0), Open), Not(ExprId(7)), Const(1), Binary(And, ExprId(8), ExprId(9)), Binary(Or, ExprId(6), ExprId(10))]",
        ),
        (
            "-3 - -1 - 1 == -3",
            "[Const(-3), Const(-1), Binary(Sub, ExprId(0), ExprId(1)), Const(1), Binary(Sub, ExprId(2), ExprId(3)), Const(-3), Binary(Eq, ExprId(4), ExprId(5))]",
        ),
        (
            "b.y.error == ERROR_ABANDONED_WAIT_0",
            "[Result { thread: Some(ThreadId(1)), slot: SlotId(0), field: Error, nth: 0 }, Const(735), Binary(Eq, ExprId(0), ExprId(1))]",
        ),
        (
            "alive[stop + 1] == -9223372036854775808",
            "[Var(VarId(0)), Const(1), Binary(Add, ExprId(0), ExprId(1)), Element { first: VarId(1), len: 3, index: ExprId(2) }, Const(-9223372036854775808), Binary(Eq, ExprId(3), ExprId(4))]",
        ),
        (
            "worker[1].w[3].key == STATUS_CANCELLED",
            "[Result { thread: Some(ThreadId(3)), slot: SlotId(0), field: Key, nth: 3 }, Const(3221225760), Binary(Eq, ExprId(0), ExprId(1))]",
        ),
        (
            "all(worker, w.ok || parked)",
            "[Result { thread: Some(ThreadId(2)), slot: SlotId(0), field: Ok, nth: 0 }, Thread(ThreadId(2), Parked), Binary(Or, ExprId(0), ExprId(1)), Result { thread: Some(ThreadId(3)), slot: SlotId(0), field: Ok, nth: 0 }, Thread(ThreadId(3), Parked), Binary(Or, ExprId(3), ExprId(4)), Binary(And, ExprId(2), ExprId(5)), Result { thread: Some(ThreadId(4)), slot: SlotId(0), field: Ok, nth: 0 }, Thread(ThreadId(4), Parked), Binary(Or, ExprId(7), ExprId(8)), Binary(And, ExprId(6), ExprId(9))]",
        ),
        (
            "count(worker, done) == 3 && any(b, blocked)",
            "[Thread(ThreadId(2), Done), Thread(ThreadId(3), Done), Binary(Add, ExprId(0), ExprId(1)), Thread(ThreadId(4), Done), Binary(Add, ExprId(2), ExprId(3)), Const(3), Binary(Eq, ExprId(4), ExprId(5)), Thread(ThreadId(1), Blocked), Binary(And, ExprId(6), ExprId(7))]",
        ),
        (
            "b.z.timeout",
            "[Result { thread: Some(ThreadId(1)), slot: SlotId(1), field: Timeout, nth: 0 }]",
        ),
    ] {
        check_expr(text, nodes);
    }
}

#[test]
fn declarations_become_tables() {
    let scenario = outcome(&with_ops(r#"{ "create": "q" }, { "spawn": "b" }"#)).unwrap();
    let program = &scenario.program;
    let ports = program.ports.iter().map(|it| (it.concurrency, it.open));
    assert!(ports.eq([(2, true), (0, false)]));
    let event = |manual, signaled| Object::Event { manual, signaled };
    assert_eq!(
        program.objects,
        [
            event(false, false),
            event(true, true),
            Object::Mutex,
            Object::Semaphore { count: 2 }
        ]
    );
    assert!(program.sources.iter().map(|it| it.readable).eq([true]));
    assert_eq!(program.vars, [-1, 0, 1, 2]);
    let codes = program.threads.iter().map(|it| (it.code, it.spawned));
    assert!(codes.eq([
        (CodeId(0), false),
        (CodeId(1), true),
        (CodeId(2), false),
        (CodeId(2), false),
        (CodeId(2), false)
    ]));
    let slots = |packets_max: &[u8]| -> Vec<Slot> {
        packets_max
            .iter()
            .map(|&packets_max| Slot { packets_max })
            .collect()
    };
    assert_eq!(program.codes[1].slots, slots(&[1, 0]));
    assert_eq!(program.codes[2].slots, slots(&[4]));
    assert!(program.builtin && program.schedule.is_none());
}

#[test]
fn names_stand_in_the_order_of_the_ids() {
    let scenario = outcome(&with_ops(r#"{ "note": "here" }, { "note": "there" }"#)).unwrap();
    let names = &scenario.names;
    assert_eq!(
        names.threads,
        ["main", "b", "worker[0]", "worker[1]", "worker[2]"]
    );
    let members = vec![ThreadId(2), ThreadId(3), ThreadId(4)];
    assert_eq!(names.groups, [(String::from("worker"), members)]);
    assert_eq!(names.ports, ["p", "q"]);
    assert_eq!(names.objects, ["go", "latch", "lock", "units"]);
    assert_eq!(names.sources, ["pipe"]);
    assert_eq!(names.vars, ["stop", "alive[0]", "alive[1]", "alive[2]"]);
    assert_eq!(names.slots, [vec![], vec!["y", "z"], vec!["w"]]);
    assert_eq!(names.notes, ["here", "there"]);
}

#[test]
fn what_is_said_about_the_whole() {
    let scenario = outcome(&with_fields(
        r#"
        "$schema": "scenario.json",
        "claims": ["windows/lifo"],
        "as": ["solaris", "io-uring"],
        "schedule": ["main", "@time", "worker[1]"],
        "properties": {
            "always": { "limit": "p.running <= p.concurrency" },
            "sometimes": { "both": "p.running == 2", "one": "p.running == 1" },
            "at_end": { "ends": "all(worker, done)" }
        },
        "expect": { "violation": "limit" },
        "bounds": { "depth": 100, "packets": 4 },
        "builtin": false,
        "may_wait": ["worker", "b"]"#,
    ))
    .unwrap();
    assert_eq!(scenario.claims, ["windows/lifo"]);
    let meant_for = ["solaris", "io-uring"].map(String::from);
    assert_eq!(scenario.meant_for, Some(meant_for.to_vec()));
    assert_eq!(scenario.expect, Expect::Violation(String::from("limit")));
    let names = &scenario.names;
    assert_eq!(names.always, ["limit"]);
    assert_eq!(names.sometimes, ["both", "one"]);
    assert_eq!(names.at_end, ["ends"]);
    let program = &scenario.program;
    let lengths = [&program.always, &program.sometimes, &program.at_end].map(Vec::len);
    assert_eq!(lengths, [1, 2, 1]);
    let turn = |thread| Slated::Thread(ThreadId(thread));
    assert_eq!(program.schedule, Some(vec![turn(0), Slated::Time, turn(3)]));
    let Bounds {
        depth,
        packets,
        ticks,
    } = program.bounds;
    assert_eq!((depth, packets, ticks), (Some(100), Some(4), None));
    assert!(!program.builtin);
    let may_wait = program.threads.iter().map(|it| it.may_wait);
    assert!(may_wait.eq([false, true, true, true, true]));
}

#[test]
fn packets_carry_what_was_posted() {
    let ops = r#"{ "post": "p", "key": -1, "bytes": 2, "overlapped": 3, "status": 3221225488 }"#;
    let packet = Packet {
        key: -1,
        bytes: 2,
        overlapped: 3,
        status: 0xc000_0010,
    };
    assert_eq!(outcome(&with_ops(ops)).unwrap().program.packets, [packet]);
    let named = ops.replace("3221225488", "\"STATUS_INVALID_DEVICE_REQUEST\"");
    assert_eq!(
        outcome(&with_ops(&named)).unwrap().program.packets,
        [packet]
    );
}

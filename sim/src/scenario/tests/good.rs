//! Sound scenarios, and what they compile to.

use portsim_model::expr::Expr;
use portsim_model::program::{
    Bounds, CodeId, FileId, JobId, Modes, Object, ObjectId, Packet, PortId, ProcessId, Reserve,
    ResultId, Slated, Slot, ThreadId, WaitsIn,
};
use portsim_model::property::{FAULTS, Fault, Invariants};

use super::super::Expect;
use super::{check, outcome, with_fields, with_io, with_ops, with_property};

/// The instructions of the first thread.
fn instructions(text: &str) -> String {
    let program = outcome(text).unwrap().program;
    let instrs = program.codes[0].instrs.iter().enumerate();
    let lines: Vec<String> = instrs.map(|(pc, it)| format!("{pc} {it:?}")).collect();
    lines.join("\n")
}

#[test]
fn operations_become_instructions() {
    check("operations", |ops| instructions(&with_ops(ops)));
}

#[test]
fn operations_of_windows_become_instructions() {
    check("io", |ops| instructions(&with_io(ops)));
}

#[test]
fn declarations_of_windows_become_tables() {
    let program = outcome(&with_io("")).unwrap().program;
    assert_eq!(
        program.ports.iter().map(|it| it.named).collect::<Vec<_>>(),
        [false, true]
    );
    let bindings = program.bindings.iter();
    assert!(
        bindings
            .map(|it| (it.file, it.port, it.key))
            .eq([(FileId(0), PortId(0), 7)])
    );
    let files = program.files.iter();
    let status = |id: ResultId| program.results[id.index()].status;
    let tables = files.map(|it| (it.binding.is_some(), it.sync, it.modes, status(it.on_close)));
    let modes = |set| Modes {
        skip_port: set,
        skip_event: set,
    };
    assert!(tables.eq([
        (true, false, modes(false), 0xc000_014b),
        (false, false, modes(true), 0xc000_0120),
        (false, true, modes(false), 0xc000_0120)
    ]));
    let operations = program.operations.iter();
    let tables = operations.map(|it| {
        (
            it.file,
            it.overlapped,
            it.event.is_some(),
            it.low_bit,
            it.apc,
            it.done.is_some(),
        )
    });
    assert!(tables.eq([
        (FileId(0), 5, true, true, false, false),
        (FileId(1), 6, false, false, true, false),
        (FileId(2), 0, false, false, false, true)
    ]));
    assert_eq!(program.reserves, [Reserve::Port, Reserve::Apc]);
    assert_eq!(program.wait_packets, 1);
    assert_eq!(
        program.jobs.iter().map(|it| it.parent).collect::<Vec<_>>(),
        [None, Some(JobId(0))]
    );
    let processes = program.threads.iter().map(|it| it.process);
    assert!(processes.eq([ProcessId(0), ProcessId(1)]));
}

#[test]
fn expressions_become_nodes() {
    check("expressions", |text| {
        let program = outcome(&with_property(text)).unwrap().program;
        let nodes = program.exprs.iter().enumerate();
        let lines: Vec<String> = nodes.map(|(id, it)| format!("{id} {it:?}")).collect();
        lines.join("\n")
    });
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
    let sources = program.sources.iter().map(|it| (it.readable, it.writable));
    assert!(sources.eq([(true, Some(true))]));
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
    assert_eq!(program.builtin, Invariants::ALL);
    assert!(program.schedule.is_none());
}

fn violation(name: &str, builtin: bool) -> Expect {
    let name = name.to_owned();
    Expect::Violation { name, builtin }
}

/// What an invariant is called may also be the name of a property, a variable, a result: what is declared comes first.
#[test]
fn names_are_free() {
    let read = |rest: &str| {
        let text = format!(
            r#"{{ "why": "Who owns a name?", "ports": {{ "p": {{}} }}, "vars": {{ "done": 0, "EAGAIN": 7 }},
                "threads": {{ "w": {{ "count": 2, "do": [{{ "get": "p", "into": "parked" }}] }} }}, {rest} }}"#
        );
        outcome(&text).unwrap()
    };
    let asked = read(
        r#""properties": { "always": { "lost": "all(w, done == 0 && parked.key < EAGAIN)" } }"#,
    );
    let of_threads = |expr: &Expr| matches!(expr, Expr::Thread(..));
    assert!(
        !asked.program.any_expr(of_threads),
        "the variable and the result are meant"
    );
    let expects = |expect: &str| {
        let own = r#""properties": { "always": { "lost": "true" } }"#;
        read(&format!(r#"{own}, "expect": {{ "violation": {expect} }}"#)).expect
    };
    assert_eq!(expects(r#""lost""#), violation("lost", false));
    assert_eq!(expects(r#""twice""#), violation("twice", true));
    assert_eq!(expects(r#"{ "builtin": "lost" }"#), violation("lost", true));
}

/// Invariants are switched off by name, and threads may wait in one place.
#[test]
fn invariants_and_waits_are_told_apart() {
    let text = r#"{ "why": "What is judged?", "ports": { "p": {} }, "events": { "e": {} }, "files": { "f": {} },
        "threads": { "w": { "count": 2, "do": [{ "get": "p" }] }, "a": [{ "block": "e" }] },
        "builtin": { "stranded": false, "lost": true },
        "may_wait": [{ "thread": "w", "in": "p" }, { "thread": "w[1]", "in": "e" }, { "thread": "a", "in": "f" }] }"#;
    let scenario = outcome(text).unwrap();
    let program = &scenario.program;
    let judged = FAULTS.map(|(fault, _)| program.builtin.judge(fault));
    assert_eq!(judged, FAULTS.map(|(fault, _)| fault != Fault::Stranded));
    let waits_in = program.threads.iter().map(|it| it.may_wait_in.clone());
    let (p, e) = (WaitsIn::Port(PortId(0)), WaitsIn::Object(ObjectId(0)));
    let f = WaitsIn::Object(program.files[0].signal);
    assert!(waits_in.eq([vec![p], vec![p, e], vec![f]]));
    assert!(program.threads.iter().all(|it| !it.may_wait));
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
        "as": ["illumos", "io-uring"],
        "schedule": ["main", "@time", "worker[1]"],
        "properties": {
            "always": { "limit": "p.running <= p.concurrency" },
            "sometimes": { "both": "p.running == 2", "one": "p.running == 1" },
            "eventually": { "over": "b.done", "served": { "when": "p.depth > 0", "then": "p.depth == 0" } },
            "at_end": { "ends": "all(worker, done)" }
        },
        "expect": { "violation": "limit" },
        "bounds": { "depth": 100, "packets": 4 },
        "builtin": false,
        "may_wait": ["worker", "b"]"#,
    ))
    .unwrap();
    assert_eq!(scenario.claims, ["windows/lifo"]);
    let meant_for = ["illumos", "io-uring"].map(String::from);
    assert_eq!(scenario.meant_for, Some(meant_for.to_vec()));
    assert_eq!(scenario.expect, violation("limit", false));
    let names = &scenario.names;
    assert_eq!(names.always, ["limit"]);
    assert_eq!(names.sometimes, ["both", "one"]);
    assert_eq!(names.eventually, ["over", "served"]);
    assert_eq!(names.at_end, ["ends"]);
    let program = &scenario.program;
    let lengths = [&program.always, &program.sometimes, &program.at_end].map(Vec::len);
    assert_eq!(lengths, [1, 2, 1]);
    let recurs = program.eventually.iter().map(|it| it.when.is_some());
    assert!(recurs.eq([false, true]));
    let turn = |thread| Slated::Thread(ThreadId(thread));
    assert_eq!(program.schedule, Some(vec![turn(0), Slated::Time, turn(3)]));
    let Bounds {
        depth,
        packets,
        ticks,
    } = program.bounds;
    assert_eq!((depth, packets, ticks), (Some(100), Some(4), None));
    assert_eq!(program.builtin, Invariants::NONE);
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

//! Programs written in Rust are what they say, call by call, and what has no room is refused.

use portsim_model::build::{Block, BuildError, Builder, Term};
use portsim_model::expr::{Expr, ExprId, Field, PortField};
use portsim_model::op::Op;
use portsim_model::program::*;
use portsim_model::property::Invariants;

/// The instructions that a block becomes, and the expressions in them.
fn code(write: impl FnOnce(&mut Block<'_>)) -> (Vec<Instr>, Vec<Expr>) {
    let mut program = Builder::new();
    program.thread(write);
    program.thread(|_| {});
    let program = program.build().expect("it has room");
    (program.codes[0].instrs.clone(), program.exprs)
}

/// What is wrong with a program.
fn problem(write: impl FnOnce(&mut Builder)) -> Option<BuildError> {
    let mut program = Builder::new();
    write(&mut program);
    program.thread(|code| code.stall());
    program.build().err()
}

#[test]
fn each_call_is_an_operation() {
    let (port, object, thread, var) = (PortId(2), ObjectId(3), ThreadId(1), VarId(5));
    let (instrs, exprs) = code(|code| {
        code.post(port, PacketId(1));
        code.close(port);
        code.block(object);
        code.signal(object);
        code.stall();
        code.sleep(7);
        code.spawn(thread);
        code.set(var, 8);
        code.set(var, 9);
        code.assert(var.into());
        code.exit();
    });
    let (into, alertable) = (None, false);
    let ops = [
        Op::Post {
            port,
            packet: PacketId(1),
            into,
            may_fail: false,
            reserve: None,
        },
        Op::Close { port, into },
        Op::Block {
            object,
            into,
            timeout: Timeout::Never,
            alertable,
        },
        Op::Signal { object },
        Op::Stall,
        Op::Sleep {
            ticks: 7,
            into,
            alertable,
        },
        Op::Spawn { thread },
        Op::Set { first: 0, len: 1 },
        Op::Set { first: 1, len: 1 },
        Op::Assert { cond: ExprId(2) },
        Op::Exit,
    ];
    assert_eq!(instrs, [&ops.map(Instr::Op)[..], &[Instr::End]].concat());
    assert_eq!(exprs, [Expr::Const(8), Expr::Const(9), Expr::Var(var)]);
}

#[test]
fn control_goes_where_it_says() {
    let asks = |cond: Term| {
        move |code: &mut Block<'_>| {
            code.forever(|code| {
                code.when_else(cond, |code| code.leave(), |code| code.stall());
            });
            code.either(|code| code.stall(), |_| {});
        }
    };
    let (stall, end) = (Instr::Op(Op::Stall), Instr::End);
    let rest = |cond| {
        let either = Instr::Either {
            branch: 6,
            others: 8,
        };
        [
            cond,
            Instr::Jump(5),
            Instr::Jump(4),
            stall,
            Instr::Jump(0),
            either,
            stall,
            Instr::Jump(8),
            end,
        ]
    };
    let own = Term::from(1).equals(Term::result(SlotId(0), Field::Key));
    let cond = Instr::If {
        cond: ExprId(2),
        otherwise: 3,
    };
    assert_eq!(code(asks(own)).0, rest(cond));
    // What other threads can change is asked in a step of its own, on either side of an operator, and negated too.
    let shared = [
        (2, Term::from(VarId(0)).equals(1)),
        (2, Term::from(1).equals(VarId(0))),
        (1, -Term::from(VarId(0))),
    ];
    for (cond, term) in shared {
        let op = Op::Test {
            cond: ExprId(cond),
            otherwise: 3,
        };
        assert_eq!(code(asks(term)).0, rest(Instr::Op(op)));
    }
    let (instrs, _) = code(|code| code.when(Term::from(1), |code| code.stall()));
    let cond = Instr::If {
        cond: ExprId(0),
        otherwise: 3,
    };
    assert_eq!(instrs, [cond, stall, Instr::Jump(3), end]);
}

#[test]
fn threads_packets_and_properties_are_declared() {
    let mut program = Builder::new();
    let port = program.port(1);
    let (one, two) = (
        program.packet(Packet::key(1)),
        program.packet(Packet::key(2)),
    );
    assert_eq!(
        [one, two, program.packet(Packet::key(1))],
        [0, 1, 0].map(PacketId)
    );
    let workers = program.threads(2, |_| {});
    assert_eq!(workers, [0, 1].map(ThreadId));
    let spawner = program.thread(|code| code.spawn(workers[1]));
    program.may_wait([spawner]);
    let depth = || Term::port(port, PortField::Depth);
    program.always(depth());
    program.sometimes(depth());
    program.at_end(depth());
    program.eventually(Some(depth()), depth());
    program.bounds(Bounds {
        ticks: Some(3),
        ..Bounds::default()
    });
    program.without_invariants();
    let program = program.build().expect("one thread starts");
    let flags = |thread: &Thread| (thread.code.0, thread.spawned, thread.may_wait);
    let threads: Vec<_> = program.threads.iter().map(flags).collect();
    assert_eq!(
        threads,
        [(0, false, false), (0, true, false), (1, false, true)]
    );
    let [always, sometimes, at_end] = [&program.always, &program.sometimes, &program.at_end];
    assert_eq!(
        [always, sometimes, at_end],
        [&[ExprId(0)], &[ExprId(1)], &[ExprId(2)]]
    );
    let promise = &program.eventually[0];
    assert_eq!((promise.when, promise.then), (Some(ExprId(3)), ExprId(4)));
    assert_eq!(program.bounds.ticks, Some(3));
    assert_eq!(program.builtin, Invariants::NONE);
}

#[test]
fn what_has_no_room_is_refused() {
    let too_many = |noun, max| Some(BuildError::TooMany { noun, max });
    let packets = |most: u32| {
        move |program: &mut Builder| {
            for key in 0..most {
                program.packet(Packet::key(key.into()));
            }
        }
    };
    let most = PACKETS_MAX as u32;
    assert_eq!(problem(packets(most)), None);
    let both = too_many("packets and sources", PACKETS_MAX);
    assert_eq!(problem(packets(most + 1)), both);
    let with_source = |most| {
        move |program: &mut Builder| {
            packets(most)(program);
            program.source(true);
        }
    };
    assert_eq!(problem(with_source(most - 1)), None);
    assert_eq!(problem(with_source(most)), both);
    let source_first = |most| {
        move |program: &mut Builder| {
            program.source(true);
            packets(most)(program);
        }
    };
    assert_eq!(problem(source_first(most - 1)), None);
    assert_eq!(problem(source_first(most)), both);
    let threads = |most| {
        move |program: &mut Builder| {
            program.threads(most, |_| {});
        }
    };
    assert_eq!(problem(threads(THREADS_MAX as u8 - 1)), None);
    assert_eq!(
        problem(threads(THREADS_MAX as u8)),
        too_many("threads", THREADS_MAX)
    );
    let ports = |most: usize| {
        move |program: &mut Builder| {
            for _ in 0..most {
                program.port(1);
            }
        }
    };
    assert_eq!(problem(ports(PORTS_MAX)), None);
    assert_eq!(problem(ports(PORTS_MAX + 1)), too_many("ports", PORTS_MAX));
    let leave = |program: &mut Builder| {
        program.thread(|code| code.leave());
    };
    assert_eq!(problem(leave), Some(BuildError::NoLoop));
}

#[test]
fn problems_have_words() {
    let too_many = BuildError::TooMany {
        noun: "ports",
        max: 4,
    };
    assert_eq!(too_many.to_string(), "more than 4 ports");
    let mut program = Builder::new();
    let first = program.thread(|_| {});
    let second = program.thread(|code| code.spawn(first));
    program.thread(|code| code.spawn(second));
    assert!(program.clone().build().is_ok());
    let mut alone = Builder::new();
    alone.thread(|code| code.spawn(ThreadId(0)));
    assert_eq!(alone.build().err(), Some(BuildError::NobodyStarts));
}

//! Programs around an operation, on a system that has every operation.

use std::sync::Arc;

use portsim_model::about::{About, Limits};
use portsim_model::contract::Personality;
use portsim_model::event::Observer;
use portsim_model::expr::Expr;
use portsim_model::program::*;
use portsim_model::property::Fault;
use portsim_model::state::View;
use portsim_model::turn::Turn;
use portsim_model::{AnyMachine, Machine};

/// A system that has every operation. Nobody makes a call on it: what is asked of a program is asked before.
#[derive(Debug, Clone, Copy)]
pub struct Anything;

static ABOUT: About = About {
    name: "anything",
    can: &[Verb::ALL],
    limits: Limits {
        minimum_wait: None,
        ..Limits::NONE
    },
    ..About::PLAIN
};

impl Personality for Anything {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn get<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Get) {
        unreachable!("nobody takes a step")
    }

    fn post<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Post) {
        unreachable!("nobody takes a step")
    }

    fn wake<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Get) {
        unreachable!("nobody takes a step")
    }

    fn expire<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Get) {
        unreachable!("nobody takes a step")
    }

    fn holds(&self, _: View<'_>) -> Result<(), Fault> {
        Ok(())
    }
}

/// A program on that system.
pub fn machine(program: &Program) -> Box<dyn AnyMachine> {
    let machine = Machine::new(Arc::new(program.clone()), Anything, 1);
    Box::new(machine.expect("it has every operation"))
}

/// What a thread runs: these operations one after the other, and then its end.
pub fn code(ops: &[Op]) -> Code {
    let ops = ops.iter().map(|&op| Instr::Op(op));
    Code {
        instrs: ops.chain([Instr::End]).collect(),
        slots: vec![Slot { packets_max: 2 }],
        locals: vec![],
    }
}

/// Threads that run these codes, one each, with ports, packets and objects, and variables of which `exprs` and `sets`
/// speak; there is nothing else.
pub fn plain(codes: Vec<Code>) -> Program {
    let thread = |n| Thread {
        code: CodeId(n),
        spawned: false,
        may_wait: true,
        may_wait_in: Vec::new(),
        process: ProcessId(0),
    };
    let port = Port {
        concurrency: 1,
        open: true,
        named: false,
        events_max: None,
        entries: None,
        setup: RingSetup::Shared,
    };
    let set = |var, value| Assignment {
        var: Variable::Shared(VarId(var)),
        element: None,
        value: portsim_model::expr::ExprId(value),
    };
    let computed = |key| Computed {
        key: portsim_model::expr::ExprId(key),
        bytes: portsim_model::expr::ExprId(0),
        overlapped: portsim_model::expr::ExprId(0),
        status: 0,
        packets: vec![(Packet::key(0), PacketId(3)), (Packet::key(1), PacketId(4))],
    };
    let chain = Chain {
        port: PortId(1),
        linked: vec![Linked {
            request: Request::Nop(PacketId(1)),
            hard: false,
            broken: PacketId(2),
        }],
    };
    Program {
        threads: (0..codes.len() as u8).map(thread).collect(),
        codes,
        ports: vec![port; PORTS],
        objects: vec![Object::Mutex; 3],
        packets: vec![Packet::default(); 6],
        vars: vec![0, 1, 0],
        exprs: vec![Expr::Const(0), Expr::Var(VarId(1))],
        sets: vec![set(1, 0), set(2, 0), set(2, 1)],
        port_lists: vec![vec![], vec![PortId(2), PortId(3), PortId(2)]],
        bursts: vec![vec![]; 2],
        owns: vec![vec![]; 3],
        chains: vec![chain; 2],
        computed: vec![computed(0), computed(1)],
        ..Program::default()
    }
}

/// How many ports a program has.
pub const PORTS: usize = 4;

/// The same with some of everything else that an operation can name.
pub fn whole(codes: Vec<Code>) -> Program {
    let file = File {
        binding: None,
        sync: false,
        modes: Modes::default(),
        on_close: ResultId(0),
        signal: ObjectId(0),
    };
    let binding = |file| Binding {
        file: FileId(file),
        port: PortId(0),
        key: 0,
    };
    let operation = |file| Operation {
        file: FileId(file),
        overlapped: 0,
        event: None,
        low_bit: false,
        multishot: false,
        drain: false,
        apc: false,
        done: None,
    };
    let job_binding = |port| JobBinding {
        job: JobId(1),
        port: PortId(port),
        key: 0,
        new: vec![],
        exit: vec![],
        zero: PacketId(0),
    };
    Program {
        sources: vec![Source::default(); 2],
        files: vec![file; 3],
        bindings: (0..2).map(binding).collect(),
        operations: (0..3).map(operation).collect(),
        results: vec![CANCELLED; 3],
        bursts: vec![vec![], vec![OperationId(0), OperationId(2)]],
        reserves: vec![Reserve::Port; 2],
        wait_packets: 2,
        jobs: vec![Job { parent: None }; 2],
        job_bindings: [3, 0, 3].map(job_binding).to_vec(),
        pids: vec![0; 5],
        ..plain(codes)
    }
}

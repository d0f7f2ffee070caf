//! The benchmark model has exactly the states and transitions that four other checkers count.

use std::collections::HashSet;
use std::sync::Arc;

use portsim_model::personality::Windows;
use portsim_model::program::*;
use portsim_model::{AnyMachine, Machine, State};

/// N workers that may stall whenever they hold a packet, concurrency C, P posters of K packets each.
fn pool(workers: usize, concurrency: u32, posters: u8, packets: usize) -> Program {
    let port = PortId(0);
    let get = Op::Get {
        port,
        into: Some(SlotId(0)),
        timeout: Timeout::Never,
        max: None,
        min: None,
        alertable: false,
    };
    let worker = Code {
        instrs: vec![
            Instr::Op(get),
            Instr::Either {
                branch: 2,
                others: 4,
            },
            Instr::Op(Op::Stall),
            Instr::Jump(1),
            Instr::Jump(0),
            Instr::End,
        ],
        slots: vec![Slot { packets_max: 1 }],
    };
    let poster = |packet| {
        let mut instrs = vec![
            Instr::Op(Op::Post {
                port,
                packet: PacketId(packet),
                into: None,
                may_fail: false,
                reserve: None,
            });
            packets
        ];
        instrs.push(Instr::End);
        Code {
            instrs,
            slots: vec![],
        }
    };
    let mut codes = vec![worker];
    codes.extend((0..posters).map(poster));
    let thread = |code| Thread {
        code: CodeId(code),
        spawned: false,
        may_wait: true,
        process: ProcessId(0),
    };
    let mut threads = vec![thread(0); workers];
    threads.extend((1..=posters).map(thread));
    Program {
        threads,
        codes,
        ports: vec![Port {
            concurrency,
            open: true,
            named: false,
            events_max: None,
            entries: None,
        }],
        packets: (0..posters)
            .map(|n| Packet {
                key: i64::from(n) + 1,
                ..Packet::default()
            })
            .collect(),
        builtin: true,
        ..Program::default()
    }
}

/// States and transitions, the initial state counted as one generated.
fn explore(program: Program) -> (usize, usize) {
    let machine =
        Machine::new(Arc::new(program), Windows::VISTA, 2).expect("Windows has these operations");
    let machine: &dyn AnyMachine = &machine;
    let boot = machine.boot();
    let mut seen: HashSet<State> = HashSet::from([boot.clone()]);
    let (mut frontier, mut transitions) = (vec![boot], 1);
    while let Some(state) = frontier.pop() {
        assert_eq!(machine.judge(&state), None);
        let mut steps = Vec::new();
        assert!(!machine.enabled(&state, |step| steps.push(step)).0);
        for step in steps {
            transitions += 1;
            let mut next = state.clone();
            assert_eq!(machine.take(&mut next, step, &mut ()), None);
            if seen.insert(next.clone()) {
                frontier.push(next);
            }
        }
    }
    (seen.len(), transitions)
}

#[test]
fn counts_are_those_of_the_other_checkers() {
    assert_eq!(explore(pool(4, 2, 2, 4)), (106_107, 616_059));
}

//! Variables that each thread has for itself: what they cost, who trades places, and which orders can be seen.

use std::collections::HashSet;
use std::sync::Arc;

use portsim_model::build::Builder;
use portsim_model::expr::{Binary, Expr, ExprId, Facts};
use portsim_model::partial_order::PartialOrder;
use portsim_model::personality::Windows;
use portsim_model::program::*;
use portsim_model::symmetry::Symmetry;
use portsim_model::threads::Mode;
use portsim_model::{AnyMachine, Machine, State};

const N: LocalId = LocalId(0);

fn machine(program: &Program) -> Machine<Windows> {
    Machine::new(Arc::new(program.clone()), Windows::LATER, 2).expect("Windows has its operations")
}

fn add(program: &mut Program, expr: Expr) -> ExprId {
    program.exprs.push(expr);
    ExprId(program.exprs.len() as u16 - 1)
}

/// The variable of a thread, or of the one that asks.
fn local(program: &mut Program, thread: Option<ThreadId>) -> ExprId {
    let (first, element) = (N, None);
    let read = Expr::Local {
        thread,
        first,
        element,
    };
    add(program, read)
}

/// A comparison with a number.
fn compared(program: &mut Program, operator: Binary, thread: Option<ThreadId>, to: i64) -> ExprId {
    let (own, to) = (local(program, thread), add(program, Expr::Const(to)));
    add(program, Expr::Binary(operator, own, to))
}

/// So many threads that yield, count, and yield again.
fn counters(threads: u8) -> Program {
    let mut program = Builder::new();
    program.threads(threads, |code| code.op(Op::Yield));
    let mut program = program.build().expect("it has room");
    let (own, one) = (local(&mut program, None), add(&mut program, Expr::Const(1)));
    let value = add(&mut program, Expr::Binary(Binary::Add, own, one));
    program.sets.push(Assignment {
        var: Variable::Own(N),
        element: None,
        value,
    });
    let (count, yields) = (Instr::Let { first: 0, len: 1 }, Instr::Op(Op::Yield));
    program.codes[0].instrs = vec![yields, count, yields, Instr::End];
    program.codes[0].locals = vec![0];
    program
}

/// The state behind the next turn of a thread.
fn turn(machine: &dyn AnyMachine, state: &State, thread: u8) -> State {
    let (mut next, mut taken) = (state.clone(), false);
    let _ = machine.enabled(state, |step| {
        if step.thread == ThreadId(thread) && !taken {
            taken = true;
            machine.take(&mut next, step, &mut ());
        }
    });
    assert!(taken);
    next
}

#[test]
fn an_assignment_is_no_step() {
    let program = counters(2);
    let machine = machine(&program);
    let machine: &dyn AnyMachine = &machine;
    let next = turn(machine, &machine.boot(), 0);
    let view = machine.view(&next);
    assert_eq!(
        (view.local(ThreadId(0), N), view.local(ThreadId(1), N)),
        (1, 0)
    );
    assert_eq!(view.thread(ThreadId(0)).pc(), 2);
}

#[test]
fn only_programs_with_them_have_room_for_them() {
    let with = counters(3);
    let mut without = with.clone();
    without.codes[0].locals.clear();
    let len = |program: &Program| machine(program).frame().layout().state_len();
    assert_eq!(len(&with), len(&without) + 3 * 4);
}

#[test]
fn assignments_without_an_operation_come_to_an_end() {
    for (rounds, mode) in [(LETS_MAX, Mode::Ready), (LETS_MAX + 1, Mode::Lost)] {
        let mut program = counters(1);
        let cond = compared(&mut program, Binary::Lt, None, rounds as i64);
        let (count, otherwise) = (Instr::Let { first: 0, len: 1 }, 3);
        program.codes[0].instrs = vec![
            Instr::If { cond, otherwise },
            count,
            Instr::Jump(0),
            Instr::Op(Op::Yield),
            Instr::End,
        ];
        let machine = machine(&program);
        let machine: &dyn AnyMachine = &machine;
        let boot = machine.boot();
        let view = machine.view(&boot);
        assert_eq!(view.mode(ThreadId(0)), mode, "{rounds}");
        assert_eq!(view.local(ThreadId(0), N), LETS_MAX as i64);
    }
}

#[test]
fn they_trade_places_with_their_threads() {
    let program = counters(2);
    let machine = machine(&program);
    let machine: &dyn AnyMachine = &machine;
    let symmetry = Symmetry::of(machine.frame());
    let boot = machine.boot();
    let [mut one, mut other] = [0, 1].map(|thread| turn(machine, &boot, thread));
    assert_ne!(one, other);
    symmetry.canonize(&mut one);
    symmetry.canonize(&mut other);
    assert_eq!(one, other);
}

#[test]
fn a_property_of_one_keeps_it_apart() {
    let alike = |asked: &[u8]| {
        let mut program = counters(2);
        let asked: Vec<_> = asked
            .iter()
            .map(|&n| compared(&mut program, Binary::Le, Some(ThreadId(n)), 1))
            .collect();
        let both = asked
            .into_iter()
            .reduce(|one, other| add(&mut program, Expr::Binary(Binary::And, one, other)));
        program.always.extend(both);
        let machine = machine(&program);
        !Symmetry::of(machine.frame()).is_trivial()
    };
    assert!(alike(&[]));
    assert!(alike(&[0, 1]));
    assert!(!alike(&[0]));
}

/// Who counts first can be seen only by a property of both.
#[test]
fn orders_are_left_out_that_nobody_sees() {
    let searched = |asked: &[(u8, i64)]| {
        let mut program = counters(2);
        let asked: Vec<_> = asked
            .iter()
            .map(|&(n, is)| compared(&mut program, Binary::Eq, Some(ThreadId(n)), is))
            .collect();
        let all = asked
            .into_iter()
            .reduce(|one, other| add(&mut program, Expr::Binary(Binary::And, one, other)));
        program.sometimes.extend(all);
        let machine = machine(&program);
        let machine: &dyn AnyMachine = &machine;
        let order = PartialOrder::of(machine.frame());
        let boot = machine.boot();
        let (mut seen, mut open) = (HashSet::from([boot.clone()]), vec![boot]);
        let (mut left_out, mut shown) = (false, false);
        while let Some(state) = open.pop() {
            shown |= !machine.program().sometimes.is_empty() && machine.shows(&state, 0);
            let mut steps = Vec::new();
            let _ = machine.enabled(&state, |step| steps.push(step));
            left_out |= order.reduce(machine.frame(), &state, &mut steps);
            for step in steps {
                let mut next = state.clone();
                machine.take(&mut next, step, &mut ());
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        (left_out, shown)
    };
    assert_eq!(searched(&[]), (true, false));
    assert_eq!(searched(&[(0, 1)]), (true, true));
    for (first, second) in [(0, 1), (1, 0)] {
        let (_, shown) = searched(&[(first, 0), (second, 1)]);
        assert!(shown, "thread {second} counts first");
    }
}

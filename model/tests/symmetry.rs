//! Which threads are alike, and that states are one that differ only in who is who.

use std::sync::Arc;

use portsim_model::build::{Block, Builder};
use portsim_model::expr::{Binary, Expr, ExprId, Field};
use portsim_model::op::Op;
use portsim_model::personality::Windows;
use portsim_model::program::*;
use portsim_model::symmetry::Symmetry;
use portsim_model::{AnyMachine, Machine, State};

fn machine(program: Program) -> Machine<Windows> {
    Machine::new(Arc::new(program), Windows::LATER, 2).expect("Windows has its operations")
}

/// How many threads are alike, in groups of two or more.
fn alike(program: Program) -> Vec<usize> {
    let machine = machine(program);
    let machine: &dyn AnyMachine = &machine;
    let symmetry = Symmetry::of(machine.frame());
    let orbits: Vec<_> = symmetry.orbits().map(|orbit| orbit.len()).collect();
    assert_eq!(symmetry.is_trivial(), orbits.is_empty());
    orbits
}

/// So many threads of one code.
fn threads(count: u8) -> Program {
    let mut program = Builder::new();
    let port = program.port(1);
    let packet = program.packet(Packet::key(1));
    program.threads(count, |code| code.post(port, packet));
    program.build().expect("it has room")
}

#[test]
fn threads_of_one_code_are_alike_however_many_there_are() {
    assert_eq!(alike(threads(1)), []);
    assert_eq!(alike(threads(2)), [2]);
    assert_eq!(alike(threads(64)), [64]);
}

#[test]
fn threads_that_start_or_end_in_different_ways_are_not_alike() {
    let differs = |change: fn(&mut Thread)| {
        let mut program = threads(3);
        change(&mut program.threads[1]);
        alike(program)
    };
    assert_eq!(differs(|_| {}), [3]);
    assert_eq!(differs(|thread| thread.spawned = true), [2]);
    assert_eq!(differs(|thread| thread.may_wait = true), [2]);
    assert_eq!(differs(|thread| thread.process = ProcessId(1)), [2]);
}

#[test]
fn threads_of_a_schedule_are_not_alike() {
    let mut program = threads(3);
    program.schedule = Some(vec![Slated::Thread(ThreadId(0))]);
    assert_eq!(alike(program), [2]);
}

/// Threads that end with their process end in an order.
#[test]
fn nobody_is_alike_where_a_process_ends() {
    let mut program = threads(3);
    program.codes.push(Code {
        instrs: vec![Instr::Op(Op::ExitProcess), Instr::End],
        ..Code::default()
    });
    program.threads[2].code = CodeId(program.codes.len() as u8 - 1);
    assert_eq!(alike(program), []);
}

/// Expressions of a property, the last of which is the property.
struct Asks(Vec<Expr>);

impl Asks {
    fn add(&mut self, expr: Expr) -> ExprId {
        self.0.push(expr);
        ExprId(self.0.len() as u16 - 1)
    }

    fn number(&mut self, number: i64) -> ExprId {
        self.add(Expr::Const(number))
    }

    fn two(&mut self, operator: Binary, left: ExprId, right: ExprId) -> ExprId {
        self.add(Expr::Binary(operator, left, right))
    }

    /// The key of the packet that a thread got.
    fn key(&mut self, thread: u8) -> ExprId {
        self.add(Expr::Result {
            thread: Some(ThreadId(thread)),
            slot: SlotId(0),
            field: Field::Key,
            nth: 0,
        })
    }

    /// What both threads got, added up behind something else.
    fn sum_behind(&mut self, first: ExprId) -> ExprId {
        let (one, other) = (self.key(0), self.key(1));
        let sum = self.two(Binary::Add, first, one);
        self.two(Binary::Add, sum, other)
    }
}

/// The largest key, without its sign.
const CARRIED: i64 = 9;

/// Whether two threads that each get a packet are alike where a property asks this.
fn are_alike(asks: impl FnOnce(&mut Asks) -> ExprId) -> bool {
    let mut program = Builder::new();
    let port = program.port(1);
    let packet = program.packet(Packet::key(-CARRIED));
    program.threads(2, |code| {
        code.get(port);
    });
    program.thread(|code| code.post(port, packet));
    program.var(0);
    program.var(0);
    let mut program = program.build().expect("it has room");
    let mut exprs = Asks(std::mem::take(&mut program.exprs));
    program.always = vec![asks(&mut exprs)];
    program.exprs = exprs.0;
    alike(program) == [2]
}

/// A sum has the same value in whatever order it is added up, as long as no sum on the way is too large.
#[test]
fn a_sum_may_be_added_up_in_any_order_where_it_has_room() {
    type Makes = fn(&mut Asks) -> ExprId;
    let sizes: [(i64, Makes); 8] = [
        (0, |asks| asks.number(0)),
        (5, |asks| asks.number(-5)),
        (5, |asks| {
            let five = asks.number(5);
            asks.add(Expr::Neg(five))
        }),
        (1, |asks| {
            let five = asks.number(5);
            asks.add(Expr::Not(five))
        }),
        (8, |asks| {
            let (five, three) = (asks.number(5), asks.number(3));
            asks.two(Binary::Sub, five, three)
        }),
        (15, |asks| {
            let (five, three) = (asks.number(5), asks.number(3));
            asks.two(Binary::Mul, five, three)
        }),
        (1, |asks| {
            let (five, three) = (asks.number(5), asks.number(3));
            asks.two(Binary::Lt, five, three)
        }),
        (1 << 32, |asks| asks.add(Expr::Var(VarId(0)))),
    ];
    for (size, makes) in sizes {
        // What is added besides, so that the whole is as large as this.
        let with = |largest: i128| {
            are_alike(|asks| {
                let made = makes(asks);
                let rest = largest - i128::from(size) - 2 * i128::from(CARRIED);
                let rest = asks.number(rest.try_into().expect("it fits"));
                let sum = asks.two(Binary::Add, made, rest);
                asks.sum_behind(sum)
            })
        };
        assert!(with(i64::MAX.into()), "{size}");
        assert!(!with(i128::from(i64::MAX) + 1), "{size}");
    }
}

#[test]
fn a_sum_that_may_have_no_value_is_added_up_as_it_stands() {
    fn with(makes: impl FnOnce(&mut Asks, ExprId) -> ExprId) -> bool {
        are_alike(|asks| {
            let number = asks.number(1);
            let made = makes(asks, number);
            asks.sum_behind(made)
        })
    }
    assert!(with(|_, one| one));
    assert!(!with(|asks, one| asks.two(Binary::Div, one, one)));
    assert!(!with(|asks, one| asks.two(Binary::Rem, one, one)));
    let (first, len) = (VarId(0), 2);
    let element = move |index| Expr::Element { first, len, index };
    assert!(!with(|asks, one| asks.add(element(one))));
    let not = |asks: &mut Asks, one| {
        let divided = asks.two(Binary::Div, one, one);
        asks.add(Expr::Not(divided))
    };
    assert!(!with(not));
}

/// Operands of a difference do not change places, nor do those of different operators.
#[test]
fn only_operands_of_one_operator_change_places() {
    let of_both = |operator| {
        are_alike(|asks| {
            let (one, other) = (asks.key(0), asks.key(1));
            asks.two(operator, one, other)
        })
    };
    use Binary::*;
    let either_way = [Add, And, Or, Eq, Ne, Mul];
    assert!(either_way.into_iter().all(of_both));
    assert!(![Sub, Lt, Le, Div, Rem].into_iter().any(of_both));
    let mixed = are_alike(|asks| {
        let (one, other, more) = (asks.key(0), asks.key(1), asks.key(0));
        let both = asks.two(And, one, other);
        asks.two(Add, both, more)
    });
    assert!(!mixed);
}

/// How many states two threads of this code have, and how many where it makes no difference who is who.
fn states(write: impl FnOnce(&mut Block<'_>, [ObjectId; 2])) -> [usize; 2] {
    let mut program = Builder::new();
    let mutexes = [(); 2].map(|()| program.object(Object::Mutex));
    program.threads(2, |code| write(code, mutexes));
    let machine = machine(program.build().expect("it has room"));
    let machine: &dyn AnyMachine = &machine;
    let symmetry = Symmetry::of(machine.frame());
    let count = |canonize: bool| {
        let mut seen: Vec<State> = vec![machine.boot()];
        let mut next = 0;
        while let Some(state) = seen.get(next).cloned() {
            let mut steps = Vec::new();
            let _ = machine.enabled(&state, |step| steps.push(step));
            for step in steps {
                let mut led_to = state.clone();
                machine.take(&mut led_to, step, &mut ());
                if canonize {
                    symmetry.canonize(&mut led_to);
                }
                if !seen.contains(&led_to) {
                    seen.push(led_to);
                }
            }
            next += 1;
        }
        seen.len()
    };
    [count(false), count(true)]
}

/// Threads are told apart by what they hold, also where nothing of their own is different.
#[test]
fn who_holds_what_makes_no_difference() {
    let [all, classes] = states(|code, [first, second]| {
        code.either(|code| code.block(first), |code| code.block(second));
        code.stall();
    });
    // Where both have yet to choose they are the same; every other state has a twin.
    assert_eq!((all, classes), (43, 1 + 42 / 2));
}

//! Each thread's part: where it stands in its code, and what its calls have left it.
//!
//! The conductor plays the control flow itself, so that the kernel only ever sees calls. It knows what an
//! observer of calls and returns can know; the inside of a port is not part of that.

use std::rc::Rc;

use portsim_model::control::{Plan, Rest};
use portsim_model::expr::{
    Expr, ExprId, Facts, Field, FileField, OperationField, PortField, ThreadField, eval,
};
use portsim_model::op::{Noun, Role};
use portsim_model::os_error::os_errors;
use portsim_model::program::{
    Assignment, FileId, Instr, IoResult, LETS_MAX, LocalId, Op, OperationId, Packet, Pc, PortId,
    Program, SlotId, ThreadId, VarId, Variable,
};
use portsim_model::results::{Failure, Left};

use super::backend::ops_of_the_kernel;
use crate::trace::Answer;

/// One thread's part.
#[derive(Debug)]
pub struct Part {
    /// Where it rests.
    pub pc: Pc,
    /// Whether it has started.
    pub born: bool,
    /// Whether its program is over, and it is gone.
    pub done: bool,
    /// Whether its program is over, and its end is a turn that is still to come.
    pub leaving: bool,
    /// The call in which it is parked.
    pub inside: Option<Op>,
    /// How many suspensions nobody has taken back.
    pub suspensions: u8,
    results: Vec<Kept>,
    /// Its own variables.
    locals: Vec<i32>,
}

/// What calls have left in one place.
#[derive(Debug, Clone, Default)]
struct Kept {
    answer: Option<Answer>,
    /// The last packet, if the last call took none and keeps it.
    packet: Option<Packet>,
}

impl Kept {
    /// A call leaves its answer.
    fn leave(&mut self, op: Op, answer: &Answer) {
        self.packet = match (&self.answer, answer) {
            _ if !op.keeps() => None,
            (Some(Answer::Packet(packet)), Answer::Failed(_)) => Some(*packet),
            (_, Answer::Failed(_)) => self.packet,
            _ => None,
        };
        self.answer = Some(answer.clone());
    }
}

/// All parts, and the variables they share.
#[derive(Debug)]
pub struct Script<'a> {
    program: &'a Program,
    /// Where control goes.
    pub plan: Rc<Plan>,
    /// By thread.
    pub parts: Vec<Part>,
    vars: Vec<i32>,
}

/// What an operation that needs nobody else answers, and where its thread goes on; none where it is an assertion that
/// does not hold.
pub type Made = Option<(Answer, Pc)>;

/// A part that cannot go on: it goes round without an operation, or a value it needs does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

impl<'a> Script<'a> {
    /// Everybody at the start of their code, not settled yet.
    pub fn new(program: &'a Program) -> Script<'a> {
        let part = |thread: ThreadId| Part {
            pc: 0,
            born: !program.threads[thread.index()].spawned,
            done: false,
            leaving: false,
            inside: None,
            suspensions: 0,
            results: vec![Kept::default(); program.code(thread).slots.len()],
            locals: program.code(thread).locals.clone(),
        };
        Script {
            program,
            plan: Rc::new(Plan::of(program)),
            parts: program.thread_ids().map(part).collect(),
            vars: program.vars.clone(),
        }
    }

    /// The part of a thread.
    pub fn part(&mut self, thread: ThreadId) -> &mut Part {
        &mut self.parts[thread.index()]
    }

    /// Goes on at `pc`, and follows control from there.
    pub fn go_on(&mut self, thread: ThreadId, pc: Pc) -> Result<(), Lost> {
        let rest = self.rests(thread, pc)?;
        let part = self.part(thread);
        match rest {
            Rest::At(pc) => part.pc = pc,
            Rest::End(pc) => (part.pc, part.done) = (pc, true),
            Rest::Nowhere(pc) | Rest::Let(pc) => {
                part.pc = pc;
                return Err(Lost);
            }
        }
        Ok(())
    }

    /// Where control rests; what the thread assigns to its own variables on the way is written.
    fn rests(&mut self, thread: ThreadId, mut pc: Pc) -> Result<Rest, Lost> {
        for _ in 0..=LETS_MAX {
            let rest = self.plan.settle(self.program, self, thread, pc);
            let Rest::Let(at) = rest else {
                return Ok(rest);
            };
            if let Instr::Let { first, len } = self.program.code(thread).instrs[usize::from(at)] {
                self.set(thread, first, len)?;
            }
            pc = at + 1;
        }
        Ok(Rest::Nowhere(pc))
    }

    /// A call starts: its slot is cleared, unless it keeps what is there.
    pub fn starts(&mut self, thread: ThreadId, op: Op, pc: Pc) {
        let part = self.part(thread);
        part.pc = pc;
        if let Some(slot) = op.into()
            && !op.keeps()
        {
            part.results[slot.index()] = Kept::default();
        }
    }

    /// A call ended: its slot is filled, and the thread goes on behind it.
    pub fn ends(&mut self, thread: ThreadId, op: Op, answer: &Answer) -> Result<(), Lost> {
        if *answer == Answer::Done {
            self.meets_others(op);
        }
        let part = self.part(thread);
        part.inside = None;
        if part.done {
            // It has ended itself.
            return Ok(());
        }
        if let Some(slot) = op.into() {
            part.results[slot.index()].leave(op, answer);
        }
        let pc = part.pc + 1;
        self.go_on(thread, pc)
    }

    /// What a call that went well has done to the threads that it names.
    fn meets_others(&mut self, mut op: Op) {
        for noun in op.describe().nouns() {
            let Noun::Thread(thread, role) = noun else {
                continue;
            };
            let target = self.part(thread);
            match role {
                Role::Suspends => target.suspensions += 1,
                Role::Resumes => target.suspensions = target.suspensions.saturating_sub(1),
                Role::Ends => {
                    (target.born, target.done, target.leaving) = (true, true, false);
                    (target.inside, target.suspensions) = (None, 0);
                }
                _ => {}
            }
        }
    }

    /// Makes an operation that needs nobody else.
    pub fn makes(&mut self, thread: ThreadId, op: Op, pc: Pc) -> Result<Made, Lost> {
        let mut answer = Answer::Done;
        let next = match op {
            Op::Set { first, len } => {
                self.set(thread, first, len)?;
                Some(pc + 1)
            }
            Op::Swap { set, .. } => {
                answer = self.update(thread, set, |_, given| Some(given))?;
                self.leave(thread, op, &answer);
                Some(pc + 1)
            }
            Op::Add { set, .. } => {
                answer = self.update(thread, set, i32::checked_add)?;
                self.leave(thread, op, &answer);
                Some(pc + 1)
            }
            Op::CompareSwap { set, expect, .. } => {
                let expected = self.value(thread, expect)?;
                answer = match self.read(thread, set)? == expected {
                    true => self.update(thread, set, |_, given| Some(given))?,
                    false => Answer::Other(self.read(thread, set)?),
                };
                self.leave(thread, op, &answer);
                Some(pc + 1)
            }
            Op::Test { cond, otherwise } => match self.value(thread, cond)? {
                0 => Some(otherwise),
                _ => Some(pc + 1),
            },
            Op::Await { cond } => {
                self.value(thread, cond)?;
                Some(pc + 1)
            }
            Op::Assert { cond } => match self.value(thread, cond) {
                Ok(0) | Err(Lost) => None,
                Ok(_) => Some(pc + 1),
            },
            Op::Note(_) | Op::Yield | Op::Sleep { .. } | Op::Spawn { .. } | Op::Exit => {
                Some(pc + 1)
            }
            ops_of_the_kernel!() => unreachable!("{op:?} is the kernel's business"),
        };
        Ok(next.map(|next| (answer, next)))
    }

    /// What a call has left.
    fn leave(&mut self, thread: ThreadId, op: Op, answer: &Answer) {
        if let Some(slot) = op.into() {
            self.part(thread).results[slot.index()].leave(op, answer);
        }
    }

    /// Reads a variable and writes what it becomes; answers with what was there.
    fn update(
        &mut self,
        thread: ThreadId,
        set: u16,
        becomes: impl Fn(i32, i32) -> Option<i32>,
    ) -> Result<Answer, Lost> {
        let set = self.program.sets[usize::from(set)];
        let given = i32::try_from(self.value(thread, set.value)?).map_err(|_| Lost)?;
        let variable = self.written(thread, &set)?;
        let place = self.variable(thread, variable);
        let was = *place;
        *place = becomes(was, given).ok_or(Lost)?;
        Ok(Answer::Value(was.into()))
    }

    /// The value of the variable that an assignment writes.
    fn read(&mut self, thread: ThreadId, set: u16) -> Result<i64, Lost> {
        let variable = self.written(thread, &self.program.sets[usize::from(set)])?;
        Ok((*self.variable(thread, variable)).into())
    }

    /// The variable that an assignment writes.
    fn written(&self, thread: ThreadId, set: &Assignment) -> Result<Variable, Lost> {
        let written = set.written(&self.program.exprs, self, thread);
        written.ok_or(Lost)
    }

    fn variable(&mut self, thread: ThreadId, variable: Variable) -> &mut i32 {
        match variable {
            Variable::Shared(var) => &mut self.vars[var.index()],
            Variable::Own(local) => &mut self.part(thread).locals[local.index()],
        }
    }

    /// Exchanges the shared variables with others: where every thread has a script of its own, they are kept elsewhere.
    pub fn exchange_vars(&mut self, vars: &mut Vec<i32>) {
        std::mem::swap(&mut self.vars, vars);
    }

    /// The call that an operation is now: a post of what it computes is a post of that.
    pub fn call(&self, thread: ThreadId, op: Op) -> Result<Op, Lost> {
        let Op::PostComputed { computed, .. } = op else {
            return Ok(op);
        };
        let carried = &self.program.computed[usize::from(computed)];
        let packet = carried.packet(|id| self.value(thread, id).ok());
        packet.and_then(|packet| op.posting(packet)).ok_or(Lost)
    }

    /// Whether an operation waits for a condition that does not hold.
    pub fn awaits(&self, thread: ThreadId, op: Op) -> bool {
        op.awaits()
            .is_some_and(|cond| self.value(thread, cond) == Ok(0))
    }

    /// The value of an expression as a thread sees it.
    fn value(&self, thread: ThreadId, expr: ExprId) -> Result<i64, Lost> {
        eval(&self.program.exprs, self, thread, expr).ok_or(Lost)
    }

    /// Writes variables, all at once: every value is computed before the first is written.
    fn set(&mut self, thread: ThreadId, first: u16, len: u8) -> Result<(), Lost> {
        let program = self.program;
        let sets = program.sets(first, len).iter();
        let come_to = sets.map(|set| set.comes_to(&program.exprs, self, thread));
        let written: Option<Vec<_>> = come_to.collect();
        for (variable, value) in written.ok_or(Lost)? {
            *self.variable(thread, variable) = value;
        }
        Ok(())
    }
}

impl Facts for Script<'_> {
    fn var(&self, var: VarId) -> i64 {
        i64::from(self.vars[var.index()])
    }

    fn local(&self, thread: ThreadId, local: LocalId) -> i64 {
        self.parts[thread.index()].locals[local.index()].into()
    }

    fn result(&self, thread: ThreadId, slot: SlotId, field: Field, nth: u8) -> i64 {
        let Kept { answer, packet } = &self.parts[thread.index()].results[slot.index()];
        match answer {
            Some(answer) => Left {
                kept: *packet,
                ..left_by(answer, nth)
            }
            .field(field),
            None => 0,
        }
    }

    fn port(&self, _: PortId, _: PortField) -> i64 {
        unreachable!("programs whose code asks for the inside of a port are refused")
    }

    fn thread(&self, thread: ThreadId, field: ThreadField) -> bool {
        let part = &self.parts[thread.index()];
        let on_port = matches!(part.inside, Some(Op::Get { .. }));
        match field {
            ThreadField::Parked => on_port,
            ThreadField::Blocked => part.inside.is_some() && !on_port,
            ThreadField::Done => part.done,
        }
    }

    fn apcs(&self, _: ThreadId) -> i64 {
        unreachable!("programs with such calls are refused")
    }

    fn last_error(&self, _: ThreadId) -> i64 {
        unreachable!("programs that ask for it are refused")
    }

    fn operation(&self, _: OperationId, _: OperationField) -> i64 {
        unreachable!("programs with operations are refused")
    }

    fn file(&self, _: FileId, _: FileField) -> bool {
        unreachable!("programs with files are refused")
    }
}

/// What an answer leaves, of whose packets one is asked about.
fn left_by(answer: &Answer, nth: u8) -> Left {
    let packets: &[Packet] = match answer {
        Answer::Packet(packet) => std::slice::from_ref(packet),
        Answer::Packets(packets) | Answer::Partial(_, packets) => packets,
        Answer::Done
        | Answer::Value(_)
        | Answer::Other(_)
        | Answer::Io { .. }
        | Answer::Failed(_) => &[],
    };
    Left {
        failure: match answer {
            Answer::Failed(name) | Answer::Partial(name, _) => Some(Failure {
                error: answer.error(),
                number: error_number(name),
            }),
            _ => None,
        },
        count: packets.len(),
        packet: packets.get(usize::from(nth)).copied(),
        kept: None,
        is_single: matches!(answer, Answer::Packet(_)),
        io: match *answer {
            Answer::Io { status, bytes } => Some(IoResult {
                status,
                bytes,
                returned: bytes,
            }),
            _ => None,
        },
        value: match *answer {
            // What others than us say may be any number: a variable has 32 bits.
            Answer::Value(value) | Answer::Other(value) => value as i32,
            _ => 0,
        },
        other: matches!(answer, Answer::Other(_)),
    }
}

/// The number of an error by its system's name; 0 for names outside the common words.
fn error_number(name: &str) -> u16 {
    os_errors()
        .find_map(|(_, known)| (known.name == name).then_some(known.number))
        .unwrap_or(0)
}

/// Why the control flow of a program cannot be played from outside the kernel, if it cannot.
pub fn unplayable(program: &Program) -> Option<String> {
    let hidden = |expr: Expr| match expr {
        Expr::Port(_, field) => Some((port_word(field), "a port")),
        Expr::Apcs(_) => Some(("apcs", "a thread")),
        Expr::LastError(_) => Some(("last_error", "a thread")),
        Expr::Operation(..) => Some(("the state", "an operation")),
        Expr::File(..) => Some(("the state", "a file")),
        _ => None,
    };
    let (word, noun) = asked(program).find_map(hidden)?;
    Some(format!(
        "its code asks for `{word}` of {noun}, which nobody outside a real kernel can see"
    ))
}

/// Everything that the code of a program asks for: the nodes of its expressions.
pub fn asked(program: &Program) -> impl Iterator<Item = Expr> {
    let instrs = program.codes.iter().flat_map(|code| &code.instrs);
    let mut open: Vec<_> = instrs.flat_map(|it| program.evaluated(*it)).collect();
    open.reverse();
    std::iter::from_fn(move || {
        let expr = program.exprs[usize::from(open.pop()?.0)];
        match expr {
            Expr::Not(operand) | Expr::Neg(operand) => open.push(operand),
            Expr::Binary(_, left, right) => open.extend([left, right]),
            _ => open.extend(expr.index()),
        }
        Some(expr)
    })
}

/// What can be asked about a port, as scenarios write it.
fn port_word(field: PortField) -> &'static str {
    match field {
        PortField::Depth => "depth",
        PortField::Waiting => "waiting",
        PortField::Running => "running",
        PortField::Concurrency => "concurrency",
        PortField::Delivered => "delivered",
        PortField::Open => "open",
    }
}

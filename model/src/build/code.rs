//! What the threads of a group do, written call by call.

use alloc::vec::Vec;

use super::{BuildError, Term};
use crate::expr::ExprId;
use crate::program::{
    Assignment, Code, INSTRS_MAX, Instr, ObjectId, Op, PacketId, Pc, PortId, Program, SLOTS_MAX,
    Slot, SlotId, ThreadId, Timeout, VarId, Variable,
};

/// Operations one after the other. Blocks inside of control are written by functions that are handed the block.
#[derive(Debug)]
pub struct Block<'b> {
    program: &'b mut Program,
    problem: &'b mut Option<BuildError>,
    code: Code,
    /// For each loop around the current operation, the jumps that leave it.
    leaves: Vec<Vec<Pc>>,
}

/// Stands for an address until it is known.
const LATER: Pc = 0;

impl<'b> Block<'b> {
    pub(super) fn new(program: &'b mut Program, problem: &'b mut Option<BuildError>) -> Block<'b> {
        Block {
            program,
            problem,
            code: Code::default(),
            leaves: Vec::new(),
        }
    }

    /// The whole code.
    pub(super) fn end(mut self) -> Code {
        self.instr(Instr::End);
        self.code
    }

    /// A place for the result of a call that leaves at most so many packets, or a number, for which 1 is enough.
    pub fn slot(&mut self, packets_max: u8) -> SlotId {
        let n = self.code.slots.len();
        if n == SLOTS_MAX {
            self.complain(BuildError::TooMany {
                noun: "results of a thread",
                max: SLOTS_MAX,
            });
            return SlotId(0);
        }
        self.code.slots.push(Slot { packets_max });
        SlotId(n as u8)
    }

    /// Any operation. Its fields are the caller's affair: each id must be one that the builder gave out.
    pub fn op(&mut self, op: Op) {
        self.instr(Instr::Op(op));
    }

    /// Takes a packet, or waits for one; says where its result goes.
    pub fn get(&mut self, port: PortId) -> SlotId {
        self.take(port, Timeout::Never)
    }

    /// The same, for no longer than so many ticks; 0 only looks.
    pub fn get_within(&mut self, port: PortId, ticks: u32) -> SlotId {
        self.take(port, Timeout::Ticks(ticks))
    }

    fn take(&mut self, port: PortId, timeout: Timeout) -> SlotId {
        let into = self.slot(1);
        self.op(Op::Get {
            port,
            into: Some(into),
            timeout,
            max: None,
            min: None,
            min_wait: None,
            alertable: false,
            keeps: false,
        });
        into
    }

    /// Puts a packet into a port.
    pub fn post(&mut self, port: PortId, packet: PacketId) {
        self.op(Op::Post {
            port,
            packet,
            into: None,
            may_fail: false,
            reserve: None,
        });
    }

    /// Closes a port.
    pub fn close(&mut self, port: PortId) {
        self.op(Op::Close { port, into: None });
    }

    /// Waits for an event, mutex or semaphore.
    pub fn block(&mut self, object: ObjectId) {
        self.op(Op::Block {
            object,
            into: None,
            timeout: Timeout::Never,
            alertable: false,
        });
    }

    /// Sets an event, releases a mutex, raises a semaphore by one.
    pub fn signal(&mut self, object: ObjectId) {
        self.op(Op::Signal { object });
    }

    /// Blocks in some other wait of the kernel until it comes back by itself.
    pub fn stall(&mut self) {
        self.op(Op::Stall);
    }

    /// Waits for so many ticks of the clock.
    pub fn sleep(&mut self, ticks: u32) {
        self.op(Op::Sleep {
            ticks,
            into: None,
            alertable: false,
        });
    }

    /// Starts a thread, which waits for that.
    pub fn spawn(&mut self, thread: ThreadId) {
        self.op(Op::Spawn { thread });
    }

    /// Writes a shared variable, in one step.
    pub fn set(&mut self, var: VarId, value: impl Into<Term>) {
        let value = self.expr(&value.into());
        let first = self.program.sets.len();
        if first > usize::from(u16::MAX) {
            let (noun, max) = ("assignments", usize::from(u16::MAX) + 1);
            return self.complain(BuildError::TooMany { noun, max });
        }
        self.program.sets.push(Assignment {
            var: Variable::Shared(var),
            element: None,
            value,
        });
        self.op(Op::Set {
            first: first as u16,
            len: 1,
        });
    }

    /// Waits until it holds, without a call.
    pub fn wait_until(&mut self, holds: Term) {
        let cond = self.expr(&holds);
        self.op(Op::Await { cond });
    }

    /// Fails the run when it does not hold.
    pub fn assert(&mut self, holds: Term) {
        let cond = self.expr(&holds);
        self.op(Op::Assert { cond });
    }

    /// Ends the thread.
    pub fn exit(&mut self) {
        self.op(Op::Exit);
    }

    /// Does something if a condition holds. Asking is a step if other threads can change the answer.
    pub fn when(&mut self, cond: Term, then: impl FnOnce(&mut Self)) {
        self.when_else(cond, then, |_| {});
    }

    /// The same, and does something else if it does not hold.
    pub fn when_else(
        &mut self,
        cond: Term,
        then: impl FnOnce(&mut Self),
        otherwise: impl FnOnce(&mut Self),
    ) {
        let is_step = cond.is_shared();
        let cond = self.expr(&cond);
        let test = self.instr(match is_step {
            true => Instr::Op(Op::Test {
                cond,
                otherwise: LATER,
            }),
            false => Instr::If {
                cond,
                otherwise: LATER,
            },
        });
        then(self);
        let over = self.instr(Instr::Jump(LATER));
        self.land(test);
        otherwise(self);
        self.land(over);
    }

    /// Does one of two things: which, is open.
    pub fn either(&mut self, one: impl FnOnce(&mut Self), other: impl FnOnce(&mut Self)) {
        let branch = self.here().saturating_add(1);
        let choice = self.instr(Instr::Either {
            branch,
            others: LATER,
        });
        one(self);
        let over = self.instr(Instr::Jump(LATER));
        self.land(choice);
        other(self);
        self.land(over);
    }

    /// Does something over and over, until it leaves.
    pub fn forever(&mut self, body: impl FnOnce(&mut Self)) {
        let start = self.here();
        self.leaves.push(Vec::new());
        body(self);
        self.instr(Instr::Jump(start));
        for leave in self.leaves.pop().unwrap_or_default() {
            self.land(leave);
        }
    }

    /// Leaves the innermost loop.
    pub fn leave(&mut self) {
        let jump = self.instr(Instr::Jump(LATER));
        match self.leaves.last_mut() {
            Some(leaves) => leaves.push(jump),
            None => self.complain(BuildError::NoLoop),
        }
    }

    fn here(&self) -> Pc {
        // `instr` sees to it that there is no more.
        self.code.instrs.len() as Pc
    }

    fn instr(&mut self, instr: Instr) -> Pc {
        if self.code.instrs.len() == INSTRS_MAX {
            self.complain(BuildError::TooMany {
                noun: "instructions of a thread",
                max: INSTRS_MAX,
            });
            return LATER;
        }
        self.code.instrs.push(instr);
        self.here() - 1
    }

    /// Lets the control at `pc` go on here where it goes elsewhere.
    fn land(&mut self, pc: Pc) {
        let here = self.here();
        match &mut self.code.instrs[usize::from(pc)] {
            Instr::Jump(target)
            | Instr::If {
                otherwise: target, ..
            }
            | Instr::Either { others: target, .. } => *target = here,
            // Where the code was too long it may be any other.
            Instr::Op(op) => {
                if let Some(target) = op.branch() {
                    *target = here;
                }
            }
            Instr::End | Instr::Let { .. } => {}
        }
    }

    fn expr(&mut self, term: &Term) -> ExprId {
        let expr = term.put_into(&mut self.program.exprs);
        expr.unwrap_or_else(|problem| {
            self.complain(problem);
            ExprId(0)
        })
    }

    fn complain(&mut self, problem: BuildError) {
        self.problem.get_or_insert(problem);
    }
}

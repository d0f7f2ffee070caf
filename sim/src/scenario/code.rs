//! From operations to instructions: control becomes jumps, names become ids.

mod io;
mod relatives;
mod steps;

pub(super) use io::{binding, packet, result};

use portsim_model::expr::{Binary, Expr, ExprId, Field};
use portsim_model::program::{CodeId, INSTRS_MAX, Instr, Op, Pc, Program, SlotId, Timeout};

use super::directory::{Directory, Item, unknown};
use super::expr::{NODES_MAX, Scope, Target};
use super::place::{Complaint, Path, Place};
use super::{results, wire};
use crate::words::Type;

/// Stands for an address until it is known.
const LATER: Pc = 0;

/// Whether control can come to what stands behind an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Away,
}

/// The step that an operation is, or why it is none.
type Coded = Result<Op, Complaint>;

/// Compiles the code of one group.
pub(super) struct Coder<'a> {
    pub(super) directory: &'a Directory,
    /// Where contents of packets, expressions and assignments go.
    pub(super) program: &'a mut Program,
    pub(super) notes: &'a mut Vec<String>,
    /// Where each post stands that computes what it carries.
    pub(super) computed: &'a mut Vec<Path>,
    pub(super) code: CodeId,
    /// Threads that run it.
    pub(super) threads: u8,
    /// The instructions so far.
    pub(super) instrs: Vec<Instr>,
    /// For each loop around the current operation, the jumps that leave it.
    pub(super) breaks: Vec<Vec<Pc>>,
    /// What packets of batches are called here.
    pub(super) items: Vec<Item>,
}

impl<'a> Coder<'a> {
    /// The instructions of a whole code.
    pub(super) fn instrs(
        mut self,
        ops: &[wire::Op],
        place: &Place<'_>,
    ) -> Result<Vec<Instr>, Complaint> {
        self.list(ops, place)?;
        self.emit(Instr::End, place)?;
        self.chosen_lets();
        Ok(self.instrs)
    }

    /// A choice is made in a step: what a thread assigns between one and the next operation is that step.
    fn chosen_lets(&mut self) {
        let mut open: Vec<Pc> = Vec::new();
        let mut seen = vec![false; self.instrs.len()];
        for instr in &self.instrs {
            if let Instr::Either { branch, others } = *instr {
                open.extend([branch, others]);
            }
        }
        while let Some(pc) = open.pop() {
            let at = usize::from(pc);
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            match self.instrs[at] {
                Instr::Let { first, len } => self.instrs[at] = Instr::Op(Op::Set { first, len }),
                Instr::Jump(to) => open.push(to),
                Instr::If { otherwise, .. } => open.extend([pc + 1, otherwise]),
                // The branches of another choice are there already.
                Instr::Either { .. } | Instr::Op(_) | Instr::End => {}
            }
        }
    }

    fn here(&self) -> Pc {
        // `emit` sees to it that there is no more.
        self.instrs.len() as Pc
    }

    fn emit(&mut self, instr: Instr, place: &Place<'_>) -> Result<Pc, Complaint> {
        if self.instrs.len() == INSTRS_MAX {
            return Err(place.complain(format!(
                "the thread has more than {INSTRS_MAX} instructions up to here; write what repeats as a loop, or leave \
                 a part to another thread"
            )));
        }
        self.instrs.push(instr);
        Ok(self.here() - 1)
    }

    /// Lets the control at `pc` go on here where it goes elsewhere.
    fn land(&mut self, pc: Pc) {
        let here = self.here();
        let target = match &mut self.instrs[usize::from(pc)] {
            Instr::Jump(target)
            | Instr::If {
                otherwise: target, ..
            }
            | Instr::Either { others: target, .. } => Some(target),
            Instr::Op(op) => op.branch(),
            Instr::End | Instr::Let { .. } => None,
        };
        *target.expect("only control is given a target") = here;
    }

    fn list(&mut self, ops: &[wire::Op], place: &Place<'_>) -> Result<Flow, Complaint> {
        let mut flow = Flow::On;
        for (n, op) in ops.iter().enumerate() {
            let place = &place.index(n);
            if flow == Flow::Away {
                let problem = "nothing comes here: what stands before never goes on";
                return Err(place.complain(problem).about("break"));
            }
            flow = self.op(op, place)?;
        }
        Ok(flow)
    }

    fn op(&mut self, op: &wire::Op, place: &Place<'_>) -> Result<Flow, Complaint> {
        let step = match op {
            wire::Op::If(it) => return self.branch(it, place),
            wire::Op::Either(it) => return self.either(&it.branches, &place.field("either")),
            wire::Op::Loop(it) => return self.repeat(&it.body, &place.field("loop")),
            wire::Op::Each(it) => return self.each(it, place),
            wire::Op::Break => return self.leave(place),
            wire::Op::Get(it) => self.get(it, place),
            wire::Op::Post(it) => self.post(it, place),
            wire::Op::Create(it) => self.create(it, place),
            wire::Op::Block(it) => self.block(it, place),
            wire::Op::Join(it) => self.join(it, place),
            wire::Op::Signal(it) => self.signal(it, place),
            wire::Op::Reset(it) => self.reset(it, place),
            wire::Op::Stall => Ok(Op::Stall),
            wire::Op::Sleep(it) => Ok(self.sleep(it)),
            wire::Op::Yield => Ok(Op::Yield),
            wire::Op::Suspend(it) => self.suspend(it, place),
            wire::Op::Resume(it) => self.resume(it, place),
            wire::Op::Terminate(it) => self.terminate(it, place),
            wire::Op::Spawn(it) => self.spawn(it, place),
            wire::Op::Exit => Ok(Op::Exit),
            wire::Op::ExitProcess => Ok(Op::ExitProcess),
            wire::Op::Set(it) => return self.set(it, place),
            wire::Op::Swap(it) => self.swap(it, place),
            wire::Op::CompareSwap(it) => self.compare_swap(it, place),
            wire::Op::Add(it) => self.add(it, place),
            wire::Op::Await(it) => self.wait_for(it, place),
            wire::Op::Assert(it) => self.assert(it, place),
            wire::Op::Note(it) => self.note(it, place),
            wire::Op::EpollCtl(it) => self.epoll_ctl(it, place),
            wire::Op::Write(it) => self.write(it, place),
            wire::Op::Drain(it) => self.drain(it, place),
            wire::Op::Fill(it) => self.fill(it, place),
            wire::Op::MakeRoom(it) => self.make_room(it, place),
            wire::Op::Close(it) => self.close(it, place),
            wire::Op::Duplicate(it) => self.duplicate(it, place),
            wire::Op::Query(it) => self.query(it, place),
            wire::Op::WaitHandle(it) => self.wait_handle(it, place),
            wire::Op::Associate(it) => self.associate(it, place),
            wire::Op::Replace(it) => self.replace(it, place),
            wire::Op::Modes(it) => self.modes(it, place),
            wire::Op::Start(it) => self.start(it, place),
            wire::Op::Complete(it) => self.complete(it, place),
            wire::Op::Cancel(it) => self.cancel(it, place),
            wire::Op::Peek(it) => self.peek(it, place),
            wire::Op::Free(it) => self.free(it, place),
            wire::Op::Alloc(it) => self.alloc(it, place),
            wire::Op::Apc(it) => self.apc(it, place),
            wire::Op::KernelApc(it) => self.kernel_apc(it, place),
            wire::Op::WaitPacket(it) => self.wait_packet(it, place),
            wire::Op::CancelWaitPacket(it) => self.cancel_wait_packet(it, place),
            wire::Op::JobPort(it) => self.job_port(it, place),
            wire::Op::JobStart(it) => self.job_start(it, place),
            wire::Op::JobExit(it) => self.job_exit(it, place),
            wire::Op::MsgRing(it) => self.msg_ring(it, place),
            wire::Op::RingEvent(it) => self.ring_event(it, place),
            wire::Op::Submit(it) => self.submit(it, place),
            wire::Op::SubmitChain(it) => self.submit_chain(it, place),
            wire::Op::PortSend(it) => self.port_send(it, place),
            wire::Op::PortSendn(it) => self.port_sendn(it, place),
            wire::Op::PortAlert(it) => self.port_alert(it, place),
            wire::Op::PortAssociate(it) => self.port_associate(it, place),
            wire::Op::PortDissociate(it) => self.port_dissociate(it, place),
            wire::Op::CloseSource(it) => self.close_source(it, place),
            wire::Op::DuplicateSource(it) => self.duplicate_source(it, place),
            wire::Op::Kevent(it) => self.kevent(it, place),
        }?;
        self.emit(Instr::Op(step), place)?;
        Ok(match step.exits() {
            Some(_) => Flow::Away,
            None => Flow::On,
        })
    }

    fn branch(&mut self, it: &wire::If, place: &Place<'_>) -> Result<Flow, Complaint> {
        let (cond, shared) = self.condition(&it.cond, &place.field("if"))?;
        let otherwise = LATER;
        let test = match shared {
            true => Instr::Op(Op::Test { cond, otherwise }),
            false => Instr::If { cond, otherwise },
        };
        let test = self.emit(test, place)?;
        let then = self.list(&it.then, &place.field("then"))?;
        let otherwise = it.otherwise.as_deref().unwrap_or_default();
        if otherwise.is_empty() {
            self.land(test);
            return Ok(Flow::On);
        }
        let over = match then {
            Flow::On => Some(self.emit(Instr::Jump(LATER), place)?),
            Flow::Away => None,
        };
        self.land(test);
        let other = self.list(otherwise, &place.field("else"))?;
        if let Some(over) = over {
            self.land(over);
            return Ok(Flow::On);
        }
        Ok(other)
    }

    /// A condition, and whether it reads what other threads can change.
    fn condition(&mut self, text: &str, place: &Place<'_>) -> Result<(ExprId, bool), Complaint> {
        let first = self.program.exprs.len();
        let cond = self.expr(text, Type::Bool, place)?;
        Ok((cond, self.is_shared(first)))
    }

    /// Whether any of the expressions from here on reads what other threads can change.
    fn is_shared(&self, first: usize) -> bool {
        self.program.exprs[first..].iter().any(|expr| {
            matches!(
                expr,
                Expr::Var(_)
                    | Expr::Element { .. }
                    | Expr::Port(..)
                    | Expr::Thread(..)
                    | Expr::Apcs(_)
                    | Expr::LastError(_)
                    | Expr::Operation(..)
                    | Expr::File(..)
            )
        })
    }

    fn expr(&mut self, text: &str, wanted: Type, place: &Place<'_>) -> Result<ExprId, Complaint> {
        self.compile(text, wanted, place)
    }

    /// What the code's expressions can speak of.
    fn scope(&self) -> Scope<'_> {
        Scope {
            directory: self.directory,
            code: Some(self.code),
            items: &self.items,
        }
    }

    /// What a `set` writes.
    fn target(&mut self, text: &str, place: &Place<'_>) -> Result<Target, Complaint> {
        let mut exprs = std::mem::take(&mut self.program.exprs);
        let target = self.scope().target(text, &mut exprs, place);
        self.program.exprs = exprs;
        target
    }

    /// An expression, compiled in this scope.
    fn compile(
        &mut self,
        text: &str,
        wanted: Type,
        place: &Place<'_>,
    ) -> Result<ExprId, Complaint> {
        let mut exprs = std::mem::take(&mut self.program.exprs);
        let compiled = self.scope().compile(text, wanted, &mut exprs, place);
        self.program.exprs = exprs;
        compiled
    }

    fn either(&mut self, branches: &[Vec<wire::Op>], place: &Place<'_>) -> Result<Flow, Complaint> {
        let Some((last, others)) = branches.split_last().filter(|(_, it)| !it.is_empty()) else {
            return Err(place.complain("expected two branches or more"));
        };
        let (mut flow, mut ends) = (Flow::Away, Vec::new());
        for (n, branch) in others.iter().enumerate() {
            let place = &place.index(n);
            let choice = Instr::Either {
                branch: self.here().saturating_add(1),
                others: LATER,
            };
            let choice = self.emit(choice, place)?;
            if self.list(branch, place)? == Flow::On {
                ends.push(self.emit(Instr::Jump(LATER), place)?);
                flow = Flow::On;
            }
            self.land(choice);
        }
        if self.list(last, &place.index(others.len()))? == Flow::On {
            flow = Flow::On;
        }
        for end in ends {
            self.land(end);
        }
        Ok(flow)
    }

    fn repeat(&mut self, body: &[wire::Op], place: &Place<'_>) -> Result<Flow, Complaint> {
        if body.is_empty() {
            return Err(place.complain("the loop does nothing, for ever"));
        }
        let start = self.here();
        self.breaks.push(Vec::new());
        if self.list(body, place)? == Flow::On {
            self.emit(Instr::Jump(start), place)?;
        }
        let breaks = self.breaks.pop().unwrap_or_default();
        let flow = if breaks.is_empty() {
            Flow::Away
        } else {
            Flow::On
        };
        for pc in breaks {
            self.land(pc);
        }
        Ok(flow)
    }

    /// The list once for each packet that the batch can have; it is over where there are no more.
    fn each(&mut self, it: &wire::Each, place: &Place<'_>) -> Result<Flow, Complaint> {
        let (batch, packets_max) = self.batch(&it.batch, &place.field("each"))?;
        self.check_item(&it.item, &place.field("item"))?;
        let place = &place.field("do");
        let mut inside = Vec::new();
        results::collect(&it.body, &mut inside, self.directory, place)?;
        if inside.iter().any(|slot| slot.name == it.batch) {
            return Err(place.complain(format!("{:?} changes while it is gone through", it.batch)));
        }
        self.breaks.push(Vec::new());
        for nth in 0..packets_max {
            let more = self.program.exprs.len();
            self.nodes(
                [
                    Expr::Result {
                        thread: None,
                        slot: batch,
                        field: Field::Count,
                        nth: 0,
                    },
                    Expr::Const(nth.into()),
                    Expr::Binary(Binary::Gt, ExprId(more as u16), ExprId((more + 1) as u16)),
                ],
                place,
            )?;
            let is_over = Instr::If {
                cond: ExprId((more + 2) as u16),
                otherwise: LATER,
            };
            let is_over = self.emit(is_over, place)?;
            self.breaks.last_mut().expect("it was pushed").push(is_over);
            self.items.push(Item {
                name: it.item.clone(),
                batch: it.batch.clone(),
                nth,
            });
            let flow = self.list(&it.body, place);
            self.items.pop();
            if flow? == Flow::Away {
                break;
            }
        }
        for pc in self.breaks.pop().unwrap_or_default() {
            self.land(pc);
        }
        Ok(Flow::On)
    }

    /// The result of this name that a batch is in, and how many packets that can have.
    fn batch(&self, name: &str, place: &Place<'_>) -> Result<(SlotId, u8), Complaint> {
        let batches = self.directory.slots[self.code.index()].iter();
        let batches = batches.filter(|slot| slot.packets_max > 0);
        match self.directory.slot(self.code, name) {
            Some((slot, of)) if of.packets_max > 0 => Ok((slot, of.packets_max)),
            Some(_) => Err(place.complain(format!("no call leaves packets in {name:?}"))),
            None => {
                let known: Vec<_> = batches.map(|slot| slot.name.as_str()).collect();
                Err(unknown("result", name, &known, place))
            }
        }
    }

    /// A name for packets is no other name.
    fn check_item(&self, name: &str, place: &Place<'_>) -> Result<(), Complaint> {
        self.directory.check_new(name, place)?;
        if self.directory.local(self.code, name).is_some() {
            return Err(place.complain(format!("{name:?} is the name of a variable already")));
        }
        let is_item = self.items.iter().any(|item| item.name == name);
        if is_item || self.directory.slot(self.code, name).is_some() {
            return Err(place.complain(format!("{name:?} is the name of a result already")));
        }
        Ok(())
    }

    /// Adds nodes to the expressions.
    fn nodes(
        &mut self,
        nodes: impl IntoIterator<Item = Expr>,
        place: &Place<'_>,
    ) -> Result<(), Complaint> {
        self.program.exprs.extend(nodes);
        match self.program.exprs.len() > NODES_MAX {
            true => Err(place.complain(format!(
                "the scenario's expressions have more than {NODES_MAX} parts"
            ))),
            false => Ok(()),
        }
    }

    fn leave(&mut self, place: &Place<'_>) -> Result<Flow, Complaint> {
        if self.breaks.is_empty() {
            return Err(place.complain("\"break\" stands outside of every loop"));
        }
        let jump = self.emit(Instr::Jump(LATER), place)?;
        self.breaks.last_mut().expect("looked at above").push(jump);
        Ok(Flow::Away)
    }
}

fn timeout(ticks: Option<u32>) -> Timeout {
    ticks.map_or(Timeout::Never, Timeout::Ticks)
}

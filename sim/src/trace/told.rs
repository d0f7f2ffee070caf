//! What a step decided that its call does not say: which way a branch went and by which values, what a variable is now,
//! how an operation ended that is cancelled too late, what else the end of a thread does.
//!
//! All of it follows from the program and the states before and behind the step.

use portsim_model::State;
use portsim_model::expr::{ExprId, Facts, eval};
use portsim_model::files::Phase;
use portsim_model::machine::AnyMachine;
use portsim_model::op::Noun;
use portsim_model::program::{
    Assignment, CANCELLED, Instr, Op, OperationId, Pc, PortId, Program, ResultId, ThreadId, VarId,
};
use portsim_model::state::View;
use portsim_model::step::Step;
use portsim_model::threads::Mode;

use super::{Event, Shown};
use crate::words::{self, reads};

/// What a step decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Conditions that decided where the thread went, in order.
    pub branches: Vec<Branch>,
    /// Those that decided behind the thread's last event, on that event.
    pub after: Vec<Branch>,
    /// What variables are now.
    pub set: Vec<(VarId, i64)>,
    /// How an operation ended that the call was to cancel.
    pub ended: Option<ResultId>,
    /// Operations that were cancelled because threads ended.
    pub cancelled: Vec<OperationId>,
    /// Ports that threads counted against until they ended.
    pub counted_out: Vec<PortId>,
}

/// A condition that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// The condition.
    pub cond: ExprId,
    /// Whether it held; none where it has no value.
    pub held: Option<bool>,
    /// What it reads, and what that was.
    pub values: Vec<(ExprId, i64)>,
}

/// Notes what the steps of one run decide.
pub struct Teller<'m> {
    machine: &'m dyn AnyMachine,
    /// For each thread what was decided on its way to where it stands, and has no event yet.
    on_the_way: Vec<Vec<Branch>>,
}

impl<'m> Teller<'m> {
    /// Nothing is decided yet.
    pub fn new(machine: &'m dyn AnyMachine) -> Teller<'m> {
        let threads = machine.program().threads.len();
        Teller {
            machine,
            on_the_way: vec![Vec::new(); threads],
        }
    }

    /// Adds to the events of a step what it decided, between the state before it and the one behind.
    pub fn tell(&mut self, before: &State, step: Step, after: &State, events: &mut [Event]) {
        let (before, after) = (self.machine.view(before), self.machine.view(after));
        for event in events {
            let (me, op, is_over) = match &event.shown {
                Shown::Call { thread, op, answer } => (*thread, *op, answer.is_some()),
                Shown::Return { thread, op, .. } => (*thread, *op, true),
                Shown::Silent { .. } => continue,
            };
            let way = Way {
                program: self.machine.program(),
                me,
            };
            let mut told = Told {
                branches: std::mem::take(&mut self.on_the_way[me.index()]),
                ..Told::default()
            };
            let mut stands = before.thread(me).pc();
            if matches!(event.shown, Shown::Call { .. })
                && let Some((asked, place)) = way.taken(&before, stands, step.choice)
            {
                told.branches.extend(asked);
                stands = place;
            }
            let next = way.decided(op, stands, before, &mut told);
            if is_over {
                way.did(op, before, after, &mut told);
                if matches!(event.shown, Shown::Call { .. }) {
                    self.ended(before, after, &mut told);
                }
                if let Some(pc) = next {
                    self.on_the_way[me.index()] = way.follow(&after, pc).0;
                }
            }
            if told != Told::default() {
                event.told = Some(Box::new(told));
            }
        }
    }

    /// What the end of threads did, where some ended.
    fn ended(&self, before: View<'_>, after: View<'_>, told: &mut Told) {
        let program = self.machine.program();
        let ends = |&id: &ThreadId| before.mode(id) != Mode::Done && after.mode(id) == Mode::Done;
        let mut gone = program.thread_ids().filter(ends).peekable();
        if gone.peek().is_none() {
            return;
        }
        let is_cancelled = |&id: &OperationId| {
            let result = after.operation(id).result();
            result.is_some_and(|result| program.results[result.index()] == CANCELLED)
        };
        told.cancelled = before.pending_operations().filter(is_cancelled).collect();
        if self.machine.about().counts_running {
            told.counted_out = gone.filter_map(|id| counts_against(before, id)).collect();
        }
    }

    /// Adds to the last event of each thread what was decided behind it.
    pub fn end(self, events: &mut [Event]) {
        let all = (0..).map(ThreadId).zip(self.on_the_way);
        for (thread, branches) in all.filter(|(_, branches)| !branches.is_empty()) {
            let last = events.iter_mut().rev();
            let mut last = last.filter(|event| event.shown.thread() == thread);
            if let Some(event) = last.next() {
                event.told.get_or_insert_default().after = branches;
            }
        }
    }
}

/// The way of a thread through its code.
struct Way<'p> {
    program: &'p Program,
    me: ThreadId,
}

/// What was asked on a way, and where it leads.
type Led = (Vec<Branch>, Pc);

impl Way<'_> {
    /// The condition is asked.
    fn asks(&self, facts: &impl Facts, cond: ExprId) -> Branch {
        let value = |id| eval(&self.program.exprs, facts, self.me, id);
        let read = reads(self.program, cond).into_iter();
        Branch {
            cond,
            held: value(cond).map(|value| value != 0),
            values: read.filter_map(|id| Some((id, value(id)?))).collect(),
        }
    }

    /// To the next operation, choice or end.
    fn follow(&self, facts: &impl Facts, mut pc: Pc) -> Led {
        let code = &self.program.code(self.me).instrs;
        let mut asked = Vec::new();
        // Who has made more moves than there are instructions goes round for ever.
        for _ in code {
            pc = match code.get(usize::from(pc)) {
                Some(&Instr::Jump(target)) => target,
                Some(&Instr::If { cond, otherwise }) => {
                    let branch = self.asks(facts, cond);
                    let held = branch.held;
                    asked.push(branch);
                    match held {
                        Some(true) => pc + 1,
                        Some(false) => otherwise,
                        None => break,
                    }
                }
                _ => break,
            };
        }
        (asked, pc)
    }

    /// Through the choices to the operation, or the end, that this choice of a step takes.
    fn taken(&self, facts: &impl Facts, pc: Pc, choice: u32) -> Option<Led> {
        let mut left = u32::MAX;
        let all = self.nth(facts, pc, &mut left, &mut Vec::new());
        debug_assert!(all.is_none(), "there are not as many");
        let offers = u32::MAX - left;
        self.nth(facts, pc, &mut (choice % offers.max(1)), &mut Vec::new())
    }

    fn nth(&self, facts: &impl Facts, pc: Pc, nth: &mut u32, seen: &mut Vec<Pc>) -> Option<Led> {
        let (mut asked, pc) = self.follow(facts, pc);
        let Instr::Either { branch, others } = self.program.code(self.me).instrs[usize::from(pc)]
        else {
            if *nth == 0 {
                return Some((asked, pc));
            }
            *nth -= 1;
            return None;
        };
        if seen.contains(&pc) {
            return None;
        }
        seen.push(pc);
        let mut branches = [branch, others].into_iter();
        let (more, at) = branches.find_map(|pc| self.nth(facts, pc, nth, seen))?;
        asked.extend(more);
        Some((asked, at))
    }

    /// What the operation at `pc` decides; says where control goes on behind it.
    fn decided(&self, op: Op, pc: Pc, before: View<'_>, told: &mut Told) -> Option<Pc> {
        if let Op::Test { cond, otherwise } = op {
            let branch = self.asks(&before, cond);
            let held = branch.held;
            told.branches.push(branch);
            return held.map(|held| if held { pc + 1 } else { otherwise });
        }
        if let Some(cond) = words::asked(op) {
            told.branches.push(self.asks(&before, cond));
        }
        op.exits().is_none().then_some(pc + 1)
    }

    /// What an operation that is over has done.
    fn did(&self, op: Op, before: View<'_>, after: View<'_>, told: &mut Told) {
        if let Op::Set { first, len } = op {
            let sets = &self.program.sets[usize::from(first)..][..usize::from(len)];
            told.set = sets
                .iter()
                .filter_map(|set| self.assigned(set, before))
                .map(|var| (var, after.var(var)))
                .collect();
        }
        if let Some(set) = updated(op) {
            let var = self.assigned(&self.program.sets[usize::from(set)], before);
            let changed = var.filter(|&var| before.var(var) != after.var(var));
            told.set = changed
                .map(|var| (var, after.var(var)))
                .into_iter()
                .collect();
        }
        if let Op::Cancel { operation, .. } = op {
            told.ended = ended(operation, before, after);
        }
    }

    /// The variable that an assignment writes.
    fn assigned(&self, set: &Assignment, before: View<'_>) -> Option<VarId> {
        let Some((index, _)) = set.element else {
            return Some(set.var);
        };
        let index = eval(&self.program.exprs, &before, self.me, index)?;
        Some(VarId(set.var.0 + u8::try_from(index).ok()?))
    }
}

/// What an operation reads and writes in one step, if it does.
fn updated(mut op: Op) -> Option<u16> {
    op.describe().nouns().find_map(|noun| match noun {
        Noun::Update(set) => Some(*set),
        _ => None,
    })
}

/// The port that a thread counts against.
fn counts_against(view: View<'_>, id: ThreadId) -> Option<PortId> {
    let thread = view.thread(id);
    let runs = thread.mode().is_runnable() && thread.suspensions() == 0;
    thread.port().filter(|_| runs || thread.counts_on())
}

/// How an operation ended between two states, if it was not cancelled.
fn ended(operation: OperationId, before: View<'_>, after: View<'_>) -> Option<ResultId> {
    let was_pending = before.operation(operation).phase() == Phase::Pending;
    let result = after.operation(operation).result()?;
    (was_pending && result != ResultId(0)).then_some(result)
}

//! What a step decided that its call does not say: which way a branch went and by which values, what a variable is now,
//! how an operation ended that is cancelled too late, what else the end of a thread does.
//!
//! All of it follows from the program and the states before and behind the step.

use portsim_model::State;
use portsim_model::expr::{
    ExprId, Facts, Field, FileField, OperationField, PortField, ThreadField, eval,
};
use portsim_model::files::Phase;
use portsim_model::machine::AnyMachine;
use portsim_model::op::Noun;
use portsim_model::program::{
    Assignment, CANCELLED, FileId, Instr, LETS_MAX, LocalId, Op, OperationId, Pc, PortId, Program,
    ResultId, SlotId, ThreadId, VarId, Variable,
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
    /// What the thread assigned to variables of its own on its way, in order.
    pub lets: Vec<Let>,
    /// Conditions that decided behind the thread's last event, on that event.
    pub after: Vec<Branch>,
    /// What it assigned there.
    pub lets_after: Vec<Let>,
    /// What variables are now.
    pub set: Vec<(Variable, i64)>,
    /// How an operation ended that the call was to cancel.
    pub ended: Option<ResultId>,
    /// Operations that were cancelled because threads ended, or because a file was closed.
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

/// A variable of a thread's own that it has assigned on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Let {
    /// How many conditions were asked before.
    pub behind: usize,
    /// The variable.
    pub local: LocalId,
    /// What it is now.
    pub value: i32,
}

/// Notes what the steps of one run decide.
pub struct Teller<'m> {
    machine: &'m dyn AnyMachine,
    /// For each thread what was decided on its way to where it stands, and has no event yet.
    on_the_way: Vec<Asked>,
}

/// What was asked and assigned on a way.
#[derive(Debug, Clone, Default)]
struct Asked {
    branches: Vec<Branch>,
    lets: Vec<Let>,
}

impl<'m> Teller<'m> {
    /// Nothing is decided yet.
    pub fn new(machine: &'m dyn AnyMachine) -> Teller<'m> {
        let (program, boot) = (machine.program(), machine.boot());
        let starts = |me: ThreadId| {
            let locals = program.code(me).locals.clone();
            let view = machine.view(&boot);
            Way { program, me }
                .follow(&mut Eyes { view, me, locals }, 0)
                .0
        };
        // A condition that is asked before anything was left says nothing; what is assigned does.
        let starts = |me| Some(starts(me)).filter(|asked: &Asked| !asked.lets.is_empty());
        let threads = program.thread_ids();
        Teller {
            machine,
            on_the_way: threads.map(|me| starts(me).unwrap_or_default()).collect(),
        }
    }

    /// Nothing is known of what was decided on the ways to where threads stand: what a step tells depends on it alone.
    pub fn of_one_step(machine: &'m dyn AnyMachine) -> Teller<'m> {
        let threads = machine.program().thread_ids();
        Teller {
            machine,
            on_the_way: threads.map(|_| Asked::default()).collect(),
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
            let Asked { branches, lets } = std::mem::take(&mut self.on_the_way[me.index()]);
            let mut told = Told {
                branches,
                lets,
                ..Told::default()
            };
            let mut stands = before.thread(me).pc();
            if matches!(event.shown, Shown::Call { .. })
                && let Some((asked, place)) = way.taken(before, stands, step.choice)
            {
                told.branches.extend(asked.branches);
                stands = place;
            }
            let next = way.decided(op, stands, before, &mut told);
            if is_over {
                let eyes = way.did(op, before, after, &mut told);
                if matches!(event.shown, Shown::Call { .. }) {
                    self.ended(op, before, after, &mut told);
                }
                if let Some(pc) = next {
                    self.on_the_way[me.index()] = way.follow(&mut { eyes }, pc).0;
                }
            }
            if told != Told::default() {
                event.told = Some(Box::new(told));
            }
        }
    }

    /// What the end of threads did, where some ended, and what a close cancelled.
    fn ended(&self, op: Op, before: View<'_>, after: View<'_>, told: &mut Told) {
        let program = self.machine.program();
        let ends = |&id: &ThreadId| before.mode(id) != Mode::Done && after.mode(id) == Mode::Done;
        let mut gone = program.thread_ids().filter(ends).peekable();
        if gone.peek().is_none() && !matches!(op, Op::CloseFile { .. }) {
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
        for (thread, Asked { branches, lets }) in all {
            if branches.is_empty() && lets.is_empty() {
                continue;
            }
            let last = events.iter_mut().rev();
            let mut last = last.filter(|event| event.shown.thread() == thread);
            if let Some(event) = last.next() {
                let told = event.told.get_or_insert_default();
                (told.after, told.lets_after) = (branches, lets);
            }
        }
    }
}

/// The way of a thread through its code.
struct Way<'p> {
    program: &'p Program,
    me: ThreadId,
}

/// What was asked and assigned on a way, and where it leads.
type Led = (Asked, Pc);

/// What a thread sees on its way: a state, and its own variables as they are so far.
struct Eyes<'v> {
    view: View<'v>,
    me: ThreadId,
    locals: Vec<i32>,
}

impl<'v> Eyes<'v> {
    fn of(view: View<'v>, me: ThreadId) -> Eyes<'v> {
        let count = view.program.code(me).locals.len() as u8;
        let local = |n| view.local(me, LocalId(n)) as i32;
        Eyes {
            view,
            me,
            locals: (0..count).map(local).collect(),
        }
    }

    /// What assignments come to, all taken before anything is written; none where one has no value.
    fn come_to(&self, sets: &[Assignment]) -> Option<Vec<(Variable, i32)>> {
        let come_to = |set: &Assignment| set.comes_to(&self.view.program.exprs, self, self.me);
        sets.iter().map(come_to).collect()
    }

    fn write(&mut self, variable: Variable, value: i32) {
        if let Variable::Own(local) = variable {
            self.locals[local.index()] = value;
        }
    }
}

impl Facts for Eyes<'_> {
    fn var(&self, var: VarId) -> i64 {
        self.view.var(var)
    }

    fn local(&self, thread: ThreadId, local: LocalId) -> i64 {
        match thread == self.me {
            true => self.locals[local.index()].into(),
            false => self.view.local(thread, local),
        }
    }

    fn result(&self, thread: ThreadId, slot: SlotId, field: Field, nth: u8) -> i64 {
        self.view.result(thread, slot, field, nth)
    }

    fn port(&self, port: PortId, field: PortField) -> i64 {
        Facts::port(&self.view, port, field)
    }

    fn thread(&self, thread: ThreadId, field: ThreadField) -> bool {
        Facts::thread(&self.view, thread, field)
    }

    fn apcs(&self, thread: ThreadId) -> i64 {
        self.view.apcs(thread)
    }

    fn last_error(&self, thread: ThreadId) -> i64 {
        self.view.last_error(thread)
    }

    fn operation(&self, operation: OperationId, field: OperationField) -> i64 {
        Facts::operation(&self.view, operation, field)
    }

    fn file(&self, file: FileId, field: FileField) -> bool {
        Facts::file(&self.view, file, field)
    }
}

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
    fn follow(&self, eyes: &mut Eyes<'_>, mut pc: Pc) -> Led {
        let code = &self.program.code(self.me).instrs;
        let mut asked = Asked::default();
        let (mut moves, mut times) = (0, 0);
        // Who has made more moves than there are instructions, and assigned nothing, goes round for ever.
        while moves < code.len() {
            moves += 1;
            pc = match code.get(usize::from(pc)) {
                Some(&Instr::Jump(target)) => target,
                Some(&Instr::Let { first, len }) if times < LETS_MAX => {
                    let Some(written) = eyes.come_to(self.program.sets(first, len)) else {
                        break;
                    };
                    asked.assigns(&written, eyes);
                    (moves, times) = (0, times + 1);
                    pc + 1
                }
                Some(&Instr::If { cond, otherwise }) => {
                    let branch = self.asks(eyes, cond);
                    let held = branch.held;
                    asked.branches.push(branch);
                    match held {
                        Some(true) => pc + 1,
                        Some(false) => otherwise,
                        None => break,
                    }
                }
                _ => break,
            };
        }
        if times == LETS_MAX {
            asked.shorten();
        }
        (asked, pc)
    }

    /// Through the choices to the operation, or the end, that this choice of a step takes.
    fn taken(&self, view: View<'_>, pc: Pc, choice: u32) -> Option<Led> {
        let eyes = &mut Eyes::of(view, self.me);
        let mut left = u32::MAX;
        let all = self.nth(eyes, pc, &mut left, &mut Vec::new());
        debug_assert!(all.is_none(), "there are not as many");
        let offers = u32::MAX - left;
        self.nth(eyes, pc, &mut (choice % offers.max(1)), &mut Vec::new())
    }

    fn nth(&self, eyes: &mut Eyes<'_>, pc: Pc, nth: &mut u32, seen: &mut Vec<Pc>) -> Option<Led> {
        let (mut asked, pc) = self.follow(eyes, pc);
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
        let (more, at) = branches.find_map(|pc| self.nth(eyes, pc, nth, seen))?;
        asked.branches.extend(more.branches);
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

    /// What an operation that is over has done; what the thread sees behind it.
    fn did<'v>(&self, op: Op, before: View<'v>, after: View<'v>, told: &mut Told) -> Eyes<'v> {
        let mut eyes = Eyes::of(before, self.me);
        if let Op::Set { first, len } = op {
            let written = eyes
                .come_to(self.program.sets(first, len))
                .unwrap_or_default();
            for &(variable, value) in &written {
                eyes.write(variable, value);
            }
            let now = |(variable, value)| match variable {
                Variable::Shared(var) => (variable, after.var(var)),
                Variable::Own(_) => (variable, i64::from(value)),
            };
            told.set = written.into_iter().map(now).collect();
        }
        if let Some(set) = updated(op) {
            let set = &self.program.sets[usize::from(set)];
            let variable = set.written(&self.program.exprs, &before, self.me);
            let (was, is) = (
                |it| before.variable(self.me, it),
                |it| after.variable(self.me, it),
            );
            let changed = variable.filter(|&it| was(it) != is(it));
            told.set = changed.map(|it| (it, is(it))).into_iter().collect();
        }
        if let Op::Cancel { operation, .. } = op {
            told.ended = ended(operation, before, after);
        }
        Eyes {
            view: after,
            ..eyes
        }
    }
}

impl Asked {
    /// The thread assigns variables of its own.
    fn assigns(&mut self, written: &[(Variable, i32)], eyes: &mut Eyes<'_>) {
        for &(variable, value) in written {
            eyes.write(variable, value);
            if let Variable::Own(local) = variable {
                let behind = self.branches.len();
                self.lets.push(Let {
                    behind,
                    local,
                    value,
                });
            }
        }
    }

    /// Of what goes round for ever the beginning says enough.
    fn shorten(&mut self) {
        self.lets.truncate(ROUNDS_SHOWN);
        self.branches.truncate(ROUNDS_SHOWN);
    }
}

/// So much is said of a thread that assigns and asks without end.
const ROUNDS_SHOWN: usize = 3;

/// What an operation reads and writes in one step, if it does.
fn updated(mut op: Op) -> Option<u16> {
    op.describe().nouns().find_map(|noun| match noun {
        Noun::Update(set) => Some(*set),
        _ => None,
    })
}

/// The port that a thread counts against.
pub fn counts_against(view: View<'_>, id: ThreadId) -> Option<PortId> {
    let thread = view.thread(id);
    let runs = thread.mode().is_runnable() && thread.suspensions() == 0;
    thread.port().filter(|_| runs != thread.counts_otherwise())
}

/// How an operation ended between two states, if it was not cancelled.
fn ended(operation: OperationId, before: View<'_>, after: View<'_>) -> Option<ResultId> {
    let was_pending = before.operation(operation).phase() == Phase::Pending;
    let result = after.operation(operation).result()?;
    (was_pending && result != ResultId(0)).then_some(result)
}

//! The sentence that says what is wrong at the end of a counterexample, with the values that make it so.

use portsim_model::State;
use portsim_model::control::Offer;
use portsim_model::expr::{Binary, Expr, ExprId, eval};
use portsim_model::files::{Operation, Phase};
use portsim_model::machine::AnyMachine;
use portsim_model::op::{Noun, Role};
use portsim_model::program::{Instr, Object, ObjectId, Op, OperationId, PortId, ThreadId, Whose};
use portsim_model::property::{Fault, Violation};
use portsim_model::state::View;
use portsim_model::threads::Mode;

use crate::names::Names;
use crate::run::held;
use crate::trace::{Held, cells};
use crate::words;

/// What is wrong in a state; that before the last step tells what the step did.
pub fn culprit(
    machine: &dyn AnyMachine,
    names: &Names,
    before: Option<&State>,
    state: &State,
    violation: Violation,
) -> String {
    let end = End {
        machine,
        names,
        state,
        view: machine.view(state),
    };
    let (program, name) = (machine.program(), names.property(violation));
    match violation {
        Violation::Builtin(fault) => end.fault(fault, before),
        Violation::Always(n) => end.broken(name, "", program.always[n]),
        Violation::AtEnd(n) => end.broken(name, " at the end", program.at_end[n]),
        Violation::Eventually(n) => {
            let then = program.eventually[n].then;
            format!("{name} is owed for ever: {}", end.value_of(then))
        }
    }
}

/// What a thread that cannot move in a state waits in, and for what.
pub fn waits(machine: &dyn AnyMachine, names: &Names, state: &State, held: &Held) -> String {
    let mut movers = Vec::new();
    let _ = machine.movers(state, &mut movers);
    let can_move = !movers.is_empty();
    let end = End {
        machine,
        names,
        state,
        view: machine.view(state),
    };
    end.waits(held, can_move)
}

/// The end of a run.
struct End<'a> {
    machine: &'a dyn AnyMachine,
    names: &'a Names,
    state: &'a State,
    view: View<'a>,
}

/// Properties belong to nobody: every result in them says whose it is.
const NOBODY: ThreadId = ThreadId(0);

impl End<'_> {
    fn broken(&self, name: &str, when: &str, property: ExprId) -> String {
        let parts: Vec<_> = self.false_parts(property, NOBODY);
        let parts: Vec<_> = parts.into_iter().map(|id| self.value_of(id)).collect();
        format!("{name} does not hold{when}: {}", parts.join("; "))
    }

    /// The parts of a conjunction that do not hold.
    fn false_parts(&self, id: ExprId, me: ThreadId) -> Vec<ExprId> {
        let program = self.machine.program();
        match program.exprs[usize::from(id.0)] {
            Expr::Binary(Binary::And, left, right) => {
                let parts = [left, right].into_iter();
                parts.flat_map(|part| self.false_parts(part, me)).collect()
            }
            _ if self.value(id, me).is_some_and(|value| value != 0) => Vec::new(),
            _ => vec![id],
        }
    }

    fn value(&self, id: ExprId, me: ThreadId) -> Option<i64> {
        eval(&self.machine.program().exprs, &self.view, me, id)
    }

    fn value_of(&self, id: ExprId) -> String {
        self.value_for(id, NOBODY)
    }

    /// Whether an expression holds, and what it reads.
    fn value_for(&self, id: ExprId, me: ThreadId) -> String {
        let program = self.machine.program();
        let text = |id| words::told(self.names, program, me, id);
        let cond = text(id);
        let filled = match self.filled(id, me) {
            Some(filled) => format!(" ({filled})"),
            None => String::new(),
        };
        let is = match self.value(id, me) {
            Some(0) => "is false",
            Some(_) => "is true",
            None => "has no value",
        };
        let read = words::reads(program, id).into_iter();
        let read = read.filter_map(|id| {
            let expr = program.exprs[usize::from(id.0)];
            Some((text(id), words::named(expr, self.value(id, me)?)))
        });
        let read = read.filter(|(name, _)| *name != cond);
        let read = read.map(|(name, value)| format!("{name} = {value}"));
        let read: Vec<_> = read.collect();
        match read.is_empty() {
            true => format!("{cond} {is}{filled}"),
            false => format!("{cond} {is}{filled}, with {}", read.join(", ")),
        }
    }

    /// A comparison with a value in the place of each term, where a side of it has several: `1 + 2 <= 2`.
    fn filled(&self, id: ExprId, me: ThreadId) -> Option<String> {
        let program = self.machine.program();
        let is_binary = |id: &ExprId| matches!(program.exprs[usize::from(id.0)], Expr::Binary(..));
        match program.exprs[usize::from(id.0)] {
            Expr::Binary(Binary::And | Binary::Or, ..) => None,
            Expr::Binary(_, left, right) if [left, right].iter().any(is_binary) => {
                let value = |id| self.value(id, me);
                Some(words::filled(self.names, program, me, id, &value))
            }
            _ => None,
        }
    }

    fn fault(&self, fault: Fault, before: Option<&State>) -> String {
        match fault {
            Fault::Lost => "a packet is gone that was posted, and nobody got it".to_owned(),
            Fault::Twice => "a packet was delivered twice".to_owned(),
            Fault::Released => "a thread was released that did not wait".to_owned(),
            Fault::Running => {
                "the count of running threads is not the number of those that can run".to_owned()
            }
            Fault::Stranded => self.stranded(),
            Fault::Deadlock => self.deadlock(),
            Fault::Assert => self.wrong(Mode::Failed),
            Fault::Spin => self.wrong(Mode::Lost),
            Fault::Schedule => "the thread whose turn the schedule says cannot move".to_owned(),
            Fault::Freed => match before.and_then(|before| self.written_since(before)) {
                Some(name) => format!(
                    "the kernel wrote the status block of {name} after its memory was given back"
                ),
                None => format!(
                    "the memory of {} was used after it was given back",
                    self.operations(|it| it.is_freed())
                ),
            },
            Fault::InFlight => format!(
                "{} was started again while it was pending, or before its packet was taken",
                self.operations(|it| it.phase() != Phase::Idle)
            ),
        }
    }

    /// The thread that went wrong in this way, and what it evaluated where it stands.
    fn wrong(&self, mode: Mode) -> String {
        let program = self.machine.program();
        let wrong = |&id: &ThreadId| self.view.mode(id) == mode;
        let Some(thread) = program.thread_ids().find(wrong) else {
            return "a thread went wrong".to_owned();
        };
        let name = self.names.thread_name(thread);
        let pc = usize::from(self.view.thread(thread).pc());
        let evaluated = match program.code(thread).instrs.get(pc) {
            Some(&instr) => program.evaluated(instr),
            None => Vec::new(),
        };
        let is_wrong = |&id: &ExprId| match self.value(id, thread) {
            None => true,
            Some(value) => mode == Mode::Failed && value == 0,
        };
        match evaluated.iter().copied().find(is_wrong) {
            Some(id) => format!("{name}: {}", self.value_for(id, thread)),
            None if evaluated.is_empty() || self.could_assign(thread) => {
                format!("{name} goes round for ever without an operation")
            }
            None => format!("{name} sets an element that its array does not have"),
        }
    }

    /// Whether a thread stands where it assigns variables of its own, and could.
    fn could_assign(&self, thread: ThreadId) -> bool {
        let program = self.machine.program();
        let pc = usize::from(self.view.thread(thread).pc());
        let Some(&Instr::Let { first, len }) = program.code(thread).instrs.get(pc) else {
            return false;
        };
        let mut sets = program.sets(first, len).iter();
        sets.all(|set| set.comes_to(&program.exprs, &self.view, thread).is_some())
    }

    /// The operation whose status block the last step wrote although its memory had been given back.
    fn written_since(&self, before: &State) -> Option<&str> {
        let before = self.machine.view(before);
        let mut all = (0..).map(OperationId).zip(&self.names.operations);
        let is_it = |id: OperationId| {
            let was = before.operation(id);
            was.is_freed() && !was.is_written() && self.view.operation(id).is_written()
        };
        all.find(|&(id, _)| is_it(id))
            .map(|(_, name)| name.as_str())
    }

    /// The operations that are as asked, any of which it may be.
    fn operations(&self, are: impl Fn(Operation<&[u8]>) -> bool) -> String {
        let names = self.names.operations.iter();
        let all = (0..).map(OperationId).zip(names);
        let some = all.filter(|&(id, _)| are(self.view.operation(id)));
        let some: Vec<_> = some.map(|(_, name)| name.as_str()).collect();
        match some[..] {
            [] => "an operation".to_owned(),
            _ => some.join(" or "),
        }
    }

    fn stranded(&self) -> String {
        let strands = |id: &PortId| {
            let port = self.view.port(*id);
            !port.packets().is_empty() && !port.waiters().is_empty()
        };
        let Some(id) = self.machine.program().port_ids().find(strands) else {
            return "a packet waits beside a thread that could take it".to_owned();
        };
        let port = self.view.port(id);
        let waiters: Vec<_> = port.waiters().iter().collect();
        let packets = match port.packets().depth() {
            1 => "a packet waits".to_owned(),
            depth => format!("{depth} packets wait"),
        };
        format!(
            "{packets} in {} beside {}, and nobody is on the way to take it",
            self.names.ports[id.index()],
            self.listed(&waiters)
        )
    }

    /// Who waits for what, and why nobody comes.
    fn deadlock(&self) -> String {
        let threads = &self.machine.program().threads;
        let held = held(self.machine, self.state).into_iter();
        // Who waits in the same way is named together.
        let mut groups: Vec<(String, Vec<ThreadId>)> = Vec::new();
        for held in held.filter(|held| !threads[held.thread.index()].may_wait) {
            let waits = self.waits(&held, false);
            match groups.iter_mut().find(|(known, _)| *known == waits) {
                Some((_, threads)) => threads.push(held.thread),
                None => groups.push((waits, vec![held.thread])),
            }
        }
        let groups = groups.iter().map(|(waits, threads)| {
            let verb = if threads.len() == 1 { "waits" } else { "wait" };
            format!("{} {verb} {waits}", self.listed(threads))
        });
        groups.collect::<Vec<_>>().join("; ")
    }

    /// What a thread waits in, and for what: in vain, where nobody can move any more.
    fn waits(&self, held: &Held, others_move: bool) -> String {
        let or = |at_rest: &str, before: &str| match others_move {
            true => before.to_owned(),
            false => at_rest.to_owned(),
        };
        let owner = held.op.and_then(|op| self.owner(op));
        let why = match (held.claim, owner, held.op) {
            (Some(claim), ..) => format!("held back by {}: {}", claim.id, claim.says),
            _ if self.view.thread(held.thread).suspensions() > 0 => {
                or("suspended, and nobody is left to resume it", "suspended")
            }
            (None, None, Some(op)) if op.as_get().is_some() => {
                or("nobody is left to post", "there is nothing to take")
            }
            (None, Some(owner), _) => format!("{} has it", self.names.thread_name(owner)),
            (None, None, Some(op)) if waits_for_object(op) => match joins(op) {
                Some(object) => self.not_over(held.thread, object),
                None => or("nobody is left to signal it", "it is not signaled"),
            },
            (None, None, _) => or("nobody is left to end it", "it is not over"),
        };
        let Some(op) = held.op else {
            return self
                .waits_to_choose(held.thread)
                .unwrap_or(format!("before a choice: {why}"));
        };
        if let Some(cond) = op.awaits() {
            return format!("until {}", self.awaited(cond, held.thread));
        }
        let call = cells::request(self.names, self.machine.program(), op);
        match held.is_inside {
            true => format!("in {call}: {why}"),
            false => format!("before {call}: {why}"),
        }
    }

    /// The conditions that a choice waits for, where all its branches wait.
    fn waits_to_choose(&self, thread: ThreadId) -> Option<String> {
        let (machine, pc) = (self.machine, self.view.thread(thread).pc());
        let mut conditions = Some(Vec::new());
        let plan = &machine.layout().plan;
        plan.offers(machine.program(), &self.view, thread, pc, |offer| {
            let cond = match offer {
                Offer::Op(op, _) => op.awaits(),
                Offer::End(_) | Offer::Nowhere(_) => None,
            };
            match cond {
                Some(cond) => conditions.iter_mut().for_each(|it| it.push(cond)),
                None => conditions = None,
            }
        });
        let conditions = conditions?.into_iter();
        let conditions: Vec<_> = conditions.map(|cond| self.awaited(cond, thread)).collect();
        Some(format!("until {}", conditions.join(", or until ")))
    }

    /// A condition that does not hold, and what it reads.
    fn awaited(&self, cond: ExprId, thread: ThreadId) -> String {
        let says = self.value_for(cond, thread);
        says.replacen(" is false", ", which is false", 1)
    }

    /// The thread that has the mutex that an operation waits for.
    fn owner(&self, op: Op) -> Option<ThreadId> {
        let Op::Block { object, .. } = op else {
            return None;
        };
        match self.machine.program().objects[object.index()] {
            Object::Mutex => self.view.signal(object).checked_sub(1).map(ThreadId),
            Object::Event { .. } | Object::Semaphore { .. } | Object::End(_) => None,
        }
    }

    /// Who has not ended of those whose end a thread waits for, and what they are in.
    fn not_over(&self, me: ThreadId, object: ObjectId) -> String {
        let program = self.machine.program();
        let ids = program.thread_ids();
        let left = ids.filter(|&id| program.ends_in(id, object));
        let left: Vec<_> = left
            .filter(|&id| self.view.mode(id) != Mode::Done)
            .collect();
        let is_one = program.objects[object.index()] == Object::End(Whose::one(left[0]));
        let mut groups: Vec<(String, Vec<ThreadId>)> = Vec::new();
        for id in left {
            let does = self.does_instead(me, id);
            match groups.iter_mut().find(|(known, _)| *known == does) {
                Some((_, threads)) => threads.push(id),
                None => groups.push((does, vec![id])),
            }
        }
        let groups = groups.iter().map(|(does, threads)| match is_one {
            true => format!("it {does}"),
            false => format!("{} {does}", self.listed(threads)),
        });
        groups.collect::<Vec<_>>().join(", ")
    }

    /// What keeps a thread from its end.
    fn does_instead(&self, me: ThreadId, id: ThreadId) -> String {
        let call = |op| cells::request(self.names, self.machine.program(), op);
        let held = held(self.machine, self.state);
        match held.into_iter().find(|it| it.thread == id) {
            _ if id == me => "is the thread that waits".to_owned(),
            None if self.view.mode(id) == Mode::Unborn => "was never spawned".to_owned(),
            Some(Held {
                op: Some(op),
                is_inside: true,
                ..
            }) => format!("stays in {}", call(op)),
            Some(Held { op: Some(op), .. }) => format!("stays before {}", call(op)),
            _ => "does not end".to_owned(),
        }
    }

    fn listed(&self, threads: &[ThreadId]) -> String {
        let names: Vec<_> = threads
            .iter()
            .map(|&id| self.names.thread_name(id))
            .collect();
        match &names[..] {
            [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
            all => all.join(""),
        }
    }
}

/// Whose end a thread waits for.
fn joins(op: Op) -> Option<ObjectId> {
    let Op::Join { object, .. } = op else {
        return None;
    };
    Some(object)
}

fn waits_for_object(mut op: Op) -> bool {
    let mut nouns = op.describe().nouns();
    nouns.any(|noun| matches!(noun, Noun::Object(_, Role::Waits)))
}

//! Steps whose order makes no difference: who can wait while others move.
//!
//! What an operation can touch is known from the program: ports, objects, variables, the clock, threads. Where what
//! some threads are about to do touches nothing that the others can come to touch, whatever these do later, it is
//! enough to let the first move now: every other order comes to the same states at rest, and breaks the same
//! properties. Such a set of threads is found by closing one thread under conflict (a persistent set, as Godefroid
//! calls it).
//!
//! Two things are minded besides. A property may be touched by the threads that move or by those that wait, not by
//! both. And nobody waits for ever: the thread that the set begins with goes forward in its program, and so comes to a
//! state in which others move.

use alloc::vec::Vec;

use crate::expr::{Expr, ExprId, ThreadField};
use crate::machine::Frame;
use crate::op::{Exit, Noun, Wait};
use crate::program::{
    Bounds, Code, Instr, ObjectId, Op, Pc, PortId, Program, ThreadId, VarId, Variable, Verb,
};
use crate::state::{State, View};
use crate::step::{Step, StepKind};

/// In a program with more threads everybody moves.
const THREADS_MAX: usize = 64;

/// Who can wait, in every state of one program.
#[derive(Debug, Clone, Default)]
pub struct PartialOrder {
    /// Where each thread's places start.
    starts: Vec<usize>,
    places: Vec<Place>,
    /// What each property reads.
    properties: Vec<u128>,
}

/// What is known of a thread that stands somewhere in its code.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// What its next step touches.
    next: Touch,
    /// What it can ever touch from here.
    ever: Touch,
    /// Whether its step, and whatever it comes to, leads forward in its code.
    forward: bool,
    /// Whether some other thread, somewhere, has nothing to do with its next step.
    begins: bool,
}

/// Parts of a state: a bit each. Where there are more than bits, some share one, and are taken for each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Touch {
    reads: u128,
    writes: u128,
    /// Whether the port that the thread is associated with is written as well.
    own_port: bool,
}

/// Bits of one kind of parts: from where, and how many.
type Range = (u32, u32);
/// Where a thread is, for those that end or stop it.
const MOVES: Range = (0, 24);
/// What can be asked of a thread: its results, and whether it waits or is over.
const SHOWS: Range = (24, 24);
const PORTS: Range = (48, 16);
const OBJECTS: Range = (64, 16);
const VARS: Range = (80, 40);
/// Deadlines: they pass in order.
const CLOCK: u128 = 1 << 120;
/// Files, operations, sources, jobs and whatever else there is.
const REST: u128 = 1 << 121;

fn bit((from, count): Range, n: usize) -> u128 {
    1 << (from + n as u32 % count)
}

const fn all((from, count): Range) -> u128 {
    ((1 << count) - 1) << from
}

const EVERYTHING_BUT_THREADS: Touch = Touch {
    reads: 0,
    writes: all(PORTS) | all(OBJECTS) | CLOCK | REST,
    own_port: true,
};

const EVERYTHING: Touch = Touch {
    reads: u128::MAX,
    writes: u128::MAX,
    own_port: true,
};

fn port(id: PortId) -> u128 {
    bit(PORTS, id.index())
}

fn object(id: ObjectId) -> u128 {
    bit(OBJECTS, id.index())
}

fn var(id: VarId) -> u128 {
    bit(VARS, id.index())
}

fn thread(id: ThreadId) -> u128 {
    bit(MOVES, id.index()) | bit(SHOWS, id.index())
}

impl Touch {
    fn and(self, other: Touch) -> Touch {
        Touch {
            reads: self.reads | other.reads,
            writes: self.writes | other.writes,
            own_port: self.own_port || other.own_port,
        }
    }

    /// Whether the order of the two can be seen.
    #[inline]
    fn conflicts(self, other: Touch) -> bool {
        self.writes & (other.reads | other.writes) != 0 || self.reads & other.writes != 0
    }

    /// Names the port that the thread is associated with.
    #[inline]
    fn of(mut self, associated: Option<PortId>) -> Touch {
        if let (true, Some(id)) = (self.own_port, associated) {
            self.writes |= port(id);
        }
        self
    }
}

impl PartialOrder {
    /// What is known of a program. Where a bound cuts runs short, or a schedule leaves no choice, everybody moves.
    pub fn of(machine: &Frame) -> PartialOrder {
        let program = machine.program();
        let bounds = matches!(
            program.bounds,
            Bounds {
                depth: None,
                packets: None,
                ticks: None
            }
        );
        if !bounds
            || machine.is_bounded()
            || program.schedule.is_some()
            || program.threads.len() > THREADS_MAX
        {
            return PartialOrder::default();
        }
        let mut order = PartialOrder::default();
        for id in program.thread_ids() {
            order.starts.push(order.places.len());
            order.places.extend(Reader { program, id }.places());
        }
        order.note_beginnings(program);
        if !order.places.iter().any(|place| place.begins) {
            return PartialOrder::default();
        }
        let properties = program.always.iter().chain(&program.sometimes);
        let reads = |&root: &ExprId| reads(program, root, None);
        order.properties = properties.map(reads).collect();
        order
    }

    /// Whether everybody always moves.
    pub fn is_trivial(&self) -> bool {
        self.places.is_empty()
    }

    /// Leaves of the steps that are possible in a state those that are enough; says whether it left any out.
    #[inline]
    pub fn reduce(&self, machine: &Frame, state: &State, steps: &mut Vec<Step>) -> bool {
        !self.is_trivial() && self.reduce_to_persistent(machine.view(state), steps)
    }

    #[inline(never)]
    fn reduce_to_persistent(&self, view: View<'_>, steps: &mut Vec<Step>) -> bool {
        let mut before = None;
        for step in 0..steps.len() {
            let Step { thread, kind, .. } = steps[step];
            if before.replace(thread) == Some(thread) || kind != StepKind::Turn {
                continue;
            }
            let first = self.at(view, thread);
            let stops = view.has_suspensions() && view.thread(thread).stops();
            if first.begins
                && !stops
                && first.forward
                && let Some(moving) = self.close(view, thread, steps)
            {
                steps.retain(|step| moving >> step.thread.0 & 1 != 0);
                return true;
            }
        }
        false
    }

    fn at(&self, view: View<'_>, id: ThreadId) -> &Place {
        &self.places[self.starts[id.index()] + usize::from(view.thread(id).pc())]
    }

    /// The threads that have to do with each other, from one on, as bits; none where others must move as well.
    fn close(&self, view: View<'_>, first: ThreadId, steps: &[Step]) -> Option<u64> {
        // One that stops counts out of its port.
        let stops = |id| view.has_suspensions() && view.thread(id).stops();
        let next = |id| {
            let mut next = self.at(view, id).next;
            next.own_port |= stops(id);
            next.of(view.thread(id).port())
        };
        let ever = |id| {
            let ever = self.at(view, id).ever;
            Touch {
                own_port: true,
                ..ever
            }
            .of(view.thread(id).port())
        };
        let live = || {
            let is_live = |&id: &ThreadId| !view.thread(id).mode().is_over();
            view.program.thread_ids().filter(is_live)
        };
        let (mut moving, mut touched) = (1_u64 << first.0, next(first));
        loop {
            let joins = |&id: &ThreadId| moving >> id.0 & 1 == 0 && touched.conflicts(ever(id));
            let Some(id) = live().find(joins) else { break };
            moving |= 1 << id.0;
            touched = touched.and(next(id));
        }
        if steps.iter().all(|step| moving >> step.thread.0 & 1 != 0) {
            return None;
        }
        let waiting = live()
            .filter(|id| moving >> id.0 & 1 == 0)
            .fold(0, |waiting, id| waiting | ever(id).writes);
        let seen_twice = |&reads: &u128| reads & touched.writes != 0 && reads & waiting != 0;
        (!self.properties.iter().any(seen_twice)).then_some(moving)
    }

    /// Notes from which places it is worth to begin.
    fn note_beginnings(&mut self, program: &Program) {
        let rests = |id: ThreadId| {
            let instrs = program.code(id).instrs.iter().enumerate();
            instrs.filter_map(|(pc, instr)| {
                matches!(instr, Instr::Op(_) | Instr::Either { .. }).then_some(pc)
            })
        };
        for id in program.thread_ids() {
            for pc in rests(id) {
                let next = self.places[self.starts[id.index()] + pc].next;
                let begins = program
                    .thread_ids()
                    .filter(|&other| other != id)
                    .any(|other| {
                        rests(other).any(|pc| {
                            !next.conflicts(self.places[self.starts[other.index()] + pc].ever)
                        })
                    });
                self.places[self.starts[id.index()] + pc].begins = begins;
            }
        }
    }
}

/// Reads what one thread can touch.
#[derive(Clone, Copy)]
struct Reader<'a> {
    program: &'a Program,
    id: ThreadId,
}

impl Reader<'_> {
    fn places(self) -> Vec<Place> {
        let code = self.program.code(self.id);
        let count = code.instrs.len();
        let mut places: Vec<Place> = (0..count)
            .map(|pc| Place {
                next: self.next(code, pc as Pc),
                forward: self.is_forward(code, pc as Pc),
                ..Place::default()
            })
            .collect();
        // What can be reached grows until nothing is added: a round for each place is enough.
        loop {
            let mut grown = false;
            for pc in (0..count).rev() {
                let mut ever = places[pc].next;
                for to in after(code, pc as Pc) {
                    ever = ever.and(places[usize::from(to)].ever);
                }
                grown |= ever != places[pc].ever;
                places[pc].ever = ever;
            }
            if !grown {
                return places;
            }
        }
    }

    /// What the step touches that a thread takes which rests here, or comes here.
    fn next(self, code: &Code, pc: Pc) -> Touch {
        let mut touch = Touch::default();
        for rest in rests(code, pc) {
            let here = match code.instrs[usize::from(rest)] {
                Instr::Op(op) => self.op(code, op, rest),
                _ => self.end(),
            };
            touch = touch.and(here);
        }
        let moves = bit(MOVES, self.id.index());
        touch.and(Touch {
            writes: moves,
            ..Touch::default()
        })
    }

    /// Whether every way from here, by one operation, leads to a later place.
    fn is_forward(self, code: &Code, pc: Pc) -> bool {
        rests(code, pc).into_iter().all(|rest| {
            let then = match code.instrs[usize::from(rest)] {
                Instr::Op(_) => after(code, rest),
                _ => return true,
            };
            rest >= pc
                && then
                    .into_iter()
                    .all(|to| stops(code, to).into_iter().all(|to| to > rest))
        })
    }

    /// An operation, with the conditions that are asked when it is over.
    fn op(self, code: &Code, mut op: Op, pc: Pc) -> Touch {
        let program = self.program;
        let mut touch = self.effect(op);
        let mut ends = false;
        for to in after(code, pc) {
            ends |= stops(code, to)
                .iter()
                .any(|&to| code.instrs[usize::from(to)] == Instr::End);
            touch.reads |= asked(program, code, to, self.id);
            touch.writes |= self.lets(code, to);
        }
        // What can be asked of a thread stays as it is where it only goes on.
        let description = op.describe();
        let quiet = description.passes && description.into.is_none_or(|into| into.is_none());
        if ends || !quiet {
            touch.writes |= bit(SHOWS, self.id.index());
        }
        touch
    }

    /// What is assigned from here to where control rests.
    fn lets(self, code: &Code, pc: Pc) -> u128 {
        let is_let = |&pc: &Pc| matches!(code.instrs[usize::from(pc)], Instr::Let { .. });
        match passed(code, pc, false).iter().any(is_let) {
            true => self.own(),
            false => 0,
        }
    }

    /// What an operation itself does.
    fn effect(self, mut op: Op) -> Touch {
        let description = op.describe();
        if description.exits == Some(Exit::Process) {
            return EVERYTHING;
        }
        let mut touch = Touch {
            own_port: description.own_port,
            ..Touch::default()
        };
        if description.wait.is_some_and(Wait::has_deadline) {
            touch.writes |= CLOCK;
        }
        let alertable = description.wait.is_some_and(|wait| wait.alertable);
        if !description.local || alertable {
            touch = touch.and(EVERYTHING_BUT_THREADS);
        }
        for noun in description.nouns() {
            touch = touch.and(self.noun(noun));
        }
        // Packets can belong to what else there is, and signals go to it.
        if touch.writes & (all(PORTS) | all(OBJECTS)) != 0 && has_rest(self.program) {
            return touch.and(EVERYTHING_BUT_THREADS);
        }
        touch
    }

    /// What an operation touches of something that it names.
    fn noun(self, noun: Noun<'_>) -> Touch {
        let writes = |writes| Touch {
            writes,
            ..Touch::default()
        };
        match noun {
            Noun::Port(id, _) => writes(port(id)),
            Noun::Object(id, _) => writes(object(id)),
            Noun::Thread(id, _) => writes(thread(id)),
            Noun::Clock(_) => writes(CLOCK),
            Noun::Condition(cond) | Noun::Value(cond) => Touch {
                reads: reads(self.program, *cond, Some(self.id)),
                ..Touch::default()
            },
            Noun::Update(set) => self.sets(*set, 1),
            Noun::Computed(computed) => {
                let carried = &self.program.computed[usize::from(*computed)];
                let ids = [carried.key, carried.bytes, carried.overlapped];
                Touch {
                    reads: ids
                        .map(|id| reads(self.program, id, Some(self.id)))
                        .into_iter()
                        .fold(0, |all, it| all | it),
                    ..Touch::default()
                }
            }
            Noun::Sets(first, len) => self.sets(*first, *len),
            Noun::Ports(..)
            | Noun::Source(..)
            | Noun::File(..)
            | Noun::Binding(_)
            | Noun::Operation(..)
            | Noun::Burst(..)
            | Noun::Reserve(_)
            | Noun::WaitPacket(..)
            | Noun::Job(..)
            | Noun::JobBinding(_)
            | Noun::Process(_) => EVERYTHING_BUT_THREADS,
            // These only say what something else gets, or where the thread goes on.
            Noun::Packet(_)
            | Noun::Own(_)
            | Noun::Chain(_)
            | Noun::Result(_)
            | Noun::Pid(_)
            | Noun::Branch(_)
            | Noun::Text(_) => Touch::default(),
        }
    }

    /// What assignments write and read.
    fn sets(self, first: u16, len: u8) -> Touch {
        let program = self.program;
        let mut touch = Touch::default();
        for set in program.sets(first, len) {
            match set.var {
                Variable::Shared(VarId(first)) => {
                    let len = set.element.map_or(1, |(_, len)| len);
                    (0..len).for_each(|n| touch.writes |= var(VarId(first + n)));
                }
                Variable::Own(_) => touch.writes |= self.own(),
            }
            touch.reads |= reads(program, set.value, Some(self.id));
            if let Some((index, _)) = set.element {
                touch.reads |= reads(program, index, Some(self.id));
            }
        }
        touch
    }

    /// What a thread writes with variables of its own: nobody else sees them, unless a property asks.
    fn own(self) -> u128 {
        let asks =
            |expr: &Expr| matches!(*expr, Expr::Local { thread, .. } if thread == Some(self.id));
        match self.program.any_expr(asks) {
            true => bit(SHOWS, self.id.index()),
            false => 0,
        }
    }

    /// The end of the thread.
    fn end(self) -> Touch {
        let ends = self.program.ends_of(self.id);
        let touch = Touch {
            writes: ends.fold(bit(SHOWS, self.id.index()), |ends, id| ends | object(id)),
            own_port: true,
            ..Touch::default()
        };
        if has_rest(self.program) {
            return touch.and(EVERYTHING_BUT_THREADS);
        }
        touch
    }
}

/// Whether there is more than ports, objects and variables.
fn has_rest(program: &Program) -> bool {
    !(program.files.is_empty()
        && program.operations.is_empty()
        && program.reserves.is_empty()
        && program.jobs.is_empty()
        && program.sources.is_empty())
        || program.wait_packets > 0
        || program.ops().any(|op| op.verb() == Verb::RingEvent)
}

/// What an expression reads, besides the results and variables of the thread that asks.
fn reads(program: &Program, root: ExprId, asks: Option<ThreadId>) -> u128 {
    let operand = |id| reads(program, id, asks);
    let shows = |id: ThreadId| bit(SHOWS, id.index());
    match program.exprs[usize::from(root.0)] {
        Expr::Const(_) | Expr::Member { .. } | Expr::Result { thread: None, .. } => 0,
        expr @ (Expr::Local { thread, .. } | Expr::Nth { thread, .. }) => {
            thread.map_or(0, shows) | expr.index().map_or(0, operand)
        }
        Expr::Var(id) => var(id),
        Expr::Element { first, len, index } => {
            (0..len).fold(operand(index), |all, n| all | var(VarId(first.0 + n)))
        }
        Expr::Result {
            thread: Some(id), ..
        } if Some(id) == asks => 0,
        Expr::Result {
            thread: Some(id), ..
        }
        | Expr::LastError(id)
        | Expr::Apcs(id) => shows(id),
        Expr::Thread(id, ThreadField::Parked | ThreadField::Blocked | ThreadField::Done) => {
            shows(id)
        }
        Expr::Port(id, _) => port(id),
        Expr::Operation(..) | Expr::File(..) => REST,
        Expr::Not(one) | Expr::Neg(one) => operand(one),
        Expr::Binary(_, left, right) => operand(left) | operand(right),
    }
}

/// Where control goes on after an instruction.
fn after(code: &Code, pc: Pc) -> Vec<Pc> {
    match code.instrs[usize::from(pc)] {
        Instr::Op(op) if op.exits().is_some() => Vec::new(),
        Instr::Op(mut op) => {
            let branch = op.branch().map(|to| *to);
            core::iter::once(pc + 1).chain(branch).collect()
        }
        Instr::If { otherwise, .. } => Vec::from([pc + 1, otherwise]),
        Instr::Let { .. } => Vec::from([pc + 1]),
        Instr::End => Vec::new(),
        Instr::Jump(to) => Vec::from([to]),
        Instr::Either { branch, others } => Vec::from([branch, others]),
    }
}

/// Every instruction that control can pass or come to from here without an operation.
fn passed(code: &Code, pc: Pc, through_choices: bool) -> Vec<Pc> {
    let mut seen = Vec::from([pc]);
    let mut n = 0;
    while let Some(&pc) = seen.get(n) {
        n += 1;
        let stays = match code.instrs[usize::from(pc)] {
            Instr::Op(_) | Instr::End => true,
            Instr::Either { .. } => !through_choices,
            _ => false,
        };
        if stays {
            continue;
        }
        for to in after(code, pc) {
            if !seen.contains(&to) {
                seen.push(to);
            }
        }
    }
    seen
}

/// The operations, and the end, that a thread can take next which rests here or comes here.
fn rests(code: &Code, pc: Pc) -> Vec<Pc> {
    let mut rests = passed(code, pc, true);
    rests.retain(|&pc| matches!(code.instrs[usize::from(pc)], Instr::Op(_) | Instr::End));
    rests
}

/// Where control can come to rest from here.
fn stops(code: &Code, pc: Pc) -> Vec<Pc> {
    let mut stops = passed(code, pc, false);
    stops.retain(|&pc| {
        matches!(
            code.instrs[usize::from(pc)],
            Instr::Op(_) | Instr::Either { .. } | Instr::End
        )
    });
    stops
}

/// What the conditions read that are asked from here to where control rests.
fn asked(program: &Program, code: &Code, pc: Pc, me: ThreadId) -> u128 {
    let conditions =
        passed(code, pc, false)
            .into_iter()
            .filter_map(|pc| match code.instrs[usize::from(pc)] {
                Instr::If { cond, .. } => Some(cond),
                _ => None,
            });
    conditions.fold(0, |all, cond| all | reads(program, cond, Some(me)))
}

//! Threads that can trade places without anybody noticing.
//!
//! Two threads are alike when exchanging them maps the program onto itself: they run the same code in the same
//! process, nobody names one of them (`suspend`, `spawn`, an asynchronous procedure call, a wait for its end, a turn of a
//! schedule),
//! and every condition and property says the same once their names are exchanged. Threads that are alike form
//! an orbit. States that differ only in who is who within the orbits behave alike, so a search needs one of them.
//!
//! [`Symmetry::canonize`] chooses that one: it sorts the threads of each orbit by their own bytes and by where
//! others speak of them, and rewrites every thread number of the record. These stand in the lists of waiters, with
//! the owners of mutexes and with the issuers of operations. Reserve objects hold numbers too, but only of threads
//! that are named. Where the end of a process takes its threads down one after the other, their order shows, and
//! nobody trades places.

mod orbit;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::expr::{Binary, Expr, ExprId, Field};
use crate::layout::Layout;
use crate::machine::Frame;
use crate::op::{Exit, Noun};
use crate::program::{
    Code, Instr, Object, Op, OperationId, Program, Slated, THREADS_MAX, ThreadId,
};
use crate::state::{State, operation_place};
use crate::step::Step;
use orbit::{ELSEWHERE, Marks, Orbit};

/// Which threads can trade places, and where their numbers stand in a state.
#[derive(Debug, Clone, Default)]
pub struct Symmetry {
    /// Orbits of two or more.
    orbits: Vec<Orbit>,
    /// Of every thread, the number of its orbit, or [`ELSEWHERE`], and where it starts in a state.
    records: Vec<(u8, usize)>,
    /// Where each port's list of waiters starts: how many, and then their numbers plus one.
    waiters: Vec<usize>,
    /// Bytes that hold the number plus one of a thread, or 0.
    holders: Vec<usize>,
}

impl Symmetry {
    /// The symmetry of a program on a kernel.
    pub fn of(machine: &Frame) -> Symmetry {
        let (program, layout) = (machine.program(), machine.layout());
        let in_order = |mut op: Op| op.describe().exits == Some(Exit::Process);
        if program.ops().any(in_order) {
            return Symmetry::default();
        }
        let orbits: Vec<_> = orbits(program)
            .into_iter()
            .map(|threads| Orbit::of(layout, &threads))
            .collect();
        let record = |id: ThreadId| {
            let number = usize::from(id.0 + 1);
            let own = |orbit: &Orbit| orbit.places[number] != ELSEWHERE;
            let orbit = orbits.iter().position(own);
            let from = usize::from(layout.threads[id.index()].from);
            (orbit.map_or(ELSEWHERE, |orbit| orbit as u8), from)
        };
        let records = program.thread_ids().map(record).collect();
        let waiters = layout.ports.iter().map(|port| port.waiters.into());
        Symmetry {
            orbits,
            records,
            waiters: waiters.collect(),
            holders: holders(program, layout),
        }
    }

    /// The threads of each orbit.
    pub fn orbits(&self) -> impl Iterator<Item = Vec<ThreadId>> {
        self.orbits
            .iter()
            .map(|orbit| orbit.threads.iter().map(|thread| thread.0).collect())
    }

    /// Whether no two threads can trade places.
    #[inline]
    pub fn is_trivial(&self) -> bool {
        self.orbits.is_empty()
    }

    /// Puts one state in the place of all that differ only in who is who.
    #[inline]
    pub fn canonize(&self, state: &mut State) {
        if !self.orbits.is_empty() {
            self.sort(state);
        }
    }

    /// Of the steps that are possible in a state, leaves out those of a thread that nothing tells from another one which
    /// has the same step there: they lead to states that differ only in who is who.
    #[inline]
    pub fn keep_distinct(&self, state: &State, steps: &mut Vec<Step>) {
        if !self.orbits.is_empty() {
            self.drop_twins(&state.0, steps);
        }
    }

    #[inline(never)]
    fn drop_twins(&self, bytes: &[u8], steps: &mut Vec<Step>) {
        let marks = self.marks(bytes);
        let mut kept = 0;
        for n in 0..steps.len() {
            let step = steps[n];
            let is_twin = |before: &Step| {
                (before.kind, before.choice) == (step.kind, step.choice)
                    && self.are_twins(bytes, &marks, before.thread, step.thread)
            };
            if !steps[..kept].iter().rev().any(is_twin) {
                steps[kept] = step;
                kept += 1;
            }
        }
        steps.truncate(kept);
    }

    /// Whether nothing tells two threads apart: they are alike, have the same bytes, and nobody speaks of either.
    #[inline]
    fn are_twins(&self, bytes: &[u8], marks: &Marks, one: ThreadId, other: ThreadId) -> bool {
        let (orbit, from) = self.records[one.index()];
        let (same, to) = self.records[other.index()];
        if orbit != same || marks[one.index()] != 0 || marks[other.index()] != 0 || one == other {
            return false;
        }
        let Some(orbit) = self.orbits.get(usize::from(orbit)) else {
            return false;
        };
        bytes[from..][..orbit.len] == bytes[to..][..orbit.len]
    }

    #[inline(never)]
    fn sort(&self, state: &mut State) {
        let bytes = &mut *state.0;
        let mut marks = self.marks(bytes);
        for orbit in &self.orbits {
            orbit.sort(bytes, &mut marks, |bytes, from, to| {
                self.rename(bytes, orbit, from, to);
            });
        }
    }

    /// What others say of each thread: its place among the waiters, and who holds its number.
    #[inline]
    fn marks(&self, bytes: &[u8]) -> Marks {
        let mut marks = [0; THREADS_MAX];
        for &at in &self.waiters {
            let count = usize::from(bytes[at]);
            for (place, &thread) in (1..).zip(&bytes[at + 1..=at + count]) {
                marks[usize::from(thread - 1) % THREADS_MAX] += place;
            }
        }
        // Holders beyond the eighth share marks: threads that differ only there are not told apart, and the
        // search keeps both states.
        for (n, &at) in self.holders.iter().enumerate() {
            if let Some(thread) = bytes[at].checked_sub(1) {
                marks[usize::from(thread)] |= 0x100 << (n % 8);
            }
        }
        marks
    }

    /// The `from`th thread of an orbit stands at `to` now, and those from there on have made room.
    fn rename(&self, bytes: &mut [u8], orbit: &Orbit, from: usize, to: usize) {
        let (from, to) = (from as u8, to as u8);
        let numbered = |place: u8| orbit.numbers[usize::from(place)];
        let now = |number: u8| match orbit.places[usize::from(number)] {
            place if place == from => numbered(to),
            place if to <= place && place < from => numbered(place + 1),
            _ => number,
        };
        for &at in &self.waiters {
            let count = usize::from(bytes[at]);
            for number in &mut bytes[at + 1..=at + count] {
                *number = now(*number);
            }
        }
        for &at in &self.holders {
            bytes[at] = now(bytes[at]);
        }
    }
}

/// Whether the order of its operands makes no difference.
fn is_symmetric(operator: Binary) -> bool {
    use Binary::*;
    matches!(operator, Eq | Ne | Mul | Min | Max)
}

/// Where mutexes keep their owners and operations their issuers.
fn holders(program: &Program, layout: &Layout) -> Vec<usize> {
    let owners = program
        .objects
        .iter()
        .zip(&layout.objects)
        .filter(|(object, _)| **object == Object::Mutex)
        .map(|(_, &at)| usize::from(at));
    let issuers = (0..program.operations.len() as u8)
        .map(|n| operation_place(layout, OperationId(n)).start + 1);
    owners.chain(issuers).collect()
}

/// Threads that are alike, where there are two or more.
fn orbits(program: &Program) -> Vec<Vec<ThreadId>> {
    let names = Names::of(program);
    let mut orbits: Vec<Vec<ThreadId>> = Vec::new();
    for id in program.thread_ids().filter(|&id| !is_named(program, id)) {
        // Who is alike with one of them is alike with all.
        match orbits
            .iter_mut()
            .find(|orbit| names.are_alike(orbit[0], id))
        {
            Some(orbit) => orbit.push(id),
            None => orbits.push(Vec::from([id])),
        }
    }
    orbits.retain(|orbit| orbit.len() > 1);
    orbits
}

/// Whether an operation or the schedule speaks of this thread.
fn is_named(program: &Program, id: ThreadId) -> bool {
    let named = program.names(|noun| matches!(*noun, Noun::Thread(thread, _) if thread == id));
    let slated = |turn: &Slated| *turn == Slated::Thread(id);
    named || program.schedule.iter().flatten().any(slated)
}

/// What a program says, as texts that can be compared.
struct Names<'a> {
    program: &'a Program,
    /// What each code says.
    codes: Vec<String>,
    /// The largest number, without its sign, that a packet or the end of an operation carries.
    carried: u128,
}

/// Two threads that are exchanged while a text is written.
type Exchange = (ThreadId, ThreadId);

/// Nobody is exchanged.
const NOBODY: Exchange = (ThreadId(0), ThreadId(0));

impl<'a> Names<'a> {
    fn of(program: &'a Program) -> Names<'a> {
        let packets = program
            .packets
            .iter()
            .flat_map(|packet| [packet.key, packet.bytes, packet.overlapped]);
        let results = program
            .results
            .iter()
            .flat_map(|result| [result.bytes, result.returned]);
        let carried = packets.chain(results).map(i64::unsigned_abs).max();
        let mut names = Names {
            program,
            codes: Vec::new(),
            carried: carried.unwrap_or(0).into(),
        };
        let codes = program.codes.iter().map(|code| names.code(code, NOBODY));
        names.codes = codes.collect();
        names
    }

    /// Whether exchanging two threads maps the program onto itself.
    fn are_alike(&self, one: ThreadId, other: ThreadId) -> bool {
        let program = self.program;
        let thread = |id: ThreadId| &program.threads[id.index()];
        let (a, b) = (thread(one), thread(other));
        let place = |id: ThreadId| match id {
            id if id == one => other,
            id if id == other => one,
            id => id,
        };
        let maps = |id: ThreadId| {
            let code = self.code(program.code(id), (one, other));
            code == self.codes[thread(place(id)).code.index()]
        };
        let says_the_same =
            |&root: &ExprId| self.expr(root, (one, other)) == self.expr(root, NOBODY);
        !self.asks_who(program.code(one))
            && (a.spawned, a.may_wait, a.process) == (b.spawned, b.may_wait, b.process)
            && a.may_wait_in == b.may_wait_in
            && program.ends_of(one).eq(program.ends_of(other))
            && self.codes[a.code.index()] == self.codes[b.code.index()]
            && [&program.always, &program.sometimes, &program.at_end]
                .into_iter()
                .flatten()
                .all(says_the_same)
            && program.thread_ids().all(maps)
    }

    /// Whether who runs a code makes a difference to it.
    fn asks_who(&self, code: &Code) -> bool {
        let is_who = |expr| matches!(expr, Expr::Member { .. });
        let mut roots = code
            .instrs
            .iter()
            .flat_map(|it| self.program.evaluated(*it));
        roots.any(|root| self.program.any_node(root, &is_who))
    }

    /// What a code says.
    fn code(&self, code: &Code, exchange: Exchange) -> String {
        let mut text = format!("{:?} {:?}", code.slots, code.locals);
        for instr in &code.instrs {
            text += &match *instr {
                Instr::If { cond, otherwise } => {
                    format!("If {} {otherwise}", self.expr(cond, exchange))
                }
                Instr::Op(op) => self.op(op, exchange),
                Instr::Let { first, len } => format!("Let{}", self.sets(first, len, exchange)),
                instr => format!("{instr:?}"),
            };
            text.push(';');
        }
        text
    }

    /// What an operation says: itself without the numbers of its expressions, and what these say. Threads that it
    /// names trade places with nobody.
    fn op(&self, mut op: Op, exchange: Exchange) -> String {
        let mut asked = String::new();
        for noun in op.describe().nouns() {
            match noun {
                Noun::Condition(cond) => {
                    asked += &self.expr(core::mem::replace(cond, ExprId(0)), exchange);
                }
                Noun::Sets(first, len) => {
                    asked += &self.sets(core::mem::replace(first, 0), *len, exchange);
                }
                Noun::Update(set) => {
                    asked += &self.sets(core::mem::replace(set, 0), 1, exchange);
                }
                Noun::Computed(computed) => {
                    let number = core::mem::replace(computed, 0);
                    let carried = &self.program.computed[usize::from(number)];
                    for id in [carried.key, carried.bytes, carried.overlapped] {
                        asked += &self.expr(id, exchange);
                        asked.push(' ');
                    }
                    asked += &format!("{:?}", carried.status);
                }
                Noun::Value(value) => {
                    asked += &self.expr(core::mem::replace(value, ExprId(0)), exchange);
                }
                Noun::Port(..)
                | Noun::Ports(..)
                | Noun::Packet(_)
                | Noun::Own(_)
                | Noun::Chain(_)
                | Noun::Thread(..)
                | Noun::Object(..)
                | Noun::Clock(_)
                | Noun::Source(..)
                | Noun::File(..)
                | Noun::Binding(_)
                | Noun::Operation(..)
                | Noun::Burst(..)
                | Noun::Result(_)
                | Noun::Reserve(_)
                | Noun::WaitPacket(..)
                | Noun::Job(..)
                | Noun::JobBinding(_)
                | Noun::Pid(_)
                | Noun::Process(_)
                | Noun::Branch(_)
                | Noun::Text(_) => {}
            }
        }
        format!("{op:?} {asked}")
    }

    fn sets(&self, first: u16, len: u8, exchange: Exchange) -> String {
        let mut text = String::new();
        for set in self.program.sets(first, len) {
            let element = set
                .element
                .map(|(index, len)| format!("{} {len}", self.expr(index, exchange)));
            let value = self.expr(set.value, exchange);
            text += &format!(" {:?} {element:?} {value}", set.var);
        }
        text
    }

    /// What an expression says. Operands whose order makes no difference stand in one order.
    fn expr(&self, id: ExprId, exchange: Exchange) -> String {
        let (one, other) = exchange;
        let place = |thread: ThreadId| match thread {
            thread if thread == one => other,
            thread if thread == other => one,
            thread => thread,
        };
        match self.program.exprs[usize::from(id.0)] {
            Expr::Result {
                thread: Some(thread),
                slot,
                field,
                nth,
            } => format!("{:?} {slot:?} {field:?} {nth}", place(thread)),
            Expr::Thread(thread, field) => format!("{:?} {field:?}", place(thread)),
            Expr::Apcs(thread) => format!("Apcs {:?}", place(thread)),
            Expr::Element { first, len, index } => {
                format!("Element {first:?} {len} {}", self.expr(index, exchange))
            }
            Expr::Local {
                thread,
                first,
                element,
            } => {
                let element =
                    element.map(|(index, len)| format!("{} {len}", self.expr(index, exchange)));
                format!("{:?} {first:?} {element:?}", thread.map(place))
            }
            Expr::Nth {
                thread,
                slot,
                field,
                index,
                len,
            } => {
                let index = self.expr(index, exchange);
                format!("{:?} {slot:?} {field:?} {index} {len}", thread.map(place))
            }
            Expr::Not(operand) => format!("Not({})", self.expr(operand, exchange)),
            Expr::Neg(operand) => format!("Neg({})", self.expr(operand, exchange)),
            Expr::Binary(operator, left, right) => {
                let mut operands = Vec::new();
                match operator {
                    // One that has no value, or an intermediate sum that has none, would make the order show.
                    Binary::And | Binary::Or | Binary::Add if self.largest(id).is_some() => {
                        self.operands(operator, id, exchange, &mut operands);
                        operands.sort();
                    }
                    _ => {
                        operands.extend([left, right].map(|it| self.expr(it, exchange)));
                        if is_symmetric(operator) {
                            operands.sort();
                        }
                    }
                }
                format!("{operator:?}({})", operands.join(","))
            }
            leaf => format!("{leaf:?}"),
        }
    }

    /// The operands of a chain of one operator.
    fn operands(&self, of: Binary, id: ExprId, exchange: Exchange, into: &mut Vec<String>) {
        match self.program.exprs[usize::from(id.0)] {
            Expr::Binary(operator, left, right) if operator == of => {
                self.operands(of, left, exchange, into);
                self.operands(of, right, exchange, into);
            }
            _ => into.push(self.expr(id, exchange)),
        }
    }

    /// The largest value, without its sign, that an expression can have; none if it may have no value.
    fn largest(&self, id: ExprId) -> Option<u128> {
        let largest = match self.program.exprs[usize::from(id.0)] {
            Expr::Const(number) => number.unsigned_abs().into(),
            expr if expr.index().is_some() => return None,
            Expr::Result {
                field: Field::Key | Field::Bytes | Field::Overlapped,
                ..
            } => self.carried,
            Expr::Not(operand) => self.largest(operand).map(|_| 1)?,
            Expr::Neg(operand) => self.largest(operand)?,
            Expr::Binary(operator, left, right) => {
                let (left, right) = (self.largest(left)?, self.largest(right)?);
                match operator {
                    Binary::Add | Binary::Sub => left + right,
                    Binary::Mul => left.checked_mul(right)?,
                    Binary::Div | Binary::Rem => return None,
                    Binary::Min | Binary::Max => left.max(right),
                    _ => 1,
                }
            }
            // Variables, counts, statuses and errors have 32 bits at most.
            _ => 1 << 32,
        };
        (largest <= i64::MAX as u128).then_some(largest)
    }
}

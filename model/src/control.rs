//! Where a thread goes between its steps.
//!
//! Control over a thread's own results and variables costs no step, so a thread always rests at an operation, at
//! a choice between operations, or at the end of its program. [`Plan::settle`] stops where it assigns its own variables on
//! the way: the caller writes them, and goes on from there.

use alloc::vec::Vec;

use crate::expr::{Facts, eval};
use crate::program::{Code, INSTRS_MAX, Instr, Op, Pc, Program, ThreadId};
use crate::room::Room;

/// Where control comes to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// At an operation or at a choice between some.
    At(Pc),
    /// At the end of the program.
    End(Pc),
    /// Nowhere: it goes round without an operation, or a condition has no value.
    Nowhere(Pc),
    /// Not yet: the thread assigns variables of its own here, and goes on behind that.
    Let(Pc),
}

/// What a thread may do next: one of the leaves of the choice where it rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// An operation, and where it stands.
    Op(Op, Pc),
    /// The end of the program.
    End(Pc),
    /// A branch that never reaches an operation.
    Nowhere(Pc),
}

/// What the program alone says of where control goes, for each place of each code: computed once.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where each thread's code starts among the places; for any number of a thread, so that none is compared with how
    /// many there are.
    starts: [u32; ThreadId::ALL],
    /// Where each code starts among them.
    starts_of_codes: Vec<u32>,
    places: Vec<Place>,
    /// The offers of all places, one place after the other.
    offers: Vec<Offer>,
    /// For each place how many offers it has, if each can be taken at any time; else 0.
    plain: Vec<u16>,
    /// For each place the room in ports that its operation needs and may lack.
    rooms: Vec<Vec<Room>>,
}

/// Where a result stands, from the start of its thread, and for how many packets it has room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlotPlace {
    pub at: u16,
    pub packets_max: u8,
}

impl SlotPlace {
    /// An outcome, how many packets if there can be several, and the packets.
    pub(crate) fn len(self) -> u16 {
        1 + u16::from(self.packets_max > 1) + u16::from(self.packets_max)
    }
}

/// What the program alone says of a place.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The operation that stands there.
    op: Option<Op>,
    /// Where its result goes, from the start of the thread.
    into: Option<SlotPlace>,
    /// Where control rests; none where that depends on results.
    rest: Option<Rest>,
    /// Where it rests after the operation that stands there.
    next: Option<Rest>,
    /// Its offers: from where, and how many; none where they depend on results.
    offers: Option<(u32, u16)>,
    /// Whether each of its offers can be taken at any time.
    plain: bool,
}

impl Plan {
    /// The plan of a program.
    pub fn of(program: &Program) -> Plan {
        let mut plan = Plan {
            starts: [0; ThreadId::ALL],
            starts_of_codes: Vec::new(),
            places: Vec::new(),
            offers: Vec::new(),
            plain: Vec::new(),
            rooms: Vec::new(),
        };
        let mut starts = Vec::new();
        for code in &program.codes {
            starts.push(plan.places.len() as u32);
            for pc in 0..code.instrs.len() {
                let place = plan.place(code, pc as Pc);
                plan.places.push(place);
            }
        }
        for (start, thread) in plan.starts.iter_mut().zip(&program.threads) {
            *start = starts[thread.code.index()];
        }
        plan.starts_of_codes = starts;
        plan
    }

    fn place(&mut self, code: &Code, pc: Pc) -> Place {
        let first = self.offers.len();
        let mut seen = [0; SEEN];
        let offers = match code.instrs[usize::from(pc)] {
            Instr::Op(_) | Instr::Either { .. } => self.leaves(code, pc, &mut seen),
            _ => None,
        };
        if offers.is_none() {
            self.offers.truncate(first);
        }
        // A choice whose every branch leads back to it is left to who plays it.
        let count = self.offers.len() - first;
        let op = match code.instrs[usize::from(pc)] {
            Instr::Op(op) => Some(op),
            _ => None,
        };
        Place {
            op,
            into: None,
            rest: rest_of(code, pc),
            next: op.and_then(|_| rest_of(code, pc + 1)),
            offers: offers
                .filter(|()| count > 0)
                .map(|()| (first as u32, count as u16)),
            plain: false,
        }
    }

    /// Adds the offers that control comes to from here; none if that depends on results.
    fn leaves(&mut self, code: &Code, from: Pc, seen: &mut Seen) -> Option<()> {
        match rest_of(code, from)? {
            Rest::End(pc) => self.offers.push(Offer::End(pc)),
            // Between a choice and an operation nothing is assigned.
            Rest::Nowhere(pc) | Rest::Let(pc) => self.offers.push(Offer::Nowhere(pc)),
            Rest::At(pc) => match code.instrs[usize::from(pc)] {
                Instr::Op(op) => self.offers.push(Offer::Op(op, pc)),
                Instr::Either { branch, others } => {
                    if is_first(seen, pc) {
                        self.leaves(code, branch, seen)?;
                        self.leaves(code, others, seen)?;
                    }
                }
                _ => unreachable!("control rests only at operations, choices and the end"),
            },
        }
        Some(())
    }

    /// Notes where results go: `slots` are the places for those of each code.
    pub(crate) fn note_slots(&mut self, slots: &[Vec<SlotPlace>]) {
        for (n, &start) in self.starts_of_codes.iter().enumerate() {
            let end = self.starts_of_codes.get(n + 1).copied();
            let end = end.map_or(self.places.len(), |end| end as usize);
            for place in &mut self.places[start as usize..end] {
                let into = place.op.and_then(Op::into);
                place.into = into.map(|slot| slots[n][slot.index()]);
            }
        }
    }

    /// Notes the room that operations need in ports and may lack. Those that need none can be taken at any time, unless
    /// they wait for a condition, or the system holds some back.
    pub(crate) fn note_rooms(&mut self, holds: bool, rooms: impl Fn(Op) -> Vec<Room>) {
        for place in &mut self.places {
            let Some((from, count)) = place.offers else {
                continue;
            };
            let offers = &self.offers[from as usize..][..usize::from(count)];
            place.plain = offers.iter().all(|offer| match *offer {
                Offer::Op(op, _) => !holds && op.awaits().is_none() && rooms(op).is_empty(),
                Offer::End(_) | Offer::Nowhere(_) => true,
            });
        }
        let count = |place: &Place| place.offers.filter(|_| place.plain).map_or(0, |it| it.1);
        self.plain = self.places.iter().map(count).collect();
        let rooms = |place: &Place| place.op.map_or(Vec::new(), &rooms);
        self.rooms = self.places.iter().map(rooms).collect();
    }

    /// The room in ports that the operation needs and may lack which stands at `pc`.
    #[inline]
    pub(crate) fn rooms(&self, me: ThreadId, pc: Pc) -> &[Room] {
        &self.rooms[self.starts[me.index()] as usize + usize::from(pc)]
    }

    /// How many things a thread that rests at `pc` may do next, if each can be done at any time.
    #[inline]
    pub(crate) fn plain_count(&self, me: ThreadId, pc: Pc) -> Option<u16> {
        let count = self.plain[self.starts[me.index()] as usize + usize::from(pc)];
        (count > 0).then_some(count)
    }

    #[inline]
    fn at(&self, me: ThreadId, pc: Pc) -> &Place {
        &self.places[self.starts[me.index()] as usize + usize::from(pc)]
    }

    /// The operation at which a thread stands, and where its result goes from the start of the thread.
    #[inline]
    pub(crate) fn op(&self, me: ThreadId, pc: Pc) -> Option<(&Op, Option<SlotPlace>)> {
        let place = self.at(me, pc);
        Some((place.op.as_ref()?, place.into))
    }

    /// The same, and where control rests after it; none where that depends on results.
    #[inline]
    pub(crate) fn stands(
        &self,
        me: ThreadId,
        pc: Pc,
    ) -> Option<(&Op, Option<SlotPlace>, Option<Rest>)> {
        let place = self.at(me, pc);
        Some((place.op.as_ref()?, place.into, place.next))
    }

    /// Follows control from `pc` until it rests.
    #[inline]
    pub fn settle(&self, program: &Program, facts: &impl Facts, me: ThreadId, pc: Pc) -> Rest {
        match self.at(me, pc).rest {
            Some(rest) => rest,
            None => follow(program, facts, me, pc),
        }
    }

    /// What a thread that rests at `pc` may do next, as far as the program alone says that.
    #[inline]
    fn known_offers(&self, me: ThreadId, pc: Pc) -> Option<&[Offer]> {
        let (from, count) = self.at(me, pc).offers?;
        Some(&self.offers[from as usize..][..usize::from(count)])
    }

    /// Calls `offer` with everything the thread may do next, in the order of the branches.
    #[inline]
    pub fn offers(
        &self,
        program: &Program,
        facts: &impl Facts,
        me: ThreadId,
        pc: Pc,
        mut offer: impl FnMut(Offer),
    ) {
        if let Some(known) = self.known_offers(me, pc) {
            return known.iter().copied().for_each(offer);
        }
        let mut branches = Branches {
            program,
            facts,
            me,
            seen: [0; SEEN],
            offered: false,
            offer: &mut offer,
        };
        branches.visit(pc);
        // Every branch leads back to the choice: it goes round for ever.
        if !branches.offered {
            offer(Offer::Nowhere(pc));
        }
    }

    /// How many [`Plan::offers`] there are.
    #[inline]
    pub(crate) fn branches(
        &self,
        program: &Program,
        facts: &impl Facts,
        me: ThreadId,
        pc: Pc,
    ) -> u32 {
        if let Some(known) = self.known_offers(me, pc) {
            return known.len() as u32;
        }
        let mut count = 0;
        self.offers(program, facts, me, pc, |_| count += 1);
        count
    }

    /// Where the `nth` of the [`Plan::offers`] stands, and how many there are, where it is an operation and nothing of that
    /// depends on results.
    #[inline]
    pub(crate) fn known_offer(&self, me: ThreadId, pc: Pc, nth: u32) -> Option<(Pc, u32)> {
        let known = self.known_offers(me, pc)?;
        match *known.get(nth as usize)? {
            Offer::Op(_, pc) => Some((pc, known.len() as u32)),
            Offer::End(_) | Offer::Nowhere(_) => None,
        }
    }

    /// The `nth` of the [`Plan::offers`], and how many there are.
    pub(crate) fn offered(
        &self,
        program: &Program,
        facts: &impl Facts,
        me: ThreadId,
        pc: Pc,
        nth: u32,
    ) -> (Option<Offer>, u32) {
        if let Some(known) = self.known_offers(me, pc) {
            return (known.get(nth as usize).copied(), known.len() as u32);
        }
        (
            self.nth_offer(program, facts, me, pc, nth),
            self.branches(program, facts, me, pc),
        )
    }

    /// The `nth` of the [`Plan::offers`].
    #[inline]
    pub fn nth_offer(
        &self,
        program: &Program,
        facts: &impl Facts,
        me: ThreadId,
        pc: Pc,
        nth: u32,
    ) -> Option<Offer> {
        if let Some(known) = self.known_offers(me, pc) {
            return known.get(nth as usize).copied();
        }
        let (mut found, mut passed) = (None, 0);
        self.offers(program, facts, me, pc, |offer| {
            if passed == nth {
                found = Some(offer);
            }
            passed += 1;
        });
        found
    }
}

/// Where control rests from `pc`, if no result is asked on the way.
fn rest_of(code: &Code, mut pc: Pc) -> Option<Rest> {
    for _ in 0..=code.instrs.len() {
        pc = match code.instrs[usize::from(pc)] {
            Instr::Op(_) | Instr::Either { .. } => return Some(Rest::At(pc)),
            Instr::End => return Some(Rest::End(pc)),
            Instr::Jump(target) => target,
            Instr::If { .. } => return None,
            Instr::Let { .. } => return Some(Rest::Let(pc)),
        };
    }
    Some(Rest::Nowhere(pc))
}

fn follow(program: &Program, facts: &impl Facts, me: ThreadId, mut pc: Pc) -> Rest {
    let code = program.code(me);
    // Neither results nor variables change on the way, so a thread that has made more moves than there are instructions
    // goes round for ever.
    for _ in 0..=code.instrs.len() {
        pc = match code.instrs[usize::from(pc)] {
            Instr::Op(_) | Instr::Either { .. } => return Rest::At(pc),
            Instr::End => return Rest::End(pc),
            Instr::Jump(target) => target,
            Instr::If { cond, otherwise } => match eval(&program.exprs, facts, me, cond) {
                Some(0) => otherwise,
                Some(_) => pc + 1,
                None => return Rest::Nowhere(pc),
            },
            Instr::Let { .. } => return Rest::Let(pc),
        };
    }
    Rest::Nowhere(pc)
}

/// Choices that control has come by: a bit for each instruction.
type Seen = [u64; SEEN];
const SEEN: usize = INSTRS_MAX.div_ceil(64);

/// Whether a place is seen for the first time.
fn is_first(seen: &mut Seen, pc: Pc) -> bool {
    let (word, bit) = (usize::from(pc / 64), 1 << (pc % 64));
    let first = seen[word] & bit == 0;
    seen[word] |= bit;
    first
}

struct Branches<'a, F, O> {
    program: &'a Program,
    facts: &'a F,
    me: ThreadId,
    /// Choices already visited: a branch that leads back to one offers nothing new.
    seen: Seen,
    /// Whether any branch has led to something.
    offered: bool,
    offer: &'a mut O,
}

impl<F: Facts, O: FnMut(Offer)> Branches<'_, F, O> {
    fn offer(&mut self, offer: Offer) {
        self.offered = true;
        (self.offer)(offer);
    }

    fn visit(&mut self, from: Pc) {
        match follow(self.program, self.facts, self.me, from) {
            Rest::End(pc) => self.offer(Offer::End(pc)),
            // Between a choice and an operation nothing is assigned.
            Rest::Nowhere(pc) | Rest::Let(pc) => self.offer(Offer::Nowhere(pc)),
            Rest::At(pc) => match self.program.code(self.me).instrs[usize::from(pc)] {
                Instr::Op(op) => self.offer(Offer::Op(op, pc)),
                Instr::Either { branch, others } => {
                    if is_first(&mut self.seen, pc) {
                        self.visit(branch);
                        self.visit(others);
                    }
                }
                _ => unreachable!("control rests only at operations, choices and the end"),
            },
        }
    }
}

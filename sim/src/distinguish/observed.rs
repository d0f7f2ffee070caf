//! What threads can be told by a system that plays a scenario: in any order, and turn by turn.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use portsim_model::State;
use portsim_model::claim::Claim;
use portsim_model::event::{Observer, Outcome};
use portsim_model::machine::AnyMachine;
use portsim_model::program::{Instr, Op, Program, Slated, ThreadId};
use portsim_model::step::{Step, StepKind};
use portsim_model::threads::Mode;

use super::space::THREADS_MAX;
use crate::personality::play;

/// What each thread was told so far, in its order: a number for all of it.
type Told = [u64; THREADS_MAX];

/// A situation: where a run stands, and what was told on the way.
type Situation = (State, Told);

/// The most situations that are looked at; a scenario with more is not compared.
const SITUATIONS_MAX: usize = 4_000;

/// The most turns beyond one for each operation: of threads that come back from a wait, that end, and of the clock.
const TURNS_MORE: usize = 3;

/// Notes what threads are told, and whether one of some claims decided anything.
struct Ear<'c> {
    told: Told,
    claims: &'c [&'static Claim],
    asked: bool,
}

impl Observer for Ear<'_> {
    fn by(&mut self, claim: &'static Claim) {
        self.asked |= self.claims.contains(&claim);
    }

    fn call(&mut self, _: ThreadId, _: Op) {}

    fn ret(&mut self, thread: ThreadId, op: Op, outcome: Outcome) {
        // Whether the end of a thread is a step of its own can nobody see.
        if op == Op::Exit {
            return;
        }
        let told = &mut self.told[thread.index()];
        *told = mixed(*told, number_of(outcome));
    }
}

fn mixed(so_far: u64, more: u64) -> u64 {
    let mixed = (so_far ^ more).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 29
}

/// A number for each outcome.
fn number_of(outcome: Outcome) -> u64 {
    let packets = |kind: u64, packets: &[portsim_model::program::PacketId]| {
        packets.iter().fold(kind, |so_far, packet| {
            mixed(so_far, 1 + u64::from(packet.0))
        })
    };
    match outcome {
        Outcome::Done => 1,
        Outcome::Packet(packet) => packets(2, &[packet]),
        Outcome::Packets(batch) => packets(3, batch.packets()),
        Outcome::Partial(batch) => packets(4, batch.packets()),
        Outcome::Value(value) => mixed(5, u64::from(value.cast_unsigned())),
        Outcome::Other(value) => mixed(6, u64::from(value.cast_unsigned())),
        Outcome::Io(result) => mixed(7, result.index() as u64),
        Outcome::Failed(error) => mixed(8, error as u64),
    }
}

/// A system that plays one scenario.
pub struct Side<'s> {
    /// Threads move as they like.
    free: Arc<dyn AnyMachine>,
    name: &'s str,
    turns_max: usize,
}

/// Everything a step can lead to.
enum After {
    /// Somebody is told something, or not, and the run goes on.
    On(Situation),
    /// An invariant of every port is broken.
    Broken(Told),
}

/// The same where threads take turns.
struct InTurn {
    /// A machine for each who may be next, and the clock last.
    turns: Vec<Arc<dyn AnyMachine>>,
}

/// What threads can be told by the end.
pub struct Freely {
    /// All of it.
    pub ends: BTreeSet<Told>,
    /// Whether one of the claims decided anything.
    pub asked: bool,
}

impl<'s> Side<'s> {
    /// The system of this name with a program; none if it cannot play it.
    pub fn new(name: &'s str, program: &Arc<Program>, operations: usize) -> Option<Side<'s>> {
        let free = play(name, program, 1).ok()?;
        Some(Side {
            free,
            name,
            turns_max: operations + TURNS_MORE,
        })
    }

    /// Whether the system says each time that it reads one of these claims: not of those that lock-step never asks.
    pub fn tells_of(&self, claims: &[&'static Claim]) -> bool {
        let mut unasked = self.free.about().at_full_speed.iter();
        !unasked.any(|open| claims.contains(&open.claim()))
    }

    fn in_turn(&self) -> InTurn {
        let program = self.free.program();
        let threads = program.thread_ids().map(Slated::Thread);
        let turns = threads.chain([Slated::Time]).map(|next| {
            let mut program = Program::clone(program);
            program.schedule = Some(vec![next; self.turns_max]);
            let machine = play(self.name, &Arc::new(program), 1);
            machine.expect("a schedule asks for nothing that a system can lack")
        });
        InTurn {
            turns: turns.collect(),
        }
    }

    /// What threads can be told by the end, whoever moves when, and whether one of these claims decides anything; none if there
    /// are too many situations.
    pub fn freely(&self, claims: &[&'static Claim]) -> Option<Freely> {
        let machine = &*self.free;
        let mut open: Vec<Situation> = vec![(machine.boot(), Told::default())];
        let mut seen: HashSet<Situation> = open.iter().cloned().collect();
        let (mut ends, mut movers, mut asked) = (BTreeSet::new(), Vec::new(), false);
        while let Some(situation) = open.pop() {
            movers.clear();
            let _ = machine.movers(&situation.0, &mut movers);
            if movers.is_empty() {
                ends.insert(with_who_waits(machine, &situation));
            }
            for &mover in &movers {
                asked |= take(
                    machine,
                    &situation,
                    mover,
                    claims,
                    &mut |after| match after {
                        After::On(next) => {
                            if seen.insert(next.clone()) {
                                open.push(next);
                            }
                        }
                        After::Broken(told) => {
                            ends.insert(told);
                        }
                    },
                );
            }
            if seen.len() > SITUATIONS_MAX {
                return None;
            }
        }
        Some(Freely { ends, asked })
    }
}

impl InTurn {
    /// The situations after the next turn, this one's, in any of these.
    fn after(&self, now: &BTreeSet<Situation>, who: usize) -> BTreeSet<Situation> {
        let machine = &*self.turns[who];
        let (mut open, mut all) = (Vec::new(), BTreeSet::new());
        let mut movers = Vec::new();
        for situation in now {
            movers.clear();
            let _ = machine.movers(&situation.0, &mut movers);
            for &mover in &movers {
                take(machine, situation, mover, &[], &mut |after| match after {
                    After::On(next) => open.push(next),
                    After::Broken(told) => {
                        all.insert((State::default(), told));
                    }
                });
            }
        }
        // Who was woken goes on, and whose time is over, before anybody has a turn.
        while let Some(situation) = open.pop() {
            movers.clear();
            let _ = machine.movers(&situation.0, &mut movers);
            movers.retain(|mover| is_no_turn(machine, &situation.0, *mover));
            if movers.is_empty() {
                all.insert(situation);
                continue;
            }
            for &mover in &movers {
                take(machine, &situation, mover, &[], &mut |after| match after {
                    After::On(next) => open.push(next),
                    After::Broken(told) => {
                        all.insert((State::default(), told));
                    }
                });
            }
        }
        all
    }

    /// The first thread that has only its end left to do in some of these.
    fn at_its_end(&self, now: &BTreeSet<Situation>) -> Option<usize> {
        let program = self.turns[0].program();
        let ends = |state: &State, id: ThreadId| {
            let thread = self.turns[0].view(state).thread(id);
            thread.mode() == Mode::Ready
                && thread.suspensions() == 0
                && program.code(id).instrs[usize::from(thread.pc())] == Instr::End
        };
        let mut threads = program.thread_ids();
        let found = threads.find(|&id| now.iter().any(|(state, _)| ends(state, id)));
        found.map(ThreadId::index)
    }

    fn at_start(&self) -> BTreeSet<Situation> {
        BTreeSet::from([(self.turns[0].boot(), Told::default())])
    }
}

/// What turns say of two systems.
pub enum Turns {
    /// Nothing, up to the last that is looked at.
    Alike,
    /// After these threads can have been told by one what they cannot by the other.
    Apart {
        /// Who takes them, the fewest that there are.
        turns: Vec<usize>,
        /// Whether nothing is told by both.
        wholly: bool,
    },
    /// There are too many situations to say.
    TooMany,
}

/// Compares two systems turn by turn.
pub fn by_turns(a: &Side<'_>, b: &Side<'_>) -> Turns {
    let turns_max = a.turns_max;
    let (a, b) = (a.in_turn(), b.in_turn());
    type Both = (BTreeSet<Situation>, BTreeSet<Situation>);
    let mut level: BTreeMap<Both, Vec<usize>> = BTreeMap::new();
    level.insert((a.at_start(), b.at_start()), Vec::new());
    let mut looked_at = 0;
    for _ in 0..turns_max {
        let mut next = BTreeMap::new();
        // By their turns, so that of two ways the first is told.
        let mut now: Vec<_> = level.into_iter().collect();
        now.sort_by(|one, other| one.1.cmp(&other.1));
        for ((in_a, in_b), taken) in now {
            // Where the end of a thread is a step it has its turn at once: nobody can see whether it is one.
            let ends = a.at_its_end(&in_a).or_else(|| b.at_its_end(&in_b));
            let next_turns = ends.map_or(0..a.turns.len(), |who| who..who + 1);
            for who in next_turns {
                let mut after = (a.after(&in_a, who), b.after(&in_b, who));
                if after.0.is_empty() && after.1.is_empty() {
                    continue;
                }
                let mut turns = taken.clone();
                turns.push(who);
                let (in_a, in_b) = (told(&after.0), told(&after.1));
                if in_a != in_b {
                    let wholly = in_a.is_disjoint(&in_b);
                    return Turns::Apart { turns, wholly };
                }
                after.0.retain(is_going_on);
                after.1.retain(is_going_on);
                looked_at += after.0.len() + after.1.len();
                next.entry(after).or_insert(turns);
            }
        }
        if looked_at > SITUATIONS_MAX {
            return Turns::TooMany;
        }
        level = next;
    }
    Turns::Alike
}

/// Whether no invariant was broken on the way: such a run is over, and has no state.
fn is_going_on((state, _): &Situation) -> bool {
    !state.bytes().is_empty()
}

fn told(situations: &BTreeSet<Situation>) -> BTreeSet<Told> {
    situations.iter().map(|(_, told)| *told).collect()
}

/// Whether a move in lock-step is nobody's turn.
fn is_no_turn(machine: &dyn AnyMachine, state: &State, mover: Step) -> bool {
    match mover.kind {
        StepKind::Wake => true,
        StepKind::Turn => false,
        StepKind::Time => machine.view(state).deadline(mover.thread) == Some(0),
    }
}

/// Calls `each` with everything that a move can lead to.
fn take(
    machine: &dyn AnyMachine,
    (state, told): &Situation,
    mover: Step,
    claims: &[&'static Claim],
    each: &mut impl FnMut(After),
) -> bool {
    let mut ear = Ear {
        told: *told,
        claims,
        asked: false,
    };
    machine.take_all(state, mover, &mut ear, |ear, _, next, fault| {
        let heard = std::mem::replace(&mut ear.told, *told);
        each(match fault {
            None => After::On((next, heard)),
            Some(fault) => After::Broken(heard.map(|told| mixed(told, 1_000 + fault as u64))),
        });
    });
    ear.asked
}

/// What was told in the end, and who is inside a call.
fn with_who_waits(machine: &dyn AnyMachine, (state, told): &Situation) -> Told {
    let mut told = *told;
    for thread in machine.view(state).inside_calls() {
        let told = &mut told[thread.index()];
        *told = mixed(*told, u64::MAX);
    }
    told
}

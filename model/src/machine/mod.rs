//! Programs on a personality: who can move, and what a step does and shows.
//!
//! Who can move stands in `movers`, what that does in `take`: a change of one of the two is often a change of the other.

mod call;
mod frame;
mod movers;
mod take;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Debug;

pub use frame::{Bounded, Frame, Unsupported};

use crate::about::About;
use crate::choice::{Alternatives, Answers, Noted, Numbered};
use crate::claim::Claim;
use crate::contract::Personality;
use crate::control::Offer;
use crate::event::{Error, Observer};
use crate::layout::Layout;
use crate::os_error::OsError;
use crate::packets::Packets;
use crate::program::{Op, Pc, PortId, Program, ThreadId};
use crate::property::{Fault, Owed, Violation, conserved, judge, judge_end};
use crate::state::{State, View};
use crate::step::{Step, StepKind};
use crate::threads::Mode;
use crate::turn::{Fixed, Turn};

/// A program on a personality.
#[derive(Debug, Clone)]
pub struct Machine<P> {
    frame: Frame,
    personality: P,
}

/// A program on some personality, whichever it is.
///
/// Steps come in two parts. [`movers`](AnyMachine::movers) says who can move: each is the first of the steps that one
/// move can be. Where the rules leave something open there are more, and [`successors`](AnyMachine::successors) takes
/// them all.
pub trait AnyMachine: Debug + Send + Sync {
    /// What it knows without its personality.
    fn frame(&self) -> &Frame;

    /// What its personality is.
    fn about(&self) -> &'static About;

    /// The same with only what of the program makes a difference to its verdicts; its steps are the same.
    fn without_dead(&self) -> Arc<dyn AnyMachine>;

    /// Adds everyone who can move now to `movers`, always in the same order: the threads' turns and wakes in the
    /// order of the threads, then the clock.
    fn movers(&self, state: &State, movers: &mut Vec<Step>) -> Bounded;

    /// Calls `each` with every step that these moves can be, the state it leads to, and the invariant of every port that
    /// it broke, if it did. `next` is where that state is made.
    fn successors(
        &self,
        state: &State,
        movers: &[Step],
        next: &mut State,
        each: &mut dyn FnMut(Step, &mut State, Option<Fault>),
    );

    /// Makes a move; where the rules leave something open, `answers` decides. Says which step it was, and which
    /// invariant of every port it broke, if it did.
    fn take_with(
        &self,
        state: &mut State,
        mover: Step,
        answers: &mut dyn Answers,
        observer: &mut dyn Observer,
    ) -> (Step, Option<Fault>);

    /// Takes a step while nobody watches.
    fn take_unseen(&self, state: &mut State, step: Step) -> Option<Fault>;

    /// What a state violates, other than by being the last.
    fn judge(&self, state: &State) -> Option<Violation>;

    /// What a state violates in which nothing can move any more.
    fn judge_end(&self, state: &State) -> Option<Violation>;

    /// The claim that keeps a thread from moving, where one does: in a call that waits although there is something for
    /// it, or before one that has to wait until others have gone on.
    fn holds_back(&self, state: &State, thread: ThreadId) -> Option<&'static Claim>;
}

impl dyn AnyMachine + '_ {
    /// The program.
    #[inline]
    pub fn program(&self) -> &Program {
        self.frame().program()
    }

    /// Where the nouns of its states lie.
    #[inline]
    pub fn layout(&self) -> &Layout {
        self.frame().layout()
    }

    /// What its personality calls an error.
    pub fn os_error(&self) -> fn(Error) -> OsError {
        self.frame().os_error()
    }

    /// Whether a port may run out of room before every post has been made.
    pub fn is_bounded(&self) -> bool {
        self.frame().is_bounded()
    }

    /// A state, readable.
    #[inline]
    pub fn view<'s>(&'s self, state: &'s State) -> View<'s> {
        self.frame().view(state)
    }

    /// The state before the first step.
    pub fn boot(&self) -> State {
        self.frame().boot()
    }

    /// Takes one of the steps that are possible; says which invariant of every port it broke, if it did.
    pub fn take(
        &self,
        state: &mut State,
        step: Step,
        observer: &mut dyn Observer,
    ) -> Option<Fault> {
        let (mover, mut answers) = self.frame().mover_of(state, step);
        self.take_with(state, mover, &mut answers, observer).1
    }

    /// Takes every step that a move can be while somebody watches; `each` gets the observer, the step, the state that it
    /// leads to, and the invariant of every port that it broke, if it did.
    pub fn take_all<O: Observer>(
        &self,
        state: &State,
        mover: Step,
        observer: &mut O,
        mut each: impl FnMut(&mut O, Step, State, Option<Fault>),
    ) {
        let mut alternatives = Alternatives::default();
        loop {
            let mut next = state.clone();
            let (step, fault) = self.take_with(&mut next, mover, &mut alternatives, observer);
            each(observer, step, next, fault);
            if !alternatives.advance() {
                break;
            }
        }
    }

    /// Calls `each` with every step that is possible now, in the order of [`AnyMachine::movers`].
    pub fn enabled(&self, state: &State, mut each: impl FnMut(Step)) -> Bounded {
        let mut movers = Vec::new();
        let bounded = self.movers(state, &mut movers);
        let mut next = state.clone();
        self.successors(state, &movers, &mut next, &mut |step, _, _| each(step));
        bounded
    }

    /// Forgets how far every pending deadline is: each may find it passed at any moment. For judges of threads that no
    /// common clock held to the program's ticks.
    pub fn even_deadlines(&self, state: &mut State) {
        self.frame().even_deadlines(state);
    }

    /// Puts a thread that is in no call before the operation at `pc` of its code. For judges of calls that no program made:
    /// a log tells its threads what they do next.
    pub fn tell(&self, state: &mut State, thread: ThreadId, pc: Pc) {
        self.frame().tell(state, thread, pc);
    }

    /// The packets that nobody has taken. For judges of ports that hold more than a state has room for, who keep the rest.
    pub fn packets_mut<'s>(&self, state: &'s mut State, port: PortId) -> Packets<&'s mut [u8]> {
        self.frame().packets_mut(state, port)
    }

    /// Whether the state shows the `sometimes` property of this number.
    #[inline]
    pub fn shows(&self, state: &State, property: usize) -> bool {
        self.frame().shows(state, property)
    }

    /// Whether the `eventually` property of this number is owed in the first state.
    pub fn owes_at_boot(&self, boot: &State, property: usize) -> bool {
        self.frame().owes_at_boot(boot, property)
    }

    /// Whether the `eventually` property of this number is owed in a state, if `before` says so of the one before it.
    pub fn owes(&self, state: &State, property: usize, before: bool) -> bool {
        self.frame().owes(state, property, before)
    }

    /// What a run owes in the first state.
    pub fn owed_at_boot(&self, boot: &State) -> Owed {
        self.frame().owed_at_boot(boot)
    }

    /// Notes what a run owes that has come to this state.
    pub fn owe(&self, owed: &mut Owed, state: &State) {
        self.frame().owe(owed, state);
    }
}

impl<P: Personality> Machine<P> {
    /// Puts a program on a personality of a machine with so many processors.
    pub fn new(
        program: Arc<Program>,
        personality: P,
        processors: u32,
    ) -> Result<Self, Unsupported> {
        Machine::with_readings(program, personality, processors, &[])
    }

    /// The same, with readings of open claims that are fixed from outside.
    pub fn with_readings(
        program: Arc<Program>,
        personality: P,
        processors: u32,
        fixed: &[Fixed],
    ) -> Result<Self, Unsupported> {
        let mut fixed = fixed.to_vec();
        for open in personality.about().at_full_speed {
            let claim = open.claim();
            if !fixed.iter().any(|fixed| fixed.claim == claim) {
                fixed.push(Fixed { claim, reading: 0 });
            }
        }
        Machine::at_full_speed(program, personality, processors, &fixed)
    }

    /// The same for threads at full speed, which can show what others cannot.
    pub fn at_full_speed(
        program: Arc<Program>,
        personality: P,
        processors: u32,
        fixed: &[Fixed],
    ) -> Result<Self, Unsupported> {
        let frame = Frame::new(program, &personality, processors, fixed)?;
        Ok(Machine { frame, personality })
    }

    /// The rules run: one step, from the state before, with so many packets in queues, to the one after.
    #[inline(always)]
    fn step<O: Observer>(
        &self,
        state: &mut State,
        before: usize,
        mover: Step,
        answers: &mut dyn Answers,
        observer: &mut O,
    ) -> (Step, Option<Fault>) {
        let frame = &self.frame;
        let me = mover.thread;
        let is_turn = match mover.kind {
            StepKind::Turn => true,
            StepKind::Wake => false,
            StepKind::Time => frame.view(state).deadline(me) != Some(0),
        };
        let choices = Noted::new(answers, mover.choice);
        let mut turn = frame.turn(&mut state.0, observer, choices);
        match mover.kind {
            StepKind::Turn => self.take_turn(&mut turn, me, mover.choice),
            StepKind::Wake if stops(turn.view(), me) => self.stop(&mut turn, me),
            StepKind::Wake => {
                turn.by_some(self.personality.about().no_limit);
                if let Op::WaitHandle { port, .. } = turn.op(me) {
                    self.personality.wake_at_handle(&mut turn, me, port);
                } else {
                    let get = turn.get(me);
                    self.personality.wake(&mut turn, me, get);
                }
            }
            StepKind::Time => self.take_time(&mut turn, me),
        }
        let (ledger, fault, choice) = (turn.ledger, turn.fault, turn.choices.number());
        if is_turn {
            frame.note_turn(&mut state.0);
        }
        let fault = fault
            .or(conserved(before, frame.queued(&state.0), ledger).err())
            .filter(|&fault| frame.program.builtin.judge(fault));
        (Step { choice, ..mover }, fault)
    }
}

/// Whether what a thread does by itself is to stop; one that was made runnable inside its call comes out of that first.
#[inline]
fn stops(view: View<'_>, id: ThreadId) -> bool {
    view.has_suspensions() && view.thread(id).stops() && view.thread(id).mode() != Mode::Woken
}

impl<P: Personality> Machine<P> {
    /// The same while nobody watches.
    #[inline(never)]
    fn step_unseen(
        &self,
        state: &mut State,
        before: usize,
        mover: Step,
        answers: &mut dyn Answers,
    ) -> (Step, Option<Fault>) {
        self.step(state, before, mover, answers, &mut ())
    }
}

impl<P: Personality> AnyMachine for Machine<P> {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn about(&self) -> &'static About {
        self.personality.about()
    }

    fn without_dead(&self) -> Arc<dyn AnyMachine> {
        let program = Arc::new(crate::dead::without_dead(&self.frame.program));
        let (processors, fixed) = (self.frame.processors, &self.frame.system.fixed);
        let machine = Machine::at_full_speed(program, self.personality, processors, fixed);
        Arc::new(machine.unwrap_or_else(|_| self.clone()))
    }

    fn movers(&self, state: &State, movers: &mut Vec<Step>) -> Bounded {
        self.movers_of(state, movers)
    }

    fn successors(
        &self,
        state: &State,
        movers: &[Step],
        next: &mut State,
        each: &mut dyn FnMut(Step, &mut State, Option<Fault>),
    ) {
        let mut alternatives = Alternatives::default();
        let before = self.frame.queued(&state.0);
        for &mover in movers {
            loop {
                next.clone_from(state);
                let (step, fault) = self.step(next, before, mover, &mut alternatives, &mut ());
                each(step, next, fault);
                if !alternatives.advance() {
                    break;
                }
            }
        }
    }

    fn take_with(
        &self,
        state: &mut State,
        mover: Step,
        answers: &mut dyn Answers,
        mut observer: &mut dyn Observer,
    ) -> (Step, Option<Fault>) {
        let before = self.frame.queued(&state.0);
        self.step(state, before, mover, answers, &mut observer)
    }

    fn take_unseen(&self, state: &mut State, step: Step) -> Option<Fault> {
        let (mover, mut answers) = self.frame.mover_of(state, step);
        let before = self.frame.queued(&state.0);
        self.step_unseen(state, before, mover, &mut answers).1
    }

    fn holds_back(&self, state: &State, thread: ThreadId) -> Option<&'static Claim> {
        let view = self.frame.view(state);
        match view.mode(thread) {
            Mode::Parked => self.personality.keeps_waiting(view, thread),
            Mode::Woken => self.personality.holds_wake(view, thread),
            Mode::Ready => {
                let (plan, mut held) = (&self.frame.layout.plan, None);
                let pc = view.thread(thread).pc();
                plan.offers(&self.frame.program, &view, thread, pc, |offer| {
                    if let Offer::Op(op, _) = offer {
                        held = held.or(self.personality.held(view, op));
                    }
                });
                held
            }
            _ => None,
        }
    }

    fn judge(&self, state: &State) -> Option<Violation> {
        judge(self.frame.view(state), |view| self.personality.holds(view))
    }

    fn judge_end(&self, state: &State) -> Option<Violation> {
        judge_end(self.frame.view(state), |view| {
            self.personality.holds_at_rest(view)
        })
    }
}

impl Frame {
    /// The move that a step is, and how the choices of its rules are answered.
    fn mover_of(&self, state: &State, step: Step) -> (Step, Numbered) {
        let branches = self.branches(state, step);
        let mover = Step {
            choice: step.choice % branches,
            ..step
        };
        (mover, Numbered(step.choice / branches))
    }

    fn turn<'t, O>(
        &'t self,
        bytes: &'t mut [u8],
        observer: &'t mut O,
        choices: Noted<'t>,
    ) -> Turn<'t, O> {
        Turn {
            program: &self.program,
            layout: &self.layout,
            system: &self.system,
            bytes,
            observer,
            ledger: Default::default(),
            fault: None,
            choices,
        }
    }
}

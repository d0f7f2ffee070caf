//! Programs on a kernel: which steps are possible, and what each does and shows.
//!
//! Long: when a step is possible and what it does stand in one place, because whoever changes one of the
//! two must see the other.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::control::{Offer, nth_offer, offers};
use crate::event::{Error, Observer, Outcome};
use crate::expr::{Expr, PortField, eval};
use crate::kernel::{Kernel, Turn};
use crate::layout::Layout;
use crate::objects;
use crate::program::{
    Assignment, Get, Instr, ObjectId, Op, Program, SETS_MAX, Slated, SlotId, SourceId, ThreadId,
    VarId,
};
use crate::property::{Fault, Ledger, Violation, conserved, holds, judge, judge_end};
use crate::state::{State, View, store};
use crate::step::{Step, StepKind};
use crate::threads::Mode;

/// A program on a kernel.
#[derive(Debug, Clone)]
pub struct System<'p, K> {
    program: &'p Program,
    kernel: K,
    layout: Layout,
    /// The concurrency value of each port, with 0 replaced by the number of processors.
    limits: Box<[u32]>,
    /// Whether each port may run out of room before every post has been made.
    bounded: Box<[bool]>,
}

/// Why a system cannot run a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported {
    /// The operation that it lacks; none where a property asks for something it does not have.
    pub op: Option<Op>,
    /// Why.
    pub why: &'static str,
}

/// Whether a bound kept a step from being possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Bounded(pub bool);

impl<'p, K: Kernel> System<'p, K> {
    /// Puts a program on a kernel of a machine with so many processors.
    pub fn new(program: &'p Program, kernel: K, processors: u32) -> Result<Self, Unsupported> {
        for op in program.ops() {
            kernel
                .supports(program, op)
                .map_err(|why| Unsupported { op: Some(op), why })?;
        }
        let counts = |expr: &Expr| {
            matches!(
                expr,
                Expr::Port(_, PortField::Running | PortField::Concurrency)
            )
        };
        if !kernel.counts_running() && program.any_expr(counts) {
            return Err(Unsupported {
                op: None,
                why: "it counts no running threads",
            });
        }
        let Some(layout) = Layout::of(program) else {
            return Err(Unsupported {
                op: None,
                why: "its states would be larger than 64 KiB",
            });
        };
        let limit = |concurrency| {
            if concurrency == 0 {
                processors
            } else {
                concurrency
            }
        };
        let limits = program
            .ports
            .iter()
            .map(|port| limit(port.concurrency))
            .collect();
        let bounded = program
            .port_ids()
            .map(|port| Layout::is_bounded(program, port))
            .collect();
        Ok(System {
            program,
            kernel,
            layout,
            limits,
            bounded,
        })
    }

    /// The program.
    pub fn program(&self) -> &'p Program {
        self.program
    }

    /// The kernel.
    pub fn kernel(&self) -> K {
        self.kernel
    }

    /// Where the nouns of its states lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// A state, readable.
    #[inline]
    pub fn view<'s>(&'s self, state: &'s State) -> View<'s> {
        self.view_of(&state.0)
    }

    /// A state's bytes, readable.
    #[inline]
    fn view_of<'s>(&'s self, bytes: &'s [u8]) -> View<'s> {
        View {
            program: self.program,
            layout: &self.layout,
            limits: &self.limits,
            os_error: self.kernel.os_error(),
            bytes,
        }
    }

    /// The state before the first step.
    pub fn boot(&self) -> State {
        let mut state = State::blank(&self.layout);
        for (n, place) in self.layout.objects.iter().enumerate() {
            objects::boot(
                self.program,
                ObjectId(n as u8),
                &mut state.0[usize::from(*place)..],
            );
        }
        for (n, value) in self.program.vars.iter().enumerate() {
            self.write_var(&mut state.0, VarId(n as u8), *value);
        }
        let mut nobody = ();
        let mut turn = self.turn(&mut state.0, &mut nobody);
        for (n, source) in self.program.sources.iter().enumerate() {
            turn.set_readable(SourceId(n as u8), source.readable);
        }
        for id in self.program.port_ids() {
            let open = self.program.ports[id.index()].open;
            turn.port(id).set_open(open);
        }
        for id in self.program.thread_ids() {
            if !self.program.threads[id.index()].spawned {
                turn.goes_on(id, 0);
            }
        }
        state
    }

    /// Calls `each` with every step that is possible now, always in the same order: the threads' turns and
    /// wakes in the order of the threads, then the clock.
    #[inline]
    pub fn enabled(&self, state: &State, mut each: impl FnMut(Step)) -> Bounded {
        let view = self.view(state);
        if let Some(schedule) = &self.program.schedule {
            return self.enabled_by(schedule, view, each);
        }
        let mut bounded = false;
        for id in self.program.thread_ids() {
            bounded |= self.turns(view, id, &mut each);
            self.wakes(view, id, &mut each);
        }
        Bounded(bounded | self.times(view, &mut each))
    }

    /// In lock-step, whoever was made runnable goes on before the next turn, and so does whoever's time is
    /// over.
    fn enabled_by(
        &self,
        schedule: &[Slated],
        view: View<'_>,
        mut each: impl FnMut(Step),
    ) -> Bounded {
        let mut quiet = true;
        for id in self.program.thread_ids() {
            self.wakes(view, id, &mut |step| {
                quiet = false;
                each(step);
            });
        }
        // The clock moves to a deadline once, for everybody whose time is over then.
        if self
            .program
            .thread_ids()
            .any(|id| pending(view, id) == Some(0))
        {
            quiet = false;
            self.times(view, &mut each);
        }
        match schedule.get(view.turns_taken()) {
            Some(Slated::Thread(id)) if quiet => match view.thread(*id).mode() {
                // A turn for somebody who is not there passes.
                Mode::Unborn | Mode::Done => {
                    each(Step {
                        kind: StepKind::Turn,
                        thread: *id,
                        choice: 0,
                    });
                    Bounded(false)
                }
                _ => Bounded(self.turns(view, *id, &mut each)),
            },
            Some(Slated::Time) if quiet => Bounded(self.times(view, &mut each)),
            _ => Bounded(false),
        }
    }

    /// The turns of one thread; says whether a bound took one away.
    #[inline]
    fn turns(&self, view: View<'_>, id: ThreadId, each: &mut impl FnMut(Step)) -> bool {
        let thread = view.thread(id);
        if thread.suspensions() > 0 {
            return false;
        }
        let mut turn = |choice| {
            each(Step {
                kind: StepKind::Turn,
                thread: id,
                choice,
            })
        };
        match thread.mode() {
            Mode::Stalled => turn(0),
            Mode::Ready => {
                let (mut bounded, mut choice) = (false, 0);
                offers(self.program, &view, id, thread.pc(), |offer| {
                    let answers = self.answers(view, id, offer);
                    bounded |= answers == 0;
                    for _ in 0..answers {
                        turn(choice);
                        choice += 1;
                    }
                });
                return bounded;
            }
            _ => {}
        }
        false
    }

    /// How many answers the system leaves open; 0 where a bound forbids the operation.
    #[inline]
    fn answers(&self, view: View<'_>, me: ThreadId, offer: Offer) -> u8 {
        match offer {
            Offer::End(_) | Offer::Nowhere(_) => 1,
            Offer::Op(Op::Post { port, .. }, _) if self.bounded[port.index()] => {
                u8::from(!view.port(port).packets().is_full())
            }
            Offer::Op(Op::Signal { object }, _) => objects::answers(view, object),
            Offer::Op(op, _) => self.kernel.answers(view, me, op),
        }
    }

    /// The wakes of one thread.
    #[inline]
    fn wakes(&self, view: View<'_>, id: ThreadId, each: &mut impl FnMut(Step)) {
        let thread = view.thread(id);
        if thread.mode() == Mode::Woken && thread.suspensions() == 0 {
            for choice in 0..self.kernel.wake_answers(view, id, view.get(id)) {
                each(Step {
                    kind: StepKind::Wake,
                    thread: id,
                    choice,
                });
            }
        }
    }

    /// The next deadlines; says whether a bound took them away.
    #[inline]
    fn times(&self, view: View<'_>, each: &mut impl FnMut(Step)) -> bool {
        let Some(next) = self
            .program
            .thread_ids()
            .filter_map(|id| pending(view, id))
            .min()
        else {
            return false;
        };
        if self
            .program
            .bounds
            .ticks
            .is_some_and(|bound| view.clock().saturating_add(next) > bound)
        {
            return true;
        }
        for id in self
            .program
            .thread_ids()
            .filter(|&id| pending(view, id) == Some(next))
        {
            each(Step {
                kind: StepKind::Time,
                thread: id,
                choice: 0,
            });
        }
        false
    }

    /// Takes one of the enabled steps; says which invariant of every port it broke, if it did.
    #[inline]
    pub fn take<O: Observer>(
        &self,
        state: &mut State,
        step: Step,
        observer: &mut O,
    ) -> Option<Fault> {
        let before = self.queued(&state.0);
        let me = step.thread;
        let is_turn = match step.kind {
            StepKind::Turn => true,
            StepKind::Wake => false,
            StepKind::Time => pending(self.view(state), me) != Some(0),
        };
        let mut turn = self.turn(&mut state.0, observer);
        match step.kind {
            StepKind::Turn => self.take_turn(&mut turn, me, step.choice),
            StepKind::Wake => {
                let get = turn.get(me);
                self.kernel.wake(&mut turn, me, get, step.choice);
            }
            StepKind::Time => self.take_time(&mut turn, me),
        }
        let (ledger, fault) = (turn.ledger, turn.fault);
        if is_turn && let Some(at) = self.layout.turn {
            let taken = self.view_of(&state.0).turns_taken() as u32 + 1;
            state.0[usize::from(at)..usize::from(at) + 4].copy_from_slice(&taken.to_le_bytes());
        }
        fault
            .or(conserved(before, self.queued(&state.0), ledger).err())
            .filter(|_| self.program.builtin)
    }

    /// What a state violates, other than by being the last.
    #[inline]
    pub fn judge(&self, state: &State) -> Option<Violation> {
        judge(self.view(state), |view| self.kernel.holds(view))
    }

    /// What a state violates in which nothing can move any more.
    pub fn judge_end(&self, state: &State) -> Option<Violation> {
        judge_end(self.view(state))
    }

    /// Whether the state shows the `sometimes` property of this number.
    pub fn shows(&self, state: &State, property: usize) -> bool {
        holds(self.view(state), self.program.sometimes[property]).is_some_and(|value| value != 0)
    }

    fn turn<'t, O>(&'t self, bytes: &'t mut [u8], observer: &'t mut O) -> Turn<'t, O> {
        Turn {
            program: self.program,
            layout: &self.layout,
            limits: &self.limits,
            os_error: self.kernel.os_error(),
            bytes,
            observer,
            ledger: Ledger::default(),
            fault: None,
        }
    }

    /// Packets in all queues.
    #[inline]
    fn queued(&self, bytes: &[u8]) -> usize {
        self.layout
            .ports
            .iter()
            .map(|port| usize::from(bytes[usize::from(port.packets)]))
            .sum()
    }

    fn take_turn<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, choice: u8) {
        let (mode, pc) = (turn.view().thread(me).mode(), turn.view().thread(me).pc());
        match mode {
            Mode::Ready => {
                let (offer, answer) = self.chosen(turn.view(), me, pc, choice);
                match offer {
                    Offer::Op(op, pc) => {
                        turn.thread(me).set_pc(pc);
                        self.call(turn, me, op, answer);
                    }
                    Offer::End(_) => {
                        turn.observer.call(me, Op::Exit);
                        turn.observer.ret(me, Op::Exit, Outcome::Done);
                        self.exit(turn, me);
                    }
                    Offer::Nowhere(pc) => {
                        let mut thread = turn.thread(me);
                        thread.set_pc(pc);
                        thread.set_mode(Mode::Lost);
                    }
                }
            }
            Mode::Stalled => {
                self.kernel.unblocks(turn, me);
                turn.returns(me, Outcome::Done);
            }
            // A turn of a schedule for somebody who is not there.
            _ => {}
        }
    }

    /// The offer that a choice means, and which answer of the system to it.
    #[inline]
    fn chosen(&self, view: View<'_>, me: ThreadId, pc: u8, choice: u8) -> (Offer, u8) {
        if let Instr::Op(op) = self.program.code(me).instrs[usize::from(pc)] {
            return (Offer::Op(op, pc), choice);
        }
        let (mut nth, mut left) = (0, choice);
        while let Some(offer) = nth_offer(self.program, &view, me, pc, nth) {
            let answers = self.answers(view, me, offer);
            if left < answers {
                return (offer, left);
            }
            left -= answers;
            nth += 1;
        }
        unreachable!("only enabled steps are taken")
    }

    #[inline]
    fn call<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, op: Op, answer: u8) {
        turn.observer.call(me, op);
        match op {
            Op::Get {
                port,
                into,
                timeout,
                max,
            } => {
                self.clear(turn, me, into);
                self.kernel.get(
                    turn,
                    me,
                    Get {
                        port,
                        into,
                        timeout,
                        max,
                    },
                    answer,
                );
            }
            Op::Post { port, packet } => self.kernel.post(turn, me, port, packet),
            Op::Close { port } => self.kernel.close(turn, me, port),
            Op::Create { port } => {
                turn.port(port).set_open(true);
                turn.returns(me, Outcome::Done);
            }
            Op::Block {
                object,
                into,
                timeout,
            } => {
                self.clear(turn, me, into);
                objects::block(&self.kernel, turn, me, object, timeout);
            }
            Op::Signal { object } => objects::signal(&self.kernel, turn, me, object, answer),
            Op::Reset { object } => objects::reset(turn, me, object),
            Op::Stall => {
                turn.thread(me).set_mode(Mode::Stalled);
                self.kernel.blocks(turn, me);
            }
            Op::Sleep { ticks: 0 } | Op::Yield | Op::Note(_) => turn.returns(me, Outcome::Done),
            Op::Sleep { ticks } => {
                let mut thread = turn.thread(me);
                thread.set_mode(Mode::Sleeping);
                thread.set_remaining(Some(ticks));
                self.kernel.blocks(turn, me);
            }
            Op::Suspend { thread } => self.suspend(turn, me, thread, answer),
            Op::Resume { thread } => self.resume(turn, me, thread),
            Op::Spawn { thread } => {
                let unborn = turn.view().thread(thread).mode() == Mode::Unborn;
                if unborn {
                    turn.goes_on(thread, 0);
                }
                turn.returns(
                    me,
                    if unborn {
                        Outcome::Done
                    } else {
                        Outcome::Failed(Error::Exists)
                    },
                );
            }
            Op::Exit => {
                turn.observer.ret(me, op, Outcome::Done);
                self.exit(turn, me);
            }
            Op::Set { first, len } => {
                let sets =
                    &self.program.sets[usize::from(first)..usize::from(first) + usize::from(len)];
                match self.set(turn, me, sets) {
                    Some(()) => turn.returns(me, Outcome::Done),
                    None => turn.thread(me).set_mode(Mode::Lost),
                }
            }
            Op::Test { cond, otherwise } => {
                let pc = turn.view().thread(me).pc();
                match eval(&self.program.exprs, &turn.view(), me, cond) {
                    Some(value) => {
                        turn.observer.ret(me, op, Outcome::Done);
                        turn.goes_on(me, if value != 0 { pc + 1 } else { otherwise });
                    }
                    None => turn.thread(me).set_mode(Mode::Lost),
                }
            }
            Op::Assert { cond } => match eval(&self.program.exprs, &turn.view(), me, cond) {
                Some(value) if value != 0 => turn.returns(me, Outcome::Done),
                _ => turn.thread(me).set_mode(Mode::Failed),
            },
            Op::EpollCtl {
                port,
                source,
                change,
            } => self.kernel.epoll_ctl(turn, me, port, source, change),
            Op::Write { source } => self.kernel.write(turn, me, source),
            Op::Drain { source } => self.kernel.drain(turn, me, source),
        }
    }

    /// A result is cleared when its call starts.
    #[inline]
    fn clear<O>(&self, turn: &mut Turn<'_, O>, me: ThreadId, into: Option<SlotId>) {
        if let Some(slot) = into {
            let (at, packets_max) = self.layout.slot(self.program, me, slot);
            store(&mut turn.bytes[at..], packets_max, None);
        }
    }

    fn exit<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        turn.ends(me);
        self.kernel.exits(turn, me);
    }

    fn suspend<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        target: ThreadId,
        answer: u8,
    ) {
        let (mode, so_far) = (
            turn.view().thread(target).mode(),
            turn.view().thread(target).suspensions(),
        );
        if mode.is_over() {
            return turn.returns(me, Outcome::Failed(Error::Invalid));
        }
        if so_far == SUSPENSIONS_MAX {
            return turn.returns(me, Outcome::Failed(Error::Limit));
        }
        turn.returns(me, Outcome::Done);
        turn.thread(target).set_suspensions(so_far + 1);
        if so_far == 0 {
            self.kernel.suspend(turn, target, answer);
        }
    }

    fn resume<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, target: ThreadId) {
        turn.returns(me, Outcome::Done);
        let so_far = turn.view().thread(target).suspensions();
        if so_far > 0 {
            turn.thread(target).set_suspensions(so_far - 1);
        }
        if so_far == 1 {
            let (mode, remaining) = (
                turn.view().thread(target).mode(),
                turn.view().thread(target).remaining(),
            );
            match mode {
                Mode::Blocked => {
                    let object = turn.view().thread(target).object();
                    objects::resume(&self.kernel, turn, target, object);
                }
                Mode::Sleeping if remaining == Some(0) => self.wakes_up(turn, target),
                Mode::Stalled | Mode::Sleeping => {}
                _ => self.kernel.resume(turn, target),
            }
        }
    }

    /// All right hand sides are taken before anything is written: the state before the step answers them.
    fn set<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        sets: &[Assignment],
    ) -> Option<()> {
        let mut values = [(VarId(0), 0); SETS_MAX];
        let view = turn.view();
        for (place, set) in values.iter_mut().zip(sets) {
            let value = i32::try_from(eval(&self.program.exprs, &view, me, set.value)?).ok()?;
            let var = match set.element {
                None => set.var,
                Some((index, len)) => {
                    let index = u8::try_from(eval(&self.program.exprs, &view, me, index)?)
                        .ok()
                        .filter(|&n| n < len)?;
                    VarId(set.var.0 + index)
                }
            };
            *place = (var, value);
        }
        for &(var, value) in &values[..sets.len()] {
            self.write_var(turn.bytes, var, value);
        }
        Some(())
    }

    fn write_var(&self, bytes: &mut [u8], var: VarId, value: i32) {
        let at = usize::from(self.layout.vars) + 4 * var.index();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// The clock moves to the deadline of this thread, which is among the next.
    fn take_time<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        let passed = turn
            .view()
            .thread(me)
            .remaining()
            .expect("a deadline is pending");
        for id in self.program.thread_ids() {
            if let Some(remaining) = turn.view().thread(id).remaining() {
                turn.thread(id)
                    .set_remaining(Some(remaining.saturating_sub(passed)));
            }
        }
        if let Some(at) = self.layout.clock {
            let now = turn.view().clock() + passed;
            turn.bytes[usize::from(at)..usize::from(at) + 4].copy_from_slice(&now.to_le_bytes());
        }
        let (mode, suspended) = (
            turn.view().thread(me).mode(),
            turn.view().thread(me).suspensions() > 0,
        );
        match mode {
            Mode::Parked => {
                let get = turn.get(me);
                self.kernel.expire(turn, me, get);
            }
            // It finds its time over when it goes on.
            _ if suspended => {}
            Mode::Woken => {}
            Mode::Blocked => {
                self.kernel.unblocks(turn, me);
                turn.releases(me, Outcome::Failed(Error::Timeout));
            }
            Mode::Sleeping => self.wakes_up(turn, me),
            _ => unreachable!("only a waiting thread has a deadline"),
        }
    }

    fn wakes_up<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        self.kernel.unblocks(turn, me);
        turn.releases(me, Outcome::Done);
    }
}

/// The most suspensions of one thread: MAXIMUM_SUSPEND_COUNT of the Windows headers.
const SUSPENSIONS_MAX: u8 = 127;

/// Ticks until a thread's deadline passes, if that can still make a difference.
#[inline]
fn pending(view: View<'_>, id: ThreadId) -> Option<u32> {
    let thread = view.thread(id);
    let remaining = thread.remaining()?;
    let noticed_later = thread.mode() == Mode::Woken || thread.suspensions() > 0;
    (remaining > 0 || !noticed_later).then_some(remaining)
}

/// A scratch list of steps, for choosers that want all of them at once.
pub fn steps_of<K: Kernel>(
    system: &System<'_, K>,
    state: &State,
    steps: &mut Vec<Step>,
) -> Bounded {
    steps.clear();
    system.enabled(state, |step| steps.push(step))
}

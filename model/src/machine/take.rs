//! What a step does and shows.

use super::Machine;
use crate::contract::Personality;
use crate::control::{Offer, SlotPlace};
use crate::event::{Error, Observer, Outcome};
use crate::expr::eval;
use crate::objects;
use crate::program::{Assignment, Get, Op, SETS_MAX, ThreadId, VarId};
use crate::threads::Mode;
use crate::turn::Turn;

/// The most suspensions of one thread: MAXIMUM_SUSPEND_COUNT of the Windows headers.
const SUSPENSIONS_MAX: u8 = 127;

impl<P: Personality> Machine<P> {
    #[inline(always)]
    pub(super) fn take_turn<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, branch: u32) {
        let (mode, pc) = (turn.view().thread(me).mode(), turn.view().thread(me).pc());
        match mode {
            Mode::Ready => {
                let plan = &self.core.layout.plan;
                if let Some((op, into)) = plan.op(me, pc) {
                    return self.call(turn, me, op, into);
                }
                let offer = plan.nth_offer(&self.core.program, &turn.view(), me, pc, branch);
                match offer.expect("only who can move does") {
                    Offer::Op(_, pc) => {
                        turn.thread(me).set_pc(pc);
                        let (op, into) = plan.op(me, pc).expect("an operation is offered");
                        self.call(turn, me, op, into);
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
                self.personality.unblocks(turn, me);
                turn.returns(me, Outcome::Done);
            }
            // A turn of a schedule for somebody who is not there.
            _ => {}
        }
    }

    /// An operation of a thread; its result is cleared when it starts.
    #[inline(always)]
    fn call<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        op: &Op,
        into: Option<SlotPlace>,
    ) {
        turn.observer.call(me, *op);
        if let Some(into) = into {
            turn.store(me, into, None);
        }
        match *op {
            Op::Block {
                object,
                timeout,
                alertable,
                ..
            } => {
                self.personality.turns_away(turn, me);
                objects::block(&self.personality, turn, me, object, timeout, alertable);
            }
            Op::Signal { object } => objects::signal(&self.personality, turn, me, object),
            Op::Reset { object } => objects::reset(turn, me, object),
            Op::Stall => {
                self.personality.turns_away(turn, me);
                turn.thread(me).set_mode(Mode::Stalled);
                self.personality.blocks(turn, me);
            }
            Op::Note(_) => turn.returns(me, Outcome::Done),
            Op::Yield => {
                self.personality.turns_away(turn, me);
                turn.returns(me, Outcome::Done);
            }
            Op::Sleep {
                ticks, alertable, ..
            } => {
                self.personality.turns_away(turn, me);
                if alertable && self.personality.alerts(turn, me) {
                    return;
                }
                if ticks == 0 {
                    return turn.returns(me, Outcome::Done);
                }
                let mut thread = turn.thread(me);
                thread.set_mode(Mode::Sleeping);
                thread.set_remaining(Some(ticks));
                self.personality.blocks(turn, me);
            }
            Op::Suspend { thread } => self.suspend(turn, me, thread),
            Op::Resume { thread } => self.resume(turn, me, thread),
            Op::Terminate { thread } => self.terminate(turn, me, thread),
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
                turn.observer.ret(me, *op, Outcome::Done);
                self.exit(turn, me);
            }
            Op::ExitProcess => {
                turn.observer.ret(me, *op, Outcome::Done);
                self.exit_process(turn, me);
            }
            Op::Set { first, len } => {
                let sets = &self.core.program.sets
                    [usize::from(first)..usize::from(first) + usize::from(len)];
                match self.set(turn, me, sets) {
                    Some(()) => turn.returns(me, Outcome::Done),
                    None => turn.thread(me).set_mode(Mode::Lost),
                }
            }
            Op::Test { cond, otherwise } => {
                let pc = turn.view().thread(me).pc();
                match eval(&self.core.program.exprs, &turn.view(), me, cond) {
                    Some(value) => {
                        turn.observer.ret(me, *op, Outcome::Done);
                        turn.goes_on(me, if value != 0 { pc + 1 } else { otherwise });
                    }
                    None => turn.thread(me).set_mode(Mode::Lost),
                }
            }
            Op::Assert { cond } => match eval(&self.core.program.exprs, &turn.view(), me, cond) {
                Some(value) if value != 0 => turn.returns(me, Outcome::Done),
                _ => turn.thread(me).set_mode(Mode::Failed),
            },
            op => {
                let answers = self.personality.answers(turn.view(), me, op);
                let answer = turn.ask(answers.into()) as u8;
                self.personality.call(turn, me, op, answer);
            }
        }
    }

    /// A thread that was made runnable inside its call goes on.
    pub(super) fn wake<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        let answers = self.personality.wake_answers(turn.view(), me, get);
        let answer = turn.ask(answers.into()) as u8;
        self.personality.wake(turn, me, get, answer);
    }

    fn exit<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        let was = turn.thread(me).mode();
        let suspended = turn.thread(me).suspensions() > 0;
        turn.ends(me);
        // Whoever is suspended does not count, like one that waits.
        let was = if suspended && was.is_runnable() {
            Mode::Stalled
        } else {
            was
        };
        self.personality.exits(turn, me, was);
    }

    /// A thread is ended wherever it is; nobody tells it.
    fn terminate<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, target: ThreadId) {
        if target == me {
            turn.observer.ret(me, turn.op(me), Outcome::Done);
            return self.exit(turn, me);
        }
        if turn.view().thread(target).mode().is_over() {
            return turn.returns(me, self.personality.ends_in_vain());
        }
        turn.returns(me, Outcome::Done);
        self.exit(turn, target);
    }

    /// The caller ends last, so that its own handles and operations go with the process.
    fn exit_process<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        let process = |id: ThreadId| self.core.program.threads[id.index()].process;
        let others = self
            .core
            .program
            .thread_ids()
            .filter(|&id| id != me && process(id) == process(me));
        for id in others {
            if !turn.thread(id).mode().is_over() {
                self.exit(turn, id);
            }
        }
        self.exit(turn, me);
        self.personality.process_exits(turn, process(me));
    }

    fn suspend<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, target: ThreadId) {
        let (mode, so_far) = (
            turn.view().thread(target).mode(),
            turn.view().thread(target).suspensions(),
        );
        if mode.is_over() {
            return turn.returns(me, Outcome::Failed(Error::Denied));
        }
        if so_far == SUSPENSIONS_MAX {
            return turn.returns(me, Outcome::Failed(Error::Limit));
        }
        let answers = match so_far {
            0 => self.personality.answers(turn.view(), me, turn.op(me)),
            _ => 1,
        };
        turn.returns(me, Outcome::Done);
        turn.thread(target).set_suspensions(so_far + 1);
        if so_far == 0 {
            let answer = turn.ask(answers.into()) as u8;
            self.personality.suspend(turn, target, answer);
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
                    if turn.op(target).is_alertable() && self.personality.alerts(turn, target) {
                        return;
                    }
                    let object = turn.view().thread(target).object();
                    objects::resume(&self.personality, turn, target, object);
                }
                Mode::Sleeping if remaining == Some(0) => self.wakes_up(turn, target),
                Mode::Sleeping if turn.op(target).is_alertable() => {
                    self.personality.alerts(turn, target);
                }
                Mode::Stalled | Mode::Sleeping => {}
                _ => self.personality.resume(turn, target),
            }
        }
    }

    /// All right hand sides are taken before anything is written: the state before the step answers them.
    pub(super) fn set<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        sets: &[Assignment],
    ) -> Option<()> {
        let mut values = [(VarId(0), 0); SETS_MAX];
        let view = turn.view();
        for (place, set) in values.iter_mut().zip(sets) {
            let value =
                i32::try_from(eval(&self.core.program.exprs, &view, me, set.value)?).ok()?;
            let var = match set.element {
                None => set.var,
                Some((index, len)) => {
                    let index = u8::try_from(eval(&self.core.program.exprs, &view, me, index)?)
                        .ok()
                        .filter(|&n| n < len)?;
                    VarId(set.var.0 + index)
                }
            };
            *place = (var, value);
        }
        for &(var, value) in &values[..sets.len()] {
            self.core.write_var(turn.bytes, var, value);
        }
        Some(())
    }

    /// The clock moves to the deadline of this thread, which is among the next.
    pub(super) fn take_time<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        let passed = turn
            .view()
            .thread(me)
            .remaining()
            .expect("a deadline is pending");
        for id in self.core.program.thread_ids() {
            if let Some(remaining) = turn.view().thread(id).remaining() {
                turn.thread(id)
                    .set_remaining(Some(remaining.saturating_sub(passed)));
            }
        }
        if let Some(at) = self.core.layout.clock {
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
                self.personality.expire(turn, me, get);
            }
            // It finds its time over when it goes on.
            _ if suspended => {}
            Mode::Woken => {}
            Mode::Blocked | Mode::AtHandle => {
                self.personality.unblocks(turn, me);
                turn.releases(me, Outcome::Failed(Error::Timeout));
            }
            Mode::Sleeping => self.wakes_up(turn, me),
            _ => unreachable!("only a waiting thread has a deadline"),
        }
    }

    fn wakes_up<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        self.personality.unblocks(turn, me);
        turn.releases(me, Outcome::Done);
    }
}

//! What a step does and shows.

use super::Machine;
use crate::contract::Personality;
use crate::control::Offer;
use crate::event::{Error, Observer, Outcome};
use crate::expr::{ExprId, eval};
use crate::objects;
use crate::program::{Assignment, Op, Pc, ThreadId, Variable};
use crate::state::View;
use crate::threads::Mode;
use crate::turn::Turn;

/// The most suspensions of one thread: MAXIMUM_SUSPEND_COUNT of the Windows headers.
const SUSPENSIONS_MAX: u8 = 127;

/// How a variable is read and written in one step.
#[derive(Debug, Clone, Copy)]
pub(super) enum Update {
    /// It becomes the value that is given.
    Swap,
    /// The value that is given is added.
    Add,
    /// It becomes the value that is given if it has this one.
    SwapIf(ExprId),
}

impl<P: Personality> Machine<P> {
    #[inline(always)]
    pub(super) fn take_turn<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, branch: u32) {
        let plan = &self.frame.layout.plan;
        let mut thread = turn.thread(me);
        let (mode, pc) = (thread.mode(), thread.pc());
        match mode {
            Mode::Ready => {
                let mut stands = plan.op(me, pc);
                if stands.is_none()
                    && let Some((pc, branches)) = plan.known_offer(me, pc, branch)
                {
                    thread.set_pc(pc);
                    turn.choices.of_branches(branches);
                    stands = plan.op(me, pc);
                }
                match stands {
                    Some((op, into)) => self.call(turn, me, op, into),
                    None => self.take_offer(turn, me, pc, branch),
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

    /// A turn of a thread whose program offers it what depends on its results, or its end.
    #[inline(never)]
    fn take_offer<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, pc: Pc, branch: u32) {
        let plan = &self.frame.layout.plan;
        let (offer, branches) = plan.offered(&self.frame.program, &turn.view(), me, pc, branch);
        turn.choices.of_branches(branches);
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

    /// A thread that has not begun begins.
    pub(super) fn spawn<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        thread: ThreadId,
    ) {
        if turn.view().thread(thread).mode() != Mode::Unborn {
            return turn.returns(me, Outcome::Failed(Error::Exists));
        }
        turn.goes_on(thread, 0);
        turn.returns(me, Outcome::Done);
    }

    pub(super) fn sleep<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        ticks: u32,
        alertable: bool,
    ) {
        // Sleep(0) is a yield; one that APCs may end is a wait.
        if ticks == 0 && !alertable {
            self.personality.yields(turn, me);
            return turn.returns(me, Outcome::Done);
        }
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

    /// A condition on shared variables decides where the thread goes on.
    pub(super) fn test<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        cond: ExprId,
        otherwise: Pc,
    ) {
        let pc = turn.view().thread(me).pc();
        match eval(&self.frame.program.exprs, &turn.view(), me, cond) {
            Some(value) => {
                let op = turn.op(me);
                turn.observer.ret(me, op, Outcome::Done);
                turn.goes_on(me, if value != 0 { pc + 1 } else { otherwise });
            }
            None => turn.thread(me).set_mode(Mode::Lost),
        }
    }

    pub(super) fn exit<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        self.runs_down(turn, me);
        objects::ended(&self.personality, turn, me);
    }

    /// A thread is over, and has left its port; who waits for its end is not told yet.
    fn runs_down<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        let was = turn.thread(me).mode();
        let suspended = turn.thread(me).suspensions() > 0;
        turn.ends(me);
        // A suspended thread does not count, like one that waits.
        let was = if suspended && was.is_runnable() {
            Mode::Stalled
        } else {
            was
        };
        self.personality.exits(turn, me, was);
    }

    /// A thread is ended wherever it is; nobody tells it.
    pub(super) fn terminate<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        target: ThreadId,
    ) {
        if target == me {
            turn.observer.ret(me, turn.op(me), Outcome::Done);
            return self.exit(turn, me);
        }
        if turn.view().thread(target).mode().is_over() {
            let outcome = self.personality.terminated_too_late(turn);
            return turn.returns(me, outcome);
        }
        turn.returns(me, Outcome::Done);
        self.exit(turn, target);
    }

    /// The caller ends last, so that its own handles and operations go with the process.
    pub(super) fn exit_process<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        let process = |id: ThreadId| self.frame.program.threads[id.index()].process;
        let threads = || {
            let all = self.frame.program.thread_ids();
            all.filter(|&id| process(id) == process(me))
        };
        for id in threads().filter(|&id| id != me) {
            if !turn.thread(id).mode().is_over() {
                self.runs_down(turn, id);
            }
        }
        self.runs_down(turn, me);
        self.personality.process_exits(turn, process(me));
        // Nobody of the process is there to be released any more.
        for id in threads() {
            objects::ended(&self.personality, turn, id);
        }
    }

    pub(super) fn suspend<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        target: ThreadId,
    ) {
        let (mode, so_far, stops) = {
            let thread = turn.view().thread(target);
            (thread.mode(), thread.suspend_count(), thread.stops())
        };
        if mode.is_over() {
            let outcome = self.personality.suspended_too_late(turn);
            return turn.returns(me, outcome);
        }
        if so_far == SUSPENSIONS_MAX {
            return turn.returns(me, Outcome::Failed(Error::Limit));
        }
        // In lock-step it has stopped before anybody else moves.
        let may_run_on = so_far == 0
            && target != me
            && matches!(mode, Mode::Ready | Mode::Woken)
            && turn.program.schedule.is_none();
        if stops || may_run_on && self.personality.stops_later(turn) {
            turn.thread(target).set_stops(so_far + 1);
            return turn.returns(me, Outcome::Done);
        }
        // One that suspends itself stops inside its call, though nothing is left for it to do.
        turn.thread(target).set_suspensions(so_far + 1);
        turn.returns(me, Outcome::Done);
        if so_far == 0 {
            self.personality.suspends(turn, target);
        }
        if turn.is_at_its_end(target) {
            self.personality.suspended_at_its_end(turn);
        }
    }

    /// What was on its way to a thread that runs reaches it.
    pub(super) fn stop<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        let count = turn.view().thread(me).suspend_count();
        turn.thread(me).set_suspensions(count);
        self.personality.suspends(turn, me);
        if turn.is_at_its_end(me) {
            self.personality.suspended_at_its_end(turn);
        }
    }

    pub(super) fn resume<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        target: ThreadId,
    ) {
        turn.returns(me, Outcome::Done);
        let so_far = turn.view().thread(target).suspend_count();
        if turn.view().thread(target).stops() {
            return turn.thread(target).set_stops(so_far - 1);
        }
        if so_far > 0 {
            turn.thread(target).set_suspensions(so_far - 1);
        }
        let runs = turn.view().thread(target).mode() == Mode::Ready;
        if so_far == 1 && runs && self.frame.layout.parts.special != 0 {
            turn.runs_special(target);
        }
        if so_far == 1 {
            let (mode, remaining) = (
                turn.view().thread(target).mode(),
                turn.view().thread(target).remaining(),
            );
            match mode {
                Mode::Blocked => {
                    let object = turn.view().thread(target).object();
                    let is_alerted = turn.op(target).is_alertable()
                        && (!objects::is_free(turn.view(), target, object)
                            || self.personality.alerts_first(turn, target))
                        && self.personality.alerts(turn, target);
                    if is_alerted {
                        return;
                    }
                    objects::resume(&self.personality, turn, target, object);
                }
                Mode::Sleeping if remaining == Some(0) => self.wakes_up(turn, target),
                Mode::Sleeping if turn.op(target).is_alertable() => {
                    self.personality.alerts(turn, target);
                }
                Mode::Stalled | Mode::Sleeping => {}
                _ => self.personality.resumes(turn, target),
            }
            turn.ends_if_over(target);
        }
    }

    /// Reads a variable and writes it, in one step.
    pub(super) fn update<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        set: u16,
        how: Update,
    ) {
        match self.updated(
            turn.view(),
            me,
            &self.frame.program.sets[usize::from(set)],
            how,
        ) {
            Some((variable, becomes, outcome)) => {
                if let Some(value) = becomes {
                    turn.write(me, variable, value);
                }
                turn.returns(me, outcome);
            }
            None => turn.thread(me).set_mode(Mode::Lost),
        }
    }

    /// The variable, what it becomes, and how the call ends; none where a value does not exist.
    fn updated(
        &self,
        view: View<'_>,
        me: ThreadId,
        set: &Assignment,
        how: Update,
    ) -> Option<(Variable, Option<i32>, Outcome)> {
        let value = |id| eval(&self.frame.program.exprs, &view, me, id);
        let variable = set.written(&self.frame.program.exprs, &view, me)?;
        let (was, given) = (view.variable(me, variable), value(set.value)?);
        let (becomes, expected) = match how {
            Update::Swap => (given, true),
            Update::Add => (was.checked_add(given)?, true),
            Update::SwapIf(expect) => (given, value(expect)? == was),
        };
        let (becomes, was) = (i32::try_from(becomes).ok()?, i32::try_from(was).ok()?);
        Some(match expected {
            true => (variable, Some(becomes), Outcome::Value(was)),
            false => (variable, None, Outcome::Other(was)),
        })
    }

    /// The clock moves to the deadline of this thread, which is among the next.
    pub(super) fn take_time<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        let passed = turn.view().deadline(me).expect("a deadline is pending");
        for id in self.frame.program.thread_ids() {
            if let Some(remaining) = turn.view().thread(id).remaining() {
                turn.thread(id)
                    .set_remaining(Some(remaining.saturating_sub(passed)));
            }
        }
        if let Some(at) = self.frame.layout.clock {
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
            Mode::AtHandle => {
                let Op::WaitHandle { port, .. } = turn.op(me) else {
                    unreachable!("only such a call waits for the handle of a port");
                };
                self.personality.expire_at_handle(turn, me, port);
            }
            Mode::Blocked => {
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

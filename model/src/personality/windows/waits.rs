//! Waits that others end: for the handle of a port, by asynchronous procedure calls, under suspension.

use super::*;
use crate::program::Reserve;

/// Whether a pending APC would end an alertable call of a thread.
pub(super) fn is_alerted(view: View<'_>, me: ThreadId, alertable: bool) -> bool {
    alertable && view.thread(me).apcs() > 0
}

// Waiting for the handle.

/// Whether a member that waits for the handle of a port counts out (Q9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HandleWait {
    /// As in any other wait.
    CountsOut,
    /// It counts on.
    CountsOn,
}

pub(super) const HANDLE_WAITS: Readings<HandleWait> = Readings {
    claim: HANDLE_WAIT_COUNTS,
    readings: &[
        ("counts-out", HandleWait::CountsOut),
        ("counts-on", HandleWait::CountsOn),
    ],
};

/// Whether a wait for the handle of a port would be over at once.
fn is_signaled(view: View<'_>, id: PortId) -> bool {
    !view.port(id).is_open() || !view.port(id).packets().is_empty()
}

fn waits_for_handle(view: View<'_>, id: ThreadId, port: PortId) -> bool {
    view.thread(id).mode() == Mode::AtHandle
        && matches!(*view.op(id), Op::WaitHandle { port: on, .. } if on == port)
}

impl Windows {
    /// WaitForSingleObject on the handle of a port.
    pub(super) fn wait_for_handle<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        port: PortId,
        timeout: Timeout,
    ) {
        self.turns_away(turn, me);
        if !turn.port(port).is_open() {
            return turn.fails(me, CLOSED_HANDLE, Error::BadHandle);
        }
        if is_signaled(turn.view(), port) {
            if turn.op(me).is_alertable() && self.prefers_apc(turn, me) {
                self.alerts(turn, me);
                return;
            }
            turn.by(HANDLE_WAIT);
            return turn.returns(me, Outcome::Done);
        }
        if turn.op(me).is_alertable() && self.alerts(turn, me) {
            return;
        }
        if timeout == Timeout::Ticks(0) {
            return turn.returns(me, Outcome::Failed(Error::Timeout));
        }
        let is_member = turn.thread(me).port().is_some();
        let counts = !turn.thread(me).counts_otherwise();
        let mut thread = turn.thread(me);
        thread.set_mode(Mode::AtHandle);
        if let Timeout::Ticks(ticks) = timeout {
            thread.set_remaining(Some(ticks));
        }
        if !is_member {
            return;
        }
        if !counts {
            return self.blocks(turn, me);
        }
        match turn.choose(&HANDLE_WAITS) {
            HandleWait::CountsOut => self.blocks(turn, me),
            HandleWait::CountsOn => turn.thread(me).set_counts_otherwise(true),
        }
    }

    /// All that wait for the handle are released.
    #[inline(always)]
    pub(super) fn release_at_handle<O: Observer>(&self, turn: &mut Turn<'_, O>, port: PortId) {
        if !turn.view().has_handle_waits() {
            return;
        }
        for id in turn.program.thread_ids() {
            if turn.thread(id).suspensions() == 0 && waits_for_handle(turn.view(), id, port) {
                turn.by(HANDLE_WAIT);
                self.unblocks(turn, id);
                turn.releases(id, Outcome::Done);
            }
        }
    }

    fn resume_at_handle<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        let Op::WaitHandle { port, .. } = turn.op(target) else {
            unreachable!("only such a call waits for the handle of a port");
        };
        let alertable = turn.op(target).is_alertable();
        if is_signaled(turn.view(), port) {
            if alertable && self.prefers_apc(turn, target) {
                return self.interrupt(turn, target);
            }
            turn.by(HANDLE_WAIT);
            self.unblocks(turn, target);
            turn.releases(target, Outcome::Done);
        } else if turn.thread(target).remaining() == Some(0) {
            self.unblocks(turn, target);
            turn.releases(target, Outcome::Failed(Error::Timeout));
        } else {
            self.interrupt(turn, target);
        }
    }
}

// Asynchronous procedure calls.

/// Whether a waiter that is not alertable comes back to the queue for a special APC (Q15).
pub(super) const PLACES: Readings<bool> = Readings {
    claim: SPECIAL_PLACE,
    readings: &[("keeps-its-place", false), ("newest", true)],
};

/// Whether an APC wins over what an alertable wait could have (Q12).
pub(super) const ALERTED: Readings<bool> = Readings {
    claim: ALERT_OR_OBJECT,
    readings: &[("object", false), ("apc", true)],
};

impl Windows {
    /// Whether an APC that is pending ends an alertable wait for what can be had.
    pub(super) fn prefers_apc<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) -> bool {
        if !turn.thread(me).has_apcs() {
            return false;
        }
        if !self.newer_than_evidence {
            turn.by(NT5_OBJECT_FIRST);
            return false;
        }
        turn.choose(&ALERTED)
    }

    /// QueueUserAPC, NtQueueApcThreadEx.
    pub(super) fn queue_user_apc<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        target: ThreadId,
        reserve: Option<ReserveId>,
    ) {
        match turn.thread(target).mode() {
            Mode::Unborn => return turn.returns(me, Outcome::Failed(Error::BadHandle)),
            mode if mode.is_over() => return turn.fails(me, APC_ENDED, Error::General),
            _ => {}
        }
        if let Some(reserve) = reserve {
            if turn.program.reserves[reserve.index()] != Reserve::Apc {
                return turn.fails(me, RESERVE_KIND, Error::BadHandle);
            }
            turn.by(RESERVE_APC);
            if turn.view().is_reserved(reserve) {
                return turn.returns(me, Outcome::Failed(Error::Invalid));
            }
            turn.set_reserved(reserve, true, Some(target));
        }
        turn.thread(target).queue_apc();
        turn.returns(me, Outcome::Done);
        self.interrupt(turn, target);
    }

    /// QueueUserAPC2 with QUEUE_USER_APC_FLAGS_SPECIAL_USER_APC.
    pub(super) fn queue_special_apc<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        target: ThreadId,
    ) {
        match turn.thread(target).mode() {
            Mode::Unborn => return turn.returns(me, Outcome::Failed(Error::BadHandle)),
            mode if mode.is_over() => return turn.fails(me, APC_ENDED, Error::General),
            _ => {}
        }
        let thread = turn.view().thread(target);
        let (runs, goes_on) = (thread.mode() == Mode::Ready, thread.suspensions() == 0);
        let at_once = goes_on && (runs || turn.op(target).is_alertable());
        turn.by(if at_once { SPECIAL_APC } else { SPECIAL_WAITS });
        turn.thread(target).queue_special();
        turn.returns(me, Outcome::Done);
        if runs {
            turn.runs_special(target);
        }
        self.interrupt(turn, target);
        let waits_in_line = turn.thread(target).mode() == Mode::Parked;
        if waits_in_line && turn.thread(target).suspensions() == 0 && turn.choose(&PLACES) {
            let port = turn.get(target).port;
            turn.port(port).waiters_mut().remove(target);
            self.comes_back(turn, target);
        }
    }

    /// APCs run as soon as they can, and end the wait.
    pub(super) fn interrupt<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        let view = turn.view();
        let (mode, waits) = (view.thread(target).mode(), view.thread(target).has_apcs());
        if !waits || view.thread(target).suspensions() > 0 {
            return;
        }
        match mode {
            Mode::Parked if view.op(target).is_alertable() => {
                let port = turn.get(target).port;
                turn.port(port).waiters_mut().remove(target);
                self.unblocks(turn, target);
            }
            Mode::Blocked | Mode::Sleeping | Mode::AtHandle if view.op(target).is_alertable() => {
                self.unblocks(turn, target);
            }
            Mode::Parked => return turn.by(ALERT_NOT),
            _ => return,
        }
        turn.by(APC_WAKES);
        turn.runs_apcs(target);
        turn.releases(target, Outcome::Failed(Error::Apc));
    }

    /// The kernel interrupts a wait: the waiter looks at the queue again.
    pub(super) fn run_kernel_apc<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        target: ThreadId,
    ) {
        turn.returns(me, Outcome::Done);
        let thread = turn.thread(target);
        if thread.mode() == Mode::Parked && thread.suspensions() == 0 {
            turn.by(KERNEL_APC);
            let port = turn.get(target).port;
            turn.port(port).waiters_mut().remove(target);
            self.comes_back(turn, target);
        }
    }

    /// A thread that has left the waiters, and does not count, is on its way back: it looks at the queue at once, or
    /// counts for a moment before it does.
    pub(super) fn comes_back<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        match turn.choose(&RETURNS) {
            Return::AtOnce => self.look_again(turn, target),
            Return::Later => {
                turn.thread(target).set_mode(Mode::Woken);
                turn.thread(target).set_note(COMES_BACK);
                self.unblocks(turn, target);
            }
        }
    }

    /// Whether a thread that goes on is one that comes back.
    pub(super) fn is_back<O: Observer>(turn: &mut Turn<'_, O>, me: ThreadId) -> bool {
        turn.thread(me).note() == COMES_BACK
    }

    /// A thread that counted on its way back looks at the queue, if its port is still there.
    pub(super) fn is_back_in_line<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId) {
        let port = turn.get(me).port;
        if turn.thread(me).port() != Some(port) {
            turn.by(CLOSE_ABANDONS);
            return turn.releases(me, Outcome::Failed(Error::Abandoned));
        }
        turn.by(RETURN_GAP);
        turn.port(port).running_mut().leave();
        self.look_again(turn, me);
        self.dies_if_unused(turn, port);
    }

    /// A thread that has left the waiters, and does not count, looks at the queue with the time that it has left.
    pub(super) fn look_again<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        let get = turn.get(target);
        let left = turn
            .thread(target)
            .remaining()
            .map_or(Timeout::Never, Timeout::Ticks);
        self.remove_or_wait(turn, target, get, left);
    }
}

/// How a waiter comes back from a suspension or a kernel APC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Return {
    /// In one step.
    AtOnce,
    /// It counts for a moment, and stands in no line.
    Later,
}

pub(super) const RETURNS: Readings<Return> = Readings {
    claim: RETURN_GAP,
    readings: &[("at-once", Return::AtOnce), ("later", Return::Later)],
};

/// What is noted of a thread that comes back.
const COMES_BACK: u8 = 1;

// Suspension.

/// When a running thread that is suspended stops.
pub(super) const STOPS: Readings<bool> = Readings {
    claim: SUSPEND_LATER,
    readings: &[("at-once", false), ("later", true)],
};

/// What a suspension may do to a waiter (Q7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suspended {
    /// It is no waiter while it is suspended: so it is on NT 5.
    Leaves,
    /// It keeps its place, and can be handed a packet that it returns with when it is resumed.
    Stays,
}

pub(super) const SUSPENDED: Readings<Suspended> = Readings {
    claim: SUSPEND_WAITING,
    readings: &[("leaves", Suspended::Leaves), ("stays", Suspended::Stays)],
};

impl Windows {
    /// SuspendThread: a running member counts out as if it slept.
    pub(super) fn suspend_thread<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        match turn.thread(target).mode() {
            Mode::Ready | Mode::Woken => {
                turn.by(SUSPEND_RELEASES);
                self.blocks(turn, target);
            }
            Mode::AtHandle if turn.thread(target).counts_otherwise() => {
                turn.thread(target).set_counts_otherwise(false);
                self.blocks(turn, target);
            }
            Mode::Parked => {
                let known = if self.newer_than_evidence { 2 } else { 1 };
                if turn.choose_of(&SUSPENDED, known) == Suspended::Leaves {
                    let port = turn.get(target).port;
                    turn.port(port).waiters_mut().remove(target);
                    turn.thread(target).set_mode(Mode::Aside);
                }
            }
            _ => {}
        }
    }

    /// ResumeThread.
    pub(super) fn resume_thread<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        match turn.thread(target).mode() {
            Mode::Ready | Mode::Woken => {
                turn.by(SUSPEND_RELEASES);
                self.unblocks(turn, target);
            }
            Mode::Aside => self.resume_waiting(turn, target),
            Mode::Parked => self.interrupt(turn, target),
            Mode::AtHandle => self.resume_at_handle(turn, target),
            _ => {}
        }
    }

    /// A waiter that a suspension took aside looks at the queue again.
    fn resume_waiting<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId) {
        let port = turn.get(target).port;
        if turn.thread(target).port() != Some(port) {
            turn.by(CLOSE_ABANDONS);
            return turn.releases(target, Outcome::Failed(Error::Abandoned));
        }
        turn.by(SUSPEND_WAITING);
        self.comes_back(turn, target);
    }
}

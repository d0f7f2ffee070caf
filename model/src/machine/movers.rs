//! Who can move.

use alloc::vec::Vec;

use super::{Bounded, Machine};
use crate::contract::Personality;
use crate::control::Offer;
use crate::expr::eval;
use crate::program::{Pc, Slated, ThreadId};
use crate::state::{State, View};
use crate::step::{Step, StepKind};
use crate::threads::Mode;

impl<P: Personality> Machine<P> {
    /// See [`super::AnyMachine::movers`].
    #[inline]
    pub(super) fn movers_of(&self, state: &State, movers: &mut Vec<Step>) -> Bounded {
        let view = self.frame.view(state);
        if let Some(schedule) = &self.frame.program.schedule {
            return self.movers_by(schedule, view, movers);
        }
        let mut bounded = false;
        let may_be_suspended = view.has_suspensions();
        for (id, head) in view.heads() {
            match head.mode() {
                Mode::Ready if !may_be_suspended => {
                    bounded |= self.turns_of_ready(view, id, head.pc(), movers);
                }
                Mode::Stalled if !may_be_suspended => movers.push(turn_of(id, 0)),
                Mode::Ready | Mode::Stalled => bounded |= self.turns(view, id, movers),
                Mode::Woken => self.wakes(view, id, movers),
                _ => {}
            }
            if may_be_suspended && super::stops(view, id) {
                movers.push(wake_of(id));
            }
        }
        Bounded(bounded | self.times(view, movers))
    }

    /// In lock-step, a thread that was made runnable goes on before the next turn, and so does one whose time is
    /// over.
    fn movers_by(&self, schedule: &[Slated], view: View<'_>, movers: &mut Vec<Step>) -> Bounded {
        let before = movers.len();
        for id in self.frame.program.thread_ids() {
            self.wakes(view, id, movers);
        }
        let mut quiet = movers.len() == before;
        // The clock moves to a deadline once, for everybody whose time is over then.
        if self
            .frame
            .program
            .thread_ids()
            .any(|id| view.deadline(id) == Some(0))
        {
            quiet = false;
            self.times(view, movers);
        }
        match schedule.get(view.turns_taken()) {
            Some(Slated::Thread(id)) if quiet => match view.thread(*id).mode() {
                // A turn for somebody who is not there passes.
                Mode::Unborn | Mode::Done => {
                    movers.push(turn_of(*id, 0));
                    Bounded(false)
                }
                _ => Bounded(self.turns(view, *id, movers)),
            },
            Some(Slated::Time) if quiet => Bounded(self.times(view, movers)),
            _ => Bounded(false),
        }
    }

    /// The turns of one thread; says whether a bound took one away.
    #[inline]
    fn turns(&self, view: View<'_>, id: ThreadId, movers: &mut Vec<Step>) -> bool {
        let thread = view.thread(id);
        if thread.suspensions() > 0 {
            return false;
        }
        match thread.mode() {
            Mode::Stalled => movers.push(turn_of(id, 0)),
            Mode::Ready => return self.turns_of_ready(view, id, thread.pc(), movers),
            _ => {}
        }
        false
    }

    /// The turns of a thread that stands somewhere and can go on.
    #[inline]
    fn turns_of_ready(&self, view: View<'_>, id: ThreadId, pc: Pc, movers: &mut Vec<Step>) -> bool {
        if let Some(count) = self.frame.layout.plan.plain_count(id, pc) {
            for branch in 0..count.into() {
                movers.push(turn_of(id, branch));
            }
            return false;
        }
        self.turns_that_may_be_held(view, id, pc, movers)
    }

    /// The same where what can be done, or whether it can be done now, depends on the state.
    #[inline(never)]
    fn turns_that_may_be_held(
        &self,
        view: View<'_>,
        id: ThreadId,
        pc: Pc,
        movers: &mut Vec<Step>,
    ) -> bool {
        let (mut bounded, mut branch) = (false, 0);
        let plan = &self.frame.layout.plan;
        plan.offers(&self.frame.program, &view, id, pc, |offer| {
            match self.held(view, id, offer) {
                None => movers.push(turn_of(id, branch)),
                Some(Held::Bound) => bounded = true,
                Some(Held::Condition | Held::Rule) => {}
            }
            branch += 1;
        });
        bounded
    }

    /// What keeps a thread from what its program offers it, if anything does.
    #[inline]
    fn held(&self, view: View<'_>, me: ThreadId, offer: Offer) -> Option<Held> {
        let Offer::Op(op, pc) = offer else {
            return None;
        };
        if !self.has_room(view, me, pc) {
            return Some(Held::Bound);
        }
        // What has no value is found where the thread moves.
        if let Some(cond) = op.awaits()
            && eval(&self.frame.program.exprs, &view, me, cond) == Some(0)
        {
            return Some(Held::Condition);
        }
        self.personality.held(view, op).map(|_| Held::Rule)
    }

    /// Whether what the operation at `pc` puts into ports finds room there, where it may lack it.
    fn has_room(&self, view: View<'_>, me: ThreadId, pc: Pc) -> bool {
        let rooms = self.frame.layout.plan.rooms(me, pc);
        rooms.iter().all(|room| {
            let port = view.port(room.port);
            match room.messages {
                true => port.packets().room() >= room.packets,
                false => port.has_room_for_posts(room.packets),
            }
        })
    }

    /// The wakes of one thread.
    #[inline]
    fn wakes(&self, view: View<'_>, id: ThreadId, movers: &mut Vec<Step>) {
        let thread = view.thread(id);
        let awake = thread.mode() == Mode::Woken && thread.suspensions() == 0;
        if awake && !(P::HOLDS && self.personality.holds_wake(view, id).is_some()) {
            movers.push(wake_of(id));
        }
    }

    /// The next deadlines; says whether a bound took them away.
    #[inline]
    fn times(&self, view: View<'_>, movers: &mut Vec<Step>) -> bool {
        if !self.frame.layout.has_deadlines() {
            return false;
        }
        let Some(next) = self
            .frame
            .program
            .thread_ids()
            .filter_map(|id| view.deadline(id))
            .min()
        else {
            return false;
        };
        if self
            .frame
            .program
            .bounds
            .ticks
            .is_some_and(|bound| view.clock().saturating_add(next) > bound)
        {
            return true;
        }
        for id in self
            .frame
            .program
            .thread_ids()
            .filter(|&id| view.deadline(id) == Some(next))
        {
            movers.push(Step {
                kind: StepKind::Time,
                thread: id,
                choice: 0,
            });
        }
        false
    }
}

/// A turn of a thread.
#[inline(always)]
fn turn_of(thread: ThreadId, choice: u32) -> Step {
    Step {
        kind: StepKind::Turn,
        thread,
        choice,
    }
}

/// What a thread does by itself.
#[inline(always)]
fn wake_of(thread: ThreadId) -> Step {
    Step {
        kind: StepKind::Wake,
        thread,
        choice: 0,
    }
}

/// What keeps a thread from its next operation.
enum Held {
    /// A bound of the scenario: it could go on without.
    Bound,
    /// A condition that it waits for does not hold.
    Condition,
    /// A rule of the personality, until somebody else has gone on.
    Rule,
}

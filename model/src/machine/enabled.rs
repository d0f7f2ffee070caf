//! Which steps are possible.

use super::{Bounded, Machine};
use crate::contract::Personality;
use crate::control::Offer;
use crate::objects;
use crate::program::{Message, Op, Pc, Slated, ThreadId};
use crate::room::messages_max;
use crate::state::View;
use crate::step::{Step, StepKind};
use crate::threads::Mode;

impl<P: Personality> Machine<P> {
    /// In lock-step, whoever was made runnable goes on before the next turn, and so does whoever's time is
    /// over.
    pub(super) fn enabled_by(
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
            .any(|id| view.deadline(id) == Some(0))
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
    pub(super) fn turns(&self, view: View<'_>, id: ThreadId, each: &mut impl FnMut(Step)) -> bool {
        let thread = view.thread(id);
        if thread.suspensions() > 0 {
            return false;
        }
        match thread.mode() {
            Mode::Stalled => each(turn_of(id, 0)),
            Mode::Ready => return self.turns_of_ready(view, id, thread.pc(), each),
            _ => {}
        }
        false
    }

    /// The turns of a thread that stands somewhere and can go on.
    #[inline]
    pub(super) fn turns_of_ready(
        &self,
        view: View<'_>,
        id: ThreadId,
        pc: Pc,
        each: &mut impl FnMut(Step),
    ) -> bool {
        if let Some(count) = self.layout.plan.plain_count(id, pc) {
            debug_assert!(
                self.layout.plan.plain_offers(id, pc).is_some_and(|plain| {
                    plain
                        .iter()
                        .all(|&offer| self.answers(view, id, offer) == 1)
                }),
                "a plain operation has one answer"
            );
            (0..count).for_each(|choice| each(turn_of(id, choice)));
            return false;
        }
        self.turns_by_answers(view, id, pc, each)
    }

    /// The same where what can be done, or in how many ways, depends on the state.
    #[inline(never)]
    fn turns_by_answers(
        &self,
        view: View<'_>,
        id: ThreadId,
        pc: Pc,
        each: &mut impl FnMut(Step),
    ) -> bool {
        let (mut bounded, mut choice) = (false, 0);
        let plan = &self.layout.plan;
        plan.offers(&self.program, &view, id, pc, |offer| {
            let answers = self.answers(view, id, offer);
            bounded |= answers == 0 && !self.is_held_up(view, offer);
            for _ in 0..answers {
                each(turn_of(id, choice));
                choice += 1;
            }
        });
        bounded
    }

    /// How many answers the system leaves open; 0 where a bound forbids the operation.
    #[inline]
    pub(super) fn answers(&self, view: View<'_>, me: ThreadId, offer: Offer) -> u8 {
        match offer {
            Offer::End(_) | Offer::Nowhere(_) => 1,
            Offer::Op(Op::Post { port, .. } | Op::Submit { port, .. }, _)
                if self.bounded[port.index()] && !view.port(port).has_room_for_post() =>
            {
                0
            }
            Offer::Op(Op::PortSendn { ports, .. }, _)
                if self.program.port_lists[usize::from(ports)]
                    .iter()
                    .any(|port| {
                        self.bounded[port.index()] && !view.port(*port).has_room_for_post()
                    }) =>
            {
                0
            }
            Offer::Op(Op::MsgRing { message, .. }, _)
                if !self.has_room_for_message(view, message) =>
            {
                0
            }
            Offer::Op(op @ (Op::JobStart { .. } | Op::JobExit { .. } | Op::JobPort { .. }), _)
                if !self.has_room_for_messages(view, op) =>
            {
                0
            }
            Offer::Op(Op::Signal { object }, _) => objects::answers(view, object),
            Offer::Op(op, _) => self.personality.answers(view, me, op),
        }
    }

    /// Whether an operation without answers has to wait for a call of somebody else's, and for nothing more.
    fn is_held_up(&self, view: View<'_>, offer: Offer) -> bool {
        matches!(offer, Offer::Op(op, _) if self.personality.holds_up(view, op))
    }

    /// Whether whatever messages an operation sends find room.
    fn has_room_for_messages(&self, view: View<'_>, op: Op) -> bool {
        let messages = messages_max(&self.program, op);
        self.program
            .job_bindings
            .iter()
            .all(|binding| view.port(binding.port).packets().room() >= messages)
    }

    /// Whether both entries of a message find room.
    fn has_room_for_message(&self, view: View<'_>, message: Message) -> bool {
        let entries = 1 + usize::from(message.from == message.to);
        [message.from, message.to]
            .iter()
            .all(|&port| !self.bounded[port.index()] || view.port(port).packets().room() >= entries)
    }

    /// The wakes of one thread.
    #[inline]
    pub(super) fn wakes(&self, view: View<'_>, id: ThreadId, each: &mut impl FnMut(Step)) {
        let thread = view.thread(id);
        if thread.mode() == Mode::Woken && thread.suspensions() == 0 {
            for choice in 0..self.personality.wake_answers(view, id, view.get(id)) {
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
    pub(super) fn times(&self, view: View<'_>, each: &mut impl FnMut(Step)) -> bool {
        if !self.layout.has_deadlines() {
            return false;
        }
        let Some(next) = self
            .program
            .thread_ids()
            .filter_map(|id| view.deadline(id))
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
            .filter(|&id| view.deadline(id) == Some(next))
        {
            each(Step {
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
fn turn_of(thread: ThreadId, choice: u8) -> Step {
    Step {
        kind: StepKind::Turn,
        thread,
        choice,
    }
}

//! What a call may overlook, or overtake, beside another.
//!
//! Some systems let a call that does not wait come back with nothing while another call looks at the same port, although there
//! is something for it. Some put an event that comes while a call copies others in front of those that the call puts back. The
//! model says when that can be, and does not know which calls overlap: that is asked here.

use portsim_model::State;
use portsim_model::event::{Error, Outcome};
use portsim_model::program::{PortId, ThreadId, Timeout};
use portsim_model::step::{Step, StepKind};

use super::calls::Call;
use super::{Judge, Place};
use crate::trace::Heard;

impl Judge<'_> {
    /// Whether a step can be one of a call that overlooks or overtakes something.
    pub(super) fn may_overlook(&self, place: &Place, step: Step) -> bool {
        let polls_or_posts = |call: Call| {
            let get = call.op.as_get();
            get.is_none_or(|get| get.timeout == Timeout::Ticks(0))
        };
        !self.machine.about().at_full_speed.is_empty()
            && step.kind == StepKind::Turn
            && self.next(place, step.thread).is_some_and(polls_or_posts)
    }

    /// Whether this is of a call that overlooks or overtakes something, with no other call beside it.
    pub(super) fn is_alone(&self, place: &Place, heard: &Heard, state: &State) -> bool {
        let mut open = self.machine.about().at_full_speed.iter();
        if !open.any(|open| heard.is_by(open.claim())) {
            return false;
        }
        let Some((thread, _)) = heard.called else {
            return false;
        };
        let Some(call) = self.next(place, thread) else {
            return false;
        };
        let Some(get) = call.op.as_get() else {
            return self.overtakes_alone(place, call, state);
        };
        overlooks(heard, thread) && !self.is_beside(call, get.port, |_| true)
    }

    /// Whether an event came to stand in front of others, and no call that took as many before it was still copying then.
    fn overtakes_alone(&self, place: &Place, call: Call, state: &State) -> bool {
        let (before, after) = (self.machine.view(&place.state), self.machine.view(state));
        self.machine.program().port_ids().any(|port| {
            let (before, after) = (before.port(port), after.port(port));
            let overtaken = overtaken(before.packets().as_slice(), after.packets().as_slice());
            let copies = |other: Call| {
                other.said.packets() >= overtaken && self.is_over(place, other.place())
            };
            overtaken > 0 && !self.is_beside(call, port, copies)
        })
    }

    /// Whether another thread was inside such a call on this port while this one was.
    fn is_beside(&self, call: Call, port: PortId, such: impl Fn(Call) -> bool) -> bool {
        self.of.iter().any(|own| {
            // Calls of a thread do not overlap: those that began before this one was over end in order.
            let begun = own.partition_point(|&place| self.call(place).t0 <= call.t1);
            let mut last_first = own[..begun].iter().rev().map(|&place| self.call(place));
            let beside = |other: Call| {
                let get = other.op.as_get();
                other.n != call.n && get.is_some_and(|get| get.port == port) && such(other)
            };
            last_first
                .by_ref()
                .take_while(|other| other.t1 >= call.t0)
                .any(beside)
        })
    }
}

/// Whether a thread's call came back with nothing.
fn overlooks(heard: &Heard, thread: ThreadId) -> bool {
    let in_vain = |&(who, _, outcome): &(_, _, Outcome)| {
        who == thread && outcome == Outcome::Failed(Error::Timeout)
    };
    heard.returned.iter().any(in_vain)
}

/// In front of how many a packet came to stand that was not there before.
fn overtaken(before: &[u8], after: &[u8]) -> usize {
    if after.len() != before.len() + 1 {
        return 0;
    }
    let same = before.iter().zip(after).take_while(|(was, is)| was == is);
    before.len() - same.count()
}

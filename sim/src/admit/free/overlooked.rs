//! What a call may overlook beside another.
//!
//! Some systems let a call that does not wait come back with nothing while another call looks at the same port, although there
//! is something for it. The model says when that can be, and does not know which calls overlap: that is asked here.

use portsim_model::event::{Error, Outcome};
use portsim_model::program::{PortId, Timeout};
use portsim_model::step::{Step, StepKind};

use super::calls::Call;
use super::{Judge, Place};
use crate::trace::Heard;

impl Judge<'_> {
    /// Whether a step can be one of a call that overlooks something.
    pub(super) fn may_overlook(&self, place: &Place, step: Step) -> bool {
        let polls = |call: Call| {
            let get = call.op.as_get();
            get.is_some_and(|get| get.timeout == Timeout::Ticks(0))
        };
        !self.machine.about().at_full_speed.is_empty()
            && step.kind == StepKind::Turn
            && self.next(place, step.thread).is_some_and(polls)
    }

    /// Whether this is of a call that overlooks something, with no other call beside it.
    pub(super) fn overlooks_alone(&self, place: &Place, heard: &Heard) -> bool {
        let Some((thread, _)) = heard.called.filter(|_| heard.by.is_some()) else {
            return false;
        };
        let in_vain = |&(who, _, outcome): &(_, _, Outcome)| {
            who == thread && outcome == Outcome::Failed(Error::Timeout)
        };
        let mut open = self.machine.about().at_full_speed.iter();
        heard.returned.iter().any(in_vain)
            && open.any(|open| heard.is_by(open.claim()))
            && !self
                .next(place, thread)
                .is_some_and(|call| self.is_beside_another(call))
    }

    /// Whether another thread was inside a call on the same port while this one was.
    fn is_beside_another(&self, call: Call) -> bool {
        let port = |call: Call| call.op.as_get().map(|get| get.port);
        let wanted: Option<PortId> = port(call);
        self.of.iter().any(|own| {
            // Calls of a thread do not overlap: those that began before this one was over end in order.
            let begun = own.partition_point(|&place| self.call(place).t0 <= call.t1);
            let mut last_first = own[..begun].iter().rev().map(|&place| self.call(place));
            let beside = |other: &Call| other.n != call.n && port(*other) == wanted;
            last_first
                .by_ref()
                .take_while(|other| other.t1 >= call.t0)
                .any(|other| beside(&other))
        })
    }
}

//! What must hold: the invariants of every port, and a scenario's own properties.

use alloc::vec::Vec;

use crate::expr::{ExprId, eval};
pub use crate::fault::{FAULTS, Fault, Invariants};
use crate::program::{Program, Promise, ThreadId};
use crate::state::View;
use crate::threads::Mode;

/// What a state violates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// An invariant of every port.
    Builtin(Fault),
    /// The scenario's `always` property of this number.
    Always(usize),
    /// The scenario's `at_end` property of this number.
    AtEnd(usize),
    /// The scenario's `eventually` property of this number: a run ends, or goes on for ever, and owes it still.
    Eventually(usize),
}

/// Packets that entered and left the ports in one step, to be held against the queues afterwards.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Ledger {
    pub inserted: usize,
    pub left: usize,
}

/// Holds the packets that entered and left in one step against the queues.
pub(crate) fn conserved(before: usize, after: usize, ledger: Ledger) -> Result<(), Fault> {
    match (before + ledger.inserted).cmp(&(after + ledger.left)) {
        core::cmp::Ordering::Equal => Ok(()),
        core::cmp::Ordering::Greater => Err(Fault::Lost),
        core::cmp::Ordering::Less => Err(Fault::Twice),
    }
}

/// What a state violates, before it is known whether anything can still move; `own` is what holds in
/// every state of the system itself.
#[inline]
pub(crate) fn judge(
    view: View<'_>,
    own: impl FnOnce(View<'_>) -> Result<(), Fault>,
) -> Option<Violation> {
    let program = view.program;
    for (_, head) in view.heads() {
        match head.mode() {
            Mode::Failed => return Some(Violation::Builtin(Fault::Assert)),
            Mode::Lost => return Some(Violation::Builtin(Fault::Spin)),
            _ => {}
        }
    }
    if program.builtin != Invariants::NONE
        && let Err(fault) = own(view)
        && program.builtin.judge(fault)
    {
        return Some(Violation::Builtin(fault));
    }
    first_broken(view, &program.always).map(Violation::Always)
}

/// What a state violates in which nothing can move any more; `own` is what holds there of the system itself, unless a
/// schedule has its end there, and others could go on.
pub(crate) fn judge_end(
    view: View<'_>,
    own: impl FnOnce(View<'_>) -> Result<(), Fault>,
) -> Option<Violation> {
    let program = view.program;
    if program.schedule.is_none()
        && let Err(fault) = own(view)
        && program.builtin.judge(fault)
    {
        return Some(Violation::Builtin(fault));
    }
    match &program.schedule {
        Some(schedule) if view.turns_taken() < schedule.len() => {
            return Some(Violation::Builtin(Fault::Schedule));
        }
        Some(_) => {}
        None if program.builtin.judge(Fault::Deadlock)
            && program.thread_ids().any(|id| is_stuck(view, id)) =>
        {
            return Some(Violation::Builtin(Fault::Deadlock));
        }
        None => {}
    }
    first_broken(view, &program.at_end).map(Violation::AtEnd)
}

/// Whether a thread waits that was not meant to, where nothing can move any more.
pub fn is_stuck(view: View<'_>, id: ThreadId) -> bool {
    let (mode, thread) = (view.mode(id), &view.program.threads[id.index()]);
    let is_meant =
        || mode.is_inside_call() && thread.may_wait_in.iter().any(|it| it.is_of(*view.op(id)));
    !mode.is_over() && !thread.may_wait && !is_meant()
}

/// A property without a value does not hold.
fn first_broken(view: View<'_>, properties: &[ExprId]) -> Option<usize> {
    properties
        .iter()
        .position(|&property| matches!(holds(view, property), Some(0) | None))
}

/// Whether a promise is owed in a state, if this was so in the state before it. What has no value calls for
/// nothing, and keeps nothing.
pub(crate) fn owes(view: View<'_>, promise: Promise, before: bool) -> bool {
    let is_true = |property| !matches!(holds(view, property), Some(0) | None);
    (before || promise.when.is_some_and(is_true)) && !is_true(promise.then)
}

/// Which `eventually` properties are owed where a run stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owed(Vec<bool>);

impl Owed {
    /// What is owed before the first state is looked at.
    pub(crate) fn from_the_start(program: &Program) -> Owed {
        let promises = program.eventually.iter();
        Owed(promises.map(|promise| promise.when.is_none()).collect())
    }

    /// The run has come to this state.
    pub(crate) fn note(&mut self, view: View<'_>) {
        for (owed, &promise) in self.0.iter_mut().zip(&view.program.eventually) {
            *owed = owes(view, promise, *owed);
        }
    }

    /// What is owed here as well as there.
    pub fn and(mut self, there: &Owed) -> Owed {
        for (here, there) in self.0.iter_mut().zip(&there.0) {
            *here &= there;
        }
        self
    }

    /// What a run violates that owes this for ever.
    pub fn first(&self) -> Option<Violation> {
        let first = self.0.iter().position(|&owed| owed);
        first.map(Violation::Eventually)
    }
}

/// The value of a property.
pub(crate) fn holds(view: View<'_>, property: ExprId) -> Option<i64> {
    eval(&view.program.exprs, &view, ThreadId(0), property)
}

//! What a step of the model shows, as it comes: nothing is made of it that is not asked for.

use portsim_model::claim::Claim;
use portsim_model::event::{Observer, Outcome};
use portsim_model::program::{Op, ThreadId};

/// Watches one step.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Who called what.
    pub called: Option<(ThreadId, Op)>,
    /// Whose calls ended, and how.
    pub returned: Vec<(ThreadId, Op, Outcome)>,
    /// The claims that decided; none where nobody asks.
    pub by: Option<Vec<&'static Claim>>,
}

impl Heard {
    /// Also hears which claims decide, where that is asked for.
    pub fn asking(why: bool) -> Heard {
        Heard {
            by: why.then(Vec::new),
            ..Heard::default()
        }
    }

    /// Forgets a step, before the next.
    pub fn forget(&mut self) {
        self.called = None;
        self.returned.clear();
        if let Some(by) = &mut self.by {
            by.clear();
        }
    }

    /// Whether this claim decided.
    pub fn is_by(&self, claim: &'static Claim) -> bool {
        self.by.as_ref().is_some_and(|by| by.contains(&claim))
    }
}

impl Observer for Heard {
    fn call(&mut self, thread: ThreadId, op: Op) {
        self.called = Some((thread, op));
    }

    fn ret(&mut self, thread: ThreadId, op: Op, outcome: Outcome) {
        self.returned.push((thread, op, outcome));
    }

    fn by(&mut self, claim: &'static Claim) {
        if let Some(by) = &mut self.by
            && !by.contains(&claim)
        {
            by.push(claim);
        }
    }
}

//! What a search leaves out because it can find nothing there.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use portsim_model::State;
use portsim_model::machine::AnyMachine;
use portsim_model::partial_order::PartialOrder;
use portsim_model::step::Step;
use portsim_model::symmetry::Symmetry;

/// Which reductions a search uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reductions {
    /// Threads that are alike may trade places.
    pub symmetry: bool,
    /// Dead results are forgotten, and packets that nobody tells apart are one.
    pub dead: bool,
    /// Threads whose steps are independent of the others' move before them.
    pub order: bool,
}

impl Reductions {
    /// Every one there is.
    pub const ALL: Reductions = Reductions {
        symmetry: true,
        dead: true,
        order: true,
    };
    /// Every state and every interleaving.
    pub const NONE: Reductions = Reductions {
        symmetry: false,
        dead: false,
        order: false,
    };

    /// The machine that is searched in place of this one.
    pub fn without_dead(self, machine: &Arc<dyn AnyMachine>) -> Arc<dyn AnyMachine> {
        if self.dead {
            machine.without_dead()
        } else {
            Arc::clone(machine)
        }
    }
}

impl Display for Reductions {
    /// As the command line has them.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let words = [
            (self.symmetry, "symmetry"),
            (self.dead, "dead"),
            (self.order, "order"),
        ];
        let used: Vec<_> = words.iter().filter(|it| it.0).map(|it| it.1).collect();
        f.write_str(match used.len() {
            0 => "none",
            3 => "all",
            _ => return f.write_str(&used.join(",")),
        })
    }
}

/// The reductions of one search.
#[derive(Debug, Clone, Default)]
pub struct Reduce {
    symmetry: Symmetry,
    order: PartialOrder,
}

impl Reduce {
    /// Those of a machine that has lost what is dead.
    pub fn new(reductions: Reductions, machine: &dyn AnyMachine) -> Reduce {
        let mut reduce = Reduce::default();
        if reductions.symmetry {
            reduce.symmetry = Symmetry::of(machine.frame());
        }
        if reductions.order {
            reduce.order = PartialOrder::of(machine.frame());
        }
        reduce
    }

    /// How many threads of each orbit can trade places.
    pub fn orbits(&self) -> Vec<usize> {
        self.symmetry.orbits().map(|orbit| orbit.len()).collect()
    }

    /// Keeps a persistent set of the steps that are possible in a state; says whether it is smaller than all of them.
    #[inline]
    pub fn keep_persistent(
        &self,
        machine: &dyn AnyMachine,
        state: &State,
        steps: &mut Vec<Step>,
    ) -> bool {
        self.order.reduce(machine.frame(), state, steps)
    }

    /// Of steps that lead to the same state, but for who is who, keeps one.
    #[inline]
    pub fn keep_distinct(&self, state: &State, steps: &mut Vec<Step>) {
        self.symmetry.keep_distinct(state, steps);
    }

    /// Puts one state in the place of all that are the same to the search.
    #[inline]
    pub fn canonize(&self, state: &mut State) {
        self.symmetry.canonize(state);
    }
}

//! What a search leaves out because it can find nothing there.

use portsim_model::State;
use portsim_model::kernel::Kernel;
use portsim_model::symmetry::Symmetry;
use portsim_model::system::System;

/// Which reductions a search uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reductions {
    /// Threads that are alike trade places.
    pub symmetry: bool,
    /// Results that nobody reads are forgotten, and packets that nobody tells apart are one.
    pub dead: bool,
}

impl Reductions {
    /// Every one there is.
    pub const ALL: Reductions = Reductions {
        symmetry: true,
        dead: true,
    };
    /// Every state and every interleaving.
    pub const NONE: Reductions = Reductions {
        symmetry: false,
        dead: false,
    };

    /// What is searched in place of a system.
    pub fn abridge<K: Kernel>(self, system: &System<K>) -> System<K> {
        if self.dead {
            system.abridged()
        } else {
            system.clone()
        }
    }
}

/// The reductions of one search.
#[derive(Debug, Clone, Default)]
pub struct Reduce {
    symmetry: Symmetry,
}

impl Reduce {
    /// Those of a system that was abridged already.
    pub fn new<K: Kernel>(reductions: Reductions, system: &System<K>) -> Reduce {
        if !reductions.symmetry {
            return Reduce::default();
        }
        Reduce {
            symmetry: Symmetry::of(system),
        }
    }

    /// How many threads of each orbit can trade places.
    pub fn orbits(&self) -> Vec<usize> {
        self.symmetry.orbits().map(|orbit| orbit.len()).collect()
    }

    /// Puts one state in the place of all that are the same to the search.
    #[inline]
    pub fn canonize(&self, state: &mut State) {
        self.symmetry.canonize(state);
    }
}

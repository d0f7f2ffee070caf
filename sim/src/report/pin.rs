//! Which rules scenarios pin down.

use std::path::PathBuf;

use super::exit::Exit;
use crate::distinguish::Told;
use crate::distinguish::pin::Pin;

/// Each rule, and what pins it down.
#[derive(Debug, Clone)]
pub struct Pinned {
    /// Rules in the order of the systems.
    pub rules: Vec<Rule>,
    /// How many scenarios were looked at.
    pub scenarios: usize,
    /// Whether nobody stopped it.
    pub complete: bool,
}

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The rule, and the scenario that pins it down.
    pub pin: Pin,
    /// The scenario that would, where none did and one was wanted.
    pub supplied: Supplied,
}

/// A scenario for a rule that none pins down.
#[derive(Debug, Clone)]
pub enum Supplied {
    /// None was wanted, or none is needed.
    NotAsked,
    /// It was found, and written to this file.
    Found {
        /// The scenario.
        told: Box<Told>,
        /// Its text.
        text: String,
        /// The file.
        file: PathBuf,
    },
    /// Nothing tells the two apart up to the bound: so many operations of so many threads, and scenarios compared.
    Unobservable {
        /// Operations, and threads.
        bound: (usize, usize),
        /// How many scenarios were compared.
        compared: u64,
    },
}

impl Pinned {
    /// How many rules are pinned down.
    pub fn pinned(&self) -> usize {
        let pinned = |rule: &&Rule| rule.pin.by.is_some();
        self.rules.iter().filter(pinned).count()
    }

    /// What it comes to. That something is not pinned down is an answer.
    pub fn exit(&self) -> Exit {
        match self.complete {
            true => Exit::AsExpected,
            false => Exit::Partial,
        }
    }
}

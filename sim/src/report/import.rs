//! What `import` made of logs.

use std::path::PathBuf;

use super::exit::Exit;

/// How much of a log was imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All of it.
    Imported,
    /// The calls that no order explains; the whole has no room in a scenario.
    Window,
}

impl Verdict {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Imported => "imported",
            Verdict::Window => "window",
        }
    }
}

/// Each log.
#[derive(Debug, Clone)]
pub struct Imports {
    /// In the order in which they were named.
    pub imports: Vec<Import>,
    /// How many were named: more than there are here if somebody stopped it, or one cannot be imported.
    pub named: usize,
}

/// One log.
#[derive(Debug, Clone)]
pub struct Import {
    /// The log.
    pub log: PathBuf,
    /// What was written: the scenario, and the trace.
    pub scenario: PathBuf,
    /// See `scenario`.
    pub trace: PathBuf,
    /// How many calls.
    pub calls: usize,
    /// Why it is not all; none where it is.
    pub lacks: Option<String>,
}

impl Import {
    /// How much of it.
    pub fn verdict(&self) -> Verdict {
        match self.lacks {
            None => Verdict::Imported,
            Some(_) => Verdict::Window,
        }
    }
}

impl Imports {
    /// What they come to.
    pub fn exit(&self) -> Exit {
        match self.imports.len() == self.named {
            true => Exit::AsExpected,
            false => Exit::Partial,
        }
    }
}

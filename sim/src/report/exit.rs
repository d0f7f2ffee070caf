//! What a report comes to.

use std::path::Path;

use crate::bad_input::BadInput;

/// What a report comes to, from the best to the worst.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// Everything is as expected.
    AsExpected,
    /// Some bound or limit ended it first; nothing was found so far.
    Partial,
    /// A verdict is not what was expected.
    Unexpected,
    /// A backend cannot run here or failed, for this reason.
    Unavailable(String),
    /// A trace is cut: what stands in it was used, but it says less than it could.
    Cut(Cut),
    /// A file cannot be used: what others say was used.
    BadInput,
}

impl Exit {
    /// The first of the worst ones; as expected, where there is none.
    pub fn worst(exits: impl IntoIterator<Item = Exit>) -> Exit {
        let worse = |worst: Exit, exit: Exit| match exit.rank() > worst.rank() {
            true => exit,
            false => worst,
        };
        exits.into_iter().fold(Exit::AsExpected, worse)
    }

    fn rank(&self) -> u8 {
        match self {
            Exit::AsExpected => 0,
            Exit::Partial => 1,
            Exit::Unexpected => 2,
            Exit::Unavailable(_) => 3,
            Exit::Cut(_) => 4,
            Exit::BadInput => 5,
        }
    }
}

/// Where a trace is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The file, as it was named.
    pub file: String,
    /// The line after which there should be more.
    pub line: usize,
}

impl From<Cut> for BadInput {
    fn from(cut: Cut) -> BadInput {
        let problem = "the trace is cut: it has no end; what stands before was used";
        BadInput::new(Path::new(&cut.file), problem).on_line(cut.line)
    }
}

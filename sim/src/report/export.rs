//! What `export` says.

use std::path::PathBuf;

use super::exit::{Cut, Exit};

/// Whether there is a statement in the other language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// There is.
    Exported,
    /// The other language has no words for it.
    Unsupported,
}

impl Verdict {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Exported => "exported",
            Verdict::Unsupported => "unsupported",
        }
    }
}

/// A scenario or a recording in the language of another checker.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The scenario's name.
    pub scenario: String,
    /// The personality whose rules are meant, or the backend that was recorded.
    pub system: String,
    /// The statement; an `Err` says why there is none.
    pub written: Result<String, String>,
    /// The file that took it, where one was wanted.
    pub file: Option<PathBuf>,
    /// Where the recording is cut.
    pub cut: Option<Cut>,
}

impl Exported {
    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        match self.written {
            Ok(_) => Verdict::Exported,
            Err(_) => Verdict::Unsupported,
        }
    }

    /// The statement, unless a file took it.
    pub fn text(&self) -> Option<&str> {
        let written = self.written.as_deref().ok()?;
        self.file.is_none().then_some(written)
    }

    /// What it comes to.
    pub fn exit(&self) -> Exit {
        match &self.cut {
            Some(cut) => Exit::Cut(cut.clone()),
            None => Exit::AsExpected,
        }
    }
}

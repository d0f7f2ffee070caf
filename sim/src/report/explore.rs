//! What `explore` shows.

use std::path::PathBuf;

use super::admit::Admission;
use super::check::Check;
use super::exit::Exit;

/// Something to walk around in.
#[derive(Debug, Clone)]
pub struct Opened {
    /// What that is.
    pub what: What,
    /// Where the page is.
    pub place: Place,
}

/// What is shown, on each system.
#[derive(Debug, Clone)]
pub enum What {
    /// A scenario, and what was found of it.
    Scenario(Vec<Check>),
    /// A trace, and what is said of it.
    Trace(Vec<Admission>),
}

/// Where a page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At an address of this machine, as long as the command runs.
    Address(String),
    /// In a file.
    File(PathBuf),
}

impl Opened {
    /// What it comes to: nothing is judged, but a trace that is cut says less than it could.
    pub fn exit(&self) -> Exit {
        let cut = match &self.what {
            What::Scenario(_) => None,
            What::Trace(admissions) => admissions.iter().find_map(|it| it.cut.clone()),
        };
        cut.map_or(Exit::AsExpected, Exit::Cut)
    }
}

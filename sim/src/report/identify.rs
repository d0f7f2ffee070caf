//! Which system is behind a port.

use super::exit::Exit;
use crate::distinguish::identify::{Candidate, Identified, Reading};

/// What was found out about a port.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The backend.
    pub on: String,
    /// What was found out.
    pub identified: Identified,
    /// The system of whose readings alone it was asked, if it was one.
    pub of: Option<&'static str>,
}

impl Identity {
    /// The systems that may be behind it.
    pub fn answers(&self) -> impl Iterator<Item = &Candidate> {
        let all = self.identified.candidates.iter();
        all.filter(|candidate| candidate.out.is_none())
    }

    /// What it comes to: that no system is like it is what nobody expects.
    pub fn exit(&self) -> Exit {
        match (self.answers().next(), self.identified.complete) {
            (None, _) => Exit::Unexpected,
            (Some(_), false) => Exit::Partial,
            (Some(_), true) => Exit::AsExpected,
        }
    }
}

/// The readings of a system by their claims, in their order.
pub fn by_claim(candidate: &Candidate) -> impl Iterator<Item = &[Reading]> {
    let readings = candidate.readings.as_slice();
    readings.chunk_by(|one, other| one.claim.id == other.claim.id)
}

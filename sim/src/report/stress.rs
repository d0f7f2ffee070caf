//! What rounds of stress came to.

use std::path::PathBuf;

use super::exit::Exit;
use crate::admit::Refusal;
use crate::cross_check::stress::Round;

/// Whether the model could have shown every round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It could, as far as anybody knows.
    Admitted,
    /// It could not show the last one.
    Refused,
}

impl Verdict {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Admitted => "admitted",
            Verdict::Refused => "refused",
        }
    }
}

/// Rounds, up to the first that is refused.
#[derive(Debug)]
pub struct Stress {
    /// The backend.
    pub on: String,
    /// The personality that judged.
    pub personality: &'static str,
    /// The seed of the first round.
    pub seed: u64,
    /// Rounds played.
    pub rounds: u64,
    /// Calls of all rounds.
    pub events: u64,
    /// Rounds of which nobody knows.
    pub undecided: u64,
    /// The traces of the first of them.
    pub kept: Vec<PathBuf>,
    /// The round that was refused.
    pub refused: Option<Refused>,
    /// How long it took.
    pub seconds: f64,
    /// Whether somebody stopped it.
    pub stopped: bool,
}

/// A round that the model could not show.
#[derive(Debug)]
pub struct Refused {
    /// The round.
    pub round: Round,
    /// Why.
    pub refusal: Refusal,
    /// Its trace, once that is written.
    pub file: Option<PathBuf>,
}

impl Stress {
    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        match self.refused {
            None => Verdict::Admitted,
            Some(_) => Verdict::Refused,
        }
    }

    /// What it comes to.
    pub fn exit(&self) -> Exit {
        match (self.verdict(), self.undecided) {
            (Verdict::Refused, _) => Exit::Unexpected,
            (Verdict::Admitted, 1..) => Exit::Partial,
            (Verdict::Admitted, 0) if self.stopped => Exit::Partial,
            (Verdict::Admitted, 0) => Exit::AsExpected,
        }
    }
}

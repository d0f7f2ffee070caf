//! One scenario of a page, on one system or on several.

use super::packer::Packer;
use super::wire;
use crate::explore::Tour;
use crate::scenario::Scenario;

/// A scenario.
pub struct Sheet<'r> {
    pub name: String,
    pub scenario: &'r Scenario,
    pub sides: Vec<Side<'r>>,
}

/// The scenario on one system.
pub struct Side<'r> {
    pub system: String,
    /// What was found, in a few words, and how that is to be taken.
    pub verdict: String,
    pub tone: Tone,
    /// What is wrong, in a sentence.
    pub culprit: String,
    /// The command that shows it again.
    pub repeat: String,
    pub tour: Option<&'r Tour>,
    /// Calls at full speed, whose order nobody knows.
    pub timeline: Option<wire::Timeline>,
    /// What is said where there is nothing to step through.
    pub instead: String,
}

/// How a verdict is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Open,
}

impl Sheet<'_> {
    /// As the page reads it.
    pub fn wire(&self) -> wire::Sheet {
        let mut sheet = self.without_tours();
        for (side, own) in sheet.sides.iter_mut().zip(&self.sides) {
            let states = |tour| Packer::of(self.scenario, tour).into_states();
            side.states = own.tour.map(states);
        }
        sheet
    }

    /// The same, but for the states.
    pub fn without_tours(&self) -> wire::Sheet {
        let scenario = self.scenario;
        wire::Sheet {
            name: self.name.clone(),
            why: scenario.why.clone(),
            file: scenario.file.display().to_string(),
            sides: self.sides.iter().map(Side::without_tour).collect(),
        }
    }
}

impl Side<'_> {
    fn without_tour(&self) -> wire::Side {
        wire::Side {
            system: self.system.clone(),
            verdict: self.verdict.clone(),
            tone: match self.tone {
                Tone::Good => "good",
                Tone::Bad => "bad",
                Tone::Open => "open",
            },
            culprit: self.culprit.clone(),
            repeat: self.repeat.clone(),
            instead: self.instead.clone(),
            states: None,
            timeline: self.timeline.clone(),
        }
    }
}

//! What rounds of stress came to, for people.

use super::window::window;
use super::{repeat, stacked};
use crate::report::repeat as again;
use crate::report::repeat::shell;
use crate::report::stress::{Refused, Stress};

/// The verdict; where a round was refused, what it shows and how to judge it again.
pub fn stress(stress: &Stress) -> String {
    let mut words = format!(
        "{}  stress on {} as {}: {} rounds, {} events, {:.1} s, {:.0} events/s",
        stress.verdict().name(),
        stress.on,
        stress.personality,
        stress.rounds,
        stress.events,
        stress.seconds,
        stress.events as f64 / stress.seconds.max(0.001)
    );
    if stress.undecided > 0 {
        words += &format!("; {} rounds undecided, kept:", stress.undecided);
        for file in &stress.kept {
            words += &format!(" {}", shell(file));
        }
    }
    if let Some(refused) = &stress.refused {
        words += &round(refused, stress.personality);
    }
    stacked([words])
}

fn round(refused: &Refused, personality: &str) -> String {
    let (round, refusal) = (&refused.round, &refused.refusal);
    let window = window(&round.scenario, &round.events, &round.spans, refusal);
    let mut words = format!("\n  saw      {}{window}", refusal.saw);
    for allowed in &refusal.allowed {
        words += &format!("\n  allowed  {allowed}");
    }
    if let Some(file) = &refused.file {
        let folder = file.parent().unwrap_or(file);
        let command = again::admit_in(folder, file, personality);
        words += &format!("\n{}", repeat(&command));
    }
    words
}

//! Which systems a scenario is played on, by their names.

use std::sync::Arc;

use portsim_model::AnyMachine;
use portsim_model::personality::{NAMES, machine};
use portsim_model::program::Program;

use crate::scenario::Scenario;

/// Puts a program on the personality of this name, on so many processors; an `Err` says what the system lacks.
///
/// # Panics
///
/// If there is no such personality: whoever takes a name from a person checks it first.
pub fn play(
    name: &str,
    program: &Arc<Program>,
    processors: u32,
) -> Result<Arc<dyn AnyMachine>, String> {
    machine(name, program, processors, &[])
        .expect("the name of a personality was checked")
        .map_err(|lacks| lacks.why.to_owned())
}

/// Why a personality cannot play a program, if it cannot.
pub fn unsupported(name: &str, program: &Arc<Program>) -> Option<String> {
    play(name, program, 1).err()
}

/// Why a scenario is not played on a system, if it is not: it is meant for others, or the system lacks
/// something.
pub fn not_for(name: &str, scenario: &Scenario) -> Option<String> {
    match &scenario.meant_for {
        Some(meant_for) if !meant_for.iter().any(|machine| machine == name) => {
            let known = meant_for
                .iter()
                .any(|machine| NAMES.contains(&machine.as_str()));
            let absent = if known {
                ""
            } else {
                ", which this version does not play"
            };
            Some(format!(
                "the scenario is meant for {}{absent}",
                meant_for.join(", ")
            ))
        }
        _ => unsupported(name, &scenario.program),
    }
}

/// The system that a scenario is played on if nobody names one: the first that it is meant for and that this
/// version has, or else the first that has its operations.
pub fn default_for(scenario: &Scenario) -> &'static str {
    let meant = |name: &&str| not_for(name, scenario).is_none();
    let first_named = scenario
        .meant_for
        .iter()
        .flatten()
        .find_map(|name| NAMES.into_iter().find(|known| known == name));
    first_named
        .or_else(|| NAMES.into_iter().find(meant))
        .unwrap_or(NAMES[0])
}

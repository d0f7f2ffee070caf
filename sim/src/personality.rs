//! Which personality a scenario is played on, by its name; behind a colon stand readings of open claims that are fixed, as
//! in `windows:poll-counts=counts,suspend-waiting=stays`.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::sync::{Arc, Mutex, PoisonError};

use portsim_model::AnyMachine;
use portsim_model::choice::Open;
use portsim_model::claim::Claim;
use portsim_model::personality::{NAMES, machine, machine_at_full_speed, open};
use portsim_model::program::Program;
use portsim_model::turn::Fixed;

use crate::bad_input::one_of;
use crate::scenario::Scenario;

/// Puts a program on the personality of this name, on so many processors; an `Err` says what the system lacks.
///
/// # Panics
///
/// If there is no such personality. Names that people write are checked before.
pub fn play(
    name: &str,
    program: &Arc<Program>,
    processors: u32,
) -> Result<Arc<dyn AnyMachine>, String> {
    let fixed = readings(name).expect("the readings were checked");
    machine(base(name), program, processors, &fixed)
        .expect("the name of a personality was checked")
        .map_err(|lacks| lacks.why.to_owned())
}

/// The same for threads at full speed, which can show what others cannot.
pub fn play_at_full_speed(
    name: &str,
    program: &Arc<Program>,
    processors: u32,
) -> Result<Arc<dyn AnyMachine>, String> {
    let fixed = readings(name).expect("the readings were checked");
    machine_at_full_speed(base(name), program, processors, &fixed)
        .expect("the name of a personality was checked")
        .map_err(|lacks| lacks.why.to_owned())
}

/// The name without its readings.
pub fn base(name: &str) -> &str {
    name.split(':').next().unwrap_or_default()
}

/// The name of a personality, with readings or without, as one that stays.
///
/// # Errors
///
/// There is no such personality, or no such open claim or reading of it.
pub fn named(name: &str) -> Result<&'static str, Misnamed> {
    /// Names with readings that somebody asked for; each is kept once.
    static WITH_READINGS: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    if let Some(known) = NAMES.into_iter().find(|known| *known == name) {
        return Ok(known);
    }
    readings(name)?;
    let mut kept = WITH_READINGS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kept.iter().find(|known| **known == name) {
        return Ok(known);
    }
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    kept.push(name);
    Ok(name)
}

/// What is wrong with a name of a personality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misnamed {
    /// What, in words.
    pub problem: String,
    /// The word that is not known.
    pub word: String,
    /// What is known instead.
    pub known: Vec<&'static str>,
}

impl Display for Misnamed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl Error for Misnamed {}

/// The readings that stand behind a name, each for a claim that is open there.
pub fn readings(name: &str) -> Result<Vec<Fixed>, Misnamed> {
    let known = || NAMES.to_vec();
    let own = open(base(name)).ok_or_else(|| misnamed("system", base(name), known()))?;
    let Some((_, readings)) = name.split_once(':') else {
        return Ok(Vec::new());
    };
    readings
        .split(',')
        .map(|reading| fixed(own, reading))
        .collect()
}

/// The claims of which two names have different readings, where both are of one system.
///
/// # Panics
///
/// If there is no such system, or no such reading.
pub fn parted(one: &str, other: &str) -> Option<Vec<&'static Claim>> {
    let [own, others] = [one, other].map(|name| readings(name).expect("the readings were checked"));
    let only = |of: &[Fixed], beside: &[Fixed]| -> Vec<&'static Claim> {
        let only = of.iter().filter(|fixed| !beside.contains(fixed));
        only.map(|fixed| fixed.claim).collect()
    };
    let parted = [only(&own, &others), only(&others, &own)].concat();
    (base(one) == base(other)).then_some(parted)
}

/// One `CLAIM=READING`. The claim may be named without its system.
fn fixed(open: &[&'static dyn Open], text: &str) -> Result<Fixed, Misnamed> {
    let (claim, reading) = text.split_once('=').unwrap_or((text, ""));
    let rule = |id: &'static str| id.split('/').next_back().unwrap_or_default();
    let is_it = |it: &&&'static dyn Open| {
        let id = it.claim().id;
        id == claim || rule(id) == claim
    };
    let Some(found) = open.iter().find(is_it) else {
        // They are named as the word names one: with the system in front, or without.
        let name = |id| if claim.contains('/') { id } else { rule(id) };
        let known = open.iter().map(|it| name(it.claim().id)).collect();
        return Err(misnamed("open claim", claim, known));
    };
    let names = found.names();
    let number = match names.is_empty() {
        true => reading.parse().ok(),
        false => names.iter().position(|name| *name == reading),
    };
    match number.and_then(|number| u8::try_from(number).ok()) {
        Some(number) => Ok(Fixed {
            claim: found.claim(),
            reading: number,
        }),
        None => Err(misnamed(
            &format!("reading of {}", found.claim().id),
            reading,
            if names.is_empty() {
                vec!["0", "1", "2"]
            } else {
                names
            },
        )),
    }
}

fn misnamed(what: &str, word: &str, known: Vec<&'static str>) -> Misnamed {
    Misnamed {
        problem: format!(
            "unknown {what} {word:?}, expected {}",
            one_of(known.iter().copied())
        ),
        word: word.to_owned(),
        known,
    }
}

/// Why a personality cannot play a program, if it cannot.
pub fn unsupported(name: &str, program: &Arc<Program>) -> Option<String> {
    play(name, program, 1).err()
}

/// Why a scenario is not played on a system, if it is not: it is meant for others, or the system lacks
/// something.
pub fn not_for(name: &str, scenario: &Scenario) -> Option<String> {
    match &scenario.meant_for {
        Some(meant_for) if !meant_for.iter().any(|system| system == base(name)) => Some(format!(
            "the scenario is meant for {}",
            meant_for.join(", ")
        )),
        _ => unsupported(name, &scenario.program),
    }
}

/// The personality that plays a scenario if nobody names one: the first that it is meant for, or else the first that
/// has its operations.
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

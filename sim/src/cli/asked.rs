//! Which systems `admit` asks, and how long each looks.

use portsim_model::personality::NAMES;

use super::args::{personality, workers};
use super::stop::flag;
use super::{Stop, no_thread};
use crate::admit::free::Limits;
use crate::bad_input::nearest;
use crate::choose::share;

/// What stands for every system.
pub const ALL: &str = "all";

/// So many places are looked at least where every system is asked, before a judge gives up.
pub const LOOKS_OF_ALL: usize = 200_000;

/// As many more for each call that is explained.
const LOOKS_EACH: usize = 10;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The system that a trace is of.
    Own,
    /// One, whatever the trace is of.
    One(&'static str),
    /// Each, which of them could have shown it.
    All,
}

impl Asked {
    /// Those of this name.
    pub fn of(name: Option<&str>) -> Result<Asked, Stop> {
        Ok(match name {
            None => Asked::Own,
            Some(ALL) => Asked::All,
            Some(name) => {
                Asked::One(personality(name).map_err(|bad| match nearest(name, [ALL]) {
                    Some(all) => bad.instead(all.to_owned()),
                    None => bad,
                })?)
            }
        })
    }

    /// How many that are.
    pub fn count(self) -> usize {
        match self {
            Asked::Own | Asked::One(_) => 1,
            Asked::All => NAMES.len(),
        }
    }
}

/// How long a judge looks who looks at so many places at least.
pub fn limits(looks_max: usize) -> Limits {
    Limits {
        looks_max,
        looks_each: LOOKS_EACH,
        stop: Some(flag()),
        ..Limits::default()
    }
}

/// What each system says, several at a time: not of all if the program was told to end, and one said none.
pub fn together<T: Send>(
    ask: impl Fn(&'static str) -> Result<Option<T>, Stop> + Sync,
) -> Result<Vec<T>, Stop> {
    let said = share(0..NAMES.len() as u64, workers(None), |_, systems| {
        let mut said = Vec::new();
        for n in systems {
            let says = ask(NAMES[n as usize]);
            let ends = !matches!(says, Ok(Some(_)));
            said.push((n, says));
            if ends {
                break;
            }
        }
        said
    });
    let mut said: Vec<_> = said.map_err(no_thread)?.into_iter().flatten().collect();
    said.sort_unstable_by_key(|(n, _)| *n);
    let said = said.into_iter().filter_map(|(_, says)| says.transpose());
    said.collect()
}

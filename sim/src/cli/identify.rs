//! `portsim identify`: which system is behind a port?

use std::path::Path;
use std::sync::Arc;

use portsim_model::personality::NAMES;

use super::args::{self, Part, personality};
use super::files::Scenarios;
use super::on::On;
use super::say::Say;
use super::stop;
use super::{Exit, Stop};
use crate::distinguish::identify::{identify as by_experiments, readings_shown};
use crate::report::Report;
use crate::report::identify::Identity;
use crate::scenario::Scenario;

/// All scenarios of the command.
const EVERYTHING: &str = "@";

/// Those of them that part one system from another and ask for as little else as they can: few of them say less of a port
/// than as many others.
const SMALLEST: &str = "apart/";

/// Finds it out.
pub fn identify(args: &args::Identify, say: &Say) -> Result<Exit, Stop> {
    let on = On::named(&args.on)?;
    let of = args.personality.as_deref().map(personality).transpose()?;
    let scenarios = Scenarios::all(&args.paths, Part::WHOLE, &args.foreign, say)?;
    let named = args.paths.iter().all(|path| path != Path::new(EVERYTHING));
    let asks = |it: &Scenario| named || !it.name.starts_with(SMALLEST);
    let scenarios = scenarios.into_iter().filter(asks).map(Arc::new);
    let scenarios: Vec<_> = scenarios.collect();
    let mut progress = say.progress();
    let at = |words: &str| progress.at(|_| format!("{}: {words}", args.on));
    let identified = match of {
        Some(system) => readings_shown(&*on, system, &scenarios, stop::flag(), at),
        None => by_experiments(&*on, &NAMES, &scenarios, stop::flag(), at),
    };
    let identified = identified.map_err(Stop::Unavailable)?;
    drop(progress);
    say.report(Report::Identify(&Identity {
        on: args.on.clone(),
        identified,
        of,
    }))
}

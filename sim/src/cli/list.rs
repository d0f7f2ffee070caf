//! `portsim list`: what there is.

use std::sync::Arc;

use portsim_model::personality::NAMES;

use super::args;
use super::files::Scenarios;
use super::say::Say;
use super::{Exit, Stop};
use crate::native::backends;
use crate::personality::not_for;
use crate::report::Report;
use crate::report::list::{Backend, List, Listed};
use crate::scenario::find;

/// Lists personalities, backends and scenarios.
pub fn list(args: &args::List, say: &Say) -> Result<Exit, Stop> {
    let mut scenarios = Vec::new();
    let mut read = Scenarios::of(&args.paths, &args.foreign, say);
    for file in find(&args.paths)? {
        let Some(scenario) = read.read(&file) else {
            continue;
        };
        let scenario = Arc::new(scenario);
        let plays = |name: &&'static str| not_for(name, &scenario).is_none();
        scenarios.push(Listed {
            personalities: NAMES.into_iter().filter(plays).collect(),
            scenario,
        });
    }
    read.some_are_left()?;
    let backends = backends().iter().map(|backend| Backend {
        name: backend.name(),
        available: backend.available(),
    });
    say.report(Report::List(&List {
        personalities: NAMES.to_vec(),
        backends: backends.collect(),
        scenarios,
    }))
}

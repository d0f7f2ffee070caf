//! `portsim list`: what there is.

use std::sync::Arc;

use portsim_model::personality::NAMES;

use super::args;
use super::say::Say;
use super::{Exit, Stop};
use crate::native::backends;
use crate::personality::not_for;
use crate::report::Report;
use crate::report::list::{Backend, List, Listed};
use crate::scenario::{Scenario, find};

/// Lists personalities, backends and scenarios.
pub fn list(args: &args::List, say: &Say) -> Result<Exit, Stop> {
    let mut scenarios = Vec::new();
    for file in find(&args.paths)? {
        let scenario = Arc::new(Scenario::read(&file)?);
        let plays = |name: &&'static str| not_for(name, &scenario).is_none();
        scenarios.push(Listed {
            personalities: NAMES.into_iter().filter(plays).collect(),
            scenario,
        });
    }
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

//! What `--on` names: a backend of this build, or an agent.

use std::ops::Deref;

use portsim_model::personality::NAMES;

use super::args::personality;
use super::{Stop, bad_argument};
use crate::bad_input::{BadInput, nearest, one_of};
use crate::cross_check::judge_of;
use crate::native::agent::{Limits, PREFIX};
use crate::native::{self, Agent, Backend, backends};

/// A backend that was asked for.
pub enum On {
    /// One of this build.
    Built(&'static dyn Backend),
    /// A command that speaks the agent protocol.
    Agent(Agent),
}

impl Deref for On {
    type Target = dyn Backend;

    fn deref(&self) -> &(dyn Backend + 'static) {
        match self {
            On::Built(backend) => *backend,
            On::Agent(agent) => agent,
        }
    }
}

/// What was meant by a name whose prefix is nearly that of an agent.
fn misspelled_agent(name: &str) -> Option<String> {
    let (prefix, command) = name.split_once(':')?;
    nearest(prefix, [PREFIX.trim_end_matches(':')])?;
    Some(format!("{PREFIX}{command}"))
}

impl On {
    /// The backend of this name.
    pub fn named(name: &str) -> Result<On, BadInput> {
        On::named_by("--on", name)
    }

    /// The same, where another argument names it.
    pub fn named_by(argument: &str, name: &str) -> Result<On, BadInput> {
        if let Some(command) = name.strip_prefix(PREFIX) {
            let agent = Agent::of(command, Limits::default());
            return agent.map(On::Agent).ok_or_else(|| {
                let problem =
                    format!("{name:?} names no command, or a quotation mark is not closed");
                bad_argument(argument, problem)
            });
        }
        let names: Vec<_> = backends().iter().map(|backend| backend.name()).collect();
        native::backend(name).map(On::Built).ok_or_else(|| {
            let problem = format!(
                "unknown backend {name:?}, expected {} or `{PREFIX}COMMAND`",
                one_of(names.iter().copied())
            );
            let agent = misspelled_agent(name);
            let known = names.iter().copied().chain(agent.as_deref());
            bad_argument(argument, problem).near(name, known)
        })
    }

    /// The personality that judges it unless another one is named.
    pub fn judge(&self) -> Result<&'static str, Stop> {
        // An agent tells only once it runs.
        self.available().map_err(Stop::Unavailable)?;
        let own = judge_of(&self.plays(), &self.os());
        personality(&own).map_err(|_| {
            let problem = format!(
                "no system is called {own:?}; name one that judges it: {}",
                one_of(NAMES)
            );
            bad_argument("--as", problem).into()
        })
    }
}

/// Which backend is judged by which personality.
pub fn pairs(on: &[String], judge: Option<&str>) -> Result<Vec<(On, &'static str)>, Stop> {
    let backends: Vec<_> = if on.is_empty() {
        backends()
            .iter()
            .copied()
            .filter(|backend| backend.available().is_ok())
            .map(On::Built)
            .collect()
    } else {
        on.iter()
            .map(|name| On::named(name))
            .collect::<Result<_, _>>()?
    };
    if backends.is_empty() {
        return Err(Stop::Unavailable(format!(
            "no backend can run here; this build has {}",
            native::names()
        )));
    }
    let judge = |on: On| {
        let judge = match judge {
            Some(name) => personality(name)?,
            None => on.judge()?,
        };
        Ok((on, judge))
    };
    backends.into_iter().map(judge).collect()
}

//! `portsim explore`: a page in a browser, whose states this process finds out as they are asked for.

mod browser;
mod http;
mod serve;

use std::net::TcpListener;
use std::sync::Arc;

use super::args::{self, personality};
use super::changed::Stamp;
use super::say::Say;
use super::{Exit, Stop, admit, files, no_thread, search, stop};
use crate::admit::free::Limits;
use crate::check::Secret;
use crate::personality::default_for;
use crate::report::admit::Admission;
use crate::report::check::Check;
use crate::report::explore::{Opened, Place, What};
use crate::report::{Live, Report};
use crate::scenario::Scenario;

/// States that the page begins with: what is near the counterexample, or the start. The others come as they are asked for.
const AT_FIRST: usize = 2_000;

/// Shows a scenario, or a trace.
pub fn explore(args: &args::Explore, say: &Say) -> Result<Exit, Stop> {
    let stamp = Stamp::of(&args.file);
    let what = read(args)?;
    if stop::stopped() {
        return Ok(Exit::Partial);
    }
    if let Some(file) = &args.pages.html {
        let place = Place::File(file.clone());
        return say.report(Report::Explore(&Opened { what, place }));
    }
    let listener = TcpListener::bind(args.listen)
        .map_err(|error| Stop::Unavailable(format!("{} cannot be had: {error}", args.listen)))?;
    let token = Secret::digits()?;
    let address = format!("http://{}/{token}/", listener.local_addr()?);
    let place = Place::Address(address.clone());
    let explored = Opened { what, place };
    let exit = say.report(Report::Explore(&explored))?;
    if !args.no_open {
        browser::open(&address);
    }
    let (place, mut stamp) = (explored.place.clone(), stamp);
    // What is shown follows its file.
    let follow = || {
        let now = Stamp::of(&args.file);
        if now == stamp {
            return None;
        }
        stamp = now;
        let opened = |what| {
            let place = place.clone();
            Live::of(Opened { what, place })
        };
        Some(read(args).map(opened).map_err(|stop| match stop {
            Stop::BadInput(bad) => bad.to_string(),
            Stop::Unavailable(why) => why,
            Stop::Output(error) => error.to_string(),
        }))
    };
    let live = Live::of(explored);
    serve::serve(listener, &token, live, stop::flag(), follow).map_err(no_thread)?;
    Ok(exit)
}

/// What the file is, and what is found of it.
fn read(args: &args::Explore) -> Result<What, Stop> {
    match Scenario::read(&args.file) {
        Ok(scenario) => Ok(What::Scenario(checks(args, &Arc::new(scenario))?)),
        // What is no scenario, but JSON all the same, may be a trace.
        Err(bad) if bad.is_foreign => Ok(What::Trace(admissions(args)?)),
        Err(bad) => Err(bad.into()),
    }
}

/// Whether these bytes ask for something in the name of a page at an address that nobody knows.
#[cfg(any(test, fuzzing))]
pub(crate) fn is_own_request(bytes: &[u8]) -> bool {
    let head = http::end_of_head(bytes).map_or(bytes, |end| &bytes[..end]);
    http::request(head).is_some_and(|asked| {
        let _ = (asked.number("side"), asked.number("state"));
        asked.is_own("127.0.0.1:0:nobody")
    })
}

/// The systems that were named.
fn named(args: &args::Explore) -> Result<Vec<&'static str>, Stop> {
    let names = args.personality.iter();
    Ok(names
        .map(|name| personality(name))
        .collect::<Result<_, _>>()?)
}

/// A scenario on each system.
fn checks(args: &args::Explore, scenario: &Arc<Scenario>) -> Result<Vec<Check>, Stop> {
    let mut names = named(args)?;
    if names.is_empty() {
        names.push(default_for(scenario));
    }
    let states_max = args.pages.states_max(names.len()).unwrap_or(AT_FIRST);
    let checks = names.into_iter();
    checks
        .map(|name| {
            let processors = args.machine.processors;
            search::check(scenario, name, processors, Some(states_max), args.search)
        })
        .collect()
}

/// A trace, judged by each system.
fn admissions(args: &args::Explore) -> Result<Vec<Admission>, Stop> {
    let read = Arc::new(files::trace(&args.file, &args.look_in)?);
    let mut names = named(args)?;
    if names.is_empty() {
        names.push(admit::own_personality(&read.trace.header)?);
    }
    let states_max = args.pages.states_max(names.len()).unwrap_or(AT_FIRST);
    let mut admissions = Vec::new();
    let by = admit::By {
        processors: args.machine.processors,
        limits: Limits::default(),
        states_max: Some(states_max),
        covers: false,
    };
    for name in names {
        let place = (&*args.file, &*args.look_in.scenarios);
        admissions.extend(admit::one(place, &read, name, by)?);
    }
    Ok(admissions)
}

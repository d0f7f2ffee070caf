//! `portsim export`: a scenario or a recording in the language of another checker.

use std::io::Write;
use std::path::Path;

use portsim_model::program::PortId;

use super::args::{Export, Language, LookIn, Target, personality};
use super::say::Say;
use super::{Exit, Stop, bad_argument, files};
use crate::bad_input::one_of;
use crate::export::{history, promela};
use crate::personality::{default_for, not_for};
use crate::report::json;
use crate::trace::Mode;

/// The only system whose rules are stated a second time.
const STATED: &str = "windows";

/// Writes a scenario or a recording in another language.
pub fn export(args: &Export, say: &Say) -> Result<Exit, Stop> {
    match &args.language {
        Language::Promela { scenario, target } => model(scenario, target, say),
        Language::History {
            trace,
            port,
            out,
            look_in,
        } => recording(trace, port.as_deref(), out.as_deref(), look_in, say),
    }
}

fn model(scenario: &Path, target: &Target, say: &Say) -> Result<Exit, Stop> {
    let scenario = files::scenario(scenario)?;
    let name = target
        .personality
        .as_deref()
        .map(personality)
        .transpose()?
        .unwrap_or_else(|| default_for(&scenario));
    let stated = || match name {
        STATED => promela(&scenario, target.machine.processors),
        _ => Err(format!("the export has no rules of {name}")),
    };
    let written = match not_for(name, &scenario) {
        Some(why) => Err(why),
        None => stated(),
    };
    let whose = (&*scenario.name, name);
    write(whose, written, target.out.as_deref(), say)
}

fn recording(
    file: &Path,
    port: Option<&str>,
    out: Option<&Path>,
    look_in: &LookIn,
    say: &Say,
) -> Result<Exit, Stop> {
    let (recorded, scenario, trace) = files::trace(file, look_in)?;
    let ports = &scenario.names.ports;
    let known = || ports.iter().map(String::as_str);
    let port = match (port, ports.as_slice()) {
        (None, [_]) => 0,
        (None, _) => {
            let problem = format!("the scenario has {} ports; name one", ports.len());
            return Err(bad_argument("--port", problem).into());
        }
        (Some(name), _) => ports.iter().position(|port| port == name).ok_or_else(|| {
            let problem = format!("there is no port {name:?}, expected {}", one_of(known()));
            bad_argument("--port", problem).near(name, known())
        })?,
    };
    let (events, spans) = (&trace.events, &trace.spans);
    let written = match trace.header.mode {
        Mode::Free => history(&scenario.program, PortId(port as u8), events, spans),
        _ => Err("only recordings at full speed have times".into()),
    };
    let on = trace.header.on.as_deref().unwrap_or("model");
    let exit = write((&scenario.name, on), written, out, say)?;
    match files::cut(&recorded) {
        Some(cut) => Err(cut.into()),
        None => Ok(exit),
    }
}

/// Writes the text, or says why there is none.
fn write(
    (scenario, name): (&str, &str),
    written: Result<String, String>,
    out: Option<&Path>,
    say: &Say,
) -> Result<Exit, Stop> {
    let (verdict, why) = match &written {
        Ok(_) => ("exported", None),
        Err(why) => ("unsupported", Some(why.clone())),
    };
    match (&written, out) {
        (Ok(text), Some(file)) => files::create(file)?.write_all(text.as_bytes())?,
        (Ok(text), None) => say.text(text)?,
        (Err(why), _) => say.aside(&format!("unsupported: {scenario} as {name}: {why}")),
    }
    say.object(&json::Exported {
        scenario: scenario.to_owned(),
        personality: name.to_owned(),
        verdict,
        text: written.ok().filter(|_| out.is_none()),
        why,
    })?;
    Ok(Exit::AsExpected)
}

//! `portsim export`: a scenario, a run or a recording in the language of another program.

mod drawn;

use std::io::Write;
use std::path::{Path, PathBuf};

use portsim_model::program::PortId;

use super::args::{self, Language, LookIn, Picture, Target, personality};
use super::say::{Say, create};
use super::{Exit, Stop, bad_argument, files};
use crate::bad_input::{BadInput, one_of};
use crate::export::{history, promela};
use crate::personality::{default_for, not_for};
use crate::report::Report;
use crate::report::export::Exported;
use crate::scenario::Scenario;
use crate::trace::Mode;

/// The only system whose rules are stated a second time.
const STATED: &str = "windows";

/// Writes a scenario or a recording in another language.
pub fn export(args: &args::Export, say: &Say) -> Result<Exit, Stop> {
    let exported = match &args.language {
        Language::Promela { scenario, target } => model(scenario, target)?,
        Language::History {
            trace,
            port,
            out,
            look_in,
        } => recording(trace, port.as_deref(), out.clone(), look_in)?,
        Language::Mermaid(args) => drawn::run(args, Picture::Mermaid)?,
        Language::Plantuml(args) => drawn::run(args, Picture::Plantuml)?,
        Language::Dot {
            drawn,
            states: None,
        } => drawn::run(drawn, Picture::Dot)?,
        Language::Dot {
            drawn,
            states: Some(states_max),
        } => drawn::states(drawn, *states_max)?,
        Language::Svg(args) => drawn::run(args, Picture::Svg)?,
        Language::Perfetto(args) => drawn::run(args, Picture::Perfetto)?,
        Language::Itf(args) => drawn::run(args, Picture::Itf)?,
        Language::Shiviz(args) => drawn::run(args, Picture::Shiviz)?,
    };
    if let (Ok(text), Some(file)) = (&exported.written, &exported.file) {
        create(file)?.write_all(text.as_bytes())?;
    }
    say.report(Report::Export(&exported))
}

fn model(scenario: &Path, target: &Target) -> Result<Exported, Stop> {
    let scenario = Scenario::read(scenario)?;
    let name = match &target.personality {
        Some(name) => personality(name)?,
        None => default_for(&scenario),
    };
    let written = match (not_for(name, &scenario), name) {
        (Some(lacks), _) => Err(lacks),
        (None, STATED) => promela(&scenario, target.machine.processors),
        (None, _) => Err(format!("the export has no rules of {name}")),
    };
    Ok(Exported {
        scenario: scenario.name,
        system: name.to_owned(),
        written,
        file: target.out.clone(),
        cut: None,
    })
}

fn recording(
    file: &Path,
    port: Option<&str>,
    out: Option<PathBuf>,
    look_in: &LookIn,
) -> Result<Exported, Stop> {
    let read = files::trace(file, look_in)?;
    let port = port_of(&read.scenario.names.ports, port)?;
    let trace = &read.trace;
    let written = match trace.header.mode {
        Mode::Free => history(&read.scenario.program, port, &trace.events, &trace.spans),
        Mode::Lockstep | Mode::Steps => Err("only recordings at full speed have times".into()),
    };
    Ok(Exported {
        scenario: read.scenario.name.clone(),
        system: trace.header.on.as_deref().unwrap_or("model").to_owned(),
        written,
        file: out,
        cut: read.cut,
    })
}

/// The port of this name, or the only one.
fn port_of(ports: &[String], name: Option<&str>) -> Result<PortId, BadInput> {
    let known = || ports.iter().map(String::as_str);
    let port = match (name, ports) {
        (None, [_]) => 0,
        (None, _) => {
            let problem = format!("the scenario has {} ports; name one", ports.len());
            return Err(bad_argument("--port", problem));
        }
        (Some(name), _) => ports.iter().position(|port| port == name).ok_or_else(|| {
            let problem = format!("there is no port {name:?}, expected {}", one_of(known()));
            bad_argument("--port", problem).near(name, known())
        })?,
    };
    Ok(PortId(port as u8))
}

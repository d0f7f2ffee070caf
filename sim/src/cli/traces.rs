//! Traces that commands write.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::Stop;
use super::on::On;
use super::say::create;
use crate::scenario::Scenario;
use crate::trace::{FORMAT, Header, Mode, Origin, Trace, write_timed};

/// The header of a trace that the model makes.
pub fn of_model(scenario: &Scenario, personality: &str, processors: u32) -> Header {
    Header {
        from: Origin::Model,
        personality: Some(personality.to_owned()),
        mode: match scenario.program.schedule {
            Some(_) => Mode::Lockstep,
            None => Mode::Steps,
        },
        processors: Some(processors),
        ..empty(scenario)
    }
}

/// The header of a recording.
pub fn of_backend(scenario: &Scenario, on: &On, mode: Mode, seed: u64) -> Header {
    Header {
        on: Some(on.plays()),
        mode,
        seed: Some(seed),
        processors: on.processors(),
        os: on.os(),
        ..empty(scenario)
    }
}

/// The header of what another program wrote down.
pub fn of_log(scenario: &Scenario, personality: Option<&str>, processors: u32) -> Header {
    Header {
        personality: personality.map(str::to_owned),
        mode: Mode::Free,
        processors: Some(processors),
        ..empty(scenario)
    }
}

fn empty(scenario: &Scenario) -> Header {
    Header {
        format: FORMAT.to_owned(),
        scenario: scenario.name.clone(),
        scenario_sha256: scenario.sha256.clone(),
        from: Origin::Backend,
        personality: None,
        on: None,
        mode: Mode::Lockstep,
        seed: None,
        processors: None,
        tool: format!("portsim {}", env!("CARGO_PKG_VERSION")),
        os: "none".to_owned(),
        violation: None,
        loop_at: None,
        refused_at: None,
        why: None,
        claims: Vec::new(),
    }
}

/// What the header of a trace says is wrong at its end.
pub fn wrong(header: &Header) -> String {
    let violation = header.violation.as_ref();
    let refused = header.refused_at.map(|at| format!("refused at event {at}"));
    let words = violation
        .map(|name| format!("violation of {name}"))
        .or(refused);
    words.unwrap_or_default()
}

/// Writes a trace to a file.
pub fn write(file: &Path, scenario: &Scenario, trace: &Trace) -> Result<(), Stop> {
    let mut out = BufWriter::new(create(file)?);
    write_to(&mut out, scenario, trace)?;
    Ok(out.flush()?)
}

/// A trace as the bytes of a file.
pub fn bytes(scenario: &Scenario, trace: &Trace) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_to(&mut bytes, scenario, trace).expect("memory can be written");
    bytes
}

fn write_to(out: &mut impl Write, scenario: &Scenario, trace: &Trace) -> io::Result<()> {
    write_timed(
        out,
        &scenario.names,
        &scenario.program,
        &trace.header,
        (&trace.events, &trace.spans),
        trace.end.as_ref(),
    )
}

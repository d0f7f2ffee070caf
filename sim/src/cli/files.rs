//! Files that arguments name.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use portsim_model::personality::NAMES;

use super::args::LookIn;
use crate::bad_input::BadInput;
use crate::scenario::{self, Scenario};
use crate::trace::{Header, Recorded, Trace, read};

/// A scenario file.
pub fn scenario(file: &Path) -> Result<Scenario, BadInput> {
    scenario::read(file, &NAMES)
}

/// A trace with the scenario that it is of; the recording too, for what its file says of itself.
pub fn trace(file: &Path, look_in: &LookIn) -> Result<(Recorded, Scenario, Trace), BadInput> {
    let recorded = read(file)?;
    let scenario = scenario_of(file, &recorded.header, look_in)?;
    let trace = recorded.resolve(&scenario.names, &scenario.program)?;
    Ok((recorded, scenario, trace))
}

/// The scenario that a trace names, if it is still the one that was run.
fn scenario_of(file: &Path, header: &Header, look_in: &LookIn) -> Result<Scenario, BadInput> {
    let path: PathBuf = look_in.scenarios.join(format!("{}.json", header.scenario));
    if !path.exists() {
        let problem = format!(
            "is of scenario {:?}, and there is no {}",
            header.scenario,
            path.display()
        );
        return Err(BadInput::new(file, problem + "; --scenarios names the folder").at("line 1"));
    }
    let scenario = scenario(&path)?;
    if scenario.sha256 != header.scenario_sha256 {
        let problem = format!(
            "is of another version of {}: its SHA-256 is {}, the trace names {}",
            path.display(),
            scenario.sha256,
            header.scenario_sha256
        );
        return Err(BadInput::new(file, problem).at("line 1"));
    }
    Ok(scenario)
}

/// A trace that was cut says less than it could: an error, once what there is was judged.
pub fn cut(recorded: &Recorded) -> Option<BadInput> {
    let line = recorded.cut_after?;
    let problem = "the trace is cut: it has no end; what stands before was used";
    Some(BadInput::new(Path::new(&recorded.file), problem).at(format!("line {line}")))
}

/// The addresses of a file of hosts: one a line.
pub fn addresses(file: &Path) -> Result<Vec<String>, BadInput> {
    let unreadable = |error| BadInput::new(file, format!("cannot be read: {error}"));
    let text = fs::read_to_string(file).map_err(unreadable)?;
    let mut addresses = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let address = line.trim();
        let has_port = |(host, port): (&str, &str)| !host.is_empty() && port.parse::<u16>().is_ok();
        if address.is_empty() {
            continue;
        }
        if !address.rsplit_once(':').is_some_and(has_port) {
            let problem =
                format!("found {address:?}, expected an address such as \"localhost:2101\"");
            return Err(BadInput::new(file, problem).at(format!("line {}", n + 1)));
        }
        addresses.push(address.to_owned());
    }
    Ok(addresses)
}

/// A file to write.
pub fn create(file: &Path) -> Result<File, BadInput> {
    File::create(file).map_err(|error| BadInput::new(file, format!("cannot be written: {error}")))
}

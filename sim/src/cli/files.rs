//! Files that arguments name.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::args::{Foreign, LookIn, Part};
use super::say::Say;
use crate::bad_input::{BadInput, quoted};
use crate::report::exit::Cut;
use crate::scenario::{Scenario, find};
use crate::shipped;
use crate::trace::{Header, Trace, read};
use crate::utf8;

/// Reads scenario files, and goes on behind those that cannot be used.
pub struct Scenarios<'a> {
    /// Files and folders as they were named.
    paths: &'a [PathBuf],
    skip_foreign: bool,
    say: &'a Say,
    read: usize,
    skipped: usize,
}

impl<'a> Scenarios<'a> {
    /// None yet, of these paths.
    pub fn of(paths: &'a [PathBuf], foreign: &Foreign, say: &'a Say) -> Scenarios<'a> {
        Scenarios {
            paths,
            skip_foreign: foreign.skip_foreign,
            say,
            read: 0,
            skipped: 0,
        }
    }

    /// The scenario of a file; none if it is said what is wrong with it, or that it is passed over.
    pub fn read(&mut self, file: &Path) -> Option<Scenario> {
        let bad = match Scenario::read(file) {
            Ok(scenario) => {
                self.read += 1;
                return Some(scenario);
            }
            Err(bad) => bad,
        };
        let is_named = self.paths.iter().any(|path| path == file);
        if self.skip_foreign && bad.is_foreign && !is_named {
            self.skipped += 1;
            self.say.note(&format!("passed over: {bad}"));
        } else {
            self.say.bad(bad);
        }
        None
    }

    /// Every scenario at or below the paths, of those in this part.
    pub fn all(
        paths: &'a [PathBuf],
        part: Part,
        foreign: &Foreign,
        say: &'a Say,
    ) -> Result<Vec<Scenario>, BadInput> {
        let mut read = Scenarios::of(paths, foreign, say);
        let files = part.of(find(paths)?);
        let scenarios = files.iter().filter_map(|file| read.read(file)).collect();
        // Nothing need be left for one of many parts.
        if part.shard.is_none() {
            read.some_are_left()?;
        }
        Ok(scenarios)
    }

    /// That nothing is left of a folder is no success.
    pub fn some_are_left(&self) -> Result<(), BadInput> {
        match (self.read, self.skipped, self.paths) {
            (0, 1.., [path, ..]) if !self.say.has_bad() => {
                let problem = "there is no scenario in it: every JSON file is foreign";
                Err(BadInput::new(path, problem))
            }
            _ => Ok(()),
        }
    }
}

/// A trace file.
pub struct TraceFile {
    /// What it is a trace of.
    pub scenario: Arc<Scenario>,
    pub trace: Trace,
    /// Where it is cut: such a trace says less than it could.
    pub cut: Option<Cut>,
}

/// A trace with its scenario.
pub fn trace(file: &Path, look_in: &LookIn) -> Result<TraceFile, BadInput> {
    let recorded = read(file)?;
    let scenario = scenario_of(file, &recorded.header, look_in)?;
    let trace = recorded.resolve(&scenario.names, &scenario.program)?;
    let cut = recorded.cut_after.map(|line| Cut {
        file: recorded.file,
        line,
    });
    Ok(TraceFile {
        scenario: Arc::new(scenario),
        trace,
        cut,
    })
}

/// The scenario that a trace names, if it is still the one that was run.
fn scenario_of(file: &Path, header: &Header, look_in: &LookIn) -> Result<Scenario, BadInput> {
    let name = Path::new(&header.scenario);
    // A trace may come from anybody: what it names is looked for in the folder, and nowhere else.
    let is_below = |part| matches!(part, Component::Normal(_));
    if !name.components().all(is_below) {
        let named = quoted(&header.scenario);
        let problem = format!("names scenario {named}, which is no path below a folder");
        return Err(BadInput::new(file, problem).on_line(1));
    }
    let mut path: PathBuf = look_in.scenarios.join(format!("{}.json", header.scenario));
    // Where nobody has the project's scenarios, the command does.
    let shipped = shipped::path_of(&header.scenario);
    if !path.exists() && shipped::text(&shipped).is_some() {
        path = shipped;
    }
    if !path.exists() && !shipped::is_meant(&path) {
        let problem = format!(
            "is of scenario {}, and there is no {}",
            quoted(&header.scenario),
            path.display()
        );
        return Err(BadInput::new(file, problem + "; --scenarios names the folder").on_line(1));
    }
    let scenario = Scenario::read(&path)?;
    if scenario.sha256 != header.scenario_sha256 {
        let problem = format!(
            "is of another version of {}: its SHA-256 is {}, the trace names {}",
            path.display(),
            scenario.sha256,
            header.scenario_sha256
        );
        return Err(BadInput::new(file, problem).on_line(1));
    }
    Ok(scenario)
}

/// The addresses of a file of hosts: one a line.
pub fn addresses(file: &Path) -> Result<Vec<String>, BadInput> {
    let unreadable = |error| BadInput::new(file, format!("cannot be read: {error}"));
    let bytes = fs::read(file).map_err(unreadable)?;
    let text = utf8::text(&bytes).map_err(|(_, problem)| BadInput::new(file, problem))?;
    addresses_in(file, text)
}

/// The addresses that stand in such a file.
pub fn addresses_in(file: &Path, text: &str) -> Result<Vec<String>, BadInput> {
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
            return Err(BadInput::new(file, problem).on_line(n + 1));
        }
        addresses.push(address.to_owned());
    }
    Ok(addresses)
}

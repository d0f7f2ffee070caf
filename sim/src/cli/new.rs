//! `portsim new`: a first scenario, and the schema by which an editor completes it.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::say::Say;
use super::{Exit, Stop, args};
use crate::bad_input::BadInput;
use crate::report::json::written;
use crate::report::repeat::shell;
use crate::scenario;

/// A scenario with each kind of property, which passes.
const FIRST: &str = include_str!("first.json");

/// Writes both, and says what to do next. Nothing that is there is written over.
pub fn new(args: &args::New, say: &Say) -> Result<Exit, Stop> {
    let file = &args.file;
    let wrong = |problem: String| BadInput::new(file, problem);
    write(file, FIRST).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => wrong("is there already, and stays as it is".to_owned()),
        _ => wrong(format!("cannot be written: {error}")),
    })?;
    let schema = file.with_file_name(scenario::SCHEMA);
    match write(&schema, &written(&scenario::schema())) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(BadInput::new(&schema, format!("cannot be written: {error}")).into());
        }
        _ => {}
    }
    let named = shell(file);
    say.note(&format!(
        "{named} is a scenario, {} its schema; next:",
        shell(&schema)
    ));
    say.note(&format!("  portsim run {named} --seed 7"));
    say.note(&format!("  portsim check {named}"));
    Ok(Exit::AsExpected)
}

fn write(file: &Path, text: &str) -> io::Result<()> {
    File::create_new(file)?.write_all(text.as_bytes())
}

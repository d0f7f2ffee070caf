//! What the command says of its own arguments: to shells, which complete them, and to readers of manual pages.

use std::fs;
use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::generate;
use clap_mangen::Man;

use super::args::{self, Portsim};
use super::{Exit, Stop};
use crate::bad_input::BadInput;

/// Prints what a shell needs to complete arguments.
pub fn completions(args: &args::Completions) -> Result<Exit, Stop> {
    let mut script = Vec::new();
    generate(args.shell, &mut Portsim::command(), "portsim", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(Exit::AsExpected)
}

/// Writes the manual pages to a folder, or prints that of the command as a whole.
pub fn man(args: &args::Man) -> Result<Exit, Stop> {
    let Some(folder) = &args.folder else {
        let mut page = Vec::new();
        Man::new(Portsim::command()).render(&mut page)?;
        io::stdout().lock().write_all(&page)?;
        return Ok(Exit::AsExpected);
    };
    let written = fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Portsim::command(), folder));
    written.map_err(|error| BadInput::new(folder, format!("cannot be written: {error}")))?;
    Ok(Exit::AsExpected)
}

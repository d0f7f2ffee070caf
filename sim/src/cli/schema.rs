//! `portsim schema`: what a kind of file may say, as JSON Schema.

use std::io::{self, Write};

use super::args::{Schema, SchemaOf};
use super::{Exit, Stop};
use crate::native::agent;
use crate::report::json::{settings, written};
use crate::{log, scenario, trace};

/// Prints a schema; it is JSON in any case.
pub fn schema(args: &Schema) -> Result<Exit, Stop> {
    let schema = match args.what {
        SchemaOf::Scenario => scenario::schema(),
        SchemaOf::Trace => trace::schema(),
        SchemaOf::Agent => agent::wire::schema(),
        SchemaOf::Map => log::schema(),
        SchemaOf::Settings => settings(),
    };
    io::stdout().lock().write_all(written(&schema).as_bytes())?;
    Ok(Exit::AsExpected)
}

//! `portsim merge`: the parts of a sweep, joined.

use std::fs;

use super::args::Merge;
use super::say::Say;
use super::{Exit, Stop};
use crate::bad_input::BadInput;
use crate::report::Report;
use crate::report::json::join::Said;

/// Joins what a command said of the parts of a whole.
pub fn merge(args: &Merge, say: &Say) -> Result<Exit, Stop> {
    let mut whole: Option<Said> = None;
    for file in &args.files {
        let bad = |problem: String| BadInput::new(file, problem);
        let text = fs::read(file).map_err(|error| bad(format!("cannot be read: {error}")))?;
        let part = Said::read(&text).map_err(|(line, why)| bad(why).at(format!("line {line}")))?;
        match &mut whole {
            None => whole = Some(part),
            Some(whole) => whole.add(part).map_err(bad)?,
        }
    }
    let whole = whole.expect("one file is required");
    say.report(Report::Merge(&whole))
}

//! `portsim merge`: the parts of a sweep, joined.

use std::fs::File;
use std::io::Read;

use super::args::Merge;
use super::say::Say;
use super::{Exit, Stop};
use crate::bad_input::BadInput;
use crate::report::Report;
use crate::report::json::join::Said;

/// The largest report, in bytes.
const BYTES_MAX: u64 = 64 << 20;

/// Joins what a command said of the parts of a whole.
pub fn merge(args: &Merge, say: &Say) -> Result<Exit, Stop> {
    let mut whole: Option<Said> = None;
    for file in &args.files {
        let bad = |problem: String| BadInput::new(file, problem);
        let unreadable = |error| bad(format!("cannot be read: {error}"));
        let mut text = Vec::new();
        let opened = File::open(file).map_err(unreadable)?;
        let read = opened.take(BYTES_MAX + 1).read_to_end(&mut text);
        if read.map_err(unreadable)? as u64 > BYTES_MAX {
            let mib = BYTES_MAX >> 20;
            return Err(bad(format!(
                "is larger than the {mib} MiB that a report may have"
            ))
            .into());
        }
        let part = Said::read(&text).map_err(|(line, why)| bad(why).on_line(line))?;
        match &mut whole {
            None => whole = Some(part),
            Some(whole) => whole.add(part).map_err(bad)?,
        }
    }
    let whole = whole.expect("one file is required");
    if let Some(missing) = whole.missing() {
        let problem = format!("part {missing} is missing: no file is of it");
        return Err(BadInput::new(&args.files[0], problem).into());
    }
    say.report(Report::Merge(&whole))
}

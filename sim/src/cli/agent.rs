//! `portsim agent`: a backend of this build as an agent, on standard input and output.

use std::io;

use super::args::Agent;
use super::on::On;
use super::{Exit, Stop};
use crate::bad_input::BadInput;
use crate::native::agent::serve::{Broken, serve};
use crate::native::os;

/// Does what a conductor says, until it says `bye` or its lines end.
pub fn agent(args: &Agent) -> Result<Exit, Stop> {
    let on = On::named(&args.on)?;
    match serve(&*on, &os(), &mut io::stdin().lock(), io::stdout()) {
        Ok(()) => Ok(Exit::AsExpected),
        Err(Broken::Line(number, problem)) => {
            let input = std::path::Path::new("standard input");
            let bad = BadInput::new(input, problem).on_line(number as usize);
            Err(bad.into())
        }
        Err(Broken::Failed(failure)) => Err(Stop::Unavailable(failure.to_string())),
        Err(Broken::Io(error)) => Err(error.into()),
    }
}

//! `portsim export`: a scenario in the language of another checker.

use std::io::Write;

use super::args::{Export, Language, personality};
use super::say::Say;
use super::{Exit, Stop, files};
use crate::export::promela;
use crate::personality::{default_for, not_for};
use crate::report::json;

/// The only system whose rules are stated a second time.
const STATED: &str = "windows";

/// Writes a scenario in another language.
pub fn export(args: &Export, say: &Say) -> Result<Exit, Stop> {
    let Language::Promela { scenario, target } = &args.language;
    let scenario = files::scenario(scenario)?;
    let name = target
        .personality
        .as_deref()
        .map(personality)
        .transpose()?
        .unwrap_or_else(|| default_for(&scenario));
    let stated = || match name {
        STATED => promela(&scenario, target.machine.processors),
        _ => Err(format!("the export has no rules of {name}")),
    };
    let written = match not_for(name, &scenario) {
        Some(why) => Err(why),
        None => stated(),
    };
    let (verdict, why) = match &written {
        Ok(_) => ("exported", None),
        Err(why) => ("unsupported", Some(why.clone())),
    };
    match (&written, &target.out) {
        (Ok(text), Some(file)) => files::create(file)?.write_all(text.as_bytes())?,
        (Ok(text), None) => say.text(text)?,
        (Err(why), _) => {
            say.aside(&format!("unsupported: {} as {name}: {why}", scenario.name));
        }
    }
    say.object(&json::Exported {
        scenario: scenario.name,
        personality: name.to_owned(),
        verdict,
        text: written.ok().filter(|_| target.out.is_none()),
        why,
    })?;
    Ok(Exit::AsExpected)
}

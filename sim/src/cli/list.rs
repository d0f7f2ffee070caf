//! `portsim list`: what there is.

use std::path::PathBuf;
use std::sync::Arc;

use portsim_model::personality::{CLAIMS, NAMES};

use super::args;
use super::bad_argument;
use super::files::Scenarios;
use super::say::Say;
use super::{Exit, Stop};
use crate::bad_input::{BadInput, nearest, quoted};
use crate::known::known;
use crate::native::backends;
use crate::personality::not_for;
use crate::report::Report;
use crate::report::list::{Backend, Here, List, Listed};
use crate::scenario::find;
use crate::shipped;

/// The name of a claim or a system that is close to a word.
fn near(word: &str) -> Option<&'static str> {
    let claims = CLAIMS.iter().flat_map(|(_, claims)| claims.iter().copied());
    nearest(word, claims.map(|claim| claim.id).chain(NAMES))
}

/// Lists personalities, backends and scenarios, or what is known of words.
pub fn list(args: &args::List, say: &Say) -> Result<Exit, Stop> {
    if let Some(words) = &args.search {
        let known = known(words);
        if known.is_nothing() {
            let problem = format!("no claim, system or scenario speaks of {}", quoted(words));
            return Err(bad_argument("--search", problem).into());
        }
        return say.report(Report::List(&List::Known(known)));
    }
    // A word that is no path is a question; a path that is mistyped is none.
    let is_no_path = |path: &PathBuf| !path.exists() && !shipped::is_meant(path);
    if !args.paths.is_empty() && args.paths.iter().all(is_no_path) {
        let words: Vec<_> = args
            .paths
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        let known = known(&words.join(" "));
        if !known.is_nothing() {
            return say.report(Report::List(&List::Known(known)));
        }
        let is_word = |word: &str| !word.contains(['/', '\\', '.']);
        let problem = match words.iter().find_map(|word| near(word)) {
            Some(name) => Some(format!(
                "nothing is known of it; did you mean {}?",
                quoted(name)
            )),
            None if words.iter().all(|word| is_word(word)) => {
                Some("nothing is known of it, and there is no such file or folder".to_owned())
            }
            None => None,
        };
        if let Some(problem) = problem {
            return Err(BadInput::new(&args.paths[0], problem).into());
        }
    }
    let mut scenarios = Vec::new();
    let mut read = Scenarios::of(&args.paths, &args.foreign, say);
    for file in find(&args.paths)? {
        let Some(scenario) = read.read(&file) else {
            continue;
        };
        let scenario = Arc::new(scenario);
        let plays = |name: &&'static str| not_for(name, &scenario).is_none();
        scenarios.push(Listed {
            personalities: NAMES.into_iter().filter(plays).collect(),
            scenario,
        });
    }
    read.some_are_left()?;
    let backends = backends().iter().map(|backend| Backend {
        name: backend.name(),
        available: backend.available(),
    });
    say.report(Report::List(&List::Here(Here {
        personalities: NAMES.to_vec(),
        backends: backends.collect(),
        scenarios,
    })))
}

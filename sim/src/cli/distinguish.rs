//! `portsim distinguish`: the smallest scenario that tells two systems apart.

use std::collections::BTreeSet;
use std::fs;
use std::time::Instant;

use super::args::{self, personality};
use super::say::Say;
use super::stop::{self, stopped};
use super::{Exit, Stop, bad_argument, no_thread};
use crate::bad_input::BadInput;
use crate::distinguish::{Bound, distinguish as all_that, told};
use crate::report::Report;
use crate::report::distinguish::{Distinguished, Experiment};
use crate::report::units::count;

/// Finds it.
pub fn distinguish(args: &args::Distinguish, say: &Say) -> Result<Exit, Stop> {
    let named = |name: &str, place| personality(name).map_err(|bad| bad.at(place));
    let (a, b) = (named(&args.a, "A")?, named(&args.b, "B")?);
    if a == b {
        return Err(bad_argument("B", "the same system twice").into());
    }
    let bound = Bound {
        operations: args.operations.into(),
        threads: args.threads.into(),
        vocabulary: (!args.vocabulary.is_empty()).then(|| args.vocabulary.clone()),
        all: args.all,
        workers: args.workers(),
    };
    let since = Instant::now();
    let mut progress = say.progress();
    let at = |operations: usize, compared: u64| {
        progress.at(|_| {
            let compared = count(compared);
            format!("{a} and {b}: {compared} compared, now of {operations} operations")
        });
    };
    let compared = all_that(a, b, &bound, stop::flag(), at).map_err(no_thread)?;
    // With all of them, one for each set of claims that parts the two.
    let mut known = BTreeSet::new();
    let mut experiments = Vec::new();
    for found in compared.found {
        let told = told(found.draft, a, b);
        if known.insert(told.claims.clone()) {
            experiments.push(Experiment {
                told,
                operations: found.operations,
            });
        }
    }
    drop(progress);
    let distinguished = Distinguished {
        a,
        b,
        complete: !stopped(),
        found: experiments,
        compared: compared.compared,
        left_out: compared.left_out,
        bound: (bound.operations, bound.threads),
        seconds: since.elapsed().as_secs_f64(),
    };
    if let Some(folder) = &args.out {
        let broken = |problem: std::io::Error| BadInput::new(folder, problem.to_string());
        fs::create_dir_all(folder).map_err(broken)?;
        for (n, experiment) in distinguished.found.iter().enumerate() {
            let name = format!("{a}-{b}-{}.json", n + 1).replace([':', '=', ',', '/'], "-");
            fs::write(folder.join(name), experiment.told.draft.text()).map_err(broken)?;
        }
    }
    say.report(Report::Distinguish(&distinguished))
}

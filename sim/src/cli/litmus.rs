//! `portsim litmus`: scenarios at full speed, many times.

use std::fs;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::args;
use super::files::Scenarios;
use super::on::{On, pairs};
use super::say::Say;
use super::stop;
use super::{Exit, Stop, traces};
use crate::bad_input::BadInput;
use crate::report::Report;
use crate::report::litmus::Histograms;
use crate::request::Litmus;
use crate::trace::{Mode, Trace};

/// Runs scenarios and counts what comes out.
pub fn litmus(args: &args::Litmus, say: &Say) -> Result<Exit, Stop> {
    let scenarios = Scenarios::all(&args.paths, args.part, &args.foreign, say)?;
    let pairs = pairs(&args.on, args.personality.as_deref())?;
    let mut progress = say.progress();
    let mut request = Litmus::new(scenarios, args.runs)
        .patience(args.seconds.map(Duration::from_secs))
        .judge_one_in(args.judge)
        .stop(stop::flag())
        .watch(|now| {
            progress.at(|_| format!("{} on {}: {} runs", now.scenario, now.on, now.runs));
        });
    for (backend, personality) in &pairs {
        request = request.on_as(&**backend, personality);
    }
    let mut histograms = under_stress(args.stress, || request.run())?;
    drop(progress);
    if let Some(folder) = &args.keep {
        fs::create_dir_all(folder)
            .map_err(|error| BadInput::new(folder, format!("cannot be made: {error}")))?;
        keep(&mut histograms, folder, &pairs)?;
    }
    say.report(Report::Litmus(&histograms))
}

/// Does some work while so many threads do nothing but run.
fn under_stress<T>(threads: u8, work: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    spin_loop();
                }
            });
        }
        let done = work();
        over.store(true, Ordering::Relaxed);
        done
    })
}

/// Keeps a trace of each outcome that was seen.
fn keep(
    histograms: &mut Histograms,
    folder: &std::path::Path,
    pairs: &[(On, &'static str)],
) -> Result<(), Stop> {
    for histogram in &mut histograms.histograms {
        let Some((on, _)) = pairs.iter().find(|(on, _)| on.name() == histogram.on) else {
            continue;
        };
        for (n, outcome) in histogram.outcomes.iter_mut().enumerate() {
            let Some(witness) = &mut outcome.witness else {
                continue;
            };
            let name = format!("{}-{}-{}", histogram.scenario.name, on.name(), n + 1);
            let name = name.replace(['/', ':', ' ', '\''], "-") + ".jsonl";
            let trace = Trace {
                header: traces::of_backend(&histogram.scenario, on, Mode::Free, witness.seed),
                events: witness.events.clone(),
                spans: witness.spans.clone(),
                end: Some(witness.end.clone()),
            };
            let file = folder.join(name);
            traces::write(&file, &histogram.scenario, &trace)?;
            witness.file = Some(file);
        }
    }
    Ok(())
}

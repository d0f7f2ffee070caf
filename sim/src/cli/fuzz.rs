//! `portsim fuzz`: scenarios that nobody thought of, on real systems and on the model.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::args;
use super::on::{On, pairs};
use super::say::{Progress, Say};
use super::stop::{self, stopped};
use super::{Exit, Stop, no_thread};
use crate::bad_input::BadInput;
use crate::draft::Draft;
use crate::explore::Tour;
use crate::fuzz::{Found, Fuzzer, Outcome};
use crate::native::agent::PREFIX;
use crate::personality::play;
use crate::report::Report;
use crate::report::fuzz::{Divergence, Fuzzed, LeftOut, Reason, Sweep, Without};
use crate::report::units::{count, rate};
use crate::scenario::Scenario;

/// As many different divergences of one pair are made small; more are only counted.
const FOUND_MAX: usize = 20;

/// Steps of a small case that a page shows first.
const STEPS_SHOWN: usize = 200;

/// Seeds between two looks at the clock.
const LOT: u64 = 256;

/// Makes up scenarios and cross-checks them.
pub fn fuzz(args: &args::Fuzz, say: &Say) -> Result<Exit, Stop> {
    let pairs = pairs(&args.on, args.personality.as_deref())?;
    let since = Instant::now();
    let mut progress = say.progress();
    let mut fuzzed = Fuzzed {
        processors: args.machine.processors,
        ..Fuzzed::default()
    };
    for (backend, personality) in &pairs {
        let sweep = Sweeping {
            args,
            backend,
            personality,
            known: fuzzed.found.len(),
            cases: 0,
            fuzzed: &mut fuzzed,
        };
        let sweep = sweep.run(&mut progress)?;
        fuzzed.sweeps.push(sweep);
        if stopped() {
            break;
        }
    }
    drop(progress);
    fuzzed.seconds = since.elapsed().as_secs_f64();
    fuzzed.complete = !stopped();
    say.report(Report::Fuzz(&fuzzed))
}

/// All seeds on one backend, while they are had.
struct Sweeping<'a> {
    args: &'a args::Fuzz,
    backend: &'a On,
    personality: &'static str,
    /// Divergences of the backends before this one.
    known: usize,
    cases: u64,
    fuzzed: &'a mut Fuzzed,
}

impl Sweeping<'_> {
    fn run(mut self, progress: &mut Progress) -> Result<Sweep, Stop> {
        let since = Instant::now();
        let processors = self.args.machine.processors;
        let fuzzer = Fuzzer::new(&**self.backend, self.personality, processors);
        let fuzzer = fuzzer.map_err(Stop::Unavailable)?;
        for (kind, why) in &fuzzer.writer.left_out {
            self.fuzzed.left_out.push(LeftOut {
                on: self.backend.name().to_owned(),
                personality: self.personality,
                kind,
                why: why.clone(),
            });
        }
        self.seeds(&fuzzer, progress)?;
        Ok(Sweep {
            on: self.backend.name().to_owned(),
            personality: self.personality,
            cases: self.cases,
            seconds: since.elapsed().as_secs_f64(),
        })
    }

    fn seeds(&mut self, fuzzer: &Fuzzer<'_>, progress: &mut Progress) -> Result<(), Stop> {
        let seeds = self.args.part.of_seeds(&self.args.seeds);
        let since = Instant::now();
        let mut at = seeds.start;
        while at < seeds.end && !stopped() {
            let found = self.found().len();
            progress.at(|_| {
                let done = at - seeds.start;
                format!(
                    "{} as {}: {} of {}, {}, {found} found",
                    self.backend.name(),
                    self.personality,
                    count(done),
                    count(seeds.end - seeds.start),
                    rate(done, since.elapsed().as_secs_f64()),
                )
            });
            let lot = at..seeds.end.min(at.saturating_add(LOT));
            at = lot.end;
            let keep = found < FOUND_MAX;
            let cases = fuzzer.cases(lot, self.workers(), keep, stop::flag());
            for (seed, outcome) in cases.map_err(no_thread)? {
                // A recording that was broken off says nothing.
                if stopped() && matches!(outcome, Outcome::Unavailable(..)) {
                    continue;
                }
                self.count(seed, outcome)?;
            }
        }
        Ok(())
    }

    /// An agent does one thing at a time.
    fn workers(&self) -> usize {
        match self.backend {
            On::Agent(_) => 1,
            On::Built(_) => self.args.workers(),
        }
    }

    /// What differs on this backend, each once.
    fn found(&mut self) -> &mut [Divergence] {
        &mut self.fuzzed.found[self.known..]
    }

    fn count(&mut self, seed: u64, outcome: Outcome) -> Result<(), Stop> {
        self.cases += 1;
        let totals = &mut self.fuzzed.totals;
        match outcome {
            Outcome::Agree => totals.agree += 1,
            Outcome::Unsupported(why) => {
                totals.unsupported += 1;
                self.reason(Without::Unsupported, why, seed, None)?;
            }
            Outcome::Unavailable(why, draft) => {
                totals.unavailable += 1;
                self.reason(Without::Unavailable, why, seed, Some(&draft))?;
            }
            Outcome::Differ(found) => {
                totals.differ += 1;
                self.differs(*found)?;
            }
        }
        Ok(())
    }

    /// Counts a case without a verdict; the first in which the backend failed so is kept.
    fn reason(
        &mut self,
        without: Without,
        why: String,
        seed: u64,
        draft: Option<&Draft>,
    ) -> Result<(), Stop> {
        let on = self.backend.name();
        let known = |reason: &&mut Reason| {
            (&*reason.on, reason.without, &reason.why) == (on, without, &why)
        };
        if let Some(reason) = self.fuzzed.reasons.iter_mut().find(known) {
            reason.cases += 1;
            return Ok(());
        }
        let file = draft.map(|_| self.file(seed));
        if let (Some(draft), Some(file)) = (draft, &file) {
            write(file, &draft.text())?;
        }
        self.fuzzed.reasons.push(Reason {
            on: on.to_owned(),
            without,
            why,
            cases: 1,
            seed,
            file,
        });
        Ok(())
    }

    /// Keeps what is new.
    fn differs(&mut self, found: Found) -> Result<(), Stop> {
        let mut known = self.found().iter_mut();
        if let Some(known) = known.find(|known| known.found.like(&found)) {
            known.times += 1;
            return Ok(());
        }
        if self.found().len() >= FOUND_MAX {
            return Ok(());
        }
        let file = self.file(found.seed);
        let text = found.draft.text();
        write(&file, &text)?;
        let tour = self.args.pages.states_max(FOUND_MAX);
        let tour = tour.and_then(|states_max| self.tour(&file, &text, states_max));
        self.fuzzed.found.push(Divergence {
            tour,
            on: self.backend.name().to_owned(),
            personality: self.personality,
            found,
            file,
            times: 1,
        });
        Ok(())
    }

    /// What the model does in the small case.
    fn tour(&self, file: &Path, text: &str, states_max: usize) -> Option<(Arc<Scenario>, Tour)> {
        let name = file.file_stem()?.to_string_lossy();
        let scenario = Scenario::parse(&name, file, text.as_bytes()).ok()?;
        let processors = self.backend.processors();
        let processors = processors.unwrap_or(self.args.machine.processors);
        let machine = play(self.personality, &scenario.program, processors).ok()?;
        let tour = Tour::along(machine, STEPS_SHOWN, states_max);
        Some((Arc::new(scenario), tour))
    }

    /// Where a divergence is kept.
    fn file(&self, seed: u64) -> PathBuf {
        let on = match self.backend.name().starts_with(PREFIX) {
            true => PREFIX.trim_end_matches(':'),
            false => self.backend.name(),
        };
        self.args
            .out
            .join(format!("{on}-as-{}-{seed}.json", self.personality))
    }
}

fn write(file: &Path, text: &str) -> Result<(), Stop> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(file, text));
    written.map_err(|error| BadInput::new(file, format!("cannot be written: {error}")).into())
}

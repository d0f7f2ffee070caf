//! `portsim fuzz`: scenarios that nobody thought of, on real systems and on the model.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::args::Fuzz;
use super::on::{On, backend_names, pairs};
use super::say::{Progress, Say, shell, stop_on_ctrl_c, stopped};
use super::{Exit, Stop};
use crate::bad_input::BadInput;
use crate::fuzz::{Found, Fuzzer, Outcome};
use crate::native::agent::PREFIX;
use crate::report::json::{FoundFields, Fuzzed, LeftOut, Reason};
use crate::report::text;

/// As many different divergences of one pair are made small; more are only counted.
const FOUND_MAX: usize = 20;

/// Seeds between two looks at the clock.
const LOT: u64 = 256;

/// Makes up scenarios and cross-checks them.
pub fn fuzz(args: &Fuzz, say: &Say) -> Result<Exit, Stop> {
    let pairs = pairs(&args.on, args.personality.as_deref())?;
    stop_on_ctrl_c();
    let since = Instant::now();
    let (mut all, mut progress) = (Fuzzed::default(), say.progress());
    let mut words = String::new();
    for (backend, personality) in &pairs {
        let before = (all.cases, Instant::now());
        let mut sweep = Sweep {
            args,
            backend,
            personality,
            found: Vec::new(),
            fuzzed: &mut all,
        };
        sweep.run(&mut progress)?;
        let cases = all.cases - before.0;
        words += &format!(
            "{} as {personality}: {}, {}\n",
            backend.name(),
            text::counted(cases, "case"),
            rate(cases, before.1.elapsed())
        );
        if stopped() {
            break;
        }
    }
    drop(progress);
    all.seconds = since.elapsed().as_secs_f64();
    all.complete = !stopped();
    for found in &all.found {
        say.text(&differ(args, found))?;
    }
    say.text(&left_out(&all))?;
    say.text(&words)?;
    say.text(&format!(
        "\n{} agree, {} differ, {} unsupported, {} unavailable",
        all.agree, all.differ, all.unsupported, all.unavailable
    ))?;
    say.object(&all)?;
    Ok(match &all {
        Fuzzed { differ: 1.., .. } => Exit::Verdict,
        Fuzzed {
            unavailable: 1.., ..
        } => {
            let failed = all
                .reasons
                .iter()
                .find(|reason| reason.verdict == "unavailable");
            let why = failed.map_or(String::new(), |reason| reason.why.clone());
            return Err(Stop::Unavailable(format!(
                "{why}; backends of this build: {}",
                backend_names()
            )));
        }
        _ if stopped() => Exit::Partial,
        _ => Exit::AsExpected,
    })
}

/// Cases in a second.
fn rate(cases: u64, took: Duration) -> String {
    let rate = cases as f64 / took.as_secs_f64().max(0.001);
    format!("{} a second", text::count(rate.round() as u64))
}

/// All seeds on one backend.
struct Sweep<'a> {
    args: &'a Fuzz,
    backend: &'a On,
    personality: &'static str,
    /// What differs, each once, with its place in the report.
    found: Vec<(Found, usize)>,
    fuzzed: &'a mut Fuzzed,
}

impl Sweep<'_> {
    fn run(&mut self, progress: &mut Progress) -> Result<(), Stop> {
        let processors = self.args.machine.processors;
        let fuzzer = Fuzzer::new(&**self.backend, self.personality, processors);
        let fuzzer = fuzzer.map_err(Stop::Unavailable)?;
        for (kind, why) in &fuzzer.left_out {
            self.fuzzed.left_out.push(LeftOut {
                on: self.backend.name().to_owned(),
                personality: self.personality.to_owned(),
                kind,
                why: why.clone(),
            });
        }
        let seeds = self.args.part.of_seeds(&self.args.seeds);
        let since = Instant::now();
        let mut at = seeds.start;
        while at < seeds.end && !stopped() {
            progress.at(|_| {
                let done = at - seeds.start;
                format!(
                    "{} as {}: {} of {}, {}, {} found",
                    self.backend.name(),
                    self.personality,
                    text::count(done),
                    text::count(seeds.end - seeds.start),
                    rate(done, since.elapsed()),
                    self.found.len()
                )
            });
            let lot = at..seeds.end.min(at.saturating_add(LOT));
            at = lot.end;
            let keep = self.found.len() < FOUND_MAX;
            for (seed, outcome) in fuzzer.cases(lot, self.workers(), keep, stop_on_ctrl_c()) {
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

    fn count(&mut self, seed: u64, outcome: Outcome) -> Result<(), Stop> {
        self.fuzzed.cases += 1;
        match outcome {
            Outcome::Agree => self.fuzzed.agree += 1,
            Outcome::Unsupported(why) => {
                self.fuzzed.unsupported += 1;
                self.reason("unsupported", why, seed);
            }
            Outcome::Unavailable(why) => {
                self.fuzzed.unavailable += 1;
                self.reason("unavailable", why, seed);
            }
            Outcome::Differ(found) => {
                self.fuzzed.differ += 1;
                self.differs(*found)?;
            }
        }
        Ok(())
    }

    fn reason(&mut self, verdict: &'static str, why: String, seed: u64) {
        let reasons = &mut self.fuzzed.reasons;
        let on = self.backend.name();
        let known = |reason: &&mut Reason| {
            (&*reason.on, reason.verdict, &reason.why) == (on, verdict, &why)
        };
        match reasons.iter_mut().find(known) {
            Some(reason) => reason.cases += 1,
            None => reasons.push(Reason {
                on: on.to_owned(),
                verdict,
                why,
                cases: 1,
                seed,
            }),
        }
    }

    /// Keeps what is new.
    fn differs(&mut self, found: Found) -> Result<(), Stop> {
        if let Some((_, place)) = self.found.iter().find(|(known, _)| known.like(&found)) {
            self.fuzzed.found[*place].times += 1;
            return Ok(());
        }
        if self.found.len() >= FOUND_MAX {
            return Ok(());
        }
        let file = self.file(found.seed);
        write(&file, &found.draft.text())?;
        self.fuzzed.found.push(FoundFields {
            seed: found.seed,
            on: self.backend.name().to_owned(),
            personality: self.personality.to_owned(),
            scenario: file.display().to_string(),
            again: found.again,
            times: 1,
            at: found.refusal.at,
            why: found.refusal.saw.clone(),
            allowed: found.refusal.allowed.clone(),
        });
        self.found.push((found, self.fuzzed.found.len() - 1));
        Ok(())
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

/// Where a backend and the model part, and how to see it again.
fn differ(args: &Fuzz, found: &FoundFields) -> String {
    let mut words = format!(
        "differ  {} on {} as {}, seed {}, {}\n",
        found.scenario,
        found.on,
        found.personality,
        found.seed,
        text::counted(found.times, "time")
    );
    words += &format!(
        "at event {}:\n  {} shows  {}\n",
        found.at, found.on, found.why
    );
    for allowed in &found.allowed {
        words += &format!("  the model of {} allows  {allowed}\n", found.personality);
    }
    if !found.again {
        words += "  it did not come again with the same turns: this is the whole case\n";
    }
    words += &format!(
        "repeat: portsim cross-check {} --on {} --as {}",
        shell(Path::new(&found.scenario)),
        shell(Path::new(&found.on)),
        found.personality
    );
    if args.machine.processors != 2 {
        words += &format!(" --processors {}", args.machine.processors);
    }
    words + "\n\n"
}

/// Nothing is left out in silence.
fn left_out(all: &Fuzzed) -> String {
    let mut words = String::new();
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for left_out in &all.left_out {
        let reason = format!(
            "not drawn for {} as {}: {}",
            left_out.on, left_out.personality, left_out.why
        );
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, kinds)) => kinds.push(left_out.kind),
            None => reasons.push((reason, vec![left_out.kind])),
        }
    }
    for (reason, kinds) in reasons {
        words += &format!("{reason}\n  {}\n", kinds.join(", "));
    }
    for reason in &all.reasons {
        words += &format!(
            "{} on {}: {}\n  {}, the first is seed {}\n",
            reason.verdict,
            reason.on,
            reason.why,
            text::counted(reason.cases, "case"),
            reason.seed
        );
    }
    if !words.is_empty() {
        words.push('\n');
    }
    words
}

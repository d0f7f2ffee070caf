//! `portsim record --seconds`: many short rounds at full speed, each judged at once.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::args::{self, personality};
use super::on::On;
use super::say::{Say, create};
use super::stop::stopped;
use super::{Exit, Stop, traces};
use crate::bad_input::BadInput;
use crate::cross_check::stress::{Round, round};
use crate::report::Report;
use crate::report::stress::{Refused, Stress};
use crate::trace::{Mode, Trace};

/// As many rounds on which the judge gave up are kept.
const KEPT_MAX: usize = 8;

/// Plays rounds until the time is over or one is refused.
pub fn stress(args: &args::Record, seconds: u64, say: &Say) -> Result<Exit, Stop> {
    let on = On::named(&args.on)?;
    let judge = match &args.personality {
        Some(name) => personality(name)?,
        None => on.judge()?,
    };
    // What cannot be kept is better known before anything is found.
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from("."));
    fs::create_dir_all(&folder)
        .map_err(|error| BadInput::new(&folder, format!("cannot be made: {error}")))?;
    let request = Request {
        args,
        on,
        time: Duration::from_secs(seconds),
        folder,
    };
    let mut stress = Stress {
        on: args.on.clone(),
        personality: judge,
        seed: args.seed,
        rounds: 0,
        events: 0,
        undecided: 0,
        kept: Vec::new(),
        refused: None,
        seconds: 0.0,
        stopped: false,
    };
    // Whatever fails, what was found before is said.
    let played = request.play(&mut stress, say);
    let exit = say.report(Report::Stress(&stress))?;
    played.map(|()| exit)
}

/// What is to be played.
struct Request<'a> {
    args: &'a args::Record,
    on: On,
    time: Duration,
    /// Where rounds are kept.
    folder: PathBuf,
}

impl Request<'_> {
    fn play(&self, stress: &mut Stress, say: &Say) -> Result<(), Stop> {
        let (start, mut progress) = (Instant::now(), say.progress());
        let mut played = Ok(());
        while played.is_ok()
            && start.elapsed() < self.time
            && !stopped()
            && stress.refused.is_none()
        {
            progress.at(|_| format!("{} rounds, {} events", stress.rounds, stress.events));
            played = self.round(stress);
        }
        stress.seconds = start.elapsed().as_secs_f64();
        stress.stopped = stopped();
        played
    }

    fn round(&self, stress: &mut Stress) -> Result<(), Stop> {
        // Behind the last seed comes the first.
        let seed = stress.seed.wrapping_add(stress.rounds);
        let name = format!("stress-{seed}");
        let processors = self.on.processors().unwrap_or(2);
        let threads = self.args.threads.into();
        let played = round(
            &*self.on,
            stress.personality,
            (&name, seed),
            threads,
            processors,
        );
        let round =
            played.map_err(|failed| Stop::Unavailable(failed.words(&Default::default())))?;
        stress.rounds += 1;
        stress.events += round.events.len() as u64;
        if let Some(refusal) = round.judgement.refused.clone() {
            let refused = stress.refused.insert(Refused {
                round,
                refusal,
                file: None,
            });
            refused.file = Some(self.keep(&refused.round, &name)?);
        } else if round.judgement.gave_up {
            stress.undecided += 1;
            if stress.kept.len() < KEPT_MAX {
                stress.kept.push(self.keep(&round, &name)?);
            }
        }
        Ok(())
    }

    /// Keeps a round that is not admitted: its scenario, and what was seen.
    fn keep(&self, round: &Round, name: &str) -> Result<PathBuf, Stop> {
        let scenario = self.folder.join(format!("{name}.json"));
        create(&scenario)?.write_all(round.text.as_bytes())?;
        let file = self.folder.join(format!("{name}.jsonl"));
        let trace = Trace {
            header: traces::of_backend(&round.scenario, &self.on, Mode::Free, self.args.seed),
            events: round.events.clone(),
            spans: round.spans.clone(),
            end: Some(round.end.clone()),
        };
        traces::write(&file, &round.scenario, &trace)?;
        Ok(file)
    }
}

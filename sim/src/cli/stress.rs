//! `portsim record --seconds`: many short rounds at full speed, each judged at once.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::admit::said;
use super::args::{Record, personality};
use super::on::On;
use super::say::{Say, shell, stop_on_ctrl_c, stopped};
use super::{Exit, Stop, files};
use crate::bad_input::BadInput;
use crate::cross_check::stress::{Round, round};
use crate::report::json;
use crate::trace::{Header, write_timed};

/// Plays rounds until the time is over or one is refused.
pub fn stress(
    args: &Record,
    seconds: u64,
    say: &Say,
    header: impl Fn(&Round, &On) -> Header,
) -> Result<Exit, Stop> {
    let on = On::named(&args.on)?;
    let judge = match &args.personality {
        Some(name) => personality(name)?,
        None => on.judge()?,
    };
    // What cannot be kept is better known before anything is found.
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from("."));
    fs::create_dir_all(&folder)
        .map_err(|error| BadInput::new(&folder, format!("cannot be made: {error}")))?;
    stop_on_ctrl_c();
    let processors = on.processors().unwrap_or(2);
    let (start, time) = (Instant::now(), Duration::from_secs(seconds));
    let mut progress = say.progress();
    let mut report = json::Stress {
        on: args.on.clone(),
        personality: judge.to_owned(),
        verdict: "admitted",
        seed: args.seed,
        rounds: 0,
        events: 0,
        undecided: 0,
        kept: Vec::new(),
        seconds: 0.0,
        file: None,
        saw: None,
        allowed: Vec::new(),
        window: Vec::new(),
        after: Vec::new(),
    };
    let mut window = String::new();
    // Whatever fails, what was found before is said.
    let mut rounds = || -> Result<(), Stop> {
        while start.elapsed() < time && !stopped() && report.verdict == "admitted" {
            let seed = args.seed + report.rounds;
            let name = format!("stress-{seed}");
            let played = round(&*on, judge, (&name, seed), args.threads.into(), processors);
            let round =
                played.map_err(|failed| Stop::Unavailable(failed.words(&Default::default())))?;
            report.rounds += 1;
            report.events += round.events.len() as u64;
            progress.at(|_| format!("{} rounds, {} events", report.rounds, report.events));
            if let Some(refusal) = &round.judgement.refused {
                report.verdict = "refused";
                report.saw = Some(refusal.saw.clone());
                report.allowed = refusal.allowed.clone();
                report.window = refusal.window.clone();
                report.after = refusal.after.clone();
                window = said(&round.scenario, &round.events, &round.spans, refusal);
                let file = keep(&round, &folder, &name, &header(&round, &on))?;
                report.file = Some(file.display().to_string());
            } else if round.judgement.gave_up {
                report.undecided += 1;
                if report.kept.len() < KEPT_MAX {
                    let file = keep(&round, &folder, &name, &header(&round, &on))?;
                    report.kept.push(file.display().to_string());
                }
            }
        }
        Ok(())
    };
    let played = rounds();
    drop(progress);
    report.seconds = start.elapsed().as_secs_f64();
    say.text(&words(&report, &window))?;
    say.object(&report)?;
    played?;
    Ok(match (report.verdict, report.undecided) {
        ("refused", _) => Exit::Verdict,
        (_, 1..) => Exit::Partial,
        _ if stopped() => Exit::Partial,
        _ => Exit::AsExpected,
    })
}

/// As many rounds on which the judge gave up are kept.
const KEPT_MAX: usize = 8;

/// Keeps a round that is not admitted: its scenario, and what was seen.
fn keep(round: &Round, folder: &Path, name: &str, header: &Header) -> Result<PathBuf, Stop> {
    let scenario = folder.join(format!("{name}.json"));
    files::create(&scenario)?.write_all(round.text.as_bytes())?;
    let file = folder.join(format!("{name}.jsonl"));
    let mut out: BufWriter<File> = BufWriter::new(files::create(&file)?);
    write_timed(
        &mut out,
        &round.scenario.names,
        &round.scenario.program,
        header,
        (&round.events, &round.spans),
        Some(&round.end),
    )?;
    out.flush()?;
    Ok(file)
}

fn words(report: &json::Stress, window: &str) -> String {
    let mut words = format!(
        "{}  stress on {} as {}: {} rounds, {} events, {:.1} s, {:.0} events/s",
        report.verdict,
        report.on,
        report.personality,
        report.rounds,
        report.events,
        report.seconds,
        report.events as f64 / report.seconds.max(0.001)
    );
    if report.undecided > 0 {
        words += &format!("; {} rounds undecided, kept:", report.undecided);
        for file in &report.kept {
            words += &format!(" {}", shell(&PathBuf::from(file)));
        }
    }
    if let Some(saw) = &report.saw {
        words += &format!("\n  saw      {saw}{window}");
        for allowed in &report.allowed {
            words += &format!("\n  allowed  {allowed}");
        }
    }
    if let Some(file) = &report.file {
        let path = PathBuf::from(file);
        let folder = path.parent().unwrap_or(&path);
        words += &format!(
            "\nrepeat: portsim admit {} --as {} --scenarios {}",
            shell(&path),
            report.personality,
            shell(folder)
        );
    }
    words
}

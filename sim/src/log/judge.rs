//! Could a system have shown this log?

use portsim_model::claim::Claim;
use portsim_model::event::Error;
use portsim_model::os_error::OsError;
use portsim_model::personality::claims_of;

use super::gather::WORDS_FROM;
use super::machine::{NO_LIMIT, machine, names};
use super::{Log, TICKS_UNKNOWN};
use crate::admit::free::{Limits, Open, admit_log, words};
use crate::admit::{Judgement, Refusal};
use crate::coverage::Coverage;
use crate::personality::base;

/// What a system says of a log.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Where they part; none if the system could have shown it all.
    pub refused: Option<Shown>,
    /// Whether nobody knows.
    pub gave_up: bool,
    /// Where the judge gave up, and what was open there.
    pub stuck: Option<Shown>,
    /// How many places were looked at.
    pub states: usize,
    /// How many steps of the order that was found are not in the log.
    pub unobserved: u32,
    /// The claims that decided in that order, where somebody asked and there is one.
    pub coverage: Option<Coverage>,
    /// What was taken for granted that the log does not say, or how far it was judged.
    pub notes: Vec<String>,
}

/// Where a log and a system part.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The line of the call.
    pub at: u32,
    /// What the log says there.
    pub saw: String,
    /// What the system could have shown.
    pub allowed: Vec<String>,
    /// The claims behind that.
    pub by: Vec<&'static Claim>,
    /// The calls that no order explains.
    pub window: Vec<Told>,
    /// What each thread had done last, before that.
    pub after: Vec<Told>,
}

/// A call of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its line.
    pub line: u32,
    /// When, in nanoseconds; the end is none where it had not ended.
    pub t0: u64,
    /// See `t0`.
    pub t1: Option<u64>,
    /// Who called what, and what came of it.
    pub words: String,
}

/// What came of one number of threads that may run at once.
struct Tried {
    judgement: Judgement,
    open: Open,
    coverage: Coverage,
    counts: bool,
}

impl Tried {
    fn fits(&self) -> bool {
        self.judgement.refused.is_none() && !self.judgement.gave_up
    }
}

/// Asks a system of so many processors; an `Err` says what it lacks. Where claims are to be counted, they are.
pub fn judge(
    log: &Log,
    personality: &str,
    processors: u32,
    limits: Limits,
    covers: bool,
) -> Result<Judged, String> {
    let mut judged = judge_part(log, personality, processors, limits, covers)?;
    for part in &log.parts {
        let other = judge_part(part, personality, processors, limits, covers)?;
        judged.add(other);
    }
    Ok(judged)
}

impl Judged {
    /// The same with what was found of a part that has nothing to do with it.
    fn add(&mut self, other: Judged) {
        self.refused = match (self.refused.take(), other.refused) {
            (Some(own), Some(other)) if other.ended() < own.ended() => Some(other),
            (own, other) => own.or(other),
        };
        self.gave_up = self.refused.is_none() && (self.gave_up || other.gave_up);
        self.stuck = self.stuck.take().or(other.stuck);
        self.states += other.states;
        self.unobserved += other.unobserved;
        self.notes.extend(other.notes);
        self.coverage = match (self.coverage.take(), other.coverage) {
            (Some(mut own), Some(other)) => {
                own.merge(&other);
                Some(own)
            }
            _ => None,
        };
    }
}

impl Shown {
    /// When the call was over.
    fn ended(&self) -> u64 {
        let own = self.window.iter().find(|call| call.line == self.at);
        own.and_then(|call| call.t1).unwrap_or(u64::MAX)
    }
}

/// Asks a system about one part of a log.
fn judge_part(
    log: &Log,
    personality: &str,
    processors: u32,
    limits: Limits,
    covers: bool,
) -> Result<Judged, String> {
    let names = names(log);
    let told = [log.told, log.beyond.map(|(_, _, t0)| t0)];
    let told = told.into_iter().flatten().min();
    let try_with = |concurrency| {
        let (machine, feed) = machine(log, personality, processors, concurrency)?;
        let counts = machine.about().counts_running;
        let mut coverage = Coverage::default();
        let covered = covers.then_some(&mut coverage);
        let (judgement, open) =
            admit_log(&*machine, &names, &log.calls, feed, told, limits, covered);
        Ok::<_, String>(Tried {
            judgement,
            open,
            coverage,
            counts,
        })
    };
    let mut notes = Vec::new();
    let mut tried = try_with(NO_LIMIT)?;
    if tried.counts && log.concurrency.contains(&None) {
        // Nobody says how many threads may run at once. One number is enough.
        let untold = "the log does not say how many threads may run on a port at once";
        let mut fits = tried.fits().then_some(NO_LIMIT);
        if tried.judgement.refused.is_some() {
            for concurrency in 1..=log.threads() as u32 {
                let with = try_with(concurrency)?;
                if with.fits() {
                    (tried, fits) = (with, Some(concurrency));
                    break;
                }
                if with.judgement.gave_up {
                    tried.judgement.gave_up = true;
                    tried.open = with.open;
                }
            }
        }
        if fits.is_none() && tried.judgement.gave_up {
            tried.judgement.refused = None;
        }
        notes.push(match fits {
            Some(NO_LIMIT) => format!("{untold}: it fits where nothing limits them"),
            Some(number) => format!("{untold}: it fits with {number}"),
            None if tried.judgement.gave_up => untold.to_owned(),
            None => format!("{untold}: it fits with no number"),
        });
    }
    notes.extend(log.notes.iter().cloned());
    if let Some((line, why, _)) = log.beyond {
        notes.push(format!("judged up to line {line}, where there is {why}"));
    }
    let (machine, _) = machine(log, personality, processors, NO_LIMIT)?;
    let in_words = |n| words(&*machine, &names, &log.calls, n);
    let Tried {
        judgement,
        open,
        coverage,
        ..
    } = tried;
    let is_beyond = log.beyond.is_some();
    let refused = match judgement.refused {
        Some(refusal) if !log.is_misfit_before(&refusal) => Some(shown(log, refusal, in_words)),
        _ => log.misfit.as_ref().map(|misfit| {
            let says = |claim: &&Claim| claim.id.split('/').nth(1) == Some(misfit.claim);
            Shown {
                by: claims_of(base(personality)).filter(says).collect(),
                ..misfit.shown.clone()
            }
        }),
    };
    let is_explained = refused.is_none() && !judgement.gave_up;
    if limits.stopped() && refused.is_none() && judgement.gave_up {
        let at = open
            .stuck
            .as_ref()
            .map(|it| log.calls.line((it.at - 1) as u32));
        let how_far = at.map_or(String::new(), |line| {
            format!(": everything before line {line} fits")
        });
        notes.push(format!("it was told to end{how_far}"));
    }
    Ok(Judged {
        gave_up: refused.is_none() && (judgement.gave_up || is_beyond),
        refused,
        stuck: open.stuck.map(|it| shown(log, it, in_words)),
        states: judgement.states_max,
        unobserved: open.unseen + log.unobserved,
        coverage: (covers && is_explained).then_some(coverage),
        notes,
    })
}

/// How a system calls errors; an `Err` says what it lacks.
pub fn error_names(log: &Log, personality: &str) -> Result<fn(Error) -> OsError, String> {
    let (machine, _) = machine(log, personality, 1, NO_LIMIT)?;
    Ok(machine.os_error())
}

impl Log {
    /// Whether a call that nothing explains was over before the one that is refused.
    fn is_misfit_before(&self, refusal: &Refusal) -> bool {
        let refused = self.calls.span((refusal.at - 1) as u32);
        let misfit = self.misfit.as_ref();
        misfit.is_some_and(|misfit| misfit.end < refused.t1.unwrap_or(u64::MAX))
    }
}

fn shown(log: &Log, refusal: Refusal, in_words: impl Fn(u64) -> String) -> Shown {
    let told = |n: &u64| {
        let place = (*n - 1) as u32;
        let span = log.calls.span(place);
        Told {
            line: log.calls.line(place),
            t0: span.t0,
            t1: span.t1,
            words: plain(log, &in_words(*n)),
        }
    };
    Shown {
        at: log.calls.line((refusal.at - 1) as u32),
        saw: plain(log, &refusal.saw),
        allowed: refusal.allowed.iter().map(|it| plain(log, it)).collect(),
        window: refusal.window.iter().map(told).collect(),
        after: refusal.after.iter().map(told).collect(),
        by: refusal.by,
    }
}

/// The words of the log for what stands for them.
fn plain(log: &Log, words: &str) -> String {
    let words = words.replace(&format!(" timeout {TICKS_UNKNOWN}"), "");
    let mut parts = words.split("key ");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(part.len());
        let word = part[..end]
            .parse()
            .ok()
            .and_then(|key: i64| key.checked_sub(WORDS_FROM));
        let word = word.and_then(|n| log.words.get(usize::try_from(n).ok()?));
        text += "key ";
        match word {
            Some(word) => text += &format!("{word:?}{}", &part[end..]),
            None => text += part,
        }
    }
    text
}

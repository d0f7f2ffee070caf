//! Scenarios that nobody thought of, on a real backend and on the model; what differs is made small.
//!
//! A seed gives a scenario: a few threads with a few operations each, of the kinds that both sides have. Each case
//! leaves whole kinds out, so that what is rare among all operations is frequent in some cases (swarm testing). The
//! seed also chooses whose turn it is. Where backend and model part, the turns that were taken become the schedule,
//! and [`shrink`] cuts away what the divergence does not need.

mod draw;
mod every;
mod kinds;
mod parts;

use std::convert::Infallible;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portsim_model::program::Slated;

use crate::admit::Refusal;
use crate::choose::{Rng, Seeds, share};
use crate::cross_check::{Comparison, Verdict, cross_check_within};
use crate::draft::{CLOCK, Draft};
use crate::native::{Backend, Options};
use crate::personality::not_for;
use crate::run::GO_ON;
use crate::scenario::Scenario;
use crate::shrink::shrink;
use draw::Draw;
pub(crate) use every::{Variant, every, parts_of, with_keys};
use kinds::{KINDS, Kind};
use parts::parts;

/// The most turns of a case. None needs as many.
const TURNS_MAX: u64 = 500;

/// By how much deadlines are shorter than in a recording for keeps.
const HASTE: u32 = 8;

/// One case in so many has operations that wait for the clock: they take as long as hundreds of others.
const SLOW_CASES: usize = 16;

/// The most threads of a case, and the most operations of a thread.
const THREADS_MAX: usize = 5;
const CALLS_MAX: usize = 4;

/// Writes scenarios for a personality.
pub struct Writer<'p> {
    personality: &'p str,
    /// The kinds of operation that it draws from.
    kinds: Vec<&'static Kind>,
    /// Kinds of operation that it leaves out, with the reason.
    pub left_out: Vec<(&'static str, String)>,
}

impl<'p> Writer<'p> {
    /// It draws from whatever the personality plays.
    pub fn of(personality: &'p str) -> Writer<'p> {
        let Ok(writer) = Writer::new(personality, |_| Ok::<_, Infallible>(None));
        writer
    }

    /// It leaves out what the personality lacks, and what somebody else lacks, who is shown a scenario with nothing
    /// else.
    fn new<E>(
        personality: &'p str,
        lacks: impl Fn(&Scenario) -> Result<Option<String>, E>,
    ) -> Result<Writer<'p>, E> {
        let (mut kinds, mut left_out) = (Vec::new(), Vec::new());
        for kind in KINDS {
            let scenario = read(&drawn(&mut Rng::new(0), personality, &[kind], &[1, 1]));
            let why = match not_for(personality, &scenario) {
                Some(why) => Some(why),
                None => lacks(&scenario)?,
            };
            match why {
                Some(why) => left_out.push((kind.name, why)),
                None => kinds.push(kind),
            }
        }
        Ok(Writer {
            personality,
            kinds,
            left_out,
        })
    }

    /// The scenario of a seed: the same for ever, for the same kinds and version.
    pub fn draft(&self, seed: u64) -> Draft {
        let mut rng = Rng::new(seed);
        let slow = rng.below(SLOW_CASES) == 0;
        let mut kinds: Vec<_> = self.kinds.clone();
        kinds.retain(|kind| (slow || !kind.slow) && rng.below(2) == 0);
        if kinds.is_empty() {
            kinds.extend(self.kinds.iter().take(2));
        }
        let threads = 2 + rng.below(THREADS_MAX - 1);
        let calls: Vec<_> = (0..threads).map(|_| 1 + rng.below(CALLS_MAX)).collect();
        let mut draft = drawn(&mut rng, self.personality, &kinds, &calls);
        draft.why = format!("What comes of seed {seed}?");
        draft
    }
}

/// A backend and its judge, and what is written for both of them.
pub struct Fuzzer<'b> {
    backend: &'b dyn Backend,
    processors: u32,
    /// Writes the cases.
    pub writer: Writer<'b>,
}

/// What came out of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The model could have done the same.
    Agree,
    /// It could not.
    Differ(Box<Found>),
    /// The case is not for this pair after all, for this reason.
    Unsupported(String),
    /// The backend failed, in this case.
    Unavailable(String, Box<Draft>),
}

/// A case in which backend and model part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The seed of the case.
    pub seed: u64,
    /// The case, with a schedule; small, if it could be shown again.
    pub draft: Draft,
    /// Where they part.
    pub refusal: Refusal,
    /// Whether it came again with the same turns: if not, it depends on more than order.
    pub again: bool,
}

impl Found {
    /// Whether both are the same but for their seeds.
    pub fn like(&self, other: &Found) -> bool {
        let (mine, theirs) = (&self.draft, &other.draft);
        (&mine.parts, &mine.threads, &mine.schedule)
            == (&theirs.parts, &theirs.threads, &theirs.schedule)
    }
}

impl<'b> Fuzzer<'b> {
    /// Asks both which kinds of operation they have; an `Err` says why the backend could not be asked.
    pub fn new(
        backend: &'b dyn Backend,
        personality: &'b str,
        processors: u32,
    ) -> Result<Fuzzer<'b>, String> {
        let writer = Writer::new(personality, |scenario| {
            let refuses = backend.refuses(&scenario.program, Duration::from_millis(1));
            refuses.map_err(|failure| failure.to_string())
        })?;
        Ok(Fuzzer {
            backend,
            processors,
            writer,
        })
    }

    /// Makes the cases of these seeds, so many at a time, and gives them in order, as far as nobody stopped it.
    ///
    /// # Errors
    ///
    /// If a thread cannot be started.
    pub fn cases(
        &self,
        seeds: Range<u64>,
        workers: usize,
        keep: bool,
        stop: &AtomicBool,
    ) -> io::Result<Vec<(u64, Outcome)>> {
        let some = |_, seeds: &Seeds| {
            let going = seeds.take_while(|_| !stop.load(Ordering::Relaxed));
            going
                .map(|seed| (seed, self.made(seed, keep, stop)))
                .collect::<Vec<_>>()
        };
        let mut all = share(seeds, workers, some)?.concat();
        all.sort_by_key(|(seed, _)| *seed);
        Ok(all)
    }

    /// Makes the case of a seed on both sides; what differs is made small if somebody wants to `keep` it.
    pub fn case(&self, seed: u64, keep: bool) -> Outcome {
        self.made(seed, keep, &GO_ON)
    }

    fn made(&self, seed: u64, keep: bool, stop: &AtomicBool) -> Outcome {
        let draft = self.writer.draft(seed);
        let scenario = read(&draft);
        let hasty = self.cell(&scenario, seed, HASTE);
        let cell = match hasty.verdict {
            // On a machine that is busy, clocks as short as that go wrong.
            Verdict::Unavailable(_) => self.cell(&scenario, seed, 1),
            _ => hasty,
        };
        match cell.verdict {
            Verdict::Agree(_) => Outcome::Agree,
            Verdict::Unsupported(why) => Outcome::Unsupported(why),
            Verdict::Unavailable(why) => {
                Outcome::Unavailable(why, Box::new(with_schedule(draft, &cell.taken)))
            }
            Verdict::Differ(refusal) => {
                let whole = Found {
                    seed,
                    draft: with_schedule(draft, &cell.taken),
                    refusal,
                    again: false,
                };
                Outcome::Differ(Box::new(match keep {
                    true => self.small(whole, stop),
                    false => whole,
                }))
            }
        }
    }

    /// The smallest case that shows the same, or as small as it was when it was stopped; the whole one where it does
    /// not come again with the same turns.
    fn small(&self, whole: Found, stop: &AtomicBool) -> Found {
        let mut found = whole.clone();
        if self.differs(&whole.draft, 1).is_some() {
            let shows = |draft: &Draft| {
                !stop.load(Ordering::Relaxed) && self.differs(draft, HASTE).is_some()
            };
            let small = shrink(whole.draft, shows);
            let tidy = small.tidied();
            let small = if shows(&tidy) { tidy } else { small };
            // What is kept must show without haste too.
            if let Some(refusal) = self.differs(&small, 1) {
                (found.draft, found.refusal, found.again) = (small, refusal, true);
            }
        }
        found.draft.why = format!(
            "{} shows `{}` at event {}, which the rules of {} do not allow.",
            self.backend.name(),
            found.refusal.saw,
            found.refusal.at,
            self.writer.personality
        );
        found
    }

    /// A scenario on both sides.
    fn cell(&self, scenario: &Scenario, seed: u64, haste: u32) -> Comparison {
        let limits = Options {
            turns_max: TURNS_MAX,
            haste,
            ..Options::default()
        };
        let (backend, personality) = (self.backend, self.writer.personality);
        cross_check_within(
            &limits,
            scenario,
            backend,
            personality,
            seed,
            self.processors,
        )
    }

    /// Where both sides part in a draft. One that is no scenario differs in nothing.
    fn differs(&self, draft: &Draft, haste: u32) -> Option<Refusal> {
        let scenario = parsed(draft).ok()?;
        match self.cell(&scenario, 0, haste).verdict {
            Verdict::Differ(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// Draws so many calls for each thread.
fn drawn(rng: &mut Rng, personality: &str, kinds: &[&'static Kind], calls: &[usize]) -> Draft {
    let parts = parts(rng);
    let names: Vec<_> = (b'a'..)
        .take(calls.len())
        .map(|name| char::from(name).to_string())
        .collect();
    let ports = 1 + usize::from(rng.below(4) == 0);
    let mut draw = Draw {
        answers: rng,
        few: false,
        ports,
        threads: &names,
        key: 0,
        made: Vec::new(),
    };
    let weights: usize = kinds.iter().map(|kind| kind.weight).sum();
    let mut threads = Vec::new();
    for (name, &calls) in names.iter().zip(calls) {
        let mut some = Vec::new();
        for _ in 0..calls {
            let mut place = draw.below(weights);
            let kind = kinds.iter().find(|kind| {
                let here = place < kind.weight;
                place = place.saturating_sub(kind.weight);
                here
            });
            let kind = kind.expect("the place is among the weights");
            some.extend(kind.draw(&mut draw));
            if kind.name == "exit" {
                break;
            }
        }
        threads.push((name.clone(), some));
    }
    let mut draft = Draft {
        why: "Is there such an operation?".to_owned(),
        meant_for: personality.to_owned(),
        parts,
        threads,
        schedule: None,
        ..Draft::default()
    };
    draft.forget_unused();
    draft
}

/// The turns that were taken, as a schedule.
fn with_schedule(mut draft: Draft, taken: &[Slated]) -> Draft {
    let turn = |slated: &Slated| match slated {
        Slated::Thread(thread) => draft.threads[thread.index()].0.clone(),
        Slated::Time => CLOCK.to_owned(),
    };
    draft.schedule = Some(taken.iter().map(turn).collect());
    draft
}

/// What a case is called.
const NAME: &str = "fuzz";

fn parsed(draft: &Draft) -> Result<Scenario, String> {
    let text = draft.text();
    let file = Path::new("fuzz.json");
    Scenario::parse(NAME, file, text.as_bytes()).map_err(|bad| bad.to_string())
}

fn read(draft: &Draft) -> Scenario {
    parsed(draft).unwrap_or_else(|bad| panic!("a draft is no scenario: {bad}\n{}", draft.text()))
}

#[cfg(all(test, not(loom)))]
mod tests;

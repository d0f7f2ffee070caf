//! The smallest scenario that tells two systems apart: small ones are made in the order of their size, and what threads
//! can be told on each system is compared.
//!
//! Two systems are told apart by a scenario if one can tell its threads something that the other cannot: whoever moves
//! when, or after the same turns. Smaller means fewer operations, then fewer threads, then fewer turns.

pub mod identify;
mod observed;
pub mod pin;
mod space;
mod told;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use portsim_model::claim::Claim;

use crate::choose::share;
use crate::draft::{CLOCK, Call, Draft};
use crate::fuzz::{parts_of, with_keys};
use crate::personality::{base, parted, unsupported};
use crate::scenario::Scenario;
use observed::{Freely, Side, Turns, by_turns};
use space::{PLAIN, Space, Words, names, shapes};

pub use space::THREADS_MAX;
pub use told::{Holds, Told, claims_used, told};

/// The most operations of a scenario.
pub const OPERATIONS_MAX: usize = 6;

/// Scenarios that a worker compares before it looks whether another has found an earlier one.
const CHUNK: u64 = 256;

/// Which scenarios are compared.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The most operations.
    pub operations: usize,
    /// The most threads.
    pub threads: usize,
    /// Words of operations, where not all are used.
    pub vocabulary: Option<Vec<String>>,
    /// Whether more than the first is looked for.
    pub all: bool,
    /// Workers that compare.
    pub workers: usize,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// Scenarios that tell them apart, the smallest first.
    pub found: Vec<Found>,
    /// How many scenarios were compared.
    pub compared: u64,
    /// How many had too many situations to be compared.
    pub left_out: u64,
}

/// A scenario that tells two systems apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The scenario, with a schedule where that is needed.
    pub draft: Draft,
    /// Its operations, of all threads.
    pub operations: usize,
    /// Whether it cannot come out alike on both.
    pub wholly: bool,
}

impl Compared {
    fn tells_wholly(&self) -> bool {
        self.found.iter().any(|found| found.wholly)
    }
}

/// Finds the smallest scenario within a bound that tells two systems apart: the first that cannot come out alike on both, or
/// the first at all if there is none of as few operations. With [`Bound::all`] it goes on, and finds them all. Names may have
/// readings behind a colon. `progress` is told how many operations scenarios have by now, and how many were compared.
///
/// # Errors
///
/// If a thread cannot be started.
///
/// # Panics
///
/// If there is no such system.
pub fn distinguish(
    a: &str,
    b: &str,
    bound: &Bound,
    stop: &AtomicBool,
    mut progress: impl FnMut(usize, u64),
) -> io::Result<Compared> {
    let mut all = Compared::default();
    let parted = parted(a, b);
    let wanted = |threads: usize| {
        move |call: &Call| {
            let is_meant = |words: &Vec<String>| words.iter().any(|word| word == call.verb);
            bound.vocabulary.as_ref().is_none_or(is_meant)
                && [a, b].iter().all(|name| has(name, call, threads))
        }
    };
    let words: Vec<_> = (1..=bound.threads)
        .map(|threads| [1, 2].map(|ports| Words::new(threads, ports, wanted(threads))))
        .collect();
    for operations in 1..=bound.operations {
        for shape in shapes(operations, bound.threads) {
            let [one_port, two_ports] = &words[shape.len() - 1];
            for (words, ports) in [(one_port, 1), (two_ports, 2)] {
                let Some((own, most)) = families_max(operations, ports) else {
                    continue;
                };
                for families in words.families(own, most) {
                    let space = Space::new(shape.clone(), words, families);
                    let search = Search {
                        a,
                        b,
                        parted: parted.as_deref(),
                        space: &space,
                        operations,
                        stop,
                    };
                    progress(operations, all.compared);
                    let part = search.all(bound.workers, bound.all)?;
                    all.compared += part.compared;
                    all.left_out += part.left_out;
                    all.found.extend(part.found);
                    if all.tells_wholly() && !bound.all {
                        all.found.retain(|found| found.wholly);
                        return Ok(all);
                    }
                    if stop.load(Ordering::Relaxed) {
                        return Ok(all);
                    }
                }
            }
        }
        if !all.found.is_empty() && !bound.all {
            all.found.truncate(1);
            break;
        }
    }
    Ok(all)
}

/// How many operations of a scenario of so many on so many ports may have families of their own, and of how many families the
/// scenario is at most: a large one that speaks of everything is no small experiment. None if it is none at all.
fn families_max(operations: usize, ports: usize) -> Option<(usize, u32)> {
    match (operations, ports) {
        (0..=2, _) => Some((operations, u32::MAX)),
        (3, _) | (4, 1) => Some((1, 2)),
        (4, _) | (_, 1) => Some((0, 0)),
        _ => None,
    }
}

/// Whether a system has an operation.
fn has(name: &str, call: &Call, threads: usize) -> bool {
    let mut draft = Draft {
        why: "Is there such an operation?".to_owned(),
        meant_for: base(name).to_owned(),
        parts: parts_of(PLAIN),
        threads: names(threads)
            .into_iter()
            .map(|name| (name, Vec::new()))
            .collect(),
        schedule: None,
        ..Draft::default()
    };
    draft.threads[0].1.push(with_keys(call.clone(), &mut 0));
    draft.forget_unused();
    scenario(&draft).is_some_and(|scenario| unsupported(name, &scenario.program).is_none())
}

fn scenario(draft: &Draft) -> Option<Scenario> {
    let text = draft.text();
    Scenario::parse("experiment", Path::new("experiment.json"), text.as_bytes()).ok()
}

/// The scenarios of one space, on two systems.
struct Search<'s> {
    a: &'s str,
    b: &'s str,
    /// The claims of which they have different readings, where that is all in which they differ.
    parted: Option<&'s [&'static Claim]>,
    space: &'s Space,
    operations: usize,
    stop: &'s AtomicBool,
}

impl Search<'_> {
    /// Those that tell the two apart, in their order, or the first of them.
    fn all(&self, workers: usize, all_of_them: bool) -> io::Result<Compared> {
        let chunks = self.space.len().div_ceil(CHUNK);
        let first = AtomicU64::new(u64::MAX);
        // What came of each chunk: those behind the first that is found do not count.
        let all: Mutex<BTreeMap<u64, Compared>> = Mutex::default();
        share(0..chunks, workers, |_, chunks| {
            for chunk in chunks {
                if self.stop.load(Ordering::Relaxed) || chunk > first.load(Ordering::Relaxed) {
                    break;
                }
                let found = self.chunk(chunk, all_of_them);
                if found.tells_wholly() && !all_of_them {
                    first.fetch_min(chunk, Ordering::Relaxed);
                }
                if found != Compared::default() {
                    let mut all = all.lock().expect("nobody panics with it in hand");
                    all.insert(chunk, found);
                }
            }
        })?;
        let mut sum = Compared::default();
        let all = all.into_inner().expect("nobody panics with it in hand");
        for (_, chunk) in all {
            sum.compared += chunk.compared;
            sum.left_out += chunk.left_out;
            sum.found.extend(chunk.found);
            if sum.tells_wholly() && !all_of_them {
                break;
            }
        }
        Ok(sum)
    }

    fn chunk(&self, chunk: u64, all_of_them: bool) -> Compared {
        let mut out = Compared::default();
        let end = self.space.len().min((chunk + 1) * CHUNK);
        for number in chunk * CHUNK..end {
            let Some(calls) = self.space.get(number) else {
                continue;
            };
            for variant in self.space.variants(&calls) {
                match self.compare(self.space.draft(&calls, variant, base(self.a))) {
                    Apart::No => out.compared += 1,
                    Apart::Unknown => out.left_out += 1,
                    Apart::NoScenario => {}
                    Apart::Yes { draft, wholly } => {
                        out.compared += 1;
                        // Of those with which both can come out alike, the first will do.
                        if all_of_them || wholly || out.found.is_empty() {
                            out.found.push(Found {
                                draft,
                                operations: self.operations,
                                wholly,
                            });
                        }
                        if wholly && !all_of_them {
                            return out;
                        }
                    }
                }
            }
        }
        out
    }

    fn compare(&self, mut draft: Draft) -> Apart {
        let Some(scenario) = scenario(&draft) else {
            return Apart::NoScenario;
        };
        let Some(a) = Side::new(self.a, &scenario.program, self.operations) else {
            return Apart::NoScenario;
        };
        let parted = self.parted.unwrap_or_default();
        let Some(Freely { ends: in_a, asked }) = a.freely(parted) else {
            return Apart::Unknown;
        };
        // The same system under two readings of what it never reads.
        if self.parted.is_some() && !asked && a.tells_of(parted) {
            return Apart::No;
        }
        let Some(b) = Side::new(self.b, &scenario.program, self.operations) else {
            return Apart::NoScenario;
        };
        let Some(Freely { ends: in_b, .. }) = b.freely(&[]) else {
            return Apart::Unknown;
        };
        if in_a != in_b {
            let wholly = in_a.is_disjoint(&in_b);
            return Apart::Yes { draft, wholly };
        }
        // A lone thread has no others to take turns with.
        if draft.threads.len() == 1 {
            return Apart::No;
        }
        match by_turns(&a, &b) {
            Turns::Alike => Apart::No,
            Turns::TooMany => Apart::Unknown,
            Turns::Apart { turns, wholly } => {
                let name = |who: usize| {
                    let thread = draft.threads.get(who);
                    thread.map_or(CLOCK.to_owned(), |(name, _)| name.clone())
                };
                draft.schedule = Some(turns.into_iter().map(name).collect());
                Apart::Yes { draft, wholly }
            }
        }
    }
}

/// Whether a scenario tells two systems apart.
enum Apart {
    Yes {
        draft: Draft,
        wholly: bool,
    },
    No,
    /// It has too many situations.
    Unknown,
    /// It makes no sense, or one of them cannot play it.
    NoScenario,
}

//! Recordings on a page: what a real system showed, and where the model parts from it.

use super::sheet::{Sheet, Side, Tone};
use super::timeline::timeline;
use crate::admit::Refusal;
use crate::cross_check::{Comparison, Verdict};
use crate::report::admit::{self, Admission};
use crate::report::cross_check::CrossCheck;
use crate::report::fuzz::{Divergence, Fuzzed};
use crate::report::repeat;
use crate::report::units::counted;
use crate::trace::Mode;

/// A trace that was judged by a system.
pub fn admitted(admission: &Admission) -> Side<'_> {
    let refusal = admission.refusal();
    let verdict = admission.verdict();
    let trace = admission.trace.as_ref();
    let free = trace.filter(|trace| trace.header.mode == Mode::Free);
    Side {
        system: admission.personality.to_owned(),
        verdict: verdict.name().to_owned(),
        tone: match verdict {
            admit::Verdict::Admitted => Tone::Good,
            admit::Verdict::Refused => Tone::Bad,
            admit::Verdict::Partial | admit::Verdict::Unsupported => Tone::Open,
        },
        culprit: refusal.map_or(String::new(), |it| {
            parting(it, "the trace", admission.personality)
        }),
        repeat: repeat::admit_by(admission, admission.personality),
        tour: admission.tour.as_ref(),
        timeline: free.map(|trace| timeline(&admission.scenario, trace, refusal)),
        instead: admission
            .why()
            .map_or(String::new(), |why| format!("{why}.")),
    }
}

/// A sheet for each scenario: a side for each run that differs, or one for all that agree.
pub fn of_cross_check(cross_check: &CrossCheck) -> Vec<Sheet<'_>> {
    let scenarios = cross_check.scenarios.iter();
    let sheets = scenarios.map(|scenario| {
        let all = cross_check.comparisons.iter().enumerate();
        let of = all.filter(|(_, it)| it.scenario == scenario.name);
        let mut sides: Vec<Side<'_>> = Vec::new();
        let mut known: Vec<(String, &'static str, u64)> = Vec::new();
        for (n, comparison) in of {
            if let Verdict::Differ(refusal) = &comparison.verdict {
                sides.push(differs(cross_check, n, comparison, refusal));
                continue;
            }
            let pair = format!("{} as {}", comparison.on, comparison.personality);
            let verdict = comparison.verdict.name();
            match known.iter_mut().find(|it| it.0 == pair && it.1 == verdict) {
                Some(it) => it.2 += 1,
                None => {
                    known.push((pair.clone(), verdict, 1));
                    sides.push(without_states(pair, comparison));
                }
            }
        }
        for (pair, verdict, seeds) in known.into_iter().filter(|it| it.2 > 1) {
            let side = sides
                .iter_mut()
                .find(|side| side.system == pair && side.verdict == verdict);
            if let Some(side) = side {
                side.verdict = format!("{verdict}, {}", counted(seeds, "seed"));
            }
        }
        Sheet {
            name: scenario.name.clone(),
            scenario,
            sides,
        }
    });
    sheets.collect()
}

fn without_states<'r>(pair: String, comparison: &Comparison) -> Side<'r> {
    let why = match &comparison.verdict {
        Verdict::Agree(why) => why.clone(),
        Verdict::Unsupported(why) | Verdict::Unavailable(why) => Some(why.clone()),
        Verdict::Differ(_) => None,
    };
    Side {
        system: pair,
        verdict: comparison.verdict.name().to_owned(),
        tone: match comparison.verdict {
            Verdict::Agree(_) => Tone::Good,
            Verdict::Differ(_) => Tone::Bad,
            Verdict::Unsupported(_) | Verdict::Unavailable(_) => Tone::Open,
        },
        culprit: String::new(),
        repeat: String::new(),
        tour: None,
        timeline: None,
        instead: why.map_or(String::new(), |why| format!("{why}.")),
    }
}

fn differs<'r>(
    cross_check: &'r CrossCheck,
    n: usize,
    comparison: &'r Comparison,
    refusal: &Refusal,
) -> Side<'r> {
    let (on, personality) = (&comparison.on, &comparison.personality);
    let scenario = cross_check.scenarios.iter();
    let mut scenario = scenario.filter(|it| it.name == comparison.scenario);
    let tour = cross_check.tours.iter().find(|(of, _)| *of == n);
    Side {
        system: format!("{on} as {personality}, seed {}", comparison.seed),
        verdict: comparison.verdict.name().to_owned(),
        tone: Tone::Bad,
        culprit: parting(refusal, on, personality),
        repeat: scenario.next().map_or(String::new(), |scenario| {
            let (seed, processors) = (Some(comparison.seed), cross_check.processors);
            repeat::cross_check(&scenario.file, on, personality, seed, processors)
        }),
        tour: tour.map(|(_, tour)| tour),
        timeline: None,
        instead: String::new(),
    }
}

/// A sheet for each divergence: what the model does in the small case.
pub fn of_fuzzed(fuzzed: &Fuzzed) -> Vec<Sheet<'_>> {
    let found = fuzzed.found.iter();
    found
        .filter_map(|it| divergence(it, fuzzed.processors))
        .collect()
}

fn divergence(it: &Divergence, processors: u32) -> Option<Sheet<'_>> {
    let (scenario, tour) = it.tour.as_ref()?;
    let side = Side {
        system: format!("{} as {}", it.on, it.personality),
        verdict: format!("differ, {}", counted(it.times, "time")),
        tone: Tone::Bad,
        culprit: parting(&it.found.refusal, &it.on, it.personality),
        repeat: repeat::cross_check(&it.file, &it.on, it.personality, None, processors),
        tour: Some(tour),
        timeline: None,
        instead: String::new(),
    };
    Some(Sheet {
        name: scenario.name.clone(),
        scenario,
        sides: vec![side],
    })
}

/// What a recording shows, and what the model allows instead.
pub fn parting(refusal: &Refusal, on: &str, personality: &str) -> String {
    let allowed = match refusal.allowed.is_empty() {
        true => "nothing".to_owned(),
        false => refusal.allowed.join(", or "),
    };
    let (at, saw) = (refusal.at, &refusal.saw);
    format!("at event {at} {on} shows {saw}; the model of {personality} allows {allowed}")
}

//! Which system is behind a port? Few experiments, each chosen so that it parts those best that are still possible.
//!
//! What a system can show in each scenario is known beforehand. A scenario is played one thread at a time; a system that
//! could not have shown what was recorded is out, and so is one that lacks an operation that was made. Then the next scenario
//! is the one of which the worst answer leaves the fewest systems. Where one system is left, or is the nearest if none is, the
//! next is the one that asks about the most of its rules that no experiment has asked about.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portsim_model::claim::Claim;
use portsim_model::op::Timeout;
use portsim_model::personality::open;

use super::told::claims_used;
use crate::admit::admit_covering;
use crate::choose::Policy;
use crate::compare::{way_of, ways_at_rest};
use crate::coverage::Coverage;
use crate::cross_check::{judge, unscheduled};
use crate::native::backend::is_ours;
use crate::native::{Backend, NoRecording, Options, record};
use crate::personality::{base, named, play, unsupported};
use crate::scenario::Scenario;
use crate::trace::{End, Event};

/// The most experiments.
pub const EXPERIMENTS_MAX: usize = 6;

/// The most situations of a scenario that is used: one in which much is possible says little.
const SITUATIONS_MAX: usize = 600;

/// What is known of a port.
#[derive(Debug, Clone)]
pub struct Identified {
    /// Every system that was asked about, in their order.
    pub candidates: Vec<Candidate>,
    /// What was played, in this order.
    pub experiments: Vec<Played>,
    /// Where no system is left: the one that could have shown the most of it.
    pub nearest: Option<Nearest>,
    /// Whether nobody stopped it.
    pub complete: bool,
}

/// A system that is not behind a port, and is more like it than any other.
#[derive(Debug, Clone)]
pub struct Nearest {
    /// The system.
    pub name: &'static str,
    /// What it could not have shown, each time with the reason.
    pub differs: Vec<Out>,
}

/// A system that may be behind the port.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The system, with a reading of an open claim or without.
    pub name: &'static str,
    /// Why it is not; none where it may be.
    pub out: Option<Out>,
    /// Where it may be: the readings of its open claims, each with the reason why the port does not show it.
    pub readings: Vec<Reading>,
}

/// A reading of an open claim.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The claim.
    pub claim: &'static Claim,
    /// The reading.
    pub reading: String,
    /// Whether some experiment tells it from another reading of the claim.
    pub was_asked: bool,
    /// Why it is not that of the port; none where it may be.
    pub out: Option<Out>,
}

/// Why a system is not behind a port.
#[derive(Debug, Clone)]
pub struct Out {
    /// The experiment that showed it, counted from 1.
    pub experiment: usize,
    /// What it cannot show, or the operation that it lacks.
    pub why: String,
    /// The claims that decide there.
    pub claims: Vec<&'static Claim>,
}

/// An experiment that was made.
#[derive(Debug, Clone)]
pub struct Played {
    /// The scenario.
    pub scenario: String,
    /// What came out.
    pub outcome: String,
    /// How many systems are possible behind it.
    pub left: usize,
}

/// A scenario that can be asked, and what each candidate can show, by number: none where it lacks something, or too much can
/// come out.
struct Question {
    scenario: Arc<Scenario>,
    ways: Vec<Option<BTreeSet<usize>>>,
    /// The claims that decide in it on the candidate of this number, once that was asked.
    claims: Option<(usize, BTreeSet<&'static str>)>,
    asked: bool,
}

impl Question {
    /// How many of these systems its worst answer leaves, and all its answers together; none where that says nothing. What
    /// becomes of those that cannot be asked is known only once it is played.
    fn worth(&self, left: &[usize], lacks_stay: bool) -> Option<(usize, usize)> {
        let ways = |n: usize| self.ways[n].as_ref();
        let answers: BTreeSet<usize> = left
            .iter()
            .filter_map(|&n| ways(n))
            .flatten()
            .copied()
            .collect();
        let stays = |n: usize, answer: &usize| {
            let ways = ways(n);
            ways.map_or(lacks_stay, |ways| ways.contains(answer))
        };
        let remain = |answer: &usize| left.iter().filter(|&&n| stays(n, answer)).count();
        let worst = answers.iter().map(remain).max()?;
        let all = answers.iter().map(remain).sum::<usize>();
        (worst < left.len()).then_some((worst, all))
    }

    /// The claims that decide in it on a candidate.
    fn claims(&mut self, of: usize, name: &str) -> &BTreeSet<&'static str> {
        if self.claims.as_ref().is_none_or(|(known, _)| *known != of) {
            self.claims = Some((of, claims_used(&self.scenario, name)));
        }
        &self.claims.as_ref().expect("it was asked").1
    }

    /// The rules of a candidate that it asks about: each claim that decides in it, beside each other system that would answer
    /// otherwise.
    fn rules(&mut self, of: usize, name: &str) -> BTreeSet<(usize, &'static str)> {
        let Some(own) = self.ways[of].clone() else {
            return BTreeSet::new();
        };
        let all = self.ways.iter().enumerate();
        let others: Vec<usize> = all
            .filter(|(_, ways)| ways.as_ref().is_some_and(|ways| ways.is_disjoint(&own)))
            .map(|(n, _)| n)
            .collect();
        let claims = self.claims(of, name).iter();
        claims
            .flat_map(|&claim| others.iter().map(move |&other| (other, claim)))
            .collect()
    }
}

/// Finds out which of these systems may be behind a port, by these scenarios.
///
/// # Errors
///
/// The backend cannot run here, or failed.
pub fn identify(
    backend: &dyn Backend,
    names: &[&'static str],
    scenarios: &[Arc<Scenario>],
    stop: &AtomicBool,
    mut progress: impl FnMut(&str),
) -> Result<Identified, String> {
    backend.available()?;
    let mut search = Search::new(backend, names, stop);
    progress("what each system can show");
    let mut questions: Vec<_> = scenarios
        .iter()
        .filter_map(|scenario| search.question(scenario))
        .collect();
    while search.played.len() < EXPERIMENTS_MAX && !stop.load(Ordering::Relaxed) {
        let Some(best) = search.best(&mut questions) else {
            break;
        };
        questions[best].asked = true;
        progress(&questions[best].scenario.name);
        let scenario = Arc::clone(&questions[best].scenario);
        search.play(&scenario)?;
    }
    search.identified()
}

/// Finds out which readings of a system's open claims a port shows, by all of these scenarios.
///
/// # Errors
///
/// The backend cannot run here, or failed.
pub fn readings_shown(
    backend: &dyn Backend,
    name: &'static str,
    scenarios: &[Arc<Scenario>],
    stop: &AtomicBool,
    mut progress: impl FnMut(&str),
) -> Result<Identified, String> {
    backend.available()?;
    let mut search = Search::new(backend, &[name], stop);
    for scenario in scenarios {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if unsupported(name, &scenario.program).is_none() {
            progress(&scenario.name);
            search.play(scenario)?;
        }
    }
    search.identified()
}

/// What was recorded of a scenario.
struct Recorded {
    scenario: Arc<Scenario>,
    events: Vec<Event>,
    end: End,
}

struct Search<'s> {
    backend: &'s dyn Backend,
    processors: u32,
    candidates: Vec<Candidate>,
    recorded: Vec<Recorded>,
    played: Vec<Played>,
    /// Why something could not be played.
    unplayed: Option<String>,
    stop: &'s AtomicBool,
}

impl Search<'_> {
    fn new<'s>(
        backend: &'s dyn Backend,
        names: &[&'static str],
        stop: &'s AtomicBool,
    ) -> Search<'s> {
        let candidate = |&name| Candidate {
            name,
            out: None,
            readings: Vec::new(),
        };
        Search {
            backend,
            processors: backend.processors().unwrap_or(2),
            candidates: names.iter().map(candidate).collect(),
            recorded: Vec::new(),
            played: Vec::new(),
            unplayed: None,
            stop,
        }
    }

    /// None where the backend says at once that it cannot play it.
    fn question(&mut self, scenario: &Arc<Scenario>) -> Option<Question> {
        let program = &scenario.program;
        let mut calls = program.calls().filter(|&op| !is_ours(op));
        if let Some(why) = calls.find_map(|op| self.backend.supports(program, op).err()) {
            self.unplayed.get_or_insert(why);
            return None;
        }
        let mut known = Vec::new();
        let mut number = |way: String| {
            known.iter().position(|it| *it == way).unwrap_or_else(|| {
                known.push(way);
                known.len() - 1
            })
        };
        let mut ways = |candidate: &Candidate| {
            let (most, processors) = (SITUATIONS_MAX, self.processors);
            let ways = ways_at_rest(most, scenario, candidate.name, processors).ok()?;
            let complete = ways.complete.then_some(ways.ways)?;
            Some(complete.into_iter().map(&mut number).collect())
        };
        let ways: Vec<Option<BTreeSet<usize>>> = self.candidates.iter().map(&mut ways).collect();
        ways.iter().any(Option::is_some).then(|| Question {
            ways,
            scenario: Arc::clone(scenario),
            claims: None,
            asked: false,
        })
    }

    /// The question whose worst answer leaves the fewest systems. Where no answer parts those that are left, one that some of
    /// them cannot be asked; where one is left, or several that nothing parts, the one that asks about the most rules of the
    /// first, or of the nearest where none is left.
    fn best(&self, questions: &mut [Question]) -> Option<usize> {
        let left: Vec<usize> = (0..self.candidates.len())
            .filter(|&n| self.candidates[n].out.is_none())
            .collect();
        for lacks_stay in [true, false] {
            let open = questions.iter().enumerate().filter(|(_, it)| !it.asked);
            let parting = open.filter_map(|(n, it)| Some((it.worth(&left, lacks_stay)?, n)));
            if let Some((_, n)) = parting.min() {
                return Some(n);
            }
        }
        let one = left.first().copied().or_else(|| self.nearest())?;
        let name = self.candidates[one].name;
        let (mut known, mut done) = (BTreeSet::new(), BTreeSet::new());
        for question in questions.iter_mut().filter(|it| it.asked) {
            known.extend(question.rules(one, name));
            done.extend(calls_of(&question.scenario));
        }
        let worth = |question: &mut Question| {
            let ways = question.ways[one].as_ref()?.len();
            let new = question.rules(one, name).difference(&known).count();
            let others = calls_of(&question.scenario).difference(&done).count();
            // What can come out in one way alone says the most.
            (new + others > 0).then_some((ways == 1, new, others))
        };
        let open = questions.iter_mut().enumerate().filter(|(_, it)| !it.asked);
        let all = open.filter_map(|(n, question)| Some((worth(question)?, Reverse(n))));
        all.max().map(|(_, Reverse(n))| n)
    }

    /// The candidate that could have shown the most of what was recorded, but for the fewest rules, and of those the one that
    /// did so for the longest.
    fn nearest(&self) -> Option<usize> {
        let all = 0..self.candidates.len();
        all.min_by_key(|&n| {
            let differs = self.differs(n);
            let first = differs.first().map(|out| out.experiment);
            (rules(&differs), differs.len(), Reverse(first))
        })
    }

    /// Everything that a candidate could not have shown.
    fn differs(&self, candidate: usize) -> Vec<Out> {
        let name = self.candidates[candidate].name;
        let all = self.recorded.iter().zip(1..);
        all.filter_map(|(recorded, n)| recorded.rules_out(name, self.processors, n))
            .collect()
    }

    /// Plays a scenario and drops the systems that could not have shown what came out. What the backend cannot play is no
    /// experiment.
    fn play(&mut self, scenario: &Arc<Scenario>) -> Result<(), String> {
        let policy = || Policy::Random.seeded(0);
        let recorded = record(
            self.backend,
            &scenario.program,
            &policy,
            &Options::default(),
        );
        let recording = match recorded {
            Ok(recording) => recording,
            Err(failed @ (NoRecording::Unsupported(_) | NoRecording::Unsteady(_))) => {
                self.unplayed = Some(failed.words(&scenario.names));
                return Ok(());
            }
            Err(_) if self.stop.load(Ordering::Relaxed) => return Ok(()),
            Err(failed) => {
                let why = failed.words(&scenario.names);
                return Err(format!("{}: {why}", scenario.name));
            }
        };
        let shown = recording.events.iter().cloned();
        let outcome = way_of(&scenario.names, shown, &recording.parked);
        let recorded = Recorded {
            scenario: Arc::clone(scenario),
            events: recording.events.into_iter().map(Event::of).collect(),
            end: End::of(recording.parked),
        };
        let (experiment, processors) = (self.played.len() + 1, self.processors);
        for candidate in &mut self.candidates {
            if candidate.out.is_none() {
                candidate.out = recorded.rules_out(candidate.name, processors, experiment);
            }
        }
        self.recorded.push(recorded);
        let left = self.candidates.iter().filter(|it| it.out.is_none());
        self.played.push(Played {
            scenario: scenario.name.clone(),
            outcome,
            left: left.count(),
        });
        Ok(())
    }

    /// What is left, and under which readings; an `Err` where nothing could be played, of which nothing follows.
    fn identified(mut self) -> Result<Identified, String> {
        let is_stopped = self.stop.load(Ordering::Relaxed);
        if self.played.is_empty() && !is_stopped {
            let why = self.unplayed.as_deref();
            let why = why.unwrap_or("there is none that any of these systems can play");
            return Err(format!("no scenario could be played: {why}"));
        }
        let is_left = self.candidates.iter().any(|it| it.out.is_none());
        let nearest = match is_left || self.candidates.len() == 1 {
            true => None,
            false => self.nearest().map(|n| Nearest {
                name: self.candidates[n].name,
                differs: self.differs(n),
            }),
        };
        let (recorded, processors) = (&self.recorded, self.processors);
        for candidate in &mut self.candidates {
            if candidate.out.is_none() {
                candidate.readings = readings(candidate.name, recorded, processors);
            }
        }
        Ok(Identified {
            candidates: self.candidates,
            experiments: self.played,
            nearest,
            complete: !is_stopped,
        })
    }
}

impl Recorded {
    /// Why a system cannot have shown it; none if it can.
    fn rules_out(&self, name: &str, processors: u32, experiment: usize) -> Option<Out> {
        let (program, names) = (&self.scenario.program, &self.scenario.names);
        let end = Some(&self.end);
        let judged = judge(program, names, name, processors, &self.events, end, true);
        let (why, claims) = match judged {
            Err(lacks) => (lacks, Vec::new()),
            Ok(judgement) => {
                let refused = judgement.refused?;
                let mut claims = refused.by;
                claims.dedup();
                (refused.saw, claims)
            }
        };
        Some(Out {
            experiment,
            why,
            claims,
        })
    }
}

/// How few rules may be behind all that differs: of each experiment any claim that it cites, or one of its own if it cites none.
fn rules(differs: &[Out]) -> usize {
    let ids = |out: &Out| -> BTreeSet<&str> { out.claims.iter().map(|claim| claim.id).collect() };
    let mut left: Vec<_> = differs.iter().map(ids).collect();
    let mut count = 0;
    while let Some(first) = left.pop() {
        count += 1;
        let cited = |claim: &str| left.iter().filter(|own| own.contains(claim)).count();
        let most = first.into_iter().max_by_key(|claim| cited(claim));
        left.retain(|own| most.is_none_or(|claim| !own.contains(claim)));
    }
    count
}

/// A call: its word, and how long it may wait, if it may.
type Call = (&'static str, Option<Timeout>);

/// What the threads of a scenario ask of the system, each call behind the one in front of it.
fn calls_of(scenario: &Scenario) -> BTreeSet<(Option<Call>, Call)> {
    let mut all = BTreeSet::new();
    for code in &scenario.program.codes {
        let mut before = None;
        for mut op in code.ops().filter(|&op| !is_ours(op)) {
            let call = (
                op.verb().name(),
                op.describe().wait.map(|wait| wait.timeout),
            );
            all.insert((before.replace(call), call));
        }
    }
    all
}

/// Every reading of each open claim of a system, as far as what was recorded speaks of it.
fn readings(name: &'static str, recorded: &[Recorded], processors: u32) -> Vec<Reading> {
    let mut decided = Coverage::default();
    for recorded in recorded {
        let program = unscheduled(&recorded.scenario.program);
        if let Ok(machine) = play(name, &program, processors) {
            let (names, events) = (&recorded.scenario.names, &recorded.events);
            let end = Some(&recorded.end);
            admit_covering(&*machine, names, events, end, true, &mut decided);
        }
    }
    let mut all = Vec::new();
    for open in open(base(name)).unwrap_or_default() {
        let claim = open.claim();
        // What decided nothing is not told by any of them.
        let is_asked = decided.used().any(|(used, _)| used == claim.id);
        let recorded = if is_asked { recorded } else { &[] };
        let first = all.len();
        for reading in open.names() {
            let under = match name.contains(':') {
                true => format!("{name},{}={reading}", claim.id),
                false => format!("{name}:{}={reading}", claim.id),
            };
            let Ok(under) = named(&under) else {
                continue;
            };
            let out = recorded.iter().zip(1..).find_map(|(recorded, experiment)| {
                recorded.rules_out(under, processors, experiment)
            });
            all.push(Reading {
                claim,
                reading: reading.to_owned(),
                was_asked: false,
                out,
            });
        }
        let was_asked = all[first..].iter().any(|reading| reading.out.is_some());
        for reading in &mut all[first..] {
            reading.was_asked = was_asked;
        }
    }
    all
}

//! Scenarios at full speed, many times: how often does each outcome come, and may it?

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Error;
use crate::compare::{Ways, way_of, ways_at_full_speed};
use crate::cross_check::{judge_free, judge_of};
use crate::native::free::{Ended, Freely, Limit, Provocation};
use crate::native::{Backend, NoRecording, record_provoked};
use crate::personality::{named, not_for};
use crate::report::litmus::{Histogram, Histograms, Outcome, Status, Witness};
use crate::run::GO_ON;
use crate::scenario::Scenario;
use crate::trace::{End, Event};

/// How long a run may take: what has not come to rest by then never will.
const LIMIT: Limit = Limit {
    time: Duration::from_secs(2),
    calls: 10_000,
};

/// Runs of each scenario on each backend, with threads that are provoked to meet.
pub struct Litmus<'a> {
    scenarios: Vec<Arc<Scenario>>,
    on: Vec<(&'a dyn Backend, Option<String>)>,
    runs: u64,
    patience: Option<Duration>,
    judged: u64,
    limit: Limit,
    stop: &'a AtomicBool,
    watch: Box<dyn FnMut(Running<'_>) + 'a>,
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub struct Running<'r> {
    /// The scenario whose turn it is.
    pub scenario: &'r str,
    /// The backend that runs it.
    pub on: &'r str,
    /// How many runs it has had.
    pub runs: u64,
}

impl<'a> Litmus<'a> {
    /// So many runs of each of these scenarios.
    pub fn new(scenarios: Vec<Scenario>, runs: u64) -> Litmus<'a> {
        Litmus {
            scenarios: scenarios.into_iter().map(Arc::new).collect(),
            on: Vec::new(),
            runs,
            patience: None,
            judged: 1,
            limit: LIMIT,
            stop: &GO_ON,
            watch: Box::new(|_| {}),
        }
    }

    /// Runs on this backend too; the personality of its own system says what may come out.
    pub fn on(mut self, backend: &'a dyn Backend) -> Self {
        self.on.push((backend, None));
        self
    }

    /// The same; this personality says what may come out.
    pub fn on_as(mut self, backend: &'a dyn Backend, personality: &str) -> Self {
        self.on.push((backend, Some(personality.to_owned())));
        self
    }

    /// Ends each scenario on each backend after this time at the latest.
    pub fn patience(mut self, patience: Option<Duration>) -> Self {
        self.patience = patience;
        self
    }

    /// Judges the times of one run in so many, besides its outcome; those of all, if nobody says so.
    pub fn judge_one_in(mut self, runs: u64) -> Self {
        self.judged = runs.max(1);
        self
    }

    /// Ends a run after this time that has not come to rest by then.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit.time = limit;
        self
    }

    /// Ends the work when this is set, with what is known by then.
    pub fn stop(mut self, stop: &'a AtomicBool) -> Self {
        self.stop = stop;
        self
    }

    /// Tells how far it is.
    pub fn watch(mut self, watch: impl FnMut(Running<'_>) + 'a) -> Self {
        self.watch = Box::new(watch);
        self
    }

    /// Runs and counts.
    ///
    /// # Errors
    ///
    /// [`Error::Misnamed`] where no personality has the name of a judge.
    pub fn run(mut self) -> Result<Histograms, Error> {
        let mut histograms = Vec::new();
        for scenario in std::mem::take(&mut self.scenarios) {
            for n in 0..self.on.len() {
                if self.stop.load(Ordering::Relaxed) {
                    break;
                }
                let (on, judge) = &self.on[n];
                let judge = judge.clone();
                let judge = judge.unwrap_or_else(|| judge_of(&on.plays(), &on.os()));
                let (on, judge) = (*on, named(&judge)?);
                histograms.push(self.histogram(&scenario, on, judge));
            }
        }
        Ok(Histograms {
            histograms,
            complete: !self.stop.load(Ordering::Relaxed),
        })
    }

    fn histogram(
        &mut self,
        scenario: &Arc<Scenario>,
        on: &dyn Backend,
        judge: &'static str,
    ) -> Histogram {
        let processors = on.processors().unwrap_or(2);
        let mut histogram = Histogram {
            scenario: Arc::clone(scenario),
            on: on.name().to_owned(),
            os: on.os(),
            personality: judge,
            runs: 0,
            known: true,
            outcomes: Vec::new(),
            failed: None,
        };
        let unsupported = not_for(judge, scenario).map(NoRecording::Unsupported);
        let ways = match unsupported {
            Some(why) => Err(why),
            None => {
                ways_at_full_speed(scenario, judge, processors).map_err(NoRecording::Unsupported)
            }
        };
        let may = match ways {
            Ok(may) => may,
            Err(why) => {
                histogram.failed = Some(why.into());
                return histogram;
            }
        };
        histogram.known = may.complete;
        let mut seen = BTreeMap::new();
        let cell = Cell {
            scenario,
            judge,
            processors,
            may: &may,
        };
        let since = Instant::now();
        while histogram.runs < self.runs
            && !self.stop.load(Ordering::Relaxed)
            && self.patience.is_none_or(|most| since.elapsed() < most)
        {
            let seed = histogram.runs;
            (self.watch)(Running {
                scenario: &scenario.name,
                on: on.name(),
                runs: seed,
            });
            let provocation = Provocation::of(seed);
            match record_provoked(on, &scenario.program, seed, self.limit, provocation) {
                Ok(Freely {
                    ended: Ended::Failed(why),
                    ..
                }) => {
                    histogram.failed = Some(NoRecording::Unavailable(why).into());
                    break;
                }
                Ok(run) => cell.count(&mut seen, seed, run, seed.is_multiple_of(self.judged)),
                Err(NoRecording::Unavailable(_) | NoRecording::Failed(_))
                    if self.stop.load(Ordering::Relaxed) =>
                {
                    break;
                }
                Err(failed) => {
                    histogram.failed = Some(failed.into());
                    break;
                }
            }
            histogram.runs += 1;
        }
        // What may come out and never did.
        if may.complete && histogram.failed.is_none() {
            for way in &may.ways {
                let unseen = Outcome::of(way, cell.allowed());
                seen.entry((way.clone(), false)).or_insert(unseen);
            }
        }
        histogram.outcomes = seen.into_values().collect();
        histogram.sort();
        histogram
    }
}

/// A scenario on a backend, and what may come out.
struct Cell<'c> {
    scenario: &'c Scenario,
    judge: &'static str,
    processors: u32,
    may: &'c Ways,
}

/// Outcomes by what threads were told, and whether the times of the calls forbid it.
type Seen = BTreeMap<(String, bool), Outcome>;

impl Cell<'_> {
    /// What an outcome is that may come.
    fn allowed(&self) -> Status {
        match self.may.ways.len() {
            1 if self.may.complete => Status::Required,
            _ => Status::Allowed,
        }
    }

    /// Counts a run.
    fn count(&self, seen: &mut Seen, seed: u64, run: Freely, is_judged: bool) {
        let shown = run.calls.iter().map(|call| call.shown());
        let name = |thread| self.scenario.names.thread_name(thread).to_owned();
        let way = match run.ended {
            // No two such runs are alike.
            Ended::TooMany(_) => run.ended.words(name),
            Ended::Limit(_) => {
                let way = way_of(&self.scenario.names, shown, &run.parked);
                format!("{way}; {}", run.ended.words(name))
            }
            _ => way_of(&self.scenario.names, shown, &run.parked),
        };
        let is_known = self.may.ways.contains(&way);
        let is_new = !seen.contains_key(&(way.clone(), false));
        let witness = |run: Freely| {
            let calls = run.calls.into_iter();
            let (events, spans) = calls
                .map(|call| (Event::of(call.shown()), call.span))
                .unzip();
            Witness {
                seed,
                events,
                spans,
                end: End::of(run.parked),
                file: None,
            }
        };
        // What was seen and admitted once need not be judged again for its outcome's sake.
        if !is_judged && (is_known || !is_new) {
            match seen.entry((way.clone(), false)) {
                Entry::Occupied(mut known) => known.get_mut().times += 1,
                Entry::Vacant(new) => {
                    let mut outcome = Outcome::of(&way, self.allowed());
                    (outcome.times, outcome.witness) = (1, Some(witness(run)));
                    new.insert(outcome);
                }
            }
            return;
        }
        let witness = witness(run);
        let judged = judge_free(
            &self.scenario.program,
            &self.scenario.names,
            self.judge,
            self.processors,
            (&witness.events, &witness.spans),
            Some(&witness.end),
        );
        let refusal = judged.as_ref().ok().and_then(|it| it.refused.clone());
        let is_refused = refusal.is_some();
        let status = match judged {
            _ if is_refused => Status::Forbidden,
            Ok(judgement) if !is_known && (judgement.gave_up || judgement.broken_at.is_some()) => {
                Status::Unknown
            }
            Err(_) if !is_known => Status::Unknown,
            _ => self.allowed(),
        };
        let outcome = seen
            .entry((way.clone(), is_refused))
            .or_insert_with(|| Outcome::of(&way, status));
        outcome.times += 1;
        // One that was judged is a better witness of what nobody knows.
        if outcome.status == Status::Unknown {
            outcome.status = status;
        }
        if outcome.witness.is_none() {
            outcome.refusal = refusal;
            outcome.witness = Some(witness);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::native::emulated::Emulated;
    use crate::port::fault::Fault;
    use crate::scenario::find;

    /// The scenarios below one folder.
    fn scenarios(folder: &str) -> Vec<Scenario> {
        let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios"));
        let files = find(&[root.join(folder)]).expect("it is there");
        let read = |file: &PathBuf| Scenario::read(file).unwrap_or_else(|bad| panic!("{bad}"));
        files.iter().map(read).collect()
    }

    /// Whoever polls for ever makes millions of calls a second: a run ends behind some of them, and all such runs are one
    /// outcome.
    #[test]
    fn a_run_without_an_end_is_short() {
        let text = r#"{ "why": "It never rests.", "ports": { "p": {} },
            "threads": { "t": [{ "loop": [{ "get": "p", "timeout": 0 }] }] } }"#;
        let file = PathBuf::from("rests.json");
        let scenario = Scenario::parse("rests", &file, text.as_bytes());
        let scenario = scenario.unwrap_or_else(|bad| panic!("{bad}"));
        let backend = Emulated { fault: None };
        let found = Litmus::new(vec![scenario], 3).on(&backend).run();
        let found = found.expect("it has a judge");
        let [histogram] = &found.histograms[..] else {
            panic!("it is one")
        };
        let outcomes = histogram.outcomes.iter();
        let seen: Vec<_> = outcomes.map(|it| (it.outcome.as_str(), it.times)).collect();
        assert_eq!(seen, [("it did not come to rest in 10000 calls", 3)]);
    }

    /// The first scenario of which something comes out that may not, on a port with this mistake.
    fn refused(fault: Option<Fault>, runs: u64, among: &[&str]) -> Option<String> {
        let backend = Emulated { fault };
        let all = among.iter().flat_map(|place| scenarios(place));
        for scenario in all {
            let name = scenario.name.clone();
            let litmus = Litmus::new(vec![scenario], runs).on(&backend);
            let found = litmus.run().expect("it has a judge");
            if found.histograms.iter().any(Histogram::is_refused) {
                return Some(name);
            }
        }
        None
    }

    /// A port that is sound shows nothing that it may not; one that keeps a count does. (Who was robbed may have come late,
    /// and who has lost a wakeup never comes to rest, as far as outcomes and times of a few calls tell: rounds of stress find
    /// those.)
    #[test]
    fn mistakes_come_out() {
        assert_eq!(refused(None, 4, &["portable"]), None);
        let scenario = "differences/exit-makes-room.json";
        assert_eq!(refused(None, 20, &[scenario]), None);
        let found = (0..5).find_map(|_| refused(Some(Fault::KeptCount), 50, &[scenario]));
        assert_eq!(found.as_deref(), Some("differences/exit-makes-room"));
    }
}

//! `portsim run`: one execution for each seed.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use portsim_model::machine::AnyMachine;
use sha2::{Digest, Sha256};

use super::args::{self, personality};
use super::say::{Say, create};
use super::stop::{self, stopped};
use super::{Exit, Stop, bad_argument, traces};
use crate::choose::Policy;
use crate::personality::{default_for, not_for, play};
use crate::report::culprit::culprit;
use crate::report::run::{Ran, Run, Runs};
use crate::report::{Part, Report};
use crate::run::{Ended, Execution, Notes, run_unseen, run_until};
use crate::scenario::Scenario;
use crate::trace::changes::changes;
use crate::trace::{End, Trace};

/// The most runs of which a report says each: together they take about half a gigabyte of memory.
const KEPT_MAX: u64 = 100_000;

/// Runs a scenario.
pub fn run(args: &args::Run, say: &Say) -> Result<Exit, Stop> {
    let request = Request::of(args)?;
    if let Some(lacks) = not_for(request.personality, &request.scenario) {
        return say.report(Report::Run(&request.report(args.seed, Err(lacks))));
    }
    let machine = &*request.machine();
    match &args.seeds {
        None if args.part.shard.is_some() => {
            Err(bad_argument("--shard", "takes a part of --seeds").into())
        }
        None => one(&request, machine, args, say),
        Some(seeds) => several(&request, machine, args.part.of_seeds(seeds), say),
    }
}

fn one(
    request: &Request,
    machine: &dyn AnyMachine,
    args: &args::Run,
    say: &Say,
) -> Result<Exit, Stop> {
    let (run, bytes) = request.run(machine, args.seed);
    if let (Some(file), Some(bytes)) = (&args.trace, &bytes) {
        create(file)?.write_all(bytes)?;
    }
    say.report(Report::Run(&run))
}

fn several(
    request: &Request,
    machine: &dyn AnyMachine,
    seeds: Range<u64>,
    say: &Say,
) -> Result<Exit, Stop> {
    let asked = seeds.end - seeds.start;
    if say.wants_runs() && asked > KEPT_MAX {
        let problem = format!(
            "with --json, --junit or --sarif, {KEPT_MAX} seeds at most are run at once: each is in the report; --shard takes a part of them"
        );
        return Err(bad_argument("--seeds", problem).into());
    }
    let mut runs = Runs::of(asked, say.wants_runs());
    let mut progress = say.progress();
    for seed in seeds.clone() {
        if stopped() {
            break;
        }
        // To people, a run of many is told in a sentence: its trace is for machines.
        let run = match say.wants_runs() {
            true => request.run(machine, seed).0,
            false => request.run_unseen(machine, seed),
        };
        if matches!(&run.ran, Ok(ran) if ran.ended == Ended::Stopped) {
            break;
        }
        say.part(Part::Run(&run))?;
        runs.add(run);
        progress.at(|_| format!("seed {seed} of {}", seeds.end));
    }
    drop(progress);
    say.report(Report::Runs(&runs))
}

/// What is to be run.
struct Request {
    scenario: Arc<Scenario>,
    personality: &'static str,
    processors: u32,
    policy: Policy,
    steps_max: u64,
    notes: Notes,
}

impl Request {
    fn of(args: &args::Run) -> Result<Request, Stop> {
        let scenario = Scenario::read(&args.scenario)?;
        let personality = match &args.personality {
            Some(name) => personality(name)?,
            None => default_for(&scenario),
        };
        Ok(Request {
            personality,
            processors: args.machine.processors,
            policy: args.choose,
            // A schedule is a limit of its own.
            steps_max: match scenario.program.schedule {
                Some(_) => u64::MAX,
                None => args.steps,
            },
            scenario: Arc::new(scenario),
            notes: Notes {
                why: args.why,
                states: args.states,
            },
        })
    }

    fn machine(&self) -> Arc<dyn AnyMachine> {
        play(self.personality, &self.scenario.program, self.processors)
            .expect("it was asked before")
    }

    /// Runs once, and keeps only how it ended.
    fn run_unseen(&self, machine: &dyn AnyMachine, seed: u64) -> Run {
        let mut policy = self.policy.seeded(seed);
        let execution = run_unseen(machine, &mut *policy, self.steps_max, stop::flag());
        self.report(seed, Ok(Ran::of_unseen(execution)))
    }

    /// Runs once; the trace as the bytes of a file too, unless the run was stopped: nobody waits for those.
    fn run(&self, machine: &dyn AnyMachine, seed: u64) -> (Run, Option<Vec<u8>>) {
        let mut policy = self.policy.seeded(seed);
        let stop = stop::flag();
        let execution = run_until(machine, &mut *policy, self.steps_max, stop, self.notes);
        let (ended, steps) = (execution.ended, execution.steps);
        if ended == Ended::Stopped {
            return (self.report(seed, Ok(Ran::of_unseen(execution))), None);
        }
        let culprit = match ended {
            Ended::Violation(violation) => {
                let names = &self.scenario.names;
                culprit(machine, names, None, &execution.last, violation)
            }
            Ended::Rest | Ended::Bound | Ended::Limit | Ended::Stopped => String::new(),
        };
        let changes = changes(machine, &self.scenario.names, &execution.states);
        let trace = self.trace(seed, execution);
        let bytes = traces::bytes(&self.scenario, &trace);
        let end = trace.end.unwrap_or_default();
        let ran = Ran {
            ended,
            steps,
            parked: end.parked,
            held: end.held,
            culprit,
            events: trace.events,
            changes,
            trace_sha256: hex(&Sha256::digest(&bytes)),
        };
        (self.report(seed, Ok(ran)), Some(bytes))
    }

    fn trace(&self, seed: u64, execution: Execution) -> Trace {
        let names = &self.scenario.names;
        let mut header = traces::of_model(&self.scenario, self.personality, self.processors);
        header.seed = Some(seed);
        header.violation = match execution.ended {
            Ended::Violation(violation) => Some(names.property(violation).to_owned()),
            Ended::Rest | Ended::Bound | Ended::Limit | Ended::Stopped => None,
        };
        Trace {
            header,
            events: execution.events,
            spans: Vec::new(),
            end: Some(End {
                parked: execution.parked,
                held: execution.held,
            }),
        }
    }

    fn report(&self, seed: u64, ran: Result<Ran, String>) -> Run {
        Run {
            scenario: Arc::clone(&self.scenario),
            personality: self.personality,
            processors: self.processors,
            policy: self.policy,
            seed,
            ran,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

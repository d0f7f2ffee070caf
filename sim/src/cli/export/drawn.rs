//! A run that is drawn: the counterexample of a scenario, the run of a seed, or a trace.

use std::sync::Arc;

use portsim_model::machine::AnyMachine;

use crate::bad_input::BadInput;
use crate::choose::Policy;
use crate::cli::admit::{at_rest, own_personality};
use crate::cli::args::{Drawn, Picture, personality};
use crate::cli::{Stop, bad_argument, files, search, traces};
use crate::cross_check::unscheduled;
use crate::explore::Graph;
use crate::export::{
    Course, dot, itf, mermaid, perfetto, plantuml, shiviz, states as graph_of_states, svg,
};
use crate::personality::{default_for, not_for, play};
use crate::replay::replay;
use crate::report::check::Check;
use crate::report::exit::Cut;
use crate::report::export::Exported;
use crate::run::{GO_ON, Notes, follow, run_until};
use crate::scenario::Scenario;
use crate::trace::changes::States;
use crate::trace::{Event, Mode, Origin, Span};

/// The most steps of the run of a seed.
const STEPS_MAX: u64 = 10_000;

/// A run, with all that a picture needs.
struct Run {
    scenario: Arc<Scenario>,
    system: String,
    title: String,
    events: Vec<Event>,
    spans: Vec<Span>,
    loop_at: Option<u64>,
    wrong: String,
    /// What plays it, and its states, where a model does.
    states: Option<(Arc<dyn AnyMachine>, States)>,
    cut: Option<Cut>,
}

/// Draws a run.
pub fn run(args: &Drawn, picture: Picture) -> Result<Exported, Stop> {
    let run = match Scenario::read(&args.file) {
        Ok(scenario) => of_scenario(args, Arc::new(scenario))?,
        Err(bad) if bad.is_foreign => Ok(of_trace(args)?),
        Err(bad) => return Err(bad.into()),
    };
    let run = match run {
        Ok(run) => run,
        Err(exported) => return Ok(exported),
    };
    let course = Course {
        title: &run.title,
        names: &run.scenario.names,
        program: &run.scenario.program,
        events: &run.events,
        spans: &run.spans,
        loop_at: run.loop_at,
        wrong: &run.wrong,
        states: run
            .states
            .as_ref()
            .map(|(machine, states)| (&**machine, states)),
    };
    let written = match picture {
        Picture::Mermaid => Ok(mermaid(&course)),
        Picture::Plantuml => Ok(plantuml(&course)),
        Picture::Dot => Ok(dot(&course)),
        Picture::Svg => Ok(svg(&course)),
        Picture::Perfetto => Ok(perfetto(&course)),
        Picture::Itf => itf(&course),
        Picture::Shiviz => Ok(shiviz(&course)),
    };
    Ok(Exported {
        scenario: run.scenario.name.clone(),
        system: run.system,
        written,
        file: args.out.clone(),
        cut: run.cut,
    })
}

/// Draws the first states of a scenario.
pub fn states(args: &Drawn, states_max: usize) -> Result<Exported, Stop> {
    let scenario = Scenario::read(&args.file)?;
    let system = system(args, &scenario)?;
    let written = not_for(system, &scenario).map_or_else(
        || {
            let machine = play(system, &scenario.program, args.machine.processors)?;
            let mut graph = Graph::new(machine);
            graph.grow(&[0], states_max.max(1));
            let title = format!("{} as {system}", scenario.name);
            Ok(graph_of_states(&graph, &scenario.names, &title))
        },
        Err,
    );
    Ok(Exported {
        scenario: scenario.name,
        system: system.to_owned(),
        written,
        file: args.out.clone(),
        cut: None,
    })
}

fn system(args: &Drawn, scenario: &Scenario) -> Result<&'static str, Stop> {
    match &args.personality {
        Some(name) => Ok(personality(name)?),
        None => Ok(default_for(scenario)),
    }
}

/// The counterexample of a scenario, or the run of a seed; else why there is none.
fn of_scenario(args: &Drawn, scenario: Arc<Scenario>) -> Result<Result<Run, Exported>, Stop> {
    let (system, processors) = (system(args, &scenario)?, args.machine.processors);
    let none = |why: String| Exported {
        scenario: scenario.name.clone(),
        system: system.to_owned(),
        written: Err(why),
        file: args.out.clone(),
        cut: None,
    };
    if let Some(lacks) = not_for(system, &scenario) {
        return Ok(Err(none(lacks)));
    }
    let machine = play(system, &scenario.program, processors);
    let machine = machine.map_err(Stop::Unavailable)?;
    let title = |what: &str| format!("{} as {system}: {what}", scenario.name);
    let notes = Notes {
        why: false,
        states: true,
    };
    if let Some(seed) = args.seed {
        let mut chooser = Policy::Random.seeded(seed);
        let ran = run_until(&*machine, &mut *chooser, STEPS_MAX, &GO_ON, notes);
        return Ok(Ok(Run {
            title: title(&format!("seed {seed}")),
            events: ran.events,
            spans: Vec::new(),
            loop_at: None,
            wrong: String::new(),
            states: Some((machine, ran.states)),
            cut: None,
            system: system.to_owned(),
            scenario,
        }));
    }
    let check = search::check(&scenario, system, processors, None, args.search)?;
    let Some((property, run)) = counterexample(&check) else {
        let why = "nothing was found wrong with it, so there is no run to show; --seed names one";
        return Err(BadInput::new(&args.file, why).into());
    };
    let explored = check.explored().map(|it| it.exploration.path.as_slice());
    let followed = follow(&*machine, explored.unwrap_or_default(), notes);
    Ok(Ok(Run {
        title: title(&property),
        events: followed.events,
        spans: Vec::new(),
        loop_at: run.0,
        wrong: run.1,
        states: Some((machine, followed.states)),
        cut: None,
        system: system.to_owned(),
        scenario,
    }))
}

/// What was found, the number of the event with which it goes round, and what is wrong at its end.
fn counterexample(check: &Check) -> Option<(String, (Option<u64>, String))> {
    let property = check.property()?.to_owned();
    let run = &check.explored()?.counterexample;
    let is_there = !run.events.is_empty();
    is_there.then(|| (property, (run.loop_at, run.culprit.clone())))
}

/// A trace: of the model, of a real system in lock-step, or at full speed.
fn of_trace(args: &Drawn) -> Result<Run, Stop> {
    if args.seed.is_some() {
        return Err(bad_argument("--seed", "a trace has its own choices").into());
    }
    let read = files::trace(&args.file, &args.look_in)?;
    let (scenario, trace) = (read.scenario, read.trace);
    let header = &trace.header;
    let name = match &args.personality {
        Some(name) => personality(name)?,
        None => own_personality(header)?,
    };
    let processors = header.processors.unwrap_or(args.machine.processors);
    let is_free = header.mode == Mode::Free;
    let of_model = header.from == Origin::Model;
    let program = match of_model {
        true => Arc::clone(&scenario.program),
        false => unscheduled(&scenario.program),
    };
    let machine = play(name, &program, processors).ok().filter(|_| !is_free);
    let states = machine.map(|machine| {
        let states = match of_model {
            true => replay(&*machine, &trace).states,
            false => {
                let mut graph = Graph::new(Arc::clone(&machine));
                let (steps, _) = graph.explain(&trace.events, at_rest(&trace));
                let notes = Notes {
                    why: false,
                    states: true,
                };
                follow(&*machine, &steps, notes).states
            }
        };
        (machine, states)
    });
    let system = header.on.clone().unwrap_or_else(|| name.to_owned());
    Ok(Run {
        title: format!("{} on {system}", scenario.name),
        loop_at: header.loop_at,
        wrong: traces::wrong(header),
        events: trace.events,
        spans: trace.spans,
        states,
        cut: read.cut,
        system,
        scenario,
    })
}

//! One scenario of a page, on one system or on several: its states as numbers in lists of what comes again and again.

use std::collections::HashMap;
use std::hash::Hash;

use portsim_model::claim::Claim;
use portsim_model::machine::AnyMachine;
use portsim_model::program::{Program, ThreadId};
use portsim_model::property::Violation;
use portsim_model::step::{Step, StepKind};

use super::wire;
use crate::explore::{
    self, About, Edge, Graph, Is, Node, Plain, Tour, facts, properties, property_text,
};
use crate::names::Names;
use crate::report::culprit::{culprit, waits};
use crate::run::held;
use crate::scenario::Scenario;
use crate::trace::changes::Kind;
use crate::trace::{Answer, Event, Held, Shown, cells};

/// A scenario.
pub struct Sheet<'r> {
    pub scenario: &'r Scenario,
    pub sides: Vec<Side<'r>>,
}

/// The scenario on one system.
pub struct Side<'r> {
    pub system: &'r str,
    /// What was found, in a few words, and how that is to be taken.
    pub verdict: String,
    pub tone: Tone,
    /// What is wrong, in a sentence.
    pub culprit: &'r str,
    /// The command that shows it again.
    pub repeat: String,
    pub tour: Option<&'r Tour>,
    /// What is said where there is nothing to step through.
    pub instead: String,
}

/// How a verdict is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Open,
}

impl Sheet<'_> {
    /// As the page reads it.
    pub fn wire(&self) -> wire::Sheet {
        let scenario = self.scenario;
        wire::Sheet {
            name: scenario.name.clone(),
            why: scenario.why.clone(),
            file: scenario.file.display().to_string(),
            sides: self.sides.iter().map(|side| side.wire(scenario)).collect(),
        }
    }
}

impl Side<'_> {
    fn wire(&self, scenario: &Scenario) -> wire::Side {
        wire::Side {
            system: self.system.to_owned(),
            verdict: self.verdict.clone(),
            tone: match self.tone {
                Tone::Good => "good",
                Tone::Bad => "bad",
                Tone::Open => "open",
            },
            culprit: self.culprit.to_owned(),
            repeat: self.repeat.clone(),
            instead: self.instead.clone(),
            states: self.tour.map(|tour| Packer::new(scenario, tour).pack()),
        }
    }
}

/// Things that come again and again, each once.
struct Pool<T> {
    numbers: HashMap<T, usize>,
    all: Vec<T>,
}

impl<T: Clone + Eq + Hash> Pool<T> {
    fn new() -> Pool<T> {
        Pool {
            numbers: HashMap::new(),
            all: Vec::new(),
        }
    }

    fn number(&mut self, it: T) -> usize {
        let next = self.all.len();
        let number = *self.numbers.entry(it.clone()).or_insert(next);
        if number == next {
            self.all.push(it);
        }
        number
    }
}

/// Makes numbers of a graph.
struct Packer<'t> {
    scenario: &'t Scenario,
    tour: &'t Tour,
    claims: Pool<&'static str>,
    cited: Vec<&'static Claim>,
    values: Pool<wire::Value>,
    steps: Pool<wire::Step>,
    events: Pool<wire::Seen>,
    held: Pool<Vec<wire::Held>>,
    wrongs: Pool<wire::Wrong>,
}

impl<'t> Packer<'t> {
    fn new(scenario: &'t Scenario, tour: &'t Tour) -> Packer<'t> {
        Packer {
            scenario,
            tour,
            claims: Pool::new(),
            cited: Vec::new(),
            values: Pool::new(),
            steps: Pool::new(),
            events: Pool::new(),
            held: Pool::new(),
            wrongs: Pool::new(),
        }
    }

    fn machine(&self) -> &'t dyn AnyMachine {
        self.tour.graph.machine()
    }

    fn names(&self) -> &'t Names {
        &self.scenario.names
    }

    fn pack(mut self) -> wire::States {
        let graph = &self.tour.graph;
        let mut packed: Vec<Vec<usize>> = Vec::new();
        let mut columns = Vec::new();
        let mut states = Vec::new();
        for (n, node) in graph.nodes().iter().enumerate() {
            let facts = facts(self.machine(), self.names(), &node.state);
            if n == 0 {
                columns = facts.iter().map(column).collect();
            }
            let facts: Vec<_> = facts
                .into_iter()
                .map(|it| self.values.number(value(it.is)))
                .collect();
            let known = node.before.map(|before| &packed[before]);
            let is_other = |(place, value): &(usize, &usize)| match known {
                Some(known) => known[*place] != **value,
                None => true,
            };
            let other = facts.iter().enumerate().filter(is_other);
            let other = other.flat_map(|(place, &value)| [place, value]).collect();
            states.push(self.state(graph, n, node, other));
            packed.push(facts);
        }
        let (program, names) = (self.machine().program(), self.names());
        wire::States {
            threads: names.threads.clone(),
            groups: groups(names),
            is_whole: graph.is_whole(),
            states_max: self.tour.states_max,
            is_run: !self.tour.run.is_empty(),
            run: {
                let steps = self.tour.run.iter();
                steps
                    .map(|step| self.steps.number(step_fields(*step)))
                    .collect()
            },
            loop_from: self.tour.loop_from,
            has_schedule: program.schedule.is_some(),
            properties: properties_of(names, program),
            claims: self.cited.iter().map(|claim| cite(claim)).collect(),
            sources: self.machine().about().sources,
            columns,
            values: self.values.all,
            steps: self.steps.all,
            events: self.events.all,
            held: self.held.all,
            wrongs: self.wrongs.all,
            states,
        }
    }

    fn state(&mut self, graph: &Graph, n: usize, node: &Node, other: Vec<usize>) -> wire::State {
        let held = held(self.machine(), &node.state);
        let held: Vec<_> = held.iter().map(|it| self.held(node, it)).collect();
        let wrong = node.wrong.map(|wrong| self.wrong(node, wrong));
        let steps = graph.steps(n).map(|edges| {
            let numbers = |edge: &Edge| {
                let (step, seen) = (self.steps.number(step_fields(edge.step)), self.seen(edge));
                [step, seen, edge.to]
            };
            edges.iter().flat_map(numbers).collect()
        });
        wire::State(
            node.before,
            self.held.number(held),
            wrong,
            node.is_bounded,
            other,
            steps,
        )
    }

    fn claim(&mut self, claim: &'static Claim) -> usize {
        let number = self.claims.number(claim.id);
        if number == self.cited.len() {
            self.cited.push(claim);
        }
        number
    }

    fn held(&mut self, node: &Node, held: &Held) -> wire::Held {
        let (machine, names) = (self.machine(), self.names());
        let words = match (held.claim, held.op) {
            (Some(_), Some(op)) => {
                let call = cells::request(names, machine.program(), op);
                let place = if held.is_inside { "in" } else { "before" };
                format!("{place} {call}")
            }
            _ => waits(machine, names, &node.state, held),
        };
        let claim = held.claim.map(|claim| self.claim(claim));
        wire::Held(held.thread.index(), words, claim)
    }

    fn wrong(&mut self, node: &Node, wrong: Violation) -> usize {
        let (machine, names) = (self.machine(), self.names());
        self.wrongs.number(wire::Wrong(
            names.property(wrong).to_owned(),
            culprit(machine, names, &node.state, wrong),
        ))
    }

    fn seen(&mut self, edge: &Edge) -> usize {
        let (names, program) = (self.names(), self.machine().program());
        let by = edge.events.iter().flat_map(|event| &event.by);
        let by = by.map(|claim| self.claim(claim)).collect();
        let seen = wire::Seen {
            shown: edge
                .events
                .iter()
                .map(|it| shown(names, program, it))
                .collect(),
            by,
            woken: edge.woken.iter().map(|thread| thread.index()).collect(),
        };
        self.events.number(seen)
    }
}

/// What one event shows: whom it is about, in words, and what it does to the bar of a call.
pub fn shown(names: &Names, program: &Program, event: &Event) -> wire::Shown {
    let bar = match &event.shown {
        Shown::Call { answer: None, .. } => 1,
        Shown::Call { .. } => 0,
        Shown::Return { .. } => 2,
        Shown::Silent { .. } => 3,
    };
    let failed = match &event.shown {
        Shown::Call { answer, .. } => answer.as_ref().is_some_and(is_failure),
        Shown::Return { answer, .. } => is_failure(answer),
        Shown::Silent { .. } => false,
    };
    let words = cells::told(names, program, event);
    wire::Shown(event.shown.thread().index(), words, bar, failed)
}

fn is_failure(answer: &Answer) -> bool {
    matches!(answer, Answer::Failed(_) | Answer::Partial(..))
}

fn step_fields(step: Step) -> wire::Step {
    let kind = match step.kind {
        StepKind::Turn => 0,
        StepKind::Wake => 1,
        StepKind::Time => 2,
    };
    wire::Step(step.thread.index(), kind, step.choice)
}

fn cite(claim: &Claim) -> wire::Claim {
    wire::Claim(claim.id, claim.says, claim.status.word(), claim.source)
}

fn groups(names: &Names) -> Vec<(String, Vec<usize>)> {
    let numbers = |threads: &[ThreadId]| threads.iter().map(|it| it.index()).collect();
    let groups = names.groups.iter();
    groups
        .map(|(name, threads)| (name.clone(), numbers(threads)))
        .collect()
}

fn properties_of(names: &Names, program: &Program) -> Vec<wire::Property> {
    let all = properties(names, program).into_iter();
    let property = |(kind, name, property): (_, &str, _)| {
        let text = property_text(names, program, property);
        wire::Property(kind, name.to_owned(), text)
    };
    all.map(property).collect()
}

fn column(fact: &explore::Fact) -> wire::Column {
    let about = match fact.about {
        About::Noun(Kind::Port) => "port",
        About::Noun(Kind::Variable) => "variable",
        About::Noun(Kind::Thread) => "thread",
        About::Noun(Kind::Object) => "object",
        About::Noun(Kind::File) => "file",
        About::Noun(Kind::Operation) => "operation",
        About::Noun(Kind::Source) => "source",
        About::Result => "result",
        About::Property => "property",
    };
    let is_terms = matches!(fact.is, Is::Terms(_));
    wire::Column(about, fact.noun.clone(), fact.part.clone(), is_terms)
}

fn value(is: Is) -> wire::Value {
    match is {
        Is::Terms(terms) => {
            let terms = terms.into_iter();
            wire::Value::Terms(terms.map(|(name, it)| (name, wire::Int(it))).collect())
        }
        Is::Shown(Plain::Number(number)) => wire::Value::Number(wire::Int(number)),
        Is::Shown(Plain::Truth(truth)) => wire::Value::Truth(truth),
        Is::Shown(Plain::Packets(packets)) => {
            wire::Value::Names(packets.iter().map(cells::contents).collect())
        }
        Is::Shown(Plain::Names(names)) => wire::Value::Names(names),
        Is::Shown(Plain::Words(words)) => wire::Value::Words(words),
    }
}

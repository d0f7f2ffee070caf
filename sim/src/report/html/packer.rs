//! A graph as the page reads it: numbers in lists of what comes again and again, and each state as what differs from one
//! before it. It can go on where the graph has grown.

use std::collections::HashMap;
use std::hash::Hash;

use portsim_model::claim::Claim;
use portsim_model::event::Error;
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

/// A list in which each thing stands once.
struct Pool<T> {
    numbers: HashMap<T, usize>,
}

impl<T: Clone + Eq + Hash> Pool<T> {
    fn new() -> Pool<T> {
        let numbers = HashMap::new();
        Pool { numbers }
    }

    /// The place of a thing, behind all others if it is new.
    fn number(&mut self, all: &mut Vec<T>, it: T) -> usize {
        let next = all.len();
        let number = *self.numbers.entry(it.clone()).or_insert(next);
        if number == next {
            all.push(it);
        }
        number
    }
}

/// Makes numbers of a graph.
pub struct Packer {
    states: wire::States,
    /// Each state as the numbers of its values.
    rows: Vec<Vec<usize>>,
    claims: Pool<wire::Claim>,
    values: Pool<wire::Value>,
    steps: Pool<wire::Step>,
    events: Pool<wire::Seen>,
    held: Pool<Vec<wire::Held>>,
    wrongs: Pool<wire::Wrong>,
}

impl Packer {
    /// Everything that is known of a scenario on one system.
    pub fn of(scenario: &Scenario, tour: &Tour) -> Packer {
        let (machine, names) = (tour.graph.machine(), &scenario.names);
        let program = machine.program();
        let mut packer = Packer {
            states: wire::States {
                threads: names.threads.clone(),
                groups: groups(names),
                is_whole: false,
                states_max: tour.states_max,
                is_run: !tour.run.is_empty() || tour.parted.is_some(),
                run: Vec::new(),
                loop_from: tour.loop_from,
                unexplained: tour.unexplained,
                parted: None,
                has_schedule: program.schedule.is_some(),
                properties: properties_of(names, program),
                sources: machine.about().sources,
                claims: Vec::new(),
                columns: Vec::new(),
                values: Vec::new(),
                steps: Vec::new(),
                events: Vec::new(),
                held: Vec::new(),
                wrongs: Vec::new(),
                states: Vec::new(),
            },
            rows: Vec::new(),
            claims: Pool::new(),
            values: Pool::new(),
            steps: Pool::new(),
            events: Pool::new(),
            held: Pool::new(),
            wrongs: Pool::new(),
        };
        let run = tour.run.iter();
        let run = run.map(|&step| packer.step(step)).collect();
        packer.states.run = run;
        packer.states.parted = tour.parted.as_ref().map(|parted| {
            let refusal = &parted.refusal;
            wire::Parted {
                at: refusal.at,
                shown: parted.event.as_ref().map(|it| shown(names, program, it)),
                saw: refusal.saw.clone(),
                allowed: refusal.allowed.clone(),
                by: refusal.by.iter().map(|claim| packer.claim(claim)).collect(),
            }
        });
        packer.go_on(scenario, tour);
        packer
    }

    /// All of it.
    pub fn states(&self) -> &wire::States {
        &self.states
    }

    /// The same.
    pub fn into_states(self) -> wire::States {
        self.states
    }

    /// Takes up what the graph knows by now: new states, and steps out of old ones. Which states are other than they were.
    pub fn go_on(&mut self, scenario: &Scenario, tour: &Tour) -> Vec<usize> {
        let mut other = Vec::new();
        for n in 0..tour.graph.nodes().len() {
            let known = self.states.states.get(n);
            let is_same = known.is_some_and(|it| it.5.is_some() == tour.graph.steps(n).is_some());
            if is_same {
                continue;
            }
            let state = self.state(scenario, &tour.graph, n);
            match n < self.states.states.len() {
                true => self.states.states[n] = state,
                false => self.states.states.push(state),
            }
            other.push(n);
        }
        self.states.is_whole = tour.graph.is_whole();
        other
    }

    fn state(&mut self, scenario: &Scenario, graph: &Graph, n: usize) -> wire::State {
        let (node, names) = (&graph.nodes()[n], &scenario.names);
        if n == self.rows.len() {
            let row = self.row(graph.machine(), names, node);
            self.rows.push(row);
        }
        let held: Vec<_> = held(graph.machine(), &node.state)
            .iter()
            .map(|it| self.held(graph.machine(), names, node, it))
            .collect();
        let wrong = node.wrong;
        let wrong = wrong.map(|wrong| self.wrong(graph.machine(), names, node, wrong));
        let steps = graph.steps(n).map(|edges| {
            let numbers = |edge: &Edge| {
                let step = self.step(edge.step);
                [step, self.seen(graph.machine(), names, edge), edge.to]
            };
            edges.iter().flat_map(numbers).collect()
        });
        let row = &self.rows[n];
        let known = node.before.map(|before| &self.rows[before]);
        let is_other = |(place, value): &(usize, &usize)| match known {
            Some(known) => known[*place] != **value,
            None => true,
        };
        let other = row.iter().enumerate().filter(is_other);
        let other = other.flat_map(|(place, &value)| [place, value]).collect();
        let held = self.held.number(&mut self.states.held, held);
        let ends = match (node.is_broken, node.is_bounded) {
            (true, _) => 2,
            (false, true) => 1,
            (false, false) => 0,
        };
        wire::State(node.before, held, wrong, ends, other, steps)
    }

    fn row(&mut self, machine: &dyn AnyMachine, names: &Names, node: &Node) -> Vec<usize> {
        let facts = facts(machine, names, &node.state);
        if self.states.columns.is_empty() {
            self.states.columns = facts.iter().map(column).collect();
        }
        let facts = facts.into_iter();
        let number = |it: explore::Fact| self.values.number(&mut self.states.values, value(it.is));
        facts.map(number).collect()
    }

    fn step(&mut self, step: Step) -> usize {
        let kind = match step.kind {
            StepKind::Turn => 0,
            StepKind::Wake => 1,
            StepKind::Time => 2,
        };
        let step = wire::Step(step.thread.index(), kind, step.choice);
        self.steps.number(&mut self.states.steps, step)
    }

    fn claim(&mut self, claim: &'static Claim) -> usize {
        let claim = wire::Claim(claim.id, claim.says, claim.status.word(), claim.source);
        self.claims.number(&mut self.states.claims, claim)
    }

    fn held(
        &mut self,
        machine: &dyn AnyMachine,
        names: &Names,
        node: &Node,
        held: &Held,
    ) -> wire::Held {
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

    fn wrong(
        &mut self,
        machine: &dyn AnyMachine,
        names: &Names,
        node: &Node,
        wrong: Violation,
    ) -> usize {
        let wrong = wire::Wrong(
            names.property(wrong).to_owned(),
            culprit(machine, names, None, &node.state, wrong),
        );
        self.wrongs.number(&mut self.states.wrongs, wrong)
    }

    fn seen(&mut self, machine: &dyn AnyMachine, names: &Names, edge: &Edge) -> usize {
        let program = machine.program();
        let by = edge.events.iter().flat_map(|event| &event.by);
        let by = by.map(|claim| self.claim(claim)).collect();
        let shown = edge.events.iter();
        let seen = wire::Seen {
            shown: shown.map(|it| self::shown(names, program, it)).collect(),
            by,
            woken: edge.woken.iter().map(|thread| thread.index()).collect(),
        };
        self.events.number(&mut self.states.events, seen)
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

/// Whether a call failed. That an operation is pending is no failure.
fn is_failure(answer: &Answer) -> bool {
    let is_one = matches!(answer, Answer::Failed(_) | Answer::Partial(..));
    is_one && answer.error() != Some(Error::Pending)
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

//! What is the case in a state, for people who look at it, and what expressions can ask there.

use std::collections::BTreeMap;

use portsim_model::State;
use portsim_model::expr::{ExprId, Facts, Field, eval};
use portsim_model::machine::AnyMachine;
use portsim_model::op::Op;
use portsim_model::program::{FileId, Instr, OperationId, PortId, Program, SlotId, ThreadId};
use portsim_model::state::View;
use portsim_model::threads::Mode;

use crate::names::Names;
use crate::trace::changes::{self, Kind};
use crate::trace::{answer, cells, counts_against};
use crate::words::{
    self, ALL_FIELDS, FILE_FIELDS, OPERATION_FIELDS, OfThread, PORT_FIELDS, THREAD_FIELDS,
};

pub use crate::trace::changes::Is as Plain;

/// One thing that is the case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub about: About,
    /// What that is called.
    pub noun: String,
    /// Which part of it; empty where it is about the whole.
    pub part: String,
    /// What is the case.
    pub is: Is,
}

/// What a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Something that the state is made of.
    Noun(Kind),
    /// A result of a thread's call.
    Result,
    /// A property of the scenario.
    Property,
}

/// What can be the case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Is {
    /// For people.
    Shown(Plain),
    /// For expressions.
    Terms(Terms),
}

/// What expressions can ask about one thing, and the answers.
pub type Terms = BTreeMap<String, i64>;

/// Properties belong to nobody: every result in them says whose it is.
const NOBODY: ThreadId = ThreadId(0);

/// All that is the case in a state. Those of one program are the same facts in the same places.
pub fn facts(machine: &dyn AnyMachine, names: &Names, state: &State) -> Vec<Fact> {
    let plain = changes::facts(machine, names, state).into_iter();
    let mut facts: Vec<Fact> = plain
        .map(|it| Fact {
            about: About::Noun(it.kind),
            noun: it.noun,
            part: it.part,
            is: Is::Shown(it.is),
        })
        .collect();
    let mut scene = Scene {
        machine,
        names,
        view: machine.view(state),
        facts: &mut facts,
    };
    scene.ports();
    scene.threads();
    scene.files();
    scene.properties();
    facts
}

/// A state that is being told.
struct Scene<'a> {
    machine: &'a dyn AnyMachine,
    names: &'a Names,
    view: View<'a>,
    facts: &'a mut Vec<Fact>,
}

impl Scene<'_> {
    fn say(&mut self, about: About, noun: &str, part: &str, is: Is) {
        self.facts.push(Fact {
            about,
            noun: noun.to_owned(),
            part: part.to_owned(),
            is,
        });
    }

    fn show(&mut self, kind: Kind, noun: &str, part: &str, is: Plain) {
        self.say(About::Noun(kind), noun, part, Is::Shown(is));
    }

    fn ports(&mut self) {
        let (names, view) = (self.names, self.view);
        for (id, name) in (0..).map(PortId).zip(&names.ports) {
            if self.machine.about().counts_running {
                let limit = view.port(id).running().limit();
                self.show(Kind::Port, name, "concurrency", Plain::Number(limit.into()));
                let threads = view.program.thread_ids();
                let counted = threads.filter(|&thread| counts_against(view, thread) == Some(id));
                let counted = counted.map(|thread| names.thread_name(thread).to_owned());
                self.show(Kind::Port, name, "counted", Plain::Names(counted.collect()));
            }
            let terms = PORT_FIELDS
                .iter()
                .map(|&(word, field, _)| (word.to_owned(), Facts::port(&view, id, field)));
            let terms = Is::Terms(terms.collect());
            self.say(About::Noun(Kind::Port), name, "", terms);
        }
    }

    fn threads(&mut self) {
        let (names, view) = (self.names, self.view);
        for (id, name) in (0..).map(ThreadId).zip(&names.threads) {
            let does = Plain::Words(self.does(id));
            self.show(Kind::Thread, name, "", does);
            let terms = THREAD_FIELDS.iter().map(|&(word, field, _)| {
                let value = match field {
                    OfThread::Is(field) => i64::from(Facts::thread(&view, id, field)),
                    OfThread::Apcs => view.apcs(id),
                    OfThread::LastError => view.last_error(id),
                };
                (word.to_owned(), value)
            });
            let terms = Is::Terms(terms.collect());
            self.say(About::Noun(Kind::Thread), name, "", terms);
            let code = view.program.threads[id.index()].code;
            for (slot, result) in (0..).map(SlotId).zip(names.slots_of(code)) {
                let outcome = view.outcome(id, slot);
                let words = outcome.map_or_else(String::new, |outcome| {
                    cells::answer(&answer(view.program, self.machine.os_error(), outcome))
                });
                let words = Is::Shown(Plain::Words(words));
                self.say(About::Result, name, result, words);
                let terms = Is::Terms(result_terms(view, id, slot));
                self.say(About::Result, name, result, terms);
            }
        }
    }

    /// What a thread is doing.
    fn does(&self, id: ThreadId) -> String {
        let thread = self.view.thread(id);
        let code = &self.view.program.code(id).instrs;
        let next = match code.get(usize::from(thread.pc())) {
            Some(&Instr::Op(op)) => Some(op),
            Some(Instr::End) => Some(Op::Exit),
            _ => None,
        };
        let call = next.map(|op| cells::request(self.names, self.view.program, op));
        let call = call.as_deref();
        let does = match (thread.mode(), call) {
            (Mode::Unborn, _) => "not started".to_owned(),
            (Mode::Done, _) => "done".to_owned(),
            (Mode::Lost, _) => "went wrong".to_owned(),
            (Mode::Failed, _) => "its assertion failed".to_owned(),
            (Mode::Ready, Some(call)) => format!("runs, next {call}"),
            (Mode::Ready, None) => "runs, has a choice".to_owned(),
            (Mode::Woken, Some(call)) => format!("runnable in {call}"),
            (_, Some(call)) => format!("in {call}"),
            (_, None) => "in a call".to_owned(),
        };
        let deadline = self.view.deadline(id).map(|ticks| match ticks {
            0 => ", its time is over".to_owned(),
            1 => ", 1 tick left".to_owned(),
            ticks => format!(", {ticks} ticks left"),
        });
        let suspended = match thread.suspensions() {
            0 => "",
            _ => ", suspended",
        };
        does + &deadline.unwrap_or_default() + suspended
    }

    fn files(&mut self) {
        let (names, view) = (self.names, self.view);
        for (id, name) in (0..).map(FileId).zip(&names.files) {
            let terms = FILE_FIELDS.iter().map(|&(word, field, _)| {
                let value = i64::from(Facts::file(&view, id, field));
                (word.to_owned(), value)
            });
            let terms = Is::Terms(terms.collect());
            self.say(About::Noun(Kind::File), name, "", terms);
        }
        for (id, name) in (0..).map(OperationId).zip(&names.operations) {
            let terms = OPERATION_FIELDS.iter().map(|&(word, field, _)| {
                let value = Facts::operation(&view, id, field);
                (word.to_owned(), value)
            });
            let terms = Is::Terms(terms.collect());
            self.say(About::Noun(Kind::Operation), name, "", terms);
        }
    }

    fn properties(&mut self) {
        let program = self.view.program;
        for (kind, name, property) in properties(self.names, program) {
            let is = match eval(&program.exprs, &self.view, NOBODY, property) {
                Some(value) => Plain::Truth(value != 0),
                None => Plain::Words("has no value".to_owned()),
            };
            self.say(About::Property, kind, name, Is::Shown(is));
        }
    }
}

/// The properties that can be asked of a state: the kind of each, its name, and what it says.
pub fn properties<'n>(names: &'n Names, program: &Program) -> Vec<(&'static str, &'n str, ExprId)> {
    let lists = [
        ("always", &names.always, &program.always),
        ("sometimes", &names.sometimes, &program.sometimes),
        ("at_end", &names.at_end, &program.at_end),
    ];
    let of_kind = |(kind, names, properties): (_, &'n Vec<String>, &Vec<ExprId>)| {
        let pairs = names.iter().zip(properties);
        let all = pairs.map(|(name, &property)| (kind, name.as_str(), property));
        all.collect::<Vec<_>>()
    };
    lists.into_iter().flat_map(of_kind).collect()
}

/// What expressions can ask about a result; of a packet behind the first, with its number in front.
fn result_terms(view: View<'_>, id: ThreadId, slot: SlotId) -> Terms {
    let ask = |field, nth| view.result(id, slot, field, nth);
    let whole = ALL_FIELDS.iter();
    let mut terms: Terms = whole
        .map(|&(word, field, _)| (word.to_owned(), ask(field, 0)))
        .collect();
    let of_a_packet = |field| {
        matches!(
            field,
            Field::Key | Field::Bytes | Field::Overlapped | Field::Status
        )
    };
    for nth in 1..ask(Field::Count, 0).clamp(0, 255) as u8 {
        for &(word, field, _) in ALL_FIELDS.iter().filter(|it| of_a_packet(it.1)) {
            terms.insert(format!("{nth}.{word}"), ask(field, nth));
        }
    }
    terms
}

/// A property as somebody writes it.
pub fn property_text(names: &Names, program: &Program, property: ExprId) -> String {
    words::text(names, program, NOBODY, property)
}

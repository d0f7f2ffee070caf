//! What the page reads: lists in which numbers stand for what comes again and again, so that a state takes few bytes.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

/// All that a page shows.
#[derive(Serialize)]
pub struct Page {
    pub format: &'static str,
    /// The version of the program that made it.
    pub tool: &'static str,
    /// Constants that expressions know.
    pub constants: Vec<(&'static str, i64)>,
    /// What systems call errors, each with a number that those of one meaning share.
    pub portable: Vec<(&'static str, u8)>,
    /// Where a process answers that knows more, how often what it shows has changed; none in a file.
    pub generation: Option<usize>,
    /// The sheets in short: each stands whole in a block of its own.
    pub sheets: Vec<Head>,
}

/// A sheet in short.
#[derive(Serialize)]
pub struct Head {
    pub name: String,
    /// For each side: the system, the verdict, and how it is to be taken.
    pub sides: Vec<(String, String, &'static str)>,
    pub why: String,
    pub states: usize,
}

/// One scenario.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sheet {
    pub name: String,
    pub why: String,
    pub file: String,
    pub sides: Vec<Side>,
}

/// A scenario on one system.
#[derive(Debug, Clone, Serialize)]
pub struct Side {
    pub system: String,
    pub verdict: String,
    pub tone: &'static str,
    pub culprit: String,
    pub repeat: String,
    pub instead: String,
    pub states: Option<States>,
    /// Calls at full speed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
}

/// Calls at full speed, with the numbers of those that no order explains, and of what each thread had done last before.
#[derive(Debug, Clone, Serialize)]
pub struct Timeline {
    pub threads: Vec<String>,
    pub events_all: usize,
    pub at: Option<u64>,
    pub window: Vec<usize>,
    pub after: Vec<usize>,
    pub intervals: Vec<Interval>,
}

/// Its number, its thread, its words, its times in nanoseconds, and whether it failed.
#[derive(Debug, Clone, Serialize)]
pub struct Interval(
    pub usize,
    pub usize,
    pub String,
    pub u64,
    pub Option<u64>,
    pub bool,
);

/// Where a recording and the model part: the number of the event, what it shows, that in words, what is allowed instead, and
/// the claims that say so.
#[derive(Debug, Clone, Serialize)]
pub struct Parted {
    pub at: u64,
    pub shown: Option<Shown>,
    pub saw: String,
    pub allowed: Vec<String>,
    pub by: Vec<usize>,
}

/// A graph of states.
#[derive(Debug, Clone, Serialize)]
pub struct States {
    pub threads: Vec<String>,
    pub groups: Vec<(String, Vec<usize>)>,
    /// Whether these are all states of the scenario.
    pub is_whole: bool,
    /// Else, how many were wanted.
    pub states_max: usize,
    /// Whether a run is seen first.
    pub is_run: bool,
    /// Its steps.
    pub run: Vec<usize>,
    /// How many of them stand before a loop.
    pub loop_from: Option<usize>,
    /// Events of a recording behind the run, for which no steps were found.
    pub unexplained: usize,
    /// Where a recording, which the run shows, parts from the model.
    pub parted: Option<Parted>,
    pub has_schedule: bool,
    pub properties: Vec<Property>,
    pub claims: Vec<Claim>,
    /// What the letters in their sources stand for.
    pub sources: &'static str,
    pub columns: Vec<Column>,
    pub values: Vec<Value>,
    pub steps: Vec<Step>,
    pub events: Vec<Seen>,
    pub held: Vec<Vec<Held>>,
    pub wrongs: Vec<Wrong>,
    pub states: Vec<State>,
}

/// What a process that knows more answers to a page: what is behind what the page has of each list, and states that are
/// other than they were, or new, with their numbers.
#[derive(Serialize)]
pub struct More<'s> {
    pub is_whole: bool,
    pub claims: &'s [Claim],
    pub values: &'s [Value],
    pub steps: &'s [Step],
    pub events: &'s [Seen],
    pub held: &'s [Vec<Held>],
    pub wrongs: &'s [Wrong],
    pub states: Vec<(usize, &'s State)>,
}

/// How often what is shown has changed, and what is wrong with what should be.
#[derive(Serialize)]
pub struct News {
    pub generation: usize,
    pub trouble: String,
}

/// Its kind, its name, and the expression.
#[derive(Debug, Clone, Serialize)]
pub struct Property(pub &'static str, pub String, pub String);

/// Its name, its sentence, its status and its source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Claim(
    pub &'static str,
    pub &'static str,
    pub &'static str,
    pub &'static str,
);

/// What a place in a state is about, what that is called, which part of it, and whether it is for expressions.
#[derive(Debug, Clone, Serialize)]
pub struct Column(pub &'static str, pub String, pub String, pub bool);

/// What is the case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Value {
    Number(Int),
    Truth(bool),
    Names(Vec<String>),
    Words(String),
    Terms(BTreeMap<String, Int>),
}

/// A number; a string of digits where a browser would round it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Int(pub i64);

impl Serialize for Int {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const EXACT: u64 = (1 << 53) - 1;
        match self.0.unsigned_abs() <= EXACT {
            true => serializer.serialize_i64(self.0),
            false => serializer.collect_str(&self.0),
        }
    }
}

/// The thread, the kind (0 a turn, 1 going on inside a call, 2 the clock), and the choice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Step(pub usize, pub u8, pub u32);

/// What is seen of a step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Seen {
    #[serde(rename = "e")]
    pub shown: Vec<Shown>,
    /// The claims that decided.
    pub by: Vec<usize>,
    /// Threads that it makes runnable inside their calls.
    #[serde(rename = "w", skip_serializing_if = "Vec::is_empty")]
    pub woken: Vec<usize>,
}

/// The thread, the words, what it does to the bar of a call (0 a call that returned at once, 1 one that parks, 2 a return,
/// 3 nothing), and whether the call failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Shown(pub usize, pub String, pub u8, pub bool);

/// A thread that cannot move: which, what it is in, and the claim that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Held(pub usize, pub String, pub Option<usize>);

/// The property, and what is wrong in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Wrong(pub String, pub String);

/// A state before it, who is held, what is wrong, why there may be no steps (1: a bound keeps somebody from moving, 2: an invariant
/// is broken), places and values that differ from the state before, and the steps as step, what is seen, and the state that it
/// leads to; none where nobody has asked.
#[derive(Debug, Clone, Serialize)]
pub struct State(
    pub Option<usize>,
    pub usize,
    pub Option<usize>,
    pub u8,
    pub Vec<usize>,
    pub Option<Vec<usize>>,
);

/// As JSON in which no `<` stands, so that it can stand in a document.
pub fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).expect("a page is plain data");
    text.replace('<', "\\u003c")
}

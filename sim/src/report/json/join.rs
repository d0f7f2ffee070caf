//! Parts of a sweep, joined: the reports of the parts, in JSON, become the report of the whole.
//!
//! Lists are appended in the order of the parts; counts and times add up; `complete` holds if it holds for every part,
//! and a verdict is the worst. Where a list counts (divergences, reasons), entries that say the same become one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::litmus;
use crate::report::admit;
use crate::report::exit::Exit;
use crate::report::totals::Totals;
use crate::report::verdict::Verdict;
use crate::utf8;

/// The key under which a report of a part says which it is, as I/N.
pub const PART: &str = "part";

/// The list by which the result of a command is known, and what is in it.
const LISTS: [&str; 5] = ["cells", "cases", "scenarios", "traces", "runs"];

/// Lists whose entries count, or say the same of each part.
const COUNTED: [&str; 3] = ["found", "reasons", "left_out"];

/// Fields of such entries that count.
const COUNTS: [&str; 2] = ["times", "cases"];

/// Fields of such entries that name the first case.
const OF_THE_FIRST: [&str; 3] = ["seed", "scenario", "again"];

/// What a command said of a part, or of the whole.
#[derive(Debug)]
pub struct Said {
    whole: Value,
    /// Where each entry of a list stands in which each stands once, by the list's name and what the entry says.
    places: Places,
    /// Which parts of how many it has.
    parts: Vec<(u64, u64)>,
}

impl Said {
    /// What a command that takes `--shard` said; else the line where something is wrong, and what.
    pub fn read(text: &[u8]) -> Result<Said, (usize, String)> {
        let text = utf8::text(text).map_err(|(_, problem)| (1, problem.to_owned()))?;
        let mut said: Value = serde_json::from_str(text)
            .map_err(|error| (error.line(), format!("is no JSON: {error}")))?;
        let part = said
            .as_object_mut()
            .and_then(|keys| keys.shift_remove(PART));
        let parts = match part.as_ref().map(|part| part.as_str().and_then(part_of)) {
            None => Vec::new(),
            Some(Some(part)) => vec![part],
            Some(None) => return Err((1, format!("expected a part such as \"1/4\" in {PART}"))),
        };
        let keys = said.as_object();
        match keys.is_some_and(|keys| LISTS.iter().any(|list| keys.contains_key(*list))) {
            true => Ok(Said {
                whole: said,
                places: BTreeMap::new(),
                parts,
            }),
            false => {
                let expected = "run, check, admit, cross-check, compare, litmus or fuzz";
                Err((1, format!("expected what {expected} says with --json")))
            }
        }
    }

    /// Whether it counts outcomes: those of other machines stand beside them.
    pub fn is_litmus(&self) -> bool {
        litmus::is_litmus(&self.whole)
    }

    /// The tables of outcomes that were counted.
    pub(in crate::report) fn tables(&self) -> Vec<litmus::Table> {
        litmus::tables_of(&self.whole)
    }

    /// All that was said.
    pub fn whole(&self) -> &Value {
        &self.whole
    }

    /// Adds the next part; says what does not fit.
    pub fn add(&mut self, part: Said) -> Result<(), String> {
        // Other machines count the same outcomes once more.
        if self.is_litmus() && part.is_litmus() {
            litmus::add(&mut self.whole, &part.whole);
            return Ok(());
        }
        if self.parts.is_empty() != part.parts.is_empty() {
            return Err(
                "is of a whole where another file is of a part, or the other way round".into(),
            );
        }
        for &(i, of) in &part.parts {
            if self.parts.iter().any(|&(_, other)| other != of) {
                return Err(format!(
                    "is part {i} of {of}, and the first file of another number"
                ));
            }
            if self.parts.contains(&(i, of)) {
                return Err(format!("is part {i} of {of}, as an earlier file is"));
            }
        }
        self.parts.extend(&part.parts);
        add(&mut self.whole, part.whole, &mut self.places)
    }

    /// The first part that no file was of.
    pub fn missing(&self) -> Option<String> {
        let &(_, of) = self.parts.first().filter(|_| !self.is_litmus())?;
        let missing = (1..=of).find(|&i| !self.parts.contains(&(i, of)))?;
        Some(format!("{missing}/{of}"))
    }

    /// What the command would have come to on the whole.
    pub fn exit(&self) -> Exit {
        let whole = &self.whole;
        let entries = |list: &str| whole[list].as_array().into_iter().flatten();
        let verdicts = [whole].into_iter().chain(entries("runs"));
        let verdicts = verdicts.chain(entries("scenarios")).map(exit_of_verdict);
        let admissions = entries("traces").map(exit_of_admission);
        let totals = [whole, &whole["totals"]].map(|counts| {
            let failed = || "a backend could not run".to_owned();
            totals(counts).exit(whole["complete"] != false, failed)
        });
        let errors = entries("errors").map(|_| Exit::BadInput);
        let counts = litmus::is_refused(whole).then_some(Exit::Unexpected);
        let all = verdicts.chain(admissions).chain(totals).chain(errors);
        Exit::worst(all.chain(counts))
    }
}

/// A part such as `1/4`.
fn part_of(text: &str) -> Option<(u64, u64)> {
    let (i, of) = text.split_once('/')?;
    let (i, of) = (i.parse().ok()?, of.parse().ok()?);
    (0 < i && i <= of).then_some((i, of))
}

fn exit_of_verdict(entry: &Value) -> Exit {
    let verdict = entry["verdict"].as_str().and_then(Verdict::named);
    match (verdict, entry["as_expected"].as_bool()) {
        (Some(verdict), as_expected) => verdict.exit(as_expected),
        (None, _) => Exit::AsExpected,
    }
}

fn exit_of_admission(entry: &Value) -> Exit {
    let verdict = entry["verdict"].as_str().and_then(admit::Verdict::named);
    verdict.map_or(Exit::AsExpected, admit::Verdict::exit)
}

fn totals(counts: &Value) -> Totals {
    let count = |verdict: &str| counts[verdict].as_u64().unwrap_or(0);
    Totals {
        agree: count("agree"),
        differ: count("differ"),
        unsupported: count("unsupported"),
        unavailable: count("unavailable"),
    }
}

/// Where entries stand: see [`Said`].
type Places = BTreeMap<String, HashMap<String, usize>>;

fn add(whole: &mut Value, part: Value, places: &mut Places) -> Result<(), String> {
    let (Value::Object(whole), Value::Object(part)) = (whole, part) else {
        return Err("expected an object".into());
    };
    if whole.contains_key("used") && whole.contains_key("never") {
        add_coverage(whole, &part);
        return Ok(());
    }
    if !always_there(whole).eq(always_there(&part)) {
        return Err("is of another command or version than the first file: its keys differ".into());
    }
    for (key, value) in part {
        match whole.get_mut(&key) {
            Some(so_far) => {
                join(&key, so_far, value, places).map_err(|why| format!("at {key}: {why}"))?;
            }
            None => {
                whole.insert(key, value);
            }
        }
    }
    Ok(())
}

/// The keys that each part has. Some commands say `complete` only where they were stopped, and `errors` where there are
/// some.
fn always_there(said: &Map<String, Value>) -> impl Iterator<Item = &String> {
    said.keys()
        .filter(|key| !["complete", "errors"].contains(&key.as_str()))
}

/// Claims that decided something in any part, with how often in all; those that never did in any.
fn add_coverage(whole: &mut Map<String, Value>, part: &Map<String, Value>) {
    let entries = |coverage: &Map<String, Value>| -> Map<String, Value> {
        coverage["used"].as_object().cloned().unwrap_or_default()
    };
    let mut used: BTreeMap<String, u64> = BTreeMap::new();
    for (claim, times) in entries(whole).into_iter().chain(entries(part)) {
        *used.entry(claim).or_default() += times.as_u64().unwrap_or(0);
    }
    let (mut never, mut known) = (Vec::new(), BTreeSet::new());
    for claims in [&whole["never"], &part["never"]] {
        for claim in claims.as_array().into_iter().flatten() {
            let name = claim.as_str().unwrap_or_default();
            if !used.contains_key(name) && known.insert(name) {
                never.push(claim.clone());
            }
        }
    }
    let used: Map<_, _> = used
        .into_iter()
        .map(|(claim, times)| (claim, times.into()))
        .collect();
    whole.insert("used".to_owned(), used.into());
    whole.insert("never".to_owned(), never.into());
}

fn join(key: &str, so_far: &mut Value, part: Value, places: &mut Places) -> Result<(), String> {
    match (&mut *so_far, part) {
        (Value::Array(all), Value::Array(some)) if COUNTED.contains(&key) => {
            let known = || places_of(all);
            let places = places.entry(key.to_owned()).or_insert_with(known);
            some.into_iter().for_each(|entry| count(all, places, entry));
        }
        (Value::Array(all), Value::Array(some)) => all.extend(some),
        (Value::Bool(all), Value::Bool(one)) => *all &= one,
        (Value::Number(sum), Value::Number(more)) => {
            *so_far = match (sum.as_u64(), more.as_u64()) {
                (Some(sum), Some(more)) => sum.saturating_add(more).into(),
                _ => (sum.as_f64().unwrap_or(0.0) + more.as_f64().unwrap_or(0.0)).into(),
            };
        }
        (Value::String(worst), Value::String(other)) => {
            let verdicts = (Verdict::named(worst), Verdict::named(&other));
            let (Some(one), Some(another)) = verdicts else {
                return Err(format!("{worst:?} and {other:?} are no verdicts"));
            };
            *worst = one.max(another).name().to_owned();
        }
        (Value::Object(_), part @ Value::Object(_)) => add(so_far, part, places)?,
        _ => return Err("the first file has something else there".into()),
    }
    Ok(())
}

/// Where the entries of a list stand; the first of those that say the same.
fn places_of(entries: &[Value]) -> HashMap<String, usize> {
    let mut places = HashMap::new();
    for (place, entry) in entries.iter().enumerate() {
        places.entry(besides(entry)).or_insert(place);
    }
    places
}

/// What an entry says, besides what counts and which case was the first.
fn besides(entry: &Value) -> String {
    let fields = entry.as_object().into_iter().flatten();
    let tells = |key: &str| !COUNTS.contains(&key) && !OF_THE_FIRST.contains(&key);
    let fields: BTreeMap<_, _> = fields.filter(|(key, _)| tells(key)).collect();
    serde_json::to_string(&fields).expect("it was JSON before")
}

/// Adds an entry to a list in which each stands once.
fn count(all: &mut Vec<Value>, places: &mut HashMap<String, usize>, entry: Value) {
    let place = *places.entry(besides(&entry)).or_insert(all.len());
    let Some(known) = all.get_mut(place) else {
        return all.push(entry);
    };
    for counted in COUNTS {
        if let (Some(sum), Some(more)) = (known[counted].as_u64(), entry[counted].as_u64()) {
            known[counted] = sum.saturating_add(more).into();
        }
    }
    if entry["seed"].as_u64() < known["seed"].as_u64() {
        for field in OF_THE_FIRST {
            if let Some(value) = entry.get(field) {
                known[field] = value.clone();
            }
        }
    }
}

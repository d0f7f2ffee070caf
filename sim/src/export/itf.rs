//! The states of a run in the Informal Trace Format, which Apalache and Quint write and others read.

use super::course::Course;
use super::wire::{Itf, ItfValue};
use crate::trace::cells;
use crate::trace::changes::{Fact, Is, facts};

/// The trace; says why there is none where nobody knows the states.
pub fn itf(course: &Course<'_>) -> Result<String, String> {
    let Some((machine, states)) = course.states else {
        return Err("nobody knows the states of calls at full speed".to_owned());
    };
    let mut variables: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    let mut before = 0;
    for (after, state) in states {
        let facts = facts(machine, course.names, state);
        if variables.is_empty() {
            for fact in &facts {
                let name = free(&variables, &identifier(fact));
                variables.push(name);
            }
        }
        let shown = &course.events[before..(*after as usize).min(course.events.len())];
        let action = shown.iter().map(|event| {
            let thread = course.names.thread_name(event.shown.thread());
            format!("{thread}: {}", course.words(event))
        });
        let action: Vec<_> = action.collect();
        rows.push((action.join("; "), facts.iter().map(value).collect()));
        before = (*after as usize).min(course.events.len());
    }
    // The state with which a loop begins is the one before its first event.
    let loop_from = course.loop_at.and_then(|first| {
        let before = first.saturating_sub(1);
        states.iter().position(|(after, _)| *after == before)
    });
    let whole = Itf {
        title: course.title.to_owned(),
        variables,
        states: rows,
        loop_from,
    };
    Ok(whole.text())
}

/// A name as TLA+ has it.
fn identifier(fact: &Fact) -> String {
    let name = fact.name();
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    name.chars().map(letter).collect()
}

/// The name, with a number where another one is called so.
fn free(known: &[String], name: &str) -> String {
    let is_free = |name: &String| !known.contains(name);
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names
        .find(is_free)
        .expect("there are more numbers than names")
}

fn value(fact: &Fact) -> ItfValue {
    match &fact.is {
        Is::Number(number) => ItfValue::Number(*number),
        Is::Truth(truth) => ItfValue::Truth(*truth),
        Is::Packets(packets) => ItfValue::List(packets.iter().map(cells::contents).collect()),
        Is::Names(names) => ItfValue::List(names.clone()),
        Is::Words(words) => ItfValue::Words(words.clone()),
    }
}

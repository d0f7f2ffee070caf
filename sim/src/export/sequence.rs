//! A run as a sequence diagram, for Mermaid and for PlantUML: threads call ports and objects, which answer.

use std::fmt::Write as _;

use portsim_model::program::ThreadId;

use super::course::{Bar, Course, bar};
use crate::trace::Event;

/// What the two languages say differently.
struct Language {
    head: fn(&str) -> String,
    participant: fn(&str, &str) -> String,
    call: &'static str,
    answer: &'static str,
    /// Behind the arrow: a bar begins at the caller, or ends there.
    begins: &'static str,
    ends: &'static str,
    note: fn(&str, &str) -> String,
    round: &'static str,
    last: &'static str,
    /// A text that stands for itself.
    text: fn(&str) -> String,
}

const MERMAID: Language = Language {
    head: |title| format!("---\ntitle: {title:?}\n---\nsequenceDiagram\n"),
    participant: |id, name| format!("    participant {id} as {name}\n"),
    call: "->>",
    answer: "-->>",
    begins: "activate",
    ends: "deactivate",
    note: |id, text| format!("    Note over {id}: {text}\n"),
    round: "    loop for ever\n",
    last: "",
    text: mermaid_text,
};

const PLANTUML: Language = Language {
    head: |title| format!("@startuml\ntitle {title}\n"),
    participant: |id, name| format!("participant \"{name}\" as {id}\n"),
    call: "->",
    answer: "-->",
    begins: "activate",
    ends: "deactivate",
    note: |id, text| format!("note over {id} : {text}\n"),
    round: "loop for ever\n",
    last: "@enduml\n",
    text: plantuml_text,
};

/// For Mermaid.
pub fn mermaid(course: &Course<'_>) -> String {
    diagram(course, &MERMAID)
}

/// For PlantUML.
pub fn plantuml(course: &Course<'_>) -> String {
    diagram(course, &PLANTUML)
}

fn diagram(course: &Course<'_>, language: &Language) -> String {
    let text = |words: &str| (language.text)(words);
    let title = match language.last.is_empty() {
        // In the front matter it is a string of its own language.
        true => plain(course.title),
        false => text(course.title),
    };
    let mut all = (language.head)(&title);
    let nouns = course.nouns();
    for thread in course.threads() {
        let name = course.names.thread_name(thread);
        all += &(language.participant)(&id_of(thread), &text(name));
    }
    for (n, noun) in nouns.iter().enumerate() {
        all += &(language.participant)(&format!("n{n}"), &text(noun));
    }
    for (n, event) in course.events.iter().enumerate() {
        if course.loop_at == Some(n as u64 + 1) {
            all += language.round;
        }
        all += &line(course, language, &nouns, event);
    }
    if course.loop_at.is_some() {
        all += "end\n";
    }
    if !course.wrong.is_empty()
        && let (Some(first), Some(last)) = (course.threads().first(), course.threads().last())
    {
        let over = match first == last {
            true => id_of(*first),
            false => format!("{},{}", id_of(*first), id_of(*last)),
        };
        all += &(language.note)(&over, &text(course.wrong));
    }
    all + language.last
}

fn line(course: &Course<'_>, language: &Language, nouns: &[String], event: &Event) -> String {
    let thread = id_of(event.shown.thread());
    let words = (language.text)(&course.words(event));
    let noun = course.noun(event);
    let noun = noun.and_then(|noun| nouns.iter().position(|it| *it == noun));
    let (Some(noun), Language { call, answer, .. }) = (noun, language) else {
        return (language.note)(&thread, &words);
    };
    let mut line = String::new();
    let (begins, ends) = (language.begins, language.ends);
    let _ = match bar(event) {
        Bar::Point => writeln!(line, "    {thread}{call}n{noun}: {words}"),
        Bar::Begin => writeln!(
            line,
            "    {thread}{call}n{noun}: {words}\n    {begins} {thread}"
        ),
        Bar::End => writeln!(
            line,
            "    n{noun}{answer}{thread}: {words}\n    {ends} {thread}"
        ),
        Bar::Silent => return (language.note)(&thread, &words),
    };
    line
}

fn id_of(thread: ThreadId) -> String {
    format!("t{}", thread.0)
}

/// Letters that steer nothing anywhere.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || " .,=!?()+/".contains(c)
}

/// What is not plain is a question mark: a title has no other way.
fn plain(text: &str) -> String {
    let may = |c: char| is_plain(c) || ":'&<>[]_-".contains(c);
    text.chars().map(|c| if may(c) { c } else { '?' }).collect()
}

/// Mermaid writes a character by its number.
fn mermaid_text(text: &str) -> String {
    spelled(text, |c| format!("#{};", u32::from(c)))
}

/// PlantUML does so too.
fn plantuml_text(text: &str) -> String {
    spelled(text, |c| format!("<U+{:04X}>", u32::from(c)))
}

fn spelled(text: &str, spell: impl Fn(char) -> String) -> String {
    let mut all = String::new();
    let mut before = ' ';
    for c in text.chars() {
        match c {
            // A line is a line.
            _ if c.is_control() => all.push('?'),
            _ if is_plain(c) => all.push(c),
            // Between letters they are what they are; two of them would be a line, or strike out.
            '-' | '_' if before.is_ascii_alphanumeric() => all.push(c),
            _ => all += &spell(c),
        }
        before = c;
    }
    // A word of the language at the end of a block is none within a text.
    match all.trim() {
        "end" => spell('e') + "nd",
        "" => spell('?'),
        _ => all,
    }
}

//! Graphs for Graphviz: a run by what comes before what.

use std::fmt::Write as _;

use super::course::{Course, is_failure};

/// A run: the events of each thread in a row, and an arrow from each call to what it caused.
pub fn dot(course: &Course<'_>) -> String {
    let mut text = format!(
        "digraph run {{\n  label={};\n  labelloc=t;\n  rankdir=TB;\n  node [shape=box, fontname=\"monospace\"];\n",
        quoted(course.title)
    );
    for thread in course.threads() {
        let name = course.names.thread_name(thread);
        let _ = writeln!(
            text,
            "  subgraph cluster_{} {{\n    label={};",
            thread.0,
            quoted(name)
        );
        let own = course.events.iter().enumerate();
        let own: Vec<_> = own
            .filter(|(_, event)| event.shown.thread() == thread)
            .collect();
        for (n, event) in &own {
            let words = format!("{} {}", n + 1, course.words(event));
            let colour = if is_failure(event) { ", color=red" } else { "" };
            let _ = writeln!(text, "    e{n} [label={}{colour}];", quoted(&words));
        }
        let row: Vec<_> = own.iter().map(|(n, _)| format!("e{n}")).collect();
        if row.len() > 1 {
            let _ = writeln!(text, "    {};", row.join(" -> "));
        }
        text += "  }\n";
    }
    for (n, cause) in course.causes().into_iter().enumerate() {
        if let Some(cause) = cause {
            let _ = writeln!(text, "  e{cause} -> e{n} [color=blue, constraint=true];");
        }
    }
    if let Some(first) = course.loop_at.filter(|_| !course.events.is_empty()) {
        let (first, last) = (first.saturating_sub(1), course.events.len() - 1);
        let _ = writeln!(
            text,
            "  e{last} -> e{first} [style=dashed, label=\"for ever\", constraint=false];"
        );
    }
    if !course.wrong.is_empty() {
        let _ = writeln!(
            text,
            "  wrong [shape=note, color=red, label={}];",
            quoted(course.wrong)
        );
        if !course.events.is_empty() {
            let _ = writeln!(text, "  e{} -> wrong [color=red];", course.events.len() - 1);
        }
    }
    text + "}\n"
}

/// A string of the language: its backslashes stand for themselves.
pub fn quoted(text: &str) -> String {
    let mut all = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => all += "\\\"",
            '\\' => all += "\\\\",
            _ if c.is_control() => all.push('?'),
            _ => all.push(c),
        }
    }
    all + "\""
}

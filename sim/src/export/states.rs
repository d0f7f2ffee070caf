//! A graph of states for Graphviz, as far as it is known.

use std::fmt::Write as _;

use super::dot::quoted;
use crate::explore::Graph;
use crate::names::Names;
use crate::plain::cut;
use crate::trace::cells;
use crate::trace::changes::facts;

/// The longest words on an arrow, in letters.
const WORDS_MAX: usize = 60;

/// Every state that is known, and every step between two of them; what is wrong in red, and broken where nobody asked what
/// comes next.
pub fn states(graph: &Graph, names: &Names, title: &str) -> String {
    let (machine, nodes) = (graph.machine(), graph.nodes());
    let known = match graph.is_whole() {
        true => format!("all {} states", nodes.len()),
        false => format!(
            "{} states near the start, which was the bound: there are more",
            nodes.len()
        ),
    };
    let mut text = format!(
        "digraph states {{\n  label={};\n  labelloc=t;\n  node [shape=circle, fontname=\"monospace\"];\n  edge [fontname=\"monospace\", fontsize=10];\n",
        quoted(&format!("{title}: {known}"))
    );
    for (n, node) in nodes.iter().enumerate() {
        let words: Vec<_> = facts(machine, names, &node.state)
            .iter()
            .map(|fact| fact.words())
            .collect();
        let mut more = String::new();
        if let Some(wrong) = node.wrong {
            let name = names.property(wrong);
            let _ = write!(more, ", color=red, xlabel={}", quoted(name));
        }
        match graph.steps(n) {
            None => more += ", style=dashed",
            Some([]) => more += ", shape=doublecircle",
            Some(_) => {}
        }
        let tooltip = quoted(&words.join(", "));
        let _ = writeln!(text, "  s{n} [label=\"{n}\", tooltip={tooltip}{more}];");
    }
    for n in 0..nodes.len() {
        for edge in graph.steps(n).unwrap_or_default() {
            let words: Vec<_> = edge
                .events
                .iter()
                .map(|event| {
                    let thread = names.thread_name(event.shown.thread());
                    format!("{thread}: {}", cells::told(names, machine.program(), event))
                })
                .collect();
            let words = quoted(&cut(words.join("; "), WORDS_MAX));
            let _ = writeln!(text, "  s{n} -> s{} [label={words}];", edge.to);
        }
    }
    text + "}\n"
}

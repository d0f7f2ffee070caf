//! Nobody overlooks an operation: whoever tells operations apart names each of them.
//!
//! A catch-all gives an answer for operations that nobody thought of when it was written, and nothing says so. What
//! several operations have in common is a word of their description. An arm with a condition is none, because the
//! compiler asks for the rest.

use std::path::Path;

use super::pattern::{Asked, Pattern, asked};
use super::rust::{code_only, mentions, tokens};
use super::{File, Violation, breaks, holds, rust_files};

/// What an operation is called in code: itself, and its kind.
const NAMES: [&str; 2] = ["Op", "Verb"];

const DESCRIPTIONS: &str = "model/src/op/describe.rs";

/// Every match over operations names them all, and no `matches!` or `let` asks for several at once.
fn operations_are_named(root: &Path) -> Vec<Violation> {
    let is_ours = |file: &&File| {
        let ours = ["model/src/", "sim/src/"];
        ours.iter().any(|src| file.path.starts_with(src))
    };
    let files = rust_files(root);
    files.iter().filter(is_ours).flat_map(overlooked).collect()
}

/// The places of a file where an operation can be overlooked.
fn overlooked(file: &File) -> Vec<Violation> {
    let code = code_only(&file.text);
    let mut found = Vec::new();
    let mut add = |line, what: String| found.push(Violation::new(&file.path, line, what));
    for mention in mentions(&code) {
        let of = |n: usize| mention.path.iter().rev().nth(n).map_or("", String::as_str);
        let renamed =
            NAMES.contains(&of(0)) && mention.alias.as_deref().is_some_and(|it| it != of(0));
        if renamed || of(0) == "*" && NAMES.contains(&of(1)) {
            add(mention.line, "operations go by their own name".to_owned());
        }
    }
    let names: Vec<&str> = NAMES
        .into_iter()
        .chain(file.text.contains("impl Op {").then_some("Self"))
        .collect();
    for place in asked(&tokens(&code)) {
        match place {
            Asked::Match(arms) => {
                let operations: Vec<&Pattern> = arms
                    .iter()
                    .map(|arm| &arm.pattern)
                    .filter(|pattern| pattern.names(&names) > 0)
                    .collect();
                for arm in arms.iter().filter(|arm| !arm.guarded) {
                    if operations.iter().any(|it| arm.pattern.swallows(it, &names)) {
                        add(
                            arm.line,
                            "stands for operations that are not named".to_owned(),
                        );
                    }
                }
            }
            Asked::Whether(pattern, line) => {
                if pattern.names(&names) > 1 {
                    add(
                        line,
                        "asks for several operations: what have they in common?".to_owned(),
                    );
                }
            }
            Asked::Unread(text, line) => {
                if names.iter().any(|name| text.contains(&format!("{name}::"))) {
                    add(line, "cannot be read".to_owned());
                }
            }
        }
    }
    found
}

/// The descriptions take every operation apart field by field.
fn descriptions_name_every_field(root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in rust_files(root)
        .iter()
        .filter(|file| file.path == DESCRIPTIONS)
    {
        let code = code_only(&file.text);
        for (n, line) in (1..).zip(code.lines()) {
            if line.contains("..") {
                found.push(Violation::new(&file.path, n, "leaves fields out"));
            }
        }
    }
    found
}

#[test]
fn no_operation_is_overlooked() {
    holds(operations_are_named);
}

#[test]
fn what_overlooks_operations_is_seen() {
    let source = r#"
fn a(op: Op) -> u8 {
    match op {
        Op::Get { .. } | Op::Post { .. } => 1,
        Op::Exit if true => 2,
        _ if false => 3,
        other => 4,
    }
}
fn b(pair: (Option<&Op>, u8)) -> u8 {
    match pair {
        (Some(&Op::Exit), 1) => match pair.1 { _ => 1 },
        (Some(_), 1) => 2,
        (None, _) => 3,
        (kept @ _, n) => { 4 }
    }
}
fn c(instr: Instr) -> bool {
    match unsafe { instr } {
        Instr::Op(program::Op::Test { otherwise, .. }) | Instr::If { otherwise } => true,
        Instr::Op(_) => false,
        _ => false,
    }
}
fn d(verb: Verb) -> bool {
    matches!(verb, Verb::Get | Verb::Post) || matches!(verb, Verb::Exit)
}
fn e(shown: Shown) {
    if let Op::Get { .. } | Op::Post { .. } = shown.op { return }
    let _ = matches!(shown, Shown::Call { op: Op::Get { .. } | Op::Post { .. }, .. } if true);
    match shown { Shown::Call { op: Op::Exit, .. } => {}, Shown::Call { .. } | Shown::End => {} }
    match shown.n { 1 => {} _ => {} }
}
use program::Op as Action;
use Op::*;
fn f(op: Op) -> u8 {
    match op {
        ops_of!(files) | Op::Get { .. } => 1,
        ops_of!(jobs, ports) => 2,
        Op::Exit => 3,
    }
}
fn g(op: Op) -> u8 {
    match op { ops_of!(files) | Op::Get { .. } => 1, _ => 2 }
}
fn h(instr: Instr) -> u8 {
    match instr { Instr::Op(ops_of!(files)) => 1, Instr::Op(model::ops_of!(jobs, ports)) => 2, Instr::Op(op) => 3, Instr::If => 4 }
}
fn i(op: Op) -> bool {
    match op {
        ops_of!(files, jobs) => true,
        ops_of!(ports) => false,
        other => false,
    }
}
fn j(op: Op) -> bool {
    matches!(op, ops_of!(files))
}
fn k(op: Op) {
    while let Op::Free { n: 1..=2 } = op {}
    if let Op::Free { n: 1..=2, .. } | Op::Alloc { .. } = op {}
    let Op::Free { n } | Op::Alloc { n } = op else { return };
    let all: Vec<_> = [Op::Exit, Op::Yield].into();
}
"#;
    breaks(
        operations_are_named,
        &[("sim/src/a.rs", source), ("tests/b.rs", source)],
        &[
            "sim/src/a.rs:7: stands",
            "sim/src/a.rs:13: stands",
            "sim/src/a.rs:15: stands",
            "sim/src/a.rs:21: stands",
            "sim/src/a.rs:22: stands",
            "sim/src/a.rs:26: asks",
            "sim/src/a.rs:29: asks",
            "sim/src/a.rs:30: asks",
            "sim/src/a.rs:31: stands",
            "sim/src/a.rs:34: operations go",
            "sim/src/a.rs:35: operations go",
            "sim/src/a.rs:44: stands",
            "sim/src/a.rs:47: stands",
            "sim/src/a.rs:53: stands",
            "sim/src/a.rs:57: asks",
            "sim/src/a.rs:61: asks",
            "sim/src/a.rs:62: asks",
        ],
    );
}

#[test]
fn descriptions_leave_no_field_out() {
    holds(descriptions_name_every_field);
}

#[test]
fn a_description_that_leaves_fields_out_is_seen() {
    breaks(
        descriptions_name_every_field,
        &[(
            DESCRIPTIONS,
            "match op {\n    // All of it...\n    Op::Get { port, .. } => says,\n}\n",
        )],
        &["model/src/op/describe.rs:3: leaves"],
    );
}

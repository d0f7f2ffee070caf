//! What a command found is a value, and one room has words for it: commands print nothing themselves, name no format,
//! and know no verdict by its word. So a new format touches `sim/src/report/` alone.

use std::path::Path;

use super::rust::{code_only, mentions, tokens};
use super::{Violation, breaks, holds, rust_files};

const COMMANDS: &str = "sim/src/cli/";

/// Files of commands that print: where reports and errors go, the protocol of agents, schemas, and what shells and readers of
/// manual pages are told.
const PRINTERS: [&str; 5] = ["say.rs", "mod.rs", "agent.rs", "schema.rs", "shell.rs"];

/// What prints, or gives what can be printed to.
const PRINTS: [&str; 6] = ["print", "println", "eprint", "eprintln", "stdout", "stderr"];

/// Words that reports have for verdicts.
const VERDICTS: [&str; 15] = [
    "pass",
    "violation",
    "partial",
    "unsupported",
    "unavailable",
    "agree",
    "differ",
    "same",
    "admitted",
    "refused",
    "recorded",
    "cut",
    "exported",
    "expected",
    "unexpected",
];

/// Commands leave printing and words to reports.
fn commands_have_no_words(root: &Path) -> Vec<Violation> {
    let mut files = rust_files(root);
    files.retain(|file| file.path.starts_with(COMMANDS));
    let mut found = Vec::new();
    for file in &files {
        let mut add = |line, what| found.push(Violation::new(&file.path, line, what));
        let code = code_only(&file.text);
        let prints = PRINTERS.iter().any(|name| file.path.ends_with(name));
        for token in tokens(&code).iter().filter(|_| !prints) {
            if PRINTS.contains(&token.text) {
                add(token.line, format!("a command prints by `{}`", token.text));
            }
        }
        for mention in mentions(&code) {
            let mut pairs = mention.path.windows(2);
            if pairs.any(|pair| pair[0] == "report" && pair[1] == "text") {
                add(
                    mention.line,
                    "a command names a format of reports".to_owned(),
                );
            }
        }
        for (n, line) in file.lines() {
            let line = line.split("//").next().unwrap_or_default();
            for word in VERDICTS {
                if line.contains(&format!("\"{word}\"")) {
                    add(n, format!("a command has a word for a verdict: {word:?}"));
                }
            }
        }
    }
    found
}

#[test]
fn commands_leave_words_to_reports() {
    holds(commands_have_no_words);
}

#[test]
fn a_command_that_prints_or_says_a_verdict_is_seen() {
    breaks(
        commands_have_no_words,
        &[
            ("sim/src/cli/say.rs", "fn f() { println!(); }\n"),
            (
                "sim/src/report/verdict.rs",
                "const PASS: &str = \"pass\";\n",
            ),
            (
                "sim/src/cli/run.rs",
                "// It says \"pass\".\nfn f() { std::io::stdout(); }\nconst PASS: &str = \"pass\";\n",
            ),
            ("sim/src/cli/check.rs", "use crate::report::{json, text};\n"),
        ],
        &[
            "sim/src/cli/run.rs:2: a command prints by `stdout`",
            "sim/src/cli/run.rs:3: a command has a word for a verdict: \"pass\"",
            "sim/src/cli/check.rs:1: a command names a format of reports",
        ],
    );
}

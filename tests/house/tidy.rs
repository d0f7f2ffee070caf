//! Order in the tree: what stands where, what it may be called, how long it may be, and what is never left
//! lying about.

use std::path::Path;

use super::rust::code_only;
use super::{File, Violation, breaks, files, holds, rust_files, top_level};

/// What may stand at the top; a `*` stands for the rest of a name.
const TOP: [&str; 13] = [
    "Cargo.toml",
    "Cargo.lock",
    "sim",
    "model",
    "scenarios",
    "traces",
    "tests",
    "docs",
    "README*",
    "LICENSE*",
    "CHANGELOG*",
    ".ci",
    ".git*",
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = [
    "utils", "common", "helpers", "core", "types", "manager", "engine",
];

/// Past this many lines a file is a decision to write down.
const LINES_MAX: usize = 600;

/// Macros and attributes that mark unfinished or switched-off code.
const UNFINISHED: [&str; 4] = ["todo!", "unimplemented!", "dbg!", "#[ignore"];

/// How an attribute ends that switches a test off here, because a command beside CI runs it.
const RUN_ELSEWHERE: &str = "; tests/campaigns.sh runs it\"]";

/// Marks of unfinished work in any text. The bar keeps this list from being found by its own test.
const MARKS: [&str; 3] = ["FIX|ME", "TO|DO", "X|XX"];

/// Words that make sense only to those who sat in the workshop: its folders, its tickets, its tools. They
/// are looked for in small letters; the bar keeps this list from being found by its own test.
const WORKSHOP: [&str; 10] = [
    "/wo|rk/",
    "/ro|ot/",
    "/ho|me/",
    "c:\\use|rs\\",
    "iss|ue #",
    "chat|gpt",
    "clau|de",
    "anthr|opic",
    "open|ai",
    "copi|lot",
];

fn unbarred(word: &str) -> String {
    word.replace('|', "")
}

/// Only what the architecture names stands at the top.
fn top_is_small(root: &Path) -> Vec<Violation> {
    let allowed = |name: &str| {
        TOP.iter().any(|&top| match top.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == top,
        })
    };
    let mut names = top_level(root);
    names.retain(|name| !allowed(name));
    let stray = |name| Violation::new(name, 0, "this has no place at the top");
    names.into_iter().map(stray).collect()
}

/// Rooms and files have names of the domain.
fn names_say_something(root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in rust_files(root) {
        for name in file.path.split('/') {
            let name = name.trim_end_matches(".rs");
            if EMPTY_NAMES.contains(&name) {
                let what = format!("`{name}` says nothing; name it with a noun of the domain");
                found.push(Violation::new(&file.path, 0, what));
            }
        }
    }
    found
}

/// A long file says in its first lines why it is long.
fn long_files_say_why(root: &Path) -> Vec<Violation> {
    let reason = |line: &str| {
        line.trim_start_matches(['/', '!', ' '])
            .starts_with("Long:")
    };
    let mut found = Vec::new();
    for file in rust_files(root) {
        let lines = file.text.lines().count();
        if lines > LINES_MAX && !file.text.lines().take(15).any(reason) {
            let what = format!(
                "{lines} lines: divide it, or say why in a comment `Long: ...` within the first 15"
            );
            found.push(Violation::new(&file.path, 0, what));
        }
    }
    found
}

/// Nothing unfinished is left lying about, and no test is switched off that nothing else runs.
fn nothing_is_unfinished(root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in written(root) {
        for (n, line) in file.lines() {
            for mark in MARKS.map(unbarred) {
                if has_word(line, &mark) {
                    let what = format!("`{mark}`: do it, or leave it out");
                    found.push(Violation::new(&file.path, n, what));
                }
            }
        }
        if file.is_rust() {
            let code = code_only(&file.text);
            for (n, (line, whole)) in (1..).zip(code.lines().zip(file.text.lines())) {
                if whole.ends_with(RUN_ELSEWHERE) {
                    continue;
                }
                for mark in UNFINISHED.iter().filter(|&&mark| line.contains(mark)) {
                    let what = format!("`{mark}` has no place in finished code");
                    found.push(Violation::new(&file.path, n, what));
                }
            }
        }
    }
    found
}

/// Lines end where their text ends, files end with a line, and Rust is indented with blanks.
fn lines_are_clean(root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in files(root) {
        // What fuzzers made up is as it is.
        if file.path.starts_with("sim/fuzz/corpus/") {
            continue;
        }
        let mut add = |n, what| found.push(Violation::new(&file.path, n, what));
        // `lines` would hide the carriage returns.
        for (n, line) in (1..).zip(file.text.split('\n')) {
            if line.ends_with([' ', '\t', '\r']) {
                add(n, "blanks at the end of the line");
            }
            if file.is_rust() && line.contains('\t') {
                add(n, "a tab");
            }
        }
        let lines = file.text.lines().count();
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            add(lines, "no newline at the end of the file");
        }
        if file.text.ends_with("\n\n") {
            add(lines, "an empty line at the end of the file");
        }
    }
    found
}

/// Nothing in the tree speaks of the workshop in which it was made.
fn workshop_is_not_mentioned(root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in written(root) {
        for (n, line) in file.lines() {
            let line = line.to_lowercase();
            for word in WORKSHOP.map(unbarred) {
                if has_word(&line, &word) {
                    let what = format!("`{word}` means nothing to a reader of this tree");
                    found.push(Violation::new(&file.path, n, what));
                }
            }
        }
    }
    found
}

/// Manuals that a comment sends its reader to are part of the tree.
fn comments_send_nobody_astray(root: &Path) -> Vec<Violation> {
    let all = files(root);
    let mut found = Vec::new();
    for file in all
        .iter()
        .filter(|file| file.is_rust() && !file.path.starts_with("tests/"))
    {
        for (n, line) in file.lines().filter(|(_, line)| line.contains("//")) {
            let words = line.split(|c: char| !c.is_alphanumeric() && !"_-./".contains(c));
            for word in words.map(|word| word.trim_matches('.')) {
                if word.ends_with(".md") && !all.iter().any(|file| file.path.ends_with(word)) {
                    let what = format!("there is no `{word}` to read");
                    found.push(Violation::new(&file.path, n, what));
                }
            }
        }
    }
    found
}

/// What people wrote: everything but the lock file and the licences.
fn written(root: &Path) -> Vec<File> {
    let mut found = files(root);
    found.retain(|file| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        name != "Cargo.lock" && !name.starts_with("LICENSE")
    });
    found
}

/// Whether the line has this word, with no letter, digit or underscore right before or after it. Where the
/// word itself ends in something else, anything may follow.
fn has_word(line: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let apart = |edge: bool, c: Option<char>| !edge || !c.is_some_and(is_word);
        apart(word.starts_with(is_word), before) && apart(word.ends_with(is_word), after)
    })
}

#[test]
fn the_top_is_small() {
    holds(top_is_small);
}

#[test]
fn a_stray_file_at_the_top_is_seen() {
    breaks(
        top_is_small,
        &[
            (".gitignore", "/target\n"),
            (".github/workflows/ci.yml", ""),
            ("README.md", ""),
            ("scripts/build.sh", ""),
            ("sim/scripts/x", ""),
            ("target/debug/x", ""),
            ("notes.txt", ""),
        ],
        &["scripts:0: this has", "notes.txt:0: this has"],
    );
}

#[test]
fn names_are_nouns_of_the_domain() {
    holds(names_say_something);
}

#[test]
fn an_empty_name_is_seen() {
    breaks(
        names_say_something,
        &[
            ("sim/src/utils/mod.rs", ""),
            ("model/src/types.rs", ""),
            ("model/src/event.rs", ""),
            ("docs/engine/a.md", ""),
        ],
        &[
            "sim/src/utils/mod.rs:0: `utils` says nothing",
            "model/src/types.rs:0: `types` says nothing",
        ],
    );
}

#[test]
fn no_file_is_long_without_a_reason() {
    holds(long_files_say_why);
}

#[test]
fn a_long_file_without_a_reason_is_seen() {
    let long = "//\n".repeat(LINES_MAX + 1);
    let late = format!("{long}// Long: too late.\n");
    let explained = format!("//! What it is.\n//!\n//! Long: one table.\n{long}");
    breaks(
        long_files_say_why,
        &[
            ("sim/src/a.rs", &long),
            ("sim/src/b.rs", &late),
            ("sim/src/c.rs", &explained),
            ("sim/src/d.rs", &long[3..]),
        ],
        &["sim/src/a.rs:0: 601 lines", "sim/src/b.rs:0: 602 lines"],
    );
}

#[test]
fn nothing_is_left_unfinished() {
    holds(nothing_is_unfinished);
}

#[test]
fn unfinished_work_is_seen() {
    let [fix, to, xs] = MARKS.map(unbarred);
    let source = format!(
        "// {fix}: later\nfn f() {{ todo!() }}\nconst T: &str = \"todo!()\"; // dbg!(x)\n\
         #[ignore = \"slow\"]\nfn g() {{ dbg!(unimplemented!()) }}\n\
         #[ignore = \"slow{RUN_ELSEWHERE}\nfn h() {{}}\n"
    );
    let manual = format!("A {to}.\nmktemp a.{xs}{xs} {to}S\n{xs}\n");
    breaks(
        nothing_is_unfinished,
        &[("sim/src/run.rs", &source), ("docs/manual.md", &manual)],
        &[
            &format!("sim/src/run.rs:1: `{fix}`"),
            "sim/src/run.rs:2: `todo!`",
            "sim/src/run.rs:4: `#[ignore`",
            "sim/src/run.rs:5: `dbg!`",
            "sim/src/run.rs:5: `unimplemented!`",
            &format!("docs/manual.md:1: `{to}`"),
            &format!("docs/manual.md:3: `{xs}`"),
        ],
    );
}

#[test]
fn every_line_is_clean() {
    holds(lines_are_clean);
}

#[test]
fn untidy_lines_are_seen() {
    breaks(
        lines_are_clean,
        &[
            ("a.rs", "fn f() {\n\tg();\n} \n"),
            ("b.md", "one\r\ntwo"),
            ("c.json", "{}\n\n"),
            ("Makefile", "all:\n\ttrue\n"),
            ("empty", ""),
        ],
        &[
            "a.rs:2: a tab",
            "a.rs:3: blanks at the end",
            "b.md:1: blanks at the end",
            "b.md:2: no newline at the end",
            "c.json:2: an empty line at the end",
        ],
    );
}

#[test]
fn the_workshop_is_not_mentioned() {
    holds(workshop_is_not_mentioned);
}

#[test]
fn words_of_the_workshop_are_seen() {
    for word in WORKSHOP.map(unbarred) {
        let text = format!("Nothing.\nSee {} there.\n", word.to_uppercase());
        let other = "A session, a worktree, homework/rooting.\n";
        let expected = format!("docs/manual.md:2: `{word}`");
        breaks(
            workshop_is_not_mentioned,
            &[("docs/manual.md", &text), ("docs/other.md", other)],
            &[&expected],
        );
    }
}

#[test]
fn comments_name_manuals_that_exist() {
    holds(comments_send_nobody_astray);
}

#[test]
fn a_comment_that_sends_its_reader_astray_is_seen() {
    breaks(
        comments_send_nobody_astray,
        &[
            ("docs/manual.md", ""),
            (
                "sim/src/run.rs",
                "// See manual.md and docs/manual.md.\n\n/// See windows.md 6.6.\n",
            ),
        ],
        &["sim/src/run.rs:3: there is no `windows.md`"],
    );
}

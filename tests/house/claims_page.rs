//! `docs/CLAIMS.md` is made from the tables of the systems, and from what exercises each claim.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::claims::{STATUSES, claims_of, personalities, rows};
use super::{Violation, breaks, files, holds, root};

const PAGE: &str = "docs/CLAIMS.md";

const INTRODUCTION: &str = "\
# Claims

What this program states about each system, rule by rule, with the evidence. This page is made from the tables at
the head of the files of `model/src/personality/`; a test keeps it true. The last column counts the scenarios and
refused traces that name the claim: `grep -rl CLAIM scenarios traces/refused` finds them. [The page of
mutants](MUTANTS.md) says what happens when a rule is broken on purpose.

| status | what stands behind it |
|---|---|
| verified | a test on the real system asserts it |
| measured | our own recording of the real system |
| documented | the system's documentation |
| derived | the source of the system, or of one that re-implements it |
| inferred | what follows from the others, or the report of a user |
| open | the evidence leaves it open: the model allows every answer |
";

const QUESTIONS: &str = "\
A number after a Q is a question for a real machine: Q3 is the question that `scenarios/open/q3-*` asks.
";

/// The page as it should be.
fn page(root: &Path) -> String {
    let mut exercised: BTreeMap<String, usize> = BTreeMap::new();
    for file in files(root) {
        for id in claims_of(&file).and_then(Result::ok).into_iter().flatten() {
            *exercised.entry(id).or_default() += 1;
        }
    }
    let mut page = INTRODUCTION.to_owned();
    let mut open = String::new();
    for file in personalities(root) {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let mut counts = BTreeMap::new();
        let mut table = String::new();
        for row in rows(&file) {
            let [id, says, status, source] = &row.cells[..] else {
                continue;
            };
            *counts.entry(status.clone()).or_insert(0) += 1;
            let by = exercised.get(id).copied().unwrap_or_default();
            writeln!(table, "| `{id}` | {says} | {status} | {source} | {by} |").expect("a string");
            if status == "open" {
                writeln!(open, "- `{id}`: {says}").expect("a string");
            }
        }
        let counts = STATUSES
            .iter()
            .filter_map(|status| Some(format!("{} {status}", counts.get(*status)?)));
        let counts: Vec<_> = counts.collect();
        write!(
            page,
            "\n## `{name}`\n\n{}.\n\n| id | says | status | source | shown by |\n|---|---|---|---|---|\n{table}",
            counts.join(", ")
        )
        .expect("a string");
    }
    write!(page, "\n## What is open\n\n{QUESTIONS}\n{open}").expect("a string");
    page
}

/// The page says what the tables say.
fn page_is_true(root: &Path) -> Vec<Violation> {
    let (is, should) = (
        fs::read_to_string(root.join(PAGE)).unwrap_or_default(),
        page(root),
    );
    let differs = should
        .lines()
        .zip(is.lines().chain(std::iter::repeat("")))
        .position(|(should, is)| should != is);
    let line = match differs {
        Some(line) => line + 1,
        None if is == should => return Vec::new(),
        None => should.lines().count() + 1,
    };
    vec![Violation::new(
        PAGE,
        line,
        "is not what the tables say; UPDATE_EXPECT=1 writes it anew",
    )]
}

#[test]
fn the_page_of_claims_is_true() {
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(root().join(PAGE), page(&root())).expect("the page can be written");
    }
    holds(page_is_true);
}

#[test]
fn a_page_of_claims_that_is_out_of_date_is_seen() {
    let table = "claims! {\n    FIFO = \"aix/fifo\", Open, \"D:1\": \"Oldest first.\";\n}\n";
    let old = INTRODUCTION.replace("verified", "proved");
    breaks(
        page_is_true,
        &[("model/src/personality/aix.rs", table), (PAGE, &old)],
        &["docs/CLAIMS.md:10: is not what the tables say"],
    );
}

/// The README has a row for each system, with as many rules of each status as the page has.
fn readme_counts(root: &Path) -> Vec<Violation> {
    let (page, readme) = (
        page(root),
        fs::read_to_string(root.join("README.md")).unwrap_or_default(),
    );
    let mut missing = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(file) = line
            .strip_prefix("## `")
            .and_then(|it| it.strip_suffix('`'))
        else {
            continue;
        };
        let counts = lines.nth(1).unwrap_or_default().trim_end_matches('.');
        let cell = format!("[{counts}](docs/CLAIMS.md#{})", file.replace('.', ""));
        let is_row = |line: &str| line.starts_with('|') && line.contains(&cell);
        if !readme.lines().any(is_row) {
            missing.push(Violation::new(
                "README.md",
                1,
                format!("has no row with {cell}"),
            ));
        }
    }
    missing
}

#[test]
fn the_readme_counts_the_rules() {
    holds(readme_counts);
}

#[test]
fn a_readme_that_counts_other_rules_is_seen() {
    let table = "claims! {\n    FIFO = \"aix/fifo\", Open, \"D:1\": \"Oldest first.\";\n}\n";
    let readme = "| AIX | [2 open](docs/CLAIMS.md#aixrs) |\n";
    breaks(
        readme_counts,
        &[
            ("model/src/personality/aix.rs", table),
            ("README.md", readme),
        ],
        &["README.md:1: has no row with [1 open](docs/CLAIMS.md#aixrs)"],
    );
}

//! The claims of the systems and the evidence for them belong together.
//!
//! Each system of `model/src/personality/` lists its claims in a table. Each claim is named by a rule of the system, and by
//! a scenario or a refused trace that exercises it; nothing names a claim that is not in a table. Whether what a scenario
//! names was used there is asked where scenarios are explored.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{File, Violation, breaks, files, holds, near};

pub(super) const STATUSES: [&str; 6] = [
    "verified",
    "measured",
    "documented",
    "derived",
    "inferred",
    "open",
];

const HEAD: &str = "claims! {";

/// One row of a table.
struct Claim {
    id: String,
    name: String,
    file: String,
    line: usize,
}

/// Files beside those of the systems: what several of them share.
const SHARED: [&str; 3] = ["mod.rs", "linux.rs", "notify.rs"];

/// The files of the systems, which begin with their claims.
pub(super) fn personalities(root: &Path) -> Vec<File> {
    let mut found = files(root);
    found.retain(|file| {
        let name = file.path.strip_prefix("model/src/personality/");
        name.is_some_and(|name| {
            name.ends_with(".rs") && !name.contains('/') && !SHARED.contains(&name)
        })
    });
    found
}

/// The name of the system that a file is about.
fn system_of(file: &File) -> String {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    name.trim_end_matches(".rs").replace('_', "-")
}

/// One row of a table, as it stands there: `NAME = "id", Status, "source": "says";`.
pub(super) struct Row<'f> {
    pub line: usize,
    /// The constant.
    pub name: &'f str,
    /// The id, the sentence, the status and the source; fewer where the row is not whole.
    pub cells: Vec<String>,
}

/// The rows of a file's table.
pub(super) fn rows(file: &File) -> impl Iterator<Item = Row<'_>> {
    file.lines()
        .skip_while(|(_, line)| *line != HEAD)
        .skip(1)
        .take_while(|(_, line)| *line != "}")
        .map(|(line, text)| {
            let name = text.split('=').next().unwrap_or_default().trim();
            Row {
                line,
                name,
                cells: cells(text).unwrap_or_default(),
            }
        })
}

/// The cells of a row; none if it has not all.
fn cells(text: &str) -> Option<Vec<String>> {
    let (id, rest) = text.split_once("= \"")?.1.split_once("\", ")?;
    let (status, rest) = rest.split_once(", \"")?;
    let (source, rest) = rest.split_once("\": \"")?;
    let says = rest.strip_suffix("\";")?.replace("\\\"", "\"");
    Some(
        [id, &says, &status.to_lowercase(), source]
            .map(str::to_owned)
            .into(),
    )
}

/// All claims, well formed or not.
fn claims(root: &Path) -> Vec<Claim> {
    let mut found = Vec::new();
    for file in personalities(root) {
        for row in rows(&file) {
            found.push(Claim {
                id: row.cells.first().cloned().unwrap_or_default(),
                name: row.name.to_owned(),
                file: file.path.clone(),
                line: row.line,
            });
        }
    }
    found
}

/// Whether a text is a claim's id: two words with a slash between them. The first may end in a version with a dot.
fn is_id(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    text.split_once('/')
        .is_some_and(|(system, rule)| is_name(&system.replace('.', "")) && is_name(rule))
}

/// Whether this id is about this system or one of its versions.
fn belongs(id: &str, system: &str) -> bool {
    let name = id.split('/').next().unwrap_or_default();
    name.strip_prefix(system)
        .is_some_and(|version| version.is_empty() || version.starts_with('-'))
}

/// Every file of a system has its table, and every row is whole.
fn tables_are_whole(root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    for file in personalities(root) {
        let mut add = |line, what: String| found.push(Violation::new(&file.path, line, what));
        let system = system_of(&file);
        for part in [HEAD, "//! # Divergence from the real system"] {
            if !file.text.lines().any(|line| line == part) {
                add(1, format!("`{part}` is missing"));
            }
        }
        for Row { line, cells, .. } in rows(&file) {
            let [id, says, status, source] = &cells[..] else {
                add(
                    line,
                    "a row is `NAME = \"id\", Status, \"source\": \"says\";`".to_owned(),
                );
                continue;
            };
            if !is_id(id) || !belongs(id, &system) {
                add(
                    line,
                    format!("`{id}` is not an id of the form `{system}/rule`"),
                );
            }
            if says.is_empty() || source.is_empty() {
                add(line, format!("`{id}` says nothing, or gives no source"));
            }
            if !STATUSES.contains(&&status[..]) {
                add(
                    line,
                    format!("`{status}` is no status{}", near(status, STATUSES)),
                );
            }
            let place = format!("{}:{line}", file.path);
            if let Some(other) = first.get(id.as_str()) {
                add(line, format!("`{id}` stands at {other} already"));
            } else {
                first.insert(id.clone(), place);
            }
        }
    }
    found
}

/// Every claim's constant is named by a rule of its system, and every claim that the model's comments name exists.
fn code_and_tables_agree(root: &Path) -> Vec<Violation> {
    let claims = claims(root);
    let known = || claims.iter().map(|claim| &claim.id[..]);
    let systems: Vec<_> = personalities(root).iter().map(system_of).collect();
    let mut found = Vec::new();
    let mut model = files(root);
    model.retain(|file| file.is_rust() && file.path.starts_with("model/src/"));
    for file in &model {
        for (line, id) in named_in(file) {
            let about_a_system = systems.iter().any(|system| belongs(id, system));
            if about_a_system && !known().any(|known| known == id) {
                let what = format!("no claim `{id}`{}", near(id, known()));
                found.push(Violation::new(&file.path, line, what));
            }
        }
    }
    for claim in &claims {
        let folder = claim.file.trim_end_matches(".rs").to_owned() + "/";
        let own = |file: &&File| file.path == claim.file || file.path.starts_with(&folder);
        if !model
            .iter()
            .filter(own)
            .any(|file| names(file, &claim.name))
        {
            let what = format!("no rule of this system names `{}`", claim.name);
            found.push(Violation::new(&claim.file, claim.line, what));
        }
    }
    found
}

/// Whether the code of a file names a constant, outside of a table.
fn names(file: &File, constant: &str) -> bool {
    let rows: Vec<_> = rows(file).map(|row| row.line).collect();
    let is_word = |text: &str| {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .any(|word| word == constant)
    };
    file.lines()
        .filter(|(line, text)| !rows.contains(line) && !text.trim_start().starts_with("//"))
        .any(|(_, text)| is_word(text))
}

/// The ids that a file names between backticks.
fn named_in(file: &File) -> impl Iterator<Item = (usize, &str)> {
    file.lines()
        .flat_map(|(n, line)| line.split('`').skip(1).step_by(2).map(move |id| (n, id)))
        .filter(|(_, id)| is_id(id))
}

/// The claims that a scenario or refused trace names; none for a file of another kind.
pub(super) fn claims_of(file: &File) -> Option<serde_json::Result<Vec<String>>> {
    let json = if file.path.starts_with("scenarios/") && file.path.ends_with(".json") {
        &file.text[..]
    } else if file.path.starts_with("traces/refused/") && file.path.ends_with(".jsonl") {
        file.text.lines().next().unwrap_or_default()
    } else {
        return None;
    };
    let ids = |value: Value| {
        let ids = value["claims"].as_array().into_iter().flatten();
        ids.map(|id| id.as_str().unwrap_or_default().to_owned())
            .collect()
    };
    Some(serde_json::from_str(json).map(ids))
}

/// Every claim is exercised by a scenario or a refused trace, and every claim that one names exists.
///
/// As long as there is no scenario at all, there is nothing to hold the claims against.
fn claims_are_exercised(root: &Path) -> Vec<Violation> {
    let claims = claims(root);
    let mut found = Vec::new();
    let mut exercised: Vec<String> = Vec::new();
    let mut any = false;
    for file in files(root) {
        let ids = match claims_of(&file) {
            None => continue,
            Some(Ok(ids)) => ids,
            Some(Err(error)) => {
                found.push(Violation::new(&file.path, error.line(), error.to_string()));
                continue;
            }
        };
        any |= file.path.starts_with("scenarios/");
        for id in ids {
            if claims.iter().any(|claim| claim.id == id) {
                exercised.push(id);
                continue;
            }
            let line = file
                .lines()
                .find(|(_, line)| line.contains(&format!("\"{id}\"")));
            let known = claims.iter().map(|claim| &claim.id[..]);
            let what = format!("no claim `{id}`{}", near(&id, known));
            found.push(Violation::new(&file.path, line.map_or(1, |(n, _)| n), what));
        }
    }
    for claim in claims
        .iter()
        .filter(|claim| any && !exercised.contains(&claim.id))
    {
        let what = format!("no scenario and no refused trace exercises `{}`", claim.id);
        found.push(Violation::new(&claim.file, claim.line, what));
    }
    found
}

#[test]
fn tables_of_claims_are_whole() {
    holds(tables_are_whole);
}

#[test]
fn a_broken_table_is_seen() {
    let io_uring = "//! # Divergence from the real system\nclaims! {\n    \
         FIFO = \"io-uring/fifo\", Measured, \"M:1\": \"Oldest first.\";\n    \
         LIFO = \"io-uring-6/lifo\", Mesured, \"M:1\": \"Newest first.\";\n    \
         X = \"uring/x\", Open, \"M:1\": \"\";\n    \
         AGAIN = \"io-uring/fifo\", Open, \"M:2\": \"Again.\";\n    \
         SHORT = \"io-uring/short\", Open, \"M:2\";\n}\n    NOT = \"a/row\";\n";
    breaks(
        tables_are_whole,
        &[
            ("model/src/personality/io_uring.rs", io_uring),
            ("model/src/personality/aix.rs", "//! AIX.\n"),
            ("model/src/personality/mod.rs", "//! The systems.\n"),
            ("model/src/personality/nt/port.rs", "//! Shared.\n"),
        ],
        &[
            "model/src/personality/io_uring.rs:4: `mesured` is no status; did you mean `measured`?",
            "model/src/personality/io_uring.rs:5: `uring/x` is not an id of the form `io-uring/rule`",
            "model/src/personality/io_uring.rs:5: `uring/x` says nothing",
            "model/src/personality/io_uring.rs:6: `io-uring/fifo` stands at model/src/personality/io_uring.rs:3",
            "model/src/personality/io_uring.rs:7: a row is",
            "model/src/personality/aix.rs:1: `claims! {",
            "model/src/personality/aix.rs:1: `//! # Divergence",
        ],
    );
}

/// A tiny system with two claims.
const AIX: &str = "claims! {\n    FIFO = \"aix/fifo\", Open, \"D:1\": \"Oldest first.\";\n    \
    LIFO = \"aix/lifo\", Open, \"D:1\": \"Newest first.\";\n}\n\n";

#[test]
fn code_names_the_claims_of_its_table() {
    holds(code_and_tables_agree);
}

#[test]
fn a_claim_without_code_and_code_without_a_claim_are_seen() {
    let aix = format!(
        "{AIX}/// `aix/lify`: LIFO as the table says; see `model/src`.\nfn take() {{ by(FIFO); }}\n"
    );
    breaks(
        code_and_tables_agree,
        &[
            ("model/src/personality/aix.rs", &aix),
            (
                "model/src/contract.rs",
                "/// As in `aix/all` and `other/thing`.\n",
            ),
        ],
        &[
            "model/src/personality/aix.rs:3: no rule of this system names `LIFO`",
            "model/src/personality/aix.rs:6: no claim `aix/lify`; did you mean `aix/lifo`?",
            "model/src/contract.rs:1: no claim `aix/all`",
        ],
    );
}

#[test]
fn every_claim_is_exercised() {
    holds(claims_are_exercised);
}

#[test]
fn a_claim_that_nothing_exercises_and_one_that_does_not_exist_are_seen() {
    let scenario = "{\n  \"why\": \"\",\n  \"claims\": [\"aix/fifi\"]\n}\n";
    breaks(
        claims_are_exercised,
        &[
            ("model/src/personality/aix.rs", AIX),
            ("scenarios/order/first.json", scenario),
            ("scenarios/order/second.json", "{\n"),
            ("scenarios/order/third.json", "{ \"why\": \"no claims\" }\n"),
            (
                "traces/refused/a.jsonl",
                "{\"claims\":[\"aix/lifo\"]}\n{\"n\":1}\n",
            ),
            ("traces/recorded/b.jsonl", "{\"claims\":[\"aix/fifo\"]}\n"),
        ],
        &[
            "scenarios/order/first.json:3: no claim `aix/fifi`; did you mean `aix/fifo`?",
            "scenarios/order/second.json:2: EOF",
            "model/src/personality/aix.rs:2: no scenario and no refused trace exercises `aix/fifo`",
        ],
    );
}

//! The recipes of `.github/CONTRIBUTING.md` name every place that their change touches, as far as the tree shows it: a
//! file that tells the kinds apart must be on the list.

use std::collections::BTreeSet;
use std::path::Path;

use super::rust::{Token, code_only, tokens};
use super::{File, Violation, breaks, files, holds, rust_files};

const PAGE: &str = ".github/CONTRIBUTING.md";

/// What marks a place of a recipe: whether a file is one, by its tokens and the verbs that there are.
type IsPlace = fn(&[Token<'_>], &BTreeSet<String>) -> bool;

/// The recipes by their headings.
const RECIPES: [(&str, IsPlace); 4] = [
    ("A new system", |tokens, _| {
        // One system stands for all.
        tokens.iter().any(|token| token.text == "mqueue")
    }),
    ("A new operation", |tokens, verbs| {
        let of = |place: &[Token<'_>]| {
            let is_operation = matches!(place[0].text, "Op" | "Verb") && place[1].text == "::";
            is_operation.then(|| place[2].text.to_owned())
        };
        let named: BTreeSet<String> = tokens.windows(3).filter_map(of).collect();
        !verbs.is_empty() && verbs.is_subset(&named)
    }),
    ("A new property kind", |tokens, _| {
        let asks = |place: &[Token<'_>]| place[0].text == "." && place[1].text == "at_end";
        tokens.windows(2).any(asks) || tokens.iter().any(|token| token.text == "AtEnd")
    }),
    ("A new report format", |tokens, _| {
        let is_format = |place: &[Token<'_>]| place[0].text == "Format" && place[2].text == "Json";
        tokens.windows(3).any(is_format)
    }),
];

/// Each recipe names the places of its change.
fn recipes_are_complete(root: &Path) -> Vec<Violation> {
    let sources = sources(root);
    let verbs = verbs(&sources);
    let page = files(root).into_iter().find(|file| file.path == PAGE);
    let text = page.map_or(String::new(), |page| page.text);
    let mut found = Vec::new();
    for (heading, is_place) in RECIPES {
        let Some(recipe) = section(&text, heading) else {
            found.push(Violation::new(PAGE, 0, format!("no recipe `{heading}`")));
            continue;
        };
        for file in &sources {
            let code = code_only(&file.text);
            let is_named = recipe.contains(&format!("`{}`", file.path));
            if !is_named && is_place(&tokens(&code), &verbs) {
                let what = format!("`{heading}` does not name `{}`", file.path);
                found.push(Violation::new(PAGE, 0, what));
            }
        }
    }
    found
}

/// The sources of the model and of the program, without their tests.
fn sources(root: &Path) -> Vec<File> {
    let mut sources = rust_files(root);
    sources.retain(|file| {
        let ours = ["model/src/", "sim/src/"];
        let is_test = file.path.contains("/tests/") || file.path.ends_with("/tests.rs");
        ours.iter().any(|src| file.path.starts_with(src)) && !is_test
    });
    sources
}

/// Every operation: the words before `=` in the list of verbs.
fn verbs(sources: &[File]) -> BTreeSet<String> {
    let is_list = |file: &&File| file.path == "model/src/op/verb.rs";
    let list = sources.iter().find(is_list).map_or("", |file| &file.text);
    let (_, rows) = list.split_once("\nverbs! {\n").unwrap_or_default();
    let (rows, _) = rows.split_once("\n}").unwrap_or_default();
    let verb = |row: &str| Some(row.split_once(" = ")?.0.trim().to_owned());
    rows.lines().filter_map(verb).collect()
}

/// What stands under a heading.
fn section<'t>(text: &'t str, heading: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("\n## {heading}\n"))?;
    Some(rest.split("\n## ").next().unwrap_or(rest))
}

#[test]
fn recipes_name_every_place() {
    holds(recipes_are_complete);
    // Were the list written otherwise, no file would have to be named.
    assert!(verbs(&sources(&super::root())).contains("Get"));
}

#[test]
fn a_place_that_a_recipe_forgets_is_seen() {
    let page = "# Contributing\n\n## A new system\n\n`model/src/personality/mod.rs`\n\n## A new operation\n\n\
        `sim/src/trace/line.rs`\n\n## A new property kind\n\n`sim/src/names.rs`\n";
    let whole = "match op { Op::Get { .. } => 1, Op::Exit => 2 }\n";
    breaks(
        recipes_are_complete,
        &[
            (PAGE, page),
            (
                "model/src/op/verb.rs",
                "// verbs!\nverbs! {\n    Get = \"get\",\n    Exit = \"exit\",\n}\n",
            ),
            ("model/src/personality/mod.rs", "mod mqueue;\n"),
            ("sim/src/native/mod.rs", "mod mqueue;\n"),
            ("sim/src/trace/line.rs", whole),
            ("sim/src/fuzz/tests.rs", whole),
            ("sim/src/shrink.rs", whole),
            ("sim/src/run.rs", "if let Op::Get { .. } = op {}\n"),
            (
                "sim/src/names.rs",
                "Violation::AtEnd(n) => self.at_end[n],\n",
            ),
            ("model/src/symmetry/mod.rs", "all(&program.at_end)\n"),
            ("model/src/turn.rs", "let at_end = false;\n"),
        ],
        &[
            ".github/CONTRIBUTING.md:0: `A new system` does not name `sim/src/native/mod.rs`",
            ".github/CONTRIBUTING.md:0: `A new operation` does not name `sim/src/shrink.rs`",
            ".github/CONTRIBUTING.md:0: `A new property kind` does not name `model/src/symmetry/mod.rs`",
            ".github/CONTRIBUTING.md:0: no recipe `A new report format`",
        ],
    );
}

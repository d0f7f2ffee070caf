//! The manuals tell the truth: their paths exist, their commands parse, their scenarios do what they expect, and
//! the map shows every room.

use std::path::Path;
use std::process::Command;

use super::{File, Tree, Violation, breaks, files, holds, names_in, root, top_level};

/// A manual with HTML comments blanked, so that what they hold back is not yet promised.
fn manuals(root: &Path) -> Vec<File> {
    let mut found = files(root);
    found.retain(|file| {
        let at_the_top = !file.path.contains('/');
        let in_a_folder = ["docs/", ".github/"]
            .iter()
            .any(|it| file.path.starts_with(it));
        file.path.ends_with(".md") && (at_the_top || in_a_folder)
    });
    for file in &mut found {
        file.text = without_comments(&file.text);
    }
    found
}

/// Blanks HTML comments; lines keep their numbers.
fn without_comments(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("<!--") {
        let end = rest[start..]
            .find("-->")
            .map_or(rest.len(), |n| start + n + 3);
        shown.push_str(&rest[..start]);
        shown.extend(rest[start..end].chars().filter(|&c| c == '\n'));
        rest = &rest[end..];
    }
    shown + rest
}

/// A line of a manual: prose, or part of a fenced block of some language.
struct Line<'a> {
    number: usize,
    text: &'a str,
    /// The word after the fence; none in prose.
    fence: Option<&'a str>,
}

fn lines(manual: &File) -> Vec<Line<'_>> {
    let mut fence = None;
    let mut found = Vec::new();
    for (number, text) in manual.lines() {
        if let Some(language) = text.trim_start().strip_prefix("```") {
            fence = match fence {
                None => Some(language.trim()),
                Some(_) => None,
            };
        } else {
            found.push(Line {
                number,
                text,
                fence,
            });
        }
    }
    found
}

/// A command that a manual shows, without the words that start the program.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    file: String,
    line: usize,
    args: Vec<String>,
}

/// Every `portsim ...` and `cargo run ... -- ...` in a block marked `sh` or `console`.
///
/// In a `console` block only lines that start with `$` are commands. What follows a pipe, a redirection
/// or a comment belongs to the shell.
fn commands(root: &Path) -> Vec<Shown> {
    let mut found = Vec::new();
    for manual in manuals(root) {
        let mut lines = lines(&manual).into_iter();
        while let Some(line) = lines.next() {
            let mut text = match (line.fence, line.text.trim().strip_prefix("$ ")) {
                (Some("console"), Some(command)) => command.to_owned(),
                (Some("sh"), None) => line.text.trim().to_owned(),
                _ => continue,
            };
            while text.ends_with('\\') {
                text.pop();
                text.push_str(lines.next().map_or("", |line| line.text.trim()));
            }
            if let Some(args) = arguments(&text) {
                found.push(Shown {
                    file: manual.path.clone(),
                    line: line.number,
                    args,
                });
            }
        }
    }
    found
}

/// The arguments for portsim in a line of shell; none if the line starts something else.
fn arguments(line: &str) -> Option<Vec<String>> {
    let words: Vec<_> = line
        .split_whitespace()
        .take_while(|word| !word.starts_with(['|', '>', '<', '&', ';', '#']) && *word != "2>&1")
        .collect();
    // A quoted argument may have several words.
    let mut words = shlex::split(&words.join(" "))?.into_iter();
    match words.next()?.as_str() {
        "portsim" => {}
        "cargo" if words.next().as_deref() == Some("run") => {
            words.find(|word| word == "--")?;
        }
        _ => return None,
    }
    Some(words.collect())
}

/// Every path of this repository that a manual names between backticks, links to, or gives to a command exists.
fn paths_exist(root: &Path) -> Vec<Violation> {
    let folders: Vec<_> = top_level(root)
        .into_iter()
        .filter(|name| root.join(name).is_dir())
        .collect();
    let is_path = |text: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-./*".contains(c);
        text.chars().all(allowed)
            && text
                .split_once('/')
                .is_some_and(|(top, _)| folders.iter().any(|f| f == top) || HOUSE.contains(&top))
    };
    let mut found = Vec::new();
    for manual in manuals(root) {
        let folder = Path::new(&manual.path).parent().unwrap_or(Path::new(""));
        for line in lines(&manual).iter().filter(|line| line.fence.is_none()) {
            let spans = line.text.split('`').skip(1).step_by(2);
            for path in spans.filter(|span| is_path(span)) {
                if !exists(root, path) {
                    let what = format!("there is no `{path}`");
                    found.push(Violation::new(&manual.path, line.number, what));
                }
            }
            for link in links(line.text) {
                if !root.join(folder).join(link).exists() {
                    let what = format!("the link leads to `{link}`, which does not exist");
                    found.push(Violation::new(&manual.path, line.number, what));
                }
            }
        }
    }
    for command in commands(root) {
        for path in command.args.iter().filter(|arg| is_path(arg)) {
            if !exists(root, path) {
                let what = format!("the command names `{path}`, which does not exist");
                found.push(Violation::new(&command.file, command.line, what));
            }
        }
    }
    found
}

/// Folders of the top level, whether or not they are there yet.
const HOUSE: [&str; 8] = [
    "model",
    "sim",
    "scenarios",
    "traces",
    "tests",
    "docs",
    ".ci",
    ".github",
];

/// Whether a path leads somewhere. A `*` stands for any names; what follows the first is not looked at.
fn exists(root: &Path, path: &str) -> bool {
    match path.split_once('*') {
        None => root.join(path).exists(),
        Some((before, _)) => {
            let (folder, start) = before.rsplit_once('/').unwrap_or(("", before));
            let names = names_in(&root.join(folder));
            names.iter().any(|name| name.starts_with(start))
        }
    }
}

/// The targets of a line's links into the tree, without the place inside the file.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(')')?.0))
        .map(|target| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://"))
}

/// The map names everything that stands directly in the sources of a crate, as a path between backticks.
fn map_is_complete(root: &Path) -> Vec<Violation> {
    let path = "docs/ARCHITECTURE.md";
    let mut found = Vec::new();
    let manuals = manuals(root);
    let Some(map) = manuals.iter().find(|manual| manual.path == path) else {
        return vec![Violation::new(path, 0, "there is no map")];
    };
    for src in ["model/src", "sim/port/src", "sim/src"] {
        for name in names_in(&root.join(src)) {
            let folder = if root.join(src).join(&name).is_dir() {
                "/"
            } else {
                ""
            };
            let room = format!("{src}/{name}{folder}");
            if !map.text.contains(&format!("`{room}`")) {
                found.push(Violation::new(
                    path,
                    0,
                    format!("`{room}` is not on the map"),
                ));
            }
        }
    }
    found
}

/// Every command that the manuals show is one that the program understands.
///
/// `--help` at the end keeps it from being carried out: the words before it are read first, and a wrong
/// one is refused.
fn commands_parse(root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    for command in commands(root) {
        let output = Command::new(env!("CARGO_BIN_EXE_portsim"))
            .args(&command.args)
            .arg("--help")
            .output()
            .expect("the program starts");
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let why = said.lines().next().unwrap_or("no reason given");
            let what = format!("`portsim {}`: {why}", command.args.join(" "));
            found.push(Violation::new(&command.file, command.line, what));
        }
    }
    found
}

/// A complete scenario that a manual shows: a block marked `json` that says why.
struct Example {
    file: String,
    /// Its first line.
    line: usize,
    text: String,
}

fn examples(root: &Path) -> Vec<Example> {
    let mut found: Vec<Example> = Vec::new();
    for manual in manuals(root) {
        let mut before = 0;
        for line in lines(&manual)
            .iter()
            .filter(|line| line.fence == Some("json"))
        {
            // The line of a fence stands between two blocks, even where nothing else does.
            match found.last_mut() {
                Some(open) if before + 1 == line.number && open.file == manual.path => {
                    open.text.push('\n');
                    open.text.push_str(line.text);
                }
                _ => found.push(Example {
                    file: manual.path.clone(),
                    line: line.number,
                    text: line.text.to_owned(),
                }),
            }
            before = line.number;
        }
    }
    found.retain(|example| example.text.contains("\"why\""));
    found
}

/// Every complete scenario that the manuals show is accepted, and its verdict is the one that it expects.
fn examples_are_accepted(root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    for example in examples(root) {
        let name = "example.json";
        let tree = Tree::new(&[(name, &example.text)]);
        let output = Command::new(env!("CARGO_BIN_EXE_portsim"))
            .args(["check", name, "--as", "all"])
            .current_dir(&tree.0)
            .output()
            .expect("the program starts");
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            let why = said.lines().next().unwrap_or("no reason given");
            found.push(Violation::new(&example.file, example.line, why));
        }
    }
    found
}

#[test]
fn paths_of_the_manuals_exist() {
    holds(paths_exist);
}

#[test]
fn a_path_that_leads_nowhere_is_seen() {
    let readme = "`docs/manual.md` `docs/map.md` `docs/*.md` `docs/x*`\n<!--\n`docs/later.md` -->\n\
        [a](docs/manual.md#part) [b](docs/none.md) [c](https://example.org/docs)\n\
        ```sh\nportsim run scenarios/none.json --as windows/lifo\n```\n`windows/lifo` `a/b`\n";
    breaks(
        paths_exist,
        &[
            ("README.md", readme),
            ("docs/manual.md", "[up](../README.md) [down](more.md)\n"),
            (".github/CONTRIBUTING.md", "`docs/manual.md` `docs/no.md`\n"),
            ("sim/README.md", "`docs/none.md`\n"),
        ],
        &[
            "README.md:1: there is no `docs/map.md`",
            "README.md:1: there is no `docs/x*`",
            "README.md:4: the link leads to `docs/none.md`",
            "README.md:6: the command names `scenarios/none.json`",
            "docs/manual.md:1: the link leads to `more.md`",
            ".github/CONTRIBUTING.md:1: there is no `docs/no.md`",
        ],
    );
}

#[test]
fn the_map_shows_every_room() {
    holds(map_is_complete);
}

#[test]
fn a_room_that_is_not_on_the_map_is_seen() {
    breaks(
        map_is_complete,
        &[
            (
                "docs/ARCHITECTURE.md",
                "`model/src/state.rs`\n<!-- `sim/src/check/` -->\n",
            ),
            ("model/src/state.rs", ""),
            ("sim/src/check/mod.rs", ""),
            ("sim/src/run.rs", ""),
        ],
        &[
            "docs/ARCHITECTURE.md:0: `sim/src/check/` is not on the map",
            "docs/ARCHITECTURE.md:0: `sim/src/run.rs` is not on the map",
        ],
    );
    breaks(
        map_is_complete,
        &[],
        &["docs/ARCHITECTURE.md:0: there is no map"],
    );
}

#[test]
fn commands_are_found_in_blocks_of_shell() {
    let readme = "portsim prose\n```sh\n# comment\nportsim list --json | jq .\n\
        cargo run --release -- check \\\n  'scenarios' > out\ncargo test\n```\n\
        ```console\n$ portsim run x.json\nportsim shows this\n```\n```json\nportsim\n```\n";
    let tree = Tree::new(&[("README.md", readme)]);
    let shown = |line, args: &[&str]| Shown {
        file: "README.md".to_owned(),
        line,
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
    };
    assert_eq!(
        commands(&tree.0),
        [
            shown(4, &["list", "--json"]),
            shown(5, &["check", "scenarios"]),
            shown(10, &["run", "x.json"]),
        ]
    );
}

/// The command line is a room of its own; before it stands there is nothing that could refuse a command.
fn has_command_line() -> bool {
    root().join("sim/src/cli").exists() || root().join("sim/src/cli.rs").exists()
}

#[test]
fn commands_of_the_manuals_parse() {
    if has_command_line() {
        holds(commands_parse);
    }
}

#[test]
fn a_command_that_does_not_parse_is_seen() {
    if has_command_line() {
        let readme =
            "```sh\nportsim chekc scenarios\nportsim list --no-such-flag\nportsim list\n```\n";
        breaks(
            commands_parse,
            &[("README.md", readme)],
            &[
                "README.md:2: `portsim chekc scenarios`: ",
                "README.md:3: `portsim list --no-such-flag`: ",
            ],
        );
    }
}

#[test]
fn scenarios_of_the_manuals_are_accepted() {
    if has_command_line() {
        holds(examples_are_accepted);
        // Were the blocks marked otherwise, nothing would be asked.
        let examples = examples(&root());
        assert!(
            examples
                .iter()
                .any(|example| example.file == "docs/SCENARIOS.md")
        );
    }
}

#[test]
fn a_scenario_of_a_manual_that_is_not_accepted_is_seen() {
    if has_command_line() {
        let manual = "```json\n{ \"why\": \"It ends.\", \"threads\": { \"a\": [\"exit\"] } }\n```\n\
            ```json\n{ \"part\": [] }\n```\n```jsonl\n{ \"why\": \"A trace.\" }\n```\n\
            ```json\n{\n  \"why\": \"A misspelling.\",\n  \"thread\": {}\n}\n```\n\
            ```json\n{ \"why\": \"It waits for ever.\", \"ports\": { \"p\": {} },\n\
            \x20 \"threads\": { \"a\": [{ \"get\": \"p\" }] } }\n```\n";
        breaks(
            examples_are_accepted,
            &[("docs/SCENARIOS.md", manual)],
            &[
                "docs/SCENARIOS.md:11: example.json:3:3: error: unknown field \"thread\"",
                "docs/SCENARIOS.md:17: violation    example as windows: deadlock",
            ],
        );
    }
}

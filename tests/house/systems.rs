//! A system is known by name in its own folder only: to add one touches `model/src/personality/` and data.
//!
//! Everybody else takes systems from the list and asks them. A few places speak of one system by name, each for a reason of
//! its own.

use std::path::Path;

use portsim_model::personality::NAMES;

use super::rust::{code_only, mentions};
use super::{File, Violation, breaks, holds, rust_files};

const HOME: &str = "model/src/personality/";

/// Who may name one, and why.
const MAY: [(&str, &str); 4] = [
    (
        "sim/src/export/",
        "the second statement of the rules is of one system",
    ),
    (
        "sim/src/cli/export.rs",
        "and so is the command that writes it",
    ),
    (
        "sim/src/native/",
        "a backend has the name of its own system, and says who judges it",
    ),
    (
        "sim/src/log/strace/",
        "calls of Linux are called like systems that are made of them, and none is meant",
    ),
];

/// What anybody may name of the folder: the list, and how to get from a name to a system.
const LIST: [&str; 10] = [
    "NAMES",
    "CLAIMS",
    "machine",
    "machine_at_full_speed",
    "aliases",
    "open",
    "claims_of",
    "sources",
    "claim",
    "version_on",
];

/// The text of a file before its tests.
fn without_tests(file: &File) -> &str {
    let text = file.text.as_str();
    match text.find("\nmod tests {") {
        Some(end) => &text[..end],
        None => text,
    }
}

fn is_test(path: &str) -> bool {
    let tests = ["/tests/", "/tests.rs", "/faults.rs", "/every_order.rs"];
    tests.iter().any(|part| path.contains(part))
}

/// No room but its own knows a system by name.
fn systems_are_named_at_home(root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in rust_files(root) {
        let ours = ["model/src/", "sim/port/src/", "sim/src/"]
            .iter()
            .any(|src| file.path.starts_with(src));
        let may = MAY.iter().any(|(path, _)| file.path.starts_with(path));
        if !ours || may || file.path.starts_with(HOME) || is_test(&file.path) {
            continue;
        }
        let text = without_tests(&file);
        for (n, line) in text.lines().enumerate() {
            let code = !line.trim_start().starts_with("//");
            for name in NAMES
                .iter()
                .filter(|name| code && line.contains(&format!("\"{name}\"")))
            {
                found.push(Violation::new(
                    &file.path,
                    n + 1,
                    format!("the system {name:?} is named"),
                ));
            }
        }
        for mention in mentions(&code_only(text)) {
            let mut words = mention
                .path
                .iter()
                .skip_while(|word| *word != "personality")
                .skip(1);
            let of_list = |word: &String| LIST.contains(&word.as_str());
            if mention.path[0] == "portsim_model" && words.next().is_some_and(|word| !of_list(word))
            {
                let what = format!(
                    "`{}` is a system, not the list of them",
                    mention.path.join("::")
                );
                found.push(Violation::new(&file.path, mention.line, what));
            }
        }
    }
    found
}

#[test]
fn a_system_is_named_in_its_own_folder_only() {
    holds(systems_are_named_at_home);
}

#[test]
fn a_system_that_is_named_elsewhere_is_seen() {
    breaks(
        systems_are_named_at_home,
        &[
            (
                "model/src/personality/mod.rs",
                "const A: &str = \"epoll\";\n",
            ),
            (
                "sim/src/run.rs",
                "// \"epoll\"\nfn f(name: &str) -> bool { name == \"epoll\" }\n",
            ),
            (
                "sim/src/check/mod.rs",
                "use portsim_model::personality::{NAMES, Epoll};\n",
            ),
            ("sim/src/native/mod.rs", "const A: &str = \"epoll\";\n"),
            (
                "sim/src/sample.rs",
                "\nmod tests {\n  const A: &str = \"epoll\";\n}\n",
            ),
            (
                "model/src/machine/mod.rs",
                "\nconst A: [&str; 1] = [\"wine-8\"];\n",
            ),
        ],
        &[
            "sim/src/run.rs:2: the system \"epoll\" is named",
            "sim/src/check/mod.rs:1: `portsim_model::personality::Epoll` is a system",
            "model/src/machine/mod.rs:2: the system \"wine-8\" is named",
        ],
    );
}

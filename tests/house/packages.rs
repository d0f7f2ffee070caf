//! Each crate can be published as it stands: its manifest says what a registry shows, and the files that its package
//! needs stand in its folder.

use std::path::Path;

use super::{Violation, breaks, files, holds};

/// What a manifest says of its crate, itself or by the workspace.
const SAYS: [&str; 8] = [
    "description",
    "version",
    "edition",
    "rust-version",
    "license",
    "readme",
    "keywords",
    "categories",
];

/// What a package has inside. A readme may stand elsewhere: it is packed too.
const HAS: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];

fn packages_are_complete(root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    for manifest in files(root) {
        let Some(folder) = manifest.path.strip_suffix("/Cargo.toml") else {
            continue;
        };
        // What speed is measured beside, what breaks the model and what fuzzes readers are built where they are used, and
        // not published.
        let unpublished = ["sim/fuzz", "tests/mutants"];
        if folder.starts_with("sim/benches/") || unpublished.contains(&folder) {
            continue;
        }
        let mut add = |line, what| found.push(Violation::new(&manifest.path, line, what));
        for key in SAYS {
            let says = |line: &str| {
                let rest = line.strip_prefix(key);
                rest.is_some_and(|rest| rest.starts_with([' ', '.']))
            };
            if !manifest.text.lines().any(says) {
                add(0, format!("the crate has no `{key}`"));
            }
        }
        for name in HAS {
            if !root.join(folder).join(name).exists() {
                add(0, format!("no `{name}` beside it"));
            }
        }
        for (line, text) in manifest.lines() {
            let readme = text.strip_prefix("readme = \"");
            let readme = readme.and_then(|path| path.strip_suffix('"'));
            if let Some(path) = readme.filter(|path| !root.join(folder).join(path).exists()) {
                add(line, format!("there is no `{path}`"));
            }
            if text.starts_with("publish") {
                add(line, "the crate cannot be published".to_owned());
            }
        }
    }
    found
}

#[test]
fn packages_have_what_they_need() {
    holds(packages_are_complete);
}

#[test]
fn a_package_that_lacks_something_is_seen() {
    let whole = "version.workspace = true\nedition.workspace = true\nrust-version.workspace = true\n\
        license.workspace = true\ndescription = \"It does.\"\nkeywords = []\ncategories = []\nreadme = \"README.md\"\n";
    let lacking = whole.replace("categories", "categorise") + "publish = false\n";
    breaks(
        packages_are_complete,
        &[
            ("Cargo.toml", "[workspace]\n"),
            ("model/Cargo.toml", whole),
            ("model/README.md", ""),
            ("model/LICENSE-MIT", ""),
            ("model/LICENSE-APACHE", ""),
            ("sim/Cargo.toml", &lacking),
            ("sim/LICENSE-MIT", ""),
        ],
        &[
            "sim/Cargo.toml:0: the crate has no `categories`",
            "sim/Cargo.toml:0: no `LICENSE-APACHE` beside it",
            "sim/Cargo.toml:8: there is no `README.md`",
            "sim/Cargo.toml:9: the crate cannot be published",
        ],
    );
}

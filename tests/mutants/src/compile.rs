//! The broken copy, made so that it compiles.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::points::{Change, Point, points};
use crate::schemata::{Id, Place, SHIFT, Schemata, schemata};
use crate::tree;

/// A source with the points of it.
pub struct Source {
    /// Its path from the root.
    pub path: String,
    pub text: String,
    pub points: Vec<Point>,
    /// The number of its first point.
    pub first: usize,
}

/// The source of a mutant.
pub fn of(sources: &[Source], id: Id) -> &Source {
    let source = sources.iter().rfind(|source| source.first <= id.point);
    source.expect("one has it")
}

impl Source {
    /// Its mutants.
    pub fn ids(&self) -> Vec<Id> {
        let numbered = (self.first..).zip(&self.points);
        let of = |(point, it): (usize, &Point)| {
            (1..=it.changes.len()).map(move |change| Id { point, change })
        };
        numbered.flat_map(of).collect()
    }

    /// What a mutant changes.
    pub fn change(&self, id: Id) -> &Change {
        &self.points[id.point - self.first].changes[id.change - 1]
    }

    /// The line of a point, from 1.
    pub fn line(&self, point: usize) -> usize {
        let at = self.points[point - self.first].range.start;
        1 + self.text[..at].matches('\n').count()
    }
}

/// Every source of the model.
pub fn sources(root: &Path) -> Vec<Source> {
    let paths = tree::files(root, Path::new("model/src"));
    let read = |path: &PathBuf| {
        let text = String::from_utf8(tree::read(&root.join(path))).expect("sources are UTF-8");
        let file =
            syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path.display().to_string(), text, file)
    };
    let mut first = 0;
    let of = |(path, text, file): (String, String, syn::File)| {
        let points = points(&text, &file);
        first += points.len();
        Source {
            first: first - points.len(),
            path,
            text,
            points,
        }
    };
    paths.iter().map(read).map(of).collect()
}

/// A copy of the tree, and where it is built.
pub struct Copy {
    root: PathBuf,
    built: PathBuf,
}

impl Copy {
    /// Copies the tree, but for the sources of the model.
    pub fn of(root: &Path, to: PathBuf, built: PathBuf) -> Copy {
        let copy = Copy { root: to, built };
        let is_ours = |file: &Path| {
            file.starts_with("model/src")
                || file.ends_with("Cargo.toml") && file.components().count() < 3
        };
        tree::copy(root, &copy.root, &is_ours);
        for (manifest, more) in [
            ("Cargo.toml", PROFILE),
            ("sim/Cargo.toml", ORACLE),
            ("model/Cargo.toml", ""),
        ] {
            let mut text = tree::read(&root.join(manifest));
            text.extend(more.as_bytes());
            tree::write(&copy.root.join(manifest), &text);
        }
        copy
    }

    /// Writes the sources with all changes but these.
    pub fn write(&self, sources: &[Source], dropped: &BTreeSet<Id>) {
        let _ = self.written(sources, dropped);
    }

    /// The changes that do not compile.
    pub fn not_compiling(&self, sources: &[Source]) -> BTreeSet<Id> {
        let mut dropped = BTreeSet::new();
        loop {
            let written = self.written(sources, &dropped);
            let errors = self.errors();
            if errors.is_empty() {
                return dropped;
            }
            let before = dropped.len();
            for error in &errors {
                let guilty = guilty(error, &written, &dropped, sources);
                if guilty.is_empty() {
                    println!(
                        "no change is near this error:\n{}",
                        error["rendered"].as_str().unwrap_or_default()
                    );
                }
                dropped.extend(guilty);
            }
            assert!(
                dropped.len() > before,
                "the copy does not compile, whatever is left out"
            );
            println!(
                "{} errors: {} changes do not compile so far",
                errors.len(),
                dropped.len()
            );
        }
    }

    fn written<'a>(
        &self,
        sources: &'a [Source],
        dropped: &BTreeSet<Id>,
    ) -> Vec<(&'a str, Schemata)> {
        let schemata = |it: &'a Source| {
            let schemata = schemata(&it.text, &it.points, it.first, dropped);
            (&it.path[..], schemata)
        };
        let written: Vec<_> = sources.iter().map(schemata).collect();
        for (path, schemata) in &written {
            let mut text = schemata.text.clone();
            if *path == "model/src/lib.rs" {
                text.push_str("\npub mod switch;\n");
            }
            tree::write(&self.root.join(path), text.as_bytes());
        }
        let points: usize = sources.iter().map(|source| source.points.len()).sum();
        let consts = format!("\nconst POINTS: usize = {points};\nconst SHIFT: u32 = {SHIFT};\n");
        let switch = [include_str!("switch.rs"), &consts].concat();
        tree::write(&self.root.join("model/src/switch.rs"), switch.as_bytes());
        written
    }

    fn cargo(&self, args: &[&str]) -> Vec<Value> {
        let output = Command::new("cargo")
            .args(args)
            .args([
                "--message-format",
                "json",
                "--offline",
                "--quiet",
                "--target-dir",
            ])
            .arg(&self.built)
            .current_dir(&self.root)
            .env("RUSTFLAGS", "--cap-lints allow")
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo can be started");
        let text = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
        let read = |line: &str| serde_json::from_str(line).expect("cargo writes JSON");
        text.lines().map(read).collect()
    }

    /// What is wrong with the model.
    fn errors(&self) -> Vec<Value> {
        let said = self.cargo(&["check", "-p", "portsim-model", "--lib"]);
        let messages = said.into_iter().map(|mut it| it["message"].take());
        messages
            .filter(|it| {
                it["level"] == "error" && it["spans"].as_array().is_some_and(|all| !all.is_empty())
            })
            .collect()
    }

    /// Builds the oracle.
    pub fn oracle(&self) -> PathBuf {
        let built = self.programs(&["-p", "portsim", "--test", "oracle"]);
        built.into_iter().next().expect("the oracle builds")
    }

    /// Builds the tests of the model, and those of the whole.
    pub fn tests(&self) -> Vec<PathBuf> {
        let mut built = self.programs(&["-p", "portsim-model", "--tests"]);
        built.extend(self.programs(&["-p", "portsim", "--lib", "--test", "portsim"]));
        built
    }

    fn programs(&self, which: &[&str]) -> Vec<PathBuf> {
        let how = ["test", "--no-run", "--profile", "mutants"];
        let said = self.cargo(&[&how, which].concat());
        let built = said.iter().filter(|it| {
            let kind = &it["target"]["kind"][0];
            it["profile"]["test"] == true || kind == "test"
        });
        let path = |it: &Value| Some(it["executable"].as_str()?.into());
        built.filter_map(path).collect()
    }
}

/// What the copy's programs are built with: fast, and with every check that the tests have.
const PROFILE: &str = "
[profile.mutants]
inherits = \"release\"
debug-assertions = true
overflow-checks = true

[profile.mutants.package.portsim]
opt-level = 1

[profile.mutants.package.\"*\"]
debug-assertions = false
overflow-checks = false
";

const ORACLE: &str = "
[[test]]
name = \"oracle\"
path = \"../tests/mutants/src/oracle.rs\"
harness = false
";

/// The changes that an error of the compiler is about.
fn guilty(
    error: &Value,
    written: &[(&str, Schemata)],
    dropped: &BTreeSet<Id>,
    sources: &[Source],
) -> Vec<Id> {
    let spans: Vec<_> = error["spans"].as_array().into_iter().flatten().collect();
    let (first, others): (Vec<&Value>, Vec<&Value>) = spans
        .into_iter()
        .partition(|span| span["is_primary"] == true);
    let spans: Vec<_> = first
        .iter()
        .chain(&others)
        .filter_map(|span| here(span, written))
        .collect();
    let all_of = |point: usize| -> Vec<Id> {
        let source = of(sources, Id { point, change: 1 });
        let count = source.points[point - source.first].changes.len();
        let ids = (1..=count).map(|change| Id { point, change });
        ids.filter(|id| !dropped.contains(id)).collect()
    };
    // A change around it, else one that something else in the error is about, else the whole of a point around it,
    // else every point inside of it.
    let innermost = |only_changes: bool, (places, start, end): (&[Place], usize, usize)| {
        let around = places
            .iter()
            .filter(|it| it.range.start <= start && end <= it.range.end);
        let around = around.filter(|it| it.change.is_some() || !only_changes);
        let place = around.min_by_key(|it| it.range.len())?;
        Some((place.point, place.change))
    };
    for only_changes in [true, false] {
        if let Some((point, change)) = spans.iter().find_map(|&span| innermost(only_changes, span))
        {
            return match change {
                Some(change) => vec![Id { point, change }],
                None => all_of(point),
            };
        }
    }
    let inside = |&(places, start, end): &(&[Place], usize, usize)| -> Vec<Id> {
        let inside = places
            .iter()
            .filter(|it| start <= it.range.start && it.range.end <= end);
        inside.flat_map(|it| all_of(it.point)).collect()
    };
    spans
        .iter()
        .map(inside)
        .find(|ids| !ids.is_empty())
        .unwrap_or_default()
}

/// Where a span, or what a macro made it from, is in what was written.
fn here<'a>(span: &Value, written: &'a [(&str, Schemata)]) -> Option<(&'a [Place], usize, usize)> {
    let file = span["file_name"].as_str()?;
    match written.iter().find(|(path, _)| *path == file) {
        Some((_, schemata)) => {
            let at = |name: &str| span[name].as_u64().map(|at| at as usize);
            Some((&schemata.places, at("byte_start")?, at("byte_end")?))
        }
        None => here(span["expansion"].get("span")?, written),
    }
}

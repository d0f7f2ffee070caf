//! The laws of the house: what holds in every file of this repository.
//!
//! A law is a function from a root folder to the places that break it. Each stands twice in the tests:
//! it holds here ([`holds`]), and it is seen to fail on a tiny broken tree ([`breaks`]). A check is
//! trusted only when it has been seen to fail.

mod claims;
mod claims_page;
mod docs;
mod layers;
mod operations;
mod packages;
mod pattern;
mod recipes;
mod reports;
mod rust;
mod systems;
mod tidy;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Finds every place below a root folder that breaks it.
type Law = fn(&Path) -> Vec<Violation>;

/// A place that breaks a law. Lines count from 1; 0 stands for the whole file.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    file: String,
    line: usize,
    what: String,
}

impl Violation {
    fn new(file: impl Into<String>, line: usize, what: impl Into<String>) -> Violation {
        Violation {
            file: file.into(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// The law holds in this repository; else every place that breaks it is printed.
#[track_caller]
fn holds(law: Law) {
    let found = sorted(law(&root()));
    assert!(found.is_empty(), "{}", listing(&found));
}

/// A tree of these files breaks the law at exactly these places, each written `file:line: ` and the
/// beginning of what is wrong there.
#[track_caller]
fn breaks(law: Law, files: &[(&str, &str)], places: &[&str]) {
    let tree = Tree::new(files);
    let found = sorted(law(&tree.0));
    let as_expected = found.len() == places.len()
        && places
            .iter()
            .all(|place| found.iter().any(|v| v.to_string().starts_with(place)));
    assert!(
        as_expected,
        "expected\n  {}\nbut found{}",
        places.join("\n  "),
        listing(&found)
    );
}

fn sorted(mut found: Vec<Violation>) -> Vec<Violation> {
    found.sort();
    found.dedup();
    found
}

fn listing(found: &[Violation]) -> String {
    let lines = found.iter().map(|violation| format!("\n  {violation}"));
    format!(" {} violations:{}", found.len(), lines.collect::<String>())
}

/// The top folder of this repository.
fn root() -> PathBuf {
    let sim = Path::new(env!("CARGO_MANIFEST_DIR"));
    sim.parent()
        .expect("sim stands below the top")
        .to_path_buf()
}

/// A text file of the tree, by its path from the root, with `/` between folders.
struct File {
    path: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The lines with their numbers, from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(n, line)| (n + 1, line))
    }
}

/// Every text file below the root, in order of paths. What `.gitignore` names at the top is no part of
/// the tree, and neither is what is not UTF-8.
fn files(root: &Path) -> Vec<File> {
    let mut found = Vec::new();
    for name in top_level(root) {
        collect(root, &name, &mut found);
    }
    found
}

/// The Rust sources below the root.
fn rust_files(root: &Path) -> Vec<File> {
    let mut found = files(root);
    found.retain(File::is_rust);
    found
}

/// The names of everything at the top that is part of the tree, in order.
fn top_level(root: &Path) -> Vec<String> {
    let ignored = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
    let mut names = names_in(root);
    names.retain(|name| {
        name != ".git" && !ignored.lines().any(|line| line.trim_matches('/') == name)
    });
    names
}

/// The names of everything in a folder, in order; none if there is no such folder.
fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("the folder can be read").file_name())
        .map(|name| name.into_string().expect("names in the tree are UTF-8"))
        .collect();
    names.sort();
    names
}

fn collect(root: &Path, path: &str, found: &mut Vec<File>) {
    let full = root.join(path);
    if full.is_dir() {
        for name in names_in(&full) {
            collect(root, &format!("{path}/{name}"), found);
        }
    } else if let Ok(text) = fs::read_to_string(&full) {
        found.push(File {
            path: path.to_owned(),
            text,
        });
    }
}

/// The nearest of some names, as `; did you mean ...?`, if one is near.
fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min()
        .filter(|&(distance, _)| distance <= name.len() / 3)
        .map_or(String::new(), |(_, known)| {
            format!("; did you mean `{known}`?")
        })
}

/// A folder of some files, removed when it goes out of scope.
struct Tree(PathBuf);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Tree {
        static TREES: AtomicUsize = AtomicUsize::new(0);
        let number = TREES.fetch_add(1, Ordering::Relaxed);
        let name = format!("portsim-house-{}-{number}", process::id());
        let tree = Tree(std::env::temp_dir().join(name));
        for (path, text) in files {
            let path = tree.0.join(path);
            let folder = path.parent().expect("a file stands in a folder");
            fs::create_dir_all(folder).expect("the temporary folder can be written");
            fs::write(&path, text).expect("the temporary folder can be written");
        }
        tree
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // The folder lies in the system's own temporary folder; one that stays does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_violation_is_printed_as_file_line_and_what() {
    let found = [Violation::new("a.rs", 1, "x"), Violation::new("b", 0, "y")];
    assert_eq!(listing(&found), " 2 violations:\n  a.rs:1: x\n  b:0: y");
}

#[test]
fn what_is_ignored_at_the_top_is_no_part_of_the_tree() {
    let tree = Tree::new(&[(".gitignore", "/target\n"), ("target/x", ""), ("a/b", "")]);
    let paths: Vec<_> = files(&tree.0).into_iter().map(|file| file.path).collect();
    assert_eq!(paths, [".gitignore", "a/b"]);
}

#[test]
fn a_near_name_is_offered_only_if_it_is_near() {
    let known = ["windows/lifo", "windows/fifo-of-packets"];
    assert_eq!(near("windows/lif", known), "; did you mean `windows/lifo`?");
    assert_eq!(near("epoll", known), "");
}

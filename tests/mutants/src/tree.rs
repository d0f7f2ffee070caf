//! The copy of the tree that is broken.

use std::fs;
use std::path::{Path, PathBuf};

/// Writes a file, unless it says this already: what is not written is not compiled again.
pub fn write(file: &Path, text: &[u8]) {
    if fs::read(file).is_ok_and(|old| old == text) {
        return;
    }
    let folder = file.parent().expect("a file stands in a folder");
    fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

/// Makes `to` what `from` is, but for files that `is_ours` names, which the caller writes.
pub fn copy(from: &Path, to: &Path, is_ours: &dyn Fn(&Path) -> bool) {
    let there = files(from, Path::new(""));
    for file in &there {
        if !is_ours(file) {
            write(&to.join(file), &read(&from.join(file)));
        }
    }
    for file in files(to, Path::new("")) {
        if !is_ours(&file) && there.binary_search(&file).is_err() {
            let gone = to.join(file);
            fs::remove_file(&gone).unwrap_or_else(|error| panic!("{}: {error}", gone.display()));
        }
    }
}

pub fn read(file: &Path) -> Vec<u8> {
    fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The files of a tree below a folder in it, sorted. What is built and what git keeps is no part of it.
pub fn files(root: &Path, below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join(below))
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = below.join(entry.file_name());
        let is_folder = entry.path().is_dir();
        match entry.file_name().to_str() {
            Some("target" | ".git") => {}
            _ if is_folder => found.extend(files(root, &name)),
            _ => found.push(name),
        }
    }
    found.sort();
    found
}

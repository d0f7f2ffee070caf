//! Scenario files: which there are, what they are called, and their bytes.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::bad_input::BadInput;
use crate::shipped;

/// The largest scenario file, in bytes. One that is larger was not meant to be a scenario.
const FILE_MAX: u64 = 16 * 1024 * 1024;

/// Every scenario file at or below the paths, sorted, each once.
///
/// Below a folder, files that end in `.json` count; a file that was named itself is taken whatever
/// its ending. Links to folders are not followed, because they may lead round in a circle. A path that begins with `@`
/// means what travels with the command.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, BadInput> {
    let mut found = Vec::new();
    for path in paths {
        if shipped::is_meant(path) {
            match shipped::below(path) {
                below if below.is_empty() => return Err(missing(path)),
                below => found.extend(below),
            }
        } else if path.is_dir() {
            below(path, &mut found)?;
        } else if path.exists() {
            found.push(path.clone());
        } else {
            return Err(missing(path));
        }
    }
    found.sort();
    found.dedup();
    if let (true, [path, ..]) = (found.is_empty(), paths) {
        return Err(BadInput::new(path, "there is no scenario in it"));
    }
    Ok(found)
}

/// The file that stands beside scenarios for editors, and is none.
pub const SCHEMA: &str = "scenario.schema.json";

/// Whether a path means one scenario, and not a folder of some.
pub fn is_one(path: &Path) -> bool {
    path.is_file() || (shipped::is_meant(path) && shipped::text(path).is_some())
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), BadInput> {
    let unreadable = |error| BadInput::new(folder, format!("cannot be read: {error}"));
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if entry.file_type().map_err(unreadable)?.is_dir() {
            below(&path, found)?;
        } else if path.extension().is_some_and(|it| it == "json")
            && path.is_file()
            && entry.file_name() != SCHEMA
        {
            found.push(path);
        }
    }
    Ok(())
}

/// A path that does not exist, with the name next to it that was meant perhaps.
fn missing(path: &Path) -> BadInput {
    if shipped::is_meant(path) {
        let names = shipped::names();
        let bad = BadInput::new(path, "there is no such scenario or folder in this command");
        let meant = path.to_string_lossy();
        return bad.near(
            meant.trim_end_matches(".json"),
            names.iter().map(String::as_str),
        );
    }
    let bad = BadInput::new(path, "there is no such file or folder");
    if let Some(shipped) = shipped::named(path) {
        return bad.instead(shipped);
    }
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else {
        return bad;
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut siblings: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    // The order in which a folder lists its files differs between machines.
    siblings.sort();
    bad.near(&name, siblings.iter().map(String::as_str))
}

/// The bytes of a file of reasonable size.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, BadInput> {
    if shipped::is_meant(path) {
        let text = shipped::text(path).ok_or_else(|| missing(path))?;
        return Ok(text.as_bytes().to_vec());
    }
    if !path.exists() {
        return Err(missing(path));
    }
    let unreadable = |error| BadInput::new(path, format!("cannot be read: {error}"));
    let file = fs::File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if about.is_dir() {
        return Err(BadInput::new(
            path,
            "found a folder, expected a scenario file",
        ));
    }
    check_size(path, about.len())?;
    // What is not a plain file may be longer than it says.
    let mut bytes = Vec::new();
    let mut limited = file.take(FILE_MAX + 1);
    limited.read_to_end(&mut bytes).map_err(unreadable)?;
    check_size(path, bytes.len() as u64)?;
    Ok(bytes)
}

fn check_size(path: &Path, size: u64) -> Result<(), BadInput> {
    if size <= FILE_MAX {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1024 * 1024);
    let problem = format!(
        "the file has {size} bytes ({} MiB), more than the {} MiB that a scenario may have",
        mib(size),
        mib(FILE_MAX)
    );
    Err(BadInput::new(path, problem))
}

/// What a scenario is called: its path below the last folder called `scenarios`, without `.json`;
/// elsewhere the name of the file.
pub(super) fn name_of(path: &Path) -> String {
    if let Some(name) = shipped::name_of(path) {
        return name;
    }
    let parts: Vec<_> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    let Some((file, folders)) = parts.split_last() else {
        return String::new();
    };
    let stem = file.strip_suffix(".json").unwrap_or(file);
    match folders.iter().rposition(|folder| folder == "scenarios") {
        Some(root) => {
            let below = folders[root + 1..].iter().map(|folder| folder.as_ref());
            below.chain([stem]).collect::<Vec<_>>().join("/")
        }
        None => stem.to_owned(),
    }
}

//! Which files are one log: strace writes a file for each thread if it is asked to.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Format, strace};

/// A log, by the name that somebody gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// What it is called.
    pub name: PathBuf,
    /// Its files, one for each thread; none where its name is that of the file.
    pub files: Vec<PathBuf>,
}

/// The logs that these files are: a folder stands for all in it, a beginning of names for those that have it, and
/// several files of the same beginning are one log.
pub fn logs(paths: &[PathBuf], format: Format) -> Vec<Named> {
    let alone = |path: &PathBuf| Named {
        name: path.clone(),
        files: Vec::new(),
    };
    if format != Format::Strace {
        return paths.iter().map(alone).collect();
    }
    let mut logs: Vec<Named> = Vec::new();
    let mut by_name: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for path in paths {
        let is_part = strace::thread_of(path).is_some();
        let begins =
            |it: &&PathBuf| strace::thread_of(it).is_some() && it.file_stem() == path.file_stem();
        if path.is_dir() {
            let files = parts_in(path, |_| true);
            let name = path.clone();
            logs.push(Named { name, files });
        } else if !path.exists() {
            let name = path.clone();
            let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            let files = parts_in(folder, |it| it.file_stem() == path.file_name());
            logs.push(Named { name, files });
        } else if is_part && paths.iter().filter(begins).count() > 1 {
            let name = path.with_extension("");
            match by_name.get(&name) {
                Some(&log) => logs[log].files.push(path.clone()),
                None => {
                    by_name.insert(name.clone(), logs.len());
                    let files = vec![path.clone()];
                    logs.push(Named { name, files });
                }
            }
        } else {
            logs.push(alone(path));
        }
    }
    logs
}

/// The files of threads in a folder, in order.
fn parts_in(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let all = entries.map(|entry| entry.path());
    let is_part =
        |path: &PathBuf| path.is_file() && strace::thread_of(path).is_some() && wanted(path);
    let mut parts: Vec<PathBuf> = all.filter(is_part).collect();
    parts.sort();
    parts
}

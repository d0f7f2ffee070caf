//! The names of the files of a checkpoint: which there are in a folder, and whose they are.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::wire::Kind;

/// What the name of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A manifest.
    Manifest { number: u32, process: usize },
    /// A manifest that is not whole yet.
    Draft { number: u32, process: usize },
    /// States.
    Part {
        number: u32,
        process: usize,
        kind: Kind,
        piece: usize,
    },
    /// The manifest of a format that is no longer read.
    Earlier { process: usize },
}

impl Name {
    /// The process that wrote the file.
    pub fn process(self) -> usize {
        match self {
            Name::Manifest { process, .. }
            | Name::Draft { process, .. }
            | Name::Part { process, .. }
            | Name::Earlier { process } => process,
        }
    }

    /// The file of this name in a folder.
    pub fn within(self, folder: &Path) -> PathBuf {
        folder.join(self.text())
    }

    fn text(self) -> String {
        match self {
            Name::Manifest { number, process } => format!("{number}-process-{process}.manifest"),
            Name::Draft { number, process } => format!("{number}-process-{process}.draft"),
            Name::Part {
                number,
                process,
                kind,
                piece,
            } => {
                let kind = kind.word();
                format!("{number}-process-{process}-{kind}-{piece}.part")
            }
            Name::Earlier { process } => format!("process-{process}.json"),
        }
    }

    /// What this name says, if it is one of ours.
    fn parse(text: &str) -> Option<Name> {
        let (stem, ends) = text.rsplit_once('.')?;
        let words: Vec<_> = stem.split('-').collect();
        let name = match (words.as_slice(), ends) {
            ([number, "process", process], "manifest") => Name::Manifest {
                number: number.parse().ok()?,
                process: process.parse().ok()?,
            },
            ([number, "process", process], "draft") => Name::Draft {
                number: number.parse().ok()?,
                process: process.parse().ok()?,
            },
            ([number, "process", process, kind, piece], "part") => Name::Part {
                number: number.parse().ok()?,
                process: process.parse().ok()?,
                kind: Kind::ALL.into_iter().find(|it| it.word() == *kind)?,
                piece: piece.parse().ok()?,
            },
            (["process", process], "json") => Name::Earlier {
                process: process.parse().ok()?,
            },
            _ => return None,
        };
        // `07` is a number too, and no name that was given here.
        (name.text() == text).then_some(name)
    }
}

/// Our files in a folder, manifests first.
pub fn list(folder: &Path) -> io::Result<Vec<Name>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        names.extend(OsStr::to_str(&name).and_then(Name::parse));
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_were_given_for() {
        for name in [
            Name::Manifest {
                number: 7,
                process: 1,
            },
            Name::Draft {
                number: 7,
                process: 1,
            },
            Name::Part {
                number: 12,
                process: 0,
                kind: Kind::Seen,
                piece: 3,
            },
            Name::Earlier { process: 0 },
        ] {
            assert_eq!(Name::parse(&name.text()), Some(name));
        }
        for foreign in [
            "notes.txt",
            "7-process-0.part",
            "07-process-0.manifest",
            "+7-process-0.manifest",
            "7-process-0-then-0.part",
            "process-0.lock",
        ] {
            assert_eq!(Name::parse(foreign), None, "{foreign}");
        }
    }
}

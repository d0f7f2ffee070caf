//! Whether a file is still the one that was read.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// What tells two versions of a file apart: when it was written, and its length; nothing where it is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp(Option<(SystemTime, u64)>);

impl Stamp {
    /// Of the file as it is now.
    pub fn of(file: &Path) -> Stamp {
        let read = fs::metadata(file).ok();
        Stamp(read.and_then(|it| Some((it.modified().ok()?, it.len()))))
    }
}

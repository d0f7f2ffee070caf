//! What a search asks of the file system to be kept: few calls, so that tests can let each of them fail.

use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// A file system, or one that fails.
pub trait Disk: Debug + Send + Sync {
    /// Makes an empty file, in the place of one of this name.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>>;
    /// Gives a file another name, in the place of one that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Sees to it that the names that were given in a folder outlast a loss of power.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// A file that is being written.
pub trait Output: Write {
    /// Sees to it that what was written outlasts a loss of power.
    fn sync(&mut self) -> io::Result<()>;
}

/// The file system itself.
#[derive(Debug)]
pub struct Files;

impl Disk for Files {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>> {
        Ok(Box::new(File::create(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Elsewhere a folder cannot be opened like a file, and a name that was given is there.
        if cfg!(unix) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

impl Output for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

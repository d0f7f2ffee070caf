//! One program writes to a folder, not two.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::bad_input::BadInput;
use crate::check::Trouble;

/// What keeps others away as long as it is there.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Locks what a process writes to the folder. Where the file system has no locks, nobody is kept away.
    ///
    /// # Errors
    ///
    /// If another program has it, or the folder cannot be written to.
    pub fn of(folder: &Path, process: usize) -> Result<Lock, Trouble> {
        let path = folder.join(format!("process-{process}.lock"));
        let file = File::create(&path).map_err(|error| {
            Trouble::Unavailable(format!("{}: cannot be written: {error}", path.display()))
        })?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            let problem = "another program keeps its search here at this moment; wait until it has ended, or give \
                           this search a folder of its own";
            return Err(BadInput::new(folder, problem).into());
        }
        Ok(Lock { path, _file: file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

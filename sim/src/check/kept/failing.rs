//! A disk that fails at one of its calls, as disks, power supplies and people with `kill -9` make it fail.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::disk::{Disk, Files, Output};

/// What happens at the call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The process is killed: half of what was to be written is, and no call after it does anything.
    Killed,
    /// The machine loses its power: it is killed, and what was not synced before is half there or not at all.
    PowerLost,
    /// The disk is full from then on: nothing is made or written, but what is there can be removed.
    Full,
    /// The one call fails.
    Once,
}

/// See the module. The calls are counted from 0; clones count together.
#[derive(Debug, Clone)]
pub struct Failing(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    at: u64,
    failure: Failure,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: u64,
    dead: bool,
    /// Files whose bytes were not synced.
    unsynced: Vec<PathBuf>,
    /// Names that were given since their folder was synced, and those they had before, if any.
    named: Vec<(PathBuf, Option<PathBuf>)>,
}

impl Failing {
    /// A disk that fails at this call.
    pub fn new(at: u64, failure: Failure) -> Failing {
        let state = Mutex::default();
        Failing(Arc::new(Inner { at, failure, state }))
    }

    /// Whether no call does anything any more.
    pub fn is_dead(&self) -> bool {
        self.0
            .state
            .lock()
            .expect("nobody panics with it in hand")
            .dead
    }

    /// How many calls there were, at most to the one that failed.
    pub fn calls(&self) -> u64 {
        self.0.lock().calls
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it in hand")
    }

    /// Counts a call; says how it fails, if it does. `needs_room` says whether a full disk refuses it.
    fn fails(&self, state: &mut State, needs_room: bool) -> Option<io::Error> {
        let dead = || io::Error::other("it was killed");
        if state.dead {
            return Some(dead());
        }
        let now = state.calls;
        state.calls += 1;
        match self.failure {
            Failure::Full if now >= self.at && needs_room => {
                Some(io::Error::from(ErrorKind::StorageFull))
            }
            Failure::Once if now == self.at => Some(io::Error::other("it fails once")),
            Failure::Killed if now == self.at => {
                state.dead = true;
                Some(dead())
            }
            Failure::PowerLost if now == self.at => {
                state.dead = true;
                forget_unsynced(state);
                Some(dead())
            }
            _ => None,
        }
    }
}

/// What a disk may look like after the power was lost.
fn forget_unsynced(state: &mut State) {
    for file in state.unsynced.drain(..) {
        // It may have been removed since.
        if let Ok(bytes) = fs::read(&file) {
            fs::write(&file, &bytes[..bytes.len() / 2]).expect("it can be written");
        }
    }
    for (name, before) in state.named.drain(..).rev() {
        let _ = match before {
            Some(before) => fs::rename(&name, &before),
            None => fs::remove_file(&name),
        };
    }
}

impl Disk for Failing {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>> {
        let mut state = self.0.lock();
        if let Some(error) = self.0.fails(&mut state, true) {
            return Err(error);
        }
        let file = Files.create(path)?;
        state.unsynced.push(path.to_owned());
        state.named.push((path.to_owned(), None));
        Ok(Box::new(FailingFile {
            disk: self.clone(),
            path: path.to_owned(),
            file,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        if let Some(error) = self.0.fails(&mut state, false) {
            return Err(error);
        }
        Files.rename(from, to)?;
        for file in state.unsynced.iter_mut().filter(|file| *file == from) {
            to.clone_into(file);
        }
        state.named.push((to.to_owned(), Some(from.to_owned())));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        match self.0.fails(&mut state, false) {
            Some(error) => Err(error),
            None => Files.remove(path),
        }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        if let Some(error) = self.0.fails(&mut state, false) {
            return Err(error);
        }
        state
            .named
            .retain(|(name, _)| name.parent() != Some(folder));
        Ok(())
    }
}

struct FailingFile {
    disk: Failing,
    path: PathBuf,
    file: Box<dyn Output>,
}

impl Write for FailingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.0.lock();
        let was_dead = state.dead;
        match self.disk.0.fails(&mut state, true) {
            Some(error) => {
                if !was_dead {
                    self.file.write_all(&bytes[..bytes.len() / 2])?;
                }
                Err(error)
            }
            None => self.file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output for FailingFile {
    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        if let Some(error) = self.disk.0.fails(&mut state, false) {
            return Err(error);
        }
        state.unsynced.retain(|file| *file != self.path);
        Ok(())
    }
}

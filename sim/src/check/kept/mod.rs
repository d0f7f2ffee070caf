//! A search on disk, so that it can be taken up again.
//!
//! A checkpoint is made of parts, which hold states, and of a manifest for each process, which lists the process's parts
//! with their lengths and checksums and has a checksum itself. Every checkpoint has a number, and its files have names
//! of their own; the manifest gets its name last, when everything that it lists is on the disk. Once all processes
//! have come so far, what was there before is removed; once all have taken one up, whatever is there beside it. So a
//! search that is killed at any moment, or runs out of room, leaves the last whole checkpoint behind; and what is not
//! the file that was written is not read.
//!
//! - `wire`: manifests. `names`: which files there are. `part`: files of states. `disk`: the calls to write them.

pub mod disk;
pub mod wire;

mod lock;
mod names;
mod part;

#[cfg(test)]
mod failing;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Keeping, Trouble};
use crate::bad_input::BadInput;
use disk::Disk;
use lock::Lock;
use names::{Name, list};
use part::{MENDED, NUMBER, Writer};
use wire::{Kind, Known, Manifest, Part, Searched, seal, unseal};

/// Which checkpoint: its number, and the checksum of the parts of all processes.
pub type Which = (u32, u64);

/// Bytes that say where a state was reached from, where only its fingerprint is kept.
const ORIGIN: usize = size_of::<u64>();

/// Keeps the share of one process in a search, for all its workers.
#[derive(Debug)]
pub struct Keeper {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    search: Searched,
    process: usize,
    processes: usize,
    content: Mutex<Content>,
    /// No other program writes there meanwhile.
    _lock: Lock,
}

#[derive(Debug, Default)]
struct Content {
    /// The manifests in the folder. What they list stays.
    manifests: Vec<Manifest>,
    /// What was written of the next checkpoint.
    parts: Vec<Part>,
}

impl Keeper {
    /// Opens the folder for one of so many processes.
    ///
    /// # Errors
    ///
    /// If it keeps another search, or what it keeps is damaged; if there is nothing to take up; if it cannot be used.
    pub fn open(keeping: &Keeping, process: usize, processes: usize) -> Result<Keeper, Trouble> {
        let folder = &keeping.folder;
        let unusable = |error: io::Error| BadInput::new(folder, format!("cannot be used: {error}"));
        let none = || {
            let problem =
                "there is no checkpoint to take up; without --resume the search begins anew";
            BadInput::new(folder, problem)
        };
        if keeping.resume && !folder.exists() {
            return Err(none().into());
        }
        fs::create_dir_all(folder).map_err(unusable)?;
        let lock = Lock::of(folder, process)?;
        let mut manifests = Vec::new();
        for name in list(folder).map_err(unusable)? {
            manifests.extend(manifest(&name.within(folder), name, &keeping.search)?);
        }
        let keeper = Keeper {
            disk: Arc::clone(&keeping.disk),
            folder: folder.clone(),
            search: keeping.search.clone(),
            process,
            processes,
            content: Mutex::new(Content {
                manifests,
                parts: Vec::new(),
            }),
            _lock: lock,
        };
        if keeping.resume && keeper.whole().is_empty() {
            return Err(keeper.missing().unwrap_or_else(none).into());
        }
        Ok(keeper)
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().expect("nobody panics with it in hand")
    }

    /// The highest number of a checkpoint in the folder.
    pub fn number_max(&self) -> u32 {
        let content = self.content();
        let numbers = content.manifests.iter().map(|it| it.number);
        numbers.max().unwrap_or(0)
    }

    /// The checkpoints of which this process has all that it needs: where there are as many processes as there were,
    /// what it wrote itself; else what all of them wrote.
    pub fn whole(&self) -> Vec<Which> {
        let content = self.content();
        let which: BTreeSet<Which> = content.manifests.iter().map(Manifest::which).collect();
        let is_whole = |which: &Which| self.needed(&content, *which).is_ok();
        which.into_iter().filter(is_whole).collect()
    }

    /// The manifests that this process needs of a checkpoint; the first one that is missing, if one is.
    fn needed<'c>(&self, content: &'c Content, which: Which) -> Result<Vec<&'c Manifest>, Name> {
        let of_it = || content.manifests.iter().filter(|it| it.which() == which);
        let processes = of_it().next().map_or(self.processes, |it| it.processes);
        let needed = if processes == self.processes {
            self.process..self.process + 1
        } else {
            0..processes
        };
        let find = |process| {
            let missing = Name::Manifest {
                number: which.0,
                process,
            };
            of_it().find(|it| it.process == process).ok_or(missing)
        };
        needed.map(find).collect()
    }

    /// What is wrong with what it keeps, as a whole.
    pub fn complaint(&self, problem: &str) -> BadInput {
        BadInput::new(&self.folder, problem)
    }

    /// The manifest for want of which there is no whole checkpoint, though there are manifests.
    fn missing(&self) -> Option<BadInput> {
        let content = self.content();
        let last = content.manifests.iter().map(Manifest::which).max()?;
        let missing = self.needed(&content, last).err()?;
        let problem = "it is missing: the search was kept by several processes, and either as many must take it up, \
                       each with its folder, or all their files must be in this one";
        Some(BadInput::new(&missing.within(&self.folder), problem))
    }

    /// What all workers knew of a checkpoint.
    ///
    /// # Panics
    ///
    /// If it is not one of [`Keeper::whole`].
    pub fn known(&self, which: Which) -> Known {
        let content = self.content();
        let manifests = self.needed(&content, which).expect("it is whole");
        manifests[0].known.clone()
    }

    /// Reads the parts of some kinds that hold states of these slots: of those, one in so many, counted from the first
    /// number of `portion`. `each` is told of every record. Nothing that it was told may be used before this says that all
    /// were read.
    ///
    /// # Errors
    ///
    /// If a part is not the one that was written.
    ///
    /// # Panics
    ///
    /// If the checkpoint is not one of [`Keeper::whole`].
    pub fn read(
        &self,
        which: Which,
        slots: &Range<u32>,
        (portion, portions): (usize, usize),
        mut each: impl FnMut(Kind, u64, &[u8]),
    ) -> Result<(), BadInput> {
        let content = self.content();
        let manifests = self.needed(&content, which).expect("it is whole");
        let manifests: Vec<Manifest> = manifests.into_iter().cloned().collect();
        drop(content);
        let mut number = 0;
        for manifest in &manifests {
            let wanted =
                |part: &&Part| part.slots.start < slots.end && slots.start < part.slots.end;
            for part in manifest.parts.iter().filter(wanted) {
                number += 1;
                if number % portions != portion {
                    continue;
                }
                let path = manifest.name_of(part).within(&self.folder);
                let len = self.record_len(part.kind, &manifest.known);
                part::read(&path, &part.written, len, |number, bytes| {
                    each(part.kind, number, bytes);
                })?;
            }
        }
        Ok(())
    }

    /// Bytes of the records of a part.
    fn record_len(&self, kind: Kind, known: &Known) -> usize {
        let is_print = kind == Kind::Seen && !self.search.exact;
        let bytes = if is_print { ORIGIN } else { known.record_len };
        NUMBER + bytes
    }

    /// Writes a part of the next checkpoint: records of the form that [`Keeper::read`] gives. Says its checksum.
    pub fn write(
        &self,
        number: u32,
        (kind, piece): (Kind, usize),
        slots: &Range<u32>,
        fill: impl FnOnce(&mut Writer<'_>) -> io::Result<()>,
    ) -> Result<u64, Trouble> {
        let name = Name::Part {
            number,
            process: self.process,
            kind,
            piece,
        };
        let path = name.within(&self.folder);
        let mut writer = Writer::new(&*self.disk, path.clone());
        let filled = fill(&mut writer).and_then(|()| writer.finish());
        let Some(written) = filled.map_err(|error| unwritten(&path, &error))? else {
            return Ok(0);
        };
        let sum = written.sum;
        self.content().parts.push(Part {
            kind,
            piece,
            slots: slots.clone(),
            written,
        });
        Ok(sum)
    }

    /// Says that the parts that were written since the last one are a checkpoint, together with those of the other
    /// processes.
    pub fn commit(&self, which: Which, known: Known) -> Result<(), Trouble> {
        let (number, together) = which;
        let mut parts = std::mem::take(&mut self.content().parts);
        parts.sort_by_key(|part| (part.kind, part.piece));
        let manifest = Manifest {
            search: self.search.clone(),
            number,
            together,
            process: self.process,
            processes: self.processes,
            known,
            parts,
        };
        let draft = Name::Draft {
            number,
            process: self.process,
        };
        let (draft, path) = (
            draft.within(&self.folder),
            manifest.name().within(&self.folder),
        );
        let committed = || {
            let mut file = self.disk.create(&draft)?;
            file.write_all(seal(&manifest).as_bytes())?;
            file.sync()?;
            // Nothing that it lists may be missing where it is there.
            self.disk.sync_folder(&self.folder)?;
            self.disk.rename(&draft, &path)?;
            self.disk.sync_folder(&self.folder)
        };
        // It may be there even if not all could be done.
        let done = committed().map_err(|error| unwritten(&path, &error));
        self.content().manifests.push(manifest);
        done
    }

    /// Everybody has heard whether all processes have come as far as this checkpoint: if so, it takes the place of
    /// those before it, and if not, it is given up.
    pub fn settle(&self, number: u32, by_all: bool) {
        self.content().parts.clear();
        self.retain(|it| (it.number == number) == by_all);
    }

    /// Everybody has taken this checkpoint up: others are of no use any more, whole or broken off.
    pub fn take_up(&self, which: Which) {
        self.retain(|it| it.which() == which);
    }

    /// Keeps these checkpoints. Of the other files it removes those of its process, and its share of those of processes
    /// that there are no longer.
    fn retain(&self, keeps: impl Fn(&Manifest) -> bool) {
        let mut content = self.content();
        content.manifests.retain(keeps);
        for name in list(&self.folder).unwrap_or_default() {
            let ours = name.process() % self.processes == self.process;
            let lists = |it: &Manifest| {
                it.name() == name || it.parts.iter().any(|part| it.name_of(part) == name)
            };
            if ours && !content.manifests.iter().any(lists) {
                // What cannot be removed now is removed after the next checkpoint.
                let _ = self.disk.remove(&name.within(&self.folder));
            }
        }
    }
}

impl Manifest {
    fn which(&self) -> Which {
        (self.number, self.together)
    }

    fn name(&self) -> Name {
        Name::Manifest {
            number: self.number,
            process: self.process,
        }
    }

    fn name_of(&self, part: &Part) -> Name {
        Name::Part {
            number: self.number,
            process: self.process,
            kind: part.kind,
            piece: part.piece,
        }
    }
}

/// The manifest in this file; none if the file is something else, or was removed meanwhile.
fn manifest(path: &Path, name: Name, search: &Searched) -> Result<Option<Manifest>, BadInput> {
    const OTHER: &str = "give this search a folder of its own";
    let bad = |problem: String| BadInput::new(path, problem);
    match name {
        Name::Manifest { .. } => {}
        Name::Earlier { .. } => {
            let problem = format!("an earlier version of portsim kept a search here; {OTHER}");
            return Err(bad(problem));
        }
        Name::Draft { .. } | Name::Part { .. } => return Ok(None),
    }
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| bad(format!("cannot be read: {error}")))?,
    };
    let manifest = unseal(&bytes).map_err(|problem| bad(format!("{problem}; {MENDED}")))?;
    if manifest.name() != name || manifest.process >= manifest.processes {
        let problem = "it is not the file that was written: it had another name";
        return Err(bad(format!("{problem}; {MENDED}")));
    }
    if let Some(difference) = search.difference(&manifest.search) {
        return Err(bad(format!(
            "the folder keeps another search: {difference}; {OTHER}"
        )));
    }
    Ok(Some(manifest))
}

/// A file that could not be written.
fn unwritten(path: &Path, error: &io::Error) -> Trouble {
    Trouble::Unavailable(format!("{}: cannot be written: {error}", path.display()))
}

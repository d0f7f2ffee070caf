//! A search on disk, so that it can be taken up again: one file a worker, and one a process that says which of them
//! belong together.
//!
//! A worker's file is a line of JSON ([`Head`]), then its states as bytes, then a checksum. The file of the process
//! ([`Manifest`]) is written last, and replaced in one go: whoever is killed at any moment leaves the last whole
//! checkpoint behind.

pub mod disk;

#[cfg(test)]
mod failing;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3Default;

use disk::{Disk, Output};

use super::queue::Queue;
use super::seen::Seen;
use super::visited::{Fingerprint, Origin, fingerprint_of};
use super::wire::{Head, KEPT_FORMAT, Manifest, from_json, to_json};

/// What one worker has of a search.
pub struct Part<'a> {
    /// States that wait to be expanded.
    pub now: &'a Queue,
    /// States of the next depth.
    pub next: &'a Queue,
    /// All that were seen.
    pub seen: &'a Seen,
}

/// One thing that a file holds.
pub enum Item<'a> {
    /// A state that waits to be expanded.
    Now(Fingerprint, &'a [u8]),
    /// A state of the next depth.
    Next(Fingerprint, &'a [u8]),
    /// A state that was seen; its bytes where states are kept whole.
    Seen(Fingerprint, &'a [u8], Origin),
    /// What comes is of the depth whose states arrive.
    Newest,
}

fn part_path(folder: &Path, number: u32, worker: usize) -> PathBuf {
    folder.join(format!("{number}-{worker}.part"))
}

fn manifest_path(folder: &Path, process: usize) -> PathBuf {
    folder.join(format!("process-{process}.json"))
}

/// Writes the file of one worker.
pub fn write(disk: &dyn Disk, folder: &Path, head: &Head, part: &Part<'_>) -> io::Result<()> {
    let file = disk.create(&part_path(folder, head.number, head.worker))?;
    let mut out = Summed {
        file: BufWriter::with_capacity(1 << 20, file),
        sum: Xxh3Default::new(),
    };
    out.write_all(to_json(head).as_bytes())?;
    out.write_all(b"\n")?;
    for queue in [part.now, part.next] {
        for (print, bytes) in queue.states() {
            out.write_all(&print.to_le_bytes())?;
            out.write_all(bytes)?;
        }
    }
    match part.seen {
        Seen::Prints(visited) => {
            for (print, from) in visited.all() {
                out.write_all(&print.to_le_bytes())?;
                out.write_all(&from.pack().to_le_bytes())?;
            }
        }
        Seen::Whole(whole) => {
            for wanted in [false, true] {
                for (bytes, parent, _) in whole.all().filter(|(.., newest)| *newest == wanted) {
                    out.write_all(&parent.to_le_bytes())?;
                    out.write_all(bytes)?;
                }
            }
        }
    }
    let sum = out.sum.digest();
    out.file.write_all(&sum.to_le_bytes())?;
    out.file
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync()
}

/// Says that the files of a checkpoint belong together, and removes those of earlier ones.
pub fn commit(
    disk: &dyn Disk,
    folder: &Path,
    process: usize,
    manifest: &Manifest,
) -> io::Result<()> {
    let draft = folder.join(format!("process-{process}.draft"));
    let mut file = disk.create(&draft)?;
    file.write_all(to_json(manifest).as_bytes())?;
    file.sync()?;
    disk.rename(&draft, &manifest_path(folder, process))?;
    for worker in manifest.first..manifest.first + manifest.threads {
        for number in (0..manifest.number).rev() {
            if disk.remove(&part_path(folder, number, worker)).is_err() {
                break;
            }
        }
    }
    Ok(())
}

/// What the last checkpoint of a process says.
///
/// # Errors
///
/// If there is none, or it is not one of this search.
pub fn manifest(folder: &Path, process: usize, search: u64) -> Result<Manifest, String> {
    let path = manifest_path(folder, process);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let manifest: Manifest =
        from_json(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    if manifest.format != KEPT_FORMAT {
        return Err(format!("{}: {} was expected", path.display(), KEPT_FORMAT));
    }
    if manifest.search != search {
        return Err(format!(
            "{}: this is a checkpoint of another search: the scenario, the system or the options differ",
            path.display()
        ));
    }
    Ok(manifest)
}

/// Reads the file of one worker; `each` is told of everything in it.
///
/// # Errors
///
/// If it cannot be read, is cut, is damaged, or holds records of another length than `record_len`.
pub fn read(
    folder: &Path,
    number: u32,
    worker: usize,
    record_len: usize,
    mut each: impl FnMut(Item<'_>),
) -> Result<Head, String> {
    let path = part_path(folder, number, worker);
    let said = |error: io::Error| format!("{}: {error}", path.display());
    let mut input = BufReader::with_capacity(1 << 20, File::open(&path).map_err(said)?);
    let mut line = Vec::new();
    input.read_until(b'\n', &mut line).map_err(said)?;
    let text = String::from_utf8_lossy(&line);
    let head: Head = from_json(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    if head.record_len != record_len {
        return Err(format!(
            "{}: its states have another length",
            path.display()
        ));
    }
    let mut sum = Xxh3Default::new();
    sum.update(&line);
    let mut record = vec![0; size_of::<u64>() + record_len];
    let mut take = |len: usize| -> Result<Vec<u8>, String> {
        let record = &mut record[..len];
        input.read_exact(record).map_err(said)?;
        sum.update(record);
        Ok(record.to_vec())
    };
    let number_of = |bytes: &[u8]| u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
    for n in 0..head.now + head.next {
        let record = take(size_of::<u64>() + record_len)?;
        let (print, bytes) = (number_of(&record), &record[size_of::<u64>()..]);
        if n < head.now {
            each(Item::Now(print, bytes));
        } else {
            each(Item::Next(print, bytes));
        }
    }
    for n in 0..head.seen {
        if n == head.seen_before {
            each(Item::Newest);
        }
        if head.exact {
            let record = take(size_of::<u64>() + record_len)?;
            let (parent, bytes) = (number_of(&record), &record[size_of::<u64>()..]);
            let from = Origin { parent, depth: 0 };
            each(Item::Seen(fingerprint_of(bytes), bytes, from));
        } else {
            let print = number_of(&take(size_of::<u64>())?);
            let from = Origin::unpack(number_of(&take(size_of::<u64>())?));
            each(Item::Seen(print, &[], from));
        }
    }
    let mut written = [0; 8];
    input.read_exact(&mut written).map_err(said)?;
    if u64::from_le_bytes(written) != sum.digest() {
        return Err(format!(
            "{}: it is damaged: its checksum is not that of its bytes",
            path.display()
        ));
    }
    Ok(head)
}

/// A file, and the checksum of what was written so far.
struct Summed {
    file: BufWriter<Box<dyn Output>>,
    sum: Xxh3Default,
}

impl Write for Summed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.sum.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

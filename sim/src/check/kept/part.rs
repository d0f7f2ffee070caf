//! The files of a checkpoint that hold states: records of one length, one after the other. A record is a number of
//! eight bytes and more bytes.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3Default;

use super::disk::{Disk, Output};
use super::wire::Written;
use crate::bad_input::BadInput;

/// Bytes that are written, or read, at once.
const BUFFER: usize = 1 << 20;

/// What helps against damage.
pub const MENDED: &str = "bring it back as it was, or begin the search anew in another folder";

/// Bytes of a record's number.
pub const NUMBER: usize = size_of::<u64>();

/// A part that is being written.
pub struct Writer<'a> {
    disk: &'a dyn Disk,
    path: PathBuf,
    /// There is none before the first record: what is empty has no file.
    file: Option<BufWriter<Box<dyn Output>>>,
    sum: Xxh3Default,
    written: Written,
}

impl<'a> Writer<'a> {
    /// One that will have this name.
    pub fn new(disk: &'a dyn Disk, path: PathBuf) -> Writer<'a> {
        Writer {
            disk,
            path,
            file: None,
            sum: Xxh3Default::new(),
            written: Written {
                records: 0,
                bytes: 0,
                sum: 0,
            },
        }
    }

    /// Adds a record.
    pub fn record(&mut self, number: u64, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufWriter::with_capacity(
                BUFFER,
                self.disk.create(&self.path)?,
            )),
        };
        for bytes in [&number.to_le_bytes(), bytes] {
            file.write_all(bytes)?;
            self.sum.update(bytes);
            self.written.bytes += bytes.len() as u64;
        }
        self.written.records += 1;
        Ok(())
    }

    /// Sees to it that it outlasts a loss of power; says what was written. None where there is no record.
    pub fn finish(self) -> io::Result<Option<Written>> {
        let Some(file) = self.file else {
            return Ok(None);
        };
        file.into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync()?;
        Ok(Some(Written {
            sum: self.sum.digest(),
            ..self.written
        }))
    }
}

/// Reads a part whose records have so many bytes; `each` is told of every one. Nothing that it was told may be used
/// before this says that the file is the one that was written.
///
/// # Errors
///
/// If the file cannot be read, or is not the one that was written.
pub fn read(
    path: &Path,
    written: &Written,
    record_len: usize,
    mut each: impl FnMut(u64, &[u8]),
) -> Result<(), BadInput> {
    let bad = |problem: String| BadInput::new(path, format!("{problem}; {MENDED}"));
    let said = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => bad("it is missing".to_owned()),
        _ => bad(format!("it cannot be read: {error}")),
    };
    let file = File::open(path).map_err(said)?;
    let bytes = file.metadata().map_err(said)?.len();
    if bytes != written.bytes || written.records.checked_mul(record_len as u64) != Some(bytes) {
        let problem = format!("it is not the file that was written: it has {bytes} bytes");
        return Err(bad(format!("{problem}, not {}", written.bytes)));
    }
    let mut input = BufReader::with_capacity(BUFFER, file);
    let mut sum = Xxh3Default::new();
    let mut record = vec![0; record_len];
    for _ in 0..written.records {
        input.read_exact(&mut record).map_err(said)?;
        sum.update(&record);
        let (number, bytes) = record.split_first_chunk().expect("it has a number");
        each(u64::from_le_bytes(*number), bytes);
    }
    if sum.digest() != written.sum {
        let problem = "it is not the file that was written: its checksum is another";
        return Err(bad(problem.to_owned()));
    }
    Ok(())
}

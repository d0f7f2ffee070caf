//! Lines of logs, each of which has an end that can be waited for.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::rc::Rc;

use super::wire::Found;
use crate::bad_input::BadInput;

/// What stands in a line.
pub trait Line {
    /// What stands at a place of this name.
    fn at(&self, name: &str) -> Found;

    /// The places that it has, where lines differ in that.
    fn places(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What some editors write in front of a file.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Takes the mark of its encoding from the first line of a file.
pub fn without_mark(line: &mut Vec<u8>) {
    if line.starts_with(MARK) {
        line.drain(..MARK.len());
    }
}

/// The longest line, in bytes.
pub const LINE_MAX: usize = 1 << 20;

/// Why no more lines are read.
#[derive(Debug)]
pub enum Trouble {
    /// A line does not end.
    TooLong,
    /// The file cannot be read.
    Io(io::Error),
}

/// Reads the next line without its end into `line`; false where there is none.
pub fn next_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool, Trouble> {
    line.clear();
    let mut limited = from.take(LINE_MAX as u64 + 2);
    let read = limited.read_until(b'\n', line).map_err(Trouble::Io)?;
    if read == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    match line.len() <= LINE_MAX {
        true => Ok(true),
        false => Err(Trouble::TooLong),
    }
}

/// Gives so many bytes at most until somebody says that a record is over: what keeps records has to be kept from keeping
/// one without an end.
pub struct Rationed<R> {
    pub from: R,
    pub left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Rationed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            return Err(io::Error::other("a record does not end"));
        }
        let len = into.len().min(self.left.get());
        let read = self.from.read(&mut into[..len])?;
        self.left.set(self.left.get() - read);
        Ok(read)
    }
}

/// Gives lines whose ends are all alike, so that they can be counted: one byte, which the last one has too.
pub struct Alike<R> {
    pub from: R,
    /// The last byte that was given, and one that is held back until the next is known.
    pub last: u8,
    pub held: bool,
}

impl<R: BufRead> Read for Alike<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut len = 0;
        while len < into.len() {
            let bytes = self.from.fill_buf()?;
            let Some(&byte) = bytes.first() else {
                // Nothing is behind the last end of a line.
                if len == 0 && self.last != b'\n' {
                    self.last = b'\n';
                    into[0] = b'\n';
                    len = 1;
                }
                break;
            };
            if self.held && byte != b'\n' {
                self.held = false;
                into[len] = b'\r';
                len += 1;
                continue;
            }
            self.held = byte == b'\r';
            if !self.held {
                into[len] = byte;
                self.last = byte;
                len += 1;
            }
            self.from.consume(1);
        }
        Ok(len)
    }
}

/// Gives each line of a file to somebody, with its number from 1.
pub fn each_line(
    file: &Path,
    mut from: impl BufRead,
    mut take: impl FnMut(u64, &str) -> Result<(), BadInput>,
) -> Result<(), BadInput> {
    let (mut line, mut n) = (Vec::new(), 0);
    loop {
        let next = next_line(&mut from, &mut line);
        if !next.map_err(|it| trouble(file, n + 1, it))? {
            return Ok(());
        }
        n += 1;
        if n == 1 {
            without_mark(&mut line);
        }
        take(n, &String::from_utf8_lossy(&line))?;
    }
}

/// Why a line cannot be had.
pub fn trouble(file: &Path, line: u64, trouble: Trouble) -> BadInput {
    let problem = match trouble {
        Trouble::TooLong => format!("a line of more than {LINE_MAX} bytes"),
        Trouble::Io(error) => error.to_string(),
    };
    BadInput::new(file, problem).on_line(line as usize)
}

//! Lines of logs, each of which has an end that can be waited for.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use super::wire::Found;

/// What stands in a line.
pub trait Line {
    /// What stands at a place of this name.
    fn at(&self, name: &str) -> Found;
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
